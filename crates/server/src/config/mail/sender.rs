//! Who a mail comes from.

use std::fmt;
use std::str::FromStr;

use grantor_core::email::{EmailAddress, EmailError};

/// The setting `mail.from`: `address` or `Name <address>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    name: Option<String>,
    address: EmailAddress,
}

/// Why a text names no sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SenderError {
    /// The address is none.
    #[error("{0} Write ADDRESS or NAME <ADDRESS>.")]
    Address(#[from] EmailError),
    /// The name before the address is none.
    #[error(
        "the name of the sender has 1 to 64 characters, without control characters, quotation marks and < > \\"
    )]
    Name,
}

impl Sender {
    /// The name that people see, if there is one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The address.
    pub fn address(&self) -> &EmailAddress {
        &self.address
    }
}

impl FromStr for Sender {
    type Err = SenderError;

    fn from_str(text: &str) -> Result<Self, SenderError> {
        let Some((name, address)) = text.strip_suffix('>').and_then(|text| text.split_once('<')) else {
            return Ok(Self { name: None, address: text.parse()? });
        };
        let name = name.trim_end_matches(' ');
        let forbidden = |c: char| c.is_control() || "\"<>\\".contains(c);
        if !(1..=64).contains(&name.chars().count()) || name.contains(forbidden) {
            return Err(SenderError::Name);
        }
        Ok(Self { name: Some(name.to_owned()), address: address.parse()? })
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => self.address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stands_alone_or_behind_a_name() {
        let sender: Sender = "no-reply@bank.example".parse().unwrap();
        assert_eq!((sender.name(), sender.address().as_str()), (None, "no-reply@bank.example"));
        let sender: Sender = "Große Bank, Inc. <no-reply@bank.example>".parse().unwrap();
        assert_eq!((sender.name(), sender.address().domain()), (Some("Große Bank, Inc."), "bank.example"));
        assert_eq!(sender.to_string(), "Große Bank, Inc. <no-reply@bank.example>");
    }

    #[test]
    fn a_name_that_could_end_the_header_is_refused() {
        for bad in [
            "A\r\nBcc: x@y.z <a@b.c>",
            "A\n <a@b.c>",
            "\"A\" <a@b.c>",
            "A <x@y.z> <a@b.c>",
            " <a@b.c>",
            "A\\ <a@b.c>",
        ] {
            assert!(bad.parse::<Sender>().is_err(), "{bad:?}");
        }
        for bad in ["", "A", "A <a>", "<>", "A <a@b.c", "A a@b.c>", "A <a@b.c\r\n>"] {
            assert!(bad.parse::<Sender>().is_err(), "{bad:?}");
        }
        let name = |length: usize| format!("{} <a@b.c>", "n".repeat(length)).parse::<Sender>();
        assert!(name(64).is_ok());
        assert_eq!(name(65), Err(SenderError::Name));
    }
}
