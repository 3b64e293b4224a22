//! One record more about one person.

use super::{
    coverage::Coverage,
    patch::{LANES, LOOSE, Patch, REACH, SIDE},
    person::{MEMORY, Person},
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
    let fresh = person.is_fresh();
    let known = person.memory.find(tower);
    if let Some(at) = known
        && !fresh
        && person.memory.here[at] > 0
        && moved_at_most(person, at, since_s, rules) < rules.still_below
    {
        return remain(person, (tower, at), coverage, rules);
    }
    let here = if fresh { Patch::ZERO } else { Patch::unpack(&person.belief) };
    let here = recentre(person, here, coverage.square(tower), fresh);
    let like = likelihood(person, coverage, tower);
    let sides = sides(person, coverage);
    let (result, moved) = if fresh {
        (first(&like, &sides, person.flags & Person::INSIDE != 0, rules), 1.0)
    } else {
        weigh(person, (tower, known), since_s, [&here, &like, &sides], (coverage, rules))
    };
    let inside = share_inside(&result, &sides);
    result.pack(&mut person.belief);
    person.inside = fixed(inside);
    remember(person, tower, known, moved, inside);
    if person.records >= 4 && person.records <= 32 && person.records.is_power_of_two() {
        locate_stay(person, &result);
    }
    let still = (-since_s / (rules.way_min * 60.0)).exp().max(0.5);
    person.moving = (moved * still * 255.0 + 0.5) as u8;
    person.flags |= Person::SEEN;
    Step { inside, moved }
}

/// Weighs having stayed against having moved; gives the new belief and the probability of having moved.
fn weigh(
    person: &Person,
    (tower, known): (usize, Option<usize>),
    since_s: f32,
    [here, like, sides]: [&Patch; 3],
    (coverage, rules): (&Coverage, &FenceRules),
) -> (Patch, f32) {
    let (way, stay) = gap_odds(f32::from(person.moving) / 255.0, since_s, rules);
    let seen = known.map_or(0, |at| person.memory.here[at]);
    let stay_patch = staying(here, like, f32::from(seen), f32::from(person.records), rules);
    let crossing = crossing_share(person, coverage.square(tower), rules);
    let mut way_patch = moving(here, like, sides, (since_s, crossing), rules);
    if let Some(at) = known {
        recall(person, at, &mut way_patch, [like, sides], rules);
    } else {
        way_patch.scale(1.0 - rules.return_share);
    }
    let (stay_mass, way_mass) = (stay * stay_patch.sum(), way * way_patch.sum());
    let total = (stay_mass + way_mass).max(1e-30);
    let mut result = Patch::ZERO;
    let (a, b) = (stay / total, way / total);
    for ((row, s), w) in result.0.iter_mut().zip(&stay_patch.0).zip(&way_patch.0) {
        for x in 0..LANES {
            row[x] = a * s[x] + b * w[x];
        }
    }
    (result, way_mass / total)
}

/// Of ways that might lead across the border, the share that does: few of those around the place of a stay, unless the person
/// is known to cross; the farther from it, the less the border matters.
fn crossing_share(person: &Person, (x, y): (u16, u16), rules: &FenceRules) -> f32 {
    let crossed = f32::from(person.crossings);
    let near = (rules.crossing_share * rules.crossing_weight + crossed) / (rules.crossing_weight + 2.0 * crossed);
    if person.flags & Person::STAYED == 0 {
        return f32::midpoint(near, 1.0);
    }
    let (dx, dy) = (f32::from(x) - f32::from(person.stay_x), f32::from(y) - f32::from(person.stay_y));
    let km_2 = (dx * dx + dy * dy) * (super::coverage::CELL_KM * super::coverage::CELL_KM) as f32;
    near + (1.0 - near) * (1.0 - (-km_2 / (rules.local_km * rules.local_km)).exp())
}

fn locate_stay(person: &mut Person, belief: &Patch) {
    let (mut east, mut north) = (0.0, 0.0);
    for (y, row) in belief.0.iter().enumerate() {
        for (x, value) in row.iter().enumerate() {
            east += value * x as f32;
            north += value * y as f32;
        }
    }
    let sum = belief.sum().max(1e-20);
    person.stay_x = person.x + (east / sum) as u16;
    person.stay_y = person.y + (north / sum) as u16;
    person.flags |= Person::STAYED;
}

/// At most this probable it is that somebody moved who is seen by a tower of the present stay again.
fn moved_at_most(person: &Person, at: usize, since_s: f32, rules: &FenceRules) -> f32 {
    let (way, stay) = gap_odds(f32::from(person.moving) / 255.0, since_s, rules);
    let again = f32::from(person.memory.here[at]) / (f32::from(person.records) + rules.place_weight);
    // No square gives a tower more than about a third once ways have spread.
    let elsewhere = 0.35;
    way * elsewhere / (stay * again).max(1e-20)
}

/// Nobody moved, and nothing new is seen: only every doubling of the number of records says something more about the place.
fn remain(person: &mut Person, (tower, at): (usize, usize), coverage: &Coverage, rules: &FenceRules) -> Step {
    let seen = person.memory.here[at];
    person.moving = 0;
    if seen.is_power_of_two() {
        let (tx, ty) = coverage.square(tower);
        let off = |corner: u16, tower: u16| usize::from((corner + (SIDE / 2) as u16).abs_diff(tower));
        // Only where the tower's table covers the patch.
        if off(person.x, tx) <= LOOSE && off(person.y, ty) <= LOOSE {
            let like = likelihood(person, coverage, tower);
            let mut here = Patch::unpack(&person.belief);
            for (row, like) in here.0.iter_mut().zip(&like.0) {
                for x in 0..SIDE {
                    row[x] *= (rules.shape_weight * like[x]).exp2();
                }
            }
            person.inside = fixed(share_inside(&here, &sides(person, coverage)));
            here.pack(&mut person.belief);
        }
    }
    let inside = f32::from(person.inside) / 65535.0;
    remember(person, tower, Some(at), 0.0, inside);
    Step { inside, moved: 0.0 }
}

fn fixed(share: f32) -> u16 {
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
    let (inside, outside) = if prior_inside {
        (1.0 - rules.prior_wrong, rules.prior_wrong)
    } else {
        (rules.prior_wrong, 1.0 - rules.prior_wrong)
    };
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
    let at_place = (1.0 - moving)
        * ((1.0 - rules.long_share) * density(rules.short_gap_s) + rules.long_share * density(rules.long_gap_s))
            .max(1e-7);
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

/// Somebody moved: what was believed, spread by how far one gets, times coverage.
fn moving(here: &Patch, like: &Patch, sides: &Patch, (since_s, crossing): (f32, f32), rules: &FenceRules) -> Patch {
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
    result
}

/// What the person's own memory of the tower says: on which side it was seen, and that one returns to where one was.
fn recall(person: &Person, at: usize, way: &mut Patch, [like, sides]: [&Patch; 2], rules: &FenceRules) {
    let memory = &person.memory;
    let (seen, share) = (f32::from(memory.all[at]), f32::from(memory.inside[at]) / 255.0);
    let records: f32 = memory.all.iter().map(|all| f32::from(*all)).sum();
    let general = share_inside(like, sides).clamp(0.02, 0.98);
    let own = (seen * share + rules.memory_weight * general) / (seen + rules.memory_weight);
    let (inside, outside) = (own / general, (1.0 - own) / (1.0 - general));
    // Ten records more: so many it takes until returning is as likely as it ever gets.
    let back = rules.return_share * seen / (records + 10.0) / like.sum().max(1e-20);
    for ((row, like), side) in way.0.iter_mut().zip(&like.0).zip(&sides.0) {
        for x in 0..LANES {
            let weight = outside + (inside - outside) * side[x];
            row[x] = ((1.0 - rules.return_share) * row[x] + back * like[x]) * weight;
        }
    }
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
    let memory = &mut person.memory;
    if moved > 0.5 {
        person.records = 0;
        memory.here = [0; MEMORY];
    }
    let at = known.unwrap_or_else(|| {
        // The one that matters least makes room: not of this stay, then the fewest records.
        let least = (0..MEMORY).min_by_key(|at| (memory.here[*at], memory.all[*at])).expect("some");
        memory.tower[least] = tower as u16 + 1;
        (memory.here[least], memory.all[least], memory.inside[least]) = (0, 0, 0);
        least
    });
    if person.records >= 60 {
        memory.here.iter_mut().for_each(|here| *here /= 2);
        person.records = memory.here.iter().sum();
    }
    memory.here[at] += 1;
    person.records += 1;
    let seen = f32::from(memory.all[at]);
    memory.inside[at] = ((f32::from(memory.inside[at]) * seen + inside * 255.0) / (seen + 1.0) + 0.5) as u8;
    memory.all[at] = (memory.all[at] + 1).min(100);
}
