//! Finding cases: symptoms, screening and tests of contacts lead to diagnoses, hospital, discharge; areas are declared.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use rustc_hash::{FxHashMap, FxHashSet};
use sizao_model::fact::{AreaLevel, CaseStatus, Outcome, TestMethod};

use super::{Infection, Outbreak, spread::Meeting};
use crate::{
    city::{
        City, Owner, day_of,
        event::{Area, Declaration, Desk, FactRef, Site, Time, What},
    },
    random::{Process, Stream},
};

const CARE: Process = Process::named("care");
pub(super) const HOUR: u32 = 3600;
pub(super) const DAY: u32 = 24 * HOUR;

/// Share of people with symptoms who go to a fever clinic.
const SEEKS_CARE: f64 = 0.7;
/// Share of diagnosed people over 70, and over 50, who die.
const DEATHS: [f64; 2] = [0.02, 0.003];

/// Something due at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A person goes to a fever clinic.
    Clinic(u32),
    /// A routine sample of an infected person turns out positive; when it was taken.
    Screened { person: u32, sampled_at: u32 },
    /// A contact is tested in isolation.
    ContactTest(u32),
    /// A contact's isolation is over.
    Leave(u32),
}

/// Those who find cases and contacts, with their queue and their memory of meetings.
pub(super) struct Control<'a> {
    pub city: &'a City,
    pub queue: BinaryHeap<Reverse<(u32, Due)>>,
    pub meetings: FxHashMap<u32, Vec<Meeting>>,
    /// Close contacts with the moment of their first contact.
    pub contacts: FxHashMap<u32, u32>,
    pub secondary: FxHashSet<u32>,
    diagnosed: FxHashMap<u32, FactRef>,
    cases_of_block: BTreeMap<u32, Vec<(FactRef, u32)>>,
}

impl<'a> Control<'a> {
    pub fn new(city: &'a City) -> Self {
        Self {
            city,
            queue: BinaryHeap::new(),
            meetings: FxHashMap::default(),
            contacts: FxHashMap::default(),
            secondary: FxHashSet::default(),
            diagnosed: FxHashMap::default(),
            cases_of_block: BTreeMap::new(),
        }
    }

    pub fn remember(&mut self, meetings: &[Meeting]) {
        for meeting in meetings {
            self.meetings.entry(meeting.case).or_default().push(*meeting);
        }
    }

    pub fn is_diagnosed(&self, person: u32) -> bool {
        self.diagnosed.contains_key(&person)
    }

    pub fn stream(&self, process: Process, a: u32, b: u32) -> Stream {
        Stream::new(self.city.options().seed, process, a.into(), b.into())
    }

    /// Takes in an infection and looks ahead to how it would be found without tracing.
    pub fn add(&mut self, outbreak: &mut Outbreak, infection: Infection) {
        let (person, course) = (infection.truth.person, infection.course);
        outbreak.by_person.insert(person, outbreak.infections.len() as u32);
        outbreak.infections.push(infection);
        if !self.city.options().is_controlled {
            return;
        }
        let mut rng = self.stream(CARE, person, 0);
        let start = self.city.midnight(0);
        let trips = self.city.trips(person);
        if course.is_symptomatic && rng.chance(SEEKS_CARE) {
            let visit = course.peak_at + (rng.exponential(1.2) * f64::from(DAY)) as u32 + 4 * HOUR;
            let away = trips.iter().any(|trip| (trip.left_at..trip.back_at).contains(&visit));
            if visit >= start && !away {
                self.queue.push(Reverse((visit, Due::Clinic(person))));
            }
        }
        let found = self
            .city
            .screening(person, &trips)
            .into_iter()
            .find(|screening| outbreak.detects(self.city.options().seed, person, screening.at));
        if let Some(screening) = found {
            let block = self.city.block_of(Owner::person(person));
            let told = if screening.is_pooled {
                self.city.tubes_ready_at(block, screening.day) + HOUR
            } else {
                self.city.handling(person, screening.at).told_at
            };
            self.queue.push(Reverse((told, Due::Screened { person, sampled_at: screening.at })));
        }
    }

    /// Does what is due before a moment, in order of time.
    pub fn work_off(&mut self, outbreak: &mut Outbreak, before: u32) {
        while self.queue.peek().is_some_and(|Reverse((at, _))| *at < before) {
            let Some(Reverse((at, due))) = self.queue.pop() else { return };
            match due {
                Due::Clinic(person) if !self.is_diagnosed(person) && !outbreak.is_confined(person, at) => {
                    self.visit_clinic(outbreak, person, at);
                }
                Due::Screened { person, sampled_at }
                    if !self.is_diagnosed(person)
                    // Isolated since: that sample was never taken.
                    && !outbreak.is_confined(person, sampled_at) =>
                {
                    let mut rng = self.stream(CARE, person, at);
                    let again = at + rng.between(HOUR, 4 * HOUR);
                    let told = self.test(outbreak, person, again, Outcome::Positive);
                    self.diagnose(outbreak, person, told + rng.between(600, 2 * HOUR), sampled_at);
                }
                Due::ContactTest(person) if !self.is_diagnosed(person) => {
                    let is_positive = outbreak.detects(self.city.options().seed, person, at);
                    let outcome = if is_positive { Outcome::Positive } else { Outcome::Negative };
                    let told = self.test(outbreak, person, at, outcome);
                    if is_positive {
                        self.diagnose(outbreak, person, told + HOUR, at);
                    }
                }
                // A second isolation may have begun meanwhile, by a later contact.
                Due::Leave(person) if !self.is_diagnosed(person) && !outbreak.is_confined(person, at) => {
                    let (owner, what) = (Owner::person(person), What::IsolationLeft);
                    outbreak.journal.enter(self.city, owner, Desk::Community, Time::At(at), at + 600, what);
                }
                _ => {}
            }
        }
    }

    fn visit_clinic(&mut self, outbreak: &mut Outbreak, person: u32, at: u32) {
        let mut rng = self.stream(CARE, person, 1);
        let symptoms = What::Symptoms { set: rng.below(6) as u8, tenths: 371 + rng.below(22) as u16 };
        let owner = Owner::person(person);
        outbreak.journal.enter(self.city, owner, Desk::Clinic, Time::At(at), at + rng.between(120, HOUR), symptoms);
        let is_positive = outbreak.detects(self.city.options().seed, person, at);
        let outcome = if is_positive { Outcome::Positive } else { Outcome::Negative };
        let told = self.test(outbreak, person, at, outcome);
        if is_positive {
            self.diagnose(outbreak, person, told + rng.between(600, 2 * HOUR), at);
        }
    }

    /// A single sample with its result; returns when the result was on record.
    fn test(&self, outbreak: &mut Outbreak, person: u32, at: u32, outcome: Outcome) -> u32 {
        let (owner, handling) = (Owner::person(person), self.city.handling(person, at));
        let what = What::Sample { method: TestMethod::NucleicTest, lab: handling.lab, tube: None };
        let sample =
            outbreak.journal.enter(self.city, owner, Desk::SamplingSite, Time::At(at), handling.taken_at, what);
        let result = What::Result { sample, outcome };
        let (ready, told) = (handling.ready_at, handling.told_at);
        outbreak.journal.enter(self.city, owner, Desk::Laboratory, Time::At(ready), told, result);
        told
    }

    fn diagnose(&mut self, outbreak: &mut Outbreak, person: u32, at: u32, sampled_at: u32) {
        let mut rng = self.stream(CARE, person, 2);
        let Some(&index) = outbreak.by_person.get(&person) else { return };
        let course = outbreak.infections[index as usize].course;
        let is_ill = course.is_symptomatic && course.peak_at <= at;
        let owner = Owner::person(person);
        let status = if is_ill { CaseStatus::ConfirmedCase } else { CaseStatus::AsymptomaticInfection };
        let onset = is_ill.then(|| day_of(course.peak_at));
        let what = What::Diagnosis { status, onset, sampled: Some(day_of(sampled_at)) };
        let diagnosis = outbreak.journal.enter(
            self.city,
            owner,
            Desk::Hospital,
            Time::At(at),
            at + rng.between(300, 2 * HOUR),
            what,
        );
        self.diagnosed.insert(person, diagnosis);
        outbreak.infections[index as usize].truth.diagnosis = Some(diagnosis);
        let isolated_at = self.admit(outbreak, person, at, &mut rng);
        if course.is_symptomatic && !is_ill {
            // Symptoms later: one infection, two states.
            let later = course.peak_at.max(at) + rng.between(6 * HOUR, 30 * HOUR);
            let what = What::Diagnosis {
                status: CaseStatus::ConfirmedCase,
                onset: Some(day_of(course.peak_at)),
                sampled: Some(day_of(sampled_at)),
            };
            outbreak.journal.enter(self.city, owner, Desk::Hospital, Time::At(later), later + HOUR, what);
        }
        let anchor = onset.map_or(sampled_at, |_| course.peak_at.min(sampled_at));
        self.trace(outbreak, index, at, self.city.midnight_of(anchor) - 2 * DAY, isolated_at);
        if !self.contacts.contains_key(&person) {
            self.declare_area(outbreak, person, diagnosis, at);
        }
    }

    /// To hospital within hours; after one to two weeks home, or, for a few of the old, death.
    fn admit(&self, outbreak: &mut Outbreak, person: u32, at: u32, rng: &mut Stream) -> u32 {
        let owner = Owner::person(person);
        let county = self.city.blocks()[self.city.block_of(owner) as usize].county;
        let isolated_at = at + rng.between(HOUR, 6 * HOUR);
        let site = What::IsolationStarted { site: Site::Hospital { county } };
        let recorded_at = isolated_at + rng.between(60, HOUR);
        outbreak.journal.enter(self.city, owner, Desk::Hospital, Time::At(isolated_at), recorded_at, site);
        let age = self.city.people()[person as usize].age;
        let dies = rng.chance(if age >= 70 {
            DEATHS[0]
        } else if age >= 50 {
            DEATHS[1]
        } else {
            0.0
        });
        let out = isolated_at + (rng.lognormal(10.0, 0.25).clamp(6.0, 25.0) * f64::from(DAY)) as u32;
        let (desk, what) = (Desk::Hospital, if dies { What::Death } else { What::Discharge });
        outbreak.journal.enter(self.city, owner, desk, Time::At(out), out + rng.between(600, 6 * HOUR), what);
        outbreak.confine(person, isolated_at, out + 14 * DAY);
        isolated_at
    }

    /// A community with a case is declared at medium level, with three at high; some declarations end early.
    fn declare_area(&mut self, outbreak: &mut Outbreak, person: u32, diagnosis: FactRef, at: u32) {
        let block = self.city.block_of(Owner::person(person));
        let cases = self.cases_of_block.entry(block).or_default();
        cases.push((diagnosis, at));
        let level = match cases.len() {
            1 => AreaLevel::Medium,
            3 => AreaLevel::High,
            _ => return,
        };
        let evidence = cases.iter().map(|(diagnosis, _)| *diagnosis).collect();
        // Cases are not found in the order of their diagnoses: the latest decides when the evidence is complete.
        let complete_at = cases.iter().map(|(_, at)| *at).max().unwrap_or(at);
        let mut rng = self.stream(CARE, person, 3);
        let recorded_at = complete_at + rng.between(3 * HOUR, 10 * HOUR);
        let effective = recorded_at + rng.between(HOUR, 6 * HOUR);
        let area = Area::Block(block);
        let declaration = Declaration { area, level, until: self.city.after_day(effective) + 14 * DAY, evidence };
        let owner = Owner::block(block);
        let what = What::AreaDeclared(Box::new(declaration));
        outbreak.journal.enter(self.city, owner, Desk::Headquarters, Time::At(effective), recorded_at, what);
        if level == AreaLevel::Medium && rng.chance(0.3) {
            let end = self.city.after_day(effective) + rng.between(7, 11) * DAY;
            outbreak.journal.enter(
                self.city,
                owner,
                Desk::Headquarters,
                Time::At(end),
                end + 600,
                What::AreaEnded { area },
            );
        }
    }
}
