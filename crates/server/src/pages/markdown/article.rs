//! The articles of the documentation as HTML: Markdown of our own templates, in which every value is escaped. Raw HTML is text
//! here, too, so a theme that replaces a template cannot bring a script.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd, html};

use super::SafeHtml;

/// Renders an article. Headings get ids to be linked to, tables become cards on a phone, and what may be wider than the
/// page can be reached and moved with the keyboard.
pub fn render_article(markdown: &str) -> SafeHtml {
    let mut writer = Writer::default();
    let mut rendered = String::with_capacity(markdown.len() * 2);
    let events = Parser::new_ext(markdown, Options::ENABLE_TABLES);
    let events: Vec<Event<'_>> = events.flat_map(|event| writer.write(event)).collect();
    html::push_html(&mut rendered, events.into_iter());
    SafeHtml(rendered)
}

/// What has been seen of the article so far.
#[derive(Default)]
struct Writer {
    ids: Vec<String>,
    heading: Option<Heading>,
    table: Option<Table>,
    links: Vec<bool>,
}

/// A heading whose words are still being read: its id is made of them.
struct Heading {
    level: usize,
    words: String,
    inside: Vec<Event<'static>>,
}

/// A table that is being written.
#[derive(Default)]
struct Table {
    columns: Vec<String>,
    in_head: bool,
    column: usize,
}

impl Writer {
    fn write<'a>(&mut self, event: Event<'a>) -> Vec<Event<'a>> {
        if self.heading.is_some() {
            return self.within_heading(event);
        }
        if let (Some(table), Event::Text(words) | Event::Code(words)) = (&mut self.table, &event)
            && table.in_head
            && let Some(column) = table.columns.last_mut()
        {
            column.push_str(words);
        }
        match event {
            Event::Html(text) | Event::InlineHtml(text) => vec![Event::Text(text)],
            Event::Start(Tag::HtmlBlock) => vec![Event::Start(Tag::Paragraph)],
            Event::End(TagEnd::HtmlBlock) => vec![Event::End(TagEnd::Paragraph)],
            Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) | Event::Rule => Vec::new(),
            Event::HardBreak => vec![Event::SoftBreak],
            Event::Start(Tag::Heading { level, .. }) => {
                let heading = Heading { level: level as usize, words: String::new(), inside: Vec::new() };
                self.heading = Some(heading);
                Vec::new()
            }
            Event::Start(Tag::Link { dest_url, .. }) => {
                let good = is_own(&dest_url);
                self.links.push(good);
                if good { raw(format!("<a href=\"{}\">", escaped(&dest_url))) } else { Vec::new() }
            }
            Event::End(TagEnd::Link) => {
                if self.links.pop().unwrap_or(false) {
                    raw("</a>".to_owned())
                } else {
                    Vec::new()
                }
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                let known = info.bytes().all(|byte| byte.is_ascii_lowercase()) && !info.is_empty();
                let class = if known { format!(" class=\"language-{info}\"") } else { String::new() };
                raw(format!("<pre tabindex=\"0\"><code{class}>"))
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)) => {
                raw("<pre tabindex=\"0\"><code>".to_owned())
            }
            Event::End(TagEnd::CodeBlock) => raw("</code></pre>\n".to_owned()),
            other => self.table_event(other),
        }
    }

    fn within_heading<'a>(&mut self, event: Event<'a>) -> Vec<Event<'a>> {
        let Some(heading) = &mut self.heading else { return Vec::new() };
        match &event {
            Event::End(TagEnd::Heading(_)) => {}
            Event::Text(words) | Event::Code(words) => {
                heading.words.push_str(words);
                heading.inside.push(event.into_static());
                return Vec::new();
            }
            // Nothing but words and code stands in a heading.
            _ => return Vec::new(),
        }
        let Some(Heading { level, words, inside }) = self.heading.take() else { return Vec::new() };
        // The page has one of the first level, and it is nobody's target.
        let id = if level == 1 { String::new() } else { format!(" id=\"{}\"", self.new_id(&words)) };
        let begin = Event::Html(format!("<h{level}{id}>").into());
        let end = Event::Html(format!("</h{level}>\n").into());
        [begin].into_iter().chain(inside).chain([end]).collect()
    }

    fn table_event<'a>(&mut self, event: Event<'a>) -> Vec<Event<'a>> {
        if let Event::Start(Tag::Table(_)) = event {
            self.table = Some(Table::default());
            let name = self.ids.last().map(|id| format!(" aria-labelledby=\"{id}\"")).unwrap_or_default();
            return raw(format!(
                "<div class=\"scroll across\" role=\"region\" tabindex=\"0\"{name}><table role=\"table\">"
            ));
        }
        let Some(table) = &mut self.table else { return vec![event] };
        raw(match event {
            Event::End(TagEnd::Table) => {
                self.table = None;
                "</tbody></table></div>\n".to_owned()
            }
            Event::Start(Tag::TableHead) => {
                table.in_head = true;
                "<thead role=\"rowgroup\"><tr role=\"row\">".to_owned()
            }
            Event::End(TagEnd::TableHead) => {
                table.in_head = false;
                "</tr></thead>\n<tbody role=\"rowgroup\">".to_owned()
            }
            Event::Start(Tag::TableRow) => {
                table.column = 0;
                "<tr role=\"row\">".to_owned()
            }
            Event::End(TagEnd::TableRow) => "</tr>\n".to_owned(),
            Event::Start(Tag::TableCell) if table.in_head => {
                table.columns.push(String::new());
                "<th role=\"columnheader\" scope=\"col\">".to_owned()
            }
            // The first cell names its row.
            Event::Start(Tag::TableCell) if table.column == 0 => {
                "<th role=\"rowheader\" scope=\"row\">".to_owned()
            }
            Event::Start(Tag::TableCell) => {
                let label = table.columns.get(table.column).map_or("", String::as_str);
                format!("<td role=\"cell\" data-label=\"{}\"><span>", escaped(label))
            }
            Event::End(TagEnd::TableCell) => {
                let names = table.in_head || table.column == 0;
                table.column += 1;
                if names { "</th>" } else { "</span></td>" }.to_owned()
            }
            other => return vec![other],
        })
    }

    /// Letters and digits of a heading, joined by hyphens; a number behind it where the article has it already.
    fn new_id(&mut self, words: &str) -> String {
        let mut id = String::new();
        for c in words.chars() {
            match c.to_ascii_lowercase() {
                c if c.is_ascii_alphanumeric() => id.push(c),
                _ if id.is_empty() || id.ends_with('-') => {}
                _ => id.push('-'),
            }
        }
        let id = id.trim_end_matches('-');
        let id = if id.is_empty() { "section" } else { id };
        let twins = self.ids.iter().filter(|known| known.as_str() == id).count();
        let unique = match twins {
            0 => id.to_owned(),
            _ => (2..)
                .map(|number| format!("{id}-{number}"))
                .find(|candidate| !self.ids.contains(candidate))
                .unwrap_or_default(),
        };
        self.ids.push(unique.clone());
        unique
    }
}

fn raw<'a>(html: String) -> Vec<Event<'a>> {
    vec![Event::Html(html.into())]
}

/// A path of this server or a place in the article; never another server, never a scheme.
fn is_own(dest: &str) -> bool {
    let within = dest.starts_with('#') || (dest.starts_with('/') && !dest.starts_with("//"));
    within && dest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&#34;")
}
