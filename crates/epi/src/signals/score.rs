//! One score per county and day, joined and for each detector alone.

use std::ops::Range;

use jiff::civil::Date;

use super::calibration::Calibration;
use super::detectors::{DETECTORS, DayScores, Detector, WARM_UP, Workspace};
use super::network::Network;
use crate::day_effects::{HolidayCalendar, estimate_day_effects};
use crate::error::EpiError;
use crate::{Counts, parallel};

/// Counties needed before their common rise is taken out of each.
const COUNTIES_FOR_COMMON: usize = 8;
/// What the evidence of a source has to exceed to be added to that of the others at a site; -ln p.
const EVIDENCE_MIN: f32 = 2.0;
/// -ln of the weight of each detector in the joined score: a weighted Bonferroni rule. Chosen on seed 11 of the invented
/// networks; figures are published for other seeds.
const HANDICAP: DayScores = [0.0, 0.5, 1.5, 1.5, 2.0, 2.5, 2.5];
/// Width of a cell of [`NetworkScores::series_alarms`]; -ln p.
pub const ALARM_CELL: f32 = 0.05;
const ALARM_CELLS: usize = 600;
/// Calibration classes by mean count per day.
const CLASS_EDGES: [f64; 5] = [0.05, 0.3, 1.5, 8.0, 40.0];
const CLASSES: usize = CLASS_EDGES.len() + 1;
/// Past scores kept per class, detector and source at most.
const SAMPLE: usize = 60_000;

/// How a network is scored.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreSettings {
    /// Holidays and make-up working days.
    pub calendar: HolidayCalendar,
    /// Days of the past (places from 0, end excluded) from which usual scores are learned.
    pub learn_from: Range<usize>,
    /// Quiet days after which an alarm of a single series is over, for [`NetworkScores::series_alarms`].
    pub quiet_days: usize,
    /// Threads; 0 for one per processor. The result does not depend on it.
    pub threads: usize,
}

/// Scores of every county and day: about -ln of the probability of a day as unusual without an outbreak.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkScores {
    /// First day with a score, a place in [`Network::dates`].
    pub first_day: usize,
    /// `[county][day - first_day]`: detectors and sources joined.
    pub joined: Vec<Vec<f32>>,
    /// `[detector][county][day - first_day]`: the most unusual series of the county by that detector alone.
    pub single: Vec<Vec<Vec<f32>>>,
    /// `[detector][cell]`: alarms that single series raise, each for itself, at a cut of cell x [`ALARM_CELL`], over all
    /// days after those learned from. What a system without joining would send out.
    pub series_alarms: Vec<Vec<u32>>,
    /// `[county][day - first_day]`: the site behind the joined score, or `None` where it is the county as a whole.
    pub site: Vec<Vec<Option<u32>>>,
}

/// What was learned of usual scores; to score other days, or a twin of the network, by the same measure.
pub struct Learned {
    detectors: Calibrations,
}

/// Scores a network by what its own past teaches.
///
/// 1. Per source, factors of weekdays and holidays from the sum of all counties ([`estimate_day_effects`]), and the common
///    rise: all counties' last seven days over their baseline (with eight counties or more).
/// 2. Every site series and every county sum is run through the detectors ([`Detector`]); expected counts are a 42-day
///    mean, 14 days apart, times the day's factor and the common rise.
/// 3. Each score becomes -ln p by the past scores of like series (same source, level and mean count).
/// 4. Evidence of a source: the largest -ln p of its detectors, each less its handicap (weighted Bonferroni).
/// 5. Joined score of a site: 2 + Σ over its sources of (evidence - 2)⁺, less ln(number of sites in the county). Noise of
///    the sources of one site is nearly independent, so that evidence adds up. Of a county: the largest evidence of its
///    sums; there weather and news move all sources together, and adding them would add the same noise again.
/// 6. Score of a county and day: the larger of its own and the largest of its sites.
///
/// # Errors
/// [`EpiError::SeriesTooShort`] when there are fewer than 57 days or too few to learn from, and those of
/// [`Network::check`].
/// # Limits
/// A rise of all counties at once is taken out: it belongs to the province's own series, which Farrington judges. Past
/// outbreaks among the days learned from make scores smaller, never larger.
/// # Source
/// Zaykin et al. 2002, Genet Epidemiol 22:170-185 (adding only what stands out); Genovese, Roeder and Wasserman 2006,
/// Biometrika 93:509-524 (weighted p-values); Coles 2001, An Introduction to Statistical
/// Modeling of Extreme Values, chapter 4 (tail). Checked by injection: docs/methods/epi-signals.md.
pub fn score_network(network: &Network, settings: &ScoreSettings) -> Result<(NetworkScores, Learned), EpiError> {
    let learn = check(network, settings)?;
    let plan = Plan::new(network, settings);
    let learned = Learned { detectors: plan.learn(&learn) };
    let parts = plan.all_evidence(&learned.detectors, settings);
    Ok((join(network, parts), learned))
}

/// Scores a network with the same sources by what was learned before.
///
/// # Errors
/// As for [`score_network`].
pub fn score_with(network: &Network, settings: &ScoreSettings, learned: &Learned) -> Result<NetworkScores, EpiError> {
    check(network, settings)?;
    let sources = (network.sources.len(), learned.detectors.sources);
    if sources.0 != sources.1 {
        let (left, right) = ("The list of sources", "that learned from");
        return Err(EpiError::LengthsDiffer { left, left_len: sources.0, right, right_len: sources.1 });
    }
    let parts = Plan::new(network, settings).all_evidence(&learned.detectors, settings);
    Ok(join(network, parts))
}

impl Learned {
    pub(super) fn detectors(&self) -> &Calibrations {
        &self.detectors
    }
}

/// The days to learn from.
fn check(network: &Network, settings: &ScoreSettings) -> Result<Range<usize>, EpiError> {
    network.check()?;
    let days = network.dates.len();
    let learn = settings.learn_from.start.max(WARM_UP)..settings.learn_from.end.min(days);
    if days <= WARM_UP || learn.len() < 28 || network.sources.is_empty() {
        return Err(EpiError::SeriesTooShort { have: days, need: WARM_UP + 29, what: "the joined signal" });
    }
    Ok(learn)
}

/// What all counties share.
pub(super) struct Plan<'a> {
    network: &'a Network,
    threads: usize,
    weekday: Vec<Vec<f64>>,
    common: Vec<Vec<f64>>,
    sums: Vec<Vec<Vec<f64>>>,
    series_of_county: Vec<Vec<usize>>,
}

/// Calibrations by level (site, county), source, class and detector.
pub(super) struct Calibrations {
    table: Vec<Option<Calibration>>,
    sources: usize,
}

impl Calibrations {
    fn slot(sources: usize, is_county: bool, source: usize, class: usize, detector: usize) -> usize {
        ((usize::from(is_county) * sources + source) * CLASSES + class) * DETECTORS.len() + detector
    }

    /// -ln p of the scores of a day, by detector; 0 where nothing is known.
    pub(super) fn evidence(&self, is_county: bool, source: usize, class: usize, scores: &DayScores) -> DayScores {
        let first = Self::slot(self.sources, is_county, source, class, 0);
        let mut evidence = [0.0; DETECTORS.len()];
        for (detector, (evidence, score)) in evidence.iter_mut().zip(scores).enumerate() {
            if let Some(calibration) = &self.table[first + detector]
                && score.is_finite()
            {
                *evidence = calibration.evidence(*score);
            }
        }
        evidence
    }
}

/// What is done with one scored series: whether it is a county's sum, its place, its source, its counts, its scores.
pub(super) type SeriesWork<'a> = dyn FnMut(bool, usize, usize, &[f64], &mut Workspace) + 'a;

/// Evidence of one county.
struct CountyEvidence {
    single: Vec<Vec<f32>>,
    /// By detector: how many more alarms of series there are at a cell than at the one below.
    alarm_steps: Vec<Vec<i64>>,
    county: Vec<f32>,
    sites: Vec<(u32, Vec<f32>)>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(network: &'a Network, settings: &ScoreSettings) -> Self {
        let sums = network.county_sums();
        let totals: Vec<Vec<f64>> = (0..network.sources.len())
            .map(|source| {
                let mut total = vec![0.0; network.dates.len()];
                sums.iter().for_each(|county| total.iter_mut().zip(&county[source]).for_each(|(t, y)| *t += y));
                total
            })
            .collect();
        let weekday: Vec<Vec<f64>> =
            totals.iter().map(|total| day_factors(&network.dates, total, &settings.calendar)).collect();
        let common = totals
            .iter()
            .zip(&weekday)
            .map(|(total, weekday)| common_rise(total, weekday, network.counties.len()))
            .collect();
        let mut series_of_county = vec![Vec::new(); network.counties.len()];
        for (place, series) in network.series.iter().enumerate() {
            series_of_county[network.sites[series.site].county].push(place);
        }
        Self { network, threads: settings.threads, weekday, common, sums, series_of_county }
    }

    /// Runs `work` on every series of a county: its sites', then its sums. Tells level, place (of the series, or of the
    /// source) and source.
    pub(super) fn each_series(&self, county: usize, work: &mut SeriesWork<'_>) {
        let mut workspace = Workspace::default();
        for &place in &self.series_of_county[county] {
            let series = &self.network.series[place];
            workspace.run(&series.counts, &self.weekday[series.source], &self.common[series.source]);
            work(false, place, series.source, &series.counts, &mut workspace);
        }
        for (source, sum) in self.sums[county].iter().enumerate() {
            workspace.run(sum, &self.weekday[source], &self.common[source]);
            workspace.add_farrington(sum);
            work(true, source, source, sum, &mut workspace);
        }
    }

    /// Learns usual scores from the days given.
    pub(super) fn learn(&self, learn: &Range<usize>) -> Calibrations {
        let sources = self.network.sources.len();
        let slots = Calibrations::slot(sources, true, sources - 1, CLASSES - 1, DETECTORS.len() - 1) + 1;
        // Every so manieth day of every series, so that no class holds more than it needs.
        let points = self.network.series.len().max(1) * learn.len() / sources.max(1);
        let stride = (points / SAMPLE).clamp(1, 29) | 1;
        let counties: Vec<usize> = (0..self.network.counties.len()).collect();
        let parts = parallel::map(&counties, self.threads, |&county| {
            let mut samples: Vec<Vec<f32>> = vec![Vec::new(); slots];
            self.each_series(county, &mut |is_county, place, source, y, workspace| {
                let class = class_of(&y[learn.clone()]);
                let first = Calibrations::slot(sources, is_county, source, class, 0);
                let step = if is_county { 1 } else { stride };
                for day in (learn.start + place % step..learn.end).step_by(step) {
                    let scores = &workspace.scores[day - WARM_UP];
                    scores.iter().enumerate().for_each(|(detector, score)| samples[first + detector].push(*score));
                }
            });
            samples
        });
        let mut all: Vec<Vec<f32>> = vec![Vec::new(); slots];
        for part in parts {
            all.iter_mut().zip(part).for_each(|(all, mut part)| all.append(&mut part));
        }
        Calibrations { table: all.into_iter().map(Calibration::learn).collect(), sources }
    }

    fn all_evidence(&self, calibrations: &Calibrations, settings: &ScoreSettings) -> Vec<CountyEvidence> {
        let counties: Vec<usize> = (0..self.network.counties.len()).collect();
        parallel::map(&counties, self.threads, |&county| self.county_evidence(county, calibrations, settings))
    }

    fn county_evidence(&self, county: usize, calibrations: &Calibrations, settings: &ScoreSettings) -> CountyEvidence {
        let days = self.network.dates.len() - WARM_UP;
        let counted_from = settings.learn_from.end.saturating_sub(WARM_UP);
        let ln_sites = (self.sites_in(county).max(1) as f32).ln();
        let mut found = CountyEvidence {
            single: vec![vec![0.0; days]; DETECTORS.len()],
            alarm_steps: vec![vec![0; ALARM_CELLS + 1]; DETECTORS.len()],
            county: vec![0.0; days],
            sites: Vec::new(),
        };
        let mut by_day: Vec<DayScores> = Vec::new();
        self.each_series(county, &mut |is_county, place, source, y, workspace| {
            let class = class_of(y);
            let handicap = if is_county { 0.0 } else { ln_sites };
            by_day.clear();
            by_day.extend(workspace.scores.iter().map(|scores| {
                calibrations.evidence(is_county, source, class, scores).map(|evidence| evidence - handicap)
            }));
            for (day, evidence) in by_day.iter().enumerate() {
                for (single, evidence) in found.single.iter_mut().zip(evidence) {
                    single[day] = single[day].max(*evidence);
                }
            }
            count_alarms(&by_day, counted_from, settings.quiet_days, &mut found.alarm_steps);
            let joined = by_day
                .iter()
                .map(|evidence| evidence.iter().zip(HANDICAP).map(|(e, less)| e + handicap - less).fold(0.0, f32::max));
            if is_county {
                found.county.iter_mut().zip(joined).for_each(|(most, evidence)| *most = most.max(evidence));
                return;
            }
            let site = self.network.series[place].site as u32;
            if found.sites.last().is_none_or(|(last, _)| *last != site) {
                found.sites.push((site, vec![0.0; days]));
            }
            let sum = &mut found.sites.last_mut().expect("just pushed").1;
            sum.iter_mut().zip(joined).for_each(|(sum, evidence)| *sum += (evidence - EVIDENCE_MIN).max(0.0));
        });
        found
    }

    fn sites_in(&self, county: usize) -> usize {
        self.network.sites.iter().filter(|site| site.county == county).count()
    }
}

/// A day begins an alarm at every cut above the days before it and up to itself.
fn count_alarms(by_day: &[DayScores], from: usize, quiet_days: usize, steps: &mut [Vec<i64>]) {
    let cell = |evidence: f32| ((evidence / ALARM_CELL).floor() as i64 + 1).clamp(0, ALARM_CELLS as i64) as usize;
    for (detector, steps) in steps.iter_mut().enumerate() {
        for day in from..by_day.len() {
            let before = &by_day[day.saturating_sub(quiet_days + 1).max(from)..day];
            let before = before.iter().map(|scores| scores[detector]).fold(f32::NEG_INFINITY, f32::max);
            let (low, high) = (cell(before), cell(by_day[day][detector]));
            if high > low {
                steps[low] += 1;
                steps[high] -= 1;
            }
        }
    }
}

/// Step 6.
fn join(network: &Network, parts: Vec<CountyEvidence>) -> NetworkScores {
    let counties = network.counties.len();
    let mut scores = NetworkScores {
        first_day: WARM_UP,
        joined: Vec::with_capacity(counties),
        single: vec![Vec::with_capacity(counties); DETECTORS.len()],
        series_alarms: vec![vec![0; ALARM_CELLS]; DETECTORS.len()],
        site: Vec::with_capacity(counties),
    };
    for part in parts {
        let mut joined = part.county;
        let mut behind = vec![None; joined.len()];
        let handicap = (part.sites.len().max(1) as f32).ln();
        for (site, sums) in &part.sites {
            for (day, sum) in sums.iter().enumerate().filter(|(_, sum)| **sum > 0.0) {
                let score = EVIDENCE_MIN + sum - handicap;
                if score > joined[day] {
                    (joined[day], behind[day]) = (score, Some(*site));
                }
            }
        }
        scores.joined.push(joined);
        scores.site.push(behind);
        scores.single.iter_mut().zip(part.single).for_each(|(all, one)| all.push(one));
        for (all, steps) in scores.series_alarms.iter_mut().zip(&part.alarm_steps) {
            let mut open = 0;
            for (all, step) in all.iter_mut().zip(steps) {
                open += step;
                *all += u32::try_from(open).unwrap_or(0);
            }
        }
    }
    scores
}

/// Class of a series by its mean count per day.
pub(super) fn class_of(y: &[f64]) -> usize {
    let mean = y.iter().sum::<f64>() / y.len().max(1) as f64;
    CLASS_EDGES.iter().take_while(|edge| mean > **edge).count()
}

fn day_factors(dates: &[Date], total: &[f64], calendar: &HolidayCalendar) -> Vec<f64> {
    let counts = Counts::new(total.iter().map(|y| y.round()));
    let effects = counts.and_then(|counts| estimate_day_effects(dates, &counts, calendar, 50.0));
    match effects {
        Ok(effects) => dates.iter().map(|date| effects.factor(*date, calendar).clamp(0.05, 20.0)).collect(),
        Err(_) => vec![1.0; dates.len()],
    }
}

/// Seven cleaned days of all counties over the same baseline as a series has.
fn common_rise(total: &[f64], weekday: &[f64], counties: usize) -> Vec<f64> {
    let mut common = vec![1.0; total.len()];
    if counties < COUNTIES_FOR_COMMON {
        return common;
    }
    let clean: Vec<f64> = total.iter().zip(weekday).map(|(y, factor)| y / factor).collect();
    let mean = |days: &[f64]| days.iter().sum::<f64>() / days.len() as f64;
    for t in WARM_UP..total.len() {
        let baseline = mean(&clean[t - WARM_UP..t - 14]);
        if baseline > 0.0 {
            common[t] = (mean(&clean[t - 6..=t]) / baseline).clamp(0.2, 5.0);
        }
    }
    common
}

/// The name of the detector that speaks loudest.
pub(super) fn loudest(evidence: &DayScores) -> (Detector, f32) {
    let place = (0..evidence.len()).max_by(|a, b| evidence[*a].total_cmp(&evidence[*b])).unwrap_or(0);
    (DETECTORS[place], evidence[place])
}
