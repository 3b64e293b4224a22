//! The sheet of contacts: rows of cells, by keyboard or pasted; what is right goes in, what is not comes back with its cell.

use std::collections::BTreeMap;

use askama::Template;
use axum::{extract::Path, http::StatusCode};
use sizao_app::case_file::{Alike, RELATIONS, RowWrong, SHEET_MAX, SheetRow};
use sizao_model::{ContactClass, PersonId};
use uuid::Uuid;

use super::super::{Answer, on_to, page, page_with, people::Line};
use crate::{
    context::Ctx,
    form::{Fields, Sent},
    lang,
    view::Chrome,
};

/// Rows of an empty sheet.
const ROWS: usize = 12;

#[derive(Template)]
#[template(path = "sheet.html")]
struct SheetTemplate {
    c: Chrome,
    line: Line,
    sheet: String,
    window: String,
    rows: Vec<Row>,
    errors: Vec<(String, String)>,
    entered: Vec<(String, &'static str)>,
    relations: Vec<String>,
}

struct Row {
    number: usize,
    cells: Vec<Cell>,
    group: String,
    via: String,
    same: String,
    wrong: Vec<String>,
}

struct Cell {
    field: &'static str,
    value: String,
    wrong: bool,
}

/// Cells of a row, in the order of the columns.
const CELLS: [&str; 6] = ["name", "phone", "document", "relation", "place", "last"];

/// An empty sheet.
pub(crate) async fn form(ctx: Ctx, Path(id): Path<Uuid>) -> Answer {
    let sheet = ctx.app().store().random_id().simple().to_string();
    let rows = vec![SheetRow::default(); ROWS];
    filled(&ctx, id, StatusCode::OK, &sheet, &rows, &[], Vec::new()).await
}

async fn filled(
    ctx: &Ctx,
    id: Uuid,
    status: StatusCode,
    sheet: &str,
    rows: &[SheetRow],
    wrong: &[RowWrong],
    entered: Vec<(String, &'static str)>,
) -> Answer {
    let file = ctx.app().case_file(&ctx.actor, PersonId::new(id), ctx.wall()).await?;
    let c = Chrome::of(ctx);
    let told = |one: &RowWrong| {
        let mut text = c.t1(&format!("rule-{}", one.rule), "found", one.found);
        if one.rule == "sheet-last-ahead" {
            text = c.t1("rule-sheet-last-ahead", "today", c.on(&file.at.day()));
        }
        text
    };
    let mut of_row: BTreeMap<usize, Vec<&RowWrong>> = BTreeMap::new();
    wrong.iter().for_each(|one| of_row.entry(one.row).or_default().push(one));
    let shown = rows.iter().enumerate().map(|(at, row)| {
        let number = at + 1;
        let complaints = of_row.get(&number).map_or(&[][..], Vec::as_slice);
        let cell = |field: &'static str| Cell {
            field,
            value: cell_of(row, field).to_owned(),
            wrong: complaints.iter().any(|one| one.field == field),
        };
        Row {
            number,
            cells: CELLS.map(cell).into(),
            group: row.group.clone(),
            via: row.via.clone(),
            same: row.same.clone(),
            wrong: complaints.iter().map(|one| told(one)).collect(),
        }
    });
    let errors = wrong.iter().map(|one| {
        let row = c.t1("sheet-row", "n", one.row);
        (format!("r{}-{}", one.row, one.field), format!("{row}{}", told(one)))
    });
    let template = SheetTemplate {
        line: Line::of(&file.line, &c, file.at),
        sheet: sheet.to_owned(),
        window: file
            .window
            .as_ref()
            .map_or_else(String::new, |window| c.t1("sheet-window", "at", c.at(&window.opens_at))),
        rows: shown.collect(),
        errors: errors.collect(),
        entered,
        relations: RELATIONS.map(|relation| c.word("relation", relation)).into(),
        c,
    };
    page_with(status, &template)
}

fn cell_of<'r>(row: &'r SheetRow, field: &str) -> &'r str {
    match field {
        "name" => &row.name,
        "phone" => &row.phone,
        "document" => &row.document,
        "relation" => &row.relation,
        "place" => &row.place,
        _ => &row.last,
    }
}

/// Takes the sheet: the rows that are right go in, the others come back.
pub(crate) async fn enter(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    let rows = rows_of(&fields);
    let sheet = fields.text("sheet");
    let done = ctx.app().enter_contacts(&ctx.actor, PersonId::new(id), &sheet, &rows, ctx.wall()).await?;
    if done.wrong.is_empty() {
        return on_to(&format!("/cases/{id}?entered={}", done.entered.len()));
    }
    let entered: Vec<(String, &'static str)> = done
        .entered
        .iter()
        .map(|one| {
            let word = match (one.class, one.counts) {
                (_, false) => "waits",
                (ContactClass::SecondaryContact, true) => "secondary",
                (_, true) => "close",
            };
            (rows[one.row - 1].name.clone(), word)
        })
        .collect();
    // What came back keeps its cells under a sheet of its own: the rows that are in are not sent again.
    let kept: Vec<usize> = done.wrong.iter().map(|one| one.row).collect();
    let mut back = Vec::new();
    let mut numbers = BTreeMap::new();
    for (at, row) in rows.iter().enumerate().filter(|(at, _)| kept.contains(&(at + 1))) {
        back.push(row.clone());
        numbers.insert(at + 1, back.len());
    }
    let wrong: Vec<RowWrong> =
        done.wrong.iter().filter_map(|one| Some(RowWrong { row: *numbers.get(&one.row)?, ..one.clone() })).collect();
    for row in &mut back {
        row.via =
            row.via.parse::<usize>().ok().and_then(|via| numbers.get(&via)).map_or(String::new(), usize::to_string);
    }
    back.push(SheetRow::default());
    let sheet = ctx.app().store().random_id().simple().to_string();
    filled(&ctx, id, StatusCode::UNPROCESSABLE_ENTITY, &sheet, &back, &wrong, entered).await
}

fn rows_of(fields: &Fields) -> Vec<SheetRow> {
    let last = (1..=SHEET_MAX + 1)
        .rev()
        .find(|n| !fields.get(&format!("name-{n}")).is_empty() || !fields.get(&format!("place-{n}")).is_empty());
    let cell = |field: &str, n: usize| fields.text(&format!("{field}-{n}"));
    (1..=last.unwrap_or(0))
        .map(|n| SheetRow {
            name: cell("name", n),
            phone: cell("phone", n),
            document: cell("document", n),
            relation: cell("relation", n),
            place: cell("place", n),
            last: cell("last", n),
            group: cell("group", n),
            via: cell("via", n),
            same: cell("same", n),
        })
        .collect()
}

#[derive(Template)]
#[template(path = "alike.html")]
struct AlikeTemplate {
    c: Chrome,
    row: String,
    name: String,
    phone: String,
    found: Vec<AlikeLine>,
}

struct AlikeLine {
    id: Uuid,
    number: String,
    name: String,
    phone: String,
    reasons: Vec<String>,
    strong: bool,
}

/// Whom a row may already be: beside the sheet, while it is typed.
pub(crate) async fn alike(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    // The case is asked for as well, so that nobody learns of people through a case that is not theirs.
    ctx.app().may_trace(&ctx.actor, PersonId::new(id), ctx.wall()).await?;
    let (name, phone, document) = (fields.get("name"), fields.get("phone"), fields.get("document"));
    let found = ctx.app().find_alike(&ctx.actor, name, phone, document, ctx.wall()).await?;
    let c = Chrome::of(&ctx);
    let line = |alike: &Alike| AlikeLine {
        id: alike.person.uuid(),
        number: alike.number.clone(),
        name: alike.name.clone().unwrap_or_else(|| "–".to_owned()),
        phone: alike.phone.clone().unwrap_or_else(|| "–".to_owned()),
        reasons: alike
            .reasons
            .iter()
            .map(|reason| lang::text(c.lang, &format!("alike-{}", reason.name()), &[]))
            .collect(),
        strong: alike.points >= 5,
    };
    let found = found.iter().map(line).collect();
    let row = fields.get("row").chars().filter(char::is_ascii_digit).take(3).collect();
    page(&AlikeTemplate { row, name: fields.text("name"), phone: fields.text("phone"), found, c })
}
