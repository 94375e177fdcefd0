//! What an API gives: the one place where a profile is turned into yes and no.

use grantor_core::profile::{ApiKeyPolicy, ClientAuthMethod, GrantType, Profile};
use grantor_resource::CredentialKind;

/// What an API gives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Can {
    /// Tokens of apps for themselves.
    pub(super) machine: bool,
    /// Tokens of users, by a code.
    pub(super) code: bool,
    /// Tokens of users, by their passwords.
    pub(super) password: bool,
    /// Refresh tokens.
    pub(super) refresh: bool,
    /// API keys.
    pub(super) keys: bool,
    /// Tokens to apps that send their secret in the header.
    pub(super) basic: bool,
    /// Tokens to apps that send their secret in the body.
    pub(super) post: bool,
    /// Tokens to apps without a secret.
    pub(super) public: bool,
}

impl Can {
    pub(super) fn of(profile: &Profile) -> Self {
        let on = |grant| profile.grants.contains(&grant);
        let (machine, code) = (on(GrantType::ClientCredentials), on(GrantType::AuthorizationCode));
        let password = on(GrantType::Password) && !profile.fapi2;
        let takes = |method| (machine || code || password) && profile.client_auth.contains(&method);
        Self {
            machine,
            code,
            password,
            refresh: (code || password) && profile.offers(GrantType::RefreshToken),
            keys: profile.api_keys != ApiKeyPolicy::Off,
            basic: takes(ClientAuthMethod::ClientSecretBasic),
            post: takes(ClientAuthMethod::ClientSecretPost),
            public: (code || password) && takes(ClientAuthMethod::None),
        }
    }

    /// Tokens of any kind.
    pub(super) fn tokens(self) -> bool {
        self.machine || self.users()
    }

    /// Tokens of users.
    pub(super) fn users(self) -> bool {
        self.code || self.password
    }

    /// Tokens to apps with a secret.
    pub(super) fn secrets(self) -> bool {
        self.basic || self.post
    }

    /// Credentials of a kind.
    pub(super) fn gives(self, kind: CredentialKind) -> bool {
        match kind {
            CredentialKind::Client => self.machine,
            CredentialKind::User => self.users(),
            CredentialKind::ApiKey => self.keys,
        }
    }

    /// The ways of client authentication, the recommended one first.
    pub(super) fn methods(self) -> Vec<ClientAuthMethod> {
        let ways = [
            (self.basic, ClientAuthMethod::ClientSecretBasic),
            (self.post, ClientAuthMethod::ClientSecretPost),
            (self.public, ClientAuthMethod::None),
        ];
        ways.into_iter().filter(|(on, _)| *on).map(|(_, method)| method).collect()
    }
}
