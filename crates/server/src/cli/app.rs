//! `grantor app`: the clients of an environment and their secrets.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::confirm::{self, confirm};
use super::output::{Column, Output, Shape};
use super::reason::Reason;
use super::{Session, activity};
use crate::seconds::Seconds;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Make an app and show its first secret
    Create(Box<Create>),
    /// List apps
    List {
        /// Only those of this tenant
        #[arg(long, value_name = "NAME")]
        tenant: Option<String>,
    },
    /// Show an app and its secret versions, without secrets
    Show(Id),
    /// Add a secret version and show it; older versions stay valid unless told otherwise
    RotateSecret {
        #[command(flatten)]
        id: Id,
        /// How long the new version is valid, for example 90d
        #[arg(long, value_name = "TIME")]
        lifetime: Option<Seconds>,
        /// End all other versions after this time, for example 24h
        #[arg(long, value_name = "TIME")]
        end_others_after: Option<Seconds>,
        /// When the new version begins to work, as RFC 3339 [default: now]
        #[arg(long, value_name = "TIME")]
        not_before: Option<String>,
    },
    /// List the versions of an app's secret with their ends, without secrets
    Secrets(Id),
    /// End one secret version, at once or later
    EndSecret {
        #[command(flatten)]
        id: Id,
        /// The version, as in `app show`
        version: u64,
        /// End the app's issued tokens too
        #[arg(long)]
        end_tokens: bool,
        /// Not now but after this time, for example 7d; never later than it would end anyway
        #[arg(long, value_name = "TIME", conflicts_with = "end_tokens")]
        after: Option<Seconds>,
    },
    /// Take a rotation back: its version ends now, and the others live on as before
    CancelRotation {
        #[command(flatten)]
        id: Id,
        /// The new version, as in `app secrets`
        version: u64,
    },
    /// Say whether a client id can be chosen, and why not
    CheckId(Id),
    /// Say which flow fits what is built, at one API
    Recommend {
        /// The API that the app calls
        #[arg(long = "api", value_name = "NAME")]
        api: String,
    },
    /// Suspend an app; its tokens end within a second
    Suspend {
        #[command(flatten)]
        id: Id,
        #[command(flatten)]
        reason: Reason,
    },
    /// Let a suspended app work again; tokens from before stay dead
    Resume {
        #[command(flatten)]
        id: Id,
        #[command(flatten)]
        reason: Reason,
    },
    /// Delete an app for ever; its client id is never given again
    Delete {
        #[command(flatten)]
        id: Id,
        #[command(flatten)]
        confirm: confirm::Flag,
    },
    /// End all issued tokens of an app
    EndTokens(Id),
    /// Show how the last requests of an app ended, why they were refused, and what mends it
    Log {
        #[command(flatten)]
        id: Id,
        #[command(flatten)]
        log: activity::LogFlags,
    },
    /// Show what the owner of an app should know
    Notices(Id),
    /// Count what an app has done
    Usage {
        #[command(flatten)]
        id: Id,
        #[command(flatten)]
        usage: activity::UsageFlags,
    },
}

#[derive(Args)]
pub(super) struct Id {
    /// The app's client id
    client_id: String,
}

#[derive(Args)]
pub(super) struct Create {
    /// The client id; generated if it is not given
    client_id: Option<String>,
    /// The tenant that it belongs to
    #[arg(long, value_name = "NAME")]
    tenant: String,
    /// An API that it calls; can be repeated
    #[arg(long = "api", value_name = "NAME")]
    apis: Vec<String>,
    /// Its name for people
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// An API that it is, whose tokens it introspects; can be repeated
    #[arg(long, value_name = "NAME")]
    introspects: Vec<String>,
    /// A grant; can be repeated [default: those of its APIs]
    #[arg(long = "grant", value_name = "GRANT")]
    grants: Vec<String>,
    /// A scope that it may ask for; can be repeated [default: all that its tenant may]
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// The one authentication method, for example client_secret_basic
    #[arg(long, value_name = "METHOD")]
    auth_method: Option<String>,
    /// It cannot keep a secret: an app in a browser or on a device
    #[arg(long, conflicts_with_all = ["auth_method", "secret_lifetime"])]
    public: bool,
    /// Where users are sent back to, exactly as the app names it; can be repeated
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// How long the secret is valid, for example 90d
    #[arg(long, value_name = "TIME")]
    secret_lifetime: Option<Seconds>,
}

const LIST: &[Column] = &[
    Column("client_id", "/client_id"),
    Column("tenant", "/tenant"),
    Column("name", "/name"),
    Column("status", "/status"),
];
const CREATED: &[Column] = &[
    Column("client_id", "/client_id"),
    Column("client_secret", "/client_secret"),
    Column("version", "/secret/version"),
    Column("expires_at", "/secret/expires_at"),
];
const ROTATED: &[Column] = &[
    Column("client_id", "/client_id"),
    Column("client_secret", "/client_secret"),
    Column("version", "/version"),
    Column("expires_at", "/expires_at"),
];
const VERSIONS: &[Column] = &[
    Column("version", "/version"),
    Column("last_four", "/last_four"),
    Column("status", "/status"),
    Column("not_before", "/not_before"),
    Column("expires_at", "/expires_at"),
    Column("ended_at", "/ended_at"),
    Column("last_used_at", "/last_used_at"),
    Column("last_used_from", "/last_used_from"),
    Column("seconds_left", "/seconds_left"),
];

const CHOICE: &[Column] =
    &[Column("client_id", "/client_id"), Column("verdict", "/verdict"), Column("detail", "/detail")];
const FLOWS: &[Column] = &[
    Column("kind", "/kind"),
    Column("grant", "/grant"),
    Column("auth_method", "/auth_method"),
    Column("available", "/available"),
    Column("off", "/off"),
    Column("why", "/why"),
];

/// Runs one verb.
pub(super) async fn run(session: &mut Session<'_>, command: Command) -> anyhow::Result<()> {
    let admin = session.admin().await?;
    let output = &mut session.output;
    let place = admin.environment().to_owned();
    match command {
        Command::Create(create) => {
            let answer = admin.post(admin.path(&["apps"])?, create.body()).await?;
            output.answer(&answer, CREATED)?;
            if answer.json()?.get("client_secret").is_some() {
                output.shown_once("the secret")?;
            }
        }
        Command::List { tenant } => {
            let answer = admin.list(admin.path(&["apps"])?.filter("tenant", tenant.as_deref())).await?;
            output.answer(&answer, LIST)?;
        }
        Command::Show(Id { client_id }) => {
            let answer = admin.get(admin.path(&["apps", &client_id])?).await?;
            show(&answer, output)?;
        }
        Command::RotateSecret { id: Id { client_id }, lifetime, end_others_after, not_before } => {
            let body = present([
                ("not_before", not_before.map(Value::String)),
                ("lifetime", lifetime.map(|span| json!(span.0))),
                ("end_others_after", end_others_after.map(|span| json!(span.0))),
            ]);
            let answer = admin.post(admin.path(&["apps", &client_id, "secrets"])?, body).await?;
            output.answer(&answer, ROTATED)?;
            output.shown_once("the secret")?;
        }
        Command::Secrets(Id { client_id }) => {
            let answer = admin.get(admin.path(&["apps", &client_id, "secrets"])?).await?;
            output.answer(&answer, VERSIONS)?;
        }
        Command::EndSecret { id: Id { client_id }, version, after: Some(after), .. } => {
            let path = admin.path(&["apps", &client_id, "secrets", &version.to_string(), "schedule-end"])?;
            let answer = admin.post(path, json!({"after": after.0})).await?;
            output.answer(&answer, VERSIONS)?;
        }
        Command::CancelRotation { id: Id { client_id }, version } => {
            let path = admin.path(&["apps", &client_id, "secrets", &version.to_string(), "cancel"])?;
            let answer = admin.post(path, json!({})).await?;
            output.answer(&answer, VERSIONS)?;
        }
        Command::CheckId(Id { client_id }) => {
            let answer = admin.get(admin.path(&["client-ids", &client_id])?).await?;
            output.answer(&answer, CHOICE)?;
        }
        Command::Recommend { api } => {
            let answer = admin.get(admin.path(&["apis", &api, "recommendations"])?).await?;
            output.answer(&answer, FLOWS)?;
        }
        Command::EndSecret { id: Id { client_id }, version, end_tokens, after: None } => {
            let path = admin.path(&["apps", &client_id, "secrets", &version.to_string(), "end"])?;
            let answer = admin.post(path, json!({"end_tokens": end_tokens})).await?;
            output
                .done(&answer, &format!("Secret version {version} of {client_id} in {place} has ended."))?;
        }
        Command::Suspend { id: Id { client_id }, reason } => {
            let answer = admin.post(admin.path(&["apps", &client_id, "suspend"])?, reason.body()).await?;
            output.done(&answer, &format!("App {client_id} in {place} is suspended."))?;
        }
        Command::Resume { id: Id { client_id }, reason } => {
            let answer = admin.post(admin.path(&["apps", &client_id, "resume"])?, reason.body()).await?;
            output.done(&answer, &format!("App {client_id} in {place} is active."))?;
        }
        Command::Delete { id: Id { client_id }, confirm: flag } => {
            confirm(&flag, &format!("Delete app {client_id} in {place} for ever?"), output)?;
            let answer = admin.delete(admin.path(&["apps", &client_id])?).await?;
            output.done(&answer, &format!("App {client_id} in {place} is deleted."))?;
        }
        Command::EndTokens(Id { client_id }) => {
            let answer = admin.post(admin.path(&["apps", &client_id, "tokens", "end"])?, json!({})).await?;
            output.done(&answer, &format!("All tokens of app {client_id} in {place} have ended."))?;
        }
        Command::Log { id: Id { client_id }, log } => {
            activity::log(&admin, output, &["apps", &client_id], log).await?;
        }
        Command::Notices(Id { client_id }) => {
            activity::notices(&admin, output, &["apps", &client_id]).await?;
        }
        Command::Usage { id: Id { client_id }, usage } => {
            activity::usage(&admin, output, &["apps", &client_id], usage).await?;
        }
    }
    Ok(())
}

fn show(answer: &Answer, output: &mut Output<'_>) -> anyhow::Result<()> {
    match output.shape() {
        Shape::Json => output.line(answer.text())?,
        Shape::Plain => output.members(&answer.json()?)?,
        Shape::Table => {
            let mut app = answer.json()?;
            let secrets = app.as_object_mut().and_then(|app| app.remove("secrets")).unwrap_or_default();
            output.members(&app)?;
            output.line("")?;
            output.rows(secrets.as_array().map_or(&[], Vec::as_slice), VERSIONS)?;
        }
    }
    Ok(())
}

impl Create {
    fn body(self) -> Value {
        let list = |values: Vec<String>| (!values.is_empty()).then(|| json!(values));
        let auth_method = if self.public { Some("none".to_owned()) } else { self.auth_method };
        let metadata = (!self.redirect_uris.is_empty()).then(|| json!({"redirect_uris": self.redirect_uris}));
        present([
            ("client_id", self.client_id.map(Value::String)),
            ("tenant", Some(Value::String(self.tenant))),
            ("apis", Some(json!(self.apis))),
            ("name", self.name.map(Value::String)),
            ("introspects", list(self.introspects)),
            ("grants", list(self.grants)),
            ("scopes", list(self.scopes)),
            ("auth_method", auth_method.map(Value::String)),
            ("metadata", metadata),
            ("secret_lifetime", self.secret_lifetime.map(|span| json!(span.0))),
        ])
    }
}

/// An object of the members that were given: what is absent is the server's to decide.
pub(super) fn present<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let given = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(given.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::{Cli, Command as Top};
    use super::*;

    fn body(line: &str) -> Value {
        match Cli::try_parse_from(line.split_whitespace()).unwrap().command {
            Top::App(Command::Create(create)) => create.body(),
            _ => panic!("another command"),
        }
    }

    #[test]
    fn only_what_was_given_is_sent() {
        let line = "grantor app create --tenant acme --api payments";
        assert_eq!(body(line), json!({"tenant": "acme", "apis": ["payments"]}));
    }

    #[test]
    fn every_flag_arrives_under_its_name() {
        let line = "grantor app create my-app --tenant acme --api a --api b --name N --introspects i \
                    --grant client_credentials --scope s:read --auth-method client_secret_post --secret-lifetime 90d";
        let expected = json!({"client_id": "my-app", "tenant": "acme", "apis": ["a", "b"], "name": "N",
            "introspects": ["i"], "grants": ["client_credentials"], "scopes": ["s:read"],
            "auth_method": "client_secret_post", "secret_lifetime": 7_776_000});
        assert_eq!(body(line), expected);
    }

    #[test]
    fn an_app_for_users_has_redirect_uris_and_may_be_public() {
        let line = "grantor app create spa --tenant acme --redirect-uri https://a.example/cb \
                    --redirect-uri https://b.example/cb --public";
        let uris = ["https://a.example/cb", "https://b.example/cb"];
        let expected = json!({"client_id": "spa", "tenant": "acme", "apis": [], "auth_method": "none",
            "metadata": {"redirect_uris": uris}});
        assert_eq!(body(line), expected);
        let both = "grantor app create spa --tenant acme --public --auth-method client_secret_basic";
        assert!(Cli::try_parse_from(both.split_whitespace()).is_err());
    }
}
