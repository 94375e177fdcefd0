//! Reading: a few threads with one read-only connection each, fed from one queue.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::session::Session;
use crate::store::sql::StoreError;

type Job = Box<dyn FnOnce(&mut Session) + Send>;

/// The reader threads; dropping them ends them.
pub(super) struct Readers {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    limit: usize,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl Readers {
    /// One thread for each session; at most `limit` reads wait.
    pub(super) fn start(sessions: Vec<Session>, limit: usize) -> Result<Readers, StoreError> {
        let queue = Arc::new(Queue { state: Mutex::default(), changed: Condvar::new(), limit });
        let mut readers = Readers { queue, threads: Vec::new() };
        for session in sessions {
            let queue = Arc::clone(&readers.queue);
            readers.threads.push(super::spawn("grantor-read", move || queue.work(session))?);
        }
        Ok(readers)
    }

    /// Runs `read` on the next free connection and waits for what it found.
    pub(super) async fn run<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Session) -> Result<T, StoreError> + Send + 'static,
    {
        let (answer, found) = oneshot::channel();
        self.queue.push(Box::new(move |session| {
            // A caller that gave up needs no answer.
            if !answer.is_closed() {
                let _ = answer.send(read(session));
            }
        }))?;
        found.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the read was not finished".into())))
    }
}

impl Readers {
    /// Lets the waiting reads finish and ends the threads.
    pub(super) fn end(&mut self) {
        self.queue.state().closed = true;
        self.queue.changed.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.end();
    }
}

impl Queue {
    fn push(&self, job: Job) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.jobs.len() >= self.limit {
            return Err(StoreError::Unavailable("the queue of reads is full".into()));
        }
        state.jobs.push_back(job);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.state();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn work(&self, mut session: Session) {
        while let Some(job) = self.next() {
            // A `FromRow` that panics fails its own caller, not every read after it.
            if catch_unwind(AssertUnwindSafe(|| job(&mut session))).is_err() {
                tracing::error!("a read panicked; its caller was answered as unavailable");
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Held for a push or a pop only; neither leaves the queue half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
