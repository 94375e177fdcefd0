//! The spelling of a refresh token: everything that it says is in the string, and a tag over it that needs both a key
//! outside the database and the nonce of the Grant's row. A dump of the database forges none, nor does the key alone.
//!
//! `<brand>_rt_<stage>_<base64url(version, pepper, grant, generation, tag)><checksum>`. Nothing of it is stored.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::grant::Grant;
use crate::id::{EnvironmentId, GrantId};
use crate::secret::{Brand, CredentialType, PepperRing, Secret, SecretHash, Spelling, Stage, spell};

const VERSION: u8 = 1;
const LENGTH: usize = 1 + 8 + 8 + 8 + 32;

/// What a presented refresh token says of itself. Nothing is proved before [`RefreshToken::is_genuine`].
#[derive(Clone, Copy)]
pub struct RefreshToken {
    /// Which Grant.
    pub grant: GrantId,
    /// The how-many-th token of that Grant.
    pub generation: i64,
    tag: SecretHash,
}

impl RefreshToken {
    /// Reads the string. `None` for anything that is not spelled like a refresh token of this stage.
    pub fn parse(text: &str, brand: &Brand, stage: Stage) -> Option<Self> {
        let spelling = Spelling::parse(brand, text)?;
        if spelling.kind != CredentialType::RefreshToken || spelling.stage != stage {
            return None;
        }
        let bytes: [u8; LENGTH] = URL_SAFE_NO_PAD.decode(spelling.body).ok()?.try_into().ok()?;
        let number = |at: usize| {
            let mut eight = [0; 8];
            eight.copy_from_slice(&bytes[at..at + 8]);
            i64::from_be_bytes(eight)
        };
        let mut mac = [0; 32];
        mac.copy_from_slice(&bytes[LENGTH - 32..]);
        (bytes[0] == VERSION).then_some(Self {
            tag: SecretHash { pepper: number(1), mac },
            grant: GrantId::from_number(number(9)),
            generation: number(17),
        })
    }

    /// Whether this server made it for this Grant, in constant time.
    pub fn is_genuine(&self, grant: &Grant, peppers: &PepperRing) -> bool {
        let covered = covered(grant.environment, self.grant, self.generation, &grant.nonce);
        self.grant == grant.id && peppers.verify(CredentialType::RefreshToken, &covered, &self.tag)
    }
}

/// Spells the token of a generation. The same generation always gives the same string, for as long as its pepper is active:
/// so the grace can repeat a lost answer that was stored nowhere.
pub fn spell_refresh_token(
    grant: &Grant,
    generation: i64,
    peppers: &PepperRing,
    spelling: (&Brand, Stage),
) -> Secret {
    let covered = covered(grant.environment, grant.id, generation, &grant.nonce);
    let tag = peppers.hash(CredentialType::RefreshToken, &covered);
    let mut bytes = Vec::with_capacity(LENGTH);
    bytes.push(VERSION);
    bytes.extend_from_slice(&tag.pepper.to_be_bytes());
    bytes.extend_from_slice(&grant.id.number().to_be_bytes());
    bytes.extend_from_slice(&generation.to_be_bytes());
    bytes.extend_from_slice(&tag.mac);
    let body = URL_SAFE_NO_PAD.encode(bytes);
    Secret::presented(spell(spelling.0, CredentialType::RefreshToken, spelling.1, &body))
}

/// What the tag covers. Fixed lengths, so that no two inputs run together.
fn covered(environment: EnvironmentId, grant: GrantId, generation: i64, nonce: &[u8; 16]) -> String {
    let mut bytes = Vec::with_capacity(48);
    bytes.extend_from_slice(&environment.bytes());
    bytes.extend_from_slice(&grant.number().to_be_bytes());
    bytes.extend_from_slice(&generation.to_be_bytes());
    bytes.extend_from_slice(nonce);
    URL_SAFE_NO_PAD.encode(bytes)
}
