//! A point on the ground, with its datum as a type.
//!
//! WGS-84 (and CGCS2000, which agrees with it to about a metre) is what satellites and reference maps use. GCJ-02 (国测局坐标)
//! is what Chinese web maps and phone map kits show: shifted by hundreds of metres. Comparing one with the other must not compile.

use std::marker::PhantomData;

mod shift;

/// WGS-84; CGCS2000 is treated as the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wgs84 {}

/// GCJ-02, the shifted datum of Chinese web maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gcj02 {}

/// A point; degrees, finite, longitude within ±180 and latitude within ±90.
pub struct Point<Datum> {
    lon: f64,
    lat: f64,
    datum: PhantomData<Datum>,
}

// Not derived: the marker of the datum need not be copyable.
impl<Datum> Clone for Point<Datum> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Datum> Copy for Point<Datum> {}

/// Why a pair of numbers is no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointFault {
    /// Not a number, or infinite.
    NotANumber,
    /// The latitude is beyond ±90 while the longitude would do as one, or the pair lies in China when turned round.
    Swapped,
    /// Beyond ±180 or ±90.
    OutOfRange,
}

impl PointFault {
    /// All faults, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::NotANumber, Self::Swapped, Self::OutOfRange];

    /// Stable name, for tables and counts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotANumber => "not_a_number",
            Self::Swapped => "swapped",
            Self::OutOfRange => "out_of_range",
        }
    }
}

/// Longitudes and latitudes between which China lies; degrees.
const CHINA_LON: (f64, f64) = (73.0, 136.0);
const CHINA_LAT: (f64, f64) = (3.0, 54.0);

impl<Datum> Point<Datum> {
    /// Takes a position.
    ///
    /// - `lon`, `lat`: degrees, east and north positive.
    ///
    /// # Errors
    /// [`PointFault`] says what is wrong. A pair that lies in China only when turned round is refused as swapped.
    pub fn new(lon: f64, lat: f64) -> Result<Self, PointFault> {
        if !(lon.is_finite() && lat.is_finite()) {
            return Err(PointFault::NotANumber);
        }
        let within = |value: f64, (low, high): (f64, f64)| (low..=high).contains(&value);
        if within(lat, CHINA_LON) && within(lon, CHINA_LAT) {
            return Err(PointFault::Swapped);
        }
        if lon.abs() > 180.0 || lat.abs() > 90.0 {
            return Err(if lat.abs() <= 180.0 && lon.abs() <= 90.0 {
                PointFault::Swapped
            } else {
                PointFault::OutOfRange
            });
        }
        Ok(Self { lon, lat, datum: PhantomData })
    }

    /// Longitude; degrees east.
    #[must_use]
    pub const fn lon(self) -> f64 {
        self.lon
    }

    /// Latitude; degrees north.
    #[must_use]
    pub const fn lat(self) -> f64 {
        self.lat
    }
}

impl Point<Wgs84> {
    /// The same place in GCJ-02.
    ///
    /// # Source
    /// The published approximation of the shift on the Krasovsky 1940 ellipsoid; identity outside mainland China's box.
    #[must_use]
    pub fn to_gcj02(self) -> Point<Gcj02> {
        let (lon, lat) = shift::add(self.lon, self.lat);
        Point { lon, lat, datum: PhantomData }
    }
}

impl Point<Gcj02> {
    /// The same place in WGS-84, by iteration; the residue is below 1e-9 degrees (0.1 mm).
    #[must_use]
    pub fn to_wgs84(self) -> Point<Wgs84> {
        let (lon, lat) = shift::take_away(self.lon, self.lat);
        Point { lon, lat, datum: PhantomData }
    }
}

/// Positions never reach a log.
impl<Datum> std::fmt::Debug for Point<Datum> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Point(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(lon: f64, lat: f64) -> Option<PointFault> {
        Point::<Wgs84>::new(lon, lat).err()
    }

    #[test]
    fn what_is_no_position_is_named() {
        assert_eq!(fault(f64::NAN, 34.0), Some(PointFault::NotANumber));
        assert_eq!(fault(113.0, f64::INFINITY), Some(PointFault::NotANumber));
        assert_eq!(fault(34.7, 113.6), Some(PointFault::Swapped));
        assert_eq!(fault(34.7, 85.0), Some(PointFault::Swapped));
        assert_eq!(fault(500.0, 34.0), Some(PointFault::OutOfRange));
        assert_eq!(fault(113.6, 34.7), None);
        assert_eq!(fault(-0.1, 51.5), None);
    }

    #[test]
    fn there_and_back_is_the_same_place_to_a_tenth_of_a_millimetre() {
        for step in 0..2000 {
            let lon = 110.0 + 0.0034 * f64::from(step);
            let lat = 31.0 + 0.0028 * f64::from((step * 7) % 2000);
            let here = Point::<Wgs84>::new(lon, lat).unwrap();
            let back = here.to_gcj02().to_wgs84();
            assert!((back.lon() - lon).abs() < 1e-9 && (back.lat() - lat).abs() < 1e-9, "{lon} {lat}");
        }
    }

    #[test]
    fn a_position_does_not_show_in_debug() {
        let text = format!("{:?}", Point::<Gcj02>::new(113.625, 34.746).unwrap());
        assert!(!text.contains("113") && !text.contains("34"));
    }
}
