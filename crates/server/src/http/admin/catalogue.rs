//! Manifests, environments, profiles, APIs.

use ::http::StatusCode;
use axum::extract::Path;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Admin, Body, Problem, answer};
use crate::flow::apply::{self, ApplyError, Mode};
use crate::flow::export::{self, ExportError};
use crate::manifest::Manifest;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Apply {
    manifest: Manifest,
    #[serde(default)]
    dry_run: bool,
}

pub(super) async fn apply(admin: Admin, Body(body): Body<Apply>) -> Result<Response, Problem> {
    let mode = if body.dry_run { Mode::DryRun } else { Mode::Write };
    let changes =
        apply::apply(&admin.node, &admin.actor, &body.manifest, mode).await.map_err(|error| match error {
            ApplyError::Manifest(why) => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "manifest", why.to_string())
            }
            ApplyError::Fault(fault) => fault.into(),
        })?;
    Ok(answer(StatusCode::OK, &json!({ "dry_run": body.dry_run, "changes": changes })))
}

/// Everything that a manifest can say of this installation, to be applied elsewhere.
pub(super) async fn export(admin: Admin) -> Result<Response, Problem> {
    let manifest = export::export(&admin.node).await.map_err(|error| match error {
        ExportError::TooLarge => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "too_large", error.to_string())
        }
        ExportError::Fault(fault) => fault.into(),
    })?;
    Ok(answer(StatusCode::OK, &json!(manifest)))
}

pub(super) async fn environments(admin: Admin) -> Response {
    let items: Vec<Value> = admin
        .node
        .catalogue()
        .environments
        .iter()
        .map(|state| {
            let environment = &state.environment;
            json!({ "name": environment.name, "issuer": environment.issuer, "stage": environment.stage, "scope_prefix": environment.scope_prefix, "on_leak": environment.on_leak })
        })
        .collect();
    answer(StatusCode::OK, &json!({ "items": items }))
}

pub(super) async fn profiles(admin: Admin) -> Response {
    let items: Vec<Value> =
        admin.node.catalogue().profiles.iter().map(|profile| json!(profile.as_ref())).collect();
    answer(StatusCode::OK, &json!({ "items": items }))
}

pub(super) async fn apis(admin: Admin, Path(environment): Path<String>) -> Result<Response, Problem> {
    let state = admin.environment(&environment)?;
    let items: Vec<Value> = state
        .apis
        .iter()
        .map(|api| {
            json!({
                "name": api.name,
                "title": api.title,
                "audience": api.audience,
                "profile": api.profile.name,
                "scopes": api.scopes,
                "server_scopes": api.server_scopes,
                "has_contract": api.openapi.is_some(),
            })
        })
        .collect();
    Ok(answer(StatusCode::OK, &json!({ "items": items })))
}
