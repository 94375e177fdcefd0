//! What a manifest would change: the difference between what is stored and what is wanted, as writes and as words.

use std::collections::BTreeSet;
use std::sync::Arc;

use grantor_core::access::{Access, AccessStatus};
use grantor_core::api::{Api, ScopeDefinition};
use grantor_core::contract::Contract as SignedContract;
use grantor_core::decision::{AuditEvent, Concern, Write};
use grantor_core::env::UnixMillis;
use grantor_core::environment::Environment;
use grantor_core::id::{ApiId, EnvironmentId};
use grantor_core::name::Name;
use grantor_core::profile::{MANAGEMENT_API, Profile};
use grantor_core::scope::{Scope, ScopeSet};
use grantor_core::tenant::Tenant;
use grantor_resource::Contract;
use serde::Serialize;
use serde_json::Value;

use crate::catalogue::{expand, server_scopes};
use crate::manifest::{AccessEntry, ApiEntry, EnvironmentEntry};

/// What happens to one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It is as wanted already.
    Unchanged,
}

/// One line of the difference.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// What happens.
    pub action: Action,
    /// To what kind of thing.
    pub kind: &'static str,
    /// To which, with its environment before a slash where it has one.
    pub name: String,
    /// What differs.
    pub fields: Vec<FieldChange>,
}

/// One field that differs.
#[derive(Debug, Clone, Serialize)]
pub struct FieldChange {
    /// Its name.
    pub field: String,
    /// What it was.
    pub from: Value,
    /// What it becomes.
    pub to: Value,
}

/// A manifest that cannot be applied, in words for the person who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ManifestError(pub String);

/// The plan: everything that will be there, and what has to be written for it.
#[derive(Default)]
pub struct Plan {
    /// The difference, in words.
    pub changes: Vec<Change>,
    /// The difference, as writes.
    pub writes: Vec<Write>,
    /// For the audit.
    pub events: Vec<AuditEvent>,
}

impl Plan {
    /// Notes a thing: its old and new form, and the write if they differ.
    pub fn note<T: Serialize>(
        &mut self,
        kind: &'static str,
        name: String,
        old: Option<&T>,
        new: &T,
        write: impl FnOnce() -> Vec<Write>,
    ) -> Noted<'_> {
        let to = serde_json::to_value(new).unwrap_or_default();
        let from = old.map(|old| serde_json::to_value(old).unwrap_or_default());
        let fields = differing(from.as_ref(), &to);
        let action = match &from {
            None => Action::Create,
            Some(from) if *from == to => Action::Unchanged,
            Some(_) => Action::Update,
        };
        if action != Action::Unchanged {
            let event = AuditEvent::new("manifest.apply", format!("{kind}:{name}"))
                .detail("action", if action == Action::Create { "create" } else { "update" });
            let changed =
                |event: AuditEvent, field: &FieldChange| event.change(&field.field, &field.from, &field.to);
            self.events.push(fields.iter().fold(event, changed));
            self.writes.extend(write());
        }
        let fields = if action == Action::Update { fields } else { Vec::new() };
        self.changes.push(Change { action, kind, name, fields });
        Noted(self.events.last_mut().filter(|_| action != Action::Unchanged))
    }
}

/// The audit event of a thing that was noted, if it changes.
pub struct Noted<'a>(Option<&'a mut AuditEvent>);

impl Noted<'_> {
    /// Says which tenant it concerns, or that it concerns all.
    pub fn concerns(self, concerns: Concern, environment: Option<EnvironmentId>) {
        if let Some(event) = self.0 {
            (event.concerns, event.environment) = (concerns, environment);
        }
    }
}

fn differing(from: Option<&Value>, to: &Value) -> Vec<FieldChange> {
    let (Some(Value::Object(from)), Value::Object(to)) = (from, to) else {
        return Vec::new();
    };
    let names: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    let value =
        |map: &serde_json::Map<String, Value>, name: &str| map.get(name).cloned().unwrap_or(Value::Null);
    names
        .into_iter()
        .filter(|name| from.get(*name) != to.get(*name))
        .map(|name| FieldChange { field: name.clone(), from: value(from, name), to: value(to, name) })
        .collect()
}

/// An environment as compared and shown.
#[derive(Serialize)]
pub struct EnvironmentView<'a> {
    issuer: &'a str,
    stage: &'static str,
    scope_prefix: &'a str,
    on_leak: &'static str,
}

impl<'a> From<&'a Environment> for EnvironmentView<'a> {
    fn from(environment: &'a Environment) -> Self {
        Self {
            issuer: environment.issuer.as_str(),
            stage: environment.stage.as_str(),
            scope_prefix: &environment.scope_prefix,
            on_leak: environment.on_leak.as_str(),
        }
    }
}

/// The environment that an entry wants.
pub fn environment(
    entry: &EnvironmentEntry,
    known: &[Environment],
    new_id: impl FnOnce() -> EnvironmentId,
) -> Result<Environment, ManifestError> {
    let old = known.iter().find(|environment| environment.name == entry.name);
    let prefix = entry.scope_prefix.clone().unwrap_or_else(|| entry.name.to_string());
    if Scope::parse(&prefix).is_none() {
        return Err(ManifestError(format!(
            "environment {}: scope_prefix holds characters that no scope may hold",
            entry.name
        )));
    }
    if let Some(taken) = known.iter().find(|other| other.issuer == entry.issuer && other.name != entry.name) {
        return Err(ManifestError(format!(
            "environment {}: the issuer {} belongs to environment {}",
            entry.name, entry.issuer, taken.name
        )));
    }
    if old.is_some_and(|old| old.stage != entry.stage) {
        return Err(ManifestError(format!(
            "environment {}: live and test cannot be exchanged; credentials are spelled with it",
            entry.name
        )));
    }
    Ok(Environment {
        id: old.map_or_else(new_id, |old| old.id),
        name: entry.name.clone(),
        issuer: entry.issuer.clone(),
        stage: entry.stage,
        scope_prefix: prefix,
        on_leak: entry.on_leak.or(old.map(|old| old.on_leak)).unwrap_or_default(),
    })
}

/// An API as compared and shown.
#[derive(Serialize)]
pub struct ApiView<'a> {
    title: &'a str,
    audience: &'a str,
    scopes: &'a [ScopeDefinition],
    profile: &'a Name,
    contract: Option<String>,
}

impl<'a> From<&'a Api> for ApiView<'a> {
    fn from(api: &'a Api) -> Self {
        // A contract is long; its hash says whether it differs.
        let contract = api
            .openapi
            .as_deref()
            .map(|text| format!("sha256:{}", hex(&crate::keys::token_digest(text)[..8])));
        Self {
            title: &api.title,
            audience: &api.audience,
            scopes: &api.scopes,
            profile: &api.profile.name,
            contract,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The API that an entry wants in one environment.
pub fn api(
    entry: &ApiEntry,
    environment: &Environment,
    profiles: &[Arc<Profile>],
    old: Option<ApiId>,
    new_id: impl FnOnce() -> ApiId,
) -> Result<Api, ManifestError> {
    let here = format!("api {} in {}", entry.name, environment.name);
    let profile = profiles.iter().find(|profile| profile.name == entry.profile).ok_or_else(|| {
        ManifestError(format!(
            "{here}: there is no profile {}; define it in a [[profile]] or apply its file first",
            entry.profile
        ))
    })?;
    if entry.name.as_str() == MANAGEMENT_API {
        return Err(ManifestError(format!("{here}: this name stands for the admin API; choose another")));
    }
    let audience = expand(&entry.audience, environment);
    if !audience.contains(':')
        || audience.contains('#')
        || audience.contains(char::is_whitespace)
        || audience.len() > 512
    {
        return Err(ManifestError(format!("{here}: audience must be an absolute URI without fragment")));
    }
    let mut scopes = Vec::new();
    for scope in &entry.scopes {
        let spelled = expand(scope.name.as_str(), environment);
        let name = Scope::parse(&spelled)
            .ok_or_else(|| ManifestError(format!("{here}: {spelled} is not a scope")))?;
        if grantor_core::api::OPENID_SCOPES.contains(&name.as_str()) {
            return Err(ManifestError(format!("{here}: {spelled} belongs to OpenID Connect, not to an API")));
        }
        scopes.push(ScopeDefinition { name, ..scope.clone() });
    }
    let openapi = match &entry.openapi {
        None if entry.contract.is_some() => {
            return Err(ManifestError(format!("{here}: the contract file was not read; send it as openapi")));
        }
        None => None,
        Some(text) => Some(
            contract(text, entry.url.as_deref().map(|url| expand(url, environment)))
                .map_err(|why| ManifestError(format!("{here}: {why}")))?,
        ),
    };
    Ok(Api {
        id: old.unwrap_or_else(new_id),
        environment: environment.id,
        name: entry.name.clone(),
        title: if entry.title.is_empty() { entry.name.to_string() } else { entry.title.clone() },
        audience,
        scopes,
        profile: profile.clone(),
        server_scopes: server_scopes(profile, environment).ok_or_else(|| {
            ManifestError(format!("profile {}: server_scopes holds something that is no scope", profile.name))
        })?,
        openapi: openapi.map(Arc::from),
    })
}

/// Checks a contract, with its `servers` replaced by the environment's own address.
fn contract(text: &str, url: Option<String>) -> Result<String, String> {
    let mut text = text.to_owned();
    if let Some(url) = url {
        let mut document: Value =
            serde_json::from_str(&text).map_err(|error| format!("the contract is not JSON: {error}"))?;
        let object = document.as_object_mut().ok_or("the contract is not a JSON object")?;
        object.insert("servers".to_owned(), serde_json::json!([{ "url": url }]));
        text = document.to_string();
    }
    Contract::from_openapi(&text)
        .map(|_| text)
        .map_err(|error| format!("the contract cannot be used: {error}"))
}

/// An access as compared and shown.
#[derive(Serialize)]
pub struct AccessView<'a> {
    scopes: &'a ScopeSet,
    client_token_lifetime: Option<i64>,
    user_token_lifetime: Option<i64>,
    quota: &'static str,
    contract: Option<&'a SignedContract>,
}

impl<'a> From<&'a Access> for AccessView<'a> {
    fn from(access: &'a Access) -> Self {
        Self {
            scopes: &access.scopes,
            client_token_lifetime: access.client_token_lifetime.map(|life| life.seconds()),
            user_token_lifetime: access.user_token_lifetime.map(|life| life.seconds()),
            quota: access.quota.as_str(),
            contract: access.contract.as_ref(),
        }
    }
}

/// The access that an entry wants for one API.
pub fn access(
    entry: &AccessEntry,
    tenant: &Tenant,
    api: &Api,
    environment: &Environment,
    old: Option<&Access>,
) -> Result<Access, ManifestError> {
    let all = api.scope_set();
    let scopes = match &entry.scopes {
        None => all,
        Some(names) => {
            let spelled: Option<Vec<Scope>> =
                names.iter().map(|name| Scope::parse(&expand(name, environment))).collect();
            let wanted = ScopeSet::from(
                spelled.ok_or_else(|| ManifestError(format!("access of {}: not a scope", entry.tenant)))?,
            );
            if let Some(foreign) = wanted
                .iter()
                .find(|scope| !entry.apis.is_empty() && entry.apis.len() == 1 && !all.contains(scope))
            {
                return Err(ManifestError(format!(
                    "access of {}: API {} has no scope {}",
                    entry.tenant,
                    api.name,
                    foreign.as_str()
                )));
            }
            wanted.intersection(&all)
        }
    };
    Ok(Access {
        tenant: tenant.id,
        api: api.id,
        // Whoever applies a manifest is the provider: a new access is approved by that.
        status: old.map_or(AccessStatus::Approved, |old| old.status),
        epoch: old.map_or(0, |old| old.epoch),
        scopes,
        client_token_lifetime: entry.client_token_lifetime,
        user_token_lifetime: entry.user_token_lifetime,
        quota: entry.quota,
        contract: old.and_then(|old| old.contract.clone()),
    })
}

/// The contract that an entry records; one that is not mentioned stays.
pub fn contract_of(
    entry: &AccessEntry,
    old: Option<&Access>,
    now: UnixMillis,
) -> Result<Option<SignedContract>, ManifestError> {
    let Some(contract) = &entry.contract else { return Ok(old.and_then(|old| old.contract.clone())) };
    SignedContract::record(contract.sha256.clone(), contract.signed_at.0, contract.reference.clone(), now)
        .map(Some)
        .map_err(|why| ManifestError(format!("access of {}: {}", entry.tenant, why.0)))
}

/// The full name of a thing within an environment.
pub fn within(environment: &Name, name: impl std::fmt::Display) -> String {
    format!("{environment}/{name}")
}
