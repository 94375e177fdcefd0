//! Signing up. Whatever the address, the page says the same and the same work is done; what differs stands in the mail.

use grantor_core::decision::{AuditEvent, Write};
use grantor_core::email::EmailAddress;
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::id::{MailId, SignupId, UserId};
use grantor_core::outbox::{Mail, MailKind};
use grantor_core::password::{NewPassword, PresentedPassword};
use grantor_core::secret::{CredentialType, Secret};
use grantor_core::signup::{SIGNUP_SECONDS, Signup};
use grantor_core::tenant::Status;
use grantor_core::user::{Amr, Evidence, User};
use serde_json::{Map, Value};

use super::authorize::{Onward, Taken, Waiting};
use super::browser::BrowserCall;
use super::sign_in::{FAILED, busy};
use super::{Fault, FlowError, login};
use crate::limits::Who;
use crate::node::Node;
use crate::password::{Salt, Verdict};

/// A link that leads nowhere, for whatever reason.
const GONE: Denial = Denial::hinted(
    OAuthError::InvalidRequest,
    Reason::InteractionUnknown,
    "This link has been used, is older than a day, or is not complete. Sign in if you have done so before, or sign up again.",
);

/// What somebody who signs up gives.
pub struct NewUser {
    /// The address.
    pub email: EmailAddress,
    /// The name, if one is given.
    pub name: Option<String>,
    /// The password.
    pub password: NewPassword,
}

/// Keeps the sign-up and sends a mail; to an address that has an account, a mail that says so.
///
/// # Errors
/// A full queue; storage trouble. Nothing depends on the address.
pub async fn begin(
    node: &Node,
    call: &BrowserCall<'_>,
    new: NewUser,
    browser: &Secret,
    handle: Option<&str>,
) -> Result<(), FlowError> {
    let environment = call.state.environment.id;
    // Before the work: hashing for strangers must not be what log-ins wait for.
    if !node.limits.may_mail_from(call.source) {
        tracing::warn!(request_id = call.request_id, "sign-up not taken: too many from this source");
        return Ok(());
    }
    let salt = Salt(node.decide(|env| env.bytes()));
    let password = node.passwords.hash(&new.password, salt).await.map_err(busy)?;
    let known = node.store.user_by_email(environment, new.email.key()).await?.is_some();
    if !node.limits.may_mail_to(Who::User(environment, new.email.key())) {
        tracing::warn!(request_id = call.request_id, "sign-up mail not sent: too many to this address");
        return Ok(());
    }
    let (link, link_hash) = call.secret(node, CredentialType::SignupLink);
    let peppers = &call.state.keys.peppers;
    let now = node.now();
    let mut values = Map::new();
    let issuer = &call.state.environment.issuer;
    let (kind, mut writes) = if known {
        values.insert("login".to_owned(), format!("{issuer}/login").into());
        (MailKind::SignupOfExisting, Vec::new())
    } else {
        values.insert("link".to_owned(), link_of(issuer.as_str(), &link, handle).into());
        let signup = Signup {
            id: node.decide(SignupId::generate),
            environment,
            link: link_hash,
            browser: peppers.hash(CredentialType::Browser, browser.reveal()),
            email: new.email.clone(),
            name: new.name,
            password,
            created_at: now,
            expires_at: now.plus_seconds(SIGNUP_SECONDS),
        };
        (MailKind::SignupLink, vec![Write::InsertSignup(Box::new(signup))])
    };
    writes.push(Write::Enqueue(Box::new(Mail {
        id: node.decide(MailId::generate),
        environment,
        to: new.email,
        kind,
        values,
        attempts: 0,
        next_at: now,
    })));
    node.commit(&call.actor("anonymous".to_owned()), writes, Vec::new()).await?;
    node.wake_mail();
    Ok(())
}

fn link_of(issuer: &str, link: &Secret, handle: Option<&str>) -> String {
    let mut url = format!("{issuer}/signup/verify?token={}", link.reveal());
    if let Some(handle) = handle {
        url.push_str("&i=");
        grantor_core::form::encode_component(handle, &mut url);
    }
    url
}

/// The sign-up behind a link, and whether this browser is the one that signed up.
pub struct Found {
    /// The sign-up.
    pub signup: Signup,
    /// Whether the link came back to the browser in which the password was typed.
    pub same_browser: bool,
}

/// Looks a link up. A look changes nothing: programs that check mail follow links, too.
///
/// # Errors
/// A refusal in words for unknown, used and old links; storage trouble.
pub async fn find(node: &Node, call: &BrowserCall<'_>, link: &str) -> Result<Found, FlowError> {
    let link = Secret::presented(link.to_owned());
    let browsers = call.candidates(node, CredentialType::Browser, call.browser.browser.as_ref());
    for hash in call.candidates(node, CredentialType::SignupLink, Some(&link)) {
        let found = node.store.signup_by_link(call.state.environment.id, hash.mac).await?;
        let Some(signup) = found.filter(|signup| node.now() < signup.expires_at) else { continue };
        let same = |browser: &grantor_core::secret::SecretHash| {
            aws_lc_rs::constant_time::verify_slices_are_equal(&browser.mac, &signup.browser.mac).is_ok()
        };
        let same_browser = browsers.iter().any(same);
        return Ok(Found { signup, same_browser });
    }
    Err(GONE.into())
}

/// Ends a sign-up in the browser where it began: the account is there and its user signed in.
///
/// # Errors
/// Storage trouble; an address that was taken meanwhile.
pub async fn confirm(
    node: &Node,
    call: &BrowserCall<'_>,
    waiting: Option<Waiting>,
    signup: Signup,
) -> Result<Onward, FlowError> {
    let now = node.now();
    let user = User {
        id: node.decide(UserId::generate),
        environment: signup.environment,
        email: signup.email.clone(),
        email_verified_at: Some(now),
        name: signup.name.clone(),
        password: Some(signup.password.clone()),
        status: Status::Active,
        epoch: 0,
        created_at: now,
        updated_at: now,
    };
    let evidence = Evidence {
        user: user.id,
        epoch: user.epoch,
        auth_time: signup.created_at,
        amr: vec![Amr::Pwd],
        session: None,
    };
    // The account first: what follows is loaded with it.
    let event = AuditEvent::new("user.create", user.id.to_string()).detail("origin", "signup");
    let writes = vec![Write::EndSignup(signup.id), Write::InsertUser(Box::new(user))];
    match node.commit(&call.actor("browser".to_owned()), writes, vec![event]).await {
        Ok(()) => {}
        Err(Fault::Conflict | Fault::Duplicate) => return Err(GONE.into()),
        Err(fault) => return Err(fault.into()),
    }
    login::proved(node, call, waiting, (&signup.email, evidence), Taken::default()).await
}

/// Ends a sign-up in another browser: link and password together.
///
/// # Errors
/// As for a log-in; storage trouble.
pub async fn confirm_with_password(
    node: &Node,
    call: &BrowserCall<'_>,
    (waiting, link): (Option<Waiting>, &str),
    email: &str,
    password: &PresentedPassword,
) -> Result<Onward, FlowError> {
    let found = find(node, call, link).await?;
    let who = Who::User(call.state.environment.id, found.signup.email.key());
    node.limits.may_try(who, call.source).map_err(|wait| FlowError::Throttled(FAILED, wait))?;
    let verdict = node.passwords.verify(password, Some(&found.signup.password)).await.map_err(busy)?;
    let same = email.parse::<EmailAddress>().is_ok_and(|email| email == found.signup.email);
    if matches!(verdict, Verdict::Mismatch) || !same {
        let counted = node.limits.failed(who, call.source);
        return Err(
            counted.map_or_else(|wait| FlowError::Throttled(FAILED, wait), |()| FlowError::Denied(FAILED))
        );
    }
    // The password was typed just now, not when they signed up.
    let signup = Signup { created_at: node.now(), ..found.signup };
    confirm(node, call, waiting, signup).await
}

/// The values of a mail as text.
pub fn value<'a>(values: &'a Map<String, Value>, name: &str) -> &'a str {
    values.get(name).and_then(Value::as_str).unwrap_or("")
}
