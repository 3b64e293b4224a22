//! Checkpoints through `app`, on both engines: once whatever is sent again, the server's time, slips, holds, lorries, disinfection.

use ed25519_dalek::SigningKey;
use sizao_app::{
    checkpoints::{CheckForm, DisinfectionForm, LaneForm},
    identity::{Actor, Role},
};
use sizao_interop::slip::{self, Slip};
use sizao_model::{DivisionCode, FactBody, FactKind, Instant};
use sizao_store::MandateRecord;
use uuid::Uuid;

use crate::node;
use crate::node::Node;
use crate::support::{TestPlace, places};

const NOW: &str = "2022-03-25T10:00:00+08:00";
const LI: &str = "11010519491231002X";

async fn world(place: &TestPlace) -> (Node, Actor) {
    let node = Node::new(place, &["cn-covid-v8", "ha-arrival-0322"], NOW).await;
    for (number, collection) in ["movement", "registers"].iter().enumerate() {
        let mandate = MandateRecord {
            id: Uuid::from_u128(100 + number as u128),
            collection: (*collection).into(),
            area: DivisionCode::parse("41").unwrap(),
            legal_basis: "law".into(),
            authority: "headquarters".into(),
            purpose: "checkpoints".into(),
            impact_assessment: "done".into(),
            starts_at: node.now(),
            ends_at: node.now().plus_hours(24 * 60),
            proposed_by: Uuid::from_u128(8),
            proposed_at: node.now(),
            signed: None,
            ended: None,
        };
        node.give(&mandate).await;
    }
    let actor = Actor {
        account: Uuid::from_u128(8),
        name: "Liu".into(),
        role: Role::Checkpoint,
        unit: Uuid::from_u128(7),
        unit_name: "Putian 3".into(),
        division: DivisionCode::parse("4101").unwrap(),
        demo: false,
        session: Uuid::from_u128(9),
        scopes: None,
        request: "r".into(),
    };
    (node, actor)
}

fn document() -> CheckForm {
    CheckForm {
        shown: "document".into(),
        verdict: "sample-and-go".into(),
        name: "李小明".into(),
        document_kind: "resident_id".into(),
        document: LI.into(),
        from: "31".into(),
        into: "410105".into(),
        temperature: "36.5".into(),
        desk_s: "41".into(),
        ..CheckForm::default()
    }
}

async fn kinds(node: &Node) -> Vec<(FactKind, Instant, FactBody)> {
    let store = node.app.store();
    let (facts, _) = store.load_leaves_that_fit(0, store.size().await.unwrap()).await.unwrap();
    facts.into_iter().map(|s| (s.fact.body.kind(), s.fact.happened.starts_at(), s.fact.body)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_sent_again_counts_once_and_an_arrival_and_a_sample_follow_from_it() {
    for place in places().await {
        let (node, actor) = world(&place).await;
        let first = node.app.record_check(&actor, &document(), "k", node.now()).await.unwrap();
        for _ in 0..3 {
            assert_eq!(node.app.record_check(&actor, &document(), "k", node.now()).await.unwrap(), first);
        }
        let facts = kinds(&node).await;
        for kind in [FactKind::Inspection, FactKind::Arrival, FactKind::Sample] {
            assert_eq!(facts.iter().filter(|fact| fact.0 == kind).count(), 1, "{kind}");
        }
        // A device that is ahead: sent again a minute later it is the same check, at the time of the first.
        let ahead = CheckForm { device_at: "2022-03-25T10:03:00+08:00".into(), ..document() };
        let early = node.app.record_check(&actor, &ahead, "early", node.now()).await.unwrap();
        node.set("2022-03-25T10:01:00+08:00");
        assert_eq!(node.app.record_check(&actor, &ahead, "early", node.now()).await.unwrap(), early);
        node.set(NOW);
        let other = CheckForm { verdict: "go".into(), ..document() };
        assert!(node.app.record_check(&actor, &other, "k", node.now()).await.is_err(), "the same key, another check");
        let view = node.app.view_checkpoint(&actor).await.unwrap();
        assert_eq!((view.today, view.verdicts, view.mean_s, view.median_s), (2, [0, 2, 0, 0], 41.0, 41.0));
        node.app.follow_arrivals().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_of_a_device_is_mended_and_its_error_put_on_record() {
    for place in places().await {
        let (node, actor) = world(&place).await;
        let at = |device_at: &str, offset: &str, key: &str| {
            let (node, actor, key) = (&node, &actor, key.to_owned());
            let form = CheckForm { device_at: device_at.into(), device_offset_s: offset.into(), ..document() };
            async move {
                node.app.record_check(actor, &form, &key, node.now()).await.unwrap();
                let mut checks = kinds(node).await.into_iter().filter(|fact| fact.0 == FactKind::Inspection);
                checks.next_back().map(|(_, at, _)| at).unwrap()
            }
        };
        let minute = |text: &str| node::moment(&format!("2022-03-25T{text}:00+08:00"));
        // Eleven minutes ahead, checked at 09:50 by the server's clock.
        assert_eq!(at("2022-03-25T10:01:00+08:00", "660", "a").await, minute("09:50"));
        // An hour slow.
        assert_eq!(at("2022-03-25T08:40:00+08:00", "-3600", "b").await, minute("09:40"));
        // Ahead by more than the device knows: never after now.
        assert_eq!(at("2022-03-25T13:00:00+08:00", "0", "c").await, minute("10:00"));
        let view = node.app.view_checkpoint(&actor).await.unwrap();
        assert_eq!(view.offset_max_s, 3_600);
        let old = CheckForm { device_at: "2022-03-01T10:00:00+08:00".into(), ..document() };
        assert!(node.app.record_check(&actor, &old, "d", node.now()).await.is_err(), "weeks on a device");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_of_a_device_that_may_sign_is_taken_and_a_forged_one_is_not() {
    for place in places().await {
        let (node, actor) = world(&place).await;
        let device = SigningKey::from_bytes(&[7; 32]);
        let key = device.verifying_key();
        let delegation = node.app.delegate_slips(&actor, key.as_bytes(), node.now()).await.unwrap();
        let slip = Slip {
            id: [3; 16],
            checkpoint: "Putian 3".into(),
            issued_at: node.now(),
            expires_at: node.now().plus_hours(24),
            sampled: false,
            bound_to: "002X".into(),
        };
        let text = slip::sign(&slip, &delegation, &device);
        let form =
            |slip: String| CheckForm { shown: "slip".into(), verdict: "go".into(), slip, ..CheckForm::default() };
        node.app.record_check(&actor, &form(text), "a", node.now()).await.unwrap();
        let forged = slip::sign(&slip, &delegation, &SigningKey::from_bytes(&[8; 32]));
        let told = node.app.record_check(&actor, &form(forged), "b", node.now()).await.unwrap_err().to_string();
        assert_eq!(told, "slip: slip");
        assert_eq!(node.app.view_checkpoint(&actor).await.unwrap().today, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_held_stands_on_the_list_until_somebody_says_what_became_of_them() {
    for place in places().await {
        let (node, actor) = world(&place).await;
        let hold =
            CheckForm { verdict: "hold".into(), reason: "fever".into(), temperature: "38.1".into(), ..document() };
        let fact = node.app.record_check(&actor, &hold, "a", node.now()).await.unwrap();
        assert_eq!(node.app.view_checkpoint(&actor).await.unwrap().holds.len(), 1);
        assert_eq!(kinds(&node).await.iter().filter(|fact| fact.0 == FactKind::SymptomReport).count(), 1);
        assert!(node.app.end_hold(&actor, fact, "gone", node.now()).await.is_err());
        node.app.end_hold(&actor, fact, "hospital", node.now()).await.unwrap();
        assert!(node.app.view_checkpoint(&actor).await.unwrap().holds.is_empty());
        let care = CheckForm { verdict: "care".into(), reason: "red".into(), ..document() };
        node.app.record_check(&actor, &care, "b", node.now()).await.unwrap();
        let view = node.app.view_checkpoint(&actor).await.unwrap();
        assert_eq!((view.holds.len(), view.verdicts[3]), (0, 1), "care holds nobody");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lorry_that_waits_or_stops_too_long_is_an_alarm_and_a_seal_needs_a_number() {
    for place in places().await {
        let (node, actor) = world(&place).await;
        let step = |stage: &str, seal: &str| LaneForm {
            stage: stage.into(),
            journey: "J7".into(),
            seal: seal.into(),
            name: "王建国".into(),
            document: LI.into(),
            ..LaneForm::default()
        };
        let late = || async { node.app.view_checkpoint(&actor).await.unwrap().journeys.first().map(|(_, late)| *late) };
        node.app.record_lane(&actor, &step("arrived", ""), "1", node.now()).await.unwrap();
        assert_eq!(late().await, Some(false));
        node.set("2022-03-25T10:31:00+08:00");
        assert_eq!(late().await, Some(true), "waits for more than half an hour");
        assert!(node.app.record_lane(&actor, &step("sealed", ""), "2", node.now()).await.is_err());
        for (number, (stage, seal)) in
            [("sampled", ""), ("sealed", "FS-7"), ("went", ""), ("stopped", "")].iter().enumerate()
        {
            node.app.record_lane(&actor, &step(stage, seal), &format!("s{number}"), node.now()).await.unwrap();
        }
        assert_eq!(late().await, Some(false));
        node.set("2022-03-25T10:52:00+08:00");
        assert_eq!(late().await, Some(true), "stops for more than twenty minutes");
        node.app.record_lane(&actor, &step("left", ""), "l", node.now()).await.unwrap();
        assert_eq!(late().await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disinfection_is_closed_only_when_nothing_is_missing() {
    for place in places().await {
        let (node, actor) = world(&place).await;
        let begun = DisinfectionForm { place: "Tent 1".into(), ..DisinfectionForm::default() };
        let fact = node.app.record_disinfection(&actor, None, &begun, "a", node.now()).await.unwrap();
        let whole = DisinfectionForm {
            place: "Tent 1".into(),
            agent: "chlorine".into(),
            mg_per_litre: "1000".into(),
            contact_minutes: "30".into(),
            operator: "Li".into(),
            supervisor: "Wang".into(),
            evaluation: "clean".into(),
            case: String::new(),
        };
        let less: [fn(&mut DisinfectionForm); 6] = [
            |form| form.agent.clear(),
            |form| form.mg_per_litre.clear(),
            |form| form.contact_minutes = "0".into(),
            |form| form.operator.clear(),
            |form| form.supervisor = "Li".into(),
            |form| form.evaluation.clear(),
        ];
        for take_away in less {
            let mut form = whole.clone();
            take_away(&mut form);
            assert!(
                node.app.record_disinfection(&actor, Some(fact), &form, "b", node.now()).await.is_err(),
                "{form:?}"
            );
        }
        let open = |view: &sizao_app::checkpoints::CheckpointView| view.disinfections[0].closed_at.is_none();
        assert!(open(&node.app.view_checkpoint(&actor).await.unwrap()));
        node.app.record_disinfection(&actor, Some(fact), &whole, "c", node.now()).await.unwrap();
        assert!(!open(&node.app.view_checkpoint(&actor).await.unwrap()));
        assert!(node.app.record_disinfection(&actor, Some(fact), &whole, "d", node.now()).await.is_err(), "once");
    }
}
