//! An API at its place: everything that the articles are computed from.

use grantor_core::api::Api;
use grantor_core::environment::Environment;
use grantor_core::profile::Profile;
use grantor_core::secret::{Brand, CredentialType, Stage};
use grantor_resource::Contract;
use serde_json::Value;

use super::can::Can;
use super::path::docs_of;
use super::title;
use crate::catalogue::{Catalogue, EnvironmentState};
use crate::pages::{About, EnvironmentRow, PlainUrl, Shown};

/// An API of one environment, and the same API elsewhere.
pub struct Place<'a> {
    /// Where.
    pub environment: &'a Environment,
    /// Which.
    pub api: &'a Api,
    /// Its contract.
    pub contract: Option<&'a Contract>,
    /// The API of the same name in other environments.
    pub elsewhere: Vec<(&'a Environment, &'a Api)>,
    /// What credentials of this installation begin with.
    pub brand: &'a Brand,
}

impl<'a> Place<'a> {
    /// Finds everything in the catalogue.
    pub fn of(catalogue: &'a Catalogue, state: &'a EnvironmentState, api: &'a Api, brand: &'a Brand) -> Self {
        let others =
            catalogue.environments.iter().filter(|other| other.environment.id != state.environment.id);
        let same = |other: &'a std::sync::Arc<EnvironmentState>| {
            Some((&other.environment, other.api(api.name.as_str())?.as_ref()))
        };
        Self {
            environment: &state.environment,
            api,
            contract: state.contracts.get(&api.id).map(AsRef::as_ref),
            elsewhere: others.filter_map(same).collect(),
            brand,
        }
    }

    pub(super) fn profile(&self) -> &'a Profile {
        &self.api.profile
    }

    pub(super) fn can(&self) -> Can {
        Can::of(&self.api.profile)
    }

    pub(super) fn about(&self) -> About {
        About {
            api: title(self.api),
            environment: Shown::name(self.environment.name.as_str()),
            docs: docs_of(self.environment, self.api),
        }
    }

    /// Where tokens are had, if they are: the canonical path, then the others.
    pub(super) fn token_endpoints(&self) -> Vec<PlainUrl> {
        token_endpoints(self.environment, self.api)
    }

    /// Where the API is reached.
    pub(super) fn base_url(&self) -> Option<PlainUrl> {
        base_url(self.api)
    }

    /// The API in every environment, this one first.
    pub(super) fn environments(&self) -> Vec<EnvironmentRow> {
        let row = |(environment, api): (&Environment, &Api)| EnvironmentRow {
            name: Shown::name(environment.name.as_str()),
            sandbox: environment.stage == Stage::Test,
            base_url: base_url(api),
            token_endpoint: token_endpoints(environment, api).into_iter().next(),
            stage: environment.stage.as_str(),
        };
        let here = [(self.environment, self.api)];
        here.into_iter().chain(self.elsewhere.iter().copied()).map(row).collect()
    }

    /// What a kind of credential begins with.
    pub(super) fn prefix(&self, kind: CredentialType) -> String {
        format!("{}_{}_{}_", self.brand.as_str(), kind.as_str(), self.environment.stage.as_str())
    }
}

fn token_endpoints(environment: &Environment, api: &Api) -> Vec<PlainUrl> {
    if !Can::of(&api.profile).tokens() {
        return Vec::new();
    }
    let paths = api.profile.token_paths.iter();
    paths.filter_map(|path| PlainUrl::parse(&format!("{}{}", environment.issuer, path.as_str()))).collect()
}

/// The first server of the contract, if it is a whole address (OpenAPI 3.1 4.8.5).
fn base_url(api: &Api) -> Option<PlainUrl> {
    let document: Value = serde_json::from_str(api.openapi.as_deref()?).ok()?;
    PlainUrl::parse(document.pointer("/servers/0/url")?.as_str()?.trim_end_matches('/'))
}
