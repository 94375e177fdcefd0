//! Writes of what is noted beside the decisions: counts, last uses, the request log, notices. All of them bounded: by a ring of
//! slots, by an age, or by a row per credential.

use grantor_core::misplaced::{NOTICES_KEPT_DAYS, Notice, WRONG_ENVIRONMENT};
use grantor_core::record::{LastUse, Record, Used};
use grantor_core::request_log::{Entry, Ring, Subject};
use grantor_core::usage::{Count, Span};

use super::super::sql::{Sql, Statement};
use super::{any, one};

/// Everything here, for the test that prepares it.
pub(super) const STATEMENTS: &[&Sql] = &[
    &COUNT_USAGE,
    &ROLL_UP_HOURS,
    &ROLL_UP_DAYS,
    &PRUNE_USAGE,
    &PRUNE_NOTICES,
    &NOTE_USE,
    &ADVANCE_RING,
    &PUT_ENTRY,
    &PUT_NOTICE,
];

const COUNT_USAGE: Sql = Sql {
    name: "count_usage",
    text: "INSERT INTO usage_counts (subject, span, starts, kind, count) VALUES ($1, 'minute', $2, $3, $4) \
           ON CONFLICT (subject, span, starts, kind) DO UPDATE SET count = usage_counts.count + excluded.count",
};
// A sum never becomes smaller: where the shorter rows are gone already, the longer one stays what it was.
const ROLL_UP_HOURS: Sql = Sql {
    name: "roll_up_hours",
    text: "INSERT INTO usage_counts (subject, span, starts, kind, count) \
           SELECT subject, 'hour', starts / 60, kind, CAST(SUM(count) AS BIGINT) FROM usage_counts \
           WHERE span = 'minute' AND starts >= $1 AND starts < $2 GROUP BY subject, starts / 60, kind \
           ON CONFLICT (subject, span, starts, kind) DO UPDATE SET count = excluded.count \
           WHERE excluded.count > usage_counts.count",
};
const ROLL_UP_DAYS: Sql = Sql {
    name: "roll_up_days",
    text: "INSERT INTO usage_counts (subject, span, starts, kind, count) \
           SELECT subject, 'day', starts / 24, kind, CAST(SUM(count) AS BIGINT) FROM usage_counts \
           WHERE span = 'hour' AND starts >= $1 AND starts < $2 GROUP BY subject, starts / 24, kind \
           ON CONFLICT (subject, span, starts, kind) DO UPDATE SET count = excluded.count \
           WHERE excluded.count > usage_counts.count",
};
const PRUNE_USAGE: Sql =
    Sql { name: "prune_usage", text: "DELETE FROM usage_counts WHERE span = $1 AND starts < $2" };
const PRUNE_NOTICES: Sql = Sql { name: "prune_notices", text: "DELETE FROM notices WHERE day < $1" };
const NOTE_USE: Sql = Sql {
    name: "note_use",
    text: "INSERT INTO last_uses (subject, version, at, address) VALUES ($1, $2, $3, $4) \
           ON CONFLICT (subject, version) DO UPDATE SET at = excluded.at, address = excluded.address \
           WHERE excluded.at > last_uses.at",
};
// Two nodes that write at once each get numbers of their own: the second waits for the row of the first.
const ADVANCE_RING: Sql = Sql {
    name: "advance_ring",
    text: "INSERT INTO request_log_heads (subject, ring, next) VALUES ($1, $2, $3) \
           ON CONFLICT (subject, ring) DO UPDATE SET next = request_log_heads.next + excluded.next",
};
const PUT_ENTRY: Sql = Sql {
    name: "put_log_entry",
    text: "INSERT INTO request_log (subject, ring, slot, sequence, at, door, status, error, reason, credential, address, \
           request_id, api, grant_type, took, count) \
           VALUES ($1, $2, (SELECT (next - $3) % $4 FROM request_log_heads WHERE subject = $1 AND ring = $2), \
           (SELECT next - $3 FROM request_log_heads WHERE subject = $1 AND ring = $2), \
           $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
           ON CONFLICT (subject, ring, slot) DO UPDATE SET sequence = excluded.sequence, at = excluded.at, \
           door = excluded.door, status = excluded.status, error = excluded.error, reason = excluded.reason, \
           credential = excluded.credential, address = excluded.address, request_id = excluded.request_id, \
           api = excluded.api, grant_type = excluded.grant_type, took = excluded.took, count = excluded.count",
};
const PUT_NOTICE: Sql = Sql {
    name: "put_notice",
    text: "INSERT INTO notices (subject, kind, day, presented_in, belongs_to, first_seen_at, last_seen_at, count, address) \
           VALUES ($1, $2, $3, $4, $5, $6, $6, 1, $7) \
           ON CONFLICT (subject, kind, day, presented_in, belongs_to) DO UPDATE SET \
           last_seen_at = excluded.last_seen_at, count = notices.count + 1, address = excluded.address",
};

pub(super) fn statements(record: &Record) -> Vec<Statement> {
    match record {
        Record::Count(count) => vec![count_usage(count)],
        Record::RollUp { from_minute, now } => roll_up(*from_minute, now.seconds()),
        Record::Use(used) => vec![note_use(used)],
        Record::Requests(subject, ring, entries) => requests(*subject, *ring, entries),
        Record::Notice(notice) => vec![put_notice(notice)],
    }
}

fn count_usage(count: &Count) -> Statement {
    one(
        &COUNT_USAGE,
        vec![
            count.subject.bytes().into(),
            count.minute.into(),
            count.kind.as_str().into(),
            count.count.into(),
        ],
    )
}

/// Whole hours and whole days only, so that a sum is complete when it is made for the last time. Erasing comes behind it, and
/// at the borders of the next longer span, so that no half of a sum is ever left.
fn roll_up(from_minute: i64, now: i64) -> Vec<Statement> {
    let from_hour = from_minute.div_euclid(60);
    let from_day = from_hour.div_euclid(24);
    let (hour, day) = (Span::Hour.number_at(now), Span::Day.number_at(now));
    let oldest = |span: Span| span.number_at(now) - span.kept();
    let prune = |span: Span, before: i64| any(&PRUNE_USAGE, vec![span.as_str().into(), before.into()]);
    vec![
        any(&ROLL_UP_HOURS, vec![(from_hour * 60).into(), (hour * 60).into()]),
        any(&ROLL_UP_DAYS, vec![(from_day * 24).into(), (day * 24).into()]),
        prune(Span::Minute, oldest(Span::Minute).div_euclid(60) * 60),
        prune(Span::Hour, oldest(Span::Hour).div_euclid(24) * 24),
        prune(Span::Day, oldest(Span::Day)),
        any(&PRUNE_NOTICES, vec![(day - NOTICES_KEPT_DAYS).into()]),
    ]
}

/// No row where a newer use is stored already.
fn note_use(used: &LastUse) -> Statement {
    let (subject, version) = match used.credential {
        Used::Secret(app, version) => (app.bytes(), version),
        Used::Key(key) => (key.bytes(), 0),
    };
    let address = used.address.map(|address| address.to_string());
    any(&NOTE_USE, vec![subject.into(), version.into(), used.at.0.into(), address.into()])
}

fn requests(subject: Subject, ring: Ring, entries: &[Entry]) -> Vec<Statement> {
    // More than the ring holds would be written over at once.
    let entries = &entries[entries.len().saturating_sub(ring.slots())..];
    let count = i64::try_from(entries.len()).unwrap_or(0);
    let slots = i64::try_from(ring.slots()).unwrap_or(1);
    let key = || [subject.bytes().into(), ring.as_str().into()];
    let advance = one(&ADVANCE_RING, [&key()[..], &[count.into()]].concat());
    let put = |(entry, back): (&Entry, i64)| {
        let refusal = entry.outcome.refusal;
        let values = [
            back.into(),
            slots.into(),
            entry.at.0.into(),
            entry.door.as_str().into(),
            i64::from(entry.outcome.status).into(),
            refusal.and_then(|refusal| refusal.error).map(|error| error.code()).into(),
            refusal.map(|refusal| refusal.reason.name()).into(),
            entry.credential.as_ref().map(|hint| hint.as_str()).into(),
            entry.address.to_string().into(),
            entry.request_id.as_str().into(),
            entry.api.as_ref().map(|api| api.as_str()).into(),
            entry.grant.map(|grant| grant.as_str()).into(),
            entry.took.as_str().into(),
            entry.count.into(),
        ];
        one(&PUT_ENTRY, [&key()[..], &values[..]].concat())
    };
    // The first of them is the furthest behind the new head.
    let backs = (1..=count).rev();
    [advance].into_iter().chain(entries.iter().zip(backs).map(put)).collect()
}

fn put_notice(notice: &Notice) -> Statement {
    one(
        &PUT_NOTICE,
        vec![
            notice.subject.bytes().into(),
            WRONG_ENVIRONMENT.into(),
            Span::Day.number_at(notice.at.seconds()).into(),
            notice.presented_in.bytes().into(),
            notice.belongs_to.bytes().into(),
            notice.at.0.into(),
            notice.address.to_string().into(),
        ],
    )
}
