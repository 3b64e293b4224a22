//! Outbreaks of several shapes, put into an invented network.

use rand::{Rng, distr::Uniform};
use rand_distr::{Binomial, Distribution, LogNormal, Poisson};

use super::{DELAY, InventionSettings, SOURCES};
use crate::signals::Network;

/// How an outbreak runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutbreakShape {
    /// One exposure: onsets log-normal around three days, 30 to 150 cases in the county.
    PointSource,
    /// From person to person: doubling every four days for 16 days, then falling; 50 to 250 cases.
    Propagated,
    /// A slow rise over five weeks; 100 to 300 cases.
    Slow,
    /// One institution: onsets over eight days, 12 to 50 cases at one site.
    SiteCluster,
}

/// All shapes, in the order of their numbers; each is as frequent as the others.
pub const SHAPES: [OutbreakShape; 4] =
    [OutbreakShape::PointSource, OutbreakShape::Propagated, OutbreakShape::Slow, OutbreakShape::SiteCluster];

impl OutbreakShape {
    /// Short name.
    pub fn name(self) -> &'static str {
        match self {
            OutbreakShape::PointSource => "point source",
            OutbreakShape::Propagated => "propagated",
            OutbreakShape::Slow => "slow rise",
            OutbreakShape::SiteCluster => "one site",
        }
    }

    /// Least and most cases.
    fn cases(self) -> (f64, f64) {
        match self {
            OutbreakShape::PointSource => (30.0, 150.0),
            OutbreakShape::Propagated => (50.0, 250.0),
            OutbreakShape::Slow => (100.0, 300.0),
            OutbreakShape::SiteCluster => (12.0, 50.0),
        }
    }

    /// Relative number of onsets on each day.
    fn curve(self) -> Vec<f64> {
        match self {
            OutbreakShape::PointSource => {
                (0..12).map(|day| (-((f64::from(day) + 0.5).ln() - 3.0_f64.ln()).powi(2) / 0.5).exp()).collect()
            }
            OutbreakShape::Propagated => (0..28)
                .map(|day| if day < 16 { 2.0_f64.powf(f64::from(day) / 4.0) } else { 16.0 * 0.8_f64.powi(day - 16) })
                .collect(),
            OutbreakShape::Slow => (1..=35).map(f64::from).collect(),
            OutbreakShape::SiteCluster => vec![1.0, 2.0, 3.0, 4.0, 4.0, 3.0, 2.0, 1.0],
        }
    }
}

/// What was planted.
#[derive(Debug, Clone, PartialEq)]
pub struct PlantedOutbreak {
    /// Place of the county.
    pub county: usize,
    /// Its shape.
    pub shape: OutbreakShape,
    /// Day of the first onset; place in the dates.
    pub first: usize,
    /// Day of the last onset.
    pub last: usize,
    /// Cases.
    pub cases: f64,
    /// Reports added, over all sources, within the days of the network.
    pub seen: f64,
}

/// Sites that hold most of a county's outbreak, and their share of the cases.
const FOCUS: usize = 3;
const FOCUS_SHARE: f64 = 0.6;

/// Plants outbreaks at random days; a county has one at a time, with two weeks between them.
pub(super) fn plant(network: &mut Network, settings: &InventionSettings, rng: &mut impl Rng) -> Vec<PlantedOutbreak> {
    let mut planted = Vec::new();
    let per_day = settings.outbreaks_per_county_year / 365.25;
    let unit = Uniform::new(0.0, 1.0).expect("0 is below 1");
    for county in 0..settings.counties {
        let mut day = 0;
        while day < settings.days {
            if unit.sample(rng) >= per_day {
                day += 1;
                continue;
            }
            let shape = SHAPES[(unit.sample(rng) * SHAPES.len() as f64) as usize];
            let outbreak = plant_one(network, county, shape, day, rng);
            day = outbreak.last + 14;
            planted.push(outbreak);
        }
    }
    planted
}

fn plant_one(
    network: &mut Network,
    county: usize,
    shape: OutbreakShape,
    first: usize,
    rng: &mut impl Rng,
) -> PlantedOutbreak {
    let unit = Uniform::new(0.0, 1.0).expect("0 is below 1");
    let (least, most) = shape.cases();
    let cases = (least * (most / least).powf(unit.sample(rng))).round();
    let curve = shape.curve();
    let total: f64 = curve.iter().sum();
    let series: Vec<usize> =
        (0..network.series.len()).filter(|place| network.sites[network.series[*place].site].county == county).collect();
    let sites: Vec<usize> = (0..network.sites.len()).filter(|site| network.sites[*site].county == county).collect();
    let shares = shares(shape, &sites, rng);
    let mut seen = 0.0;
    for (site, share) in sites.iter().zip(shares) {
        for (day, part) in curve.iter().enumerate() {
            let onsets = poisson(cases * share * part / total, rng);
            for place in &series {
                if network.series[*place].site == *site {
                    seen += report(network, *place, first + day, onsets, rng);
                }
            }
        }
    }
    PlantedOutbreak { county, shape, first, last: first + curve.len() - 1, cases, seen }
}

/// Adds the reports of one source; gives their number.
fn report(network: &mut Network, place: usize, onset: usize, onsets: f64, rng: &mut impl Rng) -> f64 {
    let source = &SOURCES[network.series[place].source];
    let mut left = binomial(onsets, source.seen, rng);
    let mut seen = 0.0;
    let mut share_left = 1.0;
    for (late, share) in DELAY.iter().enumerate() {
        let now = binomial(left, (share / share_left).min(1.0), rng);
        left -= now;
        share_left -= share;
        if let Some(count) = network.series[place].counts.get_mut(onset + source.lag_days + late) {
            *count += now;
            seen += now;
        }
    }
    seen
}

/// Share of the cases of each site.
fn shares(shape: OutbreakShape, sites: &[usize], rng: &mut impl Rng) -> Vec<f64> {
    let spread = LogNormal::new(0.0, 1.0).expect("the spread is positive");
    let weights: Vec<f64> = sites.iter().map(|_| spread.sample(rng)).collect();
    let mut order: Vec<usize> = (0..sites.len()).collect();
    order.sort_by(|a, b| weights[*b].total_cmp(&weights[*a]));
    let focus = if shape == OutbreakShape::SiteCluster { 1 } else { FOCUS.min(sites.len()) };
    let focused = if shape == OutbreakShape::SiteCluster { 1.0 } else { FOCUS_SHARE };
    let even = (1.0 - focused) / sites.len() as f64;
    let mut shares = vec![even; sites.len()];
    order[..focus].iter().for_each(|place| shares[*place] += focused / focus as f64);
    shares
}

fn poisson(mean: f64, rng: &mut impl Rng) -> f64 {
    if mean > 1e-9 { Poisson::new(mean).expect("the mean is positive").sample(rng) } else { 0.0 }
}

fn binomial(n: f64, p: f64, rng: &mut impl Rng) -> f64 {
    if n < 1.0 {
        return 0.0;
    }
    Binomial::new(n as u64, p.clamp(0.0, 1.0)).expect("the probability lies within 0 and 1").sample(rng) as f64
}
