//! Looks whether a credential that was unknown where it came is genuine in another environment, and tells its owner. Runs as a
//! job, behind the answer: no request waits for it, and none ends differently because of it.

use grantor_core::decision::Write;
use grantor_core::env::UnixMillis;
use grantor_core::misplaced::{Notice, told};
use grantor_core::record::Record;
use grantor_core::request_log::{Entry, Outcome, Owned, Refusal, Ring, Subject};
use grantor_core::secret::CredentialType;

use super::verify::{Genuine, recognise};
use super::{Fault, verify};
use crate::activity::suspects::{Kind, MOST_WAITING, Suspect};
use crate::catalogue::EnvironmentState;
use crate::node::{Actor, Node};
pub use crate::store::load::record::Noticed;

/// Credentials that are looked at in one go.
pub const AT_ONCE: usize = 32;

/// Looks at those who wait, a few at a time. Says whether there may be more.
///
/// # Errors
/// Storage trouble. The request is in the log then as what it seemed to be.
pub async fn look(node: &Node) -> Result<More, Fault> {
    let _one_at_a_time = node.activity.suspects.looking.lock().await;
    for _ in 0..AT_ONCE {
        let Some(suspect) = node.activity.suspects.take() else { return Ok(More::No) };
        let found = find(node, &suspect).await;
        let entry = suspect.entry.clone();
        match found {
            Ok(Some((owner, belongs_to))) => tell(node, &suspect, owner, &belongs_to, entry).await?,
            other => {
                if let Some(named) = suspect.named {
                    node.activity.log.add(named.subject, Ring::Unproven, entry);
                }
                other?;
            }
        }
    }
    Ok(More::Maybe)
}

/// Looks at all who wait now: somebody is about to read. Who comes meanwhile is left to the job.
///
/// # Errors
/// As [`look`].
pub async fn look_at_all(node: &Node) -> Result<(), Fault> {
    for _ in 0..MOST_WAITING.div_ceil(AT_ONCE) {
        if look(node).await? == More::No {
            break;
        }
    }
    Ok(())
}

/// Whether others may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum More {
    /// The queue was empty.
    No,
    /// Perhaps.
    Maybe,
}

/// Whose the credential is, and in which other environment.
async fn find(
    node: &Node,
    suspect: &Suspect,
) -> Result<Option<(Owned, std::sync::Arc<EnvironmentState>)>, Fault> {
    let catalogue = node.catalogue_full();
    for state in &catalogue.environments {
        if state.environment.id == suspect.presented_in {
            continue;
        }
        let owner = match suspect.kind {
            Kind::Secret => secret_owner(node, state, suspect.credential.reveal()).await?,
            Kind::ApiKey | Kind::Token => bearer_owner(node, state, suspect.credential.reveal()).await?,
        };
        if let Some(owner) = owner {
            return Ok(Some((owner, state.clone())));
        }
    }
    Ok(None)
}

/// By the keyed hash with the peppers of that environment; what is found is compared in constant time.
async fn secret_owner(node: &Node, state: &EnvironmentState, secret: &str) -> Result<Option<Owned>, Fault> {
    let peppers = &state.keys.peppers;
    for hash in peppers.candidates(CredentialType::ClientSecret, secret) {
        let found = node.store.secret_owners(state.environment.id, hash.mac).await?;
        let genuine = found
            .into_iter()
            .find(|(_, stored)| peppers.verify(CredentialType::ClientSecret, secret, stored));
        if let Some((owner, _)) = genuine {
            return Ok(Some(owner));
        }
    }
    Ok(None)
}

async fn bearer_owner(
    node: &Node,
    state: &EnvironmentState,
    credential: &str,
) -> Result<Option<Owned>, Fault> {
    match recognise(node, state, credential).await? {
        Err(_) => Ok(None),
        Ok(Genuine::Key(key)) => Ok(Some(Owned::key(&key))),
        Ok(Genuine::Token(claims)) => {
            Ok(verify::app_of(node, state, &claims).await?.map(|app| Owned::app(&app)))
        }
    }
}

/// Notes it in the logs of those who may know, and makes their notices.
async fn tell(
    node: &Node,
    suspect: &Suspect,
    owner: Owned,
    belongs_to: &EnvironmentState,
    entry: Entry,
) -> Result<(), Fault> {
    let told: Vec<Subject> = told(owner, suspect.named).collect();
    let at: UnixMillis = entry.at;
    tracing::info!(
        request_id = entry.request_id,
        belongs_to = %belongs_to.environment.name,
        source = %entry.address,
        reason = suspect.misplaced().name(),
        "a genuine credential came to the wrong environment"
    );
    let error = entry.outcome.refusal.and_then(|refusal| refusal.error);
    let refusal = Refusal { error, reason: suspect.misplaced() };
    let outcome = Outcome { refusal: Some(refusal), ..entry.outcome };
    for subject in &told {
        // Only somebody who holds a genuine credential can cause this entry.
        node.activity.log.add(*subject, Ring::Refused, Entry { outcome, ..entry.clone() });
    }
    if let Some(named) = suspect.named.filter(|named| !told.contains(&named.subject)) {
        node.activity.log.add(named.subject, Ring::Unproven, entry.clone());
    }
    let notice = |subject: &Subject| {
        Write::Record(Record::Notice(Notice {
            subject: *subject,
            presented_in: suspect.presented_in,
            belongs_to: belongs_to.environment.id,
            at,
            address: entry.address,
        }))
    };
    node.commit(&Actor::system(), told.iter().map(notice).collect(), Vec::new()).await
}
