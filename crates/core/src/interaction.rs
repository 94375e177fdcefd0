//! An interaction: an authorization request, or a plain sign-in, that waits for its user. The link holds a random handle, a
//! cookie the other half: whoever gets the link alone cannot go on with it (RFC 9700 4.7, security case G02).

use crate::authorize::interaction::Progress;
use crate::authorize::request::AuthorizationRequest;
use crate::env::UnixMillis;
use crate::id::{EnvironmentId, InteractionId};
use crate::secret::SecretHash;

/// An interaction may take so many seconds.
pub const INTERACTION_SECONDS: i64 = 30 * 60;

/// Something that waits for its user.
#[derive(Clone)]
pub struct Interaction {
    /// Its row.
    pub id: InteractionId,
    /// Where.
    pub environment: EnvironmentId,
    /// The keyed hash of the handle.
    pub handle: SecretHash,
    /// The keyed hash of the cookie that goes with it.
    pub browser: SecretHash,
    /// Rises with every step.
    pub version: i64,
    /// What was asked for; `None` is a plain sign-in.
    pub request: Option<AuthorizationRequest>,
    /// How far the user has come.
    pub progress: Progress,
    /// When it began.
    pub created_at: UnixMillis,
    /// When it is too late.
    pub expires_at: UnixMillis,
}
