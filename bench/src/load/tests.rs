//! The driver against small servers that misbehave on purpose.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use std::sync::atomic::AtomicU64;

use super::*;

async fn serve(router: Router) -> Fleet {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Fleet::new(Target::new(address, "/").unwrap())
}

fn requests(paths: &[&str]) -> Arc<[Bytes]> {
    paths.iter().map(|path| Bytes::from(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"))).collect()
}

fn body(body: &[u8]) -> Result<String> {
    Ok(String::from_utf8(body.to_vec())?)
}

const SHORT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_closed_loop_counts_answers_over_its_length() {
    let mut fleet = serve(Router::new().route("/", get(async || "ok"))).await;
    let (tally, start) = fleet.run(&requests(&["/"]), Pace::For(SHORT)).await.unwrap();
    assert_eq!(tally.failure(), None);
    assert!(tally.answered() >= CONNECTIONS as u64);
    assert!(tally.rate(start) <= tally.answered() as f64 / SHORT.as_secs_f64());
    assert_eq!(fleet.connections.len(), CONNECTIONS);
}

#[tokio::test]
async fn one_refusal_among_many_answers_fails_the_run() {
    let count = Arc::new(AtomicU64::new(0));
    let handler = async move || {
        let nth = count.fetch_add(1, Ordering::Relaxed);
        if nth == 70 { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::OK }
    };
    let mut fleet = serve(Router::new().route("/", get(handler))).await;
    let list: Vec<_> = std::iter::repeat_n("/", 300).collect();
    let (tally, _) = fleet.run(&requests(&list), Pace::EachOnce(PATIENCE)).await.unwrap();
    assert_eq!(tally.failure().as_deref(), Some("1 answers with status 429"));
    assert_eq!(tally.answered(), 299);
}

#[tokio::test]
async fn a_server_that_hangs_up_fails_the_run() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut fleet = Fleet::new(Target::new(listener.local_addr().unwrap(), "/").unwrap());
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let (tally, _) = fleet.run(&requests(&["/"]), Pace::For(SHORT)).await.unwrap();
    let failure = tally.failure().unwrap();
    assert!(failure.starts_with("64 connections broke"), "{failure}");
    assert!(fleet.connections.is_empty(), "broken connections were kept");
}

#[tokio::test]
async fn each_request_of_a_list_is_sent_exactly_once() {
    let hits = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&hits);
    let handler = async move |uri: axum::http::Uri| {
        seen.lock().unwrap().push(uri.path().to_owned());
        "ok"
    };
    let mut fleet = serve(Router::new().fallback(handler)).await;
    let paths: Vec<_> = (0..500).map(|number| format!("/{number:03}")).collect();
    let list: Vec<_> = paths.iter().map(String::as_str).collect();
    let (tally, _) = fleet.run(&requests(&list), Pace::EachOnce(PATIENCE)).await.unwrap();
    assert_eq!(tally.answered(), 500);
    let mut hits = hits.lock().unwrap().clone();
    hits.sort();
    assert_eq!(hits, paths);
}

#[tokio::test]
async fn an_open_loop_sends_at_its_rate() {
    let mut fleet = serve(Router::new().route("/", get(async || "ok"))).await;
    let (tally, _) = fleet.run(&requests(&["/"]), Pace::Rate(2000.0, SHORT)).await.unwrap();
    assert_eq!(tally.failure(), None);
    assert_eq!(tally.answered(), 200);
}

#[tokio::test]
async fn an_open_loop_counts_latency_from_the_scheduled_time() {
    // One connection's first answer stalls the single-threaded server; requests due meanwhile must show it.
    let first = Arc::new(AtomicU64::new(0));
    let handler = async move || {
        if first.fetch_add(1, Ordering::Relaxed) == 0 {
            let until = clock::now() + Duration::from_millis(60);
            while clock::now() < until {}
        }
        "ok"
    };
    let mut fleet = serve(Router::new().route("/", get(handler))).await;
    let (tally, _) = fleet.run(&requests(&["/"]), Pace::Rate(10_000.0, SHORT)).await.unwrap();
    assert_eq!(tally.answered(), 1000);
    // 600 of 1,000 requests fall due during the stall and wait up to 60 ms. Counted from when they could be sent,
    // at most one per connection (6 %) would show it.
    assert!(tally.latency().percentile(0.75) > Duration::from_millis(15));
}

#[tokio::test]
async fn collected_values_must_differ() {
    let count = Arc::new(AtomicU64::new(0));
    let fresh = async move || count.fetch_add(1, Ordering::Relaxed).to_string();
    let router = Router::new().route("/fresh", get(fresh)).route("/same", get(async || "same"));
    let mut fleet = serve(router).await;
    let list = requests(&["/fresh", "/same", "/missing"]);
    assert_eq!(fleet.collect(&list[0], 200, body).await.unwrap().len(), 200);
    assert!(fleet.collect(&list[1], 2, body).await.is_err());
    assert!(fleet.collect(&list[2], 2, body).await.is_err());
}
