//! Writes of sign-ups that wait for their mail link, and of the mails that wait to be sent.

use grantor_core::env::UnixMillis;
use grantor_core::id::{MailId, SignupId};
use grantor_core::outbox::Mail;
use grantor_core::signup::Signup;

use super::super::sql::{Sql, Statement};
use super::{any, json, one};

/// Everything here, for the test that prepares it.
pub(super) const STATEMENTS: &[&Sql] =
    &[&INSERT_SIGNUP, &END_SIGNUP, &ENQUEUE_MAIL, &MAIL_SENT, &MAIL_LATER, &MAIL_GIVEN_UP];

const INSERT_SIGNUP: Sql = Sql {
    name: "insert_signup",
    text: "INSERT INTO signups (id, environment_id, link_pepper, link_mac, browser_pepper, browser_mac, email, name, password, created_at, expires_at) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
};
const END_SIGNUP: Sql = Sql { name: "end_signup", text: "DELETE FROM signups WHERE id = $1" };
const ENQUEUE_MAIL: Sql = Sql {
    name: "enqueue_mail",
    text: "INSERT INTO outbox (id, environment_id, recipient, kind, content, attempts, next_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
};
const MAIL_SENT: Sql = Sql { name: "mail_sent", text: "DELETE FROM outbox WHERE id = $1" };
const MAIL_LATER: Sql = Sql {
    name: "mail_later",
    text: "UPDATE outbox SET attempts = $2, next_at = $3 WHERE id = $1 AND attempts < $2",
};
// The row stays for a while to be looked at, but what was in the mail goes: it may hold a link that still works.
const MAIL_GIVEN_UP: Sql = Sql {
    name: "mail_given_up",
    text: "UPDATE outbox SET attempts = $2, next_at = NULL, content = '{}' WHERE id = $1 AND attempts < $2",
};

pub(super) fn insert_signup(signup: &Signup) -> Statement {
    one(
        &INSERT_SIGNUP,
        vec![
            signup.id.bytes().into(),
            signup.environment.bytes().into(),
            signup.link.pepper.into(),
            signup.link.mac.into(),
            signup.browser.pepper.into(),
            signup.browser.mac.into(),
            signup.email.as_str().into(),
            signup.name.as_deref().into(),
            signup.password.as_str().into(),
            signup.created_at.0.into(),
            signup.expires_at.0.into(),
        ],
    )
}

pub(super) fn end_signup(id: SignupId) -> Statement {
    one(&END_SIGNUP, vec![id.bytes().into()])
}

pub(super) fn enqueue(mail: &Mail) -> Statement {
    one(
        &ENQUEUE_MAIL,
        vec![
            mail.id.bytes().into(),
            mail.environment.bytes().into(),
            mail.to.as_str().into(),
            mail.kind.as_str().into(),
            json(&mail.values),
            mail.attempts.into(),
            mail.next_at.0.into(),
        ],
    )
}

/// Any number of rows: two nodes may hand over the same mail, and the second has nothing left to decide.
pub(super) fn mail_sent(id: MailId) -> Statement {
    any(&MAIL_SENT, vec![id.bytes().into()])
}

/// Any number of rows, too: another node may have sent it, or failed at the same attempt; its word stands.
pub(super) fn mail_failed(id: MailId, attempts: i64, next_at: Option<UnixMillis>) -> Statement {
    let mut params = vec![id.bytes().into(), attempts.into()];
    let Some(at) = next_at else { return any(&MAIL_GIVEN_UP, params) };
    params.push(at.0.into());
    any(&MAIL_LATER, params)
}
