//! What the demo consists of: the manifests as one, each API split into one entry per environment with a document of its
//! own. The server does not look into documents for placeholders, and one document cannot serve two environments whose
//! scopes are spelled differently.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use grantor_core::name::Name;
use grantor_core::profile::Profile;
use grantor_resource::Contract;
use serde_json::{Value, json};

use super::embedded::Files;
use crate::manifest::{ApiEntry, DocumentEntry, EnvironmentEntry, Manifest};

/// The manifest to apply, and what it says about the APIs.
pub(super) struct Landscape {
    /// Complete: with documents, one entry per API and environment.
    pub(super) manifest: Manifest,
    /// The APIs in the order of the manifest.
    pub(super) apis: Vec<DemoApi>,
}

/// One API in one environment.
pub(super) struct DemoApi {
    /// Its name.
    pub(super) name: Name,
    /// The environment's name.
    pub(super) environment: Name,
    /// The environment's issuer.
    pub(super) issuer: String,
    /// The claim `aud` of its tokens.
    pub(super) audience: String,
    /// Where it is reached.
    pub(super) base_url: String,
    /// How its credentials look.
    pub(super) profile: Profile,
    /// Its OpenAPI document.
    pub(super) document: String,
    /// The rules in that document.
    pub(super) contract: Contract,
}

impl Landscape {
    /// Reads the files; `{listen}` in manifests becomes the address.
    ///
    /// # Errors
    /// What is wrong in which file. Nothing of it depends on the machine.
    pub(super) fn read(files: &Files, listen: SocketAddr) -> anyhow::Result<Self> {
        Self::of(files.manifests.iter().copied(), files, listen)
    }

    /// Reads manifests, and from the files what they name.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(super) fn of<'a>(
        manifests: impl Iterator<Item = &'a str>,
        files: &Files,
        listen: SocketAddr,
    ) -> anyhow::Result<Self> {
        let mut manifest = Manifest::default();
        for text in manifests {
            let text = text.replace("{listen}", &listen.to_string());
            let one: Manifest = toml::from_str(&text).context("a manifest of the demo cannot be read")?;
            manifest.environments.extend(one.environments);
            manifest.profiles.extend(one.profiles);
            manifest.apis.extend(one.apis);
            manifest.tenants.extend(one.tenants);
            manifest.accesses.extend(one.accesses);
            manifest.apps.extend(one.apps);
            manifest.users.extend(one.users);
            manifest.documents.extend(one.documents);
        }
        for entry in &mut manifest.documents {
            bodies(entry, files).with_context(|| format!("document {}", entry.kind))?;
        }
        let (mut entries, mut apis) = (Vec::new(), Vec::new());
        for entry in &manifest.apis {
            for name in &entry.environments {
                let (entry, api) = split(entry, name, &manifest, files)
                    .with_context(|| format!("API {} in {name}", entry.name))?;
                entries.push(entry);
                apis.push(api);
            }
        }
        manifest.apis = entries;
        Ok(Self { manifest, apis })
    }
}

impl DemoApi {
    /// Where its tokens are had: the canonical path of its profile (the first one) below the issuer.
    pub(super) fn token_endpoint(&self) -> String {
        let path = self.profile.token_paths.first().map_or("", |path| path.as_str());
        format!("{}{path}", self.issuer)
    }

    /// Where it asks about credentials (RFC 7662).
    pub(super) fn introspection_endpoint(&self) -> String {
        format!("{}/introspect", self.issuer)
    }
}

/// The part of an entry that is about one environment.
fn split(
    entry: &ApiEntry,
    name: &Name,
    manifest: &Manifest,
    files: &Files,
) -> anyhow::Result<(ApiEntry, DemoApi)> {
    let environment = manifest.environments.iter().find(|environment| environment.name == *name);
    let environment = environment.context("the environment is not in the manifest")?;
    let profile = manifest.profiles.iter().find(|profile| profile.name == entry.profile);
    let profile = profile.context("its profile is not in the manifest")?.clone();
    let base_url = match (&entry.url, &entry.openapi) {
        (Some(url), _) => expand(url, environment),
        // An exported one says it in its document.
        (None, Some(text)) => server_of(text)?,
        (None, None) => bail!("it has no url"),
    };
    let audience = expand(&entry.audience, environment);
    let document = match (&entry.openapi, &entry.contract) {
        (Some(text), _) => text.clone(),
        (None, Some(file)) => document(files.text(file)?, environment, &base_url)?,
        (None, None) => bail!("it has no contract"),
    };
    let contract = Contract::from_openapi(&document)?;
    let own = ApiEntry {
        environments: vec![name.clone()],
        audience: audience.clone(),
        url: Some(base_url.clone()),
        contract: None,
        openapi: Some(document.clone()),
        ..entry.clone()
    };
    let api = DemoApi {
        name: entry.name.clone(),
        environment: name.clone(),
        issuer: environment.issuer.to_string(),
        audience,
        base_url,
        profile,
        document,
        contract,
    };
    Ok((own, api))
}

/// The address that a document names.
fn server_of(text: &str) -> anyhow::Result<String> {
    let document: Value = serde_json::from_str(text).context("the document is not JSON")?;
    let url = document["servers"][0]["url"].as_str();
    Ok(url.context("the document names no server")?.to_owned())
}

/// Puts the texts into a document that names their files.
fn bodies(entry: &mut DocumentEntry, files: &Files) -> anyhow::Result<()> {
    for text in entry.versions.iter_mut().flat_map(|version| version.texts.values_mut()) {
        if let Some(file) = text.body_file.take() {
            text.body = Some(files.text(&file)?.to_owned());
        }
    }
    Ok(())
}

/// The document of one environment: its spelling of scopes, its address.
fn document(text: &str, environment: &EnvironmentEntry, base_url: &str) -> anyhow::Result<String> {
    let mut document: Value =
        serde_json::from_str(&expand(text, environment)).context("the document is not JSON")?;
    let root = document.as_object_mut().context("the document is not an object")?;
    root.insert("servers".to_owned(), json!([{ "url": base_url }]));
    Ok(document.to_string())
}

/// The placeholders of manifests.
pub(super) fn expand(text: &str, environment: &EnvironmentEntry) -> String {
    let prefix = environment.scope_prefix.as_deref().unwrap_or(environment.name.as_str());
    text.replace("{issuer}", environment.issuer.as_str())
        .replace("{environment}", environment.name.as_str())
        .replace("{scope_prefix}", prefix)
}

#[cfg(test)]
#[path = "landscape_tests.rs"]
mod tests;
