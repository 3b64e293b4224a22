//! Terms of keeping (保存期限): what is past its term goes by itself, a day of a class at a time, with its key and under a
//! certificate; and the destruction at the end of a policy (到期销毁), with a file for witnesses.

use std::{collections::BTreeMap, sync::OnceLock};

use serde::Deserialize;
use serde_json::{Value, json};
use sizao_model::{CivilDay, fact::RetentionClass};
use sizao_store::{Checkpoint, StoreError};

use crate::{App, AppError};

/// The terms, as data.
const TERMS: &str = include_str!("../data/retention.toml");
/// Days of a class that one round erases: each rewrites what it frees, and others wait meanwhile.
const ROUND_MAX: usize = 8;
/// Classes whose bodies are facts.
const OF_FACTS: [RetentionClass; 4] =
    [RetentionClass::Movement, RetentionClass::Exposure, RetentionClass::Test, RetentionClass::Case];

/// For how long a class is kept, and why.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// Days after the day of recording.
    pub days: i32,
    /// What the certificate rests on.
    pub basis: String,
}

/// The terms of the classes that have one.
///
/// # Panics
/// Never: the table comes with the program, and a test reads it.
pub fn terms() -> &'static BTreeMap<RetentionClass, Term> {
    static TABLE: OnceLock<BTreeMap<RetentionClass, Term>> = OnceLock::new();
    TABLE.get_or_init(|| toml::from_str(TERMS).expect("the table of terms can be read"))
}

/// What a round of terms did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TermsDone {
    /// Days of a class that went.
    pub erased: u64,
    /// Bodies that went with them.
    pub bodies: u64,
    /// Days past their term that wait: an open measure or appeal rests on something of them.
    pub held: u64,
}

/// What went at the end of a policy.
#[derive(Clone, Debug)]
pub struct Destruction {
    /// Each certificate.
    pub certificates: Vec<DestroyedDay>,
    /// The signed head of before.
    pub before: Checkpoint,
    /// The signed head of afterwards: the log goes on from the first.
    pub after: Checkpoint,
}

/// A day of a class that was destroyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestroyedDay {
    /// Number of the certificate.
    pub number: u64,
    /// Which class.
    pub class: RetentionClass,
    /// Which day of recording.
    pub recorded_on: CivilDay,
    /// How many bodies.
    pub bodies: u64,
    /// Where the log says so.
    pub leaf: u64,
}

impl Destruction {
    /// As a file for witnesses: what went, on whose word, and the log of before and afterwards.
    pub fn to_json(&self, basis: &str, witnesses: &[String]) -> Value {
        let days = self.certificates.iter().map(|day| {
            json!({"certificate": day.number, "class": day.class.name(), "recorded_on": day.recorded_on,
                   "bodies": day.bodies, "leaf": day.leaf})
        });
        json!({"destruction": 1, "basis": basis, "witnesses": witnesses, "before": self.before.to_json(),
               "after": self.after.to_json(), "certificates": days.collect::<Vec<_>>()})
    }
}

impl App {
    /// Erases days that are past their term and on which nobody's open measure or appeal rests; a few in each call.
    /// Repeating it changes nothing more.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn apply_terms(&self) -> Result<TermsDone, AppError> {
        let today = self.now().day();
        let mut done = TermsDone::default();
        let mut held = None;
        for (class, term) in terms() {
            // The last of these days is past its term from the next midnight on.
            for (day, key) in self.store().days_kept(*class, today.plus_days(-term.days)).await? {
                let held = match &mut held {
                    Some(held) => held,
                    none => none.insert(self.store().keys_in_use().await?),
                };
                if held.contains(&key) {
                    done.held += 1;
                    continue;
                }
                if done.erased as usize >= ROUND_MAX {
                    return Ok(done);
                }
                match self.erase(*class, day, &term.basis).await {
                    Ok(certificate) => {
                        done.erased += 1;
                        done.bodies += certificate.bodies;
                    }
                    // Another process was quicker.
                    Err(AppError::Store(StoreError::Erasure(_))) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(done)
    }

    /// Destroys everything about people that was recorded up to a day, at the end of a policy: each day of each class under
    /// a certificate. Records of illness go only when asked for.
    ///
    /// # Errors
    /// [`AppError::Open`] while measures or appeals are open; [`AppError::Store`].
    pub async fn end_policy(&self, until: CivilDay, basis: &str, with_cases: bool) -> Result<Destruction, AppError> {
        self.catch_up(|_| {}).await?;
        self.follow_loops().await?;
        let open = self.store().count_in_use().await?;
        if open > 0 {
            return Err(AppError::Open { open });
        }
        let before = self.store().head().await?;
        let mut certificates = Vec::new();
        for class in OF_FACTS.into_iter().filter(|class| with_cases || *class != RetentionClass::Case) {
            for (recorded_on, _) in self.store().days_kept(class, until.plus_days(1)).await? {
                let gone = self.erase(class, recorded_on, basis).await?;
                certificates.push(DestroyedDay {
                    number: gone.number,
                    class,
                    recorded_on,
                    bodies: gone.bodies,
                    leaf: gone.leaf,
                });
            }
        }
        Ok(Destruction { certificates, before, after: self.store().head().await? })
    }

    /// Days past their term that are still there: none after a round, in a restored backup either.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn kept_beyond_terms(&self) -> Result<Vec<(RetentionClass, CivilDay)>, AppError> {
        let today = self.now().day();
        let mut beyond = Vec::new();
        for (class, term) in terms() {
            let days = self.store().days_kept(*class, today.plus_days(-term.days)).await?;
            beyond.extend(days.into_iter().map(|(day, _)| (*class, day)));
        }
        Ok(beyond)
    }
}

#[cfg(test)]
mod tests {
    use sizao_model::FactKind;

    use super::*;

    #[test]
    fn every_class_of_facts_about_people_has_a_term_beyond_measures_and_appeals() {
        for kind in FactKind::ALL {
            let class = kind.retention();
            assert_eq!(terms().contains_key(&class), class != RetentionClass::Governance, "{kind}");
            assert!(class == RetentionClass::Governance || OF_FACTS.contains(&class), "{kind}");
        }
        // 21 days of measures and 14 of extension, 2 for an appeal and 2 for its second instance.
        assert!(terms().values().all(|term| term.days >= 39 && !term.basis.is_empty()));
    }
}
