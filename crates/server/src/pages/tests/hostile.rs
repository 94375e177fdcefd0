//! Values that want to be more than values.

use super::markup::{skeleton, tags};
use super::pages;
use super::samples::filled_with;
use crate::pages::Shown;

const HOSTILE: [&str; 9] = [
    "<script>alert(1)</script>",
    "\"><svg onload=alert(1)>",
    "' autofocus onfocus='alert(1)",
    "</title></bdi></h1><!--",
    "--><![CDATA[<img src=x onerror=alert(1)>",
    "{{7*7}}{% include \"login.html\" %}{# ",
    "&lt;script&gt;&#34;&amp;",
    "javascript:alert(1)",
    "\r\nSet-Cookie: a=b",
];

#[test]
fn no_value_changes_the_structure_of_a_page() {
    let pages = pages();
    let harmless = filled_with(&pages, "harmless", "harmless");
    assert_eq!(harmless.len(), 18);
    for value in HOSTILE {
        for (sample, harmless) in filled_with(&pages, value, value).iter().zip(&harmless) {
            assert_eq!(skeleton(&sample.html), skeleton(&harmless.html), "{}: {value}", sample.name);
        }
    }
}

#[test]
fn what_is_carried_comes_back_unchanged() {
    let pages = pages();
    for value in HOSTILE {
        let samples = filled_with(&pages, "harmless", value);
        let with_form = samples.iter().filter(|sample| sample.context.get("form").is_some());
        let mut seen = 0;
        for sample in with_form {
            let tags = tags(&sample.html);
            let csrf = tags.iter().find(|tag| tag.get("name") == Some("csrf")).unwrap();
            assert_eq!(csrf.get("value"), Some(value), "{}", sample.name);
            let form = tags.iter().find(|tag| tag.name == "form").unwrap();
            assert_eq!((form.get("action"), form.get("method")), (Some(value), Some("post")));
            seen += 1;
        }
        assert_eq!(seen, 7);
    }
}

#[test]
fn h03_an_expression_in_a_value_is_shown_and_not_computed() {
    let pages = pages();
    for sample in filled_with(&pages, "{{7*7}}", "{{7*7}}") {
        assert!(sample.html.contains("{{7*7}}"), "{}", sample.name);
        assert!(!sample.html.contains("49"), "{}", sample.name);
    }
}

#[test]
fn text_that_turns_the_line_around_is_gone_from_every_page() {
    let pages = pages();
    let turning = "bank\u{202e}moc.live\u{2066}\u{200b}\u{200f}\u{e0041}";
    for sample in filled_with(&pages, turning, "harmless") {
        let found = sample.html.contains(['\u{202e}', '\u{2066}', '\u{200b}', '\u{200f}', '\u{e0041}']);
        assert!(!found, "{}", sample.name);
        assert!(sample.html.contains("bankmoc.live"), "{}", sample.name);
    }
}

#[test]
fn a_name_of_ten_thousand_letters_is_cut() {
    let pages = pages();
    for sample in filled_with(&pages, &"A".repeat(10_000), "harmless") {
        // Articles show some texts several times, and hold programs.
        let most = if sample.template == "docs.html" { 60_000 } else { 12_000 };
        assert!(sample.html.len() < most, "{} has {} bytes", sample.name, sample.html.len());
        assert!(sample.html.contains("AAAA\u{2026}"), "{}", sample.name);
    }
}

#[test]
fn shown_text_is_one_line_that_ends() {
    assert_eq!(Shown::name("  Acme\r\n\tLtd\u{a0} \0").as_str(), "Acme Ltd");
    assert_eq!(Shown::name(&"\u{e4}".repeat(80)).as_str(), "\u{e4}".repeat(80));
    assert_eq!(Shown::name(&"\u{e4}".repeat(81)).as_str(), format!("{}\u{2026}", "\u{e4}".repeat(79)));
    assert_eq!(Shown::text(&"a".repeat(2000)).as_str().chars().count(), 1000);
    // A Persian word with a joiner, which carries meaning.
    assert_eq!(Shown::name("\u{645}\u{6cc}\u{200c}\u{62e}").as_str(), "\u{645}\u{6cc}\u{200c}\u{62e}");
}
