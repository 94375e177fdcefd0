//! The headers of pages, and where their forms may lead.

use crate::pages::{FormPost, FormTarget, WebLink, security_headers};
use grantor_core::secret::Stage;

fn header(targets: &[FormTarget], name: &str) -> String {
    let headers = security_headers(targets);
    let mut values = headers.iter().filter(|(known, _)| known == name);
    let value = values.next().unwrap().1.to_str().unwrap().to_owned();
    assert!(values.next().is_none(), "{name} stands twice");
    value
}

#[test]
fn a_page_allows_its_own_files_and_nothing_else() {
    assert_eq!(
        header(&[], "content-security-policy"),
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert_eq!(header(&[], name), value);
    }
    assert!(header(&[], "permissions-policy").contains("camera=()"));
}

#[test]
fn the_targets_of_forms_stand_in_their_directive() {
    let targets = ["https://App.example:8443/cb?x=1", "http://127.0.0.1:5123/", "com.example.app:/cb"]
        .map(|uri| FormTarget::parse(uri).unwrap());
    let policy = header(&targets, "content-security-policy");
    let expected =
        "form-action 'self' https://app.example:8443 http://127.0.0.1:5123 com.example.app:; base-uri";
    assert!(policy.contains(expected), "{policy}");
}

#[test]
fn a_form_target_is_an_origin_or_a_private_scheme() {
    for (uri, source) in [
        ("https://a.example", "https://a.example"),
        ("HTTPS://a.example/cb#x", "https://a.example"),
        ("https://a.example?x=;script-src *", "https://a.example"),
        ("http://127.0.0.1/cb", "http://127.0.0.1"),
        ("http://localhost:3000/cb", "http://localhost:3000"),
        ("com.example.app:/cb", "com.example.app:"),
        ("Com.Example.App://cb", "com.example.app:"),
    ] {
        assert_eq!(FormTarget::parse(uri).unwrap().as_str(), source, "{uri}");
    }
}

#[test]
fn what_could_add_to_the_policy_is_refused() {
    for uri in [
        "",
        "a.example",
        "//a.example",
        "https:a.example",
        "https://",
        "https://*",
        "https://*.example",
        "https://a.example; script-src *",
        "https://a.example *",
        "https://a.example,https://b.example",
        "https://a.example\r\nx: y",
        "https://a.example\t/",
        "https://user@a.example/",
        "https://a.example:443@b.example/",
        "https://a.example:0/",
        "https://a.example:+1/",
        "https://a.example:99999/",
        "https://a.example:*/",
        "https://a.example:/",
        "https://%61.example/",
        "https://b\u{fc}cher.example/",
        "https://'unsafe-inline'/",
        "http://a.example/",
        "http://127.0.0.1.evil.example/",
        "http://[::1]:80/",
        "javascript:alert(1)",
        "data:text/html,x",
        "blob:https://a.example/x",
        "custom:/cb",
        "com.example app:/cb",
        "com.example;x:/cb",
        "'self'.x:/cb",
        ".com:/cb",
        "*.com:/cb",
    ] {
        assert!(FormTarget::parse(uri).is_err(), "{uri:?} was taken");
    }
}

#[test]
fn a_response_is_posted_to_web_addresses_only() {
    let frame = || super::samples::frame("x", Stage::Live);
    let form_post = FormPost::new(frame(), "https://a.example/cb", vec![]).ok().unwrap();
    assert_eq!(form_post.target().as_str(), "https://a.example");
    assert!(FormPost::new(frame(), "com.example.app:/cb", vec![]).is_err());
    assert!(FormPost::new(frame(), "javascript:alert(1)//", vec![]).is_err());
}

#[test]
fn a_link_of_a_partner_is_https() {
    assert!(WebLink::parse("https://a.example/privacy?a=b#c").is_some());
    assert!(WebLink::parse("HTTPS://a.example").is_some());
    let long = format!("https://a.example/{}", "a".repeat(2048));
    for text in [
        "http://a.example",
        "javascript://a.example/%0aalert(1)",
        "JAVASCRIPT:alert(1)",
        "data:text/html,x",
        "//a.example",
        "/privacy",
        " https://a.example",
        "https://",
        "https:///x",
        "https://bank.example@evil.example/",
        "https://bank.example\\@evil.example/ x",
        "https://a.example/\u{202e}",
        "https://a.example/\r\n",
        &long,
    ] {
        assert!(WebLink::parse(text).is_none(), "{text:?} was taken");
    }
}
