//! Static files. Each carries the hash of its content in its name, so a browser may keep it for ever.

use ::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    X_CONTENT_TYPE_OPTIONS,
};
use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use serde::Serialize;

use super::files::{CSS, FORM_POST_JS, ICON, PAGE_JS};
use super::theme::Theme;

/// A static file.
pub struct Asset {
    /// Its media type.
    pub content_type: HeaderValue,
    /// Its content.
    pub bytes: Bytes,
    /// The strong validator of the content (RFC 9110 8.8.3), with its quotation marks.
    pub etag: HeaderValue,
    name: String,
}

impl Asset {
    /// The headers of an answer with this file. A picture of a theme that holds a script runs nothing, even if somebody
    /// opens it by itself.
    pub fn headers(&self) -> [(HeaderName, HeaderValue); 6] {
        const NOTHING: HeaderValue =
            HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");
        const FOR_A_YEAR: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
        [
            (CONTENT_TYPE, self.content_type.clone()),
            (ETAG, self.etag.clone()),
            (CACHE_CONTROL, FOR_A_YEAR),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (CONTENT_SECURITY_POLICY, NOTHING),
            (
                HeaderName::from_static("cross-origin-resource-policy"),
                HeaderValue::from_static("same-origin"),
            ),
        ]
    }
}

/// The names under which the templates find the static files.
#[derive(Serialize)]
pub(super) struct AssetNames<'a> {
    css: &'a str,
    icon: &'a str,
    page_js: &'a str,
    form_post_js: &'a str,
    logo: Option<&'a str>,
}

/// Every static file.
pub(super) struct Assets {
    css: Asset,
    icon: Asset,
    page_js: Asset,
    form_post_js: Asset,
    logo: Option<Asset>,
}

impl Assets {
    /// Our files, and in their place those of a theme.
    pub(super) fn new(theme: Option<&Theme>) -> Self {
        let themed = |name| theme.and_then(|theme| theme.file(name));
        let logo = |name| themed(name).map(|bytes| asset(name, bytes));
        Self {
            css: asset("grantor.css", themed("grantor.css").unwrap_or(CSS)),
            icon: asset("icon.svg", themed("icon.svg").unwrap_or(ICON)),
            page_js: asset("page.js", PAGE_JS),
            form_post_js: asset("form_post.js", FORM_POST_JS),
            logo: logo("logo.svg").or_else(|| logo("logo.png")),
        }
    }

    /// The name of every file.
    pub(super) fn all_names(&self) -> Vec<&str> {
        let Self { css, icon, page_js, form_post_js, logo } = self;
        [css, icon, page_js, form_post_js].into_iter().chain(logo).map(|asset| asset.name.as_str()).collect()
    }

    /// The file of exactly this name.
    pub(super) fn get(&self, name: &str) -> Option<&Asset> {
        let Self { css, icon, page_js, form_post_js, logo } = self;
        [css, icon, page_js, form_post_js].into_iter().chain(logo).find(|asset| asset.name == name)
    }

    /// What the templates are told.
    pub(super) fn names(&self) -> AssetNames<'_> {
        AssetNames {
            css: &self.css.name,
            icon: &self.icon.name,
            page_js: &self.page_js.name,
            form_post_js: &self.form_post_js.name,
            logo: self.logo.as_ref().map(|logo| logo.name.as_str()),
        }
    }
}

fn asset(name: &'static str, bytes: &[u8]) -> Asset {
    // Eight bytes tell versions apart; nobody gains by finding two files with the same ones.
    let hash: String =
        digest(&SHA256, bytes).as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let content_type = match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "image/png",
    };
    let etag = HeaderValue::from_str(&format!("\"{hash}\"")).expect("hexadecimal digits are a header value");
    Asset {
        content_type: HeaderValue::from_static(content_type),
        bytes: Bytes::copy_from_slice(bytes),
        etag,
        name: format!("{hash}-{name}"),
    }
}
