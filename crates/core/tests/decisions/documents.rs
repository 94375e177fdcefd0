//! What must be accepted now, and how long what was granted before may go on.

use grantor_core::document::{self, Acceptance, Document, DocumentText, DocumentVersion};
use grantor_core::env::UnixMillis;
use grantor_core::id::TenantId;

use crate::facts::NOW;
use crate::people::{acceptance, document, user};

const ACME: TenantId = TenantId::from_bytes([2; 16]);
const OTHER: TenantId = TenantId::from_bytes([99; 16]);
const LONG_AGO: UnixMillis = UnixMillis(0);

/// Kind, current version and the last accepted one of everything that is open.
fn open(
    documents: &[Document],
    tenant: Option<TenantId>,
    accepted: &[Acceptance],
    now: UnixMillis,
) -> Vec<(String, i64, Option<i64>)> {
    document::open(documents, tenant, accepted, now)
        .iter()
        .map(|open| (open.document.kind.to_string(), open.version.number, open.accepted_before))
        .collect()
}

fn goes_on(documents: &[Document], accepted: &[Acceptance], now: UnixMillis) -> bool {
    document::within_grace(&document::open(documents, Some(ACME), accepted, now), now)
}

fn accepts(of: &Document, version: i64) -> Acceptance {
    acceptance(&user(5), Some(ACME), of, version)
}

#[test]
fn without_documents_nothing_is_open_and_everything_goes_on() {
    assert!(open(&[], Some(ACME), &[], NOW).is_empty());
    assert!(goes_on(&[], &[], NOW));
}

#[test]
fn what_was_never_accepted_is_open_until_it_is() {
    let terms = document(1, "terms", &[(1, LONG_AGO, 0)]);
    let documents = [terms.clone()];
    assert_eq!(open(&documents, Some(ACME), &[], NOW), [("terms".to_owned(), 1, None)]);
    assert!(open(&documents, Some(ACME), &[accepts(&terms, 1)], NOW).is_empty());
}

#[test]
fn acceptance_is_for_one_tenant_and_one_document() {
    let terms = document(1, "terms", &[(1, LONG_AGO, 0)]);
    let policy = document(2, "data-protection", &[(1, LONG_AGO, 0)]);
    let documents = [terms.clone(), policy];
    let accepted = [accepts(&terms, 1)];
    assert_eq!(open(&documents, Some(ACME), &accepted, NOW), [("data-protection".to_owned(), 1, None)]);
    assert_eq!(open(&documents, Some(OTHER), &accepted, NOW).len(), 2, "a new tenant asks again");
    assert_eq!(open(&documents, None, &accepted, NOW).len(), 2);
}

#[test]
fn documents_of_a_tenant_concern_its_users_alone_and_stand_beside_the_providers() {
    let of_all = document(1, "terms", &[(1, LONG_AGO, 0)]);
    let of_acme = Document { tenant: Some(ACME), ..document(2, "terms", &[(7, LONG_AGO, 0)]) };
    let documents = [of_acme, of_all];
    let kinds = |tenant| open(&documents, tenant, &[], NOW).iter().map(|open| open.1).collect::<Vec<_>>();
    assert_eq!(kinds(Some(ACME)), [1, 7]);
    assert_eq!(kinds(Some(OTHER)), [1]);
    assert_eq!(kinds(None), [1]);
}

#[test]
fn open_documents_stand_in_order_of_kind_whatever_the_order_of_rows() {
    let documents =
        ["terms", "acceptable-use", "data-protection"].map(|kind| document(1, kind, &[(1, LONG_AGO, 0)]));
    let kinds: Vec<_> = open(&documents, Some(ACME), &[], NOW).into_iter().map(|open| open.0).collect();
    assert_eq!(kinds, ["acceptable-use", "data-protection", "terms"]);
}

#[test]
fn h06_a_version_is_open_from_its_exact_millisecond() {
    let terms = document(1, "terms", &[(1, LONG_AGO, 0), (2, NOW, 0)]);
    let documents = [terms.clone()];
    let accepted = [accepts(&terms, 1)];
    let at = |now| open(&documents, Some(ACME), &accepted, now);
    assert!(at(UnixMillis(NOW.0 - 1)).is_empty());
    assert_eq!(at(NOW), [("terms".to_owned(), 2, Some(1))]);
    assert!(open(&documents, Some(ACME), &[accepts(&terms, 1), accepts(&terms, 2)], NOW).is_empty());
}

#[test]
fn a_document_whose_first_version_is_of_tomorrow_asks_nothing_today() {
    let terms = document(1, "terms", &[(1, NOW.plus_seconds(86_400), 0)]);
    assert!(open(&[terms], Some(ACME), &[], NOW).is_empty());
}

#[test]
fn the_newest_version_in_force_counts_whatever_the_order_of_rows_and_dates() {
    let terms = document(1, "terms", &[(3, LONG_AGO, 0), (1, LONG_AGO, 0), (2, NOW, 0)]);
    let documents = [terms.clone()];
    assert_eq!(open(&documents, Some(ACME), &[accepts(&terms, 2)], NOW)[0].1, 3);
    assert!(open(&documents, Some(ACME), &[accepts(&terms, 3)], NOW).is_empty());
}

#[test]
fn within_its_grace_a_new_version_stops_nothing() {
    let terms = document(1, "terms", &[(1, LONG_AGO, 0), (2, NOW, 10)]);
    let documents = [terms.clone()];
    let accepted = [accepts(&terms, 1)];
    for (millis, good) in [(-1, true), (0, true), (9_999, true), (10_000, false), (1_000_000, false)] {
        assert_eq!(goes_on(&documents, &accepted, UnixMillis(NOW.0 + millis)), good, "{millis}");
    }
    assert!(goes_on(&documents, &[accepts(&terms, 2)], NOW.plus_seconds(1_000)));
}

#[test]
fn without_an_acceptance_there_is_no_grace() {
    let terms = document(1, "terms", &[(1, NOW, 1_000)]);
    assert!(!goes_on(&[terms], &[], NOW));
}

#[test]
fn the_grace_of_the_newest_version_does_not_revive_that_of_one_before() {
    let versions = [(1, LONG_AGO, 0), (2, NOW, 10), (3, NOW.plus_seconds(20), 1_000)];
    let terms = document(1, "terms", &versions);
    let documents = [terms.clone()];
    let later = NOW.plus_seconds(25);
    assert!(!goes_on(&documents, &[accepts(&terms, 1)], later), "version 2 was never accepted");
    assert!(goes_on(&documents, &[accepts(&terms, 2)], later));
    assert!(goes_on(&documents, &[accepts(&terms, 1)], NOW.plus_seconds(5)), "version 3 is of later");
}

#[test]
fn one_document_without_grace_stops_all() {
    let terms = document(1, "terms", &[(1, LONG_AGO, 0), (2, NOW, 1_000)]);
    let policy = document(2, "data-protection", &[(1, LONG_AGO, 0), (2, NOW, 0)]);
    let documents = [terms.clone(), policy.clone()];
    assert!(!goes_on(&documents, &[accepts(&terms, 1), accepts(&policy, 1)], NOW));
    assert!(goes_on(&documents, &[accepts(&terms, 1), accepts(&policy, 2)], NOW));
}

#[test]
fn the_text_is_that_of_the_first_wanted_language_else_english_else_any() {
    let text = |title: &str| DocumentText { title: title.to_owned(), body: String::new(), changes: None };
    let texts = |tags: &[&str]| tags.iter().map(|tag| ((*tag).to_owned(), text(tag))).collect();
    let version = |tags: &[&str]| DocumentVersion {
        texts: texts(tags),
        ..document(1, "terms", &[(1, LONG_AGO, 0)]).versions.remove(0)
    };
    let shown = |tags: &[&str], wanted: &[&str]| {
        let wanted: Vec<String> = wanted.iter().map(|tag| (*tag).to_owned()).collect();
        version(tags).text(&wanted).map(|(tag, text)| (tag.to_owned(), text.title.clone()))
    };
    let is = |tag: &str| Some((tag.to_owned(), tag.to_owned()));
    assert_eq!(shown(&["de", "en", "fr"], &["fr", "de"]), is("fr"));
    assert_eq!(shown(&["de", "en"], &["fr", "de-AT"]), is("de"));
    assert_eq!(shown(&["de", "en"], &["de-AT", "en"]), is("de"));
    assert_eq!(shown(&["de", "en"], &["fr"]), is("en"));
    assert_eq!(shown(&["de", "it"], &["fr"]), is("de"));
    assert_eq!(shown(&[], &["fr"]), None);
}
