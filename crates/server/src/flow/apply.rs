//! Applying a manifest: plan the difference, commit it as one unit. Applying it again changes nothing.

mod accesses;
mod documents;
mod metadata;
mod partners;
mod people;

use std::sync::Arc;

use grantor_core::api::Api;
use grantor_core::decision::{AuditEvent, Write};
use grantor_core::environment::Environment;
use grantor_core::id::{ApiId, EnvironmentId};
use grantor_core::name::Name;
use grantor_core::profile::Profile;
use grantor_core::tenant::Tenant;

use super::plan::{self, ApiView, Change, EnvironmentView, ManifestError, Plan};
use super::{Fault, signing_key};
use crate::catalogue::resolve;
use crate::manifest::Manifest;
use crate::node::{Actor, Node};

/// Why a manifest was not applied.
#[derive(Debug)]
pub enum ApplyError {
    /// It cannot be.
    Manifest(ManifestError),
    /// Infrastructure.
    Fault(Fault),
}

impl From<ManifestError> for ApplyError {
    fn from(error: ManifestError) -> Self {
        Self::Manifest(error)
    }
}

impl<T: Into<Fault>> From<T> for ApplyError {
    fn from(error: T) -> Self {
        Self::Fault(error.into())
    }
}

/// Whether the difference is written or only shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Shown.
    DryRun,
    /// Written.
    Write,
}

/// What there is, and what the manifest makes of it.
struct World {
    environments: Vec<Environment>,
    profiles: Vec<Arc<Profile>>,
    apis: Vec<Arc<Api>>,
    tenants: Vec<Tenant>,
    plan: Plan,
    /// Who applies, as the audit names them.
    by: String,
}

/// Applies a manifest.
///
/// # Errors
/// See [`ApplyError`]. Nothing is written then.
pub async fn apply(
    node: &Node,
    actor: &Actor,
    manifest: &Manifest,
    mode: Mode,
) -> Result<Vec<Change>, ApplyError> {
    let mut world = load(node, actor).await?;
    environments(node, manifest, &mut world)?;
    profiles(manifest, &mut world)?;
    apis(node, manifest, &mut world)?;
    partners::tenants(node, manifest, &mut world).await?;
    let accesses = accesses::accesses(node, manifest, &mut world).await?;
    partners::apps(node, manifest, &mut world, &accesses).await?;
    people::users(node, manifest, &mut world).await?;
    documents::documents(node, manifest, &mut world).await?;
    if mode == Mode::Write {
        let mut writes = key_writes(node, &mut world).await?;
        // Environments stand first: keys refer to them.
        let at = world
            .plan
            .writes
            .iter()
            .position(|write| !matches!(write, Write::PutEnvironment(_)))
            .unwrap_or(world.plan.writes.len());
        let rest = world.plan.writes.split_off(at);
        let mut unit = world.plan.writes;
        unit.append(&mut writes);
        unit.extend(rest);
        node.commit(actor, unit, world.plan.events).await?;
    }
    Ok(world.plan.changes)
}

async fn load(node: &Node, actor: &Actor) -> Result<World, Fault> {
    let environments = node.store.environments().await?;
    let profiles: Vec<Arc<Profile>> = node.store.profiles().await?.into_iter().map(Arc::new).collect();
    let mut apis = Vec::new();
    for stored in node.store.apis().await? {
        let environment = environments
            .iter()
            .find(|environment| environment.id == stored.environment)
            .ok_or(Fault::Internal)?;
        let (api, _) = resolve(&stored, environment, &profiles).map_err(|_| Fault::Internal)?;
        apis.push(Arc::new(api));
    }
    Ok(World {
        environments,
        profiles,
        apis,
        tenants: Vec::new(),
        plan: Plan::default(),
        by: actor.name.clone(),
    })
}

fn environments(node: &Node, manifest: &Manifest, world: &mut World) -> Result<(), ApplyError> {
    for entry in &manifest.environments {
        let new = plan::environment(entry, &world.environments, || node.decide(EnvironmentId::generate))?;
        let old = world.environments.iter().find(|environment| environment.id == new.id).cloned();
        let view = old.as_ref().map(EnvironmentView::from);
        world.plan.note(
            "environment",
            new.name.to_string(),
            view.as_ref(),
            &EnvironmentView::from(&new),
            || vec![Write::PutEnvironment(new.clone())],
        );
        world.environments.retain(|environment| environment.id != new.id);
        // The scopes of its APIs are spelled with it: what cannot be spelled must be refused before anything is stored.
        for api in world.apis.iter_mut().filter(|api| api.environment == new.id) {
            let spelled = crate::catalogue::server_scopes(&api.profile, &new).ok_or_else(|| {
                ManifestError(format!(
                    "environment {}: with this scope_prefix a server scope of API {} is no scope",
                    new.name, api.name
                ))
            })?;
            *api = Arc::new(Api { server_scopes: spelled, ..Api::clone(api) });
        }
        world.environments.push(new);
    }
    Ok(())
}

fn profiles(manifest: &Manifest, world: &mut World) -> Result<(), ApplyError> {
    for new in &manifest.profiles {
        new.check().map_err(|why| ManifestError(format!("profile {}: {why}", new.name)))?;
        let new = Arc::new(new.clone());
        let old = world.profiles.iter().find(|profile| profile.name == new.name).cloned();
        world.plan.note("profile", new.name.to_string(), old.as_deref(), new.as_ref(), || {
            vec![Write::PutProfile(new.clone())]
        });
        world.profiles.retain(|profile| profile.name != new.name);
        world.profiles.push(new.clone());
        // APIs see the new profile at once, so that the rest of this manifest is judged by it.
        for api in &mut world.apis {
            if api.profile.name == new.name {
                let mut changed = Api::clone(api);
                changed.profile = new.clone();
                let environment = world
                    .environments
                    .iter()
                    .find(|environment| environment.id == changed.environment)
                    .ok_or(Fault::Internal)?;
                changed.server_scopes =
                    crate::catalogue::server_scopes(&new, environment).ok_or_else(|| {
                        ManifestError(format!(
                            "profile {}: server_scopes holds something that is no scope",
                            new.name
                        ))
                    })?;
                *api = Arc::new(changed);
            }
        }
    }
    Ok(())
}

fn apis(node: &Node, manifest: &Manifest, world: &mut World) -> Result<(), ApplyError> {
    for entry in &manifest.apis {
        for name in &entry.environments {
            let environment = environment_named(&world.environments, name)?.clone();
            let old = world
                .apis
                .iter()
                .find(|api| api.environment == environment.id && api.name == entry.name)
                .cloned();
            let new =
                plan::api(entry, &environment, &world.profiles, old.as_ref().map(|old| old.id), || {
                    node.decide(ApiId::generate)
                })?;
            let taken = world.apis.iter().find(|api| {
                api.environment == environment.id && api.audience == new.audience && api.id != new.id
            });
            if let Some(taken) = taken {
                return Err(ManifestError(format!(
                    "api {} in {name}: the audience belongs to API {}",
                    entry.name, taken.name
                ))
                .into());
            }
            let new = Arc::new(new);
            let view = old.as_deref().map(ApiView::from);
            world.plan.note(
                "api",
                plan::within(name, &entry.name),
                view.as_ref(),
                &ApiView::from(new.as_ref()),
                || vec![Write::PutApi(new.clone())],
            );
            world.apis.retain(|api| api.id != new.id);
            world.apis.push(new);
        }
    }
    Ok(())
}

/// Keys that the environments lack, for the algorithms of their profiles.
async fn key_writes(node: &Node, world: &mut World) -> Result<Vec<Write>, ApplyError> {
    let mut writes = Vec::new();
    for environment in &world.environments {
        let apis = world.apis.iter().filter(|api| api.environment == environment.id);
        let made = signing_key::missing(node, environment.id, apis).await?;
        if !made.is_empty() {
            let kids: Vec<&str> = made.iter().map(|key| key.kid.as_str()).collect();
            let target = format!("keys:{}", environment.name);
            world.plan.events.push(AuditEvent::new("manifest.apply", target).detail("kids", kids));
        }
        writes.extend(made.into_iter().map(Write::InsertKey));
    }
    Ok(writes)
}

fn environment_named<'a>(
    environments: &'a [Environment],
    name: &Name,
) -> Result<&'a Environment, ManifestError> {
    environments
        .iter()
        .find(|environment| environment.name == *name)
        .ok_or_else(|| ManifestError(format!("there is no environment {name}")))
}

fn api_named<'a>(
    apis: &'a [Arc<Api>],
    environment: &Environment,
    name: &Name,
) -> Result<&'a Arc<Api>, ManifestError> {
    apis.iter()
        .find(|api| api.environment == environment.id && api.name == *name)
        .ok_or_else(|| ManifestError(format!("there is no API {name} in environment {}", environment.name)))
}
