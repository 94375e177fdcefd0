//! Mail that leaves: by an SMTP server, into a folder, or not at all.
//!
//! Whoever sends calls from a job, never from a flow: a mail server may take its time. Nothing here repeats or stores;
//! [`MailError::is_final`] tells whether another try makes sense.

mod folder;
mod message;
mod smtp;
#[cfg(test)]
mod smtp_tests;
#[cfg(test)]
mod tests;

use std::str::FromStr;

use grantor_core::email::EmailAddress;
use uuid::Uuid;

use crate::config::Mail;
use folder::Folder;
use smtp::Smtp;

/// One mail to one person. No `Debug`: a mail holds links that open accounts.
pub struct OutgoingMail {
    /// Time-ordered (version 7); names the file, is part of the `Message-ID`, and gives the `Date`. A second try of the
    /// same mail has the same id.
    pub id: Uuid,
    /// To whom.
    pub to: EmailAddress,
    /// What it is about.
    pub subject: Subject,
    /// The text for every reader.
    pub text: String,
    /// The same for readers that show HTML.
    pub html: Option<String>,
}

/// The subject of a mail: 1 to 200 characters and no control character, so that it cannot end its header line
/// (RFC 5322 2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject(String);

/// The text is no subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a subject has 1 to 200 characters and no line break or other control character")]
pub struct SubjectError;

impl Subject {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        // U+2028 and U+2029 are line breaks to some readers.
        let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        if (1..=200).contains(&text.chars().count()) && !text.contains(breaks) {
            Ok(Self(text.to_owned()))
        } else {
            Err(SubjectError)
        }
    }
}

/// How mail leaves.
pub enum Mailer {
    /// By an SMTP server.
    Smtp(Smtp),
    /// As files.
    Folder(Folder),
    /// Not at all.
    Off,
}

/// Why the way out cannot be prepared; for the operator, at the start.
#[derive(Debug, thiserror::Error)]
pub enum MailSetupError {
    /// The file of `mail.trust_roots` cannot be read.
    #[error("mail.trust_roots: cannot read {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The file of `mail.trust_roots` holds no certificate, or a broken one.
    #[error("mail.trust_roots: {path} holds no certificate in PEM form, or one that cannot be used")]
    NoCertificate {
        /// The file.
        path: String,
    },
    /// TLS cannot be set up.
    #[error("TLS to the mail server cannot be set up: {0}")]
    Tls(String),
}

/// Why a mail has not left. For the log: says nothing about the person or the content, and repeats nothing that the
/// server wrote.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The transport is `off`.
    #[error("mail is off; set mail.transport")]
    Off,
    /// The mail cannot be put into the form of RFC 5322.
    #[error("the mail cannot be written: {0}")]
    Unwritable(String),
    /// The file was not written.
    #[error("the mail folder: {0}")]
    Folder(#[from] std::io::Error),
    /// No answer in time.
    #[error("the mail server did not take the mail within {0} seconds")]
    Slow(u64),
    /// No connection, no TLS, another name in the certificate, or an answer that is no SMTP.
    #[error("no mail server that we trust: {0}")]
    Unreachable(String),
    /// The server does not accept who we are (RFC 4954 6).
    #[error("the mail server refuses our login ({0}); see mail.smtp_username and mail.smtp_password")]
    Login(u16),
    /// The server says no for now (RFC 5321 4.2.1, 4yz).
    #[error("the mail server does not take the mail now ({0})")]
    Later(u16),
    /// The server says no for ever (RFC 5321 4.2.1, 5yz).
    #[error("the mail server refuses the mail ({0})")]
    Refused(u16),
}

impl MailError {
    /// Whether the same mail would be refused again, whatever the operator or the network does.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Unwritable(_) | Self::Refused(_))
    }
}

impl Mailer {
    /// Prepares what the configuration says. Connects nowhere and makes no folder yet.
    ///
    /// # Errors
    /// The trust roots cannot be used.
    pub fn new(config: &Mail) -> Result<Self, MailSetupError> {
        match config {
            Mail::Off => Ok(Self::Off),
            Mail::Folder(folder) => Ok(Self::Folder(Folder::new(folder))),
            Mail::Smtp(server) => Smtp::new(server).map(Self::Smtp),
        }
    }

    /// Hands over one mail. `Ok` means that the server, or the disk, has it.
    ///
    /// # Errors
    /// See [`MailError`]. After [`MailError::Slow`] the server may have it all the same; its `Message-ID` stays the same.
    pub async fn send(&self, mail: &OutgoingMail) -> Result<(), MailError> {
        match self {
            Self::Off => Err(MailError::Off),
            Self::Folder(folder) => folder.write(mail).await,
            Self::Smtp(smtp) => smtp.send(mail).await,
        }
    }
}
