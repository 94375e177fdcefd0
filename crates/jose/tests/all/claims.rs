//! Registered claims: types, issuer, audience, time.

use grantor_jose::jwt::{self, Expectations};
use grantor_jose::{Audience, TokenError, Type};

use super::forge::{AUDIENCE, ISSUER, NOW, claims, expect, forge, header, token, trusted};

fn verdict(payload: &str) -> Result<jwt::VerifiedJwt, TokenError> {
    jwt::verify(&token(Type::Jwt, payload), &trusted(), &expect(Type::Jwt))
}

fn refusal(change: &[(&str, &str)]) -> Option<TokenError> {
    verdict(&claims(change)).err()
}

#[test]
fn good_claims_pass_and_can_be_read() {
    #[derive(serde::Deserialize)]
    struct Own {
        tid: String,
    }
    let jwt = verdict(&claims(&[("tid", r#""tenant-1""#)])).unwrap();
    assert_eq!(jwt.registered().iss, ISSUER);
    assert_eq!(jwt.registered().sub.as_deref(), Some("user-1"));
    assert_eq!(jwt.registered().aud, Audience::One(AUDIENCE.to_owned()));
    assert_eq!(jwt.registered().exp, NOW + 60);
    assert_eq!(jwt.registered().iat, Some(NOW - 60));
    assert_eq!(jwt.registered().nbf, None);
    assert_eq!(jwt.registered().jti.as_deref(), Some("token-1"));
    assert_eq!(jwt.header().typ.as_deref(), Some("JWT"));
    assert_eq!(jwt.claims::<Own>().unwrap().tid, "tenant-1");
    #[derive(Debug, serde::Deserialize)]
    struct Other {
        #[expect(dead_code, reason = "only whether it can be read matters")]
        absent: String,
    }
    assert_eq!(jwt.claims::<Other>().unwrap_err(), TokenError::BadClaims);
}

#[test]
fn d06_times_that_are_no_integers_in_range_are_refused_and_not_treated_as_absent() {
    let far = (1_i64 << 53).to_string();
    for name in ["exp", "nbf", "iat"] {
        for bad in [
            r#""1800000060""#,
            "null",
            "-1",
            "-0",
            "1700000000.5",
            "1700000000.0",
            "1.7e9",
            "1e400",
            "true",
            "[1700000000]",
            "{}",
            &far,
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551615",
            "18446744073709551616",
        ] {
            assert_eq!(refusal(&[(name, bad)]), Some(TokenError::BadClaims), "{name} {bad}");
        }
    }
}

#[test]
fn the_largest_time_below_2_to_the_53_is_read() {
    let last = ((1_i64 << 53) - 1).to_string();
    assert_eq!(refusal(&[("exp", &last)]), None);
    assert_eq!(refusal(&[("nbf", "0"), ("iat", "0")]), None);
}

#[test]
fn d06_a_missing_exp_is_refused() {
    assert_eq!(refusal(&[("exp", "")]), Some(TokenError::BadClaims));
}

#[test]
fn iat_nbf_sub_and_jti_may_be_missing_from_a_plain_jwt() {
    assert_eq!(refusal(&[("iat", ""), ("nbf", ""), ("sub", ""), ("jti", "")]), None);
}

#[test]
fn iss_and_aud_are_required() {
    for name in ["iss", "aud"] {
        assert_eq!(refusal(&[(name, "")]), Some(TokenError::BadClaims), "{name}");
    }
}

#[test]
fn strings_of_another_type_are_refused() {
    for name in ["iss", "sub", "jti", "aud"] {
        for bad in ["null", "1", "true", "{}", "[1]", "[]", r#"["a",null]"#] {
            assert_eq!(refusal(&[(name, bad)]), Some(TokenError::BadClaims), "{name} {bad}");
        }
    }
}

#[test]
fn a_payload_that_is_not_one_json_object_is_refused() {
    let good = claims(&[]);
    let by_position = format!(r#"["{ISSUER}","user-1","{AUDIENCE}",{},{NOW},0,"token-1"]"#, NOW + 60);
    for bad in [
        "null",
        "\"{}\"",
        "[]",
        &by_position,
        &format!("[{good}]"),
        &format!("{good}{good}"),
        &format!("{good},"),
        &good[..good.len() - 1],
        &"[".repeat(4000),
    ] {
        assert_eq!(verdict(bad).err(), Some(TokenError::BadClaims), "{bad}");
    }
    let not_utf8 = forge(&header(r#","typ":"JWT""#), b"{\"iss\":\"\xff\"}");
    let refusal = jwt::verify(&not_utf8, &trusted(), &expect(Type::Jwt)).err();
    assert_eq!(refusal, Some(TokenError::BadClaims));
    assert!(verdict(&format!(" {good}\n")).is_ok());
}

#[test]
fn a_doubled_registered_claim_is_refused_even_when_escaped() {
    let good = claims(&[("nbf", "0")]);
    let open = &good[..good.len() - 1];
    for (name, value) in [
        ("iss", format!("{ISSUER:?}")),
        ("sub", r#""user-1""#.to_owned()),
        ("aud", format!("{AUDIENCE:?}")),
        ("exp", (NOW + 60).to_string()),
        ("iat", NOW.to_string()),
        ("nbf", "0".to_owned()),
        ("jti", r#""token-1""#.to_owned()),
        (r"e\u0078p", (NOW + 60).to_string()),
    ] {
        let doubled = format!(r#"{open},"{name}":{value}}}"#);
        assert_eq!(verdict(&doubled).err(), Some(TokenError::BadClaims), "{name}");
    }
}

#[test]
fn the_issuer_is_compared_byte_by_byte() {
    for iss in ["https://id.example.com/", "https://ID.example.com", "https://id.example.co", ""] {
        assert_eq!(refusal(&[("iss", &format!("{iss:?}"))]), Some(TokenError::WrongIssuer), "{iss}");
    }
}

#[test]
fn the_audience_must_be_the_one_or_among_the_many() {
    let list = format!(r#"["https://other.example","{AUDIENCE}"]"#);
    assert_eq!(refusal(&[("aud", &list)]), None);
    for aud in [
        r#""https://api.example.com/""#,
        r#""https://api.example""#,
        r#""https://API.example.com""#,
        r#""""#,
        r#"["https://other.example"]"#,
    ] {
        assert_eq!(refusal(&[("aud", aud)]), Some(TokenError::WrongAudience), "{aud}");
    }
}

#[test]
fn without_an_expected_audience_the_caller_decides() {
    let any = Expectations { audience: None, ..expect(Type::Jwt) };
    let token = token(Type::Jwt, &claims(&[("aud", r#""https://other.example""#)]));
    let jwt = jwt::verify(&token, &trusted(), &any).unwrap();
    assert!(jwt.registered().aud.contains("https://other.example"));
    assert!(!jwt.registered().aud.contains(AUDIENCE));
}

#[test]
fn only_a_plain_string_is_a_single_audience() {
    assert_eq!(Audience::One("a".to_owned()).single(), Some("a"));
    assert_eq!(Audience::Many(vec!["a".to_owned()]).single(), None);
}

#[test]
fn an_audience_is_written_in_the_form_in_which_it_was_read() {
    for json in [r#""a""#, r#"["a"]"#, r#"["a","b"]"#] {
        let aud: Audience = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&aud).unwrap(), json);
    }
}

#[test]
fn exp_gets_no_skew() {
    assert_eq!(refusal(&[("exp", &(NOW + 1).to_string())]), None);
    for exp in [NOW, NOW - 1, 0] {
        assert_eq!(refusal(&[("exp", &exp.to_string())]), Some(TokenError::Expired), "{exp}");
    }
}

#[test]
fn nbf_and_iat_may_be_in_the_future_by_the_skew_and_not_a_second_more() {
    for name in ["nbf", "iat"] {
        assert_eq!(refusal(&[(name, &(NOW + 5).to_string())]), None, "{name}");
        assert_eq!(refusal(&[(name, &(NOW + 6).to_string())]), Some(TokenError::NotYetValid), "{name}");
    }
}

#[test]
fn extreme_expectations_do_not_overflow() {
    let token = token(Type::Jwt, &claims(&[]));
    let late = Expectations { now: i64::MAX, skew: i64::MAX, ..expect(Type::Jwt) };
    assert_eq!(jwt::verify(&token, &trusted(), &late).err(), Some(TokenError::Expired));
    let lenient = Expectations { skew: i64::MAX, ..expect(Type::Jwt) };
    assert!(jwt::verify(&token, &trusted(), &lenient).is_ok());
    let early = Expectations { now: i64::MIN, skew: i64::MIN, ..expect(Type::Jwt) };
    assert_eq!(jwt::verify(&token, &trusted(), &early).err(), Some(TokenError::NotYetValid));
}

#[test]
fn d09_the_type_is_judged_before_the_claims() {
    let wrong = token(Type::LogoutToken, "not even JSON");
    let refusal = jwt::verify(&wrong, &trusted(), &expect(Type::AccessToken)).err();
    assert_eq!(refusal, Some(TokenError::WrongType));
}

#[test]
fn d09_a_token_of_one_type_never_passes_as_another() {
    for made in Type::ALL {
        for expected in Type::ALL {
            let verdict = jwt::verify(&token(made, &claims(&[])), &trusted(), &expect(expected));
            let passes = made == expected || (made == Type::Jwt && expected == Type::ClientAuthentication);
            assert_eq!(verdict.err(), (!passes).then_some(TokenError::WrongType), "{made:?} as {expected:?}");
        }
    }
}
