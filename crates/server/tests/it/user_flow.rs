//! People and apps, as both see it: the code flow from the first page to a refresh, sign-up by mail, refusals of every
//! kind, the password grant, and signing out. What is looked at is only what a browser, an app and an API get.

use grantor_testkit::{Answer, Browser, Person, Pkce, Server, Site, Tokens};
use serde_json::json;

const PRODUCTION: &str = "production";
const PAYMENTS: &str = "payments";

/// A browser at the first page of an authorization request of payments.
async fn at_login(server: &Server) -> (Browser, Pkce) {
    let (mut browser, pkce) = (Browser::new(server), Pkce::new_one());
    browser.visit(&server.authorize_url(PRODUCTION, PAYMENTS, &pkce, &[])).await;
    assert_eq!((browser.page().status, browser.page().path()), (200, "/login"));
    (browser, pkce)
}

fn session(browser: &Browser) -> Option<&str> {
    browser.cookie("__Host-grt_production").map(|cookie| cookie.value.as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_signs_in_allows_an_app_and_the_app_calls_the_api_until_it_refreshes() {
    let server = Server::start().await;
    let person = server.person("end_user");
    let (mut browser, pkce) = at_login(&server).await;
    assert!(browser.page().text().contains("Acme Payments Web"), "who asks");
    assert_eq!(session(&browser), None, "nobody is signed in yet");
    server.type_password(&mut browser, &person).await;

    assert_eq!(browser.page().path(), "/consent");
    assert_eq!(browser.page().text_of("consent-email"), person.email);
    assert_eq!(browser.page().text_of("consent-tenant"), "Acme Partner");
    let address = server.address().to_string();
    assert_eq!(browser.page().text_of("consent-destination"), address);
    let asked = browser.page().ids("consent-scope-");
    let scopes = "openid profile email offline_access payments:read payments:write";
    assert_eq!(asked.len(), scopes.split(' ').count(), "{asked:?}");
    for scope in scopes.split(' ') {
        assert!(browser.page().has(&format!("consent-scope-{scope}")), "{scope}");
    }
    browser.submit("consent-approve").await;

    let reply = browser.must_reply().clone();
    assert_eq!(reply.redirect_uri, server.redirect_uri(PRODUCTION, PAYMENTS));
    assert_eq!(reply.get("state"), "state of the app");
    assert_eq!(reply.get("iss"), server.issuer(PRODUCTION), "RFC 9207");
    let answer = server.redeem(PRODUCTION, PAYMENTS, &reply.code(), &pkce).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let tokens = Tokens::of(&answer);
    assert!(!tokens.refresh.is_empty() && !tokens.id.is_empty(), "{}", answer.text);

    let claims = Server::claims(&tokens.id);
    assert_eq!(
        (&claims["nonce"], &claims["iss"]),
        (&json!("nonce-of-the-app"), &json!(server.issuer(PRODUCTION)))
    );
    let subject = claims["sub"].as_str().unwrap();
    let me = server.call(PRODUCTION, PAYMENTS, Some(&tokens.access), "GET", "/me").await;
    assert_eq!(me.status, 200, "{}", me.text);
    let caller = &me.json()["caller"];
    assert_eq!((&caller["credential_kind"], &caller["subject"]), (&json!("user"), &json!(subject)));
    let transfers = server.call(PRODUCTION, PAYMENTS, Some(&tokens.access), "GET", "/transfers").await;
    assert_eq!((transfers.status, &transfers.json()["caller"]["subject"]), (200, &json!(subject)));
    let asked = server.forward_auth(PRODUCTION, PAYMENTS, Some(&tokens.access), "GET", "/me").await;
    assert_eq!(asked.status, 200, "{}", asked.text);

    let url = format!("{}/userinfo", server.issuer(PRODUCTION));
    let userinfo = server.get(&url, Some(&tokens.access)).await;
    assert_eq!(userinfo.status, 200, "{}", userinfo.text);
    let who = userinfo.json();
    assert_eq!((&who["sub"], &who["email"]), (&json!(subject), &json!(person.email)));
    assert_eq!((&who["email_verified"], &who["name"]), (&json!(true), &json!("Demo User")));

    let refreshed = Tokens::of(&server.refresh(PRODUCTION, PAYMENTS, &tokens.refresh).await);
    assert!(refreshed.access != tokens.access && refreshed.refresh != tokens.refresh, "both are new");
    let me = server.call(PRODUCTION, PAYMENTS, Some(&refreshed.access), "GET", "/me").await;
    assert_eq!((me.status, &me.json()["caller"]["subject"]), (200, &json!(subject)));

    // The next time nobody is asked for anything.
    let next = Pkce::new_one();
    browser.visit(&server.authorize_url(PRODUCTION, PAYMENTS, &next, &[])).await;
    assert_eq!(browser.must_reply().get("error"), "");
    Tokens::of(&server.redeem(PRODUCTION, PAYMENTS, &browser.must_reply().code(), &next).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_flow_works_in_the_sandbox_at_another_api_and_shares_no_session() {
    let server = Server::start().await;
    let person = server.person("tenant_admin");
    let (mut browser, _) = at_login(&server).await;
    server.type_password(&mut browser, &person).await;
    server.agree(&mut browser).await;
    let pkce = Pkce::new_one();
    browser.visit(&server.authorize_url("sandbox", "assets", &pkce, &[])).await;
    assert_eq!(browser.page().path(), "/sandbox/login", "a session of another environment signs nobody in");
    server.type_password(&mut browser, &person).await;
    let code = server.agree(&mut browser).await;
    let answer = server.redeem("sandbox", "assets", &code, &pkce).await;
    let tokens = Tokens::of(&answer);
    assert_eq!(answer.json()["expires_in"], 48 * 3600);
    assert_eq!(tokens.refresh, "", "no refresh at this API");
    let me = server.call("sandbox", "assets", Some(&tokens.access), "GET", "/me").await;
    assert_eq!((me.status, &me.json()["caller"]["environment"]), (200, &json!("sandbox")));
    let keys = server.call("sandbox", "assets", Some(&tokens.access), "GET", "/keys/self").await;
    assert_eq!((keys.status, &keys.json()["sent"]), (403, &json!("user")));
    let elsewhere = server.call(PRODUCTION, "assets", Some(&tokens.access), "GET", "/me").await;
    assert_eq!(elsewhere.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ways_of_client_authentication_redeem_a_code() {
    let server = Server::start().await;
    let (mut browser, pkce) = at_login(&server).await;
    server.type_password(&mut browser, &server.person("end_user")).await;
    let code = server.agree(&mut browser).await;
    let client = server.client_with(PRODUCTION, PAYMENTS, "authorization_code");
    let mut form = reqwest::Url::parse("http://form.test/").unwrap();
    form.query_pairs_mut().extend_pairs([
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", &server.redirect_uri(PRODUCTION, PAYMENTS)),
        ("code_verifier", &pkce.verifier),
        ("client_id", &client.id),
        ("client_secret", &client.secret),
    ]);
    let url = server.token_endpoint(PRODUCTION, PAYMENTS);
    let tokens = Tokens::of(&server.post(&url, None, form.query().unwrap()).await);
    // What was had by the body is refreshed by the header.
    Tokens::of(&server.refresh(PRODUCTION, PAYMENTS, &tokens.refresh).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_travels_as_a_form_if_the_app_asks_for_one() {
    let server = Server::start().await;
    let (mut browser, pkce) = (Browser::new(&server), Pkce::new_one());
    let url = server.authorize_url(PRODUCTION, PAYMENTS, &pkce, &[("response_mode", "form_post")]);
    browser.visit(&url).await;
    server.type_password(&mut browser, &server.person("end_user")).await;
    browser.submit("consent-approve").await;
    let policy = browser.page().headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains(&format!("form-action 'self' http://{}", server.address())), "{policy}");
    browser.submit("form-post-continue").await;
    let reply = browser.must_reply();
    assert_eq!(reply.redirect_uri, server.redirect_uri(PRODUCTION, PAYMENTS));
    assert_eq!(reply.get("state"), "state of the app");
    Tokens::of(&server.redeem(PRODUCTION, PAYMENTS, &reply.code(), &pkce).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_form_that_another_site_sends_signs_nobody_in() {
    let server = Server::start().await;
    let person = server.person("end_user");
    let (mut browser, _) = at_login(&server).await;
    browser.comes_from(Site::Foreign);
    server.type_password(&mut browser, &person).await;
    assert_eq!((browser.page().status, browser.page().has("error-text")), (400, true));
    assert_eq!(session(&browser), None);
    // Without the headers of a browser, the proof in the form is what counts.
    browser.comes_from(Site::Own);
    browser.post("/login", &[("email", &person.email), ("password", &person.password)]).await;
    assert_eq!((browser.page().status, browser.page().has("error-text")), (403, true));
    assert_eq!(session(&browser), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_up_by_mail_reads_the_terms_allows_the_app_and_gets_in() {
    let server = Server::start().await;
    let (mut browser, pkce) = (Browser::new(&server), Pkce::new_one());
    let person = Person::new_one();
    let url = server.authorize_url(PRODUCTION, PAYMENTS, &pkce, &[]);
    server.sign_up(&mut browser, &url, &person).await;
    assert_eq!(browser.page().path(), "/terms", "the terms come before anything else");
    assert_eq!(session(&browser), None, "and before anybody is signed in");
    let page = browser.page();
    assert_eq!(page.ids("terms-accept-"), ["terms-accept-data-protection", "terms-accept-terms"]);
    assert_eq!(page.text_of("terms-title-terms"), "Terms of use");
    assert!(page.text().contains("This is a demonstration"), "in full");
    let code = server.agree(&mut browser).await;
    assert!(session(&browser).is_some());
    let tokens = Tokens::of(&server.redeem(PRODUCTION, PAYMENTS, &code, &pkce).await);
    let me = server.call(PRODUCTION, PAYMENTS, Some(&tokens.access), "GET", "/me").await;
    assert_eq!(me.status, 200, "{}", me.text);

    // The account is one like others, and what was accepted is not asked for again.
    let (mut elsewhere, pkce) = at_login(&server).await;
    server.type_password(&mut elsewhere, &person).await;
    assert!(elsewhere.reply().is_some(), "neither terms nor consent: {}", elsewhere.page().text());
    Tokens::of(&server.redeem(PRODUCTION, PAYMENTS, &elsewhere.must_reply().code(), &pkce).await);
    // The link works once.
    let link = server.mail_to(&person.email).await.link();
    Browser::new(&server).visit(&link).await;
    let mut again = Browser::new(&server);
    again.visit(&link).await;
    assert_eq!((again.page().status, again.page().has("error-text")), (400, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terms_are_shown_in_the_language_that_the_app_asks_for() {
    let server = Server::start().await;
    let (mut browser, pkce) = (Browser::new(&server), Pkce::new_one());
    let url = server.authorize_url(PRODUCTION, PAYMENTS, &pkce, &[("ui_locales", "de-AT en")]);
    server.sign_up(&mut browser, &url, &Person::new_one()).await;
    assert_eq!(browser.page().text_of("terms-title-terms"), "Nutzungsbedingungen");
    assert_eq!(browser.page().attribute("terms-title-terms", "lang"), Some("de"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_of_a_sign_up_asks_for_the_password_in_another_browser() {
    let server = Server::start().await;
    let (mut first, pkce) = (Browser::new(&server), Pkce::new_one());
    let person = Person::new_one();
    let url = server.authorize_url(PRODUCTION, PAYMENTS, &pkce, &[]);
    server.begin_sign_up(&mut first, &url, &person).await;
    let link = server.mail_to(&person.email).await.link();
    let mut other = Browser::new(&server);
    other.visit(&link).await;
    assert!(other.page().has("login-password"), "whoever has the link alone has nothing");
    other.fill("login-password", "another password of mine");
    other.submit("login-submit").await;
    assert_eq!((other.page().status, other.page().has("login-password")), (400, true));
    other.fill("login-password", &person.password);
    other.submit("login-submit").await;
    assert!(other.page().has("terms-submit"), "{}", other.page().text());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_declines_the_terms_is_not_signed_in_and_the_app_hears_of_it() {
    let server = Server::start().await;
    let (mut browser, pkce) = (Browser::new(&server), Pkce::new_one());
    let person = Person::new_one();
    let url = server.authorize_url(PRODUCTION, PAYMENTS, &pkce, &[]);
    server.sign_up(&mut browser, &url, &person).await;
    browser.submit("terms-decline").await;
    let reply = browser.must_reply();
    assert_eq!((reply.get("error"), reply.get("code")), ("access_denied", ""));
    assert!(!reply.get("error_description").is_empty());
    assert_eq!((reply.get("state"), reply.get("iss")), ("state of the app", &*server.issuer(PRODUCTION)));
    assert_eq!(session(&browser), None);
    browser.visit("/login/done").await;
    assert_eq!(browser.page().path(), "/login", "nobody is signed in");

    // Terms that were not accepted stay open: at the next sign-in, and for the password grant.
    let (mut next, _) = at_login(&server).await;
    server.type_password(&mut next, &person).await;
    assert_eq!(next.page().path(), "/terms");
    let refused = by_password(&server, &person).await;
    assert_eq!((refused.status, refused.error()), (400, "invalid_grant".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_that_are_sent_without_a_tick_are_shown_again() {
    let server = Server::start().await;
    let (mut browser, pkce) = (Browser::new(&server), Pkce::new_one());
    let url = server.authorize_url(PRODUCTION, PAYMENTS, &pkce, &[]);
    server.sign_up(&mut browser, &url, &Person::new_one()).await;
    browser.tick("terms-accept-terms");
    browser.submit_unchecked("terms-submit").await;
    assert_eq!((browser.page().status, browser.page().path()), (400, "/terms"));
    assert!(!browser.page().text_of("notice").is_empty());
    assert_eq!(session(&browser), None);
    server.agree(&mut browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_allows_nothing_sends_the_app_away_and_stays_signed_in() {
    let server = Server::start().await;
    let (mut browser, pkce) = at_login(&server).await;
    server.type_password(&mut browser, &server.person("end_user")).await;
    browser.submit("consent-deny").await;
    let reply = browser.must_reply();
    assert_eq!((reply.get("error"), reply.get("code")), ("access_denied", ""));
    assert_eq!((reply.get("state"), reply.get("iss")), ("state of the app", &*server.issuer(PRODUCTION)));
    // A no is not remembered as a yes.
    browser.visit(&server.authorize_url(PRODUCTION, PAYMENTS, &pkce, &[])).await;
    assert_eq!(browser.page().path(), "/consent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_was_not_ticked_is_not_granted() {
    let server = Server::start().await;
    let (mut browser, pkce) = at_login(&server).await;
    server.type_password(&mut browser, &server.person("end_user")).await;
    browser.untick("consent-scope-payments:write");
    browser.untick("consent-scope-email");
    browser.submit("consent-approve").await;
    let code = browser.must_reply().code();
    let answer = server.redeem(PRODUCTION, PAYMENTS, &code, &pkce).await;
    let tokens = Tokens::of(&answer);
    let granted = answer.json()["scope"].as_str().expect("less than asked for is told").to_owned();
    let granted: Vec<&str> = granted.split(' ').collect();
    assert!(granted.contains(&"payments:read") && granted.contains(&"profile"), "{granted:?}");
    assert!(!granted.contains(&"payments:write") && !granted.contains(&"email"), "{granted:?}");
    let written = server.call(PRODUCTION, PAYMENTS, Some(&tokens.access), "POST", "/transfers").await;
    assert_eq!((written.status, written.error()), (403, "insufficient_scope".to_owned()));
    let who = server.get(&format!("{}/userinfo", server.issuer(PRODUCTION)), Some(&tokens.access)).await;
    assert_eq!((&who.json()["name"], &who.json()["email"]), (&json!("Demo User"), &json!(null)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_shows_the_page_again_with_the_address_and_without_the_password() {
    let server = Server::start().await;
    let person = server.person("end_user");
    let (mut browser, pkce) = at_login(&server).await;
    let mut told = Vec::new();
    for wrong in [
        Person { password: "not the right one".to_owned(), ..person.clone() },
        Person { email: "nobody@people.example".to_owned(), ..person.clone() },
        Person { email: "no address".to_owned(), ..person.clone() },
    ] {
        server.type_password(&mut browser, &wrong).await;
        let page = browser.page();
        assert_eq!((page.status, page.path()), (400, "/login"), "{}", wrong.email);
        for id in ["login-email", "login-password", "login-submit", "login-signup", "notice"] {
            assert!(page.has(id), "{id}");
        }
        assert_eq!(page.attribute("login-email", "value"), Some(wrong.email.as_str()));
        assert_eq!(page.attribute("login-password", "value"), None);
        assert!(!page.html.contains(&wrong.password));
        assert_eq!(session(&browser), None);
        told.push(browser.page().text_of("notice").to_owned());
    }
    assert!(told.iter().all(|notice| *notice == told[0] && !notice.is_empty()), "{told:?}");
    server.type_password(&mut browser, &person).await;
    let code = server.agree(&mut browser).await;
    Tokens::of(&server.redeem(PRODUCTION, PAYMENTS, &code, &pkce).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_labels_and_descriptions_of_every_page_on_the_way_belong_to_something() {
    let server = Server::start().await;
    let pkce = Pkce::new_one();
    let mut browser = Browser::new(&server);
    let dangling = |browser: &Browser| {
        let page = browser.page();
        assert_eq!(page.dangling_ids(), Vec::<String>::new(), "{}", page.path());
    };
    browser.visit(&server.authorize_url(PRODUCTION, PAYMENTS, &pkce, &[])).await;
    dangling(&browser);
    browser.follow("login-signup").await;
    dangling(&browser);
    server
        .sign_up(&mut browser, &server.authorize_url(PRODUCTION, PAYMENTS, &pkce, &[]), &Person::new_one())
        .await;
    dangling(&browser);
    for id in browser.page().ids("terms-accept-") {
        browser.tick(&id);
    }
    browser.submit("terms-submit").await;
    dangling(&browser);
}

async fn by_password(server: &Server, person: &Person) -> Answer {
    let client = server.client_with(PRODUCTION, PAYMENTS, "password");
    let fields = [
        ("grant_type", "password"),
        ("username", person.email.as_str()),
        ("password", person.password.as_str()),
        ("scope", "openid payments:read"),
    ];
    server.token_request(PRODUCTION, PAYMENTS, &client, &fields).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_grant_works_at_once_for_the_demo_s_users_and_its_tokens_refresh() {
    let server = Server::start().await;
    for role in ["end_user", "tenant_admin"] {
        let tokens = Tokens::of(&by_password(&server, &server.person(role)).await);
        let me = server.call(PRODUCTION, PAYMENTS, Some(&tokens.access), "GET", "/me").await;
        assert_eq!((me.status, &me.json()["caller"]["credential_kind"]), (200, &json!("user")), "{role}");
        let client = server.client_with(PRODUCTION, PAYMENTS, "password");
        let fields = [("grant_type", "refresh_token"), ("refresh_token", &*tokens.refresh)];
        let refreshed = Tokens::of(&server.token_request(PRODUCTION, PAYMENTS, &client, &fields).await);
        assert!(refreshed.refresh != tokens.refresh);
    }
    let wrong = Person { password: "not the right one".to_owned(), ..server.person("end_user") };
    let refused = by_password(&server, &wrong).await;
    assert_eq!((refused.status, refused.error()), (400, "invalid_grant".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_session_also_for_whoever_kept_the_cookie() {
    let server = Server::start().await;
    let (mut browser, pkce) = at_login(&server).await;
    server.type_password(&mut browser, &server.person("end_user")).await;
    server.agree(&mut browser).await;
    let kept = session(&browser).expect("a session").to_owned();
    browser.visit("/logout").await;
    assert_eq!(browser.page().text_of("signed-in-email"), server.person("end_user").email);
    assert_eq!(session(&browser), Some(&*kept), "a link alone signs nobody out");
    browser.submit("logout-submit").await;
    assert_eq!((browser.page().path(), session(&browser)), ("/login", None));
    let url = server.authorize_url(PRODUCTION, PAYMENTS, &pkce, &[]);
    browser.visit(&url).await;
    assert_eq!(browser.page().path(), "/login", "the password is asked for again");
    browser.put_cookie("__Host-grt_production", &kept);
    browser.visit(&url).await;
    assert_eq!(browser.page().path(), "/login", "the session is over, not only the cookie");
    let silent = server.authorize_url(PRODUCTION, PAYMENTS, &pkce, &[("prompt", "none")]);
    browser.visit(&silent).await;
    assert_eq!(browser.must_reply().get("error"), "login_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_shows_the_same_passwords_and_keeps_who_is_signed_in() {
    let server = Server::start().await;
    let person = server.person("end_user");
    let (mut browser, _) = at_login(&server).await;
    server.type_password(&mut browser, &person).await;
    server.agree(&mut browser).await;
    let server = server.restart().await;
    assert!(server.person("end_user").password == person.password, "the same password is shown");
    let pkce = Pkce::new_one();
    browser.visit(&server.authorize_url(PRODUCTION, PAYMENTS, &pkce, &[])).await;
    Tokens::of(&server.redeem(PRODUCTION, PAYMENTS, &browser.must_reply().code(), &pkce).await);
    let (mut fresh, _) = at_login(&server).await;
    server.type_password(&mut fresh, &person).await;
    server.agree(&mut fresh).await;
}
