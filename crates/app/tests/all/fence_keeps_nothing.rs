//! After a day of positions: no coordinate, no tower, no time of a record in the database, of either engine. Without a mandate
//! nothing is read. What is kept between restarts is sealed, and goes with its term or with the mandate.

use sizao_app::{
    fence::{FenceSetup, SKETCH_DAYS},
    identity::{Actor, Role},
};
use sizao_model::{DivisionCode, FactKind};
use sizao_presence::{Detector, FenceRules, TowerTable};
use sizao_store::{MandateRecord, Place};
use uuid::Uuid;

use crate::node;
use crate::node::Node;
use crate::support::{TestPlace, places};

/// Towers of a line from west to east across a border at 113.9; words and numbers that nothing else has.
const TOWERS: usize = 24;

fn tower_id(number: usize) -> String {
    format!("TOWER-QX{:04}", 7_000 + number)
}

fn lon(number: usize) -> f64 {
    113.512_357 + 0.031_579 * number as f64
}

fn setup() -> FenceSetup {
    let mut list = String::from("tower_id,lon,lat,class\n");
    for number in 0..TOWERS {
        list.push_str(&format!("{},{:.6},34.567891,macro\n", tower_id(number), lon(number)));
    }
    let towers = TowerTable::read(list.as_bytes(), ((113.0, 34.0), (115.0, 35.0))).unwrap();
    let detector = Detector::new(&towers.towers, |lon, _| lon > 113.9, Default::default(), FenceRules::default());
    FenceSetup { towers, detector, area: DivisionCode::parse("4101").unwrap() }
}

fn actor() -> Actor {
    Actor {
        account: Uuid::from_u128(8),
        name: "Carrier".into(),
        role: Role::Checkpoint,
        unit: Uuid::from_u128(7),
        unit_name: "Carrier".into(),
        division: DivisionCode::parse("4101").unwrap(),
        demo: false,
        session: Uuid::from_u128(9),
        scopes: None,
        request: "r".into(),
    }
}

const DAY: &str = "2022-03-25T00:00:00+08:00";

/// Ten people of whom five come in from the west during the day and stay.
fn day() -> String {
    let start = node::moment(DAY).as_micros() / 1000;
    let mut records = Vec::new();
    for person in 0..10_usize {
        for step in 0..140_usize {
            let at = start + (step as i64 * 10 + person as i64) * 60_000 + 137;
            let inward = person % 2 == 0 && step > 60;
            let tower = if inward { (step - 60).min(18) + 3 + step % 2 } else { 1 + (step + person) % 3 };
            records.push((at + 900, format!("subscriber-{person:02}"), tower, at));
        }
    }
    records.sort();
    let line = |(recv, person, tower, event): &(i64, String, usize, i64)| {
        format!(
            "{{\"recv_ms\":{recv},\"person_id\":\"{person}\",\"tower_id\":\"{}\",\"event_ms\":{event}}}\n",
            tower_id(*tower)
        )
    };
    records.iter().map(line).collect()
}

async fn mandate(node: &Node) -> Uuid {
    let now = node.now();
    let mandate = MandateRecord {
        id: Uuid::from_u128(77),
        collection: "fence".into(),
        area: DivisionCode::parse("41").unwrap(),
        legal_basis: "law".into(),
        authority: "headquarters".into(),
        purpose: "fence".into(),
        impact_assessment: "done".into(),
        starts_at: now,
        ends_at: now.plus_hours(24 * 60),
        proposed_by: Uuid::from_u128(8),
        proposed_at: now,
        signed: None,
        ended: None,
    };
    node.give(&mandate).await;
    mandate.id
}

/// Everything that the database holds, as bytes: the files, or every row of every table as text.
async fn everything(place: &TestPlace) -> Vec<u8> {
    match &place.place {
        Place::Sqlite(path) => {
            let mut bytes = Vec::new();
            for entry in std::fs::read_dir(path.parent().unwrap()).unwrap() {
                bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
            }
            bytes
        }
        Place::Postgres(url) => {
            let pool = sqlx::PgPool::connect(url).await.unwrap();
            let tables: Vec<String> = sqlx::query_scalar(
                "SELECT CAST(table_name AS TEXT) FROM information_schema.tables WHERE table_schema = 'public'",
            )
            .fetch_all(&pool)
            .await
            .unwrap();
            let mut bytes = Vec::new();
            for table in tables {
                let text = format!("SELECT CAST(t AS TEXT) FROM \"{table}\" t");
                let rows: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(text)).fetch_all(&pool).await.unwrap();
                bytes.extend(rows.join("\n").into_bytes());
            }
            pool.close().await;
            bytes
        }
    }
}

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_positions_leaves_no_coordinate_and_no_tower_behind() {
    for place in places().await {
        let node = Node::new(&place, &["cn-covid-v8", "ha-arrival-0322"], DAY).await;
        node.app.begin_fence(setup()).await.unwrap();
        let records = day();
        // Without a mandate: refused, and nothing is read.
        let told = node.app.take_positions(&actor(), records.as_bytes(), node.now()).await.unwrap_err().to_string();
        assert!(told.contains("no mandate for 'fence'"), "{told}");
        assert_eq!(node.app.fence_figures().await.unwrap().people, 0);
        let mandate = mandate(&node).await;
        let answer = node.app.take_positions(&actor(), records.as_bytes(), node.now()).await.unwrap();
        assert_eq!(answer.taken + answer.old, 1_400);
        assert!(answer.questions >= 3, "{answer:?}");
        let again = node.app.take_positions(&actor(), records.as_bytes(), node.now()).await.unwrap();
        assert_eq!((again.taken, again.questions), (0, 0), "sent again, a day has no effect");
        let wrong = b"{\"recv_ms\":1,\"person_id\":\"x\",\"tower_id\":\"nowhere\",\"event_ms\":1}\nnot json\n".to_vec();
        let refused = node.app.take_positions(&actor(), &wrong, node.now()).await.unwrap().refused;
        assert_eq!(refused.into_iter().collect::<Vec<_>>(), [("not_an_object", (1, 2)), ("unknown_tower", (1, 1))]);
        node.app.follow_arrivals().await.unwrap();
        node.app.keep_fence().await.unwrap();
        let figures = node.app.fence_figures().await.unwrap();
        assert_eq!((figures.sketches, figures.questions), (10, answer.questions));
        let bytes = everything(&place).await;
        assert!(holds(&bytes, b"arrivals"), "the search finds what is there");
        for number in 0..TOWERS {
            assert!(!holds(&bytes, tower_id(number).as_bytes()), "a tower by its name");
            for bits in [lon(number).to_bits().to_be_bytes(), lon(number).to_bits().to_le_bytes()] {
                assert!(!holds(&bytes, &bits), "a coordinate as a number");
            }
            assert!(!holds(&bytes, format!("{:.4}", lon(number)).as_bytes()), "a coordinate as text");
        }
        assert!(!holds(&bytes, b"34.5678") && !holds(&bytes, b"subscriber-"), "who, where");
        for line in records.lines().step_by(50) {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let event = line["event_ms"].as_i64().unwrap();
            assert!(!holds(&bytes, event.to_string().as_bytes()), "the time of a record");
            assert!(!holds(&bytes, &event.to_be_bytes()[2..]) && !holds(&bytes, &event.to_le_bytes()[..6]));
        }
        // Questions are arrivals to be asked about, and nobody is under anything.
        let store = node.app.store();
        let (facts, _) = store.load_leaves_that_fit(0, store.size().await.unwrap()).await.unwrap();
        let asked: Vec<_> = facts.iter().filter(|stored| stored.fact.body.kind() == FactKind::Arrival).collect();
        assert_eq!(asked.len() as u64, answer.questions);
        for stored in asked {
            let person = stored.fact.person.unwrap();
            assert!(node.app.assess(person, node.now(), node.now()).await.unwrap().assessment.measures.is_empty());
        }
        // After a restart the detector knows of ten people; when the mandate ends nothing is left.
        node.app.begin_fence(setup()).await.unwrap();
        assert_eq!(node.app.fence_figures().await.unwrap().people, 10);
        store.end_mandate(mandate, Uuid::from_u128(8), node.now()).await.unwrap();
        node.set("2022-03-25T00:01:00+08:00");
        node.app.keep_fence().await.unwrap();
        let figures = node.app.fence_figures().await.unwrap();
        assert_eq!((figures.people, figures.sketches, figures.questions), (0, 0, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sketches_end_with_their_term() {
    for place in places().await {
        let node = Node::new(&place, &["cn-covid-v8"], DAY).await;
        node.app.begin_fence(setup()).await.unwrap();
        mandate(&node).await;
        node.app.take_positions(&actor(), day().as_bytes(), node.now()).await.unwrap();
        node.app.save_fence().await.unwrap();
        assert_eq!(node.app.fence_figures().await.unwrap().sketches, 10);
        let over = node.now().plus_hours(24 * i64::from(SKETCH_DAYS));
        node.set(&over.to_rfc3339());
        node.app.begin_fence(setup()).await.unwrap();
        let figures = node.app.fence_figures().await.unwrap();
        assert_eq!((figures.people, figures.sketches), (0, 0));
    }
}
