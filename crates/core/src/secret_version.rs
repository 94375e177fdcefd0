//! Rotations of an app's secret: an overlap with a set end, taken back while it lasts.
//!
//! A version that somebody ended never authenticates again. Only an end that a rotation has set, and that has not come
//! yet, can be lifted.

use crate::app::{App, SecretVersion};
use crate::credential_write::CredentialWrite;
use crate::decision::Write;
use crate::env::UnixMillis;
use crate::error::{Denial, OAuthError, Reason};
use crate::reminder;

/// How far ahead a new version may begin, in seconds: a year.
pub const MAX_AHEAD: i64 = 365 * 86_400;

/// When a new version begins: now, or later by choice. A moment that has passed is now.
///
/// # Errors
/// `invalid_request` for more than a year ahead.
pub fn begin(not_before: Option<UnixMillis>, now: UnixMillis) -> Result<UnixMillis, Denial> {
    let begin = not_before.unwrap_or(now).max(now);
    if begin > now.plus_seconds(MAX_AHEAD) {
        return refuse("A secret begins within a year.");
    }
    Ok(begin)
}

/// The ends of all other versions when `new` takes their place. They never end before it begins, so that there is always
/// one that works.
///
/// # Errors
/// `invalid_request` for an end that leaves a gap.
pub fn end_others(
    app: &App,
    new: &SecretVersion,
    at: UnixMillis,
    now: UnixMillis,
) -> Result<Vec<Write>, Denial> {
    // "At once" was said a moment before the new version was made.
    let at = at.max(new.created_at);
    if at < new.not_before {
        return refuse("The other versions would end before the new one begins. Let them end later.");
    }
    let others = app.secrets.iter().filter(|old| old.ended_at.is_none());
    Ok(others
        .map(|old| Write::ScheduleSecretEnd {
            app: app.id,
            version: old.version,
            at,
            by: Some(new.version),
            remind_at: reminder::next_after(now, Some(at)),
        })
        .collect())
}

/// Sets the end of one version by a person's choice. It may come earlier than what was planned, never later.
///
/// # Errors
/// `invalid_request` for a version that has ended, and for an end beyond the planned one.
pub fn schedule_end(app: &App, version: i64, at: UnixMillis, now: UnixMillis) -> Result<Write, Denial> {
    let found = living(app, version, now)?;
    if found.expires_at.is_some_and(|end| end < at) {
        return refuse("This version ends earlier already. An end is never moved to a later time.");
    }
    Ok(Write::ScheduleSecretEnd {
        app: app.id,
        version,
        at: at.max(now),
        by: None,
        remind_at: reminder::next_after(now, Some(at)),
    })
}

/// Takes a rotation back: its new version ends now, and the versions whose end it has set live on as before.
///
/// # Errors
/// `invalid_request` where there is nothing to come back to: the rotation ended no other version, somebody ended them
/// since, or the overlap is over.
pub fn cancel(app: &App, version: i64, now: UnixMillis) -> Result<Vec<Write>, Denial> {
    living(app, version, now)?;
    let lifts: Vec<Write> = app
        .secrets
        .iter()
        .filter(|old| old.end_set_by == Some(version) && old.ended_at.is_none())
        .filter(|old| old.expires_at.is_some_and(|end| now < end))
        .map(|old| CredentialWrite::LiftSecretEnd {
            app: app.id,
            version: old.version,
            by: version,
            at: now,
            remind_at: reminder::next_after(now, old.end_before),
        })
        .map(Write::Credential)
        .collect();
    if lifts.is_empty() {
        return refuse(
            "There is no other version to come back to: this rotation ended none, or the overlap is over. Make a new version instead.",
        );
    }
    Ok([vec![Write::EndSecret { app: app.id, version, at: now }], lifts].concat())
}

/// Seconds until a version ceases to authenticate; `None` where it has no end, or has ended.
pub fn seconds_left(version: &SecretVersion, now: UnixMillis) -> Option<i64> {
    let end = version.expires_at.filter(|end| version.ended_at.is_none() && now < *end)?;
    Some((end.0 - now.0).div_euclid(1_000))
}

fn living(app: &App, version: i64, now: UnixMillis) -> Result<&SecretVersion, Denial> {
    let found = app.secrets.iter().find(|known| known.version == version);
    match found.filter(|found| found.ended_at.is_none() && found.expires_at.is_none_or(|end| now < end)) {
        Some(found) => Ok(found),
        None => refuse("This version has ended."),
    }
}

fn refuse<T>(hint: &'static str) -> Result<T, Denial> {
    Err(Denial::hinted(OAuthError::InvalidRequest, Reason::Malformed, hint))
}
