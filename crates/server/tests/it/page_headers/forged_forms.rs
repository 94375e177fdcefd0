//! A form is taken from our own page, in the browser that it was made for, at its step, and else not at all (J02).

use grantor_testkit::{Browser, Server};
use serde_json::{Value, json};

use crate::forms::{
    Hidden, SESSION, TIE, at_login, cookie, cookies, leads_nowhere, set_cookies, signed_in, who,
};

fn same_site(server: &Server) -> String {
    format!("http://{}", server.address())
}

#[tokio::test(flavor = "multi_thread")]
async fn j02_a_sign_in_form_needs_its_proof_its_browser_and_its_step() {
    let server = Server::start().await;
    let attacker = server.person("tenant_admin");
    // Login CSRF: the attacker's own, perfectly good form, sent by the victim's browser.
    let theirs = at_login(&server).await;
    let form = Hidden::of(theirs.page()).typed(&attacker);
    let mut victim = at_login(&server).await;
    let own = Hidden::of(victim.page()).typed(&attacker);
    let proof_of = async |page: &str| {
        let mut browser = Browser::new(&server);
        browser.put_cookie(TIE, cookie(&theirs, TIE));
        browser.visit(page).await;
        Hidden::of(browser.page()).get("csrf").to_owned()
    };
    let of_sign_up = proof_of("/signup").await;
    let without_request = proof_of("/login").await;
    for (what, form, jar) in [
        ("another browser's form", form.clone(), cookies(&victim)),
        ("another browser's proof", own.clone().with("csrf", form.get("csrf")), cookies(&victim)),
        ("no cookies", form.clone(), String::new()),
        ("no proof", form.clone().without("csrf"), cookies(&theirs)),
        ("an empty proof", form.clone().with("csrf", ""), cookies(&theirs)),
        ("a made-up proof", form.clone().with("csrf", &"A".repeat(43)), cookies(&theirs)),
        ("a shortened proof", form.clone().with("csrf", &form.get("csrf")[..42]), cookies(&theirs)),
        ("the proof of the sign-up page", form.clone().with("csrf", &of_sign_up), cookies(&theirs)),
        (
            "the proof of a sign-in without the request",
            form.clone().with("csrf", &without_request),
            cookies(&theirs),
        ),
        ("the request of another proof", form.clone().without("i"), cookies(&theirs)),
    ] {
        let answer = form.send(&server, &jar).await;
        assert_eq!(answer.status, 403, "{what}: {} {:?}", answer.text, answer.headers);
        leads_nowhere(&answer, 403);
        assert!(answer.text.contains("id=\"error-text\""), "said in words");
    }
    assert_eq!(who(&mut victim).await, "");
    let good = form.send(&server, &cookies(&theirs)).await;
    assert!(set_cookies(&good).iter().any(|cookie| cookie.starts_with(SESSION)), "the form itself was good");
}

#[tokio::test(flavor = "multi_thread")]
async fn j02_no_form_is_taken_from_another_site_whatever_else_is_right() {
    let server = Server::start().await;
    let own = same_site(&server);
    let port = server.address().port();
    let foreign: Vec<(&str, String)> = vec![
        ("origin", "https://evil.test".to_owned()),
        ("origin", own.replace("http:", "https:")),
        ("origin", format!("http://127.0.0.1:{}", port ^ 1)),
        ("origin", "http://127.0.0.1".to_owned()),
        ("origin", format!("{own}.evil.test")),
        ("origin", format!("{own}/")),
        ("origin", format!("http://localhost:{port}")),
        ("origin", format!("{own} https://evil.test")),
        ("origin", "file://".to_owned()),
        ("sec-fetch-site", "cross-site".to_owned()),
        ("sec-fetch-site", "same-site".to_owned()),
        ("sec-fetch-site", "nonsense".to_owned()),
        ("sec-fetch-site", String::new()),
    ];
    let person = server.person("end_user");
    let browser = at_login(&server).await;
    let mut consenting = at_login(&server).await;
    server.type_password(&mut consenting, &person).await;
    let mut known = signed_in(&server, &person).await;
    let forms = [
        (Hidden::of(browser.page()).typed(&person), cookies(&browser)),
        (Hidden::of(consenting.page()).with("decision", "approve"), cookies(&consenting)),
        (Hidden::of(known.page()), cookies(&known)),
    ];
    assert_eq!(forms[2].0.action, "/logout");
    for (name, value) in &foreign {
        for (form, jar) in &forms {
            let answer = form.send_with(&server, jar, &[(name, value)]).await;
            leads_nowhere(&answer, 400);
            // A good word beside it helps nothing.
            let more =
                if *name == "origin" { ("sec-fetch-site", "same-origin") } else { ("origin", own.as_str()) };
            leads_nowhere(&form.send_with(&server, jar, &[(name, value), more]).await, 400);
        }
    }
    assert_eq!(who(&mut known).await, person.email, "nobody was signed out");
    // What browsers send with our own forms: no-referrer makes the origin null; some old ones say nothing.
    let taken: [&[(&str, &str)]; 4] = [
        &[("origin", &own), ("sec-fetch-site", "same-origin")],
        &[("origin", "null"), ("sec-fetch-site", "same-origin")],
        &[("origin", "null")],
        &[],
    ];
    for headers in taken {
        let browser = at_login(&server).await;
        let answer =
            Hidden::of(browser.page()).typed(&person).send_with(&server, &cookies(&browser), headers).await;
        assert_eq!(answer.status, 303, "{headers:?}: {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn j02_only_a_form_is_a_form() {
    let server = Server::start().await;
    let person = server.person("end_user");
    let browser = at_login(&server).await;
    let form = Hidden::of(browser.page()).typed(&person);
    for kind in [
        "text/plain",
        "application/json",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencodedx",
        "",
    ] {
        let answer = form.send_with(&server, &cookies(&browser), &[("content-type", kind)]).await;
        leads_nowhere(&answer, 400);
    }
    // Nor is a link with everything in it.
    let query = form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>();
    let link = format!("/login?{}", crate::code_flow::form(&query));
    let shown = crate::forms::get(&server, &link, &cookies(&browser), &[]).await;
    assert_eq!((shown.status, set_cookies(&shown)), (200, Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn j02_a_sign_up_and_a_sign_out_need_their_proof_too() {
    let server = Server::start().await;
    let person = server.person("end_user");
    let mut known = signed_in(&server, &person).await;
    let out = Hidden::of(known.page());
    let stranger = signed_in(&server, &server.person("tenant_admin")).await;
    for form in
        [out.clone().without("csrf"), out.clone().with("csrf", Hidden::of(stranger.page()).get("csrf"))]
    {
        leads_nowhere(&form.send(&server, &cookies(&known)).await, 403);
    }
    for link in ["/logout", "/logout?csrf=x", &format!("/logout?csrf={}", out.get("csrf"))] {
        let shown = crate::forms::get(&server, link, &cookies(&known), &[]).await;
        assert_eq!((shown.status, set_cookies(&shown)), (200, Vec::new()), "{link}");
    }
    assert_eq!(who(&mut known).await, person.email);

    let mut browser = Browser::new(&server);
    browser.visit("/signup").await;
    let form =
        Hidden::of(browser.page()).with("email", "new@people.test").with("password", "nine green bicycles");
    leads_nowhere(&form.clone().without("csrf").send(&server, &cookies(&browser)).await, 403);
    leads_nowhere(&form.send(&server, &cookies(&stranger)).await, 403);
    assert_eq!(server.door().await.number("SELECT COUNT(*) FROM signups").await, 0);
    assert!(!server.mails().iter().any(|mail| mail.to.ends_with("@people.test")));
}

#[tokio::test(flavor = "multi_thread")]
async fn j02_cookies_open_nothing_of_the_admin_api() {
    let server = Server::start().await;
    let browser = signed_in(&server, &server.person("tenant_admin")).await;
    for (method, path) in
        [("GET", "/tenants"), ("POST", "/tenants"), ("POST", "/tenants/acme/suspend"), ("POST", "/apply")]
    {
        let url = format!("{}/admin/v1{path}", same_site(&server));
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = server
            .http
            .request(method, url)
            .header("cookie", cookies(&browser))
            .json(&json!({ "name": "x" }));
        assert_eq!(server.send(request).await.status, 401, "{path}");
    }
    assert_eq!(server.admin("GET", "/tenants/acme", Value::Null).await.json()["status"], "active");
}
