//! Had each contact's measure opened some hours after the infector's confirmation: how many days would infectious
//! contacts not have been at large?

use std::collections::BTreeMap;

use sizao_model::{CivilDay, Instant, PersonId};

use super::Line;

/// Days at large prevented, against the real days of isolation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counterfactual {
    /// Hours from an infector's confirmation to the contact's measure.
    pub hours: i64,
    /// Contacts who became cases with known onset and isolation, and whose infector's confirmation is known.
    pub contacts: usize,
    /// Of these, contacts for whom the measure would have begun before their real isolation, within their infectious
    /// time.
    pub contacts_helped: usize,
    /// Days from the beginning of infectiousness to the real isolation, summed.
    pub days_at_large: f64,
    /// Days of these that would have been prevented.
    pub days_prevented: f64,
    /// Contacts left out: onset, isolation or the infector's confirmation is not known.
    pub left_out: usize,
}

/// Pre-symptomatic spread is counted from two days before onset, as in protocol v8.
const INFECTIOUS_BEFORE_ONSET_DAYS: i32 = 2;
const MICROS_PER_DAY: f64 = 86_400.0 * 1e6;

pub(super) fn days_prevented(line: &Line, hours: i64) -> Counterfactual {
    let mut result = Counterfactual { hours, ..Counterfactual::default() };
    for (contact, confirmed_on) in earliest_confirmation(line) {
        let known = &line.people[&contact];
        let (Some(onset), Some(isolated), Some(confirmed_on)) = (known.onset, known.isolated, confirmed_on) else {
            result.left_out += 1;
            continue;
        };
        let infectious_from = onset.plus_days(-INFECTIOUS_BEFORE_ONSET_DAYS).start();
        let isolated_at = isolated.start();
        // Known only to the day: it has surely happened when the day is over.
        let measure_at = confirmed_on.plus_days(1).start().plus_hours(hours);
        let at_large = days_between(infectious_from, isolated_at);
        let prevented = days_between(infectious_from.max(measure_at), isolated_at);
        result.contacts += 1;
        result.contacts_helped += usize::from(prevented > 0.0);
        result.days_at_large += at_large;
        result.days_prevented += prevented;
    }
    result
}

/// For each infectee the earliest confirmation among the infectors that pairs name.
fn earliest_confirmation(line: &Line) -> BTreeMap<PersonId, Option<CivilDay>> {
    let mut earliest: BTreeMap<PersonId, Option<CivilDay>> = BTreeMap::new();
    for (infector, infectee) in &line.pairs {
        let confirmed = line.people[infector].confirmed;
        let known = earliest.entry(*infectee).or_default();
        *known = match (*known, confirmed) {
            (Some(known), Some(confirmed)) => Some(known.min(confirmed)),
            (known, confirmed) => known.or(confirmed),
        };
    }
    earliest
}

fn days_between(from: Instant, to: Instant) -> f64 {
    ((to.as_micros() - from.as_micros()) as f64 / MICROS_PER_DAY).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::{super::Known, *};

    fn day(text: &str) -> CivilDay {
        CivilDay::parse(text).unwrap()
    }

    fn line(confirmed: Option<&str>, onset: &str, isolated: &str) -> Line {
        let (infector, infectee) = (PersonId::from_label("a"), PersonId::from_label("b"));
        let known = |onset: Option<&str>, isolated: Option<&str>, confirmed: Option<&str>| Known {
            onset: onset.map(day),
            isolated: isolated.map(day),
            confirmed: confirmed.map(day),
            ..Known::default()
        };
        Line {
            people: BTreeMap::from([
                (infector, known(None, None, confirmed)),
                (infectee, known(Some(onset), Some(isolated), None)),
            ]),
            pairs: vec![(infector, infectee)],
        }
    }

    #[test]
    fn a_measure_a_day_after_confirmation_saves_what_lies_between_it_and_the_real_isolation() {
        // Infectious from 8 February; confirmed on the 9th, so the measure opens at the end of the 10th; isolated on
        // the 14th: at large 6 days, of which the 11th, 12th and 13th would not have been.
        let result = days_prevented(&line(Some("2020-02-09"), "2020-02-10", "2020-02-14"), 24);
        assert_eq!((result.days_at_large, result.days_prevented, result.contacts_helped), (6.0, 3.0, 1));
    }

    #[test]
    fn a_measure_before_infectiousness_saves_all_of_it_and_a_late_one_nothing() {
        let early = days_prevented(&line(Some("2020-02-01"), "2020-02-10", "2020-02-14"), 24);
        assert_eq!((early.days_at_large, early.days_prevented), (6.0, 6.0));
        let late = days_prevented(&line(Some("2020-02-13"), "2020-02-10", "2020-02-14"), 24);
        assert_eq!((late.days_prevented, late.contacts_helped), (0.0, 0));
    }

    #[test]
    fn whoever_lacks_a_date_is_left_out_and_counted() {
        let result = days_prevented(&line(None, "2020-02-10", "2020-02-14"), 24);
        assert_eq!((result.contacts, result.left_out), (0, 1));
    }
}
