//! Every byte of a password counts, and there are not too many of them (G17).

use grantor_testkit::{Person, Server};

use super::opens;
use crate::forms::{Hidden, at_login, by_password, cookies, leads_nowhere, new_user, signed_in};

fn with(person: &Person, password: &str) -> Person {
    Person { password: password.to_owned(), ..person.clone() }
}

#[tokio::test(flavor = "multi_thread")]
async fn g17_passwords_that_differ_behind_the_seventy_second_byte_are_different() {
    let server = Server::start().await;
    let long = "Nine green bicycles stand in front of the town hall, and each of them has a bell that rings";
    let person = new_user(&server, Some(long)).await;
    assert!(long.len() > 80);
    for other in [
        format!("{long}s"),
        format!("{}t", &long[..long.len() - 1]),
        long[..72].to_owned(),
        long[..73].to_owned(),
    ] {
        assert!(!opens(&server, &with(&person, &other)).await, "{other}");
        assert!(opens(&server, &person).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g17_a_password_does_not_end_at_a_nul_and_none_of_its_spaces_is_lost() {
    let server = Server::start().await;
    let person = new_user(&server, Some(" nine green bicycles ")).await;
    assert!(opens(&server, &person).await);
    for other in [
        " nine green bicycles",
        "nine green bicycles ",
        " ninegreen bicycles ",
        " nine Green bicycles ",
        " nine green bicycles \0",
        " nine green bicycles \0and more",
        "\0 nine green bicycles ",
        " nine\0green bicycles ",
    ] {
        assert!(!opens(&server, &with(&person, other)).await, "{other:?}");
        assert!(opens(&server, &person).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g17_a_password_of_1024_bytes_is_taken_whole_and_one_of_1025_is_wrong_like_any_other() {
    let server = Server::start().await;
    let longest: String = (0..256).map(|at| char::from_u32(0x1f300 + (at * 37) % 256).unwrap()).collect();
    assert_eq!((longest.chars().count(), longest.len()), (256, 1024));
    let person = new_user(&server, Some(&longest)).await;
    signed_in(&server, &person).await;
    assert_eq!(by_password(&server, &person).await.status, 200);
    let (longer, shorter) = (format!("{longest}a"), longest[..1020].to_owned());
    for other in [longer, shorter, longest.repeat(2), "a".repeat(8 * 1024)] {
        let browser = at_login(&server).await;
        let answer =
            Hidden::of(browser.page()).typed(&with(&person, &other)).send(&server, &cookies(&browser)).await;
        leads_nowhere(&answer, 400);
        assert!(answer.text.contains("id=\"login-password\""), "the page is shown again: {}", answer.text);
        let refused = by_password(&server, &with(&person, &other)).await;
        assert_eq!((refused.status, refused.error().as_str()), (400, "invalid_grant"));
        assert!(opens(&server, &person).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g17_a_megabyte_is_refused_before_anything_is_hashed() {
    let server = Server::start().await;
    let person = server.person("end_user");
    let (before, browser) = (server.node().passwords.kibibytes_filled(), at_login(&server).await);
    let huge = with(&person, &"m".repeat(1024 * 1024));
    let form = Hidden::of(browser.page()).typed(&huge);
    leads_nowhere(&form.send(&server, &cookies(&browser)).await, 413);
    let grant = by_password(&server, &huge).await;
    assert_eq!(grant.status, 413, "{}", grant.text);
    assert_eq!(server.node().passwords.kibibytes_filled(), before);
    assert!(opens(&server, &person).await);
}
