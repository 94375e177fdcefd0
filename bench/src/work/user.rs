//! Work that is about people: codes redeemed, refresh tokens rotated, passwords checked.

use anyhow::Result;
use bytes::Bytes;

use super::{WRONG, fixed};
use crate::ceiling::{Algorithm, CLIENTS, PASSWORD, client_id, client_secret};
use crate::check::Check;
use crate::contract::Contract;
use crate::grantor::api_signing_with;
use crate::load::pick;
use crate::person;
use crate::requests::{basic, get, post_form};
use crate::side::{Mint, Question, Supply};
use crate::target::Target;

/// Connections of a run with passwords: enough to keep the hashing thread busy, fewer than may wait for it.
pub(super) const PASSWORD_CONNECTIONS: usize = 8;

/// What a side of such work consists of.
pub(super) type Parts = (Supply, Check, Option<Bytes>);

const SIGNED: Check = Check::Signed(Algorithm::Es256);

/// Codes of the ceiling.
pub(super) fn ceiling_codes(home: &Target) -> Result<Mint> {
    let question = Question::Redeem {
        target: Target::new(home.address(), "/oauth/token")?,
        caller: ceiling_caller(),
        redirect_uri: "http://127.0.0.1/callback".to_owned(),
    };
    Ok(Mint { request: get(&Target::new(home.address(), "/code")?, &[]), pick: pick::code, question })
}

/// A password at the ceiling.
pub(super) fn ceiling_password(home: &Target) -> Result<Parts> {
    let target = Target::new(home.address(), "/oauth/token")?;
    let request = |password| password_request(&target, &ceiling_caller(), ("somebody", password), "");
    Ok((fixed(request(PASSWORD)), SIGNED, Some(request(WRONG))))
}

fn ceiling_caller() -> String {
    basic(&client_id(CLIENTS / 2), &client_secret(CLIENTS / 2))
}

/// Codes of the demo's end user for the API's app, after one log-in and one consent.
pub(super) async fn codes(home: &Target, contract: &Contract) -> Result<Mint> {
    let api = contract.api(api_signing_with(Algorithm::Es256))?;
    let app = api.client_with("authorization_code")?;
    let question = Question::Redeem {
        target: Target::parse(&api.token_endpoint)?,
        caller: basic(&app.client_id, &app.client_secret),
        redirect_uri: app.redirect_uri()?.to_owned(),
    };
    let request = person::authorization(home, app, contract.end_user()?, &api.scopes("user")).await?;
    Ok(Mint { request, pick: pick::code, question })
}

/// The demo's end user by the password grant.
pub(super) fn password(contract: &Contract) -> Result<Parts> {
    let api = contract.api(api_signing_with(Algorithm::Es256))?;
    let (app, user) = (api.client_with("password")?, contract.end_user()?);
    let (target, scope) = (Target::parse(&api.token_endpoint)?, api.scopes("user"));
    let caller = basic(&app.client_id, &app.client_secret);
    let request = |password| password_request(&target, &caller, (&user.email, password), &scope);
    Ok((fixed(request(&user.password)), SIGNED, Some(request(WRONG))))
}

fn password_request(target: &Target, caller: &str, (name, password): (&str, &str), scope: &str) -> Bytes {
    let mut form = vec![("grant_type", "password"), ("username", name), ("password", password)];
    if !scope.is_empty() {
        form.push(("scope", scope));
    }
    post_form(target, &[("authorization", caller)], &form)
}

/// A rotation with a token that nobody was given.
pub(super) fn forged_refresh(mint: &Mint) -> Option<Bytes> {
    let Question::Redeem { target, caller, .. } = &mint.question else { return None };
    let form = [("grant_type", "refresh_token"), ("refresh_token", WRONG)];
    Some(post_form(target, &[("authorization", caller)], &form))
}
