//! Where an HTTP/1.1 answer ends, and what its status is. Nothing more of HTTP is read (RFC 9112 4, 6.3).

use std::ops::Range;

/// The largest body that is waited for, in bytes; more is a broken answer, not a reason to allocate.
pub(crate) const LARGEST_BODY: usize = 4 << 20;

/// One look at the bytes received so far.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// More bytes are needed.
    Partial,
    /// The answer is complete; it ends where its body ends.
    Complete {
        /// The status code.
        status: u16,
        /// Where the body stands in the bytes.
        body: Range<usize>,
    },
}

/// Bytes that are not an answer this driver can delimit, with the reason.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// Reads the head in one pass over its lines and says whether the body is complete too.
pub(crate) fn parse(bytes: &[u8]) -> Result<Parsed, Malformed> {
    const VERSION: &[u8] = b"HTTP/1.1 ";
    let known = bytes.len().min(VERSION.len());
    if bytes[..known] != VERSION[..known] {
        return Err(Malformed("the status line does not begin with HTTP/1.1"));
    }
    let Some(digits) = bytes.get(9..12) else {
        return Ok(Parsed::Partial);
    };
    let status =
        decimal(digits).filter(|code| (200..=599).contains(code)).ok_or(Malformed("no status code"))?;

    let mut length = None;
    let mut line_start = 0;
    while let Some(found) = bytes[line_start..].iter().position(|&byte| byte == b'\n') {
        let line = bytes[line_start..line_start + found].trim_ascii();
        line_start += found + 1;
        if line.is_empty() {
            return complete(status as u16, length, line_start, bytes.len());
        }
        match line[0] {
            b'c' | b'C' => {
                if let Some(value) = field(line, b"content-length:") {
                    let value = decimal(value).filter(|&value| value <= LARGEST_BODY);
                    length = Some(value.ok_or(Malformed("a content-length that cannot be read"))?);
                }
            }
            b't' | b'T' if field(line, b"transfer-encoding:").is_some() => {
                return Err(Malformed(
                    "a transfer-encoding; only answers with a content-length are measured",
                ));
            }
            _ => {}
        }
    }
    Ok(Parsed::Partial)
}

/// RFC 9112 6.3: 204 and 304 have no body, every other answer here must say its length.
fn complete(status: u16, length: Option<usize>, head: usize, received: usize) -> Result<Parsed, Malformed> {
    let length = match (status, length) {
        (204 | 304, _) => 0,
        (_, Some(length)) => length,
        (_, None) => return Err(Malformed("no content-length")),
    };
    let end = head + length;
    match received.cmp(&end) {
        std::cmp::Ordering::Less => Ok(Parsed::Partial),
        std::cmp::Ordering::Equal => Ok(Parsed::Complete { status, body: head..end }),
        // One request is in flight per connection, so these bytes answer nothing that was asked.
        std::cmp::Ordering::Greater => Err(Malformed("bytes after the end of the answer")),
    }
}

fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, value) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

fn decimal(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    digits
        .iter()
        .try_fold(0, |value, &digit| digit.is_ascii_digit().then(|| value * 10 + usize::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nContent-Length: 5\r\ncache-control: no-store\r\n\r\nhello";

    #[test]
    fn an_answer_is_complete_at_its_last_byte_and_not_before() {
        for end in 0..ANSWER.len() {
            assert_eq!(parse(&ANSWER[..end]), Ok(Parsed::Partial), "after {end} bytes");
        }
        let Ok(Parsed::Complete { status, body }) = parse(ANSWER) else { panic!("not complete") };
        assert_eq!(status, 200);
        assert_eq!(&ANSWER[body], b"hello");
    }

    #[test]
    fn the_status_is_what_the_server_said() {
        for status in [201, 401, 403, 429, 500, 503] {
            let bytes = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
            let Ok(Parsed::Complete { status: read, .. }) = parse(bytes.as_bytes()) else {
                panic!("not complete")
            };
            assert_eq!(read, status);
        }
    }

    #[test]
    fn no_content_needs_no_length() {
        assert!(matches!(
            parse(b"HTTP/1.1 204 No Content\r\n\r\n"),
            Ok(Parsed::Complete { status: 204, .. })
        ));
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\n\r\n"), Err(Malformed("no content-length")));
    }

    #[test]
    fn surplus_bytes_chunks_and_other_protocols_are_errors() {
        assert!(parse(&[ANSWER, b"x"].concat()).is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
        assert!(parse(b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n").is_err());
        assert!(parse(b"HTTP/1.1 abc\r\n").is_err());
        assert!(parse(b"<html>").is_err());
    }

    #[test]
    fn lengths_beyond_reason_are_errors() {
        for length in ["-1", "4194305", "99999999999999999999", "", "1x"] {
            let bytes = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
            assert!(parse(bytes.as_bytes()).is_err(), "{length:?} was accepted");
        }
    }
}
