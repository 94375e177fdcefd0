//! The audit: what waits for its place, the chain with its checkpoints, and a page for people.

use grantor_core::audit_chain::{Checkpoint, Entry, Head, Lease, SignedCheckpoint};
use grantor_core::env::UnixMillis;
use grantor_core::id::EnvironmentId;
use uuid::Uuid;

use crate::store::Store;
use crate::store::sql::{FromRow, Row, Sql, StoreError};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[
    &UNLINKED,
    &LINKED,
    &NUMBERS,
    &LAST_NUMBER,
    &CHECKPOINTS,
    &CHECKPOINT_NUMBERS,
    &LAST_CHECKPOINT_NUMBER,
    &LAST_CHECKPOINT,
    &LEASE,
    &PAGE,
    &PAGE_END,
];

/// The columns of an entry, in the order that [`entry_at`] reads.
macro_rules! entry_columns {
    () => {
        "id, at, environment_id, actor, action, target, detail, request_id, address"
    };
}

const UNLINKED: Sql = Sql {
    name: "audit_unlinked",
    text: concat!(
        "SELECT ",
        entry_columns!(),
        " FROM audit WHERE number IS NULL AND id > $1 ORDER BY id LIMIT $2"
    ),
};
const LINKED: Sql = Sql {
    name: "audit_linked",
    text: concat!(
        "SELECT ",
        entry_columns!(),
        ", number, link FROM audit WHERE number > $1 AND number <= $2 ORDER BY number LIMIT $3"
    ),
};
// What can be said of entries that cannot be read.
const NUMBERS: Sql = Sql {
    name: "audit_numbers",
    text: "SELECT number FROM audit WHERE number > $1 AND number <= $2 ORDER BY number LIMIT $3",
};
const LAST_NUMBER: Sql = Sql {
    name: "audit_last_number",
    text: "SELECT number FROM audit WHERE number >= $1 ORDER BY number DESC LIMIT 1",
};
const CHECKPOINTS: Sql = Sql {
    name: "audit_checkpoints",
    text: "SELECT number, link, at, kid, jws FROM audit_checkpoints WHERE number > $1 AND number <= $2 ORDER BY number",
};
const CHECKPOINT_NUMBERS: Sql = Sql {
    name: "audit_checkpoint_numbers",
    text: "SELECT number FROM audit_checkpoints WHERE number > $1 AND number <= $2 ORDER BY number",
};
const LAST_CHECKPOINT_NUMBER: Sql = Sql {
    name: "audit_last_checkpoint_number",
    text: "SELECT number FROM audit_checkpoints WHERE number >= $1 ORDER BY number DESC LIMIT 1",
};
const LAST_CHECKPOINT: Sql = Sql {
    name: "audit_last_checkpoint",
    text: "SELECT number, link, at, kid, jws FROM audit_checkpoints ORDER BY number DESC LIMIT 1",
};
const LEASE: Sql =
    Sql { name: "lease", text: "SELECT holder, taken_at, expires_at FROM leases WHERE name = $1" };
// A page looks at so many entries at most, whatever is asked for: without a match it is empty, and cost stays flat. An empty
// parameter is no condition. `action` is a whole name, or the noun before the point.
const PAGE: Sql = Sql {
    name: "audit_page",
    text: concat!(
        "SELECT ",
        entry_columns!(),
        " FROM (SELECT ",
        entry_columns!(),
        " FROM audit WHERE id < $1 AND id >= $2 ORDER BY id DESC LIMIT $3) AS looked_at \
         WHERE (actor = $4 OR length($4) = 0) \
         AND (action = $5 OR length($5) = 0 OR substr(action, 1, length($5) + 1) = ($5 || '.')) \
         AND (target = $6 OR length($6) = 0) \
         AND (environment_id = $7 OR length($7) = 0) \
         ORDER BY id DESC LIMIT $8"
    ),
};
const PAGE_END: Sql = Sql {
    name: "audit_page_end",
    text: "SELECT id FROM audit WHERE id < $1 AND id >= $2 ORDER BY id DESC LIMIT 1 OFFSET $3",
};

/// So many entries are looked at for a page.
pub const LOOKED_AT: i64 = 5_000;

/// Which entries are asked for. Empty texts are no condition.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Who.
    pub actor: String,
    /// What: `noun.verb`, or the noun alone.
    pub action: String,
    /// To what.
    pub target: String,
    /// In which environment.
    pub environment: Option<EnvironmentId>,
    /// Not before.
    pub since: Option<UnixMillis>,
    /// Before.
    pub until: Option<UnixMillis>,
    /// Only what is older than this entry.
    pub after: Option<Uuid>,
}

/// Entries, newest first.
pub struct AuditPage {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Where to go on, if there is more to look at.
    pub next: Option<Uuid>,
}

impl Store {
    /// Entries that have no place in the chain yet, behind an id, oldest first.
    pub async fn audit_unlinked(&self, after: Uuid, limit: i64) -> Result<Vec<Entry>, StoreError> {
        self.query(&UNLINKED, vec![after.into_bytes().into(), limit.into()]).await
    }

    /// The chain between two numbers, the first one excluded.
    pub async fn audit_linked(
        &self,
        (after, through): (i64, i64),
        limit: i64,
    ) -> Result<Vec<(Head, Entry)>, StoreError> {
        let rows: Vec<Placed> = self.query(&LINKED, vec![after.into(), through.into(), limit.into()]).await?;
        Ok(rows.into_iter().map(|Placed(place, entry)| (place, entry)).collect())
    }

    /// The numbers of the chain between two numbers, the first one excluded.
    pub async fn audit_numbers(
        &self,
        (after, through): (i64, i64),
        limit: i64,
    ) -> Result<Vec<i64>, StoreError> {
        numbers(self.query(&NUMBERS, vec![after.into(), through.into(), limit.into()]).await?)
    }

    /// The highest number of an entry or a checkpoint.
    pub async fn audit_top(&self) -> Result<i64, StoreError> {
        let lowest = || vec![i64::MIN.into()];
        let (entry, checkpoint) =
            self.query_both((&LAST_NUMBER, lowest()), (&LAST_CHECKPOINT_NUMBER, lowest())).await?;
        let (entry, checkpoint) = (numbers(entry)?, numbers(checkpoint)?);
        Ok(entry.first().copied().max(checkpoint.first().copied()).unwrap_or(0))
    }

    /// Checkpoints between two numbers, the first one excluded.
    pub async fn audit_checkpoints(
        &self,
        (after, through): (i64, i64),
    ) -> Result<Vec<SignedCheckpoint>, StoreError> {
        self.query(&CHECKPOINTS, vec![after.into(), through.into()]).await
    }

    /// The numbers of checkpoints between two numbers, the first one excluded.
    pub async fn audit_checkpoint_numbers(
        &self,
        (after, through): (i64, i64),
    ) -> Result<Vec<i64>, StoreError> {
        numbers(self.query(&CHECKPOINT_NUMBERS, vec![after.into(), through.into()]).await?)
    }

    /// The last checkpoint: the head of the chain, because each batch ends with one.
    pub async fn audit_last_checkpoint(&self) -> Result<Option<SignedCheckpoint>, StoreError> {
        self.query_one(&LAST_CHECKPOINT, vec![]).await
    }

    /// Who holds a lease.
    pub async fn lease(&self, name: &str) -> Result<Option<Lease>, StoreError> {
        self.query_one(&LEASE, vec![name.into()]).await
    }

    /// A page of the audit of the whole installation, newest first. It may be empty and yet have a next one.
    pub async fn audit_page(&self, filter: &AuditFilter, limit: i64) -> Result<AuditPage, StoreError> {
        let first_id = |at: UnixMillis| (u128::try_from(at.0).unwrap_or(0) << 80).to_be_bytes();
        let until = filter.until.map_or([u8::MAX; 16], first_id);
        let before = filter.after.map_or(until, |after| until.min(after.into_bytes()));
        let since = filter.since.map_or([0; 16], first_id);
        let environment = filter.environment.map_or_else(Vec::new, |id| id.bytes().to_vec());
        let page = vec![
            before.into(),
            since.into(),
            LOOKED_AT.into(),
            filter.actor.as_str().into(),
            filter.action.as_str().into(),
            filter.target.as_str().into(),
            environment.into(),
            limit.into(),
        ];
        let end = vec![before.into(), since.into(), (LOOKED_AT - 1).into()];
        let (entries, last) = self.query_both::<Entry, Row>((&PAGE, page), (&PAGE_END, end)).await?;
        let is_full = i64::try_from(entries.len()).is_ok_and(|count| count == limit);
        let next = match (is_full, last.first()) {
            (true, _) => entries.last().map(|entry| entry.id),
            (false, Some(row)) => Some(Uuid::from_bytes(row.id(0)?)),
            (false, None) => None,
        };
        Ok(AuditPage { entries, next })
    }
}

fn numbers(rows: Vec<Row>) -> Result<Vec<i64>, StoreError> {
    rows.iter().map(|row| row.int(0)).collect()
}

fn entry_at(row: &Row) -> Result<Entry, StoreError> {
    Ok(Entry {
        id: Uuid::from_bytes(row.id(0)?),
        at: UnixMillis(row.int(1)?),
        environment: row.opt_id(2)?.map(EnvironmentId::from_bytes),
        actor: row.text(3)?.to_owned(),
        action: row.text(4)?.to_owned(),
        target: row.text(5)?.to_owned(),
        detail: row.text(6)?.to_owned(),
        request_id: row.text(7)?.to_owned(),
        address: row.text(8)?.to_owned(),
    })
}

impl FromRow for Entry {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        entry_at(row)
    }
}

/// An entry in its place.
struct Placed(Head, Entry);

impl FromRow for Placed {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(Head { number: row.int(9)?, link: row.fixed(10)? }, entry_at(row)?))
    }
}

impl FromRow for SignedCheckpoint {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let head = Head { number: row.int(0)?, link: row.fixed(1)? };
        Ok(Self {
            checkpoint: Checkpoint { head, at: UnixMillis(row.int(2)?) },
            kid: row.text(3)?.to_owned(),
            jws: row.text(4)?.to_owned(),
        })
    }
}

impl FromRow for Lease {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { holder: row.fixed(0)?, at: UnixMillis(row.int(1)?), until: UnixMillis(row.int(2)?) })
    }
}
