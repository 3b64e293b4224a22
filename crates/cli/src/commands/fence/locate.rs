//! `sizao fence locate`.

use std::{
    collections::BTreeMap,
    env,
    io::{Read, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, Result};
use serde_json::json;
use sizao_presence::{
    Area, ColumnMissing, Gcj02, Level, Locator, Place, PlainTable, Point, PointFault, RowFault, Wgs84,
};

use super::{DatumName, Locate, polygons};
use crate::output::{self, WholeFile};

struct Map {
    locator: Locator<Wgs84>,
    codes: [Vec<String>; 3],
    /// All provinces, roughly: tells the next province from the sea.
    country: Vec<Locator<Wgs84>>,
}

pub fn run(order: &Locate, json: bool) -> Result<ExitCode> {
    let map = load(order)?;
    let mut bytes = Vec::new();
    if order.points.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut bytes)?;
    } else {
        output::reader(&order.points)?.read_to_end(&mut bytes)?;
    }
    let mut out = WholeFile::create(&order.out)?;
    writeln!(out, "id,status,county,city,province")?;
    let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
    let (mut rows, mut wrong) = (0_u64, 0_u64);
    each_row(&bytes, |number, row| {
        let row_id;
        let (id, answer) = match row {
            Ok([id, lon, lat, datum]) => (id, point(lon, lat, datum, order.datum)),
            Err(fault) => {
                row_id = format!("row {number}");
                (row_id.as_bytes(), Err(fault.name()))
            }
        };
        rows += 1;
        let (status, codes) = match answer {
            Ok(point) => place(&map, point),
            Err(fault) => {
                wrong += 1;
                (fault, [""; 3])
            }
        };
        *counts.entry(status).or_default() += 1;
        out.write_all(id)?;
        Ok(writeln!(out, ",{status},{}", codes.join(","))?)
    })?;
    out.finish()?;
    if order.out.as_os_str() != "-" {
        let words = || {
            let counts: Vec<_> =
                counts.iter().map(|(status, count)| format!("  {status} {}", output::thousands(*count))).collect();
            format!("{} rows\n{}", output::thousands(rows), counts.join("\n"))
        };
        output::say(json, words, || json!({ "rows": rows, "status": counts }));
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

fn load(order: &Locate) -> Result<Map> {
    let folder = match &order.polygons {
        Some(folder) => folder.clone(),
        None => PathBuf::from(env::var_os("SIZAO_REFERENCE").context("name a folder with --polygons")?).join("geo"),
    };
    let files = [(Level::County, "henan_counties"), (Level::City, "henan_cities"), (Level::Province, "henan_province")];
    let mut areas: Vec<Area> = Vec::new();
    for (level, name) in files {
        areas.extend(polygons::read(&folder.join(format!("{name}.geojson")), level)?);
    }
    let locator = Locator::new(&areas).with_context(|| format!("polygons of {}", folder.display()))?;
    let of = |level| areas.iter().filter(|area| area.level == level).map(|area| area.code.clone()).collect();
    let country = folder.join("cn_provinces.geojson");
    // The outline of the country is simplified, so its provinces may overlap a little: the answer is only land or not.
    let country = if country.exists() { outlines(&polygons::read(&country, Level::Province)?) } else { Vec::new() };
    Ok(Map { locator, codes: Level::ALL.map(of), country })
}

/// One look-up per province: simplified outlines overlap, and then one look-up for all is refused.
fn outlines(areas: &[Area]) -> Vec<Locator<Wgs84>> {
    areas.iter().filter_map(|area| Locator::new(std::slice::from_ref(area)).ok()).collect()
}

/// Calls `visit` with the number of each row and its id, lon, lat and datum; the datum is empty where there is no such column.
fn each_row(bytes: &[u8], mut visit: impl FnMut(u64, Result<[&[u8]; 4], RowFault>) -> Result<()>) -> Result<()> {
    match PlainTable::open("points", bytes, ["id", "lon", "lat", "datum"]) {
        Ok(mut table) => {
            while let Some(row) = table.next_row() {
                visit(table.row, row)?;
            }
        }
        Err(ColumnMissing { column: "datum", .. }) => {
            let mut table = PlainTable::open("points", bytes, ["id", "lon", "lat"])?;
            while let Some(row) = table.next_row() {
                visit(table.row, row.map(|[id, lon, lat]| [id, lon, lat, b""]))?;
            }
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

fn point(lon: &[u8], lat: &[u8], datum: &[u8], usual: DatumName) -> Result<Point<Wgs84>, &'static str> {
    let datum = match datum.trim_ascii().to_ascii_lowercase().as_slice() {
        b"" => usual,
        b"wgs84" | b"wgs-84" | b"cgcs2000" => DatumName::Wgs84,
        b"gcj02" | b"gcj-02" => DatumName::Gcj02,
        _ => return Err("unknown_datum"),
    };
    let degrees = |cell: &[u8]| std::str::from_utf8(cell).ok().and_then(|text| text.trim().parse::<f64>().ok());
    let (lon, lat) = degrees(lon).zip(degrees(lat)).ok_or(PointFault::NotANumber.name())?;
    match datum {
        DatumName::Wgs84 => Point::<Wgs84>::new(lon, lat),
        DatumName::Gcj02 => Point::<Gcj02>::new(lon, lat).map(Point::<Gcj02>::to_wgs84),
    }
    .map_err(PointFault::name)
}

fn place(map: &Map, point: Point<Wgs84>) -> (&'static str, [&str; 3]) {
    let place = map.locator.locate(point);
    let codes = Level::ALL.map(|level| match place.unit(level) {
        Some(unit) => map.codes[level as usize][usize::from(unit.0)].as_str(),
        None => "",
    });
    let on_land = map.country.is_empty() || map.country.iter().any(|province| province.locate(point) != Place::NOWHERE);
    let status = match (codes.iter().any(|code| !code.is_empty()), on_land) {
        (true, _) => "inside",
        (false, true) => "outside",
        (false, false) => "at_sea_or_abroad",
    };
    (status, codes)
}
