//! RFC 8414 and OpenID Connect Discovery: the documents say what is on, and nothing that is not.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use grantor_testkit::{Answer, Server, basic};
use reqwest::Method;
use serde_json::{Value, json};

use crate::rfc6749_token::{missing, refused};

const SUFFIXES: [&str; 2] = ["oauth-authorization-server", "openid-configuration"];

/// All addresses of an environment's document: before the issuer's path (RFC 8414 3.1) and behind it.
fn addresses(server: &Server, environment: &str) -> Vec<String> {
    let issuer = server.issuer(environment);
    let origin = format!("http://{}", server.address());
    let path = issuer.strip_prefix(&origin).expect("the issuer begins with the address").to_owned();
    SUFFIXES
        .iter()
        .flat_map(|suffix| {
            [format!("{origin}/.well-known/{suffix}{path}"), format!("{issuer}/.well-known/{suffix}")]
        })
        .collect()
}

async fn document(server: &Server, environment: &str) -> Value {
    server.get(&addresses(server, environment)[0], None).await.json()
}

fn names_nothing_empty(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty() && items.iter().all(names_nothing_empty),
        Value::Object(members) => !members.is_empty() && members.values().all(names_nothing_empty),
        _ => true,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_document_stands_at_every_address_of_its_issuer() {
    let server = Server::start().await;
    for environment in ["production", "sandbox"] {
        let mut texts = Vec::new();
        for address in addresses(&server, environment) {
            let answer = server.get(&address, None).await;
            assert_eq!(answer.status, 200, "{address}");
            assert_eq!(answer.header("content-type"), "application/json");
            assert_eq!(answer.header("cache-control"), "public, max-age=300");
            assert_eq!(answer.header("access-control-allow-origin"), "*");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            // 3.3: identical to the issuer that was put into the address, byte by byte.
            assert_eq!(answer.json()["issuer"], server.issuer(environment));
            texts.push(answer.text);
        }
        assert!(texts.windows(2).all(|pair| pair[0] == pair[1]));
        let slash = format!("{}/.well-known/openid-configuration/", server.issuer(environment));
        assert_eq!(server.get(&slash, None).await.status, 404, "no address but those");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_states_what_its_defaults_would_get_wrong() {
    let server = Server::start().await;
    for environment in ["production", "sandbox"] {
        let issuer = server.issuer(environment);
        let document = document(&server, environment).await;
        assert!(names_nothing_empty(&document), "3.2: no nulls, no empty arrays");
        assert_eq!(
            document["grant_types_supported"],
            json!(["authorization_code", "client_credentials", "password", "refresh_token"])
        );
        // The default would be code and token (RFC 8414 2).
        assert_eq!(document["response_types_supported"], json!(["code"]));
        for endpoint in ["token", "revocation", "introspection"] {
            assert_eq!(
                document[format!("{endpoint}_endpoint_auth_methods_supported")],
                json!(["client_secret_basic", "client_secret_post"]),
                "{endpoint}"
            );
        }
        assert_eq!(document["revocation_endpoint"], format!("{issuer}/revoke"));
        assert_eq!(document["introspection_endpoint"], format!("{issuer}/introspect"));
        assert_eq!(document["jwks_uri"], format!("{issuer}/jwks"));
        let scopes: Vec<&str> = document["scopes_supported"]
            .as_array()
            .expect("scopes")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let own = if environment == "production" { "prod.teosapi" } else { "test.teosapi" };
        assert!(scopes.contains(&own) && scopes.contains(&"payments:read"));
        assert_eq!(scopes.iter().filter(|scope| scope.ends_with(".teosapi")).count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_that_is_named_is_there_and_every_grant_and_method_works() {
    let server = Server::start().await;
    let document = document(&server, "production").await;
    for name in ["token_endpoint", "revocation_endpoint", "introspection_endpoint"] {
        let url = document[name].as_str().expect("a URL");
        assert!(url.starts_with(&server.issuer("production")));
        refused(&server.post(url, None, "").await, 401, "invalid_client");
    }
    assert_eq!(server.get(document["jwks_uri"].as_str().expect("a URL"), None).await.status, 200);
    let client = server.client("production", "payments");
    let url = document["token_endpoint"].as_str().expect("a URL");
    let grant = "grant_type=client_credentials";
    assert_eq!(server.post(url, Some(&basic(&client.id, &client.secret)), grant).await.status, 200);
    let body = format!("{grant}&client_id={}&client_secret={}", client.id, client.secret);
    assert_eq!(server.post(url, None, &body).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_revalidated_by_tag_and_read_only() {
    let server = Server::start().await;
    let jwks = format!("{}/jwks", server.issuer("production"));
    for url in [addresses(&server, "production")[0].clone(), jwks] {
        let first = server.get(&url, None).await;
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with('"') && tag.len() > 10);
        let again = server.send(server.http.get(&url).header("if-none-match", &tag)).await;
        assert_eq!((again.status, again.text.as_str(), again.header("etag")), (304, "", tag.as_str()));
        let other = server.send(server.http.get(&url).header("if-none-match", "\"x\"")).await;
        assert_eq!((other.status, &other.text), (200, &first.text));
        let head = server.send(server.http.head(&url)).await;
        assert_eq!((head.status, head.text.as_str()), (200, ""));
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            let answer = server.send(server.http.request(method.clone(), &url)).await;
            refused(&answer, 405, "invalid_request");
            assert_eq!(answer.header("allow"), "GET", "{method}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_set_holds_public_signing_keys_and_nothing_of_the_private_half() {
    let server = Server::start().await;
    let mut kids = Vec::new();
    for environment in ["production", "sandbox"] {
        let answer = server.get(&format!("{}/jwks", server.issuer(environment)), None).await;
        assert_eq!(answer.header("content-type"), "application/jwk-set+json");
        assert_eq!(answer.header("cache-control"), "public, max-age=300");
        let keys = answer.json()["keys"].as_array().expect("keys").clone();
        assert!(!keys.is_empty());
        for key in keys {
            for private in ["d", "p", "q", "dp", "dq", "qi", "k", "oth"] {
                assert_eq!(key[private], Value::Null, "{private}");
            }
            assert_eq!(key["use"], "sig");
            // ES256 for the APIs, RS256 for ID tokens (OpenID Connect Core 15.1).
            assert!(["ES256", "RS256"].contains(&key["alg"].as_str().expect("alg")));
            kids.push(key["kid"].as_str().expect("a kid").to_owned());
        }
    }
    let all = kids.len();
    kids.sort();
    kids.dedup();
    assert_eq!(kids.len(), all, "no key serves two environments");
}

/// One request as bytes, with any Host.
fn raw(server: &Server, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).expect("a connection");
    write!(stream, "GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n").expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    body.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn i11_host_and_forwarding_headers_enter_no_document_and_no_token() {
    let server = Server::start().await;
    let host = server.address().to_string();
    for path in
        ["/.well-known/oauth-authorization-server", "/sandbox/.well-known/openid-configuration", "/jwks"]
    {
        let plain = raw(&server, path, &format!("Host: {host}\r\n"));
        for headers in [
            "Host: evil.example\r\n".to_owned(),
            "Host: evil.example:1\r\nX-Forwarded-Host: evil.example\r\n".to_owned(),
            format!("Host: {host}\r\nForwarded: host=evil.example;proto=https\r\n"),
            format!(
                "Host: {host}\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 1\r\nX-Forwarded-Prefix: /evil\r\n"
            ),
            format!("Host: {host}\r\nX-Original-Host: evil.example\r\nX-Host: evil.example\r\n"),
        ] {
            assert_eq!(raw(&server, path, &headers), plain, "{path} {headers}");
        }
    }
    let client = server.client("production", "payments");
    let request = server
        .http
        .post(server.token_endpoint("production", "payments"))
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("authorization", basic(&client.id, &client.secret))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials");
    let answer = server.send(request).await;
    let token = answer.json()["access_token"].as_str().expect("a token").to_owned();
    assert_eq!(crate::rfc9068_at_jwt::part(&token, 1)["iss"], server.issuer("production"));
}

/// Members of features that do not exist yet, or never will.
const ABSENT: [&str; 14] = [
    "pushed_authorization_request_endpoint",
    "require_pushed_authorization_requests",
    "device_authorization_endpoint",
    "backchannel_authentication_endpoint",
    "registration_endpoint",
    "end_session_endpoint",
    "check_session_iframe",
    "dpop_signing_alg_values_supported",
    "token_endpoint_auth_signing_alg_values_supported",
    "mtls_endpoint_aliases",
    "tls_client_certificate_bound_access_tokens",
    "request_object_signing_alg_values_supported",
    "id_token_encryption_alg_values_supported",
    "signed_metadata",
];

async fn gone(server: &Server, paths: &[&str]) {
    for environment in ["production", "sandbox"] {
        for path in paths {
            let url = format!("{}{path}", server.issuer(environment));
            let client = server.client(environment, "payments");
            let posted: Answer = server
                .post(
                    &url,
                    Some(&basic(&client.id, &client.secret)),
                    "client_id=acme-payments&scope=payments%3Aread",
                )
                .await;
            missing(&posted);
            missing(&server.get(&url, Some("x")).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn absent_features_are_not_in_the_metadata() {
    let server = Server::start().await;
    for environment in ["production", "sandbox"] {
        let document = document(&server, environment).await;
        for name in ABSENT {
            assert_eq!(document.get(name), None, "{name}");
        }
        let text = document.to_string();
        for word in ["private_key_jwt", "tls_client_auth", "urn:ietf", "ciba"] {
            assert!(!text.contains(word), "{word}");
        }
    }
}

/// E01-E04, E07, E08: what is not pushed, parsed or fetched cannot be replayed or changed.
#[tokio::test(flavor = "multi_thread")]
async fn absent_pushed_requests_e01_e04_e07_e08() {
    let server = Server::start().await;
    gone(&server, &["/oauth/authorize", "/oauth/v2/authorize", "/par", "/oauth/par"]).await;
    // E04: a foreign request_uri at an endpoint that exists is an unknown parameter, never fetched.
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.set_nonblocking(true).expect("non-blocking");
    let address = listener.local_addr().expect("an address");
    let client = server.client("production", "payments");
    let form = format!(
        "grant_type=client_credentials&request_uri=http%3A%2F%2F{address}%2F&client_assertion=&jwks_uri=http%3A%2F%2F{address}%2F"
    );
    let url = server.token_endpoint("production", "payments");
    server.post(&url, Some(&basic(&client.id, &client.secret)), &form).await;
    assert!(listener.accept().is_err(), "nobody may call");
}

/// H05, B10: nobody can approve what nobody can begin.
#[tokio::test(flavor = "multi_thread")]
async fn absent_device_and_backchannel_endpoints_h05_b10() {
    let server = Server::start().await;
    gone(&server, &["/device", "/device_authorization", "/oauth/device_authorization", "/bc-authorize"])
        .await;
}

/// I02, I03, I05: no client registers itself, and no registration token exists.
#[tokio::test(flavor = "multi_thread")]
async fn absent_dynamic_registration_i02_i03_i05() {
    let server = Server::start().await;
    gone(&server, &["/register", "/oauth/register", "/register/acme-payments", "/connect/register"]).await;
    let before = crate::rfc6749_token::state(&server).await;
    let url = format!("{}/register", server.issuer("production"));
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let request =
            server.http.request(method, &url).json(&json!({ "client_name": "x", "redirect_uris": [] }));
        missing(&server.send(request).await);
    }
    assert_eq!(crate::rfc6749_token::state(&server).await, before);
}

/// Userinfo stands at one address, and nobody ends a session from outside yet (A14, G21).
#[tokio::test(flavor = "multi_thread")]
async fn absent_session_endpoints() {
    let server = Server::start().await;
    gone(&server, &["/oidc/userinfo", "/end_session"]).await;
}
