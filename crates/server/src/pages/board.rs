//! The board (态势): sentence, figures, map, four earlies, curve, counties.

use std::{borrow::Borrow, sync::Arc};

use askama::Template;
use axum::extract::Query;
use serde::Deserialize;
use sizao_app::{
    Refusal,
    authorization::{Action, purposes},
    board::{Board, DayCount, Early, Group},
    loops::LoopFilter,
};
use sizao_model::{DivisionCode, division::DivisionLevel};

use super::{Answer, page};
use crate::{
    charts,
    context::Ctx,
    map,
    view::{Chrome, number},
};

/// Counties in the table beside the map.
const COUNTIES_SHOWN: usize = 5;

#[derive(Deserialize)]
pub(crate) struct Which {
    division: Option<String>,
}

#[derive(Template)]
#[template(path = "board.html")]
struct BoardPage {
    c: Chrome,
    board: Arc<Board>,
    map: map::Drawn,
    curve: String,
    curve_words: String,
    counties: Vec<County>,
    more: usize,
    up: Option<DivisionCode>,
    signals: Vec<sizao_app::signals::SignalLine>,
    sees_signals: bool,
    reproduction: Option<sizao_app::signals::Reproduction>,
    loops: Option<Vec<(LoopFilter, u64)>>,
}

struct County {
    code: DivisionCode,
    name: String,
    week: String,
    day: String,
    rate: String,
}

impl BoardPage {
    fn figure(&self, group: impl Borrow<Group>) -> String {
        self.board.figure(*group.borrow()).map_or("<5".to_owned(), |count| number(&count))
    }

    fn is_bad(&self, filter: &LoopFilter, count: &u64) -> bool {
        *count > 0 && matches!(filter, LoopFilter::Overdue | LoopFilter::Owed)
    }

    fn grouped(&self, count: &u64) -> String {
        number(count)
    }

    fn hides(&self, day: &DayCount) -> bool {
        self.board.is_hidden(day.day)
    }

    fn is_zero(&self, group: impl Borrow<Group>) -> bool {
        self.board.figure(*group.borrow()) == Some(0)
    }

    /// Where a number's rows are.
    fn rows(&self, group: impl Borrow<Group>) -> String {
        format!("/people?group={}&division={}", group.borrow().name(), self.board.within)
    }

    /// Infections of seven days.
    fn week(&self) -> u64 {
        [Group::Confirmed7d, Group::Asymptomatic7d].iter().filter_map(|group| self.board.figure(*group)).sum()
    }

    fn in_control(&self) -> Option<u64> {
        let outside = self.board.figure(Group::InCommunity7d)?;
        let week = self.week();
        (week > 0).then(|| week.saturating_sub(outside) * 100 / week)
    }

    /// The sentence above everything: what is the matter, misses first.
    fn sentence(&self) -> String {
        let c = &self.c;
        let new = match self.board.figure(Group::New24h) {
            Some(count) => c.n("board-new", count),
            None => c.t("board-new-few"),
        };
        let missed: Vec<String> = self
            .board
            .earlies
            .iter()
            .filter(|early| early.is_missed())
            .map(|early| c.word("early", early.name))
            .collect();
        let targets = if missed.is_empty() {
            c.t("board-targets-kept")
        } else {
            c.t1("board-targets-missed", "which", missed.join(&c.t("list-and")))
        };
        format!("{new}{targets}")
    }

    /// The bar of an early: a length and the tick of its target, in units of the drawing.
    fn bar(&self, early: &Early) -> (u64, u64) {
        (early.in_time_percent.unwrap_or(0), early.target_percent)
    }

    fn late(&self, early: &Early) -> String {
        number(&early.counts.late)
    }

    fn all(&self, early: &Early) -> String {
        number(&early.counts.all)
    }
}

/// The board of one's own division, or of one under it.
pub(crate) async fn show(ctx: Ctx, Query(which): Query<Which>) -> Answer {
    let of = match which.division.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => Some(DivisionCode::parse(text).map_err(|_| Refusal::NotFound)?),
        None => None,
    };
    let board = ctx.app().board(&ctx.actor, of).await?;
    let signals = ctx.app().board_signals(&ctx.actor, board.within).await?;
    let loops = ctx.app().open_loops(&ctx.actor, board.within).await?;
    let sees_signals = !purposes(ctx.actor.role, Action::ViewSignals).is_empty();
    let reproduction = board.opens.then(|| sizao_app::App::reproduction(&board.curve)).flatten();
    let c = Chrome::of(&ctx);
    let map = map::draw(&board, c.lang);
    let (curve, curve_words) = charts::curve(&board.curve, &c);
    let shown = |count: Option<u64>| count.map_or("<5".to_owned(), |count| number(&count));
    let mut counties: Vec<County> = board
        .counties
        .iter()
        .map(|line| County {
            code: line.county,
            name: c.place(&line.county),
            week: shown(line.week),
            day: shown(line.day),
            rate: line
                .week
                .and_then(|week| map::rate(line.county, week))
                .map_or("–".to_owned(), |rate| format!("{rate:.2}")),
        })
        .collect();
    let more = counties.len().saturating_sub(COUNTIES_SHOWN);
    counties.truncate(COUNTIES_SHOWN);
    let up = (board.within != ctx.actor.division).then(|| {
        let city = board.within.at(DivisionLevel::City).filter(|city| *city != board.within);
        city.filter(|city| city.is_under(ctx.actor.division)).unwrap_or(ctx.actor.division)
    });
    page(&BoardPage {
        c,
        board,
        map,
        curve,
        curve_words,
        counties,
        more,
        up,
        signals,
        sees_signals,
        reproduction,
        loops,
    })
}
