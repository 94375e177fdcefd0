//! Where one message ends and the next begins, read a second time from the raw bytes.
//!
//! The HTTP library resolves an ambiguous length in one of the ways that RFC 9112 6.3 permits and goes on; a proxy before us
//! may have resolved it in another. So a message that carries both `Content-Length` and `Transfer-Encoding`, an encoding
//! other than exactly `chunked`, or a line that ends in a bare LF, is answered with 400 and the connection is closed.

use ::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use ::http::{HeaderMap, Method};

/// The length of the message can be read in two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ambiguous;

/// Longest head that is kept; the HTTP library refuses longer ones.
const MAX_HEAD: usize = 64 * 1024;

/// Follows the bytes of one connection from head to head.
#[derive(Default)]
pub struct Framing {
    unread: Vec<u8>,
    body_left: u64,
    lost: bool,
}

impl Framing {
    /// Notes bytes as they arrive. Bodies are counted, not kept.
    pub fn received(&mut self, bytes: &[u8]) {
        if self.lost {
            return;
        }
        let body = usize::try_from(self.body_left).unwrap_or(usize::MAX).min(bytes.len());
        self.body_left -= body as u64;
        if self.unread.len() + bytes.len() - body > MAX_HEAD {
            self.lost = true;
            return;
        }
        self.unread.extend_from_slice(&bytes[body..]);
    }

    /// Checks the head of the request that the HTTP library has parsed now.
    ///
    /// # Errors
    /// [`Ambiguous`]: answer 400 and close.
    pub fn request(&mut self, method: &Method, headers: &HeaderMap) -> Result<Ends, Ambiguous> {
        let chunked = headers.contains_key(TRANSFER_ENCODING);
        if self.lost {
            return if chunked { Err(Ambiguous) } else { Ok(Ends::Known) };
        }
        // Empty lines before a request line are let pass (RFC 9112 2.2).
        let start = self.unread.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(0);
        let length = head_length(&self.unread[start..])?;
        let head = &self.unread[start..start + length];
        if !head.starts_with(method.as_str().as_bytes()) {
            return Err(Ambiguous);
        }
        if chunked {
            let mut values = headers.get_all(TRANSFER_ENCODING).iter();
            let only = values.next().filter(|_| values.next().is_none());
            let is_chunked = only.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"chunked"));
            if !is_chunked || names_content_length(head) {
                return Err(Ambiguous);
            }
            self.lost = true;
            self.unread = Vec::new();
            return Ok(Ends::WithConnection);
        }
        self.unread.drain(..start + length);
        let declared = headers
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.parse::<u64>().ok());
        let declared = declared.unwrap_or(0);
        let here = usize::try_from(declared).unwrap_or(usize::MAX).min(self.unread.len());
        self.unread.drain(..here);
        self.body_left = declared - here as u64;
        Ok(Ends::Known)
    }
}

/// How the end of a message is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// By its declared length.
    Known,
    /// By chunks: the connection is closed after the answer, so that nothing depends on where they end.
    WithConnection,
}

/// Length of the head up to and with its empty line. A line that ends in a bare LF is ambiguous.
fn head_length(bytes: &[u8]) -> Result<usize, Ambiguous> {
    let mut line = 0;
    for end in memchr::memchr_iter(b'\n', bytes) {
        if end == 0 || bytes[end - 1] != b'\r' {
            return Err(Ambiguous);
        }
        if end == line + 1 {
            return Ok(end + 1);
        }
        line = end + 1;
    }
    Err(Ambiguous)
}

fn names_content_length(head: &[u8]) -> bool {
    const NAME: &[u8] = b"content-length";
    head.split(|byte| *byte == b'\n')
        .any(|line| line.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn check(raw: &str, pairs: &[(&'static str, &'static str)]) -> Result<Ends, Ambiguous> {
        let mut framing = Framing::default();
        framing.received(raw.as_bytes());
        framing.request(&Method::POST, &headers(pairs))
    }

    #[test]
    fn m01_both_lengths_are_refused_in_either_order() {
        let te = ("transfer-encoding", "chunked");
        // The library drops the Content-Length from its map; the raw head still has it.
        assert_eq!(
            check("POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", &[te]),
            Err(Ambiguous)
        );
        assert_eq!(
            check("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\ncontent-LENGTH: 3\r\n\r\n", &[te]),
            Err(Ambiguous)
        );
        assert_eq!(
            check("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", &[te]),
            Ok(Ends::WithConnection)
        );
    }

    #[test]
    fn m01_any_other_encoding_is_refused() {
        for value in ["gzip, chunked", "chunked, chunked", "xchunked", "identity"] {
            let raw = format!("POST / HTTP/1.1\r\nTransfer-Encoding: {value}\r\n\r\n");
            let mut framing = Framing::default();
            framing.received(raw.as_bytes());
            let map = std::iter::once((TRANSFER_ENCODING, value.parse().unwrap())).collect();
            assert_eq!(framing.request(&Method::POST, &map), Err(Ambiguous), "{value}");
        }
    }

    #[test]
    fn m01_a_bare_line_feed_is_refused() {
        assert_eq!(check("POST / HTTP/1.1\nHost: a\r\n\r\n", &[]), Err(Ambiguous));
        assert_eq!(check("POST / HTTP/1.1\nHost: a\n\n", &[]), Err(Ambiguous));
    }

    #[test]
    fn heads_are_found_behind_bodies_also_when_they_arrive_in_pieces() {
        let mut framing = Framing::default();
        let raw = "POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloPOST /b HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi";
        for byte in raw.as_bytes() {
            framing.received(&[*byte]);
            if framing.unread.ends_with(b"\r\n\r\n") {
                let length = if framing.unread.starts_with(b"POST /a") { "5" } else { "2" };
                let map = std::iter::once((CONTENT_LENGTH, length.parse().unwrap())).collect();
                assert_eq!(framing.request(&Method::POST, &map), Ok(Ends::Known));
            }
        }
        assert!(framing.unread.is_empty() && framing.body_left == 0);
        // All at once, as a client that pipelines sends it.
        let mut framing = Framing::default();
        framing.received(raw.as_bytes());
        assert_eq!(framing.request(&Method::POST, &headers(&[("content-length", "5")])), Ok(Ends::Known));
        assert_eq!(framing.request(&Method::POST, &headers(&[("content-length", "2")])), Ok(Ends::Known));
    }
}
