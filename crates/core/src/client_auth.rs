//! Client authentication: which app is speaking, and did it prove it? One function for every endpoint.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::app::App;
use crate::env::UnixMillis;
use crate::error::{Denial, OAuthError, Reason};
use crate::form::{Form, decode_component};
use crate::profile::ClientAuthMethod;
use crate::secret::{CredentialType, PepperRing, Secret};
use crate::tenant::{Status, Tenant};

/// The credentials of one request, as presented. Nothing is believed yet.
pub enum Presented {
    /// HTTP Basic. RFC 6749 2.3.1 form-encodes id and secret first; many clients do not. Both readings are kept where
    /// they differ.
    Basic {
        /// Id and secret after form-decoding, if that is possible.
        decoded: Option<(String, Secret)>,
        /// Id and secret as sent, if that reads differently.
        raw: Option<(String, Secret)>,
    },
    /// `client_id` and `client_secret` in the body.
    Post {
        /// The id.
        client_id: String,
        /// The secret, maybe empty.
        secret: Secret,
    },
    /// `client_id` alone: a public client.
    IdOnly {
        /// The id.
        client_id: String,
    },
}

impl Presented {
    /// Reads the credentials from the `Authorization` header values and the form.
    ///
    /// # Errors
    /// `invalid_request` for two methods (RFC 6749 2.3), `invalid_client` for none or a malformed one.
    pub fn read<'h>(mut authorization: impl Iterator<Item = &'h [u8]>, form: &Form) -> Result<Self, Denial> {
        const TWO: Denial = Denial::hinted(
            OAuthError::InvalidRequest,
            Reason::TwoClientAuthMethods,
            "Use one client authentication method: either the Authorization header or the body.",
        );
        let header = authorization.next();
        if header.is_some() && authorization.next().is_some() {
            return Err(TWO);
        }
        let body_id = form.get("client_id");
        let in_body = form.has("client_secret");
        let by_assertion = form.has("client_assertion") || form.has("client_assertion_type");
        if usize::from(header.is_some()) + usize::from(in_body) + usize::from(by_assertion) > 1 {
            return Err(TWO);
        }
        if by_assertion {
            return Err(Denial::new(OAuthError::InvalidClient, Reason::AuthMethodNotAllowed));
        }
        if let Some(header) = header {
            let basic = Self::basic(header)?;
            // An id beside the header is no second method, but it must not name somebody else.
            let names = |id: &str| basic.candidates().any(|(candidate, _)| candidate == id);
            if body_id.is_some_and(|id| !names(id)) {
                return Err(Denial::new(OAuthError::InvalidClient, Reason::UnknownClient));
            }
            return Ok(basic);
        }
        match (body_id, in_body) {
            (Some(id), true) => {
                let secret = Secret::presented(form.get("client_secret").unwrap_or("").to_owned());
                Ok(Self::Post { client_id: id.to_owned(), secret })
            }
            (Some(id), false) => Ok(Self::IdOnly { client_id: id.to_owned() }),
            (None, _) => Err(Denial::hinted(
                OAuthError::InvalidClient,
                Reason::MissingClientAuth,
                "Client authentication is missing: send client id and secret.",
            )),
        }
    }

    fn basic(header: &[u8]) -> Result<Self, Denial> {
        const BAD: Denial = Denial::hinted(
            OAuthError::InvalidClient,
            Reason::MalformedBasic,
            "The Authorization header is not valid HTTP Basic: Basic base64(client_id:client_secret).",
        );
        let text = std::str::from_utf8(header).map_err(|_| BAD)?;
        let (scheme, encoded) = text.split_once(' ').ok_or(BAD)?;
        if !scheme.eq_ignore_ascii_case("Basic") {
            return Err(BAD);
        }
        let bytes = STANDARD.decode(encoded.trim()).map_err(|_| BAD)?;
        let pair = String::from_utf8(bytes).map_err(|_| BAD)?;
        if pair.contains('\0') || pair.len() > 4 * 1024 {
            return Err(BAD);
        }
        let (id, secret) = pair.split_once(':').ok_or(BAD)?;
        let decoded = decode_component(id).zip(decode_component(secret));
        let same = decoded.as_ref().is_some_and(|(d_id, d_secret)| d_id == id && d_secret == secret);
        Ok(Self::Basic {
            decoded: decoded.map(|(id, secret)| (id, Secret::presented(secret))),
            raw: (!same).then(|| (id.to_owned(), Secret::presented(secret.to_owned()))),
        })
    }

    /// The client ids that this may mean, with the secret that goes with each: the RFC's reading first.
    pub fn candidates(&self) -> impl Iterator<Item = (&str, Option<&Secret>)> {
        let both = match self {
            Self::Basic { decoded, raw } => {
                [decoded, raw].map(|pair| pair.as_ref().map(|(id, secret)| (id.as_str(), Some(secret))))
            }
            Self::Post { client_id, secret } => [Some((client_id.as_str(), Some(secret))), None],
            Self::IdOnly { client_id } => [Some((client_id.as_str(), None)), None],
        };
        both.into_iter().flatten()
    }

    /// The registered name of the method.
    pub fn method(&self) -> ClientAuthMethod {
        match self {
            Self::Basic { .. } => ClientAuthMethod::ClientSecretBasic,
            Self::Post { .. } => ClientAuthMethod::ClientSecretPost,
            Self::IdOnly { .. } => ClientAuthMethod::None,
        }
    }

    /// Whether the `Authorization` header was used, so that a refusal needs `WWW-Authenticate` (RFC 6749 5.2).
    pub fn used_header(&self) -> bool {
        matches!(self, Self::Basic { .. })
    }
}

/// An app that has proved who it is. Only [`authenticate`] makes one, so a handler cannot take an app from the form.
pub struct AuthenticatedApp<'a> {
    app: &'a App,
    tenant: &'a Tenant,
    secret: Option<i64>,
}

impl<'a> AuthenticatedApp<'a> {
    /// The app.
    pub fn app(&self) -> &'a App {
        self.app
    }

    /// Its tenant.
    pub fn tenant(&self) -> &'a Tenant {
        self.tenant
    }

    /// The version of the secret that proved it; `None` for a public client, which has proved nothing.
    pub fn secret_version(&self) -> Option<i64> {
        self.secret
    }
}

/// Checks a presented secret against an app's live versions, and that app and tenant may act.
///
/// Every failure is the same `invalid_client` outside and differs in its reason inside.
///
/// # Errors
/// `invalid_client`.
pub fn authenticate<'a>(
    app: &'a App,
    tenant: &'a Tenant,
    secret: Option<&Secret>,
    peppers: &PepperRing,
    now: UnixMillis,
) -> Result<AuthenticatedApp<'a>, Denial> {
    let refuse = |reason| Err(Denial::new(OAuthError::InvalidClient, reason));
    let is_public = app.auth_method == Some(ClientAuthMethod::None);
    let secret = match (secret, is_public) {
        (None, true) => None,
        (Some(_), true) => return refuse(Reason::PublicClientWithSecret),
        (None, false) => return refuse(Reason::MissingClientAuth),
        (Some(secret), false) => {
            let matching = app
                .secrets
                .iter()
                .find(|version| peppers.verify(CredentialType::ClientSecret, secret.reveal(), &version.hash));
            match matching {
                None => return refuse(Reason::SecretMismatch),
                Some(version) if !version.is_usable(now) => return refuse(Reason::SecretExpired),
                Some(version) => Some(version.version),
            }
        }
    };
    match app.status {
        Status::Active => {}
        Status::Suspended => return refuse(Reason::AppSuspended),
        Status::Closed => return refuse(Reason::AppDeleted),
    }
    if !tenant.status.is_active() || tenant.id != app.tenant {
        return refuse(Reason::TenantSuspended);
    }
    Ok(AuthenticatedApp { app, tenant, secret })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(pair: &str) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }

    fn read(header: Option<&str>, body: &str) -> Result<Presented, Denial> {
        Presented::read(header.map(str::as_bytes).into_iter(), &Form::parse(body.as_bytes()).unwrap())
    }

    fn ids(presented: &Presented) -> Vec<String> {
        presented.candidates().map(|(id, _)| id.to_owned()).collect()
    }

    #[test]
    fn basic_is_read_form_decoded_first_and_raw_where_that_differs() {
        let presented = read(Some(&basic("a%20b:s")), "").unwrap();
        assert_eq!(ids(&presented), ["a b", "a%20b"]);
        let presented = read(Some(&basic("plain:s")), "").unwrap();
        assert_eq!(ids(&presented), ["plain"]);
        let presented = read(Some(&basic("100%:s")), "").unwrap();
        assert_eq!(ids(&presented), ["100%"], "what cannot be decoded is read raw");
    }

    #[test]
    fn the_secret_may_hold_colons() {
        let presented = read(Some(&basic("a:b:c")), "").unwrap();
        let (id, secret) = presented.candidates().next().unwrap();
        assert_eq!((id, secret.unwrap().reveal()), ("a", "b:c"));
    }

    #[test]
    fn two_methods_are_refused_in_every_combination() {
        let header = basic("a:s");
        for body in ["client_id=a&client_secret=s", "client_secret=", "client_assertion=x"] {
            assert_eq!(
                read(Some(&header), body).err().map(|d| d.reason),
                Some(Reason::TwoClientAuthMethods),
                "{body}"
            );
        }
        let form = Form::parse(b"").unwrap();
        let twice = Presented::read([header.as_bytes(), header.as_bytes()].into_iter(), &form);
        assert_eq!(twice.err().map(|d| d.reason), Some(Reason::TwoClientAuthMethods));
    }

    #[test]
    fn a_client_id_beside_basic_must_be_the_same() {
        let header = basic("a:s");
        assert!(read(Some(&header), "client_id=a").is_ok());
        assert_eq!(
            read(Some(&header), "client_id=b").err().map(|d| d.error),
            Some(OAuthError::InvalidClient)
        );
    }

    #[test]
    fn malformed_basic_is_invalid_client() {
        for bad in ["Basic", "Basic !!!", "Basic YQ==", "Bearer abc", "Basic YTpi\u{e9}", "Basic YQA6Yg=="] {
            assert_eq!(read(Some(bad), "").err().map(|d| d.error), Some(OAuthError::InvalidClient), "{bad}");
        }
    }

    #[test]
    fn an_empty_secret_is_a_presented_secret() {
        let presented = read(None, "client_id=a&client_secret=").unwrap();
        assert_eq!(presented.method(), ClientAuthMethod::ClientSecretPost);
        assert!(read(None, "client_secret=s").is_err());
    }
}
