//! What a run has seen, and whether it may count.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use super::histogram::Histogram;

/// The result of one run, or one connection's share of it.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    answered: u64,
    refused: BTreeMap<u16, u64>,
    broken: u64,
    first_error: Option<String>,
    latency: Histogram,
    last: Option<Instant>,
}

impl Tally {
    /// Nothing seen yet.
    pub(crate) fn new() -> Self {
        Self {
            answered: 0,
            refused: BTreeMap::new(),
            broken: 0,
            first_error: None,
            latency: Histogram::new(),
            last: None,
        }
    }

    /// Counts one answer. Anything but 2xx makes the run a failed one.
    pub(crate) fn answer(&mut self, status: u16, latency: Duration, at: Instant) {
        if (200..300).contains(&status) {
            self.answered += 1;
            self.latency.record(latency);
        } else {
            *self.refused.entry(status).or_default() += 1;
        }
        self.last = Some(at);
    }

    /// Counts a connection that broke.
    pub(crate) fn error(&mut self, error: &io::Error) {
        self.broken += 1;
        self.first_error.get_or_insert_with(|| error.to_string());
    }

    /// Adds another connection's share.
    pub(crate) fn merge(&mut self, other: Self) {
        self.answered += other.answered;
        for (status, count) in other.refused {
            *self.refused.entry(status).or_default() += count;
        }
        self.broken += other.broken;
        self.first_error = self.first_error.take().or(other.first_error);
        self.latency.merge(&other.latency);
        self.last = self.last.max(other.last);
    }

    /// Answers with 2xx.
    pub(crate) fn answered(&self) -> u64 {
        self.answered
    }

    /// Answers per second from `start` to the last answer.
    pub(crate) fn rate(&self, start: Instant) -> f64 {
        let elapsed = self.last.map_or(Duration::ZERO, |last| last.saturating_duration_since(start));
        if elapsed.is_zero() { 0.0 } else { self.answered as f64 / elapsed.as_secs_f64() }
    }

    /// The latencies of the 2xx answers.
    pub(crate) fn latency(&self) -> &Histogram {
        &self.latency
    }

    /// Why this run must not count: any answer other than 2xx, any broken connection, or no answer at all.
    pub(crate) fn failure(&self) -> Option<String> {
        let mut reasons: Vec<_> = self
            .refused
            .iter()
            .map(|(status, count)| format!("{count} answers with status {status}"))
            .collect();
        if self.broken > 0 {
            let error = self.first_error.as_deref().unwrap_or_default();
            reasons.push(format!("{} connections broke ({error})", self.broken));
        }
        if reasons.is_empty() && self.answered == 0 {
            reasons.push("no answer at all".to_owned());
        }
        (!reasons.is_empty()).then(|| reasons.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(statuses: &[u16]) -> Tally {
        let mut tally = Tally::new();
        for &status in statuses {
            tally.answer(status, Duration::from_millis(1), crate::clock::now());
        }
        tally
    }

    #[test]
    fn one_answer_other_than_2xx_fails_the_run() {
        assert_eq!(with(&[200, 204, 201]).failure(), None);
        for status in [301, 400, 401, 403, 429, 500, 503] {
            let failure = with(&[200, 200, status]).failure().unwrap();
            assert_eq!(failure, format!("1 answers with status {status}"));
        }
    }

    #[test]
    fn refusals_do_not_count_as_throughput() {
        assert_eq!(with(&[200, 500, 500]).answered(), 1);
    }

    #[test]
    fn a_failure_of_one_connection_survives_the_merge() {
        let mut broken = Tally::new();
        broken.error(&io::Error::other("reset"));
        let mut all = with(&[200]);
        all.merge(broken);
        all.merge(with(&[429]));
        let failure = all.failure().unwrap();
        assert!(failure.contains("429") && failure.contains("reset"), "{failure}");
    }

    #[test]
    fn silence_is_a_failure() {
        assert_eq!(Tally::new().failure().as_deref(), Some("no answer at all"));
    }
}
