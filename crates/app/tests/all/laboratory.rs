//! Tubes, results, messages and pools through `app`, on both engines, clock in hand.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use sizao_app::{
    App, AppError, Refusal,
    identity::{Actor, Role},
    laboratory::{CaseWord, MessageForm, ResultEntry, ResultTaken, ScanForm, Scanned},
    mandates::{Collection, NewMandate},
    screening::NewRound,
};
use sizao_epi::pooling::recall::{RecallStep, Resolution};
use sizao_interop::hl7v2::AckCode;
use sizao_model::{
    DivisionCode, Instant, MeasureKind, PersonId,
    draft::PersonName,
    fact::Outcome,
    identity::{Document, DocumentKind},
};
use sizao_store::{AccountRecord, Channel, UnitRecord};
use uuid::Uuid;

use crate::node::{Node, moment};
use crate::support::*;

const START: &str = "2022-03-17T08:00:00+08:00";

struct Lab {
    node: Node,
    app: Arc<App>,
    desk: Actor,
    lab: Actor,
    cdc: Actor,
}

async fn actor(app: &App, number: u128, role: Role, division: &str) -> Actor {
    let division = DivisionCode::parse(division).unwrap();
    let made_at = app.now();
    let unit = UnitRecord {
        id: Uuid::from_u128(100 + number),
        name: format!("Unit {number}"),
        kind: "cdc".into(),
        division,
        made_at,
        closed_at: None,
    };
    app.store().add_unit(&unit).await.unwrap();
    let account = AccountRecord {
        id: Uuid::from_u128(200 + number),
        unit: unit.id,
        login: format!("login{number}"),
        name: "Somebody".into(),
        role: role.name().into(),
        password: String::new(),
        totp: None,
        totp_step: 0,
        demo: false,
        made_at,
        closed_at: None,
    };
    assert!(app.store().add_account(&account).await.unwrap());
    Actor {
        account: account.id,
        name: account.name,
        role,
        unit: unit.id,
        unit_name: unit.name,
        division,
        demo: false,
        session: Uuid::nil(),
        scopes: None,
        request: String::new(),
    }
}

impl Lab {
    async fn new(place: &TestPlace) -> Self {
        let node = Node::new(place, &["cn-covid-v8"], START).await;
        let app = node.app.clone();
        let desk = actor(&app, 1, Role::CommunityWorker, "410105").await;
        let lab = actor(&app, 2, Role::Lab, "4101").await;
        let cdc = actor(&app, 3, Role::Epidemiologist, "4101").await;
        let chief = actor(&app, 4, Role::Headquarters, "4101").await;
        for collection in [Collection::Tests, Collection::Registers] {
            let form = NewMandate {
                collection: collection.name().into(),
                area: "4101".into(),
                legal_basis: "law".into(),
                authority: "city".into(),
                purpose: "test".into(),
                impact_assessment: "none".into(),
                days: "30".into(),
            };
            let mandate = app.propose_mandate(&cdc, &form, app.now()).await.unwrap();
            app.sign_mandate(&chief, mandate.id, app.now()).await.unwrap();
        }
        Self { node, app, desk, lab, cdc }
    }

    async fn scan(&self, form: ScanForm) -> Result<Scanned, Refusal> {
        self.app.scan(&self.desk, &[form], true).await.unwrap().pop().unwrap()
    }

    async fn open(&self, barcode: &str, holds: &str, capacity: &str) -> Result<Scanned, Refusal> {
        self.scan(opening(barcode, holds, capacity)).await
    }

    async fn swab(&self, barcode: &str, who: usize) -> Result<Scanned, Refusal> {
        self.scan(swab(barcode, who)).await
    }

    async fn step(&self, step: &str, barcode: &str) -> Result<Scanned, Refusal> {
        let container = if step == "send" { "BOX-1" } else { "" };
        self.scan(ScanForm {
            step: step.into(),
            barcode: barcode.into(),
            container: container.into(),
            ..ScanForm::default()
        })
        .await
    }

    async fn result(&self, barcode: &str, outcome: Outcome) -> Result<ResultTaken, Refusal> {
        self.entry(ResultEntry { barcode: barcode.into(), outcome, at: None, corrects: false, message: String::new() })
            .await
    }

    async fn entry(&self, entry: ResultEntry) -> Result<ResultTaken, Refusal> {
        self.app.take_results(&self.lab, &[entry], false, Channel::Api).await.unwrap().pop().unwrap()
    }

    /// A closed tube of these people.
    async fn tube(&self, barcode: &str, holds: &str, capacity: &str, people: impl IntoIterator<Item = usize>) {
        self.open(barcode, holds, capacity).await.unwrap();
        for who in people {
            self.swab(barcode, who).await.unwrap();
        }
        self.step("seal", barcode).await.unwrap();
    }

    async fn person(&self, who: usize) -> PersonId {
        let document = Document::new(DocumentKind::ResidentId, &document(who)).unwrap();
        self.app.store().find_person(&PersonName::Document(document)).await.unwrap().unwrap()
    }

    /// What holds for a person now: kinds of measures, and the colour.
    async fn holds(&self, who: usize) -> (Vec<MeasureKind>, bool) {
        let (person, now) = (self.person(who).await, self.app.now());
        self.app.catch_up(|_| {}).await.unwrap();
        let assessment = self.app.assess(person, now, now).await.unwrap().assessment;
        let kinds = assessment.measures.iter().filter(|measure| measure.is_active(now)).map(|measure| measure.kind());
        let mut kinds: Vec<MeasureKind> = kinds.collect();
        // A pool and an own sample may both ask to wait; it is one wait.
        kinds.dedup();
        (kinds, assessment.colour.is_some_and(|colour| colour != sizao_model::Colour::Green))
    }
}

/// An invented resident's number with a right check digit.
fn document(who: usize) -> String {
    let digits = format!("41010519900101{:03}", who);
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: usize = digits.bytes().zip(weights).map(|(digit, weight)| usize::from(digit - b'0') * weight).sum();
    format!("{digits}{}", ["1", "0", "X", "9", "8", "7", "6", "5", "4", "3", "2"][sum % 11])
}

fn opening(barcode: &str, holds: &str, capacity: &str) -> ScanForm {
    ScanForm {
        step: "open".into(),
        barcode: barcode.into(),
        holds: holds.into(),
        capacity: capacity.into(),
        ..ScanForm::default()
    }
}

fn swab(barcode: &str, who: usize) -> ScanForm {
    ScanForm { step: "swab".into(), barcode: barcode.into(), who: document(who), ..ScanForm::default() }
}

fn rule<T: std::fmt::Debug>(answer: &Result<T, Refusal>) -> &'static str {
    match answer {
        Err(Refusal::Field { rule, .. }) => rule,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tube_goes_from_the_desk_to_the_laboratory_and_everything_else_is_refused_with_its_cure() {
    for place in places().await {
        let lab = Lab::new(&place).await;
        let opened = lab.open("TUBE-1", "pool", "5").await.unwrap();
        assert_eq!((opened.repeated, opened.tube.capacity), (false, 5));
        let again = lab.open("TUBE-1", "pool", "5").await.unwrap();
        assert!(again.repeated && again.fact == opened.fact, "the same opening sent again is the same fact");
        assert_eq!(rule(&lab.open("TUBE-1", "pool", "10").await), "tube-barcode-used");
        assert_eq!(rule(&lab.open("TUBE-2", "pool", "7").await), "tube-capacity");
        assert_eq!(rule(&lab.open("T 2", "pool", "10").await), "tube-barcode");
        assert_eq!(rule(&lab.swab("TUBE-9", 1).await), "tube-unknown");
        assert_eq!(rule(&lab.step("seal", "TUBE-1").await), "tube-empty");
        for who in 0..5 {
            assert_eq!(lab.swab("TUBE-1", who).await.unwrap().tube.swabs, who as u32 + 1);
        }
        let repeated = lab.swab("TUBE-1", 3).await.unwrap();
        assert!(repeated.repeated && repeated.tube.swabs == 5, "a scan sent again is no second swab");
        assert_eq!(rule(&lab.swab("TUBE-1", 6).await), "tube-full");
        assert_eq!(rule(&lab.step("send", "TUBE-1").await), "tube-not-closed");
        assert_eq!(rule(&lab.result("TUBE-1", Outcome::Negative).await), "result-open-tube");
        lab.step("seal", "TUBE-1").await.unwrap();
        assert_eq!(rule(&lab.swab("TUBE-1", 6).await), "tube-closed");
        lab.step("send", "TUBE-1").await.unwrap();
        let receive = |container: &str| ScanForm {
            step: "receive".into(),
            barcode: "TUBE-1".into(),
            container: container.into(),
            ..ScanForm::default()
        };
        let received = async |form| lab.app.scan(&lab.lab, &[form], true).await.unwrap().pop().unwrap();
        assert_eq!(rule(&received(receive("BOX-2")).await), "tube-of-another-box");
        received(receive("BOX-1")).await.unwrap();
        assert!(received(receive("BOX-1")).await.unwrap().repeated);
        assert_eq!(rule(&lab.result("TUBE-7", Outcome::Negative).await), "result-unknown-tube");
        let before = ResultEntry {
            barcode: "TUBE-1".into(),
            outcome: Outcome::Negative,
            at: Some(moment(START).plus_minutes(-1)),
            corrects: false,
            message: String::new(),
        };
        assert_eq!(rule(&lab.entry(before.clone()).await), "result-before-sampling");
        let ResultTaken::Stored(first) = lab.result("TUBE-1", Outcome::Negative).await.unwrap() else { panic!() };
        assert_eq!(lab.result("TUBE-1", Outcome::Negative).await.unwrap(), ResultTaken::Repeated(first));
        assert_eq!(rule(&lab.result("TUBE-1", Outcome::Positive).await), "result-contradicts");
        let corrected =
            ResultEntry { outcome: Outcome::Positive, at: None, corrects: true, message: "m2".into(), ..before };
        assert!(matches!(lab.entry(corrected).await.unwrap(), ResultTaken::Corrected(_)));
        assert!(lab.holds(2).await.0.contains(&MeasureKind::Hold), "a corrected result counts as corrected");
        let tube =
            lab.app.store().load_tubes(vec![sizao_app::laboratory::tube_id("TUBE-1")]).await.unwrap().pop().unwrap();
        assert_eq!((tube.swabs, tube.outcome, tube.corrected), (5, Some(1), 1));
        // All of it can be made again from the log.
        lab.app.store().clear_projections().await.unwrap();
        lab.app.follow_screening().await.unwrap();
        let rebuilt = lab.app.store().load_tubes(vec![tube.id]).await.unwrap().pop().unwrap();
        assert_eq!(rebuilt, tube);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_has_one_swab_in_a_round_unless_the_desk_says_again() {
    for place in places().await {
        let lab = Lab::new(&place).await;
        let form = NewRound {
            name: "Round 1".into(),
            area: "410105".into(),
            hours: "24".into(),
            capacity: "10".into(),
            sites: "School gym 4\nSquare, 2".into(),
        };
        let round = lab.app.open_round(&lab.cdc, &form, lab.app.now()).await.unwrap();
        let rounds = lab.app.running_rounds(&lab.desk).await.unwrap();
        assert_eq!(
            rounds[0].desks(),
            ["School gym-1", "School gym-2", "School gym-3", "School gym-4", "Square-1", "Square-2"]
        );
        let open = |barcode: &str, site: &str| ScanForm {
            round: round.uuid().to_string(),
            site: site.into(),
            ..opening(barcode, "pool", "10")
        };
        lab.scan(open("R1-1", "Square-1")).await.unwrap();
        lab.scan(open("R1-2", "Square-2")).await.unwrap();
        lab.swab("R1-1", 1).await.unwrap();
        assert_eq!(rule(&lab.swab("R1-2", 1).await), "swab-in-round");
        let wrong_desk = ScanForm { site: "Square-1".into(), ..swab("R1-2", 2) };
        assert_eq!(rule(&lab.scan(wrong_desk).await), "tube-of-another-desk");
        let again = ScanForm { again: "yes".into(), ..swab("R1-2", 1) };
        lab.scan(again.clone()).await.unwrap();
        assert!(lab.scan(again).await.unwrap().repeated);
        let person = lab.person(1).await;
        assert_eq!(lab.app.store().swabs_of(&[person]).await.unwrap().len(), 2, "both are kept");
        lab.node.set("2022-03-18T08:00:00+08:00");
        assert_eq!(rule(&lab.scan(open("R1-3", "Square-1")).await), "round-over");
        let counts = &lab.app.list_rounds(&lab.cdc).await.unwrap()[0].counts;
        assert_eq!(
            counts.iter().map(|count| (count.site.as_str(), count.swabs)).collect::<Vec<_>>(),
            [("Square-1", 1), ("Square-2", 1)]
        );
    }
}

/// The rules of domain.md 7.2, written a second time and slowly.
#[derive(Default)]
struct Slow {
    used: HashSet<String>,
    tubes: HashMap<String, (usize, Vec<usize>, u8)>,
}

impl Slow {
    /// Whether a scan is right; 0 open, 1 closed, 2 sent.
    fn take(&mut self, step: &str, barcode: &str, who: usize, capacity: usize) -> bool {
        if step == "open" {
            // The same opening again is answered as the first time.
            let same = self.tubes.get(barcode).is_some_and(|(size, ..)| *size == capacity);
            if !self.used.insert(barcode.to_owned()) {
                return same;
            }
            self.tubes.insert(barcode.to_owned(), (capacity, Vec::new(), 0));
            return true;
        }
        let Some((size, people, stage)) = self.tubes.get_mut(barcode) else { return false };
        match step {
            "swab" if people.contains(&who) => true,
            "swab" if *stage == 0 && people.len() < *size => {
                people.push(who);
                true
            }
            "seal" if *stage == 0 && !people.is_empty() => {
                *stage = 1;
                true
            }
            "seal" => *stage >= 1,
            "send" if *stage == 1 => {
                *stage = 2;
                true
            }
            "send" => *stage == 2,
            _ => false,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_scanned_in_whatever_order_and_batches_the_rules_of_tubes_hold() {
    for place in places().await {
        let lab = Lab::new(&place).await;
        let (mut slow, mut state) = (Slow::default(), 20_220_317u64);
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % below) as usize
        };
        let (mut right, mut wrong) = (0, 0);
        for _ in 0..60 {
            let mut forms = Vec::new();
            let mut expected = Vec::new();
            for _ in 0..draw(20) + 1 {
                let step = ["open", "swab", "swab", "swab", "swab", "swab", "swab", "swab", "seal", "send"][draw(10)];
                let barcode = format!("PROP-{}", draw(14));
                let (who, capacity) = (draw(40), [1, 5, 10][draw(3)]);
                let holds = if capacity == 1 { "single" } else { "pool" };
                let capacity_text = capacity.to_string();
                forms.push(match step {
                    "open" => opening(&barcode, holds, &capacity_text),
                    "swab" => swab(&barcode, who),
                    _ => ScanForm {
                        step: step.into(),
                        barcode: barcode.clone(),
                        container: if step == "send" { "BOX-1".into() } else { String::new() },
                        ..ScanForm::default()
                    },
                });
                expected.push(slow.take(step, &barcode, who, capacity));
            }
            let answers = lab.app.scan(&lab.desk, &forms, false).await.unwrap();
            for ((form, answer), expected) in forms.iter().zip(&answers).zip(&expected) {
                assert_eq!(answer.is_ok(), *expected, "{} {}: {answer:?}", form.step, form.barcode);
                if *expected { right += 1 } else { wrong += 1 }
            }
        }
        assert!(right > 150 && wrong > 150, "{right} {wrong}");
        for (barcode, (capacity, people, _)) in &slow.tubes {
            let id = sizao_app::laboratory::tube_id(barcode);
            let swabs = lab.app.store().swabs_in(vec![id]).await.unwrap();
            assert_eq!(swabs.len(), people.len(), "{barcode}: each swab is bound to a person by a scan");
            assert!(swabs.len() <= *capacity, "{barcode}");
            let distinct: HashSet<PersonId> = swabs.iter().map(|swab| swab.person).collect();
            assert_eq!(distinct.len(), swabs.len(), "{barcode}: one swab of a person in a tube");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_desks_that_scan_at_once_never_open_one_barcode_or_fill_one_place_twice() {
    for place in places().await {
        let lab = Lab::new(&place).await;
        let other = actor(&lab.app, 9, Role::CommunityWorker, "410105").await;
        let site = |site: &str| ScanForm { site: site.into(), ..opening("BOTH-1", "pool", "5") };
        let (ones, twos) = ([site("A")], [site("B")]);
        let (one, two) = tokio::join!(lab.app.scan(&lab.desk, &ones, true), lab.app.scan(&other, &twos, true));
        let opened = [one.unwrap().pop().unwrap(), two.unwrap().pop().unwrap()];
        assert_eq!(opened.iter().filter(|answer| answer.is_ok()).count(), 1, "{opened:?}");
        let of = |from: usize| (from..from + 4).map(|who| swab("BOTH-1", who)).collect::<Vec<_>>();
        let (ones, twos) = (of(0), of(10));
        let (one, two) = tokio::join!(lab.app.scan(&lab.desk, &ones, true), lab.app.scan(&other, &twos, true));
        let taken = one.unwrap().into_iter().chain(two.unwrap()).filter(Result::is_ok).count();
        assert_eq!(taken, 5);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_of_a_positive_pool_wait_without_colour_and_go_with_their_negative_results() {
    for place in places().await {
        let lab = Lab::new(&place).await;
        lab.tube("POOL-1", "pool", "10", 0..4).await;
        for who in 0..4 {
            assert_eq!(lab.holds(who).await, (vec![], false), "nothing before a result");
        }
        lab.node.set("2022-03-17T14:00:00+08:00");
        lab.result("POOL-1", Outcome::Positive).await.unwrap();
        for who in 0..4 {
            assert_eq!(lab.holds(who).await, (vec![MeasureKind::Hold], false), "the wait has no colour");
        }
        let view = lab.app.view_pool(&lab.cdc, "POOL-1", lab.app.now()).await.unwrap();
        assert_eq!((view.members.len(), view.waiting(), view.overdue()), (4, 4, 0));
        assert_eq!(view.ceiling, moment("2022-03-18T14:00:00+08:00"));
        assert!(view.members.iter().all(|member| member.waits_until == Some(view.ceiling)));
        // Nobody was called: after 30 minutes and a second everybody is late.
        lab.node.set("2022-03-17T14:30:01+08:00");
        let view = lab.app.view_pool(&lab.cdc, "POOL-1", lab.app.now()).await.unwrap();
        assert!(view.members.iter().all(|member| matches!(member.overdue, Some((RecallStep::Call, _)))));
        for who in 0..3 {
            for step in ["notified", "located"] {
                lab.app.note_member(&lab.cdc, "POOL-1", lab.person(who).await, step, lab.app.now()).await.unwrap();
            }
        }
        lab.node.set("2022-03-17T15:00:00+08:00");
        for who in 0..3 {
            lab.tube(&format!("SINGLE-{who}"), "single", "1", [who]).await;
        }
        lab.node.set("2022-03-17T20:00:00+08:00");
        let view = lab.app.view_pool(&lab.cdc, "POOL-1", lab.app.now()).await.unwrap();
        let missing: Vec<_> = view.members.iter().filter_map(|member| member.overdue).collect();
        assert!(matches!(missing[..], [(RecallStep::Call, _)]), "the one who was never reached: {missing:?}");
        for who in 0..3 {
            lab.result(&format!("SINGLE-{who}"), Outcome::Negative).await.unwrap();
            assert_eq!(
                lab.holds(who).await,
                (vec![], false),
                "released with the own negative result, by nobody's hand"
            );
        }
        assert_eq!(lab.holds(3).await.0, [MeasureKind::Hold], "whoever was not found still waits");
        let view = lab.app.view_pool(&lab.cdc, "POOL-1", lab.app.now()).await.unwrap();
        assert_eq!((view.waiting(), view.resolution), (1, Resolution::Pending));
        // The ceiling ends it for everybody.
        lab.node.set("2022-03-18T14:00:00+08:00");
        assert_eq!(lab.holds(3).await, (vec![], false));
        lab.tube("SINGLE-3", "single", "1", [3]).await;
        lab.result("SINGLE-3", Outcome::Negative).await.unwrap();
        let view = lab.app.view_pool(&lab.cdc, "POOL-1", lab.app.now()).await.unwrap();
        assert!(matches!(view.resolution, Resolution::NotConfirmed { .. }), "{:?}", view.resolution);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_positive_single_is_a_case_by_somebodys_word_and_the_others_are_no_contacts_by_that_alone() {
    for place in places().await {
        let lab = Lab::new(&place).await;
        lab.tube("POOL-2", "household", "4", 0..3).await;
        lab.node.set("2022-03-17T14:00:00+08:00");
        lab.result("POOL-2", Outcome::GreyZone).await.unwrap();
        assert_eq!(lab.holds(1).await, (vec![MeasureKind::Hold], false), "grey holds as positive does");
        for who in 0..3 {
            lab.tube(&format!("ONE-{who}"), "single", "1", [who]).await;
        }
        lab.node.set("2022-03-17T19:00:00+08:00");
        let (ill, now) = (lab.person(0).await, lab.app.now());
        let early = lab.app.diagnose_member(&lab.cdc, "POOL-2", ill, CaseWord::Asymptomatic, now).await;
        assert!(matches!(early, Err(AppError::Refused(Refusal::Field { rule: "case-single-positive", .. }))));
        lab.result("ONE-0", Outcome::Positive).await.unwrap();
        assert_eq!(lab.holds(0).await, (vec![MeasureKind::Hold], false), "a result alone is no case and no colour");
        let view = lab.app.view_pool(&lab.cdc, "POOL-2", now).await.unwrap();
        assert!(
            matches!(&view.resolution, Resolution::Cases { cases, to_assess, .. } if cases == &[ill] && to_assess.len() == 2)
        );
        let (clock, _) = view.members.iter().find(|member| member.line.person == ill).unwrap().report.unwrap();
        assert_eq!(clock.due_at(), now.plus_minutes(120), "the statutory two hours run from the single result");
        lab.node.set("2022-03-17T20:00:00+08:00");
        lab.app.diagnose_member(&lab.cdc, "POOL-2", ill, CaseWord::Asymptomatic, now).await.unwrap();
        assert!(lab.holds(0).await.0.contains(&MeasureKind::CaseIsolation));
        for who in [1, 2] {
            assert_eq!(lab.holds(who).await, (vec![MeasureKind::Hold], false), "no contact, no colour");
            lab.result(&format!("ONE-{who}"), Outcome::Negative).await.unwrap();
            assert_eq!(lab.holds(who).await, (vec![], false));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalid_pool_recalls_its_members_and_holds_nobody() {
    for place in places().await {
        let lab = Lab::new(&place).await;
        lab.tube("POOL-3", "pool", "5", 0..2).await;
        lab.result("POOL-3", Outcome::Invalid).await.unwrap();
        assert_eq!(lab.holds(0).await, (vec![], false));
        let view = lab.app.view_pool(&lab.cdc, "POOL-3", lab.app.now()).await.unwrap();
        assert!(!view.holds && view.waiting() == 0 && view.members.len() == 2);
        assert_eq!(lab.app.list_pools(&lab.cdc).await.unwrap().len(), 1);
    }
}

fn oru(id: &str, tube: &str, outcome: &str, status: &str, at: &str) -> String {
    format!(
        "MSH|^~\\&|LIS|LAB||CDC|{at}||ORU^R01^ORU_R01|{id}|P|2.5.1||||||UNICODE UTF-8\r\
         PID|1||TUBE^^^LAB\rOBR|1||{tube}|94500-6^SARS-CoV-2 RNA^LN|||{at}|||||||||||||||{at}|||{status}\r\
         OBX|1|CWE|94500-6^SARS-CoV-2 RNA^LN||{outcome}^^SCT||||||{status}|||{at}|||||{at}\r\
         SPM|1|^{tube}||258500001^swab^SCT\r"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_taken_once_answered_after_the_commit_and_waits_with_its_reason_when_it_is_wrong() {
    for place in places().await {
        let lab = Lab::new(&place).await;
        let wall = lab.app.now();
        let send = async |text: String| {
            lab.app.take_message(&lab.lab, MessageForm::Hl7v2, text.as_bytes(), wall).await.unwrap()
        };
        lab.tube("MSG-1", "pool", "10", 0..3).await;
        lab.node.set("2022-03-17T12:00:00+08:00");
        let negative = oru("m1", "MSG-1", "260415000", "F", "20220317110000+0800");
        let first = send(negative.clone()).await;
        assert_eq!((first.code, first.stored, first.repeated), (AckCode::Accept, 1, 0), "{:?}", first.problems);
        assert!(first.ack.contains("MSA|AA|m1"), "{}", first.ack);
        let again = send(negative.clone()).await;
        assert_eq!((again.code, again.stored, again.repeated), (AckCode::Accept, 0, 1));
        let other_message = send(negative.replace("|m1|", "|m9|")).await;
        assert_eq!(
            (other_message.stored, other_message.repeated),
            (0, 1),
            "the same result in another message is the same fact"
        );
        let contradicts = send(oru("m2", "MSG-1", "260373001", "F", "20220317113000+0800")).await;
        assert_eq!(contradicts.code, AckCode::Error);
        assert!(contradicts.ack.contains("MSA|AE|m2") && contradicts.queued.is_some());
        let corrected = send(oru("m3", "MSG-1", "260373001", "C", "20220317113000+0800")).await;
        assert_eq!((corrected.code, corrected.stored), (AckCode::Accept, 1), "{:?}", corrected.problems);
        assert_eq!(lab.holds(0).await.0, [MeasureKind::Hold]);
        let waiting = lab.app.waiting_messages(&lab.lab).await.unwrap();
        assert_eq!(waiting.len(), 1);
        assert!(waiting[0].reason.contains("another result of this tube is on record"), "{}", waiting[0].reason);

        // Broken in other ways: each is answered, and waits with its reason.
        let before = send(oru("m4", "MSG-1", "260415000", "F", "20220316110000+0800")).await;
        assert_eq!(before.code, AckCode::Error);
        let not_text = lab
            .app
            .take_message(
                &lab.lab,
                MessageForm::Hl7v2,
                b"MSH|^~\\&|A|B|||1||ORU^R01|x|P|2.5.1||||||UNICODE UTF-8\rPID|1||\xff\xfe\r",
                wall,
            )
            .await
            .unwrap();
        assert_eq!(not_text.code, AckCode::Reject);
        let adt = send("MSH|^~\\&|A|B|C|D|||ADT^A01|a1|P|2.5.1\rPID|1||9^^^B\r".into()).await;
        assert_eq!(adt.code, AckCode::Reject);
        assert_eq!(lab.app.waiting_messages(&lab.lab).await.unwrap().len(), 4);

        // Mended on the page: the one that waited is done, and its text goes.
        let wrong = send(oru("m5", "MSG-X", "260415000", "F", "20220317110000+0800").replace("TUBE^^^LAB", "")).await;
        assert_eq!(wrong.code, AckCode::Error, "{:?}", wrong.problems);
        assert!(
            wrong
                .problems
                .iter()
                .any(|told| told.contains("no tube of this number was opened here") || told.contains("a patient")),
            "{:?}",
            wrong.problems
        );
        lab.tube("MSG-2", "pool", "10", 5..7).await;
        let id = wrong.queued.unwrap();
        let (_, text) = lab.app.open_message(&lab.lab, id, wall).await.unwrap();
        lab.node.set("2022-03-17T13:00:00+08:00");
        let mended = text
            .replace("MSG-X", "MSG-2")
            .replace("20220317110000", "20220317123000")
            .replace("PID|1||\r", "PID|1||T^^^L\r");
        let mended = lab.app.retry_message(&lab.lab, id, &mended, wall).await.unwrap();
        assert_eq!((mended.code, mended.stored), (AckCode::Accept, 1), "{:?}", mended.problems);
        assert_eq!(lab.app.waiting_messages(&lab.lab).await.unwrap().len(), 4);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_mandate_nothing_of_a_message_or_scan_is_kept() {
    for place in places().await {
        let lab = Lab::new(&place).await;
        let foreign = actor(&lab.app, 7, Role::Lab, "4103").await;
        let size = lab.app.store().size().await.unwrap();
        let text = oru("m1", "MSG-1", "260415000", "F", "20220317110000+0800");
        let refused = lab.app.take_message(&foreign, MessageForm::Hl7v2, text.as_bytes(), lab.app.now()).await;
        assert!(matches!(refused, Err(AppError::Refused(Refusal::NoMandate { .. }))));
        assert!(lab.app.store().lab_messages_of(foreign.unit, 10).await.unwrap().is_empty());
        let desk = actor(&lab.app, 8, Role::CommunityWorker, "4103").await;
        let refused = lab.app.scan(&desk, &[opening("NO-1", "single", "")], true).await;
        assert!(matches!(refused, Err(AppError::Refused(Refusal::NoMandate { .. }))));
        assert_eq!(lab.app.store().size().await.unwrap(), size);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_of_results_gives_its_bad_rows_back() {
    for place in places().await {
        let lab = Lab::new(&place).await;
        lab.tube("CSV-1", "pool", "5", 0..2).await;
        lab.tube("CSV-2", "pool", "5", 2..4).await;
        lab.node.set("2022-03-17T12:00:00+08:00");
        let file = "管码,结果,报告时间\nCSV-1,阴性,2022-03-17 11:00\nCSV-2,阳姓,2022-03-17 11:00\nCSV-9,阴性,2022-03-17 11:00\n";
        let say = |refusal: &Refusal| refusal.to_string();
        let report = lab.app.take_results_file(&lab.lab, file.as_bytes(), say, lab.app.now()).await.unwrap();
        assert_eq!((report.accepted, report.rejected), (1, 2), "{:?}", report.refused);
        assert_eq!(report.refused.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [3, 4]);
        let mended = report.to_mend.replace("阳姓", "阳性").replace("CSV-9", "CSV-1");
        let report = lab.app.take_results_file(&lab.lab, mended.as_bytes(), say, lab.app.now()).await.unwrap();
        assert_eq!((report.accepted, report.repeated, report.rejected), (2, 1, 0), "{:?}", report.refused);
        assert_eq!(lab.holds(2).await.0, [MeasureKind::Hold]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_a_laboratory_says_where_each_tube_is_stuck_and_how_long_results_take() {
    for place in places().await {
        let lab = Lab::new(&place).await;
        lab.tube("AT-1", "pool", "5", 0..2).await;
        lab.tube("AT-2", "single", "1", [3]).await;
        lab.tube("AT-3", "pool", "5", 4..6).await;
        lab.step("send", "AT-1").await.unwrap();
        lab.node.set("2022-03-17T10:00:00+08:00");
        let receive = ScanForm { step: "receive".into(), barcode: "AT-3".into(), ..ScanForm::default() };
        lab.app.scan(&lab.lab, &[receive], true).await.unwrap().pop().unwrap().unwrap();
        lab.node.set("2022-03-17T13:00:00+08:00");
        lab.result("AT-3", Outcome::Negative).await.unwrap();
        let board = lab.app.lab_board(&lab.lab).await.unwrap();
        let late: Vec<_> =
            board.late.iter().map(|late| (late.tube.barcode.as_str(), late.place.name(), late.minutes_left)).collect();
        // Six hours for one person's tube, a day for a pool; both from the first swab at 08:00.
        assert_eq!(late, [("AT-2", "closed", 60), ("AT-1", "on-the-way", 19 * 60)]);
        let times: Vec<_> = board.turnaround.iter().map(|one| (one.tubes, one.p50, one.p90, one.inside_p50)).collect();
        assert_eq!(times, [(1, 300, 300, Some(180))]);
        assert_eq!(board.scans.len(), 1);
        let _: Instant = board.at;
    }
}

/// Processor time of this process so far, user and system; seconds. Other work on the machine does not count in it.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    // Fields 14 and 15 of proc(5), in hundredths.
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures; SIZAO_TUBES=20000 cargo nextest run --release -p sizao-app --test all laboratory:: --run-ignored only --no-capture"]
async fn figures_of_a_round() {
    let tubes: usize = std::env::var("SIZAO_TUBES").map_or(1_000, |text| text.parse().unwrap());
    for place in places().await {
        let lab = Lab::new(&place).await;
        let (mut swabs, began) = (0, processor_seconds());
        for batch in (0..tubes).collect::<Vec<_>>().chunks(400) {
            let mut forms = Vec::new();
            for tube in batch {
                let barcode = format!("FIG-{tube:07}");
                forms.push(opening(&barcode, "pool", "10"));
                forms.extend((0..10).map(|who| ScanForm {
                    step: "swab".into(),
                    barcode: barcode.clone(),
                    name: format!("N{}", tube * 10 + who),
                    phone: format!("138{:08}", tube * 10 + who),
                    ..ScanForm::default()
                }));
                forms.push(ScanForm { step: "seal".into(), barcode, ..ScanForm::default() });
                swabs += 10;
            }
            let answers = lab.app.scan(&lab.desk, &forms, false).await.unwrap();
            assert!(answers.iter().all(Result::is_ok), "{:?}", answers.iter().find(|answer| answer.is_err()));
        }
        let scanned = processor_seconds();
        let entries: Vec<ResultEntry> = (0..tubes)
            .map(|tube| ResultEntry {
                barcode: format!("FIG-{tube:07}"),
                outcome: Outcome::Negative,
                at: None,
                corrects: false,
                message: String::new(),
            })
            .collect();
        for batch in entries.chunks(20_000) {
            let answers = lab.app.take_results(&lab.lab, batch, false, Channel::Api).await.unwrap();
            assert!(answers.iter().all(Result::is_ok));
        }
        let told = processor_seconds();
        println!(
            "{}: {swabs} registrations, {:.0} a processor second; {tubes} results, {:.0} a processor second",
            if matches!(place.place, sizao_store::Place::Sqlite(_)) { "SQLite" } else { "PostgreSQL" },
            f64::from(swabs) / (scanned - began),
            tubes as f64 / (told - scanned)
        );
    }
}
