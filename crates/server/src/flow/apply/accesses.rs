//! What tenants may do with APIs, as a manifest says it. A new access is approved by whoever applies the manifest; where one
//! stands already, its status stays.

use grantor_core::access::Access;
use grantor_core::decision::{Concern, Write};
use grantor_core::id::AccessStepId;
use grantor_core::onboarding::{AccessStep, Step};

use super::partners::tenant_named;
use super::{ApplyError, World, api_named, environment_named};
use crate::flow::plan::{self, AccessView};
use crate::manifest::{AccessEntry, Manifest};
use crate::node::Node;

pub(super) async fn accesses(
    node: &Node,
    manifest: &Manifest,
    world: &mut World,
) -> Result<Vec<Access>, ApplyError> {
    let mut planned: Vec<Access> = Vec::new();
    for entry in &manifest.accesses {
        let tenant = tenant_named(node, world, &entry.tenant).await?;
        let stored = node.store.accesses(tenant.id).await?;
        for environment in &entry.environments {
            let environment = environment_named(&world.environments, environment)?.clone();
            for name in &entry.apis {
                let api = api_named(&world.apis, &environment, name)?.clone();
                let old = planned
                    .iter()
                    .chain(&stored)
                    .find(|access| access.tenant == tenant.id && access.api == api.id)
                    .cloned();
                let mut new = plan::access(entry, &tenant, &api, &environment, old.as_ref())?;
                new.contract = plan::contract_of(entry, old.as_ref(), node.now())?;
                let view = old.as_ref().map(AccessView::from);
                let writes = writes(node, entry, old.as_ref(), &new, &world.by);
                let name = plan::within(&environment.name, format!("{}/{name}", tenant.name));
                let noted =
                    world.plan.note("access", name, view.as_ref(), &AccessView::from(&new), || writes);
                noted.concerns(Concern::Tenant(tenant.id), Some(environment.id));
                planned.retain(|access| (access.tenant, access.api) != (new.tenant, new.api));
                planned.push(new);
            }
        }
        let others: Vec<Access> = stored
            .into_iter()
            .filter(|old| !planned.iter().any(|new| (new.tenant, new.api) == (old.tenant, old.api)))
            .collect();
        planned.extend(others);
    }
    Ok(planned)
}

/// The access, and what its history says of it.
fn writes(node: &Node, entry: &AccessEntry, old: Option<&Access>, new: &Access, by: &str) -> Vec<Write> {
    let step = |step: Step| {
        let evidence = match step {
            Step::RecordContract => new.contract.as_ref().map(|contract| contract.sha256.clone()),
            _ => None,
        };
        Write::NoteAccessStep(Box::new(node.decide(|env| AccessStep {
            id: AccessStepId::generate(env),
            tenant: new.tenant,
            api: new.api,
            step,
            at: env.now,
            by: by.to_owned(),
            comment: "By manifest.".to_owned(),
            evidence,
        })))
    };
    let mut writes = match old {
        Some(_) => vec![Write::ChangeAccess(new.clone())],
        None => vec![Write::InsertAccess(new.clone(), node.now()), step(Step::Approve)],
    };
    let recorded = old.and_then(|old| old.contract.as_ref());
    if let Some(contract) = new.contract.as_ref().filter(|new| Some(*new) != recorded) {
        // It stands in a new row already.
        if old.is_some() && entry.contract.is_some() {
            writes.push(Write::RecordContract(new.tenant, new.api, contract.clone()));
        }
        writes.push(step(Step::RecordContract));
    }
    writes
}
