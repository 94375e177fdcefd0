//! The layers together: who wins, what is refused, what is told.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::*;

pub(super) fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

pub(super) fn load(
    file: Option<&Path>,
    env: &[(&str, &str)],
    flags: Overrides,
) -> Result<Config, ConfigError> {
    let env: BTreeMap<String, String> = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Config::load(file, &|name| env.get(name).cloned(), flags)
}

pub(super) fn refusal(file_text: &str, env: &[(&str, &str)]) -> String {
    let file = file(file_text);
    let told = load(Some(file.path()), env, Overrides::default()).err().expect("must be refused").to_string();
    told.replace(&file.path().display().to_string(), "grantor.toml")
}

pub(super) fn origin_of(config: &Config, name: &str) -> Origin {
    config.effective().iter().find(|setting| setting.name == name).unwrap().origin.clone()
}

#[test]
fn without_any_layer_the_defaults_are_in_force() {
    let config = load(None, &[], Overrides::default()).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.server.management.map(|a| a.to_string()).as_deref(), Some("127.0.0.1:9090"));
    assert!(config.server.trusted_proxies.is_empty());
    assert_eq!(config.server.brand, Brand::default());
    assert_eq!(config.database.url.to_string(), "sqlite:/var/lib/grantor/grantor.db");
    let MasterKeySource::File(path) = &config.keys.master_key else { panic!("a file by default") };
    assert_eq!(path, &PathBuf::from("/var/lib/grantor/master.key"));
    assert_eq!((config.log.format, config.log.level.as_str()), (LogFormat::Text, "info"));
    assert!(matches!(config.mail, Mail::Off));
    assert_eq!((config.passwords.cost, config.passwords.pool), (Cost::DEFAULT, PoolSize::of_this_machine()));
    assert_eq!(config.pages.theme, None);
    assert!(config.effective().iter().all(|setting| setting.origin == Origin::Default));
    for setting in setting::SETTINGS.iter().filter(|setting| !setting.name.starts_with("keys.")) {
        let shown = config.effective().iter().find(|shown| shown.name == setting.name).unwrap();
        assert_eq!(shown.value, setting.default, "{}", setting.name);
    }
}

#[test]
fn each_layer_wins_over_the_one_below_and_says_so() {
    let text = "[server]\nlisten = \"10.0.0.1:1\"\n";
    let file = file(text);
    let variable = [("GRANTOR_SERVER__LISTEN", "10.0.0.2:2")];
    let flags = Overrides { listen: Some("10.0.0.3:3".parse().unwrap()), ..Overrides::default() };

    let config = load(Some(file.path()), &[], Overrides::default()).unwrap();
    assert_eq!(config.server.listen.to_string(), "10.0.0.1:1");
    let name = file.path().display().to_string();
    assert_eq!(origin_of(&config, "server.listen"), Origin::File { file: name, line: 2, column: 10 });

    let config = load(Some(file.path()), &variable, Overrides::default()).unwrap();
    assert_eq!(config.server.listen.to_string(), "10.0.0.2:2");
    assert_eq!(origin_of(&config, "server.listen"), Origin::Variable("GRANTOR_SERVER__LISTEN"));

    let config = load(Some(file.path()), &variable, flags).unwrap();
    assert_eq!(config.server.listen.to_string(), "10.0.0.3:3");
    assert_eq!(origin_of(&config, "server.listen"), Origin::Flag("--listen"));
}

#[test]
fn every_setting_of_the_file_arrives_at_its_place() {
    let file = file(
        r#"
        [server]
        listen = "0.0.0.0:80"
        management = "off"
        trusted_proxies = ["10.0.0.0/8", "::1"]
        brand = "acme"
        [database]
        url = "sqlite:/data/g.db"
        [keys]
        master_key_file = "/run/key"
        [log]
        format = "json"
        level = "debug"
        "#,
    );
    let config = load(Some(file.path()), &[], Overrides::default()).unwrap();
    assert_eq!((config.server.listen.to_string().as_str(), config.server.management), ("0.0.0.0:80", None));
    assert_eq!(config.server.trusted_proxies.len(), 2);
    assert!(config.server.trusted_proxies[1].contains("::1".parse().unwrap()));
    assert_eq!(config.server.brand.as_str(), "acme");
    assert_eq!(config.database.url, DatabaseUrl::Sqlite("/data/g.db".into()));
    assert!(matches!(&config.keys.master_key, MasterKeySource::File(path) if path == Path::new("/run/key")));
    assert_eq!((config.log.format, config.log.level.as_str()), (LogFormat::Json, "debug"));
}

#[test]
fn the_master_key_follows_the_database_of_a_flag() {
    let flags = Overrides { database_url: Some("sqlite:/d/x.db".parse().unwrap()), ..Overrides::default() };
    let config = load(None, &[], flags).unwrap();
    assert!(
        matches!(&config.keys.master_key, MasterKeySource::File(path) if path == Path::new("/d/master.key"))
    );
}

#[test]
fn an_unknown_key_is_told_with_its_place_and_the_nearest_name() {
    let told = refusal("[server]\n  lisen = \"127.0.0.1:1\"\n", &[]);
    assert!(told.starts_with("grantor.toml:2:3: unknown field `lisen`"), "{told}");
    assert!(told.ends_with("(did you mean `listen`?)"), "{told}");
    let told = refusal("[sever]\nlisten = \"127.0.0.1:1\"\n", &[]);
    assert!(told.starts_with("grantor.toml:1:2:") && told.contains("did you mean `server`"), "{told}");
}

#[test]
fn a_wrong_value_is_told_with_its_place() {
    let told = refusal("[server]\nlisten = \"localhost\"\n", &[]);
    assert!(told.starts_with("grantor.toml:2:10: server.listen: "), "{told}");
    let told = refusal("[server]\nlisten = 8080\n", &[]);
    assert!(told.starts_with("grantor.toml:2:10: "), "{told}");
    let told = refusal("[server\n", &[]);
    assert!(told.starts_with("grantor.toml:1:"), "{told}");
    let told = refusal("", &[("GRANTOR_LOG__LEVEL", "inof")]);
    assert!(told.starts_with("GRANTOR_LOG__LEVEL: log.level: ") && told.contains("`info`"), "{told}");
    let told = refusal("[server]\ntrusted_proxies = [\"10.0.0.1/8\"]\n", &[]);
    assert!(told.contains("10.0.0.0/8"), "{told}");
    let told = refusal("[database]\nurl = \"postgres://u:hun@ter2@h/d\"\n", &[]);
    assert!(told.contains("%40") && !told.contains("ter2"), "{told}");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let told =
        load(Some(Path::new("/nowhere/grantor.toml")), &[], Overrides::default()).err().unwrap().to_string();
    assert!(told.contains("/nowhere/grantor.toml"), "{told}");
}

#[test]
fn the_database_url_can_stand_in_a_file_of_its_own() {
    let secret = file("sqlite:/from/file.db\n");
    let path = secret.path().to_str().unwrap();
    let config = load(None, &[("GRANTOR_DATABASE__URL_FILE", path)], Overrides::default()).unwrap();
    assert_eq!(config.database.url.to_string(), "sqlite:/from/file.db");
    assert_eq!(origin_of(&config, "database.url"), Origin::Variable("GRANTOR_DATABASE__URL_FILE"));
    let both = [("GRANTOR_DATABASE__URL_FILE", path), ("GRANTOR_DATABASE__URL", "sqlite:/b.db")];
    let told = load(None, &both, Overrides::default()).err().unwrap().to_string();
    assert!(told.contains("both GRANTOR_DATABASE__URL and GRANTOR_DATABASE__URL_FILE"), "{told}");
}

const KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

#[test]
fn the_master_key_of_the_environment_wins_over_the_file_and_is_never_shown() {
    let file = file("[keys]\nmaster_key_file = \"/run/key\"\n");
    let config = load(Some(file.path()), &[("GRANTOR_KEYS__MASTER_KEY", KEY)], Overrides::default()).unwrap();
    let MasterKeySource::Value(key) = &config.keys.master_key else { panic!("the variable wins") };
    assert_eq!(**key, [1; 32]);
    let shown = config.effective().iter().find(|setting| setting.name == "keys.master_key").unwrap();
    assert_eq!(shown.value, "(set)");
    assert!(config.effective().iter().all(|setting| !setting.value.contains(KEY)));
}

#[test]
fn the_master_key_file_of_the_environment_is_a_path_and_excludes_the_key() {
    let config = load(None, &[("GRANTOR_KEYS__MASTER_KEY_FILE", "/k")], Overrides::default()).unwrap();
    assert!(matches!(&config.keys.master_key, MasterKeySource::File(path) if path == Path::new("/k")));
    let both = [("GRANTOR_KEYS__MASTER_KEY_FILE", "/k"), ("GRANTOR_KEYS__MASTER_KEY", KEY)];
    assert!(matches!(load(None, &both, Overrides::default()), Err(ConfigError::Both { .. })));
}

#[test]
fn a_refused_master_key_is_not_repeated() {
    let told = refusal("", &[("GRANTOR_KEYS__MASTER_KEY", "almost-a-key")]);
    assert!(told.starts_with("GRANTOR_KEYS__MASTER_KEY: ") && !told.contains("almost-a-key"), "{told}");
    let told = refusal(&format!("[keys]\nmaster_key = \"{KEY}\"\n"), &[]);
    assert!(told.starts_with("grantor.toml:2:") && told.contains("GRANTOR_KEYS__MASTER_KEY"), "{told}");
    assert!(!told.contains(KEY), "{told}");
}

#[test]
fn an_empty_variable_is_no_variable() {
    let file = file("[log]\nlevel = \"warn\"\n");
    let config = load(Some(file.path()), &[("GRANTOR_LOG__LEVEL", "")], Overrides::default()).unwrap();
    assert_eq!(config.log.level.as_str(), "warn");
}

#[test]
fn a_misspelled_variable_is_refused_and_foreign_ones_are_left_alone() {
    let names = |names: &[&str]| refuse_unknown_variables(names.iter().map(|name| (*name).to_owned()));
    let fine = [
        "GRANTOR_SERVER__LISTEN",
        "GRANTOR_DATABASE__URL_FILE",
        "GRANTOR_URL",
        "GRANTOR_PORT_80_TCP",
        "A__B",
    ];
    names(&fine).unwrap();
    let told = names(&["PATH", "GRANTOR_SERVER__LISTN"]).unwrap_err().to_string();
    assert!(told.contains("GRANTOR_SERVER__LISTN (did you mean GRANTOR_SERVER__LISTEN?)"), "{told}");
}
