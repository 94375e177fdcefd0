//! What has to be set up for a tenant, and which kind of credential it then needs.

use serde::Serialize;

use super::errors::QuotaRow;
use super::overview::EnvironmentRow;
use super::{About, ArticleContext};

/// The options of a tenant's access to an API.
#[derive(Serialize)]
pub struct TenantSetup {
    /// The API.
    pub about: About,
    /// What has to be true before anything is issued, in the order in which it is checked.
    pub gates: Vec<GateRow>,
    /// What the server answers while a gate is closed.
    pub refusal: Option<String>,
    /// Which credential fits which need.
    pub choices: Vec<CredentialChoice>,
    /// Operations that one kind of credential alone opens.
    pub narrow: Vec<ClosedOperation>,
    /// Operations of the contract that no credential opens that can be had.
    pub shut: Vec<ClosedOperation>,
    /// A token request and a call, for a shell.
    pub example: Option<String>,
    /// Whether it is a key that the example uses.
    pub example_uses_key: bool,
    /// The kinds of credentials whose life can be set for one tenant.
    pub lives: Vec<&'static str>,
    /// Whether the API has scopes to choose from.
    pub scopes: bool,
    /// The classes of quota.
    pub quotas: Vec<QuotaRow>,
    /// The API in every environment, this one first.
    pub environments: Vec<EnvironmentRow>,
}

/// A gate.
#[derive(Serialize)]
pub struct GateRow {
    /// Its name in answers.
    pub name: String,
    /// Its name for people.
    pub title: &'static str,
    /// What has to be true.
    pub meaning: &'static str,
    /// How it is opened.
    pub open: &'static str,
    /// What is not had while it is closed.
    pub stops: Vec<&'static str>,
}

/// A need and the credential that fits it.
#[derive(Serialize)]
pub struct CredentialChoice {
    /// What somebody builds.
    pub need: &'static str,
    /// The credential.
    pub credential: &'static str,
    /// What has to be set up for it.
    pub set_up: &'static str,
    /// How many operations it opens, and of how many, where there is a contract.
    pub opens: Option<String>,
}

/// An operation that takes few kinds of credentials.
#[derive(Serialize)]
pub struct ClosedOperation {
    /// Method and path.
    pub call: String,
    /// The kinds.
    pub accepts: Vec<&'static str>,
}

impl ArticleContext for TenantSetup {
    const TEMPLATE: &'static str = "docs/tenant_setup.md";
}
