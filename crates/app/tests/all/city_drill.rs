//! The city drill: an invented city lived through hour by hour with everything that goes wrong in a real one, and after
//! every hour each promise that can be checked by a machine. The same seed gives the same run.
//!
//! `SIZAO_DRILL_PEOPLE`, `SIZAO_DRILL_DAYS`, `SIZAO_DRILL_SEED` set size and chance; `scripts/prove.sh drill` runs the full
//! one. Without them a small city runs on both engines.

#![expect(clippy::disallowed_methods, reason = "the drill says where its time goes, and measures nothing else")]

mod chaos;
mod deliveries;
mod node;
mod promises;
mod words;

use std::collections::BTreeMap;

use self::{chaos::Chaos, deliveries::Deliveries, node::Node, promises::Promises};
use crate::support::{TestPlace, places, sqlite};

/// How large, how long, and by which chance.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// People of the city.
    pub people: u32,
    /// Days that are lived through.
    pub days: u32,
    /// The same seed gives the same run.
    pub seed: u64,
}

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_promise_holds_after_every_hour_of_a_city() {
    let seed = asked("SIZAO_DRILL_SEED").unwrap_or(1);
    if let Some(people) = asked("SIZAO_DRILL_PEOPLE") {
        let days = asked("SIZAO_DRILL_DAYS").unwrap_or(90) as u32;
        run(&sqlite(), Size { people: people as u32, days, seed }).await;
        return;
    }
    for place in places().await {
        let days = if place.engine() == "SQLite" { 10 } else { 4 };
        run(&place, Size { people: 200, days, seed }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_explanation_of_a_city_speaks_of_anybody_else() {
    let people = asked("SIZAO_SCAN_PEOPLE").unwrap_or(400) as u32;
    for place in places().await {
        let size = Size { people, days: 28, seed: 4 };
        let (mut chaos, engine) = (Chaos::new(size.seed), place.engine());
        let deliveries = Deliveries::plan(size, &mut chaos);
        let mut node = Node::new(&place, size, deliveries.start()).await;
        node.register(&deliveries.register).await;
        let end = i64::from(size.days) * 24;
        node.at(deliveries.start().plus_hours(end), &mut chaos);
        for round in 0..2 {
            // The second time for what refers to what came later in the first file.
            let file = deliveries.everything(end + 200, round);
            node.import(&file).await;
        }
        let words = words::Words::of(&node, &deliveries).await;
        let mut texts = 0;
        for person in words.people() {
            let now = node.app().now();
            let explained = node.app().explain(person, now, now).await.unwrap();
            texts += words.check(person, &explained.explanation);
        }
        assert!(texts > u64::from(people) * 2, "{texts} sentences are few");
        println!("figure: {people} people, {engine}: {texts} sentences, none about anybody else");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_replays_its_run() {
    let size = Size { people: 120, days: 4, seed: 7 };
    let first = run(&sqlite(), size).await;
    assert_eq!(run(&sqlite(), size).await, first);
    assert_ne!(run(&sqlite(), Size { seed: 8, ..size }).await, first);
}

/// Lives through the city. What happened, by name: equal for equal seeds.
async fn run(place: &TestPlace, size: Size) -> BTreeMap<&'static str, u64> {
    let started = std::time::Instant::now();
    let mut chaos = Chaos::new(size.seed);
    let mut deliveries = Deliveries::plan(size, &mut chaos);
    let mut node = Node::new(place, size, deliveries.start()).await;
    node.register(&deliveries.register).await;
    let mut promises = Promises::new(&node, &deliveries).await;
    let hours = i64::from(size.days) * 24;
    let mut hour = 0;
    while hour < hours {
        // Down for some hours: what was sent meanwhile waits, and nobody looks after time.
        let skipped = if chaos.one_in(150) { 1 + chaos.below(36) as i64 } else { 0 };
        hour += skipped;
        node.at(deliveries.start().plus_hours(hour), &mut chaos);
        if skipped > 0 || chaos.one_in(40) {
            node.restart().await;
            promises.still_there(&node).await;
        }
        deliveries.add_links(hour, &promises, &mut chaos);
        let file = deliveries.due(hour, &mut chaos);
        let took = if chaos.one_in(60) {
            // Stopped in the middle of a file, started again, the same file once more.
            node.import_and_die(&file).await;
            node.restart().await;
            node.import(&file).await
        } else {
            node.import(&file).await
        };
        promises.take(&node, file, took, &mut deliveries, hour).await;
        node.act(&mut chaos).await;
        node.jobs().await;
        promises.hold(&node, &mut chaos, hour).await;
        hour += 1;
    }
    promises.at_the_end(&node, &deliveries).await;
    let mut told = promises.told.clone();
    told.extend(node.told.clone());
    println!("figure: {} people, {} days, seed {}, {}", size.people, size.days, size.seed, place.engine());
    told.iter().for_each(|(name, count)| println!("figure: {name}: {count}"));
    let spent = node.spent.iter().map(|(name, spent)| format!("{name} {:.0} s", spent.as_secs_f64()));
    println!("time: {:.0} s: {}", started.elapsed().as_secs_f64(), spent.collect::<Vec<_>>().join(", "));
    told
}

impl TestPlace {
    pub(crate) fn engine(&self) -> &'static str {
        match self.place {
            sizao_store::Place::Sqlite(_) => "SQLite",
            sizao_store::Place::Postgres(_) => "PostgreSQL",
        }
    }
}
