//! Bringing in a list: choose file and mapping, see what would happen, mend, store, watch.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use askama::Template;
use axum::{
    extract::{Multipart, Path},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use sizao_app::{
    AppError, Refusal,
    authorization::{Action, Purpose, can},
    imports::{ImportProgress, ImportReport, ImportWatcher},
    intake::{Checked, FILE_BYTES_MAX, Upload, UploadError},
    mandates::Collection,
};
use sizao_model::Instant;
use uuid::Uuid;

use super::{Answer, Wrong, beside, on_to, page_with};
use crate::{
    context::Ctx,
    failure::Failure,
    form::{Sent, check_word},
    view::{self, Chrome, number},
};

/// Mappings that come with the program.
const MAPPINGS: [(&str, &str); 3] = [
    ("city-people", include_str!("../../../../mappings/city-people.toml")),
    ("cn-transmission-pairs-2020", include_str!("../../../../mappings/cn-transmission-pairs-2020.toml")),
    ("sentinel-reports", include_str!("../../../../mappings/sentinel-reports.toml")),
];
/// Uploads of one account that are kept; an older one goes.
const KEPT_MAX: usize = 3;
/// Largest multipart body: the file, a mapping, and what is around them.
pub(crate) const BODY_BYTES_MAX: usize = FILE_BYTES_MAX + (1 << 20);

/// An upload and what became of it.
pub(crate) struct ImportJob {
    id: Uuid,
    account: Uuid,
    pub(crate) made_at: Instant,
    upload: Arc<Upload>,
    checked: Checked,
    rows: AtomicU64,
    facts: AtomicU64,
    state: Mutex<State>,
}

/// What became of an upload.
#[derive(Clone)]
pub(crate) enum State {
    /// Read; nothing is stored.
    Checked,
    /// Being stored.
    Running,
    /// Stored.
    Done(Box<ImportReport>),
    /// Not stored, for a reason that may be known.
    Refused(Refusal),
    /// Not stored, by a fault of ours.
    Failed,
}

impl ImportJob {
    pub(crate) fn is_running(&self) -> bool {
        matches!(*self.state.lock().expect("no thread panics with it"), State::Running)
    }

    pub(crate) const fn id(&self) -> Uuid {
        self.id
    }

    pub(crate) fn name(&self) -> &str {
        self.upload.name()
    }

    pub(crate) fn state(&self) -> State {
        self.state.lock().expect("no thread panics with it").clone()
    }

    pub(crate) const fn checked(&self) -> &Checked {
        &self.checked
    }

    pub(crate) fn to_mend(&self) -> &[u8] {
        &self.checked.to_mend
    }

    pub(crate) fn rows_done(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    fn set(&self, state: State) {
        *self.state.lock().expect("no thread panics with it") = state;
    }
}

struct Watcher(Arc<ImportJob>);

impl ImportWatcher for Watcher {
    fn committed(&mut self, progress: ImportProgress) {
        self.0.rows.store(progress.rows, Ordering::Relaxed);
        self.0.facts.store(progress.facts, Ordering::Relaxed);
    }

    fn refused(&mut self, _row: &sizao_app::intake::RowError) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Template)]
#[template(path = "imports.html")]
struct ImportsPage {
    c: Chrome,
    mappings: Vec<(&'static str, String)>,
    mandates: Vec<(Collection, Option<String>)>,
    own: Vec<(Uuid, String)>,
    wrong: Option<Wrong>,
    problem: Option<String>,
}

impl ImportsPage {
    fn beside(&self, field: &str) -> Option<&str> {
        beside(&self.wrong, field)
    }
}

/// The form, and which mandates hold.
pub(crate) async fn form(ctx: Ctx) -> Answer {
    shown(&ctx, StatusCode::OK, None, None).await
}

async fn shown(ctx: &Ctx, status: StatusCode, wrong: Option<Wrong>, problem: Option<String>) -> Answer {
    can(&ctx.actor, Action::Import, ctx.actor.division, Purpose::Reporting)?;
    let c = Chrome::of(ctx);
    let mappings = MAPPINGS.map(|(name, text)| (name, title(text))).into();
    let mut mandates = Vec::new();
    for collection in Collection::ALL {
        let until = ctx.app().require_mandate(collection, ctx.actor.division).await;
        mandates.push((collection, until.ok().map(|until| c.at(&until))));
    }
    let own = own(ctx)?.iter().map(|job| (job.id, job.name().to_owned())).collect();
    page_with(status, &ImportsPage { c, mappings, mandates, own, wrong, problem })
}

/// The actor's own uploads, latest first.
pub(crate) fn own(ctx: &Ctx) -> Result<Vec<Arc<ImportJob>>, Failure> {
    can(&ctx.actor, Action::Import, ctx.actor.division, Purpose::Reporting)?;
    let jobs = ctx.shared.imports.lock().expect("no thread panics with it");
    let mut own: Vec<_> = jobs.values().filter(|job| job.account == ctx.actor.account).cloned().collect();
    drop(jobs);
    own.sort_by_key(|job| std::cmp::Reverse(job.id));
    Ok(own)
}

/// A mapping that comes with the program.
pub(crate) fn built_in(name: &str) -> Option<&'static str> {
    MAPPINGS.iter().find(|(of, _)| *of == name).map(|(_, text)| *text)
}

fn title(mapping: &str) -> String {
    let line = mapping.lines().find_map(|line| line.strip_prefix("title = \""));
    line.map_or(String::new(), |rest| rest.trim_end_matches('"').to_owned())
}

/// Takes a file and its mapping, reads it whole and stores nothing.
pub(crate) async fn upload(ctx: Ctx, multipart: Multipart) -> Answer {
    can(&ctx.actor, Action::Import, ctx.actor.division, Purpose::Reporting)?;
    let parts = Parts::read(multipart).await?;
    check_word(&ctx, &parts.csrf)?;
    let built_in = built_in(&parts.chosen).map(str::to_owned);
    let mapping = if parts.mapping.is_empty() { built_in } else { Some(parts.mapping) };
    let Some(mapping) = mapping else { return refused(&ctx, Refusal::field("mapping", "choose")).await };
    match checked(&ctx, &parts.name, parts.file, &mapping).await {
        Ok(Ok(job)) => on_to(&format!("/imports/{}", job.id)),
        Ok(Err(told)) => shown(&ctx, StatusCode::UNPROCESSABLE_ENTITY, None, Some(told)).await,
        Err(Failure { refusal: Some(refusal @ Refusal::Field { .. }), .. }) => refused(&ctx, refusal).await,
        Err(other) => Err(other),
    }
}

/// Reads a file whole and keeps it to be stored; or says why it cannot be read.
pub(crate) async fn checked(
    ctx: &Ctx,
    name: &str,
    file: Vec<u8>,
    mapping: &str,
) -> Result<Result<Arc<ImportJob>, String>, Failure> {
    let upload = match Upload::new(&ctx.actor, name, file, mapping) {
        Ok(upload) => Arc::new(upload),
        Err(UploadError::Refused(refusal)) => return Err(refusal.into()),
        Err(UploadError::Mapping(told)) => return Ok(Err(told)),
    };
    let (reader, now) = (upload.clone(), ctx.app().now());
    let checked = tokio::task::spawn_blocking(move || reader.check(now)).await;
    let checked = match checked.map_err(|_| Failure::status(StatusCode::INTERNAL_SERVER_ERROR))? {
        Ok(checked) => checked,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let job = Arc::new(ImportJob {
        id: sizao_app::new_id(ctx.wall()),
        account: ctx.actor.account,
        made_at: ctx.wall(),
        upload,
        checked,
        rows: AtomicU64::new(0),
        facts: AtomicU64::new(0),
        state: Mutex::new(State::Checked),
    });
    keep(ctx, job.clone());
    Ok(Ok(job))
}

async fn refused(ctx: &Ctx, refusal: Refusal) -> Answer {
    let wrong = super::wrong(AppError::Refused(refusal), ctx.asked.lang)?;
    shown(ctx, StatusCode::UNPROCESSABLE_ENTITY, Some(wrong), None).await
}

fn keep(ctx: &Ctx, job: Arc<ImportJob>) {
    let mut jobs = ctx.shared.imports.lock().expect("no thread panics with it");
    let mut own: Vec<Uuid> =
        jobs.values().filter(|job| job.account == ctx.actor.account && !job.is_running()).map(|job| job.id).collect();
    own.sort_unstable();
    for old in own.iter().take((own.len() + 1).saturating_sub(KEPT_MAX)) {
        jobs.remove(old);
    }
    jobs.insert(job.id, job);
}

#[derive(Default)]
struct Parts {
    csrf: String,
    chosen: String,
    mapping: String,
    name: String,
    file: Vec<u8>,
}

impl Parts {
    async fn read(mut multipart: Multipart) -> Result<Self, Failure> {
        let unreadable =
            |error: axum::extract::multipart::MultipartError| Failure::status(crate::form::readable(error.status()));
        let mut parts = Self::default();
        while let Some(field) = multipart.next_field().await.map_err(unreadable)? {
            let name = field.name().unwrap_or_default().to_owned();
            let file_name = field.file_name().unwrap_or_default().to_owned();
            let bytes = field.bytes().await.map_err(unreadable)?;
            let text = || String::from_utf8_lossy(&bytes).into_owned();
            match name.as_str() {
                "csrf" => parts.csrf = text(),
                "chosen" => parts.chosen = text(),
                "mapping" => parts.mapping = text(),
                "file" => (parts.name, parts.file) = (file_name, bytes.to_vec()),
                _ => {}
            }
        }
        Ok(parts)
    }
}

#[derive(Template)]
#[template(path = "import.html")]
struct ImportPage {
    c: Chrome,
    job: Arc<ImportJob>,
    state: &'static str,
    told: Option<String>,
    report: Option<Box<ImportReport>>,
    rows: Vec<Refused>,
    collections: Vec<(Collection, bool)>,
    covered: bool,
}

struct Refused {
    row: u64,
    column: String,
    value: String,
    rule: String,
    cure: String,
}

impl ImportPage {
    fn is(&self, state: &str) -> bool {
        self.state == state
    }

    fn id(&self) -> Uuid {
        self.job.id
    }

    fn name(&self) -> &str {
        self.job.upload.name()
    }

    fn mapping(&self) -> &str {
        self.job.upload.mapping_title()
    }

    fn accepted(&self) -> String {
        number(&self.report.as_ref().map_or(self.job.checked.accepted, |report| report.accepted))
    }

    fn rejected(&self) -> u64 {
        self.report.as_ref().map_or(self.job.checked.rejected, |report| report.rejected)
    }

    fn facts(&self) -> String {
        number(&self.report.as_ref().map_or(self.job.checked.facts, |report| report.stored))
    }

    fn progress(&self) -> String {
        let (done, all) = self.done();
        self.c.t2("import-progress", ("done", &number(&done)), ("all", &number(&all)))
    }

    fn done(&self) -> (u64, u64) {
        (self.job.rows.load(Ordering::Relaxed), self.job.checked.accepted + self.job.checked.rejected)
    }
}

/// What became of an upload: what would happen, how far it is, what happened.
pub(crate) async fn show(ctx: Ctx, Path(id): Path<Uuid>) -> Answer {
    let job = find(&ctx, id)?;
    let state = job.state();
    let lang = ctx.asked.lang;
    let (word, told, report) = match state {
        State::Checked => ("checked", None, None),
        State::Running => ("running", None, None),
        State::Done(report) => ("done", None, Some(report)),
        State::Refused(refusal) => ("refused", Some(view::refusal_text(lang, &refusal)), None),
        State::Failed => ("failed", None, None),
    };
    let refused = report.as_ref().map_or(&job.checked.refused, |report| &report.refused);
    let rows = refused.iter().flat_map(|row| {
        row.problems.iter().map(|problem| Refused {
            row: row.row,
            column: problem.column.as_deref().unwrap_or_default().to_owned(),
            value: problem.value.to_string(),
            rule: problem.rule.to_string(),
            cure: problem.cure.to_string(),
        })
    });
    let rows = rows.take(200).collect();
    let mut collections = Vec::new();
    for collection in &job.checked.collections {
        collections.push((*collection, ctx.app().require_mandate(*collection, ctx.actor.division).await.is_ok()));
    }
    let covered = collections.iter().all(|(_, covered)| *covered);
    let mut response = page_with(
        StatusCode::OK,
        &ImportPage { c: Chrome::of(&ctx), job, state: word, told, report, rows, collections, covered },
    )?;
    if word == "running" {
        response.headers_mut().insert(header::REFRESH, header::HeaderValue::from_static("1"));
    }
    Ok(response)
}

/// Stores the rows, under mandates in force; without one nothing is stored.
pub(crate) async fn store(Path(id): Path<Uuid>, Sent(ctx, _): Sent) -> Answer {
    let job = find(&ctx, id)?;
    begin(&ctx, &job).await?;
    on_to(&format!("/imports/{id}"))
}

/// Begins to store an upload that was checked.
pub(crate) async fn begin(ctx: &Ctx, job: &Arc<ImportJob>) -> Result<(), Failure> {
    for collection in &job.checked.collections {
        ctx.app().require_mandate(*collection, ctx.actor.division).await?;
    }
    {
        let mut state = job.state.lock().expect("no thread panics with it");
        if !matches!(*state, State::Checked | State::Refused(_) | State::Failed) {
            return Err(Refusal::Changed.into());
        }
        *state = State::Running;
    }
    let counted = async {
        let counts = ctx.app().without_frozen(&ctx.actor, &job.checked.restricting).await?;
        let (content, name) = (job.upload.content(), job.upload.name());
        ctx.app().propose_restrictions(&ctx.actor, content, name, &counts, ctx.wall()).await
    };
    if let Err(error) = counted.await {
        let failure: Failure = error.into();
        job.set(failure.refusal.clone().map_or(State::Failed, State::Refused));
        return Err(failure);
    }
    let (app, actor, wall) = (ctx.app().clone(), ctx.actor.clone(), ctx.wall());
    let working = job.clone();
    tokio::spawn(async move {
        let collections = working.checked.collections.clone();
        let watcher = Watcher(working.clone());
        match app.take_in(&actor, working.upload.clone(), &collections, watcher, wall).await {
            Ok(report) => working.set(State::Done(Box::new(report))),
            Err(AppError::Refused(refusal)) => working.set(State::Refused(refusal)),
            Err(error) => {
                tracing::error!(%error, "An import failed");
                working.set(State::Failed);
            }
        }
    });
    Ok(())
}

/// The rows handed back, to be mended and sent again.
pub(crate) async fn to_mend(ctx: Ctx, Path(id): Path<Uuid>) -> Result<Response, Failure> {
    let job = find(&ctx, id)?;
    let (kind, end) = if job.upload.is_workbook() {
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx")
    } else {
        ("text/csv; charset=utf-8", "csv")
    };
    let named = format!("attachment; filename=\"rows-to-mend.{end}\"");
    Ok(([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, named)], job.checked.to_mend.clone())
        .into_response())
}

/// An upload of the actor's own account; others' do not exist.
pub(crate) fn find(ctx: &Ctx, id: Uuid) -> Result<Arc<ImportJob>, Failure> {
    can(&ctx.actor, Action::Import, ctx.actor.division, Purpose::Reporting)?;
    let jobs = ctx.shared.imports.lock().expect("no thread panics with it");
    let job = jobs.get(&id).filter(|job| job.account == ctx.actor.account).cloned();
    Ok(job.ok_or(Refusal::NotFound)?)
}
