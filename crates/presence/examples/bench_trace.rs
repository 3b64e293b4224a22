//! Times tracing on a large ledger and prints what it costs: `bench_trace DIR [DIR ...] [--runs N] [--only T1]`.
//!
//! Each folder holds `ledger.u32` (person, place, enter, leave), `cases.u32` (case, person, from, until) and
//! `places.u32` (place): little-endian 32-bit numbers, row after row, as `docs/methods/tracing.md` tells how to write
//! from the reference generator's Parquet files. Or `--rows N [--seed S]`: a ledger made here, of the same structure.

use std::time::{Duration, Instant};

use sizao_presence::{
    CaseNo, ExposureRules, IndexCase, PersonNo, PlaceNo, SecondaryRules, Span, Stay, View, find_contacts,
    find_secondary_contacts, find_visitors,
};

#[path = "bench_trace/city.rs"]
mod city;

/// What the program itself uses: memory that a question gave back is there for the next without the system's help.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DAY_S: u32 = 86_400;

/// 2022-03-01T00:00Z, the first midnight of the synthetic ledgers.
const START_S: u32 = 1_646_092_800;

struct Question {
    stays: Vec<Stay>,
    cases: Vec<IndexCase>,
    places: Vec<PlaceNo>,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut folders, mut rows, mut seed, mut runs, mut only) = (Vec::new(), None, 1, 7, String::new());
    while let Some(argument) = arguments.next() {
        if argument == "--only" {
            only = arguments.next().expect("T1, T2 or T3 follows");
            continue;
        }
        let mut number = || arguments.next().and_then(|text| text.parse::<u64>().ok()).expect("a number follows");
        match argument.as_str() {
            "--rows" => rows = Some(number() as usize),
            "--seed" => seed = number(),
            "--runs" => runs = number() as usize,
            _ => folders.push(argument),
        }
    }
    for folder in &folders {
        println!("## {folder}");
        bench(read(folder), runs, &only);
    }
    if let Some(rows) = rows {
        println!("## made here: {rows} rows, seed {seed}");
        bench(city::ledger(rows, seed), runs, &only);
    }
}

fn bench(question: Question, runs: usize, only: &str) {
    let runs_of = |name: &str| if name.starts_with(only) { runs } else { 0 };
    let Question { stays, cases, places } = question;
    let rows = stays.len();
    let (view, took) = timed(|| View::from_stays(stays).expect("the ledger fits an index"));
    let rate = rows as f64 / took.as_secs_f64() / 1e6;
    println!("index      {:9.1} ms  {rate:.1} M rows/s", millis(took));
    let per_row = view.bytes() as f64 / view.stay_count() as f64;
    println!("memory     {:.2} bytes a row, {} stays, {} persons", per_row, view.stay_count(), view.person_count());

    let rules = ExposureRules::at_least(600);
    let secondary = SecondaryRules { latency_s: 2 * DAY_S, now_s: START_S + 14 * DAY_S };
    for count in [1, 100, 1_000] {
        let cases = &cases[..count.min(cases.len())];
        let contacts = repeat(&format!("T1 K={count}"), runs_of("T1").max(1), || find_contacts(&view, cases, &rules));
        if count <= 100 || rows <= 60_000_000 {
            repeat(&format!("T2 K={count}"), runs_of("T2"), || {
                find_secondary_contacts(&view, cases, &contacts, &secondary, &rules)
            });
        }
    }
    let window = Span { from_s: START_S + 5 * DAY_S, until_s: START_S + 12 * DAY_S };
    repeat("T3", runs_of("T3"), || find_visitors(&view, &places, window));
    println!("peak       {:.2} GB resident", peak_bytes() as f64 / 1e9);
}

/// Runs a question several times and prints the median and least time and the number of rows.
fn repeat<T>(name: &str, runs: usize, ask: impl Fn() -> Vec<T>) -> Vec<T> {
    let (mut times, mut cpu_times) = (Vec::with_capacity(runs), Vec::with_capacity(runs));
    let mut answer = Vec::new();
    if runs == 0 {
        return Vec::new();
    }
    for _ in 0..runs {
        // What an earlier run has left is given back outside the measurement.
        drop(std::mem::take(&mut answer));
        let cpu_before = cpu_s();
        let (rows, took) = timed(&ask);
        cpu_times.push((cpu_s() - cpu_before) * 1e3);
        times.push(took);
        answer = rows;
    }
    times.sort_unstable();
    cpu_times.sort_unstable_by(f64::total_cmp);
    let (median, least) = (millis(times[times.len() / 2]), millis(times[0]));
    let (cpu, cpu_least) = (cpu_times[cpu_times.len() / 2], cpu_times[0]);
    let cpu = format!("cpu {cpu:9.2} ms  least {cpu_least:9.2} ms");
    println!("{name:10} {median:9.2} ms  least {least:9.2} ms  {cpu}  {:>9} rows", answer.len());
    answer
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures durations")]
fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let answer = run();
    (answer, start.elapsed())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn read(folder: &str) -> Question {
    let stays = numbers(&format!("{folder}/ledger.u32"), |[person, place, enter_s, leave_s]| Stay {
        person: PersonNo(person),
        place: PlaceNo(place),
        enter_s,
        leave_s,
    });
    let cases = numbers(&format!("{folder}/cases.u32"), |[case, person, from_s, until_s]| IndexCase {
        case: CaseNo(case),
        person: PersonNo(person),
        window: Span { from_s, until_s },
    });
    Question { stays, cases, places: numbers(&format!("{folder}/places.u32"), |[place]| PlaceNo(place)) }
}

fn numbers<const N: usize, T>(path: &str, make: impl Fn([u32; N]) -> T) -> Vec<T> {
    use std::io::Read;
    let file = std::fs::File::open(path).expect("the file is there");
    let rows = file.metadata().expect("the file has a size").len() as usize / (4 * N);
    let mut reader = std::io::BufReader::with_capacity(1 << 20, file);
    let mut items = Vec::with_capacity(rows);
    for _ in 0..rows {
        let row = std::array::from_fn(|_| {
            let mut bytes = [0; 4];
            reader.read_exact(&mut bytes).expect("the file holds whole rows");
            u32::from_le_bytes(bytes)
        });
        items.push(make(row));
    }
    items
}

/// CPU time of all threads so far, seconds, to the nanosecond; 0 where the system does not tell.
fn cpu_s() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let of = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    };
    tasks.filter_map(of).sum::<f64>() / 1e9
}

/// Most memory the process has held so far, bytes; 0 where the system does not tell.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1_024
}
