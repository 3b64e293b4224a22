//! Arrivals through `app`, on both engines, clock in hand: announced, seen by several channels, put together, closed, parted.

use std::sync::Arc;

use serde_json::json;
use sizao_app::{
    App,
    arrivals::{Announcement, ArrivalClass, ArrivalFilter},
    identity::{Actor, Role},
};
use sizao_model::{
    DivisionCode, FactBody, FactId, FactKind, PersonId,
    draft::{PersonDraft, PersonName},
    identity::{Document, DocumentKind, Phone, PhoneRole},
};
use sizao_store::{AccountRecord, ArrivalQuery, ArrivalRecord, MandateRecord, UnitRecord, VaultPerson};
use uuid::Uuid;

use crate::node::{Node, moment};
use crate::support::{TestPlace, places};

const PACKS: [&str; 2] = ["cn-covid-v8", "ha-arrival-0322"];
const LI: &str = "11010519491231002X";

struct World {
    node: Node,
    app: Arc<App>,
    worker: Actor,
}

fn zone(code: &str) -> DivisionCode {
    DivisionCode::parse(code).unwrap()
}

impl World {
    async fn new(place: &TestPlace, now: &str) -> Self {
        let node = Node::new(place, &PACKS, now).await;
        let (app, now) = (node.app.clone(), node.now());
        let store = app.store();
        let unit = UnitRecord {
            id: Uuid::from_u128(7),
            name: "Jianshe street".into(),
            kind: "community".into(),
            division: zone("410102"),
            made_at: now,
            closed_at: None,
        };
        store.add_unit(&unit).await.unwrap();
        let account = AccountRecord {
            id: Uuid::from_u128(8),
            unit: unit.id,
            login: "worker".into(),
            name: "Worker".into(),
            role: "community-worker".into(),
            password: String::new(),
            totp: None,
            totp_step: 0,
            demo: false,
            made_at: now,
            closed_at: None,
        };
        store.add_account(&account).await.unwrap();
        let worker = Actor {
            account: account.id,
            name: account.name,
            role: Role::CommunityWorker,
            unit: unit.id,
            unit_name: unit.name,
            division: unit.division,
            demo: false,
            session: Uuid::from_u128(9),
            scopes: None,
            request: "r".into(),
        };
        Self { node, app, worker }
    }

    async fn mandates(&self) {
        for (number, collection) in ["movement", "registers"].iter().enumerate() {
            let now = self.node.now();
            let mandate = MandateRecord {
                id: Uuid::from_u128(100 + number as u128),
                collection: (*collection).into(),
                area: zone("41"),
                legal_basis: "law".into(),
                authority: "headquarters".into(),
                purpose: "arrivals".into(),
                impact_assessment: "done".into(),
                starts_at: now,
                ends_at: now.plus_hours(24 * 60),
                proposed_by: self.worker.account,
                proposed_at: now,
                signed: None,
                ended: None,
            };
            self.node.give(&mandate).await;
        }
    }

    async fn person(&self, name: &str, document: (DocumentKind, &str), phone: Option<(&str, PhoneRole)>) -> PersonId {
        let draft = PersonDraft {
            names: vec![PersonName::Document(Document::new(document.0, document.1).unwrap())],
            full_name: Some(name.into()),
            phones: phone.into_iter().map(|(number, role)| Phone::new(number, role).unwrap()).collect(),
            division: zone("4101"),
        };
        let people = [VaultPerson { draft, search_terms: Vec::new() }];
        self.app.store().resolve_people(&people, self.node.now()).await.unwrap()[0]
    }

    /// A signal that is on record now.
    async fn signal(&self, id: &str, person: PersonId, at: &str, evidence: &str, into: &str) {
        let body = json!({"from": "3101", "into": into, "evidence": evidence});
        let fact = json!({"id": id, "kind": "arrival", "person": person.to_string(), "happened": {"at": at},
            "recorded_at": self.node.now().to_rfc3339(), "body": body});
        self.node.append(&[fact]).await;
        self.app.follow_arrivals().await.unwrap();
    }

    async fn rows(&self, filter: ArrivalFilter) -> Vec<ArrivalRecord> {
        let query = ArrivalQuery { within: zone("41"), filter, unit: None, now: self.node.now() };
        self.app.store().list_arrivals(query, 0, 100).await.unwrap()
    }

    async fn facts(&self, kind: FactKind) -> Vec<FactBody> {
        let store = self.app.store();
        let (facts, _) = store.load_leaves_that_fit(0, store.size().await.unwrap()).await.unwrap();
        facts.into_iter().map(|stored| stored.fact.body).filter(|body| body.kind() == kind).collect()
    }
}

fn announcement() -> Announcement {
    Announcement {
        by: "own".into(),
        name: "李小明".into(),
        document_kind: "resident_id".into(),
        document: LI.into(),
        phone: "100 0000 0001".into(),
        from: "3101".into(),
        into: "410102".into(),
        arrives_at: "2022-03-25T10:00".into(),
        ..Announcement::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mandate_an_announcement_is_refused_and_nothing_is_kept() {
    for place in places().await {
        let world = World::new(&place, "2022-03-24T09:00:00+08:00").await;
        let before = (world.app.store().size().await.unwrap(), world.app.store().count_people(None).await.unwrap());
        let told = world.app.announce(&announcement(), "k").await.unwrap_err().to_string();
        assert!(told.contains("no mandate"), "{told}");
        let after = (world.app.store().size().await.unwrap(), world.app.store().count_people(None).await.unwrap());
        assert_eq!(before, after);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_a_list_and_the_own_word_are_one_arrival_with_class_measure_and_owner() {
    for place in places().await {
        let world = World::new(&place, "2022-03-24T09:00:00+08:00").await;
        world.mandates().await;
        let announced = world.app.announce(&announcement(), "k").await.unwrap();
        assert_eq!(world.app.announce(&announcement(), "k").await.unwrap(), announced, "sent again");
        assert_eq!(world.rows(ArrivalFilter::Expected).await.len(), 1);
        assert!(
            world
                .app
                .assess(announced.person, world.node.now(), world.node.now())
                .await
                .unwrap()
                .assessment
                .measures
                .is_empty()
        );
        // A carrier's list alone is a lead; with what the person announced it counts.
        world.node.set("2022-03-25T09:30:00+08:00");
        world.signal("rail", announced.person, "2022-03-25T09:20:00+08:00", "list_row", "4101").await;
        world.app.follow_arrivals().await.unwrap();
        let [row] = world.rows(ArrivalFilter::Known).await.try_into().unwrap();
        assert_eq!(ArrivalClass::of_code(row.class), Some(ArrivalClass::Tests));
        assert!(!row.measure.is_empty(), "two tests in three days");
        assert_eq!((row.unit, row.officer), (Some(world.worker.unit), Some(world.worker.account)));
        assert_eq!(row.division, zone("410102"), "the announcement names the county");
        for at in [row.classed_at, row.owned_at] {
            assert!(at.unwrap() <= row.known_at.unwrap().plus_minutes(10));
        }
        assert_eq!(row.fill_by, None, "the person's own word is there");
        world.node.set("2022-03-25T10:10:00+08:00");
        world.app.say_arrived(&world.app.receipt_of(announced.fact)).await.unwrap();
        let [again] = world.rows(ArrivalFilter::Known).await.try_into().unwrap();
        assert_eq!((again.id, again.classed_at), (row.id, row.classed_at), "still one");
        assert_eq!(world.app.view_receipt(&world.app.receipt_of(announced.fact)).await.unwrap().state, "arrived");
        assert!(world.app.view_receipt(&world.app.receipt_of(FactId::from_label("rail"))).await.is_err());
        assert!(world.rows(ArrivalFilter::Overdue).await.is_empty());
        // Two negative tests a day apart: the measure is over, and the row says so; the class stays what it was.
        for (number, sampled, reported) in [(1, "25T12:00", "25T18:00"), (2, "26T13:00", "26T20:00")] {
            let at = |text: &str| format!("2022-03-{text}:00+08:00");
            world.node.set(&at(reported));
            let sample = json!({"id": format!("t{number}"), "kind": "sample", "person": announced.person.to_string(),
                "happened": {"at": at(sampled)}, "recorded_at": at(reported), "body": {"method": "nucleic_test"}});
            let result = json!({"id": format!("r{number}"), "kind": "result", "happened": {"at": at(reported)},
                "recorded_at": at(reported), "body": {"sample": format!("t{number}"), "outcome": "negative"}});
            world.node.append(&[sample, result]).await;
        }
        world.node.set("2022-03-26T20:05:00+08:00");
        world.app.announce_changes(world.node.now()).await.unwrap();
        world.app.follow_arrivals().await.unwrap();
        let row = world.app.store().load_arrival(row.id).await.unwrap().unwrap();
        assert_eq!((row.measure.as_str(), ArrivalClass::of_code(row.class)), ("", Some(ArrivalClass::Tests)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_come_is_closed_by_a_fact_after_the_window() {
    for place in places().await {
        let world = World::new(&place, "2022-03-24T09:00:00+08:00").await;
        world.mandates().await;
        world.app.announce(&announcement(), "k").await.unwrap();
        world.node.set("2022-03-26T09:59:00+08:00");
        world.app.follow_arrivals().await.unwrap();
        assert_eq!(world.rows(ArrivalFilter::Expected).await.len(), 1);
        world.node.set("2022-03-26T10:01:00+08:00");
        world.app.follow_arrivals().await.unwrap();
        world.app.follow_arrivals().await.unwrap();
        assert_eq!(world.rows(ArrivalFilter::Expected).await.len(), 0);
        assert_eq!(world.rows(ArrivalFilter::NoShow).await.len(), 1);
        assert_eq!(world.facts(FactKind::NoShow).await.len(), 1, "once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_and_a_passport_holder_are_announced_by_others_and_by_themselves() {
    for place in places().await {
        let world = World::new(&place, "2022-03-24T09:00:00+08:00").await;
        world.mandates().await;
        let child = Announcement {
            by: "guardian".into(),
            name: "李一一".into(),
            document_kind: String::new(),
            document: String::new(),
            birth_on: "2019-06-01".into(),
            proxy_document: LI.into(),
            ..announcement()
        };
        let first = world.app.announce(&child, "a").await.unwrap();
        let again = world.app.announce(&child, "b").await.unwrap();
        assert_eq!(first.person, again.person, "the same child of the same guardian");
        let anna = Announcement {
            name: "Anna Li".into(),
            document_kind: "passport".into(),
            document: "E1234567".into(),
            from: "abroad".into(),
            birth_on: "1988-02-29".into(),
            ..announcement()
        };
        assert_ne!(world.app.announce(&anna, "c").await.unwrap().person, first.person);
        let told = world.app.announce(&Announcement { birth_on: String::new(), ..anna }, "d").await.unwrap_err();
        assert_eq!(told.to_string(), "birth_on: birth-day");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_records_are_put_together_with_reasons_parted_again_and_never_by_a_shared_telephone() {
    for place in places().await {
        let world = World::new(&place, "2022-03-25T09:00:00+08:00").await;
        let own = Some(("10000000001", PhoneRole::Own));
        let by_id = world.person("李小明", (DocumentKind::ResidentId, LI), own).await;
        let by_passport = world.person("李 小明", (DocumentKind::Passport, "E1234567"), own).await;
        world.signal("1", by_id, "2022-03-25T08:00:00+08:00", "ticket", "4101").await;
        world.signal("2", by_passport, "2022-03-25T08:40:00+08:00", "list_row", "410102").await;
        let [row] = world.rows(ArrivalFilter::Merged).await.try_into().unwrap();
        assert_eq!((world.rows(ArrivalFilter::Known).await.len(), row.merged), (1, 2));
        let view = world.app.view_arrival(&world.worker, row.id, world.node.now()).await.unwrap();
        assert_eq!(view.records[0].reasons, ["same_name", "same_own_phone", "same_journey"]);
        assert!(view.records[0].is_guess);
        // A guess lets no restriction flow: only the record with the ticket is under a measure.
        let now = world.node.now();
        assert!(!world.app.assess(by_id, now, now).await.unwrap().assessment.measures.is_empty());
        assert!(world.app.assess(by_passport, now, now).await.unwrap().assessment.measures.is_empty());
        world.app.part_records(&world.worker, view.records[0].link, now).await.unwrap();
        assert_eq!(world.rows(ArrivalFilter::Known).await.len(), 2);
        world.app.follow_arrivals().await.unwrap();
        assert_eq!(world.rows(ArrivalFilter::Known).await.len(), 2, "what somebody parted stays apart");
        // A colleague calls the same telephone his own.
        let shared = Some(("10000000002", PhoneRole::Own));
        let colleague = world.person("王建国", (DocumentKind::Passport, "E7654321"), shared).await;
        let zhao = world.person("赵一", (DocumentKind::Passport, "E1111111"), shared).await;
        let zhao_again = world.person("赵一", (DocumentKind::Passport, "G9999999"), shared).await;
        for (id, person) in [("3", colleague), ("4", zhao), ("5", zhao_again)] {
            world.signal(id, person, "2022-03-25T08:50:00+08:00", "ticket", "410102").await;
        }
        assert_eq!(world.rows(ArrivalFilter::Known).await.len(), 5);
        assert_eq!(world.facts(FactKind::IdentityLink).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_of_the_fence_never_changes_a_status_whatever_is_answered_but_the_persons_word() {
    for place in places().await {
        let world = World::new(&place, "2022-03-25T09:00:00+08:00").await;
        world.mandates().await;
        let (asked, wrong) = (
            world.person("李小明", (DocumentKind::ResidentId, LI), None).await,
            world.person("王建国", (DocumentKind::Passport, "E7654321"), None).await,
        );
        world.signal("1", asked, "2022-03-25T08:00:00+08:00", "cell_location", "410102").await;
        world.signal("2", wrong, "2022-03-25T08:00:00+08:00", "cell_location", "410102").await;
        let rows = world.rows(ArrivalFilter::ToConfirm).await;
        assert_eq!(rows.len(), 2);
        let now = world.node.now();
        for row in &rows {
            assert_eq!(ArrivalClass::of_code(row.class), Some(ArrivalClass::ToConfirm));
            let assessment = world.app.assess(row.person, now, now).await.unwrap().assessment;
            assert!(assessment.measures.is_empty());
            let answer = if row.person == wrong { "not-here" } else { "here" };
            world.app.answer_arrival(&world.worker, row.id, answer, "", now).await.unwrap();
        }
        assert_eq!(world.rows(ArrivalFilter::Refuted).await.len(), 1);
        let [row] = world.rows(ArrivalFilter::Known).await.try_into().unwrap();
        assert_eq!(ArrivalClass::of_code(row.class), Some(ArrivalClass::Tests), "by the person's word");
        let quality = world.app.channel_quality(&world.worker).await.unwrap();
        let fence = quality.iter().find(|row| row.by == "channel" && row.channel == "fence").unwrap();
        assert_eq!((fence.sensitivity(), fence.precision()), (Some(1.0), Some(0.5)));
        assert!(moment("2022-03-25T09:00:00+08:00") == now);
    }
}
