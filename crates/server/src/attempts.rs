//! Passwords that are being looked at, by account. Each is counted as a failure before it is looked at, so an app that signs
//! one user in many times at once would fail by its own success: here the surplus waits until the others are settled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use grantor_core::lockout::FREE_FAILURES;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// As many at once as are counted without a wait.
const AT_ONCE: u32 = FREE_FAILURES as u32 - 1;

/// The keyed hash of an account's address.
type Account = [u8; 32];

/// All that are being looked at on this node. What is on other nodes is counted in the database, and refused in doubt.
#[derive(Default)]
pub struct Attempts {
    accounts: Mutex<HashMap<Account, Entry>>,
}

struct Entry {
    places: Arc<Semaphore>,
    guests: usize,
}

/// A place among those who may look. Given back when it is dropped.
pub struct Attempt<'a> {
    // Declared first, so that the place is free before the guest has gone.
    place: Option<OwnedSemaphorePermit>,
    guest: Guest<'a>,
}

/// Keeps the account's entry while somebody has, or waits for, a place.
struct Guest<'a> {
    attempts: &'a Attempts,
    account: Account,
    places: Arc<Semaphore>,
}

impl Attempts {
    /// Waits for a place.
    pub async fn enter(&self, account: Account) -> Attempt<'_> {
        let places = {
            let mut accounts = self.accounts();
            let entry = accounts
                .entry(account)
                .or_insert_with(|| Entry { places: Arc::new(Semaphore::new(AT_ONCE as usize)), guests: 0 });
            entry.guests += 1;
            Arc::clone(&entry.places)
        };
        let guest = Guest { attempts: self, account, places };
        // Never closed: an error cannot be.
        let place = Arc::clone(&guest.places).acquire_owned().await.ok();
        Attempt { place, guest }
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<Account, Entry>> {
        // Held for a look-up only; it is never left half-changed.
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// Waits until nobody else is being looked at: then the count speaks of settled failures only.
    pub async fn alone(&mut self) {
        self.place = None;
        self.place = Arc::clone(&self.guest.places).acquire_many_owned(AT_ONCE).await.ok();
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        let mut accounts = self.attempts.accounts();
        let Some(entry) = accounts.get_mut(&self.account) else { return };
        entry.guests -= 1;
        if entry.guests == 0 {
            accounts.remove(&self.account);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn waits(future: std::pin::Pin<&mut impl Future>) -> bool {
        matches!(future.poll(&mut Context::from_waker(Waker::noop())), Poll::Pending)
    }

    #[tokio::test]
    async fn the_surplus_waits_and_nothing_is_kept_of_who_has_gone() {
        let attempts = Attempts::default();
        let mut inside = Vec::new();
        for _ in 0..AT_ONCE {
            inside.push(attempts.enter([1; 32]).await);
        }
        let _other = attempts.enter([2; 32]).await;
        let mut late = pin!(attempts.enter([1; 32]));
        assert!(waits(late.as_mut()), "all places are taken");
        inside.pop();
        let mut late = late.await;
        {
            let mut alone = pin!(late.alone());
            assert!(waits(alone.as_mut()), "others are inside");
            inside.clear();
            alone.await;
        }
        {
            let mut later = pin!(attempts.enter([1; 32]));
            assert!(waits(later.as_mut()), "alone means alone");
        }
        drop(late);
        assert_eq!(attempts.accounts().keys().collect::<Vec<_>>(), [&[2; 32]]);
    }
}
