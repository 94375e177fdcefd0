use super::*;

const FORM: &str = r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A &amp; B</title></head>
<body><p id="greeting" class="a > b">Hello, <b>Ann &#39;X&#x27; &lt;</b></p>
<form method="post" action="/go">
  <input type="hidden" name="csrf" value="p&quot;">
  <label for="mail">Mail</label><input id="mail" name="email" type="email" value="" required>
  <input id="one" type="checkbox" name="scope" value="a" checked disabled>
  <input id="two" type="checkbox" name="scope" value="b" checked>
  <input id="left" type="radio" name="side" value="l" checked><input id="right" type="radio" name="side" value="r">
  <p><button id="yes" type="submit" name="decision" value="y">Yes</button>
  <button id="no" type="submit" name="decision" value="n" formnovalidate>No</button></p>
</form>
<form method="post" action="/other"><input name="foreign" value="1"><label for="nobody">x</label></form></body></html>
"#;

fn page() -> Page {
    Page::read(200, "http://a.test/x".parse().unwrap(), HeaderMap::new(), FORM.to_owned())
}

fn sent(page: &Page, id: &str) -> Vec<(String, String)> {
    page.press(id, Checks::Made).fields
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn text_and_attributes_are_decoded_and_found_by_id() {
    let page = page();
    assert_eq!(page.text_of("greeting"), "Hello, Ann 'X' <");
    assert_eq!(page.attribute("greeting", "class"), Some("a > b"));
    assert!(page.has("mail") && !page.has("greetings"));
    assert!(page.text().contains("A & B"));
    assert_eq!(page.ids("l"), ["left"]);
    assert_eq!(page.dangling_ids(), ["nobody"]);
}

#[test]
fn a_form_sends_what_is_in_it_and_the_button_that_was_pressed() {
    let mut page = page();
    page.fill("mail", "ann@a.test");
    let expected =
        [("csrf", "p\""), ("email", "ann@a.test"), ("scope", "b"), ("side", "l"), ("decision", "y")];
    assert_eq!(sent(&page, "yes"), pairs(&expected));
    page.untick("two");
    page.tick("right");
    let expected = [("csrf", "p\""), ("email", "ann@a.test"), ("side", "r"), ("decision", "n")];
    assert_eq!(sent(&page, "no"), pairs(&expected));
    assert_eq!(page.press("no", Checks::Made).action, "/go");
}

#[test]
#[should_panic(expected = "mail is required")]
fn an_empty_required_field_holds_the_form_back() {
    page().press("yes", Checks::Made);
}

#[test]
fn a_button_without_validation_and_somebody_without_a_browser_send_it_all_the_same() {
    assert!(page().press("no", Checks::Made).fields.contains(&("email".to_owned(), String::new())));
    page().press("yes", Checks::LeftOut);
}

#[test]
#[should_panic(expected = "one cannot be changed")]
fn a_disabled_box_is_not_changed() {
    page().untick("one");
}

#[test]
#[should_panic(expected = "lie within each other")]
fn a_page_whose_elements_cross_is_a_defect() {
    elements("<p><b></p></b>");
}
