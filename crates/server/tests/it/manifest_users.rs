//! Manifests: what apps say of themselves, users with their memberships, documents with their versions.

use grantor_testkit::{Answer, Server};
use serde_json::{Value, json};

const USERS: &str = "/environments/production/users";

async fn changes(server: &Server, manifest: &str) -> Value {
    let answer = server.apply(manifest).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["changes"].clone()
}

/// The only change's action, and the names of the fields that differ.
async fn change(server: &Server, manifest: &str) -> (String, Vec<String>) {
    let changes = changes(server, manifest).await;
    assert_eq!(changes.as_array().unwrap().len(), 1, "{changes}");
    let fields = changes[0]["fields"].as_array().unwrap().iter();
    let fields = fields.map(|field| field["field"].as_str().unwrap().to_owned()).collect();
    (changes[0]["action"].as_str().unwrap().to_owned(), fields)
}

async fn refused(server: &Server, manifest: &str) -> String {
    let answer = server.apply(manifest).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    answer.json()["detail"].as_str().unwrap().to_owned()
}

async fn get(server: &Server, path: &str) -> Answer {
    server.admin("GET", path, json!({})).await
}

fn unchanged() -> (String, Vec<String>) {
    ("unchanged".to_owned(), Vec::new())
}

const PORTAL: &str = r#"[[app]]
client_id = "portal"
tenant = "acme"
environments = ["production", "sandbox"]
redirect_uris = ["{issuer}/cb", "https://portal.acme.example/{environment}"]
policy_uri = "https://acme.example/{environment}/privacy"
contacts = ["it@acme.example"]
default_max_age = 3600
"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_only_signs_in_is_spelled_for_each_environment() {
    let server = Server::start().await;
    changes(&server, PORTAL).await;
    for environment in ["production", "sandbox"] {
        let app = get(&server, &format!("/environments/{environment}/apps/portal")).await.json();
        let metadata = &app["metadata"];
        let own = format!("{}/cb", server.issuer(environment));
        let uris = json!([own, format!("https://portal.acme.example/{environment}")]);
        assert_eq!(metadata["redirect_uris"], uris);
        assert_eq!(metadata["policy_uri"], format!("https://acme.example/{environment}/privacy"));
        assert_eq!((&metadata["default_max_age"], &metadata["require_pkce"]), (&json!(3600), &json!(true)));
        assert_eq!(
            (&app["apis"], &app["grants"]),
            (&json!([]), &json!(["authorization_code", "refresh_token"]))
        );
    }
    let again = changes(&server, PORTAL).await;
    assert!(again.as_array().unwrap().iter().all(|change| change["action"] == "unchanged"), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_in_what_an_app_says_is_told_member_by_member() {
    let server = Server::start().await;
    let here = PORTAL.replace(", \"sandbox\"", "");
    change(&server, &here).await;
    let changed = here.replace("3600", "60") + "subject_type = \"public\"\nrequire_pkce = false\n";
    let (action, fields) = change(&server, &changed).await;
    assert_eq!((action.as_str(), fields), ("update", vec!["default_max_age".into(), "require_pkce".into()]));
    let (_, fields) = change(&server, &here.replace("default_max_age = 3600\n", "")).await;
    assert_eq!(fields, ["default_max_age", "require_pkce"], "what is left out is unset");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_app_may_not_say_is_refused_with_its_name_and_the_reason() {
    let server = Server::start().await;
    let with = |line: &str| format!("{PORTAL}{line}\n");
    for (manifest, words) in [
        (
            PORTAL.replace("{issuer}/cb", "https://*.acme.example/cb"),
            "app portal in production: redirect_uris: ",
        ),
        (with("logo_uri = \"http://acme.example/l.png\""), "logo_uri: write an https URL"),
        (
            with("id_token_signed_response_alg = \"PS256\""),
            "no key for one of the app's signature algorithms",
        ),
        (with("grants = [\"client_credentials\"]"), "None of the app's APIs has one of these grants on"),
        (with("subject_type = \"pairwise\""), "same host"),
        (PORTAL.replace("redirect_uris", "#"), "at least one API that it calls or is, or redirect URIs"),
    ] {
        let told = refused(&server, &manifest).await;
        assert!(told.contains(words), "{told}");
    }
    let unknown = format!("{PORTAL}jwks_uri = \"https://acme.example/jwks\"\n");
    let error = grantor_server::manifest::from_toml(&unknown).unwrap_err().to_string();
    assert!(error.contains("unknown field `jwks_uri`"), "{error}");
    assert_eq!(get(&server, "/environments/production/apps/portal").await.status, 404, "nothing was written");
}

const MACHINES: &str = r#"[[environment]]
name = "machines"
issuer = "http://127.0.0.1:1/machines"
stage = "test"

[[profile]]
name = "machines"
token_paths = ["/token"]
client_auth = ["client_secret_basic"]
token_format = "jwt"
grants = ["client_credentials"]

[[api]]
name = "machines"
environments = ["machines"]
profile = "machines"
audience = "https://machines.example"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_gets_rs256_keys_once_an_api_lets_users_sign_in() {
    let server = Server::start().await;
    let algorithms = async || {
        let ring = get(&server, "/environments/machines/signing-keys").await.json();
        let mut names: Vec<String> = ring["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|key| key["use"] == "sign")
            .map(|key| format!("{} {}", key["algorithm"].as_str().unwrap(), key["state"].as_str().unwrap()))
            .collect();
        names.sort();
        names
    };
    changes(&server, MACHINES).await;
    assert_eq!(algorithms().await, ["ES256 active", "ES256 next"]);
    let portal = PORTAL.replace("\"production\", \"sandbox\"", "\"machines\"");
    let told = refused(&server, &portal).await;
    assert!(told.contains("No API of this environment has sign-in for users on"), "{told}");

    let users = MACHINES.replace("[\"client_credentials\"]", "[\"authorization_code\"]");
    changes(&server, &users).await;
    let expected = ["ES256 active", "ES256 next", "RS256 active", "RS256 next"];
    assert_eq!(algorithms().await, expected);
    changes(&server, &portal).await;
    changes(&server, &users).await;
    assert_eq!(algorithms().await, expected, "and none twice");
}

const ANN: &str = r#"[[user]]
email = "Ann@people.test"
name = "Ann"
environments = ["production"]
memberships = [{ tenant = "acme", roles = ["viewer", "owner"] }]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_a_manifest_is_verified_has_no_password_and_belongs_somewhere() {
    let server = Server::start().await;
    assert_eq!(change(&server, ANN).await.0, "create");
    let user = get(&server, &format!("{USERS}/ann@people.test")).await.json();
    assert_eq!((&user["name"], &user["has_password"]), (&json!("Ann"), &json!(false)));
    assert!(user["email_verified_at"].is_string());
    assert_eq!(user["memberships"], json!([{ "tenant": "acme", "roles": ["owner", "viewer"] }]));
    let sandbox = get(&server, "/environments/sandbox/users/ann@people.test").await;
    assert_eq!(sandbox.status, 404);
    assert_eq!(change(&server, ANN).await, unchanged());

    let password = json!({ "password": "violet harbour seven" });
    server.admin("PUT", &format!("{USERS}/ann@people.test/password"), password).await;
    let renamed = ANN.replace("\"Ann\"", "\"Anne\"").replace("Ann@", "ANN@");
    assert_eq!(change(&server, &renamed).await, unchanged(), "whoever is there keeps name and password");
    let user = get(&server, &format!("{USERS}/ann@people.test")).await.json();
    assert_eq!((&user["name"], &user["has_password"]), (&json!("Ann"), &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn memberships_are_added_and_changed_and_what_is_not_mentioned_stays() {
    let server = Server::start().await;
    change(&server, ANN).await;
    let viewer = ANN.replace("[\"viewer\", \"owner\"]", "[\"viewer\"]");
    assert_eq!(change(&server, &viewer).await, ("update".to_owned(), vec!["member of acme".to_owned()]));
    let elsewhere = ANN.replace("tenant = \"acme\"", "tenant = \"provider\"");
    assert_eq!(change(&server, &elsewhere).await.0, "update");
    let user = get(&server, &format!("{USERS}/ann@people.test")).await.json();
    let mut memberships = user["memberships"].as_array().unwrap().clone();
    memberships.sort_by_key(|member| member["tenant"].as_str().unwrap().to_owned());
    assert_eq!(
        memberships,
        [
            json!({ "tenant": "acme", "roles": ["viewer"] }),
            json!({ "tenant": "provider", "roles": ["owner", "viewer"] })
        ]
    );
    // A tenant and its first member, in one manifest.
    let tenant = "[[tenant]]\nname = \"new\"\n".to_owned() + &ANN.replace("\"acme\"", "\"new\"");
    assert_eq!(changes(&server, &tenant).await.as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn contradictions_about_users_are_refused_and_passwords_have_no_place() {
    let server = Server::start().await;
    let twice = format!("{ANN}{}", ANN.replace("Ann@", "ann@"));
    assert!(refused(&server, &twice).await.contains("stands in the manifest twice"));
    let nowhere = ANN.replace("\"acme\"", "\"nobody\"");
    assert!(refused(&server, &nowhere).await.contains("there is no tenant nobody"));
    let idle = ANN.replace("[\"viewer\", \"owner\"]", "[]");
    assert!(refused(&server, &idle).await.contains("at least one role"));
    let member = "{ tenant = \"acme\", roles = [\"owner\"] }";
    let double = format!(
        "[[user]]\nemail = \"a@b.test\"\nenvironments = [\"production\"]\nmemberships = [{member}, {member}]\n"
    );
    assert!(refused(&server, &double).await.contains("in its memberships twice"));
    let error =
        grantor_server::manifest::from_toml(&format!("{ANN}password = \"x\"\n")).unwrap_err().to_string();
    assert!(error.contains("unknown field `password`"), "{error}");
    assert_eq!(get(&server, &format!("{USERS}/ann@people.test")).await.status, 404);
}

const RULES: &str = r#"[[document]]
kind = "rules"
[[document.versions]]
number = 1
grace = "30d"
texts.en = { title = "House rules", body = "Be kind." }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_published_at_the_first_apply_and_never_changes_after() {
    let server = Server::start().await;
    let tried = grantor_server::manifest::from_toml(RULES).unwrap();
    let tried = server.admin("POST", "/apply", json!({ "manifest": tried, "dry_run": true })).await;
    assert_eq!(tried.json()["changes"][0]["action"], "create", "{}", tried.text);
    assert_eq!(change(&server, RULES).await.0, "create");
    server.clock().pass(60);
    assert_eq!(change(&server, RULES).await, unchanged(), "it keeps its first moment");

    let told = refused(&server, &RULES.replace("Be kind.", "Be unkind.")).await;
    assert!(
        told.starts_with("document rules, version 1: ") && told.contains("publish a new version"),
        "{told}"
    );
    assert!(refused(&server, &RULES.replace("30d", "31d")).await.contains("publish a new version"));

    let second =
        "[[document.versions]]\nnumber = 2\ntexts.en = { title = \"House rules\", body = \"Be kinder.\" }\n";
    let (action, fields) = change(&server, &format!("{RULES}{second}")).await;
    assert_eq!((action.as_str(), fields), ("update", vec!["version 2".to_owned()]));
    assert_eq!(change(&server, &format!("[[document]]\nkind = \"rules\"\n{second}")).await, unchanged());
    assert_eq!(
        change(&server, "[[document]]\nkind = \"rules\"\n").await,
        unchanged(),
        "what is taken out stays"
    );
    let documents = get(&server, "/documents").await.json();
    let rules = documents["items"].as_array().unwrap().iter().find(|document| document["kind"] == "rules");
    assert_eq!(rules.unwrap()["versions"].as_array().unwrap().len(), 2);
    let early = RULES.replace("number = 1", "number = 3\neffective_at = \"2001-01-01T00:00:00Z\"");
    assert!(refused(&server, &early).await.contains("in force before"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_of_a_tenant_stands_beside_that_of_the_provider() {
    let server = Server::start().await;
    change(&server, RULES).await;
    let own = RULES.replace("kind = \"rules\"", "kind = \"rules\"\ntenant = \"acme\"");
    assert_eq!(change(&server, &own).await.0, "create");
    assert_eq!(change(&server, &own).await, unchanged());
    let twice = format!("{RULES}{RULES}");
    assert!(refused(&server, &twice).await.contains("stands in the manifest twice"));
    let unread =
        RULES.replace("body = \"Be kind.\"", "body_file = \"rules.md\"").replace("rules\"\n", "other\"\n");
    assert!(refused(&server, &unread).await.contains("was not read; send it as body"));
    assert!(refused(&server, "[[document]]\nkind = \"empty\"\n").await.contains("it needs a version"));
}
