//! Many at the same time, with and without a restart in between: a code is redeemed once, a refresh token has one successor,
//! and what was answered as ended is ended. Nothing here knows which database it is.

use std::sync::Arc;

use grantor_testkit::{Answer, Browser, Pkce, Server, Tokens, basic};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::code_flow::{App, PRODUCTION, end_user, form};
use crate::rfc6749_token::refused;

const RACERS: usize = 64;
const DEAD: [bool; 3] = [false; 3];
const ALIVE: [bool; 3] = [true; 3];

/// What came back to one racer; `None` if the server stopped before it answered.
type Finish = Option<(u16, Value)>;

/// A token request that needs no server to be sent again: its address outlives a restart.
fn request(server: &Server, app: &App, fields: &[(&str, &str)]) -> RequestBuilder {
    let url = server.token_endpoint(PRODUCTION, "payments");
    let post = server.http.post(url).header("authorization", basic(&app.client.id, &app.client.secret));
    post.header("content-type", "application/x-www-form-urlencoded").body(form(fields))
}

fn redemption(server: &Server, app: &App, (code, pkce): &(String, Pkce)) -> RequestBuilder {
    let uri = app.redirect_uri.as_str();
    let fields = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", uri)];
    request(server, app, &[&fields[..], &[("code_verifier", &pkce.verifier)]].concat())
}

fn refreshing(server: &Server, app: &App, token: &str) -> RequestBuilder {
    request(server, app, &[("grant_type", "refresh_token"), ("refresh_token", token)])
}

/// Sets racers off, all at once.
fn off(request: &RequestBuilder, racers: usize) -> JoinSet<Finish> {
    let mut set = JoinSet::new();
    for _ in 0..racers {
        let request = request.try_clone().expect("a body in memory");
        set.spawn(async move {
            let response = request.send().await.ok()?;
            let status = response.status().as_u16();
            let body = response.text().await.ok()?;
            Some((status, serde_json::from_str(&body).unwrap_or(Value::Null)))
        });
    }
    set
}

/// Everybody's answer. Whoever gets one gets tokens, or the refusal that a late one gets.
async fn finished(set: JoinSet<Finish>) -> (Vec<Value>, usize) {
    let (mut won, mut unanswered) = (Vec::new(), 0);
    for finish in set.join_all().await {
        match finish {
            Some((200, body)) => won.push(body),
            Some((400, body)) if body["error"] == "invalid_grant" => {}
            Some(other) => panic!("neither tokens nor invalid_grant: {other:?}"),
            None => unanswered += 1,
        }
    }
    (won, unanswered)
}

fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_else(|| panic!("no {name}")).to_owned()
}

/// The refresh token that every winner holds.
fn the_successor(won: &[Value]) -> String {
    let first = text(&won[0], "refresh_token");
    assert!(won.iter().all(|body| body["refresh_token"] == first), "two successors: the family has branched");
    first
}

async fn verdicts(server: &Server, token: &str) -> [bool; 3] {
    server.verdicts(PRODUCTION, "payments", token, "/transfers").await
}

async fn grants(server: &Server) -> Vec<Value> {
    let path = format!("/environments/production/users/{}/grants", end_user(server).email);
    server.admin("GET", &path, Value::Null).await.json()["items"].as_array().expect("items").clone()
}

fn is_invalid_grant(answer: &Answer) {
    refused(answer, 400, "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_redemptions_of_one_code_before_and_64_after_a_restart_exactly_one_gives_tokens() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let code = app.code(&server, &mut Browser::new(&server), &[]).await;
    let request = redemption(&server, &app, &code);
    let (won, unanswered) = finished(off(&request, RACERS)).await;
    assert_eq!((won.len(), unanswered), (1, 0));
    let server = server.restart().await;
    let (late, unanswered) = finished(off(&redemption(&server, &app, &code), RACERS)).await;
    assert_eq!((late.len(), unanswered), (0, 0), "a code that was used stays used");
    let grants = grants(&server).await;
    assert_eq!(grants.len(), 1);
    assert_eq!(grants[0]["ended_reason"], "code_replayed");
    assert_eq!(verdicts(&server, &text(&won[0], "access_token")).await, DEAD, "RFC 6749 4.1.2");
    is_invalid_grant(&app.refresh(&server, &text(&won[0], "refresh_token")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_redemptions_of_one_code_around_a_restart_at_most_one_gives_tokens() {
    for round in 0..4 {
        let server = Server::start().await;
        let app = App::of_payments(&server);
        let code = app.code(&server, &mut Browser::new(&server), &[]).await;
        let racers = off(&redemption(&server, &app, &code), RACERS);
        if round > 0 {
            // So that the end of the server meets another part of the race each time.
            tokio::time::sleep(std::time::Duration::from_millis(4 * round)).await;
        }
        let (server, (won, unanswered)) = tokio::join!(server.restart(), finished(racers));
        let (late, _) = finished(off(&redemption(&server, &app, &code), RACERS)).await;
        let all = won.len() + late.len();
        assert!(all <= 1, "{all} redemptions of one code");
        assert!(all == 1 || unanswered > 0, "nobody has got what only one can get");
        for body in won.iter().chain(&late) {
            assert_eq!(verdicts(&server, &text(body, "access_token")).await, DEAD, "there were replays");
        }
        assert_eq!(grants(&server).await[0]["state"], "ended");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c01_of_64_refreshes_of_one_token_all_get_the_one_successor_and_the_family_stays_single() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut current = app.tokens(&server, &mut Browser::new(&server), &[]).await.refresh;
    for round in 2..=4 {
        let (won, unanswered) = finished(off(&refreshing(&server, &app, &current), RACERS)).await;
        assert_eq!((won.len(), unanswered), (RACERS, 0), "nobody is put out for being one of many");
        let successor = the_successor(&won);
        assert!(successor != current);
        for body in &won[..4] {
            assert_eq!(verdicts(&server, &text(body, "access_token")).await, ALIVE);
        }
        let grants = grants(&server).await;
        assert_eq!(grants.len(), 1);
        assert_eq!((&grants[0]["generation"], &grants[0]["state"]), (&json!(round), &json!("active")));
        current = successor;
    }
    // One family: its end is everybody's end.
    let last = Tokens::of(&app.refresh(&server, &current).await);
    server.clock().pass(10);
    is_invalid_grant(&app.refresh(&server, &current).await);
    is_invalid_grant(&app.refresh(&server, &last.refresh).await);
    assert_eq!(verdicts(&server, &last.access).await, DEAD);
}

#[tokio::test(flavor = "multi_thread")]
async fn c01_of_64_refreshes_before_and_64_after_a_restart_all_get_the_one_successor() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let first = app.tokens(&server, &mut Browser::new(&server), &[]).await.refresh;
    let (won, _) = finished(off(&refreshing(&server, &app, &first), RACERS)).await;
    let server = server.restart().await;
    // The clock of a test stands still over a restart but for the time that it takes: the grace is not over.
    let (late, unanswered) = finished(off(&refreshing(&server, &app, &first), RACERS)).await;
    assert_eq!((won.len(), late.len(), unanswered), (RACERS, RACERS, 0));
    let successor = the_successor(&[won, late].concat());
    assert_eq!(grants(&server).await[0]["generation"], 2);
    let (next, _) = finished(off(&refreshing(&server, &app, &successor), RACERS)).await;
    assert_eq!(next.len(), RACERS);
    assert_eq!(grants(&server).await[0]["generation"], 3);
    // Two behind is nobody's lost answer, restart or not.
    let server = server.restart().await;
    is_invalid_grant(&app.refresh(&server, &first).await);
    is_invalid_grant(&app.refresh(&server, &the_successor(&next)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn c01_of_refreshes_around_a_restart_there_is_one_successor() {
    let mut server = Server::start().await;
    let app = App::of_payments(&server);
    let mut current = app.tokens(&server, &mut Browser::new(&server), &[]).await.refresh;
    for round in 0..4 {
        let racers = off(&refreshing(&server, &app, &current), RACERS);
        if round > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(4 * round)).await;
        }
        let (restarted, (mut won, _)) = tokio::join!(server.restart(), finished(racers));
        server = restarted;
        let (late, unanswered) = finished(off(&refreshing(&server, &app, &current), RACERS)).await;
        assert_eq!((late.len(), unanswered), (RACERS, 0));
        won.extend(late);
        current = the_successor(&won);
        let grants = grants(&server).await;
        assert_eq!((grants.len(), &grants[0]["generation"]), (1, &json!(round + 2)));
    }
}

/// Whatever is decided while a suspension is on its way was decided with the old epoch, or is refused.
#[tokio::test(flavor = "multi_thread")]
async fn of_refreshes_beside_a_suspension_or_a_revocation_no_token_lives_after_its_answer() {
    let server = Arc::new(Server::start().await);
    let app = App::of_payments(&server);
    let user = format!("/environments/production/users/{}", end_user(&server).email);
    for ending in ["suspend", "revoke", "grant"] {
        let tokens = app.tokens(&server, &mut Browser::new(&server), &[]).await;
        let gid = text(&Server::claims(&tokens.access), "gid");
        let racers = off(&refreshing(&server, &app, &tokens.refresh), RACERS / 2);
        match ending {
            "suspend" => {
                let done = server.admin("POST", &format!("{user}/suspend"), json!({})).await;
                assert_eq!(done.status, 200, "{}", done.text);
            }
            "revoke" => {
                let url = format!("{}/revoke", server.issuer(PRODUCTION));
                let login = basic(&app.client.id, &app.client.secret);
                let done = server.post(&url, Some(&login), &form(&[("token", &tokens.refresh)])).await;
                assert_eq!(done.status, 200, "{}", done.text);
            }
            _ => {
                let done = server.admin("DELETE", &format!("{user}/grants/{gid}"), Value::Null).await;
                assert_eq!(done.status, 204, "{}", done.text);
            }
        }
        let more = off(&refreshing(&server, &app, &tokens.refresh), RACERS / 2);
        let (won, _) = finished(racers).await;
        let (late, _) = finished(more).await;
        assert!(late.is_empty(), "{ending}: what is ended refreshes nothing");
        for body in &won {
            assert_eq!(verdicts(&server, &text(body, "access_token")).await, DEAD, "{ending}");
        }
        assert_eq!(verdicts(&server, &tokens.access).await, DEAD, "{ending}");
        if ending == "suspend" {
            let done = server.admin("POST", &format!("{user}/resume"), json!({})).await;
            assert_eq!(done.status, 200);
            for body in &won {
                assert_eq!(verdicts(&server, &text(body, "access_token")).await, DEAD, "resumed");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn log_ins_at_the_same_moment_are_grants_of_their_own() {
    let server = Server::start().await;
    let person = end_user(&server);
    let client = server.client_with(PRODUCTION, "payments", "password");
    let fields = [("grant_type", "password"), ("username", &*person.email), ("password", &*person.password)];
    let url = server.token_endpoint(PRODUCTION, "payments");
    let post = server.http.post(url).header("authorization", basic(&client.id, &client.secret));
    let post = post.header("content-type", "application/x-www-form-urlencoded").body(form(&fields));
    let answers = off(&post, 8).join_all().await;
    let mut ids: Vec<String> = Vec::new();
    for finish in answers {
        let (status, body) = finish.expect("an answer");
        assert_eq!(status, 200, "{body}");
        ids.push(text(&Server::claims(&text(&body, "access_token")), "gid"));
    }
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), grants(&server).await.len()), (8, 8));
}
