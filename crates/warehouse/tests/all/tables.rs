//! Parquet files of others, made and read back by this crate's own writers where no other program is at hand.

use std::path::Path;

use sizao_warehouse::{ExportRules, SegmentStay, Value, WarehouseError, read_rows, write_export};

fn stay(person: u32, place: u32, enter_s: u32, leave_s: u32) -> SegmentStay {
    SegmentStay { person, place, enter_s, leave_s }
}

/// Twelve people at place 7, three at home 8.
fn stays() -> Vec<SegmentStay> {
    let shop = (0..12).map(|n| stay(900_000 + n, 7, 1_000 + n, 2_000 + n));
    shop.chain((0..3).map(|n| stay(900_000 + n, 8, 50_000, 80_000))).collect()
}

fn exported(rules: &ExportRules) -> (tempfile::TempDir, Vec<[i128; 4]>, u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("export.parquet");
    let exported = write_export(&path, &stays(), rules).expect("there is room");
    let mut rows = Vec::new();
    let read = read_rows(&path, &["person", "place", "enter_at", "leave_at"], |_, values| {
        rows.push(values.map(|value| match value {
            Value::Number(number) => number,
            other => panic!("{other:?}"),
        }));
    });
    assert_eq!(read.expect("the file is whole"), exported.written.rows);
    (folder, rows, exported.left_out)
}

#[test]
fn an_export_has_new_numbers_coarse_times_and_no_place_of_few_people() {
    let (_folder, rows, left_out) = exported(&ExportRules::default());
    assert_eq!((rows.len(), left_out), (12, 3));
    // 1,000 s to 2,000 s and something, to quarters of an hour outwards.
    assert!(rows.iter().all(|&[_, place, enter, leave]| (place, enter, leave) == (0, 900, 2_700)));
    let persons: Vec<i128> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(persons, (0..12).collect::<Vec<_>>(), "numbers from 0, sorted: the order of the ledger is gone");
}

#[test]
fn two_exports_of_one_ledger_cannot_be_joined_by_number() {
    let rules = ExportRules { round_s: 1, persons_min: 0 };
    // Entering tells the person here, so who has which number can be compared.
    let numbers = |rows: Vec<[i128; 4]>| -> Vec<(i128, i128)> {
        let mut pairs: Vec<_> = rows.iter().filter(|row| row[2] < 2_000).map(|row| (row[2], row[0])).collect();
        pairs.sort_unstable();
        pairs
    };
    let (one, other) = (numbers(exported(&rules).1), numbers(exported(&rules).1));
    assert_eq!((one.len(), other.len()), (12, 12));
    assert_ne!(one, other, "the same order twice has a chance of one in 479,001,600");
}

#[test]
fn a_missing_column_and_a_file_that_is_no_parquet_are_named() {
    let (folder, ..) = exported(&ExportRules::default());
    let path = folder.path().join("export.parquet");
    let refused = read_rows(&path, &["person", "where"], |_, _| {}).expect_err("there is no such column");
    assert!(refused.to_string().ends_with("column `where` is missing; columns wanted: person, where"), "{refused}");
    let bytes = std::fs::read(&path).expect("the file");
    for at in [0, 3, 8, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..at]).expect("there is room");
        let refused = read_rows(&path, &["person"], |_, _| {});
        assert!(matches!(refused, Err(WarehouseError::Damaged { .. })), "cut at {at}: {refused:?}");
    }
    let refused = read_rows(Path::new("no-such.parquet"), &["person"], |_, _| {});
    assert!(matches!(refused, Err(WarehouseError::File { doing: "opened", .. })), "{refused:?}");
}
