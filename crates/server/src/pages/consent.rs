//! The page that asks whether an app may act for somebody.

use serde::Serialize;

use super::PageContext;
use super::form::PageForm;
use super::frame::Frame;
use super::shown::Shown;
use super::web_link::WebLink;

/// Says who asks, for what, and for how long. Fields: `scope`, once for each ticked scope, and `decision`, which is
/// `approve` or `deny`. A required scope is not sent, because its box cannot be changed: the server adds it.
#[derive(Serialize)]
pub struct Consent {
    /// What stands around the page.
    pub frame: Frame,
    /// Where the form goes.
    pub form: PageForm,
    /// Who asks.
    pub app: AppIdentity,
    /// Whose data it is.
    pub email: Shown,
    /// What is asked for, in the order of the page.
    pub scopes: Vec<AskedScope>,
    /// After how many days it ends by itself; `None`: when it is withdrawn.
    pub lasts_days: Option<u32>,
}

/// An app, as people can recognise it.
#[derive(Serialize)]
pub struct AppIdentity {
    /// What it calls itself.
    pub name: Shown,
    /// The host of the redirect URI, or its private scheme: where the answer goes. The one thing here that an impostor
    /// cannot choose freely.
    pub destination: Shown,
    /// Whether it is a public client (RFC 6749 2.1): anybody can pretend to be it, and the page says so
    /// (RFC 9700 4.14.2, RFC 8252 8.6).
    pub public: bool,
    /// The title of the organisation that runs it.
    pub tenant: Option<Shown>,
    /// Its privacy policy (RFC 7591 2, `policy_uri`).
    pub policy: Option<WebLink>,
    /// Its terms of service (RFC 7591 2, `tos_uri`).
    pub terms: Option<WebLink>,
}

/// One permission.
#[derive(Serialize)]
pub struct AskedScope {
    /// The scope; part of the id of its box, and its value.
    pub name: String,
    /// What it allows, as a person would say it: "See your transfers".
    pub title: Shown,
    /// What else one should know, or empty.
    pub detail: Shown,
    /// Whether the app gets it with every approval.
    pub required: bool,
}

impl AskedScope {
    /// The scope `openid`, which every sign-in with OpenID Connect carries.
    pub fn openid() -> Self {
        Self {
            name: "openid".to_owned(),
            title: Shown::name("Know who you are"),
            detail: Shown::text("The app learns an identifier of your account, nothing else."),
            required: true,
        }
    }
}

impl PageContext for Consent {
    const TEMPLATE: &'static str = "consent.html";
}
