//! The three cookies of an environment. Each holds a random reference and nothing else; `__Host-` keeps other hosts and
//! plain HTTP from setting it, `Lax` lets a browser bring it when an app sends its user here.

use ::http::header::{COOKIE, HeaderValue, SET_COOKIE};
use ::http::{HeaderMap, Response};
use cookie::time::Duration;
use cookie::{Cookie, SameSite};
use grantor_core::environment::Environment;
use grantor_core::secret::Secret;

use crate::flow::browser::{Browser, Mark, Marks};
use crate::http::Body;

/// Longest cookie header that is read.
const LONGEST: usize = 8 * 1024;
/// How long a browser is remembered as one where its user has signed in.
const DEVICE_DAYS: i64 = 180;

/// Reads the references. A name that stands twice counts as absent: nobody can tell which is ours.
pub fn read(headers: &HeaderMap, environment: &Environment) -> Browser {
    let values: Vec<&str> = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).collect();
    if values.iter().map(|value| value.len()).sum::<usize>() > LONGEST {
        return Browser::default();
    }
    let find = |name: String| {
        let mut found = values
            .iter()
            .flat_map(|value| Cookie::split_parse(*value))
            .filter_map(Result::ok)
            .filter(|cookie| cookie.name() == name);
        match (found.next(), found.next()) {
            (Some(only), None) => Some(Secret::presented(only.value().to_owned())),
            _ => None,
        }
    };
    Browser {
        session: find(session_name(environment)),
        browser: find(browser_name(environment)),
        device: find(device_name(environment)),
    }
}

/// Writes what a flow gives.
pub fn write(response: &mut Response<Body>, environment: &Environment, marks: &Marks) {
    let mut set = |cookie: Cookie<'_>| {
        if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
            response.headers_mut().append(SET_COOKIE, value);
        }
    };
    match &marks.session {
        Mark::Keep => {}
        Mark::Set(secret) => set(made(session_name(environment), secret.reveal(), None)),
        Mark::Clear => set(made(session_name(environment), "", Some(Duration::ZERO))),
    }
    if let Some(secret) = &marks.browser {
        set(made(browser_name(environment), secret.reveal(), None));
    }
    if let Some(secret) = &marks.device {
        set(made(device_name(environment), secret.reveal(), Some(Duration::days(DEVICE_DAYS))));
    }
}

fn made(name: String, value: &str, max_age: Option<Duration>) -> Cookie<'_> {
    let mut cookie =
        Cookie::build((name, value)).path("/").secure(true).http_only(true).same_site(SameSite::Lax);
    if let Some(max_age) = max_age {
        cookie = cookie.max_age(max_age);
    }
    cookie.build()
}

fn session_name(environment: &Environment) -> String {
    format!("__Host-grt_{}", environment.name)
}

fn browser_name(environment: &Environment) -> String {
    format!("__Host-grt_{}_browser", environment.name)
}

fn device_name(environment: &Environment) -> String {
    format!("__Host-grt_{}_device", environment.name)
}
