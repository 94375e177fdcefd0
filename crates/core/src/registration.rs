//! Registering apps: what an app may be, whoever asks. Admin API, manifests and later the portal share it.

use std::sync::Arc;

use crate::access::Access;
use crate::api::{Api, signing_algorithms};
use crate::app::{App, MAX_SECRET_VERSIONS, SecretVersion};
use crate::client_metadata::{ClientMetadata, Tenancy};
use crate::env::{Env, UnixMillis};
use crate::error::{Denial, OAuthError, Reason};
use crate::gate_rule::Gate;
use crate::id::{ApiId, AppId, EnvironmentId};
use crate::lifetime::Lifetime;
use crate::name::ClientId;
use crate::permission::Maker;
use crate::profile::{AppPolicy, ClientAuthMethod, GrantType};
use crate::scope::ScopeSet;
use crate::secret::{Brand, CredentialType, PepperRing, Secret, Stage};
use crate::secret_version;
use crate::tenant::{Status, Tenant};
use grantor_jose::Algorithm;

/// What somebody wants an app to be.
pub struct Registration<'a> {
    /// The chosen id; `None` generates one.
    pub client_id: Option<ClientId>,
    /// A name for people.
    pub name: String,
    /// The one authentication method, if the app narrows its APIs' set.
    pub auth_method: Option<ClientAuthMethod>,
    /// The grants; `None` takes those that some API of the app has on and that exist. Each API still refuses what it has off.
    pub grants: Option<Vec<GrantType>>,
    /// The APIs that it calls.
    pub apis: Vec<&'a Arc<Api>>,
    /// What it says of itself for the flows with users.
    pub metadata: ClientMetadata,
    /// What the environment can sign ID tokens with.
    pub signing: &'a [Algorithm],
    /// The APIs that it is.
    pub introspects: Vec<&'a Arc<Api>>,
    /// The scopes; `None` takes all that the tenant's accesses allow now.
    pub scopes: Option<ScopeSet>,
}

/// What ID tokens can be signed with in an environment with these APIs: nothing where no API lets users sign in.
pub fn id_token_algorithms<'a>(apis: impl IntoIterator<Item = &'a Arc<Api>> + Clone) -> Vec<Algorithm> {
    if apis.clone().into_iter().any(|api| api.profile.has_users()) {
        signing_algorithms(apis).into_iter().collect()
    } else {
        Vec::new()
    }
}

/// Decides what the app becomes, for a new one and for a changed one alike.
///
/// # Errors
/// `access_denied` without access to an API, `invalid_scope` beyond it, `invalid_request` for what no API of the app has on.
pub fn register(
    registration: Registration<'_>,
    maker: Maker<'_>,
    (tenant, accesses): (&Tenant, &[Access]),
    environment: EnvironmentId,
    env: &mut Env<'_>,
) -> Result<App, Denial> {
    let bad = |hint| Err(Denial::hinted(OAuthError::InvalidRequest, Reason::Malformed, hint));
    let signs_in = !registration.metadata.redirect_uris.is_empty();
    if registration.apis.is_empty() && registration.introspects.is_empty() && !signs_in {
        return bad("An app needs at least one API that it calls or is, or redirect URIs to sign users in.");
    }
    if signs_in && registration.signing.is_empty() {
        return bad("No API of this environment has sign-in for users on.");
    }
    if registration.auth_method == Some(ClientAuthMethod::None) && !registration.introspects.is_empty() {
        return bad("An app without secret cannot introspect (RFC 7662 2.1).");
    }
    if registration.name.len() > 200 || registration.name.chars().any(char::is_control) {
        return bad("An app's name has at most 200 characters and no control characters.");
    }
    let mut allowed = ScopeSet::default();
    for api in &registration.apis {
        if matches!(maker, Maker::Member(_)) && api.profile.apps == AppPolicy::Provider {
            return Err(Denial::hinted(
                OAuthError::AccessDenied,
                Reason::NotSelfService,
                "Apps of this API are made by the provider's team. Ask them for one.",
            ));
        }
        let access = approved(tenant, accesses, api.id)
            .ok_or(Denial::closed(Gate::approval_of(&api.profile.gates), Reason::AccessMissing))?;
        allowed = allowed.union(&access.scopes.intersection(&api.scope_set())).union(&api.server_scopes);
    }
    // An app without APIs may sign users in and nothing else.
    let only_users = registration.apis.is_empty() && signs_in;
    let of_users = [GrantType::AuthorizationCode, GrantType::RefreshToken];
    let offered = |grant: GrantType| {
        registration.apis.iter().any(|api| api.profile.offers(grant))
            || (only_users && of_users.contains(&grant))
    };
    // Nobody gets a grant of users by leaving a line out: the code grant needs redirect URIs, the password grant its name.
    let by_default = |grant: GrantType| match grant {
        GrantType::ClientCredentials => !signs_in || registration.auth_method != Some(ClientAuthMethod::None),
        GrantType::AuthorizationCode | GrantType::RefreshToken => signs_in,
        GrantType::Password => false,
    };
    let grants = match registration.grants {
        Some(grants) if grants.iter().any(|grant| !offered(*grant)) => {
            return bad("None of the app's APIs has one of these grants on.");
        }
        Some(grants) => grants,
        None => GrantType::ALL.into_iter().filter(|grant| by_default(*grant) && offered(*grant)).collect(),
    };
    if registration.auth_method == Some(ClientAuthMethod::None)
        && grants.contains(&GrantType::ClientCredentials)
    {
        return bad("An app without secret cannot use client_credentials (RFC 6749 4.4).");
    }
    if registration.metadata.tenancy == Tenancy::Members && grants.contains(&GrantType::Password) {
        return bad(
            "An app of all partners cannot use the password grant: nobody is asked for which tenant they sign in.",
        );
    }
    let by_code = grants.contains(&GrantType::AuthorizationCode);
    if let Err(why) = registration.metadata.check(by_code) {
        return Err(Denial::hinted(OAuthError::InvalidRequest, Reason::Malformed, why.0));
    }
    let algorithms = [
        Some(registration.metadata.id_token_signed_response_alg),
        registration.metadata.userinfo_signed_response_alg,
    ];
    if by_code && algorithms.into_iter().flatten().any(|wanted| !registration.signing.contains(&wanted)) {
        return bad("The environment has no key for one of the app's signature algorithms.");
    }
    let scopes = match registration.scopes {
        Some(scopes) if !scopes.is_subset(&allowed) => {
            return Err(Denial::hinted(
                OAuthError::InvalidScope,
                Reason::ScopeNotAllowed,
                "The tenant's access does not allow one of the scopes.",
            ));
        }
        Some(scopes) => scopes,
        None => allowed,
    };
    let client_id = match registration.client_id {
        Some(chosen) => chosen,
        None => generated_client_id(env)?,
    };
    Ok(App {
        id: AppId::generate(env),
        environment,
        tenant: tenant.id,
        client_id,
        name: registration.name,
        status: Status::Active,
        epoch: 0,
        auth_method: registration.auth_method,
        grants,
        apis: registration.apis.iter().map(|api| api.id).collect(),
        scopes,
        metadata: registration.metadata,
        introspects: registration.introspects.iter().map(|api| api.id).collect(),
        secrets: Vec::new(),
        exposed_at: None,
        created_at: env.now,
    })
}

/// The access to an API that was approved once. It may be suspended: what is prepared then gets no token.
fn approved<'a>(tenant: &Tenant, accesses: &'a [Access], api: ApiId) -> Option<&'a Access> {
    accesses
        .iter()
        .find(|access| access.api == api && access.tenant == tenant.id && access.status.is_approved())
}

/// Whether an app may be given a secret: one of the APIs that it calls is approved for its tenant, or it calls none.
///
/// # Errors
/// `access_denied` with the approval that is missing.
pub fn may_have_secret(
    app: &App,
    tenant: &Tenant,
    accesses: &[Access],
    apis: &[Arc<Api>],
) -> Result<(), Denial> {
    let called = || apis.iter().filter(|api| app.apis.contains(&api.id));
    if app.apis.is_empty() || called().any(|api| approved(tenant, accesses, api.id).is_some()) {
        return Ok(());
    }
    let name = called().next().map_or(Gate::AccountApproved, |api| Gate::approval_of(&api.profile.gates));
    Err(Denial::closed(name, Reason::GateClosed))
}

/// `app-` and 20 characters: an id that nobody types, and that cannot be guessed from another one.
fn generated_client_id(env: &mut Env<'_>) -> Result<ClientId, Denial> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let random = env.bytes::<20>();
    let tail: String = random.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
    format!("app-{tail}").parse().map_err(|_| Denial::new(OAuthError::ServerError, Reason::Malformed))
}

/// What a new version of a secret shall be.
pub struct NewSecret {
    /// When it begins to authenticate; `None` is now.
    pub not_before: Option<UnixMillis>,
    /// How long it lives; `None` has no end.
    pub lifetime: Option<Lifetime>,
}

/// Makes a new version of an app's secret. The older ones stay until somebody ends them, so that rotation overlaps.
///
/// # Errors
/// `invalid_request` where ten versions are alive, or for a public app.
pub fn new_secret(
    app: &App,
    new: &NewSecret,
    peppers: &PepperRing,
    spelling: (&Brand, Stage),
    env: &mut Env<'_>,
) -> Result<(Secret, SecretVersion), Denial> {
    let refuse = |hint| Err(Denial::hinted(OAuthError::InvalidRequest, Reason::Malformed, hint));
    if app.auth_method == Some(ClientAuthMethod::None) {
        return refuse("A public app has no secret.");
    }
    let alive = |version: &&SecretVersion| {
        version.ended_at.is_none() && version.expires_at.is_none_or(|end| env.now < end)
    };
    if app.secrets.iter().filter(alive).count() >= MAX_SECRET_VERSIONS {
        return refuse("Ten versions of the secret are alive. End one of them first.");
    }
    let secret = Secret::generate(spelling.0, CredentialType::ClientSecret, spelling.1, env);
    let version = app.secrets.iter().map(|version| version.version).max().unwrap_or(0) + 1;
    let not_before = secret_version::begin(new.not_before, env.now)?;
    let stored = SecretVersion {
        version,
        hash: peppers.hash(CredentialType::ClientSecret, secret.reveal()),
        last_four: secret.last_four().to_owned(),
        not_before,
        expires_at: new.lifetime.map(|life| not_before.plus_seconds(life.seconds())),
        ended_at: None,
        created_at: env.now,
        end_set_by: None,
        end_before: None,
    };
    Ok((secret, stored))
}
