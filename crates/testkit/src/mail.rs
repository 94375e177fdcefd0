//! A mail as its reader sees it.

use crate::logs;

/// One mail of the mail folder.
#[derive(Debug, Clone)]
pub struct Mail {
    /// To whom.
    pub to: String,
    /// What it is about.
    pub subject: String,
    /// The text, decoded.
    pub text: String,
}

impl Mail {
    /// Reads a file of the folder: one part of text, encoded in one of the two ways that the server uses.
    ///
    /// # Panics
    /// At anything else.
    pub(crate) fn parse(file: &str) -> Self {
        let (head, body) = file.split_once("\r\n\r\n").expect("a mail has a head and a body");
        let head = head.replace("\r\n ", " ");
        let header = |name: &str| {
            let fits = |line: &&str| line.split(':').next().is_some_and(|own| own.eq_ignore_ascii_case(name));
            let line = head.split("\r\n").find(fits).and_then(|line| line.split_once(':'));
            line.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let text = match header("Content-Transfer-Encoding").as_str() {
            "7bit" => body.to_owned(),
            "quoted-printable" => from_quoted_printable(body),
            other => panic!("the reader does not know the encoding {other:?}"),
        };
        Self { to: header("To"), subject: header("Subject"), text: text.replace("\r\n", "\n") }
    }

    /// The link in it.
    ///
    /// # Panics
    /// If there is none, or more than one.
    pub fn link(&self) -> String {
        let lines = self.text.lines().map(str::trim);
        let links: Vec<&str> =
            lines.filter(|line| line.starts_with("http://") || line.starts_with("https://")).collect();
        let [only] = links[..] else { panic!("one link in a mail: {}", self.text) };
        let token =
            only.split_once("token=").map_or(only, |(_, rest)| rest.split('&').next().unwrap_or(rest));
        logs::note_secret(token);
        only.to_owned()
    }
}

/// RFC 2045 6.7.
fn from_quoted_printable(text: &str) -> String {
    let joined = text.replace("=\r\n", "");
    let mut parts = joined.split('=');
    let mut bytes = parts.next().unwrap_or("").as_bytes().to_vec();
    for part in parts {
        let (code, after) = part.split_at(2);
        bytes.push(u8::from_str_radix(code, 16).expect("two hex digits"));
        bytes.extend_from_slice(after.as_bytes());
    }
    String::from_utf8(bytes).expect("a mail is UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_whole_though_it_was_broken_into_lines() {
        let mail = Mail::parse(
            "To: ann@a.test\r\nSubject: Hello\r\n there\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
             Gr=C3=BC=C3=9Fe\r\nhttp://a.test/?token=3Dabc=\r\ndef&i=3D1\r\n",
        );
        assert_eq!((mail.to.as_str(), mail.subject.as_str()), ("ann@a.test", "Hello there"));
        assert!(mail.text.starts_with("Grüße\n"));
        assert_eq!(mail.link(), "http://a.test/?token=abcdef&i=1");
    }
}
