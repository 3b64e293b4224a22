//! Which county, city and province a point lies in: exact, three levels at once.
//!
//! A [`Locator`] is made from the polygons of all levels. Every line of every polygon is kept once, with what changes for all levels
//! when it is crossed from west to east. A grid of small squares holds either one answer or the few lines that run through; the answer
//! at the square's south-western corner plus the changes on the way from there to the point is the answer at the point.
//!
//! **Points on a line.** A point counts as if it lay a hair to the east, and a much smaller hair to the north: on a line it belongs
//! to the unit on its east, on a line that runs due west-east to the unit on its north. So every point has exactly one answer, and
//! neighbours never both claim or both refuse a point. Source: simulation of simplicity, Edelsbrunner & Mücke 1990,
//! doi:10.1145/77635.77639.

mod area;
mod build;
mod check;
mod grid;
mod locator;
mod piece;
mod predicate;

pub use area::{Area, GeometryError, Level, UnitNo};
pub use locator::{Locator, Place};
