//! E-mail addresses: one strict spelling in, so that nobody downstream can read another address out of it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest address, in bytes: a path of 256 less its angle brackets (RFC 5321 4.5.3.1.3).
const MAX_ADDRESS: usize = 254;
/// Longest part before the `@`, in bytes (RFC 5321 4.5.3.1.1).
const MAX_LOCAL_PART: usize = 64;
/// Longest domain, in bytes (RFC 1035 2.3.4 without the root label).
const MAX_DOMAIN: usize = 253;
/// Longest label of a domain, in bytes (RFC 1035 2.3.4).
const MAX_LABEL: usize = 63;

/// An address that mail can be sent to: a dot-atom, one `@`, a host name. ASCII only.
///
/// What RFC 5322 3.4.1 also allows is refused, because two programs read it differently: quoted local parts, comments,
/// address literals, and (RFC 6531) Unicode with its look-alikes. A domain that is not ASCII is written in its
/// `xn--` form. What is left cannot end a header line, an angle bracket or a list.
///
/// Two addresses are equal if they differ in letter case alone. RFC 5321 2.4 lets a host tell `Ann` from `ann`, but none
/// does that people use, and two accounts for one mailbox would be a way around every rule that names an account.
#[derive(Clone)]
pub struct EmailAddress {
    text: String,
    key: String,
    /// Where the `@` stands.
    at: usize,
}

/// Why a text is no address. The sentences are for the person who entered it and do not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// Longer than 254 bytes.
    #[error("An e-mail address has at most 254 characters.")]
    TooLong,
    /// Not exactly one `@`.
    #[error("An e-mail address has one @, for example ann@example.org.")]
    At,
    /// The part before the `@` is empty, too long, or has a character that is not accepted.
    #[error(
        "The part before the @ has 1 to 64 letters, digits and signs like . - _ +, without spaces, quotation marks and accents."
    )]
    LocalPart,
    /// The part behind the `@` is no host name.
    #[error(
        "The part behind the @ is a domain like example.org, of letters, digits and hyphens; write another alphabet in its xn-- form."
    )]
    Domain,
}

impl EmailAddress {
    /// The address as it was entered: for display, and to send to.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The form to look up and to store as unique: the whole address in lower case.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The part before the `@`, as entered.
    pub fn local_part(&self) -> &str {
        &self.text[..self.at]
    }

    /// The part behind the `@`, as entered.
    pub fn domain(&self) -> &str {
        &self.text[self.at + 1..]
    }
}

impl FromStr for EmailAddress {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        if text.len() > MAX_ADDRESS {
            return Err(EmailError::TooLong);
        }
        let at = text.find('@').ok_or(EmailError::At)?;
        let (local, domain) = (&text[..at], &text[at + 1..]);
        if domain.contains('@') {
            return Err(EmailError::At);
        }
        if local.len() > MAX_LOCAL_PART || !local.split('.').all(is_atom) {
            return Err(EmailError::LocalPart);
        }
        if !is_host_name(domain) {
            return Err(EmailError::Domain);
        }
        Ok(Self { text: text.to_owned(), key: text.to_ascii_lowercase(), at })
    }
}

/// An atom of RFC 5322 3.2.3. None of its characters has a meaning in a header.
fn is_atom(text: &str) -> bool {
    let of_an_atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    !text.is_empty() && text.bytes().all(of_an_atom)
}

/// Letters, digits and hyphens in labels (RFC 1123 2.1), at least two of them, or `localhost`. A last label of digits
/// would be an IPv4 address without its brackets.
fn is_host_name(text: &str) -> bool {
    let in_label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.bytes().all(in_label)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let numeric = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= MAX_DOMAIN
        && text.rsplit_once('.').is_some_and(|(_, last)| !numeric(last))
        && text.split('.').all(is_label)
}

impl PartialEq for EmailAddress {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for EmailAddress {}

impl Hash for EmailAddress {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for EmailAddress {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for EmailAddress {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn parse(text: &str) -> Result<EmailAddress, EmailError> {
        text.parse()
    }

    #[test]
    fn ordinary_addresses_are_taken_as_they_are_entered() {
        for good in [
            "ann@example.org",
            "Ann.Other+tag@Mail.Example.ORG",
            "o'neill_{x}=~!#$%&*/?^`|@a.b",
            "a@xn--bcher-kva.example",
            "root@localhost",
            "1@1a.2b",
        ] {
            let address = parse(good).unwrap();
            assert_eq!((address.as_str(), address.to_string().as_str()), (good, good));
            assert_eq!(format!("{}@{}", address.local_part(), address.domain()), good);
        }
    }

    #[test]
    fn g14_a_second_at_a_quoted_local_part_and_a_unicode_domain_are_refused() {
        for (bad, why) in [
            ("a@good.test@evil.test", EmailError::At),
            ("\"a@good.test\"@evil.test", EmailError::At),
            ("\"a\"@good.test", EmailError::LocalPart),
            ("\"a b\"@good.test", EmailError::LocalPart),
            ("a\\@good.test", EmailError::LocalPart),
            ("a@g\u{43e}od.test", EmailError::Domain),
            ("a@good\u{3002}test", EmailError::Domain),
            ("a@good.test\u{200b}", EmailError::Domain),
            ("\u{430}@good.test", EmailError::LocalPart),
            ("a\u{ff20}good.test", EmailError::At),
        ] {
            assert_eq!(parse(bad).unwrap_err(), why, "{bad:?}");
        }
    }

    #[test]
    fn nothing_that_could_end_a_header_an_address_or_a_list_passes() {
        for sign in [
            "\r",
            "\n",
            "\r\nBcc: b@b.test",
            "\0",
            "\t",
            " ",
            "<",
            ">",
            ",",
            ";",
            ":",
            "(",
            ")",
            "[",
            "]",
            "\x7f",
        ] {
            for bad in [
                format!("a{sign}@b.test"),
                format!("a@b{sign}.test"),
                format!("{sign}a@b.test"),
                format!("a@b.test{sign}"),
            ] {
                assert!(parse(&bad).is_err(), "{bad:?}");
            }
        }
    }

    #[test]
    fn broken_dots_and_labels_are_refused() {
        for bad in [".a@b.c", "a.@b.c", "a..b@b.c", "@b.c", "a@", "a", "", "@"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
        for bad in [
            "a@b",
            "a@.b.c",
            "a@b.c.",
            "a@b..c",
            "a@-b.c",
            "a@b-.c",
            "a@b_c.d",
            "a@127.0.0.1",
            "a@[127.0.0.1]",
            "a@localhost.",
        ] {
            assert_eq!(parse(bad).unwrap_err(), EmailError::Domain, "{bad:?}");
        }
    }

    #[test]
    fn the_limits_hold_at_the_limit_and_one_past_it() {
        let local = |n: usize| format!("{}@b.c", "a".repeat(n));
        assert!(parse(&local(64)).is_ok());
        assert_eq!(parse(&local(65)).unwrap_err(), EmailError::LocalPart);
        let label = |n: usize| format!("a@{}.c", "b".repeat(n));
        assert!(parse(&label(63)).is_ok());
        assert_eq!(parse(&label(64)).unwrap_err(), EmailError::Domain);
        // 252 bytes behind `a@` make 254.
        let whole = |n: usize| format!("a@{}{}", "b.".repeat(n / 2), "c".repeat(n % 2 + 2));
        assert_eq!(whole(250).len(), 254);
        assert!(parse(&whole(250)).is_ok());
        assert_eq!(parse(&whole(251)).unwrap_err(), EmailError::TooLong);
        let domain = |n: usize| format!("{}cc", "b.".repeat((n - 2) / 2));
        assert!(is_host_name(&domain(252)) && !is_host_name(&domain(254)));
    }

    #[test]
    fn letter_case_makes_no_second_address() {
        let (small, large) = (parse("ann@example.org").unwrap(), parse("ANN@Example.Org").unwrap());
        assert_eq!(small, large);
        assert_eq!(large.key(), "ann@example.org");
        assert_eq!(HashSet::from([small.clone(), large]).len(), 1);
        assert_ne!(small, parse("ann@example.com").unwrap());
    }

    #[test]
    fn json_holds_the_text_and_is_parsed_again() {
        let address = parse("Ann@example.org").unwrap();
        let json = serde_json::to_string(&address).unwrap();
        assert_eq!(json, "\"Ann@example.org\"");
        assert_eq!(serde_json::from_str::<EmailAddress>(&json).unwrap().as_str(), "Ann@example.org");
        assert!(serde_json::from_str::<EmailAddress>("\"a@b.c\\r\\nBcc: x@y.z\"").is_err());
    }
}
