//! One node and its database: what is suspended, revoked or ended is so on the next request everywhere, after a restart,
//! and after a crash right behind the answer; races have one winner; tokens leave no rows.

mod crash;
mod races;

use grantor_testkit::{Answer, Client, Server, basic};
use serde_json::{Value, json};

const PATHS: [(&str, &str); 2] = [("payments", "/transfers"), ("banking", "/accounts")];
const DEAD: [bool; 3] = [false; 3];
const ALIVE: [bool; 3] = [true; 3];

async fn done(server: &Server, path: &str, body: Value) -> Answer {
    let answer = server.admin("POST", path, body).await;
    assert!([200, 201].contains(&answer.status), "{path}: {}", answer.text);
    answer
}

fn token_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_tenant_access_or_app_is_dead_at_once_and_its_tokens_stay_so_after_it_is_resumed() {
    let server = Server::start().await;
    for (api, path) in PATHS {
        let subjects = [
            "/tenants/acme".to_owned(),
            format!("/environments/production/accesses/acme/{api}"),
            format!("/environments/production/apps/acme-{api}"),
        ];
        for subject in subjects {
            let token = server.token("production", api).await;
            let elsewhere = server.token("sandbox", api).await;
            assert_eq!(server.verdicts("production", api, &token, path).await, ALIVE);
            done(&server, &format!("{subject}/suspend"), json!({})).await;
            assert_eq!(server.verdicts("production", api, &token, path).await, DEAD, "{subject}");
            let client = server.client("production", api);
            let refused = server.request_token("production", api, &client).await;
            assert!((400..404).contains(&refused.status), "{subject}: {} {}", refused.status, refused.text);
            let expected = if subject.starts_with("/tenants") { DEAD } else { ALIVE };
            assert_eq!(
                server.verdicts("sandbox", api, &elsewhere, path).await,
                expected,
                "{subject}: a tenant spans environments, an access and an app do not"
            );
            done(&server, &format!("{subject}/resume"), json!({})).await;
            assert_eq!(
                server.verdicts("production", api, &token, path).await,
                DEAD,
                "{subject}: resuming revives no token"
            );
            let fresh = server.token("production", api).await;
            assert_eq!(server.verdicts("production", api, &fresh, path).await, ALIVE, "{subject}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_revoked_token_is_dead_and_its_siblings_live() {
    let server = Server::start().await;
    for (api, path) in PATHS {
        let (first, second, third) = (
            server.token("production", api).await,
            server.token("production", api).await,
            server.token("production", api).await,
        );
        assert_eq!(server.verdicts("production", api, &first, path).await, ALIVE);
        done(&server, "/environments/production/tokens/revoke", json!({ "token": first })).await;
        let client = server.client("production", api);
        let url = format!("{}/revoke", server.issuer("production"));
        let login = basic(&client.id, &client.secret);
        let answer = if api == "banking" {
            let form = format!("token={second}&client_id={}&client_secret={}", client.id, client.secret);
            server.post(&url, None, &form).await
        } else {
            server.post(&url, Some(&login), &format!("token={second}")).await
        };
        assert_eq!(answer.status, 200, "{}", answer.text);
        for token in [&first, &second] {
            assert_eq!(server.verdicts("production", api, token, path).await, DEAD);
        }
        assert_eq!(server.verdicts("production", api, &third, path).await, ALIVE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_secret_authenticates_no_more_and_its_tokens_end_only_if_asked() {
    let server = Server::start().await;
    for end_tokens in [false, true] {
        let app = server.new_app("production", json!({ "tenant": "acme", "apis": ["payments"] })).await;
        let of_app = format!("/environments/production/apps/{}", app.id);
        let token = token_of(&server.request_token("production", "payments", &app).await);
        let second = done(&server, &format!("{of_app}/secrets"), json!({})).await.json();
        let newer =
            Client { id: app.id.clone(), secret: second["client_secret"].as_str().unwrap().to_owned() };
        for both in [&app, &newer] {
            token_of(&server.request_token("production", "payments", both).await);
        }
        done(&server, &format!("{of_app}/secrets/1/end"), json!({ "end_tokens": end_tokens })).await;
        let refused = server.request_token("production", "payments", &app).await;
        assert_eq!((refused.status, refused.error().as_str()), (401, "invalid_client"));
        let fresh = token_of(&server.request_token("production", "payments", &newer).await);
        let expected = if end_tokens { DEAD } else { ALIVE };
        let verdicts = server.verdicts("production", "payments", &token, "/transfers").await;
        assert_eq!(verdicts, expected, "end_tokens: {end_tokens}");
        let verdicts = server.verdicts("production", "payments", &fresh, "/transfers").await;
        assert_eq!(verdicts, ALIVE);
        let again = server.admin("POST", &format!("{of_app}/secrets/1/end"), json!({})).await;
        assert_eq!(again.status, 404, "it has ended already");

        done(&server, &format!("{of_app}/tokens/end"), json!({})).await;
        let verdicts = server.verdicts("production", "payments", &fresh, "/transfers").await;
        assert_eq!(verdicts, DEAD, "all tokens of the app");
        token_of(&server.request_token("production", "payments", &newer).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_secret_overlaps_with_the_old_one_to_the_second() {
    let server = Server::start().await;
    let app = server.new_app("production", json!({ "tenant": "acme", "apis": ["payments"] })).await;
    let path = format!("/environments/production/apps/{}/secrets", app.id);
    let new = done(&server, &path, json!({ "end_others_after": 600 })).await.json();
    let newer = Client { id: app.id.clone(), secret: new["client_secret"].as_str().unwrap().to_owned() };
    server.clock().pass(570);
    for both in [&app, &newer] {
        token_of(&server.request_token("production", "payments", both).await);
    }
    server.clock().pass(30);
    let refused = server.request_token("production", "payments", &app).await;
    assert_eq!(refused.status, 401, "the overlap has ended");
    token_of(&server.request_token("production", "payments", &newer).await);
}

const GUEST: &str = "[[tenant]]\nname = \"guest\"\n\
    [[access]]\ntenant = \"guest\"\napis = [\"payments\"]\nenvironments = [\"production\"]\nquota = \"unlimited\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn suspensions_epochs_and_revocations_outlive_a_restart() {
    let server = Server::start().await;
    let applied = server.apply(GUEST).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    let guest = server.new_app("production", json!({ "tenant": "guest", "apis": ["payments"] })).await;
    let mut apps = Vec::new();
    let mut tokens = Vec::new();
    for _ in 0..4 {
        let app = server.new_app("production", json!({ "tenant": "acme", "apis": ["payments"] })).await;
        tokens.push(token_of(&server.request_token("production", "payments", &app).await));
        apps.push(app);
    }
    let of_guest = token_of(&server.request_token("production", "payments", &guest).await);
    let of = |app: &Client, verb: &str| format!("/environments/production/apps/{}/{verb}", app.id);
    done(&server, "/environments/production/tokens/revoke", json!({ "token": tokens[0] })).await;
    done(&server, &of(&apps[1], "tokens/end"), json!({})).await;
    done(&server, &of(&apps[2], "suspend"), json!({})).await;
    done(&server, "/tenants/guest/suspend", json!({})).await;

    let server = server.restart().await;
    let verdicts = async |token: &str| server.verdicts("production", "payments", token, "/transfers").await;
    assert_eq!(verdicts(&tokens[3]).await, ALIVE, "a token that nobody has ended outlives a restart");
    for token in [&tokens[0], &tokens[1], &tokens[2], &of_guest] {
        assert_eq!(verdicts(token).await, DEAD);
    }
    for app in [&apps[2], &guest] {
        let refused = server.request_token("production", "payments", app).await;
        assert_eq!(refused.status, 401, "still suspended");
    }
    done(&server, &of(&apps[2], "resume"), json!({})).await;
    done(&server, "/tenants/guest/resume", json!({})).await;
    for (app, token) in [(&apps[2], &tokens[2]), (&guest, &of_guest)] {
        assert_eq!(verdicts(token).await, DEAD, "minted before the suspension: the epoch is on the disk");
        let fresh = token_of(&server.request_token("production", "payments", app).await);
        assert_eq!(verdicts(&fresh).await, ALIVE);
    }
}
