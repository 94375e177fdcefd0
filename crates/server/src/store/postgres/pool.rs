//! The connections: some for reads, which share them, some for units, which have one alone between BEGIN and COMMIT.
//! Each is kept by a task of its own, which makes it again when it is gone.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use grantor_core::env::Random as _;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{sleep, timeout};

use super::PgOptions;
use super::connect::{Connector, Purpose};
use super::session::Session;
use crate::clock::OsRandom;
use crate::store::sql::StoreError;

/// Before the second try to connect; doubled after each that fails.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Between two tries, at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What the keepers of the connections and their users tell one another.
pub(super) struct Pool {
    readers: Vec<ArcSwapOption<Session>>,
    turn: AtomicUsize,
    /// A reader has been connected.
    arrived: Notify,
    idle: Mutex<Vec<Session>>,
    /// One permit for each connection in `idle`.
    units: Semaphore,
    patience: Duration,
}

impl Pool {
    /// Begins to connect.
    pub(super) fn start(connector: Connector, options: &PgOptions) -> Arc<Self> {
        let readers = options.readers.max(1);
        let pool = Arc::new(Self {
            readers: (0..readers).map(|_| ArcSwapOption::empty()).collect(),
            turn: AtomicUsize::new(0),
            arrived: Notify::new(),
            idle: Mutex::default(),
            units: Semaphore::new(0),
            patience: options.patience,
        });
        let connector = Arc::new(connector);
        for place in 0..readers {
            tokio::spawn(keep(Arc::downgrade(&pool), connector.clone(), Place::Reader(place)));
        }
        for _ in 0..options.writers.max(1) {
            tokio::spawn(keep(Arc::downgrade(&pool), connector.clone(), Place::Writer));
        }
        pool
    }

    /// A connection for a read, shared with others. They take turns.
    pub(super) async fn reader(&self) -> Result<Arc<Session>, StoreError> {
        let connected = async {
            loop {
                // Listening begins before looking: an arrival in between must not be missed.
                let arrival = self.arrived.notified();
                if let Some(session) = self.next_reader() {
                    return session;
                }
                arrival.await;
            }
        };
        timeout(self.patience, connected).await.map_err(|_| no_connection())
    }

    fn next_reader(&self) -> Option<Arc<Session>> {
        let turn = self.turn.fetch_add(1, Relaxed);
        let places =
            (0..self.readers.len()).map(|step| &self.readers[(turn.wrapping_add(step)) % self.readers.len()]);
        places.filter_map(ArcSwapOption::load_full).find(|session| session.is_open())
    }

    /// A connection for one unit alone. Whoever does not bring it back has thrown it away.
    pub(super) async fn writer(&self) -> Result<Session, StoreError> {
        let free = async {
            loop {
                // The semaphore is never closed; an error would only mean that there is no connection.
                self.units.acquire().await.ok()?.forget();
                let idle = self.idle().pop().filter(Session::is_open);
                if idle.is_some() {
                    return idle;
                }
            }
        };
        timeout(self.patience, free).await.ok().flatten().ok_or_else(no_connection)
    }

    /// Takes a connection with nothing open on it.
    pub(super) fn give_back(&self, session: Session) {
        self.idle().push(session);
        self.units.add_permits(1);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Session>> {
        // Held for a push or a pop only; neither leaves the list half-changed.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone, Copy)]
enum Place {
    /// The place of a reader in the list.
    Reader(usize),
    /// Among those for units.
    Writer,
}

/// Connects, waits for the end of the connection, and begins again, until the pool is gone.
async fn keep(pool: Weak<Pool>, connector: Arc<Connector>, place: Place) {
    let purpose = match place {
        Place::Reader(_) => Purpose::Reading,
        Place::Writer => Purpose::Writing,
    };
    let mut pause = FIRST_PAUSE;
    let mut told = false;
    while pool.strong_count() > 0 {
        match connector.connect(purpose).await {
            Ok((client, moving)) => {
                (pause, told) = (FIRST_PAUSE, false);
                let Some(pool) = pool.upgrade() else { return };
                let session = Session::new(client, moving.abort_handle());
                match place {
                    Place::Writer => pool.give_back(session),
                    Place::Reader(place) => {
                        pool.readers[place].store(Some(Arc::new(session)));
                        pool.arrived.notify_waiters();
                    }
                }
                // Not held while waiting: the connection ends when the pool does.
                drop(pool);
                if let Ok(Err(error)) = moving.await {
                    tracing::warn!(error = super::failure::chain(&error), "a connection to PostgreSQL broke");
                }
            }
            Err(error) => {
                // Once for each connection, not at every try.
                if !told {
                    tracing::warn!(%error, "PostgreSQL cannot be reached; it is tried again");
                }
                told = true;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
        sleep(somewhere_in(pause)).await;
    }
}

/// Half of the pause and a random part of the rest: after a restart of the server not everybody knocks at once.
fn somewhere_in(pause: Duration) -> Duration {
    let mut byte = [0];
    OsRandom::new().fill(&mut byte);
    pause / 2 + (pause / 2) * u32::from(byte[0]) / 255
}

fn no_connection() -> StoreError {
    StoreError::Unavailable("no connection to PostgreSQL became free in time".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_never_longer_than_said_and_never_shorter_than_half() {
        for _ in 0..100 {
            let pause = somewhere_in(LONGEST_PAUSE);
            assert!((LONGEST_PAUSE / 2..=LONGEST_PAUSE).contains(&pause), "{pause:?}");
        }
    }
}
