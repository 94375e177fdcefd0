//! argon2 itself (RFC 9106): PHC strings in and out, on memory that a thread keeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use grantor_core::password::PasswordHash;
use zeroize::Zeroizing;

use super::{Cost, PasswordError, Salt};

/// Bytes of a hash that we make: the tag length of RFC 9106 4.
const TAG: usize = 32;
/// Fewest bytes of a stored hash that is believed.
const SHORTEST_TAG: usize = 16;
/// Most lanes of a stored hash. We make one; hashes that came from elsewhere have a few.
const MOST_LANES: u32 = 16;

/// A stored hash, understood.
#[derive(Clone)]
pub(super) struct Stored {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Vec<u8>,
    tag: Vec<u8>,
}

impl Stored {
    /// Reads a PHC string.
    pub(super) fn parse(hash: &PasswordHash) -> Result<Self, PasswordError> {
        Self::read(hash.as_str()).filter(Self::is_sane).ok_or(PasswordError::Damaged)
    }

    fn read(text: &str) -> Option<Self> {
        let read = phc::PasswordHash::new(text).ok()?;
        let version = read.version.map_or(Ok(Version::V0x13), Version::try_from).ok()?;
        Some(Self {
            algorithm: read.algorithm.as_str().parse().ok()?,
            version,
            params: Params::try_from(&read).ok()?,
            salt: read.salt?.to_vec(),
            tag: read.hash?.as_bytes().to_vec(),
        })
    }

    /// Whoever can write to the database may have written this: it must neither take the machine's memory nor match by
    /// chance.
    fn is_sane(&self) -> bool {
        let highest = Cost::HIGHEST;
        self.tag.len() >= SHORTEST_TAG
            && self.params.m_cost() <= highest.memory_kib()
            && self.params.t_cost() <= highest.iterations()
            && self.params.p_cost() <= MOST_LANES
    }

    /// What nobody's password has, at this cost. Which salt and tag it has makes no difference to the work.
    pub(super) fn dummy(cost: Cost) -> Self {
        let salt = vec![0; 16];
        Self {
            algorithm: Algorithm::Argon2id,
            version: Version::V0x13,
            params: params(cost),
            salt,
            tag: vec![0; TAG],
        }
    }

    /// Whether we would make it differently today.
    pub(super) fn is_outdated(&self, cost: Cost) -> bool {
        let today = Self::dummy(cost);
        (self.algorithm, self.version) != (today.algorithm, today.version)
            || self.params != today.params
            || self.salt.len() < today.salt.len()
    }
}

fn params(cost: Cost) -> Params {
    Params::new(cost.memory_kib(), cost.iterations(), 1, Some(TAG)).expect("a Cost is within argon2's bounds")
}

/// The working memory of one thread. Taken from the system once, at the first hash.
pub(super) struct Memory {
    blocks: Vec<Block>,
    /// Blocks of a hash at the present cost; what a costlier one took is given back.
    usual: usize,
    /// KiB filled by all threads.
    filled: Arc<AtomicU64>,
}

impl Memory {
    pub(super) fn new(cost: Cost, filled: Arc<AtomicU64>) -> Self {
        Self { blocks: Vec::new(), usual: params(cost).block_count(), filled }
    }

    /// Hashes a password.
    pub(super) fn hash(
        &mut self,
        password: &[u8],
        salt: &Salt,
        cost: Cost,
    ) -> Result<PasswordHash, PasswordError> {
        let fresh = Stored { salt: salt.0.to_vec(), ..Stored::dummy(cost) };
        let tag = self.tag(password, &fresh)?;
        let written = phc::PasswordHash {
            algorithm: fresh.algorithm.ident(),
            version: Some(fresh.version.into()),
            params: phc::ParamsString::try_from(&fresh.params).map_err(|_| PasswordError::Failed)?,
            salt: Some(phc::Salt::new(&fresh.salt).map_err(|_| PasswordError::Failed)?),
            hash: Some(phc::Output::new(&tag).map_err(|_| PasswordError::Failed)?),
        };
        Ok(PasswordHash::new(written.to_string()))
    }

    /// Whether a password has this hash, in constant time once the tag is computed.
    pub(super) fn matches(&mut self, password: &[u8], stored: &Stored) -> Result<bool, PasswordError> {
        let tag = self.tag(password, stored)?;
        Ok(verify_slices_are_equal(&tag, &stored.tag).is_ok())
    }

    fn tag(&mut self, password: &[u8], of: &Stored) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
        let count = of.params.block_count();
        if self.blocks.len() < count {
            self.blocks.resize(count, Block::new());
        }
        let mut tag = Zeroizing::new(vec![0; of.tag.len()]);
        let argon = Argon2::new(of.algorithm, of.version, of.params.clone());
        let done =
            argon.hash_password_into_with_memory(password, &of.salt, &mut tag, &mut self.blocks[..count]);
        self.filled.fetch_add(u64::from(of.params.m_cost()) * u64::from(of.params.t_cost()), Relaxed);
        if self.blocks.len() > self.usual {
            self.blocks.truncate(self.usual);
            self.blocks.shrink_to_fit();
        }
        done.map(|()| tag).map_err(|_| PasswordError::Failed)
    }
}

#[cfg(test)]
impl Memory {
    /// Blocks of 1 KiB that this thread keeps.
    pub(super) fn kept(&self) -> usize {
        self.blocks.capacity()
    }
}
