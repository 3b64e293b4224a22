//! The catalogue of key groups, read from TOML: frequency, pool, owner, reminder and exemptions of each, by version.

use serde::Deserialize;
use sizao_model::CivilDay;
use thiserror::Error;

/// Why a catalogue is refused.
#[derive(Debug, Error)]
pub enum CatalogueError {
    /// Not TOML of this form.
    #[error("the catalogue cannot be read: {0}")]
    Form(#[from] toml::de::Error),
    /// Something in it cannot be.
    #[error("group '{group}': {rule}")]
    Group {
        /// Which.
        group: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
}

/// How often somebody of a group is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frequency {
    /// Every so many days: 1 is daily, 7 weekly.
    EveryDays(u16),
    /// So many times in a calendar week (Monday to Sunday), spread over it.
    PerWeek(u16),
    /// Everybody in turn within so many days, a share of the group each day (抽检).
    RotaDays(u16),
}

/// How swabs of a group are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolMode {
    /// Singly.
    Single,
    /// Of a household together.
    Household,
    /// 5-in-1.
    Pool5,
    /// 10-in-1.
    Pool10,
    /// 20-in-1.
    Pool20,
}

/// Why somebody of a group is not tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exemption {
    /// An infant.
    Infant,
    /// On medical grounds.
    Medical,
    /// Recovered a short time ago.
    Recovered,
}

impl Exemption {
    const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// Several as one number, for a person's record.
    pub fn bits(exemptions: &[Self]) -> u8 {
        exemptions.iter().fold(0, |bits, exemption| bits | exemption.bit())
    }
}

/// One group.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyGroup {
    /// Stable name, such as `cold_chain`.
    pub id: String,
    /// In English.
    pub name: String,
    /// In Chinese.
    pub name_zh: String,
    /// How often.
    pub frequency: Frequency,
    /// How swabs are put together.
    pub pool: PoolMode,
    /// Department that answers for the group.
    pub owner: String,
    /// Hour of the day at which a reminder is sent, 0 to 23.
    pub reminder_hour: u8,
    /// Who of it is not tested.
    #[serde(default)]
    pub exempt: Vec<Exemption>,
    /// On what the entry rests.
    pub source: String,
}

/// A version of the catalogue.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// Its name.
    pub id: String,
    /// First day on which it holds.
    pub valid_from: CivilDay,
    /// Last day, if it has one.
    #[serde(default)]
    pub valid_to: Option<CivilDay>,
    /// The groups; a person's record names them by their place in this list.
    #[serde(rename = "group")]
    pub groups: Vec<KeyGroup>,
}

impl Catalogue {
    /// Reads a catalogue.
    ///
    /// # Errors
    /// [`CatalogueError`] when it is not of this form, names a group twice, or asks for a frequency or hour that cannot be.
    pub fn from_toml(text: &str) -> Result<Self, CatalogueError> {
        let catalogue: Self = toml::from_str(text)?;
        for (index, group) in catalogue.groups.iter().enumerate() {
            let refuse = |rule| Err(CatalogueError::Group { group: group.id.clone(), rule });
            if catalogue.groups[..index].iter().any(|earlier| earlier.id == group.id) {
                return refuse("there is another group with this name");
            }
            let possible = match group.frequency {
                Frequency::EveryDays(days) | Frequency::RotaDays(days) => (1..=366).contains(&days),
                Frequency::PerWeek(times) => (1..=7).contains(&times),
            };
            if !possible {
                return refuse("a frequency is every 1 to 366 days, or 1 to 7 times a week");
            }
            if group.reminder_hour > 23 {
                return refuse("an hour lies between 0 and 23");
            }
        }
        Ok(catalogue)
    }

    /// The catalogue that comes with the program: Henan, from 1 May 2022.
    pub fn henan_2022_05() -> Self {
        Self::from_toml(include_str!("../../data/key-groups-henan-2022-05.toml")).expect("its own test reads it")
    }

    /// The versions that come with the program, oldest first. No day lies in two of them.
    pub fn built_in() -> Vec<Self> {
        let earlier = Self::from_toml(include_str!("../../data/key-groups-henan-2022-03.toml"));
        vec![earlier.expect("its own test reads it"), Self::henan_2022_05()]
    }

    /// Whether it holds on a day.
    pub fn holds_on(&self, day: CivilDay) -> bool {
        day >= self.valid_from && self.valid_to.is_none_or(|last| day <= last)
    }

    /// The place of a group, by its name.
    pub fn index_of(&self, id: &str) -> Option<u16> {
        self.groups.iter().position(|group| group.id == id).and_then(|index| u16::try_from(index).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_that_comes_along_has_the_27_groups() {
        let catalogue = Catalogue::henan_2022_05();
        assert_eq!(catalogue.groups.len(), 27);
        assert!(catalogue.holds_on(CivilDay::parse("2022-05-01").unwrap()));
        assert!(!catalogue.holds_on(CivilDay::parse("2022-04-30").unwrap()));
    }

    #[test]
    fn versions_follow_each_other_without_a_gap_and_name_the_same_groups() {
        let versions = Catalogue::built_in();
        for pair in versions.windows(2) {
            assert_eq!(pair[0].valid_to.unwrap().plus_days(1), pair[1].valid_from);
            let ids = |catalogue: &Catalogue| catalogue.groups.iter().map(|group| group.id.clone()).collect::<Vec<_>>();
            assert_eq!(ids(&pair[0]), ids(&pair[1]));
        }
        let frequency = |version: usize, id: &str| {
            let index = usize::from(versions[version].index_of(id).unwrap());
            versions[version].groups[index].frequency
        };
        // domain.md 7.4: contact groups twice a week, then daily; dense trades weekly, then twice a week.
        assert_eq!(
            [frequency(0, "cold_chain"), frequency(1, "cold_chain")],
            [Frequency::PerWeek(2), Frequency::EveryDays(1)]
        );
        assert_eq!([frequency(0, "courier"), frequency(1, "courier")], [Frequency::PerWeek(1), Frequency::PerWeek(2)]);
    }

    #[test]
    fn a_group_that_cannot_be_is_refused_by_name() {
        let text = |frequency: &str| {
            format!(
                "id = \"x\"\nvalid_from = \"2022-05-01\"\n[[group]]\nid = \"a\"\nname = \"A\"\nname_zh = \"甲\"\n\
                 frequency = {frequency}\npool = \"single\"\nowner = \"health\"\nreminder_hour = 18\nsource = \"s\"\n"
            )
        };
        assert!(Catalogue::from_toml(&text("{ every_days = 1 }")).is_ok());
        let error = Catalogue::from_toml(&text("{ per_week = 9 }")).unwrap_err().to_string();
        assert_eq!(error, "group 'a': a frequency is every 1 to 366 days, or 1 to 7 times a week");
        assert!(Catalogue::from_toml(&text("{ sometimes = 1 }")).is_err());
    }
}
