//! Chains of transmission from tables, as tables.

use std::collections::BTreeMap;
use std::fmt::Write;

use sizao_model::CivilDay;

use super::cell::Cell;
use super::csv::{Table, write_field};
use super::ids::Ids;
use super::report::{Rule, TraceReport};
use crate::chains::{
    ChainCase, ChainRules, Chains, Exposure, Inconsistency, Offspring, SerialInterval, estimate_offspring, find_chains,
};
use crate::error::PresenceError;
use crate::exposure::CaseNo;

/// Names and bytes of the CSV files; days are dates (`2020-01-31`, `2020/1/31`) or whole numbers.
#[derive(Debug, Clone, Copy)]
pub struct ChainTables<'a> {
    /// `case_id, onset`; an empty onset is not known.
    pub cases: (&'a str, &'a [u8]),
    /// `infector_id, infectee_id`, and if known `first_day` and `hours`.
    ///
    /// Without a first day the exposure is taken to lie before the infectee's onset; without hours it counts as one.
    pub exposures: (&'a str, &'a [u8]),
    /// `days, probability`, one row a day. Without it all intervals from -20 to 40 days are alike.
    pub serial_interval: Option<&'a [u8]>,
}

/// Chains as CSV tables.
#[derive(Debug, Clone, PartialEq)]
pub struct ChainAnswer {
    /// `infector_id, infectee_id, interval_days, hours, probability, likeliest` (1 or 0), by infectee, likeliest first.
    pub links: Vec<u8>,
    /// `case_id, infector_id, probability, infected`: the likeliest infector if there is one, and how many the case
    /// infected if the likeliest links are true.
    pub offspring: Vec<u8>,
    /// `kind, case_ids, days`.
    pub inconsistencies: Vec<u8>,
    /// Numbers over all.
    pub summary: ChainSummary,
    /// Refused rows.
    pub report: TraceReport,
}

/// Chains in numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChainSummary {
    /// Cases.
    pub cases: usize,
    /// Possible links.
    pub links: usize,
    /// Cases that nobody is known to have infected.
    pub without_infector: usize,
    /// What does not fit.
    pub inconsistencies: usize,
    /// Offspring along the likeliest links; `None` without links.
    pub offspring: Option<Offspring>,
    /// Share of all possible links that the five infectors with most of them have; 0 to 1.
    pub top_five_share: f64,
}

/// Intervals taken as alike where no distribution is given; days.
const ANY_DAYS: std::ops::RangeInclusive<i32> = -20..=40;

/// Candidate infectors of every case, from tables.
///
/// # Errors
/// [`PresenceError::ColumnMissing`]; [`PresenceError::ParameterRefused`] for weights or a serial interval that make no
/// sense. Bad rows are in the report.
pub fn chain_tables(tables: &ChainTables<'_>, rules: &ChainRules) -> Result<ChainAnswer, PresenceError> {
    let mut reader = Reader::default();
    reader.read_cases(tables.cases.0, tables.cases.1)?;
    reader.read_exposures(tables.exposures.0, tables.exposures.1)?;
    let Reader { mut ids, mut cases, mut exposures, report } = reader;
    if let Some(ranks) = ids.rank() {
        let rank = |case: &mut CaseNo| case.0 = ranks[case.0 as usize];
        cases.iter_mut().for_each(|case| rank(&mut case.case));
        for exposure in &mut exposures {
            rank(&mut exposure.infector);
            rank(&mut exposure.infectee);
        }
    }
    let interval = match tables.serial_interval {
        Some(bytes) => read_interval(bytes)?,
        None => {
            let days = ANY_DAYS.count();
            SerialInterval::new(*ANY_DAYS.start(), vec![1.0 / days as f64; days])?
        }
    };
    let chains = find_chains(&cases, &exposures, &interval, rules)?;
    let counts = chains.offspring_counts();
    let numbers: Vec<u32> = counts.values().copied().collect();
    let summary = ChainSummary {
        cases: counts.len(),
        links: chains.links.len(),
        without_infector: chains.without_infector.len(),
        inconsistencies: chains.inconsistencies.len(),
        offspring: estimate_offspring(&numbers),
        top_five_share: Offspring::top_share(&links_of_infectors(&chains), 5),
    };
    Ok(ChainAnswer {
        links: write_links(&chains, &ids),
        offspring: write_offspring(&chains, &counts, &ids),
        inconsistencies: write_inconsistencies(&chains.inconsistencies, &ids),
        summary,
        report,
    })
}

fn links_of_infectors(chains: &Chains) -> Vec<u32> {
    let mut links: BTreeMap<CaseNo, u32> = BTreeMap::new();
    chains.links.iter().for_each(|link| *links.entry(link.infector).or_default() += 1);
    links.into_values().collect()
}

#[derive(Default)]
struct Reader {
    ids: Ids,
    cases: Vec<ChainCase>,
    exposures: Vec<Exposure>,
    report: TraceReport,
}

impl Reader {
    fn read_cases(&mut self, name: &str, bytes: &[u8]) -> Result<(), PresenceError> {
        Table::open(name, bytes, &["case_id", "onset"])?.for_rows(|row| {
            let read = row.cells().ok_or_else(|| row.unsound()).and_then(|[id, onset]| {
                let onset_day = day("onset", onset)?;
                Ok(ChainCase { case: self.case("case_id", id)?, onset_day })
            });
            match read {
                Ok(case) => self.cases.push(case),
                Err(detail) => self.report.refuse(Rule::Unreadable, name, row.number, detail),
            }
        });
        Ok(())
    }

    fn read_exposures(&mut self, name: &str, bytes: &[u8]) -> Result<(), PresenceError> {
        let table = Table::open_with(name, bytes, &["infector_id", "infectee_id"], &["first_day", "hours"])?;
        table.for_rows(|row| {
            let read = row.cells().ok_or_else(|| row.unsound()).and_then(|[infector, infectee, first, hours]| {
                let first_day = day("first_day", first)?.unwrap_or(i32::MIN);
                let hours = if hours.is_empty() { 1.0 } else { amount("hours", hours)? };
                // The second id may turn all into texts, and with that the number of the first.
                self.case("infector_id", infector)?;
                let infectee = self.case("infectee_id", infectee)?;
                Ok(Exposure { infector: self.case("infector_id", infector)?, infectee, first_day, hours })
            });
            match read {
                Ok(exposure) => self.exposures.push(exposure),
                Err(detail) => self.report.refuse(Rule::Unreadable, name, row.number, detail),
            }
        });
        Ok(())
    }

    fn case(&mut self, column: &str, cell: Cell<'_>) -> Result<CaseNo, String> {
        let earlier = |change: &mut dyn FnMut(&mut u32)| {
            self.cases.iter_mut().for_each(|case| change(&mut case.case.0));
            for exposure in &mut self.exposures {
                change(&mut exposure.infector.0);
                change(&mut exposure.infectee.0);
            }
        };
        self.ids.take(cell, earlier).map(CaseNo).ok_or_else(|| format!("{column} is empty or no id"))
    }
}

/// A day as a number: a date counts from 1970-01-01; `None` for an empty cell.
fn day(column: &str, cell: Cell<'_>) -> Result<Option<i32>, String> {
    if cell.is_empty() {
        return Ok(None);
    }
    if let Some(number) = cell.whole() {
        let number = i32::try_from(number).ok().filter(|day| (-1_000_000..=1_000_000).contains(day));
        return number.map(Some).ok_or_else(|| format!("{column} `{}`: no such day", cell.shown()));
    }
    let shown = cell.shown();
    let parts: Vec<&str> = shown.trim().split(['-', '/']).collect();
    let date = match parts[..] {
        [year, month, day] => civil_day(year, month, day),
        _ => None,
    };
    let wanted = || format!("{column} `{shown}`: a date such as 2020-01-31, or a whole number, is wanted");
    date.map(|date| Some(date.number())).ok_or_else(wanted)
}

fn civil_day(year: &str, month: &str, day: &str) -> Option<CivilDay> {
    CivilDay::from_ymd(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

fn amount(column: &str, cell: Cell<'_>) -> Result<f64, String> {
    let shown = cell.shown();
    let sound = shown.trim().parse().ok().filter(|&value: &f64| value > 0.0 && value.is_finite());
    sound.ok_or_else(|| format!("{column} `{shown}`: a number above 0 is wanted"))
}

fn read_interval(bytes: &[u8]) -> Result<SerialInterval, PresenceError> {
    let mut days: BTreeMap<i32, f64> = BTreeMap::new();
    let mut sound = true;
    Table::open("serial_interval", bytes, &["days", "probability"])?.for_rows(|row| {
        let read = row.cells().and_then(|[days, probability]| {
            let days = i32::try_from(days.whole()?).ok().filter(|days| days.abs() <= 1_000)?;
            Some((days, probability.shown().trim().parse::<f64>().ok()?))
        });
        sound &= read.is_some_and(|(day, probability)| days.insert(day, probability).is_none());
    });
    let (Some(first), Some(last), true) = (days.keys().next(), days.keys().next_back(), sound) else {
        let rule = "rows of `days, probability` are wanted, each day once, within 1,000 days";
        return Err(PresenceError::ParameterRefused { what: "serial interval", rule });
    };
    SerialInterval::new(*first, (*first..=*last).map(|day| days.get(&day).copied().unwrap_or(0.0)).collect())
}

fn write_links(chains: &Chains, ids: &Ids) -> Vec<u8> {
    let mut out = b"infector_id,infectee_id,interval_days,hours,probability,likeliest\n".to_vec();
    for rivals in chains.links.chunk_by(|a, b| a.infectee == b.infectee) {
        for (rank, link) in rivals.iter().enumerate() {
            write_field(&mut out, &ids.text(link.infector.0));
            out.push(b',');
            write_field(&mut out, &ids.text(link.infectee.0));
            let (likeliest, hours) = (u8::from(rank == 0), link.hours);
            let days = link.interval_days.map(|days| days.to_string()).unwrap_or_default();
            let rest = format!(",{days},{hours},{:.6},{likeliest}\n", link.probability);
            out.extend_from_slice(rest.as_bytes());
        }
    }
    out
}

fn write_offspring(chains: &Chains, counts: &BTreeMap<CaseNo, u32>, ids: &Ids) -> Vec<u8> {
    let likeliest: BTreeMap<CaseNo, _> = chains.likeliest().map(|link| (link.infectee, link)).collect();
    let mut out = b"case_id,infector_id,probability,infected\n".to_vec();
    for (case, infected) in counts {
        write_field(&mut out, &ids.text(case.0));
        out.push(b',');
        match likeliest.get(case) {
            Some(link) => {
                write_field(&mut out, &ids.text(link.infector.0));
                out.extend_from_slice(format!(",{:.6}", link.probability).as_bytes());
            }
            None => out.push(b','),
        }
        out.extend_from_slice(format!(",{infected}\n").as_bytes());
    }
    out
}

fn write_inconsistencies(found: &[Inconsistency], ids: &Ids) -> Vec<u8> {
    let mut out = b"kind,case_ids,days\n".to_vec();
    for inconsistency in found {
        let (kind, cases, days) = match inconsistency {
            Inconsistency::UnknownCase(case) => ("unknown_case", vec![*case], None),
            Inconsistency::TwoOnsets(case) => ("two_onsets", vec![*case], None),
            Inconsistency::OwnExposure(case) => ("own_exposure", vec![*case], None),
            Inconsistency::OnsetMissing(case) => ("onset_missing", vec![*case], None),
            Inconsistency::ExposedAfterOnset { infector, infectee } => {
                ("exposed_after_onset", vec![*infector, *infectee], None)
            }
            Inconsistency::IntervalImpossible { infector, infectee, days } => {
                ("interval_impossible", vec![*infector, *infectee], Some(*days))
            }
            Inconsistency::Circle(cases) => ("circle", cases.clone(), None),
        };
        let mut names = String::new();
        for (position, case) in cases.iter().enumerate() {
            let blank = if position > 0 { " " } else { "" };
            write!(names, "{blank}{}", ids.text(case.0)).expect("text grows");
        }
        out.extend_from_slice(format!("{kind},").as_bytes());
        write_field(&mut out, &names);
        let days = days.map(|days| days.to_string()).unwrap_or_default();
        out.extend_from_slice(format!(",{days}\n").as_bytes());
    }
    out
}
