//! RFC 7009: only the app itself gives its token back, and nobody else learns whether there is one.

use grantor_core::change::Change;
use grantor_core::claims::AccessClaims;
use grantor_core::decision::{Decision, Write};
use grantor_core::env::UnixMillis;
use grantor_core::id::EnvironmentId;
use grantor_core::revoke::revoke;

use crate::facts::{NOW, World, environment, plain};

fn claims() -> AccessClaims {
    World::new().grant(&plain()).unwrap().claims
}

/// An answer that changes nothing and tells nothing.
fn is_silent(decision: &Decision<()>) -> bool {
    decision.outcome == Ok(()) && decision.writes.is_empty() && decision.events.is_empty()
}

#[test]
fn an_app_revokes_its_own_token_until_the_token_would_have_ended() {
    let world = World::new();
    let claims = claims();
    let decision = revoke(Some(&claims), &world.app, &world.environment, NOW);
    assert_eq!(decision.outcome, Ok(()));
    let [Write::RevokeToken { environment, jti, expires_at }] = &decision.writes[..] else {
        panic!("exactly one revocation")
    };
    assert_eq!((*environment, jti, *expires_at), (world.environment.id, &claims.jti, claims.exp));
    let change =
        Change::Token { environment: world.environment.id, jti: claims.jti.clone(), expires_at: claims.exp };
    assert_eq!(decision.writes[0].change(), Some(change), "every node hears of it");
}

#[test]
fn the_audit_names_the_app_and_the_id_and_never_the_token() {
    let world = World::new();
    let claims = claims();
    let decision = revoke(Some(&claims), &world.app, &world.environment, NOW);
    let [event] = &decision.events[..] else { panic!("exactly one event") };
    assert_eq!((event.action, event.target.as_str()), ("token.revoke", world.app.id.to_string().as_str()));
    assert_eq!(event.detail.keys().collect::<Vec<_>>(), ["jti"]);
    assert_eq!(event.detail["jti"], claims.jti.as_str());
}

#[test]
fn f08_the_token_of_another_app_is_answered_alike_and_left_alone() {
    let mut world = World::new();
    world.app.client_id = "other".parse().unwrap();
    assert!(is_silent(&revoke(Some(&claims()), &world.app, &world.environment, NOW)));
}

#[test]
fn f08_the_subject_of_a_token_is_not_its_owner() {
    let world = World::new();
    let claims = AccessClaims { client_id: "other".into(), sub: "acme".into(), ..claims() };
    assert!(is_silent(&revoke(Some(&claims), &world.app, &world.environment, NOW)));
}

#[test]
fn what_is_no_token_is_answered_alike() {
    let world = World::new();
    assert!(is_silent(&revoke(None, &world.app, &world.environment, NOW)));
}

#[test]
fn f13_a_token_of_another_environment_is_left_alone_though_the_client_id_is_the_same() {
    let world = World::new();
    let sandbox = environment(9, "sandbox");
    assert!(is_silent(&revoke(Some(&claims()), &world.app, &sandbox, NOW)), "asked there");
    let foreign = AccessClaims { iss: sandbox.issuer.to_string(), ..claims() };
    assert!(is_silent(&revoke(Some(&foreign), &world.app, &world.environment, NOW)), "issued there");
    let mut moved = World::new();
    moved.app.environment = EnvironmentId::from_bytes([9; 16]);
    assert!(is_silent(&revoke(Some(&claims()), &moved.app, &moved.environment, NOW)), "registered there");
}

#[test]
fn a_token_that_has_ended_needs_no_row() {
    let world = World::new();
    let claims = claims();
    let at = |now| revoke(Some(&claims), &world.app, &world.environment, now);
    assert!(is_silent(&at(UnixMillis(claims.exp * 1_000))));
    assert!(!is_silent(&at(UnixMillis(claims.exp * 1_000 - 1))));
}
