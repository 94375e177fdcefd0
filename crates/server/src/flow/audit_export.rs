//! The whole audit as lines of JSON, page by page, to whoever takes them.

use bytes::Bytes;
use grantor_core::audit_chain::{Head, SignedCheckpoint};
use grantor_core::audit_export::{FORMAT, Line, Readable};
use grantor_jose::JwkSet;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::Fault;
use crate::node::Node;
use crate::store::sql::StoreError;

/// Entries that are read at once.
const PAGE: i64 = 500;

/// Writes everything. Ends early where nobody takes it any more; where the database does not answer, the last thing that is
/// handed over is an error, so that nobody takes the rest for the whole.
pub async fn write(node: &Node, keys: JwkSet, lines: mpsc::Sender<std::io::Result<Bytes>>) {
    let mut out = Out { lines, text: String::new() };
    out.line(&Line::Audit { format: FORMAT, keys });
    if let Err(Stop::Store(error)) = write_all(node, &mut out).await {
        let fault = Fault::from(error);
        tracing::error!(%fault, "an export of the audit broke off");
        // Whoever has gone meanwhile need not be told.
        let _ = out.lines.send(Err(std::io::Error::other("the export broke off"))).await;
    }
}

/// Why nothing more is written.
enum Stop {
    /// The database does not answer.
    Store(StoreError),
    /// Nobody reads any more.
    Gone,
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

async fn write_all(node: &Node, out: &mut Out) -> Result<(), Stop> {
    // What is linked while this is written belongs to the next export.
    let through = node.store.audit_top().await?;
    let (mut after, mut entries) = (i64::MIN, 0);
    while after < through {
        let page = page(node, after, through).await?;
        let end = page.last().map_or(through, |(number, _)| *number);
        let mut checkpoints = checkpoints(node, after, end).await?.into_iter().peekable();
        for (number, line) in page {
            while let Some((_, earlier)) = checkpoints.next_if(|(at, _)| *at < number) {
                out.line(&earlier);
            }
            out.line(&line);
            entries += 1;
        }
        checkpoints.for_each(|(_, line)| out.line(&line));
        out.flush().await?;
        after = end;
    }
    let (mut after, mut unlinked) = (Uuid::nil(), 0);
    loop {
        let page = node.store.audit_unlinked(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for entry in page {
            out.line(&Line::Unlinked { entry });
            unlinked += 1;
        }
        out.flush().await?;
    }
    out.line(&Line::End { entries, unlinked });
    out.flush().await
}

/// The next lines of the chain by number. What cannot be read is said to be there: damage to one entry must not keep the
/// others, and must be named.
async fn page(node: &Node, after: i64, through: i64) -> Result<Vec<(i64, Line)>, StoreError> {
    let line = |(place, entry): (Head, _)| (place.number, Line::entry(place, entry));
    match node.store.audit_linked((after, through), PAGE).await {
        Err(StoreError::Corrupt(_)) => {}
        done => return Ok(done?.into_iter().map(line).collect()),
    }
    let mut lines = Vec::new();
    for number in node.store.audit_numbers((after, through), PAGE).await? {
        match node.store.audit_linked((number.saturating_sub(1), number), 1).await {
            Err(StoreError::Corrupt(_)) => {
                lines.push((number, Line::Unreadable { number, what: Readable::Entry }));
            }
            done => lines.extend(done?.into_iter().map(line)),
        }
    }
    Ok(lines)
}

async fn checkpoints(node: &Node, after: i64, through: i64) -> Result<Vec<(i64, Line)>, StoreError> {
    let line = |signed: SignedCheckpoint| (signed.checkpoint.head.number, Line::checkpoint(signed));
    match node.store.audit_checkpoints((after, through)).await {
        Err(StoreError::Corrupt(_)) => {}
        done => return Ok(done?.into_iter().map(line).collect()),
    }
    let mut lines = Vec::new();
    for number in node.store.audit_checkpoint_numbers((after, through)).await? {
        match node.store.audit_checkpoints((number.saturating_sub(1), number)).await {
            Err(StoreError::Corrupt(_)) => {
                lines.push((number, Line::Unreadable { number, what: Readable::Checkpoint }));
            }
            done => lines.extend(done?.into_iter().map(line)),
        }
    }
    Ok(lines)
}

/// Lines on their way to whoever reads them.
struct Out {
    lines: mpsc::Sender<std::io::Result<Bytes>>,
    text: String,
}

impl Out {
    fn line(&mut self, line: &Line) {
        // Our types hold nothing that JSON cannot say.
        self.text.push_str(&serde_json::to_string(line).unwrap_or_default());
        self.text.push('\n');
    }

    async fn flush(&mut self) -> Result<(), Stop> {
        let text = std::mem::take(&mut self.text);
        self.lines.send(Ok(text.into())).await.map_err(|_| Stop::Gone)
    }
}
