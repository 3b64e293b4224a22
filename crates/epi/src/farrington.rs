//! Farrington's algorithm, as published in 1996 and in the flexible form of 2013: is a count higher than the same
//! weeks of earlier years let expect?

mod bound;
mod glm;
mod reference_weeks;

use jiff::Span;
use jiff::civil::Date;

use crate::Counts;
use crate::error::{EpiError, require, require_positive, require_probability};
use bound::judge;
use glm::{Fit, Glm};
use reference_weeks::{ReferenceWeeks, SeriesTable, earliest_position};

/// The scale on which the delta bound is symmetric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerTransform {
    /// The counts themselves.
    None,
    /// Square root.
    SquareRoot,
    /// Two-thirds power, which takes the skewness out of a Poisson count.
    TwoThirds,
}

/// How the upper bound follows from the fitted mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoundMethod {
    /// Normal bound on the transformed scale with the variance of the prediction.
    Delta(PowerTransform),
    /// Quantile of the negative binomial with the fitted mean and variance dispersion x mean.
    NegativeBinomial,
    /// The same with the upper confidence limit of the mean in place of the mean (Muan).
    NegativeBinomialUpperMean,
}

/// Whose arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FarringtonMode {
    /// Iterated to convergence, one dispersion throughout, score on the scale of counts.
    Textbook,
    /// Equal to `algo.farrington` of the R package surveillance: stops where R stops.
    CompatOriginal,
    /// Equal to `farringtonFlexible` of the R package surveillance: stops where R stops, replaces the working
    /// weights by the prior weights when reweighting, and scores against the logarithm of the mean.
    CompatFlexible,
}

/// Settings of the algorithm; start from one of the two constructors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FarringtonSettings {
    /// Years of reference data, b.
    pub years_back: usize,
    /// Periods on either side of the same week that count as reference, w.
    pub half_window: usize,
    /// Whether earlier outbreaks are down-weighted.
    pub reweight: bool,
    /// Standardised Anscombe residual above which a period is down-weighted.
    pub weights_threshold: f64,
    /// Probability of a false alarm per period.
    pub alpha: f64,
    /// Whether `alpha` is split over two sides, as in 1996.
    pub is_alpha_two_sided: bool,
    /// Whether a linear time trend may enter.
    pub trend: bool,
    /// The trend is kept only if its p-value is below this; 1 keeps it whenever the other two rules allow.
    pub trend_p_max: f64,
    /// Periods, this one included, that together need at least `recent_cases_min` cases.
    pub recent_periods: usize,
    /// Cases needed in the last `recent_periods`; below it there is no bound and no alarm.
    pub recent_cases_min: f64,
    /// Levels of the seasonal factor, noPeriods; 1 for reference windows only.
    pub seasonal_levels: usize,
    /// Periods just before this one that are left out, so that an outbreak under way does not hide itself.
    pub periods_excluded: usize,
    /// How the bound is found.
    pub bound: BoundMethod,
    /// Whose arithmetic.
    pub mode: FarringtonMode,
}

impl FarringtonSettings {
    /// Farrington et al. 1996: five years, three weeks on either side, 2/3 power, two-sided 5 %.
    pub fn original_1996() -> Self {
        Self {
            years_back: 5,
            half_window: 3,
            reweight: true,
            weights_threshold: 1.0,
            alpha: 0.05,
            is_alpha_two_sided: true,
            trend: true,
            trend_p_max: 0.05,
            recent_periods: 4,
            recent_cases_min: 5.0,
            seasonal_levels: 1,
            periods_excluded: 0,
            bound: BoundMethod::Delta(PowerTransform::TwoThirds),
            mode: FarringtonMode::Textbook,
        }
    }

    /// Noufaily et al. 2013: ten-level season, trend always, 26 weeks left out, negative binomial bound at 0.5 %.
    pub fn noufaily_2013() -> Self {
        Self {
            weights_threshold: 2.58,
            alpha: 0.005,
            is_alpha_two_sided: false,
            trend_p_max: 1.0,
            seasonal_levels: 10,
            periods_excluded: 26,
            bound: BoundMethod::NegativeBinomial,
            ..Self::original_1996()
        }
    }

    fn check(&self) -> Result<(), EpiError> {
        require_probability("alpha", self.alpha)?;
        require("years_back", self.years_back as f64, "at least 1", self.years_back >= 1)?;
        require("trend_p_max", self.trend_p_max, "from 0 to 1", (0.0..=1.0).contains(&self.trend_p_max))?;
        require_positive("weights_threshold", self.weights_threshold)?;
        require("recent_cases_min", self.recent_cases_min, "0 or more", self.recent_cases_min >= 0.0)?;
        let levels_ok = (1..=250).contains(&self.seasonal_levels);
        require("seasonal_levels", self.seasonal_levels as f64, "from 1 to 250", levels_ok)
    }
}

/// A series with the marks of the year.
#[derive(Debug, Clone, Copy)]
pub struct SeasonalSeries<'a> {
    /// Persons per period, oldest first.
    pub counts: &'a Counts,
    /// 52 for weeks, 12 for months, 365 for days.
    pub periods_per_year: usize,
    /// First day of each period. With it "the same week of an earlier year" goes by the calendar and not by counting
    /// back 52 weeks, which drifts by a day or two a year.
    pub dates: Option<&'a [Date]>,
    /// Persons under surveillance per period: enters as an offset.
    pub population: Option<&'a [f64]>,
}

/// Why a row has no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoBound {
    /// Too few cases in the last periods: an alarm would not be worth anybody's time.
    TooFewRecentCases,
    /// The regression did not settle, even without trend.
    NotConverged,
    /// The extrapolation left the range of counts (above 1e12): a trend carried on from sparse data.
    Exploded,
}

/// One judged period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FarringtonRow {
    /// Place in the series, from 0.
    pub position: usize,
    /// Fitted mean; persons. `None` only with [`NoBound::NotConverged`] or [`NoBound::Exploded`].
    pub expected: Option<f64>,
    /// Mean of the distribution that gives the bound: `expected`, or its upper limit for
    /// [`BoundMethod::NegativeBinomialUpperMean`].
    pub bound_mean: Option<f64>,
    /// Count above which the period is an alarm; `None` with the reason under `no_bound`.
    pub upper_bound: Option<f64>,
    /// Why there is no bound.
    pub no_bound: Option<NoBound>,
    /// Whether the count is above the bound.
    pub is_alarm: bool,
    /// (y - expected) / (bound - expected): above 1 is an exceedance. In [`FarringtonMode::CompatFlexible`] with a
    /// negative binomial bound `expected` enters as its logarithm. Given also where recent cases are too few.
    pub score: Option<f64>,
    /// Probability of a count as high as this one, or higher, without an outbreak.
    pub p_value: Option<f64>,
    /// Dispersion: variance over mean, at least 1.
    pub dispersion: Option<f64>,
    /// Slope of the logarithm of the mean per period; `None` where the trend was left out.
    pub trend_per_period: Option<f64>,
}

/// Judges the periods of a series against the same weeks of earlier years.
///
/// 1. Reference set: periods within `half_window` of the same week in each of `years_back` years. With
///    `seasonal_levels` p > 1 everything since the oldest of them is used with a p-level factor, in which the weeks
///    around the same week share one level.
/// 2. Quasi-Poisson log-linear regression on the factor and, if `trend`, time. Dispersion φ = max(1, Σ W r² / (n - p)).
/// 3. If `reweight`: weights ω = γ s^-2 where the Anscombe residual s = 1.5 (y^(2/3) μ^(-1/6) - μ^(1/2)) /
///    √(φ (1 - h)) exceeds `weights_threshold`, else γ; Σ ω = n. Fit again.
/// 4. The trend stays only if p < `trend_p_max`, there are three years or more, and the prediction is not above every
///    reference count; else fit again without.
/// 5. Bound as in [`BoundMethod`], with τ = φ + se²/μ0 for the delta method.
///
/// - `series`: counts with frequency, dates and population.
/// - `positions`: places to judge, from 0; each needs `years_back` years and `half_window` periods before it.
/// - returns: one row per position, in the order given.
///
/// # Errors
/// [`EpiError::SeriesTooShort`] when a position has not enough history, [`EpiError::PositionOutside`],
/// [`EpiError::LengthsDiffer`], [`EpiError::InvalidSetting`].
/// # Limits
/// Reports still to come make the last weeks look quiet: nowcast first. Below about one case a week the trend is often
/// extrapolated beyond reason; such rows come back with [`NoBound::Exploded`].
/// # Source
/// Farrington, Andrews, Beale and Catchpole 1996, JRSS A 159:547-563, doi:10.2307/2983331; Noufaily et al. 2013, Stat
/// Med 32:1206-1222, doi:10.1002/sim.5595; Salmon, Schumacher and Höhle 2016, J Stat Softw 70(10),
/// doi:10.18637/jss.v070.i10. Checked against surveillance 1.20.3: families `farrington`, `farrington_flexible`.
pub fn farrington(
    series: &SeasonalSeries<'_>,
    settings: &FarringtonSettings,
    positions: &[usize],
) -> Result<Vec<FarringtonRow>, EpiError> {
    settings.check()?;
    check_series(series)?;
    let window = 2 * settings.half_window + 1;
    require("half_window", settings.half_window as f64, "less than half a year", window <= series.periods_per_year)?;
    let first = earliest_position(series, settings);
    let table = SeriesTable::new(series, settings, positions);
    let mut weeks = ReferenceWeeks::default();
    let mut glm = Glm::default();
    let mut rows = Vec::with_capacity(positions.len());
    for &position in positions {
        if position >= series.counts.len() {
            return Err(EpiError::PositionOutside { position: position + 1, periods: series.counts.len() });
        }
        if position < first || !weeks.select(series, &table, settings, position) {
            let need = first.max(position + 1) + 1;
            return Err(EpiError::SeriesTooShort { have: position + 1, need, what: "Farrington's algorithm" });
        }
        rows.push(judge_position(series, settings, position, &weeks, &mut glm));
    }
    Ok(rows)
}

/// The first place, from 0, of a series that [`farrington`] can judge with these settings.
pub fn first_judged_position(series: &SeasonalSeries<'_>, settings: &FarringtonSettings) -> usize {
    earliest_position(series, settings)
}

fn judge_position(
    series: &SeasonalSeries<'_>,
    settings: &FarringtonSettings,
    position: usize,
    weeks: &ReferenceWeeks,
    glm: &mut Glm,
) -> FarringtonRow {
    let y = series.counts.as_slice();
    let recent: f64 = y[(position + 1).saturating_sub(settings.recent_periods)..=position].iter().sum();
    let Some(fit) = fit_with_trend_rule(settings, weeks, glm) else {
        return unjudged(position, NoBound::NotConverged);
    };
    judge(settings, position, y[position], recent, &fit)
}

/// Steps 2 to 4: with trend first, without where the trend does not earn its place.
fn fit_with_trend_rule(settings: &FarringtonSettings, weeks: &ReferenceWeeks, glm: &mut Glm) -> Option<Fit> {
    if settings.trend
        && let Some(fit) = glm.fit(weeks, settings, true)
    {
        let largest = weeks.counts.iter().copied().fold(0.0, f64::max);
        // Without a degree of freedom there is no p-value; at a limit of 1 the trend then stays. A slope of 0 has p = 1.
        let is_significant =
            fit.trend_p < settings.trend_p_max || (fit.trend_p.is_nan() && settings.trend_p_max >= 1.0);
        if is_significant && settings.years_back >= 3 && fit.mean <= largest {
            return Some(fit);
        }
    }
    glm.fit(weeks, settings, false)
}

fn unjudged(position: usize, reason: NoBound) -> FarringtonRow {
    FarringtonRow {
        position,
        expected: None,
        bound_mean: None,
        upper_bound: None,
        no_bound: Some(reason),
        is_alarm: false,
        score: None,
        p_value: None,
        dispersion: None,
        trend_per_period: None,
    }
}

fn check_series(series: &SeasonalSeries<'_>) -> Result<(), EpiError> {
    let periods = series.counts.len();
    let per_year = series.periods_per_year;
    require("periods_per_year", per_year as f64, "from 2 to 366", (2..=366).contains(&per_year))?;
    if let Some(dates) = series.dates {
        if dates.len() != periods {
            let (left, right) = ("The list of dates", "the series");
            return Err(EpiError::LengthsDiffer { left, left_len: dates.len(), right, right_len: periods });
        }
        dates.windows(2).try_for_each(|pair| check_step(pair[0], pair[1], per_year))?;
    }
    if let Some(population) = series.population {
        if population.len() != periods {
            let (left, right) = ("The population", "the series");
            return Err(EpiError::LengthsDiffer { left, left_len: population.len(), right, right_len: periods });
        }
        for &persons in population {
            require_positive("population", persons)?;
        }
    }
    Ok(())
}

/// Dates ascend; weeks and days also keep their step, else the same week of an earlier year may be missing.
fn check_step(before: Date, found: Date, periods_per_year: usize) -> Result<(), EpiError> {
    if found == before {
        return Err(EpiError::DuplicateDate { on: found });
    }
    let days = match periods_per_year {
        52 => 7,
        365 => 1,
        _ if found > before => return Ok(()),
        _ => 1,
    };
    let expected = before.saturating_add(Span::new().days(days));
    if found == expected { Ok(()) } else { Err(EpiError::GapInDates { before, expected, found }) }
}
