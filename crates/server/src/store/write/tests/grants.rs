use grantor_core::grant::{Consent, EndReason};
use tokio::task::JoinSet;

use super::*;

const ONE: GrantId = GrantId::from_number(1);

fn redeem(generation: i64) -> Write {
    Write::RedeemCode { grant: ONE, generation, at: NOW.plus_seconds(30) }
}

fn advance(from: i64) -> Write {
    Write::AdvanceRefresh { grant: ONE, from, at: NOW.plus_seconds(40) }
}

fn end(reason: EndReason, seconds: i64) -> Write {
    Write::EndGrant { grant: ONE, reason, at: NOW.plus_seconds(seconds) }
}

async fn with_grant(grant: Grant) -> World {
    let world = World::new().await;
    world.put(insert_grant(grant)).await;
    world
}

/// Before every Grant that there is, newest first.
const NEWEST: GrantId = GrantId::from_number(i64::MAX);

#[tokio::test]
async fn a_grant_comes_back_with_every_field_by_id_and_by_code() {
    let world = with_grant(grant(1)).await;
    assert!(world.grant(ONE).await == grant(1));
    let by_code = world.store.grant_by_code(LIVE, hash(1).mac).await.unwrap();
    assert!(by_code == Some(grant(1)));
    assert!(world.store.grant_by_code(LIVE, hash(2).mac).await.unwrap().is_none());
    assert!(world.store.grant_by_code(TEST, hash(1).mac).await.unwrap().is_none());
    assert!(world.store.grant(TEST, ONE).await.unwrap().is_none());

    let bare = Grant {
        api: None,
        origin: GrantType::Password,
        login: GrantLogin {
            session: None,
            sid: None,
            nonce: None,
            claims: ClaimsRequest::default(),
            ..grant(2).login
        },
        ..active(2)
    };
    world.put(insert_grant(bare.clone())).await;
    assert!(world.grant(bare.id).await == bare);
    let list = world.store.grants_of_user(LIVE, ANN, NEWEST, 10).await.unwrap();
    assert!(list == [bare, grant(1)], "newest first");
    assert_eq!(world.store.grants_of_user(LIVE, ANN, NEWEST, 1).await.unwrap().len(), 1);
    assert!(world.store.grants_of_user(TEST, ANN, NEWEST, 10).await.unwrap().is_empty());
    assert!(world.store.grants_of_user(LIVE, BOB, NEWEST, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_code_is_redeemed_once_and_found_again_when_it_is_replayed() {
    let world = with_grant(grant(1)).await;
    world.put(redeem(1)).await;
    let expected =
        Grant { state: GrantState::Active, generation: 1, rotated_at: NOW.plus_seconds(30), ..grant(1) };
    assert!(world.grant(ONE).await == expected);
    assert_eq!(world.commit([redeem(1)]).await, Err(StoreError::Conflict));
    assert!(world.store.grant_by_code(LIVE, hash(1).mac).await.unwrap() == Some(expected));
}

#[tokio::test]
async fn the_hash_of_a_code_is_never_taken_twice() {
    let world = with_grant(grant(1)).await;
    let twin = Write::InsertGrant(Box::new(grant(2)), Some(hash(1)));
    assert_eq!(world.commit([twin]).await, Err(StoreError::Duplicate));
}

#[tokio::test]
async fn a_refresh_moves_on_only_from_the_generation_that_was_presented() {
    let world = with_grant(active(1)).await;
    world.put(advance(1)).await;
    let found = world.grant(ONE).await;
    assert_eq!((found.generation, found.rotated_at), (2, NOW.plus_seconds(40)));
    assert_eq!(world.commit([advance(1)]).await, Err(StoreError::Conflict));
    world.put(advance(2)).await;
    assert_eq!(world.grant(ONE).await.generation, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_32_refreshes_at_once_one_wins() {
    let world = with_grant(active(1)).await;
    let mut refreshes = JoinSet::new();
    for _ in 0..32 {
        let store = world.store.clone();
        refreshes.spawn(async move { store.commit(statements_of(&advance(1))).await });
    }
    let verdicts = refreshes.join_all().await;
    let won = verdicts.iter().filter(|verdict| verdict.is_ok()).count();
    let lost = verdicts.iter().filter(|verdict| **verdict == Err(StoreError::Conflict)).count();
    assert_eq!((won, lost), (1, 31));
    assert_eq!(world.grant(ONE).await.generation, 2);
}

#[tokio::test]
async fn a_grant_that_waits_for_its_code_is_not_refreshed_and_an_ended_one_does_nothing_more() {
    let world = with_grant(grant(1)).await;
    assert_eq!(world.commit([advance(5)]).await, Err(StoreError::Conflict));
    world.put(end(EndReason::CodeMisused, 1)).await;
    assert_eq!(world.commit([redeem(1)]).await, Err(StoreError::Conflict));
    assert_eq!(world.commit([advance(5)]).await, Err(StoreError::Conflict));
}

#[tokio::test]
async fn a_grant_ends_once_for_the_first_reason_and_raises_its_epoch_once() {
    let world = with_grant(active(1)).await;
    world.put(insert_grant(active(2))).await;
    world.put(end(EndReason::RefreshReused, 50)).await;
    world.put(end(EndReason::Revoked, 60)).await;
    let found = world.grant(ONE).await;
    let seen = (found.state, found.epoch, found.ended_reason);
    assert_eq!(seen, (GrantState::Ended, 5, Some(EndReason::RefreshReused)));
    assert_eq!(world.number(&ENDED_AT).await, Some(NOW.plus_seconds(50).0));
    assert!(world.grant(GrantId::from_number(2)).await == active(2));
}

#[tokio::test]
async fn every_reason_of_an_end_comes_back() {
    let world = World::new().await;
    for (number, reason) in (1..).zip(EndReason::ALL) {
        world.put(insert_grant(active(number))).await;
        let grant = GrantId::from_number(number);
        world.put(Write::EndGrant { grant, reason, at: NOW }).await;
        assert_eq!(world.grant(grant).await.ended_reason, Some(reason));
    }
}

#[tokio::test]
async fn a_consent_is_remembered_for_user_app_and_tenant_and_the_last_one_counts() {
    let world = World::new().await;
    let consent = |user, app, tenant, text| Consent {
        user,
        app,
        tenant,
        scopes: scopes(text),
        granted_at: NOW.plus_seconds(i64::try_from(text.len()).unwrap()),
    };
    let first = consent(ANN, APP, ACME, "read");
    let wider = consent(ANN, APP, ACME, "read write");
    let elsewhere = consent(ANN, APP, OTHER_TENANT, "read");
    let other_app = consent(ANN, OTHER_APP, ACME, "read");
    let bobs = consent(BOB, APP, ACME, "read");
    for consent in [&first, &wider, &elsewhere, &other_app, &bobs] {
        world.put(Write::PutConsent(consent.clone())).await;
    }
    assert_eq!(world.store.consents(ANN, APP).await.unwrap(), [wider.clone(), elsewhere.clone()]);
    let all = world.store.consents_of_user(LIVE, ANN).await.unwrap();
    assert_eq!(all, [wider, elsewhere, other_app.clone()]);
    assert_eq!(world.store.consents_of_user(TEST, ANN).await.unwrap(), []);
    world.put(Write::WithdrawConsent { user: ANN, app: APP, at: NOW }).await;
    assert_eq!(world.store.consents_of_user(LIVE, ANN).await.unwrap(), [other_app]);
    assert_eq!(world.store.consents(BOB, APP).await.unwrap(), [bobs]);
}

#[tokio::test]
async fn a_withdrawn_consent_ends_every_grant_of_that_app_by_that_user_and_no_other() {
    let world = World::new().await;
    world
        .commit([
            insert_grant(active(1)),
            insert_grant(grant(2)),
            insert_grant(Grant { tenant: OTHER_TENANT, ..active(3) }),
            insert_grant(Grant { app: OTHER_APP, ..active(4) }),
            insert_grant(Grant { user: BOB, ..active(5) }),
            insert_grant(active(6)),
            Write::EndGrant { grant: GrantId::from_number(6), reason: EndReason::Revoked, at: NOW },
        ])
        .await
        .unwrap();
    let withdraw = || Write::WithdrawConsent { user: ANN, app: APP, at: NOW.plus_seconds(70) };
    world.put(withdraw()).await;
    world.put(withdraw()).await;
    assert_eq!(world.number(&ENDED_AT).await, Some(NOW.plus_seconds(70).0));
    let withdrawn = (GrantState::Ended, 5, Some(EndReason::ConsentWithdrawn));
    let alive = (GrantState::Active, 4, None);
    let before = (GrantState::Ended, 5, Some(EndReason::Revoked));
    for (number, expected) in (1..).zip([withdrawn, withdrawn, withdrawn, alive, alive, before]) {
        let found = world.grant(GrantId::from_number(number)).await;
        assert_eq!((found.state, found.epoch, found.ended_reason), expected, "Grant {number}");
    }
}

#[tokio::test]
async fn one_read_gives_a_grant_with_its_user_and_its_session() {
    let world = with_grant(grant(1)).await;
    let ann = || world.store.user(LIVE, ANN);
    let (without, accepted) = world.store.refresh_facts(LIVE, ONE).await.unwrap().unwrap();
    assert!(accepted.is_empty());
    assert!(without.grant == grant(1) && without.session.is_none());
    assert_eq!(without.user.id, ANN);

    world.put(Write::InsertSession(session(), hash(9))).await;
    let by_code = world.store.code_facts(LIVE, hash(1).mac).await.unwrap().unwrap();
    let (by_id, _) = world.store.refresh_facts(LIVE, ONE).await.unwrap().unwrap();
    for found in [by_code, by_id] {
        assert!(found.grant == grant(1));
        assert_eq!(found.session, Some(session()));
        let user = ann().await.unwrap().unwrap();
        assert_eq!(found.user.email.as_str(), user.email.as_str());
        assert_eq!((found.user.epoch, found.user.updated_at), (user.epoch, user.updated_at));
    }
    assert!(world.store.code_facts(LIVE, hash(2).mac).await.unwrap().is_none());
    assert!(world.store.code_facts(TEST, hash(1).mac).await.unwrap().is_none());
    assert!(world.store.refresh_facts(TEST, ONE).await.unwrap().is_none());
}

#[tokio::test]
async fn what_does_not_parse_is_corrupt_and_never_a_default() {
    static BROKEN: [Sql; 6] = [
        Sql { name: "a", text: "UPDATE grants SET origin = 'implicit' WHERE id = 1" },
        Sql { name: "b", text: "UPDATE grants SET scopes = '' WHERE id = 1" },
        Sql { name: "c", text: "UPDATE grants SET code = '{}' WHERE id = 1" },
        Sql { name: "d", text: "UPDATE grants SET login = '{}' WHERE id = 1" },
        Sql { name: "e", text: "UPDATE grants SET ended_reason = 'whim' WHERE id = 1" },
        Sql { name: "f", text: "UPDATE grants SET nonce = X'00' WHERE id = 1" },
    ];
    for sql in &BROKEN {
        let world = with_grant(grant(1)).await;
        assert!(world.store.grant(LIVE, ONE).await.is_ok());
        world.run(sql).await;
        let read = world.store.grant(LIVE, ONE).await;
        assert!(matches!(read, Err(StoreError::Corrupt(_))), "{}", sql.text);
    }
}
