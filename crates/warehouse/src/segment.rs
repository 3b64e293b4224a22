//! The stays of a closed day as a sealed file.
//!
//! Inside the seal lie two Parquet files, one behind the other: the persons of the day (`person_id`, ascending), and
//! the stays by place and leaving (`person`, the position among the persons; `place_id`; `step_s`, from the
//! leaving before at the same place, at a place's first from the segment's base; `length_s`). So every column holds small
//! numbers, which take few bytes.

use std::path::Path;

use bytes::Bytes;
use parquet::errors::ParquetError;
use sha2::{Digest, Sha256};

use crate::error::WarehouseError;
use crate::place::{Written, put};
use crate::seal::{Refused, SegmentKey, open, random, seal};
use crate::words::{Words, read_words, write_words};

/// A stay, `[enter_s, leave_s)`, seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentStay {
    /// Number of the person.
    pub person: u32,
    /// Number of the place.
    pub place: u32,
    /// First second there.
    pub enter_s: u32,
    /// First second no longer there.
    pub leave_s: u32,
}

/// Columns of the persons.
const PERSONS: [(&str, Words); 1] = [("person_id", Words::Ascending)];

/// Columns of the stays.
const STAYS: [(&str, Words); 4] = [
    ("person", Words::Scattered),
    ("place_id", Words::Ascending),
    ("step_s", Words::Scattered),
    ("length_s", Words::Scattered),
];

/// Writes the stays of a closed day to `path`, sealed under `key`; they are on the disk when it returns.
///
/// A segment that is there is replaced as a whole, so a closing that was interrupted can be repeated. On any error
/// the old file is untouched and nothing half-written is left. Order and repeats of `stays` are the caller's: repeats
/// are kept, the order becomes place, leaving, person.
///
/// # Errors
/// [`WarehouseError::BackwardStay`]; [`WarehouseError::File`], a full disk among them.
pub fn write_segment(
    path: &Path,
    stays: impl IntoIterator<Item = SegmentStay>,
    key: &SegmentKey,
) -> Result<Written, WarehouseError> {
    let mut stays: Vec<SegmentStay> = stays.into_iter().collect();
    if let Some(row) = stays.iter().position(|stay| stay.leave_s < stay.enter_s) {
        return Err(WarehouseError::BackwardStay { row });
    }
    stays.sort_unstable_by_key(|stay| {
        (u64::from(stay.place) << 32 | u64::from(stay.leave_s), stay.person, stay.enter_s)
    });
    let damaged = |cause| WarehouseError::Damaged { path: path.to_owned(), cause };
    let plain = encode(&stays).map_err(damaged)?;
    let sealed = seal(plain, key, random(path)?);
    let sha256 = put(path, &sealed)?;
    Ok(Written { sha256, bytes: sealed.len() as u64, rows: stays.len() as u64 })
}

/// Reads a segment; gives its stays by place, leaving and person, all or none.
///
/// - `sha256`: the digest of the manifest, if there is one; another file is refused before it is opened.
///
/// # Errors
/// [`WarehouseError::File`], [`WarehouseError::OtherDigest`], [`WarehouseError::CutOff`], [`WarehouseError::Sealed`]
/// (wrong key, altered), [`WarehouseError::Damaged`].
pub fn read_segment(
    path: &Path,
    key: &SegmentKey,
    sha256: Option<[u8; 32]>,
) -> Result<Vec<SegmentStay>, WarehouseError> {
    let sealed =
        std::fs::read(path).map_err(|cause| WarehouseError::File { path: path.to_owned(), doing: "read", cause })?;
    if sha256.is_some_and(|wanted| <[u8; 32]>::from(Sha256::digest(&sealed)) != wanted) {
        return Err(WarehouseError::OtherDigest { path: path.to_owned() });
    }
    let plain = open(sealed, key).map_err(|refused| match refused {
        Refused::CutOff => WarehouseError::CutOff { path: path.to_owned() },
        Refused::Sealed => WarehouseError::Sealed { path: path.to_owned() },
    })?;
    decode(plain).map_err(|cause| WarehouseError::Damaged { path: path.to_owned(), cause })
}

/// Length of the persons' file and the base of the leavings, in front of the two files.
const FRONT: usize = 12;

/// The two Parquet files of sorted stays.
fn encode(stays: &[SegmentStay]) -> Result<Vec<u8>, ParquetError> {
    let mut persons: Vec<u32> = stays.iter().map(|stay| stay.person).collect();
    persons.sort_unstable();
    persons.dedup();
    let base_s = stays.iter().map(|stay| stay.leave_s).min().unwrap_or(0);
    let mut columns: [Vec<u32>; 4] = std::array::from_fn(|_| Vec::with_capacity(stays.len()));
    let mut before: Option<&SegmentStay> = None;
    for stay in stays {
        let person = persons.binary_search(&stay.person).expect("the list has every person");
        let since_s = before.filter(|before| before.place == stay.place).map_or(base_s, |before| before.leave_s);
        let row = [person as u32, stay.place, stay.leave_s - since_s, stay.leave_s - stay.enter_s];
        columns.iter_mut().zip(row).for_each(|(column, word)| column.push(word));
        before = Some(stay);
    }
    let persons = write_words(&PERSONS, &[&persons])?;
    let rows = write_words(&STAYS, &columns.each_ref().map(Vec::as_slice))?;
    let front = [&(persons.len() as u64).to_le_bytes()[..], &base_s.to_le_bytes()].concat();
    Ok([front, persons, rows].concat())
}

fn decode(plain: Vec<u8>) -> Result<Vec<SegmentStay>, ParquetError> {
    let odd = |what: &str| ParquetError::General(what.to_owned());
    let plain = Bytes::from(plain);
    let front: [u8; FRONT] =
        plain.get(..FRONT).and_then(|front| front.try_into().ok()).ok_or_else(|| odd("no front"))?;
    let [a, b, c, d, e, f, g, h, base @ ..] = front;
    let split =
        usize::try_from(u64::from_le_bytes([a, b, c, d, e, f, g, h])).ok().and_then(|len| len.checked_add(FRONT));
    let split = split.filter(|&at| at <= plain.len()).ok_or_else(|| odd("a length beyond the end"))?;
    let base_s = u32::from_le_bytes(base);

    let mut persons: Vec<u32> = Vec::new();
    read_words(plain.slice(FRONT..split), &PERSONS, |[ids]| persons.extend(ids.iter().map(|id| id.cast_unsigned())))?;
    let mut stays: Vec<SegmentStay> = Vec::new();
    let mut sound = true;
    let (mut place, mut leave_s) = (None, base_s);
    read_words(plain.slice(split..), &STAYS, |[ranks, places, steps, lengths]| {
        stays.reserve(ranks.len());
        for (((&rank, &place_id), &step_s), &length_s) in ranks.iter().zip(places).zip(steps).zip(lengths) {
            let since_s = if place == Some(place_id) { leave_s } else { base_s };
            place = Some(place_id);
            leave_s = since_s.wrapping_add(step_s.cast_unsigned());
            let person = persons.get(rank.cast_unsigned() as usize).copied();
            let enter_s = leave_s.wrapping_sub(length_s.cast_unsigned());
            sound &= person.is_some() && leave_s >= since_s && enter_s <= leave_s;
            let person = person.unwrap_or_default();
            stays.push(SegmentStay { person, place: place_id.cast_unsigned(), enter_s, leave_s });
        }
    })?;
    if sound { Ok(stays) } else { Err(odd("numbers that no stay has")) }
}
