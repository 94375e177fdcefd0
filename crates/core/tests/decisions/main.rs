//! The decisions of the core as tables: facts in, verdict out. No store, no clock, no sockets.

#[cfg(test)]
mod api_choice;
#[cfg(test)]
mod api_key;
#[cfg(test)]
mod api_key_change;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod authorization_request;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod client_auth;
#[cfg(test)]
mod client_credentials;
#[cfg(test)]
mod code_redemption;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod facts;
#[cfg(test)]
mod gates;
#[cfg(test)]
mod histories;
#[cfg(test)]
mod history;
#[cfg(test)]
mod interaction;
#[cfg(test)]
mod leak;
#[cfg(test)]
mod metadata;
#[cfg(test)]
mod onboarding;
#[cfg(test)]
mod password;
#[cfg(test)]
mod people;
#[cfg(test)]
mod profile;
#[cfg(test)]
mod recommendation;
#[cfg(test)]
mod refresh;
#[cfg(test)]
mod refresh_scope;
#[cfg(test)]
mod refresh_token;
#[cfg(test)]
mod registration;
#[cfg(test)]
mod reply;
#[cfg(test)]
mod revocation;
#[cfg(test)]
mod secret_version;
#[cfg(test)]
mod subject;
#[cfg(test)]
mod user_verdict;
#[cfg(test)]
mod userinfo;
#[cfg(test)]
mod verdict;
#[cfg(test)]
mod visit;
