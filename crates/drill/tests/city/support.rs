//! Cities and files in memory.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use sha2::{Digest, Sha256};
use sizao_drill::city::{City, CityOptions, Sink};

/// A city of that many people for fourteen days, seed 1.
pub fn city(people: u32) -> City {
    City::build(CityOptions::new(people, 14, 1)).unwrap()
}

/// Files kept in memory.
#[derive(Default)]
pub struct Memory(BTreeMap<String, Vec<u8>>);

impl Sink for Memory {
    fn create(&mut self, name: &str) -> io::Result<&mut dyn Write> {
        Ok(self.0.entry(name.to_owned()).or_default())
    }
}

impl Memory {
    pub fn of(city: &City) -> Self {
        let mut files = Self::default();
        city.write_to(&mut files).unwrap();
        files
    }

    pub fn digest(&self) -> Vec<u8> {
        let mut hash = Sha256::new();
        for (name, content) in &self.0 {
            hash.update(name);
            hash.update(content);
        }
        hash.finalize().to_vec()
    }

    pub fn text(&self, name: &str) -> &str {
        std::str::from_utf8(&self.0[name]).unwrap()
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}
