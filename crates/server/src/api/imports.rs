//! Tables in: checked first, then stored under mandates; as the pages do it.

use std::sync::Arc;

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sizao_app::{Refusal, authorization::Action, intake::FILE_BYTES_MAX};

use super::{
    Operation, Told, op,
    read::{Body, Id},
    wire::{CollectionWord, Key, Name},
};
use crate::{
    context::Ctx,
    failure::Failure,
    pages::imports::{self as pages, ImportJob, State},
    routes::Who::May,
};

pub(super) const OPERATIONS: &[Operation] = &[
    op!(get "/imports" May(Action::Import) => list)
        .says("listImports", "One's own tables that were checked lately")
        .gives::<Imports>(200),
    op!(post "/imports" May(Action::Import) => check)
        .says("checkTable", "Check a table; nothing is stored")
        .more("The answer says what it would bring and what is wrong with it, row by row. At most three tables of an account are kept, for an hour. Workbooks are taken by the page.")
        .takes::<Table>(r#"{"name": "cases.csv", "mapping": "city-people", "table": "code,document,document_kind,name,division,birth_on\nc-1,,,张三,410102,1980-05-01\n"}"#)
        .up_to(2 * FILE_BYTES_MAX)
        .leads_to("/id", &["getImport", "getRowsToMend", "storeImport"])
        .gives::<Import>(200),
    op!(get "/imports/{id}" May(Action::Import) => show)
        .says("getImport", "What became of a table")
        .gives::<Import>(200),
    op!(get "/imports/{id}/rows-to-mend" May(Action::Import) => to_mend)
        .says("getRowsToMend", "The rows handed back, as a table with the reasons")
        .gives_file::<String>("text/csv"),
    op!(post "/imports/{id}/store" May(Action::Import) => store)
        .says("storeImport", "Store the rows of a table that was checked")
        .more("403 and nothing stored when a collection in it is covered by no mandate in force. It runs on; ask for the import to see how far it is.")
        .gives::<Import>(202),
];

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Name of the file.
    name: Name,
    /// Name of a mapping that comes with the program, or the text of one (TOML).
    #[schemars(length(min = 1))]
    mapping: String,
    /// The table as text: comma, semicolon or tab.
    #[schemars(length(min = 1))]
    table: String,
}

#[derive(Serialize, JsonSchema)]
struct Imports {
    imports: Vec<Import>,
}

/// What became of a table.
#[derive(Serialize, JsonSchema)]
struct Import {
    /// None when the table or its mapping cannot be read: then nothing is kept.
    id: Option<Key>,
    name: String,
    /// `unreadable`, `checked`, `running`, `done`, `refused`, `failed`.
    state: &'static str,
    /// What is wrong with the whole.
    told: Option<String>,
    rows_accepted: u64,
    rows_rejected: u64,
    facts: u64,
    /// Rows dealt with so far.
    rows_done: u64,
    collections: Vec<CollectionWord>,
    /// The first rows handed back.
    refused: Vec<RefusedRow>,
}

#[derive(Serialize, JsonSchema)]
struct RefusedRow {
    row: u64,
    reason: String,
}

async fn list(ctx: Ctx) -> Told<Imports> {
    let jobs = pages::own(&ctx)?;
    Ok((StatusCode::OK, Json(Imports { imports: jobs.iter().map(|job| Import::of(job)).collect() })))
}

async fn check(ctx: Ctx, Body(sent): Body<Table>) -> Told<Import> {
    if sent.mapping.is_empty() {
        return Err(Refusal::field("mapping", "empty").into());
    }
    let mapping = pages::built_in(&sent.mapping).unwrap_or(&sent.mapping);
    let told = match pages::checked(&ctx, &sent.name.0, sent.table.into_bytes(), mapping).await? {
        Ok(job) => Import::of(&job),
        Err(told) => Import::unreadable(sent.name.0, told),
    };
    Ok((StatusCode::OK, Json(told)))
}

async fn show(ctx: Ctx, Id(id): Id) -> Told<Import> {
    Ok((StatusCode::OK, Json(Import::of(&*pages::find(&ctx, id)?))))
}

async fn store(ctx: Ctx, Id(id): Id) -> Told<Import> {
    let job = pages::find(&ctx, id)?;
    pages::begin(&ctx, &job).await?;
    Ok((StatusCode::ACCEPTED, Json(Import::of(&job))))
}

async fn to_mend(ctx: Ctx, Id(id): Id) -> Result<Response, Failure> {
    let job: Arc<ImportJob> = pages::find(&ctx, id)?;
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], job.to_mend().to_vec()).into_response())
}

impl Import {
    fn of(job: &ImportJob) -> Self {
        let (state, told, report) = match job.state() {
            State::Checked => ("checked", None, None),
            State::Running => ("running", None, None),
            State::Done(report) => ("done", None, Some(report)),
            State::Refused(refusal) => ("refused", Some(refusal.to_string()), None),
            State::Failed => ("failed", None, None),
        };
        let checked = job.checked();
        let refused = report.as_ref().map_or(&checked.refused, |report| &report.refused);
        Self {
            id: Some(Key(job.id())),
            name: job.name().to_owned(),
            state,
            told,
            rows_accepted: report.as_ref().map_or(checked.accepted, |report| report.accepted),
            rows_rejected: report.as_ref().map_or(checked.rejected, |report| report.rejected),
            facts: report.as_ref().map_or(checked.facts, |report| report.stored),
            rows_done: job.rows_done(),
            collections: checked.collections.iter().copied().map(CollectionWord).collect(),
            refused: refused.iter().map(|row| RefusedRow { row: row.row, reason: row.reason() }).collect(),
        }
    }

    fn unreadable(name: String, told: String) -> Self {
        Self {
            id: None,
            name,
            state: "unreadable",
            told: Some(told),
            rows_accepted: 0,
            rows_rejected: 0,
            facts: 0,
            rows_done: 0,
            collections: Vec::new(),
            refused: Vec::new(),
        }
    }
}
