//! FHIR.
use super::{Folder, Tally, index::Index};
pub(super) fn check(_: &dyn Folder, _: &Index, _: &mut Tally) {}
