//! The people of a manifest: users, and where they belong.

use std::collections::{BTreeMap, HashSet};

use grantor_core::decision::Write;
use grantor_core::tenant::Status;
use grantor_core::user::{Address, Membership, NewUser, Role, User};
use serde::Serialize;

use super::partners::tenant_named;
use super::{ApplyError, World, environment_named};
use crate::flow::plan::{self, ManifestError};
use crate::manifest::{Manifest, UserEntry};
use crate::node::Node;

/// A user as compared and shown.
#[derive(Serialize)]
struct View<'a> {
    name: Option<&'a str>,
    #[serde(flatten)]
    memberships: BTreeMap<String, Vec<Role>>,
}

pub(super) async fn users(node: &Node, manifest: &Manifest, world: &mut World) -> Result<(), ApplyError> {
    let mut seen = HashSet::new();
    for entry in &manifest.users {
        for name in &entry.environments {
            let environment = environment_named(&world.environments, name)?.clone();
            let refuse =
                |why: &dyn std::fmt::Display| ManifestError(format!("user {} in {name}: {why}", entry.email));
            if !seen.insert((environment.id, entry.email.key())) {
                return Err(refuse(&"it stands in the manifest twice; bring its memberships together").into());
            }
            let old = node.store.user_by_email(environment.id, entry.email.key()).await?;
            if old.as_ref().is_some_and(|old| old.status == Status::Closed) {
                return Err(refuse(&"this address belonged to a user who was closed").into());
            }
            let user = match &old {
                Some(old) => old.clone(),
                None => node
                    .decide(|env| User::create(vouched(entry), environment.id, env))
                    .map_err(|why| refuse(&why))?,
            };
            let stored = match &old {
                Some(old) => node.store.memberships(old.id).await?,
                None => Vec::new(),
            };
            let mut writes: Vec<Write> =
                old.is_none().then(|| Write::InsertUser(Box::new(user.clone()))).into_iter().collect();
            let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
            for wanted in &entry.memberships {
                let tenant = tenant_named(node, world, &wanted.tenant).await?;
                let label = format!("member of {}", tenant.name);
                let new =
                    Membership::new(user.id, tenant.id, wanted.roles.clone()).map_err(|why| refuse(&why))?;
                let had = stored.iter().find(|membership| membership.tenant == tenant.id);
                if let Some(had) = had {
                    before.insert(label.clone(), had.roles.clone());
                }
                if after.insert(label, new.roles.clone()).is_some() {
                    return Err(
                        refuse(&format!("tenant {} stands in its memberships twice", tenant.name)).into()
                    );
                }
                if had != Some(&new) {
                    writes.push(Write::PutMembership(new));
                }
            }
            let view = |memberships| View { name: user.name.as_deref(), memberships };
            let old_view = old.is_some().then(|| view(before));
            let new_view = view(after);
            world
                .plan
                .note("user", plan::within(name, &entry.email), old_view.as_ref(), &new_view, || writes);
        }
    }
    Ok(())
}

/// Whoever applies a manifest answers for the address; a password is never part of one.
fn vouched(entry: &UserEntry) -> NewUser {
    NewUser { email: entry.email.clone(), address: Address::Vouched, name: entry.name.clone() }
}
