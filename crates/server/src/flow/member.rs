//! A member of a tenant at the admin API: a user's access token for it, and what that user is to the tenant now.
//!
//! The tenant is the token's and nothing else; membership and roles are read for every request, so that whoever has left is
//! out at once. An app's own token has no user and opens nothing, nor does an API key.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_core::error::Reason;
use grantor_core::id::{TenantId, UserId};
use grantor_core::scope::ScopeSet;
use grantor_core::user::Role;
use serde::Deserialize;

use super::Fault;
use super::verify::recognise;
use crate::catalogue::EnvironmentState;
use crate::node::Node;

/// Somebody who acts for their tenant.
pub struct Member {
    /// Who.
    pub user: UserId,
    /// Where they have signed in.
    pub environment: Arc<EnvironmentState>,
    /// For whom they act.
    pub tenant: TenantId,
    /// What they are there; never empty.
    pub roles: Vec<Role>,
    /// What they have let the app do.
    pub scopes: ScopeSet,
}

/// Why a token opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoMember {
    /// Nobody has issued it: a guess.
    Unknown,
    /// It was issued, and is not good for this, or not any more.
    Refused(Reason),
}

/// The member behind a token.
///
/// # Errors
/// Storage trouble.
pub async fn member(node: &Node, token: &str) -> Result<Result<Member, NoMember>, Fault> {
    let catalogue = node.catalogue_full();
    // The issuer only says which keys to ask; it is believed when one of them has signed.
    let found = issuer(token).and_then(|issuer| {
        catalogue.environments.iter().find(|state| state.environment.issuer.as_str() == issuer)
    });
    let Some(state) = found else { return Ok(Err(NoMember::Unknown)) };
    let Ok(genuine) = recognise(node, state, token).await? else { return Ok(Err(NoMember::Unknown)) };
    let good = match genuine.judge(node, state, &state.management, None).await? {
        Ok(good) => good,
        Err(unfit) => return Ok(Err(NoMember::Refused(unfit.reason))),
    };
    let Some((_, grant, user)) = good.user() else {
        return Ok(Err(NoMember::Refused(Reason::NotAUserToken)));
    };
    let memberships = node.store.memberships(user.id).await?;
    let Some(membership) = memberships.into_iter().find(|member| member.tenant == grant.tenant) else {
        return Ok(Err(NoMember::Refused(Reason::NoTenant)));
    };
    let Ok(scopes) = ScopeSet::parse(&good.scope(&state.management)) else {
        return Ok(Err(NoMember::Refused(Reason::MalformedScope)));
    };
    Ok(Ok(Member {
        user: user.id,
        environment: state.clone(),
        tenant: membership.tenant,
        roles: membership.roles,
        scopes,
    }))
}

/// The claim `iss` of a JWT, believed by nobody yet.
fn issuer(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        iss: String,
    }
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    Some(serde_json::from_slice::<Claims>(&payload).ok()?.iss)
}
