//! One record more about one person.

use super::{
    coverage::Coverage,
    patch::{LANES, LOOSE, Patch, REACH, SIDE, SQUARES, total},
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
///
/// The same sums in the same order whatever the processor, so the same answers: eight lanes at once are only faster than four.
#[inline]
#[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "a function for AVX2 is called where AVX2 was found"))]
pub fn take(person: &mut Person, tower: usize, since_s: f32, coverage: &Coverage, rules: &FenceRules) -> Step {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the function is safe on a processor that has AVX2, and this one was just asked.
        return unsafe { take_in_eights(person, tower, since_s, coverage, rules) };
    }
    take_anywhere(person, tower, since_s, coverage, rules)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn take_in_eights(person: &mut Person, tower: usize, since_s: f32, coverage: &Coverage, rules: &FenceRules) -> Step {
    take_anywhere(person, tower, since_s, coverage, rules)
}

#[inline(always)]
fn take_anywhere(person: &mut Person, tower: usize, since_s: f32, coverage: &Coverage, rules: &FenceRules) -> Step {
    let fresh = person.is_fresh();
    let known = person.memory.find(tower);
    let odds = gap_odds(f32::from(person.moving) / 255.0, since_s, rules);
    if let Some(at) = known
        && !fresh
        && person.memory.here[at] > 0
        && moved_at_most(person, at, odds, rules) < rules.still_below
    {
        return remain(person, (tower, at), coverage, rules);
    }
    let off = recentre(person, coverage.square(tower), fresh);
    let like = likelihood(person, coverage, tower);
    let sides = sides(person, coverage);
    let (result, moved) = if fresh {
        (first(&like, &sides, person.flags & Person::INSIDE != 0, rules), 1.0)
    } else {
        let here = Patch::unpack(&person.belief, off);
        weigh(person, (tower, known), (since_s, odds), [&here, &like, &sides], (coverage, rules))
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

/// What belief, coverage and sides add up to, each with each.
struct Sums {
    /// Belief; less than 1 where the patch was moved away from some.
    all: f32,
    /// Belief inside.
    inside: f32,
    /// Belief outside.
    outside: f32,
    /// Belief times coverage.
    seen: f32,
    /// Coverage.
    like: f32,
    /// Coverage inside.
    like_inside: f32,
}

impl Sums {
    #[inline(always)]
    fn of([here, like, sides]: [&Patch; 3]) -> Self {
        let mut lanes = [[0.0_f32; LANES]; 5];
        for ((here, like), side) in here.0.iter().zip(&like.0).zip(&sides.0) {
            for x in 0..LANES {
                lanes[0][x] += here[x] * side[x];
                lanes[1][x] += here[x] * (1.0 - side[x]);
                lanes[2][x] += here[x] * like[x];
                lanes[3][x] += like[x];
                lanes[4][x] += like[x] * side[x];
            }
        }
        let [inside, outside, seen, like, like_inside] = lanes.map(total);
        Self { all: inside + outside, inside, outside, seen, like, like_inside }
    }
}

/// Weighs having stayed against having moved; gives the new belief and the probability of having moved.
#[inline(always)]
fn weigh(
    person: &Person,
    (tower, known): (usize, Option<usize>),
    (since_s, (way, stay)): (f32, (f32, f32)),
    [here, like, sides]: [&Patch; 3],
    (coverage, rules): (&Coverage, &FenceRules),
) -> (Patch, f32) {
    let sums = Sums::of([here, like, sides]);
    let seen = f32::from(known.map_or(0, |at| person.memory.here[at]));
    let staying = staying(&sums, seen, f32::from(person.records), rules);
    let crossing = crossing_share(person, coverage.square(tower), rules);
    let recall = Recall::of(person, known, &sums, rules);
    let mut result = moving([here, like, sides], &sums, (since_s, crossing), &recall, rules);
    let stay_sum = staying * (seen * sums.all + rules.shape_weight * sums.seen);
    let (stay_mass, way_mass) = (stay * stay_sum, way * result.sum());
    let total = (stay_mass + way_mass).max(1e-30);
    let (a, b) = (stay / total * staying, way / total);
    let (a_seen, a_like) = (a * seen, a * rules.shape_weight);
    for ((row, here), like) in result.0.iter_mut().zip(&here.0).zip(&like.0) {
        for x in 0..LANES {
            row[x] = here[x] * (a_seen + a_like * like[x]) + b * row[x];
        }
    }
    (result, way_mass / total)
}

/// Of ways that might lead across the border, the share that does: few of those around the place of a stay, unless the person
/// is known to cross; the farther from it, the less the border matters.
#[inline(always)]
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
    let (mut columns, mut north) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    for (y, row) in belief.0.iter().enumerate() {
        for x in 0..LANES {
            columns[x] += row[x];
            north[x] += row[x] * y as f32;
        }
    }
    let sum = total(columns).max(1e-20);
    let east: f32 = columns.iter().enumerate().map(|(x, column)| column * x as f32).sum();
    person.stay_x = person.x + (east / sum) as u16;
    person.stay_y = person.y + (total(north) / sum) as u16;
    person.flags |= Person::STAYED;
}

/// At most this probable it is that somebody moved who is seen by a tower of the present stay again.
#[inline(always)]
fn moved_at_most(person: &Person, at: usize, (way, stay): (f32, f32), rules: &FenceRules) -> f32 {
    let again = f32::from(person.memory.here[at]) / (f32::from(person.records) + rules.place_weight);
    // No square gives a tower more than about a third once ways have spread.
    let elsewhere = 0.35;
    way * elsewhere / (stay * again).max(1e-20)
}

/// Nobody moved, and nothing new is seen: only every doubling of the number of records says something more about the place.
#[inline(always)]
fn remain(person: &mut Person, (tower, at): (usize, usize), coverage: &Coverage, rules: &FenceRules) -> Step {
    let seen = person.memory.here[at];
    person.moving = 0;
    if seen.is_power_of_two() {
        let (tx, ty) = coverage.square(tower);
        let off = |corner: u16, tower: u16| usize::from((corner + (SIDE / 2) as u16).abs_diff(tower));
        // Only where the tower's table covers the patch.
        if off(person.x, tx) <= LOOSE && off(person.y, ty) <= LOOSE {
            let like = likelihood(person, coverage, tower);
            let mut here = Patch::unpack(&person.belief, (0, 0));
            for (row, like) in here.0.iter_mut().zip(&like.0) {
                for x in 0..LANES {
                    row[x] *= power_of_two(rules.shape_weight * like[x]);
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

/// 2 to the power of a number between 0 and 2, to a few parts in ten million: the series of the fourth root.
#[inline(always)]
fn power_of_two(exponent: f32) -> f32 {
    let x = exponent * (std::f32::consts::LN_2 / 4.0);
    let root = 1.0 + x * (1.0 + x * (0.5 + x * (1.0 / 6.0 + x * (1.0 / 24.0 + x * (1.0 / 120.0)))));
    let square = root * root;
    square * square
}

#[inline(always)]
fn fixed(share: f32) -> u16 {
    (share * 65535.0 + 0.5) as u16
}

/// Moves the corner of the patch so that the tower is near its middle; gives by how many squares.
#[inline(always)]
fn recentre(person: &mut Person, tower: (u16, u16), fresh: bool) -> (i32, i32) {
    let (tx, ty) = (i32::from(tower.0), i32::from(tower.1));
    let half = (SIDE / 2) as i32;
    if fresh {
        person.x = (tx - half) as u16;
        person.y = (ty - half) as u16;
        return (0, 0);
    }
    let loose = LOOSE as i32;
    let goal = |corner: u16, tower: i32| (i32::from(corner) + half).clamp(tower - loose, tower + loose) - half;
    let (x, y) = (goal(person.x, tx), goal(person.y, ty));
    let off = (x - i32::from(person.x), y - i32::from(person.y));
    (person.x, person.y) = (x as u16, y as u16);
    off
}

#[inline(always)]
fn likelihood(person: &Person, coverage: &Coverage, tower: usize) -> Patch {
    let (tx, ty) = coverage.square(tower);
    let (dx, dy) = (usize::from(person.x) + REACH - usize::from(tx), usize::from(person.y) + REACH - usize::from(ty));
    let mut result = Patch::ZERO;
    for (y, row) in result.0.iter_mut().enumerate() {
        let table = coverage.table_row(tower, dx, dy + y);
        for x in 0..LANES {
            row[x] = table[x] * SQUARES[x];
        }
    }
    result
}

#[inline(always)]
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
#[inline(always)]
fn gap_odds(moving: f32, since_s: f32, rules: &FenceRules) -> (f32, f32) {
    let density = |mean: f32| (-since_s / mean).exp() / mean;
    let on_way = moving * density(rules.way_gap_s).max(1e-6);
    let at_place = (1.0 - moving)
        * ((1.0 - rules.long_share) * density(rules.short_gap_s) + rules.long_share * density(rules.long_gap_s))
            .max(1e-7);
    let stayed = (-since_s / 3600.0 * rules.departures_per_h).exp();
    (on_way + at_place * (1.0 - stayed), at_place * stayed)
}

/// Nobody moved: P(tower | square, what was seen here) is a Dirichlet-multinomial predictive. Gives what the belief is multiplied by,
/// besides (seen + shape · P(tower | square)).
#[inline(always)]
fn staying(sums: &Sums, seen: f32, records: f32, rules: &FenceRules) -> f32 {
    let mass = (seen + rules.place_weight * sums.seen) / (records + rules.place_weight);
    mass / (seen + rules.shape_weight * sums.seen).max(1e-20)
}

/// What the person's own memory of the tower says: on which side it was seen, and that one returns to where one was.
struct Recall {
    /// Share of ways that lead to new places.
    new: f32,
    /// Ways that lead back, per coverage.
    back: f32,
    /// Weight of squares outside.
    outside: f32,
    /// Weight of squares inside.
    inside: f32,
}

impl Recall {
    #[inline(always)]
    fn of(person: &Person, known: Option<usize>, sums: &Sums, rules: &FenceRules) -> Self {
        let new = 1.0 - rules.return_share;
        let Some(at) = known else {
            return Self { new, back: 0.0, outside: 1.0, inside: 1.0 };
        };
        let memory = &person.memory;
        let (seen, share) = (f32::from(memory.all[at]), f32::from(memory.inside[at]) / 255.0);
        let records = memory.all.iter().map(|all| u16::from(*all)).sum::<u16>();
        let general = if sums.like > 0.0 { sums.like_inside / sums.like } else { 0.5 }.clamp(0.02, 0.98);
        let own = (seen * share + rules.memory_weight * general) / (seen + rules.memory_weight);
        // Ten records more: so many it takes until returning is as likely as it ever gets.
        let back = rules.return_share * seen / (f32::from(records) + 10.0) / sums.like.max(1e-20);
        Self { new, back, outside: (1.0 - own) / (1.0 - general), inside: own / general }
    }
}

/// Somebody moved: what was believed, spread by how far one gets, times coverage and memory. Of slow ways that would get across the
/// border only a share does, so either side spreads by itself.
#[inline(always)]
fn moving(
    [here, like, sides]: [&Patch; 3],
    sums: &Sums,
    (since_s, crossing): (f32, f32),
    recall: &Recall,
    rules: &FenceRules,
) -> Patch {
    let cells = |kmh: f32| kmh * since_s / 3600.0 / super::coverage::CELL_KM as f32;
    let reach = (cells(rules.slow_kmh) + 0.5).clamp(1.0, 5.0) as usize;
    let all = here.spread(reach);
    let inner = if sums.inside <= 0.0 {
        Patch::ZERO
    } else if sums.outside <= 0.0 {
        all
    } else {
        within(here, sides).spread(reach)
    };
    let far = cells(rules.fast_kmh).clamp(6.5, 20.0);
    let flat = rules.fast_share / (std::f32::consts::PI * far * far);
    let was = if sums.all > 0.0 { sums.inside / sums.all } else { 0.5 };
    let (flat_in, flat_out) = (flat * (was + (1.0 - was) * crossing), flat * (1.0 - was + was * crossing));
    let slow = 1.0 - rules.fast_share;
    let mut result = Patch::ZERO;
    for y in 0..SIDE {
        let (all, inner, like, sides) = (&all.0[y], &inner.0[y], &like.0[y], &sides.0[y]);
        let row = &mut result.0[y];
        for x in 0..LANES {
            let (side, inner, outer) = (sides[x], inner[x], all[x] - inner[x]);
            let local = side * (inner + crossing * outer) + (1.0 - side) * (outer + crossing * inner);
            let flat = flat_out + (flat_in - flat_out) * side;
            let weight = recall.outside + (recall.inside - recall.outside) * side;
            row[x] = (recall.new * (slow * local + flat) + recall.back) * like[x] * weight;
        }
    }
    result
}

#[inline(always)]
fn within(here: &Patch, sides: &Patch) -> Patch {
    let mut result = *here;
    for (row, side) in result.0.iter_mut().zip(&sides.0) {
        for x in 0..LANES {
            row[x] *= side[x];
        }
    }
    result
}

#[inline(always)]
fn share_inside(patch: &Patch, sides: &Patch) -> f32 {
    let (mut all, mut inside) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    for (row, side) in patch.0.iter().zip(&sides.0) {
        for x in 0..LANES {
            all[x] += row[x];
            inside[x] += row[x] * side[x];
        }
    }
    let (all, inside) = (total(all), total(inside));
    if all > 0.0 { inside / all } else { 0.5 }
}

#[inline(always)]
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

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::{
        super::{coverage::Tower, person::Person},
        *,
    };

    /// Somebody wanders about a border along longitude 113 and is seen by towers near and far, often and seldom.
    #[test]
    #[expect(unsafe_code, reason = "a function for AVX2 is called where AVX2 was found")]
    fn a_processor_with_eight_lanes_believes_the_same_to_the_last_bit() {
        if !std::arch::is_x86_feature_detected!("avx2") {
            return;
        }
        let tower = |number: u32| Tower {
            lon: 113.0 + (f64::from(number % 12) - 5.5) * 0.027,
            lat: 34.0 + f64::from(number / 12) * 0.0225,
            is_small: number.is_multiple_of(5),
        };
        let (towers, rules) = ((0..144).map(tower).collect::<Vec<_>>(), FenceRules::default());
        let coverage = Coverage::new(&towers, |lon, _| lon >= 113.0, &rules);
        let (mut four, mut eight) = (Person::new(false), Person::new(false));
        let mut draw = 7_u64;
        let mut below = |limit: u64| {
            draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (draw >> 33) % limit
        };
        let (mut at, mut moved) = (70_usize, 0);
        for _ in 0..20_000 {
            if below(4) == 0 {
                at = [at + 1, at + 143, at + 12, at + 132, below(144) as usize][below(5) as usize] % 144;
            }
            let longest_s = [60, 600, 6000][below(3) as usize];
            let since_s = below(longest_s) as f32;
            let step = take_anywhere(&mut four, at, since_s, &coverage, &rules);
            // SAFETY: AVX2 was found above.
            assert_eq!(unsafe { take_in_eights(&mut eight, at, since_s, &coverage, &rules) }, step);
            assert_eq!(eight, four);
            moved += u32::from(step.moved > 0.5);
        }
        assert!((1000..19_000).contains(&moved), "{moved}");
    }
}
