//! Polygons from GeoJSON.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use sizao_presence::{Area, Level};

/// Every polygon of a file, one area a feature.
pub fn read(path: &Path, level: Level) -> Result<Vec<Area>> {
    let text = fs::read_to_string(path).with_context(|| format!("opening {}", path.display()))?;
    let json: Value = serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))?;
    let mut areas = Vec::new();
    features(&json, level, &mut areas).with_context(|| format!("{} is no GeoJSON of polygons", path.display()))?;
    if areas.is_empty() {
        bail!("{}: no polygon in it", path.display());
    }
    Ok(areas)
}

fn features(json: &Value, level: Level, areas: &mut Vec<Area>) -> Result<()> {
    match json["type"].as_str() {
        Some("FeatureCollection") => {
            for feature in json["features"].as_array().context("features are no list")? {
                features(feature, level, areas)?;
            }
        }
        Some("Feature") => {
            let rings = rings(&json["geometry"])?;
            let code = json["properties"]["code"].as_str().unwrap_or("?").to_owned();
            if !rings.is_empty() {
                areas.push(Area { level, code, rings });
            }
        }
        _ => areas.push(Area { level, code: "border".to_owned(), rings: rings(json)? }),
    }
    Ok(())
}

/// The rings of a polygon; of lines, none.
fn rings(geometry: &Value) -> Result<Vec<Vec<(f64, f64)>>> {
    let list = |value: &Value| value.as_array().cloned().context("coordinates are no list");
    let polygons = match geometry["type"].as_str() {
        Some("Polygon") => vec![geometry["coordinates"].clone()],
        Some("MultiPolygon") => list(&geometry["coordinates"])?,
        Some("LineString" | "MultiLineString") => Vec::new(),
        other => bail!("geometry {}: Polygon or MultiPolygon is wanted", other.unwrap_or("without a type")),
    };
    let mut rings = Vec::new();
    for ring in polygons.iter().map(list).collect::<Result<Vec<_>>>()?.into_iter().flatten() {
        let vertex =
            |vertex: Value| vertex[0].as_f64().zip(vertex[1].as_f64()).context("a vertex is no pair of numbers");
        rings.push(list(&ring)?.into_iter().map(vertex).collect::<Result<_>>()?);
    }
    Ok(rings)
}
