//! What are you building? From the kind of an app and the profile of an API to the flow that fits, or to why there is none.
//!
//! A flow that is off at the API is never recommended without saying so. RFC 9700 2.1 and 2.4, RFC 8252, and the best
//! practice for apps in browsers stand behind the table.

use serde::{Deserialize, Serialize};

use crate::profile::{ApiKeyPolicy, ClientAuthMethod, GrantType, Profile};

/// What somebody builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppKind {
    /// A program on a server, without a person: a daemon, a nightly job.
    ServerProgram,
    /// A web application whose own server keeps secrets.
    WebApp,
    /// An application that runs in the browser alone.
    SinglePageApp,
    /// An application on a phone or a desktop.
    NativeApp,
    /// A tool that a person starts in a terminal.
    CommandLineTool,
    /// An old application that asks for passwords itself and cannot open a browser.
    LegacyApp,
}

impl AppKind {
    /// Every kind, in the order in which a page asks.
    pub const ALL: [Self; 6] = [
        Self::ServerProgram,
        Self::WebApp,
        Self::SinglePageApp,
        Self::NativeApp,
        Self::CommandLineTool,
        Self::LegacyApp,
    ];

    /// The words for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::ServerProgram => "A program on a server, without a person in front of it",
            Self::WebApp => "A web application with a server of its own",
            Self::SinglePageApp => "An application that runs in the browser alone",
            Self::NativeApp => "A mobile or desktop application",
            Self::CommandLineTool => "A command-line tool that a person starts",
            Self::LegacyApp => "An old application that asks for passwords itself",
        }
    }

    fn grant(self) -> GrantType {
        match self {
            Self::ServerProgram => GrantType::ClientCredentials,
            Self::LegacyApp => GrantType::Password,
            _ => GrantType::AuthorizationCode,
        }
    }

    /// Whether it can keep a secret from those who use it (RFC 6749 2.1).
    fn keeps_secrets(self) -> bool {
        matches!(self, Self::ServerProgram | Self::WebApp | Self::LegacyApp)
    }

    fn why(self) -> &'static str {
        match self {
            Self::ServerProgram => {
                "The app acts for itself and keeps its secret on your server. No user signs in (RFC 6749 4.4)."
            }
            Self::WebApp => {
                "The user signs in here, never at your app; your server exchanges the code with its secret, and PKCE ties the code to it (RFC 9700 2.1.1)."
            }
            Self::SinglePageApp => {
                "Whoever opens a browser reads what is in it: the app has no secret, and PKCE takes its place (RFC 9700 2.1.1)."
            }
            Self::NativeApp => {
                "An installed app keeps no secret from its user: it opens the system's browser and uses PKCE, with a redirect URI of its own (RFC 8252)."
            }
            Self::CommandLineTool => {
                "The tool opens the browser and listens at http://127.0.0.1 for the answer; it has no secret and uses PKCE (RFC 8252 7.3). For a script without a person take a program on a server."
            }
            Self::LegacyApp => {
                "Only for apps that cannot be changed: the app sees the user's password. RFC 9700 2.4 forbids it to new ones."
            }
        }
    }
}

/// What fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recommendation {
    /// What is built.
    pub kind: AppKind,
    /// In words.
    pub title: &'static str,
    /// The flow.
    pub grant: GrantType,
    /// How the app authenticates.
    pub auth_method: ClientAuthMethod,
    /// Whether PKCE is part of it (RFC 7636).
    pub pkce: bool,
    /// Whether the app stays signed in by refresh tokens at this API.
    pub refresh: bool,
    /// Whether this API has all of that on.
    pub available: bool,
    /// Why this flow.
    pub why: &'static str,
    /// What is off at this API, in words; absent where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off: Option<&'static str>,
    /// What to build instead, where this cannot be had and that can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead: Option<AppKind>,
    /// Another way at this API, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub also: Option<&'static str>,
}

/// The recommendation for each kind of app at an API with this profile.
pub fn all(profile: &Profile) -> Vec<Recommendation> {
    AppKind::ALL.into_iter().map(|kind| recommend(kind, profile)).collect()
}

/// The recommendation for one kind of app at an API with this profile.
pub fn recommend(kind: AppKind, profile: &Profile) -> Recommendation {
    let grant = kind.grant();
    let off = off(kind, profile);
    let refreshes = profile.offers(GrantType::RefreshToken) && profile.refresh.grants.contains(&grant);
    let keys = matches!(kind, AppKind::ServerProgram | AppKind::CommandLineTool)
        && profile.api_keys != ApiKeyPolicy::Off;
    Recommendation {
        kind,
        title: kind.title(),
        grant,
        auth_method: auth_method(kind, profile),
        pkce: grant == GrantType::AuthorizationCode,
        refresh: off.is_none() && refreshes,
        available: off.is_none(),
        why: kind.why(),
        off,
        instead: off.and_then(|_| instead(kind, profile)),
        also: keys.then_some(
            "This API takes API keys, too: for a program that cannot ask for tokens. A key lives long, so a leak does.",
        ),
    }
}

/// HTTP Basic where it is on: secrets in bodies end in more logs (RFC 6749 2.3.1).
fn auth_method(kind: AppKind, profile: &Profile) -> ClientAuthMethod {
    if !kind.keeps_secrets() {
        return ClientAuthMethod::None;
    }
    let preferred = [ClientAuthMethod::ClientSecretBasic, ClientAuthMethod::ClientSecretPost];
    let on = preferred.into_iter().find(|method| profile.client_auth.contains(method));
    on.unwrap_or(ClientAuthMethod::ClientSecretBasic)
}

/// What the profile has off of what a kind needs.
fn off(kind: AppKind, profile: &Profile) -> Option<&'static str> {
    if !profile.offers(kind.grant()) {
        return Some(match kind.grant() {
            GrantType::ClientCredentials => {
                "At this API apps cannot act for themselves: client_credentials is off."
            }
            GrantType::Password => "At this API no app may ask for passwords: the password grant is off.",
            _ => "At this API no user signs in to apps: the authorization code flow is off.",
        });
    }
    if !profile.client_auth.contains(&auth_method(kind, profile)) {
        return Some(if kind.keeps_secrets() {
            "This API accepts no app with a secret."
        } else {
            "This API accepts no app without a secret."
        });
    }
    None
}

/// The nearest kind that can be had. Who has users is not sent to a flow without users.
fn instead(kind: AppKind, profile: &Profile) -> Option<AppKind> {
    let nearest: &[AppKind] = match kind {
        AppKind::ServerProgram => &[],
        AppKind::WebApp => &[AppKind::SinglePageApp],
        AppKind::SinglePageApp | AppKind::NativeApp | AppKind::LegacyApp => &[AppKind::WebApp],
        AppKind::CommandLineTool => &[AppKind::ServerProgram],
    };
    nearest.iter().copied().find(|other| off(*other, profile).is_none())
}
