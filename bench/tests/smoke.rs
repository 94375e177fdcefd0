//! The program as its user starts it, against its own ceilings, with runs too short to mean anything.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall panic where it stands")]

use std::process::{Command, Output};

fn bench(arguments: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_grantor-bench"));
    program.env_remove("GRANTOR_BENCH_POSTGRES").args(arguments).output().unwrap()
}

/// Server and driver are pinned to two cores; with one there is nothing to test.
fn two_cores() -> bool {
    std::thread::available_parallelism().is_ok_and(|cores| cores.get() >= 2)
}

fn rows(output: &Output) -> Vec<serde_json::Value> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    report["rows"].as_array().unwrap().clone()
}

#[test]
fn the_plain_ceiling_is_measured_in_a_process_of_its_own() {
    if !two_cores() {
        return;
    }
    let rows = rows(&bench(&["--ceilings", "--json", "--only", "P2", "--seconds", "0.3"]));
    assert_eq!(rows.len(), 1);
    let ceiling = &rows[0]["ceiling"];
    assert!(ceiling["rate"].as_f64().unwrap() > 100.0, "{ceiling}");
    assert!(ceiling["cpu_us"].as_f64().unwrap() > 0.0, "{ceiling}");
    assert!(ceiling["p99_ms"].as_f64() >= ceiling["p50_ms"].as_f64(), "{ceiling}");
    assert_eq!(rows[0]["verdict"], "not_judged");
}

#[test]
fn every_kind_of_run_works_against_the_ceilings() {
    if !two_cores() {
        return;
    }
    let rows = rows(&bench(&["--ceilings", "--json", "--only", "P1,P3b,P4,P7,P10", "--seconds", "0.1"]));
    assert_eq!(rows.len(), 1 + 6 + 2 + 2 + 1);
    for row in rows {
        assert!(row["failure"].is_null(), "{row}");
        assert!(row["ceiling"]["rate"].as_f64().unwrap() > 10.0, "{row}");
    }
}

#[test]
fn without_a_postgresql_server_its_goal_is_a_row_that_says_so() {
    if !two_cores() {
        return;
    }
    let rows = rows(&bench(&["--ceilings", "--json", "--only", "P4b"]));
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["note"], "not measured: no --postgres");
    assert_eq!(rows[0]["verdict"], "not_judged");
}

/// Where `GRANTOR_TEST_POSTGRES` names a server, as `./test` does.
#[test]
fn the_ceiling_on_postgresql_is_that_server_s_own_rate() {
    let Some(server) = std::env::var_os("GRANTOR_TEST_POSTGRES").filter(|_| two_cores()) else { return };
    let server = server.to_str().unwrap();
    let rows =
        rows(&bench(&["--ceilings", "--json", "--only", "P4b", "--seconds", "0.1", "--postgres", server]));
    assert_eq!(rows.len(), 1);
    assert!(rows[0]["failure"].is_null(), "{}", rows[0]);
    assert!(rows[0]["ceiling"]["rate"].as_f64().unwrap() > 10.0, "{}", rows[0]);
    assert!(rows[0]["note"].as_str().unwrap().starts_with("PostgreSQL "), "{}", rows[0]);
}

#[test]
fn a_wrong_command_line_is_an_error_with_its_reason() {
    let output = bench(&["--only", "P99"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("P99"));
}

#[test]
fn a_ceiling_refuses_an_address_that_others_can_reach() {
    let output = bench(&["ceiling", "plain", "--listen", "0.0.0.0:0", "--data", "."]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("loopback"));
}
