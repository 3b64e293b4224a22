//! Weekday and holiday effects on daily reports.

mod calendar;

use jiff::civil::Date;

use crate::Counts;
use crate::error::{EpiError, require};
pub use calendar::{DAY_TYPES, DayType, HolidayCalendar};

/// Days needed: four whole weeks.
const DAYS_MIN: usize = 28;
/// Rounds of estimation; the moving mean is cleaned of the effects of the round before.
const ROUNDS: usize = 4;

/// How reports of one type of day compare with the days around them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DayFactor {
    /// The type of day.
    pub day_type: DayType,
    /// Days of this type that entered.
    pub days: usize,
    /// Reports over those of an average day of the same week; 1 where there was no such day.
    pub factor: f64,
    /// Standard error of the logarithm of the factor; `None` without a case on such a day.
    pub log_standard_error: Option<f64>,
}

/// Factors of all types of day.
#[derive(Debug, Clone, PartialEq)]
pub struct DayEffects {
    factors: Vec<DayFactor>,
}

/// Estimates how weekdays, holidays and make-up working days change the number of reports.
///
/// The factor of a type is Σ y / Σ m over its days, where m is the mean of the ordinary days among the seven around,
/// cleaned of the factors found in the round before (four rounds); in a long holiday the days around are taken wider. `prior_cases` cases at factor 1 are added to both sums, so that a type with few
/// days stays near 1. The seven weekdays average 1.
///
/// - `dates`, `counts`: one row per day, ascending, no gaps; persons.
/// - `prior_cases`: 0 or more; 10 is cautious.
///
/// # Errors
/// [`EpiError::SeriesTooShort`] below four weeks, [`EpiError::LengthsDiffer`], [`EpiError::GapInDates`],
/// [`EpiError::InvalidSetting`].
/// # Limits
/// One factor for all holidays, whatever their length, and for the whole series: a change of reporting habits needs a new
/// start. Days near the ends (three on each side) do not enter.
/// # Source
/// Ratio to moving average, as in Census Method II (Shiskin, Young and Musgrave 1967); the holidays are those of the State
/// Council's yearly notices, `data/cn_holidays.tsv`.
pub fn estimate_day_effects(
    dates: &[Date],
    counts: &Counts,
    calendar: &HolidayCalendar,
    prior_cases: f64,
) -> Result<DayEffects, EpiError> {
    require("prior_cases", prior_cases, "0 or more", prior_cases >= 0.0)?;
    counts.require_len(DAYS_MIN, "weekday effects")?;
    check_days(dates, counts.len())?;
    let types: Vec<usize> = dates.iter().map(|date| calendar.day_type(*date) as usize).collect();
    let y = counts.as_slice();
    let mut factors = vec![1.0; DAY_TYPES.len()];
    for _ in 0..ROUNDS {
        factors = round(y, &types, &factors, prior_cases);
    }
    let sums = |k: usize| types[3..y.len() - 3].iter().zip(&y[3..]).filter(move |(t, _)| **t == k);
    let rows = DAY_TYPES.iter().enumerate().map(|(k, &day_type)| {
        let cases: f64 = sums(k).map(|(_, y)| y).sum();
        let log_standard_error = (cases > 0.0).then(|| 1.0 / cases.sqrt());
        DayFactor { day_type, days: sums(k).count(), factor: factors[k], log_standard_error }
    });
    Ok(DayEffects { factors: rows.collect() })
}

impl DayEffects {
    /// All factors, in the order of [`DAY_TYPES`].
    pub fn factors(&self) -> &[DayFactor] {
        &self.factors
    }

    /// The factor of a date.
    pub fn factor(&self, date: Date, calendar: &HolidayCalendar) -> f64 {
        self.factors[calendar.day_type(date) as usize].factor
    }

    /// Counts as they would have been on an average day of the week: count / factor. For
    /// [`crate::ears::ears_on_values`] and for looking at a curve; no longer whole numbers.
    pub fn adjusted(&self, dates: &[Date], counts: &Counts, calendar: &HolidayCalendar) -> Vec<f64> {
        dates.iter().zip(counts.as_slice()).map(|(date, y)| y / self.factor(*date, calendar).max(1e-6)).collect()
    }
}

/// One round: moving means of cleaned counts, then ratios of sums.
fn round(y: &[f64], types: &[usize], factors: &[f64], prior_cases: f64) -> Vec<f64> {
    let clean: Vec<f64> = y.iter().zip(types).map(|(y, &t)| y / factors[t].max(1e-6)).collect();
    let (mut seen, mut usual) = (vec![prior_cases; factors.len()], vec![prior_cases; factors.len()]);
    for day in 3..y.len() - 3 {
        if let Some(mean) = ordinary_mean(&clean, types, day) {
            seen[types[day]] += y[day];
            usual[types[day]] += mean;
        }
    }
    let mut next: Vec<f64> = seen.iter().zip(&usual).map(|(s, u)| if *u > 0.0 { s / u } else { 1.0 }).collect();
    let weekdays = next[..7].iter().sum::<f64>() / 7.0;
    if weekdays > 0.0 {
        next.iter_mut().for_each(|factor| *factor /= weekdays);
    }
    next
}

/// Mean of the cleaned ordinary days around a day: a holiday must not be measured against holidays.
fn ordinary_mean(clean: &[f64], types: &[usize], day: usize) -> Option<f64> {
    let is_ordinary = |i: &usize| types[*i] < DayType::Holiday as usize;
    for reach in [3, 5, 7, 10, 14] {
        let around = day.saturating_sub(reach)..(day + reach + 1).min(clean.len());
        let (mut sum, mut days) = (0.0, 0);
        around.filter(is_ordinary).for_each(|i| (sum, days) = (sum + clean[i], days + 1));
        if days >= 4 {
            return Some(sum / f64::from(days));
        }
    }
    None
}

fn check_days(dates: &[Date], days: usize) -> Result<(), EpiError> {
    if dates.len() != days {
        let (left, right) = ("The list of dates", "the series");
        return Err(EpiError::LengthsDiffer { left, left_len: dates.len(), right, right_len: days });
    }
    for pair in dates.windows(2) {
        let expected = pair[0].saturating_add(jiff::Span::new().days(1));
        if pair[1] != expected {
            return Err(EpiError::GapInDates { before: pair[0], expected, found: pair[1] });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan;
    use jiff::civil::date;

    fn days(from: Date, n: usize) -> Vec<Date> {
        (0..n).map(|i| from.saturating_add((i as i64).days())).collect()
    }

    #[test]
    fn quiet_sundays_and_holidays_are_found() {
        let calendar = HolidayCalendar::china();
        let dates = days(date(2024, 3, 1), 240);
        let planted = |d: &Date| match calendar.day_type(*d) {
            DayType::Sunday => 0.5,
            DayType::Holiday => 0.3,
            DayType::MakeUpWorkday => 1.1,
            _ => 6.5 / 6.0,
        };
        let counts = Counts::new(dates.iter().map(|d| (1200.0_f64 * planted(d)).round())).unwrap();
        let effects = estimate_day_effects(&dates, &counts, &calendar, 10.0).unwrap();
        for row in effects.factors() {
            let day = dates.iter().find(|d| calendar.day_type(**d) == row.day_type).unwrap();
            assert!((row.factor / planted(day) - 1.0).abs() < 0.03, "{row:?}");
        }
        let adjusted = effects.adjusted(&dates, &counts, &calendar);
        assert!(adjusted.iter().all(|y| (y / 1200.0 - 1.0).abs() < 0.03));
    }

    #[test]
    fn an_even_series_has_no_effects() {
        let dates = days(date(2024, 3, 1), 60);
        let effects =
            estimate_day_effects(&dates, &Counts::new([50.0; 60]).unwrap(), &HolidayCalendar::china(), 10.0).unwrap();
        assert!(effects.factors().iter().all(|f| (f.factor - 1.0).abs() < 1e-12));
    }

    #[test]
    fn a_series_without_cases_has_factors_of_one() {
        let dates = days(date(2024, 3, 1), 40);
        let effects =
            estimate_day_effects(&dates, &Counts::new([0.0; 40]).unwrap(), &HolidayCalendar::china(), 0.0).unwrap();
        assert!(effects.factors().iter().all(|f| f.factor == 1.0 && f.log_standard_error.is_none()));
    }

    #[test]
    fn less_than_four_weeks_and_gaps_are_refused() {
        let calendar = HolidayCalendar::china();
        let short = estimate_day_effects(&days(date(2024, 3, 1), 27), &Counts::new([1.0; 27]).unwrap(), &calendar, 1.0);
        assert!(matches!(short, Err(EpiError::SeriesTooShort { need: 28, .. })));
        let mut dates = days(date(2024, 3, 1), 30);
        dates[29] = date(2024, 4, 9);
        let gap = estimate_day_effects(&dates, &Counts::new([1.0; 30]).unwrap(), &calendar, 1.0);
        assert!(matches!(gap, Err(EpiError::GapInDates { .. })));
    }
}
