//! The wire forms of refusals, and where a token may stand.

use http::header::AUTHORIZATION;

use super::*;

fn headers(values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn every_refusal() -> Vec<Refusal> {
    vec![
        Refusal::NoCredential,
        Refusal::WrongScheme,
        Refusal::MissingSpace,
        Refusal::MalformedToken,
        Refusal::InvalidToken,
        Refusal::TokenInQuery,
        Refusal::SeveralCredentials,
        Refusal::CredentialKind { accepts: vec![CredentialKind::User], sent: CredentialKind::Client },
        Refusal::MissingScope { needed: vec![vec!["a:read".into(), "b".into()]] },
        Refusal::UnknownPath,
        Refusal::OtherMethod { allow: vec!["GET".into()] },
        Refusal::TooManyCalls { retry_after: 7 },
        Refusal::Unavailable,
    ]
}

#[test]
fn s000_06_a_bearer_header_yields_its_token_whatever_the_case_of_the_scheme() {
    for (value, token) in [
        ("Bearer abc.def-_~+/", "abc.def-_~+/"),
        ("bearer abc", "abc"),
        ("BEARER NgXCXRKcMz0Yjw==", "NgXCXRKcMz0Yjw=="),
        ("Bearer  abc", "abc"),
        ("Bearer Bearer", "Bearer"),
    ] {
        assert_eq!(bearer(&headers(&[value]), None), Ok(token), "{value}");
        assert_eq!(bearer(&headers(&[value]), Some("a=1&token=x&my_access_token=y")), Ok(token));
    }
}

#[test]
fn a_header_that_is_not_bearer_is_refused_by_its_mistake() {
    for (value, refusal) in [
        ("Bearertoken", Refusal::MissingSpace),
        ("bearereyJ.a.b", Refusal::MissingSpace),
        ("Bearer\ttoken", Refusal::MissingSpace),
        ("Bearertoken more", Refusal::MissingSpace),
        ("Bearer:token", Refusal::MissingSpace),
        ("Basic abc", Refusal::WrongScheme),
        ("DPoP abc", Refusal::WrongScheme),
        ("abc", Refusal::WrongScheme),
        ("", Refusal::WrongScheme),
        ("Bear abc", Refusal::WrongScheme),
        ("Bearer ", Refusal::MalformedToken),
        ("Bearer ==", Refusal::MalformedToken),
        ("Bearer a b", Refusal::MalformedToken),
        ("Bearer a=b", Refusal::MalformedToken),
        ("Bearer \"abc\"", Refusal::MalformedToken),
        ("Bearer ab\u{e9}", Refusal::MalformedToken),
        ("Bearer abc, Bearer def", Refusal::SeveralCredentials),
    ] {
        assert_eq!(bearer(&headers(&[value]), None), Err(refusal), "{value:?}");
    }
    // "Bearer" alone: there is nothing that a space could separate.
    assert_eq!(bearer(&headers(&["Bearer"]), None), Err(Refusal::MalformedToken));
    assert!(
        Refusal::MissingSpace.description().contains("One space must stand between Bearer and the token")
    );
}

#[test]
fn s004_20_a_token_in_the_query_is_refused_even_beside_a_header() {
    for query in [
        "access_token=abc",
        "a=1&access_token=abc",
        "access%5Ftoken=abc",
        "access_token",
        "%61ccess_token=x&b",
    ] {
        assert_eq!(bearer(&headers(&[]), Some(query)), Err(Refusal::TokenInQuery), "{query}");
        assert_eq!(bearer(&headers(&["Bearer abc"]), Some(query)), Err(Refusal::SeveralCredentials));
    }
    for harmless in ["", "access_token2=x", "x=access_token", "Access_Token=x"] {
        assert_eq!(bearer(&headers(&[]), Some(harmless)), Err(Refusal::NoCredential), "{harmless}");
    }
}

#[test]
fn two_authorization_headers_are_refused_even_if_they_are_equal() {
    assert_eq!(bearer(&headers(&["Bearer a", "Bearer a"]), None), Err(Refusal::SeveralCredentials));
    assert_eq!(bearer(&headers(&["Basic a", "Bearer a"]), None), Err(Refusal::SeveralCredentials));
}

#[test]
fn s001_20_status_and_code_follow_the_bearer_rfc() {
    let seen: Vec<_> = every_refusal().iter().map(|r| (r.status().as_u16(), r.code())).collect();
    let expected = [
        (401, "invalid_token"),
        (401, "invalid_token"),
        (401, "invalid_token"),
        (401, "invalid_token"),
        (401, "invalid_token"),
        (400, "invalid_request"),
        (400, "invalid_request"),
        (403, "insufficient_scope"),
        (403, "insufficient_scope"),
        (404, "not_found"),
        (405, "method_not_allowed"),
        (429, "temporarily_unavailable"),
        (503, "temporarily_unavailable"),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_challenge_without_a_credential_has_no_error_attribute() {
    for refusal in [Refusal::NoCredential, Refusal::WrongScheme] {
        assert_eq!(refusal.challenge("payments").unwrap(), "Bearer realm=\"payments\"");
    }
    assert_eq!(
        Refusal::MissingSpace.challenge("payments").unwrap(),
        "Bearer realm=\"payments\", error=\"invalid_token\", \
         error_description=\"One space must stand between Bearer and the token.\""
    );
}

#[test]
fn a_missing_scope_is_named_in_header_and_body() {
    let one = Refusal::MissingScope { needed: vec![vec!["a:read".into(), "b".into()]] };
    assert!(one.challenge("r").unwrap().to_str().unwrap().ends_with(", scope=\"a:read b\""));
    assert_eq!(one.body()["scope"], "a:read b");
    assert_eq!(one.body().get("alternatives"), None);
    let two = Refusal::MissingScope { needed: vec![vec!["a".into()], vec!["b".into(), "c".into()]] };
    assert_eq!(two.body()["scope"], "a");
    assert_eq!(two.body()["alternatives"], json!(["a", "b c"]));
}

#[test]
fn the_body_of_a_wrong_kind_has_exactly_four_members() {
    let refusal = Refusal::CredentialKind {
        accepts: vec![CredentialKind::User, CredentialKind::ApiKey],
        sent: CredentialKind::Client,
    };
    assert_eq!(
        refusal.body(),
        json!({"error": "insufficient_scope", "reason": "credential_kind", "accepts": ["user", "api_key"], "sent": "client"})
    );
}

#[test]
fn no_challenge_can_be_broken_out_of_its_quotes() {
    let realm = "a\", error=\"x\\\r\nSet-Cookie: a\u{e9}";
    for refusal in every_refusal() {
        let Some(challenge) = refusal.challenge(realm) else {
            continue;
        };
        let text = challenge.to_str().unwrap();
        assert!(text.starts_with("Bearer realm=\"a, error=xSet-Cookie: a\""), "{text}");
        // name="value" pairs: splitting at quotes, every even piece is punctuation and names only.
        let outside: String = text.split('"').step_by(2).collect();
        assert!(outside.chars().all(|c| c.is_ascii_alphabetic() || " ,=_".contains(c)), "{outside}");
        assert_eq!(text.matches('"').count() % 2, 0);
    }
    for refusal in every_refusal() {
        assert_eq!(quotable(refusal.description()), refusal.description());
    }
}

#[test]
fn every_answer_is_json_and_not_to_be_stored() {
    for refusal in every_refusal() {
        let response: Response<String> = refusal.response("r");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        let body: Value = serde_json::from_str(response.body()).unwrap();
        assert_eq!(body["error"], refusal.code());
        let waits = matches!(response.status().as_u16(), 429 | 503);
        assert_eq!(response.headers().contains_key(RETRY_AFTER), waits);
        assert_eq!(response.headers().contains_key(ALLOW), response.status() == 405);
        let about_the_credential = matches!(response.status().as_u16(), 400 | 401 | 403);
        assert_eq!(response.headers().contains_key(WWW_AUTHENTICATE), about_the_credential, "{refusal:?}");
    }
}
