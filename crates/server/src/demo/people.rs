//! The people of the demo. The manifest makes them; here they get the passwords that are shown, and their acceptances of
//! the documents are recorded, so that apps work for them at once. Whoever signs up reads and accepts for themselves.

use std::collections::BTreeSet;

use anyhow::Context as _;
use grantor_core::name::Name;
use grantor_core::profile::GrantType;
use grantor_core::user::Role;
use zeroize::Zeroizing;

use super::admin::{Admin, KnownAcceptance, NewAcceptance};
use super::folder::{Folder, Passwords};
use crate::manifest::{AppEntry, DocumentEntry, Manifest, UserEntry};

/// What stands as evidence of the recorded acceptances.
const EVIDENCE: &str = "recorded at the start of the demo";

/// Somebody who can sign in, in every environment of theirs with the same password. No `Debug`.
pub(super) struct ShownUser {
    /// What they are, in the words of the demo's contract.
    pub(super) role: &'static str,
    /// Their address.
    pub(super) email: String,
    /// Their password.
    pub(super) password: Zeroizing<String>,
}

/// Makes everybody ready to sign in. A password that is kept has been set, in every environment: it is kept last.
///
/// # Errors
/// What the admin API says, and what the file system refuses.
pub(super) async fn make(
    admin: &Admin,
    manifest: &Manifest,
    folder: &Folder,
) -> anyhow::Result<Vec<ShownUser>> {
    let kept = folder.passwords()?;
    let mut users = Vec::new();
    for user in &manifest.users {
        let email = user.email.as_str();
        let mut known = kept.get(email).cloned();
        let is_new = known.is_none();
        for environment in &user.environments {
            if is_new {
                known = Some(admin.set_password(environment.as_str(), email, known.as_ref()).await?);
            }
            let recorded = admin.acceptances(environment.as_str(), email).await?;
            let wanted = acceptances(manifest, environment).into_iter();
            for missing in wanted.filter(|wanted| !recorded.iter().any(|known| wanted.is(known))) {
                admin.accept(environment.as_str(), email, &missing).await?;
            }
        }
        let password = known.with_context(|| format!("{email} is in no environment"))?;
        users.push(ShownUser { role: role(user), email: email.to_owned(), password });
    }
    let all: Passwords = users.iter().map(|user| (user.email.clone(), user.password.clone())).collect();
    if all != kept {
        folder.keep_passwords(&all)?;
    }
    Ok(users)
}

/// Accepts what is open in the name of every tenant of the manifest: what apps and keys do without a user stands on that.
///
/// # Errors
/// What the admin API says.
pub(super) async fn accept_for_tenants(admin: &Admin, manifest: &Manifest) -> anyhow::Result<()> {
    for tenant in &manifest.tenants {
        for open in admin.open_for(tenant.name.as_str()).await? {
            admin.accept_for(tenant.name.as_str(), &open, EVIDENCE).await?;
        }
    }
    Ok(())
}

/// Whoever administers a tenant, and everybody else.
fn role(user: &UserEntry) -> &'static str {
    let mut roles = user.memberships.iter().flat_map(|membership| &membership.roles);
    if roles.any(|role| matches!(role, Role::Owner | Role::Admin)) { "tenant_admin" } else { "end_user" }
}

/// What somebody must have accepted to use every app of an environment: the newest version of each document, for each
/// tenant that signs users in there, and for a sign-in that belongs to none.
fn acceptances(manifest: &Manifest, environment: &Name) -> Vec<NewAcceptance> {
    let has_users = |app: &&AppEntry| {
        let by_password = app.grants.iter().flatten().any(|grant| *grant == GrantType::Password);
        app.environments.contains(environment) && (by_password || !app.redirect_uris.is_empty())
    };
    let apps = manifest.apps.iter().filter(has_users);
    let tenants: BTreeSet<Option<&Name>> = apps.map(|app| Some(&app.tenant)).chain([None]).collect();
    let concerns = |document: &DocumentEntry, tenant: Option<&Name>| {
        document.tenant.is_none() || document.tenant.as_ref() == tenant
    };
    let mut wanted = Vec::new();
    for tenant in tenants {
        for document in manifest.documents.iter().filter(|document| concerns(document, tenant)) {
            let Some(newest) = document.versions.iter().map(|version| version.number).max() else { continue };
            wanted.push(NewAcceptance {
                document: document.kind.to_string(),
                tenant: tenant.map(Name::to_string),
                version: newest,
                evidence: EVIDENCE,
            });
        }
    }
    wanted
}

impl NewAcceptance {
    /// Whether this one has been recorded.
    fn is(&self, known: &KnownAcceptance) -> bool {
        known.document == self.document && known.tenant == self.tenant && known.version == self.version
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::embedded::FILES;
    use super::super::landscape::Landscape;
    use super::*;

    /// Everybody of a manifest, with the password `password-of-ADDRESS`.
    pub(in crate::demo) fn fake(manifest: &Manifest) -> Vec<ShownUser> {
        let user = |user: &UserEntry| ShownUser {
            role: role(user),
            email: user.email.to_string(),
            password: Zeroizing::new(format!("password-of-{}", user.email)),
        };
        manifest.users.iter().map(user).collect()
    }

    fn manifest() -> Manifest {
        Landscape::read(FILES, "127.0.0.1:8080".parse().unwrap()).unwrap().manifest
    }

    #[test]
    fn there_is_one_administrator_and_one_end_user_and_both_are_everywhere() {
        let manifest = manifest();
        let roles: Vec<_> = manifest.users.iter().map(role).collect();
        assert_eq!(roles, ["tenant_admin", "end_user"]);
        let everywhere: Vec<_> = manifest.environments.iter().map(|one| one.name.clone()).collect();
        assert!(manifest.users.iter().all(|user| user.environments == everywhere));
    }

    #[test]
    fn everything_that_the_apps_ask_for_is_accepted_for_their_tenant_and_for_none() {
        let wanted = acceptances(&manifest(), &"sandbox".parse().unwrap());
        let told: Vec<_> =
            wanted.iter().map(|one| (one.document.as_str(), one.tenant.as_deref(), one.version)).collect();
        let both = |tenant| [("terms", tenant, 1), ("data-protection", tenant, 1)];
        assert_eq!(told, [both(None), both(Some("acme"))].concat());
    }
}
