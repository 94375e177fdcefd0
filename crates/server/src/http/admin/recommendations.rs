//! What are you building? The flow that fits at one API, as data for a page.

use axum::extract::Path;
use grantor_core::permission::Right;
use grantor_core::recommendation;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Told;
use super::caller::Caller;
use super::problem::Problem;
use super::table::Table;

pub(super) fn routes(table: &mut Table) {
    table.get("/environments/{environment}/apis/{api}/recommendations", Right::ReadCatalogue, list).says(
        "Recommend a flow",
        "For each kind of app: which one fits at this API, whether the API offers it, and why.",
    );
}

/// What fits at an API.
#[derive(Serialize, ToSchema)]
struct Recommendations {
    /// The API's name.
    api: String,
    items: Vec<Recommendation>,
}

/// What fits for one kind of app.
#[derive(Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object)]
struct Recommendation(recommendation::Recommendation);

async fn list(
    caller: Caller,
    Path((environment, api)): Path<(String, String)>,
) -> Result<Told<Recommendations>, Problem> {
    let state = caller.environment(&environment)?;
    let api =
        state.api(&api).ok_or_else(|| Problem::not_found("There is no such API in this environment."))?;
    let items = recommendation::all(&api.profile).into_iter().map(Recommendation).collect();
    Ok(Told(Recommendations { api: api.name.to_string(), items }))
}
