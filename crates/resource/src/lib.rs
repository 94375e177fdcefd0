//! The layer that an API puts in front of its handlers: 401 for a credential that is not good, 403 for a good one that
//! may not do this, and otherwise a [`Caller`] in the request extensions.
//!
//! *What it decides:* where a token may stand in a request ([`bearer`]), whether it is authentic ([`Mode`]), which
//! operation a request means and what that demands ([`Contract`]), and how each refusal looks ([`Refusal`]).
//! [`ProtectLayer`] puts these together; its example is complete.
//!
//! *What it never does:* let a request pass because something is missing. A document that leaves an operation open is
//! refused, a path with a second reading matches nothing, and a server that does not answer is a 503.

mod caller;
mod challenge;
mod clock;
mod contract;
mod credential_kind;
mod fetch;
mod introspect;
mod layer;
mod local;
mod mode;
mod openapi;
mod operation;
mod options;
mod require;
mod route;
mod setup_error;

pub use caller::Caller;
pub use challenge::{Refusal, bearer};
pub use clock::Clock;
pub use contract::{Contract, Lookup};
pub use credential_kind::{CredentialKind, UnknownCredentialKind};
pub use layer::{Protect, ProtectLayer};
pub use mode::Mode;
pub use openapi::{ContractError, MAX_DOCUMENT};
pub use operation::Operation;
pub use options::{ClientSecret, IntrospectOptions, KeySource, LocalOptions};
pub use require::{Requirement, judge};
pub use setup_error::SetupError;
