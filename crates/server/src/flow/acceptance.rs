//! Documents accepted in the name of a tenant, by one of its administrators or, recorded on its behalf, by the provider's team.

use grantor_core::decision::{AuditEvent, Write};
use grantor_core::document::{Document, DocumentVersion, TenantAcceptance};
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::id::DocumentId;
use grantor_core::permission::Maker;
use grantor_core::tenant::Tenant;

use super::FlowError;
use crate::node::{Actor, Node};

/// What is accepted, and for whom.
pub struct InTheNameOf<'a> {
    /// For whom.
    pub tenant: &'a Tenant,
    /// What: the id of a document, or its kind where that is clear.
    pub document: &'a str,
    /// Which version: what was read is what is accepted.
    pub version: i64,
    /// How it is known, where it was accepted elsewhere. May be empty.
    pub evidence: &'a str,
    /// Who says so. Of the provider's team no address is kept: the tenant reads it.
    pub by: Maker<'a>,
}

/// Records an acceptance. What is recorded already is no error and no write.
///
/// # Errors
/// A document or version that there is not; storage trouble.
pub async fn accept(
    node: &Node,
    actor: &Actor,
    call: &InTheNameOf<'_>,
) -> Result<(Document, TenantAcceptance), FlowError> {
    let refused = |why| Denial::hinted(OAuthError::InvalidRequest, Reason::Malformed, why);
    if call.evidence.len() > 500 {
        return Err(refused("Say in at most 500 characters how the acceptance is known.").into());
    }
    let documents = node.store.documents().await?;
    let document = named(&documents, call).map_err(refused)?;
    let version = version(document, call.version)
        .ok_or(refused("The document has no published version of this number."))?;
    let known = node.store.tenant_acceptances(call.tenant.id).await?;
    let same = |known: &TenantAcceptance| (known.document, known.version) == (document.id, version.number);
    if let Some(known) = known.into_iter().find(same) {
        return Ok((document.clone(), known));
    }
    let acceptance = TenantAcceptance {
        tenant: call.tenant.id,
        document: document.id,
        version: version.number,
        hash: version.hash.clone(),
        at: node.now(),
        by: actor.name.clone(),
        address: match call.by {
            Maker::Provider => String::new(),
            Maker::Member(_) => actor.address.clone(),
        },
    };
    let mut event = AuditEvent::new("document.accept_for_tenant", document.id.to_string())
        .of_tenant(call.tenant.id)
        .detail("tenant", call.tenant.name.as_str())
        .detail("kind", document.kind.as_str())
        .detail("version", version.number)
        .detail("sha256", version.hash.as_str());
    if !call.evidence.is_empty() {
        event = event.detail("evidence", call.evidence);
    }
    node.commit(actor, vec![Write::AcceptForTenant(acceptance.clone())], vec![event]).await?;
    Ok((document.clone(), acceptance))
}

fn version(document: &Document, number: i64) -> Option<&DocumentVersion> {
    document.versions.iter().find(|version| version.number == number)
}

/// The document of an id, or the only one of a kind that concerns the tenant.
fn named<'a>(documents: &'a [Document], call: &InTheNameOf<'_>) -> Result<&'a Document, &'static str> {
    let id = call.document.parse::<DocumentId>().ok();
    let mut matching = documents
        .iter()
        .filter(|document| document.concerns(Some(call.tenant.id)))
        .filter(|document| Some(document.id) == id || document.kind.as_str() == call.document);
    match (matching.next(), matching.next()) {
        (Some(document), None) => Ok(document),
        (None, _) => Err("There is no such document for this tenant."),
        (Some(_), Some(_)) => {
            Err("The provider and the tenant have a document of this kind each; name its id.")
        }
    }
}
