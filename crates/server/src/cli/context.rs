//! Which server, which operator token and which environment: flags > variables > context file.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::Global;
use super::failure::Misuse;
use super::http_client::is_loopback;
use crate::config::position::toml_error;

/// Where the admin API is.
pub(super) enum Target {
    /// Behind a URL.
    Remote(Remote),
    /// In this process.
    Offline {
        /// The environment to work in.
        environment: String,
    },
}

/// A server to talk to. No `Debug`: it holds the operator token.
pub(super) struct Remote {
    /// The admin API's URL without a slash at its end.
    pub(super) url: String,
    /// The operator token.
    pub(super) token: Zeroizing<String>,
    /// The environment to work in.
    pub(super) environment: String,
}

impl Remote {
    /// Whether the operator token could be read on its way.
    pub(super) fn travels_in_clear(&self) -> bool {
        reqwest::Url::parse(&self.url).is_ok_and(|url| url.scheme() == "http" && !is_loopback(&url))
    }
}

/// The context file.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct ContextFile {
    url: Option<String>,
    token: Option<String>,
    token_file: Option<PathBuf>,
    env: Option<String>,
}

type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Brings flags, variables and context file together.
pub(super) fn target(global: &Global, variables: Variables<'_>) -> anyhow::Result<Target> {
    let variable = |name: &str| variables(name).filter(|value| !value.is_empty());
    let file = context_file(global, &variable)?;
    let environment = global.env.clone().or_else(|| variable("GRANTOR_ENV")).or_else(|| file.env.clone());
    let environment = environment.unwrap_or_else(|| "production".to_owned());
    if global.offline {
        return Ok(Target::Offline { environment });
    }
    let url = global.url.clone().or_else(|| variable("GRANTOR_URL")).or_else(|| file.url.clone());
    let Some(url) = url else {
        let text = "no server is named. Give --url, GRANTOR_URL or a context file, or use --offline to work on the \
                    database of this machine";
        return Err(Misuse(text.to_owned()).into());
    };
    let url = admin_url(&url)?;
    let Some(token) = token(global, &variable, file)? else {
        let text = "no operator token is given. Set GRANTOR_TOKEN or GRANTOR_TOKEN_FILE, or use --token-file or a \
                    context file. `grantor init` makes the first token";
        return Err(Misuse(text.to_owned()).into());
    };
    Ok(Target::Remote(Remote { url, token, environment }))
}

fn context_file(global: &Global, variable: Variables<'_>) -> anyhow::Result<ContextFile> {
    let path = match &global.context {
        Some(path) => path.clone(),
        None => {
            let home = variable("HOME").map(|home| PathBuf::from(home).join(".config"));
            let folder = variable("XDG_CONFIG_HOME").map(PathBuf::from).or(home);
            match folder.map(|folder| folder.join("grantor/context.toml")).filter(|path| path.exists()) {
                Some(path) => path,
                None => return Ok(ContextFile::default()),
            }
        }
    };
    let name = path.display().to_string();
    let text = Zeroizing::new(fs::read_to_string(&path).with_context(|| format!("cannot read {name}"))?);
    let mut file: ContextFile = toml::from_str(&text).map_err(|error| toml_error(&name, &text, &error))?;
    if file.token.is_some() && file.token_file.is_some() {
        anyhow::bail!("{name}: both token and token_file are set; set one of them");
    }
    // Beside the context file, wherever the command is started.
    let beside = path.parent().unwrap_or(Path::new("."));
    file.token_file = file.token_file.map(|path| beside.join(path));
    Ok(file)
}

fn admin_url(text: &str) -> anyhow::Result<String> {
    let url = reqwest::Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(url) = url else {
        let told = format!(
            "{text:?} is no URL of an admin API; write for example https://auth.example.com/admin/v1"
        );
        return Err(Misuse(told).into());
    };
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        let told = "the URL of the admin API has a user, a query or a fragment; it must have none";
        return Err(Misuse(told.to_owned()).into());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn token(
    global: &Global,
    variable: Variables<'_>,
    file: ContextFile,
) -> anyhow::Result<Option<Zeroizing<String>>> {
    if let Some(path) = &global.token_file {
        return token_in(path).map(Some);
    }
    match (variable("GRANTOR_TOKEN").map(Zeroizing::new), variable("GRANTOR_TOKEN_FILE")) {
        (Some(_), Some(_)) => {
            Err(Misuse("both GRANTOR_TOKEN and GRANTOR_TOKEN_FILE are set; set one of them".to_owned())
                .into())
        }
        (Some(token), None) => Ok(Some(token)),
        (None, Some(path)) => token_in(Path::new(&path)).map(Some),
        (None, None) => match file.token_file {
            Some(path) => token_in(&path).map(Some),
            None => Ok(file.token.map(Zeroizing::new)),
        },
    }
}

fn token_in(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read the token file {}", path.display()))?;
    let text = Zeroizing::new(text);
    let token = Zeroizing::new(text.trim().to_owned());
    if token.is_empty() {
        anyhow::bail!("the token file {} is empty", path.display());
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn global() -> Global {
        Global {
            url: None,
            token_file: None,
            context: None,
            env: None,
            offline: false,
            config: None,
            json: false,
        }
    }

    fn remote(global: &Global, variables: &[(&str, &str)]) -> anyhow::Result<Remote> {
        let find =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        match target(global, &find)? {
            Target::Remote(remote) => Ok(remote),
            Target::Offline { .. } => panic!("offline was not asked for"),
        }
    }

    fn misuse(global: &Global, variables: &[(&str, &str)]) -> String {
        let error = remote(global, variables).err().unwrap();
        error.downcast_ref::<Misuse>().expect("wrong usage").to_string()
    }

    #[test]
    fn flags_win_over_variables_and_variables_over_the_context_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("context.toml");
        fs::write(&path, "url = \"http://file/admin/v1\"\ntoken_file = \"token\"\nenv = \"file\"\n").unwrap();
        fs::write(folder.path().join("token"), "from-file\n").unwrap();
        fs::write(folder.path().join("other"), "from-flag\n").unwrap();
        let variables = [
            ("GRANTOR_URL", "http://variable/admin/v1"),
            ("GRANTOR_TOKEN", "v"),
            ("GRANTOR_ENV", "variable"),
        ];

        let mut global = Global { context: Some(path), ..global() };
        let file = remote(&global, &[]).unwrap();
        let all = |r: &Remote| (r.url.clone(), r.token.to_string(), r.environment.clone());
        assert_eq!(all(&file), ("http://file/admin/v1".into(), "from-file".into(), "file".into()));
        let variable = remote(&global, &variables).unwrap();
        assert_eq!(all(&variable), ("http://variable/admin/v1".into(), "v".into(), "variable".into()));
        global.url = Some("http://flag/admin/v1/".into());
        global.env = Some("flag".into());
        global.token_file = Some(folder.path().join("other"));
        let flag = remote(&global, &variables).unwrap();
        assert_eq!(all(&flag), ("http://flag/admin/v1".into(), "from-flag".into(), "flag".into()));
    }

    #[test]
    fn the_context_file_of_the_home_folder_is_found_without_a_flag() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join(".config/grantor")).unwrap();
        let file = home.path().join(".config/grantor/context.toml");
        fs::write(file, "url = \"http://a/admin/v1\"\ntoken = \"t\"\n").unwrap();
        let found = remote(&global(), &[("HOME", home.path().to_str().unwrap())]).unwrap();
        assert_eq!((found.url.as_str(), found.environment.as_str()), ("http://a/admin/v1", "production"));
    }

    #[test]
    fn what_is_missing_is_named_with_the_next_step() {
        assert!(misuse(&global(), &[]).contains("--offline"));
        assert!(misuse(&global(), &[("GRANTOR_URL", "http://a/admin/v1")]).contains("GRANTOR_TOKEN"));
        let both = [("GRANTOR_URL", "http://a"), ("GRANTOR_TOKEN", "t"), ("GRANTOR_TOKEN_FILE", "/f")];
        assert!(misuse(&global(), &both).contains("one of them"));
        for url in ["auth.example.com", "ftp://a/", "http://u:p@a/", "http://a/?x=1"] {
            misuse(&global(), &[("GRANTOR_URL", url), ("GRANTOR_TOKEN", "t")]);
        }
    }

    #[test]
    fn an_unknown_key_of_the_context_file_is_told_with_its_place() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "url = \"http://a\"\ntokenfile = \"x\"\n").unwrap();
        let error =
            remote(&Global { context: Some(file.path().into()), ..global() }, &[]).err().unwrap().to_string();
        assert!(error.contains(":2:1: ") && error.contains("did you mean `token_file`"), "{error}");
    }

    #[test]
    fn offline_needs_neither_url_nor_token() {
        let global = Global { offline: true, env: Some("sandbox".into()), ..global() };
        assert!(
            matches!(target(&global, &|_| None), Ok(Target::Offline { environment }) if environment == "sandbox")
        );
    }
}
