//! The threads that hash, and the bounded queue before them.

use std::io;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Builder};

use tokio::sync::oneshot;

use super::PasswordError;
use super::argon::Memory;

/// How many hash at once, and how many may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSize {
    /// Threads. Each keeps the memory of one hash.
    pub threads: NonZeroUsize,
    /// Most passwords that wait for a thread.
    pub queue: NonZeroUsize,
}

impl PoolSize {
    /// Waiting passwords for each thread: at the default cost less than [`super::RETRY_AFTER_SECONDS`] of work.
    const QUEUE_PER_THREAD: NonZeroUsize = NonZeroUsize::new(30).expect("30 is not 0");

    /// So many threads, with a queue that they work off in about two seconds.
    pub fn of(threads: NonZeroUsize) -> Self {
        Self { threads, queue: threads.saturating_mul(Self::QUEUE_PER_THREAD) }
    }

    /// A thread for each core but one, which is left to everybody else; at least one.
    pub fn of_this_machine() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self::of(NonZeroUsize::new(cores - 1).unwrap_or(NonZeroUsize::MIN))
    }
}

type Work = Box<dyn FnOnce(&mut Memory) + Send>;

/// The threads end when it is dropped and the queue is empty.
pub(super) struct Pool {
    queue: SyncSender<Work>,
}

impl Pool {
    /// Starts the threads. Each asks for its memory when it has something to hash.
    pub(super) fn start(size: PoolSize, memory: impl Fn() -> Memory) -> io::Result<Self> {
        let (queue, waiting) = sync_channel(size.queue.get());
        let waiting = Arc::new(Mutex::new(waiting));
        for number in 1..=size.threads.get() {
            let (waiting, mut memory) = (Arc::clone(&waiting), memory());
            let name = format!("passwords-{number}");
            Builder::new().name(name).spawn(move || work_off(&waiting, &mut memory))?;
        }
        Ok(Self { queue })
    }

    /// Does the work on one of the threads. A caller that goes away takes its work out of the queue.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let (answer, answered) = oneshot::channel();
        let work = move |memory: &mut Memory| {
            if !answer.is_closed() {
                // Gone in the meantime is gone as well.
                let _ = answer.send(work(memory));
            }
        };
        self.queue.try_send(Box::new(work)).map_err(|error| match error {
            TrySendError::Full(_) => PasswordError::Busy,
            TrySendError::Disconnected(_) => PasswordError::Failed,
        })?;
        answered.await.map_err(|_| PasswordError::Failed)
    }
}

/// A hash keeps a core busy for as long as a thousand tokens need: whoever has something short to do goes first. What is
/// left over is enough for people who type. On Linux a thread has a priority of its own; elsewhere this is left out.
#[cfg(target_os = "linux")]
fn step_back() {
    const NICE: i32 = 10;
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "the threads that hash passwords have the priority of all others");
    }
}

#[cfg(not(target_os = "linux"))]
fn step_back() {}

fn work_off(waiting: &Mutex<Receiver<Work>>, memory: &mut Memory) {
    step_back();
    loop {
        // The lock is free again before the work begins; who waits for it waits for work.
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = next else { return };
        // A panic ends one piece of work, whose caller hears of it by the dropped channel, and not the thread.
        let _ = catch_unwind(AssertUnwindSafe(|| work(memory)));
    }
}
