//! Documents that users accept, and who accepted them. They belong to the provider or to a tenant, not to an environment.

use std::collections::BTreeMap;

use axum::extract::{Path, Query};
use grantor_core::document::{
    Acceptance as AcceptanceRow, Document as DocumentRow, DocumentText, DocumentVersion,
};
use grantor_core::name::Name;
use grantor_core::permission::Right;
use grantor_core::publication::NewVersion;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::{List, Made, Shown, Told};
use super::body::Body;
use super::caller::Caller;
use super::page::{Page, Window};
use super::problem::Problem;
use super::table::Table;
use super::{tenants, users};
use crate::flow::document::{self, OnBehalf};
use crate::flow::{Fault, FlowError};
use crate::moment::Moment;
use crate::seconds::Seconds;

pub(super) fn routes(table: &mut Table) {
    table.tag("Documents", "Terms and policies in immutable versions, and who accepted which.");
    table.get("/documents", Right::ReadCatalogue, list).says(
        "List documents",
        "Without their texts. A member sees the provider's and those of their own tenant.",
    );
    table
        .post("/documents", Right::ManageInstallation, create)
        .says("Make a document", "Of the provider or of a tenant, with its first version.")
        .once();
    table
        .get("/documents/{document}", Right::ReadCatalogue, show)
        .says("Show a document", "With the texts of all versions.");
    table
        .post("/documents/{document}/versions", Right::ManageInstallation, publish)
        .says("Publish a version", "It never changes after that.")
        .once();
    table
        .get("/environments/{environment}/users/{user}/acceptances", Right::ReadInstallation, acceptances)
        .says("List what a user has accepted", "For every tenant.");
    table
        .post("/environments/{environment}/users/{user}/acceptances", Right::ManagePartners, accept)
        .says("Record an acceptance", "That was given elsewhere, for example on paper.")
        .once();
}

/// A new document with its first version.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewDocument {
    /// What it is, for example `terms`. 1 to 63 of `a-z 0-9 - _`.
    #[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,62}$")]
    kind: Name,
    /// Whose users must accept it, by name or GUID; else everybody.
    #[serde(default)]
    tenant: Option<String>,
    version: NewDocumentVersion,
}

/// A version to be published.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewDocumentVersion {
    /// The next number; it may be left out.
    #[serde(default)]
    number: Option<i64>,
    /// From when it must be accepted; else from now.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    effective_at: Option<Moment>,
    /// Seconds, or a text such as `30d`: for so long after that, what was granted before may still be refreshed.
    #[serde(default)]
    #[schema(value_type = u64)]
    grace: Seconds,
    /// Title and text by language tag.
    #[schema(value_type = BTreeMap<String, DocumentWords>)]
    texts: BTreeMap<String, DocumentText>,
}

/// A version in one language.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct DocumentWords {
    title: String,
    /// Markdown without HTML.
    body: String,
    /// What is new.
    changes: Option<String>,
}

/// A document and its versions.
#[derive(Serialize, ToSchema)]
struct Document {
    id: String,
    kind: String,
    /// The tenant's short name; `null` is the provider.
    tenant: Option<String>,
    versions: Vec<Version>,
}

/// A published version.
#[derive(Serialize, ToSchema)]
struct Version {
    number: i64,
    #[schema(value_type = String, format = DateTime)]
    effective_at: Moment,
    grace_seconds: i64,
    languages: Vec<String>,
    /// Of the texts: what was accepted can be proved later.
    sha256: String,
    /// Not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, DocumentWords>>)]
    texts: Option<BTreeMap<String, DocumentText>>,
}

/// That a user accepted a version, for a tenant or for none.
#[derive(Serialize, ToSchema)]
struct Acceptance {
    /// Its kind.
    document: String,
    document_id: String,
    tenant: Option<String>,
    version: i64,
    sha256: String,
    #[schema(value_type = String, format = DateTime)]
    accepted_at: Moment,
    /// `null` where it was recorded on their behalf.
    address: Option<String>,
}

/// Whether texts are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Texts {
    With,
    Without,
}

impl Document {
    fn of(document: &DocumentRow, tenant: Option<&str>, texts: Texts) -> Self {
        let version = |version: &DocumentVersion| Version {
            number: version.number,
            effective_at: Moment(version.effective_at),
            grace_seconds: version.grace_seconds,
            languages: version.texts.keys().cloned().collect(),
            sha256: version.hash.clone(),
            texts: (texts == Texts::With).then(|| version.texts.clone()),
        };
        Self {
            id: document.id.to_string(),
            kind: document.kind.to_string(),
            tenant: tenant.map(str::to_owned),
            versions: document.versions.iter().map(version).collect(),
        }
    }
}

impl Acceptance {
    fn of(document: &DocumentRow, row: &AcceptanceRow, tenant: Option<&str>) -> Self {
        Self {
            document: document.kind.to_string(),
            document_id: document.id.to_string(),
            tenant: tenant.map(str::to_owned),
            version: row.version,
            sha256: row.hash.clone(),
            accepted_at: Moment(row.at),
            address: (!row.address.is_empty()).then(|| row.address.clone()),
        }
    }
}

impl From<NewDocumentVersion> for NewVersion {
    fn from(version: NewDocumentVersion) -> Self {
        Self {
            number: version.number,
            effective_at: version.effective_at.map(|at| at.0),
            // More than fits is more than a year, and refused as that.
            grace_seconds: i64::try_from(version.grace.0).unwrap_or(i64::MAX),
            texts: version.texts,
        }
    }
}

async fn list(caller: Caller, Query(page): Query<Page>) -> Result<List<Document>, Problem> {
    let window = Window::open(&caller, &page, &["documents"])?;
    let documents = caller.node.store.documents().await.map_err(Fault::from)?;
    let names = tenants::names(&caller, documents.iter().filter_map(|document| document.tenant)).await?;
    let seen = documents.iter().filter(|document| is_seen(&caller, document));
    let shown = |document: &DocumentRow| {
        Document::of(document, document.tenant.map(|tenant| names[&tenant].as_str()), Texts::Without)
    };
    Ok(window.of_whole(seen, |document| document.id.bytes().to_vec(), shown))
}

/// The provider's documents are for everybody, a tenant's for its own.
fn is_seen(caller: &Caller, document: &DocumentRow) -> bool {
    document.tenant.is_none_or(|tenant| caller.sees(tenant))
}

async fn create(caller: Caller, Body(body): Body<NewDocument>) -> Result<Made<Document>, Problem> {
    let granted = caller.operator(Right::ManageInstallation)?;
    let tenant = match &body.tenant {
        Some(name) => Some(tenants::find(&caller, name).await?),
        None => None,
    };
    let owner = tenant.as_ref().map(|tenant| tenant.id);
    let made = document::create(&granted.node, &granted.actor, body.kind, owner, body.version.into())
        .await
        .map_err(|error| {
        taken(error, "There is a document of this kind already. Publish a version of it.")
    })?;
    let name = tenant.as_ref().map(|tenant| tenant.name.as_str());
    Ok(Made(Document::of(&made, name, Texts::Without)))
}

async fn show(caller: Caller, Path(id): Path<String>) -> Result<Shown<Document>, Problem> {
    let found = find(&caller, &id).await?;
    Ok(Shown(shown(&caller, &found, Texts::With).await?))
}

async fn publish(
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<NewDocumentVersion>,
) -> Result<Told<Document>, Problem> {
    let granted = caller.operator(Right::ManageInstallation)?;
    let found = find(&caller, &id).await?;
    let now = document::publish_version(&granted.node, &granted.actor, &found, body.into())
        .await
        .map_err(|error| taken(error, "A version with this number has been published meanwhile."))?;
    Ok(Told(shown(&caller, &now, Texts::Without).await?))
}

fn taken(error: FlowError, text: &str) -> Problem {
    match error {
        FlowError::Fault(Fault::Duplicate) => Problem::conflict(text),
        other => other.into(),
    }
}

async fn find(caller: &Caller, id: &str) -> Result<DocumentRow, Problem> {
    let found = document::find(&caller.node, id).await?.filter(|document| is_seen(caller, document));
    found.ok_or_else(|| Problem::not_found("There is no such document."))
}

async fn shown(caller: &Caller, document: &DocumentRow, texts: Texts) -> Result<Document, Problem> {
    let names = tenants::names(caller, document.tenant.into_iter()).await?;
    Ok(Document::of(document, document.tenant.map(|tenant| names[&tenant].as_str()), texts))
}

/// What was accepted elsewhere.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAcceptance {
    /// The document's id, or its kind where that is clear.
    document: String,
    /// For which tenant, by name or GUID; else for none.
    #[serde(default)]
    tenant: Option<String>,
    version: i64,
    /// How it is known, for the audit: 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    evidence: String,
}

async fn acceptances(
    caller: Caller,
    Path((environment, id)): Path<(String, String)>,
) -> Result<List<Acceptance>, Problem> {
    caller.operator(Right::ReadInstallation)?;
    let (_, user) = users::find(&caller, &environment, &id).await?;
    let store = &caller.node.store;
    let rows = store.acceptances(user.id).await.map_err(Fault::from)?;
    let documents = store.documents().await.map_err(Fault::from)?;
    let names = tenants::names(&caller, rows.iter().filter_map(|row| row.tenant)).await?;
    let items = rows
        .iter()
        .filter_map(|row| {
            let document = documents.iter().find(|document| document.id == row.document)?;
            Some(Acceptance::of(document, row, row.tenant.map(|tenant| names[&tenant].as_str())))
        })
        .collect();
    Ok(List::whole(items))
}

async fn accept(
    caller: Caller,
    Path((environment, id)): Path<(String, String)>,
    Body(body): Body<NewAcceptance>,
) -> Result<Made<Acceptance>, Problem> {
    let granted = caller.operator(Right::ManagePartners)?;
    let (_, user) = users::find(&caller, &environment, &id).await?;
    let tenant = match &body.tenant {
        Some(name) => Some(tenants::find(&caller, name).await?),
        None => None,
    };
    let call = OnBehalf {
        user: &user,
        tenant: tenant.as_ref().map(|tenant| tenant.id),
        document: &body.document,
        version: body.version,
        evidence: &body.evidence,
    };
    let (document, acceptance) = document::accept_on_behalf(&granted.node, &granted.actor, &call).await?;
    let name = tenant.as_ref().map(|tenant| tenant.name.as_str());
    Ok(Made(Acceptance::of(&document, &acceptance, name)))
}
