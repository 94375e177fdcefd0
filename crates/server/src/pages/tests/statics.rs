//! The static files.

use super::gallery::gallery;
use super::markup::tags;
use super::pages;

#[test]
fn every_file_that_a_page_names_is_there_and_no_other() {
    let pages = pages();
    let mut names = std::collections::BTreeSet::new();
    for sample in gallery(&pages) {
        for tag in tags(&sample.html) {
            let address = tag.get("src").or(tag.get("href")).unwrap_or("");
            names.extend(address.strip_prefix("/static/").map(str::to_owned));
        }
    }
    assert_eq!(names.len(), 4, "{names:?}");
    for name in &names {
        let asset = pages.asset(name).unwrap();
        assert!(asset.bytes.len() < 32 * 1024, "{name}");
        assert!(name.starts_with(asset.etag.to_str().unwrap().trim_matches('"')), "{name}");
    }
    for name in ["", "grantor.css", "../Cargo.toml", "%2e%2e/x", "00000000-grantor.css"] {
        assert!(pages.asset(name).is_none(), "{name}");
    }
}

#[test]
fn words_can_be_read_in_both_schemes() {
    let css = std::str::from_utf8(crate::pages::files::CSS).unwrap();
    let block = |begin: &str| css.split_once(begin).unwrap().1.split_once('}').unwrap().0;
    let light = block(":root {");
    let dark = block("@media (prefers-color-scheme: dark) {\n  :root {");
    // WCAG 2.2, 1.4.3: words need 4.5 to 1; 1.4.11: the border of a field needs 3 to 1.
    let words = [
        ("text", "page card sunken"),
        ("quiet", "page card sunken"),
        ("accent", "page card sunken"),
        ("accent-strong", "page card sunken"),
        ("on-accent", "accent accent-strong"),
        ("error", "error-back"),
        ("warning", "warning-back"),
        ("info", "info-back sunken"),
    ];
    for scheme in [light, dark] {
        for (front, backs) in words {
            for back in backs.split(' ') {
                let contrast = contrast(scheme, front, back);
                assert!(contrast >= 4.5, "{front} on {back}: {contrast:.2}");
            }
        }
        assert!(contrast(scheme, "field-line", "card") >= 3.0);
    }
}

/// The ratio of WCAG 2.2 between two colours of a block.
fn contrast(block: &str, front: &str, back: &str) -> f64 {
    let luminance = |name: &str| {
        let colour = block.split_once(&format!("--{name}: #")).unwrap().1.split_once(';').unwrap().0;
        let colour = u32::from_str_radix(colour, 16).unwrap();
        let linear = |shift: u32| {
            let part = f64::from((colour >> shift) & 0xff) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(16) + 0.7152 * linear(8) + 0.0722 * linear(0)
    };
    let (front, back) = (luminance(front), luminance(back));
    (front.max(back) + 0.05) / (front.min(back) + 0.05)
}

#[test]
fn a_file_is_kept_for_a_year_and_runs_nothing_by_itself() {
    let pages = pages();
    let css = pages.assets.names();
    let name = serde_json::to_value(css).unwrap()["css"].as_str().unwrap().to_owned();
    let headers = pages.asset(&name).unwrap().headers();
    let value = |name: &str| headers.iter().find(|(known, _)| known == name).unwrap().1.to_str().unwrap();
    assert_eq!(value("content-type"), "text/css; charset=utf-8");
    assert_eq!(value("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(value("x-content-type-options"), "nosniff");
    assert!(value("content-security-policy").starts_with("default-src 'none';"));
}
