//! A user: a person in one environment, the tenants that they belong to, and what a log-in has proved.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::email::EmailAddress;
use crate::env::{Env, UnixMillis};
use crate::id::{EnvironmentId, SessionId, TenantId, UserId};
use crate::name::NameError;
use crate::password::PasswordHash;
use crate::tenant::Status;

/// Longest name of a person, in characters.
const MAX_NAME: usize = 200;

/// A person.
#[derive(Clone)]
pub struct User {
    /// Their row, and their public subject identifier.
    pub id: UserId,
    /// Where they live. Nothing crosses environments.
    pub environment: EnvironmentId,
    /// How they sign in.
    pub email: EmailAddress,
    /// When the address was proved to be theirs, or vouched for by the provider's team; `None` until then.
    pub email_verified_at: Option<UnixMillis>,
    /// Their name, if they gave one.
    pub name: Option<String>,
    /// Argon2id, as a PHC string. A user without one cannot sign in with a password.
    pub password: Option<PasswordHash>,
    /// Whether they may act.
    pub status: Status,
    /// Raised by every suspend: tokens from before are dead.
    pub epoch: i64,
    /// When they were made.
    pub created_at: UnixMillis,
    /// When something about them last changed (claim `updated_at`).
    pub updated_at: UnixMillis,
}

/// A user whom the provider's team makes.
pub struct NewUser {
    /// How they sign in.
    pub email: EmailAddress,
    /// Whether the address counts as theirs.
    pub address: Address,
    /// Their name; a blank one is none.
    pub name: Option<String>,
}

/// Whether an address counts as proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// Somebody answers for it.
    Vouched,
    /// Nobody knows yet.
    Unproved,
}

impl User {
    /// A new user of an environment, who cannot sign in with a password yet.
    ///
    /// # Errors
    /// The sentence for the person who makes them.
    pub fn create(new: NewUser, environment: EnvironmentId, env: &mut Env<'_>) -> Result<Self, NameError> {
        let name = new.name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        if name
            .as_ref()
            .is_some_and(|name| name.chars().count() > MAX_NAME || name.chars().any(char::is_control))
        {
            return Err(NameError("a user's name has at most 200 characters and no control characters"));
        }
        Ok(Self {
            id: UserId::generate(env),
            environment,
            email: new.email,
            email_verified_at: (new.address == Address::Vouched).then_some(env.now),
            name,
            password: None,
            status: Status::Active,
            epoch: 0,
            created_at: env.now,
            updated_at: env.now,
        })
    }
}

/// What a member may do for a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything, and makes other owners.
    Owner,
    /// Members, keys, apps.
    Admin,
    /// Apps.
    Developer,
    /// Reads.
    Viewer,
}

/// That a user belongs to a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Who.
    pub user: UserId,
    /// Where.
    pub tenant: TenantId,
    /// As what; never empty.
    pub roles: Vec<Role>,
}

impl Membership {
    /// A membership with each role once.
    ///
    /// # Errors
    /// The sentence for the person who names no role.
    pub fn new(user: UserId, tenant: TenantId, mut roles: Vec<Role>) -> Result<Self, NameError> {
        roles.sort_unstable();
        roles.dedup();
        if roles.is_empty() {
            return Err(NameError("a member has at least one role: owner, admin, developer or viewer"));
        }
        Ok(Self { user, tenant, roles })
    }
}

/// How somebody was authenticated (RFC 8176).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Amr {
    /// By password.
    Pwd,
}

impl fmt::Display for Amr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pwd => "pwd",
        })
    }
}

/// The authentication context class of a password (claim `acr`). The only one that exists yet, and no more than it says.
pub const ACR_PASSWORD: &str = "urn:grantor:acr:password";

/// What a log-in has proved. The flow runs the hash, core judges this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Who.
    pub user: UserId,
    /// The user's epoch then: a suspension in between makes the evidence worthless.
    pub epoch: i64,
    /// When they acted, not when a page was shown (OpenID Connect Core 2, `auth_time`).
    pub auth_time: UnixMillis,
    /// How.
    pub amr: Vec<Amr>,
    /// The browser session that was made of it; `None` until the documents are accepted.
    pub session: Option<SessionId>,
}

impl Evidence {
    /// The authentication context class that this reaches.
    pub fn acr(&self) -> &'static str {
        ACR_PASSWORD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zeros;

    impl crate::env::Random for Zeros {
        fn fill(&mut self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }

    fn create(address: Address, name: Option<&str>) -> Result<User, NameError> {
        let mut rng = Zeros;
        let mut env = Env { now: UnixMillis(7), rng: &mut rng };
        let email = "ann@example.org".parse().unwrap();
        let new = NewUser { email, address, name: name.map(str::to_owned) };
        User::create(new, EnvironmentId::from_bytes([1; 16]), &mut env)
    }

    #[test]
    fn an_address_is_verified_only_where_somebody_answers_for_it() {
        assert_eq!(create(Address::Vouched, None).ok().unwrap().email_verified_at, Some(UnixMillis(7)));
        let unproved = create(Address::Unproved, None).ok().unwrap();
        assert_eq!(unproved.email_verified_at, None);
        assert!(unproved.status.is_active() && unproved.password.is_none());
    }

    #[test]
    fn a_name_is_trimmed_and_a_blank_one_is_none() {
        let name = |name: &str| create(Address::Vouched, Some(name)).map(|user| user.name);
        assert_eq!(name(" Ann ").ok().unwrap().as_deref(), Some("Ann"));
        assert_eq!(name(" \t ").ok().unwrap(), None);
        assert!(name(&"a".repeat(200)).is_ok());
        assert!(name(&"a".repeat(201)).is_err() && name("a\nb").is_err());
    }

    #[test]
    fn a_member_has_each_role_once_and_at_least_one() {
        let (user, tenant) = (UserId::from_bytes([2; 16]), TenantId::from_bytes([3; 16]));
        let roles = |roles: &[Role]| Membership::new(user, tenant, roles.to_vec()).map(|member| member.roles);
        assert_eq!(roles(&[Role::Viewer, Role::Owner, Role::Viewer]).unwrap(), [Role::Owner, Role::Viewer]);
        assert!(roles(&[]).is_err());
    }
}
