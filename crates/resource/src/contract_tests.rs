//! What a document must say, and what a request path must look like.

use serde_json::{Value, json};

use super::*;
use crate::openapi::MAX_DOCUMENT;
use CredentialKind::{ApiKey, Client, User};

/// A small, complete document.
fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "servers": [{"url": "https://api.example.org/demo/payments/"}, {"url": "/other"}],
        "x-grantor-credential": ["client"],
        "security": [{"oauth": ["payments:read"]}],
        "components": {"securitySchemes": {
            "oauth": {"type": "oauth2", "flows": {}},
            "oidc": {"type": "openIdConnect", "openIdConnectUrl": "x"},
            "bearer": {"type": "http", "scheme": "Bearer"},
            "basic": {"type": "http", "scheme": "basic"},
            "key": {"type": "apiKey", "name": "X-Key", "in": "header"},
            "alias": {"$ref": "#/components/securitySchemes/oauth"}
        }},
        "paths": {
            "/transfers": {
                "get": {"x-grantor-credential": ["user", "client"], "responses": {
                    "404": {"content": {"application/json": {"example": "no"}}},
                    "204": {"description": "nothing"},
                    "201": {"content": {"application/json": {"example": {"id": 1}}}}}},
                "post": {"security": [{"oauth": ["payments:write", "payments:read"]}, {"oidc": ["admin"]}]}
            },
            "/transfers/{id}": {"get": {}, "head": {"x-grantor-credential": ["api_key"]}},
            "/transfers/mine": {"get": {"security": [], "x-grantor-credential": ["api_key", "user", "client"]}}
        }
    })
}

fn contract() -> Contract {
    Contract::from_openapi(&document().to_string()).unwrap()
}

/// Changes the document at a pointer to its parent and returns the pointer of the refusal.
fn refused_at(parent: &str, member: &str, value: Value) -> String {
    let mut changed = document();
    let parent = changed.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value == json!("REMOVE") {
        parent.remove(member)
    } else {
        parent.insert(member.into(), value)
    };
    let error = Contract::from_openapi(&changed.to_string()).expect_err("the document must be refused");
    assert!(!error.why.is_empty() && error.to_string().contains(&error.why));
    error.pointer
}

#[test]
fn each_operation_has_its_kinds_and_scopes_from_itself_or_the_root() {
    let contract = contract();
    let post = contract.find("POST", "/demo/payments/transfers").unwrap();
    assert_eq!(post.accepts, [Client]);
    assert_eq!(
        post.scopes,
        [vec!["payments:read".to_owned(), "payments:write".to_owned()], vec!["admin".to_owned()]]
    );
    let get = contract.find("GET", "/demo/payments/transfers").unwrap();
    assert_eq!(get.accepts, [Client, User]);
    assert_eq!(get.scopes, [["payments:read"]]);
    let mine = contract.find("GET", "/demo/payments/transfers/mine").unwrap();
    assert_eq!(mine.accepts, [Client, User, ApiKey]);
    assert!(mine.scopes.is_empty());
    assert_eq!(get.requirement().scopes, get.scopes);
    assert!(get.judge(User, "payments:read").is_ok() && get.judge(ApiKey, "payments:read").is_err());
}

#[test]
fn operations_are_listed_by_path_and_method() {
    let contract = contract();
    let listed: Vec<_> =
        contract.operations().iter().map(|one| format!("{} {}", one.method, one.path)).collect();
    let expected = [
        "GET /transfers",
        "POST /transfers",
        "GET /transfers/mine",
        "GET /transfers/{id}",
        "HEAD /transfers/{id}",
    ];
    assert_eq!(listed, expected);
}

#[test]
fn the_example_is_that_of_the_lowest_success_answer_with_json() {
    let contract = contract();
    let get = contract.find("GET", "/demo/payments/transfers").unwrap();
    assert_eq!((get.status, get.example.clone()), (201, Some(json!({"id": 1}))));
    let post = contract.find("POST", "/demo/payments/transfers").unwrap();
    assert_eq!((post.status, post.example.clone()), (200, None));
}

#[test]
fn examples_are_found_behind_references_and_in_schemas() {
    for (media, example) in [
        (json!({"examples": {"a": {"value": 5}}}), Some(json!(5))),
        (json!({"examples": {"a": {"$ref": "#/components/examples/e"}}}), Some(json!(6))),
        (json!({"schema": {"$ref": "#/components/schemas/s"}}), Some(json!(7))),
        (json!({"schema": {"example": 8}}), Some(json!(8))),
        (json!({"schema": {"$ref": "#/components/schemas/circle"}}), None),
    ] {
        let mut changed = document();
        changed["components"]["examples"] = json!({"e": {"value": 6}});
        changed["components"]["schemas"] =
            json!({"s": {"examples": [7]}, "circle": {"$ref": "#/components/schemas/circle"}});
        changed["components"]["responses"] = json!({"ok": {"content": {"application/json": media}}});
        changed["paths"]["/transfers"]["get"]["responses"] =
            json!({"2XX": {"$ref": "#/components/responses/ok"}});
        let contract = Contract::from_openapi(&changed.to_string()).unwrap();
        assert_eq!(contract.find("GET", "/demo/payments/transfers").unwrap().example, example);
    }
}

#[test]
fn an_operation_that_nobody_is_named_for_refuses_the_document() {
    // The first operation without its own list is the one that is reported.
    assert_eq!(refused_at("", "x-grantor-credential", json!("REMOVE")), "/paths/~1transfers/post");
    assert_eq!(refused_at("", "x-grantor-credential", json!([])), "/x-grantor-credential");
    let get = "/paths/~1transfers/get";
    for bad in
        [json!([]), json!(["Client"]), json!("client"), json!(["client", "admin"]), json!(null), json!([1])]
    {
        assert_eq!(refused_at(get, "x-grantor-credential", bad), format!("{get}/x-grantor-credential"));
    }
    // Named at the root only, but public according to OpenAPI: a contradiction, not an allowance.
    for public in [json!([]), json!([{}]), json!([{"oauth": ["a"]}, {}])] {
        assert_eq!(refused_at("/paths/~1transfers/post", "security", public), "/paths/~1transfers/post");
    }
}

#[test]
fn scopes_that_would_not_be_enforced_refuse_the_document() {
    let post = "/paths/~1transfers/post";
    for (security, at) in [
        (json!([{"key": ["a"]}]), "/0/key"),
        (json!([{"basic": ["a"]}]), "/0/basic"),
        (json!([{"oauth": ["a"]}, {"nobody/x": []}]), "/1/nobody~1x"),
        (json!([{"oauth": "a"}]), "/0/oauth"),
        (json!([{"oauth": ["a b"]}]), "/0/oauth"),
        (json!([{"oauth": [""]}]), "/0/oauth"),
        (json!([{"oauth": ["a\""]}]), "/0/oauth"),
        (json!(["oauth"]), "/0"),
        (json!({"oauth": ["a"]}), ""),
    ] {
        assert_eq!(refused_at(post, "security", security), format!("{post}/security{at}"));
    }
    assert_eq!(refused_at("/components/securitySchemes/oauth", "type", json!("new")), "/security/0/oauth");
    assert_eq!(refused_at("", "components", json!("REMOVE")), "/security/0/oauth");
}

#[test]
fn an_alternative_without_scopes_is_no_way_around_the_others() {
    for (security, expected) in [
        (json!([{"key": []}, {"oauth": ["a"]}]), json!([["a"]])),
        (json!([{"oauth": ["a"]}, {"bearer": []}]), json!([["a"]])),
        (json!([{"key": []}]), json!([])),
        (json!([{"alias": ["a"], "bearer": ["b"], "key": []}]), json!([["a", "b"]])),
        (json!([{"oauth": ["b", "a", "b"]}, {"oidc": ["a", "b"]}]), json!([["a", "b"]])),
    ] {
        let mut changed = document();
        changed["paths"]["/transfers"]["post"]["security"] = security;
        let contract = Contract::from_openapi(&changed.to_string()).unwrap();
        assert_eq!(json!(contract.find("POST", "/demo/payments/transfers").unwrap().scopes), expected);
    }
}

#[test]
fn a_document_that_is_no_openapi_3_is_refused_with_its_place() {
    assert_eq!(refused_at("", "openapi", json!("2.0")), "/openapi");
    assert_eq!(refused_at("", "openapi", json!("3.2.0")), "/openapi");
    assert_eq!(refused_at("", "openapi", json!("REMOVE")), "/openapi");
    assert_eq!(refused_at("", "paths", json!("REMOVE")), "/paths");
    assert_eq!(refused_at("", "paths", json!({})), "/paths");
    assert_eq!(refused_at("/paths", "/x", json!(5)), "/paths/~1x");
    assert_eq!(refused_at("/paths", "/x", json!({"$ref": "https://example.org/x"})), "/paths/~1x");
    assert_eq!(refused_at("/paths", "/x", json!({"get": []})), "/paths/~1x/get");
    assert_eq!(refused_at("/paths", "/a/../b", json!({})), "/paths/~1a~1..~1b");
    assert_eq!(refused_at("/paths", "/transfers/{other}", json!({"get": {}})), "/paths/~1transfers~1{other}");
    assert_eq!(refused_at("/paths/~1transfers", "servers", json!([])), "/paths/~1transfers/servers");
    assert_eq!(refused_at("/paths/~1transfers/get", "servers", json!([])), "/paths/~1transfers/get/servers");
}

#[test]
fn size_and_depth_of_a_document_are_bounded() {
    let mut long = document().to_string();
    long.push_str(&" ".repeat(MAX_DOCUMENT - long.len()));
    assert!(Contract::from_openapi(&long).is_ok());
    long.push(' ');
    assert_eq!(Contract::from_openapi(&long).unwrap_err().pointer, "");
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(Contract::from_openapi(&deep).unwrap_err().why.contains("JSON"));
}

#[test]
fn the_base_path_comes_from_the_first_server() {
    for (servers, base) in [
        (json!("REMOVE"), ""),
        (json!([]), ""),
        (json!([{"url": "/"}]), ""),
        (json!([{"url": "https://api.example.org"}]), ""),
        (json!([{"url": "https://{region}.example.org/v1"}]), "/v1"),
        (json!([{"url": "/demo/x"}]), "/demo/x"),
    ] {
        let mut changed = document();
        if servers == json!("REMOVE") {
            changed.as_object_mut().unwrap().remove("servers");
        } else {
            changed["servers"] = servers;
        }
        let contract = Contract::from_openapi(&changed.to_string()).unwrap();
        assert_eq!(contract.base_path(), base);
        assert!(contract.find("GET", &format!("{base}/transfers")).is_some());
    }
    for bad in
        ["v1", "/a/../b", "/a//", "//host/a", "/{v}", "/a?x=1", "https://h/a#b", "/a%2fb", "https://h//a"]
    {
        assert_eq!(refused_at("", "servers", json!([{"url": bad}])), "/servers/0/url", "{bad}");
    }
    assert_eq!(refused_at("", "servers", json!([{}])), "/servers/0/url");
}

#[test]
fn the_base_path_must_be_there_and_end_at_a_segment() {
    let contract = contract();
    assert!(contract.find("GET", "/demo/payments/transfers?x=1").is_some());
    for outside in [
        "/transfers",
        "/demo/payments",
        "/demo/paymentstransfers",
        "/demo/payments2/transfers",
        "/x/demo/payments/transfers",
        "demo/payments/transfers",
        "/DEMO/payments/transfers",
        "//demo/payments/transfers",
        "/demo/payments//transfers",
        "/demo/x/../payments/transfers",
        "https://api.example.org/demo/payments/transfers",
    ] {
        assert_eq!(contract.find("GET", outside), None, "{outside}");
    }
    assert!(matches!(contract.look_up_inside("GET", "/transfers?x"), Lookup::Operation(_)));
    assert_eq!(contract.look_up_inside("GET", "/demo/payments/transfers"), Lookup::Unknown);
}

#[test]
fn l02_a_path_that_is_not_in_normal_form_belongs_to_no_operation() {
    let contract = contract();
    assert!(contract.find("GET", "/demo/payments/transfers/7%20a?next=../..//;").is_some());
    for tail in [
        "..",
        ".",
        "%2e%2e",
        "%252e%252e",
        "a%2fb",
        "a%252Fb",
        "a\\b",
        "a;b",
        "a%00",
        "a\u{1}",
        "a%",
        "a%g1",
        "\u{e9}",
        "%6Dine",
        "a%3Bb",
        "MINE",
        "mine%20",
        "",
        "a/",
        "mine#x",
    ] {
        assert_eq!(contract.find("GET", &format!("/demo/payments/transfers/{tail}")), None, "{tail:?}");
    }
}

#[test]
fn an_address_that_an_encoder_has_escaped_is_a_parameter_like_any_other() {
    let contract = contract();
    for tail in ["a%40b.example", "a%3Ab", "a%2Bb"] {
        let found = contract.find("GET", &format!("/demo/payments/transfers/{tail}"));
        assert_eq!(found.map(|one| one.path.as_str()), Some("/transfers/{id}"), "{tail}");
    }
}

#[test]
fn the_most_specific_path_decides_and_only_its_methods_count() {
    let contract = contract();
    let path =
        |method, path: &str| contract.find(method, path).map(|one| (one.method.as_str(), one.path.as_str()));
    assert_eq!(path("GET", "/demo/payments/transfers/mine"), Some(("GET", "/transfers/mine")));
    assert_eq!(path("GET", "/demo/payments/transfers/9"), Some(("GET", "/transfers/{id}")));
    assert_eq!(path("HEAD", "/demo/payments/transfers"), Some(("GET", "/transfers")));
    assert_eq!(path("HEAD", "/demo/payments/transfers/9"), Some(("HEAD", "/transfers/{id}")));
    assert_eq!(path("get", "/demo/payments/transfers"), None);
    assert_eq!(contract.look_up("PUT", "/demo/payments/transfers"), Lookup::OtherMethod(vec!["GET", "POST"]));
    assert_eq!(contract.look_up("PUT", "/demo/payments/none"), Lookup::Unknown);
}

#[test]
fn the_strictest_requirement_opens_every_operation_and_no_less() {
    let contract = contract();
    let strictest = contract.strictest();
    // HEAD /transfers/{id} takes keys only, the others do not take keys: nobody may call without the path.
    assert!(strictest.accepts.is_empty());
    assert_eq!(strictest.scopes, [["admin", "payments:read", "payments:write"]]);

    let mut changed = document();
    changed["paths"]["/transfers/{id}"].as_object_mut().unwrap().remove("head");
    let contract = Contract::from_openapi(&changed.to_string()).unwrap();
    let strictest = contract.strictest();
    assert_eq!(strictest.accepts, [Client]);
    let scope = strictest.scopes[0].join(" ");
    assert!(contract.operations().iter().all(|one| one.judge(Client, &scope).is_ok()));
    assert!(crate::judge(&strictest, Client, "payments:read payments:write").is_err());
}

#[test]
fn two_hundred_operations_each_find_themselves() {
    let mut changed = document();
    for index in 0..200 {
        changed["paths"][format!("/r{index}/{{id}}/s{index}")] = json!({"get": {}});
    }
    let contract = Contract::from_openapi(&changed.to_string()).unwrap();
    for index in 0..200 {
        let found = contract.find("GET", &format!("/demo/payments/r{index}/x/s{index}")).unwrap();
        assert_eq!(found.path, format!("/r{index}/{{id}}/s{index}"));
        assert_eq!(contract.find("GET", &format!("/demo/payments/r{index}/x/s{}", index + 1)), None);
    }
}
