//! The files of `examples/` that are part of the binary, so that the demo runs from any folder. Only their list: what is
//! in them is data.

/// Manifests, and the documents that they name.
pub(super) struct Files {
    /// TOML texts; together they are one manifest.
    pub(super) manifests: &'static [&'static str],
    /// File name and text of OpenAPI documents.
    pub(super) documents: &'static [(&'static str, &'static str)],
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
    ],
};
