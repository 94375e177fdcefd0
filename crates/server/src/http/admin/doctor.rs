//! What an operator should know before something breaks.

use ::http::StatusCode;
use axum::response::Response;
use grantor_core::app::App;
use grantor_core::profile::{ClientAuthMethod, GrantType};
use grantor_core::secret::Stage;
use grantor_core::signing_key::{KeyState, is_due};
use grantor_core::tenant::Status;
use serde_json::{Value, json};

use super::tenants::PAGE;
use super::{Admin, Problem, answer};
use crate::catalogue::EnvironmentState;
use crate::config::{PlainHttp, Ports, Remote};
use crate::flow::{Fault, audit};
use crate::keys::times;
use crate::mail::Mailer;
use crate::node::Node;

fn check(level: &str, name: &str, text: String, next: Option<&str>) -> Value {
    json!({ "level": level, "name": name, "text": text, "next": next })
}

pub(super) async fn checks(admin: Admin) -> Result<Response, Problem> {
    let catalogue = admin.node.catalogue_full();
    let mut checks = vec![if admin.node.store.is_read_only() {
        check(
            "fail",
            "database",
            "Nothing is written any more: a flush failed.".to_owned(),
            Some("Check the disk, then restart."),
        )
    } else {
        check("ok", "database", "The database answers and can be written.".to_owned(), None)
    }];
    checks.extend(not_linked(&admin.node).await);
    if catalogue.environments.is_empty() {
        checks.push(check(
            "warn",
            "environments",
            "There is no environment yet.".to_owned(),
            Some("grantor apply -f FILE with an [[environment]]"),
        ));
    }
    for state in &catalogue.environments {
        let environment = &state.environment;
        let users = state.apis.iter().any(|api| api.profile.has_users());
        let shared = catalogue.environments.iter().any(|other| {
            other.environment.id != environment.id
                && other.environment.issuer.authority() == environment.issuer.authority()
        });
        if shared && (users || environment.stage == Stage::Live) {
            let text = format!(
                "{} shares its origin, and so its cookies, with another environment.",
                environment.name
            );
            checks.push(check("warn", "issuer", text, Some("Give every environment a host of its own outside of demos: cookies and mistakes cross paths.")));
        }
        if users && matches!(admin.node.mailer, Mailer::Off) {
            let text = format!("Users sign in at {}, and no mail leaves.", environment.name);
            checks.push(check(
                "warn",
                "mail",
                text,
                Some("Set mail.transport: without mail nobody can sign up."),
            ));
        }
        checks.extend(without_pkce(&admin, state).await?);
        if environment.issuer.is_loopback() {
            let text = format!("The issuer of {} is a loopback address.", environment.name);
            checks.push(check(
                "warn",
                "issuer",
                text,
                Some("Fine for a demo; set a real https issuer before partners use it."),
            ));
        }
        for api in &state.apis {
            if api.profile.grants.contains(&GrantType::Password) {
                let text = format!(
                    "The profile of {}/{} has the legacy password grant on, which RFC 9700 2.4 forbids to new apps.",
                    environment.name, api.name
                );
                checks.push(check(
                    "warn",
                    "password_grant",
                    text,
                    Some("Move its apps to the authorization code grant, then take it out of the profile."),
                ));
            }
            if api.openapi.is_none() {
                let text = format!(
                    "{}/{} has no contract: forward-auth cannot tell its operations apart.",
                    environment.name, api.name
                );
                checks.push(check("warn", "contract", text, Some("Add contract = \"FILE\" to its [[api]].")));
            }
        }
        let ring = admin.node.store.key_ring(environment.id).await.map_err(Fault::from)?;
        let now = admin.node.now();
        for key in
            ring.iter().filter(|key| key.state == KeyState::Active && is_due(&times(key), key.uses, now))
        {
            let text = format!(
                "The {} key {} of {} is older than 90 days.",
                key.usage.as_str(),
                key.kid,
                environment.name
            );
            checks.push(check("warn", "key_age", text, Some("grantor signing-key rotate")));
        }
    }
    checks.extend(opened(admin.node.remote.rules()));
    let webhooks = admin.node.store.all_webhooks().await.map_err(Fault::from)?;
    checks.extend(webhooks.iter().filter_map(|webhook| {
        let since = webhook.failing_since?;
        let text = format!(
            "Webhook {} has failed since {} ({}).",
            webhook.id,
            super::view::time(since),
            webhook.status.as_str()
        );
        Some(check(
            "warn",
            "webhook",
            text,
            Some("grantor webhook deliveries ID tells how; then resume it or delete it."),
        ))
    }));
    Ok(answer(StatusCode::OK, &json!({ "checks": checks })))
}

/// Whether the audit can be gone on with: tried, because nothing else tells.
async fn not_linked(node: &Node) -> Option<Value> {
    audit::link(node).await.err()?;
    let text = "The audit is not linked any more: its end is not what was signed, or the database refuses.";
    let next = "The log says why. grantor audit verify names what does not fit.";
    Some(check("fail", "audit", text.to_owned(), Some(next)))
}

/// What requests to others may reach beside public addresses by TLS.
fn opened(rules: &Remote) -> Vec<Value> {
    let warn = |text: String, next| check("warn", "remote", text, Some(next));
    let mut checks = Vec::new();
    if !rules.allow.is_empty() {
        let networks: Vec<_> = rules.allow.iter().map(ToString::to_string).collect();
        let text =
            format!("Webhooks may reach {}, which may be inside of your network.", networks.join(", "));
        checks.push(warn(text, "Name in remote.allow no more than the receivers that you know."));
    }
    if rules.plain_http == PlainHttp::Allowed {
        let text = "Messages to webhooks may travel in clear.".to_owned();
        checks.push(warn(text, "Take remote.allow_http out of the configuration outside of demos."));
    }
    if rules.ports != Ports::Only(vec![443]) {
        let text = format!("Webhooks may reach other ports than 443: {}.", rules.ports);
        checks.push(warn(text, "Name in remote.ports no more than receivers need."));
    }
    if let Some(file) = &rules.extra_roots {
        let text = format!("The certificates in {} are trusted beside those of the system.", file.display());
        checks.push(warn(text, "Fine for receivers with an authority of their own."));
    }
    checks
}

/// The apps that sign users in without PKCE: codes of theirs that are stolen can be used (RFC 9700 2.1.1).
async fn without_pkce(admin: &Admin, state: &EnvironmentState) -> Result<Option<Value>, Problem> {
    let mut names = Vec::new();
    let mut after = String::new();
    loop {
        let page = admin.node.store.apps(state.environment.id, &after, PAGE).await.map_err(Fault::from)?;
        let open = |app: &&App| {
            app.status != Status::Closed
                && !app.metadata.require_pkce
                && app.auth_method != Some(ClientAuthMethod::None)
                && app.grants.contains(&GrantType::AuthorizationCode)
        };
        names.extend(page.iter().filter(open).map(|app| app.client_id.to_string()));
        match page.last() {
            Some(last) if page.len() as i64 == PAGE => after = last.client_id.to_string(),
            _ => break,
        }
    }
    if names.is_empty() {
        return Ok(None);
    }
    let text =
        format!("Apps in {} may sign users in without PKCE: {}.", state.environment.name, names.join(", "));
    let next = "Have them send a code_challenge (RFC 9700 2.1.1), then set require_pkce = true.";
    Ok(Some(check("warn", "pkce", text, Some(next))))
}
