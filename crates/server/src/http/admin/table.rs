//! The table of all routes. Each names the right that it needs; without one it does not compile, and nobody without it
//! reaches the handler (security case K04). Router, document and tests are made of the same table.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::http::Method;
use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse as _;
use axum::routing::{MethodFilter, MethodRouter, on};
use grantor_core::permission::Right;
use tokio::sync::RwLock;

use super::caller::Caller;
use super::describe::Described;
#[cfg(test)]
use super::describe::Draft;
use super::problem::Problem;
use super::{BASE, condition, once};

/// A route of the admin API.
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path below [`BASE`], parts in braces.
    pub path: &'static str,
    /// What the caller must have.
    pub right: Right,
    #[cfg_attr(not(test), expect(dead_code, reason = "for the document alone, which a test makes"))]
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) text: &'static str,
    pub(super) is_creation: bool,
    #[cfg(test)]
    pub(super) draft: Draft,
    shows: bool,
    router: MethodRouter,
}

/// All routes.
#[derive(Default)]
pub struct Table {
    pub(super) routes: Vec<Route>,
    pub(super) tags: Vec<(&'static str, &'static str)>,
}

impl Table {
    /// Every route, in the order of the document.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// What the routes after this are about.
    pub(super) fn tag(&mut self, name: &'static str, text: &'static str) -> &mut Self {
        self.tags.push((name, text));
        self
    }

    /// Reads.
    pub(super) fn get<H, T, I>(&mut self, path: &'static str, right: Right, handler: H) -> &mut Route
    where
        H: Handler<T, ()> + Described<I>,
        T: 'static,
    {
        self.add((Method::GET, MethodFilter::GET), path, right, handler)
    }

    /// Creates or acts.
    pub(super) fn post<H, T, I>(&mut self, path: &'static str, right: Right, handler: H) -> &mut Route
    where
        H: Handler<T, ()> + Described<I>,
        T: 'static,
    {
        self.add((Method::POST, MethodFilter::POST), path, right, handler)
    }

    /// Replaces.
    pub(super) fn put<H, T, I>(&mut self, path: &'static str, right: Right, handler: H) -> &mut Route
    where
        H: Handler<T, ()> + Described<I>,
        T: 'static,
    {
        self.add((Method::PUT, MethodFilter::PUT), path, right, handler)
    }

    /// Deletes.
    pub(super) fn delete<H, T, I>(&mut self, path: &'static str, right: Right, handler: H) -> &mut Route
    where
        H: Handler<T, ()> + Described<I>,
        T: 'static,
    {
        self.add((Method::DELETE, MethodFilter::DELETE), path, right, handler)
    }

    fn add<H, T, I>(
        &mut self,
        (method, filter): (Method, MethodFilter),
        path: &'static str,
        right: Right,
        handler: H,
    ) -> &mut Route
    where
        H: Handler<T, ()> + Described<I>,
        T: 'static,
    {
        #[cfg(test)]
        let draft = {
            let mut draft = Draft::default();
            H::describe(&mut draft);
            draft
        };
        let tag = self.tags.last().map_or("", |(name, _)| *name);
        let at = self.routes.len();
        self.routes.push(Route {
            method,
            path,
            right,
            tag,
            summary: "",
            text: "",
            is_creation: false,
            #[cfg(test)]
            draft,
            shows: H::SHOWS,
            router: on(filter, handler),
        });
        &mut self.routes[at]
    }

    /// The paths of what can be read and has an entity tag.
    pub(super) fn shown(&self) -> Vec<&'static str> {
        let shown = self.routes.iter().filter(|route| route.shows && route.is_read());
        shown.map(|route| route.path).collect()
    }

    /// The router of all routes, each behind its right; what changes something, behind its conditions.
    pub(super) fn router(self) -> Router {
        let (turn, desk) = (Arc::new(RwLock::new(())), once::Desk::default());
        let shown = self.shown();
        let mut reads = Router::new();
        let mut paths: BTreeMap<&'static str, MethodRouter> = BTreeMap::new();
        let mut changes = Vec::new();
        for route in self.routes {
            if !route.is_read() {
                changes.push(route);
                continue;
            }
            let guarded = guard(route.router, route.right);
            if route.shows {
                reads = reads.route(&format!("{BASE}{}", route.path), guarded.clone());
            }
            join(&mut paths, route.path, guarded);
        }
        for route in changes {
            let resource = condition::Resource::of(route.path, &shown, reads.clone(), turn.clone());
            let mut router = route.router;
            router = router.route_layer(from_fn(move |request: Request, next: Next| {
                let resource = resource.clone();
                async move { resource.layer(request, next).await }
            }));
            // Outside of the condition: whoever asks again for an answer holds a tag of before.
            if route.is_creation {
                let desk = desk.clone();
                router = router.route_layer(from_fn(move |request: Request, next: Next| {
                    let desk = desk.clone();
                    async move { desk.layer(request, next).await }
                }));
            }
            join(&mut paths, route.path, guard(router, route.right));
        }
        paths
            .into_iter()
            .fold(Router::new(), |all, (path, methods)| all.route(&format!("{BASE}{path}"), methods))
    }
}

/// Routes of one path are one entry of a router.
fn join(paths: &mut BTreeMap<&'static str, MethodRouter>, path: &'static str, methods: MethodRouter) {
    let known = paths.remove(path).unwrap_or_default();
    paths.insert(path, known.merge(methods));
}

fn guard(router: MethodRouter, right: Right) -> MethodRouter {
    router.route_layer(from_fn(
        move |caller: Result<Caller, Problem>, request: Request, next: Next| async move {
            match caller.and_then(|caller| caller.holds(right)) {
                Ok(()) => next.run(request).await,
                Err(problem) => problem.into_response(),
            }
        },
    ))
}

impl Route {
    /// What it does, for people: a line, and more.
    pub(super) fn says(&mut self, summary: &'static str, text: &'static str) -> &mut Self {
        (self.summary, self.text) = (summary, text);
        self
    }

    /// It makes something: an `Idempotency-Key` is honoured.
    pub(super) fn once(&mut self) -> &mut Self {
        self.is_creation = true;
        self
    }

    /// Whether it makes something, so that an `Idempotency-Key` is honoured.
    pub fn creates(&self) -> bool {
        self.is_creation
    }

    fn is_read(&self) -> bool {
        self.method == Method::GET
    }
}
