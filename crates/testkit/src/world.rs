//! The demo's landscape as a test's world: five APIs in two environments, behind Grantor's own layer.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use grantor_server::config::Leaks;
use grantor_server::demo::{self, Demo, DemoOptions};
use grantor_server::node::Node;
use grantor_server::password::Cost;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::clock::TestClock;
use crate::door::Door;
use crate::logs;
use crate::postgres::Database;

/// A running server with the demo's landscape.
pub struct Server {
    demo: Option<Demo>,
    clock: Arc<TestClock>,
    place: Place,
    /// Speaks HTTP/1.1 without following redirects.
    pub http: reqwest::Client,
}

/// What outlives a restart. The database is on PostgreSQL if `GRANTOR_TEST_DATABASE` says so, else in the folder.
struct Place {
    folder: tempfile::TempDir,
    database: Option<Database>,
}

impl Place {
    /// With the database as a file in the folder.
    fn on_sqlite() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), database: None }
    }

    fn as_asked() -> Self {
        let database = match std::env::var_os("GRANTOR_TEST_DATABASE") {
            None => None,
            Some(engine) if engine == "sqlite" => None,
            Some(engine) if engine == "postgres" => Some(Database::fresh()),
            Some(other) => panic!("GRANTOR_TEST_DATABASE is sqlite or postgres, not {other:?}"),
        };
        Self { database, ..Self::on_sqlite() }
    }
}

/// An app of the landscape.
#[derive(Clone)]
pub struct Client {
    /// Its id.
    pub id: String,
    /// A living secret of it.
    pub secret: String,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
}

impl Answer {
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// A header as text, empty if it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// The OAuth error code, empty if there is none.
    pub fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or("").to_owned()
    }
}

/// The value of an HTTP Basic header.
pub fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}")))
}

impl Server {
    /// Starts one, on a free port, in a folder of its own; with `GRANTOR_TEST_DATABASE=postgres` on a fresh PostgreSQL
    /// database.
    pub async fn start() -> Self {
        Self::start_at(Place::as_asked()).await
    }

    /// Starts one on SQLite, for tests that are about its files.
    pub async fn start_on_sqlite() -> Self {
        Self::start_at(Place::on_sqlite()).await
    }

    async fn start_at(place: Place) -> Self {
        logs::start();
        let clock = Arc::new(TestClock::new());
        let demo = launch(&place, clock.clone(), ANY_PORT).await;
        Self::with(demo, clock, place)
    }

    fn with(demo: Demo, clock: Arc<TestClock>, place: Place) -> Self {
        logs::note(&demo.contract);
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("an HTTP client");
        Self { demo: Some(demo), clock, place, http }
    }

    fn demo(&self) -> &Demo {
        self.demo.as_ref().expect("a server is running between start and stop")
    }

    /// Stops and starts again on the same folder, at the same time of the clock. A server that was still running keeps
    /// its address, so that its issuers and the tokens of before stay what they were.
    pub async fn restart(mut self) -> Self {
        let mut listen = ANY_PORT;
        if let Some(demo) = self.demo.take() {
            listen = demo.running.address;
            demo.running.shutdown().await;
        }
        let demo = launch(&self.place, self.clock.clone(), listen).await;
        Self::with(demo, self.clock, self.place)
    }

    /// Stops; the folder stays until the value is dropped.
    pub async fn stop(&mut self) {
        if let Some(demo) = self.demo.take() {
            demo.running.shutdown().await;
        }
    }

    /// The clock, to be moved.
    pub fn clock(&self) -> &TestClock {
        &self.clock
    }

    /// The folder with the database, if it is a file, and the master key.
    pub fn folder(&self) -> &Path {
        self.place.folder.path()
    }

    /// Another way into the database.
    pub async fn door(&self) -> Door {
        match &self.place.database {
            Some(database) => Door::Postgres(database.connect().await),
            None => {
                let file = self.folder().join("data/grantor.db");
                Door::Sqlite(rusqlite::Connection::open(file).expect("the database"))
            }
        }
    }

    /// The node, for what no request can show.
    pub fn node(&self) -> &Arc<Node> {
        &self.demo().running.node
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.demo().running.address
    }

    /// The management listener.
    pub fn management(&self) -> SocketAddr {
        self.demo().running.management.expect("the management listener is on in tests")
    }

    /// The JSON of `grantor demo --json`.
    pub fn contract(&self) -> &Value {
        &self.demo().contract
    }

    /// The entry of an API in an environment.
    pub fn api(&self, environment: &str, name: &str) -> &Value {
        let apis = self.contract()["apis"].as_array().expect("apis is a list");
        apis.iter()
            .find(|api| api["name"] == name && api["environment"] == environment)
            .expect("an API of the demo")
    }

    /// The issuer of an environment.
    pub fn issuer(&self, environment: &str) -> String {
        let all = self.contract()["environments"].as_array().expect("environments is a list");
        let found =
            all.iter().find(|known| known["name"] == environment).expect("an environment of the demo");
        found["issuer"].as_str().expect("an issuer is text").to_owned()
    }

    /// The first app of an API.
    pub fn client(&self, environment: &str, api: &str) -> Client {
        let client = &self.api(environment, api)["clients"][0];
        let text = |name: &str| client[name].as_str().expect("client id and secret are text").to_owned();
        Client { id: text("client_id"), secret: text("client_secret") }
    }

    /// The first API key of an API.
    pub fn key(&self, environment: &str, api: &str) -> String {
        self.api(environment, api)["api_keys"][0]["key"].as_str().expect("an API key").to_owned()
    }

    /// Sends a request and reads the answer.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a body");
        let answer = Answer { status, headers, text };
        logs::note(&answer.json());
        answer
    }

    /// Posts a form as it is written, with or without an `Authorization` header.
    pub async fn post(&self, url: &str, authorization: Option<&str>, form: &str) -> Answer {
        let mut request = self
            .http
            .post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.to_owned());
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        self.send(request).await
    }

    /// Gets a URL with a bearer credential.
    pub async fn get(&self, url: &str, bearer: Option<&str>) -> Answer {
        let mut request = self.http.get(url);
        if let Some(token) = bearer {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.send(request).await
    }

    /// The token endpoint of an API.
    pub fn token_endpoint(&self, environment: &str, api: &str) -> String {
        self.api(environment, api)["token_endpoint"].as_str().expect("a token endpoint").to_owned()
    }

    /// Asks for a client-credentials token in the way that the API's app is registered for.
    pub async fn request_token(&self, environment: &str, api: &str, client: &Client) -> Answer {
        let url = self.token_endpoint(environment, api);
        if self.api(environment, api)["clients"][0]["token_endpoint_auth_method"] == "client_secret_post" {
            let form = format!(
                "grant_type=client_credentials&client_id={}&client_secret={}",
                client.id, client.secret
            );
            return self.post(&url, None, &form).await;
        }
        self.post(&url, Some(&basic(&client.id, &client.secret)), "grant_type=client_credentials").await
    }

    /// A client-credentials token of the API's first app.
    pub async fn token(&self, environment: &str, api: &str) -> String {
        let answer = self.request_token(environment, api, &self.client(environment, api)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["access_token"].as_str().expect("an access token").to_owned()
    }

    /// Introspects as the API itself.
    pub async fn introspect(&self, environment: &str, api: &str, token: &str) -> Answer {
        let caller = &self.api(environment, api)["introspection"];
        let text = |name: &str| caller[name].as_str().expect("introspection holds text").to_owned();
        self.post(
            &text("endpoint"),
            Some(&basic(&text("client_id"), &text("client_secret"))),
            &format!("token={token}"),
        )
        .await
    }

    /// Asks as a reverse proxy on this machine would.
    pub async fn forward_auth(
        &self,
        environment: &str,
        api: &str,
        bearer: Option<&str>,
        method: &str,
        path: &str,
    ) -> Answer {
        let entry = self.api(environment, api);
        let base = entry["base_url"].as_str().expect("a base URL");
        let base_path = base.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap_or_default();
        let mut request = self
            .http
            .get(entry["forward_auth_url"].as_str().expect("a forward-auth URL"))
            .header("x-forwarded-method", method)
            .header("x-forwarded-uri", format!("{base_path}{path}"));
        if let Some(token) = bearer {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.send(request).await
    }

    /// Calls an operation of a demo API.
    pub async fn call(
        &self,
        environment: &str,
        api: &str,
        bearer: Option<&str>,
        method: &str,
        path: &str,
    ) -> Answer {
        let base = self.api(environment, api)["base_url"].as_str().expect("a base URL").to_owned();
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.http.request(method, format!("{base}{path}"));
        if let Some(token) = bearer {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.send(request).await
    }

    /// Whether a credential is good: by introspection, by forward-auth, and at the API behind its layer. `path` is read
    /// with GET. An answer that is neither a yes nor a 401 is a defect.
    pub async fn verdicts(&self, environment: &str, api: &str, credential: &str, path: &str) -> [bool; 3] {
        let verdict = |answer: Answer| match answer.status {
            200 => true,
            401 => false,
            other => panic!("{other} is no verdict: {}", answer.text),
        };
        let introspected = self.introspect(environment, api, credential).await;
        assert_eq!(introspected.status, 200, "{}", introspected.text);
        let active = introspected.json()["active"].as_bool().expect("active is a boolean");
        let asked = self.forward_auth(environment, api, Some(credential), "GET", path).await;
        let called = self.call(environment, api, Some(credential), "GET", path).await;
        [active, verdict(asked), verdict(called)]
    }

    /// Asks the admin API as the operator. `path` begins behind `/admin/v1`.
    pub async fn admin(&self, method: &str, path: &str, body: Value) -> Answer {
        let operator = &self.contract()["operator"];
        let url = format!("{}{path}", operator["api_url"].as_str().expect("the admin API's URL"));
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self
            .http
            .request(method.clone(), url)
            .bearer_auth(operator["api_token"].as_str().expect("the operator's token"));
        if method != Method::GET {
            request = request.json(&body);
        }
        self.send(request).await
    }

    /// Applies a manifest in TOML through the admin API. Contracts must stand in it as `openapi`.
    pub async fn apply(&self, manifest: &str) -> Answer {
        let manifest = grantor_server::manifest::from_toml(manifest).expect("the test's manifest parses");
        self.admin("POST", "/apply", json!({ "manifest": manifest })).await
    }

    /// Accepts what is open in a tenant's name.
    pub async fn accept_documents(&self, tenant: &str) {
        let path = format!("/tenants/{tenant}/acceptances");
        let open = self.admin("GET", &path, json!({})).await.json()["open"].clone();
        for document in open.as_array().into_iter().flatten() {
            let body = json!({ "document": document["document_id"], "version": document["version"] });
            let answer = self.admin("POST", &path, body).await;
            assert_eq!(answer.status, 201, "{}", answer.text);
        }
    }

    /// Registers an app and gives its first secret.
    pub async fn new_app(&self, environment: &str, body: Value) -> Client {
        let answer = self.admin("POST", &format!("/environments/{environment}/apps"), body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let body = answer.json();
        let text = |name: &str| body[name].as_str().unwrap_or("").to_owned();
        Client { id: text("client_id"), secret: text("client_secret") }
    }

    /// The claims of a JWT, unverified; null if it is none.
    pub fn claims(token: &str) -> Value {
        let payload = token.split('.').nth(1).unwrap_or("");
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload);
        bytes.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or(Value::Null)
    }
}

/// The file in the server's folder that is read for GitHub's keys. A test that needs some writes it.
pub const GITHUB_KEYS: &str = "github-keys.json";
/// Who of the provider's team is told of leaks.
pub const TEAM: &str = "team@provider.test";

/// With `GRANTOR_TEST_MANIFEST`, a file, every server of the run has what that manifest says in place of what is embedded.
fn other_manifest() -> Option<String> {
    let file = std::env::var_os("GRANTOR_TEST_MANIFEST")?;
    Some(std::fs::read_to_string(file).expect("the manifest that GRANTOR_TEST_MANIFEST names"))
}

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

async fn launch(place: &Place, clock: Arc<TestClock>, listen: SocketAddr) -> Demo {
    let options = DemoOptions {
        listen,
        management: Some(ANY_PORT),
        data: Some(place.folder.path().join("data")),
        database_url: place.database.as_ref().map(|database| database.url().parse().expect("a URL")),
        manifest: other_manifest(),
        json: true,
        password_cost: Cost::new(64, 1).expect("a cost that argon2 can do"),
        leaks: Leaks {
            github_keys: Some(place.folder.path().join(GITHUB_KEYS)),
            notify: Some(TEAM.parse().expect("an address")),
        },
    };
    // After a restart the port may be somebody else's for a moment: outgoing connections of other tests take ports, too.
    for _ in 0..100 {
        match demo::start(&options, clock.clone()).await {
            Ok(demo) => return demo,
            Err(error) if listen.port() != 0 && error.to_string().contains("cannot listen on") => {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            Err(error) => panic!("the demo does not start: {error:#}"),
        }
    }
    panic!("the port {} did not become free again", listen.port())
}
