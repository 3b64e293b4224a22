//! The course of one infection. The values are parameters near what was published for early Omicron, not estimates.

use crate::random::Stream;

const DAY: f64 = 86_400.0;

/// Incubation period: log-normal, median in days and sigma; mean 3.4 days.
pub const INCUBATION: (f64, f64) = (3.1, 0.43);
/// Infects from so many days before onset, not before half a day after infection.
const INFECTIOUS_BEFORE_ONSET_DAYS: f64 = 2.0;
/// Infectiousness is a bell around onset with this standard deviation, in days.
const INFECTIOUSNESS_SD_DAYS: f64 = 1.8;
/// Share of infections that never show symptoms: adults, and people under 18.
pub const ASYMPTOMATIC_SHARE: [f64; 2] = [0.35, 0.5];
/// Infectiousness of those, relative to others.
const ASYMPTOMATIC_FACTOR: f64 = 0.5;

/// When an infected person can be found, infects, and falls ill; seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Course {
    /// Onset of symptoms, or when it would be.
    pub peak_at: u32,
    /// Whether there are symptoms at all.
    pub is_symptomatic: bool,
    /// Infects from.
    pub infectious_from: u32,
    /// Infects until.
    pub infectious_until: u32,
    /// A nucleic test can find it from.
    pub detectable_from: u32,
    /// And until.
    pub detectable_until: u32,
}

impl Course {
    pub(super) fn draw(infected_at: u32, age: u8, rng: &mut Stream) -> Self {
        let start = f64::from(infected_at);
        let peak = start + rng.lognormal(INCUBATION.0, INCUBATION.1).clamp(0.8, 14.0) * DAY;
        let from = (peak - INFECTIOUS_BEFORE_ONSET_DAYS * DAY).max(start + 0.5 * DAY);
        let until = peak + rng.lognormal(5.0, 0.25).clamp(3.0, 10.0) * DAY;
        Self {
            peak_at: peak as u32,
            is_symptomatic: !rng.chance(ASYMPTOMATIC_SHARE[usize::from(age < 18)]),
            infectious_from: from as u32,
            infectious_until: until as u32,
            detectable_from: (from - 0.3 * DAY).max(start + 0.3 * DAY) as u32,
            detectable_until: (until + 6.0 * DAY) as u32,
        }
    }

    /// Infectiousness at a moment, 0 to 1.
    pub(super) fn infectiousness(&self, at: u32) -> f64 {
        if !(self.infectious_from..self.infectious_until).contains(&at) {
            return 0.0;
        }
        let days = (f64::from(at) - f64::from(self.peak_at)) / DAY / INFECTIOUSNESS_SD_DAYS;
        (-0.5 * days * days).exp() * if self.is_symptomatic { 1.0 } else { ASYMPTOMATIC_FACTOR }
    }
}
