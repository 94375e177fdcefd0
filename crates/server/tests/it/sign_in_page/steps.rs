//! The way from the first page to the answer is walked step by step (G04, G16): nothing is skipped, sent empty, repeated or
//! gone back over.

use grantor_testkit::{Browser, Person, Server, Tokens};

use crate::code_flow::PRODUCTION;
use crate::forms::{
    Hidden, SESSION, at_login, at_once, cookie, cookies, get, leads_nowhere, new_user, request, set_cookies,
    signed_in, who, wrong,
};

/// Every page that takes a form, with something in it that its button would send.
const STEPS: [(&str, &[(&str, &str)]); 7] = [
    ("/login", &[("email", "user@people.example"), ("password", "")]),
    ("/login/account", &[("decision", "continue")]),
    ("/login/tenant", &[("tenant", "00000000-0000-0000-0000-000000000001")]),
    ("/terms", &[("decision", "accept")]),
    ("/consent", &[("decision", "approve"), ("scope", "openid")]),
    ("/signup", &[("email", "a@people.test"), ("password", "nine green bicycles")]),
    ("/logout", &[]),
];

#[tokio::test(flavor = "multi_thread")]
async fn g04_a_form_with_nothing_in_it_passes_no_step() {
    let server = Server::start().await;
    let browser = at_login(&server).await;
    let hidden = Hidden::of(browser.page());
    let empty = Hidden { fields: Vec::new(), ..hidden.clone() };
    for (path, fields) in STEPS {
        leads_nowhere(&empty.clone().to(path).send(&server, &cookies(&browser)).await, 403);
        // What was made for the sign-in page is good for no other.
        let mut form =
            fields.iter().fold(hidden.clone().to(path), |form, (name, value)| form.with(name, value));
        if path != "/login" {
            leads_nowhere(&form.send(&server, &cookies(&browser)).await, 403);
        }
        form.fields.retain(|(name, _)| name != "i");
        leads_nowhere(&form.send(&server, &cookies(&browser)).await, 403);
    }
    let silent = hidden.clone().send(&server, &cookies(&browser)).await;
    leads_nowhere(&silent, 400);
    assert!(silent.text.contains("id=\"login-password\""), "no address and no password: shown again");
}

#[tokio::test(flavor = "multi_thread")]
async fn g04_no_page_is_reached_before_the_steps_in_front_of_it() {
    let server = Server::start().await;
    let mut browser = at_login(&server).await;
    let handle = Hidden::of(browser.page()).get("i").to_owned();
    for page in ["/consent", "/terms", "/login/account", "/login/tenant"] {
        browser.visit(&format!("{page}?i={handle}")).await;
        assert_eq!((browser.page().path(), cookie(&browser, SESSION)), ("/login", ""), "{page}");
    }
    // Signed in, with documents to accept: the consent waits behind them.
    let person = Person::new_one();
    let url = request(&server, &[]);
    server.sign_up(&mut browser, &url, &person).await;
    assert_eq!(browser.page().path(), "/terms");
    let handle = Hidden::of(browser.page()).get("i").to_owned();
    for page in ["/consent", "/login", "/signup", "/login/account", "/login/tenant", "/terms"] {
        browser.visit(&format!("{page}?i={handle}")).await;
        assert_eq!((browser.page().path(), cookie(&browser, SESSION)), ("/terms", ""), "{page}");
    }
    browser.visit("/login/done").await;
    assert_eq!(browser.page().path(), "/login", "no session before the documents");
    // Beginning again passes nothing either.
    let mut again = at_login(&server).await;
    server.type_password(&mut again, &person).await;
    assert_eq!((again.page().path(), cookie(&again, SESSION)), ("/terms", ""));
    again.visit(&request(&server, &[])).await;
    assert_eq!(again.page().path(), "/login", "whoever leaves in the middle begins at the beginning");
}

#[tokio::test(flavor = "multi_thread")]
async fn g04_the_other_ways_of_the_first_pages_lead_past_no_step() {
    let server = Server::start().await;
    let (end_user, admin) = (server.person("end_user"), server.person("tenant_admin"));
    // "Use another account" asks for a password, also after a return to the page.
    let mut browser = signed_in(&server, &end_user).await;
    browser.visit(&request(&server, &[("prompt", "select_account")])).await;
    assert_eq!(browser.page().path(), "/login/account");
    let handle = Hidden::of(browser.page()).get("i").to_owned();
    let chosen = Hidden::of(browser.page()).with("decision", "continue");
    browser.submit("account-other").await;
    assert_eq!(browser.page().path(), "/login");
    for page in ["/login/account", "/consent", "/login"] {
        browser.visit(&format!("{page}?i={handle}")).await;
        assert_eq!(browser.page().path(), "/login", "{page}");
    }
    // The form of before, sent late, is for a step that is over.
    let late = chosen.send(&server, &cookies(&browser)).await;
    assert!(late.header("location").starts_with("/login?i="), "{} {:?}", late.status, late.headers);
    server.type_password(&mut browser, &admin).await;
    assert_eq!(browser.page().path(), "/consent");
    assert_eq!(browser.page().text_of("consent-email"), admin.email);
}

#[tokio::test(flavor = "multi_thread")]
async fn g04_the_back_button_repeats_nothing_and_undoes_nothing() {
    let server = Server::start().await;
    let person = server.person("end_user");
    let mut browser = at_login(&server).await;
    let (handle, login) = (Hidden::of(browser.page()).get("i").to_owned(), Hidden::of(browser.page()));
    server.type_password(&mut browser, &person).await;
    assert_eq!(browser.page().path(), "/consent");
    let consent = Hidden::of(browser.page()).with("decision", "approve").and("scope", "openid");
    browser.visit(&format!("/login?i={handle}")).await;
    assert_eq!(browser.page().path(), "/consent", "back at the sign-in page: it is over");
    // The sign-in form of before, with another user's right password.
    let before = cookie(&browser, SESSION).to_owned();
    let again = login.typed(&server.person("tenant_admin")).send(&server, &cookies(&browser)).await;
    assert!(set_cookies(&again).is_empty(), "{:?}", again.headers);
    assert_eq!(cookie(&browser, SESSION), before);
    assert_eq!(who(&mut browser).await, person.email);

    browser.visit(&format!("/consent?i={handle}")).await;
    browser.submit("consent-approve").await;
    assert!(!browser.must_reply().code().is_empty());
    // Back at the consent page, and its form once more: the request has been answered.
    leads_nowhere(&consent.send(&server, &cookies(&browser)).await, 400);
    for page in ["/consent", "/login", "/terms"] {
        let path = format!("{page}?i={handle}");
        leads_nowhere(&get(&server, &path, &cookies(&browser), &[]).await, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g04_a_form_that_is_sent_twice_at_once_gives_one_code() {
    let server = Server::start().await;
    for _ in 0..3 {
        let person = new_user(&server, Some("nine green bicycles")).await;
        let mut browser = at_login(&server).await;
        server.type_password(&mut browser, &person).await;
        assert_eq!(browser.page().path(), "/consent");
        let form = Hidden::of(browser.page()).with("decision", "approve").and("scope", "payments:read");
        let cookies = cookies(&browser);
        let mut statuses = at_once((0..8).map(|_| form.request(&server, &cookies, &[])).collect()).await;
        statuses.sort_unstable();
        assert_eq!(statuses[0], 303, "{statuses:?}");
        assert!(statuses[1..].iter().all(|status| [400, 409].contains(status)), "{statuses:?}");
        let path = format!("/environments/{PRODUCTION}/users/{}/grants", person.email);
        let grants = server.admin("GET", &path, serde_json::Value::Null).await.json();
        assert_eq!(grants["items"].as_array().unwrap().len(), 1, "{grants}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_takes_half_an_hour_is_over() {
    let server = Server::start().await;
    let person = server.person("end_user");
    let mut browser = at_login(&server).await;
    let path = format!("/login?i={}", Hidden::of(browser.page()).get("i"));
    server.clock().pass(30 * 60 - 5);
    browser.visit(&path).await;
    assert_eq!((browser.page().status, browser.page().path()), (200, "/login"));
    let form = Hidden::of(browser.page()).typed(&person);
    server.clock().pass(5);
    leads_nowhere(&form.send(&server, &cookies(&browser)).await, 400);
    let shown = get(&server, &path, &cookies(&browser), &[]).await;
    leads_nowhere(&shown, 400);
    assert!(shown.text.contains("Go back to the app and start again"), "{}", shown.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn g16_whoever_breaks_a_new_sign_in_off_stays_who_they_were() {
    let server = Server::start().await;
    let (victim, stranger) = (server.person("end_user"), server.person("tenant_admin"));
    let mut browser = signed_in(&server, &victim).await;
    let before = cookie(&browser, SESSION).to_owned();
    let forced = request(&server, &[("prompt", "login"), ("login_hint", &stranger.email)]);

    // Left at the page; a wrong password; the right one of somebody who does not accept the terms.
    browser.visit(&forced).await;
    assert_eq!(browser.page().path(), "/login");
    assert_eq!(browser.page().attribute("login-email", "value"), Some(&*stranger.email));
    assert_eq!(who(&mut browser).await, victim.email);
    browser.visit(&forced).await;
    server.type_password(&mut browser, &wrong(&stranger)).await;
    assert_eq!(browser.page().status, 400);
    assert_eq!(who(&mut browser).await, victim.email);
    let newcomer = Person::new_one();
    server.sign_up(&mut Browser::new(&server), &request(&server, &[]), &newcomer).await;
    browser.visit(&forced).await;
    server.type_password(&mut browser, &newcomer).await;
    assert_eq!(browser.page().path(), "/terms");
    assert_eq!(who(&mut browser).await, victim.email, "a newcomer in the middle is not signed in");
    browser.visit(&forced).await;
    server.type_password(&mut browser, &newcomer).await;
    browser.submit("terms-decline").await;
    assert_eq!(browser.must_reply().get("error"), "access_denied");
    assert_eq!(who(&mut browser).await, victim.email);
    assert_eq!(cookie(&browser, SESSION), before, "and the session is the one of before");

    // What an app gets afterwards is about the victim, and was authenticated when they were.
    let pkce = grantor_testkit::Pkce::new_one();
    let url = server.authorize_url(PRODUCTION, "payments", &pkce, &[]);
    let code = server.sign_in(&mut browser, &url, &victim).await;
    let tokens = Tokens::of(&server.redeem(PRODUCTION, "payments", &code, &pkce).await);
    assert_eq!(Server::claims(&tokens.id)["email"].as_str().unwrap_or(&victim.email), victim.email);
    let info = server.get(&format!("{}/userinfo", server.issuer(PRODUCTION)), Some(&tokens.access)).await;
    assert_eq!(info.json()["email"], victim.email.as_str());
}
