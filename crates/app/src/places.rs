//! Names of divisions.

use sizao_model::DivisionCode;

/// Chinese name of a division, or of the county in which it lies.
pub fn name(division: DivisionCode) -> Option<&'static str> {
    sizao_interop::division_name(division)
}
