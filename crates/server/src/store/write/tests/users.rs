use grantor_core::decision::StatusChange;
use grantor_core::user::{Membership, Role};

use super::*;

/// Everything that a user holds, to be compared.
fn all(user: &User) -> impl PartialEq + std::fmt::Debug + use<> {
    let password = user.password.as_ref().map(|hash| hash.as_str().to_owned());
    let times = (user.email_verified_at, user.created_at, user.updated_at);
    // An address equals itself in other letters; here its spelling counts.
    let email = user.email.as_str().to_owned();
    (user.id, user.environment, email, user.name.clone(), password, user.status, user.epoch, times)
}

fn rehash(from: &str, to: &str) -> Write {
    let hash = |text: &str| PasswordHash::new(text.to_owned());
    Write::RehashPassword { user: ANN, from: hash(from), to: hash(to) }
}

#[tokio::test]
async fn a_user_comes_back_with_every_field_by_id_and_by_address() {
    let world = World::new().await;
    let full = user(ANN, "Ann@example.org");
    let found = world.store.user(LIVE, ANN).await.unwrap().unwrap();
    assert_eq!(all(&found), all(&full));
    let found = world.store.user_by_email(LIVE, "ann@example.org").await.unwrap().unwrap();
    assert_eq!(all(&found), all(&full));

    let id = UserId::from_bytes([43; 16]);
    let bare = User {
        email_verified_at: None,
        name: None,
        password: None,
        status: Status::Suspended,
        ..user(id, "bare@example.org")
    };
    world.put(Write::InsertUser(Box::new(bare.clone()))).await;
    assert_eq!(all(&world.store.user(LIVE, id).await.unwrap().unwrap()), all(&bare));
}

#[tokio::test]
async fn a_user_is_unknown_in_every_other_environment() {
    let world = World::new().await;
    assert!(world.store.user(TEST, ANN).await.unwrap().is_none());
    assert!(world.store.user_by_email(TEST, "ann@example.org").await.unwrap().is_none());
    assert!(world.store.users(TEST, "", 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_address_is_taken_once_in_an_environment_whatever_its_letters() {
    let world = World::new().await;
    let twin = User { id: UserId::from_bytes([43; 16]), ..user(ANN, "aNN@Example.org") };
    let taken = world.commit([Write::InsertUser(Box::new(twin.clone()))]).await;
    assert_eq!(taken, Err(StoreError::Duplicate));
    world.put(Write::InsertUser(Box::new(User { environment: TEST, ..twin }))).await;
}

#[tokio::test]
async fn users_are_listed_in_order_of_their_address_after_one() {
    let world = World::new().await;
    world.put(Write::InsertUser(Box::new(user(UserId::from_bytes([43; 16]), "Cat@example.org")))).await;
    let list = async |after: &str, limit| -> Vec<UserId> {
        world.store.users(LIVE, after, limit).await.unwrap().iter().map(|user| user.id).collect()
    };
    assert_eq!(list("", 2).await, [ANN, BOB]);
    assert_eq!(list("bob@example.org", 2).await, [UserId::from_bytes([43; 16])]);
}

#[tokio::test]
async fn leaving_active_raises_the_epoch_of_a_user_and_coming_back_does_not() {
    let world = World::new().await;
    let change = |from, to| Write::SetUserStatus(StatusChange { id: ANN, from, to });
    let now = async || {
        let user = world.store.user(LIVE, ANN).await.unwrap().unwrap();
        (user.status, user.epoch)
    };
    world.put(change(Status::Active, Status::Suspended)).await;
    assert_eq!(now().await, (Status::Suspended, 4));
    let late = world.commit([change(Status::Active, Status::Closed)]).await;
    assert_eq!(late, Err(StoreError::Conflict));
    world.put(change(Status::Suspended, Status::Active)).await;
    assert_eq!(now().await, (Status::Active, 4));
    assert_eq!(world.store.user(LIVE, BOB).await.unwrap().unwrap().epoch, 3);
}

#[tokio::test]
async fn a_dearer_hash_replaces_only_the_hash_that_was_verified() {
    let world = World::new().await;
    world.put(rehash("$argon2id$one", "$argon2id$two")).await;
    let late = world.commit([rehash("$argon2id$one", "$argon2id$three")]).await;
    assert_eq!(late, Err(StoreError::Conflict));
    let user = world.store.user(LIVE, ANN).await.unwrap().unwrap();
    assert_eq!(user.password.unwrap().as_str(), "$argon2id$two");
    let bob = world.store.user(LIVE, BOB).await.unwrap().unwrap();
    assert_eq!(bob.password.unwrap().as_str(), "$argon2id$one");
}

#[tokio::test]
async fn a_membership_is_made_changed_and_ended() {
    let world = World::new().await;
    let member = |user, tenant, roles: &[Role]| Membership { user, tenant, roles: roles.to_vec() };
    let first = member(ANN, ACME, &[Role::Viewer]);
    let changed = member(ANN, ACME, &[Role::Owner, Role::Developer]);
    let elsewhere = member(ANN, OTHER_TENANT, &[Role::Admin]);
    let bobs = member(BOB, ACME, &[Role::Admin]);
    for membership in [first, changed.clone(), elsewhere.clone(), bobs.clone()] {
        world.put(Write::PutMembership(membership)).await;
    }
    assert_eq!(world.store.memberships(ANN).await.unwrap(), [changed.clone(), elsewhere.clone()]);
    assert_eq!(world.store.members_of(LIVE, ACME).await.unwrap(), [changed, bobs.clone()]);
    assert_eq!(world.store.members_of(TEST, ACME).await.unwrap(), []);
    world.put(Write::RemoveMembership { user: ANN, tenant: ACME, at: NOW }).await;
    world.put(Write::RemoveMembership { user: ANN, tenant: ACME, at: NOW }).await;
    assert_eq!(world.store.memberships(ANN).await.unwrap(), [elsewhere]);
    assert_eq!(world.store.members_of(LIVE, ACME).await.unwrap(), [bobs]);
}

#[tokio::test]
async fn what_an_app_says_of_itself_comes_back_also_after_a_change() {
    let world = World::new().await;
    let mut app = app(APP, "app-one");
    let found = world.store.app(LIVE, &app.client_id).await.unwrap().unwrap();
    assert_eq!(found.metadata, ClientMetadata::default());
    app.metadata = serde_json::from_value(serde_json::json!({
        "redirect_uris": ["https://app.example/back", "com.example.app:/back"],
        "application_type": "native",
        "client_uri": "https://app.example/",
        "contacts": ["ann@example.org"],
        "default_max_age": 60,
        "require_auth_time": true,
        "tenancy": "members",
    }))
    .unwrap();
    app.exposed_at = Some(NOW);
    world.put(Write::ChangeApp(app.clone())).await;
    let found = world.store.app(LIVE, &app.client_id).await.unwrap().unwrap();
    assert_eq!(found.metadata, app.metadata);
    assert_eq!(found.exposed_at, None, "a change of the registration does not touch this");
    let mut second = App { id: AppId::from_bytes([33; 16]), ..app };
    second.client_id = "app-three".parse().unwrap();
    world.put(Write::InsertApp(second.clone())).await;
    let found = world.store.apps(LIVE, None, "app-one", 1).await.unwrap().remove(0);
    assert_eq!((found.metadata, found.exposed_at), (second.metadata, Some(NOW)));
}

#[tokio::test]
async fn a_password_is_set_whatever_it_was_and_its_moment_noted() {
    let world = World::new().await;
    let none = UserId::from_bytes([43; 16]);
    world.put(Write::InsertUser(Box::new(User { password: None, ..user(none, "bare@example.org") }))).await;
    let at = NOW.plus_seconds(5);
    for id in [ANN, none] {
        let to = PasswordHash::new("set".to_owned());
        world.put(Write::SetPassword { user: id, to, at }).await;
        let found = world.store.user(LIVE, id).await.unwrap().unwrap();
        assert_eq!(
            (found.password.unwrap().as_str(), found.updated_at, found.epoch),
            ("set", at, user(id, "a@b.test").epoch + 1)
        );
    }
    let unknown = UserId::from_bytes([99; 16]);
    let to = PasswordHash::new("set".to_owned());
    assert_eq!(world.commit([Write::SetPassword { user: unknown, to, at }]).await, Err(StoreError::Conflict));
}

#[tokio::test]
async fn an_app_is_found_by_its_row_in_its_environment_alone() {
    let world = World::new().await;
    let found = world.store.app_by_id(LIVE, APP).await.unwrap().unwrap();
    assert_eq!(found.client_id.as_str(), "app-one");
    assert!(world.store.app_by_id(TEST, APP).await.unwrap().is_none());
}
