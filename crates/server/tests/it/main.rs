//! Black-box tests: a real server on a free port, real sockets, a clock that tests move. One binary, so that linking stays fast.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod admin_api;
mod cli;
mod cluster_of_one;
mod discovery;
mod dropped_callers;
mod forward_auth;
mod http_messages;
mod keys_and_rotation;
mod limits;
mod oauth2_crate;
mod profiles;
mod rfc6749_token;
mod rfc6750_bearer;
mod rfc7009_revoke;
mod rfc7662_introspect;
mod rfc9068_at_jwt;
mod s000_payments;
mod s001_channel;
mod s002_assets;
mod s003_deals;
mod s004_banking;
mod secrets_at_rest;
mod statements;
mod withdrawn_rights;
