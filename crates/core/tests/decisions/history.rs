//! Properties over random facts, and random histories against a model of epochs.

use grantor_core::access::AccessStatus;
use grantor_core::api::ScopeDefinition;
use grantor_core::claims::AccessClaims;
use grantor_core::env::UnixMillis;
use grantor_core::error::Reason;
use grantor_core::id::AppId;
use grantor_core::introspect::{Revoked, judge_token};
use grantor_core::lifetime::Lifetime;
use grantor_core::scope::{Scope, ScopeSet};
use grantor_core::tenant::Status;
use grantor_core::token::TokenRequest;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::facts::{NOW, PAYMENTS, REPORTS, World, plain, suspend_access, targeting};

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Sets over six names only, so that they meet often.
fn some_scopes() -> impl Strategy<Value = ScopeSet> {
    proptest::sample::subsequence(vec!["a", "b", "c", "d", "e", "f"], 0..=6)
        .prop_map(|names| names.into_iter().filter_map(Scope::parse).collect::<Vec<_>>().into())
}

/// What API, access, app and server say about scopes.
#[derive(Debug, Clone)]
struct Allowances {
    api: ScopeSet,
    access: ScopeSet,
    app: ScopeSet,
    server: ScopeSet,
}

fn allowances() -> impl Strategy<Value = Allowances> {
    let sets = (some_scopes(), some_scopes(), some_scopes(), some_scopes());
    sets.prop_map(|(api, access, app, server)| Allowances { api, access, app, server })
}

impl Allowances {
    fn world(&self) -> World {
        let mut world = World::new();
        let define = |name: &Scope| ScopeDefinition {
            name: name.clone(),
            description: String::new(),
            required: false,
        };
        world.payments().scopes = self.api.iter().map(define).collect();
        world.payments().server_scopes = self.server.clone();
        world.accesses[0].scopes = self.access.clone();
        world.app.scopes = self.app.clone();
        world
    }

    /// The model: a scope may be in a token if the server adds it, or if all three allow it.
    fn allow(&self, scope: &Scope) -> bool {
        let by_all = [&self.api, &self.access, &self.app].into_iter().all(|set| set.contains(scope));
        by_all || self.server.contains(scope)
    }
}

proptest! {
    #![proptest_config(config(512))]

    #[test]
    fn f12_scope_never_grows(allowances in allowances(), asked in proptest::option::of(some_scopes())) {
        let request = TokenRequest { scopes: asked.clone(), ..targeting(&[PAYMENTS]) };
        let outcome = allowances.world().grant(&request);
        let may = asked.iter().flat_map(ScopeSet::iter).all(|scope| allowances.allow(scope));
        prop_assert_eq!(outcome.is_ok(), may, "exactly what is allowed is granted");
        let Ok(draft) = outcome else { return Ok(()) };
        let granted = ScopeSet::parse(&draft.claims.scope).unwrap();
        for scope in granted.iter() {
            prop_assert!(allowances.allow(scope), "{:?}", scope);
            let wanted = asked.as_ref().is_none_or(|asked| asked.contains(scope)) || allowances.server.contains(scope);
            prop_assert!(wanted, "nobody asked for {:?}", scope);
        }
        prop_assert!(allowances.server.is_subset(&granted), "the scopes of the server are in every token");
        let told = draft.scope.as_deref().map(|text| ScopeSet::parse(text).unwrap());
        prop_assert_eq!(told, asked.filter(|asked| *asked != granted).map(|_| granted), "RFC 6749 5.1");
    }

    #[test]
    fn n03_tokens_never_outlive_their_terms(
        profile in 1..=Lifetime::MAX_SECONDS,
        of_access in proptest::option::of(1..=Lifetime::MAX_SECONDS),
        now in 0..=4_000_000_000_000_i64,
        later in 0..=2 * Lifetime::MAX_SECONDS * 1_000,
    ) {
        let mut world = World::new();
        world.payments_profile().lifetimes.client_token = Lifetime::from_seconds(profile).unwrap();
        world.accesses[0].client_token_lifetime = of_access.and_then(Lifetime::from_seconds);
        let life = of_access.unwrap_or(profile);
        let draft = world.grant_at(&plain(), UnixMillis(now), 1).unwrap();
        prop_assert_eq!(draft.expires_in, life);
        prop_assert_eq!(draft.claims.exp - draft.claims.iat, life);
        if later >= life * 1_000 {
            prop_assert_eq!(world.judge(&draft, UnixMillis(now + later)), Err(Reason::CredentialExpired));
        }
        // Time is cut to whole seconds when a token is made, so it may end up to a second early and never late.
        if later <= (life - 1) * 1_000 {
            prop_assert_eq!(world.judge(&draft, UnixMillis(now + later)), Ok(()));
        }
    }

    #[test]
    fn f10_a_token_verifies_iff_none_of_its_subjects_was_suspended_since_and_all_are_active(steps in vec(step(), 1..40)) {
        let mut real = Real::new();
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Suspend(subject) => {
                    real.suspend(subject);
                    model.suspend(subject);
                }
                Step::Resume(subject) => {
                    real.resume(subject);
                    model.suspended[subject] = false;
                }
                Step::EndTokens(app) => {
                    real.apps[app].epoch += 1;
                    model.killed(APP + app);
                }
                Step::Issue { app, api } => {
                    let issued = real.issue(app, api);
                    prop_assert_eq!(issued.is_some(), model.may_issue(app, api));
                    if let Some(claims) = issued {
                        real.tokens.push((app, api, claims));
                        model.alive.push((subjects_of(app, api), true));
                    }
                }
            }
            for (index, token) in real.tokens.iter().enumerate() {
                prop_assert_eq!(real.verifies(token), model.verifies(index), "token {} after {:?}", index, step);
            }
        }
    }
}

/// Subjects by number: the tenant, its accesses to two APIs, two of its apps.
const TENANT: usize = 0;
const ACCESS: usize = 1;
const APP: usize = 3;
const SUBJECTS: usize = 5;

fn subjects_of(app: usize, api: usize) -> [usize; 3] {
    [TENANT, ACCESS + api, APP + app]
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Suspend(usize),
    Resume(usize),
    EndTokens(usize),
    Issue { app: usize, api: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..SUBJECTS).prop_map(Step::Suspend),
        4 => (0..SUBJECTS).prop_map(Step::Resume),
        1 => (0..2_usize).prop_map(Step::EndTokens),
        4 => (0..2_usize, 0..2_usize).prop_map(|(app, api)| Step::Issue { app, api }),
    ]
}

/// The ten lines: who is suspended now, and which tokens no suspend has hit since they were issued.
#[derive(Default)]
struct Model {
    suspended: [bool; SUBJECTS],
    alive: Vec<([usize; 3], bool)>,
}

impl Model {
    fn suspend(&mut self, subject: usize) {
        self.suspended[subject] = true;
        self.killed(subject);
    }

    fn killed(&mut self, subject: usize) {
        self.alive
            .iter_mut()
            .filter(|(subjects, _)| subjects.contains(&subject))
            .for_each(|(_, alive)| *alive = false);
    }

    fn may_issue(&self, app: usize, api: usize) -> bool {
        subjects_of(app, api).iter().all(|subject| !self.suspended[*subject])
    }

    fn verifies(&self, token: usize) -> bool {
        let (subjects, alive) = &self.alive[token];
        *alive && subjects.iter().all(|subject| !self.suspended[*subject])
    }
}

/// The decisions themselves, with the one rule of the store: leaving `Active` raises the epoch.
struct Real {
    world: World,
    apps: [grantor_core::app::App; 2],
    tokens: Vec<(usize, usize, AccessClaims)>,
}

impl Real {
    fn new() -> Self {
        let world = World::with_both_apis();
        let mut second = world.app.clone();
        second.id = AppId::from_bytes([33; 16]);
        second.client_id = "acme-two".parse().expect("a client id");
        Self { apps: [world.app.clone(), second], world, tokens: Vec::new() }
    }

    fn status_and_epoch(&mut self, subject: usize) -> (&mut Status, &mut i64) {
        match subject {
            TENANT => (&mut self.world.tenant.status, &mut self.world.tenant.epoch),
            app => {
                let app = &mut self.apps[app - APP];
                (&mut app.status, &mut app.epoch)
            }
        }
    }

    fn suspend(&mut self, subject: usize) {
        if (ACCESS..APP).contains(&subject) {
            return suspend_access(&mut self.world.accesses[subject - ACCESS]);
        }
        let (status, epoch) = self.status_and_epoch(subject);
        if *status == Status::Active {
            *status = Status::Suspended;
            *epoch += 1;
        }
    }

    fn resume(&mut self, subject: usize) {
        if (ACCESS..APP).contains(&subject) {
            self.world.accesses[subject - ACCESS].status = AccessStatus::Approved;
            return;
        }
        *self.status_and_epoch(subject).0 = Status::Active;
    }

    fn issue(&self, app: usize, api: usize) -> Option<AccessClaims> {
        let world = World { app: self.apps[app].clone(), ..self.world.clone() };
        let request = targeting(&[[PAYMENTS, REPORTS][api]]);
        world.grant(&request).ok().map(|draft| draft.claims)
    }

    fn verifies(&self, (app, api, claims): &(usize, usize, AccessClaims)) -> bool {
        judge_token(claims, &self.world.subjects(*api), &self.apps[*app], None, Revoked::No, NOW).is_ok()
    }
}
