//! A real Grantor server in the test process: real sockets, a real database, a clock that tests move, a browser for its pages.
//!
//! Tests speak HTTP to it. What is shown here once (secrets, keys, tokens) is also written to a list, and the logs of the
//! whole run are searched for every entry of that list afterwards.

mod browser;
mod clock;
mod cookies;
mod door;
mod logs;
mod mail;
mod page;
pub mod postgres;
mod users;
mod world;

pub use browser::{AppReply, Browser, Site};
pub use clock::TestClock;
pub use cookies::Cookie;
pub use door::Door;
pub use logs::note_secret;
pub use mail::Mail;
pub use page::Page;
pub use users::{Person, Pkce, Tokens};
/// A line for the `[[access]]` of a manifest: the contract is recorded as signed.
pub const SIGNED: &str = "contract = { sha256 = \"abababababababababababababababababababababababababababababababab\", signed_at = \"2020-01-02T00:00:00Z\" }\n";

pub use world::{Answer, Client, GITHUB_KEYS, Server, TEAM, basic};
