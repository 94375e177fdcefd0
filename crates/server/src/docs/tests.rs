//! The articles say what is enforced and nothing else: profiles and contracts are changed, and the articles follow.

mod changed;
mod silent;
mod told;
pub(crate) mod world;
