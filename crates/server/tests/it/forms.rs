//! Forms of our pages as somebody sends them who is no browser: taken from a page, changed, sent with any cookies from any
//! site. And the few things that the tests of the pages ask of a browser again and again.

use std::sync::atomic::{AtomicU32, Ordering};

use grantor_testkit::{Answer, Browser, Page, Person, Pkce, Server, basic};
use reqwest::RequestBuilder;
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::code_flow::{PRODUCTION, form};

/// The cookie of the session in production.
pub(crate) const SESSION: &str = "__Host-grt_production";
/// The cookie that ties forms and interactions to a browser.
pub(crate) const TIE: &str = "__Host-grt_production_browser";
/// The cookie of a browser in which somebody has signed in before.
pub(crate) const DEVICE: &str = "__Host-grt_production_device";

/// A form with everything that goes unseen, to be changed.
#[derive(Clone)]
pub(crate) struct Hidden {
    /// Where it goes, as a path.
    pub(crate) action: String,
    /// Names and values.
    pub(crate) fields: Vec<(String, String)>,
}

impl Hidden {
    /// The only form of a page, without what a person types.
    pub(crate) fn of(page: &Page) -> Self {
        let action = between(&page.html, "<form method=\"post\" action=\"", "\"").expect("a form");
        let mut fields = Vec::new();
        for name in ["csrf", "i", "verify"] {
            let before = format!("<input type=\"hidden\" name=\"{name}\" value=\"");
            fields.extend(between(&page.html, &before, "\"").map(|value| (name.to_owned(), value)));
        }
        Self { action, fields }
    }

    /// The same with one field set.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self.and(name, value)
    }

    /// The same with one field more, also if there is one of this name.
    pub(crate) fn and(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same without a field.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    /// The same, sent to another page.
    pub(crate) fn to(mut self, path: &str) -> Self {
        path.clone_into(&mut self.action);
        self
    }

    /// A field's value.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Filled with address and password.
    pub(crate) fn typed(self, person: &Person) -> Self {
        self.with("email", &person.email).with("password", &person.password)
    }

    /// Sends it with these cookies and nothing else that a browser would say.
    pub(crate) async fn send(&self, server: &Server, cookies: &str) -> Answer {
        self.send_with(server, cookies, &[]).await
    }

    /// Sends it with these cookies and headers.
    pub(crate) async fn send_with(&self, server: &Server, cookies: &str, headers: &[(&str, &str)]) -> Answer {
        server.send(self.request(server, cookies, headers)).await
    }

    /// The request, to be sent at a moment of the test's choice.
    pub(crate) fn request(&self, server: &Server, cookies: &str, headers: &[(&str, &str)]) -> RequestBuilder {
        let fields: Vec<_> =
            self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let url = format!("http://{}{}", server.address(), self.action);
        let mut request = server.http.post(url).body(form(&fields));
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        with(request, cookies, headers)
    }
}

/// Sends all at the same moment and waits for the statuses, in no order.
pub(crate) async fn at_once(requests: Vec<RequestBuilder>) -> Vec<u16> {
    let mut set = JoinSet::new();
    for request in requests {
        set.spawn(async move { request.send().await.expect("an answer").status().as_u16() });
    }
    set.join_all().await
}

/// Gets a path with these cookies and headers.
pub(crate) async fn get(server: &Server, path: &str, cookies: &str, headers: &[(&str, &str)]) -> Answer {
    let request = server.http.get(format!("http://{}{path}", server.address()));
    server.send(with(request, cookies, headers)).await
}

fn with(mut request: RequestBuilder, cookies: &str, headers: &[(&str, &str)]) -> RequestBuilder {
    if !cookies.is_empty() {
        request = request.header("cookie", cookies);
    }
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
        request = request.header(name, HeaderValue::from_str(value).expect("a header's value"));
    }
    request
}

fn between(text: &str, before: &str, after: &str) -> Option<String> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(value, _)| value.to_owned())
}

/// The cookies that a browser would send, as a header.
pub(crate) fn cookies(browser: &Browser) -> String {
    let pairs: Vec<_> =
        browser.cookies().iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
    pairs.join("; ")
}

/// A cookie's value, or nothing.
pub(crate) fn cookie<'a>(browser: &'a Browser, name: &str) -> &'a str {
    browser.cookies().iter().find(|cookie| cookie.name == name).map_or("", |cookie| cookie.value.as_str())
}

/// Every header `Set-Cookie` of an answer.
pub(crate) fn set_cookies(answer: &Answer) -> Vec<String> {
    let all = answer.headers.get_all("set-cookie").iter();
    all.map(|value| value.to_str().expect("a cookie is ASCII").to_owned()).collect()
}

/// The request of the demo's app of payments, as often as wanted.
pub(crate) fn request(server: &Server, changes: &[(&str, &str)]) -> String {
    server.authorize_url(PRODUCTION, "payments", &Pkce::new_one(), changes)
}

/// A new browser at the sign-in page of that request.
pub(crate) async fn at_login(server: &Server) -> Browser {
    let mut browser = Browser::new(server);
    browser.visit(&request(server, &[])).await;
    assert_eq!((browser.page().status, browser.page().path()), (200, "/login"));
    browser
}

/// A new browser in which somebody is signed in, with no app about.
pub(crate) async fn signed_in(server: &Server, person: &Person) -> Browser {
    let mut browser = Browser::new(server);
    browser.visit("/login").await;
    server.type_password(&mut browser, person).await;
    assert_eq!(browser.page().path(), "/login/done", "{}", browser.page().text());
    browser
}

/// Who is signed in in a browser, as its own page says; empty for nobody.
pub(crate) async fn who(browser: &mut Browser) -> String {
    browser.visit("/login/done").await;
    browser.page().text_of("signed-in-email").to_owned()
}

/// A person with an account who has accepted every document, for the partner of the demo and without one.
pub(crate) async fn new_user(server: &Server, password: Option<&str>) -> Person {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let email = format!("made{}@people.test", COUNT.fetch_add(1, Ordering::Relaxed));
    let mut body = json!({ "email": email, "name": "A Person", "email_verified": true });
    if let Some(password) = password {
        body["password"] = password.into();
    }
    let users = format!("/environments/{PRODUCTION}/users");
    let made = server.admin("POST", &users, body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let documents = server.admin("GET", "/documents", Value::Null).await.json();
    for document in documents["items"].as_array().expect("a list") {
        let latest = document["versions"].as_array().and_then(|all| all.last()).expect("a version");
        for tenant in [json!("acme"), Value::Null] {
            let body = json!({
                "document": document["id"], "tenant": tenant, "version": latest["number"], "evidence": "on paper",
            });
            let accepted = server.admin("POST", &format!("{users}/{email}/acceptances"), body).await;
            assert_eq!(accepted.status, 201, "{}", accepted.text);
        }
    }
    Person { email, password: password.unwrap_or("").to_owned() }
}

/// A password grant of the demo's old app.
pub(crate) async fn by_password(server: &Server, person: &Person) -> Answer {
    server.send(password_grant(server, person)).await
}

/// The request of a password grant of the demo's old app.
pub(crate) fn password_grant(server: &Server, person: &Person) -> RequestBuilder {
    let client = server.client_with(PRODUCTION, "payments", "password");
    let fields = [
        ("grant_type", "password"),
        ("username", person.email.as_str()),
        ("password", person.password.as_str()),
        ("scope", "payments:read"),
    ];
    let request = server.http.post(server.token_endpoint(PRODUCTION, "payments")).body(form(&fields));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    request.header("authorization", basic(&client.id, &client.secret))
}

/// The same person with a password that is not theirs.
pub(crate) fn wrong(person: &Person) -> Person {
    Person { password: "somebody guesses at this".to_owned(), ..person.clone() }
}

/// A refusal on a page or as JSON: it leads nowhere and gives nothing.
pub(crate) fn leads_nowhere(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{:?} {}", answer.header("location"), answer.text);
    for header in ["location", "refresh"] {
        assert!(answer.headers.get(header).is_none(), "{header}: {}", answer.header(header));
    }
    let given = set_cookies(answer);
    let session = format!("{SESSION}=");
    assert!(!given.iter().any(|cookie| cookie.starts_with(&session)), "{given:?}");
}
