//! Webhooks: who wants to hear of what. How a message is signed, tried again and given up stands in the files beside.

pub mod attempt;
pub mod delivery;
pub mod event;
pub mod secret;
pub mod write;

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use crate::audit_event::Concern;
use crate::env::UnixMillis;
use crate::id::{EnvironmentId, TenantId, WebhookId};
use crate::tenant::Status;

/// Most webhooks of one owner in an environment: each event is written once for every one that hears of it.
pub const MOST_OF_ONE_OWNER: usize = 10;

/// An address that wants to hear of events in one environment. Its secret is stored apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its row.
    pub id: WebhookId,
    /// Where.
    pub environment: EnvironmentId,
    /// Whose; `None` for the operators', which hears of every tenant.
    pub tenant: Option<TenantId>,
    /// Where messages go. The guarded client judges it again whenever it is used, for its rules may have changed.
    pub url: String,
    /// What it is for, for people.
    pub description: String,
    /// Which events.
    pub topics: Topics,
    /// Whether messages are sent. `Closed` is never stored: what is deleted is gone.
    pub status: Status,
    /// Raised by every change that a person makes.
    pub version: i64,
    /// Since when every attempt has failed.
    pub failing_since: Option<UnixMillis>,
    /// When it was made.
    pub created_at: UnixMillis,
}

/// Which events a webhook hears of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeSet<String>", into = "BTreeSet<String>")]
pub enum Topics {
    /// All, those of later releases too.
    All,
    /// Those with exactly these names.
    Only(BTreeSet<String>),
}

/// Why a list of events was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicsError {
    /// Nothing would ever be sent.
    #[error("name at least one event, or \"*\" for all")]
    Empty,
    /// All and some contradict each other.
    #[error("\"*\" stands for all events, so it stands alone")]
    AllAndSome,
    /// A name of the list is no event.
    #[error("there is no event {0:?}")]
    Unknown(String),
}

/// How all events are written.
const ALL: &str = "*";

impl Topics {
    /// Reads a list of names as a person gives it.
    ///
    /// # Errors
    /// See [`TopicsError`].
    pub fn parse(names: &[String]) -> Result<Self, TopicsError> {
        match names {
            [] => return Err(TopicsError::Empty),
            [one] if one == ALL => return Ok(Self::All),
            _ if names.iter().any(|name| name == ALL) => return Err(TopicsError::AllAndSome),
            _ => {}
        }
        match names.iter().find(|name| !event::names().any(|known| known == name.as_str())) {
            Some(unknown) => Err(TopicsError::Unknown(unknown.clone())),
            None => Ok(Self::Only(names.iter().cloned().collect())),
        }
    }

    /// Whether an event of this name is among them.
    pub fn hear_of(&self, event: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(event),
        }
    }
}

/// What is stored is not judged anew: a name that a later release no longer knows is never sent, and breaks nothing.
impl From<BTreeSet<String>> for Topics {
    fn from(names: BTreeSet<String>) -> Self {
        if names.contains(ALL) { Self::All } else { Self::Only(names) }
    }
}

impl From<Topics> for BTreeSet<String> {
    fn from(topics: Topics) -> Self {
        match topics {
            Topics::All => Self::from([ALL.to_owned()]),
            Topics::Only(names) => names,
        }
    }
}

/// The active webhooks by owner, held in memory: whether anybody hears of an event costs no read.
#[derive(Debug, Default)]
pub struct Subscriptions {
    by_owner: HashMap<Option<TenantId>, Vec<Webhook>>,
}

impl Subscriptions {
    /// Those of these webhooks that are active.
    pub fn of(webhooks: Vec<Webhook>) -> Self {
        let mut by_owner: HashMap<_, Vec<_>> = HashMap::new();
        for webhook in webhooks.into_iter().filter(|webhook| webhook.status.is_active()) {
            by_owner.entry(webhook.tenant).or_default().push(webhook);
        }
        Self { by_owner }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_owner.is_empty()
    }

    /// Who hears of an event. What happens to a tenant as a whole is heard in all its environments. Nobody hears of another
    /// tenant; the operators hear of all.
    pub fn hearing(
        &self,
        event: &str,
        concerns: Concern,
        environment: Option<EnvironmentId>,
    ) -> Vec<WebhookId> {
        let hears = |webhook: &&Webhook| {
            environment.is_none_or(|place| place == webhook.environment) && webhook.topics.hear_of(event)
        };
        let of = |owner: Option<TenantId>| self.by_owner.get(&owner).into_iter().flatten();
        match concerns {
            Concern::Nobody => Vec::new(),
            Concern::Tenant(tenant) => {
                of(Some(tenant)).chain(of(None)).filter(hears).map(|webhook| webhook.id).collect()
            }
            Concern::EveryTenant => {
                self.by_owner.values().flatten().filter(hears).map(|webhook| webhook.id).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(number: u8, tenant: Option<u8>, environment: u8, topics: Topics) -> Webhook {
        Webhook {
            id: WebhookId::from_bytes([number; 16]),
            environment: EnvironmentId::from_bytes([environment; 16]),
            tenant: tenant.map(|tenant| TenantId::from_bytes([tenant; 16])),
            url: "https://hooks.example/".to_owned(),
            description: String::new(),
            topics,
            status: Status::Active,
            version: 1,
            failing_since: None,
            created_at: UnixMillis(0),
        }
    }

    fn only(name: &str) -> Topics {
        Topics::parse(&[name.to_owned()]).unwrap()
    }

    fn heard(all: Vec<Webhook>, event: &str, concerns: Concern, environment: Option<u8>) -> Vec<u8> {
        let environment = environment.map(|number| EnvironmentId::from_bytes([number; 16]));
        let mut found = Subscriptions::of(all).hearing(event, concerns, environment);
        found.sort();
        found.iter().map(|id| id.bytes()[0]).collect()
    }

    #[test]
    fn a_tenant_hears_of_itself_in_its_environment_and_the_operators_hear_of_all() {
        let all = || {
            vec![
                webhook(1, Some(1), 1, Topics::All),
                webhook(2, Some(2), 1, Topics::All),
                webhook(3, Some(1), 2, Topics::All),
                webhook(4, None, 1, Topics::All),
                webhook(5, Some(1), 1, only("app.created")),
                Webhook { status: Status::Suspended, ..webhook(6, Some(1), 1, Topics::All) },
            ]
        };
        let of = |tenant: u8| Concern::Tenant(TenantId::from_bytes([tenant; 16]));
        assert_eq!(heard(all(), "key.revoked", of(1), Some(1)), [1, 4]);
        assert_eq!(heard(all(), "app.created", of(1), Some(1)), [1, 4, 5]);
        assert_eq!(heard(all(), "key.revoked", of(1), Some(2)), [3]);
        assert_eq!(heard(all(), "key.revoked", of(2), Some(1)), [2, 4]);
        assert_eq!(heard(all(), "tenant.suspended", of(1), None), [1, 3, 4], "a tenant spans environments");
        assert_eq!(heard(all(), "document.published", Concern::EveryTenant, None), [1, 2, 3, 4]);
        assert!(heard(all(), "key.revoked", Concern::Nobody, Some(1)).is_empty());
    }

    #[test]
    fn topics_are_names_that_exist_or_all_of_them() {
        let parse =
            |names: &[&str]| Topics::parse(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(parse(&["*"]), Ok(Topics::All));
        assert!(parse(&["app.created"]).unwrap().hear_of("app.created"));
        assert!(!parse(&["app.created"]).unwrap().hear_of("app.create"));
        assert_eq!(parse(&[]), Err(TopicsError::Empty));
        assert_eq!(parse(&["*", "app.created"]), Err(TopicsError::AllAndSome));
        assert_eq!(parse(&["app.*"]), Err(TopicsError::Unknown("app.*".to_owned())));
    }

    #[test]
    fn stored_topics_come_back_as_they_were() {
        for topics in [Topics::All, only("app.created")] {
            let text = serde_json::to_string(&topics).unwrap();
            assert_eq!(serde_json::from_str::<Topics>(&text).unwrap(), topics, "{text}");
        }
        let gone = serde_json::from_str::<Topics>("[\"event.of_yesterday\"]").unwrap();
        assert!(!gone.hear_of("app.created"));
    }
}
