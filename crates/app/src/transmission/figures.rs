//! Figures of whole days: number, median, mean, standard deviation, range.

/// A summary of numbers of days.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// How many.
    pub n: usize,
    /// Middle one, or the mean of the middle two; days.
    pub median: f64,
    /// Mean; days.
    pub mean: f64,
    /// Standard deviation with divisor n - 1; days; 0 for a single one.
    pub sd: f64,
    /// Least and greatest; days.
    pub range: Interval,
    /// How many are below zero.
    pub negative: usize,
}

/// Least and greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Least; days.
    pub least: i32,
    /// Greatest; days.
    pub greatest: i32,
}

impl Summary {
    /// Summary of these numbers of days, or nothing when there are none.
    pub fn of(mut days: Vec<i32>) -> Option<Self> {
        days.sort_unstable();
        let (least, greatest) = (*days.first()?, *days.last()?);
        let n = days.len();
        let mean = days.iter().map(|&day| f64::from(day)).sum::<f64>() / n as f64;
        let squares: f64 = days.iter().map(|&day| (f64::from(day) - mean).powi(2)).sum();
        Some(Self {
            n,
            median: f64::midpoint(f64::from(days[(n - 1) / 2]), f64::from(days[n / 2])),
            mean,
            sd: if n > 1 { (squares / (n - 1) as f64).sqrt() } else { 0.0 },
            range: Interval { least, greatest },
            negative: days.iter().filter(|&&day| day < 0).count(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_of_a_few_days_is_what_one_computes_by_hand() {
        let summary = Summary::of(vec![4, -2, 1, 5]).unwrap();
        assert_eq!((summary.n, summary.median, summary.mean, summary.negative), (4, 2.5, 2.0, 1));
        // Deviations 2, -4, -1, 3: squares 30, over three 10.
        assert!((summary.sd - 10f64.sqrt()).abs() < 1e-12);
        assert_eq!(summary.range, Interval { least: -2, greatest: 5 });
        assert_eq!(Summary::of(vec![]), None);
    }
}
