//! RFC 9068.

use grantor_jose::{Audience, TokenError, Type, at_jwt};

use super::forge::{AUDIENCE, ISSUER, NOW, claims, expect, forge, header, token, trusted};

fn refusal(change: &[(&str, &str)]) -> Option<TokenError> {
    let token = token(Type::AccessToken, &claims(change));
    at_jwt::verify(&token, &trusted(), &expect(Type::AccessToken)).err()
}

#[test]
fn f14_an_access_token_shows_all_its_claims() {
    let token = token(Type::AccessToken, &claims(&[("scope", r#""read write""#)]));
    let (claims, jwt) = at_jwt::verify(&token, &trusted(), &expect(Type::AccessToken)).unwrap();
    let expected = at_jwt::Claims {
        iss: ISSUER.to_owned(),
        sub: "user-1".to_owned(),
        aud: Audience::One(AUDIENCE.to_owned()),
        exp: NOW + 60,
        iat: NOW - 60,
        jti: "token-1".to_owned(),
        client_id: "app-1".to_owned(),
        scope: Some("read write".to_owned()),
    };
    assert_eq!(claims, expected);
    assert_eq!(jwt.header().typ.as_deref(), Some("at+jwt"));
    let written = serde_json::to_string(&expected).unwrap();
    assert_eq!(serde_json::from_str::<at_jwt::Claims>(&written).unwrap(), expected);
}

#[test]
fn f14_every_claim_that_rfc_9068_requires_must_be_there() {
    for name in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"] {
        assert_eq!(refusal(&[(name, "")]), Some(TokenError::BadClaims), "{name}");
    }
}

#[test]
fn an_empty_sub_jti_or_client_id_is_as_good_as_none() {
    for name in ["sub", "jti", "client_id"] {
        assert_eq!(refusal(&[(name, r#""""#)]), Some(TokenError::BadClaims), "{name}");
    }
}

#[test]
fn scope_may_be_missing_but_must_be_a_string() {
    assert_eq!(refusal(&[]), None);
    for bad in ["null", "1", r#"["read"]"#] {
        assert_eq!(refusal(&[("scope", bad)]), Some(TokenError::BadClaims), "{bad}");
    }
}

#[test]
fn a_doubled_client_id_or_scope_is_refused() {
    let good = claims(&[("scope", r#""read""#)]);
    let open = &good[..good.len() - 1];
    for double in [r#","client_id":"app-1"}"#, r#","scope":"read"}"#] {
        let token = token(Type::AccessToken, &format!("{open}{double}"));
        let refusal = at_jwt::verify(&token, &trusted(), &expect(Type::AccessToken)).err();
        assert_eq!(refusal, Some(TokenError::BadClaims), "{double}");
    }
}

#[test]
fn d09_no_other_token_passes_as_an_access_token_even_if_the_caller_expects_it() {
    for typ in Type::ALL.into_iter().filter(|typ| *typ != Type::AccessToken) {
        let refusal = at_jwt::verify(&token(typ, &claims(&[])), &trusted(), &expect(typ)).err();
        assert_eq!(refusal, Some(TokenError::WrongType), "{typ:?}");
    }
    let untyped = forge(&header(""), claims(&[]));
    let refusal = at_jwt::verify(&untyped, &trusted(), &expect(Type::Jwt)).err();
    assert_eq!(refusal, Some(TokenError::WrongType));
}

#[test]
fn the_long_form_of_the_type_is_accepted() {
    let token = forge(&header(r#","typ":"application/AT+jwt""#), claims(&[]));
    assert!(at_jwt::verify(&token, &trusted(), &expect(Type::AccessToken)).is_ok());
}

#[test]
fn issuer_audience_and_time_are_judged_as_for_every_jwt() {
    assert_eq!(refusal(&[("iss", r#""https://evil.example""#)]), Some(TokenError::WrongIssuer));
    assert_eq!(refusal(&[("aud", r#""https://evil.example""#)]), Some(TokenError::WrongAudience));
    assert_eq!(refusal(&[("exp", &NOW.to_string())]), Some(TokenError::Expired));
    assert_eq!(refusal(&[("nbf", &(NOW + 6).to_string())]), Some(TokenError::NotYetValid));
}
