//! One record more about one person.

use super::{
    coverage::Coverage,
    patch::{LANES, LOOSE, Patch, REACH, SIDE},
    person::{MEMORY, Person, Remembered},
    rules::FenceRules,
};

/// What a record did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Probability of being inside after the record.
    pub inside: f32,
    /// Probability that the person had moved since the record before.
    pub moved: f32,
}

/// Takes a record in; `since_s` is the time since the last one, seconds.
pub fn take(person: &mut Person, tower: usize, since_s: f32, coverage: &Coverage, rules: &FenceRules) -> Step {
    let fresh = person.flags & Person::SEEN == 0;
    let known = person.memory.iter().position(|entry| usize::from(entry.tower) == tower + 1);
    if let Some(at) = known
        && !fresh
        && person.memory[at].here > 0
        && moved_at_most(person, at, since_s, rules) < rules.still_below
    {
        return remain(person, (tower, at), coverage, rules);
    }
    let here = if fresh { Patch::ZERO } else { Patch::unpack(&person.belief) };
    let here = recentre(person, here, coverage.square(tower), fresh);
    let like = likelihood(person, coverage, tower);
    let sides = sides(person, coverage);
    let prior_inside = person.flags & Person::INSIDE != 0;
    let step;
    let mut result;
    if fresh {
        result = first(&like, &sides, prior_inside, rules);
        step = 1.0;
    } else {
        let entry = known.map_or(Remembered::default(), |at| person.memory[at]);
        let n = f32::from(person.crossings);
        let near = (rules.crossing_share * rules.crossing_weight + n) / (rules.crossing_weight + 2.0 * n);
        let far = if person.home_records == 0 { rules.nohome } else {
            let (tx, ty) = coverage.square(tower);
            let (dx, dy) = (f32::from(tx) - f32::from(person.home_x), f32::from(ty) - f32::from(person.home_y));
            let d = (dx * dx + dy * dy) * (super::coverage::CELL_KM * super::coverage::CELL_KM) as f32;
            1.0 - (-d / (rules.local_km * rules.local_km)).exp()
        };
        let crossing = near + (1.0 - near) * far;
        let (way, stay) = gap_odds(f32::from(person.moving) / 255.0, since_s, rules);
        let stay_patch = staying(&here, &like, f32::from(entry.here), f32::from(person.records), rules);
        let total_all: f32 = person.memory.iter().map(|entry| f32::from(entry.all)).sum();
        let back = rules.return_share * f32::from(entry.all) / (total_all + 10.0);
        let way_patch = moving(&here, &like, &sides, since_s, (&entry, crossing, back), rules);
        let (stay_mass, way_mass) = (stay * stay_patch.sum(), way * way_patch.sum());
        let total = (stay_mass + way_mass).max(1e-30);
        let moved = way_mass / total;
        result = Patch::ZERO;
        let (a, b) = (stay / total, way / total);
        for ((row, s), w) in result.0.iter_mut().zip(&stay_patch.0).zip(&way_patch.0) {
            for x in 0..LANES {
                row[x] = a * s[x] + b * w[x];
            }
        }
        step = moved;
    }
    let inside = share_inside(&result, &sides);
    result.pack(&mut person.belief);
    person.inside = byte(inside);
    remember(person, tower, known, step, inside);
    if matches!(person.records, 4 | 8 | 16 | 32) {
        let (mut mx, mut my, mut sum) = (0.0, 0.0, 1e-20);
        for y in 0..SIDE { for x in 0..SIDE { let v = result.0[y][x]; mx += v * x as f32; my += v * y as f32; sum += v; } }
        person.home_x = person.x + (mx / sum) as u16;
        person.home_y = person.y + (my / sum) as u16;
        person.home_records = person.records;
    }
    let still = (-since_s / (rules.way_min * 60.0)).exp().max(0.5);
    person.moving = (step * still * 255.0 + 0.5) as u8;
    person.flags |= Person::SEEN;
    Step { inside, moved: step }
}

/// At most this probable it is that somebody moved who is seen by a tower of the present stay again.
fn moved_at_most(person: &Person, at: usize, since_s: f32, rules: &FenceRules) -> f32 {
    let (way, stay) = gap_odds(f32::from(person.moving) / 255.0, since_s, rules);
    let again = f32::from(person.memory[at].here) / (f32::from(person.records) + rules.place_weight);
    // No square gives a tower more than about a third once ways have spread.
    let elsewhere = 0.35;
    way * elsewhere / (stay * again).max(1e-20)
}

/// Nobody moved, and nothing new is seen: only every doubling of the number of records says something more about the place.
fn remain(person: &mut Person, (tower, at): (usize, usize), coverage: &Coverage, rules: &FenceRules) -> Step {
    let seen = person.memory[at].here;
    person.moving = 0;
    if seen.is_power_of_two() {
        let (tx, ty) = coverage.square(tower);
        let half = (SIDE / 2 + LOOSE) as u16;
        // Only where the table of the tower covers the patch.
        if (person.x + (SIDE / 2) as u16).abs_diff(tx) <= half - (SIDE / 2) as u16 && (person.y + (SIDE / 2) as u16).abs_diff(ty) <= half - (SIDE / 2) as u16 {
            let like = likelihood(person, coverage, tower);
            let mut here = Patch::unpack(&person.belief);
            for (row, like) in here.0.iter_mut().zip(&like.0) {
                for x in 0..SIDE {
                    row[x] *= (rules.shape_weight * like[x]).exp2();
                }
            }
            person.inside = byte(share_inside(&here, &sides(person, coverage)));
            here.pack(&mut person.belief);
        }
    }
    let inside = f32::from(person.inside) / 65535.0;
    remember(person, tower, Some(at), 0.0, inside);
    Step { inside, moved: 0.0 }
}

fn byte(share: f32) -> u16 {
    (share * 65535.0 + 0.5) as u16
}

/// Moves the patch so that the tower is near its middle.
fn recentre(person: &mut Person, patch: Patch, tower: (u16, u16), fresh: bool) -> Patch {
    let (tx, ty) = (i32::from(tower.0), i32::from(tower.1));
    let half = (SIDE / 2) as i32;
    if fresh {
        person.x = (tx - half) as u16;
        person.y = (ty - half) as u16;
        return patch;
    }
    let loose = LOOSE as i32;
    let goal = |corner: u16, tower: i32| (i32::from(corner) + half).clamp(tower - loose, tower + loose) - half;
    let (x, y) = (goal(person.x, tx), goal(person.y, ty));
    let (dx, dy) = (x - i32::from(person.x), y - i32::from(person.y));
    if dx == 0 && dy == 0 {
        return patch;
    }
    (person.x, person.y) = (x as u16, y as u16);
    patch.shifted(dx, dy)
}

fn likelihood(person: &Person, coverage: &Coverage, tower: usize) -> Patch {
    let (tx, ty) = coverage.square(tower);
    let (dx, dy) = (usize::from(person.x) + REACH - usize::from(tx), usize::from(person.y) + REACH - usize::from(ty));
    let mut result = Patch::ZERO;
    for (y, row) in result.0.iter_mut().enumerate() {
        row[..SIDE].copy_from_slice(&coverage.table_row(tower, dx, dy + y)[..SIDE]);
    }
    result
}

fn sides(person: &Person, coverage: &Coverage) -> Patch {
    let mut result = Patch::ZERO;
    for (y, row) in result.0.iter_mut().enumerate() {
        *row = *coverage.inside_row(usize::from(person.x), usize::from(person.y) + y);
    }
    result
}

fn first(like: &Patch, sides: &Patch, prior_inside: bool, rules: &FenceRules) -> Patch {
    let (inside, outside) = if prior_inside { (1.0 - rules.prior_wrong, rules.prior_wrong) } else { (rules.prior_wrong, 1.0 - rules.prior_wrong) };
    let mut result = *like;
    for (row, side) in result.0.iter_mut().zip(&sides.0) {
        for x in 0..LANES {
            row[x] *= outside + (inside - outside) * side[x];
        }
    }
    let sum = result.sum().max(1e-30);
    result.scale(1.0 / sum);
    result
}

/// Odds, before the record is looked at, of having moved since the last one and of not having.
fn gap_odds(moving: f32, since_s: f32, rules: &FenceRules) -> (f32, f32) {
    let density = |mean: f32| (-since_s / mean).exp() / mean;
    let on_way = moving * density(rules.way_gap_s).max(1e-6);
    let at_place = (1.0 - moving) * ((1.0 - rules.long_share) * density(rules.short_gap_s) + rules.long_share * density(rules.long_gap_s)).max(1e-7);
    let stayed = (-since_s / 3600.0 * rules.departures_per_h).exp();
    (on_way + at_place * (1.0 - stayed), at_place * stayed)
}

/// Nobody moved: P(tower | square, what was seen here) is a Dirichlet-multinomial predictive.
fn staying(here: &Patch, like: &Patch, seen: f32, records: f32, rules: &FenceRules) -> Patch {
    let weight = rules.place_weight;
    let mut mean = 0.0;
    for (row, like) in here.0.iter().zip(&like.0) {
        for x in 0..LANES {
            mean += row[x] * like[x];
        }
    }
    let mass = (seen + weight * mean) / (records + weight);
    let shape = rules.shape_weight;
    let total = mass / (seen + shape * mean).max(1e-20);
    let mut result = *here;
    for (row, like) in result.0.iter_mut().zip(&like.0) {
        for x in 0..LANES {
            row[x] *= (seen + shape * like[x]) * total;
        }
    }
    result
}

/// Somebody moved: what was believed, spread by how far one gets, times coverage and own memory of the tower's sides.
fn moving(here: &Patch, like: &Patch, sides: &Patch, since_s: f32, (entry, crossing, back): (&Remembered, f32, f32), rules: &FenceRules) -> Patch {
    let cells = |kmh: f32| kmh * since_s / 3600.0 / super::coverage::CELL_KM as f32;
    let reach = (cells(rules.slow_kmh) + 0.5).clamp(1.0, 5.0) as usize;
    let slow = spread_by_side(here, sides, reach, crossing);
    let far = cells(rules.fast_kmh).clamp(6.5, 20.0);
    let flat = rules.fast_share / (std::f32::consts::PI * far * far);
    let was = share_inside(here, sides);
    let (flat_in, flat_out) = (flat * (was + (1.0 - was) * crossing), flat * (1.0 - was + was * crossing));
    let mut result = Patch::ZERO;
    for y in 0..SIDE {
        for x in 0..SIDE {
            let flat = flat_out + (flat_in - flat_out) * sides.0[y][x];
            result.0[y][x] = ((1.0 - rules.fast_share) * slow.0[y][x] + flat) * like.0[y][x];
        }
    }
    if entry.all > 0 {
        let general = share_inside(like, sides).clamp(0.02, 0.98);
        let (seen, inside) = (f32::from(entry.all), f32::from(entry.inside) / 255.0);
        let weight = rules.memory_weight;
        let own = (seen * inside + weight * general) / (seen + weight);
        let (inside, outside) = (own / general, (1.0 - own) / (1.0 - general));
        for (row, side) in result.0.iter_mut().zip(&sides.0) {
            for x in 0..LANES {
                row[x] *= outside + (inside - outside) * side[x];
            }
        }
        // Or back to where this tower was seen before.
        let sum = like.sum().max(1e-20);
        let (inside, outside) = (back * own / general / sum, back * (1.0 - own) / (1.0 - general) / sum);
        for ((row, like), side) in result.0.iter_mut().zip(&like.0).zip(&sides.0) {
            for x in 0..LANES {
                row[x] = (1.0 - rules.return_share) * row[x] + like[x] * (outside + (inside - outside) * side[x]);
            }
        }
    } else {
        result.scale(1.0 - rules.return_share);
    }
    result
}

/// Spreads either side by itself; of what would get across the border only a share does.
fn spread_by_side(here: &Patch, sides: &Patch, reach: usize, crossing: f32) -> Patch {
    let mut within = *here;
    for (row, side) in within.0.iter_mut().zip(&sides.0) {
        for x in 0..LANES {
            row[x] *= side[x];
        }
    }
    let all = here.spread(reach);
    let within = within.spread(reach);
    let mut result = Patch::ZERO;
    for y in 0..SIDE {
        for x in 0..LANES {
            let (side, inner) = (sides.0[y][x], within.0[y][x]);
            let outer = all.0[y][x] - inner;
            result.0[y][x] = side * (inner + crossing * outer) + (1.0 - side) * (outer + crossing * inner);
        }
    }
    result
}

fn share_inside(patch: &Patch, sides: &Patch) -> f32 {
    let mut inside = 0.0;
    for (row, side) in patch.0.iter().zip(&sides.0) {
        for x in 0..LANES {
            inside += row[x] * side[x];
        }
    }
    let sum = patch.sum();
    if sum > 0.0 { inside / sum } else { 0.5 }
}

fn remember(person: &mut Person, tower: usize, known: Option<usize>, moved: f32, inside: f32) {
    if moved > 0.5 {
        person.records = 0;
        for entry in &mut person.memory {
            entry.here = 0;
        }
    }
    let at = known.unwrap_or_else(|| {
        // The one that matters least makes room: not of this stay, then the fewest records.
        let least = (0..MEMORY).min_by_key(|at| (person.memory[*at].here, person.memory[*at].all)).expect("some");
        person.memory[least] = Remembered { tower: tower as u16 + 1, ..Remembered::default() };
        least
    });
    if person.records >= 60 {
        person.records = person.memory.iter().map(|entry| entry.here / 2).sum();
        person.memory.iter_mut().for_each(|entry| entry.here /= 2);
    }
    let entry = &mut person.memory[at];
    entry.here += 1;
    person.records += 1;
    let seen = f32::from(entry.all);
    entry.inside = ((f32::from(entry.inside) * seen + inside * 255.0) / (seen + 1.0) + 0.5) as u8;
    entry.all = entry.all.saturating_add(1).min(100);
}
