//! Randomness by counter: a stream is named by seed, process and the thing it is drawn for, so that neither the order
//! of work nor the number of threads nor a new process changes what another one draws.

/// A process of the model, such as `households`, with randomness of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process(u64);

impl Process {
    /// The process of this name (FNV-1a over its bytes).
    pub const fn named(name: &str) -> Self {
        let (bytes, mut hash, mut i) = (name.as_bytes(), 0xcbf2_9ce4_8422_2325_u64, 0);
        while i < bytes.len() {
            hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0000_0100_0000_01b3);
            i += 1;
        }
        Self(hash)
    }
}

/// One stream of random numbers.
///
/// # Source
/// SplitMix64: Steele, Lea, Flood 2014, Fast splittable pseudorandom number generators, OOPSLA, doi:10.1145/2660193.2660195.
/// # Limits
/// For simulation, not for secrets. `normal` and its kin use the platform's logarithm and cosine: the same bytes come
/// out on the same target, not necessarily on another.
#[derive(Clone, Debug)]
pub struct Stream {
    state: u64,
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Stream {
    /// The stream of a process for thing `a` (a person, a block) and `b` (a day, another person; 0 if there is none).
    pub const fn new(seed: u64, process: Process, a: u64, b: u64) -> Self {
        let key = mix(seed.wrapping_add(GOLDEN) ^ process.0);
        let key = mix(key.wrapping_add(a.wrapping_mul(GOLDEN)).wrapping_add(1));
        Self { state: mix(key ^ b.wrapping_add(GOLDEN).wrapping_mul(0xd6e8_feb8_6659_fd93)) }
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// Uniform on [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Uniform on 0..n; 0 when n is 0.
    pub const fn below(&mut self, n: u32) -> u32 {
        (((self.bits() >> 32) * n as u64) >> 32) as u32
    }

    /// Uniform on low..=high.
    pub const fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// Normal, by Box and Muller.
    pub fn normal(&mut self, mean: f64, sd: f64) -> f64 {
        let (u, v) = (1.0 - self.unit(), self.unit());
        mean + sd * (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    /// Log-normal with this median; `sigma` is the standard deviation of the logarithm.
    pub fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * self.normal(0.0, sigma).exp()
    }

    /// Exponential with this mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// Number of successes in `n` trials, for small `n`.
    pub fn binomial(&mut self, n: u32, p: f64) -> u32 {
        (0..n).filter(|_| self.chance(p)).count() as u32
    }

    /// Index drawn in proportion to the weights.
    pub fn weighted(&mut self, weights: impl Iterator<Item = u64> + Clone) -> usize {
        let total: u64 = weights.clone().sum();
        let mut left = (self.unit() * total as f64) as u64;
        let mut last = 0;
        for (index, weight) in weights.enumerate() {
            if left < weight {
                return index;
            }
            left -= weight;
            last = index;
        }
        last
    }

    /// One of them; panics on an empty slice.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u32) as usize]
    }

    /// Random order, by Fisher and Yates.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u32 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEST: Process = Process::named("test");

    #[test]
    fn neighbouring_streams_share_nothing() {
        let first = |a, b| Stream::new(1, TEST, a, b).bits();
        let mut seen: Vec<u64> =
            (0..200).flat_map(|a| (0..200).map(move |b| (a, b))).map(|(a, b)| first(a, b)).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 40_000);
        assert_ne!(Stream::new(1, TEST, 3, 4).bits(), Stream::new(1, Process::named("other"), 3, 4).bits());
    }

    #[test]
    fn draws_have_the_moments_of_their_distributions() {
        let mean = |draw: &mut dyn FnMut(&mut Stream) -> f64| {
            (0..40_000u64).map(|i| draw(&mut Stream::new(7, TEST, i, 0))).sum::<f64>() / 40_000.0
        };
        // Four standard errors each.
        assert!((mean(&mut |s| s.unit()) - 0.5).abs() < 0.006);
        assert!((mean(&mut |s| s.normal(3.0, 2.0)) - 3.0).abs() < 0.04);
        assert!((mean(&mut |s| s.exponential(5.0)) - 5.0).abs() < 0.1);
        assert!((mean(&mut |s| f64::from(s.below(11))) - 5.0).abs() < 0.07);
        assert!((mean(&mut |s| f64::from(s.lognormal(4.0, 0.7) < 4.0)) - 0.5).abs() < 0.01);
        assert!((mean(&mut |s| s.weighted([1, 3].into_iter()) as f64) - 0.75).abs() < 0.01);
    }
}
