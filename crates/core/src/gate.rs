//! The gates of an API's profile: what must hold when a key is made, a token issued, a token refreshed. A refusal names the
//! first closed gate; the owner sees all of them ([`report`]).

use crate::access::{self, Access};
use crate::api::Api;
use crate::document::{self, Document, Open, TenantAcceptance};
use crate::env::UnixMillis;
use crate::error::{Denial, Reason};
use crate::gate_rule::{Act, Gate};
use crate::tenant::Tenant;

/// The terms of a tenant: what there is to accept, and what was accepted in its name.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The documents of the provider and of all tenants.
    pub documents: &'a [Document],
    /// What was accepted in the tenant's name.
    pub accepted: &'a [TenantAcceptance],
    /// The time.
    pub now: UnixMillis,
}

impl<'a> Terms<'a> {
    /// Nothing is asked of the tenant where a user acts.
    fn of_a_user() -> Self {
        Self { documents: &[], accepted: &[], now: UnixMillis(0) }
    }

    /// The documents that somebody must accept for the tenant now.
    pub fn open(&self, tenant: &Tenant) -> Vec<Open<'a>> {
        document::open_for_tenant(self.documents, tenant.id, self.accepted, self.now)
    }
}

/// The access under which a key may be made.
///
/// # Errors
/// As [`access::open`]; `access_denied` with the first closed gate.
pub fn for_key<'a>(
    tenant: &Tenant,
    accesses: &'a [Access],
    api: &Api,
    terms: &Terms<'_>,
) -> Result<&'a Access, Denial> {
    gate(tenant, accesses, api, (Act::MakeKey, terms))
}

/// The access under which an app may have a token for itself.
///
/// # Errors
/// As [`for_key`].
pub fn for_app<'a>(
    tenant: &Tenant,
    accesses: &'a [Access],
    api: &Api,
    terms: &Terms<'_>,
) -> Result<&'a Access, Denial> {
    gate(tenant, accesses, api, (Act::IssueToApp, terms))
}

/// The access under which an app may have a token for a user. What the user accepts is asked of the user.
///
/// # Errors
/// As [`for_key`].
pub fn for_user<'a>(tenant: &Tenant, accesses: &'a [Access], api: &Api) -> Result<&'a Access, Denial> {
    gate(tenant, accesses, api, (Act::IssueToUser, &Terms::of_a_user()))
}

/// The access under which a user's token may be refreshed.
///
/// # Errors
/// As [`for_key`].
pub fn for_refresh<'a>(tenant: &Tenant, accesses: &'a [Access], api: &Api) -> Result<&'a Access, Denial> {
    gate(tenant, accesses, api, (Act::Refresh, &Terms::of_a_user()))
}

fn gate<'a>(
    tenant: &Tenant,
    accesses: &'a [Access],
    api: &Api,
    (act, terms): (Act, &Terms<'_>),
) -> Result<&'a Access, Denial> {
    let access = access::open(tenant, accesses, api)?;
    let closed = api
        .profile
        .gates
        .iter()
        .filter(|rule| rule.stands_before(act))
        .find(|rule| !holds(rule.gate, access, tenant, act, terms));
    match closed {
        Some(rule) => Err(Denial::closed(rule.gate, Reason::GateClosed)),
        None => Ok(access),
    }
}

fn holds(gate: Gate, access: &Access, tenant: &Tenant, act: Act, terms: &Terms<'_>) -> bool {
    match gate {
        // Said by the status, which was asked already.
        Gate::AccountApproved | Gate::PartnerApproved => true,
        Gate::ContractSigned => access.contract.is_some(),
        // A user accepts for themselves, at every sign-in and refresh; apps and keys act for the tenant.
        Gate::DocumentsAccepted => act.has_user() || document::within_grace(&terms.open(tenant), terms.now),
        // Asked of whoever makes the key, and of whoever decides an application.
        Gate::TenantAdmin | Gate::SandboxActive => true,
    }
}

/// A gate, and whether it holds for a tenant now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateState {
    /// Which.
    pub gate: Gate,
    /// The acts before which it stands.
    pub on: Vec<Act>,
    /// Whether it holds. Gates about the person who acts hold for some and not for others: they are no state.
    pub holds: Option<bool>,
}

/// Every gate of an API as it stands for an access, in the order of the profile, the approval first.
pub fn report(tenant: &Tenant, access: &Access, api: &Api, terms: &Terms<'_>) -> Vec<GateState> {
    let approval = Gate::approval_of(&api.profile.gates);
    let first = GateState { gate: approval, on: Act::ALL.to_vec(), holds: Some(access.status.is_approved()) };
    let others = api.profile.gates.iter().filter(|rule| !rule.gate.is_approval()).map(|rule| GateState {
        gate: rule.gate,
        on: rule.acts(),
        holds: match rule.gate {
            Gate::TenantAdmin => None,
            // Demanded once, before the approval.
            Gate::SandboxActive => Some(access.status.is_approved()),
            gate => Some(holds(gate, access, tenant, Act::IssueToApp, terms)),
        },
    });
    std::iter::once(first).chain(others).collect()
}

/// Whether an access is active: approved, and every gate holds that has a state.
pub fn is_active(tenant: &Tenant, access: &Access, api: &Api, terms: &Terms<'_>) -> bool {
    access.status.is_open()
        && report(tenant, access, api, terms).iter().all(|state| state.holds != Some(false))
}
