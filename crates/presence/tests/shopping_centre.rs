//! Hong Kong, third wave of 2020: from the published visits of cases alone, backward tracing has to name the
//! shopping centre of Tsz Wan Shan. Read from the reference folder; nothing of it is kept here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use sizao_presence::{CaseNo, IndexCase, PersonNo, PlaceNo, SourceRules, Span, Stay, View, find_sources};

const DAY_S: u32 = 86_400;
const CENTRE: &str = "tsz wan shan shopping centre";

fn reference() -> Option<PathBuf> {
    let folder = std::env::var_os("SIZAO_REFERENCE").map(PathBuf::from);
    if folder.is_none() {
        assert!(std::env::var_os("CI").is_none(), "CI runs with SIZAO_REFERENCE");
        eprintln!("not run: reference data absent");
    }
    Some(folder?.join("data/hk-case-buildings"))
}

/// Day number of `2020-MM-DD`, counted from 1970.
fn day(text: &str) -> Option<u32> {
    let rest = text.strip_prefix("2020-")?;
    let (month, day) = rest.split_once('-')?;
    let (month, day): (usize, u32) = (month.parse().ok()?, day.parse().ok()?);
    let before = [0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335];
    Some(18_262 + before[month - 1] + day - 1)
}

/// Letters and digits, since buildings are spelled in several ways.
fn building(name: &str) -> String {
    let plain: String = name.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let words: Vec<&str> = plain.split_whitespace().filter(|word| !["non", "residential"].contains(word)).collect();
    words.join(" ")
}

/// A dated visit of a case: case, place, day of the visit, day of the report.
type Visit = (u32, u32, u32, u32);

fn visits(folder: &std::path::Path) -> (Vec<Visit>, u32) {
    let open = |file: &str| csv::Reader::from_path(folder.join(file)).expect("the file is there");
    let reported: BTreeMap<u32, u32> = open("linelist.csv")
        .records()
        .map(|row| row.expect("a row"))
        .filter_map(|row| Some((row[0].parse().ok()?, day(&row[1])?)))
        .collect();
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    let mut visits = Vec::new();
    for row in open("visits.csv").records().map(|row| row.expect("a row")) {
        // Residences have no date; a few odd case cells name no case.
        let (Ok(case), Some(visited)) = (row[0].parse::<u32>(), day(&row[3])) else { continue };
        let Some(&reported) = reported.get(&case) else { continue };
        let next = numbers.len() as u32;
        let place = *numbers.entry(building(&row[2])).or_insert(next);
        visits.push((case, place, visited, reported));
    }
    let centre = numbers[CENTRE];
    visits.sort_unstable();
    visits.dedup();
    (visits, centre)
}

/// Rank of the centre among places on the evening of `today`, by what is known then of cases reported in 7 days.
fn rank(visits: &[Visit], centre: u32, today: u32) -> Option<usize> {
    let known: Vec<&Visit> = visits.iter().filter(|visit| visit.3 <= today && visit.2 <= today).collect();
    let stay = |&&(case, place, visited, _): &&Visit| Stay {
        person: PersonNo(case),
        place: PlaceNo(place),
        enter_s: visited * DAY_S,
        leave_s: (visited + 1) * DAY_S,
    };
    let view = View::from_stays(known.iter().map(stay).collect()).expect("the visits fit");
    let recent: BTreeMap<u32, u32> =
        known.iter().filter(|visit| visit.3 + 7 > today).map(|visit| (visit.0, visit.3)).collect();
    let window = |reported: u32| Span { from_s: (reported - 14) * DAY_S, until_s: (reported + 1) * DAY_S };
    let cases: Vec<IndexCase> = recent
        .iter()
        .map(|(&case, &reported)| IndexCase { case: CaseNo(case), person: PersonNo(case), window: window(reported) })
        .collect();
    let found = find_sources(&view, &cases, &SourceRules { rows_max: usize::MAX, ..SourceRules::default() });

    // The obvious count: different recent cases that were there in their windows.
    let mut there: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for visit in &known {
        if let Some(&reported) = recent.get(&visit.0)
            && (reported - 14..=reported).contains(&visit.2)
        {
            there.entry(visit.1).or_default().insert(visit.0);
        }
    }
    for place in &found.places {
        let cases: Vec<u32> = place.weight.cases.iter().map(|case| case.0).collect();
        assert_eq!(cases, there[&place.place.0].iter().copied().collect::<Vec<_>>());
    }
    assert_eq!(found.places.len(), there.values().filter(|cases| cases.len() > 1).count());
    found.places.iter().position(|place| place.place == PlaceNo(centre)).map(|at| at + 1)
}

#[test]
fn the_shopping_centre_leads_the_list_through_late_july_and_early_august() {
    let Some(folder) = reference() else { return };
    let (visits, centre) = visits(&folder);
    let date = |text: &str| day(text).expect("a day of 2020");
    let ranks: Vec<Option<usize>> =
        (date("2020-07-05")..=date("2020-08-31")).map(|today| rank(&visits, centre, today)).collect();
    for (offset, rank) in ranks.iter().enumerate() {
        let (month, day) = if offset < 27 { (7, offset + 5) } else { (8, offset - 26) };
        println!("2020-{month:02}-{day:02} rank {rank:?}");
    }
    let of = |text: &str| ranks[(date(text) - date("2020-07-05")) as usize];
    assert_eq!(of("2020-07-05"), None, "before the wave nothing points there");
    // The first public copy with the cluster is of 22 July: by then it must stand first, and stay there.
    for today in date("2020-07-22")..=date("2020-08-10") {
        assert_eq!(ranks[(today - date("2020-07-05")) as usize], Some(1), "day {today}");
    }
}
