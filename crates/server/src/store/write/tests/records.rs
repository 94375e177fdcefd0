use std::net::{IpAddr, Ipv4Addr};

use grantor_core::error::{OAuthError, Reason};
use grantor_core::id::ApiKeyId;
use grantor_core::misplaced::Notice;
use grantor_core::record::{LastUse, Record, Used};
use grantor_core::request_log::{Door, Entry, LastFour, Outcome, Refusal, Ring, Subject, Took};
use grantor_core::usage::{Count, Span, Tallied};

use super::*;
use crate::store::load::record::Logged;

const MINE: Subject = Subject::App(APP);
const OTHERS: Subject = Subject::App(OTHER_APP);
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn entry(number: usize) -> Entry {
    let refusal = Refusal { error: Some(OAuthError::InvalidScope), reason: Reason::UnknownScope };
    Entry {
        at: UnixMillis(number as i64),
        door: Door::Token,
        outcome: Outcome { status: 400, refusal: Some(refusal) },
        credential: LastFour::of(&"x".repeat(40)),
        address: HOME,
        request_id: number.to_string(),
        api: "payments".parse().ok(),
        grant: Some(GrantType::ClientCredentials),
        took: Took::Short,
        count: 2,
    }
}

fn requests(subject: Subject, ring: Ring, numbers: std::ops::Range<usize>) -> Write {
    Write::Record(Record::Requests(subject, ring, numbers.map(entry).collect()))
}

async fn numbers(world: &World, subject: Subject) -> Vec<usize> {
    let log = world.store.request_log(subject).await.unwrap();
    log.iter().map(|entry| entry.request_id.parse().unwrap()).collect()
}

#[tokio::test]
async fn a_ring_keeps_its_newest_entries_and_no_other_ring_or_subject_is_touched() {
    let world = World::new().await;
    world.commit([requests(MINE, Ring::Good, 0..3), requests(OTHERS, Ring::Refused, 7..8)]).await.unwrap();
    assert_eq!(numbers(&world, MINE).await, [2, 1, 0]);
    let read = world.store.request_log(OTHERS).await.unwrap();
    assert_eq!(read, [Logged::from(&entry(7))], "what is read is what was written");
    // In steps that fit the ring and in steps that do not.
    let mut next = 10;
    for step in [1, 60, 40, 99, 100, 101, 250, 7] {
        world.commit([requests(MINE, Ring::Refused, next..next + step)]).await.unwrap();
        next += step;
        let expected = (10..next).rev().take(Ring::Refused.slots()).chain([2, 1, 0]);
        assert_eq!(numbers(&world, MINE).await, expected.collect::<Vec<_>>(), "after {step}");
    }
    assert_eq!(numbers(&world, OTHERS).await, [7]);
}

fn count(minute: i64, kind: Tallied, count: i64) -> Write {
    Write::Record(Record::Count(Count { subject: MINE, minute, kind, count }))
}

async fn usage(world: &World, span: Span) -> Vec<(i64, String, i64)> {
    let rows = world.store.usage(MINE, span, 0).await.unwrap();
    rows.into_iter().map(|row| (row.starts, row.kind, row.count)).collect()
}

async fn roll_up(world: &World, from_minute: i64, now_minute: i64) {
    let now = UnixMillis(now_minute * 60_000);
    world.commit([Write::Record(Record::RollUp { from_minute, now })]).await.unwrap();
}

#[tokio::test]
async fn minutes_become_hours_and_hours_days_and_a_second_time_changes_nothing() {
    let world = World::new().await;
    // Day 100: its hours 0 and 23. Day 101: its first hour, which has not ended.
    let day = 100 * 24 * 60;
    let issued = |count| ("issued".to_owned(), count);
    let row = |starts, (kind, count): (String, i64)| (starts, kind, count);
    world
        .commit([
            count(day, Tallied::Issued, 1),
            count(day, Tallied::Issued, 2),
            count(day + 59, Tallied::Issued, 4),
            count(day + 59, Tallied::Refused(OAuthError::InvalidScope), 5),
            count(day + 24 * 60 - 1, Tallied::Issued, 8),
            count(day + 24 * 60, Tallied::Issued, 16),
        ])
        .await
        .unwrap();
    let hours =
        [(100 * 24, "invalid_scope".to_owned(), 5), row(100 * 24, issued(7)), row(100 * 24 + 23, issued(8))];
    for _ in 0..2 {
        roll_up(&world, 0, day + 24 * 60 + 30).await;
        let mut found = usage(&world, Span::Hour).await;
        found.sort();
        assert_eq!(found, hours, "no hour that has not ended");
        let mut found = usage(&world, Span::Day).await;
        found.sort();
        assert_eq!(found, [(100, "invalid_scope".to_owned(), 5), row(100, issued(15))]);
    }
    // A count that was written late is in the sum the next time.
    world.commit([count(day + 24 * 60 - 1, Tallied::Issued, 1)]).await.unwrap();
    roll_up(&world, day + 23 * 60, day + 25 * 60).await;
    assert!(usage(&world, Span::Hour).await.contains(&row(100 * 24 + 23, issued(9))));
    assert!(usage(&world, Span::Day).await.contains(&row(100, issued(16))));
}

#[tokio::test]
async fn counts_are_forgotten_by_their_age_and_their_sums_stay() {
    let world = World::new().await;
    let day = 100 * 24 * 60;
    world.commit([count(day + 90, Tallied::Verified, 3)]).await.unwrap();
    let sizes = async || {
        let mut sizes = Vec::new();
        for span in [Span::Minute, Span::Hour, Span::Day] {
            sizes.push(usage(&world, span).await.len());
        }
        sizes
    };
    for (days, expected) in
        [(1, [1, 1, 1]), (3, [0, 1, 1]), (60, [0, 1, 1]), (62, [0, 0, 1]), (730, [0, 0, 1])]
    {
        roll_up(&world, 0, day + days * 24 * 60 + 5).await;
        assert_eq!(sizes().await, expected, "after {days} days");
    }
    assert_eq!(usage(&world, Span::Day).await, [(100, "verified".to_owned(), 3)], "no sum became smaller");
    roll_up(&world, 0, day + 731 * 24 * 60).await;
    assert_eq!(sizes().await, [0, 0, 0]);
}

#[tokio::test]
async fn an_older_use_of_a_credential_never_replaces_a_newer_one() {
    let world = World::new().await;
    let key = ApiKeyId::from_bytes([9; 16]);
    let used = |credential, at, address| {
        Write::Record(Record::Use(LastUse { credential, at: UnixMillis(at), address }))
    };
    let secret = Used::Secret(APP, 2);
    for (at, address) in [(5, Some(HOME)), (9, None), (7, Some(HOME))] {
        world.commit([used(secret, at, address), used(Used::Key(key), at, address)]).await.unwrap();
    }
    for (subject, version) in [(MINE, 2), (Subject::Key(key), 0)] {
        let found = world.store.last_uses(subject).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].version, found[0].at, &found[0].address), (version, UnixMillis(9), &None));
    }
}

#[tokio::test]
async fn a_notice_is_one_row_a_day_and_forgotten_after_ninety() {
    let world = World::new().await;
    let day = Span::Day.seconds() * 1_000;
    let notice = |at| {
        let at = UnixMillis(at);
        Write::Record(Record::Notice(Notice {
            subject: MINE,
            presented_in: LIVE,
            belongs_to: TEST,
            at,
            address: HOME,
        }))
    };
    for at in [5, 7, 9, day + 1] {
        world.commit([notice(at)]).await.unwrap();
    }
    let found = world.store.notices(MINE).await.unwrap();
    let seen: Vec<_> =
        found.iter().map(|notice| (notice.first_seen_at.0, notice.last_seen_at.0, notice.count)).collect();
    assert_eq!(seen, [(day + 1, day + 1, 1), (5, 9, 3)]);
    roll_up(&world, 0, 91 * 24 * 60).await;
    assert_eq!(world.store.notices(MINE).await.unwrap().len(), 1);
}
