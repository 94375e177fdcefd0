//! Writes of Grants and consents. One-time use of codes and refresh tokens is decided by the guards here.

use grantor_core::env::UnixMillis;
use grantor_core::grant::{Consent, EndReason, Grant};
use grantor_core::id::{ApiId, AppId, GrantId, SessionId, UserId};
use grantor_core::secret::SecretHash;

use super::super::sql::{Sql, Statement};
use super::{any, json, one};

/// Everything here, for the test that prepares it.
pub(super) const STATEMENTS: &[&Sql] = &[
    &INSERT_GRANT,
    &REDEEM_CODE,
    &ADVANCE_REFRESH,
    &END_GRANT,
    &PUT_CONSENT,
    &REMOVE_CONSENTS,
    &END_GRANTS_OF_APP,
];

const INSERT_GRANT: Sql = Sql {
    name: "insert_grant",
    text: "INSERT INTO grants (id, environment_id, app_id, tenant_id, user_id, api_id, origin, scopes, state, epoch, generation, rotated_at, \
           nonce, ends_at, code_pepper, code_mac, code, login, session_id, with_session, created_at, ended_reason, management) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)",
};
// The code's hash stays: a replayed code must find what came of it (RFC 6749 4.1.2).
const REDEEM_CODE: Sql = Sql {
    name: "redeem_code",
    text: "UPDATE grants SET state = 'active', generation = $2, rotated_at = $3 WHERE id = $1 AND state = 'code'",
};
const ADVANCE_REFRESH: Sql = Sql {
    name: "advance_refresh",
    text: "UPDATE grants SET generation = generation + 1, rotated_at = $3 \
           WHERE id = $1 AND generation = $2 AND state = 'active'",
};
const END_GRANT: Sql = Sql {
    name: "end_grant",
    text: "UPDATE grants SET state = 'ended', epoch = epoch + 1, ended_at = $2, ended_reason = $3 \
           WHERE id = $1 AND state <> 'ended'",
};
const PUT_CONSENT: Sql = Sql {
    name: "put_consent",
    text: "INSERT INTO consents (user_id, app_id, tenant_id, scopes, granted_at) VALUES ($1, $2, $3, $4, $5) \
           ON CONFLICT (user_id, app_id, tenant_id) DO UPDATE SET scopes = excluded.scopes, granted_at = excluded.granted_at",
};
const REMOVE_CONSENTS: Sql =
    Sql { name: "remove_consents", text: "DELETE FROM consents WHERE user_id = $1 AND app_id = $2" };
const END_GRANTS_OF_APP: Sql = Sql {
    name: "end_grants_of_app",
    text: "UPDATE grants SET state = 'ended', epoch = epoch + 1, ended_at = $3, ended_reason = $4 \
           WHERE user_id = $1 AND app_id = $2 AND state <> 'ended'",
};

pub(super) fn insert_grant(grant: &Grant, code: Option<&SecretHash>) -> Statement {
    one(
        &INSERT_GRANT,
        vec![
            grant.id.number().into(),
            grant.environment.bytes().into(),
            grant.app.bytes().into(),
            grant.tenant.bytes().into(),
            grant.user.bytes().into(),
            // What the server itself is has no row to refer to.
            grant.api.filter(|api| *api != ApiId::MANAGEMENT).map(ApiId::bytes).into(),
            grant.origin.as_str().into(),
            json(&grant.scopes),
            grant.state.as_str().into(),
            grant.epoch.into(),
            grant.generation.into(),
            grant.rotated_at.0.into(),
            grant.nonce.into(),
            grant.ends_at.0.into(),
            code.map(|hash| hash.pepper).into(),
            code.map(|hash| hash.mac).into(),
            grant.code.as_ref().map(json).into(),
            json(&grant.login),
            grant.login.session.map(SessionId::bytes).into(),
            grant.ends_with_session().into(),
            grant.created_at.0.into(),
            grant.ended_reason.map(EndReason::as_str).into(),
            (grant.api == Some(ApiId::MANAGEMENT)).into(),
        ],
    )
}

pub(super) fn redeem_code(grant: GrantId, generation: i64, at: UnixMillis) -> Statement {
    one(&REDEEM_CODE, vec![grant.number().into(), generation.into(), at.0.into()])
}

pub(super) fn advance_refresh(grant: GrantId, from: i64, at: UnixMillis) -> Statement {
    one(&ADVANCE_REFRESH, vec![grant.number().into(), from.into(), at.0.into()])
}

/// A Grant that is ended twice stays ended, for the first reason: any number of rows.
pub(super) fn end_grant(grant: GrantId, reason: EndReason, at: UnixMillis) -> Statement {
    any(&END_GRANT, vec![grant.number().into(), at.0.into(), reason.as_str().into()])
}

pub(super) fn put_consent(consent: &Consent) -> Statement {
    one(
        &PUT_CONSENT,
        vec![
            consent.user.bytes().into(),
            consent.app.bytes().into(),
            consent.tenant.bytes().into(),
            json(&consent.scopes),
            consent.granted_at.0.into(),
        ],
    )
}

/// The consents for every tenant, and all that the app has got from this user. Where nothing is left, nothing is wrong:
/// any number of rows.
pub(super) fn withdraw_consent(user: UserId, app: AppId, at: UnixMillis) -> Vec<Statement> {
    let reason = EndReason::ConsentWithdrawn.as_str();
    vec![
        any(&REMOVE_CONSENTS, vec![user.bytes().into(), app.bytes().into()]),
        any(&END_GRANTS_OF_APP, vec![user.bytes().into(), app.bytes().into(), at.0.into(), reason.into()]),
    ]
}
