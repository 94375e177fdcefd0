//! Names of algorithms.

use grantor_jose::{Algorithm, TokenError};

#[test]
fn every_algorithm_has_the_same_name_as_text_and_as_json() {
    for (alg, name) in Algorithm::ALL.into_iter().zip(["RS256", "PS256", "ES256", "EdDSA"]) {
        assert_eq!(alg.as_str(), name);
        assert_eq!(name.parse(), Ok(alg));
        assert_eq!(serde_json::to_string(&alg).unwrap(), format!("{name:?}"));
        assert_eq!(serde_json::from_str::<Algorithm>(&format!("{name:?}")).unwrap(), alg);
    }
}

#[test]
fn a_name_in_another_case_or_of_another_algorithm_is_refused() {
    for name in ["rs256", "Es256", "EDDSA", "eddsa", "none", "HS256", "RS384", "ES256K", "", " ES256"] {
        assert_eq!(name.parse::<Algorithm>(), Err(TokenError::UnsupportedAlgorithm), "{name}");
        assert!(serde_json::from_str::<Algorithm>(&format!("{name:?}")).is_err(), "{name}");
    }
}
