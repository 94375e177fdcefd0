//! Texts of partners and operators that want to be more than texts: on the consent page (H03, I08) and in terms (J07).

use grantor_testkit::{Answer, Browser, Page, Pkce, Server};
use serde_json::{Value, json};

use crate::code_flow::{App, CALLBACK, PRODUCTION, refused_here};
use crate::forms::{Hidden, request};

const EXPRESSIONS: &str = "{{7*7}} ${7*7} #{7*7} <%= 7*7 %> {% raw %} *{7*7}";
const MARKUP: &str = "\"><img src=x onerror=alert(1)><script>alert(1)</script>";

/// The elements of a page, without their texts: what hostile values must not change.
fn skeleton(page: &Page) -> Vec<String> {
    let tags = page.html.split('<').skip(1).filter_map(|rest| rest.split([' ', '>', '\n']).next());
    tags.map(str::to_owned).collect()
}

fn is_harmless(page: &Page) {
    for bad in [
        "onerror=alert(1)>",
        "<script>alert",
        "<img src=x",
        "<svg",
        "<math",
        "<iframe",
        "javascript:",
        "\u{202e}",
    ] {
        assert!(!page.html.contains(bad), "{bad} at {}", page.path());
    }
    assert!(!page.text().contains("49"), "an expression was computed at {}: {}", page.path(), page.text());
}

async fn change_app(server: &Server, client_id: &str, name: &str, metadata: Value) -> Answer {
    let body = json!({
        "tenant": "acme", "apis": ["payments"], "client_id": client_id, "name": name,
        "grants": ["authorization_code"], "metadata": metadata,
    });
    server.admin("POST", &format!("/environments/{PRODUCTION}/apps"), body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn h03_expressions_and_markup_in_names_and_scopes_are_shown_as_they_are() {
    let server = Server::start().await;
    let wording = |text: &str| {
        format!(
            "[[api]]\nname = \"payments\"\nenvironments = [\"production\"]\nprofile = \"payments\"\n\
             audience = \"{}\"\nscope = [{{ name = \"payments:read\", description = '''{text}''' }}, {{ name = \"payments:write\" }}]\n",
            server.api(PRODUCTION, "payments")["audience"].as_str().unwrap()
        )
    };
    let mut skeletons = Vec::new();
    for (at, text) in ["harmless", EXPRESSIONS, MARKUP].into_iter().enumerate() {
        let applied = server.apply(&wording(text)).await;
        assert_eq!(applied.status, 200, "{}", applied.text);
        let tenant = format!("[[tenant]]\nname = \"acme\"\ntitle = '''{text}'''\n");
        assert_eq!(server.apply(&tenant).await.status, 200);
        let app = App::of_api(
            &server,
            "payments",
            json!({ "client_id": format!("rp-{at}"), "name": text, "metadata": { "redirect_uris": [CALLBACK] } }),
        );
        let app = app.await.asking_for("openid payments:read");
        let mut browser = Browser::new(&server);
        browser.visit(&app.url(&server, &Pkce::new_one(), &[("login_hint", text), ("state", text)])).await;
        is_harmless(browser.page());
        let login = skeleton(browser.page());
        assert!(browser.page().text().contains(text), "{text}: {}", browser.page().text());
        server.type_password(&mut browser, &server.person("end_user")).await;
        let page = browser.page();
        is_harmless(page);
        assert!(page.text().matches(text).count() >= 3, "app, partner and scope: {}", page.text());
        skeletons.push((login, skeleton(page)));
        browser.submit("consent-deny").await;
        assert_eq!(browser.must_reply().get("state"), text, "and the app gets its state back");
    }
    assert!(skeletons.iter().all(|one| *one == skeletons[0]), "{skeletons:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn h03_expressions_and_markup_in_the_request_reach_no_page() {
    let server = Server::start().await;
    for text in [EXPRESSIONS, MARKUP, "${T(java.lang.Runtime).getRuntime().exec(\"id\")}"] {
        for name in ["client_id", "redirect_uri"] {
            let answer = server.get(&request(&server, &[(name, text)]), None).await;
            refused_here(&answer);
            for part in ["7*7", "alert(1)", "Runtime"] {
                assert!(!answer.text.contains(part), "{part}: {}", answer.text);
            }
        }
        // What is wrong with the rest is told to the app, in fixed words.
        for name in [
            "scope",
            "response_type",
            "response_mode",
            "prompt",
            "code_challenge_method",
            "max_age",
            "claims",
        ] {
            let answer = server.get(&request(&server, &[(name, text)]), None).await;
            let location = answer.header("location").to_owned();
            assert!(
                answer.status == 303 && !location.contains("7*7") && !location.contains("alert"),
                "{name}: {location}"
            );
        }
    }
    // Registered like this by its owner, an app's id and redirect URI are text, too.
    let refused = change_app(&server, "{{7*7}}", "Templates", json!({ "redirect_uris": [CALLBACK] })).await;
    if refused.status == 201 {
        let mut browser = Browser::new(&server);
        browser
            .visit(&request(
                &server,
                &[("client_id", "{{7*7}}"), ("redirect_uri", CALLBACK), ("scope", "openid")],
            ))
            .await;
        is_harmless(browser.page());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i08_what_an_app_says_of_itself_is_short_plain_text_and_its_links_are_https() {
    let server = Server::start().await;
    // Links: https and nothing else, at registration.
    let long = format!("https://rp.test/{}", "a".repeat(10_000));
    for uri in [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)//https://rp.test/",
        "data:text/html,<script>alert(1)</script>",
        "http://rp.test/policy",
        "//rp.test/policy",
        "/policy",
        "https://",
        "https://rp.test\\@evil.test/",
        "https://bank.test@evil.test/",
        "https://rp.test/\"onclick=\"alert(1)",
        "https://rp.test/<script>",
        "https://rp.test/ x",
        "https://rp.test/\u{202e}",
        " https://rp.test/",
        long.as_str(),
    ] {
        for member in ["policy_uri", "tos_uri", "client_uri", "logo_uri"] {
            let metadata = json!({ "redirect_uris": [CALLBACK], member: uri });
            let answer = change_app(&server, "links", "Links", metadata).await;
            assert!([400, 422].contains(&answer.status), "{member} {uri}: {} {}", answer.status, answer.text);
        }
    }
    // Names: as long and as crooked as the registration takes them, one short line in one direction on the page.
    let crooked = format!("Bank\u{202e}moc.live\u{2066}\u{200b}\r\n<b>{EXPRESSIONS}</b>");
    for (at, name) in
        ["A".repeat(10_000), crooked, "A".repeat(200), "a\u{202e}b".to_owned()].into_iter().enumerate()
    {
        let id = format!("crooked-{at}");
        let answer = change_app(&server, &id, &name, json!({ "redirect_uris": [CALLBACK] })).await;
        if answer.status != 201 {
            assert!([400, 422].contains(&answer.status), "{}", answer.text);
            continue;
        }
        let mut browser = Browser::new(&server);
        let app = [("client_id", id.as_str()), ("redirect_uri", CALLBACK), ("scope", "openid payments:read")];
        browser.visit(&request(&server, &app)).await;
        is_harmless(browser.page());
        server.type_password(&mut browser, &server.person("end_user")).await;
        is_harmless(browser.page());
        assert!(browser.page().html.len() < 12_000, "{} bytes", browser.page().html.len());
        assert!(!browser.page().html.contains(&"A".repeat(81)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn j07_markup_in_terms_is_text() {
    let server = Server::start().await;
    let body = format!(
        "# Terms {EXPRESSIONS}\n\n{MARKUP}\n\n<svg onload=alert(1)></svg>\n\n<math><mi//xlink:href=\"data:x,<script>alert(1)</script>\"></math>\n\n\
         <iframe src=\"https://evil.test\"></iframe>\n\n<form action=\"https://evil.test\"><input name=password></form>\n\n\
         [a](javascript:alert(1)) [b](JaVaScRiPt:alert(1)) [c](data:text/html,x) ![d](https://track.test/p.png)\n\n\
         <style>*{{display:none}}</style>\n\n<!-- hidden -->\n\n[good](https://acme.test/terms)\n\n\u{202e}turned"
    );
    let texts = json!({ "en": { "title": MARKUP, "body": body, "changes": MARKUP } });
    let documents = server.admin("GET", "/documents", Value::Null).await.json();
    let terms =
        documents["items"].as_array().unwrap().iter().find(|document| document["kind"] == "terms").unwrap();
    let path = format!("/documents/{}/versions", terms["id"].as_str().unwrap());
    let published = server.admin("POST", &path, json!({ "texts": texts })).await;
    assert_eq!(published.status, 200, "{}", published.text);
    server.clock().pass(1);

    let mut browser = Browser::new(&server);
    browser.visit(&request(&server, &[])).await;
    server.type_password(&mut browser, &server.person("end_user")).await;
    let page = browser.page();
    assert_eq!(page.path(), "/terms");
    assert_eq!(page.text_of("terms-title-terms"), MARKUP, "shown as text");
    assert!(page.text_of("terms-changes-terms").contains(MARKUP));
    for bad in [
        "<script>alert",
        "<img",
        "<svg",
        "<math",
        "<iframe",
        "<style",
        "<!--",
        "javascript:alert(1)\"",
        "track.test",
        "<a href=\"data",
    ] {
        let shown = page.html.replace("<img src=\"/static/", "");
        assert!(!shown.contains(bad), "{bad}: {shown}");
    }
    // What stands as text may hold what it likes; no element leads there.
    for element in page.html.split('<').skip(1).filter_map(|rest| rest.split('>').next()) {
        assert!(!element.contains("evil.test") && !element.contains("action=\"https"), "{element}");
    }
    assert!(!page.text().contains("49"), "{}", page.text());
    assert_eq!(page.html.matches("<form").count(), 1);
    assert_eq!(page.html.matches("<script").count(), 1, "our own");
    assert_eq!(page.html.matches("<a ").count(), 1);
    assert!(page.html.contains("<a href=\"https://acme.test/terms\">good</a>"), "{}", page.html);
    let hidden = Hidden::of(page);
    assert!(!hidden.get("i").is_empty());
    server.agree(&mut browser).await;
}
