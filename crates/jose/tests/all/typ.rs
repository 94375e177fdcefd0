//! Types of token.

use grantor_jose::Type;

#[test]
fn a_type_matches_its_name_in_any_case_and_with_the_application_prefix() {
    for name in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
        assert!(Type::AccessToken.matches(name), "{name}");
    }
    for typ in Type::ALL {
        assert!(typ.matches(typ.as_str()));
        assert!(typ.matches(&format!("application/{}", typ.as_str())));
    }
}

#[test]
fn a_type_matches_nothing_that_only_resembles_it() {
    for name in [
        "",
        "jwt",
        "at+jwt ",
        " at+jwt",
        "at",
        "text/at+jwt",
        "application/application/at+jwt",
        "applicatioń/at+jwt",
    ] {
        assert!(!Type::AccessToken.matches(name), "{name}");
    }
}

#[test]
fn no_type_matches_the_name_of_another_type() {
    for a in Type::ALL {
        for b in Type::ALL {
            assert_eq!(a.matches(b.as_str()), a == b, "{a:?} {b:?}");
        }
    }
}

#[test]
fn a_missing_type_passes_only_where_no_explicit_type_is_required() {
    for typ in Type::ALL {
        let expected = matches!(typ, Type::Jwt | Type::ClientAuthentication);
        assert_eq!(typ.accepts(None), expected, "{typ:?}");
    }
}

#[test]
fn d09_a_client_assertion_may_be_untyped_but_not_of_another_type() {
    assert!(Type::ClientAuthentication.accepts(Some("JWT")));
    assert!(Type::ClientAuthentication.accepts(Some("client-authentication+jwt")));
    for other in ["at+jwt", "dpop+jwt", "oauth-authz-req+jwt", "logout+jwt", ""] {
        assert!(!Type::ClientAuthentication.accepts(Some(other)), "{other}");
    }
    assert!(!Type::Jwt.accepts(Some("client-authentication+jwt")));
}
