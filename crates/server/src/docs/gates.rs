//! Gates in words. Each match names every gate: a new one does not compile before it has its words.

use grantor_core::error::{OAuthError, Reason};
use grantor_core::gate_rule::{Act, Gate, GateRule};
use serde::Serialize;

use super::can::Can;
use super::place::Place;
use crate::pages::GateRow;

/// Title, what has to be true, how it is opened.
fn words(gate: Gate) -> [&'static str; 3] {
    match gate {
        Gate::AccountApproved => [
            "Account approved",
            "The provider has approved your account for this API.",
            "Apply for access. The provider's team looks at your application and approves it.",
        ],
        Gate::PartnerApproved => [
            "Partner approved",
            "The provider has approved your company as an integration partner.",
            "Apply to become an integration partner. The provider's team approves your company, not a single app.",
        ],
        Gate::ContractSigned => [
            "Contract signed",
            "The legal contract between your organisation and the provider is recorded as signed.",
            "Sign the contract. The provider's team records it with the hash of the signed file.",
        ],
        Gate::DocumentsAccepted => [
            "Documents accepted",
            "The current versions of the terms and of the data-protection policy are accepted.",
            "Accept the current version of each document in the form that is shown when you sign in. A new version is \
             accepted again, before its period of grace has ended.",
        ],
        Gate::TenantAdmin => [
            "Tenant administrator",
            "Keys are made for administrators of your organisation alone.",
            "Let an administrator of your organisation ask, or let one give you that role.",
        ],
        Gate::SandboxActive => [
            "Test access first",
            "Your organisation has active access to the API of the same name in a test environment.",
            "Apply for access there first, and have it approved.",
        ],
    }
}

/// What is not had while a gate is closed, of what the API gives at all.
fn stops(rule: &GateRule, can: Can) -> Vec<&'static str> {
    let issues = rule.stands_before(Act::IssueToApp) || rule.stands_before(Act::IssueToUser);
    let keys = (can.keys && rule.stands_before(Act::MakeKey), "new API keys");
    let tokens = (can.tokens() && issues, "new tokens");
    let refreshes = (can.refresh && rule.stands_before(Act::Refresh), "refreshed tokens");
    let all: &[(bool, &'static str)] = match rule.gate {
        Gate::AccountApproved | Gate::PartnerApproved | Gate::ContractSigned | Gate::DocumentsAccepted => {
            &[keys, tokens, refreshes]
        }
        Gate::TenantAdmin => &[keys],
        Gate::SandboxActive => &[(true, "applications for live access")],
    };
    all.iter().filter(|(given, _)| *given).map(|(_, what)| *what).collect()
}

/// The gates of an API that stop something, in the order in which they are checked.
pub(super) fn rows(place: &Place<'_>) -> Vec<GateRow> {
    let can = place.can();
    let row = |rule: &GateRule| {
        let [title, meaning, open] = words(rule.gate);
        GateRow { name: rule.gate.as_str().to_owned(), title, meaning, open, stops: stops(rule, can) }
    };
    place.profile().gates.iter().map(row).filter(|row| !row.stops.is_empty()).collect()
}

/// The answer while the first of these gates is closed.
pub(super) fn refusal(gates: &[GateRow]) -> Option<String> {
    let answer = Refused {
        error: OAuthError::AccessDenied.code(),
        reason: Reason::GateClosed.name(),
        gate: &gates.first()?.name,
    };
    serde_json::to_string_pretty(&answer).ok()
}

/// The members of the answer that programs decide by.
#[derive(Serialize)]
struct Refused<'a> {
    error: &'static str,
    reason: &'static str,
    gate: &'a str,
}
