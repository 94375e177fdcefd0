//! What an entry of a cache takes of the memory, so that a cache can be bounded in bytes: partners differ in size, and what
//! an app says of itself may be long.
//!
//! An estimate: what the values hold, and for each allocation and for the tables a fixed part.

use std::mem::size_of;
use std::sync::Arc;

use grantor_core::address_list::MAX_NETWORKS;
use grantor_core::api_key::ApiKey;
use grantor_core::app::{App, SecretVersion};
use grantor_core::client_metadata::ClientMetadata;
use grantor_core::grant::Grant;
use grantor_core::id::{ApiId, ApiKeyId, AppId, GrantId, TenantId, UserId};
use grantor_core::ip_net::IpNet;
use grantor_core::scope::ScopeSet;
use grantor_core::user::User;
use quick_cache::Weighter;

use super::{SignedClaims, TenantFacts};

/// The tables of a cache for an entry: its place, its neighbours in the order of eviction, its share of free places.
const ENTRY: usize = 120;
/// What an allocation takes beyond what it was asked for.
const ALLOCATION: usize = 16;
/// A text of which only the ceiling is known: an address, a password hash, a hash of a document.
const SHORT_TEXT: usize = 128;
/// The longest list of networks.
const ADDRESSES: usize = size_of::<IpNet>() * MAX_NETWORKS + ALLOCATION;
/// A public key.
const PUBLIC_KEY: usize = 512;

/// Weighs entries in bytes.
#[derive(Clone, Default)]
pub(super) struct Bytes;

impl Weighter<AppId, Arc<App>> for Bytes {
    fn weight(&self, _id: &AppId, app: &Arc<App>) -> u64 {
        let texts = text(app.client_id.as_str()) + text(&app.name) + metadata(&app.metadata);
        let secrets = list::<SecretVersion>(app.secrets.len()) + app.secrets.len() * (ALLOCATION + 4);
        let lists = list::<ApiId>(app.apis.len()) + list::<ApiId>(app.introspects.len()) + ALLOCATION;
        whole::<App>(texts + secrets + lists + scopes(&app.scopes))
    }
}

impl Weighter<TenantId, Arc<TenantFacts>> for Bytes {
    fn weight(&self, _id: &TenantId, facts: &Arc<TenantFacts>) -> u64 {
        let tenant = text(facts.tenant.name.as_str()) + text(&facts.tenant.title);
        let accesses = facts.accesses.iter().map(|access| {
            let contract = access.contract.as_ref().map_or(0, |contract| text(&contract.reference));
            size_of_val(access) + contract + scopes(&access.scopes)
        });
        let accepted = facts.accepted.iter();
        let accepted =
            accepted.map(|one| size_of_val(one) + text(&one.hash) + text(&one.by) + text(&one.address));
        whole::<TenantFacts>(tenant + accesses.sum::<usize>() + accepted.sum::<usize>())
    }
}

impl Weighter<ApiKeyId, Arc<ApiKey>> for Bytes {
    fn weight(&self, _id: &ApiKeyId, key: &Arc<ApiKey>) -> u64 {
        let optional = |value: &Option<String>| value.as_ref().map_or(0, |value| text(value));
        let texts =
            text(&key.name) + text(&key.last_four) + optional(&key.revoked_reason) + optional(&key.signed_by);
        let addresses = key.addresses.as_ref().map_or(0, |_| ADDRESSES);
        whole::<ApiKey>(texts + addresses + list::<ApiId>(key.apis.len()) + scopes(&key.scopes))
    }
}

impl Weighter<UserId, Arc<User>> for Bytes {
    fn weight(&self, _id: &UserId, user: &Arc<User>) -> u64 {
        let name = user.name.as_ref().map_or(0, |name| text(name));
        whole::<User>(name + 2 * SHORT_TEXT)
    }
}

impl Weighter<GrantId, Arc<Grant>> for Bytes {
    fn weight(&self, _id: &GrantId, grant: &Arc<Grant>) -> u64 {
        whole::<Grant>(scopes(&grant.scopes) + 2 * SHORT_TEXT)
    }
}

impl<K> Weighter<K, Arc<SignedClaims>> for Bytes {
    fn weight(&self, _key: &K, signed: &Arc<SignedClaims>) -> u64 {
        let claims = &signed.claims;
        let texts = [
            &claims.iss,
            &claims.sub,
            &claims.aud,
            &claims.client_id,
            &claims.scope,
            &claims.tid,
            &claims.env,
            &claims.jti,
            &signed.kid,
        ];
        texts.iter().map(|text| text.len() as u64 + 24).sum::<u64>() + 400
    }
}

/// A value behind its counter, with what it holds.
fn whole<T>(holds: usize) -> u64 {
    (size_of::<T>() + ALLOCATION + ENTRY + holds) as u64
}

fn text(text: &str) -> usize {
    text.len() + ALLOCATION
}

fn list<T>(length: usize) -> usize {
    if length == 0 { 0 } else { size_of::<T>() * length + ALLOCATION }
}

fn scopes(scopes: &ScopeSet) -> usize {
    ALLOCATION + scopes.iter().map(|scope| size_of::<String>() + text(scope.as_str())).sum::<usize>()
}

fn metadata(metadata: &ClientMetadata) -> usize {
    let uris = [&metadata.client_uri, &metadata.logo_uri, &metadata.policy_uri, &metadata.tos_uri];
    let uris = uris.into_iter().flatten().map(|uri| text(uri.as_str()));
    let redirects = metadata.redirect_uris.iter().map(|uri| size_of::<String>() + text(uri.as_str()));
    let contacts = metadata.contacts.iter().map(|contact| size_of::<String>() + text(contact));
    let software = [&metadata.software_id, &metadata.software_version];
    let software = software.into_iter().flatten().map(|software| text(software));
    let keys = metadata.jwks.as_ref().map_or(0, |set| set.keys.len() * PUBLIC_KEY);
    uris.chain(redirects).chain(contacts).chain(software).sum::<usize>() + keys
}

#[cfg(test)]
mod tests {
    use super::super::of_bytes;
    use super::*;
    use grantor_core::env::UnixMillis;
    use grantor_core::id::EnvironmentId;
    use grantor_core::tenant::Status;

    fn app(number: u32, contacts: usize) -> Arc<App> {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        let contacts = vec!["somebody@partner.example".to_owned(); contacts];
        Arc::new(App {
            id: AppId::from_bytes(id),
            environment: EnvironmentId::from_bytes([1; 16]),
            tenant: TenantId::from_bytes([2; 16]),
            client_id: format!("app-{number}").parse().unwrap(),
            name: "App".to_owned(),
            status: Status::Active,
            epoch: 0,
            auth_method: None,
            grants: Vec::new(),
            apis: Vec::new(),
            scopes: ScopeSet::default(),
            metadata: ClientMetadata { contacts, ..ClientMetadata::default() },
            introspects: Vec::new(),
            secrets: Vec::new(),
            exposed_at: None,
            created_at: UnixMillis(0),
        })
    }

    #[test]
    fn what_an_app_says_of_itself_is_counted() {
        let weight = |app: Arc<App>| Bytes.weight(&app.id, &app);
        let (short, long) = (weight(app(1, 0)), weight(app(1, 100)));
        assert!(short >= size_of::<App>() as u64);
        assert!(long - short >= 100 * 24, "{short} {long}");
    }

    #[test]
    fn those_who_come_in_turn_after_many_others_find_a_place() {
        let cache = of_bytes::<AppId, Arc<App>>(4 << 20);
        for number in 0..20_000 {
            let app = app(number, 0);
            cache.insert(app.id, app);
        }
        // Fewer than it holds, again and again.
        let mut found = 0;
        for number in (0..10).flat_map(|_| 50_000..51_000) {
            let app = app(number, 0);
            match cache.get(&app.id) {
                Some(_) => found += 1,
                None => cache.insert(app.id, app),
            }
        }
        assert!(found > 7_000, "found {found} of 10000");
    }

    #[test]
    fn a_cache_is_bounded_in_bytes_however_large_its_entries_are() {
        const MOST: u64 = 1 << 20;
        for contacts in [0, 100] {
            let cache = of_bytes::<AppId, Arc<App>>(MOST);
            for number in 0..10_000 {
                let app = app(number, contacts);
                cache.insert(app.id, app);
            }
            let each = Bytes.weight(&app(1, contacts).id, &app(1, contacts));
            let held = cache.len() as u64 * each;
            assert!((MOST / 2..=MOST + MOST / 50).contains(&held), "{held} bytes in {}", cache.len());
        }
    }
}
