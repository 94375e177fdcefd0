//! RFC 6749 4.4: an app gets a token for itself.

use std::sync::Arc;

use crate::access::Access;
use crate::api::{self, Api, Target};
use crate::client_auth::{AuthenticatedApp, Presented};
use crate::env::Env;
use crate::environment::Environment;
use crate::error::{Denial, OAuthError, Reason};
use crate::gate::{self, Terms};
use crate::issue::{Holder, Issue, issue};
use crate::profile::{ClientAuthMethod, GrantType};
use crate::scope::ScopeSet;
use crate::token::{Granted, TokenRequest, grant_is_on};

/// What the decision needs to know.
pub struct Facts<'a> {
    /// Where the request came in.
    pub environment: &'a Environment,
    /// The environment's APIs.
    pub apis: &'a [Arc<Api>],
    /// The tenant's accesses in this environment.
    pub accesses: &'a [Access],
    /// What was accepted in the tenant's name.
    pub terms: Terms<'a>,
    /// The token path that was called, below the issuer.
    pub path: &'a str,
    /// How the app has authenticated.
    pub presented: &'a Presented,
}

/// Decides a client-credentials request. Writes nothing: an access token is never stored.
///
/// # Errors
/// The OAuth error of the first rule that fails, in the order of the checks.
pub fn grant<'a>(
    request: &TokenRequest,
    client: &AuthenticatedApp<'_>,
    facts: &Facts<'a>,
    env: &mut Env<'_>,
) -> Result<Granted<'a>, Denial> {
    let app = client.app();
    let target = Target { resources: &request.resources, scopes: request.scopes.as_ref(), path: facts.path };
    let api = api::choose(&target, app, facts.apis)?;
    grant_is_on(GrantType::ClientCredentials, app, api, facts.presented)?;
    // RFC 6749 4.4: confidential clients only.
    if facts.presented.method() == ClientAuthMethod::None {
        return Err(Denial::new(OAuthError::UnauthorizedClient, Reason::GrantNotForPublicClient));
    }
    let access = gate::for_app(client.tenant(), facts.accesses, api, &facts.terms)?;
    let allowed =
        app.scopes.intersection(&access.scopes).intersection(&api.scope_set()).union(&api.server_scopes);
    let scopes = narrow(request.scopes.as_ref(), &allowed)?;
    let draft = issue(
        Issue {
            environment: facts.environment,
            api,
            app,
            tenant: client.tenant(),
            access,
            scopes,
            asked: request.scopes.as_ref(),
            holder: Holder::App,
        },
        env,
    );
    Ok(Granted { draft, access, refresh: None, id_token: None })
}

/// RFC 6749 3.3: what was asked for if all of it is allowed; with nothing asked, all that is allowed.
fn narrow(asked: Option<&ScopeSet>, allowed: &ScopeSet) -> Result<ScopeSet, Denial> {
    match asked {
        None => Ok(allowed.clone()),
        Some(asked) if asked.is_subset(allowed) => Ok(asked.clone()),
        Some(_) => Err(Denial::new(OAuthError::InvalidScope, Reason::ScopeNotAllowed)),
    }
}
