//! Which API is a token for? RFC 8707 2, then the scopes, the only API, the path.

use std::sync::Arc;

use grantor_core::api::{OPENID_SCOPES, Target, choose};
use grantor_core::error::{Denial, OAuthError, Reason};

use crate::facts::{PAYMENTS, REPORTS, World, profile, refusal, refused, scopes};

/// The name of the chosen API, for a request of scopes alone on a path that is nobody's alias.
fn by_scopes(world: &World, text: &str) -> Result<String, Denial> {
    chosen(world, &[], Some(text), "/nobody")
}

fn by_resources(world: &World, resources: &[&str]) -> Result<String, Denial> {
    chosen(world, resources, None, "/nobody")
}

fn by_path(world: &World, path: &str) -> Result<String, Denial> {
    chosen(world, &[], None, path)
}

fn chosen(world: &World, resources: &[&str], text: Option<&str>, path: &str) -> Result<String, Denial> {
    let resources: Vec<String> = resources.iter().map(|resource| (*resource).to_owned()).collect();
    let asked = text.map(scopes);
    let target = Target { resources: &resources, scopes: asked.as_ref(), path };
    choose(&target, &world.app, &world.apis).map(|api| api.name.to_string())
}

#[test]
fn a_resource_chooses_its_api_before_scopes_and_path() {
    let world = World::with_both_apis();
    assert_eq!(by_resources(&world, &[REPORTS]), Ok("reports".to_owned()));
    assert_eq!(by_resources(&world, &[PAYMENTS]), Ok("payments".to_owned()));
    assert_eq!(chosen(&world, &[REPORTS], Some("write"), "/payments/token"), Ok("reports".to_owned()));
}

#[test]
fn the_same_resource_twice_is_one_resource() {
    assert_eq!(by_resources(&World::with_both_apis(), &[REPORTS, REPORTS]), Ok("reports".to_owned()));
}

#[test]
fn two_different_resources_are_refused_in_either_order_and_behind_a_double() {
    let world = World::with_both_apis();
    for resources in [&[PAYMENTS, REPORTS][..], &[REPORTS, PAYMENTS], &[PAYMENTS, PAYMENTS, REPORTS]] {
        let outcome = by_resources(&world, resources);
        assert!(outcome.as_ref().is_err_and(|denial| denial.hint.is_some()), "the caller can mend it");
        assert_eq!(
            refused(outcome),
            refusal(OAuthError::InvalidTarget, Reason::AmbiguousApi),
            "{resources:?}"
        );
    }
}

#[test]
fn an_unknown_resource_is_refused_even_if_the_app_has_one_api_only() {
    let world = World::new();
    for unknown in [
        "https://nowhere.example",
        "https://payments.example/",
        "HTTPS://payments.example",
        "https://payments.example.evil",
    ] {
        assert_eq!(
            refused(by_resources(&world, &[unknown])),
            refusal(OAuthError::InvalidTarget, Reason::UnknownResource),
            "{unknown}"
        );
    }
}

#[test]
fn f13_a_resource_that_is_not_the_apps_is_refused_and_looks_like_an_unknown_one() {
    let world = World::new();
    let foreign = by_resources(&world, &[REPORTS]);
    assert_eq!(refused(foreign.clone()), refusal(OAuthError::InvalidTarget, Reason::ResourceNotAllowed));
    let outside = |outcome: Result<String, Denial>| {
        outcome.map_err(|denial| (denial.error, denial.description())).err()
    };
    assert_eq!(outside(foreign), outside(by_resources(&world, &["https://nowhere.example"])));
}

#[test]
fn the_only_api_needs_no_naming_on_any_path() {
    let world = World::new();
    assert_eq!(by_path(&world, "/nobody"), Ok("payments".to_owned()));
    assert_eq!(
        by_path(&world, "/reports/token"),
        Ok("payments".to_owned()),
        "the path of another API does not choose it"
    );
}

#[test]
fn an_app_without_apis_has_no_target() {
    let mut world = World::new();
    world.app.apis.clear();
    let none = refusal(OAuthError::InvalidTarget, Reason::NoApi);
    assert_eq!(refused(by_path(&world, "/payments/token")), none);
    assert_eq!(refused(by_scopes(&world, "openid")), none);
    assert_eq!(refused(by_scopes(&world, "read")), refusal(OAuthError::InvalidScope, Reason::UnknownScope));
}

#[test]
fn scopes_choose_the_one_api_that_knows_them_all() {
    let world = World::with_both_apis();
    assert_eq!(by_scopes(&world, "write"), Ok("payments".to_owned()));
    assert_eq!(by_scopes(&world, "view"), Ok("reports".to_owned()));
    assert_eq!(
        by_scopes(&world, "read write"),
        Ok("payments".to_owned()),
        "a scope that both know does not disturb"
    );
}

#[test]
fn scopes_that_the_server_adds_belong_to_their_api() {
    let mut world = World::with_both_apis();
    world.reports().server_scopes = scopes("production/reports");
    assert_eq!(by_scopes(&world, "production/reports"), Ok("reports".to_owned()));
}

#[test]
fn scopes_of_two_apis_are_refused_with_a_hint() {
    let outcome = by_scopes(&World::with_both_apis(), "write view");
    assert!(outcome.as_ref().is_err_and(|denial| denial.hint.is_some()));
    assert_eq!(refused(outcome), refusal(OAuthError::InvalidScope, Reason::ScopesOfTwoApis));
}

#[test]
fn an_unknown_scope_is_refused_alone_and_beside_a_known_one() {
    let world = World::with_both_apis();
    for text in ["nonsense", "read nonsense", "write view nonsense", "READ"] {
        assert_eq!(
            refused(by_scopes(&world, text)),
            refusal(OAuthError::InvalidScope, Reason::UnknownScope),
            "{text}"
        );
    }
}

#[test]
fn a_scope_of_an_api_that_is_not_the_apps_is_unknown_to_it() {
    assert_eq!(
        refused(by_scopes(&World::new(), "view")),
        refusal(OAuthError::InvalidScope, Reason::UnknownScope)
    );
}

#[test]
fn openid_scopes_do_not_count_when_an_api_is_chosen() {
    let world = World::with_both_apis();
    for scope in OPENID_SCOPES {
        assert_eq!(by_scopes(&world, &format!("view {scope}")), Ok("reports".to_owned()), "{scope}");
        assert_eq!(
            by_scopes(&World::new(), scope),
            Ok("payments".to_owned()),
            "{scope}: alone it is as good as none"
        );
    }
    assert_eq!(refused(by_scopes(&world, "openid")), refusal(OAuthError::InvalidTarget, Reason::NoApi));
}

#[test]
fn the_path_decides_between_several_apis() {
    let world = World::with_both_apis();
    assert_eq!(by_path(&world, "/payments/token"), Ok("payments".to_owned()));
    assert_eq!(by_path(&world, "/reports/token"), Ok("reports".to_owned()));
    assert_eq!(
        chosen(&world, &[], Some("read"), "/reports/token"),
        Ok("reports".to_owned()),
        "among those that the scopes leave"
    );
}

#[test]
fn an_alias_counts_as_much_as_the_canonical_path() {
    let mut world = World::with_both_apis();
    Arc::make_mut(&mut world.reports().profile).token_paths.extend(profile("/v2/token").token_paths);
    assert_eq!(by_path(&world, "/v2/token"), Ok("reports".to_owned()));
}

#[test]
fn the_path_does_not_overrule_the_scopes() {
    assert_eq!(
        chosen(&World::with_both_apis(), &[], Some("view"), "/payments/token"),
        Ok("reports".to_owned())
    );
}

#[test]
fn several_apis_on_one_path_are_ambiguous() {
    let mut world = World::with_both_apis();
    world.reports().profile = world.apis[0].profile.clone();
    let ambiguous = refusal(OAuthError::InvalidTarget, Reason::AmbiguousApi);
    assert_eq!(refused(by_path(&world, "/payments/token")), ambiguous);
    assert_eq!(refused(chosen(&world, &[], Some("read"), "/payments/token")), ambiguous);
}

#[test]
fn several_apis_and_a_path_of_none_of_them_leave_no_api() {
    let world = World::with_both_apis();
    let none = refusal(OAuthError::InvalidTarget, Reason::NoApi);
    assert_eq!(refused(by_path(&world, "/nobody")), none);
    assert_eq!(refused(by_path(&world, "/payments/token/")), none, "paths are compared whole");
    assert_eq!(refused(by_scopes(&world, "read")), none);
}
