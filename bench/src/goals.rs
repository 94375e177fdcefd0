//! The ratio goals: what is measured, and how much of its ceiling Grantor shall reach.

use crate::ceiling::Algorithm;
use crate::work::{Verb, Work};

/// One line of the table.
pub(crate) struct Goal {
    /// The goal's number.
    pub(crate) id: &'static str,
    /// What is measured.
    pub(crate) what: &'static str,
    /// The least share of the ceiling.
    pub(crate) at_least: f64,
    /// The work.
    pub(crate) work: Work,
}

/// All ratio goals, in the order of the table.
pub(crate) const GOALS: &[Goal] = &[
    goal("P1", "token ES256", 0.80, Work::Token(Algorithm::Es256)),
    goal("P1b", "token EdDSA", 0.75, Work::Token(Algorithm::EdDsa)),
    goal("P1b", "token RS256", 0.95, Work::Token(Algorithm::Rs256)),
    goal("P1c", "token opaque / plain POST", 0.55, Work::Opaque),
    goal("P2", "API key, forward-auth / plain GET", 0.65, Work::ApiKey),
    goal("P3", "seen token, forward-auth / plain GET", 0.65, Work::Seen(Verb::ForwardAuth)),
    goal("P3", "seen token, introspection / plain POST", 0.60, Work::Seen(Verb::Introspect)),
    goal("P3b", "new ES256 token, forward-auth", 0.85, Work::Unseen(Verb::ForwardAuth, Algorithm::Es256)),
    goal("P3b", "new ES256 token, introspection", 0.85, Work::Unseen(Verb::Introspect, Algorithm::Es256)),
    goal("P3b", "new EdDSA token, forward-auth", 0.85, Work::Unseen(Verb::ForwardAuth, Algorithm::EdDsa)),
    goal("P3b", "new EdDSA token, introspection", 0.85, Work::Unseen(Verb::Introspect, Algorithm::EdDsa)),
    goal("P3b", "new RS256 token, forward-auth", 0.85, Work::Unseen(Verb::ForwardAuth, Algorithm::Rs256)),
    goal("P3b", "new RS256 token, introspection", 0.85, Work::Unseen(Verb::Introspect, Algorithm::Rs256)),
    goal("P4", "code redemption, durable / composite", 0.55, Work::Redemption),
    goal("P4", "refresh rotation, durable / composite", 0.55, Work::Rotation),
    goal("P9", "discovery / plain GET", 0.75, Work::Discovery),
    goal("P9", "JWKS / plain GET", 0.75, Work::KeySet),
    goal("P10", "password log-in / argon2id", 0.90, Work::Password),
];

/// P4b: the least share of the rotations that the PostgreSQL server does by itself.
pub(crate) const ROTATION_ON_POSTGRES: f64 = 0.60;

/// P5: how much dearer a token may be with a thousand times the apps.
pub(crate) const TOKEN_GROWTH: f64 = 1.15;
/// P5: how much dearer the check of a key may be with a thousand times the keys.
pub(crate) const KEY_GROWTH: f64 = 1.30;
/// P6: memory with a million apps and keys, in MiB.
pub(crate) const MEMORY_OF_MANY: f64 = 256.0;
/// P8: milliseconds from the start to the first answer, with a thousand apps and with a million.
pub(crate) const START: (f64, f64) = (100.0, 1_000.0);

const fn goal(id: &'static str, what: &'static str, at_least: f64, work: Work) -> Goal {
    Goal { id, what, at_least, work }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratios_are_those_of_the_goals() {
        let of = |id: &str| {
            GOALS.iter().filter(|goal| goal.id == id).map(|goal| goal.at_least).collect::<Vec<_>>()
        };
        assert_eq!(of("P1"), [0.80]);
        assert_eq!(of("P1b"), [0.75, 0.95]);
        assert_eq!(of("P1c"), [0.55]);
        assert_eq!(of("P2"), [0.65]);
        assert_eq!(of("P3"), [0.65, 0.60]);
        assert_eq!(of("P3b"), [0.85; 6]);
        assert_eq!(of("P4"), [0.55, 0.55]);
        assert_eq!(ROTATION_ON_POSTGRES, 0.60);
        assert_eq!((TOKEN_GROWTH, KEY_GROWTH), (1.15, 1.30));
        assert_eq!((MEMORY_OF_MANY, START), (256.0, (100.0, 1_000.0)));
        assert_eq!(of("P9"), [0.75, 0.75]);
        assert_eq!(of("P10"), [0.90]);
    }
}
