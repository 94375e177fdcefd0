//! One kind of credential is never taken for another: each has its own spelling, its own store, its own `typ` (RFC 8725 3.11).

use grantor_testkit::{Browser, Pkce, Server, Tokens};
use serde_json::json;

use super::is_invalid_grant;
use crate::code_flow::{App, PRODUCTION, end_user, told};

const NOBODY: [bool; 3] = [false; 3];

#[tokio::test(flavor = "multi_thread")]
async fn b05_no_other_secret_of_ours_passes_for_a_code_and_a_code_for_none_of_them() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let mut browser = Browser::new(&server);
    let url = app.url(&server, &Pkce::new_one(), &[("prompt", "consent")]);
    browser.visit(&url).await;
    let handle = browser.page().url.query_pairs().next().expect("a handle").1.into_owned();
    server.type_password(&mut browser, &end_user(&server)).await;
    let code = server.agree(&mut browser).await;
    let tokens = app.tokens(&server, &mut browser, &[]).await;
    let mut others: Vec<String> = browser.cookies().iter().map(|cookie| cookie.value.clone()).collect();
    assert!(others.len() >= 3, "session, browser, device");
    others.extend([handle, tokens.access, tokens.refresh, tokens.id, app.client.secret.clone()]);
    others.push(server.key(PRODUCTION, "assets"));
    others.push(server.contract()["operator"]["api_token"].as_str().expect("a token").to_owned());
    // The same bytes under the name of a code, and a code with one letter changed or one more.
    let dressed: Vec<String> = others.iter().filter_map(|other| dressed_as(other, &code)).collect();
    others.extend(dressed);
    others.extend([
        code.to_uppercase(),
        format!("{code}x"),
        code[1..].to_owned(),
        code.replace("_live_", "_test_"),
    ]);
    others.extend(["x".to_owned(), "' OR 1=1 --".to_owned(), "%".repeat(100), "é".repeat(100)]);
    for other in &others {
        let pair = (other.clone(), Pkce::new_one());
        is_invalid_grant(&app.redeem(&server, &pair).await);
    }
    is_invalid_grant(&app.refresh(&server, &code).await);
    assert_eq!(server.verdicts(PRODUCTION, "payments", &code, "/transfers").await, NOBODY);
    let mut stranger = Browser::new(&server);
    let names: Vec<String> = browser.cookies().iter().map(|cookie| cookie.name.clone()).collect();
    names.iter().for_each(|name| stranger.put_cookie(name, &code));
    stranger.visit(&app.url(&server, &Pkce::new_one(), &[("prompt", "none")])).await;
    assert_eq!(stranger.must_reply().get("error"), "login_required");
    stranger.visit(&format!("/login?i={code}")).await;
    assert_eq!(stranger.page().status, 400);
    stranger.visit(&format!("/signup/verify?token={code}")).await;
    assert_eq!(stranger.page().status, 400);
}

/// A secret's own random part behind the beginning of a code.
fn dressed_as(other: &str, code: &str) -> Option<String> {
    let (beginning, _) = code.rsplit_once('_')?;
    let (_, random) = other.rsplit_once('_')?;
    Some(format!("{beginning}_{random}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn d09_an_id_token_is_no_access_token_and_no_refresh_token() {
    let server = Server::start().await;
    // Signed by the same key as access tokens of payments: nothing but its type tells it apart.
    let es256 = json!({ "id_token_signed_response_alg": "ES256", "userinfo_signed_response_alg": "ES256" });
    let userinfo = format!("{}/userinfo", server.issuer(PRODUCTION));
    for app in [App::of_payments(&server), App::new(&server, "es256", es256).await] {
        let tokens = app.tokens(&server, &mut Browser::new(&server), &[]).await;
        let said = server.get(&userinfo, Some(&tokens.access)).await;
        assert_eq!(said.status, 200, "{}", said.text);
        // The signed userinfo answer is a JWT of ours, too.
        let signed =
            if said.header("content-type") == "application/jwt" { said.text } else { tokens.id.clone() };
        for wrong in [&tokens.id, &tokens.refresh, &signed] {
            assert_eq!(server.verdicts(PRODUCTION, "payments", wrong, "/transfers").await, NOBODY);
            let answer = server.get(&userinfo, Some(wrong)).await;
            assert_eq!(answer.status, 401, "{}", answer.text);
            assert!(answer.header("www-authenticate").contains("error=\"invalid_token\""));
        }
        for wrong in [&tokens.id, &tokens.access, &signed] {
            is_invalid_grant(&app.refresh(&server, wrong).await);
            is_invalid_grant(&app.redeem(&server, &(wrong.clone(), Pkce::new_one())).await);
        }
        // They have harmed nothing.
        assert_eq!(server.verdicts(PRODUCTION, "payments", &tokens.access, "/transfers").await, [true; 3]);
        Tokens::of(&app.refresh(&server, &tokens.refresh).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d09_only_an_id_token_of_ours_is_a_hint() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let es256 = json!({ "id_token_signed_response_alg": "ES256", "userinfo_signed_response_alg": "ES256" });
    let signing = App::new(&server, "es256", es256).await;
    let tokens = app.tokens(&server, &mut Browser::new(&server), &[]).await;
    let of_sandbox = server.user_token("sandbox", "payments").await;
    let signed = signing.tokens(&server, &mut Browser::new(&server), &[]).await;
    let userinfo = server.get(&format!("{}/userinfo", server.issuer(PRODUCTION)), Some(&signed.access)).await;
    assert_eq!(userinfo.header("content-type"), "application/jwt");
    let (head, rest) = tokens.id.split_once('.').expect("a JWT");
    let (_, signature) = rest.split_once('.').expect("a JWT");
    let (_, other_rest) = signed.id.split_once('.').expect("a JWT");
    let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", rest.split('.').next().unwrap_or(""));
    for hint in [
        tokens.access.as_str(),
        &tokens.refresh,
        &of_sandbox.id,
        &userinfo.text,
        &none,
        &format!("{head}.{other_rest}"),
        &format!("{head}.{}.{signature}", rest.split('.').next().unwrap_or("").replace('a', "b")),
        "x",
        "a.b.c",
        &"a".repeat(8_000),
    ] {
        let answer = app.ask(&server, &[("id_token_hint", hint)]).await;
        assert_eq!(told(&server, &app, &answer), "invalid_request", "{hint}");
        let answer = app.ask(&server, &[("id_token_hint", hint), ("prompt", "none")]).await;
        assert_eq!(told(&server, &app, &answer), "invalid_request", "{hint}");
    }
    let answer = app.ask(&server, &[("id_token_hint", &tokens.id)]).await;
    assert!(answer.header("location").starts_with("/login?i="));
}
