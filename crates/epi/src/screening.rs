//! Key groups (重点人群) and who of them is due for a test on a day.
//!
//! The groups are data with dates and sources ([`Catalogue`]); the due list is a pure function of a person's jobs,
//! leave and samples. It is a list of reminders: a missed test opens no restriction, and nothing here can.

mod catalogue;
mod due;

pub use catalogue::{Catalogue, CatalogueError, Exemption, Frequency, KeyGroup, PoolMode};
pub use due::{Due, KeyPerson, Membership, due_list, due_on};
