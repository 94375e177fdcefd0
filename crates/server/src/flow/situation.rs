//! Everything that the checks of an interaction look at, loaded for one request of a browser: who is signed in, what was
//! asked for, what is remembered. Loaded anew for every page: nothing that a page was shown with is believed later.

use std::sync::Arc;

use grantor_core::api::Api;
use grantor_core::app::App;
use grantor_core::authorize::interaction::{self, Progress, Step};
use grantor_core::authorize::request::AuthorizationRequest;
use grantor_core::client_metadata::Tenancy;
use grantor_core::document::{Acceptance, Document};
use grantor_core::env::UnixMillis;
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::grant::Consent;
use grantor_core::id::{TenantId, UserId};
use grantor_core::interaction::Interaction;
use grantor_core::redirect_uri::RedirectUri;
use grantor_core::scope::ScopeSet;
use grantor_core::session::Session;
use grantor_core::subject::subject;
use grantor_core::tenant::Tenant;
use grantor_core::user::{Evidence, Membership, User};
use grantor_core::{access, secret::CredentialType};

use super::browser::{BrowserCall, Presence};
use super::{Fault, FlowError};
use crate::cache::TenantFacts;
use crate::catalogue::{Catalogue, EnvironmentState};
use crate::node::Node;

/// The facts of one moment.
pub struct Situation {
    /// What was asked for; `None` is a plain sign-in.
    pub request: Option<AuthorizationRequest>,
    /// How far the user has come.
    pub progress: Progress,
    /// The app that asks.
    pub app: Option<Arc<App>>,
    /// The API that it asks for.
    pub api: Option<Arc<Api>>,
    /// The session of the browser, if it signs somebody in.
    pub session: Option<Session>,
    /// The session of the browser, if it signs nobody in any more and has not ended.
    pub idle_session: Option<Session>,
    /// The user in question.
    pub user: Option<User>,
    /// The tenants that may be signed in to.
    pub tenants: Vec<Arc<TenantFacts>>,
    owner: Option<Arc<TenantFacts>>,
    evidence: Option<Evidence>,
    sub: Option<String>,
    memberships: Vec<Membership>,
    tenant_rows: Vec<Tenant>,
    acceptances: Vec<Acceptance>,
    consents: Vec<Consent>,
    server_scopes: ScopeSet,
    catalogue: Arc<Catalogue>,
    now: UnixMillis,
}

/// What was proved here is worth as much as the session that came of it: in another browser, or signed out since, nobody is
/// signed in and nothing was chosen. Nor is it, where somebody else has signed in after a password was typed and left.
fn is_lost(progress: &Progress, session: Option<&Session>) -> bool {
    let Some(evidence) = &progress.evidence else { return false };
    match (evidence.session, session) {
        (Some(became), session) => session.is_none_or(|session| session.id != became),
        (None, Some(session)) => session.user != evidence.user && session.auth_time >= evidence.auth_time,
        (None, None) => false,
    }
}

/// Whether the app may still act, and the answer may still go where it was to go. Gives the tenant whose app it is.
async fn still_trusted(
    node: &Node,
    app: &App,
    request: &AuthorizationRequest,
) -> Result<Arc<TenantFacts>, FlowError> {
    const WITHDRAWN: Denial = Denial::hinted(
        OAuthError::InvalidRequest,
        Reason::UnknownClient,
        "This app may no longer sign users in, or no longer at this address.",
    );
    let owner = node.cache.tenant(&node.store, app.tenant).await?;
    let known = |uri: &RedirectUri| uri.matches(&request.reply_to.redirect_uri);
    let may = app.status.is_active() && app.metadata.redirect_uris.iter().any(known);
    owner.filter(|owner| may && owner.tenant.status.is_active()).ok_or(WITHDRAWN.into())
}

impl Situation {
    /// Loads what concerns a request, or a plain sign-in, in this browser.
    ///
    /// # Errors
    /// Storage trouble; an app or API that has gone since the request was stored.
    pub async fn load(
        node: &Node,
        call: &BrowserCall<'_>,
        request: Option<AuthorizationRequest>,
        progress: Progress,
    ) -> Result<Self, FlowError> {
        let state = call.state;
        let environment = state.environment.id;
        let mut owner = None;
        let (app, api) = match &request {
            None => (None, None),
            Some(request) => {
                let app = node.cache.app(&node.store, environment, request.client_id.as_str()).await?;
                let api = match request.api {
                    None => Some(&state.userinfo),
                    Some(id) => state.api_by_id(id),
                };
                let app = app.ok_or(Fault::Internal)?;
                // Trusted when the request came; whoever has withdrawn that since is heard (RFC 6749 4.1.2.1).
                owner = Some(still_trusted(node, &app, request).await?);
                (Some(app), Some(api.ok_or(Fault::Internal)?.clone()))
            }
        };
        let (session, session_user, idle_session) = match call.session(node).await? {
            Presence::SignedIn(session, user) => (Some(session), Some(user), None),
            Presence::Idle(session) => (None, None, Some(session)),
            Presence::Nobody => (None, None, None),
        };
        let progress = if is_lost(&progress, session.as_ref()) { Progress::default() } else { progress };
        let (evidence, user) = match &progress.evidence {
            Some(evidence) => (Some(evidence.clone()), node.store.user(environment, evidence.user).await?),
            None => (session.as_ref().map(Session::evidence), session_user),
        };
        let mut situation = Self {
            sub: None,
            memberships: Vec::new(),
            tenants: Vec::new(),
            tenant_rows: Vec::new(),
            acceptances: Vec::new(),
            consents: Vec::new(),
            server_scopes: api.as_ref().map_or_else(ScopeSet::default, |api| api.server_scopes.clone()),
            catalogue: node.catalogue_full(),
            now: node.now(),
            request,
            progress,
            app,
            api,
            session,
            idle_session,
            owner,
            user,
            evidence,
        };
        if let Some(user) = situation.user.as_ref().map(|user| user.id) {
            situation.load_user(node, state, user).await?;
        }
        situation.load_tenants(node).await?;
        Ok(situation)
    }

    async fn load_user(
        &mut self,
        node: &Node,
        state: &EnvironmentState,
        user: UserId,
    ) -> Result<(), FlowError> {
        if !self.catalogue.documents.is_empty() {
            self.acceptances = node.store.acceptances(user).await?;
        }
        if let Some(app) = &self.app {
            self.sub = Some(subject(user, app, &state.keys.pairwise));
            self.consents = node.store.consents(user, app.id).await?;
            if app.metadata.tenancy == Tenancy::Members {
                self.memberships = node.store.memberships(user).await?;
            }
        }
        Ok(())
    }

    /// The tenants in question whose access to the API is open.
    async fn load_tenants(&mut self, node: &Node) -> Result<(), FlowError> {
        let (Some(app), Some(api)) = (&self.app, &self.api) else { return Ok(()) };
        let ids: Vec<TenantId> = match app.metadata.tenancy {
            Tenancy::Own => vec![app.tenant],
            Tenancy::Members => self.memberships.iter().map(|member| member.tenant).collect(),
        };
        for id in ids {
            let Some(facts) = node.cache.tenant(&node.store, id).await? else { continue };
            if access::open(&facts.tenant, &facts.accesses, api).is_ok() {
                self.tenant_rows.push(facts.tenant.clone());
                self.tenants.push(facts);
            }
        }
        Ok(())
    }

    /// What comes next.
    ///
    /// # Errors
    /// The refusal that the app is told.
    pub fn next(&self) -> Result<Step<'_>, Denial> {
        interaction::next(&interaction::Facts {
            request: self.request.as_ref(),
            app: self.app.as_deref(),
            progress: &self.progress,
            evidence: self.evidence.as_ref(),
            user: self.user.as_ref(),
            sub: self.sub.as_deref(),
            memberships: &self.memberships,
            tenants: &self.tenant_rows,
            documents: self.documents(),
            acceptances: &self.acceptances,
            consents: &self.consents,
            server_scopes: &self.server_scopes,
            now: self.now,
        })
    }

    /// Whose app it is; for an app of all partners not whom the user signs in for.
    pub fn owner(&self) -> Option<&Tenant> {
        self.owner.as_ref().map(|facts| &facts.tenant)
    }

    /// The evidence that counts.
    pub fn evidence(&self) -> Option<&Evidence> {
        self.evidence.as_ref()
    }

    /// The tenant of the sign-in, as far as it is decided.
    pub fn tenant(&self) -> Option<TenantId> {
        match &self.tenant_rows[..] {
            [only] => Some(only.id),
            _ => self.progress.tenant.or(self.request.as_ref().and_then(|request| request.tenant_hint)),
        }
    }

    /// The facts of a tenant that may be signed in to.
    pub fn tenant_facts(&self, id: TenantId) -> Option<&Arc<TenantFacts>> {
        self.tenants.iter().find(|facts| facts.tenant.id == id)
    }

    /// What is remembered for a tenant.
    pub fn consent(&self, tenant: TenantId) -> Option<&Consent> {
        self.consents.iter().find(|consent| consent.tenant == tenant)
    }

    /// Every document that there is.
    pub fn documents(&self) -> &[Document] {
        &self.catalogue.documents
    }

    /// Looks at the evidence of the interaction anew, after it has changed.
    pub fn refresh_evidence(&mut self) {
        if self.progress.evidence.is_some() {
            self.evidence.clone_from(&self.progress.evidence);
        }
    }

    /// Notes what the user has just accepted, for the next look.
    pub fn accept(&mut self, acceptances: Vec<Acceptance>) {
        self.acceptances.extend(acceptances);
    }
}

/// The interaction of a handle, if it waits in this browser. Unknown, ended, too late, or of another browser: none, without
/// a difference.
///
/// # Errors
/// Storage trouble.
pub async fn interaction(
    node: &Node,
    call: &BrowserCall<'_>,
    handle: &str,
) -> Result<Option<Interaction>, FlowError> {
    let environment = call.state.environment.id;
    let handle = grantor_core::secret::Secret::presented(handle.to_owned());
    let browsers = call.candidates(node, CredentialType::Browser, call.browser.browser.as_ref());
    for hash in call.candidates(node, CredentialType::Interaction, Some(&handle)) {
        let Some(found) = node.store.interaction_by_handle(environment, hash.mac).await? else { continue };
        let same = |browser: &grantor_core::secret::SecretHash| {
            aws_lc_rs::constant_time::verify_slices_are_equal(&browser.mac, &found.browser.mac).is_ok()
        };
        let good = node.now() < found.expires_at && browsers.iter().any(same);
        return Ok(good.then_some(found));
    }
    Ok(None)
}
