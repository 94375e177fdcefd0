//! Rotations of an app's secret: an overlap that ends, and one that is taken back.

use grantor_core::app::{App, SecretVersion};
use grantor_core::credential_write::CredentialWrite;
use grantor_core::decision::Write;
use grantor_core::env::UnixMillis;
use grantor_core::secret_version::{MAX_AHEAD, begin, cancel, end_others, schedule_end, seconds_left};

use crate::facts::{NOW, World, secret_version};

fn in_seconds(seconds: i64) -> Option<UnixMillis> {
    Some(NOW.plus_seconds(seconds))
}

/// Version 1 ends in an hour because version 2 took its place; it would have ended in two.
fn rotated() -> App {
    let old = SecretVersion {
        expires_at: in_seconds(3_600),
        end_set_by: Some(2),
        end_before: in_seconds(7_200),
        ..secret_version(1, "old")
    };
    App { secrets: vec![old, secret_version(2, "new")], ..World::new().app }
}

/// What a list of writes does to the versions, in short.
fn told(writes: Vec<Write>) -> Vec<(i64, &'static str)> {
    let tell = |write| match write {
        Write::EndSecret { version, .. } => (version, "end"),
        Write::ScheduleSecretEnd { version, by: Some(_), .. } => (version, "schedule"),
        Write::ScheduleSecretEnd { version, by: None, .. } => (version, "choose"),
        Write::Credential(CredentialWrite::LiftSecretEnd { version, by: 2, .. }) => (version, "lift"),
        _ => (0, "something else"),
    };
    writes.into_iter().map(tell).collect()
}

#[test]
fn a_cancelled_rotation_ends_its_version_and_lifts_the_ends_that_it_has_set() {
    assert_eq!(told(cancel(&rotated(), 2, NOW).unwrap()), [(2, "end"), (1, "lift")]);
}

#[test]
fn a_version_that_was_ended_by_hand_never_comes_back() {
    let mut app = rotated();
    app.secrets[0].ended_at = Some(NOW);
    assert!(cancel(&app, 2, NOW).is_err(), "nothing is left to come back to");
    let other = SecretVersion { version: 3, ..rotated().secrets[0].clone() };
    app.secrets.push(other);
    assert_eq!(told(cancel(&app, 2, NOW).unwrap()), [(2, "end"), (3, "lift")], "the other one alone");
}

#[test]
fn an_overlap_that_is_over_cannot_be_taken_back() {
    assert!(cancel(&rotated(), 2, UnixMillis(NOW.0 + 3_599_999)).is_ok());
    assert!(cancel(&rotated(), 2, NOW.plus_seconds(3_600)).is_err());
}

#[test]
fn an_end_that_a_person_chose_and_the_end_of_another_rotation_are_not_lifted() {
    for set_by in [None, Some(3)] {
        let mut app = rotated();
        app.secrets[0].end_set_by = set_by;
        assert!(cancel(&app, 2, NOW).is_err(), "{set_by:?}");
    }
    assert!(cancel(&rotated(), 1, NOW).is_err(), "the first version took nobody's place");
    assert!(cancel(&rotated(), 9, NOW).is_err(), "there is none");
    let mut app = rotated();
    app.secrets[1].ended_at = Some(NOW);
    assert!(cancel(&app, 2, NOW).is_err(), "it has ended already");
}

#[test]
fn the_others_end_together_and_not_before_the_new_one_begins() {
    let app = App { secrets: vec![secret_version(1, "a"), secret_version(2, "b")], ..World::new().app };
    let new = SecretVersion { not_before: NOW.plus_seconds(60), ..secret_version(3, "c") };
    let at = |seconds| end_others(&app, &new, NOW.plus_seconds(seconds), NOW);
    assert_eq!(told(at(60).unwrap()), [(1, "schedule"), (2, "schedule")]);
    assert!(at(59).is_err(), "for a second nothing would work");
}

#[test]
fn an_end_is_chosen_earlier_and_never_later() {
    let chosen = |seconds| schedule_end(&rotated(), 1, NOW.plus_seconds(seconds), NOW);
    assert_eq!(told(vec![chosen(3_599).unwrap()]), [(1, "choose")]);
    assert!(chosen(3_600).is_ok() && chosen(3_601).is_err());
    let late = schedule_end(&rotated(), 1, NOW.plus_seconds(5_000), NOW.plus_seconds(3_600));
    assert!(late.is_err(), "it has ended");
}

#[test]
fn a_version_begins_now_or_within_a_year() {
    assert_eq!(begin(None, NOW), Ok(NOW));
    assert_eq!(begin(in_seconds(-5), NOW), Ok(NOW), "the past is now");
    assert_eq!(begin(in_seconds(MAX_AHEAD), NOW), Ok(NOW.plus_seconds(MAX_AHEAD)));
    assert!(begin(in_seconds(MAX_AHEAD + 1), NOW).is_err());
}

#[test]
fn the_countdown_runs_to_the_end_and_then_there_is_none() {
    let old = rotated().secrets[0].clone();
    assert_eq!(seconds_left(&old, NOW), Some(3_600));
    assert_eq!(seconds_left(&old, UnixMillis(NOW.0 + 3_599_001)), Some(0));
    assert_eq!(seconds_left(&old, NOW.plus_seconds(3_600)), None);
    assert_eq!(seconds_left(&SecretVersion { ended_at: Some(NOW), ..old }, NOW), None);
    assert_eq!(seconds_left(&secret_version(1, "x"), NOW), None, "it has no end");
}
