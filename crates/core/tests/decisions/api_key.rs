//! What a new API key may be.

use std::sync::Arc;

use grantor_core::access::AccessStatus;
use grantor_core::api::Api;
use grantor_core::api_key::{KeyTerms, NewKey, terms};
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::lifetime::Lifetime;
use grantor_core::permission::Maker;
use grantor_core::profile::ApiKeyPolicy;
use grantor_core::tenant::Status;

use crate::facts::{NOW, World, refusal, refused, scopes};

/// Both APIs take keys.
fn world() -> World {
    let mut world = World::new();
    world.payments_profile().api_keys = ApiKeyPolicy::Provider;
    Arc::make_mut(&mut world.reports().profile).api_keys = ApiKeyPolicy::SelfService;
    world
}

fn asked(
    world: &World,
    apis: &[usize],
    text: Option<&str>,
    lifetime: Option<Lifetime>,
) -> Result<KeyTerms, Denial> {
    let apis: Vec<&Api> = apis.iter().map(|index| &*world.apis[*index]).collect();
    let asked = text.map(scopes);
    terms(
        &NewKey { apis: &apis, scopes: asked.as_ref(), lifetime },
        Maker::Provider,
        (&world.tenant, &world.accesses),
        &world.terms(NOW),
    )
}

#[test]
fn without_wishes_a_key_gets_what_access_and_api_agree_on_for_the_profiles_life() {
    let terms = asked(&world(), &[0], None, None).unwrap();
    assert_eq!(terms.scopes, scopes("read write not-in-app"));
    assert_eq!(terms.lifetime, Lifetime::hours(365 * 24));
}

#[test]
fn a_scope_beyond_access_or_api_is_refused() {
    let world = world();
    let not_allowed = refusal(OAuthError::InvalidScope, Reason::ScopeNotAllowed);
    for text in ["not-in-access", "not-in-api", "read view"] {
        assert_eq!(refused(asked(&world, &[0], Some(text), None)), not_allowed, "{text}");
    }
    assert_eq!(asked(&world, &[0], Some("read"), None).unwrap().scopes, scopes("read"));
    assert_eq!(asked(&world, &[0, 1], Some("read view"), None).unwrap().scopes, scopes("read view"));
}

#[test]
fn f13_access_to_one_api_does_not_open_a_scope_of_the_same_name_at_another() {
    let mut world = world();
    world.accesses[1].scopes = scopes("view");
    let not_allowed = refusal(OAuthError::InvalidScope, Reason::ScopeNotAllowed);
    assert_eq!(refused(asked(&world, &[0, 1], Some("read"), None)), not_allowed);
    assert_eq!(refused(asked(&world, &[1, 0], Some("read"), None)), not_allowed, "in either order");
    assert_eq!(
        asked(&world, &[0, 1], None, None).unwrap().scopes,
        scopes("write not-in-app view"),
        "nor by default"
    );
    world.payments().server_scopes = scopes("read");
    assert_eq!(
        refused(asked(&world, &[0, 1], None, None)),
        not_allowed,
        "nor because the server adds it at one"
    );
    world.reports().server_scopes = scopes("read");
    assert!(asked(&world, &[0, 1], None, None).is_ok(), "what both add is at both");
}

#[test]
fn scopes_of_the_server_are_added_though_nobody_asked() {
    let mut world = world();
    world.payments().server_scopes = scopes("production/payments");
    assert_eq!(asked(&world, &[0], Some("read"), None).unwrap().scopes, scopes("production/payments read"));
}

#[test]
fn an_api_without_keys_refuses_also_beside_one_that_has_them() {
    let mut world = world();
    Arc::make_mut(&mut world.reports().profile).api_keys = ApiKeyPolicy::Off;
    let no_keys = refusal(OAuthError::AccessDenied, Reason::NoSuchKeyType);
    assert_eq!(refused(asked(&world, &[0, 1], Some("read"), None)), no_keys);
    assert!(asked(&world, &[0], Some("read"), None).is_ok());
}

#[test]
fn a_key_needs_an_api_and_open_access_to_each() {
    let mut world = world();
    assert_eq!(refused(asked(&world, &[], None, None)), refusal(OAuthError::InvalidTarget, Reason::NoApi));
    world.accesses[1].status = AccessStatus::Suspended;
    assert_eq!(
        refused(asked(&world, &[0, 1], None, None)),
        refusal(OAuthError::AccessDenied, Reason::AccessNotActive)
    );
    world.accesses.pop();
    assert_eq!(
        refused(asked(&world, &[0, 1], None, None)),
        refusal(OAuthError::AccessDenied, Reason::AccessMissing)
    );
    world.tenant.status = Status::Suspended;
    assert_eq!(
        refused(asked(&world, &[0], None, None)),
        refusal(OAuthError::InvalidClient, Reason::TenantSuspended)
    );
}

#[test]
fn the_shortest_profile_limits_the_life() {
    let mut world = world();
    Arc::make_mut(&mut world.reports().profile).lifetimes.api_key = Lifetime::hours(1);
    assert_eq!(asked(&world, &[0, 1], None, None).unwrap().lifetime, Lifetime::hours(1));
    let exactly = asked(&world, &[0, 1], None, Some(Lifetime::hours(1)));
    assert_eq!(exactly.unwrap().lifetime, Lifetime::hours(1));
    let longer = asked(&world, &[0, 1], None, Lifetime::from_seconds(3_601));
    assert_eq!(refused(longer), refusal(OAuthError::InvalidRequest, Reason::Malformed));
    assert_eq!(asked(&world, &[0], None, Lifetime::from_seconds(7)).unwrap().lifetime.seconds(), 7);
}
