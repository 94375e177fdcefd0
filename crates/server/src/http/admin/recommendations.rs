//! What are you building? The flow that fits at one API, as data for a page.

use ::http::StatusCode;
use axum::extract::Path;
use axum::response::Response;
use grantor_core::recommendation;
use serde_json::json;

use super::{Admin, Problem, answer};

pub(super) async fn list(
    admin: Admin,
    Path((environment, api)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let state = admin.environment(&environment)?;
    let api =
        state.api(&api).ok_or_else(|| Problem::not_found("There is no such API in this environment."))?;
    let items = recommendation::all(&api.profile);
    Ok(answer(StatusCode::OK, &json!({ "api": api.name, "items": items })))
}
