//! Signing up: the page that says the same to everybody, the mail that does not, and the link in it.

use std::path::PathBuf;

use grantor_testkit::{Answer, Browser, Person, Server};

use crate::code_flow::PRODUCTION;
use crate::forms::{
    Hidden, SESSION, TIE, at_login, by_password, cookie, cookies, get, leads_nowhere, new_user, request,
    set_cookies,
};

const DAY: i64 = 24 * 3600;

/// Sends the sign-up form of a browser that is somewhere in a sign-in, as far as the page that tells of a mail.
async fn sign_up(server: &Server, browser: &mut Browser, person: &Person) {
    server.begin_sign_up(browser, &request(server, &[]), person).await;
}

/// What the sign-up page answers, without what is new each time, and what it has cost.
async fn told(server: &Server, person: &Person) -> (u16, String, u64) {
    let mut browser = at_login(server).await;
    browser.follow("login-signup").await;
    let hidden = Hidden::of(browser.page());
    let before = server.node().passwords.kibibytes_filled();
    let answer = hidden.clone().typed(person).with("name", "A Person").send(server, &cookies(&browser)).await;
    let cost = server.node().passwords.kibibytes_filled() - before;
    assert!(set_cookies(&answer).is_empty());
    let without = |text: String, word: &str| if word.is_empty() { text } else { text.replace(word, "SAME") };
    let text = [&*person.email, hidden.get("i")].into_iter().fold(answer.text, without);
    (answer.status, text.replace(hidden.get("csrf"), "csrf"), cost)
}

fn subjects(server: &Server, email: &str) -> Vec<String> {
    server.mails().into_iter().filter(|mail| mail.to == email).map(|mail| mail.subject).collect()
}

/// Waits until every mail that was promised so far has left: the outbox is worked off in order.
async fn all_mails_are_out(server: &Server) {
    let last = Person::new_one();
    sign_up(server, &mut Browser::new(server), &last).await;
    server.mail_to(&last.email).await;
}

/// How many mails went to people whom nobody knew: the demo's administrator is told of the demo's keys.
fn to_strangers(server: &Server) -> usize {
    server.mails().iter().filter(|mail| mail.to.ends_with("@people.test")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn g07_a_known_and_an_unknown_address_get_the_same_page_for_the_same_work_and_other_mails() {
    let server = Server::start().await;
    let known = Person { password: "four yellow submarines".to_owned(), ..server.person("end_user") };
    let suspended = new_user(&server, Some("nine green bicycles")).await;
    let path = format!("/environments/{PRODUCTION}/users/{}/suspend", suspended.email);
    assert_eq!(server.admin("POST", &path, serde_json::Value::Null).await.status, 200);
    let unknown =
        Person { email: "nobody@people.test".to_owned(), password: "four yellow submarines".to_owned() };
    let upper = Person { email: known.email.to_uppercase(), ..known.clone() };
    let mut seen = Vec::new();
    for person in [&unknown, &known, &suspended, &upper, &unknown] {
        seen.push(told(&server, person).await);
    }
    assert!(seen[0].2 > 0, "nothing was hashed");
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:#?}");
    assert!(seen[0].0 == 200 && seen[0].1.contains("SAME"));

    // What differs stands in the mail, where only the owner reads it.
    let link = server.mail_to(&unknown.email).await;
    assert!(link.link().contains("/signup/verify?token="));
    let warning = server.mail_to(&known.email).await;
    assert!(!warning.text.contains("token=") && warning.link().ends_with("/login"), "{}", warning.text);
    assert_ne!(link.subject, warning.subject);
    // The password that the stranger typed has changed nothing.
    assert_eq!(by_password(&server, &known).await.status, 400);
    assert_eq!(by_password(&server, &server.person("end_user")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn g07_what_is_wrong_with_a_form_is_said_without_a_look_at_the_address() {
    let server = Server::start().await;
    let known = server.person("end_user").email;
    for (email, password) in [
        ("KNOWN", "short"),
        ("KNOWN", "password1234"),
        ("KNOWN", "aaaaaaaaaaaaaaaa"),
        ("a@b@people.test", "nine green bicycles"),
        ("no address", "nine green bicycles"),
        ("", "nine green bicycles"),
        ("KNOWN", ""),
    ] {
        let mut answers = Vec::new();
        for address in [known.as_str(), "nobody@people.test"] {
            let email = email.replace("KNOWN", address);
            let person = Person { email, password: password.to_owned() };
            let (status, text, cost) = told(&server, &person).await;
            assert_eq!((status, cost), (400, 0), "{text}");
            assert!(!text.contains(password) || password.is_empty(), "no password is shown again");
            answers.push(text);
        }
        assert_eq!(answers[0], answers[1], "{email} {password}");
    }
    all_mails_are_out(&server).await;
    assert_eq!(to_strangers(&server), 1, "no mail for a form that was not taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_works_once_in_the_browser_of_the_sign_up() {
    let server = Server::start().await;
    let (mut browser, person) = (Browser::new(&server), Person::new_one());
    sign_up(&server, &mut browser, &person).await;
    assert_eq!(by_password(&server, &person).await.status, 400, "there is no account before the link");
    let link = server.mail_to(&person.email).await.link();
    let before = cookie(&browser, TIE).to_owned();
    browser.visit(&link).await;
    assert_eq!((browser.page().path(), cookie(&browser, SESSION)), ("/terms", ""));
    for jar in [cookies(&browser), format!("{TIE}={before}"), String::new()] {
        let path = link.split_once(&server.address().to_string()).unwrap().1;
        let again = get(&server, path, &jar, &[]).await;
        leads_nowhere(&again, 400);
        assert!(again.text.contains("This link has been used"), "{}", again.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_works_for_a_day_and_not_a_second_longer() {
    let server = Server::start().await;
    let (mut early, first) = (Browser::new(&server), Person::new_one());
    let (mut late, second) = (Browser::new(&server), Person::new_one());
    sign_up(&server, &mut early, &first).await;
    sign_up(&server, &mut late, &second).await;
    let links = [server.mail_to(&first.email).await.link(), server.mail_to(&second.email).await.link()];
    server.clock().pass(DAY - 10);
    early.visit(&links[0]).await;
    assert_eq!(early.page().path(), "/terms", "the sign-in that it began with is over, the sign-up is not");
    server.clock().pass(10);
    late.visit(&links[1]).await;
    assert_eq!((late.page().status, late.page().has("error-text")), (400, true));
    let mut other = Browser::new(&server);
    other.visit(&links[1]).await;
    assert_eq!(other.page().status, 400, "nor with the password elsewhere");
    assert_eq!(by_password(&server, &second).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_follows_links_changes_nothing() {
    let server = Server::start().await;
    let (mut browser, person) = (Browser::new(&server), Person::new_one());
    sign_up(&server, &mut browser, &person).await;
    let link = server.mail_to(&person.email).await.link();
    let door = server.door().await;
    let users = door.number("SELECT COUNT(*) FROM users").await;
    for _ in 0..3 {
        for method in [reqwest::Method::GET, reqwest::Method::HEAD] {
            let answer = server.send(server.http.request(method, &link)).await;
            assert_eq!(answer.status, 200);
            let session =
                set_cookies(&answer).iter().any(|cookie| cookie.starts_with("__Host-grt_production="));
            assert!(!session);
        }
    }
    assert_eq!(door.number("SELECT COUNT(*) FROM users").await, users);
    browser.visit(&link).await;
    assert_eq!(browser.page().path(), "/terms", "the link is still good");
    assert_eq!(door.number("SELECT COUNT(*) FROM users").await, users + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_another_browser_a_link_needs_the_password_and_the_address() {
    let server = Server::start().await;
    let (mut browser, person) = (Browser::new(&server), Person::new_one());
    sign_up(&server, &mut browser, &person).await;
    let link = server.mail_to(&person.email).await.link();
    let mut other = Browser::new(&server);
    other.visit(&link).await;
    assert_eq!(other.page().attribute("login-email", "value"), Some(&*person.email));
    let hidden = Hidden::of(other.page());
    assert!(!hidden.get("verify").is_empty());
    for (email, password) in [
        (person.email.as_str(), "another password of mine"),
        (person.email.as_str(), ""),
        ("nobody@people.test", person.password.as_str()),
        ("", person.password.as_str()),
    ] {
        let typed = Person { email: email.to_owned(), password: password.to_owned() };
        let answer = hidden.clone().typed(&typed).send(&server, &cookies(&other)).await;
        leads_nowhere(&answer, 400);
        assert!(answer.text.contains("id=\"login-password\""));
    }
    // The password of somebody else's account does not end this sign-up.
    let answer = hidden.clone().typed(&server.person("end_user")).send(&server, &cookies(&other)).await;
    leads_nowhere(&answer, 400);
    server.type_password(&mut other, &person).await;
    assert_eq!(other.page().path(), "/terms");
    let again = hidden.typed(&person).send(&server, &cookies(&other)).await;
    assert!([400, 403].contains(&again.status), "{}", again.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_sign_ups_for_one_address_the_first_link_wins_with_its_own_password() {
    let server = Server::start().await;
    let owner = Person::new_one();
    let attacker = Person { password: "the password of a stranger".to_owned(), ..owner.clone() };
    let (mut theirs, mut own) = (Browser::new(&server), Browser::new(&server));
    sign_up(&server, &mut theirs, &attacker).await;
    let planted = server.mail_to(&owner.email).await.link();
    sign_up(&server, &mut own, &owner).await;
    all_mails_are_out(&server).await;
    let link = server.mail_to(&owner.email).await.link();
    assert_ne!(planted, link);
    // The owner opens the wrong mail: the password that they chose is not the one of that attempt.
    own.visit(&planted).await;
    server.type_password(&mut own, &owner).await;
    assert_eq!((own.page().status, cookie(&own, SESSION)), (400, ""));
    own.visit(&link).await;
    assert_eq!(own.page().path(), "/terms");
    // The stranger comes too late, even with the stolen link.
    theirs.visit(&planted).await;
    assert_eq!(theirs.page().status, 400);
    theirs.visit(&request(&server, &[])).await;
    server.type_password(&mut theirs, &attacker).await;
    assert_eq!(theirs.page().status, 400, "the stranger's password opens nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_flooded_with_mails_and_the_page_does_not_tell() {
    let server = Server::start().await;
    let unknown = Person::new_one();
    let known = Person { password: "four yellow submarines".to_owned(), ..server.person("end_user") };
    for person in [&unknown, &known] {
        let mut seen = Vec::new();
        for _ in 0..6 {
            seen.push(told(&server, person).await);
        }
        assert!(seen.iter().all(|one| *one == seen[0]), "{seen:#?}");
    }
    all_mails_are_out(&server).await;
    assert_eq!((subjects(&server, &unknown.email).len(), subjects(&server, &known.email).len()), (3, 3));
    server.clock().pass(600);
    told(&server, &unknown).await;
    told(&server, &unknown).await;
    all_mails_are_out(&server).await;
    assert_eq!(subjects(&server, &unknown.email).len(), 4, "one more in ten minutes");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_source_cannot_send_mails_to_the_whole_world() {
    let server = Server::start().await;
    let mut browser = Browser::new(&server);
    browser.visit("/signup").await;
    let hidden = Hidden::of(browser.page());
    let attempt = async |number: usize, source: &str| -> Answer {
        let form = hidden
            .clone()
            .with("email", &format!("flood{number}@people.test"))
            .with("password", "nine green bicycles");
        form.send_with(&server, &cookies(&browser), &[("x-forwarded-for", source)]).await
    };
    for number in 0..40 {
        assert_eq!(attempt(number, "198.51.100.7").await.status, 200, "{number}");
    }
    assert_eq!(attempt(99, "203.0.113.9").await.status, 200);
    server.mail_to("flood99@people.test").await;
    assert_eq!(to_strangers(&server), 30 + 1, "30 from one source, and another source is not touched");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_could_not_be_written_leaves_later_and_once() {
    let mut server = Server::start().await;
    let folder = PathBuf::from(server.contract()["mail_dir"].as_str().unwrap());
    let _ = std::fs::remove_dir_all(&folder);
    // A file where the folder should be: also who may do everything cannot write a mail there.
    std::fs::write(&folder, "in the way").unwrap();
    let (mut browser, person) = (Browser::new(&server), Person::new_one());
    sign_up(&server, &mut browser, &person).await;
    let door = server.door().await;
    let waiting = "SELECT attempts FROM outbox";
    while door.number(waiting).await == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(door.number("SELECT COUNT(*) FROM outbox WHERE next_at IS NOT NULL").await, 1, "not given up");
    std::fs::remove_file(&folder).unwrap();
    server = server.restart().await;
    // Its time has not come yet: another mail overtakes it.
    all_mails_are_out(&server).await;
    assert!(subjects(&server, &person.email).is_empty());
    server.clock().pass(121);
    server.node().wake_mail();
    let link = server.mail_to(&person.email).await.link();
    all_mails_are_out(&server).await;
    assert_eq!(subjects(&server, &person.email).len(), 1);
    assert_eq!(server.door().await.number("SELECT COUNT(*) FROM outbox").await, 0, "nothing of it is kept");

    browser.visit(&link).await;
    assert_eq!(browser.page().path(), "/terms");
}
