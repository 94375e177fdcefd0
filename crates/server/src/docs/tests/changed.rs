//! A profile or contract changes, and the articles change with it.

use grantor_core::gate_rule::Gate;
use grantor_core::lifetime::Lifetime;
use grantor_core::profile::{ApiKeyPolicy, ClientAuthMethod, GrantType, Rotation, TokenFormat};

use super::super::path::Topic;
use super::world::World;

#[test]
fn a_changed_lifetime_is_told_in_words_and_seconds_everywhere() {
    let before = World::of("channel").articles();
    assert!(
        before.contains("| Access token of an app | 1 hour | 3600 |")
            && before.contains("\"expires_in\": 3600")
    );
    let after = World::of("channel").with(|profile| {
        profile.lifetimes.client_token = Lifetime::from_seconds(900).unwrap();
    });
    let after = after.articles();
    assert!(
        after.contains("| Access token of an app | 15 minutes | 900 |")
            && after.contains("\"expires_in\": 900")
    );
    assert!(!after.contains("1 hour") && !after.contains("3600"));
}

#[test]
fn a_changed_way_of_client_authentication_changes_commands_and_programs() {
    let article = World::of("channel")
        .with(|profile| profile.client_auth = vec![ClientAuthMethod::ClientSecretPost])
        .article(Topic::Authentication);
    assert!(!article.contains("-u \"$CLIENT_ID") && !article.contains("client_secret_basic"));
    assert!(
        !article.contains("basic_auth") && !article.contains("SetBasicAuth") && !article.contains("USERPWD")
    );
    assert!(article.contains("(`client_secret_post`)") && article.contains("client_secret@-"));
}

#[test]
fn a_gate_is_told_with_its_name_its_order_and_what_it_stops() {
    let world = World::of("assets");
    let article = world.article(Topic::TenantSetup);
    let at = |text: &str| article.find(text).unwrap_or_else(|| panic!("{text}\n{article}"));
    assert!(
        at("1. **Contract signed** (`contract_signed`).")
            < at("2. **Tenant administrator** (`tenant_admin`).")
    );
    assert!(
        article.contains("you get no new API keys and no new tokens. How to open it: Sign the contract.")
    );
    assert!(article.contains("you get no new API keys. How to open it: Let an administrator"));
    assert!(
        article.contains("\"gate\": \"contract_signed\"") && article.contains("\"reason\": \"gate_closed\"")
    );
    let turned = World::of("assets")
        .with(|profile| profile.gates = vec![Gate::TenantAdmin.into(), Gate::ContractSigned.into()]);
    let turned = turned.article(Topic::TenantSetup);
    assert!(turned.contains("1. **Tenant administrator**") && turned.contains("2. **Contract signed**"));
    // A gate before keys says nothing where there are no keys.
    let without = World::of("assets").with(|profile| profile.api_keys = ApiKeyPolicy::Off);
    assert!(!without.articles().contains("tenant_admin"));
    // None, and nobody speaks of gates.
    let open = World::of("assets").with(|profile| profile.gates.clear()).articles();
    assert!(!open.to_lowercase().contains("gate_closed") && !open.contains("Before the first credential"));
}

#[test]
fn scopes_stand_with_their_words_and_with_who_adds_them() {
    let mut world = World::of("payments");
    assert!(
        world.article(Topic::Authentication).contains("| `payments:write` | Make transfers | asked for |")
    );
    world.scopes.push(("payments:audit".to_owned(), "See who paid".to_owned()));
    assert!(world.article(Topic::Authentication).contains("| `payments:audit` | See who paid | asked for |"));
    let assets = World::of("assets").article(Topic::Authentication);
    assert!(
        assets.contains(
            "| `prod.teosapi` | Use the asset platform | added by the server to every credential |"
        )
    );
}

#[test]
fn server_added_claims_stand_with_their_source() {
    let world = World::of("channel").with(|profile| {
        profile.server_claims =
            [("partner".to_owned(), grantor_core::profile::ClaimSource::TenantName)].into();
    });
    let article = world.article(Topic::Authentication);
    assert!(article.contains("| `partner` | the short name of your organisation (tenant) |"));
}

#[test]
fn the_policy_of_keys_says_who_makes_them_and_how_long_they_live() {
    let assets = World::of("assets").article(Topic::Credentials);
    assert!(
        assets.contains("**Who makes it:** the provider's team, for administrators of your organisation.")
    );
    assert!(assets.contains("**How long it lives:** 365 days (31536000 seconds) at most."));
    assert!(assets.contains("a key of this environment begins with `grt_key_live_`"));
    let own = World::of("assets").with(|profile| {
        profile.api_keys = ApiKeyPolicy::SelfService;
        profile.lifetimes.api_key = Lifetime::from_seconds(90 * 86_400).unwrap();
    });
    let own = own.article(Topic::Credentials);
    assert!(own.contains("**Who makes it:** an administrator of your organisation, or the provider's team."));
    assert!(own.contains("90 days (7776000 seconds)"));
    let off = World::of("assets").with(|profile| profile.api_keys = ApiKeyPolicy::Off);
    assert!(!off.article(Topic::Credentials).contains("## API keys"));
    // The contract still has an operation that nothing opens then, and says so.
    let set_up = off.article(Topic::TenantSetup);
    assert!(set_up.contains("does not give at the moment:\n\n- `GET /keys/self`: API key\n"), "{set_up}");
}

#[test]
fn refresh_is_told_as_the_policy_is() {
    let payments = World::of("payments").article(Topic::Authentication);
    assert!(payments.contains("A token that came by `authorization_code` or `password` can be refreshed"));
    assert!(payments.contains("30 days (2592000 seconds) after the user's first authentication"));
    assert!(payments.contains("Each refresh gives a new refresh token and uses the old one up."));
    assert!(payments.contains("may be repeated within 10 seconds."));
    assert!(payments.contains("A token that came by `client_credentials` is not refreshed."));
    let kept = World::of("payments").with(|profile| profile.refresh.rotation = Rotation::Never);
    let kept = kept.article(Topic::Authentication);
    assert!(kept.contains("The refresh token stays the same.\n") && !kept.contains("uses the old one up"));
    assert!(!kept.contains("may be repeated"));
    let one = World::of("payments").with(|profile| profile.refresh.grants = vec![GrantType::Password]);
    assert!(one.article(Topic::Authentication).contains("A token that came by `password` can be refreshed"));
}

#[test]
fn the_format_of_tokens_follows_the_profile() {
    let opaque = World::of("payments").with(|profile| {
        profile.token_format = TokenFormat::Opaque;
        profile.title.clear();
    });
    let opaque = opaque.articles();
    assert!(
        opaque.contains("The token is opaque") && !opaque.contains("JWT") && !opaque.contains("| `tid` |")
    );
}

#[test]
fn a_changed_contract_changes_operations_and_calls() {
    let mut world = World::of("channel");
    assert!(world.article(Topic::Authentication).contains("'https://id.example.com/demo/channel/rates'"));
    let contract = world
        .contract
        .unwrap()
        .replace("/rates\"", "/prices\"")
        .replace("\"List rates\"", "\"What it costs\"");
    world.contract = Some(contract);
    assert!(world.article(Topic::Authentication).contains("'https://id.example.com/demo/channel/prices'"));
    assert!(world.article(Topic::Overview).contains("| `GET /prices` What it costs |"));
    world.contract = None;
    let all = world.articles();
    assert!(!all.contains("## Operations") && !all.contains("not_found") && !all.contains("credential_kind"));
}

#[test]
fn an_address_that_a_shell_would_read_as_more_never_reaches_a_command() {
    for address in
        ["https://a.example/$(id)", "https://a.example/'x", "https://a.example/`x`", "https://a b", "/v1"]
    {
        let mut world = World::of("channel");
        world.contract = Some(world.contract.unwrap().replace("{issuer}/demo/channel", address));
        // The contract refuses some of them itself.
        if grantor_resource::Contract::from_openapi(world.contract.as_deref().unwrap()).is_err() {
            continue;
        }
        let all = world.articles();
        assert!(!all.contains(address) || address == "/v1", "{address}");
        assert!(
            !all.contains("Base URL of the API") && !all.contains("Authorization: Bearer $TOKEN"),
            "{address}"
        );
    }
}
