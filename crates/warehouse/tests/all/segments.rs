//! Day segments come back as they were, or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use sizao_warehouse::{SegmentKey, SegmentStay, WarehouseError, Written, read_segment, write_segment};

fn key() -> SegmentKey {
    SegmentKey::new([7; 32])
}

fn sorted(mut stays: Vec<SegmentStay>) -> Vec<SegmentStay> {
    stays.sort_unstable_by_key(|stay| (stay.place, stay.leave_s, stay.person, stay.enter_s));
    stays
}

fn stay(person: u32, place: u32, enter_s: u32, leave_s: u32) -> SegmentStay {
    SegmentStay { person, place, enter_s, leave_s }
}

/// A day of 5,000 people, from a seed.
fn day() -> Vec<SegmentStay> {
    let mut state = 1u64;
    let mut below = |limit: u32| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) as u32) % limit
    };
    let mut stays = Vec::new();
    for person in 0..5_000u32 {
        for _ in 0..3 {
            let enter_s = 1_646_092_800 + below(86_400);
            stays.push(stay(person.wrapping_mul(2_654_435_761), below(2_000), enter_s, enter_s + below(20_000)));
        }
    }
    stays
}

fn written(stays: Vec<SegmentStay>) -> (tempfile::TempDir, PathBuf, Written) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("2022-03-01.seg");
    let written = write_segment(&path, stays, &key()).expect("there is room");
    (folder, path, written)
}

fn check(stays: Vec<SegmentStay>) {
    let (_folder, path, written) = written(stays.clone());
    assert_eq!(written.rows, stays.len() as u64);
    assert_eq!(written.bytes, fs::metadata(&path).expect("the file").len());
    let back = read_segment(&path, &key(), Some(written.sha256)).expect("the segment is whole");
    assert_eq!(back, sorted(stays));
}

#[test]
fn a_day_comes_back_whole_in_few_bytes() {
    check(day());
}

#[test]
fn a_day_without_stays_and_stays_at_every_edge_come_back() {
    check(Vec::new());
    check(vec![stay(0, 0, 0, 0), stay(u32::MAX, u32::MAX, u32::MAX, u32::MAX), stay(5, u32::MAX, 0, u32::MAX)]);
}

proptest! {
    #[test]
    fn any_stays_come_back(rows in prop::collection::vec((any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>()), 0..200)) {
        check(rows.into_iter().map(|(person, place, a, b)| stay(person, place, a.min(b), a.max(b))).collect());
    }
}

#[test]
fn a_stay_that_leaves_before_it_enters_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("day.seg");
    let refused = write_segment(&path, [stay(1, 1, 5, 6), stay(1, 1, 6, 5)], &key());
    assert!(matches!(refused, Err(WarehouseError::BackwardStay { row: 1 })), "{refused:?}");
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0);
}

#[test]
fn another_key_is_refused() {
    let (_folder, path, _) = written(day());
    let refused = read_segment(&path, &SegmentKey::new([8; 32]), None);
    assert!(matches!(refused, Err(WarehouseError::Sealed { .. })), "{refused:?}");
}

#[test]
fn a_segment_that_was_cut_off_is_refused_wherever_it_was_cut() {
    let (_folder, path, written) = written(day());
    let whole = fs::read(&path).expect("the file");
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        fs::write(&path, &whole[..at]).expect("there is room");
        let refused = read_segment(&path, &key(), None);
        assert!(matches!(refused, Err(WarehouseError::CutOff { .. })), "cut at {at}: {refused:?}");
        let refused = read_segment(&path, &key(), Some(written.sha256));
        assert!(matches!(refused, Err(WarehouseError::OtherDigest { .. })), "cut at {at}: {refused:?}");
    }
}

#[test]
fn an_older_segment_under_the_same_key_is_not_taken_for_the_one_in_the_manifest() {
    let (_folder, path, first) = written(day());
    write_segment(&path, day(), &key()).expect("there is room");
    // The same stays, sealed anew: the salt differs, so the digest does.
    let refused = read_segment(&path, &key(), Some(first.sha256));
    assert!(matches!(refused, Err(WarehouseError::OtherDigest { .. })), "{refused:?}");
}

#[test]
fn no_person_stands_in_plain_in_the_file() {
    let stays: Vec<SegmentStay> =
        (0..4_000u32).map(|n| stay(0x5a5a_0000 + n, 7, 1_646_092_800 + n, 1_646_100_000)).collect();
    let (_folder, path, _) = written(stays);
    let bytes = fs::read(path).expect("the file");
    assert!(!bytes.windows(4).any(|window| window == b"PAR1"));
    assert!(bytes.windows(2).filter(|window| window == b"\x5a\x5a").count() < 10);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let refused = read_segment(Path::new("no-such.seg"), &key(), None).expect_err("there is none");
    assert!(refused.to_string().starts_with("no-such.seg"), "{refused}");
}
