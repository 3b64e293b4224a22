//! Speed of the look-up: reads lines `code level x1 y1 x2 y2 ...` (one ring each) and points as pairs of little-endian doubles.
//!
//! `bench_geometry RINGS POINTS`: prints points per second on one core and a checksum of the answers.

use std::{collections::BTreeMap, env, fs};

use sizao_presence::{Area, Level, Locator, Wgs84};

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let areas = read_areas(&fs::read_to_string(&arguments[1]).expect("rings"));
    let started = cpu_seconds();
    let locator = Locator::<Wgs84>::new(&areas).expect("polygons");
    println!("built in {:.3} s, {} bytes", (cpu_seconds() - started), locator.bytes());
    for file in &arguments[2..] {
        let bytes = fs::read(file).expect("points");
        let number = |bytes: &[u8]| f64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        let points: Vec<_> = bytes.chunks_exact(16).map(|pair| (number(&pair[..8]), number(&pair[8..]))).collect();
        let mut seconds = f64::INFINITY;
        let mut inside = [0_u64; 3];
        for _ in 0..5 {
            let started = cpu_seconds();
            inside = [0; 3];
            for (lon, lat) in &points {
                let place = locator.locate_degrees(*lon, *lat);
                for level in Level::ALL {
                    inside[level as usize] += place.unit(level).map_or(0, |unit| u64::from(unit.0) + 1);
                }
            }
            seconds = seconds.min(cpu_seconds() - started);
        }
        println!("{file}: {:.1} M points/s, sums {inside:?}", points.len() as f64 / seconds / 1e6);
    }
}

/// Seconds that this process has been on a core: the machine may be shared.
fn cpu_seconds() -> f64 {
    let text = fs::read_to_string("/proc/self/schedstat").expect("Linux");
    text.split(' ').next().and_then(|word| word.parse::<f64>().ok()).expect("nanoseconds") / 1e9
}

fn read_areas(text: &str) -> Vec<Area> {
    type Ring = Vec<(f64, f64)>;
    let mut areas: BTreeMap<(Level, String), Vec<Ring>> = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        let code = words.next().expect("code").to_owned();
        let level = match words.next() {
            Some("county") => Level::County,
            Some("city") => Level::City,
            _ => Level::Province,
        };
        let numbers: Vec<f64> = words.map(|word| word.parse().expect("number")).collect();
        areas.entry((level, code)).or_default().push(numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect());
    }
    areas.into_iter().map(|((level, code), rings)| Area { level, code, rings }).collect()
}
