//! The sign-in page: what it says to whoever guesses, how guesses are counted, which passwords it takes, and that no step
//! behind it is reached without it.

mod guesses;
mod passwords;
mod steps;

use grantor_testkit::{Answer, Browser, Person, Server};
use serde_json::Value;

use crate::code_flow::PRODUCTION;
use crate::forms::{
    Hidden, SESSION, at_login, by_password, cookie, cookies, get, leads_nowhere, new_user, set_cookies, wrong,
};

/// Tries a password on the page, as a browser that has never been here.
async fn by_form(server: &Server, person: &Person) -> Browser {
    let mut browser = at_login(server).await;
    server.type_password(&mut browser, person).await;
    browser
}

/// Whether the page lets somebody in.
async fn opens(server: &Server, person: &Person) -> bool {
    let browser = by_form(server, person).await;
    let signed_in = !cookie(&browser, SESSION).is_empty();
    assert_eq!(signed_in, browser.reply().is_some() || browser.page().path() != "/login");
    signed_in
}

/// Sends a form of the sign-in page, and says what came back without what is new each time, and what it has cost.
async fn told(server: &Server, person: &Person) -> (u16, String, Vec<String>, u64) {
    let browser = at_login(server).await;
    let hidden = Hidden::of(browser.page());
    let before = server.node().passwords.kibibytes_filled();
    let answer = hidden.clone().typed(person).send(server, &cookies(&browser)).await;
    let cost = server.node().passwords.kibibytes_filled() - before;
    let mut text = answer.text.replace(&person.email, "ADDRESS");
    for name in ["csrf", "i"] {
        assert!(text.contains(hidden.get(name)), "{name}");
        text = text.replace(hidden.get(name), name);
    }
    assert!(set_cookies(&answer).is_empty());
    (answer.status, text, header_names(&answer), cost)
}

fn header_names(answer: &Answer) -> Vec<String> {
    let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
    names.sort();
    names
}

/// Somebody for each reason why a password does not help.
async fn refused_people(server: &Server) -> Vec<(&'static str, Person)> {
    let unknown =
        Person { email: "nobody@people.test".to_owned(), password: "a harbour of nobody".to_owned() };
    let without = new_user(server, None).await;
    let without = Person { password: "a harbour of nobody".to_owned(), ..without };
    let locked = new_user(server, Some("seven wet umbrellas")).await;
    for _ in 0..5 {
        assert_eq!(by_password(server, &wrong(&locked)).await.status, 400);
    }
    let suspended = new_user(server, Some("eight dry umbrellas")).await;
    let path = format!("/environments/{PRODUCTION}/users/{}/suspend", suspended.email);
    assert_eq!(server.admin("POST", &path, Value::Null).await.status, 200);
    let other = server.person("end_user");
    vec![
        ("unknown", unknown),
        ("no address at all", Person { email: "no address".to_owned(), password: "x".to_owned() }),
        ("without a password", without),
        ("a wrong password", wrong(&other)),
        ("an empty password", Person { password: String::new(), ..other }),
        ("locked, the right password", locked),
        ("suspended, the right password", suspended),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn g07_unknown_wrong_locked_and_suspended_get_the_same_page_for_the_same_work() {
    let server = Server::start().await;
    let mut seen = Vec::new();
    for (why, person) in refused_people(&server).await {
        let answer = told(&server, &person).await;
        assert_eq!(answer.0, 400, "{why}");
        assert!(answer.3 > 0, "{why}: nothing was hashed");
        seen.push((why, answer));
    }
    for (why, answer) in &seen {
        assert_eq!(answer, &seen[0].1, "{why}");
    }
    assert!(seen[0].1.1.contains("E-mail address or password is not right"), "{}", seen[0].1.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn g07_unknown_wrong_locked_and_suspended_get_the_same_token_refusal_for_the_same_work() {
    let server = Server::start().await;
    let mut seen = Vec::new();
    for (why, person) in refused_people(&server).await {
        // RFC 6749 3.2: a parameter without value counts as absent, and that is said.
        if person.password.is_empty() {
            continue;
        }
        let before = server.node().passwords.kibibytes_filled();
        let answer = by_password(&server, &person).await;
        let cost = server.node().passwords.kibibytes_filled() - before;
        assert!(cost > 0, "{why}: nothing was hashed");
        let mut body = answer.json();
        body["request_id"] = Value::Null;
        seen.push((why, (answer.status, body, header_names(&answer), cost)));
    }
    for (why, answer) in &seen {
        assert_eq!(answer, &seen[0].1, "{why}");
    }
    assert_eq!((seen[0].1.0, &seen[0].1.1["error"]), (400, &Value::from("invalid_grant")));
}

#[tokio::test(flavor = "multi_thread")]
async fn g11_an_unreadable_forwarded_address_is_no_way_around_the_count() {
    let server = Server::start().await;
    let person = server.person("end_user");
    let browser = at_login(&server).await;
    let hidden = Hidden::of(browser.page()).typed(&person);
    for value in ["nonsense", "203.0.113.9, nonsense", "", "unknown", "203.0.113.999", "127.0.0.1;x"] {
        let headers = [("x-forwarded-for", value)];
        leads_nowhere(&hidden.send_with(&server, &cookies(&browser), &headers).await, 400);
        let page = format!("/login?i={}", hidden.get("i"));
        leads_nowhere(&get(&server, &page, &cookies(&browser), &headers).await, 400);
    }
    // The same form from an address that can be read.
    let answer = hidden.send_with(&server, &cookies(&browser), &[("x-forwarded-for", "203.0.113.9")]).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
}
