//! The words of the field, as types.
//!
//! Everything that travels between rooms lives here: a [`Fact`] is something that somebody saw, a [`Measure`] is what
//! a published rule makes of facts, an [`Assessment`] is all that holds for one person at one moment. Nothing here
//! reads a clock, a file or a database.

pub mod assist;
pub mod division;
pub mod draft;
pub mod explanation;
pub mod fact;
pub mod happened;
pub mod id;
pub mod identity;
pub mod measure;
pub mod time;

pub use division::DivisionCode;
pub use explanation::{Explanation, Finding};
pub use fact::{Fact, FactBody, FactKind};
pub use happened::{Edge, Happened, When};
pub use id::{FactId, PersonId};
pub use measure::{Assessment, Colour, ContactClass, Measure, MeasureKind};
pub use time::{CivilDay, Clock, Instant, Zone};
