//! The versions of an app's secret: shown with their countdown, ended by plan, and a rotation taken back. Never a secret.

use ::http::StatusCode;
use axum::extract::Path;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Admin, Body, Problem, answer, apps, view};
use crate::flow::app;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScheduleEnd {
    /// Seconds from now.
    after: i64,
}

pub(super) async fn list(
    admin: Admin,
    Path((environment, client_id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (_, found) = apps::find(&admin, &environment, &client_id).await?;
    let now = admin.node.now();
    let items: Vec<Value> = found.secrets.iter().map(|version| view::secret(version, now)).collect();
    Ok(answer(StatusCode::OK, &json!({ "client_id": found.client_id, "items": items })))
}

pub(super) async fn schedule_end(
    admin: Admin,
    Path((environment, client_id, version)): Path<(String, String, i64)>,
    Body(body): Body<ScheduleEnd>,
) -> Result<Response, Problem> {
    if body.after < 0 {
        return Err(Problem::bad("after is a number of seconds from now."));
    }
    let (_, found) = apps::find(&admin, &environment, &client_id).await?;
    let version = known(&found, version)?;
    let at = admin.node.now().plus_seconds(body.after);
    app::schedule_secret_end(&admin.node, &admin.actor, &found, version, at).await?;
    list(admin, Path((environment, client_id))).await
}

pub(super) async fn cancel(
    admin: Admin,
    Path((environment, client_id, version)): Path<(String, String, i64)>,
) -> Result<Response, Problem> {
    let (_, found) = apps::find(&admin, &environment, &client_id).await?;
    let version = known(&found, version)?;
    app::cancel_rotation(&admin.node, &admin.actor, &found, version).await?;
    list(admin, Path((environment, client_id))).await
}

fn known(app: &grantor_core::app::App, version: i64) -> Result<i64, Problem> {
    let is_there = app.secrets.iter().any(|known| known.version == version);
    is_there.then_some(version).ok_or_else(|| Problem::not_found("There is no such version of the secret."))
}
