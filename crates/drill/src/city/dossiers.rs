//! Dossiers: a person's facts together with the facts about others on which their meaning rests.

use rustc_hash::{FxHashMap, FxHashSet};
use sizao_model::{Fact, PersonId};

use super::{
    City, Owner,
    event::{Area, Event, FactRef, Fix, Tube, What},
};

/// What an assessment of one person needs.
#[derive(Clone, Debug)]
pub struct Dossier {
    /// Person number.
    pub person: u32,
    /// The person's id in the facts.
    pub id: PersonId,
    /// Own facts first, then those referred to.
    pub facts: Vec<Fact>,
}

impl City {
    /// The dossiers of a block's people, in order.
    ///
    /// Each holds the facts of both records of the person, results of the person's tubes, facts that corrections move
    /// to the person, diagnoses and isolation of cases met, all that is known of contacts met (for contacts' contacts),
    /// and declarations of areas stayed in.
    pub fn dossiers_of_block(&self, block: u32) -> Vec<Dossier> {
        let events = self.events_of_block(block);
        let mut own: FxHashMap<u32, Vec<&Event>> = FxHashMap::default();
        let mut tubes: FxHashMap<Tube, Vec<&Event>> = FxHashMap::default();
        for event in &events {
            if let Some(person) = event.of.owner.person_number() {
                own.entry(person).or_default().push(event);
            }
            match event.what {
                What::TubeResult { tube, .. } => tubes.entry(tube).or_default().push(event),
                What::Correction { of, fix: Fix::Person(right) } => {
                    let moved = own.entry(right).or_default();
                    moved.extend(events.iter().filter(|other| other.of == of || other.of == event.of));
                }
                _ => {}
            }
        }
        let people = &self.blocks()[block as usize];
        (people.first..people.first + people.size)
            .map(|person| {
                let mut pile = Pile { city: self, seen: FxHashSet::default(), events: Vec::new() };
                for event in own.get(&person).into_iter().flatten() {
                    pile.add_own(event, &tubes);
                }
                for &of in self.outbreak().moved_to(person) {
                    pile.add_where(of.owner, |event| {
                        event.of == of
                            || matches!(event.what, What::Correction { of: corrected, .. } if corrected == of)
                    });
                }
                let facts = pile.events.iter().map(|event| event.fact(self)).collect();
                Dossier { person, id: PersonId::from_label(&Owner::person(person).code()), facts }
            })
            .collect()
    }
}

struct Pile<'a> {
    city: &'a City,
    seen: FxHashSet<FactRef>,
    events: Vec<Event>,
}

impl Pile<'_> {
    fn add(&mut self, event: &Event) {
        if self.seen.insert(event.of) {
            self.events.push(event.clone());
        }
    }

    fn add_own(&mut self, event: &Event, tubes: &FxHashMap<Tube, Vec<&Event>>) {
        self.add(event);
        match &event.what {
            What::Sample { tube: Some(tube), .. } => {
                tubes.get(tube).into_iter().flatten().for_each(|result| self.add(result));
            }
            What::Exposure { case, via, .. } => {
                case.iter().for_each(|&case| self.add_case(case));
                via.iter().for_each(|&via| self.add_contact(via));
            }
            What::Stay { area: Area::Block(block), .. } => {
                self.add_where(Owner::block(*block), |event| {
                    matches!(event.what, What::AreaDeclared(_) | What::AreaEnded { .. })
                });
            }
            _ => {}
        }
    }

    fn add_case(&mut self, case: u32) {
        self.add_where(Owner::person(case), |event| {
            matches!(
                event.what,
                What::Diagnosis { .. }
                    | What::IsolationStarted { .. }
                    | What::Discharge
                    | What::Death
                    | What::Correction { .. }
            )
        });
    }

    /// A close contact with its own exposures and their cases, so that the chain can be followed.
    fn add_contact(&mut self, via: u32) {
        let before = self.events.len();
        self.add_where(Owner::person(via), |_| true);
        let cases: Vec<u32> = self.events[before..]
            .iter()
            .filter_map(|event| if let What::Exposure { case, .. } = event.what { case } else { None })
            .collect();
        cases.into_iter().for_each(|case| self.add_case(case));
    }

    fn add_where(&mut self, owner: Owner, wanted: impl Fn(&Event) -> bool) {
        let city = self.city;
        let end = city.midnight(city.options().days);
        let events = city.outbreak().events_of_block(city.block_of(owner));
        for event in events.iter().filter(|event| event.of.owner == owner && event.recorded_at < end && wanted(event)) {
            self.add(event);
        }
    }
}
