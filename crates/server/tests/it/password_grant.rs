//! RFC 6749 4.3, for old apps only: never a way around what a sign-in asks for, and off unless profile and app have it on.
//! And F11: whoever is suspended gets nothing by any grant.

use grantor_testkit::{Answer, Browser, Client, Person, Pkce, Server, Tokens};
use serde_json::{Value, json};

use crate::code_flow::{App, PRODUCTION, end_user, form};
use crate::refresh_token::switch;
use crate::rfc6749_token::refused;

const ALIVE: [bool; 3] = [true; 3];
const DEAD: [bool; 3] = [false; 3];

/// The demo's app with the grant.
fn legacy(server: &Server) -> Client {
    server.client_with(PRODUCTION, "payments", "password")
}

async fn ask(server: &Server, client: &Client, person: &Person, more: &[(&str, &str)]) -> Answer {
    let fields = [("grant_type", "password"), ("username", &*person.email), ("password", &*person.password)];
    server.token_request(PRODUCTION, "payments", client, &[&fields[..], more].concat()).await
}

fn wrong(person: &Person) -> Person {
    Person { password: "not the right one".to_owned(), ..person.clone() }
}

fn path_of(person: &Person) -> String {
    format!("/environments/production/users/{}", person.email)
}

fn without_id(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json();
    body["request_id"] = Value::Null;
    (answer.status, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn its_tokens_are_those_of_the_user_and_open_what_a_user_opens() {
    let server = Server::start().await;
    let (client, person) = (legacy(&server), end_user(&server));
    let answer = ask(&server, &client, &person, &[("scope", "openid email payments:read")]).await;
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    let tokens = Tokens::of(&answer);
    assert_eq!(answer.json()["scope"], "email openid payments:read", "what was granted is told");
    assert_eq!(
        (&answer.json()["token_type"], &answer.json()["expires_in"]),
        (&json!("Bearer"), &json!(3600))
    );
    assert_eq!(server.verdicts(PRODUCTION, "payments", &tokens.access, "/me").await, ALIVE);
    let userinfo = server.get(&format!("{}/userinfo", server.issuer(PRODUCTION)), Some(&tokens.access)).await;
    assert_eq!((userinfo.status, &userinfo.json()["email"]), (200, &json!(person.email)));
    let subject = Server::claims(&tokens.access)["sub"].clone();
    assert_eq!((&userinfo.json()["sub"], &Server::claims(&tokens.id)["sub"]), (&subject, &subject));
    assert_eq!(Server::claims(&tokens.id)["aud"], client.id);
    // The same person by the code grant has the same subject.
    assert_eq!(Server::claims(&server.user_token(PRODUCTION, "payments").await.access)["sub"], subject);
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_are_never_more_than_app_access_and_api_allow() {
    let server = Server::start().await;
    let (client, person) = (legacy(&server), end_user(&server));
    let all = ask(&server, &client, &person, &[]).await;
    assert_eq!(all.json()["scope"], "payments:read payments:write", "left out means all that is allowed");
    assert_eq!(all.json()["id_token"], Value::Null, "nobody asked who it is");
    let less = Tokens::of(&ask(&server, &client, &person, &[("scope", "payments:read")]).await);
    let written = server.call(PRODUCTION, "payments", Some(&less.access), "POST", "/transfers").await;
    assert_eq!((written.status, written.error().as_str()), (403, "insufficient_scope"));
    for scope in ["admin", "payments:read rates:read", "prod.teosapi", "payments:read accounts:read"] {
        let answer = ask(&server, &client, &person, &[("scope", scope)]).await;
        refused(&answer, 400, "invalid_scope");
    }
    let elsewhere = server.api(PRODUCTION, "banking")["audience"].as_str().expect("an audience").to_owned();
    refused(&ask(&server, &client, &person, &[("resource", &elsewhere)]).await, 400, "invalid_target");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_grant_is_off_no_password_is_looked_at() {
    let server = Server::start().await;
    let person = end_user(&server);
    let filled = server.node().passwords.kibibytes_filled();
    // An app without the grant, at an API that has it.
    for client in [server.client(PRODUCTION, "payments"), App::of_payments(&server).client] {
        for person in [person.clone(), wrong(&person)] {
            refused(&ask(&server, &client, &person, &[]).await, 400, "unauthorized_client");
        }
    }
    // An API without it.
    for (api, environment) in [("assets", PRODUCTION), ("deals", PRODUCTION), ("channel", "sandbox")] {
        let client = server.client(environment, api);
        let fields =
            [("grant_type", "password"), ("username", &*person.email), ("password", &*person.password)];
        let answer = server.token_request(environment, api, &client, &fields).await;
        refused(&answer, 400, "unsupported_grant_type");
    }
    // An app that does not prove who it is.
    for secret in ["wrong", ""] {
        let client = Client { secret: secret.to_owned(), ..legacy(&server) };
        refused(&ask(&server, &client, &person, &[]).await, 401, "invalid_client");
    }
    let fields = [
        ("grant_type", "password"),
        ("username", &*person.email),
        ("password", &*person.password),
        ("client_id", &*legacy(&server).id),
    ];
    let answer = server.post(&server.token_endpoint(PRODUCTION, "payments"), None, &form(&fields)).await;
    refused(&answer, 401, "invalid_client");
    assert_eq!(server.node().passwords.kibibytes_filled(), filled);
    // Nobody gets it by leaving a line out: a new app of the same API does not have it.
    let plain = server.new_app(PRODUCTION, json!({ "tenant": "acme", "apis": ["payments"] })).await;
    refused(&ask(&server, &plain, &person, &[]).await, 400, "unauthorized_client");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_name_or_password_or_with_two_is_refused() {
    let server = Server::start().await;
    let (client, person) = (legacy(&server), end_user(&server));
    let name = ("username", person.email.as_str());
    let password = ("password", person.password.as_str());
    for fields in
        [vec![], vec![name], vec![password], vec![name, password, password], vec![name, name, password]]
    {
        let fields = [vec![("grant_type", "password")], fields].concat();
        let answer = server.token_request(PRODUCTION, "payments", &client, &fields).await;
        refused(&answer, 400, "invalid_request");
    }
    // In the address a password stands in every log on the way.
    let url = format!("{}?{}", server.token_endpoint(PRODUCTION, "payments"), form(&[name, password]));
    let login = grantor_testkit::basic(&client.id, &client.secret);
    let answer = server.post(&url, Some(&login), "grant_type=password").await;
    refused(&answer, 400, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_wrong_suspended_and_locked_out_look_alike_and_cost_the_same() {
    let server = Server::start().await;
    let (client, person) = (legacy(&server), end_user(&server));
    let suspended = Person::new_one();
    let body = json!({ "email": suspended.email, "password": suspended.password, "email_verified": true });
    assert_eq!(server.admin("POST", "/environments/production/users", body).await.status, 201);
    switch(&server, &path_of(&suspended), "suspend").await;
    let nobody = Person { email: "nobody@people.test".to_owned(), ..person.clone() };
    let no_address = Person { email: "no address".to_owned(), ..person.clone() };
    let mut answers = Vec::new();
    for attempt in [&wrong(&person), &nobody, &no_address, &suspended, &wrong(&suspended)] {
        let before = server.node().passwords.kibibytes_filled();
        let answer = ask(&server, &client, attempt, &[]).await;
        refused(&answer, 400, "invalid_grant");
        answers.push((without_id(&answer), server.node().passwords.kibibytes_filled() - before));
    }
    // Locked out: the right password is refused like a wrong one.
    for _ in 0..5 {
        refused(&ask(&server, &client, &wrong(&person), &[]).await, 400, "invalid_grant");
    }
    let before = server.node().passwords.kibibytes_filled();
    let locked = ask(&server, &client, &person, &[]).await;
    answers.push((without_id(&locked), server.node().passwords.kibibytes_filled() - before));
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert!(answers[0].1 > 0, "a password costs work");
}

#[tokio::test(flavor = "multi_thread")]
async fn f11_a_suspended_user_gets_nothing_by_any_grant() {
    let server = Server::start().await;
    let (client, person) = (legacy(&server), end_user(&server));
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    let by_code = app.tokens(&server, &mut browser, &[]).await;
    let by_password = Tokens::of(&ask(&server, &client, &person, &[("scope", "openid payments:read")]).await);
    let waiting = app.code(&server, &mut browser, &[]).await;
    // A sign-in that stands on the consent page.
    let mut on_its_way = Browser::new(&server);
    on_its_way.visit(&app.url(&server, &Pkce::new_one(), &[("prompt", "consent")])).await;
    server.type_password(&mut on_its_way, &person).await;
    assert_eq!(on_its_way.page().path(), "/consent");
    switch(&server, &path_of(&person), "suspend").await;

    let userinfo = format!("{}/userinfo", server.issuer(PRODUCTION));
    for token in [&by_code.access, &by_password.access] {
        assert_eq!(server.verdicts(PRODUCTION, "payments", token, "/transfers").await, DEAD);
        assert_eq!(server.get(&userinfo, Some(token)).await.status, 401);
    }
    refused(&app.redeem(&server, &waiting).await, 400, "invalid_grant");
    refused(&app.refresh(&server, &by_code.refresh).await, 400, "invalid_grant");
    let fields = [("grant_type", "refresh_token"), ("refresh_token", &*by_password.refresh)];
    let refresh = server.token_request(PRODUCTION, "payments", &client, &fields).await;
    refused(&refresh, 400, "invalid_grant");
    refused(&ask(&server, &client, &person, &[]).await, 400, "invalid_grant");
    // The pages: neither the page that waits, nor the session, nor the password.
    on_its_way.submit("consent-approve").await;
    assert!(on_its_way.reply().is_none_or(|reply| reply.get("code").is_empty()));
    browser.visit(&app.url(&server, &Pkce::new_one(), &[("prompt", "none")])).await;
    assert_eq!(browser.must_reply().get("error"), "login_required");
    let mut fresh = Browser::new(&server);
    fresh.visit(&app.url(&server, &Pkce::new_one(), &[])).await;
    server.type_password(&mut fresh, &person).await;
    assert_eq!((fresh.page().status, fresh.page().path()), (400, "/login"));
    // Somebody else is not concerned.
    let other = server.person("tenant_admin");
    assert_eq!(ask(&server, &client, &other, &[]).await.status, 200);

    switch(&server, &path_of(&person), "resume").await;
    assert_eq!(ask(&server, &client, &person, &[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_app_tenant_or_access_signs_nobody_in_by_password() {
    let server = Server::start().await;
    let (client, person) = (legacy(&server), end_user(&server));
    for (path, status, error) in [
        ("/environments/production/apps/acme-payments-legacy", 401, "invalid_client"),
        ("/tenants/acme", 401, "invalid_client"),
        ("/environments/production/accesses/acme/payments", 400, "access_denied"),
    ] {
        let tokens = Tokens::of(&ask(&server, &client, &person, &[]).await);
        switch(&server, path, "suspend").await;
        refused(&ask(&server, &client, &person, &[]).await, status, error);
        assert_eq!(server.verdicts(PRODUCTION, "payments", &tokens.access, "/transfers").await, DEAD);
        switch(&server, path, "resume").await;
        assert_eq!(ask(&server, &client, &person, &[]).await.status, 200, "{path}");
    }
}
