//! Is this the user's password? One function for the log-in page and the password grant, so that guessing on either path
//! counts on both. Unknown, wrong, blocked and suspended cost the same work and give the same answer.

use grantor_core::decision::Write;
use grantor_core::email::EmailAddress;
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::lockout::Failures;
use grantor_core::password::PresentedPassword;
use grantor_core::user::{Amr, Evidence, User};

use super::browser::BrowserCall;
use super::{Fault, FlowError};
use crate::attempts::Attempt;
use crate::limits::{RetryAfter, Who};
use crate::node::Node;
use crate::password::{PasswordError, RETRY_AFTER_SECONDS, Salt, Verdict};

/// The answer to every failure.
pub const FAILED: Denial = Denial::hinted(
    OAuthError::InvalidGrant,
    Reason::PasswordMismatch,
    "E-mail address or password is not right, or there were too many attempts. Check both; after several attempts wait up to 15 minutes.",
);

/// Checks a password. On success the count of failures is cleared and an outdated hash replaced.
///
/// # Errors
/// [`FAILED`] in every case that is about the account; the throttle of the source; a full queue.
pub async fn check(
    node: &Node,
    call: &BrowserCall<'_>,
    email: &str,
    password: &PresentedPassword,
) -> Result<(User, Evidence), FlowError> {
    let environment = call.state.environment.id;
    let email: Option<EmailAddress> = email.parse().ok();
    let key = email.as_ref().map_or("", EmailAddress::key);
    let who = Who::User(environment, key);
    node.limits.may_try(who, call.source).map_err(|wait| FlowError::Throttled(FAILED, wait))?;
    let user = match &email {
        Some(email) => node.store.user_by_email(environment, email.key()).await?,
        None => None,
    };
    let account = email.as_ref().map(|email| call.lockout_account(email));
    let attempt = match account {
        Some(account) => begin(node, call, account).await?,
        None => None,
    };
    let blocked = account.is_some() && attempt.is_none();
    // The hash of somebody who may not sign in is not looked at, but the work is done.
    let may = |user: &&User| user.status.is_active() && !blocked;
    let stored = user.as_ref().filter(may).and_then(|user| user.password.as_ref());
    let verdict = match node.passwords.verify(password, stored).await {
        Ok(verdict) => verdict,
        Err(error) => {
            // Counted, and never looked at.
            if let (Some(_), Some(account)) = (&attempt, account) {
                let write = Write::TakeBackFailure(environment, account);
                node.commit(&call.actor("anonymous".to_owned()), vec![write], Vec::new()).await?;
            }
            return Err(busy(error));
        }
    };
    let outdated = match verdict {
        Verdict::Mismatch => {
            let denied = FlowError::Denied(FAILED);
            return Err(node
                .limits
                .failed(who, call.source)
                .map_or_else(|wait| FlowError::Throttled(FAILED, wait), |()| denied));
        }
        Verdict::Match => None,
        Verdict::MatchOutdated(password) => Some(password),
    };
    let user = user.ok_or(Fault::Internal)?;
    node.limits.proved(who, call.source);
    let mut writes = Vec::new();
    if let Some(account) = account {
        writes.push(Write::ClearFailures(environment, account));
    }
    if let (Some(password), Some(from)) = (outdated, user.password.clone()) {
        let salt = Salt(node.decide(|env| env.bytes()));
        // A hash that cannot be renewed now is renewed at the next sign-in.
        if let Ok(to) = node.passwords.rehash(password, salt).await {
            writes.push(Write::RehashPassword { user: user.id, from, to });
        }
    }
    let actor = call.actor(format!("user:{}", user.id));
    match node.commit(&actor, writes, Vec::new()).await {
        // Somebody else has done it.
        Ok(()) | Err(Fault::Conflict) => {}
        Err(fault) => return Err(fault.into()),
    }
    let evidence = Evidence {
        user: user.id,
        epoch: user.epoch,
        auth_time: node.now(),
        amr: vec![Amr::Pwd],
        session: None,
    };
    Ok((user, evidence))
}

/// Counts a look at a password before it is taken: of many guesses at one moment no more are looked at than one after the
/// other. `None`: no look before the wait is over.
async fn begin<'n>(
    node: &'n Node,
    call: &BrowserCall<'_>,
    account: [u8; 32],
) -> Result<Option<Attempt<'n>>, FlowError> {
    let mut attempt = node.attempts.enter(account).await;
    if reserve(node, call, account).await? == Look::Reserved {
        return Ok(Some(attempt));
    }
    // Others that are being looked at are counted, too: see what becomes of them.
    attempt.alone().await;
    Ok((reserve(node, call, account).await? == Look::Reserved).then_some(attempt))
}

/// Whether a password may be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Yes, and it is counted as a failure until it proves to be none.
    Reserved,
    /// Not before the wait is over.
    Blocked,
}

/// Takes one look at a password of an account. Whoever loses a race for it looks at the count again.
async fn reserve(node: &Node, call: &BrowserCall<'_>, account: [u8; 32]) -> Result<Look, FlowError> {
    const TRIES: usize = 64;
    let environment = call.state.environment.id;
    for _ in 0..TRIES {
        let found = node.store.failures(environment, account).await?;
        let failures = found.unwrap_or(Failures::none(environment, account));
        if failures.is_blocked(node.now()) {
            return Ok(Look::Blocked);
        }
        let write = Write::CountFailure(Box::new(failures.and_one(node.now())));
        match node.commit(&call.actor("anonymous".to_owned()), vec![write], Vec::new()).await {
            Err(Fault::Conflict | Fault::Duplicate) => {}
            Ok(()) => return Ok(Look::Reserved),
            Err(fault) => return Err(fault.into()),
        }
    }
    Err(Fault::Conflict.into())
}

/// A full queue: not now, and nothing about the account.
pub fn busy(error: PasswordError) -> FlowError {
    match error {
        PasswordError::Busy => FlowError::Throttled(
            Denial::hinted(
                OAuthError::TemporarilyUnavailable,
                Reason::TooManyFailures,
                "Many people are signing in at the moment. Try again in a few seconds.",
            ),
            RetryAfter(u64::from(RETRY_AFTER_SECONDS)),
        ),
        PasswordError::Damaged | PasswordError::Failed => {
            tracing::error!(%error, "a password could not be checked");
            Fault::Internal.into()
        }
    }
}
