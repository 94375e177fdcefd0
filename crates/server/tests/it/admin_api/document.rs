//! The OpenAPI document: public, the same for everybody, and true.

use grantor_server::http::admin::table;
use grantor_testkit::Server;

use super::{document, raw};

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_public_and_the_committed_one() {
    let server = Server::start().await;
    let served = raw(&server, "GET", "/openapi.json", None, "").await;
    assert_eq!((served.status, served.header("content-type")), (200, "application/json"));
    let committed = document();
    assert_eq!(served.json(), committed);
    let origin = server.issuer("production");
    assert!(!served.text.contains(origin.as_str()), "it names no installation");
    let post = raw(&server, "POST", "/openapi.json", None, "").await;
    assert_eq!(post.status, 405, "{}", post.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_that_shows_it_is_public_from_this_origin_and_runs_nothing_inline() {
    let server = Server::start().await;
    let page = raw(&server, "GET", "/docs", None, "").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    let mut files = 0;
    for part in page.text.split(['"']).filter(|part| part.starts_with("docs/") || *part == "openapi.json") {
        let file = raw(&server, "GET", &format!("/{part}"), None, "").await;
        assert_eq!((file.status, file.header("x-content-type-options")), (200, "nosniff"), "{part}");
        assert_eq!(file.header("content-security-policy"), policy, "{part}");
        files += 1;
    }
    assert_eq!(files, 4);
    assert!(!page.text.contains("style=") && !page.text.contains("<script>"), "{}", page.text);
    assert!(!page.text.contains("//"), "nothing comes from elsewhere: {}", page.text);
    for other in ["/docs/", "/docs/other.js", "/docs/../tenants"] {
        assert_eq!(raw(&server, "GET", other, None, "").await.status, 401, "{other}");
    }
}

#[test]
fn every_route_is_in_the_document_with_its_caller_and_nothing_else_is() {
    let committed = document();
    let paths = committed["paths"].as_object().unwrap();
    let mut listed = 0;
    for (path, item) in paths {
        listed += item.as_object().unwrap().keys().filter(|key| *key != "parameters").count();
        assert!(
            path.split('/').nth(1).is_some_and(
                |first| first.ends_with('s') || ["apply", "manifest", "doctor", "audit"].contains(&first)
            ),
            "{path}: collections are plural"
        );
    }
    assert_eq!(listed, table().routes().len());
    for route in table().routes() {
        let operation = &paths[route.path][route.method.as_str().to_ascii_lowercase()];
        assert!(
            operation["security"].as_array().is_some_and(|schemes| !schemes.is_empty()),
            "{}",
            route.path
        );
        for status in ["400", "401", "403", "404"] {
            assert!(operation["responses"][status].is_object(), "{} {status}", route.path);
        }
    }
}
