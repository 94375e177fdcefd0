//! The sections `[tls]`, `[mail]`, `[passwords]` and `[pages]`: what they make, what is refused, what is never shown.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::tests::{file, load, origin_of, refusal};
use super::*;

fn loaded(file_text: &str, env: &[(&str, &str)]) -> Config {
    let file = file(file_text);
    load(Some(file.path()), env, Overrides::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn shown<'c>(config: &'c Config, name: &str) -> &'c str {
    &config.effective().iter().find(|setting| setting.name == name).unwrap().value
}

const SMTP: &str = r#"
[mail]
transport = "smtp"
smtp_url = "smtp+starttls://mail.bank.example"
smtp_username = "grantor"
from = "Example Bank <no-reply@bank.example>"
trust_roots = "/etc/grantor/ca.pem"
"#;

#[test]
fn a_mail_server_arrives_with_its_login() {
    let config = loaded(SMTP, &[("GRANTOR_MAIL__SMTP_PASSWORD", "hunter2")]);
    let Mail::Smtp(server) = &config.mail else { panic!("smtp was chosen") };
    assert_eq!(server.url.to_string(), "smtp+starttls://mail.bank.example:587");
    assert_eq!(server.from.to_string(), "Example Bank <no-reply@bank.example>");
    assert_eq!(server.trust_roots.as_deref(), Some(Path::new("/etc/grantor/ca.pem")));
    let login = server.login.as_ref().unwrap();
    assert_eq!((login.username.as_str(), login.password.as_str()), ("grantor", "hunter2"));
    assert_eq!(shown(&config, "mail.smtp_password"), "(set)");
    assert!(config.effective().iter().all(|setting| !setting.value.contains("hunter2")));
}

#[test]
fn the_password_of_the_mail_server_can_stand_in_a_file_of_its_own_and_nowhere_else() {
    let secret = file("hunter2\n");
    let variable = "GRANTOR_MAIL__SMTP_PASSWORD_FILE";
    let config = loaded(SMTP, &[(variable, secret.path().to_str().unwrap())]);
    let Mail::Smtp(SmtpServer { login: Some(login), .. }) = &config.mail else { panic!("smtp with a login") };
    assert_eq!(login.password.as_str(), "hunter2");
    assert_eq!(origin_of(&config, "mail.smtp_password"), Origin::Variable(variable));
    refuse_unknown_variables([variable.to_owned()]).unwrap();
    let told = refusal("[mail]\nsmtp_password = \"hunter2\"\n", &[]);
    assert!(
        told.starts_with("grantor.toml:2:17: ") && told.contains(variable) && !told.contains("hunter2"),
        "{told}"
    );
    let told = refusal(SMTP, &[("GRANTOR_MAIL__SMTP_PASSWORD", "hunter2\0x")]);
    assert!(told.contains("control characters") && !told.contains("hunter2"), "{told}");
}

#[test]
fn a_mail_folder_arrives() {
    let config = loaded("[mail]\ntransport = \"folder\"\nfolder = \"/m\"\nfrom = \"a@b.c\"\n", &[]);
    let Mail::Folder(folder) = &config.mail else { panic!("folder was chosen") };
    assert_eq!((folder.folder.as_path(), folder.from.address().as_str()), (Path::new("/m"), "a@b.c"));
    assert_eq!((shown(&config, "mail.transport"), shown(&config, "mail.smtp_url")), ("folder", "none"));
}

#[test]
fn a_transport_without_what_it_needs_is_refused_and_says_what_is_missing() {
    for (text, missing) in [
        ("transport = \"folder\"\nfrom = \"a@b.c\"", "mail.folder"),
        ("transport = \"folder\"\nfolder = \"/m\"", "mail.from"),
        ("transport = \"smtp\"\nfrom = \"a@b.c\"", "mail.smtp_url"),
        ("transport = \"smtp\"\nsmtp_url = \"smtps://h\"", "mail.from"),
        (
            "transport = \"smtp\"\nsmtp_url = \"smtps://h\"\nfrom = \"a@b.c\"\nsmtp_username = \"u\"",
            "smtp_password",
        ),
        ("transport = \"post\"", "\"off\", \"folder\" or \"smtp\""),
    ] {
        let told = refusal(&format!("[mail]\n{text}\n"), &[]);
        assert!(told.starts_with("grantor.toml:2:13: mail.transport: ") && told.contains(missing), "{told}");
    }
}

#[test]
fn a_wrong_mail_setting_is_refused_even_while_mail_is_off() {
    for (text, place) in [
        ("smtp_url = \"smtp://mail.bank.example\"", "mail.smtp_url: without TLS"),
        ("smtp_url = \"smtps://u:hunter2@h\"", "mail.smtp_url: name and password"),
        ("from = \"nobody\"", "mail.from: "),
        ("from = \"a@b.c\\r\\nBcc: x@y.z\"", "mail.from: "),
        ("folder = \"\"", "mail.folder: the path is empty"),
        ("trust_roots = \"\"", "mail.trust_roots: the path is empty"),
        ("smtp_username = \"\"", "mail.smtp_username: "),
    ] {
        let told = refusal(&format!("[mail]\n{text}\n"), &[]);
        assert!(
            told.starts_with("grantor.toml:2:") && told.contains(place) && !told.contains("hunter2"),
            "{told}"
        );
    }
}

#[test]
fn the_cost_of_a_password_hash_is_what_the_file_or_the_environment_says() {
    let text = "[passwords]\nmemory_kib = 65536\niterations = 3\nthreads = 2\n";
    let config = loaded(text, &[]);
    assert_eq!(config.passwords.cost, Cost::new(65_536, 3).unwrap());
    assert_eq!(config.passwords.pool, PoolSize::of(NonZeroUsize::new(2).unwrap()));
    let config =
        loaded(text, &[("GRANTOR_PASSWORDS__ITERATIONS", "5"), ("GRANTOR_PASSWORDS__THREADS", "auto")]);
    assert_eq!(config.passwords.cost, Cost::new(65_536, 5).unwrap());
    assert_eq!(config.passwords.pool, PoolSize::of_this_machine());
    assert_eq!(loaded("[passwords]\nthreads = \"auto\"\n", &[]).passwords.pool, PoolSize::of_this_machine());
}

#[test]
fn no_installation_can_be_configured_below_the_floor_or_above_reason() {
    let floor = loaded("[passwords]\nmemory_kib = 19456\niterations = 2\n", &[]);
    assert_eq!(floor.passwords.cost, Cost::FLOOR);
    for bad in [
        "memory_kib = 19455",
        "memory_kib = 1048577",
        "memory_kib = -1",
        "iterations = 1",
        "iterations = 65",
        "threads = 0",
        "threads = 65",
        "threads = -1",
        "threads = \"many\"",
    ] {
        let told = refusal(&format!("[passwords]\n{bad}\n"), &[]);
        let name = bad.split(' ').next().unwrap();
        assert!(
            told.starts_with("grantor.toml:2:") && told.contains(&format!("passwords.{name}: write ")),
            "{told}"
        );
    }
    let told = refusal("", &[("GRANTOR_PASSWORDS__MEMORY_KIB", "8")]);
    assert!(told.contains("from 19456 to 1048576"), "{told}");
}

#[test]
fn a_number_that_is_none_is_told_with_its_place() {
    let told = refusal("[passwords]\niterations = \"many\"\n", &[]);
    assert!(told.starts_with("grantor.toml:2:14: "), "{told}");
    let told = refusal("[passwords]\niteration = 3\n", &[]);
    assert!(told.contains("did you mean `iterations`"), "{told}");
}

#[test]
fn a_theme_is_a_folder() {
    let config = loaded("[pages]\ntheme = \"/etc/grantor/theme\"\n", &[]);
    assert_eq!(config.pages.theme, Some(PathBuf::from("/etc/grantor/theme")));
    assert!(refusal("[pages]\ntheme = \"\"\n", &[]).contains("pages.theme: the path is empty"));
}

#[test]
fn what_may_be_called_is_public_by_tls_unless_the_file_or_the_environment_says_more() {
    let strict = loaded("", &[]).remote;
    assert!(strict.allow.is_empty() && strict.extra_roots.is_none());
    assert_eq!((strict.plain_http, &strict.ports), (PlainHttp::Refused, &Ports::Only(vec![443])));
    let text = "[remote]\nallow = [\"10.0.0.0/8\", \"fd00::/8\"]\nallow_http = true\nports = [443, 8443]\nextra_roots = \"/r.pem\"\n";
    let open = loaded(text, &[]).remote;
    assert!(open.allow[0].contains("10.1.2.3".parse().unwrap()) && open.allow.len() == 2);
    assert_eq!((open.plain_http, &open.ports), (PlainHttp::Allowed, &Ports::Only(vec![443, 8443])));
    assert_eq!(open.extra_roots, Some(PathBuf::from("/r.pem")));
    let variables = [("GRANTOR_REMOTE__PORTS", "any"), ("GRANTOR_REMOTE__ALLOW", "192.168.0.0/16,::1")];
    let both = loaded(text, &variables).remote;
    assert_eq!((both.ports, both.allow.len()), (Ports::Any, 2));
    for (bad, place) in [
        ("allow = [\"intranet.example\"]", "remote.allow"),
        ("ports = []", "remote.ports"),
        ("ports = [0]", "remote.ports"),
        ("ports = [65536]", "remote.ports"),
        ("ports = \"all\"", "remote.ports"),
        ("extra_roots = \"\"", "remote.extra_roots"),
    ] {
        let told = refusal(&format!("[remote]\n{bad}\n"), &[]);
        assert!(told.starts_with("grantor.toml:2:") && told.contains(place), "{told}");
    }
    let told = refusal("", &[("GRANTOR_REMOTE__ALLOW_HTTP", "yes")]);
    assert!(told.contains("remote.allow_http: write true or false"), "{told}");
}

#[test]
fn the_example_of_the_reference_page_is_accepted() {
    let page = include_str!("../../../../docs/configuration.md");
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let config = loaded(example, &[("GRANTOR_MAIL__SMTP_PASSWORD", "x")]);
    assert!(matches!(config.mail, Mail::Smtp(_)));
    let named = |setting: &&setting::Setting| origin_of(&config, setting.name) == Origin::Default;
    let never_in_the_file = ["keys.master_key", "mail.folder"];
    let settings = setting::SETTINGS.iter().filter(|setting| !never_in_the_file.contains(&setting.name));
    let missing: Vec<_> = settings.filter(named).map(|setting| setting.name).collect();
    assert!(missing.is_empty(), "the example lacks {missing:?}");
}

#[test]
fn a_certificate_and_its_key_arrive_together_or_are_refused() {
    let config = loaded("[tls]\ncert = \"/c\"\nkey = \"/k\"\nmin_version = \"1.3\"\n", &[]);
    let tls = config.tls.clone().unwrap();
    assert_eq!((tls.cert, tls.key), (PathBuf::from("/c"), PathBuf::from("/k")));
    assert_eq!(tls.min_version, TlsVersion::V1_3);
    assert_eq!(shown(&config, "tls.cert"), "/c");
    assert_eq!(loaded("[tls]\nmin_version = \"1.3\"\n", &[]).tls, None);
    assert_eq!(
        loaded("", &[("GRANTOR_TLS__CERT", "/c"), ("GRANTOR_TLS__KEY", "/k")]).tls.unwrap().min_version,
        TlsVersion::V1_2
    );
    let told = refusal("[tls]\ncert = \"/c\"\n", &[]);
    assert!(
        told.starts_with("grantor.toml:2:8: tls.cert: ") && told.contains("tls.key is missing"),
        "{told}"
    );
    let told = refusal("", &[("GRANTOR_TLS__KEY", "/k")]);
    assert!(
        told.starts_with("GRANTOR_TLS__KEY: tls.key: ") && told.contains("tls.cert is missing"),
        "{told}"
    );
    let flags = Overrides { tls: TlsFlags { cert: Some("/c".into()), key: None }, ..Overrides::default() };
    let told = load(None, &[], flags).err().unwrap().to_string();
    assert!(told.starts_with("--tls-cert: tls.cert: "), "{told}");
    let flags = TlsFlags { cert: Some("/c".into()), key: Some("/k".into()) };
    let config = load(None, &[], Overrides { tls: flags, ..Overrides::default() }).unwrap();
    assert!(config.tls.is_some());
    assert_eq!(origin_of(&config, "tls.key"), Origin::Flag("--tls-key"));
}

#[test]
fn no_version_of_tls_below_1_2_can_be_configured() {
    for bad in ["\"1.1\"", "\"1.0\"", "\"\"", "\"TLSv1.3\"", "\"1.4\""] {
        let told = refusal(&format!("[tls]\nmin_version = {bad}\n"), &[]);
        assert!(told.starts_with("grantor.toml:2:15: tls.min_version: write \"1.2\" or \"1.3\""), "{told}");
    }
}

#[test]
fn every_setting_is_shown_once_and_in_the_order_of_the_reference_page() {
    let key = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    for config in [loaded("", &[]), loaded("", &[("GRANTOR_KEYS__MASTER_KEY", key)])] {
        let names: Vec<_> = config.effective().iter().map(|shown| shown.name).collect();
        assert_eq!(names, setting::SETTINGS.iter().map(|setting| setting.name).collect::<Vec<_>>());
    }
}
