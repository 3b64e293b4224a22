//! Who is due on a day, exactly: across midnight, leave and a change of jobs.

use sizao_model::{CivilDay, PersonId};

use super::{Catalogue, Exemption, Frequency};

/// A job or place by which somebody belongs to a group, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Place of the group in the catalogue.
    pub group: u16,
    /// First day.
    pub from: CivilDay,
    /// Last day, when it is known.
    pub to: Option<CivilDay>,
}

/// What is known of somebody of a key group. Days are civil days in Asia/Shanghai: a swab of 23:59 is of that day, one
/// of 00:01 of the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPerson {
    /// Who.
    pub person: PersonId,
    /// Jobs and places, in any order.
    pub memberships: Vec<Membership>,
    /// Days away, both ends included, in any order.
    pub leave: Vec<(CivilDay, CivilDay)>,
    /// Days of samples, whichever group they were for; those of the last week and the one before are enough.
    pub sampled_on: Vec<CivilDay>,
    /// Why the person need not be tested ([`Exemption::bits`]).
    pub exemptions: u8,
}

/// A reminder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Whose.
    pub person: PersonId,
    /// For which group: the one that asks first, and of several the first of the catalogue.
    pub group: u16,
    /// Since which day the test is due; on that day it is not late.
    pub since: CivilDay,
}

/// Whether somebody is due on a day, and since when.
///
/// A group that tests every n days asks on the n-th day after the last sample, and where there was none since long
/// before, on the first day of the membership. A group that tests k times in a week (Monday to Sunday) asks when
/// ⌊7 / k⌋ days have passed since the last sample, or when otherwise the rest of the week would no longer do. A rota
/// asks each person on one day of its length, drawn from the person's id, unless there was a sample since the last turn.
///
/// What falls into leave is asked for on the first day back. A sample counts for every group, so that a change of jobs
/// neither doubles a test nor loses one. A person in several groups is asked once, by whichever asks first.
pub fn due_on(person: &KeyPerson, day: CivilDay, catalogue: &Catalogue) -> Option<Due> {
    if !catalogue.holds_on(day) || is_away(person, day) {
        return None;
    }
    // A sample of today answers every group, whatever it asks.
    let last = person.sampled_on.iter().copied().filter(|&sampled| sampled <= day).max();
    if last == Some(day) {
        return None;
    }
    let asks = person.memberships.iter().filter_map(|membership| {
        let group = catalogue.groups.get(usize::from(membership.group))?;
        let is_exempt = person.exemptions & Exemption::bits(&group.exempt) != 0;
        if is_exempt || day < membership.from || membership.to.is_some_and(|end| day > end) {
            return None;
        }
        let begins = membership.from.max(catalogue.valid_from);
        let asked = first_asked(person, group.frequency, begins, last, day)?;
        // Whoever was away on that day is asked on the first day back.
        let since = first_day_present(person, asked);
        (since <= day).then_some(Due { person: person.person, group: membership.group, since })
    });
    asks.min_by_key(|due| (due.since, due.group))
}

/// The reminders of a day, in the order of the people.
pub fn due_list<'a>(people: impl IntoIterator<Item = &'a KeyPerson>, day: CivilDay, catalogue: &Catalogue) -> Vec<Due> {
    people.into_iter().filter_map(|person| due_on(person, day, catalogue)).collect()
}

/// The day on which a group asked for the test that is missing at `day`, leave left aside.
fn first_asked(
    person: &KeyPerson,
    frequency: Frequency,
    begins: CivilDay,
    last: Option<CivilDay>,
    day: CivilDay,
) -> Option<CivilDay> {
    match frequency {
        Frequency::EveryDays(days) => {
            let asked = last.map_or(begins, |last| last.plus_days(i32::from(days)).max(begins));
            (asked <= day).then_some(asked)
        }
        Frequency::PerWeek(times) => {
            // Weeks before this one are over; only this one can still be kept.
            let first = monday(day).max(begins);
            (0..=day.days_since(first)).map(|passed| first.plus_days(passed)).find(|&at| {
                let needed = i32::from(times) - samples_between(person, monday(at), at);
                let spaced = last.is_none_or(|last| at.days_since(last) >= 7 / i32::from(times));
                let days_left = 7 - at.days_since(monday(at));
                needed > 0 && (spaced || days_left <= needed)
            })
        }
        Frequency::RotaDays(days) => {
            let length = i32::from(days);
            let turn = i32::from(rota_place(person.person, days));
            // The last day not after today with this place in the rota.
            let asked = day.plus_days(-(day.number() - turn).rem_euclid(length));
            (asked >= begins && last.is_none_or(|last| last < asked)).then_some(asked)
        }
    }
}

/// Samples from `from` to `to`, both included; two of one day count once.
fn samples_between(person: &KeyPerson, from: CivilDay, to: CivilDay) -> i32 {
    let within = |&&day: &&CivilDay| day >= from && day <= to;
    let first_of_day = |(index, day): &(usize, &CivilDay)| !person.sampled_on[..*index].contains(day);
    person.sampled_on.iter().enumerate().filter(|(index, day)| within(day) && first_of_day(&(*index, *day))).count()
        as i32
}

fn monday(day: CivilDay) -> CivilDay {
    // Day 0 is 1970-01-01, a Thursday.
    day.plus_days(-(day.number() + 3).rem_euclid(7))
}

fn is_away(person: &KeyPerson, day: CivilDay) -> bool {
    person.leave.iter().any(|&(from, to)| day >= from && day <= to)
}

/// The first day from `day` on that is not leave.
fn first_day_present(person: &KeyPerson, day: CivilDay) -> CivilDay {
    let mut present = day;
    // Each leave moves the day at most once.
    for _ in 0..=person.leave.len() {
        match person.leave.iter().find(|&&(from, to)| present >= from && present <= to) {
            Some(&(_, to)) => present = to.plus_days(1),
            None => break,
        }
    }
    present
}

/// Where in a rota somebody stands: spread evenly, always the same, and told from the id alone.
fn rota_place(person: PersonId, days: u16) -> u16 {
    // FNV-1a, 64 bits.
    let hash = person
        .as_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    u16::try_from((hash >> 16) % u64::from(days)).expect("a remainder is below its divisor")
}

#[cfg(test)]
mod tests {
    use super::*;
    use sizao_model::Instant;

    fn day(text: &str) -> CivilDay {
        CivilDay::parse(text).unwrap()
    }

    fn catalogue() -> Catalogue {
        Catalogue::from_toml(
            r#"
            id = "test"
            valid_from = "2022-01-01"
            [[group]]
            id = "second_day"
            name = "A"
            name_zh = "甲"
            frequency = { every_days = 2 }
            pool = "single"
            owner = "health"
            reminder_hour = 18
            exempt = ["infant"]
            source = "s"
            [[group]]
            id = "twice"
            name = "B"
            name_zh = "乙"
            frequency = { per_week = 2 }
            pool = "pool10"
            owner = "trade"
            reminder_hour = 18
            source = "s"
            [[group]]
            id = "rota"
            name = "C"
            name_zh = "丙"
            frequency = { rota_days = 5 }
            pool = "pool10"
            owner = "schools"
            reminder_hour = 18
            source = "s"
            "#,
        )
        .unwrap()
    }

    fn person(group: u16, from: &str) -> KeyPerson {
        KeyPerson {
            person: PersonId::from_label("p"),
            memberships: vec![Membership { group, from: day(from), to: None }],
            leave: Vec::new(),
            sampled_on: Vec::new(),
            exemptions: 0,
        }
    }

    fn since(person: &KeyPerson, on: &str) -> Option<String> {
        due_on(person, day(on), &catalogue()).map(|due| due.since.to_string())
    }

    #[test]
    fn the_day_of_a_swab_is_the_civil_day_in_which_it_was_taken() {
        let sampled = |at: &str| {
            let mut one = person(0, "2022-05-01");
            one.sampled_on.push(Instant::parse(at).unwrap().day());
            one
        };
        let before = sampled("2022-05-10T23:59:00+08:00");
        let after = sampled("2022-05-11T00:01:00+08:00");
        assert_eq!(since(&before, "2022-05-12").as_deref(), Some("2022-05-12"));
        assert_eq!(since(&after, "2022-05-12"), None);
        assert_eq!(since(&after, "2022-05-13").as_deref(), Some("2022-05-13"));
    }

    #[test]
    fn the_first_test_is_due_on_the_first_day_of_the_job() {
        let mut new = person(0, "2022-05-10");
        assert_eq!(since(&new, "2022-05-09"), None);
        assert_eq!(since(&new, "2022-05-10").as_deref(), Some("2022-05-10"));
        assert_eq!(since(&new, "2022-05-12").as_deref(), Some("2022-05-10"));
        new.sampled_on.push(day("2022-05-12"));
        assert_eq!(since(&new, "2022-05-12"), None);
    }

    #[test]
    fn what_falls_into_leave_is_due_on_the_first_day_back() {
        let mut away = person(0, "2022-05-01");
        away.sampled_on.push(day("2022-05-10"));
        away.leave = vec![(day("2022-05-15"), day("2022-05-16")), (day("2022-05-11"), day("2022-05-14"))];
        assert_eq!(since(&away, "2022-05-12"), None);
        assert_eq!(since(&away, "2022-05-16"), None);
        assert_eq!(since(&away, "2022-05-17").as_deref(), Some("2022-05-17"));
        assert_eq!(since(&away, "2022-05-19").as_deref(), Some("2022-05-17"));
    }

    #[test]
    fn a_change_of_jobs_neither_doubles_a_test_nor_loses_one() {
        let mut one = person(0, "2022-05-01");
        one.memberships[0].to = Some(day("2022-05-10"));
        one.memberships.push(Membership { group: 1, from: day("2022-05-11"), to: None });
        one.sampled_on.push(day("2022-05-10"));
        // 10 May 2022 is a Tuesday: the second test of the week is due on the third day after it.
        assert_eq!(since(&one, "2022-05-12"), None);
        let due = due_on(&one, day("2022-05-13"), &catalogue()).unwrap();
        assert_eq!((due.group, due.since), (1, day("2022-05-13")));
        one.memberships[1].to = Some(day("2022-05-12"));
        assert_eq!(since(&one, "2022-05-13"), None);
    }

    #[test]
    fn a_week_that_would_no_longer_do_asks_at_once() {
        let mut one = person(1, "2022-05-01");
        one.sampled_on.push(day("2022-05-14"));
        // Sunday 15 May is the last day of that week, and one more test is needed.
        assert_eq!(since(&one, "2022-05-15").as_deref(), Some("2022-05-15"));
        one.sampled_on.push(day("2022-05-15"));
        assert_eq!(since(&one, "2022-05-16"), None);
        assert_eq!(since(&one, "2022-05-18").as_deref(), Some("2022-05-18"));
    }

    #[test]
    fn a_rota_asks_everybody_once_and_about_as_many_each_day() {
        let catalogue = catalogue();
        let people: Vec<KeyPerson> = (0..10_000)
            .map(|number| KeyPerson { person: PersonId::from_label(&format!("p{number}")), ..person(2, "2022-05-01") })
            .collect();
        let first = day("2022-05-20");
        let mut asked = vec![0; people.len()];
        for passed in 0..5 {
            let on = first.plus_days(passed);
            let fresh = people
                .iter()
                .enumerate()
                .filter(|(_, one)| due_on(one, on, &catalogue).is_some_and(|due| due.since == on));
            let indexes: Vec<usize> = fresh.map(|(index, _)| index).collect();
            assert!((1_800..2_200).contains(&indexes.len()), "{}", indexes.len());
            indexes.into_iter().for_each(|index| asked[index] += 1);
        }
        assert!(asked.iter().all(|&times| times == 1));
    }

    #[test]
    fn whoever_is_exempt_or_in_a_catalogue_of_another_time_is_not_asked() {
        let mut infant = person(0, "2022-05-01");
        assert!(since(&infant, "2022-05-01").is_some());
        infant.exemptions = Exemption::bits(&[Exemption::Infant]);
        assert_eq!(since(&infant, "2022-05-01"), None);
        assert_eq!(since(&person(0, "2021-01-01"), "2021-12-31"), None);
        assert_eq!(since(&person(0, "2021-01-01"), "2022-01-01").as_deref(), Some("2022-01-01"));
    }
}
