//! Terms and data-protection policy: shown in their current versions, accepted by each user for each tenant, before there is
//! a code, a token or a session (S002-17 to S002-19, H06).

use grantor_testkit::{Answer, Browser, Person, Pkce, Server, Tokens};
use serde_json::{Value, json};

use crate::code_flow::{App, CALLBACK, PRODUCTION, end_user};

/// The documents of the demo.
const BOTH: [&str; 2] = ["data-protection", "terms"];
const SESSION: &str = "__Host-grt_production";

/// Publishes a version of a document of the provider: its text says which one it is. `more` may hold `grace` and
/// `effective_at`.
pub(crate) async fn publish(server: &Server, kind: &str, more: Value) {
    let list = server.admin("GET", "/documents", Value::Null).await.json();
    let mut documents = list["items"].as_array().expect("documents").iter();
    let found = documents.find(|document| document["kind"] == kind && document["tenant"].is_null());
    let found = found.expect("a document of the provider");
    let number = found["versions"].as_array().expect("versions").len() + 1;
    let mut body = more;
    body["texts"]["en"] = json!({
        "title": format!("{kind} in version {number}"),
        "body": format!("The text of {kind} in version {number}."),
        "changes": format!("What {kind} changed in version {number}."),
    });
    let path = format!("/documents/{}/versions", found["id"].as_str().expect("an id"));
    let answer = server.admin("POST", &path, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// Another partner that may use `payments` and `assets`, and its app for users.
async fn neighbour(server: &Server, api: &str, client_id: &str) -> App {
    let manifest = format!(
        "[[tenant]]\nname = \"neighbour\"\n[[access]]\ntenant = \"neighbour\"\n\
         apis = [\"payments\", \"assets\"]\nenvironments = [\"production\"]\nquota = \"unlimited\"\n{}",
        grantor_testkit::SIGNED
    );
    assert_eq!(server.apply(&manifest).await.status, 200);
    App::of_api(server, api, json!({ "client_id": client_id, "tenant": "neighbour" })).await
}

/// The page asks for exactly these documents.
fn asks_for(browser: &Browser, kinds: &[&str]) {
    let page = browser.page();
    assert_eq!((page.status, page.path()), (200, "/terms"), "{}", page.text());
    let expected: Vec<String> = kinds.iter().map(|kind| format!("terms-accept-{kind}")).collect();
    assert_eq!(page.ids("terms-accept-"), expected);
}

async fn accept(browser: &mut Browser) {
    for id in browser.page().ids("terms-accept-") {
        browser.tick(&id);
    }
    browser.submit("terms-submit").await;
}

/// An authorization request in a browser, with the password if it is asked for.
async fn arrive(server: &Server, browser: &mut Browser, url: &str, person: &Person) {
    browser.visit(url).await;
    if browser.reply().is_none() && browser.page().has("login-submit") {
        server.type_password(browser, person).await;
    }
}

async fn of_user(server: &Server, person: &Person, what: &str) -> Vec<Value> {
    let path = format!("/environments/production/users/{}/{what}", person.email);
    let list = server.admin("GET", &path, Value::Null).await.json();
    list["items"].as_array().expect("items").clone()
}

/// The sign-in of a user has left nothing that opens anything.
async fn nothing_came_of_it(server: &Server, browser: &mut Browser, person: &Person) {
    assert!(browser.cookie(SESSION).is_none(), "no session");
    assert_eq!(of_user(server, person, "grants").await, Vec::<Value>::new(), "no code, no token");
    browser.visit("/login/done").await;
    assert_eq!(browser.page().path(), "/login", "nobody is signed in");
}

async fn by_password(server: &Server, person: &Person) -> Answer {
    let client = server.client_with(PRODUCTION, "payments", "password");
    let fields = [("grant_type", "password"), ("username", &*person.email), ("password", &*person.password)];
    server.token_request(PRODUCTION, "payments", &client, &fields).await
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_17_sign_up_a_new_tenant_and_changed_terms_show_the_form_with_the_current_versions() {
    let server = Server::start().await;
    publish(&server, "terms", json!({})).await;
    let shows_current = |browser: &Browser, policy: usize| {
        asks_for(browser, &BOTH);
        let text = browser.page().text().to_owned();
        assert!(text.contains("The text of terms in version 2."), "{text}");
        assert!(!text.contains("The text of terms in version 3."));
        let version = format!("The text of data-protection in version {policy}.");
        assert_eq!(text.contains(&version), policy > 1, "{text}");
    };
    // Sign-up.
    let (mut browser, pkce) = (Browser::new(&server), Pkce::new_one());
    let person = Person::new_one();
    let url = server.authorize_url(PRODUCTION, "assets", &pkce, &[]);
    server.sign_up(&mut browser, &url, &person).await;
    shows_current(&browser, 1);
    accept(&mut browser).await;
    let code = server.agree(&mut browser).await;
    Tokens::of(&server.redeem(PRODUCTION, "assets", &code, &pkce).await);

    // Sign-in to a new tenant, by somebody who is signed in.
    let other = neighbour(&server, "assets", "neighbour-web").await.asking_for("openid prod.teosapi");
    browser.visit(&other.url(&server, &Pkce::new_one(), &[])).await;
    shows_current(&browser, 1);
    accept(&mut browser).await;
    let code = server.agree(&mut browser).await;
    assert!(!code.is_empty());

    // After both have changed; in a browser that is signed in, and in one that is not.
    publish(&server, "data-protection", json!({})).await;
    let url = server.authorize_url(PRODUCTION, "assets", &Pkce::new_one(), &[]);
    browser.visit(&url).await;
    asks_for(&browser, &["data-protection"]);
    let changes = browser.page().text_of("terms-changes-data-protection");
    assert!(changes.contains("What data-protection changed in version 2."), "{changes}");
    let mut fresh = Browser::new(&server);
    let somebody = Person::new_one();
    server.sign_up(&mut fresh, &url, &somebody).await;
    shows_current(&fresh, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_18_without_accepting_both_a_sign_up_does_not_complete() {
    let server = Server::start().await;
    for decline in [false, true] {
        let (mut browser, person) = (Browser::new(&server), Person::new_one());
        let url = server.authorize_url(PRODUCTION, "payments", &Pkce::new_one(), &[]);
        server.sign_up(&mut browser, &url, &person).await;
        asks_for(&browser, &BOTH);
        if decline {
            browser.submit("terms-decline").await;
            let reply = browser.must_reply();
            assert_eq!((reply.get("error"), reply.get("code")), ("access_denied", ""));
        } else {
            for only in BOTH {
                browser.tick(&format!("terms-accept-{only}"));
                browser.submit_unchecked("terms-submit").await;
                assert_eq!((browser.page().status, browser.page().path()), (400, "/terms"), "{only} alone");
            }
        }
        nothing_came_of_it(&server, &mut browser, &person).await;
        assert_eq!(of_user(&server, &person, "acceptances").await, Vec::<Value>::new());
        // The password is right, and opens nothing either.
        let refused = by_password(&server, &person).await;
        assert_eq!((refused.status, refused.error().as_str()), (400, "invalid_grant"));
        let mut next = Browser::new(&server);
        arrive(&server, &mut next, &url, &person).await;
        asks_for(&next, &BOTH);
        nothing_came_of_it(&server, &mut next, &person).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_18_without_accepting_both_a_login_does_not_complete() {
    let server = Server::start().await;
    let person = Person::new_one();
    let body = json!({ "email": person.email, "password": person.password, "email_verified": true });
    let made = server.admin("POST", "/environments/production/users", body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let url = server.authorize_url(PRODUCTION, "assets", &Pkce::new_one(), &[]);
    for only in [&[][..], &BOTH[..1], &BOTH[1..]] {
        let mut browser = Browser::new(&server);
        arrive(&server, &mut browser, &url, &person).await;
        asks_for(&browser, &BOTH);
        only.iter().for_each(|kind| browser.tick(&format!("terms-accept-{kind}")));
        browser.submit_unchecked("terms-submit").await;
        assert_eq!((browser.page().status, browser.page().path()), (400, "/terms"), "{only:?}");
        assert!(!browser.page().text_of("notice").is_empty(), "and it is said why");
        nothing_came_of_it(&server, &mut browser, &person).await;
    }
    let mut browser = Browser::new(&server);
    arrive(&server, &mut browser, &url, &person).await;
    browser.submit("terms-decline").await;
    let reply = browser.must_reply().clone();
    assert_eq!((reply.get("error"), reply.get("code")), ("access_denied", ""));
    assert!(reply.get("error_description").contains("did not accept"), "{reply:?}");
    nothing_came_of_it(&server, &mut browser, &person).await;
    // Whoever comes back may change their mind.
    arrive(&server, &mut browser, &url, &person).await;
    accept(&mut browser).await;
    assert!(!server.agree(&mut browser).await.is_empty());
    assert!(browser.cookie(SESSION).is_some());
}

/// No page behind the form, no stale or made-up value, and no silent request leads around it.
#[tokio::test(flavor = "multi_thread")]
async fn s002_18_no_way_leads_around_the_form() {
    let server = Server::start().await;
    let person = end_user(&server);
    let app = App::of_payments(&server);
    let stale = {
        let mut before = Browser::new(&server);
        let url = app.url(&server, &Pkce::new_one(), &[]);
        server.sign_up(&mut before, &url, &Person::new_one()).await;
        ["terms", "data-protection"].map(|kind| {
            let id = format!("terms-accept-{kind}");
            before.page().attribute(&id, "value").expect("a value").to_owned()
        })
    };
    publish(&server, "terms", json!({})).await;
    publish(&server, "data-protection", json!({})).await;
    let mut browser = Browser::new(&server);
    arrive(&server, &mut browser, &app.url(&server, &Pkce::new_one(), &[]), &person).await;
    asks_for(&browser, &BOTH);
    let handle = browser.page().url.query().expect("a handle").to_owned();
    let hidden: Vec<(String, String)> = hidden_fields(&browser);
    let hidden: Vec<(&str, &str)> =
        hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for page in ["/consent", "/tenant", "/account", "/login"] {
        browser.visit(&format!("{page}?{handle}")).await;
        assert!(browser.reply().is_none() && !browser.page().has("consent-approve"), "{page}");
        let approve =
            [&hidden[..], &[("decision", "approve"), ("scope", "openid"), ("scope", "payments:read")]];
        browser.post(&format!("{page}?{handle}"), &approve.concat()).await;
        assert!(browser.reply().is_none() && !browser.page().has("consent-approve"), "{page}");
        assert!(browser.cookie(SESSION).is_none(), "{page}");
    }
    // The versions that were in force before, the same one twice, and a hash of one's own.
    let made_up = stale.clone().map(|value| value.replacen(":1:", ":2:", 1));
    for values in [stale, made_up] {
        browser.visit(&format!("/terms?{handle}")).await;
        let accepted = values.each_ref().map(|value| ("accept", value.as_str()));
        let form = [&hidden[..], &accepted[..], &[("decision", "accept")]].concat();
        browser.post(&format!("/terms?{handle}"), &form).await;
        assert_eq!((browser.page().status, browser.page().path()), (400, "/terms"), "{values:?}");
    }
    browser.visit(&format!("/terms?{handle}")).await;
    let current = browser.page().attribute("terms-accept-terms", "value").expect("a value").to_owned();
    let twice =
        [&hidden[..], &[("accept", &*current), ("accept", &*current), ("decision", "accept")]].concat();
    browser.post(&format!("/terms?{handle}"), &twice).await;
    assert_eq!((browser.page().status, browser.page().path()), (400, "/terms"));
    assert!(browser.cookie(SESSION).is_none());
    assert_eq!(of_user(&server, &person, "grants").await, Vec::<Value>::new());
    let refused = by_password(&server, &person).await;
    assert_eq!((refused.status, refused.error().as_str()), (400, "invalid_grant"));
    let told = refused.json()["error_description"].as_str().expect("a description").to_owned();
    assert!(told.contains("sign in through the browser"), "{told}");
}

/// What a form of the page sends without anybody's doing.
fn hidden_fields(browser: &Browser) -> Vec<(String, String)> {
    let html = &browser.page().html;
    let inputs = html.split("<input ").skip(1).filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag));
    let value = |tag: &str, name: &str| {
        let (_, rest) = tag.split_once(&format!("{name}=\""))?;
        Some(rest.split('"').next().unwrap_or("").to_owned())
    };
    let hidden = inputs.filter(|tag| tag.contains("type=\"hidden\""));
    hidden.filter_map(|tag| value(tag, "name").zip(value(tag, "value"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_19_acceptance_is_per_user_tenant_document_and_version() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let other = neighbour(&server, "payments", "neighbour-web").await;
    let (ann, bob) = (Person::new_one(), Person::new_one());
    let url = |app: &App| app.url(&server, &Pkce::new_one(), &[]);

    // Per user: what Ann accepts, Bob is asked for.
    let mut of_ann = Browser::new(&server);
    server.sign_up(&mut of_ann, &url(&app), &ann).await;
    asks_for(&of_ann, &BOTH);
    server.agree(&mut of_ann).await;
    let mut of_bob = Browser::new(&server);
    server.sign_up(&mut of_bob, &url(&app), &bob).await;
    asks_for(&of_bob, &BOTH);
    server.agree(&mut of_bob).await;
    of_ann.visit(&url(&app)).await;
    assert!(of_ann.reply().is_some(), "once is enough");

    // Per tenant: the app of another one asks Ann again, and only Ann's acceptance counts there.
    of_ann.visit(&url(&other)).await;
    asks_for(&of_ann, &BOTH);
    server.agree(&mut of_ann).await;
    assert!(of_ann.must_reply().redirect_uri == CALLBACK);
    of_bob.visit(&url(&other)).await;
    asks_for(&of_bob, &BOTH);

    // Per document and version: a new version of one asks for that one, at the next sign-in and in a living session.
    publish(&server, "terms", json!({})).await;
    let mut fresh = Browser::new(&server);
    arrive(&server, &mut fresh, &url(&app), &ann).await;
    asks_for(&fresh, &["terms"]);
    assert!(fresh.page().text_of("terms-changes-terms").contains("What terms changed in version 2."));
    assert!(fresh.cookie(SESSION).is_none());
    of_ann.visit(&app.url(&server, &Pkce::new_one(), &[("prompt", "none")])).await;
    assert_eq!(of_ann.must_reply().get("error"), "interaction_required");
    of_ann.visit(&url(&app)).await;
    asks_for(&of_ann, &["terms"]);
    server.agree(&mut of_ann).await;
    for app in [&app, &other] {
        fresh.visit(&url(app)).await;
        if fresh.page().has("login-submit") {
            server.type_password(&mut fresh, &ann).await;
        }
        if fresh.reply().is_none() {
            asks_for(&fresh, &["terms"]);
            assert!(std::ptr::eq(app, &other), "for this tenant it was accepted");
            server.agree(&mut fresh).await;
        }
    }

    // All of it is on record: who, for whom, what, which, and the hash of what was shown.
    let record = of_user(&server, &ann, "acceptances").await;
    let mut told: Vec<_> = record
        .iter()
        .map(|row| {
            assert_eq!(row["sha256"].as_str().map(str::len), Some(64));
            assert!(row["accepted_at"].is_string() && row["address"] == "127.0.0.1", "{row}");
            let text = |name: &str| row[name].as_str().expect("text").to_owned();
            (text("tenant"), text("document"), row["version"].as_i64().expect("a number"))
        })
        .collect();
    told.sort();
    let row = |tenant: &str, document: &str, version: i64| (tenant.to_owned(), document.to_owned(), version);
    let mut expected = Vec::new();
    for tenant in ["acme", "neighbour"] {
        expected.extend([
            row(tenant, "data-protection", 1),
            row(tenant, "terms", 1),
            row(tenant, "terms", 2),
        ]);
    }
    assert_eq!(told, expected);
    assert_eq!(of_user(&server, &bob, "acceptances").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn s002_19_a_version_is_asked_for_from_the_moment_at_which_it_takes_effect() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let person = end_user(&server);
    let mut browser = Browser::new(&server);
    app.code(&server, &mut browser, &[]).await;
    let now = jiff::Timestamp::from_millisecond(server.node().now().0).expect("a time");
    let effective_at = now.checked_add(jiff::SignedDuration::from_hours(48)).expect("a time").to_string();
    publish(&server, "terms", json!({ "effective_at": effective_at })).await;
    let url = app.url(&server, &Pkce::new_one(), &[]);
    browser.visit(&url).await;
    assert!(browser.reply().is_some(), "announced is not in force");
    server.clock().pass(47 * 3_600);
    let mut fresh = Browser::new(&server);
    arrive(&server, &mut fresh, &url, &person).await;
    assert!(fresh.reply().is_some());
    server.clock().pass(3_600);
    let mut fresh = Browser::new(&server);
    arrive(&server, &mut fresh, &url, &person).await;
    asks_for(&fresh, &["terms"]);
    // A restart forgets neither the version nor what was accepted of it.
    server.agree(&mut fresh).await;
    let server = server.restart().await;
    let mut fresh = Browser::new(&server);
    arrive(&server, &mut fresh, &url, &person).await;
    assert!(fresh.reply().is_some(), "at {}", fresh.page().path());
}

#[tokio::test(flavor = "multi_thread")]
async fn h06_new_terms_are_not_covered_by_what_was_accepted_and_refusing_them_ends_with_access_denied() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let person = end_user(&server);
    let mut signed_in = Browser::new(&server);
    let tokens = app.tokens(&server, &mut signed_in, &[]).await;
    let accepted = of_user(&server, &person, "acceptances").await;
    publish(&server, "terms", json!({})).await;
    for browser in [&mut signed_in, &mut Browser::new(&server)] {
        arrive(&server, browser, &app.url(&server, &Pkce::new_one(), &[]), &person).await;
        asks_for(browser, &["terms"]);
        browser.submit("terms-decline").await;
        let reply = browser.must_reply();
        assert_eq!((reply.get("error"), reply.get("code")), ("access_denied", ""));
        assert_eq!(reply.get("iss"), server.issuer(PRODUCTION));
        // Refusing is no acceptance: the next request asks again, and no refresh goes on.
        arrive(&server, browser, &app.url(&server, &Pkce::new_one(), &[]), &person).await;
        asks_for(browser, &["terms"]);
    }
    let refused = app.refresh(&server, &tokens.refresh).await;
    assert_eq!((refused.status, refused.error().as_str()), (400, "invalid_grant"));
    assert_eq!(
        of_user(&server, &person, "acceptances").await,
        accepted,
        "what was accepted before, and no more"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn h06_new_scopes_are_not_covered_by_an_old_consent_and_refusing_them_ends_with_access_denied() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    app.code(&server, &mut browser, &[("scope", "openid payments:read")]).await;
    let wider = [("scope", "openid payments:read payments:write")];
    let url = |more: &[(&str, &str)]| app.url(&server, &Pkce::new_one(), &[&wider[..], more].concat());
    browser.visit(&url(&[("prompt", "none")])).await;
    assert_eq!(browser.must_reply().get("error"), "consent_required");
    browser.visit(&url(&[])).await;
    assert_eq!(browser.page().path(), "/consent");
    assert!(browser.page().has("consent-scope-payments:write"));
    browser.submit("consent-deny").await;
    let reply = browser.must_reply();
    assert_eq!((reply.get("error"), reply.get("code")), ("access_denied", ""));
    // The old consent is what it was: no more, no less.
    browser.visit(&url(&[("prompt", "none")])).await;
    assert_eq!(browser.must_reply().get("error"), "consent_required");
    browser.visit(&app.url(&server, &Pkce::new_one(), &[("scope", "openid payments:read")])).await;
    assert!(browser.reply().is_some_and(|reply| !reply.get("code").is_empty()));
    // Once allowed, the wider request goes through, and what the token then holds is what was allowed.
    let tokens = app.tokens(&server, &mut browser, &wider).await;
    assert_eq!(Server::claims(&tokens.access)["scope"], "openid payments:read payments:write");
}
