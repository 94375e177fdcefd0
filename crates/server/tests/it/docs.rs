//! The documentation as it is served: for people, for programs, and true after every change.

use grantor_testkit::{Answer, Browser, Server};
use serde_json::Value;

const TOPICS: [&str; 6] = ["index", "authentication", "credentials", "tenant-setup", "security", "errors"];

/// An API that nobody has thought of.
const HARBOUR: &str = r#"
[[profile]]
name = "harbour"
token_paths = ["/harbour/v9/token"]
client_auth = ["client_secret_post"]
token_format = "opaque"
grants = ["client_credentials"]
gates = ["partner_approved"]
lifetimes = { client_token = 420 }

[[api]]
name = "harbour"
title = "Harbour <b>& Sea</b>"
environments = ["sandbox"]
profile = "harbour"
audience = "https://harbour.example"
url = "https://api.harbour.example/v2"
openapi = '''
{"openapi": "3.1.0", "info": {"title": "Harbour", "version": "1"},
 "components": {"securitySchemes": {"oauth": {"type": "oauth2", "flows": {}}}},
 "paths": {"/ships": {"get": {"summary": "List ships", "x-grantor-credential": ["client"],
   "security": [{"oauth": ["ships:read"]}], "responses": {}}}}}
'''
scope = [{ name = "ships:read", description = "See ships" }]
"#;

async fn read(server: &Server, path: &str) -> Answer {
    let answer = server.get(&format!("http://{}{path}", server.address()), None).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer
}

/// The pages that the listing of an environment names: address for people, address of the Markdown.
async fn listed(server: &Server, environment: &str) -> Vec<(String, String)> {
    let answer = server.get(&format!("{}/docs/index.json", server.issuer(environment)), None).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let apis = answer.json()["apis"].as_array().expect("a list of APIs").clone();
    let pages = apis.iter().flat_map(|api| api["pages"].as_array().expect("pages").clone());
    let text = |page: &Value, name: &str| page[name].as_str().expect("an address").to_owned();
    pages.map(|page| (text(&page, "html"), text(&page, "markdown"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_that_the_listing_names_is_there_for_people_and_as_markdown() {
    let server = Server::start().await;
    for environment in ["production", "sandbox"] {
        let issuer = server.issuer(environment);
        let pages = listed(&server, environment).await;
        assert_eq!(pages.len(), 5 * TOPICS.len(), "five APIs");
        for (html, markdown) in pages {
            assert!(html.starts_with(&format!("{issuer}/docs/")), "{html}");
            let page = server.get(&html, None).await;
            assert_eq!(
                (page.status, page.header("content-type")),
                (200, "text/html; charset=utf-8"),
                "{html}"
            );
            assert!(page.header("content-security-policy").starts_with("default-src 'none';"), "{html}");
            assert!(page.header("link").contains("rel=\"alternate\"; type=\"text/markdown\""), "{html}");
            let twin = server.get(&markdown, None).await;
            assert_eq!((twin.status, twin.header("content-type")), (200, "text/markdown; charset=utf-8"));
            // The first heading of both is the same.
            let heading =
                twin.text.lines().next().and_then(|line| line.strip_prefix("# ")).expect("a heading");
            assert!(page.text.contains(&format!("<h1>{heading}</h1>")), "{html}: {heading}");
            // Nothing of another environment's is told as one's own.
            let own = format!("{issuer}/");
            assert!(twin.text.contains(&own) || !twin.text.contains("://"), "{markdown}");
        }
        let index = server.get(&format!("{issuer}/docs/index.md"), None).await;
        assert!(index.text.contains("- [Payments]("), "{}", index.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_between_the_pages_lead_to_pages_and_to_places_in_them() {
    let server = Server::start().await;
    let origin = format!("http://{}", server.address());
    let mut seen = 0;
    for (html, _) in listed(&server, "sandbox").await {
        let page = server.get(&html, None).await.text;
        for href in page.split(" href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let (path, place) = href.split_once('#').unwrap_or((href, ""));
            let target = if path.is_empty() { html.clone() } else { format!("{origin}{path}") };
            let answer = server.get(&target, None).await;
            assert_eq!(answer.status, 200, "{html} leads to {href}");
            let is_there = place.is_empty() || answer.text.contains(&format!(" id=\"{place}\""));
            assert!(is_there, "{html} leads to {href}, and that place is not there");
            seen += 1;
        }
    }
    assert!(seen > 300, "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_kept_by_whoever_asks_again_and_is_read_only() {
    let server = Server::start().await;
    for path in
        ["/docs", "/docs/index.json", "/docs/banking", "/docs/banking/errors", "/docs/banking/errors.md"]
    {
        let url = format!("http://{}{path}", server.address());
        let first = server.get(&url, None).await;
        assert_eq!((first.status, first.header("cache-control")), (200, "public, no-cache"), "{path}");
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with('"') && tag.len() > 10, "{path}: {tag}");
        let again = server.send(server.http.get(&url).header("if-none-match", &tag)).await;
        assert_eq!(
            (again.status, again.text.as_str(), again.header("etag")),
            (304, "", tag.as_str()),
            "{path}"
        );
        let other = server.send(server.http.get(&url).header("if-none-match", "\"other\"")).await;
        assert_eq!((other.status, other.text), (200, first.text), "{path}");
        let head = server.send(server.http.head(&url)).await;
        assert_eq!((head.status, head.text.as_str(), head.header("etag")), (200, "", tag.as_str()), "{path}");
        for refused in [server.http.post(&url), server.http.put(&url), server.http.delete(&url)] {
            let answer = server.send(refused).await;
            assert_eq!((answer.status, answer.header("allow")), (405, "GET"), "{path}");
        }
    }
    for nothing in
        ["/docs/nowhere", "/docs/payments/nothing", "/docs/payments/", "/docs/payments/errors.html"]
    {
        let answer = server.get(&format!("http://{}{nothing}", server.address()), None).await;
        assert_eq!(answer.status, 404, "{nothing}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_api_documents_itself_and_a_changed_profile_changes_the_page_at_once() {
    let server = Server::start().await;
    assert_eq!(server.apply(HARBOUR).await.status, 200);
    for topic in TOPICS {
        let article = read(&server, &format!("/sandbox/docs/harbour/{topic}.md")).await.text;
        assert!(
            article.lines().next().is_some_and(|line| line.contains("Harbour \\<b\\>\\& Sea\\</b\\>")),
            "{article}"
        );
        assert!(!article.contains("refresh") && !article.contains("JWT"), "{topic}: {article}");
    }
    let page = read(&server, "/sandbox/docs/harbour/authentication").await;
    assert!(
        page.text.contains("Harbour &lt;b&gt;&amp; Sea&lt;/b&gt;") && !page.text.contains("<b>&"),
        "escaped"
    );
    let before = read(&server, "/sandbox/docs/harbour/authentication.md").await;
    for told in [
        "7 minutes | 420 |",
        "/sandbox/harbour/v9/token'",
        "--data-urlencode \"client_secret=$CLIENT_SECRET\"",
        "'https://api.harbour.example/v2/ships'",
        "The token is opaque",
        "`ships:read`",
    ] {
        assert!(before.text.contains(told), "{told}\n{}", before.text);
    }
    assert!(read(&server, "/sandbox/docs/harbour/tenant-setup.md").await.text.contains("`partner_approved`"));
    assert!(read(&server, "/sandbox/docs").await.text.contains("/sandbox/docs/harbour"));
    let elsewhere = server.get(&format!("http://{}/docs/harbour", server.address()), None).await;
    assert_eq!(elsewhere.status, 404, "it stands in the sandbox alone");

    let changed = HARBOUR
        .replace("client_token = 420", "client_token = 7200")
        .replace("client_secret_post", "client_secret_basic")
        .replace("partner_approved", "contract_signed")
        .replace("See ships", "See every ship")
        .replace("\"opaque\"", "\"jwt\"");
    assert_eq!(server.apply(&changed).await.status, 200);
    let after = read(&server, "/sandbox/docs/harbour/authentication.md").await;
    assert_ne!(after.header("etag"), before.header("etag"));
    for told in
        ["2 hours | 7200 |", "-u \"$CLIENT_ID:$CLIENT_SECRET\"", "The token is a JWT", "See every ship"]
    {
        assert!(after.text.contains(told), "{told}");
    }
    assert!(!after.text.contains("420") && !after.text.contains("client_secret_post"));
    let set_up = read(&server, "/sandbox/docs/harbour/tenant-setup.md").await.text;
    assert!(set_up.contains("`contract_signed`") && !set_up.contains("partner_approved"));
    // The same API in a second environment: both pages tell both.
    let both = changed
        .replace("environments = [\"sandbox\"]", "environments = [\"production\", \"sandbox\"]")
        .replace(
            "audience = \"https://harbour.example\"",
            "audience = \"https://harbour.example/{environment}\"",
        );
    assert_eq!(server.apply(&both).await.status, 200);
    for path in ["/docs/harbour/index.md", "/sandbox/docs/harbour/index.md"] {
        let article = read(&server, path).await.text;
        assert!(article.contains("Credentials are unique per environment"), "{path}");
        assert!(
            article.contains("| production | real use |") && article.contains("| sandbox | trying out |")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_finds_the_way_through_the_pages_of_an_api() {
    let server = Server::start().await;
    let mut browser = Browser::new(&server);
    for topic in ["", "/authentication", "/credentials", "/tenant-setup", "/security", "/errors"] {
        browser.visit(&format!("/docs/assets{topic}")).await;
        let page = browser.page();
        assert_eq!(page.status, 200, "{topic}");
        assert!(page.dangling_ids().is_empty(), "{topic}: {:?}", page.dangling_ids());
        let here = format!("href=\"/docs/assets{topic}\" aria-current=\"page\"");
        assert_eq!(page.html.matches("aria-current").count(), 1, "{topic}");
        assert!(page.html.contains(&here), "{topic}");
        assert!(page.attribute("docs-markdown", "href").is_some_and(|path| path.ends_with(".md")), "{topic}");
    }
}
