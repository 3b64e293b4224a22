//! Farrington's algorithm once more, slowly: dense matrices, dummy variables, no closed forms.

use sizao_epi::Counts;
use sizao_epi::farrington::{BoundMethod, FarringtonSettings, PowerTransform, SeasonalSeries, farrington};

#[test]
fn the_fast_regression_equals_dense_matrices_with_trend_and_season() {
    let settings = FarringtonSettings {
        bound: BoundMethod::Delta(PowerTransform::TwoThirds),
        ..FarringtonSettings::noufaily_2013()
    };
    check(&wave(330, 12.0), &settings, &[300, 317, 329]);
}

#[test]
fn the_fast_regression_equals_dense_matrices_without_season() {
    let settings = FarringtonSettings { trend_p_max: 1.0, years_back: 4, ..FarringtonSettings::original_1996() };
    check(&wave(330, 40.0), &settings, &[250, 300, 329]);
}

#[test]
fn the_fast_regression_equals_dense_matrices_without_trend_and_weights() {
    let settings =
        FarringtonSettings { trend: false, reweight: false, years_back: 3, ..FarringtonSettings::original_1996() };
    check(&wave(330, 3.0), &settings, &[200, 329]);
}

/// Compares mean, dispersion, slope and the 2/3-power bound.
fn check(y: &[f64], settings: &FarringtonSettings, positions: &[usize]) {
    let counts = Counts::new(y.iter().copied()).unwrap();
    let series = SeasonalSeries { counts: &counts, periods_per_year: 52, dates: None, population: None };
    let rows = farrington(&series, settings, positions).unwrap();
    for row in rows {
        let slow = slow_fit(y, settings, row.position);
        let close = |ours: f64, theirs: f64| (ours / theirs - 1.0).abs() < 1e-7;
        assert!(close(row.expected.unwrap(), slow.mean), "mean {row:?} {slow:?}");
        assert!(close(row.dispersion.unwrap(), slow.dispersion), "dispersion {row:?} {slow:?}");
        assert!(close(row.upper_bound.unwrap(), slow.bound(settings)), "bound {row:?} {slow:?}");
        match (row.trend_per_period, slow.slope) {
            (Some(ours), Some(theirs)) => assert!((ours - theirs).abs() < 1e-9, "slope {row:?} {slow:?}"),
            (ours, theirs) => assert_eq!(ours, theirs, "trend kept or not"),
        }
    }
}

#[derive(Debug)]
struct Slow {
    mean: f64,
    dispersion: f64,
    variance: f64,
    slope: Option<f64>,
}

impl Slow {
    fn bound(&self, settings: &FarringtonSettings) -> f64 {
        // Normal quantiles of 0.975 and 0.995.
        let z = if settings.is_alpha_two_sided { 1.959963984540054 } else { 2.5758293035489004 };
        let tau = self.dispersion + self.mean * self.dispersion * self.variance;
        (self.mean.powf(2.0 / 3.0) + z * (4.0 / 9.0 * self.mean.powf(1.0 / 3.0) * tau).sqrt()).powf(1.5)
    }
}

/// Level of every reference week, by looking at each week in turn.
fn levels(settings: &FarringtonSettings, now: usize) -> Vec<(usize, usize)> {
    let (b, w, p) = (settings.years_back, settings.half_window, settings.seasonal_levels);
    let anchors: Vec<usize> = (0..=b).rev().map(|i| now - 52 * i).collect();
    let mut chosen = Vec::new();
    for week in anchors[0] - w..now.saturating_sub(settings.periods_excluded) {
        if anchors.iter().any(|a| week.abs_diff(*a) <= w) {
            if p > 1 || anchors[..b].iter().any(|a| week.abs_diff(*a) <= w) {
                chosen.push((week, 0));
            }
        } else if p > 1 {
            let before = anchors.iter().rev().find(|a| **a < week).unwrap();
            let (offset, gap) = (week - before - w - 1, 52 - 2 * w - 1);
            // The first `rest` blocks are one longer.
            let (size, rest) = (gap / (p - 1), gap % (p - 1));
            let block = (0..p - 1).find(|k| offset < (k + 1) * size + rest.min(k + 1)).unwrap();
            chosen.push((week, block + 1));
        }
    }
    chosen
}

fn slow_fit(y: &[f64], settings: &FarringtonSettings, now: usize) -> Slow {
    let weeks = levels(settings, now);
    let counts: Vec<f64> = weeks.iter().map(|(week, _)| y[*week]).collect();
    let used = weeks.iter().map(|(_, level)| level + 1).max().unwrap();
    let row = |week: usize, level: usize, trend: bool| {
        let mut row: Vec<f64> = (0..used).map(|l| f64::from(u8::from(l == level))).collect();
        if trend {
            row.push(week as f64 - weeks[0].0 as f64);
        }
        row
    };
    let fit = |trend: bool| {
        let x: Vec<Vec<f64>> = weeks.iter().map(|(week, level)| row(*week, *level, trend)).collect();
        let mut weights = vec![1.0; counts.len()];
        let mut model = regress(&x, &counts, &weights);
        if settings.reweight {
            weights = reweighted(&model, &x, &counts, settings.weights_threshold);
            model = regress(&x, &counts, &weights);
        }
        let at = row(now, 0, trend);
        let log_mean: f64 = at.iter().zip(&model.beta).map(|(a, b)| a * b).sum();
        Slow {
            mean: log_mean.exp(),
            dispersion: model.dispersion,
            variance: quadratic(&at, &model.inverse),
            slope: trend.then(|| *model.beta.last().unwrap()),
        }
    };
    let with_trend = fit(settings.trend);
    let largest = counts.iter().copied().fold(0.0, f64::max);
    if settings.trend && with_trend.mean > largest { fit(false) } else { with_trend }
}

struct Model {
    beta: Vec<f64>,
    means: Vec<f64>,
    working: Vec<f64>,
    inverse: Vec<Vec<f64>>,
    dispersion: f64,
}

/// Quasi-Poisson regression by a hundred full steps.
fn regress(x: &[Vec<f64>], y: &[f64], weights: &[f64]) -> Model {
    let p = x[0].len();
    let mut eta: Vec<f64> = y.iter().map(|y| (y + 0.1).ln()).collect();
    let (mut beta, mut inverse, mut working) = (vec![], vec![], vec![]);
    for _ in 0..100 {
        working = eta.iter().zip(weights).map(|(e, w)| w * e.exp()).collect::<Vec<f64>>();
        let response: Vec<f64> = eta.iter().zip(y).map(|(e, y)| e + (y - e.exp()) / e.exp()).collect();
        let cell = |a: usize, b: usize| x.iter().zip(&working).map(|(r, w)| w * r[a] * r[b]).sum::<f64>();
        let cross: Vec<Vec<f64>> = (0..p).map(|a| (0..p).map(|b| cell(a, b)).collect()).collect();
        inverse = invert(cross);
        let right: Vec<f64> =
            (0..p).map(|a| x.iter().zip(&working).zip(&response).map(|((r, w), z)| w * r[a] * z).sum()).collect();
        beta = inverse.iter().map(|row| row.iter().zip(&right).map(|(a, b)| a * b).sum()).collect::<Vec<f64>>();
        eta = x.iter().map(|r| r.iter().zip(&beta).map(|(a, b)| a * b).sum()).collect();
    }
    let means: Vec<f64> = eta.iter().map(|e| e.exp()).collect();
    let squares: f64 = y.iter().zip(&means).zip(weights).map(|((y, m), w)| w * (y - m) * (y - m) / m).sum();
    let dispersion = (squares / (y.len() - p) as f64).max(1.0);
    Model { beta, means, working, inverse, dispersion }
}

fn reweighted(model: &Model, x: &[Vec<f64>], y: &[f64], threshold: f64) -> Vec<f64> {
    let raw: Vec<f64> = (0..y.len())
        .map(|i| {
            let leverage = model.working[i] * quadratic(&x[i], &model.inverse);
            let mean = model.means[i];
            let s = 1.5 * (y[i].powf(2.0 / 3.0) * mean.powf(-1.0 / 6.0) - mean.sqrt())
                / (model.dispersion * (1.0 - leverage)).sqrt();
            if s > threshold { s.powi(-2) } else { 1.0 }
        })
        .collect();
    let scale = y.len() as f64 / raw.iter().sum::<f64>();
    raw.into_iter().map(|w| w * scale).collect()
}

fn quadratic(x: &[f64], inverse: &[Vec<f64>]) -> f64 {
    x.iter().zip(inverse).map(|(a, row)| a * row.iter().zip(x).map(|(b, c)| b * c).sum::<f64>()).sum()
}

/// Gauss-Jordan with pivoting.
fn invert(mut a: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let n = a.len();
    let mut b: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    for k in 0..n {
        let pivot = (k..n).max_by(|&i, &j| a[i][k].abs().total_cmp(&a[j][k].abs())).unwrap();
        a.swap(k, pivot);
        b.swap(k, pivot);
        let lead = a[k][k];
        a[k].iter_mut().chain(b[k].iter_mut()).for_each(|v| *v /= lead);
        for i in (0..n).filter(|&i| i != k) {
            let factor = a[i][k];
            let (row_a, row_b) = (a[k].clone(), b[k].clone());
            a[i].iter_mut().zip(row_a).for_each(|(v, r)| *v -= factor * r);
            b[i].iter_mut().zip(row_b).for_each(|(v, r)| *v -= factor * r);
        }
    }
    b
}

/// An invented series: season, trend, an outbreak, and a fixed pattern of noise.
fn wave(weeks: usize, mean: f64) -> Vec<f64> {
    let noise = |i: usize| ((i * 7919 + 104_729) % 1009) as f64 / 1009.0 - 0.5;
    (0..weeks)
        .map(|i| {
            let season = (std::f64::consts::TAU * i as f64 / 52.0).sin();
            let outbreak = if (140..146).contains(&i) { 4.0 } else { 1.0 };
            (outbreak * mean * (0.4 * season + 0.001 * i as f64).exp() * (1.0 + noise(i))).round()
        })
        .collect()
}
