//! What has to be set up for a tenant, and which kind of credential it then needs.

use grantor_core::access::QuotaClass;
use grantor_core::profile::ApiKeyPolicy;
use grantor_resource::{CredentialKind, Operation};

use super::operations::{call, example, kind_name, operations};
use super::place::Place;
use super::{gates, shell};
use crate::pages::{ClosedOperation, CredentialChoice, QuotaRow, TenantSetup};

pub(super) fn tenant_setup(place: &Place<'_>) -> TenantSetup {
    let can = place.can();
    let gates = gates::rows(place);
    let given = |kind: &CredentialKind| can.gives(*kind);
    let closed = |operation: &Operation| ClosedOperation {
        call: call(operation),
        accepts: operation.accepts.iter().copied().map(kind_name).collect(),
    };
    let all = || operations(place).iter();
    let is_shut = |operation: &&Operation| !operation.accepts.iter().any(given);
    let is_narrow = |operation: &&Operation| operation.accepts.len() == 1 && !is_shut(operation);
    let (example, example_uses_key) = shell_example(place);
    let lives = [(can.machine, "client tokens"), (can.users(), "user tokens")];
    TenantSetup {
        about: place.about(),
        refusal: gates::refusal(&gates),
        gates,
        choices: choices(place),
        narrow: all().filter(is_narrow).map(closed).collect(),
        shut: all().filter(is_shut).map(closed).collect(),
        example,
        example_uses_key,
        lives: lives.into_iter().filter(|(on, _)| *on).map(|(_, what)| what).collect(),
        scopes: !place.api.scope_set().is_empty(),
        quotas: if can.tokens() { quotas() } else { Vec::new() },
        environments: place.environments(),
    }
}

fn choices(place: &Place<'_>) -> Vec<CredentialChoice> {
    let can = place.can();
    let choice = |kind: CredentialKind| {
        let (need, credential, set_up) = words(place, kind);
        let count = operations(place).len();
        let opened = operations(place).iter().filter(|operation| operation.accepts.contains(&kind)).count();
        let opens = (count > 0).then(|| format!("{opened} of {count}"));
        CredentialChoice { need, credential, set_up, opens }
    };
    CredentialKind::ALL.into_iter().filter(|kind| can.gives(*kind)).map(choice).collect()
}

/// What somebody builds, the credential that fits, and what is set up for it.
fn words(place: &Place<'_>, kind: CredentialKind) -> (&'static str, &'static str, &'static str) {
    let can = place.can();
    match kind {
        CredentialKind::Client => (
            "A server, a job or a command-line tool that acts for your organisation",
            "Client token: short-lived, had with client id and secret",
            "An app with the client-credentials grant",
        ),
        CredentialKind::User if can.code => (
            "An app in which people sign in and act for themselves",
            "User token: had when a person signs in here",
            "An app with the code grant and its redirect URIs",
        ),
        CredentialKind::User => (
            "An old app in which people type their passwords",
            "User token: had with the person's name and password",
            "An app with the password grant",
        ),
        CredentialKind::ApiKey => (
            "A system that calls the API and cannot ask for tokens",
            "API key: long-lived, sent as it is",
            match place.profile().api_keys {
                ApiKeyPolicy::SelfService => "A key, made by an administrator of your organisation",
                ApiKeyPolicy::Provider | ApiKeyPolicy::Off => "A key, made by the provider's team",
            },
        ),
    }
}

/// The request and the call that show that everything is set up, and whether they use a key.
fn shell_example(place: &Place<'_>) -> (Option<String>, bool) {
    let can = place.can();
    let endpoint = place.token_endpoints().into_iter().next().filter(|_| can.machine);
    if let (Some(endpoint), Some(method)) = (endpoint, can.methods().into_iter().next()) {
        let request = shell::token_request(&endpoint, method, &shell::MACHINE);
        let call = example(place, CredentialKind::Client).map(|url| shell::call("TOKEN", &url));
        let lines = [Some(request), call].into_iter().flatten();
        return (Some(lines.collect::<Vec<_>>().join("\n\n")), false);
    }
    let url = example(place, CredentialKind::ApiKey).filter(|_| can.keys);
    (url.map(|url| shell::call("API_KEY", &url)), true)
}

/// The classes of quota, as they are enforced.
pub(super) fn quotas() -> Vec<QuotaRow> {
    let row = |class: QuotaClass| QuotaRow {
        class: class.as_str(),
        rate: class.rate().map(|(rate, _)| rate),
        burst: class.rate().map(|(_, burst)| burst),
    };
    QuotaClass::ALL.into_iter().map(row).collect()
}
