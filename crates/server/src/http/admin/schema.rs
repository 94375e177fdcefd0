//! What the document says of values that other crates define. For the document alone: nothing of this is ever made.

#![expect(dead_code, reason = "only their schemas are used")]

use utoipa::ToSchema;

/// Whether something may act.
#[derive(ToSchema)]
#[schema(as = Status, rename_all = "lowercase")]
pub(super) enum StatusText {
    Active,
    Suspended,
    Closed,
}

/// How far an access has come.
#[derive(ToSchema)]
#[schema(as = AccessStatus, rename_all = "lowercase")]
pub(super) enum AccessStatusText {
    Applied,
    Refused,
    Approved,
    Suspended,
    Closed,
}

/// Where a case stands.
#[derive(ToSchema)]
#[schema(as = CaseState, rename_all = "lowercase")]
pub(super) enum CaseStateText {
    Open,
    Done,
    Declined,
}

/// How a case is closed.
#[derive(ToSchema)]
#[schema(as = CaseOutcome, rename_all = "lowercase")]
pub(super) enum OutcomeText {
    Done,
    Declined,
}

/// What an operator may do: everything, what concerns partners and users, or read.
#[derive(ToSchema)]
#[schema(as = OperatorRole, rename_all = "lowercase")]
pub(super) enum OperatorRoleText {
    Admin,
    Support,
    Auditor,
}

/// What a member may do in their tenant.
#[derive(ToSchema)]
#[schema(as = MemberRole, rename_all = "lowercase")]
pub(super) enum MemberRoleText {
    Owner,
    Admin,
    Developer,
    Viewer,
}

/// Whether an environment has real customers.
#[derive(ToSchema)]
#[schema(as = Stage, rename_all = "lowercase")]
pub(super) enum StageText {
    Live,
    Test,
}

/// What is done when a credential has leaked: noted, ended, or its app suspended as well.
#[derive(ToSchema)]
#[schema(as = OnLeak, rename_all = "lowercase")]
pub(super) enum OnLeakText {
    Record,
    End,
    Suspend,
}

/// A grant of OAuth 2.0.
#[derive(ToSchema)]
#[schema(as = GrantType, rename_all = "snake_case")]
pub(super) enum GrantTypeText {
    ClientCredentials,
    AuthorizationCode,
    RefreshToken,
    Password,
}

/// How an app authenticates (RFC 7591 2).
#[derive(ToSchema)]
#[schema(as = ClientAuthMethod, rename_all = "snake_case")]
pub(super) enum ClientAuthMethodText {
    ClientSecretBasic,
    ClientSecretPost,
    None,
}

/// How much may be asked per second.
#[derive(ToSchema)]
#[schema(as = Quota, rename_all = "lowercase")]
pub(super) enum QuotaText {
    Trial,
    Standard,
    High,
    Unlimited,
}

/// What an API key is.
#[derive(ToSchema)]
#[schema(as = ApiKeyFormat, rename_all = "lowercase")]
pub(super) enum ApiKeyFormatText {
    Opaque,
    Jwt,
}

/// What a key of the ring is for.
#[derive(ToSchema)]
#[schema(as = KeyUse, rename_all = "lowercase")]
pub(super) enum KeyUseText {
    Sign,
    Seal,
    Pepper,
}

/// Where a key of the ring stands in its life.
#[derive(ToSchema)]
#[schema(as = KeyState, rename_all = "lowercase")]
pub(super) enum KeyStateText {
    Next,
    Active,
    Retiring,
    Retired,
}

/// A reason or remark: one line of 1 to 500 characters.
#[derive(ToSchema)]
#[schema(as = Comment, min_length = 1, max_length = 500, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
pub(super) struct CommentText(String);

/// One scope (RFC 6749 3.3).
#[derive(ToSchema)]
#[schema(as = Scope, min_length = 1, pattern = r"^[\x21\x23-\x5b\x5d-\x7e]+$")]
pub(super) struct ScopeText(String);

/// An address or a network, for example `203.0.113.7` or `203.0.113.0/24`.
#[derive(ToSchema)]
#[schema(as = Network, min_length = 2, pattern = r"^[0-9a-fA-F.:]+(/[0-9]{1,3})?$")]
pub(super) struct NetworkText(String);
