//! The census that the city is drawn from: people by sex and age, households by generations, by county of Henan.

use sizao_model::{DivisionCode, division::DivisionLevel};

use super::{CityError, Sex};
use crate::random::Stream;

/// The seventh census by county (1 November 2020), as it lies in `data/`.
pub const CENSUS: &str = include_str!("../../data/census2020.csv");
/// Codes and names of Henan's divisions, as they lie in `data/`.
pub const DIVISIONS: &str = include_str!("../../data/divisions.csv");

/// First ages of the nineteen bands; the last band is open and drawn up to 99.
pub const BANDS: [u32; 19] = [0, 1, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85];
const OLDEST: u32 = 99;

/// A county, district or functional zone with its census.
#[derive(Clone, Debug)]
pub struct County {
    /// Code of 2022.
    pub code: DivisionCode,
    /// Name in Chinese.
    pub name: Box<str>,
    /// People.
    pub people: u64,
    /// People by sex (male, female) and age band.
    pub ages: [[u64; 19]; 2],
    /// Family households.
    pub households: u64,
    /// People in family households; the rest live in dormitories, barracks, homes.
    pub household_people: u64,
    /// Households of one person.
    pub single: u64,
    /// Households of one (with the singles), two, three, and four or more generations.
    pub generations: [u64; 4],
}

impl County {
    /// Mean size of family households; persons.
    pub fn household_size_mean(&self) -> f64 {
        self.household_people as f64 / self.households as f64
    }

    /// Share of people who live outside family households.
    pub fn collective_share(&self) -> f64 {
        1.0 - self.household_people as f64 / self.people as f64
    }

    fn subtract(&mut self, other: &Self) {
        self.people -= other.people;
        self.households -= other.households;
        self.household_people -= other.household_people;
        self.single -= other.single;
        self.generations.iter_mut().zip(other.generations).for_each(|(own, other)| *own -= other);
        self.ages.iter_mut().flatten().zip(other.ages.iter().flatten()).for_each(|(own, other)| *own -= other);
    }

    /// Sex and age in whole years of the person at place `u` (0 to 1) when all are lined up by sex and age.
    pub fn person_at(&self, u: f64, rng: &mut Stream) -> (Sex, u32) {
        let mut left = (u * self.ages.iter().flatten().sum::<u64>() as f64) as u64;
        for (row, sex) in self.ages.iter().zip([Sex::Male, Sex::Female]) {
            for (band, &count) in row.iter().enumerate() {
                if left < count {
                    return (sex, age_in(band, rng));
                }
                left -= count;
            }
        }
        (Sex::Female, OLDEST)
    }
}

/// Band of an age in years.
pub fn band_of(age: u32) -> usize {
    BANDS.partition_point(|&first| first <= age) - 1
}

fn age_in(band: usize, rng: &mut Stream) -> u32 {
    match BANDS.get(band + 1) {
        Some(next) => rng.between(BANDS[band], next - 1),
        // Beyond 85 deaths thin the years out; a mean of three years beyond is near the national life table.
        None => (85 + rng.exponential(3.5) as u32).min(OLDEST),
    }
}

/// Reads the lowest units of the census (counties, districts, zones, Jiyuan), in order of code, optionally those of one
/// division. Six zones have no line of their own: they get what their city has beyond its listed units.
///
/// # Errors
/// [`CityError::Census`] with the line; [`CityError::Empty`] when nothing lies in `within`.
pub fn read_counties(census: &str, divisions: &str, within: Option<DivisionCode>) -> Result<Vec<County>, CityError> {
    let rows = read_rows(census)?;
    let (cities, mut counties): (Vec<County>, Vec<County>) =
        rows.into_iter().partition(|row| row.code.level() < DivisionLevel::County && row.code != DivisionCode::JIYUAN);
    for line in divisions.lines().filter(|line| line.contains("residual:")) {
        let cells: Vec<&str> = line.split(',').collect();
        let Ok(code) = DivisionCode::parse(cells[0]) else { continue };
        let Some(city) = cities.iter().find(|city| Some(city.code) == code.at(DivisionLevel::City)) else { continue };
        let mut zone = city.clone();
        counties.iter().filter(|county| county.code.is_under(city.code)).for_each(|county| zone.subtract(county));
        (zone.code, zone.name) = (code, cells.get(3).copied().unwrap_or_default().into());
        counties.push(zone);
    }
    counties.sort_by_key(|county| county.code.sort_key());
    counties.retain(|county| within.is_none_or(|within| county.code.is_under(within)));
    if counties.is_empty() {
        return Err(CityError::Empty { within });
    }
    Ok(counties)
}

fn read_rows(csv: &str) -> Result<Vec<County>, CityError> {
    let mut rows = Vec::new();
    for (index, line) in csv.lines().enumerate().skip(1) {
        let refuse = || CityError::Census { line: index + 1 };
        let cells: Vec<&str> = line.split(',').collect();
        if cells.len() != 56 {
            return Err(refuse());
        }
        let code = DivisionCode::parse(cells[2]).map_err(|_| refuse())?;
        let number = |cell: usize| cells[cell].parse::<u64>().map_err(|_| refuse());
        let mut ages = [[0; 19]; 2];
        for (sex, row) in ages.iter_mut().enumerate() {
            for (band, count) in row.iter_mut().enumerate() {
                *count = number(18 + sex * 19 + band)?;
            }
        }
        rows.push(County {
            code,
            name: cells[1].into(),
            people: number(3)?,
            ages,
            households: number(8)?,
            household_people: number(9)?,
            single: number(10)?,
            generations: [number(11)?, number(12)?, number(13)?, number(14)?],
        });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counties_sum_to_the_province_s_published_total() {
        let counties = read_counties(CENSUS, DIVISIONS, None).unwrap();
        assert_eq!(counties.iter().map(|county| county.people).sum::<u64>(), 99_365_519);
        for county in &counties {
            assert_eq!(county.ages.iter().flatten().sum::<u64>(), county.people, "{}", county.name);
            assert_eq!(county.generations.iter().sum::<u64>(), county.households, "{}", county.name);
        }
    }

    #[test]
    fn one_city_can_be_had_alone_and_an_unknown_one_is_refused() {
        let within = |code| read_counties(CENSUS, DIVISIONS, Some(DivisionCode::parse(code).unwrap()));
        assert!(within("4101").unwrap().iter().all(|county| county.code.to_string().starts_with("4101")));
        assert!(matches!(within("3101"), Err(CityError::Empty { .. })));
    }

    #[test]
    fn ages_fall_into_their_bands() {
        for (age, band) in [(0, 0), (1, 1), (4, 1), (5, 2), (84, 17), (85, 18), (99, 18)] {
            assert_eq!(band_of(age), band, "{age}");
        }
    }
}
