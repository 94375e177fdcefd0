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

fn body(answer: &Answer<'_>) -> Result<String> {
    ensure!(answer.status == 200, "status {}", answer.status);
    Ok(String::from_utf8(answer.body.to_vec())?)
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
    assert_eq!(fleet.collect(&requests(&["/fresh"]), 200, body).await.unwrap().len(), 200);
    assert!(fleet.collect(&requests(&["/same"]), 2, body).await.is_err());
    assert!(fleet.collect(&requests(&["/missing"]), 2, body).await.is_err());
}

/// A family per first token; what comes next is told only by the answer before it.
#[tokio::test]
async fn each_request_of_a_chain_carries_the_token_of_the_answer_before() {
    let handler = async |form: Bytes| {
        let text = String::from_utf8_lossy(&form).into_owned();
        let token = text.rsplit_once("refresh_token=").map_or("", |(_, token)| token);
        let (family, generation) = token.split_once('.').unwrap_or(("none", "0"));
        let next = generation.parse::<u64>().unwrap_or(0) + 1;
        // Half a million generations are not reached; a family that stood still would show here.
        format!(r#"{{"refresh_token":"{family}.{next}"}}"#)
    };
    let mut fleet = serve(Router::new().route("/", axum::routing::post(handler))).await;
    let target = Target::new(fleet.target.address(), "/").unwrap();
    let new = |family| Chain::new(target.clone(), "Basic x".to_owned(), &format!("f{family}.0"));
    let mut chains: Vec<_> = (0..2 * CONNECTIONS).map(new).collect();
    let (tally, _) = fleet.run_chains(&mut chains, SHORT).await.unwrap();
    assert_eq!(tally.failure(), None);
    assert_eq!(chains.len(), 2 * CONNECTIONS);
    let reached = |chain: &Chain| {
        let text = String::from_utf8(chain.request().to_vec()).unwrap();
        let (_, token) = text.rsplit_once("refresh_token=f").unwrap();
        token.split_once('.').unwrap().1.parse::<u64>().unwrap()
    };
    assert_eq!(chains.iter().map(reached).sum::<u64>(), tally.answered(), "one generation for each answer");
}

#[tokio::test]
async fn an_answer_without_a_refresh_token_breaks_the_chain() {
    let mut fleet = serve(Router::new().route("/", axum::routing::post(async || "{}"))).await;
    let target = Target::new(fleet.target.address(), "/").unwrap();
    let mut chains: Vec<_> =
        (0..CONNECTIONS).map(|_| Chain::new(target.clone(), String::new(), "t")).collect();
    let (tally, _) = fleet.run_chains(&mut chains, SHORT).await.unwrap();
    assert!(tally.failure().unwrap().contains("refresh_token"));
}
