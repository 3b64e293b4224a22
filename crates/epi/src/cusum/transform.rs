//! Transformations that make a count with a given mean nearly standard normal.

use crate::error::{EpiError, require_positive};

/// How a count x with expected value m becomes z.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CusumTransform {
    /// (x - m) / √m.
    Standard,
    /// (x - 3m + 2 √(x m)) / (2 √m).
    Rossi,
    /// 1.5 (x^(2/3) - m^(2/3)) / m^(1/6).
    Anscombe,
    /// (x^(2/3) - (m^(2/3) - m^(-1/3) / 9)) / ((2/3) m^(1/6)).
    AnscombeSecondOrder,
    /// (x - m) / √(m + a m²), for counts with overdispersion a.
    PearsonNegativeBinomial {
        /// Overdispersion a: variance m + a m².
        overdispersion: f64,
    },
    /// ∫_m^x (t + a t²)^(-1/3) dt / (m + a m²)^(1/6): Anscombe's residual of the negative binomial.
    AnscombeNegativeBinomial {
        /// Overdispersion a: variance m + a m².
        overdispersion: f64,
    },
    /// The same as the R package surveillance computes it, from a table: z = 1.5 (x^(2/3) H(a x) - m^(2/3) H(a m)) /
    /// (m + a m²)^(1/6), where H is read at two decimals up to 10 and linearly between whole numbers up to 100. Beyond
    /// a x = 100 there is no value. For comparison only.
    AnscombeNegativeBinomialTabulated {
        /// Overdispersion a: variance m + a m².
        overdispersion: f64,
    },
}

impl CusumTransform {
    pub(super) fn check(self) -> Result<(), EpiError> {
        match self {
            CusumTransform::PearsonNegativeBinomial { overdispersion }
            | CusumTransform::AnscombeNegativeBinomial { overdispersion }
            | CusumTransform::AnscombeNegativeBinomialTabulated { overdispersion } => {
                require_positive("overdispersion", overdispersion)
            }
            _ => Ok(()),
        }
    }

    /// z of a count.
    pub(super) fn apply(self, x: f64, mean: f64) -> f64 {
        match self {
            CusumTransform::Standard => (x - mean) / mean.sqrt(),
            CusumTransform::Rossi => (x - 3.0 * mean + 2.0 * (x * mean).sqrt()) / (2.0 * mean.sqrt()),
            CusumTransform::Anscombe => 1.5 * (two_thirds(x) - two_thirds(mean)) / mean.powf(1.0 / 6.0),
            CusumTransform::AnscombeSecondOrder => {
                (two_thirds(x) - second_order_centre(mean)) / (2.0 / 3.0 * mean.powf(1.0 / 6.0))
            }
            CusumTransform::PearsonNegativeBinomial { overdispersion } => (x - mean) / spread(mean, overdispersion),
            CusumTransform::AnscombeNegativeBinomial { overdispersion } => {
                integral(mean, x, overdispersion) / spread(mean, overdispersion).cbrt()
            }
            CusumTransform::AnscombeNegativeBinomialTabulated { overdispersion } => {
                let part = |t: f64| 1.5 * two_thirds(t) * tabulated_factor(overdispersion * t);
                (part(x) - part(mean)) / spread(mean, overdispersion).cbrt()
            }
        }
    }

    /// The count with this z; 0 where z is below that of no case.
    pub(super) fn invert(self, z: f64, mean: f64) -> f64 {
        if z <= self.apply(0.0, mean) {
            return 0.0;
        }
        match self {
            CusumTransform::Standard => mean + z * mean.sqrt(),
            CusumTransform::Rossi => (2.0 * (mean + z * mean.sqrt() / 2.0).sqrt() - mean.sqrt()).max(0.0).powi(2),
            CusumTransform::Anscombe => (two_thirds(mean) + z * mean.powf(1.0 / 6.0) / 1.5).powf(1.5),
            CusumTransform::AnscombeSecondOrder => {
                (second_order_centre(mean) + z * 2.0 / 3.0 * mean.powf(1.0 / 6.0)).powf(1.5)
            }
            CusumTransform::PearsonNegativeBinomial { overdispersion } => mean + z * spread(mean, overdispersion),
            CusumTransform::AnscombeNegativeBinomial { .. }
            | CusumTransform::AnscombeNegativeBinomialTabulated { .. } => self.invert_by_bisection(z, mean),
        }
    }

    fn invert_by_bisection(self, z: f64, mean: f64) -> f64 {
        let (mut low, mut high) = (0.0, mean.max(1.0));
        while self.apply(high, mean) < z && high < 1e15 {
            (low, high) = (high, high * 2.0);
        }
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if self.apply(middle, mean) < z {
                low = middle;
            } else {
                high = middle;
            }
        }
        0.5 * (low + high)
    }
}

fn two_thirds(x: f64) -> f64 {
    let root = x.cbrt();
    root * root
}

fn second_order_centre(mean: f64) -> f64 {
    two_thirds(mean) - 1.0 / (9.0 * mean.cbrt())
}

fn spread(mean: f64, overdispersion: f64) -> f64 {
    (mean + overdispersion * mean * mean).sqrt()
}

/// The factor as read from a table; NaN beyond its end.
fn tabulated_factor(u: f64) -> f64 {
    if u <= 10.0 {
        factor((u * 100.0).round() / 100.0)
    } else if u <= 100.0 {
        let whole = u.floor();
        let above = factor((whole + 1.0).min(100.0));
        factor(whole) + (u - whole) * (above - factor(whole))
    } else {
        f64::NAN
    }
}

/// H(u) = ₂F₁(1/3, 2/3; 5/3; -u), so that ∫_0^x (t + a t²)^(-1/3) dt = 1.5 x^(2/3) H(a x).
fn factor(u: f64) -> f64 {
    if u <= 0.0 { 1.0 } else { integral(0.0, u, 1.0) / (1.5 * two_thirds(u)) }
}

/// ∫_from^to (t + a t²)^(-1/3) dt. With t = v³ the integrand 3 v (1 + a v³)^(-1/3) is smooth at 0, and it settles to a
/// constant beyond v = a^(-1/3); panels grow geometrically from there.
fn integral(from: f64, to: f64, overdispersion: f64) -> f64 {
    let (from, to) = (from.cbrt(), to.cbrt());
    if from > to {
        return -panels(to, from, overdispersion);
    }
    panels(from, to, overdispersion)
}

fn panels(from: f64, to: f64, overdispersion: f64) -> f64 {
    let width = 0.5 / overdispersion.cbrt();
    let mut sum = 0.0;
    let mut left = from;
    while left < to {
        let right = (left + width.max(left * 0.25)).min(to);
        sum += gauss_legendre(left, right, |v| 3.0 * v / (1.0 + overdispersion * v * v * v).cbrt());
        left = right;
    }
    sum
}

/// Eight-point Gauss-Legendre rule.
fn gauss_legendre(from: f64, to: f64, f: impl Fn(f64) -> f64) -> f64 {
    const NODES: [(f64, f64); 4] = [
        (0.183_434_642_495_649_8, 0.362_683_783_378_362),
        (0.525_532_409_916_329, 0.313_706_645_877_887_3),
        (0.796_666_477_413_626_7, 0.222_381_034_453_374_48),
        (0.960_289_856_497_536_3, 0.101_228_536_290_376_26),
    ];
    let (middle, half) = (0.5 * (from + to), 0.5 * (to - from));
    half * NODES.iter().map(|&(x, w)| w * (f(middle + half * x) + f(middle - half * x))).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [CusumTransform; 6] = [
        CusumTransform::Standard,
        CusumTransform::Rossi,
        CusumTransform::Anscombe,
        CusumTransform::AnscombeSecondOrder,
        CusumTransform::PearsonNegativeBinomial { overdispersion: 0.1 },
        CusumTransform::AnscombeNegativeBinomial { overdispersion: 0.1 },
    ];

    #[test]
    fn inverting_gives_the_count_back() {
        for transform in ALL {
            for mean in [0.3, 2.0, 40.0, 3000.0] {
                for x in [1.0, 7.0, 55.0, 4000.0] {
                    let back = transform.invert(transform.apply(x, mean), mean);
                    let is_floor = back == 0.0 && x < mean;
                    assert!(is_floor || (back / x - 1.0).abs() < 1e-9, "{transform:?} {mean} {x}: {back}");
                }
            }
        }
    }

    #[test]
    fn more_cases_give_a_larger_value() {
        for transform in ALL {
            let values: Vec<f64> = (0..200).map(|x| transform.apply(f64::from(x), 12.0)).collect();
            assert!(values.windows(2).all(|pair| pair[1] > pair[0]), "{transform:?}");
        }
    }

    #[test]
    fn a_vanishing_overdispersion_gives_the_poisson_transform() {
        let poisson = CusumTransform::Anscombe.apply(9.0, 4.0);
        let negative_binomial = CusumTransform::AnscombeNegativeBinomial { overdispersion: 1e-9 }.apply(9.0, 4.0);
        assert!((poisson - negative_binomial).abs() < 1e-7);
    }
}
