//! How mail leaves: the settings of the section `[mail]`.

mod sender;
mod smtp_url;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use zeroize::Zeroizing;

use super::layers::Layers;
use super::refusal::ConfigError;
use super::{Effective, PathText, note, note_optional, note_secret, setting};

pub use sender::{Sender, SenderError};
pub use smtp_url::{SmtpSecurity, SmtpUrl, SmtpUrlError};

/// Section `[mail]`: how mail leaves. No `Debug`: one variant holds a password.
#[derive(Clone)]
pub enum Mail {
    /// Not at all.
    Off,
    /// Each mail becomes a file.
    Folder(MailFolder),
    /// By an SMTP server.
    Smtp(SmtpServer),
}

/// Where mails are written as files.
#[derive(Debug, Clone)]
pub struct MailFolder {
    /// The folder; made when the first mail is written.
    pub folder: PathBuf,
    /// Who sends.
    pub from: Sender,
}

/// The server that takes our mail.
#[derive(Clone)]
pub struct SmtpServer {
    /// Where it is, and how the connection is protected.
    pub url: SmtpUrl,
    /// What it asks for, if anything.
    pub login: Option<SmtpLogin>,
    /// PEM file with certificates that are trusted beside those of the system.
    pub trust_roots: Option<PathBuf>,
    /// Who sends.
    pub from: Sender,
}

/// What the mail server knows us by. No `Debug`.
#[derive(Clone)]
pub struct SmtpLogin {
    /// The name.
    pub username: String,
    /// The password.
    pub password: Zeroizing<String>,
}

impl Mail {
    /// Reads the section.
    pub(super) fn read(layers: &Layers<'_>, effective: &mut Vec<Effective>) -> Result<Self, ConfigError> {
        let (transport, origin) = layers.resolve::<Transport>(&setting::MAIL_TRANSPORT, None)?;
        let transport = note(effective, &setting::MAIL_TRANSPORT, Ok((transport, origin.clone())))?;
        let folder = layers.resolve_optional::<PathText>(&setting::MAIL_FOLDER);
        let folder = note_optional(effective, &setting::MAIL_FOLDER, folder)?;
        let url = note_optional(
            effective,
            &setting::MAIL_SMTP_URL,
            layers.resolve_optional(&setting::MAIL_SMTP_URL),
        )?;
        let username = layers.resolve_optional::<Username>(&setting::MAIL_SMTP_USERNAME);
        let username = note_optional(effective, &setting::MAIL_SMTP_USERNAME, username)?;
        let password = layers.resolve_optional::<Password>(&setting::MAIL_SMTP_PASSWORD);
        let password = note_secret(effective, &setting::MAIL_SMTP_PASSWORD, password)?;
        let from =
            note_optional(effective, &setting::MAIL_FROM, layers.resolve_optional(&setting::MAIL_FROM))?;
        let roots = layers.resolve_optional::<PathText>(&setting::MAIL_TRUST_ROOTS);
        let roots = note_optional(effective, &setting::MAIL_TRUST_ROOTS, roots)?;

        let refuse = |message: &str| ConfigError::Value {
            setting: setting::MAIL_TRANSPORT.name,
            origin: origin.clone(),
            message: message.to_owned(),
        };
        let login = match (username, password) {
            (None, None) => None,
            (Some(username), Some(password)) => {
                Some(SmtpLogin { username: username.0, password: password.0 })
            }
            _ => {
                return Err(refuse(
                    "mail.smtp_username and mail.smtp_password are set together or not at all",
                ));
            }
        };
        match transport {
            Transport::Off => Ok(Self::Off),
            Transport::Folder => {
                let folder =
                    folder.ok_or_else(|| refuse("\"folder\" needs mail.folder, the folder to write to"))?.0;
                let from =
                    from.ok_or_else(|| refuse("\"folder\" needs mail.from, the address that sends"))?;
                Ok(Self::Folder(MailFolder { folder, from }))
            }
            Transport::Smtp => {
                let url = url
                    .ok_or_else(|| refuse("\"smtp\" needs mail.smtp_url, the server that takes the mail"))?;
                let from = from.ok_or_else(|| refuse("\"smtp\" needs mail.from, the address that sends"))?;
                Ok(Self::Smtp(SmtpServer { url, login, trust_roots: roots.map(|path| path.0), from }))
            }
        }
    }
}

/// The setting `mail.transport`.
#[derive(Clone, Copy)]
enum Transport {
    Off,
    Folder,
    Smtp,
}

impl Transport {
    fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Folder => "folder",
            Self::Smtp => "smtp",
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the mail transport is \"off\", \"folder\" or \"smtp\"")]
struct TransportError;

impl FromStr for Transport {
    type Err = TransportError;

    fn from_str(text: &str) -> Result<Self, TransportError> {
        let all = [Self::Off, Self::Folder, Self::Smtp];
        all.into_iter().find(|transport| transport.as_str() == text).ok_or(TransportError)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The login of SMTP separates its parts by NUL (RFC 4616 2); whatever holds a control character is a slip.
#[derive(Debug, thiserror::Error)]
#[error("write 1 to 256 characters without control characters")]
struct LoginError;

fn is_login(text: &str) -> bool {
    (1..=256).contains(&text.chars().count()) && !text.contains(char::is_control)
}

struct Username(String);

impl FromStr for Username {
    type Err = LoginError;

    fn from_str(text: &str) -> Result<Self, LoginError> {
        if is_login(text) { Ok(Self(text.to_owned())) } else { Err(LoginError) }
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

struct Password(Zeroizing<String>);

impl FromStr for Password {
    type Err = LoginError;

    fn from_str(text: &str) -> Result<Self, LoginError> {
        if is_login(text) { Ok(Self(Zeroizing::new(text.to_owned()))) } else { Err(LoginError) }
    }
}
