//! Users by the admin API: made, found, listed, given passwords and memberships, and what they allowed taken back.

use std::collections::BTreeSet;

use grantor_core::decision::{AuditEvent, Write};
use grantor_core::env::UnixMillis;
use grantor_core::grant::Consent;
use grantor_core::scope::{Scope, ScopeSet};
use grantor_server::node::Actor;
use grantor_testkit::{Answer, Server, Tokens};
use serde_json::{Value, json};

const USERS: &str = "/environments/production/users";

async fn post(server: &Server, path: &str, body: Value) -> Answer {
    server.admin("POST", path, body).await
}

async fn get(server: &Server, path: &str) -> Answer {
    server.admin("GET", path, json!({})).await
}

/// A user of the environment `production` with this password.
async fn new_user(server: &Server, email: &str, password: &str) {
    let made = post(server, USERS, json!({ "email": email, "password": password })).await;
    assert_eq!(made.status, 201, "{}", made.text);
}

/// A sign-in with a password, at an app that still asks for it itself.
async fn sign_in(server: &Server, email: &str, password: &str) -> Answer {
    let app = server.client_with("production", "payments", "password");
    let fields = [("grant_type", "password"), ("username", email), ("password", password)];
    server.token_request("production", "payments", &app, &fields).await
}

async fn refresh(server: &Server, token: &str) -> Answer {
    let app = server.client_with("production", "payments", "password");
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
    server.token_request("production", "payments", &app, &fields).await
}

async fn is_active(server: &Server, token: &str) -> bool {
    server.introspect("production", "payments", token).await.json()["active"] == true
}

fn assert_refused(answer: &Answer, status: u16, words: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(words), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_shown_whole_by_id_and_by_address_in_any_letters() {
    let server = Server::start().await;
    let body = json!({ "email": "Ann@People.test", "name": " Ann ", "email_verified": true });
    let made = post(&server, USERS, body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let user = made.json();
    let members: BTreeSet<&str> = user.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "created_at",
        "email",
        "email_verified_at",
        "environment",
        "epoch",
        "has_password",
        "id",
        "name",
        "status",
        "updated_at",
    ];
    assert_eq!(members, BTreeSet::from(expected));
    assert_eq!(
        (&user["email"], &user["name"], &user["status"], &user["has_password"]),
        (&json!("Ann@People.test"), &json!("Ann"), &json!("active"), &json!(false))
    );
    assert!(user["email_verified_at"].is_string());

    let id = user["id"].as_str().unwrap();
    let by_id = get(&server, &format!("{USERS}/{id}")).await;
    assert_eq!(by_id.status, 200);
    assert_eq!(by_id.json()["memberships"], json!([]));
    assert_eq!(get(&server, &format!("{USERS}/aNN@people.TEST")).await.json(), by_id.json());
    for unknown in ["bob@people.test", "usr_00000000000000000000000000000000", "nonsense"] {
        assert_refused(&get(&server, &format!("{USERS}/{unknown}")).await, 404, "no such user");
    }
    let elsewhere = get(&server, &format!("/environments/sandbox/users/{id}")).await;
    assert_refused(&elsewhere, 404, "no such user");

    let plain = post(&server, USERS, json!({ "email": "carl@people.test" })).await.json();
    assert_eq!((&plain["email_verified_at"], &plain["name"]), (&Value::Null, &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_taken_once_in_an_environment_and_the_refusal_says_so() {
    let server = Server::start().await;
    new_user(&server, "ann@people.test", "violet harbour seven").await;
    let again = post(&server, USERS, json!({ "email": "ANN@people.test" })).await;
    assert_refused(&again, 409, "a user with this address");
    let sandbox = post(&server, "/environments/sandbox/users", json!({ "email": "ann@people.test" })).await;
    assert_eq!(sandbox.status, 201, "{}", sandbox.text);
    assert_refused(&post(&server, USERS, json!({ "email": "no address" })).await, 400, "one @");
    let named = json!({ "email": "b@people.test", "name": "a\nb" });
    assert_refused(&post(&server, USERS, named).await, 422, "control characters");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_judged_never_shown_and_made_ones_are_shown_once() {
    let server = Server::start().await;
    let user = |password: Value| json!({ "email": "ann@people.test", "password": password });
    assert_refused(&post(&server, USERS, user(json!("short"))).await, 422, "at least 12 characters");
    assert_refused(&post(&server, USERS, user(json!("Password123!"))).await, 422, "guessed");
    assert_refused(&post(&server, USERS, user(json!("i am ann@people.test"))).await, 422, "e-mail address");
    let both =
        json!({ "email": "ann@people.test", "password": "violet harbour seven", "generate_password": true });
    assert_refused(&post(&server, USERS, both).await, 400, "not both");

    let made = post(&server, USERS, user(json!("violet harbour seven"))).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.json()["has_password"], true);
    assert!(made.json().get("password").is_none() && !made.text.contains("violet"));

    let path = format!("{USERS}/ann@people.test/password");
    assert_refused(&server.admin("PUT", &path, json!({})).await, 400, "generate_password");
    let short = server.admin("PUT", &path, json!({ "password": "short" })).await;
    assert_refused(&short, 422, "at least 12 characters");
    let set = server.admin("PUT", &path, json!({ "generate_password": true })).await;
    assert_eq!(set.status, 200, "{}", set.text);
    let shown = set.json()["password"].as_str().unwrap().to_owned();
    assert_eq!(shown.len(), 29);
    for path in ["", "/ann@people.test"] {
        let text = get(&server, &format!("{USERS}{path}")).await.text;
        assert!(!text.contains(&shown) && !text.contains("$argon2"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c08_a_new_password_opens_and_the_old_one_and_all_that_came_of_it_do_not() {
    let server = Server::start().await;
    let person = server.person("end_user");
    let tokens = Tokens::of(&sign_in(&server, &person.email, &person.password).await);
    let path = format!("{USERS}/{}/password", person.email);
    let set = server.admin("PUT", &path, json!({ "password": "violet harbour seven" })).await;
    assert_eq!(set.status, 200, "{}", set.text);
    assert_eq!(sign_in(&server, &person.email, &person.password).await.error(), "invalid_grant");
    assert_eq!(sign_in(&server, &person.email, "violet harbour seven").await.status, 200);
    let told = server.mail_to(&person.email).await;
    assert!(
        told.subject.contains("password") && !told.text.contains("violet"),
        "{} {}",
        told.subject,
        told.text
    );
    assert!(!is_active(&server, &tokens.access).await, "whoever knew the old password keeps nothing");
    assert_eq!(refresh(&server, &tokens.refresh).await.error(), "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn suspending_ends_the_tokens_that_a_user_has_and_resuming_brings_none_of_them_back() {
    let server = Server::start().await;
    let person = server.person("end_user");
    let tokens = Tokens::of(&sign_in(&server, &person.email, &person.password).await);
    let user = format!("{USERS}/{}", person.email);
    let epoch = get(&server, &user).await.json()["epoch"].as_i64().unwrap();
    let suspended = post(&server, &format!("{user}/suspend"), json!({})).await;
    assert_eq!(
        (suspended.status, suspended.json()["status"].clone(), suspended.json()["epoch"].clone()),
        (200, json!("suspended"), json!(epoch + 1))
    );
    assert!(!is_active(&server, &tokens.access).await);
    assert_eq!(sign_in(&server, &person.email, &person.password).await.error(), "invalid_grant");
    let again = post(&server, &format!("{user}/suspend"), json!({})).await;
    assert_eq!((again.status, again.json()["epoch"].clone()), (200, json!(epoch + 1)), "twice is once");
    let resumed = post(&server, &format!("{user}/resume"), json!({})).await;
    assert_eq!((resumed.status, resumed.json()["status"].clone()), (200, json!("active")));
    assert!(!is_active(&server, &tokens.access).await);
    assert_eq!(sign_in(&server, &person.email, &person.password).await.status, 200);
    assert_eq!(refresh(&server, &tokens.refresh).await.status, 200, "what was suspended goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_listed_in_pages_in_order_of_their_addresses() {
    let server = Server::start().await;
    let users: String = (0..250)
        .map(|n| format!("[[user]]\nemail = \"P{n:03}@people.test\"\nenvironments = [\"sandbox\"]\n"))
        .collect();
    let applied = server.apply(&users).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    let (mut seen, mut page) = (Vec::new(), "limit=200".to_owned());
    loop {
        let page_of = get(&server, &format!("/environments/sandbox/users?{page}")).await.json();
        let emails = page_of["items"].as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap());
        seen.extend(emails.map(str::to_owned));
        match page_of["next"].as_str() {
            Some(next) => page = format!("limit=200&cursor={next}"),
            None => break,
        }
    }
    let ours: Vec<_> = seen.iter().filter(|email| email.starts_with('P')).collect();
    assert_eq!(ours.len(), 250);
    let mut sorted = seen.clone();
    sorted.sort_by_key(|email| email.to_lowercase());
    sorted.dedup();
    assert_eq!(seen, sorted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_membership_is_put_shown_changed_and_removed() {
    let server = Server::start().await;
    new_user(&server, "ann@people.test", "violet harbour seven").await;
    let path = format!("{USERS}/ann@people.test/memberships/acme");
    assert_refused(&get(&server, &path).await, 404, "no member");
    assert_refused(&server.admin("DELETE", &path, json!({})).await, 404, "no member");
    assert_refused(&server.admin("PUT", &path, json!({ "roles": [] })).await, 422, "at least one role");
    assert_eq!(server.admin("PUT", &path, json!({ "roles": ["root"] })).await.status, 400);
    let unknown = format!("{USERS}/ann@people.test/memberships/nobody");
    assert_refused(
        &server.admin("PUT", &unknown, json!({ "roles": ["owner"] })).await,
        404,
        "no such tenant",
    );

    let put = server.admin("PUT", &path, json!({ "roles": ["viewer", "admin", "viewer"] })).await;
    let expected = json!({ "tenant": "acme", "roles": ["admin", "viewer"] });
    assert_eq!((put.status, put.json()), (200, expected.clone()), "each role once, in order");
    assert_eq!(get(&server, &path).await.json(), expected);
    assert_eq!(
        get(&server, &format!("{USERS}/ann@people.test")).await.json()["memberships"],
        json!([expected])
    );
    let members = async || {
        let list = get(&server, &format!("{USERS}?tenant=acme")).await.json();
        let items = list["items"].as_array().unwrap().clone();
        items.iter().any(|user| user["email"] == "ann@people.test")
    };
    assert!(members().await);
    let put = server.admin("PUT", &path, json!({ "roles": ["owner"] })).await;
    assert_eq!(put.json()["roles"], json!(["owner"]));
    assert_eq!(server.admin("DELETE", &path, json!({})).await.status, 204);
    assert_refused(&get(&server, &path).await, 404, "no member");
    assert!(!members().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_a_tenant_takes_no_grant_for_it_along() {
    let server = Server::start().await;
    let person = server.person("tenant_admin");
    let tokens = Tokens::of(&sign_in(&server, &person.email, &person.password).await);
    assert!(is_active(&server, &tokens.access).await);
    let path = format!("{USERS}/{}/memberships/acme", person.email);
    assert_eq!(server.admin("DELETE", &path, json!({})).await.status, 204);
    assert!(!is_active(&server, &tokens.access).await);
    assert_eq!(refresh(&server, &tokens.refresh).await.error(), "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_is_listed_and_ended_with_its_tokens_and_no_other() {
    let server = Server::start().await;
    let person = server.person("end_user");
    let first = Tokens::of(&sign_in(&server, &person.email, &person.password).await);
    server.clock().pass(1);
    let second = Tokens::of(&sign_in(&server, &person.email, &person.password).await);
    let grants = format!("{USERS}/{}/grants", person.email);
    let list = get(&server, &grants).await.json();
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{list}");
    let newest = &items[0];
    assert_eq!(
        (&newest["tenant"], &newest["api"], &newest["origin"], &newest["state"], &newest["ended_reason"]),
        (&json!("acme"), &json!("payments"), &json!("password"), &json!("active"), &Value::Null)
    );
    assert_eq!(newest["client_id"], server.client_with("production", "payments", "password").id);
    let path = format!("{grants}/{}", newest["id"].as_str().unwrap());
    let foreign = format!("{USERS}/admin@acme.example/grants/{}", newest["id"].as_str().unwrap());
    assert_refused(&server.admin("DELETE", &foreign, json!({})).await, 404, "no such Grant");
    assert_eq!(server.admin("DELETE", &path, json!({})).await.status, 204);
    assert_eq!(server.admin("DELETE", &path, json!({})).await.status, 204, "twice is once");
    assert!(!is_active(&server, &second.access).await);
    assert_eq!(refresh(&server, &second.refresh).await.error(), "invalid_grant");
    assert!(is_active(&server, &first.access).await);
    assert_eq!(get(&server, &grants).await.json()["items"][0]["ended_reason"], "by_operator");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_is_listed_and_withdrawn_with_everything_that_came_of_it() {
    let server = Server::start().await;
    let person = server.person("end_user");
    let tokens = Tokens::of(&sign_in(&server, &person.email, &person.password).await);
    // As a sign-in in a browser would leave it behind.
    let node = server.node();
    let catalogue = node.catalogue_full();
    let environment = catalogue.environment("production").unwrap().environment.id;
    let user = node.store.user_by_email(environment, &person.email).await.unwrap().unwrap();
    let client = server.client_with("production", "payments", "password");
    let app = node.store.app(environment, &client.id.parse().unwrap()).await.unwrap().unwrap();
    let consent = Consent {
        user: user.id,
        app: app.id,
        tenant: app.tenant,
        scopes: ScopeSet::from(vec![Scope::parse("payments:read").unwrap()]),
        granted_at: UnixMillis(0),
    };
    let event = AuditEvent::new("consent.give", "a test");
    node.commit(&Actor::system(), vec![Write::PutConsent(consent)], vec![event]).await.unwrap();

    let consents = format!("{USERS}/{}/consents", person.email);
    let expected = json!([{
        "client_id": client.id, "tenant": "acme", "scopes": ["payments:read"], "granted_at": "1970-01-01T00:00:00Z"
    }]);
    assert_eq!(get(&server, &consents).await.json()["items"], expected);
    let nobody = server.admin("DELETE", &format!("{consents}/nobody"), json!({})).await;
    assert_refused(&nobody, 404, "no such app");
    let other = format!("{consents}/acme-payments");
    assert_eq!(server.admin("DELETE", &other, json!({})).await.status, 204, "nothing there is nothing wrong");
    assert!(is_active(&server, &tokens.access).await);
    let withdrawn = server.admin("DELETE", &format!("{consents}/{}", client.id), json!({})).await;
    assert_eq!(withdrawn.status, 204, "{}", withdrawn.text);
    assert_eq!(get(&server, &consents).await.json()["items"], json!([]));
    assert!(!is_active(&server, &tokens.access).await);
    assert_eq!(refresh(&server, &tokens.refresh).await.error(), "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_takes_and_shows_what_it_says_of_itself_and_a_change_replaces_it() {
    let server = Server::start().await;
    let apps = "/environments/production/apps";
    let portal = |metadata: Value| json!({ "tenant": "acme", "client_id": "portal", "metadata": metadata });
    let made = post(
        &server,
        apps,
        portal(json!({ "redirect_uris": ["https://a.example/cb"], "subject_type": "pairwise", "default_max_age": 60 })),
    )
    .await;
    assert_eq!(made.status, 201, "{}", made.text);
    let app = made.json();
    assert_eq!(app["grants"], json!(["authorization_code", "refresh_token"]), "an app that only signs in");
    assert_eq!(app["metadata"]["redirect_uris"], json!(["https://a.example/cb"]));
    assert_eq!(app["metadata"]["subject_type"], "pairwise");
    assert_eq!(app["metadata"]["id_token_signed_response_alg"], "RS256");
    assert!(app["client_secret"].is_string());

    let path = format!("{apps}/portal");
    let put = server.admin("PUT", &path, portal(json!({ "redirect_uris": ["https://b.example/cb"] }))).await;
    assert_eq!(put.status, 200, "{}", put.text);
    let metadata = &put.json()["metadata"];
    assert_eq!(metadata["redirect_uris"], json!(["https://b.example/cb"]));
    assert_eq!((&metadata["subject_type"], metadata.get("default_max_age")), (&json!("public"), None));
    assert_eq!(put.json()["secrets"].as_array().unwrap().len(), 1, "its secret stays");
    assert_eq!(get(&server, &path).await.json()["metadata"], *metadata);

    let refused = [
        (json!({ "redirect_uris": ["https://b.example/cb#x"] }), 400),
        (json!({ "redirect_uris": ["javascript:alert(1)"] }), 400),
        (json!({ "redirect_uris": ["https://b.example/cb"], "logo_uri": "http://b.example/l" }), 400),
        (json!({ "redirect_uris": ["https://b.example/cb"], "id_token_signed_response_alg": "PS256" }), 422),
        (json!({}), 422),
    ];
    for (metadata, status) in refused {
        let answer = server.admin("PUT", &path, portal(metadata.clone())).await;
        assert_eq!(answer.status, status, "{metadata}: {}", answer.text);
    }
    let moved = json!({ "tenant": "provider", "metadata": { "redirect_uris": ["https://b.example/cb"] } });
    assert_refused(&server.admin("PUT", &path, moved).await, 422, "keeps its tenant");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_warns_of_apps_without_pkce_and_of_a_shared_origin() {
    let server = Server::start().await;
    let warnings = async |name: &str| {
        let checks = get(&server, "/doctor").await.json()["checks"].clone();
        let found: Vec<String> = checks
            .as_array()
            .unwrap()
            .iter()
            .filter(|check| check["level"] == "warn" && check["name"] == name)
            .map(|check| check["text"].as_str().unwrap().to_owned())
            .collect();
        found
    };
    assert_eq!(warnings("pkce").await, Vec::<String>::new());
    let body = json!({
        "tenant": "acme", "client_id": "lax",
        "metadata": { "redirect_uris": ["https://a.example/cb"], "require_pkce": false },
    });
    server.new_app("sandbox", body).await;
    let told = warnings("pkce").await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("sandbox") && told[0].contains("lax"), "{told:?}");
    assert!(warnings("issuer").await.iter().any(|text| text.contains("cookies")));
    assert!(warnings("password_grant").await.iter().any(|text| text.contains("RFC 9700")));
    assert_eq!(warnings("mail").await, Vec::<String>::new(), "the demo writes its mails to a folder");
}
