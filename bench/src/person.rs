//! A user of the demo at a browser, as far as a code needs one: signs in once and allows the app once. From then on each
//! authorization request is answered with a code.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use bytes::Bytes;

use crate::ceiling::VERIFIER;
use crate::contract::{Client, User};
use crate::load::pick::{self, header, headers};
use crate::load::{Answer, Fleet};
use crate::requests::{form_text, get, post_form};
use crate::target::Target;

/// Cookies and the server that they are for.
struct Person {
    fleet: Fleet,
    home: Target,
    cookies: BTreeMap<String, String>,
}

/// One page or redirect.
struct Seen {
    status: u16,
    location: String,
    body: String,
    code: Option<String>,
}

/// The authorization request of an app that its signed-in user answers with a code, without any page.
pub(crate) async fn authorization(home: &Target, app: &Client, user: &User, scope: &str) -> Result<Bytes> {
    let target = Target::new(home.address(), authorize_path(app, scope)?)?;
    let mut person = Person { fleet: Fleet::new(home.clone()), home: home.clone(), cookies: BTreeMap::new() };
    let mut seen = person.get(target.path()).await?;
    // Log-in and consent, and one page more than that as a reserve.
    for _ in 0..3 {
        if seen.code.is_some() {
            let request = person.request(&target);
            ensure!(
                person.fleet.look(&request, pick::code).await.is_ok(),
                "a second code needs a page again"
            );
            return Ok(request);
        }
        let (csrf, handle) = (hidden(&seen.body, "csrf")?, hidden(&seen.body, "i")?);
        let mut form = vec![("csrf", csrf.as_str()), ("i", handle.as_str())];
        let path = if seen.body.contains("id=\"login-submit\"") {
            form.extend([("email", user.email.as_str()), ("password", user.password.as_str())]);
            "/login"
        } else {
            ensure!(seen.body.contains("id=\"consent-approve\""), "an unknown page: {}", start(&seen.body));
            form.push(("decision", "approve"));
            form.extend(scope.split(' ').map(|scope| ("scope", scope)));
            "/consent"
        };
        seen = person.post(path, &form).await?;
    }
    anyhow::bail!("no code after log-in and consent: {}", start(&seen.body))
}

fn authorize_path(app: &Client, scope: &str) -> Result<String> {
    let redirect_uri = app.redirect_uri()?;
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
    let query = form_text(&[
        ("response_type", "code"),
        ("client_id", &app.client_id),
        ("redirect_uri", redirect_uri),
        ("scope", scope),
        ("state", "bench"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]);
    Ok(format!("/authorize?{query}"))
}

impl Person {
    fn request(&self, target: &Target) -> Bytes {
        get(target, &[("cookie", &self.cookie())])
    }

    fn cookie(&self) -> String {
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    async fn get(&mut self, path: &str) -> Result<Seen> {
        let request = self.request(&Target::new(self.home.address(), path)?);
        let seen = self.send(&request).await?;
        Box::pin(self.follow(seen)).await
    }

    async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Result<Seen> {
        let target = Target::new(self.home.address(), path)?;
        let request = post_form(&target, &[("cookie", &self.cookie())], form);
        let seen = self.send(&request).await?;
        self.follow(seen).await
    }

    /// On our own origin; the app's address is where it ends.
    async fn follow(&mut self, mut seen: Seen) -> Result<Seen> {
        while seen.status == 303 && seen.code.is_none() {
            let path = seen.location.clone();
            ensure!(path.starts_with('/'), "a redirect to {path:?} without a code");
            let request = self.request(&Target::new(self.home.address(), path)?);
            seen = self.send(&request).await?;
        }
        ensure!(matches!(seen.status, 200 | 303), "status {}: {}", seen.status, start(&seen.body));
        Ok(seen)
    }

    async fn send(&mut self, request: &Bytes) -> Result<Seen> {
        let read = |answer: &Answer<'_>| {
            let given: Vec<String> = headers(answer.head, "set-cookie").map(str::to_owned).collect();
            let seen = Seen {
                status: answer.status,
                location: header(answer.head, "location").unwrap_or_default().to_owned(),
                body: String::from_utf8_lossy(answer.body).into_owned(),
                code: pick::code(answer).ok(),
            };
            Ok((given, seen))
        };
        let (given, seen) = self.fleet.look(request, read).await?;
        for cookie in given {
            let pair = cookie.split(';').next().and_then(|pair| pair.split_once('='));
            let (name, value) = pair.context("a cookie without a value")?;
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        Ok(seen)
    }
}

/// The value of a hidden field; ours need no escapes.
fn hidden(body: &str, name: &str) -> Result<String> {
    let field = format!("<input type=\"hidden\" name=\"{name}\" value=\"");
    let found = body.split_once(&field).and_then(|(_, rest)| rest.split_once('"'));
    found.map(|(value, _)| value.to_owned()).with_context(|| format!("no field {name:?} in {}", start(body)))
}

fn start(body: &str) -> String {
    body.chars().take(300).collect()
}
