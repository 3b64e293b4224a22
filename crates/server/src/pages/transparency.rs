//! Figures that everybody may read, without signing in; counted at most once a minute.

use std::sync::Arc;

use askama::Template;
use axum::{
    Extension, Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde_json::json;
use sizao_app::transparency::{Figures, SMALL_CELL};

use super::{Answer, page};
use crate::{
    context::Asked,
    failure::Failure,
    state::Shared,
    view::{Chrome, number},
};

#[derive(Template)]
#[template(path = "transparency.html")]
struct TransparencyTemplate {
    c: Chrome,
    figures: Figures,
    rules: Vec<Line>,
    checks: Vec<Check>,
    at: String,
}

struct Check {
    name: String,
    told: String,
}

struct Line {
    rule: String,
    open: String,
    opened: String,
    ended: String,
    median: String,
    late: String,
}

/// Sums that are shown for at most this long.
const KEPT_MINUTES: i64 = 1;

async fn figures(shared: &Shared) -> Result<Figures, Failure> {
    let now = shared.app.now();
    let mut kept = shared.figures.lock().await;
    if let Some(figures) = kept.as_ref().filter(|kept| kept.at.is_some_and(|at| now < at.plus_minutes(KEPT_MINUTES))) {
        return Ok(figures.clone());
    }
    let figures = shared.app.public_figures().await?;
    *kept = Some(figures.clone());
    Ok(figures)
}

/// Numbers of people from one to four are not published.
fn people(count: u64) -> String {
    if (1..SMALL_CELL).contains(&count) { "1–4".to_owned() } else { number(&count) }
}

/// The page.
pub(crate) async fn show(State(shared): State<Arc<Shared>>, Extension(asked): Extension<Asked>) -> Answer {
    let figures = figures(&shared).await?;
    let c = Chrome::open(&asked);
    let line = |rule: &sizao_app::transparency::RuleFigures| Line {
        rule: c.word("rule-name", &rule.rule.rsplit(':').next().unwrap_or_default().replace('_', "-")),
        open: people(rule.open),
        opened: people(rule.opened),
        ended: people(rule.ended),
        median: rule
            .median_minutes
            .map_or("–".to_owned(), |minutes| c.t1("figures-days", "n", format!("{:.1}", minutes as f64 / 1_440.0))),
        late: people(rule.late),
    };
    let rules = figures.rules.iter().map(line).collect();
    let at = figures.at.map_or_else(String::new, |at| c.at(&at));
    let checks = checks(&figures, &c);
    page(&TransparencyTemplate { c, figures, rules, checks, at })
}

/// What keeps the others in check, in sentences.
fn checks(figures: &Figures, c: &Chrome) -> Vec<Check> {
    let two = |key: &str, [one, other]: [&str; 2], [a, b]: [u64; 2]| {
        c.t2(key, (one, &a.to_string()), (other, &b.to_string()))
    };
    let [open, upheld, rejected, lapsed] = figures.appeals;
    let [all, waiting, lifted, held] = figures.freezes;
    let [looked_at, identities, glasses] = figures.readings;
    let appeals = [
        two("figures-appeals-of", ["open", "upheld"], [open, upheld]),
        two("figures-appeals-more", ["rejected", "lapsed"], [rejected, lapsed]),
    ];
    let freezes = [
        two("figures-freezes-of", ["n", "open"], [all, waiting]),
        two("figures-freezes-more", ["lifted", "upheld"], [lifted, held]),
    ];
    let readings = [
        two("figures-readings-of", ["people", "opened"], [looked_at, identities]),
        c.t1("figures-glasses", "n", glasses),
    ];
    let check = |key: &str, told: String| Check { name: c.t(key), told };
    vec![
        check("figures-appeals", appeals.join(" ")),
        check("figures-freezes", freezes.join(" ")),
        check("figures-orders", number(&figures.orders_refused)),
        check("figures-passages", two("figures-passages-of", ["n", "refused"], figures.passages)),
        check("figures-readings", readings.join(" ")),
        check("figures-erasures", number(&figures.erasures)),
    ]
}

/// The same for programs.
pub(crate) async fn data(State(shared): State<Arc<Shared>>) -> Result<Response, Failure> {
    let figures = figures(&shared).await?;
    let count = |count: u64| match count {
        1..SMALL_CELL => json!("1-4"),
        count => json!(count),
    };
    let rule = |rule: &sizao_app::transparency::RuleFigures| {
        json!({
            "rule": rule.rule,
            "open": count(rule.open),
            "opened": count(rule.opened),
            "ended": count(rule.ended),
            "median_minutes": rule.median_minutes,
            "released": count(rule.released),
            "released_late": count(rule.late),
        })
    };
    let [open, upheld, rejected, lapsed] = figures.appeals;
    let [all, waiting, lifted, held] = figures.freezes;
    let [looked_at, identities, glasses] = figures.readings;
    let told = json!({
        "counted_at": figures.at,
        "log": { "facts": figures.facts, "root": figures.root },
        "measures": figures.rules.iter().map(rule).collect::<Vec<_>>(),
        "appeals": { "open": open, "upheld": upheld, "rejected": rejected, "lapsed": lapsed },
        "freezes": { "all": all, "open": waiting, "lifted": lifted, "upheld": held },
        "orders_refused": figures.orders_refused,
        "ways_without_a_code": { "all": figures.passages[0], "after_a_refusal": figures.passages[1] },
        "readings": { "people": looked_at, "identities": identities, "glasses_broken": glasses },
        "erasure_certificates": figures.erasures,
    });
    Ok(Json(told).into_response())
}
