//! RFC 6749 3.3 and 4.4, RFC 8707: which scopes and which API a token is for, and which grants exist.

use grantor_testkit::{Answer, Client, Server, basic};
use serde_json::{Value, json};

use super::{GRANT, refused, state};

async fn ask(server: &Server, client: &Client, more: &str) -> Answer {
    let url = server.token_endpoint("production", "payments");
    server.post(&url, Some(&basic(&client.id, &client.secret)), &format!("{GRANT}{more}")).await
}

fn audience(server: &Server, api: &str) -> String {
    let text = server.api("production", api)["audience"].as_str().expect("text");
    text.replace(':', "%3A").replace('/', "%2F")
}

/// An app that calls three APIs.
async fn broad(server: &Server) -> Client {
    let app = json!({ "tenant": "acme", "client_id": "broad", "apis": ["payments", "deals", "banking"] });
    server.new_app("production", app).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scope_all_that_is_allowed_is_granted_and_a_narrower_wish_is_kept() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    for (more, told, granted) in [
        ("", Value::Null, "payments:read payments:write"),
        ("&scope=payments%3Aread", Value::Null, "payments:read"),
        // 3.3: the order does not matter, so it is no difference worth telling.
        (
            "&scope=payments%3Awrite+payments%3Aread+payments%3Aread",
            Value::Null,
            "payments:read payments:write",
        ),
    ] {
        let answer = ask(&server, &client, more).await;
        assert_eq!(answer.status, 200, "{more}");
        let body = answer.json();
        assert_eq!(body["scope"], told, "{more}");
        let token = body["access_token"].as_str().expect("a token");
        let seen = server.introspect("production", "payments", token).await;
        assert_eq!(seen.json()["scope"], granted, "{more}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_names_the_scope_where_it_differs_from_the_wish() {
    let server = Server::start().await;
    let manifest = "[[profile]]\nname = \"payments\"\ntoken_paths = [\"/oauth/token\"]\nclient_auth = [\"client_secret_basic\"]\ntoken_format = \"jwt\"\ngrants = [\"client_credentials\"]\nserver_scopes = [\"{scope_prefix}.added\"]\n";
    assert_eq!(server.apply(manifest).await.status, 200);
    let answer = ask(&server, &server.client("production", "payments"), "&scope=payments%3Aread").await;
    assert_eq!(answer.json()["scope"], "payments:read prod.added");
}

#[tokio::test(flavor = "multi_thread")]
async fn f12_a_scope_beyond_the_app_its_access_or_its_api_is_refused_and_not_dropped() {
    let server = Server::start().await;
    let reader =
        json!({ "tenant": "acme", "client_id": "reader", "apis": ["payments"], "scopes": ["payments:read"] });
    let reader = server.new_app("production", reader).await;
    let before = state(&server).await;
    for more in [
        "&scope=payments%3Awrite",
        "&scope=payments%3Aread+payments%3Awrite",
        "&scope=payments%3Aread+deals%3Aread",
        "&scope=deals%3Aread",
        // 3.3: case counts.
        "&scope=Payments%3ARead",
        "&scope=payments%3Aread%09payments%3Aread",
        "&scope=payments%3Aread%22",
        "&scope=+",
        "&scope=admin",
        "&scope=*",
    ] {
        refused(&ask(&server, &reader, more).await, 400, "invalid_scope");
    }
    let many: String = (0..65).map(|number| format!("s{number}+")).collect();
    refused(&ask(&server, &reader, &format!("&scope={many}")).await, 400, "invalid_scope");
    assert_eq!(state(&server).await, before);
    let answer = ask(&server, &reader, "").await;
    let token = answer.json()["access_token"].as_str().expect("a token").to_owned();
    let seen = server.introspect("production", "payments", &token).await;
    assert_eq!(seen.json()["scope"], "payments:read");
}

#[tokio::test(flavor = "multi_thread")]
async fn f12_a_narrowed_access_narrows_the_next_token() {
    let server = Server::start().await;
    let manifest = "[[access]]\ntenant = \"acme\"\napis = [\"payments\"]\nenvironments = [\"production\"]\nscopes = [\"payments:read\"]\nquota = \"unlimited\"\n";
    assert_eq!(server.apply(manifest).await.status, 200);
    let client = server.client("production", "payments");
    refused(&ask(&server, &client, "&scope=payments%3Awrite").await, 400, "invalid_scope");
    let token = server.token("production", "payments").await;
    let seen = server.introspect("production", "payments", &token).await;
    assert_eq!(seen.json()["scope"], "payments:read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_for_one_api_and_ambiguity_is_refused() {
    let server = Server::start().await;
    let client = broad(&server).await;
    let (payments, deals, banking) =
        (audience(&server, "payments"), audience(&server, "deals"), audience(&server, "banking"));
    let before = state(&server).await;
    for (more, error) in [
        ("&scope=payments%3Aread+deals%3Aread".to_owned(), "invalid_scope"),
        // payments and deals share the path /oauth/token.
        (String::new(), "invalid_target"),
        (format!("&resource={payments}&resource={deals}"), "invalid_target"),
        (format!("&resource={payments}&resource={payments}&resource={banking}"), "invalid_target"),
        ("&resource=https%3A%2F%2Funknown.example".to_owned(), "invalid_target"),
        (format!("&resource={payments}%2F"), "invalid_target"),
        (format!("&resource={payments}%23x"), "invalid_target"),
        ("&resource=payments".to_owned(), "invalid_target"),
        (format!("&resource={deals}&scope=payments%3Aread"), "invalid_scope"),
        (format!("&resource={}", audience(&server, "assets")), "invalid_target"),
    ] {
        refused(&ask(&server, &client, &more).await, 400, error);
    }
    assert_eq!(state(&server).await, before);
    for (more, api) in [
        ("&scope=deals%3Aread".to_owned(), "deals"),
        (format!("&resource={payments}"), "payments"),
        (format!("&resource={payments}&resource={payments}"), "payments"),
    ] {
        let answer = ask(&server, &client, &more).await;
        let token = answer.json()["access_token"].as_str().expect("a token").to_owned();
        let seen = server.introspect("production", api, &token).await;
        assert_eq!(seen.json()["aud"], server.api("production", api)["audience"], "{more}");
    }
    // banking alone has the path /token, and takes the secret in the body only.
    let form = format!("{GRANT}&client_id={}&client_secret={}", client.id, client.secret);
    let answer = server.post(&server.token_endpoint("production", "banking"), None, &form).await;
    let token = answer.json()["access_token"].as_str().expect("a token").to_owned();
    assert_eq!(server.introspect("production", "banking", &token).await.json()["active"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_that_is_not_the_apps_looks_like_an_unknown_one() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let foreign = ask(&server, &client, &format!("&resource={}", audience(&server, "deals"))).await;
    let unknown = ask(&server, &client, "&resource=https%3A%2F%2Funknown.example").await;
    refused(&foreign, 400, "invalid_target");
    assert_eq!(foreign.json()["error_description"], unknown.json()["error_description"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn client_credentials_are_for_confidential_clients_that_are_registered_for_them() {
    let server = Server::start().await;
    let public = json!({ "tenant": "acme", "client_id": "public", "apis": ["payments"], "auth_method": "none", "grants": [] });
    let public = server.new_app("production", public).await;
    assert_eq!(public.secret, "", "a public app has no secret");
    let other = json!({ "tenant": "acme", "client_id": "no-grants", "apis": ["payments"], "grants": [] });
    let other = server.new_app("production", other).await;
    let wish = json!({ "tenant": "acme", "client_id": "wish", "apis": ["payments"], "auth_method": "none", "grants": ["client_credentials"] });
    let answer = server.admin("POST", "/environments/production/apps", wish).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    let before = state(&server).await;
    let url = server.token_endpoint("production", "payments");
    refused(&server.post(&url, None, &format!("{GRANT}&client_id=public")).await, 401, "invalid_client");
    // D08: with any secret, even an empty one, it is somebody who pretends.
    for secret in ["", "x"] {
        let form = format!("{GRANT}&client_id=public&client_secret={secret}");
        refused(&server.post(&url, None, &form).await, 401, "invalid_client");
        refused(&server.post(&url, Some(&basic("public", secret)), GRANT).await, 401, "invalid_client");
    }
    refused(&ask(&server, &other, "").await, 400, "unauthorized_client");
    assert_eq!(state(&server).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_gate_is_told_to_the_caller_who_has_proved_himself_only() {
    let server = Server::start().await;
    let done =
        server.admin("POST", "/environments/production/accesses/acme/payments/suspend", json!({})).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let client = server.client("production", "payments");
    let before = state(&server).await;
    refused(&ask(&server, &client, "").await, 400, "access_denied");
    let stranger = Client { id: client.id.clone(), secret: "guess".to_owned() };
    refused(&ask(&server, &stranger, "").await, 401, "invalid_client");
    assert_eq!(state(&server).await, before);
}

/// B10, D01-D03, D07, D10-D12, E01, F01, F02, F04, H05: these grants do not exist, so nothing of theirs can be attacked.
#[tokio::test(flavor = "multi_thread")]
async fn absent_grants_are_refused_at_every_api() {
    let server = Server::start().await;
    let before = state(&server).await;
    for api in ["payments", "assets"] {
        let client = server.client("production", api);
        let url = server.token_endpoint("production", api);
        for grant in [
            "implicit",
            "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=x",
            "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=x&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token",
            "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=e30.e30.e30",
            "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Asaml2-bearer&assertion=x",
            "urn%3Aopenid%3Aparams%3Agrant-type%3Aciba&auth_req_id=x",
            "CLIENT_CREDENTIALS",
            "client_credentials+",
        ] {
            let form = format!("grant_type={grant}");
            let answer = server.post(&url, Some(&basic(&client.id, &client.secret)), &form).await;
            refused(&answer, 400, "unsupported_grant_type");
        }
    }
    assert_eq!(state(&server).await, before);
}

/// D01, D03, D07, D10, D11, D12: no assertion and no certificate authenticates, whatever it says.
#[tokio::test(flavor = "multi_thread")]
async fn absent_client_assertions_and_certificates_authenticate_nobody() {
    let server = Server::start().await;
    let url = server.token_endpoint("production", "payments");
    let kind = "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
    for assertion in ["", "e30.e30.e30", "e30.e30.e30.e30.e30"] {
        for id in ["", "&client_id=acme-payments"] {
            let form = format!("{GRANT}&{kind}&client_assertion={assertion}{id}");
            refused(&server.post(&url, None, &form).await, 401, "invalid_client");
        }
    }
    for header in ["client-cert", "x-ssl-client-cert", "x-forwarded-client-cert", "x-client-cert"] {
        let request = server
            .http
            .post(&url)
            .header(header, ":MIIB:")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("{GRANT}&client_id=acme-payments"));
        refused(&server.send(request).await, 401, "invalid_client");
    }
}

/// E05, E06: a proof binds nothing yet, and the answer does not pretend that it does.
#[tokio::test(flavor = "multi_thread")]
async fn absent_dpop_gives_a_plain_bearer_token_without_confirmation() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let request = server
        .http
        .post(server.token_endpoint("production", "payments"))
        .header("authorization", basic(&client.id, &client.secret))
        .header("dpop", "e30.e30.e30")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(GRANT);
    let answer = server.send(request).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["token_type"], "Bearer");
    let token = answer.json()["access_token"].as_str().expect("a token").to_owned();
    let seen = server.introspect("production", "payments", &token).await;
    assert_eq!(seen.json()["cnf"], Value::Null);
    assert_eq!(seen.json()["active"], true);
}
