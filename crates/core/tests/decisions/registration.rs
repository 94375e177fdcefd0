//! What an app may be, and what its next secret is.

use grantor_core::app::{App, MAX_SECRET_VERSIONS, SecretVersion};
use grantor_core::client_auth::authenticate;
use grantor_core::client_metadata::{ApplicationType, ClientMetadata, SubjectType};
use grantor_core::env::{Env, UnixMillis};
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::lifetime::Lifetime;
use grantor_core::name::ClientId;
use grantor_core::permission::Maker;
use grantor_core::profile::{ClientAuthMethod, GrantType};
use grantor_core::registration::{NewSecret, Registration, new_secret, register};
use grantor_core::secret::{Brand, CredentialType, Secret, Spelling, Stage};
use grantor_core::tenant::Status;
use grantor_jose::Algorithm;

use crate::facts::{NOW, Seeded, World, peppers, plain, refusal, refused, scopes, secret_version};
use crate::people::{CALLBACK, world_with_users};

/// A wish for an app at `payments` that leaves everything open.
fn wish(world: &World) -> Registration<'_> {
    Registration {
        client_id: None,
        name: "Acme".to_owned(),
        auth_method: None,
        grants: None,
        apis: vec![&world.apis[0]],
        metadata: ClientMetadata::default(),
        signing: &[Algorithm::Rs256, Algorithm::Es256],
        introspects: Vec::new(),
        scopes: None,
    }
}

fn registered(world: &World, wish: Registration<'_>) -> Result<App, Denial> {
    registered_from(1, world, wish)
}

fn registered_from(seed: u64, world: &World, wish: Registration<'_>) -> Result<App, Denial> {
    let mut rng = Seeded(seed);
    register(
        wish,
        Maker::Provider,
        (&world.tenant, &world.accesses),
        world.environment.id,
        &mut Env { now: NOW, rng: &mut rng },
    )
}

/// The refusal of a wish, after a change of it.
fn refusal_of(world: &World, change: impl FnOnce(&mut Registration<'_>)) -> Option<(OAuthError, Reason)> {
    let mut wish = wish(world);
    change(&mut wish);
    refused(registered(world, wish))
}

fn secret_for(app: &App, new: &NewSecret) -> Result<(Secret, SecretVersion), Denial> {
    let mut rng = Seeded(5);
    new_secret(app, new, &peppers(), (&Brand::default(), Stage::Test), &mut Env { now: NOW, rng: &mut rng })
}

const AT_ONCE: NewSecret = NewSecret { not_before: None, lifetime: None };

#[test]
fn without_wishes_an_app_gets_what_profile_and_access_allow_and_no_secret() {
    let mut world = World::new();
    world.payments().server_scopes = scopes("production/payments");
    let app = registered(&world, wish(&world)).ok().unwrap();
    assert_eq!(app.grants, [GrantType::ClientCredentials]);
    assert_eq!(app.scopes, scopes("production/payments read write not-in-app"));
    assert_eq!((app.environment, app.tenant), (world.environment.id, world.tenant.id));
    assert_eq!((app.status, app.epoch, app.created_at), (Status::Active, 0, NOW));
    assert_eq!((app.apis, app.introspects.len(), app.secrets.len()), (vec![world.apis[0].id], 0, 0));
    assert!(app.exposed_at.is_none() && app.auth_method.is_none());
}

#[test]
fn a_new_app_with_a_new_secret_gets_a_token_at_once() {
    let mut world = World::new();
    world.app = registered(&world, wish(&world)).ok().unwrap();
    let (secret, version) = secret_for(&world.app, &AT_ONCE).ok().unwrap();
    world.app.secrets = vec![version];
    assert!(authenticate(&world.app, &world.tenant, Some(&secret), &peppers(), NOW).is_ok());
    world.app.secrets.push(secret_version(2, crate::facts::SECRET));
    assert_eq!(world.grant(&plain()).unwrap().claims.client_id, world.app.client_id.as_str());
}

#[test]
fn s001_08_i10_a_chosen_client_id_is_taken_as_it_is() {
    let world = World::new();
    for chosen in ["acme", "Acme Corp", "acme@bank.example", "100%"] {
        let wish = Registration { client_id: Some(chosen.parse().unwrap()), ..wish(&world) };
        assert_eq!(registered(&world, wish).ok().unwrap().client_id.as_str(), chosen);
    }
}

#[test]
fn i10_a_reserved_id_does_not_parse_in_any_case_or_encoding() {
    for reserved in [
        "usr_1",
        "KEY_1",
        "Env_1",
        "%61pi_1",
        "o%70r_1",
        "%2574en_1",
        "GRANTOR",
        "grantor-admin",
        "https://a.example",
        "hTTp://a",
    ] {
        assert!(reserved.parse::<ClientId>().is_err(), "{reserved}");
    }
}

#[test]
fn i10_ids_that_a_person_or_http_basic_could_confuse_have_one_skeleton() {
    let skeleton = |text: &str| text.parse::<ClientId>().unwrap().skeleton();
    for twin in ["ACME CORP", "Acme+Corp", "acme%20corp", "%61cme corp", "acme%2520corp", "acme%2Bcorp"] {
        assert_eq!(skeleton(twin), skeleton("acme corp"), "{twin}");
    }
    for other in ["acmecorp", "acme-corp", "acme_corp", "acme corp2"] {
        assert_ne!(skeleton(other), skeleton("acme corp"), "{other}");
    }
}

#[test]
fn i10_a_generated_id_is_random_plain_and_its_own_skeleton() {
    let world = World::new();
    let generated = |seed| registered_from(seed, &world, wish(&world)).ok().unwrap();
    let (one, two) = (generated(1), generated(2));
    assert_ne!(one.client_id, two.client_id);
    assert_ne!(one.id, two.id);
    let text = one.client_id.as_str();
    assert!(text.starts_with("app-") && text.len() == 24, "{text}");
    assert_eq!(one.client_id.skeleton(), text);
}

#[test]
fn f12_scopes_beyond_the_access_are_refused() {
    let world = World::new();
    let not_allowed = refusal(OAuthError::InvalidScope, Reason::ScopeNotAllowed);
    for beyond in ["not-in-access", "not-in-api", "view", "read view"] {
        assert_eq!(refusal_of(&world, |wish| wish.scopes = Some(scopes(beyond))), not_allowed, "{beyond}");
    }
    let wish = Registration { scopes: Some(scopes("read")), ..wish(&world) };
    assert_eq!(registered(&world, wish).ok().unwrap().scopes, scopes("read"));
}

#[test]
fn an_api_without_access_is_refused_also_beside_one_with_access() {
    let mut world = World::new();
    world.accesses.pop();
    let missing = refusal(OAuthError::AccessDenied, Reason::AccessMissing);
    for apis in [vec![&world.apis[0], &world.apis[1]], vec![&world.apis[1]]] {
        let wish = Registration { apis, ..wish(&world) };
        assert_eq!(refused(registered(&world, wish)), missing);
    }
    world.accesses[0].tenant = grantor_core::id::TenantId::from_bytes([99; 16]);
    assert_eq!(refusal_of(&world, |_| ()), missing, "the access of another tenant is none");
}

#[test]
fn a_grant_that_no_api_of_the_app_has_on_is_refused() {
    let world = World::new();
    let malformed = refusal(OAuthError::InvalidRequest, Reason::Malformed);
    for grants in [vec![GrantType::Password], vec![GrantType::ClientCredentials, GrantType::RefreshToken]] {
        assert_eq!(refusal_of(&world, |wish| wish.grants = Some(grants)), malformed);
    }
    let introspector = refusal_of(&world, |wish| {
        wish.introspects = std::mem::take(&mut wish.apis);
        wish.grants = Some(vec![GrantType::ClientCredentials]);
    });
    assert_eq!(introspector, malformed, "the APIs that it is do not count");
}

#[test]
fn grants_that_are_not_built_are_no_default() {
    let mut world = World::new();
    world.payments_profile().grants.push(GrantType::Password);
    assert_eq!(registered(&world, wish(&world)).ok().unwrap().grants, [GrantType::ClientCredentials]);
}

#[test]
fn an_app_without_secret_cannot_have_client_credentials() {
    let world = World::new();
    let with = |grants: Option<Vec<GrantType>>| Registration {
        auth_method: Some(ClientAuthMethod::None),
        grants,
        ..wish(&world)
    };
    let asked = with(Some(vec![GrantType::ClientCredentials]));
    let malformed = refusal(OAuthError::InvalidRequest, Reason::Malformed);
    assert_eq!(refused(registered(&world, asked)), malformed);
    assert_eq!(refused(registered(&world, with(None))), malformed, "told now, not at its first token");
    assert_eq!(refused(registered(&world, with(Some(Vec::new())))), None);
}

/// What an app says that signs users in.
fn signs_in(redirect_uris: &[&str]) -> ClientMetadata {
    let redirect_uris = redirect_uris.iter().map(|uri| uri.parse().unwrap()).collect();
    ClientMetadata { redirect_uris, ..ClientMetadata::default() }
}

const CODE_AND_REFRESH: [GrantType; 2] = [GrantType::AuthorizationCode, GrantType::RefreshToken];

#[test]
fn the_code_grant_comes_with_redirect_uris_and_the_password_grant_by_its_name_alone() {
    let world = world_with_users();
    let grants = |metadata: ClientMetadata, grants: Option<Vec<GrantType>>| {
        registered(&world, Registration { metadata, grants, ..wish(&world) }).ok().unwrap().grants
    };
    assert_eq!(grants(ClientMetadata::default(), None), [GrantType::ClientCredentials]);
    let with_code = [GrantType::ClientCredentials, GrantType::AuthorizationCode, GrantType::RefreshToken];
    assert_eq!(grants(signs_in(&[CALLBACK]), None), with_code);
    assert_eq!(grants(ClientMetadata::default(), Some(vec![GrantType::Password])), [GrantType::Password]);
}

#[test]
fn the_code_grant_needs_a_redirect_uri() {
    let world = world_with_users();
    let asked = |wish: &mut Registration<'_>| wish.grants = Some(vec![GrantType::AuthorizationCode]);
    assert_eq!(refusal_of(&world, asked), refusal(OAuthError::InvalidRequest, Reason::Malformed));
}

#[test]
fn an_app_without_apis_may_sign_users_in_and_nothing_else() {
    let world = World::new();
    let only_users = |grants: Option<Vec<GrantType>>| {
        let wish = Registration {
            apis: Vec::new(),
            auth_method: Some(ClientAuthMethod::None),
            metadata: signs_in(&[CALLBACK]),
            grants,
            ..wish(&world)
        };
        registered(&world, wish).map(|app| app.grants)
    };
    assert_eq!(only_users(None), Ok(CODE_AND_REFRESH.to_vec()));
    let malformed = refusal(OAuthError::InvalidRequest, Reason::Malformed);
    for beyond in [GrantType::Password, GrantType::ClientCredentials] {
        assert_eq!(refused(only_users(Some(vec![beyond]))), malformed, "{}", beyond.as_str());
    }
}

#[test]
fn an_app_signs_users_in_only_where_the_environment_can_sign_what_it_wants() {
    let world = world_with_users();
    let with = |signing: &'static [Algorithm], change: fn(&mut ClientMetadata)| {
        refusal_of(&world, |wish| {
            wish.metadata = signs_in(&[CALLBACK]);
            wish.signing = signing;
            change(&mut wish.metadata);
        })
    };
    let malformed = refusal(OAuthError::InvalidRequest, Reason::Malformed);
    assert_eq!(with(&[Algorithm::Rs256], |_| ()), None);
    assert_eq!(with(&[], |_| ()), malformed);
    assert_eq!(with(&[Algorithm::Es256], |_| ()), malformed, "RS256 is the default");
    let es256: fn(&mut ClientMetadata) = |meta| meta.id_token_signed_response_alg = Algorithm::Es256;
    assert_eq!((with(&[Algorithm::Es256], es256), with(&[Algorithm::Rs256], es256)), (None, malformed));
    let userinfo: fn(&mut ClientMetadata) = |meta| meta.userinfo_signed_response_alg = Some(Algorithm::Es256);
    assert_eq!(with(&[Algorithm::Rs256], userinfo), malformed);
}

#[test]
fn metadata_that_contradicts_itself_is_refused() {
    let world = world_with_users();
    let malformed = refusal(OAuthError::InvalidRequest, Reason::Malformed);
    let with = |metadata: ClientMetadata| refusal_of(&world, |wish| wish.metadata = metadata);
    let pairwise = |uris: &[&str]| ClientMetadata { subject_type: SubjectType::Pairwise, ..signs_in(uris) };
    assert_eq!(with(pairwise(&[CALLBACK, "https://rp.test:8443/x"])), None);
    assert_eq!(with(pairwise(&[CALLBACK, "https://other.test/cb"])), malformed, "OpenID Connect Core 8.1");
    let native = signs_in(&["com.example.app:/callback"]);
    assert_eq!(with(native.clone()), malformed, "a private-use scheme is not of the web");
    assert_eq!(with(ClientMetadata { application_type: ApplicationType::Native, ..native }), None);
    assert_eq!(with(ClientMetadata { default_max_age: Some(-1), ..signs_in(&[CALLBACK]) }), malformed);
    assert_eq!(with(ClientMetadata { default_max_age: Some(0), ..signs_in(&[CALLBACK]) }), None);
    let many: Vec<String> = (0..51).map(|number| format!("https://rp.test/{number}")).collect();
    let uris: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!((with(signs_in(&uris[..50])), with(signs_in(&uris))), (None, malformed));
}

#[test]
fn an_app_needs_an_api_that_it_calls_or_is() {
    let world = World::new();
    let malformed = refusal(OAuthError::InvalidRequest, Reason::Malformed);
    assert_eq!(refusal_of(&world, |wish| wish.apis.clear()), malformed);
    let wish = Registration { apis: Vec::new(), introspects: vec![&world.apis[1]], ..wish(&world) };
    let api_itself = registered(&world, wish).ok().unwrap();
    assert_eq!(api_itself.introspects, [world.apis[1].id]);
    assert!(api_itself.apis.is_empty() && api_itself.grants.is_empty() && api_itself.scopes.is_empty());
}

#[test]
fn a_name_is_short_and_has_no_control_characters() {
    let world = World::new();
    let malformed = refusal(OAuthError::InvalidRequest, Reason::Malformed);
    assert_eq!(refusal_of(&world, |wish| wish.name = "n".repeat(200)), None);
    for bad in ["n".repeat(201), "a\nb".to_owned(), "a\0".to_owned(), "a\u{85}".to_owned()] {
        assert_eq!(refusal_of(&world, |wish| wish.name = bad.clone()), malformed, "{bad:?}");
    }
}

#[test]
fn a_new_secret_begins_now_has_no_end_and_is_stored_as_a_hash_only() {
    let (secret, version) = secret_for(&World::new().app, &AT_ONCE).ok().unwrap();
    let spelling = Spelling::parse(&Brand::default(), secret.reveal()).unwrap();
    assert_eq!((spelling.kind, spelling.stage), (CredentialType::ClientSecret, Stage::Test));
    assert!(peppers().verify(CredentialType::ClientSecret, secret.reveal(), &version.hash));
    assert_eq!((version.not_before, version.expires_at, version.ended_at), (NOW, None, None));
    assert!(version.last_four.len() == 4 && secret.reveal().ends_with(&version.last_four));
}

#[test]
fn the_life_of_a_secret_counts_from_its_beginning() {
    let later = NOW.plus_seconds(100);
    let new = NewSecret { not_before: Some(later), lifetime: Lifetime::from_seconds(50) };
    let (_, version) = secret_for(&World::new().app, &new).ok().unwrap();
    assert_eq!((version.not_before, version.expires_at), (later, Some(NOW.plus_seconds(150))));
    assert!(!version.is_usable(NOW) && version.is_usable(later) && !version.is_usable(NOW.plus_seconds(150)));
}

#[test]
fn versions_are_never_numbered_twice() {
    let mut app = World::new().app;
    app.secrets = vec![secret_version(4, "a"), secret_version(2, "b")];
    assert_eq!(secret_for(&app, &AT_ONCE).ok().unwrap().1.version, 5);
    app.secrets.clear();
    assert_eq!(secret_for(&app, &AT_ONCE).ok().unwrap().1.version, 1);
}

#[test]
fn ten_living_secrets_are_enough_and_ended_ones_do_not_count() {
    let mut app = World::new().app;
    app.secrets = (1..10).map(|version| secret_version(version, "x")).collect();
    assert_eq!(refused(secret_for(&app, &AT_ONCE)), None, "the tenth");
    app.secrets.push(SecretVersion { not_before: NOW.plus_seconds(1), ..secret_version(10, "x") });
    assert_eq!(app.secrets.len(), MAX_SECRET_VERSIONS);
    let full = refusal(OAuthError::InvalidRequest, Reason::Malformed);
    assert_eq!(refused(secret_for(&app, &AT_ONCE)), full, "one that has not begun is alive, too");
    app.secrets[0].ended_at = Some(UnixMillis(0));
    assert_eq!(refused(secret_for(&app, &AT_ONCE)), None, "ended");
    app.secrets[0].ended_at = None;
    app.secrets[0].expires_at = Some(NOW);
    assert_eq!(refused(secret_for(&app, &AT_ONCE)), None, "expired");
    app.secrets[0].expires_at = Some(UnixMillis(NOW.0 + 1));
    assert_eq!(refused(secret_for(&app, &AT_ONCE)), full);
}

#[test]
fn d08_a_public_app_gets_no_secret() {
    let mut app = World::new().app;
    app.auth_method = Some(ClientAuthMethod::None);
    assert_eq!(refused(secret_for(&app, &AT_ONCE)), refusal(OAuthError::InvalidRequest, Reason::Malformed));
}
