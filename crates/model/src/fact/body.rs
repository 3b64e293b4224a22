//! What was seen: one body type per kind of fact, with the field names of the wire, by what they are about.

mod area;
mod care;
mod checkpoint;
mod contact;
mod evidence;
mod governance;
mod illness;
mod isolation;
mod movement;
mod people;
mod screening;
mod sentinel;
mod shapes;
mod testing;
mod watch;

pub use self::{
    area::*, care::*, checkpoint::*, contact::*, evidence::*, governance::*, illness::*, isolation::*, movement::*,
    people::*, screening::*, sentinel::*, testing::*, watch::*,
};
