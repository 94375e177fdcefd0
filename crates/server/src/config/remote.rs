//! What may be called outside: the settings of the section `[remote]`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::layers::Layers;
use super::refusal::ConfigError;
use super::{Effective, IpNet, NetworkList, PathText, note, note_optional, setting};

/// Section `[remote]`: what requests that leave the server may reach. The defaults are the strictest.
#[derive(Debug, Clone)]
pub struct Remote {
    /// Networks that may be called although they are not public.
    pub allow: Vec<IpNet>,
    /// Whether requests may go in clear.
    pub plain_http: PlainHttp,
    /// The ports that may be called.
    pub ports: Ports,
    /// PEM file with certificates that are trusted beside those of the system.
    pub extra_roots: Option<PathBuf>,
}

/// Whether `http://` may be called beside `https://`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainHttp {
    /// Only TLS.
    Refused,
    /// In clear, too.
    Allowed,
}

/// Ports that may be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ports {
    /// These.
    Only(Vec<u16>),
    /// Any.
    Any,
}

impl Ports {
    /// Whether a port is among them.
    pub fn contain(&self, port: u16) -> bool {
        match self {
            Self::Only(ports) => ports.contains(&port),
            Self::Any => true,
        }
    }
}

impl Default for Remote {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            plain_http: PlainHttp::Refused,
            ports: Ports::Only(vec![443]),
            extra_roots: None,
        }
    }
}

impl Remote {
    /// Reads the section.
    pub(super) fn read(layers: &Layers<'_>, effective: &mut Vec<Effective>) -> Result<Self, ConfigError> {
        let allow = layers.resolve::<NetworkList>(&setting::REMOTE_ALLOW, None);
        let allow = note(effective, &setting::REMOTE_ALLOW, allow)?;
        let plain_http = layers.resolve(&setting::REMOTE_ALLOW_HTTP, None);
        let plain_http = note(effective, &setting::REMOTE_ALLOW_HTTP, plain_http)?;
        let ports = note(effective, &setting::REMOTE_PORTS, layers.resolve(&setting::REMOTE_PORTS, None))?;
        let roots = layers.resolve_optional::<PathText>(&setting::REMOTE_EXTRA_ROOTS);
        let roots = note_optional(effective, &setting::REMOTE_EXTRA_ROOTS, roots)?;
        Ok(Self { allow: allow.0, plain_http, ports, extra_roots: roots.map(|path| path.0) })
    }
}

/// The text is neither `true` nor `false`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write true or false")]
pub struct PlainHttpError;

impl FromStr for PlainHttp {
    type Err = PlainHttpError;

    fn from_str(text: &str) -> Result<Self, PlainHttpError> {
        match text {
            "true" => Ok(Self::Allowed),
            "false" => Ok(Self::Refused),
            _ => Err(PlainHttpError),
        }
    }
}

impl fmt::Display for PlainHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allowed => "true",
            Self::Refused => "false",
        })
    }
}

/// The text names no ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write ports from 1 to 65535, for example [443, 8443], or \"any\"")]
pub struct PortsError;

impl FromStr for Ports {
    type Err = PortsError;

    fn from_str(text: &str) -> Result<Self, PortsError> {
        if text == "any" {
            return Ok(Self::Any);
        }
        let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        let port = |part: &str| part.trim().parse().ok().filter(|port| *port != 0).ok_or(PortsError);
        inner.split(',').map(port).collect::<Result<_, _>>().map(Self::Only)
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Only(ports) => {
                let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", ports.join(", "))
            }
        }
    }
}
