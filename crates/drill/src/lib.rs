//! Drills: invented outbreaks in invented cities, from a seed, with the truth beside what the records say.
//!
//! [`city`] makes the city: people, papers, places, days, an outbreak and what each desk wrote down about it. Nothing
//! here opens a file, reads a clock or draws a number that the seed did not decide.

pub mod city;
pub mod random;
