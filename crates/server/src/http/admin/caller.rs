//! Who calls, and what they may do here. A [`Caller`] is made in this file alone, and an [`Actor`], which every flow needs,
//! only by naming a [`Right`]: a handler cannot forget to ask.

use std::net::IpAddr;
use std::sync::Arc;

use ::http::HeaderMap;
use ::http::request::Parts;
use axum::extract::FromRequestParts;
use grantor_core::id::TenantId;
use grantor_core::permission::{Maker, OperatorRole, Right, covers, member_has};
use grantor_core::secret::{CredentialType, Spelling};
use grantor_core::user::Role;

use super::Seen;
use super::problem::Problem;
use crate::catalogue::EnvironmentState;
use crate::flow::member::{Member, NoMember, member};
use crate::limits;
use crate::node::{Actor, Node, Once};

/// Somebody with a good credential.
#[derive(Clone)]
pub(super) struct Caller {
    /// The node.
    pub(super) node: Arc<Node>,
    who: Arc<Who>,
    seen: Seen,
    once: Option<Arc<Once>>,
}

enum Who {
    Operator { name: String, role: OperatorRole },
    Member(Member),
}

/// What a flow is called with: somebody who may.
pub(super) struct Granted {
    /// The node.
    pub(super) node: Arc<Node>,
    /// For the audit.
    pub(super) actor: Actor,
}

impl Caller {
    /// Somebody who holds the database and its master key already.
    pub(super) fn trusted(node: Arc<Node>, name: &str, seen: Seen) -> Self {
        let who = Who::Operator { name: name.to_owned(), role: OperatorRole::Admin };
        Self { node, who: Arc::new(who), seen, once: None }
    }

    /// The caller of a bearer token. Nothing else of the request is looked at.
    ///
    /// # Errors
    /// 401, 429; storage trouble.
    pub(super) async fn authenticate(
        node: Arc<Node>,
        (headers, query): (&HeaderMap, Option<&str>),
        seen: Seen,
    ) -> Result<Self, Problem> {
        let source: IpAddr = seen.address.parse().map_err(|_| Problem::unauthorized())?;
        let token = grantor_resource::bearer(headers, query).map_err(|_| Problem::unauthorized())?;
        node.limits.may_try(limits::Who::Operator, source).map_err(Problem::throttled)?;
        let spelled = Spelling::parse(&node.brand, token);
        let who = match spelled {
            Some(spelling) if spelling.kind == CredentialType::OperatorToken => operator(&node, token),
            // No credential of an app, nor a key, nor a sealed token is ever asked further.
            Some(_) => None,
            None => match member(&node, token).await? {
                Ok(member) => Some(Who::Member(member)),
                // Nobody has guessed here.
                Err(NoMember::Refused(_)) => return Err(Problem::invalid_token()),
                Err(NoMember::Unknown) => None,
            },
        };
        let Some(who) = who else {
            node.limits.failed(limits::Who::Operator, source).map_err(Problem::throttled)?;
            return Err(Problem::invalid_token());
        };
        if matches!(who, Who::Operator { .. }) {
            node.limits.proved(limits::Who::Operator, source);
        }
        Ok(Self { node, who: Arc::new(who), seen, once: None })
    }

    /// The same caller with a request that is carried out once.
    pub(super) fn once(&self, once: Arc<Once>) -> Self {
        Self { once: Some(once), ..self.clone() }
    }

    /// A name that nobody else has, for the audit and for what is kept per caller.
    pub(super) fn name(&self) -> String {
        match &*self.who {
            Who::Operator { name, .. } => format!("operator:{name}"),
            Who::Member(member) => format!("member:{}", member.user),
        }
    }

    /// Whether the caller has a right at all: an operator by role, a member by role and by the scope of the token.
    ///
    /// # Errors
    /// 403 with what is missing.
    pub(super) fn holds(&self, right: Right) -> Result<(), Problem> {
        match &*self.who {
            Who::Operator { role, .. } if role.has(right) => Ok(()),
            Who::Operator { role, .. } => {
                Err(Problem::forbidden(format!("An operator of the role {} may not do this.", role.as_str())))
            }
            Who::Member(member) if !member_has(&member.roles, right) => {
                Err(Problem::forbidden("Your role in your organisation does not reach so far."))
            }
            Who::Member(member) if !member.scopes.has(right.scope()) => {
                Err(Problem::insufficient_scope(right))
            }
            Who::Member(_) => Ok(()),
        }
    }

    /// An operator with a right.
    ///
    /// # Errors
    /// 403.
    pub(super) fn operator(&self, right: Right) -> Result<Granted, Problem> {
        self.holds(right)?;
        match &*self.who {
            Who::Operator { .. } => Ok(self.granted()),
            Who::Member(_) => Err(Problem::forbidden("This is for the provider's team.")),
        }
    }

    /// An operator with a right, or a member of this tenant with it.
    ///
    /// # Errors
    /// 404 for a member of another tenant, 403 without the right.
    pub(super) fn in_tenant(&self, tenant: TenantId, right: Right) -> Result<Granted, Problem> {
        if !self.sees(tenant) {
            return Err(Problem::not_found("There is no such tenant."));
        }
        self.holds(right)?;
        Ok(self.granted())
    }

    fn granted(&self) -> Granted {
        let actor = Actor {
            name: self.name(),
            address: self.seen.address.clone(),
            request_id: self.seen.request_id.clone(),
            environment: None,
            once: self.once.clone(),
        };
        Granted { node: self.node.clone(), actor }
    }

    /// The one tenant that the caller sees; `None` for an operator, who sees all.
    pub(super) fn only(&self) -> Option<TenantId> {
        match &*self.who {
            Who::Operator { .. } => None,
            Who::Member(member) => Some(member.tenant),
        }
    }

    /// Whether what belongs to a tenant is there for the caller at all.
    pub(super) fn sees(&self, tenant: TenantId) -> bool {
        self.only().is_none_or(|only| only == tenant)
    }

    /// Who makes what the caller asks for.
    pub(super) fn maker(&self) -> Maker<'_> {
        self.member_roles().map_or(Maker::Provider, Maker::Member)
    }

    /// The roles of a member; `None` for an operator.
    pub(super) fn member_roles(&self) -> Option<&[Role]> {
        match &*self.who {
            Who::Operator { .. } => None,
            Who::Member(member) => Some(&member.roles),
        }
    }

    /// Whether the caller reaches an environment.
    pub(super) fn reaches(&self, state: &EnvironmentState) -> bool {
        match &*self.who {
            Who::Operator { .. } => true,
            Who::Member(member) => covers(member.environment.environment.stage, state.environment.stage),
        }
    }

    /// An environment by name.
    ///
    /// # Errors
    /// 404 where there is none that the caller reaches.
    pub(super) fn environment(&self, name: &str) -> Result<Arc<EnvironmentState>, Problem> {
        let found = self.node.catalogue().environment(name).cloned();
        found.filter(|state| self.reaches(state)).ok_or_else(|| {
            Problem::not_found("There is no such environment. GET /admin/v1/environments lists them.")
        })
    }
}

/// The operator whose token it is.
fn operator(node: &Node, token: &str) -> Option<Who> {
    let catalogue = node.catalogue();
    let found = catalogue
        .operators
        .iter()
        .find(|operator| node.operator_pepper.verify(CredentialType::OperatorToken, token, &operator.hash))?;
    Some(Who::Operator { name: found.name.clone(), role: found.role })
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    /// Who was authenticated before the router looked at the path. A route outside of that has no caller.
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Problem::unauthorized)
    }
}
