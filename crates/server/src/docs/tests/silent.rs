//! What does not exist is not spoken of, whatever a profile combines.

use grantor_core::gate_rule::Gate;
use grantor_core::profile::{ApiKeyPolicy, ClientAuthMethod, GrantType, RefreshPolicy, TokenFormat};

use super::super::path::Topic;
use super::world::{World, profile_of};
use crate::pages::{Pages, render_article};

/// The articles of an API without the sentence of whoever wrote the profile.
fn of_ours(name: &str) -> String {
    World::of(name).with(|profile| profile.title.clear()).articles()
}

#[test]
fn an_api_without_refresh_does_not_speak_of_refreshing() {
    for name in ["channel", "assets", "deals", "banking"] {
        let all = of_ours(name).to_lowercase();
        assert!(!all.contains("refresh") && !all.contains("offline_access"), "{name}");
    }
    assert!(World::of("payments").articles().contains("refresh"));
}

#[test]
fn an_api_without_users_does_not_speak_of_signing_in() {
    for name in ["channel", "banking"] {
        let all = of_ours(name);
        for absent in ["user", "sign in", "PKCE", "redirect URI", "/authorize", "password", "state"] {
            let lines: Vec<_> = all.lines().filter(|line| line.contains(absent)).collect();
            assert!(lines.is_empty(), "{name}: {absent} in {lines:?}");
        }
    }
}

#[test]
fn an_api_without_keys_has_none_to_explain() {
    for name in ["payments", "channel", "deals", "banking"] {
        let all = World::of(name).articles();
        let all = all.replace("acts like your API key", "").replace("by the rules of an API key", "");
        assert!(!all.contains("API key"), "{name}");
    }
}

#[test]
fn an_api_with_keys_alone_does_not_speak_of_tokens_to_be_had() {
    let mut world = World::of("assets").with(|profile| {
        profile.grants.clear();
        profile.title.clear();
    });
    world.contract = world.contract.map(|text| text.replace("\"client\",", "").replace("\"user\",", ""));
    let all = world.articles();
    for absent in ["client secret", "CLIENT_SECRET", "token endpoint", "expires_in", "Quota", "invalid_grant"]
    {
        assert!(!all.contains(absent), "{absent}");
    }
    assert!(world.article(Topic::Authentication).contains("process.env.API_KEY"));
}

#[test]
fn one_environment_alone_is_not_compared_with_others() {
    let mut world = World::of("banking");
    assert!(world.articles().contains("unique per environment"));
    world.sandbox = false;
    let all = world.articles();
    assert!(!all.contains("unique per environment") && !all.contains("sandbox"));
}

/// A number of choices that is no power of two for any of them, so that all meet all others.
#[test]
fn a_sixth_profile_that_nobody_has_seen_renders_every_article_without_an_empty_sentence() {
    use ClientAuthMethod::{ClientSecretBasic, ClientSecretPost, None as Public};
    use GrantType::{AuthorizationCode, ClientCredentials, Password};
    let pages = Pages::load(None).unwrap();
    let grants: [&[GrantType]; 8] = [
        &[ClientCredentials],
        &[AuthorizationCode],
        &[Password],
        &[ClientCredentials, AuthorizationCode],
        &[ClientCredentials, Password],
        &[AuthorizationCode, Password],
        &[ClientCredentials, AuthorizationCode, Password],
        &[],
    ];
    let methods: [&[ClientAuthMethod]; 7] = [
        &[ClientSecretBasic],
        &[ClientSecretPost],
        &[Public],
        &[ClientSecretBasic, ClientSecretPost],
        &[ClientSecretBasic, Public],
        &[ClientSecretPost, Public],
        &[ClientSecretBasic, ClientSecretPost, Public],
    ];
    let refreshes: [&[GrantType]; 3] = [&[], &[AuthorizationCode], &[AuthorizationCode, Password]];
    let keys = [ApiKeyPolicy::Off, ApiKeyPolicy::Provider, ApiKeyPolicy::SelfService];
    let gates: [&[Gate]; 5] = [
        &[],
        &[Gate::TenantAdmin],
        &[Gate::DocumentsAccepted, Gate::ContractSigned],
        &[Gate::AccountApproved],
        &[Gate::PartnerApproved, Gate::TenantAdmin],
    ];
    let contracts = [
        None,
        World::of("assets").contract,
        World::full_of("Text").contract,
        World::of("deals").contract,
        World::of("banking").contract,
    ];
    let mut rendered = 0;
    for (row, allowed) in grants.iter().enumerate() {
        for (column, accepted) in methods.iter().enumerate() {
            for turn in 0..9 {
                let number = row * 63 + column * 9 + turn;
                let mut profile = profile_of(include_str!("../../../../../examples/profiles/channel.toml"));
                profile.title = if turn % 2 == 0 { String::new() } else { "Sixth".to_owned() };
                profile.grants = allowed.to_vec();
                profile.client_auth = accepted.to_vec();
                profile.api_keys = keys[(turn + row) % 3];
                profile.token_format = if turn % 2 == 0 { TokenFormat::Jwt } else { TokenFormat::Opaque };
                profile.gates = gates[number % 5].iter().map(|gate| (*gate).into()).collect();
                profile.refresh =
                    RefreshPolicy { grants: refreshes[turn / 3].to_vec(), ..RefreshPolicy::default() };
                profile.fapi2 = turn == 4 && !allowed.contains(&Password);
                if profile.check().is_err() {
                    continue;
                }
                let world = World {
                    profile,
                    title: if turn % 3 == 0 { String::new() } else { "Sixth".to_owned() },
                    scopes: Vec::new(),
                    contract: contracts[(number / 5) % 5].clone(),
                    sandbox: turn % 2 == 1,
                };
                world.at(|place| {
                    for topic in Topic::ALL {
                        let article = super::super::article(&pages, place, topic);
                        let told = format!("{topic:?} of {:?}", place.api.profile);
                        whole(&article.markdown, &told);
                        whole_page(render_article(&article.markdown).as_str(), &told);
                    }
                });
                rendered += 1;
            }
        }
    }
    assert!(rendered > 300, "{rendered}");
}

#[test]
fn a_profile_with_nothing_on_says_so_and_no_more() {
    let world = World::by_hand(
        "[[profile]]\nname = \"closed\"\ntoken_paths = [\"/t\"]\nclient_auth = [\"client_secret_basic\"]\n\
         token_format = \"jwt\"\ngrants = []\n",
    );
    for topic in [Topic::Authentication, Topic::Credentials, Topic::TenantSetup, Topic::Security] {
        let article = world.article(topic);
        assert!(
            article.contains("No way to a credential is switched on for this API at the moment"),
            "{topic:?}"
        );
        assert!(!article.contains("secret") && !article.contains("Bearer"), "{topic:?}: {article}");
    }
}

/// No sentence, cell, item, section or block is empty, and no value of ours shows through.
fn whole(markdown: &str, of: &str) {
    let mut fenced = false;
    let mut lines = Vec::new();
    let mut before = "";
    for line in markdown.lines() {
        let begins = line.starts_with('#') || (line.starts_with("```") && !fenced);
        assert!(fenced || !begins || before.is_empty(), "{line:?} stands close to {before:?}: {of}");
        assert!(fenced || !(line.is_empty() && before.is_empty()), "two empty lines: {of}\n{markdown}");
        before = line;
        if line.starts_with("```") {
            lines.push(if fenced { "" } else { "(code)" });
            fenced = !fenced;
        } else if !fenced {
            lines.push(line);
        }
    }
    assert!(!fenced, "a block is open: {of}");
    let text: Vec<&str> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    for (number, line) in text.iter().enumerate() {
        let bad =
            [" .", " ,", "..", "()", "( ", "  |", "| |", "::", " :", "None", "{", "}", ": .", "``", "[]"];
        let found = bad.iter().find(|bad| line.contains(**bad) && !line.contains("`{"));
        // A path may have a parameter.
        let path = line.contains("`GET /") || line.contains("`POST /");
        assert!(found.is_none() || path, "{found:?} in {line:?}: {of}");
        assert!(
            !matches!(line.trim(), "-" | "#" | "##" | "###") && !line.ends_with(" and"),
            "{line:?}: {of}"
        );
        assert!(!line.ends_with(' '), "{line:?} ends in a space: {of}");
        let level = |line: &str| line.bytes().take_while(|byte| *byte == b'#').count();
        if level(line) > 0 {
            let next = text.get(number + 1).unwrap_or_else(|| panic!("{line:?} is the end: {of}"));
            assert!(level(next) == 0 || level(next) > level(line), "{line:?} has no text: {of}");
        }
        if line.ends_with(':') {
            let next = text.get(number + 1).unwrap_or_else(|| panic!("{line:?} is the end: {of}"));
            assert!(next.starts_with(['-', '|', '(', '1']), "nothing follows {line:?} but {next:?}: {of}");
        }
        let is_rule = line.starts_with("|---");
        if is_rule {
            let bars = |line: &str| line.replace("\\|", "").matches('|').count();
            assert_eq!(bars(text[number - 1]), bars(line), "{of}");
            let first = text.get(number + 1).copied().unwrap_or("");
            assert!(first.starts_with('|'), "an empty table behind {:?}: {of}", text[number - 1]);
            let rows = text[number + 1..].iter().take_while(|row| row.starts_with('|'));
            rows.for_each(|row| assert_eq!(bars(row), bars(line), "{row}: {of}"));
        }
    }
}

fn whole_page(html: &str, of: &str) {
    let mut parts = html.split("<pre ");
    let first = parts.next().unwrap_or("");
    let behind = parts.filter_map(|part| part.split_once("</pre>").map(|(_, behind)| behind));
    for prose in [first].into_iter().chain(behind) {
        for empty in ["<p></p>", "<li></li>", "<span></span>", "<code></code>", "<ul>\n</ul>", "**", "](/"] {
            assert!(!prose.contains(empty), "{empty} in {prose}: {of}");
        }
    }
}
