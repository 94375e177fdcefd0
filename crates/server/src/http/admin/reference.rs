//! What anybody may read without a credential: the OpenAPI document, and a page that shows it (Swagger UI, from this origin
//! alone). A browser sends no token with a page; what is done from the page needs one like every other request.

use ::http::HeaderValue;
use ::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;

use super::BASE;

/// Scripts and styles of ours alone, none inline, nothing evaluated; pictures of the style sheet are `data:`.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// A file of the page: path below [`BASE`], media type, whether it is compressed, bytes. Each is one that every browser reads
/// compressed.
struct File(&'static str, &'static str, Encoding, &'static [u8]);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Plain,
    Gzip,
}

const FILES: [File; 5] = [
    // As it was made of the types, and committed: see [`super::describe`].
    File(
        "/openapi.json",
        "application/json",
        Encoding::Plain,
        include_bytes!("../../../../../docs/admin-openapi.json"),
    ),
    File(
        "/docs",
        "text/html; charset=utf-8",
        Encoding::Plain,
        include_bytes!("../../../static/swagger-ui/index.html"),
    ),
    File(
        "/docs/start.js",
        "text/javascript; charset=utf-8",
        Encoding::Plain,
        include_bytes!("../../../static/swagger-ui/start.js"),
    ),
    File(
        "/docs/swagger-ui.css",
        "text/css; charset=utf-8",
        Encoding::Gzip,
        include_bytes!("../../../static/swagger-ui/swagger-ui.css.gz"),
    ),
    File(
        "/docs/swagger-ui-bundle.js",
        "text/javascript; charset=utf-8",
        Encoding::Gzip,
        include_bytes!("../../../static/swagger-ui/swagger-ui-bundle.js.gz"),
    ),
];

/// The routes that need no credential.
pub(super) fn router() -> Router {
    FILES.into_iter().fold(Router::new(), |router, File(path, media, encoding, bytes)| {
        let answer = move || async move { served(Bytes::from_static(bytes), media, encoding) };
        router.route(&format!("{BASE}{path}"), get(answer))
    })
}

fn served(body: Bytes, media: &'static str, encoding: Encoding) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, media),
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if encoding == Encoding::Gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}
