//! Speed of the detector on one core, reading and detecting timed apart.
//!
//! `bench_fence FOLDER BORDER OUT`: reads towers, prior and observations of a folder laid out as `reference/fence` and the border
//! as GeoJSON; writes the detections as `sizao fence detect` does; prints records per second of CPU time, the best of five.

use std::{env, fmt::Write, fs, path::Path};

use sizao_presence::{
    Area, Detector, FenceRules, Gcj02, Level, Locator, Observation, Outcome, PlainTable, TowerTable, read_priors,
};

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let read = |name: &str| fs::read(Path::new(&arguments[1]).join(name)).expect("a file of the folder");
    let areas = read_border(&arguments[2]);
    let border = Locator::<Gcj02>::new(&areas).expect("a border");
    let towers = TowerTable::read(&read("towers.csv"), ((0.0, 0.0), (180.0, 90.0))).expect("towers");
    let (prior, _) = read_priors(&read("prior.csv")).expect("priors");
    let is_inside = |lon, lat| border.locate_degrees(lon, lat).unit(Level::Province).is_some();
    let fresh = Detector::new(&towers.towers, is_inside, prior, FenceRules::default());
    let bytes = read("observations.csv");
    let (mut reading, mut detecting) = (f64::INFINITY, f64::INFINITY);
    let (mut records, mut text) = (Vec::new(), String::new());
    for _ in 0..5 {
        let started = cpu_seconds();
        records = read_records(&bytes, &towers);
        reading = reading.min(cpu_seconds() - started);
        let mut detector = fresh.clone();
        let started = cpu_seconds();
        text = detect(&mut detector, &records);
        detecting = detecting.min(cpu_seconds() - started);
    }
    fs::write(&arguments[3], text).expect("detections");
    let millions = records.len() as f64 / 1e6;
    println!(
        "{millions:.2} M records: read {:.2} M/s, detected {:.2} M/s, both {:.2} M/s of CPU; {} bytes a person",
        millions / reading,
        millions / detecting,
        millions / (reading + detecting),
        Detector::person_bytes()
    );
}

fn read_records(bytes: &[u8], towers: &TowerTable) -> Vec<Observation> {
    let columns = ["recv_ms", "person_id", "tower_id", "event_ms"];
    let mut table = PlainTable::open("observations", bytes, columns).expect("a header");
    let mut records = Vec::with_capacity(bytes.len() / 24);
    while let Some(row) = table.next_row() {
        records.extend(row.and_then(|cells| towers.observation(cells)));
    }
    records
}

fn detect(detector: &mut Detector, records: &[Observation]) -> String {
    let mut text = "person_id,declared_ms\n".to_owned();
    for record in records {
        if let Outcome::Asked(question) = detector.take(record) {
            writeln!(text, "{},{}", question.person, question.declared_ms).expect("text takes all");
        }
    }
    text
}

/// Seconds that this process has been on a core: the machine may be shared.
fn cpu_seconds() -> f64 {
    let text = fs::read_to_string("/proc/self/schedstat").expect("Linux");
    text.split(' ').next().and_then(|word| word.parse::<f64>().ok()).expect("nanoseconds") / 1e9
}

/// A `MultiPolygon` without holes or anything around it.
fn read_border(path: &str) -> Vec<Area> {
    let json: serde_json::Value = serde_json::from_slice(&fs::read(path).expect("border")).expect("JSON");
    let vertex = |pair: &serde_json::Value| (pair[0].as_f64().expect("number"), pair[1].as_f64().expect("number"));
    let ring = |ring: &serde_json::Value| ring.as_array().expect("ring").iter().map(vertex).collect();
    let polygons = json["coordinates"].as_array().expect("a MultiPolygon");
    let rings = polygons.iter().flat_map(|polygon| polygon.as_array().expect("rings")).map(ring).collect();
    vec![Area { level: Level::Province, code: "border".to_owned(), rings }]
}
