//! The Grantor server: a library with a thin binary, so that tests start it in their own process with their own clock.

pub mod attempts;
pub mod cache;
pub mod catalogue;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod flow;
pub mod http;
pub mod init;
pub mod jobs;
pub mod keys;
pub mod leaks;
pub mod limits;
pub mod mail;
pub mod manifest;
pub mod moment;
pub mod node;
pub mod offline;
pub mod pages;
pub mod password;
pub mod seconds;
pub mod serve;
pub mod store;
pub mod telemetry;
pub mod vault;
