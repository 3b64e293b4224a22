//! What is past its term goes by itself, and everything at the end of a policy; nothing of it is in the next backup.

use std::io::BufReader;

use sizao_app::{App, AppError, Rules};
use sizao_model::fact::RetentionClass;
use sizao_policy::{Pack, PackTimeline};
use sizao_store::{ExportOptions, Store};

use crate::{
    loops::{CONTACTS, PACK, World, day, outbreak},
    support::*,
};

const DAY_US: i64 = 86_400_000_000;

impl World {
    fn days_on(&self, days: i64) {
        self.at(day("10T10:00").as_micros() + days * DAY_US);
    }

    async fn bodies(&self) -> usize {
        let size = self.app.store().size().await.unwrap();
        let (facts, damaged) = self.app.store().load_leaves_that_fit(0, size).await.unwrap();
        assert_eq!(damaged.len(), 0);
        facts.iter().filter(|stored| stored.fact.body.kind().retention() != RetentionClass::Governance).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_past_its_term_goes_under_a_certificate_when_nothing_open_rests_on_it() {
    for (place, elsewhere) in places().await.into_iter().zip(places().await) {
        let world = World::new(&place).await;
        let facts = outbreak(&CONTACTS);
        world
            .clock("12T12:00")
            .append(&facts.iter().filter(|fact| fact.recorded_at <= day("12T12:00")).cloned().collect::<Vec<_>>())
            .await;
        world.app.follow_loops().await.unwrap();
        let before = world.bodies().await;
        world.days_on(179);
        assert_eq!(world.app.apply_terms().await.unwrap().erased, 0, "not before the term");
        // Half a year on, and nobody has followed the loops: they are open, and what they rest on waits.
        world.days_on(182);
        let done = world.app.apply_terms().await.unwrap();
        assert_eq!(done.erased, 0);
        assert!(done.held > 0, "{done:?}");
        world.app.follow_loops().await.unwrap();
        let done = world.app.apply_terms().await.unwrap();
        assert!(done.erased > 0 && done.bodies > 0, "{done:?}");
        assert_eq!(world.app.kept_beyond_terms().await.unwrap(), []);
        let again = world.app.apply_terms().await.unwrap();
        assert_eq!((again.erased, again.held), (0, 0), "repeating it changes nothing");
        // Exposures went; the diagnosis and the loops' steps are kept longer. The log fits and says what went.
        let left = world.bodies().await;
        assert!(left < before + 20 && left > 0);
        let size = world.app.store().size().await.unwrap();
        let (kept, _) = world.app.store().load_leaves_that_fit(0, size).await.unwrap();
        assert!(kept.iter().all(|stored| stored.fact.body.kind().retention() != RetentionClass::Exposure));
        let seen = world.app.store().verify(|_| {}).await.unwrap();
        assert_eq!(seen.findings, []);
        assert_eq!(seen.erased.values().sum::<u64>(), done.bodies);

        // A backup of afterwards has nothing beyond the terms.
        let mut backup = Vec::new();
        world.app.store().export(ExportOptions { complete: true }, &mut backup).await.unwrap();
        let input = &mut BufReader::new(backup.as_slice());
        let (restored, _) = Store::restore(&elsewhere.place, master(), entropy(5), input).await.unwrap();
        let rules =
            Rules::new(PackTimeline::new(vec![Pack::from_toml("cn-covid-v8", PACK).unwrap()]).unwrap(), &[PACK]);
        let app = App::new(restored, world.clock.clone(), world.signer.clone(), "tester", rules).await.unwrap();
        assert_eq!(app.kept_beyond_terms().await.unwrap(), []);
        let size = app.store().size().await.unwrap();
        let (kept, _) = app.store().load_leaves_that_fit(0, size).await.unwrap();
        assert!(kept.iter().all(|stored| stored.fact.body.kind().retention() != RetentionClass::Exposure));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_end_of_a_policy_everything_goes_and_witnesses_can_follow_it_in_the_log() {
    for place in places().await {
        let world = World::new(&place).await;
        world.clock("30T12:00").append(&outbreak(&CONTACTS)).await;
        world.clock("12T12:00");
        world.app.follow_loops().await.unwrap();
        let until = day("30T12:00").day();
        let early = world.app.end_policy(until, "end of class B control", false).await;
        assert!(matches!(early, Err(AppError::Open { open }) if open > 0), "{early:?}");
        // Isolation of the case goes on until a clinician ends it, at most to the pack's ceiling.
        world.days_on(120);
        world.app.follow_loops().await.unwrap();
        let gone = world.app.end_policy(world.app.now().day(), "end of class B control", true).await.unwrap();
        assert!(!gone.certificates.is_empty());
        let told = gone.to_json("end of class B control", &["A, notary".to_owned(), "B, auditor".to_owned()]);
        assert_eq!(told["certificates"].as_array().unwrap().len(), gone.certificates.len());
        assert_eq!(world.bodies().await, 0, "nothing about anybody is left");
        let seen = world.app.store().verify(|_| {}).await.unwrap();
        assert_eq!(seen.findings, []);
        for day in &gone.certificates {
            assert_eq!(seen.erased.get(&day.number), Some(&day.bodies), "certificate {}", day.number);
        }
        // The log of afterwards begins with the one of before, as a witness checks.
        let proof = world.app.store().prove_consistency(gone.before.size).await.unwrap();
        assert!(proof.holds() && proof.old_root == gone.before.root);
        assert_eq!(gone.after.size, gone.before.size + gone.certificates.len() as u64);
        let person = sizao_model::PersonId::from_label("p2");
        let now = world.app.now();
        assert!(world.app.explain(person, now, now).await.unwrap().assessment.measures.is_empty());
    }
}
