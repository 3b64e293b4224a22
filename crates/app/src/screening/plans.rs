//! What a round needs before it is opened: pool sizes, desks, samplers, tubes, the laboratories' load, and what binds.

use sizao_epi::{
    EpiError,
    pooling::{Assay, Dilution, PoolDesign, best_size, plan_dorfman, square_array_tests},
    site_plan::{Available, LabCapacity, RoundOrder, RoundPlan, plan_round},
};

use crate::{
    App, AppError,
    authorization::{Action, Purpose, can},
    identity::Actor,
    refusal::Refusal,
};

/// Sizes that are compared.
const SIZES: [u32; 5] = [3, 5, 10, 20, 30];
/// The largest size that is looked at for the best one.
const SIZE_MAX: u32 = 400;

/// What a round is planned from, as typed. Empty: the value in brackets.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are those of the form, with units in its labels")]
pub struct PlanForm {
    pub population: String,
    pub prevalence: String,
    pub pool: String,
    pub sensitivity: String,
    pub specificity: String,
    pub ct_mean: String,
    pub ct_sd: String,
    pub ct_limit: String,
    pub per_desk_hour: String,
    pub open_hours: String,
    pub people_per_site: String,
    pub machines: String,
    pub samples_per_run: String,
    pub run_minutes: String,
    pub transport_minutes: String,
    pub desks: String,
    pub samplers: String,
    pub target_hours: String,
}

impl Default for PlanForm {
    fn default() -> Self {
        let text = str::to_owned;
        Self {
            population: text("1000000"),
            prevalence: text("0.0001"),
            pool: text("10"),
            sensitivity: text("1"),
            specificity: text("1"),
            ct_mean: String::new(),
            ct_sd: String::new(),
            ct_limit: String::new(),
            per_desk_hour: text("100"),
            open_hours: text("10"),
            people_per_site: text("2000"),
            machines: text("100"),
            samples_per_run: text("92"),
            run_minutes: text("90"),
            transport_minutes: text("0"),
            desks: String::new(),
            samplers: String::new(),
            target_hours: text("24"),
        }
    }
}

/// A pool size with what it costs and misses.
#[derive(Clone, Copy, Debug)]
pub struct PoolRow {
    /// The design.
    pub design: PoolDesign,
    /// The fewest tests of all sizes.
    pub is_best: bool,
    /// The size that the plan uses.
    pub is_chosen: bool,
}

/// A plan.
#[derive(Clone, Debug)]
pub struct PlanView {
    /// Pool sizes.
    pub pools: Vec<PoolRow>,
    /// Tests for each person in a square array of ten by ten, perfect test.
    pub array: f64,
    /// The round.
    pub round: RoundPlan,
}

impl App {
    /// Plans a round. Nothing is stored.
    ///
    /// # Errors
    /// [`Refusal::Field`] naming the field that cannot be.
    pub fn plan(&self, actor: &Actor, form: &PlanForm) -> Result<PlanView, AppError> {
        can(actor, Action::PlanRounds, actor.division, Purpose::Control)?;
        let number = |field: &'static str, text: &str| -> Result<f64, Refusal> {
            let text = text.trim().replace(',', "");
            text.parse().ok().filter(|value: &f64| value.is_finite()).ok_or(Refusal::field(field, "plan-number"))
        };
        let whole = |field: &'static str, text: &str| -> Result<u32, Refusal> {
            text.trim().replace(',', "").parse().map_err(|_| Refusal::field(field, "plan-number"))
        };
        let some = |field: &'static str, text: &str| -> Result<Option<u32>, Refusal> {
            if text.trim().is_empty() { Ok(None) } else { whole(field, text).map(Some) }
        };
        let prevalence = number("prevalence", &form.prevalence)?;
        let said = |field: &'static str| move |_: EpiError| Refusal::field(field, "plan-share");
        let mut assay =
            Assay::new(number("sensitivity", &form.sensitivity)?, number("specificity", &form.specificity)?)
                .map_err(said("sensitivity"))?;
        if [&form.ct_mean, &form.ct_sd, &form.ct_limit].iter().any(|text| !text.trim().is_empty()) {
            let dilution = Dilution {
                ct_mean: number("ct_mean", &form.ct_mean)?,
                ct_sd: number("ct_sd", &form.ct_sd)?,
                ct_limit: number("ct_limit", &form.ct_limit)?,
            };
            assay = assay.with_dilution(dilution).map_err(|_| Refusal::field("ct_sd", "plan-number"))?;
        }
        let chosen = whole("pool", &form.pool)?;
        let best = best_size(prevalence, &assay, SIZE_MAX).map_err(said("prevalence"))?;
        let mut sizes: Vec<u32> = SIZES.into_iter().chain([chosen, best.size]).collect();
        sizes.sort_unstable();
        sizes.dedup();
        let row = |size| {
            let design = plan_dorfman(prevalence, size, &assay).map_err(said("pool"))?;
            Ok(PoolRow { design, is_best: size == best.size, is_chosen: size == chosen })
        };
        let pools = sizes.into_iter().map(row).collect::<Result<Vec<_>, Refusal>>()?;
        let order = RoundOrder {
            population: number("population", &form.population)?.max(0.0) as u64,
            people_per_desk_hour: number("per_desk_hour", &form.per_desk_hour)?,
            open_hours: number("open_hours", &form.open_hours)?,
            samplers_per_desk: 1,
            others_per_desk: 1,
            shift_hours: 4.0,
            people_per_site: whole("people_per_site", &form.people_per_site)?,
            pool_size: chosen,
            prevalence,
            assay,
            lab: LabCapacity {
                machines: whole("machines", &form.machines)?,
                samples_per_run: whole("samples_per_run", &form.samples_per_run)?,
                run_minutes: whole("run_minutes", &form.run_minutes)?,
                transport_minutes: whole("transport_minutes", &form.transport_minutes)?,
            },
            available: Available { desks: some("desks", &form.desks)?, samplers: some("samplers", &form.samplers)? },
            target_hours: number("target_hours", &form.target_hours)?,
        };
        let round = plan_round(&order).map_err(|error| Refusal::field(field_of(&error), "plan-number"))?;
        let array = square_array_tests(prevalence, 10).map_err(said("prevalence"))?;
        Ok(PlanView { pools, array, round })
    }
}

/// Which field of the form a setting is.
fn field_of(error: &EpiError) -> &'static str {
    let EpiError::InvalidSetting { name, .. } = error else { return "population" };
    match *name {
        "people per desk and hour" => "per_desk_hour",
        "open hours" => "open_hours",
        "people per site" => "people_per_site",
        "machines" => "machines",
        "samples of a run" => "samples_per_run",
        "minutes of a run" => "run_minutes",
        "target hours" => "target_hours",
        "pool size" => "pool",
        "prevalence" => "prevalence",
        "samplers" => "samplers",
        _ => "population",
    }
}
