//! The JSON API under `/api/v1`: the same use cases and the same rights as the pages, for programs.
//!
//! An [`Operation`] holds everything that is said of an answer, beside its handler: path, right, what it takes and
//! gives. The router, the OpenAPI document and the reference page are all made of [`operations`].

mod accounts;
mod facts;
mod fence;
mod imports;
mod laboratory;
mod mandates;
mod node;
mod openapi;
mod people;
mod read;
mod scans;
mod wire;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::DefaultBodyLimit,
    handler::Handler,
    http::StatusCode,
    routing::{MethodRouter, get, post},
};
use schemars::{JsonSchema, Schema, SchemaGenerator};

pub use openapi::whole as document;
pub(crate) use openapi::{document as served, reference};

use crate::{failure::Failure, routes::Who, state::Shared};

/// An answer with its status, or why there is none.
pub(crate) type Told<T> = Result<(StatusCode, Json<T>), Failure>;

/// A schema, made when the document is.
type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What an operation takes as its body.
#[derive(Clone, Copy)]
pub(crate) struct Takes {
    /// Media type.
    pub(crate) media: &'static str,
    pub(crate) schema: SchemaOf,
    /// Example, as JSON or text.
    pub(crate) example: &'static str,
}

/// One answer of the API, with everything that is said of it.
#[derive(Clone, Copy)]
pub struct Operation {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Its path, with parts in braces.
    pub path: &'static str,
    /// Who is answered.
    pub who: Who,
    /// Its name in the document.
    pub id: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    pub(crate) told: &'static str,
    pub(crate) query: Option<SchemaOf>,
    pub(crate) takes: [Option<Takes>; 2],
    /// Where its answer has an id, and the operations that take it.
    pub(crate) leads_to: (&'static str, &'static [&'static str]),
    pub(crate) idempotent: bool,
    pub(crate) status: u16,
    pub(crate) gives: Option<(&'static str, SchemaOf)>,
    pub(crate) body_bytes_max: usize,
    handler: fn() -> MethodRouter<Arc<Shared>>,
}

fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// Largest body of a request, in bytes, unless it says otherwise.
const BODY_BYTES_MAX: usize = 64 << 10;

impl Operation {
    const fn new(
        method: &'static str,
        path: &'static str,
        who: Who,
        handler: fn() -> MethodRouter<Arc<Shared>>,
    ) -> Self {
        Self {
            method,
            path,
            who,
            id: "",
            summary: "",
            told: "",
            query: None,
            takes: [None; 2],
            leads_to: ("", &[]),
            idempotent: false,
            status: 200,
            gives: None,
            body_bytes_max: BODY_BYTES_MAX,
            handler,
        }
    }

    const fn says(mut self, id: &'static str, summary: &'static str) -> Self {
        self.id = id;
        self.summary = summary;
        self
    }

    const fn more(mut self, told: &'static str) -> Self {
        self.told = told;
        self
    }

    const fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(T::json_schema);
        self
    }

    const fn takes<T: JsonSchema>(mut self, example: &'static str) -> Self {
        self.takes[0] = Some(Takes { media: "application/json", schema: schema_of::<T>, example });
        self
    }

    const fn or_takes<T: JsonSchema>(mut self, media: &'static str, example: &'static str) -> Self {
        self.takes[1] = Some(Takes { media, schema: schema_of::<T>, example });
        self
    }

    const fn leads_to(mut self, place: &'static str, operations: &'static [&'static str]) -> Self {
        self.leads_to = (place, operations);
        self
    }

    const fn gives<T: JsonSchema>(mut self, status: u16) -> Self {
        self.status = status;
        self.gives = Some(("application/json", schema_of::<T>));
        self
    }

    const fn gives_file<T: JsonSchema>(mut self, media: &'static str) -> Self {
        self.gives = Some((media, schema_of::<T>));
        self
    }

    const fn gives_nothing(mut self) -> Self {
        self.status = 204;
        self
    }

    const fn once_by_key(mut self) -> Self {
        self.idempotent = true;
        self
    }

    const fn up_to(mut self, bytes: usize) -> Self {
        self.body_bytes_max = bytes;
        self
    }
}

/// An operation of a path, its right and its handler; the rest follows by its methods.
macro_rules! op {
    (get $path:literal $who:expr => $handler:path) => {
        $crate::api::Operation::new("GET", concat!("/api/v1", $path), $who, || $crate::api::reading($handler))
    };
    (post $path:literal $who:expr => $handler:path) => {
        $crate::api::Operation::new("POST", concat!("/api/v1", $path), $who, || $crate::api::writing($handler))
    };
}
pub(crate) use op;

pub(crate) fn reading<H: Handler<T, Arc<Shared>>, T: 'static>(handler: H) -> MethodRouter<Arc<Shared>> {
    get(handler)
}

pub(crate) fn writing<H: Handler<T, Arc<Shared>>, T: 'static>(handler: H) -> MethodRouter<Arc<Shared>> {
    post(handler)
}

const PARTS: &[&[Operation]] = &[
    node::OPERATIONS,
    facts::OPERATIONS,
    scans::OPERATIONS,
    fence::OPERATIONS,
    people::OPERATIONS,
    imports::OPERATIONS,
    laboratory::OPERATIONS,
    mandates::OPERATIONS,
    accounts::OPERATIONS,
];

/// Every operation, in the order of the reference.
pub fn operations() -> impl Iterator<Item = &'static Operation> {
    PARTS.iter().copied().flatten()
}

/// The router of the operations.
pub(crate) fn router() -> Router<Arc<Shared>> {
    operations().fold(Router::new(), |router, operation| {
        let limit = DefaultBodyLimit::max(operation.body_bytes_max);
        router.route(operation.path, crate::routes::needing(operation.who, (operation.handler)().layer(limit)))
    })
}
