//! Sensitivity, delay, precision and alarms per county and week of scores, on a network with planted outbreaks.

use std::ops::Range;

use crate::error::{EpiError, require};
use crate::invented::{OutbreakShape, PlantedOutbreak};
use crate::signals::{alarms_per_county_week, find_happenings};
use crate::special::normal_quantile;

/// How alarms are held against the truth.
#[derive(Debug, Clone, PartialEq)]
pub struct EvaluationSettings {
    /// Days that count, as places in the scores.
    pub days: Range<usize>,
    /// Quiet days after which a happening is over.
    pub quiet_days: usize,
    /// Days after the last onset in which an alarm still finds the outbreak.
    pub grace_days: usize,
}

/// A share with its 95 % interval after Wilson.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// How many.
    pub part: usize,
    /// Of how many.
    pub all: usize,
    /// The share; `None` of nothing.
    pub value: Option<f64>,
    /// Lower limit.
    pub lower: Option<f64>,
    /// Upper limit.
    pub upper: Option<f64>,
}

impl Share {
    /// Wilson's interval: (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n).
    pub fn new(part: usize, all: usize) -> Self {
        if all == 0 {
            return Self { part, all, value: None, lower: None, upper: None };
        }
        let (n, p, z) = (all as f64, part as f64 / all as f64, normal_quantile(0.975));
        let middle = p + z * z / (2.0 * n);
        let reach = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + z * z / n;
        let (lower, upper) = (((middle - reach) / scale).max(0.0), ((middle + reach) / scale).min(1.0));
        Self { part, all, value: Some(p), lower: Some(lower), upper: Some(upper) }
    }
}

/// A median with its 95 % interval from order statistics.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Median {
    /// The middle value.
    pub value: f64,
    /// Lower limit.
    pub lower: f64,
    /// Upper limit.
    pub upper: f64,
}

/// What a cut on the scores gives.
#[derive(Debug, Clone, PartialEq)]
pub struct OperatingPoint {
    /// The cut.
    pub cut: f32,
    /// Signals per county and week.
    pub alarms_per_county_week: f64,
    /// Outbreaks found, of those planted.
    pub sensitivity: Share,
    /// Signals that an outbreak caused, of all signals.
    pub precision: Share,
    /// Days from the first onset to the first alarm, over the outbreaks found.
    pub delay_days: Option<Median>,
    /// Sensitivity by shape, in the order of [`crate::invented::SHAPES`].
    pub by_shape: Vec<(OutbreakShape, Share)>,
}

/// Scores of the network with outbreaks and of its twin without, `[county][day]`.
#[derive(Debug, Clone, Copy)]
pub struct ScoredTwins<'a> {
    /// With outbreaks.
    pub injected: &'a [Vec<f32>],
    /// Without.
    pub twin: &'a [Vec<f32>],
    /// The day of the network that place 0 of the scores stands for.
    pub first_day: usize,
}

/// Holds the alarms of a cut against the truth.
///
/// A day is *caused* when its score reaches the cut with the outbreaks and does not without them: an alarm that would have
/// come anyway finds nothing, however well it is timed. An outbreak is found by the first caused day from its first onset to
/// `grace_days` after its last. A signal is true when it holds a caused day.
///
/// - `outbreaks`: those whose first onset lies within `settings.days` count.
///
/// # Errors
/// [`EpiError::LengthsDiffer`] for scores of different shape, [`EpiError::InvalidSetting`] for days outside them.
/// # Source
/// Wilson 1927, JASA 22:209-212.
pub fn evaluate_cut(
    scores: ScoredTwins<'_>,
    outbreaks: &[PlantedOutbreak],
    settings: &EvaluationSettings,
    cut: f32,
) -> Result<OperatingPoint, EpiError> {
    let (left_len, right_len) = (scores.injected.len(), scores.twin.len());
    let shortest = scores.injected.iter().chain(scores.twin).map(Vec::len).min().unwrap_or(0);
    if left_len != right_len {
        let (left, right) = ("The list of counties", "that of their twins");
        return Err(EpiError::LengthsDiffer { left, left_len, right, right_len });
    }
    require("last day", settings.days.end as f64, "within the scores", settings.days.end <= shortest)?;
    let is_caused = |county: usize, day: usize| scores.injected[county][day] >= cut && scores.twin[county][day] < cut;
    let mut delays = Vec::new();
    let mut shapes: Vec<(OutbreakShape, usize, usize)> =
        crate::invented::SHAPES.iter().map(|shape| (*shape, 0, 0)).collect();
    for outbreak in outbreaks {
        let Some(first) = outbreak.first.checked_sub(scores.first_day).filter(|day| settings.days.contains(day)) else {
            continue;
        };
        let end = (outbreak.last + settings.grace_days + 1).saturating_sub(scores.first_day).min(settings.days.end);
        let found = (first..end).find(|day| is_caused(outbreak.county, *day));
        let shape = &mut shapes[outbreak.shape as usize];
        shape.1 += usize::from(found.is_some());
        shape.2 += 1;
        delays.extend(found.map(|day| (day - first) as f64));
    }
    let happenings = find_happenings(scores.injected, cut, settings.quiet_days, settings.days.clone());
    let is_true = |h: &&crate::signals::Happening| (h.first..=h.last).any(|day| is_caused(h.county, day));
    let planted = shapes.iter().map(|shape| shape.2).sum();
    Ok(OperatingPoint {
        cut,
        alarms_per_county_week: alarms_per_county_week(happenings.len(), left_len, settings.days.len()),
        sensitivity: Share::new(delays.len(), planted),
        precision: Share::new(happenings.iter().filter(is_true).count(), happenings.len()),
        delay_days: median(delays),
        by_shape: shapes.into_iter().map(|(shape, found, all)| (shape, Share::new(found, all))).collect(),
    })
}

/// Operating points from the highest cut to the lowest.
///
/// # Errors
/// As for [`evaluate_cut`].
pub fn evaluate_curve(
    scores: ScoredTwins<'_>,
    outbreaks: &[PlantedOutbreak],
    settings: &EvaluationSettings,
    points: usize,
) -> Result<Vec<OperatingPoint>, EpiError> {
    let inside = |scores: &Vec<f32>| scores.get(settings.days.clone()).unwrap_or_default().to_vec();
    let mut all: Vec<f32> = scores.injected.iter().flat_map(inside).filter(|score| *score > 0.0).collect();
    all.sort_unstable_by(|a, b| b.total_cmp(a));
    all.dedup();
    // Cuts at ranks that grow geometrically: the interesting ones are few and high.
    let reach = (all.len().max(2) as f64).ln();
    let rank = |point: usize| ((reach * (point + 1) as f64 / points as f64).exp() as usize).min(all.len()) - 1;
    let mut ranks: Vec<usize> = if all.is_empty() { Vec::new() } else { (0..points).map(rank).collect() };
    ranks.dedup();
    ranks.into_iter().map(|rank| evaluate_cut(scores, outbreaks, settings, all[rank])).collect()
}

/// The points up to the peak of the curve. Beyond it the cut is so low that everything runs together into few long signals.
pub fn rising(curve: &[OperatingPoint]) -> &[OperatingPoint] {
    let peak = curve.iter().map(|point| point.alarms_per_county_week).fold(0.0, f64::max);
    let end = curve.iter().position(|point| point.alarms_per_county_week >= peak).map_or(0, |place| place + 1);
    &curve[..end]
}

/// The point with the most alarms within a budget, of those up to the peak.
pub fn at_budget(curve: &[OperatingPoint], budget: f64) -> Option<&OperatingPoint> {
    let rate = |point: &&OperatingPoint| point.alarms_per_county_week;
    rising(curve).iter().filter(|point| rate(point) <= budget).max_by(|a, b| rate(a).total_cmp(&rate(b)))
}

/// The point with the fewest alarms that finds as many outbreaks as asked for.
pub fn at_sensitivity(curve: &[OperatingPoint], sensitivity: f64) -> Option<&OperatingPoint> {
    curve.iter().find(|point| point.sensitivity.value.is_some_and(|value| value >= sensitivity))
}

/// Median; the limits are the order statistics n/2 ± 0.98 √n.
fn median(mut values: Vec<f64>) -> Option<Median> {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len();
    let last = n.checked_sub(1)?;
    let reach = normal_quantile(0.975) * (n as f64).sqrt() / 2.0;
    let at = |place: f64| values[(place.max(0.0) as usize).min(last)];
    let value = 0.5 * (values[last / 2] + values[n / 2]);
    Some(Median { value, lower: at((n as f64 / 2.0 - reach).floor()), upper: at((n as f64 / 2.0 + reach).ceil()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbreak(first: usize, last: usize) -> PlantedOutbreak {
        PlantedOutbreak { county: 0, shape: OutbreakShape::Slow, first, last, cases: 9.0, seen: 9.0 }
    }

    const SETTINGS: EvaluationSettings = EvaluationSettings { days: 0..10, quiet_days: 1, grace_days: 1 };

    #[test]
    fn an_alarm_that_would_have_come_anyway_finds_nothing() {
        let injected = [vec![0.0, 9.0, 0.0, 9.0, 0.0, 0.0, 0.0, 9.0, 0.0, 0.0]];
        let twin = [vec![0.0, 9.0, 0.0, 0.0, 0.0, 0.0, 0.0, 9.0, 0.0, 0.0]];
        let scores = ScoredTwins { injected: &injected, twin: &twin, first_day: 100 };
        let point = evaluate_cut(scores, &[outbreak(101, 104), outbreak(106, 108)], &SETTINGS, 5.0).unwrap();
        assert_eq!((point.sensitivity.part, point.sensitivity.all), (1, 2));
        // Days 1 and 3 are one signal and true, day 7 is another and false.
        assert_eq!((point.precision.part, point.precision.all), (1, 2));
        assert_eq!(point.delay_days.unwrap().value, 2.0);
        assert!((point.alarms_per_county_week - 1.4).abs() < 1e-12);
        assert_eq!(point.by_shape[2].1.all, 2);
    }

    #[test]
    fn the_interval_is_wilsons() {
        // 10 of 50: 0.1124 to 0.3304 (Wilson 1927, formula worked by hand).
        let share = Share::new(10, 50);
        assert!((share.lower.unwrap() - 0.112_4).abs() < 1e-4 && (share.upper.unwrap() - 0.330_4).abs() < 1e-4);
        assert_eq!(Share::new(0, 0).value, None);
    }

    #[test]
    fn curves_run_from_few_alarms_to_many() {
        let injected = [(0..10).map(|day| day as f32).collect::<Vec<f32>>()];
        let twin = [vec![0.0; 10]];
        let scores = ScoredTwins { injected: &injected, twin: &twin, first_day: 0 };
        let curve = evaluate_curve(scores, &[outbreak(3, 8)], &SETTINGS, 20).unwrap();
        assert!(curve.windows(2).all(|pair| pair[0].cut > pair[1].cut));
        assert_eq!(at_sensitivity(&curve, 1.0).unwrap().delay_days.unwrap().value, 6.0);
        assert!(at_budget(&curve, 0.0).is_none() && at_budget(&curve, 1.0).is_some());
    }

    #[test]
    fn days_outside_the_scores_are_refused() {
        let scores = ScoredTwins { injected: &[vec![0.0; 5]], twin: &[vec![0.0; 5]], first_day: 0 };
        assert!(evaluate_cut(scores, &[], &SETTINGS, 1.0).is_err());
    }
}
