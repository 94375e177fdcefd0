//! Reminders that a secret or key ends: each threshold once, whoever restarts and however many nodes look.

use grantor_core::credential_write::{CredentialWrite, Reminded};
use grantor_core::decision::{AuditEvent, Write};
use grantor_core::outbox::MailKind;
use grantor_core::reminder::{Due, due};

use super::Fault;
use super::notice::{login_page, moment, to_admins, values};
use crate::node::{Actor, Node};
use crate::store::load::reminder::DueReminder;

/// Rows that are read at once, of each kind.
const BATCH: i64 = 100;
/// Batches of one run. The next run goes on; other jobs have their turn in between.
const BATCHES: usize = 20;

/// Sends what is due now.
///
/// # Errors
/// Storage trouble; the job tries again, and what was sent is not sent twice.
pub async fn send_due(node: &Node) -> Result<(), Fault> {
    for _ in 0..BATCHES {
        let rows = node.store.due_reminders(node.now(), BATCH).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            match send(node, &row).await {
                // Another node was quicker, or the end has moved: the row says what is due now.
                Ok(()) | Err(Fault::Conflict) => {}
                Err(fault) => return Err(fault),
            }
        }
    }
    node.wake_mail();
    Ok(())
}

/// Moves a row on to its next reminder, with the mails and the audit of this one in the same unit. What has ended meanwhile
/// is only moved on.
async fn send(node: &Node, row: &DueReminder) -> Result<(), Fault> {
    let now = node.now();
    let due = row.expires_at.and_then(|end| Some((end, due(now, end)?)));
    let next = due.and_then(|(_, due)| due.next);
    let mut writes =
        vec![Write::Credential(CredentialWrite::NoteReminder { of: row.of, from: row.remind_at, next })];
    let mut events = Vec::new();
    if let Some((end, Due { days, .. })) = due.filter(|_| row.alive) {
        let tenant = node.cache.tenant(&node.store, row.tenant).await?.ok_or(Fault::Internal)?;
        let catalogue = node.catalogue_full();
        let state = catalogue.environment_by_id(row.environment).ok_or(Fault::Internal)?;
        let told = values([
            ("credential", credential(row)),
            ("tenant", tenant.tenant.title.clone()),
            ("days", days.to_string()),
            ("ends", moment(end)),
            ("login", login_page(state)),
        ]);
        writes
            .extend(to_admins(node, row.tenant, row.environment, MailKind::CredentialExpiring, told).await?);
        events.push(
            event(row)
                .detail("tenant", tenant.tenant.name.as_str())
                .detail("days", days)
                .detail("expires_at", moment(end)),
        );
    }
    node.commit(&Actor::system().within(row.environment), writes, events).await
}

fn event(row: &DueReminder) -> AuditEvent {
    match row.of {
        Reminded::Key(id) => {
            AuditEvent::new("key.expiring", id.to_string()).detail("name", row.name.as_str())
        }
        Reminded::Secret(app, version) => AuditEvent::new("secret.expiring", app.to_string())
            .detail("client_id", row.name.as_str())
            .detail("version", version),
    }
}

/// What ends, in words.
fn credential(row: &DueReminder) -> String {
    match row.of {
        Reminded::Key(_) => super::api_key::in_words(&row.name, &row.last_four),
        Reminded::Secret(_, version) => {
            format!("Client secret {version} (...{}) of app {}", row.last_four, row.name)
        }
    }
}
