//! What a browser brings and what it is given: references in cookies, and the proof that a form was made for it.

use std::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_core::email::EmailAddress;
use grantor_core::secret::{CredentialType, Secret, SecretHash, Spelling};
use grantor_core::session::Session;
use grantor_core::user::User;

use super::FlowError;
use crate::catalogue::EnvironmentState;
use crate::node::{Actor, Node};

/// The references that a browser sent. Values of 256 random bits; their hashes are looked up, they say nothing themselves.
#[derive(Default)]
pub struct Browser {
    /// The session.
    pub session: Option<Secret>,
    /// What ties interactions to this browser.
    pub browser: Option<Secret>,
    /// That a user has signed in here before.
    pub device: Option<Secret>,
}

/// A request of a browser.
pub struct BrowserCall<'a> {
    /// Where.
    pub state: &'a Arc<EnvironmentState>,
    /// What it brought.
    pub browser: &'a Browser,
    /// From where.
    pub source: IpAddr,
    /// The request's id.
    pub request_id: &'a str,
}

/// What a browser is given with the answer.
#[derive(Default)]
pub struct Marks {
    /// A new session, or the end of the one that it has.
    pub session: Mark,
    /// A new tie for interactions.
    pub browser: Option<Secret>,
    /// That its user has signed in here.
    pub device: Option<Secret>,
}

/// Who is there.
pub enum Presence {
    /// No session, or one that has ended.
    Nobody,
    /// A session that signs nobody in any more, but still has to be ended: left alone for too long, or its user was suspended.
    Idle(Session),
    /// A session that signs its user in.
    SignedIn(Session, User),
}

impl Presence {
    /// The user who is signed in.
    pub fn user(self) -> Option<User> {
        match self {
            Self::SignedIn(_, user) => Some(user),
            Self::Nobody | Self::Idle(_) => None,
        }
    }

    /// The session that there is.
    pub fn session(self) -> Option<Session> {
        match self {
            Self::SignedIn(session, _) | Self::Idle(session) => Some(session),
            Self::Nobody => None,
        }
    }
}

/// What happens to a cookie.
#[derive(Default)]
pub enum Mark {
    /// It stays as it is.
    #[default]
    Keep,
    /// It gets this value.
    Set(Secret),
    /// It goes.
    Clear,
}

impl BrowserCall<'_> {
    /// The hash under which a presented secret is stored, for each pepper; none for what is not spelled like one of its kind.
    pub fn candidates(
        &self,
        node: &Node,
        kind: CredentialType,
        presented: Option<&Secret>,
    ) -> Vec<SecretHash> {
        let Some(secret) = presented else { return Vec::new() };
        let spelled =
            Spelling::parse(&node.brand, secret.reveal()).is_some_and(|spelling| spelling.kind == kind);
        if !spelled {
            return Vec::new();
        }
        self.state.keys.peppers.candidates(kind, secret.reveal()).collect()
    }

    /// The session of this browser.
    ///
    /// # Errors
    /// Storage trouble, which is never "nobody".
    pub async fn session(&self, node: &Node) -> Result<Presence, FlowError> {
        let environment = self.state.environment.id;
        for hash in self.candidates(node, CredentialType::Session, self.browser.session.as_ref()) {
            let Some(session) = node.store.session_by_mac(environment, hash.mac).await? else { continue };
            if !session.is_alive(node.now()) {
                return Ok(Presence::Nobody);
            }
            let user = node.store.user(environment, session.user).await?;
            let good = |user: &User| user.status.is_active() && user.epoch == session.epoch;
            return Ok(match user.filter(good) {
                Some(user) if session.signs_in(node.now()) => Presence::SignedIn(session, user),
                _ => Presence::Idle(session),
            });
        }
        Ok(Presence::Nobody)
    }

    /// Makes a secret of a kind, with its hash.
    pub fn secret(&self, node: &Node, kind: CredentialType) -> (Secret, SecretHash) {
        let stage = self.state.environment.stage;
        let secret = node.decide(|env| Secret::generate(&node.brand, kind, stage, env));
        let hash = self.state.keys.peppers.hash(kind, secret.reveal());
        (secret, hash)
    }

    /// The proof that a form belongs to this step of this interaction in this browser.
    pub fn form_proof(&self, step: &str, handle: &str, browser: &Secret) -> String {
        let proven = self.proven(step, handle, browser);
        let hash = self.state.keys.peppers.hash(CredentialType::FormProof, &proven);
        URL_SAFE_NO_PAD.encode(hash.mac)
    }

    /// What a form is proved over: its step and interaction, and the browser with whoever is signed in there.
    fn proven(&self, step: &str, handle: &str, browser: &Secret) -> String {
        let session = self.browser.session.as_ref().map_or("", Secret::reveal);
        format!("{step}\n{handle}\n{}\n{session}", browser.reveal())
    }

    /// Whether a form came with its proof. In constant time.
    pub fn is_proven(&self, step: &str, handle: &str, proof: &str) -> bool {
        let Some(browser) = &self.browser.browser else { return false };
        let Ok(presented) = URL_SAFE_NO_PAD.decode(proof) else { return false };
        let proven = self.proven(step, handle, browser);
        self.state
            .keys
            .peppers
            .candidates(CredentialType::FormProof, &proven)
            .any(|hash| verify_slices_are_equal(&hash.mac, &presented).is_ok())
    }

    /// The account key of an address for the lockout: of this browser, if the user has signed in here before.
    pub fn lockout_account(&self, email: &EmailAddress) -> [u8; 32] {
        let peppers = &self.state.keys.peppers;
        let mark = self.browser.device.as_ref().map_or("", Secret::reveal);
        let random = mark.split_once('~').map_or("", |(random, _)| random);
        let own = self.device_mark(email, random);
        if verify_slices_are_equal(own.reveal().as_bytes(), mark.as_bytes()).is_ok() {
            return peppers.hash(CredentialType::Device, &format!("{}\n{random}", email.key())).mac;
        }
        peppers.hash(CredentialType::Device, email.key()).mac
    }

    /// What tells this browser from strangers at the next sign-in with this address.
    pub fn device(&self, node: &Node, email: &EmailAddress) -> Secret {
        let random = node.decide(|env| URL_SAFE_NO_PAD.encode(env.bytes::<16>()));
        self.device_mark(email, &random)
    }

    fn device_mark(&self, email: &EmailAddress, random: &str) -> Secret {
        let text = format!("mark\n{}\n{random}", email.key());
        let hash = self.state.keys.peppers.hash(CredentialType::Device, &text);
        Secret::presented(format!("{random}~{}", URL_SAFE_NO_PAD.encode(hash.mac)))
    }

    /// Who asks, for the audit.
    pub fn actor(&self, name: String) -> Actor {
        Actor {
            name,
            address: self.source.to_string(),
            request_id: self.request_id.to_owned(),
            environment: Some(self.state.environment.id),
            once: None,
        }
    }
}
