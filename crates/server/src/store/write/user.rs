//! Writes of users, of where they belong, and of the failures to sign in.

use grantor_core::decision::StatusChange;
use grantor_core::env::UnixMillis;
use grantor_core::grant::EndReason;
use grantor_core::id::{EnvironmentId, TenantId, UserId};
use grantor_core::lockout::{FORGOTTEN_AFTER, Failures};
use grantor_core::password::PasswordHash;
use grantor_core::user::{Membership, User};

use super::super::sql::{Sql, Statement};
use super::{any, json, one, raise};

/// Everything here, for the test that prepares it.
pub(super) const STATEMENTS: &[&Sql] = &[
    &INSERT_USER,
    &USER_STATUS,
    &REHASH_PASSWORD,
    &SET_PASSWORD,
    &PUT_MEMBERSHIP,
    &REMOVE_MEMBERSHIP,
    &END_GRANTS_OF_USER,
    &END_GRANTS_FOR_TENANT,
    &FIRST_FAILURE,
    &FURTHER_FAILURE,
    &CLEAR_FAILURES,
    &TAKE_BACK_FAILURE,
];

const INSERT_USER: Sql = Sql {
    name: "insert_user",
    text: "INSERT INTO users (id, environment_id, email, email_key, email_verified_at, name, password, status, epoch, created_at, updated_at) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
};
const USER_STATUS: Sql = Sql {
    name: "user_status",
    text: "UPDATE users SET status = $3, epoch = epoch + $4 WHERE id = $1 AND status = $2",
};
// `updated_at` stays: the password is the same, only its hash is dearer.
const REHASH_PASSWORD: Sql =
    Sql { name: "rehash_password", text: "UPDATE users SET password = $3 WHERE id = $1 AND password = $2" };
// No guard: whoever sets a password does not look at the one before. A hash that is being renewed meanwhile is guarded itself.
const SET_PASSWORD: Sql = Sql {
    name: "set_password",
    text: "UPDATE users SET password = $2, updated_at = $3, epoch = epoch + 1 WHERE id = $1",
};
const PUT_MEMBERSHIP: Sql = Sql {
    name: "put_membership",
    text: "INSERT INTO memberships (user_id, tenant_id, roles) VALUES ($1, $2, $3) \
           ON CONFLICT (user_id, tenant_id) DO UPDATE SET roles = excluded.roles",
};
const REMOVE_MEMBERSHIP: Sql =
    Sql { name: "remove_membership", text: "DELETE FROM memberships WHERE user_id = $1 AND tenant_id = $2" };
const END_GRANTS_OF_USER: Sql = Sql {
    name: "end_grants_of_user",
    text: "UPDATE grants SET state = 'ended', epoch = epoch + 1, ended_at = $2, ended_reason = $3 \
           WHERE user_id = $1 AND state <> 'ended'",
};
const END_GRANTS_FOR_TENANT: Sql = Sql {
    name: "end_grants_for_tenant",
    text: "UPDATE grants SET state = 'ended', epoch = epoch + 1, ended_at = $3, ended_reason = $4 \
           WHERE user_id = $1 AND tenant_id = $2 AND state <> 'ended'",
};
const FIRST_FAILURE: Sql = Sql {
    name: "first_failure",
    text: "INSERT INTO login_failures (environment_id, account, count, blocked_until, last_at) VALUES ($1, $2, 1, $3, $4) \
           ON CONFLICT (environment_id, account) DO UPDATE SET count = 1, blocked_until = excluded.blocked_until, last_at = excluded.last_at \
           WHERE login_failures.last_at <= $5",
};
const FURTHER_FAILURE: Sql = Sql {
    name: "further_failure",
    text: "UPDATE login_failures SET count = count + 1, blocked_until = $4, last_at = $5 \
           WHERE environment_id = $1 AND account = $2 AND count = $3",
};
const CLEAR_FAILURES: Sql = Sql {
    name: "clear_failures",
    text: "DELETE FROM login_failures WHERE environment_id = $1 AND account = $2",
};

// What was counted before it was looked at, and never looked at. The wait that it may have begun goes with it.
const TAKE_BACK_FAILURE: Sql = Sql {
    name: "take_back_failure",
    text: "UPDATE login_failures SET count = count - 1, blocked_until = 0 \
           WHERE environment_id = $1 AND account = $2 AND count > 0",
};

pub(super) fn insert_user(user: &User) -> Statement {
    one(
        &INSERT_USER,
        vec![
            user.id.bytes().into(),
            user.environment.bytes().into(),
            user.email.as_str().into(),
            user.email.key().into(),
            user.email_verified_at.map(|at| at.0).into(),
            user.name.as_deref().into(),
            user.password.as_ref().map(PasswordHash::as_str).into(),
            user.status.as_str().into(),
            user.epoch.into(),
            user.created_at.0.into(),
            user.updated_at.0.into(),
        ],
    )
}

pub(super) fn user_status(change: &StatusChange<UserId>) -> Statement {
    one(
        &USER_STATUS,
        vec![
            change.id.bytes().into(),
            change.from.as_str().into(),
            change.to.as_str().into(),
            raise(change.from).into(),
        ],
    )
}

/// Guarded by the hash that was verified: a password that was changed in between is not put back.
pub(super) fn rehash_password(user: UserId, from: &PasswordHash, to: &PasswordHash) -> Statement {
    one(&REHASH_PASSWORD, vec![user.bytes().into(), from.as_str().into(), to.as_str().into()])
}

/// Whoever knew the old one keeps nothing: the epoch ends sessions and access tokens, and no Grant refreshes.
pub(super) fn set_password(user: UserId, to: &PasswordHash, at: UnixMillis) -> Vec<Statement> {
    let reason = EndReason::PasswordSet.as_str();
    vec![
        one(&SET_PASSWORD, vec![user.bytes().into(), to.as_str().into(), at.0.into()]),
        any(&END_GRANTS_OF_USER, vec![user.bytes().into(), at.0.into(), reason.into()]),
    ]
}

pub(super) fn put_membership(membership: &Membership) -> Statement {
    one(
        &PUT_MEMBERSHIP,
        vec![membership.user.bytes().into(), membership.tenant.bytes().into(), json(&membership.roles)],
    )
}

/// Nobody is a member less than not at all: any number of rows. What the user allowed for the tenant ends with it.
pub(super) fn remove_membership(user: UserId, tenant: TenantId, at: UnixMillis) -> Vec<Statement> {
    let ids = || vec![user.bytes().into(), tenant.bytes().into()];
    let mut ending = ids();
    ending.extend([at.0.into(), EndReason::MembershipEnded.as_str().into()]);
    vec![any(&REMOVE_MEMBERSHIP, ids()), any(&END_GRANTS_FOR_TENANT, ending)]
}

/// Each failure raises the count by exactly one, so of guesses that have looked at the same count only one is written; the
/// others get a conflict, look again and are counted behind it. The first failure makes the row, or takes over one that is
/// so old that it is forgotten.
pub(super) fn count_failure(failures: &Failures) -> Statement {
    let environment = failures.environment.bytes().into();
    let account = failures.account.into();
    let (until, last) = (failures.blocked_until.0.into(), failures.last_at.0.into());
    if failures.count == 1 {
        let forgotten = failures.last_at.plus_seconds(-FORGOTTEN_AFTER);
        return one(&FIRST_FAILURE, vec![environment, account, until, last, forgotten.0.into()]);
    }
    one(&FURTHER_FAILURE, vec![environment, account, (failures.count - 1).into(), until, last])
}

/// Whoever was right meanwhile has cleared the count: any number of rows.
pub(super) fn take_back_failure(environment: EnvironmentId, account: [u8; 32]) -> Statement {
    any(&TAKE_BACK_FAILURE, vec![environment.bytes().into(), account.into()])
}

/// Most accounts have none to forget: any number of rows.
pub(super) fn clear_failures(environment: EnvironmentId, account: [u8; 32]) -> Statement {
    any(&CLEAR_FAILURES, vec![environment.bytes().into(), account.into()])
}
