//! Latencies in logarithmic buckets: recording allocates nothing, a percentile is at most 1/64 too high.

use std::time::Duration;

/// Buckets per doubling.
const STEPS: u64 = 64;
/// Values at or above this many nanoseconds (68 s) share the last bucket.
const CAP: u64 = (1 << 36) - 1;
const BUCKETS: usize = (31 * STEPS) as usize;

/// A count per bucket of latency.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    /// An empty histogram (16 KiB).
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0 }
    }

    /// Counts one latency.
    pub(crate) fn record(&mut self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(CAP).min(CAP);
        self.counts[bucket(nanos)] += 1;
        self.total += 1;
    }

    /// Adds what another connection has counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
    }

    /// The latency that `share` (0 to 1) of the answers did not exceed, rounded up to its bucket's end; zero if nothing was counted.
    pub(crate) fn percentile(&self, share: f64) -> Duration {
        let rank = ((self.total as f64 * share).ceil() as u64).clamp(1, self.total.max(1));
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Duration::from_nanos(upper(index));
            }
        }
        Duration::ZERO
    }
}

fn bucket(nanos: u64) -> usize {
    if nanos < STEPS {
        return nanos as usize;
    }
    let shift = u64::from(nanos.ilog2()) - u64::from(STEPS.ilog2());
    (shift * STEPS + (nanos >> shift)) as usize
}

fn upper(index: usize) -> u64 {
    let index = index as u64;
    if index < STEPS {
        return index;
    }
    let shift = index / STEPS - 1;
    (((index % STEPS) + STEPS + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket_and_buckets_are_narrow() {
        let values =
            (0..36).flat_map(|power| [(1_u64 << power) - 1, 1 << power, (1 << power) + 1, 3 << power >> 1]);
        for value in values.filter(|&value| value <= CAP) {
            let index = bucket(value);
            assert!(index < BUCKETS, "{value} has bucket {index}");
            let end = upper(index);
            assert!(end >= value, "{value} lies beyond {end}");
            assert!(end - value <= value / 64, "{value} is reported as {end}");
            assert!(index == 0 || upper(index - 1) < value, "{value} belongs into an earlier bucket");
        }
    }

    #[test]
    fn percentiles_of_a_known_spread_are_right_within_a_64th() {
        let mut histogram = Histogram::new();
        for micros in 1..=1000 {
            histogram.record(Duration::from_micros(micros));
        }
        for (share, micros) in [(0.5, 500.0), (0.99, 990.0), (0.999, 999.0), (1.0, 1000.0)] {
            let read = histogram.percentile(share).as_secs_f64() * 1e6;
            assert!((micros..=micros * (1.0 + 1.0 / 64.0)).contains(&read), "{share}: {read}");
        }
    }

    #[test]
    fn one_slow_answer_in_a_hundred_shows_above_p99_and_not_in_it() {
        let mut histogram = Histogram::new();
        (0..99).for_each(|_| histogram.record(Duration::from_millis(1)));
        histogram.record(Duration::from_secs(1));
        assert!(histogram.percentile(0.99) < Duration::from_millis(2));
        assert!(histogram.percentile(0.999) >= Duration::from_secs(1));
    }

    #[test]
    fn merged_histograms_count_both_and_an_empty_one_reads_zero() {
        let (mut left, mut right) = (Histogram::new(), Histogram::new());
        assert_eq!(left.percentile(0.5), Duration::ZERO);
        left.record(Duration::from_millis(1));
        right.record(Duration::from_millis(8));
        right.record(Duration::from_secs(1_000_000));
        left.merge(&right);
        assert_eq!(left.total, 3);
        assert!(left.percentile(0.5) >= Duration::from_millis(8));
    }
}
