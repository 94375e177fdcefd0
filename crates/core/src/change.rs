//! What a committed write makes stale.

use crate::id::{ApiKeyId, AppId, EnvironmentId, GrantId, SessionId, TenantId, UserId};
use crate::name::ClientId;

/// What a committed write makes stale. Applied to this node's caches before the answer leaves; other nodes read it from the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Environments, profiles, APIs, keys of the ring: the small catalogue that is held whole.
    Catalogue,
    /// A tenant or one of its accesses.
    Tenant(TenantId),
    /// An app.
    App(AppId),
    /// A client id that was unknown a moment ago.
    NewApp(EnvironmentId, ClientId),
    /// An API key.
    ApiKey(ApiKeyId),
    /// A user, or what is known of one.
    User(UserId),
    /// A Grant.
    Grant(GrantId),
    /// Every Grant of a user by an app.
    Consent(UserId, AppId),
    /// A user, and every Grant of theirs.
    GrantsOf(UserId),
    /// A browser session, and the Grants that end with it.
    Session(SessionId),
    /// One access token.
    Token {
        /// Where it was issued.
        environment: EnvironmentId,
        /// Its id.
        jti: String,
        /// Its end, in seconds.
        expires_at: i64,
    },
    /// The operators.
    Operators,
    /// Who hears of what.
    Webhooks,
}
