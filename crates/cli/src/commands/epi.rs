//! `sizao epi …`: the statistics of the boards on files; no store, no key.

mod delays;
mod detectors;
mod evaluate;
mod farrington;
mod files;
mod growth;
mod outcome;
mod plot;
mod records;
mod reference;
mod reproduction;
mod scan;
mod series;
mod series_args;
mod signals;
mod table;
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
    /// Cases that are not reported yet, from the delays of those that are (Lawless 1994; Mack 1993; Höhle & an der Heiden 2014).
    #[command(after_help = delays::NOWCAST_EXAMPLES)]
    Nowcast(delays::Nowcast),
    /// Serial interval or any other delay from pairs, exact or between limits, truncated or not (Reich et al. 2009).
    #[command(after_help = delays::INTERVAL_EXAMPLES)]
    SerialInterval(delays::SerialIntervalArgs),
    /// Weights per day of a serial interval with a mean and a standard deviation (Cori et al. 2013).
    Discretise(delays::Discretise),
    /// Overall infectivity: cases expected if everybody infected one other (Cori et al. 2013).
    #[command(after_help = TABLES)]
    Infectivity(delays::InfectivityArgs),
    /// Prospective space-time scan: where and since when there are too many cases (Kulldorff 2001; Kulldorff et al. 2005).
    #[command(after_help = scan::EXAMPLES)]
    Scan(scan::Scan),
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
        Epi::Nowcast(order) => delays::run_nowcast(&order),
        Epi::SerialInterval(order) => delays::run_serial_interval(&order),
        Epi::Discretise(order) => delays::run_discretise(&order),
        Epi::Infectivity(order) => {
            outcome::run(&order.series, &delays::Infectivity { interval: order.interval.read()? })
        }
        Epi::Scan(order) => scan::run(&order),
        Epi::DayEffects(order) => growth::run_day_effects(&order),
        Epi::Signals(order) => signals::run(&order, json),
        Epi::Watch(order) => watch::run(&order, json),
        Epi::Evaluate(order) => evaluate::run(&order, json),
    }
}
