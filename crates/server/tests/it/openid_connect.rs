//! OpenID Connect Core on the wire: ID tokens, what a request can ask of the user, userinfo, and how long it all lasts.

mod id_token;
mod lasting;
mod prompts;
mod requests;
mod userinfo;

use grantor_testkit::{Browser, Person, Pkce, Server};
use serde_json::json;

use crate::code_flow::{App, PRODUCTION};

/// Another user of the environment, with everything accepted that is to be accepted.
async fn another_user(server: &Server, email: &str) -> Person {
    let path = format!("/environments/{PRODUCTION}/users");
    let body =
        json!({ "email": email, "name": "Another", "email_verified": true, "generate_password": true });
    let made = server.admin("POST", &path, body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let password = made.json()["password"].as_str().expect("a password").to_owned();
    Person { email: email.to_owned(), password }
}

/// Asks with `prompt=none`, in the browser as it is; gives the error, or nothing where there was a code.
async fn silently(server: &Server, app: &App, browser: &mut Browser, changes: &[(&str, &str)]) -> String {
    let all: Vec<_> = changes.iter().copied().chain([("prompt", "none")]).collect();
    browser.visit(&app.url(server, &Pkce::new_one(), &all)).await;
    let reply = browser.must_reply();
    assert_eq!(reply.get("code").is_empty(), !reply.get("error").is_empty(), "one of both: {reply:?}");
    reply.get("error").to_owned()
}
