//! The partners' part of a manifest: tenants, accesses, apps.

use grantor_core::access::Access;
use grantor_core::app::App;
use grantor_core::client_id_choice::Choice;
use grantor_core::client_metadata::ClientMetadata;
use grantor_core::decision::{Concern, Write};
use grantor_core::environment::Environment;
use grantor_core::id::{ApiId, TenantId};
use grantor_core::name::Name;
use grantor_core::permission::Maker;
use grantor_core::registration::{Registration, id_token_algorithms, register};
use grantor_core::scope::{Scope, ScopeSet};
use grantor_core::tenant::{Status, Tenant};
use grantor_jose::Algorithm;
use serde::Serialize;

use super::metadata::metadata;
use super::{ApplyError, World, api_named, environment_named};
use crate::catalogue::expand;
use crate::flow::client_id;
use crate::flow::plan::{self, ManifestError};
use crate::manifest::{AppEntry, Manifest};
use crate::node::Node;

pub(super) async fn tenants(node: &Node, manifest: &Manifest, world: &mut World) -> Result<(), ApplyError> {
    #[derive(Serialize)]
    struct View<'a> {
        title: &'a str,
    }
    for entry in &manifest.tenants {
        let old = node.store.tenant_by_name(&entry.name).await?;
        let title = if entry.title.is_empty() { entry.name.to_string() } else { entry.title.clone() };
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
        let shown = View { title: &new.title };
        let noted = world.plan.note("tenant", new.name.to_string(), view.as_ref(), &shown, write);
        noted.concerns(Concern::Tenant(new.id), None);
        world.tenants.push(new);
    }
    Ok(())
}

pub(super) async fn tenant_named(node: &Node, world: &mut World, name: &Name) -> Result<Tenant, ApplyError> {
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

pub(super) async fn apps(
    node: &Node,
    manifest: &Manifest,
    world: &mut World,
    planned: &[Access],
) -> Result<(), ApplyError> {
    #[derive(Serialize)]
    struct View<'a> {
        name: &'a str,
        auth_method: Option<&'static str>,
        grants: Vec<&'static str>,
        apis: &'a [ApiId],
        introspects: &'a [ApiId],
        scopes: &'a ScopeSet,
        #[serde(flatten)]
        metadata: &'a ClientMetadata,
    }
    fn view(app: &App) -> View<'_> {
        View {
            name: &app.name,
            auth_method: app.auth_method.map(|method| method.as_str()),
            grants: app.grants.iter().map(|grant| grant.as_str()).collect(),
            apis: &app.apis,
            introspects: &app.introspects,
            scopes: &app.scopes,
            metadata: &app.metadata,
        }
    }
    for entry in &manifest.apps {
        let tenant = tenant_named(node, world, &entry.tenant).await?;
        let mut accesses = node.store.accesses(tenant.id).await?;
        accesses.retain(|old| !planned.iter().any(|new| (new.tenant, new.api) == (old.tenant, old.api)));
        accesses.extend(planned.iter().filter(|access| access.tenant == tenant.id).cloned());
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
            if old.is_none() {
                let choice = client_id::choice(node, environment.id, entry.client_id.clone()).await?;
                if !matches!(choice, Choice::Available(_)) {
                    let why = choice.sentence();
                    return Err(ManifestError(format!("app {} in {name}: {why}", entry.client_id)).into());
                }
            }
            let signing =
                id_token_algorithms(world.apis.iter().filter(|api| api.environment == environment.id));
            let registration = registration(entry, world, &environment, &signing)?;
            let mut new = node
                .decide(|env| {
                    register(registration, Maker::Provider, (&tenant, &accesses), environment.id, env)
                })
                .map_err(|denial| {
                    ManifestError(format!("app {} in {name}: {}", entry.client_id, denial.description()))
                })?;
            if let Some(old) = &old {
                new = old.registered_as(new);
            }
            let old_view = old.as_ref().map(view);
            let write = || {
                vec![if old.is_some() {
                    Write::ChangeApp(new.clone())
                } else {
                    Write::InsertApp(new.clone())
                }]
            };
            let noted = world.plan.note(
                "app",
                plan::within(name, &entry.client_id),
                old_view.as_ref(),
                &view(&new),
                write,
            );
            noted.concerns(Concern::Tenant(tenant.id), Some(environment.id));
        }
    }
    Ok(())
}

fn registration<'a>(
    entry: &AppEntry,
    world: &'a World,
    environment: &Environment,
    signing: &'a [Algorithm],
) -> Result<Registration<'a>, ManifestError> {
    let apis = |names: &[Name]| {
        names.iter().map(|name| api_named(&world.apis, environment, name)).collect::<Result<Vec<_>, _>>()
    };
    let scopes = match &entry.scopes {
        None => None,
        Some(names) => {
            let spelled: Option<Vec<Scope>> =
                names.iter().map(|name| Scope::parse(&expand(name, environment))).collect();
            Some(ScopeSet::from(
                spelled.ok_or_else(|| ManifestError(format!("app {}: not a scope", entry.client_id)))?,
            ))
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
        metadata: metadata(entry, environment)?,
        signing,
    })
}
