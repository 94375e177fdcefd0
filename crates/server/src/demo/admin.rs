//! The admin API as the demo uses it: over HTTP with the operator's token, like any other customer.

use std::time::Duration;

use anyhow::{Context as _, bail};
use http::{HeaderValue, Method, header};
use reqwest::{Client, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::manifest::Manifest;

/// The admin API of the demo's own server.
pub(super) struct Admin {
    http: Client,
    base: Url,
    authorization: HeaderValue,
}

/// A new version of an app's secret. No `Debug`.
#[derive(Deserialize)]
pub(super) struct NewSecret {
    /// Shown once.
    pub(super) client_secret: String,
}

/// A version of a secret, as listed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct SecretVersion {
    /// 1, 2, 3 ...
    pub(super) version: i64,
    /// `active`, `not yet`, `expired`, `ended`.
    pub(super) status: String,
}

/// A new API key. No `Debug`.
#[derive(Deserialize)]
pub(super) struct NewKey {
    /// Its id.
    pub(super) id: String,
    /// Shown once.
    pub(super) key: String,
}

/// An API key, as listed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct KnownKey {
    /// Its id.
    pub(super) id: String,
    /// Its name for people.
    pub(super) name: String,
    /// `active`, `suspended`, `expired`, `revoked`.
    pub(super) status: String,
}

/// That somebody accepted a document, as listed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct KnownAcceptance {
    /// What kind of document.
    pub(super) document: String,
    /// The tenant's short name, if the acceptance is for one.
    pub(super) tenant: Option<String>,
    /// Which version.
    pub(super) version: i64,
}

/// A document that is to be accepted in a tenant's name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct OpenDocument {
    /// Its id.
    pub(super) document_id: String,
    /// The version in force.
    pub(super) version: i64,
}

/// An acceptance to be recorded on somebody's behalf.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct NewAcceptance {
    /// What kind of document.
    pub(super) document: String,
    /// The tenant's short name; `None` for a sign-in that belongs to none.
    pub(super) tenant: Option<String>,
    /// Which version.
    pub(super) version: i64,
    /// How it is known.
    pub(super) evidence: &'static str,
}

impl Admin {
    /// The API at this address, without a slash at its end.
    ///
    /// # Errors
    /// An address or token that HTTP cannot carry.
    pub(super) fn new(url: &str, token: &str) -> anyhow::Result<Self> {
        let bearer = Zeroizing::new(format!("Bearer {token}"));
        let mut authorization = HeaderValue::from_str(&bearer).context("the operator token is damaged")?;
        authorization.set_sensitive(true);
        // No proxy and no redirect: the token goes to the own listener and nowhere else.
        let http = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(60))
            .build()
            .context("cannot prepare the HTTP client")?;
        Ok(Self {
            http,
            base: Url::parse(url).context("the address of the admin API is none")?,
            authorization,
        })
    }

    /// Applies a manifest.
    ///
    /// # Errors
    /// What the server says.
    pub(super) async fn apply(&self, manifest: &Manifest) -> anyhow::Result<()> {
        let body = json!({ "manifest": manifest, "dry_run": false });
        self.send::<Value>(Method::POST, &["apply"], Some(body)).await.map(|_| ())
    }

    /// Makes a new version of an app's secret.
    ///
    /// # Errors
    /// What the server says.
    pub(super) async fn new_secret(&self, environment: &str, client_id: &str) -> anyhow::Result<NewSecret> {
        let path = ["environments", environment, "apps", client_id, "secrets"];
        self.send(Method::POST, &path, Some(json!({}))).await
    }

    /// The versions of an app's secret.
    ///
    /// # Errors
    /// What the server says.
    pub(super) async fn secrets(
        &self,
        environment: &str,
        client_id: &str,
    ) -> anyhow::Result<Vec<SecretVersion>> {
        #[derive(Deserialize)]
        struct App {
            secrets: Vec<SecretVersion>,
        }
        let app: App =
            self.send(Method::GET, &["environments", environment, "apps", client_id], None).await?;
        Ok(app.secrets)
    }

    /// Ends a version of an app's secret. Tokens that were had with it live on.
    ///
    /// # Errors
    /// What the server says.
    pub(super) async fn end_secret(
        &self,
        environment: &str,
        client_id: &str,
        version: i64,
    ) -> anyhow::Result<()> {
        let path = ["environments", environment, "apps", client_id, "secrets", &version.to_string(), "end"];
        self.send::<Value>(Method::POST, &path, Some(json!({ "end_tokens": false }))).await.map(|_| ())
    }

    /// Makes an API key with all scopes that the tenant's access to the API allows.
    ///
    /// # Errors
    /// What the server says.
    pub(super) async fn new_key(
        &self,
        environment: &str,
        tenant: &str,
        api: &str,
        name: &str,
    ) -> anyhow::Result<NewKey> {
        let body = json!({ "tenant": tenant, "name": name, "apis": [api] });
        self.send(Method::POST, &["environments", environment, "keys"], Some(body)).await
    }

    /// All keys of a tenant, oldest first.
    ///
    /// # Errors
    /// What the server says.
    pub(super) async fn keys(&self, environment: &str, tenant: &str) -> anyhow::Result<Vec<KnownKey>> {
        let mut url = self.url(&["environments", environment, "keys"])?;
        url.query_pairs_mut().append_pair("tenant", tenant);
        self.list(&url).await
    }

    /// Revokes a key for good.
    ///
    /// # Errors
    /// What the server says.
    pub(super) async fn revoke_key(&self, environment: &str, id: &str, reason: &str) -> anyhow::Result<()> {
        let path = ["environments", environment, "keys", id, "revoke"];
        self.send::<Value>(Method::POST, &path, Some(json!({ "reason": reason }))).await.map(|_| ())
    }

    /// Gives somebody a password: this one, or one that the server makes.
    ///
    /// # Errors
    /// What the server says.
    pub(super) async fn set_password(
        &self,
        environment: &str,
        email: &str,
        chosen: Option<&Zeroizing<String>>,
    ) -> anyhow::Result<Zeroizing<String>> {
        #[derive(Deserialize)]
        struct Set {
            password: String,
        }
        let path = ["environments", environment, "users", email, "password"];
        match chosen {
            Some(password) => {
                let body = json!({ "password": password.as_str() });
                self.send::<Value>(Method::PUT, &path, Some(body)).await?;
                Ok(password.clone())
            }
            None => {
                let body = json!({ "generate_password": true });
                let made: Set = self.send(Method::PUT, &path, Some(body)).await?;
                Ok(Zeroizing::new(made.password))
            }
        }
    }

    /// What somebody has accepted.
    ///
    /// # Errors
    /// What the server says.
    pub(super) async fn acceptances(
        &self,
        environment: &str,
        email: &str,
    ) -> anyhow::Result<Vec<KnownAcceptance>> {
        self.list(&self.url(&["environments", environment, "users", email, "acceptances"])?).await
    }

    /// Records that somebody has accepted a version of a document.
    ///
    /// # Errors
    /// What the server says.
    pub(super) async fn accept(
        &self,
        environment: &str,
        email: &str,
        acceptance: &NewAcceptance,
    ) -> anyhow::Result<()> {
        let path = ["environments", environment, "users", email, "acceptances"];
        self.send::<Value>(Method::POST, &path, Some(json!(acceptance))).await.map(|_| ())
    }

    /// What is to be accepted in a tenant's name now.
    ///
    /// # Errors
    /// What the server says.
    pub(super) async fn open_for(&self, tenant: &str) -> anyhow::Result<Vec<OpenDocument>> {
        #[derive(Deserialize)]
        struct Acceptances {
            open: Vec<OpenDocument>,
        }
        let all: Acceptances = self.send(Method::GET, &["tenants", tenant, "acceptances"], None).await?;
        Ok(all.open)
    }

    /// Records that a version of a document is accepted in a tenant's name.
    ///
    /// # Errors
    /// What the server says.
    pub(super) async fn accept_for(
        &self,
        tenant: &str,
        open: &OpenDocument,
        evidence: &str,
    ) -> anyhow::Result<()> {
        let body = json!({ "document": open.document_id, "version": open.version, "evidence": evidence });
        self.send::<Value>(Method::POST, &["tenants", tenant, "acceptances"], Some(body)).await.map(|_| ())
    }

    /// All pages of a list.
    async fn list<T: DeserializeOwned>(&self, url: &Url) -> anyhow::Result<Vec<T>> {
        #[derive(Deserialize)]
        struct Page<T> {
            items: Vec<T>,
            next: Option<String>,
        }
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let mut url = url.clone();
            if let Some(after) = &after {
                url.query_pairs_mut().append_pair("after", after);
            }
            let page: Page<T> = self.ask(Method::GET, url, None).await?;
            all.extend(page.items);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: Option<Value>,
    ) -> anyhow::Result<T> {
        self.ask(method, self.url(path)?, body).await
    }

    /// Each segment may hold any character.
    fn url(&self, path: &[&str]) -> anyhow::Result<Url> {
        let mut url = self.base.clone();
        let segments = url.path_segments_mut();
        segments.map_err(|()| anyhow::anyhow!("the address of the admin API takes no path"))?.extend(path);
        Ok(url)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        url: Url,
        body: Option<Value>,
    ) -> anyhow::Result<T> {
        let asked = format!("{method} {}", url.path());
        let mut request =
            self.http.request(method, url).header(header::AUTHORIZATION, self.authorization.clone());
        if let Some(body) = &body {
            request = request.json(body);
        }
        let response = request.send().await.with_context(|| format!("{asked}: no answer"))?;
        let status = response.status();
        let bytes = response.bytes().await.with_context(|| format!("{asked}: the answer broke off"))?;
        if !status.is_success() {
            bail!("{asked}: {}", refusal(status.as_u16(), &bytes));
        }
        serde_json::from_slice(&bytes).with_context(|| format!("{asked}: an unexpected answer"))
    }
}

/// Status and `detail` of a problem (RFC 9457).
fn refusal(status: u16, body: &[u8]) -> String {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let member = |name: &str| problem.get(name).and_then(Value::as_str);
    match member("detail").or_else(|| member("title")) {
        Some(text) => format!("{status}: {text}"),
        None => status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_cannot_leave_its_place() {
        let admin = Admin::new("http://127.0.0.1:1/admin/v1", "t").unwrap();
        let url = admin.url(&["environments", "e", "apps", "a/b c?d%2f#e"]).unwrap();
        assert_eq!(url.as_str(), "http://127.0.0.1:1/admin/v1/environments/e/apps/a%2Fb%20c%3Fd%252f%23e");
    }

    #[test]
    fn a_problem_is_told_with_its_detail() {
        assert_eq!(refusal(409, br#"{"title": "Conflict", "detail": "taken"}"#), "409: taken");
        assert_eq!(refusal(502, b"<html>"), "502");
    }

    #[test]
    fn a_damaged_token_is_refused_before_anything_is_sent() {
        assert!(Admin::new("http://127.0.0.1:1/admin/v1", "a\nb").is_err());
    }
}
