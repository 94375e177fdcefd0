//! What must hold when a key is made, a token issued, a token refreshed.

use grantor_core::access::AccessStatus;
use grantor_core::api_key::{NewKey, terms};
use grantor_core::contract::Contract;
use grantor_core::document::TenantAcceptance;
use grantor_core::env::UnixMillis;
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::gate::{self, is_active, report};
use grantor_core::gate_rule::{Act, Gate, GateRule};
use grantor_core::permission::Maker;
use grantor_core::profile::{ApiKeyPolicy, AppPolicy, Profile};
use grantor_core::registration::may_have_secret;
use grantor_core::user::Role;

use crate::facts::{NOW, World, plain};
use crate::people::document;

const LONG_AGO: UnixMillis = UnixMillis(0);

fn contract() -> Contract {
    let hash = "ab".repeat(32).parse().unwrap();
    Contract::record(hash, LONG_AGO, String::new(), NOW).unwrap()
}

/// The first API has these gates.
fn gated(gates: &[Gate]) -> World {
    let mut world = World::new();
    world.payments_profile().gates = gates.iter().map(|gate| GateRule::from(*gate)).collect();
    world.payments_profile().api_keys = ApiKeyPolicy::SelfService;
    world
}

fn accepted(world: &World, document: usize, version: i64) -> TenantAcceptance {
    TenantAcceptance {
        tenant: world.tenant.id,
        document: world.documents[document].id,
        version,
        hash: String::new(),
        at: LONG_AGO,
        by: "user:1".to_owned(),
        address: String::new(),
    }
}

/// The gate that each act is refused by, in the order of `Act::ALL`.
fn closed_at(world: &World, now: UnixMillis) -> [Option<Gate>; 4] {
    let (tenant, accesses, api) = (&world.tenant, &world.accesses, &world.apis[0]);
    let named = |outcome: Result<_, Denial>| {
        outcome.err().map(|denial: Denial| {
            assert_eq!(denial.error, OAuthError::AccessDenied);
            assert!(denial.told, "an app that has authenticated is told which gate it is");
            denial.gate.expect("a gate")
        })
    };
    [
        named(gate::for_key(tenant, accesses, api, &world.terms(now)).map(|_| ())),
        named(gate::for_app(tenant, accesses, api, &world.terms(now)).map(|_| ())),
        named(gate::for_user(tenant, accesses, api).map(|_| ())),
        named(gate::for_refresh(tenant, accesses, api).map(|_| ())),
    ]
}

#[test]
fn a_contract_that_is_not_recorded_stops_every_act() {
    let mut world = gated(&[Gate::ContractSigned]);
    assert_eq!(closed_at(&world, NOW), [Some(Gate::ContractSigned); 4]);
    world.accesses[0].contract = Some(contract());
    assert_eq!(closed_at(&world, NOW), [None; 4]);
}

#[test]
fn a_contract_for_one_api_opens_no_other() {
    let mut world = gated(&[Gate::ContractSigned]);
    world.accesses[1].contract = Some(contract());
    assert_eq!(closed_at(&world, NOW), [Some(Gate::ContractSigned); 4]);
}

#[test]
fn a_rule_stands_before_the_acts_that_it_names_and_no_others() {
    let mut world = gated(&[]);
    let profile: GateRule =
        serde_json::from_str(r#"{"gate": "contract_signed", "on": ["make_key", "refresh"]}"#).unwrap();
    world.payments_profile().gates = vec![profile];
    let gate = Some(Gate::ContractSigned);
    assert_eq!(closed_at(&world, NOW), [gate, None, None, gate]);
}

#[test]
fn documents_must_be_accepted_in_the_tenants_name_for_what_acts_without_a_user() {
    let mut world = gated(&[Gate::DocumentsAccepted]);
    world.documents = vec![document(1, "terms", &[(1, LONG_AGO, 0)])];
    let gate = Some(Gate::DocumentsAccepted);
    assert_eq!(closed_at(&world, NOW), [gate, gate, None, None]);
    world.accepted = vec![accepted(&world, 0, 1)];
    assert_eq!(closed_at(&world, NOW), [None; 4]);
}

#[test]
fn a_new_version_closes_the_gate_when_its_grace_is_over_and_acceptance_opens_it() {
    let mut world = gated(&[Gate::DocumentsAccepted]);
    world.documents = vec![document(1, "terms", &[(1, LONG_AGO, 0), (2, NOW, 1)])];
    world.accepted = vec![accepted(&world, 0, 1)];
    assert_eq!(closed_at(&world, NOW), [None; 4], "within its grace");
    let later = NOW.plus_seconds(1);
    let gate = Some(Gate::DocumentsAccepted);
    assert_eq!(closed_at(&world, later), [gate, gate, None, None]);
    world.accepted.push(accepted(&world, 0, 2));
    assert_eq!(closed_at(&world, later), [None; 4]);
}

#[test]
fn an_acceptance_for_another_tenant_counts_for_nobody_else() {
    let mut world = gated(&[Gate::DocumentsAccepted]);
    world.documents = vec![document(1, "terms", &[(1, LONG_AGO, 0)])];
    let foreign = grantor_core::id::TenantId::from_bytes([77; 16]);
    world.accepted = vec![TenantAcceptance { tenant: foreign, ..accepted(&world, 0, 1) }];
    assert!(closed_at(&world, NOW)[1].is_some());
}

#[test]
fn without_approval_nothing_is_issued_and_the_profile_says_what_it_is_called() {
    for (gates, called) in [
        (&[][..], Gate::AccountApproved),
        (&[Gate::AccountApproved], Gate::AccountApproved),
        (&[Gate::ContractSigned, Gate::PartnerApproved], Gate::PartnerApproved),
    ] {
        for status in [AccessStatus::Applied, AccessStatus::Refused] {
            let mut world = gated(gates);
            world.accesses[0].contract = Some(contract());
            world.accesses[0].status = status;
            assert_eq!(closed_at(&world, NOW), [Some(called); 4]);
        }
        let mut world = gated(gates);
        world.accesses.remove(0);
        assert_eq!(closed_at(&world, NOW), [Some(called); 4]);
    }
}

#[test]
fn s001_07_an_unapproved_account_gets_no_secret() {
    for (status, allowed) in [
        (AccessStatus::Applied, false),
        (AccessStatus::Refused, false),
        (AccessStatus::Closed, false),
        (AccessStatus::Approved, true),
        (AccessStatus::Suspended, true),
    ] {
        let mut world = gated(&[Gate::AccountApproved]);
        world.accesses[0].status = status;
        let outcome = may_have_secret(&world.app, &world.tenant, &world.accesses, &world.apis);
        assert_eq!(outcome.is_ok(), allowed, "{status:?}");
    }
}

fn key_by(world: &World, maker: Maker<'_>) -> Option<(OAuthError, Reason)> {
    let apis = [&*world.apis[0]];
    let new = NewKey { apis: &apis, scopes: None, lifetime: None };
    let outcome = terms(&new, maker, (&world.tenant, &world.accesses), &world.terms(NOW));
    outcome.err().map(|denial| (denial.error, denial.reason))
}

#[test]
fn s002_09_keys_are_made_by_administrators_alone() {
    let world = gated(&[]);
    for role in [Role::Developer, Role::Viewer] {
        let refused = Some((OAuthError::AccessDenied, Reason::GateClosed));
        assert_eq!(key_by(&world, Maker::Member(&[role])), refused, "{role:?}");
    }
    for role in [Role::Owner, Role::Admin] {
        assert_eq!(key_by(&world, Maker::Member(&[role])), None, "{role:?}");
    }
    assert!(key_by(&world, Maker::Member(&[])).is_some());
}

#[test]
fn s002_08_members_make_no_keys_where_the_profile_says_provider() {
    let mut world = gated(&[]);
    world.payments_profile().api_keys = ApiKeyPolicy::Provider;
    let refused = Some((OAuthError::AccessDenied, Reason::NotSelfService));
    assert_eq!(key_by(&world, Maker::Member(&[Role::Owner])), refused);
    assert_eq!(key_by(&world, Maker::Provider), None);
}

#[test]
fn s002_10_no_key_before_the_contract_whoever_makes_it() {
    let mut world = gated(&[Gate::ContractSigned]);
    let refused = Some((OAuthError::AccessDenied, Reason::GateClosed));
    assert_eq!(key_by(&world, Maker::Provider), refused);
    assert_eq!(key_by(&world, Maker::Member(&[Role::Owner])), refused);
    world.accesses[0].contract = Some(contract());
    assert_eq!(key_by(&world, Maker::Provider), None);
}

#[test]
fn s002_16_members_make_no_apps_where_the_profile_says_provider() {
    use grantor_core::env::Env;
    use grantor_core::registration::{Registration, register};

    let mut world = gated(&[]);
    world.payments_profile().apps = AppPolicy::Provider;
    let outcome = |maker| {
        let wish = Registration {
            client_id: None,
            name: String::new(),
            auth_method: None,
            grants: None,
            apis: vec![&world.apis[0]],
            metadata: Default::default(),
            signing: &[],
            introspects: Vec::new(),
            scopes: None,
        };
        let mut rng = crate::facts::Seeded(1);
        let mut env = Env { now: NOW, rng: &mut rng };
        register(wish, maker, (&world.tenant, &world.accesses), world.environment.id, &mut env)
            .map(|_| ())
            .map_err(|denial| denial.reason)
    };
    assert_eq!(outcome(Maker::Member(&[Role::Owner])), Err(Reason::NotSelfService));
    assert_eq!(outcome(Maker::Provider), Ok(()));
}

#[test]
fn the_owner_sees_every_gate_and_the_access_is_active_when_all_hold() {
    let mut world =
        gated(&[Gate::PartnerApproved, Gate::ContractSigned, Gate::DocumentsAccepted, Gate::TenantAdmin]);
    world.documents = vec![document(1, "terms", &[(1, LONG_AGO, 0)])];
    let states = |world: &World| -> Vec<(Gate, Option<bool>)> {
        report(&world.tenant, &world.accesses[0], &world.apis[0], &world.terms(NOW))
            .into_iter()
            .map(|state| (state.gate, state.holds))
            .collect()
    };
    let active =
        |world: &World| is_active(&world.tenant, &world.accesses[0], &world.apis[0], &world.terms(NOW));
    assert_eq!(
        states(&world),
        [
            (Gate::PartnerApproved, Some(true)),
            (Gate::ContractSigned, Some(false)),
            (Gate::DocumentsAccepted, Some(false)),
            (Gate::TenantAdmin, None)
        ]
    );
    assert!(!active(&world));
    world.accesses[0].contract = Some(contract());
    world.accepted = vec![accepted(&world, 0, 1)];
    assert!(active(&world));
    world.accesses[0].status = AccessStatus::Suspended;
    assert!(!active(&world));
}

#[test]
fn a_gate_is_written_by_name_or_with_its_acts_and_nothing_else() {
    let read = |text: &str| serde_json::from_str::<GateRule>(text);
    assert_eq!(serde_json::to_string(&GateRule::from(Gate::ContractSigned)).unwrap(), r#""contract_signed""#);
    let rule = r#"{"gate":"contract_signed","on":["make_key"]}"#;
    assert_eq!(serde_json::to_string(&read(rule).unwrap()).unwrap(), rule);
    assert_eq!(read(rule).unwrap().acts(), [Act::MakeKey]);
    for bad in [r#""contract""#, r#"{"gate":"contract_signed"}"#, r#"{"gate":"contract_signed","on":["x"]}"#]
    {
        assert!(read(bad).is_err(), "{bad}");
    }
    let profile = r#"{"name":"x","token_paths":["/t"],"client_auth":["client_secret_basic"],"token_format":"jwt","grants":[]}"#;
    let profile: Profile = serde_json::from_str(profile).unwrap();
    assert_eq!(profile.apps, AppPolicy::SelfService);
    let _ = plain();
}
