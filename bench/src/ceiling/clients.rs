//! Client authentication of the ceiling: Basic, one hash-map lookup, SHA-256, constant-time comparison.

use std::borrow::Cow;
use std::collections::HashMap;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use percent_encoding::percent_decode_str;

/// A registered client.
pub(super) struct Client {
    /// Its id, `sub` and `client_id` of its tokens.
    pub(super) id: String,
    /// What it may ask for, space separated.
    pub(super) scope: &'static str,
    /// Its tenant.
    pub(super) tenant: &'static str,
    secret: [u8; 32],
}

/// All clients, by id.
pub(super) struct Clients(HashMap<String, Client>);

/// The id of client `number`.
pub(crate) fn client_id(number: usize) -> String {
    format!("bench-client-{number:07}")
}

/// The secret of client `number`: 40 bytes, as long as a generated one; it guards nothing.
pub(crate) fn client_secret(number: usize) -> String {
    format!("bench_secret_{number:027}")
}

impl Clients {
    /// Registers `count` clients.
    pub(super) fn new(count: usize) -> Self {
        Self((0..count).map(|number| (client_id(number), Client::new(number))).collect())
    }

    /// The client of RFC 6749 2.3.1 Basic credentials, if they are right.
    pub(super) fn authenticate(&self, headers: &HeaderMap) -> Option<&Client> {
        let credentials = headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
        let decoded = String::from_utf8(BASE64_STANDARD.decode(credentials).ok()?).ok()?;
        let (id, secret) = decoded.split_once(':')?;
        let client = self.0.get(decode(id)?.as_ref())?;
        let hash = digest(&SHA256, decode(secret)?.as_bytes());
        verify_slices_are_equal(hash.as_ref(), &client.secret).is_ok().then_some(client)
    }
}

impl Client {
    fn new(number: usize) -> Self {
        let mut secret = [0; 32];
        secret.copy_from_slice(digest(&SHA256, client_secret(number).as_bytes()).as_ref());
        Self {
            id: client_id(number),
            scope: "payments:read payments:write",
            tenant: "6f1c1f0e-6d7c-4b8e-9a51-0d9f3c1a7b22",
            secret,
        }
    }
}

/// One value of an `application/x-www-form-urlencoded` body, decoded; `None` if it is missing or not UTF-8.
pub(super) fn form_value<'a>(body: &'a [u8], name: &str) -> Option<Cow<'a, str>> {
    let body = std::str::from_utf8(body).ok()?;
    body.split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| decode(value))
}

fn decode(value: &str) -> Option<Cow<'_, str>> {
    if value.contains('+') {
        let spaced = value.replace('+', " ");
        return Some(Cow::Owned(percent_decode_str(&spaced).decode_utf8().ok()?.into_owned()));
    }
    percent_decode_str(value).decode_utf8().ok()
}
