use grantor_core::authorize::interaction::Progress;
use grantor_core::authorize::request::{AuthorizationRequest, Prompt, ReplyTo, ResponseMode};
use grantor_core::id::InteractionId;
use grantor_core::interaction::Interaction;
use grantor_core::user::Evidence;

use super::*;

const ID: InteractionId = InteractionId::from_bytes([61; 16]);

fn request() -> AuthorizationRequest {
    AuthorizationRequest {
        client_id: "app-one".parse().unwrap(),
        reply_to: ReplyTo {
            redirect_uri: "https://app.example/back".to_owned(),
            redirect_uri_sent: true,
            mode: ResponseMode::FormPost,
            state: Some("state with \"quotes\" and \u{e9}".to_owned()),
        },
        api: Some(API),
        scopes: scopes("openid read"),
        challenge: Some("challenge".to_owned()),
        nonce: Some("nonce".to_owned()),
        prompt: Prompt { consent: true, ..Prompt::default() },
        max_age: Some(0),
        login_hint: Some("ann".to_owned()),
        expected_sub: Some("sub".to_owned()),
        ui_locales: vec!["de-AT".to_owned()],
        unmet_acr: true,
        claims: grant(1).login.claims,
        tenant_hint: Some(ACME),
    }
}

fn progress() -> Progress {
    let evidence =
        Evidence { user: ANN, epoch: 3, auth_time: NOW, amr: vec![Amr::Pwd], session: Some(SESSION) };
    Progress {
        evidence: Some(evidence),
        account_chosen: true,
        other_account: true,
        tenant: Some(ACME),
        consented: Some(scopes("openid")),
    }
}

fn interaction() -> Interaction {
    Interaction {
        id: ID,
        environment: LIVE,
        handle: hash(1),
        browser: hash(2),
        version: 1,
        request: Some(request()),
        progress: Progress::default(),
        created_at: NOW,
        expires_at: NOW.plus_seconds(1800),
    }
}

fn advance(from: i64) -> Write {
    Write::AdvanceInteraction { id: ID, from, progress: progress(), browser: hash(3) }
}

async fn with_interaction() -> World {
    let world = World::new().await;
    world.put(Write::InsertInteraction(Box::new(interaction()))).await;
    world
}

impl World {
    async fn interaction(&self) -> Option<Interaction> {
        self.store.interaction_by_handle(LIVE, hash(1).mac).await.unwrap()
    }
}

#[tokio::test]
async fn an_interaction_comes_back_with_every_field_by_its_handle() {
    let world = with_interaction().await;
    let (found, put) = (world.interaction().await.unwrap(), interaction());
    assert_eq!((found.id, found.environment, found.version), (put.id, put.environment, put.version));
    assert!(is_same(&found.handle, &put.handle) && is_same(&found.browser, &put.browser));
    assert_eq!((found.request, found.progress), (put.request, put.progress));
    assert_eq!((found.created_at, found.expires_at), (put.created_at, put.expires_at));
    // Neither the other half nor another environment finds it.
    assert!(world.store.interaction_by_handle(LIVE, hash(2).mac).await.unwrap().is_none());
    assert!(world.store.interaction_by_handle(TEST, hash(1).mac).await.unwrap().is_none());

    let id = InteractionId::from_bytes([62; 16]);
    let plain = Interaction { id, handle: hash(9), request: None, progress: progress(), ..interaction() };
    world.put(Write::InsertInteraction(Box::new(plain))).await;
    let found = world.store.interaction_by_handle(LIVE, hash(9).mac).await.unwrap().unwrap();
    assert_eq!((found.request, found.progress), (None, progress()));
}

#[tokio::test]
async fn two_pages_cannot_both_move_an_interaction_on() {
    let world = with_interaction().await;
    world.put(advance(1)).await;
    let found = world.interaction().await.unwrap();
    assert_eq!((found.version, found.progress), (2, progress()));
    assert!(is_same(&found.browser, &hash(3)) && is_same(&found.handle, &hash(1)));
    assert_eq!(world.commit([advance(1)]).await, Err(StoreError::Conflict));
    world.put(advance(2)).await;
    assert_eq!(world.interaction().await.unwrap().version, 3);
}

#[tokio::test]
async fn an_interaction_is_answered_once_and_only_as_it_was_looked_at() {
    let world = with_interaction().await;
    world.put(advance(1)).await;
    let end = |from| Write::EndInteraction { id: ID, from };
    assert_eq!(world.commit([end(1)]).await, Err(StoreError::Conflict));
    assert!(world.interaction().await.is_some());
    world.put(end(2)).await;
    assert!(world.interaction().await.is_none());
    assert_eq!(world.commit([end(2)]).await, Err(StoreError::Conflict));
    assert_eq!(world.commit([advance(2)]).await, Err(StoreError::Conflict));
}
