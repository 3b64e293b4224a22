//! What is wrong for the fence: polygons are refused by name, rows are counted and left out, and the stream goes on.

use rustc_hash::FxHashMap;
use sizao_presence::{
    Area, Detector, Faults, FenceRules, GeometryError, Level, Locator, Outcome, Place, PlainTable, TowerTable, Wgs84,
};

fn county(code: &str, ring: &[(f64, f64)]) -> Area {
    let mut ring = ring.to_vec();
    ring.push(ring[0]);
    Area { level: Level::County, code: code.to_owned(), rings: vec![ring] }
}

const SQUARE: [(f64, f64); 4] = [(113.0, 34.0), (114.0, 34.0), (114.0, 35.0), (113.0, 35.0)];

fn refusal(areas: &[Area]) -> GeometryError {
    Locator::<Wgs84>::new(areas).map(|_| ()).expect_err("refused")
}

#[test]
fn a_polygon_that_crosses_itself_is_refused_with_its_name_and_the_place() {
    let bow_tie = county("410001", &[(113.0, 34.0), (114.0, 35.0), (114.0, 34.0), (113.0, 35.0)]);
    let GeometryError::SelfIntersection { code, lon, lat } = refusal(&[bow_tie]) else { panic!("another reason") };
    assert_eq!(code, "410001");
    assert!((lon - 113.5).abs() <= 0.5 && (lat - 34.5).abs() <= 0.5, "{lon} {lat}");
}

#[test]
fn vertices_that_are_no_positions_and_units_that_overlap_are_refused() {
    for (vertex, named) in
        [((f64::NAN, 34.0), "not_a_number"), ((34.0, 113.0), "swapped"), ((500.0, 34.0), "out_of_range")]
    {
        let mut ring = SQUARE;
        ring[1] = vertex;
        let refusal = refusal(&[county("410001", &ring)]);
        assert!(matches!(&refusal, GeometryError::BadVertex { fault, .. } if *fault == named), "{refusal}");
    }
    let shifted = SQUARE.map(|(lon, lat)| (lon + 0.5, lat + 0.5));
    let overlap = refusal(&[county("410001", &SQUARE), county("410002", &shifted)]);
    assert!(matches!(overlap, GeometryError::Overlap { .. } | GeometryError::SelfIntersection { .. }), "{overlap}");
    assert_eq!(refusal(&[]), GeometryError::Empty);
}

#[test]
fn a_position_at_sea_lies_in_no_unit() {
    let locator = Locator::<Wgs84>::new(&[county("410001", &SQUARE)]).unwrap();
    assert_ne!(locator.locate_degrees(113.5, 34.5), Place::NOWHERE);
    assert_eq!(locator.locate_degrees(124.0, 30.0), Place::NOWHERE);
}

const TOWERS: &str = "tower_id,site,lon,lat,class\n1,0,112.9,34.0,macro\n2,0,113.1,34.0,macro\n";

/// Reads records and asks: questions as person and time, faults, rows read.
fn run(records: &str) -> (Vec<(u64, i64)>, Faults) {
    let towers = TowerTable::read(TOWERS.as_bytes(), ((112.0, 33.0), (114.0, 35.0))).unwrap();
    let mut detector =
        Detector::new(&towers.towers, |lon, _| lon >= 113.0, FxHashMap::default(), FenceRules::default());
    let columns = ["recv_ms", "person_id", "tower_id", "event_ms"];
    let mut table = PlainTable::open("observations", records.as_bytes(), columns).unwrap();
    let (mut questions, mut faults) = (Vec::new(), Faults::default());
    while let Some(row) = table.next_row() {
        match row.and_then(|cells| towers.observation(cells)) {
            Ok(record) => {
                if let Outcome::Asked(question) = detector.take(&record) {
                    questions.push((question.person, question.declared_ms));
                }
            }
            Err(fault) => faults.count(fault, table.row),
        }
    }
    (questions, faults)
}

#[test]
fn between_bad_rows_and_before_a_cut_the_stream_asks_what_it_asks_without_them() {
    let head = "recv_ms,person_id,tower_id,event_ms\n";
    let good: Vec<String> = (0..40_i64)
        .map(|step| {
            let at = 1_647_500_000_000 + step * 600_000;
            format!("{at},7,{},{at}\n", if step < 20 { 1 } else { 2 })
        })
        .collect();
    let at = 1_647_500_000_001_i64;
    let bad = [
        format!("{at},7,99,{at}\n"),
        format!("{at},{},1,{at}\n", "x".repeat(10_000)),
        format!("-31536000000,7,2,{at}\n"),
        format!("4102444800000,7,2,{at}\n"),
        format!("{at},7,2,-31536000000\n"),
        format!("{at},7,2,4102444800000\n"),
        format!("{at},7,2,NaN\n"),
        format!("{at},7\n"),
        format!("{at},7,2,{at},1\n"),
    ];
    let mut mixed = head.to_owned();
    for (number, row) in good.iter().enumerate() {
        mixed.push_str(&bad[number % bad.len()]);
        mixed.push_str(row);
    }
    mixed.push_str("16475000");
    let (clean, no_faults) = run(&format!("{head}{}", good.concat()));
    let (questions, faults) = run(&mixed);
    assert_eq!(clean.len(), 1, "somebody goes from one side to the other");
    assert_eq!((questions, no_faults.total()), (clean, 0));
    assert_eq!(faults.total(), 41);
    let names: Vec<_> = faults.sorted().into_iter().map(|(fault, ..)| fault.name()).collect();
    let expected = [
        "truncated_row",
        "too_many_cells",
        "not_a_number",
        "bad_id",
        "unknown_tower",
        "received_before_1970",
        "received_after_2100",
        "event_too_old",
        "event_ahead",
    ];
    assert_eq!(names, expected);
}
