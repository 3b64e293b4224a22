//! Lists of people, and search: masked, fifty a page.

use askama::Template;
use axum::{
    extract::{Path, Query},
    http::StatusCode,
};
use serde::Deserialize;
use sizao_app::{
    Refusal,
    authorization::{Action, purposes},
    board::Group,
    people::{PeoplePage, PersonLine},
    saved_views::SavedView,
};
use sizao_model::{Colour, DivisionCode, MeasureKind, PersonId};
use uuid::Uuid;

use super::{Answer, Wrong, beside, on_to, page_with};
use crate::{
    context::Ctx,
    form::Sent,
    view::{self, Chrome},
};

#[derive(Default, Deserialize)]
pub(crate) struct Which {
    #[serde(default)]
    q: String,
    #[serde(default)]
    group: String,
    #[serde(default)]
    division: String,
    #[serde(default)]
    after: String,
}

#[derive(Template)]
#[template(path = "people.html")]
struct PeopleTemplate {
    c: Chrome,
    page: PeoplePage,
    q: String,
    group: Option<Group>,
    chips: [Group; 8],
    lines: Vec<Line>,
    next: Option<String>,
    at: String,
    wrong: Option<String>,
    may_break: bool,
    views: Vec<SavedView>,
    unsaved: Option<Wrong>,
}

impl PeopleTemplate {
    fn is_current(&self, chip: &Group) -> bool {
        self.group == Some(*chip)
    }

    fn is_shown(&self, view: &SavedView) -> bool {
        self.group.is_some_and(|group| group.name() == view.group) && self.page.within == view.division
    }

    fn beside(&self, field: &str) -> Option<&str> {
        beside(&self.unsaved, field)
    }
}

/// A line as it is shown.
pub(crate) struct Line {
    pub(crate) id: Uuid,
    pub(crate) number: String,
    pub(crate) name: String,
    pub(crate) place: String,
    pub(crate) status: &'static str,
    pub(crate) onset: String,
    pub(crate) reported: String,
    pub(crate) measure: Option<&'static str>,
    pub(crate) ends: String,
}

impl Line {
    pub(crate) fn of(line: &PersonLine, c: &Chrome, now: sizao_model::Instant) -> Self {
        let dash = || "–".to_owned();
        let active =
            line.assessment.as_ref().map(|found| found.measures.iter().filter(|measure| measure.is_active(now)));
        let strictest = active.and_then(|active| active.max_by_key(|measure| MeasureKind::strictness(measure.kind())));
        Self {
            id: line.person.uuid(),
            number: line.number.clone(),
            name: line.name.clone().unwrap_or_else(|| line.number.clone()),
            place: line.division.map_or_else(dash, |division| c.place(&division)),
            status: match line.course.as_ref().map(|course| course.status) {
                Some(2) => "confirmed",
                Some(3) => "asymptomatic",
                Some(1) => "suspected",
                Some(_) => "contact",
                None => "none",
            },
            onset: line.course.as_ref().and_then(|course| course.onset_on).map_or_else(dash, |day| c.on(&day)),
            reported: line
                .course
                .as_ref()
                .and_then(|course| course.reported_at.or(course.contact_at))
                .map_or_else(dash, |at| c.at(&at)),
            measure: strictest.map(|measure| measure.kind().name()),
            ends: strictest.map_or_else(dash, |measure| c.at(&measure.ends_at())),
        }
    }
}

pub(crate) const fn colour_name(colour: Colour) -> &'static str {
    match colour {
        Colour::Green => "green",
        Colour::Yellow => "yellow",
        Colour::Red => "red",
    }
}

/// Groups offered above the list.
const CHIPS: [Group; 8] = [
    Group::UnderMeasures,
    Group::New24h,
    Group::New7d,
    Group::InCommunity7d,
    Group::Contacts7d,
    Group::IsolationLate,
    Group::ChangingSoon,
    Group::DueNotReleased,
];

/// A list by group and division, or by a search.
pub(crate) async fn list(ctx: Ctx, Query(which): Query<Which>) -> Answer {
    shown(&ctx, which, None).await
}

/// Saves the list that is shown under a name.
pub(crate) async fn save_view(Sent(ctx, fields): Sent) -> Answer {
    let (group, division) = (fields.get("group"), fields.get("division"));
    match ctx.app().save_view(&ctx.actor, fields.get("view_name"), group, division, ctx.wall()).await {
        Ok(()) => on_to(&address(group, division)),
        Err(error) => {
            let wrong = super::wrong(error, ctx.asked.lang)?;
            let which = Which { group: group.to_owned(), ..Which::default() };
            shown(&ctx, which, Some(wrong)).await
        }
    }
}

/// Forgets a saved list.
pub(crate) async fn drop_view(Path(id): Path<Uuid>, Sent(ctx, _): Sent) -> Answer {
    ctx.app().drop_view(&ctx.actor, id).await?;
    on_to("/people")
}

fn address(group: &str, division: &str) -> String {
    // Both are words that were just checked, never free text.
    format!("/people?group={group}&division={division}")
}

async fn shown(ctx: &Ctx, which: Which, unsaved: Option<Wrong>) -> Answer {
    let c = Chrome::of(ctx);
    let now = ctx.app().now();
    let after = Uuid::try_parse(&which.after).ok().map(PersonId::new);
    let mut wrong = None;
    let (group, found) = if which.q.trim().is_empty() {
        let group = Group::from_name(&which.group).unwrap_or(Group::UnderMeasures);
        let of = match which.division.as_str() {
            "" => None,
            text => Some(DivisionCode::parse(text).map_err(|_| Refusal::NotFound)?),
        };
        (Some(group), ctx.app().list_people(&ctx.actor, group, of, after).await?)
    } else {
        match ctx.app().search(&ctx.actor, &which.q, ctx.wall()).await {
            Ok(found) => (None, found),
            Err(error) => {
                wrong = Some(super::wrong(error, c.lang)?.text);
                let none = PeoplePage { lines: Vec::new(), total: None, next: None, within: ctx.actor.division };
                (None, none)
            }
        }
    };
    let lines = found.lines.iter().map(|line| Line::of(line, &c, now)).collect();
    let next = found
        .next
        .zip(group)
        .map(|(next, group)| format!("/people?group={}&division={}&after={}", group.name(), found.within, next.uuid()));
    let may_break = !purposes(ctx.actor.role, Action::BreakGlass).is_empty();
    let at = view::moment(c.lang, now);
    let q = which.q.chars().take(80).collect();
    let views = ctx.app().saved_views(&ctx.actor).await?;
    let status = if unsaved.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page_with(
        status,
        &PeopleTemplate { c, page: found, q, group, chips: CHIPS, lines, next, at, wrong, may_break, views, unsaved },
    )
}
