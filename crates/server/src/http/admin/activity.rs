//! What apps and keys have done: their request log, notices and counts. All of it is for their owner; what is held in memory
//! still is shown with what is stored.

use std::collections::BTreeMap;

use axum::extract::{Path, Query};
use grantor_core::env::UnixMillis;
use grantor_core::error::Reason;
use grantor_core::id::EnvironmentId;
use grantor_core::permission::Right;
use grantor_core::request_log::{Subject, fix};
use grantor_core::usage::Span;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::{List, Told};
use super::caller::Caller;
use super::problem::Problem;
use super::table::Table;
use super::{apps, keys};
use crate::flow::Fault;
use crate::flow::misplaced::{self, Noticed};
use crate::flow::usage::{self, Bucket, Logged};
use crate::moment::Moment;

/// Entries of a log that are shown if nothing is said.
const ENTRIES: usize = 50;

pub(super) fn routes(table: &mut Table) {
    table.tag(
        "Activity",
        "What apps and keys have done: why a call was refused and what would mend it, and counts.",
    );
    table
        .get("/environments/{environment}/apps/{client_id}/log", Right::ReadTenant, app_log)
        .says("Read the request log of an app", LOG);
    table
        .get("/environments/{environment}/apps/{client_id}/notices", Right::ReadTenant, app_notices)
        .says("Read the notices of an app", NOTICES);
    table.get("/environments/{environment}/apps/{client_id}/usage", Right::ReadTenant, app_usage).says(
        "Read the counts of an app",
        "By minute, hour or day, and how many tokens it asks for each call.",
    );
    table
        .get("/environments/{environment}/keys/{key}/log", Right::ReadTenant, key_log)
        .says("Read the request log of a key", LOG);
    table
        .get("/environments/{environment}/keys/{key}/notices", Right::ReadTenant, key_notices)
        .says("Read the notices of a key", NOTICES);
    table
        .get("/environments/{environment}/keys/{key}/usage", Right::ReadTenant, key_usage)
        .says("Read the counts of a key", "By minute, hour or day.");
}

const LOG: &str = "Newest first, on one page: a fixed number of requests is kept.";
const NOTICES: &str = "Right credential, wrong environment: for the owner alone.";

/// Which entries of a log.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Which {
    /// `ok` or `refused`; both if it is not given.
    #[serde(default)]
    #[param(pattern = "^(ok|refused)$")]
    outcome: Option<String>,
    /// The newest so many.
    #[serde(default)]
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<usize>,
}

/// Which counts.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct By {
    /// `minute`, `hour` or `day`; `hour` if it is not given.
    #[serde(default)]
    #[param(pattern = "^(minute|hour|day)$")]
    by: Option<String>,
    /// How many of them, back from now: as many as are kept at most, which are 2880 minutes.
    #[serde(default)]
    #[param(minimum = 1, maximum = 2880)]
    limit: Option<i64>,
}

/// A request, as its owner reads it.
#[derive(Serialize, ToSchema)]
struct LogEntry {
    #[schema(value_type = String, format = DateTime)]
    at: Moment,
    /// Where it went.
    endpoint: String,
    /// `ok` or `refused`.
    outcome: &'static str,
    /// The status of the answer.
    status: i64,
    /// The public error code.
    error: Option<String>,
    /// Why it was refused; whoever sent it has not read this.
    reason: Option<String>,
    /// What would mend it.
    fix: Option<&'static str>,
    /// The last characters of the credential.
    credential_ends_in: Option<String>,
    address: String,
    request_id: String,
    /// The name of the API.
    api: Option<String>,
    grant_type: Option<String>,
    /// How long it took, as a class.
    took: String,
    /// How many requests of the same kind this entry stands for.
    count: i64,
}

impl LogEntry {
    fn of(entry: &Logged) -> Self {
        Self {
            at: Moment(entry.at),
            endpoint: entry.door.clone(),
            outcome: if entry.reason.is_some() { "refused" } else { "ok" },
            status: entry.status,
            error: entry.error.clone(),
            reason: entry.reason.clone(),
            // A reason of a newer release has no sentence here.
            fix: entry.reason.as_deref().and_then(Reason::from_name).map(fix),
            credential_ends_in: entry.credential.clone(),
            address: entry.address.clone(),
            request_id: entry.request_id.clone(),
            api: entry.api.clone(),
            grant_type: entry.grant.clone(),
            took: entry.took.clone(),
            count: entry.count,
        }
    }
}

/// A credential that came to an environment where it does not belong.
#[derive(Serialize, ToSchema)]
struct ActivityNotice {
    kind: String,
    text: String,
    /// The name of an environment.
    presented_in: String,
    /// The name of an environment.
    belongs_to: String,
    #[schema(value_type = String, format = DateTime)]
    first_seen_at: Moment,
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: Moment,
    /// How often on that day.
    count: i64,
    /// From where last.
    address: String,
}

/// Counts.
#[derive(Serialize, ToSchema)]
struct Usage {
    /// `minute`, `hour`, `day`.
    by: &'static str,
    /// Oldest first; spans without any are left out.
    items: Vec<UsageOfSpan>,
    /// What the last day says. Of apps alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_day: Option<LastDay>,
}

/// The counts of one minute, hour or day.
#[derive(Serialize, ToSchema)]
struct UsageOfSpan {
    #[schema(value_type = String, format = DateTime)]
    starts_at: Moment,
    /// Tokens issued.
    issued: i64,
    /// Calls verified here.
    verified: i64,
    /// Refusals, by public error code.
    refused: BTreeMap<String, i64>,
}

/// Whether an app keeps its tokens or asks for one for every call.
#[derive(Serialize, ToSchema)]
struct LastDay {
    issued: i64,
    verified: i64,
    tokens_per_call: Option<f64>,
    grade: &'static str,
    advice: &'static str,
}

type OfApp = Path<(String, String)>;
type OfKey = Path<(String, String)>;

async fn app_log(caller: Caller, path: OfApp, Query(which): Query<Which>) -> Result<List<LogEntry>, Problem> {
    let subject = app(&caller, path).await?;
    log(&caller, subject, &which).await
}

async fn app_notices(caller: Caller, path: OfApp) -> Result<List<ActivityNotice>, Problem> {
    let subject = app(&caller, path).await?;
    notices(&caller, subject).await
}

async fn app_usage(caller: Caller, path: OfApp, Query(by): Query<By>) -> Result<Told<Usage>, Problem> {
    let subject = app(&caller, path).await?;
    let day = usage::last_day(&caller.node, subject).await?;
    let last_day = LastDay {
        issued: day.issued,
        verified: day.verified,
        tokens_per_call: day.tokens_per_call,
        grade: day.habit.as_str(),
        advice: day.habit.advice(),
    };
    let counts = counts(&caller, subject, &by).await?;
    Ok(Told(Usage { last_day: Some(last_day), ..counts }))
}

async fn key_log(caller: Caller, path: OfKey, Query(which): Query<Which>) -> Result<List<LogEntry>, Problem> {
    let subject = key(&caller, path).await?;
    log(&caller, subject, &which).await
}

async fn key_notices(caller: Caller, path: OfKey) -> Result<List<ActivityNotice>, Problem> {
    let subject = key(&caller, path).await?;
    notices(&caller, subject).await
}

async fn key_usage(caller: Caller, path: OfKey, Query(by): Query<By>) -> Result<Told<Usage>, Problem> {
    let subject = key(&caller, path).await?;
    Ok(Told(counts(&caller, subject, &by).await?))
}

async fn app(caller: &Caller, Path(path): OfApp) -> Result<Subject, Problem> {
    let (_, app) = apps::find(caller, &path).await?;
    Ok(Subject::App(app.id))
}

async fn key(caller: &Caller, Path(path): OfKey) -> Result<Subject, Problem> {
    let (_, key) = keys::find(caller, &path).await?;
    Ok(Subject::Key(key.id))
}

async fn log(caller: &Caller, subject: Subject, which: &Which) -> Result<List<LogEntry>, Problem> {
    let refused = match which.outcome.as_deref() {
        None => None,
        Some("ok") => Some(false),
        Some("refused") => Some(true),
        Some(_) => return Err(Problem::bad("outcome is ok or refused.")),
    };
    let limit = which.limit.unwrap_or(ENTRIES);
    if !(1..=1000).contains(&limit) {
        return Err(Problem::bad("limit is a number from 1 to 1000."));
    }
    let entries = usage::log(&caller.node, subject).await?;
    let wanted =
        entries.iter().filter(|entry| refused.is_none_or(|refused| entry.reason.is_some() == refused));
    Ok(List::whole(wanted.take(limit).map(LogEntry::of).collect()))
}

async fn notices(caller: &Caller, subject: Subject) -> Result<List<ActivityNotice>, Problem> {
    misplaced::look_at_all(&caller.node).await?;
    let found = caller.node.store.notices(subject).await.map_err(Fault::from)?;
    let catalogue = caller.node.catalogue_full();
    let name = |id: EnvironmentId| {
        catalogue.environment_by_id(id).map_or(String::new(), |state| state.environment.name.to_string())
    };
    let shown = |notice: &Noticed| {
        let (came, belongs) = (name(notice.presented_in), name(notice.belongs_to));
        ActivityNotice {
            kind: notice.kind.clone(),
            text: format!("Right credential, wrong environment: one of {belongs} was presented in {came}."),
            presented_in: came,
            belongs_to: belongs,
            first_seen_at: Moment(notice.first_seen_at),
            last_seen_at: Moment(notice.last_seen_at),
            count: notice.count,
            address: notice.address.clone(),
        }
    };
    Ok(List::whole(found.iter().map(shown).collect()))
}

async fn counts(caller: &Caller, subject: Subject, by: &By) -> Result<Usage, Problem> {
    let span = Span::from_name(by.by.as_deref().unwrap_or("hour"));
    let span = span.ok_or_else(|| Problem::bad("by is minute, hour or day."))?;
    let usual = match span {
        Span::Minute => 60,
        Span::Hour => 48,
        Span::Day => 31,
    };
    let count = by.limit.unwrap_or(usual);
    if !(1..=span.kept()).contains(&count) {
        return Err(Problem::bad(format!("limit is a number from 1 to {}.", span.kept())));
    }
    let found = usage::buckets(&caller.node, subject, span, count).await?;
    let shown = found.into_iter().map(|Bucket { starts, issued, verified, refused }| UsageOfSpan {
        starts_at: Moment(UnixMillis(starts * span.seconds() * 1_000)),
        issued,
        verified,
        refused,
    });
    Ok(Usage { by: span.as_str(), items: shown.collect(), last_day: None })
}
