//! The ceiling of P4b: one guarded UPDATE of one row per COMMIT, on as many connections as the driver of HTTP has.

use std::io;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use tokio::task::JoinSet;
use tokio_postgres::{Client, Statement};

use super::Database;
use crate::clock;
use crate::load::{CONNECTIONS, PATIENCE, Tally};
use crate::process;
use crate::side::{CHAINS, Sample, warm_up};

/// A family of refresh tokens as short as it can be. In a schema of its own, out of the product's way.
const TABLE: &str = "CREATE SCHEMA bench;
     CREATE TABLE bench.families (id bigint PRIMARY KEY, generation bigint NOT NULL, nonce bytea NOT NULL);";
const BEGIN: &str = "INSERT INTO bench.families
     SELECT id, 0, decode(repeat('5a', 16), 'hex') FROM generate_series(1, $1::bigint) AS id";
/// The guard says by the row count whether this was the newest token.
const ROTATE: &str =
    "UPDATE bench.families SET generation = generation + 1 WHERE id = $1 AND generation = $2";

/// The server's own rotations.
pub(crate) struct Rotations<'a> {
    database: &'a Database,
    families: Vec<Family>,
}

#[derive(Clone, Copy)]
struct Family {
    id: i64,
    /// Of its newest token.
    generation: i64,
}

/// One connection with its statement.
struct Session {
    client: Client,
    rotate: Statement,
}

impl Session {
    async fn open(database: &Database) -> Result<Self> {
        let client = database.connect().await?;
        let rotate = client.prepare(ROTATE).await?;
        Ok(Self { client, rotate })
    }

    /// Durable when it is answered. Whether the guard held.
    async fn rotate(&self, family: Family) -> Result<bool, tokio_postgres::Error> {
        let rows = self.client.execute(&self.rotate, &[&family.id, &family.generation]).await?;
        Ok(rows == 1)
    }
}

impl<'a> Rotations<'a> {
    /// As many families as there are chains on the other side, so that one commit is about as many pages.
    pub(crate) async fn prepare(database: &'a Database) -> Result<Self> {
        let client = database.connect().await?;
        client.batch_execute(TABLE).await?;
        let count = i64::try_from(CHAINS)?;
        client.execute(BEGIN, &[&count]).await?;
        let families = (1..=count).map(|id| Family { id, generation: 0 }).collect();
        Ok(Self { database, families })
    }

    /// One rotation is done, and the same one a second time is not.
    pub(crate) async fn prove(&mut self) -> Result<()> {
        let session = Session::open(self.database).await?;
        let family = self.families.first_mut().context("there is no family")?;
        ensure!(session.rotate(*family).await?, "a rotation changed nothing");
        ensure!(!session.rotate(*family).await?, "a token was rotated a second time");
        family.generation += 1;
        Ok(())
    }

    /// One closed-loop run of about this length. Its connections end with it: at rest they cost the other side nothing.
    pub(crate) async fn saturate(&mut self, length: Duration) -> Result<Sample> {
        let mut sessions = Vec::with_capacity(CONNECTIONS);
        while sessions.len() < CONNECTIONS {
            let opened = Session::open(self.database).await;
            sessions
                .push(opened.with_context(|| format!("connection {} of {CONNECTIONS}", sessions.len() + 1))?);
        }
        let (tally, _) = self.run(&mut sessions, warm_up(length)).await?;
        tally.failure().map_or(Ok(()), |failure| Err(anyhow!("warm-up: {failure}")))?;

        let driver = || process::cpu_time(std::process::id());
        let before = driver()?;
        let (tally, start) = self.run(&mut sessions, length).await?;
        let driver = driver()?.saturating_sub(before);
        tally.failure().map_or(Ok(()), |failure| Err(anyhow!(failure)))?;
        self.audit().await?;
        Ok(Sample::of(&tally, start, None, driver))
    }

    async fn run(&mut self, sessions: &mut Vec<Session>, length: Duration) -> Result<(Tally, Instant)> {
        let share = self.families.len() / sessions.len();
        let start = clock::now();
        let mut workers = JoinSet::new();
        for session in sessions.drain(..) {
            let own: Vec<_> = self.families.drain(..share).collect();
            workers.spawn(rotating(session, own, start, length));
        }
        let mut tally = Tally::new();
        let all = async {
            while let Some(worker) = workers.join_next().await {
                let (part, session, own) = worker?;
                tally.merge(part);
                sessions.push(session);
                self.families.extend(own);
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(length + PATIENCE, all).await.context("PostgreSQL has stopped answering")??;
        Ok((tally, start))
    }

    /// What was answered is what stands in the table.
    async fn audit(&self) -> Result<()> {
        let client = self.database.connect().await?;
        let row = client.query_one("SELECT sum(generation)::bigint FROM bench.families", &[]).await?;
        let (stands, answered) =
            (row.try_get::<_, i64>(0)?, self.families.iter().map(|family| family.generation).sum::<i64>());
        ensure!(stands == answered, "{answered} rotations were answered, {stands} stand in the table");
        Ok(())
    }
}

/// The worker of a share of families, in turn. Gives them back.
async fn rotating(
    session: Session,
    mut families: Vec<Family>,
    start: Instant,
    length: Duration,
) -> (Tally, Session, Vec<Family>) {
    let mut tally = Tally::new();
    let mut sent = start;
    for turn in 0.. {
        if sent.saturating_duration_since(start) >= length {
            break;
        }
        let count = families.len();
        let family = &mut families[turn % count];
        match session.rotate(*family).await {
            Ok(true) => family.generation += 1,
            Ok(false) => {
                tally.error(&io::Error::other("the newest token was refused"));
                break;
            }
            Err(error) => {
                tally.error(&io::Error::other(error));
                break;
            }
        }
        let done = clock::now();
        tally.answer(200, done.saturating_duration_since(sent), done);
        sent = done;
    }
    (tally, session, families)
}
