//! Single tokens: what is it, and why is it refused; and its end.

use std::net::IpAddr;

use axum::extract::Path;
use grantor_core::error::Reason;
use grantor_core::permission::Right;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::answer::Told;
use super::body::Body;
use super::caller::Caller;
use super::problem::Problem;
use super::table::Table;
use super::{tenants, uses, view};
use crate::flow;
use crate::flow::Fault;
use crate::flow::verify::{Genuine, recognise};

pub(super) fn routes(table: &mut Table) {
    table.tag("Tokens", "Single tokens and keys, by their value.");
    table
        .post("/environments/{environment}/tokens/inspect", Right::ManagePartners, inspect)
        .says("Inspect a credential", "Whether it is good, for which API, and if not, why.");
    table
        .post("/environments/{environment}/tokens/revoke", Right::ManagePartners, revoke)
        .says("Revoke an access token", "From the next request. An API key is revoked by its id.");
}

/// What to look at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Inspect {
    /// The token or key.
    token: String,
    /// For which API, by name; else the one that it names itself.
    #[serde(default)]
    api: Option<String>,
    /// The address that it is used from, for a key that is tied to addresses.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Ipv4)]
    client_address: Option<IpAddr>,
}

/// What to end.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RevokeToken {
    /// The token.
    token: String,
}

/// A verdict.
#[derive(Serialize, ToSchema)]
struct Inspection {
    active: bool,
    /// Why it is not good.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api: Option<String>,
    /// `client`, `user` or `api_key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    credential_kind: Option<grantor_resource::CredentialKind>,
    /// What it says: the claims of a token, the row of a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    claims: Option<Value>,
}

/// That a token has ended.
#[derive(Serialize, ToSchema)]
struct RevokedToken {
    revoked: bool,
    /// Its claim `jti`.
    token_id: String,
}

async fn inspect(
    caller: Caller,
    Path(environment): Path<String>,
    Body(body): Body<Inspect>,
) -> Result<Told<Inspection>, Problem> {
    caller.operator(Right::ManagePartners)?;
    let state = caller.environment(&environment)?;
    let node = &caller.node;
    let inactive = |reason: Reason, claims| Inspection {
        active: false,
        reason: Some(reason.name()),
        api: None,
        credential_kind: None,
        claims,
    };
    let genuine = match recognise(node, &state, &body.token).await? {
        Ok(genuine) => genuine,
        Err(reason) => return Ok(Told(inactive(reason, None))),
    };
    let claims = match &genuine {
        Genuine::Token(claims) => serde_json::to_value(&**claims),
        Genuine::Key(key) => {
            let tenants = tenants::names(&caller, [key.tenant].into_iter()).await?;
            let uses = uses::of_keys(node, (state.environment.id, None), std::slice::from_ref(key)).await?;
            let shown = view::Key::of(&state, key, &tenants[&key.tenant], node.now());
            serde_json::to_value(shown.used(uses.of_key(key.id)))
        }
    };
    let claims = Some(claims.map_err(|_| Fault::Internal)?);
    let api = match (&body.api, &genuine) {
        (Some(name), _) => state.target(name),
        (None, Genuine::Token(claims)) => state.api_by_audience(&claims.aud),
        (None, Genuine::Key(key)) => key.apis.first().and_then(|id| state.api_by_id(*id)),
    };
    let Some(api) = api else {
        return Ok(Told(inactive(Reason::WrongAudience, None)));
    };
    let name = Some(api.name.to_string());
    Ok(Told(match genuine.judge(node, &state, api, body.client_address).await? {
        Ok(good) => {
            Inspection { active: true, reason: None, api: name, credential_kind: Some(good.kind()), claims }
        }
        Err(unfit) => Inspection { api: name, ..inactive(unfit.reason, claims) },
    }))
}

async fn revoke(
    caller: Caller,
    Path(environment): Path<String>,
    Body(body): Body<RevokeToken>,
) -> Result<Told<RevokedToken>, Problem> {
    let granted = caller.operator(Right::ManagePartners)?;
    let state = caller.environment(&environment)?;
    let Ok(Genuine::Token(claims)) = recognise(&caller.node, &state, &body.token).await? else {
        return Err(Problem::not_found(
            "This is no living access token of this environment. An API key is revoked by its id.",
        ));
    };
    flow::revoke::by_operator(&granted.node, &granted.actor, &state, &claims).await?;
    Ok(Told(RevokedToken { revoked: true, token_id: claims.jti.clone() }))
}
