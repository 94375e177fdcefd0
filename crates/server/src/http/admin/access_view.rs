//! How accesses are shown: with the gates that stand before them, and how they came to be what they are.

use grantor_core::access::Access as AccessRow;
use grantor_core::gate::GateState;
use grantor_core::gate_rule::Act;
use grantor_core::lifetime::Lifetime;
use grantor_core::onboarding::{AccessStep, Step};
use grantor_core::scope::ScopeSet;
use serde::Serialize;
use utoipa::ToSchema;

use super::schema::{AccessStatusText, QuotaText};
use crate::catalogue::EnvironmentState;
use crate::moment::Moment;

/// What a tenant may do with an API.
#[derive(Serialize, ToSchema)]
pub(super) struct Access {
    environment: String,
    /// The tenant's short name.
    tenant: String,
    /// The API's name.
    api: Option<String>,
    #[schema(value_type = AccessStatusText)]
    status: &'static str,
    /// Raised by every suspend.
    epoch: i64,
    /// The scopes that its apps and keys may hold there.
    #[schema(value_type = Vec<String>)]
    scopes: ScopeSet,
    #[schema(value_type = QuotaText)]
    quota: &'static str,
    /// Seconds; `null` is what the profile says.
    #[schema(value_type = Option<i64>)]
    client_token_lifetime: Option<Lifetime>,
    /// Seconds; `null` is what the profile says.
    #[schema(value_type = Option<i64>)]
    user_token_lifetime: Option<Lifetime>,
    contract: Option<ShownContract>,
    /// Whether all gates of the profile hold. Not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    active: Option<bool>,
    /// Not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    gates: Option<Vec<ShownGate>>,
    /// Oldest first. Not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Vec<ShownStep>>,
}

/// The contract that is recorded.
#[derive(Serialize, ToSchema)]
#[schema(as = Contract)]
struct ShownContract {
    /// Of its file.
    sha256: String,
    #[schema(value_type = String, format = DateTime)]
    signed_at: Moment,
    reference: String,
}

/// A gate of the API's profile as it stands for this access.
#[derive(Serialize, ToSchema)]
#[schema(as = Gate)]
struct ShownGate {
    /// Its name, as in refusals.
    gate: &'static str,
    /// The acts before which it stands.
    #[schema(value_type = Vec<String>)]
    on: Vec<Act>,
    /// Whether it holds; `null` for a gate about the person who acts.
    holds: Option<bool>,
    /// What to do where it is closed.
    advice: Option<&'static str>,
}

impl ShownGate {
    fn of(state: GateState) -> Self {
        let closed = state.holds == Some(false);
        Self {
            gate: state.gate.as_str(),
            on: state.on,
            holds: state.holds,
            advice: closed.then(|| state.gate.advice()),
        }
    }
}

/// A step in the history of an access.
#[derive(Serialize, ToSchema)]
#[schema(as = AccessStep)]
struct ShownStep {
    step: &'static str,
    #[schema(value_type = String, format = DateTime)]
    at: Moment,
    /// Who, as the audit names them; `provider` for its team, where a member reads.
    by: String,
    comment: String,
    /// Of a file that proves it.
    sha256: Option<String>,
}

/// Who reads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// The provider's team.
    Team,
    /// A member of the tenant. Other remarks of the team than reasons are the team's own, and so are its names.
    Member,
}

impl ShownStep {
    fn of(step: &AccessStep, reader: Reader) -> Self {
        let is_theirs = !step.by.starts_with("operator:");
        let is_reason = matches!(step.step, Step::Refuse | Step::Suspend | Step::Resume | Step::Close);
        let told = reader == Reader::Team || is_theirs || is_reason;
        let named = reader == Reader::Team || is_theirs;
        Self {
            step: step.step.as_str(),
            at: Moment(step.at),
            by: if named { step.by.clone() } else { "provider".to_owned() },
            comment: if told { step.comment.clone() } else { String::new() },
            sha256: step.evidence.as_ref().map(|hash| hash.as_str().to_owned()),
        }
    }
}

impl Access {
    /// As in lists.
    pub(super) fn of(state: &EnvironmentState, access: &AccessRow, tenant: &str) -> Self {
        Self {
            environment: state.environment.name.to_string(),
            tenant: tenant.to_owned(),
            api: state.api_by_id(access.api).map(|api| api.name.to_string()),
            status: access.status.as_str(),
            epoch: access.epoch,
            scopes: access.scopes.clone(),
            quota: access.quota.as_str(),
            client_token_lifetime: access.client_token_lifetime,
            user_token_lifetime: access.user_token_lifetime,
            contract: access.contract.as_ref().map(|contract| ShownContract {
                sha256: contract.sha256.as_str().to_owned(),
                signed_at: Moment(contract.signed_at),
                reference: contract.reference.clone(),
            }),
            active: None,
            gates: None,
            history: None,
        }
    }
    /// With its gates and its history, as alone.
    pub(super) fn whole(
        self,
        (is_active, gates): (bool, Vec<GateState>),
        (steps, reader): (&[AccessStep], Reader),
    ) -> Self {
        Self {
            active: Some(is_active),
            gates: Some(gates.into_iter().map(ShownGate::of).collect()),
            history: Some(steps.iter().map(|step| ShownStep::of(step, reader)).collect()),
            ..self
        }
    }
}
