//! Invented surveillance networks with outbreaks put into them, for proofs by injection.
//!
//! Nothing here is fitted to a real place. Every number is a setting or a constant below; docs/methods/epi-evaluate.md says
//! where each comes from.

mod outbreaks;

use jiff::ToSpan;
use jiff::civil::Date;
use rand::{Rng, SeedableRng, rngs::Xoshiro256PlusPlus};
use rand_distr::{Distribution, Gamma, LogNormal, Normal, Poisson};

use crate::EpiError;
use crate::day_effects::{DayType, HolidayCalendar};
use crate::error::{require, require_positive};
use crate::signals::{Network, NetworkSeries, NetworkSite};
pub use outbreaks::{OutbreakShape, PlantedOutbreak, SHAPES};

/// What is invented.
#[derive(Debug, Clone, PartialEq)]
pub struct InventionSettings {
    /// Counties.
    pub counties: usize,
    /// Sites in each.
    pub sites_per_county: usize,
    /// Days.
    pub days: usize,
    /// First day.
    pub first_on: Date,
    /// Outbreaks per county and year.
    pub outbreaks_per_county_year: f64,
    /// The same seed gives the same network.
    pub seed: u64,
}

/// A network with outbreaks, the same without them, and the truth.
#[derive(Debug, Clone)]
pub struct InventedNetwork {
    /// With outbreaks.
    pub network: Network,
    /// The same days without them: equal but for the planted cases.
    pub twin: Network,
    /// What was planted, by county and day.
    pub outbreaks: Vec<PlantedOutbreak>,
}

/// How one source reports.
#[derive(Debug, Clone, Copy)]
struct Source {
    name: &'static str,
    /// Persons per site and day.
    mean: f64,
    /// Size of the negative binomial: variance m + m² / size.
    size: f64,
    /// Half the yearly swing of the logarithm, highest in mid January.
    season: f64,
    /// Monday to Sunday.
    weekday: [f64; 7],
    holiday: f64,
    /// Probability that a case of an outbreak shows here.
    seen: f64,
    /// Days from onset to being seen here, before the delay of the report.
    lag_days: usize,
}

const SOURCES: [Source; 4] = [
    Source {
        name: "fever visits",
        mean: 2.0,
        size: 6.0,
        season: 0.45,
        weekday: [1.25, 1.05, 1.0, 1.0, 1.0, 0.9, 0.8],
        holiday: 0.7,
        seen: 0.45,
        lag_days: 1,
    },
    Source {
        name: "four drugs",
        mean: 6.0,
        size: 5.0,
        season: 0.35,
        weekday: [0.95, 0.95, 0.95, 0.95, 1.0, 1.1, 1.1],
        holiday: 1.1,
        seen: 0.5,
        lag_days: 0,
    },
    Source {
        name: "positive self-tests",
        mean: 0.3,
        size: 3.0,
        season: 0.5,
        weekday: [1.1, 1.0, 1.0, 1.0, 1.0, 0.95, 0.95],
        holiday: 0.9,
        seen: 0.25,
        lag_days: 1,
    },
    Source {
        name: "absences",
        mean: 1.2,
        size: 4.0,
        season: 0.4,
        weekday: [1.5, 1.4, 1.35, 1.35, 1.4, 0.0, 0.0],
        holiday: 0.0,
        seen: 0.2,
        lag_days: 2,
    },
];

/// Share of reports that arrive 0, 1, 2 and 3 days late.
const DELAY: [f64; 4] = [0.6, 0.25, 0.1, 0.05];
/// Spread of the sizes of sites (standard deviation of the logarithm).
const SITE_SPREAD: f64 = 0.7;
/// Yearly trend of a county (standard deviation of the logarithm).
const TREND_SPREAD: f64 = 0.08;
/// Weather, news, habits: noise shared by the sites of a county, and by all counties (standard deviation of the logarithm
/// and correlation from day to day).
const COUNTY_NOISE: f64 = 0.08;
const COMMON_NOISE: f64 = 0.1;
const MEMORY: f64 = 0.85;

/// Invents a network.
///
/// Background of site s, source k, day t: negative binomial with mean m_k · size_s · season · trend · weekday or holiday ·
/// county noise · common noise, the noises first-order autoregressive on the log scale. Outbreaks: see
/// [`PlantedOutbreak`]; each case shows in each source with the source's probability, some days late.
///
/// # Errors
/// [`EpiError::InvalidSetting`].
/// # Limits
/// Background is by day of report; only the planted cases carry their reporting delay. No spread between counties.
pub fn invent_network(settings: &InventionSettings) -> Result<InventedNetwork, EpiError> {
    require_positive("counties", settings.counties as f64)?;
    require_positive("sites_per_county", settings.sites_per_county as f64)?;
    require("days", settings.days as f64, "from 1 to 36,525", (1..=36_525).contains(&settings.days))?;
    let rate = settings.outbreaks_per_county_year;
    require("outbreaks_per_county_year", rate, "from 0 to 50", (0.0..=50.0).contains(&rate))?;
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(settings.seed);
    let dates: Vec<Date> =
        (0..settings.days).map(|day| settings.first_on.saturating_add((day as i64).days())).collect();
    let day_factors = day_factors(&dates);
    let common = noise(settings.days, COMMON_NOISE, &mut rng);
    let mut twin = Network {
        dates,
        counties: (1..=settings.counties).map(|n| format!("county {n}")).collect(),
        sources: SOURCES.iter().map(|source| source.name.to_owned()).collect(),
        sites: Vec::new(),
        series: Vec::new(),
    };
    for county in 0..settings.counties {
        add_county(&mut twin, county, settings, &day_factors, &common, &mut rng);
    }
    let mut network = twin.clone();
    let outbreaks = outbreaks::plant(&mut network, settings, &mut rng);
    Ok(InventedNetwork { network, twin, outbreaks })
}

fn add_county(
    network: &mut Network,
    county: usize,
    settings: &InventionSettings,
    day_factors: &[Vec<f64>],
    common: &[f64],
    rng: &mut impl Rng,
) {
    let local = noise(settings.days, COUNTY_NOISE, rng);
    let trend: f64 = normal(TREND_SPREAD, rng) / 365.25;
    let level: Vec<f64> = (0..settings.days).map(|day| (local[day] + common[day] + trend * day as f64).exp()).collect();
    for number in 1..=settings.sites_per_county {
        let site = network.sites.len();
        network.sites.push(NetworkSite { name: format!("site {}-{number}", county + 1), county });
        let size = LogNormal::new(0.0, SITE_SPREAD).expect("the spread is positive").sample(rng);
        for (source, (kind, factors)) in SOURCES.iter().zip(day_factors).enumerate() {
            let mean = |day: usize| kind.mean * size * level[day] * factors[day];
            let counts = (0..settings.days).map(|day| negative_binomial(mean(day), kind.size, rng)).collect();
            network.series.push(NetworkSeries { site, source, counts });
        }
    }
}

/// Season, weekday and holiday of each day, by source.
fn day_factors(dates: &[Date]) -> Vec<Vec<f64>> {
    let calendar = HolidayCalendar::china();
    let factor = |source: &Source, date: &Date| {
        let angle = std::f64::consts::TAU * (f64::from(date.day_of_year()) - 15.0) / 365.25;
        let kind = match calendar.day_type(*date) {
            DayType::Holiday => source.holiday,
            DayType::MakeUpWorkday => source.weekday[2],
            day => source.weekday[day as usize],
        };
        kind * (source.season * angle.cos()).exp()
    };
    SOURCES.iter().map(|source| dates.iter().map(|date| factor(source, date)).collect()).collect()
}

/// First-order autoregressive noise with the given standard deviation.
fn noise(days: usize, sd: f64, rng: &mut impl Rng) -> Vec<f64> {
    let fresh = sd * (1.0 - MEMORY * MEMORY).sqrt();
    let mut state = normal(sd, rng);
    (0..days)
        .map(|_| {
            state = MEMORY * state + normal(fresh, rng);
            state
        })
        .collect()
}

fn normal(sd: f64, rng: &mut impl Rng) -> f64 {
    Normal::new(0.0, sd).expect("the spread is positive").sample(rng)
}

/// A Poisson count whose mean is gamma distributed.
fn negative_binomial(mean: f64, size: f64, rng: &mut impl Rng) -> f64 {
    if mean <= 0.0 {
        return 0.0;
    }
    let rate: f64 = Gamma::new(size, mean / size).expect("shape and scale are positive").sample(rng);
    if rate > 1e-9 { Poisson::new(rate).expect("the rate is positive").sample(rng) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn settings(seed: u64) -> InventionSettings {
        InventionSettings {
            counties: 3,
            sites_per_county: 6,
            days: 500,
            first_on: date(2021, 1, 1),
            outbreaks_per_county_year: 5.0,
            seed,
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_network_and_another_does_not() {
        let (a, b) = (invent_network(&settings(4)).unwrap(), invent_network(&settings(4)).unwrap());
        assert_eq!((&a.network, &a.outbreaks), (&b.network, &b.outbreaks));
        assert_ne!(a.network, invent_network(&settings(5)).unwrap().network);
    }

    #[test]
    fn the_twin_differs_by_the_planted_cases_alone() {
        let invented = invent_network(&settings(1)).unwrap();
        let more: f64 = invented.network.series.iter().flat_map(|s| &s.counts).sum::<f64>()
            - invented.twin.series.iter().flat_map(|s| &s.counts).sum::<f64>();
        let seen: f64 = invented.outbreaks.iter().map(|o| o.seen).sum();
        assert!(!invented.outbreaks.is_empty() && more == seen, "{more} {seen}");
        for (with, without) in invented.network.series.iter().zip(&invented.twin.series) {
            assert!(with.counts.iter().zip(&without.counts).all(|(a, b)| a >= b));
        }
    }

    #[test]
    fn counts_have_the_mean_and_variance_asked_for() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(9);
        let draws: Vec<f64> = (0..40_000).map(|_| negative_binomial(5.0, 4.0, &mut rng)).collect();
        let mean = draws.iter().sum::<f64>() / 40_000.0;
        let variance = draws.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>() / 40_000.0;
        // 5 + 25 / 4 = 11.25; the standard errors are 0.017 and about 0.13.
        assert!((mean - 5.0).abs() < 0.08 && (variance - 11.25).abs() < 0.6, "{mean} {variance}");
    }

    #[test]
    fn nobody_is_absent_on_a_sunday() {
        let invented = invent_network(&settings(2)).unwrap();
        let sundays = invented.twin.dates.iter().enumerate().filter(|(_, d)| **d == date(2021, 3, 7));
        for (day, _) in sundays {
            assert!(invented.twin.series.iter().filter(|s| s.source == 3).all(|s| s.counts[day] == 0.0));
        }
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let wrong = InventionSettings { counties: 0, ..settings(1) };
        assert!(matches!(invent_network(&wrong), Err(EpiError::InvalidSetting { name: "counties", .. })));
    }
}
