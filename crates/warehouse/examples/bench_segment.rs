//! Writes the stays of a ledger as day segments and reads them back: `bench_segment LEDGER.parquet FOLDER`.
//!
//! Prints rows a second and bytes a row over all days.

use std::path::Path;
use std::time::Instant;

use sizao_warehouse::{SegmentKey, SegmentStay, Value, read_rows, read_segment, write_segment};

const DAY_S: u32 = 86_400;

#[expect(clippy::disallowed_methods, reason = "a benchmark measures durations")]
fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, ledger, folder] = &arguments[..] else { panic!("a Parquet file and a folder follow") };
    let mut days: Vec<Vec<SegmentStay>> = Vec::new();
    let start = Instant::now();
    let columns = ["person_id", "place_id", "enter_ts", "leave_ts"];
    let rows = read_rows(Path::new(ledger), &columns, |row, values| {
        let [person, place, enter_s, leave_s] = values.map(|value| match value {
            Value::Number(number) => number as u32,
            other => panic!("row {row}: {other:?}"),
        });
        let day = (leave_s / DAY_S) as usize;
        let first = days.len();
        if days.is_empty() || day >= first {
            days.resize_with(day + 1, Vec::new);
        }
        days[day].push(SegmentStay { person, place, enter_s, leave_s });
    });
    let rows = rows.expect("the ledger is whole");
    println!("other's    {:.1} M rows/s read", rows as f64 / start.elapsed().as_secs_f64() / 1e6);

    days.retain(|day| !day.is_empty());
    std::fs::create_dir_all(folder).expect("a folder");
    let key = SegmentKey::new([7; 32]);
    let (mut bytes, start) = (0, Instant::now());
    let mut files = Vec::new();
    for (number, stays) in days.drain(..).enumerate() {
        let path = Path::new(folder).join(format!("{number}.seg"));
        let written = write_segment(&path, stays, &key).expect("there is room");
        bytes += written.bytes;
        files.push((path, written));
    }
    println!("written    {:.1} M rows/s, synced", rows as f64 / start.elapsed().as_secs_f64() / 1e6);
    println!("on disk    {:.2} bytes a row in {} segments", bytes as f64 / rows as f64, files.len());
    let (mut back, start) = (0, Instant::now());
    let cpu = cpu_s();
    for (path, written) in &files {
        back += read_segment(path, &key, Some(written.sha256)).expect("the segment is whole").len() as u64;
    }
    let (wall, cpu) = (start.elapsed().as_secs_f64(), cpu_s() - cpu);
    println!(
        "read back  {:.1} M rows/s wall, {:.1} M rows per CPU second",
        back as f64 / wall / 1e6,
        back as f64 / cpu / 1e6
    );
    assert_eq!(back, rows);
}

/// CPU time of the process so far, seconds; 0 where the system does not tell.
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: f64 = fields.iter().skip(11).take(2).filter_map(|text| text.parse::<f64>().ok()).sum();
    ticks / 100.0
}
