//! What `grantor demo` tells people: where everything is, and lines that work when they are pasted into a shell.

use comfy_table::{Table, presets::NOTHING};
use grantor_core::profile::ClientAuthMethod;
use grantor_resource::CredentialKind;

use super::World;
use super::credentials::{ShownApi, ShownClient};
use super::people::ShownUser;

/// Takes the token out of an answer, with what every system has.
const EXTRACT: &str = r#"sed 's/.*"access_token": *"\([^"]*\)".*/\1/'"#;

/// The text, without line feed at its end.
pub(super) fn text(world: &World) -> String {
    let mut parts = vec![
        "Grantor demo: for trying out, on this machine only. It shows its secrets. Ctrl-C ends it."
            .to_owned(),
        apis(&world.apis),
        people(&world.users),
    ];
    let profiles = world.manifest.profiles.iter();
    parts.extend(
        profiles
            .filter_map(|profile| world.apis.iter().find(|shown| shown.api.profile.name == profile.name))
            .map(lines),
    );
    let mut last = vec![
        format!(
            "# The admin API, for commands such as `grantor app list`; files in {}, mails in {}",
            world.folder.display(),
            world.mails.display()
        ),
        format!(
            "export GRANTOR_URL={} GRANTOR_TOKEN={}",
            quoted(&world.api_url),
            quoted(&world.operator_token)
        ),
    ];
    let issuers = world.manifest.environments.iter().map(|environment| &environment.issuer);
    last.extend(issuers.map(|issuer| format!("# How to use the APIs, with programs to copy: {issuer}/docs")));
    last.extend(
        world
            .management
            .map(|address| format!("# Health and metrics: http://{address}/readyz http://{address}/metrics")),
    );
    parts.push(last.join("\n"));
    parts.join("\n\n")
}

fn apis(apis: &[ShownApi]) -> String {
    let rows = apis.iter().map(|shown| {
        let api = &shown.api;
        vec![api.name.to_string(), api.environment.to_string(), api.token_endpoint(), api.base_url.clone()]
    });
    table(&["API", "ENVIRONMENT", "TOKEN ENDPOINT", "BASE URL"], rows)
}

/// Who can sign in, in every environment.
fn people(users: &[ShownUser]) -> String {
    let rows = users
        .iter()
        .map(|user| vec![user.role.replace('_', " "), user.email.clone(), user.password.as_str().to_owned()]);
    table(&["USER", "E-MAIL ADDRESS", "PASSWORD"], rows)
}

fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(header);
    table.add_rows(rows);
    let text = table.trim_fmt();
    let lines: Vec<&str> = text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    lines.join("\n")
}

/// How to get and use the credentials of one API.
fn lines(shown: &ShownApi) -> String {
    let api = &shown.api;
    let mut lines = vec![format!("# {} in {}: {}", api.name, api.environment, api.profile.title)];
    if let Some(url) = first_get(shown, CredentialKind::Client) {
        let token = shown.clients.iter().find_map(|client| request(client, &api.token_endpoint()));
        lines.extend(token.map(|request| {
            format!("TOKEN=$({request} | {EXTRACT})\n{}", call("\"Authorization: Bearer $TOKEN\"", &url))
        }));
    }
    if let Some(url) = first_get(shown, CredentialKind::ApiKey) {
        lines.extend(
            shown
                .keys
                .iter()
                .map(|key| call(&quoted(&format!("Authorization: Bearer {}", key.key.as_str())), &url)),
        );
    }
    lines.join("\n")
}

/// The first operation that such a credential may read and whose path needs no value.
fn first_get(shown: &ShownApi, kind: CredentialKind) -> Option<String> {
    let operations = shown.api.contract.operations().iter();
    let mut fitting =
        operations.filter(|operation| operation.method == "GET" && operation.accepts.contains(&kind));
    let operation = fitting.find(|operation| !operation.path.contains('{'))?;
    Some(format!("{}{}", shown.api.base_url, operation.path))
}

fn call(header: &str, url: &str) -> String {
    format!("curl -s -H {header} {}", quoted(url))
}

/// A token request in the way that the API's profile asks for.
fn request(client: &ShownClient, endpoint: &str) -> Option<String> {
    let (id, secret) = (client.secret.client_id.as_str(), client.secret.client_secret.as_str());
    let credentials = match client.auth_method {
        ClientAuthMethod::ClientSecretBasic => format!("-u {}", quoted(&format!("{id}:{secret}"))),
        ClientAuthMethod::ClientSecretPost => format!(
            "--data-urlencode {} --data-urlencode {}",
            quoted(&format!("client_id={id}")),
            quoted(&format!("client_secret={secret}"))
        ),
        ClientAuthMethod::None => return None,
    };
    Some(format!("curl -s {credentials} -d grant_type=client_credentials {}", quoted(endpoint)))
}

/// One word for a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
#[path = "welcome_tests.rs"]
mod tests;
