//! `grantor token get`: a client credentials request (RFC 6749 4.4) as any client would send it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};
use http::{HeaderValue, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;
use serde_json::Value;
use zeroize::Zeroizing;

use super::failure::{Misuse, Refusal};
use super::http_client::{cause, http_client, is_loopback};
use super::output::{Shape, cell};
use super::secret_input::{from_stdin, from_variable};
use super::{Session, environment};

#[derive(Args)]
#[command(group = clap::ArgGroup::new("endpoint").required(true).args(["issuer", "token_endpoint"]))]
pub(super) struct Flags {
    /// The app's client id; its secret comes from GRANTOR_CLIENT_SECRET or GRANTOR_CLIENT_SECRET_FILE
    #[arg(long, value_name = "ID")]
    client_id: String,
    /// Read the client secret from standard input
    #[arg(long)]
    client_secret_stdin: bool,
    /// The issuer, whose metadata name the token endpoint
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The token endpoint
    #[arg(long, value_name = "URL")]
    token_endpoint: Option<String>,
    /// A scope to ask for; can be repeated
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
    /// The API that the token is for (RFC 8707)
    #[arg(long, value_name = "URI")]
    resource: Option<String>,
    /// How the client authenticates
    #[arg(long, value_enum, default_value_t = Auth::Basic)]
    auth: Auth,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Auth {
    /// HTTP Basic
    Basic,
    /// In the form
    Post,
}

/// Gets a token and prints it: alone in a pipe, with lifetime and scope on a terminal, the whole answer with `--json`.
pub(super) async fn run(session: &mut Session<'_>, flags: Flags) -> anyhow::Result<()> {
    let secret = client_secret(&flags)?;
    let client = http_client()?;
    let endpoint = match (&flags.token_endpoint, &flags.issuer) {
        (Some(endpoint), _) => url(endpoint)?,
        (None, Some(issuer)) => discover(&client, issuer).await?,
        (None, None) => return Err(Misuse("give --issuer or --token-endpoint".to_owned()).into()),
    };
    if endpoint.scheme() == "http" && !is_loopback(&endpoint) {
        session
            .output
            .note("warning: the secret and the token travel in clear (RFC 6749 3.2 asks for TLS)")?;
    }
    let form = form(&flags, &secret);
    let mut request = client
        .post(endpoint.clone())
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json")
        .body(form.as_str().to_owned());
    if flags.auth == Auth::Basic {
        request = request.header(header::AUTHORIZATION, basic(&flags.client_id, &secret)?);
    }
    let response = request.send().await.map_err(|error| unreachable(&endpoint, &error))?;
    let status = response.status();
    let body = Zeroizing::new(response.text().await?);
    if !status.is_success() {
        return Err(refusal(status, body).into());
    }
    let answer: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
    let Some(token) = answer["access_token"].as_str() else {
        anyhow::bail!("{endpoint} answered without an access_token. Is this a token endpoint?");
    };
    match session.output.shape() {
        Shape::Json => Ok(session.output.line(&body)?),
        Shape::Plain => Ok(session.output.line(&super::output::escape(token))?),
        Shape::Table => Ok(session.output.members(&answer)?),
    }
}

fn client_secret(flags: &Flags) -> anyhow::Result<Zeroizing<String>> {
    if flags.client_secret_stdin {
        return from_stdin("the client secret");
    }
    from_variable("GRANTOR_CLIENT_SECRET", &environment::variable)?.ok_or_else(|| {
        let told = "no client secret is given. Set GRANTOR_CLIENT_SECRET or GRANTOR_CLIENT_SECRET_FILE, or use \
                    --client-secret-stdin";
        Misuse(told.to_owned()).into()
    })
}

/// RFC 8414 3 first, then OpenID Connect Discovery 4, which differ in where the well-known part stands.
async fn discover(client: &reqwest::Client, issuer: &str) -> anyhow::Result<Url> {
    for place in metadata_places(&url(issuer)?) {
        let response = client.get(place.clone()).send().await.map_err(|error| unreachable(&place, &error))?;
        if response.status() == StatusCode::NOT_FOUND {
            continue;
        }
        let status = response.status();
        let body = response.text().await?;
        let metadata: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
        return token_endpoint(issuer, &metadata)
            .map_err(|told| anyhow::anyhow!("{place} (HTTP {}): {told}", status.as_u16()));
    }
    anyhow::bail!(
        "{issuer} publishes no metadata. Is it an issuer? Else name the endpoint with --token-endpoint"
    )
}

fn metadata_places(issuer: &Url) -> [Url; 2] {
    let path = issuer.path().trim_end_matches('/').to_owned();
    let at = |path: String| {
        let mut url = issuer.clone();
        url.set_path(&path);
        url
    };
    [
        at(format!("/.well-known/oauth-authorization-server{path}")),
        at(format!("{path}/.well-known/openid-configuration")),
    ]
}

/// RFC 8414 3.3: metadata that name another issuer must not be used.
fn token_endpoint(issuer: &str, metadata: &Value) -> Result<Url, String> {
    let named = metadata["issuer"].as_str().ok_or("these are no metadata of an issuer")?;
    if named != issuer {
        return Err(format!(
            "the metadata are those of {}. Use exactly that as --issuer",
            super::output::escape(named)
        ));
    }
    let endpoint = metadata["token_endpoint"].as_str().ok_or("the metadata name no token endpoint")?;
    url(endpoint).map_err(|_| "the metadata name a token endpoint that is no URL".to_owned())
}

fn url(text: &str) -> anyhow::Result<Url> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| Misuse(format!("{text:?} is no http or https URL")).into())
}

fn form(flags: &Flags, secret: &str) -> Zeroizing<String> {
    let scope = flags.scope.join(" ");
    let mut pairs = vec![("grant_type", "client_credentials")];
    if !scope.is_empty() {
        pairs.push(("scope", &scope));
    }
    if let Some(resource) = &flags.resource {
        pairs.push(("resource", resource));
    }
    if flags.auth == Auth::Post {
        pairs.push(("client_id", &flags.client_id));
        pairs.push(("client_secret", secret));
    }
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    Zeroizing::new(pairs.join("&"))
}

/// RFC 6749 2.3.1: both are form-encoded before they become user and password of HTTP Basic.
fn basic(client_id: &str, secret: &str) -> anyhow::Result<HeaderValue> {
    let pair = Zeroizing::new(format!("{}:{}", encode(client_id), encode(secret)));
    let text = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
    let mut value = HeaderValue::from_str(&text)?;
    value.set_sensitive(true);
    Ok(value)
}

/// RFC 6749 appendix B. A space becomes %20 rather than a plus: every decoder of forms takes both, some of Basic do not.
fn encode(text: &str) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');
    utf8_percent_encode(text, KEPT).to_string()
}

fn unreachable(url: &Url, error: &reqwest::Error) -> anyhow::Error {
    anyhow::anyhow!("cannot reach {url}: {}. Is the server running?", cause(error))
}

/// RFC 6749 5.2, with what usually helps.
fn refusal(status: StatusCode, body: Zeroizing<String>) -> Refusal {
    let answer: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
    let member = |name: &str| answer.get(name).map(cell).filter(|text| !text.is_empty());
    let code = member("error").unwrap_or_else(|| "the token endpoint refused".to_owned());
    let mut text = match member("error_description") {
        Some(description) => format!("{code}: {description}"),
        None => code.clone(),
    };
    text.push_str(&format!(" (HTTP {})", status.as_u16()));
    let next = match code.as_str() {
        "invalid_client" => {
            "Are client id, secret and environment right? Some APIs take only one of --auth basic, post."
        }
        "invalid_scope" => "`grantor app show` lists the scopes of the app.",
        "invalid_target" => "Name one API: by --resource, or by scopes of one API only.",
        "unauthorized_client" => "The app may not use this grant, or its tenant may not use this API yet.",
        _ => return Refusal { text, body },
    };
    text.push_str(&format!("\n{next}"));
    Refusal { text, body }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn flags(auth: Auth) -> Flags {
        Flags {
            client_id: "a b".into(),
            client_secret_stdin: false,
            issuer: None,
            token_endpoint: Some("http://127.0.0.1/t".into()),
            scope: vec!["x:read".into(), "y".into()],
            resource: Some("https://api.example/".into()),
            auth,
        }
    }

    #[test]
    fn the_secret_stands_in_the_form_only_with_post() {
        let basic = form(&flags(Auth::Basic), "s&t").to_string();
        let expected =
            "grant_type=client_credentials&scope=x%3Aread%20y&resource=https%3A%2F%2Fapi.example%2F";
        assert_eq!(basic, expected);
        let post = form(&flags(Auth::Post), "s&t").to_string();
        assert_eq!(post, format!("{expected}&client_id=a%20b&client_secret=s%26t"));
    }

    #[test]
    fn basic_encodes_both_parts_before_it_joins_them() {
        let value = basic("a:b", "s%é").unwrap();
        assert!(value.is_sensitive());
        let text = STANDARD.decode(value.to_str().unwrap().strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), "a%3Ab:s%25%C3%A9");
    }

    #[test]
    fn metadata_stand_before_the_path_or_behind_it() {
        let places = |issuer: &str| metadata_places(&url(issuer).unwrap()).map(|url| url.to_string());
        let [oauth, openid] = places("https://a.example/sandbox");
        assert_eq!(oauth, "https://a.example/.well-known/oauth-authorization-server/sandbox");
        assert_eq!(openid, "https://a.example/sandbox/.well-known/openid-configuration");
        let [oauth, openid] = places("https://a.example");
        assert_eq!(oauth, "https://a.example/.well-known/oauth-authorization-server");
        assert_eq!(openid, "https://a.example/.well-known/openid-configuration");
    }

    #[test]
    fn metadata_of_another_issuer_are_not_used() {
        let metadata = json!({"issuer": "https://a.example", "token_endpoint": "https://a.example/token"});
        assert_eq!(
            token_endpoint("https://a.example", &metadata).unwrap().as_str(),
            "https://a.example/token"
        );
        assert!(token_endpoint("https://b.example", &metadata).unwrap_err().contains("https://a.example"));
        assert!(token_endpoint("https://a.example", &json!({"issuer": "https://a.example"})).is_err());
        assert!(token_endpoint("https://a.example", &Value::Null).is_err());
    }

    #[test]
    fn a_refusal_is_told_with_code_description_and_next_step() {
        let body = json!({"error": "invalid_client", "error_description": "no\u{1b}"}).to_string();
        let text = refusal(StatusCode::UNAUTHORIZED, Zeroizing::new(body)).text;
        assert!(text.starts_with("invalid_client: no\\u{1b} (HTTP 401)\nAre client id"), "{text}");
        let text = refusal(StatusCode::BAD_GATEWAY, Zeroizing::new("<html>".to_owned())).text;
        assert_eq!(text, "the token endpoint refused (HTTP 502)");
    }
}
