use grantor_core::grant::EndReason;

use super::*;

async fn with_session() -> World {
    let world = World::new().await;
    world.put(Write::InsertSession(session(), hash(1))).await;
    world
}

impl World {
    async fn session(&self) -> Session {
        self.store.session(LIVE, SESSION).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn a_session_comes_back_with_every_field_by_cookie_and_by_id() {
    let world = with_session().await;
    assert_eq!(world.session().await, session());
    assert_eq!(world.store.session_by_mac(LIVE, hash(1).mac).await.unwrap(), Some(session()));
    assert_eq!(world.store.session_by_mac(LIVE, hash(2).mac).await.unwrap(), None);
    assert_eq!(world.store.session_by_mac(TEST, hash(1).mac).await.unwrap(), None);
    assert_eq!(world.store.session(TEST, SESSION).await.unwrap(), None);
    let ended = Session { id: SessionId::from_bytes([52; 16]), ended_at: Some(NOW), ..session() };
    world.put(Write::InsertSession(ended.clone(), hash(2))).await;
    assert_eq!(world.store.session(LIVE, ended.id).await.unwrap(), Some(ended));
}

#[tokio::test]
async fn a_session_is_seen_later_never_earlier_and_not_after_its_end() {
    let world = with_session().await;
    let touch = |seconds| Write::TouchSession(SESSION, NOW.plus_seconds(seconds));
    world.put(touch(60)).await;
    world.put(touch(30)).await;
    assert_eq!(world.session().await.seen_at, NOW.plus_seconds(60));
    world.put(Write::EndSession(SESSION, NOW.plus_seconds(70))).await;
    world.put(touch(80)).await;
    assert_eq!(world.session().await.seen_at, NOW.plus_seconds(60));
}

#[tokio::test]
async fn a_renewed_session_answers_to_its_new_cookie_alone_and_keeps_what_apps_know() {
    let world = with_session().await;
    let later = Session {
        epoch: 4,
        sid: "another".to_owned(),
        auth_time: NOW.plus_seconds(100),
        seen_at: NOW.plus_seconds(101),
        ends_at: NOW.plus_seconds(5000),
        ..session()
    };
    world.put(Write::RenewSession(later.clone(), hash(2))).await;
    let kept = Session { sid: session().sid, ..later.clone() };
    assert_eq!(world.store.session_by_mac(LIVE, hash(1).mac).await.unwrap(), None);
    assert_eq!(world.store.session_by_mac(LIVE, hash(2).mac).await.unwrap(), Some(kept));

    let others = Session { user: BOB, ..later.clone() };
    assert_eq!(world.commit([Write::RenewSession(others, hash(3))]).await, Err(StoreError::Conflict));
    world.put(Write::EndSession(SESSION, NOW)).await;
    assert_eq!(world.commit([Write::RenewSession(later, hash(3))]).await, Err(StoreError::Conflict));
}

#[tokio::test]
async fn the_end_of_a_session_ends_the_grants_that_live_as_long_as_it_and_no_others() {
    let world = with_session().await;
    let other = SessionId::from_bytes([52; 16]);
    let elsewhere = || GrantLogin { session: Some(other), ..grant(0).login };
    world
        .commit([
            Write::InsertSession(Session { id: other, ..session() }, hash(2)),
            insert_grant(active(1)),
            insert_grant(grant(2)),
            insert_grant(Grant { scopes: scopes("openid offline_access"), ..active(3) }),
            insert_grant(Grant { scopes: scopes("read"), ..active(4) }),
            insert_grant(Grant { login: elsewhere(), ..active(5) }),
        ])
        .await
        .unwrap();
    let end = NOW.plus_seconds(10);
    world.put(Write::EndSession(SESSION, end)).await;
    world.put(Write::EndSession(SESSION, NOW.plus_seconds(20))).await;
    assert_eq!(world.session().await.ended_at, Some(end), "ending twice is once");
    assert_eq!(world.number(&ENDED_AT).await, Some(end.0));
    for (number, ends) in [(1, true), (2, true), (3, false), (4, false), (5, false)] {
        let found = world.grant(GrantId::from_number(number)).await;
        let seen = (found.state == GrantState::Ended, found.epoch, found.ended_reason);
        let expected = if ends { (true, 5, Some(EndReason::SessionEnded)) } else { (false, 4, None) };
        assert_eq!(seen, expected, "Grant {number}");
    }
    assert_eq!(world.store.session(LIVE, other).await.unwrap().unwrap().ended_at, None);
}
