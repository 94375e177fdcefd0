//! How much a hash costs: whoever guesses at stolen hashes pays it for each guess, and we for each sign-in.

use argon2::Params;

/// Memory and passes of one argon2id hash; the parallelism is always 1, because there is one thread for each hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    iterations: u32,
}

/// The numbers are no cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a password hash takes 8 to 1048576 KiB of memory and 1 to 64 iterations")]
pub struct CostError;

impl Cost {
    /// The least that an installation may be configured to: 19 MiB and two passes, the weakest that OWASP's Password
    /// Storage Cheat Sheet recommends for argon2id. Tests go lower.
    pub const FLOOR: Self = Self { memory_kib: 19 * 1024, iterations: 2 };
    /// What is used if nobody says anything.
    pub const DEFAULT: Self = Self { memory_kib: 32 * 1024, iterations: 4 };
    /// The most: 1 GiB and 64 passes. A stored hash that costs more is not computed.
    pub const HIGHEST: Self = Self { memory_kib: 1024 * 1024, iterations: 64 };

    /// A cost of this much memory, in KiB, and this many passes over it.
    ///
    /// # Errors
    /// [`CostError`] below what argon2 can do (RFC 9106 3.1) and above [`Cost::HIGHEST`]. The floor is the
    /// configuration's business.
    pub const fn new(memory_kib: u32, iterations: u32) -> Result<Self, CostError> {
        let too_low = memory_kib < Params::MIN_M_COST || iterations < Params::MIN_T_COST;
        let too_high = memory_kib > Self::HIGHEST.memory_kib || iterations > Self::HIGHEST.iterations;
        if too_low || too_high {
            return Err(CostError);
        }
        Ok(Self { memory_kib, iterations })
    }

    /// Memory of one hash, in KiB.
    pub const fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    pub const fn iterations(self) -> u32 {
        self.iterations
    }
}
