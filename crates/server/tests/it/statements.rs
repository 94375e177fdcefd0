//! Every statement of the program is prepared on both engines, and none reads an environment's rows without naming it.

use std::collections::HashSet;
use std::path::Path;

use grantor_server::store::migrate::{Dialect, render};
use grantor_server::store::sqlite::{Shape, SqliteOptions, SqliteStore};
use grantor_server::store::{MIGRATIONS, statements};
use grantor_testkit::postgres::Database;

/// What each statement takes and gives on SQLite, in the order of the registry.
async fn sqlite_shapes() -> Vec<Shape> {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new(folder.path().join("a.db"));
    let (store, _) = SqliteStore::open_migrated(options, MIGRATIONS, 0).unwrap();
    let mut shapes = Vec::new();
    for sql in statements() {
        let shape = store.shape(sql).await;
        shapes.push(shape.unwrap_or_else(|error| panic!("{}: {error}", sql.name)));
    }
    shapes
}

#[tokio::test]
async fn every_statement_prepares_on_sqlite_with_as_many_parameters_as_its_text_names() {
    let shapes = sqlite_shapes().await;
    assert!(shapes.len() >= 40, "{} statements", shapes.len());
    for (sql, shape) in statements().iter().zip(shapes) {
        let named = (1..40).filter(|n| names_parameter(sql.text, *n)).count();
        assert_eq!(shape.parameters, named, "{}: a number is left out", sql.name);
        let gives_rows = sql.text.starts_with("SELECT") || sql.text.contains("RETURNING");
        assert_eq!(shape.columns > 0, gives_rows, "{}", sql.name);
    }
}

/// Whether `$n` stands in a text, and not only as the beginning of `$n0`.
fn names_parameter(text: &str, n: usize) -> bool {
    let name = format!("${n}");
    text.match_indices(&name)
        .any(|(at, _)| !text[at + name.len()..].starts_with(|next: char| next.is_ascii_digit()))
}

#[test]
fn every_statement_has_a_name_of_its_own() {
    let all = statements();
    let names: HashSet<&str> = all.iter().map(|sql| sql.name).collect();
    assert_eq!(names.len(), all.len());
    let texts: HashSet<&str> = all.iter().map(|sql| sql.text).collect();
    assert_eq!(texts.len(), all.len(), "two names for one text");
}

#[test]
fn every_statement_of_the_source_is_in_the_registry() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let mut declared = Vec::new();
    collect_names(&source, &mut declared);
    let registered: HashSet<&str> = statements().iter().map(|sql| sql.name).collect();
    assert!(declared.len() >= 40, "{}", declared.len());
    for (name, file) in declared {
        assert!(registered.contains(name.as_str()), "{name} of {file} is in no STATEMENTS list");
    }
}

/// The names of all `Sql` constants below a folder, without tests.
fn collect_names(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if file != "tests" {
                collect_names(&path, found);
            }
            continue;
        }
        if file.contains("tests") || !file.ends_with(".rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for block in product.split(": Sql = Sql {").skip(1) {
            let name = block.split("name: \"").nth(1).and_then(|rest| rest.split('"').next());
            found.push((name.expect("a name").to_owned(), file.clone()));
        }
    }
}

/// Tables whose rows belong to one environment, by a column of their own or by that of their user.
const OF_AN_ENVIRONMENT: [&str; 19] = [
    "apps",
    "app_secrets",
    "api_keys",
    "revoked_tokens",
    "key_ring",
    "apis",
    "users",
    "memberships",
    "sessions",
    "interactions",
    "grants",
    "consents",
    "acceptances",
    "signups",
    "outbox",
    "login_failures",
    "webhooks",
    "cases",
    "incidents",
];

/// Statements that may read them without naming the environment, and why.
const FOR_ALL: [(&str, &str); 15] = [
    ("memberships", "of a user, who was loaded in their environment"),
    ("acceptances", "of a user, who was loaded in their environment"),
    ("consents", "of a user and an app, who were loaded in their environment"),
    ("all_webhooks", "who hears of what is held whole, and each webhook says its environment"),
    ("webhook_and_secrets", "one job sends for all environments, and each webhook says its own"),
    ("due_mails", "one job delivers for all environments, and each mail says its own"),
    ("due_key_reminders", "one job reminds for all environments, and each row says its own"),
    ("due_secret_reminders", "one job reminds for all environments, and each row says its own"),
    ("apis", "the catalogue holds every environment and files each API under its own"),
    ("revoked_tokens", "the list of revoked ids is held whole, by environment"),
    ("incident", "incidents are for the operators of the whole installation, and each says its environment"),
    ("incident_by_subject", "a subject is one credential, whose environment was found before"),
    ("incidents", "incidents are for the operators of the whole installation, and each says its environment"),
    (
        "open_incidents",
        "incidents are for the operators of the whole installation, and each says its environment",
    ),
    ("all_accesses", "names the environment through the API that it joins"),
];

#[test]
fn a_select_on_rows_of_an_environment_names_the_environment() {
    let mut checked = 0;
    for sql in statements() {
        let words: Vec<&str> = sql.text.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
        let reads = |table: &str| {
            words.windows(2).any(|pair| ["FROM", "JOIN"].contains(&pair[0]) && pair[1] == table)
        };
        if !sql.text.starts_with("SELECT") || !OF_AN_ENVIRONMENT.iter().any(|table| reads(table)) {
            continue;
        }
        checked += 1;
        if FOR_ALL.iter().any(|(name, _)| *name == sql.name) {
            continue;
        }
        let condition = sql.text.split_once("WHERE").map_or("", |(_, condition)| condition);
        assert!(
            condition.contains("environment_id = $"),
            "{} reads across environments: {}",
            sql.name,
            sql.text
        );
    }
    assert!(checked >= 25, "the guard looked at {checked} statements only");
    let all: HashSet<&str> = statements().iter().map(|sql| sql.name).collect();
    assert!(FOR_ALL.iter().all(|(name, _)| all.contains(name)), "an exception without a statement");
}

#[test]
fn statements_stay_in_the_subset_that_both_engines_read_alike() {
    for sql in statements() {
        for foreign in
            ["INSERT OR", "REPLACE INTO", "now()", "datetime(", "?", "::", "ROWID", "AUTOINCREMENT"]
        {
            assert!(!sql.text.contains(foreign), "{}: {foreign}", sql.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_prepares_on_postgresql_with_the_same_shape() {
    let database = Database::fresh();
    let client = database.connect().await;
    for migration in MIGRATIONS {
        let text = render(migration.text, Dialect::Postgres);
        let applied = client.batch_execute(&text).await;
        applied.unwrap_or_else(|error| panic!("migration {}: {error:?}", migration.version));
    }
    let shapes = sqlite_shapes().await;
    let mut faults = Vec::new();
    for (sql, shape) in statements().iter().zip(shapes) {
        match client.prepare(sql.text).await {
            Err(error) => faults.push(format!("{}: {error:?}", sql.name)),
            Ok(prepared) => {
                let found = Shape { parameters: prepared.params().len(), columns: prepared.columns().len() };
                if found != shape {
                    faults.push(format!("{}: {found:?} here, {shape:?} on SQLite", sql.name));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}
