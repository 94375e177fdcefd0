//! Ids as types: an id of the wrong kind does not compile.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::env::Env;

/// The text was not an id of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this kind")]
pub struct IdError;

macro_rules! id {
    ($name:ident, $prefix:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new time-ordered id.
            pub fn generate(env: &mut Env<'_>) -> Self {
                Self(env.uuid())
            }

            /// The id that these 16 bytes stand for.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes of the id, as stored.
            pub fn bytes(self) -> [u8; 16] {
                *self.0.as_bytes()
            }

            /// The id as a plain UUID.
            pub fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                if $prefix.is_empty() {
                    write!(f, "{}", self.0.hyphenated())
                } else {
                    write!(f, "{}{}", $prefix, self.0.simple())
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let bare = text.strip_prefix($prefix).ok_or(IdError)?;
                Uuid::try_parse(bare).map(Self).map_err(|_| IdError)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(EnvironmentId, "env_", "An environment: one issuer.");
id!(ApiId, "api_", "A protected API of one environment.");

impl ApiId {
    /// The userinfo endpoint, which is the API of apps that have no other. The same in every environment; no row has it.
    pub const USERINFO: Self = Self::from_bytes([0; 16]);

    /// The admin API as an API of an environment, for members of tenants. The same in every environment; no row has it.
    pub const MANAGEMENT: Self = Self::from_bytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
}

id!(TenantId, "", "A partner organisation; shown as a plain GUID, because it is the claim `tid`.");
id!(AppId, "app_", "An OAuth client. Internal: the public name is the client id.");
id!(ApiKeyId, "key_", "An API key's row. Not the key.");
id!(CaseId, "case_", "Something that a tenant asked the provider's team for.");
id!(OperatorId, "opr_", "Somebody of the provider's team, or a program of theirs.");
id!(UserId, "usr_", "A person in one environment; its public subject identifier (claim `sub`).");
id!(SessionId, "ses_", "A browser session's row. Not the cookie.");
id!(InteractionId, "int_", "An authorization request that waits for its user. Not the handle in the link.");
id!(DocumentId, "doc_", "A document that users accept: terms, data-protection policy.");
id!(SignupId, "sgn_", "A sign-up that waits for its mail link. Not the link.");
id!(AccessStepId, "stp_", "A step in the history of an access.");
id!(MailId, "mail_", "A mail that waits to be sent.");
id!(IncidentId, "inc_", "A credential that was seen where it must not be.");
id!(WebhookId, "wh_", "A webhook: an address that wants to hear of events.");
id!(
    MessageId,
    "msg_",
    "A message to webhooks; the same in every attempt and for every webhook (`webhook-id`)."
);

/// A Grant: one authorization for its whole life. A time-ordered 64-bit integer, because a random key in the table that
/// changes most halves its rate; the string that a client holds is protected by its tag, not by the id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct GrantId(i64);

impl GrantId {
    /// Milliseconds in the upper 43 bits, randomness in the lower 20.
    pub fn generate(env: &mut Env<'_>) -> Self {
        let random = u32::from_be_bytes(env.bytes::<4>()) & 0x000f_ffff;
        Self(((env.now.0 & 0x7ff_ffff_ffff) << 20) | i64::from(random))
    }

    /// The id that is stored as this number.
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// The number, as stored.
    pub const fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gnt_{:016x}", self.0)
    }
}

impl FromStr for GrantId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let hex = text.strip_prefix("gnt_").filter(|hex| hex.len() == 16).ok_or(IdError)?;
        // `from_str_radix` would take a sign.
        if !hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
            return Err(IdError);
        }
        i64::from_str_radix(hex, 16).map(Self).map_err(|_| IdError)
    }
}

impl Serialize for GrantId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GrantId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let app = AppId::from_bytes([7; 16]).to_string();
        assert!(app.starts_with("app_"));
        assert!(app.parse::<AppId>().is_ok());
        assert_eq!(app.parse::<ApiKeyId>(), Err(IdError));
    }

    #[test]
    fn a_tenant_is_shown_as_a_guid() {
        let tenant = TenantId::from_bytes([0x11; 16]).to_string();
        assert_eq!(tenant, "11111111-1111-1111-1111-111111111111");
    }
}
