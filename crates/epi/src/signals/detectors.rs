//! The detectors of one daily series, each as a score per day: the higher, the less usual.

use crate::Counts;
use crate::detector_choice::{self, choose_detector};
use crate::farrington::{SeasonalSeries, farrington};
use crate::special::CountDistribution;

/// A detector of the joined signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detector {
    /// EARS C1: seven days just before.
    C1,
    /// EARS C2: seven days, two days apart.
    C2,
    /// EARS C3: excesses of C2 over three days.
    C3,
    /// CUSUM of standardised counts.
    Cusum,
    /// Sums over 1, 3, 7 and 14 days against the expected sums, on the 2/3-power scale.
    Windows,
    /// Sums over 7 and 14 days against a year, for rare events.
    Sparse,
    /// Farrington's flexible algorithm on weeks; county sums only.
    Farrington,
}

/// All of them, in the order of their numbers.
pub const DETECTORS: [Detector; 7] = [
    Detector::C1,
    Detector::C2,
    Detector::C3,
    Detector::Cusum,
    Detector::Windows,
    Detector::Sparse,
    Detector::Farrington,
];

impl Detector {
    /// Short name.
    pub fn name(self) -> &'static str {
        match self {
            Detector::C1 => "EARS C1",
            Detector::C2 => "EARS C2",
            Detector::C3 => "EARS C3",
            Detector::Cusum => "CUSUM",
            Detector::Windows => "windows",
            Detector::Sparse => "sparse",
            Detector::Farrington => "Farrington",
        }
    }
}

/// Scores of one day, by detector; minus infinity where a detector has nothing to say.
pub(super) type DayScores = [f32; DETECTORS.len()];

/// Days left out between the baseline and today, so that an outbreak under way does not hide itself.
const GAP: usize = 14;
/// Days of the baseline.
const BASELINE: usize = 42;
/// First day that can be judged.
pub(super) const WARM_UP: usize = GAP + BASELINE;
/// Lengths of the windows; days.
const WINDOWS: [usize; 4] = [1, 3, 7, 14];
/// Drift per day that the CUSUM lets pass, and where it is held; standard deviations.
const DRIFT: f64 = 0.75;
const CUSUM_MAX: f64 = 15.0;
/// Least standard deviation of an EARS baseline and least expected count per day; persons.
const SD_MIN: f64 = 0.5;
const MEAN_MIN: f64 = 0.02;
/// Days of history of the sparse rule, and its stretches.
const YEAR: usize = 364;
const STRETCHES: [usize; 2] = [7, 14];

/// Room for the work on one series, used again for the next.
#[derive(Default)]
pub(super) struct Workspace {
    clean: Vec<f64>,
    sums: Vec<f64>,
    squares: Vec<f64>,
    counts: Vec<f64>,
    expected: Vec<f64>,
    /// Scores per day, from [`WARM_UP`] on.
    pub(super) scores: Vec<DayScores>,
}

impl Workspace {
    /// Scores every day from [`WARM_UP`] on.
    ///
    /// - `y`: persons per day; `weekday`: factor of each day's type; `common`: how far all counties together are above
    ///   their baselines on each day (1 where that is not known).
    pub(super) fn run(&mut self, y: &[f64], weekday: &[f64], common: &[f64]) {
        let days = y.len();
        self.scores.clear();
        self.clean.clear();
        self.clean.extend(y.iter().zip(weekday).map(|(y, factor)| y / factor));
        prefix(&mut self.sums, self.clean.iter().copied());
        prefix(&mut self.squares, self.clean.iter().map(|x| x * x));
        prefix(&mut self.counts, y.iter().copied());
        self.expected.clear();
        self.expected.resize(days + 1, 0.0);
        let (mut cusum, mut before) = (0.0_f64, [0.0_f64; 2]);
        let mut totals = 0.0;
        for t in GAP + BASELINE..days {
            let (mean, variance) = self.moments(t - WARM_UP, t - GAP);
            let dispersion = if mean > 0.0 { (variance / mean).max(1.0) } else { 1.0 };
            let expected = (mean.max(MEAN_MIN)) * weekday[t] * common[t];
            totals += expected;
            self.expected[t + 1] = totals;
            let z = (y[t] - expected) / (dispersion * expected).sqrt();
            cusum = (cusum + z - DRIFT).clamp(0.0, CUSUM_MAX);
            let c1 = self.ears(t, t);
            let c2 = self.ears(t, t - 2);
            let excess = (c2 - 1.0).max(0.0);
            let c3 = excess + before[0] + before[1];
            before = [before[1], excess];
            let windows = self.windows(t, dispersion);
            let sparse = self.sparse(t, mean);
            self.scores.push([
                c1.asinh() as f32,
                c2.asinh() as f32,
                c3.asinh() as f32,
                cusum as f32,
                windows.asinh() as f32,
                sparse as f32,
                f32::NEG_INFINITY,
            ]);
        }
    }

    /// Persons above those expected in the `span` days up to day `t`.
    pub(super) fn excess(&self, t: usize, span: usize) -> f64 {
        let first = (t + 1).saturating_sub(span).max(WARM_UP);
        (self.counts[t + 1] - self.counts[first]) - (self.expected[t + 1] - self.expected[first])
    }

    fn moments(&self, from: usize, to: usize) -> (f64, f64) {
        let n = (to - from) as f64;
        let sum = self.sums[to] - self.sums[from];
        let squares = self.squares[to] - self.squares[from];
        let mean = sum / n;
        (mean, ((squares - sum * mean) / (n - 1.0)).max(0.0))
    }

    fn ears(&self, t: usize, end: usize) -> f64 {
        let (mean, variance) = self.moments(end - 7, end);
        (self.clean[t] - mean) / variance.sqrt().max(SD_MIN)
    }

    fn windows(&self, t: usize, dispersion: f64) -> f64 {
        let mut best = f64::NEG_INFINITY;
        for span in WINDOWS {
            let first = (t + 1 - span).max(WARM_UP);
            let cases = self.counts[t + 1] - self.counts[first];
            let expected = self.expected[t + 1] - self.expected[first];
            let root = expected.cbrt();
            let z = 1.5 * (cases.cbrt().powi(2) - root * root) / (root.sqrt() * dispersion.sqrt());
            best = best.max(z);
        }
        best
    }

    /// -ln p of the stretch with the least p under the predictive distribution of a year; 0 where nothing stands out.
    fn sparse(&self, t: usize, mean: f64) -> f64 {
        if t < YEAR + GAP || mean > 1.0 {
            return f64::NEG_INFINITY;
        }
        let end = t + 1 - GAP;
        let past = self.counts[end] - self.counts[end - YEAR];
        let mut best: f64 = 0.0;
        for span in STRETCHES {
            let cases = self.counts[t + 1] - self.counts[t + 1 - span];
            let expected = (past + 0.5) * span as f64 / YEAR as f64;
            // The tail is worth its price only where the stretch stands out.
            if cases >= 2.0 && cases > 2.0 * expected {
                let tail = CountDistribution::new(expected, 1.0 + span as f64 / YEAR as f64).upper(cases);
                best = best.max(-tail.max(1e-300).ln());
            }
        }
        best
    }

    /// Adds Farrington's score to the days of each week: the week that ends on a day speaks on that day and the six after.
    pub(super) fn add_farrington(&mut self, y: &[f64]) {
        let lead = y.len() % 7;
        let weeks: Vec<f64> = y[lead..].chunks_exact(7).map(|week| week.iter().sum::<f64>().round()).collect();
        let Ok(counts) = Counts::new(weeks) else { return };
        let series = SeasonalSeries { counts: &counts, periods_per_year: 52, dates: None, population: None };
        let place = Detector::Farrington as usize;
        let mut first = 0;
        while first < counts.len() {
            // Weeks with the same choice of settings are judged together.
            let choice = choose_detector(first + 1, 52).detector;
            let same =
                (first..counts.len()).take_while(|week| choose_detector(week + 1, 52).detector == choice).count();
            if let Some(detector_choice::Detector::Farrington(settings)) = choice {
                let positions: Vec<usize> = (first..first + same).collect();
                for row in farrington(&series, &settings, &positions).unwrap_or_default() {
                    let Some(score) = row.score.filter(|_| row.upper_bound.is_some()) else { continue };
                    let day = lead + row.position * 7 + 6;
                    for scores in self.scores.iter_mut().skip(day.saturating_sub(WARM_UP)).take(7) {
                        scores[place] = score as f32;
                    }
                }
            }
            first += same.max(1);
        }
    }
}

/// Sums of the first 0, 1, 2, … values.
fn prefix(sums: &mut Vec<f64>, values: impl Iterator<Item = f64>) {
    sums.clear();
    sums.push(0.0);
    let mut total = 0.0;
    sums.extend(values.map(|value| {
        total += value;
        total
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ears::{EarsMethod, EarsSettings, ears};

    fn run(y: &[f64]) -> Workspace {
        let ones = vec![1.0; y.len()];
        let mut workspace = Workspace::default();
        workspace.run(y, &ones, &ones);
        workspace
    }

    fn noisy(days: usize) -> Vec<f64> {
        (0..days).map(|i| ((i * 7919 + 13) % 11) as f64).collect()
    }

    #[test]
    fn ears_scores_cross_the_normal_quantile_where_the_charts_alarm() {
        let mut y = noisy(200);
        y[150] = 30.0;
        let workspace = run(&y);
        for (method, place, z) in [(EarsMethod::C1, 0, 3.090232306167813_f64), (EarsMethod::C2, 1, 3.090232306167813)] {
            let settings = EarsSettings { sd_min: SD_MIN, ..EarsSettings::usual(method) };
            for row in ears(&Counts::new(y.clone()).unwrap(), &settings).unwrap() {
                let Some(day) = row.position.checked_sub(WARM_UP) else { continue };
                assert_eq!(
                    f64::from(workspace.scores[day][place]) > z.asinh(),
                    row.is_alarm,
                    "{method:?} {}",
                    row.position
                );
            }
        }
    }

    #[test]
    fn a_jump_raises_every_daily_detector_and_the_excess_counts_it() {
        let mut y = noisy(520);
        let quiet = run(&y).scores[500 - WARM_UP];
        y[500] += 40.0;
        let workspace = run(&y);
        let loud = workspace.scores[500 - WARM_UP];
        for place in [0, 1, 2, 3, 4] {
            assert!(loud[place] > quiet[place] + 0.5, "{:?}", DETECTORS[place]);
        }
        let added = workspace.excess(500, 1) - run(&noisy(520)).excess(500, 1);
        assert!((added - 40.0).abs() < 1e-9);
    }

    #[test]
    fn nothing_but_zeros_is_scored_and_finite() {
        for scores in &run(&vec![0.0; 500]).scores {
            assert!(scores.iter().all(|score| !score.is_nan() && *score < 1.0), "{scores:?}");
        }
    }

    #[test]
    fn a_lasting_rise_is_seen_by_farrington_on_weeks() {
        let mut y: Vec<f64> = noisy(1092);
        (1050..1092).for_each(|day| y[day] *= 4.0);
        let mut workspace = run(&y);
        workspace.add_farrington(&y);
        let place = Detector::Farrington as usize;
        assert!(workspace.scores[1091 - WARM_UP][place] > 1.0, "{:?}", workspace.scores[1091 - WARM_UP]);
        assert!(workspace.scores[1000 - WARM_UP][place] < 1.0);
    }
}
