//! Client authentication: dated secrets, the state of app and tenant, public apps.
//!
//! D13, comparison in constant time, is held by types: neither `Secret` nor `SecretHash` can be compared with `==`
//! (their `compile_fail` examples show it), and `PepperRing::verify` is the one way.

use grantor_core::app::SecretVersion;
use grantor_core::client_auth::{Presented, authenticate};
use grantor_core::env::UnixMillis;
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::form::Form;
use grantor_core::id::TenantId;
use grantor_core::profile::ClientAuthMethod;
use grantor_core::secret::{CredentialType, PepperRing, Secret};
use grantor_core::tenant::Status;
use zeroize::Zeroizing;

use crate::facts::{NOW, SECRET, World, basic, id_only, peppers, post, secret_version};

fn outcome(world: &World, secret: Option<&str>, now: UnixMillis) -> Result<(), Denial> {
    let secret = secret.map(|text| Secret::presented(text.to_owned()));
    authenticate(&world.app, &world.tenant, secret.as_ref(), &peppers(), now).map(|_| ())
}

/// The reason of a refusal, after checking that the error is the one for all of them.
fn reason(world: &World, secret: Option<&str>) -> Option<Reason> {
    reason_at(world, secret, NOW)
}

fn reason_at(world: &World, secret: Option<&str>, now: UnixMillis) -> Option<Reason> {
    let denial = outcome(world, secret, now).err()?;
    assert_eq!(denial.error, OAuthError::InvalidClient);
    Some(denial.reason)
}

fn with_version(change: impl FnOnce(&mut SecretVersion)) -> World {
    let mut world = World::new();
    change(&mut world.app.secrets[0]);
    world
}

#[test]
fn the_right_secret_gives_the_app_and_its_tenant() {
    let world = World::new();
    let secret = Secret::presented(SECRET.to_owned());
    let client = authenticate(&world.app, &world.tenant, Some(&secret), &peppers(), NOW).ok().unwrap();
    assert_eq!((client.app().id, client.tenant().id), (world.app.id, world.tenant.id));
}

#[test]
fn d13_a_secret_that_is_almost_right_is_wrong() {
    let world = World::new();
    let almost = [
        &SECRET[..SECRET.len() - 1],
        &SECRET[1..],
        &format!("{SECRET} "),
        &format!(" {SECRET}"),
        &SECRET.to_uppercase(),
        &format!("{SECRET}\0"),
    ];
    for text in almost {
        assert_eq!(reason(&world, Some(text)), Some(Reason::SecretMismatch), "{text:?}");
    }
}

#[test]
fn a_version_begins_at_its_moment() {
    let world = with_version(|version| version.not_before = NOW);
    assert_eq!(reason_at(&world, Some(SECRET), UnixMillis(NOW.0 - 1)), Some(Reason::SecretExpired));
    assert_eq!(reason_at(&world, Some(SECRET), NOW), None);
}

#[test]
fn a_version_ceases_at_its_moment() {
    let world = with_version(|version| version.expires_at = Some(NOW));
    assert_eq!(reason_at(&world, Some(SECRET), UnixMillis(NOW.0 - 1)), None);
    assert_eq!(reason_at(&world, Some(SECRET), NOW), Some(Reason::SecretExpired));
}

#[test]
fn a_version_that_somebody_ended_is_dead_whatever_its_expiry_says() {
    let world = with_version(|version| {
        version.ended_at = Some(UnixMillis(NOW.0 - 1));
        version.expires_at = Some(NOW.plus_seconds(3_600));
    });
    assert_eq!(reason(&world, Some(SECRET)), Some(Reason::SecretExpired));
}

#[test]
fn two_versions_overlap_and_each_ends_for_itself() {
    let mut world = with_version(|version| version.expires_at = Some(NOW));
    world.app.secrets.push(SecretVersion { not_before: UnixMillis(NOW.0 - 10), ..secret_version(2, "new") });
    let at = |secret, millis| reason_at(&world, Some(secret), UnixMillis(NOW.0 + millis));
    assert_eq!((at(SECRET, -11), at("new", -11)), (None, Some(Reason::SecretExpired)));
    assert_eq!((at(SECRET, -10), at("new", -10)), (None, None), "both");
    assert_eq!((at(SECRET, 0), at("new", 0)), (Some(Reason::SecretExpired), None));
}

#[test]
fn an_app_without_versions_cannot_authenticate() {
    let mut world = World::new();
    world.app.secrets.clear();
    assert_eq!(reason(&world, Some(SECRET)), Some(Reason::SecretMismatch));
}

#[test]
fn a_hash_under_a_pepper_that_is_gone_verifies_nothing() {
    let world = World::new();
    let other = PepperRing::new(2, vec![(2, Zeroizing::new(vec![7; 32]))]).unwrap();
    let secret = Secret::presented(SECRET.to_owned());
    let outcome = authenticate(&world.app, &world.tenant, Some(&secret), &other, NOW);
    assert_eq!(outcome.err().map(|denial| denial.reason), Some(Reason::SecretMismatch));
}

#[test]
fn the_hash_of_another_kind_of_credential_is_no_client_secret() {
    let world = with_version(|version| version.hash = peppers().hash(CredentialType::ApiKey, SECRET));
    assert_eq!(reason(&world, Some(SECRET)), Some(Reason::SecretMismatch));
}

#[test]
fn a_suspended_or_closed_app_and_a_suspended_or_closed_tenant_are_refused() {
    type Close = fn(&mut World);
    let cases: [(Close, Reason); 4] = [
        (|w| w.app.status = Status::Suspended, Reason::AppSuspended),
        (|w| w.app.status = Status::Closed, Reason::AppDeleted),
        (|w| w.tenant.status = Status::Suspended, Reason::TenantSuspended),
        (|w| w.tenant.status = Status::Closed, Reason::TenantSuspended),
    ];
    for (close, expected) in cases {
        let mut world = World::new();
        close(&mut world);
        assert_eq!(reason(&world, Some(SECRET)), Some(expected));
        assert_eq!(
            reason(&world, Some("wrong")),
            Some(Reason::SecretMismatch),
            "the state is nobody's business without the secret"
        );
        world.app.auth_method = Some(ClientAuthMethod::None);
        assert_eq!(reason(&world, None), Some(expected), "a public app is held to it, too");
    }
}

#[test]
fn f13_a_tenant_that_is_not_the_apps_is_refused() {
    let mut world = World::new();
    world.tenant.id = TenantId::from_bytes([99; 16]);
    assert_eq!(reason(&world, Some(SECRET)), Some(Reason::TenantSuspended));
}

#[test]
fn d08_a_public_app_with_a_secret_is_refused_even_with_an_empty_or_the_right_one() {
    let mut world = World::new();
    world.app.auth_method = Some(ClientAuthMethod::None);
    for secret in ["", "wrong", SECRET] {
        assert_eq!(reason(&world, Some(secret)), Some(Reason::PublicClientWithSecret), "{secret:?}");
    }
    assert_eq!(reason(&world, None), None);
}

#[test]
fn d08_a_confidential_app_without_secret_is_refused() {
    let mut world = World::new();
    for method in [None, Some(ClientAuthMethod::ClientSecretBasic), Some(ClientAuthMethod::ClientSecretPost)]
    {
        world.app.auth_method = method;
        assert_eq!(reason(&world, None), Some(Reason::MissingClientAuth), "{method:?}");
    }
}

#[test]
fn d08_an_empty_secret_is_a_wrong_secret() {
    assert_eq!(reason(&World::new(), Some("")), Some(Reason::SecretMismatch));
}

#[test]
fn d08_an_empty_secret_in_the_body_does_not_become_a_public_client() {
    let form = Form::parse(b"client_id=acme&client_secret=").unwrap();
    let presented = Presented::read(std::iter::empty(), &form).ok().unwrap();
    assert_eq!(presented.method(), ClientAuthMethod::ClientSecretPost);
    let (_, secret) = presented.candidates().next().unwrap();
    let mut world = World::new();
    world.app.auth_method = Some(ClientAuthMethod::None);
    let outcome = authenticate(&world.app, &world.tenant, secret, &peppers(), NOW);
    assert_eq!(outcome.err().map(|denial| denial.reason), Some(Reason::PublicClientWithSecret));
}

#[test]
fn unknown_wrong_expired_and_suspended_look_the_same_from_outside() {
    let outside = |denial: Denial| (denial.error.code(), denial.error.status(), denial.description());
    let unknown = outside(Denial::new(OAuthError::InvalidClient, Reason::UnknownClient));
    let expired = with_version(|version| version.expires_at = Some(NOW));
    let mut suspended = World::new();
    suspended.app.status = Status::Suspended;
    let mut frozen = World::new();
    frozen.tenant.status = Status::Suspended;
    let mut public = World::new();
    public.app.auth_method = Some(ClientAuthMethod::None);
    let cases = [
        (&World::new(), Some("wrong")),
        (&World::new(), None),
        (&expired, Some(SECRET)),
        (&suspended, Some(SECRET)),
        (&frozen, Some(SECRET)),
        (&public, Some(SECRET)),
    ];
    for (index, (world, secret)) in cases.into_iter().enumerate() {
        assert_eq!(outcome(world, secret, NOW).map_err(outside), Err(unknown), "case {index}");
    }
}

#[test]
fn a_way_of_authentication_needs_both_the_api_and_the_app() {
    use ClientAuthMethod::{ClientSecretBasic as Basic, ClientSecretPost as Post, None as Public};
    let mut world = World::new();
    let mut may = |presented: &Presented, own: Option<ClientAuthMethod>, api: &[ClientAuthMethod]| {
        world.app.auth_method = own;
        world.app.may_authenticate_by(presented.method(), api)
    };
    assert!(may(&basic(), None, &[Basic, Post]) && may(&post(), None, &[Basic, Post]));
    assert!(!may(&basic(), None, &[Post]) && !may(&post(), None, &[Basic]) && !may(&basic(), None, &[]));
    assert!(may(&basic(), Some(Basic), &[Basic, Post]) && !may(&basic(), Some(Post), &[Basic, Post]));
    assert!(!may(&basic(), Some(Basic), &[Post]), "the app cannot widen what the API takes");
    assert!(may(&id_only(), Some(Public), &[Public]) && !may(&id_only(), Some(Public), &[Basic]));
}
