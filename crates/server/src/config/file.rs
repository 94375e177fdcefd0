//! The configuration file: which sections and keys there are, and each value as text with its place.

use std::ops::Range;

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use super::position::{Located, line_and_column, toml_error};
use super::refusal::ConfigError;
use super::setting;

/// The value of a setting, by the name of the setting.
pub(super) type Value = (&'static str, Spanned<String>);

/// Reads the text of a file.
pub(super) fn read(name: &str, text: &str) -> Result<Vec<Value>, ConfigError> {
    let parsed: FileLayer = toml::from_str(text).map_err(|error| toml_error(name, text, &error))?;
    parsed.values(name, text)
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct FileLayer {
    server: ServerSection,
    tls: TlsSection,
    database: DatabaseSection,
    keys: KeysSection,
    log: LogSection,
    mail: MailSection,
    leaks: LeaksSection,
    passwords: PasswordsSection,
    pages: PagesSection,
    remote: RemoteSection,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct ServerSection {
    listen: Option<Spanned<String>>,
    management: Option<Spanned<String>>,
    trusted_proxies: Option<Spanned<Vec<String>>>,
    brand: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct TlsSection {
    cert: Option<Spanned<String>>,
    key: Option<Spanned<String>>,
    min_version: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct DatabaseSection {
    url: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct KeysSection {
    master_key_file: Option<Spanned<String>>,
    master_key: Option<Spanned<IgnoredAny>>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct LogSection {
    format: Option<Spanned<String>>,
    level: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct MailSection {
    transport: Option<Spanned<String>>,
    folder: Option<Spanned<String>>,
    smtp_url: Option<Spanned<String>>,
    smtp_username: Option<Spanned<String>>,
    smtp_password: Option<Spanned<IgnoredAny>>,
    from: Option<Spanned<String>>,
    trust_roots: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct LeaksSection {
    github_keys: Option<Spanned<String>>,
    notify: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct PasswordsSection {
    memory_kib: Option<Spanned<i64>>,
    iterations: Option<Spanned<i64>>,
    threads: Option<Spanned<NumberOrWord>>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct PagesSection {
    theme: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct RemoteSection {
    allow: Option<Spanned<Vec<String>>>,
    allow_http: Option<Spanned<bool>>,
    ports: Option<Spanned<NumbersOrWord>>,
    extra_roots: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum NumbersOrWord {
    Numbers(Vec<i64>),
    Word(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrWord {
    Number(i64),
    Word(String),
}

impl FileLayer {
    fn values(self, name: &str, text: &str) -> Result<Vec<Value>, ConfigError> {
        let never = |found: Option<Spanned<IgnoredAny>>, message: &str| match found {
            None => Ok(()),
            Some(value) => {
                let (line, column) = line_and_column(text, value.span().start);
                Err(Located { file: name.to_owned(), line, column, message: message.to_owned(), hint: None })
            }
        };
        never(
            self.keys.master_key,
            "the master key does not stand in a configuration file, which is read, copied and committed by many; use \
             keys.master_key_file or GRANTOR_KEYS__MASTER_KEY",
        )?;
        never(
            self.mail.smtp_password,
            "a password does not stand in a configuration file, which is read, copied and committed by many; use \
             GRANTOR_MAIL__SMTP_PASSWORD or GRANTOR_MAIL__SMTP_PASSWORD_FILE",
        )?;
        // No network has a comma in it, so the list and the variable can have one spelling.
        let proxies = self.server.trusted_proxies.map(|list| respelled(list, |list| list.join(",")));
        let threads = self.passwords.threads.map(|threads| {
            respelled(threads, |threads| match threads {
                NumberOrWord::Number(number) => number.to_string(),
                NumberOrWord::Word(word) => word,
            })
        });
        let number =
            |found: Option<Spanned<i64>>| found.map(|found| respelled(found, |number| number.to_string()));
        let remote = self.remote;
        let ports = remote.ports.map(|ports| {
            respelled(ports, |ports| match ports {
                NumbersOrWord::Numbers(all) => all.iter().map(i64::to_string).collect::<Vec<_>>().join(","),
                NumbersOrWord::Word(word) => word,
            })
        });
        let all = [
            (setting::LISTEN.name, self.server.listen),
            (setting::MANAGEMENT.name, self.server.management),
            (setting::TRUSTED_PROXIES.name, proxies),
            (setting::BRAND.name, self.server.brand),
            (setting::TLS_CERT.name, self.tls.cert),
            (setting::TLS_KEY.name, self.tls.key),
            (setting::TLS_MIN_VERSION.name, self.tls.min_version),
            (setting::DATABASE_URL.name, self.database.url),
            (setting::MASTER_KEY_FILE.name, self.keys.master_key_file),
            (setting::LOG_FORMAT.name, self.log.format),
            (setting::LOG_LEVEL.name, self.log.level),
            (setting::MAIL_TRANSPORT.name, self.mail.transport),
            (setting::MAIL_FOLDER.name, self.mail.folder),
            (setting::MAIL_SMTP_URL.name, self.mail.smtp_url),
            (setting::MAIL_SMTP_USERNAME.name, self.mail.smtp_username),
            (setting::MAIL_FROM.name, self.mail.from),
            (setting::MAIL_TRUST_ROOTS.name, self.mail.trust_roots),
            (setting::LEAKS_GITHUB_KEYS.name, self.leaks.github_keys),
            (setting::LEAKS_NOTIFY.name, self.leaks.notify),
            (setting::PASSWORDS_MEMORY_KIB.name, number(self.passwords.memory_kib)),
            (setting::PASSWORDS_ITERATIONS.name, number(self.passwords.iterations)),
            (setting::PASSWORDS_THREADS.name, threads),
            (setting::PAGES_THEME.name, self.pages.theme),
            (setting::REMOTE_ALLOW.name, remote.allow.map(|list| respelled(list, |list| list.join(",")))),
            (
                setting::REMOTE_ALLOW_HTTP.name,
                remote.allow_http.map(|flag| respelled(flag, |flag| flag.to_string())),
            ),
            (setting::REMOTE_PORTS.name, ports),
            (setting::REMOTE_EXTRA_ROOTS.name, remote.extra_roots),
        ];
        Ok(all.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect())
    }
}

/// The same place with another spelling.
fn respelled<T>(found: Spanned<T>, spell: impl FnOnce(T) -> String) -> Spanned<String> {
    let span: Range<usize> = found.span();
    Spanned::new(span, spell(found.into_inner()))
}
