//! A page as a browser holds it: the elements that can be found, filled and sent. The reader understands HTML as our own
//! templates write it and panics at anything else, because that would be a defect of a template.

use reqwest::Url;
use reqwest::header::HeaderMap;

/// Elements without an end tag (HTML 13.1.2).
const VOID: [&str; 6] = ["br", "hr", "img", "input", "link", "meta"];

/// One page, with what somebody has typed into it.
pub struct Page {
    /// The status that it came with.
    pub status: u16,
    /// Where it was found, after redirects.
    pub url: Url,
    /// The headers that it came with.
    pub headers: HeaderMap,
    /// The document as it came.
    pub html: String,
    elements: Vec<Element>,
}

/// An element, in the order of the document.
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    /// All text inside, also that of elements inside.
    text: String,
    parent: Option<usize>,
}

impl Element {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }

    fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.attributes.push((name.to_owned(), value.to_owned()));
    }

    fn remove(&mut self, name: &str) {
        self.attributes.retain(|(known, _)| known != name);
    }
}

/// What a form sends, and where.
pub(crate) struct Filled {
    /// As it stands in the page.
    pub(crate) action: String,
    /// Names and values in the order of the page.
    pub(crate) fields: Vec<(String, String)>,
}

/// Whether the browser holds a form back that misses a required field, as browsers do (HTML 4.10.21.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checks {
    /// It does.
    Made,
    /// Somebody without such a browser sends it.
    LeftOut,
}

impl Page {
    pub(crate) fn read(status: u16, url: Url, headers: HeaderMap, html: String) -> Self {
        let elements = elements(&html);
        Self { status, url, headers, html, elements }
    }

    /// Its path, below the origin.
    pub fn path(&self) -> &str {
        self.url.path()
    }

    /// Whether there is an element of this id.
    pub fn has(&self, id: &str) -> bool {
        self.find(id).is_some()
    }

    /// The text of an element; empty if there is none of this id.
    pub fn text_of(&self, id: &str) -> &str {
        self.find(id).map_or("", |at| self.elements[at].text.as_str())
    }

    /// An attribute of an element.
    pub fn attribute(&self, id: &str, name: &str) -> Option<&str> {
        self.elements[self.must_find(id)].attribute(name)
    }

    /// All text of the page.
    pub fn text(&self) -> &str {
        self.elements.first().map_or("", |root| root.text.as_str())
    }

    /// The ids of all elements whose id begins so, in the order of the page.
    pub fn ids(&self, beginning: &str) -> Vec<String> {
        let ids = self.elements.iter().filter_map(|element| element.attribute("id"));
        ids.filter(|id| id.starts_with(beginning)).map(str::to_owned).collect()
    }

    /// The ids that something on the page names, by `for`, `aria-labelledby` or `aria-describedby`, and that are not there.
    pub fn dangling_ids(&self) -> Vec<String> {
        let named = self.elements.iter().flat_map(|element| {
            ["for", "aria-labelledby", "aria-describedby"].iter().filter_map(|name| element.attribute(name))
        });
        let each = named.flat_map(str::split_whitespace);
        each.filter(|id| !self.has(id)).map(str::to_owned).collect()
    }

    fn find(&self, id: &str) -> Option<usize> {
        self.elements.iter().position(|element| element.attribute("id") == Some(id))
    }

    fn must_find(&self, id: &str) -> usize {
        self.find(id)
            .unwrap_or_else(|| panic!("no element {id} at {} ({}): {}", self.url, self.status, self.text()))
    }

    /// Types into a field, over what stands there.
    pub(crate) fn fill(&mut self, id: &str, value: &str) {
        let at = self.must_find(id);
        let element = &mut self.elements[at];
        let kind = element.attribute("type").unwrap_or("text");
        assert!(
            element.name == "input" && matches!(kind, "text" | "email" | "password"),
            "{id} takes no text"
        );
        assert!(!element.has("disabled"), "{id} cannot be changed");
        element.set("value", value);
    }

    /// Ticks a box, or one of several that exclude each other.
    pub(crate) fn tick(&mut self, id: &str) {
        let at = self.box_of(id);
        let (kind, name) = {
            let element = &self.elements[at];
            (element.attribute("type").map(str::to_owned), element.attribute("name").map(str::to_owned))
        };
        if kind.as_deref() == Some("radio") {
            let others = self.elements.iter_mut().filter(|other| other.attribute("type") == Some("radio"));
            for other in others.filter(|other| other.attribute("name") == name.as_deref()) {
                other.remove("checked");
            }
        }
        self.elements[at].set("checked", "");
    }

    /// Takes a tick away.
    pub(crate) fn untick(&mut self, id: &str) {
        let at = self.box_of(id);
        self.elements[at].remove("checked");
    }

    fn box_of(&self, id: &str) -> usize {
        let at = self.must_find(id);
        let element = &self.elements[at];
        assert!(matches!(element.attribute("type"), Some("checkbox" | "radio")), "{id} takes no tick");
        assert!(!element.has("disabled"), "{id} cannot be changed");
        at
    }

    /// Where a link leads.
    pub(crate) fn link(&self, id: &str) -> &str {
        self.attribute(id, "href").unwrap_or_else(|| panic!("{id} is no link"))
    }

    /// What is sent when a button is pressed.
    pub(crate) fn press(&self, id: &str, checks: Checks) -> Filled {
        let button = self.must_find(id);
        let pressed = &self.elements[button];
        let submits = pressed.name == "button" && pressed.attribute("type") == Some("submit");
        assert!(submits && !pressed.has("disabled"), "{id} sends nothing");
        let form = self.form_of(button).unwrap_or_else(|| panic!("{id} stands in no form"));
        let mut fields = Vec::new();
        for (at, element) in self.elements.iter().enumerate() {
            let inside = self.form_of(at) == Some(form) && !element.has("disabled");
            if !inside || (element.name == "button" && at != button) {
                continue;
            }
            let sent = self.value(element);
            if checks == Checks::Made && !pressed.has("formnovalidate") && element.has("required") {
                let filled = sent.as_deref().is_some_and(|value| !value.is_empty());
                let which = element.attribute("id").unwrap_or("a field");
                assert!(filled, "a browser holds the form back: {which} is required");
            }
            if let Some((name, value)) = element.attribute("name").zip(sent) {
                fields.push((name.to_owned(), value));
            }
        }
        let action = self.elements[form].attribute("action").unwrap_or("").to_owned();
        assert_eq!(self.elements[form].attribute("method"), Some("post"), "our forms are posted");
        Filled { action, fields }
    }

    fn value(&self, element: &Element) -> Option<String> {
        let value = element.attribute("value");
        match (element.name.as_str(), element.attribute("type").unwrap_or("text")) {
            ("input", "checkbox" | "radio") => {
                element.has("checked").then(|| value.unwrap_or("on").to_owned())
            }
            ("input" | "button", _) => Some(value.unwrap_or("").to_owned()),
            ("select" | "textarea", _) => panic!("the reader does not know {}", element.name),
            _ => None,
        }
    }

    fn form_of(&self, at: usize) -> Option<usize> {
        let mut above = self.elements[at].parent;
        while let Some(one) = above {
            if self.elements[one].name == "form" {
                return Some(one);
            }
            above = self.elements[one].parent;
        }
        None
    }
}

fn elements(html: &str) -> Vec<Element> {
    let mut elements: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut rest = html;
    while !rest.is_empty() {
        let Some(inside) = rest.strip_prefix('<') else {
            let (text, after) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
            let text = decoded(text);
            open.iter().for_each(|at| elements[*at].text.push_str(&text));
            rest = after;
            continue;
        };
        let (tag, after) = tag(inside);
        rest = after;
        if tag.starts_with('!') {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            let last = open.pop().map(|at| elements[at].name.clone());
            assert_eq!(last.as_deref(), Some(name.trim()), "the elements of a page lie within each other");
            continue;
        }
        let (name, attributes) = tag.split_at(tag.find(char::is_whitespace).unwrap_or(tag.len()));
        let element = Element {
            name: name.to_owned(),
            attributes: attributes_of(attributes),
            text: String::new(),
            parent: open.last().copied(),
        };
        if !VOID.contains(&name) {
            open.push(elements.len());
        }
        elements.push(element);
    }
    assert!(open.is_empty(), "every element of a page ends");
    elements
}

/// A tag without its brackets, and what follows it. A `>` in quotes ends none.
fn tag(inside: &str) -> (&str, &str) {
    let mut quoted = false;
    for (at, sign) in inside.char_indices() {
        match sign {
            '"' => quoted = !quoted,
            '>' if !quoted => return (&inside[..at], &inside[at + 1..]),
            _ => {}
        }
    }
    panic!("a tag of a page does not end")
}

/// `name`, or `name="value"`.
fn attributes_of(mut text: &str) -> Vec<(String, String)> {
    let mut attributes = Vec::new();
    loop {
        text = text.trim_start();
        if text.is_empty() {
            return attributes;
        }
        let end = text.find(|sign: char| sign == '=' || sign.is_whitespace()).unwrap_or(text.len());
        let (name, after) = text.split_at(end);
        let (value, after) = match after.strip_prefix("=\"") {
            None => ("", after),
            Some(value) => value.split_once('"').expect("the quotes of an attribute end"),
        };
        assert!(!after.starts_with('='), "the values of attributes stand in double quotes");
        attributes.push((name.to_owned(), decoded(value)));
        text = after;
    }
}

/// The character references that our pages hold.
fn decoded(text: &str) -> String {
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let (name, after) = part.split_once(';').expect("a character reference ends");
        out.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            _ => {
                let number = name.strip_prefix('#').and_then(|number| match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16).ok(),
                    None => number.parse().ok(),
                });
                number.and_then(char::from_u32).unwrap_or_else(|| panic!("the reader does not know &{name};"))
            }
        });
        out.push_str(after);
    }
    out
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
