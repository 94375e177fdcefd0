//! A user on the way from an authorization request to its answer, and everything that the way depends on.

use grantor_core::app::App;
use grantor_core::authorize::interaction::{Facts, Progress, Step, next};
use grantor_core::authorize::request::{AuthorizationRequest, Prompt, ReplyTo, ResponseMode};
use grantor_core::document::{Acceptance, Document};
use grantor_core::env::UnixMillis;
use grantor_core::error::Denial;
use grantor_core::grant::{ClaimsRequest, Consent};
use grantor_core::scope::ScopeSet;
use grantor_core::tenant::Tenant;
use grantor_core::user::{Evidence, Membership, Role, User};

use crate::facts::{NOW, scopes};
use crate::people::{CALLBACK, CHALLENGE, evidence, user, world_with_users};

pub(crate) fn request() -> AuthorizationRequest {
    AuthorizationRequest {
        client_id: "acme".parse().expect("a client id"),
        reply_to: ReplyTo {
            redirect_uri: CALLBACK.to_owned(),
            redirect_uri_sent: true,
            mode: ResponseMode::Query,
            state: None,
        },
        api: Some(world_with_users().apis[0].id),
        scopes: scopes("openid read write"),
        challenge: Some(CHALLENGE.to_owned()),
        nonce: None,
        prompt: Prompt::default(),
        max_age: None,
        login_hint: None,
        expected_sub: None,
        ui_locales: Vec::new(),
        unmet_acr: false,
        claims: ClaimsRequest::default(),
        tenant_hint: None,
    }
}

/// All that the checks look at, owned, so that a test can change it.
pub(crate) struct Visit {
    pub(crate) request: Option<AuthorizationRequest>,
    pub(crate) app: App,
    pub(crate) progress: Progress,
    /// What the browser's session proves; a log-in within the interaction comes before it.
    pub(crate) session: Option<Evidence>,
    pub(crate) user: User,
    pub(crate) memberships: Vec<Membership>,
    pub(crate) tenants: Vec<Tenant>,
    pub(crate) documents: Vec<Document>,
    pub(crate) acceptances: Vec<Acceptance>,
    pub(crate) consents: Vec<Consent>,
    pub(crate) server_scopes: ScopeSet,
    pub(crate) now: UnixMillis,
}

impl Visit {
    /// Somebody who signed in a minute ago and allowed everything before: nothing is left to do.
    pub(crate) fn done() -> Self {
        let world = world_with_users();
        let user = user(5);
        let consent = Consent {
            user: user.id,
            app: world.app.id,
            tenant: world.tenant.id,
            scopes: scopes("openid read write"),
            granted_at: NOW,
        };
        Self {
            request: Some(request()),
            app: world.app,
            progress: Progress::default(),
            session: Some(evidence(&user)),
            user,
            memberships: Vec::new(),
            tenants: vec![world.tenant],
            documents: Vec::new(),
            acceptances: Vec::new(),
            consents: vec![consent],
            server_scopes: ScopeSet::default(),
            now: NOW.plus_seconds(60),
        }
    }

    pub(crate) fn asked(&mut self) -> &mut AuthorizationRequest {
        self.request.as_mut().expect("the visit has a request")
    }

    /// Logs in within the interaction, now.
    pub(crate) fn log_in(&mut self) {
        self.progress.evidence = Some(Evidence { auth_time: self.now, ..evidence(&self.user) });
    }

    pub(crate) fn member_of(&mut self, tenant: &Tenant) {
        let membership = Membership { user: self.user.id, tenant: tenant.id, roles: vec![Role::Viewer] };
        self.memberships.push(membership);
        self.tenants.push(tenant.clone());
    }

    /// Decides, and hands the step to be looked at.
    pub(crate) fn next<T>(&self, look: impl FnOnce(Result<Step<'_>, Denial>) -> T) -> T {
        let evidence = self.progress.evidence.as_ref().or(self.session.as_ref());
        let sub = self.user.id.to_string();
        look(next(&Facts {
            request: self.request.as_ref(),
            app: self.request.as_ref().map(|_| &self.app),
            progress: &self.progress,
            evidence,
            user: evidence.map(|_| &self.user),
            sub: evidence.map(|_| sub.as_str()),
            memberships: &self.memberships,
            tenants: &self.tenants,
            documents: &self.documents,
            acceptances: &self.acceptances,
            consents: &self.consents,
            server_scopes: &self.server_scopes,
            now: self.now,
        }))
    }
}
