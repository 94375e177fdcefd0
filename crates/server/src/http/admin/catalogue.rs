//! Manifests, environments, profiles, APIs.

use std::sync::Arc;

use axum::extract::{Path, Query};
use grantor_core::environment::OnLeak;
use grantor_core::permission::Right;
use grantor_core::profile::Profile;
use grantor_core::scope::ScopeSet;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::{List, Told};
use super::body::Body;
use super::caller::Caller;
use super::page::{Page, Window};
use super::problem::Problem;
use super::schema::{OnLeakText, StageText};
use super::table::Table;
use crate::catalogue::EnvironmentState;
use crate::flow::apply::{self, ApplyError, Mode};
use crate::flow::export::{self, ExportError};
use crate::manifest::Manifest;

pub(super) fn routes(table: &mut Table) {
    table.tag("Catalogue", "Environments, APIs and their profiles; the manifest that describes them.");
    table.post("/apply", Right::ManageInstallation, apply).says(
        "Apply a manifest",
        "What it names is made or changed; nothing is removed. All of it, or nothing.",
    );
    table.get("/manifest", Right::ReadInstallation, export).says(
        "Export a manifest",
        "Everything that a manifest can say of this installation, to be applied elsewhere.",
    );
    table
        .get("/environments", Right::ReadCatalogue, environments)
        .says("List environments", "In order of name. A member sees those that their log-in reaches.");
    table.get("/profiles", Right::ReadCatalogue, profiles).says("List profiles", "In order of name.");
    table
        .get("/environments/{environment}/apis", Right::ReadCatalogue, apis)
        .says("List APIs", "In order of name.");
}

/// A manifest.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Apply {
    /// As in a manifest file, in JSON.
    #[schema(value_type = Object)]
    manifest: Manifest,
    /// Whether only to say what would change.
    #[serde(default)]
    dry_run: bool,
}

/// What has changed, or would.
#[derive(Serialize, ToSchema)]
struct Applied {
    dry_run: bool,
    #[schema(value_type = Vec<Object>)]
    changes: Vec<crate::flow::plan::Change>,
}

/// One issuer.
#[derive(Serialize, ToSchema)]
struct Environment {
    name: String,
    /// The issuer: claim `iss`, and where its endpoints are.
    issuer: String,
    #[schema(value_type = StageText)]
    stage: &'static str,
    scope_prefix: String,
    /// What is done when a credential of it has leaked.
    #[schema(value_type = OnLeakText)]
    on_leak: OnLeak,
}

/// A protected API.
#[derive(Serialize, ToSchema)]
struct Api {
    name: String,
    title: String,
    /// The claim `aud` of its tokens, and its resource indicator (RFC 8707).
    audience: String,
    /// The name of its profile.
    profile: String,
    scopes: Vec<ScopeDefinition>,
    /// Scopes that the server puts into every credential.
    #[schema(value_type = Vec<String>)]
    server_scopes: ScopeSet,
    /// Whether its OpenAPI document is known here.
    has_contract: bool,
}

/// A scope, and what it lets an app do.
#[derive(Serialize, ToSchema)]
struct ScopeDefinition {
    name: String,
    description: String,
    /// Whether a user who goes on at all cannot deny it.
    required: bool,
}

async fn apply(caller: Caller, Body(body): Body<Apply>) -> Result<Told<Applied>, Problem> {
    let granted = caller.operator(Right::ManageInstallation)?;
    let mode = if body.dry_run { Mode::DryRun } else { Mode::Write };
    let changes = apply::apply(&granted.node, &granted.actor, &body.manifest, mode).await;
    let changes = changes.map_err(|error| match error {
        ApplyError::Manifest(why) => Problem::unfit("manifest", why.to_string()),
        ApplyError::Fault(fault) => fault.into(),
    })?;
    Ok(Told(Applied { dry_run: body.dry_run, changes }))
}

/// A manifest of this installation.
#[derive(Serialize, ToSchema)]
#[serde(transparent)]
#[schema(as = Manifest, value_type = Object)]
struct ShownManifest(Manifest);

async fn export(caller: Caller) -> Result<Told<ShownManifest>, Problem> {
    let granted = caller.operator(Right::ReadInstallation)?;
    let manifest = export::export(&granted.node).await.map_err(|error| match error {
        ExportError::TooLarge => Problem::unfit("too_large", error.to_string()),
        ExportError::Fault(fault) => fault.into(),
    })?;
    Ok(Told(ShownManifest(manifest)))
}

async fn environments(caller: Caller, Query(page): Query<Page>) -> Result<List<Environment>, Problem> {
    let window = Window::open(&caller, &page, &["environments"])?;
    let catalogue = caller.node.catalogue_full();
    let reached = catalogue.environments.iter().filter(|state| caller.reaches(state));
    let shown = |state: &Arc<EnvironmentState>| Environment {
        name: state.environment.name.to_string(),
        issuer: state.environment.issuer.to_string(),
        stage: state.environment.stage.as_str(),
        scope_prefix: state.environment.scope_prefix.clone(),
        on_leak: state.environment.on_leak,
    };
    Ok(window.of_whole(reached, |state| state.environment.name.as_str().into(), shown))
}

/// The profile of an API, as in a manifest.
#[derive(Serialize, ToSchema)]
#[serde(transparent)]
#[schema(as = Profile, value_type = Object)]
struct ShownProfile(Arc<Profile>);

async fn profiles(caller: Caller, Query(page): Query<Page>) -> Result<List<ShownProfile>, Problem> {
    let window = Window::open(&caller, &page, &["profiles"])?;
    let catalogue = caller.node.catalogue_full();
    let name = |profile: &&Arc<Profile>| profile.name.as_str().into();
    Ok(window.of_whole(&catalogue.profiles, name, |profile| ShownProfile(profile.clone())))
}

async fn apis(
    caller: Caller,
    Path(environment): Path<String>,
    Query(page): Query<Page>,
) -> Result<List<Api>, Problem> {
    let state = caller.environment(&environment)?;
    let window = Window::open(&caller, &page, &["apis", &environment])?;
    let shown = |api: &Arc<grantor_core::api::Api>| Api {
        name: api.name.to_string(),
        title: api.title.clone(),
        audience: api.audience.clone(),
        profile: api.profile.name.to_string(),
        scopes: api.scopes.iter().map(ScopeDefinition::of).collect(),
        server_scopes: api.server_scopes.clone(),
        has_contract: api.openapi.is_some(),
    };
    Ok(window.of_whole(&state.apis, |api| api.name.as_str().into(), shown))
}

impl ScopeDefinition {
    fn of(scope: &grantor_core::api::ScopeDefinition) -> Self {
        Self {
            name: scope.name.as_str().to_owned(),
            description: scope.description.clone(),
            required: scope.required,
        }
    }
}
