//! What holds in every world, checked on invented ones.

use proptest::{prelude::*, test_runner::FileFailurePersistence};
use sizao_model::{Assessment, Fact, FactBody, FactId, Instant, Measure};
use sizao_policy::{Dossier, FactIndex, PackTimeline, assess, lean};

use crate::files as support;
use crate::world;
use crate::world::{PEOPLE, TIMELINES, person};

fn packs(timeline: usize) -> &'static PackTimeline {
    static PACKS: [std::sync::OnceLock<PackTimeline>; TIMELINES.len()] =
        [const { std::sync::OnceLock::new() }; TIMELINES.len()];
    PACKS[timeline].get_or_init(|| support::packs(TIMELINES[timeline]))
}

fn answers(facts: &[Fact], timeline: usize, at: Instant) -> Vec<Assessment> {
    let index = FactIndex::new(facts);
    (0..PEOPLE).map(|number| assess(&index.dossier(person(number)), packs(timeline), at, at)).collect()
}

/// Without the order of lists, and without what is only told.
fn plain(mut assessment: Assessment) -> Assessment {
    assessment.classes.sort();
    assessment.offers.sort();
    assessment
}

fn ids(facts: &[Fact]) -> Vec<FactId> {
    facts.iter().map(|fact| fact.id).collect()
}

/// The strictest kind asked of a person at a moment.
fn strictness(assessment: &Assessment, at: Instant) -> u8 {
    assessment
        .measures
        .iter()
        .filter(|measure| measure.is_active(at))
        .map(|measure| measure.kind().strictness())
        .max()
        .unwrap_or(0)
}

/// Measures with the facts that opened them in one order.
fn measures(assessment: &Assessment, keep: impl Fn(&Measure) -> bool) -> Vec<(String, Vec<FactId>)> {
    let mut kept: Vec<(String, Vec<FactId>)> = assessment
        .measures
        .iter()
        .filter(|measure| keep(measure))
        .map(|measure| {
            let mut because = measure.because().to_vec();
            because.sort();
            (
                format!(
                    "{} {} {} {} {:?}",
                    measure.rule(),
                    measure.kind().name(),
                    measure.starts_at(),
                    measure.ends_at(),
                    measure.tests()
                ),
                because,
            )
        })
        .collect();
    kept.sort();
    kept
}

fn rests_on_areas(measure: &Measure) -> bool {
    ["risk_area_traveller", "same_city_traveller", "same_county_traveller", "area_resident"]
        .iter()
        .any(|rule| measure.rule().ends_with(rule))
}

fn rests_on_exposures(measure: &Measure) -> bool {
    measure.rule().ends_with("_contact")
}

/// Regressions are kept beside this file. More cases: PROPTEST_CASES=20000.
fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("tests/properties.proptest-regressions"))),
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(600),
        max_global_rejects: 1_000_000,
        ..ProptestConfig::default()
    }
}

/// A negative result for a sample, recorded at a moment.
fn negative(sample: FactId, recorded_at: Instant) -> Fact {
    world::read(&serde_json::json!({
        "id": "negative", "kind": "result", "happened": {"at": recorded_at}, "recorded_at": recorded_at,
        "body": {"sample": sample, "outcome": "negative"},
    }))
}

/// The worlds are dense enough to mean something: all kinds of rules open measures in them.
#[test]
fn the_invented_worlds_open_measures_by_every_rule() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut rules: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for number in 0..3000 {
        let timeline = number % TIMELINES.len();
        let seeds = world::seeds(70).new_tree(&mut runner).unwrap().current();
        let at = world::moment(timeline, (number as i64 * 37) % 800);
        for answer in answers(&world::facts(timeline, &seeds), timeline, at) {
            for measure in answer.measures {
                let rule = measure.rule().split(':').nth(1).unwrap().to_owned();
                *rules.entry(rule).or_default() += 1;
            }
        }
    }
    for rule in [
        "close_contact",
        "secondary_contact",
        "case",
        "inbound_traveller",
        "risk_area_traveller",
        "same_city_traveller",
        "same_county_traveller",
        "area_resident",
        "arrival",
        "hold",
    ] {
        assert!(rules.get(rule).is_some_and(|count| *count >= 10), "{rule} in {rules:?}");
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_order_of_facts_is_irrelevant(timeline in world::timeline(), seeds in world::seeds(70), hours in 0i64..800, turn in 0usize..40) {
        let facts = world::facts(timeline, &seeds);
        let at = world::moment(timeline, hours);
        let mut turned = facts.clone();
        turned.rotate_left(turn % facts.len());
        turned.reverse();
        prop_assert_eq!(answers(&facts, timeline, at), answers(&turned, timeline, at));
    }

    #[test]
    fn questions_of_the_fence_change_nobodys_status_whoever_confirms_them(
        timeline in world::timeline(), seeds in world::seeds(40), hours in 0i64..800,
        asked in proptest::collection::vec((0..PEOPLE, 0i64..800, any::<bool>()), 1..30),
    ) {
        let mut facts = world::facts(timeline, &seeds);
        let at = world::moment(timeline, hours);
        let before: Vec<_> = answers(&facts, timeline, at).into_iter().map(plain).collect();
        for (number, (who, hour, is_confirmed)) in asked.into_iter().enumerate() {
            let when = world::moment(timeline, hour);
            facts.push(world::read(&serde_json::json!({
                "id": format!("question-{number}"), "kind": "arrival", "person": person(who), "happened": {"at": when},
                "recorded_at": when, "body": {"from": "3101", "into": "410105", "evidence": "cell_location"},
            })));
            if is_confirmed {
                facts.push(world::read(&serde_json::json!({
                    "id": format!("confirmed-{number}"), "kind": "confirmation", "happened": {"at": when},
                    "recorded_at": when, "body": {"of": format!("question-{number}"), "by": "epidemiologist"},
                })));
            }
        }
        let after: Vec<_> = answers(&facts, timeline, at).into_iter().map(plain).collect();
        prop_assert_eq!(before, after);
    }

    #[test]
    fn a_dossier_holds_all_that_matters(timeline in world::timeline(), seeds in world::seeds(70), hours in 0i64..800) {
        let facts = world::facts(timeline, &seeds);
        let at = world::moment(timeline, hours);
        for (number, answer) in (0..PEOPLE).zip(answers(&facts, timeline, at)) {
            let everything = Dossier { person: person(number), facts: facts.iter().collect() };
            prop_assert_eq!(plain(assess(&everything, packs(timeline), at, at)), plain(answer));
        }
    }

    #[test]
    fn what_no_rule_looks_at_changes_no_answer(timeline in world::timeline(), seeds in world::seeds(70), hours in 0i64..800, ahead in 0i64..300, left in 0u8..3) {
        let mut facts = world::facts(timeline, &seeds);
        // Worlds in which most people only stayed, arrived and were tested.
        let ties = |body: &FactBody| matches!(body, FactBody::Exposure(_) | FactBody::Diagnosis(_) | FactBody::IdentityLink(_) | FactBody::Extension(_) | FactBody::Death(_));
        facts.retain(|fact| left == 0 || !ties(&fact.body) && (left == 1 || !matches!(fact.body, FactBody::Correction(_))));
        let known_at = world::moment(timeline, hours);
        let index = FactIndex::new(&facts);
        for number in 0..PEOPLE {
            let whole = index.dossier(person(number));
            let part = lean(whole.clone());
            for now in [known_at, known_at.plus_hours(ahead), known_at.plus_hours(-ahead)] {
                prop_assert_eq!(assess(&whole, packs(timeline), known_at, now), assess(&part, packs(timeline), known_at, now));
            }
            // Whoever reads the part alone leaves out nothing more.
            let ids = |dossier: &Dossier<'_>| dossier.facts.iter().map(|fact| fact.id).collect::<std::collections::BTreeSet<_>>();
            prop_assert_eq!(ids(&part), ids(&lean(part.clone())));
        }
    }

    #[test]
    fn whom_a_fact_does_not_concern_stays_as_they_were(timeline in world::timeline(), seeds in world::seeds(70), hours in 0i64..800, pick in 0usize..70) {
        let mut facts = world::facts(timeline, &seeds);
        let at = world::moment(timeline, hours);
        let arriving = facts.remove(pick % facts.len());
        let before = answers(&facts, timeline, at);
        let with = [facts, vec![arriving.clone()]].concat();
        let concerned = FactIndex::new(&with).concerned(&arriving);
        for (before, after) in before.into_iter().zip(answers(&with, timeline, at)) {
            if !concerned.contains(&after.person) {
                prop_assert_eq!(before, after);
            }
        }
    }

    #[test]
    fn a_fact_told_twice_counts_once(timeline in world::timeline(), seeds in world::seeds(70), hours in 0i64..800) {
        let facts = world::facts(timeline, &seeds);
        let at = world::moment(timeline, hours);
        for number in 0..PEOPLE {
            let once = Dossier { person: person(number), facts: facts.iter().collect() };
            let twice = Dossier { person: person(number), facts: facts.iter().chain(&facts).collect() };
            prop_assert_eq!(assess(&once, packs(timeline), at, at), assess(&twice, packs(timeline), at, at));
        }
    }

    #[test]
    fn what_was_answered_is_answered_again_whatever_was_recorded_since(timeline in world::timeline(), seeds in world::seeds(70), hours in 0i64..800, ahead in 0i64..300) {
        let facts = world::facts(timeline, &seeds);
        let known_at = world::moment(timeline, hours);
        let then: Vec<Fact> = facts.iter().filter(|fact| fact.recorded_at <= known_at).cloned().collect();
        let (then, later) = (FactIndex::new(&then), FactIndex::new(&facts));
        for number in 0..PEOPLE {
            for now in [known_at, known_at.plus_hours(ahead), known_at.plus_hours(-ahead)] {
                let answered = assess(&then.dossier(person(number)), packs(timeline), known_at, now);
                let again = assess(&later.dossier(person(number)), packs(timeline), known_at, now);
                prop_assert_eq!(plain(answered), plain(again));
            }
        }
    }

    #[test]
    fn every_measure_names_known_facts_and_ends(timeline in world::timeline(), seeds in world::seeds(70), hours in 0i64..800) {
        let facts = world::facts(timeline, &seeds);
        let at = world::moment(timeline, hours);
        let known: Vec<Fact> = facts.into_iter().filter(|fact| fact.recorded_at <= at).collect();
        for answer in answers(&known, timeline, at) {
            for measure in &answer.measures {
                prop_assert!(!measure.because().is_empty());
                prop_assert!(measure.because().iter().all(|id| ids(&known).contains(id)), "{:?}", measure);
                prop_assert!(measure.starts_at() < measure.ends_at() && measure.ends_at() > at);
                prop_assert!(measure.ends_at() < at.plus_hours(24 * 120), "{:?}", measure);
            }
        }
    }

    #[test]
    fn nothing_changes_before_it_is_announced(timeline in world::timeline(), seeds in world::seeds(70), hours in 0i64..800, part in 1i64..1000) {
        let facts = world::facts(timeline, &seeds);
        let at = world::moment(timeline, hours);
        let known: Vec<Fact> = facts.into_iter().filter(|fact| fact.recorded_at <= at).collect();
        let index = FactIndex::new(&known);
        for number in 0..PEOPLE {
            let dossier = index.dossier(person(number));
            let now = assess(&dossier, packs(timeline), at, at);
            let next = now.next_change_at.unwrap_or(at.plus_hours(24 * 200));
            let soon = Instant::from_micros(at.as_micros() + (next.as_micros() - at.as_micros()) * part / 1001);
            let later = assess(&dossier, packs(timeline), at, soon);
            prop_assert_eq!(now, later);
        }
    }

    #[test]
    fn one_more_negative_result_makes_nothing_stricter(timeline in world::timeline(), seeds in world::seeds(70), hours in 0i64..800, ahead in 0i64..500) {
        let facts = world::facts(timeline, &seeds);
        let at = world::moment(timeline, hours);
        let before = answers(&facts, timeline, at);
        for sample in facts.iter().filter(|fact| matches!(fact.body, FactBody::Sample(_)) && fact.recorded_at <= at) {
            let mut with = facts.clone();
            with.push(negative(sample.id, sample.recorded_at.plus_hours(6).min(at)));
            for (before, after) in before.iter().zip(answers(&with, timeline, at)) {
                prop_assert!(after.colour <= before.colour, "{:?}\n{:?}", before, after);
                for moment in [at, at.plus_hours(ahead)] {
                    prop_assert!(strictness(&after, moment) <= strictness(before, moment), "at {}\n{:?}\n{:?}", moment, before, after);
                }
            }
        }
    }

    #[test]
    fn when_one_reason_ends_the_others_stay(timeline in world::timeline(), seeds in world::seeds(70), hours in 0i64..800) {
        let facts = world::facts(timeline, &seeds);
        let at = world::moment(timeline, hours);
        // An extension may name the fact that is gone as its evidence: then it goes with it.
        let facts: Vec<Fact> = facts.into_iter().filter(|fact| !matches!(fact.body, FactBody::Extension(_) | FactBody::SiteReset(_) | FactBody::Person(_))).collect();
        let without = |gone: fn(&FactBody) -> bool| facts.iter().filter(|fact| !gone(&fact.body)).cloned().collect::<Vec<_>>();
        let no_areas = without(|body| matches!(body, FactBody::AreaDeclared(_)));
        let no_exposures = without(|body| matches!(body, FactBody::Exposure(_)));
        for ((all, freed), unexposed) in answers(&facts, timeline, at).iter().zip(answers(&no_areas, timeline, at)).zip(answers(&no_exposures, timeline, at)) {
            prop_assert_eq!(measures(all, |measure| !rests_on_areas(measure)), measures(&freed, |_| true));
            prop_assert_eq!(measures(all, |measure| !rests_on_exposures(measure)), measures(&unexposed, |_| true));
        }
    }
}
