//! Facts with a user in them: who signed in, what they were granted, and one try at the token endpoint.

use std::sync::Arc;

use grantor_core::api::Api;
use grantor_core::client_auth::{Presented, authenticate};
use grantor_core::decision::{Decision, Write};
use grantor_core::document::{self, Acceptance, Document, DocumentVersion};
use grantor_core::env::{Env, UnixMillis};
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::grant::{ClaimsRequest, CodeBinding, EndReason, Grant, GrantLogin, GrantState};
use grantor_core::id::{DocumentId, GrantId, SessionId, TenantId, UserId};
use grantor_core::id_token::IdTokenDraft;
use grantor_core::issue::TokenDraft;
use grantor_core::profile::GrantType;
use grantor_core::refresh_token::{RefreshToken, spell_refresh_token};
use grantor_core::secret::{Brand, Stage};
use grantor_core::session::Session;
use grantor_core::tenant::{Status, Tenant};
use grantor_core::token::{Granted, TokenRequest, authorization_code, password, refresh};
use grantor_core::user::{ACR_PASSWORD, Amr, Evidence, Membership, User};

use crate::facts::{NOW, Seeded, World, api, basic, peppers, plain, scopes};

/// Where the app gets its answers.
pub(crate) const CALLBACK: &str = "https://rp.test/cb";
/// The example of RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// Its challenge.
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// A verifier that is well-formed and another one.
pub(crate) const OTHER_VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXK";

pub(crate) fn user(number: u8) -> User {
    User {
        id: UserId::from_bytes([number; 16]),
        environment: grantor_core::id::EnvironmentId::from_bytes([1; 16]),
        email: "ada@example.org".parse().expect("an address"),
        email_verified_at: Some(UnixMillis(0)),
        name: Some("Ada".to_owned()),
        password: None,
        status: Status::Active,
        epoch: 0,
        created_at: UnixMillis(0),
        updated_at: UnixMillis(1_600_000_000_000),
    }
}

/// What the user's log-in at `NOW` has proved.
pub(crate) fn evidence(user: &User) -> Evidence {
    Evidence { user: user.id, epoch: user.epoch, auth_time: NOW, amr: vec![Amr::Pwd], session: None }
}

pub(crate) fn session(user: &User) -> Session {
    Session {
        id: SessionId::from_bytes([6; 16]),
        environment: user.environment,
        user: user.id,
        epoch: user.epoch,
        sid: "sid-of-the-browser".to_owned(),
        auth_time: NOW,
        amr: vec![Amr::Pwd],
        seen_at: NOW,
        ends_at: NOW.plus_seconds(12 * 3_600),
        ended_at: None,
    }
}

/// A document of everybody with these versions: number, when it takes effect, seconds of grace.
pub(crate) fn document(number: u8, kind: &str, versions: &[(i64, UnixMillis, i64)]) -> Document {
    let version = |&(number, effective_at, grace_seconds): &(i64, UnixMillis, i64)| DocumentVersion {
        number,
        effective_at,
        grace_seconds,
        texts: std::collections::BTreeMap::new(),
        hash: format!("hash-{number}"),
    };
    Document {
        id: DocumentId::from_bytes([number; 16]),
        tenant: None,
        kind: kind.parse().expect("a kind"),
        versions: versions.iter().map(version).collect(),
    }
}

pub(crate) fn acceptance(user: &User, tenant: Option<TenantId>, of: &Document, version: i64) -> Acceptance {
    Acceptance {
        user: user.id,
        tenant,
        document: of.id,
        version,
        hash: format!("hash-{version}"),
        at: NOW,
        address: "192.0.2.1".to_owned(),
    }
}

/// A world in which users may sign in to `acme` for `payments`: by code and by password, both refreshable.
pub(crate) fn world_with_users() -> World {
    let mut world = World::new();
    world.app.grants = GrantType::ALL.to_vec();
    world.app.metadata.redirect_uris = vec![CALLBACK.parse().expect("a redirect URI")];
    let profile = world.payments_profile();
    profile.grants = vec![GrantType::ClientCredentials, GrantType::AuthorizationCode, GrantType::Password];
    profile.refresh.grants = vec![GrantType::AuthorizationCode, GrantType::Password];
    world
}

/// The API of apps that have none.
pub(crate) fn userinfo() -> Arc<Api> {
    let mut userinfo = api(0, "who", "");
    userinfo.profile = Arc::new(grantor_core::profile::Profile::of_userinfo().expect("a profile"));
    Arc::new(userinfo)
}

/// One try at the token endpoint with all that it meets. A test changes what it is about.
pub(crate) struct Attempt {
    pub(crate) world: World,
    /// For which tenant the user signed in: the app's own, unless a test says otherwise.
    pub(crate) tenant: Tenant,
    pub(crate) user: User,
    pub(crate) sub: String,
    pub(crate) session: Option<Session>,
    pub(crate) memberships: Vec<Membership>,
    pub(crate) grant: Grant,
    pub(crate) documents: Vec<Document>,
    pub(crate) acceptances: Vec<Acceptance>,
    pub(crate) evidence: Evidence,
    pub(crate) presented: Presented,
    pub(crate) request: TokenRequest,
    pub(crate) token: RefreshToken,
    pub(crate) now: UnixMillis,
}

impl Attempt {
    /// A code of ten seconds ago, made with PKCE and with `redirect_uri`, presented as it should be.
    pub(crate) fn code() -> Self {
        let world = world_with_users();
        let user = user(5);
        let session = session(&user);
        let grant = Grant {
            id: GrantId::from_number(77),
            environment: world.environment.id,
            app: world.app.id,
            tenant: world.tenant.id,
            user: user.id,
            api: Some(world.apis[0].id),
            origin: GrantType::AuthorizationCode,
            scopes: scopes("read write"),
            state: GrantState::Code,
            epoch: 0,
            generation: 0,
            rotated_at: NOW,
            nonce: [8; 16],
            ends_at: NOW.plus_seconds(30 * 86_400),
            code: Some(CodeBinding {
                expires_at: NOW.plus_seconds(60),
                redirect_uri: CALLBACK.to_owned(),
                redirect_uri_sent: true,
                challenge: Some(CHALLENGE.to_owned()),
            }),
            login: GrantLogin {
                auth_time: NOW,
                amr: vec![Amr::Pwd],
                acr: ACR_PASSWORD.to_owned(),
                session: Some(session.id),
                sid: Some(session.sid.clone()),
                nonce: Some("n-0S6_WzA2Mj".to_owned()),
                claims: ClaimsRequest::default(),
            },
            created_at: NOW,
            ended_reason: None,
        };
        Self {
            sub: user.id.to_string(),
            evidence: evidence(&user),
            session: Some(session),
            memberships: Vec::new(),
            documents: Vec::new(),
            acceptances: Vec::new(),
            presented: basic(),
            request: TokenRequest {
                grant: GrantType::AuthorizationCode,
                redirect_uri: Some(CALLBACK.to_owned()),
                code_verifier: Some(VERIFIER.to_owned()),
                ..plain()
            },
            token: spelled(&grant, 1),
            now: NOW.plus_seconds(10),
            tenant: world.tenant.clone(),
            world,
            user,
            grant,
        }
    }

    /// The fifth refresh token of a Grant, a day after the fourth was exchanged for it.
    pub(crate) fn refresh() -> Self {
        let mut attempt = Self::code();
        attempt.grant.state = GrantState::Active;
        attempt.grant.generation = 5;
        attempt.request = TokenRequest { grant: GrantType::RefreshToken, ..plain() };
        attempt.now = NOW.plus_seconds(86_400);
        attempt.presenting(5)
    }

    /// A right password.
    pub(crate) fn password() -> Self {
        let request = TokenRequest { grant: GrantType::Password, ..plain() };
        Self { request, now: NOW, ..Self::code() }
    }

    /// The same with the refresh token of another generation.
    pub(crate) fn presenting(mut self, generation: i64) -> Self {
        self.token = spelled(&self.grant, generation);
        self
    }

    pub(crate) fn binding(&mut self) -> &mut CodeBinding {
        self.grant.code.as_mut().expect("the Grant of the tests has a code")
    }

    pub(crate) fn open_at(&mut self, effective_at: UnixMillis, grace_seconds: i64) {
        let versions = [(1, UnixMillis(0), 0), (2, effective_at, grace_seconds)];
        let terms = document(20, "terms", &versions);
        self.acceptances = vec![acceptance(&self.user, Some(self.grant.tenant), &terms, 1)];
        self.documents = vec![terms];
    }

    /// What RFC 6749 4.1.3 makes of it.
    pub(crate) fn redeem(&self) -> Decision<Seen> {
        let facts = authorization_code::Facts {
            environment: &self.world.environment,
            presented: &self.presented,
            grant: &self.grant,
            api: &self.world.apis[0],
            tenant: &self.tenant,
            accesses: &self.world.accesses,
            user: &self.user,
            sub: &self.sub,
            memberships: &self.memberships,
            session: self.session.as_ref(),
        };
        self.with_env(|client, env| seen(authorization_code::redeem(&self.request, client, &facts, env)))
    }

    /// What RFC 6749 6 makes of it.
    pub(crate) fn exchange(&self) -> Decision<Seen> {
        let tenant = Some(self.tenant.id);
        let facts = refresh::Facts {
            environment: &self.world.environment,
            presented: &self.presented,
            token: self.token,
            grant: &self.grant,
            peppers: &peppers(),
            api: &self.world.apis[0],
            tenant: &self.tenant,
            accesses: &self.world.accesses,
            user: &self.user,
            sub: &self.sub,
            session: self.session.as_ref(),
            memberships: &self.memberships,
            open_documents: &document::open(&self.documents, tenant, &self.acceptances, self.now),
        };
        self.with_env(|client, env| seen(refresh::refresh(&self.request, client, &facts, env)))
    }

    /// What RFC 6749 4.3 makes of it.
    pub(crate) fn sign_in(&self) -> Decision<(Seen, Grant)> {
        let tenant = Some(self.tenant.id);
        let facts = password::Facts {
            environment: &self.world.environment,
            presented: &self.presented,
            api: &self.world.apis[0],
            tenant: &self.tenant,
            accesses: &self.world.accesses,
            user: &self.user,
            sub: &self.sub,
            evidence: &self.evidence,
            open_documents: &document::open(&self.documents, tenant, &self.acceptances, self.now),
        };
        self.with_env(|client, env| {
            let Decision { outcome, writes, events } = password::grant(&self.request, client, &facts, env);
            let outcome = outcome.map(|(granted, grant)| (Seen::from(granted), grant));
            Decision { outcome, writes, events }
        })
    }

    fn with_env<T>(
        &self,
        decide: impl FnOnce(&grantor_core::client_auth::AuthenticatedApp<'_>, &mut Env<'_>) -> Decision<T>,
    ) -> Decision<T> {
        let secret = self.presented.candidates().next().and_then(|(_, secret)| secret);
        let client = authenticate(&self.world.app, &self.world.tenant, secret, &peppers(), self.now);
        let mut rng = Seeded(1);
        match client {
            Ok(client) => decide(&client, &mut Env { now: self.now, rng: &mut rng }),
            Err(denial) => Decision::refuse(denial),
        }
    }
}

/// The refresh token of a generation, as it comes back.
pub(crate) fn spelled(grant: &Grant, generation: i64) -> RefreshToken {
    let secret = spell_refresh_token(grant, generation, &peppers(), (&Brand::default(), Stage::Live));
    RefreshToken::parse(secret.reveal(), &Brand::default(), Stage::Live).expect("what we spell we read")
}

/// What a client gets, before anything is signed.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) draft: TokenDraft,
    pub(crate) refresh: Option<i64>,
    pub(crate) id_token: Option<IdTokenDraft>,
}

impl From<Granted<'_>> for Seen {
    fn from(granted: Granted<'_>) -> Self {
        Self { draft: granted.draft, refresh: granted.refresh, id_token: granted.id_token }
    }
}

fn seen(decision: Decision<Granted<'_>>) -> Decision<Seen> {
    let Decision { outcome, writes, events } = decision;
    Decision { outcome: outcome.map(Seen::from), writes, events }
}

/// What a decision changes, in a form that can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Insert,
    Redeem { generation: i64 },
    Advance { from: i64 },
    End(EndReason),
}

/// The writes of a decision. Each must be about this Grant, at this moment.
pub(crate) fn effects<T>(decision: &Decision<T>, grant: GrantId, now: UnixMillis) -> Vec<Effect> {
    let effect = |write: &Write| {
        let (id, when, effect) = match write {
            Write::InsertGrant(grant, _) => (grant.id, grant.created_at, Effect::Insert),
            Write::RedeemCode { grant, generation, at } => {
                (*grant, *at, Effect::Redeem { generation: *generation })
            }
            Write::AdvanceRefresh { grant, from, at } => (*grant, *at, Effect::Advance { from: *from }),
            Write::EndGrant { grant, reason, at } => (*grant, *at, Effect::End(*reason)),
            _ => panic!("a grant changes nothing but Grants"),
        };
        assert_eq!((id, when), (grant, now), "{effect:?}");
        effect
    };
    decision.writes.iter().map(effect).collect()
}

/// A change of the facts, what is said about it, and what it changes.
pub(crate) struct Refusal {
    pub(crate) name: &'static str,
    pub(crate) change: fn(&mut Attempt),
    pub(crate) error: OAuthError,
    pub(crate) reason: Reason,
    pub(crate) ends: Option<EndReason>,
}

/// A refusal that changes nothing.
pub(crate) const fn refuses(
    name: &'static str,
    change: fn(&mut Attempt),
    error: OAuthError,
    reason: Reason,
) -> Refusal {
    Refusal { name, change, error, reason, ends: None }
}

/// A refusal that ends the Grant.
pub(crate) const fn ends(
    name: &'static str,
    change: fn(&mut Attempt),
    reason: Reason,
    why: EndReason,
) -> Refusal {
    Refusal { name, change, error: OAuthError::InvalidGrant, reason, ends: Some(why) }
}

impl Refusal {
    /// Compares a decision with this row: the error, the reason, every write, and that the audit hears of an end.
    pub(crate) fn check(&self, attempt: &Attempt, decision: &Decision<Seen>) {
        let Err(Denial { error, reason, .. }) = &decision.outcome else { panic!("granted: {}", self.name) };
        assert_eq!((*error, *reason), (self.error, self.reason), "{}", self.name);
        let expected: Vec<_> = self.ends.iter().map(|why| Effect::End(*why)).collect();
        assert_eq!(effects(decision, attempt.grant.id, attempt.now), expected, "{}", self.name);
        let events: Vec<_> =
            decision.events.iter().map(|event| (event.action, event.target.clone())).collect();
        let end = |_: &EndReason| ("grant.end", attempt.grant.id.to_string());
        assert_eq!(events, self.ends.iter().map(end).collect::<Vec<_>>(), "{}", self.name);
        if let Some(why) = self.ends {
            assert_eq!(decision.events[0].detail["reason"], why.as_str(), "{}", self.name);
        }
    }
}
