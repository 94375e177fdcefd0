//! One file per verb: load -> decide -> seal -> commit. A flow never sees a header or a status code.

pub mod acceptance;
pub mod access;
pub mod activity;
pub mod api_key;
pub mod app;
pub mod apply;
pub mod audit;
pub mod audit_export;
pub mod authorize;
pub mod browser;
pub mod case;
pub mod client;
pub mod client_id;
pub mod deed;
pub mod document;
pub mod export;
pub mod exposure;
pub mod incident;
pub mod introspect;
pub mod leak;
pub mod leak_message;
pub mod login;
pub mod mail;
pub mod member;
pub mod misplaced;
pub mod notice;
pub mod once;
pub mod operator;
pub mod order;
pub mod plan;
pub mod reminder;
pub mod revoke;
pub mod seen;
pub mod sign_in;
mod signed;
pub mod signing_key;
pub mod signup;
pub mod situation;
pub mod steps;
pub mod tenant;
pub mod token;
pub mod usage;
pub mod user;
pub mod userinfo;
pub mod verify;
pub mod webhook;
pub mod webhook_delivery;

use grantor_core::error::Denial;

use crate::limits::RetryAfter;
use crate::store::sql::StoreError;

/// Infrastructure trouble. Becomes 503 or 500 with a request id and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The facts changed between load and commit.
    #[error("the facts changed meanwhile")]
    Conflict,
    /// An id or name is taken.
    #[error("already taken")]
    Duplicate,
    /// The store cannot answer now.
    #[error("storage is unavailable")]
    Unavailable,
    /// A defect, or damaged data.
    #[error("internal error")]
    Internal,
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::Conflict,
            StoreError::Duplicate => Self::Duplicate,
            StoreError::Unavailable(why) => {
                tracing::error!(why, "storage is unavailable");
                Self::Unavailable
            }
            StoreError::Corrupt(what) => {
                tracing::error!(what, "stored data does not fit");
                Self::Internal
            }
        }
    }
}

/// Why a flow did not give what was asked for.
#[derive(Debug)]
pub enum FlowError {
    /// It was decided so.
    Denied(Denial),
    /// Too much; with the time to wait.
    Throttled(Denial, RetryAfter),
    /// It could not be decided.
    Fault(Fault),
}

impl From<Denial> for FlowError {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl From<Fault> for FlowError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<StoreError> for FlowError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}
