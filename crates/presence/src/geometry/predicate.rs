//! On which side of a line a point lies, without rounding.

/// Sign of the doubled area of the triangle a, b, p: positive when p lies to the left of the way from a to b.
///
/// Exact for all finite arguments whose products neither overflow nor underflow (degrees do not).
///
/// # Source
/// Error bound and expansions: Shewchuk 1997, Discrete Comput Geom 18:305-363, doi:10.1007/PL00009321.
#[inline]
pub fn orientation(a: (f64, f64), b: (f64, f64), p: (f64, f64)) -> i8 {
    match sign(a, b, p) {
        0 => exact(a, b, p),
        sign => sign,
    }
}

/// The same where rounding cannot matter, else 0.
#[inline]
pub fn sign(a: (f64, f64), b: (f64, f64), p: (f64, f64)) -> i8 {
    let left = (a.0 - p.0) * (b.1 - p.1);
    let right = (a.1 - p.1) * (b.0 - p.0);
    let det = left - right;
    // (3 + 16 u) u with u = 2^-53: what rounding can do to `det`, relative to the sum of its two parts.
    let bound = 3.330_669_073_875_471_6e-16 * (left.abs() + right.abs());
    i8::from(det > bound) - i8::from(det < -bound)
}

/// The sign from the exact expansion of the determinant; the products of p with itself cancel.
#[cold]
fn exact(a: (f64, f64), b: (f64, f64), p: (f64, f64)) -> i8 {
    let products = [(a.0, b.1), (-a.1, b.0), (-a.0, p.1), (a.1, p.0), (-p.0, b.1), (p.1, b.0)];
    let mut sum = Expansion { parts: [0.0; 12], length: 0 };
    for (x, y) in products {
        let high = x * y;
        sum.add(x.mul_add(y, -high));
        sum.add(high);
    }
    sum.sign()
}

/// A sum kept as parts that do not overlap, smallest first.
struct Expansion {
    parts: [f64; 12],
    length: usize,
}

impl Expansion {
    fn add(&mut self, value: f64) {
        let mut carry = value;
        for part in &mut self.parts[..self.length] {
            let total = carry + *part;
            let shadow = total - carry;
            *part = (carry - (total - shadow)) + (*part - shadow);
            carry = total;
        }
        self.parts[self.length] = carry;
        self.length += 1;
    }

    fn sign(&self) -> i8 {
        let largest = self.parts[..self.length].iter().rev().find(|part| **part != 0.0);
        largest.map_or(0, |part| if *part > 0.0 { 1 } else { -1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_one_bit_beside_a_line_is_beside_it() {
        let (a, b) = ((110.35, 31.38), (116.65, 36.37));
        let middle = (f64::midpoint(a.0, b.0), f64::midpoint(a.1, b.1));
        let beside = (middle.0, middle.1.next_up());
        let below = (middle.0, middle.1.next_down());
        assert_eq!(orientation(a, b, beside), 1);
        assert_eq!(orientation(a, b, below), -1);
        assert_eq!(orientation(b, a, beside), -1);
    }

    #[test]
    fn a_point_on_a_line_is_on_it() {
        let (a, b) = ((0.5, 0.25), (1.5, 0.75));
        assert_eq!(orientation(a, b, (1.0, 0.5)), 0);
        assert_eq!(orientation(a, b, a), 0);
        assert_eq!(orientation(a, b, (3.5, 1.75)), 0);
    }
}
