//! The files that are part of the binary, by the names under which a theme may replace them. Only their list.

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../templates/", $name)))),*]
    };
}

/// Pages, articles of the documentation and mails: name and source.
pub(super) const TEMPLATES: &[(&str, &str)] = templates![
    "choose_account.html",
    "choose_tenant.html",
    "consent.html",
    "docs.html",
    "docs/authentication.md",
    "docs/credentials.md",
    "docs/errors.md",
    "docs/index.md",
    "docs/overview.md",
    "docs/security.md",
    "docs/snippet_curl.txt",
    "docs/snippet_go.txt",
    "docs/snippet_java.txt",
    "docs/snippet_node.txt",
    "docs/snippet_php.txt",
    "docs/snippet_python.txt",
    "docs/snippet_ruby.txt",
    "docs/snippet_rust.txt",
    "docs/tenant_setup.md",
    "error.html",
    "flow_table.html",
    "form_post.html",
    "login.html",
    "mail/incident.txt",
    "mail/credential_changed.txt",
    "mail/credential_expiring.txt",
    "mail/notice.txt",
    "mail/password_changed.txt",
    "mail/signup_attempted.txt",
    "mail/signup_verification.txt",
    "mail/switched.txt",
    "signed_in.html",
    "signup.html",
    "signup_sent.html",
    "terms.html",
];

/// What stands around or inside all pages.
pub(super) const PARTS: &[(&str, &str)] = templates!["form_state.html", "frame.html", "notice.html"];

/// The style sheet.
pub(super) const CSS: &[u8] = include_bytes!("../../static/grantor.css");
/// The picture in a browser's tab.
pub(super) const ICON: &[u8] = include_bytes!("../../static/icon.svg");
/// The script of the pages: shows a password while it is typed. Everything works without it.
pub(super) const PAGE_JS: &[u8] = include_bytes!("../../static/page.js");
/// The script that sends [`super::FormPost`] on its way.
pub(super) const FORM_POST_JS: &[u8] = include_bytes!("../../static/form_post.js");
