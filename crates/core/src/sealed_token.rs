//! Opaque access tokens: the same claims as a JWT, sealed so that they reveal nothing.
//!
//! `<brand>_at_<stage>_<base64url(version, key id, nonce, sealed claims)><checksum>`. AES-256-GCM-SIV tolerates a
//! repeated nonce; the associated data binds the token to its environment. Nothing is stored.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::claims::AccessClaims;
use crate::env::Env;
use crate::epoch::Epochs;
use crate::id::{EnvironmentId, GrantId};
use crate::secret::{Brand, CredentialType, Spelling, Stage, spell};

const VERSION: u8 = 1;
const HEADER: usize = 1 + 4;
const NONCE: usize = 12;

/// The sealing keys of one environment.
pub struct SealRing {
    environment: EnvironmentId,
    active: u32,
    keys: Vec<(u32, LessSafeKey)>,
}

impl SealRing {
    /// A ring of numbered 256-bit keys; `None` if a key has another length or the active one is missing.
    pub fn new(
        environment: EnvironmentId,
        active: u32,
        keys: Vec<(u32, Zeroizing<Vec<u8>>)>,
    ) -> Option<Self> {
        let mut parsed = Vec::with_capacity(keys.len());
        for (number, key) in keys {
            parsed.push((number, LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, &key).ok()?)));
        }
        parsed.iter().any(|(number, _)| *number == active).then_some(Self {
            environment,
            active,
            keys: parsed,
        })
    }

    fn key(&self, number: u32) -> Option<&LessSafeKey> {
        self.keys.iter().find(|(known, _)| *known == number).map(|(_, key)| key)
    }

    /// Seals claims into a token. `None` if the library refuses, which it does only for sizes beyond any claims.
    pub fn seal(
        &self,
        claims: &AccessClaims,
        brand: &Brand,
        stage: Stage,
        env: &mut Env<'_>,
    ) -> Option<String> {
        let nonce = env.bytes::<NONCE>();
        let mut token = Vec::with_capacity(320);
        token.push(VERSION);
        token.extend_from_slice(&self.active.to_be_bytes());
        token.extend_from_slice(&nonce);
        let mut body = Vec::with_capacity(256);
        encode(claims, &mut body);
        self.key(self.active)?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(self.bound_to(self.active)),
                &mut body,
            )
            .ok()?;
        token.extend_from_slice(&body);
        Some(spell(brand, CredentialType::AccessToken, stage, &URL_SAFE_NO_PAD.encode(&token)))
    }

    /// Opens a token of this environment. `None` for anything that these keys did not seal, to the last character.
    pub fn unseal(&self, token: &str, brand: &Brand, stage: Stage) -> Option<AccessClaims> {
        let spelling = Spelling::parse(brand, token)?;
        if spelling.kind != CredentialType::AccessToken || spelling.stage != stage {
            return None;
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(spelling.body).ok()?;
        if bytes.len() < HEADER + NONCE || bytes[0] != VERSION {
            return None;
        }
        let number = u32::from_be_bytes(bytes[1..HEADER].try_into().ok()?);
        let nonce: [u8; NONCE] = bytes[HEADER..HEADER + NONCE].try_into().ok()?;
        let key = self.key(number)?;
        let aad = Aad::from(self.bound_to(number));
        let body = &mut bytes[HEADER + NONCE..];
        let plain = key.open_in_place(Nonce::assume_unique_for_key(nonce), aad, body).ok()?;
        decode(plain)
    }

    fn bound_to(&self, number: u32) -> [u8; 24] {
        let mut aad = [0; 24];
        aad[..3].copy_from_slice(b"at\0");
        aad[3] = VERSION;
        aad[4..8].copy_from_slice(&number.to_be_bytes());
        aad[8..].copy_from_slice(&self.environment.bytes());
        aad
    }
}

fn encode(claims: &AccessClaims, out: &mut Vec<u8>) {
    for number in [claims.iat, claims.exp, claims.rev.ten, claims.rev.acc, claims.rev.app] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    // `sub` is stored only where it differs: an app's token stands for the app.
    let sub = if claims.is_client() { "" } else { claims.sub.as_str() };
    for text in [
        &claims.iss,
        sub,
        &claims.aud,
        &claims.jti,
        &claims.client_id,
        &claims.scope,
        &claims.tid,
        &claims.env,
    ] {
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(text.as_bytes());
    }
    // A user's token goes on; an app's ends here, as it did before there were users.
    let Some(grant) = claims.gid else { return };
    for number in [grant.number(), claims.rev.usr, claims.rev.gnt, claims.auth_time.unwrap_or(0)] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out.extend_from_slice(claims.acr.as_deref().unwrap_or("").as_bytes());
}

fn decode(mut bytes: &[u8]) -> Option<AccessClaims> {
    fn number(bytes: &mut &[u8]) -> Option<i64> {
        let (head, rest) = bytes.split_first_chunk::<8>()?;
        *bytes = rest;
        Some(i64::from_be_bytes(*head))
    }
    fn text(bytes: &mut &[u8]) -> Option<String> {
        let (head, rest) = bytes.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*head)).ok()?;
        let (text, rest) = rest.split_at_checked(length)?;
        *bytes = rest;
        std::str::from_utf8(text).ok().map(str::to_owned)
    }
    let bytes = &mut bytes;
    let (iat, exp) = (number(bytes)?, number(bytes)?);
    let mut rev = Epochs { ten: number(bytes)?, acc: number(bytes)?, app: number(bytes)?, usr: 0, gnt: 0 };
    let (iss, sub, aud, jti) = (text(bytes)?, text(bytes)?, text(bytes)?, text(bytes)?);
    let (client_id, scope, tid, env) = (text(bytes)?, text(bytes)?, text(bytes)?, text(bytes)?);
    let sub = if sub.is_empty() { client_id.clone() } else { sub };
    let (mut gid, mut auth_time, mut acr) = (None, None, None);
    if !bytes.is_empty() {
        gid = Some(GrantId::from_number(number(bytes)?));
        (rev.usr, rev.gnt) = (number(bytes)?, number(bytes)?);
        auth_time = Some(number(bytes)?);
        acr = Some(std::str::from_utf8(bytes).ok()?.to_owned());
    }
    Some(AccessClaims { iss, sub, aud, exp, iat, jti, client_id, scope, tid, env, rev, gid, auth_time, acr })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::{Random, UnixMillis};

    struct Fixed;
    impl Random for Fixed {
        fn fill(&mut self, buffer: &mut [u8]) {
            buffer.fill(9);
        }
    }

    fn claims() -> AccessClaims {
        AccessClaims {
            iss: "https://a.example".into(),
            sub: "acme".into(),
            aud: "https://api.example".into(),
            exp: 3_600,
            iat: 0,
            jti: "j".into(),
            client_id: "acme".into(),
            scope: "a b".into(),
            tid: "t".into(),
            env: "production".into(),
            rev: Epochs { ten: 1, acc: 2, app: 3, usr: 0, gnt: 0 },
            gid: None,
            auth_time: None,
            acr: None,
        }
    }

    fn of_a_user() -> AccessClaims {
        AccessClaims {
            sub: "usr_1".into(),
            rev: Epochs { ten: 1, acc: 2, app: 3, usr: 4, gnt: 5 },
            gid: Some(GrantId::from_number(7)),
            auth_time: Some(11),
            acr: Some("urn:x".into()),
            ..claims()
        }
    }

    fn ring(environment: u8) -> SealRing {
        let keys = vec![(1, Zeroizing::new(vec![1; 32])), (2, Zeroizing::new(vec![2; 32]))];
        SealRing::new(EnvironmentId::from_bytes([environment; 16]), 2, keys).unwrap()
    }

    fn token() -> String {
        let mut rng = Fixed;
        let mut env = Env { now: UnixMillis(0), rng: &mut rng };
        ring(1).seal(&claims(), &Brand::default(), Stage::Live, &mut env).unwrap()
    }

    #[test]
    fn a_sealed_token_opens_to_the_same_claims_and_shows_nothing() {
        let token = token();
        assert_eq!(ring(1).unseal(&token, &Brand::default(), Stage::Live), Some(claims()));
        assert!(!token.contains('.') && !token.contains("acme"));
        let mut rng = Fixed;
        let mut env = Env { now: UnixMillis(0), rng: &mut rng };
        let token = ring(1).seal(&of_a_user(), &Brand::default(), Stage::Live, &mut env).unwrap();
        assert_eq!(ring(1).unseal(&token, &Brand::default(), Stage::Live), Some(of_a_user()));
    }

    #[test]
    fn f09_truncated_extended_or_recased_is_refused() {
        let token = token();
        let open = |text: &str| ring(1).unseal(text, &Brand::default(), Stage::Live);
        assert!(open(&token[..token.len() - 1]).is_none());
        assert!(open(&format!("{token}A")).is_none());
        assert!(open(&token.to_uppercase()).is_none());
        assert!(open(&token.to_lowercase()).is_none());
    }

    #[test]
    fn n01_a_token_of_another_environment_key_or_stage_does_not_open() {
        let token = token();
        assert!(
            ring(2).unseal(&token, &Brand::default(), Stage::Live).is_none(),
            "environment is in the associated data"
        );
        assert!(ring(1).unseal(&token, &Brand::default(), Stage::Test).is_none());
        // The key number is authenticated, too: rewrite it to the other key and mend the checksum.
        let spelling = Spelling::parse(&Brand::default(), &token).unwrap();
        let mut bytes = URL_SAFE_NO_PAD.decode(spelling.body).unwrap();
        bytes[4] = 1;
        let moved = spell(
            &Brand::default(),
            CredentialType::AccessToken,
            Stage::Live,
            &URL_SAFE_NO_PAD.encode(bytes),
        );
        assert!(ring(1).unseal(&moved, &Brand::default(), Stage::Live).is_none());
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let token = token();
        let spelling = Spelling::parse(&Brand::default(), &token).unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(spelling.body).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let text = spell(
                &Brand::default(),
                CredentialType::AccessToken,
                Stage::Live,
                &URL_SAFE_NO_PAD.encode(flipped),
            );
            assert!(ring(1).unseal(&text, &Brand::default(), Stage::Live).is_none(), "bit {bit}");
        }
    }
}
