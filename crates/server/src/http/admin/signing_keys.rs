//! The key ring: its timeline, and rotation.

use ::http::StatusCode;
use axum::extract::Path;
use axum::response::Response;
use grantor_core::signing_key::KeyUse;
use grantor_jose::Algorithm;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Admin, Body, Problem, answer, view};
use crate::flow::Fault;
use crate::flow::signing_key::{self, Patience, RotateError, Rotation};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotate {
    #[serde(default = "sign", rename = "use")]
    usage: KeyUse,
    #[serde(default)]
    algorithm: Option<Algorithm>,
    #[serde(default)]
    now: bool,
}

fn sign() -> KeyUse {
    KeyUse::Sign
}

pub(super) async fn list(admin: Admin, Path(environment): Path<String>) -> Result<Response, Problem> {
    let state = admin.environment(&environment)?;
    let ring = admin.node.store.key_ring(state.environment.id).await.map_err(Fault::from)?;
    let items: Vec<Value> = ring.iter().map(view::ring_key).collect();
    Ok(answer(StatusCode::OK, &json!({ "items": items })))
}

pub(super) async fn rotate(
    admin: Admin,
    Path(environment): Path<String>,
    Body(body): Body<Rotate>,
) -> Result<Response, Problem> {
    let state = admin.environment(&environment)?;
    let patience = if body.now { Patience::Now } else { Patience::Wait };
    let rotation = Rotation { usage: body.usage, algorithm: body.algorithm, patience };
    signing_key::rotate(&admin.node, &admin.actor, &state, rotation).await.map_err(|error| match error {
        RotateError::TooEarly(why) => Problem::conflict(format!(
            "{why}. Wait, or rotate with \"now\": true (--now) if a key is compromised."
        )),
        RotateError::Nothing => Problem::not_found("This environment has no such key."),
        RotateError::Fault(fault) => fault.into(),
    })?;
    list(admin, Path(environment)).await
}
