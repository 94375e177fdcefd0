//! Who is calling: loads the app behind presented credentials, and judges them under the throttle. One path for the token,
//! introspection and revocation endpoints, so that guessing at one counts at all.

use std::net::IpAddr;
use std::sync::Arc;

use grantor_core::app::App;
use grantor_core::client_auth::{AuthenticatedApp, Presented, authenticate};
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::profile::ClientAuthMethod;
use grantor_core::record::Used;
use grantor_core::secret::{CredentialType, Secret};

use super::FlowError;
use crate::cache::TenantFacts;
use crate::catalogue::EnvironmentState;
use crate::limits::Who;
use crate::node::Node;

/// The app that the credentials name. Nothing is proved yet.
pub struct ClientFacts {
    app: Arc<App>,
    tenant: Arc<TenantFacts>,
}

/// The answer to too many failures. The code stays that of a failed authentication; the status says how to behave.
const TOO_MANY: Denial = Denial::hinted(
    OAuthError::InvalidClient,
    Reason::TooManyFailures,
    "Too many failed attempts. Try again after the time given in Retry-After.",
);

/// Loads the app that the credentials name. For unknown ids it does the work of a failed check, and counts it.
///
/// # Errors
/// `invalid_client` without a difference between unknown and wrong; the throttle; storage trouble.
pub async fn load(
    node: &Node,
    state: &EnvironmentState,
    presented: &Presented,
    source: IpAddr,
) -> Result<ClientFacts, FlowError> {
    let environment = state.environment.id;
    let Some((first, secret)) = presented.candidates().next() else {
        return Err(Denial::new(OAuthError::InvalidClient, Reason::MissingClientAuth).into());
    };
    for (client_id, _) in presented.candidates() {
        // Before anything is read: whoever is throttled costs the database nothing.
        node.limits
            .may_try(Who::Client(environment, client_id), source)
            .map_err(|wait| FlowError::Throttled(TOO_MANY, wait))?;
        let Some(app) = node.cache.app(&node.store, environment, client_id).await? else { continue };
        let tenant = node.cache.tenant(&node.store, app.tenant).await?;
        // Referential integrity makes this impossible; a missing tenant must never mean "no tenant rules".
        let tenant = tenant.ok_or(super::Fault::Internal)?;
        return Ok(ClientFacts { app, tenant });
    }
    // The work that a known id would have cost.
    state.keys.peppers.hash(CredentialType::ClientSecret, secret.map_or("", Secret::reveal));
    node.limits
        .failed(Who::Client(environment, first), source)
        .map_err(|wait| FlowError::Throttled(TOO_MANY, wait))?;
    Err(Denial::new(OAuthError::InvalidClient, Reason::UnknownClient).into())
}

impl ClientFacts {
    /// The app that was named. It has proved nothing.
    pub fn named(&self) -> &App {
        &self.app
    }

    /// The app's tenant with its accesses.
    pub fn tenant(&self) -> &TenantFacts {
        &self.tenant
    }

    /// Judges the presented secret, and counts a failure. [`load`] has asked the throttle.
    ///
    /// # Errors
    /// `invalid_client`, or the throttle.
    pub fn authenticate(
        &self,
        node: &Node,
        state: &EnvironmentState,
        presented: &Presented,
        source: IpAddr,
    ) -> Result<AuthenticatedApp<'_>, FlowError> {
        let client_id = self.app.client_id.as_str();
        let who = Who::Client(state.environment.id, client_id);
        let secret = presented.candidates().find(|(id, _)| *id == client_id).and_then(|(_, secret)| secret);
        match authenticate(&self.app, &self.tenant.tenant, secret, &state.keys.peppers, node.now()) {
            Ok(client) => {
                // A public client proves nothing by its name.
                if secret.is_some() {
                    node.limits.proved(who, source);
                }
                if let Some(version) = client.secret_version() {
                    node.activity.uses.note(Used::Secret(self.app.id, version), node.now(), Some(source));
                }
                Ok(client)
            }
            Err(denial) => {
                node.limits.failed(who, source).map_err(|wait| FlowError::Throttled(TOO_MANY, wait))?;
                // Whether the secret is genuine elsewhere is asked behind the answer: see `flow/misplaced.rs`.
                Err(denial.into())
            }
        }
    }

    /// As [`Self::authenticate`], for endpoints that belong to no API: the app's registered method, else any that one of
    /// its APIs accepts.
    ///
    /// # Errors
    /// `invalid_client`, or the throttle.
    pub fn authenticate_anywhere(
        &self,
        node: &Node,
        state: &EnvironmentState,
        presented: &Presented,
        source: IpAddr,
    ) -> Result<AuthenticatedApp<'_>, FlowError> {
        let client = self.authenticate(node, state, presented, source)?;
        let own = self.app.apis.iter().filter_map(|id| state.api_by_id(*id));
        // Or an app that only signs users in.
        let methods: Vec<ClientAuthMethod> = match self.app.apis[..] {
            // An app that calls no API, because it is one: no profile narrows how it authenticates.
            [] => state.userinfo.profile.client_auth.clone(),
            _ => own.flat_map(|api| api.profile.client_auth.iter().copied()).collect(),
        };
        if !self.app.may_authenticate_by(presented.method(), &methods) {
            return Err(Denial::new(OAuthError::InvalidClient, Reason::AuthMethodNotAllowed).into());
        }
        Ok(client)
    }
}
