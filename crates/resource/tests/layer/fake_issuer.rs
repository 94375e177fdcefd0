//! An issuer that says what a test tells it to say, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse;
use serde_json::{Value, json};

/// A running issuer.
pub(crate) struct FakeIssuer {
    pub(crate) url: String,
    state: Arc<Mutex<Script>>,
}

struct Script {
    url: String,
    status: u16,
    introspection: String,
    jwks: String,
    discovered_issuer: String,
    asked: Vec<Asked>,
}

/// One request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) authorization: String,
    pub(crate) content_type: String,
    pub(crate) body: String,
}

impl FakeIssuer {
    pub(crate) async fn start() -> FakeIssuer {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(Script {
            url: url.clone(),
            status: 200,
            introspection: json!({"active": false}).to_string(),
            jwks: json!({"keys": []}).to_string(),
            discovered_issuer: url.clone(),
            asked: Vec::new(),
        }));
        let app = Router::new().fallback(answer).with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        FakeIssuer { url, state }
    }

    /// From now on every answer has this status.
    pub(crate) fn status(&self, status: u16) {
        self.state.lock().unwrap().status = status;
    }

    pub(crate) fn introspection(&self, answer: &Value) {
        self.introspection_text(answer.to_string());
    }

    pub(crate) fn introspection_text(&self, answer: String) {
        self.state.lock().unwrap().introspection = answer;
    }

    pub(crate) fn jwks(&self, jwks: &impl serde::Serialize) {
        self.state.lock().unwrap().jwks = serde_json::to_string(jwks).unwrap();
    }

    pub(crate) fn discovered_issuer(&self, issuer: &str) {
        self.state.lock().unwrap().discovered_issuer = issuer.into();
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.lock().unwrap().asked.clone()
    }

    pub(crate) fn times(&self, path: &str) -> usize {
        self.asked().iter().filter(|asked| asked.path == path).count()
    }
}

async fn answer(
    State(state): State<Arc<Mutex<Script>>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let mut script = state.lock().unwrap();
    let header = |name| headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    script.asked.push(Asked {
        path: uri.path().to_owned(),
        authorization: header("authorization"),
        content_type: header("content-type"),
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    let status = StatusCode::from_u16(script.status).unwrap();
    let text = match uri.path() {
        "/introspect" => script.introspection.clone(),
        "/jwks" => script.jwks.clone(),
        "/.well-known/openid-configuration" => {
            json!({"issuer": script.discovered_issuer, "jwks_uri": format!("{}/jwks", script.url)})
                .to_string()
        }
        _ => String::new(),
    };
    // A redirect that leads to a better answer, for clients that follow it.
    (status, [("location", "/introspect-elsewhere"), ("retry-after", "7")], text)
}
