//! Keys: what is published, how they rotate, what goes on meanwhile; and what a stepping clock may not do (N03, N04).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_server::jobs::upkeep;
use grantor_testkit::{Answer, Browser, Client, Server, basic};
use serde_json::{Value, json};

use crate::code_flow::App;

const PAYMENTS: (&str, &str) = ("payments", "/transfers");
const BANKING: (&str, &str) = ("banking", "/accounts");
/// The longest token of the landscape: 48 hours.
const LONGEST: i64 = 172_800;

async fn jwks(server: &Server) -> Vec<Value> {
    let answer = server.get(&format!("{}/jwks", server.issuer("production")), None).await;
    assert_eq!(answer.status, 200);
    answer.json()["keys"].as_array().unwrap().clone()
}

async fn published(server: &Server) -> Vec<String> {
    let kid = |key: &Value| key["kid"].as_str().unwrap().to_owned();
    jwks(server).await.iter().map(kid).collect()
}

fn header(token: &str) -> Value {
    let first = token.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(first).unwrap()).unwrap()
}

fn kid(token: &str) -> String {
    header(token)["kid"].as_str().unwrap().to_owned()
}

async fn rotate(server: &Server, body: Value) -> Answer {
    server.admin("POST", "/environments/production/signing-keys/rotate", body).await
}

/// The ring as `(use, state, kid)`.
fn ring(answer: &Answer) -> Vec<(String, String, String)> {
    let text = |key: &Value, name: &str| key[name].as_str().unwrap().to_owned();
    let items = answer.json()["items"].as_array().expect("a ring").clone();
    items.iter().map(|key| (text(key, "use"), text(key, "state"), text(key, "kid"))).collect()
}

async fn good(server: &Server, (api, path): (&str, &str), token: &str) -> bool {
    let verdicts = server.verdicts("production", api, token, path).await;
    assert!(
        verdicts.iter().all(|verdict| *verdict == verdicts[0]),
        "three ways to ask, one verdict: {verdicts:?}"
    );
    verdicts[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn n02_the_key_set_names_each_key_and_holds_no_private_member() {
    let server = Server::start().await;
    let keys = jwks(&server).await;
    assert_eq!(keys.len(), 4, "the active and the next one, of ES256 and of RS256");
    for key in &keys {
        let members: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert!(!members.contains(&private), "{private} is published");
        }
        assert_eq!(key["use"], "sig");
        match key["alg"].as_str() {
            Some("ES256") => assert_eq!((&key["kty"], &key["crv"]), (&json!("EC"), &json!("P-256"))),
            Some("RS256") => assert_eq!(key["kty"], "RSA"),
            other => panic!("{other:?} is no algorithm of this environment"),
        }
        assert!(key["kid"].as_str().is_some_and(|kid| kid.len() >= 8));
    }
    assert_ne!(keys[0]["kid"], keys[1]["kid"]);
    let token = server.token("production", "payments").await;
    assert!(published(&server).await.contains(&kid(&token)));
    assert_eq!(header(&token)["alg"], "ES256");

    let sandbox = server.get(&format!("{}/jwks", server.issuer("sandbox")), None).await;
    for key in &keys {
        assert!(!sandbox.text.contains(key["kid"].as_str().unwrap()), "environments share no key");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n02_no_answer_of_the_admin_api_shows_a_private_or_symmetric_key() {
    let server = Server::start().await;
    let listed = server.admin("GET", "/environments/production/signing-keys", json!({})).await;
    let rotated = rotate(&server, json!({ "now": true })).await;
    for answer in [listed, rotated] {
        for item in answer.json()["items"].as_array().unwrap() {
            let members: Vec<&str> = item.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(
                members,
                ["activated_at", "algorithm", "created_at", "kid", "retires_at", "state", "use"]
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_is_seen_by_nobody_who_has_read_the_key_set_before() {
    let server = Server::start().await;
    let before = published(&server).await;
    let old = server.token("production", "payments").await;
    let rotated = rotate(&server, json!({})).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    let new = server.token("production", "payments").await;
    assert_ne!(kid(&old), kid(&new));
    assert!(before.contains(&kid(&new)), "the new key was published before it signed");
    let after = published(&server).await;
    assert_eq!(
        after.len(),
        before.len() + 2,
        "a key of each algorithm retires, and there is a next one of each again"
    );
    assert!(before.iter().all(|kid| after.contains(kid)));
    assert!(good(&server, PAYMENTS, &old).await && good(&server, PAYMENTS, &new).await);

    let early = rotate(&server, json!({})).await;
    assert_eq!(early.status, 409, "verifiers may not know the next key yet: {}", early.text);
    assert_eq!(kid(&server.token("production", "payments").await), kid(&new));
    let forced = rotate(&server, json!({ "now": true })).await;
    assert_eq!(forced.status, 200, "{}", forced.text);
    let third = server.token("production", "payments").await;
    assert!(kid(&third) != kid(&new) && kid(&third) != kid(&old));
    assert!(good(&server, PAYMENTS, &old).await, "no token is lost by a forced rotation");

    server.clock().pass(700);
    assert_eq!(rotate(&server, json!({})).await.status, 200, "after ten minutes it may");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_key_verifies_to_the_end_of_its_last_token_and_is_erased_then() {
    let server = Server::start().await;
    let old = server.token("production", "payments").await;
    rotate(&server, json!({})).await;
    server.clock().pass(3_500);
    upkeep(server.node()).await.unwrap();
    assert!(good(&server, PAYMENTS, &old).await, "it has not ended");
    server.clock().pass(101);
    assert!(!good(&server, PAYMENTS, &old).await, "it has ended");
    server.clock().pass(200);
    upkeep(server.node()).await.unwrap();
    assert!(
        published(&server).await.contains(&kid(&old)),
        "a token of 48 hours may still stand on the old key"
    );
    server.clock().pass(LONGEST);
    upkeep(server.node()).await.unwrap();
    assert!(!published(&server).await.contains(&kid(&old)), "served and gone");
    let state = server.admin("GET", "/environments/production/signing-keys", json!({})).await;
    assert!(ring(&state).contains(&("sign".into(), "retired".into(), kid(&old))));
    let environment = server.node().catalogue().environment("production").unwrap().environment.id;
    let rows = server.node().store.key_ring(environment).await.unwrap();
    let row = rows.iter().find(|row| row.kid == kid(&old)).unwrap();
    assert!(row.sealed.is_empty(), "its private half is erased");
    let new = server.token("production", "payments").await;
    assert!(good(&server, PAYMENTS, &new).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schedule_rotates_after_ninety_days() {
    let server = Server::start().await;
    let old = kid(&server.token("production", "payments").await);
    upkeep(server.node()).await.unwrap();
    assert_eq!(kid(&server.token("production", "payments").await), old, "not before");
    server.clock().pass(91 * 86_400);
    upkeep(server.node()).await.unwrap();
    assert_ne!(kid(&server.token("production", "payments").await), old);
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_tokens_from_before_a_rotation_of_the_sealing_key_still_open() {
    let server = Server::start().await;
    let old = server.token("production", "banking").await;
    let rotated = rotate(&server, json!({ "use": "seal" })).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    let seals: Vec<_> = ring(&rotated).into_iter().filter(|key| key.0 == "seal").collect();
    assert_eq!(seals.len(), 2, "{seals:?}");
    let new = server.token("production", "banking").await;
    assert!(good(&server, BANKING, &old).await && good(&server, BANKING, &new).await);
    let server = server.restart().await;
    assert!(good(&server, BANKING, &old).await, "also by a process that never had the claims in memory");
    server.clock().pass(LONGEST + 3_600);
    upkeep(server.node()).await.unwrap();
    let new = server.token("production", "banking").await;
    assert!(good(&server, BANKING, &new).await && !good(&server, BANKING, &old).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_and_keys_from_before_a_rotation_of_the_pepper_still_authenticate() {
    let server = Server::start().await;
    let (client, key) = (server.client("production", "payments"), server.key("production", "assets"));
    let rotated = rotate(&server, json!({ "use": "pepper" })).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    let fresh = server.new_app("production", json!({ "tenant": "acme", "apis": ["payments"] })).await;
    for _ in 0..2 {
        for app in [&client, &fresh] {
            let answer = server.request_token("production", "payments", app).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
        assert!(good(&server, ("assets", "/assets"), &key).await);
        server.clock().pass(400 * 86_400 / 2);
        upkeep(server.node()).await.unwrap();
    }
    let server = server.restart().await;
    for app in [&client, &fresh] {
        let answer = server.request_token("production", "payments", app).await;
        assert_eq!(answer.status, 200, "a pepper is never dropped by time: {}", answer.text);
    }
    let forged = Client { id: fresh.id, secret: client.secret };
    assert_eq!(server.request_token("production", "payments", &forged).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_with_another_algorithm_has_its_keys_at_once() {
    let server = Server::start().await;
    let old = server.token("production", "payments").await;
    for (algorithm, kty) in [("RS256", "RSA"), ("EdDSA", "OKP")] {
        let profile = include_str!("../../../../examples/profiles/payments.toml");
        let changed = profile.replace(
            "token_format = \"jwt\"",
            &format!("token_format = \"jwt\"\nsigning_alg = \"{algorithm}\""),
        );
        let applied = server.apply(&changed).await;
        assert_eq!(applied.status, 200, "{}", applied.text);
        let token = server.token("production", "payments").await;
        assert_eq!(header(&token)["alg"], algorithm);
        let keys = jwks(&server).await;
        let own = keys.iter().find(|key| key["kid"] == kid(&token).as_str()).unwrap();
        assert_eq!(own["kty"], kty);
        assert!(own.get("d").is_none());
        let same = keys.iter().filter(|key| key["alg"] == algorithm).count();
        assert_eq!(same, 2, "an active and a next one");
        assert!(good(&server, PAYMENTS, &token).await, "{algorithm}");
    }
    assert!(good(&server, PAYMENTS, &old).await, "tokens of before live on");
    let other = server.token("production", "deals").await;
    assert_eq!(header(&other)["alg"], "ES256", "other profiles keep theirs");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_an_older_version_did_not_make_are_made_by_themselves() {
    let server = Server::start().await;
    let before = published(&server).await;
    server.door().await.run("DELETE FROM key_ring WHERE algorithm = 'RS256'").await;
    upkeep(server.node()).await.unwrap();
    let after = published(&server).await;
    assert_eq!(after.len(), before.len());
    assert_eq!(after.iter().filter(|kid| !before.contains(kid)).count(), 2, "one in use and one to come");
    let tokens = App::of_payments(&server).tokens(&server, &mut Browser::new(&server), &[]).await;
    assert!(!tokens.id.is_empty(), "signed with a key that was not there");
}

async fn revoke(server: &Server, token: &str) {
    let client = server.client("production", "payments");
    let url = format!("{}/revoke", server.issuer("production"));
    let answer = server.post(&url, Some(&basic(&client.id, &client.secret)), &format!("token={token}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn n03_a_clock_that_steps_back_brings_nothing_back_also_not_over_a_restart() {
    for step in [3_600, 86_400] {
        let server = Server::start().await;
        let expired = server.token("production", "payments").await;
        let sealed = server.token("production", "banking").await;
        let revoked = server.token("production", "payments").await;
        revoke(&server, &revoked).await;
        let made = server
            .admin(
                "POST",
                "/environments/production/keys",
                json!({ "tenant": "acme", "apis": ["assets"], "lifetime": 1_800 }),
            )
            .await;
        let key = made.json()["key"].as_str().unwrap().to_owned();
        let app = server
            .new_app(
                "production",
                json!({ "tenant": "acme", "apis": ["payments"], "secret_lifetime": 1_800 }),
            )
            .await;
        server.clock().pass(3_601);
        let dead = async |server: &Server, when: &str| {
            for (api, token) in
                [("payments", &expired), ("payments", &revoked), ("banking", &sealed), ("assets", &key)]
            {
                let seen = server.introspect("production", api, token).await;
                assert_eq!(seen.json(), json!({ "active": false }), "{api} {when} {step}");
            }
            let refused = server.request_token("production", "payments", &app).await;
            assert_eq!(refused.status, 401, "an ended secret {when} {step}");
        };
        dead(&server, "at their end").await;
        upkeep(server.node()).await.unwrap();
        server.clock().step_wall(-step);
        dead(&server, "after a step back").await;
        let server = server.restart().await;
        dead(&server, "after a step back and a restart").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n03_a_clock_that_steps_forward_and_back_revives_no_revoked_token_and_prolongs_none() {
    for step in [3_600, 86_400] {
        let server = Server::start().await;
        let revoked = server.token("production", "payments").await;
        let living = server.token("production", "payments").await;
        revoke(&server, &revoked).await;
        server.clock().step_wall(step + 120);
        // What has ended is erased now, the list of revoked ids with it.
        upkeep(server.node()).await.unwrap();
        server.clock().step_wall(-step - 120);
        for token in [&revoked, &living] {
            let seen = server.introspect("production", "payments", token).await;
            assert_eq!(seen.json(), json!({ "active": false }), "{step}");
        }
        // The server goes on with the highest time that it has seen; a new token lives for its lifetime by that time.
        let fresh = server.token("production", "payments").await;
        let seen = server.introspect("production", "payments", &fresh).await.json();
        assert_eq!(seen["active"], true);
        assert_eq!(seen["exp"].as_i64().unwrap() - seen["iat"].as_i64().unwrap(), 3_600);
        assert_eq!(server.node().now().seconds() - seen["iat"].as_i64().unwrap(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n04_the_end_of_our_own_tokens_has_no_slack() {
    let server = Server::start().await;
    for api in ["payments", "banking"] {
        let token = server.token("production", api).await;
        let end = server.introspect("production", api, &token).await.json()["exp"].as_i64().unwrap();
        server.clock().pass(end - server.node().now().seconds() - 20);
        let seen = server.introspect("production", api, &token).await;
        assert_eq!(seen.json()["active"], true, "{api} before its end");
        server.clock().pass(end - server.node().now().seconds());
        let seen = server.introspect("production", api, &token).await;
        assert_eq!(seen.json(), json!({ "active": false }), "{api} in the second of its end");
    }
}
