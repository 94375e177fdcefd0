//! Who belongs to a tenant, and as what. A member gives no role above their own, and takes none (security case K05).

use std::sync::Arc;

use axum::extract::Path;
use grantor_core::permission::{Right, may_give};
use grantor_core::tenant::Tenant;
use grantor_core::user::{Membership, Role, User};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::answer::{Gone, Shown};
use super::body::{Body, given, unchanged};
use super::caller::{Caller, Granted};
use super::problem::Problem;
use super::schema::MemberRoleText;
use super::table::Table;
use super::{tenants, users, view};
use crate::catalogue::EnvironmentState;
use crate::flow::user;

pub(super) fn routes(table: &mut Table) {
    table.tag("Memberships", "Who belongs to a tenant, and as what.");
    const PATH: &str = "/environments/{environment}/users/{user}/memberships/{tenant}";
    table.get(PATH, Right::ReadTenant, show).says("Show a membership", "");
    table.put(PATH, Right::ManageMembers, put).says(
        "Make somebody a member, or give other roles",
        "An operator makes any user a member. A member gives other members roles, none above their own.",
    );
    table
        .delete(PATH, Right::ManageMembers, remove)
        .says("End a membership", "What the user has allowed for the tenant ends with it.");
}

/// The roles of a member.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PutMembership {
    #[schema(value_type = Vec<MemberRoleText>, min_items = 1)]
    roles: Vec<Role>,
    /// As in the path; read-only.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    tenant: Option<Value>,
}

type MemberPath = Path<(String, String, String)>;

/// A user, a tenant, and the membership between them if there is one.
struct Found {
    user: User,
    tenant: Tenant,
    membership: Option<Membership>,
}

async fn find(
    caller: &Caller,
    (environment, id, tenant): &(String, String, String),
) -> Result<(Arc<EnvironmentState>, Found), Problem> {
    let (state, user) = users::find(caller, environment, id).await?;
    let tenant = tenants::find(caller, tenant).await?;
    let membership = user::membership(&caller.node, &user, &tenant).await?;
    Ok((state, Found { user, tenant, membership }))
}

/// Whoever may change this membership from the roles that it has to other ones.
fn allowed(caller: &Caller, found: &Found, to: &[Role]) -> Result<Granted, Problem> {
    let granted = caller.in_tenant(found.tenant.id, Right::ManageMembers)?;
    let Some(own) = caller.member_roles() else { return Ok(granted) };
    let from = found.membership.as_ref().map_or(&[][..], |membership| &membership.roles);
    if may_give(own, to) && may_give(own, from) {
        return Ok(granted);
    }
    Err(Problem::forbidden("Nobody gives a role above their own, or takes one."))
}

async fn show(caller: Caller, Path(path): MemberPath) -> Result<Shown<view::Membership>, Problem> {
    let (_, found) = find(&caller, &path).await?;
    let membership = found.membership.ok_or_else(no_member)?;
    Ok(Shown(view::Membership::of(&membership, found.tenant.name.as_str())))
}

async fn put(
    caller: Caller,
    Path(path): MemberPath,
    Body(body): Body<PutMembership>,
) -> Result<Shown<view::Membership>, Problem> {
    let (_, found) = find(&caller, &path).await?;
    let granted = allowed(&caller, &found, &body.roles)?;
    let Found { user, tenant, .. } = &found;
    unchanged(&serde_json::json!({ "tenant": tenant.name }), &[("tenant", &body.tenant)])?;
    let now = user::put_membership(&granted.node, &granted.actor, user, tenant, body.roles).await?;
    Ok(Shown(view::Membership::of(&now, tenant.name.as_str())))
}

async fn remove(caller: Caller, Path(path): MemberPath) -> Result<Gone, Problem> {
    let (_, found) = find(&caller, &path).await?;
    let granted = allowed(&caller, &found, &[])?;
    let removed = user::remove_membership(&granted.node, &granted.actor, &found.user, &found.tenant).await?;
    removed.ok_or_else(no_member)?;
    Ok(Gone)
}

fn no_member() -> Problem {
    Problem::not_found("The user is no member of this tenant.")
}
