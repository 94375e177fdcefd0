//! Mail leaves: rows of the outbox are rendered, handed over, and erased; what fails is tried again with longer waits.

use grantor_core::decision::Write;
use grantor_core::outbox::{Mail, MailKind, wait_after};
use grantor_core::signup::SIGNUP_SECONDS;

use super::Fault;
use super::signup::value;
use crate::mail::OutgoingMail;
use crate::node::{Actor, Node};
use crate::pages::{
    CredentialChanged, CredentialExpiring, IncidentNotice, MailText, NoticeMail, PasswordChanged, Shown,
    SignupAttempted, SignupVerification, Switched,
};

/// Mails that are taken at once.
const BATCH: i64 = 50;

/// Sends what is due. A mail may be sent twice where its row could not be erased; never is one lost that was promised.
///
/// # Errors
/// Storage trouble.
pub async fn deliver(node: &Node) -> Result<(), Fault> {
    loop {
        let due = node.store.due_mails(node.now(), BATCH).await?;
        let more = i64::try_from(due.len()).is_ok_and(|count| count == BATCH);
        for mail in due {
            deliver_one(node, mail).await?;
        }
        if !more {
            return Ok(());
        }
    }
}

async fn deliver_one(node: &Node, mail: Mail) -> Result<(), Fault> {
    let Some(text) = text(node, &mail) else { return Ok(()) };
    let outcome = match text.subject.parse() {
        Ok(subject) => {
            let outgoing = OutgoingMail {
                id: mail.id.uuid(),
                to: mail.to.clone(),
                subject,
                text: text.text,
                html: None,
            };
            node.mailer.send(&outgoing).await.map_err(|error| {
                let last = error.is_final();
                tracing::warn!(%error, mail = %mail.id, kind = mail.kind.as_str(), "a mail was not sent");
                last
            })
        }
        Err(_) => Err(true),
    };
    let attempts = mail.attempts.saturating_add(1);
    let write = match outcome {
        Ok(()) => Write::MailSent(mail.id),
        Err(last) => {
            let wait = wait_after(attempts).filter(|_| !last);
            if wait.is_none() {
                tracing::error!(mail = %mail.id, kind = mail.kind.as_str(), attempts, "a mail was given up");
            }
            let next_at = wait.map(|seconds| node.now().plus_seconds(seconds));
            Write::MailFailed { id: mail.id, attempts, next_at }
        }
    };
    node.commit(&Actor::system(), vec![write], Vec::new()).await
}

fn text(node: &Node, mail: &Mail) -> Option<MailText> {
    let catalogue = node.catalogue();
    let state = catalogue.environment_by_id(mail.environment)?;
    let environment = Shown::name(state.environment.name.as_str());
    let email = Shown::name(mail.to.as_str());
    let long = |name| Shown::text(value(&mail.values, name));
    let shown = |name| Shown::name(value(&mail.values, name));
    Some(match mail.kind {
        MailKind::SignupLink => node.pages.mail(&SignupVerification {
            environment,
            email,
            link: value(&mail.values, "link").to_owned(),
            hours: u32::try_from(SIGNUP_SECONDS / 3600).unwrap_or(u32::MAX),
        }),
        MailKind::SignupOfExisting => node.pages.mail(&SignupAttempted {
            environment,
            email,
            login: value(&mail.values, "login").to_owned(),
        }),
        MailKind::PasswordChanged => node.pages.mail(&PasswordChanged {
            environment,
            email,
            when: Shown::name(value(&mail.values, "when")),
            login: value(&mail.values, "login").to_owned(),
        }),
        MailKind::Incident => node.pages.mail(&IncidentNotice {
            environment,
            what: shown("what"),
            owner: long("owner"),
            place: long("place"),
            when: shown("when"),
            done: long("done"),
            next: long("next"),
            incident: shown("incident"),
            login: value(&mail.values, "login").to_owned(),
        }),
        MailKind::Switched => node.pages.mail(&Switched {
            environment,
            thing: long("thing"),
            past: shown("past"),
            effect: long("effect"),
            reason: long("reason"),
            when: shown("when"),
            login: value(&mail.values, "login").to_owned(),
        }),
        MailKind::CredentialExpiring => node.pages.mail(&CredentialExpiring {
            environment,
            email,
            tenant: shown("tenant"),
            credential: Shown::text(value(&mail.values, "credential")),
            days: shown("days"),
            ends: shown("ends"),
            login: value(&mail.values, "login").to_owned(),
        }),
        MailKind::CredentialChanged => node.pages.mail(&CredentialChanged {
            environment,
            email,
            tenant: shown("tenant"),
            credential: Shown::text(value(&mail.values, "credential")),
            how: Shown::text(value(&mail.values, "how")),
            when: shown("when"),
            login: value(&mail.values, "login").to_owned(),
        }),
        MailKind::Notice => node.pages.mail(&NoticeMail {
            environment,
            email,
            title: Shown::text(value(&mail.values, "title")),
            happened: Shown::text(value(&mail.values, "happened")),
            advice: Shown::text(value(&mail.values, "advice")),
            link: value(&mail.values, "link").to_owned(),
        }),
    })
}
