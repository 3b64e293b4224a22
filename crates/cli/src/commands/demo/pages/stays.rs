//! Stays of the invented city for the ledger: homes, workplaces and classes by attendance, venues by those who scan; and
//! the days that are over are closed.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Result, anyhow};
use sizao_app::{
    App,
    ledger::{Known, StayEntry, Who, place_words},
};
use sizao_drill::city::{City, places::PlaceKind};
use sizao_model::{DivisionCode, PersonId, draft::PersonName};
use tokio::runtime::Runtime;

use super::city::present;

/// Days of stays before the one that the pages show.
const DAYS: i32 = 10;
/// Rows of one transaction.
const CHUNK: usize = 8_192;
const SCOPE: &str = "city stays";

/// Puts the stays of the last days into the ledger and closes the days that are over.
pub(super) fn take(app: &Arc<App>, city: &City, runtime: &Runtime) -> Result<()> {
    let now_s = (present().as_micros() / 1_000_000) as u32;
    let from_s = (present().day().plus_days(-DAYS).start().as_micros() / 1_000_000) as u32;
    let mut rows: Vec<(u32, u32, u32, Option<u32>)> = Vec::new();
    let mut places: BTreeMap<u32, DivisionCode> = BTreeMap::new();
    for (first, block) in city.blocks().iter().map(|block| (block.first, block)) {
        for person in first..first + block.size {
            city.ledger_of(person, |stay, is_open| {
                if stay.leave >= from_s && stay.enter <= now_s {
                    let leave = (!is_open && stay.leave <= now_s).then_some(stay.leave);
                    rows.push((person, stay.place, stay.enter, leave));
                    places.entry(stay.place).or_insert(block.code);
                }
            });
        }
    }
    runtime.block_on(async {
        let register: Vec<_> = places.iter().map(|(place, division)| entry(city, *place, *division)).collect();
        let numbers = app.add_places(&register).await?;
        let numbers: BTreeMap<u32, u32> = places.keys().copied().zip(numbers).collect();
        let mut people: BTreeMap<u32, PersonId> = BTreeMap::new();
        for (person, ..) in &rows {
            if !people.contains_key(person) {
                let code = format!("p{person:07}").into();
                let name = PersonName::Code { scope: "city".into(), code };
                let found = app.store().find_person(&name).await?;
                people.insert(*person, found.ok_or_else(|| anyhow!("person {person} is not in the register"))?);
            }
        }
        for rows in rows.chunks(CHUNK) {
            let entries = rows.iter().map(|(person, place, enter_s, leave_s)| StayEntry {
                key: format!("{person}/{place}/{enter_s}"),
                who: Who::Person(people[person]),
                place: numbers[place],
                enter_s: *enter_s,
                leave_s: *leave_s,
                of: None,
                known: Known::List,
                flags: 0,
                seat: None,
            });
            app.take_stays(SCOPE, entries.collect()).await?;
        }
        app.close_days(present().day()).await?;
        Ok(())
    })
}

/// A place as it goes into the register.
fn entry(city: &City, place: u32, division: DivisionCode) -> (String, DivisionCode, String, String, Option<u32>) {
    let kind = city.places().kind(place);
    let word = match kind {
        PlaceKind::Home => "household",
        PlaceKind::Class => "school",
        PlaceKind::Workplace | PlaceKind::Station => "workplace",
        PlaceKind::Restaurant => "restaurant",
        PlaceKind::Shop | PlaceKind::Market | PlaceKind::Pharmacy => "shop",
        PlaceKind::Clinic => "care",
        PlaceKind::Bath | PlaceKind::Chess | PlaceKind::Karaoke | PlaceKind::Cinema => "gathering",
    };
    let name = format!("{} {place} 号", kind.name_zh());
    (place_words(SCOPE, &place.to_string()), division, word.to_owned(), name, None)
}
