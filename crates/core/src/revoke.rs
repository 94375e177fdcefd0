//! RFC 7009: an app gives a token back.

use crate::app::App;
use crate::claims::AccessClaims;
use crate::decision::{AuditEvent, Decision, Write};
use crate::env::UnixMillis;
use crate::environment::Environment;

/// Decides a revocation. The claims are those of a genuine token; the app has authenticated.
///
/// A token of another app, another environment, or one that has ended, gives the same answer and no write:
/// the caller does not learn that it exists.
pub fn revoke(
    claims: Option<&AccessClaims>,
    app: &App,
    environment: &Environment,
    now: UnixMillis,
) -> Decision<()> {
    let mine = claims.filter(|claims| {
        claims.client_id == app.client_id.as_str()
            && claims.iss == environment.issuer.as_str()
            && app.environment == environment.id
            && claims.exp > now.seconds()
    });
    let Some(claims) = mine else {
        return Decision::ok(());
    };
    let event = AuditEvent::new("token.revoke", format!("{}", app.id)).detail("jti", claims.jti.as_str());
    Decision::ok(())
        .write(Write::RevokeToken {
            environment: environment.id,
            jti: claims.jti.clone(),
            expires_at: claims.exp,
        })
        .event(event)
}
