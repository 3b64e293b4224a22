//! Special persons: who is cared for at home instead of a site, same days and tests. Pregnancy, dialysis, chemotherapy,
//! mental illness, need of a carer; a child without a parent who is a close contact too. Age alone is no exception, and
//! nobody is moved from home to a site.

use sizao_model::{CivilDay, ContactClass, FactBody, MeasureKind, PersonId, fact::Person, fact::Trait};

use super::{View, exposure};
use crate::{known::Seen, pack::Phase, people::Group, timeline::Rules};

/// What is known of a person: the latest record of each linked identity.
#[derive(Clone, Debug, Default)]
pub(crate) struct Profile {
    pub birth_on: Option<CivilDay>,
    pub parents: Vec<PersonId>,
    pub traits: Vec<Trait>,
}

/// Reads the profile of a person.
pub(crate) fn profile(group: &Group, facts: &[Seen<'_>]) -> Profile {
    let mut profile = Profile::default();
    for record in group.persons() {
        let mut records: Vec<(&Seen<'_>, &Person)> = facts
            .iter()
            .filter(|seen| seen.person == Some(record))
            .filter_map(|seen| match &*seen.body {
                FactBody::Person(person) => Some((seen, person)),
                _ => None,
            })
            .collect();
        records.sort_by_key(|(seen, _)| (seen.starts_at(), seen.recorded_at, seen.id));
        let latest_birth = records.iter().rev().find_map(|(_, person)| person.birth_day);
        profile.birth_on = profile.birth_on.or(latest_birth);
        if let Some((_, latest)) = records.last() {
            profile.traits.extend(&latest.traits);
        }
        if let Some((_, with_parents)) = records.iter().rev().find(|(_, person)| !person.parents.is_empty()) {
            profile.parents.extend(&with_parents.parents);
        }
    }
    profile
}

/// Whether central isolation becomes home isolation for this person.
///
/// - `last_on`: the day of last exposure, on which age counts.
pub(crate) fn stays_home(rules: &Rules, disease: &str, last_on: CivilDay, view: &View<'_>) -> bool {
    let profile = profile(view.me, view.facts);
    if profile.traits.iter().any(|held| rules.special.home_traits.contains(held)) {
        return true;
    }
    let is_child = profile.birth_on.is_some_and(|birth_on| age_on(birth_on, last_on) <= rules.special.child_years_max);
    is_child && !profile.parents.iter().any(|parent| is_close_contact(*parent, last_on, rules, disease, view))
}

/// The phases with central isolation at home.
pub(crate) fn at_home(phases: &[Phase]) -> Vec<Phase> {
    phases
        .iter()
        .map(|phase| match phase.kind {
            MeasureKind::CentralIsolation => Phase { kind: MeasureKind::HomeIsolation, ..phase.clone() },
            _ => phase.clone(),
        })
        .collect()
}

/// Whether a parent is a close contact whose days are not over on the child's day of last exposure.
fn is_close_contact(parent: PersonId, child_on: CivilDay, rules: &Rules, disease: &str, view: &View<'_>) -> bool {
    let days: i32 = rules.close_contact.as_ref().map_or(0, |rule| rule.rule.iter().map(|phase| phase.days).sum());
    exposure::of(&view.group(parent), rules, disease, view.facts, exposure::Depth::Source)
        .iter()
        .any(|counted| counted.class == ContactClass::CloseContact && counted.last_on.plus_days(days) >= child_on)
}

/// Full years on a day.
pub(crate) fn age_on(birth_on: CivilDay, day: CivilDay) -> i32 {
    let ((birth_year, birth_month, birth_day), (year, month, day)) = (birth_on.ymd(), day.ymd());
    let had_birthday = (month, day) >= (birth_month, birth_day);
    i32::from(year) - i32::from(birth_year) - i32::from(!had_birthday)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_birthday_counts_on_its_day() {
        let age = |born: &str, on: &str| age_on(CivilDay::parse(born).unwrap(), CivilDay::parse(on).unwrap());
        assert_eq!(age("2007-03-05", "2022-03-04"), 14);
        assert_eq!(age("2007-03-05", "2022-03-05"), 15);
        assert_eq!(age("2008-02-29", "2022-02-28"), 13);
        assert_eq!(age("2008-02-29", "2022-03-01"), 14);
    }
}
