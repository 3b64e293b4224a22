//! The due list against slow, obvious versions of it, and what it promises somebody who follows it.

use proptest::prelude::*;
use sizao_epi::screening::{Catalogue, KeyPerson, Membership, due_list, due_on};
use sizao_model::{CivilDay, PersonId};

fn catalogue(frequencies: &[String]) -> Catalogue {
    let groups = frequencies.iter().enumerate().map(|(index, frequency)| {
        format!(
            "[[group]]\nid = \"g{index}\"\nname = \"G\"\nname_zh = \"组\"\nfrequency = {{ {frequency} }}\npool = \"single\"\n\
             owner = \"health\"\nreminder_hour = 18\nsource = \"made for a test\"\n"
        )
    });
    let text = format!("id = \"t\"\nvalid_from = \"2022-01-01\"\n{}", groups.collect::<String>());
    Catalogue::from_toml(&text).unwrap()
}

fn day(number: i32) -> CivilDay {
    CivilDay::parse("2022-05-02").unwrap().plus_days(number)
}

/// Nobody's sample within the last n days, at work today and in the group.
fn is_due_slowly(person: &KeyPerson, days: &[i32], today: CivilDay) -> bool {
    let present = !person.leave.iter().any(|&(from, to)| from <= today && today <= to);
    let in_group = |membership: &Membership| membership.from <= today && membership.to.is_none_or(|to| today <= to);
    let sampled = |days: i32| (0..days).any(|back| person.sampled_on.contains(&today.plus_days(-back)));
    present && person.memberships.iter().any(|one| in_group(one) && !sampled(days[usize::from(one.group)]))
}

proptest! {
    #[test]
    fn whoever_has_no_sample_of_the_last_days_is_due(
        days in prop::collection::vec(1i32..10, 3),
        jobs in prop::collection::vec((0u16..3, -30i32..20, prop::option::of(0i32..30)), 1..4),
        leave in prop::collection::vec((-10i32..20, 0i32..6), 0..3),
        sampled in prop::collection::vec(-20i32..20, 0..8),
        today in 0i32..20,
    ) {
        let frequencies: Vec<String> = days.iter().map(|days| format!("every_days = {days}")).collect();
        let memberships = jobs.iter().map(|&(group, from, length)| Membership { group, from: day(from), to: length.map(|length| day(from + length)) });
        let person = KeyPerson {
            person: PersonId::from_label("p"),
            memberships: memberships.collect(),
            leave: leave.iter().map(|&(from, length)| (day(from), day(from + length))).collect(),
            sampled_on: sampled.into_iter().map(day).collect(),
            exemptions: 0,
        };
        let due = due_on(&person, day(today), &catalogue(&frequencies));
        prop_assert_eq!(due.is_some(), is_due_slowly(&person, &days, day(today)));
        if let Some(due) = due {
            prop_assert!(due.since <= day(today));
            prop_assert!(!person.leave.iter().any(|&(from, to)| from <= due.since && due.since <= to));
        }
    }

    #[test]
    fn whoever_goes_when_reminded_is_tested_as_often_as_the_group_asks(times in 1u16..=7, starts in 0i32..7) {
        let catalogue = catalogue(&[format!("per_week = {times}")]);
        let memberships = vec![Membership { group: 0, from: day(starts), to: None }];
        let mut person =
            KeyPerson { person: PersonId::from_label("p"), memberships, leave: Vec::new(), sampled_on: Vec::new(), exemptions: 0 };
        for today in 0..70 {
            if due_on(&person, day(today), &catalogue).is_some() {
                person.sampled_on.push(day(today));
            }
        }
        // 2 May 2022 is a Monday. The first week may have been half over.
        for week in 1..10 {
            let count = person.sampled_on.iter().filter(|on| (on.days_since(day(0))) / 7 == week).count();
            prop_assert_eq!(count, usize::from(times), "week {}", week);
        }
    }
}

#[test]
fn a_list_has_those_who_are_due_in_their_order() {
    let catalogue = catalogue(&["every_days = 1".to_owned()]);
    let person = |number: u32, sampled_on: Vec<CivilDay>| KeyPerson {
        person: PersonId::from_label(&format!("p{number}")),
        memberships: vec![Membership { group: 0, from: day(0), to: None }],
        leave: Vec::new(),
        sampled_on,
        exemptions: 0,
    };
    let people = [person(1, vec![]), person(2, vec![day(3)]), person(3, vec![day(2)])];
    let due: Vec<PersonId> = due_list(&people, day(3), &catalogue).iter().map(|due| due.person).collect();
    assert_eq!(due, [people[0].person, people[2].person]);
}
