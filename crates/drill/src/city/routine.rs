//! What the desks write down on ordinary days: register, doses, arrivals, screening, complaints, and their mistakes.

mod arrivals;
mod screening;

use rustc_hash::FxHashMap;
use sizao_model::fact::LinkBasis;

pub use self::screening::Screening;
use super::{
    City, Owner,
    event::{Desk, Event, FactRef, Fix, PRODUCTS, SYMPTOMS, Time, What},
    truth::Truth,
};
use crate::random::{Process, Stream};

const DOSES: Process = Process::named("doses");
const COMPLAINTS: Process = Process::named("complaints");
const LINKS: Process = Process::named("links");
const MISTAKES: Process = Process::named("mistakes");

const HOUR: u32 = 3600;
const DAY: u32 = 24 * HOUR;

/// Delay of recording: minutes, but for one in fifty hours to days.
fn delay(rng: &mut Stream) -> u32 {
    if rng.chance(0.02) {
        HOUR + (rng.exponential(20.0) * 3600.0).min(95.0 * 3600.0) as u32
    } else {
        rng.between(20, 600)
    }
}

/// Share of people with a dose on record within the last half year.
const DOSE_SHARE: f64 = 0.35;
/// Symptom reports a person and day without the outbreak.
const COMPLAINTS_PER_DAY: f64 = 0.005;

/// What one block's desks wrote, and what was true.
#[derive(Clone, Debug, Default)]
pub struct BlockRecords {
    /// The records, in no order that means anything.
    pub events: Vec<Event>,
    /// The truth behind them.
    pub truths: Vec<Truth>,
}

impl City {
    /// The events of a block's people, of its tubes and of its areas, sorted by owner and number.
    pub fn events_of_block(&self, block: u32) -> Vec<Event> {
        self.records_of_block(block).events
    }

    /// Events and truth of a block; the same whenever and on whatever thread it is asked.
    pub fn records_of_block(&self, block: u32) -> BlockRecords {
        let mut book = Book::open(self, block);
        let people = &self.blocks()[block as usize];
        for person in people.first..people.first + people.size {
            book.enter_person(person);
            book.enter_arrivals(person);
            book.enter_complaints(person);
        }
        book.enter_screening();
        let mut records = book.records;
        records.events.extend_from_slice(self.outbreak().events_of_block(block));
        let end = self.midnight(self.options().days);
        records.events.retain(|event| event.recorded_at < end);
        records.events.sort_unstable_by_key(|event| event.of);
        records
    }
}

/// The book of one block: gives every entry its number.
struct Book<'a> {
    city: &'a City,
    block: u32,
    counts: FxHashMap<Owner, u32>,
    records: BlockRecords,
}

impl<'a> Book<'a> {
    fn open(city: &'a City, block: u32) -> Self {
        Self { city, block, counts: FxHashMap::default(), records: BlockRecords::default() }
    }

    fn enter(&mut self, owner: Owner, desk: Desk, happened: Time, recorded_at: u32, what: What) -> FactRef {
        let n = self.counts.entry(owner).or_insert_with(|| self.city.outbreak().next_number(owner));
        let of = FactRef { owner, n: *n };
        *n += 1;
        self.records.events.push(Event { of, recorded_at, happened, desk, what });
        of
    }

    fn stream(&self, process: Process, a: u32, b: u32) -> Stream {
        Stream::new(self.city.options().seed, process, a.into(), b.into())
    }

    /// Register, a dose, and the link of a second record.
    fn enter_person(&mut self, person: u32) {
        let owner = Owner::person(person);
        let someone = &self.city.people()[person as usize];
        let mut rng = self.stream(DOSES, person, 0);
        let start = self.city.midnight(0);
        // The register was loaded in the fortnight before the records begin; newborns come with their first day.
        let listed = start - rng.between(HOUR, 14 * DAY);
        let is_newborn = self.city.first_day().days_since(someone.birth_on) < 15;
        let listed = if is_newborn { listed.max(super::midnight(someone.birth_on) + DAY - 1) } else { listed };
        // Always number 0, so that others can refer to it.
        let of = FactRef { owner, n: 0 };
        let happened = Time::On(someone.birth_on);
        self.records.events.push(Event { of, recorded_at: listed, happened, desk: Desk::Register, what: What::Person });
        if someone.age >= 3 && rng.chance(DOSE_SHARE) {
            let at = start - rng.between(15, 180) * DAY + rng.between(9, 17) * HOUR;
            let product = rng.below(PRODUCTS.len() as u32) as u8;
            self.enter(owner, Desk::Vaccination, Time::At(at), at + rng.between(60, 1200), What::Dose { product });
        }
        if self.city.has_second_record(person) {
            self.records.truths.push(Truth::SecondRecord { person });
            self.enter_link(person);
        }
        for record in [Some(self.city.record(person)), self.city.second_record(person)].into_iter().flatten() {
            let owner = record.owner;
            let faults = record.faults.into_iter();
            self.records.truths.extend(faults.map(|fault| Truth::Fault {
                owner,
                field: fault.field,
                right: fault.right,
            }));
        }
    }

    /// Two of three second records are found by the machine, half of these are then confirmed by document.
    fn enter_link(&mut self, person: u32) {
        let mut rng = self.stream(LINKS, person, 0);
        let found = self.city.midnight(0) + rng.between(HOUR, 6 * DAY);
        let other = Owner::second(person);
        if rng.chance(0.67) {
            let what = What::Link { other, basis: LinkBasis::Automatic };
            self.enter(Owner::person(person), Desk::Register, Time::At(found), found + 60, what);
            if rng.chance(0.5) {
                let seen = found + rng.between(2 * HOUR, 3 * DAY);
                let what = What::Link { other, basis: LinkBasis::Document };
                self.enter(Owner::person(person), Desk::Community, Time::At(seen), seen + rng.between(60, 1800), what);
            }
        }
    }

    /// Coughs and fevers that have other causes.
    fn enter_complaints(&mut self, person: u32) {
        let mut rng = self.stream(COMPLAINTS, person, 0);
        let mut at = f64::from(self.city.midnight(0));
        loop {
            at += rng.exponential(f64::from(DAY) / COMPLAINTS_PER_DAY);
            if at >= f64::from(self.city.midnight(self.city.options().days)) {
                return;
            }
            let set = rng.below(SYMPTOMS.len() as u32 - 1) as u8;
            let tenths = if rng.chance(0.8) { 362 + rng.below(28) as u16 } else { 0 };
            let recorded_at = at as u32 + rng.between(120, 2400);
            let what = What::Symptoms { set, tenths };
            self.enter(Owner::person(person), Desk::Clinic, Time::At(at as u32), recorded_at, what);
        }
    }

    fn correct(&mut self, of: FactRef, recorded_at: u32, fix: Fix) -> FactRef {
        let what = What::Correction { of, fix };
        self.enter(of.owner, Desk::Cdc, Time::At(recorded_at - 60), recorded_at, what)
    }
}
