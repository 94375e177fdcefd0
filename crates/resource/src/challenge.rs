//! Every refusal and how it looks on the wire: status, `WWW-Authenticate`, body (RFC 6750 section 3).

use http::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use crate::credential_kind::CredentialKind;

/// Why a request does not reach the API. Values of credentials are never part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// 401: no credential came. The challenge has no `error` attribute (RFC 6750 section 3.1).
    NoCredential,
    /// 401: `Authorization` uses a scheme other than Bearer; again no `error` attribute (RFC 6750 section 3.1).
    WrongScheme,
    /// 401: `Bearertoken`; the most frequent slip of newcomers, so the answer names it.
    MissingSpace,
    /// 401: what follows `Bearer` is empty or not a token (`b64token`, RFC 6750 section 2.1).
    MalformedToken,
    /// 401: unknown, expired, revoked, altered, of another issuer or for another audience; the wire does not say which.
    InvalidToken,
    /// 400: a token in the query string, which ends up in logs and histories (RFC 9700 section 4.3.2).
    TokenInQuery,
    /// 400: more than one credential (RFC 6750 section 2).
    SeveralCredentials,
    /// 403: authentic, but not a kind of credential that this operation takes.
    CredentialKind {
        /// What the operation takes.
        accepts: Vec<CredentialKind>,
        /// What came.
        sent: CredentialKind,
    },
    /// 403: authentic, but without the scopes that the operation needs.
    MissingScope {
        /// Alternatives; all scopes of one of them would have been enough.
        needed: Vec<Vec<String>>,
    },
    /// 404: authentic, but the contract knows no such path.
    UnknownPath,
    /// 405: authentic, but the contract has only other methods at this path (RFC 9110 section 15.5.6).
    OtherMethod {
        /// The methods that it has.
        allow: Vec<String>,
    },
    /// 429: a good credential that has been used too often.
    TooManyCalls {
        /// Seconds to wait.
        retry_after: u64,
    },
    /// 503: the credential could not be checked now. Never turned into an allowance.
    Unavailable,
}

/// Finds the one bearer token of a request (RFC 6750 section 2.1). `query` is the raw query string without `?`.
///
/// The scheme is compared without case (RFC 9110 section 11.1).
///
/// # Errors
/// A token in the query is refused even beside a header, and so are two `Authorization` headers; the other refusals
/// are [`Refusal::NoCredential`], [`Refusal::WrongScheme`], [`Refusal::MissingSpace`], [`Refusal::MalformedToken`].
pub fn bearer<'h>(headers: &'h HeaderMap, query: Option<&str>) -> Result<&'h str, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let first = values.next();
    let in_query = query.is_some_and(names_access_token);
    match (first, values.next()) {
        (Some(_), Some(_)) => Err(Refusal::SeveralCredentials),
        (Some(_), None) if in_query => Err(Refusal::SeveralCredentials),
        (None, _) if in_query => Err(Refusal::TokenInQuery),
        (None, _) => Err(Refusal::NoCredential),
        (Some(value), None) => token(value.to_str().map_err(|_| Refusal::MalformedToken)?),
    }
}

/// Splits `Bearer <token>`.
fn token(value: &str) -> Result<&str, Refusal> {
    const SCHEME: &str = "bearer";
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        let glued = value.get(..SCHEME.len()).is_some_and(|start| start.eq_ignore_ascii_case(SCHEME));
        return Err(if glued { Refusal::MissingSpace } else { Refusal::WrongScheme });
    }
    // Some proxies join two header lines with a comma, which is no character of a token.
    if rest.contains(',') {
        return Err(Refusal::SeveralCredentials);
    }
    let token = rest.trim_matches(' ');
    let body = token.trim_end_matches('=');
    if body.is_empty() || !body.bytes().all(|byte| B64TOKEN[usize::from(byte)]) {
        Err(Refusal::MalformedToken)
    } else {
        Ok(token)
    }
}

/// RFC 6750 section 2.1: the characters of `b64token` before its padding, as a table, since every byte of every token passes here.
const B64TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric()
            || matches!(byte as u8, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
        byte += 1;
    }
    table
};

/// True if a pair of the query is called `access_token`, also in percent-encoded spelling.
fn names_access_token(query: &str) -> bool {
    query.split('&').any(|pair| {
        let name = pair.split('=').next().unwrap_or(pair);
        percent_encoding::percent_decode_str(name).eq(*b"access_token")
    })
}

impl Refusal {
    /// The status code.
    pub fn status(&self) -> StatusCode {
        match self {
            Refusal::TokenInQuery | Refusal::SeveralCredentials => StatusCode::BAD_REQUEST,
            Refusal::NoCredential
            | Refusal::WrongScheme
            | Refusal::MissingSpace
            | Refusal::MalformedToken
            | Refusal::InvalidToken => StatusCode::UNAUTHORIZED,
            Refusal::CredentialKind { .. } | Refusal::MissingScope { .. } => StatusCode::FORBIDDEN,
            Refusal::UnknownPath => StatusCode::NOT_FOUND,
            Refusal::OtherMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::TooManyCalls { .. } => StatusCode::TOO_MANY_REQUESTS,
            Refusal::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The `error` of the body (RFC 6750 section 3.1 where it has a code).
    pub fn code(&self) -> &'static str {
        match self.status() {
            StatusCode::BAD_REQUEST => "invalid_request",
            StatusCode::UNAUTHORIZED => "invalid_token",
            StatusCode::FORBIDDEN => "insufficient_scope",
            StatusCode::NOT_FOUND => "not_found",
            StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
            _ => "temporarily_unavailable",
        }
    }

    /// One sentence for the developer of the caller; only characters that RFC 6750 section 3 allows in a header.
    pub fn description(&self) -> &'static str {
        match self {
            Refusal::NoCredential => "Send the token in the header 'Authorization: Bearer <token>'.",
            Refusal::WrongScheme => {
                "The Authorization header must use the scheme Bearer: 'Authorization: Bearer <token>'."
            }
            Refusal::MissingSpace => "One space must stand between Bearer and the token.",
            Refusal::MalformedToken => "What follows Bearer in the Authorization header is not a token.",
            Refusal::InvalidToken => {
                "The token is not valid: it is unknown, expired, revoked or not for this API."
            }
            Refusal::TokenInQuery => {
                "A token must not be sent in the query string; send 'Authorization: Bearer <token>'."
            }
            Refusal::SeveralCredentials => "The request carries more than one credential; send exactly one.",
            Refusal::CredentialKind { .. } => "This operation does not take this kind of credential.",
            Refusal::MissingScope { .. } => "The token lacks a scope that this operation needs.",
            Refusal::UnknownPath => "The API has no such path.",
            Refusal::OtherMethod { .. } => "The API has this path, but not with this method.",
            Refusal::TooManyCalls { .. } => "The quota of this credential is used up; try again later.",
            Refusal::Unavailable => "The credential cannot be checked at the moment; try again.",
        }
    }

    /// The value of `WWW-Authenticate`, or nothing where the status is not about the credential (404, 405, 429, 503).
    ///
    /// Characters that may not stand in `realm` are left out.
    pub fn challenge(&self, realm: &str) -> Option<HeaderValue> {
        let mut text = format!("Bearer realm=\"{}\"", quotable(realm));
        match self {
            Refusal::UnknownPath
            | Refusal::OtherMethod { .. }
            | Refusal::TooManyCalls { .. }
            | Refusal::Unavailable => return None,
            Refusal::NoCredential | Refusal::WrongScheme => {}
            _ => {
                text.push_str(&format!(", error=\"{}\"", self.code()));
                text.push_str(&format!(", error_description=\"{}\"", quotable(self.description())));
            }
        }
        if let Refusal::MissingScope { needed } = self {
            text.push_str(&format!(", scope=\"{}\"", quotable(&first_alternative(needed))));
        }
        // `quotable` leaves printable ASCII only, which every header value may hold.
        HeaderValue::from_str(&text).ok()
    }

    /// The JSON body.
    pub fn body(&self) -> Value {
        match self {
            // Exactly these members: drivers compare them.
            Refusal::CredentialKind { accepts, sent } => {
                json!({"error": self.code(), "reason": "credential_kind", "accepts": accepts, "sent": sent})
            }
            Refusal::MissingScope { needed } => {
                let mut body = json!({"error": self.code(), "error_description": self.description(),
                    "scope": first_alternative(needed)});
                if needed.len() > 1 {
                    body["alternatives"] = needed.iter().map(|all| all.join(" ")).collect();
                }
                body
            }
            _ => json!({"error": self.code(), "error_description": self.description()}),
        }
    }

    /// The whole answer, with any body type that can be made from text (axum's `Body`, `Full<Bytes>`, `String`).
    pub fn response<B: From<String>>(&self, realm: &str) -> Response<B> {
        let mut response = Response::new(B::from(self.body().to_string()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = self.challenge(realm) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        match self {
            Refusal::OtherMethod { allow } => {
                if let Ok(allow) = HeaderValue::from_str(&allow.join(", ")) {
                    headers.insert(ALLOW, allow);
                }
            }
            Refusal::TooManyCalls { retry_after } => {
                headers.insert(RETRY_AFTER, HeaderValue::from(*retry_after));
            }
            Refusal::Unavailable => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

/// RFC 6750 section 3.1: the scope attribute names what is needed. Of several alternatives a header can say one.
fn first_alternative(needed: &[Vec<String>]) -> String {
    needed.first().map(|all| all.join(" ")).unwrap_or_default()
}

/// RFC 6750 section 3: `%x20-21 / %x23-5B / %x5D-7E`. What falls outside is left out, so nothing can end the quotes.
fn quotable(text: &str) -> String {
    text.chars().filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\')).collect()
}

#[cfg(test)]
#[path = "challenge_tests.rs"]
mod tests;
