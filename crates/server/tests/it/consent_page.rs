//! The consent page: whose yes it is, to what, and what hostile texts become on it.

mod hostile_texts;

use grantor_testkit::{Browser, Person, Pkce, Server, Tokens};
use serde_json::{Value, json};

use crate::code_flow::{App, CALLBACK, PRODUCTION, reply};
use crate::forms::{
    Hidden, TIE, at_login, cookie, cookies, get, leads_nowhere, new_user, request, signed_in, who,
};

/// A browser at the consent page of the demo's app, with somebody new signed in.
async fn at_consent(server: &Server) -> (Browser, Person) {
    let person = new_user(server, Some("nine green bicycles")).await;
    let mut browser = at_login(server).await;
    server.type_password(&mut browser, &person).await;
    assert_eq!(browser.page().path(), "/consent");
    (browser, person)
}

/// What somebody has allowed, and what apps hold for them.
async fn given(server: &Server, person: &Person) -> usize {
    let mut count = 0;
    for what in ["consents", "grants"] {
        let path = format!("/environments/{PRODUCTION}/users/{}/{what}", person.email);
        let answer = server.admin("GET", &path, Value::Null).await;
        count += answer.json()["items"].as_array().expect("a list").len();
    }
    count
}

fn yes(browser: &Browser) -> Hidden {
    Hidden::of(browser.page()).with("decision", "approve").and("scope", "payments:read")
}

#[tokio::test(flavor = "multi_thread")]
async fn h01_a_yes_from_another_browser_or_user_has_no_effect() {
    let server = Server::start().await;
    let (browser, person) = at_consent(&server).await;
    let (other, somebody) = at_consent(&server).await;
    let form = yes(&browser);
    let foreign = yes(&other);
    let mixed = |name: &str| form.clone().with(name, foreign.get(name));
    for (what, form, with) in [
        ("no cookies", form.clone(), String::new()),
        ("another user's browser", form.clone(), cookies(&other)),
        ("the proof of another", mixed("csrf"), cookies(&browser)),
        ("the request of another", mixed("i"), cookies(&browser)),
        ("both of another", mixed("csrf").with("i", foreign.get("i")), cookies(&browser)),
        ("no proof", form.clone().without("csrf"), cookies(&browser)),
        ("an empty proof", form.clone().with("csrf", ""), cookies(&browser)),
        ("the session's cookie alone", form.clone(), cookies(&browser).replace(TIE, "x")),
        ("the tie alone", form.clone(), format!("{TIE}={}", cookie(&browser, TIE))),
    ] {
        let answer = form.send(&server, &with).await;
        assert_eq!(answer.status, 403, "{what}: {}", answer.text);
        leads_nowhere(&answer, 403);
    }
    // An "approve" link.
    let link = format!(
        "/consent?i={}&csrf={}&decision=approve&scope=payments:read",
        form.get("i"),
        form.get("csrf")
    );
    let shown = get(&server, &link, &cookies(&browser), &[]).await;
    assert_eq!((shown.status, shown.header("location")), (200, ""));
    leads_nowhere(&get(&server, &link, &cookies(&other), &[]).await, 400);
    for who in [&person, &somebody] {
        assert_eq!(given(&server, who).await, 0);
    }
    let done = form.send(&server, &cookies(&browser)).await;
    assert!(!reply(&done).code().is_empty());
    assert_eq!(given(&server, &person).await, 2, "the form itself was good");
}

#[tokio::test(flavor = "multi_thread")]
async fn h01_a_page_that_was_shown_to_one_user_is_no_yes_of_the_next_one_in_the_same_browser() {
    let server = Server::start().await;
    let first = new_user(&server, Some("nine green bicycles")).await;
    let second = new_user(&server, Some("nine green bicycles")).await;
    let mut browser = signed_in(&server, &first).await;
    browser.visit(&request(&server, &[])).await;
    assert_eq!(browser.page().text_of("consent-email"), first.email);
    let shown = yes(&browser);
    // In another tab: out, and in as somebody else; or in as somebody else over it.
    browser.visit("/logout").await;
    browser.submit("logout-submit").await;
    leads_nowhere(&shown.send(&server, &cookies(&browser)).await, 403);
    server.type_password(&mut browser, &second).await;
    assert_eq!(who(&mut browser).await, second.email);
    leads_nowhere(&shown.send(&server, &cookies(&browser)).await, 403);
    assert_eq!((given(&server, &first).await, given(&server, &second).await), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn h01_a_sign_in_under_way_ends_with_its_session_and_never_answers_for_two_users() {
    let server = Server::start().await;
    let (mut browser, first) = at_consent(&server).await;
    let second = new_user(&server, Some("nine green bicycles")).await;
    let (handle, shown) = (Hidden::of(browser.page()).get("i").to_owned(), yes(&browser));
    browser.visit("/login").await;
    server.type_password(&mut browser, &second).await;
    assert_eq!(who(&mut browser).await, second.email);
    leads_nowhere(&shown.send(&server, &cookies(&browser)).await, 403);
    // Looked at again, it is about whoever is signed in now.
    browser.visit(&format!("/consent?i={handle}")).await;
    assert_eq!((browser.page().status, browser.page().text_of("consent-email")), (200, &*second.email));
    browser.submit("consent-approve").await;
    assert!(!browser.must_reply().code().is_empty());
    assert_eq!((given(&server, &first).await, given(&server, &second).await), (0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn h02_scope_app_and_api_come_from_the_stored_request_and_not_from_the_form() {
    let server = Server::start().await;
    let person = server.person("end_user");
    let (mut browser, pkce) = (Browser::new(&server), Pkce::new_one());
    let asked = [("scope", "openid payments:read")];
    browser.visit(&server.authorize_url(PRODUCTION, "payments", &pkce, &asked)).await;
    server.type_password(&mut browser, &person).await;
    assert_eq!(browser.page().ids("consent-scope-"), ["consent-scope-openid", "consent-scope-payments:read"]);
    let mut sent = yes(&browser);
    for scope in ["payments:write", "offline_access", "email", "deals:read", "rates:read", "prod.teosapi"] {
        sent = sent.and("scope", scope);
    }
    let assets = server.client_with(PRODUCTION, "assets", "authorization_code");
    let foreign = [
        ("client_id", assets.id.as_str()),
        ("redirect_uri", "https://evil.test/cb"),
        ("resource", "https://evil.test/"),
        ("state", "another state"),
        ("response_mode", "form_post"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("nonce", "another nonce"),
        ("tenant", "00000000-0000-0000-0000-000000000001"),
        ("user", "another"),
        ("prompt", "none"),
    ];
    for (name, value) in foreign {
        sent = sent.and(name, value);
    }
    // In the query of the address, too.
    sent.action.push_str("?client_id=x&redirect_uri=https://evil.test/cb&scope=payments:write");
    let answer = sent.send(&server, &cookies(&browser)).await;
    let reply = reply(&answer);
    assert_eq!(reply.redirect_uri, server.redirect_uri(PRODUCTION, "payments"));
    assert_eq!(reply.get("state"), "state of the app");
    let redeemed = server.redeem(PRODUCTION, "payments", &reply.code(), &pkce).await;
    let tokens = Tokens::of(&redeemed);
    let claims = Server::claims(&tokens.access);
    assert_eq!(claims["scope"], "openid payments:read");
    assert_eq!(claims["aud"], server.api(PRODUCTION, "payments")["audience"]);
    assert_eq!(Server::claims(&tokens.id)["nonce"], "nonce-of-the-app");
    let path = format!("/environments/{PRODUCTION}/users/{}/consents", person.email);
    let remembered = server.admin("GET", &path, Value::Null).await.json();
    assert_eq!(remembered["items"][0]["scopes"], json!(["openid", "payments:read"]), "{remembered}");
}

#[tokio::test(flavor = "multi_thread")]
async fn h02_a_yes_is_for_what_was_ticked_and_only_a_clear_yes_is_one() {
    let server = Server::start().await;
    for (decision, ticked) in [
        (Some("deny"), "payments:read"),
        (Some(""), "payments:read"),
        (None, "payments:read"),
        (Some("APPROVE"), "payments:read"),
        (Some("approve deny"), "payments:read"),
        (Some("true"), "payments:read"),
    ] {
        let (browser, person) = at_consent(&server).await;
        let mut sent = Hidden::of(browser.page()).and("scope", ticked);
        if let Some(decision) = decision {
            sent = sent.with("decision", decision);
        }
        let answer = sent.send(&server, &cookies(&browser)).await;
        assert_eq!(reply(&answer).get("error"), "access_denied", "{decision:?}");
        assert_eq!(given(&server, &person).await, 0, "{decision:?}");
    }
    // Two decisions: which one is meant, nobody can say.
    let (browser, person) = at_consent(&server).await;
    let both = yes(&browser).and("decision", "deny");
    leads_nowhere(&both.send(&server, &cookies(&browser)).await, 400);
    assert_eq!(given(&server, &person).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_names_the_account_the_partner_the_host_and_the_days() {
    let server = Server::start().await;
    let app = App::new(
        &server,
        "shown",
        json!({ "redirect_uris": [CALLBACK], "policy_uri": "https://rp.test/policy" }),
    )
    .await;
    let mut browser = Browser::new(&server);
    browser.visit(&app.url(&server, &Pkce::new_one(), &[])).await;
    server.type_password(&mut browser, &server.person("end_user")).await;
    let page = browser.page();
    assert_eq!(page.text_of("consent-email"), server.person("end_user").email);
    assert_eq!(
        (page.text_of("consent-tenant"), page.text_of("consent-destination")),
        ("Acme Partner", "rp.test")
    );
    assert!(page.text_of("consent-lasts").contains("30 days"), "{}", page.text_of("consent-lasts"));
    assert_eq!(page.attribute("consent-policy", "href"), Some("https://rp.test/policy"));
    assert!(!page.has("consent-warning") && !page.has("consent-terms"));
    let public = App::of_api(
        &server,
        "payments",
        json!({ "client_id": "on-a-phone", "auth_method": "none", "metadata": { "application_type": "native", "redirect_uris": ["com.example.app:/cb"] } }),
    );
    let public = public.await;
    browser.visit(&public.url(&server, &Pkce::new_one(), &[])).await;
    let page = browser.page();
    assert!(page.text_of("consent-warning").contains("We cannot check"), "anybody can use its name");
    assert_eq!(page.text_of("consent-destination"), "com.example.app");
}
