//! A small API behind the layer, and a client that sends exactly the bytes it is told to.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::routing::{get, post};
use axum::{Extension, Router};
use grantor_resource::{Caller, Clock, Contract, IntrospectOptions, Mode, ProtectLayer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::fake_issuer::FakeIssuer;

pub(crate) const AUDIENCE: &str = "https://api.example.org";

/// When every test begins, in seconds since 1970 UTC.
pub(crate) const START: u64 = 1_800_000_000;

/// A clock that stands until it is moved.
#[derive(Clone)]
pub(crate) struct Hands(Arc<AtomicU64>);

impl Hands {
    pub(crate) fn new() -> Hands {
        Hands(Arc::new(AtomicU64::new(START)))
    }

    pub(crate) fn forward(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn clock(&self) -> Clock {
        let hands = self.clone();
        Clock::new(move || Duration::from_secs(hands.0.load(Ordering::SeqCst)))
    }
}

pub(crate) fn contract() -> Contract {
    let document = json!({
        "openapi": "3.1.0",
        "servers": [{"url": "/demo/payments"}],
        "components": {"securitySchemes": {"oauth": {"type": "oauth2", "flows": {}}}},
        "security": [{"oauth": ["payments:read"]}],
        "x-grantor-credential": ["client", "user"],
        "paths": {
            "/transfers": {"get": {}, "post": {"security": [{"oauth": ["payments:write"]}]}},
            "/me": {"get": {"x-grantor-credential": ["user"]}},
            "/keys/self": {"get": {"x-grantor-credential": ["api_key"]}},
            "/transfers/{id}": {"get": {}}
        }
    });
    Contract::from_openapi(&document.to_string()).unwrap()
}

pub(crate) fn introspect(issuer: &FakeIssuer, cache: Duration) -> Mode {
    Mode::Introspect(IntrospectOptions {
        endpoint: format!("{}/introspect", issuer.url),
        issuer: issuer.url.clone(),
        audience: AUDIENCE.into(),
        client_id: "pay api".into(),
        client_secret: "s:1".into(),
        cache,
    })
}

/// An answer of the issuer about a good client token with the scope to read.
pub(crate) fn active(issuer: &FakeIssuer) -> Value {
    json!({"active": true, "iss": issuer.url, "aud": [AUDIENCE], "credential_kind": "client", "sub": "app-1",
        "client_id": "app-1", "tid": "tenant-1", "env": "production", "scope": "payments:read", "jti": "j-1",
        "exp": START + 3600})
}

/// A running API; every handler answers with the caller's subject.
pub(crate) struct Api(std::net::SocketAddr);

impl Api {
    pub(crate) async fn start(layer: ProtectLayer) -> Api {
        let who = |Extension(caller): Extension<Caller>| async move { format!("{caller:?}") };
        let inner = Router::new()
            .route("/transfers", get(who).post(post_transfer))
            .route("/transfers/{id}", get(who))
            .route("/me", get(who))
            .route("/keys/self", get(who))
            .route("/undocumented", post(who));
        Api::serve(Router::new().nest("/demo/payments", inner).layer(layer)).await
    }

    pub(crate) async fn serve(app: Router) -> Api {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Api(address)
    }

    /// `GET /demo/payments{path}` with a token.
    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        let authorization = format!("Authorization: Bearer {token}");
        self.send("GET", &format!("/demo/payments{path}"), &[&authorization]).await
    }

    pub(crate) async fn send(&self, method: &str, target: &str, headers: &[&str]) -> Answer {
        let mut stream = TcpStream::connect(self.0).await.unwrap();
        let mut request = format!("{method} {target} HTTP/1.1\r\nHost: api\r\nConnection: close\r\n");
        for header in headers {
            request.push_str(&format!("{header}\r\n"));
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        Answer {
            status,
            headers: headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect(),
            body: body.to_owned(),
        }
    }
}

async fn post_transfer() -> &'static str {
    "made"
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn challenge(&self) -> &str {
        self.headers.get("www-authenticate").map(String::as_str).unwrap_or_default()
    }
}
