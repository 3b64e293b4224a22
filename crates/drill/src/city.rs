//! A seeded, invented city: households, work, school, venues, papers, an outbreak, and what was recorded about it.
//!
//! [`City::build`] settles the people, plays the outbreak and keeps both; facts, stays and files are computed from
//! them block by block whenever they are asked for, so that a million people need no more memory than their records.
//! What is modelled and what is not: `docs/methods/city.md`.

pub mod census;
pub mod days;
pub mod dossiers;
pub mod event;
mod households;
mod names;
pub mod options;
pub mod outbreak;
pub mod papers;
pub mod people;
pub mod places;
pub mod register;
pub mod routine;
pub mod trips;
pub mod truth;
pub mod write;

pub use dossiers::Dossier;
pub use event::{Event, Owner};
pub use options::{CityError, CityOptions, LedgerShare};
pub use people::{Block, Household, HouseholdKind, Kin, Occupation, Person, Sex};
pub use register::Record;
use sizao_model::{CivilDay, Fact};
pub use write::Sink;

use self::{census::County, outbreak::Outbreak, places::Places};

/// The invented city with its outbreak.
pub struct City {
    options: CityOptions,
    counties: Vec<County>,
    blocks: Vec<Block>,
    households: Vec<Household>,
    people: Vec<Person>,
    places: Places,
    outbreak: Outbreak,
}

impl City {
    /// Settles the people and plays the outbreak.
    ///
    /// # Errors
    /// [`CityError`] when an option is out of range or the geography cannot be read.
    pub fn build(options: CityOptions) -> Result<Self, CityError> {
        options.check()?;
        let counties = census::read_counties(&options.census, &options.divisions, options.within)?;
        let settled = people::settle(&options, &counties)?;
        let mut city = Self {
            options,
            counties,
            blocks: settled.blocks,
            households: settled.households,
            people: settled.people,
            places: Places::default(),
            outbreak: Outbreak::default(),
        };
        city.places =
            Places::assign(&mut city.people, &city.blocks, &city.counties, city.households.len(), city.options.seed);
        city.outbreak = city.play();
        Ok(city)
    }

    /// How it was made.
    pub const fn options(&self) -> &CityOptions {
        &self.options
    }

    /// The people, household by household; a person's number is the place in this list.
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// The households; a person's `household` is the place in this list.
    pub fn households(&self) -> &[Household] {
        &self.households
    }

    /// The blocks (communities), each with its people one after another.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The counties of the census in which the city lies.
    pub fn counties(&self) -> &[County] {
        &self.counties
    }

    /// Workplaces, classes, venues.
    pub const fn places(&self) -> &Places {
        &self.places
    }

    /// The outbreak as it was played.
    pub const fn outbreak(&self) -> &Outbreak {
        &self.outbreak
    }

    /// First day of the records.
    pub const fn first_day(&self) -> CivilDay {
        self.options.start_on
    }

    /// The day after the last: nothing recorded from its midnight on is in the files.
    pub const fn day_after(&self) -> CivilDay {
        self.options.start_on.plus_days(self.options.days as i32)
    }

    /// Midnight (Asia/Shanghai) at the start of day `day` of the city; seconds since 1970.
    pub const fn midnight(&self, day: u32) -> u32 {
        midnight(self.options.start_on.plus_days(day as i32))
    }

    /// Members of a household by person number.
    pub fn household_members(&self, household: u32) -> std::ops::Range<u32> {
        let household = &self.households[household as usize];
        household.first..household.first + u32::from(household.size)
    }

    /// Truth that no block knows alone: infections, and false facts of the outbreak and of hostile officers.
    pub fn outbreak_truths(&self) -> impl Iterator<Item = truth::Truth> + '_ {
        self.outbreak.truths()
    }

    /// All facts, block by block and person by person; those that belong to nobody (areas, results of tubes) and those
    /// of second records stand at the end of their block.
    pub fn facts(&self) -> impl Iterator<Item = Fact> + '_ {
        (0..self.blocks.len() as u32).flat_map(|block| self.events_of_block(block)).map(|event| event.fact(self))
    }
}

/// Midnight (Asia/Shanghai) at the start of a day; seconds since 1970.
pub const fn midnight(day: CivilDay) -> u32 {
    (day.number() as i64 * 86_400 - 8 * 3600) as u32
}

/// The day of a moment given in seconds since 1970.
pub const fn day_of(at: u32) -> CivilDay {
    CivilDay::from_number(((at as i64 + 8 * 3600) / 86_400) as i32)
}
