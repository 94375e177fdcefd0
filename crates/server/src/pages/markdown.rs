//! Markdown of operators (terms, policies) as HTML. There is no sanitizer, because nothing unsafe is ever written: raw HTML
//! is text, a link leads to `https` or `mailto`, pictures are left out.

mod article;

use minijinja::value::Value;
use pulldown_cmark::{
    Alignment, CodeBlockKind, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, html,
};
use serde::{Serialize, Serializer};

pub use self::article::render_article;

/// HTML that templates do not escape. Only [`render_markdown`] and [`render_article`] make it.
pub struct SafeHtml(String);

impl SafeHtml {
    /// The HTML.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for SafeHtml {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Value::from_safe_string(self.0.clone()).serialize(serializer)
    }
}

/// Renders CommonMark with tables. Headings begin at the third level: the page and the document have the first two.
pub fn render_markdown(markdown: &str) -> SafeHtml {
    let mut open_links = Vec::new();
    let events = Parser::new_ext(markdown, Options::ENABLE_TABLES);
    let mut rendered = String::with_capacity(markdown.len() * 3 / 2);
    html::push_html(&mut rendered, events.filter_map(|event| admit(event, &mut open_links)));
    SafeHtml(rendered)
}

/// What of an event is written. `open_links` says for each open link whether its beginning was.
fn admit<'a>(event: Event<'a>, open_links: &mut Vec<bool>) -> Option<Event<'a>> {
    Some(match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
        Event::Start(Tag::Link { link_type, dest_url, id, .. }) => {
            // Before an address in angle brackets the writer puts `mailto:` itself.
            let good = link_type == LinkType::Email || is_harmless(&dest_url);
            open_links.push(good);
            if !good {
                return None;
            }
            Event::Start(Tag::Link { link_type, dest_url, title: "".into(), id })
        }
        Event::End(TagEnd::Link) => open_links.pop().unwrap_or(false).then_some(Event::End(TagEnd::Link))?,
        // The words that stand for the picture stay.
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => return None,
        Event::Start(Tag::Heading { level, .. }) => Event::Start(Tag::Heading {
            level: lower(level),
            id: None,
            classes: Vec::new(),
            attrs: Vec::new(),
        }),
        Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(lower(level))),
        // The words behind the fence would become a class, the alignment of a column a style.
        Event::Start(Tag::CodeBlock(_)) => Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)),
        Event::Start(Tag::Table(columns)) => Event::Start(Tag::Table(vec![Alignment::None; columns.len()])),
        other => other,
    })
}

/// `dest` is what the parser decoded: escapes and entities are gone. Schemes have no case (RFC 3986 3.1).
fn is_harmless(dest: &str) -> bool {
    let scheme = dest.split_once(':').map_or("", |(scheme, _)| scheme);
    let known = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("mailto");
    known && !dest.contains(char::is_control)
}

fn lower(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H3,
        HeadingLevel::H2 => HeadingLevel::H4,
        HeadingLevel::H3 => HeadingLevel::H5,
        _ => HeadingLevel::H6,
    }
}
