//! What a connection tells while bytes pass: whether the peer takes what we write, and what is said in clear.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// Length of a tick.
const TICK: Duration = Duration::from_secs(1);
/// Ticks for a peer that does not take what we write.
const WRITE_TICKS: u8 = 30;

/// The ticks of one connection.
pub(super) fn ticks() -> Interval {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// How long a peer has not taken what we write.
#[derive(Default)]
pub(super) struct Writes {
    blocked: AtomicU8,
    ticks: AtomicU8,
}

impl Writes {
    /// Counts a tick; whether there have been too many.
    pub(super) fn tick_is_too_late(&self) -> bool {
        self.blocked.load(Ordering::Relaxed) == 1 && self.ticks.fetch_add(1, Ordering::Relaxed) >= WRITE_TICKS
    }

    /// Notes the end of a write. A peer that took something has its time again.
    pub(super) fn wrote(&self, blocked: bool) {
        self.blocked.store(u8::from(blocked), Ordering::Relaxed);
        if !blocked {
            self.ticks.store(0, Ordering::Relaxed);
        }
    }
}

/// A socket that tells whether its peer takes what we write. It lies below TLS, which takes everything.
pub(super) struct Taken<S> {
    stream: S,
    writes: Arc<Writes>,
}

impl<S> Taken<S> {
    /// Tells `writes`.
    pub(super) fn new(stream: S, writes: Arc<Writes>) -> Self {
        Self { stream, writes }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Taken<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Taken<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.writes.wrote(poll.is_pending());
        poll
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.writes.wrote(poll.is_pending());
        poll
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Hears what is said on a connection, in clear.
pub(super) trait Witness {
    /// Bytes that have arrived.
    ///
    /// # Errors
    /// The connection ends here.
    fn received(&self, bytes: &[u8]) -> io::Result<()>;

    /// Bytes that were sent.
    fn sent(&self, bytes: &[u8]);
}

/// A stream with a witness. It lies above TLS.
pub(super) struct Witnessed<S, W> {
    stream: S,
    witness: Arc<W>,
}

impl<S, W> Witnessed<S, W> {
    /// Tells `witness`.
    pub(super) fn new(stream: S, witness: Arc<W>) -> Self {
        Self { stream, witness }
    }
}

impl<S: AsyncRead + Unpin, W: Witness> AsyncRead for Witnessed<S, W> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        Poll::Ready(self.witness.received(&buffer.filled()[before..]))
    }
}

impl<S: AsyncWrite + Unpin, W: Witness> AsyncWrite for Witnessed<S, W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.witness.sent(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, slices))?;
        let mut left = written;
        for slice in slices {
            let here = left.min(slice.len());
            self.witness.sent(&slice[..here]);
            left -= here;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m03_a_peer_that_takes_nothing_has_half_a_minute_and_one_that_takes_something_has_it_again() {
        let ticks = |writes: &Writes| (0..200).take_while(|_| !writes.tick_is_too_late()).count();
        let writes = Writes::default();
        assert_eq!(ticks(&writes), 200, "nothing to write");
        writes.wrote(true);
        assert_eq!(ticks(&writes), 30);
        let writes = Writes::default();
        writes.wrote(true);
        (0..29).for_each(|_| assert!(!writes.tick_is_too_late()));
        writes.wrote(false);
        assert_eq!(ticks(&writes), 200);
    }
}
