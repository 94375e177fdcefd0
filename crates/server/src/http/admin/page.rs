//! Pages of lists. A cursor says where the next page begins; it carries a tag of this installation over that place and over
//! the list with its tenant and filters, so that none is made up, and none is used for another question (security case K07).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use utoipa::IntoParams;

use super::answer::List;
use super::caller::Caller;
use super::problem::Problem;
use crate::flow::Fault;

/// Most entries of one page, and how many there are if nobody says.
const MOST: u16 = 200;
const USUAL: u16 = 50;

/// Bytes of a cursor's tag: guessed with one chance in 2^128.
const TAG: usize = 16;

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// `next` of the page before.
    #[serde(default)]
    cursor: Option<String>,
    /// Entries of one page.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u16>,
}

impl Page {
    /// A page of a list that is asked for with more than this.
    pub(super) fn of(cursor: Option<String>, limit: Option<u16>) -> Self {
        Self { cursor, limit }
    }
}

/// Which page, and of which tenant.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct PageOfTenant {
    /// `next` of the page before.
    #[serde(default)]
    cursor: Option<String>,
    /// Entries of one page.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u16>,
    /// Only what belongs to this tenant, by its name or GUID.
    #[serde(default)]
    pub(super) tenant: Option<String>,
}

impl PageOfTenant {
    /// The page of it.
    pub(super) fn page(&self) -> Page {
        Page::of(self.cursor.clone(), self.limit)
    }
}

/// A page of one list, to be filled.
pub(super) struct Window<'a> {
    caller: &'a Caller,
    question: Vec<String>,
    limit: u16,
    /// Where it begins: the key of the last entry of the page before.
    pub(super) after: Option<Vec<u8>>,
}

impl<'a> Window<'a> {
    /// A page of a list. `question` is the list and everything that it is narrowed by: environment, tenant, filters.
    ///
    /// # Errors
    /// A cursor that was not given for this question, a limit out of bounds.
    pub(super) fn open(caller: &'a Caller, page: &Page, question: &[&str]) -> Result<Self, Problem> {
        let limit = page.limit.unwrap_or(USUAL);
        if !(1..=MOST).contains(&limit) {
            return Err(Problem::bad(format!("limit is a number from 1 to {MOST}.")));
        }
        let mut question: Vec<String> = question.iter().map(|&part| part.to_owned()).collect();
        question.push(caller.only().map_or_else(String::new, |tenant| tenant.to_string()));
        let mut window = Self { caller, question, limit, after: None };
        if let Some(cursor) = &page.cursor {
            let bad = || Problem::bad("cursor is `next` of a page of this list, with the same filters.");
            window.after = Some(window.place(cursor).ok_or_else(bad)?);
        }
        Ok(window)
    }

    /// Where the page begins in a list that is ordered by a text; empty stands before all.
    ///
    /// # Errors
    /// Never for a cursor of ours.
    pub(super) fn after_text(&self) -> Result<String, Fault> {
        String::from_utf8(self.after.clone().unwrap_or_default()).map_err(|_| Fault::Internal)
    }

    /// Where the page begins in a list that is ordered by ids of 16 bytes; all zeros stand before all.
    ///
    /// # Errors
    /// Never for a cursor of ours.
    pub(super) fn after_id(&self) -> Result<[u8; 16], Fault> {
        self.after.as_deref().map_or(Ok([0; 16]), |bytes| bytes.try_into().map_err(|_| Fault::Internal))
    }

    /// How many entries the page has at most.
    pub(super) fn limit(&self) -> i64 {
        i64::from(self.limit)
    }

    /// How many rows to read: one more than are shown tells whether there is a next page.
    pub(super) fn rows(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// The rows of the page, and the cursor of the next one.
    pub(super) fn cut<T>(&self, mut rows: Vec<T>, key: impl Fn(&T) -> Vec<u8>) -> (Vec<T>, Option<String>) {
        let limit = usize::from(self.limit);
        if rows.len() <= limit {
            return (rows, None);
        }
        rows.truncate(limit);
        let next = rows.last().map(|last| self.cursor(&key(last)));
        (rows, next)
    }

    /// A page of what is held whole already.
    pub(super) fn of_whole<T, V>(
        &self,
        all: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> Vec<u8>,
        show: impl Fn(T) -> V,
    ) -> List<V> {
        let later = |one: &T| self.after.as_ref().is_none_or(|after| key(one) > *after);
        let rows = all.into_iter().filter(later).take(usize::from(self.limit) + 1).collect();
        let (rows, next) = self.cut(rows, &key);
        List { items: rows.into_iter().map(show).collect(), next }
    }

    fn tag(&self, place: &[u8]) -> [u8; 32] {
        let parts: Vec<&[u8]> = self.question.iter().map(String::as_bytes).chain([place]).collect();
        self.caller.node.vault.tag("cursor", &parts)
    }

    /// The cursor of the page that begins after a place.
    pub(super) fn cursor(&self, place: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode([&self.tag(place)[..TAG], place].concat())
    }

    fn place(&self, cursor: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (tag, place) = bytes.split_at_checked(TAG)?;
        let good = aws_lc_rs::constant_time::verify_slices_are_equal(&self.tag(place)[..TAG], tag).is_ok();
        good.then(|| place.to_vec())
    }
}
