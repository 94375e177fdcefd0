//! Who may hold the write lock of the file now: the writer, or a checkpoint that has to shut it out.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Two locks in a row. A plain mutex is not fair: under load the writer would take it again before the checkpoint
/// wakes. Whoever waits for the turn holds the door, so the writer cannot overtake.
#[derive(Default)]
pub(super) struct Gate {
    door: Mutex<()>,
    turn: Mutex<()>,
}

impl Gate {
    /// Waits for the turn. At most one holder; a waiter is never overtaken twice.
    pub(super) fn enter(&self) -> MutexGuard<'_, ()> {
        // The locks guard no data, so a panic of a holder leaves nothing half-done.
        let _door = self.door.lock().unwrap_or_else(PoisonError::into_inner);
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
