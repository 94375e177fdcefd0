//! What needs a server runs where `GRANTOR_TEST_POSTGRES` names one, as `./test` does.

use std::time::Duration;

use super::rotations::Rotations;
use super::*;

const SHORT: Duration = Duration::from_millis(100);

fn at(url: &str) -> Database {
    Database { server: url.parse().unwrap(), name: "fresh".to_owned() }
}

fn server() -> Option<PgServer> {
    let text = std::env::var_os("GRANTOR_TEST_POSTGRES")?;
    Some(text.to_str().unwrap().parse().unwrap())
}

async fn exists(server: &PgServer, name: &str) -> bool {
    let text = "SELECT count(*) = 1 FROM pg_database WHERE datname = $1";
    connect(&server.config).await.unwrap().query_one(text, &[&name]).await.unwrap().get(0)
}

#[test]
fn the_url_of_a_database_leads_to_the_same_server_as_the_same_user() {
    for (given, url) in [
        ("postgres://u@db.example.com/postgres", "postgres://u@db.example.com:5432/fresh?sslmode=disable"),
        ("postgres://u:p%40ss@h:6/x", "postgres://u:p%40ss@h:6/fresh?sslmode=disable"),
        ("postgres://u@/x?host=/run/pg", "postgres://u@/fresh?sslmode=disable&host=%2Frun%2Fpg&port=5432"),
        (
            "host=/run/pg user=u dbname=x port=7",
            "postgres://u@/fresh?sslmode=disable&host=%2Frun%2Fpg&port=7",
        ),
    ] {
        assert_eq!(at(given).url(), url);
        let (again, database) = (url.parse::<PgServer>().unwrap(), at(given));
        assert_eq!(again.config.get_hosts(), database.server.config.get_hosts());
        assert_eq!(again.config.get_password(), database.server.config.get_password());
    }
}

#[test]
fn an_unusable_url_is_refused_without_repeating_it() {
    for url in [
        "",
        "mysql://u:hunter2@h/d",
        "postgres://u:hunter2@/d",
        "postgres://u:hunter2@a,b/d",
        "postgres://u:hunter2@h/d?sslmode=require",
    ] {
        let told = format!("{:#}", url.parse::<PgServer>().unwrap_err());
        assert!(!told.contains("hunter2"), "{told}");
    }
    assert!(!format!("{:?}", at("postgres://u:hunter2@h/d").server).contains("hunter2"));
}

#[test]
fn a_server_without_fsync_is_called_that() {
    let facts = |fsync| Facts { version: "15.18".to_owned(), fsync };
    assert!(facts(true).durable() && facts(true).note().ends_with("fsync is on"));
    assert!(!facts(false).durable() && facts(false).note().contains("not judged"));
}

#[tokio::test]
async fn the_database_is_gone_after_the_work_also_if_it_failed_and_somebody_is_connected() {
    let Some(server) = server() else { return };
    let work = server.with_database(async |database| {
        assert!(exists(&server, &database.name).await);
        assert!(!database.facts().await?.version.is_empty());
        Ok((database.name.clone(), database.connect().await?))
    });
    let (name, _connected) = work.await.unwrap();
    assert!(!exists(&server, &name).await);

    let failed = server.with_database(async |database| -> Result<()> { Err(anyhow!(database.name.clone())) });
    let name = failed.await.unwrap_err().to_string();
    assert!(name.starts_with("grantor_bench_") && !exists(&server, &name).await);
}

#[tokio::test]
async fn the_server_s_own_rotations_are_counted_as_they_stand_in_the_table() {
    let Some(server) = server() else { return };
    let work = server.with_database(async |database| {
        let mut rotations = Rotations::prepare(database).await?;
        rotations.prove().await?;
        let sample = rotations.saturate(SHORT).await?;
        assert!(sample.rate > 100.0 && sample.cpu_us.is_none(), "{sample:?}");
        // A rotation that nobody did here.
        let stranger = database.connect().await?;
        stranger.batch_execute("INSERT INTO bench.families VALUES (0, 1, '')").await?;
        let told = rotations.saturate(SHORT).await.unwrap_err().to_string();
        assert!(told.contains("stand in the table"), "{told}");
        stranger.batch_execute("UPDATE bench.families SET generation = generation + 1").await?;
        let told = rotations.saturate(SHORT).await.unwrap_err().to_string();
        assert!(told.contains("the newest token was refused"), "{told}");
        Ok(())
    });
    work.await.unwrap();
}
