//! SMTP against a server that runs in the test and writes down what it hears.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use zeroize::Zeroizing;

use super::tests::mail;
use super::*;
use crate::config::{SmtpLogin, SmtpServer};

/// What the server does differently from a good one.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Good,
    /// Does not offer STARTTLS, as if somebody on the way had cut it out.
    WithoutStartTls,
    /// Answers one command with this line.
    Says(&'static str, &'static str),
    /// Accepts the connection and never says a word.
    Silent,
}

struct Server {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
    folder: TempDir,
}

/// A certificate authority and a certificate that it has made out for a name.
fn certificate(name: &str) -> (String, ServerConfig) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let root = authority.self_signed(&root_key).unwrap();
    let issuer = Issuer::new(authority, root_key);
    let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    (root.pem(), config.with_single_cert(vec![leaf.der().clone()], private).unwrap())
}

impl Server {
    /// Listens with a certificate for this name.
    async fn start(security: &str, name: &str, manner: Manner) -> Self {
        let (root, tls) = certificate(name);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("root.pem"), root).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let (acceptor, note, at_once) =
            (TlsAcceptor::from(Arc::new(tls)), Arc::clone(&heard), security == "smtps");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, acceptor.clone(), Arc::clone(&note), at_once, manner));
            }
        });
        Self { port, heard, folder }
    }

    fn trust_roots(&self) -> Option<PathBuf> {
        Some(self.folder.path().join("root.pem"))
    }

    fn config(&self, security: &str, host: &str) -> SmtpServer {
        SmtpServer {
            url: format!("{security}://{host}:{}", self.port).parse().unwrap(),
            login: Some(SmtpLogin {
                username: "us".to_owned(),
                password: Zeroizing::new("hunter2".to_owned()),
            }),
            trust_roots: self.trust_roots(),
            from: "no-reply@bank.example".parse().unwrap(),
        }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// Whether anything was heard that is for a trusted server only.
    fn heard_a_secret(&self) -> bool {
        self.heard()
            .iter()
            .any(|line| ["AUTH", "MAIL", "RCPT", "Hello"].iter().any(|word| line.starts_with(word)))
    }
}

async fn serve(
    stream: TcpStream,
    tls: TlsAcceptor,
    heard: Arc<Mutex<Vec<String>>>,
    at_once: bool,
    manner: Manner,
) {
    if at_once {
        if let Ok(stream) = tls.accept(stream).await {
            dialogue(BufReader::new(stream), &heard, manner, "220 ready").await;
        }
        return;
    }
    let mut stream = BufReader::new(stream);
    if dialogue(&mut stream, &heard, manner, "220 ready").await
        && let Ok(stream) = tls.accept(stream.into_inner()).await
    {
        heard.lock().unwrap().push("(TLS)".to_owned());
        dialogue(BufReader::new(stream), &heard, manner, "").await;
    }
}

/// Returns whether the client wants to go on with TLS.
async fn dialogue<S>(mut stream: S, heard: &Mutex<Vec<String>>, manner: Manner, greeting: &str) -> bool
where
    S: tokio::io::AsyncBufRead + AsyncRead + AsyncWrite + Unpin,
{
    if manner == Manner::Silent {
        let mut line = String::new();
        let _ = stream.read_line(&mut line).await;
        return false;
    }
    if !greeting.is_empty() && stream.write_all(format!("{greeting}\r\n").as_bytes()).await.is_err() {
        return false;
    }
    let mut in_data = false;
    loop {
        let mut line = String::new();
        if !matches!(stream.read_line(&mut line).await, Ok(1..)) {
            return false;
        }
        heard.lock().unwrap().push(line.trim_end_matches("\r\n").to_owned());
        let command = line.split_whitespace().next().unwrap_or("");
        let answer = match (command, manner) {
            _ if in_data && line != ".\r\n" => continue,
            _ if in_data => {
                in_data = false;
                "250 taken"
            }
            (command, Manner::Says(at, answer)) if command == at => answer,
            ("EHLO", Manner::WithoutStartTls) => "250-here\r\n250 AUTH PLAIN",
            ("EHLO", _) => "250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN",
            ("AUTH", _) => "235 known",
            ("DATA", _) => {
                in_data = true;
                "354 go on"
            }
            ("STARTTLS", _) => "220 go on",
            ("QUIT", _) => "221 bye",
            _ => "250 fine",
        };
        if stream.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() || command == "QUIT" {
            return false;
        }
        if command == "STARTTLS" && answer.starts_with("220") {
            return true;
        }
    }
}

async fn sent(config: SmtpServer) -> Result<(), MailError> {
    Mailer::new(&Mail::Smtp(config)).unwrap().send(&mail("Hello")).await
}

#[tokio::test]
async fn a_mail_arrives_over_tls_and_over_starttls_and_on_this_machine() {
    for security in ["smtps", "smtp+starttls", "smtp"] {
        let server = Server::start(security, "localhost", Manner::Good).await;
        sent(server.config(security, "localhost")).await.unwrap();
        let heard = server.heard();
        let at = |line: &str| {
            heard.iter().position(|one| one == line).unwrap_or_else(|| panic!("{line}: {heard:#?}"))
        };
        assert!(at("EHLO bank.example") < at("AUTH PLAIN AHVzAGh1bnRlcjI="));
        assert!(at("MAIL FROM:<no-reply@bank.example>") < at("RCPT TO:<Ann@example.org>"));
        assert!(at("DATA") < at("Subject: Your new password") && at("Hello") < at("."));
        assert_eq!(
            heard.iter().filter(|line| *line == "(TLS)").count(),
            usize::from(security == "smtp+starttls")
        );
    }
}

#[tokio::test]
async fn m14_a_server_with_a_certificate_of_another_name_gets_nothing() {
    for security in ["smtps", "smtp+starttls"] {
        for (host, certified) in [
            ("localhost", "mail.other.example"),
            ("localhost", "sub.localhost"),
            ("127.0.0.1", "localhost"),
            ("localhost", "127.0.0.1"),
        ] {
            let server = Server::start(security, certified, Manner::Good).await;
            let error = sent(server.config(security, host)).await.unwrap_err();
            assert!(matches!(&error, MailError::Unreachable(_)) && !error.is_final(), "{error}");
            assert!(error.to_string().contains("not valid for name"), "{error}");
            assert!(!server.heard_a_secret(), "{:#?}", server.heard());
        }
    }
}

#[tokio::test]
async fn m14_a_server_whose_authority_is_unknown_gets_nothing() {
    for security in ["smtps", "smtp+starttls"] {
        let server = Server::start(security, "localhost", Manner::Good).await;
        let other = Server::start(security, "localhost", Manner::Good).await;
        for trust_roots in [None, other.trust_roots()] {
            let error =
                sent(SmtpServer { trust_roots, ..server.config(security, "localhost") }).await.unwrap_err();
            assert!(
                matches!(&error, MailError::Unreachable(text) if text.contains("certificate")),
                "{error}"
            );
        }
        assert!(!server.heard_a_secret(), "{:#?}", server.heard());
    }
}

#[tokio::test]
async fn where_starttls_was_cut_out_nothing_is_sent_in_clear() {
    let server = Server::start("smtp+starttls", "localhost", Manner::WithoutStartTls).await;
    let error = sent(server.config("smtp+starttls", "localhost")).await.unwrap_err();
    assert!(matches!(error, MailError::Unreachable(_)), "{error}");
    assert!(!server.heard_a_secret(), "{:#?}", server.heard());
    let refusing = Server::start("smtp+starttls", "localhost", Manner::Says("STARTTLS", "454 not now")).await;
    let error = sent(refusing.config("smtp+starttls", "localhost")).await.unwrap_err();
    assert!(matches!(error, MailError::Later(454)), "{error}");
    assert!(!refusing.heard_a_secret(), "{:#?}", refusing.heard());
}

#[tokio::test]
async fn what_the_server_says_decides_whether_it_is_worth_another_try() {
    for (command, answer, expected, last) in [
        ("RCPT", "550 5.1.1 <Ann@example.org> is unknown here", "refuses the mail (550)", true),
        ("MAIL", "451 4.7.1 later, Ann@example.org", "does not take the mail now (451)", false),
        ("DATA", "554 no", "refuses the mail (554)", true),
        ("AUTH", "535 5.7.8 us hunter2", "refuses our login (535)", false),
        ("MAIL", "530 5.7.0 log in first", "refuses our login (530)", false),
        ("EHLO", "hello Ann@example.org", "no SMTP", false),
    ] {
        let server = Server::start("smtps", "localhost", Manner::Says(command, answer)).await;
        let error = sent(server.config("smtps", "localhost")).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{command}: {error}");
        assert_eq!(error.is_final(), last, "{command}: {error}");
        assert!(!error.to_string().contains("Ann") && !error.to_string().contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    for security in ["smtps", "smtp+starttls"] {
        let server = Server::start(security, "localhost", Manner::Silent).await;
        let smtp = Smtp::new(&server.config(security, "localhost")).unwrap().hasty();
        let error = smtp.send(&mail("Hello")).await.unwrap_err();
        assert!(matches!(error, MailError::Slow(_)) && !error.is_final(), "{error}");
    }
}

#[tokio::test]
async fn no_line_of_a_body_ends_the_mail_or_begins_another() {
    let server = Server::start("smtp", "localhost", Manner::Good).await;
    let mailer = Mailer::new(&Mail::Smtp(server.config("smtp", "127.0.0.1"))).unwrap();
    let evil = "a\n.\nMAIL FROM:<x@y.z>\r\n.\r\nMAIL FROM:<x@y.z>\r.\rMAIL FROM:<x@y.z>\n.\r\nMAIL FROM:<x@y.z>\r\n.\nb";
    mailer.send(&mail(evil)).await.unwrap();
    let heard = server.heard();
    let ends = heard.iter().filter(|line| *line == ".").count();
    assert_eq!(ends, 1, "{heard:#?}");
    let data = heard.iter().position(|line| line == "DATA").unwrap();
    let end = heard.iter().position(|line| line == ".").unwrap();
    assert!(data < end && heard[end + 1..].iter().all(|line| line == "QUIT"), "{heard:#?}");
    // RFC 5321 2.3.8: a bare CR or LF is read as an end of line by some servers and not by others.
    let bare = |line: &String| line.contains(['\r', '\n']);
    assert!(!heard[data..end].iter().any(bare), "{heard:#?}");
}

#[tokio::test]
async fn nobody_listens_is_told_and_not_final() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::start("smtp", "localhost", Manner::Good).await;
    let url = format!("smtp://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let error = sent(SmtpServer { url, ..server.config("smtp", "localhost") }).await.unwrap_err();
    assert!(matches!(error, MailError::Unreachable(_)), "{error}");
}

#[tokio::test]
async fn trust_roots_that_are_none_stop_the_start_in_words() {
    let server = Server::start("smtps", "localhost", Manner::Good).await;
    let file = server.folder.path().join("other.pem");
    let refusal = || {
        let config = SmtpServer { trust_roots: Some(file.clone()), ..server.config("smtps", "localhost") };
        Mailer::new(&Mail::Smtp(config)).err().expect("it must not start").to_string()
    };
    assert!(refusal().contains("cannot read"), "{}", refusal());
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let key = KeyPair::generate().unwrap().serialize_pem();
    for text in ["", "no certificate", broken, "-----BEGIN CERTIFICATE-----\nAAAA\n", &key] {
        std::fs::write(&file, text).unwrap();
        assert!(
            refusal().contains("holds no certificate") && refusal().contains("other.pem"),
            "{text}: {}",
            refusal()
        );
    }
}
