//! How people's passwords are hashed: the settings of the section `[passwords]`.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use super::layers::Layers;
use super::refusal::ConfigError;
use super::{Effective, note, setting};
use crate::password::{Cost, PoolSize};

/// Section `[passwords]`: how people's passwords are hashed.
#[derive(Debug, Clone)]
pub struct Passwords {
    /// What one hash costs.
    pub cost: Cost,
    /// How many are hashed at once, and how many wait.
    pub pool: PoolSize,
}

/// Most threads: each has memory of its own.
const MOST_THREADS: usize = 64;

impl Passwords {
    /// Reads the section.
    pub(super) fn read(layers: &Layers<'_>, effective: &mut Vec<Effective>) -> Result<Self, ConfigError> {
        let memory = layers.resolve::<MemoryKib>(&setting::PASSWORDS_MEMORY_KIB, None);
        let memory = note(effective, &setting::PASSWORDS_MEMORY_KIB, memory)?;
        let iterations = layers.resolve::<Iterations>(&setting::PASSWORDS_ITERATIONS, None);
        let iterations = note(effective, &setting::PASSWORDS_ITERATIONS, iterations)?;
        let threads = layers.resolve::<Threads>(&setting::PASSWORDS_THREADS, None);
        let threads = note(effective, &setting::PASSWORDS_THREADS, threads)?;
        let cost = Cost::new(memory.0, iterations.0).expect("both numbers are between floor and highest");
        let pool = match threads {
            Threads::Auto => PoolSize::of_this_machine(),
            Threads::Count(count) => PoolSize::of(count),
        };
        Ok(Self { cost, pool })
    }
}

/// What a number of the section may be.
#[derive(Debug, thiserror::Error)]
enum NumberError {
    #[error(
        "write the memory of one hash in KiB, from {} to {}: less is within reach of those who guess at stolen hashes",
        Cost::FLOOR.memory_kib(),
        Cost::HIGHEST.memory_kib()
    )]
    Memory,
    #[error(
        "write the passes over the memory, from {} to {}: fewer are within reach of those who guess at stolen hashes",
        Cost::FLOOR.iterations(),
        Cost::HIGHEST.iterations()
    )]
    Iterations,
    #[error("write a number of threads from 1 to {MOST_THREADS}, or \"auto\"")]
    Threads,
}

struct MemoryKib(u32);

impl FromStr for MemoryKib {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let allowed = Cost::FLOOR.memory_kib()..=Cost::HIGHEST.memory_kib();
        text.parse().ok().filter(|number| allowed.contains(number)).map(Self).ok_or(NumberError::Memory)
    }
}

struct Iterations(u32);

impl FromStr for Iterations {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let allowed = Cost::FLOOR.iterations()..=Cost::HIGHEST.iterations();
        text.parse().ok().filter(|number| allowed.contains(number)).map(Self).ok_or(NumberError::Iterations)
    }
}

enum Threads {
    Auto,
    Count(NonZeroUsize),
}

impl FromStr for Threads {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        if text == setting::PASSWORDS_THREADS.default {
            return Ok(Self::Auto);
        }
        let count = text.parse().ok().filter(|count: &NonZeroUsize| count.get() <= MOST_THREADS);
        count.map(Self::Count).ok_or(NumberError::Threads)
    }
}

impl fmt::Display for MemoryKib {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Iterations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str(setting::PASSWORDS_THREADS.default),
            Self::Count(count) => count.fmt(f),
        }
    }
}
