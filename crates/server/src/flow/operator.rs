//! Operators: somebody of the provider's team, or a program of theirs, each with a token of their own.

use grantor_core::decision::{AuditEvent, Write};
use grantor_core::id::OperatorId;
use grantor_core::name::Name;
use grantor_core::permission::OperatorRole;
use grantor_core::secret::{CredentialType, Secret, Stage};

use super::Fault;
use crate::node::{Actor, Node};
pub use crate::store::load::catalogue::StoredOperator;

/// Makes an operator. The token is returned once.
///
/// # Errors
/// [`Fault::Duplicate`] for a name that is or ever was taken: the audit names operators.
pub async fn create(
    node: &Node,
    actor: &Actor,
    name: &Name,
    role: OperatorRole,
) -> Result<(Secret, StoredOperator), Fault> {
    let (secret, made) = node.decide(|env| {
        let secret = Secret::generate(&node.brand, CredentialType::OperatorToken, Stage::Live, env);
        let hash = node.operator_pepper.hash(CredentialType::OperatorToken, secret.reveal());
        let id = OperatorId::generate(env);
        (secret, StoredOperator { id, name: name.to_string(), hash, role, created_at: env.now })
    });
    let write = Write::InsertOperator {
        id: made.id,
        name: made.name.clone(),
        role,
        hash: made.hash,
        at: made.created_at,
    };
    let event = AuditEvent::new("operator.create", made.id.to_string())
        .detail("name", name.as_str())
        .detail("role", role.as_str());
    node.commit(actor, vec![write], vec![event]).await?;
    Ok((secret, made))
}

/// Why an operator was not ended.
#[derive(Debug, thiserror::Error)]
pub enum EndError {
    /// Nobody could do everything any more.
    #[error("the last operator who may do everything cannot be ended")]
    LastAdmin,
    /// Storage trouble, or somebody else was quicker.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Ends an operator: the token opens nothing from now on.
///
/// # Errors
/// See [`EndError`].
pub async fn end(node: &Node, actor: &Actor, operator: &StoredOperator) -> Result<(), EndError> {
    let catalogue = node.catalogue_full();
    let mut others = catalogue.operators.iter().filter(|other| other.id != operator.id);
    if operator.role == OperatorRole::Admin && !others.any(|other| other.role == OperatorRole::Admin) {
        return Err(EndError::LastAdmin);
    }
    let event =
        AuditEvent::new("operator.end", operator.id.to_string()).detail("name", operator.name.as_str());
    Ok(node.commit(actor, vec![Write::EndOperator(operator.id, node.now())], vec![event]).await?)
}
