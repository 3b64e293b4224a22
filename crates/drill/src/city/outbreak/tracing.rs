//! Tracing: from the meetings of a case to exposures with their evidence, isolation, tests, and contacts' contacts.

use std::{cmp::Reverse, collections::BTreeMap};

use sizao_model::{
    ContactClass,
    fact::{ConfirmedBy, EvidenceKind},
};

use super::{
    Outbreak,
    control::{Control, DAY, Due, HOUR},
    spread::Meeting,
};
use crate::{
    city::{
        Owner,
        event::{Desk, Fix, Site, Time, What},
        places::PlaceKind,
        truth::Truth,
    },
    random::{Process, Stream},
};

const TRACING: Process = Process::named("tracing");
const COMPANIONS: Process = Process::named("companions");

/// Time together that makes a close contact outside the home; seconds.
const CLOSE_FROM: u32 = 15 * 60;
/// Meetings shorter than this leave no trace in anybody's memory; seconds.
const NOTICED_FROM: u32 = 5 * 60;

/// What tracing makes of one other person.
struct Contact {
    other: u32,
    from: u32,
    to: u32,
    seconds: u32,
    kind: PlaceKind,
    longest: u32,
}

impl Control<'_> {
    /// Traces the meetings of a case from a moment until its isolation.
    pub(super) fn trace(&mut self, outbreak: &mut Outbreak, case: u32, at: u32, from: u32, isolated_at: u32) {
        let meetings = self.meetings.remove(&case).unwrap_or_default();
        let person = outbreak.infections[case as usize].truth.person;
        for contact in gather(&meetings, from, isolated_at, |place| self.city.places().kind(place)) {
            if !self.is_diagnosed(contact.other) {
                self.find(outbreak, person, at, isolated_at, &contact);
            }
        }
        self.ask_companions(outbreak, person, &meetings, at);
    }

    fn find(&mut self, outbreak: &mut Outbreak, case: u32, at: u32, isolated_at: u32, contact: &Contact) {
        let mut rng =
            Stream::new(self.city.options().seed, TRACING, u64::from(case) << 32 | u64::from(contact.other), 0);
        let (found, hours, evidence) = how_found(contact.kind, &mut rng);
        if !rng.chance(found) {
            return;
        }
        let is_home = contact.kind == PlaceKind::Home;
        let to = if is_home { contact.to.max(isolated_at) } else { contact.to };
        let late = if rng.chance(0.03) { rng.between(DAY, 4 * DAY) } else { 0 };
        let recorded_at = (at + rng.between(HOUR, hours * HOUR)).max(to) + rng.between(300, HOUR) + late;
        let is_close = is_home || contact.seconds >= CLOSE_FROM;
        let class = if is_close { ContactClass::CloseContact } else { ContactClass::GeneralContact };
        let what = What::Exposure { case: Some(case), via: None, evidence, class };
        let happened = Time::During(contact.from, to);
        if rng.chance(0.01) {
            self.file_wrongly(outbreak, contact.other, happened, recorded_at, what, &mut rng);
            return;
        }
        let owner = Owner::person(contact.other);
        let exposure = outbreak.journal.enter(self.city, owner, Desk::Cdc, happened, recorded_at, what);
        let mut known_at = recorded_at;
        if is_lead(evidence) {
            if !rng.chance(0.85) {
                return;
            }
            known_at += rng.between(HOUR, 6 * HOUR);
            let by = if rng.chance(0.5) { ConfirmedBy::Epidemiologist } else { ConfirmedBy::Person };
            let what = What::Confirmation { of: exposure, by };
            outbreak.journal.enter(self.city, owner, Desk::Cdc, Time::At(known_at - 60), known_at, what);
        }
        if is_close {
            self.isolate_contact(outbreak, contact.other, contact.from, to, known_at, &mut rng);
            if !is_home {
                self.find_secondary(outbreak, contact.other, contact.from, known_at);
            }
        }
    }

    /// A contact put down for the next person in the list; put right within two days.
    fn file_wrongly(&self, outbreak: &mut Outbreak, right: u32, happened: Time, at: u32, what: What, rng: &mut Stream) {
        let wrong = if right + 1 < self.city.people().len() as u32 { right + 1 } else { right - 1 };
        let owner = Owner::person(wrong);
        let fact = outbreak.journal.enter(self.city, owner, Desk::Cdc, happened, at, what);
        let found = at + rng.between(3 * HOUR, 2 * DAY);
        let what = What::Correction { of: fact, fix: Fix::Person(right) };
        let correction = outbreak.journal.enter(self.city, owner, Desk::Cdc, Time::At(found - 60), found, what);
        outbreak.journal.moved.entry(right).or_default().push(fact);
        outbreak.journal.truths.push(Truth::WrongPerson { fact, right, correction: Some(correction) });
    }

    /// Fourteen days from the last contact in a hotel, tests on days 1, 4, 7 and 14 of isolation (protocol v8).
    fn isolate_contact(
        &mut self,
        outbreak: &mut Outbreak,
        person: u32,
        first: u32,
        last: u32,
        at: u32,
        rng: &mut Stream,
    ) {
        let until = self.city.after_day(last) + 14 * DAY;
        let entered = at + rng.between(HOUR, 12 * HOUR);
        if self.contacts.contains_key(&person) || entered >= until {
            return;
        }
        self.contacts.insert(person, first);
        let county = self.city.blocks()[self.city.block_of(Owner::person(person)) as usize].county;
        let site = Site::Hotel { county, number: rng.below(4) as u8, floor: rng.between(2, 9) as u8 };
        self.isolate(outbreak, person, entered, until, site, &[1, 4, 7, 14], rng);
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "who, when, where, which tests: each has its type and is named at the call"
    )]
    fn isolate(
        &mut self,
        outbreak: &mut Outbreak,
        person: u32,
        from: u32,
        until: u32,
        site: Site,
        tests: &[u32],
        rng: &mut Stream,
    ) {
        let owner = Owner::person(person);
        if self.city.trips(person).iter().any(|trip| (trip.left_at..trip.back_at).contains(&from)) {
            return;
        }
        let what = What::IsolationStarted { site };
        outbreak.journal.enter(self.city, owner, Desk::Community, Time::At(from), from + rng.between(60, HOUR), what);
        outbreak.confine(person, from, until);
        for day in tests {
            let at =
                (self.city.midnight_of(from) + (day - 1) * DAY + rng.between(9 * HOUR, 12 * HOUR)).max(from + 1800);
            if at < until {
                self.queue.push(Reverse((at, Due::ContactTest(person))));
            }
        }
        self.queue.push(Reverse((until + rng.between(HOUR, 10 * HOUR), Due::Leave(person))));
    }

    /// Those who live with a close contact: seven days at home, tests on days 1, 4 and 7 (protocol v8).
    fn find_secondary(&mut self, outbreak: &mut Outbreak, via: u32, first: u32, at: u32) {
        let isolated = outbreak.confinements(via).iter().map(|confinement| confinement.from).min().unwrap_or(at);
        let household = self.city.people()[via as usize].household;
        for member in self.city.household_members(household) {
            let is_known = self.is_diagnosed(member) || self.contacts.contains_key(&member);
            let mut rng = Stream::new(self.city.options().seed, TRACING, u64::from(via) << 32 | u64::from(member), 1);
            if member == via || is_known || !rng.chance(0.9) || !self.secondary.insert(member) {
                continue;
            }
            let recorded_at = at.max(isolated) + rng.between(HOUR, 8 * HOUR);
            let what = What::Exposure {
                case: None,
                via: Some(via),
                evidence: EvidenceKind::Interview,
                class: ContactClass::SecondaryContact,
            };
            let owner = Owner::person(member);
            let happened = Time::During(first, isolated.max(first + 1));
            outbreak.journal.enter(self.city, owner, Desk::Cdc, happened, recorded_at, what);
            let from = recorded_at + rng.between(HOUR, 6 * HOUR);
            let until = self.city.after_day(isolated) + 7 * DAY;
            if from < until {
                self.isolate(outbreak, member, from, until, Site::Home { household }, &[1, 4, 7], &mut rng);
            }
        }
    }

    /// Telephones in the same cell: questions only, and most of them about people who met nobody.
    fn ask_companions(&self, outbreak: &mut Outbreak, case: u32, meetings: &[Meeting], at: u32) {
        let mut rng = self.stream(COMPANIONS, case, 0);
        let block = &self.city.blocks()[self.city.block_of(Owner::person(case)) as usize];
        for _ in 0..4 {
            let other = block.first + rng.below(block.size);
            if other == case || self.is_diagnosed(other) {
                continue;
            }
            let from = self.city.midnight_of(at) - DAY + rng.between(8 * HOUR, 18 * HOUR);
            let what = What::Exposure {
                case: Some(case),
                via: None,
                evidence: EvidenceKind::CellLocation,
                class: ContactClass::SpacetimeCompanion,
            };
            let happened = Time::During(from, from + rng.between(600, 2 * HOUR));
            let recorded_at = at + rng.between(4 * HOUR, DAY);
            let owner = Owner::person(other);
            let fact = outbreak.journal.enter(self.city, owner, Desk::AssistList, happened, recorded_at, what);
            if !meetings.iter().any(|meeting| meeting.other == other) {
                outbreak.journal.truths.push(Truth::False { fact, reason: "cell" });
            }
        }
    }
}

/// Share found, hours until recorded at most, and evidence, by where it was.
fn how_found(kind: PlaceKind, rng: &mut Stream) -> (f64, u32, EvidenceKind) {
    match kind {
        PlaceKind::Home => (1.0, 5, EvidenceKind::Interview),
        PlaceKind::Class => (0.95, 12, EvidenceKind::Interview),
        PlaceKind::Workplace => (0.85, 16, EvidenceKind::Interview),
        _ => {
            let evidence = match rng.unit() {
                u if u < 0.65 => EvidenceKind::VenueScan,
                u if u < 0.75 => EvidenceKind::Payment,
                u if u < 0.85 => EvidenceKind::ListRow,
                u if u < 0.93 => EvidenceKind::Camera,
                _ => EvidenceKind::Interview,
            };
            (0.65, 30, evidence)
        }
    }
}

const fn is_lead(evidence: EvidenceKind) -> bool {
    matches!(evidence.grade(), sizao_model::fact::EvidenceGrade::Lead)
}

/// Contacts of a case between two moments, by person.
fn gather(meetings: &[Meeting], from: u32, to: u32, kind: impl Fn(u32) -> PlaceKind) -> Vec<Contact> {
    let mut contacts: BTreeMap<u32, Contact> = BTreeMap::new();
    for meeting in meetings.iter().filter(|meeting| meeting.to > from && meeting.from < to) {
        let (start, end) = (meeting.from.max(from), meeting.to.min(to));
        let (seconds, kind) = (end - start, kind(meeting.place));
        contacts
            .entry(meeting.other)
            .and_modify(|contact| {
                (contact.from, contact.to) = (contact.from.min(start), contact.to.max(end));
                contact.seconds += seconds;
                if seconds > contact.longest {
                    (contact.longest, contact.kind) = (seconds, kind);
                }
            })
            .or_insert(Contact { other: meeting.other, from: start, to: end, seconds, kind, longest: seconds });
    }
    contacts.into_values().filter(|contact| contact.seconds >= NOTICED_FROM).collect()
}
