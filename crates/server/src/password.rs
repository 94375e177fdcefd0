//! The hashing of people's passwords: argon2id (RFC 9106), on threads of its own behind a queue that can be full.
//!
//! A hash is slow and large on purpose, so a flood of sign-ins must not get hold of the runtime, of all cores or of the
//! memory. Whoever finds the queue full hears [`PasswordError::Busy`] at once and is asked to come back.

mod argon;
mod cost;
mod pool;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use grantor_core::password::{NewPassword, PasswordHash, PresentedPassword};

use tokio::sync::Semaphore;

use argon::{Memory, Stored};
use pool::Pool;

pub use cost::{Cost, CostError};
pub use pool::PoolSize;

/// Seconds after which a caller that was refused as [`PasswordError::Busy`] may try again (`Retry-After`): a full queue
/// is at most that much work.
pub const RETRY_AFTER_SECONDS: u32 = 2;

/// 16 random bytes, new for every hash (RFC 9106 3.1). They come from `Env`.
pub struct Salt(pub [u8; 16]);

/// Hashes and compares passwords. Dropping it lets its threads finish what was accepted, and end.
pub struct Passwords {
    cost: Cost,
    /// Compared with when there is nothing to compare with.
    dummy: Stored,
    pool: Pool,
    /// Places for new passwords in the queue.
    new_ones: Semaphore,
    filled: Arc<AtomicU64>,
}

/// What a comparison found.
pub enum Verdict {
    /// Another password, or there is none.
    Mismatch,
    /// The right password.
    Match,
    /// The right password, whose hash was made at another cost: store the one of [`Passwords::rehash`].
    MatchOutdated(VerifiedPassword),
}

/// A password that has just been found right. No `Debug`.
pub struct VerifiedPassword(PresentedPassword);

/// Why there is no answer. None of these says whether a password is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// The queue is full.
    #[error("too many passwords wait to be checked; try again in {RETRY_AFTER_SECONDS} seconds")]
    Busy,
    /// The stored text is no argon2 hash, or one that costs more than any [`Cost`].
    #[error("the stored password hash cannot be used; set the password anew")]
    Damaged,
    /// The work did not come to an end.
    #[error("checking the password failed")]
    Failed,
}

impl Passwords {
    /// Starts the threads.
    ///
    /// # Errors
    /// What the operating system says when it has no thread left.
    pub fn start(cost: Cost, size: PoolSize) -> std::io::Result<Self> {
        let filled = Arc::new(AtomicU64::new(0));
        let pool = Pool::start(size, || Memory::new(cost, Arc::clone(&filled)))?;
        let new_ones = Semaphore::new((size.queue.get() / 2).max(1));
        Ok(Self { cost, dummy: Stored::dummy(cost), pool, new_ones, filled })
    }

    /// The hash of a new password, at the present cost. New ones fill no more than half of the queue: who signs up must not
    /// be in the way of who signs in.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] at once if their half, or the queue, is full; [`PasswordError::Failed`].
    pub async fn hash(&self, password: &NewPassword, salt: Salt) -> Result<PasswordHash, PasswordError> {
        let _place = self.new_ones.try_acquire().map_err(|_| PasswordError::Busy)?;
        let (password, cost) = (password.clone(), self.cost);
        self.pool.run(move |memory| memory.hash(password.reveal(), &salt, cost)).await?
    }

    /// The hash of a password that was just found right, at the present cost.
    ///
    /// # Errors
    /// As [`Passwords::hash`].
    pub async fn rehash(
        &self,
        password: VerifiedPassword,
        salt: Salt,
    ) -> Result<PasswordHash, PasswordError> {
        let cost = self.cost;
        self.pool.run(move |memory| memory.hash(revealed(&password.0)?, &salt, cost)).await?
    }

    /// Compares what somebody typed with the stored hash of the account. Where there is no account, or no password, the
    /// same work is done at the present cost: time does not tell who exists.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] at once if the queue is full; [`PasswordError::Damaged`]; [`PasswordError::Failed`].
    pub async fn verify(
        &self,
        presented: &PresentedPassword,
        stored: Option<&PasswordHash>,
    ) -> Result<Verdict, PasswordError> {
        // No stored password is that long, so the shorter time tells nothing about the account.
        if presented.reveal().is_none() {
            return Ok(Verdict::Mismatch);
        }
        let known = stored.map(Stored::parse).transpose()?;
        let (exists, outdated) =
            (known.is_some(), known.as_ref().is_some_and(|hash| hash.is_outdated(self.cost)));
        let hash = known.unwrap_or_else(|| self.dummy.clone());
        let typed = presented.clone();
        let same = self.pool.run(move |memory| memory.matches(revealed(&typed)?, &hash)).await??;
        Ok(match same && exists {
            false => Verdict::Mismatch,
            true if outdated => Verdict::MatchOutdated(VerifiedPassword(presented.clone())),
            true => Verdict::Match,
        })
    }

    /// Whether a stored hash was made at another cost than the present one, higher or lower: when all cost the same, all
    /// take the same time, an unknown account included.
    pub fn needs_rehash(&self, stored: &PasswordHash) -> bool {
        Stored::parse(stored).is_ok_and(|hash| hash.is_outdated(self.cost))
    }

    /// Kibibytes that were filled so far: what all hashes have cost since the start.
    pub fn kibibytes_filled(&self) -> u64 {
        self.filled.load(Relaxed)
    }
}

fn revealed(password: &PresentedPassword) -> Result<&[u8], PasswordError> {
    password.reveal().ok_or(PasswordError::Failed)
}
