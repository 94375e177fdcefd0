//! Writes of cases.

use grantor_core::case::{Case, CaseWrite};

use super::super::sql::{Sql, Statement};
use super::one;

/// Everything here, for the test that prepares it.
pub(super) const STATEMENTS: &[&Sql] = &[&INSERT_CASE, &CLOSE_CASE];

const INSERT_CASE: Sql = Sql {
    name: "insert_case",
    text: "INSERT INTO cases (id, environment_id, tenant_id, kind, key_id, text, state, opened_by, opened_at) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
};
const CLOSE_CASE: Sql = Sql {
    name: "close_case",
    text: "UPDATE cases SET state = $2, closed_by = $3, closed_at = $4, answer = $5 WHERE id = $1 AND state = 'open'",
};

/// The statement of a case's write.
pub(super) fn write(write: &CaseWrite) -> Statement {
    match write {
        CaseWrite::Open(case) => insert_case(case),
        CaseWrite::Close(case) => close_case(case),
    }
}

fn insert_case(case: &Case) -> Statement {
    one(
        &INSERT_CASE,
        vec![
            case.id.bytes().into(),
            case.environment.bytes().into(),
            case.tenant.bytes().into(),
            case.subject.kind().into(),
            case.subject.key().map(|key| key.bytes()).into(),
            case.text.as_str().into(),
            case.state.as_str().into(),
            case.opened_by.as_str().into(),
            case.opened_at.0.into(),
        ],
    )
}

fn close_case(case: &Case) -> Statement {
    one(
        &CLOSE_CASE,
        vec![
            case.id.bytes().into(),
            case.state.as_str().into(),
            case.closed_by.clone().into(),
            case.closed_at.map(|at| at.0).into(),
            case.answer.clone().into(),
        ],
    )
}
