//! What the reference pages state of grants with users (S000, S003): which flows there are, for which app, and how a
//! provider switches them on and off.

use grantor_testkit::{Answer, Browser, Client, Pkce, Server, Tokens, basic};
use serde_json::{Value, json};

use crate::code_flow::{App, CALLBACK, PRODUCTION, end_user, told};
use crate::rfc6749_token::refused;
use crate::rfc9068_at_jwt::part;

/// The profile `deals` as its page describes all four flows; the example ships with one of them on.
const DEALS_WITH_USERS: &str = r#"
[[profile]]
name = "deals"
title = "Users of partners, too"
token_paths = ["/oauth/token"]
client_auth = ["client_secret_basic", "none"]
token_format = "jwt"
grants = ["client_credentials", "authorization_code"]
gates = ["partner_approved"]

[profile.lifetimes]
client_token = 3600
user_token = 3600

[profile.refresh]
grants = ["authorization_code"]
rotation = "always"
max_age = 2592000
"#;

const DEALS: &str = "openid offline_access deals:read deals:create";

/// A server whose `deals` lets users in.
async fn with_users() -> Server {
    let server = Server::start().await;
    let applied = server.apply(DEALS_WITH_USERS).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    server
}

async fn deals_app(server: &Server, client_id: &str, more: Value) -> App {
    let mut body = json!({ "client_id": client_id });
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    App::of_api(server, "deals", body).await.asking_for(DEALS)
}

/// Whether a user's resource opens.
async fn me(server: &Server, token: &str) -> Answer {
    server.call(PRODUCTION, "deals", Some(token), "GET", "/me").await
}

#[tokio::test(flavor = "multi_thread")]
async fn s000_02_each_flow_is_switched_on_per_client_and_all_of_them_together() {
    let server = Server::start().await;
    let person = end_user(&server);
    let url = server.token_endpoint(PRODUCTION, "payments");
    let path = "/environments/production/apps";
    let all = ["client_credentials", "password", "authorization_code"];
    let make = async |client_id: &str, grants: &[&str]| {
        let body = json!({ "tenant": "acme", "client_id": client_id, "apis": ["payments"], "grants": grants,
            "metadata": { "redirect_uris": [CALLBACK] } });
        let known = server.admin("GET", &format!("{path}/{client_id}"), Value::Null).await;
        if known.status == 200 {
            let changed = server.admin("PUT", &format!("{path}/{client_id}"), body).await;
            assert_eq!(changed.status, 200, "{}", changed.text);
            return None;
        }
        Some(server.new_app(PRODUCTION, body).await)
    };
    // The answer to each flow, by its name: a success, or the refusal of a flow that is off.
    let tries = async |client: &Client| {
        let app = App::of_payments(&server).by_client(client, CALLBACK);
        let post =
            async |body: String| server.post(&url, Some(&basic(&client.id, &client.secret)), &body).await;
        let machine = post("grant_type=client_credentials".to_owned()).await;
        let fields =
            [("grant_type", "password"), ("username", person.email.as_str()), ("password", &person.password)];
        let password = post(crate::code_flow::form(&fields)).await;
        let begun = app.ask(&server, &[("scope", "openid payments:read")]).await;
        let by_code = if begun.header("location").starts_with("/login") {
            let code =
                app.code(&server, &mut Browser::new(&server), &[("scope", "openid payments:read")]).await;
            app.redeem(&server, &code).await
        } else {
            assert_eq!(told(&server, &app, &begun), "unauthorized_client");
            // Nor at the token endpoint.
            post("grant_type=authorization_code&code=x".to_owned()).await
        };
        [machine, password, by_code]
    };
    for on in all {
        let client = make(&format!("only-{on}"), &[on]).await.expect("a new app");
        for (flow, answer) in all.iter().zip(tries(&client).await) {
            if *flow == on {
                assert_eq!(answer.status, 200, "{on}: {}", answer.text);
            } else if *flow == "authorization_code" {
                assert_eq!(answer.status, 400, "{on}: {}", answer.text);
            } else {
                refused(&answer, 400, "unauthorized_client");
            }
        }
    }
    // All at once, and one taken away again from the same client.
    let client = make("all", &all).await.expect("a new app");
    assert!(tries(&client).await.iter().all(|answer| answer.status == 200));
    make("all", &all[..1]).await;
    let statuses: Vec<u16> = tries(&client).await.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 400, 400]);
    make("all", &all).await;
    assert!(tries(&client).await.iter().all(|answer| answer.status == 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn s003_06_the_scopes_that_are_requested_are_exactly_the_permissions_that_the_page_shows() {
    let server = with_users().await;
    let app = deals_app(&server, "deals-web", json!({})).await;
    for (scope, shown) in [
        ("deals:read", &["deals:read"][..]),
        ("deals:sign deals:create", &["deals:create", "deals:sign"]),
        ("openid deals:update", &["deals:update", "openid"]),
        ("openid email offline_access deals:read", &["deals:read", "email", "offline_access", "openid"]),
        ("", &["deals:create", "deals:read", "deals:sign", "deals:update"]),
    ] {
        let mut browser = Browser::new(&server);
        let pkce = Pkce::new_one();
        browser.visit(&app.url(&server, &pkce, &[("scope", scope), ("prompt", "consent")])).await;
        server.type_password(&mut browser, &end_user(&server)).await;
        let page = browser.page();
        let mut ids: Vec<String> =
            page.ids("consent-scope-").iter().map(|id| id.replace("consent-scope-", "")).collect();
        ids.sort();
        assert_eq!(ids, shown, "{scope}");
        // In the words of the API's owner.
        let words = [
            ("deals:read", "See deals"),
            ("deals:create", "Make deals"),
            ("deals:sign", "Start the signature of deals"),
        ];
        for (name, text) in words {
            assert_eq!(page.text().contains(text), shown.contains(&name), "{text}");
        }
        browser.submit("consent-approve").await;
        let answer = app.redeem(&server, &(browser.must_reply().code(), pkce)).await;
        let mut granted: Vec<String> =
            answer.json()["scope"].as_str().expect("a scope").split(' ').map(str::to_owned).collect();
        granted.sort();
        assert_eq!(granted, shown, "what was shown is what is granted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s003_08_tokens_act_on_behalf_of_the_user_or_of_the_application() {
    let server = with_users().await;
    let app = deals_app(&server, "deals-web", json!({})).await;
    let tokens = app.tokens(&server, &mut Browser::new(&server), &[]).await;
    let answer = me(&server, &tokens.access).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let sub = part(&tokens.id, 1)["sub"].as_str().expect("text").to_owned();
    assert!(answer.text.contains(&sub), "the API learns on whose behalf: {}", answer.text);
    let machine = app.token(&server, &[("grant_type", "client_credentials")]).await;
    let machine = Tokens::of(&machine);
    assert_eq!(Server::claims(&machine.access)["sub"], "deals-web");
    assert_eq!(server.call(PRODUCTION, "deals", Some(&machine.access), "GET", "/deals").await.status, 200);
    let asked = server.forward_auth(PRODUCTION, "deals", Some(&tokens.access), "GET", "/me").await;
    assert_eq!(asked.status, 200);
    let introspected = server.introspect(PRODUCTION, "deals", &tokens.access).await.json();
    assert_eq!((&introspected["active"], &introspected["sub"]), (&json!(true), &json!(sub)));
}

#[tokio::test(flavor = "multi_thread")]
async fn s003_09_the_code_flow_reaches_user_resources_needs_the_secret_and_is_allowed_once_for_long() {
    let server = with_users().await;
    let app = deals_app(&server, "deals-web", json!({})).await;
    let mut browser = Browser::new(&server);
    let pkce = Pkce::new_one();
    browser.visit(&app.url(&server, &pkce, &[])).await;
    server.type_password(&mut browser, &end_user(&server)).await;
    assert_eq!(browser.page().path(), "/consent");
    browser.submit("consent-approve").await;
    let code = (browser.must_reply().code(), pkce);
    // Secret yes.
    let without = [
        ("grant_type", "authorization_code"),
        ("code", code.0.as_str()),
        ("redirect_uri", &app.redirect_uri),
        ("code_verifier", &code.1.verifier),
        ("client_id", &app.client.id),
    ];
    let url = server.token_endpoint(PRODUCTION, "deals");
    refused(&server.post(&url, None, &crate::code_flow::form(&without)).await, 401, "invalid_client");
    // User resources yes, refresh yes.
    let mut tokens = Tokens::of(&app.redeem(&server, &code).await);
    assert_eq!(me(&server, &tokens.access).await.status, 200);
    for _ in 0..29 {
        server.clock().pass(86_400);
        assert_eq!(me(&server, &tokens.access).await.status, 401);
        tokens = Tokens::of(&app.refresh(&server, &tokens.refresh).await);
        assert_eq!(me(&server, &tokens.access).await.status, 200);
    }
    // The user grants permission only once: a later sign-in asks for the password and for nothing else.
    browser.visit(&app.url(&server, &Pkce::new_one(), &[])).await;
    assert_eq!(browser.page().path(), "/login");
    server.type_password(&mut browser, &end_user(&server)).await;
    assert!(!browser.must_reply().code().is_empty());
    browser.visit(&app.url(&server, &Pkce::new_one(), &[])).await;
    assert!(!browser.must_reply().code().is_empty(), "and with a session for nothing at all");
}

#[tokio::test(flavor = "multi_thread")]
async fn s003_10_an_app_without_secret_has_pkce_and_a_stolen_code_is_of_no_use() {
    let server = with_users().await;
    // For desktop, mobile and browser apps: a loopback address, a private scheme, https.
    for (client_id, uri) in [
        ("desktop", "http://127.0.0.1/cb"),
        ("mobile", "com.example.app:/cb"),
        ("browser", "https://spa.test/cb"),
    ] {
        let app = deals_app(
            &server,
            client_id,
            json!({ "auth_method": "none", "metadata": { "application_type": "native", "redirect_uris": [uri] } }),
        )
        .await;
        assert_eq!(app.client.secret, "", "secret no");
        // Without a challenge there is no code.
        let bare = app.ask(&server, &[("code_challenge", ""), ("code_challenge_method", "")]).await;
        assert!(
            bare.header("location").starts_with(&format!("{uri}?error=invalid_request&")),
            "{:?}",
            bare.headers
        );
        // A stolen code, with everything but the verifier.
        for guess in ["", &Pkce::new_one().verifier] {
            let code = app.code(&server, &mut Browser::new(&server), &[]).await;
            let stolen = app.redeem_with(&server, &code, &[("code_verifier", guess)]).await;
            refused(&stolen, 400, "invalid_grant");
        }
        // User resources yes, refresh yes.
        let tokens = app.tokens(&server, &mut Browser::new(&server), &[]).await;
        assert_eq!(me(&server, &tokens.access).await.status, 200);
        let refreshed = Tokens::of(&app.refresh(&server, &tokens.refresh).await);
        assert_ne!(refreshed.refresh, tokens.refresh, "RFC 9700 2.2.2: it rotates");
        assert_eq!(me(&server, &refreshed.access).await.status, 200);
        // And never a token for itself.
        let machine = app.token(&server, &[("grant_type", "client_credentials")]).await;
        assert_eq!(machine.status, 400, "{}", machine.text);
    }
    // The browser's own scripts may ask at the token endpoint.
    let url = server.token_endpoint(PRODUCTION, "deals");
    let preflight = server
        .http
        .request(reqwest::Method::OPTIONS, &url)
        .header("origin", "https://spa.test")
        .header("access-control-request-method", "POST");
    assert_eq!(server.send(preflight).await.header("access-control-allow-origin"), "*");
}

#[tokio::test(flavor = "multi_thread")]
async fn s003_13_the_implicit_flow_is_off_and_offered_nowhere() {
    let server = with_users().await;
    let app = deals_app(&server, "deals-web", json!({})).await;
    let mut browser = Browser::new(&server);
    app.code(&server, &mut browser, &[]).await;
    // Also for somebody who is signed in and has allowed everything.
    for kind in ["token", "id_token", "id_token token", "code token", "code id_token", "code id_token token"]
    {
        browser.visit(&app.url(&server, &Pkce::new_one(), &[("response_type", kind)])).await;
        assert_eq!(browser.must_reply().get("error"), "unsupported_response_type", "{kind}");
        assert!(browser.must_reply().parameters.iter().all(|(name, _)| !name.contains("token")));
    }
    // No way to switch it on for an app or an API.
    let path = "/environments/production/apps";
    let implicit = json!({ "tenant": "acme", "client_id": "implicit", "apis": ["deals"], "grants": ["implicit"], "metadata": { "redirect_uris": [CALLBACK] } });
    assert_eq!(server.admin("POST", path, implicit).await.status, 400);
    for environment in ["production", "sandbox"] {
        let document = server
            .get(&format!("{}/.well-known/openid-configuration", server.issuer(environment)), None)
            .await
            .json();
        assert_eq!(document["response_types_supported"], json!(["code"]));
        assert!(!document["grant_types_supported"].to_string().contains("implicit"));
        assert!(!document["response_modes_supported"].to_string().contains("fragment"));
        for api in ["payments", "channel", "assets", "deals", "banking"] {
            let url = format!("{}/docs/{api}/flows.json", server.issuer(environment));
            let table = server.get(&url, None).await.json();
            let row = table["flows"]
                .as_array()
                .expect("rows")
                .iter()
                .find(|row| row["flow"] == "Implicit")
                .expect("a row")
                .clone();
            assert_eq!((&row["supported"], &row["refresh"]), (&json!(false), &json!(false)));
            assert!(
                row["description"].as_str().is_some_and(|text| text.contains("Use a code with PKCE")),
                "advised against"
            );
        }
    }
}

/// The table of an API as JSON: flow, user resources, secret, refresh, supported.
async fn table(server: &Server, api: &str) -> Vec<(String, bool, bool, bool, bool)> {
    let url = format!("{}/docs/{api}/flows.json", server.issuer(PRODUCTION));
    let answer = server.get(&url, None).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    assert_eq!(answer.json()["issuer"], server.issuer(PRODUCTION));
    let rows = answer.json()["flows"].as_array().expect("rows").clone();
    let is = |row: &Value, name: &str| row[name].as_bool().unwrap_or_else(|| panic!("{name} is yes or no"));
    rows.iter()
        .map(|row| {
            let flow = row["flow"].as_str().expect("a name").to_owned();
            (flow, is(row, "user_resources"), is(row, "secret"), is(row, "refresh"), is(row, "supported"))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn s003_14_the_table_of_flows_discovery_and_refusals_agree() {
    let server = Server::start().await;
    let client = server.client(PRODUCTION, "deals");
    let row = |flow: &str, user: bool, secret: bool, refresh: bool, supported: bool| {
        (flow.to_owned(), user, secret, refresh, supported)
    };
    // As shipped: client credentials and nothing else.
    let only_machines = [
        row("Authorization code", true, true, false, false),
        row("Authorization code with PKCE", true, false, false, false),
        row("Client credentials", false, true, false, true),
        row("Password", true, true, false, false),
        row("Implicit", true, false, false, false),
    ];
    assert_eq!(table(&server, "deals").await, only_machines);
    assert_eq!(shown(&server, "deals").await, only_machines);
    let url = server.token_endpoint(PRODUCTION, "deals");
    let secret = basic(&client.id, &client.secret);
    assert_eq!(server.post(&url, Some(&secret), "grant_type=client_credentials").await.status, 200);
    for form in [
        "grant_type=password&username=a&password=b",
        "grant_type=implicit",
        "grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=x",
    ] {
        refused(&server.post(&url, Some(&secret), form).await, 400, "unsupported_grant_type");
    }
    // A grant that the app has not: nobody learns by a code or token whether one exists.
    for form in [
        "grant_type=authorization_code&code=x&redirect_uri=https://rp.test/cb",
        "grant_type=refresh_token&refresh_token=x",
    ] {
        let answer = server.post(&url, Some(&secret), form).await;
        assert_eq!(answer.status, 400);
        assert!(
            ["unsupported_grant_type", "unauthorized_client"].contains(&answer.error().as_str()),
            "{form}: {}",
            answer.text
        );
    }
    // In an environment where no other API has them, discovery names no more than that.
    let issuer = format!("http://{}/partners", server.address());
    let manifest = format!(
        "[[environment]]\nname = \"partners\"\nissuer = \"{issuer}\"\nstage = \"test\"\n\
         [[api]]\nname = \"deals\"\nenvironments = [\"partners\"]\nprofile = \"deals\"\naudience = \"https://deals.example\"\n"
    );
    assert_eq!(server.apply(&manifest).await.status, 200);
    let grants = async || {
        let url = format!("{issuer}/.well-known/oauth-authorization-server");
        server.get(&url, None).await.json()["grant_types_supported"].clone()
    };
    assert_eq!(grants().await, json!(["client_credentials"]));

    // Switched on by a manifest: table, discovery and endpoint follow, without a restart.
    assert_eq!(server.apply(DEALS_WITH_USERS).await.status, 200);
    let with_code = [
        row("Authorization code", true, true, true, true),
        row("Authorization code with PKCE", true, false, true, true),
        row("Client credentials", false, true, false, true),
        row("Password", true, true, false, false),
        row("Implicit", true, false, false, false),
    ];
    assert_eq!(table(&server, "deals").await, with_code);
    assert_eq!(shown(&server, "deals").await, with_code);
    assert_eq!(grants().await, json!(["authorization_code", "client_credentials", "refresh_token"]));
    let app = deals_app(&server, "deals-web", json!({})).await;
    let tokens = app.tokens(&server, &mut Browser::new(&server), &[]).await;
    assert_eq!(me(&server, &tokens.access).await.status, 200);
    // The first app still has its one grant.
    let at_authorize = App::of_payments(&server).by_client(&client, CALLBACK);
    crate::code_flow::refused_here(&at_authorize.ask(&server, &[]).await);
    for form in ["grant_type=authorization_code&code=x", "grant_type=refresh_token&refresh_token=x"] {
        refused(&server.post(&url, Some(&secret), form).await, 400, "unauthorized_client");
    }
    // And off again: what was given ends, too.
    let off =
        DEALS_WITH_USERS.replace("\"client_credentials\", \"authorization_code\"", "\"client_credentials\"");
    assert_eq!(server.apply(&off).await.status, 200);
    assert_eq!(table(&server, "deals").await, only_machines);
    assert_eq!(told(&server, &app, &app.ask(&server, &[]).await), "unauthorized_client");
    let refused_refresh = app.refresh(&server, &tokens.refresh).await;
    assert_eq!((refused_refresh.status, refused_refresh.error().as_str()), (400, "unsupported_grant_type"));
}

/// The same table, read from the page.
async fn shown(server: &Server, api: &str) -> Vec<(String, bool, bool, bool, bool)> {
    let mut browser = Browser::new(server);
    browser.visit(&format!("/docs/{api}/flows")).await;
    assert_eq!(browser.page().status, 200);
    assert!(browser.page().attribute("flows-json", "href").is_some_and(|path| path.ends_with("/flows.json")));
    let html = &browser.page().html;
    let (_, body) = html.split_once("<tbody").expect("a table");
    let (body, _) = body.split_once("</tbody>").expect("a table");
    let rows = body.split("<tr").skip(1).map(|row| {
        let name = row.split_once("<bdi>").and_then(|(_, rest)| rest.split_once("</bdi>")).expect("a name").0;
        let cells: Vec<bool> = row.split("<td").skip(1).map(|cell| cell.contains(">Yes<")).collect();
        let [user, secret, refresh, supported] = cells[..] else { panic!("four columns: {row}") };
        (name.to_owned(), user, secret, refresh, supported)
    });
    rows.collect()
}
