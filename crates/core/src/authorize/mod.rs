//! The authorization endpoint (RFC 6749 4.1, OpenID Connect Core 3.1.2): what is asked, what its user must still do, and
//! how it is answered.

pub mod interaction;
pub mod request;
pub mod respond;
