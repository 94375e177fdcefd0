//! Documents that users accept: immutable versions, and which of them somebody must accept now.
//!
//! A document belongs to the whole provider or to one tenant. Acceptance is per user, tenant, document and version: signing
//! in to a new tenant asks again, and so does a new version.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::env::UnixMillis;
use crate::id::{DocumentId, TenantId, UserId};
use crate::name::Name;

/// A document with its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its row.
    pub id: DocumentId,
    /// Whose users must accept it; `None` is everybody's.
    pub tenant: Option<TenantId>,
    /// What it is: `terms`, `data-protection`. Unique within the provider and within a tenant.
    pub kind: Name,
    /// Its versions, oldest first. A published version never changes.
    pub versions: Vec<DocumentVersion>,
}

/// One version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentVersion {
    /// 1, 2, 3 ...
    pub number: i64,
    /// From when it must be accepted.
    pub effective_at: UnixMillis,
    /// For so many seconds after that, what was granted under the version before may still be refreshed.
    pub grace_seconds: i64,
    /// Title, text and what changed, by language tag.
    pub texts: BTreeMap<String, DocumentText>,
    /// Hex of the SHA-256 over the texts in canonical JSON: what was accepted can be proved later.
    pub hash: String,
}

/// A version in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentText {
    /// The title.
    pub title: String,
    /// The text, in Markdown without HTML.
    pub body: String,
    /// What is new, for those who accepted the version before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<String>,
}

/// That somebody accepted a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// Who.
    pub user: UserId,
    /// For which tenant; `None` where a sign-in belongs to none.
    pub tenant: Option<TenantId>,
    /// What.
    pub document: DocumentId,
    /// Which version.
    pub version: i64,
    /// The hash of what was shown.
    pub hash: String,
    /// When.
    pub at: UnixMillis,
    /// From which address.
    pub address: String,
}

/// That a version was accepted in the name of a tenant: for what acts without a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantAcceptance {
    /// For whom.
    pub tenant: TenantId,
    /// What.
    pub document: DocumentId,
    /// Which version.
    pub version: i64,
    /// The hash of what was shown.
    pub hash: String,
    /// When.
    pub at: UnixMillis,
    /// Who, as the audit names them.
    pub by: String,
    /// From which address.
    pub address: String,
}

/// A document that is to be accepted now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open<'a> {
    /// The document.
    pub document: &'a Document,
    /// Its current version.
    pub version: &'a DocumentVersion,
    /// The latest version that this user accepted before, if any.
    pub accepted_before: Option<i64>,
}

impl Document {
    /// The version in force at a moment: the newest that is effective.
    pub fn current(&self, now: UnixMillis) -> Option<&DocumentVersion> {
        self.versions
            .iter()
            .filter(|version| version.effective_at <= now)
            .max_by_key(|version| version.number)
    }

    /// Whether users of a tenant must accept it. A tenant's own document of a kind stands beside the provider's.
    pub fn concerns(&self, tenant: Option<TenantId>) -> bool {
        self.tenant.is_none() || self.tenant == tenant
    }
}

impl DocumentVersion {
    /// The text in the best language: the first wanted one that is there, else English, else any. Where `de-AT` is wanted,
    /// `de` will do before the next one is looked at (RFC 4647 3.4).
    pub fn text(&self, wanted: &[String]) -> Option<(&str, &DocumentText)> {
        let of = |tag: &str| self.texts.get_key_value(tag);
        let best = wanted.iter().find_map(|tag| of(tag).or_else(|| of(tag.split('-').next().unwrap_or(tag))));
        best.or_else(|| self.texts.get_key_value("en"))
            .or_else(|| self.texts.iter().next())
            .map(|(tag, text)| (tag.as_str(), text))
    }
}

/// Hex of the SHA-256 over texts in canonical JSON (RFC 8785): members in order, no spaces.
pub fn hash_of(texts: &BTreeMap<String, DocumentText>) -> String {
    let canonical: BTreeMap<&str, BTreeMap<&str, &str>> = texts
        .iter()
        .map(|(tag, text)| {
            let mut members = BTreeMap::from([("title", text.title.as_str()), ("body", text.body.as_str())]);
            members.extend(text.changes.as_deref().map(|changes| ("changes", changes)));
            (tag.as_str(), members)
        })
        .collect();
    // Maps of text always serialize.
    let json = serde_json::to_vec(&canonical).expect("text serializes");
    digest(&SHA256, &json).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The documents that a user must accept before anything goes on, in order of kind.
pub fn open<'a>(
    documents: &'a [Document],
    tenant: Option<TenantId>,
    accepted: &[Acceptance],
    now: UnixMillis,
) -> Vec<Open<'a>> {
    let before = |document: &Document| {
        accepted
            .iter()
            .filter(|acceptance| acceptance.document == document.id && acceptance.tenant == tenant)
            .map(|acceptance| acceptance.version)
            .max()
    };
    open_beyond(documents, tenant, before, now)
}

/// The documents that somebody must accept in the name of a tenant, in order of kind.
pub fn open_for_tenant<'a>(
    documents: &'a [Document],
    tenant: TenantId,
    accepted: &[TenantAcceptance],
    now: UnixMillis,
) -> Vec<Open<'a>> {
    let before = |document: &Document| {
        accepted
            .iter()
            .filter(|acceptance| acceptance.document == document.id && acceptance.tenant == tenant)
            .map(|acceptance| acceptance.version)
            .max()
    };
    open_beyond(documents, Some(tenant), before, now)
}

fn open_beyond<'a>(
    documents: &'a [Document],
    tenant: Option<TenantId>,
    accepted: impl Fn(&Document) -> Option<i64>,
    now: UnixMillis,
) -> Vec<Open<'a>> {
    let mut open: Vec<_> = documents
        .iter()
        .filter(|document| document.concerns(tenant))
        .filter_map(|document| document.current(now).map(|version| (document, version)))
        .filter_map(|(document, version)| {
            let before = accepted(document);
            let is_open = before.is_none_or(|accepted| accepted < version.number);
            is_open.then_some(Open { document, version, accepted_before: before })
        })
        .collect();
    open.sort_by(|a, b| a.document.kind.cmp(&b.document.kind).then(a.document.id.cmp(&b.document.id)));
    open
}

/// Whether what was granted may still be refreshed: an earlier version of every open document was accepted, and each
/// version since is within its grace. What was never accepted has none.
pub fn within_grace(open: &[Open<'_>], now: UnixMillis) -> bool {
    open.iter().all(|open| {
        open.accepted_before.is_some_and(|accepted| {
            let since = |version: &&DocumentVersion| version.number > accepted && version.effective_at <= now;
            open.document
                .versions
                .iter()
                .filter(since)
                .all(|version| now < version.effective_at.plus_seconds(version.grace_seconds))
        })
    })
}
