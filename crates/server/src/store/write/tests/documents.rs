use std::collections::BTreeMap;

use grantor_core::document::{Acceptance, Document, DocumentText, DocumentVersion};
use grantor_core::id::DocumentId;

use super::*;

const TERMS: DocumentId = DocumentId::from_bytes([71; 16]);

fn version(number: i64) -> DocumentVersion {
    let text = |title: &str, changes: Option<&str>| DocumentText {
        title: title.to_owned(),
        body: format!("Text of {number}, \u{fc}ber alles"),
        changes: changes.map(str::to_owned),
    };
    DocumentVersion {
        number,
        effective_at: NOW.plus_seconds(number),
        grace_seconds: 1000 + number,
        texts: BTreeMap::from([
            ("de".to_owned(), text("Bedingungen", Some("Neues"))),
            ("en".to_owned(), text("Terms", None)),
        ]),
        hash: format!("hash-{number}"),
    }
}

fn document(seed: u8, tenant: Option<TenantId>, kind: &str, versions: &[i64]) -> Document {
    Document {
        id: DocumentId::from_bytes([seed; 16]),
        tenant,
        kind: kind.parse().unwrap(),
        versions: versions.iter().map(|number| version(*number)).collect(),
    }
}

fn acceptance(tenant: Option<TenantId>, version: i64) -> Acceptance {
    Acceptance {
        user: ANN,
        tenant,
        document: TERMS,
        version,
        hash: format!("hash-{version}"),
        at: NOW.plus_seconds(version),
        address: "192.0.2.7".to_owned(),
    }
}

#[tokio::test]
async fn documents_come_back_with_their_versions_oldest_first() {
    let world = World::new().await;
    let terms = document(71, None, "terms", &[1, 2]);
    let bare = document(72, None, "data-protection", &[]);
    let of_tenant = document(73, Some(ACME), "terms", &[1]);
    for document in [&of_tenant, &terms, &bare] {
        world.put(Write::InsertDocument(document.clone())).await;
    }
    assert_eq!(world.store.documents().await.unwrap(), [terms, bare, of_tenant]);
    for number in [10, 3] {
        world.put(Write::PublishVersion(TERMS, version(number))).await;
    }
    let terms = world.store.documents().await.unwrap().remove(0);
    assert_eq!(terms, document(71, None, "terms", &[1, 2, 3, 10]));
}

#[tokio::test]
async fn a_published_version_is_never_replaced_and_a_kind_is_taken_once_for_each_owner() {
    let world = World::new().await;
    world.put(Write::InsertDocument(document(71, None, "terms", &[1]))).await;
    world.put(Write::InsertDocument(document(73, Some(ACME), "terms", &[1]))).await;
    let other_text = DocumentVersion { hash: "other".to_owned(), ..version(1) };
    let again = world.commit([Write::PublishVersion(TERMS, other_text)]).await;
    assert_eq!(again, Err(StoreError::Duplicate));
    assert_eq!(world.store.documents().await.unwrap()[0].versions, [version(1)]);
    for owner in [None, Some(ACME)] {
        let twin = world.commit([Write::InsertDocument(document(74, owner, "terms", &[1]))]).await;
        assert_eq!(twin, Err(StoreError::Duplicate), "{owner:?}");
    }
}

#[tokio::test]
async fn an_acceptance_is_recorded_once_for_each_tenant_and_version_and_the_first_time_counts() {
    let world = World::new().await;
    world.put(Write::InsertDocument(document(71, None, "terms", &[1, 2]))).await;
    let own = [acceptance(None, 1), acceptance(Some(ACME), 1), acceptance(Some(ACME), 2)];
    for acceptance in own.clone() {
        world.put(Write::RecordAcceptance(acceptance.clone())).await;
        let later = Acceptance { at: NOW.plus_seconds(900), address: String::new(), ..acceptance };
        world.put(Write::RecordAcceptance(later)).await;
    }
    assert_eq!(world.store.acceptances(ANN).await.unwrap(), own);
    assert_eq!(world.store.acceptances(BOB).await.unwrap(), []);
}
