//! Families of one block of the city: ages and sexes by the county's pyramid, then households by its generations.
//!
//! The people of a block are drawn first, spread evenly over the pyramid, and then placed: children with parents some
//! 24 to 32 years older, grandparents above them, couples of near age, singles, dormitories and care homes. So the
//! pyramid and the shares of household types agree with the census whatever the families look like.

use super::{Household, HouseholdKind, Kin, Sex, census::County};
use crate::random::{Process, Stream};

const PEOPLE: Process = Process::named("people");
const HOUSEHOLDS: Process = Process::named("households");
const AGES: usize = 100;

/// One placed person of a block: household by its number in the block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub household: u32,
    pub sex: Sex,
    pub age: u32,
    pub kin: Kin,
}

/// The people of block `block`, household by household, and the households (block and first person still local).
pub(super) fn settle(seed: u64, block: u32, people: u32, county: &County) -> (Vec<Placed>, Vec<Household>) {
    let mut rng = Stream::new(seed, PEOPLE, block.into(), 0);
    let mut crowd = Crowd::default();
    for i in 0..people {
        let u = (f64::from(i) + rng.unit()) / f64::from(people);
        crowd.add(county.person_at(u, &mut rng));
    }
    let mut rng = Stream::new(seed, HOUSEHOLDS, block.into(), 0);
    let mut town = Town { rng: &mut rng, placed: Vec::with_capacity(people as usize), households: Vec::new() };
    let collective = probabilistic_round(f64::from(people) * county.collective_share(), town.rng);
    town.fill_collectives(&mut crowd, collective);
    let wanted = town.draw_households(crowd.len(), county);
    town.fill_families(crowd, wanted);
    (town.placed, town.households)
}

fn probabilistic_round(x: f64, rng: &mut Stream) -> u32 {
    (x + rng.unit()) as u32
}

/// People not yet placed, by sex and age.
#[derive(Default)]
struct Crowd {
    counts: Vec<[u32; 2]>,
    total: u32,
}

impl Crowd {
    fn add(&mut self, (sex, age): (Sex, u32)) {
        self.counts.resize(AGES, [0; 2]);
        self.counts[age as usize][sex as usize] += 1;
        self.total += 1;
    }

    const fn len(&self) -> u32 {
        self.total
    }

    /// Takes the person of this sex (or any) whose age is nearest to `age`.
    fn take(&mut self, sex: Option<Sex>, age: u32) -> Option<(Sex, u32)> {
        let age = (age as usize).min(AGES - 1);
        for distance in 0..AGES {
            for at in [age.checked_sub(distance), Some(age + distance)].into_iter().flatten().filter(|&at| at < AGES) {
                for candidate in [Sex::Male, Sex::Female] {
                    let left = self.counts.get_mut(at)?;
                    if left[candidate as usize] > 0 && sex.is_none_or(|sex| sex == candidate) {
                        left[candidate as usize] -= 1;
                        self.total -= 1;
                        return Some((candidate, at as u32));
                    }
                }
            }
        }
        None
    }

    /// As `take`, of the other sex when there is nobody left of this one.
    fn take_preferring(&mut self, sex: Sex, age: u32) -> Option<(Sex, u32)> {
        self.take(Some(sex), age).or_else(|| self.take(None, age))
    }

    /// Takes out the youngest `count` people.
    fn split_youngest(&mut self, count: u32) -> Self {
        let mut young = Self { counts: vec![[0; 2]; AGES], total: 0 };
        for age in 0..AGES {
            for sex in 0..2 {
                let moved = self.counts[age][sex].min(count - young.total);
                self.counts[age][sex] -= moved;
                young.counts[age][sex] += moved;
                young.total += moved;
            }
        }
        self.total -= young.total;
        young
    }

    /// An age drawn in proportion to those left.
    fn draw_age(&self, rng: &mut Stream) -> u32 {
        rng.weighted(self.counts.iter().map(|of| u64::from(of[0] + of[1]))) as u32
    }
}

/// A household to be filled: how many children, parents, grandparents and great-grandparents.
#[derive(Clone, Copy)]
struct Wanted {
    kind: HouseholdKind,
    layers: [u32; 4],
}

impl Wanted {
    fn size(&self) -> u32 {
        self.layers.iter().sum()
    }
}

struct Town<'a> {
    rng: &'a mut Stream,
    placed: Vec<Placed>,
    households: Vec<Household>,
}

impl Town<'_> {
    fn open(&mut self, kind: HouseholdKind) -> u32 {
        self.households.push(Household { first: self.placed.len() as u32, size: 0, kind, block: 0 });
        self.households.len() as u32 - 1
    }

    fn place(&mut self, household: u32, (sex, age): (Sex, u32), kin: Kin) {
        self.households[household as usize].size += 1;
        self.placed.push(Placed { household, sex, age, kin });
    }

    /// Students' dormitories (62 %), workers' (30 %), care homes (8 %): rooms of six, homes of up to forty.
    fn fill_collectives(&mut self, crowd: &mut Crowd, count: u32) {
        let care = probabilistic_round(f64::from(count) * 0.08, self.rng);
        let students = (f64::from(count) * 0.62) as u32;
        for (kind, count, capacity) in [
            (HouseholdKind::CareHome, care, 40),
            (HouseholdKind::Dormitory, students, 6),
            (HouseholdKind::Dormitory, count - students - care.min(count - students), 6),
        ] {
            let is_students = count == students && kind == HouseholdKind::Dormitory;
            let mut room = None;
            for i in 0..count {
                if i % capacity == 0 {
                    room = Some(self.open(kind));
                }
                let age = match kind {
                    HouseholdKind::CareHome => self.rng.between(72, 92),
                    _ if is_students => self.rng.between(15, 22),
                    _ => self.rng.between(20, 48),
                };
                let (Some(room), Some(person)) = (room, crowd.take(None, age)) else { return };
                self.place(room, person, Kin::Lodger);
            }
        }
    }

    /// Household types by the county's shares, sizes by its mean, together exactly `people` people.
    fn draw_households(&mut self, people: u32, county: &County) -> Vec<Wanted> {
        let share = |count: u64| count as f64 / county.households as f64;
        let single = share(county.single);
        let gen1 = share(county.generations[0]) - single;
        let (gen2, gen3, gen4) =
            (share(county.generations[1]), share(county.generations[2]), share(county.generations[3]));
        // Couples have two, four generations six; what the mean leaves over goes to two and three generations, the
        // latter 1.4 people larger.
        let gen2_size = ((county.household_size_mean() - single - 2.0 * gen1 - 1.4 * gen3 - 6.0 * gen4)
            / (gen2 + gen3))
            .clamp(2.2, 5.5);
        let count = probabilistic_round(f64::from(people) / county.household_size_mean(), self.rng).max(1);
        let mut wanted: Vec<Wanted> = (0..count)
            .map(|i| {
                let u = (f64::from(i) + self.rng.unit()) / f64::from(count);
                if u < single {
                    Wanted { kind: HouseholdKind::Single, layers: [0, 1, 0, 0] }
                } else if u < single + gen1 {
                    Wanted { kind: HouseholdKind::Couple, layers: [0, 2, 0, 0] }
                } else if u < single + gen1 + gen2 {
                    let size = 2 + self.rng.binomial(4, (gen2_size - 2.0) / 4.0);
                    let parents = if size > 2 && self.rng.chance(0.9) { 2 } else { 1 };
                    Wanted { kind: HouseholdKind::TwoGenerations, layers: [size - parents, parents, 0, 0] }
                } else if u < 1.0 - gen4 {
                    let size = 3 + self.rng.binomial(5, (gen2_size - 1.6) / 5.0);
                    let parents = if size > 3 && self.rng.chance(0.85) { 2 } else { 1 };
                    let elders = if size > parents + 1 && self.rng.chance(0.6) { 2.min(size - parents - 1) } else { 1 };
                    Wanted {
                        kind: HouseholdKind::ThreeGenerations,
                        layers: [size - parents - elders, parents, elders, 0],
                    }
                } else {
                    Wanted { kind: HouseholdKind::FourGenerations, layers: [1, 2, 2, 1] }
                }
            })
            .collect();
        self.fit(&mut wanted, people);
        wanted
    }

    /// Adds or takes children until the sizes sum to `people`.
    fn fit(&mut self, wanted: &mut Vec<Wanted>, people: u32) {
        let mut total: u32 = wanted.iter().map(Wanted::size).sum();
        let mut tries = 0;
        while total != people {
            tries += 1;
            if tries > 50 * people {
                // Too few families with children to take from: singles make up the difference.
                match wanted.pop() {
                    Some(last) if total > people => total -= last.size(),
                    Some(last) => {
                        wanted.extend([last, Wanted { kind: HouseholdKind::Single, layers: [0, 1, 0, 0] }]);
                        total += 1;
                    }
                    None => return,
                }
                continue;
            }
            let index = self.rng.below(wanted.len() as u32) as usize;
            let household = &mut wanted[index];
            if matches!(household.kind, HouseholdKind::Single | HouseholdKind::Couple) {
                continue;
            }
            if total < people && household.layers[0] < 4 {
                household.layers[0] += 1;
                total += 1;
            } else if total > people && household.layers[0] > 1 {
                household.layers[0] -= 1;
                total -= 1;
            }
        }
    }

    fn fill_families(&mut self, mut adults: Crowd, mut wanted: Vec<Wanted>) {
        let children = wanted.iter().map(|household| household.layers[0]).sum();
        let mut young = adults.split_youngest(children);
        // Families with most children first, while there is still a choice of ages.
        wanted.sort_by_key(|household| std::cmp::Reverse(household.layers[0].min(1)));
        for household in wanted {
            let id = self.open(household.kind);
            match household.kind {
                HouseholdKind::Single => {
                    let age = adults.draw_age(self.rng);
                    self.settle_some(&mut adults, id, 1, age, Kin::Head);
                }
                HouseholdKind::Couple => {
                    let age = adults.draw_age(self.rng);
                    self.settle_pair(&mut adults, id, 2, age, [Kin::Head, Kin::Spouse]);
                }
                _ => self.settle_family(&mut adults, &mut young, id, household),
            }
        }
    }

    fn settle_family(&mut self, adults: &mut Crowd, young: &mut Crowd, id: u32, wanted: Wanted) {
        let first = young.draw_age(self.rng);
        let (mut eldest, mut youngest) = (0, u32::MAX);
        for i in 0..wanted.layers[0] {
            let age = if i == 0 { first } else { (first + self.rng.between(0, 6)).saturating_sub(3) };
            if let Some(child) = young.take(None, age) {
                (eldest, youngest) = (eldest.max(child.1), youngest.min(child.1));
                self.place(id, child, Kin::Child);
            }
        }
        let gap = 23 + self.rng.below(8) + eldest.saturating_sub(youngest.min(eldest)) / 3;
        let parents = self.settle_pair(adults, id, wanted.layers[1], eldest + gap, [Kin::Head, Kin::Spouse]);
        let elders = parents + self.rng.between(22, 29);
        let elders = self.settle_pair(adults, id, wanted.layers[2], elders, [Kin::Elder, Kin::Elder]);
        self.settle_some(adults, id, wanted.layers[3], elders + 25, Kin::Elder);
    }

    /// Settles one or two of near age and different sex; returns the age of the last.
    fn settle_pair(&mut self, crowd: &mut Crowd, id: u32, count: u32, age: u32, kin: [Kin; 2]) -> u32 {
        let mut found = age;
        let alone = if count == 1 && self.rng.chance(0.75) { Sex::Female } else { Sex::Male };
        let sexes = if count == 1 { [alone, alone] } else { [Sex::Female, Sex::Male] };
        for (i, &sex) in sexes.iter().enumerate().take(count as usize) {
            let gap = if i == 0 { 0 } else { self.rng.between(0, 5) };
            if let Some(person) = crowd.take_preferring(sex, (found + gap).saturating_sub(1)) {
                found = person.1;
                // The man is the head where there is one: children carry the head's surname.
                self.place(id, person, if person.0 == Sex::Male { kin[0] } else { kin[1] });
            }
        }
        found
    }

    fn settle_some(&mut self, crowd: &mut Crowd, id: u32, count: u32, age: u32, kin: Kin) {
        for _ in 0..count {
            if let Some(person) = crowd.take(None, age) {
                self.place(id, person, kin);
            }
        }
    }
}
