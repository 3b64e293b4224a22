//! Families `scan_poisson` and `scan_permutation`.

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

use super::compare::{Comparison, Within};
use super::read::{Case, CaseError};
use crate::scan::{
    Cluster, Distance, ScanPopulation, ScanResult, ScanSettings, ScanSite, scan_permutation, scan_poisson,
};

/// Seed and number of replicates: ten times those of the reference, so that the noise is theirs.
const SEED: u64 = 20_050_215;
const REPLICATES: usize = 9_999;

pub(super) fn run_poisson(case: &Case<'_>, comparison: &mut Comparison) -> Result<(), CaseError> {
    let (counts, sites, settings, last) = inputs(case)?;
    let per_period = match case.input().matrix("population_periods_by_location") {
        Ok(rows) => Some(complete(rows)?),
        Err(_) => None,
    };
    let population = match &per_period {
        Some(rows) => ScanPopulation::PerPeriod(rows),
        None => ScanPopulation::Constant(&last),
    };
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(SEED);
    let result = scan_poisson(&counts, population, &sites, &settings, &mut rng)?;
    compare(case, &result, comparison)
}

pub(super) fn run_permutation(case: &Case<'_>, comparison: &mut Comparison) -> Result<(), CaseError> {
    let (counts, sites, settings, weights) = inputs(case)?;
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(SEED);
    let result = scan_permutation(&counts, &weights, &sites, &settings, &mut rng)?;
    compare(case, &result, comparison)
}

fn compare(case: &Case<'_>, result: &ScanResult, comparison: &mut Comparison) -> Result<(), CaseError> {
    let (output, tolerance) = (case.output(), case.tolerance());
    comparison.same("total", Some(result.total), output.optional("total"));
    let top = output.inner("top");
    let ratios = top.all_numbers("llr")?;
    let durations = top.counts("duration")?;
    let members = member_sets(case)?;
    let within = |key: &str, usual: f64| Within::Relative(tolerance.optional(key).unwrap_or(usual));
    let p_within = Within::Absolute(tolerance.optional("p_mc_abs").unwrap_or(0.04));
    comparison.same("clusters at the top", result.clusters.len().min(20), ratios.len());
    for (i, (members, duration)) in members.iter().zip(&durations).enumerate() {
        // Equal ratios may come in any order: the ratio is compared by rank, the rest by place and duration.
        let ranked = result.clusters.get(i).map(|c| c.log_likelihood_ratio);
        comparison.value(&format!("llr[{}]", i + 1), ranked, Some(ratios[i]), within("llr_rel", 1e-9));
        let found = result.clusters.iter().find(|c| c.duration == *duration && sorted(result, c) == *members);
        let Some(cluster) = found else {
            comparison.fail(format!("top[{}]: no such cluster", i + 1));
            continue;
        };
        let mut value = |key: &str, ours: Option<f64>, within: Within| -> Result<(), CaseError> {
            let expected = top.numbers(key)?.get(i).copied().flatten();
            comparison.value(&format!("{key}[{}]", i + 1), ours, expected, within);
            Ok(())
        };
        value("observed", Some(cluster.observed), Within::Absolute(0.0))?;
        value("expected", Some(cluster.expected), within("expected_rel", 1e-9))?;
        value("relative_risk", cluster.relative_risk, within("relative_risk_rel", 1e-8))?;
        value("p_mc", cluster.p_value, p_within)?;
    }
    let quantiles = output.inner("replicate_max_quantiles");
    for (key, p) in [("50%", 0.5), ("90%", 0.9), ("95%", 0.95), ("99%", 0.99)] {
        let ours = sorted_quantile(&result.replicate_maxima, p);
        comparison.value(key, Some(ours), quantiles.optional(key), within("replicate_quantile_rel", 0.12));
    }
    Ok(())
}

fn sorted(result: &ScanResult, cluster: &Cluster) -> Vec<usize> {
    let mut members = result.zones[cluster.zone].members.clone();
    members.sort_unstable();
    members
}

/// Members of the reference's clusters, from 0, sorted.
fn member_sets(case: &Case<'_>) -> Result<Vec<Vec<usize>>, CaseError> {
    let missing = || CaseError::Field("output.top.zone_members_1based".into());
    let list = case.output().inner("top").raw("zone_members_1based").as_array().ok_or_else(missing)?;
    list.iter()
        .map(|set| {
            let one = |v: &serde_json::Value| v.as_u64().and_then(|m| (m as usize).checked_sub(1)).ok_or_else(missing);
            let mut members = match set.as_array() {
                Some(many) => many.iter().map(one).collect::<Result<Vec<_>, _>>()?,
                None => vec![one(set)?],
            };
            members.sort_unstable();
            Ok(members)
        })
        .collect()
}

type Inputs = (Vec<Vec<f64>>, Vec<ScanSite>, ScanSettings, Vec<f64>);

fn inputs(case: &Case<'_>) -> Result<Inputs, CaseError> {
    let (input, part) = (case.input(), case.settings());
    let counts = complete(input.matrix("counts_periods_by_location")?)?;
    let (xs, ys) = (input.all_numbers("x")?, input.all_numbers("y")?);
    let sites = xs.into_iter().zip(ys).map(|(x, y)| ScanSite { x, y }).collect();
    let distance = part.text("distance").unwrap_or("euclidean");
    let settings = ScanSettings {
        duration_max: part.count("max_duration")?,
        population_share_max: part.optional("max_population_fraction").unwrap_or(1.0),
        radius_max: part.optional("max_radius"),
        distance: if distance.starts_with("euclid") { Distance::Plane } else { Distance::GreatCircle },
        replicates: REPLICATES,
    };
    Ok((counts, sites, settings, input.all_numbers("population_last_period")?))
}

fn complete(rows: Vec<Vec<Option<f64>>>) -> Result<Vec<Vec<f64>>, CaseError> {
    let missing = || CaseError::Field("input.counts_periods_by_location".into());
    rows.into_iter().map(|row| row.into_iter().map(|v| v.ok_or_else(missing)).collect()).collect()
}

/// Quantile of sorted values by linear interpolation between order statistics.
fn sorted_quantile(sorted: &[f64], p: f64) -> f64 {
    let place = p * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}
