//! An app of a test's own: registered as the test needs it, with its authorization requests and its token requests.

use grantor_testkit::{Answer, AppReply, Browser, Client, Person, Pkce, Server, Tokens, basic};
use reqwest::Url;
use serde_json::{Value, json};

/// Where the apps of the tests live.
pub(crate) const PRODUCTION: &str = "production";

/// A redirect URI on a host that is not ours.
pub(crate) const CALLBACK: &str = "https://rp.test/cb";

/// What an app of payments asks for where the request does not matter.
pub(crate) const SCOPE: &str = "openid profile email offline_access payments:read";

/// An app that users sign in to.
pub(crate) struct App {
    /// Its credentials; the secret of a public app is empty.
    pub(crate) client: Client,
    /// Where it gets its answers.
    pub(crate) redirect_uri: String,
    /// What it asks for.
    pub(crate) scope: String,
    environment: String,
    token_endpoint: String,
}

impl App {
    /// The demo's own app for users of payments.
    pub(crate) fn of_payments(server: &Server) -> Self {
        Self {
            client: server.client_with(PRODUCTION, "payments", "authorization_code"),
            redirect_uri: server.redirect_uri(PRODUCTION, "payments"),
            scope: SCOPE.to_owned(),
            environment: PRODUCTION.to_owned(),
            token_endpoint: server.token_endpoint(PRODUCTION, "payments"),
        }
    }

    /// A new app of payments with one redirect URI and the metadata of the test.
    pub(crate) async fn new(server: &Server, client_id: &str, metadata: Value) -> Self {
        Self::of_api(server, "payments", json!({ "client_id": client_id, "metadata": metadata })).await
    }

    /// A new app of an API, with whatever the test says of it.
    pub(crate) async fn of_api(server: &Server, api: &str, mut body: Value) -> Self {
        let usual = [("tenant", json!("acme")), ("apis", json!([api])), ("metadata", json!({}))];
        for (name, value) in usual {
            if body.get(name).is_none() {
                body[name] = value;
            }
        }
        if body["metadata"].get("redirect_uris").is_none() {
            body["metadata"]["redirect_uris"] = json!([CALLBACK]);
        }
        let redirect_uri = body["metadata"]["redirect_uris"][0].as_str().expect("a redirect URI").to_owned();
        Self {
            client: server.new_app(PRODUCTION, body).await,
            redirect_uri,
            scope: SCOPE.to_owned(),
            environment: PRODUCTION.to_owned(),
            token_endpoint: server.token_endpoint(PRODUCTION, api),
        }
    }

    /// The same app with other things to ask for.
    pub(crate) fn asking_for(mut self, scope: &str) -> Self {
        scope.clone_into(&mut self.scope);
        self
    }

    /// The same requests in the name of another app.
    pub(crate) fn by_client(mut self, client: &Client, redirect_uri: &str) -> Self {
        self.client = client.clone();
        redirect_uri.clone_into(&mut self.redirect_uri);
        self
    }

    /// An authorization request; `changes` as in [`Server::authorize_url`].
    pub(crate) fn url(&self, server: &Server, pkce: &Pkce, changes: &[(&str, &str)]) -> String {
        let own = [
            ("client_id", self.client.id.as_str()),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("scope", self.scope.as_str()),
        ];
        let changed = |name: &str| changes.iter().any(|(other, _)| *other == name);
        let all: Vec<_> =
            own.into_iter().filter(|(name, _)| !changed(name)).chain(changes.iter().copied()).collect();
        server.authorize_url(&self.environment, "payments", pkce, &all)
    }

    /// What the endpoint answers to a request that comes without cookies.
    pub(crate) async fn ask(&self, server: &Server, changes: &[(&str, &str)]) -> Answer {
        server.get(&self.url(server, &Pkce::new_one(), changes), None).await
    }

    /// Signs the demo's end user in, allows everything, and gives the code.
    pub(crate) async fn code(
        &self,
        server: &Server,
        browser: &mut Browser,
        changes: &[(&str, &str)],
    ) -> (String, Pkce) {
        let pkce = Pkce::new_one();
        let url = self.url(server, &pkce, changes);
        let code = server.sign_in(browser, &url, &end_user(server)).await;
        (code, pkce)
    }

    /// A token request with the app's own authentication.
    pub(crate) async fn token(&self, server: &Server, fields: &[(&str, &str)]) -> Answer {
        let Client { id, secret } = &self.client;
        if secret.is_empty() {
            let with_id: Vec<_> = fields.iter().copied().chain([("client_id", id.as_str())]).collect();
            return server.post(&self.token_endpoint, None, &form(&with_id)).await;
        }
        server.post(&self.token_endpoint, Some(&basic(id, secret)), &form(fields)).await
    }

    /// Exchanges a code. `changes` replace fields; an empty value leaves one out.
    pub(crate) async fn redeem_with(
        &self,
        server: &Server,
        (code, pkce): &(String, Pkce),
        changes: &[(&str, &str)],
    ) -> Answer {
        let usual = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("code_verifier", pkce.verifier.as_str()),
        ];
        let changed = |name: &str| changes.iter().any(|(other, _)| *other == name);
        let fields: Vec<_> =
            usual.into_iter().filter(|(name, _)| !changed(name)).chain(changes.iter().copied()).collect();
        let sent: Vec<_> = fields.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        self.token(server, &sent).await
    }

    /// Exchanges a code as it should be done.
    pub(crate) async fn redeem(&self, server: &Server, code: &(String, Pkce)) -> Answer {
        self.redeem_with(server, code, &[]).await
    }

    /// Exchanges a refresh token.
    pub(crate) async fn refresh(&self, server: &Server, token: &str) -> Answer {
        self.token(server, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// Tokens of the demo's end user.
    pub(crate) async fn tokens(
        &self,
        server: &Server,
        browser: &mut Browser,
        changes: &[(&str, &str)],
    ) -> Tokens {
        let code = self.code(server, browser, changes).await;
        Tokens::of(&self.redeem(server, &code).await)
    }
}

/// The person who signs in to apps of the demo.
pub(crate) fn end_user(server: &Server) -> Person {
    server.person("end_user")
}

/// A form as it travels.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    let mut url = Url::parse("http://form.test/").expect("a URL");
    url.query_pairs_mut().extend_pairs(fields);
    url.query().unwrap_or("").to_owned()
}

/// What an app gets by a redirect.
pub(crate) fn reply(answer: &Answer) -> AppReply {
    assert_eq!(answer.status, 303, "{}", answer.text);
    let mut url = Url::parse(answer.header("location")).expect("a location is a URL");
    assert_eq!(url.fragment(), None, "no answer travels in a fragment");
    let parameters = url.query_pairs().map(|(name, value)| (name.into(), value.into())).collect();
    url.set_query(None);
    AppReply { redirect_uri: url.into(), parameters }
}

/// The endpoint refuses and tells the app so: the error code at the app's own redirect URI, with `state` and `iss`.
pub(crate) fn told(server: &Server, app: &App, answer: &Answer) -> String {
    let reply = reply(answer);
    let registered = app.redirect_uri.split('?').next().unwrap_or("");
    assert_eq!(reply.redirect_uri, registered);
    assert_eq!(reply.get("code"), "", "a refusal brings no code");
    assert_eq!(reply.get("state"), "state of the app");
    assert_eq!(reply.get("iss"), server.issuer(&app.environment));
    assert!(is_description(reply.get("error_description")), "{reply:?}");
    reply.get("error").to_owned()
}

/// RFC 6749 4.1.2.1: %x20-21 / %x23-5B / %x5D-7E, and not empty.
pub(crate) fn is_description(text: &str) -> bool {
    let allowed = |byte: u8| (0x20..=0x7e).contains(&byte) && byte != b'"' && byte != b'\\';
    !text.is_empty() && text.bytes().all(allowed)
}

/// The endpoint refuses on a page of our own: nobody is sent anywhere, nothing is run (RFC 6749 4.1.2.1, RFC 9700 4.11.2).
pub(crate) fn refused_here(answer: &Answer) {
    assert_eq!(answer.status, 400, "{:?} {}", answer.header("location"), answer.text);
    assert!(answer.headers.get("location").is_none() && answer.headers.get("refresh").is_none());
    assert!(answer.header("content-type").starts_with("text/html"));
    assert!(answer.text.contains("id=\"error-text\"") && answer.text.contains("id=\"error-request-id\""));
    assert!(!answer.text.contains("<script") && !answer.text.contains("http-equiv"), "{}", answer.text);
    is_guarded(answer);
}

/// What every page of the endpoint carries.
pub(crate) fn is_guarded(answer: &Answer) {
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
}
