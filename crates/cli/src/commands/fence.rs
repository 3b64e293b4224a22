//! `sizao fence`: where points lie, and who seems to have come in. No store, no clock: files in, files out.

mod detect;
mod locate;
mod polygons;
mod server;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Args as ClapArgs, Subcommand, ValueEnum};

pub use server::setup as server_setup;

#[derive(Subcommand, Debug)]
pub enum Fence {
    /// Say for each point of a file in which county, city and province it lies.
    #[command(after_help = LOCATE_EXAMPLES)]
    Locate(Locate),
    /// Ask who came in, from records of cell towers in order of receipt. For synthetic data.
    #[command(after_help = DETECT_EXAMPLES)]
    Detect(Detect),
}

const LOCATE_EXAMPLES: &str = "\
Columns read: id, lon, lat and, where points differ in it, datum (wgs84, cgcs2000 or gcj02).
Columns written: id, status, county, city, province. A status is `inside`, `outside` (another province), `at_sea_or_abroad`,
or what is wrong with the row. A point on a border belongs to the unit on its east; on a border that runs due west-east, to
the one on its north.

Exit codes: 0 all rows are answered, 2 some rows are wrong, 1 nothing could be read.";

const DETECT_EXAMPLES: &str = "\
Example:
  sizao fence detect --towers towers.csv --observations observations.csv --prior prior.csv \\
      --border border.json --out detections.csv

Exit codes: 0 all rows were taken, 2 some rows were wrong and left out, 1 nothing could be read.";

/// What a position refers to.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatumName {
    /// WGS-84, of satellites; CGCS2000 is taken as the same.
    Wgs84,
    /// The shifted datum of Chinese web maps.
    Gcj02,
}

#[derive(ClapArgs, Debug)]
pub struct Locate {
    /// CSV with id, lon, lat and perhaps datum; - is standard input.
    #[arg(long = "in", value_name = "FILE")]
    pub points: PathBuf,
    /// File to write; - is standard output.
    #[arg(long)]
    pub out: PathBuf,
    /// Folder with henan_counties.geojson, henan_cities.geojson, henan_province.geojson and perhaps cn_provinces.geojson;
    /// without it, the folder `geo` in SIZAO_REFERENCE.
    #[arg(long, value_name = "FOLDER")]
    pub polygons: Option<PathBuf>,
    /// Datum of points whose row names none.
    #[arg(long, value_enum, default_value = "wgs84")]
    pub datum: DatumName,
}

#[derive(ClapArgs, Debug)]
pub struct Detect {
    /// Towers: tower_id, lon, lat, class.
    #[arg(long)]
    pub towers: PathBuf,
    /// Records in order of receipt: recv_ms, person_id, tower_id, event_ms; - is standard input.
    #[arg(long)]
    pub observations: PathBuf,
    /// Side on which people were last known: person_id, prior_side.
    #[arg(long)]
    pub prior: PathBuf,
    /// The border: GeoJSON, in the datum of the towers.
    #[arg(long)]
    pub border: PathBuf,
    /// Local planes of the towers. Taken for the sake of the layout and not needed: squares are laid in degrees.
    #[arg(long)]
    pub sites: Option<PathBuf>,
    /// File to write: person_id, declared_ms; - is standard output.
    #[arg(long)]
    pub out: PathBuf,
    /// File for the questions with probability and evidence in words, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    pub questions: Option<PathBuf>,
    /// Probability from which on a question is asked.
    #[arg(long, value_name = "SHARE")]
    pub ask_at: Option<f32>,
    /// Go on from a full snapshot.
    #[arg(long, value_name = "FILE")]
    pub resume: Option<PathBuf>,
    /// Write a full snapshot at the end. It holds times and places: for synthetic data only.
    #[arg(long, value_name = "FILE")]
    pub snapshot: Option<PathBuf>,
    /// At this time of receipt forget all but what a server may keep, as a restart of it does; milliseconds.
    #[arg(long, value_name = "MS")]
    pub restart_at: Option<i64>,
    /// After so many rows that are wrong nothing more is read of the file.
    #[arg(long, default_value_t = 100_000, value_name = "ROWS")]
    pub faults_max: u64,
}

pub fn run(order: Fence, json: bool) -> Result<ExitCode> {
    match order {
        Fence::Locate(order) => locate::run(&order, json),
        Fence::Detect(order) => detect::run(&order, json),
    }
}
