//! Which credentials there are, how they are had, kept, changed and ended.

use grantor_core::app::MAX_SECRET_VERSIONS;
use grantor_core::gate_rule::Gate;
use grantor_core::profile::ApiKeyPolicy;
use grantor_core::secret::CredentialType;

use super::operations;
use super::place::Place;
use super::words::life;
use crate::pages::{Credentials, KeyRules, PublicApps, SecretRules};

pub(super) fn credentials(place: &Place<'_>) -> Credentials {
    let (can, profile) = (place.can(), place.profile());
    let lifetimes = &profile.lifetimes;
    Credentials {
        about: place.about(),
        secrets: can.secrets().then(|| SecretRules {
            prefix: place.prefix(CredentialType::ClientSecret),
            versions: MAX_SECRET_VERSIONS,
            token: can.machine.then(|| life(lifetimes.client_token)),
        }),
        public: can.public.then(|| PublicApps { beside_secrets: can.secrets() }),
        keys: can.keys.then(|| KeyRules {
            prefix: place.prefix(CredentialType::ApiKey),
            life: life(lifetimes.api_key),
            self_service: profile.api_keys == ApiKeyPolicy::SelfService,
            administrators_only: profile.gates.iter().any(|rule| rule.gate == Gate::TenantAdmin),
        }),
        user_token: can.users().then(|| life(lifetimes.user_token)),
        tokens: can.tokens(),
        environments: place.environments(),
        operations: operations::rows(place),
    }
}
