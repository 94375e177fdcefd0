//! Signing in on the page: the password is checked, the interaction gets the evidence, and the user is led on. Signing out.

use grantor_core::authorize::interaction::Progress;
use grantor_core::decision::{AuditEvent, Write};
use grantor_core::email::EmailAddress;
use grantor_core::password::PresentedPassword;
use grantor_core::secret::CredentialType;
use grantor_core::user::Evidence;

use super::FlowError;
use super::authorize::{Destination, Onward, Taken, Waiting, go_on_after};
use super::browser::{BrowserCall, Mark, Marks};
use super::sign_in;
use super::situation::Situation;
use crate::catalogue::PagePath;
use crate::node::Node;

/// A sign-in with a password, within an interaction or by itself.
///
/// # Errors
/// [`sign_in::FAILED`] and its like; storage trouble.
pub async fn login(
    node: &Node,
    call: &BrowserCall<'_>,
    waiting: Option<Waiting>,
    email: &str,
    password: &PresentedPassword,
) -> Result<Onward, FlowError> {
    let (user, evidence) = sign_in::check(node, call, email, password).await?;
    let event = AuditEvent::new("user.login", user.id.to_string()).detail("amr", "pwd");
    let taken = Taken { events: vec![event], ..Taken::default() };
    proved(node, call, waiting, (&user.email, evidence), taken).await
}

/// Goes on after somebody has proved who they are.
///
/// # Errors
/// Storage trouble.
pub async fn proved(
    node: &Node,
    call: &BrowserCall<'_>,
    waiting: Option<Waiting>,
    (email, evidence): (&EmailAddress, Evidence),
    mut taken: Taken,
) -> Result<Onward, FlowError> {
    taken.marks.device = Some(call.device(node, email));
    let (request, progress) = match &waiting {
        Some(waiting) => (waiting.interaction.request.clone(), waiting.interaction.progress.clone()),
        None => (None, Progress::default()),
    };
    // Another user than before has consented to nothing and chosen nothing.
    let progress = Progress { evidence: Some(evidence), tenant: None, consented: None, ..progress };
    let situation = Situation::load(node, call, request, progress).await?;
    go_on_after(node, call, situation, waiting, taken).await
}

/// Ends the session of this browser. Twice is once.
///
/// # Errors
/// Storage trouble.
pub async fn logout(node: &Node, call: &BrowserCall<'_>) -> Result<Onward, FlowError> {
    if let Some(session) = call.session(node).await?.session() {
        let event =
            AuditEvent::new("session.end", session.id.to_string()).detail("user", session.user.to_string());
        let write = Write::EndSession(session.id, node.now());
        node.commit(&call.actor(format!("user:{}", session.user)), vec![write], vec![event]).await?;
    }
    // What waits in other tabs was begun by whoever is leaving.
    let (tie, _) = call.secret(node, CredentialType::Browser);
    let marks = Marks { session: Mark::Clear, browser: Some(tie), ..Marks::default() };
    Ok(Onward { to: Destination::Page(PagePath::Login, None), marks })
}
