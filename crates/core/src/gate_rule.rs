//! Which gates an API's profile has, and before which acts they stand. Data, never code.

use serde::{Deserialize, Serialize};

/// What must hold for a tenant's access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// The provider has approved the account.
    AccountApproved,
    /// The provider has approved the company as an integration partner.
    PartnerApproved,
    /// The legal contract is recorded as signed.
    ContractSigned,
    /// Terms and data-protection policy are accepted in their current versions.
    DocumentsAccepted,
    /// Keys are made for administrators of the tenant only.
    TenantAdmin,
    /// The tenant has an active access to the API of the same name in a test environment. Demanded of applications for
    /// live environments.
    SandboxActive,
}

impl Gate {
    /// Every gate.
    pub const ALL: [Self; 6] = [
        Self::AccountApproved,
        Self::PartnerApproved,
        Self::ContractSigned,
        Self::DocumentsAccepted,
        Self::TenantAdmin,
        Self::SandboxActive,
    ];

    /// As stored, in refusals and in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccountApproved => "account_approved",
            Self::PartnerApproved => "partner_approved",
            Self::ContractSigned => "contract_signed",
            Self::DocumentsAccepted => "documents_accepted",
            Self::TenantAdmin => "tenant_admin",
            Self::SandboxActive => "sandbox_active",
        }
    }

    /// Whether it is the provider's yes to an application.
    pub fn is_approval(self) -> bool {
        matches!(self, Self::AccountApproved | Self::PartnerApproved)
    }

    /// What an API calls the provider's yes. It is always needed; a profile chooses its name.
    pub fn approval_of(rules: &[GateRule]) -> Self {
        let named = rules.iter().map(|rule| rule.gate).find(|gate| gate.is_approval());
        named.unwrap_or(Self::AccountApproved)
    }

    /// What a person can do about it while it is closed.
    pub fn advice(self) -> &'static str {
        match self {
            Self::AccountApproved => {
                "Access to this API is not approved. The owner of the app can apply for it and see the state of the application."
            }
            Self::PartnerApproved => {
                "The company is not approved as an integration partner for this API. The owner of the app can apply and see the state of the application."
            }
            Self::ContractSigned => {
                "The contract for this API is not recorded as signed. The provider's team records it."
            }
            Self::DocumentsAccepted => {
                "The current terms or data-protection policy are not accepted. An administrator of the organisation can accept them."
            }
            Self::TenantAdmin => "Only administrators of the organisation may do this.",
            Self::SandboxActive => {
                "Access to the API of the same name in a test environment must be active first."
            }
        }
    }
}

/// What a gate can stand before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// An API key is made.
    MakeKey,
    /// A token is issued to an app for itself.
    IssueToApp,
    /// A token is issued to an app for a user.
    IssueToUser,
    /// A user's token is refreshed.
    Refresh,
}

impl Act {
    /// Every act.
    pub const ALL: [Self; 4] = [Self::MakeKey, Self::IssueToApp, Self::IssueToUser, Self::Refresh];

    /// Whether a user takes part.
    pub fn has_user(self) -> bool {
        matches!(self, Self::IssueToUser | Self::Refresh)
    }
}

/// A gate, and what it stands before: everything, unless acts are named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct GateRule {
    /// Which.
    pub gate: Gate,
    /// The named acts; empty is every one.
    on: Vec<Act>,
}

impl GateRule {
    /// Whether it stands before an act.
    pub fn stands_before(&self, act: Act) -> bool {
        self.on.is_empty() || self.on.contains(&act)
    }

    /// The acts before which it stands.
    pub fn acts(&self) -> Vec<Act> {
        Act::ALL.into_iter().filter(|act| self.stands_before(*act)).collect()
    }
}

impl From<Gate> for GateRule {
    fn from(gate: Gate) -> Self {
        Self { gate, on: Vec::new() }
    }
}

/// As it stands in a profile: `"contract_signed"`, or `{ gate = "contract_signed", on = ["make_key"] }`.
#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a gate is its name, or { gate = \"contract_signed\", on = [\"make_key\"] } with known names"
)]
enum Written {
    Name(Gate),
    Rule(Rule),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    gate: Gate,
    on: Vec<Act>,
}

impl From<Written> for GateRule {
    fn from(written: Written) -> Self {
        match written {
            Written::Name(gate) => gate.into(),
            Written::Rule(Rule { gate, on }) => Self { gate, on },
        }
    }
}

impl From<GateRule> for Written {
    fn from(rule: GateRule) -> Self {
        if rule.on.is_empty() {
            return Self::Name(rule.gate);
        }
        Self::Rule(Rule { gate: rule.gate, on: rule.on })
    }
}
