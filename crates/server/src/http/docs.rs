//! `<issuer>/docs` and below: the documentation of the APIs, for people and as Markdown. The same for everybody, so anybody
//! may keep it, and asks whether it is still true before showing it again.

use ::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH,
    LINK, X_CONTENT_TYPE_OPTIONS,
};
use ::http::{Method, Request, Response, StatusCode};
use bytes::Bytes;
use grantor_core::api::Api;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use serde::Serialize;

use super::Call;
use super::pages::frame;
use super::respond::{self, Body};
use crate::catalogue::tag;
use crate::docs::path::{
    ArticleDress, DocsContent, DocsFile, Kept, Topic, docs_in, docs_of, markdown_path, page_path,
};
use crate::docs::{Place, article, index, title};
use crate::pages::{Article, DocsLink, DocsPage, Shown, security_headers};

/// Sends a file of the documentation.
pub fn get(call: &Call<'_>, file: &DocsFile, request: &Request<Incoming>) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return respond::method_not_allowed("GET", call.request_id);
    }
    let kept = file.kept.get_or_init(|| {
        let bytes = render(call, &file.content);
        Kept { tag: tag(&bytes), bytes }
    });
    let unchanged = request.headers().get(IF_NONE_MATCH).is_some_and(|known| *known == kept.tag);
    let bytes = if unchanged { Bytes::new() } else { kept.bytes.clone() };
    let mut response = Response::new(Either::Left(Full::new(bytes)));
    if unchanged {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.extend(own_headers(call, &file.content));
    // A changed profile changes the page at once: whoever keeps a copy asks first.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, no-cache"));
    headers.insert(ETAG, kept.tag.clone());
    response
}

fn own_headers(call: &Call<'_>, content: &DocsContent) -> Vec<(HeaderName, HeaderValue)> {
    let media = match content {
        DocsContent::Listing => "application/json",
        DocsContent::Index(ArticleDress::Markdown) | DocsContent::Topic(_, _, ArticleDress::Markdown) => {
            "text/markdown; charset=utf-8"
        }
        DocsContent::Index(ArticleDress::Page) | DocsContent::Topic(_, _, ArticleDress::Page) => {
            let mut headers = security_headers(&[]);
            headers.push((CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")));
            let link = format!("<{}>; rel=\"alternate\"; type=\"text/markdown\"", markdown_of(call, content));
            headers.extend(HeaderValue::try_from(link).ok().map(|link| (LINK, link)));
            return headers;
        }
    };
    vec![
        (CONTENT_TYPE, HeaderValue::from_static(media)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    ]
}

fn render(call: &Call<'_>, content: &DocsContent) -> Bytes {
    let pages = &call.node.pages;
    let (article, dress) = match content {
        DocsContent::Listing => return serde_json::to_vec(&listing(call)).unwrap_or_default().into(),
        DocsContent::Index(dress) => {
            let apis = call.state.apis.iter().map(AsRef::as_ref);
            (index(pages, &call.state.environment, apis), dress)
        }
        DocsContent::Topic(api, topic, dress) => {
            let catalogue = call.node.catalogue();
            let place = Place::of(&catalogue, call.state, api, &call.node.brand);
            (article(pages, &place, *topic), dress)
        }
    };
    match dress {
        ArticleDress::Markdown => article.markdown.into(),
        ArticleDress::Page => page(call, content, &article),
    }
}

fn page(call: &Call<'_>, content: &DocsContent, article: &Article) -> Bytes {
    let environment = &call.state.environment;
    let home = DocsLink {
        title: Shown::name("All APIs"),
        path: docs_in(environment),
        is_here: matches!(content, DocsContent::Index(_)),
    };
    let (name, links) = match content {
        DocsContent::Topic(api, here, _) => {
            let link = |topic: Topic| DocsLink {
                title: Shown::name(topic.title()),
                path: page_path(environment, api, topic),
                is_here: topic == *here,
            };
            let flows = DocsLink {
                title: Shown::name("Flows"),
                path: format!("{}/flows", docs_of(environment, api)),
                is_here: false,
            };
            let links = Topic::ALL.into_iter().map(link).chain([flows]).collect();
            (format!("{}: {}", here.title(), title(api).as_str()), links)
        }
        DocsContent::Listing | DocsContent::Index(_) => ("Documentation".to_owned(), Vec::new()),
    };
    let links: Vec<DocsLink> = [home].into_iter().chain(links).collect();
    let page = DocsPage::new(frame(call), Shown::name(&name), links, article, markdown_of(call, content));
    call.node.pages.render(&page).html.into()
}

fn markdown_of(call: &Call<'_>, content: &DocsContent) -> String {
    let environment = &call.state.environment;
    match content {
        DocsContent::Topic(api, topic, _) => markdown_path(environment, api, *topic),
        DocsContent::Listing | DocsContent::Index(_) => format!("{}/index.md", docs_in(environment)),
    }
}

/// The list of everything, with whole addresses.
#[derive(Serialize)]
struct Listing<'a> {
    issuer: &'a str,
    apis: Vec<ListedApi<'a>>,
}

#[derive(Serialize)]
struct ListedApi<'a> {
    name: &'a str,
    title: Shown,
    flows: String,
    pages: Vec<ListedPage>,
}

#[derive(Serialize)]
struct ListedPage {
    page: &'static str,
    title: &'static str,
    html: String,
    markdown: String,
}

fn listing<'a>(call: &Call<'a>) -> Listing<'a> {
    let environment = &call.state.environment;
    let issuer = environment.issuer.as_str();
    let origin = issuer.strip_suffix(environment.issuer.path()).unwrap_or(issuer);
    let page = |api: &Api, topic: Topic| ListedPage {
        page: topic.segment(),
        title: topic.title(),
        html: format!("{origin}{}", page_path(environment, api, topic)),
        markdown: format!("{origin}{}", markdown_path(environment, api, topic)),
    };
    let listed = |api: &'a Api| ListedApi {
        name: api.name.as_str(),
        title: title(api),
        flows: format!("{origin}{}/flows.json", docs_of(environment, api)),
        pages: Topic::ALL.into_iter().map(|topic| page(api, topic)).collect(),
    };
    Listing { issuer, apis: call.state.apis.iter().map(|api| listed(api)).collect() }
}
