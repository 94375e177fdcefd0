//! Where the demo's apps get their answers: a page that says in words what an app would read (RFC 6749 4.1.2, 4.1.2.1).
//! It keeps nothing and redeems nothing: whoever tries the flow takes the code from here.

use std::collections::BTreeSet;

use axum::body::to_bytes;
use axum::extract::Request;
use axum::response::{Html, IntoResponse as _, Response};
use grantor_core::form::Form;
use http::{Method, StatusCode, header};

use super::credentials::redirect_uris;
use crate::manifest::Manifest;

/// Longest answer that is sent as a form, in bytes.
const LONGEST: usize = 16 * 1024;

/// The paths of all redirect URIs that lie below an issuer: those are ours to answer.
pub(super) fn paths(manifest: &Manifest) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for environment in &manifest.environments {
        let here = manifest.apps.iter().filter(|app| app.environments.contains(&environment.name));
        for uri in here.flat_map(|app| redirect_uris(app, environment)) {
            let rest = uri.strip_prefix(environment.issuer.as_str()).filter(|rest| rest.starts_with('/'));
            paths.extend(rest.map(|rest| format!("{}{rest}", environment.issuer.path())));
        }
    }
    paths
}

/// Shows an answer, from the query or from a form (OAuth 2.0 Form Post Response Mode).
pub(super) async fn show(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let form = match parts.method {
        Method::GET | Method::HEAD => Form::parse(parts.uri.query().unwrap_or("").as_bytes()),
        Method::POST => match to_bytes(body, LONGEST).await {
            Ok(bytes) => Form::parse(&bytes),
            Err(_) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        },
        _ => return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, POST")]).into_response(),
    };
    let Ok(form) = form else { return StatusCode::BAD_REQUEST.into_response() };
    let headers = [
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, Html(page(&form))).into_response()
}

fn page(form: &Form) -> String {
    let (title, text) = match (form.get("code"), form.get("error")) {
        (Some(_), _) => (
            "The app has a code",
            "It redeems it at the token endpoint, once and within a minute, with its secret, this redirect URI and the \
             PKCE verifier of its request.",
        ),
        (None, Some(_)) => ("The app has a refusal", "It gets no code. The error says why."),
        (None, None) => (
            "Nothing was sent",
            "Here the demo's apps get their answers. Begin with an authorization request.",
        ),
    };
    let mut rows = String::new();
    for name in ["code", "error", "error_description", "state", "iss"] {
        if let Some(value) = form.get(name) {
            let value = escaped(value);
            rows.push_str(&format!(
                "<dt>{name}</dt>\n<dd><code id=\"callback-{name}\">{value}</code></dd>\n"
            ));
        }
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n</head>\n\
         <body>\n<main>\n<h1>{title}</h1>\n<p>{text}</p>\n<dl>\n{rows}</dl>\n</main>\n</body>\n</html>\n"
    )
}

/// What came from outside, as text of the page.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            sign => out.push(sign),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::super::embedded::FILES;
    use super::super::landscape::Landscape;
    use super::*;

    async fn shown(request: http::Request<Body>) -> (StatusCode, String) {
        let response = show(request).await;
        let status = response.status();
        let bytes = to_bytes(response.into_body(), LONGEST).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    async fn got(query: &str) -> String {
        let (status, page) =
            shown(http::Request::get(format!("/cb?{query}")).body(Body::empty()).unwrap()).await;
        assert_eq!(status, StatusCode::OK);
        page
    }

    #[test]
    fn the_redirect_uris_of_this_site_are_its_paths_and_no_others() {
        let landscape = Landscape::read(FILES, "127.0.0.1:8080".parse().unwrap()).unwrap();
        let expected = ["/demo/callback", "/sandbox/demo/callback"].map(str::to_owned);
        assert_eq!(paths(&landscape.manifest), BTreeSet::from(expected));
    }

    #[tokio::test]
    async fn a_code_and_a_refusal_are_told_in_words_by_query_and_by_form() {
        let page = got("code=abc&state=x+y").await;
        assert!(page.contains("The app has a code"));
        assert!(page.contains("<code id=\"callback-code\">abc</code>"));
        assert!(page.contains("<code id=\"callback-state\">x y</code>"));
        let page = got("error=access_denied&error_description=No").await;
        assert!(page.contains("The app has a refusal") && page.contains(">access_denied</code>"));
        assert!(got("").await.contains("Nothing was sent"));
        let posted = http::Request::post("/cb").body(Body::from("code=def")).unwrap();
        assert!(shown(posted).await.1.contains("<code id=\"callback-code\">def</code>"));
    }

    #[tokio::test]
    async fn what_is_sent_is_text_and_never_markup() {
        let page = got("error=%3Cscript%3E&error_description=%22%26&state=%3C%2Fcode%3E").await;
        assert!(page.contains("&lt;script&gt;") && page.contains("&quot;&amp;") && !page.contains("<script"));
        assert!(!page.contains("</code></code>"));
    }

    #[tokio::test]
    async fn another_method_and_a_long_form_are_refused() {
        let deleted = http::Request::delete("/cb").body(Body::empty()).unwrap();
        assert_eq!(shown(deleted).await.0, StatusCode::METHOD_NOT_ALLOWED);
        let long = http::Request::post("/cb").body(Body::from("a".repeat(LONGEST + 1))).unwrap();
        assert_eq!(shown(long).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    }
}
