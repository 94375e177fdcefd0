//! An incident: a credential of ours was seen where it must not be. It never holds the credential itself.
//!
//! There is one for each thing that can leak, not one for each time that it was seen: each secret version and API key, each
//! operator's token, and for each app one for its access tokens, one for its refresh tokens and one for its codes. So their
//! number follows what there is, whatever is reported.

use serde::{Deserialize, Serialize};

use crate::comment::Comment;
use crate::env::UnixMillis;
use crate::id::{AppId, EnvironmentId, IncidentId, TenantId};

macro_rules! words {
    ($name:ident, $count:literal: $($variant:ident => $text:literal),* $(,)?) => {
        impl $name {
            /// Every one.
            pub const ALL: [Self; $count] = [$(Self::$variant),*];

            /// As stored and shown.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),*
                }
            }

            /// The one that is stored under this text.
            pub fn from_stored(text: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|known| known.as_str() == text)
            }
        }
    };
}

/// What has leaked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeakedKind {
    /// A version of a client secret.
    ClientSecret,
    /// An API key.
    ApiKey,
    /// An access token.
    AccessToken,
    /// A refresh token.
    RefreshToken,
    /// An authorization code that was not redeemed yet.
    Code,
    /// A token of the provider's team.
    OperatorToken,
}

words! { LeakedKind, 6:
    ClientSecret => "secret",
    ApiKey => "api_key",
    AccessToken => "access_token",
    RefreshToken => "refresh_token",
    Code => "code",
    OperatorToken => "operator_token",
}

/// How we heard of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeakSource {
    /// It came to us in a query string.
    Query,
    /// Somebody reported it at the public address.
    Public,
    /// GitHub found it in something public.
    Github,
    /// Somebody of the provider's team reported it.
    Operator,
}

words! { LeakSource, 4:
    Query => "query",
    Public => "public",
    Github => "github",
    Operator => "operator",
}

/// One thing that was done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The version of the secret has ended.
    SecretEnded,
    /// The API key is revoked.
    KeyRevoked,
    /// The access token is revoked.
    TokenRevoked,
    /// Every access token of the app has ended.
    TokensEnded,
    /// What the user had allowed has ended, with its tokens.
    GrantEnded,
    /// The operator's token has ended.
    OperatorEnded,
    /// The operator's token has not ended: there is no other operator.
    OperatorKept,
    /// The app is suspended.
    AppSuspended,
    /// The tenant is suspended.
    TenantSuspended,
}

impl Measure {
    /// A sentence for the partner.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::SecretEnded => "The secret no longer authenticates.",
            Self::KeyRevoked => "The key is revoked.",
            Self::TokenRevoked => "The token is revoked.",
            Self::TokensEnded => {
                "All access tokens of the app have ended; with a living secret it gets new ones."
            }
            Self::GrantEnded => "What the user had allowed the app has ended; the user signs in again.",
            Self::OperatorEnded => "The operator's token has ended.",
            Self::OperatorKept => {
                "The operator's token STILL WORKS: it is the only one, and without it nobody could run the installation. Make another operator and report this token again."
            }
            Self::AppSuspended => "The app is suspended until the provider's team resumes it.",
            Self::TenantSuspended => "The organisation is suspended until the provider's team resumes it.",
        }
    }
}

/// Where it was seen, in the words of whoever reported it: an address mostly. It is stored and shown as text, never visited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Place(String);

impl Place {
    /// Longest, in characters.
    const MAX: usize = 500;

    /// Reads it: control characters go, what is too long is cut. `None` if nothing is left.
    pub fn read(text: &str) -> Option<Self> {
        let plain = text.chars().filter(|c| !c.is_control()).take(Self::MAX).collect::<String>();
        let plain = plain.trim();
        (!plain.is_empty()).then(|| Self(plain.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One time that something was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// How we heard of it.
    pub source: LeakSource,
    /// Where it was seen, if that was said.
    pub place: Option<Place>,
    /// The address that it was reported from.
    pub reporter: String,
}

/// How an incident was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// By whom.
    pub by: String,
    /// When.
    pub at: UnixMillis,
    /// What it turned out to be.
    pub comment: Option<Comment>,
}

/// A credential was seen where it must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Its row.
    pub id: IncidentId,
    /// What it is about, once in the installation: `secret:app_.../2`, `key:key_...`, `access_token:app_...`.
    pub subject: String,
    /// What has leaked.
    pub kind: LeakedKind,
    /// Where it opened doors; `None` for an operator's token.
    pub environment: Option<EnvironmentId>,
    /// Whose it is; `None` for an operator's token.
    pub tenant: Option<TenantId>,
    /// The app that it belongs to, if to one.
    pub app: Option<AppId>,
    /// The last four characters of what was seen last.
    pub last_four: String,
    /// How it was seen last.
    pub sighting: Sighting,
    /// Everything that was done about it.
    pub measures: Vec<Measure>,
    /// How often it was seen; at most once a minute is counted.
    pub sightings: i64,
    /// When it was seen first.
    pub first_seen_at: UnixMillis,
    /// When it was seen last.
    pub last_seen_at: UnixMillis,
    /// How it was closed; `None` while it is open.
    pub resolution: Option<Resolution>,
}

/// What can be written about incidents.
#[derive(Clone)]
pub enum IncidentWrite {
    /// A credential was seen: a new incident, or once more for the one that there is.
    Record(Box<Incident>),
    /// Opens one again. One that is open stays so.
    Reopen(IncidentId),
    /// Closes one. Guarded: an open one.
    Resolve(IncidentId, Resolution),
    /// Remembers a message about leaks by its hash. Guarded: the same message a second time is a duplicate.
    RememberMessage([u8; 32], UnixMillis),
}

impl Incident {
    /// As shown and filtered by.
    pub fn state(&self) -> &'static str {
        if self.resolution.is_none() { "open" } else { "resolved" }
    }
}

/// Seconds in which a credential that is seen again, and about which there is nothing to do, is not written down again.
const QUIET_SECONDS: i64 = 60;

/// What follows for the incident, after a credential was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// Nothing is written.
    Nothing,
    /// It is counted.
    Count,
    /// It is new, or open again: people are told.
    Open,
}

/// Decides that. A credential that is dead already makes no incident, and what is only seen again wakes nobody.
pub fn course(known: Option<&Incident>, alive: bool, measures: &[Measure], now: UnixMillis) -> Course {
    let Some(known) = known else {
        return if alive { Course::Open } else { Course::Nothing };
    };
    if alive && known.resolution.is_some() {
        return Course::Open;
    }
    let is_idle = measures.iter().all(|measure| *measure == Measure::OperatorKept);
    let quiet = now.seconds() - known.last_seen_at.seconds() < QUIET_SECONDS;
    if is_idle && quiet { Course::Nothing } else { Course::Count }
}
