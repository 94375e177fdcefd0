//! What happens: the decisions themselves, and a store in memory with the guards of the real one.

use grantor_core::access::AccessStatus;
use grantor_core::api::ScopeDefinition;
use grantor_core::app::App;
use grantor_core::authorize::interaction::Done;
use grantor_core::authorize::request::AuthorizationRequest;
use grantor_core::authorize::respond;
use grantor_core::claims::AccessClaims;
use grantor_core::client_auth::{AuthenticatedApp, Presented, authenticate};
use grantor_core::decision::{Decision, Write};
use grantor_core::env::{Env, UnixMillis};
use grantor_core::grant::{EndReason, Grant, GrantState};
use grantor_core::id::AppId;
use grantor_core::introspect::{Revoked, UserSubjects, judge_token};
use grantor_core::lifetime::Lifetime;
use grantor_core::profile::{GrantType, Rotation};
use grantor_core::scope::{Scope, ScopeSet};
use grantor_core::secret::{Brand, PepperRing};
use grantor_core::tenant::Status;
use grantor_core::token::{Granted, TokenRequest, authorization_code, refresh};
use grantor_core::user::{Evidence, User};

use super::{ACCESS, APP, By, Given, MAX_AGE, Step, TENANT, Told, USER};
use crate::facts::{NOW, Seeded, World, basic, peppers, plain, scopes, suspend_access};
use crate::people::{CALLBACK, evidence, session, spelled, user, world_with_users};
use crate::visit::request;

/// The decisions themselves, and a store in memory.
pub(super) struct Real {
    world: World,
    apps: [App; 2],
    users: [User; 2],
    peppers: PepperRing,
    presented: Presented,
    now: UnixMillis,
    grants: Vec<Grant>,
    pub(super) tokens: Vec<(usize, AccessClaims)>,
}

/// A guard has found another state than the decision has seen.
struct Conflict;

/// What was decided and is not yet committed.
struct Decided {
    outcome: Option<(AccessClaims, Option<i64>)>,
    writes: Vec<Write>,
}

impl From<Decision<Granted<'_>>> for Decided {
    fn from(decision: Decision<Granted<'_>>) -> Self {
        let outcome = decision.outcome.ok().map(|granted| (granted.draft.claims, granted.refresh));
        Self { outcome, writes: decision.writes }
    }
}

impl Real {
    pub(super) fn new(rotates: bool) -> Self {
        let mut world = world_with_users();
        let names = scopes("a b c");
        let define = |name: &Scope| ScopeDefinition {
            name: name.clone(),
            description: String::new(),
            required: false,
        };
        world.payments().scopes = names.iter().map(define).collect();
        let policy = &mut world.payments_profile().refresh;
        policy.rotation = if rotates { Rotation::Always } else { Rotation::Never };
        policy.max_age = Lifetime::from_seconds(MAX_AGE / 1_000).expect("a life");
        world.accesses[0].scopes = names.clone();
        world.app.scopes = names;
        let mut second = world.app.clone();
        second.id = AppId::from_bytes([33; 16]);
        second.client_id = "acme-two".parse().expect("a client id");
        Self {
            apps: [world.app.clone(), second],
            users: [user(5), user(6)],
            peppers: peppers(),
            presented: basic(),
            now: NOW,
            grants: Vec::new(),
            tokens: Vec::new(),
            world,
        }
    }

    pub(super) fn take(&mut self, step: &Step) -> Told {
        match step {
            Step::Issue { app, user, scopes } => self.issue(*app, *user, scopes),
            Step::Redeem { grant, by, verifier } => {
                return self.index(*grant).map(|at| self.redeem(at, *by, verifier)).into_iter().collect();
            }
            Step::Refresh { grant, by, offset, asked } => {
                let Some(at) = self.index(*grant) else { return Vec::new() };
                let generation = self.grants[at].generation + offset;
                let decided = self.refresh(at, *by, generation, asked.clone());
                return vec![self.told(at, decided)];
            }
            Step::Race { grant } => {
                let Some(at) = self.index(*grant) else { return Vec::new() };
                let generation = self.grants[at].generation;
                let both = [(); 2].map(|()| self.refresh(at, By::Owner, generation, None));
                return both.into_iter().map(|decided| self.committed(at, generation, decided)).collect();
            }
            Step::End { grant } => {
                if let Some(at) = self.index(*grant) {
                    let write = Write::EndGrant {
                        grant: self.grants[at].id,
                        reason: EndReason::Revoked,
                        at: self.now,
                    };
                    assert!(self.commit(vec![write]).is_ok(), "twice is once");
                }
            }
            Step::Suspend { subject } => {
                if *subject == ACCESS {
                    suspend_access(&mut self.world.accesses[0]);
                    return Vec::new();
                }
                let (status, epoch) = self.subject(*subject);
                *epoch += i64::from(*status == Status::Active);
                *status = Status::Suspended;
            }
            Step::Resume { subject: ACCESS } => self.world.accesses[0].status = AccessStatus::Approved,
            Step::Resume { subject } => *self.subject(*subject).0 = Status::Active,
            Step::Allow { scopes } => self.world.accesses[0].scopes = scopes.clone(),
            Step::Wait { millis } => self.now.0 += millis,
        }
        Vec::new()
    }

    fn index(&self, grant: usize) -> Option<usize> {
        (!self.grants.is_empty()).then(|| grant % self.grants.len())
    }

    fn subject(&mut self, subject: usize) -> (&mut Status, &mut i64) {
        match subject {
            TENANT => (&mut self.world.tenant.status, &mut self.world.tenant.epoch),
            app if app < USER => {
                let app = &mut self.apps[app - APP];
                (&mut app.status, &mut app.epoch)
            }
            user => {
                let user = &mut self.users[user - USER];
                (&mut user.status, &mut user.epoch)
            }
        }
    }

    fn issue(&mut self, app: usize, user: usize, scopes: &ScopeSet) {
        let user = &self.users[user];
        let facts = respond::Facts {
            environment: &self.world.environment,
            app: &self.apps[app],
            api: &self.world.apis[0],
            tenant: &self.world.tenant,
            accesses: &self.world.accesses,
            session: &session(user),
            peppers: &self.peppers,
            brand: &Brand::default(),
        };
        let evidence = Evidence { auth_time: self.now, ..evidence(user) };
        let done = Done { evidence, tenant: Some(self.world.tenant.id), scopes: scopes.clone() };
        // Each Grant has randomness of its own, so that no two have the same id.
        let mut rng = Seeded(self.grants.len() as u64);
        let request = AuthorizationRequest { scopes: scopes.clone(), ..request() };
        let decision = respond::grant(&request, &done, &facts, &mut Env { now: self.now, rng: &mut rng });
        assert!(self.commit(decision.writes).is_ok(), "a new row meets no guard");
    }

    fn redeem(&mut self, at: usize, by: By, verifier: &str) -> Option<Given> {
        let request = TokenRequest {
            grant: GrantType::AuthorizationCode,
            redirect_uri: Some(CALLBACK.to_owned()),
            code_verifier: Some(verifier.to_owned()),
            ..plain()
        };
        let decided = self.decide(at, by, |client, user, env| {
            let facts = authorization_code::Facts {
                environment: &self.world.environment,
                presented: &self.presented,
                grant: &self.grants[at],
                api: &self.world.apis[0],
                tenant: &self.world.tenant,
                accesses: &self.world.accesses,
                user,
                sub: "usr_sub",
                memberships: &[],
                session: Some(&session(user)),
            };
            authorization_code::redeem(&request, client, &facts, env).into()
        });
        self.told(at, decided)
    }

    fn refresh(&self, at: usize, by: By, generation: i64, asked: Option<ScopeSet>) -> Decided {
        let request = TokenRequest { grant: GrantType::RefreshToken, scopes: asked, ..plain() };
        self.decide(at, by, |client, user, env| {
            let facts = refresh::Facts {
                environment: &self.world.environment,
                presented: &self.presented,
                token: spelled(&self.grants[at], generation),
                grant: &self.grants[at],
                peppers: &self.peppers,
                api: &self.world.apis[0],
                tenant: &self.world.tenant,
                accesses: &self.world.accesses,
                user,
                sub: "usr_sub",
                session: Some(&session(user)),
                memberships: &[],
                open_documents: &[],
            };
            refresh::refresh(&request, client, &facts, env).into()
        })
    }

    fn owner(&self, at: usize) -> usize {
        usize::from(self.grants[at].app != self.apps[0].id)
    }

    fn user(&self, at: usize) -> &User {
        &self.users[usize::from(self.grants[at].user != self.users[0].id)]
    }

    /// Authenticates whoever presents something, and decides.
    fn decide<'a>(
        &'a self,
        at: usize,
        by: By,
        decide: impl FnOnce(&AuthenticatedApp<'a>, &'a User, &mut Env<'_>) -> Decided,
    ) -> Decided {
        let app = match by {
            By::Owner => self.owner(at),
            By::Stranger => 1 - self.owner(at),
        };
        let secret = self.presented.candidates().next().and_then(|(_, secret)| secret);
        let client = authenticate(&self.apps[app], &self.world.tenant, secret, &self.peppers, self.now);
        let Ok(client) = client else { return Decided { outcome: None, writes: Vec::new() } };
        let mut rng = Seeded(self.tokens.len() as u64);
        decide(&client, self.user(at), &mut Env { now: self.now, rng: &mut rng })
    }

    /// Commits what nobody can have come before, and answers.
    fn told(&mut self, at: usize, decided: Decided) -> Option<Given> {
        assert!(self.commit(decided.writes).is_ok(), "nobody was in between");
        let (claims, refresh) = decided.outcome?;
        let scopes = scopes(&claims.scope);
        self.tokens.push((at, claims));
        Some(Given { grant: at, scopes, refresh: refresh.unwrap_or(0) })
    }

    /// Commits, or after a conflict looks again and decides again, as the flow does.
    fn committed(&mut self, at: usize, generation: i64, mut decided: Decided) -> Option<Given> {
        if self.commit(std::mem::take(&mut decided.writes)).is_err() {
            decided = self.refresh(at, By::Owner, generation, None);
        }
        self.told(at, decided)
    }

    /// The guards of the store: a change of state names the old state and expects one row; to end twice is to end once.
    fn commit(&mut self, writes: Vec<Write>) -> Result<(), Conflict> {
        assert!(writes.len() <= 1, "a unit of two would need to be undone");
        for write in writes {
            match write {
                Write::InsertGrant(grant, code) => {
                    assert!(code.is_some() && self.grants.iter().all(|other| other.id != grant.id));
                    self.grants.push(*grant);
                }
                Write::RedeemCode { grant, generation, at } => {
                    let row = self.row(|row| row.id == grant && row.state == GrantState::Code)?;
                    (row.state, row.generation, row.rotated_at) = (GrantState::Active, generation, at);
                }
                Write::AdvanceRefresh { grant, from, at } => {
                    let is_live = |row: &Grant| row.generation == from && row.state == GrantState::Active;
                    let row = self.row(|row| row.id == grant && is_live(row))?;
                    (row.generation, row.rotated_at) = (row.generation + 1, at);
                }
                Write::EndGrant { grant, reason, .. } => {
                    if let Ok(row) = self.row(|row| row.id == grant && row.state != GrantState::Ended) {
                        (row.state, row.ended_reason) = (GrantState::Ended, Some(reason));
                        row.epoch += 1;
                    }
                }
                _ => panic!("a grant changes nothing but Grants"),
            }
        }
        Ok(())
    }

    fn row(&mut self, guard: impl Fn(&Grant) -> bool) -> Result<&mut Grant, Conflict> {
        self.grants.iter_mut().find(|row| guard(row)).ok_or(Conflict)
    }

    /// Every generation that would be accepted now, with its successor.
    pub(super) fn accepted(&self, at: usize) -> Vec<(i64, i64)> {
        let present = self.grants[at].generation;
        let tried =
            (0..=present + 2).map(|generation| (generation, self.refresh(at, By::Owner, generation, None)));
        tried.filter_map(|(generation, decided)| Some((generation, decided.outcome?.1?))).collect()
    }

    pub(super) fn verifies(&self, at: usize, claims: &AccessClaims) -> bool {
        let (grant, app) = (&self.grants[at], &self.apps[self.owner(at)]);
        let behind = UserSubjects { grant, user: self.user(at), owner: &self.world.tenant };
        judge_token(claims, &self.world.subjects(0), app, Some(&behind), Revoked::No, self.now).is_ok()
    }
}
