//! The situation report (疫情通报) of a division: a page to read and print, and the same tables as a workbook.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::Query,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use sizao_app::{
    Refusal,
    board::{Board, Cell, Count, Sheet, workbook},
};
use sizao_model::DivisionCode;

use super::{Answer, page};
use crate::{
    context::Ctx,
    failure::Failure,
    map,
    view::{Chrome, number},
};

#[derive(Deserialize)]
pub(crate) struct Which {
    division: Option<String>,
}

/// A row of a table: what, and its cells.
struct Row {
    what: String,
    told: String,
    cells: Vec<String>,
}

/// A table of the report.
struct Table {
    title: String,
    head: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage {
    c: Chrome,
    board: Arc<Board>,
    tables: Vec<Table>,
}

async fn read(ctx: &Ctx, which: &Which) -> Result<Arc<Board>, Failure> {
    let of = match which.division.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => Some(DivisionCode::parse(text).map_err(|_| Refusal::NotFound)?),
        None => None,
    };
    Ok(ctx.app().board(&ctx.actor, of).await?)
}

/// The page.
pub(crate) async fn show(ctx: Ctx, Query(which): Query<Which>) -> Answer {
    let board = read(&ctx, &which).await?;
    let c = Chrome::of(&ctx);
    let tables = tables(&board, &c);
    page(&ReportPage { c, board, tables })
}

/// The workbook.
pub(crate) async fn book(ctx: Ctx, Query(which): Query<Which>) -> Result<Response, Failure> {
    let board = read(&ctx, &which).await?;
    let c = Chrome::of(&ctx);
    let sheets: Vec<Sheet> = tables(&board, &c).into_iter().map(sheet).collect();
    let bytes = workbook(&sheets)?;
    let named = format!("attachment; filename=\"report-{}-{}.xlsx\"", board.within, board.today);
    let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet".to_owned();
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, named)], bytes).into_response())
}

fn sheet(table: Table) -> Sheet {
    let mut rows = vec![table.head.into_iter().map(Cell::from).collect()];
    rows.extend(table.rows.into_iter().map(|row| {
        let mut cells = vec![Cell::from(row.what)];
        cells.extend(row.cells.into_iter().map(|text| match text.replace(',', "").parse() {
            Ok(count) => Cell::Number(count),
            Err(_) => Cell::Text(text),
        }));
        cells.push(Cell::from(row.told));
        cells
    }));
    Sheet { title: table.title.chars().take(31).collect(), rows }
}

/// Figures, earlies, days, counties; a number that is hidden says so.
fn tables(board: &Board, c: &Chrome) -> Vec<Table> {
    let shown = |count: Count| count.map_or("<5".to_owned(), |count| number(&count));
    let head = |keys: &[&str]| keys.iter().map(|key| c.t(key)).collect::<Vec<_>>();
    let figures = board.figures.iter().map(|(group, count)| Row {
        what: c.word("group", group.name()),
        told: c.word("def", group.name()),
        cells: vec![shown(*count)],
    });
    let earlies = board.earlies.iter().map(|early| Row {
        what: c.word("early", early.name),
        told: c.word("limit", early.name),
        cells: vec![
            early.in_time_percent.map_or("–".to_owned(), |share| share.to_string()),
            early.target_percent.to_string(),
        ],
    });
    let days = board.curve.iter().rev().map(|day| Row {
        what: day.day.to_string(),
        told: String::new(),
        cells: match board.is_hidden(day.day) {
            true => vec!["<5".to_owned(); 2],
            false => vec![number(&day.confirmed), number(&day.asymptomatic)],
        },
    });
    let counties = board.counties.iter().map(|line| Row {
        what: c.place(&line.county),
        told: line.county.to_string(),
        cells: vec![
            shown(line.week),
            shown(line.day),
            line.week
                .and_then(|week| map::rate(line.county, week))
                .map_or("–".to_owned(), |rate| format!("{rate:.2}")),
        ],
    });
    vec![
        Table {
            title: c.t("report-figures"),
            head: head(&["what", "report-count", "api-meaning"]),
            rows: figures.collect(),
        },
        Table {
            title: c.t("four-title"),
            head: head(&["what", "report-in-time", "report-target", "api-meaning"]),
            rows: earlies.collect(),
        },
        Table {
            title: c.t("report-counties"),
            head: head(&["county", "days-7", "today", "per-100k", "division"]),
            rows: counties.collect(),
        },
        Table {
            title: c.t("report-days"),
            head: head(&["day", "status-confirmed", "status-asymptomatic", "report-note"]),
            rows: days.collect(),
        },
    ]
}
