//! `grantor audit`: what is changed behind the server's back is named, with and without a server.

use std::fs;

use grantor_testkit::{Door, Server};
use rusqlite::types::Value as Sql;
use serde_json::json;

use super::{binary, done, grantor, refused, run};

/// The content of a column with one bit of it flipped: the first byte's lowest one.
fn flipped(value: Sql) -> Sql {
    let first = |bytes: &mut Vec<u8>| match bytes.first_mut() {
        Some(byte) => *byte ^= 1,
        None => panic!("there is nothing to flip"),
    };
    match value {
        Sql::Integer(number) => Sql::Integer(number ^ 1),
        Sql::Text(text) => {
            let mut bytes = text.into_bytes();
            first(&mut bytes);
            Sql::Text(String::from_utf8(bytes).unwrap())
        }
        Sql::Blob(mut bytes) => {
            first(&mut bytes);
            Sql::Blob(bytes)
        }
        Sql::Null | Sql::Real(_) => panic!("no column of the audit holds that"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r43_one_flipped_bit_in_the_audit_table_is_named() {
    let server = Server::start_on_sqlite().await;
    done(&server, "audit checkpoint");
    let whole = done(&server, "audit verify");
    assert!(whole.out.starts_with("verified: "), "{}", whole.out);
    let Door::Sqlite(file) = server.door().await else { panic!("the file") };
    // One that concerns an environment and came by a request, so that every column holds something.
    let number: i64 = file
        .query_row(
            "SELECT min(number) FROM audit WHERE environment_id IS NOT NULL AND length(address) > 0 AND length(request_id) > 0",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let id: Vec<u8> =
        file.query_row("SELECT id FROM audit WHERE number = ?1", [number], |row| row.get(0)).unwrap();
    let columns = [
        "at",
        "environment_id",
        "actor",
        "action",
        "target",
        "detail",
        "request_id",
        "address",
        "link",
        "id",
    ];
    for column in columns {
        let before: Sql = file
            .query_row(&format!("SELECT {column} FROM audit WHERE number = ?1"), [number], |row| row.get(0))
            .unwrap();
        let put = format!("UPDATE audit SET {column} = ?2 WHERE number = ?1");
        assert_eq!(file.execute(&put, rusqlite::params![number, flipped(before.clone())]).unwrap(), 1);
        let told = grantor(&server, "audit verify");
        assert_eq!(told.code, 1, "{column}");
        let named = format!("NOT VERIFIED: entry {number} (");
        assert!(told.out.starts_with(&named) && told.out.contains("was altered"), "{column}: {}", told.out);
        file.execute(&put, rusqlite::params![number, before]).unwrap();
    }
    // A bit that makes text of no encoding, and one in the number itself.
    let put = "UPDATE audit SET actor = CAST(?2 AS TEXT) WHERE number = ?1";
    let actor: String =
        file.query_row("SELECT actor FROM audit WHERE number = ?1", [number], |row| row.get(0)).unwrap();
    let mut bytes = actor.clone().into_bytes();
    bytes[0] ^= 0x80;
    file.execute(put, rusqlite::params![number, bytes]).unwrap();
    let told = grantor(&server, "audit verify");
    assert_eq!(told.out, format!("NOT VERIFIED: entry {number} was altered: it cannot be read\n"));
    assert_eq!(told.code, 1);
    file.execute(put, rusqlite::params![number, actor.into_bytes()]).unwrap();
    file.execute("UPDATE audit SET number = number + 4096 WHERE id = ?1", [&id]).unwrap();
    let told = grantor(&server, "audit verify");
    assert!(told.out.starts_with(&format!("NOT VERIFIED: entry {number} ")), "{}", told.out);
    file.execute("UPDATE audit SET number = number - 4096 WHERE id = ?1", [&id]).unwrap();
    assert_eq!(done(&server, "audit verify").out, whole.out, "and nothing is left of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_out_put_in_cut_off_or_moved_is_named_on_either_database() {
    let server = Server::start().await;
    done(&server, "audit checkpoint");
    let door = server.door().await;
    let last = door.number("SELECT max(number) FROM audit").await;
    let verify = || grantor(&server, "audit verify").out;
    door.run(
        "UPDATE audit SET number = -3 WHERE number = 3; UPDATE audit SET number = 3 WHERE number = 4; \
              UPDATE audit SET number = 4 WHERE number = -3",
    )
    .await;
    assert!(verify().starts_with("NOT VERIFIED: entry 3 ("), "{}", verify());
    door.run(
        "UPDATE audit SET number = -3 WHERE number = 3; UPDATE audit SET number = 3 WHERE number = 4; \
              UPDATE audit SET number = 4 WHERE number = -3",
    )
    .await;
    assert!(verify().starts_with("verified: "), "{}", verify());
    door.run(&format!("UPDATE audit SET number = NULL WHERE number = {last}")).await;
    assert!(verify().starts_with(&format!("NOT VERIFIED: entry {last} cut off: ")), "{}", verify());
    door.run(&format!("UPDATE audit SET number = {last} WHERE number IS NULL")).await;
    assert!(verify().starts_with("verified: "), "{}", verify());
    door.run("DELETE FROM audit WHERE number = 5").await;
    assert!(verify().starts_with("NOT VERIFIED: entry 5 missing: "), "{}", verify());
    let json = grantor(&server, "--json audit verify").json();
    assert_eq!((&json["verified"], &json["number"]), (&json!(false), &json!(5)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_verified_without_a_server_by_a_pinned_key() {
    let mut server = Server::start().await;
    let folder = server.folder().to_owned();
    done(&server, "audit checkpoint");
    let key = server.admin("GET", "/audit/key", serde_json::Value::Null).await.text;
    fs::write(folder.join("key.json"), &key).unwrap();
    let earlier = done(&server, "--json audit checkpoint").out;
    fs::write(folder.join("earlier.json"), earlier).unwrap();
    server.admin("POST", "/tenants", json!({ "name": "later" })).await;
    done(&server, "audit checkpoint");
    done(&server, "audit export --output audit.ndjson");
    assert!(
        refused(&server, "audit export --output audit.ndjson").contains("audit.ndjson"),
        "never over a file"
    );
    let piped = done(&server, "audit export").out;
    server.stop().await;
    let text = fs::read_to_string(folder.join("audit.ndjson")).unwrap();
    assert_eq!(piped, text);
    let verify = |line: &str| run(binary(&folder).args(["audit", "verify"]).args(line.split(' ')));
    let pinned = verify("audit.ndjson --key key.json --earlier earlier.json");
    assert_eq!((pinned.code, pinned.err.as_str()), (0, ""), "{}", pinned.out);
    assert!(pinned.out.starts_with("verified: ") && pinned.out.contains("signed up to "), "{}", pinned.out);
    let unpinned = verify("audit.ndjson");
    assert_eq!(unpinned.code, 0);
    assert!(unpinned.err.contains("taken from the export itself") && unpinned.err.contains("--key"));

    // Another installation's key.
    let other = Server::start().await;
    let key = other.admin("GET", "/audit/key", serde_json::Value::Null).await.text;
    fs::write(folder.join("other.json"), key).unwrap();
    let told = verify("audit.ndjson --key other.json");
    assert_eq!(told.code, 1);
    assert!(told.out.contains("signed by a key that is not the audit's"), "{}", told.out);

    // What somebody does to the file.
    let lines: Vec<&str> = text.lines().collect();
    let write = |lines: &[&str]| fs::write(folder.join("bent.ndjson"), lines.join("\n") + "\n").unwrap();
    let bent = || verify("bent.ndjson --key key.json");
    let of = |number: u32| {
        let begins = format!("{{\"type\":\"entry\",\"number\":{number},");
        lines.iter().position(|line| line.starts_with(&begins)).unwrap()
    };
    let mut swapped = lines.clone();
    swapped.swap(of(4), of(5));
    write(&swapped);
    assert!(bent().out.starts_with("NOT VERIFIED: entry 4 ("), "{}", bent().out);
    assert!(bent().out.contains("out of order"), "{}", bent().out);
    write(&lines[..lines.len() - 1]);
    assert!(bent().err.contains("its last line is not there"), "{}", bent().err);
    let changed = lines[of(7)].replacen("manifest.apply", "manifest.applz", 1);
    assert_ne!(changed, lines[of(7)]);
    let mut altered = lines.clone();
    altered[of(7)] = &changed;
    write(&altered);
    assert!(bent().out.starts_with("NOT VERIFIED: entry 7 ("), "{}", bent().out);
    let torn = lines[of(7)].replacen('{', "", 1);
    altered[of(7)] = &torn;
    write(&altered);
    let named = format!("line {}, behind entry 6, was altered", of(7) + 1);
    assert!(bent().err.contains(&named), "{}", bent().err);
    // Everything behind an earlier state is gone, and the file is in itself right.
    let first = lines.iter().position(|line| line.contains("\"type\":\"checkpoint\"")).unwrap();
    let end = json!({ "type": "end", "entries": first - 1, "unlinked": 0 }).to_string();
    let mut shorter = lines[..=first].to_vec();
    shorter.push(&end);
    write(&shorter);
    assert_eq!(bent().code, 0, "nothing in it shows that it was longer: {}", bent().err);
    let told = verify("bent.ndjson --key key.json --earlier audit.ndjson");
    assert_eq!(told.code, 1);
    assert!(told.out.contains("cut off: a checkpoint was signed at"), "{}", told.out);
    for wrong in ["key.json", "nothing.ndjson"] {
        let told = verify(wrong);
        assert_eq!(told.code, 1, "{wrong}: {}", told.err);
    }
    assert_eq!(verify("audit.ndjson --key audit.ndjson").code, 2, "no key in it");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_shows_who_did_what_and_stops_at_its_limit() {
    let server = Server::start().await;
    done(&server, "tenant create newcomer");
    let listed = done(&server, "audit list --action tenant.create --limit 1");
    let rows = listed.rows();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0][2], "tenant.create");
    assert!(rows[0][6].contains("newcomer"), "{}", listed.out);
    assert_eq!(done(&server, "audit list --limit 3").rows().len(), 3);
    assert_eq!(done(&server, "--json audit list --actor nobody").json()["items"], json!([]));
}
