//! A checked series of counts: whole persons per period, oldest first, no gaps.

use std::borrow::Cow;

use jiff::ToSpan;
use jiff::civil::Date;

use crate::error::EpiError;

/// Largest count accepted. Sums of squares over a baseline stay exact enough for nine figures below it.
pub const COUNT_MAX: f64 = 1e12;

/// Persons per period, oldest first; every entry is a whole number from 0 to [`COUNT_MAX`].
///
/// Building it is the one place where bad counts are refused, so that the methods need not look again.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Counts {
    values: Vec<f64>,
}

impl Counts {
    /// Checks raw numbers, for instance a column of a file.
    ///
    /// # Errors
    /// [`EpiError::MissingCount`] for NaN or an infinity, [`EpiError::NegativeCount`], [`EpiError::FractionalCount`],
    /// [`EpiError::CountTooLarge`]; each names the first such row, from 1.
    pub fn new(values: impl IntoIterator<Item = f64>) -> Result<Self, EpiError> {
        let values: Vec<f64> =
            values.into_iter().enumerate().map(|(i, v)| check_count(i + 1, v)).collect::<Result<_, _>>()?;
        Ok(Self { values })
    }

    /// As [`Counts::new`], with `None` for a period that was not reported.
    ///
    /// # Errors
    /// [`EpiError::MissingCount`] for a period without a count, and those of [`Counts::new`].
    pub fn from_observed(values: impl IntoIterator<Item = Option<f64>>) -> Result<Self, EpiError> {
        Self::new(values.into_iter().map(|v| v.unwrap_or(f64::NAN)))
    }

    /// Persons per period, oldest first.
    pub fn as_slice(&self) -> &[f64] {
        &self.values
    }

    /// Number of periods.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no period at all.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Total number of persons.
    pub fn total(&self) -> f64 {
        self.values.iter().sum()
    }

    /// Refuses a series shorter than `need` periods.
    pub(crate) fn require_len(&self, need: usize, what: &'static str) -> Result<(), EpiError> {
        if self.len() < need { Err(EpiError::SeriesTooShort { have: self.len(), need, what }) } else { Ok(()) }
    }
}

/// The length of one period of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// One day.
    Day,
    /// Seven days.
    Week,
    /// A calendar month.
    Month,
}

impl Step {
    /// Periods in a year: 365, 52 or 12.
    pub fn periods_per_year(self) -> usize {
        match self {
            Step::Day => 365,
            Step::Week => 52,
            Step::Month => 12,
        }
    }

    fn after(self, date: Date) -> Date {
        match self {
            Step::Day => date.tomorrow().unwrap_or(Date::MAX),
            Step::Week => (0..7).fold(date, |date, _| date.tomorrow().unwrap_or(Date::MAX)),
            Step::Month => date.saturating_add(1.month()),
        }
    }
}

/// What to do with a period that lies inside a dated series and has no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gaps {
    /// Refuse the series and name the gap.
    Refuse,
    /// Nothing was reported because nothing was seen: count 0.
    AreZero,
}

/// Counts with the first day of each period.
#[derive(Debug, Clone, PartialEq)]
pub struct DatedCounts {
    /// First day of each period, ascending, one step apart.
    pub dates: Vec<Date>,
    /// Persons per period.
    pub counts: Counts,
}

/// Orders rows by date, refuses repeated dates, and treats gaps as asked.
///
/// # Errors
/// [`EpiError::DuplicateDate`], [`EpiError::GapInDates`] (also for a date off the step, with either treatment of
/// gaps), and those of [`Counts::from_observed`].
pub fn align_series(rows: &[(Date, Option<f64>)], step: Step, gaps: Gaps) -> Result<DatedCounts, EpiError> {
    let mut rows = Cow::Borrowed(rows);
    if !rows.is_sorted_by_key(|(date, _)| *date) {
        rows.to_mut().sort_by_key(|(date, _)| *date);
    }
    let mut dates: Vec<Date> = Vec::with_capacity(rows.len());
    let mut values = Vec::with_capacity(rows.len());
    for &(date, value) in rows.iter() {
        while let Some(&before) = dates.last() {
            let expected = step.after(before);
            if date == expected {
                break;
            }
            if date == before {
                return Err(EpiError::DuplicateDate { on: date });
            }
            if gaps == Gaps::Refuse || date < expected {
                return Err(EpiError::GapInDates { before, expected, found: date });
            }
            dates.push(expected);
            values.push(Some(0.0));
        }
        dates.push(date);
        values.push(value);
    }
    Ok(DatedCounts { dates, counts: Counts::from_observed(values)? })
}

fn check_count(position: usize, value: f64) -> Result<f64, EpiError> {
    if !value.is_finite() {
        Err(EpiError::MissingCount { position })
    } else if value < 0.0 {
        Err(EpiError::NegativeCount { position, value })
    } else if value.fract() != 0.0 {
        Err(EpiError::FractionalCount { position, value })
    } else if value > COUNT_MAX {
        Err(EpiError::CountTooLarge { position, value, max: COUNT_MAX })
    } else {
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn bad_counts_are_refused_with_their_row() {
        assert_eq!(Counts::new([1.0, -2.0]), Err(EpiError::NegativeCount { position: 2, value: -2.0 }));
        assert_eq!(Counts::new([1.5]), Err(EpiError::FractionalCount { position: 1, value: 1.5 }));
        assert_eq!(Counts::from_observed([Some(3.0), None]), Err(EpiError::MissingCount { position: 2 }));
        assert!(matches!(Counts::new([1e13]), Err(EpiError::CountTooLarge { position: 1, .. })));
        assert_eq!(Counts::new([1e9, 0.0]).unwrap().total(), 1e9);
    }

    #[test]
    fn rows_in_any_order_give_the_same_series() {
        let (a, b, c) = (date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 3));
        let sorted = align_series(&[(a, Some(1.0)), (b, Some(2.0)), (c, Some(3.0))], Step::Day, Gaps::Refuse);
        let mixed = align_series(&[(c, Some(3.0)), (a, Some(1.0)), (b, Some(2.0))], Step::Day, Gaps::Refuse);
        assert_eq!(sorted, mixed);
        assert_eq!(sorted.unwrap().counts.as_slice(), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn a_repeated_date_is_refused() {
        let day = date(2024, 1, 1);
        let rows = [(day, Some(1.0)), (day, Some(1.0))];
        assert_eq!(align_series(&rows, Step::Day, Gaps::AreZero), Err(EpiError::DuplicateDate { on: day }));
    }

    #[test]
    fn a_gap_is_refused_or_filled_with_zero_as_asked() {
        let rows = [(date(2024, 1, 31), Some(4.0)), (date(2024, 3, 29), Some(5.0))];
        assert!(matches!(align_series(&rows, Step::Month, Gaps::Refuse), Err(EpiError::GapInDates { .. })));
        let filled = align_series(&rows, Step::Month, Gaps::AreZero).unwrap();
        assert_eq!(filled.counts.as_slice(), [4.0, 0.0, 5.0]);
    }

    #[test]
    fn a_date_off_the_step_is_refused_even_when_gaps_are_zero() {
        let rows = [(date(2024, 1, 1), Some(4.0)), (date(2024, 1, 5), Some(5.0))];
        assert!(matches!(align_series(&rows, Step::Week, Gaps::AreZero), Err(EpiError::GapInDates { .. })));
    }
}
