//! The map of the province by county, drawn by the server from outlines that come with it.

use std::{collections::HashMap, fmt::Write, sync::OnceLock};

use sizao_app::board::Board;
use sizao_model::{DivisionCode, division::DivisionLevel};

use crate::lang::Lang;

/// Made by `scripts/map.py`; see NOTICE.
const OUTLINES: &str = include_str!("../assets/henan.txt");

/// Upper edges of the classes, per 100,000 in seven days; fixed, so that pictures of two days can be compared.
pub(crate) const EDGES: [f64; 4] = [0.25, 0.5, 1.0, 2.0];

struct Outline {
    code: DivisionCode,
    zh: &'static str,
    en: &'static str,
    people: u64,
    x: i32,
    y: i32,
    path: &'static str,
}

struct Map {
    width: u32,
    height: u32,
    counties: Vec<Outline>,
    cities: Vec<Outline>,
}

fn map() -> &'static Map {
    static MAP: OnceLock<Map> = OnceLock::new();
    MAP.get_or_init(|| {
        let mut map = Map { width: 0, height: 0, counties: Vec::new(), cities: Vec::new() };
        for line in OUTLINES.lines() {
            let cells: Vec<&'static str> = line.split('\t').collect();
            match *cells.as_slice() {
                ["size", width, height] => {
                    (map.width, map.height) = (width.parse().unwrap_or(0), height.parse().unwrap_or(0))
                }
                [kind, code, zh, en, people, x, y, path] => {
                    let number = |text: &str| text.parse().expect("the map's numbers are numbers");
                    let code = DivisionCode::parse(code).expect("the map's codes are codes");
                    let outline =
                        Outline { code, zh, en, people: people.parse().unwrap_or(0), x: number(x), y: number(y), path };
                    if kind == "county" { map.counties.push(outline) } else { map.cities.push(outline) }
                }
                _ => {}
            }
        }
        map
    })
}

/// English name of a county or city of the province, or of the province.
pub(crate) fn english(division: DivisionCode) -> Option<String> {
    static NAMES: OnceLock<HashMap<DivisionCode, &'static str>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let all = map().counties.iter().chain(&map().cities);
        all.map(|outline| (outline.code, outline.en)).chain([(DivisionCode::HENAN, "Henan Province")]).collect()
    });
    names.get(&division).or_else(|| names.get(&division.at(DivisionLevel::County)?)).map(|name| (*name).to_owned())
}

/// Infections per 100,000 people of a county, functional zones counted with their host.
pub(crate) fn rate(county: DivisionCode, count: u64) -> Option<f64> {
    let all = map().counties.iter().chain(&map().cities);
    let people = all.filter(|outline| outline.code == county).map(|outline| outline.people).next()?;
    (people > 0).then(|| count as f64 * 100_000.0 / people as f64)
}

/// A drawn map.
pub(crate) struct Drawn {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) body: String,
    /// In words, for those who do not see it.
    pub(crate) words: String,
    /// Infections whose county the map does not have.
    pub(crate) elsewhere: u64,
}

/// Draws the counties of a board: those outside its division stay pale.
pub(crate) fn draw(board: &Board, lang: Lang) -> Drawn {
    let map = map();
    let counts: HashMap<DivisionCode, Option<u64>> =
        board.counties.iter().map(|line| (line.county, line.week)).collect();
    let mut body = String::new();
    let mut drawn = 0;
    for county in &map.counties {
        let inside = county.code.is_under(board.within);
        let count = counts.get(&county.code).copied().unwrap_or(Some(0));
        drawn += count.filter(|_| inside).unwrap_or(0);
        let class = if !inside {
            "mx"
        } else {
            match count {
                None => "mh",
                Some(count) => class_of(rate(county.code, count).unwrap_or(0.0)),
            }
        };
        let name = if lang == Lang::Zh { county.zh } else { county.en };
        let told = match count {
            _ if !inside => name.to_owned(),
            Some(count) => format!("{name}: {count} ({:.2})", rate(county.code, count).unwrap_or(0.0)),
            None => format!("{name}: <5"),
        };
        let shape = format!("<path class=\"{class}\" d=\"{}\"><title>{told}</title></path>", county.path);
        if board.opens && inside && count != Some(0) {
            let _ = write!(
                body,
                "<a href=\"/people?group=new-7d&amp;division={}\" aria-label=\"{told}\">{shape}</a>",
                county.code
            );
        } else {
            body.push_str(&shape);
        }
    }
    for city in &map.cities {
        let _ = write!(body, "<path class=\"mc\" d=\"{}\"/>", city.path);
    }
    for city in map.cities.iter().filter(|city| city.code.is_under(board.within)) {
        let name = if lang == Lang::Zh { city.zh } else { city.en };
        let _ = write!(body, "<text x=\"{}\" y=\"{}\">{name}</text>", city.x, city.y + 8);
    }
    let all: u64 = board.counties.iter().filter_map(|line| line.week).sum();
    let mut highest: Vec<(f64, &Outline)> = map
        .counties
        .iter()
        .filter(|county| county.code.is_under(board.within))
        .filter_map(|county| Some((rate(county.code, (*counts.get(&county.code)?)?)?, county)))
        .collect();
    highest.sort_by(|a, b| b.0.total_cmp(&a.0));
    let words: Vec<String> = highest
        .iter()
        .take(3)
        .map(|(rate, county)| format!("{} {rate:.2}", if lang == Lang::Zh { county.zh } else { county.en }))
        .collect();
    Drawn {
        width: map.width,
        height: map.height,
        body,
        words: words.join(if lang == Lang::Zh { "，" } else { ", " }),
        elsewhere: all - drawn.min(all),
    }
}

/// Draws the counties of a division with a diamond where a signal is: filled while it waits for an answer.
pub(crate) fn signals(within: DivisionCode, marks: &[(DivisionCode, bool)], lang: Lang) -> Drawn {
    let map = map();
    let mut body = String::new();
    for county in &map.counties {
        let class = if county.code.is_under(within) { "m0" } else { "mx" };
        let _ = write!(body, "<path class=\"{class}\" d=\"{}\"/>", county.path);
    }
    for city in &map.cities {
        let _ = write!(body, "<path class=\"mc\" d=\"{}\"/>", city.path);
    }
    let name = |outline: &Outline| if lang == Lang::Zh { outline.zh } else { outline.en };
    for city in map.cities.iter().filter(|city| city.code.is_under(within)) {
        let _ = write!(body, "<text x=\"{}\" y=\"{}\">{}</text>", city.x, city.y + 8, name(city));
    }
    let mut words = Vec::new();
    for (place, is_open) in marks {
        let Some(county) = map.counties.iter().find(|county| county.code == *place) else { continue };
        let class = if *is_open { "dia" } else { "dia done" };
        let _ = write!(
            body,
            "<path class=\"{class}\" d=\"M{} {}l13 13l-13 13l-13 -13z\"><title>{}</title></path>",
            county.x,
            county.y - 13,
            name(county)
        );
        if !words.contains(&name(county)) {
            words.push(name(county));
        }
    }
    let elsewhere = marks.iter().filter(|(place, _)| map.counties.iter().all(|county| county.code != *place)).count();
    let words = words.join(if lang == Lang::Zh { "，" } else { ", " });
    Drawn { width: map.width, height: map.height, body, words, elsewhere: elsewhere as u64 }
}

fn class_of(rate: f64) -> &'static str {
    match rate {
        rate if rate <= 0.0 => "m0",
        rate if rate < EDGES[0] => "m1",
        rate if rate < EDGES[1] => "m2",
        rate if rate < EDGES[2] => "m3",
        rate if rate < EDGES[3] => "m4",
        _ => "m5",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_has_every_county_of_the_province_and_all_its_people() {
        assert_eq!((map().counties.len(), map().cities.len()), (157, 18));
        // The seventh census: 99,365,519 people.
        assert_eq!(map().counties.iter().map(|county| county.people).sum::<u64>(), 99_365_519);
    }

    #[test]
    fn zero_is_a_class_of_its_own() {
        assert_eq!([0.0, 0.01, 0.25, 0.99, 1.0, 2.0].map(class_of), ["m0", "m1", "m2", "m3", "m4", "m5"]);
    }
}
