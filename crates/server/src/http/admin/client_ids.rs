//! Whether a client id can be chosen, said while somebody types it.

use ::http::StatusCode;
use axum::extract::Path;
use axum::response::Response;
use grantor_core::client_id_choice::Choice;
use serde_json::json;

use super::{Admin, Problem, answer};
use crate::flow::client_id;

pub(super) async fn check(
    admin: Admin,
    Path((environment, text)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let state = admin.environment(&environment)?;
    let choice = client_id::check(&admin.node, &state, &text).await?;
    Ok(answer(
        StatusCode::OK,
        &json!({
            "client_id": text,
            "available": matches!(choice, Choice::Available(_)),
            "verdict": choice.as_str(),
            "detail": choice.sentence(),
        }),
    ))
}
