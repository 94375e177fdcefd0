//! U+0000, which no database keeps, wherever a request can carry text: refused, and never a fault of ours (security case M05).

use grantor_testkit::Server;
use serde_json::{Value, json};

use super::{Ids, assert_problem, document, filled, operator, raw};

/// The names of the parameters of a kind, `query` or `path`: an operation has some of its own, its path gives it others.
fn parameters<'a>(item: &'a Value, operation: &'a Value, of: &str) -> Vec<&'a str> {
    let all = [item, operation].into_iter().filter_map(|holder| holder["parameters"].as_array()).flatten();
    all.filter(|one| one["in"] == of).map(|one| one["name"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn m05_u0000_in_any_parameter_of_any_route_is_400() {
    let server = Server::start().await;
    let (token, ids, document) = (operator(&server), Ids::of(&server).await, document());
    let (mut in_query, mut in_path) = (0, 0);
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(key, _)| *key != "parameters") {
            let method = method.to_ascii_uppercase();
            let mut sent = Vec::new();
            for name in parameters(item, operation, "query") {
                sent.push(format!("{}?{name}=a%00b", filled(path, &ids)));
                in_query += 1;
            }
            for name in parameters(item, operation, "path") {
                sent.push(filled(&path.replace(&format!("{{{name}}}"), "a%00b"), &ids));
                in_path += 1;
            }
            for path in sent {
                let answer = raw(&server, &method, &path, Some(&token), "").await;
                assert_eq!(answer.status, 400, "{method} {path}: {}", answer.text);
                assert_problem(&answer, &path);
                assert!(answer.text.contains("U+0000"), "{method} {path}: {}", answer.text);
            }
        }
    }
    assert!(in_query > 30 && in_path > 150, "{in_query} in queries, {in_path} in paths");
}

/// Each string of a body in turn. What is no text in the schema cannot carry it.
#[tokio::test(flavor = "multi_thread")]
async fn m05_u0000_in_any_text_of_any_body_is_400() {
    let server = Server::start().await;
    let (token, ids, document) = (operator(&server), Ids::of(&server).await, document());
    let mut bodies = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(key, _)| *key != "parameters") {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) else {
                continue;
            };
            let members = document["components"]["schemas"][name]["properties"].as_object();
            for member in members.into_iter().flat_map(|members| members.keys()) {
                let (method, path) = (method.to_ascii_uppercase(), filled(path, &ids));
                let body = json!({ member: "a\u{0}b" }).to_string();
                let answer = raw(&server, &method, &path, Some(&token), &body).await;
                assert_eq!(answer.status, 400, "{method} {path} {member}: {}", answer.text);
                assert!(answer.text.contains("U+0000"), "{method} {path} {member}: {}", answer.text);
                bodies += 1;
            }
        }
    }
    assert!(bodies > 100, "{bodies} bodies");
}
