//! A reader of HTML that accepts only what our templates are meant to write: every attribute in double quotes, every
//! element closed.

/// Elements without content.
const VOID: [&str; 5] = ["meta", "link", "img", "input", "br"];

/// An element's beginning.
#[derive(Debug)]
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
}

impl Tag {
    /// The decoded value of an attribute.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The elements of a document in order. Panics where a browser would have to guess.
pub(super) fn tags(html: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut rest = html.strip_prefix("<!doctype html>").expect("a document type");
    while let Some(at) = rest.find('<') {
        assert!(!rest[..at].contains('>'), "a loose > in {:?}", &rest[..at]);
        rest = &rest[at + 1..];
        if let Some(end) = rest.strip_prefix('/') {
            let (name, behind) = end.split_once('>').expect("an end");
            assert_eq!(open.pop().as_deref(), Some(name), "elements overlap");
            rest = behind;
            continue;
        }
        let (tag, behind) = tag(rest);
        if !VOID.contains(&tag.name.as_str()) {
            open.push(tag.name.clone());
        }
        tags.push(tag);
        rest = behind;
    }
    assert!(open.is_empty(), "{open:?} is never closed");
    tags
}

/// The names of elements and attributes alone: what no value may change.
pub(super) fn skeleton(html: &str) -> Vec<String> {
    let names = |tag: Tag| {
        let attributes = tag.attributes.into_iter().map(|(name, _)| name);
        [tag.name].into_iter().chain(attributes).collect::<Vec<_>>().join(" ")
    };
    tags(html).into_iter().map(names).collect()
}

fn tag(text: &str) -> (Tag, &str) {
    let name: String = text.chars().take_while(char::is_ascii_alphanumeric).collect();
    assert!(!name.is_empty(), "no element begins with {:?}", &text[..text.len().min(20)]);
    let mut rest = &text[name.len()..];
    let mut attributes = Vec::new();
    loop {
        if let Some(behind) = rest.strip_prefix('>') {
            return (Tag { name, attributes }, behind);
        }
        rest = rest.strip_prefix(' ').expect("one space before an attribute");
        let plain = |c: char| c.is_ascii_lowercase() || c == '-';
        let end = rest.find(|c: char| !plain(c)).expect("an end of the name");
        assert!(end > 0, "no attribute begins with {:?}", &rest[..rest.len().min(20)]);
        let attribute = rest[..end].to_owned();
        rest = &rest[end..];
        let mut value = "";
        if let Some(quoted) = rest.strip_prefix("=\"") {
            (value, rest) = quoted.split_once('"').expect("a closing quotation mark");
        }
        assert!(!value.contains(['<', '>']), "{attribute} holds markup: {value}");
        attributes.push((attribute, decode(value)));
    }
}

fn decode(value: &str) -> String {
    let text = value.replace("&lt;", "<").replace("&gt;", ">").replace("&#34;", "\"").replace("&#39;", "'");
    text.replace("&amp;", "&")
}
