//! Writes of what is held whole (environments, profiles, APIs), of counts and marks.

use grantor_core::api::Api;
use grantor_core::env::UnixMillis;
use grantor_core::environment::Environment;
use grantor_core::lockout;
use grantor_core::profile::Profile;

use super::super::sql::{Sql, Statement};
use super::operator::prune_claims;
use super::{any, incident, json, one};

/// Everything here, for the test that prepares it.
pub(super) const STATEMENTS: &[&Sql] = &[
    &PUT_ENVIRONMENT,
    &PUT_PROFILE,
    &PUT_API,
    &PUT_META,
    &PUT_META_ONCE,
    &PRUNE_REVOKED,
    &PRUNE_SESSIONS,
    &PRUNE_INTERACTIONS,
    &PRUNE_SIGNUPS,
    &PRUNE_GRANTS,
    &PRUNE_CODES,
    &PRUNE_FAILURES,
    &PRUNE_MAILS,
];

const PUT_ENVIRONMENT: Sql = Sql {
    name: "put_environment",
    text: "INSERT INTO environments (id, name, issuer, stage, scope_prefix, on_leak) VALUES ($1, $2, $3, $4, $5, $6) \
           ON CONFLICT (id) DO UPDATE SET issuer = excluded.issuer, stage = excluded.stage, scope_prefix = excluded.scope_prefix, \
           on_leak = excluded.on_leak",
};
const PUT_PROFILE: Sql = Sql {
    name: "put_profile",
    text: "INSERT INTO profiles (name, document) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET document = excluded.document",
};
const PUT_API: Sql = Sql {
    name: "put_api",
    text: "INSERT INTO apis (id, environment_id, name, title, audience, scopes, profile, openapi) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
           ON CONFLICT (id) DO UPDATE SET title = excluded.title, audience = excluded.audience, scopes = excluded.scopes, \
           profile = excluded.profile, openapi = excluded.openapi",
};
/// Small values of the installation: the clock's mark.
const PUT_META: Sql = Sql {
    name: "put_meta",
    text: "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
};
/// The same, for what is never replaced: of two nodes that start at once, the second must not win.
pub const PUT_META_ONCE: Sql = Sql {
    name: "put_meta_once",
    text: "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
};
const PRUNE_REVOKED: Sql =
    Sql { name: "prune_revoked", text: "DELETE FROM revoked_tokens WHERE expires_at < $1" };
const PRUNE_SESSIONS: Sql = Sql { name: "prune_sessions", text: "DELETE FROM sessions WHERE ends_at < $1" };
const PRUNE_INTERACTIONS: Sql =
    Sql { name: "prune_interactions", text: "DELETE FROM interactions WHERE expires_at < $1" };
const PRUNE_SIGNUPS: Sql = Sql { name: "prune_signups", text: "DELETE FROM signups WHERE expires_at < $1" };
const PRUNE_GRANTS: Sql = Sql { name: "prune_grants", text: "DELETE FROM grants WHERE ends_at < $1" };
// A code that nobody has redeemed: made for anybody who is signed in, as often as they like.
const PRUNE_CODES: Sql =
    Sql { name: "prune_codes", text: "DELETE FROM grants WHERE state = 'code' AND created_at < $1" };
const PRUNE_FAILURES: Sql =
    Sql { name: "prune_failures", text: "DELETE FROM login_failures WHERE last_at < $1" };
// Only mails that were given up; what still waits is never erased.
const PRUNE_MAILS: Sql =
    Sql { name: "prune_mails", text: "DELETE FROM outbox WHERE next_at IS NULL AND id < $1" };

/// A session's row is kept so long after its end, in seconds.
const SESSIONS_KEPT: i64 = 24 * 3600;
/// A Grant's row is kept so long after its end, in seconds. No token outlives its Grant, so nobody asks for it again.
const GRANTS_KEPT: i64 = 2 * 24 * 3600;
/// A code that was not redeemed is kept so long, in seconds: it was good for one minute.
const CODES_KEPT: i64 = 3600;
/// A mail that was given up is kept so long, in seconds, counted from when it was put into the outbox: long enough to be
/// looked at after a weekend. What was in it is erased when it is given up.
const GIVEN_UP_KEPT: i64 = 7 * 24 * 3600;

pub(super) fn put_environment(environment: &Environment) -> Statement {
    one(
        &PUT_ENVIRONMENT,
        vec![
            environment.id.bytes().into(),
            environment.name.as_str().into(),
            environment.issuer.as_str().into(),
            environment.stage.as_str().into(),
            environment.scope_prefix.as_str().into(),
            environment.on_leak.as_str().into(),
        ],
    )
}

pub(super) fn put_profile(profile: &Profile) -> Statement {
    one(&PUT_PROFILE, vec![profile.name.as_str().into(), json(profile)])
}

pub(super) fn put_api(api: &Api) -> Statement {
    let openapi = api.openapi.as_deref().map(str::to_owned);
    one(
        &PUT_API,
        vec![
            api.id.bytes().into(),
            api.environment.bytes().into(),
            api.name.as_str().into(),
            api.title.as_str().into(),
            api.audience.as_str().into(),
            json(&api.scopes),
            api.profile.name.as_str().into(),
            openapi.into(),
        ],
    )
}

pub(super) fn mark_clock(at: UnixMillis) -> Statement {
    one(&PUT_META, vec!["clock_mark".into(), at.0.to_be_bytes().into()])
}

/// A minute of slack, so that no node with a slower clock forgets too early.
pub(super) fn prune(now: UnixMillis) -> Vec<Statement> {
    let ago = |seconds: i64| now.plus_seconds(-60 - seconds);
    vec![
        any(&PRUNE_REVOKED, vec![(now.seconds() - 60).into()]),
        any(&PRUNE_SESSIONS, vec![ago(SESSIONS_KEPT).0.into()]),
        any(&PRUNE_INTERACTIONS, vec![ago(0).0.into()]),
        any(&PRUNE_SIGNUPS, vec![ago(0).0.into()]),
        any(&PRUNE_GRANTS, vec![ago(GRANTS_KEPT).0.into()]),
        any(&PRUNE_CODES, vec![ago(CODES_KEPT).0.into()]),
        any(&PRUNE_FAILURES, vec![ago(lockout::FORGOTTEN_AFTER).0.into()]),
        any(&PRUNE_MAILS, vec![first_id_at(ago(GIVEN_UP_KEPT)).into()]),
        prune_claims(now),
        incident::prune_messages(ago(incident::MESSAGES_KEPT)),
    ]
}

/// The lowest time-ordered id of a moment (RFC 9562 5.7: 48 bits of milliseconds come first).
pub(super) fn first_id_at(at: UnixMillis) -> [u8; 16] {
    let millis = u128::try_from(at.0).unwrap_or(0);
    (millis << 80).to_be_bytes()
}
