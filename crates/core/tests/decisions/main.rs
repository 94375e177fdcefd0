//! The decisions of the core as tables: facts in, verdict out. No store, no clock, no sockets.

#[cfg(test)]
mod api_choice;
#[cfg(test)]
mod api_key;
#[cfg(test)]
mod client_auth;
#[cfg(test)]
mod client_credentials;
#[cfg(test)]
mod facts;
#[cfg(test)]
mod history;
#[cfg(test)]
mod metadata;
#[cfg(test)]
mod profile;
#[cfg(test)]
mod registration;
#[cfg(test)]
mod revocation;
#[cfg(test)]
mod verdict;
