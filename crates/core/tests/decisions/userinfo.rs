//! What is said about a user (OpenID Connect Core 5.1, 5.3.2, 5.4, 5.5).

use grantor_core::userinfo::{claims, scope_of};
use serde_json::{Value, json};

use crate::facts::scopes;
use crate::people::user;

fn said(scope: &str, asked: &[&str]) -> Value {
    let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
    Value::Object(claims(&user(5), &scopes(scope), &asked))
}

#[test]
fn each_scope_tells_its_claims_in_their_types() {
    assert_eq!(said("openid", &[]), json!({}));
    assert_eq!(said("openid email", &[]), json!({ "email": "ada@example.org", "email_verified": true }));
    assert_eq!(said("openid profile", &[]), json!({ "name": "Ada", "updated_at": 1_600_000_000 }));
    assert_eq!(said("openid address phone offline_access read", &[]), json!({}));
}

#[test]
fn a_claim_that_is_asked_for_by_name_brings_no_other() {
    for name in ["email", "email_verified", "name", "updated_at"] {
        assert!(scope_of(name).is_some(), "the user is asked for it all the same: {name}");
        let said = said("openid", &[name]);
        assert_eq!(said.as_object().unwrap().keys().collect::<Vec<_>>(), [name]);
    }
    assert_eq!(said("openid", &["sub", "password", "shoe_size"]), json!({}));
}

#[test]
fn what_is_not_known_is_left_out_and_what_is_not_proved_is_said_to_be_so() {
    let mut user = user(5);
    user.name = None;
    user.email_verified_at = None;
    let said = Value::Object(claims(&user, &scopes("email profile"), &["name".to_owned()]));
    let expected =
        json!({ "email": "ada@example.org", "email_verified": false, "updated_at": 1_600_000_000 });
    assert_eq!(said, expected);
}
