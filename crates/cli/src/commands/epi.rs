//! `sizao epi …`: the statistics of the boards on files; no store, no key.

mod detectors;
mod evaluate;
mod farrington;
mod files;
mod growth;
mod outcome;
mod plot;
mod reference;
mod reproduction;
mod series;
mod series_args;
mod signals;
mod watch;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

/// What can be typed after `sizao epi`.
#[derive(Subcommand, Debug)]
#[expect(clippy::enum_variant_names, reason = "EpiFilter is the name of a method")]
pub enum Epi {
    /// Run every case of a folder of reference results and say how far apart the values are.
    #[command(after_help = reference::EXAMPLES)]
    Reference(reference::Reference),
    /// EARS C1, C2, C3: judged against the last week or two (Hutwagner et al. 2003; C3 after Fricker et al. 2008).
    #[command(after_help = TABLES)]
    Ears(detectors::Ears),
    /// Farrington's algorithm: judged against the same weeks of earlier years (Farrington et al. 1996; Noufaily et al. 2013).
    #[command(after_help = TABLES)]
    Farrington(farrington::Farrington),
    /// CUSUM: small lasting rises add up (Rossi, Lampugnani & Marchi 1999).
    #[command(after_help = TABLES)]
    Cusum(farrington::Cusum),
    /// Poisson CUSUM with a known rise and fast initial response (Rogerson & Yamada 2004).
    #[command(after_help = TABLES)]
    Rogerson(detectors::Rogerson),
    /// Generalised likelihood ratio of a Poisson mean (Höhle & Paul 2008).
    #[command(after_help = TABLES)]
    Glr(detectors::Glr),
    /// outbreakP: the onset of a wave, without assumptions on its shape (Frisén & Andersson 2009).
    #[command(name = "outbreak-p", after_help = TABLES)]
    OutbreakP(detectors::OutbreakP),
    /// The rule of the Robert Koch Institute (Höhle 2007).
    #[command(after_help = TABLES)]
    Rki(detectors::Rki),
    /// Bound from the Poisson-gamma predictive distribution (Riebler 2004, in Höhle 2007).
    #[command(after_help = TABLES)]
    Bayes(detectors::Bayes),
    /// Rare diseases: are the last few cases closer together than a year lets expect?
    #[command(after_help = TABLES)]
    Sparse(detectors::Sparse),
    /// The last days against the trend before them, with the model chosen by the data (after ASMODEE, Jombart et al. 2021).
    #[command(after_help = TABLES)]
    Trend(detectors::Trend),
    /// Reproduction number on a trailing window, from days or weeks (Cori et al. 2013; Thompson et al. 2019; Nash et al. 2023).
    #[command(after_help = TABLES)]
    Cori(reproduction::CoriArgs),
    /// Reproduction number by day of onset of the infector (Wallinga & Teunis 2004).
    #[command(after_help = TABLES)]
    WallingaTeunis(reproduction::WallingaTeunisArgs),
    /// Reproduction number by recursive filter and smoother (Parag 2021).
    #[command(after_help = TABLES)]
    EpiFilter(reproduction::EpiFilterArgs),
    /// Growth rate, doubling time, and r to R; with --split the turn from growth to decline (Wallinga & Lipsitch 2007).
    #[command(after_help = TABLES)]
    Growth(growth::GrowthArgs),
    /// Factors of weekdays, holidays and make-up working days (ratio to moving average).
    #[command(after_help = TABLES)]
    DayEffects(growth::DayEffectsArgs),
    /// Detectors joined per county and site: one signal per happening, ranked by expected benefit.
    #[command(after_help = signals::EXAMPLES)]
    Signals(signals::Signals),
    /// Alarm days and quiet months of every detector on series with known events.
    #[command(after_help = watch::EXAMPLES)]
    Watch(watch::Watch),
    /// Plant outbreaks in an invented network and hold the joined signal and every detector against the truth.
    Evaluate(evaluate::Evaluate),
}

const TABLES: &str = "\
Counts are persons per period. The answer has one row per period, in the order of strata and days, beginning with the
columns given; an empty cell has its reason in the column `note`; alarm is 1 or 0. Strata are judged one by one, each from
its own first day. Formulas, limits and checks: docs/methods/.

Exit codes: 0 every stratum has a result, 2 some have none (their rows say why), 1 nothing was written.";

/// Runs what was typed.
pub fn run(order: Epi, json: bool) -> Result<ExitCode> {
    match order {
        Epi::Reference(order) => reference::run(&order, json),
        Epi::Ears(order) => outcome::run(&order.series, &order),
        Epi::Farrington(order) => outcome::run(&order.series, &order),
        Epi::Cusum(order) => outcome::run(&order.series, &order),
        Epi::Rogerson(order) => outcome::run(&order.series, &order),
        Epi::Glr(order) => outcome::run(&order.series, &order),
        Epi::OutbreakP(order) => outcome::run(&order.series, &order),
        Epi::Rki(order) => outcome::run(&order.series, &order),
        Epi::Bayes(order) => outcome::run(&order.series, &order),
        Epi::Sparse(order) => outcome::run(&order.series, &order),
        Epi::Trend(order) => outcome::run(&order.series, &order),
        Epi::Cori(order) => {
            let interval = order.interval.read()?;
            outcome::run(&order.series, &reproduction::Cori { args: &order, interval })
        }
        Epi::WallingaTeunis(order) => {
            let interval = order.interval.read()?;
            outcome::run(&order.series, &reproduction::WallingaTeunis { args: &order, interval })
        }
        Epi::EpiFilter(order) => {
            let interval = order.interval.read()?;
            outcome::run(&order.series, &reproduction::EpiFilter { args: &order, interval })
        }
        Epi::Growth(order) => growth::run_growth(&order),
        Epi::DayEffects(order) => growth::run_day_effects(&order),
        Epi::Signals(order) => signals::run(&order, json),
        Epi::Watch(order) => watch::run(&order, json),
        Epi::Evaluate(order) => evaluate::run(&order, json),
    }
}
