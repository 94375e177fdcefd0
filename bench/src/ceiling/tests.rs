//! The ceilings do the work they claim to do: a ceiling that skipped a check would make Grantor look slow.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

use super::*;
use crate::load::Fleet;
use crate::requests::{basic, get, post_form};

async fn start(kind: Kind) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        axum::serve(listener, router(kind, &std::env::temp_dir()).unwrap()).await.unwrap()
    });
    address
}

fn at(address: SocketAddr, path: &str) -> Target {
    Target::new(address, path).unwrap()
}

async fn token(address: SocketAddr, secret: &str) -> (u16, String) {
    let target = at(address, "/oauth/token");
    let form = [("grant_type", "client_credentials"), ("scope", "payments:read")];
    let request = post_form(&target, &[("authorization", &basic(&client_id(7), secret))], &form);
    let (status, body) = Fleet::new(target).once(&request).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    (status, body["access_token"].as_str().unwrap_or_default().to_owned())
}

async fn pass(address: SocketAddr, token: &str) -> u16 {
    let target = at(address, "/forward-auth");
    let request = get(&target, &[("authorization", &format!("Bearer {token}"))]);
    Fleet::new(target).once(&request).await.unwrap().0
}

async fn active(address: SocketAddr, token: &str, secret: &str) -> (u16, serde_json::Value) {
    let target = at(address, "/introspect");
    let request =
        post_form(&target, &[("authorization", &basic(&client_id(7), secret))], &[("token", token)]);
    let (status, body) = Fleet::new(target).once(&request).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn the_plain_answer_has_866_bytes_for_get_and_post() {
    let target = at(start(Kind::Plain).await, "/plain");
    for request in [get(&target, &[]), post_form(&target, &[], &[("a", "b")])] {
        let (status, body) = Fleet::new(target.clone()).once(&request).await.unwrap();
        assert_eq!((status, body.len()), (200, 866));
        assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok());
    }
}

#[tokio::test]
async fn every_algorithm_issues_tokens_that_verify_and_carry_all_claims() {
    for algorithm in Algorithm::ALL {
        let address = start(Kind::Signed(algorithm)).await;
        let (status, token) = token(address, &client_secret(7)).await;
        assert_eq!(status, 200);
        let segments: Vec<_> = token.split('.').collect();
        let json = |segment: &str| -> serde_json::Value {
            serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(segment).unwrap()).unwrap()
        };
        assert_eq!(json(segments[0])["alg"], algorithm.name());
        let claims = json(segments[1]);
        for claim in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope", "tid", "env", "rev"] {
            assert!(!claims[claim].is_null(), "{claim} is missing");
        }
        assert_eq!(pass(address, &token).await, 200);
        let (status, answer) = active(address, &token, &client_secret(7)).await;
        assert_eq!((status, answer["active"].as_bool()), (200, Some(true)));
        assert_eq!(answer["client_id"], client_id(7).as_str());
    }
}

#[tokio::test]
async fn a_changed_token_is_refused_by_every_algorithm() {
    for algorithm in Algorithm::ALL {
        let address = start(Kind::Signed(algorithm)).await;
        let (_, token) = token(address, &client_secret(7)).await;
        let (head, signature) = token.rsplit_once('.').unwrap();
        let flip = if signature.starts_with('A') { "B" } else { "A" };
        let forged = format!("{head}.{flip}{}", &signature[1..]);
        assert_eq!(pass(address, &forged).await, 401);
        assert_eq!(active(address, &forged, &client_secret(7)).await.1["active"], false);
        assert_eq!(pass(address, "").await, 401);
    }
}

#[tokio::test]
async fn a_wrong_secret_gets_neither_token_nor_introspection() {
    let address = start(Kind::Signed(Algorithm::EdDsa)).await;
    assert_eq!(token(address, &client_secret(8)).await, (401, String::new()));
    let (_, token) = token(address, &client_secret(7)).await;
    assert_eq!(active(address, &token, "wrong").await.0, 401);
}

#[tokio::test]
async fn two_tokens_of_one_client_differ() {
    let address = start(Kind::Signed(Algorithm::EdDsa)).await;
    assert_ne!(token(address, &client_secret(7)).await.1, token(address, &client_secret(7)).await.1);
}

#[test]
fn kinds_are_named_as_on_the_command_line() {
    for word in ["plain", "es256", "eddsa", "rs256"] {
        assert_eq!(word.parse::<Kind>().unwrap().name(), word);
    }
    assert!("ES256".parse::<Kind>().is_err());
}

#[tokio::test]
async fn a_ceiling_does_not_listen_beyond_loopback() {
    assert!(serve(Kind::Plain, "0.0.0.0:0".parse().unwrap(), Path::new(".")).await.is_err());
}
