//! Lawless' nowcast from reverse hazards of the delay.

use super::triangle::{DelayWindow, ReportingTriangle};
use crate::error::{EpiError, require_probability};
use crate::special::normal_quantile;

/// A normal interval, cut at the events already known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormalInterval {
    /// Lower limit; persons.
    pub lower: f64,
    /// Upper limit; persons.
    pub upper: f64,
}

/// The nowcast of the event day with this age.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LawlessRow {
    /// Age of the event day; days.
    pub delay: usize,
    /// Reverse hazard g_x = n_x / N_x of this delay; `None` where N_x = 0.
    pub reverse_hazard: Option<f64>,
    /// W: share of events reported within this delay. `None` where a longer delay has no data.
    pub share_reported: Option<f64>,
    /// Variance of W.
    pub share_variance: Option<f64>,
    /// Events of that day known so far; `None` where the series is younger than the delay.
    pub observed: Option<f64>,
    /// Expected final number of events.
    pub expected: Option<f64>,
    /// Variance of the final number around `expected`.
    pub variance: Option<f64>,
    /// Interval of the level asked for.
    pub interval: Option<NormalInterval>,
}

/// Nowcast from the reverse hazards of the reporting delay.
///
/// With n_x events of delay x and N_x of delay x or less, both over the event days that have shown x, g_x = n_x / N_x
/// (g_0 = 1) and W(d) = Π_{x>d} (1 - g_x). The final number is N / W, its variance N (N+1) / W⁴ var W + N (1-W) / W²
/// with var W = W² Σ_{x>d} g_x / (N_x (1 - g_x)).
///
/// - `triangle`: events by day and delay.
/// - `window`: which event days teach the delays.
/// - `level`: of the interval, usually 0.95; a normal distribution cut below at the events already known.
/// - returns: one row per delay 0..=D, youngest event day first.
///
/// # Errors
/// [`EpiError::InvalidSetting`] for the level.
/// # Limits
/// Delays longer than D count as D. The first days rest on a handful of events, and their normal interval is rough:
/// prefer [`super::nowcast_bayes`] there.
/// # Source
/// Lawless 1994, Can J Stat 22:15-31, doi:10.2307/3315820.n1; variance as in Höhle and an der Heiden 2014, Biometrics
/// 70:993-1002, doi:10.1111/biom.12194.
/// Checked against surveillance 1.20.3 (with the paper's variance): family `nowcast` of the surveillance reference.
pub fn nowcast_lawless(
    triangle: &ReportingTriangle,
    window: DelayWindow,
    level: f64,
) -> Result<Vec<LawlessRow>, EpiError> {
    require_probability("level", level)?;
    let z = normal_quantile(0.5 + level / 2.0);
    let counts = triangle.delay_counts(window);
    let mut share = Some(1.0);
    let mut relative_variance = Some(0.0);
    let mut rows: Vec<LawlessRow> = Vec::with_capacity(counts.len());
    for (delay, count) in counts.iter().enumerate().rev() {
        let hazard = if delay == 0 {
            Some(1.0)
        } else {
            (count.up_to_delay > 0.0).then(|| count.with_delay / count.up_to_delay)
        };
        let observed = (delay < triangle.days()).then(|| triangle.observed(triangle.days() - 1 - delay));
        rows.push(row(delay, hazard, share.zip(relative_variance), observed, z));
        // A delay that every event so far had leaves nothing reported earlier to scale up.
        share = share.zip(hazard).map(|(w, g)| w * (1.0 - g)).filter(|w| *w > 0.0);
        relative_variance = relative_variance
            .zip(hazard)
            .map(|(v, g)| v + g / (count.up_to_delay * (1.0 - g)))
            .filter(|v| v.is_finite());
    }
    rows.reverse();
    Ok(rows)
}

fn row(delay: usize, hazard: Option<f64>, share: Option<(f64, f64)>, observed: Option<f64>, z: f64) -> LawlessRow {
    let share_variance = share.map(|(w, v)| w * w * v);
    let expected = observed.zip(share).map(|(n, (w, _))| n / w);
    let variance = observed.zip(share).map(|(n, (w, v))| n * (n + 1.0) / (w * w) * v + n * (1.0 - w) / (w * w));
    let interval = observed.zip(expected.zip(variance)).map(|(n, (mean, variance))| NormalInterval {
        lower: (mean - z * variance.sqrt()).max(n),
        upper: mean + z * variance.sqrt(),
    });
    let share_reported = share.map(|(w, _)| w);
    LawlessRow { delay, reverse_hazard: hazard, share_reported, share_variance, observed, expected, variance, interval }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complete_reports_are_not_scaled_up() {
        let rows = [vec![Some(4.0), Some(0.0)], vec![Some(6.0), Some(0.0)], vec![Some(5.0), None]];
        let nowcast = nowcast_lawless(&ReportingTriangle::new(&rows).unwrap(), DelayWindow::All, 0.95).unwrap();
        assert_eq!((nowcast[0].expected, nowcast[0].variance), (Some(5.0), Some(0.0)));
    }

    #[test]
    fn half_reported_on_the_day_doubles_the_last_day() {
        let rows = [vec![Some(50.0), Some(50.0)], vec![Some(30.0), Some(30.0)], vec![Some(20.0), None]];
        let nowcast = nowcast_lawless(&ReportingTriangle::new(&rows).unwrap(), DelayWindow::All, 0.95).unwrap();
        assert!((nowcast[0].expected.unwrap() - 40.0).abs() < 1e-12);
    }

    #[test]
    fn a_delay_without_data_gives_no_estimate_instead_of_nan() {
        let rows = [vec![Some(0.0), Some(0.0)], vec![Some(3.0), None]];
        let nowcast = nowcast_lawless(&ReportingTriangle::new(&rows).unwrap(), DelayWindow::All, 0.95).unwrap();
        assert_eq!((nowcast[0].observed, nowcast[0].expected), (Some(3.0), None));
        assert_eq!(nowcast[1].expected, Some(0.0));
    }
}
