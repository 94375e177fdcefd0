//! TLS to PostgreSQL: spoken when asked for, with a certificate that is trusted and names the host, or not at all.

use grantor_server::config::DatabaseUrl;
use grantor_server::store::migrate::MigrateError;
use grantor_testkit::postgres::Encrypted;
use tokio_postgres::config::SslMode;

use super::*;

async fn open(url: &str) -> Result<PgStore, MigrateError> {
    let Ok(DatabaseUrl::Postgres(url)) = url.parse() else { panic!("no PostgreSQL URL") };
    let mut options = PgOptions::new(url.config().clone());
    options.root_certificates = url.root_certificates().map(Into::into);
    PgStore::open_migrated(options, SCHEMA, 0).await.map(|(store, _)| store)
}

async fn refusal(url: &str) -> String {
    open(url).await.map(|_| ()).expect_err("it opens").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_needs_a_certificate_that_is_trusted_and_names_the_host() {
    // Numbers of sessions: encrypted and not.
    static SPOKEN: Sql = Sql {
        name: "spoken",
        text: "SELECT count(*) FILTER (WHERE ssl), count(*) FILTER (WHERE NOT ssl) FROM pg_stat_ssl \
               JOIN pg_stat_activity USING (pid) WHERE application_name = 'grantor'",
    };
    let server = Encrypted::start();
    let trusted = format!("sslrootcert={}", server.certificate().display());
    let (name, address) = (server.url("localhost"), server.url("127.0.0.1"));
    for mode in ["require", "verify-ca", "verify-full"] {
        let store = open(&format!("{name}?sslmode={mode}&{trusted}")).await.unwrap();
        let rows: Vec<Row> = store.query(&SPOKEN, vec![]).await.unwrap();
        assert!(rows[0].int(0).unwrap() > 0 && rows[0].int(1) == Ok(0), "{mode}");
        // The sessions of this round must not be counted in the next.
        drop(store);
        let Ok(DatabaseUrl::Postgres(there)) = name.parse() else { panic!("no PostgreSQL URL") };
        while PgStore::look(&PgOptions::new(there.config().clone())).await.unwrap().in_use {}

        let told = refusal(&format!("{name}?sslmode={mode}")).await;
        assert!(told.contains("certificate"), "trusted by nobody, {mode}: {told}");
        let told = refusal(&format!("{address}?sslmode={mode}&{trusted}")).await;
        assert!(told.contains("certificate"), "of another host, {mode}: {told}");
    }
    let told = refusal(&format!("{name}?sslmode=prefer")).await;
    assert!(told.contains("certificate"), "spoken, but with whom? {told}");
    let told = refusal(&format!("{name}?sslmode=require&sslrootcert=/nowhere.pem")).await;
    assert!(told.contains("/nowhere.pem"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_is_refused_where_tls_is_required() {
    let database = Database::fresh();
    let mut config = database.config();
    config.ssl_mode(SslMode::Require);
    let refused = PgStore::open_migrated(PgOptions::new(config), SCHEMA, 0).await.map(|_| ());
    let told = refused.unwrap_err().to_string();
    assert!(told.contains("does not support TLS"), "{told}");
}
