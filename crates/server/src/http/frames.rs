//! The frames of an HTTP/2 connection, counted a second time from the raw bytes (RFC 9113 section 4.1).
//!
//! The HTTP library bounds what a peer makes it keep. What a peer makes it *do* it bounds in part: frames that ask for nothing
//! (pings, settings, priorities, empty data) and streams that are reset as soon as they are opened cost time for as long as they
//! come. And it has no limit of time for a head, for a stream, or for a connection that asks for nothing. This does: it reads
//! the nine bytes before each frame and nothing of what is in it.

use std::collections::HashMap;

/// Streams at once.
pub(super) const MAX_STREAMS: u32 = 128;

/// Streams that a peer may give up within a tick: all that it can have.
const RESETS: u32 = MAX_STREAMS;
/// Frames within a tick that ask for nothing, and as many more for each stream that is opened.
const OVERHEAD: u32 = 512;
const OVERHEAD_PER_STREAM: u32 = 4;
/// Shortest part of a body that counts as one, in bytes. Shorter ones are overhead, but for the last.
const SHORT: u32 = 64;

/// Ticks for a head, from its first byte.
const HEAD_TICKS: u8 = 10;
/// Ticks for a stream, from its head to the last byte of its answer. A body has twenty of them, and no caller waits so long
/// for a decision.
const STREAM_TICKS: u8 = 120;
/// Ticks for a connection without a stream.
const IDLE_TICKS: u8 = 60;

/// The peer sends what no client sends; the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Flood {
    /// Streams that are opened and given up.
    #[error("more streams were reset than a client can have")]
    Resets,
    /// Frames that ask for nothing.
    #[error("too many frames ask for nothing")]
    Overhead,
    /// More streams than were allowed.
    #[error("more streams were opened than are allowed")]
    Streams,
}

/// How it stands at a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing is late.
    InTime,
    /// No stream for a minute.
    Idle,
    /// A head or a stream has had its time.
    TooLate,
}

/// Follows both directions of one connection from frame to frame.
pub(super) struct Frames {
    incoming: Cursor,
    outgoing: Cursor,
    streams: Streams,
}

impl Default for Frames {
    fn default() -> Self {
        Self { incoming: Cursor::behind(PREFACE), outgoing: Cursor::default(), streams: Streams::default() }
    }
}

impl Frames {
    /// Notes bytes of the peer.
    ///
    /// # Errors
    /// A [`Flood`].
    pub(super) fn received(&mut self, bytes: &[u8]) -> Result<(), Flood> {
        let streams = &mut self.streams;
        self.incoming.pass(bytes, |frame| streams.received(frame))
    }

    /// Notes bytes to the peer.
    pub(super) fn sent(&mut self, bytes: &[u8]) {
        let streams = &mut self.streams;
        // Never an error: what we send is no flood.
        let _ = self.outgoing.pass(bytes, |frame| {
            streams.sent(frame);
            Ok::<_, Flood>(())
        });
    }

    /// Streams whose answers have not been sent to their last byte.
    pub(super) fn open(&self) -> usize {
        self.streams.open.len()
    }

    /// Counts a tick.
    pub(super) fn tick(&mut self) -> Standing {
        self.streams.tick(self.incoming.left == 0)
    }
}

/// What a client sends before its first frame (RFC 9113 section 3.4): 24 bytes, checked by the library.
const PREFACE: usize = 24;

const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const RST_STREAM: u8 = 0x3;
const CONTINUATION: u8 = 0x9;

const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;

/// The head of a frame.
#[derive(Clone, Copy)]
struct Frame {
    length: u32,
    kind: u8,
    flags: u8,
    stream: u32,
}

impl Frame {
    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// A place in one direction's bytes.
#[derive(Default)]
struct Cursor {
    /// Bytes to the next head.
    left: usize,
    head: [u8; 9],
    have: usize,
}

impl Cursor {
    fn behind(left: usize) -> Self {
        Self { left, ..Self::default() }
    }

    /// Goes on over these bytes, from head to head.
    fn pass<E>(&mut self, mut bytes: &[u8], mut each: impl FnMut(Frame) -> Result<(), E>) -> Result<(), E> {
        while !bytes.is_empty() {
            let skipped = self.left.min(bytes.len());
            self.left -= skipped;
            bytes = &bytes[skipped..];
            let taken = bytes.len().min(self.head.len() - self.have);
            self.head[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
            self.have += taken;
            bytes = &bytes[taken..];
            if self.have == self.head.len() {
                self.have = 0;
                let [a, b, c, kind, flags, s, t, u, v] = self.head;
                let length = u32::from_be_bytes([0, a, b, c]);
                // The highest bit is reserved and means nothing (RFC 9113 section 4.1).
                let stream = u32::from_be_bytes([s, t, u, v]) & 0x7fff_ffff;
                self.left = length as usize;
                each(Frame { length, kind, flags, stream })?;
            }
        }
        Ok(())
    }
}

/// The streams that are open, and what has happened since the last tick.
#[derive(Default)]
struct Streams {
    /// Ticks since each was opened. At its end is the last byte of the answer, or a reset of either side.
    open: HashMap<u32, u8>,
    highest: u32,
    head: Head,
    idle: u8,
    opened: u32,
    resets: u32,
    overhead: u32,
}

/// Whether a head is arriving: from HEADERS to the end of the frame that ends it, nothing else may come.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Head {
    #[default]
    None,
    /// Since so many ticks, and more frames of it follow.
    Parts(u8),
    /// Since so many ticks, and this frame is its last.
    LastPart(u8),
}

impl Streams {
    fn received(&mut self, frame: Frame) -> Result<(), Flood> {
        let since = match self.head {
            Head::Parts(ticks) => ticks,
            Head::None | Head::LastPart(_) => 0,
        };
        self.head = match frame.kind {
            HEADERS | CONTINUATION if frame.has(END_HEADERS) => Head::LastPart(since),
            HEADERS | CONTINUATION => Head::Parts(since),
            _ => Head::None,
        };
        match frame.kind {
            // A second head on a stream is a trailer, which says nothing here.
            HEADERS if frame.stream > self.highest => {
                self.highest = frame.stream;
                self.open.insert(frame.stream, 0);
                self.opened += 1;
            }
            RST_STREAM => {
                self.open.remove(&frame.stream);
                self.resets += 1;
            }
            DATA if frame.has(END_STREAM) => {}
            // Padding makes a long frame of nothing, and no client of a form needs any.
            DATA if frame.length >= SHORT && !frame.has(PADDED) => {}
            _ => self.overhead += 1,
        }
        if self.resets > RESETS {
            return Err(Flood::Resets);
        }
        if self.overhead > OVERHEAD.saturating_add(self.opened.saturating_mul(OVERHEAD_PER_STREAM)) {
            return Err(Flood::Overhead);
        }
        // What is refused is open until we have said so.
        if self.open.len() > 2 * MAX_STREAMS as usize {
            return Err(Flood::Streams);
        }
        Ok(())
    }

    fn sent(&mut self, frame: Frame) {
        let ends = match frame.kind {
            RST_STREAM => true,
            DATA | HEADERS => frame.has(END_STREAM),
            _ => false,
        };
        if ends {
            self.open.remove(&frame.stream);
        }
    }

    fn tick(&mut self, between_frames: bool) -> Standing {
        (self.opened, self.resets, self.overhead) = (0, 0, 0);
        if between_frames && matches!(self.head, Head::LastPart(_)) {
            self.head = Head::None;
        }
        let mut late = false;
        if let Head::Parts(ticks) | Head::LastPart(ticks) = &mut self.head {
            *ticks += 1;
            late |= *ticks > HEAD_TICKS;
        }
        for ticks in self.open.values_mut() {
            *ticks += 1;
            late |= *ticks > STREAM_TICKS;
        }
        if late {
            return Standing::TooLate;
        }
        // Frames that ask for nothing prolong nothing.
        self.idle = if self.open.is_empty() { self.idle.saturating_add(1) } else { 0 };
        if self.idle > IDLE_TICKS { Standing::Idle } else { Standing::InTime }
    }
}

#[cfg(test)]
#[path = "frames_tests.rs"]
mod tests;
