//! Every wire code once, and the internal reason that never leaves.

use crate::gate_rule::Gate;

/// A registered OAuth error code. There is no catch-all: a new refusal needs a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OAuthError {
    /// RFC 6749 5.2: malformed, duplicated or contradictory parameters.
    InvalidRequest,
    /// RFC 6749 5.2: client authentication failed.
    InvalidClient,
    /// RFC 6749 5.2: the code, refresh token or password is not good.
    InvalidGrant,
    /// RFC 6749 5.2: this client may not use this grant.
    UnauthorizedClient,
    /// RFC 6749 5.2: this server, or this API, does not know the grant.
    UnsupportedGrantType,
    /// RFC 6749 5.2: scope unknown, malformed, or not allowed.
    InvalidScope,
    /// RFC 8707 2: the API asked for is unknown or not allowed.
    InvalidTarget,
    /// RFC 6749 4.1.2.1, used for gates: the owner or a rule said no.
    AccessDenied,
    /// RFC 7009 2.2.1: this kind of token cannot be revoked here.
    UnsupportedTokenType,
    /// RFC 6750 3.1: the token is expired, revoked, malformed, or not for this API.
    InvalidToken,
    /// RFC 6750 3.1: the token is good and does not reach.
    InsufficientScope,
    /// RFC 6749 4.1.2.1: overloaded or throttled; try later.
    TemporarilyUnavailable,
    /// RFC 6749 4.1.2.1: our fault.
    ServerError,
    /// RFC 6749 4.1.2.1: only `code` exists.
    UnsupportedResponseType,
    /// OpenID Connect Core 3.1.2.6: nobody is signed in, or somebody else, and no page may be shown.
    LoginRequired,
    /// OpenID Connect Core 3.1.2.6: the user has not allowed this, and no page may be shown.
    ConsentRequired,
    /// OpenID Connect Core 3.1.2.6: something else is to be done by the user, and no page may be shown.
    InteractionRequired,
    /// OpenID Connect Core 3.1.2.6: the user must choose an account, and no page may be shown.
    AccountSelectionRequired,
    /// OpenID Connect Core 3.1.2.6: request objects are not processed.
    RequestNotSupported,
    /// OpenID Connect Core 3.1.2.6: request objects are not fetched.
    RequestUriNotSupported,
    /// OpenID Connect Core 3.1.2.6: no registration within a request.
    RegistrationNotSupported,
    /// OpenID Connect Core Error Code unmet_authentication_requirements: an essential `acr` cannot be reached.
    UnmetAuthenticationRequirements,
}

impl OAuthError {
    /// Every code.
    pub const ALL: [Self; 22] = [
        Self::InvalidRequest,
        Self::InvalidClient,
        Self::InvalidGrant,
        Self::UnauthorizedClient,
        Self::UnsupportedGrantType,
        Self::InvalidScope,
        Self::InvalidTarget,
        Self::AccessDenied,
        Self::UnsupportedTokenType,
        Self::InvalidToken,
        Self::InsufficientScope,
        Self::TemporarilyUnavailable,
        Self::ServerError,
        Self::UnsupportedResponseType,
        Self::LoginRequired,
        Self::ConsentRequired,
        Self::InteractionRequired,
        Self::AccountSelectionRequired,
        Self::RequestNotSupported,
        Self::RequestUriNotSupported,
        Self::RegistrationNotSupported,
        Self::UnmetAuthenticationRequirements,
    ];

    /// The code as it stands on the wire.
    pub fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::AccessDenied => "access_denied",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::InteractionRequired => "interaction_required",
            Self::AccountSelectionRequired => "account_selection_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
        }
    }

    /// The HTTP status at the token endpoint (RFC 6749 5.2) or at an API (RFC 6750 3.1).
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidClient | Self::InvalidToken => 401,
            Self::InsufficientScope => 403,
            Self::TemporarilyUnavailable => 503,
            Self::ServerError => 500,
            _ => 400,
        }
    }

    /// A sentence for the person who reads the answer. Fixed text: never an echo of input (RFC 6749 5.2 character set).
    pub fn description(self) -> &'static str {
        match self {
            Self::InvalidRequest => "The request is malformed.",
            Self::InvalidClient => {
                "Client authentication failed. Check the client id, the secret, and that both belong to this environment."
            }
            Self::InvalidGrant => "The grant is invalid, expired, revoked, or was issued to another client.",
            Self::UnauthorizedClient => "This app is not registered for this grant type.",
            Self::UnsupportedGrantType => "This grant type is not supported here.",
            Self::InvalidScope => "A requested scope is unknown, malformed, or not allowed for this app.",
            Self::InvalidTarget => {
                "The API asked for is unknown or not allowed for this app. Name it with the parameter resource."
            }
            Self::AccessDenied => "Access is not open. The owner of the app can see which step is missing.",
            Self::UnsupportedTokenType => "This kind of credential cannot be revoked here.",
            Self::InvalidToken => "The credential is expired, revoked, malformed, or not meant for this API.",
            Self::InsufficientScope => "The credential is valid but does not reach this operation.",
            Self::TemporarilyUnavailable => {
                "Too much at the moment. Try again after the time given in Retry-After."
            }
            Self::ServerError => "Something failed on our side. The request id helps support to find it.",
            Self::UnsupportedResponseType => "Only response_type=code is supported.",
            Self::LoginRequired => "The user must sign in.",
            Self::ConsentRequired => "The user must allow this app.",
            Self::InteractionRequired => "The user must do something first: start again without prompt=none.",
            Self::AccountSelectionRequired => "The user must choose an account.",
            Self::RequestNotSupported => "The parameter request is not supported.",
            Self::RequestUriNotSupported => "The parameter request_uri is not supported.",
            Self::RegistrationNotSupported => "The parameter registration is not supported.",
            Self::UnmetAuthenticationRequirements => {
                "The requested authentication context cannot be reached."
            }
        }
    }
}

/// Why a request was refused, for logs, audit and metrics. It has no way to the wire: it does not implement
/// `Serialize`, and the HTTP layer takes only the [`OAuthError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each name is the sentence")]
pub enum Reason {
    Malformed,
    DuplicateParameter,
    FieldTooLong,
    WrongContentType,
    CredentialInQuery,
    TwoClientAuthMethods,
    MissingClientAuth,
    MalformedBasic,
    UnknownClient,
    SecretMismatch,
    SecretExpired,
    SecretOfOtherEnvironment,
    AuthMethodNotAllowed,
    PublicClientWithSecret,
    AppSuspended,
    AppDeleted,
    TenantSuspended,
    AccessMissing,
    AccessNotActive,
    GateClosed,
    StepNotPossible,
    NotSelfService,
    MissingGrantType,
    UnknownGrantType,
    GrantNotInProfile,
    GrantNotForApp,
    GrantNotForPublicClient,
    MalformedScope,
    UnknownScope,
    ScopeNotAllowed,
    ScopesOfTwoApis,
    UnknownResource,
    ResourceNotAllowed,
    AmbiguousApi,
    NoApi,
    QuotaExceeded,
    TooManyFailures,
    UnknownCredential,
    CredentialExpired,
    CredentialRevoked,
    EpochTooOld,
    WrongAudience,
    WrongEnvironment,
    NotAResourceServer,
    NotTheOwner,
    KindNotAccepted,
    UnknownOperation,
    NoSuchKeyType,
    RedirectUriMismatch,
    RedirectUriMissing,
    ParameterNotSupported,
    ResponseTypeNotSupported,
    PkceMissing,
    InteractionNeeded,
    OtherUserExpected,
    NoTenant,
    ConsentDenied,
    DocumentsDeclined,
    DocumentsOpen,
    CodeUnknown,
    CodeExpired,
    CodeReplayed,
    CodeOfOtherApp,
    RedirectUriChanged,
    VerifierMismatch,
    RefreshUnknown,
    RefreshOfOtherApp,
    RefreshReused,
    RefreshAhead,
    RefreshNotAllowed,
    GrantEnded,
    SessionEnded,
    UserSuspended,
    PasswordMismatch,
    AccountBlocked,
    PasswordRefused,
    FormProofMissing,
    InteractionUnknown,
    NotAUserToken,
    AddressNotAllowed,
    KeyWouldWiden,
}

impl Reason {
    /// The stable name for logs, audit rows and metric labels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::DuplicateParameter => "duplicate_parameter",
            Self::FieldTooLong => "field_too_long",
            Self::WrongContentType => "wrong_content_type",
            Self::CredentialInQuery => "credential_in_query",
            Self::TwoClientAuthMethods => "two_client_auth_methods",
            Self::MissingClientAuth => "missing_client_auth",
            Self::MalformedBasic => "malformed_basic",
            Self::UnknownClient => "unknown_client",
            Self::SecretMismatch => "secret_mismatch",
            Self::SecretExpired => "secret_expired",
            Self::SecretOfOtherEnvironment => "secret_of_other_environment",
            Self::AuthMethodNotAllowed => "auth_method_not_allowed",
            Self::PublicClientWithSecret => "public_client_with_secret",
            Self::AppSuspended => "app_suspended",
            Self::AppDeleted => "app_deleted",
            Self::TenantSuspended => "tenant_suspended",
            Self::AccessMissing => "access_missing",
            Self::AccessNotActive => "access_not_active",
            Self::GateClosed => "gate_closed",
            Self::StepNotPossible => "step_not_possible",
            Self::NotSelfService => "not_self_service",
            Self::MissingGrantType => "missing_grant_type",
            Self::UnknownGrantType => "unknown_grant_type",
            Self::GrantNotInProfile => "grant_not_in_profile",
            Self::GrantNotForApp => "grant_not_for_app",
            Self::GrantNotForPublicClient => "grant_not_for_public_client",
            Self::MalformedScope => "malformed_scope",
            Self::UnknownScope => "unknown_scope",
            Self::ScopeNotAllowed => "scope_not_allowed",
            Self::ScopesOfTwoApis => "scopes_of_two_apis",
            Self::UnknownResource => "unknown_resource",
            Self::ResourceNotAllowed => "resource_not_allowed",
            Self::AmbiguousApi => "ambiguous_api",
            Self::NoApi => "no_api",
            Self::QuotaExceeded => "quota_exceeded",
            Self::TooManyFailures => "too_many_failures",
            Self::UnknownCredential => "unknown_credential",
            Self::CredentialExpired => "credential_expired",
            Self::CredentialRevoked => "credential_revoked",
            Self::EpochTooOld => "epoch_too_old",
            Self::WrongAudience => "wrong_audience",
            Self::WrongEnvironment => "wrong_environment",
            Self::NotAResourceServer => "not_a_resource_server",
            Self::NotTheOwner => "not_the_owner",
            Self::KindNotAccepted => "kind_not_accepted",
            Self::UnknownOperation => "unknown_operation",
            Self::NoSuchKeyType => "no_such_key_type",
            Self::RedirectUriMismatch => "redirect_uri_mismatch",
            Self::RedirectUriMissing => "redirect_uri_missing",
            Self::ParameterNotSupported => "parameter_not_supported",
            Self::ResponseTypeNotSupported => "response_type_not_supported",
            Self::PkceMissing => "pkce_missing",
            Self::InteractionNeeded => "interaction_needed",
            Self::OtherUserExpected => "other_user_expected",
            Self::NoTenant => "no_tenant",
            Self::ConsentDenied => "consent_denied",
            Self::DocumentsDeclined => "documents_declined",
            Self::DocumentsOpen => "documents_open",
            Self::CodeUnknown => "code_unknown",
            Self::CodeExpired => "code_expired",
            Self::CodeReplayed => "code_replayed",
            Self::CodeOfOtherApp => "code_of_other_app",
            Self::RedirectUriChanged => "redirect_uri_changed",
            Self::VerifierMismatch => "verifier_mismatch",
            Self::RefreshUnknown => "refresh_unknown",
            Self::RefreshOfOtherApp => "refresh_of_other_app",
            Self::RefreshReused => "refresh_reused",
            Self::RefreshAhead => "refresh_ahead",
            Self::RefreshNotAllowed => "refresh_not_allowed",
            Self::GrantEnded => "grant_ended",
            Self::SessionEnded => "session_ended",
            Self::UserSuspended => "user_suspended",
            Self::PasswordMismatch => "password_mismatch",
            Self::AccountBlocked => "account_blocked",
            Self::PasswordRefused => "password_refused",
            Self::FormProofMissing => "form_proof_missing",
            Self::InteractionUnknown => "interaction_unknown",
            Self::NotAUserToken => "not_a_user_token",
            Self::AddressNotAllowed => "address_not_allowed",
            Self::KeyWouldWiden => "key_would_widen",
        }
    }
}

/// A refusal: what the caller is told, and what the log is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denial {
    /// The public code.
    pub error: OAuthError,
    /// The internal reason.
    pub reason: Reason,
    /// A fixed sentence that replaces the code's own, where the caller can mend the mistake and an attacker learns nothing.
    pub hint: Option<&'static str>,
    /// Whether an app is told the reason by its name, because it can show it to its user.
    pub told: bool,
    /// The closed gate, which an app is told by its name.
    pub gate: Option<Gate>,
}

impl Denial {
    /// A refusal with the code's own description.
    pub const fn new(error: OAuthError, reason: Reason) -> Self {
        Self { error, reason, hint: None, told: false, gate: None }
    }

    /// A refusal with a better sentence. The text must be fixed, never made from input.
    pub const fn hinted(error: OAuthError, reason: Reason, hint: &'static str) -> Self {
        Self { error, reason, hint: Some(hint), told: false, gate: None }
    }

    /// A refusal whose reason the app is told by name, so that it can tell its user what to do.
    pub const fn telling(error: OAuthError, reason: Reason, hint: &'static str) -> Self {
        Self { error, reason, hint: Some(hint), told: true, gate: None }
    }

    /// A closed gate: told by name to an app that has authenticated, with what can be done about it.
    pub fn closed(gate: Gate, reason: Reason) -> Self {
        Self {
            error: OAuthError::AccessDenied,
            reason,
            hint: Some(gate.advice()),
            told: true,
            gate: Some(gate),
        }
    }

    /// The public description.
    pub fn description(&self) -> &'static str {
        self.hint.unwrap_or_else(|| self.error.description())
    }
}
