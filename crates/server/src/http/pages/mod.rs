//! Pages for people: each path shows its form on GET and takes it on POST, and every POST is answered with a redirect by
//! 303 (RFC 9700 4.12) or, where something is wrong, with the page itself and a 4xx.

mod cookies;
mod sign_in;
mod sign_up;
mod steps;

use ::http::header::{CONTENT_TYPE, HeaderName, LOCATION, ORIGIN, RETRY_AFTER};
use ::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use bytes::Bytes;
use grantor_core::authorize::request::ResponseMode;
use grantor_core::authorize::respond::Reply;
use grantor_core::error::{Denial, OAuthError, Reason};
use grantor_core::form::Form;
use grantor_core::secret::Secret;
use hyper::body::Incoming;

use super::body::{self, MAX_FORM, NoForm};
use super::respond::{self, Body};
use super::{Call, error};
use crate::catalogue::PagePath;
use crate::flow::authorize::{Destination, Onward, Waiting, waiting};
use crate::flow::browser::{Browser, BrowserCall, Marks};
use crate::flow::{Fault, FlowError};
use crate::pages::{
    ErrorPage, FormPost, FormTarget, Frame, Notice, PageContext, PageForm, Shown, security_headers,
};

pub use cookies::{read as read_cookies, write as write_cookies};

const ENDPOINT: &str = "pages";
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// One request of a browser to a page.
pub struct Visit<'a> {
    /// The request.
    pub call: &'a Call<'a>,
    /// The browser.
    pub browser: BrowserCall<'a>,
    /// The query of the request.
    query: Form,
    /// A new tie to this browser, where it had none.
    fresh: Option<Secret>,
}

/// What a visitor asks for.
enum Ask {
    Show,
    Take(Box<Form>),
}

/// Serves a page.
pub async fn any(call: &Call<'_>, page: PagePath, request: Request<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let cookies = read_cookies(&parts.headers, &call.state.environment);
    let asked = match parts.method {
        Method::GET | Method::HEAD => Ok(Ask::Show),
        Method::POST => posted(call, &parts.headers, body).await.map(|form| Ask::Take(Box::new(form))),
        _ => return respond::method_not_allowed("GET, POST", call.request_id),
    };
    let query = Form::parse(parts.uri.query().unwrap_or("").as_bytes());
    let browser = BrowserCall {
        state: call.state,
        browser: &cookies,
        source: call.source,
        request_id: call.request_id,
    };
    let fresh = tie(call, &browser, &cookies);
    let visit = |query| Visit { call, browser, query, fresh };
    match (query, asked) {
        (Ok(query), Ok(ask)) => {
            let visit = visit(query);
            match route(&visit, page, ask).await {
                Ok(response) => response,
                Err(why) => visit.refused(&why),
            }
        }
        (Err(denial), _) => failed(call, &denial, StatusCode::BAD_REQUEST),
        (_, Err(NoForm::Denied(denial))) => failed(call, &denial, StatusCode::BAD_REQUEST),
        (_, Err(why)) => error::form(call, ENDPOINT, respond::Challenge::None, &why),
    }
}

async fn route(visit: &Visit<'_>, page: PagePath, ask: Ask) -> Result<Response<Body>, FlowError> {
    match page {
        PagePath::Login => sign_in::login(visit, ask).await,
        PagePath::LoginDone => sign_in::done(visit).await,
        PagePath::Logout => sign_in::logout(visit, ask).await,
        PagePath::Signup => sign_up::signup(visit, ask).await,
        PagePath::SignupVerify => sign_up::verify(visit).await,
        PagePath::Account => steps::account(visit, ask).await,
        PagePath::Tenant => steps::tenant(visit, ask).await,
        PagePath::Terms => steps::terms(visit, ask).await,
        PagePath::Consent => steps::consent(visit, ask).await,
    }
}

/// Reads the form of a page, from our own origin only.
async fn posted(call: &Call<'_>, headers: &HeaderMap, body: Incoming) -> Result<Form, NoForm> {
    const FOREIGN: Denial = Denial::hinted(
        OAuthError::InvalidRequest,
        Reason::FormProofMissing,
        "This form was not sent from this site. Open the page again and send it from there.",
    );
    if !body::is_form(headers) || is_foreign(call, headers) {
        return Err(NoForm::Denied(FOREIGN));
    }
    let bytes = body::read(body, MAX_FORM, call.bodies).await?;
    Form::parse_page(&bytes).map_err(NoForm::Denied)
}

/// Whether the browser says that the form comes from elsewhere. `Origin: null` is what our own `no-referrer` makes of it, so
/// there the other header and the proof in the form decide.
fn is_foreign(call: &Call<'_>, headers: &HeaderMap) -> bool {
    let site = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        return true;
    }
    let issuer = &call.state.environment.issuer;
    let scheme = issuer.as_str().split("://").next().unwrap_or("https");
    let own = format!("{scheme}://{}", issuer.authority());
    headers.get_all(ORIGIN).iter().any(|origin| origin != "null" && origin.as_bytes() != own.as_bytes())
}

/// What a browser without our cookie gets, so that its forms can be proved.
fn tie(call: &Call<'_>, browser: &BrowserCall<'_>, cookies: &Browser) -> Option<Secret> {
    let kind = grantor_core::secret::CredentialType::Browser;
    let known = !browser.candidates(call.node, kind, cookies.browser.as_ref()).is_empty();
    (!known).then(|| browser.secret(call.node, kind).0)
}

impl Visit<'_> {
    /// The interaction that a link or form names. `None` where it names none.
    async fn waiting(&self, form: &Form) -> Result<Option<Waiting>, FlowError> {
        match form.get("i") {
            None => Ok(None),
            Some(handle) => waiting(self.call.node, &self.browser, handle).await.map(Some),
        }
    }

    /// The interaction of a page that has no meaning without one.
    async fn must_wait(&self, form: &Form) -> Result<Waiting, FlowError> {
        const NOTHING: Denial = Denial::hinted(
            OAuthError::InvalidRequest,
            Reason::InteractionUnknown,
            "This page belongs to a sign-in that an app begins. Go back to the app and start there.",
        );
        self.waiting(form).await?.ok_or(NOTHING.into())
    }

    /// What goes unseen with a form.
    fn form(&self, page: PagePath, handle: &str) -> PageForm {
        let browser = self.fresh.as_ref().or(self.browser.browser.browser.as_ref());
        let csrf = browser
            .map_or_else(String::new, |browser| self.browser.form_proof(page.as_str(), handle, browser));
        PageForm { action: self.path(page), csrf, interaction: handle.to_owned() }
    }

    /// Whether a form was made by us, for this browser and this step.
    fn is_proven(&self, page: PagePath, form: &Form) -> bool {
        let (handle, proof) = (form.get("i").unwrap_or(""), form.get("csrf").unwrap_or(""));
        self.browser.is_proven(page.as_str(), handle, proof)
    }

    /// The refusal of a form that is not.
    fn unproven() -> FlowError {
        const OLD: Denial = Denial::hinted(
            OAuthError::InvalidRequest,
            Reason::FormProofMissing,
            "This form is too old, or cookies are off. Open the page again; cookies of this site must be allowed.",
        );
        OLD.into()
    }

    /// The path of a page.
    fn path(&self, page: PagePath) -> String {
        format!("{}{}", self.call.state.environment.issuer.path(), page.as_str())
    }

    /// The path of a page with the handle of the interaction.
    fn path_with(&self, page: PagePath, handle: &str) -> String {
        let mut path = self.path(page);
        if !handle.is_empty() {
            path.push_str("?i=");
            grantor_core::form::encode_component(handle, &mut path);
        }
        path
    }

    /// The frame of this environment's pages.
    fn frame(&self) -> Frame {
        frame(self.call)
    }

    /// A page, with the ties that this browser needs.
    fn page<P: PageContext>(&self, status: StatusCode, page: &P, targets: &[FormTarget]) -> Response<Body> {
        let mut response = html(self.call, status, page, targets);
        if let Some(fresh) = &self.fresh {
            let marks =
                Marks { browser: Some(Secret::presented(fresh.reveal().to_owned())), ..Marks::default() };
            write_cookies(&mut response, &self.call.state.environment, &marks);
        }
        response
    }

    /// On to the next page, or to the app.
    fn onward(&self, onward: Onward) -> Response<Body> {
        self::onward(self.call, onward)
    }

    /// A refusal that belongs to no form: on a page of its own.
    fn refused(&self, why: &FlowError) -> Response<Body> {
        match why {
            FlowError::Denied(denial) => {
                let status = match denial.reason {
                    Reason::FormProofMissing => StatusCode::FORBIDDEN,
                    _ => StatusCode::BAD_REQUEST,
                };
                failed(self.call, denial, status)
            }
            FlowError::Throttled(denial, wait) => {
                let mut response = failed(self.call, denial, StatusCode::TOO_MANY_REQUESTS);
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.0));
                response
            }
            FlowError::Fault(Fault::Conflict) => {
                const TWICE: Denial = Denial::hinted(
                    OAuthError::InvalidRequest,
                    Reason::InteractionUnknown,
                    "This form was sent twice. If nothing happens, go back to the app and start again.",
                );
                failed(self.call, &TWICE, StatusCode::CONFLICT)
            }
            FlowError::Fault(fault) => fault_page(self.call, *fault),
        }
    }
}

/// What a form that was refused says, and with which status. `None`: the refusal belongs to a page of its own.
fn notice(why: &FlowError) -> Option<(StatusCode, Notice)> {
    match why {
        FlowError::Denied(denial) if denial.reason == Reason::PasswordMismatch => {
            Some((StatusCode::BAD_REQUEST, Notice::error(denial.description())))
        }
        FlowError::Throttled(denial, _) => {
            Some((StatusCode::TOO_MANY_REQUESTS, Notice::error(denial.description())))
        }
        _ => None,
    }
}

/// The frame of an environment's pages.
pub fn frame(call: &Call<'_>) -> Frame {
    let environment = &call.state.environment;
    Frame::new(environment.name.as_str(), environment.stage, &environment.issuer)
}

/// A page as an answer.
pub fn html<P: PageContext>(
    call: &Call<'_>,
    status: StatusCode,
    page: &P,
    targets: &[FormTarget],
) -> Response<Body> {
    let page = call.node.pages.render(page);
    let mut response = Response::new(http_body_util::Either::Left(Bytes::from(page.html).into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    for (name, value) in security_headers(targets) {
        headers.insert(name, value);
    }
    response
}

/// A refusal on a page of our own: nobody else is told.
pub fn failed(call: &Call<'_>, denial: &Denial, status: StatusCode) -> Response<Body> {
    call.node.metrics.count(ENDPOINT, denial.reason.name());
    tracing::info!(
        request_id = call.request_id,
        endpoint = ENDPOINT,
        environment = %call.state.environment.name,
        source = %call.source,
        error = denial.error.code(),
        reason = denial.reason.name(),
        "refused"
    );
    let page = ErrorPage {
        frame: frame(call),
        code: Shown::name(denial.error.code()),
        text: Shown::text(denial.description()),
        advice: Shown::text(
            "Go back to the app and try again. If it happens again, tell the app's developers the request id.",
        ),
        request_id: Shown::name(call.request_id),
    };
    html(call, status, &page, &[])
}

/// Infrastructure trouble on a page.
pub fn fault_page(call: &Call<'_>, fault: Fault) -> Response<Body> {
    call.node.metrics.count(ENDPOINT, "fault");
    tracing::error!(request_id = call.request_id, endpoint = ENDPOINT, %fault, "request failed");
    let (status, error) = match fault {
        Fault::Conflict | Fault::Unavailable => {
            (StatusCode::SERVICE_UNAVAILABLE, OAuthError::TemporarilyUnavailable)
        }
        Fault::Duplicate | Fault::Internal => (StatusCode::INTERNAL_SERVER_ERROR, OAuthError::ServerError),
    };
    let page = ErrorPage {
        frame: frame(call),
        code: Shown::name(error.code()),
        text: Shown::text("Something failed on our side. Nothing was changed."),
        advice: Shown::text("Wait a moment and try again. Support finds the failure by the request id."),
        request_id: Shown::name(call.request_id),
    };
    let mut response = html(call, status, &page, &[]);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// On to the next page, or to the app, always by 303.
pub fn onward(call: &Call<'_>, onward: Onward) -> Response<Body> {
    let environment = &call.state.environment;
    let mut response = match &onward.to {
        Destination::Page(page, handle) => {
            let mut path = format!("{}{}", environment.issuer.path(), page.as_str());
            if let Some(handle) = handle {
                path.push_str("?i=");
                grantor_core::form::encode_component(handle.reveal(), &mut path);
            }
            see_other(&path)
        }
        Destination::App(reply) => to_app(call, reply),
    };
    write_cookies(&mut response, environment, &onward.marks);
    response
}

fn to_app(call: &Call<'_>, reply: &Reply) -> Response<Body> {
    if reply.mode == ResponseMode::FormPost {
        // A private scheme takes no form: there the query is the only way.
        if let Ok(page) = FormPost::new(frame(call), &reply.redirect_uri, reply.parameters.clone()) {
            let targets = [page.target().clone()];
            return html(call, StatusCode::OK, &page, &targets);
        }
    }
    see_other(&reply.location())
}

/// 303: a form that was posted here is never posted there (RFC 9700 4.12).
pub fn see_other(location: &str) -> Response<Body> {
    let mut response = respond::empty(StatusCode::SEE_OTHER);
    let headers = response.headers_mut();
    headers.insert(::http::header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    match HeaderValue::from_str(location) {
        Ok(location) => {
            headers.insert(LOCATION, location);
        }
        // A registered URI is plain ASCII and everything added is encoded; this cannot be, and must not split an answer.
        Err(_) => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
    }
    response
}
