//! Random histories of Grants against a model: issue, redeem, replay, refresh with any generation, revoke, suspend, resume,
//! withdraw scopes, wait.
//!
//! The decisions are the real ones; their writes are applied by an interpreter with the guards of the store.
//! `GRANTOR_HISTORIES` says how many histories are tried.

mod model;
mod real;

use grantor_core::scope::{Scope, ScopeSet};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::people::{OTHER_VERIFIER, VERIFIER};
use model::Model;
use real::Real;

/// Histories that are tried without `GRANTOR_HISTORIES`.
const HISTORIES: u32 = 5_000;
/// Milliseconds from the log-in to the end of a Grant, short so that histories reach it.
const MAX_AGE: i64 = 300_000;

/// What can be suspended, by number: two apps, two users, the tenant, its access.
const APP: usize = 0;
const USER: usize = 2;
const TENANT: usize = 4;
const ACCESS: usize = 5;
const SUBJECTS: usize = 6;

#[derive(Debug, Clone, Copy)]
enum By {
    Owner,
    Stranger,
}

#[derive(Debug, Clone)]
enum Step {
    /// A user allows an app some scopes.
    Issue {
        app: usize,
        user: usize,
        scopes: ScopeSet,
    },
    /// The code of a Grant is presented, for the first time or again.
    Redeem {
        grant: usize,
        by: By,
        verifier: &'static str,
    },
    /// A refresh token is presented, so many generations from the present one.
    Refresh {
        grant: usize,
        by: By,
        offset: i64,
        asked: Option<ScopeSet>,
    },
    /// Two nodes that see the same facts are handed the same present refresh token.
    Race {
        grant: usize,
    },
    /// A Grant is revoked.
    End {
        grant: usize,
    },
    Suspend {
        subject: usize,
    },
    Resume {
        subject: usize,
    },
    /// From now on the tenant's access allows these scopes.
    Allow {
        scopes: ScopeSet,
    },
    Wait {
        millis: i64,
    },
}

fn some_scopes() -> impl Strategy<Value = ScopeSet> {
    proptest::sample::subsequence(vec!["a", "b", "c", "openid"], 1..=4)
        .prop_map(|names| names.into_iter().filter_map(Scope::parse).collect::<Vec<_>>().into())
}

fn step() -> impl Strategy<Value = Step> {
    let grant = || 0..3_usize;
    let by = || prop_oneof![12 => Just(By::Owner), 1 => Just(By::Stranger)];
    let verifier = prop_oneof![12 => Just(VERIFIER), 1 => Just(OTHER_VERIFIER)];
    let offset = prop_oneof![8 => Just(0_i64), 4 => Just(-1), 1 => -4..=-2_i64, 1 => 1..=2_i64];
    let asked = proptest::option::weighted(0.3, some_scopes());
    let millis = proptest::sample::select(vec![1_i64, 4_000, 9_999, 10_000, 59_999, 60_000, 240_000]);
    prop_oneof![
        2 => (0..2_usize, 0..2_usize, some_scopes())
            .prop_map(|(app, user, scopes)| Step::Issue { app, user, scopes }),
        6 => (grant(), by(), verifier).prop_map(|(grant, by, verifier)| Step::Redeem { grant, by, verifier }),
        16 => (grant(), by(), offset, asked)
            .prop_map(|(grant, by, offset, asked)| Step::Refresh { grant, by, offset, asked }),
        2 => grant().prop_map(|grant| Step::Race { grant }),
        1 => grant().prop_map(|grant| Step::End { grant }),
        1 => (0..SUBJECTS).prop_map(|subject| Step::Suspend { subject }),
        4 => (0..SUBJECTS).prop_map(|subject| Step::Resume { subject }),
        1 => some_scopes().prop_map(|scopes| Step::Allow { scopes }),
        4 => millis.prop_map(|millis| Step::Wait { millis }),
    ]
}

#[expect(clippy::disallowed_methods, reason = "how long to try is said from outside")]
fn config() -> ProptestConfig {
    let asked = std::env::var("GRANTOR_HISTORIES").ok();
    let cases = asked.map_or(HISTORIES, |text| text.parse().expect("GRANTOR_HISTORIES is a number"));
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn b01_c01_c02_c06_c09_c11_histories_of_grants_follow_the_model(
        rotates in proptest::bool::weighted(0.9),
        steps in vec(step(), 1..40),
    ) {
        let mut real = Real::new(rotates);
        let mut model = Model::new(rotates);
        for step in steps {
            let got = real.take(&step);
            prop_assert_eq!(&got, &model.take(&step), "{:?}", step);
            for given in got.iter().flatten() {
                let granted = &model.lines[given.grant].scopes;
                prop_assert!(given.scopes.is_subset(granted), "{:?} never grows to {:?}", granted, given.scopes);
            }
        }
        for (index, line) in model.lines.iter().enumerate() {
            prop_assert_eq!(real.accepted(index), model.accepted(line), "generations of {}", index);
        }
        for ((grant, claims), alive) in real.tokens.iter().zip(&model.alive) {
            let line = &model.lines[*grant];
            prop_assert!(claims.exp * 1_000 <= line.issued_at + MAX_AGE, "no token outlives its Grant");
            let good = *alive && model.all_active(line) && model.now < claims.exp * 1_000;
            prop_assert_eq!(real.verifies(*grant, claims), good, "a token of {}", grant);
        }
    }
}

/// What somebody was given.
#[derive(Debug, PartialEq, Eq)]
struct Given {
    grant: usize,
    scopes: ScopeSet,
    refresh: i64,
}

/// What a step gave: nothing, a refusal, or tokens; two of them after a race.
type Told = Vec<Option<Given>>;
