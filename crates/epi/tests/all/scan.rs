//! The space-time scan on invented maps.

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use sizao_epi::EpiError;
use sizao_epi::scan::{Distance, ScanPopulation, ScanResult, ScanSettings, ScanSite, scan_permutation, scan_poisson};

#[test]
fn a_planted_cluster_is_the_first_one_found_by_both_models() {
    let mut counts = vec![vec![2.0; 9]; 12];
    (9..12).for_each(|period| [0, 1].iter().for_each(|&site: &usize| counts[period][site] = 14.0));
    for result in [poisson(&counts, 199, 1), permutation(&counts, 199, 1)] {
        let first = &result.clusters[0];
        let mut members = result.zones[first.zone].members.clone();
        members.sort();
        assert_eq!((members, first.duration, first.observed), (vec![0, 1], 3, 84.0));
        assert_eq!(first.p_value, Some(1.0 / 200.0));
    }
}

#[test]
fn equal_counts_hold_no_cluster() {
    assert!(poisson(&vec![vec![3.0; 9]; 12], 99, 1).clusters.iter().all(|c| c.log_likelihood_ratio < 1e-9));
    assert!(permutation(&vec![vec![3.0; 9]; 12], 99, 1).clusters.iter().all(|c| c.log_likelihood_ratio < 1e-9));
}

#[test]
fn no_cases_and_no_replicates_are_defined() {
    let result = poisson(&vec![vec![0.0; 9]; 12], 20, 1);
    assert!(result.clusters.is_empty() && result.replicate_maxima.iter().all(|m| *m == 0.0));
    let mut counts = vec![vec![1.0; 9]; 12];
    counts[11][4] = 9.0;
    assert!(permutation(&counts, 0, 1).clusters.iter().all(|c| c.p_value.is_none()));
}

#[test]
fn the_same_seed_gives_the_same_answer() {
    let mut counts = vec![vec![1.0; 9]; 12];
    counts[11][4] = 9.0;
    assert_eq!(poisson(&counts, 99, 7), poisson(&counts, 99, 7));
    assert_ne!(poisson(&counts, 99, 7).replicate_maxima, poisson(&counts, 99, 8).replicate_maxima);
}

#[test]
fn bad_tables_are_refused_in_words() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut run = |counts: &[Vec<f64>]| scan_permutation(counts, &[1.0; 9], &sites(), &settings(9), &mut rng);
    assert!(matches!(run(&[vec![1.0; 8]]), Err(EpiError::LengthsDiffer { .. })));
    assert!(matches!(run(&[vec![-1.0; 9]]), Err(EpiError::NegativeCount { .. })));
    assert!(matches!(run(&[vec![0.5; 9]]), Err(EpiError::FractionalCount { .. })));
    assert!(matches!(run(&[]), Err(EpiError::SeriesTooShort { .. })));
    assert!(matches!(run(&[vec![1e9; 9]]), Err(EpiError::InvalidSetting { name: "total cases", .. })));
}

fn poisson(counts: &[Vec<f64>], replicates: usize, seed: u64) -> ScanResult {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let population = [1000.0; 9];
    scan_poisson(counts, ScanPopulation::Constant(&population), &sites(), &settings(replicates), &mut rng).unwrap()
}

fn permutation(counts: &[Vec<f64>], replicates: usize, seed: u64) -> ScanResult {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    scan_permutation(counts, &[1.0; 9], &sites(), &settings(replicates), &mut rng).unwrap()
}

/// A three by three grid, wider from row to row than from column to column.
fn sites() -> Vec<ScanSite> {
    (0..9).map(|i| ScanSite { x: f64::from(i % 3) + 0.01 * f64::from(i), y: 1.5 * f64::from(i / 3) }).collect()
}

fn settings(replicates: usize) -> ScanSettings {
    let (duration_max, population_share_max, radius_max) = (4, 0.5, None);
    ScanSettings { duration_max, population_share_max, radius_max, distance: Distance::Plane, replicates }
}
