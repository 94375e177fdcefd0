//! What the sentences on the pages depend on.

use grantor_core::environment::Issuer;
use grantor_core::secret::Stage;

use super::samples::frame;
use super::{gallery, pages};
use crate::pages::{ErrorPage, Frame, Pages, Shown};

fn in_frame(pages: &Pages, frame: Frame) -> String {
    let text = || Shown::text("x");
    let page = ErrorPage { frame, code: text(), text: text(), advice: text(), request_id: text() };
    pages.render(&page).html
}

#[test]
fn a_sandbox_says_that_nothing_is_real_and_production_does_not() {
    let pages = pages();
    let banner = "Sandbox: nothing here is real";
    assert!(in_frame(&pages, frame("x", Stage::Test)).contains(banner));
    assert!(!in_frame(&pages, frame("x", Stage::Live)).contains(banner));
}

#[test]
fn static_files_stand_below_the_path_of_the_issuer() {
    let pages = pages();
    let issuer: Issuer = "https://id.example.com/sandbox".parse().unwrap();
    let html = in_frame(&pages, Frame::new("x", Stage::Live, &issuer));
    assert!(html.contains("href=\"/sandbox/static/") && !html.contains("=\"/static/"), "{html}");
}

#[test]
fn consent_says_how_long_it_lasts_and_whether_the_name_is_proven() {
    let samples = gallery::gallery(&pages());
    let page = |name: &str| &samples.iter().find(|sample| sample.name == name).unwrap().html;
    assert!(page("consent").contains("This lasts for 30 days, or until you withdraw it."));
    assert!(!page("consent").contains("Anyone may use this name."));
    assert!(page("consent-public").contains("This lasts until you withdraw it."));
    assert!(page("consent-public").contains("Anyone may use this name."));
}

#[test]
fn a_page_without_optional_parts_does_not_speak_of_them() {
    let samples = gallery::gallery(&pages());
    let page = |name: &str| &samples.iter().find(|sample| sample.name == name).unwrap().html;
    for absent in ["to continue to", "login-signup", "notice", "name=\"verify\"", ">None<"] {
        assert!(!page("login-plain").contains(absent), "{absent}");
    }
    assert!(!page("signup-plain").contains("signup-name"));
}
