//! Hong Kong, third wave of 2020: from the published visits of cases alone, backward tracing has to name the
//! shopping centre of Tsz Wan Shan. Read from the reference folder; nothing of it is kept here.
//!
//! The publisher gave all cases of one cluster the day of its last visit and moved it on with each copy of the list, also
//! beyond the day on which a case was reported. So what counts here is what a copy of the list said on its day.

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

/// A dated visit of a case: case, place, day of the visit, day of the first copy of the list that has it.
type Visit = (u32, u32, u32, u32);

fn visits(folder: &std::path::Path) -> (Vec<Visit>, u32) {
    let mut reader = csv::Reader::from_path(folder.join("visits.csv")).expect("the file is there");
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    let mut visits = Vec::new();
    for row in reader.records().map(|row| row.expect("a row")) {
        // Residences have no date; a few odd case cells name no case.
        let (Ok(case), Some(visited), Some(copied)) = (row[0].parse::<u32>(), day(&row[3]), day(&row[4])) else {
            continue;
        };
        let next = numbers.len() as u32;
        let place = *numbers.entry(building(&row[2])).or_insert(next);
        visits.push((case, place, visited, copied));
    }
    let centre = numbers[CENTRE];
    visits.sort_unstable();
    visits.dedup();
    (visits, centre)
}

/// Days before a copy in which places are looked for.
const WINDOW_DAYS: u32 = 14;

/// Ranks of the centre among places and among events, by what the copies up to `today` say of the last 14 days.
fn ranks(visits: &[Visit], centre: u32, today: u32) -> [Option<usize>; 2] {
    let known: Vec<&Visit> = visits.iter().filter(|visit| visit.3 <= today).collect();
    let stay = |&&(case, place, visited, _): &&Visit| Stay {
        person: PersonNo(case),
        place: PlaceNo(place),
        enter_s: visited * DAY_S,
        leave_s: (visited + 1) * DAY_S,
    };
    let view = View::from_stays(known.iter().map(stay).collect()).expect("the visits fit");
    let recent = today - WINDOW_DAYS..=today;
    let window = Span { from_s: recent.start() * DAY_S, until_s: (recent.end() + 1) * DAY_S };
    let people: BTreeSet<u32> = known.iter().map(|visit| visit.0).collect();
    let case = |&case: &u32| IndexCase { case: CaseNo(case), person: PersonNo(case), window };
    let cases: Vec<IndexCase> = people.iter().map(case).collect();
    let found = find_sources(&view, &cases, &SourceRules { rows_max: usize::MAX, ..SourceRules::default() });

    // The obvious count: different cases that were there in the window.
    let mut there: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for visit in known.iter().filter(|visit| recent.contains(&visit.2)) {
        there.entry(visit.1).or_default().insert(visit.0);
    }
    there.retain(|_, cases| cases.len() > 1);
    assert_eq!(found.places.len(), there.len());
    for place in &found.places {
        let cases: BTreeSet<u32> = place.weight.cases.iter().map(|case| case.0).collect();
        assert_eq!(cases, there[&place.place.0]);
    }
    let place = found.places.iter().position(|place| place.place == PlaceNo(centre));
    let event = found.events.iter().position(|event| event.place == PlaceNo(centre));
    [place, event].map(|position| position.map(|at| at + 1))
}

#[test]
fn the_shopping_centre_leads_the_list_from_the_first_copy_on() {
    let Some(folder) = reference() else { return };
    let (visits, centre) = visits(&folder);
    let copies: BTreeSet<u32> = visits.iter().map(|visit| visit.3).collect();
    let date = |text: &str| day(text).expect("a day of 2020");
    assert_eq!(copies.first(), Some(&date("2020-07-22")));
    for &today in copies.range(..=date("2020-09-11")) {
        let [place, event] = ranks(&visits, centre, today);
        println!("day {} after the first copy: place {place:?}, event {event:?}", today - date("2020-07-22"));
        // The cluster of late July and August: the last copy with new visits there is of 19 August.
        if today <= date("2020-08-19") {
            assert_eq!(place, Some(1), "day {today}");
        }
    }
}
