//! Polygons of administrative units as they are given.

use thiserror::Error;

/// A level of the division of a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// County, district, county-level city (县级).
    County,
    /// Prefecture-level city (地级).
    City,
    /// Province (省级).
    Province,
}

impl Level {
    /// All levels, smallest units first.
    pub const ALL: [Self; 3] = [Self::County, Self::City, Self::Province];

    /// Stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::County => "county",
            Self::City => "city",
            Self::Province => "province",
        }
    }
}

/// Number of a unit within its level: its rank in the order in which the areas of that level were given, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnitNo(pub u16);

/// One administrative unit: rings of (longitude, latitude) in degrees, all of one datum.
///
/// Rings may run either way and may be open or closed; a point is inside when it is inside an odd number of them, so holes and
/// several parts need no marks.
#[derive(Debug, Clone)]
pub struct Area {
    /// Which level it belongs to.
    pub level: Level,
    /// Code or name, for messages only.
    pub code: String,
    /// Its rings.
    pub rings: Vec<Vec<(f64, f64)>>,
}

/// What can be wrong with polygons.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum GeometryError {
    /// No area at all.
    #[error("no polygon: name a file with at least one")]
    Empty,
    /// A vertex is no position.
    #[error("{code}, ring {ring}, vertex {vertex}: {fault}; correct the file")]
    BadVertex {
        /// The unit.
        code: String,
        /// Ring, from 1.
        ring: usize,
        /// Vertex, from 1.
        vertex: usize,
        /// What is wrong: `not_a_number`, `swapped` or `out_of_range`.
        fault: &'static str,
    },
    /// A ring with fewer than three different vertices.
    #[error(
        "{code}, ring {ring}: {vertices} different vertices, at least 3 are wanted; remove the ring or complete it"
    )]
    RingTooShort {
        /// The unit.
        code: String,
        /// Ring, from 1.
        ring: usize,
        /// Vertices found.
        vertices: usize,
    },
    /// Two lines of one unit cross.
    #[error("{code}: its outline crosses itself near {lon:.6}, {lat:.6}; mend the polygon and load it again")]
    SelfIntersection {
        /// The unit.
        code: String,
        /// Longitude near the place; degrees.
        lon: f64,
        /// Latitude near the place; degrees.
        lat: f64,
    },
    /// Two units of one level overlap.
    #[error("{first} and {second} overlap near {lon:.6}, {lat:.6}: units of one level must not")]
    Overlap {
        /// One unit.
        first: String,
        /// The other unit.
        second: String,
        /// Longitude near the place; degrees.
        lon: f64,
        /// Latitude near the place; degrees.
        lat: f64,
    },
    /// More units than can be numbered.
    #[error("{level}: {count} units, at most {max} are taken")]
    TooMany {
        /// Which level.
        level: &'static str,
        /// How many.
        count: usize,
        /// How many are taken.
        max: usize,
    },
}
