//! Everything that the servers of a test run log, at the most talkative level, and everything that must not stand there.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, Once, PoisonError};

use serde_json::Value;

static START: Once = Once::new();
static WRITING: Mutex<()> = Mutex::new(());

/// The folder of the run, if the test command has named one.
#[expect(clippy::disallowed_methods, reason = "the test command tells the folder by a variable")]
fn folder() -> Option<PathBuf> {
    std::env::var("GRANTOR_TEST_LOGS").ok().map(PathBuf::from)
}

/// Logs everything of this process into a file of the run.
pub(crate) fn start() {
    START.call_once(|| {
        let Some(folder) = folder() else { return };
        let path = folder.join(format!("{}.log", std::process::id()));
        let Ok(file) = OpenOptions::new().create(true).append(true).open(path) else {
            return;
        };
        let _ = tracing_subscriber::fmt()
            .with_env_filter("trace")
            .with_ansi(false)
            .with_writer(Mutex::new(file))
            .try_init();
    });
}

/// Names of JSON members whose values are shown once.
const SECRET: [&str; 9] = [
    "client_secret",
    "access_token",
    "refresh_token",
    "id_token",
    "key",
    "api_token",
    "operator_token",
    "password",
    "secret",
];

/// Notes every secret of an answer, so that the logs are searched for it.
pub(crate) fn note(answer: &Value) {
    match answer {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(secret) if SECRET.contains(&name.as_str()) && secret.len() >= 20 => {
                        note_secret(secret)
                    }
                    _ => note(value),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(note),
        _ => {}
    }
}

/// Notes one secret.
pub fn note_secret(secret: &str) {
    let Some(folder) = folder() else { return };
    let _one_at_a_time = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let path = folder.join(format!("{}.secrets", std::process::id()));
    if let Ok(mut file) = OpenOptions::new().create(true).append(true).open(path) {
        let _ = writeln!(file, "{secret}");
    }
}
