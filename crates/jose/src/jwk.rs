//! Public keys as JSON (RFC 7517), and their thumbprints (RFC 7638). A private member never passes.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::algorithm::Algorithm;
use crate::base64url::base64url_encode;

/// A public key (RFC 7517 section 4, RFC 7518 section 6, RFC 8037 section 2). Members that are not kept are
/// ignored on reading; private members (`d`, `p`, `q`, `dp`, `dq`, `qi`, `oth`, `k`, `priv`) make it an error:
/// who sends us a private key must hear of it. Whether the members form a key is known only when a
/// [`VerifyingKey`](crate::VerifyingKey) is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Jwk {
    pub(crate) kty: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) e: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alg: Option<String>,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub(crate) usage: Option<String>,
}

/// A JWK set (RFC 7517 section 5), as it is published at `jwks_uri`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JwkSet {
    /// The keys, in the order in which they are published.
    pub keys: Vec<Jwk>,
}

impl Jwk {
    /// The thumbprint: base64url of SHA-256 over the required members in alphabetical order (RFC 7638
    /// section 3, RFC 8037 section 2). For a `kty` that we do not know it covers all members kept here, so that
    /// two such keys do not share one.
    pub fn thumbprint(&self) -> String {
        let members = self.required_members();
        // A struct of strings always serializes; JSON escaping keeps hostile values from imitating structure.
        let json = serde_json::to_vec(&members).expect("strings serialize");
        base64url_encode(digest(&SHA256, &json))
    }

    /// The key's id, if it has one (RFC 7517 section 4.5).
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The algorithm that this key is for: its `alg`, or the only one that its type allows (P-256: ES256,
    /// Ed25519: EdDSA). `None` for an RSA key without `alg`, which could be RS256 or PS256, and for every
    /// algorithm that we do not do.
    pub fn algorithm(&self) -> Option<Algorithm> {
        match (&self.alg, self.kty.as_str(), self.crv.as_deref()) {
            (Some(alg), _, _) => Algorithm::from_wire(alg),
            (None, "EC", Some("P-256")) => Some(Algorithm::Es256),
            (None, "OKP", Some("Ed25519")) => Some(Algorithm::EdDsa),
            _ => None,
        }
    }

    fn required_members(&self) -> RequiredMembers<'_> {
        let (curve, rsa, point) = match self.kty.as_str() {
            "RSA" => (None, Some(()), None),
            "EC" => (Some(()), None, Some(())),
            "OKP" => (Some(()), None, None),
            _ => (Some(()), Some(()), Some(())),
        };
        RequiredMembers {
            crv: curve.and(self.crv.as_deref()),
            e: rsa.and(self.e.as_deref()),
            kty: &self.kty,
            n: rsa.and(self.n.as_deref()),
            x: curve.and(self.x.as_deref()),
            y: point.and(self.y.as_deref()),
        }
    }
}

/// What a thumbprint covers. The fields stand in alphabetical order, because RFC 7638 section 3.3 demands it.
#[derive(Serialize)]
struct RequiredMembers<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<&'a str>,
    kty: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<&'a str>,
}

impl<'de> Deserialize<'de> for Jwk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(JwkVisitor)
    }
}

struct JwkVisitor;

impl<'de> Visitor<'de> for JwkVisitor {
    type Value = Jwk;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a public JWK")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Jwk, A::Error> {
        let mut jwk = Jwk::default();
        let mut kty = None;
        while let Some(name) = map.next_key::<String>()? {
            let slot = match name.as_str() {
                "kty" => &mut kty,
                "crv" => &mut jwk.crv,
                "x" => &mut jwk.x,
                "y" => &mut jwk.y,
                "n" => &mut jwk.n,
                "e" => &mut jwk.e,
                "kid" => &mut jwk.kid,
                "alg" => &mut jwk.alg,
                "use" => &mut jwk.usage,
                // RFC 7518 sections 6.2.2, 6.3.2, 6.4.1; `priv` is the private half of the AKP type.
                "d" | "p" | "q" | "dp" | "dq" | "qi" | "oth" | "k" | "priv" => {
                    return Err(de::Error::custom("a JWK with private key material is refused"));
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            if slot.replace(map.next_value::<String>()?).is_some() {
                return Err(de::Error::custom("duplicate member in a JWK"));
            }
        }
        jwk.kty = kty.ok_or_else(|| de::Error::missing_field("kty"))?;
        Ok(jwk)
    }
}
