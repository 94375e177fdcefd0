//! Programs to copy, one template for each language. Credentials come from the environment, never from the program.

use serde::Serialize;

use crate::pages::PlainUrl;

/// A program in one language.
#[derive(Serialize)]
pub struct Snippet {
    /// The language, for people.
    pub title: &'static str,
    /// The language, for programs that colour code.
    pub language: &'static str,
    /// The program.
    pub code: String,
}

/// What a program needs to know. All texts are addresses that are harmless in every language.
#[derive(Serialize)]
pub struct SnippetFacts {
    /// Where it gets a token for itself; nothing where it uses an API key.
    pub endpoint: Option<PlainUrl>,
    /// Whether its credentials go into the header rather than into the body.
    pub basic: bool,
    /// What it calls; nothing where the API has no operation that can be read without more.
    pub call: Option<PlainUrl>,
}

/// What the template of one language is told.
pub trait SnippetContext: Serialize {
    /// The file name of the template.
    const TEMPLATE: &'static str;
    /// The language, for people.
    const TITLE: &'static str;
    /// The language, for programs that colour code.
    const LANGUAGE: &'static str;
}

macro_rules! languages {
    ($($name:ident $template:literal $title:literal $language:literal;)*) => {$(
        #[doc = concat!("The program for ", $title, ".")]
        #[derive(Serialize)]
        #[serde(transparent)]
        pub struct $name<'a>(
            /// What it needs to know.
            pub &'a SnippetFacts,
        );

        impl SnippetContext for $name<'_> {
            const TEMPLATE: &'static str = concat!("docs/snippet_", $template, ".txt");
            const TITLE: &'static str = $title;
            const LANGUAGE: &'static str = $language;
        }
    )*};
}

languages! {
    Shell "curl" "curl" "sh";
    Node "node" "Node.js" "js";
    Python "python" "Python" "python";
    Go "go" "Go" "go";
    Java "java" "Java" "java";
    Rust "rust" "Rust" "rust";
    Php "php" "PHP" "php";
    Ruby "ruby" "Ruby" "ruby";
}
