//! The fence of a server: towers, border and priors from files.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};
use sizao_app::fence::FenceSetup;
use sizao_model::DivisionCode;
use sizao_presence::{Detector, FenceRules, Gcj02, Level, Locator, TowerTable, read_priors};

use super::polygons;

/// Reads the files and makes a detector that has seen nothing.
pub fn setup(towers: &Path, border: &Path, prior: Option<&Path>, area: DivisionCode) -> Result<FenceSetup> {
    let areas = polygons::read(border, Level::Province)?;
    let locator = Locator::<Gcj02>::new(&areas).with_context(|| border.display().to_string())?;
    let vertices = || areas.iter().flat_map(|area| &area.rings).flatten();
    let far = f64::INFINITY;
    let south_west = vertices().fold((far, far), |low, vertex| (low.0.min(vertex.0), low.1.min(vertex.1)));
    let north_east = vertices().fold((-far, -far), |high, vertex| (high.0.max(vertex.0), high.1.max(vertex.1)));
    let bytes = fs::read(towers).with_context(|| format!("opening {}", towers.display()))?;
    let table = TowerTable::read(&bytes, (south_west, north_east))?;
    if table.towers.is_empty() {
        bail!("{}: no tower can be used", towers.display());
    }
    let prior = match prior {
        None => Default::default(),
        Some(path) => read_priors(&fs::read(path).with_context(|| format!("opening {}", path.display()))?)?.0,
    };
    let is_inside = |lon, lat| locator.locate_degrees(lon, lat).unit(Level::Province).is_some();
    let detector = Detector::new(&table.towers, is_inside, prior, FenceRules::default());
    Ok(FenceSetup { towers: table, detector, area })
}
