//! What an operator should know before something breaks, and the newest entries of the audit.

use ::http::StatusCode;
use axum::response::Response;
use grantor_core::profile::GrantType;
use grantor_core::secret::Stage;
use grantor_core::signing_key::{KeyState, is_due};
use serde_json::{Value, json};

use super::{Admin, Problem, answer, view};
use crate::flow::Fault;
use crate::keys::times;

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
        let shared = catalogue.environments.iter().any(|other| {
            other.environment.id != environment.id
                && other.environment.issuer.authority() == environment.issuer.authority()
        });
        if shared && environment.stage == Stage::Live {
            let text = format!("{} shares its host with another environment.", environment.name);
            checks.push(check("warn", "issuer", text, Some("Give every environment a host of its own outside of demos: cookies and mistakes cross paths.")));
        }
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
                    "The profile of {}/{} names the legacy password grant.",
                    environment.name, api.name
                );
                checks.push(check(
                    "warn",
                    "password_grant",
                    text,
                    Some("RFC 9700 2.4: move its clients to the authorization code grant."),
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
    Ok(answer(StatusCode::OK, &json!({ "checks": checks })))
}

pub(super) async fn audit(admin: Admin) -> Result<Response, Problem> {
    let entries = admin.node.store.audit_newest(super::tenants::PAGE).await.map_err(Fault::from)?;
    let items: Vec<Value> = entries
        .iter()
        .map(|entry| {
            let detail: Value = serde_json::from_str(&entry.detail).unwrap_or(Value::Null);
            json!({ "at": view::time(entry.at), "actor": entry.actor, "action": entry.action, "target": entry.target, "detail": detail, "request_id": entry.request_id, "address": entry.address })
        })
        .collect();
    Ok(answer(StatusCode::OK, &json!({ "items": items })))
}
