//! The signal board, one signal with the series behind it, and the names behind sales.

use askama::Template;
use axum::extract::Path;
use sizao_app::{
    authorization::{Action, purposes},
    sentinels::{NamedSale, SaleLine},
    signals::{Answer as SignalAnswer, Neighbour, Precision, SignalLine, SignalOutcome, SignalReason, SignalView},
};
use sizao_model::{DivisionCode, FactId};
use uuid::Uuid;

use super::{Answer, on_to, page};
use crate::{charts, context::Ctx, form::Sent, map, view::Chrome};

#[derive(Template)]
#[template(path = "signals.html")]
struct ListPage {
    c: Chrome,
    lines: Vec<SignalLine>,
    map: map::Drawn,
    counties: Vec<Precision>,
    detectors: Vec<Precision>,
}

impl ListPage {
    fn county(&self, code: &str) -> String {
        DivisionCode::parse(code).map_or_else(|_| code.to_owned(), |county| self.c.place(&county))
    }
}

#[derive(Template)]
#[template(path = "signal.html")]
struct SignalPage {
    c: Chrome,
    view: SignalView,
    drawn: Vec<Drawing>,
    neighbours: Vec<Neighbour>,
    sales: Vec<SaleLine>,
    may_answer: bool,
    may_open: bool,
}

struct Drawing {
    reason: SignalReason,
    body: String,
    words: String,
}

#[derive(Template)]
#[template(path = "sale.html")]
struct SalePage {
    c: Chrome,
    sale: NamedSale,
}

/// The signals of two weeks.
pub(crate) async fn list(ctx: Ctx) -> Answer {
    let lines = ctx.app().list_signals(&ctx.actor, None).await?;
    let (counties, detectors) = ctx.app().signal_precision(&ctx.actor).await?;
    let open = lines.iter().filter(|line| line.signal.closed_at.is_none());
    let marks: Vec<(DivisionCode, bool)> =
        open.map(|line| (line.signal.division, line.signal.answered_at.is_none())).collect();
    let c = Chrome::of(&ctx);
    let map = map::signals(ctx.actor.division, &marks, c.lang);
    page(&ListPage { c, lines, map, counties, detectors })
}

/// One signal.
pub(crate) async fn show(ctx: Ctx, Path(id): Path<Uuid>) -> Answer {
    let view = ctx.app().view_signal(&ctx.actor, id).await?;
    let c = Chrome::of(&ctx);
    let drawn = view.series.iter().map(|series| {
        let (body, words) = charts::series(&series.days, &c);
        Drawing { reason: series.reason.clone(), body, words }
    });
    let drawn = drawn.collect();
    let may = |action| !purposes(ctx.actor.role, action).is_empty();
    let (may_answer, may_open) = (may(Action::AnswerSignals), may(Action::OpenSale));
    let sales = if may_open { ctx.app().list_sales(&ctx.actor, view.line.signal.division).await? } else { Vec::new() };
    let neighbours = view.neighbours.clone();
    page(&SignalPage { c, view, drawn, neighbours, sales, may_answer, may_open })
}

/// Answers it.
pub(crate) async fn answer(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    ctx.app().answer_signal(&ctx.actor, id, fields.get("answer"), fields.get("told"), ctx.wall()).await?;
    on_to(&format!("/signals/{id}"))
}

/// Closes it with an outcome.
pub(crate) async fn close(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    ctx.app().close_signal(&ctx.actor, id, fields.get("outcome"), fields.get("told"), ctx.wall()).await?;
    on_to(&format!("/signals/{id}"))
}

/// Opens the names of a sale.
pub(crate) async fn open_sale(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    let sale = ctx.app().open_sale(&ctx.actor, FactId::new(id), fields.get("reason"), ctx.wall()).await?;
    page(&SalePage { c: Chrome::of(&ctx), sale })
}
