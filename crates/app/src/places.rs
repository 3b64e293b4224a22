//! Names of divisions.

use sizao_model::DivisionCode;

/// Chinese name of a division, or of the county in which it lies.
pub fn name(division: DivisionCode) -> Option<&'static str> {
    sizao_interop::division_name(division)
}

/// Provinces, cities and counties with their Chinese names, in the order of their codes: those at or under a division.
pub fn under(within: Option<DivisionCode>) -> impl Iterator<Item = (DivisionCode, &'static str)> {
    let all = sizao_interop::divisions().iter().copied();
    all.filter(move |(code, _)| within.is_none_or(|within| code.is_under(within)))
}
