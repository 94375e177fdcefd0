//! Cookies as a browser keeps them (RFC 6265bis): `__Host-` is held to its rules, `Secure` counts as kept on a loopback
//! address, `SameSite` is noted and ignored, so that no test passes because of it alone.

use reqwest::header::{HeaderMap, SET_COOKIE};

use crate::logs;

/// A cookie in the jar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The attributes as the server wrote them, without the spaces before.
    pub attributes: Vec<String>,
}

impl Cookie {
    /// Whether it has an attribute, for example `HttpOnly` or `SameSite=Lax`. Case does not count.
    pub fn has(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|own| own.eq_ignore_ascii_case(attribute))
    }
}

/// All cookies of one browser.
#[derive(Default)]
pub(crate) struct Jar(Vec<Cookie>);

impl Jar {
    /// Keeps what an answer sets; a `Max-Age` of 0 or less takes the cookie away.
    pub(crate) fn keep(&mut self, headers: &HeaderMap) {
        for header in headers.get_all(SET_COOKIE) {
            let text = header.to_str().expect("a cookie is ASCII");
            let mut parts = text.split(';').map(str::trim);
            let (name, value) =
                parts.next().and_then(|pair| pair.split_once('=')).expect("a cookie is a pair");
            let attributes: Vec<String> = parts.map(str::to_owned).collect();
            let cookie = Cookie { name: name.to_owned(), value: value.to_owned(), attributes };
            // RFC 6265bis 4.1.3.2: anything else is dropped in silence, and the session with it.
            let for_host = cookie.has("Secure") && cookie.has("Path=/") && !names(&cookie, "Domain");
            if name.starts_with("__Host-") && !for_host {
                continue;
            }
            self.0.retain(|known| known.name != cookie.name);
            if is_alive(&cookie) {
                logs::note_secret(value);
                self.0.push(cookie);
            }
        }
    }

    /// The header `Cookie`, if there is anything to send.
    pub(crate) fn header(&self) -> Option<String> {
        let pairs: Vec<_> = self.0.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    pub(crate) fn all(&self) -> &[Cookie] {
        &self.0
    }

    pub(crate) fn put(&mut self, name: &str, value: &str) {
        self.0.retain(|known| known.name != name);
        self.0.push(Cookie { name: name.to_owned(), value: value.to_owned(), attributes: Vec::new() });
    }

    pub(crate) fn forget(&mut self, name: &str) {
        self.0.retain(|known| known.name != name);
    }
}

fn names(cookie: &Cookie, attribute: &str) -> bool {
    value_of(cookie, attribute).is_some()
}

fn is_alive(cookie: &Cookie) -> bool {
    let age = value_of(cookie, "Max-Age").map(|age| age.parse::<i64>().expect("Max-Age is a number"));
    age.is_none_or(|seconds| seconds > 0)
}

fn value_of<'a>(cookie: &'a Cookie, attribute: &str) -> Option<&'a str> {
    let pairs = cookie.attributes.iter().filter_map(|own| own.split_once('='));
    pairs.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(attribute)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(jar: &mut Jar, text: &'static str) -> Vec<String> {
        let mut headers = HeaderMap::new();
        headers.insert(SET_COOKIE, reqwest::header::HeaderValue::from_static(text));
        jar.keep(&headers);
        jar.all().iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect()
    }

    #[test]
    fn a_cookie_for_the_host_is_kept_only_by_its_rules() {
        for broken in [
            "__Host-a=1; Path=/; HttpOnly",
            "__Host-a=1; Secure",
            "__Host-a=1; Secure; Path=/below",
            "__Host-a=1; Secure; Path=/; Domain=a.test",
        ] {
            assert_eq!(kept(&mut Jar::default(), broken), Vec::<String>::new(), "{broken}");
        }
        assert_eq!(kept(&mut Jar::default(), "__Host-a=1; secure; path=/; SameSite=Lax"), ["__Host-a=1"]);
    }

    #[test]
    fn a_cookie_is_replaced_and_taken_away_by_its_name() {
        let mut jar = Jar::default();
        kept(&mut jar, "a=1; Path=/");
        kept(&mut jar, "b=2; Path=/; Max-Age=60");
        assert_eq!(kept(&mut jar, "a=3; Path=/"), ["b=2", "a=3"]);
        assert_eq!(jar.header().as_deref(), Some("b=2; a=3"));
        assert_eq!(kept(&mut jar, "b=; Path=/; Max-Age=0"), ["a=3"]);
    }
}
