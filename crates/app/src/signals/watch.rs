//! What stands behind a signal: series with the band of what is usual, the neighbours, and the reproduction number.

use std::collections::HashMap;

use sizao_epi::{
    Counts, Incidence, SerialInterval, Window,
    cori::{ReproductionPrior, estimate_r_cori},
    ears::{EarsMethod, EarsSettings, ears_on_values},
};
use sizao_model::{CivilDay, DivisionCode, division::DivisionLevel};
use sizao_store::{DailyCount, InstitutionRecord, SignalRecord};
use uuid::Uuid;

use super::network::{SOURCES, SignalReason, sources_of};
use crate::{App, AppError, board::DayCount};

/// Days shown.
const SHOWN_DAYS: i32 = 56;
/// Days before them that the band needs.
const BEFORE_DAYS: i32 = 21;
/// Series shown of a signal.
const SERIES_MAX: usize = 4;
/// Mean and standard deviation of the serial interval behind the R of the board; days. Early variants, 2020.
const SERIAL_INTERVAL: (f64, f64) = (4.8, 2.3);
/// Days of the window of that R.
const R_WINDOW: usize = 7;
/// Days before today that reports still fill.
const R_INCOMPLETE: usize = 2;

/// A day of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeriesDay {
    /// Which.
    pub day: CivilDay,
    /// Persons.
    pub count: f64,
    /// Expected and upper bound by EARS C2; none in its warm-up.
    pub usual: Option<(f64, f64)>,
}

/// A series behind a signal.
#[derive(Clone, Debug)]
pub struct WatchedSeries {
    /// Why it speaks.
    pub reason: SignalReason,
    /// Its days, oldest first.
    pub days: Vec<SeriesDay>,
}

/// A county beside that of the signal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// Which.
    pub county: DivisionCode,
    /// What its sites reported of the loudest source in the seven days up to the peak.
    pub week: f64,
    /// The mean of four weeks before that.
    pub usual: f64,
    /// Whether it is the county of the signal.
    pub is_here: bool,
}

/// Reproduction number on a trailing window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reproduction {
    /// Last day of the window.
    pub on: CivilDay,
    /// Mean.
    pub mean: f64,
    /// Lower limit of 95 %.
    pub lower: f64,
    /// Upper limit.
    pub upper: f64,
    /// Cases in the window.
    pub cases: f64,
}

impl App {
    /// The series and the neighbours of a signal.
    pub(super) async fn watched(
        &self,
        signal: &SignalRecord,
    ) -> Result<(Vec<WatchedSeries>, Vec<Neighbour>), AppError> {
        let yesterday = self.now().day().plus_days(-1);
        let from = signal.peak_on.min(yesterday).plus_days(1 - SHOWN_DAYS - BEFORE_DAYS);
        let to = signal.last_on.plus_days(3).min(yesterday);
        let city = signal.division.at(DivisionLevel::City).unwrap_or(signal.division);
        let counts = self.store().daily_counts(Some(city), from).await?;
        let institutions = self.store().list_institutions(Some(city), 10_000).await?;
        let county_of = |institution: &InstitutionRecord| {
            (institution.id, institution.division.at(DivisionLevel::County).unwrap_or(institution.division))
        };
        let counties: HashMap<Uuid, DivisionCode> = institutions.iter().map(county_of).collect();
        let reasons: Vec<SignalReason> = serde_json::from_str(&signal.reasons).unwrap_or_default();
        let loudest = reasons.first().and_then(|reason| SOURCES.iter().position(|one| *one == reason.source));
        let neighbours = neighbours(&counts, &counties, signal, loudest.unwrap_or(0));
        let series = reasons.into_iter().take(SERIES_MAX).map(|reason| {
            let belongs = |count: &DailyCount| match reason.site {
                Some(site) => count.institution == site,
                None => counties.get(&count.institution) == Some(&signal.division),
            };
            let source = SOURCES.iter().position(|one| *one == reason.source).unwrap_or(0);
            let values = daily(&counts, from, to, source, belongs);
            WatchedSeries { days: with_band(from, &values), reason }
        });
        Ok((series.collect(), neighbours))
    }

    /// R of the last complete week of a curve; none without enough cases.
    pub fn reproduction(curve: &[DayCount]) -> Option<Reproduction> {
        let days = curve.len().checked_sub(R_INCOMPLETE)?;
        let cases = curve[..days].iter().map(|day| (day.confirmed + day.asymptomatic) as f64);
        let counts = Counts::new(cases).ok()?;
        let last = days.checked_sub(1)?;
        let window = Window { first: (last + 1).checked_sub(R_WINDOW)?, last };
        let (mean, sd) = SERIAL_INTERVAL;
        let interval = SerialInterval::shifted_gamma(mean, sd, days).ok()?;
        let prior = ReproductionPrior { mean: 5.0, sd: 5.0 };
        let incidence = Incidence::from_first_day_imported(&counts);
        let row = estimate_r_cori(&incidence, &interval, &[window], prior).ok()?.into_iter().next()?;
        // With fewer cases or infectors the answer is mostly the prior.
        if row.cases < 5.0 || row.infectivity < 3.0 {
            return None;
        }
        let estimate = row.estimate?;
        let (lower, upper) = estimate.interval_95();
        Some(Reproduction { on: curve[last].day, mean: estimate.mean, lower, upper, cases: row.cases })
    }
}

fn daily(
    counts: &[DailyCount],
    from: CivilDay,
    to: CivilDay,
    source: usize,
    belongs: impl Fn(&DailyCount) -> bool,
) -> Vec<f64> {
    let mut values = vec![0.0; usize::try_from(to.days_since(from) + 1).unwrap_or(0)];
    for count in counts.iter().filter(|count| belongs(count)) {
        let day = usize::try_from(count.on_day.days_since(from)).ok();
        let counts = sources_of(count.kind, count.drugs).any(|one| one == source);
        if let (Some(cell), true) = (day.and_then(|day| values.get_mut(day)), counts) {
            *cell += count.count as f64;
        }
    }
    values
}

/// The shown days with expected count and bound of EARS C2.
fn with_band(from: CivilDay, values: &[f64]) -> Vec<SeriesDay> {
    let settings = EarsSettings { sd_min: 0.5, ..EarsSettings::usual(EarsMethod::C2) };
    let mut usual = vec![None; values.len()];
    for row in ears_on_values(values, &settings).unwrap_or_default() {
        usual[row.position] = Some((row.expected, row.upper_bound));
    }
    let days = values.iter().zip(usual).enumerate().map(|(n, (count, usual))| SeriesDay {
        day: from.plus_days(n as i32),
        count: *count,
        usual,
    });
    days.skip(BEFORE_DAYS as usize).collect()
}

fn neighbours(
    counts: &[DailyCount],
    counties: &HashMap<Uuid, DivisionCode>,
    signal: &SignalRecord,
    source: usize,
) -> Vec<Neighbour> {
    let mut sums: HashMap<DivisionCode, (f64, f64)> = HashMap::new();
    for county in counties.values() {
        sums.entry(*county).or_default();
    }
    for count in counts {
        let back = signal.peak_on.days_since(count.on_day);
        let county = counties.get(&count.institution);
        let Some(sum) = county.and_then(|county| sums.get_mut(county)) else { continue };
        if sources_of(count.kind, count.drugs).any(|one| one == source) {
            match back {
                0..7 => sum.0 += count.count as f64,
                7..35 => sum.1 += count.count as f64 / 4.0,
                _ => {}
            }
        }
    }
    let line = |(county, (week, usual))| Neighbour { county, week, usual, is_here: county == signal.division };
    let mut lines: Vec<Neighbour> = sums.into_iter().map(line).collect();
    lines.sort_by(|a, b| {
        let rise = |one: &Neighbour| one.week - one.usual;
        b.is_here.cmp(&a.is_here).then(rise(b).total_cmp(&rise(a))).then(a.county.cmp(&b.county))
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_of_a_steady_curve_is_near_one_and_of_few_cases_is_not_told() {
        let day = |n: i32, confirmed| DayCount { day: CivilDay::from_number(19_000 + n), confirmed, asymptomatic: 0 };
        let steady: Vec<DayCount> = (0..28).map(|n| day(n, 20)).collect();
        let found = App::reproduction(&steady).unwrap();
        assert!(found.lower < 1.0 && found.upper > 1.0 && (found.mean - 1.0).abs() < 0.1, "{found:?}");
        assert_eq!((found.cases, found.on), (140.0, CivilDay::from_number(19_025)));
        let few: Vec<DayCount> = (0..28).map(|n| day(n, u64::from(n == 24))).collect();
        assert_eq!(App::reproduction(&few), None);
    }
}
