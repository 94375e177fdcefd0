//! The audit as a chain: each entry's link covers its content, its number and the link before it, so that nothing is
//! changed, taken out, put in or moved without breaking every link behind it. Checkpoints sign the link of a moment: whoever
//! can write the database can compute links anew, but not sign them.

use aws_lc_rs::digest::{Context, SHA256};
use grantor_jose::{KeySet, SignError, SigningKey, Type, base64url_decode, base64url_encode, jws};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::env::UnixMillis;
use crate::id::EnvironmentId;

/// SHA-256 over everything up to and with an entry.
pub type Link = [u8; 32];

/// What stands before the first entry, whose number is 1.
pub const GENESIS: Head = Head { number: 0, link: [0; 32] };

/// The last entry of a chain: its number and its link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its number; 0 before the first.
    pub number: i64,
    /// Its link.
    pub link: Link,
}

/// An entry of the audit, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its id, time-ordered.
    pub id: Uuid,
    /// When.
    pub at: UnixMillis,
    /// Where, if it concerns one environment.
    pub environment: Option<EnvironmentId>,
    /// Who.
    pub actor: String,
    /// What, `noun.verb`.
    pub action: String,
    /// To what.
    pub target: String,
    /// More, as the JSON text that is stored: the link covers its bytes.
    pub detail: String,
    /// The request's id.
    pub request_id: String,
    /// From where.
    pub address: String,
}

/// The first bytes of what is hashed: no hash of another kind of thing can be taken for a link.
const DOMAIN: &[u8] = b"grantor audit link v1\0";

impl Head {
    /// The link of the entry that comes next: SHA-256 of a domain name, the link before it, its number, and its fields,
    /// each with its length in front, so that no two entries have the same bytes.
    pub fn link_of_next(&self, entry: &Entry) -> Link {
        let mut hash = Context::new(&SHA256);
        let mut field = |bytes: &[u8]| {
            hash.update(&(bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        field(DOMAIN);
        field(&self.link);
        field(&self.number.saturating_add(1).to_be_bytes());
        field(entry.id.as_bytes());
        field(&entry.at.0.to_be_bytes());
        // An environment has 16 bytes, none has none.
        field(entry.environment.map(EnvironmentId::bytes).as_ref().map_or(&[], <[u8; 16]>::as_slice));
        for text in
            [&entry.actor, &entry.action, &entry.target, &entry.detail, &entry.request_id, &entry.address]
        {
            field(text.as_bytes());
        }
        let mut link = [0; 32];
        link.copy_from_slice(hash.finish().as_ref());
        link
    }

    /// The head after this entry.
    #[must_use]
    pub fn after(&self, entry: &Entry) -> Self {
        Self { number: self.number.saturating_add(1), link: self.link_of_next(entry) }
    }
}

/// The place of an entry in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linked {
    /// Which entry.
    pub id: Uuid,
    /// Its number and link.
    pub place: Head,
}

/// Links entries behind a head, in this order. The last place is the new head.
pub fn link_all(head: Head, entries: &[Entry]) -> Vec<Linked> {
    let place = |head: &mut Head, entry: &Entry| {
        *head = head.after(entry);
        Some(Linked { id: entry.id, place: *head })
    };
    entries.iter().scan(head, place).collect()
}

/// A point of the chain that is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last entry that it covers.
    pub head: Head,
    /// When it was signed.
    pub at: UnixMillis,
}

/// What is signed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    number: i64,
    link: String,
    at: UnixMillis,
}

impl Checkpoint {
    /// Signs it, as a compact JWS whose payload says the same as the checkpoint.
    ///
    /// # Errors
    /// The library's refusal.
    pub fn sign(self, key: &SigningKey) -> Result<SignedCheckpoint, SignError> {
        let claims = Claims { number: self.head.number, link: base64url_encode(self.head.link), at: self.at };
        let payload = serde_json::to_vec(&claims).map_err(|_| SignError::Failed)?;
        let jws = key.sign(Type::AuditCheckpoint, &payload)?;
        Ok(SignedCheckpoint { checkpoint: self, kid: key.kid().to_owned(), jws })
    }
}

/// A checkpoint with its signature, as stored: what it says stands beside the signature and in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// The key that signed it.
    pub kid: String,
    /// The signature.
    pub jws: String,
}

/// Why a checkpoint proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointFault {
    /// It was signed by another key.
    #[error("it is signed by a key that is not the audit's")]
    ForeignKey,
    /// The signature is wrong, or of another kind of thing.
    #[error("its signature is wrong")]
    Signature,
    /// It says something else than what was signed.
    #[error("it does not say what was signed")]
    Differs,
}

impl SignedCheckpoint {
    /// Whether it was signed by one of these keys, and says what was signed.
    ///
    /// # Errors
    /// See [`CheckpointFault`].
    pub fn check(&self, keys: &KeySet) -> Result<(), CheckpointFault> {
        if keys.get(&self.kid).is_none() {
            return Err(CheckpointFault::ForeignKey);
        }
        let verified = jws::verify(&self.jws, keys).map_err(|_| CheckpointFault::Signature)?;
        if !verified.header.typ.is_some_and(|typ| Type::AuditCheckpoint.matches(&typ)) {
            return Err(CheckpointFault::Signature);
        }
        let claims: Claims =
            serde_json::from_slice(&verified.payload).map_err(|_| CheckpointFault::Signature)?;
        let link = parse_link(&claims.link).ok_or(CheckpointFault::Signature)?;
        let signed = Checkpoint { head: Head { number: claims.number, link }, at: claims.at };
        let same = signed == self.checkpoint && verified.header.kid == self.kid;
        if same { Ok(()) } else { Err(CheckpointFault::Differs) }
    }
}

/// A link from its text, base64url without padding.
pub fn parse_link(text: &str) -> Option<Link> {
    base64url_decode(text).ok()?.try_into().ok()
}

/// A batch of the chain: the entries that get their place, and the checkpoint at its end.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The right to link, taken or prolonged by the same unit.
    pub lease: Lease,
    /// The entries, none of which has a place yet.
    pub linked: Vec<Linked>,
    /// Covers all of them.
    pub checkpoint: SignedCheckpoint,
}

/// The right of one process to do what several must not do at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Which process.
    pub holder: [u8; 16],
    /// When it was taken or prolonged.
    pub at: UnixMillis,
    /// When another one may take it.
    pub until: UnixMillis,
}

impl Lease {
    /// Whether this one keeps `holder` from taking it at `now`.
    pub fn excludes(&self, holder: [u8; 16], now: UnixMillis) -> bool {
        self.holder != holder && now < self.until
    }
}
