//! M04: what HTTP/2 lets a client ask for without end. Each flood runs against a process of its own, whose memory can be read.

use std::net::SocketAddr;
use std::time::Duration;

use http::Request;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::https::{folder, serve};
use super::process::Process;
use crate::https::client::{ANY, HTTP_2, Http2, Pair, Watch, pair};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Memory that a flood may cost at its peak, in KiB: less than the windows of all connections.
const GROWTH: u64 = 24 * 1024;
/// Connections that flood at the same time.
const ATTACKERS: usize = 20;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// `POST /oauth/token` in HPACK (RFC 7541), by the static table and literals.
fn head() -> Vec<u8> {
    let mut block = vec![0x83, 0x87, 0x04, 12];
    block.extend(b"/oauth/token");
    block.extend([0x01, 9]);
    block.extend(b"localhost");
    block
}

/// What a client sends: the round of this number.
type Round = fn(u32) -> Vec<u8>;

fn stream(round: u32) -> u32 {
    2 * round + 1
}

fn resets(round: u32) -> Vec<u8> {
    let open = frame(HEADERS, END_HEADERS | END_STREAM, stream(round), &head());
    [open, frame(RST_STREAM, 0, stream(round), &8_u32.to_be_bytes())].concat()
}

/// The server has to reset, because a window may not grow by nothing (CVE-2025-8671).
fn provoked_resets(round: u32) -> Vec<u8> {
    let open = frame(HEADERS, END_HEADERS, stream(round), &head());
    [open, frame(WINDOW_UPDATE, 0, stream(round), &[0; 4])].concat()
}

fn continuations(round: u32) -> Vec<u8> {
    match round {
        0 => frame(HEADERS, 0, 1, &head()),
        // A field without index, name and value of one byte.
        _ => frame(CONTINUATION, 0, 1, &[0, 1, b'a', 1, b'b']),
    }
}

fn empty_continuations(round: u32) -> Vec<u8> {
    if round == 0 { frame(HEADERS, 0, 1, &head()) } else { frame(CONTINUATION, 0, 1, &[]) }
}

fn long_continuations(round: u32) -> Vec<u8> {
    if round == 0 { frame(HEADERS, 0, 1, &head()) } else { frame(CONTINUATION, 0, 1, &[0x82; 16_000]) }
}

fn empty_data(round: u32) -> Vec<u8> {
    if round == 0 { frame(HEADERS, END_HEADERS, 1, &head()) } else { frame(DATA, 0, 1, &[]) }
}

fn short_data(round: u32) -> Vec<u8> {
    if round == 0 { frame(HEADERS, END_HEADERS, 1, &head()) } else { frame(DATA, 0, 1, b"a") }
}

fn settings(_: u32) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff])
}

fn pings(_: u32) -> Vec<u8> {
    frame(PING, 0, 0, &[7; 8])
}

fn unknown(_: u32) -> Vec<u8> {
    frame(0xbe, 0, 0, &[])
}

/// Whether the peer reads what the server says to its frames.
#[derive(Clone, Copy, PartialEq)]
enum Reads {
    All,
    Nothing,
}

/// Floods until the connection is dropped; after how many frames, and how long.
async fn flood(pair: &Pair, address: SocketAddr, round: Round, reads: Reads) -> (u32, Duration) {
    let mut stream = pair.connect(address, ANY, HTTP_2).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    let begun = Watch::start();
    let (mut from, mut to) = tokio::io::split(stream);
    let reading = tokio::spawn(async move {
        let mut buffer = vec![0; 64 * 1024];
        while reads == Reads::All && !matches!(from.read(&mut buffer).await, Ok(0) | Err(_)) {}
        // Held to the end: closing it would be an end of the client's making.
        from
    });
    let mut count = 0;
    let flooding = async {
        loop {
            let frames: Vec<u8> = (count..count + 16).flat_map(round).collect();
            count += 16;
            if to.write_all(&frames).await.is_err() || to.flush().await.is_err() {
                return;
            }
            assert!(count < 20_000_000, "nobody stops this");
        }
    };
    timeout(Duration::from_secs(45), flooding).await.expect("the connection is dropped");
    reading.abort();
    (count, begun.elapsed())
}

/// Memory of the process at its peak, in KiB.
fn peak(server: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn answers(pair: &Pair, address: SocketAddr) -> bool {
    let request = Request::get(format!("https://localhost:{}/nothing", address.port())).body(()).unwrap();
    Http2::connect(pair, address).await.send(request, "").await.is_ok_and(|answer| answer.status == 404)
}

#[tokio::test(flavor = "multi_thread")]
async fn m04_every_flood_ends_with_its_connection_and_memory_stays_flat() {
    let pair = pair();
    let folder = folder(&pair);
    let (server, address) = serve(folder.path(), &[]);
    // What connections cost that do nothing wrong.
    let mut calm = Vec::new();
    for _ in 0..ATTACKERS {
        calm.push(Http2::connect(&pair, address).await);
    }
    assert!(answers(&pair, address).await);
    drop(calm);
    let before = peak(&server);
    let floods: [(&str, Round); 10] = [
        ("resets", resets),
        ("provoked resets", provoked_resets),
        ("continuations", continuations),
        ("empty continuations", empty_continuations),
        ("long continuations", long_continuations),
        ("empty data", empty_data),
        ("short data", short_data),
        ("settings", settings),
        ("pings", pings),
        ("unknown frames", unknown),
    ];
    for (name, round) in floods {
        for reads in [Reads::All, Reads::Nothing] {
            let attacks = (0..ATTACKERS).map(|_| {
                let pair = pair.clone();
                tokio::spawn(async move { flood(&pair, address, round, reads).await })
            });
            for attack in attacks.collect::<Vec<_>>() {
                let (frames, time) = attack.await.unwrap();
                assert!(time < Duration::from_secs(20), "{name}: {frames} frames in {time:?}");
            }
            assert!(answers(&pair, address).await, "{name}: others are served");
            let grown = peak(&server).saturating_sub(before);
            assert!(grown < GROWTH, "{name}: {grown} KiB more than before");
        }
    }
    assert_eq!(server.terminate().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn m04_a_head_that_is_short_on_the_wire_and_long_when_read_is_refused() {
    let pair = pair();
    let folder = folder(&pair);
    let (server, address) = serve(folder.path(), &[]);
    assert!(answers(&pair, address).await);
    let before = peak(&server);
    for _ in 0..ATTACKERS {
        let mut stream = pair.connect(address, ANY, HTTP_2).await.unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
        // A value of 4,000 bytes goes into the dynamic table, and each byte behind it is that value once more.
        let mut block = [head(), vec![0x40, 1, b'a', 0x7f, 0xa1, 0x1e]].concat();
        block.extend([b'v'; 4_000]);
        block.extend([0xbe; 12_000]);
        let _ = stream.write_all(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &block)).await;
        let mut answer = vec![0; 4_096];
        // Whatever it is, it comes at once: an answer 431, a reset, or the end.
        let _ = timeout(Duration::from_secs(10), stream.read(&mut answer)).await.expect("an answer");
    }
    assert!(answers(&pair, address).await);
    let grown = peak(&server).saturating_sub(before);
    assert!(grown < GROWTH, "{grown} KiB more than before");
}
