//! Circles around sites.

use super::ScanSettings;

/// Mean radius of the earth; km.
const EARTH_RADIUS_KM: f64 = 6371.0088;

/// Where a site lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScanSite {
    /// Easting in any unit, or longitude in degrees.
    pub x: f64,
    /// Northing in the same unit, or latitude in degrees.
    pub y: f64,
}

/// How distances are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distance {
    /// Straight lines, in the unit of the coordinates.
    Plane,
    /// Great circles between longitudes and latitudes; km.
    GreatCircle,
}

impl Distance {
    fn between(self, a: ScanSite, b: ScanSite) -> f64 {
        match self {
            // The same order of operations from both ends, so that equal distances are equal.
            Distance::Plane => ((a.x - b.x).powi(2) + (a.y - b.y).powi(2)).sqrt(),
            Distance::GreatCircle => {
                let half = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
                let chord = half(a.y, b.y) + a.y.to_radians().cos() * b.y.to_radians().cos() * half(a.x, b.x);
                2.0 * EARTH_RADIUS_KM * chord.sqrt().min(1.0).asin()
            }
        }
    }
}

/// A site and its nearest neighbours: added in order of distance, ties by index, while their share of the population
/// and the radius stay within the limits. Of zones with the same members the first is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// Index of the site in the middle.
    pub centre: usize,
    /// Indices of the members, nearest first.
    pub members: Vec<usize>,
    /// Distance of the farthest member.
    pub radius: f64,
}

/// All zones, grouped by centre and growing within a group.
pub(super) fn make_zones(sites: &[ScanSite], population: &[f64], settings: &ScanSettings) -> Vec<Zone> {
    let limit = settings.population_share_max * population.iter().sum::<f64>();
    let mut seen = std::collections::BTreeSet::new();
    let mut zones = Vec::new();
    for centre in 0..sites.len() {
        let mut order: Vec<(f64, usize)> =
            (0..sites.len()).map(|i| (settings.distance.between(sites[centre], sites[i]), i)).collect();
        // The centre is its own nearest neighbour, also where another site shares its place.
        order[centre].0 = -1.0;
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let (mut members, mut inside) = (Vec::new(), 0.0);
        for (distance, site) in order {
            inside += population[site];
            if inside > limit || settings.radius_max.is_some_and(|radius| distance > radius) {
                break;
            }
            members.push(site);
            let mut key = members.clone();
            key.sort_unstable();
            if seen.insert(key) {
                zones.push(Zone { centre, members: members.clone(), radius: distance.max(0.0) });
            }
        }
    }
    zones
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(share: f64, radius_max: Option<f64>) -> ScanSettings {
        let (duration_max, replicates) = (1, 0);
        ScanSettings { duration_max, population_share_max: share, radius_max, distance: Distance::Plane, replicates }
    }

    fn line(n: usize) -> Vec<ScanSite> {
        (0..n).map(|i| ScanSite { x: (i * i) as f64, y: 0.0 }).collect()
    }

    #[test]
    fn no_zone_holds_more_than_its_share() {
        let zones = make_zones(&line(6), &[1.0; 6], &settings(0.5, None));
        assert!(zones.iter().all(|z| (1..=3).contains(&z.members.len())));
        assert!(zones.iter().filter(|z| z.members.len() == 1).count() == 6);
    }

    #[test]
    fn equal_sets_appear_once() {
        let zones = make_zones(&line(6), &[1.0; 6], &settings(1.0, None));
        let mut sets: Vec<Vec<usize>> = zones
            .iter()
            .map(|z| {
                let mut m = z.members.clone();
                m.sort();
                m
            })
            .collect();
        let all = sets.len();
        sets.sort();
        sets.dedup();
        assert_eq!(sets.len(), all);
    }

    #[test]
    fn a_radius_of_zero_keeps_sites_apart() {
        assert_eq!(make_zones(&line(4), &[1.0; 4], &settings(1.0, Some(0.0))).len(), 4);
    }

    #[test]
    fn a_degree_of_latitude_is_about_111_km() {
        let (a, b) = (ScanSite { x: 113.0, y: 34.0 }, ScanSite { x: 113.0, y: 35.0 });
        assert!((Distance::GreatCircle.between(a, b) - 111.195).abs() < 0.01);
    }
}
