//! The invented city of the pages: register and facts, taken in as a sender would send them.

use std::{
    collections::HashMap,
    io::{self, Write},
    sync::Arc,
};

use anyhow::{Result, anyhow};
use sizao_app::{
    App,
    imports::{ImportOrder, pump},
};
use sizao_drill::city::{City, CityOptions, LedgerShare, Sink};
use sizao_interop::{CsvImport, ImportError, Imported, Mapping, ndjson::FactImport};
use sizao_model::{DivisionCode, Instant, PersonId, draft::PersonName};
use sizao_store::{hex, sha256};
use tokio::{runtime::Runtime, sync::mpsc};

const REGISTER: &str = include_str!("../../../../../../mappings/city-people.toml");
const SENDER: &str = "city";
/// Days of the city before the one that the pages show.
const DAYS: u32 = 28;

/// The moment at which the pages stand: the evening of the day from which the mission's article is.
pub(super) fn present() -> Instant {
    Instant::parse("2022-03-17T20:30:00+08:00").expect("a moment of the calendar")
}

/// Files of the city that are needed, kept in memory.
#[derive(Default)]
struct Kept {
    files: HashMap<String, Vec<u8>>,
    rest: io::Sink,
}

impl Sink for Kept {
    fn create(&mut self, name: &str) -> io::Result<&mut dyn Write> {
        Ok(match name {
            "people.csv" | "facts.ndjson" => self.files.entry(name.to_owned()).or_default(),
            _ => &mut self.rest,
        })
    }
}

/// Builds the city and takes it in, up to the present moment of the pages.
pub(super) fn take(app: &Arc<App>, people: u32, seed: u64, runtime: &Runtime) -> Result<City> {
    let today = present().day();
    let options = CityOptions {
        start_on: today.plus_days(1 - DAYS as i32),
        ledger: LedgerShare::None,
        facts_per_person: 1.5,
        imported: Some(people / 60),
        ..CityOptions::new(people, DAYS, seed)
    };
    let city = City::build(options)?;
    let mut kept = Kept::default();
    city.write_to(&mut kept)?;
    let file = |name: &str| kept.files.get(name).cloned().ok_or_else(|| anyhow!("the city wrote no {name}"));
    let (register, facts) = (file("people.csv")?, file("facts.ndjson")?);
    let mapping = Mapping::from_toml(REGISTER)?;
    let mut homes: HashMap<PersonId, DivisionCode> = HashMap::new();
    let rows = CsvImport::new(register.as_slice(), &mapping, present())?;
    for row in rows {
        if let Imported::Accepted(row) = row? {
            homes.extend(
                row.people.iter().flat_map(|person| {
                    person.names.iter().map(|name: &PersonName| (name.provisional(), person.division))
                }),
            );
        }
    }
    let rows = CsvImport::new(register.as_slice(), &mapping, present())?;
    send(app, "city register", &register, runtime, rows)?;
    let rows = FactImport::new(facts.as_slice(), SENDER, DivisionCode::HENAN, present());
    send(app, "city facts", &facts, runtime, rows.filter_map(|row| placed(row, &homes)))?;
    Ok(city)
}

/// A fact is filed where the person lives; what would be recorded later than now is left out.
fn placed(
    row: Result<Imported, ImportError>,
    homes: &HashMap<PersonId, DivisionCode>,
) -> Option<Result<Imported, ImportError>> {
    let Ok(Imported::Accepted(mut row)) = row else { return Some(row) };
    row.facts.retain(|fact| fact.recorded_at.is_none_or(|at| at <= present()));
    for fact in &mut row.facts {
        if let Some(home) = fact.person.and_then(|person| homes.get(&person)) {
            fact.division = *home;
        }
    }
    (!row.facts.is_empty()).then_some(Ok(Imported::Accepted(row)))
}

fn send(
    app: &Arc<App>,
    list: &str,
    bytes: &[u8],
    runtime: &Runtime,
    rows: impl Iterator<Item = Result<Imported, ImportError>> + Send,
) -> Result<()> {
    let order = ImportOrder {
        list: list.to_owned(),
        sender: SENDER.to_owned(),
        file_digest: sha256(&[bytes]),
        mapping: hex(&sha256(&[REGISTER.as_bytes()])),
        file_bytes: bytes.len() as u64,
        by: None,
    };
    let (to_import, received) = mpsc::channel(2);
    std::thread::scope(|scope| -> Result<()> {
        let reader = scope.spawn(move || pump(rows, |_| 0, &to_import));
        runtime.block_on(app.import(order, received, ()))?;
        reader.join().map_err(|_| anyhow!("the reader stopped"))??;
        Ok(())
    })
}
