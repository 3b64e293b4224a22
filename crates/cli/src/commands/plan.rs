//! `sizao plan`

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sizao_epi::{
    pooling::{Assay, Dilution, PoolDesign, best_size, plan_dorfman, square_array_tests},
    site_plan::{Available, LabCapacity, RoundOrder, RoundPlan, plan_round},
};

use crate::output::{say, thousands};

/// What can be typed behind `sizao plan`.
#[derive(Subcommand, Debug)]
pub enum Plan {
    /// Pool size by prevalence: expected tests, and what dilution misses.
    #[command(after_help = "\
Example:
  sizao plan pools --prevalence 0.001 --sizes 5,10,20 --sensitivity 0.95 --specificity 0.995")]
    Pools(Pools),
    /// A mass round: sites, desks, samplers, tubes, the laboratory, when it ends, and what binds.
    #[command(after_help = "\
Example:
  sizao plan round --population 1000000 --per-desk-hour 100 --open-hours 10 --pool 10 --machines 100")]
    Round(Box<Round>),
}

/// How good the test is.
#[derive(Args, Debug)]
pub struct Test {
    /// Share of infected people among all.
    #[arg(long)]
    prevalence: f64,
    /// Probability that the test finds an infected person.
    #[arg(long, default_value_t = 1.0)]
    sensitivity: f64,
    /// Probability that the test clears a person who is not infected.
    #[arg(long, default_value_t = 1.0)]
    specificity: f64,
    /// Mean Ct of the infected; with --ct-sd and --ct-limit, dilution is counted.
    #[arg(long, requires_all = ["ct_sd", "ct_limit"])]
    ct_mean: Option<f64>,
    /// Standard deviation of that Ct.
    #[arg(long, requires = "ct_mean")]
    ct_sd: Option<f64>,
    /// Highest Ct at which the test finds the virus.
    #[arg(long, requires = "ct_mean")]
    ct_limit: Option<f64>,
}

impl Test {
    fn assay(&self) -> Result<Assay> {
        let assay = Assay::new(self.sensitivity, self.specificity)?;
        Ok(match (self.ct_mean, self.ct_sd, self.ct_limit) {
            (Some(ct_mean), Some(ct_sd), Some(ct_limit)) => {
                assay.with_dilution(Dilution { ct_mean, ct_sd, ct_limit })?
            }
            _ => assay,
        })
    }
}

/// `sizao plan pools`
#[derive(Args, Debug)]
pub struct Pools {
    #[command(flatten)]
    test: Test,
    /// Sizes to show, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "3,5,10,20,30")]
    sizes: Vec<u32>,
    /// The largest size that is looked at for the best one.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    max_size: u32,
}

/// `sizao plan round`
#[derive(Args, Debug)]
pub struct Round {
    /// People to be sampled.
    #[arg(long)]
    population: u64,
    /// Share of infected people among all.
    #[arg(long, default_value_t = 1e-4)]
    prevalence: f64,
    /// People in a tube.
    #[arg(long, default_value_t = 10)]
    pool: u32,
    /// Probability that the test finds an infected person.
    #[arg(long, default_value_t = 1.0)]
    sensitivity: f64,
    /// Probability that the test clears a person who is not infected.
    #[arg(long, default_value_t = 1.0)]
    specificity: f64,
    /// People whom a desk samples in an hour.
    #[arg(long, default_value_t = 100.0)]
    per_desk_hour: f64,
    /// Hours for which the sites are open.
    #[arg(long, default_value_t = 10.0)]
    open_hours: f64,
    /// Samplers at a desk.
    #[arg(long, default_value_t = 1)]
    samplers_per_desk: u32,
    /// Others at a desk.
    #[arg(long, default_value_t = 1)]
    others_per_desk: u32,
    /// Hours of a shift, at most 4.
    #[arg(long, default_value_t = 4.0)]
    shift_hours: f64,
    /// People for each site.
    #[arg(long, default_value_t = 2_000)]
    people_per_site: u32,
    /// Machines of the laboratories.
    #[arg(long)]
    machines: u32,
    /// Samples of a run.
    #[arg(long, default_value_t = 92)]
    samples_per_run: u32,
    /// Minutes of a run.
    #[arg(long, default_value_t = 90)]
    run_minutes: u32,
    /// Minutes from tube to machine.
    #[arg(long, default_value_t = 0)]
    transport_minutes: u32,
    /// Desks that there are; without it, as many as are needed.
    #[arg(long)]
    desks: Option<u32>,
    /// Samplers that there are, all shifts together; without it, as many as are needed.
    #[arg(long)]
    samplers: Option<u32>,
    /// Hours in which the round has to end.
    #[arg(long, default_value_t = 24.0)]
    target_hours: f64,
}

pub fn run(command: &Plan, json: bool) -> Result<ExitCode> {
    match command {
        Plan::Pools(order) => pools(order, json),
        Plan::Round(order) => round(order, json),
    }
}

fn pools(order: &Pools, json: bool) -> Result<ExitCode> {
    let (prevalence, assay) = (order.test.prevalence, order.test.assay()?);
    if order.sizes.is_empty() {
        bail!("name at least one size with --sizes");
    }
    let designs =
        order.sizes.iter().map(|&size| plan_dorfman(prevalence, size, &assay)).collect::<Result<Vec<_>, _>>()?;
    let best = best_size(prevalence, &assay, order.max_size)?;
    let arrays = order.sizes.iter().map(|&size| square_array_tests(prevalence, size)).collect::<Result<Vec<_>, _>>()?;
    say(
        json,
        || {
            let mut lines =
                vec!["size  tests/person  sensitivity  specificity  PPV     NPV        Ct shift".to_owned()];
            lines.extend(designs.iter().map(design_in_words));
            lines.push(format!(
                "fewest tests: {} people in a tube, {:.5} tests a person",
                best.size, best.tests_per_person
            ));
            lines.join("\n")
        },
        || {
            let rows: Vec<Value> = designs
                .iter()
                .zip(&arrays)
                .map(|(design, array)| {
                    let mut row = design_in_json(design);
                    row["square_array_tests_per_person"] = json!(array);
                    row
                })
                .collect();
            json!({"prevalence": prevalence, "pools": rows, "best": design_in_json(&best), "size_max": order.max_size})
        },
    );
    Ok(ExitCode::SUCCESS)
}

fn design_in_words(design: &PoolDesign) -> String {
    let ppv = design.ppv.map_or("-".to_owned(), |ppv| format!("{ppv:.4}"));
    format!(
        "{:<4}  {:<12.5}  {:<11.4}  {:<11.6}  {ppv:<6}  {:<9.7}  {:.1}",
        design.size, design.tests_per_person, design.sensitivity, design.specificity, design.npv, design.ct_shift
    )
}

fn design_in_json(design: &PoolDesign) -> Value {
    json!({
        "size": design.size, "tests_per_person": design.tests_per_person, "sensitivity": design.sensitivity,
        "specificity": design.specificity, "ppv": design.ppv, "npv": design.npv, "ct_shift": design.ct_shift,
    })
}

fn round(order: &Round, json: bool) -> Result<ExitCode> {
    let plan = plan_round(&RoundOrder {
        population: order.population,
        people_per_desk_hour: order.per_desk_hour,
        open_hours: order.open_hours,
        samplers_per_desk: order.samplers_per_desk,
        others_per_desk: order.others_per_desk,
        shift_hours: order.shift_hours,
        people_per_site: order.people_per_site,
        pool_size: order.pool,
        prevalence: order.prevalence,
        assay: Assay::new(order.sensitivity, order.specificity)?,
        lab: LabCapacity {
            machines: order.machines,
            samples_per_run: order.samples_per_run,
            run_minutes: order.run_minutes,
            transport_minutes: order.transport_minutes,
        },
        available: Available { desks: order.desks, samplers: order.samplers },
        target_hours: order.target_hours,
    })?;
    say(json, || round_in_words(&plan, order.target_hours), || round_in_json(&plan));
    Ok(ExitCode::SUCCESS)
}

fn round_in_words(plan: &RoundPlan, target_hours: f64) -> String {
    let verdict = if plan.is_in_time { "in time" } else { "too late" };
    format!(
        "sites {}, desks {} ({} working)\n\
         people on a shift {}, in all {}; samplers by the guideline {}\n\
         tubes {}, reactions {}, runs {} in {} rounds\n\
         sampling {:.1} h, laboratory {:.1} h, finished after {:.1} h: {verdict} for {target_hours:.0} h\n\
         what binds: {}\n\
         wait at 85 % load: {:.1} min at one desk, {:.2} min with ten desks in one line",
        thousands(plan.sites),
        thousands(plan.desks),
        thousands(plan.desks_working),
        thousands(plan.staff_on_shift),
        thousands(plan.staff),
        thousands(plan.samplers_by_guideline),
        thousands(plan.tubes),
        thousands(plan.pcr_tests),
        thousands(plan.runs),
        thousands(plan.run_rounds),
        plan.sampling_hours,
        plan.lab_hours,
        plan.finish_hours,
        plan.limit.name(),
        plan.wait_one_desk_min,
        plan.wait_ten_desks_min
    )
}

fn round_in_json(plan: &RoundPlan) -> Value {
    json!({
        "sites": plan.sites, "desks": plan.desks, "desks_working": plan.desks_working,
        "staff_on_shift": plan.staff_on_shift, "staff": plan.staff,
        "samplers_by_guideline": plan.samplers_by_guideline, "tubes": plan.tubes, "pcr_tests": plan.pcr_tests,
        "runs": plan.runs, "run_rounds": plan.run_rounds, "sampling_hours": plan.sampling_hours,
        "lab_hours": plan.lab_hours, "finish_hours": plan.finish_hours, "limit": plan.limit.name(),
        "is_in_time": plan.is_in_time, "pool": design_in_json(&plan.pool),
        "wait_one_desk_min": plan.wait_one_desk_min, "wait_ten_desks_min": plan.wait_ten_desks_min,
    })
}
