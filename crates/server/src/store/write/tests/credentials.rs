//! Writes of keys and secrets that live on, of reminders and of cases: each guard against the second who comes.

use grantor_core::access::QuotaClass;
use grantor_core::address_list::AddressList;
use grantor_core::api_key::ApiKey;
use grantor_core::api_key_change::Narrowed;
use grantor_core::app::SecretVersion;
use grantor_core::case::{Case, CaseState, CaseSubject, CaseWrite};
use grantor_core::credential_write::{CredentialWrite, Reminded};
use grantor_core::decision::StatusChange;
use grantor_core::id::{ApiKeyId, CaseId};
use grantor_core::name::ClientId;
use grantor_core::user::{Membership, Role};

use super::*;

const KEY: ApiKeyId = ApiKeyId::from_bytes([91; 16]);
const NEXT: ApiKeyId = ApiKeyId::from_bytes([92; 16]);
const DAY: i64 = 86_400;

/// What an engine says of how it finds the keys that are due.
static PLAN: Sql = Sql {
    name: "plan_of_due_keys",
    text: "EXPLAIN QUERY PLAN SELECT id FROM api_keys WHERE remind_at <= 1 ORDER BY remind_at, id LIMIT 2",
};

fn at(seconds: i64) -> UnixMillis {
    NOW.plus_seconds(seconds)
}

fn key(id: ApiKeyId, signed_by: Option<&str>) -> ApiKey {
    ApiKey {
        id,
        environment: LIVE,
        tenant: ACME,
        name: "nightly".to_owned(),
        apis: vec![API],
        scopes: ScopeSet::parse("a b").unwrap(),
        status: Status::Active,
        epoch: 0,
        last_four: "abcd".to_owned(),
        created_at: NOW,
        expires_at: at(100 * DAY),
        revoked_reason: None,
        addresses: Some(list("192.0.2.0/24")),
        quota: QuotaClass::Trial,
        signed_by: signed_by.map(str::to_owned),
        replaced_by: None,
        revision: 0,
    }
}

fn list(network: &str) -> AddressList {
    AddressList::new(vec![network.parse().unwrap()]).unwrap()
}

fn narrowed(from: i64, ends: i64) -> Write {
    let to = Narrowed {
        apis: vec![API],
        scopes: ScopeSet::parse("a").unwrap(),
        addresses: Some(list("192.0.2.7")),
        quota: QuotaClass::Trial,
        expires_at: at(ends),
    };
    Write::Credential(CredentialWrite::NarrowApiKey {
        id: KEY,
        from,
        to: Box::new(to),
        remind_at: Some(at(5)),
    })
}

fn replaced(from: i64, ends: i64) -> Write {
    Write::Credential(CredentialWrite::ReplaceApiKey {
        id: KEY,
        from,
        by: NEXT,
        at: at(ends),
        remind_at: None,
    })
}

async fn with_key() -> World {
    let world = World::new().await;
    world.put(Write::InsertApiKey(key(KEY, None), hash(1))).await;
    world
}

impl World {
    async fn key(&self) -> ApiKey {
        self.store.api_key(LIVE, KEY).await.unwrap().unwrap()
    }

    async fn conflicts(&self, write: Write) -> bool {
        matches!(self.commit([write]).await, Err(StoreError::Conflict))
    }

    async fn due_at(&self, seconds: i64) -> Vec<Reminded> {
        let due = self.store.due_reminders(at(seconds), 10).await.unwrap();
        due.into_iter().filter(|row| row.alive).map(|row| row.of).collect()
    }

    async fn secret(&self, version: i64) -> SecretVersion {
        let app = self.store.app(LIVE, &"app-one".parse::<ClientId>().unwrap()).await.unwrap().unwrap();
        app.secrets.into_iter().find(|known| known.version == version).unwrap()
    }
}

#[tokio::test]
async fn a_key_is_read_as_it_was_written_and_narrowed_by_whoever_looked_last() {
    let world = with_key().await;
    assert_eq!(world.key().await, key(KEY, None));
    assert!(world.conflicts(narrowed(1, 50 * DAY)).await, "another revision");
    assert!(world.conflicts(narrowed(0, 100 * DAY + 1)).await, "a later end");
    world.put(narrowed(0, 50 * DAY)).await;
    let now = world.key().await;
    assert_eq!((now.scopes, now.addresses), (ScopeSet::parse("a").unwrap(), Some(list("192.0.2.7"))));
    assert_eq!((now.expires_at, now.revision), (at(50 * DAY), 1));
    assert!(world.conflicts(narrowed(0, 40 * DAY)).await, "somebody else was quicker");
    let closed = StatusChange { id: KEY, from: Status::Active, to: Status::Closed };
    world.put(Write::SetApiKeyStatus(closed, Some("gone".to_owned()))).await;
    assert!(world.conflicts(narrowed(1, 40 * DAY)).await, "a revoked key stays as it is");
}

#[tokio::test]
async fn k12_a_key_is_replaced_once_and_never_lives_longer_for_it() {
    let world = with_key().await;
    assert!(world.conflicts(replaced(0, 100 * DAY + 1)).await, "longer than it would have lived");
    assert!(world.conflicts(replaced(7, 60)).await, "another revision");
    world.put(replaced(0, 60)).await;
    let now = world.key().await;
    assert_eq!((now.expires_at, now.replaced_by, now.revision), (at(60), Some(NEXT), 1));
    for from in [0, 1] {
        assert!(world.conflicts(replaced(from, 50)).await, "{from}: twice");
    }
    let world = with_key().await;
    let suspended = StatusChange { id: KEY, from: Status::Active, to: Status::Suspended };
    world.put(Write::SetApiKeyStatus(suspended, None)).await;
    assert!(world.conflicts(replaced(0, 60)).await, "a suspended key");
}

#[tokio::test]
async fn a_reminder_is_noted_once_and_what_has_ended_has_none() {
    let world = with_key().await;
    assert!(world.due_at(70 * DAY - 1).await.is_empty());
    assert_eq!(world.due_at(70 * DAY).await, [Reminded::Key(KEY)]);
    let note = |from: i64, next: Option<i64>| {
        let of = Reminded::Key(KEY);
        Write::Credential(CredentialWrite::NoteReminder { of, from: at(from), next: next.map(at) })
    };
    world.put(note(70 * DAY, Some(93 * DAY))).await;
    assert!(world.conflicts(note(70 * DAY, Some(93 * DAY))).await, "the second node finds nothing");
    assert!(world.due_at(93 * DAY - 1).await.is_empty());
    assert_eq!(world.due_at(93 * DAY).await, [Reminded::Key(KEY)]);
    let closed = StatusChange { id: KEY, from: Status::Active, to: Status::Closed };
    world.put(Write::SetApiKeyStatus(closed, Some("gone".to_owned()))).await;
    assert!(world.store.due_reminders(at(99 * DAY), 10).await.unwrap().is_empty(), "not even a row");
}

#[tokio::test]
async fn what_is_due_is_found_by_its_index() {
    let world = with_key().await;
    let rows: Vec<Row> = world.store.query(&PLAN, vec![]).await.unwrap();
    let plan: Vec<&str> = rows.iter().map(|row| row.text(3).unwrap()).collect();
    assert!(plan.iter().any(|line| line.contains("USING INDEX api_keys_to_remind")), "{plan:?}");
    assert!(
        !plan.iter().any(|line| line.starts_with("SCAN api_keys") && !line.contains("INDEX")),
        "{plan:?}"
    );
}

#[tokio::test]
async fn a_secrets_end_is_lifted_only_while_the_rotation_that_set_it_lasts() {
    let secret = |version, expires_at| SecretVersion {
        version,
        hash: hash(9),
        last_four: "abcd".to_owned(),
        not_before: NOW,
        expires_at,
        ended_at: None,
        created_at: NOW,
        end_set_by: None,
        end_before: None,
    };
    let world = World::new().await;
    world.put(Write::InsertSecret(APP, secret(1, Some(at(500))))).await;
    world.put(Write::InsertSecret(APP, secret(2, None))).await;
    let ends = |version, seconds, by| Write::ScheduleSecretEnd {
        app: APP,
        version,
        at: at(seconds),
        by,
        remind_at: None,
    };
    let lifted = |version, now| {
        Write::Credential(CredentialWrite::LiftSecretEnd {
            app: APP,
            version,
            by: 3,
            at: at(now),
            remind_at: None,
        })
    };
    world.commit([ends(1, 100, Some(3)), ends(2, 100, Some(3))]).await.unwrap();
    let one = world.secret(1).await;
    assert_eq!((one.expires_at, one.end_before, one.end_set_by), (Some(at(100)), Some(at(500)), Some(3)));
    world.put(ends(1, 200, Some(4))).await;
    assert_eq!(world.secret(1).await.expires_at, Some(at(100)), "a later end changes nothing");
    assert_eq!(world.secret(1).await.end_set_by, Some(3));
    assert!(world.conflicts(lifted(1, 100)).await, "it has come");
    world.put(lifted(1, 99)).await;
    assert_eq!((world.secret(1).await.expires_at, world.secret(1).await.end_set_by), (Some(at(500)), None));
    assert!(world.conflicts(lifted(1, 99)).await, "once");
    world.put(Write::EndSecret { app: APP, version: 2, at: at(1) }).await;
    assert!(world.conflicts(lifted(2, 50)).await, "what was ended by hand never comes back");
    world.put(ends(1, 50, Some(3))).await;
    world.put(ends(1, 40, None)).await;
    assert!(world.conflicts(lifted(1, 10)).await, "a person chose this end");
    assert!(world.conflicts(ends(1, 45, None)).await, "and it comes no later");
}

#[tokio::test]
async fn a_case_is_open_once_for_each_key_and_closed_once() {
    let world = with_key().await;
    let case = |seed, subject| Case {
        id: CaseId::from_bytes([seed; 16]),
        tenant: ACME,
        environment: LIVE,
        subject,
        text: "End it.".to_owned(),
        state: CaseState::Open,
        opened_by: "user:ann".to_owned(),
        opened_at: NOW,
        closed_by: None,
        closed_at: None,
        answer: None,
    };
    let open = |case: &Case| Write::Case(CaseWrite::Open(Box::new(case.clone())));
    let first = case(1, CaseSubject::InvalidateKey(KEY));
    world.put(open(&first)).await;
    assert_eq!(world.store.case(LIVE, first.id).await.unwrap(), Some(first.clone()));
    assert_eq!(world.store.case(TEST, first.id).await.unwrap(), None, "in its environment alone");
    let second = case(2, CaseSubject::InvalidateKey(KEY));
    assert!(matches!(world.commit([open(&second)]).await, Err(StoreError::Duplicate)));
    world.commit([open(&case(3, CaseSubject::Other)), open(&case(4, CaseSubject::Other))]).await.unwrap();
    let done = Case {
        state: CaseState::Done,
        closed_by: Some("operator:bob".to_owned()),
        closed_at: Some(at(9)),
        answer: Some("Done.".to_owned()),
        ..first.clone()
    };
    let close = || Write::Case(CaseWrite::Close(Box::new(done.clone())));
    world.put(close()).await;
    assert_eq!(world.store.case(LIVE, first.id).await.unwrap(), Some(done.clone()));
    assert!(world.conflicts(close()).await, "once");
    world.put(open(&second)).await;
    let ids = |cases: Vec<Case>| cases.iter().map(|case| case.id.bytes()[0]).collect::<Vec<_>>();
    assert_eq!(ids(world.store.cases(LIVE, None, [2; 16], 10).await.unwrap()), [3, 4]);
    assert_eq!(ids(world.store.cases(LIVE, Some(ACME), [0; 16], 3).await.unwrap()), [1, 2, 3]);
    assert!(world.store.cases(LIVE, Some(OTHER_TENANT), [0; 16], 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_signing_key_is_asked_when_the_last_living_key_that_it_signed_ends() {
    let world = World::new().await;
    let last = || async { world.store.last_signed_api_key_end(LIVE, "kid").await.unwrap() };
    assert_eq!(last().await, UnixMillis(0));
    world.put(Write::InsertApiKey(key(KEY, Some("kid")), hash(1))).await;
    world.put(Write::InsertApiKey(key(NEXT, Some("another")), hash(2))).await;
    assert_eq!(last().await, at(100 * DAY));
    let closed = StatusChange { id: KEY, from: Status::Active, to: Status::Closed };
    world.put(Write::SetApiKeyStatus(closed, None)).await;
    assert_eq!(last().await, UnixMillis(0), "a revoked key needs no signature");
}

#[tokio::test]
async fn notices_go_to_verified_owners_and_administrators_of_the_environment() {
    let world = World::new().await;
    let member = |user, tenant, roles: &[Role]| {
        Write::PutMembership(Membership::new(user, tenant, roles.to_vec()).unwrap())
    };
    let told = |environment, tenant| {
        let store = world.store.clone();
        async move {
            let found = store.admin_addresses(environment, tenant, 10).await.unwrap();
            found.iter().map(|address| address.as_str().to_owned()).collect::<Vec<_>>()
        }
    };
    world.put(member(ANN, ACME, &[Role::Developer, Role::Viewer])).await;
    world.put(member(BOB, ACME, &[Role::Owner])).await;
    world.put(member(ANN, OTHER_TENANT, &[Role::Admin])).await;
    assert_eq!(told(LIVE, ACME).await, ["bob@example.org"]);
    assert_eq!(told(LIVE, OTHER_TENANT).await, ["Ann@example.org"]);
    assert!(told(TEST, ACME).await.is_empty());
    let suspended = StatusChange { id: BOB, from: Status::Active, to: Status::Suspended };
    world.put(Write::SetUserStatus(suspended)).await;
    assert!(told(LIVE, ACME).await.is_empty());
}
