//! The layer in front of an axum API, with the issuer and the API on real sockets.

#![expect(clippy::unwrap_used, reason = "the scenery of the tests stands outside of test functions")]

#[path = "layer/fake_issuer.rs"]
mod fake_issuer;
#[path = "layer/introspect.rs"]
mod introspect;
#[path = "layer/local.rs"]
mod local;
#[path = "layer/order.rs"]
mod order;
#[path = "layer/protected_api.rs"]
mod protected_api;
