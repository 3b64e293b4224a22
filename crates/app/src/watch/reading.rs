//! From the log to the rows that the watch judges, and to the list of freezes.

use std::collections::{BTreeSet, HashMap};

use sizao_model::{
    DivisionCode, Edge, FactBody, FactKind, Instant, PersonId, When,
    division::DivisionLevel,
    fact::{FreezeOutcome, Stay},
};
use sizao_store::{FreezeRecord, MentionKey, StoredFact, WatchedRow};

use super::{CHUNK, judging::Registers};
use crate::{App, AppError};

impl App {
    /// Reads proposals from the log; how many there were.
    pub(super) async fn follow_proposals(&self) -> Result<u64, AppError> {
        let size = self.store().size().await?;
        let mut from = self.store().watermark("watch").await?;
        let mut read = 0;
        while from < size {
            let to = (from + CHUNK).min(size);
            let facts = self.store().load_kinds_among(from, to, &WATCHED).await?;
            let rows = self.rows_of(facts, from, to).await?;
            self.store().save_watched(&rows, from, to).await?;
            read += rows.len() as u64;
            from = to;
        }
        Ok(read)
    }

    async fn rows_of(&self, facts: Vec<StoredFact>, from: u64, to: u64) -> Result<Vec<WatchedRow>, AppError> {
        if facts.is_empty() {
            return Ok(Vec::new());
        }
        let leads: Vec<_> = facts.iter().filter_map(|stored| lead_of(&stored.fact.body)).collect();
        let leads: HashMap<_, _> =
            self.store().load_facts(&leads).await?.into_iter().map(|lead| (lead.fact.id, lead)).collect();
        let batches = self.store().proposed_among(from, to).await?;
        let leaves: Vec<u64> = facts.iter().map(|stored| stored.leaf).collect();
        let scopes = self.store().scopes_of(&leaves).await?;
        let mut rows = Vec::new();
        for stored in &facts {
            let id = stored.fact.id;
            let of = match lead_of(&stored.fact.body) {
                Some(lead) => leads.get(&lead),
                None => Some(stored),
            };
            let Some((of, person, target)) = of.and_then(|of| Some((of, of.fact.person?, Target::of(&of.fact.body)?)))
            else {
                continue;
            };
            let class = class_of(stored.fact.body.kind());
            let batch =
                batches.iter().find(|batch| (batch.first_leaf..batch.first_leaf + batch.facts).contains(&stored.leaf));
            let scope = || scopes.get(&stored.leaf).cloned().unwrap_or_default();
            let (officer, list) = batch.map_or_else(
                || (format!("source:{}", scope()), String::new()),
                |batch| (format!("account:{}", batch.account), batch.list.clone()),
            );
            let (from_at, to_at) = span(&of.fact.happened.when, of.fact.recorded_at);
            rows.push((
                target.person,
                WatchedRow {
                    fact: id,
                    lead: of.fact.id,
                    at: stored.fact.recorded_at,
                    class: class.to_owned(),
                    officer,
                    list,
                    person,
                    home: None,
                    target: target.name,
                    target_home: target.place,
                    from_at,
                    to_at,
                    untied: true,
                    copied: false,
                },
            ));
        }
        let mut people: Vec<PersonId> =
            rows.iter().flat_map(|(target, row)| [Some(row.person), *target]).flatten().collect();
        people.sort_unstable();
        people.dedup();
        let homes = self.store().homes_of(&people).await?;
        Ok(rows.into_iter().map(|(target, row)| at_home(target, row, &homes)).collect())
    }

    /// Reads freezes and decisions from the log.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn follow_freezes(&self) -> Result<(), AppError> {
        let size = self.store().size().await?;
        let mut from = self.store().watermark("freeze").await?;
        while from < size {
            let to = (from + CHUNK).min(size);
            let (mut freezes, mut decided) = (Vec::new(), Vec::new());
            let kinds = [FactKind::WatchFreeze, FactKind::WatchDecision];
            for stored in self.store().load_kinds_among(from, to, &kinds).await? {
                let (id, at) = (stored.fact.id, stored.fact.recorded_at);
                match &stored.fact.body {
                    FactBody::WatchFreeze(freeze) => freezes.push(FreezeRecord {
                        fact: id,
                        class: freeze.class.to_string(),
                        officer: freeze.officer.to_string(),
                        division: freeze.division,
                        at,
                        until_at: freeze.until,
                        outcome: 0,
                        decided_at: None,
                        holds_till: None,
                        told: stored.fact.body.to_json(),
                        decision: String::new(),
                    }),
                    FactBody::WatchDecision(decision) => {
                        let outcome = match decision.outcome {
                            FreezeOutcome::Lifted => 1,
                            FreezeOutcome::Upheld => 2,
                        };
                        let told = stored.fact.body.to_json();
                        decided.push((decision.of, outcome, at, decision.holds_till, told));
                    }
                    _ => {}
                }
            }
            self.store().save_freezes(&freezes, &decided, to).await?;
            from = to;
        }
        Ok(())
    }

    /// In which registers those stand whom nothing ties to what was proposed about them.
    pub(super) async fn registers_among(&self, rows: &[WatchedRow]) -> Result<Registers, AppError> {
        let people: BTreeSet<PersonId> = rows.iter().filter(|row| row.untied).map(|row| row.person).collect();
        let mut registers = Registers { people: self.store().count_people(None).await?, ..Registers::default() };
        if people.is_empty() {
            return Ok(registers);
        }
        let keys = people.iter().map(|person| MentionKey::about(*person)).collect();
        let (named, _) = self.store().load_mentioning(keys, &[FactKind::Person]).await?;
        let leaves: Vec<u64> = named.iter().map(|stored| stored.leaf).collect();
        let by_leaf = self.store().registers_of(&leaves).await?;
        for stored in named {
            let Some(((name, count), person)) = by_leaf.get(&stored.leaf).zip(stored.fact.person) else { continue };
            let register = registers.by_name.entry(name.clone()).or_default();
            register.people = *count;
            register.named.insert(person);
        }
        Ok(registers)
    }
}

/// What a proposal says the person was near.
struct Target {
    name: String,
    /// The case or contact, if it is somebody.
    person: Option<PersonId>,
    /// The area, if it is a place.
    place: Option<DivisionCode>,
}

impl Target {
    fn of(body: &FactBody) -> Option<Self> {
        let place = |code: &str| Self { name: code.to_owned(), person: None, place: DivisionCode::parse(code).ok() };
        match body {
            FactBody::Exposure(exposure) => {
                let person = exposure.case.or(exposure.via)?;
                Some(Self { name: person.to_string(), person: Some(person), place: None })
            }
            FactBody::Stay(Stay { area, .. }) => Some(place(area.as_str())),
            FactBody::Arrival(arrival) => Some(place(&arrival.from)),
            _ => None,
        }
    }
}

/// Puts homes in. Whoever lives in the area is tied to it, and a contact of the county in which the case lives to the case;
/// whose home is not known to a county is tied to nothing.
fn at_home(target: Option<PersonId>, mut row: WatchedRow, homes: &HashMap<PersonId, DivisionCode>) -> WatchedRow {
    row.home = homes.get(&row.person).copied();
    let county = |place: DivisionCode| place.at(DivisionLevel::County);
    let tied = match target {
        Some(case) => {
            row.target_home = homes.get(&case).copied();
            row.home.and_then(county).is_some() && row.home.and_then(county) == row.target_home.and_then(county)
        }
        None => row.target_home.zip(row.home).is_some_and(|(area, home)| home.is_under(area)),
    };
    row.target_home = row.target_home.map(|place| county(place).unwrap_or(place));
    row.untied = !tied;
    row
}

/// What opens restrictions, or would.
const WATCHED: [FactKind; 4] = [FactKind::Exposure, FactKind::Stay, FactKind::Arrival, FactKind::Confirmation];

const fn class_of(kind: FactKind) -> &'static str {
    match kind {
        FactKind::Exposure => "exposure",
        FactKind::Stay => "stay",
        FactKind::Arrival => "arrival",
        _ => "confirmation",
    }
}

const fn lead_of(body: &FactBody) -> Option<sizao_model::FactId> {
    match body {
        FactBody::Confirmation(confirmation) => Some(confirmation.of),
        _ => None,
    }
}

/// From when until when; what has no end was going on when it was put down.
fn span(when: &When, recorded_at: Instant) -> (Instant, Instant) {
    let start = |edge: Edge| match edge {
        Edge::At(at) => at,
        Edge::Day(day) => day.start(),
    };
    let end = |edge: Edge| match edge {
        Edge::At(at) => at,
        Edge::Day(day) => day.plus_days(1).start(),
    };
    match *when {
        When::At(at) => (at, at),
        When::On(day) => (day.start(), day.plus_days(1).start()),
        When::During(from, to) => (start(from), to.map_or(recorded_at, end)),
    }
}
