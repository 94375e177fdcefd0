//! Guesses are counted per account, whatever the way, the spelling and the moment (G08).

use grantor_testkit::{Browser, Person, Server};
use tokio::task::JoinSet;

use super::{by_form, opens};
use crate::forms::{
    DEVICE, Hidden, SESSION, at_login, at_once, by_password, cookie, cookies, new_user, password_grant,
    signed_in, wrong,
};

/// Guesses before the account is closed for a while.
const FREE: usize = 5;

async fn guess_by_form(server: &Server, person: &Person) {
    let browser = by_form(server, &wrong(person)).await;
    assert_eq!(browser.page().status, 400);
}

async fn guess_by_grant(server: &Server, person: &Person) {
    assert_eq!(by_password(server, &wrong(person)).await.status, 400);
}

/// Somebody who has just been locked out by strangers.
async fn locked(server: &Server) -> Person {
    let person = new_user(server, Some("nine green bicycles")).await;
    for _ in 0..FREE {
        guess_by_grant(server, &person).await;
    }
    person
}

#[tokio::test(flavor = "multi_thread")]
async fn g08_form_and_password_grant_count_together_and_time_opens_both() {
    let server = Server::start().await;
    let person = new_user(&server, Some("nine green bicycles")).await;
    for _ in 0..2 {
        guess_by_form(&server, &person).await;
        guess_by_grant(&server, &person).await;
    }
    assert_eq!(by_password(&server, &person).await.status, 200, "four guesses lock nobody out");
    // The right password has cleared the count.
    for _ in 0..2 {
        guess_by_form(&server, &person).await;
        guess_by_grant(&server, &person).await;
    }
    assert!(opens(&server, &person).await);
    for _ in 0..2 {
        guess_by_form(&server, &person).await;
        guess_by_grant(&server, &person).await;
    }
    guess_by_form(&server, &person).await;
    assert!(!opens(&server, &person).await, "the fifth closes the page");
    assert_eq!(by_password(&server, &person).await.status, 400, "and the grant");
    server.clock().pass(31);
    assert_eq!(by_password(&server, &person).await.status, 200);
    assert!(opens(&server, &person).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn g08_an_address_in_another_case_is_the_same_account() {
    let server = Server::start().await;
    let person = new_user(&server, Some("nine green bicycles")).await;
    let spelled = |email: String| Person { email, ..person.clone() };
    let upper = spelled(person.email.to_uppercase());
    assert_eq!(by_password(&server, &upper).await.status, 200, "it is the account of the other spelling");
    let mixed: String = person
        .email
        .char_indices()
        .map(|(at, c)| if at % 2 == 0 { c.to_ascii_uppercase() } else { c })
        .collect();
    guess_by_form(&server, &person).await;
    guess_by_form(&server, &upper).await;
    guess_by_grant(&server, &spelled(mixed)).await;
    guess_by_grant(&server, &upper).await;
    guess_by_form(&server, &spelled(format!(" {} ", person.email))).await;
    for email in [person.email.clone(), person.email.to_uppercase()] {
        assert!(!opens(&server, &spelled(email)).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g08_guesses_at_the_same_moment_are_all_counted_and_none_twice() {
    let server = Server::start().await;
    let browser = at_login(&server).await;
    let (hidden, cookies) = (Hidden::of(browser.page()), cookies(&browser));
    let guesses = |person: &Person, count: usize| {
        let wrong = wrong(person);
        let guess = |at: usize| match at % 2 {
            0 => password_grant(&server, &wrong),
            _ => hidden.clone().typed(&wrong).request(&server, &cookies, &[]),
        };
        (0..count).map(guess).collect::<Vec<_>>()
    };
    for round in 0..4 {
        let four = new_user(&server, Some("nine green bicycles")).await;
        let five = new_user(&server, Some("nine green bicycles")).await;
        assert_eq!(at_once(guesses(&four, FREE - 1)).await, [400; FREE - 1]);
        assert_eq!(at_once(guesses(&five, FREE)).await, [400; FREE]);
        assert!(opens(&server, &four).await, "round {round}: one was counted twice");
        assert!(!opens(&server, &five).await, "round {round}: one was not counted");
        // The source has a budget, too, which is not what this is about.
        server.clock().pass(60);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g08_many_guesses_at_one_moment_get_no_more_looks_than_one_after_the_other() {
    const MANY: usize = 16;
    let server = Server::start().await;
    let person = new_user(&server, Some("nine green bicycles")).await;
    make_slow(&server, &person).await;
    let browser = at_login(&server).await;
    let (hidden, cookies) = (Hidden::of(browser.page()), cookies(&browser));
    let guess = |password: String| {
        hidden.clone().typed(&Person { password, ..person.clone() }).request(&server, &cookies, &[])
    };
    // All of them come in before the first has been counted; the right one stands last in the queue.
    let before = server.node().passwords.kibibytes_filled();
    let mut under_way = JoinSet::new();
    for at in 1..MANY {
        let wrong = guess(format!("guess number {at} of many"));
        under_way.spawn(async move { wrong.send().await.unwrap().status().as_u16() });
    }
    let right = guess(person.password.clone());
    while server.node().passwords.kibibytes_filled() == before {
        tokio::task::yield_now().await;
    }
    let right = right.send().await.unwrap().status().as_u16();
    assert_eq!(under_way.join_all().await, [400; MANY - 1]);
    assert_eq!(right, 400, "the sixteenth guess was looked at");
    server.clock().pass(15 * 60);
    assert!(opens(&server, &person).await, "it was the right one");
}

/// Gives somebody a hash of the same password that takes long to compare with.
async fn make_slow(server: &Server, person: &Person) {
    use grantor_core::password::NewPassword;
    use grantor_server::password::{Cost, Passwords, PoolSize, Salt};
    let password = NewPassword::choose(person.password.clone(), &person.email.parse().unwrap()).unwrap();
    let slow =
        Passwords::start(Cost::new(8 * 1024, 2).unwrap(), PoolSize::of(std::num::NonZeroUsize::MIN)).unwrap();
    let hash = slow.hash(&password, Salt([7; 16])).await.expect("a hash");
    let set = format!("UPDATE users SET password = '{}' WHERE email_key = '{}'", hash.as_str(), person.email);
    server.door().await.run(&set).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g08_a_lockout_survives_a_restart() {
    let server = Server::start().await;
    let person = locked(&server).await;
    let server = server.restart().await;
    assert!(!opens(&server, &person).await);
    assert_eq!(by_password(&server, &person).await.status, 400);
    server.clock().pass(31);
    assert!(opens(&server, &person).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn g08_the_wait_doubles_and_is_never_longer_than_fifteen_minutes() {
    let server = Server::start().await;
    let person = locked(&server).await;
    for wait in [30, 60, 120, 240, 480, 900, 900, 900] {
        server.clock().pass(wait - 5);
        assert!(!opens(&server, &person).await, "{wait} s are not over");
        server.clock().pass(5);
        guess_by_grant(&server, &person).await;
    }
    server.clock().pass(900);
    assert!(opens(&server, &person).await);
    // Guesses that were not looked at made the wait no longer, and the right one has ended it.
    assert!(opens(&server, &person).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn g08_strangers_do_not_lock_somebody_out_of_their_own_browser() {
    let server = Server::start().await;
    let person = new_user(&server, Some("nine green bicycles")).await;
    let mut own = signed_in(&server, &person).await;
    let mark = cookie(&own, DEVICE).to_owned();
    assert!(!mark.is_empty() && !mark.contains(&person.email));
    for _ in 0..FREE {
        guess_by_form(&server, &person).await;
    }
    assert!(!opens(&server, &person).await, "elsewhere the account is closed");
    own.visit("/logout").await;
    own.submit("logout-submit").await;
    assert_eq!(cookie(&own, SESSION), "");
    own.visit("/login").await;
    server.type_password(&mut own, &person).await;
    assert_eq!(own.page().text_of("signed-in-email"), person.email);
    assert!(!opens(&server, &person).await, "that has opened nothing for strangers");

    // Their own mistakes count in their own browser.
    own.visit("/logout").await;
    own.submit("logout-submit").await;
    own.visit("/login").await;
    for _ in 0..FREE {
        server.type_password(&mut own, &wrong(&person)).await;
    }
    server.type_password(&mut own, &person).await;
    assert_eq!((own.page().status, cookie(&own, SESSION)), (400, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn g08_the_mark_of_a_known_browser_is_good_for_its_user_alone_and_cannot_be_made() {
    let server = Server::start().await;
    let (owner, victim) = (
        new_user(&server, Some("nine green bicycles")).await,
        new_user(&server, Some("nine green bicycles")).await,
    );
    let own = signed_in(&server, &owner).await;
    let genuine = cookie(&own, DEVICE).to_owned();
    let (random, seal) = genuine.split_once('~').expect("a random part and a seal");
    let mut changed = seal.to_owned();
    changed.replace_range(0..1, if seal.starts_with('A') { "B" } else { "A" });
    let marks = [
        genuine.clone(),
        format!("{random}~{changed}"),
        format!("x{random}~{seal}"),
        format!("{random}~"),
        format!("~{seal}"),
        "~".to_owned(),
        random.to_owned(),
    ];
    for _ in 0..FREE {
        guess_by_grant(&server, &victim).await;
    }
    for mark in marks {
        let mut browser = Browser::new(&server);
        browser.put_cookie(DEVICE, &mark);
        browser.visit("/login").await;
        server.type_password(&mut browser, &victim).await;
        assert_eq!((browser.page().status, cookie(&browser, SESSION)), (400, ""), "{mark}");
    }
}
