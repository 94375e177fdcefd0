//! The request log of an app or key: how its last requests ended, why one was refused, and what would mend it.
//!
//! It is for the owner. What it can hold is bounded by its types: of a credential the last four characters, of a request
//! neither header nor body nor query.

mod fix;

use std::net::IpAddr;

pub use fix::{REASONS, fix};

use crate::api_key::ApiKey;
use crate::app::App;
use crate::env::UnixMillis;
use crate::error::{OAuthError, Reason};
use crate::id::{ApiKeyId, AppId, TenantId};
use crate::name::Name;
use crate::profile::GrantType;

/// Whose log and whose counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// An app.
    App(AppId),
    /// An API key.
    Key(ApiKeyId),
}

impl Subject {
    /// The 16 bytes of its id, as stored. Ids of both kinds are random, so they never meet.
    pub fn bytes(self) -> [u8; 16] {
        match self {
            Self::App(id) => id.bytes(),
            Self::Key(id) => id.bytes(),
        }
    }
}

/// A subject and the tenant whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owned {
    /// The app or key.
    pub subject: Subject,
    /// Its tenant.
    pub tenant: TenantId,
}

impl Owned {
    /// An app as a subject.
    pub fn app(app: &App) -> Self {
        Self { subject: Subject::App(app.id), tenant: app.tenant }
    }

    /// A key as a subject.
    pub fn key(key: &ApiKey) -> Self {
        Self { subject: Subject::Key(key.id), tenant: key.tenant }
    }
}

/// The rings of a subject. Each has slots of its own, so that what anybody can cause never washes away what only the
/// holder of a credential can, and good requests never wash away refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ring {
    /// Refusals of somebody who had proved to be the subject.
    Refused,
    /// Refusals of somebody who only said so: a wrong secret, a public client, a browser.
    Unproven,
    /// A sample of what went well.
    Good,
}

impl Ring {
    /// Every ring.
    pub const ALL: [Self; 3] = [Self::Refused, Self::Unproven, Self::Good];

    /// Its slots. A quarter of them all is for what a stranger can cause.
    pub const fn slots(self) -> usize {
        match self {
            Self::Refused => 100,
            Self::Unproven | Self::Good => 50,
        }
    }

    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Unproven => "unproven",
            Self::Good => "good",
        }
    }

    /// Where a request belongs by how it ended and what was proved.
    pub fn of(outcome: Outcome, proof: Proof) -> Self {
        match (outcome.refusal, proof) {
            (None, _) => Self::Good,
            (Some(_), Proof::Proved) => Self::Refused,
            (Some(_), Proof::Claimed) => Self::Unproven,
        }
    }
}

/// Whether the sender has shown a genuine credential of the subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Yes.
    Proved,
    /// They have only named it.
    Claimed,
}

/// Where the request went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// RFC 6749 3.2.
    Token,
    /// RFC 7662.
    Introspect,
    /// RFC 7009.
    Revoke,
    /// RFC 6749 3.1.
    Authorize,
    /// The question of a reverse proxy.
    ForwardAuth,
    /// OpenID Connect Core 5.3.
    Userinfo,
}

impl Door {
    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Introspect => "introspect",
            Self::Revoke => "revoke",
            Self::Authorize => "authorize",
            Self::ForwardAuth => "forward_auth",
            Self::Userinfo => "userinfo",
        }
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// The HTTP status of the answer.
    pub status: u16,
    /// Why it was refused, if it was.
    pub refusal: Option<Refusal>,
}

/// Why a request was refused: what was said outside, and what is said to the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The code that the caller was told. None where it was told no more than `{"active": false}` (RFC 7662 2.2).
    pub error: Option<OAuthError>,
    /// The reason.
    pub reason: Reason,
}

/// The last four characters of a credential, for people who have several. It cannot hold more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastFour([u8; 4]);

/// Shorter texts than this are nobody's credential of ours; four characters of a short password would be too many.
const LONG_ENOUGH: usize = 32;

impl LastFour {
    /// The end of a long ASCII text; `None` for anything that four characters would say too much of.
    pub fn of(credential: &str) -> Option<Self> {
        let end = credential.as_bytes().last_chunk::<4>()?;
        let harmless = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (credential.len() >= LONG_ENOUGH && end.iter().all(harmless)).then_some(Self(*end))
    }

    /// The characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("")
    }
}

/// How long an answer took, roughly: enough to see a slow request, of no use for measuring secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Took {
    /// Under 10 ms.
    Short,
    /// Under 100 ms.
    Medium,
    /// Under a second.
    Long,
    /// A second or more.
    VeryLong,
}

impl Took {
    /// The class of a number of milliseconds.
    pub fn of_millis(millis: i64) -> Self {
        match millis {
            ..10 => Self::Short,
            10..100 => Self::Medium,
            100..1_000 => Self::Long,
            _ => Self::VeryLong,
        }
    }

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Short => "under_10ms",
            Self::Medium => "under_100ms",
            Self::Long => "under_1s",
            Self::VeryLong => "over_1s",
        }
    }
}

/// One request, as its owner reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When it ended.
    pub at: UnixMillis,
    /// Where it went.
    pub door: Door,
    /// How it ended.
    pub outcome: Outcome,
    /// The end of the credential.
    pub credential: Option<LastFour>,
    /// From where we were asked, after trusted proxies. At introspection that is the API.
    pub address: IpAddr,
    /// The request's id, as it was told to the caller.
    pub request_id: String,
    /// For which API, where that was known.
    pub api: Option<Name>,
    /// The grant of a token request, where that was known.
    pub grant: Option<GrantType>,
    /// How long it took.
    pub took: Took,
    /// How many like it this entry stands for; the other members are those of the last.
    pub count: i64,
}

impl Entry {
    /// Whether another entry says the same but for time and request: a client that repeats a mistake, or somebody who guesses.
    pub fn repeats(&self, other: &Self) -> bool {
        self.door == other.door
            && self.outcome == other.outcome
            && self.address == other.address
            && self.api == other.api
            && self.grant == other.grant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_can_cause_has_a_quarter_of_the_slots() {
        let all: usize = Ring::ALL.iter().map(|ring| ring.slots()).sum();
        assert_eq!((all, Ring::Unproven.slots() * 4), (200, 200));
    }

    #[test]
    fn a_request_goes_into_the_ring_of_what_was_proved() {
        let good = Outcome { status: 200, refusal: None };
        let refusal = Refusal { error: Some(OAuthError::InvalidScope), reason: Reason::UnknownScope };
        let refused = Outcome { status: 400, refusal: Some(refusal) };
        assert_eq!(Ring::of(good, Proof::Proved), Ring::Good);
        assert_eq!(Ring::of(good, Proof::Claimed), Ring::Good);
        assert_eq!(Ring::of(refused, Proof::Proved), Ring::Refused);
        assert_eq!(Ring::of(refused, Proof::Claimed), Ring::Unproven);
    }

    #[test]
    fn a_hint_is_four_characters_of_a_long_credential_and_nothing_of_a_short_one() {
        let long = format!("grt_sk_live_{}", "x".repeat(40) + "9aZ_");
        assert_eq!(LastFour::of(&long).map(|hint| hint.as_str().to_owned()), Some("9aZ_".to_owned()));
        for other in ["", "abc", "hunter2", "a-password-of-twenty", &format!("{} \u{e9}", "x".repeat(40))] {
            assert_eq!(LastFour::of(other), None, "{other}");
        }
    }

    #[test]
    fn a_time_is_told_by_its_class() {
        let classes =
            [0, 9, 10, 99, 100, 999, 1_000, i64::MAX].map(|millis| Took::of_millis(millis).as_str());
        let expected = [
            "under_10ms",
            "under_10ms",
            "under_100ms",
            "under_100ms",
            "under_1s",
            "under_1s",
            "over_1s",
            "over_1s",
        ];
        assert_eq!(classes, expected);
        assert_eq!(Took::of_millis(-5), Took::Short, "a clock that was raised meanwhile");
    }
}
