//! Each kind of work as both sides do it: the requests, the right answer, and what must be refused.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;

use crate::ceiling::{Algorithm, CLIENTS, Kind, client_id, client_secret};
use crate::check::Check;
use crate::contract::{Api, Client, Contract};
use crate::grantor::{KEY_API, OPAQUE_API, api_signing_with};
use crate::load::{Fleet, pick};
use crate::requests::{basic, get, post_form};
use crate::side::{Mint, Question, Side, Supply};
use crate::target::Target;

pub(crate) mod crowd;
mod user;

/// A credential that nobody has.
const WRONG: &str = "wrong_0000000000000000000000000000000000";

/// What a server is asked to do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// Issue a signed token.
    Token(Algorithm),
    /// Issue a sealed token.
    Opaque,
    /// Check an API key at forward-auth.
    ApiKey,
    /// Answer this about tokens seen before; the ceiling is the plain answer.
    Seen(Verb),
    /// Answer this about tokens never seen; the ceiling checks the signature.
    Unseen(Verb, Algorithm),
    /// Hand out the discovery document.
    Discovery,
    /// Hand out the key set.
    KeySet,
    /// Redeem a code, durably.
    Redemption,
    /// Rotate a refresh token, durably.
    Rotation,
    /// Check a password.
    Password,
}

/// The two dresses of a verdict.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verb {
    /// For reverse proxies.
    ForwardAuth,
    /// For resource servers (RFC 7662).
    Introspect,
}

impl Work {
    /// The ceiling this work is compared with.
    pub(crate) fn ceiling(self) -> Kind {
        match self {
            Self::Token(algorithm) | Self::Unseen(_, algorithm) => Kind::Signed(algorithm),
            Self::Opaque | Self::ApiKey | Self::Seen(_) | Self::Discovery | Self::KeySet => Kind::Plain,
            Self::Redemption | Self::Rotation => Kind::Durable,
            Self::Password => Kind::Password,
        }
    }

    /// The ceiling's side, served by process `pid` at `address`. `length` is that of one run.
    pub(crate) fn ceiling_side(self, pid: u32, address: SocketAddr, length: Duration) -> Result<Side> {
        let caller = basic(&client_id(CLIENTS / 2), &client_secret(CLIENTS / 2));
        let form = [("grant_type", "client_credentials"), ("scope", "payments:read")];
        let plain = Target::new(address, "/plain")?;
        let issue = Target::new(address, "/oauth/token")?;
        let issued = post_form(&issue, &[("authorization", &caller)], &form);
        let (supply, check, refused) = match self {
            Self::Token(algorithm) => {
                let stranger = basic(&client_id(CLIENTS / 2), WRONG);
                let refused = post_form(&issue, &[("authorization", &stranger)], &form);
                (fixed(issued), Check::Signed(algorithm), Some(refused))
            }
            Self::Unseen(verb, algorithm) => {
                let (question, check) = match verb {
                    Verb::ForwardAuth => {
                        let target = Target::new(address, "/forward-auth")?;
                        (Question::ForwardAuth { target, uri: "/transfers".to_owned() }, Check::Status)
                    }
                    Verb::Introspect => (
                        Question::Introspect { target: Target::new(address, "/introspect")?, caller },
                        Check::Active,
                    ),
                };
                let refused = refusable(verb, &question);
                let mint = Mint { request: issued, pick: pick::access_token, question };
                (Supply::Unseen(mint, new_tokens(algorithm, length)), check, refused)
            }
            Self::Redemption => {
                let codes = user::ceiling_codes(&plain)?;
                (Supply::Unseen(codes, new_codes(length)), Check::Signed(Algorithm::Es256), None)
            }
            Self::Rotation => {
                let codes = user::ceiling_codes(&plain)?;
                let refused = user::forged_refresh(&codes);
                (Supply::Chained(codes, Vec::new()), Check::Signed(Algorithm::Es256), refused)
            }
            Self::Password => user::ceiling_password(&plain)?,
            Self::Opaque | Self::Seen(Verb::Introspect) => {
                (fixed(post_form(&plain, &[("authorization", &caller)], &form)), Check::Status, None)
            }
            Self::ApiKey | Self::Seen(Verb::ForwardAuth) | Self::Discovery | Self::KeySet => {
                (fixed(get(&plain, &[])), Check::Status, None)
            }
        };
        Ok(Side { pid, fleet: self.fleet(plain), supply, check, refused })
    }

    /// Grantor's side, served by process `pid` as its contract says.
    pub(crate) async fn grantor_side(self, pid: u32, contract: &Contract, length: Duration) -> Result<Side> {
        let home = Target::parse(contract.issuer()?)?;
        let (supply, check, refused) = match self {
            Self::Token(algorithm) => {
                let (request, refused) = token_requests(contract.api(api_signing_with(algorithm))?)?;
                (fixed(request), Check::Signed(algorithm), Some(refused))
            }
            Self::Opaque => {
                let (request, refused) = token_requests(contract.api(OPAQUE_API)?)?;
                (fixed(request), Check::Opaque, Some(refused))
            }
            Self::ApiKey => {
                let api = contract.api(KEY_API)?;
                let question = question(api, Verb::ForwardAuth, "api_key")?;
                (fixed(question.about(api.api_key()?)), Check::Status, Some(question.about(WRONG)))
            }
            Self::Seen(verb) => {
                let (mint, refused) = mint(contract.api(api_signing_with(Algorithm::Es256))?, verb)?;
                (Supply::Seen(mint), verdict(verb), refused)
            }
            Self::Unseen(verb, algorithm) => {
                let (mint, refused) = mint(contract.api(api_signing_with(algorithm))?, verb)?;
                (Supply::Unseen(mint, new_tokens(algorithm, length)), verdict(verb), refused)
            }
            Self::Discovery => (fixed(get(&discovery(contract.issuer()?)?, &[])), Check::Discovery, None),
            Self::Redemption => {
                let codes = user::codes(&home, contract).await?;
                (Supply::Unseen(codes, new_codes(length)), Check::Signed(Algorithm::Es256), None)
            }
            Self::Rotation => {
                let codes = user::codes(&home, contract).await?;
                let refused = user::forged_refresh(&codes);
                (Supply::Chained(codes, Vec::new()), Check::Signed(Algorithm::Es256), refused)
            }
            Self::Password => user::password(contract)?,
            Self::KeySet => {
                let document =
                    Fleet::new(home.clone()).once(&get(&discovery(contract.issuer()?)?, &[])).await?.1;
                let document: serde_json::Value = serde_json::from_slice(&document)?;
                let keys = document["jwks_uri"].as_str().context("discovery names no jwks_uri")?;
                (fixed(get(&Target::parse(keys)?, &[])), Check::KeySet, None)
            }
        };
        Ok(Side { pid, fleet: self.fleet(home), supply, check, refused })
    }

    /// Its connections, not opened yet.
    fn fleet(self, home: Target) -> Fleet {
        match self {
            Self::Password => Fleet::of(home, user::PASSWORD_CONNECTIONS),
            _ => Fleet::new(home),
        }
    }
}

fn fixed(request: Bytes) -> Supply {
    Supply::Fixed(Arc::from([request]))
}

fn discovery(issuer: &str) -> Result<Target> {
    Target::parse(&format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')))
}

fn verdict(verb: Verb) -> Check {
    match verb {
        Verb::ForwardAuth => Check::Status,
        Verb::Introspect => Check::Active,
    }
}

/// RFC 7662 2.2 answers an unknown token with 200, so only forward-auth has a request that must be refused.
fn refusable(verb: Verb, question: &Question) -> Option<Bytes> {
    match verb {
        Verb::ForwardAuth => Some(question.about(WRONG)),
        Verb::Introspect => None,
    }
}

/// 60,000 at the usual five seconds; RS256 tokens are 12 times dearer to make, and half as many do.
fn new_tokens(algorithm: Algorithm, length: Duration) -> usize {
    let most = if algorithm == Algorithm::Rs256 { 30_000.0 } else { 60_000.0 };
    (length.as_secs_f64() * 12_000.0).clamp(1000.0, most) as usize
}

/// Each is made by a durable write of its own, and lives for a minute.
fn new_codes(length: Duration) -> usize {
    (length.as_secs_f64() * 4_000.0).clamp(500.0, 20_000.0) as usize
}

fn mint(api: &Api, verb: Verb) -> Result<(Mint, Option<Bytes>)> {
    let question = question(api, verb, "client")?;
    let refused = refusable(verb, &question);
    Ok((Mint { request: token_requests(api)?.0, pick: pick::access_token, question }, refused))
}

fn question(api: &Api, verb: Verb, credential: &str) -> Result<Question> {
    Ok(match verb {
        Verb::ForwardAuth => Question::ForwardAuth {
            target: Target::parse(&api.forward_auth_url)?,
            uri: api.seen_by_gateway(&api.route(credential)?.path),
        },
        Verb::Introspect => Question::Introspect {
            target: Target::parse(&api.introspection.endpoint)?,
            caller: basic(&api.introspection.client_id, &api.introspection.client_secret),
        },
    })
}

/// A token request with the right secret, and one with a wrong one.
fn token_requests(api: &Api) -> Result<(Bytes, Bytes)> {
    let target = Target::parse(&api.token_endpoint)?;
    let scope = api.route("client").map(|route| route.scope.clone()).unwrap_or_default();
    let client = api.machine_client()?;
    Ok((
        token_request(&target, client, &client.client_secret, &scope),
        token_request(&target, client, WRONG, &scope),
    ))
}

fn token_request(target: &Target, client: &Client, secret: &str, scope: &str) -> Bytes {
    let mut form = vec![("grant_type", "client_credentials")];
    if !scope.is_empty() {
        form.push(("scope", scope));
    }
    if client.token_endpoint_auth_method == "client_secret_post" {
        form.extend([("client_id", client.client_id.as_str()), ("client_secret", secret)]);
        post_form(target, &[], &form)
    } else {
        post_form(target, &[("authorization", &basic(&client.client_id, secret))], &form)
    }
}

#[cfg(test)]
mod tests;
