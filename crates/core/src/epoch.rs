//! Epochs: counters that only rise. A token carries those of its subjects; one that is lower than what we know is dead.
//!
//! No clocks are compared, so a node that had not yet heard of a kill cannot mint a survivor.

use serde::{Deserialize, Serialize};

use crate::error::Reason;

/// The epochs of a token's subjects when it was issued (claim `rev`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Epochs {
    /// Of the tenant.
    pub ten: i64,
    /// Of the tenant's access to the API.
    pub acc: i64,
    /// Of the app.
    pub app: i64,
    /// Of the user; 0 where there is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub usr: i64,
    /// Of the Grant; 0 where there is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gnt: i64,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl Epochs {
    /// Whether a token with these epochs is still of its time.
    ///
    /// # Errors
    /// [`Reason::EpochTooOld`] if any counter is below the known one.
    pub fn check(&self, known: &Self) -> Result<(), Reason> {
        let pairs = [
            (self.ten, known.ten),
            (self.acc, known.acc),
            (self.app, known.app),
            (self.usr, known.usr),
            (self.gnt, known.gnt),
        ];
        let alive = pairs.iter().all(|(token, known)| token >= known);
        if alive { Ok(()) } else { Err(Reason::EpochTooOld) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f10_a_token_older_than_any_epoch_is_refused() {
        let token = Epochs { ten: 3, acc: 3, app: 3, usr: 3, gnt: 3 };
        assert!(token.check(&token).is_ok());
        assert!(
            token.check(&Epochs { ten: 2, acc: 3, app: 1, usr: 0, gnt: 3 }).is_ok(),
            "a node that lags behind accepts"
        );
        for known in [
            Epochs { ten: 4, ..token },
            Epochs { acc: 4, ..token },
            Epochs { app: 4, ..token },
            Epochs { usr: 4, ..token },
            Epochs { gnt: 4, ..token },
        ] {
            assert_eq!(token.check(&known), Err(Reason::EpochTooOld), "{known:?}");
        }
    }
}
