//! The credentials that the demo shows: for each app a new version of its secret, for each tenant with access to an API
//! that has keys a new key. Those of earlier starts stay valid, up to a number.

use std::collections::BTreeMap;

use anyhow::Context as _;
use grantor_core::name::Name;
use grantor_core::profile::{ApiKeyPolicy, ClientAuthMethod, GrantType};
use zeroize::Zeroizing;

use super::admin::{Admin, KnownKey, SecretVersion};
use super::landscape::{DemoApi, expand};
use crate::manifest::{AppEntry, EnvironmentEntry, Manifest};

/// How many living secrets of one app, or keys of one tenant, the demo leaves.
const KEPT: usize = 8;

/// The name by which the demo recognises its keys.
const KEY_NAME: &str = "demo";

/// An API with everything that opens it. No `Debug`.
pub(super) struct ShownApi {
    /// The API.
    pub(super) api: DemoApi,
    /// What the API proves itself with at the introspection endpoint.
    pub(super) resource_server: AppSecret,
    /// The apps that call it.
    pub(super) clients: Vec<ShownClient>,
    /// The keys that open it.
    pub(super) keys: Vec<ShownKey>,
}

/// An app's id and secret. No `Debug`.
#[derive(Clone)]
pub(super) struct AppSecret {
    /// Public.
    pub(super) client_id: String,
    /// Not so.
    pub(super) client_secret: Zeroizing<String>,
}

/// An app that calls an API. No `Debug`.
pub(super) struct ShownClient {
    /// Its credentials.
    pub(super) secret: AppSecret,
    /// How it sends them to the token endpoint.
    pub(super) auth_method: ClientAuthMethod,
    /// The grants that it may use.
    pub(super) grants: Vec<GrantType>,
    /// Where answers to it may go, as the environment spells them.
    pub(super) redirect_uris: Vec<String>,
}

/// An API key. No `Debug`.
pub(super) struct ShownKey {
    /// Its id.
    pub(super) id: String,
    /// The key.
    pub(super) key: Zeroizing<String>,
}

/// Makes all of them.
///
/// # Errors
/// What the admin API says; an API without an app that may introspect its tokens.
pub(super) async fn make(
    admin: &Admin,
    manifest: &Manifest,
    apis: Vec<DemoApi>,
) -> anyhow::Result<Vec<ShownApi>> {
    let secrets = secrets(admin, manifest).await?;
    let mut keys = keys(admin, manifest, &apis).await?;
    let shown = |api: DemoApi| {
        let keys = keys.remove(&(api.environment.clone(), api.name.clone()));
        shown(api, manifest, &secrets, keys.unwrap_or_default())
    };
    apis.into_iter().map(shown).collect()
}

/// By environment and client id.
type Secrets<'a> = BTreeMap<(&'a str, &'a str), AppSecret>;

/// By environment and API.
type Keys = BTreeMap<(Name, Name), Vec<ShownKey>>;

async fn secrets<'a>(admin: &Admin, manifest: &'a Manifest) -> anyhow::Result<Secrets<'a>> {
    let mut secrets = Secrets::new();
    for app in manifest.apps.iter().filter(|app| app.auth_method != Some(ClientAuthMethod::None)) {
        let client_id = app.client_id.as_str();
        for environment in app.environments.iter().map(|name| name.as_str()) {
            for version in surplus_versions(&admin.secrets(environment, client_id).await?) {
                admin.end_secret(environment, client_id, version).await?;
            }
            let made = admin.new_secret(environment, client_id).await?;
            let secret = AppSecret {
                client_id: client_id.to_owned(),
                client_secret: Zeroizing::new(made.client_secret),
            };
            secrets.insert((environment, client_id), secret);
        }
    }
    Ok(secrets)
}

/// The oldest living versions, so that one more makes the number that is kept.
fn surplus_versions(known: &[SecretVersion]) -> Vec<i64> {
    let living = |version: &&SecretVersion| !matches!(version.status.as_str(), "ended" | "expired");
    let mut versions: Vec<i64> = known.iter().filter(living).map(|version| version.version).collect();
    versions.sort_unstable();
    versions.truncate((versions.len() + 1).saturating_sub(KEPT));
    versions
}

async fn keys(admin: &Admin, manifest: &Manifest, apis: &[DemoApi]) -> anyhow::Result<Keys> {
    let mut keys = Keys::new();
    let mut made: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for access in &manifest.accesses {
        let opens = |api: &&DemoApi| {
            api.profile.api_keys != ApiKeyPolicy::Off
                && access.apis.contains(&api.name)
                && access.environments.contains(&api.environment)
        };
        for api in apis.iter().filter(opens) {
            let (environment, tenant) = (api.environment.as_str(), access.tenant.as_str());
            let key = admin.new_key(environment, tenant, api.name.as_str(), KEY_NAME).await?;
            made.entry((environment, tenant)).or_default().push(key.id.clone());
            let shown = ShownKey { id: key.id, key: Zeroizing::new(key.key) };
            keys.entry((api.environment.clone(), api.name.clone())).or_default().push(shown);
        }
    }
    for ((environment, tenant), new) in made {
        for id in surplus_keys(&admin.keys(environment, tenant).await?, &new) {
            admin.revoke_key(environment, &id, "made by an earlier start of the demo").await?;
        }
    }
    Ok(keys)
}

/// The oldest living keys of earlier starts, beyond the number that is kept. A key that was just made never is surplus.
fn surplus_keys(known: &[KnownKey], new: &[String]) -> Vec<String> {
    let living: Vec<&KnownKey> =
        known.iter().filter(|key| key.name == KEY_NAME && key.status == "active").collect();
    let surplus = living.len().saturating_sub(KEPT);
    let earlier = living.iter().filter(|key| !new.contains(&key.id));
    earlier.take(surplus).map(|key| key.id.clone()).collect()
}

fn shown(
    api: DemoApi,
    manifest: &Manifest,
    secrets: &Secrets<'_>,
    keys: Vec<ShownKey>,
) -> anyhow::Result<ShownApi> {
    let here = |app: &&AppEntry| app.environments.contains(&api.environment);
    let secret = |app: &AppEntry| secrets.get(&(api.environment.as_str(), app.client_id.as_str())).cloned();
    let resource_server = manifest.apps.iter().filter(here).find(|app| app.introspects.contains(&api.name));
    let resource_server = resource_server.and_then(secret).with_context(|| {
        format!("no app with a secret introspects API {} in {}", api.name, api.environment)
    })?;
    let environment = manifest.environments.iter().find(|known| known.name == api.environment);
    let environment = environment.context("the environment is not in the manifest")?;
    let callers = manifest.apps.iter().filter(here).filter(|app| app.apis.contains(&api.name));
    let clients = callers.filter_map(|app| {
        Some(ShownClient {
            secret: secret(app)?,
            auth_method: app.auth_method.or_else(|| api.profile.client_auth.first().copied())?,
            grants: grants(app, &api),
            redirect_uris: redirect_uris(app, environment),
        })
    });
    let clients = clients.collect();
    Ok(ShownApi { api, resource_server, clients, keys })
}

/// The redirect URIs of an app in one environment.
pub(super) fn redirect_uris(app: &AppEntry, environment: &EnvironmentEntry) -> Vec<String> {
    app.redirect_uris.iter().map(|uri| expand(uri, environment)).collect()
}

/// What the app was registered with; without that, what registration takes.
fn grants(app: &AppEntry, api: &DemoApi) -> Vec<GrantType> {
    let built = || api.profile.grants.iter().copied().filter(|grant| !grant.has_user()).collect();
    app.grants.clone().unwrap_or_else(built)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A world in which every app has the secret `secret-of-CLIENT_ID` and every API with keys has one.
    pub(in crate::demo) fn fake(manifest: &Manifest, apis: Vec<DemoApi>) -> Vec<ShownApi> {
        let mut secrets = Secrets::new();
        for app in &manifest.apps {
            for environment in &app.environments {
                let client_secret = Zeroizing::new(format!("secret-of-{}-in-{environment}", app.client_id));
                let secret = AppSecret { client_id: app.client_id.to_string(), client_secret };
                secrets.insert((environment.as_str(), app.client_id.as_str()), secret);
            }
        }
        let keys = |api: &DemoApi| match api.profile.api_keys {
            ApiKeyPolicy::Off => Vec::new(),
            _ => vec![ShownKey {
                id: "key_1".to_owned(),
                key: Zeroizing::new(format!("key-in-{}", api.environment)),
            }],
        };
        apis.into_iter()
            .map(|api| {
                let keys = keys(&api);
                shown(api, manifest, &secrets, keys).unwrap()
            })
            .collect()
    }

    fn versions(states: &[&str]) -> Vec<SecretVersion> {
        let version = |(at, status): (usize, &&str)| SecretVersion {
            version: at as i64 + 1,
            status: (*status).to_owned(),
        };
        states.iter().enumerate().map(version).collect()
    }

    #[test]
    fn up_to_seven_living_versions_all_stay() {
        assert_eq!(surplus_versions(&versions(&["active"; 7])), Vec::<i64>::new());
        assert_eq!(surplus_versions(&[]), Vec::<i64>::new());
    }

    #[test]
    fn the_oldest_living_versions_end_so_that_the_new_one_is_the_eighth() {
        assert_eq!(surplus_versions(&versions(&["active"; 8])), [1]);
        assert_eq!(surplus_versions(&versions(&["active"; 10])), [1, 2, 3]);
        let mut mixed = versions(&[
            "ended", "active", "expired", "active", "active", "active", "active", "active", "active",
            "not yet",
        ]);
        mixed.reverse();
        assert_eq!(
            surplus_versions(&mixed),
            [2],
            "the ended and the expired do not count, the order of the list neither"
        );
    }

    fn known(names_and_states: &[(&str, &str)]) -> Vec<KnownKey> {
        let key = |(at, (name, status)): (usize, &(&str, &str))| KnownKey {
            id: format!("key_{at}"),
            name: (*name).to_owned(),
            status: (*status).to_owned(),
        };
        names_and_states.iter().enumerate().map(key).collect()
    }

    #[test]
    fn only_keys_of_the_demo_beyond_eight_are_revoked_and_the_oldest_first() {
        let mut keys = vec![("demo", "revoked"), ("mine", "active"), ("demo", "active")];
        keys.extend([("demo", "active"); 7]);
        assert_eq!(surplus_keys(&known(&keys), &["key_9".to_owned()]), Vec::<String>::new());
        keys.push(("demo", "active"));
        assert_eq!(surplus_keys(&known(&keys), &["key_10".to_owned()]), ["key_2"]);
    }

    #[test]
    fn a_key_that_was_just_made_is_never_revoked() {
        let keys = known(&[("demo", "active"); 10]);
        let new: Vec<String> = (0..9).map(|at| format!("key_{at}")).collect();
        assert_eq!(surplus_keys(&keys, &new), ["key_9"]);
    }
}
