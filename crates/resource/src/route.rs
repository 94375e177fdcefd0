//! Which path template a request path belongs to, and which spellings of a path are refused before that question.
//!
//! A rule that matches one spelling of a path while the API behind it understands another one is a hole. So a path is
//! not repaired here: what is not in its one normal form matches nothing (RFC 3986 section 6.2.2).

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// A tree of path segments; a lookup costs one map access per segment and per `{name}` that competes with a literal.
#[derive(Debug, Clone, Default)]
pub(crate) struct RouteTree {
    literal: HashMap<String, RouteTree>,
    /// The [`lenient`] readings of the literals, for those who come to the parameter beside them.
    readings: HashSet<String>,
    parameter: Option<Box<RouteTree>>,
    leaf: Option<usize>,
}

/// A template that the tree does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadTemplate {
    /// Not a normal path, or braces around a part of a segment.
    Malformed,
    /// Another template differs in the names of its parameters only.
    Taken,
}

impl RouteTree {
    /// Adds a template such as `/deals/{id}`; `leaf` is what a lookup will answer.
    pub(crate) fn insert(&mut self, template: &str, leaf: usize) -> Result<(), BadTemplate> {
        let mut node = self;
        // A parameter stands for a segment, so a stand-in lets the rules for request paths judge the rest.
        let mut stand_in = String::new();
        let tail = template.strip_prefix('/').ok_or(BadTemplate::Malformed)?;
        for segment in tail.split('/') {
            stand_in.push('/');
            let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            if name.unwrap_or(segment).contains(['{', '}', '?', '#']) || name == Some("") {
                return Err(BadTemplate::Malformed);
            }
            stand_in.push_str(if name.is_some() { "x" } else { segment });
            node = match name {
                Some(_) => node.parameter.get_or_insert_default(),
                None => {
                    node.readings.insert(lenient(segment).into_owned());
                    node.literal.entry(segment.to_owned()).or_default()
                }
            };
        }
        if normal_segments(&stand_in).is_none() {
            return Err(BadTemplate::Malformed);
        }
        if node.leaf.is_some() {
            return Err(BadTemplate::Taken);
        }
        node.leaf = Some(leaf);
        Ok(())
    }

    /// The leaf of the most specific template: at the first difference, a literal segment beats a parameter.
    ///
    /// Nothing where an API that trims, folds case or decodes would read a parameter's segment as a literal beside it:
    /// `/users/EXPORT` is no `{id}` if there is a `/users/export`, because that one may have stricter rules.
    pub(crate) fn find(&self, segments: &[&str]) -> Option<usize> {
        let Some((first, rest)) = segments.split_first() else {
            return self.leaf;
        };
        let literal = self.literal.get(*first);
        if let Some(found) = literal.and_then(|node| node.find(rest)) {
            return Some(found);
        }
        // A parameter is exactly one segment and never an empty one.
        let parameter = self.parameter.as_ref().filter(|_| !first.is_empty())?;
        let reading = lenient(first);
        // The literal itself is a dead end only if no lenient reading of the rest leads anywhere, either.
        let is_mistakable = match literal {
            None => self.readings.contains(&*reading),
            Some(_) => self.literal_leads_on(&reading, rest),
        };
        if is_mistakable { None } else { parameter.find(rest) }
    }

    /// Whether an API that reads leniently could see a template here.
    fn leads_on(&self, segments: &[&str]) -> bool {
        let Some((first, rest)) = segments.split_first() else {
            return self.leaf.is_some();
        };
        self.literal_leads_on(&lenient(first), rest)
            || !first.is_empty() && self.parameter.as_ref().is_some_and(|node| node.leads_on(rest))
    }

    fn literal_leads_on(&self, reading: &str, rest: &[&str]) -> bool {
        self.readings.contains(reading)
            && self.literal.iter().any(|(name, node)| lenient(name) == reading && node.leads_on(rest))
    }
}

/// What a lenient API may take a segment for: decoded, without white space around it, in lower case.
fn lenient(segment: &str) -> Cow<'_, str> {
    // Most segments are their own reading and cost no allocation.
    if !segment.bytes().any(|byte| byte == b'%' || byte.is_ascii_uppercase()) {
        return Cow::Borrowed(segment);
    }
    let decoded = percent_encoding::percent_decode_str(segment).decode_utf8_lossy();
    Cow::Owned(decoded.trim().to_lowercase())
}

/// The path of a request target, without its query. A fragment has no place in a request (RFC 9112 section 3.2).
pub(crate) fn without_query(target: &str) -> Option<&str> {
    if target.contains('#') {
        return None;
    }
    Some(target.split_once('?').map_or(target, |(path, _)| path))
}

/// The segments of a path in normal form, or nothing if any part of it could be read in a second way.
///
/// Refused: no leading slash, empty segments except one at the end, `.` and `..`, backslash, semicolon (path
/// parameters), control characters, spaces, anything outside ASCII, broken percent escapes, escapes of unreserved
/// characters (RFC 3986 section 6.2.2.2: so `%2e` and `%61dmin`), of slash, backslash, semicolon and controls, escapes that are not UTF-8 (overlong forms), and `%25` before two hex digits, which a second
/// decoding would turn into an escape.
pub(crate) fn normal_segments(path: &str) -> Option<Vec<&str>> {
    let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    let (_, inner) = segments.split_last()?;
    if inner.iter().any(|segment| segment.is_empty()) {
        return None;
    }
    segments.iter().all(|segment| is_normal(segment)).then_some(segments)
}

fn is_normal(segment: &str) -> bool {
    if segment == "." || segment == ".." {
        return false;
    }
    let bytes = segment.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte != b'%' {
            if !byte.is_ascii_graphic() || matches!(byte, b'\\' | b';') {
                return false;
            }
            at += 1;
            continue;
        }
        let Some(decoded) = escape_at(bytes, at) else {
            return false;
        };
        let second_meaning = match decoded {
            b'/' | b'\\' | b';' => true,
            b'%' => is_hex(bytes, at + 3) && is_hex(bytes, at + 4),
            other => other.is_ascii_control() || needs_no_escape(other),
        };
        if second_meaning {
            return false;
        }
        at += 3;
    }
    percent_encoding::percent_decode_str(segment)
        .decode_utf8()
        .is_ok_and(|text| !text.chars().any(char::is_control))
}

/// The byte that the escape `%XX` at `at` stands for.
fn escape_at(bytes: &[u8], at: usize) -> Option<u8> {
    let digit = |offset: usize| bytes.get(at + offset).and_then(|byte| char::from(*byte).to_digit(16));
    u8::try_from(digit(1)? * 16 + digit(2)?).ok()
}

/// Unreserved characters (RFC 3986 section 2.3): an escape of one is the same character, so nobody honest escapes it.
/// Escapes of `@`, `:` and sub-delims are what encoders write every day; [`RouteTree`] compares them by what they mean.
fn needs_no_escape(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn is_hex(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_some_and(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l02_a_path_with_a_second_reading_has_no_segments() {
        for path in [
            "",
            "a",
            "*",
            "//",
            "/a//b",
            "//a",
            "/a//",
            "/.",
            "/..",
            "/a/./b",
            "/a/../b",
            "/a/..",
            "/./",
            "/../",
            "/%2e",
            "/a/%2E%2e/b",
            "/a/.%2e",
            "/%252e%252e/a",
            "/a%252fb",
            "/a%2fb",
            "/a%2Fb",
            "/a%255cb",
            "/a\\b",
            "/a%5cb",
            "/a;b",
            "/a%3bb",
            "/a/..;/b",
            "/a\0",
            "/a%00",
            "/a%0a",
            "/a%7f",
            "/a\n",
            "/a b",
            "/a\tb",
            "/%",
            "/a%2",
            "/a%zz",
            "/a%+1",
            "/caf\u{e9}",
            "/%c0%ae%c0%ae",
            "/%c0%af",
            "/%61dmin",
            "/%2561dmin",
            "/%5f",
            "/%c2%85",
            "/%ff",
            "/\u{7f}",
        ] {
            assert_eq!(normal_segments(path), None, "{path:?}");
        }
    }

    #[test]
    fn l02_an_escape_of_a_character_that_needs_none_is_refused_in_either_case_of_hex() {
        for byte in "AZaz09-._~;".bytes() {
            for path in [format!("/a%{byte:02x}"), format!("/%{byte:02X}b"), format!("/a/x%{byte:02X}x/b")] {
                assert_eq!(normal_segments(&path), None, "{path}");
            }
        }
        for byte in " \"#%<>?[]^`{|}!$&'()*+,=:@".bytes() {
            let path = format!("/a%{byte:02X}");
            assert!(normal_segments(&path).is_some(), "{path}");
        }
    }

    #[test]
    fn ordinary_paths_and_necessary_escapes_are_normal() {
        for (path, segments) in [
            ("/", vec![""]),
            ("/a", vec!["a"]),
            ("/a/", vec!["a", ""]),
            ("/a.b/...", vec!["a.b", "..."]),
            ("/a%20b", vec!["a%20b"]),
            ("/caf%C3%A9", vec!["caf%C3%A9"]),
            ("/50%25", vec!["50%25"]),
            ("/a:b@c,d=e+f~g", vec!["a:b@c,d=e+f~g"]),
        ] {
            assert_eq!(normal_segments(path), Some(segments), "{path}");
        }
    }

    #[test]
    fn a_query_is_cut_off_and_a_fragment_is_refused() {
        assert_eq!(without_query("/a?b/../c?d"), Some("/a"));
        assert_eq!(without_query("/a"), Some("/a"));
        assert_eq!(without_query("/a#b"), None);
        assert_eq!(without_query("/a?x#b"), None);
    }

    fn tree(templates: &[&str]) -> RouteTree {
        let mut tree = RouteTree::default();
        for (leaf, template) in templates.iter().enumerate() {
            assert_eq!(tree.insert(template, leaf), Ok(()), "{template}");
        }
        tree
    }

    fn find(tree: &RouteTree, path: &str) -> Option<usize> {
        tree.find(&normal_segments(path).unwrap())
    }

    #[test]
    fn a_literal_segment_beats_a_parameter_and_a_dead_end_does_not_hide_it() {
        let tree = tree(&["/deals/{id}", "/deals/mine", "/{a}/mine/c", "/{a}/{b}/d", "/"]);
        assert_eq!(find(&tree, "/deals/mine"), Some(1));
        assert_eq!(find(&tree, "/deals/mine2"), Some(0));
        assert_eq!(find(&tree, "/deals/mine/c"), Some(2));
        assert_eq!(find(&tree, "/deals/mine/d"), Some(3));
        assert_eq!(find(&tree, "/"), Some(4));
        for unknown in ["/deals", "/deals/", "/deals/1/", "/deals/1/2", "/other/mine", "/DEALS/mine"] {
            assert_eq!(find(&tree, unknown), None, "{unknown}");
        }
    }

    #[test]
    fn l02_a_parameter_takes_no_other_spelling_of_a_literal_beside_it() {
        let tree = tree(&[
            "/users/{id}",
            "/users/export",
            "/users/Mine",
            "/users/caf%C3%A9",
            "/users/a[b",
            "/users/{id}/keys",
            "/users/{id}/{name}",
            "/users/@all",
            "/users/batch:run",
        ]);
        for refused in [
            "/users/EXPORT",
            "/users/eXport",
            "/users/export%20",
            "/users/%20export",
            "/users/%C2%A0Export%E3%80%80",
            "/users/mine",
            "/users/caf%c3%a9",
            "/users/CAF%C3%89",
            "/users/a%5Bb",
            "/users/1/KEYS",
            "/users/1/keys%20",
            "/users/EXPORT/keys",
            "/users/%40all",
            "/users/%40ALL",
            "/users/batch%3Arun",
        ] {
            assert_eq!(find(&tree, refused), None, "{refused}");
        }
        for (path, leaf) in [
            ("/users/export", 1),
            ("/users/Mine", 2),
            ("/users/exports", 0),
            ("/users/EXPORTS", 0),
            ("/users/ex%20port", 0),
            ("/users/export/keys", 5),
            ("/users/KEYS", 0),
            ("/users/KEYS/keys", 5),
            ("/users/1/EXPORT", 6),
        ] {
            assert_eq!(find(&tree, path), Some(leaf), "{path}");
        }
    }

    #[test]
    fn l02_a_template_that_begins_with_a_parameter_is_no_way_around_either() {
        let tree = tree(&["/deals/export", "/{a}/{b}", "/{a}/{b}/c", "/Deals/{id}/keys", "/{a}/{b}/{c}"]);
        for refused in ["/deals/EXPORT", "/DEALS/export", "/DEALS/1", "/deals/export%20", "/deals/1/KEYS"] {
            assert_eq!(find(&tree, refused), None, "{refused}");
        }
        assert_eq!(find(&tree, "/deals/export"), Some(0));
        assert_eq!(find(&tree, "/deals/1"), Some(1));
        assert_eq!(find(&tree, "/deals/EXPORT/c"), Some(2));
        assert_eq!(find(&tree, "/x/EXPORT"), Some(1));
    }

    #[test]
    fn a_segment_that_is_its_own_reading_is_not_copied() {
        assert!(matches!(lenient("plain-1_~:@"), Cow::Borrowed(_)));
        assert_eq!(lenient("%20ExPort%20"), "export");
    }

    #[test]
    fn a_parameter_is_exactly_one_segment_that_is_not_empty() {
        let tree = tree(&["/a/{x}", "/b/"]);
        assert_eq!(find(&tree, "/a/1"), Some(0));
        assert_eq!(find(&tree, "/a/%20"), Some(0));
        assert_eq!(find(&tree, "/a/"), None);
        assert_eq!(find(&tree, "/a"), None);
        assert_eq!(find(&tree, "/b/"), Some(1));
        assert_eq!(find(&tree, "/b"), None);
    }

    #[test]
    fn templates_that_nothing_could_match_for_sure_are_refused() {
        for bad in [
            "",
            "a",
            "/a{x}",
            "/{x}.json",
            "/{}",
            "/{x",
            "/x}",
            "/{a}{b}",
            "/{{a}}",
            "/a//b",
            "/a/../b",
            "/a?b",
            "/a#b",
        ] {
            let mut tree = RouteTree::default();
            assert_eq!(tree.insert(bad, 0), Err(BadTemplate::Malformed), "{bad}");
        }
        let mut tree = tree(&["/a/{x}"]);
        assert_eq!(tree.insert("/a/{y}", 1), Err(BadTemplate::Taken));
    }
}
