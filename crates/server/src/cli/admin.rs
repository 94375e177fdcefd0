//! The admin API as the commands see it: by HTTP, or in this process with `--offline`.

use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tower::ServiceExt as _;
use zeroize::Zeroizing;

use super::answer::Answer;
use super::context::Remote;
use super::failure::{Misuse, Refusal};
use super::http_client::{cause, http_client};

/// The admin API and the environment to work in.
pub(super) struct Admin {
    transport: Transport,
    environment: String,
}

enum Transport {
    Remote { client: reqwest::Client, url: String, authorization: HeaderValue },
    Offline(Router),
}

/// A path below `/admin/v1`.
pub(super) struct Path(String);

/// A long answer may take so long.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// RFC 3986 2.3: everything but the unreserved characters is encoded in a segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Path {
    /// A path of these segments, each of which may hold any character.
    pub(super) fn of(segments: &[&str]) -> anyhow::Result<Self> {
        let mut path = String::new();
        for segment in segments {
            // RFC 3986 5.2.4 removes them on the way, encoded or not: the request would reach another resource.
            if matches!(*segment, "" | "." | "..") {
                return Err(Misuse(format!("{segment:?} is no name that can be addressed")).into());
            }
            path.push('/');
            path.extend(utf8_percent_encode(segment, SEGMENT));
        }
        Ok(Self(path))
    }

    /// The same path with a query parameter, if there is a value.
    pub(super) fn filter(mut self, name: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            let separator = if self.0.contains('?') { '&' } else { '?' };
            self.0.push(separator);
            self.0.push_str(name);
            self.0.push('=');
            self.0.extend(utf8_percent_encode(value, SEGMENT));
        }
        self
    }
}

impl Admin {
    /// The API behind a URL.
    pub(super) fn remote(remote: Remote) -> anyhow::Result<Self> {
        let bearer = Zeroizing::new(format!("Bearer {}", remote.token.as_str()));
        let mut authorization = HeaderValue::from_str(&bearer).map_err(|_| {
            Misuse(
                "the operator token holds characters that no token has; was the right file named?".to_owned(),
            )
        })?;
        authorization.set_sensitive(true);
        let transport = Transport::Remote { client: http_client()?, url: remote.url, authorization };
        Ok(Self { transport, environment: remote.environment })
    }

    /// The API of a router in this process, which answers as an operator.
    pub(super) fn offline(router: Router, environment: String) -> anyhow::Result<Self> {
        Ok(Self { transport: Transport::Offline(router), environment })
    }

    /// The environment's name.
    pub(super) fn environment(&self) -> &str {
        &self.environment
    }

    /// A path below the environment.
    pub(super) fn path(&self, segments: &[&str]) -> anyhow::Result<Path> {
        let mut all = vec!["environments", self.environment.as_str()];
        all.extend_from_slice(segments);
        Path::of(&all)
    }

    /// Reads.
    pub(super) async fn get(&self, path: Path) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, None).await
    }

    /// Creates or acts.
    pub(super) async fn post(&self, path: Path, body: Value) -> anyhow::Result<Answer> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// Replaces.
    pub(super) async fn put(&self, path: Path, body: Value) -> anyhow::Result<Answer> {
        self.send(Method::PUT, path, Some(body)).await
    }

    /// Deletes.
    pub(super) async fn delete(&self, path: Path) -> anyhow::Result<Answer> {
        self.send(Method::DELETE, path, None).await
    }

    /// Reads an answer that may be long, piece by piece, as it comes.
    pub(super) async fn stream(
        &self,
        path: Path,
        take: &mut dyn FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let (status, mut body) = match &self.transport {
            Transport::Remote { client, url, authorization } => {
                let request = client
                    .get(format!("{url}{}", path.0))
                    .timeout(LONGEST)
                    .header(header::AUTHORIZATION, authorization.clone());
                let response = request.send().await.map_err(|error| unreachable(url, &error))?;
                (response.status(), Body::new(reqwest::Body::from(response)))
            }
            Transport::Offline(router) => {
                let response = router.clone().oneshot(request(Method::GET, &path, None)?).await?;
                (response.status(), response.into_body())
            }
        };
        if !status.is_success() {
            let bytes = body.collect().await.context("the answer broke off")?.to_bytes();
            return Err(refusal(status, Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned())).into());
        }
        while let Some(frame) = body.frame().await {
            let frame = frame.context("the answer broke off")?;
            if let Some(bytes) = frame.data_ref() {
                take(bytes)?;
            }
        }
        Ok(())
    }

    async fn send(&self, method: Method, path: Path, body: Option<Value>) -> anyhow::Result<Answer> {
        let (status, body) = match &self.transport {
            Transport::Remote { client, url, authorization } => {
                let mut request = client.request(method, format!("{url}{}", path.0));
                request = request.header(header::AUTHORIZATION, authorization.clone());
                if let Some(body) = &body {
                    request = request.json(body);
                }
                let response = request.send().await.map_err(|error| unreachable(url, &error))?;
                let status = response.status();
                let body = response.text().await.with_context(|| format!("the answer of {url} broke off"))?;
                (status, Zeroizing::new(body))
            }
            Transport::Offline(router) => ask_router(router.clone(), method, path, body).await?,
        };
        if status.is_success() { Ok(Answer::of(body)) } else { Err(refusal(status, body).into()) }
    }
}

async fn ask_router(
    router: Router,
    method: Method,
    path: Path,
    body: Option<Value>,
) -> anyhow::Result<(StatusCode, Zeroizing<String>)> {
    let response = router.oneshot(request(method, &path, body)?).await?;
    let status = response.status();
    let bytes = response.into_body().collect().await.context("the answer broke off")?.to_bytes();
    Ok((status, Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned())))
}

fn request(method: Method, path: &Path, body: Option<Value>) -> anyhow::Result<Request<Body>> {
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let request = Request::builder()
        .method(method)
        .uri(format!("/admin/v1{}", path.0))
        .header(header::CONTENT_TYPE, "application/json");
    Ok(request.body(body)?)
}

fn unreachable(url: &str, error: &reqwest::Error) -> anyhow::Error {
    let next = "Is the server running? Start it with `grantor serve`, or use --offline.";
    anyhow::anyhow!("cannot reach {url}: {}. {next}", cause(error))
}

/// RFC 9457: title and detail for people, further members as they are, then what to do next.
fn refusal(status: StatusCode, body: Zeroizing<String>) -> Refusal {
    let problem: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
    let member = |name: &str| problem.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let mut text = match (member("title"), member("detail")) {
        (Some(title), Some(detail)) => format!("{title}: {detail}"),
        (Some(text), None) | (None, Some(text)) => text.to_owned(),
        (None, None) => "the server refused".to_owned(),
    };
    text.push_str(&format!(" (HTTP {}", status.as_u16()));
    if let Some(id) = member("request_id") {
        text.push_str(&format!(", request {id}"));
    }
    text.push(')');
    const TOLD: [&str; 6] = ["type", "title", "status", "detail", "request_id", "instance"];
    for (name, value) in
        problem.as_object().into_iter().flatten().filter(|(name, _)| !TOLD.contains(&name.as_str()))
    {
        text.push_str(&format!("\n  {name}: {}", super::output::cell(value)));
    }
    let next = match status {
        StatusCode::UNAUTHORIZED => {
            "Is the operator token right, and of this installation? See GRANTOR_TOKEN."
        }
        // A decision says why by itself; what is left is a token that may not ask.
        StatusCode::FORBIDDEN if problem["type"] == "urn:grantor:problem:forbidden" => {
            "This operator token may not do that."
        }
        StatusCode::NOT_FOUND if problem.is_null() => "Nothing answers there. Does the URL end in /admin/v1?",
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => "Try again in a moment.",
        status if status.is_redirection() => {
            "The server sends elsewhere, and a token does not follow. Fix the URL."
        }
        _ => return Refusal { text, body },
    };
    text.push_str(&format!("\n{next}"));
    Refusal { text, body }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;
    use serde_json::json;

    use super::*;

    #[test]
    fn segments_are_encoded_and_cannot_climb() {
        assert_eq!(Path::of(&["apps", "a b/c%2f?x"]).unwrap().0, "/apps/a%20b%2Fc%252f%3Fx");
        for bad in [".", "..", ""] {
            assert!(Path::of(&["apps", bad]).is_err(), "{bad:?}");
        }
        let path = Path::of(&["apps"]).unwrap();
        assert_eq!(path.filter("tenant", Some("a&b")).filter("status", None).0, "/apps?tenant=a%26b");
    }

    #[test]
    fn a_problem_is_told_with_detail_request_id_and_further_members() {
        let body = json!({"type": "about:blank", "title": "Conflict", "status": 409, "detail": "the id is taken",
                          "request_id": "req_1", "field": "client_id"});
        let text = refusal(StatusCode::CONFLICT, Zeroizing::new(body.to_string())).text;
        assert_eq!(text, "Conflict: the id is taken (HTTP 409, request req_1)\n  field: client_id");
    }

    #[test]
    fn the_next_step_depends_on_the_status() {
        let text = |status| refusal(status, Zeroizing::default()).text;
        assert!(text(StatusCode::UNAUTHORIZED).contains("GRANTOR_TOKEN"));
        assert!(text(StatusCode::NOT_FOUND).contains("/admin/v1"));
        assert!(text(StatusCode::FOUND).contains("Fix the URL"));
        let told =
            refusal(StatusCode::NOT_FOUND, Zeroizing::new(json!({"title": "No such app"}).to_string())).text;
        assert_eq!(told, "No such app (HTTP 404)");
    }

    #[tokio::test]
    async fn offline_the_router_gets_method_path_and_body() {
        let router = Router::new().fallback(|request: axum::extract::Request| async move {
            let line = format!("{} {}", request.method(), request.uri());
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
            (StatusCode::CREATED, axum::Json(json!({"line": line, "body": body}))).into_response()
        });
        let admin = Admin::offline(router, "sand box".to_owned()).unwrap();
        let answer = admin.post(admin.path(&["apps"]).unwrap(), json!({"tenant": "acme"})).await.unwrap();
        let expected =
            json!({"line": "POST /admin/v1/environments/sand%20box/apps", "body": {"tenant": "acme"}});
        assert_eq!(answer.json().unwrap(), expected);
        let answer = admin.get(admin.path(&["apps"]).unwrap().filter("tenant", Some("a"))).await.unwrap();
        assert!(
            answer.text().contains("GET /admin/v1/environments/sand%20box/apps?tenant=a"),
            "{}",
            answer.text()
        );
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_told_with_the_next_step() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/admin/v1", listener.local_addr().unwrap());
        drop(listener);
        let remote =
            Remote { url: url.clone(), token: Zeroizing::new("t".into()), environment: "production".into() };
        let admin = Admin::remote(remote).unwrap();
        let told = admin.get(Path::of(&["tenants"]).unwrap()).await.err().unwrap().to_string();
        assert!(told.starts_with(&format!("cannot reach {url}: connection refused. ")), "{told}");
        assert!(told.contains("grantor serve") && told.contains("--offline"), "{told}");
    }
}
