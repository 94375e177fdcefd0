//! What the five reference pages ask of their documentation.

use super::super::path::Topic;
use super::world::World;

const ALL: [&str; 5] = ["payments", "channel", "assets", "deals", "banking"];

#[test]
fn s000_19_a_credentials_article_exists_and_the_authentication_article_leads_to_it() {
    for name in ALL {
        let world = World::of(name);
        let authentication = world.article(Topic::Authentication);
        assert!(authentication.contains("[Credentials](/docs/things/credentials)"), "{name}");
        let credentials = world.article(Topic::Credentials);
        assert!(credentials.starts_with("# Credentials: "), "{name}");
        assert!(credentials.contains("## Client id and client secret"), "{name}");
        assert!(credentials.contains("Your contact at the provider hands them over"), "{name}");
    }
}

#[test]
fn s001_10_docs_the_secret_acts_like_your_api_key_and_has_the_same_rules() {
    for name in ALL {
        let credentials = World::of(name).article(Topic::Credentials);
        assert!(credentials.contains("**The client secret acts like your API key**"), "{name}");
        // One list of rules, for both where there are both.
        assert_eq!(credentials.matches("## How to keep them").count(), 1, "{name}");
        let security = World::of(name).article(Topic::Security);
        assert!(security.contains("The client secret acts like your API key"), "{name}");
    }
    let assets = World::of("assets").article(Topic::Credentials);
    let rules = assets.find("## How to keep them").unwrap();
    assert!(assets.find("## API keys").unwrap() < rules && assets.find("## Client id").unwrap() < rules);
    assert!(assets.contains("- **How it is kept:** by the rules below."));
}

#[test]
fn s002_24_tenant_set_up_tells_which_kind_of_credential_is_needed_and_shows_it_in_curl() {
    let assets = World::of("assets").article(Topic::TenantSetup);
    assert!(assets.contains("## Which credential do you need?"));
    for choice in [
        "Client token: short-lived, had with client id and secret. Set up: An app with the client-credentials grant. It opens 1 of 3 operations.",
        "User token: had when a person signs in here. Set up: An app with the code grant and its redirect URIs. It opens 2 of 3 operations.",
        "API key: long-lived, sent as it is. Set up: A key, made by the provider's team. It opens 2 of 3 operations.",
        "- `GET /keys/self`: API key\n",
        "- `GET /me`: user token\n",
    ] {
        assert!(assets.contains(choice), "{choice}\n{assets}");
    }
    let curl = "In curl, with your credentials in `CLIENT_ID` and `CLIENT_SECRET`, and then the token in `TOKEN`:\n\n```sh\n\
                curl -u \"$CLIENT_ID:$CLIENT_SECRET\" \\\n  -d grant_type=client_credentials \\\n  \
                'https://id.example.com/oauth/token'\n\n\
                curl -H \"Authorization: Bearer $TOKEN\" 'https://id.example.com/demo/assets/assets'\n```";
    assert!(assets.contains(curl), "{assets}");
    for (name, opened) in
        [("banking", "It opens 1 of 1 operations."), ("channel", "It opens 1 of 1 operations.")]
    {
        let article = World::of(name).article(Topic::TenantSetup);
        assert!(article.contains("One kind of credential opens this API."), "{name}");
        assert!(article.contains(opened) && article.contains("In curl, with"), "{name}: {article}");
    }
}

#[test]
fn s004_18_the_docs_warn_against_source_control_apps_mail_and_chat() {
    for name in ALL {
        for topic in [Topic::Security, Topic::Credentials] {
            let article = World::of(name).article(topic).to_lowercase();
            for warned in ["source control", "mobile app", "web page", "unencrypted mail or chat"] {
                assert!(article.contains(warned), "{name} {topic:?}: {warned}");
            }
        }
    }
}

#[test]
fn s000_07_docs_say_how_the_word_bearer_is_written() {
    for name in ALL {
        let article = World::of(name).article(Topic::Authentication);
        assert!(article.contains("The word is `Bearer` with a capital B, and exactly one space"), "{name}");
        assert!(article.contains(grantor_resource::Refusal::MissingSpace.description()), "{name}");
    }
}

#[test]
fn each_api_is_told_its_own_way_of_client_authentication() {
    let of = |name: &str| World::of(name).article(Topic::Authentication);
    let (basic, post) =
        ("curl -u \"$CLIENT_ID:$CLIENT_SECRET\"", "--data-urlencode \"client_secret=$CLIENT_SECRET\"");
    for (name, by_header, by_body, endpoint) in [
        ("payments", true, true, "'https://id.example.com/oauth/token'"),
        ("channel", true, false, "'https://id.example.com/oauth/v2/token'"),
        ("banking", false, true, "'https://id.example.com/token'"),
    ] {
        let article = of(name);
        assert_eq!((article.contains(basic), article.contains(post)), (by_header, by_body), "{name}");
        assert_eq!(article.contains("in one way. Any other is refused"), !(by_header && by_body), "{name}");
        assert!(article.contains(endpoint), "{name}");
    }
}

#[test]
fn a_token_is_told_as_it_looks() {
    let (banking, payments) = (World::of("banking").articles(), World::of("payments").articles());
    assert!(
        banking.contains("The token is opaque") && !banking.contains("JWT") && !banking.contains("/jwks")
    );
    assert!(
        payments.contains("The token is a JWT, signed with ES256. Your app treats it as opaque all the same")
    );
    assert!(payments.contains("https://id.example.com/jwks") && payments.contains("| `tid` |"));
}

#[test]
fn every_operation_of_the_contract_stands_with_its_credentials_and_scopes() {
    let world = World::of("payments");
    for topic in [Topic::Overview, Topic::Credentials] {
        let article = world.article(topic);
        for row in [
            "| `GET /transfers` List transfers | client token or user token | `payments:read` |",
            "| `POST /transfers` Make a transfer | client token or user token | `payments:write` |",
        ] {
            assert!(article.contains(row), "{row}\n{article}");
        }
    }
}

#[test]
fn eight_languages_are_told_and_none_holds_a_credential() {
    for name in ALL {
        let article = World::of(name).article(Topic::Authentication);
        let (_, programs) = article.split_once("## Programs").unwrap();
        for language in ["curl", "Node.js", "Python", "Go", "Java", "Rust", "PHP", "Ruby"] {
            let begin = format!("### {language}\n\n```");
            let program = programs.split_once(&begin).unwrap_or_else(|| panic!("{name}: {language}")).1;
            let program = program.split("\n```").next().unwrap();
            for needed in ["CLIENT_ID", "CLIENT_SECRET", "https://id.example.com/", "expires_in"] {
                assert!(program.contains(needed), "{name} {language}: {needed}");
            }
            assert!(!program.contains("grt_"), "{name} {language}");
        }
    }
}

#[test]
fn every_refusal_of_the_guard_stands_with_its_own_words() {
    let article = World::of("payments").article(Topic::Errors);
    for row in [
        "| `invalid_request` | 400 | A token must not be sent in the query string; send 'Authorization: Bearer \\<token\\>'. |",
        "| `invalid_token` | 401 | One space must stand between Bearer and the token. |",
        "| `insufficient_scope` | 403 | This operation does not take this kind of credential. |",
        "| `insufficient_scope` | 403 | The token lacks a scope that this operation needs. |",
        "| `temporarily_unavailable` | 429 or 503 |",
        "\"reason\": \"credential_kind\"",
        "| trial | 5 | 20 |",
        "| unlimited | no limit | no limit |",
        "Retry-After",
    ] {
        assert!(article.contains(row), "{row}\n{article}");
    }
}
