//! What a mail looks like, and what the folder holds.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use super::*;
use crate::config::MailFolder;

/// 2026-11-21T10:00:00Z, then ten bytes that count up.
pub(super) fn id(number: u8) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(1_795_255_200_000 + u64::from(number), &[number; 10])
        .into_uuid()
}

pub(super) fn mail(text: &str) -> OutgoingMail {
    OutgoingMail {
        id: id(1),
        to: "Ann@example.org".parse().unwrap(),
        subject: "Your new password".parse().unwrap(),
        text: text.to_owned(),
        html: None,
    }
}

fn folder(path: &Path) -> Mailer {
    let from = "Große Bank <no-reply@bank.example>".parse().unwrap();
    Mailer::new(&Mail::Folder(MailFolder { folder: path.to_owned(), from })).unwrap()
}

fn names(path: &Path) -> Vec<String> {
    let entries =
        std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.collect();
    names.sort();
    names
}

async fn written(mail: &OutgoingMail) -> String {
    let place = tempfile::tempdir().unwrap();
    folder(place.path()).send(mail).await.unwrap();
    std::fs::read_to_string(place.path().join(format!("{}.eml", mail.id))).unwrap()
}

#[tokio::test]
async fn the_folder_has_one_private_file_a_mail_in_the_order_of_time() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("made/anew");
    let mailer = folder(&path);
    for number in [2, 1, 3] {
        mailer.send(&OutgoingMail { id: id(number), ..mail("Hello") }).await.unwrap();
    }
    mailer.send(&OutgoingMail { id: id(3), ..mail("Hello once more") }).await.unwrap();
    assert_eq!(names(&path), [1, 2, 3].map(|number| format!("{}.eml", id(number))));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(&path.join(format!("{}.eml", id(1))))), (0o700, 0o600));
    let last = std::fs::read_to_string(path.join(format!("{}.eml", id(3)))).unwrap();
    assert!(last.ends_with("\r\n\r\nHello once more\r\n"), "{last}");
}

#[tokio::test]
async fn what_a_cut_off_try_left_is_neither_followed_nor_kept() {
    let place = tempfile::tempdir().unwrap();
    let (path, elsewhere) = (place.path().join("mail"), place.path().join("elsewhere"));
    std::fs::create_dir(&path).unwrap();
    std::fs::write(&elsewhere, "mine").unwrap();
    symlink(&elsewhere, path.join(format!(".{}.unfinished", id(1)))).unwrap();
    folder(&path).send(&mail("Hello")).await.unwrap();
    assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), "mine");
    assert_eq!(names(&path), [format!("{}.eml", id(1))]);
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_told_and_not_final() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = folder(&file.join("below")).send(&mail("Hello")).await.unwrap_err();
    assert!(matches!(error, MailError::Folder(_)) && !error.is_final(), "{error}");
}

#[tokio::test]
async fn a_mail_has_its_headers_and_both_bodies() {
    let text = written(&OutgoingMail { html: Some("<p>Hello</p>".to_owned()), ..mail("Hello") }).await;
    for line in [
        "To: Ann@example.org\r\n",
        "Subject: Your new password\r\n",
        "Date: Sat, 21 Nov 2026 10:00:00 +0000\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "MIME-Version: 1.0\r\n",
        &format!("Message-ID: <{}@bank.example>\r\n", id(1)),
        "Content-Type: multipart/alternative;",
        "Content-Type: text/plain; charset=utf-8\r\n",
        "Content-Type: text/html; charset=utf-8\r\n",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
    let from = text.lines().find(|line| line.starts_with("From: ")).unwrap();
    assert!(from.ends_with("<no-reply@bank.example>") && from.is_ascii(), "{from}");
    assert_eq!(text.matches("Hello").count(), 2, "{text}");
}

#[tokio::test]
async fn unicode_in_subject_and_body_travels_as_ascii() {
    let unicode = OutgoingMail { subject: "Grüße, Ωmega".parse().unwrap(), ..mail("Schöne Grüße\n") };
    let text = written(&unicode).await;
    assert!(text.is_ascii(), "{text}");
    assert!(text.contains("Subject: =?utf-8?b?") && text.contains("Content-Transfer-Encoding: "), "{text}");
}

#[test]
fn a_subject_that_could_end_its_line_cannot_be_made() {
    for bad in ["", "a\r\nBcc: x@y.z", "a\nb", "a\rb", "a\0", "\ta", "a\u{2028}b", "a\u{85}b", "a\x7f"] {
        assert_eq!(bad.parse::<Subject>(), Err(SubjectError), "{bad:?}");
    }
    assert!("ä".repeat(200).parse::<Subject>().is_ok());
    assert!("ä".repeat(201).parse::<Subject>().is_err());
}

#[tokio::test]
async fn a_body_is_never_a_header() {
    let text = written(&mail("Bcc: x@y.z\r\n\r\nSubject: other")).await;
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(!head.contains("Bcc") && body.contains("Bcc"), "{text}");
    assert_eq!(head.matches("Subject:").count(), 1);
}

#[tokio::test]
async fn without_a_transport_nothing_is_said_to_be_sent() {
    let error = Mailer::new(&Mail::Off).unwrap().send(&mail("Hello")).await.unwrap_err();
    assert!(matches!(error, MailError::Off) && !error.is_final());
}
