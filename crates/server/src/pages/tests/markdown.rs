//! What of an operator's Markdown reaches a page.

use super::markup::{skeleton, tags};
use crate::pages::render_markdown;

/// The elements of a rendered text, checked by the strict reader.
fn elements(markdown: &str) -> Vec<String> {
    skeleton(&format!("<!doctype html>{}", render_markdown(markdown).as_str()))
}

#[test]
fn j07_markdown_brings_no_markup_of_its_own_and_no_scripts() {
    for raw in [
        "<script>alert(1)</script>",
        "text <script>alert(1)</script> text",
        "<svg onload=alert(1)></svg>",
        "text <svg/onload=alert(1)>",
        "<math><mi//xlink:href=\"data:x,<script>alert(1)</script>\">",
        "<!-- a comment -->\n<style>*{display:none}</style>",
        "<div\n\nonclick=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](java&#115;cript:alert(1))",
        "[x](java&Tab;script:alert(1))",
        "[x](<javascript:alert(1)>)",
        "[x]( data:text/html,<script>alert(1)</script>)",
        "[x](vbscript:x) [y](//evil.example) [z](/login) [w](#top) [v](http://plain.example)",
        "[x][y]\n\n[y]: javascript:alert(1) \"title\"",
        "<javascript:alert(1)>",
        "<data:text/html,x>",
        "![x](https://track.example/pixel.png)",
        "![<img src=x onerror=alert(1)>](https://a.example/\"onerror=\"alert(1))",
        "[![x](javascript:alert(1))](javascript:alert(1))",
        "`<script>` and ``` ``<svg onload=x>`` ```",
        "```\"><script>alert(1)</script>\ncode\n```",
    ] {
        let elements = elements(raw);
        let plain = ["p", "code", "pre"];
        assert!(elements.iter().all(|element| plain.contains(&element.as_str())), "{raw}: {elements:?}");
    }
}

#[test]
fn raw_html_is_read_as_the_text_that_it_is() {
    assert_eq!(render_markdown("a <b>c</b>").as_str(), "<p>a &lt;b&gt;c&lt;/b&gt;</p>\n");
    assert_eq!(render_markdown("<b>c</b>").as_str(), "<p>&lt;b&gt;c&lt;/b&gt;</p>\n");
}

#[test]
fn links_lead_to_https_and_mail_only() {
    for (raw, href) in [
        ("[a](https://a.example/b?c=1&d=%22 \"title\")", "https://a.example/b?c=1&d=%22"),
        ("[a](HTTPS://a.example)", "HTTPS://a.example"),
        ("[a](mailto:a@b.example)", "mailto:a@b.example"),
        ("<https://a.example>", "https://a.example"),
        ("<a@b.example>", "mailto:a@b.example"),
    ] {
        let html = format!("<!doctype html>{}", render_markdown(raw).as_str());
        let tags = tags(&html);
        let link = tags.iter().find(|tag| tag.name == "a").unwrap();
        assert_eq!((link.get("href"), link.attributes.len()), (Some(href), 1), "{raw}");
    }
    assert_eq!(render_markdown("[a [b](x:y) c](https://d.example)").as_str().matches("<a").count(), 0);
    assert_eq!(
        render_markdown("![alt *text*](https://a.example/b.png)").as_str(),
        "<p>alt <em>text</em></p>\n"
    );
}

#[test]
fn headings_stand_below_those_of_the_page_and_tables_have_no_style() {
    assert_eq!(elements("# a\n## b\n### c\n#### d\n###### e\n"), ["h3", "h4", "h5", "h6", "h6"]);
    let table = elements("|a|b|\n|--:|:-:|\n|1|2|\n");
    assert_eq!(table, ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td"]);
    assert_eq!(elements("1. a\n2. b\n\n* c\n\n> **d** _e_\n")[..3], ["ol", "li", "li"]);
}
