//! Sessions of browsers: their cookies, how long they last, and whose they are.

use grantor_testkit::{Browser, Cookie, Server};

use crate::code_flow::PRODUCTION;
use crate::forms::{
    DEVICE, Hidden, SESSION, TIE, at_login, cookie, cookies, get, leads_nowhere, new_user, request,
    signed_in, who,
};

/// What prompt=none answers in this browser: empty for a code.
async fn silently(server: &Server, browser: &mut Browser) -> String {
    browser.visit(&request(server, &[("prompt", "none"), ("scope", "openid")])).await;
    browser.must_reply().get("error").to_owned()
}

/// Signs in and allows the app of payments everything, so that it can ask silently afterwards.
async fn allowed(server: &Server) -> Browser {
    let mut browser = at_login(server).await;
    server.type_password(&mut browser, &server.person("end_user")).await;
    server.agree(&mut browser).await;
    browser
}

fn attributes(cookie: &Cookie) -> Vec<String> {
    let mut attributes = cookie.attributes.clone();
    attributes.sort();
    attributes
}

#[tokio::test(flavor = "multi_thread")]
async fn g03_the_cookies_have_exactly_these_names_and_attributes() {
    let server = Server::start().await;
    let person = server.person("end_user");
    let mut browser = Browser::new(&server);
    browser.visit("/login").await;
    let names =
        |browser: &Browser| browser.cookies().iter().map(|cookie| cookie.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&browser), [TIE], "before the sign-in there is nothing else");
    server.type_password(&mut browser, &person).await;
    let mut all = names(&browser);
    all.sort();
    assert_eq!(all, [SESSION, TIE, DEVICE]);
    let plain = ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"];
    for cookie in browser.cookies() {
        let expected: Vec<&str> = match cookie.name.as_str() {
            DEVICE => ["HttpOnly", "Max-Age=15552000"].iter().chain(&plain[1..]).copied().collect(),
            _ => plain.to_vec(),
        };
        assert_eq!(attributes(cookie), expected, "{}", cookie.name);
    }
    let mut sandbox = Browser::new(&server);
    sandbox.visit("/sandbox/login").await;
    server.type_password(&mut sandbox, &person).await;
    let mut all = names(&sandbox);
    all.sort();
    let expected = ["", "_browser", "_device"].map(|end| format!("__Host-grt_sandbox{end}"));
    assert_eq!(all, expected);
    assert_eq!(
        sandbox.cookies().iter().filter(|cookie| cookie.has("Path=/") && cookie.has("Secure")).count(),
        3
    );

    // Signing out takes the session away, with the same attributes.
    browser.visit("/logout").await;
    browser.submit("logout-submit").await;
    let gone = browser.way()[0].header("set-cookie");
    let mut parts: Vec<_> = gone.split("; ").collect();
    parts.sort_unstable();
    let mut expected = vec!["Max-Age=0", "__Host-grt_production="];
    expected.extend(plain);
    expected.sort_unstable();
    assert_eq!(parts, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn g03_a_cookie_is_a_random_reference_and_says_nothing() {
    let server = Server::start().await;
    let person = server.person("end_user");
    let mut seen: Vec<String> = Vec::new();
    for _ in 0..4 {
        let browser = signed_in(&server, &person).await;
        for name in [SESSION, TIE] {
            let value = cookie(&browser, name);
            let (_, random) = value.rsplit_once('_').expect("a prefix");
            // 32 bytes in base 62 and a checksum.
            assert_eq!(random.len(), 43 + 6, "{value}");
            assert!(random.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            let shared = |other: &String| other.bytes().zip(random.bytes()).filter(|(a, b)| a == b).count();
            assert!(seen.iter().all(|other| shared(other) < 12), "{random} is like one of {seen:?}");
            seen.push(random.to_owned());
        }
        let device = cookie(&browser, DEVICE);
        assert!(
            device.len() >= 22 + 1 + 43
                && device.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_~".contains(&byte))
        );
    }
    // Neither the database nor a guess at its ids leads to a session: what is stored is not what is sent.
    let door = server.door().await;
    let ids = door.number("SELECT COUNT(*) FROM sessions").await;
    assert_eq!(ids, 4);
    for made in
        ["1", "00000000000000000000000000000000", "grt_ses_live_", "end_user", "user@people.example", ""]
    {
        let mut browser = Browser::new(&server);
        browser.put_cookie(SESSION, made);
        assert_eq!(who(&mut browser).await, "", "{made}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g03_a_reference_of_another_kind_or_environment_signs_nobody_in() {
    let server = Server::start().await;
    let person = server.person("end_user");
    let browser = signed_in(&server, &person).await;
    let session = cookie(&browser, SESSION).to_owned();
    for (name, value) in [
        (SESSION, cookie(&browser, TIE)),
        (SESSION, cookie(&browser, DEVICE)),
        (TIE, &*session),
        (DEVICE, &*session),
        ("__Host-grt_sandbox", &*session),
        ("grt_production", &*session),
        ("__host-grt_production", &*session),
    ] {
        let mut other = Browser::new(&server);
        other.put_cookie(name, value);
        assert_eq!(who(&mut other).await, "", "{name}");
        other.visit("/sandbox/login/done").await;
        assert_eq!(other.page().path(), "/sandbox/login", "{name}");
    }
    // Two cookies of one name: somebody below or above this host has set one of them.
    for twice in
        [format!("{SESSION}={session}; {SESSION}={session}"), format!("{SESSION}=x; {SESSION}={session}")]
    {
        let answer = get(&server, "/login/done", &twice, &[]).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/login"));
    }
    let answer = get(&server, "/login/done", &format!("{SESSION}={session}"), &[]).await;
    assert_eq!(answer.status, 200, "alone it is good");
}

#[tokio::test(flavor = "multi_thread")]
async fn g01_every_sign_in_has_a_new_session_and_ends_the_one_before() {
    let server = Server::start().await;
    let (person, other) = (server.person("end_user"), server.person("tenant_admin"));
    let mut browser = signed_in(&server, &person).await;
    let mut used = vec![cookie(&browser, SESSION).to_owned()];
    // Once more by itself, once more because an app asks for it, once more as somebody else.
    browser.visit("/login").await;
    server.type_password(&mut browser, &person).await;
    used.push(cookie(&browser, SESSION).to_owned());
    browser.visit(&request(&server, &[("prompt", "login")])).await;
    server.type_password(&mut browser, &person).await;
    used.push(cookie(&browser, SESSION).to_owned());
    browser.visit(&request(&server, &[("prompt", "login")])).await;
    server.type_password(&mut browser, &other).await;
    let last = cookie(&browser, SESSION).to_owned();
    assert_eq!(who(&mut browser).await, other.email);
    for (at, old) in used.iter().enumerate() {
        assert!(*old != last && !used[..at].contains(old));
        let mut holder = Browser::new(&server);
        holder.put_cookie(SESSION, old);
        assert_eq!(who(&mut holder).await, "", "the cookie of sign-in {at} is dead");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g01_a_cookie_that_was_set_beforehand_is_never_adopted() {
    let server = Server::start().await;
    let (attacker, victim) = (server.person("tenant_admin"), server.person("end_user"));
    let planted = signed_in(&server, &attacker).await;
    let (session, tie) = (cookie(&planted, SESSION).to_owned(), cookie(&planted, TIE).to_owned());
    // A living session, an ended one of the right spelling, and nonsense: in front of the victim's sign-in.
    let ended = signed_in(&server, &attacker).await;
    let ended_session = cookie(&ended, SESSION).to_owned();
    let mut ended = ended;
    ended.visit("/logout").await;
    ended.submit("logout-submit").await;
    for value in [&*session, &*ended_session, "chosen-by-somebody-else"] {
        let mut browser = Browser::new(&server);
        browser.put_cookie(SESSION, value);
        browser.put_cookie(TIE, &tie);
        browser.visit(&request(&server, &[("prompt", "login")])).await;
        let handle = Hidden::of(browser.page()).get("i").to_owned();
        server.type_password(&mut browser, &victim).await;
        assert_eq!(browser.page().text_of("consent-email"), victim.email);
        assert_ne!(cookie(&browser, SESSION), value);
        assert_ne!(cookie(&browser, TIE), tie, "nor what ties the next pages to this browser");
        let mut holder = Browser::new(&server);
        holder.put_cookie(SESSION, value);
        holder.put_cookie(TIE, &tie);
        assert_ne!(who(&mut holder).await, victim.email);
        holder.visit(&format!("/consent?i={handle}")).await;
        assert_eq!(holder.page().status, 400, "who set the cookies cannot go on with the sign-in");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g02_a_sign_in_under_way_cannot_be_continued_in_another_browser() {
    let server = Server::start().await;
    let (attacker, victim) = (server.person("tenant_admin"), server.person("end_user"));
    // Before the password, and after it.
    let mut mine = at_login(&server).await;
    let handle = Hidden::of(mine.page()).get("i").to_owned();
    let login = Hidden::of(mine.page());
    let mut theirs = signed_in(&server, &victim).await;
    for page in ["/login", "/signup", "/consent", "/terms", "/login/account", "/login/tenant"] {
        let path = format!("{page}?i={handle}");
        leads_nowhere(&get(&server, &path, "", &[]).await, 400);
        leads_nowhere(&get(&server, &path, &cookies(&theirs), &[]).await, 400);
    }
    leads_nowhere(&login.clone().typed(&victim).send(&server, "").await, 403);
    leads_nowhere(&login.typed(&victim).send(&server, &cookies(&theirs)).await, 403);
    // With a proof of the other browser's own.
    theirs.visit("/logout").await;
    theirs.submit("logout-submit").await;
    let own = Hidden::of(theirs.page());
    leads_nowhere(&own.with("i", &handle).typed(&victim).send(&server, &cookies(&theirs)).await, 403);

    server.type_password(&mut mine, &attacker).await;
    assert_eq!(mine.page().path(), "/consent");
    let consent = Hidden::of(mine.page()).with("decision", "approve").and("scope", "openid");
    let path = format!("/consent?i={handle}");
    leads_nowhere(&get(&server, &path, &cookies(&theirs), &[]).await, 400);
    leads_nowhere(&consent.send(&server, &cookies(&theirs)).await, 403);
    // Nor by whoever held the cookie before the password was typed; and in its own browser it goes on.
    mine.visit(&path).await;
    assert_eq!(mine.page().path(), "/consent");
    mine.submit("consent-approve").await;
    assert!(!mine.must_reply().code().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_without_use_for_half_an_hour_signs_nobody_in() {
    let server = Server::start().await;
    let mut browser = allowed(&server).await;
    // Each use counts from anew.
    for _ in 0..3 {
        server.clock().pass(30 * 60 - 5);
        assert_eq!(silently(&server, &mut browser).await, "");
    }
    server.clock().pass(30 * 60);
    assert_eq!(silently(&server, &mut browser).await, "login_required");
    assert_eq!(who(&mut browser).await, "");
    browser.visit(&request(&server, &[])).await;
    assert_eq!(browser.page().path(), "/login");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_twelve_hours_after_the_sign_in_however_much_it_is_used() {
    let server = Server::start().await;
    let mut browser = allowed(&server).await;
    let day = 12 * 3600;
    let step = 25 * 60;
    for _ in 0..(day / step) {
        server.clock().pass(step);
        assert_eq!(silently(&server, &mut browser).await, "");
    }
    let rest = day % step;
    server.clock().pass(rest - 5);
    assert_eq!(silently(&server, &mut browser).await, "");
    server.clock().pass(5);
    assert_eq!(silently(&server, &mut browser).await, "login_required");
    assert_eq!(who(&mut browser).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn g01_a_new_password_of_the_user_begins_the_twelve_hours_anew() {
    let server = Server::start().await;
    let mut browser = allowed(&server).await;
    for _ in 0..16 {
        server.clock().pass(25 * 60);
        assert_eq!(silently(&server, &mut browser).await, "");
    }
    browser.visit(&request(&server, &[("prompt", "login")])).await;
    server.type_password(&mut browser, &server.person("end_user")).await;
    assert!(!browser.must_reply().code().is_empty());
    for _ in 0..16 {
        server.clock().pass(25 * 60);
        assert_eq!(silently(&server, &mut browser).await, "", "twelve hours after the first sign-in");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_in_one_tab_ends_the_sign_in_that_waits_in_another() {
    let server = Server::start().await;
    let person = server.person("end_user");
    let mut browser = at_login(&server).await;
    server.type_password(&mut browser, &person).await;
    assert_eq!(browser.page().path(), "/consent");
    let handle = Hidden::of(browser.page()).get("i").to_owned();
    let form = Hidden::of(browser.page()).with("decision", "approve").and("scope", "payments:read");
    browser.visit("/logout").await;
    browser.submit("logout-submit").await;
    leads_nowhere(&form.send(&server, &cookies(&browser)).await, 403);
    leads_nowhere(&get(&server, &format!("/consent?i={handle}"), &cookies(&browser), &[]).await, 400);
    browser.visit("/login/done").await;
    assert_eq!(browser.page().path(), "/login", "and nobody is signed in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_suspended_is_signed_in_nowhere_and_stays_so_after_the_resume() {
    let server = Server::start().await;
    let person = new_user(&server, Some("nine green bicycles")).await;
    let mut browser = signed_in(&server, &person).await;
    let mut waiting = at_login(&server).await;
    server.type_password(&mut waiting, &person).await;
    assert_eq!(waiting.page().path(), "/consent");
    let form = Hidden::of(waiting.page()).with("decision", "approve").and("scope", "payments:read");
    for verb in ["suspend", "resume"] {
        let path = format!("/environments/{PRODUCTION}/users/{}/{verb}", person.email);
        assert_eq!(server.admin("POST", &path, serde_json::Value::Null).await.status, 200);
        assert_eq!(who(&mut browser).await, "", "{verb}");
        let answer = form.send(&server, &cookies(&waiting)).await;
        match verb {
            "suspend" => assert!(answer.header("location").starts_with("/login?i="), "{}", answer.text),
            // That sign-in begins again under a handle of its own; the one in this form is used up.
            _ => leads_nowhere(&answer, 400),
        }
    }
    browser.visit("/login").await;
    server.type_password(&mut browser, &person).await;
    assert_eq!(who(&mut browser).await, person.email);
}
