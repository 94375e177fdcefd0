//! The mails.

use super::pages;
use super::samples::mails_with;
use crate::pages::MailText;

#[test]
fn every_mail_has_a_subject_of_one_line_and_a_text() {
    let mails = mails_with(&pages(), "Acme {{7*7}} <b>&");
    assert_eq!(mails.len(), 8);
    for (name, _, mail) in mails {
        assert!(mail.subject.ends_with("Acme {{7*7}} <b>&") || mail.subject.contains("Acme"), "{name}");
        assert!(!mail.subject.starts_with("Subject"), "{name}");
        assert!(mail.text.starts_with("Hello,\n") && mail.text.contains("Acme {{7*7}} <b>&\n"), "{name}");
        assert!(mail.text.contains("\nhttps://id.example.com/signup/verify?token=abc\n"), "{name}");
    }
}

#[test]
fn no_value_adds_a_line_to_a_mail() {
    let pages = pages();
    let harmless = mails_with(&pages, "harmless");
    for value in ["x\r\nBcc: a@b.example", "x\nBcc: a@b.example\n\nbody", "x\u{2028}y", "x\u{85}y", "x\u{b}y"]
    {
        for ((name, _, mail), (_, _, harmless)) in mails_with(&pages, value).iter().zip(&harmless) {
            assert!(!mail.subject.contains(char::is_control), "{name}: {:?}", mail.subject);
            assert_eq!(mail.text.lines().count(), harmless.text.lines().count(), "{name}: {}", mail.text);
        }
    }
}

#[test]
fn a_subject_holds_no_control_character_whatever_the_template_does() {
    let mail = MailText::split("Subject: a\r b\u{0}c\u{1b}[1m \r\n\nbody\nmore\n\n");
    assert_eq!((mail.subject.as_str(), mail.text.as_str()), ("a bc[1m", "body\nmore\n"));
}
