//! What was reported at the public address waits here, so that the answer tells nothing by its time: neither whether a value
//! is genuine nor what is done about it.

use grantor_core::incident::Sighting;
use grantor_core::secret::Secret;
use tokio::sync::{Mutex, mpsc};

/// Reports that wait at most.
const WAITING: usize = 256;

/// A report that nobody has looked at. No `Debug`: it holds what may be a credential, and erases it when it is dropped.
pub struct Reported {
    /// What was reported.
    pub value: Secret,
    /// From where, and where it was seen.
    pub sighting: Sighting,
    /// The request's id.
    pub request_id: String,
}

/// The queue is full: the report was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// A bounded queue in memory.
pub struct Queue {
    sender: mpsc::Sender<Reported>,
    receiver: Mutex<mpsc::Receiver<Reported>>,
}

impl Queue {
    pub(super) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        Self { sender, receiver: Mutex::new(receiver) }
    }

    /// Takes a report, or refuses it at once.
    ///
    /// # Errors
    /// [`Full`].
    pub fn offer(&self, report: Reported) -> Result<(), Full> {
        self.sender.try_send(report).map_err(|_| Full)
    }

    /// Waits for the next report.
    pub async fn next(&self) -> Option<Reported> {
        self.receiver.lock().await.recv().await
    }

    /// The next report, if one waits now.
    pub async fn waiting(&self) -> Option<Reported> {
        self.receiver.lock().await.try_recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use grantor_core::incident::LeakSource;

    use super::*;

    fn report(value: &str) -> Reported {
        let sighting = Sighting { source: LeakSource::Public, place: None, reporter: String::new() };
        Reported { value: Secret::presented(value.to_owned()), sighting, request_id: String::new() }
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_gives_back_in_order() {
        let queue = Queue::new();
        for number in 0..WAITING {
            assert_eq!(queue.offer(report(&number.to_string())), Ok(()));
        }
        assert_eq!(queue.offer(report("one more")), Err(Full));
        assert_eq!(queue.next().await.unwrap().value.reveal(), "0");
        assert_eq!(queue.offer(report("now")), Ok(()));
        for _ in 1..WAITING {
            assert!(queue.waiting().await.is_some());
        }
        assert_eq!(queue.waiting().await.unwrap().value.reveal(), "now");
        assert!(queue.waiting().await.is_none());
    }
}
