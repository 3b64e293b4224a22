//! Watch over proposals: whose are so often without anything behind them that chance does not explain it.

use statrs::function::beta::beta_reg;

use crate::error::{EpiError, require_positive};
use crate::special::ln_gamma;

/// How many proposals there were, and how many of them have a mark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Proposals.
    pub proposals: u64,
    /// Of these: nothing on record ties the person to the place or to the case.
    pub untied: u64,
    /// Of the untied: place and time are to the second those of a person of another community.
    pub copied: u64,
}

impl Tally {
    /// What is left without a part of it.
    pub const fn without(self, part: Self) -> Self {
        Self {
            proposals: self.proposals.saturating_sub(part.proposals),
            untied: self.untied.saturating_sub(part.untied),
            copied: self.copied.saturating_sub(part.copied),
        }
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.proposals += other.proposals;
        self.untied += other.untied;
        self.copied += other.copied;
    }
}

/// What somebody proposed in the window, and what everybody else proposed in the weeks before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// In the window, by the one who is judged.
    pub own: Tally,
    /// In the weeks before, by all others.
    pub others: Tally,
}

/// Why a group stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sign {
    /// Too many of its proposals have nothing behind them.
    Untied,
    /// Too many of these repeat one place and time.
    Copied,
}

/// A share that is usual, and how much it is trusted: that many proposals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    /// Share before anybody has proposed anything.
    pub share: f64,
    /// Worth so many proposals.
    pub weight: f64,
    /// What others did counts for at most so many proposals: the less, the more honest officers differ from one another.
    pub weight_max: f64,
    /// Fewer marked proposals than this are no finding.
    pub least: u64,
}

/// Settings of the watch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProposalWatch {
    /// Expected number of false findings in one look at all groups.
    pub false_findings: f64,
    /// Untied proposals, where nothing is known yet.
    pub untied: Usual,
    /// Copied proposals, where nothing is known yet.
    pub copied: Usual,
}

impl Default for ProposalWatch {
    /// No authority gives such numbers. Colleagues of one case who live in another county are honest and all untied, so
    /// untied proposals weigh little: only a long list of them stands out. One place and time to the second is rare among
    /// people of several communities, so a few copies are enough.
    fn default() -> Self {
        Self {
            false_findings: 1e-3,
            untied: Usual { share: 0.3, weight: 4.0, weight_max: 4.0, least: 20 },
            copied: Usual { share: 0.01, weight: 10.0, weight_max: 50.0, least: 3 },
        }
    }
}

/// A group that stands out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finding {
    /// Place among the groups that were judged, from 0.
    pub group: usize,
    /// The rarer of its signs.
    pub sign: Sign,
    /// Probability of so many by chance.
    pub tail: f64,
}

/// Judges groups of proposals (by officer, list, target) against what all others propose.
///
/// The number of marked proposals among n is beta-binomial with mean share p and weight w, where p is the share among the
/// others joined with [`Usual`], and w is bounded by its `weight_max`. A group is a finding when the tail P(X >= x) of
/// one of its two signs lies below `false_findings` / (2 x number of groups) (Bonferroni).
///
/// - `groups`: one for each officer, list or target that proposed anything in the window.
/// - returns: findings in the order of the groups; none where fewer proposals than `least` are marked.
///
/// # Errors
/// [`EpiError::InvalidSetting`] unless all settings are positive.
/// # Limits
/// Groups overlap and looks repeat, so `false_findings` is no rate per day. Somebody who makes up ties (a second account, a
/// false ticket) is not found by this; that takes a second person on record.
/// # Source
/// Beta-binomial predictive distribution: Gelman et al. 2013, Bayesian Data Analysis, 3rd ed., section 2.5. Checked against
/// the urn of Pólya, drawn ball by ball, in the tests below.
pub fn find(groups: &[Compared], settings: &ProposalWatch) -> Result<Vec<Finding>, EpiError> {
    for (name, value) in [
        ("false_findings", settings.false_findings),
        ("untied.share", settings.untied.share),
        ("untied.weight", settings.untied.weight),
        ("copied.share", settings.copied.share),
        ("copied.weight", settings.copied.weight),
        ("untied.weight_max", settings.untied.weight_max),
        ("copied.weight_max", settings.copied.weight_max),
    ] {
        require_positive(name, value)?;
    }
    let level = settings.false_findings / (2.0 * groups.len().max(1) as f64);
    let judge = |(group, compared): (usize, &Compared)| {
        let signs = [
            (Sign::Untied, compared.own.untied, compared.others.untied, settings.untied),
            (Sign::Copied, compared.own.copied, compared.others.copied, settings.copied),
        ];
        let judged = signs.into_iter().filter(|(_, marked, _, usual)| *marked >= usual.least).map(
            |(sign, marked, others, usual)| {
                let [a, b] = shape(usual, others, compared.others.proposals);
                (sign, beta_binomial_upper(marked, compared.own.proposals, a, b))
            },
        );
        let (sign, tail) = judged.min_by(|(_, one), (_, other)| one.total_cmp(other))?;
        (tail < level).then_some(Finding { group, sign, tail })
    };
    Ok(groups.iter().enumerate().filter_map(judge).collect())
}

/// Probability that at least `inside` of `marked` proposals fall on a group with this share of the people, when they fall
/// on people by chance: the upper tail of the binomial distribution.
///
/// # Limits
/// People are drawn with putting back: for groups of more than some hundred the difference is small.
pub fn share_tail(inside: u64, marked: u64, share: f64) -> f64 {
    match () {
        () if inside == 0 || share >= 1.0 => 1.0,
        () if share <= 0.0 || inside > marked => 0.0,
        () => beta_reg(inside as f64, (marked - inside + 1) as f64, share),
    }
}

/// The beta distribution of the share: what is usual, joined with what others did, of bounded weight.
fn shape(usual: Usual, marked: u64, proposals: u64) -> [f64; 2] {
    let a = usual.share * usual.weight + marked as f64;
    let weight = usual.weight + proposals as f64;
    let share = (a / weight).clamp(1e-9, 1.0 - 1e-9);
    let weight = weight.min(usual.weight_max);
    [share * weight, (1.0 - share) * weight]
}

/// P(X >= `least`) for X beta-binomial with `n` draws.
fn beta_binomial_upper(least: u64, n: u64, a: f64, b: f64) -> f64 {
    let ln_beta = |a: f64, b: f64| ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
    let n_f = n as f64;
    let term = |x: u64| {
        let x = x as f64;
        let choose = ln_gamma(n_f + 1.0) - ln_gamma(x + 1.0) - ln_gamma(n_f - x + 1.0);
        (choose + ln_beta(a + x, b + n_f - x) - ln_beta(a, b)).exp()
    };
    (least..=n).map(term).sum::<f64>().min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The urn of Pólya: after each draw one more ball of the colour drawn.
    fn urn(least: u64, n: u64, a: f64, b: f64) -> f64 {
        let mut at = vec![1.0];
        for drawn in 0..n {
            let mut next = vec![0.0; at.len() + 1];
            for (x, p) in at.iter().enumerate() {
                let share = (a + x as f64) / (a + b + drawn as f64);
                next[x + 1] += p * share;
                next[x] += p * (1.0 - share);
            }
            at = next;
        }
        at[least as usize..].iter().sum()
    }

    #[test]
    fn the_tail_is_that_of_an_urn_drawn_ball_by_ball() {
        for (a, b) in [(0.5, 49.5), (5.0, 45.0), (1.0, 1.0), (20.0, 3.0)] {
            for n in [1, 3, 17, 60] {
                for least in 0..=n {
                    let (fast, slow) = (beta_binomial_upper(least, n, a, b), urn(least, n, a, b));
                    assert!((fast - slow).abs() <= 1e-9 * slow.max(1e-3), "{least} of {n}, {a} {b}: {fast} {slow}");
                }
            }
        }
    }

    #[test]
    fn the_tail_of_a_share_is_that_of_coins_thrown_one_by_one() {
        for share in [0.01, 0.3, 0.9] {
            for n in [1_u64, 5, 40] {
                let mut at = vec![1.0];
                for _ in 0..n {
                    let mut next = vec![0.0; at.len() + 1];
                    for (x, p) in at.iter().enumerate() {
                        next[x + 1] += p * share;
                        next[x] += p * (1.0 - share);
                    }
                    at = next;
                }
                for inside in 0..=n {
                    let slow: f64 = at[inside as usize..].iter().sum();
                    let fast = share_tail(inside, n, share);
                    assert!((fast - slow).abs() < 1e-9, "{inside} of {n} at {share}: {fast} {slow}");
                }
            }
        }
    }

    fn tally(proposals: u64, untied: u64, copied: u64) -> Tally {
        Tally { proposals, untied, copied }
    }

    #[test]
    fn a_list_of_strangers_is_found_among_officers_with_the_usual_errors() {
        let others = tally(2_000, 160, 4);
        let mut groups = vec![Compared { own: tally(40, 5, 0), others }; 30];
        groups.push(Compared { own: tally(13, 12, 12), others });
        groups.push(Compared { own: tally(38, 38, 2), others });
        let found = find(&groups, &ProposalWatch::default()).unwrap();
        assert_eq!(found.iter().map(|finding| finding.group).collect::<Vec<_>>(), [30, 31]);
    }

    #[test]
    fn a_list_of_1317_strangers_is_found_though_no_two_times_are_equal() {
        let others = tally(20_000, 6_000, 100);
        let own = tally(1_317, 1_250, 0);
        assert_eq!(find(&[Compared { own, others }], &ProposalWatch::default()).unwrap()[0].sign, Sign::Untied);
    }

    #[test]
    fn three_copies_of_one_stay_are_found_and_two_are_not() {
        let others = tally(600, 300, 0);
        let of = |copies| vec![Compared { own: tally(copies, copies, copies), others }; 1];
        assert_eq!(find(&of(3), &ProposalWatch::default()).unwrap()[0].sign, Sign::Copied);
        assert!(find(&of(2), &ProposalWatch::default()).unwrap().is_empty());
    }

    #[test]
    fn somebody_who_does_what_all_do_is_no_finding_however_much() {
        let others = tally(100_000, 20_000, 1_000);
        let own = tally(3_000, 600, 30);
        assert!(find(&[Compared { own, others }], &ProposalWatch::default()).unwrap().is_empty());
    }
}
