//! One unit on one connection: all of it, durably, or nothing.
//!
//! READ COMMITTED is enough, because the guard stands in the `WHERE` clause: an UPDATE that waits for another unit's
//! row looks at the clause again with what that unit has written, and then matches no row (PostgreSQL manual, 13.2.1).
//! No decision is made from rows that were read before in the same transaction.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use super::failure::Failure;
use super::session::Session;
use super::value::bind;
use crate::store::sql::{Expect, Statement, StoreError};

/// What became of one unit.
pub(super) type Verdict = Result<(), StoreError>;

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
const COMMIT: &str = "COMMIT";

/// Writes the unit. The inner result is its verdict, from a connection that is clean again. The outer error is for the
/// caller too, but nobody knows what is open on the connection: it must be thrown away.
///
/// A guard can only be judged between its statement and the COMMIT. So there are two flights to the server: BEGIN with
/// all statements, then COMMIT or ROLLBACK. One does where every statement is content with any number of rows: COMMIT
/// after a failed statement is a ROLLBACK. One does for a single statement, too: where its guard found no row, nothing was
/// changed that a ROLLBACK could undo.
pub(super) async fn write(session: &Session, unit: &[Statement]) -> Result<Verdict, StoreError> {
    let mut prepared = Vec::with_capacity(unit.len());
    for statement in unit {
        match session.prepare(statement.sql).await {
            Ok(done) => prepared.push(done),
            Err(failure) if failure.lost => return Err(failure.error),
            Err(failure) => return Ok(Err(failure.error)),
        }
    }
    // Bound before anything is sent: what does not fit must not leave a part of the unit behind.
    let bound =
        unit.iter().zip(&prepared).map(|(one, prepared)| bind(one.sql, prepared.params(), &one.params));
    let bound = match bound.collect::<Result<Vec<_>, _>>() {
        Ok(bound) => bound,
        Err(error) => return Ok(Err(error)),
    };
    let mut flights: Vec<Flight<'_>> = vec![Box::pin(control(session, BEGIN))];
    for ((statement, prepared), params) in unit.iter().zip(&prepared).zip(&bound) {
        flights.push(Box::pin(session.execute(statement.sql.name, prepared, params)));
    }
    let at_once = unit.len() == 1 || unit.iter().all(|statement| statement.expect == Expect::Any);
    if at_once {
        flights.push(Box::pin(control(session, COMMIT)));
    }
    let verdict = judge(unit, in_one_flight(flights).await);
    match verdict {
        Ok(()) if at_once => Ok(Ok(())),
        Ok(()) => commit(session).await,
        Err(failure) if failure.lost && at_once => Err(unknown(failure)),
        Err(failure) if failure.lost => Err(failure.error),
        Err(failure) if at_once => Ok(Err(failure.error)),
        // Any failure of the ROLLBACK is one of the connection.
        Err(failure) => match session.control("ROLLBACK").await {
            Ok(()) => Ok(Err(failure.error)),
            Err(lost) => Err(lost.error),
        },
    }
}

async fn commit(session: &Session) -> Result<Verdict, StoreError> {
    match session.control(COMMIT).await {
        Ok(()) => Ok(Ok(())),
        // The server said no: it has undone the transaction.
        Err(failure) if !failure.lost => Ok(Err(failure.error)),
        Err(failure) => Err(unknown(failure)),
    }
}

/// The answer to a COMMIT did not come.
fn unknown(failure: Failure) -> StoreError {
    let why = match failure.error {
        StoreError::Unavailable(why) => why,
        other => other.to_string(),
    };
    StoreError::Unavailable(format!("whether the unit stands is not known: {why}"))
}

/// The first thing that went wrong, in the order of the flight. What came after it in the aborted transaction says
/// nothing.
fn judge(unit: &[Statement], answers: Vec<Result<u64, Failure>>) -> Result<(), Failure> {
    // BEGIN, the statements, maybe COMMIT.
    let guards = std::iter::once(Expect::Any).chain(unit.iter().map(|statement| statement.expect));
    for (answer, guard) in answers.into_iter().zip(guards.chain([Expect::Any])) {
        let rows = answer?;
        match guard {
            Expect::Rows(expected) if rows > expected && unit.len() == 1 => {
                // A guarded write names one row by its key. More is a table that is not ours, and committed by now.
                return Err(Failure::unsent(StoreError::Corrupt(format!("{rows} rows where one was meant"))));
            }
            Expect::Rows(expected) if rows != expected => return Err(Failure::unsent(StoreError::Conflict)),
            Expect::Rows(_) | Expect::Any => {}
        }
    }
    Ok(())
}

async fn control(session: &Session, text: &'static str) -> Result<u64, Failure> {
    session.control(text).await.map(|()| 0)
}

type Flight<'a> = Pin<Box<dyn Future<Output = Result<u64, Failure>> + Send + 'a>>;

/// Sends all in this order, then takes the answers in the same order. The first poll of each sends it, and the server
/// answers in the order in which it was asked.
async fn in_one_flight(mut flights: Vec<Flight<'_>>) -> Vec<Result<u64, Failure>> {
    let mut early = Vec::with_capacity(flights.len());
    for flight in &mut flights {
        early.push(
            poll_fn(|context| match flight.as_mut().poll(context) {
                Poll::Ready(answer) => Poll::Ready(Some(answer)),
                Poll::Pending => Poll::Ready(None),
            })
            .await,
        );
    }
    let mut answers = Vec::with_capacity(flights.len());
    for (flight, early) in flights.into_iter().zip(early) {
        answers.push(match early {
            Some(answer) => answer,
            None => flight.await,
        });
    }
    answers
}
