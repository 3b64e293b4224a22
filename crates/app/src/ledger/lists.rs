//! Lists of stays (CSV, Parquet): read row by row, each taken, or refused with its rule; what is odd is named.

use std::{collections::BTreeMap, sync::Arc};

use sizao_model::{DivisionCode, PersonId};
use sizao_presence::Cell;
use sizao_store::hex;

use super::{
    Known, StayEntry, StayReceipt, StayRefusal, Who,
    intake::checked,
    register::{PLAIN, place_words},
};
use crate::{App, AppError};

/// Rows of one transaction.
const CHUNK: usize = 8_192;
/// Refused rows kept one by one.
const REFUSED_MAX: usize = 1_000;
/// More stays of one person in 24 h are named: a shared card or a gate, not a person.
const STAYS_A_DAY_MAX: usize = 500;
/// A place with more stays is named: too coarse a place makes contacts of strangers.
const STAYS_AT_PLACE_MAX: usize = 1_000_000;

/// A list of stays on its way in.
pub struct StayList {
    scope: String,
    division: DivisionCode,
    places: BTreeMap<String, u32>,
    people: BTreeMap<String, PersonId>,
    known_places_only: bool,
    waiting: Vec<(u64, Result<Waiting, StayRefusal>)>,
    report: ListReport,
}

struct Waiting {
    person: String,
    place: String,
    enter_s: u32,
    leave_s: Option<u32>,
}

/// What became of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListReport {
    /// Rows read.
    pub rows: u64,
    /// Rows that are in now.
    pub stored: u64,
    /// Rows that were in before.
    pub repeated: u64,
    /// Rows handed back, by rule.
    pub refused: BTreeMap<&'static str, u64>,
    /// The first of them: row and rule.
    pub examples: Vec<(u64, &'static str)>,
    /// People with more stays in a day than anybody has: how many.
    pub busy_people: u64,
    /// Places with more stays than a place has.
    pub crowded_places: u64,
}

impl StayList {
    /// A list.
    ///
    /// - `sender`: who sends it: their names of people and places mean something with them alone.
    /// - `division`: where places are that are new.
    pub fn new(sender: &str, division: DivisionCode) -> Self {
        Self {
            scope: format!("list:{sender}"),
            division,
            places: BTreeMap::new(),
            people: BTreeMap::new(),
            known_places_only: false,
            waiting: Vec::new(),
            report: ListReport::default(),
        }
    }

    /// Places that are not in the register are refused instead of entered.
    pub fn refuse_unknown_places(mut self) -> Self {
        self.known_places_only = true;
        self
    }

    /// Says who is meant by the sender's name for a person.
    pub fn person_is(&mut self, name: &str, person: PersonId) {
        self.people.insert(name.to_owned(), person);
    }

    /// Takes the cells of a row: person, place, entering, leaving. A row that cannot be read is none.
    pub fn push(&mut self, row: u64, cells: Option<[Cell<'_>; 4]>) {
        self.report.rows += 1;
        self.waiting.push((row, read(cells)));
    }

    /// Whether enough rows wait to be stored.
    pub fn is_full(&self) -> bool {
        self.waiting.len() >= CHUNK
    }

    fn refuse(&mut self, row: u64, refusal: StayRefusal) {
        *self.report.refused.entry(refusal.0).or_default() += 1;
        if self.report.examples.len() < REFUSED_MAX {
            self.report.examples.push((row, refusal.0));
        }
    }
}

fn read(cells: Option<[Cell<'_>; 4]>) -> Result<Waiting, StayRefusal> {
    let unreadable = StayRefusal("unreadable");
    let [person, place, enter, leave] = cells.ok_or(unreadable)?;
    let word = |cell: &Cell<'_>| match cell {
        Cell::Number(number) => Some(number.to_string()),
        Cell::Text(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        _ => None,
    };
    let time = |cell: &Cell<'_>| cell.whole().and_then(|value| u32::try_from(value).ok());
    let leave_s = match leave {
        Cell::Empty => None,
        ref cell => Some(time(cell).ok_or(unreadable)?),
    };
    Ok(Waiting {
        person: word(&person).ok_or(unreadable)?,
        place: word(&place).ok_or(unreadable)?,
        enter_s: time(&enter).ok_or(unreadable)?,
        leave_s,
    })
}

impl App {
    /// Stores the rows that wait; they are committed when this returns. The same list sent again changes nothing.
    ///
    /// # Errors
    /// [`AppError::Store`]; rows that were not stored wait no more: send the list again.
    pub async fn store_list(self: &Arc<Self>, list: &mut StayList) -> Result<(), AppError> {
        let waiting = std::mem::take(&mut list.waiting);
        let now = self.now();
        self.find_list_places(list, &waiting).await?;
        let mut entries = Vec::with_capacity(waiting.len());
        let mut rows = Vec::with_capacity(waiting.len());
        for (row, one) in waiting {
            let entry = one.and_then(|one| {
                let place = *list.places.get(&one.place).ok_or(StayRefusal("place-unknown"))?;
                // What the row says is its key: the row sent again, in whichever file, is the same stay.
                let words = format!("{}\u{1f}{}\u{1f}{}\u{1f}{:?}", one.person, one.place, one.enter_s, one.leave_s);
                let key = hex(&sizao_store::sha256(&[words.as_bytes()])[..20]);
                let who = match list.people.get(&one.person) {
                    Some(person) => Who::Person(*person),
                    None => Who::Named { scope: list.scope.clone(), name: one.person, full_name: None, phone: None },
                };
                let (enter_s, leave_s) = (one.enter_s, one.leave_s);
                let known = Known::List;
                checked(StayEntry { key, who, place, enter_s, leave_s, of: None, known, flags: 0, seat: None }, now)
            });
            entries.push(entry);
            rows.push(row);
        }
        let receipts = self.take_entries(&list.scope.clone(), entries).await?;
        for (row, receipt) in rows.into_iter().zip(receipts) {
            match receipt {
                StayReceipt::Stored(_) => list.report.stored += 1,
                StayReceipt::Repeat => list.report.repeated += 1,
                StayReceipt::Refused(refusal) => list.refuse(row, refusal),
            }
        }
        Ok(())
    }

    /// Stores what still waits, and says what became of the list.
    ///
    /// # Errors
    /// As [`Self::store_list`].
    pub async fn finish_list(self: &Arc<Self>, mut list: StayList) -> Result<ListReport, AppError> {
        self.store_list(&mut list).await?;
        let (view, _) = self.ledger_view(self.now()).await?;
        list.report.busy_people = view.busiest_days(STAYS_A_DAY_MAX).len() as u64;
        list.report.crowded_places = view.crowded_places(STAYS_AT_PLACE_MAX).len() as u64;
        Ok(list.report)
    }

    async fn find_list_places(
        &self,
        list: &mut StayList,
        waiting: &[(u64, Result<Waiting, StayRefusal>)],
    ) -> Result<(), AppError> {
        let mut new: Vec<&str> = waiting
            .iter()
            .filter_map(|(_, one)| one.as_ref().ok())
            .map(|one| one.place.as_str())
            .filter(|place| !list.places.contains_key(*place))
            .collect();
        new.sort_unstable();
        new.dedup();
        if list.known_places_only {
            for place in new {
                if let Some(number) = self.store().find_place(&place_words(&list.scope, place)).await? {
                    list.places.insert(place.to_owned(), number);
                }
            }
            return Ok(());
        }
        let places: Vec<_> = new
            .iter()
            .map(|place| {
                let words = place_words(&list.scope, place);
                (words, list.division, PLAIN.to_owned(), format!("#{place}"), None)
            })
            .collect();
        let numbers = self.add_places(&places).await?;
        list.places.extend(new.into_iter().map(str::to_owned).zip(numbers));
        Ok(())
    }
}
