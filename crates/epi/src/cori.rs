//! The instantaneous reproduction number of Cori and colleagues.

mod aggregated;
mod uncertain;

use std::sync::LazyLock;

use crate::error::{EpiError, require_positive};
use crate::incidence::infectivity_of;
use crate::special::GammaTable;
use crate::{Incidence, SerialInterval, Window};
pub use aggregated::{estimate_r_cori_aggregated, reconstruct_days};
pub use uncertain::{TruncatedNormal, UncertainSerialInterval, estimate_r_cori_uncertain};

/// Gamma prior of R.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReproductionPrior {
    /// Prior mean; dimensionless.
    pub mean: f64,
    /// Prior standard deviation; dimensionless.
    pub sd: f64,
}

impl Default for ReproductionPrior {
    /// Mean 5 and standard deviation 5: nobody is told too early that R is below 1.
    fn default() -> Self {
        Self { mean: 5.0, sd: 5.0 }
    }
}

impl ReproductionPrior {
    fn shape(self) -> f64 {
        (self.mean / self.sd).powi(2)
    }

    fn scale(self) -> f64 {
        self.sd * self.sd / self.mean
    }

    fn check(self) -> Result<(), EpiError> {
        require_positive("prior mean", self.mean)?;
        require_positive("prior sd", self.sd)
    }
}

/// The probabilities of [`ReproductionEstimate::quantiles`].
pub const R_QUANTILES: [f64; 7] = [0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975];

/// Posterior distribution of R.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReproductionEstimate {
    /// Posterior mean.
    pub mean: f64,
    /// Posterior standard deviation.
    pub sd: f64,
    /// Posterior quantiles at [`R_QUANTILES`].
    pub quantiles: [f64; 7],
}

impl ReproductionEstimate {
    /// Posterior median.
    pub fn median(&self) -> f64 {
        self.quantiles[3]
    }

    /// 95 % credible interval.
    pub fn interval_95(&self) -> (f64, f64) {
        (self.quantiles[0], self.quantiles[6])
    }

    fn from_gamma(shape: f64, scale: f64) -> Self {
        static TABLE: LazyLock<GammaTable> = LazyLock::new(|| GammaTable::new(R_QUANTILES));
        let quantiles = TABLE.quantiles(shape).map(|quantile| quantile * scale);
        Self { mean: shape * scale, sd: shape.sqrt() * scale, quantiles }
    }
}

/// R over one window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReproductionRow {
    /// Days of the window.
    pub window: Window,
    /// Cases infected here, in the window; persons.
    pub cases: f64,
    /// Infectivity Λ summed over the window; persons.
    pub infectivity: f64,
    /// The posterior; `None` where the window ends on or before day number "mean serial interval": until then most
    /// infectors are older than the series.
    pub estimate: Option<ReproductionEstimate>,
}

/// Instantaneous reproduction number on each window, with its credible interval.
///
/// With prior Gamma(shape a, scale b) the posterior of R is Gamma(a + Σ I_s, 1 / (1/b + Σ Λ_s)), where I are the local
/// cases, Λ_s = Σ_{k>=1} I_{s-k} w_k over all cases, and both sums run over the window.
///
/// - `incidence`: new cases per day by onset date, oldest first, no gaps; persons.
/// - `serial_interval`: w_0 = 0, w_1, ... per day.
/// - `windows`: days to estimate over, see [`Window::sliding`]; seven days is usual.
/// - returns: one row per window, in order; R is dimensionless.
///
/// # Errors
/// [`EpiError::SeriesTooShort`] below two days, [`EpiError::PositionOutside`] for a window outside the series,
/// [`EpiError::InvalidSetting`] for the prior.
/// # Limits
/// Recent days are biased low while reports are still arriving: nowcast first. With few cases the prior speaks.
/// # Source
/// Cori et al. 2013, Am J Epidemiol 178:1505-1512, doi:10.1093/aje/kwt133, Web Appendix 1; imported cases after
/// Thompson et al. 2019, Epidemics 29:100356, doi:10.1016/j.epidem.2019.100356.
/// Checked against EpiEstim 2.2-4: family `epiestim_cori` of the surveillance reference.
pub fn estimate_r_cori(
    incidence: &Incidence,
    serial_interval: &SerialInterval,
    windows: &[Window],
    prior: ReproductionPrior,
) -> Result<Vec<ReproductionRow>, EpiError> {
    check(incidence, windows, prior)?;
    let cases: Vec<f64> = (0..incidence.days()).map(|day| incidence.total_on(day)).collect();
    Ok(rows_of(incidence.local(), &cases, serial_interval, windows, prior))
}

/// One row per window from local and all cases, which need not be whole numbers.
fn rows_of(
    local: &[f64],
    cases: &[f64],
    serial_interval: &SerialInterval,
    windows: &[Window],
    prior: ReproductionPrior,
) -> Vec<ReproductionRow> {
    let infectivity = infectivity_of(cases, serial_interval.weights());
    let mean_days = serial_interval.mean_days();
    let (shape, rate) = (prior.shape(), 1.0 / prior.scale());
    let rows = windows.iter().map(|&window| {
        let cases: f64 = local[window.first..=window.last].iter().sum();
        let infectivity: f64 = infectivity[window.first..=window.last].iter().sum();
        let is_reached = (window.last + 1) as f64 > mean_days;
        let estimate = is_reached.then(|| ReproductionEstimate::from_gamma(shape + cases, 1.0 / (rate + infectivity)));
        ReproductionRow { window, cases, infectivity, estimate }
    });
    rows.collect()
}

/// Lays rows beside the days of the series: entry t holds the row whose window ends on day t.
pub fn align_with_days(rows: &[ReproductionRow], days: usize) -> Vec<Option<ReproductionRow>> {
    let mut aligned = vec![None; days];
    for row in rows {
        if let Some(slot) = aligned.get_mut(row.window.last) {
            *slot = Some(*row);
        }
    }
    aligned
}

fn check(incidence: &Incidence, windows: &[Window], prior: ReproductionPrior) -> Result<(), EpiError> {
    prior.check()?;
    if incidence.days() < 2 {
        let (have, what) = (incidence.days(), "a reproduction number");
        return Err(EpiError::SeriesTooShort { have, need: 2, what });
    }
    windows.iter().try_for_each(|window| window.check(incidence.days()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Counts;

    fn rows(cases: &[f64], prior: ReproductionPrior) -> Vec<ReproductionRow> {
        let incidence = Incidence::from_first_day_imported(&Counts::new(cases.iter().copied()).unwrap());
        let serial_interval = SerialInterval::new(vec![0.0, 0.2, 0.5, 0.3]).unwrap();
        estimate_r_cori(&incidence, &serial_interval, &Window::sliding(cases.len(), 7), prior).unwrap()
    }

    #[test]
    fn steady_large_incidence_gives_one() {
        let rows = rows(&[1e6; 40], ReproductionPrior::default());
        let last = rows.last().unwrap().estimate.unwrap();
        assert!((last.mean - 1.0).abs() < 1e-5 && last.sd < 1e-3);
    }

    #[test]
    fn a_series_without_cases_gives_the_prior_back() {
        let prior = ReproductionPrior { mean: 2.0, sd: 3.0 };
        for row in rows(&[0.0; 20], prior) {
            let estimate = row.estimate.unwrap();
            assert!((estimate.mean - 2.0).abs() < 1e-12 && (estimate.sd - 3.0).abs() < 1e-12);
            assert!(estimate.quantiles.iter().all(|q| q.is_finite()));
        }
    }

    #[test]
    fn a_shift_in_time_shifts_the_estimates() {
        let wave = [0.0, 4.0, 9.0, 15.0, 30.0, 41.0, 60.0, 55.0, 43.0, 30.0, 20.0, 12.0];
        let prior = ReproductionPrior::default();
        let plain = rows(&[&[5.0], &wave[..]].concat(), prior);
        let later = rows(&[&[0.0, 5.0], &wave[..]].concat(), prior);
        // The first cases are local in the second series; that matters only for windows that hold their day.
        for (a, b) in plain.iter().skip(1).zip(later.iter().skip(2)) {
            assert!((a.estimate.unwrap().mean - b.estimate.unwrap().mean).abs() < 1e-12);
        }
    }

    #[test]
    fn a_single_day_is_refused() {
        let incidence = Incidence::from_first_day_imported(&Counts::new([3.0]).unwrap());
        let serial_interval = SerialInterval::new(vec![0.0, 1.0]).unwrap();
        let error = estimate_r_cori(&incidence, &serial_interval, &[], ReproductionPrior::default());
        assert!(matches!(error, Err(EpiError::SeriesTooShort { have: 1, need: 2, .. })));
    }

    #[test]
    fn rows_lie_beside_the_last_day_of_their_window() {
        let aligned = align_with_days(&rows(&[3.0; 12], ReproductionPrior::default()), 12);
        assert_eq!(aligned.len(), 12);
        assert!(aligned[..7].iter().all(Option::is_none));
        assert_eq!(aligned[7].unwrap().window, Window { first: 1, last: 7 });
    }
}
