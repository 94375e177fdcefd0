//! What credentials were last used for: those uses that wait to be written before those that are stored.

use grantor_core::api_key::ApiKey;
use grantor_core::app::App;
use grantor_core::env::UnixMillis;
use grantor_core::id::{ApiKeyId, EnvironmentId, TenantId};
use grantor_core::record::Used;
use grantor_core::request_log::Subject;

use super::view::{LastUse, Secret};
use crate::flow::Fault;
use crate::moment::Moment;
use crate::node::Node;

/// Last uses of some credentials.
pub(super) struct Uses(Vec<Use>);

struct Use {
    credential: Used,
    at: UnixMillis,
    address: Option<String>,
}

impl Uses {
    /// The last use of a key.
    pub(super) fn of_key(&self, id: ApiKeyId) -> LastUse {
        self.of(|used| used == Used::Key(id))
    }

    fn of(&self, is: impl Fn(Used) -> bool) -> LastUse {
        let found = self.0.iter().find(|used| is(used.credential));
        LastUse::new(found.map(|used| Moment(used.at)), found.and_then(|used| used.address.clone()))
    }
}

/// The versions of an app's secret with their last uses, oldest version first.
pub(super) async fn secrets(node: &Node, app: &App) -> Result<Vec<Secret>, Fault> {
    let uses = of_secrets(node, app).await?;
    let now = node.now();
    let versions = app.secrets.iter().map(|version| {
        let last = uses.of(|used| matches!(used, Used::Secret(_, known) if known == version.version));
        Secret::of(version, now).used(last)
    });
    Ok(versions.collect())
}

async fn of_secrets(node: &Node, app: &App) -> Result<Uses, Fault> {
    let stored = node.store.last_uses(Subject::App(app.id)).await?;
    let used = |version| Used::Secret(app.id, version);
    let mut all = waiting_uses(node, app.secrets.iter().map(|secret| used(secret.version)));
    all.extend(stored.into_iter().map(|stored| Use {
        credential: used(stored.version),
        at: stored.at,
        address: stored.address,
    }));
    Ok(Uses(all))
}

/// The last uses of a page of the keys of all tenants or of one, in order of their ids.
pub(super) async fn of_keys(
    node: &Node,
    (environment, tenant): (EnvironmentId, Option<TenantId>),
    keys: &[ApiKey],
) -> Result<Uses, Fault> {
    let mut all = waiting_uses(node, keys.iter().map(|key| Used::Key(key.id)));
    let stored = match keys {
        [] => Vec::new(),
        [key] => node.store.last_uses(Subject::Key(key.id)).await?,
        [first, ..] => {
            let before = u128::from_be_bytes(first.id.bytes()).saturating_sub(1).to_be_bytes();
            let count = i64::try_from(keys.len()).unwrap_or(i64::MAX);
            node.store.last_uses_of_keys(environment, tenant, before, count).await?
        }
    };
    all.extend(stored.into_iter().map(|stored| Use {
        credential: Used::Key(ApiKeyId::from_bytes(stored.subject)),
        at: stored.at,
        address: stored.address,
    }));
    Ok(Uses(all))
}

fn waiting_uses(node: &Node, credentials: impl Iterator<Item = Used>) -> Vec<Use> {
    let waiting = credentials.filter_map(|used| node.activity.uses.of(used));
    waiting
        .map(|used| Use {
            credential: used.credential,
            at: used.at,
            address: used.address.map(|address| address.to_string()),
        })
        .collect()
}
