use super::super::credentials::tests::fake;
use super::super::embedded::FILES;
use super::super::landscape::Landscape;
use super::super::people;
use super::*;

fn told() -> String {
    let landscape = Landscape::read(FILES, "127.0.0.1:8080".parse().unwrap()).unwrap();
    text(&World {
        apis: fake(&landscape.manifest, landscape.apis),
        users: people::tests::fake(&landscape.manifest),
        manifest: landscape.manifest,
        api_url: "http://127.0.0.1:8080/admin/v1".to_owned(),
        operator_token: zeroize::Zeroizing::new("operator".to_owned()),
        folder: "/the/folder".into(),
        mails: "/the/folder/mail".into(),
        management: Some("127.0.0.1:9090".parse().unwrap()),
    })
}

#[test]
fn each_profile_has_a_line_for_the_token_and_one_for_the_call() {
    let text = told();
    let lines: Vec<&str> = text.lines().collect();
    let tokens: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].starts_with("TOKEN=")).collect();
    assert_eq!(tokens.len(), 5, "{text}");
    for at in tokens {
        assert!(
            lines[at + 1]
                .starts_with("curl -s -H \"Authorization: Bearer $TOKEN\" 'http://127.0.0.1:8080/demo/"),
            "{}",
            lines[at + 1]
        );
    }
}

#[test]
fn a_secret_travels_in_the_way_of_the_profile() {
    let text = told();
    let extract = r#"sed 's/.*"access_token": *"\([^"]*\)".*/\1/'"#;
    let basic = format!(
        "TOKEN=$(curl -s -u 'acme-channel:secret-of-acme-channel-in-production' -d grant_type=client_credentials \
         'http://127.0.0.1:8080/oauth/v2/token' | {extract})"
    );
    let post = format!(
        "TOKEN=$(curl -s --data-urlencode 'client_id=acme-banking' --data-urlencode \
         'client_secret=secret-of-acme-banking-in-production' -d grant_type=client_credentials \
         'http://127.0.0.1:8080/token' | {extract})"
    );
    for line in [basic, post] {
        assert!(text.lines().any(|told| told == line), "{line}\n{text}");
    }
}

#[test]
fn the_documentation_of_each_environment_is_named() {
    let text = told();
    for issuer in ["http://127.0.0.1:8080", "http://127.0.0.1:8080/sandbox"] {
        assert!(text.lines().any(|line| line.ends_with(&format!(": {issuer}/docs"))), "{text}");
    }
}

#[test]
fn the_call_is_one_that_the_credential_may_make() {
    let text = told();
    assert!(
        text.contains("Bearer $TOKEN\" 'http://127.0.0.1:8080/demo/payments/transfers'"),
        "not /me, which is for users"
    );
    assert!(
        text.contains(
            "curl -s -H 'Authorization: Bearer key-in-production' 'http://127.0.0.1:8080/demo/assets/assets'"
        ),
        "{text}"
    );
}

#[test]
fn the_addresses_the_folder_and_the_operator_are_told() {
    let text = told();
    assert!(text.contains("export GRANTOR_URL='http://127.0.0.1:8080/admin/v1' GRANTOR_TOKEN='operator'"));
    for part in [
        "/the/folder",
        "http://127.0.0.1:8080/sandbox/demo/deals",
        "http://127.0.0.1:8080/sandbox/oauth/token",
        "http://127.0.0.1:9090/metrics",
    ] {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn who_can_sign_in_is_told_with_password_and_the_folder_of_mails() {
    let text = told();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in [
        "tenant admin admin@acme.example password-of-admin@acme.example",
        "end user user@people.example password-of-user@people.example",
    ] {
        assert!(text.lines().any(|told| words(told) == line), "{line}\n{text}");
    }
    assert!(text.contains("mails in /the/folder/mail"));
}

#[test]
fn whatever_a_word_holds_the_shell_takes_it_as_one() {
    assert_eq!(quoted("a'b $c `d`"), r"'a'\''b $c `d`'");
}
