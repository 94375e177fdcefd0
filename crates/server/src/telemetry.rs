//! Logs and metrics. Fields are an allow-list: no header, no body, no query, no credential ever enters a log line.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;
use crate::store::StoreFigures;

/// Starts logging to standard error. A second call changes nothing (tests start many servers in one process).
pub fn init(level: &str, format: LogFormat) {
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    let _ = match format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.try_init(),
    };
}

/// What was asked and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    endpoint: &'static str,
    outcome: &'static str,
}

/// The counters of a node.
pub struct Metrics {
    requests: Family<Labels, Counter<u64, AtomicU64>>,
    // The same counters as in the family, held so that a good answer costs no look-up.
    good: [(&'static str, Counter<u64, AtomicU64>); 4],
}

impl Metrics {
    /// Zero everywhere.
    pub fn new() -> Self {
        let requests = Family::<Labels, Counter<u64, AtomicU64>>::default();
        let good = ["token", "introspect", "revoke", "forward_auth"]
            .map(|endpoint| (endpoint, requests.get_or_create_owned(&Labels { endpoint, outcome: "ok" })));
        Self { requests, good }
    }

    /// Counts a request by endpoint and outcome: `ok`, or the stable name of the reason.
    pub fn count(&self, endpoint: &'static str, outcome: &'static str) {
        if outcome == "ok"
            && let Some((_, counter)) = self.good.iter().find(|(known, _)| *known == endpoint)
        {
            counter.inc();
            return;
        }
        self.requests.get_or_create(&Labels { endpoint, outcome }).inc();
    }

    /// Counts several at once.
    pub fn add(&self, endpoint: &'static str, outcome: &'static str, count: u64) {
        self.requests.get_or_create(&Labels { endpoint, outcome }).inc_by(count);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// The page of `/metrics`, in the OpenMetrics text format.
pub fn render(metrics: &Metrics, figures: StoreFigures) -> String {
    let mut registry = Registry::with_prefix("grantor");
    registry.register("requests", "Requests by endpoint and outcome", metrics.requests.clone());
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _ = encode(&mut page, &registry);
    let end = page.rfind("# EOF").unwrap_or(page.len());
    page.truncate(end);
    for (name, kind, help, value) in [
        ("store_commits_total", "counter", "Durable commits", figures.commits),
        ("store_units_total", "counter", "Units of work written", figures.units),
        ("store_queue", "gauge", "Units that wait for the writer", figures.queued as u64),
        (
            "store_read_only",
            "gauge",
            "1 after a failed flush, when nothing is written any more",
            u64::from(figures.read_only),
        ),
    ] {
        let family = name.trim_end_matches("_total");
        let _ = write!(
            page,
            "# HELP grantor_{family} {help}.\n# TYPE grantor_{family} {kind}\ngrantor_{name} {value}\n"
        );
    }
    page.push_str("# EOF\n");
    page
}
