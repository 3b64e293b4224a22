//! Who lives where: blocks by the census, people in households, their papers and what they do all day.

use rayon::prelude::*;
use sizao_model::{CivilDay, DivisionCode, identity::DocumentKind};

use super::{CityError, CityOptions, census::County, households};
use crate::random::{Process, Stream};

const BLOCKS: Process = Process::named("blocks");
const BIRTHDAYS: Process = Process::named("birthdays");
const PAPERS: Process = Process::named("papers");
const OCCUPATIONS: Process = Process::named("occupations");

/// Sex, as papers have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Sex {
    Male = 0,
    Female = 1,
}

/// A person's part in the household.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kin {
    /// Father, husband, or whoever lives alone.
    Head,
    /// Mother, wife.
    Spouse,
    /// Son or daughter, also grown up.
    Child,
    /// Grandparent and above.
    Elder,
    /// Lives in a dormitory or home.
    Lodger,
}

/// Kinds of household.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HouseholdKind {
    /// One person.
    Single,
    /// One generation, two people.
    Couple,
    /// Parents and children.
    TwoGenerations,
    /// With grandparents.
    ThreeGenerations,
    /// With great-grandparents.
    FourGenerations,
    /// A room for six.
    Dormitory,
    /// A home for the old (养老院).
    CareHome,
}

impl HouseholdKind {
    /// Whether the census counts it as a family household.
    pub const fn is_family(self) -> bool {
        !matches!(self, Self::Dormitory | Self::CareHome)
    }
}

/// People who live under one roof, one after another in the list of people.
#[derive(Clone, Copy, Debug)]
pub struct Household {
    /// First member.
    pub first: u32,
    /// Number of members.
    pub size: u16,
    /// Kind.
    pub kind: HouseholdKind,
    /// Block it lies in.
    pub block: u32,
}

/// What a person does, as far as testing rules and days differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occupation {
    /// Under three, old, at home.
    AtHome,
    /// In a class: kindergarten to university.
    Pupil,
    /// Teaches a class.
    Teacher,
    /// Hospital, fever clinic, laboratory.
    Health,
    /// Isolation site, port, cold chain: the most exposed posts.
    Exposed,
    /// Shops, restaurants, couriers, hotels, drivers in town.
    Service,
    /// Drives a lorry between provinces.
    Trucker,
    /// Any other work.
    Worker,
}

/// One invented person.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// Number of the household.
    pub household: u32,
    /// Birthday.
    pub birth_on: CivilDay,
    /// Sex.
    pub sex: Sex,
    /// Part in the household.
    pub kin: Kin,
    /// Kind of the main identity document.
    pub paper: DocumentKind,
    /// Which of those with this birthday and sex.
    pub serial: u16,
    /// What the person does.
    pub occupation: Occupation,
    /// Workplace or class by its number, if any.
    pub group: Option<u32>,
    /// Age in whole years on the first day.
    pub age: u8,
}

/// A community (社区, 村): its people follow one another in the list of people.
#[derive(Clone, Debug)]
pub struct Block {
    /// Its county, by place in the list of counties.
    pub county: u32,
    /// Its code of twelve digits.
    pub code: DivisionCode,
    /// First person.
    pub first: u32,
    /// Number of people.
    pub size: u32,
}

/// What settling gives.
pub(super) struct Settled {
    pub blocks: Vec<Block>,
    pub households: Vec<Household>,
    pub people: Vec<Person>,
}

/// Settles everybody: the same people whatever the number of threads.
pub(super) fn settle(options: &CityOptions, counties: &[County]) -> Result<Settled, CityError> {
    let mut blocks = draw_blocks(options, counties)?;
    let parts: Vec<_> = blocks
        .par_iter()
        .enumerate()
        .map(|(index, block)| {
            households::settle(options.seed, index as u32, block.size, &counties[block.county as usize])
        })
        .collect();
    let mut people = Vec::with_capacity(options.people as usize);
    let mut households = Vec::new();
    for (index, (placed, mut own)) in parts.into_iter().enumerate() {
        let (block, base) = (&mut blocks[index], households.len() as u32);
        block.first = people.len() as u32;
        for household in &mut own {
            household.first += block.first;
            household.block = index as u32;
        }
        households.append(&mut own);
        for person in placed {
            let number = people.len() as u32;
            people.push(draw_person(options, number, base + person.household, person));
        }
    }
    number_serials(&mut people, options.start_on);
    Ok(Settled { blocks, households, people })
}

/// Blocks of about a thousand people (fewer in a small city), spread over the counties by population.
fn draw_blocks(options: &CityOptions, counties: &[County]) -> Result<Vec<Block>, CityError> {
    let villages = options.villages.as_deref().map(read_villages).transpose()?;
    let target = (options.people / 16).clamp(100, 1000);
    let count = options.people.div_ceil(target);
    let total: u64 = counties.iter().map(|county| county.people).sum();
    let mut rng = Stream::new(options.seed, BLOCKS, 0, 0);
    let shift = rng.unit();
    let (mut county, mut upto, mut in_county) = (0, counties[0].people, 0);
    let mut blocks = Vec::with_capacity(count as usize);
    for index in 0..count {
        let at = ((f64::from(index) + shift) / f64::from(count) * total as f64) as u64;
        while at >= upto && county + 1 < counties.len() {
            (county, in_county) = (county + 1, 0);
            upto += counties[county].people;
        }
        // 10,000,000 people in `count` parts that differ by at most one.
        let share = |i: u32| (u64::from(options.people) * u64::from(i) / u64::from(count)) as u32;
        let code = block_code(counties[county].code, in_county, villages.as_deref());
        blocks.push(Block { county: county as u32, code, first: 0, size: share(index + 1) - share(index) });
        in_county += 1;
    }
    Ok(blocks)
}

/// A real village of the county, or an invented one: township numbers from 900 on are given to none.
fn block_code(county: DivisionCode, index: u32, villages: Option<&[DivisionCode]>) -> DivisionCode {
    let real = villages.and_then(|villages| {
        let own = villages.partition_point(|v| v.sort_key() < county.sort_key());
        let end = own + villages[own..].partition_point(|village| village.is_under(county));
        villages[own..end].get(index as usize).copied()
    });
    real.unwrap_or_else(|| {
        DivisionCode::parse(&format!("{county}{:03}{:03}", 900 + index / 900, index % 900 + 1))
            .expect("county code and six digits are a division code")
    })
}

fn read_villages(csv: &str) -> Result<Vec<DivisionCode>, CityError> {
    let mut villages = csv
        .lines()
        .enumerate()
        .skip(1)
        .map(|(index, line)| {
            DivisionCode::parse(line.split(',').next().unwrap_or_default())
                .map_err(|_| CityError::Villages { line: index + 1 })
        })
        .collect::<Result<Vec<_>, _>>()?;
    villages.sort_unstable_by_key(|village| village.sort_key());
    Ok(villages)
}

fn draw_person(options: &CityOptions, number: u32, household: u32, placed: households::Placed) -> Person {
    let mut rng = Stream::new(options.seed, BIRTHDAYS, number.into(), 0);
    // Whole years old on the first day: born between the day after that many-and-one years ago and today.
    let (year, month, day) = options.start_on.ymd();
    let back =
        |years: u32| CivilDay::from_ymd(year - years as i16, month, day.min(28)).expect("the 28th is in every month");
    let (first, last) = (back(placed.age + 1).plus_days(1), back(placed.age));
    let birth_on = first.plus_days(rng.below(last.days_since(first) as u32 + 1) as i32);
    let days_old = options.start_on.days_since(birth_on);
    Person {
        household,
        birth_on,
        sex: placed.sex,
        kin: placed.kin,
        paper: draw_paper(options.seed, number, days_old),
        serial: 0,
        occupation: draw_occupation(options.seed, number, placed.age, placed.kin),
        group: None,
        age: placed.age as u8,
    }
}

/// Kinds of paper: shares are invented; foreigners and people from Hong Kong, Macao and Taiwan are few in Henan.
fn draw_paper(seed: u64, number: u32, days_old: i32) -> DocumentKind {
    let u = Stream::new(seed, PAPERS, number.into(), 0).unit();
    match u {
        _ if days_old < 60 && u < 0.4 => DocumentKind::TemporaryIdentity,
        u if u < 0.0010 => DocumentKind::Passport,
        u if u < 0.0014 => DocumentKind::HkmoPermit,
        u if u < 0.0017 => DocumentKind::TaiwanPermit,
        u if u < 0.0020 => DocumentKind::HmtResidencePermit,
        u if u < 0.0021 => DocumentKind::ForeignPermanentResidentCard,
        u if u < 0.0023 => DocumentKind::TemporaryIdentity,
        _ => DocumentKind::ResidentId,
    }
}

fn draw_occupation(seed: u64, number: u32, age: u32, kin: Kin) -> Occupation {
    let mut rng = Stream::new(seed, OCCUPATIONS, number.into(), 0);
    let u = rng.unit();
    let in_school = match age {
        3..=5 => 0.85,
        6..=14 => 1.0,
        15..=17 => 0.9,
        18..=22 if kin == Kin::Lodger => 0.95,
        18..=21 => 0.2,
        _ => 0.0,
    };
    let employed = match age {
        16..=19 => 0.5,
        20..=59 => 0.74,
        60..=69 => 0.35,
        _ => 0.0,
    };
    if u < in_school {
        return Occupation::Pupil;
    }
    if !rng.chance(employed) {
        return Occupation::AtHome;
    }
    match rng.unit() {
        u if u < 0.012 => Occupation::Trucker,
        u if u < 0.030 => Occupation::Health,
        u if u < 0.034 => Occupation::Exposed,
        u if u < 0.150 => Occupation::Service,
        _ => Occupation::Worker,
    }
}

/// Counts, in the order of people, those who share birthday and sex: what makes resident IDs unique.
fn number_serials(people: &mut [Person], start_on: CivilDay) {
    let mut counts = vec![[0u16; 2]; 110 * 366];
    for person in people {
        let count = &mut counts[start_on.days_since(person.birth_on) as usize][person.sex as usize];
        person.serial = *count;
        *count += 1;
    }
}
