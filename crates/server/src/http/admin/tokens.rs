//! Single tokens: what is it, and why is it refused; and its end.

use std::net::IpAddr;

use ::http::StatusCode;
use axum::extract::Path;
use axum::response::Response;
use grantor_core::error::Reason;
use serde::Deserialize;
use serde_json::json;

use super::{Admin, Body, Problem, answer};
use crate::flow;
use crate::flow::verify::{Genuine, recognise};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Inspect {
    token: String,
    #[serde(default)]
    api: Option<String>,
    /// The address that it is used from, for a key that is tied to addresses.
    #[serde(default)]
    client_address: Option<IpAddr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Revoke {
    token: String,
}

pub(super) async fn inspect(
    admin: Admin,
    Path(environment): Path<String>,
    Body(body): Body<Inspect>,
) -> Result<Response, Problem> {
    let state = admin.environment(&environment)?;
    let inactive =
        |reason: Reason| Ok(answer(StatusCode::OK, &json!({ "active": false, "reason": reason.name() })));
    let genuine = match recognise(&admin.node, &state, &body.token).await? {
        Ok(genuine) => genuine,
        Err(reason) => return inactive(reason),
    };
    let claims = match &genuine {
        Genuine::Token(claims) => json!(&**claims),
        Genuine::Key(key) => {
            let tenants = super::tenants::names(&admin, [key.tenant].into_iter()).await?;
            super::view::key(&state, key, &tenants[&key.tenant], admin.node.now())
        }
    };
    let api = match (&body.api, &genuine) {
        (Some(name), _) => state.api(name),
        (None, Genuine::Token(claims)) => state.api_by_audience(&claims.aud),
        (None, Genuine::Key(key)) => key.apis.first().and_then(|id| state.api_by_id(*id)),
    };
    let Some(api) = api else {
        return inactive(Reason::WrongAudience);
    };
    match genuine.judge(&admin.node, &state, api, body.client_address).await? {
        Ok(good) => Ok(answer(
            StatusCode::OK,
            &json!({ "active": true, "api": api.name, "credential_kind": good.kind(), "claims": claims }),
        )),
        Err(unfit) => Ok(answer(
            StatusCode::OK,
            &json!({ "active": false, "api": api.name, "reason": unfit.reason.name(), "claims": claims }),
        )),
    }
}

pub(super) async fn revoke(
    admin: Admin,
    Path(environment): Path<String>,
    Body(body): Body<Revoke>,
) -> Result<Response, Problem> {
    let state = admin.environment(&environment)?;
    let Ok(Genuine::Token(claims)) = recognise(&admin.node, &state, &body.token).await? else {
        return Err(Problem::not_found(
            "This is no living access token of this environment. An API key is revoked by its id.",
        ));
    };
    flow::revoke::by_operator(&admin.node, &admin.actor, &state, &claims).await?;
    Ok(answer(StatusCode::OK, &json!({ "revoked": true, "token_id": claims.jti })))
}
