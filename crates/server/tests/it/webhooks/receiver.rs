//! A receiver that checks signatures by itself, from the text of the specification.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What stands in every answer and must never be seen again.
pub(super) const WORDS: &str = "private-words-of-the-receiver";

/// What the receiver does.
#[derive(Clone)]
pub(super) enum Manner {
    /// Answers 200.
    Takes,
    /// Answers with a status.
    Says(u16),
    /// Sends on to another place.
    Leads(String),
    /// Answers 200 and 300 KiB.
    Chatty,
    /// Reads and never answers.
    Silent,
}

pub(super) struct Receiver {
    port: u16,
    manner: Arc<Mutex<Manner>>,
    heard: mpsc::UnboundedReceiver<Heard>,
}

/// A request as it arrived.
pub(super) struct Heard {
    headers: HashMap<String, String>,
    pub(super) body: String,
}

impl Heard {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The name of the event.
    pub(super) fn event(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        body["type"].as_str().unwrap().to_owned()
    }

    /// Standard Webhooks: one of the signatures is that of the id, the time and the body.
    pub(super) fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        assert_eq!(key.len(), 32);
        let signed =
            format!("{}.{}.{}", self.header("webhook-id"), self.header("webhook-timestamp"), self.body);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
        let expected = format!("v1,{}", STANDARD.encode(tag));
        self.header("webhook-signature").split(' ').any(|one| one == expected)
    }
}

/// A secret of the same form that is another one.
pub(super) fn another(secret: &str) -> String {
    let mut key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    key[0] ^= 1;
    format!("whsec_{}", STANDARD.encode(key))
}

impl Receiver {
    pub(super) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let manner = Arc::new(Mutex::new(manner));
        let (tell, heard) = mpsc::unbounded_channel();
        let shared = Arc::clone(&manner);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared), tell.clone()));
            }
        });
        Self { port, manner, heard }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    pub(super) fn change(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// The next request.
    pub(super) async fn next(&mut self) -> Heard {
        let heard = tokio::time::timeout(Duration::from_secs(15), self.heard.recv()).await;
        heard.expect("a message arrives").unwrap()
    }

    /// Whether two looks of the sender bring nothing.
    pub(super) async fn hears_nothing(&mut self) -> bool {
        tokio::time::timeout(Duration::from_millis(2200), self.heard.recv()).await.is_err()
    }
}

async fn serve(mut stream: TcpStream, manner: Arc<Mutex<Manner>>, tell: mpsc::UnboundedSender<Heard>) {
    let mut bytes = Vec::new();
    let heard = loop {
        let mut part = [0; 4096];
        match stream.read(&mut part).await {
            Ok(length) if length > 0 => bytes.extend_from_slice(&part[..length]),
            _ => return,
        }
        if let Some(heard) = parsed(&bytes) {
            break heard;
        }
    };
    let manner = manner.lock().unwrap().clone();
    // Neither what is sent nor what is answered may stand in a log.
    for text in [WORDS, &heard.body, heard.header("webhook-signature")] {
        grantor_testkit::note_secret(text);
    }
    let _ = tell.send(heard);
    let answer = match manner {
        Manner::Takes => answer(200, "", WORDS),
        Manner::Says(status) => answer(status, "", WORDS),
        Manner::Leads(to) => answer(302, &format!("location: {to}\r\n"), WORDS),
        Manner::Chatty => answer(200, "", &WORDS.repeat(300 * 1024 / WORDS.len() + 1)),
        Manner::Silent => std::future::pending().await,
    };
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn answer(status: u16, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} X\r\nx-inside: {WORDS}\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A request, once it is whole.
fn parsed(bytes: &[u8]) -> Option<Heard> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    assert!(lines.next()?.starts_with("POST /hook"), "{head}");
    let pairs = lines.filter_map(|line| line.split_once(": "));
    let headers: HashMap<String, String> =
        pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let length: usize = headers.get("content-length")?.parse().ok()?;
    (body.len() == length).then(|| Heard { headers, body: body.to_owned() })
}
