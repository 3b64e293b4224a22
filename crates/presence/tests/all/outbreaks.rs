//! Chains on published line lists, read from the reference folder.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sizao_presence::{
    CaseNo, ChainCase, ChainRules, ChainTables, Exposure, Offspring, SerialInterval, chain_tables, estimate_offspring,
    find_chains, summarise_intervals,
};

fn reference(file: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("SIZAO_REFERENCE").map(PathBuf::from);
    if folder.is_none() {
        assert!(std::env::var_os("CI").is_none(), "CI runs with SIZAO_REFERENCE");
        eprintln!("not run: reference data absent");
    }
    Some(folder?.join("data").join(file))
}

/// Rows of a CSV file as column name to trimmed text.
fn rows(path: PathBuf) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::ReaderBuilder::new().from_path(path).expect("the file is there");
    let names: Vec<String> = reader.headers().expect("a header").iter().map(str::to_owned).collect();
    let records = reader.byte_records().map(|record| record.expect("a row"));
    let cells = |record: csv::ByteRecord| -> BTreeMap<String, String> {
        let texts = record.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect::<Vec<_>>();
        names.iter().cloned().zip(texts).collect()
    };
    records.map(cells).collect()
}

/// Days since 1970-01-01 of `YYYY/MM/DD` or `YYYY-MM-DD`; `None` for anything else.
fn day(text: &str) -> Option<i32> {
    let parts: Vec<i32> = text.split(['/', '-']).map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let &[year, month, day] = &parts[..] else { return None };
    // Years that begin in March, so that the leap day is the last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    Some(365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468)
}

#[test]
fn civil_days_are_counted_from_1970() {
    assert_eq!(["1970/01/01", "2020-02-29", "2020/03/01"].map(day), [Some(0), Some(18_321), Some(18_322)]);
    assert_eq!(day("unknown"), None);
}

#[test]
fn five_infectors_stand_for_92_9_percent_of_the_links_of_mers_in_korea() {
    let Some(path) = reference("outbreaks-linelists/mers_korea_2015__contacts.csv") else { return };
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    let rows = rows(path);
    assert_eq!(rows.len(), 98);
    for row in rows {
        counts.entry(row["to"].clone()).or_insert(0);
        *counts.entry(row["from"].clone()).or_insert(0) += 1;
    }
    let counts: Vec<u32> = counts.into_values().collect();
    assert_eq!((Offspring::top_share(&counts, 5) * 1_000.0).round(), 929.0);
    let offspring = estimate_offspring(&counts).expect("there are links");
    assert!(offspring.dispersion_k < 0.1, "few infected most: k {}", offspring.dispersion_k);
}

/// Ids of infector and infectee and their days of onset.
type Pair = (String, String, Option<i32>, Option<i32>);

/// Onset days of the pairs of mainland China, infector first, and the pair's ids.
fn pairs() -> Option<Vec<Pair>> {
    let rows = rows(reference("cn-transmission-pairs-2020/pairs.csv")?);
    let pair = |row: &BTreeMap<String, String>| {
        let text = |column: &str| row[column].clone();
        (text("infector_id"), text("infectee_id"), day(&row["infector_onsetDate"]), day(&row["infectee_onsetDate"]))
    };
    Some(rows.iter().map(pair).collect())
}

#[test]
fn serial_intervals_by_the_infectors_onset_phase_are_those_of_the_readme() {
    let Some(pairs) = pairs() else { return };
    assert_eq!(pairs.len(), 862);
    let expected = [
        ("2020/01/09", "2020/01/22", 94, 7.21, 5.08, 7.0, 1),
        ("2020/01/23", "2020/01/29", 195, 5.10, 4.97, 4.0, 13),
        ("2020/01/30", "2020/02/13", 106, 2.57, 4.82, 2.0, 15),
        ("1970/01/01", "2030/01/01", 395, 4.92, 5.22, 4.0, 29),
    ];
    for (from, until, n, mean, sd, median, negative) in expected {
        let phase = day(from)..=day(until);
        let both = pairs.iter().filter_map(|&(_, _, infector, infectee)| Some((infector?, infectee?)));
        let days: Vec<i32> =
            both.filter(|&(infector, _)| phase.contains(&Some(infector))).map(|(a, b)| b - a).collect();
        let summary = summarise_intervals(&days).expect("there are pairs");
        assert_eq!((summary.pairs, summary.median_days, summary.negative), (n, median, negative), "{from}");
        assert!((summary.mean_days - mean).abs() < 0.005 && (summary.sd_days - sd).abs() < 0.005, "{from}");
    }
}

#[test]
fn the_pairs_as_chains_keep_every_link_also_without_onsets() {
    let Some(pairs) = pairs() else { return };
    let mut numbers: BTreeMap<String, (CaseNo, Option<i32>)> = BTreeMap::new();
    for (infector, infectee, from, to) in &pairs {
        for (id, onset) in [(infector, from), (infectee, to)] {
            let next = CaseNo(numbers.len() as u32);
            numbers.entry(id.clone()).or_insert((next, *onset));
        }
    }
    assert_eq!(numbers.len(), 1_279);
    let cases: Vec<ChainCase> = numbers.values().map(|&(case, onset_day)| ChainCase { case, onset_day }).collect();
    // A pair known without times: exposed at some time before the infectee fell ill.
    let exposure = |(infector, infectee, _, to): &Pair| Exposure {
        infector: numbers[infector].0,
        infectee: numbers[infectee].0,
        first_day: to.unwrap_or(0) - 30,
        hours: 1.0,
    };
    let exposures: Vec<Exposure> = pairs.iter().map(exposure).collect();
    let even = SerialInterval::new(-40, vec![1.0 / 81.0; 81]).expect("it sums to one");
    let chains = find_chains(&cases, &exposures, &even, &ChainRules::default()).expect("the rules are sound");
    let distinct: std::collections::BTreeSet<_> = pairs.iter().map(|(a, b, _, _)| (a, b)).collect();
    assert_eq!(chains.links.len(), distinct.len());
    // The README counts 395 pairs with both onsets.
    assert_eq!(chains.links.iter().filter(|link| link.interval_days.is_some()).count(), 395);
    for rivals in chains.links.chunk_by(|a, b| a.infectee == b.infectee) {
        let sum: f64 = rivals.iter().map(|link| link.probability).sum();
        assert!((sum - 1.0).abs() < 1e-9);
    }
}

/// Cells of the rows of an answer.
fn cells(csv: &[u8]) -> Vec<Vec<String>> {
    let text = std::str::from_utf8(csv).expect("answers are text");
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn mers_in_korea_as_chains_keeps_98_links_of_which_five_infectors_have_92_9_percent() {
    let Some(path) = reference("outbreaks-linelists/mers_korea_2015__contacts.csv") else { return };
    let cases = rows(path.with_file_name("mers_korea_2015__linelist.csv"));
    let mut case_table = String::from("case_id,onset\n");
    for case in &cases {
        let onset = Some(&case["dt_onset"]).filter(|onset| day(onset).is_some());
        case_table += &format!("{},{}\n", case["id"], onset.map_or("", String::as_str));
    }
    let mut exposure_table = String::from("infector_id,infectee_id\n");
    let links = rows(path);
    for link in &links {
        exposure_table += &format!("{},{}\n", link["from"], link["to"]);
    }
    let tables = ChainTables {
        cases: ("cases", case_table.as_bytes()),
        exposures: ("exposures", exposure_table.as_bytes()),
        serial_interval: None,
    };
    let answer = chain_tables(&tables, &ChainRules::default()).expect("the tables are sound");
    assert_eq!((answer.summary.cases, answer.summary.links), (162, 98));
    assert_eq!((answer.summary.top_five_share * 1_000.0).round(), 929.0);
    // The source gives the days between onsets where it has both; ours have to be the same.
    let days: BTreeMap<(String, String), String> =
        cells(&answer.links).into_iter().map(|c| ((c[0].clone(), c[1].clone()), c[2].clone())).collect();
    let mut compared = 0;
    for link in links.iter().filter(|link| link["diff_dt_onset"].parse::<i32>().is_ok()) {
        assert_eq!(days[&(link["from"].clone(), link["to"].clone())], link["diff_dt_onset"]);
        compared += 1;
    }
    assert!(compared > 50, "{compared} links have both onsets");
    let missing = cells(&answer.inconsistencies);
    assert!(missing.iter().all(|row| row[0] == "onset_missing"), "{missing:?}");
}

/// Divisions of Henan as the pairs spell them.
const HENAN: &str = "zhengzhou kaifeng luoyang pingdingshan anyang hebi xinxiang jiaozuo puyang xuchang luohe \
    sanmenxia nanyang shangqiu xinyang zhoukou zhumadian jiyuan";

#[test]
fn the_pairs_of_henan_as_chains_are_190_links_among_318_people() {
    let Some(path) = reference("cn-transmission-pairs-2020/pairs.csv") else { return };
    let henan: Vec<&str> = HENAN.split_whitespace().collect();
    let of_henan = |row: &&BTreeMap<String, String>| {
        let (city, id) = (&row["infector_reportCity"], &row["infector_id"]);
        henan.contains(&city.as_str())
            || city == "tahe" && id.starts_with("luohe-")
            || city == "unknown" && id.starts_with("puyang-")
    };
    let rows = rows(path);
    let pairs: Vec<_> = rows.iter().filter(of_henan).collect();
    let mut onsets: BTreeMap<&str, &str> = BTreeMap::new();
    let mut exposure_table = String::from("infector_id,infectee_id\n");
    for pair in &pairs {
        for role in ["infector", "infectee"] {
            let onset = pair[&format!("{role}_onsetDate")].as_str();
            onsets.insert(&pair[&format!("{role}_id")], if day(onset).is_some() { onset } else { "" });
        }
        exposure_table += &format!("{},{}\n", pair["infector_id"], pair["infectee_id"]);
    }
    let mut case_table = String::from("case_id,onset\n");
    onsets.iter().for_each(|(id, onset)| case_table += &format!("{id},{onset}\n"));
    let tables = ChainTables {
        cases: ("cases", case_table.as_bytes()),
        exposures: ("exposures", exposure_table.as_bytes()),
        serial_interval: None,
    };
    let answer = chain_tables(&tables, &ChainRules::default()).expect("the tables are sound");
    assert_eq!((pairs.len(), answer.summary.cases, answer.summary.links), (190, 318, 190));
    let infectors = cells(&answer.links).into_iter().map(|row| row[0].clone());
    assert_eq!(infectors.collect::<std::collections::BTreeSet<_>>().len(), 138);
    let days: Vec<i32> = cells(&answer.links).iter().filter_map(|row| row[2].parse().ok()).collect();
    let summary = summarise_intervals(&days).expect("there are pairs with both onsets");
    assert_eq!((summary.pairs, summary.median_days, summary.negative), (135, 6.0, 9));
    assert!((summary.mean_days - 5.99).abs() < 0.005 && (summary.sd_days - 5.31).abs() < 0.005);
}
