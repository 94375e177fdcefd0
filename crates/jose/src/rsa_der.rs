//! Reads modulus and exponent out of `RSAPublicKey` (RFC 8017 appendix A.1.1), the form in which the crypto
//! library hands out a public key. Only for DER that the library itself wrote.

const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;

/// Modulus and exponent as unsigned big-endian bytes without leading zeros.
pub(crate) fn modulus_and_exponent(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (body, rest) = element(SEQUENCE, der)?;
    let (modulus, after) = element(INTEGER, body)?;
    let (exponent, end) = element(INTEGER, after)?;
    (rest.is_empty() && end.is_empty()).then_some((unsigned(modulus), unsigned(exponent)))
}

/// One element with this tag, and what follows it.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&found, der) = der.split_first()?;
    let (&first, der) = der.split_first()?;
    if found != tag {
        return None;
    }
    if first < 0x80 {
        return der.split_at_checked(first.into());
    }
    // A key of at most 4096 bits never needs more than two length bytes.
    let width = usize::from(first & 0x7f);
    let (length, der) = der.split_at_checked(width)?;
    match *length {
        [a] => der.split_at_checked(a.into()),
        [a, b] => der.split_at_checked(u16::from_be_bytes([a, b]).into()),
        _ => None,
    }
}

/// DER puts a zero byte before a number whose highest bit is set.
fn unsigned(integer: &[u8]) -> &[u8] {
    integer.strip_prefix(&[0]).unwrap_or(integer)
}
