//! Subject identifiers (OpenID Connect Core 8).

use grantor_core::client_metadata::SubjectType;
use grantor_core::name::ClientId;
use grantor_core::subject::{PairwiseKey, subject};

use crate::facts::World;
use crate::people::{user, world_with_users};

fn key() -> PairwiseKey {
    PairwiseKey::new(&[3; 32])
}

fn pairwise(client_id: &str, redirect_uris: &[&str]) -> World {
    let mut world = world_with_users();
    world.app.client_id = client_id.parse().unwrap();
    world.app.metadata.subject_type = SubjectType::Pairwise;
    world.app.metadata.redirect_uris = redirect_uris.iter().map(|uri| uri.parse().unwrap()).collect();
    world
}

fn of(world: &World, number: u8) -> String {
    subject(user(number).id, &world.app, &key())
}

#[test]
fn a_public_subject_is_the_users_id_at_every_app() {
    let mut world = world_with_users();
    assert_eq!(of(&world, 5), user(5).id.to_string());
    world.app.client_id = "other".parse().unwrap();
    world.app.metadata.redirect_uris.clear();
    assert_eq!(of(&world, 5), user(5).id.to_string());
}

#[test]
fn apps_of_one_host_share_a_pairwise_subject_and_apps_of_two_hosts_do_not() {
    let one = pairwise("one", &["https://rp.test/cb", "https://rp.test:8443/other"]);
    let two = pairwise("two", &["https://rp.test/two"]);
    assert_eq!(of(&one, 5), of(&two, 5));
    for other in ["https://rp.test.evil.test/cb", "https://sub.rp.test/cb", "https://rp/cb"] {
        assert_ne!(of(&one, 5), of(&pairwise("one", &[other]), 5), "{other}");
    }
}

#[test]
fn a_pairwise_subject_tells_neither_the_user_nor_another_user() {
    let world = pairwise("one", &["https://rp.test/cb"]);
    assert_ne!(of(&world, 5), of(&world, 6));
    assert_ne!(of(&world, 5), user(5).id.to_string());
    assert_eq!(of(&world, 5), of(&world, 5));
    assert_ne!(of(&world, 5), subject(user(5).id, &world.app, &PairwiseKey::new(&[4; 32])));
}

#[test]
fn without_a_common_host_an_app_is_a_sector_of_its_own() {
    let hosts = ["https://rp.test/cb", "https://other.test/cb"];
    assert_ne!(of(&pairwise("one", &hosts), 5), of(&pairwise("two", &hosts), 5));
    assert_eq!(of(&pairwise("one", &hosts), 5), of(&pairwise("one", &[]), 5));
}

#[test]
fn rfc9700_4_15_no_client_id_can_be_a_subject() {
    for world in [world_with_users(), pairwise("one", &["https://rp.test/cb"])] {
        let sub = of(&world, 5);
        assert!(sub.starts_with("usr_") && sub.is_ascii() && sub.len() <= 255, "{sub}");
        assert!(sub.parse::<ClientId>().is_err(), "{sub}");
    }
}
