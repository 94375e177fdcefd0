//! What an owner is told about each reason: what happened, and what would mend it.

use crate::error::Reason;

/// One table for the sentence and for the list, so that a new reason compiles into neither without the other.
macro_rules! fixes {
    ($($reason:ident => $sentence:literal,)*) => {
        /// What happened, and what the owner can do about it. Fixed texts, never made from input.
        pub fn fix(reason: Reason) -> &'static str {
            match reason {
                $(Reason::$reason => $sentence,)*
            }
        }

        /// Every reason.
        pub const REASONS: &[Reason] = &[$(Reason::$reason),*];
    };
}

impl Reason {
    /// The reason that is stored under this name.
    pub fn from_name(name: &str) -> Option<Self> {
        REASONS.iter().copied().find(|reason| reason.name() == name)
    }
}

fixes! {
    Malformed => "The request could not be read. Compare it with the example in the API's documentation.",
    DuplicateParameter => "A parameter was sent twice. Send each parameter once.",
    FieldTooLong => "A field was longer than is accepted. Shorten it; the limits stand in the documentation.",
    WrongContentType => "The body was no form. Send Content-Type: application/x-www-form-urlencoded.",
    CredentialInQuery => "A secret or token stood in the address. It is in logs now: rotate it, and send it in the body or header.",
    TwoClientAuthMethods => "Client credentials came in two ways at once. Use either the Authorization header or the body.",
    MissingClientAuth => "No client credentials came. Send client id and secret in the way that the API accepts.",
    MalformedBasic => "The Authorization header is not valid HTTP Basic. Send Basic and base64 of client_id:client_secret.",
    UnknownClient => "There is no app with this client id in this environment. Check the client id and the address that you call.",
    SecretMismatch => "The secret is none of this app's. Check that it was copied whole and belongs to this app; if it is lost, add a new version.",
    SecretExpired => "The secret is this app's and has expired, was ended, or is not valid yet. Use the current version, or add one.",
    SecretOfOtherEnvironment => "The secret is genuine and belongs to another environment. Call that environment's address, or use the credentials of this one.",
    AuthMethodNotAllowed => "The app authenticated in a way that it or the API does not accept. Use the registered method.",
    PublicClientWithSecret => "The app is registered as public and sent a secret. Leave the secret out, or register an app that keeps one.",
    AppSuspended => "The app is suspended. Ask the API's provider why; it works again once it is resumed.",
    AppDeleted => "The app was deleted. Make another one; a client id is never given again.",
    TenantSuspended => "The organisation is suspended. Ask the API's provider why; everything works again once it is resumed.",
    AccessMissing => "The organisation has no access to this API. Apply for it.",
    AccessNotActive => "The organisation's access to this API is not open: suspended or closed. Look at its state, or ask the provider.",
    AddressNotAllowed => "The key came from an address that is not on its list. Call from one that is, or make a key with another list.",
    KeyWouldWiden => "A key can only be narrowed. Make a new one for more.",
    StepNotPossible => "The step does not fit where things stand. Look at the state first.",
    NotSelfService => "The provider's team makes these. Ask them for one.",
    GateClosed => "A step that this API demands is missing. The access shows which one.",
    MissingGrantType => "The parameter grant_type is missing. Send it in the body.",
    UnknownGrantType => "The grant type is unknown here. Use one of those that the discovery document lists.",
    GrantNotInProfile => "The API does not take this grant. Use one of its own.",
    GrantNotForApp => "The app is not registered for this grant. Add it to the app, or use another one.",
    GrantNotForPublicClient => "A public app cannot use this grant. Use a code with PKCE, or register an app that keeps a secret.",
    MalformedScope => "The scope is not written as scopes are. Send names, separated by single blanks.",
    UnknownScope => "The API knows no such scope. Compare its spelling with the API's list.",
    ScopeNotAllowed => "The scope is known and not allowed here. Add it to the app, or ask for a wider access.",
    ScopesOfTwoApis => "The scopes belong to two APIs. Ask for one token for each.",
    UnknownResource => "No API has this resource. Send its audience exactly as it is documented.",
    ResourceNotAllowed => "The app may not call this API. Add the API to the app.",
    AmbiguousApi => "The app has several APIs and the request named none. Send resource with the audience of one.",
    NoApi => "No API was named or fits. Add one to the app, or name one.",
    QuotaExceeded => "More tokens were asked for than the quota allows. Keep a token for expires_in seconds; if that is not enough, ask for a higher quota.",
    TooManyFailures => "Too many attempts failed, so this one was not looked at. Wait for Retry-After, and mend what failed before.",
    UnknownCredential => "The credential is none of this environment's, or was altered. Send it whole and unchanged.",
    CredentialExpired => "The credential has expired. Get a new token, or rotate the key.",
    CredentialRevoked => "The credential was revoked or suspended. Get a new one, or ask who ended it.",
    EpochTooOld => "The token was ended together with others: app, user or organisation was suspended, or all tokens were ended. Get a new one.",
    WrongAudience => "The credential is for another API. Get one for the API that you call.",
    WrongEnvironment => "The credential is genuine and belongs to another environment. Call that environment's address, or use a credential of this one.",
    NotAResourceServer => "The app asked about a token and is no API. Register which APIs it is (introspects).",
    NotTheOwner => "The token belongs to another app. Only its own app can give it back.",
    KindNotAccepted => "The operation does not take this kind of credential. Use one of those that its contract names.",
    UnknownOperation => "The API's contract has no such path or method. Compare the address with the API's documentation.",
    NoSuchKeyType => "The API does not take this kind of credential here. Use one that its profile allows.",
    RedirectUriMismatch => "The redirect URI is not registered. Register it exactly as the app sends it, to the last character.",
    RedirectUriMissing => "The redirect URI is missing, and the app has several or none. Send it, or register one.",
    ParameterNotSupported => "A parameter is not supported. Leave it out.",
    ResponseTypeNotSupported => "Only response_type=code is supported. Use the code flow.",
    PkceMissing => "PKCE is missing. Send code_challenge with method S256, and its verifier with the code.",
    InteractionNeeded => "The user had to do something and the request forbade to show a page. Start again without prompt=none.",
    OtherUserExpected => "Another user is signed in than the one who was asked for. Let the right one sign in.",
    NoTenant => "The user belongs to no organisation that this app serves. Add a membership.",
    ConsentDenied => "The user did not allow the app. Nothing is broken: explain what it needs, and let them try again.",
    DocumentsDeclined => "The user did not accept the documents. They can, the next time that they sign in.",
    DocumentsOpen => "The user has not accepted the current documents. Let them sign in again, where they are asked to.",
    CodeUnknown => "The code is unknown here. Send it unchanged, once, to the environment that gave it.",
    CodeExpired => "The code was redeemed too late: it lives for a minute. Redeem it at once.",
    CodeReplayed => "The code was redeemed a second time, so its tokens were ended. Redeem it once; if that was not you, look for a leak.",
    CodeOfOtherApp => "The code was given to another app. Redeem it with the client id that asked for it.",
    RedirectUriChanged => "The redirect URI at the token endpoint is not the one of the authorization request. Send the same.",
    VerifierMismatch => "The PKCE verifier does not fit the challenge. Keep the verifier of this very request, and begin anew.",
    RefreshUnknown => "The refresh token is unknown here. Send it unchanged; if it is lost, let the user sign in.",
    RefreshOfOtherApp => "The refresh token was given to another app. Use the client id that got it.",
    RefreshReused => "An old refresh token was used again, so the sign-in was ended. Keep only the newest, in one place; if that was not you, look for a leak.",
    RefreshAhead => "The refresh token is newer than the server's data. Let the user sign in again; the provider has to look at its database.",
    RefreshNotAllowed => "The app or the API has no refresh tokens. Let the user sign in again, or register the grant.",
    GrantEnded => "The user's sign-in has ended: revoked, expired, or its API was taken away. Let them sign in again.",
    SessionEnded => "The browser session behind the sign-in has ended. Let the user sign in again, or ask for offline access.",
    UserSuspended => "The user is suspended. Ask the provider; other users are not concerned.",
    PasswordMismatch => "The user's name or password was wrong. Let them type it again.",
    AccountBlocked => "The account is blocked for a while after failed log-ins. Wait, then try again with the right password.",
    PasswordRefused => "The password cannot be used here: too short, too long, or known from leaks. Choose another.",
    FormProofMissing => "The form was not made for this browser, or was kept too long. Open the page again and send it from there.",
    InteractionUnknown => "The sign-in has ended, took too long, or was begun in another browser. Begin it anew from the app.",
    NotAUserToken => "The token stands for the app and not for a user. Use one that a user has signed in for.",
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_reason_has_a_fix_of_its_own_in_two_parts() {
        assert!(REASONS.len() > 70, "{}", REASONS.len());
        let texts: HashSet<&str> = REASONS.iter().map(|reason| fix(*reason)).collect();
        assert_eq!(texts.len(), REASONS.len(), "two reasons with one text cannot be told apart");
        for reason in REASONS {
            let text = fix(*reason);
            assert!(text.ends_with('.') && text.len() < 200, "{}: {text}", reason.name());
            assert!(
                text.contains([':', ',', ';']) || text.matches('.').count() > 1,
                "{}: {text}",
                reason.name()
            );
        }
    }

    #[test]
    fn a_reason_is_found_again_by_its_name() {
        for reason in REASONS {
            assert_eq!(Reason::from_name(reason.name()), Some(*reason));
        }
        assert_eq!(Reason::from_name("no_such_reason"), None);
    }
}
