//! The documents of a manifest. A version is published once; what a manifest no longer mentions stays.

use std::collections::{BTreeMap, HashSet};

use grantor_core::decision::{Concern, Write};
use grantor_core::document::{Document, DocumentText, DocumentVersion};
use grantor_core::id::DocumentId;
use grantor_core::publication::{NewVersion, publish};

use super::partners::tenant_named;
use super::{ApplyError, World};
use crate::flow::plan::ManifestError;
use crate::manifest::{DocumentEntry, Manifest, VersionEntry};
use crate::moment::Moment;
use crate::node::Node;

pub(super) async fn documents(node: &Node, manifest: &Manifest, world: &mut World) -> Result<(), ApplyError> {
    let stored = if manifest.documents.is_empty() { Vec::new() } else { node.store.documents().await? };
    let mut seen = HashSet::new();
    for entry in &manifest.documents {
        let tenant = match &entry.tenant {
            Some(name) => Some(tenant_named(node, world, name).await?),
            None => None,
        };
        let name = match &tenant {
            Some(tenant) => format!("{}/{}", tenant.name, entry.kind),
            None => entry.kind.to_string(),
        };
        let tenant = tenant.map(|tenant| tenant.id);
        if !seen.insert((tenant, &entry.kind)) {
            return Err(ManifestError(format!("document {name}: it stands in the manifest twice")).into());
        }
        let old = stored.iter().find(|known| known.tenant == tenant && known.kind == entry.kind);
        let mut new = match old {
            Some(old) => old.clone(),
            None => Document {
                id: node.decide(DocumentId::generate),
                tenant,
                kind: entry.kind.clone(),
                versions: Vec::new(),
            },
        };
        let added = added(node, entry, &new, &name)?;
        new.versions.extend(added.iter().cloned());
        if new.versions.is_empty() {
            return Err(ManifestError(format!("document {name}: it needs a version")).into());
        }
        let write = || match old {
            None => vec![Write::InsertDocument(new.clone())],
            Some(old) => added.into_iter().map(|version| Write::PublishVersion(old.id, version)).collect(),
        };
        let noted = world.plan.note("document", name, old.map(view).as_ref(), &view(&new), write);
        noted.concerns(tenant.map_or(Concern::EveryTenant, Concern::Tenant), None);
    }
    Ok(())
}

/// The versions that are not published yet, each judged beside those before it.
fn added(
    node: &Node,
    entry: &DocumentEntry,
    document: &Document,
    name: &str,
) -> Result<Vec<DocumentVersion>, ManifestError> {
    let mut wanted: Vec<&VersionEntry> = entry.versions.iter().collect();
    wanted.sort_by_key(|version| version.number);
    if wanted.windows(2).any(|pair| pair[0].number == pair[1].number) {
        return Err(ManifestError(format!("document {name}: a version number stands there twice")));
    }
    let mut versions = document.versions.clone();
    let mut added = Vec::new();
    for version in wanted {
        let refuse = |why: &dyn std::fmt::Display| {
            ManifestError(format!("document {name}, version {}: {why}", version.number))
        };
        let new = NewVersion {
            number: Some(version.number),
            effective_at: version.effective_at.map(|at| at.0),
            grace_seconds: i64::try_from(version.grace.0).unwrap_or(i64::MAX),
            texts: texts(version).map_err(|why| refuse(&why))?,
        };
        let published = publish(&versions, new, node.now()).map_err(|why| refuse(&why))?;
        versions.extend(published.clone());
        added.extend(published);
    }
    Ok(added)
}

fn texts(version: &VersionEntry) -> Result<BTreeMap<String, DocumentText>, String> {
    let mut texts = BTreeMap::new();
    for (tag, entry) in &version.texts {
        let Some(body) = &entry.body else {
            return Err(match entry.body_file {
                Some(_) => format!("the text in {tag} was not read; send it as body"),
                None => format!("the text in {tag} needs body or body_file"),
            });
        };
        let text =
            DocumentText { title: entry.title.clone(), body: body.clone(), changes: entry.changes.clone() };
        texts.insert(tag.clone(), text);
    }
    Ok(texts)
}

/// A document as compared and shown: a line for each version. Texts are long; their hash says whether they differ.
fn view(document: &Document) -> BTreeMap<String, String> {
    let line = |version: &DocumentVersion| {
        let from = Moment(version.effective_at);
        format!("from {from}, grace {} s, sha256:{}", version.grace_seconds, &version.hash[..16])
    };
    document.versions.iter().map(|version| (format!("version {}", version.number), line(version))).collect()
}
