//! What polygons must be before they are used.

use rustc_hash::FxHashMap;

use crate::point::{Point, Wgs84};

use super::{
    area::{Area, GeometryError, Level},
    build::squares_with_lines,
    grid::Frame,
    locator::Line,
    predicate::orientation,
};

/// A ring without the repetition of its first vertex.
pub fn open_ring(ring: &[(f64, f64)]) -> &[(f64, f64)] {
    match ring {
        [first, .., last] if first == last => &ring[..ring.len() - 1],
        _ => ring,
    }
}

/// Vertices are positions, rings have three of them.
pub fn vertices(areas: &[Area]) -> Result<(), GeometryError> {
    if areas.is_empty() {
        return Err(GeometryError::Empty);
    }
    for area in areas {
        for (ring, vertices) in area.rings.iter().enumerate() {
            for (vertex, (lon, lat)) in vertices.iter().enumerate() {
                if let Err(fault) = Point::<Wgs84>::new(*lon, *lat) {
                    let (ring, vertex, fault) = (ring + 1, vertex + 1, fault.name());
                    return Err(GeometryError::BadVertex { code: area.code.clone(), ring, vertex, fault });
                }
            }
            let mut different: Vec<_> = vertices.iter().map(|(lon, lat)| (lon.to_bits(), lat.to_bits())).collect();
            different.sort_unstable();
            different.dedup();
            if different.len() < 3 {
                return Err(GeometryError::RingTooShort {
                    code: area.code.clone(),
                    ring: ring + 1,
                    vertices: different.len(),
                });
            }
        }
    }
    Ok(())
}

/// Within a level no two lines may cross or lie partly on one another; equal lines (a shared border) and shared ends are right.
///
/// A line may run at most once each way, otherwise two units claim one side.
pub fn crossings(areas: &[Area], frame: &Frame) -> Result<(), GeometryError> {
    for level in Level::ALL {
        let (lines, owners) = lines_of(areas, level);
        let entries = squares_with_lines(&lines, frame);
        for group in entries.chunk_by(|a, b| (a.row, a.column) == (b.row, b.column)) {
            for (at, one) in group.iter().enumerate() {
                for other in &group[at + 1..] {
                    let (a, b) = (&lines[one.line], &lines[other.line]);
                    if cross(a, b) {
                        return Err(crossing(areas, owners[one.line], owners[other.line], a, b));
                    }
                }
            }
        }
    }
    Ok(())
}

/// Different lines of a level, each with one area that has it.
fn lines_of(areas: &[Area], level: Level) -> (Vec<Line>, Vec<usize>) {
    let mut seen = FxHashMap::default();
    let (mut lines, mut owners) = (Vec::new(), Vec::new());
    for (owner, area) in areas.iter().enumerate().filter(|(_, area)| area.level == level) {
        for ring in area.rings.iter().map(|ring| open_ring(ring)) {
            for (from, to) in ring.iter().zip(ring.iter().cycle().skip(1)).filter(|(from, to)| from != to) {
                let (low, high) = if (from.1, from.0) < (to.1, to.0) { (*from, *to) } else { (*to, *from) };
                if seen.insert([low.0, low.1, high.0, high.1].map(f64::to_bits), ()).is_none() {
                    lines.push(Line { low, high, eastward: 0 });
                    owners.push(owner);
                }
            }
        }
    }
    (lines, owners)
}

/// Whether two different lines have more in common than ends.
fn cross(a: &Line, b: &Line) -> bool {
    let disjoint = |a: (f64, f64), b: (f64, f64)| a.0.max(a.1) < b.0.min(b.1) || b.0.max(b.1) < a.0.min(a.1);
    if disjoint((a.low.0, a.high.0), (b.low.0, b.high.0)) || disjoint((a.low.1, a.high.1), (b.low.1, b.high.1)) {
        return false;
    }
    let side = |line: &Line, point: (f64, f64)| orientation(line.low, line.high, point);
    let (a_low, a_high, b_low, b_high) = (side(b, a.low), side(b, a.high), side(a, b.low), side(a, b.high));
    if [a_low, a_high, b_low, b_high] == [0; 4] {
        // On one straight line: they may touch at one end and no more.
        let key = |point: (f64, f64)| (point.1, point.0);
        return key(a.low) < key(b.high) && key(b.low) < key(a.high);
    }
    // A vertex upon a line of its own level is right: units meet there without sharing a vertex.
    a_low * a_high < 0 && b_low * b_high < 0
}

fn crossing(areas: &[Area], one: usize, other: usize, a: &Line, b: &Line) -> GeometryError {
    let lon = (a.low.0 + a.high.0 + b.low.0 + b.high.0) / 4.0;
    let lat = (a.low.1 + a.high.1 + b.low.1 + b.high.1) / 4.0;
    let (first, second) = (areas[one].code.clone(), areas[other].code.clone());
    if one == other {
        GeometryError::SelfIntersection { code: first, lon, lat }
    } else {
        GeometryError::Overlap { first, second, lon, lat }
    }
}

/// At no place that was met do two units of one level claim the ground: the counts in the top bits are 0 or 1.
pub fn no_overlap(areas: &[Area], places: &[u64]) -> Result<(), GeometryError> {
    for level in Level::ALL {
        let count = |place: u64| (place >> (48 + 4 * level as u32)) & 15;
        let Some(place) = places.iter().find(|place| count(**place) > 1) else { continue };
        // The numbers of the two have been added up; either may be named.
        let sum = ((place >> (16 * level as u32)) & 0xffff) as usize;
        let of_level: Vec<_> = areas.iter().filter(|area| area.level == level).collect();
        let first = of_level[(sum / 2).saturating_sub(1).min(of_level.len() - 1)];
        let (lon, lat) = first.rings[0][0];
        return Err(GeometryError::Overlap { first: first.code.clone(), second: "another unit".to_owned(), lon, lat });
    }
    Ok(())
}
