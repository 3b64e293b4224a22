//! The fast look-up equals one that is obviously right: exact integers, every line of every polygon whose latitudes the point has.
//!
//! Coordinates are binary fractions, so a point is an integer over a power of two; products of two such integers fit in 128 bits.

use std::{collections::HashMap, env, fs, path::PathBuf};

use sizao_presence::{Area, Level, Locator, Wgs84};

/// Binary places behind the point: degrees of 16 or more have 48 at most in a double.
const BINARY_PLACES: i32 = 48;

fn exactly(value: f64) -> i128 {
    let scaled = value * 2.0_f64.powi(BINARY_PLACES);
    assert!(scaled.fract() == 0.0 && scaled.abs() < 2.0_f64.powi(60), "{value} has more binary places");
    scaled as i128
}

type Ring = Vec<(i128, i128)>;
type Line = ((i128, i128), (i128, i128));

/// Lines are kept in bands of latitude as wide as this many binary places, so that a point meets those of its band alone.
const BAND: i32 = BINARY_PLACES - 7;

/// The obvious way: count the lines west of the point. A point on a line lies a hair east, and a smaller one north, of it.
fn is_inside(unit: &Unit, (x, y): (i128, i128)) -> bool {
    let mut inside = false;
    for ((x1, y1), (x2, y2)) in unit.bands.get(&(y >> BAND)).into_iter().flatten() {
        if *y1 <= y && y < *y2 {
            // x of the line at y is x1 + (x2 - x1)(y - y1)/(y2 - y1); is it at most x?
            inside ^= (x2 - x1) * (y - y1) <= (x - x1) * (y2 - y1);
        }
    }
    inside
}

struct Unit {
    /// Every line, southern end first, in each band that it touches.
    bands: HashMap<i128, Vec<Line>>,
    west: i128,
    east: i128,
}

fn exact_units(areas: &[Area], level: Level) -> Vec<Unit> {
    let of_level = areas.iter().filter(|area| area.level == level);
    of_level
        .map(|area| {
            let ring = |ring: &Vec<(f64, f64)>| ring.iter().map(|(x, y)| (exactly(*x), exactly(*y))).collect::<Ring>();
            let rings: Vec<Ring> = area.rings.iter().map(ring).collect();
            let xs = || rings.iter().flatten().map(|(x, _)| *x);
            let mut bands: HashMap<i128, Vec<Line>> = HashMap::new();
            for (from, to) in rings.iter().flat_map(|ring| ring.iter().zip(&ring[1..])) {
                let (low, high) = if from.1 <= to.1 { (*from, *to) } else { (*to, *from) };
                for band in (low.1 >> BAND)..=(high.1 >> BAND) {
                    bands.entry(band).or_default().push((low, high));
                }
            }
            Unit { west: xs().min().unwrap(), east: xs().max().unwrap(), bands }
        })
        .collect()
}

fn reference() -> Option<PathBuf> {
    let folder = env::var_os("SIZAO_REFERENCE").map(PathBuf::from);
    if folder.is_none() {
        assert!(env::var_os("CI").is_none(), "SIZAO_REFERENCE must be set in CI");
        println!("not run: reference data absent");
    }
    folder
}

fn areas(folder: &std::path::Path) -> Vec<Area> {
    let files = [(Level::County, "henan_counties"), (Level::City, "henan_cities"), (Level::Province, "henan_province")];
    let mut areas = Vec::new();
    for (level, name) in files {
        let text = fs::read_to_string(folder.join("geo").join(format!("{name}.geojson"))).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        for feature in json["features"].as_array().unwrap() {
            let coordinates = feature["geometry"]["coordinates"].as_array().unwrap();
            let polygons: Vec<&Vec<serde_json::Value>> = if feature["geometry"]["type"] == "Polygon" {
                vec![coordinates]
            } else {
                coordinates.iter().map(|polygon| polygon.as_array().unwrap()).collect()
            };
            let vertex = |vertex: &serde_json::Value| (vertex[0].as_f64().unwrap(), vertex[1].as_f64().unwrap());
            let ring = |ring: &serde_json::Value| ring.as_array().unwrap().iter().map(vertex).collect();
            let rings = polygons.into_iter().flatten().map(ring).collect();
            areas.push(Area { level, code: feature["properties"]["code"].to_string(), rings });
        }
    }
    areas
}

/// A generator of its own, so that every run asks the same.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Within ±1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / 2.0_f64.powi(52) - 1.0
    }
}

fn rounded(value: f64) -> f64 {
    (value * 2.0_f64.powi(BINARY_PLACES)).round() / 2.0_f64.powi(BINARY_PLACES)
}

/// Points along the lines of all counties: from 2 km beside them down to a nanometre, and on vertices and middles of lines.
fn points_near_borders(areas: &[Area], count: usize) -> Vec<(f64, f64)> {
    let rings: Vec<_> = areas.iter().filter(|area| area.level == Level::County).flat_map(|area| &area.rings).collect();
    let lines: Vec<_> = rings.iter().flat_map(|ring| ring.iter().zip(&ring[1..])).collect();
    let mut draws = Draws(20_220_317);
    (0..count)
        .map(|_| {
            let (from, to) = lines[(draws.next() % lines.len() as u64) as usize];
            let share = match draws.next() % 8 {
                0 => 0.0,
                1 => 0.5,
                _ => f64::midpoint(draws.unit(), 1.0),
            };
            let reach =
                if draws.next().is_multiple_of(8) { 0.0 } else { 0.02 * 10.0_f64.powi(-((draws.next() % 13) as i32)) };
            let (x, y) = (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1));
            let x = rounded(x + reach * draws.unit());
            // Now and then exactly the latitude of a vertex.
            let y = if draws.next().is_multiple_of(6) { from.1 } else { rounded(y + reach * draws.unit()) };
            (x, y)
        })
        .collect()
}

#[test]
fn points_near_borders_lie_where_exact_arithmetic_says_at_all_three_levels() {
    let Some(folder) = reference() else { return };
    let count = env::var("SIZAO_POINTS").map_or(200_000, |count| count.parse().expect("SIZAO_POINTS is a number"));
    let areas = areas(&folder);
    let locator = Locator::<Wgs84>::new(&areas).unwrap();
    let units = Level::ALL.map(|level| exact_units(&areas, level));
    let mut found = [0_usize; 3];
    for (lon, lat) in points_near_borders(&areas, count) {
        let (x, y) = (exactly(lon), exactly(lat));
        let place = locator.locate_degrees(lon, lat);
        for level in Level::ALL {
            let holds = |unit: &Unit| (unit.west..=unit.east).contains(&x) && is_inside(unit, (x, y));
            let mut expected =
                units[level as usize].iter().enumerate().filter(|(_, unit)| holds(unit)).map(|(number, _)| number);
            let first = expected.next();
            assert_eq!(expected.next(), None, "{lon:?} {lat:?}: two units of level {}", level.name());
            let answer = place.unit(level).map(|unit| usize::from(unit.0));
            assert_eq!(answer, first, "{lon:?} {lat:?} level {}", level.name());
            found[level as usize] += usize::from(first.is_some());
        }
    }
    println!("figure: {count} points near borders: county, city and province equal; {} inside the province", found[2]);
    // The points are on both sides of the province's border, or the comparison would say little.
    assert!(found[2] > count / 2 && found[2] < count, "{found:?}");
}
