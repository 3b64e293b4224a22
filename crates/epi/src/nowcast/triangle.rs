//! The reporting triangle: events by day of happening and delay of the report.

use jiff::civil::Date;

use crate::error::{EpiError, require};

/// Events by event day (rows, oldest first) and delay in days (columns 0 to D); the last column holds D and longer.
///
/// The last row is the day of the nowcast. A cell is known when event day + delay is not after that day.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportingTriangle {
    cells: Vec<Vec<f64>>,
    delay_max: usize,
}

/// Which event days teach the delay distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DelayWindow {
    /// All of them.
    All,
    /// The last m days and the day of the nowcast (Höhle and an der Heiden): few days for long delays.
    LastDays(usize),
    /// For delay x the m + 1 youngest days that have shown it (Lawless).
    LaggedDays(usize),
}

/// What the triangle says about one delay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DelayCounts {
    /// n_x: events with delay x.
    pub with_delay: f64,
    /// N_x: events with delay x or less, over the same event days.
    pub up_to_delay: f64,
}

impl ReportingTriangle {
    /// Checks a table with one row per event day and one column per delay from 0 to D.
    ///
    /// # Errors
    /// [`EpiError::LengthsDiffer`] for rows of different length, [`EpiError::MissingCount`] for a known cell without
    /// value, [`EpiError::NegativeCount`] and [`EpiError::FractionalCount`], [`EpiError::InvalidSetting`] for a value in
    /// a cell that cannot be known yet, [`EpiError::SeriesTooShort`] for no row or no column. Positions in messages are
    /// rows.
    pub fn new(rows: &[Vec<Option<f64>>]) -> Result<Self, EpiError> {
        let columns = rows.first().map_or(0, Vec::len);
        if columns == 0 {
            return Err(EpiError::SeriesTooShort { have: 0, need: 1, what: "a reporting triangle" });
        }
        let checked = rows.iter().enumerate().map(|(t, row)| check_row(row, t, rows.len(), columns));
        Ok(Self { cells: checked.collect::<Result<_, _>>()?, delay_max: columns - 1 })
    }

    /// Builds the triangle from a line list of (event, report) days as known on `now`.
    ///
    /// Reports after `now` are not known yet and left out; events before `first` are left out; delays beyond
    /// `delay_max` go into the last column.
    ///
    /// # Errors
    /// [`EpiError::InvalidSetting`] for a report before its event, or `now` before `first`.
    pub fn from_line_list(events: &[(Date, Date)], first: Date, now: Date, delay_max: usize) -> Result<Self, EpiError> {
        let days = |from: Date, to: Date| from.duration_until(to).as_hours() / 24;
        let span = days(first, now);
        require("days from first to now", span as f64, "0 or more", span >= 0)?;
        let mut cells: Vec<Vec<f64>> =
            (0..=span as usize).map(|t| vec![0.0; known_columns(t, span as usize + 1, delay_max + 1)]).collect();
        for &(event, report) in events {
            let delay = days(event, report);
            require("reporting delay in days", delay as f64, "0 or more: no report before its event", delay >= 0)?;
            if event >= first && report <= now {
                let (row, column) = (days(first, event) as usize, (delay as usize).min(delay_max));
                // A long delay is not complete before its row is: until then it is not in the last column.
                if let Some(cell) = cells[row].get_mut(column) {
                    *cell += 1.0;
                }
            }
        }
        Ok(Self { cells, delay_max })
    }

    /// The longest delay, D; days.
    pub fn delay_max(&self) -> usize {
        self.delay_max
    }

    /// Number of event days.
    pub fn days(&self) -> usize {
        self.cells.len()
    }

    /// Events of a day known so far.
    pub fn observed(&self, day: usize) -> f64 {
        self.cells[day].iter().sum()
    }

    /// Days since an event day: the longest delay that it has shown.
    pub fn age(&self, day: usize) -> usize {
        self.days() - 1 - day
    }

    /// Event days that are not complete yet, oldest first, with the youngest complete one before them.
    pub fn open_days(&self) -> std::ops::Range<usize> {
        self.days().saturating_sub(self.delay_max + 1)..self.days()
    }

    /// Events with delay x and up to delay x, for x = 0..=D, over the event days of the window that have shown x.
    pub fn delay_counts(&self, window: DelayWindow) -> Vec<DelayCounts> {
        (0..=self.delay_max).map(|x| self.counts_of(x, window)).collect()
    }

    /// Known events with cumulated delays: C_{t,x}, or None where not known yet.
    pub(super) fn cumulated(&self, day: usize, delay: usize) -> Option<f64> {
        self.cells[day].get(..=delay).map(|cells| cells.iter().sum())
    }

    fn counts_of(&self, x: usize, window: DelayWindow) -> DelayCounts {
        let now = self.days() - 1;
        let first = match window {
            DelayWindow::All => 0,
            DelayWindow::LastDays(m) => now.saturating_sub(m),
            DelayWindow::LaggedDays(m) => now.saturating_sub(m + x),
        };
        let last = (now + 1).saturating_sub(x);
        let days = || self.cells.iter().take(last).skip(first);
        DelayCounts {
            with_delay: days().map(|row| row[x]).sum(),
            up_to_delay: days().map(|row| row[..=x].iter().sum::<f64>()).sum(),
        }
    }
}

/// Columns of a row that can be known on the day of the nowcast.
fn known_columns(t: usize, days: usize, columns: usize) -> usize {
    (days - t).min(columns)
}

fn check_row(row: &[Option<f64>], t: usize, days: usize, columns: usize) -> Result<Vec<f64>, EpiError> {
    if row.len() != columns {
        let (left, right) = ("A row of the triangle", "its first row");
        return Err(EpiError::LengthsDiffer { left, left_len: row.len(), right, right_len: columns });
    }
    let known = known_columns(t, days, columns);
    if let Some(value) = row[known..].iter().flatten().next() {
        let rule = "empty: that delay cannot have been seen on the day of the nowcast";
        return Err(EpiError::InvalidSetting { name: "cell of the triangle", value: *value, rule });
    }
    row[..known].iter().map(|cell| check_cell(*cell, t + 1)).collect()
}

fn check_cell(cell: Option<f64>, position: usize) -> Result<f64, EpiError> {
    match cell {
        None => Err(EpiError::MissingCount { position }),
        Some(value) if !value.is_finite() => Err(EpiError::MissingCount { position }),
        Some(value) if value < 0.0 => Err(EpiError::NegativeCount { position, value }),
        Some(value) if value.fract() != 0.0 => Err(EpiError::FractionalCount { position, value }),
        Some(value) => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_line_list_gives_the_triangle_that_one_would_draw() {
        let day = |d: i8| date(2024, 5, d);
        let events = [(day(1), day(1)), (day(1), day(4)), (day(2), day(3)), (day(3), day(3)), (day(3), day(9))];
        let triangle = ReportingTriangle::from_line_list(&events, day(1), day(4), 2).unwrap();
        let drawn = ReportingTriangle::new(&[
            vec![Some(1.0), Some(0.0), Some(1.0)],
            vec![Some(0.0), Some(1.0), Some(0.0)],
            vec![Some(1.0), Some(0.0), None],
            vec![Some(0.0), None, None],
        ]);
        assert_eq!(triangle, drawn.unwrap());
    }

    #[test]
    fn a_value_from_the_future_is_refused() {
        let rows = [vec![Some(1.0), Some(2.0)], vec![Some(1.0), Some(2.0)]];
        assert!(matches!(ReportingTriangle::new(&rows), Err(EpiError::InvalidSetting { .. })));
    }

    #[test]
    fn a_hole_in_the_known_part_is_refused() {
        let rows = [vec![Some(1.0), None], vec![Some(1.0), None]];
        assert_eq!(ReportingTriangle::new(&rows), Err(EpiError::MissingCount { position: 1 }));
    }

    #[test]
    fn a_report_before_its_event_is_refused() {
        let events = [(date(2024, 5, 2), date(2024, 5, 1))];
        assert!(ReportingTriangle::from_line_list(&events, date(2024, 5, 1), date(2024, 5, 3), 2).is_err());
    }
}
