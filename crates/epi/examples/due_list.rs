//! The due list of a million key persons on one day, for measuring: `/usr/bin/time -v target/release/examples/due_list`.
//!
//! People are drawn from a seed: jobs in the groups of Henan's catalogue, some of them changed, samples of two weeks,
//! leave. With the argument `make` only the people are made, so that the difference is the due list itself.

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use sizao_epi::screening::{Catalogue, KeyPerson, Membership, due_list};
use sizao_model::{CivilDay, PersonId};

const PEOPLE: u32 = 1_000_000;

fn main() {
    let only_make = std::env::args().nth(1).is_some_and(|argument| argument == "make");
    let catalogue = Catalogue::henan_2022_05();
    let day = CivilDay::from_ymd(2022, 6, 15).expect("a day of the calendar");
    let groups = u16::try_from(catalogue.groups.len()).expect("few groups");
    let mut rng = StdRng::seed_from_u64(1);
    let people: Vec<KeyPerson> = (0..PEOPLE).map(|number| person(number, groups, day, &mut rng)).collect();
    let due = if only_make { Vec::new() } else { due_list(&people, day, &catalogue) };
    println!("{} people, {} due", people.len(), due.len());
}

fn person(number: u32, groups: u16, day: CivilDay, rng: &mut StdRng) -> KeyPerson {
    let mut memberships = vec![Membership {
        group: rng.random_range(0..groups),
        from: day.plus_days(-rng.random_range(1..400)),
        to: None,
    }];
    if rng.random_bool(0.1) {
        memberships[0].to = Some(day.plus_days(-rng.random_range(1..10)));
        memberships.push(Membership { group: rng.random_range(0..groups), from: day.plus_days(-5), to: None });
    }
    let gap = rng.random_range(1..8);
    let sampled_on =
        (0..14).step_by(gap as usize).map(|back| day.plus_days(-1 - back - rng.random_range(0..2))).collect();
    let leave = if rng.random_bool(0.05) {
        vec![(day.plus_days(-3), day.plus_days(rng.random_range(-2..3)))]
    } else {
        Vec::new()
    };
    let id = u128::from(number) * 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    KeyPerson { person: PersonId::from_label(&uuid_text(id)), memberships, leave, sampled_on, exemptions: 0 }
}

fn uuid_text(bits: u128) -> String {
    format!("{bits:032x}")
}
