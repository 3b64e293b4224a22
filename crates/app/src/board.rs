//! The board (态势): what is counted for a division, at one moment, by the same conditions as the lists behind it.

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
/// For those who publish, a count from one to less than this is hidden.
const SMALL_CELL: u64 = 5;

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
    /// Counties with infections, most first.
    pub counties: Vec<CountyLine>,
}

impl Board {
    /// The count of a figure.
    pub fn figure(&self, group: Group) -> Count {
        self.figures.iter().find(|(of, _)| *of == group).and_then(|(_, count)| *count)
    }
}

/// The four earlies with their groups and targets, percent. The limits are in the groups' conditions; targets are this
/// project's defaults after `docs/methods/four-earlies.md`.
const EARLIES: [(&str, Group, Group, u64); 4] = [
    ("detection", Group::DetectionAll, Group::DetectionLate, 80),
    ("report", Group::ReportAll, Group::ReportLate, 100),
    ("isolation", Group::IsolationAll, Group::IsolationLate, 95),
    ("treatment", Group::TreatmentAll, Group::TreatmentLate, 95),
];

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
    pub async fn board(&self, actor: &Actor, of: Option<DivisionCode>) -> Result<Board, AppError> {
        let purpose = usual_purpose(actor, Action::ViewBoard)?;
        let scope = Scope::of(actor, Action::ViewBoard, purpose)?;
        let scope = of.map_or(Ok(scope), |division| scope.narrowed(division))?;
        let within = scope.division();
        let at = self.now();
        let today = at.day();
        let hides = purpose == Purpose::Statistics;
        let shown = |count: u64| (!hides || count == 0 || count >= SMALL_CELL).then_some(count);
        let filter = |group| PeopleFilter { within, group, now: at, today };
        let mut figures = Vec::new();
        for group in FIGURES {
            figures.push((group, shown(self.store().count_group(filter(group)).await?)));
        }
        let mut earlies = Vec::new();
        for (name, all, late, target_percent) in EARLIES {
            let counts = Earlies {
                all: self.store().count_group(filter(all)).await?,
                late: self.store().count_group(filter(late)).await?,
            };
            let small = hides && counts.all < SMALL_CELL;
            let in_time_percent = (counts.all > 0 && !small).then(|| (counts.all - counts.late) * 100 / counts.all);
            earlies.push(Early { name, all, late, counts, in_time_percent, target_percent });
        }
        let first = today.plus_days(1 - CURVE_DAYS);
        let counted = self.store().infections_by_day(within, first, today).await?;
        let curve = (0..CURVE_DAYS).map(|n| first.plus_days(n)).map(|day| {
            let none = DayCount { day, confirmed: 0, asymptomatic: 0 };
            let found = counted.iter().find(|count| count.day == day).copied().unwrap_or(none);
            if hides && shown(found.confirmed + found.asymptomatic).is_none() { none } else { found }
        });
        let curve = curve.collect();
        let line =
            |place: PlaceCount| CountyLine { county: place.county, week: shown(place.week), day: shown(place.day) };
        let counties = self.store().infections_by_county(within, today).await?.into_iter().map(line).collect();
        Ok(Board { within, at, today, opens: !hides, figures, earlies, curve, counties })
    }
}
