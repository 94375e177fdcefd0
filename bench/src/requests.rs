//! Requests as bytes, built once before a run.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::target::Target;

/// What stays as it is in `application/x-www-form-urlencoded`.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*');

/// A GET with extra headers.
pub(crate) fn get(target: &Target, headers: &[(&str, &str)]) -> Bytes {
    let mut request = head("GET", target, headers);
    request.push_str("\r\n");
    request.into()
}

/// A POST of a form with extra headers.
pub(crate) fn post_form(target: &Target, headers: &[(&str, &str)], form: &[(&str, &str)]) -> Bytes {
    let body = form_text(form);
    let mut request = head("POST", target, headers);
    request.push_str("content-type: application/x-www-form-urlencoded\r\ncontent-length: ");
    request.push_str(&body.len().to_string());
    request.push_str("\r\n\r\n");
    request.push_str(&body);
    request.into()
}

/// Pairs as `application/x-www-form-urlencoded` has them, also in a query.
pub(crate) fn form_text(form: &[(&str, &str)]) -> String {
    let pairs: Vec<_> =
        form.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    pairs.join("&")
}

/// The value of an Authorization header with Basic credentials; RFC 6749 2.3.1 escapes both parts first.
pub(crate) fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", escape(id), escape(secret))))
}

fn head(method: &str, target: &Target, headers: &[(&str, &str)]) -> String {
    let mut head = format!("{method} {} HTTP/1.1\r\nhost: {}\r\n", target.path(), target.address());
    for (name, value) in headers {
        head.push_str(name);
        head.push_str(": ");
        head.push_str(value);
        head.push_str("\r\n");
    }
    head
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_the_right_bytes() {
        let target = Target::parse("http://127.0.0.1:80/token?a=b").unwrap();
        assert_eq!(
            get(&target, &[("x", "y")]),
            "GET /token?a=b HTTP/1.1\r\nhost: 127.0.0.1:80\r\nx: y\r\n\r\n".as_bytes()
        );
        assert_eq!(
            post_form(&target, &[], &[("a b", "c&d"), ("e", "f")]),
            "POST /token?a=b HTTP/1.1\r\nhost: 127.0.0.1:80\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: 15\r\n\r\na%20b=c%26d&e=f"
                .as_bytes()
        );
    }

    #[test]
    fn basic_escapes_a_colon_in_the_client_id() {
        assert_eq!(basic("a:b", "c"), format!("Basic {}", BASE64_STANDARD.encode("a%3Ab:c")));
    }
}
