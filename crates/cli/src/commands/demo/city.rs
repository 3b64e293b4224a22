//! `sizao demo city`: an invented city, written as files.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, Result};
use serde_json::json;
use sizao_drill::city::{City, CityOptions, Sink};

use crate::{
    args::DemoCity,
    output::{say, thousands},
};

/// A folder, file after file.
struct Folder {
    path: PathBuf,
    file: Option<BufWriter<File>>,
}

impl Sink for Folder {
    fn create(&mut self, name: &str) -> io::Result<&mut dyn Write> {
        if let Some(file) = &mut self.file {
            file.flush()?;
        }
        Ok(self.file.insert(BufWriter::with_capacity(1 << 20, File::create(self.path.join(name))?)))
    }
}

pub fn run(order: &DemoCity, json: bool) -> Result<ExitCode> {
    fs::create_dir_all(&order.out).with_context(|| format!("making the folder {}", order.out.display()))?;
    let city = City::build(CityOptions::new(order.people, order.days, order.seed))?;
    let mut folder = Folder { path: order.out.clone(), file: None };
    let written = city.write_to(&mut folder).with_context(|| format!("writing to {}", order.out.display()))?;
    if let Some(mut file) = folder.file {
        file.flush()?;
    }
    say(
        json,
        || {
            format!(
                "An invented city of {} people over {} days is in {}: {} facts, {} stays, {} truths. Nobody in it is real.",
                thousands(written.people),
                order.days,
                order.out.display(),
                thousands(written.facts),
                thousands(written.stays),
                thousands(written.truths)
            )
        },
        || {
            json!({
                "out": order.out, "people": written.people, "records": written.records, "facts": written.facts,
                "stays": written.stays, "truths": written.truths, "bytes": written.bytes, "seed": order.seed,
            })
        },
    );
    Ok(ExitCode::SUCCESS)
}
