//! The one line of `grantor demo --json`: what other people's drivers read. Members may be added, never renamed.

use grantor_core::profile::ClientAuthMethod;
use grantor_resource::{CredentialKind, Operation};
use serde::Serialize;
use serde_json::Value;

use super::World;
use super::credentials::ShownApi;

/// The name of the first operator, in the audit too.
pub(super) const OPERATOR: &str = "operator@provider.example";

/// What the line holds.
///
/// # Errors
/// None that can happen: the types have string keys only.
pub(super) fn contract(world: &World) -> serde_json::Result<Value> {
    let environments = world.manifest.environments.iter();
    let ready = Ready {
        ready: true,
        environments: environments
            .map(|environment| Environment {
                name: environment.name.as_str(),
                issuer: environment.issuer.as_str(),
            })
            .collect(),
        operator: Operator {
            // There is no log-in for operators: the token is what opens the admin API.
            email: OPERATOR,
            password: "",
            api_token: &world.operator_token,
            api_url: &world.api_url,
        },
        users: world
            .users
            .iter()
            .map(|user| User { role: user.role, email: &user.email, password: &user.password })
            .collect(),
        mail_dir: world.mails.display().to_string(),
        apis: world.apis.iter().map(api).collect(),
    };
    serde_json::to_value(&ready)
}

#[derive(Serialize)]
struct Ready<'a> {
    ready: bool,
    environments: Vec<Environment<'a>>,
    operator: Operator<'a>,
    users: Vec<User<'a>>,
    /// The folder of `.eml` files.
    mail_dir: String,
    apis: Vec<Api<'a>>,
}

#[derive(Serialize)]
struct Environment<'a> {
    name: &'a str,
    issuer: &'a str,
}

#[derive(Serialize)]
struct Operator<'a> {
    email: &'a str,
    password: &'a str,
    api_token: &'a str,
    api_url: &'a str,
}

#[derive(Serialize)]
struct User<'a> {
    role: &'static str,
    email: &'a str,
    password: &'a str,
}

#[derive(Serialize)]
struct Api<'a> {
    name: &'a str,
    environment: &'a str,
    audience: &'a str,
    token_endpoint: String,
    base_url: &'a str,
    forward_auth_url: String,
    introspection: Introspection<'a>,
    clients: Vec<Client<'a>>,
    api_keys: Vec<Key<'a>>,
    examples: Vec<Example<'a>>,
}

#[derive(Serialize)]
struct Introspection<'a> {
    endpoint: String,
    client_id: &'a str,
    client_secret: &'a str,
}

#[derive(Serialize)]
struct Client<'a> {
    client_id: &'a str,
    client_secret: &'a str,
    token_endpoint_auth_method: ClientAuthMethod,
    grant_types: Vec<&'static str>,
    redirect_uris: &'a [String],
}

#[derive(Serialize)]
struct Key<'a> {
    id: &'a str,
    key: &'a str,
}

#[derive(Serialize)]
struct Example<'a> {
    method: &'a str,
    path: &'a str,
    scope: String,
    accepts: &'a [CredentialKind],
}

fn api(shown: &ShownApi) -> Api<'_> {
    let api = &shown.api;
    let clients = shown.clients.iter().map(|client| Client {
        client_id: &client.secret.client_id,
        client_secret: &client.secret.client_secret,
        token_endpoint_auth_method: client.auth_method,
        grant_types: client.grants.iter().map(|grant| grant.as_str()).collect(),
        redirect_uris: &client.redirect_uris,
    });
    Api {
        name: api.name.as_str(),
        environment: api.environment.as_str(),
        audience: &api.audience,
        token_endpoint: api.token_endpoint(),
        base_url: &api.base_url,
        forward_auth_url: format!("{}/forward-auth/{}", api.issuer, api.name),
        introspection: Introspection {
            endpoint: api.introspection_endpoint(),
            client_id: &shown.resource_server.client_id,
            client_secret: &shown.resource_server.client_secret,
        },
        clients: clients.collect(),
        api_keys: shown.keys.iter().map(|key| Key { id: &key.id, key: &key.key }).collect(),
        examples: api.contract.operations().iter().map(example).collect(),
    }
}

/// Of alternative scopes the first: a string can say one.
fn example(operation: &Operation) -> Example<'_> {
    Example {
        method: &operation.method,
        path: &operation.path,
        scope: operation.scopes.first().map(|all| all.join(" ")).unwrap_or_default(),
        accepts: &operation.accepts,
    }
}

#[cfg(test)]
#[path = "ready_tests.rs"]
mod tests;
