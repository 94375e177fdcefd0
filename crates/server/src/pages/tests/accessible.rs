//! What a keyboard, a screen reader and a simple program need of every page.

use std::collections::{BTreeSet, HashSet};

use super::gallery::gallery;
use super::markup::{Tag, tags};
use super::pages;
use super::samples::{articles_with, filled_with, mails_with};
use crate::docs::tests::world::programs;
use crate::pages::asset::Assets;
use crate::pages::engine::Engine;
use crate::pages::files::{PARTS, TEMPLATES};

/// Every page in every state, read.
fn every_page(check: impl Fn(&str, &[Tag])) {
    let samples = gallery(&pages());
    assert!(samples.len() > 15);
    for sample in samples {
        check(sample.name, &tags(&sample.html));
    }
}

fn named<'a>(tags: &'a [Tag], name: &'a str) -> impl Iterator<Item = &'a Tag> {
    tags.iter().filter(move |tag| tag.name == name)
}

#[test]
fn a_page_has_a_language_a_title_a_heading_and_landmarks() {
    every_page(|page, tags| {
        assert_eq!(tags[0].get("lang"), Some("en"), "{page}");
        for name in ["title", "h1", "main", "header"] {
            assert_eq!(named(tags, name).count(), 1, "{page}: {name}");
        }
    });
}

#[test]
fn every_field_has_a_label_and_every_button_says_what_it_does() {
    every_page(|page, tags| {
        let labelled: HashSet<_> = named(tags, "label").map(|label| label.get("for").unwrap()).collect();
        for input in named(tags, "input").filter(|input| input.get("type") != Some("hidden")) {
            assert!(labelled.contains(input.get("id").unwrap()), "{page}: {input:?}");
        }
        for button in named(tags, "button") {
            assert_eq!(button.get("type"), Some("submit"), "{page}: {button:?}");
            assert!(button.get("id").is_some(), "{page}: {button:?}");
        }
    });
}

#[test]
fn an_id_stands_once_and_what_is_pointed_at_is_there() {
    every_page(|page, tags| {
        let mut ids = HashSet::new();
        let unique = tags.iter().filter_map(|tag| tag.get("id")).all(|id| ids.insert(id));
        assert!(unique, "{page}: an id stands twice");
        for attribute in ["aria-describedby", "aria-labelledby", "for"] {
            let targets = tags.iter().filter_map(|tag| tag.get(attribute)).flat_map(|list| list.split(' '));
            let missing: Vec<_> = targets.filter(|id| !ids.contains(id)).collect();
            assert!(missing.is_empty(), "{page}: {attribute} points at {missing:?}");
        }
    });
}

#[test]
fn nothing_stands_inline_and_nothing_comes_from_elsewhere() {
    every_page(|page, tags| {
        for tag in tags {
            let inline = tag.attributes.iter().any(|(name, _)| name == "style" || name.starts_with("on"));
            assert!(!inline && tag.name != "style", "{page}: {tag:?}");
            let own = |address: Option<&str>| address.is_some_and(|address| address.starts_with("/static/"));
            match tag.name.as_str() {
                "script" | "img" => assert!(own(tag.get("src")), "{page}: {tag:?}"),
                "link" => assert!(own(tag.get("href")), "{page}: {tag:?}"),
                _ => {}
            }
        }
        // At most one script, and it is always a file: `</script>` follows at once. Only the page of errors needs none.
        assert_eq!(named(tags, "script").count(), usize::from(page != "error"), "{page}");
    });
}

#[test]
fn a_notice_is_read_out_takes_the_focus_and_describes_the_fields() {
    let pages = pages();
    let samples = filled_with(&pages, "Try again", "x");
    for page in ["login", "signup", "terms"] {
        let sample = samples.iter().find(|sample| sample.name == page).unwrap();
        let tags = tags(&sample.html);
        let notice = tags.iter().find(|tag| tag.get("id") == Some("notice")).unwrap();
        assert_eq!((notice.get("role"), notice.get("tabindex")), (Some("alert"), Some("-1")), "{page}");
        assert_eq!(tags.iter().filter(|tag| tag.get("autofocus").is_some()).count(), 1, "{page}");
        let visible = |input: &&Tag| input.get("type") != Some("hidden");
        for input in named(&tags, "input").filter(visible) {
            let described = input.get("aria-describedby").unwrap_or("");
            assert!(described.split(' ').any(|id| id == "notice"), "{page}: {input:?}");
        }
    }
}

#[test]
fn the_ids_that_programs_use_are_there() {
    let pages = pages();
    let samples = filled_with(&pages, "x", "payments:read.all");
    let expected = [
        ("login", "login-email login-password login-submit"),
        ("signup", "signup-email signup-password signup-name signup-submit"),
        ("signed-in", "logout-submit"),
        ("choose-account", "account-continue account-other"),
        ("choose-tenant", "tenant-00000000-0000-0000-0000-000000000007"),
        ("terms", "terms-accept-payments:read.all terms-submit terms-decline"),
        (
            "consent",
            "consent-scope-payments:read.all consent-scope-openid consent-approve consent-deny consent-warning",
        ),
        ("error", "error-code error-text"),
        ("form-post", "form-post-continue"),
        ("flow-table", "flows-json"),
        ("authentication", "article docs-markdown get-a-token call-the-api lifetimes scopes programs"),
        ("credentials", "client-id-and-client-secret api-keys how-to-keep-them"),
        ("tenant-setup", "which-credential-do-you-need before-the-first-credential try-it"),
        ("security", "when-something-has-leaked"),
        ("errors", "at-the-api quota"),
    ];
    for (page, ids) in expected {
        let sample = samples.iter().find(|sample| sample.name == page).unwrap();
        let tags = tags(&sample.html);
        for id in ids.split(' ') {
            assert_eq!(tags.iter().filter(|tag| tag.get("id") == Some(id)).count(), 1, "{page}: {id}");
        }
    }
}

#[test]
fn a_required_scope_is_ticked_and_fixed_and_the_others_are_ticked() {
    let pages = pages();
    let samples = filled_with(&pages, "x", "payments:read");
    let consent = samples.iter().find(|sample| sample.name == "consent").unwrap();
    let tags = tags(&consent.html);
    let state: Vec<_> = named(&tags, "input")
        .filter(|input| input.get("name") == Some("scope"))
        .map(|input| (input.get("value").unwrap(), input.get("checked"), input.get("disabled")))
        .collect();
    assert_eq!(state, [("payments:read", Some(""), None), ("openid", Some(""), Some(""))]);
}

#[test]
fn terms_cannot_be_sent_unticked_but_can_be_declined() {
    let pages = pages();
    let samples = filled_with(&pages, "x", "terms");
    let page = samples.iter().find(|sample| sample.name == "terms").unwrap();
    let tags = tags(&page.html);
    let tick = tags.iter().find(|tag| tag.get("name") == Some("accept")).unwrap();
    assert_eq!((tick.get("value"), tick.get("required")), (Some("terms:terms:terms"), Some("")));
    let decline = tags.iter().find(|tag| tag.get("id") == Some("terms-decline")).unwrap();
    assert_eq!((decline.get("value"), decline.get("formnovalidate")), (Some("decline"), Some("")));
}

/// Together with the strict engine, which fails on a name that is missing in a branch that was taken.
#[test]
fn every_name_in_a_template_is_a_field_of_its_context_and_the_other_way_round() {
    let pages = pages();
    let engine = Engine::built_in(&Assets::new(None));
    let pages_of = filled_with(&pages, "x", "x").into_iter().map(|sample| (sample.template, sample.context));
    let mails = mails_with(&pages, "x").into_iter().map(|(template, context, _)| (template, context));
    let mut seen = BTreeSet::new();
    let articles = articles_with(&pages, "x").into_iter().map(|(template, context, _)| (template, context));
    for (template, context) in pages_of.chain(mails).chain(articles).chain(programs()) {
        seen.insert(template);
        let used = engine.names_in(template);
        let own = used.iter().filter(|name| !name.starts_with("assets."));
        let missing: Vec<_> =
            own.filter(|name| context.pointer(&format!("/{}", name.replace('.', "/"))).is_none()).collect();
        assert!(missing.is_empty(), "{template} uses {missing:?}");
        let parts: BTreeSet<_> = PARTS.iter().flat_map(|(part, _)| engine.names_in(part)).collect();
        let is_used = |field: &String| {
            used.iter().chain(&parts).any(|name| name.split('.').next() == Some(field.as_str()))
        };
        let unused: Vec<_> = context.as_object().unwrap().keys().filter(|field| !is_used(field)).collect();
        assert!(unused.is_empty(), "{template} does not use {unused:?}");
    }
    assert_eq!(seen.len(), TEMPLATES.len());
}
