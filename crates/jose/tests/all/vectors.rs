//! Vectors from the RFCs. Their tokens have no `kid`, which we require; the bare signature is checked.

use grantor_jose::{
    Algorithm, Jwk, KeySet, SigningKey, TokenError, VerifyingKey, base64url_decode, base64url_encode, jws,
};

const JOE: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

fn check(jwk: &str, alg: Algorithm, signed: &str, signature: &str) {
    let jwk: Jwk = serde_json::from_str(jwk).unwrap();
    let key = VerifyingKey::from_jwk(&jwk, alg).unwrap();
    let signature = base64url_decode(signature).unwrap();
    assert_eq!(key.verify_signature(signed.as_bytes(), &signature), Ok(()));
    let other = signed.replacen("ey", "eY", 1);
    assert_eq!(key.verify_signature(other.as_bytes(), &signature), Err(TokenError::BadSignature));
}

#[test]
fn rfc_7515_a_2_rs256_verifies() {
    let jwk = r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#;
    let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    check(jwk, Algorithm::Rs256, &format!("eyJhbGciOiJSUzI1NiJ9.{JOE}"), signature);
}

#[test]
fn rfc_7515_a_3_es256_verifies() {
    let jwk = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    check(jwk, Algorithm::Es256, &format!("eyJhbGciOiJFUzI1NiJ9.{JOE}"), signature);
}

const ED25519: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
const ED25519_D: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
const ED25519_SIGNED: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
const ED25519_SIGNATURE: &str =
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

/// The private key of RFC 8037 A.1 as PKCS#8 version 1 (RFC 8410 section 7): a fixed prefix and the seed.
fn rfc_8037_private_key() -> SigningKey {
    let prefix = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let der = [&prefix[..], &base64url_decode(ED25519_D).unwrap()].concat();
    SigningKey::from_pkcs8(Algorithm::EdDsa, &der).unwrap()
}

#[test]
fn rfc_8037_a_5_ed25519_verifies() {
    check(ED25519, Algorithm::EdDsa, ED25519_SIGNED, ED25519_SIGNATURE);
}

#[test]
fn rfc_8037_a_4_ed25519_signs_to_the_very_bytes_under_our_header() {
    // Our header differs from the RFC's, so the signature is compared with one by the bare primitive.
    let key = rfc_8037_private_key();
    assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    let token = key.sign(grantor_jose::Type::Jwt, b"Example of Ed25519 signing").unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let seed = base64url_decode(ED25519_D).unwrap();
    let pair = aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    assert_eq!(base64url_encode(pair.sign(ED25519_SIGNED.as_bytes())), ED25519_SIGNATURE);
    assert_eq!(base64url_encode(pair.sign(signed.as_bytes())), signature);
}

#[test]
fn rfc_8037_a_3_thumbprint_is_reproduced() {
    let jwk: Jwk = serde_json::from_str(ED25519).unwrap();
    assert_eq!(jwk.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn rfc_7638_3_1_thumbprint_is_reproduced() {
    let jwk = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;
    let jwk: Jwk = serde_json::from_str(jwk).unwrap();
    assert_eq!(jwk.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

#[test]
fn an_rfc_token_without_kid_is_refused_as_a_token() {
    let jwk: Jwk = serde_json::from_str(ED25519).unwrap();
    let keys = KeySet::new(vec![VerifyingKey::from_jwk(&jwk, Algorithm::EdDsa).unwrap()]);
    let token = format!("{ED25519_SIGNED}.{ED25519_SIGNATURE}");
    assert_eq!(jws::verify(&token, &keys), Err(TokenError::Malformed));
}
