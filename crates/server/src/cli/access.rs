//! `grantor access`: what tenants may do with APIs, from the application to its end.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Session;
use super::app::present;
use super::confirm::{self, confirm};
use super::output::Column;
use super::reason::Reason;
use crate::seconds::Seconds;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Apply for access on a tenant's behalf
    Apply(Apply),
    /// List accesses and applications
    List {
        /// Only those of this tenant
        #[arg(long, value_name = "NAME")]
        tenant: Option<String>,
        /// Only those of this status, for example applied
        #[arg(long, value_name = "STATUS")]
        status: Option<String>,
    },
    /// Show an access with its gates and its history
    Show(Place),
    /// Approve an application
    Approve(Approve),
    /// Refuse an application
    Refuse {
        #[command(flatten)]
        place: Place,
        /// Why: the partner reads it
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Record the contract as signed
    Contract(Contract),
    /// Suspend an access; everything issued under it ends within a second
    Suspend(Stop),
    /// Let a suspended access work again; tokens from before stay dead
    Resume(Stop),
    /// Close an access for ever
    Close {
        #[command(flatten)]
        stop: Stop,
        #[command(flatten)]
        confirm: confirm::Flag,
    },
}

/// Which access.
#[derive(Args)]
pub(super) struct Place {
    /// The tenant's short name or id
    tenant: String,
    /// The API
    api: String,
}

#[derive(Args)]
pub(super) struct Stop {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    reason: Reason,
}

#[derive(Args)]
pub(super) struct Apply {
    #[command(flatten)]
    place: Place,
    /// A scope that is asked for; can be repeated [default: all of the API]
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
}

#[derive(Args)]
pub(super) struct Approve {
    #[command(flatten)]
    place: Place,
    /// A scope that is allowed; can be repeated [default: what was asked for]
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// The quota class: trial, standard, high, unlimited
    #[arg(long, value_name = "CLASS")]
    quota: Option<String>,
    /// Replaces the profile's lifetime of client tokens, for example 30m
    #[arg(long, value_name = "TIME")]
    client_token_lifetime: Option<Seconds>,
    /// Replaces the profile's lifetime of user tokens
    #[arg(long, value_name = "TIME")]
    user_token_lifetime: Option<Seconds>,
    /// For the history
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
}

#[derive(Args)]
pub(super) struct Contract {
    #[command(flatten)]
    place: Place,
    /// SHA-256 of the signed file, as sha256sum prints it
    #[arg(long, value_name = "HEX")]
    sha256: String,
    /// When it was signed, as RFC 3339
    #[arg(long, value_name = "TIME")]
    signed_at: String,
    /// Where it is kept
    #[arg(long, value_name = "TEXT")]
    reference: Option<String>,
    /// For the history
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
}

const COLUMNS: &[Column] = &[
    Column("tenant", "/tenant"),
    Column("api", "/api"),
    Column("status", "/status"),
    Column("scopes", "/scopes"),
    Column("quota", "/quota"),
];
const GATES: &[Column] = &[Column("gate", "/gate"), Column("holds", "/holds"), Column("advice", "/advice")];
const HISTORY: &[Column] = &[
    Column("at", "/at"),
    Column("step", "/step"),
    Column("by", "/by"),
    Column("comment", "/comment"),
    Column("sha256", "/sha256"),
];

/// Runs one verb.
pub(super) async fn run(session: &mut Session<'_>, command: Command) -> anyhow::Result<()> {
    let admin = session.admin().await?;
    let output = &mut session.output;
    let environment = admin.environment().to_owned();
    let path = |place: &Place, verb: &str| {
        let all = ["accesses", place.tenant.as_str(), place.api.as_str(), verb];
        admin.path(if verb.is_empty() { &all[..3] } else { &all })
    };
    let named = |place: &Place| format!("{} to {} in {environment}", place.tenant, place.api);
    match command {
        Command::Apply(apply) => {
            let said = format!("Access of {} is applied for.", named(&apply.place));
            let answer = admin.post(admin.path(&["accesses"])?, apply.body()).await?;
            let approved = answer.json()?["status"] == "approved";
            output
                .done(&answer, if approved { "It is approved at once: the profile says so." } else { &said })
        }
        Command::List { tenant, status } => {
            let path = admin.path(&["accesses"])?.filter("tenant", tenant.as_deref());
            output.answer(&admin.list(path.filter("status", status.as_deref())).await?, COLUMNS)
        }
        Command::Show(place) => {
            let answer = admin.get(path(&place, "")?).await?;
            output.answer(&answer, COLUMNS)?;
            if output.shape() == super::output::Shape::Json {
                return Ok(());
            }
            let body = answer.json()?;
            output.rows(body["gates"].as_array().map_or(&[][..], Vec::as_slice), GATES)?;
            Ok(output.rows(body["history"].as_array().map_or(&[][..], Vec::as_slice), HISTORY)?)
        }
        Command::Approve(approve) => {
            let said = format!("Access of {} is approved.", named(&approve.place));
            let path = path(&approve.place, "approve")?;
            output.done(&admin.post(path, approve.body()).await?, &said)
        }
        Command::Refuse { place, reason } => {
            let answer = admin.post(path(&place, "refuse")?, json!({ "reason": reason })).await?;
            output.done(&answer, &format!("Access of {} is refused.", named(&place)))
        }
        Command::Contract(contract) => {
            let said = format!("The contract for {} is recorded as signed.", named(&contract.place));
            let path = path(&contract.place, "contract")?;
            output.done(&admin.put(path, contract.body()).await?, &said)
        }
        Command::Suspend(stop) => {
            let answer = admin.post(path(&stop.place, "suspend")?, stop.reason.body()).await?;
            output.done(&answer, &format!("Access of {} is suspended.", named(&stop.place)))
        }
        Command::Resume(stop) => {
            let answer = admin.post(path(&stop.place, "resume")?, stop.reason.body()).await?;
            output.done(&answer, &format!("Access of {} is open again.", named(&stop.place)))
        }
        Command::Close { stop, confirm: flag } => {
            confirm(&flag, &format!("Close the access of {} for ever?", named(&stop.place)), output)?;
            let answer = admin.post(path(&stop.place, "close")?, stop.reason.body()).await?;
            output.done(&answer, &format!("Access of {} is closed.", named(&stop.place)))
        }
    }
}

impl Apply {
    fn body(self) -> Value {
        present([
            ("tenant", Some(Value::String(self.place.tenant))),
            ("api", Some(Value::String(self.place.api))),
            ("scopes", (!self.scopes.is_empty()).then(|| json!(self.scopes))),
            ("comment", self.comment.map(Value::String)),
        ])
    }
}

impl Approve {
    fn body(self) -> Value {
        present([
            ("scopes", (!self.scopes.is_empty()).then(|| json!(self.scopes))),
            ("quota", self.quota.map(Value::String)),
            ("client_token_lifetime", self.client_token_lifetime.map(|span| json!(span.0))),
            ("user_token_lifetime", self.user_token_lifetime.map(|span| json!(span.0))),
            ("comment", self.comment.map(Value::String)),
        ])
    }
}

impl Contract {
    fn body(self) -> Value {
        present([
            ("sha256", Some(Value::String(self.sha256))),
            ("signed_at", Some(Value::String(self.signed_at))),
            ("reference", self.reference.map(Value::String)),
            ("comment", self.comment.map(Value::String)),
        ])
    }
}
