//! The board (态势): what is counted for a division, at one moment, by the same conditions as the lists behind it.

mod small;

use std::sync::Arc;

use serde::Deserialize;
use sizao_model::{CivilDay, DivisionCode, Instant};
pub use sizao_store::{CourseFilter as Group, DayCount};
use sizao_store::{Earlies, PeopleFilter, PlaceCount};

use crate::{
    App, AppError,
    authorization::{Action, Purpose, Scope, usual_purpose},
    identity::Actor,
};

/// Days on the curve.
pub const CURVE_DAYS: i32 = 28;
/// A number; none when it is hidden because it is small.
pub type Count = Option<u64>;

/// One of the four earlies (四早): how many were in time, against its target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Early {
    /// Which, as a word.
    pub name: &'static str,
    /// Everybody whom the clock concerns.
    pub all: Group,
    /// Those who were late.
    pub late: Group,
    /// Their numbers.
    pub counts: Earlies,
    /// Share in time, percent; none when it concerns nobody.
    pub in_time_percent: Option<u64>,
    /// What the share should be at least, percent.
    pub target_percent: u64,
}

impl Early {
    /// Whether the target is missed.
    pub fn is_missed(&self) -> bool {
        self.in_time_percent.is_some_and(|share| share < self.target_percent)
    }
}

/// Infections of a county.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountyLine {
    /// Which.
    pub county: DivisionCode,
    /// In seven days.
    pub week: Count,
    /// On the last of them.
    pub day: Count,
}

/// All that a board shows.
#[derive(Clone, Debug)]
pub struct Board {
    /// For which division.
    pub within: DivisionCode,
    /// When it was computed, by the clock of the data.
    pub at: Instant,
    /// The day of that moment.
    pub today: CivilDay,
    /// Whether numbers open their rows: not for those who see sums alone.
    pub opens: bool,
    /// The figures, in their order.
    pub figures: Vec<(Group, Count)>,
    /// The four earlies.
    pub earlies: Vec<Early>,
    /// Infections by day of record, every day of the curve.
    pub curve: Vec<DayCount>,
    /// Days of the curve whose numbers are hidden; they stand there as zero.
    pub hidden_days: Vec<CivilDay>,
    /// Counties with infections, most first.
    pub counties: Vec<CountyLine>,
}

impl Board {
    /// Whether a day's numbers are hidden.
    pub fn is_hidden(&self, day: CivilDay) -> bool {
        self.hidden_days.contains(&day)
    }

    /// The count of a figure.
    pub fn figure(&self, group: Group) -> Count {
        self.figures.iter().find(|(of, _)| *of == group).and_then(|(_, count)| *count)
    }
}

/// The four earlies with their groups; the limits are in the groups' conditions.
const EARLIES: [(&str, Group, Group); 4] = [
    ("detection", Group::DetectionAll, Group::DetectionLate),
    ("report", Group::ReportAll, Group::ReportLate),
    ("isolation", Group::IsolationAll, Group::IsolationLate),
    ("treatment", Group::TreatmentAll, Group::TreatmentLate),
];

/// Targets of the four earlies that come with the program.
const TARGETS: &str = include_str!("../data/targets.toml");

/// What share of each of the four earlies should be in time, percent: a setting of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Targets {
    /// Early detection.
    pub detection: u64,
    /// Early report.
    pub report: u64,
    /// Early isolation.
    pub isolation: u64,
    /// Early treatment.
    pub treatment: u64,
}

impl Default for Targets {
    fn default() -> Self {
        Self::parse(TARGETS).expect("the targets that come with the program can be read")
    }
}

impl Targets {
    /// Reads a file of targets.
    ///
    /// # Errors
    /// What is wrong with it, with line and column, and how to mend it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let read: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        let all = [
            ("detection", read.detection),
            ("report", read.report),
            ("isolation", read.isolation),
            ("treatment", read.treatment),
        ];
        match all.iter().find(|(_, share)| *share > 100) {
            Some((name, share)) => Err(format!("{name} = {share}: a share is 0 to 100 percent. Correct it")),
            None => Ok(read),
        }
    }

    const fn all(self) -> [u64; 4] {
        [self.detection, self.report, self.isolation, self.treatment]
    }
}

/// Figures on the board.
const FIGURES: [Group; 7] = [
    Group::New24h,
    Group::Confirmed7d,
    Group::Asymptomatic7d,
    Group::InCommunity7d,
    Group::UnderMeasures,
    Group::ChangingSoon,
    Group::DueNotReleased,
];

pub use sizao_interop::{Cell, Sheet};

/// Tables as a workbook.
///
/// # Errors
/// [`AppError::Stopped`] when a text is longer than a cell.
pub fn workbook(sheets: &[Sheet]) -> Result<Vec<u8>, AppError> {
    sizao_interop::workbook(sheets).map_err(|_| AppError::Stopped("a workbook could not be written"))
}

impl App {
    /// The board of the actor's division, or of one under it.
    ///
    /// # Errors
    /// [`Refusal`](crate::Refusal), [`AppError::Store`].
    pub async fn board(&self, actor: &Actor, of: Option<DivisionCode>) -> Result<Arc<Board>, AppError> {
        let purpose = usual_purpose(actor, Action::ViewBoard)?;
        let scope = Scope::of(actor, Action::ViewBoard, purpose)?;
        let scope = of.map_or(Ok(scope), |division| scope.narrowed(division))?;
        let within = scope.division();
        let at = self.now();
        let today = at.day();
        let hides = purpose == Purpose::Statistics;
        let stand = self.store().stand().await?;
        if let Some(board) = self.boards.get(&(within, hides), at, stand) {
            return Ok(board);
        }
        let filter = |group| PeopleFilter { within, group, now: at, today };
        let mut figures = Vec::new();
        let mut largest = 0;
        for group in FIGURES {
            let count = self.store().count_group(filter(group)).await?;
            largest = largest.max(count);
            figures.push((group, count));
        }
        let figures = hides_small(figures, hides);
        let mut earlies = Vec::new();
        for ((name, all, late), target_percent) in EARLIES.into_iter().zip(self.targets().all()) {
            let counts = Earlies {
                all: self.store().count_group(filter(all)).await?,
                late: self.store().count_group(filter(late)).await?,
            };
            let small = hides && small::is_small(counts.all);
            let in_time_percent = (counts.all > 0 && !small).then(|| (counts.all - counts.late) * 100 / counts.all);
            earlies.push(Early { name, all, late, counts, in_time_percent, target_percent });
        }
        let first = today.plus_days(1 - CURVE_DAYS);
        let counted = self.store().infections_by_day(within, first, today).await?;
        let mut curve: Vec<DayCount> = (0..CURVE_DAYS)
            .map(|n| first.plus_days(n))
            .map(|day| {
                let none = DayCount { day, confirmed: 0, asymptomatic: 0 };
                counted.iter().find(|count| count.day == day).copied().unwrap_or(none)
            })
            .collect();
        let hidden_days = if hides { hide_days(&mut curve) } else { Vec::new() };
        let counties = county_lines(self.store().infections_by_county(within, today).await?, hides);
        let board =
            Arc::new(Board { within, at, today, opens: !hides, figures, earlies, curve, hidden_days, counties });
        self.boards.put((within, hides), at, stand, largest, board.clone());
        Ok(board)
    }
}

/// Figures for a reader: of confirmed and asymptomatic both are hidden where one is, for the counties tell their sum.
fn hides_small(figures: Vec<(Group, u64)>, hides: bool) -> Vec<(Group, Count)> {
    let split = [Group::Confirmed7d, Group::Asymptomatic7d];
    let one_small = figures.iter().any(|(group, count)| split.contains(group) && small::is_small(*count));
    let hidden = |group: Group, count: u64| {
        hides && (small::is_small(count) || (one_small && count > 0 && split.contains(&group)))
    };
    figures.into_iter().map(|(group, count)| (group, (!hidden(group, count)).then_some(count))).collect()
}

/// Takes the numbers of small days out of a curve; those days. A day goes when one of its two parts is small.
fn hide_days(curve: &mut [DayCount]) -> Vec<CivilDay> {
    let sums: Vec<u64> = curve.iter().map(|day| day.confirmed + day.asymptomatic).collect();
    let hidden = small::hidden(&sums);
    let mut days = Vec::new();
    for (day, hidden) in curve.iter_mut().zip(hidden) {
        if hidden || small::is_small(day.confirmed) || small::is_small(day.asymptomatic) {
            days.push(day.day);
            (day.confirmed, day.asymptomatic) = (0, 0);
        }
    }
    days
}

fn county_lines(places: Vec<PlaceCount>, hides: bool) -> Vec<CountyLine> {
    let none = vec![false; places.len()];
    let of = |value: fn(&PlaceCount) -> u64| {
        if hides { small::hidden(&places.iter().map(value).collect::<Vec<_>>()) } else { none.clone() }
    };
    let (weeks, days) = (of(|place| place.week), of(|place| place.day));
    let line = |(place, (week, day)): (&PlaceCount, (&bool, &bool))| CountyLine {
        county: place.county,
        week: (!week).then_some(place.week),
        day: (!(*day || (*week && place.day > 0))).then_some(place.day),
    };
    places.iter().zip(weeks.iter().zip(&days)).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_lets_no_small_number_be_computed() {
        let figures = vec![(Group::New24h, 7), (Group::Confirmed7d, 20), (Group::Asymptomatic7d, 3)];
        let shown = hides_small(figures.clone(), true);
        assert_eq!(shown, [(Group::New24h, Some(7)), (Group::Confirmed7d, None), (Group::Asymptomatic7d, None)]);
        assert!(hides_small(figures, false).iter().all(|(_, count)| count.is_some()));
        let place = |code, week, day| PlaceCount { county: DivisionCode::parse(code).unwrap(), week, day };
        let places = vec![place("410102", 12, 6), place("410103", 3, 1), place("410104", 8, 0)];
        let lines: Vec<_> = county_lines(places, true).iter().map(|line| (line.week, line.day)).collect();
        assert_eq!(lines, [(Some(12), None), (None, None), (None, Some(0))], "12 + 8 of 23 would tell the 3");
    }

    #[test]
    fn a_day_is_hidden_with_both_its_parts() {
        let day =
            |date, confirmed, asymptomatic| DayCount { day: CivilDay::parse(date).unwrap(), confirmed, asymptomatic };
        let mut curve =
            vec![day("2022-03-14", 9, 8), day("2022-03-15", 10, 1), day("2022-03-16", 2, 0), day("2022-03-17", 0, 0)];
        let hidden = hide_days(&mut curve);
        assert_eq!(hidden.iter().map(ToString::to_string).collect::<Vec<_>>(), ["2022-03-15", "2022-03-16"]);
        assert_eq!(curve.iter().map(|day| day.confirmed + day.asymptomatic).collect::<Vec<_>>(), [17, 0, 0, 0]);
    }

    #[test]
    fn targets_are_read_and_wrong_ones_say_what_is_wrong() {
        assert_eq!(Targets::default().all(), [80, 100, 95, 95]);
        let wrong = "detection = 80\nreport = 101\nisolation = 95\ntreatment = 95";
        assert!(Targets::parse(wrong).unwrap_err().contains("report = 101"));
        assert!(Targets::parse("detection = 80").is_err());
    }
}
