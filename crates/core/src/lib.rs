//! Every decision of Grantor, and nothing else.
//!
//! A decision is a function of a request, the facts that concern it, the policy, the time and some randomness.
//! It answers with a [`decision::Decision`]: the outcome, the writes as data, and the audit events.
//!
//! What this crate never does: no `async`, no I/O, no clock, no global state, no SQL, no HTTP.
//! Time and randomness enter through [`env::Env`] alone, so a decision can be repeated in a test to the byte.

pub mod access;
pub mod api;
pub mod api_key;
pub mod app;
pub mod authorize;
pub mod claims;
pub mod client_auth;
pub mod client_metadata;
pub mod comment;
pub mod decision;
pub mod document;
pub mod email;
pub mod env;
pub mod environment;
pub mod epoch;
pub mod error;
pub mod form;
pub mod grant;
pub mod id;
pub mod id_token;
pub mod incident;
pub mod interaction;
pub mod introspect;
pub mod issue;
pub mod leak;
pub mod lifetime;
pub mod lockout;
pub mod metadata;
pub mod name;
pub mod outbox;
pub mod password;
pub mod permission;
pub mod pkce;
pub mod profile;
pub mod publication;
pub mod redirect_uri;
pub mod refresh_token;
pub mod registration;
pub mod revoke;
pub mod scope;
pub mod sealed_token;
pub mod secret;
pub mod session;
pub mod signing_key;
pub mod signup;
pub mod subject;
pub mod tenant;
pub mod token;
pub mod user;
pub mod userinfo;
