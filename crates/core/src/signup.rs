//! Signing up: nothing becomes an account before the link in the mail has come back, and the password that counts is that of
//! the same attempt. So nobody can prepare an account for somebody else's address.

use crate::email::EmailAddress;
use crate::env::UnixMillis;
use crate::id::{EnvironmentId, SignupId};
use crate::password::PasswordHash;
use crate::secret::SecretHash;

/// A link works for so many seconds.
pub const SIGNUP_SECONDS: i64 = 24 * 3600;

/// A sign-up that waits for its mail link.
#[derive(Clone)]
pub struct Signup {
    /// Its row.
    pub id: SignupId,
    /// Where.
    pub environment: EnvironmentId,
    /// The keyed hash of the link.
    pub link: SecretHash,
    /// The keyed hash of the cookie of the browser that signed up: there the link alone is enough.
    pub browser: SecretHash,
    /// Which address.
    pub email: EmailAddress,
    /// The name that was given.
    pub name: Option<String>,
    /// The password that was chosen.
    pub password: PasswordHash,
    /// When the password was typed.
    pub created_at: UnixMillis,
    /// When it is too late.
    pub expires_at: UnixMillis,
}
