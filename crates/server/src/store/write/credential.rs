//! Writes of revoked tokens, the key ring and operators.

use grantor_core::decision::{KeyStep, StoredKey};
use grantor_core::env::UnixMillis;
use grantor_core::id::{EnvironmentId, OperatorId};
use grantor_core::secret::SecretHash;
use grantor_core::signing_key::KeyState;

use super::super::sql::{Sql, Statement, Value};
use super::{any, one};

/// Everything here, for the test that prepares it.
pub(super) const STATEMENTS: &[&Sql] =
    &[&REVOKE_TOKEN, &INSERT_KEY, &ADVANCE_KEY, &ERASE_KEY, &COUNT_SEALED, &INSERT_OPERATOR];

const REVOKE_TOKEN: Sql = Sql {
    name: "revoke_token",
    text: "INSERT INTO revoked_tokens (environment_id, jti, expires_at) VALUES ($1, $2, $3) ON CONFLICT (environment_id, jti) DO NOTHING",
};
const INSERT_KEY: Sql = Sql {
    name: "insert_key",
    text: "INSERT INTO key_ring (environment_id, kid, usage, algorithm, state, public, sealed, created_at, activated_at, retires_at, uses) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0)",
};
const ADVANCE_KEY: Sql = Sql {
    name: "advance_key",
    text: "UPDATE key_ring SET state = $5, activated_at = COALESCE($6, activated_at), retires_at = COALESCE($7, retires_at) \
           WHERE environment_id = $1 AND usage = $2 AND kid = $3 AND state = $4",
};
const ERASE_KEY: Sql = Sql {
    name: "erase_key",
    text: "UPDATE key_ring SET state = $5, sealed = $6 WHERE environment_id = $1 AND usage = $2 AND kid = $3 AND state = $4",
};
const COUNT_SEALED: Sql = Sql {
    name: "count_sealed",
    text: "UPDATE key_ring SET uses = uses + $2 WHERE environment_id = $1 AND usage = 'seal' AND state = 'active'",
};
const INSERT_OPERATOR: Sql = Sql {
    name: "insert_operator",
    text: "INSERT INTO operators (id, name, pepper, mac, created_at) VALUES ($1, $2, $3, $4, $5)",
};

/// A token that is revoked twice stays revoked: any number of rows.
pub(super) fn revoke_token(environment: EnvironmentId, jti: &str, expires_at: i64) -> Statement {
    any(&REVOKE_TOKEN, vec![environment.bytes().into(), jti.into(), expires_at.into()])
}

pub(super) fn insert_key(key: &StoredKey) -> Statement {
    one(
        &INSERT_KEY,
        vec![
            key.environment.bytes().into(),
            key.kid.as_str().into(),
            key.usage.as_str().into(),
            key.algorithm.as_str().into(),
            key.state.as_str().into(),
            key.public.clone().into(),
            key.sealed.clone().into(),
            key.created_at.0.into(),
            key.activated_at.map(|at| at.0).into(),
            key.retires_at.map(|at| at.0).into(),
        ],
    )
}

pub(super) fn advance_key(step: &KeyStep) -> Statement {
    let guard: Vec<Value> = vec![
        step.environment.bytes().into(),
        step.usage.as_str().into(),
        step.kid.as_str().into(),
        step.from.as_str().into(),
        step.to.as_str().into(),
    ];
    if step.to == KeyState::Retired {
        // What no longer verifies is erased, not kept.
        return one(&ERASE_KEY, [guard, vec![Value::Bytes(Vec::new())]].concat());
    }
    let activated = (step.to == KeyState::Active).then_some(step.at.0);
    one(&ADVANCE_KEY, [guard, vec![activated.into(), step.retires_at.map(|at| at.0).into()]].concat())
}

pub(super) fn count_sealed(environment: EnvironmentId, count: i64) -> Statement {
    one(&COUNT_SEALED, vec![environment.bytes().into(), count.into()])
}

pub(super) fn insert_operator(id: OperatorId, name: &str, hash: &SecretHash, at: UnixMillis) -> Statement {
    one(
        &INSERT_OPERATOR,
        vec![id.bytes().into(), name.into(), hash.pepper.into(), hash.mac.into(), at.0.into()],
    )
}
