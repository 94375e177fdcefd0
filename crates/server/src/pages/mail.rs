//! The mails that people get. Plain text; the first line of a template is the subject.

use serde::Serialize;

use super::shown::Shown;
use super::theme::SUBJECT;

/// What the template of one mail is told.
pub trait MailContext: Serialize {
    /// The file name of the template.
    const TEMPLATE: &'static str;
}

/// A mail, ready to be addressed. No `Debug`: its text may hold a link that opens an account.
pub struct MailText {
    /// One line.
    pub subject: String,
    /// The body, with `\n` at the ends of its lines.
    pub text: String,
}

impl MailText {
    /// Parts a filled template at the end of its first line. No value holds a line break (see [`Shown`]); whatever a
    /// theme does, a control character never reaches the subject, where it would begin a header of its own.
    pub(super) fn split(filled: &str) -> Self {
        let (subject, text) = filled.split_once('\n').unwrap_or((filled, ""));
        let subject = subject.strip_prefix(SUBJECT).unwrap_or(subject);
        let subject = subject.chars().filter(|c| !c.is_control()).collect::<String>();
        Self { subject: subject.trim().to_owned(), text: format!("{}\n", text.trim()) }
    }
}

/// To somebody who signed up: proves that the address is theirs.
#[derive(Serialize)]
pub struct SignupVerification {
    /// The title of the environment.
    pub environment: Shown,
    /// The address that was entered.
    pub email: Shown,
    /// The absolute address that proves it. A secret until it is used.
    pub link: String,
    /// For how long it works, in hours.
    pub hours: u32,
}

impl MailContext for SignupVerification {
    const TEMPLATE: &'static str = "mail/signup_verification.txt";
}

/// To the owner of an account whose address was entered once more. The page said the same as to everybody.
#[derive(Serialize)]
pub struct SignupAttempted {
    /// The title of the environment.
    pub environment: Shown,
    /// The address that was entered.
    pub email: Shown,
    /// The absolute address of the sign-in page.
    pub login: String,
}

impl MailContext for SignupAttempted {
    const TEMPLATE: &'static str = "mail/signup_attempted.txt";
}

/// To the owner of an account whose password is a new one.
#[derive(Serialize)]
pub struct PasswordChanged {
    /// The title of the environment.
    pub environment: Shown,
    /// The address of the account.
    pub email: Shown,
    /// When it happened, as people write it, with the time zone.
    pub when: Shown,
    /// The absolute address of the sign-in page.
    pub login: String,
}

impl MailContext for PasswordChanged {
    const TEMPLATE: &'static str = "mail/password_changed.txt";
}

/// To those who answer for a tenant: a secret or key ends soon.
#[derive(Serialize)]
pub struct CredentialExpiring {
    /// The title of the environment.
    pub environment: Shown,
    /// The address of this mail.
    pub email: Shown,
    /// The tenant's name for people.
    pub tenant: Shown,
    /// Which credential, in words. Never the credential.
    pub credential: Shown,
    /// At most so many days are left.
    pub days: Shown,
    /// When it ends, with the time zone.
    pub ends: Shown,
    /// The absolute address of the sign-in page.
    pub login: String,
}

impl MailContext for CredentialExpiring {
    const TEMPLATE: &'static str = "mail/credential_expiring.txt";
}

/// To those who answer for a tenant: a secret or key was made or rotated.
#[derive(Serialize)]
pub struct CredentialChanged {
    /// The title of the environment.
    pub environment: Shown,
    /// The address of this mail.
    pub email: Shown,
    /// The tenant's name for people.
    pub tenant: Shown,
    /// Which credential, in words. Never the credential.
    pub credential: Shown,
    /// What happened to it, as the rest of a sentence that begins with "it".
    pub how: Shown,
    /// When, with the time zone.
    pub when: Shown,
    /// The absolute address of the sign-in page.
    pub login: String,
}

impl MailContext for CredentialChanged {
    const TEMPLATE: &'static str = "mail/credential_changed.txt";
}

/// To those who answer for a tenant: anything else that they must know.
#[derive(Serialize)]
pub struct NoticeMail {
    /// The title of the environment.
    pub environment: Shown,
    /// The address of this mail.
    pub email: Shown,
    /// What it is about, in one line.
    pub title: Shown,
    /// What happened.
    pub happened: Shown,
    /// What to do.
    pub advice: Shown,
    /// The absolute address of where to do it.
    pub link: String,
}

impl MailContext for NoticeMail {
    const TEMPLATE: &'static str = "mail/notice.txt";
}

/// To those who answer for a tenant, and to the provider's team: a credential has leaked. Never the credential itself.
#[derive(Serialize)]
pub struct IncidentNotice {
    /// The title of the environment.
    pub environment: Shown,
    /// What has leaked: its kind and its last four characters.
    pub what: Shown,
    /// The app or key that it belongs to.
    pub owner: Shown,
    /// How and where it was seen.
    pub place: Shown,
    /// When, as people write it, with the time zone.
    pub when: Shown,
    /// What was done about it.
    pub done: Shown,
    /// What the reader does next.
    pub next: Shown,
    /// The id of the incident.
    pub incident: Shown,
    /// The absolute address of the sign-in page.
    pub login: String,
}

impl MailContext for IncidentNotice {
    const TEMPLATE: &'static str = "mail/incident.txt";
}

/// To those who answer for a tenant: the provider's team has suspended, resumed, closed or revoked something of theirs.
#[derive(Serialize)]
pub struct Switched {
    /// The title of the environment.
    pub environment: Shown,
    /// What it was done to.
    pub thing: Shown,
    /// What was done: `suspended`.
    pub past: Shown,
    /// What follows from it.
    pub effect: Shown,
    /// Why; empty if nothing was said.
    pub reason: Shown,
    /// When, as people write it, with the time zone.
    pub when: Shown,
    /// The absolute address of the sign-in page.
    pub login: String,
}

impl MailContext for Switched {
    const TEMPLATE: &'static str = "mail/switched.txt";
}
