//! Prospective space-time scan: is there a place and a recent stretch of time with too many cases?

mod cylinders;
mod zones;

use rand::{Rng, RngExt};
use rand_distr::{Binomial, Distribution};

use crate::error::{EpiError, require, require_positive};
use cylinders::{Cylinders, likelihood_ratio};
use zones::make_zones;
pub use zones::{Distance, ScanSite, Zone};

/// Cases that a permutation scan shuffles at most.
const CASES_MAX: f64 = 1e7;

/// Settings of a scan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScanSettings {
    /// Longest duration of a cluster; periods. All end with the last period given.
    pub duration_max: usize,
    /// Largest share of the population in a zone; 0.5 as a rule.
    pub population_share_max: f64,
    /// Largest distance of a member from the centre; `None` for no limit.
    pub radius_max: Option<f64>,
    /// How distances are measured.
    pub distance: Distance,
    /// Simulated data sets for the p-values: 999 or more; 0 for none.
    pub replicates: usize,
}

/// A zone over a recent stretch of time with more cases than expected.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// Index into [`ScanResult::zones`].
    pub zone: usize,
    /// Length; periods, ending with the last one.
    pub duration: usize,
    /// Cases in it.
    pub observed: f64,
    /// Cases expected in it.
    pub expected: f64,
    /// Log-likelihood ratio.
    pub log_likelihood_ratio: f64,
    /// Risk inside over risk outside; `None` where all cases are inside.
    pub relative_risk: Option<f64>,
    /// (1 + replicates at least as extreme) / (replicates + 1); `None` without replicates.
    pub p_value: Option<f64>,
}

/// What a scan found.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanResult {
    /// All zones looked at.
    pub zones: Vec<Zone>,
    /// All cases, in all periods.
    pub total: f64,
    /// Clusters with more cases than expected, most extreme first, overlapping ones included.
    pub clusters: Vec<Cluster>,
    /// Largest ratio of each replicate, ascending.
    pub replicate_maxima: Vec<f64>,
}

/// Persons at risk.
#[derive(Debug, Clone, Copy)]
pub enum ScanPopulation<'a> {
    /// The same in every period; one number per site.
    Constant(&'a [f64]),
    /// One row per period, one number per site.
    PerPeriod(&'a [Vec<f64>]),
}

/// Scans for clusters with Poisson counts in proportion to the population.
///
/// Zones are circles around each site, see [`Zone`]; cylinders are zones over the last 1 to `duration_max` periods. With C
/// cases in all, c and e of them observed and expected in a cylinder, the log-likelihood ratio is c log(c/e) + (C-c)
/// log((C-c)/(C-e)) for c > e. Replicates draw C cases from the population.
///
/// - `counts`: one row per period, oldest first, one count per site; persons.
/// - `population`: persons at risk; its last period limits the zones.
/// - `rng`: a seeded generator.
///
/// # Errors
/// [`EpiError::SeriesTooShort`] without a period or a site, [`EpiError::LengthsDiffer`], bad counts,
/// [`EpiError::InvalidSetting`] for a population that is not positive.
/// # Limits
/// No adjustment for age, sex, season or weekday: expected counts follow the population alone. Reports still missing for
/// the last periods hide clusters there.
/// # Source
/// Kulldorff 1997, Commun Stat Theory Methods 26:1481-1496; Kulldorff 2001, JRSS A 164:61-72,
/// doi:10.1111/1467-985X.00186. Checked by an independent computation: family `scan_poisson` of the reference.
pub fn scan_poisson(
    counts: &[Vec<f64>],
    population: ScanPopulation<'_>,
    sites: &[ScanSite],
    settings: &ScanSettings,
    rng: &mut impl Rng,
) -> Result<ScanResult, EpiError> {
    let table = check_counts(counts, sites, settings)?;
    let rows = population_rows(population, counts.len(), sites.len())?;
    let everybody: f64 = rows.iter().flatten().sum();
    let expected: Vec<Vec<f64>> =
        rows.iter().map(|row| row.iter().map(|p| table.total * p / everybody).collect()).collect();
    let last = rows.last().expect("the counts have a period, and the population as many");
    let zones = make_zones(sites, last, settings);
    let cylinders = Cylinders::new(&zones, &expected, table.total, settings.duration_max);
    let recent = &expected[counts.len() - cylinders.durations()..];
    let shares: Vec<f64> =
        recent.iter().flatten().map(|e| if table.total > 0.0 { e / table.total } else { 0.0 }).collect();
    let maxima = (0..settings.replicates).map(|_| {
        let cells = multinomial(table.total as u64, &shares, rng);
        cylinders.largest(&cells)
    });
    let maxima = maxima.collect();
    Ok(finish(zones, &cylinders, counts, table.total, maxima))
}

/// Scans for clusters among cases alone: does a place have more of the recent cases than of all cases?
///
/// As [`scan_poisson`], but the cases expected in a cell are row total x column total / C, and replicates pair the times
/// and the places of the cases at random. No population is needed, and purely temporal or purely spatial differences do
/// not count.
///
/// - `counts`: one row per period, oldest first, one count per site; persons.
/// - `weights`: what limits the zones in place of a population, usually 1 per site.
///
/// # Errors
/// As for [`scan_poisson`].
/// # Limits
/// A cluster that covers most of the area is taken for a rise everywhere and not found.
/// # Source
/// Kulldorff et al. 2005, PLoS Med 2:e59, doi:10.1371/journal.pmed.0020059.
/// Checked by an independent computation: family `scan_permutation` of the surveillance reference.
pub fn scan_permutation(
    counts: &[Vec<f64>],
    weights: &[f64],
    sites: &[ScanSite],
    settings: &ScanSettings,
    rng: &mut impl Rng,
) -> Result<ScanResult, EpiError> {
    let table = check_counts(counts, sites, settings)?;
    check_population(weights, sites.len())?;
    let rule = "at most 10 million: every case is shuffled";
    require("total cases", table.total, rule, table.total <= CASES_MAX)?;
    let per_site: Vec<f64> = (0..sites.len()).map(|i| counts.iter().map(|row| row[i]).sum()).collect();
    let expected: Vec<Vec<f64>> = counts
        .iter()
        .map(|row| {
            let in_period: f64 = row.iter().sum();
            per_site.iter().map(|n| if table.total > 0.0 { in_period * n / table.total } else { 0.0 }).collect()
        })
        .collect();
    let zones = make_zones(sites, weights, settings);
    let cylinders = Cylinders::new(&zones, &expected, table.total, settings.duration_max);
    let recent: Vec<usize> =
        counts[counts.len() - cylinders.durations()..].iter().map(|row| row.iter().sum::<f64>() as usize).collect();
    let mut places: Vec<u32> = Vec::with_capacity(table.total as usize);
    for (site, n) in per_site.iter().enumerate() {
        places.extend(std::iter::repeat_n(site as u32, *n as usize));
    }
    let maxima = (0..settings.replicates).map(|_| {
        let cells = repaired(&mut places, &recent, sites.len(), rng);
        cylinders.largest(&cells)
    });
    let maxima = maxima.collect();
    Ok(finish(zones, &cylinders, counts, table.total, maxima))
}

struct Table {
    total: f64,
}

fn finish(
    zones: Vec<Zone>,
    cylinders: &Cylinders,
    counts: &[Vec<f64>],
    total: f64,
    mut replicate_maxima: Vec<f64>,
) -> ScanResult {
    replicate_maxima.sort_by(f64::total_cmp);
    let recent: Vec<f64> = counts[counts.len() - cylinders.durations()..].iter().flatten().copied().collect();
    let mut clusters = Vec::new();
    cylinders.visit(&recent, |zone, duration, observed, expected| {
        let ratio = likelihood_ratio(observed, expected, total);
        if ratio > 0.0 {
            let (rest, rest_expected) = (total - observed, total - expected);
            let risk = (observed / expected) / (rest / rest_expected);
            clusters.push(Cluster {
                zone,
                duration,
                observed,
                expected,
                log_likelihood_ratio: ratio,
                relative_risk: Some(risk).filter(|r| r.is_finite()),
                p_value: p_value(ratio, &replicate_maxima),
            });
        }
    });
    clusters.sort_by(|a, b| b.log_likelihood_ratio.total_cmp(&a.log_likelihood_ratio));
    ScanResult { zones, total, clusters, replicate_maxima }
}

fn p_value(ratio: f64, maxima: &[f64]) -> Option<f64> {
    // A replicate equal to the data up to rounding counts as extreme.
    let below = maxima.partition_point(|m| *m < ratio * (1.0 - 1e-12));
    (!maxima.is_empty()).then(|| (1 + maxima.len() - below) as f64 / (maxima.len() + 1) as f64)
}

/// Draws `total` cases into cells with these probabilities; what is left falls outside.
fn multinomial(total: u64, shares: &[f64], rng: &mut impl Rng) -> Vec<f64> {
    let (mut left, mut share_left) = (total, 1.0);
    let draw = |share: &f64| {
        let p = if share_left > 0.0 { (share / share_left).clamp(0.0, 1.0) } else { 1.0 };
        let n = if left == 0 { 0 } else { Binomial::new(left, p).expect("p is a probability").sample(rng) };
        left -= n;
        share_left -= share;
        n as f64
    };
    shares.iter().map(draw).collect()
}

/// Gives the cases of the recent periods places drawn without replacement from those of all cases.
fn repaired(places: &mut [u32], recent: &[usize], sites: usize, rng: &mut impl Rng) -> Vec<f64> {
    let mut cells = vec![0.0; recent.len() * sites];
    let mut next = 0;
    for (period, &cases) in recent.iter().enumerate() {
        for _ in 0..cases {
            let chosen = rng.random_range(next..places.len());
            places.swap(next, chosen);
            cells[period * sites + places[next] as usize] += 1.0;
            next += 1;
        }
    }
    cells
}

fn check_counts(counts: &[Vec<f64>], sites: &[ScanSite], settings: &ScanSettings) -> Result<Table, EpiError> {
    let what = "a space-time scan";
    if counts.is_empty() || sites.is_empty() {
        return Err(EpiError::SeriesTooShort { have: counts.len().min(sites.len()), need: 1, what });
    }
    require("duration_max", settings.duration_max as f64, "at least 1", settings.duration_max >= 1)?;
    let share = settings.population_share_max;
    require("population_share_max", share, "above 0 and at most 1", share > 0.0 && share <= 1.0)?;
    if let Some(radius) = settings.radius_max {
        require("radius_max", radius, "0 or more", radius >= 0.0)?;
    }
    for site in sites {
        require("coordinate", site.x + site.y, "finite", true)?;
    }
    let mut total = 0.0;
    for row in counts {
        check_length("A period of the counts", row.len(), sites.len())?;
        total += crate::Counts::new(row.iter().copied())?.total();
    }
    Ok(Table { total })
}

fn population_rows(population: ScanPopulation<'_>, periods: usize, sites: usize) -> Result<Vec<Vec<f64>>, EpiError> {
    match population {
        ScanPopulation::Constant(row) => {
            check_population(row, sites)?;
            Ok(vec![row.to_vec(); periods])
        }
        ScanPopulation::PerPeriod(rows) => {
            if rows.len() != periods {
                let (left, right) = ("The population", "the counts");
                return Err(EpiError::LengthsDiffer { left, left_len: rows.len(), right, right_len: periods });
            }
            rows.iter().try_for_each(|row| check_population(row, sites))?;
            Ok(rows.to_vec())
        }
    }
}

fn check_population(row: &[f64], sites: usize) -> Result<(), EpiError> {
    check_length("A row of the population", row.len(), sites)?;
    row.iter().try_for_each(|&persons| require_positive("population", persons))
}

fn check_length(left: &'static str, length: usize, sites: usize) -> Result<(), EpiError> {
    if length == sites {
        Ok(())
    } else {
        Err(EpiError::LengthsDiffer { left, left_len: length, right: "the list of sites", right_len: sites })
    }
}
