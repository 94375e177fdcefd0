//! Members of tenants, and an app of the provider by which they manage them.

use grantor_testkit::{Answer, Browser, Person, Pkce, Server, Tokens};
use reqwest::Method;
use serde_json::{Value, json};

use crate::code_flow::App;

pub(crate) const BOTH: &str = "tenant:read tenant:manage";

/// The provider's app for all partners.
pub(crate) struct Portal {
    app: App,
}

impl Portal {
    pub(crate) async fn new(server: &Server) -> Self {
        let body = json!({
            "client_id": "portal", "tenant": "provider", "apis": ["grantor-admin"], "metadata": { "tenancy": "members" },
        });
        Self { app: App::of_api(server, "payments", body).await }
    }

    /// A token of somebody for this API, by the code flow.
    pub(crate) async fn token(&self, server: &Server, person: &Person, scope: &str) -> String {
        self.tokens(server, person, scope).await.access
    }

    pub(crate) async fn tokens(&self, server: &Server, person: &Person, scope: &str) -> Tokens {
        let pkce = Pkce::new_one();
        let url = self.app.url(server, &pkce, &[("scope", scope)]);
        let code = server.sign_in(&mut Browser::new(server), &url, person).await;
        Tokens::of(&self.app.redeem(server, &(code, pkce)).await)
    }

    pub(crate) async fn refresh(&self, server: &Server, token: &str) -> Answer {
        self.app.refresh(server, token).await
    }
}

/// A tenant with access to payments and assets, a contract, and its documents accepted.
pub(crate) async fn new_tenant(server: &Server, name: &str) {
    let manifest = format!(
        "[[tenant]]\nname = \"{name}\"\n[[access]]\ntenant = \"{name}\"\nenvironments = [\"production\", \"sandbox\"]\n\
         apis = [\"payments\", \"assets\"]\n\
         contract = {{ sha256 = \"{}\", signed_at = \"2020-01-02T00:00:00Z\" }}\n",
        "ab".repeat(32)
    );
    let applied = server.apply(&manifest).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    let path = format!("/tenants/{name}/acceptances");
    let open = server.admin("GET", &path, Value::Null).await.json()["open"].clone();
    for open in open.as_array().unwrap() {
        let body = json!({ "document": open["document"], "version": open["version"] });
        let accepted = server.admin("POST", &path, body).await;
        assert_eq!(accepted.status, 201, "{}", accepted.text);
    }
}

/// Somebody new in production who is this to a tenant.
pub(crate) async fn member(server: &Server, tenant: &str, roles: &[&str]) -> Person {
    member_in(server, "production", tenant, roles).await
}

pub(crate) async fn member_in(server: &Server, environment: &str, tenant: &str, roles: &[&str]) -> Person {
    let person = Person::new_one();
    let body = json!({ "email": person.email, "password": person.password, "email_verified": true });
    let users = format!("/environments/{environment}/users");
    let made = server.admin("POST", &users, body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let path = format!("{users}/{}/memberships/{tenant}", person.email);
    let put = server.admin("PUT", &path, json!({ "roles": roles })).await;
    assert_eq!(put.status, 200, "{}", put.text);
    person
}

/// A request with a token, and with headers.
pub(crate) async fn with(
    server: &Server,
    token: &str,
    (method, path): (&str, &str),
    body: Value,
    headers: &[(&'static str, &str)],
) -> Answer {
    let url = format!("{}{path}", server.contract()["operator"]["api_url"].as_str().unwrap());
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = server.http.request(method.clone(), url).bearer_auth(token);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if method != Method::GET {
        request = request.json(&body);
    }
    server.send(request).await
}

/// A request with a token.
pub(crate) async fn ask(server: &Server, token: &str, method: &str, path: &str, body: Value) -> Answer {
    with(server, token, (method, path), body, &[]).await
}
