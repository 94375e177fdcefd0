//! What bodies may hold: M02 at the admin API, M05 to M09.

use grantor_testkit::{Server, basic};

fn admin_url(server: &Server, path: &str) -> String {
    format!("{}{path}", server.contract()["operator"]["api_url"].as_str().unwrap())
}

async fn post_json(server: &Server, path: &str, body: String) -> grantor_testkit::Answer {
    let token = server.contract()["operator"]["api_token"].as_str().unwrap();
    let request = server
        .http
        .post(admin_url(server, path))
        .bearer_auth(token)
        .header("content-type", "application/json")
        .body(body);
    server.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn m02_the_admin_api_reads_256_kib_and_a_manifest_of_4_mib_and_no_byte_more() {
    let server = Server::start().await;
    for (path, json, limit) in [
        ("/tenants", "{\"name\":\"big\"}", 256 * 1024),
        ("/apply", "{\"manifest\":{},\"dry_run\":true}", 4 * 1024 * 1024),
    ] {
        let padded = |length: usize| format!("{json}{}", " ".repeat(length - json.len()));
        let answer = post_json(&server, path, padded(limit + 1)).await;
        assert_eq!(answer.status, 413, "{path}: {}", answer.text);
        let answer = post_json(&server, path, padded(limit)).await;
        assert!([200, 201].contains(&answer.status), "{path}: {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m05_json_that_is_deep_wide_or_huge_is_400() {
    let server = Server::start().await;
    let deep =
        |depth: usize| format!("{{\"manifest\":{{\"tenant\":{}{}}}}}", "[".repeat(depth), "]".repeat(depth));
    for depth in [31, 33, 1_000, 1_000_000] {
        let answer = post_json(&server, "/apply", deep(depth)).await;
        assert_eq!(answer.status, 400, "{depth}: {}", answer.text);
        let refused_for_depth = answer.text.contains("nested too deeply");
        assert_eq!(refused_for_depth, depth > 30, "{depth}: {}", answer.text);
    }
    // Brackets in a text are no depth, and a quotation mark behind a backslash does not end it.
    let text = format!("{{\"name\":\"deep\",\"title\":\"\\\"{}\"}}", "[".repeat(100));
    let answer = post_json(&server, "/tenants", text).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let keys: Vec<String> = (0..100_000).map(|i| format!("\"k{i}\":{i}")).collect();
    let answer = post_json(&server, "/apply", format!("{{{}}}", keys.join(","))).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    let twice = "{\"name\":\"one\",\"name\":\"two\"}".to_owned();
    assert_eq!(post_json(&server, "/tenants", twice).await.status, 400);
    server.token("production", "payments").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m09_numbers_and_times_beyond_reason_are_refused_and_never_wrap() {
    let server = Server::start().await;
    let app =
        |life: &str| format!("{{\"tenant\":\"acme\",\"apis\":[\"payments\"],\"secret_lifetime\":{life}}}");
    for life in [
        "0",
        "-1",
        "1.5",
        "1e400",
        "1e18",
        "315360001",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "99999999999999999999999999999999",
        "\"P1000000000Y\"",
        "\"1000000000-01-01T00:00:00Z\"",
        "null0",
    ] {
        let answer = post_json(&server, "/environments/production/apps", app(life)).await;
        assert_eq!(answer.status, 400, "{life}: {}", answer.text);
    }
    let secrets = "/environments/production/apps/acme-payments/secrets";
    for after in ["-1", "1.5", "99999999999999999999"] {
        let body = format!("{{\"end_others_after\":{after}}}");
        assert_eq!(post_json(&server, secrets, body).await.status, 400, "{after}");
    }
    // The largest number that fits is far away, not in the past: the old secret goes on.
    let far = "{\"end_others_after\":9223372036854775807}".to_owned();
    let answer = post_json(&server, secrets, far).await;
    assert!(answer.status < 500, "{}", answer.text);
    server.token("production", "payments").await;
    let end = "/environments/production/apps/acme-payments/secrets/9223372036854775808/end";
    assert_eq!(post_json(&server, end, "{}".to_owned()).await.status, 400);
}

/// The packages of the lock file.
fn locked_packages() -> Vec<&'static str> {
    include_str!("../../../../../Cargo.lock")
        .lines()
        .filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
        .collect()
}

#[test]
fn m07_there_is_no_regular_expression_engine_that_backtracks() {
    let locked = locked_packages();
    assert!(locked.contains(&"regex-automata"), "the log filter's engine is linear");
    for engine in ["fancy-regex", "pcre", "pcre2", "onig", "onig_sys", "regress", "oniguruma"] {
        assert!(!locked.contains(&engine), "{engine} backtracks");
    }
}

#[test]
fn m06_no_crate_of_the_product_names_a_hasher_without_a_key() {
    let manifests = [
        include_str!("../../../../../Cargo.toml"),
        include_str!("../../../Cargo.toml"),
        include_str!("../../../../core/Cargo.toml"),
        include_str!("../../../../jose/Cargo.toml"),
        include_str!("../../../../resource/Cargo.toml"),
    ];
    for hasher in
        ["fxhash", "rustc-hash", "fnv", "nohash", "ahash", "foldhash", "twox-hash", "xxhash", "seahash"]
    {
        for manifest in manifests {
            assert!(!manifest.contains(hasher), "{hasher} as a dependency of our own");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m06_thousands_of_chosen_names_cost_no_more_than_any_others() {
    let server = Server::start().await;
    let url = server.token_endpoint("production", "payments");
    let fields: Vec<String> = (0..64).map(|i| format!("p{i}=x")).collect();
    let form = format!("grant_type=client_credentials&{}", fields.join("&"));
    let answer = server.post(&url, None, &form).await;
    assert_eq!(answer.status, 400, "a form has 64 fields at most: {}", answer.text);
    let fields = fields[..63].join("&");
    let client = server.client("production", "payments");
    let form = format!("grant_type=client_credentials&{fields}");
    let answer = server.post(&url, Some(&basic(&client.id, &client.secret)), &form).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn m08_one_decoder_reads_forms_and_refuses_what_it_cannot_read() {
    let server = Server::start().await;
    let client = server.client("production", "payments");
    let url = server.token_endpoint("production", "payments");
    let login = basic(&client.id, &client.secret);
    for bad in [
        "grant_type=client_credentials&x=%00",
        "grant_type=client_credentials&x=%C0%80",
        "grant_type=client_credentials&x=%ED%A0%80",
        "grant_type=client_credentials&x=%FF",
        "grant_type=client_credentials&x=%",
        "grant_type=client_credentials&x=%2",
        "grant_type=client_credentials&x=%zz",
        "grant_type=client_credentials&%67rant_type=client_credentials",
    ] {
        let answer = server.post(&url, Some(&login), bad).await;
        assert_eq!(answer.status, 400, "{bad}: {}", answer.text);
        assert_eq!(answer.error(), "invalid_request", "{bad}");
    }
    for scope in [
        "payments:read+payments:write",
        "payments:read%20payments:write",
        "payments%3Aread%20payments%3awrite",
    ] {
        let form = format!("grant_type=client_credentials&scope={scope}");
        let answer = server.post(&url, Some(&login), &form).await;
        assert_eq!(answer.status, 200, "{scope}: {}", answer.text);
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        let seen = server.introspect("production", "payments", &token).await;
        assert_eq!(seen.json()["scope"], "payments:read payments:write", "{scope} is exact");
    }
}
