//! Every decision of Grantor, and nothing else.
//!
//! A decision is a function of a request, the facts that concern it, the policy, the time and some randomness.
//! It answers with a [`decision::Decision`]: the outcome, the writes as data, and the audit events.
//!
//! What this crate never does: no `async`, no I/O, no clock, no global state, no SQL, no HTTP.
//! Time and randomness enter through [`env::Env`] alone, so a decision can be repeated in a test to the byte.

pub mod access;
pub mod address_list;
pub mod api;
pub mod api_key;
pub mod api_key_change;
pub mod api_key_jwt;
pub mod app;
pub mod audit_chain;
pub mod audit_event;
pub mod audit_export;
pub mod audit_verify;
pub mod audited;
pub mod authorize;
pub mod case;
pub mod case_handling;
pub mod change;
pub mod claimed_request;
pub mod claims;
pub mod client_auth;
pub mod client_id_choice;
pub mod client_metadata;
pub mod comment;
pub mod contract;
pub mod credential_write;
pub mod decision;
pub mod document;
pub mod email;
pub mod env;
pub mod environment;
pub mod epoch;
pub mod error;
pub mod form;
pub mod gate;
pub mod gate_rule;
pub mod grant;
pub mod id;
pub mod id_token;
pub mod incident;
pub mod interaction;
pub mod introspect;
pub mod ip_net;
pub mod issue;
pub mod leak;
pub mod leak_trace;
pub mod lifetime;
pub mod lockout;
pub mod metadata;
pub mod misplaced;
pub mod name;
pub mod onboarding;
pub mod outbox;
pub mod password;
pub mod permission;
pub mod pkce;
pub mod profile;
pub mod publication;
pub mod recommendation;
pub mod record;
pub mod redirect_uri;
pub mod refresh_token;
pub mod registration;
pub mod reminder;
pub mod request_log;
pub mod revoke;
pub mod scope;
pub mod sealed_token;
pub mod secret;
pub mod secret_version;
pub mod session;
pub mod signing_key;
pub mod signup;
pub mod subject;
pub mod tenant;
pub mod token;
pub mod usage;
pub mod user;
pub mod userinfo;
pub mod webhook;
