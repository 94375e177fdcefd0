//! The one decoder of `application/x-www-form-urlencoded` (RFC 6749 appendix B): bodies, queries, HTTP Basic.

use crate::error::{Denial, OAuthError, Reason};

/// Most fields that a form may hold.
pub const MAX_FIELDS: usize = 64;
/// Longest value of a field, in bytes after decoding.
pub const MAX_VALUE: usize = 8 * 1024;
/// Longest name of a field, in bytes after decoding.
pub const MAX_NAME: usize = 128;

/// Parameters that may legally stand more than once (RFC 8707 2).
const REPEATABLE: [&str; 1] = ["resource"];
/// Fields of our own pages that are lists: ticked boxes.
const LISTS: [&str; 2] = ["scope", "accept"];

/// A decoded form. A parameter without value counts as absent, a parameter sent twice is refused (RFC 6749 3.1, 3.2).
pub struct Form {
    fields: Vec<(String, String)>,
}

impl Form {
    /// Decodes a body or a query.
    ///
    /// # Errors
    /// `invalid_request` for broken percent encoding, NUL, broken UTF-8, too many or too long fields, and for a
    /// parameter that stands twice. Unknown parameters are kept and ignored, but may not stand twice either:
    /// first-or-last-wins differs between proxies and servers.
    pub fn parse(body: &[u8]) -> Result<Self, Denial> {
        Self::parse_with(body, &REPEATABLE)
    }

    /// Decodes the form of a page of ours, where ticked boxes share a name.
    ///
    /// # Errors
    /// As [`Form::parse`].
    pub fn parse_page(body: &[u8]) -> Result<Self, Denial> {
        Self::parse_with(body, &LISTS)
    }

    fn parse_with(body: &[u8], repeatable: &[&str]) -> Result<Self, Denial> {
        const BAD: Denial = Denial::hinted(
            OAuthError::InvalidRequest,
            Reason::Malformed,
            "The form is not valid application/x-www-form-urlencoded UTF-8.",
        );
        const LONG: Denial =
            Denial::hinted(OAuthError::InvalidRequest, Reason::FieldTooLong, "A parameter is too long.");
        let text = std::str::from_utf8(body).map_err(|_| BAD)?;
        let mut fields: Vec<(String, String)> = Vec::with_capacity(8);
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode_component(name).ok_or(BAD)?;
            let value = decode_component(value).ok_or(BAD)?;
            // A password may hold any character; what is compared with it is a hash.
            let is_password = name == "password" && repeatable == LISTS;
            if name.contains('\0') || (value.contains('\0') && !is_password) {
                return Err(BAD);
            }
            if name.len() > MAX_NAME || value.len() > MAX_VALUE || fields.len() == MAX_FIELDS {
                return Err(LONG);
            }
            let repeated = fields.iter().any(|(known, _)| *known == name);
            if repeated && !repeatable.contains(&name.as_str()) {
                return Err(Denial::hinted(
                    OAuthError::InvalidRequest,
                    Reason::DuplicateParameter,
                    "A parameter stands more than once.",
                ));
            }
            fields.push((name, value));
        }
        Ok(Self { fields })
    }

    /// The value of a parameter; absent if it is empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// Every non-empty value of a repeatable parameter.
    pub fn all<'a, 'n: 'a>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.fields
            .iter()
            .filter(move |(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// Writes the fields as a form again.
    pub fn encode(&self, out: &mut String) {
        for (index, (name, value)) in self.fields.iter().enumerate() {
            if index > 0 {
                out.push('&');
            }
            encode_component(name, out);
            out.push('=');
            encode_component(value, out);
        }
    }

    /// Whether the parameter was sent at all, even without value. An empty `client_secret` is a presented secret.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(known, _)| known == name)
    }
}

/// Decodes one form component: `+` is a space, `%` needs two hex digits, the bytes must be UTF-8.
/// `None` for anything else.
pub fn decode_component(text: &str) -> Option<String> {
    if !text.bytes().any(|byte| byte == b'%' || byte == b'+') {
        return Some(text.to_owned());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let high = hex(bytes.next()?)?;
                let low = hex(bytes.next()?)?;
                out.push(high << 4 | low);
            }
            other => out.push(other),
        }
    }
    String::from_utf8(out).ok()
}

/// Encodes one form component and appends it: unreserved characters stand, a space is `+`, the rest is `%XX`.
pub fn encode_component(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => out.push(char::from(byte)),
            byte => {
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(body: &[u8]) -> Option<Reason> {
        Form::parse(body).err().map(|denial| denial.reason)
    }

    #[test]
    fn a_parameter_without_value_is_absent_and_yet_present() {
        let form = Form::parse(b"scope=&client_secret").unwrap();
        assert_eq!(form.get("scope"), None);
        assert!(form.has("client_secret"));
    }

    #[test]
    fn a_repeated_parameter_is_refused_even_when_empty_or_equal() {
        assert_eq!(reason(b"scope=a&scope=a"), Some(Reason::DuplicateParameter));
        assert_eq!(reason(b"scope=&scope=a"), Some(Reason::DuplicateParameter));
        assert_eq!(reason(b"scope=a&sco%70e=b"), Some(Reason::DuplicateParameter));
        assert_eq!(reason(b"resource=a&resource=b"), None);
    }

    #[test]
    fn broken_encodings_are_refused() {
        for bad in [
            &b"a=%"[..],
            b"a=%1",
            b"a=%zz",
            b"a=%00",
            b"a=%ff",
            b"a=\xff",
            b"a=%c0%80",
            b"a=%ed%a0%80",
            b"%00=a",
        ] {
            assert!(Form::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn plus_and_percent_20_are_both_a_space() {
        let form = Form::parse(b"a=x+y%20z%2B").unwrap();
        assert_eq!(form.get("a"), Some("x y z+"));
    }

    #[test]
    fn the_limits_hold_at_the_limit_and_one_past_it() {
        let body = |n: usize| (0..n).map(|i| format!("f{i}=1")).collect::<Vec<_>>().join("&");
        assert_eq!(reason(body(MAX_FIELDS).as_bytes()), None);
        assert_eq!(reason(body(MAX_FIELDS + 1).as_bytes()), Some(Reason::FieldTooLong));
        assert_eq!(reason(format!("a={}", "x".repeat(MAX_VALUE)).as_bytes()), None);
        assert_eq!(reason(format!("a={}", "x".repeat(MAX_VALUE + 1)).as_bytes()), Some(Reason::FieldTooLong));
    }
}
