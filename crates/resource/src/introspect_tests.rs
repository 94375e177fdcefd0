//! What an answer must say, and what keys the cache.

use serde_json::{Value, json};

use super::*;

const NOW: Duration = Duration::from_secs(1_000);

fn introspection(issuer: &str, audience: &str, cache: Duration) -> Introspection {
    Introspection::new(IntrospectOptions {
        endpoint: "http://127.0.0.1:9/introspect".into(),
        issuer: issuer.into(),
        audience: audience.into(),
        client_id: "api".into(),
        client_secret: "s".into(),
        cache,
    })
    .unwrap()
}

fn good() -> Value {
    json!({"active": true, "iss": "https://i", "aud": ["x", "https://api"], "credential_kind": "user", "sub": "u1",
        "client_id": "c1", "tid": "t1", "env": "production", "scope": "a b", "jti": "j1", "exp": 1_001})
}

fn judge(answer: Value) -> Result<Caller, &'static str> {
    let answer = serde_json::from_value(answer).unwrap();
    introspection("https://i", "https://api", Duration::ZERO).judge(answer, NOW)
}

#[test]
fn a_good_answer_becomes_a_caller_with_all_its_members() {
    let caller = judge(good()).unwrap();
    assert_eq!(
        caller,
        Caller {
            credential_kind: CredentialKind::User,
            subject: "u1".into(),
            client_id: Some("c1".into()),
            tenant: Some("t1".into()),
            environment: Some("production".into()),
            scope: "a b".into(),
            audience: vec!["x".into(), "https://api".into()],
            token_id: Some("j1".into()),
            expires_at: Some(1_001),
        }
    );
    assert!(caller.has_scope("b") && !caller.has_scope("c") && !caller.has_scope(""));
}

#[test]
fn f13_an_answer_for_someone_else_or_without_the_needed_members_is_no_caller() {
    for (member, value) in [
        ("active", json!(false)),
        ("iss", json!("https://i/")),
        ("iss", json!(null)),
        ("aud", json!(["x"])),
        ("aud", json!("https://api/")),
        ("aud", json!(null)),
        ("credential_kind", json!("admin")),
        ("credential_kind", json!(null)),
        ("sub", json!(null)),
        ("exp", json!(1_000)),
        ("exp", json!(-1)),
        ("cnf", json!({"jkt": "k"})),
    ] {
        let mut answer = good();
        answer[member] = value.clone();
        assert!(judge(answer).is_err(), "{member} = {value}");
    }
    let mut endless = good();
    endless["exp"] = json!(null);
    endless["aud"] = json!("https://api");
    assert!(judge(endless).is_ok());
}

#[test]
fn f06_the_cache_is_keyed_by_token_issuer_and_audience() {
    let key =
        |issuer: &str, audience: &str, token: &str| introspection(issuer, audience, NOW).cache_key(token);
    let one = key("https://i", "https://api", "t");
    assert_eq!(one, key("https://i", "https://api", "t"));
    assert_ne!(one, key("https://i", "https://api", "u"));
    assert_ne!(one, key("https://j", "https://api", "t"));
    assert_ne!(one, key("https://i", "https://apj", "t"));
    assert_ne!(key("https://ia", "pi", "t"), key("https://i", "api", "t"));
}

#[test]
fn a_kept_answer_ends_with_its_time_the_credential_or_a_clock_set_back() {
    let introspection = introspection("https://i", "https://api", Duration::from_millis(500));
    let kept = |expires_at| Kept { caller: Caller { expires_at, ..judge(good()).unwrap() }, asked_at: NOW };
    let later = |millis| NOW + Duration::from_millis(millis);
    assert!(introspection.may_use(&kept(None), NOW));
    assert!(introspection.may_use(&kept(None), later(499)));
    assert!(!introspection.may_use(&kept(None), later(500)));
    assert!(!introspection.may_use(&kept(Some(1_000)), NOW));
    assert!(introspection.may_use(&kept(Some(1_001)), NOW));
    assert!(!introspection.may_use(&kept(None), NOW - Duration::from_secs(1)));
}

#[test]
fn the_own_credentials_are_form_encoded_before_they_become_basic() {
    let value = basic("a:b c", &"p%+ä~".into());
    let sent = STANDARD.decode(value.to_str().unwrap().strip_prefix("Basic ").unwrap()).unwrap();
    assert_eq!(String::from_utf8(sent).unwrap(), "a%3Ab%20c:p%25%2B%C3%A4%7E");
    assert!(value.is_sensitive());
    assert!(!format!("{value:?}").contains("Basic"));
}
