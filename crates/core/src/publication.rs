//! Publishing a version of a document. What was published once is never changed: acceptances refer to it.

use std::collections::BTreeMap;

use crate::document::{DocumentText, DocumentVersion, hash_of};
use crate::env::UnixMillis;
use crate::name::NameError;

/// Most languages of one version.
const MAX_LANGUAGES: usize = 50;
/// Longest title, in characters.
const MAX_TITLE: usize = 200;
/// Longest text in one language, in bytes.
const MAX_BODY: usize = 200_000;
/// Longest grace, in seconds: a year.
const MAX_GRACE: i64 = 365 * 86_400;

/// What somebody wants to publish.
#[derive(Debug, Clone)]
pub struct NewVersion {
    /// Its number; `None` is the next one.
    pub number: Option<i64>,
    /// From when it must be accepted; `None` is now.
    pub effective_at: Option<UnixMillis>,
    /// Seconds after that in which what was granted under the version before may still be refreshed.
    pub grace_seconds: i64,
    /// Title, text and what changed, by language tag.
    pub texts: BTreeMap<String, DocumentText>,
}

/// Decides what a publication becomes beside the versions that there are. `None`: it is there already, to the letter.
///
/// # Errors
/// The sentence for the person who publishes.
pub fn publish(
    published: &[DocumentVersion],
    new: NewVersion,
    now: UnixMillis,
) -> Result<Option<DocumentVersion>, NameError> {
    check(&new)?;
    let last = published.iter().max_by_key(|version| version.number);
    let after = last.map_or(0, |version| version.number);
    let number = new.number.unwrap_or(after + 1);
    let hash = hash_of(&new.texts);
    if let Some(old) = published.iter().find(|version| version.number == number) {
        let same = old.hash == hash
            && old.grace_seconds == new.grace_seconds
            && new.effective_at.is_none_or(|at| at == old.effective_at);
        return if same {
            Ok(None)
        } else {
            Err(NameError(
                "this version is published and never changes: people have accepted it as it is; publish a new version",
            ))
        };
    }
    if number <= after {
        return Err(NameError("a later version is published already; give the new version a higher number"));
    }
    let effective_at = new.effective_at.unwrap_or(now);
    if last.is_some_and(|last| effective_at < last.effective_at) {
        return Err(NameError("a version cannot be in force before the version that it replaces"));
    }
    Ok(Some(DocumentVersion {
        number,
        effective_at,
        grace_seconds: new.grace_seconds,
        texts: new.texts,
        hash,
    }))
}

/// What cannot be said in a type.
fn check(new: &NewVersion) -> Result<(), NameError> {
    let refuse = |why| Err(NameError(why));
    if new.number.is_some_and(|number| number < 1) {
        return refuse("versions are numbered from 1");
    }
    if !(0..=MAX_GRACE).contains(&new.grace_seconds) {
        return refuse("the grace is a number of seconds from 0 to a year");
    }
    if new.texts.is_empty() || new.texts.len() > MAX_LANGUAGES {
        return refuse("a version has a text in 1 to 50 languages, for example en");
    }
    if !new.texts.keys().all(|tag| is_language(tag)) {
        return refuse("a language is a tag such as en or de-CH (RFC 5646)");
    }
    let is_line = |text: &str| {
        !text.trim().is_empty() && text.chars().count() <= MAX_TITLE && !text.chars().any(char::is_control)
    };
    if !new.texts.values().all(|text| is_line(&text.title)) {
        return refuse("a title is one line of 1 to 200 characters");
    }
    let is_text = |text: &str| !text.trim().is_empty() && text.len() <= MAX_BODY;
    let bodies = new.texts.values().flat_map(|text| [Some(&text.body), text.changes.as_ref()]);
    if !bodies.flatten().all(|text| is_text(text)) {
        return refuse("a text, and what changed, is not empty and has at most 200000 bytes");
    }
    Ok(())
}

/// Subtags of 1 to 8 letters and digits, the first of letters alone (RFC 5646 2.1).
fn is_language(tag: &str) -> bool {
    let mut subtags = tag.split('-');
    let first = subtags.next().unwrap_or("");
    (2..=8).contains(&first.len())
        && first.bytes().all(|byte| byte.is_ascii_alphabetic())
        && tag.len() <= 35
        && subtags.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_000_000);

    fn new(number: Option<i64>, body: &str) -> NewVersion {
        let text = DocumentText { title: "Terms".to_owned(), body: body.to_owned(), changes: None };
        NewVersion {
            number,
            effective_at: None,
            grace_seconds: 0,
            texts: BTreeMap::from([("en".to_owned(), text)]),
        }
    }

    fn refused(published: &[DocumentVersion], new: NewVersion) -> &'static str {
        publish(published, new, NOW).unwrap_err().0
    }

    #[test]
    fn versions_are_numbered_on_and_are_in_force_at_once_unless_a_time_is_given() {
        let first = publish(&[], new(None, "a"), NOW).unwrap().unwrap();
        assert_eq!((first.number, first.effective_at), (1, NOW));
        let later = UnixMillis(NOW.0 + 5_000);
        let second = NewVersion { effective_at: Some(later), ..new(None, "b") };
        let second = publish(std::slice::from_ref(&first), second, NOW).unwrap().unwrap();
        assert_eq!((second.number, second.effective_at), (2, later));
        assert_ne!(first.hash, second.hash);
    }

    #[test]
    fn a_published_version_is_the_same_to_the_letter_or_refused() {
        let first = publish(&[], new(Some(1), "a"), NOW).unwrap().unwrap();
        let published = [first];
        let later = UnixMillis(NOW.0 + 9_000);
        assert!(publish(&published, new(Some(1), "a"), later).unwrap().is_none(), "and keeps its moment");
        assert!(refused(&published, new(Some(1), "b")).contains("publish a new version"));
        let other_grace = NewVersion { grace_seconds: 1, ..new(Some(1), "a") };
        assert!(refused(&published, other_grace).contains("publish a new version"));
        let other_time = NewVersion { effective_at: Some(later), ..new(Some(1), "a") };
        assert!(refused(&published, other_time).contains("publish a new version"));
    }

    #[test]
    fn no_version_slips_in_before_a_published_one() {
        let third = publish(&[], new(Some(3), "a"), NOW).unwrap().unwrap();
        let published = [third];
        assert!(refused(&published, new(Some(2), "b")).contains("higher number"));
        let earlier = NewVersion { effective_at: Some(UnixMillis(NOW.0 - 1)), ..new(Some(4), "b") };
        assert!(refused(&published, earlier).contains("in force before"));
    }

    #[test]
    fn empty_long_and_untagged_texts_are_refused() {
        let tagged = |tag: &str| {
            let mut version = new(None, "a");
            let text = version.texts.remove("en").unwrap();
            version.texts.insert(tag.to_owned(), text);
            version
        };
        for good in ["en", "de-CH", "zh-Hant-TW"] {
            assert!(publish(&[], tagged(good), NOW).is_ok(), "{good}");
        }
        for bad in ["", "e", "en_US", "en-", "1a", "en\"", "englishlanguage"] {
            assert!(refused(&[], tagged(bad)).contains("RFC 5646"), "{bad:?}");
        }
        assert!(refused(&[], new(None, " \n")).contains("not empty"));
        assert!(refused(&[], new(None, &"a".repeat(MAX_BODY + 1))).contains("not empty"));
        assert!(refused(&[], new(Some(0), "a")).contains("from 1"));
        assert!(refused(&[], NewVersion { grace_seconds: -1, ..new(None, "a") }).contains("grace"));
        assert!(refused(&[], NewVersion { texts: BTreeMap::new(), ..new(None, "a") }).contains("languages"));
        let mut two_lines = new(None, "a");
        two_lines.texts.get_mut("en").unwrap().title = "a\nb".to_owned();
        assert!(refused(&[], two_lines).contains("one line"));
    }

    #[test]
    fn the_hash_is_that_of_the_canonical_json() {
        let mut version = new(None, "b \u{e4} \"q\"");
        version.texts.get_mut("en").unwrap().changes = Some("c".to_owned());
        let json = "{\"en\":{\"body\":\"b \u{e4} \\\"q\\\"\",\"changes\":\"c\",\"title\":\"Terms\"}}";
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, json.as_bytes());
        let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash_of(&version.texts), hex);
    }
}
