//! People assessed a second on one core, over an invented city: `cargo run --release --example assess -- PEOPLE SEED`.
//! All packs of the repository are in force, each in its time; each person is assessed once, evidence included, as of the last day of the city.

#![expect(clippy::disallowed_methods, reason = "an example measures how long it takes")]

use std::time::Instant;

use sizao_drill::city::{City, CityOptions};
use sizao_policy::{Dossier, Pack, PackTimeline, assess};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [people, seed] = &arguments[..] else {
        return Err("give PEOPLE SEED".into());
    };
    let mut packs = Vec::new();
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies"))? {
        let folder = entry?.path();
        let id = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let text = std::fs::read_to_string(folder.join("pack.toml"))?;
        packs.push(Pack::from_toml(&id, &text).map_err(|errors| format!("{errors:?}"))?);
    }
    println!("{} packs", packs.len());
    let packs = PackTimeline::new(packs)?;
    let options = CityOptions::new(people.parse()?, 14, seed.parse()?);
    let now = options.start_on.plus_days(14).start();
    let city = City::build(options)?;
    let (mut assessed, mut facts, mut measures, mut seconds) = (0usize, 0usize, 0usize, 0f64);
    for block in 0..city.blocks().len() as u32 {
        let dossiers = city.dossiers_of_block(block);
        let borrowed: Vec<Dossier<'_>> = dossiers
            .iter()
            .map(|dossier| Dossier { person: dossier.id, facts: dossier.facts.iter().collect() })
            .collect();
        let started = Instant::now();
        for dossier in &borrowed {
            measures += assess(dossier, &packs, now, now).measures.len();
        }
        seconds += started.elapsed().as_secs_f64();
        assessed += borrowed.len();
        facts += borrowed.iter().map(|dossier| dossier.facts.len()).sum::<usize>();
    }
    let rate = assessed as f64 / seconds;
    println!("{assessed} people, {facts} facts in dossiers, {measures} measures: {rate:.0} people/s on one core");
    Ok(())
}
