//! The list of all static settings: name, environment variable, default, meaning. The reference page follows it.

/// One static setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// `section.key`, as in the file.
    pub name: &'static str,
    /// Its environment variable.
    pub variable: &'static str,
    /// Its default as written in the file.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

impl Setting {
    /// The variable that names a file with the value, for values that may hold a secret.
    pub fn file_variable(&self) -> Option<&'static str> {
        match self.name {
            "database.url" => Some("GRANTOR_DATABASE__URL_FILE"),
            "mail.smtp_password" => Some("GRANTOR_MAIL__SMTP_PASSWORD_FILE"),
            // The path is itself a setting: `keys.master_key_file`.
            _ => None,
        }
    }

    /// Whether it may stand in the configuration file, which is read, copied and committed by many. No secret may.
    pub fn stands_in_files(&self) -> bool {
        !matches!(self.name, "keys.master_key" | "mail.smtp_password")
    }

    /// Whether its default is a value, and not the absence of one or made of another setting.
    pub fn has_fixed_default(&self) -> bool {
        self.default != "none" && self.name != "keys.master_key_file"
    }
}

macro_rules! settings {
    ($($constant:ident: $name:literal, $variable:literal, $default:literal, $meaning:literal;)*) => {
        $(
            #[doc = $meaning]
            pub const $constant: Setting =
                Setting { name: $name, variable: $variable, default: $default, meaning: $meaning };
        )*
        /// Every setting, in the order of the reference page.
        pub const SETTINGS: &[Setting] = &[$($constant),*];
    };
}

settings! {
    LISTEN: "server.listen", "GRANTOR_SERVER__LISTEN", "127.0.0.1:8080",
        "Address and port of the public listener: token endpoints, discovery, forward-auth, admin API.";
    MANAGEMENT: "server.management", "GRANTOR_SERVER__MANAGEMENT", "127.0.0.1:9090",
        "Address and port of the management listener (health, metrics); `off` for none.";
    TRUSTED_PROXIES: "server.trusted_proxies", "GRANTOR_SERVER__TRUSTED_PROXIES", "[]",
        "Networks whose forwarding headers are believed, in CIDR notation. In the environment separated by commas.";
    BRAND: "server.brand", "GRANTOR_SERVER__BRAND", "grt",
        "First part of every credential that this installation makes, 2 to 16 of a-z and 0-9. Credentials of another brand are not recognised: choose it before the first use.";
    TLS_CERT: "tls.cert", "GRANTOR_TLS__CERT", "none",
        "PEM file with the server's certificate and those that lead to its authority, its own first. With it the public listener speaks HTTPS alone. Read again when it changes.";
    TLS_KEY: "tls.key", "GRANTOR_TLS__KEY", "none",
        "PEM file with the private key of that certificate, without a passphrase. Read again when it changes.";
    TLS_MIN_VERSION: "tls.min_version", "GRANTOR_TLS__MIN_VERSION", "1.2",
        "The oldest version of TLS that is spoken, `1.2` or `1.3`.";
    DATABASE_URL: "database.url", "GRANTOR_DATABASE__URL", "sqlite:/var/lib/grantor/grantor.db",
        "The database, `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`. Also as `GRANTOR_DATABASE__URL_FILE`, the path of a file that holds it.";
    MASTER_KEY_FILE: "keys.master_key_file", "GRANTOR_KEYS__MASTER_KEY_FILE", "master.key beside the database",
        "File with the master key, which encrypts the private keys in the database. Mode 0600. Made with a new database, never anew for one that exists.";
    MASTER_KEY: "keys.master_key", "GRANTOR_KEYS__MASTER_KEY", "none",
        "The master key itself, 32 bytes in base64, instead of a file. Only as an environment variable, never in the file.";
    LOG_FORMAT: "log.format", "GRANTOR_LOG__FORMAT", "text",
        "`text` for people or `json`, one object a line.";
    LOG_LEVEL: "log.level", "GRANTOR_LOG__LEVEL", "info",
        "`off`, `error`, `warn`, `info`, `debug` or `trace`; per module as in `info,grantor_server=debug`.";
    MAIL_TRANSPORT: "mail.transport", "GRANTOR_MAIL__TRANSPORT", "off",
        "How mail leaves: `smtp`, or `folder` (one file a mail, to look at or to be sent by somebody else), or `off`.";
    MAIL_FOLDER: "mail.folder", "GRANTOR_MAIL__FOLDER", "none",
        "The folder for `folder`. Made with mode 0700 at the first mail; each mail is a file `ID.eml` of mode 0600.";
    MAIL_SMTP_URL: "mail.smtp_url", "GRANTOR_MAIL__SMTP_URL", "none",
        "The mail server for `smtp`: `smtps://HOST[:465]` (TLS at once), `smtp+starttls://HOST[:587]` (STARTTLS or nothing), or `smtp://HOST[:25]` without TLS for a loopback address alone.";
    MAIL_SMTP_USERNAME: "mail.smtp_username", "GRANTOR_MAIL__SMTP_USERNAME", "none",
        "The name that the mail server knows us by, if it asks for one.";
    MAIL_SMTP_PASSWORD: "mail.smtp_password", "GRANTOR_MAIL__SMTP_PASSWORD", "none",
        "The password beside it. Also as `GRANTOR_MAIL__SMTP_PASSWORD_FILE`, the path of a file that holds it. Only as an environment variable, never in the file.";
    MAIL_FROM: "mail.from", "GRANTOR_MAIL__FROM", "none",
        "Who mail comes from: `ADDRESS` or `NAME <ADDRESS>`.";
    MAIL_TRUST_ROOTS: "mail.trust_roots", "GRANTOR_MAIL__TRUST_ROOTS", "none",
        "PEM file with certificates of authorities that the mail server's certificate may come from, beside those of the system.";
    LEAKS_GITHUB_KEYS: "leaks.github_keys", "GRANTOR_LEAKS__GITHUB_KEYS", "none",
        "File with the public keys of GitHub's secret scanning, as GitHub publishes them; read for every message. Without it `/leaks/github` is closed.";
    LEAKS_NOTIFY: "leaks.notify", "GRANTOR_LEAKS__NOTIFY", "none",
        "Mail address of the provider's team: told of every leaked credential, beside the tenant's admins.";
    PASSWORDS_MEMORY_KIB: "passwords.memory_kib", "GRANTOR_PASSWORDS__MEMORY_KIB", "32768",
        "Memory of one password hash (argon2id), in KiB, from 19456 to 1048576. Each thread keeps that much once it has hashed.";
    PASSWORDS_ITERATIONS: "passwords.iterations", "GRANTOR_PASSWORDS__ITERATIONS", "4",
        "Passes over that memory, from 2 to 64.";
    PASSWORDS_THREADS: "passwords.threads", "GRANTOR_PASSWORDS__THREADS", "auto",
        "Threads that hash passwords, from 1 to 64; `auto` for one less than the machine has cores. Thirty passwords may wait for each thread.";
    PAGES_THEME: "pages.theme", "GRANTOR_PAGES__THEME", "none",
        "Folder with templates and assets that replace the built-in ones of the same name.";
    REMOTE_ALLOW: "remote.allow", "GRANTOR_REMOTE__ALLOW", "[]",
        "Networks that requests to others (webhooks) may reach although they are not public, in CIDR notation. In the environment separated by commas.";
    REMOTE_ALLOW_HTTP: "remote.allow_http", "GRANTOR_REMOTE__ALLOW_HTTP", "false",
        "Whether such requests may go in clear, by `http://`.";
    REMOTE_PORTS: "remote.ports", "GRANTOR_REMOTE__PORTS", "[443]",
        "The ports that they may reach; `any` for all. In the environment separated by commas.";
    REMOTE_EXTRA_ROOTS: "remote.extra_roots", "GRANTOR_REMOTE__EXTRA_ROOTS", "none",
        "PEM file with certificates of authorities that their receivers' certificates may come from, beside those of the system.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_is_spelled_after_its_name() {
        for setting in SETTINGS {
            let spelled = format!("GRANTOR_{}", setting.name.replacen('.', "__", 1).to_uppercase());
            assert_eq!(setting.variable, spelled);
        }
    }

    #[test]
    fn the_reference_page_has_the_row_of_every_setting() {
        let page = include_str!("../../../../docs/configuration.md");
        for setting in SETTINGS {
            let Setting { name, variable, default, meaning } = setting;
            let row = format!("| `{name}` | `{variable}` | `{default}` | {meaning} |");
            assert!(page.contains(&row), "docs/configuration.md needs this row:\n{row}");
        }
    }
}
