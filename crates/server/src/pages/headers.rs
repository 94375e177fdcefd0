//! The headers of every page. These pages are what a phisher would like to frame, fill and feed.

use ::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};

use super::form_target::FormTarget;

/// What the pages have no use for.
const NO_DEVICES: &str = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()";

/// The headers of a page whose forms lead to this origin and to the given targets.
///
/// Chrome applies `form-action` to the redirect that answers a form, too, so the page of a form whose answer leads to a
/// redirect URI names that URI's target.
///
/// With `no-referrer` (RFC 9700 4.2.4) a browser sends `Origin: null` with our own forms: who checks where a form
/// comes from asks `Sec-Fetch-Site` and the token.
pub fn security_headers(form_targets: &[FormTarget]) -> Vec<(HeaderName, HeaderValue)> {
    let targets: String = form_targets.iter().flat_map(|target| [" ", target.as_str()]).collect();
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'{targets}; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    let policy = HeaderValue::try_from(policy).expect("a form target is printable ASCII");
    vec![
        (CONTENT_SECURITY_POLICY, policy),
        (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (HeaderName::from_static("permissions-policy"), HeaderValue::from_static(NO_DEVICES)),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    ]
}
