//! What an operator may change, and how a mistake is told.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::markup::tags;
use super::samples::{filled_with, frame};
use crate::pages::{ErrorPage, Page, Pages, PagesError, Shown};
use grantor_core::secret::Stage;

fn theme(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("mail")).unwrap();
    fs::create_dir(folder.path().join("docs")).unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn refusal(folder: &Path) -> String {
    match Pages::load(Some(folder)) {
        Ok(_) => panic!("the theme was taken"),
        Err(error) => error.to_string(),
    }
}

fn error_page(pages: &Pages) -> Page {
    let text = || Shown::text("<b>");
    let frame = frame("Acme", Stage::Live);
    pages.render(&ErrorPage { frame, code: text(), text: text(), advice: text(), request_id: text() })
}

#[test]
fn a_template_of_the_theme_takes_the_place_of_ours_and_is_escaped_as_well() {
    let folder = theme(&[("error.html", "<p>{{ text }} {{ frame.environment }}</p>"), ("README.md", "ours")]);
    fs::write(folder.path().join(".gitignore"), "x").unwrap();
    let pages = Pages::load(Some(folder.path())).unwrap();
    assert_eq!(error_page(&pages).html, "<p>&lt;b&gt; Acme</p>");
    let folder = theme(&[("frame.html", "<i>{% block title %}{% endblock %}</i>")]);
    let pages = Pages::load(Some(folder.path())).unwrap();
    assert_eq!(error_page(&pages).html, "<i>This did not work</i>");
}

#[test]
fn a_theme_cannot_switch_escaping_off() {
    // The last three make code in Markdown, which would be markup here.
    for source in [
        "{{ text|safe }}",
        "{{ text|escape|safe }}",
        "{{ text|code }}",
        "{{ text|cell }}",
        "{{ text|fenced(\"x\") }}",
    ] {
        let folder = theme(&[("error.html", source)]);
        let pages = Pages::load(Some(folder.path())).unwrap();
        assert!(!error_page(&pages).html.contains("<b>"), "{source}");
    }
}

#[test]
fn style_icon_and_logo_of_the_theme_are_served_under_names_of_their_own() {
    let folder = theme(&[("grantor.css", "body{}"), ("logo.svg", "<svg/>"), ("icon.svg", "<svg />")]);
    let pages = Pages::load(Some(folder.path())).unwrap();
    let samples = filled_with(&pages, "x", "x");
    let tags = tags(&samples[0].html);
    let served = |address: Option<&str>| {
        let name = address.unwrap().strip_prefix("/static/").unwrap();
        pages.asset(name).unwrap().bytes.clone()
    };
    let css = tags.iter().find(|tag| tag.get("rel") == Some("stylesheet")).unwrap();
    assert_eq!(served(css.get("href")), "body{}");
    let logo = tags.iter().find(|tag| tag.name == "img").unwrap();
    assert_eq!((served(logo.get("src")), logo.get("alt")), ("<svg/>".into(), Some("x")));
    let icon = tags.iter().find(|tag| tag.get("rel") == Some("icon")).unwrap();
    assert_eq!(served(icon.get("href")), "<svg />");
}

#[test]
fn a_mail_of_the_theme_takes_the_place_of_ours() {
    let folder = theme(&[("mail/signup_attempted.txt", "Subject: {{ email }}\n{{ login }}")]);
    let pages = Pages::load(Some(folder.path())).unwrap();
    let mails = super::samples::mails_with(&pages, "a\r\nBcc: b");
    assert_eq!(mails[1].2.subject, "a Bcc: b");
    assert_eq!(mails[1].2.text, "https://id.example.com/signup/verify?token=abc\n");
}

#[test]
fn an_article_of_the_theme_takes_the_place_of_ours_and_brings_no_markup_of_its_own() {
    let source = "# Ours: {{ about.api }}\n\n<script>alert(1)</script>\n\n\
                  <b>[x](https://evil.example)</b> {{ about.api|code }}\n";
    let folder = theme(&[("docs/security.md", source)]);
    let pages = Pages::load(Some(folder.path())).unwrap();
    let sample =
        filled_with(&pages, "<b>*x*", "x").into_iter().find(|sample| sample.name == "security").unwrap();
    assert!(sample.html.contains("<h1>Ours: &lt;b&gt;*x*</h1>"), "{}", sample.html);
    assert!(sample.html.contains("<code>&lt;b&gt;*x*</code>"), "{}", sample.html);
    for brought in ["<script>", "<b>", "evil.example"] {
        assert!(!sample.html.contains(brought), "{brought} in {}", sample.html);
    }
}

#[test]
fn what_a_theme_cannot_show_is_shown_as_we_ship_it() {
    // The name is known to the parts of pages, but this page has no form.
    let folder = theme(&[("error.html", "{{ form.csrf }}")]);
    let pages = Pages::load(Some(folder.path())).unwrap();
    assert_eq!(error_page(&pages).html, error_page(&super::pages()).html);
}

#[test]
fn a_mistake_in_a_theme_is_told_at_start_with_the_file_and_what_to_do() {
    let long = "a".repeat(256 * 1024 + 1);
    for (files, told) in [
        (vec![("login.htm", "")], "the theme holds \"login.htm\", which no page uses"),
        (vec![("mail/welcome.txt", "")], "the theme holds \"mail/welcome.txt\", which no page uses"),
        (vec![("docs/securty.md", "")], "the theme holds \"docs/securty.md\", which no page uses"),
        (vec![("docs/security.md", "{{ about.apy }}")], "the theme's docs/security.md uses \"about.apy\""),
        (vec![("login.html", "{% if %}")], "the theme's login.html is no valid template"),
        (vec![("login.html", "{{ emial }}")], "the theme's login.html uses \"emial\""),
        (vec![("login.html", "{{ form.acton }}")], "it has: app, assets.css"),
        (vec![("logo.svg", ""), ("logo.png", "")], "remove one of them"),
        (vec![("mail/password_changed.txt", "Hello")], "does not begin with a line \"Subject: ...\""),
        (vec![("grantor.css", long.as_str())], "the theme's grantor.css is longer than 262144 bytes"),
    ] {
        let folder = theme(&files);
        let refusal = refusal(folder.path());
        assert!(refusal.contains(told), "{refusal}");
    }
    let folder = theme(&[]);
    fs::write(folder.path().join("login.html"), b"\xff").unwrap();
    assert!(refusal(folder.path()).contains("login.html is not UTF-8 text"));
    let missing = folder.path().join("missing");
    assert!(refusal(&missing).contains("missing cannot be read"));
    assert!(matches!(Pages::load(Some(&missing)), Err(PagesError::Unreadable { .. })));
}
