//! The string of a refresh token: what is read as one, and what makes its tag.

use grantor_core::env::Env;
use grantor_core::refresh_token::{RefreshToken, spell_refresh_token};
use grantor_core::secret::{Brand, CredentialType, PepperRing, Secret, Stage};
use zeroize::Zeroizing;

use crate::facts::{NOW, Seeded, environment, peppers};
use crate::people::{Attempt, spelled};

#[test]
fn c07_nothing_but_a_refresh_token_of_this_brand_and_stage_is_read_as_one() {
    let attempt = Attempt::refresh();
    let brand = Brand::default();
    let good = spell_refresh_token(&attempt.grant, 5, &peppers(), (&brand, Stage::Live));
    assert!(RefreshToken::parse(good.reveal(), &brand, Stage::Live).is_some());
    assert!(RefreshToken::parse(good.reveal(), &brand, Stage::Test).is_none());
    assert!(RefreshToken::parse(good.reveal(), &"other".parse().unwrap(), Stage::Live).is_none());
    let mut rng = Seeded(1);
    let mut env = Env { now: NOW, rng: &mut rng };
    for kind in CredentialType::ALL {
        let secret = Secret::generate(&brand, kind, Stage::Live, &mut env);
        assert!(RefreshToken::parse(secret.reveal(), &brand, Stage::Live).is_none(), "{}", kind.as_str());
    }
    for cut in [0, 1, 20, good.reveal().len() - 1] {
        assert!(RefreshToken::parse(&good.reveal()[..cut], &brand, Stage::Live).is_none(), "{cut}");
    }
    let again = spell_refresh_token(&attempt.grant, 5, &peppers(), (&brand, Stage::Live));
    assert_eq!(good.reveal(), again.reveal(), "the successor of a lost answer is the same string");
}

#[test]
fn a_tag_needs_the_key_the_row_and_the_environment() {
    let grant = Attempt::refresh().grant;
    let token = spelled(&grant, 5);
    assert!(token.is_genuine(&grant, &peppers()));
    let other_key = PepperRing::new(1, vec![(1, Zeroizing::new(vec![6; 32]))]).unwrap();
    assert!(!token.is_genuine(&grant, &other_key));
    let rotated = vec![(1, Zeroizing::new(vec![7; 32])), (2, Zeroizing::new(vec![6; 32]))];
    assert!(token.is_genuine(&grant, &PepperRing::new(2, rotated).unwrap()), "an old key still verifies");
    let mut elsewhere = grant.clone();
    elsewhere.environment = environment(9, "sandbox").id;
    assert!(!token.is_genuine(&elsewhere, &peppers()));
}
