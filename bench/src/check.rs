//! Is the answer that will be counted the right answer? Looked at once before each run.

use anyhow::{Context as _, Result, ensure};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::Value;

use crate::ceiling::Algorithm;

/// What a right answer holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Check {
    /// Status 200 is enough (forward-auth, the plain answer).
    Status,
    /// An access token signed with this algorithm (RFC 6749 5.1, RFC 7515).
    Signed(Algorithm),
    /// An access token that is no JWT.
    Opaque,
    /// `"active": true` (RFC 7662 2.2).
    Active,
    /// A discovery document (OpenID Connect Discovery 3).
    Discovery,
    /// A key set with at least one key (RFC 7517 5).
    KeySet,
}

impl Check {
    /// Whether an answer with this status and body may be counted.
    pub(crate) fn judge(self, status: u16, body: &[u8]) -> Result<()> {
        let start = || String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        ensure!(status == 200, "the answer before the run has status {status}: {}", start());
        match self {
            Self::Status => return Ok(()),
            Self::Signed(algorithm) => {
                let token = access_token(body)?;
                let used = algorithm_of(&token).context("the access token is not a JWT")?;
                ensure!(
                    used == algorithm.name(),
                    "the token is signed with {used}, not {}",
                    algorithm.name()
                );
            }
            Self::Opaque => {
                let token = access_token(body)?;
                ensure!(algorithm_of(&token).is_none(), "the access token is a JWT, not an opaque one");
            }
            Self::Active => ensure!(json(body)?["active"] == true, "the token is not active"),
            Self::Discovery => {
                let document = json(body)?;
                ensure!(
                    document["issuer"].is_string() && document["jwks_uri"].is_string(),
                    "no discovery document"
                );
            }
            Self::KeySet => {
                let keys = json(body)?["keys"].as_array().map_or(0, Vec::len);
                ensure!(keys > 0, "the key set is empty");
            }
        }
        Ok(())
    }
}

/// The access token of a token answer.
pub(crate) fn access_token(body: &[u8]) -> Result<String> {
    let token = json(body)?["access_token"].as_str().unwrap_or_default().to_owned();
    ensure!(!token.is_empty(), "the answer holds no access_token");
    Ok(token)
}

/// `alg` of a compact JWS; `None` if it is none.
fn algorithm_of(token: &str) -> Option<String> {
    let header = token.split_once('.')?.0;
    let header: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    Some(header["alg"].as_str()?.to_owned())
}

fn json(body: &[u8]) -> Result<Value> {
    serde_json::from_slice(body).context("the answer is not JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token_answer(header: &str) -> Vec<u8> {
        let token = format!("{}.e30.c2ln", BASE64_URL_SAFE_NO_PAD.encode(header));
        format!(r#"{{"access_token":"{token}"}}"#).into_bytes()
    }

    #[test]
    fn a_token_of_another_algorithm_does_not_count() {
        let answer = token_answer(r#"{"alg":"EdDSA"}"#);
        assert!(Check::Signed(Algorithm::EdDsa).judge(200, &answer).is_ok());
        assert!(Check::Signed(Algorithm::Es256).judge(200, &answer).is_err());
        assert!(Check::Opaque.judge(200, &answer).is_err());
        assert!(Check::Opaque.judge(200, br#"{"access_token":"grt_at_abc"}"#).is_ok());
        assert!(Check::Signed(Algorithm::EdDsa).judge(200, br#"{"access_token":"grt_at_abc"}"#).is_err());
    }

    #[test]
    fn an_error_with_status_200_does_not_count() {
        for check in
            [Check::Signed(Algorithm::Es256), Check::Opaque, Check::Active, Check::Discovery, Check::KeySet]
        {
            for body in [&br#"{"error":"x"}"#[..], b"", br#"{"active":false,"keys":[]}"#] {
                assert!(check.judge(200, body).is_err(), "{check:?}");
            }
        }
    }

    #[test]
    fn every_check_demands_status_200() {
        assert!(Check::Status.judge(200, b"").is_ok());
        assert!(Check::Status.judge(401, b"").is_err());
        assert!(Check::Active.judge(201, br#"{"active":true}"#).is_err());
    }

    #[test]
    fn right_documents_count() {
        assert!(Check::Active.judge(200, br#"{"active":true}"#).is_ok());
        assert!(Check::Discovery.judge(200, br#"{"issuer":"i","jwks_uri":"j"}"#).is_ok());
        assert!(Check::KeySet.judge(200, br#"{"keys":[{}]}"#).is_ok());
    }
}
