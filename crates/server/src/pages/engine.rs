//! The template engine: auto-escaped HTML, strict about names, no file access.

use std::collections::BTreeSet;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, Error, Output, State, UndefinedBehavior};
use serde::Serialize;

use super::asset::Assets;
use super::dialect;
use super::files::{PARTS, TEMPLATES};
use super::theme::{PagesError, Theme};

/// A set of templates.
pub(super) struct Engine(Environment<'static>);

impl Engine {
    /// The templates of the binary.
    pub(super) fn built_in(assets: &Assets) -> Self {
        let mut engine = Self::empty(assets);
        for (name, source) in TEMPLATES.iter().chain(PARTS) {
            engine.0.add_template(name, source).expect("the built-in templates parse: a test loads them");
        }
        engine
    }

    /// The templates of the binary, some of them replaced. Names are judged now, so that a spelling mistake is found at
    /// start and not by the person who signs in.
    pub(super) fn themed(theme: &Theme, assets: &Assets, built_in: &Self) -> Result<Self, PagesError> {
        let mut engine = Self::built_in(assets);
        for (name, source) in theme.templates() {
            let added = engine.0.add_template_owned(name, source.to_owned());
            added.map_err(|source| PagesError::Template { name, source: Box::new(source) })?;
            let known = built_in.names_for(name);
            if let Some(unknown) = engine.names_in(name).into_iter().find(|used| !is_known(used, &known)) {
                let known = known.into_iter().collect::<Vec<_>>().join(", ");
                return Err(PagesError::UnknownName { name, unknown, known });
            }
        }
        Ok(engine)
    }

    /// Fills a template.
    pub(super) fn render(&self, name: &str, context: &impl Serialize) -> Result<String, Error> {
        self.0.get_template(name)?.render(Serde(context))
    }

    fn empty(assets: &Assets) -> Self {
        let mut environment = Environment::empty();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.expect("the usual delimiters differ from each other"));
        environment.set_auto_escape_callback(|name| match name.rsplit('.').next() {
            Some("txt") => AutoEscape::None,
            Some("md") => AutoEscape::Custom(dialect::MARKDOWN.into()),
            // Escaping is the rule, so that a name that nobody thought of is safe.
            _ => AutoEscape::Html,
        });
        environment.set_formatter(escape);
        // No `safe` and no `escape`: what is HTML is a type of its own.
        environment.add_filter("length", minijinja::filters::length);
        environment.add_filter("lower", minijinja::filters::lower);
        environment.add_filter("upper", minijinja::filters::upper);
        environment.add_filter("code", dialect::code);
        environment.add_filter("cell", dialect::cell);
        environment.add_filter("fenced", dialect::fenced);
        environment.add_test("none", minijinja::tests::is_none);
        environment.add_global("assets", Value::from(Serde(assets.names())));
        Self(environment)
    }

    /// The names that a template may use: those of the built-in one of the same name, and of the parts around all pages.
    fn names_for(&self, name: &str) -> BTreeSet<String> {
        let parts = PARTS.iter().flat_map(|(part, _)| self.names_in(part));
        self.names_in(name).into_iter().chain(parts).collect()
    }

    /// The names from outside that a template uses, such as `frame.base`.
    pub(super) fn names_in(&self, name: &str) -> BTreeSet<String> {
        let template = self.0.get_template(name);
        template.map(|template| template.undeclared_variables(true).into_iter().collect()).unwrap_or_default()
    }
}

/// `form` is known where `form.action` is.
fn is_known(used: &str, known: &BTreeSet<String>) -> bool {
    let within = |known: &String| known.strip_prefix(used).is_some_and(|rest| rest.starts_with('.'));
    known.contains(used) || known.iter().any(within)
}

/// Text and double- or single-quoted attribute values. The slash stays: `action="/login"` is read by people and by
/// simple tools, too.
fn escape(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if dialect::is_spoken(state) {
        return dialect::escape(out, value);
    }
    let text = value.as_str().filter(|_| !value.is_safe() && *state.auto_escape() == AutoEscape::Html);
    let Some(text) = text else {
        return minijinja::escape_formatter(out, state, value);
    };
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        out.write_str(&rest[..at])?;
        out.write_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&#34;",
            _ => "&#39;",
        })?;
        rest = &rest[at + 1..];
    }
    Ok(out.write_str(rest)?)
}
