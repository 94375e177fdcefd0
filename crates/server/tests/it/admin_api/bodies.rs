//! Security case M05: JSON that is deep, huge or many.

use grantor_testkit::Server;

use super::{assert_problem, operator, raw};

#[tokio::test(flavor = "multi_thread")]
async fn m05_deep_json_huge_numbers_many_keys_and_u0000_are_400() {
    let server = Server::start().await;
    let token = operator(&server);
    let many: String = (0..100_000).map(|n| format!("\"k{n}\":0,")).collect();
    let repeated = format!("{{\"manifest\":{{{}\"k\":0}}}}", "\"k\":0,".repeat(100_000));
    let apps = "/environments/production/apps";
    let cases = [
        ("/tenants", "[".repeat(1_000)),
        ("/tenants", format!("{{\"name\":{}\"x\"{}}}", "[".repeat(100), "]".repeat(100))),
        (
            apps,
            format!("{{\"tenant\":\"acme\",\"metadata\":{{\"jwks\":{}{}}}}}", "[".repeat(50), "]".repeat(50)),
        ),
        (apps, "{\"tenant\":\"acme\",\"secret_lifetime\":1e400}".to_owned()),
        (apps, format!("{{\"tenant\":\"acme\",\"secret_lifetime\":{}}}", "9".repeat(5_000))),
        (apps, "{\"tenant\":\"acme\",\"secret_lifetime\":99999999999999999999}".to_owned()),
        (apps, format!("{{\"tenant\":\"acme\",\"metadata\":{{\"default_max_age\":{}}}}}", "9".repeat(400))),
        ("/apply", format!("{{\"manifest\":{{{many}\"k\":0}}}}")),
        ("/apply", repeated),
        ("/tenants", "{\"name\":\"x\",\"name\":\"y\"}".to_owned()),
        ("/tenants", "{\"name\":\"x\",\"title\":\"a\\u0000b\"}".to_owned()),
        ("/tenants", "{\"name\":\"x\",\"title\":\"\\ud800\"}".to_owned()),
        ("/tenants", "{\"name\":\"x\"} {}".to_owned()),
    ];
    for (path, body) in cases {
        let answer = raw(&server, "POST", path, Some(&token), &body).await;
        let shown: String = body.chars().take(60).collect();
        assert_eq!(answer.status, 400, "{path} {shown}: {}", answer.text);
        assert_problem(&answer, path);
        assert!(answer.text.len() < 2_000, "{path}: what was sent is not sent back");
    }
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(300 * 1024));
    assert_eq!(raw(&server, "POST", "/tenants", Some(&token), &long).await.status, 413);
}
