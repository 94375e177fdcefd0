//! Documents with their versions, and what a user has accepted.

use grantor_core::document::{Acceptance, Document, DocumentVersion};
use grantor_core::env::UnixMillis;
use grantor_core::id::{DocumentId, TenantId, UserId};

use super::{corrupt, json, parse};
use crate::store::Store;
use crate::store::sql::{FromRow, Row, Sql, StoreError};

/// Everything here, for the test that prepares it.
pub const STATEMENTS: &[&Sql] = &[&DOCUMENTS, &ACCEPTANCES];

// One statement, so that no version is seen without its document or the other way round. Documents belong to the provider
// or to a tenant, not to an environment.
const DOCUMENTS: Sql = Sql {
    name: "documents",
    text: "SELECT d.id, d.tenant_id, d.kind, v.number, v.effective_at, v.grace_seconds, v.texts, v.hash \
           FROM documents d LEFT JOIN document_versions v ON v.document_id = d.id ORDER BY d.id, v.number",
};
/// The columns of an acceptance, in the order that its `FromRow` reads.
macro_rules! acceptance_columns {
    () => {
        "a.user_id, a.tenant, a.document_id, a.version, a.hash, a.accepted_at, a.address"
    };
}
pub(super) use acceptance_columns;

// What hangs on a user is in the environment of that user, who was loaded there.
const ACCEPTANCES: Sql = Sql {
    name: "acceptances",
    text: concat!(
        "SELECT ",
        acceptance_columns!(),
        " FROM acceptances a WHERE a.user_id = $1 ORDER BY a.document_id, a.tenant, a.version"
    ),
};

/// A document with one of its versions, or with none if it has none.
struct DocumentRow {
    document: Document,
    version: Option<DocumentVersion>,
}

impl Store {
    /// Every document of the provider and of all tenants, with all versions, oldest first.
    pub async fn documents(&self) -> Result<Vec<Document>, StoreError> {
        let rows: Vec<DocumentRow> = self.query(&DOCUMENTS, vec![]).await?;
        let mut documents: Vec<Document> = Vec::new();
        for DocumentRow { mut document, version } in rows {
            match documents.last_mut() {
                Some(last) if last.id == document.id => last.versions.extend(version),
                _ => {
                    document.versions.extend(version);
                    documents.push(document);
                }
            }
        }
        Ok(documents)
    }

    /// Everything that a user has accepted, for every tenant.
    pub async fn acceptances(&self, user: UserId) -> Result<Vec<Acceptance>, StoreError> {
        self.query(&ACCEPTANCES, vec![user.bytes().into()]).await
    }
}

impl FromRow for DocumentRow {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let document = Document {
            id: DocumentId::from_bytes(row.id(0)?),
            tenant: row.opt_id(1)?.map(TenantId::from_bytes),
            kind: parse(row.text(2)?, "documents.kind")?,
            versions: Vec::new(),
        };
        let Some(number) = row.opt_int(3)? else { return Ok(Self { document, version: None }) };
        let version = DocumentVersion {
            number,
            effective_at: UnixMillis(row.int(4)?),
            grace_seconds: row.int(5)?,
            texts: json(row.text(6)?, "document_versions.texts")?,
            hash: row.text(7)?.to_owned(),
        };
        Ok(Self { document, version: Some(version) })
    }
}

impl FromRow for Acceptance {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        // Empty bytes stand for no tenant.
        let tenant = match row.bytes(1)? {
            [] => None,
            bytes => {
                let id = bytes.try_into().map_err(|_| corrupt("acceptances.tenant"))?;
                Some(TenantId::from_bytes(id))
            }
        };
        Ok(Self {
            user: UserId::from_bytes(row.id(0)?),
            tenant,
            document: DocumentId::from_bytes(row.id(2)?),
            version: row.int(3)?,
            hash: row.text(4)?.to_owned(),
            at: UnixMillis(row.int(5)?),
            address: row.text(6)?.to_owned(),
        })
    }
}
