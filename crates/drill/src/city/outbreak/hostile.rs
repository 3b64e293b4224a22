//! Two officers who abuse the system, and a forwarded venue code: what safeguards have to catch.

use sizao_model::{ContactClass, fact::EvidenceKind};

use super::Outbreak;
use crate::{
    city::{
        City, Owner,
        days::Stay,
        event::{Area, Desk, Event, Time, What},
        truth::Truth,
    },
    random::{Process, Stream},
};

const HOSTILE: Process = Process::named("hostile");
const HOUR: u32 = 3600;
const DAY: u32 = 24 * HOUR;

impl City {
    /// In the middle of the time: officer A uploads a list of people who met no case; the next day officer B records
    /// stays in a declared community that never were; people scan a venue code that was sent to them.
    pub(super) fn act_hostile(&self, outbreak: &mut Outbreak) {
        let middle = self.midnight(self.options().days / 2);
        let people = self.options().people;
        self.upload_list(outbreak, middle + 10 * HOUR, (u64::from(people) * 1317 / 1_000_000).clamp(5, 1317) as u32);
        self.record_false_stays(outbreak, middle + 9 * HOUR, (people / 15_000).clamp(3, 60));
        self.scan_from_afar(outbreak, middle + 11 * HOUR, (u64::from(people) * 871 / 1_000_000).clamp(3, 871) as u32);
    }

    fn upload_list(&self, outbreak: &mut Outbreak, at: u32, count: u32) {
        let mut rng = Stream::new(self.options().seed, HOSTILE, 0, 0);
        let Some(case) = outbreak.known_case(at) else { return };
        for row in 0..count {
            let person = rng.below(self.options().people);
            let is_near = self.block_of(Owner::person(person)) == self.block_of(Owner::person(case));
            if is_near || outbreak.by_person.contains_key(&person) {
                continue;
            }
            let from = at - 3 * DAY;
            let what = What::Exposure {
                case: Some(case),
                via: None,
                evidence: EvidenceKind::ListRow,
                class: ContactClass::CloseContact,
            };
            let (owner, happened) = (Owner::person(person), Time::During(from, from + 2 * HOUR));
            let fact = outbreak.journal.enter(self, owner, Desk::HostileList, happened, at + row / 8, what);
            outbreak.journal.truths.push(Truth::False { fact, reason: "officer_a" });
        }
    }

    fn record_false_stays(&self, outbreak: &mut Outbreak, at: u32, count: u32) {
        let mut rng = Stream::new(self.options().seed, HOSTILE, 1, 0);
        let Some(block) = outbreak.known_area(self, at - 3 * DAY) else { return };
        for row in 0..count {
            let person = rng.below(self.options().people);
            let owner = Owner::person(person);
            if self.block_of(owner) == block {
                continue;
            }
            let happened = Time::During(at - 3 * DAY, at - 3 * DAY + 8 * HOUR);
            let what = What::Stay { area: Area::Block(block), evidence: EvidenceKind::Declared };
            let fact = outbreak.journal.enter(self, owner, Desk::HostileStays, happened, at + row * 40, what);
            outbreak.journal.truths.push(Truth::False { fact, reason: "officer_b" });
        }
    }

    fn scan_from_afar(&self, outbreak: &mut Outbreak, at: u32, count: u32) {
        let mut rng = Stream::new(self.options().seed, HOSTILE, 2, 0);
        let place = self.places().count() - 1;
        for _ in 0..count {
            let (person, enter) = (rng.below(self.options().people), at + rng.below(8 * HOUR));
            if outbreak.remote_scans.insert(person, Stay { place, enter, leave: enter }).is_none() {
                outbreak.journal.truths.push(Truth::RemoteScan { person, place, at: enter });
            }
        }
    }
}

impl Outbreak {
    /// The first case that was on record by then; else whoever brought the disease in.
    fn known_case(&self, at: u32) -> Option<u32> {
        let diagnosis = self.first_before(at, |event| matches!(event.what, What::Diagnosis { .. }));
        let first = self.infections.first().map(|infection| infection.truth.person);
        diagnosis.and_then(|event| event.of.owner.person_number()).or(first)
    }

    /// The block whose area was the first to be declared by then; else that of the first case.
    fn known_area(&self, city: &City, at: u32) -> Option<u32> {
        let declared = self.first_before(at, |event| matches!(event.what, What::AreaDeclared(_)));
        let owner = declared.map(|event| event.of.owner);
        owner.or_else(|| self.known_case(at).map(Owner::person)).map(|owner| city.block_of(owner))
    }

    fn first_before(&self, at: u32, wanted: impl Fn(&Event) -> bool) -> Option<&Event> {
        let events = self.journal.events.values().flatten();
        events.filter(|event| event.recorded_at < at && wanted(event)).min_by_key(|event| (event.recorded_at, event.of))
    }
}
