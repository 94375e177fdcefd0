//! How to keep credentials, and what to do when one has leaked.

use grantor_core::profile::Rotation;
use grantor_core::secret::CredentialType;

use super::place::Place;
use super::words::life;
use crate::pages::Security;

pub(super) fn security(place: &Place<'_>) -> Security {
    let (can, profile) = (place.can(), place.profile());
    let kinds = [
        (can.secrets(), "client secret", CredentialType::ClientSecret),
        (can.keys, "API key", CredentialType::ApiKey),
        (can.refresh, "refresh token", CredentialType::RefreshToken),
    ];
    let had = || kinds.iter().filter(|(on, ..)| *on);
    let lifetimes = &profile.lifetimes;
    let lives = [(can.machine, lifetimes.client_token), (can.users(), lifetimes.user_token)];
    let longest = lives.into_iter().filter(|(on, _)| *on).map(|(_, lifetime)| lifetime).max();
    Security {
        about: place.about(),
        secrets: had().map(|(_, name, _)| *name).collect(),
        client_secret: can.secrets(),
        keys: can.keys,
        code: can.code,
        public: can.public,
        password: can.password,
        refresh: can.refresh,
        rotates: can.refresh && profile.refresh.rotation == Rotation::Always,
        token: longest.map(life),
        prefixes: had().map(|(.., kind)| place.prefix(*kind)).collect(),
        several_environments: !place.elsewhere.is_empty(),
    }
}
