//! Applying a manifest: plan the difference, commit it as one unit. Applying it again changes nothing.

use std::sync::Arc;

use grantor_core::api::Api;
use grantor_core::app::App;
use grantor_core::decision::{StoredKey, Write};
use grantor_core::environment::Environment;
use grantor_core::id::{ApiId, EnvironmentId, TenantId};
use grantor_core::name::Name;
use grantor_core::profile::Profile;
use grantor_core::registration::{Registration, register};
use grantor_core::scope::{Scope, ScopeSet};
use grantor_core::tenant::{Status, Tenant};
use grantor_jose::Algorithm;
use serde::Serialize;

use super::Fault;
use super::plan::{self, AccessView, ApiView, Change, EnvironmentView, ManifestError, Plan};
use crate::catalogue::{expand, resolve};
use crate::keys;
use crate::manifest::{AppEntry, Manifest};
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
    let mut world = load(node).await?;
    environments(node, manifest, &mut world)?;
    profiles(manifest, &mut world)?;
    apis(node, manifest, &mut world)?;
    tenants(node, manifest, &mut world).await?;
    let accesses = accesses(node, manifest, &mut world).await?;
    apps(node, manifest, &mut world, &accesses).await?;
    if mode == Mode::Write && !world.plan.writes.is_empty() {
        let mut writes = key_writes(node, &world).await?;
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

async fn load(node: &Node) -> Result<World, Fault> {
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
    })
}

fn environments(node: &Node, manifest: &Manifest, world: &mut World) -> Result<(), ApplyError> {
    for entry in &manifest.environments {
        let new = plan::environment(entry, &world.environments, || {
            node.decide(EnvironmentId::generate)
        })?;
        let old = world
            .environments
            .iter()
            .find(|environment| environment.id == new.id)
            .cloned();
        let view = old.as_ref().map(EnvironmentView::from);
        world.plan.note(
            "environment",
            new.name.to_string(),
            view.as_ref(),
            &EnvironmentView::from(&new),
            || vec![Write::PutEnvironment(new.clone())],
        );
        world.environments.retain(|environment| environment.id != new.id);
        world.environments.push(new);
    }
    Ok(())
}

fn profiles(manifest: &Manifest, world: &mut World) -> Result<(), ApplyError> {
    for new in &manifest.profiles {
        new.check()
            .map_err(|why| ManifestError(format!("profile {}: {why}", new.name)))?;
        let new = Arc::new(new.clone());
        let old = world
            .profiles
            .iter()
            .find(|profile| profile.name == new.name)
            .cloned();
        world.plan.note(
            "profile",
            new.name.to_string(),
            old.as_deref(),
            new.as_ref(),
            || vec![Write::PutProfile(new.clone())],
        );
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
            let new = plan::api(
                entry,
                &environment,
                &world.profiles,
                old.as_ref().map(|old| old.id),
                || node.decide(ApiId::generate),
            )?;
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

async fn tenants(node: &Node, manifest: &Manifest, world: &mut World) -> Result<(), ApplyError> {
    #[derive(Serialize)]
    struct View<'a> {
        title: &'a str,
    }
    for entry in &manifest.tenants {
        let old = node.store.tenant_by_name(&entry.name).await?;
        let title = if entry.title.is_empty() {
            entry.name.to_string()
        } else {
            entry.title.clone()
        };
        if old.as_ref().zip(entry.id).is_some_and(|(old, id)| old.id != id) {
            return Err(ManifestError(format!("tenant {}: it has another GUID already", entry.name)).into());
        }
        let new = match &old {
            Some(old) => Tenant { title, ..old.clone() },
            None => node.decide(|env| Tenant {
                id: entry.id.unwrap_or_else(|| TenantId::generate(env)),
                name: entry.name.clone(),
                title,
                status: Status::Active,
                epoch: 0,
            }),
        };
        let view = old.as_ref().map(|old| View { title: &old.title });
        let write = || {
            vec![if old.is_some() {
                Write::RenameTenant(new.id, new.title.clone())
            } else {
                Write::InsertTenant(new.clone(), node.now())
            }]
        };
        world.plan.note(
            "tenant",
            new.name.to_string(),
            view.as_ref(),
            &View { title: &new.title },
            write,
        );
        world.tenants.push(new);
    }
    Ok(())
}

async fn tenant_named(node: &Node, world: &mut World, name: &Name) -> Result<Tenant, ApplyError> {
    if let Some(tenant) = world.tenants.iter().find(|tenant| tenant.name == *name) {
        return Ok(tenant.clone());
    }
    let tenant = node
        .store
        .tenant_by_name(name)
        .await?
        .ok_or_else(|| ManifestError(format!("there is no tenant {name}")))?;
    world.tenants.push(tenant.clone());
    Ok(tenant)
}

async fn accesses(
    node: &Node,
    manifest: &Manifest,
    world: &mut World,
) -> Result<Vec<grantor_core::access::Access>, ApplyError> {
    let mut planned: Vec<grantor_core::access::Access> = Vec::new();
    for entry in &manifest.accesses {
        let tenant = tenant_named(node, world, &entry.tenant).await?;
        let stored = node.store.accesses(tenant.id).await?;
        for environment in &entry.environments {
            let environment = environment_named(&world.environments, environment)?.clone();
            for name in &entry.apis {
                let api = api_named(&world.apis, &environment, name)?.clone();
                let old = planned
                    .iter()
                    .chain(&stored)
                    .find(|access| access.tenant == tenant.id && access.api == api.id)
                    .cloned();
                let new = plan::access(entry, &tenant, &api, &environment, old.as_ref())?;
                let view = old.as_ref().map(AccessView::from);
                let write = || {
                    vec![if old.is_some() {
                        Write::ChangeAccess(new.clone())
                    } else {
                        Write::InsertAccess(new.clone(), node.now())
                    }]
                };
                world.plan.note(
                    "access",
                    plan::within(&environment.name, format!("{}/{name}", tenant.name)),
                    view.as_ref(),
                    &AccessView::from(&new),
                    write,
                );
                planned.retain(|access| (access.tenant, access.api) != (new.tenant, new.api));
                planned.push(new);
            }
        }
        planned.extend(
            stored
                .into_iter()
                .filter(|old| {
                    !planned
                        .iter()
                        .any(|new| (new.tenant, new.api) == (old.tenant, old.api))
                })
                .collect::<Vec<_>>(),
        );
    }
    Ok(planned)
}

async fn apps(
    node: &Node,
    manifest: &Manifest,
    world: &mut World,
    planned: &[grantor_core::access::Access],
) -> Result<(), ApplyError> {
    #[derive(Serialize)]
    struct View<'a> {
        name: &'a str,
        auth_method: Option<&'static str>,
        grants: Vec<&'static str>,
        apis: &'a [ApiId],
        introspects: &'a [ApiId],
        scopes: &'a ScopeSet,
    }
    fn view(app: &App) -> View<'_> {
        View {
            name: &app.name,
            auth_method: app.auth_method.map(|method| method.as_str()),
            grants: app.grants.iter().map(|grant| grant.as_str()).collect(),
            apis: &app.apis,
            introspects: &app.introspects,
            scopes: &app.scopes,
        }
    }
    for entry in &manifest.apps {
        let tenant = tenant_named(node, world, &entry.tenant).await?;
        let mut accesses = node.store.accesses(tenant.id).await?;
        accesses.retain(|old| {
            !planned
                .iter()
                .any(|new| (new.tenant, new.api) == (old.tenant, old.api))
        });
        accesses.extend(
            planned
                .iter()
                .filter(|access| access.tenant == tenant.id)
                .cloned(),
        );
        for name in &entry.environments {
            let environment = environment_named(&world.environments, name)?.clone();
            let old = node.store.app(environment.id, &entry.client_id).await?;
            if old.as_ref().is_some_and(|old| old.status == Status::Closed) {
                return Err(ManifestError(format!(
                    "app {} in {name}: this client id belonged to an app that was deleted; choose another",
                    entry.client_id
                ))
                .into());
            }
            if old.as_ref().is_some_and(|old| old.tenant != tenant.id) {
                return Err(ManifestError(format!(
                    "app {} in {name}: it belongs to another tenant",
                    entry.client_id
                ))
                .into());
            }
            let registration = registration(entry, world, &environment)?;
            let mut new = node
                .decide(|env| register(registration, &tenant, &accesses, environment.id, env))
                .map_err(|denial| {
                    ManifestError(format!(
                        "app {} in {name}: {}",
                        entry.client_id,
                        denial.description()
                    ))
                })?;
            if let Some(old) = &old {
                new = App {
                    id: old.id,
                    status: old.status,
                    epoch: old.epoch,
                    secrets: old.secrets.clone(),
                    exposed_at: old.exposed_at,
                    created_at: old.created_at,
                    ..new
                };
            }
            let old_view = old.as_ref().map(view);
            let write = || {
                vec![if old.is_some() {
                    Write::ChangeApp(new.clone())
                } else {
                    Write::InsertApp(new.clone())
                }]
            };
            world.plan.note(
                "app",
                plan::within(name, &entry.client_id),
                old_view.as_ref(),
                &view(&new),
                write,
            );
        }
    }
    Ok(())
}

fn registration<'a>(
    entry: &AppEntry,
    world: &'a World,
    environment: &Environment,
) -> Result<Registration<'a>, ManifestError> {
    let apis = |names: &[Name]| {
        names
            .iter()
            .map(|name| api_named(&world.apis, environment, name))
            .collect::<Result<Vec<_>, _>>()
    };
    let scopes = match &entry.scopes {
        None => None,
        Some(names) => {
            let spelled: Option<Vec<Scope>> = names
                .iter()
                .map(|name| Scope::parse(&expand(name, environment)))
                .collect();
            Some(ScopeSet::from(spelled.ok_or_else(|| {
                ManifestError(format!("app {}: not a scope", entry.client_id))
            })?))
        }
    };
    Ok(Registration {
        client_id: Some(entry.client_id.clone()),
        name: entry.name.clone(),
        auth_method: entry.auth_method,
        grants: entry.grants.clone(),
        apis: apis(&entry.apis)?,
        introspects: apis(&entry.introspects)?,
        scopes,
    })
}

/// Keys that the environments lack, for the algorithms of their profiles.
async fn key_writes(node: &Node, world: &World) -> Result<Vec<Write>, ApplyError> {
    let mut writes = Vec::new();
    for environment in &world.environments {
        let ring: Vec<StoredKey> = node.store.key_ring(environment.id).await?;
        let mut algorithms: Vec<Algorithm> = world
            .apis
            .iter()
            .filter(|api| api.environment == environment.id)
            .map(|api| api.profile.signing_alg)
            .collect();
        algorithms.sort_by_key(|algorithm| algorithm.as_str());
        algorithms.dedup();
        let made = node
            .decide(|env| keys::missing(environment.id, &ring, &algorithms, &node.vault, env))
            .map_err(|error| {
                tracing::error!(%error, "a key could not be made");
                Fault::Internal
            })?;
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
        .ok_or_else(|| {
            ManifestError(format!(
                "there is no API {name} in environment {}",
                environment.name
            ))
        })
}
