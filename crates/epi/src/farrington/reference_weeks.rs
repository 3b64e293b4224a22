//! Which earlier periods a period is compared with, and the seasonal level of each.

use jiff::Span;
use jiff::civil::Date;

use super::{FarringtonMode, FarringtonSettings, SeasonalSeries};

/// The reference set of one period, in buffers that are used again for the next.
#[derive(Debug, Default)]
pub(super) struct ReferenceWeeks {
    /// Persons per reference period.
    pub(super) counts: Vec<f64>,
    /// log(y + 0.1) of each: where the regression starts.
    pub(super) starts: Vec<f64>,
    /// y log y - y of each: the part of the deviance that does not change.
    pub(super) saturated: Vec<f64>,
    /// y^(2/3) of each.
    pub(super) two_thirds: Vec<f64>,
    /// Time of each; periods from the middle of the set.
    pub(super) times: Vec<f64>,
    /// Persons under surveillance in each, or 1.
    pub(super) exposures: Vec<f64>,
    /// Its logarithm.
    pub(super) offsets: Vec<f64>,
    /// Stretches of neighbouring periods of one level.
    pub(super) runs: Vec<Run>,
    /// Number of levels in use.
    pub(super) level_count: usize,
    /// Time of the judged period.
    pub(super) time_now: f64,
    /// Logarithm of its population, or 0.
    pub(super) offset_now: f64,
    anchors: Vec<usize>,
    indices: Vec<usize>,
    levels: Vec<u8>,
}

/// Periods `from..to` of the set: neighbours, of one level, and equally far apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) from: usize,
    pub(super) to: usize,
    /// Seasonal level; 0 is the level of the judged period.
    pub(super) level: usize,
    /// Time from one period to the next.
    pub(super) step: f64,
}

/// What is computed once for a series and serves every position.
#[derive(Debug)]
pub(super) struct SeriesTable {
    first: usize,
    starts: Vec<f64>,
    saturated: Vec<f64>,
    two_thirds: Vec<f64>,
    times: Vec<f64>,
    offsets: Vec<f64>,
}

impl SeriesTable {
    /// Covers what the positions can refer to.
    pub(super) fn new(series: &SeasonalSeries<'_>, settings: &FarringtonSettings, positions: &[usize]) -> Self {
        let reach = settings.years_back * (series.periods_per_year + 1) + settings.half_window + 1;
        let end = positions.iter().max().map_or(0, |last| last + 1).min(series.counts.len());
        let first = positions.iter().min().map_or(0, |first| first.saturating_sub(reach)).min(end);
        let y = &series.counts.as_slice()[first..end];
        let saturated = |y: &f64| if *y > 0.0 { y * y.ln() - y } else { 0.0 };
        let offset = |i: usize| series.population.map_or(0.0, |population| population[i].ln());
        Self {
            first,
            starts: y.iter().map(|y| (y + 0.1).ln()).collect(),
            saturated: y.iter().map(saturated).collect(),
            two_thirds: y.iter().map(|y| y.cbrt().powi(2)).collect(),
            times: (first..end).map(|i| time_between(series, first, i)).collect(),
            offsets: (first..end).map(offset).collect(),
        }
    }
}

/// The first position with a whole reference set, by counting periods.
pub(super) fn earliest_position(series: &SeasonalSeries<'_>, settings: &FarringtonSettings) -> usize {
    let by_count = settings.years_back * series.periods_per_year + settings.half_window;
    match series.dates {
        // By the calendar a year of weeks is 52 or 53: the exact answer comes from looking the dates up.
        Some(dates) => (by_count.saturating_sub(settings.years_back)..dates.len())
            .find(|&position| oldest_anchor(series, settings, position).is_some_and(|a| a >= settings.half_window))
            .unwrap_or(by_count),
        None => by_count,
    }
}

impl ReferenceWeeks {
    /// Fills the buffers for `position`; false when the history does not reach back far enough.
    pub(super) fn select(
        &mut self,
        series: &SeasonalSeries<'_>,
        table: &SeriesTable,
        settings: &FarringtonSettings,
        position: usize,
    ) -> bool {
        self.anchors.clear();
        for years in (1..=settings.years_back).rev() {
            match anchor(series, position, years) {
                Some(index) if index >= settings.half_window => self.anchors.push(index),
                _ => return false,
            }
        }
        self.anchors.push(position);
        self.indices.clear();
        self.levels.clear();
        self.choose_periods(settings, position);
        self.gather(series, table, position);
        !self.counts.is_empty() && self.levels.contains(&0)
    }

    /// Level 0 around each anchor; with a seasonal factor the gaps between are cut into the other levels.
    fn choose_periods(&mut self, settings: &FarringtonSettings, position: usize) {
        let w = settings.half_window;
        let last = (position + 1).saturating_sub(settings.periods_excluded + 1);
        let blocks = settings.seasonal_levels - 1;
        let mut level_of_first = 0;
        for pair in 0..self.anchors.len() {
            let anchor = self.anchors[pair];
            if anchor < position {
                (anchor - w..=anchor + w).for_each(|index| self.push(index, 0, last));
                if let (Some(place), true) = (self.indices.iter().position(|i| *i == anchor - w), level_of_first > 0) {
                    self.levels[place] = level_of_first;
                }
            } else if blocks > 0 || settings.mode == FarringtonMode::CompatFlexible {
                (anchor.saturating_sub(w)..position).for_each(|index| self.push_new(index, last));
            }
            let next = self.anchors.get(pair + 1).copied();
            if let (Some(next), true) = (next, blocks > 0) {
                let (from, to) = (anchor + w + 1, next.saturating_sub(w));
                let length = to.saturating_sub(from);
                let (size, rest) = (length / blocks, length % blocks);
                let mut index = from;
                for block in 0..blocks {
                    let end = index + size + usize::from(block < rest);
                    (index..end).for_each(|i| self.push(i, block as u8 + 1, last));
                    index = end;
                }
                // Where there are more blocks than periods, the package lets the last block, which is empty, take the last
                // period of the gap and the first of the window after it.
                let takes_more = settings.mode == FarringtonMode::CompatFlexible && (1..blocks).contains(&length);
                level_of_first = if takes_more { blocks as u8 } else { 0 };
                if takes_more && self.indices.last() == Some(&(to - 1)) {
                    self.levels.last_mut().into_iter().for_each(|level| *level = level_of_first);
                }
            }
        }
    }

    fn push(&mut self, index: usize, level: u8, end: usize) {
        if index < end {
            self.indices.push(index);
            self.levels.push(level);
        }
    }

    /// The periods just before now belong to the level of now, where a factor is used (the R package takes them in without
    /// one as well) and they are not left out.
    fn push_new(&mut self, index: usize, end: usize) {
        if self.indices.last().is_none_or(|&last| index > last) {
            self.push(index, 0, end);
        }
    }

    fn gather(&mut self, series: &SeasonalSeries<'_>, table: &SeriesTable, position: usize) {
        let shift = table.first;
        let copy = |from: &[f64], to: &mut Vec<f64>| {
            to.clear();
            to.extend(self.indices.iter().map(|&i| from[i - shift]));
        };
        copy(&series.counts.as_slice()[shift..], &mut self.counts);
        copy(&table.starts, &mut self.starts);
        copy(&table.saturated, &mut self.saturated);
        copy(&table.two_thirds, &mut self.two_thirds);
        copy(&table.times, &mut self.times);
        copy(&table.offsets, &mut self.offsets);
        let exposure = |i: &usize| series.population.map_or(1.0, |population| population[*i]);
        self.exposures.clear();
        self.exposures.extend(self.indices.iter().map(exposure));
        // Times from the middle keep the digits of sums of squares.
        let middle = self.times.get(self.times.len() / 2).copied().unwrap_or(0.0);
        self.times.iter_mut().for_each(|time| *time -= middle);
        self.time_now = table.times[position - shift] - middle;
        self.offset_now = table.offsets[position - shift];
        self.level_count = self.levels.iter().map(|&l| usize::from(l) + 1).max().unwrap_or(0);
        self.find_runs();
    }

    fn find_runs(&mut self) {
        self.runs.clear();
        for i in 0..self.indices.len() {
            let level = usize::from(self.levels[i]);
            if let Some(run) = self.runs.last_mut()
                && run.level == level
                && self.indices[i] == self.indices[i - 1] + 1
            {
                let step = self.times[i] - self.times[i - 1];
                if i - run.from == 1 || step == run.step {
                    (run.to, run.step) = (i + 1, step);
                    continue;
                }
            }
            self.runs.push(Run { from: i, to: i + 1, level, step: 0.0 });
        }
    }
}

fn oldest_anchor(series: &SeasonalSeries<'_>, settings: &FarringtonSettings, position: usize) -> Option<usize> {
    anchor(series, position, settings.years_back)
}

/// The period `years` years before `position`: by the calendar where there are dates, else by counting.
fn anchor(series: &SeasonalSeries<'_>, position: usize, years: usize) -> Option<usize> {
    let Some(dates) = series.dates else {
        return position.checked_sub(years * series.periods_per_year);
    };
    let now = dates[position];
    let mut target = same_day_years_back(now, years as i16)?;
    if series.periods_per_year == 52 {
        target = nearest_same_weekday(target, now);
    }
    dates.binary_search(&target).ok()
}

/// The same day of the year; 29 February becomes 1 March in a year without one.
fn same_day_years_back(date: Date, years: i16) -> Option<Date> {
    let year = date.year() - years;
    Date::new(year, date.month(), date.day()).or_else(|_| Date::new(year, 3, 1)).ok()
}

/// The nearest day that is the weekday of `like`.
fn nearest_same_weekday(date: Date, like: Date) -> Date {
    let ahead = i32::from(like.weekday().to_monday_zero_offset()) - i32::from(date.weekday().to_monday_zero_offset());
    // Among the two candidates seven days apart the nearer one; |ahead| is never 3.5.
    let shift = if ahead > 3 {
        ahead - 7
    } else if ahead < -3 {
        ahead + 7
    } else {
        ahead
    };
    date.saturating_add(Span::new().days(shift))
}

/// Time from one period to another, in lengths of the first period; by days, so that months keep their lengths.
fn time_between(series: &SeasonalSeries<'_>, from: usize, to: usize) -> f64 {
    match series.dates {
        Some(dates) if dates.len() > 1 => days_between(dates[from], dates[to]) / days_between(dates[0], dates[1]),
        _ => to as f64 - from as f64,
    }
}

fn days_between(from: Date, to: Date) -> f64 {
    from.duration_until(to).as_hours() as f64 / 24.0
}
