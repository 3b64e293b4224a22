//! Oneself, divisions, the board, and the log for its auditor.

use axum::{Json, http::StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sizao_app::{
    authorization::{Action, purposes},
    board::{self, Early},
    places,
};
use sizao_model::division::DivisionLevel;

use super::{
    Operation, Told, op,
    read::{Asks, Id},
    wire::{ActionWord, Anything, Day, Division, GroupWord, Key, Moment, Number, PurposeWord, RoleWord},
};
use crate::{
    context::Ctx,
    lang::Lang,
    routes::Who::{May, SignedIn},
};

pub(super) const OPERATIONS: &[Operation] = &[
    op!(get "/me" SignedIn => me)
        .says("me", "On whose behalf the token acts, and for what")
        .gives::<Me>(200),
    op!(get "/divisions" SignedIn => divisions)
        .says("listDivisions", "Provinces, cities and counties")
        .more("At most 500 an answer, in the order of their codes; `next` is the `after` of the following one.")
        .query::<WhichDivisions>()
        .gives::<Divisions>(200),
    op!(get "/board" May(Action::ViewBoard) => board)
        .says("board", "What is counted for a division")
        .more("Every number but the smallest is counted by the same condition as the list of the group of that name. For those who publish, counts from 1 to 4 are null.")
        .query::<WhichBoard>()
        .gives::<Board>(200),
    op!(get "/log/head" May(Action::VerifyLog) => head)
        .says("logHead", "The signed head of the log")
        .gives::<Anything>(200),
    op!(get "/log/proofs/{id}" May(Action::VerifyLog) => inclusion)
        .says("proveInclusion", "The proof that a fact is in the log")
        .more("An outsider checks it with docs/verify.py.")
        .gives::<Anything>(200),
    op!(get "/log/consistency" May(Action::VerifyLog) => consistency)
        .says("proveConsistency", "The proof that the log begins with an earlier one")
        .query::<Since>()
        .gives::<Anything>(200),
    op!(get "/accesses" May(Action::ViewAccess) => accesses)
        .says("listAccesses", "Who looked at whom, and why")
        .more("A hundred an answer, latest first; `next` is the `before` of the following one.")
        .query::<Before>()
        .gives::<Accesses>(200),
];

/// Oneself.
#[derive(Serialize, JsonSchema)]
struct Me {
    account: Key,
    name: String,
    role: RoleWord,
    unit: Key,
    unit_name: String,
    division: Division,
    /// What the token may be used for.
    scopes: Vec<Scope>,
}

#[derive(Serialize, JsonSchema)]
struct Scope {
    action: ActionWord,
    purposes: Vec<PurposeWord>,
}

async fn me(ctx: Ctx) -> Told<Me> {
    let actor = ctx.actor;
    let scopes = actor.scopes.unwrap_or_default().into_iter().map(|action| Scope {
        action: ActionWord(action),
        purposes: purposes(actor.role, action).iter().copied().map(PurposeWord).collect(),
    });
    let me = Me {
        account: Key(actor.account),
        name: actor.name,
        role: RoleWord(actor.role),
        unit: Key(actor.unit),
        unit_name: actor.unit_name,
        division: Division(actor.division),
        scopes: scopes.collect(),
    };
    Ok((StatusCode::OK, Json(me)))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WhichDivisions {
    /// This division and those in it.
    under: Option<Division>,
    /// Those after this one.
    after: Option<Division>,
}

#[derive(Serialize, JsonSchema)]
struct Divisions {
    divisions: Vec<DivisionLine>,
    next: Option<Division>,
}

#[derive(Serialize, JsonSchema)]
struct DivisionLine {
    code: Division,
    name: &'static str,
    /// In Henan.
    name_en: Option<String>,
    level: &'static str,
}

const DIVISIONS_MAX: usize = 500;

async fn divisions(_: Ctx, Asks(which): Asks<WhichDivisions>) -> Told<Divisions> {
    let key = |code: sizao_model::DivisionCode| (code.sort_key(), code.to_string().len());
    let after = which.after.map(|after| key(after.0));
    let all = places::under(which.under.map(|under| under.0))
        .filter(|(code, _)| after.is_none_or(|after| key(*code) > after));
    let line = |(code, name)| DivisionLine {
        code: Division(code),
        name,
        name_en: crate::map::english(code),
        level: match code.level() {
            DivisionLevel::Province => "province",
            DivisionLevel::City => "city",
            _ => "county",
        },
    };
    let mut divisions: Vec<DivisionLine> = all.take(DIVISIONS_MAX + 1).map(line).collect();
    let more = divisions.len() > DIVISIONS_MAX;
    divisions.truncate(DIVISIONS_MAX);
    let next = divisions.last().map(|line| line.code).filter(|_| more);
    Ok((StatusCode::OK, Json(Divisions { divisions, next })))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WhichBoard {
    /// A division within one's own; without it, one's own.
    division: Option<Division>,
}

/// What is counted for a division, at one moment.
#[derive(Serialize, JsonSchema)]
struct Board {
    division: Division,
    at: Moment,
    figures: Vec<Figure>,
    /// The four earlies against their targets.
    earlies: Vec<EarlyLine>,
    /// Infections by day of record, 28 days.
    curve: Vec<DayLine>,
    counties: Vec<CountyLine>,
}

#[derive(Serialize, JsonSchema)]
struct Figure {
    group: GroupWord,
    /// What is counted.
    definition: String,
    count: Option<u64>,
}

#[derive(Serialize, JsonSchema)]
struct EarlyLine {
    name: &'static str,
    in_time_percent: Option<u64>,
    target_percent: u64,
    missed: bool,
}

#[derive(Serialize, JsonSchema)]
struct DayLine {
    day: Day,
    /// Nothing when it is hidden because it is small.
    confirmed: Option<u64>,
    asymptomatic: Option<u64>,
}

#[derive(Serialize, JsonSchema)]
struct CountyLine {
    division: Division,
    /// In seven days.
    week: Option<u64>,
    /// On the last of them.
    day: Option<u64>,
}

async fn board(ctx: Ctx, Asks(which): Asks<WhichBoard>) -> Told<Board> {
    let found = ctx.app().board(&ctx.actor, which.division.map(|division| division.0)).await?;
    let figure = |(group, count): &(board::Group, Option<u64>)| Figure {
        group: GroupWord(*group),
        definition: crate::lang::text(Lang::En, &format!("def-{}", group.name()), &[]),
        count: *count,
    };
    let early = |early: &Early| EarlyLine {
        name: early.name,
        in_time_percent: early.in_time_percent,
        target_percent: early.target_percent,
        missed: early.is_missed(),
    };
    let board = Board {
        division: Division(found.within),
        at: Moment(found.at),
        figures: found.figures.iter().map(figure).collect(),
        earlies: found.earlies.iter().map(early).collect(),
        curve: found
            .curve
            .iter()
            .map(|count| {
                let shown = |value: u64| (!found.is_hidden(count.day)).then_some(value);
                DayLine {
                    day: Day(count.day),
                    confirmed: shown(count.confirmed),
                    asymptomatic: shown(count.asymptomatic),
                }
            })
            .collect(),
        counties: found
            .counties
            .iter()
            .map(|line| CountyLine { division: Division(line.county), week: line.week, day: line.day })
            .collect(),
    };
    Ok((StatusCode::OK, Json(board)))
}

async fn head(ctx: Ctx) -> Told<Anything> {
    Ok((StatusCode::OK, Json(Anything(ctx.app().checkpoint(&ctx.actor).await?))))
}

async fn inclusion(ctx: Ctx, Id(id): Id) -> Told<Anything> {
    let proof = ctx.app().prove_fact(&ctx.actor, sizao_model::FactId::new(id)).await?;
    Ok((StatusCode::OK, Json(Anything(proof))))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Since {
    /// Number of leaves of the earlier log.
    since: Number,
}

async fn consistency(ctx: Ctx, Asks(which): Asks<Since>) -> Told<Anything> {
    Ok((StatusCode::OK, Json(Anything(ctx.app().prove_since(&ctx.actor, which.since.0).await?))))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Before {
    /// Lines with smaller numbers.
    before: Option<Number>,
}

#[derive(Serialize, JsonSchema)]
struct Accesses {
    accesses: Vec<Access>,
    next: Option<i64>,
}

/// One reading or deed.
#[derive(Serialize, JsonSchema)]
pub(super) struct Access {
    no: i64,
    at: Moment,
    who: String,
    unit: String,
    action: String,
    purpose: String,
    /// Number of the person, which says nothing about who it is.
    person: Option<String>,
    reason: String,
    request: String,
}

impl Access {
    pub(super) fn of(line: sizao_app::people::Look) -> Self {
        Self {
            no: line.no,
            at: Moment(line.record.at),
            who: line.who,
            unit: line.unit_name,
            action: line.record.action,
            purpose: line.record.purpose,
            person: line.record.person.map(sizao_app::people::number),
            reason: line.record.reason,
            request: line.record.request,
        }
    }
}

async fn accesses(ctx: Ctx, Asks(which): Asks<Before>) -> Told<Accesses> {
    let lines = ctx.app().list_accesses(&ctx.actor, which.before.map(|before| before.0 as i64)).await?;
    let next = lines.last().map(|line| line.no).filter(|_| lines.len() == 100);
    Ok((StatusCode::OK, Json(Accesses { accesses: lines.into_iter().map(Access::of).collect(), next })))
}
