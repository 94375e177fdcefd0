//! Documents that users accept, and who accepted them. They belong to the provider or to a tenant, not to an environment.

use std::collections::BTreeMap;

use ::http::StatusCode;
use axum::extract::Path;
use axum::response::Response;
use grantor_core::document::{Document, DocumentText};
use grantor_core::name::Name;
use grantor_core::publication::NewVersion;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Admin, Body, Problem, answer, tenants, users, view};
use crate::flow::document::{self, OnBehalf};
use crate::flow::{Fault, FlowError};
use crate::moment::Moment;
use crate::seconds::Seconds;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    kind: Name,
    #[serde(default)]
    tenant: Option<String>,
    version: Version,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Version {
    #[serde(default)]
    number: Option<i64>,
    #[serde(default)]
    effective_at: Option<Moment>,
    #[serde(default)]
    grace: Seconds,
    texts: BTreeMap<String, DocumentText>,
}

impl From<Version> for NewVersion {
    fn from(version: Version) -> Self {
        Self {
            number: version.number,
            effective_at: version.effective_at.map(|at| at.0),
            // More than fits is more than a year, and refused as that.
            grace_seconds: i64::try_from(version.grace.0).unwrap_or(i64::MAX),
            texts: version.texts,
        }
    }
}

pub(super) async fn list(admin: Admin) -> Result<Response, Problem> {
    let documents = admin.node.store.documents().await.map_err(Fault::from)?;
    let owners = documents.iter().filter_map(|document| document.tenant);
    let names = tenants::names(&admin, owners).await?;
    let items: Vec<Value> = documents
        .iter()
        .map(|document| view::document(document, document.tenant.map(|tenant| names[&tenant].as_str())))
        .collect();
    Ok(answer(StatusCode::OK, &json!({ "items": items })))
}

pub(super) async fn create(admin: Admin, Body(body): Body<Create>) -> Result<Response, Problem> {
    let tenant = match &body.tenant {
        Some(name) => Some(tenants::find(&admin, name).await?),
        None => None,
    };
    let owner = tenant.as_ref().map(|tenant| tenant.id);
    let made =
        document::create(&admin.node, &admin.actor, body.kind, owner, body.version.into()).await.map_err(
            |error| taken(error, "There is a document of this kind already. Publish a version of it."),
        )?;
    let name = tenant.as_ref().map(|tenant| tenant.name.as_str());
    Ok(answer(StatusCode::CREATED, &view::document(&made, name)))
}

/// One document with its texts.
pub(super) async fn show(admin: Admin, Path(id): Path<String>) -> Result<Response, Problem> {
    let found = find(&admin, &id).await?;
    let mut body = shown(&admin, &found).await?;
    for (shown, version) in body["versions"].as_array_mut().into_iter().flatten().zip(&found.versions) {
        shown["texts"] = json!(version.texts);
    }
    Ok(answer(StatusCode::OK, &body))
}

pub(super) async fn publish(
    admin: Admin,
    Path(id): Path<String>,
    Body(body): Body<Version>,
) -> Result<Response, Problem> {
    let found = find(&admin, &id).await?;
    let now = document::publish_version(&admin.node, &admin.actor, &found, body.into())
        .await
        .map_err(|error| taken(error, "A version with this number has been published meanwhile."))?;
    Ok(answer(StatusCode::OK, &shown(&admin, &now).await?))
}

fn taken(error: FlowError, text: &str) -> Problem {
    match error {
        FlowError::Fault(Fault::Duplicate) => Problem::conflict(text),
        other => other.into(),
    }
}

async fn find(admin: &Admin, id: &str) -> Result<Document, Problem> {
    let found = document::find(&admin.node, id).await?;
    found.ok_or_else(|| Problem::not_found("There is no such document."))
}

async fn shown(admin: &Admin, document: &Document) -> Result<Value, Problem> {
    let names = tenants::names(admin, document.tenant.into_iter()).await?;
    Ok(view::document(document, document.tenant.map(|tenant| names[&tenant].as_str())))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Accept {
    document: String,
    #[serde(default)]
    tenant: Option<String>,
    version: i64,
    evidence: String,
}

/// What a user has accepted, for every tenant.
pub(super) async fn acceptances(
    admin: Admin,
    Path((environment, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (_, user) = users::find(&admin, &environment, &id).await?;
    let store = &admin.node.store;
    let rows = store.acceptances(user.id).await.map_err(Fault::from)?;
    let documents = store.documents().await.map_err(Fault::from)?;
    let names = tenants::names(&admin, rows.iter().filter_map(|row| row.tenant)).await?;
    let items: Vec<Value> = rows
        .iter()
        .filter_map(|row| {
            let document = documents.iter().find(|document| document.id == row.document)?;
            Some(view::acceptance(document, row, row.tenant.map(|tenant| names[&tenant].as_str())))
        })
        .collect();
    Ok(answer(StatusCode::OK, &json!({ "items": items })))
}

/// Records what was accepted elsewhere, for example on paper.
pub(super) async fn accept(
    admin: Admin,
    Path((environment, id)): Path<(String, String)>,
    Body(body): Body<Accept>,
) -> Result<Response, Problem> {
    let (_, user) = users::find(&admin, &environment, &id).await?;
    let tenant = match &body.tenant {
        Some(name) => Some(tenants::find(&admin, name).await?),
        None => None,
    };
    let call = OnBehalf {
        user: &user,
        tenant: tenant.as_ref().map(|tenant| tenant.id),
        document: &body.document,
        version: body.version,
        evidence: &body.evidence,
    };
    let (document, acceptance) = document::accept_on_behalf(&admin.node, &admin.actor, &call).await?;
    let name = tenant.as_ref().map(|tenant| tenant.name.as_str());
    Ok(answer(StatusCode::CREATED, &view::acceptance(&document, &acceptance, name)))
}
