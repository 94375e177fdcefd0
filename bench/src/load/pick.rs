//! What is taken out of an answer: a token of its body, a code of its redirect.

use anyhow::{Context as _, Result, ensure};

use super::Answer;
use crate::check;

/// Takes one value out of an answer.
pub(crate) type Pick = fn(&Answer<'_>) -> Result<String>;

/// The access token of a token answer.
pub(crate) fn access_token(answer: &Answer<'_>) -> Result<String> {
    ensure!(answer.status == 200, "status {} instead of 200", answer.status);
    check::access_token(answer.body)
}

/// The refresh token of a token answer.
pub(crate) fn refresh_token(answer: &Answer<'_>) -> Result<String> {
    ensure!(answer.status == 200, "status {} instead of 200", answer.status);
    member(answer.body, "refresh_token").map(str::to_owned).context("the answer holds no refresh_token")
}

/// The code that a redirect brings to the app (RFC 6749 4.1.2).
pub(crate) fn code(answer: &Answer<'_>) -> Result<String> {
    let location = header(answer.head, "location").unwrap_or_default();
    ensure!(answer.status == 303, "status {} instead of 303", answer.status);
    let query = location.split_once('?').map_or("", |(_, query)| query);
    let code = query.split('&').find_map(|pair| pair.strip_prefix("code="));
    code.map(str::to_owned).with_context(|| format!("no code in {location:?}"))
}

/// The text of a member of a flat JSON object whose text needs no escapes. Much cheaper than reading all of it.
pub(super) fn member<'a>(body: &'a [u8], name: &str) -> Option<&'a str> {
    let body = std::str::from_utf8(body).ok()?;
    let start = body.find(&format!("\"{name}\":\""))? + name.len() + 4;
    body[start..].split_once('"').map(|(text, _)| text)
}

/// The first header of this name.
pub(crate) fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    headers(head, name).next()
}

/// All headers of this name.
pub(crate) fn headers<'a>(head: &'a [u8], name: &str) -> impl Iterator<Item = &'a str> {
    let lines = std::str::from_utf8(head).unwrap_or("").lines();
    lines
        .filter_map(|line| line.split_once(':'))
        .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, head: &'static str, body: &'static str) -> Answer<'static> {
        Answer { status, head: head.as_bytes(), body: body.as_bytes() }
    }

    #[test]
    fn a_code_is_taken_from_a_redirect_and_from_nothing_else() {
        let head =
            "HTTP/1.1 303 See Other\r\nLocation: http://127.0.0.1/callback?iss=i&code=c-1&state=s\r\n\r\n";
        assert_eq!(code(&answer(303, head, "")).unwrap(), "c-1");
        assert!(code(&answer(200, head, "")).is_err());
        assert!(code(&answer(303, "HTTP/1.1 303 See Other\r\nlocation: /login?i=x\r\n\r\n", "")).is_err());
    }

    #[test]
    fn a_refresh_token_is_found_beside_the_others() {
        let body = r#"{"access_token":"a","refresh_token":"r.1","id_token":"i"}"#;
        assert_eq!(refresh_token(&answer(200, "", body)).unwrap(), "r.1");
        assert!(refresh_token(&answer(400, "", body)).is_err());
        assert!(refresh_token(&answer(200, "", r#"{"access_token":"a"}"#)).is_err());
    }

    #[test]
    fn every_header_of_a_name_is_found() {
        let head = b"HTTP/1.1 303 See Other\r\nset-cookie: a=1\r\nSet-Cookie: b=2\r\nx: y\r\n\r\n";
        assert_eq!(headers(head, "set-cookie").collect::<Vec<_>>(), ["a=1", "b=2"]);
    }
}
