//! Sentinel sites through the use cases, on both engines: reports, clocks, names of sales, signals, reviews.

use std::sync::Arc;

use sizao_app::{
    AppError, Refusal,
    identity::{Actor, Role},
    intake::Upload,
    mandates::Collection,
    sentinels::{Duty, Entry, NewInstitution, NewResponsible, NewReview, Standing},
    signals::SOURCES,
};
use sizao_model::{CivilDay, DivisionCode};
use sizao_store::{SignalRecord, SignalStep};
use uuid::Uuid;

use crate::support::*;

/// A site in Jinshui with a reporter, and who oversees it.
struct Bench {
    world: World,
    site: Uuid,
    reporter: Actor,
    overseer: Actor,
}

impl Bench {
    async fn new(place: (sizao_store::Place, Option<tempfile::TempDir>)) -> Self {
        let world = World::full(place).await;
        let (city, county) = (world.units[1].clone(), world.units[2].clone());
        let overseer = world.actor_in(&city, Role::Epidemiologist).await;
        let reporter = world.actor_in(&county, Role::Sentinel).await;
        let form = NewInstitution {
            unit: county.id.to_string(),
            name: "Fever clinic".to_owned(),
            kind: "clinic".to_owned(),
            division: "410105".to_owned(),
            code: "clinic-1".to_owned(),
            capabilities: ["registers-fever", "sells-drugs", "tests-antigen", "reports-daily"]
                .map(str::to_owned)
                .into(),
        };
        let site = world.app.add_institution(&overseer, &form, now()).await.unwrap();
        Self { world, site, reporter, overseer }
    }

    /// A school of the same unit.
    async fn add_school(&self) {
        let form = NewInstitution {
            unit: self.world.units[2].id.to_string(),
            name: "School".to_owned(),
            kind: "school".to_owned(),
            division: "410105".to_owned(),
            code: "school-1".to_owned(),
            capabilities: vec!["counts-absence".to_owned()],
        };
        self.world.app.add_institution(&self.overseer, &form, now()).await.unwrap();
    }

    fn fever(&self, key: &str, seen: &str) -> Entry {
        Entry {
            key: key.to_owned(),
            institution: "clinic-1".to_owned(),
            kind: "fever".to_owned(),
            seen_at: seen.to_owned(),
            name: "Patient".to_owned(),
            phone: "13800000077".to_owned(),
            temperature: "38.6".to_owned(),
            ..Entry::default()
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_sent_twice_is_one_and_its_breach_is_told_to_the_minute() {
    for place in places().await {
        let bench = Bench::new(place).await;
        let app = &bench.world.app;
        // It is 09:30; seen at 08:13 is 77 minutes ago, 17 too late.
        let entry = bench.fever("phone/0001", "2022-03-17T08:13");
        let first = app.report_sentinel(&bench.reporter, &entry, true).await.unwrap();
        assert!(matches!(first.clock, Some((_, Standing::DoneLate { late: 17 }))), "{first:?}");
        let again = app.report_sentinel(&bench.reporter, &entry, true).await.unwrap();
        assert!(again.repeated && again.fact == first.fact && again.clock == first.clock);
        let other = Entry { temperature: "39.9".to_owned(), ..entry };
        let refused = app.report_sentinel(&bench.reporter, &other, true).await;
        assert!(matches!(refused, Err(AppError::Refused(Refusal::Changed))), "{refused:?}");
        let view = app.view_site(&bench.overseer, bench.site).await.unwrap();
        assert_eq!(view.reports.len(), 1);
        let breaches = app.list_breaches(&bench.overseer, None).await.unwrap();
        assert_eq!(breaches.iter().map(|breach| breach.late).collect::<Vec<_>>(), [17]);
        let antigen = Entry { kind: "antigen".to_owned(), ..bench.fever("phone/0002", "2022-03-17T09:00") };
        for _ in 0..2 {
            app.report_sentinel(&bench.reporter, &antigen, true).await.unwrap();
        }
        assert_eq!(app.view_site(&bench.overseer, bench.site).await.unwrap().reports.len(), 2);
        app.store().clear_projections().await.unwrap();
        app.follow_reports().await.unwrap();
        assert_eq!(
            app.view_site(&bench.overseer, bench.site).await.unwrap().reports.len(),
            2,
            "read again from the log"
        );
    }
}

const LIST: &str = include_str!("../../../../mappings/sentinel-reports.toml");
/// Every kind of report; of the fever patients it is known when the first was seen.
const ROWS: [[&str; 7]; 9] = [
    ["机构编码", "区划", "日期", "类别", "数量", "药品", "发现时间"],
    ["clinic-1", "410105", "2022-03-17", "发热", "3", "", "2022-03-17 08:00"],
    ["clinic-1", "410105", "2022-03-16", "四类药品", "5", "退热、抗生素", ""],
    ["clinic-1", "410105", "2022-03-16", "抗原阳性", "2", "", ""],
    ["school-1", "410105", "2022-03-16", "因病缺课", "7", "", ""],
    ["clinic-1", "410105", "2022-03-15", "零报告", "0", "", ""],
    ["clinc-1", "410105", "2022-03-16", "发热", "2", "", ""],
    ["clinic-1", "410102", "2022-03-14", "发热", "2", "", ""],
    ["school-1", "410105", "2022-03-16", "四类药品", "2", "退热", ""],
];

/// [`ROWS`] as text, and as a workbook.
fn lists() -> [(&'static str, Vec<u8>); 2] {
    let text = ROWS.map(|row| row.join(",")).join("\n");
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (row, cells) in ROWS.iter().enumerate() {
        for (column, cell) in cells.iter().enumerate() {
            sheet.write_string(row as u32, column as u16, *cell).unwrap();
        }
    }
    [("daily.csv", text.into_bytes()), ("daily.xlsx", book.save_to_buffer().unwrap())]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_every_kind_comes_in_as_text_or_workbook_and_a_day_without_a_time_is_late_by_the_least() {
    for (name, file) in lists() {
        for place in places().await {
            let bench = Bench::new(place).await;
            let app = &bench.world.app;
            bench.add_school().await;
            for _ in 0..2 {
                let upload = Upload::new(&bench.overseer, name, file.clone(), LIST).unwrap();
                let checked = upload.check(now()).unwrap();
                assert_eq!((checked.accepted, checked.rejected), (8, 0), "{:?}", checked.refused);
                assert_eq!(checked.collections.iter().copied().collect::<Vec<_>>(), [Collection::Sentinels]);
                app.take_in(&bench.overseer, Arc::new(upload), &checked.collections, (), now()).await.unwrap();
            }
            app.follow_reports().await.unwrap();
            let view = app.view_site(&bench.overseer, bench.site).await.unwrap();
            assert_eq!(view.reports.len(), 4, "{name}: sent twice, there once; the school is another site");
            let counts = |back: usize| view.days[back].counts;
            assert_eq!(
                (counts(0), counts(1)),
                ([3, 0, 0, 0, 0], [0, 5, 2, 0, 0]),
                "fever, sales, antigen, absence, zero"
            );
            // It is 09:30. Fever of 08:00 had an hour. The rest is of yesterday without a time, and so of 23:59 at the latest: a
            // positive test has two hours, a sale the same day.
            let breaches = app.list_breaches(&bench.overseer, None).await.unwrap();
            let late = |duty| {
                breaches.iter().filter(move |one| one.clock.duty == duty).map(|one| one.late).collect::<Vec<_>>()
            };
            let found = [Duty::FeverReport, Duty::CaseReport, Duty::DrugSale].map(late);
            assert_eq!(found, [[30], [7 * 60 + 31], [9 * 60 + 30]], "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_of_a_list_that_names_no_site_of_the_register_is_handed_back_with_its_code() {
    for place in places().await {
        let bench = Bench::new(place).await;
        let app = &bench.world.app;
        bench.add_school().await;
        let [(name, file), _] = lists();
        let upload = Upload::new(&bench.overseer, name, file, LIST).unwrap();
        let checked = upload.check(now()).unwrap();
        let report = app.take_in(&bench.overseer, Arc::new(upload), &checked.collections, (), now()).await.unwrap();
        assert_eq!((report.accepted, report.rejected), (5, 3), "{:?}", report.refused);
        let told: Vec<String> = report.refused.iter().map(ToString::to_string).collect();
        for (at, part) in [
            (0, "Row 7: institution `clinc-1`: the register of sentinel sites has no such code"),
            (1, "Row 8: institution `clinic-1` is in 410105 by the register, not in 410102"),
            (2, "Row 9: institution `school-1` may not report `drug-sale`"),
        ] {
            assert!(told[at].starts_with(part), "{told:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_without_a_responsible_person_is_red_and_history_stays() {
    for place in places().await {
        let bench = Bench::new(place).await;
        let app = &bench.world.app;
        assert!(app.list_institutions(&bench.overseer, None).await.unwrap()[0].is_red());
        let name = |name: &str, until: &str| NewResponsible {
            name: name.to_owned(),
            from_on: String::new(),
            until_on: until.to_owned(),
        };
        for form in [name("First", "2022-03-17"), name("Second", "")] {
            app.name_responsible(&bench.overseer, bench.site, &form, now()).await.unwrap();
        }
        let views = app.list_institutions(&bench.overseer, None).await.unwrap();
        assert_eq!(views[0].responsible.as_ref().unwrap().name, "Second");
        assert_eq!(app.view_site(&bench.overseer, bench.site).await.unwrap().people.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_a_sale_open_with_a_reason_and_go_after_their_term() {
    for place in places().await {
        let bench = Bench::new(place).await;
        let app = &bench.world.app;
        let sale = Entry {
            kind: "drug-sale".to_owned(),
            drugs: vec!["cough".to_owned()],
            buyer_name: "Buyer".to_owned(),
            buyer_phone: "13800000078".to_owned(),
            temperature: String::new(),
            ..bench.fever("phone/0003", "")
        };
        let reported = app.report_sentinel(&bench.reporter, &sale, true).await.unwrap();
        assert!(reported.named);
        let county = DivisionCode::parse("410105").unwrap();
        // A case of the county is in the world: that allows to follow up.
        assert_eq!(app.list_sales(&bench.overseer, county).await.unwrap().len(), 1);
        assert!(app.open_sale(&bench.overseer, reported.fact, "x", now()).await.is_err(), "without a reason");
        let names = app.open_sale(&bench.overseer, reported.fact, "fever in the family", now()).await.unwrap();
        assert_eq!((names.buyer.as_str(), names.patient.as_deref()), ("Buyer", Some("Patient")));
        assert_eq!(app.forget_sales().await.unwrap(), 0, "the term is not over");
        let day = now().day();
        assert_eq!(app.store().sale_days_past_term(day.plus_days(22)).await.unwrap(), [day]);
        app.store().erase(sizao_model::fact::RetentionClass::Sale, day, "end of term", now()).await.unwrap();
        assert!(app.store().open_sale(reported.fact).await.unwrap().is_none(), "the key is gone");
        assert_eq!(app.store().drop_sales(day).await.unwrap(), 1);
        assert_eq!(app.view_site(&bench.overseer, bench.site).await.unwrap().reports.len(), 1, "the sum stays");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_is_answered_then_closed_and_counts_or_goes_to_the_next_level() {
    for place in places().await {
        let bench = Bench::new(place).await;
        let app = &bench.world.app;
        let day = |text| CivilDay::parse(text).unwrap();
        let signal = |opened: sizao_model::Instant| SignalRecord {
            id: fresh(),
            division: DivisionCode::parse("410105").unwrap(),
            institution: Some(bench.site),
            first_on: day("2022-03-15"),
            last_on: day("2022-03-16"),
            peak_on: day("2022-03-16"),
            score: 7_500,
            probability: 310_000,
            excess: 21_000,
            benefit: 12_000,
            detector: "EARS C1".to_owned(),
            reasons: format!(
                "[{{\"source\":\"{}\",\"site\":null,\"name\":null,\"detector\":\"EARS C1\",\"evidence\":7.5,\"excess\":21.0}}]",
                SOURCES[0]
            ),
            opened_at: opened,
            due_at: opened.plus_hours(4),
            answered_at: None,
            escalated_at: None,
            closed_at: None,
            outcome: None,
        };
        let (fresh_one, old) = (signal(now()), signal(now().plus_minutes(-241)));
        for one in [&fresh_one, &old] {
            let told = String::new();
            let step = SignalStep {
                signal: one.id,
                at: one.opened_at,
                account: None,
                step: "opened".into(),
                word: String::new(),
                told,
            };
            app.store().save_signal(one, Some(&step)).await.unwrap();
        }
        assert_eq!(app.escalate_signals().await.unwrap(), 1);
        assert_eq!(app.escalate_signals().await.unwrap(), 0, "once");
        let lines = app.list_signals(&bench.overseer, None).await.unwrap();
        let late = lines.iter().find(|line| line.signal.id == old.id).unwrap();
        assert_eq!(late.standing, Standing::Overdue { late: 1 });
        let early = app.close_signal(&bench.overseer, fresh_one.id, "outbreak", "three cases", now()).await;
        assert!(early.is_err(), "it has to be answered first");
        app.answer_signal(&bench.overseer, fresh_one.id, "called", "the clinic was called", now()).await.unwrap();
        assert!(app.answer_signal(&bench.overseer, fresh_one.id, "called", "again", now()).await.is_err());
        app.close_signal(&bench.overseer, fresh_one.id, "outbreak", "three cases", now()).await.unwrap();
        let (counties, detectors) = app.signal_precision(&bench.overseer).await.unwrap();
        assert_eq!((counties[0].closed, detectors[0].outbreaks, detectors[0].of.as_str()), (1, 1, "EARS C1"));
        let view = app.view_signal(&bench.overseer, fresh_one.id).await.unwrap();
        let steps: Vec<&str> = view.steps.iter().map(|(step, _)| step.step.as_str()).collect();
        assert_eq!(steps, ["opened", "answered", "closed"]);
        assert!(app.view_signal(&bench.reporter, fresh_one.id).await.is_err(), "a reporter sees no signals");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_objection_is_decided_by_somebody_else_and_nothing_is_taken_without_a_mandate() {
    for place in places().await {
        let bench = Bench::new(place).await;
        let app = &bench.world.app;
        let form = NewReview { kind: String::new(), month: String::new(), told: "the network was down".to_owned() };
        let id = app.object_to_score(&bench.reporter, bench.site, &form, now()).await.unwrap();
        assert!(app.object_to_score(&bench.reporter, bench.site, &form, now()).await.is_err(), "one waits already");
        app.decide_review(&bench.overseer, id, "upheld", "confirmed by telephone", now()).await.unwrap();
        assert!(app.decide_review(&bench.overseer, id, "refused", "changed my mind", now()).await.is_err());
        let (scores, _) = app.own_scores(&bench.reporter, bench.site).await.unwrap();
        assert!(scores[0].is_set_aside);
        let penalty = NewReview { kind: "penalty".to_owned(), ..form };
        let own = app.propose_review(&bench.overseer, bench.site, &penalty, now()).await.unwrap();
        let decided = app.decide_review(&bench.overseer, own, "upheld", "my own proposal", now()).await;
        assert!(matches!(decided, Err(AppError::Refused(Refusal::SameUnit))), "{decided:?}");
        for mandate in app.list_mandates(&bench.overseer).await.unwrap() {
            let headquarters = bench.world.actor_in(&bench.world.units[0].clone(), Role::Headquarters).await;
            app.end_mandate(&headquarters, mandate.id, now()).await.unwrap();
        }
        let size = app.store().size().await.unwrap();
        let refused = app.report_sentinel(&bench.reporter, &bench.fever("phone/0009", ""), true).await;
        assert!(matches!(refused, Err(AppError::Refused(Refusal::NoMandate { .. }))), "{refused:?}");
        assert_eq!(app.store().size().await.unwrap(), size, "nothing was stored");
        assert!(app.view_site(&bench.overseer, bench.site).await.unwrap().reports.is_empty());
    }
}
