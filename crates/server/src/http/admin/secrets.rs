//! The versions of an app's secret: shown with their countdown, made, ended by plan or at once, and a rotation taken back. A
//! secret is in the answer that makes it and nowhere else.

use axum::extract::Path;
use grantor_core::app::App;
use grantor_core::lifetime::Lifetime;
use grantor_core::permission::Right;
use grantor_core::registration::NewSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::{Made, Shown, Told};
use super::apps::{AppPath, again, find, find_to_change};
use super::body::Body;
use super::caller::Caller;
use super::problem::Problem;
use super::table::Table;
use super::{uses, view};
use crate::flow::app::{self, Tokens};
use crate::moment::Moment;

pub(super) fn routes(table: &mut Table) {
    table
        .get("/environments/{environment}/apps/{client_id}/secrets", Right::ReadTenant, list)
        .says("List an app's secrets", "Its versions, oldest first, with countdown and last use.");
    table
        .post("/environments/{environment}/apps/{client_id}/secrets", Right::ManageApps, create)
        .says(
            "Make a secret",
            "A new version, shown once. The others live on, or end together after an overlap.",
        )
        .once();
    table
        .post(
            "/environments/{environment}/apps/{client_id}/secrets/{version}/schedule-end",
            Right::ManageApps,
            schedule_end,
        )
        .says("Let a secret end later", "At a moment from now.");
    table
        .post(
            "/environments/{environment}/apps/{client_id}/secrets/{version}/cancel",
            Right::ManageApps,
            cancel,
        )
        .says("Take a rotation back", "The version ends, and those that it was to replace live on.");
    table
        .post("/environments/{environment}/apps/{client_id}/secrets/{version}/end", Right::ManageApps, end)
        .says("End a secret", "At once; its tokens too, if asked for.");
}

/// A new version of a secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSecretVersion {
    /// Seconds until it expires; else it has no end.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 315360000)]
    lifetime: Option<Lifetime>,
    /// When it begins to authenticate; else now.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    not_before: Option<Moment>,
    /// Seconds until the other versions cease to authenticate; they live on if it is not given.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 315360000)]
    end_others_after: Option<i64>,
}

/// When a secret ends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ScheduleEnd {
    /// Seconds from now.
    #[schema(minimum = 0, maximum = 315360000)]
    after: i64,
}

/// How a secret ends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EndSecret {
    /// Whether the app's tokens end with it.
    #[serde(default)]
    end_tokens: bool,
}

/// A version of a secret as it was made.
#[derive(Serialize, ToSchema)]
struct CreatedSecret {
    #[serde(flatten)]
    version: view::Secret,
    client_id: String,
    /// The secret: shown now, and never again.
    client_secret: String,
}

/// The versions of an app's secret.
#[derive(Serialize, ToSchema)]
struct Secrets {
    client_id: String,
    items: Vec<view::Secret>,
}

async fn list(caller: Caller, Path(path): AppPath) -> Result<Told<Secrets>, Problem> {
    let (_, found) = find(&caller, &path).await?;
    let items = uses::secrets(&caller.node, &found).await?;
    Ok(Told(Secrets { client_id: found.client_id.to_string(), items }))
}

async fn create(
    caller: Caller,
    Path(path): AppPath,
    Body(body): Body<NewSecretVersion>,
) -> Result<Made<CreatedSecret>, Problem> {
    let (state, found, granted) = find_to_change(&caller, &path).await?;
    let end_others_at = match body.end_others_after {
        None => None,
        Some(seconds) => Some(caller.node.now().plus_seconds(from_now("end_others_after", seconds)?)),
    };
    let new = NewSecret { not_before: body.not_before.map(|Moment(at)| at), lifetime: body.lifetime };
    let (secret, version) =
        app::rotate_secret(&granted.node, &granted.actor, &state, &found, new, end_others_at).await?;
    Ok(Made(CreatedSecret {
        version: view::Secret::of(&version, caller.node.now()),
        client_id: found.client_id.to_string(),
        client_secret: secret.reveal().to_owned(),
    }))
}

/// Seconds from now, where they are some.
fn from_now(member: &str, seconds: i64) -> Result<i64, Problem> {
    let fits = (0..=Lifetime::MAX_SECONDS).contains(&seconds);
    fits.then_some(seconds)
        .ok_or_else(|| Problem::bad(format!("{member} is a number of seconds from now, up to ten years.")))
}

type VersionPath = Path<(String, String, i64)>;

async fn schedule_end(
    caller: Caller,
    Path((environment, client_id, version)): VersionPath,
    Body(body): Body<ScheduleEnd>,
) -> Result<Told<Secrets>, Problem> {
    let after = from_now("after", body.after)?;
    let path = (environment, client_id);
    let (_, found, granted) = find_to_change(&caller, &path).await?;
    let version = known(&found, version)?;
    let at = caller.node.now().plus_seconds(after);
    app::schedule_secret_end(&granted.node, &granted.actor, &found, version, at).await?;
    list(caller, Path(path)).await
}

async fn cancel(
    caller: Caller,
    Path((environment, client_id, version)): VersionPath,
) -> Result<Told<Secrets>, Problem> {
    let path = (environment, client_id);
    let (_, found, granted) = find_to_change(&caller, &path).await?;
    let version = known(&found, version)?;
    app::cancel_rotation(&granted.node, &granted.actor, &found, version).await?;
    list(caller, Path(path)).await
}

fn known(app: &App, version: i64) -> Result<i64, Problem> {
    let is_there = app.secrets.iter().any(|known| known.version == version);
    is_there.then_some(version).ok_or_else(|| Problem::not_found("There is no such version of the secret."))
}

async fn end(
    caller: Caller,
    Path((environment, client_id, version)): VersionPath,
    Body(body): Body<EndSecret>,
) -> Result<Shown<view::App>, Problem> {
    let path = (environment, client_id);
    let (_, found, granted) = find_to_change(&caller, &path).await?;
    let tokens = if body.end_tokens { Tokens::End } else { Tokens::Keep };
    let ended = app::end_secret(&granted.node, &granted.actor, &found, version, tokens).await?;
    ended.ok_or_else(|| Problem::not_found("There is no such living version of the secret."))?;
    again(&caller, &path).await
}
