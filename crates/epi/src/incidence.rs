//! New cases per day, split by where they were infected, and the infectivity that follows from them.

use crate::error::EpiError;
use crate::{Counts, SerialInterval};

/// New cases per day, oldest first, without gaps.
#[derive(Debug, Clone, PartialEq)]
pub struct Incidence {
    local: Counts,
    imported: Counts,
}

impl Incidence {
    /// All cases of the first day count as imported, all later ones as infected here: the usual assumption where nothing
    /// is known about places of infection.
    pub fn from_first_day_imported(cases: &Counts) -> Self {
        let split = |keep_first: bool| {
            let values = cases.as_slice().iter().enumerate();
            values.map(move |(day, &y)| if (day == 0) == keep_first { y } else { 0.0 })
        };
        let checked = "parts of a checked series are checked";
        Self { local: Counts::new(split(false)).expect(checked), imported: Counts::new(split(true)).expect(checked) }
    }

    /// Cases infected here and cases that brought the infection along.
    ///
    /// # Errors
    /// [`EpiError::LengthsDiffer`].
    pub fn new(local: Counts, imported: Counts) -> Result<Self, EpiError> {
        if local.len() != imported.len() {
            let (left, right) = ("The series of local cases", "that of imported cases");
            return Err(EpiError::LengthsDiffer { left, left_len: local.len(), right, right_len: imported.len() });
        }
        Ok(Self { local, imported })
    }

    /// Cases infected here; persons per day.
    pub fn local(&self) -> &[f64] {
        self.local.as_slice()
    }

    /// Cases infected elsewhere; persons per day.
    pub fn imported(&self) -> &[f64] {
        self.imported.as_slice()
    }

    /// Number of days.
    pub fn days(&self) -> usize {
        self.local.len()
    }

    /// All cases of a day.
    pub fn total_on(&self, day: usize) -> f64 {
        self.local()[day] + self.imported()[day]
    }
}

/// First and last day of an estimate, from 0, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First day.
    pub first: usize,
    /// Last day.
    pub last: usize,
}

impl Window {
    /// All windows of `days` days that begin on the second day of the series or later.
    pub fn sliding(series_days: usize, days: usize) -> Vec<Window> {
        (1..)
            .map(|first| Window { first, last: first + days.max(1) - 1 })
            .take_while(|w| w.last < series_days)
            .collect()
    }

    pub(crate) fn check(self, series_days: usize) -> Result<(), EpiError> {
        if self.last >= series_days || self.first > self.last {
            return Err(EpiError::PositionOutside { position: self.first.max(self.last) + 1, periods: series_days });
        }
        Ok(())
    }
}

/// Overall infectivity Λ_t = Σ_{k>=1} w_k I_{t-k}: how many cases of day t one would expect if every infected person
/// infected one other.
///
/// - `incidence`: local and imported cases both infect.
/// - `serial_interval`: w_0 = 0, w_1, ... per day.
/// - returns: one value per day; persons. The first is 0, since nothing is known from before it.
///
/// # Source
/// Cori et al. 2013, Am J Epidemiol 178:1505-1512, doi:10.1093/aje/kwt133.
/// Checked against EpiEstim 2.2-4: family `overall_infectivity` of the surveillance reference.
pub fn overall_infectivity(incidence: &Incidence, serial_interval: &SerialInterval) -> Vec<f64> {
    let cases: Vec<f64> = (0..incidence.days()).map(|day| incidence.total_on(day)).collect();
    infectivity_of(&cases, serial_interval.weights())
}

pub(crate) fn infectivity_of(cases: &[f64], weights: &[f64]) -> Vec<f64> {
    // w_1, w_2, ... backwards, so that both factors are read in the same direction; zeros at the end do nothing.
    let longest = weights.iter().rposition(|w| *w != 0.0).unwrap_or(0);
    let backwards: Vec<f64> = weights[1.min(weights.len())..=longest].iter().rev().copied().collect();
    let on_day = |t: usize| {
        let reach = t.min(backwards.len());
        dot(&cases[t - reach..t], &backwards[backwards.len() - reach..])
    };
    (0..cases.len()).map(on_day).collect()
}

/// Sum of products in four strands, which a processor can add at once.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a_chunks, b_chunks) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(x, y)| x * y).sum();
    let mut strands = [0.0; 4];
    for (x, y) in a_chunks.zip(b_chunks) {
        for (strand, (x, y)) in strands.iter_mut().zip(x.iter().zip(y)) {
            *strand += x * y;
        }
    }
    strands.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infectivity_equals_the_double_sum() {
        let cases = [3.0, 0.0, 2.0, 7.0, 1.0];
        let weights = [0.0, 0.5, 0.3, 0.2];
        let slow = |t: usize| (1..=t).map(|k| weights.get(k).unwrap_or(&0.0) * cases[t - k]).sum::<f64>();
        let fast = infectivity_of(&cases, &weights);
        (0..cases.len()).for_each(|t| assert!((fast[t] - slow(t)).abs() < 1e-15));
    }

    #[test]
    fn windows_slide_from_the_second_day() {
        let windows = Window::sliding(9, 7);
        assert_eq!(windows, [Window { first: 1, last: 7 }, Window { first: 2, last: 8 }]);
        assert!(Window::sliding(3, 7).is_empty());
    }
}
