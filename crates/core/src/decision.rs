//! A decision: the outcome, the writes as data, the audit events. A refusal may write.

use std::sync::Arc;

use crate::access::Access;
use crate::api::Api;
use crate::api_key::ApiKey;
use crate::app::{App, SecretVersion};
use crate::audit_chain::Batch;
use crate::authorize::interaction::Progress;
use crate::case::CaseWrite;
use crate::change::Change;
use crate::claimed_request::{ClaimedRequest, KeptAnswer};
use crate::contract::Contract;
use crate::credential_write::CredentialWrite;
use crate::document::{Acceptance, Document, DocumentVersion, TenantAcceptance};
use crate::env::UnixMillis;
use crate::environment::Environment;
use crate::error::Denial;
use crate::grant::{Consent, EndReason, Grant};
use crate::id::{
    ApiId, ApiKeyId, AppId, DocumentId, EnvironmentId, GrantId, InteractionId, MailId, OperatorId, SessionId,
    SignupId, TenantId, UserId,
};
use crate::incident::IncidentWrite;
use crate::interaction::Interaction;
use crate::lockout::Failures;
use crate::onboarding::{AccessMove, AccessStep};
use crate::outbox::Mail;
use crate::password::PasswordHash;
use crate::permission::OperatorRole;
use crate::profile::Profile;
use crate::record::Record;
use crate::secret::SecretHash;
use crate::session::Session;
use crate::signing_key::{KeyState, KeyUse};
use crate::signup::Signup;
use crate::tenant::{Status, Tenant};
use crate::user::{Membership, User};
use crate::webhook::write::WebhookWrite;

pub use crate::audit_event::{AuditEvent, Concern};

/// What was decided. The writes are applied as one unit before anybody hears the outcome, also when it is a refusal.
pub struct Decision<T> {
    /// The answer, or the refusal.
    pub outcome: Result<T, Denial>,
    /// What changes.
    pub writes: Vec<Write>,
    /// What the audit will say; stored in the same unit.
    pub events: Vec<AuditEvent>,
}

impl<T> Decision<T> {
    /// An answer that changes nothing yet.
    pub fn ok(outcome: T) -> Self {
        Self { outcome: Ok(outcome), writes: Vec::new(), events: Vec::new() }
    }

    /// A refusal that changes nothing yet.
    pub fn refuse(denial: Denial) -> Self {
        Self { outcome: Err(denial), writes: Vec::new(), events: Vec::new() }
    }

    /// Adds a write.
    #[must_use]
    pub fn write(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }

    /// Adds an audit event.
    #[must_use]
    pub fn event(mut self, event: AuditEvent) -> Self {
        self.events.push(event);
        self
    }
}

/// A key of the ring with its private half already sealed under the master key.
#[derive(Clone)]
pub struct StoredKey {
    /// Its id: the thumbprint of a signing key, a number for the others.
    pub kid: String,
    /// Whose.
    pub environment: EnvironmentId,
    /// What for.
    pub usage: KeyUse,
    /// Its algorithm's name.
    pub algorithm: String,
    /// Where it stands.
    pub state: KeyState,
    /// The public JWK, for signing keys.
    pub public: Option<String>,
    /// The sealed private half; empty once it is retired.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it began to be used.
    pub activated_at: Option<UnixMillis>,
    /// When it leaves the ring.
    pub retires_at: Option<UnixMillis>,
    /// How many tokens it has sealed, as far as that is written.
    pub uses: i64,
}

/// Everything that Grantor can do to its data. A variant that changes a state names the old state, and the store
/// expects exactly one row: whoever comes second gets a conflict and decides again.
#[derive(Clone)]
pub enum Write {
    /// Makes or changes an environment.
    PutEnvironment(Environment),
    /// Makes or changes a profile.
    PutProfile(Arc<Profile>),
    /// Makes or changes an API; the profile is stored by name.
    PutApi(Arc<Api>),
    /// Makes a tenant.
    InsertTenant(Tenant, UnixMillis),
    /// Changes a tenant's name for people.
    RenameTenant(TenantId, String),
    /// Suspends, resumes or closes a tenant.
    SetTenantStatus(StatusChange<TenantId>),
    /// Makes an access.
    InsertAccess(Access, UnixMillis),
    /// Changes the terms of an access: scopes, lifetimes, quota class.
    ChangeAccess(Access),
    /// Moves an access on: guarded by where it stood. Leaving `approved` raises the epoch.
    MoveAccess(AccessMove),
    /// Records the contract of an access as signed.
    RecordContract(TenantId, ApiId, Contract),
    /// Adds an entry to the history of an access.
    NoteAccessStep(Box<AccessStep>),
    /// Records that a version was accepted in a tenant's name. Twice is once.
    AcceptForTenant(TenantAcceptance),
    /// Makes an app; the store refuses a client id whose skeleton was ever taken in the environment.
    InsertApp(App),
    /// Changes an app's registration: name, method, grants, APIs, scopes.
    ChangeApp(App),
    /// Suspends, resumes or closes an app.
    SetAppStatus(StatusChange<AppId>),
    /// Raises an app's epoch: every token that it holds ends.
    EndAppTokens(AppId),
    /// Adds a version of an app's secret.
    InsertSecret(AppId, SecretVersion),
    /// Sets the end of a secret version that has not been ended.
    EndSecret {
        /// Whose.
        app: AppId,
        /// Which.
        version: i64,
        /// When it ends.
        at: UnixMillis,
    },
    /// Sets or shortens the expiry of a secret version: the overlap of a rotation. Never lengthens it.
    ScheduleSecretEnd {
        /// Whose.
        app: AppId,
        /// Which.
        version: i64,
        /// When it ceases to authenticate.
        at: UnixMillis,
        /// The version that takes its place; `None` where a person chose the end, which no cancelled rotation lifts.
        by: Option<i64>,
        /// When people are reminded of it next.
        remind_at: Option<UnixMillis>,
    },
    /// Changes a credential that lives on.
    Credential(CredentialWrite),
    /// Notes that a credential of the app was seen where it must not be.
    MarkExposed(AppId, UnixMillis),
    /// Makes an API key.
    InsertApiKey(ApiKey, SecretHash),
    /// Opens or answers a case.
    Case(CaseWrite),
    /// Suspends, resumes or revokes an API key, with the reason of a revocation.
    SetApiKeyStatus(StatusChange<ApiKeyId>, Option<String>),
    /// Revokes one access token until it would have ended.
    RevokeToken {
        /// Where it was issued.
        environment: EnvironmentId,
        /// Its id.
        jti: String,
        /// Its end, in seconds: the row is of no use after that.
        expires_at: i64,
    },
    /// Adds a key to the ring.
    InsertKey(StoredKey),
    /// Moves a key on in its life.
    AdvanceKey(KeyStep),
    /// Makes an operator's token.
    InsertOperator {
        /// Its row.
        id: OperatorId,
        /// Who.
        name: String,
        /// What for.
        role: OperatorRole,
        /// The token's keyed hash.
        hash: SecretHash,
        /// When.
        at: UnixMillis,
    },
    /// Notes what decides nothing: counts, last uses, the request log, notices.
    Record(Record),
    /// Ends an operator's token. Guarded: the last one that may do everything cannot be ended.
    EndOperator(OperatorId, UnixMillis),
    /// Notes that a request with an `Idempotency-Key` is carried out, in the unit of what it does. The same key again is a
    /// duplicate, which undoes the unit: nothing is done twice.
    ClaimRequest(ClaimedRequest),
    /// Keeps the answer to such a request, sealed.
    KeepAnswer(KeptAnswer),
    /// Adds to the count of tokens that the environment's active sealing key has sealed.
    CountSealed {
        /// Whose.
        environment: EnvironmentId,
        /// How many more.
        count: i64,
    },
    /// Makes a user; the store refuses an address that is taken in the environment.
    InsertUser(Box<User>),
    /// Suspends, resumes or closes a user.
    SetUserStatus(StatusChange<UserId>),
    /// Replaces the stored hash of a password by one of the same password at the present cost. Guarded by the old hash.
    RehashPassword {
        /// Whose.
        user: UserId,
        /// The hash that was verified.
        from: PasswordHash,
        /// The new one.
        to: PasswordHash,
    },
    /// Sets a password, whatever it was before. Ends the user's sessions, Grants and tokens: whoever knew the old password
    /// keeps nothing.
    SetPassword {
        /// Whose.
        user: UserId,
        /// The hash of the new one.
        to: PasswordHash,
        /// When.
        at: UnixMillis,
    },
    /// Makes or changes a membership.
    PutMembership(Membership),
    /// Ends a membership, and what the user has allowed for that tenant.
    RemoveMembership {
        /// Whose.
        user: UserId,
        /// Where.
        tenant: TenantId,
        /// When.
        at: UnixMillis,
    },
    /// Makes a browser session. The hash is that of its cookie.
    InsertSession(Session, SecretHash),
    /// The same user has signed in again in the same browser: the session goes on under a new cookie, so that what hangs
    /// on it lives on and the old cookie is worth nothing.
    RenewSession(Session, SecretHash),
    /// Notes the use of a session.
    TouchSession(SessionId, UnixMillis),
    /// Ends a session, and every OpenID Grant that lives only as long as it.
    EndSession(SessionId, UnixMillis),
    /// Begins an interaction.
    InsertInteraction(Box<Interaction>),
    /// Moves an interaction on. Guarded by its version, so that two pages cannot both move it.
    AdvanceInteraction {
        /// Which.
        id: InteractionId,
        /// The version that was looked at.
        from: i64,
        /// How far the user has come now.
        progress: Progress,
        /// What ties it to the browser from now on: renewed at a log-in, so that a handle from before is of no use.
        browser: SecretHash,
    },
    /// Ends an interaction: answered, or given up. Guarded by its version.
    EndInteraction {
        /// Which.
        id: InteractionId,
        /// The version that was looked at.
        from: i64,
    },
    /// Remembers what a user has allowed.
    PutConsent(Consent),
    /// Forgets it, and ends every Grant of that app by that user.
    WithdrawConsent {
        /// Who.
        user: UserId,
        /// Whom.
        app: AppId,
        /// When.
        at: UnixMillis,
    },
    /// Makes a Grant, with the hash of its code if it begins with one.
    InsertGrant(Box<Grant>, Option<SecretHash>),
    /// Redeems the code of a Grant. Guarded: whoever comes second finds no code.
    RedeemCode {
        /// Which.
        grant: GrantId,
        /// 1 if there is a refresh token, else 0.
        generation: i64,
        /// When.
        at: UnixMillis,
    },
    /// Moves a Grant to the next generation of its refresh token. Guarded by the generation.
    AdvanceRefresh {
        /// Which.
        grant: GrantId,
        /// The generation that was presented.
        from: i64,
        /// When.
        at: UnixMillis,
    },
    /// Ends a Grant: its refresh tokens, and by its epoch its access tokens. Twice is once.
    EndGrant {
        /// Which.
        grant: GrantId,
        /// Why.
        reason: EndReason,
        /// When.
        at: UnixMillis,
    },
    /// Makes a document.
    InsertDocument(Document),
    /// Publishes a version of a document. A published version is never changed.
    PublishVersion(DocumentId, DocumentVersion),
    /// Records that somebody accepted a version. Twice is once.
    RecordAcceptance(Acceptance),
    /// Keeps a sign-up until its mail link comes back; replaces none.
    InsertSignup(Box<Signup>),
    /// Consumes a sign-up. Guarded: the link works once.
    EndSignup(SignupId),
    /// Puts a mail into the outbox.
    Enqueue(Box<Mail>),
    /// A mail was handed over.
    MailSent(MailId),
    /// A mail could not be handed over; tried again later, or given up without a next time.
    MailFailed {
        /// Which.
        id: MailId,
        /// The attempts so far.
        attempts: i64,
        /// When to try again.
        next_at: Option<UnixMillis>,
    },
    /// Counts a failed log-in against an account, known or not. Guarded by the count that was looked at.
    CountFailure(Box<Failures>),
    /// Forgets the failures of an account after a success.
    ClearFailures(EnvironmentId, [u8; 32]),
    /// Takes one failure back that was counted before a look which never came.
    TakeBackFailure(EnvironmentId, [u8; 32]),
    /// Something about an incident.
    Incident(IncidentWrite),
    /// Keeps the audit's signing key, sealed. Guarded: there is one, and it is never replaced.
    InsertAuditKey(Vec<u8>),
    /// Gives entries of the audit their place in the chain, and stores the checkpoint behind them. Guarded by the lease, by
    /// the numbers and by each entry's having no place yet.
    LinkAudit(Box<Batch>),
    /// Gives back the right to link the audit, if this holder has it.
    ReleaseAuditLease([u8; 16]),
    /// Changes a webhook, its messages or their deliveries.
    Webhook(Box<WebhookWrite>),
    /// Raises the persisted high-water mark of the wall clock.
    MarkClock(UnixMillis),
    /// Erases what has ended: revoked token ids, old counts.
    Prune(UnixMillis),
}

/// A step of a key in its life.
#[derive(Debug, Clone)]
pub struct KeyStep {
    /// Whose.
    pub environment: EnvironmentId,
    /// Which.
    pub kid: String,
    /// What it is for.
    pub usage: KeyUse,
    /// Where it stood.
    pub from: KeyState,
    /// Where it stands now.
    pub to: KeyState,
    /// When this happened.
    pub at: UnixMillis,
    /// When it leaves the ring, for a key that retires.
    pub retires_at: Option<UnixMillis>,
}

/// A guarded change of status. Leaving `Active` raises the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusChange<Id> {
    /// Whose.
    pub id: Id,
    /// The status that it must have.
    pub from: Status,
    /// The status that it gets.
    pub to: Status,
}

impl Write {
    /// What this write makes stale. Exhaustive, so that a new write cannot forget it.
    pub fn change(&self) -> Option<Change> {
        match self {
            Self::PutEnvironment(_)
            | Self::PutProfile(_)
            | Self::PutApi(_)
            | Self::InsertKey(_)
            | Self::AdvanceKey(_) => Some(Change::Catalogue),
            Self::InsertTenant(tenant, _) => Some(Change::Tenant(tenant.id)),
            Self::RenameTenant(id, _) => Some(Change::Tenant(*id)),
            Self::SetTenantStatus(change) => Some(Change::Tenant(change.id)),
            Self::InsertAccess(access, _) | Self::ChangeAccess(access) => Some(Change::Tenant(access.tenant)),
            Self::MoveAccess(change) => Some(Change::Tenant(change.tenant)),
            Self::RecordContract(tenant, ..) => Some(Change::Tenant(*tenant)),
            Self::AcceptForTenant(acceptance) => Some(Change::Tenant(acceptance.tenant)),
            // Read from the store on every use.
            Self::NoteAccessStep(_) => None,
            Self::InsertApp(app) => Some(Change::NewApp(app.environment, app.client_id.clone())),
            Self::ChangeApp(app) => Some(Change::App(app.id)),
            Self::SetAppStatus(change) => Some(Change::App(change.id)),
            Self::EndAppTokens(id) | Self::InsertSecret(id, _) | Self::MarkExposed(id, _) => {
                Some(Change::App(*id))
            }
            Self::EndSecret { app, .. } | Self::ScheduleSecretEnd { app, .. } => Some(Change::App(*app)),
            Self::Credential(write) => write.change(),
            Self::InsertApiKey(key, _) => Some(Change::ApiKey(key.id)),
            Self::SetApiKeyStatus(change, _) => Some(Change::ApiKey(change.id)),
            Self::RevokeToken { environment, jti, expires_at } => {
                Some(Change::Token { environment: *environment, jti: jti.clone(), expires_at: *expires_at })
            }
            Self::InsertOperator { .. } | Self::EndOperator(..) => Some(Change::Operators),
            Self::ClaimRequest(_) | Self::KeepAnswer(_) => None,
            Self::InsertDocument(_) | Self::PublishVersion(..) => Some(Change::Catalogue),
            Self::SetUserStatus(change) => Some(Change::User(change.id)),
            Self::RehashPassword { user, .. } => Some(Change::User(*user)),
            Self::SetPassword { user, .. } | Self::RemoveMembership { user, .. } => {
                Some(Change::GrantsOf(*user))
            }
            Self::InsertGrant(grant, _) => Some(Change::Grant(grant.id)),
            Self::RedeemCode { grant, .. }
            | Self::AdvanceRefresh { grant, .. }
            | Self::EndGrant { grant, .. } => Some(Change::Grant(*grant)),
            Self::WithdrawConsent { user, app, .. } => Some(Change::Consent(*user, *app)),
            Self::EndSession(id, _) => Some(Change::Session(*id)),
            Self::Webhook(write) => write.changes_who_hears().then_some(Change::Webhooks),
            // Read from the store on every use.
            Self::InsertUser(_)
            | Self::Case(_)
            | Self::PutMembership(_)
            | Self::InsertSession(..)
            | Self::RenewSession(..)
            | Self::TouchSession(..)
            | Self::InsertInteraction(_)
            | Self::AdvanceInteraction { .. }
            | Self::EndInteraction { .. }
            | Self::PutConsent(_)
            | Self::RecordAcceptance(_)
            | Self::InsertSignup(_)
            | Self::EndSignup(_)
            | Self::Enqueue(_)
            | Self::MailSent(_)
            | Self::MailFailed { .. }
            | Self::CountFailure(_)
            | Self::ClearFailures(..)
            | Self::TakeBackFailure(..)
            | Self::Incident(_) => None,
            Self::InsertAuditKey(_) | Self::LinkAudit(_) | Self::ReleaseAuditLease(_) => None,
            Self::Record(_) | Self::CountSealed { .. } | Self::MarkClock(_) | Self::Prune(_) => None,
        }
    }
}
