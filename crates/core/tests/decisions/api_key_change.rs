//! API keys narrow, and rotate into keys that are no wider.

use grantor_core::access::AccessStatus;
use grantor_core::access::QuotaClass;
use grantor_core::address_list::AddressList;
use grantor_core::api::Api;
use grantor_core::api_key::ApiKey;
use grantor_core::api_key_change::{Holder, Narrowed, Narrowing, Rotated, Rotation, narrow, rotate};
use grantor_core::api_key_jwt::{KeyEpoch, draft};
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::id::ApiKeyId;
use grantor_core::introspect::judge_key;
use grantor_core::lifetime::Lifetime;
use grantor_core::permission::Maker;
use grantor_core::profile::ApiKeyFormat;
use grantor_core::tenant::Status;
use grantor_jose::Algorithm;
use std::sync::Arc;

use crate::facts::{NOW, World, refusal, refused, scopes};

const DAY: i64 = 86_400;

fn list(networks: &[&str]) -> AddressList {
    AddressList::new(networks.iter().map(|text| text.parse().unwrap()).collect()).unwrap()
}

/// A key for both APIs, made a day ago for ten.
fn key(world: &World) -> ApiKey {
    ApiKey {
        apis: world.apis.iter().map(|api| api.id).collect(),
        scopes: scopes("read write view"),
        addresses: Some(list(&["192.0.2.0/24"])),
        created_at: NOW.plus_seconds(-DAY),
        expires_at: NOW.plus_seconds(9 * DAY),
        ..world.key()
    }
}

fn own(world: &World) -> Vec<&Api> {
    world.apis.iter().map(AsRef::as_ref).collect()
}

fn narrowed(world: &World, wanted: Narrowing<'_>) -> Result<Narrowed, Denial> {
    narrow(&key(world), &wanted, &own(world), NOW)
}

fn rotated(world: &World, key: &ApiKey, rotation: Rotation<'_>) -> Result<Rotated, Denial> {
    let terms = world.terms(NOW);
    let holder =
        Holder { maker: Maker::Provider, tenant: &world.tenant, accesses: &world.accesses, terms: &terms };
    rotate(key, &rotation, &own(world), &holder, NOW)
}

#[test]
fn a_key_narrows_in_each_of_its_terms() {
    let world = World::with_keys();
    let to = narrowed(
        &world,
        Narrowing {
            apis: Some(vec![&world.apis[0]]),
            scopes: Some(scopes("read")),
            addresses: Some(list(&["192.0.2.7"])),
            quota: Some(QuotaClass::Trial),
            expires_at: Some(NOW.plus_seconds(DAY)),
        },
    );
    let expected = Narrowed {
        apis: vec![world.apis[0].id],
        scopes: scopes("read"),
        addresses: Some(list(&["192.0.2.7"])),
        quota: QuotaClass::Trial,
        expires_at: NOW.plus_seconds(DAY),
    };
    assert_eq!(to.unwrap(), expected);
}

#[test]
fn nothing_that_would_widen_a_key_is_done() {
    let world = World::with_keys();
    let foreign = World::with_keys().apis[1].clone();
    let mut elsewhere = (*foreign).clone();
    elsewhere.id = grantor_core::id::ApiId::from_bytes([77; 16]);
    let wider = [
        Narrowing { apis: Some(vec![&world.apis[0], &elsewhere]), ..Narrowing::default() },
        Narrowing { scopes: Some(scopes("read not-in-app")), ..Narrowing::default() },
        Narrowing { addresses: Some(list(&["192.0.2.0/24", "198.51.100.1"])), ..Narrowing::default() },
        Narrowing { addresses: Some(list(&["192.0.0.0/16"])), ..Narrowing::default() },
        Narrowing { quota: Some(QuotaClass::High), ..Narrowing::default() },
        Narrowing { expires_at: Some(NOW.plus_seconds(9 * DAY + 1)), ..Narrowing::default() },
    ];
    for (at, wanted) in wider.into_iter().enumerate() {
        let denial = refused(narrowed(&world, wanted));
        assert_eq!(denial, refusal(OAuthError::InvalidRequest, Reason::KeyWouldWiden), "{at}");
    }
}

#[test]
fn scopes_of_the_server_stay_and_those_of_a_lost_api_go() {
    let mut world = World::with_keys();
    world.payments().server_scopes = scopes("prod");
    let mut key = key(&world);
    key.scopes = scopes("read write view prod");
    let with = |wanted| narrow(&key, &wanted, &own(&world), NOW).unwrap().scopes;
    assert_eq!(with(Narrowing { scopes: Some(scopes("read")), ..Narrowing::default() }), scopes("read prod"));
    let one = Narrowing { apis: Some(vec![&world.apis[0]]), ..Narrowing::default() };
    assert_eq!(with(one), scopes("read write prod"), "view belongs to the other API alone");
    let none = Narrowing { apis: Some(Vec::new()), ..Narrowing::default() };
    assert!(narrow(&key, &none, &own(&world), NOW).is_err(), "a key opens at least one API");
}

#[test]
fn a_key_that_has_ended_neither_narrows_nor_rotates() {
    let world = World::with_keys();
    let dead = [ApiKey { status: Status::Closed, ..key(&world) }, ApiKey { expires_at: NOW, ..key(&world) }];
    for key in dead {
        assert!(narrow(&key, &Narrowing::default(), &own(&world), NOW).is_err());
        assert!(rotated(&world, &key, Rotation::default()).is_err());
    }
    let suspended = ApiKey { status: Status::Suspended, ..key(&world) };
    assert!(narrow(&suspended, &Narrowing::default(), &own(&world), NOW).is_ok());
    assert!(rotated(&world, &suspended, Rotation::default()).is_err());
    let past = Narrowing { expires_at: Some(NOW), ..Narrowing::default() };
    assert!(narrow(&key(&world), &past, &own(&world), NOW).is_err(), "that would be a revocation");
}

#[test]
fn k12_the_old_key_ends_after_the_overlap_and_never_later_than_it_would_have() {
    let world = World::with_keys();
    let ends = |overlap| rotated(&world, &key(&world), Rotation { overlap, ..Rotation::default() });
    assert_eq!(ends(0).unwrap().old_ends_at, NOW);
    assert_eq!(ends(3_600).unwrap().old_ends_at, NOW.plus_seconds(3_600));
    assert_eq!(
        ends(30 * DAY).unwrap().old_ends_at,
        NOW.plus_seconds(9 * DAY),
        "an overlap lengthens nothing"
    );
    assert_eq!(ends(i64::MAX).unwrap().old_ends_at, NOW.plus_seconds(9 * DAY));
    assert!(ends(-1).is_err());
    let old = ApiKey { replaced_by: Some(ApiKeyId::from_bytes([9; 16])), ..key(&world) };
    assert!(rotated(&world, &old, Rotation::default()).is_err(), "a key is rotated once");
}

#[test]
fn k12_a_successor_has_the_terms_of_the_old_key_or_narrower_ones() {
    let mut world = World::with_keys();
    let old = key(&world);
    let same = rotated(&world, &old, Rotation::default()).unwrap().successor;
    assert_eq!(
        (same.scopes, same.addresses, same.quota),
        (scopes("read write view"), old.addresses.clone(), old.quota)
    );
    assert_eq!(same.expires_at, NOW.plus_seconds(10 * DAY), "as long as the old one was");
    let narrowing = Narrowing { scopes: Some(scopes("read")), ..Narrowing::default() };
    let less = rotated(&world, &old, Rotation { narrowing, ..Rotation::default() });
    assert_eq!(less.unwrap().successor.scopes, scopes("read"));
    let narrowing = Narrowing { scopes: Some(scopes("read not-in-app")), ..Narrowing::default() };
    let more = rotated(&world, &old, Rotation { narrowing, ..Rotation::default() });
    assert_eq!(refused(more), refusal(OAuthError::InvalidRequest, Reason::KeyWouldWiden));
    // What the tenant lost since is not in the new key, and what it got since is not, either.
    world.accesses[0].scopes = scopes("read not-in-app");
    assert_eq!(rotated(&world, &old, Rotation::default()).unwrap().successor.scopes, scopes("read view"));
    world.accesses[0].status = AccessStatus::Suspended;
    assert!(rotated(&world, &old, Rotation::default()).is_err(), "a new key passes the gates of a new key");
}

#[test]
fn the_life_of_a_successor_is_never_longer_than_the_profile_allows() {
    let mut world = World::with_keys();
    world.payments_profile().lifetimes.api_key = Lifetime::hours(1);
    let old = key(&world);
    let made = rotated(&world, &old, Rotation::default()).unwrap();
    assert_eq!(made.successor.expires_at, NOW.plus_seconds(3_600));
    let longer = Rotation { lifetime: Some(Lifetime::hours(2)), ..Rotation::default() };
    assert!(rotated(&world, &old, longer).is_err());
}

#[test]
fn keys_are_signed_where_the_profile_says_so_and_never_in_two_forms() {
    let mut world = World::with_keys();
    assert_eq!(rotated(&world, &key(&world), Rotation::default()).unwrap().terms.signed, None);
    world.payments_profile().api_key_format = ApiKeyFormat::Jwt;
    let mixed = rotated(&world, &key(&world), Rotation::default());
    assert_eq!(refused(mixed), refusal(OAuthError::InvalidRequest, Reason::NoSuchKeyType));
    Arc::make_mut(&mut world.reports().profile).api_key_format = ApiKeyFormat::Jwt;
    let signed = rotated(&world, &key(&world), Rotation::default()).unwrap().terms.signed;
    assert_eq!(signed, Some(Algorithm::Es256));
}

#[test]
fn k10_a_key_with_addresses_is_good_from_those_alone_and_from_nowhere_unknown() {
    let world = World::with_keys();
    let key = key(&world);
    let from = |address: Option<&str>| {
        judge_key(&key, &world.subjects(0), address.map(|text| text.parse().unwrap()), NOW)
    };
    assert_eq!(from(Some("192.0.2.9")), Ok(()));
    assert_eq!(from(Some("::ffff:192.0.2.9")), Ok(()));
    for elsewhere in [Some("192.0.3.9"), Some("2001:db8::1"), None] {
        assert_eq!(from(elsewhere), Err(Reason::AddressNotAllowed), "{elsewhere:?}");
    }
    let free = ApiKey { addresses: None, ..key.clone() };
    assert_eq!(judge_key(&free, &world.subjects(0), None, NOW), Ok(()));
}

#[test]
fn claims_belong_to_one_row_one_signing_key_and_one_environment() {
    let world = World::with_keys();
    let row = ApiKey { signed_by: Some("kid-1".to_owned()), epoch: 2, ..key(&world) };
    let apis = own(&world);
    let claims = draft(&row, &world.environment, &apis);
    assert_eq!(claims.aud, ["https://payments.example", "https://reports.example"]);
    assert_eq!((claims.exp, claims.scope.as_str()), (row.expires_at.seconds(), "read view write"));
    assert!(claims.are_of(&row, "kid-1", &world.environment));
    assert!(!claims.are_of(&row, "kid-2", &world.environment), "another signing key");
    let others = [
        ApiKey { id: ApiKeyId::from_bytes([8; 16]), ..row.clone() },
        ApiKey { signed_by: None, ..row.clone() },
        ApiKey { tenant: grantor_core::id::TenantId::from_bytes([8; 16]), ..row.clone() },
        ApiKey { epoch: 1, ..row.clone() },
    ];
    for other in others {
        assert!(!claims.are_of(&other, "kid-1", &world.environment), "{other:?}");
    }
    let resumed = ApiKey { epoch: 3, ..row.clone() };
    assert!(claims.are_of(&resumed, "kid-1", &world.environment), "a key that was resumed works again");
    let mut elsewhere = world.environment.clone();
    elsewhere.name = "sandbox".parse().unwrap();
    assert!(!claims.are_of(&row, "kid-1", &elsewhere));
    assert_eq!(claims.rev, KeyEpoch { key: 2 });
}
