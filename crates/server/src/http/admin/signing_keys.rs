//! The key ring: its timeline, and rotation.

use axum::extract::Path;
use grantor_core::permission::Right;
use grantor_core::signing_key::KeyUse;
use grantor_jose::Algorithm;
use serde::Deserialize;
use utoipa::ToSchema;

use super::answer::List;
use super::body::Body;
use super::caller::Caller;
use super::problem::Problem;
use super::schema::KeyUseText;
use super::table::Table;
use super::view;
use crate::flow::Fault;
use crate::flow::signing_key::{self, Patience, RotateError, Rotation};

pub(super) fn routes(table: &mut Table) {
    table.tag("Signing keys", "What an environment signs, seals and hashes with.");
    table
        .get("/environments/{environment}/signing-keys", Right::ReadInstallation, list)
        .says("Show the key ring", "Retired keys among them. No private half is ever shown.");
    table
        .post("/environments/{environment}/signing-keys/rotate", Right::ManageInstallation, rotate)
        .says("Rotate keys", "The next key takes over; the old one verifies until its last token has ended.");
}

/// What is rotated.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rotate {
    #[serde(default = "sign", rename = "use")]
    #[schema(value_type = KeyUseText, required = false)]
    usage: KeyUse,
    /// Only the key of this algorithm.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "ES256")]
    algorithm: Option<Algorithm>,
    /// Whether not to wait until everybody has seen the next key: for a key that is compromised.
    #[serde(default)]
    now: bool,
}

fn sign() -> KeyUse {
    KeyUse::Sign
}

async fn list(caller: Caller, Path(environment): Path<String>) -> Result<List<view::RingKey>, Problem> {
    caller.operator(Right::ReadInstallation)?;
    let state = caller.environment(&environment)?;
    let ring = caller.node.store.key_ring(state.environment.id).await.map_err(Fault::from)?;
    Ok(List::whole(ring.iter().map(view::RingKey::of).collect()))
}

async fn rotate(
    caller: Caller,
    Path(environment): Path<String>,
    Body(body): Body<Rotate>,
) -> Result<List<view::RingKey>, Problem> {
    let granted = caller.operator(Right::ManageInstallation)?;
    let state = caller.environment(&environment)?;
    let patience = if body.now { Patience::Now } else { Patience::Wait };
    let rotation = Rotation { usage: body.usage, algorithm: body.algorithm, patience };
    let rotated = signing_key::rotate(&granted.node, &granted.actor, &state, rotation).await;
    rotated.map_err(|error| match error {
        RotateError::TooEarly(why) => Problem::conflict(format!(
            "{why}. Wait, or rotate with \"now\": true (--now) if a key is compromised."
        )),
        RotateError::Nothing => Problem::not_found("This environment has no such key."),
        RotateError::Fault(fault) => fault.into(),
    })?;
    list(caller, Path(environment)).await
}
