//! Writes of operators, and of requests that are carried out once.

use grantor_core::claimed_request::{ClaimedRequest, KEPT_SECONDS, KeptAnswer};
use grantor_core::env::UnixMillis;
use grantor_core::id::OperatorId;
use grantor_core::permission::OperatorRole;
use grantor_core::secret::SecretHash;

use super::super::sql::{Sql, Statement};
use super::{any, one};

/// Everything here, for the test that prepares it.
pub(super) const STATEMENTS: &[&Sql] = &[
    &INSERT_OPERATOR,
    &TAKE_TURN,
    &END_OPERATOR,
    &REPLACE_CLAIM,
    &CLAIM_REQUEST,
    &KEEP_ANSWER,
    &PRUNE_CLAIMS,
];

const INSERT_OPERATOR: Sql = Sql {
    name: "insert_operator",
    text: "INSERT INTO operators (id, name, role, pepper, mac, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
};
// Two that end each other at once would each see the other one: the row that both write makes the second wait, and its next
// statement sees what the first has done (PostgreSQL manual, 13.2.1).
const TAKE_TURN: Sql = Sql {
    name: "operators_turn",
    text: "INSERT INTO meta (name, value) VALUES ('operators_turn', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
};
const END_OPERATOR: Sql = Sql {
    name: "end_operator",
    text: "UPDATE operators SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL AND (role <> 'admin' OR EXISTS \
           (SELECT 1 FROM operators o WHERE o.id <> $1 AND o.role = 'admin' AND o.ended_at IS NULL))",
};
// A key that was used a day ago may be used again.
const REPLACE_CLAIM: Sql =
    Sql { name: "replace_claim", text: "DELETE FROM claimed_requests WHERE key = $1 AND claimed_at <= $2" };
const CLAIM_REQUEST: Sql = Sql {
    name: "claim_request",
    text: "INSERT INTO claimed_requests (key, body, claimed_at) VALUES ($1, $2, $3)",
};
const KEEP_ANSWER: Sql = Sql {
    name: "keep_answer",
    text: "UPDATE claimed_requests SET sealed = $2 WHERE key = $1 AND sealed IS NULL",
};
const PRUNE_CLAIMS: Sql =
    Sql { name: "prune_claims", text: "DELETE FROM claimed_requests WHERE claimed_at <= $1" };

pub(super) fn insert_operator(
    id: OperatorId,
    (name, role): (&str, OperatorRole),
    hash: &SecretHash,
    at: UnixMillis,
) -> Statement {
    one(
        &INSERT_OPERATOR,
        vec![
            id.bytes().into(),
            name.into(),
            role.as_str().into(),
            hash.pepper.into(),
            hash.mac.into(),
            at.0.into(),
        ],
    )
}

pub(super) fn end_operator(id: OperatorId, at: UnixMillis) -> Vec<Statement> {
    vec![
        one(&TAKE_TURN, vec![at.0.to_be_bytes().into()]),
        one(&END_OPERATOR, vec![id.bytes().into(), at.0.into()]),
    ]
}

pub(super) fn claim_request(claim: &ClaimedRequest) -> Vec<Statement> {
    vec![
        any(&REPLACE_CLAIM, vec![claim.key.into(), too_old(claim.at).into()]),
        one(&CLAIM_REQUEST, vec![claim.key.into(), claim.body.into(), claim.at.0.into()]),
    ]
}

pub(super) fn keep_answer(answer: &KeptAnswer) -> Statement {
    one(&KEEP_ANSWER, vec![answer.key.into(), answer.sealed.clone().into()])
}

pub(super) fn prune_claims(now: UnixMillis) -> Statement {
    any(&PRUNE_CLAIMS, vec![too_old(now).into()])
}

/// Claims of this moment and before are forgotten.
fn too_old(now: UnixMillis) -> i64 {
    now.plus_seconds(-KEPT_SECONDS).0
}
