//! A node follows the adoptions in its log: the shorter plan wins on the day on which a pack takes effect, and the
//! comparison made beforehand said exactly that.

use serde_json::json;
use sizao_app::policy_changes::{Comparison, compare_each};
use sizao_model::{Assessment, FactBody, Instant, PersonId, fact::LoopStage};
use sizao_policy::{FactIndex, Pack, PackTimeline, change::Change};

use crate::node::{Node, moment, pack_text};
use crate::support::*;

/// Met a case on 28 February, in central isolation since 1 March; tests on days 1, 4 and 7, all negative.
const DAY_1: &str = "2022-03-01T00:00:00+08:00";
/// Day 8 of 14.
const DAY_8: &str = "2022-03-08T00:00:00+08:00";
const CONTACTS: [&str; 3] = ["p1", "p2", "p3"];

fn story() -> Vec<serde_json::Value> {
    let mut facts = vec![json!({
        "id": "case", "kind": "diagnosis", "person": "c", "happened": {"at": "2022-02-28T12:00:00+08:00"},
        "recorded_at": "2022-02-28T13:00:00+08:00", "body": {"status": "confirmed_case", "onset": "2022-02-27"},
    })];
    for (n, person) in CONTACTS.iter().enumerate() {
        facts.push(json!({
            "id": format!("met{n}"), "kind": "exposure", "person": person,
            "happened": {"from": "2022-02-28T10:00:00+08:00", "to": "2022-02-28T11:00:00+08:00"},
            "recorded_at": "2022-02-28T20:00:00+08:00",
            "body": {"case": "c", "evidence": "interview", "class": "close_contact"},
        }));
        facts.push(json!({
            "id": format!("in{n}"), "kind": "isolation_started", "person": person,
            "happened": {"at": "2022-02-28T21:00:00+08:00"}, "recorded_at": "2022-02-28T21:05:00+08:00",
            "body": {"site": "hotel-1"},
        }));
        for day in [1, 4, 7] {
            let on = format!("2022-03-{day:02}");
            facts.push(json!({
                "id": format!("s{n}-{day}"), "kind": "sample", "person": person,
                "happened": {"at": format!("{on}T08:00:00+08:00")}, "recorded_at": format!("{on}T08:05:00+08:00"),
                "body": {"lab": "lab-1", "method": "nucleic_test"},
            }));
            facts.push(json!({
                "id": format!("r{n}-{day}"), "kind": "result", "happened": {"at": format!("{on}T16:00:00+08:00")},
                "recorded_at": format!("{on}T16:00:00+08:00"),
                "body": {"sample": format!("s{n}-{day}"), "outcome": "negative"},
            }));
        }
    }
    facts
}

/// Adopted by two organisations, recorded on day 5.
fn adoption(id: &str, at: &str) -> serde_json::Value {
    adoption_of(id, &pack_text(id), at, &["henan", "zhengzhou"], "2022-03-05T12:00:00+08:00")
}

fn adoption_of(id: &str, text: &str, at: &str, signers: &[&str], recorded: &str) -> serde_json::Value {
    let sum = sizao_store::hex(&sizao_app::pack_signatures::digest(id, text));
    json!({
        "id": format!("adoption of {id} {at} {recorded}"), "kind": "pack_adopted", "happened": {"at": at}, "recorded_at": recorded,
        "body": {"pack": id, "digest": sum, "signers": signers, "text": text},
    })
}

fn plan(answer: &Assessment) -> Vec<(String, String, String)> {
    let text = |at: Instant| at.to_string()[..16].to_owned();
    let each = answer.measures.iter().map(|m| (m.kind().name().to_owned(), text(m.starts_at()), text(m.ends_at())));
    each.collect()
}

async fn stored(node: &Node, person: &str) -> Option<(Assessment, Instant)> {
    let row = node.app.store().load_assessment(PersonId::from_label(person)).await.unwrap()?;
    Some((serde_json::from_str(&row.answer).unwrap(), row.next_change_at.unwrap_or(Instant::MAX)))
}

/// Every release on record: who, and when they were free.
async fn releases(node: &Node) -> Vec<(PersonId, Instant)> {
    let size = node.app.store().size().await.unwrap();
    let (steps, _) = node.app.store().load_leaves_that_fit(0, size).await.unwrap();
    let released = steps
        .iter()
        .filter(|stored| matches!(&stored.fact.body, FactBody::LoopStep(step) if step.stage == LoopStage::Released));
    let mut released: Vec<(PersonId, Instant)> = released
        .map(|stored| (stored.fact.person.expect("a step is about somebody"), stored.fact.happened.starts_at()))
        .collect();
    released.sort_unstable();
    released
}

/// What the comparison says for one person on day 8.
async fn foretold(node: &Node, new: &str) -> Vec<(PersonId, Change)> {
    let at = moment(DAY_8);
    let before = node.app.rules().timeline.clone();
    let after = before.with_adopted(&[Pack::from_toml(new, &pack_text(new)).unwrap()], at).unwrap();
    let snapshot = node.app.snapshot(node.now(), |_, _| {}).await.unwrap();
    let index = FactIndex::new(&snapshot.facts);
    let people: Vec<PersonId> = index.persons().collect();
    let comparison = Comparison { before: &before, after: &after, known_at: node.now(), at };
    let (report, noted) = compare_each(&index, &people, comparison, |_| String::new(), |_| {});
    let counted: u64 = Change::ALL.into_iter().map(|change| report.total().of(change)).sum();
    assert_eq!(counted, noted.len() as u64, "everybody is counted once");
    noted.into_iter().map(|(person, noted)| (person, noted.change)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn v9_adopted_on_day_8_ends_central_isolation_at_once_and_three_days_at_home_begin() {
    for place in places().await {
        let node = Node::new(&place, &["cn-covid-v8"], "2022-03-05T11:00:00+08:00").await;
        node.append(&story()).await;
        node.app.follow_log().await.unwrap();
        let (before, next) = stored(&node, "p1").await.unwrap();
        assert_eq!(plan(&before)[0].0, "central_isolation");
        assert!(plan(&before)[0].2.as_str() > "2022-03-14", "{before:?}");
        assert!(next > moment(DAY_8), "nothing changes on day 8 yet");
        // The adoption is announced on day 5.
        let told = foretold(&node, "cn-covid-v9").await;
        node.set("2022-03-05T12:00:00+08:00");
        node.append(&[adoption("cn-covid-v9", DAY_8)]).await;
        node.app.follow_log().await.unwrap();
        let (announced, next) = stored(&node, "p1").await.unwrap();
        assert_eq!(plan(&announced), plan(&before), "nothing changes before the day");
        assert!(next <= moment(DAY_8), "the change is announced: {next}");
        // The day comes; no new fact does.
        node.app.follow_loops().await.unwrap();
        node.set("2022-03-08T00:00:01+08:00");
        node.app.follow_log().await.unwrap();
        node.app.follow_loops().await.unwrap();
        assert_eq!(releases(&node).await, [], "three days at home are left: nobody is released yet");
        for person in CONTACTS {
            let loops = node.app.loops_of(PersonId::from_label(person)).await.unwrap();
            assert_eq!(loops.len(), 1, "the loop goes on under the new pack: {loops:?}");
            let kinds: Vec<_> = loops[0].phases.iter().map(|phase| (phase.kind.name(), phase.ends_at)).collect();
            let want = [("central_isolation", DAY_8), ("home_monitoring", "2022-03-11T00:00:00+08:00")];
            assert_eq!(kinds, want.map(|(kind, at)| (kind, moment(at))));
        }
        node.app.announce_changes(node.now()).await.unwrap();
        for person in CONTACTS {
            let (after, _) = stored(&node, person).await.unwrap();
            let after = plan(&after);
            assert!(after.iter().all(|(kind, ..)| kind != "central_isolation"), "{after:?}");
            let home = after.iter().find(|(kind, ..)| kind == "home_monitoring").expect("home monitoring begins");
            assert_eq!((&home.1[..10], &home.2[..10]), ("2022-03-08", "2022-03-11"), "three days: {home:?}");
            assert!(told.contains(&(PersonId::from_label(person), Change::Shortened)), "{told:?}");
        }
        // The last test is negative, and the three days are over: one release a person, at that midnight.
        let mut tested = Vec::new();
        for (n, person) in CONTACTS.iter().enumerate() {
            tested.push(json!({
                "id": format!("s{n}-exit"), "kind": "sample", "person": person, "body": {"lab": "lab-1", "method": "nucleic_test"},
                "happened": {"at": "2022-03-10T08:00:00+08:00"}, "recorded_at": "2022-03-10T08:05:00+08:00",
            }));
            tested.push(json!({
                "id": format!("r{n}-exit"), "kind": "result", "happened": {"at": "2022-03-10T16:00:00+08:00"},
                "recorded_at": "2022-03-10T16:00:00+08:00", "body": {"sample": format!("s{n}-exit"), "outcome": "negative"},
            }));
        }
        node.set("2022-03-11T00:00:01+08:00");
        node.append(&tested).await;
        for _ in 0..2 {
            node.app.follow_log().await.unwrap();
            node.app.announce_changes(node.now()).await.unwrap();
            node.app.follow_loops().await.unwrap();
        }
        let free = moment("2022-03-11T00:00:00+08:00");
        let mut want = CONTACTS.map(|person| (PersonId::from_label(person), free));
        want.sort_unstable();
        assert_eq!(releases(&node).await, want);
        // Asked again about day 6, the node says what it said then.
        let p1 = PersonId::from_label("p1");
        let then = node.app.assess(p1, moment("2022-03-05T11:30:00+08:00"), moment("2022-03-05T11:30:00+08:00")).await;
        assert_eq!(then.unwrap().assessment.next_change_at, before.next_change_at);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn class_b_managed_as_b_closes_everything_with_one_release_a_person() {
    for place in places().await {
        let node = Node::new(&place, &["cn-covid-v8"], "2022-03-05T12:00:00+08:00").await;
        node.append(&story()).await;
        node.app.follow_log().await.unwrap();
        let told = foretold(&node, "cn-class-B-B").await;
        node.append(&[adoption("cn-class-B-B", DAY_8)]).await;
        node.app.follow_log().await.unwrap();
        let everybody: Vec<&str> = CONTACTS.into_iter().chain(["c"]).collect();
        node.app.follow_loops().await.unwrap();
        node.set("2022-03-08T00:00:01+08:00");
        for person in &everybody {
            let id = PersonId::from_label(person);
            let was = node.app.store().load_assessment(id).await.unwrap();
            assert!(was.is_some_and(|row| row.strictness > 0), "{person} was under a measure");
        }
        // Following again releases nobody twice.
        for _ in 0..3 {
            node.app.follow_log().await.unwrap();
            node.app.announce_changes(node.now()).await.unwrap();
            node.app.follow_loops().await.unwrap();
        }
        for person in &everybody {
            let restricts = stored(&node, person).await.is_some_and(|(answer, _)| {
                answer.measures.iter().any(|measure| measure.kind().restricts() && measure.is_active(node.now()))
            });
            assert!(!restricts, "{person} is free");
        }
        // One release a person is on record, at the moment of the adoption, and the comparison said exactly that.
        let mut foretold: Vec<(PersonId, Instant)> = told
            .iter()
            .map(|(person, change)| {
                assert_eq!(*change, Change::Released);
                (*person, moment(DAY_8))
            })
            .collect();
        foretold.sort_unstable();
        assert_eq!(foretold.len(), everybody.len());
        assert_eq!(releases(&node).await, foretold);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adoption_counts_with_two_signers_and_its_own_text_alone() {
    let place = sqlite();
    let node = Node::new(&place, &["cn-covid-v8"], "2022-03-05T12:00:00+08:00").await;
    node.append(&story()).await;
    let recorded = "2022-03-05T12:00:00+08:00";
    let text = pack_text("cn-covid-v9");
    let one = adoption_of("cn-covid-v9", &text, DAY_8, &["henan", "henan"], recorded);
    let mut other_text = adoption_of("cn-covid-v9", &text, "2022-03-09T00:00:00+08:00", &["a", "b"], recorded);
    other_text["body"]["text"] = json!(text.replacen("value = 7,", "value = 6,", 1));
    node.append(&[one, other_text]).await;
    node.app.follow_log().await.unwrap();
    assert_eq!(node.app.rules().timeline.next_adoption(moment(DAY_1)), None, "neither counts");
    let failing = node.app.adoptions_that_fail();
    assert!(failing.len() == 1 && failing[0].contains("cn-covid-v9"), "the second is told: {failing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adoption_taken_back_before_its_day_changes_nothing() {
    let place = sqlite();
    let node = Node::new(&place, &["cn-covid-v8"], "2022-03-05T12:00:00+08:00").await;
    node.append(&story()).await;
    let adopted = adoption("cn-covid-v9", DAY_8);
    node.append(std::slice::from_ref(&adopted)).await;
    node.app.follow_log().await.unwrap();
    assert_eq!(node.app.rules().timeline.next_adoption(moment(DAY_1)), Some(moment(DAY_8)));
    node.set("2022-03-06T12:00:00+08:00");
    node.append(&[json!({
        "id": "taken back", "kind": "correction", "happened": {"at": "2022-03-06T12:00:00+08:00"},
        "recorded_at": "2022-03-06T12:00:00+08:00", "body": {"of": adopted["id"], "retract": true},
    })])
    .await;
    node.app.follow_log().await.unwrap();
    assert_eq!(node.app.rules().timeline.next_adoption(moment(DAY_1)), None);
    let (_, next) = stored(&node, "p1").await.unwrap();
    assert!(next > moment(DAY_8), "nothing is announced for day 8 any more: {next}");
}

/// Somebody whom the packs in force say nothing about, and the adopted one does: no row was stored of them before.
#[tokio::test(flavor = "multi_thread")]
async fn whom_only_the_adopted_pack_restricts_is_found_on_its_day() {
    for place in places().await {
        let node = Node::new(&place, &["cn-covid-v8"], "2022-03-05T12:00:00+08:00").await;
        node.append(&[
            json!({
                "id": "case", "kind": "diagnosis", "person": "c", "happened": {"at": "2022-03-04T12:00:00+08:00"},
                "recorded_at": "2022-03-04T13:00:00+08:00",
                "body": {"status": "confirmed_case", "onset": "2022-03-03", "disease": "measles"},
            }),
            json!({
                "id": "met", "kind": "exposure", "person": "p1", "recorded_at": "2022-03-04T20:00:00+08:00",
                "happened": {"from": "2022-03-04T08:00:00+08:00", "to": "2022-03-04T11:00:00+08:00"},
                "body": {"case": "c", "evidence": "interview", "class": "close_contact", "disease": "measles"},
            }),
        ])
        .await;
        node.app.follow_log().await.unwrap();
        assert!(stored(&node, "p1").await.is_none(), "no pack in force is about measles");
        node.append(&[adoption("measles-cn", DAY_8)]).await;
        node.app.follow_log().await.unwrap();
        node.set("2022-03-08T00:00:01+08:00");
        node.app.follow_log().await.unwrap();
        let (kept, _) = stored(&node, "p1").await.expect("the contact has a row on the day");
        assert!(!kept.measures.is_empty(), "{kept:?}");
        let fresh = node.app.assess(PersonId::from_label("p1"), node.now(), node.now()).await.unwrap();
        assert_eq!(plan(&kept), plan(&fresh.assessment));
    }
}

/// A timeline put together by hand says the same as the node that read the adoption.
#[tokio::test(flavor = "multi_thread")]
async fn the_node_says_what_the_pure_function_says_with_the_pack_in_force_from_the_adoption() {
    let place = sqlite();
    let node = Node::new(&place, &["cn-covid-v8", "cn-covid-v9"], "2022-03-05T12:00:00+08:00").await;
    let facts = node.append(&story()).await;
    node.append(&[adoption("cn-covid-v9", DAY_8)]).await;
    node.set("2022-03-09T08:00:00+08:00");
    let now = node.now();
    let by_hand = ["cn-covid-v8", "cn-covid-v9"].map(|id| Pack::from_toml(id, &pack_text(id)).unwrap());
    let by_hand = PackTimeline::new(by_hand.into()).unwrap().in_force_from(&[("cn-covid-v9", moment(DAY_8))]).unwrap();
    let index = FactIndex::new(&facts);
    for person in CONTACTS {
        let id = PersonId::from_label(person);
        let want = sizao_policy::assess(&index.dossier(id), &by_hand, now, now);
        let got = node.app.assess(id, now, now).await.unwrap().assessment;
        assert_eq!(plan(&got), plan(&want));
    }
}
