//! What a connection may do in a second and in a minute, frame by frame.

use super::*;

const PING: u8 = 0x6;
const SETTINGS: u8 = 0x4;

fn frame(kind: u8, flags: u8, stream: u32, length: usize) -> Vec<u8> {
    let mut bytes = u32::try_from(length).unwrap().to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.resize(9 + length, 0);
    bytes
}

/// A connection whose preface has arrived.
fn begun() -> Frames {
    let mut frames = Frames::default();
    frames.received(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    frames
}

/// A whole request without a body.
fn request(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, 20)
}

/// How many of these are taken in one second.
fn taken(bytes: &[u8]) -> (usize, Option<Flood>) {
    let mut frames = begun();
    for count in 0..100_000 {
        if let Err(flood) = frames.received(bytes) {
            return (count, Some(flood));
        }
    }
    (100_000, None)
}

#[test]
fn m04_frames_that_ask_for_nothing_are_a_flood_after_512() {
    for (name, bytes) in [
        ("ping", frame(PING, 0, 0, 8)),
        ("settings", frame(SETTINGS, 0, 0, 0)),
        ("empty data", frame(DATA, 0, 1, 0)),
        ("data of one byte", frame(DATA, 0, 1, 1)),
        ("data of padding", frame(DATA, PADDED, 1, 250)),
        ("continuation", frame(CONTINUATION, 0, 1, 0)),
        ("window", frame(0x8, 0, 0, 4)),
        ("priority", frame(0x2, 0, 3, 5)),
        ("unknown", frame(0xfa, 0xff, 0, 10)),
    ] {
        assert_eq!(taken(&bytes), (512, Some(Flood::Overhead)), "{name}");
    }
    assert_eq!(taken(&frame(DATA, 0, 1, 64)), (100_000, None), "windows bound these");
}

#[test]
fn m04_streams_that_are_given_up_are_a_flood_after_as_many_as_a_client_can_have() {
    let mut frames = begun();
    let mut stream = 1;
    let flood = loop {
        let rapid = [request(stream), frame(RST_STREAM, 0, stream, 4)].concat();
        if let Err(flood) = frames.received(&rapid) {
            break flood;
        }
        stream += 2;
        assert!(stream < 1_000);
    };
    assert_eq!((flood, stream / 2), (Flood::Resets, 128));
}

#[test]
fn m04_streams_that_nobody_answers_are_a_flood() {
    let mut frames = begun();
    let opened = (0..1_000).take_while(|n| frames.received(&request(2 * n + 1)).is_ok()).count();
    assert_eq!(opened, 256);
}

#[test]
fn a_busy_client_is_no_flood_and_each_second_is_counted_anew() {
    let mut frames = begun();
    let mut stream = 1;
    for _ in 0..3 {
        // Many requests, and for each one a form in two pieces and two windows.
        for _ in 0..2_000 {
            let exchange = [
                frame(HEADERS, END_HEADERS, stream, 120),
                frame(DATA, 0, stream, 63),
                frame(DATA, END_STREAM, stream, 5),
                frame(0x8, 0, 0, 4),
                frame(0x8, 0, stream, 4),
            ]
            .concat();
            frames.received(&exchange).unwrap();
            let answer = [frame(HEADERS, END_HEADERS, stream, 80), frame(DATA, END_STREAM, stream, 900)];
            frames.sent(&answer.concat());
            assert_eq!(frames.open(), 0);
            stream += 2;
        }
        for _ in 0..512 {
            frames.received(&frame(PING, 0, 0, 8)).unwrap();
        }
        assert_eq!(frames.tick(), Standing::InTime);
    }
}

#[test]
fn frames_are_found_wherever_the_bytes_are_cut() {
    let bytes = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(SETTINGS, 0, 0, 18),
        request(1),
        frame(HEADERS, END_HEADERS, 3, 300),
        frame(DATA, 0, 3, 20_000),
        frame(RST_STREAM, 0, 1, 4),
        request(5),
    ]
    .concat();
    for size in [1, 2, 8, 9, 10, 23, 24, 25, 4_096, bytes.len()] {
        let mut frames = Frames::default();
        bytes.chunks(size).for_each(|piece| frames.received(piece).unwrap());
        let mut open: Vec<_> = frames.streams.open.keys().copied().collect();
        open.sort_unstable();
        assert_eq!((open, frames.streams.overhead), (vec![3, 5], 1), "in pieces of {size}");
    }
}

/// Ticks until something is late, and what.
fn ticks(frames: &mut Frames) -> (usize, Standing) {
    for count in 0..250 {
        match frames.tick() {
            Standing::InTime => {}
            late => return (count, late),
        }
    }
    (250, Standing::InTime)
}

#[test]
fn m03_a_connection_without_a_stream_has_a_minute_whatever_else_it_sends() {
    assert_eq!(ticks(&mut begun()), (60, Standing::Idle));
    let mut frames = begun();
    let kept = (0..200).take_while(|_| {
        frames.received(&frame(PING, 0, 0, 8)).unwrap();
        frames.tick() == Standing::InTime
    });
    assert_eq!(kept.count(), 60);
    // A request begins the minute anew.
    frames.received(&request(1)).unwrap();
    assert_eq!(frames.tick(), Standing::InTime);
    frames.sent(&frame(HEADERS, END_HEADERS | END_STREAM, 1, 10));
    assert_eq!(ticks(&mut frames), (60, Standing::Idle));
}

#[test]
fn m03_a_head_has_ten_seconds_from_its_first_byte() {
    let whole = frame(HEADERS, END_HEADERS | END_STREAM, 1, 100);
    let mut frames = begun();
    frames.received(&whole[..50]).unwrap();
    assert_eq!(ticks(&mut frames), (10, Standing::TooLate), "half a frame");
    let mut frames = begun();
    frames.received(&frame(HEADERS, 0, 1, 100)).unwrap();
    let trickled = (0..200).take_while(|_| {
        frames.received(&frame(CONTINUATION, 0, 1, 1)).unwrap();
        frames.tick() == Standing::InTime
    });
    assert_eq!(trickled.count(), 10, "no later part prolongs it");
    let mut frames = begun();
    frames.received(&whole).unwrap();
    assert_eq!(
        ticks(&mut frames),
        (120, Standing::TooLate),
        "a whole one is not late, its stream is in the end"
    );
}

#[test]
fn m03_an_answer_that_is_not_taken_ends_with_its_stream() {
    let mut frames = begun();
    frames.received(&request(1)).unwrap();
    // The head of the answer, and no window for its body; other requests go on.
    frames.sent(&frame(HEADERS, END_HEADERS, 1, 80));
    let mut stream = 3;
    let lasted = (0..250).take_while(|_| {
        frames.received(&request(stream)).unwrap();
        frames.sent(&frame(HEADERS, END_HEADERS | END_STREAM, stream, 10));
        stream += 2;
        frames.tick() == Standing::InTime
    });
    assert_eq!(lasted.count(), 120);
}
