//! A mail in the form that travels (RFC 5322, MIME).

use std::time::{Duration, SystemTime};

use grantor_core::email::EmailAddress;
use lettre::address::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};

use super::{MailError, OutgoingMail};
use crate::config::Sender;

/// Writes headers and body. The envelope is taken from the same two addresses.
pub(super) fn compose(mail: &OutgoingMail, from: &Sender) -> Result<Message, MailError> {
    let sender = Mailbox::new(from.name().map(str::to_owned), address(from.address())?);
    // RFC 3834 5: programs that answer mail leave this one alone.
    let automatic =
        HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
    let builder = Message::builder()
        .from(sender)
        .to(Mailbox::new(None, address(&mail.to)?))
        .subject(mail.subject.as_str())
        .message_id(Some(format!("<{}@{}>", mail.id, from.address().domain())))
        .raw_header(automatic);
    // An id of another version has no time in it: the moment of sending then.
    let builder = match mail.id.get_timestamp() {
        Some(made) => builder.date(SystemTime::UNIX_EPOCH + Duration::from_secs(made.to_unix().0)),
        None => builder.date_now(),
    };
    let message = match &mail.html {
        Some(html) => builder.multipart(MultiPart::alternative_plain_html(lines(&mail.text), lines(html))),
        None => builder.singlepart(SinglePart::plain(lines(&mail.text))),
    };
    message.map_err(|error| MailError::Unwritable(error.to_string()))
}

/// Every line ends in CRLF. A bare CR, which the library would pass on, ends a line for some servers and not for others
/// (RFC 5321 2.3.8): what is a line of the mail here could be a command there.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n")
}

fn address(address: &EmailAddress) -> Result<Address, MailError> {
    let built = Address::new(address.local_part(), address.domain());
    built.map_err(|error| MailError::Unwritable(error.to_string()))
}
