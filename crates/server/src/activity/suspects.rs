//! Credentials that were unknown where they came, and may be genuine elsewhere.
//!
//! Whether they are is asked by a job, after the answer: the path of a request is the same for every bad credential, and what
//! stands in this queue has no influence on any answer. A credential lies here, in a type that erases itself, until the job
//! has looked, and is never stored or logged.

use std::collections::VecDeque;
use std::sync::Mutex;

use grantor_core::error::Reason;
use grantor_core::id::EnvironmentId;
use grantor_core::request_log::{Entry, Owned};
use grantor_core::secret::{Brand, CredentialType, Secret, Spelling};
use tokio::sync::Notify;

use super::lock;

/// Credentials of a lane that wait at most. Beyond them a request is logged as what it seemed to be.
const WAITING: usize = 128;
/// Credentials that wait at most, in both lanes.
pub const MOST_WAITING: usize = 2 * WAITING;
/// Longest credential that is looked at, in bytes: that of the longest token.
const LONGEST: usize = 8 * 1024;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A client secret.
    Secret,
    /// An API key.
    ApiKey,
    /// An access token in either dress.
    Token,
}

/// A credential that was refused as unknown. No `Debug`.
pub struct Suspect {
    /// The credential.
    pub credential: Secret,
    /// What it looks like.
    pub kind: Kind,
    /// Where it came.
    pub presented_in: EnvironmentId,
    /// The app that was named there, if there is one.
    pub named: Option<Owned>,
    /// The request.
    pub entry: Entry,
}

impl Suspect {
    /// What a credential looks like, if it can be one of ours at all: by its spelling and checksum, or by the shape of a JWT.
    /// Says nothing about whether it is genuine, and asks nobody.
    pub fn kind(brand: &Brand, credential: &str) -> Option<Kind> {
        if credential.len() > LONGEST {
            return None;
        }
        match Spelling::parse(brand, credential).map(|spelling| spelling.kind) {
            Some(CredentialType::ClientSecret) => Some(Kind::Secret),
            Some(CredentialType::ApiKey) => Some(Kind::ApiKey),
            Some(CredentialType::AccessToken) => Some(Kind::Token),
            Some(_) => None,
            None => {
                let is_jwt = credential.starts_with("ey")
                    && memchr::memchr_iter(b'.', credential.as_bytes()).count() == 2;
                is_jwt.then_some(Kind::Token)
            }
        }
    }

    /// The reason that the owner reads if it is genuine elsewhere.
    pub fn misplaced(&self) -> Reason {
        match self.kind {
            Kind::Secret => Reason::SecretOfOtherEnvironment,
            Kind::ApiKey | Kind::Token => Reason::WrongEnvironment,
        }
    }
}

/// Those who wait, in two lanes: a flood of foreign tokens leaves room for secrets.
pub struct Suspects {
    secrets: Mutex<VecDeque<Suspect>>,
    bearers: Mutex<VecDeque<Suspect>>,
    arrived: Notify,
    /// Held by whoever looks. A reader who takes it knows that nobody is between the queue and the log.
    pub looking: tokio::sync::Mutex<()>,
}

impl Suspects {
    /// Nobody.
    pub fn new() -> Self {
        Self {
            secrets: Mutex::default(),
            bearers: Mutex::default(),
            arrived: Notify::new(),
            looking: tokio::sync::Mutex::default(),
        }
    }

    /// Adds one.
    ///
    /// # Errors
    /// The suspect, if there is no room.
    pub fn add(&self, suspect: Suspect) -> Result<(), Box<Suspect>> {
        let lane = if suspect.kind == Kind::Secret { &self.secrets } else { &self.bearers };
        let mut lane = lock(lane);
        if lane.len() >= WAITING {
            return Err(Box::new(suspect));
        }
        lane.push_back(suspect);
        drop(lane);
        self.arrived.notify_one();
        Ok(())
    }

    /// Takes the one that waits for longest, secrets first.
    pub fn take(&self) -> Option<Suspect> {
        let secret = lock(&self.secrets).pop_front();
        secret.or_else(|| lock(&self.bearers).pop_front())
    }

    /// Waits until there may be one.
    pub async fn arrival(&self) {
        self.arrived.notified().await;
    }
}

impl Default for Suspects {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use grantor_core::secret::{Stage, spell};

    #[test]
    fn what_cannot_be_ours_is_not_looked_for() {
        let brand = Brand::default();
        let spelled = |kind| spell(&brand, kind, Stage::Test, &"a".repeat(43));
        let kind = |text: &str| Suspect::kind(&brand, text);
        assert_eq!(kind(&spelled(CredentialType::ClientSecret)), Some(Kind::Secret));
        assert_eq!(kind(&spelled(CredentialType::ApiKey)), Some(Kind::ApiKey));
        assert_eq!(kind(&spelled(CredentialType::AccessToken)), Some(Kind::Token));
        assert_eq!(kind("eyJhbGciOiJFUzI1NiJ9.e30.c2ln"), Some(Kind::Token));
        let altered = spelled(CredentialType::ClientSecret).replace("aaa", "aab");
        let long = format!("ey.{}.x", "a".repeat(LONGEST));
        for other in ["", "hunter2", &altered, &spelled(CredentialType::Session), "a.b.c", "ey.a", &long] {
            assert_eq!(kind(other), None, "{}", &other[..other.len().min(40)]);
        }
    }
}
