//! What every method owes its caller: a defined result or an error, whatever whole numbers come in.

use proptest::prelude::*;
use sizao_epi::cori::{ReproductionPrior, estimate_r_cori};
use sizao_epi::cusum::{CusumSettings, CusumTransform, ExpectedCount, cusum};
use sizao_epi::ears::{EarsMethod, EarsSettings, ears};
use sizao_epi::farrington::{
    BoundMethod, FarringtonMode, FarringtonRow, FarringtonSettings, PowerTransform, SeasonalSeries, farrington,
};
use sizao_epi::growth::{find_growth_split, fit_growth};
use sizao_epi::nowcast::{DelayWindow, ReportingTriangle, nowcast_chain_ladder, nowcast_lawless};
use sizao_epi::outbreak_p::outbreak_p;
use sizao_epi::wallinga_teunis::estimate_r_wallinga_teunis;
use sizao_epi::{Counts, EpiError, Incidence, SerialInterval, Window};

const METHODS: [EarsMethod; 3] = [EarsMethod::C1, EarsMethod::C2, EarsMethod::C3];

#[test]
fn ears_equals_its_definition_written_out() {
    let y: Vec<f64> = (0..60).map(|i| f64::from((i * 37 + 11) % 17)).collect();
    let z = 3.090232306167813;
    for row in run_ears(&y, EarsMethod::C2, 0.001) {
        let baseline = &y[row.position - 9..row.position - 2];
        let mean = baseline.iter().sum::<f64>() / 7.0;
        let sd = (baseline.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 6.0).sqrt();
        assert!((row.upper_bound - (mean + z * sd)).abs() < 1e-9);
    }
}

#[test]
fn scaling_and_shifting_a_series_scale_and_shift_its_ears_bounds() {
    let y: Vec<f64> = (0..60).map(|i| f64::from((i * 37 + 11) % 17)).collect();
    for method in [EarsMethod::C1, EarsMethod::C2] {
        let plain = run_ears(&y, method, 0.001);
        let scaled = run_ears(&y.iter().map(|v| v * 1000.0).collect::<Vec<_>>(), method, 0.001);
        let shifted = run_ears(&y.iter().map(|v| v + 50.0).collect::<Vec<_>>(), method, 0.001);
        for ((a, b), c) in plain.iter().zip(&scaled).zip(&shifted) {
            assert!((b.upper_bound / a.upper_bound - 1000.0).abs() < 1e-8 && a.is_alarm == b.is_alarm);
            assert!((c.upper_bound - a.upper_bound - 50.0).abs() < 1e-9 && a.is_alarm == c.is_alarm);
        }
    }
}

#[test]
fn a_constant_series_never_alarms_and_its_first_rise_does() {
    for method in METHODS {
        assert!(run_ears(&[4.0; 40], method, 0.025).iter().all(|r| !r.is_alarm && r.upper_bound.is_finite()));
    }
    let mut y = vec![0.0; 40];
    y[30] = 1.0;
    assert!(run_ears(&y, EarsMethod::C1, 0.001).iter().any(|r| r.position == 30 && r.is_alarm));
}

#[test]
fn a_short_series_is_told_how_many_periods_are_needed() {
    let error = ears(&Counts::new([1.0; 8]).unwrap(), &EarsSettings::usual(EarsMethod::C2)).unwrap_err();
    assert_eq!(error, EpiError::SeriesTooShort { have: 8, need: 10, what: "this EARS chart" });
    assert!(error.to_string().contains("needs at least 10"));
    let error = run_farrington(&[1.0; 100], &FarringtonSettings::noufaily_2013(), &[99]).unwrap_err();
    assert!(matches!(error, EpiError::SeriesTooShort { need: 264, .. }), "{error}");
}

#[test]
fn farrington_is_quiet_on_zeros_and_on_a_constant() {
    let quiet = run_farrington(&[0.0; 320], &FarringtonSettings::noufaily_2013(), &[300, 319]).unwrap();
    assert!(quiet.iter().all(|r| !r.is_alarm && r.upper_bound.is_none() && r.no_bound.is_some()));
    let even = run_farrington(&[9.0; 320], &FarringtonSettings::noufaily_2013(), &[300, 319]).unwrap();
    for row in even {
        assert!((row.expected.unwrap() - 9.0).abs() < 1e-6 && row.dispersion == Some(1.0) && !row.is_alarm);
    }
}

#[test]
fn an_outbreak_on_a_steady_series_is_found_by_every_bound() {
    let mut y: Vec<f64> = (0..320).map(|i| f64::from(8 + (i * 7919) % 5)).collect();
    y[319] = 60.0;
    let power = PowerTransform::TwoThirds;
    for bound in [BoundMethod::Delta(power), BoundMethod::NegativeBinomial, BoundMethod::NegativeBinomialUpperMean] {
        for mode in [FarringtonMode::Textbook, FarringtonMode::CompatFlexible] {
            let settings = FarringtonSettings { bound, mode, ..FarringtonSettings::noufaily_2013() };
            assert!(run_farrington(&y, &settings, &[319]).unwrap()[0].is_alarm, "{bound:?} {mode:?}");
        }
    }
}

#[test]
fn the_textbook_and_the_compatible_arithmetic_nearly_agree() {
    let y: Vec<f64> = (0..330).map(|i| f64::from(10 + (i * 7919 + 13) % 23)).collect();
    let positions: Vec<usize> = (270..330).collect();
    let compat = FarringtonSettings { mode: FarringtonMode::CompatFlexible, ..FarringtonSettings::noufaily_2013() };
    let a = run_farrington(&y, &FarringtonSettings::noufaily_2013(), &positions).unwrap();
    let b = run_farrington(&y, &compat, &positions).unwrap();
    for (a, b) in a.iter().zip(&b) {
        assert!((a.expected.unwrap() / b.expected.unwrap() - 1.0).abs() < 1e-3);
        assert!((a.dispersion.unwrap() / b.dispersion.unwrap() - 1.0).abs() < 1e-2);
    }
}

#[test]
fn a_history_without_cases_gives_cusum_no_expected_count() {
    let settings = CusumSettings {
        reference_value: 0.5,
        decision_interval: 4.0,
        transform: CusumTransform::Rossi,
        expected: ExpectedCount::HistoryMean,
    };
    let error = cusum(&Counts::new([0.0; 30]).unwrap(), 20..=29, &settings).unwrap_err();
    assert!(matches!(error, EpiError::NotIdentifiable { .. }));
    let fixed = CusumSettings { expected: ExpectedCount::Fixed(0.5), ..settings };
    assert!(cusum(&Counts::new([0.0; 30]).unwrap(), 20..=29, &fixed).unwrap().iter().all(|r| !r.is_alarm));
}

fn counts() -> impl Strategy<Value = Vec<f64>> {
    let count = prop_oneof![4 => 0u32..4, 3 => 0u32..60, 1 => Just(0u32), 1 => Just(1_000_000_000u32)];
    proptest::collection::vec(count.prop_map(f64::from), 1..90)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn charts_give_numbers_or_errors(y in counts()) {
        let series = Counts::new(y.iter().copied()).unwrap();
        for method in METHODS {
            for row in ears(&series, &EarsSettings::usual(method)).unwrap_or_default() {
                prop_assert!(row.upper_bound.is_finite() && row.expected.is_finite());
            }
        }
        let last = y.len() - 1;
        for transform in [CusumTransform::Standard, CusumTransform::Rossi, CusumTransform::Anscombe] {
            let expected = ExpectedCount::HistoryMean;
            let settings = CusumSettings { reference_value: 0.5, decision_interval: 4.0, transform, expected };
            for row in cusum(&series, last / 2..=last, &settings).unwrap_or_default() {
                prop_assert!(row.statistic.is_finite() && row.upper_bound.is_finite());
            }
        }
        for row in outbreak_p(&series, 0..=last, 100.0).unwrap() {
            prop_assert!(row.log_statistic.is_finite());
        }
    }

    #[test]
    fn farrington_rows_have_a_bound_or_a_reason(y in counts(), has_season in any::<bool>(), mode in 0usize..3) {
        let mode = [FarringtonMode::Textbook, FarringtonMode::CompatOriginal, FarringtonMode::CompatFlexible][mode];
        let seasonal_levels = if has_season { 4 } else { 1 };
        let (years_back, half_window) = (3, 1);
        let settings = FarringtonSettings {
            seasonal_levels, mode, years_back, half_window, periods_excluded: 2, ..FarringtonSettings::noufaily_2013()
        };
        let series = Counts::new(y.iter().copied()).unwrap();
        let monthly = SeasonalSeries { counts: &series, periods_per_year: 12, dates: None, population: None };
        let positions: Vec<usize> = (37..y.len()).collect();
        for row in farrington(&monthly, &settings, &positions).unwrap() {
            prop_assert_eq!(row.upper_bound.is_none(), row.no_bound.is_some());
            for value in [row.expected, row.bound_mean, row.upper_bound, row.score, row.p_value, row.dispersion] {
                prop_assert!(value.is_none_or(f64::is_finite), "{:?}", row);
            }
        }
    }

    #[test]
    fn reproduction_numbers_are_positive_numbers(y in counts()) {
        let series = Counts::new(y.iter().copied()).unwrap();
        let interval = SerialInterval::shifted_gamma(3.0, 1.5, 30).unwrap();
        let windows = Window::sliding(y.len(), 3);
        let incidence = Incidence::from_first_day_imported(&series);
        for row in estimate_r_cori(&incidence, &interval, &windows, ReproductionPrior::default()).unwrap_or_default() {
            if let Some(estimate) = row.estimate {
                prop_assert!(estimate.quantiles.windows(2).all(|q| 0.0 < q[0] && q[0] <= q[1]));
                prop_assert!(estimate.mean.is_finite() && estimate.sd.is_finite());
            }
        }
        for row in estimate_r_wallinga_teunis(&series, &interval, &windows).unwrap_or_default() {
            prop_assert!(row.mean.is_finite() && row.lower <= row.upper && row.cases > 0.0);
        }
    }

    #[test]
    fn growth_is_finite_or_refused(y in counts()) {
        let series = Counts::new(y.iter().copied()).unwrap();
        if let Ok(growth) = fit_growth(&series, 1.0, 0.95) {
            prop_assert!(growth.rate.is_finite() && growth.adjusted_r2.is_none_or(f64::is_finite));
            prop_assert!(growth.points.iter().all(|p| p.fit.is_finite() && p.lower <= p.fit && p.fit <= p.upper));
        }
        if let Ok(split) = find_growth_split(&series, 1.0, 0.95) {
            prop_assert!(split.candidates.iter().any(|c| c.position == split.position));
        }
    }

    #[test]
    fn a_nowcast_is_never_below_what_is_known(cells in proptest::collection::vec(0u32..9, 40)) {
        let rows: Vec<Vec<Option<f64>>> = (0..10)
            .map(|t| (0..4).map(|x| (t + x <= 9).then(|| f64::from(cells[t * 4 + x]))).collect())
            .collect();
        let triangle = ReportingTriangle::new(&rows).unwrap();
        for row in nowcast_lawless(&triangle, DelayWindow::All, 0.95).unwrap() {
            if let (Some(known), Some(expected)) = (row.observed, row.expected) {
                prop_assert!(expected >= known - 1e-9 && row.variance.unwrap() >= 0.0);
            }
        }
        for row in nowcast_chain_ladder(&triangle, 0.95).unwrap() {
            if let Some(expected) = row.expected {
                prop_assert!(expected >= row.observed - 1e-9 && row.lower.unwrap() >= row.observed);
            }
        }
    }
}

fn run_ears(y: &[f64], method: EarsMethod, alpha: f64) -> Vec<sizao_epi::ears::EarsRow> {
    let settings = EarsSettings { alpha, ..EarsSettings::usual(method) };
    ears(&Counts::new(y.iter().copied()).unwrap(), &settings).unwrap()
}

fn run_farrington(
    y: &[f64],
    settings: &FarringtonSettings,
    positions: &[usize],
) -> Result<Vec<FarringtonRow>, EpiError> {
    let counts = Counts::new(y.iter().copied()).unwrap();
    farrington(
        &SeasonalSeries { counts: &counts, periods_per_year: 52, dates: None, population: None },
        settings,
        positions,
    )
}
