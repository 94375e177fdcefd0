//! The one JSON line of `grantor demo --json`, as far as a measurement needs it. Unknown fields are ignored.

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

/// Every measurement runs in this environment.
pub(crate) const ENVIRONMENT: &str = "production";

/// What the demo says about itself.
#[derive(Clone, Deserialize)]
pub(crate) struct Contract {
    ready: bool,
    environments: Vec<Environment>,
    /// The operator's credentials.
    pub(crate) operator: Operator,
    #[serde(default)]
    users: Vec<User>,
    apis: Vec<Api>,
}

/// A person with an account.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct User {
    role: String,
    /// What they sign in with.
    pub(crate) email: String,
    /// Their password.
    pub(crate) password: String,
}

#[derive(Clone, Deserialize)]
struct Environment {
    name: String,
    issuer: String,
}

/// Who may change the configuration.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Operator {
    /// A token for the management API.
    pub(crate) api_token: String,
    /// The management API.
    pub(crate) api_url: String,
}

/// One API of the demo in one environment.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Api {
    name: String,
    environment: String,
    /// Where tokens for it are issued.
    pub(crate) token_endpoint: String,
    /// Where the API is reached.
    base_url: String,
    /// Where a reverse proxy asks.
    pub(crate) forward_auth_url: String,
    /// Where its resource server asks, and as whom.
    pub(crate) introspection: Introspection,
    clients: Vec<Client>,
    api_keys: Vec<ApiKey>,
    examples: Vec<Example>,
}

/// An introspection endpoint with the caller's credentials.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Introspection {
    /// The endpoint.
    pub(crate) endpoint: String,
    /// The resource server's client id.
    pub(crate) client_id: String,
    /// Its secret.
    pub(crate) client_secret: String,
}

/// An app of the demo tenant.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Client {
    /// Its id.
    pub(crate) client_id: String,
    /// Its secret.
    pub(crate) client_secret: String,
    /// `client_secret_basic` or `client_secret_post` (RFC 7591 2).
    pub(crate) token_endpoint_auth_method: String,
    grant_types: Vec<String>,
    redirect_uris: Vec<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct ApiKey {
    key: String,
}

/// One route of the demo API.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Example {
    method: String,
    /// The path as the API knows it.
    pub(crate) path: String,
    /// The scope it demands, maybe empty.
    pub(crate) scope: String,
    accepts: Vec<String>,
}

impl Contract {
    /// Reads the line.
    pub(crate) fn parse(line: &str) -> Result<Self> {
        let contract: Self = serde_json::from_str(line).context("the demo's JSON line cannot be read")?;
        ensure!(contract.ready, "the demo says that it is not ready");
        Ok(contract)
    }

    /// The issuer of the measured environment.
    pub(crate) fn issuer(&self) -> Result<&str> {
        let environment = self.environments.iter().find(|environment| environment.name == ENVIRONMENT);
        Ok(&environment.with_context(|| format!("the demo has no environment {ENVIRONMENT:?}"))?.issuer)
    }

    /// The demo's end user.
    pub(crate) fn end_user(&self) -> Result<&User> {
        self.users.iter().find(|user| user.role == "end_user").context("the demo has no end user")
    }

    /// An API of the measured environment.
    pub(crate) fn api(&self, name: &str) -> Result<&Api> {
        let api = self.apis.iter().find(|api| api.name == name && api.environment == ENVIRONMENT);
        api.with_context(|| format!("the demo has no API {name:?} in {ENVIRONMENT:?}"))
    }
}

impl Api {
    /// The URI of a path as the gateway before the API sees it: with the path of the base URL before it.
    pub(crate) fn seen_by_gateway(&self, path: &str) -> String {
        let rest = self.base_url.split_once("://").map_or("", |(_, rest)| rest);
        let base = rest.find('/').map_or("", |index| &rest[index..]);
        format!("{base}{path}")
    }

    /// An app that may use the client-credentials grant with a secret.
    pub(crate) fn machine_client(&self) -> Result<&Client> {
        self.client_with("client_credentials")
    }

    /// An app that may use this grant with a secret.
    pub(crate) fn client_with(&self, grant: &str) -> Result<&Client> {
        let usable = |client: &&Client| {
            client.grant_types.iter().any(|own| own == grant)
                && matches!(
                    client.token_endpoint_auth_method.as_str(),
                    "client_secret_basic" | "client_secret_post"
                )
                && !client.client_secret.is_empty()
        };
        let client = self.clients.iter().find(usable);
        client.with_context(|| format!("{} has no client for {grant} with a secret", self.name))
    }

    /// All scopes of its routes for this kind of credential, space separated.
    pub(crate) fn scopes(&self, credential: &str) -> String {
        let mut scopes: Vec<&str> = Vec::new();
        let routes = self.examples.iter().filter(|route| route.accepts.iter().any(|kind| kind == credential));
        for scope in routes.flat_map(|route| route.scope.split(' ')).filter(|scope| !scope.is_empty()) {
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        scopes.join(" ")
    }

    /// An API key.
    pub(crate) fn api_key(&self) -> Result<&str> {
        let key = self.api_keys.iter().map(|key| key.key.as_str()).find(|key| !key.is_empty());
        key.with_context(|| format!("{} has no API key", self.name))
    }

    /// A route that is read with this kind of credential.
    pub(crate) fn route(&self, credential: &str) -> Result<&Example> {
        let fits =
            |route: &&Example| route.method == "GET" && route.accepts.iter().any(|kind| kind == credential);
        self.examples
            .iter()
            .find(fits)
            .with_context(|| format!("{} has no GET route for {credential:?}", self.name))
    }
}

impl Client {
    /// Where answers for it go.
    pub(crate) fn redirect_uri(&self) -> Result<&str> {
        let uri =
            self.redirect_uris.first().with_context(|| format!("{} has no redirect URI", self.client_id))?;
        Ok(uri)
    }
}

#[cfg(test)]
pub(crate) const SAMPLE: &str = r#"{"ready": true, "surplus": 1,
 "environments": [{"name": "sandbox", "issuer": "http://127.0.0.1:8080/sandbox"}, {"name": "production", "issuer": "http://127.0.0.1:8080"}],
 "operator": {"email": "o@example.com", "password": "p", "api_token": "t", "api_url": "http://127.0.0.1:8080/admin/v1"},
 "users": [], "mail_dir": "",
 "apis": [
  {"name": "assets", "environment": "sandbox", "api_keys": [{"id": "0", "key": "sandbox-key"}]},
  {"name": "assets", "environment": "production", "audience": "a", "token_endpoint": "http://127.0.0.1:8080/oauth/token",
   "base_url": "http://127.0.0.1:8080/demo/assets", "forward_auth_url": "http://127.0.0.1:8080/forward-auth/assets",
   "introspection": {"endpoint": "http://127.0.0.1:8080/introspect", "client_id": "rs", "client_secret": "s"},
   "clients": [
    {"client_id": "web", "client_secret": "s1", "token_endpoint_auth_method": "client_secret_basic", "grant_types": ["authorization_code"], "redirect_uris": []},
    {"client_id": "machine", "client_secret": "s2", "token_endpoint_auth_method": "client_secret_post", "grant_types": ["client_credentials"], "redirect_uris": []}],
   "api_keys": [{"id": "1", "key": "production-key"}],
   "examples": [
    {"method": "POST", "path": "/assets", "scope": "w", "accepts": ["client"]},
    {"method": "GET", "path": "/me", "scope": "", "accepts": ["user"]},
    {"method": "GET", "path": "/assets", "scope": "prod.teosapi", "accepts": ["client", "user", "api_key"]}]}]}"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_production_api_its_machine_client_and_its_key_are_chosen() {
        let contract = Contract::parse(SAMPLE).unwrap();
        assert_eq!(contract.issuer().unwrap(), "http://127.0.0.1:8080");
        let api = contract.api("assets").unwrap();
        assert_eq!(api.machine_client().unwrap().client_id, "machine");
        assert_eq!(api.api_key().unwrap(), "production-key");
        assert_eq!(api.route("api_key").unwrap().path, "/assets");
        assert!(api.route("device").is_err());
        assert_eq!(api.client_with("authorization_code").unwrap().client_id, "web");
        assert_eq!(api.scopes("client"), "w prod.teosapi");
        assert!(contract.api("payments").is_err());
    }

    #[test]
    fn a_demo_that_is_not_ready_is_not_measured() {
        assert!(Contract::parse(&SAMPLE.replace("\"ready\": true", "\"ready\": false")).is_err());
    }
}
