//! What there is, as a manifest that can be applied elsewhere. No secret, no key, no password; and no status: what is not
//! open (waiting, refused, suspended, closed) is left out, because applying a manifest opens what it makes.

use std::collections::BTreeMap;

use grantor_core::access::Access;
use grantor_core::api::Api;
use grantor_core::app::App;
use grantor_core::client_metadata::WebUri;
use grantor_core::document::Document;
use grantor_core::environment::Environment;
use grantor_core::id::{ApiId, TenantId};
use grantor_core::name::Name;
use grantor_core::scope::{Scope, ScopeSet};
use grantor_core::tenant::Tenant;
use grantor_core::user::User;

use super::Fault;
use crate::catalogue::EnvironmentState;
use crate::manifest::{
    AccessEntry, ApiEntry, AppEntry, ContractEntry, DocumentEntry, EnvironmentEntry, Manifest,
    MembershipEntry, TenantEntry, TextEntry, UserEntry, VersionEntry,
};
use crate::moment::Moment;
use crate::node::Node;
use crate::seconds::Seconds;

/// Most tenants, and most apps or users of an environment, that one manifest holds. An installation beyond that is moved by
/// a backup.
pub const MOST: usize = 10_000;
/// Rows that are read at once.
const PAGE: i64 = 500;

/// Why there is no manifest.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Too much for one document.
    #[error(
        "this installation has more than {MOST} tenants, apps or users of a kind: too much for one manifest"
    )]
    TooLarge,
    /// Storage trouble.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<crate::store::sql::StoreError> for ExportError {
    fn from(error: crate::store::sql::StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// The names that ids have in a manifest.
struct Names {
    tenants: BTreeMap<TenantId, Name>,
}

impl Names {
    fn tenant(&self, id: TenantId) -> Option<&Name> {
        self.tenants.get(&id)
    }
}

/// Everything that a manifest can say of this installation.
///
/// # Errors
/// [`ExportError::TooLarge`]; storage trouble.
pub async fn export(node: &Node) -> Result<Manifest, ExportError> {
    let catalogue = node.catalogue_full();
    let tenants = tenants(node).await?;
    let names = Names { tenants: tenants.iter().map(|tenant| (tenant.id, tenant.name.clone())).collect() };
    let mut manifest = Manifest {
        profiles: catalogue.profiles.iter().map(|profile| profile.as_ref().clone()).collect(),
        documents: catalogue.documents.iter().filter_map(|one| document(one, &names)).collect(),
        tenants: tenants.iter().map(tenant).collect(),
        ..Manifest::default()
    };
    let mut people: BTreeMap<String, Vec<UserEntry>> = BTreeMap::new();
    for state in &catalogue.environments {
        manifest.environments.push(environment(&state.environment));
        manifest.apis.extend(state.apis.iter().map(|one| api(one, &state.environment)));
        manifest.apps.extend(apps(node, state, &names).await?);
        for user in users(node, state, &names).await? {
            add_user(people.entry(user.email.key().to_owned()).or_default(), user);
        }
    }
    manifest.users = people.into_values().flatten().collect();
    for tenant in &tenants {
        let accesses = node.store.accesses(tenant.id).await?;
        for state in &catalogue.environments {
            let here = accesses.iter().filter(|access| access.status.is_open());
            manifest.accesses.extend(here.filter_map(|one| access(one, state, &tenant.name)));
        }
    }
    Ok(manifest)
}

async fn tenants(node: &Node) -> Result<Vec<Tenant>, ExportError> {
    let mut all: Vec<Tenant> = Vec::new();
    loop {
        let after = all.last().map_or(String::new(), |tenant| tenant.name.to_string());
        let page = node.store.tenants(&after, PAGE).await?;
        let is_last = page.is_empty();
        all.extend(page);
        if all.len() > MOST {
            return Err(ExportError::TooLarge);
        }
        if is_last {
            all.retain(|tenant| tenant.status.is_active());
            return Ok(all);
        }
    }
}

async fn apps(node: &Node, state: &EnvironmentState, names: &Names) -> Result<Vec<AppEntry>, ExportError> {
    let mut all: Vec<App> = Vec::new();
    loop {
        let after = all.last().map_or(String::new(), |app| app.client_id.to_string());
        let page = node.store.apps(state.environment.id, None, &after, PAGE).await?;
        let is_last = page.is_empty();
        all.extend(page);
        if all.len() > MOST {
            return Err(ExportError::TooLarge);
        }
        if is_last {
            let alive = all.iter().filter(|app| app.status.is_active());
            return Ok(alive.filter_map(|one| app(one, state, names)).collect());
        }
    }
}

async fn users(node: &Node, state: &EnvironmentState, names: &Names) -> Result<Vec<UserEntry>, ExportError> {
    let mut all: Vec<User> = Vec::new();
    loop {
        let after = all.last().map_or(String::new(), |user| user.email.key().to_owned());
        let page = node.store.users(state.environment.id, &after, PAGE).await?;
        let is_last = page.is_empty();
        all.extend(page);
        if all.len() > MOST {
            return Err(ExportError::TooLarge);
        }
        if is_last {
            break;
        }
    }
    let mut entries = Vec::new();
    // A manifest vouches for the addresses that it names: an address that nobody has proved is left out.
    for user in all.iter().filter(|user| user.status.is_active() && user.email_verified_at.is_some()) {
        let memberships = node.store.memberships(user.id).await?;
        let named = memberships.into_iter().filter_map(|member| {
            let tenant = names.tenant(member.tenant)?.clone();
            Some(MembershipEntry { tenant, roles: member.roles })
        });
        entries.push(UserEntry {
            email: user.email.clone(),
            environments: vec![state.environment.name.clone()],
            name: user.name.clone(),
            memberships: named.collect(),
        });
    }
    Ok(entries)
}

/// A person who is the same in several environments is one entry, as somebody would write it.
fn add_user(users: &mut Vec<UserEntry>, new: UserEntry) {
    let same = users.iter_mut().find(|known| {
        known.email == new.email && known.name == new.name && known.memberships == new.memberships
    });
    match same {
        Some(known) => known.environments.extend(new.environments),
        None => users.push(new),
    }
}

fn environment(environment: &Environment) -> EnvironmentEntry {
    EnvironmentEntry {
        name: environment.name.clone(),
        issuer: environment.issuer.clone(),
        stage: environment.stage,
        scope_prefix: Some(environment.scope_prefix.clone()),
        on_leak: Some(environment.on_leak),
    }
}

fn api(api: &Api, environment: &Environment) -> ApiEntry {
    ApiEntry {
        name: api.name.clone(),
        environments: vec![environment.name.clone()],
        profile: api.profile.name.clone(),
        title: api.title.clone(),
        audience: api.audience.clone(),
        // It stands in the contract.
        url: None,
        contract: None,
        openapi: api.openapi.as_deref().map(str::to_owned),
        scopes: api.scopes.clone(),
    }
}

fn tenant(tenant: &Tenant) -> TenantEntry {
    TenantEntry { name: tenant.name.clone(), title: tenant.title.clone(), id: Some(tenant.id) }
}

fn access(access: &Access, state: &EnvironmentState, tenant: &Name) -> Option<AccessEntry> {
    let api = state.api_by_id(access.api).filter(|api| api.id != ApiId::USERINFO)?;
    Some(AccessEntry {
        tenant: tenant.clone(),
        apis: vec![api.name.clone()],
        environments: vec![state.environment.name.clone()],
        scopes: Some(spelled(&access.scopes)),
        client_token_lifetime: access.client_token_lifetime,
        user_token_lifetime: access.user_token_lifetime,
        quota: access.quota,
        contract: access.contract.as_ref().map(|contract| ContractEntry {
            sha256: contract.sha256.clone(),
            signed_at: Moment(contract.signed_at),
            reference: contract.reference.clone(),
        }),
    })
}

fn app(app: &App, state: &EnvironmentState, names: &Names) -> Option<AppEntry> {
    let named = |ids: &[ApiId]| -> Vec<Name> {
        ids.iter().filter_map(|id| state.api_by_id(*id)).map(|api| api.name.clone()).collect()
    };
    let link = |uri: &Option<WebUri>| uri.as_ref().map(|uri| uri.as_str().to_owned());
    let metadata = &app.metadata;
    Some(AppEntry {
        client_id: app.client_id.clone(),
        environments: vec![state.environment.name.clone()],
        tenant: names.tenant(app.tenant)?.clone(),
        name: app.name.clone(),
        auth_method: app.auth_method,
        grants: Some(app.grants.clone()),
        apis: named(&app.apis),
        introspects: named(&app.introspects),
        scopes: Some(spelled(&app.scopes)),
        redirect_uris: metadata.redirect_uris.iter().map(|uri| uri.as_str().to_owned()).collect(),
        application_type: metadata.application_type,
        client_uri: link(&metadata.client_uri),
        logo_uri: link(&metadata.logo_uri),
        policy_uri: link(&metadata.policy_uri),
        tos_uri: link(&metadata.tos_uri),
        contacts: metadata.contacts.clone(),
        software_id: metadata.software_id.clone(),
        software_version: metadata.software_version.clone(),
        jwks: metadata.jwks.clone(),
        subject_type: metadata.subject_type,
        id_token_signed_response_alg: Some(metadata.id_token_signed_response_alg),
        userinfo_signed_response_alg: metadata.userinfo_signed_response_alg,
        default_max_age: metadata.default_max_age,
        require_auth_time: metadata.require_auth_time,
        require_pkce: Some(metadata.require_pkce),
        tenancy: metadata.tenancy,
    })
}

fn document(document: &Document, names: &Names) -> Option<DocumentEntry> {
    let tenant = match document.tenant {
        Some(id) => Some(names.tenant(id)?.clone()),
        None => None,
    };
    let versions = document.versions.iter().map(|version| VersionEntry {
        number: version.number,
        effective_at: Some(Moment(version.effective_at)),
        grace: Seconds(u64::try_from(version.grace_seconds).unwrap_or(0)),
        texts: version
            .texts
            .iter()
            .map(|(language, text)| {
                let entry = TextEntry {
                    title: text.title.clone(),
                    body: Some(text.body.clone()),
                    body_file: None,
                    changes: text.changes.clone(),
                };
                (language.clone(), entry)
            })
            .collect(),
    });
    Some(DocumentEntry { kind: document.kind.clone(), tenant, versions: versions.collect() })
}

fn spelled(scopes: &ScopeSet) -> Vec<String> {
    scopes.iter().map(|scope: &Scope| scope.as_str().to_owned()).collect()
}
