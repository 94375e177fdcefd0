//! A configuration file to begin with.

use super::setting::{SETTINGS, Setting};

/// Longest line of an explanation, in characters.
const WIDTH: usize = 100;

/// Every setting with its meaning, as a comment, and with its default. Read as it is, it changes nothing.
pub fn template() -> String {
    let mut text = String::from(
        "# The static configuration of a Grantor server. Take the # from what you want to change.\n\
         # Without a file the defaults are in force. A variable wins over this file, a flag over both:\n\
         # `grantor config show --origin` says which one did.\n",
    );
    let mut current = "";
    for setting in SETTINGS {
        let (section, key) = setting.name.split_once('.').unwrap_or(("", setting.name));
        if section != current {
            text.push_str(&format!("\n[{section}]\n"));
            current = section;
        }
        text.push('\n');
        for line in wrapped(setting.meaning) {
            text.push_str(&format!("# {line}\n"));
        }
        if setting.stands_in_files() {
            text.push_str(&format!("#{key} = {}\n", literal(setting)));
        } else {
            text.push_str(&format!("# Its variable is {}.\n", setting.variable));
        }
    }
    text
}

/// The default as TOML. What has none is empty, and refused as such if it is left so.
fn literal(setting: &Setting) -> String {
    match setting.default {
        number if number.parse::<i64>().is_ok() => number.to_owned(),
        flag @ ("true" | "false") => flag.to_owned(),
        list if list.starts_with('[') => list.to_owned(),
        word if setting.has_fixed_default() => format!("\"{word}\""),
        _ => "\"\"".to_owned(),
    }
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::tests::{file, load};
    use super::super::{Config, Origin, Overrides};
    use super::*;

    fn loaded(text: &str) -> Config {
        let file = file(text);
        load(Some(file.path()), &[], Overrides::default()).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    /// The template with the settings of which `chosen` says yes.
    fn without_comments(chosen: impl Fn(&Setting) -> bool) -> String {
        let mut section = String::new();
        let lines = template().lines().map(str::to_owned).collect::<Vec<_>>();
        let lines = lines.iter().map(|line| {
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end_matches(']').to_owned();
            }
            let bare = line.strip_prefix('#').filter(|rest| !rest.starts_with(' '));
            let key = bare.and_then(|rest| rest.split_once(" = ")).map(|(key, _)| format!("{section}.{key}"));
            let taken =
                SETTINGS.iter().any(|setting| key.as_deref() == Some(setting.name) && chosen(setting));
            if taken { bare.unwrap_or(line).to_owned() } else { line.clone() }
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_template_changes_nothing_as_it_is_and_names_every_setting() {
        let config = loaded(&template());
        assert!(config.effective().iter().all(|setting| setting.origin == Origin::Default));
        for setting in SETTINGS {
            let key = setting.name.split_once('.').unwrap().1;
            let line =
                if setting.stands_in_files() { format!("\n#{key} = ") } else { setting.variable.to_owned() };
            assert!(template().contains(&line), "{}", setting.name);
        }
    }

    #[test]
    fn the_defaults_of_the_template_are_the_defaults() {
        let config = loaded(&without_comments(Setting::has_fixed_default));
        let written: Vec<_> = config.effective().iter().filter(|s| s.origin != Origin::Default).collect();
        assert_eq!(written.len(), SETTINGS.iter().filter(|setting| setting.has_fixed_default()).count());
        let default = loaded("");
        for (one, other) in config.effective().iter().zip(default.effective()) {
            assert_eq!((one.name, &one.value), (other.name, &other.value));
        }
    }

    #[test]
    fn what_has_no_default_is_not_taken_empty() {
        for setting in
            SETTINGS.iter().filter(|setting| setting.stands_in_files() && !setting.has_fixed_default())
        {
            let file = file(&without_comments(|other| other == setting));
            let told = load(Some(file.path()), &[], Overrides::default()).err();
            assert!(told.is_some_and(|error| error.to_string().contains(setting.name)), "{}", setting.name);
        }
    }
}
