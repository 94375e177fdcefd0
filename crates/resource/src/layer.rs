//! The tower layer: who may pass, in which order the questions are asked, and what the API behind gets to know.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Request, Response};
use tower::{Layer, Service};

use crate::caller::Caller;
use crate::challenge::{Refusal, bearer};
use crate::clock::Clock;
use crate::contract::{Contract, Lookup};
use crate::mode::{Mode, Verifier};
use crate::require::{Requirement, judge};
use crate::setup_error::SetupError;

/// Protects an API: verifies the credential of every request and holds it against the API's rules.
///
/// In this order: exactly one credential (else 400 or 401), authentic (else 401 or 503), known path and method (else
/// 404 or 405), kind and scopes (else 403). So nobody learns without a credential which paths there are. On success
/// the request goes on unchanged, with a [`Caller`] in its extensions.
///
/// The answers have any body type that can be made from text; axum's is one. Cross-origin preflight requests carry no
/// credential (Fetch standard): a layer that answers them belongs outside this one.
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use axum::{Extension, Router, routing::get};
/// use grantor_resource::{Caller, Contract, IntrospectOptions, Mode, ProtectLayer};
///
/// async fn transfers(Extension(caller): Extension<Caller>) -> String {
///     format!("transfers of {}", caller.subject)
/// }
///
/// fn app(openapi: &str) -> Result<Router, Box<dyn std::error::Error>> {
///     let contract = Contract::from_openapi(openapi)?;
///     let mode = Mode::Introspect(IntrospectOptions {
///         endpoint: "https://login.example.org/oauth/introspect".into(),
///         issuer: "https://login.example.org".into(),
///         audience: "https://api.example.org".into(),
///         client_id: "payments-api".into(),
///         client_secret: "the secret of this API".into(),
///         cache: Duration::from_secs(5),
///     });
///     let protect = ProtectLayer::contract(contract, mode)?.realm("payments");
///     Ok(Router::new().route("/transfers", get(transfers)).layer(protect))
/// }
/// # let openapi = r#"{"openapi": "3.1.0", "x-grantor-credential": ["client"], "paths": {"/transfers": {"get": {}}}}"#;
/// # app(openapi).map(|_| ()).unwrap();
/// ```
#[derive(Clone)]
pub struct ProtectLayer {
    guard: Guard,
}

impl ProtectLayer {
    /// Rules by operation, from the API's OpenAPI document.
    ///
    /// Paths are compared with the base path of the document in front. axum's `Router::nest` takes its prefix off
    /// before inner layers see the request: mount this layer outside of `nest`, or say
    /// [`ProtectLayer::inside_base_path`].
    ///
    /// # Errors
    /// See [`SetupError`]. No request is made yet.
    pub fn contract(contract: Contract, mode: Mode) -> Result<ProtectLayer, SetupError> {
        ProtectLayer::new(Rules::Contract(Arc::new(contract)), mode)
    }

    /// One rule for every request.
    ///
    /// # Errors
    /// See [`SetupError`]. No request is made yet.
    pub fn require(requirement: Requirement, mode: Mode) -> Result<ProtectLayer, SetupError> {
        ProtectLayer::new(Rules::Fixed(Arc::new(requirement)), mode)
    }

    fn new(rules: Rules, mode: Mode) -> Result<ProtectLayer, SetupError> {
        let verifier = Arc::new(Verifier::new(mode)?);
        Ok(ProtectLayer { guard: Guard { verifier, rules, realm: "api".into(), clock: Clock::system() } })
    }

    /// The `realm` of challenges (RFC 9110 section 11.5), usually the API's name. Default: `api`.
    #[must_use]
    pub fn realm(mut self, realm: &str) -> ProtectLayer {
        self.guard.realm = realm.into();
        self
    }

    /// Another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> ProtectLayer {
        self.guard.clock = clock;
        self
    }

    /// The layer sees paths from which the base path of the document has been taken off. No effect on a fixed
    /// requirement.
    #[must_use]
    pub fn inside_base_path(mut self) -> ProtectLayer {
        if let Rules::Contract(contract) = self.guard.rules {
            self.guard.rules = Rules::ContractInside(contract);
        }
        self
    }
}

impl<S> Layer<S> for ProtectLayer {
    type Service = Protect<S>;

    fn layer(&self, inner: S) -> Protect<S> {
        Protect { guard: Arc::new(self.guard.clone()), inner }
    }
}

/// The service that [`ProtectLayer`] makes of yours.
#[derive(Clone)]
pub struct Protect<S> {
    guard: Arc<Guard>,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for Protect<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The service that said "ready" is the one that must be called; its clone stays for the next request.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let guard = Arc::clone(&self.guard);
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match guard.admit(&parts).await {
                Ok(caller) => {
                    parts.extensions.insert(caller);
                    inner.call(Request::from_parts(parts, body)).await
                }
                Err(refusal) => Ok(refusal.response(&guard.realm)),
            }
        })
    }
}

#[derive(Clone)]
struct Guard {
    verifier: Arc<Verifier>,
    rules: Rules,
    realm: Arc<str>,
    clock: Clock,
}

#[derive(Clone)]
enum Rules {
    Fixed(Arc<Requirement>),
    Contract(Arc<Contract>),
    ContractInside(Arc<Contract>),
}

impl Guard {
    async fn admit(&self, parts: &Parts) -> Result<Caller, Refusal> {
        let token = bearer(&parts.headers, parts.uri.query())?;
        let caller = self.verifier.verify(token, self.clock.now()).await?;
        self.rules.judge(parts, &caller)?;
        Ok(caller)
    }
}

impl Rules {
    fn judge(&self, parts: &Parts, caller: &Caller) -> Result<(), Refusal> {
        let (method, path) = (parts.method.as_str(), parts.uri.path());
        let lookup = match self {
            Rules::Fixed(requirement) => return judge(requirement, caller.credential_kind, &caller.scope),
            Rules::Contract(contract) => contract.look_up(method, path),
            Rules::ContractInside(contract) => contract.look_up_inside(method, path),
        };
        match lookup {
            Lookup::Operation(operation) => operation.judge(caller.credential_kind, &caller.scope),
            Lookup::OtherMethod(allow) => {
                Err(Refusal::OtherMethod { allow: allow.into_iter().map(str::to_owned).collect() })
            }
            Lookup::Unknown => Err(Refusal::UnknownPath),
        }
    }
}
