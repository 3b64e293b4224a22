//! What a detector keeps over a restart: everything (synthetic data only), or a sketch per person.

use rustc_hash::FxHashMap;
use thiserror::Error;

use super::{
    detector::Detector,
    patch::SIDE,
    person::{MEMORY, Memory, Person},
};

/// First bytes of a snapshot; the digit is the version of the layout.
const MAGIC: &[u8; 8] = b"SIZFENC1";

/// Why a snapshot is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// Not a snapshot, or of another version.
    #[error("this is no snapshot of this version of the fence; begin without one")]
    NotASnapshot,
    /// Ends too early or goes on too long.
    #[error("the snapshot is damaged or cut off; begin without it")]
    Damaged,
    /// Made with other towers.
    #[error("the snapshot was made with {made_with} towers, the list has {listed}; use the same list")]
    OtherTowers {
        /// Towers it was made with.
        made_with: u64,
        /// Towers listed.
        listed: u64,
    },
}

/// What a server may keep of a person between restarts: at most the detector's memory of towers under a keyed hash, with
/// weights. No times, no order, no places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch {
    /// Whose.
    pub person: u64,
    /// On which side the person was last believed to be.
    pub is_inside: bool,
    /// Per tower: its keyed hash, its records (at most 100), and in how many 255ths of them the person was inside.
    pub towers: Vec<(u64, u8, u8)>,
}

impl Detector {
    /// Everything that a detector knows, so that it goes on after [`Detector::restore`] as if nothing had happened.
    ///
    /// It holds times and places of people: for synthetic data only, never on a server.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let mut keys: Vec<(u32, u64)> = self.numbers.iter().map(|(key, number)| (*number, *key)).collect();
        keys.sort_unstable();
        let mut out = MAGIC.to_vec();
        out.extend((self.clocks.len() as u64).to_le_bytes());
        out.extend((keys.len() as u64).to_le_bytes());
        out.extend(self.clocks.iter().flat_map(|clock| clock.to_le_bytes()));
        for (number, key) in keys {
            out.extend(key.to_le_bytes());
            write_person(&self.people[number as usize], &mut out);
        }
        out.extend(checksum(&out).to_le_bytes());
        out
    }

    /// Takes up what [`Detector::snapshot`] gave, in place of all that is known now.
    ///
    /// # Errors
    /// [`SnapshotError`]; the detector is then as it was.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let (bytes, sum) = bytes.split_last_chunk().ok_or(SnapshotError::NotASnapshot)?;
        let mut reader = Reader(bytes.strip_prefix(MAGIC.as_slice()).ok_or(SnapshotError::NotASnapshot)?);
        if u64::from_le_bytes(*sum) != checksum(bytes) {
            return Err(SnapshotError::Damaged);
        }
        let (made_with, listed) = (u64::from_le_bytes(reader.take()?), self.clocks.len() as u64);
        if made_with != listed {
            return Err(SnapshotError::OtherTowers { made_with, listed });
        }
        let people = u64::from_le_bytes(reader.take()?);
        let clocks = (0..listed).map(|_| reader.take().map(i32::from_le_bytes)).collect::<Result<Vec<_>, _>>()?;
        let (mut numbers, mut states) = (FxHashMap::default(), Vec::new());
        for number in 0..people {
            numbers.insert(u64::from_le_bytes(reader.take()?), number as u32);
            states.push(reader.person()?);
        }
        if !reader.0.is_empty() || numbers.len() != states.len() {
            return Err(SnapshotError::Damaged);
        }
        (self.clocks, self.numbers, self.people) = (clocks, numbers, states);
        Ok(())
    }

    /// The sketches of all, by person.
    ///
    /// - `hash`: keyed hash of a tower's number; the caller holds the key.
    #[must_use]
    pub fn sketches(&self, hash: impl Fn(u32) -> u64) -> Vec<Sketch> {
        let mut sketches: Vec<Sketch> = self
            .numbers
            .iter()
            .map(|(person, number)| {
                let state = &self.people[*number as usize];
                let memory = &state.memory;
                let kept = (0..MEMORY).filter(|at| memory.tower[*at] > 0);
                let mut towers: Vec<_> =
                    kept.map(|at| (hash(u32::from(memory.tower[at]) - 1), memory.all[at], memory.inside[at])).collect();
                // In the order of the hashes, so that the order says nothing.
                towers.sort_unstable();
                Sketch { person: *person, is_inside: state.flags & Person::INSIDE != 0, towers }
            })
            .collect();
        sketches.sort_unstable_by_key(|sketch| sketch.person);
        sketches
    }

    /// Forgets everything but sketches, as a server does that was restarted. Towers whose hash is unknown are forgotten too.
    pub fn restart_from(&mut self, sketches: &[Sketch], hash: impl Fn(u32) -> u64) {
        let towers: FxHashMap<u64, u32> = (0..self.clocks.len() as u32).map(|tower| (hash(tower), tower)).collect();
        self.clocks.fill(i32::MAX);
        self.people.clear();
        self.numbers.clear();
        for sketch in sketches {
            let mut person = Person::new(sketch.is_inside);
            let known =
                sketch.towers.iter().filter_map(|(hash, all, inside)| Some((*towers.get(hash)?, *all, *inside)));
            for (at, (tower, all, inside)) in known.take(MEMORY).enumerate() {
                person.memory.tower[at] = tower as u16 + 1;
                (person.memory.all[at], person.memory.inside[at]) = (all, inside);
            }
            self.numbers.insert(sketch.person, self.people.len() as u32);
            self.people.push(person);
        }
    }
}

/// FNV-1a: against damage, not against forgery.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

fn write_person(person: &Person, out: &mut Vec<u8>) {
    out.extend(person.last_ms.to_le_bytes());
    out.extend(person.recent.to_le_bytes());
    for value in
        [person.x, person.y, person.stay_x, person.stay_y, person.inside].into_iter().chain(person.memory.tower)
    {
        out.extend(value.to_le_bytes());
    }
    let Memory { here, all, inside, .. } = person.memory;
    out.extend([here, all, inside].concat());
    out.extend([person.moving, person.records, person.crossings, person.flags]);
    out.extend(person.belief);
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(SnapshotError::Damaged)?;
        self.0 = rest;
        Ok(*head)
    }

    fn number(&mut self) -> Result<u16, SnapshotError> {
        self.take().map(u16::from_le_bytes)
    }

    fn person(&mut self) -> Result<Person, SnapshotError> {
        let last_ms = i64::from_le_bytes(self.take()?);
        let recent = u32::from_le_bytes(self.take()?);
        let (x, y) = (self.number()?, self.number()?);
        let (stay_x, stay_y, inside) = (self.number()?, self.number()?, self.number()?);
        let mut memory = Memory::default();
        for tower in &mut memory.tower {
            *tower = self.number()?;
        }
        (memory.here, memory.all, memory.inside) = (self.take()?, self.take()?, self.take()?);
        let [moving, records, crossings, flags] = self.take()?;
        let belief = self.take::<{ SIDE * SIDE }>()?;
        Ok(Person { last_ms, recent, x, y, stay_x, stay_y, inside, memory, moving, records, crossings, flags, belief })
    }
}
