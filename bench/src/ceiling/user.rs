//! The composite ceiling of tokens for users: what the token ceiling does, and one durable write before the answer
//! (RFC 6749 4.1.3, 6; RFC 7636 4.6).

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SecureRandom as _;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use bytes::Bytes;

use super::Server;
use super::clients::form_value;
use super::ledger::{Ledger, Unit};
use super::token::{answer, issue};

/// The PKCE verifier of every code, as long as one may be short.
pub(crate) const VERIFIER: &str = "bench-verifier-bench-verifier-bench-verifier";

/// A signed ceiling with a ledger.
pub(super) struct Keeper {
    /// Clients and keys.
    pub(super) server: Server,
    /// What is durable.
    pub(super) ledger: Ledger,
    /// Tags refresh tokens.
    pub(super) tags: hmac::Key,
    /// The challenge of [`VERIFIER`].
    pub(super) challenge: Vec<u8>,
}

impl Keeper {
    /// With a key of its own.
    pub(super) fn new(server: Server, ledger: Ledger) -> Option<Self> {
        let tags = hmac::Key::generate(hmac::HMAC_SHA256, server.keys.random()).ok()?;
        let challenge = digest(&SHA256, VERIFIER.as_bytes()).as_ref().to_vec();
        Some(Self { server, ledger, tags, challenge })
    }

    /// Generation `generation` of a family, with a tag that nobody else can make.
    fn refresh_token(&self, family: i64, generation: i64) -> String {
        let said = format!("{family}.{generation}");
        let tag = BASE64_URL_SAFE_NO_PAD.encode(hmac::sign(&self.tags, said.as_bytes()));
        format!("{said}.{tag}")
    }

    /// Family and generation of a genuine token.
    fn read(&self, token: &str) -> Option<(i64, i64)> {
        let (said, tag) = token.rsplit_once('.')?;
        hmac::verify(&self.tags, said.as_bytes(), &BASE64_URL_SAFE_NO_PAD.decode(tag).ok()?).ok()?;
        let (family, generation) = said.split_once('.')?;
        Some((family.parse().ok()?, generation.parse().ok()?))
    }

    async fn exchange(&self, body: &[u8]) -> Option<(i64, i64)> {
        match form_value(body, "grant_type")?.as_ref() {
            "authorization_code" => {
                let verifier = form_value(body, "code_verifier")?;
                let proved = digest(&SHA256, verifier.as_bytes()).as_ref() == self.challenge;
                let code = hash(&form_value(body, "code")?);
                let family = self.ledger.commit(Unit::Redeem(code)).await?;
                proved.then_some((family, 1))
            }
            "refresh_token" => {
                let (family, from) = self.read(&form_value(body, "refresh_token")?)?;
                self.ledger.commit(Unit::Rotate { family, from }).await.map(|family| (family, from + 1))
            }
            _ => None,
        }
    }
}

fn hash(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    hash
}

/// A code, as a redirect would bring it.
pub(super) async fn code(State(keeper): State<Arc<Keeper>>) -> Response {
    let mut code = [0; 32];
    if keeper.server.keys.random().fill(&mut code).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let code = BASE64_URL_SAFE_NO_PAD.encode(code);
    match keeper.ledger.commit(Unit::Begin(hash(&code))).await {
        Some(_) => {
            let location = format!("http://127.0.0.1/callback?code={code}&state=bench");
            (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
        }
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Exchanges a code or a refresh token.
pub(super) async fn post(State(keeper): State<Arc<Keeper>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(client) = keeper.server.clients.authenticate(&headers) else {
        return (StatusCode::UNAUTHORIZED, r#"{"error":"invalid_client"}"#).into_response();
    };
    let Some((family, generation)) = keeper.exchange(&body).await else {
        return (StatusCode::BAD_REQUEST, r#"{"error":"invalid_grant"}"#).into_response();
    };
    let refresh_token = keeper.refresh_token(family, generation);
    answer(issue(&keeper.server, client, client.scope, Some(&refresh_token)))
}
