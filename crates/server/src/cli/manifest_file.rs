//! Reading manifests: TOML or JSON, from files or standard input, with the contracts and texts that they name.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;

use crate::config::position::{json_error, line_and_column, toml_error};
use crate::manifest::Manifest;

/// Reads the files and brings them together to one manifest, in their order. `-` is standard input.
pub(super) fn read_all(files: &[String]) -> anyhow::Result<Manifest> {
    let mut all = Manifest::default();
    for file in files {
        let one = match file.as_str() {
            "-" => {
                let mut text = String::new();
                std::io::stdin().lock().read_to_string(&mut text).context("cannot read standard input")?;
                parse("standard input", &text, Path::new("."))?
            }
            path => {
                let text =
                    fs::read_to_string(path).with_context(|| format!("cannot read the manifest {path}"))?;
                parse(path, &text, Path::new(path).parent().unwrap_or(Path::new(".")))?
            }
        };
        all.environments.extend(one.environments);
        all.profiles.extend(one.profiles);
        all.apis.extend(one.apis);
        all.tenants.extend(one.tenants);
        all.accesses.extend(one.accesses);
        all.apps.extend(one.apps);
        all.users.extend(one.users);
        all.documents.extend(one.documents);
    }
    Ok(all)
}

/// Parses one manifest; contracts and texts stand relative to `folder`.
pub(super) fn parse(name: &str, text: &str, folder: &Path) -> anyhow::Result<Manifest> {
    let mut manifest: Manifest = if is_json(name, text) {
        serde_json::from_str(text).map_err(|error| json_error(name, &error))?
    } else {
        toml::from_str(text).map_err(|error| toml_error(name, text, &error))?
    };
    for api in &mut manifest.apis {
        let Some(contract) = api.contract.take() else {
            continue;
        };
        let place = place_of(name, text, &contract);
        if api.openapi.is_some() {
            anyhow::bail!("{place}: API {}: contract and openapi exclude each other", api.name);
        }
        api.openapi = Some(
            read_contract(&folder.join(&contract)).with_context(|| format!("{place}: API {}", api.name))?,
        );
    }
    for document in &mut manifest.documents {
        for entry in document.versions.iter_mut().flat_map(|version| version.texts.values_mut()) {
            let Some(file) = entry.body_file.take() else {
                continue;
            };
            let place = place_of(name, text, &file);
            if entry.body.is_some() {
                anyhow::bail!("{place}: document {}: body and body_file exclude each other", document.kind);
            }
            let path = folder.join(&file);
            let body = fs::read_to_string(&path).with_context(|| {
                format!("{place}: document {}: cannot read the text {}", document.kind, path.display())
            })?;
            entry.body = Some(body);
        }
    }
    Ok(manifest)
}

/// The extension says it; without one (standard input) a JSON object begins with a brace, which TOML never does.
fn is_json(name: &str, text: &str) -> bool {
    match Path::new(name).extension().and_then(|extension| extension.to_str()) {
        Some("json") => true,
        Some("toml") => false,
        _ => text.trim_start().starts_with('{'),
    }
}

/// A contract is sent as it is written, but only if it is JSON: the server would say so without file and line.
fn read_contract(path: &Path) -> anyhow::Result<String> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read the contract {name}"))?;
    match serde_json::from_str::<serde::de::IgnoredAny>(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(anyhow::Error::from(json_error(&name, &error))
            .context("the contract must be an OpenAPI document in JSON")),
    }
}

fn place_of(name: &str, text: &str, contract: &str) -> String {
    match text.find(&format!("\"{contract}\"")) {
        Some(offset) => {
            let (line, column) = line_and_column(text, offset);
            format!("{name}:{line}:{column}")
        }
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const API: &str = "[[api]]\nname = \"payments\"\nenvironments = [\"production\"]\nprofile = \"p\"\naudience = \"https://a.example\"\ncontract = \"contracts/payments.json\"\n";

    fn told(name: &str, text: &str) -> String {
        format!("{:#}", parse(name, text, Path::new(".")).expect_err("must be refused"))
    }

    #[test]
    fn a_contract_is_read_beside_its_manifest_and_sent_as_written() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("contracts")).unwrap();
        let contract = "{ \"openapi\":  \"3.1.0\" }\n";
        fs::write(folder.path().join("contracts/payments.json"), contract).unwrap();
        fs::write(folder.path().join("m.toml"), API).unwrap();
        let manifest = read_all(&[folder.path().join("m.toml").display().to_string()]).unwrap();
        assert_eq!(manifest.apis[0].openapi.as_deref(), Some(contract));
        let sent = serde_json::to_value(&manifest).unwrap();
        assert!(sent["api"][0].get("contract").is_none(), "the server knows no files");
    }

    #[test]
    fn a_missing_or_broken_contract_is_told_with_the_place_that_names_it() {
        let told = told("m.toml", API);
        assert!(told.starts_with("m.toml:6:12: API payments: cannot read the contract"), "{told}");
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("contracts")).unwrap();
        fs::write(folder.path().join("contracts/payments.json"), "{\n  openapi: 3").unwrap();
        let told = format!("{:#}", parse("m.toml", API, folder.path()).err().unwrap());
        assert!(told.contains("payments.json:2:3: "), "{told}");
    }

    #[test]
    fn contract_and_openapi_exclude_each_other() {
        let told = told("m.toml", &format!("{API}openapi = \"{{}}\"\n"));
        assert!(told.contains("exclude each other"), "{told}");
    }

    #[test]
    fn the_text_of_a_document_is_read_beside_its_manifest() {
        const TERMS: &str = "[[document]]\nkind = \"terms\"\n[[document.versions]]\nnumber = 1\ngrace = \"30d\"\n\
                             texts.en = { title = \"Terms\", body_file = \"terms.md\" }\n";
        let folder = tempfile::tempdir().unwrap();
        let missing = format!("{:#}", parse("m.toml", TERMS, folder.path()).err().unwrap());
        assert!(missing.starts_with("m.toml:6:43: document terms: cannot read the text"), "{missing}");
        fs::write(folder.path().join("terms.md"), "Be kind.\n").unwrap();
        let manifest = parse("m.toml", TERMS, folder.path()).unwrap();
        let sent = serde_json::to_value(&manifest.documents).unwrap();
        let version = &sent[0]["versions"][0];
        assert_eq!(version["texts"]["en"], serde_json::json!({"title": "Terms", "body": "Be kind.\n"}));
        assert_eq!(version["grace"], 2_592_000);
        let both = TERMS.replace("body_file", "body = \"b\", body_file");
        assert!(
            format!("{:#}", parse("m.toml", &both, folder.path()).err().unwrap())
                .contains("exclude each other")
        );
    }

    #[test]
    fn an_error_is_told_with_file_line_column_and_hint() {
        let toml = told("m.toml", "[[tenant]]\nname = \"acme\"\ntitel = \"Acme\"\n");
        assert!(toml.starts_with("m.toml:3:1: unknown field `titel`"), "{toml}");
        assert!(toml.ends_with("(did you mean `title`?)"), "{toml}");
        let json = told("m.json", "{\"tenant\": [\n{\"name\": \"acme\", \"titel\": \"\"}]}");
        assert!(json.starts_with("m.json:2:") && json.ends_with("(did you mean `title`?)"), "{json}");
        let toml = told("m.toml", "[[tenants]]\nname = \"acme\"\n");
        assert!(toml.contains("did you mean `tenant`"), "{toml}");
        let toml = told("m.toml", "[[tenant]]\nname = \"Not A Name\"\n");
        assert!(toml.starts_with("m.toml:2:8: a name holds only"), "{toml}");
    }

    #[test]
    fn several_files_become_one_manifest_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("a.toml"), folder.path().join("b.json"));
        fs::write(&first, "[[tenant]]\nname = \"one\"\n").unwrap();
        fs::write(&second, "{\"tenant\": [{\"name\": \"two\"}]}").unwrap();
        let manifest = read_all(&[first.display().to_string(), second.display().to_string()]).unwrap();
        assert_eq!(manifest.tenants.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    }

    #[test]
    fn without_an_extension_a_brace_makes_it_json() {
        assert!(is_json("standard input", " \n{}") && !is_json("standard input", "[[tenant]]"));
        assert!(!is_json("a.toml", "{}") && is_json("a.json", "[[tenant]]"));
    }
}
