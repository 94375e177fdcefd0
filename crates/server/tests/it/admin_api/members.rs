//! Members of tenants: what they see and do, and how it ends.

use grantor_testkit::Server;
use serde_json::{Value, json};

use super::portal::{BOTH, Portal, ask, member, member_in, new_tenant, with};
use crate::code_flow::App;

const APPS: &str = "/environments/production/apps";

#[tokio::test(flavor = "multi_thread")]
async fn a_developer_makes_an_app_of_their_own_tenant_and_changes_it() {
    let server = Server::start().await;
    new_tenant(&server, "other").await;
    let portal = Portal::new(&server).await;
    let person = member(&server, "other", &["developer"]).await;
    let tokens = portal.tokens(&server, &person, &format!("openid offline_access {BOTH}")).await;
    let token = &tokens.access;
    let claims = Server::claims(token);
    assert!(claims["aud"].as_str().unwrap().ends_with("/admin/v1"), "{claims}");

    let tenants = ask(&server, token, "GET", "/tenants", Value::Null).await.json();
    assert_eq!(tenants["items"].as_array().unwrap().len(), 1, "{tenants}");
    assert_eq!(tenants["items"][0]["name"], "other");
    let made = ask(
        &server,
        token,
        "POST",
        APPS,
        json!({ "tenant": "other", "client_id": "other-one", "apis": ["payments"] }),
    )
    .await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert!(made.json()["client_secret"].is_string());
    let path = format!("{APPS}/other-one");
    let listed = ask(&server, token, "GET", APPS, Value::Null).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    let seen = ask(&server, token, "GET", &path, Value::Null).await;
    let mut body = seen.json();
    body["name"] = json!("Renamed");
    let put = with(&server, token, ("PUT", &path), body, &[("if-match", seen.header("etag"))]).await;
    assert_eq!((put.status, &put.json()["name"]), (200, &json!("Renamed")), "{}", put.text);
    let suspended = ask(&server, token, "POST", &format!("{path}/suspend"), json!({})).await;
    assert_eq!(suspended.json()["status"], "suspended", "{}", suspended.text);
    let resumed = ask(&server, token, "POST", &format!("{path}/resume"), json!({})).await;
    assert_eq!(resumed.status, 403, "what the provider may have stopped, the provider starts");

    let audit = server.admin("GET", "/audit", json!({})).await.json();
    let entry = audit["items"].as_array().unwrap().iter().find(|one| one["action"] == "app.create").unwrap();
    assert!(entry["actor"].as_str().unwrap().starts_with("member:usr_"), "{entry}");
    let refreshed = portal.refresh(&server, &tokens.refresh).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn k02_neither_an_apps_own_token_nor_another_apis_token_of_a_member_opens_it() {
    let server = Server::start().await;
    Portal::new(&server).await;
    let person = member(&server, "acme", &["owner"]).await;
    // A user's token for another API.
    let app = App::new(&server, "rp", json!({})).await;
    let pkce = grantor_testkit::Pkce::new_one();
    let url = app.url(&server, &pkce, &[]);
    let code = server.sign_in(&mut grantor_testkit::Browser::new(&server), &url, &person).await;
    let elsewhere = grantor_testkit::Tokens::of(&app.redeem(&server, &(code, pkce)).await).access;
    // One for another API of an app that may have tokens for this one, too: the audience alone tells them apart.
    let both = json!({ "client_id": "both", "apis": ["payments", "grantor-admin"] });
    let both = App::of_api(&server, "payments", both).await;
    let pkce = grantor_testkit::Pkce::new_one();
    let audience = server.api("production", "payments")["audience"].as_str().unwrap().to_owned();
    let url = both.url(&server, &pkce, &[("resource", &audience)]);
    let code = server.sign_in(&mut grantor_testkit::Browser::new(&server), &url, &person).await;
    let beside = grantor_testkit::Tokens::of(&both.redeem(&server, &(code, pkce)).await).access;
    let machine = server.token("production", "payments").await;
    for token in [&elsewhere, &beside, &machine] {
        let answer = ask(&server, token, "GET", "/tenants", Value::Null).await;
        assert_eq!(answer.status, 401, "{}", answer.text);
        assert!(answer.header("www-authenticate").contains("invalid_token"));
    }
    // The app of the API itself gets no token for itself, by no way of asking.
    let body = json!({ "tenant": "acme", "client_id": "machine", "apis": ["payments", "grantor-admin"] });
    let machine = server.new_app("production", body).await;
    let url = server.token_endpoint("production", "payments");
    let audience = format!("{}/admin/v1", server.issuer("production"));
    let basic = grantor_testkit::basic(&machine.id, &machine.secret);
    for more in ["&scope=tenant:manage".to_owned(), format!("&resource={audience}")] {
        let answer = server.post(&url, Some(&basic), &format!("grant_type=client_credentials{more}")).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
    }
    let plain = server.post(&url, Some(&basic), "grant_type=client_credentials").await;
    assert_eq!(plain.status, 200, "{}", plain.text);
    let token = plain.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(ask(&server, &token, "GET", "/tenants", Value::Null).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn k06_a_token_that_may_only_read_changes_nothing_and_is_told_which_scope_it_lacks() {
    let server = Server::start().await;
    let portal = Portal::new(&server).await;
    let person = member(&server, "acme", &["owner"]).await;
    let reads = portal.token(&server, &person, "tenant:read").await;
    assert_eq!(ask(&server, &reads, "GET", APPS, Value::Null).await.status, 200);
    let refused = ask(&server, &reads, "POST", APPS, json!({ "tenant": "acme", "apis": ["payments"] })).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    let challenge = refused.header("www-authenticate");
    assert!(
        challenge.contains("error=\"insufficient_scope\"") && challenge.contains("scope=\"tenant:manage\"")
    );
    let manages = portal.token(&server, &person, "tenant:manage").await;
    assert_eq!(ask(&server, &manages, "GET", APPS, Value::Null).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn k05_no_member_makes_or_changes_what_reaches_beyond_their_tenant() {
    let server = Server::start().await;
    let portal = Portal::new(&server).await;
    let owner = portal.token(&server, &member(&server, "acme", &["owner"]).await, BOTH).await;
    let beyond = [
        json!({ "tenant": "acme", "apis": ["grantor-admin"], "metadata": { "redirect_uris": ["https://a.example/cb"] } }),
        json!({ "tenant": "acme", "introspects": ["payments"] }),
        json!({ "tenant": "acme", "apis": ["payments"],
            "metadata": { "redirect_uris": ["https://a.example/cb"], "tenancy": "members" } }),
    ];
    for body in beyond {
        let answer = ask(&server, &owner, "POST", APPS, body.clone()).await;
        assert_eq!(answer.status, 403, "{body}: {}", answer.text);
        let sent = ("PUT", "/environments/production/apps/acme-payments");
        let answer = with(&server, &owner, sent, body.clone(), &[("if-match", "*")]).await;
        assert_eq!(answer.status, 403, "{body}: {}", answer.text);
    }
    // What the provider has made so for their tenant, they see and do not touch.
    let given = json!({ "tenant": "acme", "client_id": "given", "introspects": ["payments"] });
    server.new_app("production", given).await;
    let path = format!("{APPS}/given");
    assert_eq!(ask(&server, &owner, "GET", &path, Value::Null).await.status, 200);
    let secret = ask(&server, &owner, "POST", &format!("{path}/secrets"), json!({})).await;
    assert_eq!(secret.status, 403, "{}", secret.text);
    assert_eq!(ask(&server, &owner, "DELETE", &path, json!({})).await.status, 403);
    // Keys where the profile leaves them to the provider.
    let key = json!({ "tenant": "acme", "apis": ["assets"] });
    let answer = ask(&server, &owner, "POST", "/environments/production/keys", key).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn k05_nobody_gives_or_takes_a_role_above_their_own() {
    let server = Server::start().await;
    let portal = Portal::new(&server).await;
    let owner = member(&server, "acme", &["owner"]).await;
    let viewer = member(&server, "acme", &["viewer"]).await;
    let admin_person = member(&server, "acme", &["admin"]).await;
    let admin = portal.token(&server, &admin_person, BOTH).await;
    let of = |email: &str| format!("/environments/production/users/{email}/memberships/acme");
    let put = async |email: &str, role: &str| {
        ask(&server, &admin, "PUT", &of(email), json!({ "roles": [role] })).await.status
    };
    assert_eq!(put(&viewer.email, "developer").await, 200);
    assert_eq!(put(&viewer.email, "owner").await, 403);
    assert_eq!(put(&admin_person.email, "owner").await, 403, "oneself");
    assert_eq!(put(&owner.email, "viewer").await, 403, "who is above");
    assert_eq!(ask(&server, &admin, "DELETE", &of(&owner.email), json!({})).await.status, 403);
    let developer = portal.token(&server, &member(&server, "acme", &["developer"]).await, BOTH).await;
    let tried = ask(&server, &developer, "PUT", &of(&viewer.email), json!({ "roles": ["viewer"] })).await;
    assert_eq!(tried.status, 403, "{}", tried.text);
    // Somebody of nobody's tenant is not there to be made a member.
    let stranger = server.person("end_user");
    assert_eq!(put(&stranger.email, "viewer").await, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_removed_or_suspended_or_signed_in_to_a_test_environment_is_out_at_once() {
    let server = Server::start().await;
    let portal = Portal::new(&server).await;
    let person = member(&server, "acme", &["owner"]).await;
    let token = portal.token(&server, &person, BOTH).await;
    let status = async |token: &str, path: &str| ask(&server, token, "GET", path, Value::Null).await.status;
    let of = format!("/environments/production/users/{}", person.email);
    assert_eq!(status(&token, APPS).await, 200);
    assert_eq!(status(&token, "/environments/sandbox/apps").await, 200, "a live log-in reaches the sandbox");
    // A role that was taken away is gone with the next request.
    let viewer = json!({ "roles": ["viewer"] });
    assert_eq!(server.admin("PUT", &format!("{of}/memberships/acme"), viewer).await.status, 200);
    let tried = ask(&server, &token, "POST", APPS, json!({ "tenant": "acme", "apis": ["payments"] })).await;
    assert_eq!(tried.status, 403, "{}", tried.text);
    assert_eq!(server.admin("POST", "/tenants/acme/suspend", json!({})).await.status, 200);
    assert_eq!(status(&token, APPS).await, 401);
    assert_eq!(server.admin("POST", "/tenants/acme/resume", json!({})).await.status, 200);
    assert_eq!(status(&token, APPS).await, 401, "tokens from before stay dead");
    let token = portal.token(&server, &person, BOTH).await;
    assert_eq!(status(&token, APPS).await, 200);
    assert_eq!(server.admin("DELETE", &format!("{of}/memberships/acme"), json!({})).await.status, 204);
    assert_eq!(status(&token, APPS).await, 401);

    // A log-in at a test environment does not reach the live one.
    let tester = member_in(&server, "sandbox", "acme", &["owner"]).await;
    let body = json!({ "tenant": "provider", "client_id": "sandbox-portal", "apis": ["grantor-admin"],
        "metadata": { "tenancy": "members", "redirect_uris": [crate::code_flow::CALLBACK] } });
    let client = server.new_app("sandbox", body).await;
    let pkce = grantor_testkit::Pkce::new_one();
    let changes =
        [("client_id", client.id.as_str()), ("redirect_uri", crate::code_flow::CALLBACK), ("scope", BOTH)];
    let url = server.authorize_url("sandbox", "assets", &pkce, &changes);
    let code = server.sign_in(&mut grantor_testkit::Browser::new(&server), &url, &tester).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", crate::code_flow::CALLBACK),
        ("code_verifier", &pkce.verifier),
    ];
    let answer = server.token_request("sandbox", "assets", &client, &fields).await;
    let token = grantor_testkit::Tokens::of(&answer).access;
    assert_eq!(status(&token, "/environments/sandbox/apps").await, 200);
    assert_eq!(status(&token, APPS).await, 404);
    let environments = ask(&server, &token, "GET", "/environments", Value::Null).await.json();
    assert_eq!(environments["items"].as_array().unwrap().len(), 1, "{environments}");
    // An acceptance in the tenant's name counts in the live one, too.
    let accepted = json!({ "document": "terms", "version": 1 });
    let tried = ask(&server, &token, "POST", "/tenants/acme/acceptances", accepted).await;
    assert_eq!(tried.status, 403, "{}", tried.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn k03_a_member_reads_reasons_and_no_other_remark_name_or_address_of_the_team() {
    let server = Server::start().await;
    new_tenant(&server, "other").await;
    let portal = Portal::new(&server).await;
    let token = portal.token(&server, &member(&server, "other", &["owner"]).await, BOTH).await;
    let accesses = "/environments/production/accesses";
    let applied = json!({ "tenant": "other", "api": "channel", "comment": "for rates" });
    let applied = ask(&server, &token, "POST", accesses, applied).await;
    assert_eq!(applied.status, 201, "{}", applied.text);
    let path = format!("{accesses}/other/channel");
    for (verb, body) in
        [("approve", json!({ "comment": "do not trust them" })), ("suspend", json!({ "reason": "unpaid" }))]
    {
        let done = server.admin("POST", &format!("{path}/{verb}"), body).await;
        assert_eq!(done.status, 200, "{}", done.text);
    }
    let read = ask(&server, &token, "GET", &path, Value::Null).await;
    assert_eq!(read.status, 200, "{}", read.text);
    let comments: Vec<_> =
        read.json()["history"].as_array().unwrap().iter().map(|step| step["comment"].clone()).collect();
    assert_eq!(comments, ["for rates", "", "unpaid"]);
    assert!(!read.text.contains("operator:"), "{}", read.text);
    let accepted = ask(&server, &token, "GET", "/tenants/other/acceptances", Value::Null).await;
    assert!(!accepted.text.contains("127.0.0.1"), "{}", accepted.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_manages_tenants_has_its_secret_rotated_like_any_other() {
    let server = Server::start().await;
    Portal::new(&server).await;
    let rotated = server.admin("POST", "/environments/production/apps/portal/secrets", json!({})).await;
    assert_eq!(rotated.status, 201, "{}", rotated.text);
}
