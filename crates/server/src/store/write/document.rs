//! Writes of documents, their versions, and of who accepted them.

use grantor_core::document::{Acceptance, Document, DocumentVersion};
use grantor_core::id::{DocumentId, TenantId};

use super::super::sql::{Sql, Statement, Value};
use super::{any, json, one};

/// Everything here, for the test that prepares it.
pub(super) const STATEMENTS: &[&Sql] = &[&INSERT_DOCUMENT, &PUBLISH_VERSION, &RECORD_ACCEPTANCE];

const INSERT_DOCUMENT: Sql =
    Sql { name: "insert_document", text: "INSERT INTO documents (id, tenant_id, kind) VALUES ($1, $2, $3)" };
const PUBLISH_VERSION: Sql = Sql {
    name: "publish_version",
    text: "INSERT INTO document_versions (document_id, number, effective_at, grace_seconds, texts, hash) \
           VALUES ($1, $2, $3, $4, $5, $6)",
};
const RECORD_ACCEPTANCE: Sql = Sql {
    name: "record_acceptance",
    text: "INSERT INTO acceptances (user_id, tenant, document_id, version, hash, accepted_at, address) \
           VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (user_id, tenant, document_id, version) DO NOTHING",
};

/// The document with the versions that it begins with.
pub(super) fn insert_document(document: &Document) -> Vec<Statement> {
    let tenant = document.tenant.map(TenantId::bytes);
    let params = vec![document.id.bytes().into(), tenant.into(), document.kind.as_str().into()];
    let versions = document.versions.iter().map(|version| publish_version(document.id, version));
    std::iter::once(one(&INSERT_DOCUMENT, params)).chain(versions).collect()
}

/// A number that is taken is a duplicate: a published version is never changed.
pub(super) fn publish_version(document: DocumentId, version: &DocumentVersion) -> Statement {
    one(
        &PUBLISH_VERSION,
        vec![
            document.bytes().into(),
            version.number.into(),
            version.effective_at.0.into(),
            version.grace_seconds.into(),
            json(&version.texts),
            version.hash.as_str().into(),
        ],
    )
}

/// Accepting twice is once, and the first time counts: any number of rows.
pub(super) fn record_acceptance(acceptance: &Acceptance) -> Statement {
    // Empty bytes stand for no tenant: NULL would not be unique.
    let tenant = acceptance.tenant.map_or(Value::Bytes(Vec::new()), |tenant| tenant.bytes().into());
    any(
        &RECORD_ACCEPTANCE,
        vec![
            acceptance.user.bytes().into(),
            tenant,
            acceptance.document.bytes().into(),
            acceptance.version.into(),
            acceptance.hash.as_str().into(),
            acceptance.at.0.into(),
            acceptance.address.as_str().into(),
        ],
    )
}
