//! What are you building? The flow that fits, and never one that is off without saying so.

use grantor_core::profile::{ApiKeyPolicy, ClientAuthMethod, GrantType, Profile};
use grantor_core::recommendation::{AppKind, all, recommend};

use crate::facts::World;

fn profile(grants: &[GrantType], client_auth: &[ClientAuthMethod]) -> Profile {
    let mut world = World::new();
    let profile = world.payments_profile();
    profile.grants = grants.to_vec();
    profile.client_auth = client_auth.to_vec();
    profile.clone()
}

fn everything() -> Profile {
    profile(
        &[GrantType::ClientCredentials, GrantType::AuthorizationCode, GrantType::Password],
        &[ClientAuthMethod::ClientSecretPost, ClientAuthMethod::ClientSecretBasic, ClientAuthMethod::None],
    )
}

#[test]
fn s003_15_each_kind_of_app_has_its_flow() {
    use ClientAuthMethod::{ClientSecretBasic, None as NoSecret};
    use GrantType::{AuthorizationCode, ClientCredentials, Password};
    let profile = everything();
    let found: Vec<_> =
        all(&profile).into_iter().map(|one| (one.kind, one.grant, one.auth_method, one.pkce)).collect();
    let expected = [
        (AppKind::ServerProgram, ClientCredentials, ClientSecretBasic, false),
        (AppKind::WebApp, AuthorizationCode, ClientSecretBasic, true),
        (AppKind::SinglePageApp, AuthorizationCode, NoSecret, true),
        (AppKind::NativeApp, AuthorizationCode, NoSecret, true),
        (AppKind::CommandLineTool, AuthorizationCode, NoSecret, true),
        (AppKind::LegacyApp, Password, ClientSecretBasic, false),
    ];
    assert_eq!(found, expected);
    for one in all(&profile) {
        assert!(one.available && one.off.is_none() && one.instead.is_none() && !one.why.is_empty());
    }
}

#[test]
fn s003_15_a_flow_that_is_off_is_never_recommended_without_saying_so() {
    let methods =
        [ClientAuthMethod::ClientSecretBasic, ClientAuthMethod::ClientSecretPost, ClientAuthMethod::None];
    let grants = [GrantType::ClientCredentials, GrantType::AuthorizationCode, GrantType::Password];
    for bits in 0..64_u32 {
        let grants: Vec<_> =
            grants.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0).map(|(_, one)| *one).collect();
        let methods: Vec<_> =
            methods.iter().enumerate().filter(|(at, _)| bits & (8 << at) != 0).map(|(_, one)| *one).collect();
        let profile = profile(&grants, &methods);
        for one in all(&profile) {
            let on = grants.contains(&one.grant) && methods.contains(&one.auth_method);
            assert_eq!(one.available, on, "{:?} with {grants:?} and {methods:?}", one.kind);
            assert_eq!(one.off.is_some(), !on, "{:?} with {grants:?} and {methods:?}", one.kind);
            let instead = one.instead.map(|other| recommend(other, &profile));
            assert!(instead.is_none_or(|other| other.available), "nobody is sent to a closed door");
            assert!(on || !one.refresh);
        }
    }
}

#[test]
fn s003_15_a_secret_is_sent_in_the_way_that_the_api_takes() {
    let post = profile(&[GrantType::ClientCredentials], &[ClientAuthMethod::ClientSecretPost]);
    let one = recommend(AppKind::ServerProgram, &post);
    assert_eq!((one.auth_method, one.available), (ClientAuthMethod::ClientSecretPost, true));
    let browser = recommend(AppKind::SinglePageApp, &everything());
    assert_eq!(browser.auth_method, ClientAuthMethod::None, "a browser keeps no secret, whatever is on");
}

#[test]
fn s003_15_whoever_cannot_have_a_flow_is_told_what_can_be_built_instead() {
    let with_secret = profile(
        &[GrantType::AuthorizationCode, GrantType::ClientCredentials],
        &[ClientAuthMethod::ClientSecretBasic],
    );
    let instead = |kind| recommend(kind, &with_secret).instead;
    assert_eq!(instead(AppKind::SinglePageApp), Some(AppKind::WebApp));
    assert_eq!(instead(AppKind::LegacyApp), Some(AppKind::WebApp));
    assert_eq!(instead(AppKind::CommandLineTool), Some(AppKind::ServerProgram));
    assert_eq!(instead(AppKind::WebApp), None);
}

#[test]
fn refresh_tokens_and_keys_are_named_where_the_profile_has_them() {
    let mut profile = everything();
    assert!(!recommend(AppKind::WebApp, &profile).refresh);
    profile.refresh.grants = vec![GrantType::AuthorizationCode];
    assert!(recommend(AppKind::WebApp, &profile).refresh);
    assert!(!recommend(AppKind::LegacyApp, &profile).refresh, "not for this grant");
    assert!(recommend(AppKind::ServerProgram, &profile).also.is_none());
    profile.api_keys = ApiKeyPolicy::Provider;
    assert!(recommend(AppKind::ServerProgram, &profile).also.is_some());
    assert!(recommend(AppKind::WebApp, &profile).also.is_none(), "a key stands for no user");
}
