//! Everything that this crate promises, one test binary. Negative cases come first in importance: each rule has
//! a token that breaks this rule only, with a genuine signature.

#[cfg(test)]
mod all {
    mod access_token;
    mod algorithm;
    mod claims;
    mod forge;
    mod header;
    mod interop;
    mod jwk;
    mod key_set;
    mod signature;
    mod signing;
    mod typ;
    mod vectors;
}
