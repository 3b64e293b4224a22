//! The shift between WGS-84 and GCJ-02.
//!
//! There is no official publication; what is used everywhere is a sum of sines over (lon − 105, lat − 35), in metres, scaled by
//! the radii of curvature of the Krasovsky 1940 ellipsoid.

use std::f64::consts::PI;

/// Semi-major axis of the Krasovsky 1940 ellipsoid; metres.
const AXIS_M: f64 = 6_378_245.0;
/// Its first eccentricity, squared.
const ECCENTRICITY_2: f64 = 0.006_693_421_622_965_943;
/// Rounds of the inverse: each leaves a residue some 10⁻⁴ of the one before.
const ROUNDS: usize = 6;

/// WGS-84 to GCJ-02; degrees.
pub fn add(lon: f64, lat: f64) -> (f64, f64) {
    if !is_shifted(lon, lat) {
        return (lon, lat);
    }
    let (east, north) = offset(lon, lat);
    (lon + east, lat + north)
}

/// GCJ-02 to WGS-84; degrees.
pub fn take_away(lon: f64, lat: f64) -> (f64, f64) {
    if !is_shifted(lon, lat) {
        return (lon, lat);
    }
    let (mut guess_lon, mut guess_lat) = (lon, lat);
    for _ in 0..ROUNDS {
        let (east, north) = offset(guess_lon, guess_lat);
        (guess_lon, guess_lat) = (lon - east, lat - north);
    }
    (guess_lon, guess_lat)
}

/// Whether the shift is applied here: the box that map kits use.
fn is_shifted(lon: f64, lat: f64) -> bool {
    (72.004..=137.8347).contains(&lon) && (0.8293..=55.8271).contains(&lat)
}

fn offset(lon: f64, lat: f64) -> (f64, f64) {
    let (x, y) = (lon - 105.0, lat - 35.0);
    let sine = |amplitude: f64, argument: f64| amplitude * (argument * PI).sin();
    let common = sine(20.0, 6.0 * x) + sine(20.0, 2.0 * x);
    let north_m = -100.0
        + 2.0 * x
        + 3.0 * y
        + 0.2 * y * y
        + 0.1 * x * y
        + 0.2 * x.abs().sqrt()
        + (common + sine(20.0, y) + sine(40.0, y / 3.0) + sine(160.0, y / 12.0) + sine(320.0, y / 30.0)) * 2.0 / 3.0;
    let east_m = 300.0
        + x
        + 2.0 * y
        + 0.1 * x * x
        + 0.1 * x * y
        + 0.1 * x.abs().sqrt()
        + (common + sine(20.0, x) + sine(40.0, x / 3.0) + sine(150.0, x / 12.0) + sine(300.0, x / 30.0)) * 2.0 / 3.0;
    let latitude = lat.to_radians();
    let curvature = 1.0 - ECCENTRICITY_2 * latitude.sin().powi(2);
    let meridian_m = AXIS_M * (1.0 - ECCENTRICITY_2) / (curvature * curvature.sqrt());
    let parallel_m = AXIS_M / curvature.sqrt() * latitude.cos();
    ((east_m / parallel_m).to_degrees(), (north_m / meridian_m).to_degrees())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference data names the shift that the formula predicts for the centroids of Henan's counties (geo README).
    #[test]
    fn the_shift_in_henan_is_the_published_one() {
        let (lon, lat) = add(113.6, 34.0);
        assert!((lon - 113.6 - 0.00598).abs() < 0.0008, "{}", lon - 113.6);
        assert!((lat - 34.0 + 0.00122).abs() < 0.0008, "{}", lat - 34.0);
    }

    #[test]
    fn nothing_is_shifted_outside_the_box() {
        assert_eq!(add(2.35, 48.85), (2.35, 48.85));
    }
}
