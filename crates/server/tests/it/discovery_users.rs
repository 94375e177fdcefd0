//! OpenID Connect Discovery 3 and RFC 8414 2, for what users take part in: every member is there, true, and gone where no
//! profile lets users sign in.

use grantor_testkit::{Browser, Pkce, Server};
use serde_json::{Value, json};

use crate::code_flow::{App, PRODUCTION, reply};

/// What only an environment with the code grant has.
const OF_USERS: [&str; 16] = [
    "authorization_endpoint",
    "userinfo_endpoint",
    "response_modes_supported",
    "code_challenge_methods_supported",
    "prompt_values_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
    "userinfo_signing_alg_values_supported",
    "acr_values_supported",
    "claim_types_supported",
    "claims_supported",
    "authorization_response_iss_parameter_supported",
    "claims_parameter_supported",
    "request_parameter_supported",
    "request_uri_parameter_supported",
    "jwks_uri",
];

async fn document(server: &Server, environment: &str) -> Value {
    let url = format!("{}/.well-known/openid-configuration", server.issuer(environment));
    let answer = server.get(&url, None).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    answer.json()
}

fn names(document: &Value, member: &str) -> Vec<String> {
    let list = document[member].as_array().unwrap_or_else(|| panic!("{member} is a list"));
    list.iter().map(|name| name.as_str().expect("text").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_member_that_discovery_requires_is_there_and_says_what_is_on() {
    let server = Server::start().await;
    for environment in ["production", "sandbox"] {
        let issuer = server.issuer(environment);
        let document = document(&server, environment).await;
        // 4.3, 7.2: byte for byte.
        assert_eq!(document["issuer"], issuer.as_str());
        for (member, path) in [
            ("authorization_endpoint", "/authorize"),
            ("userinfo_endpoint", "/userinfo"),
            ("jwks_uri", "/jwks"),
            ("revocation_endpoint", "/revoke"),
            ("introspection_endpoint", "/introspect"),
        ] {
            assert_eq!(document[member], format!("{issuer}{path}"), "{member}");
        }
        assert!(document["token_endpoint"].as_str().is_some_and(|url| url.starts_with(&issuer)));
        assert_eq!(document["response_types_supported"], json!(["code"]));
        assert_eq!(document["response_modes_supported"], json!(["query", "form_post"]));
        assert_eq!(
            names(&document, "grant_types_supported"),
            ["authorization_code", "client_credentials", "password", "refresh_token"]
        );
        assert_eq!(document["subject_types_supported"], json!(["public", "pairwise"]));
        // OpenID Connect Core 15.1: RS256 is always among them; what we never take is not.
        let algorithms = names(&document, "id_token_signing_alg_values_supported");
        assert!(
            algorithms.contains(&"RS256".to_owned())
                && algorithms.iter().all(|name| name != "none" && !name.starts_with("HS"))
        );
        assert_eq!(names(&document, "userinfo_signing_alg_values_supported"), algorithms);
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
        // 3: their default is true.
        assert_eq!(document["request_uri_parameter_supported"], false);
        assert_eq!(document["request_parameter_supported"], false);
        assert!(document.get("require_request_uri_registration").is_none());
        assert_eq!(document["claims_parameter_supported"], true);
        assert_eq!(document["authorization_response_iss_parameter_supported"], true);
        assert_eq!(document["claim_types_supported"], json!(["normal"]));
        let scopes = names(&document, "scopes_supported");
        for scope in ["openid", "profile", "email", "offline_access", "payments:read"] {
            assert!(scopes.iter().any(|known| known == scope), "{scope}");
        }
        assert!(
            !scopes.iter().any(|scope| scope == "address" || scope == "phone"),
            "nothing is known of them"
        );
        // Not there: not named.
        for absent in [
            "registration_endpoint",
            "end_session_endpoint",
            "device_authorization_endpoint",
            "check_session_iframe",
            "pushed_authorization_request_endpoint",
        ] {
            assert!(document.get(absent).is_none(), "{absent}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_document_promises_works() {
    let server = Server::start().await;
    let document = document(&server, PRODUCTION).await;
    let app = App::of_payments(&server);
    // Endpoints.
    let authorize = app.url(&server, &Pkce::new_one(), &[]);
    assert_eq!(Some(authorize.split('?').next().unwrap_or("")), document["authorization_endpoint"].as_str());
    let userinfo = document["userinfo_endpoint"].as_str().expect("a URL");
    assert_eq!(server.get(userinfo, None).await.status, 401);
    // Prompts and modes: none of them is refused as unknown.
    for prompt in names(&document, "prompt_values_supported") {
        let answer = app.ask(&server, &[("prompt", &prompt)]).await;
        let location = answer.header("location");
        let expected = match prompt.as_str() {
            "none" => location.contains("error=login_required"),
            "create" => location.starts_with("/signup?i="),
            _ => location.starts_with("/login?i="),
        };
        assert!(expected, "{prompt}: {location}");
    }
    for mode in names(&document, "response_modes_supported") {
        assert!(
            app.ask(&server, &[("response_mode", &mode)]).await.header("location").starts_with("/login?i=")
        );
    }
    // Claims: everything that is said of a user is named, and everything named is said of one who asks for all of it.
    let asked =
        json!({ "id_token": { "email": null, "email_verified": null, "name": null, "updated_at": null } })
            .to_string();
    let tokens = app.tokens(&server, &mut Browser::new(&server), &[("claims", &asked)]).await;
    let said = Server::claims(&tokens.id);
    let mut said: Vec<String> = said.as_object().expect("an object").keys().cloned().collect();
    let mut named = names(&document, "claims_supported");
    said.sort();
    named.sort();
    assert_eq!(said, named);
    // Scopes.
    let openid: Vec<String> = names(&document, "scopes_supported")
        .into_iter()
        .filter(|scope| !scope.contains([':', '.']))
        .collect();
    let answer = app.ask(&server, &[("scope", &openid.join(" "))]).await;
    assert!(answer.header("location").starts_with("/login?i="), "{:?}", answer.header("location"));
    // Signing keys of every algorithm are published.
    let jwks = server.get(document["jwks_uri"].as_str().expect("a URL"), None).await.json();
    for algorithm in names(&document, "id_token_signing_alg_values_supported") {
        let published =
            jwks["keys"].as_array().expect("keys").iter().any(|key| key["alg"] == algorithm.as_str());
        assert!(published, "{algorithm}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_without_users_says_nothing_of_them() {
    let server = Server::start().await;
    let issuer = format!("http://{}/machines", server.address());
    let manifest = format!(
        r#"
        [[environment]]
        name = "machines"
        issuer = "{issuer}"
        stage = "test"

        [[api]]
        name = "robots"
        environments = ["machines"]
        profile = "channel"
        audience = "https://robots.example"
        scope = [{{ name = "robots:move", description = "Move" }}]
        "#
    );
    let applied = server.apply(&manifest).await;
    assert_eq!(applied.status, 200, "{}", applied.text);
    for well_known in ["openid-configuration", "oauth-authorization-server"] {
        let document = server.get(&format!("{issuer}/.well-known/{well_known}"), None).await.json();
        assert_eq!(document["issuer"], issuer.as_str());
        for member in OF_USERS.iter().filter(|member| **member != "jwks_uri") {
            assert!(document.get(*member).is_none(), "{member}: {document}");
        }
        assert_eq!(document["grant_types_supported"], json!(["client_credentials"]));
        // REQUIRED by RFC 8414 2, and never empty.
        assert_eq!(document["response_types_supported"], json!(["none"]));
        assert_eq!(document["scopes_supported"], json!(["robots:move"]));
    }
    // No app can be registered that would need what is not there.
    let app = json!({ "tenant": "acme", "client_id": "who", "apis": [], "metadata": { "redirect_uris": ["https://rp.test/cb"] } });
    assert_eq!(server.admin("POST", "/environments/machines/apps", app).await.status, 422);
    let refused = server.get(&format!("{issuer}/authorize?client_id=who&response_type=code"), None).await;
    crate::code_flow::refused_here(&refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_members_come_and_go_with_the_profile_without_a_restart() {
    let server = Server::start().await;
    let profile = |grants: &str| {
        format!(
            "[[profile]]\nname = \"people\"\ntoken_paths = [\"/people/token\"]\nclient_auth = [\"client_secret_basic\", \"none\"]\n\
             token_format = \"jwt\"\ngrants = [{grants}]\n[profile.refresh]\ngrants = [\"authorization_code\"]\n"
        )
    };
    let issuer = format!("http://{}/people", server.address());
    let rest = format!(
        "[[environment]]\nname = \"people\"\nissuer = \"{issuer}\"\nstage = \"test\"\n\
         [[api]]\nname = \"people\"\nenvironments = [\"people\"]\nprofile = \"people\"\naudience = \"https://people.example\"\n"
    );
    let read =
        || async { server.get(&format!("{issuer}/.well-known/openid-configuration"), None).await.json() };
    for (grants, by_code) in [
        ("\"client_credentials\"", false),
        ("\"client_credentials\", \"authorization_code\"", true),
        ("\"client_credentials\"", false),
    ] {
        let applied = server.apply(&format!("{}{rest}", profile(grants))).await;
        assert_eq!(applied.status, 200, "{}", applied.text);
        let document = read().await;
        for member in OF_USERS.iter().filter(|member| **member != "jwks_uri") {
            assert_eq!(document.get(*member).is_some(), by_code, "{member}: {document}");
        }
        let granted = names(&document, "grant_types_supported");
        assert_eq!(granted.contains(&"refresh_token".to_owned()), by_code);
        // An app without secret gets a token by a code and by nothing else.
        assert_eq!(
            names(&document, "token_endpoint_auth_methods_supported").contains(&"none".to_owned()),
            by_code
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_issuer_of_answers_and_tokens_is_that_of_the_document_whatever_the_headers_say() {
    let server = Server::start().await;
    let app = App::of_payments(&server);
    let issuer = server.issuer(PRODUCTION);
    let request = server
        .http
        .get(app.url(&server, &Pkce::new_one(), &[("prompt", "none")]))
        .header("forwarded", "host=evil.test;proto=https")
        .header("x-forwarded-host", "evil.test")
        .header("x-forwarded-proto", "https");
    let answer = server.send(request).await;
    assert_eq!(reply(&answer).get("iss"), issuer);
    let tokens = server.user_token(PRODUCTION, "payments").await;
    assert_eq!(
        (&Server::claims(&tokens.id)["iss"], &Server::claims(&tokens.access)["iss"]),
        (&json!(issuer), &json!(issuer))
    );
}
