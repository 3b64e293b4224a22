//! The city against the census, against itself, and against its truth.

mod support;

use std::collections::{HashMap, HashSet};

use sizao_drill::city::{
    City, CityError, CityOptions, HouseholdKind, Kin, LedgerShare, census::band_of, event::What, papers, truth::Truth,
};
use sizao_model::{Fact, identity::Document};
use support::{Memory, city};

#[test]
fn the_same_seed_gives_the_same_bytes_on_one_thread_and_on_three() {
    let write = |threads, seed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| Memory::of(&City::build(CityOptions::new(5000, 10, seed)).unwrap()).digest())
    };
    assert_eq!(write(1, 3), write(3, 3));
    assert_ne!(write(1, 3), write(1, 4));
}

#[test]
fn ages_and_sexes_follow_the_pyramid_of_the_census() {
    let city = city(40_000);
    let (mut want, mut got) = ([[0.0; 19]; 2], [[0.0; 19]; 2]);
    for block in city.blocks() {
        let county = &city.counties()[block.county as usize];
        for (sex, row) in county.ages.iter().enumerate() {
            for (band, &count) in row.iter().enumerate() {
                want[sex][band] += f64::from(block.size) * count as f64 / county.people as f64;
            }
        }
    }
    for person in city.people() {
        got[person.sex as usize][band_of(person.age.into())] += 1.0;
    }
    for (want, got) in want.iter().flatten().zip(got.iter().flatten()) {
        // Drawn evenly along the pyramid: each of the 40 blocks is off by about one.
        assert!((want - got).abs() < 40.0, "{want:.0} people wanted in a band, {got} there");
    }
}

#[test]
fn households_have_the_census_s_types_and_sizes() {
    let city = city(60_000);
    let (mut want, mut got) = ([0.0; 6], [0.0; 6]);
    for block in city.blocks() {
        let county = &city.counties()[block.county as usize];
        let per_person = f64::from(block.size) / county.people as f64;
        let [gen1, gen2, gen3, gen4] = county.generations;
        let parts = [county.single, gen1 - county.single, gen2, gen3, gen4, county.household_people];
        want.iter_mut().zip(parts).for_each(|(want, part)| *want += part as f64 * per_person);
    }
    for household in city.households().iter().filter(|household| household.kind.is_family()) {
        let kind = match household.kind {
            HouseholdKind::Single => 0,
            HouseholdKind::Couple => 1,
            HouseholdKind::TwoGenerations => 2,
            HouseholdKind::ThreeGenerations => 3,
            _ => 4,
        };
        got[kind] += 1.0;
        got[5] += f64::from(household.size);
    }
    let (want_all, got_all): (f64, f64) = (want[..5].iter().sum(), got[..5].iter().sum());
    for (want, got) in want[..5].iter().zip(&got) {
        assert!(
            (want / want_all - got / got_all).abs() < 0.01,
            "share {:.3}, not {:.3}",
            got / got_all,
            want / want_all
        );
    }
    let (want_mean, got_mean) = (want[5] / want_all, got[5] / got_all);
    assert!((want_mean - got_mean).abs() < 0.05, "mean size {got_mean:.3}, not {want_mean:.3}");
    assert!((want[5] - got[5]).abs() / want[5] < 0.01);
}

#[test]
fn families_are_of_plausible_ages() {
    let city = city(20_000);
    let (mut pairs, mut odd) = (0, 0);
    for child in 0..city.people().len() as u32 {
        let someone = &city.people()[child as usize];
        if someone.kin == Kin::Child {
            for parent in city.household_members(someone.household).map(|member| &city.people()[member as usize]) {
                if matches!(parent.kin, Kin::Head | Kin::Spouse) {
                    pairs += 1;
                    odd += u32::from(!(15..=60).contains(&(i32::from(parent.age) - i32::from(someone.age))));
                }
            }
        }
    }
    assert!(f64::from(odd) < 0.03 * f64::from(pairs), "{odd} of {pairs} parents are too near in age or too far");
}

#[test]
fn papers_are_right_but_for_the_mistyped_ones_and_nobody_has_another_s() {
    let city = city(20_000);
    let (mut mistyped, mut seen) = (0, HashSet::new());
    for person in 0..city.people().len() as u32 {
        let true_paper = Document::new(city.people()[person as usize].paper, &city.true_paper(person)).unwrap();
        assert!(seen.insert(format!("{}{}", true_paper.kind().name(), true_paper.reveal())), "given twice");
        for record in [Some(city.record(person)), city.second_record(person)].into_iter().flatten() {
            let is_mistyped = record.faults.iter().any(|fault| fault.field == "document");
            mistyped += u32::from(is_mistyped && !record.owner.is_second());
            for (i, (kind, number)) in record.documents.iter().enumerate() {
                let read = Document::new(*kind, number);
                assert_eq!(read.is_err(), is_mistyped && i == 0, "{number}");
                if i == 0
                    && *kind == true_paper.kind()
                    && !is_mistyped
                    && record.owner == sizao_drill::city::Owner::person(person)
                {
                    assert_eq!(read.unwrap(), true_paper);
                }
            }
        }
    }
    // 0.3 % of 20,000: sixty, five standard deviations either way.
    assert!((20..100).contains(&mistyped), "{mistyped}");
}

#[test]
fn numbers_lie_in_ranges_that_were_never_given_out() {
    let city = city(3000);
    for person in 0..3000 {
        let record = city.record(person);
        assert!(record.phones.iter().all(|phone| phone.number.starts_with("100") && phone.number.len() == 11));
        for (kind, number) in &record.documents {
            if *kind == sizao_model::identity::DocumentKind::ResidentId && record.faults.is_empty() {
                let plain = Document::new(*kind, number).unwrap();
                let area: u32 = plain.reveal()[..6].parse().unwrap();
                assert!((papers::AREA_CODE_FIRST..papers::AREA_CODE_FIRST + 50).contains(&area));
            }
        }
    }
}

#[test]
fn children_answer_through_guardians_and_phones_are_shared() {
    let city = city(20_000);
    let (mut young, mut guarded) = (0, 0);
    let mut owners: HashMap<String, u32> = HashMap::new();
    for person in 0..20_000 {
        let record = city.record(person);
        if city.people()[person as usize].age < 12 {
            young += 1;
            guarded += u32::from(record.guardian.is_some());
            assert!(record.phones.iter().all(|phone| phone.role == sizao_model::identity::PhoneRole::Guardian));
        }
        record.phones.into_iter().for_each(|phone| *owners.entry(phone.number).or_default() += 1);
    }
    assert!(guarded * 100 > young * 95, "{guarded} of {young}");
    assert!(owners.values().filter(|&&count| count > 1).count() > 1000);
}

#[test]
fn every_line_reads_back_as_the_fact_in_memory() {
    let city = city(5000);
    let files = Memory::of(&city);
    let mut from_memory: HashMap<_, Fact> = city.facts().map(|fact| (fact.id, fact)).collect();
    let count = from_memory.len();
    let mut lines = 0;
    for line in files.text("facts.ndjson").lines() {
        let fact = Fact::from_json(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(Some(&fact), from_memory.remove(&fact.id).as_ref(), "{line}");
        lines += 1;
    }
    assert_eq!(lines, count, "ids are unique and every fact is written once");
    let table = |name: &str| files.text(name).lines().count() - 1;
    let tables = table("samples.csv") + table("results.csv") + table("arrivals.csv") + table("symptoms.csv");
    assert_eq!(tables + files.text("other.ndjson").lines().count(), lines);
}

#[test]
fn nothing_is_recorded_before_it_happened_or_before_its_cause() {
    let city = city(30_000);
    let mut recorded = HashMap::new();
    let events: Vec<_> = (0..city.blocks().len() as u32).flat_map(|block| city.events_of_block(block)).collect();
    for event in &events {
        recorded.insert(event.of, event.recorded_at);
        assert!(event.recorded_at < city.midnight(city.options().days));
        let fact = event.fact(&city);
        let announced = matches!(event.what, What::AreaDeclared(_));
        let begins = fact.happened.starts_at();
        assert!(announced || begins <= fact.recorded_at, "{fact:?}");
        // Only births and doses are known as days that were over long before.
        assert!(
            announced
                || fact.happened.ends_at().is_some_and(|end| end <= fact.recorded_at || begins == end)
                || matches!(event.what, What::Person),
            "{fact:?}"
        );
    }
    let mut checked = 0;
    for event in &events {
        let causes = match &event.what {
            What::Result { sample, .. } => vec![*sample],
            What::Confirmation { of, .. } | What::Correction { of, .. } => vec![*of],
            What::AreaDeclared(declaration) => declaration.evidence.clone(),
            _ => continue,
        };
        for cause in causes {
            assert!(recorded[&cause] <= event.recorded_at, "{event:?}");
            checked += 1;
        }
    }
    assert!(checked > 1000);
}

#[test]
fn infections_happen_where_both_were_at_that_time() {
    let city = City::build(CityOptions { imported: Some(40), ..CityOptions::new(30_000, 14, 5) }).unwrap();
    let mut inside = 0;
    for infection in city.outbreak().infections() {
        let (Some(by), Some(place)) = (infection.by, infection.place) else { continue };
        for person in [by, infection.person] {
            let mut was_there = false;
            city.stays_of(person, |stay| {
                was_there |= stay.place == place && (stay.enter..stay.leave).contains(&infection.at)
            });
            assert!(was_there, "{infection:?}");
        }
        let infector = city.outbreak().infections().find(|other| other.person == by).unwrap();
        assert!((infector.infectious_from..infector.infectious_until).contains(&infection.at));
        inside += 1;
    }
    assert!(inside > 50, "{inside}");
}

#[test]
fn the_truth_names_facts_that_are_there() {
    let city = City::build(CityOptions { imported: Some(40), ..CityOptions::new(30_000, 14, 5) }).unwrap();
    let records: Vec<_> = (0..city.blocks().len() as u32).map(|block| city.records_of_block(block)).collect();
    let facts: HashMap<_, _> =
        records.iter().flat_map(|records| &records.events).map(|event| (event.of, event)).collect();
    let mut kinds: HashMap<&str, u32> = HashMap::new();
    for truth in records.iter().flat_map(|records| &records.truths).cloned().chain(city.outbreak_truths()) {
        let mut count = |name| *kinds.entry(name).or_default() += 1;
        match truth {
            Truth::Arrival { person, at, facts: of, .. } => {
                count(if of.is_empty() { "unseen arrival" } else { "arrival" });
                for event in of.iter().filter_map(|of| facts.get(of)) {
                    assert_eq!(event.of.owner.person_number(), Some(person));
                    assert!(matches!(event.what, What::Arrival { .. }));
                    assert!(event.recorded_at >= at);
                }
            }
            Truth::Infection(infection) => {
                if let Some(event) = infection.diagnosis.and_then(|of| facts.get(&of)) {
                    count("diagnosed");
                    assert_eq!(event.of.owner.person_number(), Some(infection.person));
                    assert!(event.recorded_at > infection.at);
                }
            }
            Truth::WrongPerson { fact, right, .. } => {
                count("wrong person");
                assert_ne!(fact.owner.person_number(), Some(right));
            }
            Truth::False { fact, reason } => {
                count(reason);
                if let Some(event) = facts.get(&fact) {
                    assert_eq!(reason == "officer_b", matches!(event.what, What::Stay { .. }));
                }
            }
            Truth::SecondRecord { person } => {
                count("second record");
                assert!(city.second_record(person).is_some());
            }
            _ => {}
        }
    }
    for kind in
        ["arrival", "unseen arrival", "diagnosed", "wrong person", "officer_a", "officer_b", "cell", "second record"]
    {
        assert!(kinds.contains_key(kind), "{kind} is missing of {kinds:?}");
    }
}

#[test]
fn nobody_diagnosed_was_healthy_and_positive_results_belong_to_the_infected() {
    let city = City::build(CityOptions { imported: Some(40), ..CityOptions::new(30_000, 14, 5) }).unwrap();
    let infected: HashSet<u32> = city.outbreak().infections().map(|infection| infection.person).collect();
    let mut diagnoses = 0;
    for event in (0..city.blocks().len() as u32).flat_map(|block| city.events_of_block(block)) {
        let person = event.of.owner.person_number();
        match event.what {
            What::Diagnosis { .. } => {
                diagnoses += 1;
                assert!(person.is_some_and(|person| infected.contains(&person)));
            }
            What::Result { outcome: sizao_model::fact::Outcome::Positive, .. } => {
                assert!(person.is_some_and(|person| infected.contains(&person)));
            }
            _ => {}
        }
    }
    assert!(diagnoses > 20, "{diagnoses}");
}

#[test]
fn control_makes_the_outbreak_smaller_and_without_it_nobody_is_found() {
    let play = |is_controlled| {
        let options = CityOptions { imported: Some(40), is_controlled, ..CityOptions::new(20_000, 12, 9) };
        City::build(options).unwrap()
    };
    let (free, held) = (play(false), play(true));
    let count = |city: &City| city.outbreak().infections().count();
    assert!(count(&held) * 2 < count(&free), "{} {}", count(&held), count(&free));
    assert!(free.outbreak().infections().all(|infection| infection.diagnosis.is_none()));
    // The log-normal with median 3.1 days and sigma 0.43 has mean 3.40 and standard deviation 1.53.
    let days: Vec<f64> = free
        .outbreak()
        .infections()
        .filter_map(|infection| Some(f64::from(infection.onset_at? - infection.at) / 86_400.0))
        .collect();
    let mean = days.iter().sum::<f64>() / days.len() as f64;
    assert!((mean - 3.40).abs() < 4.0 * 1.53 / (days.len() as f64).sqrt(), "{mean} days of {}", days.len());
}

#[test]
fn the_officer_s_list_names_people_who_met_no_case() {
    let city = City::build(CityOptions { imported: Some(40), ..CityOptions::new(20_000, 14, 6) }).unwrap();
    let mut rows = 0;
    for truth in city.outbreak_truths() {
        let Truth::False { fact, reason: "officer_a" } = truth else { continue };
        let person = fact.owner.person_number().unwrap();
        let events = city.events_of_block(city.households()[city.people()[person as usize].household as usize].block);
        let event = events.iter().find(|event| event.of == fact).unwrap();
        let What::Exposure { case: Some(case), .. } = event.what else { panic!("{event:?}") };
        let sizao_drill::city::event::Time::During(from, to) = event.happened else { panic!("{event:?}") };
        let mut of_case = Vec::new();
        city.stays_of(case, |stay| of_case.push(stay));
        city.stays_of(person, |stay| {
            let met = of_case.iter().any(|other| {
                let (enter, leave) = (stay.enter.max(other.enter).max(from), stay.leave.min(other.leave).min(to));
                other.place == stay.place && enter < leave
            });
            assert!(!met, "{event:?}");
        });
        rows += 1;
    }
    // 1,317 in a million.
    assert!((20..=26).contains(&rows), "{rows}");
}

#[test]
fn the_isolated_are_not_in_the_ledger_and_nobody_is_in_two_places() {
    let city = City::build(CityOptions { imported: Some(40), ..CityOptions::new(20_000, 14, 6) }).unwrap();
    let mut isolated = 0;
    for person in 0..20_000 {
        let confinements = city.outbreak().confinements(person);
        isolated += usize::from(!confinements.is_empty());
        let mut last = 0;
        city.stays_of(person, |stay| {
            assert!(last <= stay.enter && stay.enter < stay.leave);
            last = stay.leave;
            for confinement in confinements {
                assert!(stay.leave <= confinement.from || stay.enter >= confinement.until);
            }
        });
    }
    assert!(isolated > 50, "{isolated}");
}

#[test]
fn a_dossier_holds_all_that_its_facts_refer_to() {
    let city = City::build(CityOptions { imported: Some(40), ..CityOptions::new(20_000, 14, 6) }).unwrap();
    let (mut exposures, mut own_facts) = (0, 0);
    for dossier in (0..city.blocks().len() as u32).flat_map(|block| city.dossiers_of_block(block)) {
        let about = |id| dossier.facts.iter().filter(move |fact| fact.person == Some(id));
        for fact in about(dossier.id) {
            own_facts += 1;
            if let sizao_model::FactBody::Exposure(exposure) = &fact.body
                && exposure.evidence == sizao_model::fact::EvidenceKind::Interview
            {
                exposures += 1;
                let other = exposure.case.or(exposure.via).unwrap();
                assert!(about(other).next().is_some(), "{fact:?}");
            }
            if let sizao_model::FactBody::Sample(sizao_model::fact::Sample { pool: Some(pool), .. }) = &fact.body {
                let results = dossier.facts.iter().filter(|other| {
                    matches!(&other.body, sizao_model::FactBody::TestResult(result) if result.pool.as_ref() == Some(pool))
                });
                assert!(results.count() <= 1);
            }
        }
    }
    assert!(exposures > 50 && own_facts > 80_000, "{exposures} {own_facts}");
}

#[test]
fn small_and_larger_cities_have_about_the_facts_that_were_asked_for() {
    for (people, wanted) in [(1000, 5.0), (10_000, 5.0), (10_000, 12.0)] {
        let city =
            City::build(CityOptions { facts_per_person: wanted, imported: Some(0), ..CityOptions::new(people, 14, 2) })
                .unwrap();
        let per_person = city.facts().count() as f64 / f64::from(people);
        assert!((per_person / wanted - 1.0).abs() < 0.15, "{per_person} of {wanted} for {people}");
    }
}

#[test]
fn a_city_can_be_confined_and_its_ledger_left_out() {
    let within = sizao_model::DivisionCode::parse("4101").unwrap();
    let options = CityOptions { within: Some(within), ledger: LedgerShare::None, ..CityOptions::new(2000, 5, 1) };
    let city = City::build(options).unwrap();
    assert!(city.blocks().iter().all(|block| block.code.is_under(within)));
    assert!(!Memory::of(&city).has("ledger.csv"));
}

#[test]
fn people_live_in_real_villages_when_a_list_of_them_is_given() {
    let villages = "code12,name_zh,kind,township12\n410102001002,a,community,410102001000\n410103001001,b,community,410103001000\n";
    let within = sizao_model::DivisionCode::parse("410102").unwrap();
    let options = CityOptions { within: Some(within), villages: Some(villages.into()), ..CityOptions::new(2000, 2, 1) };
    let city = City::build(options).unwrap();
    assert_eq!(city.blocks()[0].code.to_string(), "410102001002");
    assert!(city.blocks()[1..].iter().all(|block| block.code.to_string().starts_with("4101029")));
}

#[test]
fn the_smallest_city_and_the_longest_time_work() {
    for (people, days) in [(100, 1), (100, 90), (101, 33)] {
        let city = City::build(CityOptions::new(people, days, 7)).unwrap();
        assert_eq!(city.people().len(), people as usize);
        assert_eq!(Memory::of(&city).text("people.csv").lines().count(), 1 + people as usize + seconds(&city));
    }
}

fn seconds(city: &City) -> usize {
    (0..city.people().len() as u32).filter(|&person| city.has_second_record(person)).count()
}

#[test]
fn options_out_of_range_are_refused_with_the_range() {
    let error = |options| City::build(options).err().unwrap();
    assert!(error(CityOptions::new(10, 14, 1)).to_string().contains("choose from 100 to 10000000"));
    assert!(error(CityOptions::new(1000, 0, 1)).to_string().starts_with("days is 0"));
    let elsewhere = sizao_model::DivisionCode::parse("3101").ok();
    assert!(matches!(
        error(CityOptions { within: elsewhere, ..CityOptions::new(1000, 5, 1) }),
        CityError::Empty { .. }
    ));
    let census = "header\n1,2\n".into();
    assert!(matches!(error(CityOptions { census, ..CityOptions::new(1000, 5, 1) }), CityError::Census { line: 2 }));
}
