//! JWS, JWK, JWT and RFC 9068 access tokens on aws-lc-rs.
//!
//! *What it decides:* whether a compact JWS is genuine ([`jws`]), whether a JWT is meant for us and of its
//! time ([`jwt`]), whether it is an access token ([`at_jwt`]), and which public keys may take part
//! ([`Jwk`], [`KeySet`]).
//!
//! *What it never does:* no HTTP, so no key is ever fetched; no clock, the time is an argument; no symmetric
//! algorithm and no `none`, the [`Algorithm`] enum cannot name them; no key taken from a token's own header.
//!
//! Keys are parsed once, when a [`SigningKey`] or [`VerifyingKey`] is made, and never per token.

pub mod algorithm;
pub mod at_jwt;
mod base64url;
mod error;
mod header;
mod jwk;
pub mod jws;
pub mod jwt;
mod key_set;
mod registered;
mod rsa_der;
mod signing_key;
mod typ;
mod verifying_key;

pub use algorithm::Algorithm;
pub use base64url::{base64url_decode, base64url_encode};
pub use error::{KeyError, SignError, TokenError};
pub use header::Header;
pub use jwk::{Jwk, JwkSet};
pub use key_set::KeySet;
pub use registered::{Audience, Registered};
pub use signing_key::{Pkcs8, SigningKey};
pub use typ::Type;
pub use verifying_key::VerifyingKey;

/// The longest compact token that is made or accepted, in bytes (8 KiB). Anything longer is refused before it
/// is looked at.
pub const MAX_TOKEN_LEN: usize = 8 * 1024;

/// The longest `kid` (RFC 7515 section 4.1.4) that is accepted, in bytes. It is only ever a look-up key.
pub const MAX_KID_LEN: usize = 128;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
