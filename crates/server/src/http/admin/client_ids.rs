//! Whether a client id can be chosen, said while somebody types it.

use axum::extract::Path;
use grantor_core::client_id_choice::Choice;
use grantor_core::permission::Right;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Told;
use super::caller::Caller;
use super::problem::Problem;
use super::table::Table;
use crate::flow::client_id;

pub(super) fn routes(table: &mut Table) {
    table
        .get("/environments/{environment}/client-ids/{client_id}", Right::ManageApps, check)
        .says("Check a client id", "Whether it can be chosen for a new app, and if not, why.");
}

/// A verdict on a client id.
#[derive(Serialize, ToSchema)]
struct ClientIdVerdict {
    client_id: String,
    available: bool,
    /// `available`, or a word for what stands against it.
    verdict: &'static str,
    /// In a sentence.
    detail: &'static str,
}

async fn check(
    caller: Caller,
    Path((environment, text)): Path<(String, String)>,
) -> Result<Told<ClientIdVerdict>, Problem> {
    let state = caller.environment(&environment)?;
    let choice = client_id::check(&caller.node, &state, &text).await?;
    Ok(Told(ClientIdVerdict {
        client_id: text,
        available: matches!(choice, Choice::Available(_)),
        verdict: choice.as_str(),
        detail: choice.sentence(),
    }))
}
