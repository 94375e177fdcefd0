//! The files of `examples/` that are part of the binary, so that the demo runs from any folder. Only their list: what is
//! in them is data.

use anyhow::Context as _;

/// Manifests, and the documents that they name.
pub(super) struct Files {
    /// TOML texts; together they are one manifest.
    pub(super) manifests: &'static [&'static str],
    /// File name and text of what they name: OpenAPI documents, and texts that people accept.
    pub(super) documents: &'static [(&'static str, &'static str)],
}

impl Files {
    /// The text of a file that a manifest names.
    ///
    /// # Errors
    /// There is none of this name.
    pub(super) fn text(&self, file: &str) -> anyhow::Result<&'static str> {
        let found = self.documents.iter().find(|(known, _)| *known == file);
        found.map(|(_, text)| *text).with_context(|| format!("there is no file {file}"))
    }
}

macro_rules! example {
    ($path:literal) => {
        include_str!(concat!("../../../../examples/", $path))
    };
}

/// All of them.
pub(super) const FILES: &Files = &Files {
    manifests: &[
        example!("profiles/payments.toml"),
        example!("profiles/channel.toml"),
        example!("profiles/assets.toml"),
        example!("profiles/deals.toml"),
        example!("profiles/banking.toml"),
        example!("demo/demo.toml"),
    ],
    documents: &[
        ("payments.openapi.json", example!("demo/payments.openapi.json")),
        ("channel.openapi.json", example!("demo/channel.openapi.json")),
        ("assets.openapi.json", example!("demo/assets.openapi.json")),
        ("deals.openapi.json", example!("demo/deals.openapi.json")),
        ("banking.openapi.json", example!("demo/banking.openapi.json")),
        ("terms.en.md", example!("demo/terms.en.md")),
        ("terms.de.md", example!("demo/terms.de.md")),
        ("data-protection.en.md", example!("demo/data-protection.en.md")),
        ("data-protection.de.md", example!("demo/data-protection.de.md")),
    ],
};
