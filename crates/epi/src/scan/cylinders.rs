//! Observed and expected counts of all cylinders, and the largest likelihood ratio among them.

use super::zones::Zone;

/// Totals up to which n log n is looked up.
const TABLE_MAX: f64 = 4e6;

/// A zone as one step on from the zone before it, or from nothing.
#[derive(Debug)]
struct Step {
    /// Sites to add.
    added: Vec<usize>,
    /// Whether the sums begin anew.
    is_fresh: bool,
}

/// All zones over all durations, with what does not change between replicates.
#[derive(Debug)]
pub(super) struct Cylinders {
    steps: Vec<Step>,
    sites: usize,
    durations: usize,
    total: f64,
    /// Per zone and duration: e, log e, log (C - e).
    expected: Vec<(f64, f64, f64)>,
    /// n log n for n up to the total, or empty.
    n_log_n: Vec<f64>,
}

impl Cylinders {
    pub(super) fn new(zones: &[Zone], expected: &[Vec<f64>], total: f64, duration_max: usize) -> Self {
        let durations = duration_max.min(expected.len());
        let n_log_n =
            if total <= TABLE_MAX { (0..=total as usize).map(|n| x_log_x(n as f64)).collect() } else { vec![] };
        let sites = expected.first().map_or(0, Vec::len);
        let mut cylinders = Self { steps: steps(zones), sites, durations, total, expected: Vec::new(), n_log_n };
        let recent: Vec<f64> = expected[expected.len() - durations..].iter().flatten().copied().collect();
        let mut values = Vec::with_capacity(zones.len() * durations);
        cylinders.sums(&recent, |_, _, e| values.push((e, e.ln(), (total - e).max(0.0).ln())));
        cylinders.expected = values;
        cylinders
    }

    /// Longest duration looked at; periods.
    pub(super) fn durations(&self) -> usize {
        self.durations
    }

    /// Calls `each` with zone, duration, observed and expected for the cells of the recent periods, oldest first.
    pub(super) fn visit(&self, recent: &[f64], mut each: impl FnMut(usize, usize, f64, f64)) {
        self.sums(recent, |zone, duration, observed| {
            each(zone, duration, observed, self.expected[zone * self.durations + duration - 1].0);
        });
    }

    /// The largest log-likelihood ratio of these cells; 0 where no cylinder exceeds its expectation.
    pub(super) fn largest(&self, recent: &[f64]) -> f64 {
        let mut largest: f64 = 0.0;
        let mut place = 0;
        self.sums(recent, |_, _, observed| {
            let (expected, log_inside, log_outside) = self.expected[place];
            place += 1;
            if observed > expected {
                let rest = self.total - observed;
                let outside = if rest > 0.0 { rest * log_outside } else { 0.0 };
                let ratio = self.look_up(observed) + self.look_up(rest) - observed * log_inside - outside;
                largest = largest.max(ratio);
            }
        });
        largest
    }

    /// Sums of cells per zone and duration, in the order of zones and then durations.
    fn sums(&self, recent: &[f64], mut each: impl FnMut(usize, usize, f64)) {
        let mut per_period = vec![0.0; self.durations];
        for (zone, step) in self.steps.iter().enumerate() {
            if step.is_fresh {
                per_period.fill(0.0);
            }
            for site in &step.added {
                // Youngest period first, so that durations are running sums.
                for (back, sum) in per_period.iter_mut().enumerate() {
                    *sum += recent[(self.durations - 1 - back) * self.sites + site];
                }
            }
            let mut sum = 0.0;
            for (back, value) in per_period.iter().enumerate() {
                sum += value;
                each(zone, back + 1, sum);
            }
        }
    }

    fn look_up(&self, n: f64) -> f64 {
        self.n_log_n.get(n as usize).copied().unwrap_or_else(|| x_log_x(n))
    }
}

/// c log(c/e) + (C-c) log((C-c)/(C-e)) where c > e, else 0.
pub(super) fn likelihood_ratio(observed: f64, expected: f64, total: f64) -> f64 {
    if observed <= expected {
        return 0.0;
    }
    let rest = total - observed;
    let outside = if rest > 0.0 { rest * (rest / (total - expected)).ln() } else { 0.0 };
    observed * (observed / expected).ln() + outside
}

fn x_log_x(x: f64) -> f64 {
    if x > 0.0 { x * x.ln() } else { 0.0 }
}

/// Zones of one centre grow by one site at a time, unless a zone between was a duplicate.
fn steps(zones: &[Zone]) -> Vec<Step> {
    let step = |i: usize| {
        let zone = &zones[i];
        let before = i.checked_sub(1).map(|j| &zones[j]).filter(|b| b.centre == zone.centre);
        match before {
            Some(before) => Step { added: zone.members[before.members.len()..].to_vec(), is_fresh: false },
            None => Step { added: zone.members.clone(), is_fresh: true },
        }
    };
    (0..zones.len()).map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_maximum_equals_the_obvious_one() {
        let zones = [
            Zone { centre: 0, members: vec![0], radius: 0.0 },
            Zone { centre: 0, members: vec![0, 2, 1], radius: 2.0 },
            Zone { centre: 1, members: vec![1], radius: 0.0 },
        ];
        let expected = vec![vec![1.5, 2.0, 0.5], vec![1.5, 2.0, 0.5], vec![1.5, 2.0, 0.5]];
        let cells = [2.0, 0.0, 1.0, 4.0, 1.0, 2.0];
        let cylinders = Cylinders::new(&zones, &expected, 12.0, 2);
        let mut slow: f64 = 0.0;
        for zone in &zones {
            for duration in 1..=2 {
                let mut sums = (0.0, 0.0);
                for period in 2 - duration..2 {
                    for site in &zone.members {
                        sums.0 += cells[period * 3 + site];
                        sums.1 += expected[period + 1][*site];
                    }
                }
                slow = slow.max(likelihood_ratio(sums.0, sums.1, 12.0));
            }
        }
        assert!((cylinders.largest(&cells) - slow).abs() < 1e-12 && slow > 0.0);
    }

    #[test]
    fn all_cases_inside_is_defined() {
        assert!((likelihood_ratio(5.0, 1.0, 5.0) - 5.0 * 5f64.ln()).abs() < 1e-12);
        assert_eq!(likelihood_ratio(1.0, 2.0, 5.0), 0.0);
    }
}
