//! The keys of one environment, opened once and held: signing, sealing, peppers; and how new ones are made.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest;
use bytes::Bytes;
use grantor_core::decision::StoredKey;
use grantor_core::env::Env;
use grantor_core::id::EnvironmentId;
use grantor_core::sealed_token::SealRing;
use grantor_core::secret::PepperRing;
use grantor_core::signing_key::{KeyState, KeyTimes, KeyUse};
use grantor_core::subject::PairwiseKey;
use grantor_jose::{Algorithm, Jwk, JwkSet, KeySet, SigningKey};
use zeroize::Zeroizing;

use crate::vault::{Vault, VaultError};

/// Why a ring could not be opened or a key not be made.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The vault refused.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A stored key does not parse.
    #[error("key {0} does not parse")]
    Parse(String),
    /// A use has no active key.
    #[error("no active {0} key")]
    Missing(&'static str),
}

/// The keys of one environment.
pub struct EnvironmentKeys {
    signing: HashMap<Algorithm, Arc<SigningKey>>,
    /// What verifies: next, active and retiring keys.
    pub verifying: KeySet,
    /// The key set as published.
    pub jwks: Bytes,
    /// Opaque tokens.
    pub seal: SealRing,
    /// Secrets and API keys.
    pub peppers: PepperRing,
    /// Pairwise subjects.
    pub pairwise: PairwiseKey,
}

impl EnvironmentKeys {
    /// Opens the ring of an environment.
    ///
    /// # Errors
    /// A value that does not open, or a use without an active key.
    pub fn open(
        (environment, pairwise): (EnvironmentId, PairwiseKey),
        ring: &[StoredKey],
        vault: &Vault,
    ) -> Result<Self, KeysError> {
        let mut signing = HashMap::new();
        let mut published: Vec<Jwk> = Vec::new();
        let mut seals = Numbered::default();
        let mut peppers = Numbered::default();
        for key in ring.iter().filter(|key| key.state != KeyState::Retired) {
            let private = vault.open(&key.sealed, &place(key.environment, key.usage, &key.kid))?;
            let unparsable = || KeysError::Parse(key.kid.clone());
            match key.usage {
                KeyUse::Sign => {
                    let algorithm: Algorithm = key.algorithm.parse().map_err(|_| unparsable())?;
                    // From the sealed half, never from the column beside it: whoever can write the database must not be
                    // able to publish a key of his own.
                    let parsed = SigningKey::from_pkcs8(algorithm, &private).map_err(|_| unparsable())?;
                    if parsed.kid() != key.kid {
                        return Err(unparsable());
                    }
                    published.push(parsed.public_jwk().clone());
                    if key.state == KeyState::Active {
                        signing.insert(algorithm, Arc::new(parsed));
                    }
                }
                KeyUse::Seal => seals.add(key, private)?,
                KeyUse::Pepper => peppers.add(key, private)?,
            }
        }
        let set = JwkSet { keys: published };
        let seal_active = u32::try_from(seals.active).map_err(|_| KeysError::Missing("sealing"))?;
        let seal_keys = seals
            .keys
            .into_iter()
            .filter_map(|(number, key)| Some((u32::try_from(number).ok()?, key)))
            .collect();
        Ok(Self {
            pairwise,
            signing,
            verifying: KeySet::from_jwks(&set),
            jwks: serde_json::to_vec(&set).map_err(|_| KeysError::Parse("key set".to_owned()))?.into(),
            seal: SealRing::new(environment, seal_active, seal_keys).ok_or(KeysError::Missing("sealing"))?,
            peppers: PepperRing::new(peppers.active, peppers.keys).ok_or(KeysError::Missing("pepper"))?,
        })
    }

    /// What can be signed with now.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        self.signing.keys().copied().collect()
    }

    /// The key that signs with this algorithm.
    pub fn signer(&self, algorithm: Algorithm) -> Option<&Arc<SigningKey>> {
        self.signing.get(&algorithm)
    }
}

#[derive(Default)]
struct Numbered {
    active: i64,
    keys: Vec<(i64, Zeroizing<Vec<u8>>)>,
}

impl Numbered {
    fn add(&mut self, key: &StoredKey, private: Zeroizing<Vec<u8>>) -> Result<(), KeysError> {
        let number: i64 = key.kid.parse().map_err(|_| KeysError::Parse(key.kid.clone()))?;
        if key.state == KeyState::Active {
            self.active = number;
        }
        self.keys.push((number, private));
        Ok(())
    }
}

fn place(environment: EnvironmentId, usage: KeyUse, kid: &str) -> String {
    format!("key_ring/{environment}/{}/{kid}", usage.as_str())
}

/// The times of a stored key, for the rules of [`grantor_core::signing_key`].
pub fn times(key: &StoredKey) -> KeyTimes {
    KeyTimes { created_at: key.created_at, activated_at: key.activated_at, retires_at: key.retires_at }
}

/// What a new key shall be.
pub struct NewKey {
    /// Whose.
    pub environment: EnvironmentId,
    /// What for.
    pub usage: KeyUse,
    /// With which algorithm, for a signing key.
    pub algorithm: Algorithm,
    /// Where it begins: `Next`, or `Active` for the first one.
    pub state: KeyState,
    /// The number of a sealing key or pepper, one more than the last.
    pub number: i64,
}

/// Makes a key and seals its private half.
///
/// # Errors
/// The library's refusal.
pub fn generate(new: &NewKey, vault: &Vault, env: &mut Env<'_>) -> Result<StoredKey, KeysError> {
    let (kid, algorithm, public, private) = match new.usage {
        KeyUse::Sign => {
            let failed = || KeysError::Parse("new key".to_owned());
            let der = SigningKey::generate(new.algorithm).map_err(|_| failed())?;
            let key = SigningKey::from_pkcs8(new.algorithm, der.as_bytes()).map_err(|_| failed())?;
            let public = serde_json::to_string(key.public_jwk()).map_err(|_| failed())?;
            (
                key.kid().to_owned(),
                new.algorithm.as_str().to_owned(),
                Some(public),
                Zeroizing::new(der.as_bytes().to_vec()),
            )
        }
        KeyUse::Seal => (
            new.number.to_string(),
            "A256GCM-SIV".to_owned(),
            None,
            Zeroizing::new(env.bytes::<32>().to_vec()),
        ),
        KeyUse::Pepper => {
            (new.number.to_string(), "HS256".to_owned(), None, Zeroizing::new(env.bytes::<32>().to_vec()))
        }
    };
    let sealed = vault.seal(&private, &place(new.environment, new.usage, &kid), env.rng)?;
    Ok(StoredKey {
        kid,
        environment: new.environment,
        usage: new.usage,
        algorithm,
        state: new.state,
        public,
        sealed,
        created_at: env.now,
        activated_at: (new.state == KeyState::Active).then_some(env.now),
        retires_at: None,
        uses: 0,
    })
}

/// The keys that an environment lacks: an active and a next one for each algorithm, a sealing key, a pepper.
///
/// # Errors
/// The library's refusal.
pub fn missing(
    environment: EnvironmentId,
    ring: &[StoredKey],
    algorithms: &[Algorithm],
    vault: &Vault,
    env: &mut Env<'_>,
) -> Result<Vec<StoredKey>, KeysError> {
    let has = |usage, algorithm: &str, state| {
        ring.iter().any(|key| {
            key.usage == usage && key.state == state && (usage != KeyUse::Sign || key.algorithm == algorithm)
        })
    };
    let mut made = Vec::new();
    for algorithm in algorithms {
        for state in [KeyState::Active, KeyState::Next] {
            if !has(KeyUse::Sign, algorithm.as_str(), state) {
                made.push(generate(
                    &NewKey { environment, usage: KeyUse::Sign, algorithm: *algorithm, state, number: 0 },
                    vault,
                    env,
                )?);
            }
        }
    }
    for usage in [KeyUse::Seal, KeyUse::Pepper] {
        if !has(usage, "", KeyState::Active) {
            let number = next_number(ring, usage);
            made.push(generate(
                &NewKey { environment, usage, algorithm: Algorithm::Es256, state: KeyState::Active, number },
                vault,
                env,
            )?);
        }
    }
    Ok(made)
}

/// One more than the highest number of a use.
pub fn next_number(ring: &[StoredKey], usage: KeyUse) -> i64 {
    ring.iter()
        .filter(|key| key.usage == usage)
        .filter_map(|key| key.kid.parse::<i64>().ok())
        .max()
        .unwrap_or(0)
        + 1
}

/// SHA-256 of a token, the key of the cache of verified claims.
pub fn token_digest(token: &str) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    out
}
