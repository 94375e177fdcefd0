//! Documents: made with a first version, and published anew. What was published never changes. What was accepted elsewhere is
//! recorded.

use grantor_core::decision::{AuditEvent, Write};
use grantor_core::document::{Acceptance, Document, DocumentVersion};
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::id::{DocumentId, TenantId};
use grantor_core::name::{Name, NameError};
use grantor_core::publication::{NewVersion, publish};
use grantor_core::user::User;

use super::{Fault, FlowError};
use crate::node::{Actor, Node};

/// Makes a document of the provider or of a tenant, with its first version.
///
/// # Errors
/// What the decision refuses; [`Fault::Duplicate`] where there is a document of that kind.
pub async fn create(
    node: &Node,
    actor: &Actor,
    kind: Name,
    tenant: Option<TenantId>,
    first: NewVersion,
) -> Result<Document, FlowError> {
    let version = publish(&[], first, node.now()).map_err(refused)?;
    let id = node.decide(DocumentId::generate);
    let document = Document { id, tenant, kind, versions: version.into_iter().collect() };
    let mut events =
        vec![AuditEvent::new("document.create", id.to_string()).detail("kind", document.kind.as_str())];
    events.extend(document.versions.iter().map(|version| published(&document, version)));
    node.commit(actor, vec![Write::InsertDocument(document.clone())], events).await?;
    Ok(document)
}

/// Publishes a version of a document. One that is there already, to the letter, is no error and no write.
///
/// # Errors
/// What the decision refuses; [`Fault::Duplicate`] if somebody else was quicker with the number.
pub async fn publish_version(
    node: &Node,
    actor: &Actor,
    document: &Document,
    new: NewVersion,
) -> Result<Document, FlowError> {
    let mut now = document.clone();
    let Some(version) = publish(&document.versions, new, node.now()).map_err(refused)? else {
        return Ok(now);
    };
    let event = published(document, &version);
    node.commit(actor, vec![Write::PublishVersion(document.id, version.clone())], vec![event]).await?;
    now.versions.push(version);
    Ok(now)
}

/// Finds a document by id.
///
/// # Errors
/// Storage trouble.
pub async fn find(node: &Node, id: &str) -> Result<Option<Document>, Fault> {
    let Ok(id) = id.parse::<DocumentId>() else { return Ok(None) };
    Ok(node.store.documents().await?.into_iter().find(|document| document.id == id))
}

/// An acceptance that was given elsewhere: signed on paper, or in a system before this one.
pub struct OnBehalf<'a> {
    /// Who accepted.
    pub user: &'a User,
    /// For which tenant; `None` where a sign-in belongs to none.
    pub tenant: Option<TenantId>,
    /// What: the id of a document, or its kind where that is clear.
    pub document: &'a str,
    /// Which version.
    pub version: i64,
    /// How it is known, for the audit.
    pub evidence: &'a str,
}

/// Records what somebody accepted elsewhere. What is recorded already is no error and no write.
///
/// # Errors
/// A document or version that there is not; storage trouble.
pub async fn accept_on_behalf(
    node: &Node,
    actor: &Actor,
    call: &OnBehalf<'_>,
) -> Result<(Document, Acceptance), FlowError> {
    if call.evidence.trim().is_empty() || call.evidence.len() > 500 {
        return Err(refused(NameError(
            "say in 1 to 500 characters how the acceptance is known: it may be asked for",
        )));
    }
    let documents = node.store.documents().await?;
    let document = named(&documents, call)?;
    let version = document.versions.iter().find(|version| version.number == call.version);
    let version =
        version.ok_or_else(|| refused(NameError("the document has no published version of this number")))?;
    let accepted = node.store.acceptances(call.user.id).await?;
    let same = |known: &&Acceptance| {
        (known.document, known.tenant, known.version) == (document.id, call.tenant, version.number)
    };
    if let Some(known) = accepted.iter().find(same) {
        return Ok((document.clone(), known.clone()));
    }
    let acceptance = Acceptance {
        user: call.user.id,
        tenant: call.tenant,
        document: document.id,
        version: version.number,
        hash: version.hash.clone(),
        at: node.now(),
        // Nobody was seen accepting: the operator's address stands in the audit.
        address: String::new(),
    };
    let mut event = AuditEvent::new("document.accept", document.id.to_string())
        .detail("user", call.user.id.to_string())
        .detail("version", version.number)
        .detail("sha256", version.hash.as_str())
        .detail("on_behalf", true)
        .detail("evidence", call.evidence);
    if let Some(tenant) = call.tenant {
        event = event.of_tenant(tenant);
    }
    let write = Write::RecordAcceptance(acceptance.clone());
    node.commit(&actor.within(call.user.environment), vec![write], vec![event]).await?;
    Ok((document.clone(), acceptance))
}

/// The document of an id, or the only one of a kind that concerns the tenant.
fn named<'a>(documents: &'a [Document], call: &OnBehalf<'_>) -> Result<&'a Document, FlowError> {
    let id = call.document.parse::<DocumentId>().ok();
    let mut matching = documents
        .iter()
        .filter(|document| document.concerns(call.tenant))
        .filter(|document| Some(document.id) == id || document.kind.as_str() == call.document);
    match (matching.next(), matching.next()) {
        (Some(document), None) => Ok(document),
        (None, _) => Err(refused(NameError("there is no such document for this tenant"))),
        (Some(_), Some(_)) => Err(refused(NameError(
            "the provider and the tenant have a document of this kind each; name its id",
        ))),
    }
}

fn published(document: &Document, version: &DocumentVersion) -> AuditEvent {
    AuditEvent::new("document.publish", document.id.to_string())
        .of_tenant_or_all(document.tenant)
        .detail("version", version.number)
        .detail("sha256", version.hash.as_str())
}

fn refused(why: NameError) -> FlowError {
    Denial::hinted(OAuthError::InvalidRequest, Reason::Malformed, why.0).into()
}
