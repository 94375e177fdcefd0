//! A real Grantor server in the test process: real sockets, real SQLite, a clock that tests move.
//!
//! Tests speak HTTP to it. What is shown here once (secrets, keys, tokens) is also written to a list, and the logs of the
//! whole run are searched for every entry of that list afterwards.

mod clock;
mod logs;
mod world;

pub use clock::TestClock;
pub use world::{Answer, Client, Server, basic};
