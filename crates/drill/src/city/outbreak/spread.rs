//! Spread: day by day, whoever shares a room with an infectious person may be infected.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::{Course, Infection, Outbreak, control::Control};
use crate::{
    city::{
        City,
        days::{Day, Stay},
        places::PlaceKind,
        trips::ORIGINS,
        truth::TrueInfection,
    },
    random::{Process, Stream},
};

const IMPORTS: Process = Process::named("imports");
const COURSES: Process = Process::named("courses");
const SPREAD: Process = Process::named("spread");
const DAY: u32 = 86_400;

/// Hazard per hour together at the peak of infectiousness, by kind of place.
const fn hazard_per_hour(kind: PlaceKind) -> f64 {
    match kind {
        PlaceKind::Home => 0.020,
        PlaceKind::Workplace => 0.014,
        PlaceKind::Class => 0.006,
        kind if kind.is_close() => 0.10,
        _ => 0.02,
    }
}

/// People who share a room at a large workplace.
const ROOM: usize = 12;

/// Time that an infectious person and another spent at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Meeting {
    pub case: u32,
    pub other: u32,
    pub from: u32,
    pub to: u32,
    pub place: u32,
}

impl City {
    /// Plays the outbreak.
    pub(in crate::city) fn play(&self) -> Outbreak {
        let mut control = Control::new(self);
        let mut outbreak = Outbreak::default();
        for infection in self.draw_imports() {
            control.add(&mut outbreak, infection);
        }
        for day in 0..self.options().days {
            control.work_off(&mut outbreak, self.midnight(day + 1));
            let meetings = self.find_meetings(&outbreak, day);
            for infection in self.draw_infections(&outbreak, &meetings) {
                control.add(&mut outbreak, infection);
            }
            control.remember(&meetings);
        }
        self.act_hostile(&mut outbreak);
        outbreak
    }

    /// People who come in infected from places at risk, from five days before the records to half their time.
    fn draw_imports(&self) -> Vec<Infection> {
        let options = self.options();
        let wanted = options.imported.unwrap_or((options.people / 25_000).max(3));
        let window = self.midnight(0) - 5 * DAY..self.midnight(options.days.div_ceil(2));
        let mut rng = Stream::new(options.seed, IMPORTS, 0, 0);
        let mut found: FxHashMap<u32, u32> = FxHashMap::default();
        let mut imports = Vec::new();
        for attempt in 0..4 * options.people {
            if imports.len() as u32 == wanted {
                break;
            }
            let person = rng.below(options.people);
            let trip = self
                .trips(person)
                .into_iter()
                .find(|trip| window.contains(&trip.back_at) && ORIGINS[usize::from(trip.origin)].is_risky);
            // In a small city hardly anybody comes back: after many tries anybody brings it in.
            let (earliest, back_at) = match trip {
                Some(trip) => (trip.left_at, trip.back_at),
                None if attempt > 2 * options.people => (self.midnight(0) - 2 * DAY, self.midnight(0)),
                None => continue,
            };
            if found.insert(person, 0).is_none() {
                let at = back_at - rng.below((back_at - earliest).min(3 * DAY));
                imports.push(self.infect(person, at, None));
            }
        }
        imports
    }

    fn infect(&self, person: u32, at: u32, by: Option<(u32, u32)>) -> Infection {
        let mut rng = Stream::new(self.options().seed, COURSES, person.into(), 0);
        let course = Course::draw(at, self.people()[person as usize].age, &mut rng);
        let truth = TrueInfection {
            person,
            by: by.map(|by| by.0),
            at,
            place: by.map(|by| by.1),
            onset_at: course.is_symptomatic.then_some(course.peak_at),
            infectious_from: course.infectious_from,
            infectious_until: course.infectious_until,
            diagnosis: None,
        };
        Infection { truth, course }
    }

    /// A person's day with isolation taken out.
    fn free_day(&self, outbreak: &Outbreak, person: u32, day: u32) -> Day {
        let mut plan = self.day(person, day, &self.trips(person));
        plan.cut_all(outbreak.confinements(person));
        plan
    }

    /// All meetings of infectious people on a day, sorted.
    fn find_meetings(&self, outbreak: &Outbreak, day: u32) -> Vec<Meeting> {
        let (start, end) = (self.midnight(day), self.midnight(day + 1));
        let active: Vec<(u32, Day)> = (0..outbreak.infections.len() as u32)
            .into_par_iter()
            .filter(|&case| {
                let course = &outbreak.infections[case as usize].course;
                course.infectious_from < end && course.infectious_until > start
            })
            .map(|case| (case, self.free_day(outbreak, outbreak.infections[case as usize].truth.person, day)))
            .collect();
        let mut meetings: Vec<Meeting> =
            active.par_iter().flat_map_iter(|(case, plan)| self.meet_acquainted(outbreak, *case, plan, day)).collect();
        meetings.extend(self.meet_at_venues(outbreak, &active, day));
        meetings.par_sort_unstable();
        meetings
    }

    /// Meetings with those of the same household, room at work, or class.
    fn meet_acquainted(&self, outbreak: &Outbreak, case: u32, plan: &Day, day: u32) -> Vec<Meeting> {
        let person = outbreak.infections[case as usize].truth.person;
        let someone = &self.people()[person as usize];
        let mut others: Vec<u32> = self.household_members(someone.household).collect();
        if let Some(group) = someone.group {
            let (members, teacher) = (self.places().members(group), self.places().groups()[group as usize].teacher);
            let room = match members.iter().position(|&member| member == person) {
                Some(at) if self.places().groups()[group as usize].kind == PlaceKind::Workplace => {
                    &members[at / ROOM * ROOM..members.len().min((at / ROOM + 1) * ROOM)]
                }
                _ => members,
            };
            others.extend(room.iter().copied().chain(teacher));
        }
        others.sort_unstable();
        others.dedup();
        let mut meetings = Vec::new();
        for other in others.into_iter().filter(|&other| other != person) {
            let their = self.free_day(outbreak, other, day);
            for mine in plan.stays().iter().filter(|stay| stay.place < self.places().first_venue()) {
                for stay in their.stays().iter().filter(|stay| stay.place == mine.place) {
                    meetings.extend(meet(case, other, mine, stay));
                }
            }
        }
        meetings
    }

    /// Meetings at venues: everybody's day is looked through for the places and times of the infectious.
    fn meet_at_venues(&self, outbreak: &Outbreak, active: &[(u32, Day)], day: u32) -> Vec<Meeting> {
        let first = self.places().first_venue();
        let mut visits: Vec<(Stay, u32)> = active
            .iter()
            .flat_map(|(case, plan)| plan.stays().iter().map(move |&stay| (stay, *case)))
            .filter(|(stay, _)| stay.place >= first)
            .collect();
        if visits.is_empty() {
            return Vec::new();
        }
        visits.sort_unstable_by_key(|(stay, case)| (stay.place, stay.enter, *case));
        let mut visited = vec![false; (self.places().count() - first) as usize];
        visits.iter().for_each(|(stay, _)| visited[(stay.place - first) as usize] = true);
        (0..self.people().len() as u32)
            .into_par_iter()
            .with_min_len(4096)
            .flat_map_iter(|other| {
                let their = self.day(other, day, &self.trips(other));
                let is_near = |stay: &&Stay| stay.place >= first && visited[(stay.place - first) as usize];
                if !their.stays().iter().any(|stay| is_near(&stay)) {
                    return Vec::new();
                }
                let mut their = their;
                their.cut_all(outbreak.confinements(other));
                let mut meetings = Vec::new();
                for stay in their.stays().iter().filter(is_near) {
                    let at = visits.partition_point(|(visit, _)| visit.place < stay.place);
                    for (visit, case) in visits[at..].iter().take_while(|(visit, _)| visit.place == stay.place) {
                        if outbreak.infections[*case as usize].truth.person != other {
                            meetings.extend(meet(*case, other, visit, stay));
                        }
                    }
                }
                meetings
            })
            .collect()
    }

    /// New infections of the day, at most one a person: the earliest.
    fn draw_infections(&self, outbreak: &Outbreak, meetings: &[Meeting]) -> Vec<Infection> {
        let mut hits: Vec<(u32, Meeting)> = meetings
            .iter()
            .filter(|meeting| !outbreak.by_person.contains_key(&meeting.other))
            .filter_map(|meeting| {
                let case = &outbreak.infections[meeting.case as usize];
                let mut rng = Stream::new(
                    self.options().seed,
                    SPREAD,
                    u64::from(case.truth.person) << 32 | u64::from(meeting.other),
                    meeting.from.into(),
                );
                let middle = meeting.from + (meeting.to - meeting.from) / 2;
                let hours = f64::from(meeting.to - meeting.from) / 3600.0;
                let hazard = hazard_per_hour(self.places().kind(meeting.place))
                    * self.options().transmissibility
                    * case.course.infectiousness(middle);
                let at = meeting.from.max(case.course.infectious_from) + rng.below(meeting.to - meeting.from);
                (rng.chance(1.0 - (-hazard * hours).exp()) && at < meeting.to).then_some((at, *meeting))
            })
            .collect();
        hits.sort_unstable();
        let mut seen = FxHashMap::default();
        hits.retain(|(_, meeting)| seen.insert(meeting.other, ()).is_none());
        let by = |case: u32| outbreak.infections[case as usize].truth.person;
        hits.iter()
            .map(|(at, meeting)| self.infect(meeting.other, *at, Some((by(meeting.case), meeting.place))))
            .collect()
    }
}

fn meet(case: u32, other: u32, mine: &Stay, their: &Stay) -> Option<Meeting> {
    let (from, to) = (mine.enter.max(their.enter), mine.leave.min(their.leave));
    (from < to).then_some(Meeting { case, other, from, to, place: mine.place })
}
