//! `<issuer>/docs/<api>/flows`, and the same as JSON: which ways to a token exist at an API, made from what is enforced.

use ::http::{Method, Request, Response, StatusCode};
use grantor_core::api::Api;
use grantor_core::profile::{ClientAuthMethod, GrantType};
use hyper::body::Incoming;
use serde::Serialize;

use super::Call;
use super::pages::{frame, html};
use super::respond::{self, Body};
use crate::catalogue::Dress;
use crate::pages::{Flow, FlowTable, Shown};

/// One row of the JSON.
#[derive(Serialize)]
struct Row {
    flow: &'static str,
    grant_type: Option<&'static str>,
    description: &'static str,
    user_resources: bool,
    secret: bool,
    refresh: bool,
    supported: bool,
}

#[derive(Serialize)]
struct Table<'a> {
    api: &'a str,
    issuer: &'a str,
    flows: Vec<Row>,
}

/// Shows the table.
pub fn get(call: &Call<'_>, api: &Api, dress: Dress, request: &Request<Incoming>) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return respond::method_not_allowed("GET", call.request_id);
    }
    let issuer = &call.state.environment.issuer;
    match dress {
        Dress::Json => {
            let table = Table { api: api.name.as_str(), issuer: issuer.as_str(), flows: rows(api) };
            respond::json(StatusCode::OK, &table)
        }
        Dress::Page => {
            let flows = rows(api).into_iter().map(|row| Flow {
                name: Shown::name(row.flow),
                description: Shown::text(row.description),
                user_resources: row.user_resources,
                secret: row.secret,
                refresh: row.refresh,
                supported: row.supported,
            });
            let page = FlowTable {
                frame: frame(call),
                api: Shown::name(if api.title.is_empty() { api.name.as_str() } else { &api.title }),
                issuer: issuer.as_str().to_owned(),
                json: format!("{}/docs/{}/flows.json", issuer.path(), api.name),
                docs: format!("{}/docs/{}", issuer.path(), api.name),
                flows: flows.collect(),
            };
            html(call, StatusCode::OK, &page, &[])
        }
    }
}

fn rows(api: &Api) -> Vec<Row> {
    let profile = &api.profile;
    let on = |grant| profile.grants.contains(&grant);
    let refreshes = |grant| on(grant) && profile.refresh.grants.contains(&grant);
    let code = GrantType::AuthorizationCode;
    let with_secret = profile.client_auth.iter().any(|method| *method != ClientAuthMethod::None);
    let without_secret = profile.client_auth.contains(&ClientAuthMethod::None);
    vec![
        Row {
            flow: "Authorization code",
            grant_type: Some(code.as_str()),
            description: "For web apps with a server that keeps a secret. The user signs in here and allows the app once.",
            user_resources: true,
            secret: true,
            refresh: refreshes(code),
            supported: on(code) && with_secret,
        },
        Row {
            flow: "Authorization code with PKCE",
            grant_type: Some(code.as_str()),
            description: "For desktop, mobile and browser apps, which cannot keep a secret. A stolen code is of no use.",
            user_resources: true,
            secret: false,
            refresh: refreshes(code) && without_secret,
            supported: on(code) && without_secret,
        },
        Row {
            flow: "Client credentials",
            grant_type: Some(GrantType::ClientCredentials.as_str()),
            description: "For servers, command lines and daemons that act for themselves, without a user.",
            user_resources: false,
            secret: true,
            refresh: false,
            supported: on(GrantType::ClientCredentials),
        },
        Row {
            flow: "Password",
            grant_type: Some(GrantType::Password.as_str()),
            description: "For old apps only: the app sees its user's password. New apps use a code.",
            user_resources: true,
            secret: true,
            refresh: refreshes(GrantType::Password),
            supported: on(GrantType::Password),
        },
        Row {
            flow: "Implicit",
            grant_type: None,
            description: "Does not exist here: it puts tokens into addresses (RFC 9700 2.1.2). Use a code with PKCE.",
            user_resources: true,
            secret: false,
            refresh: false,
            supported: false,
        },
    ]
}
