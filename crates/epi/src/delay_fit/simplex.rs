//! Nelder and Mead's search in two dimensions.

/// Steps of one search and number of fresh starts from the best point.
const STEPS_MAX: usize = 2_000;
const STARTS: usize = 4;

/// The point of least loss found from `start`.
///
/// Nelder and Mead 1965, Comput J 7:308-313, begun again from the best point until nothing is gained: a simplex that has
/// collapsed does not tell.
pub(super) fn minimise(loss: impl Fn([f64; 2]) -> f64, start: [f64; 2]) -> [f64; 2] {
    let mut best = start;
    for round in 0..STARTS {
        let before = loss(best);
        best = search(&loss, best, 0.3 / (1 + round) as f64);
        if round > 0 && before - loss(best) <= 1e-12 {
            break;
        }
    }
    best
}

fn search(loss: &impl Fn([f64; 2]) -> f64, start: [f64; 2], width: f64) -> [f64; 2] {
    let corners = [start, [start[0] + width, start[1]], [start[0], start[1] + width]];
    let mut simplex = corners.map(|point| (loss(point), point));
    for _ in 0..STEPS_MAX {
        simplex.sort_by(|a, b| a.0.total_cmp(&b.0));
        let [best, middle, worst] = simplex;
        let size = (worst.1[0] - best.1[0]).abs().max((worst.1[1] - best.1[1]).abs());
        if size < 1e-9 {
            break;
        }
        let centre = between(best.1, middle.1, 0.5);
        let tried = |t: f64| {
            let point = between(centre, worst.1, t);
            (loss(point), point)
        };
        let reflected = tried(-1.0);
        if reflected.0 < best.0 {
            let expanded = tried(-2.0);
            simplex[2] = if expanded.0 < reflected.0 { expanded } else { reflected };
        } else if reflected.0 < middle.0 {
            simplex[2] = reflected;
        } else {
            let contracted = tried(if reflected.0 < worst.0 { -0.5 } else { 0.5 });
            if contracted.0 < worst.0.min(reflected.0) {
                simplex[2] = contracted;
            } else {
                for corner in &mut simplex[1..] {
                    let point = between(best.1, corner.1, 0.5);
                    *corner = (loss(point), point);
                }
            }
        }
    }
    simplex.sort_by(|a, b| a.0.total_cmp(&b.0));
    simplex[0].1
}

/// a + t (b - a).
fn between(a: [f64; 2], b: [f64; 2], t: f64) -> [f64; 2] {
    [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bottom_of_a_bent_valley_is_found() {
        let valley = |p: [f64; 2]| 100.0 * (p[1] - p[0] * p[0]).powi(2) + (1.0 - p[0]).powi(2);
        let found = minimise(valley, [-1.2, 1.0]);
        assert!((found[0] - 1.0).abs() < 1e-6 && (found[1] - 1.0).abs() < 1e-6, "{found:?}");
    }
}
