//! The master key and what it protects: private keys, sealing keys and peppers at rest.
//!
//! Each value is sealed under a data key of its own, and the data key under the master key, so that changing the master
//! key re-wraps 32 bytes per value. AES-256-GCM-SIV; the associated data binds a value to its place, so that a swapped
//! ciphertext does not open.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use grantor_core::env::Random;
use grantor_core::secret::PepperRing;
use zeroize::Zeroizing;

/// A value could not be opened: the master key is another one, or the value was moved or damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a protected value does not open: wrong master key, or damaged data")]
pub struct VaultError;

/// The master key. No `Debug`, no way out.
pub struct Vault {
    key: LessSafeKey,
    operators: Zeroizing<Vec<u8>>,
    tags: hmac::Key,
}

const VERSION: u8 = 1;
const NONCE: usize = 12;
const TAG: usize = 16;
const DATA_KEY: usize = 32;
const WRAPPED: usize = NONCE + DATA_KEY + TAG;

impl Vault {
    /// A vault under this master key.
    ///
    /// # Errors
    /// Never for 32 bytes; the library's refusal is passed on.
    pub fn new(master: &Zeroizing<[u8; 32]>) -> Result<Self, VaultError> {
        let derive = |label: &'static [u8]| -> Result<Zeroizing<Vec<u8>>, VaultError> {
            let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"grantor").extract(master.as_slice());
            let info = [label];
            let okm = prk.expand(&info, hkdf::HKDF_SHA256).map_err(|_| VaultError)?;
            let mut out = Zeroizing::new(vec![0; 32]);
            okm.fill(&mut out).map_err(|_| VaultError)?;
            Ok(out)
        };
        Ok(Self {
            key: aead(&derive(b"data keys")?)?,
            operators: derive(b"operator tokens")?,
            tags: hmac::Key::new(hmac::HMAC_SHA256, &derive(b"tags")?),
        })
    }

    /// Seals a value for one place, named by `bound_to` (table, row, column).
    ///
    /// # Errors
    /// Only for sizes beyond any key.
    pub fn seal(&self, plain: &[u8], bound_to: &str, rng: &mut dyn Random) -> Result<Vec<u8>, VaultError> {
        let mut data_key = Zeroizing::new([0; DATA_KEY]);
        rng.fill(data_key.as_mut_slice());
        let mut out = vec![VERSION];
        out.extend(seal_one(&self.key, data_key.as_slice(), bound_to, rng)?);
        out.extend(seal_one(&aead(data_key.as_slice())?, plain, bound_to, rng)?);
        Ok(out)
    }

    /// Opens a value in its place.
    ///
    /// # Errors
    /// [`VaultError`] for anything that was not sealed for this place under this master key.
    pub fn open(&self, sealed: &[u8], bound_to: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let (version, rest) = sealed.split_first().ok_or(VaultError)?;
        if *version != VERSION {
            return Err(VaultError);
        }
        let (wrapped, payload) = rest.split_at_checked(WRAPPED).ok_or(VaultError)?;
        let data_key = open_one(&self.key, wrapped, bound_to)?;
        open_one(&aead(&data_key)?, payload, bound_to)
    }

    /// A tag over parts, for one purpose: what carries it was made by this installation, and says nothing of the parts. Each
    /// part is preceded by its length, so that no two lists of parts are read alike.
    pub fn tag(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.tags);
        for part in [&[purpose.as_bytes()], parts].concat() {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut tag = [0; 32];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }

    /// The pepper of operators' tokens: they belong to the installation, not to an environment.
    pub fn operator_pepper(&self) -> Option<PepperRing> {
        PepperRing::new(0, vec![(0, self.operators.clone())])
    }
}

fn aead(key: &[u8]) -> Result<LessSafeKey, VaultError> {
    UnboundKey::new(&AES_256_GCM_SIV, key).map(LessSafeKey::new).map_err(|_| VaultError)
}

fn seal_one(
    key: &LessSafeKey,
    plain: &[u8],
    bound_to: &str,
    rng: &mut dyn Random,
) -> Result<Vec<u8>, VaultError> {
    let mut nonce = [0; NONCE];
    rng.fill(&mut nonce);
    let mut body = plain.to_vec();
    key.seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(bound_to.as_bytes()),
        &mut body,
    )
    .map_err(|_| VaultError)?;
    Ok([&nonce[..], &body].concat())
}

fn open_one(key: &LessSafeKey, sealed: &[u8], bound_to: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let (nonce, body) = sealed.split_first_chunk::<NONCE>().ok_or(VaultError)?;
    let mut body = Zeroizing::new(body.to_vec());
    let plain = key
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(bound_to.as_bytes()), &mut body)
        .map_err(|_| VaultError)?;
    Ok(Zeroizing::new(plain.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::OsRandom;

    fn vault(byte: u8) -> Vault {
        Vault::new(&Zeroizing::new([byte; 32])).unwrap()
    }

    #[test]
    fn n01_a_value_opens_only_in_its_place_and_under_its_key() {
        let sealed = vault(1).seal(b"secret", "key_ring/a", &mut OsRandom::new()).unwrap();
        assert_eq!(vault(1).open(&sealed, "key_ring/a").unwrap().as_slice(), b"secret");
        assert!(vault(1).open(&sealed, "key_ring/b").is_err(), "moved to another row");
        assert!(vault(2).open(&sealed, "key_ring/a").is_err(), "another master key");
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
    }

    #[test]
    fn a_tag_is_of_one_key_one_purpose_and_one_list_of_parts() {
        let tag = vault(1).tag("a", &[b"bc", b"d"]);
        assert_eq!(tag, vault(1).tag("a", &[b"bc", b"d"]));
        for other in [
            vault(2).tag("a", &[b"bc", b"d"]),
            vault(1).tag("b", &[b"bc", b"d"]),
            vault(1).tag("a", &[b"b", b"cd"]),
            vault(1).tag("a", &[b"bcd"]),
            vault(1).tag("a", &[b"bc", b"d", b""]),
        ] {
            assert_ne!(tag, other);
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let sealed = vault(1).seal(b"secret", "x", &mut OsRandom::new()).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(vault(1).open(&flipped, "x").is_err(), "bit {bit}");
        }
    }
}
