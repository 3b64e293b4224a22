//! Comparing packs over the store: started on a form, watched, read by class and county; numbers open their people, and
//! one person's two plans stand on one axis of days.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use askama::Template;
use axum::{
    extract::{Path, Query},
    http::{StatusCode, header},
};
use serde::Deserialize;
use sizao_app::{
    App, AppError, Refusal,
    authorization::{Action, Purpose, can},
    packs::{Asked, Change, Changed, Compared, Counts, TwoPlans, Which},
    policy_changes::Stage,
};
use sizao_model::{DivisionCode, Instant, Measure, PersonId};
use uuid::Uuid;

use super::long;
use crate::{
    charts,
    context::Ctx,
    form::Sent,
    pages::{Answer, on_to, page, page_with, people::Line as PersonRow, wrong},
    state::Shared,
    view::{Chrome, number},
};

/// Comparisons of one account that are kept; an older one goes.
const KEPT_MAX: usize = 3;

/// A comparison under way or done.
pub(crate) struct ComparisonJob {
    asked: Asked,
    pub(crate) made_at: Instant,
    assessing: AtomicU64,
    done: AtomicU64,
    all: AtomicU64,
    /// When the present stage began, microseconds by the wall.
    since: AtomicI64,
    result: Mutex<Option<Result<Arc<Compared>, ()>>>,
}

impl ComparisonJob {
    pub(crate) fn is_running(&self) -> bool {
        self.result().is_none()
    }

    fn result(&self) -> Option<Result<Arc<Compared>, ()>> {
        self.result.lock().expect("no thread panics with it").clone()
    }

    fn title(&self) -> String {
        let ids: Vec<&str> = self.asked.packs.iter().map(|source| &*source.id).collect();
        ids.join(", ")
    }
}

/// The kinds of change in the order of the columns.
const COLUMNS: [Change; 7] = [
    Change::Released,
    Change::Shortened,
    Change::Milder,
    Change::Unchanged,
    Change::Stricter,
    Change::Lengthened,
    Change::NewlyRestricted,
];

const fn name(change: Change) -> &'static str {
    match change {
        Change::Released => "released",
        Change::Shortened => "shortened",
        Change::Milder => "milder",
        Change::Unchanged => "unchanged",
        Change::Stricter => "stricter",
        Change::Lengthened => "lengthened",
        Change::NewlyRestricted => "newly-restricted",
    }
}

fn change_of(text: &str) -> Option<Change> {
    COLUMNS.into_iter().find(|change| name(*change) == text)
}

/// Starts a comparison.
pub(crate) async fn start(Sent(ctx, fields): Sent) -> Answer {
    let planned = ctx.app().plan_comparison(&ctx.actor, &[fields.text("pack")], fields.get("at"), ctx.wall()).await;
    let asked = match planned {
        Ok(asked) => asked,
        Err(error) => {
            let wrong = wrong(error, ctx.asked.lang)?;
            let given = super::Given { wrong: Some(wrong), ..super::Given::default() };
            return super::shown(&ctx, StatusCode::UNPROCESSABLE_ENTITY, given).await;
        }
    };
    let id = asked.id;
    let job = Arc::new(ComparisonJob {
        asked,
        made_at: ctx.wall(),
        assessing: AtomicU64::new(0),
        done: AtomicU64::new(0),
        all: AtomicU64::new(0),
        since: AtomicI64::new(ctx.wall().as_micros()),
        result: Mutex::new(None),
    });
    keep(&ctx, job.clone());
    tokio::spawn(run(ctx.shared.clone(), ctx.app().clone(), job));
    on_to(&format!("/packs/comparisons/{id}"))
}

fn keep(ctx: &Ctx, job: Arc<ComparisonJob>) {
    let mut jobs = ctx.shared.comparisons.lock().expect("no thread panics with it");
    let account = ctx.actor.account;
    let mut own: Vec<Uuid> = jobs.values().filter(|job| job.asked.account == account).map(|job| job.asked.id).collect();
    own.sort_unstable();
    while own.len() >= KEPT_MAX {
        jobs.remove(&own.remove(0));
    }
    jobs.insert(job.asked.id, job);
}

async fn run(shared: Arc<Shared>, app: Arc<App>, job: Arc<ComparisonJob>) {
    let Ok(_turn) = shared.comparing.acquire().await else { return };
    job.since.store(shared.now().as_micros(), Ordering::Relaxed);
    let told = |stage, done, all| {
        let assessing = u64::from(stage == Stage::Assessing);
        if job.assessing.swap(assessing, Ordering::Relaxed) != assessing {
            job.since.store(shared.now().as_micros(), Ordering::Relaxed);
        }
        job.all.store(all, Ordering::Relaxed);
        job.done.store(done, Ordering::Relaxed);
    };
    let result = app.run_comparison(&job.asked, told).await;
    if let Err(error) = &result {
        tracing::error!(%error, "A comparison of packs failed");
    }
    *job.result.lock().expect("no thread panics with it") = Some(result.map(Arc::new).map_err(|_: AppError| ()));
}

#[derive(Template)]
#[template(path = "comparison.html")]
struct ComparisonPage {
    c: Chrome,
    id: Uuid,
    title: String,
    digest: String,
    at: String,
    known_at: String,
    within: DivisionCode,
    state: &'static str,
    progress: String,
    left: String,
    done: (u64, u64),
    columns: [&'static str; COLUMNS.len()],
    total: Vec<Cell>,
    rows: Vec<Row>,
    people: String,
    facts: String,
    days: (String, String),
    examples: Vec<(&'static str, Vec<Uuid>)>,
}

/// A number with the address of its people.
struct Cell {
    column: &'static str,
    count: u64,
    href: Option<String>,
}

/// A class as a whole, or a class in a county.
struct Row {
    class: String,
    county: Option<DivisionCode>,
    cells: Vec<Cell>,
}

impl Cell {
    fn shown(&self) -> String {
        number(&self.count)
    }
}

/// How far it is, or what came out.
pub(crate) async fn show(ctx: Ctx, Path(id): Path<Uuid>) -> Answer {
    let job = find(&ctx, id)?;
    let c = Chrome::of(&ctx);
    let result = job.result();
    let state = match &result {
        None => "running",
        Some(Ok(_)) => "done",
        Some(Err(())) => "failed",
    };
    let (done, all) = (job.done.load(Ordering::Relaxed), job.all.load(Ordering::Relaxed));
    let (progress, left) = progress(&job, &c, ctx.wall());
    let compared = result.and_then(Result::ok);
    let mut page = ComparisonPage {
        id,
        title: job.title(),
        digest: job.asked.packs[0].digest.clone(),
        at: long(&c, job.asked.at),
        known_at: c.at(&job.asked.known_at),
        within: job.asked.within,
        state,
        progress,
        left,
        done: (done, all.max(1)),
        columns: COLUMNS.map(name),
        total: Vec::new(),
        rows: Vec::new(),
        people: String::new(),
        facts: String::new(),
        days: Default::default(),
        examples: Vec::new(),
        c,
    };
    if let Some(compared) = compared {
        page.fill(&compared);
    }
    let mut response = page_with(StatusCode::OK, &page)?;
    if state == "running" {
        response.headers_mut().insert(header::REFRESH, header::HeaderValue::from_static("1"));
    }
    Ok(response)
}

impl ComparisonPage {
    fn head(&self) -> String {
        self.c.t2("compare-head", ("pack", &self.title), ("at", &self.at))
    }

    fn fill(&mut self, compared: &Compared) {
        let report = &compared.report;
        self.people = number(&report.people);
        self.facts = number(&compared.leaves);
        self.days = (number(&(report.hours_before / 24)), number(&(report.hours_after / 24)));
        self.total = self.cells(&report.total(), None, None);
        let mut of_class: Vec<(&str, Counts)> = Vec::new();
        for ((class, _), counts) in &report.rows {
            match of_class.iter_mut().find(|(name, _)| name == class) {
                Some((_, sum)) => sum.add(counts),
                None => of_class.push((class, *counts)),
            }
        }
        for (class, sum) in of_class {
            self.rows.push(Row { class: class.to_owned(), county: None, cells: self.cells(&sum, Some(class), None) });
            for ((_, place), counts) in report.rows.iter().filter(|((of, _), _)| of == class) {
                let county = DivisionCode::parse(place).ok();
                let cells = self.cells(counts, Some(class), county);
                self.rows.push(Row { class: class.to_owned(), county, cells });
            }
        }
        self.examples = report
            .examples
            .iter()
            .map(|(change, examples)| (name(*change), examples.iter().map(|one| one.person.uuid()).collect()))
            .collect();
    }

    fn cells(&self, counts: &Counts, class: Option<&str>, county: Option<DivisionCode>) -> Vec<Cell> {
        let cell = |change: Change| {
            let count = counts.of(change);
            let opens = count > 0 && change != Change::Unchanged;
            let mut href = format!("/packs/comparisons/{}/people?change={}", self.id, name(change));
            if let Some(class) = class {
                href.push_str(&format!("&class={class}"));
            }
            if let Some(county) = county {
                href.push_str(&format!("&county={county}"));
            }
            Cell { column: name(change), count, href: opens.then_some(href) }
        };
        COLUMNS.map(cell).into()
    }
}

/// How far it is in words, and how long it takes still.
fn progress(job: &ComparisonJob, c: &Chrome, wall: Instant) -> (String, String) {
    let (done, all) = (job.done.load(Ordering::Relaxed), job.all.load(Ordering::Relaxed));
    let key = if job.assessing.load(Ordering::Relaxed) == 1 { "compare-assessing" } else { "compare-reading" };
    let words = c.t2(key, ("done", &number(&done)), ("all", &number(&all)));
    let passed = (wall.as_micros() - job.since.load(Ordering::Relaxed)).max(0) as u64 / 1_000_000;
    let left = (passed * all.saturating_sub(done)).checked_div(done);
    (words, left.map_or(String::new(), |seconds| c.t1("compare-left", "seconds", seconds)))
}

fn find(ctx: &Ctx, id: Uuid) -> Result<Arc<ComparisonJob>, Refusal> {
    can(&ctx.actor, Action::ComparePacks, ctx.actor.division, Purpose::Control)?;
    let jobs = ctx.shared.comparisons.lock().expect("no thread panics with it");
    let job = jobs.get(&id).filter(|job| job.asked.account == ctx.actor.account);
    job.cloned().ok_or(Refusal::NotFound)
}

#[derive(Deserialize)]
pub(crate) struct WhichPeople {
    #[serde(default)]
    change: String,
    #[serde(default)]
    class: String,
    #[serde(default)]
    county: String,
    #[serde(default)]
    after: String,
}

#[derive(Template)]
#[template(path = "comparison_people.html")]
struct PeoplePage {
    c: Chrome,
    id: Uuid,
    title: String,
    change: Option<&'static str>,
    class: String,
    county: Option<DivisionCode>,
    total: u64,
    lines: Vec<(PersonRow, &'static str, String)>,
    next: Option<String>,
}

/// The people behind a number.
pub(crate) async fn people(ctx: Ctx, Path(id): Path<Uuid>, Query(asked): Query<WhichPeople>) -> Answer {
    let job = find(&ctx, id)?;
    let compared = job.result().and_then(Result::ok).ok_or(Refusal::NotFound)?;
    let county = DivisionCode::parse(&asked.county).ok();
    let change = change_of(&asked.change);
    let class = (!asked.class.is_empty()).then(|| asked.class.clone());
    let which = Which { change, class, county };
    let after = Uuid::try_parse(&asked.after).ok().map(PersonId::new);
    let found = ctx.app().list_changed(&ctx.actor, &job.asked, &compared, &which, after).await?;
    let c = Chrome::of(&ctx);
    let now = ctx.app().now();
    let line = |(line, changed): &(_, Changed)| {
        (PersonRow::of(line, &c, now), name(changed.change), changed.class.to_string())
    };
    let lines = found.lines.iter().map(line).collect();
    let change = change.map(name);
    let next = found.next.map(|next| {
        format!(
            "/packs/comparisons/{id}/people?change={}&class={}&county={}&after={}",
            change.unwrap_or_default(),
            asked.class,
            county.map_or(String::new(), |county| county.to_string()),
            next.uuid()
        )
    });
    let (title, total, class) = (job.title(), found.total, asked.class);
    page(&PeoplePage { c, id, title, change, class, county, total, lines, next })
}

#[derive(Deserialize)]
pub(crate) struct WhichPerson {
    #[serde(default)]
    person: String,
}

#[derive(Template)]
#[template(path = "two_plans.html")]
struct TwoPlansPage {
    c: Chrome,
    id: Uuid,
    title: String,
    at: String,
    person: PersonRow,
    change: Option<&'static str>,
    before: (String, i32),
    after: (String, i32),
    plans: [Vec<PlanRow>; 2],
    ends: [String; 2],
    saved: i64,
}

impl TwoPlansPage {
    fn more(&self) -> i64 {
        -self.saved
    }
}

struct PlanRow {
    kind: &'static str,
    from: String,
    to: String,
    rule: String,
    tests: String,
}

/// One person's two plans on one axis.
pub(crate) async fn plans(ctx: Ctx, Path(id): Path<Uuid>, Query(asked): Query<WhichPerson>) -> Answer {
    let job = find(&ctx, id)?;
    let person = Uuid::try_parse(&asked.person).map(PersonId::new).map_err(|_| Refusal::NotFound)?;
    let TwoPlans { line, change, before, after } =
        ctx.app().two_plans(&ctx.actor, &job.asked, person, ctx.wall()).await?;
    let c = Chrome::of(&ctx);
    let rows = |measures: &[Measure]| measures.iter().map(|measure| plan_row(measure, &c)).collect::<Vec<_>>();
    let until = |measures: &[Measure]| {
        measures.iter().filter(|measure| measure.kind().restricts()).map(|measure| measure.ends_at()).max()
    };
    let ends = [&before, &after].map(|side| until(&side.assessment.measures));
    let micros = |end: Option<Instant>| end.map_or(job.asked.at.as_micros(), Instant::as_micros);
    let saved = (micros(ends[0]) - micros(ends[1])) / 86_400_000_000;
    let plans = [rows(&before.assessment.measures), rows(&after.assessment.measures)];
    let [drawn_before, drawn_after] = charts::two_plans(&before, &after, job.asked.at, &c);
    page(&TwoPlansPage {
        id,
        title: job.title(),
        at: long(&c, job.asked.at),
        person: PersonRow::of(&line, &c, ctx.app().now()),
        change: change.map(name),
        before: drawn_before,
        after: drawn_after,
        plans,
        ends: ends.map(|end| end.map_or_else(|| c.t("no-restriction"), |end| c.t1("until", "at", c.at(&end)))),
        saved,
        c,
    })
}

fn plan_row(measure: &Measure, c: &Chrome) -> PlanRow {
    let tests: Vec<String> = measure.tests().iter().map(|test| c.on(&test.date)).collect();
    PlanRow {
        kind: measure.kind().name(),
        from: c.at(&measure.starts_at()),
        to: c.at(&measure.ends_at()),
        rule: measure.rule().to_owned(),
        tests: if tests.is_empty() { "–".to_owned() } else { tests.join(", ") },
    }
}
