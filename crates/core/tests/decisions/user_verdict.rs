//! Is a user's token good, here, now? Everything behind it must be alive and belong together.

use grantor_core::access::AccessStatus;
use grantor_core::claims::AccessClaims;
use grantor_core::client_metadata::Tenancy;
use grantor_core::epoch::Epochs;
use grantor_core::error::Reason;
use grantor_core::grant::GrantState;
use grantor_core::id::{AppId, EnvironmentId, GrantId, TenantId, UserId};
use grantor_core::introspect::{Revoked, UserSubjects, judge_token};
use grantor_core::tenant::{Status, Tenant};

use crate::people::Attempt;

/// A token that was just made for a user, and what stands behind it.
struct Token {
    claims: AccessClaims,
    behind: Attempt,
    /// Whose the app is; the tenant of the sign-in is another one where the app serves members of many.
    owner: Tenant,
}

impl Token {
    fn fresh() -> Self {
        let mut behind = Attempt::code();
        let claims = behind.redeem().outcome.expect("the code is good").draft.claims;
        behind.grant.state = GrantState::Active;
        Self { claims, owner: behind.world.tenant.clone(), behind }
    }

    /// Of an app for members, used by a member of another tenant.
    fn of_member() -> Self {
        let mut token = Self::fresh();
        let world = &mut token.behind.world;
        world.app.metadata.tenancy = Tenancy::Members;
        world.tenant.id = TenantId::from_bytes([99; 16]);
        world.accesses[0].tenant = world.tenant.id;
        token.claims.tid = world.tenant.id.to_string();
        token.behind.grant.tenant = world.tenant.id;
        token
    }

    fn verdict(&self) -> Result<(), Reason> {
        let Attempt { world, grant, user, now, .. } = &self.behind;
        let subjects = UserSubjects { grant, user, owner: &self.owner };
        judge_token(&self.claims, &world.subjects(0), &world.app, Some(&subjects), Revoked::No, *now)
    }
}

/// A change of the facts after the token was made.
type Case = (&'static str, fn(&mut Token));

#[test]
fn a_fresh_token_of_a_user_is_good() {
    assert_eq!(Token::fresh().verdict(), Ok(()));
    assert_eq!(Token::of_member().verdict(), Ok(()));
}

#[test]
fn f10_whatever_ends_or_is_suspended_behind_a_users_token_kills_it() {
    type Kill = (&'static str, fn(&mut Token), Reason);
    let cases: [Kill; 9] = [
        ("grant ended", |t| t.behind.grant.state = GrantState::Ended, Reason::GrantEnded),
        ("grant not yet redeemed", |t| t.behind.grant.state = GrantState::Code, Reason::GrantEnded),
        ("user suspended", |t| t.behind.user.status = Status::Suspended, Reason::UserSuspended),
        ("user closed", |t| t.behind.user.status = Status::Closed, Reason::UserSuspended),
        ("owner suspended", |t| t.owner.status = Status::Suspended, Reason::TenantSuspended),
        ("tenant suspended", |t| t.behind.world.tenant.status = Status::Suspended, Reason::TenantSuspended),
        ("app suspended", |t| t.behind.world.app.status = Status::Suspended, Reason::AppSuspended),
        (
            "access suspended",
            |t| t.behind.world.accesses[0].status = AccessStatus::Suspended,
            Reason::AccessNotActive,
        ),
        ("API taken from the app", |t| t.behind.world.app.apis.clear(), Reason::WrongAudience),
    ];
    for (name, change, reason) in cases {
        for mut token in [Token::fresh(), Token::of_member()] {
            change(&mut token);
            assert_eq!(token.verdict(), Err(reason), "{name}");
        }
    }
}

#[test]
fn f10_a_raised_epoch_of_any_of_the_five_kills_a_users_token_for_good() {
    let cases: [Case; 5] = [
        ("tenant", |t| t.behind.world.tenant.epoch += 1),
        ("access", |t| t.behind.world.accesses[0].epoch += 1),
        ("app", |t| t.behind.world.app.epoch += 1),
        ("user", |t| t.behind.user.epoch += 1),
        ("grant", |t| t.behind.grant.epoch += 1),
    ];
    for (name, raise) in cases {
        let mut token = Token::fresh();
        raise(&mut token);
        assert_eq!(token.verdict(), Err(Reason::EpochTooOld), "{name}");
        token.claims.rev = Epochs { ten: 1, acc: 1, app: 1, usr: 1, gnt: 1 };
        assert_eq!(token.verdict(), Ok(()), "{name}: one of after that lives");
    }
}

#[test]
fn f13_facts_that_do_not_belong_together_prove_nothing() {
    let cases: [Case; 10] = [
        ("another Grant", |t| t.behind.grant.id = GrantId::from_number(78)),
        ("the Grant of another app", |t| t.behind.grant.app = AppId::from_bytes([99; 16])),
        ("the Grant of another environment", |t| {
            t.behind.grant.environment = EnvironmentId::from_bytes([9; 16])
        }),
        ("the Grant of another tenant", |t| t.behind.grant.tenant = TenantId::from_bytes([98; 16])),
        ("the Grant of another user", |t| t.behind.grant.user = UserId::from_bytes([98; 16])),
        ("another user", |t| t.behind.user.id = UserId::from_bytes([98; 16])),
        ("a user of another environment", |t| t.behind.user.environment = EnvironmentId::from_bytes([9; 16])),
        ("another owner", |t| t.owner.id = TenantId::from_bytes([98; 16])),
        ("a token that names another tenant", |t| t.claims.tid = TenantId::from_bytes([98; 16]).to_string()),
        ("a token that names no Grant", |t| {
            t.claims.gid = None;
            t.behind.world.app.tenant = TenantId::from_bytes([98; 16]);
        }),
    ];
    for (name, change) in cases {
        for mut token in [Token::fresh(), Token::of_member()] {
            change(&mut token);
            assert_eq!(token.verdict(), Err(Reason::UnknownCredential), "{name}");
        }
    }
}

#[test]
fn f13_an_app_of_its_own_tenant_has_no_tokens_for_members_of_another() {
    let mut token = Token::of_member();
    token.behind.world.app.metadata.tenancy = Tenancy::Own;
    assert_eq!(token.verdict(), Err(Reason::UnknownCredential));
}

#[test]
fn a_users_token_without_its_facts_and_an_apps_token_with_some_are_unknown() {
    let token = Token::fresh();
    let Attempt { world, grant, user, now, .. } = &token.behind;
    let alone = judge_token(&token.claims, &world.subjects(0), &world.app, None, Revoked::No, *now);
    assert_eq!(alone, Err(Reason::UnknownCredential));
    let of_app = AccessClaims { gid: None, ..token.claims.clone() };
    let subjects = UserSubjects { grant, user, owner: &token.owner };
    let with = judge_token(&of_app, &world.subjects(0), &world.app, Some(&subjects), Revoked::No, *now);
    assert_eq!(with, Err(Reason::UnknownCredential));
}

#[test]
fn suspending_and_resuming_a_user_leaves_no_token_from_before() {
    let mut token = Token::fresh();
    token.behind.user.status = Status::Suspended;
    token.behind.user.epoch += 1;
    assert_eq!(token.verdict(), Err(Reason::UserSuspended));
    token.behind.user.status = Status::Active;
    assert_eq!(token.verdict(), Err(Reason::EpochTooOld));
}
