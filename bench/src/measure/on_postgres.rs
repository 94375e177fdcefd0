//! P4b: refresh rotation on PostgreSQL, in turn with what that server does by itself.

use anyhow::{Context as _, Result};

use super::{ALTERNATIONS, Stage, median};
use crate::goals::ROTATION_ON_POSTGRES;
use crate::grantor::{self, Grantor, Storage};
use crate::options::{Options, Scope};
use crate::postgres::rotations::Rotations;
use crate::postgres::{Database, Facts};
use crate::process;
use crate::report::{Bound, Row};
use crate::side::{Sample, Side};
use crate::work::Work;

const NAME: (&str, &str) = ("P4b", "refresh rotation, PostgreSQL / its own");

/// The runs, and what else their row says.
struct Outcome {
    ceiling: Sample,
    grantor: Option<Sample>,
    resident: Option<u64>,
    facts: Facts,
}

impl Stage {
    /// The row of the goal, also if there is no server to measure with.
    pub(super) async fn rotation_on_postgres(&self, options: &Options) -> Row {
        let bound = Bound::at_least(ROTATION_ON_POSTGRES);
        let Some(server) = &options.postgres else {
            return Row::not_measured(NAME, "not measured: no --postgres", bound);
        };
        let outcome = server.with_database(async |database| self.alternate(database, options.scope).await);
        match outcome.await {
            Ok(Outcome { ceiling, grantor, resident, facts }) => {
                let row = Row::ratio(NAME, ceiling, grantor, resident, bound).with_note(facts.note());
                if facts.durable() { row } else { row.not_judged() }
            }
            Err(error) => Row::failed(NAME.0, NAME.1, &error, bound),
        }
    }

    async fn alternate(&self, database: &Database, scope: Scope) -> Result<Outcome> {
        let length = self.length;
        let facts = database.facts().await?;
        let mut grantor = match scope {
            Scope::Both => Some(self.grantor_on(database).await.context("Grantor")?),
            Scope::Ceilings => None,
        };
        let mut own = Rotations::prepare(database).await.context("ceiling")?;
        own.prove().await.context("ceiling")?;
        let (mut ceilings, mut grantors) = (Vec::new(), Vec::new());
        for _ in 0..ALTERNATIONS {
            ceilings.push(own.saturate(length).await.context("ceiling")?);
            if let Some((_, side)) = &mut grantor {
                grantors.push(side.saturate(length).await.context("Grantor")?);
            }
        }
        let resident = grantor.as_ref().and_then(|(server, _)| process::resident(server.id()).ok());
        if let Some((server, _)) = grantor {
            server.stop()?;
        }
        Ok(Outcome {
            ceiling: median(ceilings, |sample| sample.rate)?,
            grantor: median(grantors, |sample| sample.rate).ok(),
            resident,
            facts,
        })
    }

    /// A Grantor of its own, on the server core, proven to answer rightly.
    async fn grantor_on(&self, database: &Database) -> Result<(Grantor, Side)> {
        let folder = self.folder.path().join("on-postgres");
        std::fs::create_dir_all(&folder)?;
        let (binary, address) = (grantor::binary()?, grantor::free_address()?);
        let storage = Storage::Server(database.url());
        let server = Grantor::start(process::SERVER_CORE, &binary, &folder, address, storage).await?;
        let mut side = Work::Rotation.grantor_side(server.id(), &server.contract, self.length).await?;
        side.prove().await?;
        Ok((server, side))
    }
}
