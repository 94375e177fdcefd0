//! RFC 6749 3.2 and appendix B: requests that are malformed, too long, sent twice or sent elsewhere.

use grantor_testkit::{Server, basic};
use reqwest::Method;
use serde_json::{Value, json};

use super::{GRANT, ask, refused, state};

#[tokio::test(flavor = "multi_thread")]
async fn credentials_in_the_request_uri_are_refused_even_beside_good_ones() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let url = server.token_endpoint("production", "payments");
    for query in [
        format!("client_id={}&client_secret=guess", client.id),
        "client_secret=guess".to_owned(),
        "client%5Fsecret=guess".to_owned(),
        "client_assertion=e30.e30.e30".to_owned(),
        "access_token=x".to_owned(),
    ] {
        let url = format!("{url}?{query}");
        let answer = server.post(&url, Some(&basic(&client.id, &client.secret)), GRANT).await;
        refused(&answer, 400, "invalid_request");
        let answer = server.post(&url, None, GRANT).await;
        refused(&answer, 400, "invalid_request");
    }
    // Nothing of the query counts as a parameter.
    let answer =
        server.post(&format!("{url}?{GRANT}"), Some(&basic(&client.id, &client.secret)), "scope=").await;
    refused(&answer, 400, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_parameters_are_ignored_and_empty_ones_are_absent() {
    let server = Server::start().await;
    for form in [
        format!("{GRANT}&colour=blue"),
        format!("{GRANT}&scope=&resource=&colour"),
        format!("&&{GRANT}&"),
        format!("{GRANT}&code=abc&redirect_uri=https%3A%2F%2Fx.example&username=a&password=b"),
    ] {
        let answer = ask(&server, &form).await;
        assert_eq!(answer.status, 200, "{form}: {}", answer.text);
        assert_eq!(answer.json()["scope"], Value::Null);
    }
    for form in ["", "grant_type=", "scope=payments%3Aread"] {
        refused(&ask(&server, form).await, 400, "invalid_request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_sent_twice_is_refused_in_every_spelling() {
    let server = Server::start().await;
    let before = state(&server).await;
    for form in [
        format!("{GRANT}&{GRANT}"),
        format!("{GRANT}&scope=payments%3Aread&scope=payments%3Aread"),
        format!("{GRANT}&scope=&scope=payments%3Aread"),
        format!("{GRANT}&sco%70e=payments%3Aread&scope=payments%3Awrite"),
        format!("{GRANT}&colour=blue&colour=red"),
    ] {
        refused(&ask(&server, &form).await, 400, "invalid_request");
    }
    let client = server.client("production", "payments");
    let url = server.token_endpoint("production", "payments");
    let form = format!("{GRANT}&client_id={0}&client_id={0}&client_secret={1}", client.id, client.secret);
    refused(&server.post(&url, None, &form).await, 400, "invalid_request");
    let form = format!("{GRANT}&client_id={0}&client_secret={1}&client_secret={1}", client.id, client.secret);
    refused(&server.post(&url, None, &form).await, 400, "invalid_request");
    assert_eq!(state(&server).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn anything_but_post_is_405_with_the_allowed_method() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let url = server.token_endpoint("production", "payments");
    for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"] {
        let request = server
            .http
            .request(Method::from_bytes(method.as_bytes()).expect("a method"), &url)
            .header("authorization", basic(&client.id, &client.secret))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(GRANT);
        let answer = server.send(request).await;
        assert_eq!((answer.status, answer.header("allow")), (405, "POST"), "{method}");
        if method != "HEAD" {
            refused(&answer, 405, "invalid_request");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_form_is_taken_and_the_charset_does_not_matter() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let url = server.token_endpoint("production", "payments");
    let send = |media: Option<&'static str>, body: String| {
        let mut request =
            server.http.post(&url).header("authorization", basic(&client.id, &client.secret)).body(body);
        if let Some(media) = media {
            request = request.header("content-type", media);
        }
        server.send(request)
    };
    for media in ["application/x-www-form-urlencoded; charset=UTF-8", "APPLICATION/X-WWW-FORM-URLENCODED"] {
        assert_eq!(send(Some(media), GRANT.to_owned()).await.status, 200, "{media}");
    }
    let json = json!({ "grant_type": "client_credentials" }).to_string();
    for (media, body) in [
        (Some("application/json"), json),
        (Some("text/plain"), GRANT.to_owned()),
        (Some("application/x-www-form-urlencoded-x"), GRANT.to_owned()),
        (Some("multipart/form-data; boundary=x"), GRANT.to_owned()),
        (None, GRANT.to_owned()),
    ] {
        refused(&send(media, body).await, 400, "invalid_request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_utf8_nul_and_broken_escapes_are_refused() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let url = server.token_endpoint("production", "payments");
    let before = state(&server).await;
    for tail in [
        &b"&a=%"[..],
        b"&a=%1",
        b"&a=%zz",
        b"&a=%00",
        b"&%00=a",
        b"&a=%ff",
        b"&a=\xff",
        b"&a=%c0%80",
        b"&a=\0",
        b"&a=%ed%a0%80",
    ] {
        let request = server
            .http
            .post(&url)
            .header("authorization", basic(&client.id, &client.secret))
            .header("content-type", "application/x-www-form-urlencoded")
            .body([GRANT.as_bytes(), tail].concat());
        refused(&server.send(request).await, 400, "invalid_request");
    }
    // RFC 6749 appendix B: UTF-8 outside ASCII is fine.
    assert_eq!(ask(&server, &format!("{GRANT}&name=%C3%BC\u{fc}")).await.status, 200);
    assert_eq!(state(&server).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_64_kib_is_read_and_one_byte_more_is_413() {
    let server = Server::start().await;
    let body = |length: usize| {
        let mut form = GRANT.to_owned();
        for number in 0..8 {
            form.push_str(&format!("&p{number}={}", "x".repeat(8_000)));
        }
        form.push_str("&rest=");
        let rest = length - form.len();
        form + &"x".repeat(rest)
    };
    assert_eq!(ask(&server, &body(64 * 1024)).await.status, 200);
    let answer = ask(&server, &body(64 * 1024 + 1)).await;
    refused(&answer, 413, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn f03_an_over_long_field_is_an_error_and_is_never_dropped() {
    let server = Server::start().await;
    let exchange = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange";
    let long = "x".repeat(8 * 1024 + 1);
    for form in [
        format!("{exchange}&subject_token={long}"),
        format!("{GRANT}&subject_token={long}"),
        format!("{GRANT}&{}=1", "n".repeat(129)),
        format!("{GRANT}&scope={long}"),
    ] {
        refused(&ask(&server, &form).await, 400, "invalid_request");
    }
    let many: String = (0..64).map(|number| format!("&f{number}=1")).collect();
    refused(&ask(&server, &format!("{GRANT}{many}")).await, 400, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn j01_no_refusal_echoes_what_was_sent() {
    let server = Server::start().await;
    const EVIL: &str = "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%5C%0d%0aX-Evil:1";
    for form in [
        format!("grant_type={EVIL}"),
        format!("{GRANT}&scope={EVIL}"),
        format!("{GRANT}&resource={EVIL}"),
        format!("{GRANT}&resource=https%3A%2F%2Fscript.example"),
        format!("{GRANT}&{EVIL}=1&{EVIL}=2"),
        format!("{GRANT}&client_id={EVIL}"),
    ] {
        let answer = ask(&server, &form).await;
        let code = answer.error();
        let status = if code == "invalid_client" { 401 } else { 400 };
        refused(&answer, status, &code);
        assert!(
            !answer.text.contains("<script")
                && !answer.text.contains("alert")
                && !answer.text.contains("script.example")
                && answer.header("x-evil").is_empty(),
            "{form}"
        );
    }
}
