//! What the issuer says about a credential (RFC 7662), and for how long that is believed.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use grantor_jose::Audience;
use http::HeaderValue;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use quick_cache::sync::Cache;
use reqwest::{Client, Url};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::caller::Caller;
use crate::challenge::Refusal;
use crate::clock::seconds;
use crate::credential_kind::CredentialKind;
use crate::fetch::{FetchError, address, body_of_success, client, not_used_up};
use crate::local::listed;
use crate::options::{ClientSecret, IntrospectOptions};
use crate::setup_error::SetupError;

/// How many positive answers are kept at most.
const MAX_KEPT: usize = 10_000;

/// What need not be escaped in `application/x-www-form-urlencoded`. A space becomes `%20`, which decodes to a space
/// under form rules and under plain percent rules alike.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*');

/// The issuer's introspection endpoint and the recent answers of it.
pub(crate) struct Introspection {
    endpoint: Url,
    issuer: String,
    audience: String,
    authorization: HeaderValue,
    http: Client,
    kept_for: Duration,
    kept: Cache<[u8; 32], Arc<Kept>>,
}

/// A positive answer.
struct Kept {
    caller: Caller,
    asked_at: Duration,
}

impl Introspection {
    pub(crate) fn new(options: IntrospectOptions) -> Result<Introspection, SetupError> {
        Ok(Introspection {
            endpoint: address("endpoint", &options.endpoint)?,
            authorization: basic(&options.client_id, &options.client_secret),
            issuer: options.issuer,
            audience: options.audience,
            http: client()?,
            kept_for: options.cache,
            kept: Cache::new(MAX_KEPT),
        })
    }

    /// See [`crate::mode::Verifier::verify`].
    pub(crate) async fn verify(&self, token: &str, now: Duration) -> Result<Caller, Refusal> {
        if self.kept_for.is_zero() {
            return self.ask(token, now).await;
        }
        let key = self.cache_key(token);
        if let Some(kept) = self.kept.get(&key) {
            if self.may_use(&kept, now) {
                return Ok(kept.caller.clone());
            }
            self.kept.remove(&key);
        }
        // Only positive answers are kept: a flood of garbage must not push them out.
        let caller = self.ask(token, now).await?;
        self.kept.insert(key, Arc::new(Kept { caller: caller.clone(), asked_at: now }));
        Ok(caller)
    }

    /// A token alone does not identify an answer: the same one may be good for another issuer or audience.
    fn cache_key(&self, token: &str) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        for part in [token, &self.issuer, &self.audience] {
            // The length in front keeps two different triples from running together.
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut key = [0; 32];
        key.copy_from_slice(context.finish().as_ref());
        key
    }

    fn may_use(&self, kept: &Kept, now: Duration) -> bool {
        let young = now.checked_sub(kept.asked_at).is_some_and(|age| age < self.kept_for);
        young && lives(kept.caller.expires_at, now)
    }

    async fn ask(&self, token: &str, now: Duration) -> Result<Caller, Refusal> {
        let answer = self.answer(token).await.map_err(|error| match error {
            FetchError::QuotaUsedUp { retry_after } => Refusal::TooManyCalls { retry_after },
            // A refusal of *our* credentials (4xx) is our trouble as well, not the caller's.
            error => {
                tracing::warn!(%error, "introspection failed");
                Refusal::Unavailable
            }
        })?;
        self.judge(answer, now).map_err(|reason| {
            tracing::info!(reason, "credential refused");
            Refusal::InvalidToken
        })
    }

    async fn answer(&self, token: &str) -> Result<Answer, FetchError> {
        let response = self
            .http
            .post(self.endpoint.clone())
            .header(AUTHORIZATION, self.authorization.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(format!("token={}", utf8_percent_encode(token, FORM)))
            .send()
            .await?;
        let body = body_of_success(not_used_up(response).await?).await?;
        serde_json::from_slice(&body).map_err(|_| FetchError::Content("not an introspection answer"))
    }

    /// The issuer has judged already; what is checked again is what a mix-up of issuers, APIs or versions would spoil.
    fn judge(&self, answer: Answer, now: Duration) -> Result<Caller, &'static str> {
        if !answer.active {
            return Err("not active");
        }
        if answer.iss.as_deref() != Some(self.issuer.as_str()) {
            return Err("of another issuer");
        }
        let audience = answer.aud.filter(|aud| aud.contains(&self.audience)).ok_or("for another audience")?;
        let kind: CredentialKind =
            answer.credential_kind.and_then(|kind| kind.parse().ok()).ok_or("of no known credential kind")?;
        if !lives(answer.exp, now) {
            return Err("expired");
        }
        // RFC 9449 section 7.1: a token bound to a key must not pass as a bearer token.
        if answer.cnf.is_some() {
            return Err("bound to a key, so it may not be used as a bearer token");
        }
        Ok(Caller {
            credential_kind: kind,
            subject: answer.sub.ok_or("without a subject")?,
            client_id: answer.client_id,
            tenant: answer.tid,
            environment: answer.env,
            scope: answer.scope.unwrap_or_default(),
            audience: listed(audience),
            token_id: answer.jti,
            expires_at: answer.exp,
        })
    }
}

/// RFC 7662 section 2.2, with the members that Grantor adds.
#[derive(Deserialize)]
struct Answer {
    active: bool,
    iss: Option<String>,
    aud: Option<Audience>,
    credential_kind: Option<String>,
    sub: Option<String>,
    client_id: Option<String>,
    tid: Option<String>,
    env: Option<String>,
    scope: Option<String>,
    jti: Option<String>,
    exp: Option<i64>,
    cnf: Option<IgnoredAny>,
}

/// RFC 7519 section 4.1.4: on or after `exp` it is over. What has no end lives.
fn lives(expires_at: Option<i64>, now: Duration) -> bool {
    expires_at.is_none_or(|end| seconds(now) < end)
}

/// HTTP Basic with both halves form-encoded first (RFC 6749 section 2.3.1).
fn basic(client_id: &str, secret: &ClientSecret) -> HeaderValue {
    let pair = format!("{}:{}", utf8_percent_encode(client_id, FORM), utf8_percent_encode(&secret.0, FORM));
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)))
        .expect("base64 has printable ASCII characters only");
    // Keeps it out of anything that prints headers.
    value.set_sensitive(true);
    value
}

#[cfg(test)]
#[path = "introspect_tests.rs"]
mod tests;
