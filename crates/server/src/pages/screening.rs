//! Who of the key groups is due today, who was reminded, self tests to be followed; plans and rounds.

use askama::Template;
use axum::{extract::Query, http::StatusCode};
use serde::Deserialize;
use sizao_app::{
    AppError, Refusal,
    laboratory::outcome_name,
    screening::{
        DueDay, DueLine, Frequency, KeyGroup, Limit, NewRound, PlanForm, PlanView, PoolMode, RoundView, SelfTestTask,
    },
};
use sizao_model::{CivilDay, PersonId};
use uuid::Uuid;

use super::{Answer, Wrong, beside, on_to, page, page_with, wrong};
use crate::{context::Ctx, form::Sent, lang::Lang, view::Chrome};

#[derive(Template)]
#[template(path = "screening.html")]
struct DuePage {
    c: Chrome,
    due: DueDay,
    tests: Vec<SelfTestTask>,
    group: String,
    next: Option<String>,
    is_today: bool,
    at: String,
}

impl DuePage {
    fn name(&self, group: &KeyGroup) -> String {
        if self.c.lang == Lang::Zh { group.name_zh.clone() } else { group.name.clone() }
    }

    fn often(&self, group: &KeyGroup) -> String {
        match group.frequency {
            Frequency::EveryDays(1) => self.c.t("often-daily"),
            Frequency::EveryDays(days) => self.c.t1("often-days", "n", days),
            Frequency::PerWeek(times) => self.c.t1("often-week", "n", times),
            Frequency::RotaDays(days) => self.c.t1("often-rota", "n", days),
        }
    }

    fn pool(&self, group: &KeyGroup) -> String {
        self.c.word(
            "pool-mode",
            match group.pool {
                PoolMode::Single => "single",
                PoolMode::Household => "household",
                PoolMode::Pool5 => "pool5",
                PoolMode::Pool10 => "pool10",
                PoolMode::Pool20 => "pool20",
            },
        )
    }

    fn owner(&self, group: &KeyGroup) -> String {
        self.c.word("owner", &group.owner.replace('_', "-"))
    }

    fn group_of(&self, line: &DueLine) -> String {
        self.due.groups.get(line.group).map_or_else(String::new, |of| self.name(&of.group))
    }

    fn value(&self, line: &DueLine) -> String {
        format!("{}|{}", line.line.person.uuid(), line.since)
    }

    fn reminded(&self, line: &DueLine) -> Option<String> {
        line.reminded_at.map(|at| self.c.at(&at))
    }

    fn is_late(&self, line: &DueLine) -> bool {
        line.since < self.due.day
    }

    fn late(&self) -> u64 {
        self.due.groups.iter().map(|group| group.late).sum()
    }

    fn outcome(&self, task: &SelfTestTask) -> String {
        self.c.word("outcome", outcome_name(task.outcome))
    }

    fn taken(&self, task: &SelfTestTask) -> String {
        self.c.at(&task.test.taken_at)
    }

    fn done(&self, task: &SelfTestTask) -> Option<String> {
        task.done_at.map(|at| self.c.at(&at))
    }
}

#[derive(Deserialize)]
pub(crate) struct Which {
    #[serde(default)]
    day: String,
    #[serde(default)]
    group: String,
    #[serde(default)]
    page: String,
}

/// The due list of a day.
pub(crate) async fn due(ctx: Ctx, Query(which): Query<Which>) -> Answer {
    let day = match which.day.trim() {
        "" => None,
        text => Some(CivilDay::parse(text).map_err(|_| Refusal::field("day", "sen-day"))?),
    };
    let at_page: usize = which.page.parse().unwrap_or(0);
    let group = Some(which.group.as_str()).filter(|group| !group.is_empty());
    let due = ctx.app().due_day(&ctx.actor, day, group, at_page, ctx.wall()).await?;
    let tests = ctx.app().self_test_tasks(&ctx.actor).await?;
    let shown = at_page * sizao_app::screening::PAGE + due.lines.len();
    let next = ((shown as u64) < due.total)
        .then(|| format!("/screening?day={}&group={}&page={}", due.day, which.group, at_page + 1));
    let c = Chrome::of(&ctx);
    let (is_today, at) = (due.day == ctx.app().now().day(), c.at(&ctx.app().now()));
    page(&DuePage { c, due, tests, group: which.group, next, is_today, at })
}

/// Notes that people were reminded.
pub(crate) async fn reminded(Sent(ctx, fields): Sent) -> Answer {
    let parse = |text: &str| {
        let (person, since) = text.split_once('|')?;
        Some((PersonId::new(Uuid::try_parse(person).ok()?), CivilDay::parse(since).ok()?))
    };
    let people: Vec<(PersonId, CivilDay)> = fields.all("due").filter_map(parse).collect();
    ctx.app().note_reminded(&ctx.actor, &people, ctx.wall()).await?;
    on_to("/screening")
}

#[derive(Template)]
#[template(path = "plans.html")]
struct PlansPage {
    c: Chrome,
    form: PlanForm,
    plan: Option<PlanView>,
    rounds: Vec<RoundView>,
    new_round: NewRound,
    wrong: Option<Wrong>,
}

impl PlansPage {
    fn beside(&self, field: &str) -> Option<&str> {
        beside(&self.wrong, field)
    }

    fn limit(&self, limit: &Limit) -> String {
        self.c.word("plan-limit", &limit.name().replace('_', "-"))
    }

    fn share(&self, value: &f64) -> String {
        format!("{:.2} %", value * 100.0)
    }

    fn five(&self, value: &f64) -> String {
        format!("{value:.5}")
    }

    fn one(&self, value: &f64) -> String {
        format!("{value:.1}")
    }

    fn sum(&self, view: &RoundView, what: &str) -> String {
        let sum = match what {
            "tubes" => view.sum(|count| count.tubes),
            "swabs" => view.sum(|count| count.swabs),
            "received" => view.sum(|count| count.received),
            "told" => view.sum(|count| count.told),
            _ => view.sum(|count| count.not_negative),
        };
        crate::view::number(&sum)
    }

    fn thousands(&self, value: &u64) -> String {
        crate::view::number(value)
    }

    /// Labels, names and values of the form, in their order.
    fn fields(&self) -> Vec<(&'static str, String, &str)> {
        let form = &self.form;
        let all: [(&'static str, &String); 18] = [
            ("population", &form.population),
            ("prevalence", &form.prevalence),
            ("pool", &form.pool),
            ("sensitivity", &form.sensitivity),
            ("specificity", &form.specificity),
            ("per_desk_hour", &form.per_desk_hour),
            ("open_hours", &form.open_hours),
            ("people_per_site", &form.people_per_site),
            ("machines", &form.machines),
            ("samples_per_run", &form.samples_per_run),
            ("run_minutes", &form.run_minutes),
            ("transport_minutes", &form.transport_minutes),
            ("desks", &form.desks),
            ("samplers", &form.samplers),
            ("target_hours", &form.target_hours),
            ("ct_mean", &form.ct_mean),
            ("ct_sd", &form.ct_sd),
            ("ct_limit", &form.ct_limit),
        ];
        all.into_iter()
            .map(|(name, value)| (name, self.c.word("plan", &name.replace('_', "-")), value.as_str()))
            .collect()
    }
}

/// The planner, and the rounds with how far they have come.
pub(crate) async fn plans(ctx: Ctx, Query(sent): Query<Vec<(String, String)>>) -> Answer {
    let mut form = PlanForm::default();
    let get = |name: &str| sent.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone());
    for (name, place) in [
        ("population", &mut form.population),
        ("prevalence", &mut form.prevalence),
        ("pool", &mut form.pool),
        ("sensitivity", &mut form.sensitivity),
        ("specificity", &mut form.specificity),
        ("ct_mean", &mut form.ct_mean),
        ("ct_sd", &mut form.ct_sd),
        ("ct_limit", &mut form.ct_limit),
        ("per_desk_hour", &mut form.per_desk_hour),
        ("open_hours", &mut form.open_hours),
        ("people_per_site", &mut form.people_per_site),
        ("machines", &mut form.machines),
        ("samples_per_run", &mut form.samples_per_run),
        ("run_minutes", &mut form.run_minutes),
        ("transport_minutes", &mut form.transport_minutes),
        ("desks", &mut form.desks),
        ("samplers", &mut form.samplers),
        ("target_hours", &mut form.target_hours),
    ] {
        if let Some(value) = get(name) {
            *place = value.chars().take(20).collect();
        }
    }
    shown(
        &ctx,
        form,
        NewRound {
            capacity: "10".to_owned(),
            hours: "24".to_owned(),
            area: ctx.actor.division.to_string(),
            ..NewRound::default()
        },
        None,
    )
    .await
}

async fn shown(ctx: &Ctx, form: PlanForm, new_round: NewRound, refused: Option<Wrong>) -> Answer {
    let rounds = ctx.app().list_rounds(&ctx.actor).await?;
    let c = Chrome::of(ctx);
    let (plan, found) = match ctx.app().plan(&ctx.actor, &form) {
        Ok(plan) => (Some(plan), None),
        Err(error) => (None, Some(wrong(error, ctx.asked.lang)?)),
    };
    let wrong = refused.or(found);
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page_with(status, &PlansPage { c, form, plan, rounds, new_round, wrong })
}

/// Opens a round.
pub(crate) async fn open_round(Sent(ctx, fields): Sent) -> Answer {
    let form = NewRound {
        name: fields.text("name"),
        area: fields.text("area"),
        hours: fields.text("hours"),
        capacity: fields.text("capacity"),
        sites: fields.text("sites"),
    };
    match ctx.app().open_round(&ctx.actor, &form, ctx.wall()).await {
        Ok(_) => on_to("/plans#rounds"),
        Err(error @ AppError::Refused(Refusal::Field { .. })) => {
            let refused = wrong(error, ctx.asked.lang)?;
            shown(&ctx, PlanForm::default(), form, Some(refused)).await
        }
        Err(other) => Err(other.into()),
    }
}
