//! What the audit says of each thing that is done about a leak: the same as if a person had done it, with the reason. Whoever
//! asks later why an app stands still finds it under the app, and a webhook hears of it under the name that it knows.

use crate::audit_event::AuditEvent;
use crate::incident::Measure;
use crate::leak::{Leaked, REASON};
use crate::tenant::Status;

/// The entry of one measure; `None` for what changes nothing.
pub fn trace(leaked: &Leaked<'_>, measure: Measure) -> Option<AuditEvent> {
    let of_app = |action| {
        let app = leaked.app()?;
        let event = AuditEvent::new(action, app.id.to_string());
        Some(event.detail("client_id", app.client_id.as_str()))
    };
    let event = match (measure, leaked) {
        (Measure::SecretEnded, Leaked::Secret(_, version)) => {
            of_app("app.secret_end")?.detail("version", version.version)
        }
        (Measure::KeyRevoked, Leaked::Key(key, _)) => {
            AuditEvent::new("key.revoke", key.id.to_string()).change("status", key.status, Status::Closed)
        }
        (Measure::TokenRevoked, Leaked::AppToken(_, claims, _) | Leaked::UserToken(_, _, claims, _)) => {
            of_app("token.revoke")?.detail("jti", claims.jti.as_str())
        }
        (Measure::TokensEnded, _) => of_app("app.tokens_end")?,
        (
            Measure::GrantEnded,
            Leaked::UserToken(_, grant, ..) | Leaked::RefreshToken(_, grant) | Leaked::Code(_, grant),
        ) => AuditEvent::new("grant.end", grant.id.to_string()),
        (Measure::OperatorEnded, Leaked::Operator(id, _)) => AuditEvent::new("operator.end", id.to_string()),
        (Measure::AppSuspended, _) => {
            of_app("app.suspend")?.change("status", Status::Active, Status::Suspended)
        }
        (Measure::TenantSuspended, Leaked::Key(_, tenant)) => {
            AuditEvent::new("tenant.suspend", tenant.id.to_string())
                .detail("name", tenant.name.as_str())
                .change("status", Status::Active, Status::Suspended)
        }
        _ => return None,
    };
    let event = event.detail("reason", REASON);
    Some(match leaked.tenant() {
        Some(tenant) => event.of_tenant(tenant),
        None => event,
    })
}
