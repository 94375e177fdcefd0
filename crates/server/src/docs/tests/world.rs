//! APIs to write about: those of the demo, and some that nobody has thought of.

use std::sync::Arc;

use grantor_core::api::{Api, ScopeDefinition};
use grantor_core::environment::Environment;
use grantor_core::id::{ApiId, EnvironmentId};
use grantor_core::profile::Profile;
use grantor_core::scope::Scope;
use grantor_core::secret::{Brand, Stage};
use grantor_resource::Contract;
use serde::Serialize;

use super::super::path::Topic;
use super::super::{Place, article, authentication, credentials, errors, overview, security, tenant_setup};
use crate::catalogue::{expand, server_scopes};
use crate::manifest::from_toml;
use crate::pages::{
    ApiLink, Article, ArticleContext, DocsIndex, Go, Java, Node, Pages, Php, Python, Ruby, Rust, Shell,
    Shown, SnippetContext, SnippetFacts,
};

macro_rules! example {
    ($path:literal) => {
        include_str!(concat!("../../../../../examples/", $path))
    };
}

/// One API in production and, as many wish, in a sandbox.
pub(crate) struct World {
    pub(crate) profile: Profile,
    pub(crate) title: String,
    pub(crate) scopes: Vec<(String, String)>,
    pub(crate) contract: Option<String>,
    pub(crate) sandbox: bool,
}

impl World {
    /// An API of the demo, by the name of its profile.
    pub(crate) fn of(name: &str) -> Self {
        let (profile, contract, scopes): (_, _, &[(&str, &str)]) = match name {
            "payments" => (
                example!("profiles/payments.toml"),
                example!("demo/payments.openapi.json"),
                &[("payments:read", "See transfers"), ("payments:write", "Make transfers")],
            ),
            "channel" => (
                example!("profiles/channel.toml"),
                example!("demo/channel.openapi.json"),
                &[("rates:read", "See rates")],
            ),
            "assets" => (
                example!("profiles/assets.toml"),
                example!("demo/assets.openapi.json"),
                &[("{scope_prefix}.teosapi", "Use the asset platform")],
            ),
            "deals" => (
                example!("profiles/deals.toml"),
                example!("demo/deals.openapi.json"),
                &[("deals:read", "See deals"), ("deals:create", "Make deals")],
            ),
            "banking" => (
                example!("profiles/banking.toml"),
                example!("demo/banking.openapi.json"),
                &[("accounts:read", "See accounts and balances")],
            ),
            other => panic!("the demo has no {other}"),
        };
        Self {
            profile: profile_of(profile),
            title: format!("{}{}", name[..1].to_uppercase(), &name[1..]),
            scopes: scopes.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(),
            contract: Some(contract.to_owned()),
            sandbox: true,
        }
    }

    /// An API that has everything at once; its texts are those given.
    pub(crate) fn full_of(text: &str) -> Self {
        let mut profile = profile_of(EVERYTHING);
        profile.title = text.to_owned();
        let contract = EVERY_KIND.replace("SUMMARY", &text.replace('\\', "\\\\").replace('"', "\\\""));
        let contract = contract.replace(['\r', '\n'], " ");
        Self {
            profile,
            title: text.to_owned(),
            scopes: vec![
                // Every mark that Markdown knows and RFC 6749 3.3 allows.
                ("a`b``|c*_d_*[e](f)<g>&#35;!~{}".to_owned(), text.to_owned()),
                ("things:read".to_owned(), String::new()),
            ],
            contract: Some(contract),
            sandbox: true,
        }
    }

    /// What a profile in TOML makes.
    pub(crate) fn by_hand(profile: &str) -> Self {
        Self {
            profile: profile_of(profile),
            title: String::new(),
            scopes: Vec::new(),
            contract: None,
            sandbox: false,
        }
    }

    /// The same with a change of its profile.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Profile)) -> Self {
        change(&mut self.profile);
        self
    }

    /// Calls with the API at its place in production.
    pub(crate) fn at<T>(&self, then: impl FnOnce(&Place<'_>) -> T) -> T {
        let here = environment("production", "https://id.example.com", Stage::Live, "prod");
        let there = environment("sandbox", "https://id.example.com/sandbox", Stage::Test, "test");
        let (api, sibling) = (self.api(&here), self.api(&there));
        let contract = api.openapi.as_deref().map(|text| Contract::from_openapi(text).unwrap());
        let elsewhere = if self.sandbox { vec![(&there, &sibling)] } else { Vec::new() };
        let brand = Brand::default();
        then(&Place { environment: &here, api: &api, contract: contract.as_ref(), elsewhere, brand: &brand })
    }

    /// The Markdown of an article.
    pub(crate) fn article(&self, topic: Topic) -> String {
        let pages = Pages::load(None).unwrap();
        self.at(|place| article(&pages, place, topic).markdown)
    }

    /// The Markdown of all articles together.
    pub(crate) fn articles(&self) -> String {
        let pages = Pages::load(None).unwrap();
        self.at(|place| Topic::ALL.map(|topic| article(&pages, place, topic).markdown).join("\n\n"))
    }

    fn api(&self, environment: &Environment) -> Api {
        self.profile.check().unwrap();
        let scope = |(name, text): &(String, String)| ScopeDefinition {
            name: Scope::parse(&expand(name, environment)).unwrap(),
            description: text.clone(),
            required: name.ends_with(":read"),
        };
        let contract = self.contract.as_deref().map(|text| expand(text, environment));
        Api {
            id: ApiId::from_bytes([1; 16]),
            environment: environment.id,
            name: "things".parse().unwrap(),
            title: self.title.clone(),
            audience: format!("{}/api", environment.issuer),
            scopes: self.scopes.iter().map(scope).collect(),
            profile: Arc::new(self.profile.clone()),
            server_scopes: server_scopes(&self.profile, environment).unwrap(),
            openapi: contract.map(Arc::from),
        }
    }
}

pub(crate) fn profile_of(toml: &str) -> Profile {
    from_toml(toml).unwrap().profiles.remove(0)
}

fn environment(name: &str, issuer: &str, stage: Stage, scope_prefix: &str) -> Environment {
    Environment {
        id: EnvironmentId::from_bytes([issuer.len() as u8; 16]),
        name: name.parse().unwrap(),
        issuer: issuer.parse().unwrap(),
        stage,
        scope_prefix: scope_prefix.to_owned(),
        on_leak: Default::default(),
    }
}

/// Every article about an API: its template, what the template was told, and what became of it.
pub(crate) fn contexts(pages: &Pages, world: &World) -> Vec<(&'static str, serde_json::Value, Article)> {
    fn one<A: ArticleContext>(pages: &Pages, context: &A) -> (&'static str, serde_json::Value, Article) {
        (A::TEMPLATE, json(context), pages.article(context))
    }
    let link = ApiLink {
        title: Shown::name(&world.title),
        sentence: Shown::text(&world.title),
        path: "/docs/things".to_owned(),
    };
    let index = DocsIndex { environment: Shown::name(&world.title), apis: vec![link] };
    world.at(|place| {
        vec![
            one(pages, &index),
            one(pages, &overview::overview(place)),
            one(pages, &authentication::authentication(pages, place)),
            one(pages, &credentials::credentials(place)),
            one(pages, &tenant_setup::tenant_setup(place)),
            one(pages, &security::security(place)),
            one(pages, &errors::errors(place)),
        ]
    })
}

/// The template of each program, and what it is told.
pub(crate) fn programs() -> Vec<(&'static str, serde_json::Value)> {
    fn one<S: SnippetContext>(facts: &S) -> (&'static str, serde_json::Value) {
        (S::TEMPLATE, json(facts))
    }
    let facts = SnippetFacts { endpoint: None, basic: false, call: None };
    vec![
        one(&Shell(&facts)),
        one(&Node(&facts)),
        one(&Python(&facts)),
        one(&Go(&facts)),
        one(&Java(&facts)),
        one(&Rust(&facts)),
        one(&Php(&facts)),
        one(&Ruby(&facts)),
    ]
}

fn json(context: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(context).unwrap()
}

const EVERYTHING: &str = r#"
[[profile]]
name = "everything"
token_paths = ["/oauth/token", "/v1/token"]
client_auth = ["client_secret_basic", "client_secret_post", "none"]
token_format = "jwt"
grants = ["client_credentials", "authorization_code", "password"]
server_scopes = ["{scope_prefix}.all"]
server_claims = { who = "tenant.name", where = "environment.name", app = "app.client_id", org = "tenant.id" }
gates = ["account_approved", "partner_approved", "contract_signed", "documents_accepted", "tenant_admin"]
api_keys = "self_service"
refresh = { grants = ["authorization_code", "password"] }
"#;

const EVERY_KIND: &str = r#"{"openapi": "3.1.0", "info": {"title": "x", "version": "1"},
 "servers": [{"url": "https://api.example.com/v1"}],
 "components": {"securitySchemes": {"oauth": {"type": "oauth2", "flows": {}}}},
 "paths": {"/things": {
   "get": {"summary": "SUMMARY", "x-grantor-credential": ["client", "user", "api_key"], "security": [{"oauth": ["things:read"]}], "responses": {}},
   "post": {"summary": "SUMMARY", "x-grantor-credential": ["client"], "security": [{"oauth": ["things:read"]}, {"oauth": ["a`b``|c*_d_*[e](f)<g>&#35;!~{}"]}], "responses": {}}},
  "/me": {"get": {"x-grantor-credential": ["user"], "security": [], "responses": {}}},
  "/keys/{id}": {"get": {"x-grantor-credential": ["api_key"], "security": [{"oauth": ["a`b``|c*_d_*[e](f)<g>&#35;!~{}"]}], "responses": {}}}}}"#;
