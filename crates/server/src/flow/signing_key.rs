//! Rotation of keys: by command, by schedule, and the retirement of what has served.

use std::sync::Arc;

use grantor_core::api::{Api, signing_algorithms};
use grantor_core::decision::{AuditEvent, KeyStep, StoredKey, Write};
use grantor_core::env::UnixMillis;
use grantor_core::id::EnvironmentId;
use grantor_core::signing_key::{KeyState, KeyUse, TooEarly, is_due, may_activate, retires_at};
use grantor_jose::Algorithm;

use super::Fault;
use crate::catalogue::EnvironmentState;
use crate::keys::{self, NewKey, generate, next_number, times};
use crate::node::{Actor, Node};

/// Which keys to rotate.
#[derive(Debug, Clone, Copy)]
pub struct Rotation {
    /// The use.
    pub usage: KeyUse,
    /// The algorithm, for signing keys; `None` is all.
    pub algorithm: Option<Algorithm>,
    /// Whether verifiers are given the time to see the next key first.
    pub patience: Patience,
}

/// Whether verifiers are given the time to see the next key first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Yes.
    Wait,
    /// No: a key is compromised, and a verifier that has to fetch the key set again is the smaller harm.
    Now,
}

/// Why a rotation did not happen.
#[derive(Debug)]
pub enum RotateError {
    /// The next key is too young.
    TooEarly(TooEarly),
    /// There is nothing to rotate.
    Nothing,
    /// Infrastructure.
    Fault(Fault),
}

impl From<Fault> for RotateError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Rotates: the active key retires, the next one becomes active, and a new next one is published.
///
/// # Errors
/// See [`RotateError`].
pub async fn rotate(
    node: &Node,
    actor: &Actor,
    state: &EnvironmentState,
    rotation: Rotation,
) -> Result<(), RotateError> {
    let environment = state.environment.id;
    let ring = node.store.key_ring(environment).await.map_err(Fault::from)?;
    let now = node.now();
    let chosen: Vec<&StoredKey> = ring
        .iter()
        .filter(|key| key.usage == rotation.usage && key.state == KeyState::Active)
        .filter(|key| {
            rotation
                .algorithm
                .is_none_or(|algorithm| key.usage != KeyUse::Sign || key.algorithm == algorithm.as_str())
        })
        .collect();
    if chosen.is_empty() {
        return Err(RotateError::Nothing);
    }
    let mut writes = Vec::new();
    let mut events = Vec::new();
    for active in chosen {
        let longest = longest_token(state, node).await?;
        // API keys that are JWTs live longer than any token.
        let last_key =
            node.store.last_signed_api_key_end(environment, &active.kid).await.map_err(Fault::from)?;
        let longest = longest.max(last_key.seconds() - now.seconds());
        writes.extend(rotate_one(node, &ring, active, rotation.patience, (now, longest))?);
        events.push(
            AuditEvent::new("signing_key.rotate", active.kid.clone())
                .detail("use", active.usage.as_str())
                .detail("algorithm", active.algorithm.as_str()),
        );
    }
    Ok(node.commit(&actor.within(environment), writes, events).await?)
}

fn rotate_one(
    node: &Node,
    ring: &[StoredKey],
    active: &StoredKey,
    patience: Patience,
    (now, longest): (UnixMillis, i64),
) -> Result<Vec<Write>, RotateError> {
    // A pepper is never dropped by time: a stored hash names the one that made it.
    let retires_at = (active.usage != KeyUse::Pepper).then(|| retires_at(now, longest));
    let step = |key: &StoredKey, from, to, retires_at| {
        Write::AdvanceKey(KeyStep {
            environment: key.environment,
            kid: key.kid.clone(),
            usage: key.usage,
            from,
            to,
            at: now,
            retires_at,
        })
    };
    let mut writes = vec![step(active, KeyState::Active, KeyState::Retiring, retires_at)];
    let make = |state| {
        let number = next_number(ring, active.usage);
        let algorithm = active.algorithm.parse().unwrap_or(Algorithm::Es256);
        let new = NewKey { environment: active.environment, usage: active.usage, algorithm, state, number };
        node.decide(|env| generate(&new, &node.vault, env)).map_err(|error| {
            tracing::error!(%error, "a key could not be made");
            RotateError::Fault(Fault::Internal)
        })
    };
    let next = ring.iter().find(|key| {
        key.usage == active.usage && key.state == KeyState::Next && key.algorithm == active.algorithm
    });
    match next {
        Some(next) => {
            if patience == Patience::Wait {
                may_activate(&times(next), &times(active), now).map_err(RotateError::TooEarly)?;
            }
            writes.push(step(next, KeyState::Next, KeyState::Active, None));
            writes.push(Write::InsertKey(make(KeyState::Next)?));
        }
        // Sealing keys and peppers are not published, so there is nothing to wait for.
        None => writes.push(Write::InsertKey(make(KeyState::Active)?)),
    }
    Ok(writes)
}

/// Keys that an environment lacks for what its APIs sign with, made and not yet stored.
///
/// # Errors
/// Storage trouble; a key that could not be made.
pub async fn missing<'a>(
    node: &Node,
    environment: EnvironmentId,
    apis: impl IntoIterator<Item = &'a Arc<Api>>,
) -> Result<Vec<StoredKey>, Fault> {
    let ring = node.store.key_ring(environment).await?;
    let algorithms: Vec<Algorithm> = signing_algorithms(apis).into_iter().collect();
    node.decide(|env| keys::missing(environment, &ring, &algorithms, &node.vault, env)).map_err(|error| {
        tracing::error!(%error, "a key could not be made");
        Fault::Internal
    })
}

/// Makes what an environment lacks. A manifest brings its keys along; this is for what a newer version signs in addition.
async fn complete(node: &Node, state: &EnvironmentState) -> Result<(), Fault> {
    let made = missing(node, state.environment.id, &state.apis).await?;
    if made.is_empty() {
        return Ok(());
    }
    let kids: Vec<&str> = made.iter().map(|key| key.kid.as_str()).collect();
    let event =
        AuditEvent::new("signing_key.create", state.environment.name.to_string()).detail("kids", kids);
    let writes = made.into_iter().map(Write::InsertKey).collect();
    node.commit(&Actor::system().within(state.environment.id), writes, vec![event]).await
}

/// The longest life of a token of an environment, in seconds.
async fn longest_token(state: &EnvironmentState, node: &Node) -> Result<i64, Fault> {
    let profiles = state
        .apis
        .iter()
        .flat_map(|api| [api.profile.lifetimes.client_token, api.profile.lifetimes.user_token]);
    let longest = profiles.map(|life| life.seconds()).max().unwrap_or(3_600);
    let accesses = node.store.all_accesses(state.environment.id, i64::MAX).await?;
    let overrides = accesses
        .iter()
        .flat_map(|access| [access.client_token_lifetime, access.user_token_lifetime])
        .flatten();
    Ok(overrides.map(|life| life.seconds()).max().unwrap_or(0).max(longest))
}

/// What the schedule does: makes what is missing, rotates what is old, retires what has served.
///
/// # Errors
/// Storage trouble; the job tries again.
pub async fn on_schedule(node: &Node) -> Result<(), Fault> {
    let now = node.now();
    for state in &node.catalogue_full().environments {
        complete(node, state).await?;
        let ring = node.store.key_ring(state.environment.id).await?;
        let mut served = Vec::new();
        for key in ring.iter().filter(|key| key.state == KeyState::Retiring) {
            // Asked again at the end: an API key that was signed while this one stopped signing was not known then.
            if key.retires_at.is_some_and(|at| at <= now)
                && node.store.last_signed_api_key_end(key.environment, &key.kid).await? <= now
            {
                served.push(key);
            }
        }
        let writes: Vec<Write> = served
            .into_iter()
            .map(|key| {
                Write::AdvanceKey(KeyStep {
                    environment: key.environment,
                    kid: key.kid.clone(),
                    usage: key.usage,
                    from: KeyState::Retiring,
                    to: KeyState::Retired,
                    at: now,
                    retires_at: None,
                })
            })
            .collect();
        if !writes.is_empty() {
            let events = writes
                .iter()
                .map(|_| AuditEvent::new("signing_key.retire", state.environment.name.to_string()))
                .collect();
            node.commit(&Actor::system().within(state.environment.id), writes, events).await?;
            node.cache.forget_claims();
        }
        let due = ring.iter().filter(|key| {
            key.state == KeyState::Active && key.usage != KeyUse::Pepper && is_due(&times(key), key.uses, now)
        });
        for key in due {
            let rotation = Rotation {
                usage: key.usage,
                algorithm: key.algorithm.parse().ok(),
                patience: Patience::Wait,
            };
            match rotate(node, &Actor::system(), state, rotation).await {
                Ok(()) => tracing::info!(kid = key.kid, "a key was rotated by schedule"),
                Err(RotateError::Fault(fault)) => return Err(fault),
                Err(RotateError::TooEarly(_) | RotateError::Nothing) => {}
            }
        }
    }
    Ok(())
}
