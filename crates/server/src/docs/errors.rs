//! Every refusal that an app can meet. Codes and meanings are those of the code that refuses; here is said where each is
//! met and what to do. Each match names every code: a new one does not compile before it has its words.

use grantor_core::error::OAuthError;
use grantor_resource::{CredentialKind, Refusal};

use super::can::Can;
use super::gates;
use super::operations::operations;
use super::place::Place;
use super::tenant_setup::quotas;
use crate::pages::{ApiErrors, ErrorRow, Errors};

pub(super) fn errors(place: &Place<'_>) -> Errors {
    let can = place.can();
    let gates = gates::rows(place);
    let token = |error: OAuthError| {
        let (status, advice) = at_token_endpoint(error, can)?;
        Some(row(status, error, advice))
    };
    let authorization = |error: OAuthError| Some(row("", error, at_authorization_endpoint(error)?));
    let all = OAuthError::ALL.into_iter();
    Errors {
        about: place.about(),
        token: all.clone().filter(|_| can.tokens()).filter_map(token).collect(),
        authorization: all.filter(|_| can.code).filter_map(authorization).collect(),
        api: at_api(place),
        gate_refusal: gates::refusal(&gates),
        gates: gates.into_iter().map(|gate| gate.name).collect(),
        documents: can.refresh || can.password,
        quotas: if can.tokens() { quotas() } else { Vec::new() },
        keys: can.keys,
    }
}

fn row(status: &str, error: OAuthError, advice: &'static str) -> ErrorRow {
    ErrorRow { status: status.to_owned(), code: error.code(), meaning: error.description(), advice }
}

/// The status codes and what to do; nothing for a code that the token endpoint of this API never answers.
fn at_token_endpoint(error: OAuthError, can: Can) -> Option<(&'static str, &'static str)> {
    match error {
        OAuthError::InvalidRequest => Some((
            "400, 405, 408 or 413",
            "Send each parameter once, as a form, by POST. The description says which rule was broken.",
        )),
        OAuthError::InvalidClient => Some((
            "401 or 429",
            "Send the id and secret of this environment in an accepted way. With 429 too many attempts have failed: wait \
             as long as Retry-After says.",
        )),
        OAuthError::InvalidGrant => can.users().then_some((
            "400",
            "What was sent has ended, was used before or belongs to another app. Let the user sign in again.",
        )),
        OAuthError::UnauthorizedClient => {
            Some(("400", "Use a grant that your app is registered for, or have this one added to the app."))
        }
        OAuthError::UnsupportedGrantType => {
            Some(("400", "Use a grant that this API has on: the table of flows shows them."))
        }
        OAuthError::InvalidScope => Some((
            "400",
            "Leave the parameter scope out to get all that your app may hold, or have the scope added to your access.",
        )),
        OAuthError::InvalidTarget => Some((
            "400",
            "Your app calls several APIs: name the audience of this one in the parameter resource.",
        )),
        OAuthError::AccessDenied => {
            Some(("400", "Your access is not open. Do the step that is missing; a new secret does not help."))
        }
        OAuthError::TemporarilyUnavailable => {
            Some(("429 or 503", "Wait as long as Retry-After says, then send the same request again."))
        }
        OAuthError::ServerError => {
            Some(("500", "Try again later. If it happens again, give support the request id."))
        }
        OAuthError::UnsupportedTokenType
        | OAuthError::InvalidToken
        | OAuthError::InsufficientScope
        | OAuthError::UnsupportedResponseType
        | OAuthError::LoginRequired
        | OAuthError::ConsentRequired
        | OAuthError::InteractionRequired
        | OAuthError::AccountSelectionRequired
        | OAuthError::RequestNotSupported
        | OAuthError::RequestUriNotSupported
        | OAuthError::RegistrationNotSupported
        | OAuthError::UnmetAuthenticationRequirements => None,
    }
}

/// What to do; nothing for a code that no browser ever brings back.
fn at_authorization_endpoint(error: OAuthError) -> Option<&'static str> {
    match error {
        OAuthError::InvalidRequest => Some("Mend the address that you send browsers to."),
        OAuthError::UnauthorizedClient => Some("Have the code grant added to your app."),
        OAuthError::AccessDenied => {
            Some("The user said no, or your access is not open. Do not ask again by yourself.")
        }
        OAuthError::UnsupportedResponseType => Some("Send response_type=code."),
        OAuthError::InvalidScope => Some("Ask for scopes that your app may hold."),
        OAuthError::InvalidTarget => Some("Name the audience of this API in the parameter resource."),
        OAuthError::ServerError => Some("Let the user try again later."),
        OAuthError::TemporarilyUnavailable => Some("Let the user try again in a moment."),
        OAuthError::LoginRequired
        | OAuthError::ConsentRequired
        | OAuthError::InteractionRequired
        | OAuthError::AccountSelectionRequired => Some("Send the browser again without prompt=none."),
        OAuthError::RequestNotSupported
        | OAuthError::RequestUriNotSupported
        | OAuthError::RegistrationNotSupported => Some("Leave this parameter out."),
        OAuthError::UnmetAuthenticationRequirements => Some("Do not make this acr_values essential."),
        OAuthError::InvalidClient
        | OAuthError::InvalidGrant
        | OAuthError::UnsupportedGrantType
        | OAuthError::UnsupportedTokenType
        | OAuthError::InvalidToken
        | OAuthError::InsufficientScope => None,
    }
}

/// The refusals of the guard before the API. Those about operations need a contract.
fn at_api(place: &Place<'_>) -> ApiErrors {
    let can = place.can();
    // Nobody sends what cannot be had.
    let kinds = operations(place).iter().find_map(|operation| {
        let wrong = |kind: &CredentialKind| can.gives(*kind) && !operation.accepts.contains(kind);
        let sent = CredentialKind::ALL.into_iter().find(wrong)?;
        Some(Refusal::CredentialKind { accepts: operation.accepts.clone(), sent })
    });
    let scopes = operations(place).iter().find(|operation| !operation.scopes.is_empty());
    let scopes = scopes.map(|operation| Refusal::MissingScope { needed: operation.scopes.clone() });
    let paths = (place.contract.is_some())
        .then(|| [Refusal::UnknownPath, Refusal::OtherMethod { allow: Vec::new() }]);
    let body = |refusal: &Refusal| serde_json::to_string_pretty(&refusal.body()).unwrap_or_default();
    let (wrong_kind, missing_scope) = (kinds.as_ref().map(body), scopes.as_ref().map(body));
    let always = [
        Refusal::TokenInQuery,
        Refusal::SeveralCredentials,
        Refusal::NoCredential,
        Refusal::WrongScheme,
        Refusal::MissingSpace,
        Refusal::MalformedToken,
        Refusal::InvalidToken,
    ];
    let all = always
        .into_iter()
        .chain(kinds)
        .chain(scopes)
        .chain(paths.into_iter().flatten())
        .chain(can.keys.then_some(Refusal::TooManyCalls { retry_after: 1 }))
        .chain([Refusal::Unavailable]);
    let row = |refusal: Refusal| ErrorRow {
        status: refusal.status().as_u16().to_string(),
        code: refusal.code(),
        meaning: refusal.description(),
        advice: advice(&refusal, can),
    };
    ApiErrors { rows: all.map(row).collect(), wrong_kind, missing_scope }
}

fn advice(refusal: &Refusal, can: Can) -> &'static str {
    match refusal {
        Refusal::TokenInQuery => {
            "Move it into the header. What stood in an address stands in logs: change it."
        }
        Refusal::SeveralCredentials => "Send one Authorization header and nothing in the address.",
        Refusal::NoCredential => "Add the header.",
        Refusal::WrongScheme => "Write Bearer, not Basic or another word.",
        Refusal::MissingSpace => "Write one space behind Bearer.",
        Refusal::MalformedToken => "Send the credential as it came, without quotation marks or line ends.",
        Refusal::InvalidToken if can.tokens() => {
            "Get a new token and try once more. If that is refused, too, look at the audience and the environment."
        }
        Refusal::InvalidToken => {
            "Look whether the key has ended, and whether it belongs to this environment."
        }
        Refusal::CredentialKind { .. } => "Use a credential of a kind that the member accepts names.",
        Refusal::MissingScope { .. } => {
            "Use a credential that holds the scopes which the member scope names."
        }
        Refusal::UnknownPath => "Compare the path with the operations of the API, letter by letter.",
        Refusal::OtherMethod { .. } => "Use a method that the header Allow names.",
        Refusal::TooManyCalls { .. } => "Wait as long as Retry-After says. A key has a quota of its own.",
        Refusal::Unavailable => "Wait as long as Retry-After says, then try again.",
    }
}
