//! What apps and their users do, step by step or all at once: authorization requests, sign-ins, codes, tokens, mails.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use serde_json::Value;

use crate::browser::{Browser, encoded};
use crate::logs;
use crate::mail::Mail;
use crate::world::{Answer, Client, Server, basic};

/// What makes each value of a test run another one.
static COUNT: AtomicU32 = AtomicU32::new(1);

/// Longest wait for a mail.
const PATIENCE: Duration = Duration::from_secs(10);

/// Somebody with an account, or about to have one.
#[derive(Clone)]
pub struct Person {
    /// The address.
    pub email: String,
    /// The password.
    pub password: String,
}

impl Person {
    /// Somebody whom nobody knows yet.
    pub fn new_one() -> Self {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let password = format!("violet harbour {count} engine");
        logs::note_secret(&password);
        Self { email: format!("person{count}@people.test"), password }
    }
}

/// A verifier and its challenge (RFC 7636).
#[derive(Clone)]
pub struct Pkce {
    /// What the app keeps.
    pub verifier: String,
    /// What it sends ahead.
    pub challenge: String,
}

impl Pkce {
    /// A new pair. Nobody guesses in a test, so it is counted instead of random.
    pub fn new_one() -> Self {
        let verifier = format!("{:0>64}", COUNT.fetch_add(1, Ordering::Relaxed));
        let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
        Self { verifier, challenge: URL_SAFE_NO_PAD.encode(hash.as_ref()) }
    }
}

/// What a user's sign-in gives an app.
#[derive(Clone)]
pub struct Tokens {
    /// The access token.
    pub access: String,
    /// The refresh token; empty if there is none.
    pub refresh: String,
    /// The ID token; empty if there is none.
    pub id: String,
}

impl Tokens {
    /// Those of an answer that gives an access token.
    ///
    /// # Panics
    /// If it refuses.
    pub fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{}", answer.text);
        let body = answer.json();
        let text = |name: &str| body[name].as_str().unwrap_or("").to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token"), id: text("id_token") }
    }
}

impl Server {
    /// A user of the demo, by role: `tenant_admin` or `end_user`.
    pub fn person(&self, role: &str) -> Person {
        let all = self.contract()["users"].as_array().expect("users is a list");
        let found = all.iter().find(|user| user["role"] == role).expect("a user of the demo");
        let text = |name: &str| found[name].as_str().expect("address and password are text").to_owned();
        Person { email: text("email"), password: text("password") }
    }

    /// The first app of an API that has a grant.
    pub fn client_with(&self, environment: &str, api: &str, grant: &str) -> Client {
        let client = self.entry_with(environment, api, grant);
        let text = |name: &str| client[name].as_str().expect("client id and secret are text").to_owned();
        Client { id: text("client_id"), secret: text("client_secret") }
    }

    fn entry_with(&self, environment: &str, api: &str, grant: &str) -> &Value {
        let clients = self.api(environment, api)["clients"].as_array().expect("clients is a list");
        let has = |client: &&Value| {
            client["grant_types"].as_array().is_some_and(|grants| grants.iter().any(|own| own == grant))
        };
        clients.iter().find(has).unwrap_or_else(|| panic!("no app of {api} in {environment} has {grant}"))
    }

    /// The first redirect URI of the API's app for users.
    pub fn redirect_uri(&self, environment: &str, api: &str) -> String {
        let client = self.entry_with(environment, api, "authorization_code");
        client["redirect_uris"][0].as_str().expect("a redirect URI").to_owned()
    }

    /// The scopes of OpenID Connect and all of an API's.
    pub fn all_scopes(&self, environment: &str, api: &str) -> String {
        let mut scopes = vec!["openid", "profile", "email", "offline_access"];
        for example in self.api(environment, api)["examples"].as_array().into_iter().flatten() {
            let scope = example["scope"].as_str().unwrap_or("");
            if !scope.is_empty() && !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        scopes.join(" ")
    }

    /// An authorization request of the API's app for users: PKCE, a nonce, a state, every scope. `changes` replace
    /// parameters of the same name; an empty value leaves one out.
    pub fn authorize_url(
        &self,
        environment: &str,
        api: &str,
        pkce: &Pkce,
        changes: &[(&str, &str)],
    ) -> String {
        let client = self.client_with(environment, api, "authorization_code");
        let (redirect_uri, scope) = (self.redirect_uri(environment, api), self.all_scopes(environment, api));
        let usual = [
            ("response_type", "code"),
            ("client_id", &client.id),
            ("redirect_uri", &redirect_uri),
            ("scope", &scope),
            ("state", "state of the app"),
            ("nonce", "nonce-of-the-app"),
            ("code_challenge", &pkce.challenge),
            ("code_challenge_method", "S256"),
        ];
        let unchanged = usual.iter().filter(|(name, _)| !changes.iter().any(|(other, _)| other == name));
        let sent = unchanged.chain(changes).filter(|(_, value)| !value.is_empty());
        let mut url = Url::parse(&format!("{}/authorize", self.issuer(environment))).expect("a URL");
        url.query_pairs_mut().extend_pairs(sent);
        url.into()
    }

    /// Types address and password into the sign-in page that is shown, and sends it.
    pub async fn type_password(&self, browser: &mut Browser, person: &Person) {
        browser.fill("login-email", &person.email);
        browser.fill("login-password", &person.password);
        browser.submit("login-submit").await;
    }

    /// Signs in, accepts, allows, whatever is asked, until the app has its answer; gives the code.
    ///
    /// # Panics
    /// If it ends without a code.
    pub async fn sign_in(&self, browser: &mut Browser, url: &str, person: &Person) -> String {
        browser.visit(url).await;
        if browser.reply().is_none() && browser.page().has("login-submit") {
            self.type_password(browser, person).await;
        }
        self.agree(browser).await
    }

    /// Accepts documents and allows everything, from the page that is shown on; gives the code.
    ///
    /// # Panics
    /// If it ends without a code.
    pub async fn agree(&self, browser: &mut Browser) -> String {
        if browser.reply().is_none() && browser.page().has("terms-submit") {
            for id in browser.page().ids("terms-accept-") {
                browser.tick(&id);
            }
            browser.submit("terms-submit").await;
        }
        if browser.reply().is_none() && browser.page().has("consent-approve") {
            browser.submit("consent-approve").await;
        }
        browser.must_reply().code()
    }

    /// A token request of an app, with its secret in the header.
    pub async fn token_request(
        &self,
        environment: &str,
        api: &str,
        client: &Client,
        fields: &[(&str, &str)],
    ) -> Answer {
        let form: Vec<_> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let url = self.token_endpoint(environment, api);
        self.post(&url, Some(&basic(&client.id, &client.secret)), &encoded(&form)).await
    }

    /// Exchanges a code, as the API's app for users.
    pub async fn redeem(&self, environment: &str, api: &str, code: &str, pkce: &Pkce) -> Answer {
        let client = self.client_with(environment, api, "authorization_code");
        let redirect_uri = self.redirect_uri(environment, api);
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &redirect_uri),
            ("code_verifier", &pkce.verifier),
        ];
        self.token_request(environment, api, &client, &fields).await
    }

    /// Exchanges a refresh token, as the API's app for users.
    pub async fn refresh(&self, environment: &str, api: &str, token: &str) -> Answer {
        let client = self.client_with(environment, api, "authorization_code");
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.token_request(environment, api, &client, &fields).await
    }

    /// Tokens of the demo's end user, by a sign-in in a new browser.
    pub async fn user_token(&self, environment: &str, api: &str) -> Tokens {
        let (mut browser, pkce) = (Browser::new(self), Pkce::new_one());
        let url = self.authorize_url(environment, api, &pkce, &[]);
        let code = self.sign_in(&mut browser, &url, &self.person("end_user")).await;
        Tokens::of(&self.redeem(environment, api, &code, &pkce).await)
    }

    /// Signs up from an address that shows the sign-in page, and opens the link of the mail in the same browser.
    pub async fn sign_up(&self, browser: &mut Browser, url: &str, person: &Person) {
        self.begin_sign_up(browser, url, person).await;
        let link = self.mail_to(&person.email).await.link();
        browser.visit(&link).await;
    }

    /// Signs up as far as the page that tells of a mail.
    pub async fn begin_sign_up(&self, browser: &mut Browser, url: &str, person: &Person) {
        browser.visit(url).await;
        browser.follow("login-signup").await;
        browser.fill("signup-name", "A Person");
        browser.fill("signup-email", &person.email);
        browser.fill("signup-password", &person.password);
        browser.submit("signup-submit").await;
        assert_eq!(browser.page().text_of("signup-sent-email"), person.email);
    }

    /// Every mail that has left, oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        let folder = PathBuf::from(self.contract()["mail_dir"].as_str().expect("mail_dir is text"));
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry of a folder").path()).collect();
        files.retain(|file| file.extension().is_some_and(|ending| ending == "eml"));
        files.sort();
        files.iter().map(|file| Mail::parse(&std::fs::read_to_string(file).expect("a mail"))).collect()
    }

    /// The latest mail to somebody. A job delivers it soon after the answer that promised it.
    ///
    /// # Panics
    /// If there is none after ten seconds.
    pub async fn mail_to(&self, email: &str) -> Mail {
        let step = Duration::from_millis(20);
        for _ in 0..PATIENCE.as_millis() / step.as_millis() {
            if let Some(mail) = self.mails().into_iter().rfind(|mail| mail.to == email) {
                return mail;
            }
            tokio::time::sleep(step).await;
        }
        panic!("no mail to {email}")
    }
}
