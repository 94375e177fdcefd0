//! Whether a client id can be chosen: one answer for the person who types it and for the app that is made with it.

use crate::env::UnixMillis;
use crate::name::{ClientId, NameError};
use crate::tenant::Status;

/// The app whose client id looks like the chosen one, in the same environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alike {
    /// Its client id.
    pub client_id: ClientId,
    /// Whether it still acts. A closed app keeps its client id for ever.
    pub status: Status,
    /// When it was made.
    pub created_at: UnixMillis,
}

/// What is to be said about a chosen client id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// It can be had now. Somebody else may be quicker.
    Available(ClientId),
    /// An app has it.
    Taken,
    /// An app had it and was deleted. Client ids are never given again: tokens, logs and contracts name them.
    TakenOnce,
    /// It differs from one that is or was taken only in letter case or encoding.
    LooksLikeAnother,
    /// It can never be one.
    NotAllowed(NameError),
}

impl Choice {
    /// A stable name for programs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Available(_) => "available",
            Self::Taken => "taken",
            Self::TakenOnce => "taken_once",
            Self::LooksLikeAnother => "looks_like_another",
            Self::NotAllowed(_) => "not_allowed",
        }
    }

    /// The sentence for the person who chose it. Names nobody else's app.
    pub fn sentence(&self) -> &'static str {
        match self {
            Self::Available(_) => "This client id is free.",
            Self::Taken => "This client id is taken. Choose another one.",
            Self::TakenOnce => {
                "This client id belonged to an app that was deleted. Client ids are never given again: choose another one."
            }
            Self::LooksLikeAnother => {
                "This client id differs from another one only in letter case or encoding. Choose one that cannot be confused."
            }
            Self::NotAllowed(why) => why.0,
        }
    }
}

/// Judges a chosen text by its spelling alone: what a client id may be, and that it does not look like a reserved one.
///
/// # Errors
/// The sentence for the person who chose it.
pub fn spelled(text: &str) -> Result<ClientId, NameError> {
    let chosen: ClientId = text.parse()?;
    not_reserved(&chosen)?;
    Ok(chosen)
}

/// Judges a chosen client id. `alike` is the app of the environment with the same skeleton, if there is one.
pub fn judge(chosen: ClientId, alike: Option<&Alike>) -> Choice {
    if let Err(why) = not_reserved(&chosen) {
        return Choice::NotAllowed(why);
    }
    match alike {
        None => Choice::Available(chosen),
        Some(other) if other.client_id != chosen => Choice::LooksLikeAnother,
        Some(other) if other.status == Status::Closed => Choice::TakenOnce,
        Some(_) => Choice::Taken,
    }
}

/// Beginnings that stand for something else, as [`ClientId`] refuses them in their own letters.
const RESERVED: [&str; 6] = ["usr_", "key_", "env_", "api_", "opr_", "ten_"];
/// Our own name: nobody else's app speaks for us.
const OURS: &str = "grantor";

/// A client id must not look like a reserved one: digits in place of letters are read as letters by people (Unicode
/// Technical Standard 39, section 4, as far as printable ASCII goes).
fn not_reserved(chosen: &ClientId) -> Result<(), NameError> {
    let folded: String = chosen.skeleton().chars().map(as_letter).collect();
    let reserved =
        RESERVED.iter().any(|own| folded.starts_with(&own.chars().map(as_letter).collect::<String>()));
    let bare: String = folded.chars().filter(char::is_ascii_alphanumeric).collect();
    if reserved || bare.starts_with(OURS) {
        return Err(NameError("this looks like a reserved client id; choose another one"));
    }
    Ok(())
}

/// The letter that a character is mistaken for.
fn as_letter(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' | '|' | 'i' => 'l',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        '8' => 'b',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, alike: Option<(&str, Status)>) -> &'static str {
        let alike = alike.map(|(id, status)| Alike {
            client_id: id.parse().unwrap(),
            status,
            created_at: UnixMillis(0),
        });
        match spelled(text) {
            Ok(chosen) => judge(chosen, alike.as_ref()).as_str(),
            Err(why) => Choice::NotAllowed(why).as_str(),
        }
    }

    #[test]
    fn each_answer_has_its_own_case() {
        assert_eq!(of("acme", None), "available");
        assert_eq!(of("acme", Some(("acme", Status::Active))), "taken");
        assert_eq!(of("acme", Some(("acme", Status::Suspended))), "taken");
        assert_eq!(of("acme", Some(("acme", Status::Closed))), "taken_once");
        assert_eq!(of("acme", Some(("Acme", Status::Active))), "looks_like_another");
        assert_eq!(of("a b", Some(("a%20b", Status::Closed))), "looks_like_another");
        for bad in ["", "a:b", "a\nb", "usr_1"] {
            assert_eq!(of(bad, None), "not_allowed", "{bad:?}");
        }
    }

    #[test]
    fn what_looks_like_a_reserved_id_is_not_allowed() {
        for bad in [
            "gr4ntor",
            "Grant0r-console",
            "g-r-a-n-t-o-r",
            "GRANT%30R",
            "u5r_1",
            "K3Y_7",
            "ap1_x",
            "ap|_x",
            "73n_a",
        ] {
            assert_eq!(of(bad, None), "not_allowed", "{bad:?}");
        }
        for good in ["grand-tour", "api-gateway", "key-account", "user_1", "tenant", "u-5r_1", "acme-grantor"]
        {
            assert_eq!(of(good, None), "available", "{good:?}");
        }
    }
}
