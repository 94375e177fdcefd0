//! Who may do what at the admin API: operators by their role, members of a tenant by theirs. A table, read by a test.
//!
//! A member acts for one tenant, the one that their token names, and in the environments that their own one covers: a log-in
//! at a live environment reaches test environments too, never the other way round.

use serde::{Deserialize, Serialize};

use crate::secret::Stage;
use crate::user::Role;

/// Something that can be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// See environments, APIs and profiles.
    ReadCatalogue,
    /// Change environments, APIs, profiles, documents, signing keys.
    ManageInstallation,
    /// Make and end operators' tokens.
    ManageOperators,
    /// See the audit and the state of the whole installation.
    ReadInstallation,
    /// See a tenant with everything that belongs to it.
    ReadTenant,
    /// Make, rename, suspend, resume and close tenants, users, accesses; decide applications, record contracts, answer
    /// cases, inspect and revoke single tokens.
    ManagePartners,
    /// Apply for access to an API.
    ApplyForAccess,
    /// Make and change apps and their secrets.
    ManageApps,
    /// Make, rotate, narrow and revoke API keys.
    ManageKeys,
    /// Give members of the tenant roles, and end memberships.
    ManageMembers,
    /// Accept documents in the tenant's name.
    AcceptDocuments,
    /// Ask the provider's team for something.
    OpenCases,
    /// Have events sent to an address.
    ManageWebhooks,
}

impl Right {
    /// Every right.
    pub const ALL: [Self; 13] = [
        Self::ReadCatalogue,
        Self::ManageInstallation,
        Self::ManageOperators,
        Self::ReadInstallation,
        Self::ReadTenant,
        Self::ManagePartners,
        Self::ApplyForAccess,
        Self::ManageApps,
        Self::ManageKeys,
        Self::ManageMembers,
        Self::AcceptDocuments,
        Self::OpenCases,
        Self::ManageWebhooks,
    ];

    /// Whether it changes nothing.
    pub fn only_reads(self) -> bool {
        matches!(self, Self::ReadCatalogue | Self::ReadInstallation | Self::ReadTenant)
    }

    /// The scope that a member's token needs for it (RFC 6750 3.1).
    pub fn scope(self) -> &'static str {
        if self.only_reads() { READ_SCOPE } else { MANAGE_SCOPE }
    }
}

/// Lets an app see what the member may see.
pub const READ_SCOPE: &str = "tenant:read";
/// Lets an app do what the member may do.
pub const MANAGE_SCOPE: &str = "tenant:manage";

/// Both, with the words of the page on which a member allows an app to act.
pub const SCOPES: [(&str, &str); 2] = [
    (READ_SCOPE, "See your organisation: its apps, keys, members and accesses"),
    (MANAGE_SCOPE, "Manage your organisation, as far as you may yourself"),
];

/// What an operator's token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OperatorRole {
    /// Everything.
    #[default]
    Admin,
    /// Everything that concerns partners and users, nothing of the installation itself.
    Support,
    /// Reads. Secrets are in no read.
    Auditor,
}

impl OperatorRole {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Admin, Self::Support, Self::Auditor];

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Support => "support",
            Self::Auditor => "auditor",
        }
    }

    /// The role that is stored under this text.
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// Whether an operator of this role has a right.
    pub fn has(self, right: Right) -> bool {
        match self {
            Self::Admin => true,
            Self::Support => !matches!(right, Right::ManageInstallation | Right::ManageOperators),
            Self::Auditor => right.only_reads(),
        }
    }
}

/// Whether a member with these roles has a right within their tenant. Absent never means allowed.
pub fn member_has(roles: &[Role], right: Right) -> bool {
    roles.iter().any(|role| match right {
        Right::ReadCatalogue | Right::ReadTenant => true,
        Right::ManageApps | Right::OpenCases => {
            matches!(role, Role::Owner | Role::Admin | Role::Developer)
        }
        Right::ApplyForAccess
        | Right::ManageKeys
        | Right::ManageMembers
        | Right::AcceptDocuments
        | Right::ManageWebhooks => {
            matches!(role, Role::Owner | Role::Admin)
        }
        Right::ManageInstallation
        | Right::ManageOperators
        | Right::ReadInstallation
        | Right::ManagePartners => false,
    })
}

/// Whether a member may give a role, or take it: only owners make owners, nobody reaches beyond their own role.
pub fn may_give(own: &[Role], given: &[Role]) -> bool {
    let Some(highest) = own.iter().min() else { return false };
    member_has(own, Right::ManageMembers) && given.iter().all(|role| role >= highest)
}

/// Whether somebody who signed in at an environment of one stage acts in an environment of another.
pub fn covers(signed_in_at: Stage, acts_in: Stage) -> bool {
    signed_in_at == acts_in || signed_in_at == Stage::Live
}

/// Who makes something for a tenant.
#[derive(Debug, Clone, Copy)]
pub enum Maker<'a> {
    /// The provider's team, on the tenant's behalf. Visible in the audit as such.
    Provider,
    /// A member of the tenant, with these roles.
    Member(&'a [Role]),
}

impl Maker<'_> {
    /// Whether the provider vouches for it, or an owner or admin of the tenant.
    pub fn is_administrator(&self) -> bool {
        match self {
            Self::Provider => true,
            Self::Member(roles) => roles.iter().any(|role| matches!(role, Role::Owner | Role::Admin)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gives_a_role_above_their_own() {
        assert!(may_give(&[Role::Owner], &[Role::Owner]));
        assert!(may_give(&[Role::Admin], &[Role::Admin, Role::Viewer]));
        assert!(!may_give(&[Role::Admin], &[Role::Owner]));
        assert!(!may_give(&[Role::Admin], &[Role::Viewer, Role::Owner]));
        assert!(!may_give(&[Role::Developer], &[Role::Viewer]));
        assert!(!may_give(&[], &[Role::Viewer]));
    }

    #[test]
    fn a_member_has_nothing_beyond_the_tenant_whatever_the_role() {
        let all = [Role::Owner, Role::Admin, Role::Developer, Role::Viewer];
        for right in [
            Right::ManageInstallation,
            Right::ManageOperators,
            Right::ReadInstallation,
            Right::ManagePartners,
        ] {
            assert!(!member_has(&all, right), "{right:?}");
        }
        assert!(Right::ALL.into_iter().all(|right| !member_has(&[], right)));
    }

    #[test]
    fn a_viewer_and_an_auditor_change_nothing() {
        for right in Right::ALL.into_iter().filter(|right| !right.only_reads()) {
            assert!(!member_has(&[Role::Viewer], right), "{right:?}");
            assert!(!OperatorRole::Auditor.has(right), "{right:?}");
        }
    }

    /// Spelled a second time, so that no role gains or loses a right unseen.
    #[test]
    fn k04_the_rights_of_every_role_are_these() {
        let (support, auditor, developer, administrator, viewer) = (1, 2, 4, 8, 16);
        let expected = |right: Right| match right {
            Right::ReadCatalogue | Right::ReadTenant => {
                support | auditor | viewer | developer | administrator
            }
            Right::ReadInstallation => support | auditor,
            Right::ManageInstallation | Right::ManageOperators => 0,
            Right::ManagePartners => support,
            Right::ManageApps | Right::OpenCases => support | developer | administrator,
            Right::ApplyForAccess
            | Right::ManageKeys
            | Right::ManageMembers
            | Right::AcceptDocuments
            | Right::ManageWebhooks => support | administrator,
        };
        for right in Right::ALL {
            let operator = |role: OperatorRole, bit| u8::from(role.has(right)) * bit;
            let member = |role: Role, bit| u8::from(member_has(&[role], right)) * bit;
            let found = operator(OperatorRole::Support, support)
                | operator(OperatorRole::Auditor, auditor)
                | member(Role::Developer, developer)
                | member(Role::Admin, administrator)
                | member(Role::Viewer, viewer);
            assert_eq!(found, expected(right), "{right:?}");
            assert!(OperatorRole::Admin.has(right), "{right:?}");
            assert_eq!(member_has(&[Role::Owner], right), member_has(&[Role::Admin], right), "{right:?}");
        }
    }

    #[test]
    fn a_test_log_in_reaches_nothing_live() {
        assert!(covers(Stage::Live, Stage::Test));
        assert!(!covers(Stage::Test, Stage::Live));
    }
}
