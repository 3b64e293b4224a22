//! How long each step of a loop may take: data with a source, by rule.

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;
use sizao_model::fact::Need;
use thiserror::Error;

use crate::pack::Mark;

/// A clock of a loop.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// Its length; minutes.
    pub minutes: i64,
    /// Whether a source says so.
    pub mark: Mark,
    /// Where it is from.
    pub source: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Count {
    count: i64,
    mark: Mark,
    source: Arc<str>,
}

macro_rules! clocks {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// The clocks of one rule.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct LoopClocks {
            $($(#[$doc])* pub $name: Clock,)*
            /// How often somebody under control is asked about symptoms and temperature; times a day.
            pub checks_per_day: i64,
        }

        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Some_ { $($name: Option<Clock>,)* checks_per_day: Option<Count> }

        impl Some_ {
            fn over(&self, base: Option<&LoopClocks>) -> Result<LoopClocks, &'static str> {
                Ok(LoopClocks {
                    $($name: self.$name.clone().or_else(|| base.map(|base| base.$name.clone())).ok_or(stringify!($name))?,)*
                    checks_per_day: self.checks_per_day.as_ref().map(|count| count.count)
                        .or_else(|| base.map(|base| base.checks_per_day)).ok_or("checks_per_day")?,
                })
            }

            fn bad(&self) -> Option<&'static str> {
                $(if self.$name.as_ref().is_some_and(|clock| !clock.is_fit()) { return Some(stringify!($name)); })*
                let fits = |count: &Count| (0..=24).contains(&count.count) && !count.source.trim().is_empty()
                    && matches!(count.mark, Mark::Verified | Mark::Unsourced);
                self.checks_per_day.as_ref().is_some_and(|count| !fits(count)).then_some("checks_per_day")
            }
        }
    };
}

clocks! {
    /// To an owner.
    assigned,
    /// Until the person knows.
    notified,
    /// Until the person is found.
    located,
    /// Until the measure is being kept.
    controlled,
    /// From the last condition to the release on record.
    release,
    /// From symptoms to the fever clinic.
    fever_clinic,
    /// For medicine.
    medicine,
    /// For dialysis.
    dialysis,
    /// For food.
    food,
    /// For a doctor.
    doctor,
    /// For anything else.
    other,
    /// Until an appeal is acknowledged.
    acknowledged,
    /// Until an appeal is decided.
    decided,
    /// Until an appeal against red is decided.
    decided_red,
    /// Until the second instance decides.
    second_instance,
}

/// The longest clock that is taken; minutes.
const MINUTES_MAX: i64 = 90 * 24 * 60;

impl Clock {
    fn is_fit(&self) -> bool {
        (1..=MINUTES_MAX).contains(&self.minutes) && !self.source.trim().is_empty()
    }
}

impl LoopClocks {
    /// The clock of a need.
    pub const fn of_need(&self, need: Need) -> &Clock {
        match need {
            Need::Medicine => &self.medicine,
            Need::Dialysis => &self.dialysis,
            Need::Food => &self.food,
            Need::Doctor => &self.doctor,
            Need::Other => &self.other,
        }
    }
}

/// The clocks of every rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clocks {
    default: LoopClocks,
    by_rule: BTreeMap<String, LoopClocks>,
}

/// Why clocks are refused.
#[derive(Debug, Error)]
pub enum ClocksError {
    /// Not TOML, an unknown clock, a wrong type.
    #[error("the clocks cannot be read: {0}")]
    Form(#[from] toml::de::Error),
    /// A clock is missing from `[default]`.
    #[error("[default] has no clock '{0}'")]
    Missing(&'static str),
    /// A clock out of range, or without a source.
    #[error("[{table}] {clock}: give 1 to 129600 minutes (0 to 24 checks) and a source")]
    Unfit {
        /// In which table.
        table: String,
        /// Which clock.
        clock: &'static str,
    },
}

impl Clocks {
    /// Reads clocks: a table `default`, and tables named like a rule or `pack:rule` that replace some of them.
    ///
    /// # Errors
    /// [`ClocksError`].
    pub fn from_toml(text: &str) -> Result<Self, ClocksError> {
        let mut tables: BTreeMap<String, Some_> = toml::from_str(text)?;
        for (table, clocks) in &tables {
            if let Some(clock) = clocks.bad() {
                return Err(ClocksError::Unfit { table: table.clone(), clock });
            }
        }
        let default = tables.remove("default").unwrap_or_default().over(None).map_err(ClocksError::Missing)?;
        let mut by_rule = BTreeMap::new();
        for (rule, clocks) in tables {
            by_rule.insert(rule, clocks.over(Some(&default)).map_err(ClocksError::Missing)?);
        }
        Ok(Self { default, by_rule })
    }

    /// The clocks of `<pack>:<rule>`.
    pub fn of(&self, rule: &str) -> &LoopClocks {
        let name = rule.rsplit(':').next().unwrap_or(rule);
        self.by_rule.get(rule).or_else(|| self.by_rule.get(name)).unwrap_or(&self.default)
    }
}

impl Default for Clocks {
    /// Those of `crates/policy/data/loop-clocks.toml`.
    fn default() -> Self {
        Self::from_toml(include_str!("../../data/loop-clocks.toml")).expect("the clocks of the program are tested")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_replaces_single_clocks_and_the_rest_stay() {
        let clocks = Clocks::default();
        let v8 = clocks.of("cn-covid-v8:close_contact");
        let v9 = clocks.of("cn-covid-v9:close_contact");
        assert_eq!((v8.controlled.minutes, v9.controlled.minutes), (12 * 60, 8 * 60));
        assert_eq!((v8.located.minutes, v9.located.minutes), (6 * 60, 6 * 60));
        assert_eq!(clocks.of("cn-covid-v8:hold").located.minutes, 120);
        assert_eq!(v8.checks_per_day, 2);
    }

    #[test]
    fn clocks_without_source_out_of_range_or_unknown_are_refused() {
        let with = |line: &str| Clocks::from_toml(line).unwrap_err().to_string();
        assert!(
            with("[default]\nsoon = { minutes = 3, mark = \"verified\", source = \"x\" }").contains("unknown field")
        );
        assert!(with("[x]\nlocated = { minutes = 0, mark = \"verified\", source = \"x\" }").contains("[x] located"));
        assert!(with("[x]\nlocated = { minutes = 9, mark = \"verified\", source = \" \" }").contains("a source"));
        assert!(with("[x]\n").contains("no clock 'assigned'"));
    }
}
