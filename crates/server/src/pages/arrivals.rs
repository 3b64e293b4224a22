//! The board of arrivals, one arrival with its signals, entering one, and the answer of whoever asked.

use askama::Template;
use axum::extract::{Path, Query};
use serde::Deserialize;
use sizao_app::{
    arrivals::{Announcement, ArrivalBoard, ArrivalFilter, ArrivalLine, ArrivalView, ChannelQuality, PAGE, Signal},
    authorization::{Action, purposes},
    fence::FenceFigures,
};
use sizao_model::{DivisionCode, FactId, Instant};
use uuid::Uuid;

use super::{Answer, announce::FormOf, on_to, page};
use crate::{
    context::Ctx,
    form::Sent,
    outbox::{Entry, kept, received},
    view::Chrome,
};

#[derive(Deserialize)]
pub(crate) struct Which {
    #[serde(default)]
    show: String,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    of: String,
    #[serde(default)]
    page: String,
}

#[derive(Template)]
#[template(path = "arrivals.html")]
struct ArrivalsTemplate {
    c: Chrome,
    board: ArrivalBoard,
    quality: Vec<ChannelQuality>,
    fence: String,
    lines: Vec<Line>,
    filter: ArrivalFilter,
    unit: Option<Uuid>,
    sentence: String,
    may_enter: bool,
    at: String,
    next: Option<String>,
}

struct Line {
    id: Uuid,
    number: String,
    class: String,
    measure: String,
    known: String,
    channels: String,
    place: String,
    owner: Option<String>,
    late: bool,
}

impl ArrivalsTemplate {
    fn is(&self, filter: &ArrivalFilter) -> bool {
        *filter == self.filter
    }

    fn is_bad(&self, filter: &ArrivalFilter, count: &u64) -> bool {
        *count > 0 && matches!(filter, ArrivalFilter::Overdue | ArrivalFilter::ToFill)
    }

    fn heads(&self) -> Vec<&(ArrivalFilter, u64)> {
        use ArrivalFilter::{Classed, Known, Overdue, Owned, ToConfirm};
        let wanted = [Known, Classed, Owned, Overdue, ToConfirm];
        self.board.counts.iter().filter(|(filter, _)| wanted.contains(filter)).collect()
    }

    fn share(&self, share: Option<f64>) -> String {
        share.map_or_else(|| "–".to_owned(), |share| format!("{:.1} %", share * 100.0))
    }

    /// A length of time given in minutes.
    fn took(&self, minutes: &f64) -> String {
        super::lab::span(&self.c, minutes.round() as i64)
    }

    /// By what a row is counted.
    fn of(&self, row: &ChannelQuality) -> String {
        match row.by {
            "class" if !row.of.is_empty() => self.c.word("arr-class", &row.of),
            "area" => DivisionCode::parse(&row.of).map_or(row.of.clone(), |division| self.c.place(&division)),
            _ => self.c.t("arr-all"),
        }
    }
}

/// The board, narrowed to a group, a unit or a division.
pub(crate) async fn show(ctx: Ctx, Query(which): Query<Which>) -> Answer {
    let filter = ArrivalFilter::from_name(&which.show).unwrap_or(ArrivalFilter::Known);
    let unit = Uuid::try_parse(&which.unit).ok();
    let of = DivisionCode::parse(&which.of).ok();
    let at_page: u32 = which.page.parse().unwrap_or(0).min(10_000);
    let board = ctx.app().arrival_board(&ctx.actor, filter, of, unit, at_page, ctx.wall()).await?;
    let quality = ctx.app().channel_quality(&ctx.actor).await?;
    let fence = ctx.app().fence_figures().await?;
    let c = Chrome::of(&ctx);
    let fence = fence_told(&c, &fence);
    let lines: Vec<Line> = board.lines.iter().map(|line| shown(line, &c, board.at)).collect();
    let next = (lines.len() == PAGE as usize).then(|| {
        let unit = unit.map_or(String::new(), |unit| format!("&unit={unit}"));
        format!("/arrivals?show={}{unit}&page={}", filter.name(), at_page + 1)
    });
    let count = |wanted: ArrivalFilter| board.counts.iter().find(|(f, _)| *f == wanted).map_or(0, |(_, count)| *count);
    let overdue = count(ArrivalFilter::Overdue);
    let known = count(ArrivalFilter::Known).to_string();
    let sentence = match overdue {
        0 => c.t1("arr-sentence-good", "known", &known),
        overdue => c.t2("arr-sentence-late", ("overdue", &overdue.to_string()), ("known", &known)),
    };
    let may_enter = !purposes(ctx.actor.role, Action::EnterArrivals).is_empty();
    let at = c.at(&board.at);
    page(&ArrivalsTemplate { c, board, quality, fence, lines, filter, unit, sentence, may_enter, at, next })
}

/// What the fence read and keeps, for everybody who sees the board.
fn fence_told(c: &Chrome, figures: &FenceFigures) -> String {
    let (sketches, questions) = (figures.sketches.to_string(), figures.questions.to_string());
    let kept = c.t2("arr-fence-kept", ("sketches", &sketches), ("questions", &questions));
    let runs = if figures.runs { c.t1("arr-fence-on", "records", figures.records) } else { c.t("arr-fence-off") };
    format!("{runs} {kept}")
}

fn shown(line: &ArrivalLine, c: &Chrome, now: Instant) -> Line {
    let record = &line.record;
    let channels: Vec<String> = line.channels.iter().map(|word| c.word("signal-kind", word)).collect();
    Line {
        id: record.id.uuid(),
        number: line.number.clone(),
        class: line.class.map_or(String::new(), |class| c.word("arr-class", class.name())),
        measure: measure_word(c, &record.measure),
        known: c.at(&record.known_at.unwrap_or(record.arrived_at)),
        channels: channels.join(" · "),
        place: c.place(&record.division),
        owner: line.owner.clone(),
        late: record.known_at.is_some_and(|at| at <= now.plus_minutes(-sizao_app::arrivals::MINUTES_MAX)),
    }
}

fn measure_word(c: &Chrome, measure: &str) -> String {
    if measure.is_empty() { c.t("arr-measure-none") } else { c.word("measure", measure) }
}

#[derive(Template)]
#[template(path = "arrival.html")]
struct ArrivalTemplate {
    c: Chrome,
    view: ArrivalView,
    class: String,
    measure: String,
    may_answer: bool,
    origins: Vec<(String, String)>,
}

impl ArrivalTemplate {
    /// Why the fence asks, in the language of the page.
    fn why(&self, signal: &Signal) -> String {
        let which = usize::from(self.c.lang == crate::Lang::En);
        signal.why.as_ref().map_or(String::new(), |(_, words)| words[which].clone())
    }
}

/// One arrival.
pub(crate) async fn one(ctx: Ctx, Path(id): Path<Uuid>) -> Answer {
    let view = ctx.app().view_arrival(&ctx.actor, FactId::new(id), ctx.wall()).await?;
    let c = Chrome::of(&ctx);
    let class = view.line.class.map_or_else(|| c.t("arr-class-none"), |class| c.word("arr-class", class.name()));
    let measure = measure_word(&c, &view.line.record.measure);
    let may_answer = !purposes(ctx.actor.role, Action::AnswerArrivals).is_empty();
    let origins = super::announce::origins(&c);
    page(&ArrivalTemplate { c, view, class, measure, may_answer, origins })
}

/// What came of asking.
pub(crate) async fn answer(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    ctx.app().answer_arrival(&ctx.actor, FactId::new(id), fields.get("answer"), fields.get("from"), ctx.wall()).await?;
    on_to(&format!("/arrivals/{id}"))
}

/// Parts two records that are two people.
pub(crate) async fn part(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    ctx.app().part_records(&ctx.actor, FactId::new(id), ctx.wall()).await?;
    match Uuid::try_parse(fields.get("back")) {
        Ok(back) => on_to(&format!("/arrivals/{back}")),
        Err(_) => on_to("/arrivals"),
    }
}

/// The form of staff; kept on the device.
pub(crate) async fn form(ctx: Ctx) -> Answer {
    sizao_app::authorization::usual_purpose(&ctx.actor, Action::EnterArrivals)?;
    let c = Chrome::keeping(&ctx);
    page(&FormOf::staff(c, &ctx, Announcement::default(), None)).map(kept)
}

/// An arrival told to staff.
pub(crate) async fn enter(Sent(ctx, fields): Sent) -> Answer {
    use sizao_app::authorization::usual_purpose;
    usual_purpose(&ctx.actor, Action::EnterArrivals)?;
    let entry = Entry::of(&fields, ctx.wall())?;
    let form = super::announce::announcement(&fields);
    match ctx.app().announce_by_staff(&ctx.actor, &form, &entry.key, ctx.wall()).await {
        Ok(announced) => Ok(received(&ctx.asked, announced.fact, "/arrivals/new")),
        Err(error) if ctx.asked.json => Err(error.into()),
        Err(error) => {
            let wrong = super::wrong(error, ctx.asked.lang)?;
            let c = Chrome::keeping(&ctx);
            super::page_with(axum::http::StatusCode::UNPROCESSABLE_ENTITY, &FormOf::staff(c, &ctx, form, Some(wrong)))
        }
    }
}
