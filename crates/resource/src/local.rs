//! Which keys of the issuer are known, when they are fetched again, and what a JWT must say to pass.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use grantor_jose::at_jwt::{self, Claims};
use grantor_jose::jwt::Expectations;
use grantor_jose::{Audience, JwkSet, KeySet, TokenError, Type};
use reqwest::{Client, Url};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::sync::Mutex;

use crate::caller::Caller;
use crate::challenge::Refusal;
use crate::clock::{has_passed, seconds};
use crate::credential_kind::CredentialKind;
use crate::fetch::{FetchError, address, body_of_success, client};
use crate::options::{KeySource, LocalOptions};
use crate::setup_error::SetupError;

/// How many seconds the issuer's clock may be ahead of ours.
const SKEW: i64 = 60;

/// The issuer's keys, fetched when first needed.
pub(crate) struct LocalKeys {
    options: LocalOptions,
    source: Source,
    http: Client,
    held: ArcSwapOption<Held>,
    /// Held while fetching, so that a thousand waiting requests make one fetch.
    attempts: Mutex<Attempts>,
}

enum Source {
    Discovery(Url),
    Jwks(Url),
}

/// The last good set. It stays in use while the issuer cannot be reached.
struct Held {
    keys: KeySet,
    fetched_at: Duration,
}

/// Why keys are fetched. Each reason has its own limit, so that garbage tokens cannot use up the attempts of the others.
#[derive(Clone, Copy)]
enum Reason {
    /// There are none yet.
    Empty,
    /// A token names a key that we do not have: the issuer rotated, or it is garbage.
    UnknownKey,
    /// They are old; a key may have been withdrawn.
    Stale,
}

#[derive(Default)]
struct Attempts {
    last: [Option<Duration>; 3],
}

impl Attempts {
    /// Takes the permission for an attempt, if it is time for one.
    fn take(&mut self, reason: Reason, now: Duration) -> bool {
        let (slot, wait) = match reason {
            Reason::Empty => (0, Duration::from_secs(1)),
            Reason::UnknownKey => (1, Duration::from_secs(30)),
            Reason::Stale => (2, Duration::from_secs(30)),
        };
        let allowed = self.last[slot].is_none_or(|then| has_passed(wait, then, now));
        if allowed {
            self.last[slot] = Some(now);
        }
        allowed
    }
}

impl LocalKeys {
    pub(crate) fn new(options: LocalOptions) -> Result<LocalKeys, SetupError> {
        let source = match &options.keys {
            KeySource::JwksUri(uri) => Source::Jwks(address("jwks_uri", uri)?),
            // OpenID Connect Discovery section 4.1: appended after the issuer's path.
            KeySource::Discovery => {
                let issuer = options.issuer.trim_end_matches('/');
                Source::Discovery(address("issuer", &format!("{issuer}/.well-known/openid-configuration"))?)
            }
        };
        let http = client()?;
        Ok(LocalKeys { options, source, http, held: ArcSwapOption::empty(), attempts: Mutex::default() })
    }

    /// See [`crate::mode::Verifier::verify`]. API keys and opaque tokens are no JWTs, so they are invalid here.
    pub(crate) async fn verify(self: &Arc<Self>, token: &str, now: Duration) -> Result<Caller, Refusal> {
        let held = match self.held.load_full() {
            Some(held) => held,
            None => self.renew(Reason::Empty, None, now).await.ok_or(Refusal::Unavailable)?,
        };
        if has_passed(self.options.refresh, held.fetched_at, now) {
            self.renew_in_background(&held, now);
        }
        let mut verdict = self.judge(token, &held.keys, now);
        if let Err(Invalid::Token(TokenError::UnknownKey)) = verdict
            && let Some(newer) = self.renew(Reason::UnknownKey, Some(held), now).await
        {
            verdict = self.judge(token, &newer.keys, now);
        }
        verdict.map_err(|reason| {
            tracing::info!(%reason, "access token refused");
            Refusal::InvalidToken
        })
    }

    fn judge(&self, token: &str, keys: &KeySet, now: Duration) -> Result<Caller, Invalid> {
        let expect = Expectations {
            typ: Type::AccessToken,
            issuer: &self.options.issuer,
            audience: Some(&self.options.audience),
            now: seconds(now),
            skew: SKEW,
        };
        let (claims, jwt) = at_jwt::verify(token, keys, &expect)?;
        let own: OwnClaims = jwt.claims()?;
        // RFC 9449 section 7.1: a token bound to a key must not pass as a bearer token.
        if own.cnf.is_some() {
            return Err(Invalid::SenderConstrained);
        }
        Ok(caller(claims, own))
    }

    /// A newer set than `seen`, if there is one now. The fetch runs as its own task: a caller that hangs up must not
    /// be able to cancel the renewal for everyone.
    async fn renew(
        self: &Arc<Self>,
        reason: Reason,
        seen: Option<Arc<Held>>,
        now: Duration,
    ) -> Option<Arc<Held>> {
        let this = Arc::clone(self);
        let task = tokio::spawn(async move {
            let mut attempts = this.attempts.lock().await;
            let current = this.held.load_full();
            let unchanged = match (&current, &seen) {
                (Some(current), Some(seen)) => Arc::ptr_eq(current, seen),
                (current, _) => current.is_none(),
            };
            if !unchanged {
                return current;
            }
            if attempts.take(reason, now) { this.fetch_and_keep(now).await } else { None }
        });
        task.await.ok().flatten()
    }

    fn renew_in_background(self: &Arc<Self>, held: &Arc<Held>, now: Duration) {
        // Somebody fetches already: no need to queue behind them.
        let Ok(mut attempts) = self.attempts.try_lock() else {
            return;
        };
        if !attempts.take(Reason::Stale, now) {
            return;
        }
        drop(attempts);
        let (this, seen) = (Arc::clone(self), Arc::clone(held));
        tokio::spawn(async move {
            let _fetching = this.attempts.lock().await;
            if this.held.load().as_ref().is_some_and(|current| Arc::ptr_eq(current, &seen)) {
                this.fetch_and_keep(now).await;
            }
        });
    }

    async fn fetch_and_keep(&self, now: Duration) -> Option<Arc<Held>> {
        match self.fetch().await {
            Ok(keys) => {
                let held = Arc::new(Held { keys, fetched_at: now });
                self.held.store(Some(Arc::clone(&held)));
                Some(held)
            }
            Err(error) => {
                tracing::warn!(%error, issuer = self.options.issuer, "the issuer's keys cannot be fetched");
                None
            }
        }
    }

    async fn fetch(&self) -> Result<KeySet, FetchError> {
        let jwks = match &self.source {
            Source::Jwks(url) => url.clone(),
            Source::Discovery(url) => self.discover(url).await?,
        };
        let set: JwkSet = self.get(jwks).await?;
        let keys = KeySet::from_jwks(&set);
        if keys.is_empty() {
            return Err(FetchError::Content("the key set has no usable key"));
        }
        Ok(keys)
    }

    async fn discover(&self, url: &Url) -> Result<Url, FetchError> {
        let document: Discovery = self.get(url.clone()).await?;
        document.keys_of(&self.options.issuer, url)
    }

    async fn get<T: DeserializeOwned>(&self, url: Url) -> Result<T, FetchError> {
        let body = body_of_success(self.http.get(url).send().await?).await?;
        serde_json::from_slice(&body).map_err(|_| FetchError::Content("not the expected JSON"))
    }
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl Discovery {
    /// Where this document, found at `url`, says that the keys of `issuer` are.
    fn keys_of(&self, issuer: &str, url: &Url) -> Result<Url, FetchError> {
        // OpenID Connect Discovery section 4.3: identical, or somebody else speaks for the issuer.
        if self.issuer != issuer {
            return Err(FetchError::Content("the discovery document is of another issuer"));
        }
        let jwks =
            address("jwks_uri", &self.jwks_uri).map_err(|_| FetchError::Content("jwks_uri is no address"))?;
        // Keys that travelled unprotected would take the protection of https from everything signed with them.
        if jwks.scheme() != url.scheme() {
            return Err(FetchError::Content("jwks_uri has another scheme than the issuer"));
        }
        Ok(jwks)
    }
}

/// Claims beside those of RFC 9068.
#[derive(Deserialize)]
struct OwnClaims {
    tid: Option<String>,
    env: Option<String>,
    cnf: Option<IgnoredAny>,
}

/// Why a token is invalid. For logs only: the wire says one thing for all of them.
#[derive(Debug, thiserror::Error)]
enum Invalid {
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("the token is bound to a key and may not be used as a bearer token")]
    SenderConstrained,
}

fn caller(claims: Claims, own: OwnClaims) -> Caller {
    // RFC 9068 section 2.2: without a user, `sub` is the client itself.
    let kind = if claims.sub == claims.client_id { CredentialKind::Client } else { CredentialKind::User };
    Caller {
        credential_kind: kind,
        subject: claims.sub,
        client_id: Some(claims.client_id),
        tenant: own.tid,
        environment: own.env,
        scope: claims.scope.unwrap_or_default(),
        audience: listed(claims.aud),
        token_id: Some(claims.jti),
        expires_at: Some(claims.exp),
    }
}

/// `aud` as a list (RFC 7519 section 4.1.3: one value may stand alone).
pub(crate) fn listed(audience: Audience) -> Vec<String> {
    match audience {
        Audience::One(one) => vec![one],
        Audience::Many(many) => many,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_limited_by_reason() {
        let mut attempts = Attempts::default();
        let at = Duration::from_millis;
        assert!(attempts.take(Reason::UnknownKey, at(0)));
        assert!(!attempts.take(Reason::UnknownKey, at(29_999)));
        assert!(attempts.take(Reason::Stale, at(29_999)));
        assert!(attempts.take(Reason::UnknownKey, at(30_000)));
        assert!(!attempts.take(Reason::UnknownKey, at(59_999)));
        assert!(attempts.take(Reason::Empty, at(0)));
        assert!(!attempts.take(Reason::Empty, at(999)));
        assert!(attempts.take(Reason::Empty, at(1_000)));
    }

    #[test]
    fn a_discovery_document_may_not_send_us_to_unprotected_keys_or_speak_for_others() {
        let found_at = Url::parse("https://h/.well-known/openid-configuration").unwrap();
        let keys = |issuer: &str, jwks_uri: &str| {
            Discovery { issuer: issuer.into(), jwks_uri: jwks_uri.into() }
                .keys_of("https://h", &found_at)
                .is_ok()
        };
        assert!(keys("https://h", "https://elsewhere/jwks"));
        assert!(!keys("https://h", "http://h/jwks"));
        assert!(!keys("https://h", "/jwks"));
        assert!(!keys("https://h/", "https://h/jwks"));
    }

    #[test]
    fn an_issuer_or_key_address_that_is_none_is_refused_at_the_start() {
        for issuer in ["", "grantor", "/x", "ftp://h/", "file:///etc", "https://u@h", "https://:p@h"] {
            assert!(LocalKeys::new(LocalOptions::new(issuer, "a")).is_err(), "{issuer}");
        }
        let keys = KeySource::JwksUri("jwks.json".into());
        assert!(LocalKeys::new(LocalOptions { keys, ..LocalOptions::new("https://h", "a") }).is_err());
        assert!(LocalKeys::new(LocalOptions::new("https://h/x", "a")).is_ok());
    }
}
