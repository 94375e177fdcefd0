//! What a handler takes and gives, read off its types for the document: an operation cannot be described other than it is.
//!
//! The document is made by a test, which fails while the committed one is another, and the committed one is served: of the
//! making nothing is in the binary.

use std::future::Future;

use axum::extract::{Path, Query};
#[cfg(test)]
use serde_json::{Map, Value, json};
#[cfg(test)]
use utoipa::PartialSchema;
#[cfg(test)]
use utoipa::openapi::path::ParameterIn;
use utoipa::{IntoParams, ToSchema};

use super::answer::{Gone, Lines, List, Made, Queued, Shown, Told};
use super::body::Body;
use super::caller::Caller;
use super::problem::Problem;

/// What is known of an operation from its types.
#[cfg(test)]
#[derive(Default)]
pub(super) struct Draft {
    /// Parameters of the query.
    pub(super) parameters: Vec<Value>,
    /// The body.
    pub(super) body: Option<Value>,
    /// Status and response of a success.
    pub(super) success: Option<(&'static str, Value)>,
    /// Schemas by name.
    pub(super) schemas: Map<String, Value>,
}

#[cfg(test)]
impl Draft {
    /// A reference to the schema of a type, which goes into the components with all that it refers to.
    fn reference<T: ToSchema>(&mut self) -> Value {
        let mut inner = Vec::new();
        T::schemas(&mut inner);
        inner.push((T::name().into_owned(), T::schema()));
        for (name, schema) in inner {
            self.schemas.insert(name, json!(schema));
        }
        json!({ "$ref": format!("#/components/schemas/{}", T::name()) })
    }

    fn succeeds<T: ToSchema>(&mut self, status: &'static str, description: &str) {
        let schema = self.reference::<T>();
        self.success = Some((
            status,
            json!({ "description": description, "content": { "application/json": { "schema": schema } } }),
        ));
    }
}

/// Something that a handler takes.
pub(super) trait Input {
    /// Notes it.
    #[cfg(test)]
    fn describe(draft: &mut Draft);
}

/// Something that a handler gives.
pub(super) trait Output {
    /// Whether it is one resource, with an entity tag.
    const SHOWS: bool = false;

    /// Notes it.
    #[cfg(test)]
    fn describe(draft: &mut Draft);
}

/// A handler whose types are known.
pub(super) trait Described<Inputs> {
    /// Whether it gives one resource, with an entity tag.
    const SHOWS: bool;

    /// Notes all of them.
    #[cfg(test)]
    fn describe(draft: &mut Draft);
}

impl Input for Caller {
    #[cfg(test)]
    fn describe(_draft: &mut Draft) {}
}

/// The names of its parts stand in the path.
impl<T> Input for Path<T> {
    #[cfg(test)]
    fn describe(_draft: &mut Draft) {}
}

impl<T: IntoParams> Input for Query<T> {
    #[cfg(test)]
    fn describe(draft: &mut Draft) {
        draft.parameters.extend(T::into_params(|| Some(ParameterIn::Query)).iter().map(|one| json!(one)));
    }
}

impl<T: ToSchema> Input for Body<T> {
    #[cfg(test)]
    fn describe(draft: &mut Draft) {
        let schema = draft.reference::<T>();
        draft.body =
            Some(json!({ "required": true, "content": { "application/json": { "schema": schema } } }));
    }
}

impl<T: Output> Output for Result<T, Problem> {
    const SHOWS: bool = T::SHOWS;

    #[cfg(test)]
    fn describe(draft: &mut Draft) {
        T::describe(draft);
    }
}

impl<T: ToSchema> Output for Shown<T> {
    const SHOWS: bool = true;

    #[cfg(test)]
    fn describe(draft: &mut Draft) {
        draft.succeeds::<T>("200", "As it is now.");
        if let Some((_, response)) = &mut draft.success {
            response["headers"] = json!({ "ETag": { "description": "Give it as `If-Match` to change only what you have seen.", "schema": { "type": "string" } } });
        }
    }
}

impl<T: ToSchema> Output for Made<T> {
    #[cfg(test)]
    fn describe(draft: &mut Draft) {
        draft.succeeds::<T>("201", "It was made.");
    }
}

impl<T: ToSchema> Output for Told<T> {
    #[cfg(test)]
    fn describe(draft: &mut Draft) {
        draft.succeeds::<T>("200", "It was done.");
    }
}

impl<T: ToSchema> Output for Queued<T> {
    #[cfg(test)]
    fn describe(draft: &mut Draft) {
        draft.succeeds::<T>("202", "It will be done in a moment.");
    }
}

impl Output for Lines {
    #[cfg(test)]
    fn describe(draft: &mut Draft) {
        let content = json!({ "application/x-ndjson": { "schema": { "type": "string" } } });
        draft.success = Some(("200", json!({ "description": "Lines of JSON.", "content": content })));
    }
}

impl<T: ToSchema> Output for List<T> {
    #[cfg(test)]
    fn describe(draft: &mut Draft) {
        let items = draft.reference::<T>();
        let next = List::<T>::schema();
        let next = json!(next)["properties"]["next"].take();
        let schema = json!({
            "type": "object",
            "required": ["items", "next"],
            "properties": { "items": { "type": "array", "items": items }, "next": next },
        });
        draft.success = Some((
            "200",
            json!({ "description": "A page of the list.", "content": { "application/json": { "schema": schema } } }),
        ));
    }
}

impl Output for Gone {
    #[cfg(test)]
    fn describe(draft: &mut Draft) {
        draft.success = Some(("204", json!({ "description": "It is gone." })));
    }
}

macro_rules! described {
    ($($input:ident),+) => {
        impl<F, Answer, Out, $($input),+> Described<($($input,)+)> for F
        where
            F: Fn($($input),+) -> Answer,
            Answer: Future<Output = Out>,
            Out: Output,
            $($input: Input),+
        {
            const SHOWS: bool = Out::SHOWS;

            #[cfg(test)]
            fn describe(draft: &mut Draft) {
                $($input::describe(draft);)+
                Out::describe(draft);
            }
        }
    };
}

described!(A);
described!(A, B);
described!(A, B, C);
described!(A, B, C, D);
