//! What of an operator's Markdown reaches a page.

use super::markup::{skeleton, tags};
use crate::pages::{render_article, render_markdown};

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

#[test]
fn an_article_has_places_to_link_to_and_links_within_this_server_alone() {
    let html = render_article(
        "# One\n\n## Two `words`\n\n## Two words\n\n## \u{4e8c}\n\n[a](/docs/x#y) [b](#two-words) [c](//evil.example) \
         [d](https://evil.example) [e](javascript:alert(1)) [f](/\\evil.example)\n",
    );
    let html = html.as_str();
    for written in [
        "<h1>One</h1>",
        "<h2 id=\"two-words\">Two <code>words</code></h2>",
        "<h2 id=\"two-words-2\">Two words</h2>",
        "<h2 id=\"section\">\u{4e8c}</h2>",
        "<a href=\"/docs/x#y\">a</a>",
        "<a href=\"#two-words\">b</a>",
    ] {
        assert!(html.contains(written), "{written} is not in {html}");
    }
    assert!(!html.contains("evil") && !html.contains("javascript"), "{html}");
    tags(&format!("<!doctype html>{html}"));
}

#[test]
fn an_article_s_table_names_its_rows_and_columns_and_its_code_can_be_reached() {
    let html = render_article(
        "## T\n\n| A | B `b` |\n|---|---|\n| `x\\|y` | <i> |\n\n```sh\n<a>\n```\n\n```no\"e\nx\n```\n",
    );
    let html = html.as_str();
    for written in [
        "role=\"region\" tabindex=\"0\" aria-labelledby=\"t\"><table role=\"table\">",
        "<th role=\"columnheader\" scope=\"col\">A</th>",
        "<th role=\"rowheader\" scope=\"row\"><code>x|y</code></th>",
        "<td role=\"cell\" data-label=\"B b\"><span>&lt;i&gt;</span></td>",
        "<pre tabindex=\"0\"><code class=\"language-sh\">&lt;a&gt;\n</code></pre>",
        "<pre tabindex=\"0\"><code>x\n</code></pre>",
    ] {
        assert!(html.contains(written), "{written} is not in {html}");
    }
    tags(&format!("<!doctype html>{html}"));
}
