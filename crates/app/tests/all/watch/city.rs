//! Proposals of an invented city as the watch sees them, marked by the slow and obvious way.

use std::collections::BTreeMap;

use sizao_drill::city::{
    City, CityOptions, LedgerShare, Owner,
    event::{Area, Event, What},
};
use sizao_model::{DivisionCode, Edge, FactKind, Instant, PersonId, When, division::DivisionLevel};
use sizao_store::WatchedRow;

pub struct Proposals {
    pub rows: Vec<WatchedRow>,
    by_person: BTreeMap<PersonId, Vec<usize>>,
    by_target: BTreeMap<String, Vec<usize>>,
}

pub fn honest(officer: &str) -> bool {
    !matches!(officer, "officer_a" | "officer_b")
}

impl Proposals {
    pub fn of(people: u32, days: u32, seed: u64) -> Self {
        let options = CityOptions {
            ledger: LedgerShare::None,
            facts_per_person: 1.5,
            within: DivisionCode::parse("4101").ok(),
            ..CityOptions::new(people, days, seed)
        };
        let city = City::build(options).unwrap();
        let mut rows: Vec<WatchedRow> = Vec::new();
        for block in 0..city.blocks().len() as u32 {
            rows.extend(city.events_of_block(block).iter().filter_map(|event| row(&city, event)));
        }
        rows.sort_by_key(|row| (row.at, row.fact));
        let (mut by_person, mut by_target): (BTreeMap<PersonId, Vec<usize>>, BTreeMap<String, Vec<usize>>) =
            Default::default();
        for (at, row) in rows.iter().enumerate() {
            by_person.entry(row.person).or_default().push(at);
            by_target.entry(row.target.clone()).or_default().push(at);
        }
        Self { rows, by_person, by_target }
    }

    pub fn first(&self) -> Instant {
        self.rows[0].at
    }

    pub fn end(&self) -> Instant {
        self.rows[self.rows.len() - 1].at.plus_hours(1)
    }

    /// What a look at a moment sees, if something came in the last minutes: proposals of a day and sums of four weeks.
    pub fn at(&mut self, now: Instant, minutes: i64) -> Option<(Vec<WatchedRow>, Vec<Register>)> {
        let came = self.rows.partition_point(|row| row.at <= now);
        self.rows[..came].last().filter(|row| row.at > now.plus_minutes(-minutes))?;
        let days = 3 * 86_400_000_000;
        let moves = |row: &WatchedRow| row.class != "exposure";
        let there = |row: &WatchedRow, other: &WatchedRow| {
            other.at <= now
                && other.officer != row.officer
                && other.lead != row.lead
                && other.from_at.as_micros() <= row.to_at.as_micros() + days
                && other.to_at.as_micros() >= row.from_at.as_micros() - days
                && (other.target == row.target
                    || (moves(other)
                        && moves(row)
                        && row.target_home.is_some()
                        && other.target_home == row.target_home))
        };
        let copies = |row: &WatchedRow, other: &WatchedRow| {
            other.at <= now
                && row.from_at.day().start() != row.from_at
                && (other.from_at, other.to_at) == (row.from_at, row.to_at)
                && (&other.class, &other.officer) == (&row.class, &row.officer)
                && other.person != row.person
                && other.home != row.home
        };
        let mut window = Vec::new();
        let first = self.rows.partition_point(|row| row.at <= now.plus_hours(-24));
        for at in first..self.rows.partition_point(|row| row.at <= now) {
            let row = &self.rows[at];
            let same_person = || self.by_person[&row.person].iter().map(|other| &self.rows[*other]);
            let same_target = || self.by_target[&row.target].iter().map(|other| &self.rows[*other]);
            let untied = row.untied && !same_person().any(|other| there(row, other));
            let copied = row.copied || same_target().any(|other| copies(row, other));
            (self.rows[at].untied, self.rows[at].copied) = (untied, copied);
            window.push(self.rows[at].clone());
        }
        let mut sums: BTreeMap<(&str, &str), [u64; 3]> = BTreeMap::new();
        let first = self.rows.partition_point(|row| row.at <= now.plus_hours(-24 * 28));
        for row in &self.rows[first..self.rows.partition_point(|row| row.at <= now)] {
            let sum = sums.entry((&row.class, &row.officer)).or_default();
            sum[0] += 1;
            sum[1] += u64::from(row.untied);
            sum[2] += u64::from(row.untied && row.copied);
        }
        let sums = sums.into_iter().map(|((class, officer), sum)| (class.to_owned(), officer.to_owned(), sum));
        Some((window, sums.collect()))
    }
}

fn row(city: &City, event: &Event) -> Option<WatchedRow> {
    let fact = event.fact(city);
    let home = |number: u32| {
        let person = &city.people()[number as usize];
        city.blocks()[city.households()[person.household as usize].block as usize].code
    };
    let (class, target, place) = match &event.what {
        What::Exposure { case, via, .. } => {
            let other = case.or(*via)?;
            ("exposure", PersonId::from_label(&Owner::person(other).code()).to_string(), Some(home(other)))
        }
        What::Stay { area, .. } => ("stay", city.area_code(*area), place(city, *area)),
        What::Arrival { origin, .. } => {
            ("arrival", city.area_code(Area::Elsewhere(*origin)), place(city, Area::Elsewhere(*origin)))
        }
        _ => return None,
    };
    debug_assert!(matches!(fact.body.kind(), FactKind::Exposure | FactKind::Stay | FactKind::Arrival));
    let own = home(event.of.owner.person_number()?);
    let county = |place: DivisionCode| place.at(DivisionLevel::County);
    let recorder = event.recorder(city);
    let officer = if honest(event.desk.name()) { recorder } else { event.desk.name().to_owned() };
    let start = |edge: Edge| match edge {
        Edge::At(at) => at,
        Edge::Day(day) => day.start(),
    };
    let (from_at, to_at) = match fact.happened.when {
        When::At(at) => (at, at),
        When::On(day) => (day.start(), day.plus_days(1).start()),
        When::During(from, to) => (start(from), start(to?)),
    };
    Some(WatchedRow {
        fact: fact.id,
        lead: fact.id,
        at: fact.recorded_at,
        class: class.into(),
        officer,
        list: String::new(),
        person: fact.person?,
        home: Some(own),
        target,
        target_home: place.and_then(county).or(place),
        from_at,
        to_at,
        untied: match (class, place) {
            ("exposure", place) => place.and_then(county) != county(own),
            (_, place) => !place.is_some_and(|area| own.is_under(area)),
        },
        copied: false,
    })
}

fn place(city: &City, area: Area) -> Option<DivisionCode> {
    DivisionCode::parse(&city.area_code(area)).ok()
}

/// Officer or list, class, and sums of four weeks.
type Register = (String, String, [u64; 3]);
