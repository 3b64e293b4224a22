//! Builds a city and writes its files: `cargo run --release --example city -- PEOPLE DAYS SEED DIR`.
//! With UNCONTROLLED set in the environment nobody looks for cases.

#![expect(clippy::disallowed_methods, reason = "an example measures how long it takes")]

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
    time::Instant,
};

use sizao_drill::city::{City, CityOptions, Sink};

struct Folder {
    path: PathBuf,
    file: Option<BufWriter<File>>,
    started: Instant,
}

impl Sink for Folder {
    fn create(&mut self, name: &str) -> io::Result<&mut dyn Write> {
        println!("{:6.1} s  {name}", self.started.elapsed().as_secs_f64());
        Ok(self.file.insert(BufWriter::with_capacity(1 << 20, File::create(self.path.join(name))?)))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [people, days, seed, dir] = &arguments[..] else {
        return Err("give PEOPLE DAYS SEED DIR".into());
    };
    let started = Instant::now();
    let city = City::build(CityOptions {
        is_controlled: std::env::var_os("UNCONTROLLED").is_none(),
        ..CityOptions::new(people.parse()?, days.parse()?, seed.parse()?)
    })?;
    println!("{:6.1} s  built", started.elapsed().as_secs_f64());
    std::fs::create_dir_all(dir)?;
    let written = city.write_to(&mut Folder { path: dir.into(), file: None, started })?;
    println!("{:6.1} s  {written:?}", started.elapsed().as_secs_f64());
    let facts: usize = (0..city.blocks().len() as u32)
        .flat_map(|block| city.dossiers_of_block(block))
        .map(|dossier| dossier.facts.len())
        .sum();
    println!("{:6.1} s  {facts} facts in dossiers, on one thread", started.elapsed().as_secs_f64());
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        status.lines().filter(|line| line.starts_with("VmHWM")).for_each(|line| println!("{line}"));
    }
    Ok(())
}
