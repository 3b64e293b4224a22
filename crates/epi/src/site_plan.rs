//! A mass round (区域核酸检测): sites, desks, samplers, tubes, the laboratory's load, when it ends, and what binds.
//!
//! Rates are the user's: how many people pass a desk in an hour is known on the spot and in no book.

use crate::{
    EpiError,
    pooling::{Assay, PoolDesign, plan_dorfman},
};

/// People for each sampler of a whole round, by the guideline: population ÷ 360.
pub const PEOPLE_PER_SAMPLER: u32 = 360;
/// The longest shift in protective clothing; hours.
pub const SHIFT_HOURS_MAX: f64 = 4.0;
/// Counts up to this are planned; the country has 1.4 thousand million people.
const POPULATION_MAX: u64 = 10_000_000_000;

/// What a round is planned from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoundOrder {
    /// People to be sampled.
    pub population: u64,
    /// People whom one desk samples in an hour.
    pub people_per_desk_hour: f64,
    /// Hours for which the sites are open.
    pub open_hours: f64,
    /// Samplers at a desk.
    pub samplers_per_desk: u32,
    /// Others at a desk: registration, order.
    pub others_per_desk: u32,
    /// Hours of a shift.
    pub shift_hours: f64,
    /// People for each site: 2,000 to 3,000 by the guideline.
    pub people_per_site: u32,
    /// Persons in a tube.
    pub pool_size: u32,
    /// Share of infected among the people.
    pub prevalence: f64,
    /// How good the test is.
    pub assay: Assay,
    /// The laboratory.
    pub lab: LabCapacity,
    /// What there is; where nothing is given, what is needed is taken to be there.
    pub available: Available,
    /// Hours from the first sample in which the round has to end: 24 by the guideline of 22 March 2022.
    pub target_hours: f64,
}

/// What laboratories can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabCapacity {
    /// Machines that run side by side.
    pub machines: u32,
    /// Samples of one run: 92 of a plate with 96 places.
    pub samples_per_run: u32,
    /// How long a run takes.
    pub run_minutes: u32,
    /// From the tube's closing to the machine.
    pub transport_minutes: u32,
}

/// People and desks that there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Available {
    /// Desks that can be set up.
    pub desks: Option<u32>,
    /// Samplers, all shifts together.
    pub samplers: Option<u32>,
}

/// What makes a round as long as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Desks: more of them, or longer hours, would shorten it.
    Desks,
    /// Samplers: more of them would shorten it.
    Samplers,
    /// The laboratory: more machines or larger pools would shorten it.
    Laboratory,
    /// Nothing that is short: the sites are open so long, and results follow.
    OpenHours,
}

impl Limit {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Desks => "desks",
            Self::Samplers => "samplers",
            Self::Laboratory => "laboratory",
            Self::OpenHours => "open_hours",
        }
    }
}

/// A round as planned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoundPlan {
    /// Sites.
    pub sites: u64,
    /// Desks that the open hours ask for: N / (r h).
    pub desks: u64,
    /// Desks that will work: those needed, or as many as desks and samplers allow.
    pub desks_working: u64,
    /// People at the working desks at any time.
    pub staff_on_shift: u64,
    /// People of all shifts together.
    pub staff: u64,
    /// Samplers by the guideline: population ÷ 360.
    pub samplers_by_guideline: u64,
    /// Tubes that are filled.
    pub tubes: u64,
    /// Expected reactions: pools and single retests.
    pub pcr_tests: u64,
    /// Runs of a machine.
    pub runs: u64,
    /// Runs one after another, all machines working side by side.
    pub run_rounds: u64,
    /// Hours until everybody is sampled.
    pub sampling_hours: f64,
    /// Hours of work for the laboratory.
    pub lab_hours: f64,
    /// Hours from the first sample to the last result.
    pub finish_hours: f64,
    /// What makes it so long.
    pub limit: Limit,
    /// Whether it ends in time.
    pub is_in_time: bool,
    /// What the pools cost and find.
    pub pool: PoolDesign,
    /// Mean wait at one desk with its own line at 85 % load; minutes.
    pub wait_one_desk_min: f64,
    /// Mean wait with ten desks and one line at 85 % load; minutes.
    pub wait_ten_desks_min: f64,
}

/// Plans a round.
///
/// Desks = ⌈N / (r h)⌉; people on a shift = desks × people at a desk; staff = people on a shift × h / s. Tubes =
/// ⌈N / n⌉; reactions = ⌈N E(p, n)⌉ by [`plan_dorfman`]; runs = ⌈reactions / samples of a run⌉; rounds of runs =
/// ⌈runs / machines⌉; laboratory hours = rounds × run. Desks that cannot be manned do not work, and sampling takes N /
/// (r × working desks). Samples reach the laboratory from the first closed tube on, so it works beside the sampling:
/// the end is transport + the longer of laboratory hours and sampling + one run.
///
/// # Errors
/// [`EpiError::InvalidSetting`] naming what is zero, negative or beyond all bounds.
/// # Limits
/// The work of the laboratory is spread evenly over the sampling; single retests come late, and are few where pools pay.
/// # Source
/// Guideline on regional nucleic acid testing, third edition, 22 March 2022 (24 hours; sites, desks and samplers by
/// population); formulae and example of section D of the drill reference.
pub fn plan_round(order: &RoundOrder) -> Result<RoundPlan, EpiError> {
    check(order)?;
    let pool = plan_dorfman(order.prevalence, order.pool_size, &order.assay)?;
    let people = order.population as f64;
    let desks = ceil(people / (order.people_per_desk_hour * order.open_hours));
    let shifts = order.open_hours / order.shift_hours;
    let per_desk = u64::from(order.samplers_per_desk + order.others_per_desk);
    // Samplers of all shifts together man so many desks.
    let manned = order.available.samplers.map(|samplers| {
        (f64::from(samplers) / (f64::from(order.samplers_per_desk) * shifts.max(1.0)) + 1e-9).floor() as u64
    });
    let desks_there = order.available.desks.map(u64::from);
    let desks_working = desks.min(desks_there.unwrap_or(u64::MAX)).min(manned.unwrap_or(u64::MAX));
    if desks_working == 0 {
        return Err(EpiError::InvalidSetting {
            name: "samplers",
            value: 0.0,
            rule: "enough to man one desk in all its shifts",
        });
    }
    let sampling_hours = people / (order.people_per_desk_hour * desks_working as f64);
    let pcr_tests = ceil(people * pool.tests_per_person);
    let runs = pcr_tests.div_ceil(u64::from(order.lab.samples_per_run));
    let run_rounds = runs.div_ceil(u64::from(order.lab.machines));
    let run_hours = f64::from(order.lab.run_minutes) / 60.0;
    let lab_hours = run_rounds as f64 * run_hours;
    let followed = sampling_hours + run_hours;
    let finish_hours = f64::from(order.lab.transport_minutes) / 60.0 + lab_hours.max(followed);
    let staff_on_shift = desks_working * per_desk;
    Ok(RoundPlan {
        sites: order.population.div_ceil(u64::from(order.people_per_site)),
        desks,
        desks_working,
        staff_on_shift,
        staff: ceil(staff_on_shift as f64 * shifts.max(1.0)),
        samplers_by_guideline: order.population.div_ceil(u64::from(PEOPLE_PER_SAMPLER)),
        tubes: order.population.div_ceil(u64::from(order.pool_size)),
        pcr_tests,
        runs,
        run_rounds,
        sampling_hours,
        lab_hours,
        finish_hours,
        limit: match () {
            () if lab_hours > followed => Limit::Laboratory,
            () if desks_working == desks => Limit::OpenHours,
            () if manned == Some(desks_working) => Limit::Samplers,
            () => Limit::Desks,
        },
        is_in_time: finish_hours <= order.target_hours + 1e-9,
        pool,
        wait_one_desk_min: 60.0 * mean_wait_hours(order.people_per_desk_hour, 0.85, 1),
        wait_ten_desks_min: 60.0 * mean_wait_hours(order.people_per_desk_hour, 0.85, 10),
    })
}

/// Mean time in the line of a queue M/M/c; hours.
///
/// Erlang C: with a = c ρ, C = (a^c / c!) / ((1 − ρ) Σ_{k<c} a^k / k! + a^c / c!), and the wait is C / (c μ (1 − ρ)).
///
/// - `rate`: people whom one desk serves in an hour (μ).
/// - `load`: share of its time that a desk is busy (ρ), below 1.
/// - `desks`: desks with one line (c).
pub fn mean_wait_hours(rate: f64, load: f64, desks: u32) -> f64 {
    let offered = f64::from(desks) * load;
    // The recursion of Erlang B stays between 0 and 1 for any number of desks.
    let blocked = (1..=desks).fold(1.0, |b, k| offered * b / (f64::from(k) + offered * b));
    let waits = blocked / (1.0 - load * (1.0 - blocked));
    waits / (f64::from(desks) * rate * (1.0 - load))
}

/// The next whole number, where a hair above one is taken for it.
fn ceil(value: f64) -> u64 {
    (value - 1e-9 * value.abs().max(1.0)).ceil().max(0.0) as u64
}

fn check(order: &RoundOrder) -> Result<(), EpiError> {
    let positive = [
        ("people to sample", order.population as f64),
        ("people per desk and hour", order.people_per_desk_hour),
        ("open hours", order.open_hours),
        ("samplers at a desk", f64::from(order.samplers_per_desk)),
        ("hours of a shift", order.shift_hours),
        ("people per site", f64::from(order.people_per_site)),
        ("machines", f64::from(order.lab.machines)),
        ("samples of a run", f64::from(order.lab.samples_per_run)),
        ("minutes of a run", f64::from(order.lab.run_minutes)),
        ("target hours", order.target_hours),
    ];
    for (name, value) in positive {
        if !(value > 0.0 && value.is_finite()) {
            return Err(EpiError::InvalidSetting { name, value, rule: "a number above 0" });
        }
    }
    if order.population > POPULATION_MAX {
        let value = order.population as f64;
        return Err(EpiError::InvalidSetting { name: "people to sample", value, rule: "at most ten thousand million" });
    }
    if order.shift_hours > SHIFT_HOURS_MAX {
        let rule = "at most 4 hours in protective clothing";
        return Err(EpiError::InvalidSetting { name: "hours of a shift", value: order.shift_hours, rule });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> RoundOrder {
        RoundOrder {
            population: 1_000_000,
            people_per_desk_hour: 100.0,
            open_hours: 10.0,
            samplers_per_desk: 1,
            others_per_desk: 1,
            shift_hours: 4.0,
            people_per_site: 2_000,
            pool_size: 10,
            prevalence: 1e-4,
            assay: Assay::PERFECT,
            lab: LabCapacity { machines: 100, samples_per_run: 92, run_minutes: 90, transport_minutes: 0 },
            available: Available::default(),
            target_hours: 24.0,
        }
    }

    #[test]
    fn the_worked_example_comes_out_as_printed() {
        // Section D of the drill reference.
        let plan = plan_round(&order()).unwrap();
        assert_eq!((plan.desks, plan.staff_on_shift, plan.staff), (1_000, 2_000, 5_000));
        assert_eq!((plan.tubes, plan.pcr_tests, plan.runs, plan.run_rounds), (100_000, 101_000, 1_098, 11));
        assert!((plan.lab_hours - 16.5).abs() < 1e-9);
        assert_eq!(format!("{:.1} {:.2}", plan.wait_one_desk_min, plan.wait_ten_desks_min), "3.4 0.21");
        assert_eq!(plan.limit, Limit::Laboratory);
        assert!(plan.is_in_time);
    }

    #[test]
    fn zhengzhou_needs_the_samplers_and_sites_that_are_printed() {
        // domain.md 7.1: 12.7 million people.
        let plan = |people_per_site, pool_size| {
            plan_round(&RoundOrder { population: 12_700_000, people_per_site, pool_size, ..order() }).unwrap()
        };
        assert_eq!(plan(2_000, 10).samplers_by_guideline, 35_278);
        assert_eq!((plan(3_000, 10).sites, plan(2_000, 10).sites), (4_234, 6_350));
        assert_eq!((plan(2_000, 10).tubes, plan(2_000, 20).tubes), (1_270_000, 635_000));
    }

    #[test]
    fn what_is_short_is_named() {
        let limit = |available| {
            plan_round(&RoundOrder { available, lab: LabCapacity { machines: 1_000, ..order().lab }, ..order() })
                .unwrap()
        };
        let desks = limit(Available { desks: Some(500), samplers: None });
        assert_eq!((desks.limit, desks.sampling_hours), (Limit::Desks, 20.0));
        let samplers = limit(Available { desks: Some(500), samplers: Some(500) });
        assert_eq!((samplers.limit, samplers.desks_working), (Limit::Samplers, 200));
        assert!(!samplers.is_in_time);
        assert_eq!(limit(Available::default()).limit, Limit::OpenHours);
    }

    #[test]
    fn a_shift_of_six_hours_is_refused() {
        assert!(plan_round(&RoundOrder { shift_hours: 6.0, ..order() }).is_err());
        assert!(plan_round(&RoundOrder { population: 0, ..order() }).is_err());
    }
}
