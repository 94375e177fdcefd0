//! How the commands speak HTTP: no redirects for secrets, which URLs stay on this machine, how a failure is told.

use std::time::Duration;

use anyhow::Context as _;

/// A client that follows no redirects: they would carry the operator token or a client secret elsewhere.
pub(super) fn http_client() -> anyhow::Result<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(60))
        .user_agent(concat!("grantor/", env!("CARGO_PKG_VERSION")))
        .build()
        .context("cannot prepare the HTTP client")
}

/// Whether the URL stays on this machine, where nobody listens on the way.
pub(super) fn is_loopback(url: &reqwest::Url) -> bool {
    match url.host_str().map(|host| host.trim_start_matches('[').trim_end_matches(']')) {
        Some("localhost") => true,
        Some(host) => host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

/// The innermost cause, in a person's words.
pub(super) fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let io = cause.downcast_ref::<std::io::Error>();
    if io.is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused) {
        return "connection refused".to_owned();
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        let loopback = |text: &str| is_loopback(&text.parse().unwrap());
        assert!(
            loopback("http://127.0.0.1:1/") && loopback("http://[::1]/") && loopback("http://localhost/")
        );
        assert!(!loopback("http://10.0.0.1/") && !loopback("http://localhost.example/"));
    }
}
