//! Pages that ask which of several is meant.

use serde::Serialize;
use uuid::Uuid;

use super::PageContext;
use super::form::PageForm;
use super::frame::Frame;
use super::shown::Shown;

/// Asks which account to go on with. Fields: `account`, the reference of the chosen one, and `decision`, which is
/// `continue` or `other`.
#[derive(Serialize)]
pub struct ChooseAccount {
    /// What stands around the page.
    pub frame: Frame,
    /// Where the form goes.
    pub form: PageForm,
    /// The name of the app that asked, if one did.
    pub app: Option<Shown>,
    /// Who is signed in here, the latest first.
    pub accounts: Vec<Account>,
}

/// Somebody who is signed in.
#[derive(Serialize)]
pub struct Account {
    /// What the server knows the session by; the value of the field `account`.
    pub reference: String,
    /// The address of the account.
    pub email: Shown,
    /// What tells two sessions apart, such as when it began.
    pub label: Shown,
}

impl PageContext for ChooseAccount {
    const TEMPLATE: &'static str = "choose_account.html";
}

/// Asks for which organisation somebody acts. Field: `tenant`, the id of the chosen one.
#[derive(Serialize)]
pub struct ChooseTenant {
    /// What stands around the page.
    pub frame: Frame,
    /// Where the form goes.
    pub form: PageForm,
    /// The name of the app that asked, if one did.
    pub app: Option<Shown>,
    /// Where the person is a member.
    pub tenants: Vec<TenantChoice>,
}

/// An organisation to choose.
#[derive(Serialize)]
pub struct TenantChoice {
    /// Its id; the value of the field `tenant`.
    pub id: Uuid,
    /// Its title.
    pub title: Shown,
}

impl PageContext for ChooseTenant {
    const TEMPLATE: &'static str = "choose_tenant.html";
}
