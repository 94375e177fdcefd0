//! How this crate asks the server anything: with a time limit, a size limit, no redirects and no proxy of the
//! environment, so that a credential goes exactly where the configuration says.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};

use crate::setup_error::SetupError;

/// From connecting to the last byte.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 256 * 1024;

/// Why there is no usable answer. For logs only.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("the server cannot be reached: {0}")]
    Transport(#[from] reqwest::Error),
    #[error("the server answered with status {0}")]
    Status(u16),
    #[error("the quota of the credential is used up")]
    QuotaUsedUp { retry_after: u64 },
    #[error("the answer is longer than {MAX_ANSWER} bytes")]
    TooLong,
    #[error("the answer cannot be understood: {0}")]
    Content(&'static str),
}

/// A client with its own pool of connections.
pub(crate) fn client() -> Result<Client, SetupError> {
    Ok(Client::builder().timeout(TIMEOUT).redirect(Policy::none()).no_proxy().build()?)
}

/// Parses an address. The error names the setting only: the text may hold a password, which is why it is refused.
pub(crate) fn address(setting: &'static str, text: &str) -> Result<Url, SetupError> {
    let usable = |url: &Url| {
        let plain = url.username().is_empty() && url.password().is_none();
        matches!(url.scheme(), "http" | "https") && url.has_host() && plain
    };
    Url::parse(text).ok().filter(usable).ok_or(SetupError::Address(setting))
}

/// The answer, unless it says that the credential in question has been used too often. A 429 because of *our* credentials has
/// another code, and is trouble of ours.
pub(crate) async fn not_used_up(response: Response) -> Result<Response, FetchError> {
    #[derive(serde::Deserialize)]
    struct Code {
        error: String,
    }
    if response.status() != http::StatusCode::TOO_MANY_REQUESTS {
        return Ok(response);
    }
    let wait = response.headers().get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = wait.and_then(|text| text.parse().ok()).unwrap_or(1);
    let text = limited(response).await?;
    match serde_json::from_slice::<Code>(&text) {
        Ok(code) if code.error == "temporarily_unavailable" => Err(FetchError::QuotaUsedUp { retry_after }),
        _ => Err(FetchError::Status(http::StatusCode::TOO_MANY_REQUESTS.as_u16())),
    }
}

/// The body of an answer with status 200.
pub(crate) async fn body_of_success(response: Response) -> Result<Vec<u8>, FetchError> {
    if response.status() != http::StatusCode::OK {
        return Err(FetchError::Status(response.status().as_u16()));
    }
    limited(response).await
}

async fn limited(mut response: Response) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(FetchError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
