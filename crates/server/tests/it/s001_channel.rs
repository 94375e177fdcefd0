//! What the page behind the profile `channel` states (S001), in both environments where it makes a difference.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use grantor_testkit::{Answer, Client, Server, basic};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::s000_payments::{BOTH, form};

const GRANT: &str = "grant_type=client_credentials";

#[tokio::test(flavor = "multi_thread")]
async fn s001_01_every_operation_of_every_api_answers_401_without_a_valid_token() {
    let server = Server::start().await;
    let apis = server.contract()["apis"].as_array().unwrap();
    assert_eq!(apis.len(), 10);
    for api in apis {
        let (environment, name) = (api["environment"].as_str().unwrap(), api["name"].as_str().unwrap());
        let examples = api["examples"].as_array().unwrap();
        assert!(!examples.is_empty());
        for example in examples {
            let (method, path) = (example["method"].as_str().unwrap(), example["path"].as_str().unwrap());
            let place = format!("{environment} {name} {method} {path}");
            for bearer in [None, Some("made-up"), Some("a.b.c")] {
                let answer = server.call(environment, name, bearer, method, path).await;
                assert_eq!(answer.status, 401, "{place}");
                assert!(answer.header("www-authenticate").starts_with("Bearer realm="), "{place}");
                let asked = server.forward_auth(environment, name, bearer, method, path).await;
                assert_eq!(asked.status, 401, "{place}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s001_02_the_token_identifies_one_registered_client() {
    let server = Server::start().await;
    let second = server.new_app("production", json!({ "tenant": "acme", "apis": ["channel"] })).await;
    for client in [server.client("production", "channel"), second] {
        let token = token_of(&server, &client).await;
        let claims = Server::claims(&token);
        assert_eq!(claims["sub"], client.id.as_str());
        assert_eq!(claims["client_id"], client.id.as_str());
        let called = rates(&server, "production", Some(&token)).await;
        assert_eq!(called.json()["caller"]["client_id"], client.id.as_str());
        let path = format!("/environments/production/apps/{}", client.id);
        let app = server.admin("GET", &path, Value::Null).await;
        assert_eq!((app.status, &app.json()["client_id"]), (200, &claims["client_id"]));
        assert_eq!(server.admin("DELETE", &path, Value::Null).await.status, 204);
        let orphan = rates(&server, "production", Some(&token)).await;
        assert_eq!(orphan.status, 401, "a caller that is nobody any more");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s001_03_one_altered_byte_anywhere_in_the_token_is_401() {
    let server = Server::start().await;
    let token = server.token("production", "channel").await;
    assert_eq!(rates(&server, "production", Some(&token)).await.status, 200);
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(bytes).unwrap();
        let answer = rates(&server, "production", Some(&altered)).await;
        assert_eq!(answer.status, 401, "byte {at} of {}", token.len());
    }
    assert_eq!(rates(&server, "production", Some(&token)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn s001_04_tokens_are_limited_in_time() {
    let server = Server::start().await;
    for environment in BOTH {
        let token = server.token(environment, "channel").await;
        let claims = Server::claims(&token);
        assert!(claims["exp"].as_i64().unwrap() > claims["iat"].as_i64().unwrap());
        assert_eq!(rates(&server, environment, Some(&token)).await.status, 200);
        server.clock().pass(3600);
        assert_eq!(rates(&server, environment, Some(&token)).await.status, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s001_05_tokens_are_compact_and_safe_in_urls() {
    let server = Server::start().await;
    for environment in BOTH {
        let token = server.token(environment, "channel").await;
        let parts: Vec<&str> = token.split('.').collect();
        assert_eq!(parts.len(), 3);
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        assert!(parts.iter().all(|part| !part.is_empty() && part.bytes().all(unreserved)));
        assert!(token.len() < 1024, "{} bytes are no compact token", token.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s001_06_machines_have_a_credential_pair_of_their_own() {
    let server = Server::start().await;
    let app = json!({ "tenant": "acme", "apis": ["channel"] });
    let first = server.new_app("production", app.clone()).await;
    let second = server.new_app("production", app).await;
    assert!(first.id != second.id && first.secret != second.secret);
    let crossed = Client { id: first.id.clone(), secret: second.secret.clone() };
    for (client, status) in [(&first, 200), (&second, 200), (&crossed, 401)] {
        assert_eq!(server.request_token("production", "channel", client).await.status, status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s001_08_client_id_can_be_chosen() {
    let server = Server::start().await;
    for environment in BOTH {
        // The same id in both environments: they are two worlds.
        let chosen = json!({ "tenant": "acme", "apis": ["channel"], "client_id": "Booking.Engine 7" });
        let client = server.new_app(environment, chosen).await;
        assert_eq!(client.id, "Booking.Engine 7");
        let answer = server.request_token(environment, "channel", &client).await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            Server::claims(answer.json()["access_token"].as_str().unwrap())["sub"],
            "Booking.Engine 7"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s001_08_a_chosen_client_id_is_never_given_twice_not_even_after_deletion() {
    let server = Server::start().await;
    let register = async |id: &str| {
        let app = json!({ "tenant": "acme", "apis": ["channel"], "client_id": id });
        server.admin("POST", "/environments/production/apps", app).await.status
    };
    assert_eq!(register("engine").await, 201);
    assert_eq!(register("engine").await, 409);
    assert_eq!(register("ENGINE").await, 409, "an id that a person takes for the same");
    assert_eq!(register("%65ngine").await, 409, "an id that HTTP Basic may carry as the same");
    let path = "/environments/production/apps/engine";
    assert_eq!(server.admin("DELETE", path, Value::Null).await.status, 204);
    assert_eq!(server.admin("GET", path, Value::Null).await.status, 404);
    assert_eq!(register("engine").await, 409);
    assert_eq!(register("engine-2").await, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn s001_08_colons_and_control_characters_in_a_chosen_client_id_are_refused() {
    let server = Server::start().await;
    for environment in BOTH {
        for id in ["a:b", "a%3Ab", "a\u{0}b", "a\nb", "a\u{7f}b", "a%0Ab", ""] {
            let app = json!({ "tenant": "acme", "apis": ["channel"], "client_id": id });
            let path = format!("/environments/{environment}/apps");
            let answer = server.admin("POST", &path, app).await;
            assert_eq!(answer.status, 400, "{id:?}: {}", answer.text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s001_11_posting_to_oauth_v2_token_issues_and_other_methods_are_405() {
    let server = Server::start().await;
    for environment in BOTH {
        let url = format!("{}/oauth/v2/token", server.issuer(environment));
        assert_eq!(server.token_endpoint(environment, "channel"), url);
        let client = server.client(environment, "channel");
        let header = basic(&client.id, &client.secret);
        assert_eq!(server.post(&url, Some(&header), GRANT).await.status, 200);
        for method in [reqwest::Method::GET, reqwest::Method::PUT, reqwest::Method::DELETE] {
            let request = server.http.request(method.clone(), &url).header("authorization", &header);
            let answer = server.send(request).await;
            assert_eq!((answer.status, answer.header("allow")), (405, "POST"), "{method}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s001_12_basic_is_base64_of_client_id_colon_client_secret() {
    let server = Server::start().await;
    for environment in BOTH {
        let url = server.token_endpoint(environment, "channel");
        let client = server.client(environment, "channel");
        let pair = STANDARD.encode(format!("{}:{}", client.id, client.secret));
        let swapped = STANDARD.encode(format!("{}:{}", client.secret, client.id));
        let plain = format!("{}:{}", client.id, client.secret);
        for (header, status) in [
            (format!("Basic {pair}"), 200),
            (format!("basic {pair}"), 200),
            (format!("Basic {swapped}"), 401),
            (format!("Basic {plain}"), 401),
            (format!("Bearer {pair}"), 401),
            (format!("Basic{pair}"), 401),
        ] {
            let answer = server.post(&url, Some(&header), GRANT).await;
            assert_eq!(answer.status, status);
        }
        let in_body = server.post(&url, None, &form(&client, GRANT)).await;
        assert_eq!((in_body.status, in_body.error().as_str()), (401, "invalid_client"), "Basic only");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s001_12_encoded_and_raw_ids_both_authenticate() {
    let server = Server::start().await;
    let ids = ["a b", "shop@example.org", "100%", "c+d", "e shop@100%+x", "50%25", "f%20g"];
    for environment in BOTH {
        let url = server.token_endpoint(environment, "channel");
        for id in ids {
            let app = json!({ "tenant": "acme", "apis": ["channel"], "client_id": id });
            let client = server.new_app(environment, app).await;
            let percent = utf8_percent_encode(id, NON_ALPHANUMERIC).to_string();
            let plus = percent.replace("%20", "+");
            let secret = utf8_percent_encode(&client.secret, NON_ALPHANUMERIC).to_string();
            for (spelled, secret) in
                [(id, &client.secret), (percent.as_str(), &secret), (plus.as_str(), &secret)]
            {
                let answer = server.post(&url, Some(&basic(spelled, secret)), GRANT).await;
                assert_eq!(answer.status, 200, "{id} as {spelled}");
                let token = answer.json()["access_token"].as_str().unwrap().to_owned();
                assert_eq!(Server::claims(&token)["client_id"], id);
                let wrong = server.post(&url, Some(&basic(spelled, "wrong")), GRANT).await;
                assert_eq!(wrong.status, 401, "{id} as {spelled}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s001_12_two_ids_that_basic_could_confuse_cannot_both_exist() {
    let server = Server::start().await;
    let app = |id: &str| json!({ "tenant": "acme", "apis": ["channel"], "client_id": id });
    server.new_app("production", app("a b")).await;
    for twin in ["a+b", "a%20b"] {
        let answer = server.admin("POST", "/environments/production/apps", app(twin)).await;
        assert_eq!(answer.status, 409, "{twin}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s001_13_the_body_must_be_a_form() {
    let server = Server::start().await;
    for environment in BOTH {
        let client = server.client(environment, "channel");
        let post = async |media: Option<&str>, body: &str| {
            let url = server.token_endpoint(environment, "channel");
            let mut request = server
                .http
                .post(url)
                .header("authorization", basic(&client.id, &client.secret))
                .body(body.to_owned());
            if let Some(media) = media {
                request = request.header("content-type", media);
            }
            server.send(request).await
        };
        let form = "application/x-www-form-urlencoded";
        assert_eq!(post(Some(form), GRANT).await.status, 200);
        assert_eq!(post(Some(&format!("{form}; charset=UTF-8")), GRANT).await.status, 200);
        for (media, body) in [
            (Some("application/json"), r#"{"grant_type":"client_credentials"}"#),
            (Some("application/json"), GRANT),
            (Some("multipart/form-data"), GRANT),
            (Some("text/plain"), GRANT),
            (None, GRANT),
        ] {
            let answer = post(media, body).await;
            assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_request"), "{media:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s001_14_the_grant_type_is_enough_and_the_scope_defaults_to_what_is_allowed() {
    let server = Server::start().await;
    for environment in BOTH {
        let client = server.client(environment, "channel");
        let url = server.token_endpoint(environment, "channel");
        let header = basic(&client.id, &client.secret);
        let scope_of = async |body: &str| {
            let answer = server.post(&url, Some(&header), body).await;
            assert_eq!(answer.status, 200, "{body}");
            Server::claims(answer.json()["access_token"].as_str().unwrap())["scope"].clone()
        };
        assert_eq!(scope_of(GRANT).await, "rates:read");
        assert_eq!(scope_of(&format!("{GRANT}&scope=rates:read")).await, "rates:read");
        assert_eq!(scope_of(&format!("{GRANT}&scope=")).await, "rates:read", "without value: as if absent");
        let missing = server.post(&url, Some(&header), "scope=rates:read").await;
        assert_eq!((missing.status, missing.error().as_str()), (400, "invalid_request"));
        let beyond = server.post(&url, Some(&header), &format!("{GRANT}&scope=rates:write")).await;
        assert_eq!((beyond.status, beyond.error().as_str()), (400, "invalid_scope"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s001_15_s001_16_s001_17_success_is_200_with_exactly_three_members() {
    let server = Server::start().await;
    for environment in BOTH {
        let client = server.client(environment, "channel");
        let url = server.token_endpoint(environment, "channel");
        for body in [GRANT.to_owned(), format!("{GRANT}&scope=rates:read")] {
            let answer = server.post(&url, Some(&basic(&client.id, &client.secret)), &body).await;
            assert_eq!(answer.status, 200);
            let json = answer.json();
            let mut names: Vec<&String> = json.as_object().unwrap().keys().collect();
            names.sort();
            assert_eq!(names, ["access_token", "expires_in", "token_type"]);
            // S001-16: the literal; S001-17: a number, not a text.
            assert_eq!(json["token_type"], "Bearer");
            assert_eq!(json["expires_in"], Value::from(3600));
            assert!(json["expires_in"].is_u64());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s001_18_invalid_credentials_are_401_with_a_basic_challenge() {
    let server = Server::start().await;
    for environment in BOTH {
        let client = server.client(environment, "channel");
        let url = server.token_endpoint(environment, "channel");
        let mut bodies = Vec::new();
        for (id, secret) in [
            (client.id.as_str(), "wrong"),
            ("nobody", "wrong"),
            ("nobody", &client.secret),
            (client.id.as_str(), ""),
        ] {
            let answer = server.post(&url, Some(&basic(id, secret)), GRANT).await;
            assert_eq!((answer.status, answer.error().as_str()), (401, "invalid_client"), "{id}");
            assert!(answer.header("www-authenticate").starts_with("Basic realm="));
            let mut body = answer.json();
            body.as_object_mut().unwrap().remove("request_id");
            bodies.push(body);
        }
        assert!(
            bodies.iter().all(|body| *body == bodies[0]),
            "the answer does not tell which part was wrong"
        );
        let nothing = server.post(&url, None, GRANT).await;
        assert_eq!((nothing.status, nothing.error().as_str()), (401, "invalid_client"));
        assert_eq!(nothing.header("www-authenticate"), "", "no challenge where Basic was not used");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s001_19_a_call_with_the_token_as_bearer_is_answered_with_2xx() {
    let server = Server::start().await;
    for environment in BOTH {
        let token = server.token(environment, "channel").await;
        let answer = rates(&server, environment, Some(&token)).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json()["caller"]["scope"], "rates:read");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s001_20_a_bad_token_is_401_and_a_good_one_without_permission_403_never_swapped() {
    let server = Server::start().await;
    for environment in BOTH {
        let app = json!({ "tenant": "acme", "apis": ["channel"], "scopes": [] });
        let powerless = server.new_app(environment, app).await;
        let answer = server.request_token(environment, "channel", &powerless).await;
        assert_eq!(answer.status, 200);
        let weak = answer.json()["access_token"].as_str().unwrap().to_owned();
        let expected = async |bearer: Option<&str>, status: u16, error: &str| {
            let answer = rates(&server, environment, bearer).await;
            assert_eq!(answer.status, status);
            assert!(
                answer.header("www-authenticate").contains(error),
                "{}",
                answer.header("www-authenticate")
            );
            let asked = server.forward_auth(environment, "channel", bearer, "GET", "/rates").await;
            assert_eq!(asked.status, status);
        };
        let good = server.token(environment, "channel").await;
        assert_eq!(rates(&server, environment, Some(&good)).await.status, 200);
        expected(Some(&weak), 403, "error=\"insufficient_scope\"").await;
        expected(None, 401, "Bearer realm=").await;
        expected(Some("made-up"), 401, "error=\"invalid_token\"").await;
        server.clock().pass(3600);
        expected(Some(&good), 401, "error=\"invalid_token\"").await;
        expected(Some(&weak), 401, "error=\"invalid_token\"").await;
    }
}

async fn rates(server: &Server, environment: &str, bearer: Option<&str>) -> Answer {
    server.call(environment, "channel", bearer, "GET", "/rates").await
}

async fn token_of(server: &Server, client: &Client) -> String {
    let answer = server.request_token("production", "channel", client).await;
    assert_eq!(answer.status, 200);
    answer.json()["access_token"].as_str().expect("an access token").to_owned()
}
