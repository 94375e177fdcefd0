//! The table for people, and the same rows as JSON.

#![expect(clippy::print_stdout, reason = "the table is the product of this program")]

use anyhow::Result;
use comfy_table::{Table, presets};

use crate::options::Format;
use crate::report::{Row, Verdict};
use crate::side::Sample;

/// Prints all rows in the format asked for.
pub(crate) fn print(rows: &[Row], format: Format) -> Result<()> {
    match format {
        Format::Json => println!("{}", serde_json::to_string(&serde_json::json!({ "rows": rows }))?),
        Format::Table => {
            println!("{}", table(rows));
            println!(
                "Cells with two values: ceiling | Grantor. A driver near 100 % makes the rate a lower bound."
            );
            for row in rows {
                if let Some(failure) = &row.failure {
                    println!("FAILED {} {}: {failure}", row.id, row.what);
                }
                // Without any figure the note stands in the table.
                if let (Some(note), true) = (&row.note, row.ceiling.is_some() || row.figure.is_some()) {
                    println!("{} {}: {note}.", row.id, row.what);
                }
            }
        }
    }
    Ok(())
}

/// Says how to call the program.
pub(crate) fn print_usage(usage: &str) {
    println!("{usage}");
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header([
        "goal",
        "what",
        "ceiling /s",
        "Grantor /s",
        "ratio or figure",
        "shall be",
        "met?",
        "p50/p99 ms",
        "CPU us",
        "driver %",
        "RSS MiB",
    ]);
    for row in rows {
        table.add_row(cells(row));
    }
    table
}

fn cells(row: &Row) -> [String; 11] {
    let pair = |read: fn(&Sample) -> String| {
        let cell = |sample: &Option<Sample>| sample.as_ref().map(read);
        [cell(&row.ceiling), cell(&row.grantor)].into_iter().flatten().collect::<Vec<_>>().join(" | ")
    };
    let figure = match (row.figure, row.ceiling_figure) {
        (Some(figure), Some(ceiling)) => format!("{figure:.2} ({ceiling:.2}) {}", row.bound.unit),
        (None, Some(ceiling)) => format!("({ceiling:.2}) {}", row.bound.unit),
        (Some(figure), None) => format!("{figure:.2} {}", row.bound.unit),
        // With figures beside it, the note stands below the table.
        (None, None) if row.ceiling.is_none() => row.note.clone().unwrap_or_default(),
        (None, None) => String::new(),
    };
    let verdict = match row.verdict {
        Verdict::Met => "met",
        Verdict::Missed => "missed",
        Verdict::Failed => "FAILED",
        Verdict::NotJudged => "-",
    };
    let rate =
        |sample: Option<Sample>| sample.map_or_else(String::new, |sample| format!("{:.0}", sample.rate));
    [
        row.id.to_owned(),
        row.what.to_owned(),
        rate(row.ceiling),
        rate(row.grantor),
        figure.trim_end().to_owned(),
        row.bound.text(),
        verdict.to_owned(),
        pair(|sample| format!("{:.2}/{:.2}", sample.p50_ms, sample.p99_ms)),
        pair(|sample| sample.cpu_us.map_or_else(|| "-".to_owned(), |cpu| format!("{cpu:.1}"))),
        pair(|sample| format!("{:.0}", sample.driver * 100.0)),
        row.resident_mib.map_or_else(String::new, |resident| format!("{resident:.0}")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Bound;

    fn sample(rate: f64) -> Sample {
        Sample { rate, p50_ms: 0.5, p99_ms: 2.5, p999_ms: 9.0, cpu_us: Some(10.0), driver: 0.9 }
    }

    #[test]
    fn a_failed_run_is_shouted() {
        let row = Row::failed("P1", "x", &anyhow::anyhow!("reset"), Bound::at_least(0.8));
        assert!(table(&[row]).to_string().contains("FAILED"));
    }

    #[test]
    fn a_ratio_stands_beside_both_rates() {
        let resident = Some(20 << 20);
        let row =
            Row::ratio(("P1", "x"), sample(1000.0), Some(sample(850.0)), resident, Bound::at_least(0.8));
        let cells = cells(&row);
        assert_eq!(cells[2..7], ["1000", "850", "0.85", ">= 0.80", "met"]);
        assert_eq!(cells[7..], ["0.50/2.50 | 0.50/2.50", "10.0 | 10.0", "90 | 90", "20"]);
    }

    #[test]
    fn what_was_not_measured_says_why_in_its_own_row() {
        let row = Row::not_measured(("P4b", "x"), "not measured: no --postgres", Bound::at_least(0.6));
        assert_eq!(cells(&row)[2..7], ["", "", "not measured: no --postgres", ">= 0.60", "-"]);
        let other = Sample { cpu_us: None, ..sample(1000.0) };
        let row = Row::ratio(("P4b", "x"), other, Some(sample(850.0)), None, Bound::at_least(0.6));
        assert_eq!(
            cells(&row.with_note("a note".to_owned()))[4..9],
            ["0.85", ">= 0.60", "met", "0.50/2.50 | 0.50/2.50", "- | 10.0"]
        );
    }

    #[test]
    fn a_latency_shows_its_own_and_the_ceilings() {
        let pair = (sample(1.0), Some(Sample { p99_ms: 4.0, ..sample(1.0) }));
        let row = Row::latency("P7", "x", pair, (|sample| sample.p99_ms, Bound::at_most(3.0, "ms")));
        assert_eq!(cells(&row)[4..7], ["4.00 (2.50) ms", "<= 3 ms", "missed"]);
    }
}
