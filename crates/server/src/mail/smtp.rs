//! Mail by an SMTP server (RFC 5321), over TLS to a server whose name was checked (RFC 8314).

use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{self, AsyncSmtpTransport};
use lettre::{AsyncTransport as _, Tokio1Executor};
use tokio::time::timeout;

use super::message::compose;
use super::{MailError, MailSetupError, OutgoingMail};
use crate::config::{Sender, SmtpSecurity, SmtpServer};

/// How long one mail may take, from the connection to the last answer. The library bounds only the connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// Replies to a login that is wrong or missing (RFC 4954 6).
const LOGIN_REFUSED: [u16; 4] = [530, 534, 535, 538];

/// A mail server. Each mail has a connection of its own: a connection whose mail was given up in the middle of a dialogue
/// must not serve the next one, which would take the late answer for its own.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Sender,
    patience: Duration,
}

impl Smtp {
    pub(super) fn new(config: &SmtpServer) -> Result<Self, MailSetupError> {
        let url = &config.url;
        let tls = match url.security {
            SmtpSecurity::Tls => Tls::Wrapper(tls_parameters(config)?),
            SmtpSecurity::StartTls => Tls::Required(tls_parameters(config)?),
            SmtpSecurity::Loopback => Tls::None,
        };
        // "Dangerous" because it leaves the choice of TLS to us; the match above has made it.
        let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(url.host.as_str())
            .port(url.port)
            .tls(tls)
            .timeout(Some(PATIENCE))
            // The name of this machine is nobody's business.
            .hello_name(ClientId::Domain(config.from.address().domain().to_owned()));
        let builder = match &config.login {
            Some(login) => {
                builder.credentials(Credentials::new(login.username.clone(), login.password.to_string()))
            }
            None => builder,
        };
        Ok(Self { transport: builder.build(), from: config.from.clone(), patience: PATIENCE })
    }

    pub(super) async fn send(&self, mail: &OutgoingMail) -> Result<(), MailError> {
        let message = compose(mail, &self.from)?;
        match timeout(self.patience, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(told(&error)),
            Err(_) => Err(MailError::Slow(self.patience.as_secs())),
        }
    }
}

/// The roots of the system and those of the file. The name in the certificate is compared with the host of the URL.
fn tls_parameters(config: &SmtpServer) -> Result<TlsParameters, MailSetupError> {
    let mut builder = TlsParameters::builder(config.url.host.clone());
    if let Some(file) = &config.trust_roots {
        let path = file.display().to_string();
        let pem =
            std::fs::read(file).map_err(|source| MailSetupError::Read { path: path.clone(), source })?;
        let text = String::from_utf8_lossy(&pem);
        // Without one the library would go on with nothing added.
        let root = Certificate::from_pem(&pem).ok().filter(|_| text.contains("-----BEGIN CERTIFICATE-----"));
        let root = root.ok_or_else(|| MailSetupError::NoCertificate { path: path.clone() })?;
        builder = builder.add_root_certificate(root);
        return builder.build().map_err(|_| MailSetupError::NoCertificate { path });
    }
    builder.build().map_err(|error| MailSetupError::Tls(error.to_string()))
}

/// What went wrong, without the words of the server: they can hold the recipient, and anything else.
fn told(error: &smtp::Error) -> MailError {
    match error.status().map(u16::from) {
        Some(code) if LOGIN_REFUSED.contains(&code) => MailError::Login(code),
        Some(code) if error.is_permanent() => MailError::Refused(code),
        Some(code) => MailError::Later(code),
        None if error.is_response() => MailError::Unreachable("the answer is no SMTP".to_owned()),
        None => MailError::Unreachable(error.to_string()),
    }
}

#[cfg(test)]
impl Smtp {
    /// The same with less patience.
    pub(super) fn hasty(self) -> Self {
        Self { patience: Duration::from_millis(200), ..self }
    }
}
