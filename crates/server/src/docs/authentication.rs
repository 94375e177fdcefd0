//! How to get a token and call the API.

use grantor_core::grant::{CODE_SECONDS, GRACE_SECONDS};
use grantor_core::profile::{ClaimSource, ClientAuthMethod, GrantType, Rotation, TokenFormat};
use grantor_resource::{CredentialKind, Refusal};

use super::can::Can;
use super::operations::example;
use super::path::docs_of;
use super::place::Place;
use super::shell;
use super::words::{life, life_of};
use crate::pages::{
    Authentication, ClaimRow, CodeFlow, Go, Java, LifeRow, MachineFlow, Node, Pages, PasswordFlow, Php,
    PlainUrl, Python, RefreshRules, Ruby, Rust, ScopeRow, Shell, Shown, Snippet, SnippetFacts, TokenLook,
};

pub(super) fn authentication(pages: &Pages, place: &Place<'_>) -> Authentication {
    let can = place.can();
    let mut endpoints = place.token_endpoints().into_iter();
    let endpoint = endpoints.next();
    let request = |method, on: bool| {
        let endpoint = endpoint.as_ref().filter(|_| on && can.machine)?;
        Some(shell::token_request(endpoint, method, &shell::MACHINE))
    };
    Authentication {
        about: place.about(),
        keys: can.keys,
        aliases: endpoints.collect(),
        basic: request(ClientAuthMethod::ClientSecretBasic, can.basic),
        post: request(ClientAuthMethod::ClientSecretPost, can.post),
        machine: can.machine.then(|| machine(place)),
        code: endpoint.as_ref().filter(|_| can.code).map(|endpoint| code(place, endpoint)),
        password: endpoint.as_ref().filter(|_| can.password).map(|endpoint| PasswordFlow {
            request: shell::token_request(endpoint, best(can), &shell::PASSWORD),
        }),
        refresh: endpoint.as_ref().filter(|_| can.refresh).map(|endpoint| refresh(place, endpoint)),
        token: can.tokens().then(|| look(place)),
        audience: place.api.audience.clone(),
        lives: lives(place),
        scopes: scopes(place),
        flows: format!("{}/flows", docs_of(place.environment, place.api)),
        call: call(place),
        missing_space: Refusal::MissingSpace.description(),
        snippets: snippets(pages, place),
        endpoint,
    }
}

/// The recommended way of client authentication.
fn best(can: Can) -> ClientAuthMethod {
    can.methods().first().copied().unwrap_or(ClientAuthMethod::None)
}

fn machine(place: &Place<'_>) -> MachineFlow {
    let life = life(place.profile().lifetimes.client_token);
    let answer = format!(
        "{{\n  \"access_token\": \"<token>\",\n  \"token_type\": \"Bearer\",\n  \"expires_in\": {}\n}}",
        life.seconds
    );
    MachineFlow { answer, life }
}

fn code(place: &Place<'_>, endpoint: &PlainUrl) -> CodeFlow {
    let can = place.can();
    let ask = format!(
        "{}/authorize\n  ?response_type=code\n  &client_id=<client id>\n  &redirect_uri=<redirect URI, as registered>\n  \
         &scope=<scopes, with %20 between them>\n  &state=<a new random text>\n  \
         &code_challenge=<base64url of the SHA-256 of the verifier>\n  &code_challenge_method=S256",
        place.environment.issuer
    );
    let redeem = |method| shell::token_request(endpoint, method, &shell::CODE);
    CodeFlow {
        ask,
        redeem: can.methods().into_iter().map(redeem).collect(),
        public: can.public,
        code_life: life_of(CODE_SECONDS),
        life: life(place.profile().lifetimes.user_token),
    }
}

fn refresh(place: &Place<'_>, endpoint: &PlainUrl) -> RefreshRules {
    let (can, profile) = (place.can(), place.profile());
    let rotates = profile.refresh.rotation == Rotation::Always;
    let names = [(can.code, GrantType::AuthorizationCode), (can.password, GrantType::Password)];
    let refreshed = |(on, grant): &(bool, GrantType)| *on && profile.refresh.grants.contains(grant);
    RefreshRules {
        request: shell::token_request(endpoint, best(can), &shell::REFRESH),
        grants: names.into_iter().filter(refreshed).map(|(_, grant)| grant.as_str()).collect(),
        max_age: life(profile.refresh.max_age),
        rotates,
        // RFC 9700 2.2.2: who proves nothing gets a new one in any case.
        rotates_for_public_apps: !rotates && can.public,
        grace: (!profile.fapi2 && (rotates || can.public)).then(|| life_of(GRACE_SECONDS)),
    }
}

fn look(place: &Place<'_>) -> TokenLook {
    let (issuer, profile) = (&place.environment.issuer, place.profile());
    let is_jwt = profile.token_format == TokenFormat::Jwt;
    let tid = ClaimRow { name: "tid".to_owned(), value: claim(ClaimSource::TenantId) };
    let own = profile.server_claims.iter();
    let own = own.map(|(name, source)| ClaimRow { name: name.clone(), value: claim(*source) });
    TokenLook {
        algorithm: is_jwt.then(|| profile.signing_alg.as_str()),
        jwks: format!("{issuer}/jwks"),
        introspection: format!("{issuer}/introspect"),
        issuer: issuer.to_string(),
        claims: [tid].into_iter().chain(own).filter(|_| is_jwt).collect(),
    }
}

fn claim(source: ClaimSource) -> &'static str {
    match source {
        ClaimSource::TenantId => "the id of your organisation (tenant), a GUID",
        ClaimSource::TenantName => "the short name of your organisation (tenant)",
        ClaimSource::EnvironmentName => "the name of the environment",
        ClaimSource::ClientId => "the client id of the app",
    }
}

fn lives(place: &Place<'_>) -> Vec<LifeRow> {
    let (can, lifetimes) = (place.can(), &place.profile().lifetimes);
    let rows = [
        (can.machine, "Access token of an app", lifetimes.client_token),
        (can.users(), "Access token of a signed-in user", lifetimes.user_token),
        (can.keys, "API key", lifetimes.api_key),
    ];
    let on = rows.into_iter().filter(|(on, ..)| *on);
    on.map(|(_, what, lifetime)| LifeRow { what, life: life(lifetime) }).collect()
}

fn scopes(place: &Place<'_>) -> Vec<ScopeRow> {
    let added = &place.api.server_scopes;
    let named = place.api.scopes.iter().map(|scope| ScopeRow {
        name: scope.name.as_str().to_owned(),
        meaning: Shown::text(&scope.description),
        added: added.contains(&scope.name),
        required: scope.required && place.can().users(),
    });
    let unnamed = added.iter().filter(|scope| !place.api.scopes.iter().any(|known| known.name == **scope));
    let unnamed = unnamed.map(|scope| ScopeRow {
        name: scope.as_str().to_owned(),
        meaning: Shown::text(""),
        added: true,
        required: false,
    });
    named.chain(unnamed).collect()
}

/// A call with the credential that is had most easily, and the variable that it stands in.
pub(super) fn call(place: &Place<'_>) -> Option<String> {
    let can = place.can();
    let url = |kind| example(place, kind);
    let variable = |kind| if kind == CredentialKind::ApiKey { "API_KEY" } else { "TOKEN" };
    let mut given = CredentialKind::ALL.into_iter().filter(|kind| can.gives(*kind));
    given.find_map(|kind| Some(shell::call(variable(kind), &url(kind)?)))
}

/// Programs for apps that act for themselves, or for those who hold a key. A user's token is had by a browser.
fn snippets(pages: &Pages, place: &Place<'_>) -> Vec<Snippet> {
    let can = place.can();
    let endpoint = place.token_endpoints().into_iter().next().filter(|_| can.machine);
    let kind = if endpoint.is_some() { CredentialKind::Client } else { CredentialKind::ApiKey };
    let call = example(place, kind);
    let key_alone = endpoint.is_none() && can.keys && call.is_some();
    if endpoint.is_none() && !key_alone {
        return Vec::new();
    }
    let facts = SnippetFacts { endpoint, basic: can.basic, call };
    vec![
        pages.snippet(&Shell(&facts)),
        pages.snippet(&Node(&facts)),
        pages.snippet(&Python(&facts)),
        pages.snippet(&Go(&facts)),
        pages.snippet(&Java(&facts)),
        pages.snippet(&Rust(&facts)),
        pages.snippet(&Php(&facts)),
        pages.snippet(&Ruby(&facts)),
    ]
}
