//! The authorization endpoint, and the way from each page to the next: load -> ask what is missing -> commit -> answer.

use std::sync::Arc;

use grantor_core::app::App;
use grantor_core::authorize::interaction::{Done, Progress, Step};
use grantor_core::authorize::request::{self, AuthorizationRequest, ReplyTo, Untrusted};
use grantor_core::authorize::respond::{self, Reply};
use grantor_core::decision::{AuditEvent, Write};
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::form::Form;
use grantor_core::id::{InteractionId, SessionId};
use grantor_core::interaction::{INTERACTION_SECONDS, Interaction};
use grantor_core::name::ClientId;
use grantor_core::request_log::Door;
use grantor_core::secret::{CredentialType, Secret};
use grantor_core::session::{ABSOLUTE_SECONDS, Session};
use grantor_jose::{Type, jws};

use super::browser::{BrowserCall, Mark, Marks};
use super::seen::{Place, Seen};
use super::situation::{Situation, interaction};
use super::{Fault, FlowError};
use crate::catalogue::PagePath;
use crate::node::Node;

/// Where a browser goes next, and what it is given.
pub struct Onward {
    /// Where.
    pub to: Destination,
    /// Cookies.
    pub marks: Marks,
}

/// Where a browser goes next.
pub enum Destination {
    /// To a page of ours, with the handle of the interaction if there is one.
    Page(PagePath, Option<Secret>),
    /// Back to the app.
    App(Reply),
}

/// Why an authorization request was not begun.
pub enum Refused {
    /// Nobody is trusted with an answer: a page of our own.
    Page(Denial),
    /// Infrastructure trouble.
    Fault(Fault),
}

impl From<FlowError> for Refused {
    fn from(error: FlowError) -> Self {
        match error {
            FlowError::Denied(denial) | FlowError::Throttled(denial, _) => Self::Page(denial),
            FlowError::Fault(fault) => Self::Fault(fault),
        }
    }
}

/// Who asks and where the answer may go: what must be trusted before anybody is told anything (RFC 6749 4.1.2.1).
///
/// # Errors
/// [`Refused::Page`] for an app that is unknown or may not act, and for a redirect URI that is not its own; storage trouble.
pub async fn trust(node: &Node, call: &BrowserCall<'_>, form: &Form) -> Result<(Arc<App>, ReplyTo), Refused> {
    let refuse = |reason, hint| Refused::Page(Denial::hinted(OAuthError::InvalidRequest, reason, hint));
    let environment = call.state.environment.id;
    let client_id = form
        .get("client_id")
        .ok_or_else(|| refuse(Reason::UnknownClient, "The parameter client_id is missing."))?;
    let unknown =
        || refuse(Reason::UnknownClient, "This app is not known here. Check client_id and environment.");
    let app = node.cache.app(&node.store, environment, client_id).await.map_err(FlowError::from)?;
    let app = app.filter(|app| app.status.is_active()).ok_or_else(unknown)?;
    let owner = node.cache.tenant(&node.store, app.tenant).await.map_err(FlowError::from)?;
    if !owner.is_some_and(|owner| owner.tenant.status.is_active()) {
        return Err(unknown());
    }
    let reply_to = request::reply_to(form, &app).map_err(|Untrusted(denial)| {
        // Not even the app may be told; its owner reads it in the log.
        Seen::begin(node, place(call)).turned_away(node, &app, &denial, denial.error.status());
        Refused::Page(denial)
    })?;
    Ok((app, reply_to))
}

/// Begins an authorization request: trusts app and redirect URI, parses the rest, and answers or shows the first page.
///
/// # Errors
/// [`Refused`]; everything that the app may be told is an [`Onward`].
pub async fn begin(node: &Node, call: &BrowserCall<'_>, form: &Form) -> Result<Onward, Refused> {
    let (app, reply_to) = trust(node, call, form).await?;
    let state = call.state;
    let facts = request::Facts {
        app: &app,
        apis: &state.apis,
        userinfo: &state.userinfo,
        hinted_sub: form.get("id_token_hint").map(|hint| hinted_sub(call, hint)),
    };
    let request = match request::parse(form, reply_to.clone(), &facts) {
        Ok(request) => request,
        Err(denial) => {
            note(node, call, Some(&app.client_id), &denial);
            let reply = Reply::error(&reply_to, &denial, &state.environment.issuer);
            return Ok(Onward { to: Destination::App(reply), marks: Marks::default() });
        }
    };
    let situation = Situation::load(node, call, Some(request), Progress::default()).await?;
    Ok(go_on(node, call, situation, None).await?)
}

/// The subject of an ID token of ours, expired or not (OpenID Connect Core 3.1.2.1).
fn hinted_sub(call: &BrowserCall<'_>, hint: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Claims {
        iss: String,
        sub: String,
        /// A signed userinfo answer is typed alike; only an ID token of ours tells when the user acted.
        #[serde(rename = "auth_time")]
        _auth_time: i64,
    }
    let verified = jws::verify(hint, &call.state.keys.verifying).ok()?;
    if !Type::Jwt.accepts(verified.header.typ.as_deref()) {
        return None;
    }
    let claims: Claims = serde_json::from_slice(&verified.payload).ok()?;
    (claims.iss == call.state.environment.issuer.as_str()).then_some(claims.sub)
}

/// The interaction that a page belongs to.
pub struct Waiting {
    /// Its row.
    pub interaction: Interaction,
    /// Its handle, as the browser holds it.
    pub handle: Secret,
}

/// The interaction behind a handle.
///
/// # Errors
/// `None` becomes a refusal in words; storage trouble.
pub async fn waiting(node: &Node, call: &BrowserCall<'_>, handle: &str) -> Result<Waiting, FlowError> {
    const GONE: Denial = Denial::hinted(
        OAuthError::InvalidRequest,
        Reason::InteractionUnknown,
        "This sign-in has ended, took too long, or was begun in another browser. Go back to the app and start again.",
    );
    let interaction = interaction(node, call, handle).await?.ok_or(GONE)?;
    Ok(Waiting { interaction, handle: Secret::presented(handle.to_owned()) })
}

/// What goes into the same unit as the step that is taken now.
#[derive(Default)]
pub struct Taken {
    /// Writes of the step.
    pub writes: Vec<Write>,
    /// What the audit says of it.
    pub events: Vec<AuditEvent>,
    /// Cookies that the step gives.
    pub marks: Marks,
}

/// Asks what is missing now, commits what was done, and says where the browser goes.
///
/// # Errors
/// Storage trouble; a conflict with another page of the same interaction.
pub async fn go_on(
    node: &Node,
    call: &BrowserCall<'_>,
    situation: Situation,
    waiting: Option<Waiting>,
) -> Result<Onward, FlowError> {
    go_on_after(node, call, situation, waiting, Taken::default()).await
}

/// As [`go_on`], with what the page has just done.
///
/// # Errors
/// As [`go_on`].
pub async fn go_on_after(
    node: &Node,
    call: &BrowserCall<'_>,
    mut situation: Situation,
    waiting: Option<Waiting>,
    mut taken: Taken,
) -> Result<Onward, FlowError> {
    // Whoever has proved who they are and accepted what is to be accepted is signed in; not before.
    let signs_in = match situation.next() {
        Ok(Step::Consent(_) | Step::Done(_)) => {
            situation.progress.evidence.as_ref().is_some_and(|evidence| evidence.session.is_none())
        }
        _ => false,
    };
    if signs_in {
        sign_in(node, call, &mut situation, &mut taken);
    }
    let step = match situation.next() {
        Ok(step) => step,
        Err(denial) => {
            let Some(request) = &situation.request else { return Err(denial.into()) };
            note(node, call, Some(&request.client_id), &denial);
            let reply = Reply::error(&request.reply_to, &denial, &call.state.environment.issuer);
            return end(node, call, waiting.as_ref(), taken, Destination::App(reply)).await;
        }
    };
    let page = match step {
        Step::Login => PagePath::Login,
        Step::SignUp => PagePath::Signup,
        Step::ChooseAccount => PagePath::Account,
        Step::ChooseTenant(_) => PagePath::Tenant,
        Step::Documents(_) => PagePath::Terms,
        Step::Consent(_) => PagePath::Consent,
        Step::Done(done) => {
            return conclude(node, call, &situation, &done, waiting, taken).await;
        }
    };
    wait(node, call, situation, waiting, taken, page).await
}

/// Makes the browser session of a fresh log-in: a new one, or the same user's under a new cookie.
fn sign_in(node: &Node, call: &BrowserCall<'_>, situation: &mut Situation, taken: &mut Taken) {
    let Some(evidence) = situation.progress.evidence.clone() else { return };
    let (secret, hash) = call.secret(node, CredentialType::Session);
    let now = node.now();
    // Also one that was left alone for too long: what hangs on it must not outlive the next log-in here.
    let before = situation.session.take().or(situation.idle_session.take());
    let same = before.as_ref().filter(|session| session.user == evidence.user);
    let (id, sid) = match same {
        Some(session) => (session.id, session.sid.clone()),
        None => node.decide(|env| (SessionId::generate(env), env.uuid().simple().to_string())),
    };
    let session = Session {
        id,
        environment: call.state.environment.id,
        user: evidence.user,
        epoch: evidence.epoch,
        sid,
        auth_time: evidence.auth_time,
        amr: evidence.amr.clone(),
        seen_at: now,
        ends_at: now.plus_seconds(ABSOLUTE_SECONDS),
        ended_at: None,
    };
    taken.writes.push(match &before {
        Some(old) if old.user == evidence.user => Write::RenewSession(session.clone(), hash),
        _ => Write::InsertSession(session.clone(), hash),
    });
    if let Some(old) = before.filter(|old| old.user != evidence.user) {
        taken.writes.push(Write::EndSession(old.id, now));
        taken
            .events
            .push(AuditEvent::new("session.end", old.id.to_string()).detail("user", old.user.to_string()));
    }
    taken.events.push(
        AuditEvent::new("session.create", session.id.to_string()).detail("user", session.user.to_string()),
    );
    taken.marks.session = Mark::Set(secret);
    situation.progress.evidence = Some(grantor_core::user::Evidence { session: Some(id), ..evidence });
    situation.session = Some(session);
    situation.refresh_evidence();
}

/// Grants what was allowed, as writes of the unit.
fn answer(
    node: &Node,
    call: &BrowserCall<'_>,
    request: &AuthorizationRequest,
    done: &Done,
    situation: &Situation,
    taken: &mut Taken,
) -> Result<Reply, Denial> {
    let broken = || Denial::new(OAuthError::ServerError, Reason::Malformed);
    let state = call.state;
    let (app, api) = situation.app.as_ref().zip(situation.api.as_ref()).ok_or_else(broken)?;
    let tenant_id = done.tenant.ok_or_else(broken)?;
    let tenant = situation.tenant_facts(tenant_id).ok_or_else(broken)?;
    let session = situation.session.as_ref().ok_or_else(broken)?;
    let facts = respond::Facts {
        environment: &state.environment,
        app,
        api,
        tenant: &tenant.tenant,
        accesses: &tenant.accesses,
        session,
        peppers: &state.keys.peppers,
        brand: &node.brand,
    };
    let (decision, consent) = node.decide(|env| {
        let remembered = situation.consent(tenant_id);
        let consent = situation.progress.consented.is_some().then(|| {
            respond::remember((request, done), (app, tenant_id), remembered, &api.server_scopes, env)
        });
        (respond::grant(request, done, &facts, env), consent)
    });
    let code = decision.outcome?;
    if let Some(consent) = consent {
        let event = AuditEvent::new("consent.give", consent.user.to_string())
            .detail("client_id", app.client_id.as_str())
            .detail("scope", consent.scopes.to_string());
        taken.events.push(event);
        taken.writes.push(Write::PutConsent(consent));
    }
    if session.needs_touch(node.now()) {
        taken.writes.push(Write::TouchSession(session.id, node.now()));
    }
    taken.writes.extend(decision.writes);
    taken.events.extend(decision.events);
    Ok(Reply::code(&request.reply_to, &code, &state.environment.issuer))
}

/// Answers and commits. The id of a Grant may be taken within the same millisecond: then another one is made.
async fn conclude(
    node: &Node,
    call: &BrowserCall<'_>,
    situation: &Situation,
    done: &Done,
    waiting: Option<Waiting>,
    taken: Taken,
) -> Result<Onward, FlowError> {
    const TRIES: usize = 3;
    let Some(request) = &situation.request else {
        return end(node, call, waiting.as_ref(), taken, Destination::Page(PagePath::LoginDone, None)).await;
    };
    let Taken { writes, events, mut marks } = taken;
    for left in (0..TRIES).rev() {
        let mut taken =
            Taken { writes: writes.clone(), events: events.clone(), marks: std::mem::take(&mut marks) };
        let reply = match answer(node, call, request, done, situation, &mut taken) {
            Ok(reply) => reply,
            Err(denial) => {
                note(node, call, Some(&request.client_id), &denial);
                Reply::error(&request.reply_to, &denial, &call.state.environment.issuer)
            }
        };
        marks = std::mem::take(&mut taken.marks);
        match end(node, call, waiting.as_ref(), taken, Destination::App(reply)).await {
            Ok(onward) => return Ok(Onward { marks, ..onward }),
            Err(FlowError::Fault(Fault::Duplicate)) if left > 0 => {}
            Err(error) => return Err(error),
        }
    }
    Err(Fault::Conflict.into())
}

/// Ends the interaction, if there was one, and commits.
async fn end(
    node: &Node,
    call: &BrowserCall<'_>,
    waiting: Option<&Waiting>,
    taken: Taken,
    to: Destination,
) -> Result<Onward, FlowError> {
    let Taken { mut writes, events, marks } = taken;
    if let Some(Waiting { interaction, .. }) = waiting {
        writes.push(Write::EndInteraction { id: interaction.id, from: interaction.version });
    }
    node.commit(&call.actor("browser".to_owned()), writes, events).await?;
    Ok(Onward { to, marks })
}

/// Gives the app a refusal that its user chose.
///
/// # Errors
/// Storage trouble.
pub async fn decline(
    node: &Node,
    call: &BrowserCall<'_>,
    waiting: Waiting,
    denial: Denial,
) -> Result<Onward, FlowError> {
    let client_id = waiting.interaction.request.as_ref().map(|request| &request.client_id);
    note(node, call, client_id, &denial);
    let to = match &waiting.interaction.request {
        Some(request) => {
            Destination::App(Reply::error(&request.reply_to, &denial, &call.state.environment.issuer))
        }
        None => Destination::Page(PagePath::Login, None),
    };
    let event = AuditEvent::new("interaction.decline", waiting.interaction.id.to_string())
        .detail("reason", denial.reason.name());
    let taken = Taken { events: vec![event], ..Taken::default() };
    end(node, call, Some(&waiting), taken, to).await
}

/// Keeps the interaction for the next page.
async fn wait(
    node: &Node,
    call: &BrowserCall<'_>,
    situation: Situation,
    waiting: Option<Waiting>,
    taken: Taken,
    page: PagePath,
) -> Result<Onward, FlowError> {
    let Taken { mut writes, events, mut marks } = taken;
    let handle = match waiting {
        Some(Waiting { interaction, handle }) => {
            let signed_in_now = interaction.progress.evidence != situation.progress.evidence;
            if interaction.progress != situation.progress {
                // Whoever knew this browser's reference before the log-in cannot go on with it after.
                let browser = if signed_in_now {
                    let (secret, hash) = call.secret(node, CredentialType::Browser);
                    marks.browser = Some(secret);
                    hash
                } else {
                    interaction.browser
                };
                writes.push(Write::AdvanceInteraction {
                    id: interaction.id,
                    from: interaction.version,
                    progress: situation.progress,
                    browser,
                });
            }
            handle
        }
        None if situation.request.is_none() && situation.progress == Progress::default() => {
            // Somebody opened the page by itself: nothing has to be kept.
            return Ok(Onward { to: Destination::Page(page, None), marks });
        }
        None => {
            const MANY: Denial = Denial::hinted(
                OAuthError::TemporarilyUnavailable,
                Reason::TooManyFailures,
                "Many sign-ins were begun from here. Try again in a few seconds.",
            );
            let begun = node.limits.begin_sign_in(call.source);
            begun.map_err(|wait| FlowError::Throttled(MANY, wait))?;
            let (handle, handle_hash) = call.secret(node, CredentialType::Interaction);
            let (browser, browser_hash) = browser(node, call, &situation);
            marks.browser = browser;
            let now = node.now();
            writes.push(Write::InsertInteraction(Box::new(Interaction {
                id: node.decide(InteractionId::generate),
                environment: call.state.environment.id,
                handle: handle_hash,
                browser: browser_hash,
                version: 0,
                request: situation.request,
                progress: situation.progress,
                created_at: now,
                expires_at: now.plus_seconds(INTERACTION_SECONDS),
            })));
            handle
        }
    };
    node.commit(&call.actor("browser".to_owned()), writes, events).await?;
    Ok(Onward { to: Destination::Page(page, Some(handle)), marks })
}

/// The tie of a new interaction to its browser: what the browser has, so that pages in several tabs go on; a new one where
/// it has none of ours, or where somebody has just signed in.
fn browser(
    node: &Node,
    call: &BrowserCall<'_>,
    situation: &Situation,
) -> (Option<Secret>, grantor_core::secret::SecretHash) {
    let known = call.candidates(node, CredentialType::Browser, call.browser.browser.as_ref());
    match known.first() {
        Some(hash) if situation.progress.evidence.is_none() => (None, *hash),
        _ => {
            let (secret, hash) = call.secret(node, CredentialType::Browser);
            (Some(secret), hash)
        }
    }
}

fn place<'a>(call: &BrowserCall<'a>) -> Place<'a> {
    Place { door: Door::Authorize, state: call.state, source: call.source, request_id: call.request_id }
}

/// A refusal that an app is told is logged like one of the token endpoint, for us and for the app's owner.
fn note(node: &Node, call: &BrowserCall<'_>, client_id: Option<&ClientId>, denial: &Denial) {
    const SEE_OTHER: u16 = 303;
    let environment = call.state.environment.id;
    // It was loaded for this very request.
    if let Some(app) = client_id.and_then(|id| node.cache.known_app(environment, id.as_str())) {
        Seen::begin(node, place(call)).turned_away(node, &app, denial, SEE_OTHER);
    }
    tracing::info!(
        request_id = call.request_id,
        endpoint = "authorize",
        environment = %call.state.environment.name,
        source = %call.source,
        error = denial.error.code(),
        reason = denial.reason.name(),
        "refused"
    );
}
