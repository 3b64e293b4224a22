//! Workplaces, classes and venues, and who belongs where.
//!
//! Place numbers of the ledger: homes first (a home has its household's number), then workplaces and classes, then
//! venues.

use std::ops::Range;

use super::{
    census::County,
    people::{Block, Occupation, Person},
};
use crate::random::{Process, Stream};

const JOBS: Process = Process::named("jobs");
const WORKPLACES: Process = Process::named("workplaces");
const VENUES: Process = Process::named("venues");

/// People per venue.
const PEOPLE_PER_VENUE: u32 = 60;
/// Blocks that share schools.
const BLOCKS_PER_CATCHMENT: u32 = 4;

/// Kind of a place where people meet by day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum PlaceKind {
    Home,
    Workplace,
    Class,
    Shop,
    Restaurant,
    Market,
    Pharmacy,
    Clinic,
    Bath,
    Chess,
    Karaoke,
    Cinema,
    Station,
}

impl PlaceKind {
    /// Chinese name.
    pub const fn name_zh(self) -> &'static str {
        match self {
            Self::Home => "住户",
            Self::Workplace => "单位",
            Self::Class => "班级",
            Self::Shop => "商店",
            Self::Restaurant => "餐馆",
            Self::Market => "市场",
            Self::Pharmacy => "药店",
            Self::Clinic => "诊所",
            Self::Bath => "浴池",
            Self::Chess => "棋牌室",
            Self::Karaoke => "歌厅",
            Self::Cinema => "影院",
            Self::Station => "车站",
        }
    }

    /// Closed rooms where many stay long: the air is shared more than elsewhere.
    pub const fn is_close(self) -> bool {
        matches!(self, Self::Restaurant | Self::Bath | Self::Chess | Self::Karaoke)
    }
}

/// A workplace or class with its members.
#[derive(Clone, Debug)]
pub struct Group {
    /// Workplace or class.
    pub kind: PlaceKind,
    /// County by number.
    pub county: u32,
    /// Its members, as a range of [`Places::members`].
    pub members: Range<u32>,
    /// Who teaches a class.
    pub teacher: Option<u32>,
}

/// All places of the city but the homes.
#[derive(Clone, Debug, Default)]
pub struct Places {
    homes: u32,
    groups: Vec<Group>,
    members: Vec<u32>,
    /// Start of each county's venues; one more at the end.
    venues_of: Vec<u32>,
    kinds: Vec<PlaceKind>,
    city_of: Vec<Range<u32>>,
}

impl Places {
    pub(super) fn assign(
        people: &mut [Person],
        blocks: &[Block],
        counties: &[County],
        homes: usize,
        seed: u64,
    ) -> Self {
        let mut places = Self { homes: homes as u32, city_of: cities(counties), ..Self::default() };
        let classes = places.fill_classes(people, blocks);
        places.fill_workplaces(people, blocks, seed, &classes);
        places.open_venues(blocks, counties.len(), seed);
        places
    }

    /// Workplaces and classes.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Number of homes, which is the place number of the first group.
    pub const fn homes(&self) -> u32 {
        self.homes
    }

    /// Number of all places.
    pub fn count(&self) -> u32 {
        self.first_venue() + self.kinds.len() as u32
    }

    /// Place number of the first venue.
    pub fn first_venue(&self) -> u32 {
        self.homes + self.groups.len() as u32
    }

    /// Members of a group by person number.
    pub fn members(&self, group: u32) -> &[u32] {
        let range = &self.groups[group as usize].members;
        &self.members[range.start as usize..range.end as usize]
    }

    /// Place number of a group.
    pub const fn group_place(&self, group: u32) -> u32 {
        self.homes + group
    }

    /// The group at a place, if it is one.
    pub fn group_at(&self, place: u32) -> Option<u32> {
        (self.homes..self.first_venue()).contains(&place).then(|| place - self.homes)
    }

    /// Kind of a place.
    pub fn kind(&self, place: u32) -> PlaceKind {
        if place < self.homes {
            PlaceKind::Home
        } else {
            match self.group_at(place) {
                Some(group) => self.groups[group as usize].kind,
                None => self.kinds[(place - self.first_venue()) as usize],
            }
        }
    }

    /// County of a venue by its place number.
    pub fn county_of_venue(&self, place: u32) -> u32 {
        let venue = place - self.first_venue();
        self.venues_of.partition_point(|&start| start <= venue) as u32 - 1
    }

    /// A venue of the county, popular ones more often; of another county in the same city if this one has none.
    pub(super) fn draw_venue(&self, county: u32, rng: &mut Stream) -> u32 {
        let start = self.venues_of[county as usize];
        let count = self.venues_of[county as usize + 1] - start;
        if count == 0 {
            return self.first_venue() + rng.below(self.kinds.len() as u32);
        }
        let u = rng.unit();
        self.first_venue() + start + (u * u * f64::from(count)) as u32
    }

    /// Another county of the same city, or the same one.
    pub(super) fn draw_neighbour(&self, county: u32, rng: &mut Stream) -> u32 {
        let city = &self.city_of[county as usize];
        city.start + rng.below(city.end - city.start)
    }

    /// Classes of up to 45 by year of age within a catchment; each wants a teacher. Returns county and class.
    fn fill_classes(&mut self, people: &mut [Person], blocks: &[Block]) -> Vec<(u32, u32)> {
        let mut wanted = Vec::new();
        let mut start = 0;
        while start < blocks.len() {
            let county = blocks[start].county;
            let end = (start + BLOCKS_PER_CATCHMENT as usize)
                .min(start + blocks[start..].iter().take_while(|block| block.county == county).count());
            let range = blocks[start].first..blocks[end - 1].first + blocks[end - 1].size;
            let mut by_age: Vec<Vec<u32>> = vec![Vec::new(); 24];
            for number in range.filter(|&number| people[number as usize].occupation == Occupation::Pupil) {
                by_age[usize::from(people[number as usize].age)].push(number);
            }
            for pupils in by_age.iter().filter(|pupils| !pupils.is_empty()) {
                let classes = pupils.len().div_ceil(45);
                for class in pupils.chunks(pupils.len().div_ceil(classes)) {
                    let group = self.open_group(PlaceKind::Class, county, class, people);
                    wanted.push((county, group));
                }
            }
            start = end;
        }
        wanted
    }

    fn open_group(&mut self, kind: PlaceKind, county: u32, members: &[u32], people: &mut [Person]) -> u32 {
        let (group, first) = (self.groups.len() as u32, self.members.len() as u32);
        self.members.extend_from_slice(members);
        self.groups.push(Group { kind, county, members: first..first + members.len() as u32, teacher: None });
        for &member in members {
            people[member as usize].group = Some(group);
        }
        group
    }

    /// Everybody at work gets a workplace: four of five in the own county, the others in the city or beyond.
    fn fill_workplaces(&mut self, people: &mut [Person], blocks: &[Block], seed: u64, classes: &[(u32, u32)]) {
        let mut jobs: Vec<Vec<u32>> = vec![Vec::new(); self.city_of.len()];
        let mut inhabited: Vec<u32> = blocks.iter().map(|block| block.county).collect();
        inhabited.dedup();
        for block in blocks {
            for number in block.first..block.first + block.size {
                let at_work = !matches!(
                    people[number as usize].occupation,
                    Occupation::AtHome | Occupation::Pupil | Occupation::Trucker
                );
                if at_work {
                    let mut rng = Stream::new(seed, JOBS, number.into(), 0);
                    let county = match rng.unit() {
                        u if u < 0.80 => block.county,
                        u if u < 0.97 => self.draw_neighbour(block.county, &mut rng),
                        _ => *rng.pick(&inhabited),
                    };
                    jobs[county as usize].push(number);
                }
            }
        }
        for (county, jobs) in jobs.iter_mut().enumerate() {
            let mut rng = Stream::new(seed, WORKPLACES, county as u64, 0);
            rng.shuffle(jobs);
            let mut classes = classes.iter().filter(|class| class.0 == county as u32);
            jobs.retain(|&number| {
                let person = &mut people[number as usize];
                let teaches = person.occupation == Occupation::Worker && (22..60).contains(&person.age);
                match teaches.then(|| classes.next()).flatten() {
                    Some(&(_, class)) => {
                        self.groups[class as usize].teacher = Some(number);
                        (person.occupation, person.group) = (Occupation::Teacher, Some(class));
                        false
                    }
                    None => true,
                }
            });
            let mut rest = &jobs[..];
            while !rest.is_empty() {
                let size = (rng.lognormal(9.0, 1.1) as usize).clamp(1, 400).min(rest.len());
                self.open_group(PlaceKind::Workplace, county as u32, &rest[..size], people);
                rest = &rest[size..];
            }
        }
    }

    fn open_venues(&mut self, blocks: &[Block], counties: usize, seed: u64) {
        const MIX: [(PlaceKind, u64); 10] = [
            (PlaceKind::Shop, 40),
            (PlaceKind::Restaurant, 24),
            (PlaceKind::Market, 6),
            (PlaceKind::Pharmacy, 8),
            (PlaceKind::Clinic, 7),
            (PlaceKind::Bath, 3),
            (PlaceKind::Chess, 4),
            (PlaceKind::Karaoke, 3),
            (PlaceKind::Cinema, 3),
            (PlaceKind::Station, 2),
        ];
        let mut people = vec![0; counties];
        for block in blocks {
            people[block.county as usize] += block.size;
        }
        for (county, people) in people.iter().enumerate() {
            self.venues_of.push(self.kinds.len() as u32);
            let mut rng = Stream::new(seed, VENUES, county as u64, 0);
            for _ in 0..people.div_ceil(PEOPLE_PER_VENUE) {
                self.kinds.push(MIX[rng.weighted(MIX.iter().map(|kind| kind.1))].0);
            }
        }
        self.venues_of.push(self.kinds.len() as u32);
    }
}

/// For each county the range of counties of its city; they follow one another in the census.
fn cities(counties: &[County]) -> Vec<Range<u32>> {
    let city = |county: &County| county.code.at(sizao_model::division::DivisionLevel::City);
    let mut ranges: Vec<Range<u32>> = Vec::with_capacity(counties.len());
    for part in counties.chunk_by(|a, b| city(a) == city(b)) {
        let start = ranges.len() as u32;
        ranges.extend(std::iter::repeat_n(start..start + part.len() as u32, part.len()));
    }
    ranges
}
