//! A browser without scripts: it keeps cookies, follows redirects on our own origin, fills and sends forms, and stops where
//! an app would take over.

use reqwest::Url;
use reqwest::header::{COOKIE, HeaderMap, LOCATION, ORIGIN, REFERRER_POLICY};
use serde_json::Value;

use crate::cookies::{Cookie, Jar};
use crate::logs;
use crate::page::{Checks, Page};
use crate::world::{Answer, Server};

/// More redirects than this are a circle.
const MOST_REDIRECTS: usize = 10;

/// One person's browser.
pub struct Browser {
    http: reqwest::Client,
    /// Scheme, host and port of the server.
    origin: String,
    /// Where it stops: the redirect URIs of the demo's apps.
    redirect_uris: Vec<String>,
    jar: Jar,
    site: Site,
    /// What was answered on the way, the last one last.
    way: Vec<Answer>,
    place: Place,
}

/// Where a request comes from, as browsers tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// From our own pages.
    Own,
    /// From a page of somebody else. Cookies are sent all the same: what protects must not rest on `SameSite` alone.
    Foreign,
}

/// A form on its way.
struct Posted {
    fields: Vec<(String, String)>,
    /// What the browser says about where it comes from.
    origin: String,
}

/// What a browser shows.
enum Place {
    Nothing,
    Page(Page),
    App(AppReply),
}

/// What an app gets through the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppReply {
    /// Its redirect URI, without what the answer added to it.
    pub redirect_uri: String,
    /// The answer's parameters, in their order.
    pub parameters: Vec<(String, String)>,
}

impl AppReply {
    /// A parameter; empty if it is not there.
    ///
    /// # Panics
    /// If it is there twice (RFC 6749 3.1).
    pub fn get(&self, name: &str) -> &str {
        let mut found = self.parameters.iter().filter(|(known, _)| known == name);
        let value = found.next().map_or("", |(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} is there twice");
        value
    }

    /// The code.
    ///
    /// # Panics
    /// If there is none, with what there is.
    pub fn code(&self) -> String {
        assert!(!self.get("code").is_empty(), "no code: {self:?}");
        self.get("code").to_owned()
    }
}

impl Browser {
    /// A new one, without cookies.
    pub fn new(server: &Server) -> Self {
        let apis = server.contract()["apis"].as_array().into_iter().flatten();
        let clients = apis.flat_map(|api| api["clients"].as_array().into_iter().flatten());
        let uris = clients.flat_map(|client| client["redirect_uris"].as_array().into_iter().flatten());
        Self {
            http: server.http.clone(),
            origin: format!("http://{}", server.address()),
            redirect_uris: uris.filter_map(Value::as_str).map(str::to_owned).collect(),
            jar: Jar::default(),
            site: Site::Own,
            way: Vec::new(),
            place: Place::Nothing,
        }
    }

    /// Whose page the next requests come from.
    pub fn comes_from(&mut self, site: Site) {
        self.site = site;
    }

    /// Goes to an address, or to a path of the server.
    pub async fn visit(&mut self, url: &str) {
        let url = self.absolute(url);
        self.go(url, None).await;
    }

    /// Follows a link of the page.
    pub async fn follow(&mut self, id: &str) {
        let url = self.page().url.join(self.page().link(id)).expect("a link is a URL");
        self.go(url, None).await;
    }

    /// Types into a field, over what stands there.
    pub fn fill(&mut self, id: &str, value: &str) {
        self.page_mut().fill(id, value);
    }

    /// Ticks a box, or one of several that exclude each other.
    pub fn tick(&mut self, id: &str) {
        self.page_mut().tick(id);
    }

    /// Takes a tick away.
    pub fn untick(&mut self, id: &str) {
        self.page_mut().untick(id);
    }

    /// Presses a button that sends its form.
    ///
    /// # Panics
    /// If a browser would hold the form back because a required field is empty.
    pub async fn submit(&mut self, id: &str) {
        self.send(id, Checks::Made).await;
    }

    /// As [`Self::submit`], by somebody whose browser does not look at what is required.
    pub async fn submit_unchecked(&mut self, id: &str) {
        self.send(id, Checks::LeftOut).await;
    }

    async fn send(&mut self, id: &str, checks: Checks) {
        let page = self.page();
        let filled = page.press(id, checks);
        let url = page.url.join(&filled.action).expect("the action of a form is a URL");
        // HTML 4.10.21.3 with a policy of no-referrer: the origin is kept back.
        let silent = page.headers.get(REFERRER_POLICY).is_some_and(|policy| policy == "no-referrer");
        let origin = if silent { "null".to_owned() } else { self.origin.clone() };
        if self.is_of_app(&url) {
            self.arrive(&url, filled.fields);
            return;
        }
        self.go(url, Some(Posted { fields: filled.fields, origin })).await;
    }

    /// Posts a form that stands on no page.
    pub async fn post(&mut self, url: &str, fields: &[(&str, &str)]) {
        let url = self.absolute(url);
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let origin = self.origin.clone();
        self.go(url, Some(Posted { fields, origin })).await;
    }

    /// The page that is shown.
    ///
    /// # Panics
    /// At an app.
    pub fn page(&self) -> &Page {
        match &self.place {
            Place::Page(page) => page,
            Place::App(reply) => panic!("the browser is at an app: {reply:?}"),
            Place::Nothing => panic!("the browser shows nothing yet"),
        }
    }

    fn page_mut(&mut self) -> &mut Page {
        match &mut self.place {
            Place::Page(page) => page,
            Place::App(reply) => panic!("the browser is at an app: {reply:?}"),
            Place::Nothing => panic!("the browser shows nothing yet"),
        }
    }

    /// What the app got, if the browser is there.
    pub fn reply(&self) -> Option<&AppReply> {
        match &self.place {
            Place::App(reply) => Some(reply),
            Place::Page(_) | Place::Nothing => None,
        }
    }

    /// What the app got.
    ///
    /// # Panics
    /// If the browser still shows a page.
    pub fn must_reply(&self) -> &AppReply {
        self.reply().unwrap_or_else(|| {
            let page = self.page();
            panic!("the browser is at {} ({}): {}", page.url, page.status, page.text())
        })
    }

    /// Every answer since the last [`Self::visit`], [`Self::follow`] or sent form: the redirects, then the page.
    pub fn way(&self) -> &[Answer] {
        &self.way
    }

    /// The cookies that it keeps.
    pub fn cookies(&self) -> &[Cookie] {
        self.jar.all()
    }

    /// The cookie whose name ends so.
    pub fn cookie(&self, ending: &str) -> Option<&Cookie> {
        self.jar.all().iter().find(|cookie| cookie.name.ends_with(ending))
    }

    /// Puts a cookie into the jar, as somebody else might.
    pub fn put_cookie(&mut self, name: &str, value: &str) {
        self.jar.put(name, value);
    }

    /// Takes a cookie out of the jar.
    pub fn forget_cookie(&mut self, name: &str) {
        self.jar.forget(name);
    }

    fn absolute(&self, url: &str) -> Url {
        let url = if url.starts_with('/') { format!("{}{url}", self.origin) } else { url.to_owned() };
        Url::parse(&url).expect("a URL")
    }

    /// One request and the redirects behind it.
    async fn go(&mut self, mut url: Url, form: Option<Posted>) {
        self.way.clear();
        let mut answer = self.ask(&url, form).await;
        for _ in 0..MOST_REDIRECTS {
            if answer.header("location").is_empty() {
                let Answer { status, headers, text } = &answer;
                let page = Page::read(*status, url, headers.clone(), text.clone());
                self.place = Place::Page(page);
                self.way.push(answer);
                return;
            }
            // RFC 9700 4.12: whoever repeats a form at the next address hands it the password.
            assert_eq!(answer.status, 303, "a redirect is a 303: {:?}", answer.headers.get(LOCATION));
            let next = url.join(answer.header("location")).expect("a location is a URL");
            self.way.push(answer);
            if self.is_of_app(&next) {
                let parameters =
                    next.query_pairs().map(|(name, value)| (name.into(), value.into())).collect();
                self.arrive(&next, parameters);
                return;
            }
            url = next;
            answer = self.ask(&url, None).await;
        }
        panic!("the redirects go round in a circle at {url}");
    }

    async fn ask(&mut self, url: &Url, form: Option<Posted>) -> Answer {
        let mut headers = HeaderMap::new();
        let mut put = |name: &'static str, value: &str| {
            headers.insert(name, value.parse().expect("a header value"));
        };
        if let Some(cookies) = self.jar.header() {
            put(COOKIE.as_str(), &cookies);
        }
        let (site, origin) = match (self.site, &form) {
            (Site::Foreign, _) => ("cross-site", Some("https://elsewhere.test".to_owned())),
            (Site::Own, None) => ("none", None),
            (Site::Own, Some(posted)) => ("same-origin", Some(posted.origin.clone())),
        };
        put("sec-fetch-site", site);
        let request = match form {
            None => self.http.get(url.clone()),
            Some(Posted { fields, .. }) => {
                put(ORIGIN.as_str(), origin.as_deref().unwrap_or("null"));
                put("content-type", "application/x-www-form-urlencoded");
                self.http.post(url.clone()).body(encoded(&fields))
            }
        };
        let response = request.headers(headers).send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a body");
        self.jar.keep(&headers);
        Answer { status, headers, text }
    }

    /// Another origin, or a redirect URI on ours.
    fn is_of_app(&self, url: &Url) -> bool {
        let bare = without_query(url);
        let registered = |uri: &String| Url::parse(uri).is_ok_and(|uri| without_query(&uri) == bare);
        !bare.starts_with(&format!("{}/", self.origin)) || self.redirect_uris.iter().any(registered)
    }

    fn arrive(&mut self, url: &Url, parameters: Vec<(String, String)>) {
        assert_eq!(url.fragment(), None, "no answer travels in a fragment");
        let secrets = parameters.iter().filter(|(name, _)| name == "code");
        secrets.for_each(|(_, code)| logs::note_secret(code));
        self.place = Place::App(AppReply { redirect_uri: without_query(url), parameters });
    }
}

fn without_query(url: &Url) -> String {
    let mut bare = url.clone();
    bare.set_query(None);
    bare.set_fragment(None);
    bare.to_string()
}

/// A form as it travels (URL Standard 5.2).
pub(crate) fn encoded(fields: &[(String, String)]) -> String {
    let mut url = Url::parse("http://form.test/").expect("a URL");
    url.query_pairs_mut().extend_pairs(fields);
    url.query().unwrap_or("").to_owned()
}
