//! From a write as data to guarded statements. Reading this folder is reading everything that happens to the database.

mod api_key;
mod app;
mod audit;
mod case;
mod credential;
mod document;
mod grant;
mod incident;
mod installation;
mod onboarding;
mod operator;
mod outbox;
mod partner;
mod record;
mod session;
#[cfg(test)]
mod tests;
mod user;
mod webhook;

use grantor_core::decision::Write;
use grantor_core::tenant::Status;
use serde::Serialize;

use super::sql::{Expect, Sql, Statement, Value};
pub use audit::{AUDIT_KEY, AUDIT_LEASE, audit};
pub use installation::PUT_META_ONCE;

/// Every statement that writes, for the test that prepares it.
pub fn statements() -> Vec<&'static Sql> {
    [
        api_key::STATEMENTS,
        app::STATEMENTS,
        audit::STATEMENTS,
        case::STATEMENTS,
        credential::STATEMENTS,
        document::STATEMENTS,
        grant::STATEMENTS,
        incident::STATEMENTS,
        installation::STATEMENTS,
        onboarding::STATEMENTS,
        operator::STATEMENTS,
        outbox::STATEMENTS,
        partner::STATEMENTS,
        record::STATEMENTS,
        session::STATEMENTS,
        user::STATEMENTS,
        webhook::STATEMENTS,
    ]
    .concat()
}

/// The guarded statements of a write.
pub fn statements_of(write: &Write) -> Vec<Statement> {
    let statement = match write {
        Write::PutEnvironment(environment) => installation::put_environment(environment),
        Write::PutProfile(profile) => installation::put_profile(profile),
        Write::PutApi(api) => installation::put_api(api),
        Write::InsertTenant(tenant, at) => partner::insert_tenant(tenant, *at),
        Write::RenameTenant(id, title) => partner::rename_tenant(*id, title),
        Write::SetTenantStatus(change) => partner::tenant_status(change),
        Write::InsertAccess(access, at) => partner::insert_access(access, *at),
        Write::ChangeAccess(access) => partner::change_access(access),
        Write::MoveAccess(change) => onboarding::move_access(change),
        Write::RecordContract(tenant, api, contract) => onboarding::record_contract(*tenant, *api, contract),
        Write::NoteAccessStep(step) => onboarding::note_step(step),
        Write::AcceptForTenant(acceptance) => onboarding::accept_for_tenant(acceptance),
        Write::InsertApp(app) => app::insert_app(app),
        Write::ChangeApp(app) => app::change_app(app),
        Write::SetAppStatus(change) => app::app_status(change),
        Write::EndAppTokens(id) => app::end_app_tokens(*id),
        Write::InsertSecret(app, secret) => return app::insert_secret(*app, secret),
        Write::EndSecret { app, version, at } => app::end_secret(*app, *version, *at),
        Write::ScheduleSecretEnd { app, version, at, by, remind_at } => {
            app::schedule_secret_end((*app, *version), *at, *by, *remind_at)
        }
        Write::Credential(write) => api_key::change_credential(write),
        Write::MarkExposed(app, at) => app::mark_exposed(*app, *at),
        Write::InsertApiKey(key, hash) => api_key::insert_api_key(key, hash),
        Write::SetApiKeyStatus(change, reason) => api_key::api_key_status(change, reason.as_deref()),
        Write::Case(write) => case::write(write),
        Write::RevokeToken { environment, jti, expires_at } => {
            credential::revoke_token(*environment, jti, *expires_at)
        }
        Write::InsertKey(key) => credential::insert_key(key),
        Write::AdvanceKey(step) => credential::advance_key(step),
        Write::Record(record) => return record::statements(record),
        Write::InsertOperator { id, name, role, hash, at } => {
            operator::insert_operator(*id, (name, *role), hash, *at)
        }
        Write::EndOperator(id, at) => return operator::end_operator(*id, *at),
        Write::ClaimRequest(claim) => return operator::claim_request(claim),
        Write::KeepAnswer(answer) => operator::keep_answer(answer),
        Write::CountSealed { environment, count } => credential::count_sealed(*environment, *count),
        Write::InsertUser(new) => user::insert_user(new),
        Write::SetUserStatus(change) => user::user_status(change),
        Write::RehashPassword { user, from, to } => user::rehash_password(*user, from, to),
        Write::SetPassword { user, to, at } => return user::set_password(*user, to, *at),
        Write::PutMembership(membership) => user::put_membership(membership),
        Write::RemoveMembership { user, tenant, at } => return user::remove_membership(*user, *tenant, *at),
        Write::CountFailure(failures) => user::count_failure(failures),
        Write::ClearFailures(environment, account) => user::clear_failures(*environment, *account),
        Write::TakeBackFailure(environment, account) => user::take_back_failure(*environment, *account),
        Write::InsertSession(session, cookie) => session::insert_session(session, cookie),
        Write::RenewSession(session, cookie) => session::renew_session(session, cookie),
        Write::TouchSession(id, at) => session::touch_session(*id, *at),
        Write::EndSession(id, at) => return session::end_session(*id, *at),
        Write::InsertInteraction(interaction) => session::insert_interaction(interaction),
        Write::AdvanceInteraction { id, from, progress, browser } => {
            session::advance_interaction(*id, *from, progress, browser)
        }
        Write::EndInteraction { id, from } => session::end_interaction(*id, *from),
        Write::PutConsent(consent) => grant::put_consent(consent),
        Write::WithdrawConsent { user, app, at } => return grant::withdraw_consent(*user, *app, *at),
        Write::InsertGrant(grant, code) => grant::insert_grant(grant, code.as_ref()),
        Write::RedeemCode { grant, generation, at } => grant::redeem_code(*grant, *generation, *at),
        Write::AdvanceRefresh { grant, from, at } => grant::advance_refresh(*grant, *from, *at),
        Write::EndGrant { grant, reason, at } => grant::end_grant(*grant, *reason, *at),
        Write::InsertDocument(document) => return document::insert_document(document),
        Write::PublishVersion(document, version) => document::publish_version(*document, version),
        Write::RecordAcceptance(acceptance) => document::record_acceptance(acceptance),
        Write::InsertSignup(signup) => outbox::insert_signup(signup),
        Write::EndSignup(id) => outbox::end_signup(*id),
        Write::Enqueue(mail) => outbox::enqueue(mail),
        Write::MailSent(id) => outbox::mail_sent(*id),
        Write::MailFailed { id, attempts, next_at } => outbox::mail_failed(*id, *attempts, *next_at),
        Write::Incident(write) => incident::incident(write),
        Write::InsertAuditKey(sealed) => audit::insert_audit_key(sealed),
        Write::LinkAudit(batch) => return audit::link_audit(batch),
        Write::ReleaseAuditLease(holder) => audit::release_lease(*holder),
        Write::Webhook(write) => return webhook::statements_of(write),
        Write::MarkClock(at) => installation::mark_clock(*at),
        Write::Prune(now) => {
            return installation::prune(*now).into_iter().chain(webhook::prune(*now)).collect();
        }
    };
    vec![statement]
}

/// Suspending and closing raise the epoch; resuming leaves it, so that tokens from before stay dead.
fn raise(from: Status) -> i64 {
    i64::from(from.is_active())
}

fn one(sql: &'static Sql, params: Vec<Value>) -> Statement {
    Statement { sql, params, expect: Expect::Rows(1) }
}

fn any(sql: &'static Sql, params: Vec<Value>) -> Statement {
    Statement { sql, params, expect: Expect::Any }
}

/// JSON text of a value of ours. Our types hold nothing that JSON cannot say.
fn json(value: &impl Serialize) -> Value {
    serde_json::to_string(value).map_or(Value::Null, Value::Text)
}
