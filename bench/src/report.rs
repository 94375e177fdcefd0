//! What counts as met, missed or failed.

use serde::Serialize;

use crate::side::Sample;

/// What a goal demands of its figure.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Bound {
    limit: f64,
    sense: Sense,
    pub(crate) unit: &'static str,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Sense {
    AtLeast,
    AtMost,
}

/// How a goal came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// The goal is met.
    Met,
    /// The runs are good, the goal is not reached.
    Missed,
    /// A run is not to be counted.
    Failed,
    /// Grantor did not take part, or not under the conditions of the goal.
    NotJudged,
}

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) what: &'static str,
    pub(crate) ceiling: Option<Sample>,
    pub(crate) grantor: Option<Sample>,
    /// The figure the goal is about: a ratio, or a value in the bound's unit.
    pub(crate) figure: Option<f64>,
    /// The same figure of the ceiling, if it is no ratio.
    pub(crate) ceiling_figure: Option<f64>,
    pub(crate) bound: Bound,
    pub(crate) verdict: Verdict,
    pub(crate) failure: Option<String>,
    /// What a reader of the figure must know, or why there is none.
    pub(crate) note: Option<String>,
    /// Grantor's resident memory after the runs, in MiB.
    pub(crate) resident_mib: Option<f64>,
}

impl Bound {
    /// A ratio that must be reached.
    pub(crate) fn at_least(limit: f64) -> Self {
        Self { limit, sense: Sense::AtLeast, unit: "" }
    }

    /// A value in `unit` that must not be exceeded.
    pub(crate) fn at_most(limit: f64, unit: &'static str) -> Self {
        Self { limit, sense: Sense::AtMost, unit }
    }

    fn judge(self, figure: Option<f64>) -> Verdict {
        let met = figure.map(|figure| match self.sense {
            Sense::AtLeast => figure >= self.limit,
            Sense::AtMost => figure <= self.limit,
        });
        match met {
            Some(true) => Verdict::Met,
            Some(false) => Verdict::Missed,
            None => Verdict::NotJudged,
        }
    }

    /// The demand in words.
    pub(crate) fn text(self) -> String {
        match self.sense {
            Sense::AtLeast => format!(">= {:.2}", self.limit),
            Sense::AtMost => format!("<= {} {}", self.limit, self.unit).trim_end().to_owned(),
        }
    }
}

impl Row {
    /// Grantor's rate over the ceiling's; `resident` in bytes.
    pub(crate) fn ratio(
        name: (&'static str, &'static str),
        ceiling: Sample,
        grantor: Option<Sample>,
        resident: Option<u64>,
        bound: Bound,
    ) -> Self {
        let figure = grantor.map(|grantor| grantor.rate / ceiling.rate);
        let resident_mib = resident.map(|bytes| bytes as f64 / f64::from(1 << 20));
        Self { ceiling: Some(ceiling), grantor, resident_mib, ..Self::judged(name, figure, bound) }
    }

    /// A latency of Grantor, with the ceiling's own beside it.
    pub(crate) fn latency(
        id: &'static str,
        what: &'static str,
        (ceiling, grantor): (Sample, Option<Sample>),
        (read, bound): (fn(&Sample) -> f64, Bound),
    ) -> Self {
        let row = Self::judged((id, what), grantor.as_ref().map(read), bound);
        Self { ceiling: Some(ceiling), grantor, ceiling_figure: Some(read(&ceiling)), ..row }
    }

    /// A latency of Grantor that no ceiling is measured beside.
    pub(crate) fn own_latency(
        id: &'static str,
        what: &'static str,
        sample: Sample,
        (read, bound): (fn(&Sample) -> f64, Bound),
    ) -> Self {
        Self { grantor: Some(sample), ..Self::judged((id, what), Some(read(&sample)), bound) }
    }

    /// How much dearer an answer of the second server is than one of the first, in CPU time. The first stands in the place
    /// of the ceiling.
    pub(crate) fn growth(
        id: &'static str,
        what: &'static str,
        (small, large): (Sample, Sample),
        bound: Bound,
    ) -> Self {
        let figure = large.cpu_us.zip(small.cpu_us).map(|(large, small)| large / small);
        Self { ceiling: Some(small), grantor: Some(large), ..Self::judged((id, what), figure, bound) }
    }

    /// A figure that has no ceiling.
    pub(crate) fn figure(id: &'static str, what: &'static str, figure: f64, bound: Bound) -> Self {
        Self::judged((id, what), Some(figure), bound)
    }

    /// A goal whose runs cannot be counted.
    pub(crate) fn failed(id: &'static str, what: &'static str, error: &anyhow::Error, bound: Bound) -> Self {
        let failure = Some(format!("{error:#}"));
        Self { verdict: Verdict::Failed, failure, ..Self::judged((id, what), None, bound) }
    }

    /// A goal that this run cannot be about, and why.
    pub(crate) fn not_measured((id, what): (&'static str, &'static str), why: &str, bound: Bound) -> Self {
        Self::judged((id, what), None, bound).with_note(why.to_owned())
    }

    /// The same with a note.
    pub(crate) fn with_note(self, note: String) -> Self {
        Self { note: Some(note), ..self }
    }

    /// The same figure, but not under the conditions of the goal.
    pub(crate) fn not_judged(self) -> Self {
        Self { verdict: Verdict::NotJudged, ..self }
    }

    /// How it came out.
    pub(crate) fn verdict(&self) -> Verdict {
        self.verdict
    }

    fn judged((id, what): (&'static str, &'static str), figure: Option<f64>, bound: Bound) -> Self {
        Self {
            id,
            what,
            ceiling: None,
            grantor: None,
            figure,
            ceiling_figure: None,
            bound,
            verdict: bound.judge(figure),
            failure: None,
            note: None,
            resident_mib: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(rate: f64) -> Sample {
        Sample { rate, p50_ms: 0.5, p99_ms: 2.5, p999_ms: 9.0, cpu_us: Some(10.0), driver: 0.9 }
    }

    #[test]
    fn a_ratio_is_grantor_over_ceiling_and_judged_against_its_goal() {
        let row = |grantor| {
            Row::ratio(
                ("P1", "x"),
                sample(1000.0),
                Some(sample(grantor)),
                Some(1 << 20),
                Bound::at_least(0.8),
            )
        };
        assert_eq!(row(800.0).figure, Some(0.8));
        assert_eq!(row(800.0).verdict(), Verdict::Met);
        assert_eq!(row(799.0).verdict(), Verdict::Missed);
        assert_eq!(row(799.0).resident_mib, Some(1.0));
    }

    #[test]
    fn growth_is_the_cpu_time_of_the_large_over_the_small_and_knows_no_rate() {
        let row = |cpu| {
            let large = Sample { cpu_us: Some(cpu), ..sample(1.0) };
            Row::growth("P5", "x", (sample(1000.0), large), Bound::at_most(1.15, "x"))
        };
        assert_eq!((row(11.5).figure, row(11.5).verdict()), (Some(1.15), Verdict::Met));
        assert_eq!(row(12.0).verdict(), Verdict::Missed);
    }

    #[test]
    fn a_latency_is_judged_by_the_percentile_it_is_about() {
        let row = |read| {
            Row::latency("P7", "x", (sample(1.0), Some(sample(1.0))), (read, Bound::at_most(3.0, "ms")))
        };
        assert_eq!(row(|sample| sample.p99_ms).verdict(), Verdict::Met);
        assert_eq!(row(|sample| sample.p999_ms).verdict(), Verdict::Missed);
    }

    #[test]
    fn a_failed_run_is_failed_whatever_the_goal_and_says_why() {
        let error = anyhow::anyhow!("12 answers with status 429").context("Grantor");
        let row = Row::failed("P1", "x", &error, Bound::at_most(f64::MAX, "ms"));
        assert_eq!(row.verdict(), Verdict::Failed);
        assert_eq!(row.failure.as_deref(), Some("Grantor: 12 answers with status 429"));
    }

    #[test]
    fn a_figure_under_other_conditions_stands_but_is_not_judged() {
        let row = Row::ratio(("P4b", "x"), sample(2.0), Some(sample(1.0)), None, Bound::at_least(0.4));
        assert_eq!(row.verdict(), Verdict::Met);
        let row = row.with_note("fsync is OFF".to_owned()).not_judged();
        assert_eq!((row.figure, row.verdict()), (Some(0.5), Verdict::NotJudged));
        assert_eq!(row.note.as_deref(), Some("fsync is OFF"));
    }

    #[test]
    fn without_grantor_nothing_is_judged() {
        let row = Row::ratio(("P1", "x"), sample(1.0), None, None, Bound::at_least(0.8));
        assert_eq!(row.verdict(), Verdict::NotJudged);
    }
}
