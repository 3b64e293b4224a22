//! `sizao epi signals`: many detectors on many series, one ranked signal per happening.

use std::{collections::HashMap, io::Read, io::Write, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, bail};
use clap::Args;
use jiff::civil::{Date, date};
use serde_json::json;
use sizao_epi::{
    COUNT_MAX,
    day_effects::HolidayCalendar,
    invented::{InventionSettings, invent_network},
    signals::{
        Contribution, Network, NetworkSeries, NetworkSite, RankedSignal, RankingSettings, ScoreSettings,
        cut_for_budget, find_happenings, rank_signals, score_network,
    },
};

use super::{files::open, outcome::push_field, series::plain_day};
use crate::output::{WholeFile, say};

pub const EXAMPLES: &str = "\
Example:
  sizao epi signals --in reports.csv --out signals.csv --budget 0.1

reports.csv has a header line with date, county, site, source, count: one row per site, source and day, in any order. A day
without a row counts as 0. The answer has one row per happening, most beneficial first: county, first, last, peak,
score (-ln p), probability of an outbreak (at most), excess persons in seven days, benefit (cases prevented by answering), the
site behind it if it is one, sources, and the loudest series as source@site (detector, -ln p, excess).
Method and limits: docs/methods/epi-signals.md.";

#[derive(Args, Debug)]
pub struct Signals {
    /// Table with date, county, site, source, count. `-` is standard input; .gz and .zst are unpacked.
    #[arg(long = "in", value_name = "FILE", required_unless_present = "invented")]
    pub input: Option<PathBuf>,
    /// File to write; `-` is standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub out: PathBuf,
    /// False alarms allowed per county and week; the cut is learned from the past, its outbreaks counted as false.
    #[arg(long, default_value_t = 0.1)]
    pub budget: f64,
    /// Only happenings that touched one of so many last days; 0 for all.
    #[arg(long, default_value_t = 28)]
    pub last: usize,
    /// Quiet days after which a happening is over.
    #[arg(long, default_value_t = 2)]
    pub quiet_days: usize,
    /// Probability that a county has an outbreak worth finding on a day, before anything was seen.
    #[arg(long, default_value_t = 0.005)]
    pub prior: f64,
    /// Threads; 0 for one per processor.
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
    /// Instead of a file, an invented network of so many sites with four sources and three years of days: for measuring.
    #[arg(long, value_name = "SITES", conflicts_with = "input")]
    pub invented: Option<usize>,
}

pub fn run(order: &Signals, json: bool) -> Result<ExitCode> {
    let network = match (&order.input, order.invented) {
        (Some(path), _) => read_network(path)?,
        (None, sites) => invent(sites.unwrap_or(0))?,
    };
    let (begun, processor) = (crate::node::stopwatch(), crate::node::process_time());
    let settings = ScoreSettings {
        calendar: HolidayCalendar::china(),
        learn_from: 0..network.dates.len(),
        quiet_days: order.quiet_days,
        threads: order.threads,
    };
    let (scores, learned) = score_network(&network, &settings)?;
    let days = network.dates.len() - scores.first_day;
    let cut = cut_for_budget(&scores.joined, order.budget, order.quiet_days, 0..days)?;
    let mut happenings = find_happenings(&scores.joined, cut, order.quiet_days, 0..days);
    if order.last > 0 {
        happenings.retain(|happening| happening.last + order.last >= days);
    }
    let ranking = RankingSettings { prior: order.prior, ..RankingSettings::default() };
    let ranked = rank_signals(&network, &scores, &learned, &happenings, &settings, &ranking)?;
    let seconds = begun.elapsed().as_secs_f64();
    let processor = crate::node::process_time().saturating_sub(processor).as_secs_f64();
    write_signals(order, &network, &ranked)?;
    if order.out.as_os_str() != "-" {
        let points = network.series.len() * network.dates.len();
        say(
            json,
            || {
                format!(
                    "{} counties, {} sites, {} series, {} days: {} signals with score {cut:.2} or more, in {seconds:.1} s, {processor:.1} s of processors ({} counts)",
                    network.counties.len(),
                    network.sites.len(),
                    network.series.len(),
                    network.dates.len(),
                    ranked.len(),
                    crate::output::thousands(points as u64),
                )
            },
            || json!({"signals": ranked.len(), "cut": cut, "series": network.series.len(), "counts": points, "seconds": seconds, "processor_seconds": processor}),
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn invent(sites: usize) -> Result<Network> {
    let sites_per_county = 20;
    let settings = InventionSettings {
        counties: sites.div_ceil(sites_per_county),
        sites_per_county,
        days: 1096,
        first_on: date(2021, 1, 1),
        outbreaks_per_county_year: 4.0,
        seed: 1,
    };
    Ok(invent_network(&settings)?.network)
}

/// Places of names, in the order in which they first occur.
#[derive(Default)]
struct Names {
    places: HashMap<Vec<u8>, usize>,
    names: Vec<String>,
}

impl Names {
    fn place(&mut self, name: &[u8]) -> usize {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        self.names.push(String::from_utf8_lossy(name).into_owned());
        self.places.insert(name.to_vec(), self.names.len() - 1);
        self.names.len() - 1
    }
}

/// Reads the table; days without a row are 0.
fn read_network(path: &std::path::Path) -> Result<Network> {
    let mut text = Vec::new();
    open(path)?.read_to_end(&mut text).with_context(|| format!("reading {}", path.display()))?;
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&text);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(text);
    let header = reader.headers().context("reading the header")?.clone();
    let find = |name: &str| {
        header.iter().position(|found| found.eq_ignore_ascii_case(name)).with_context(|| {
            format!("{} lacks the column `{name}`; it needs date, county, site, source, count", path.display())
        })
    };
    let columns = [find("date")?, find("county")?, find("site")?, find("source")?, find("count")?];
    let (mut counties, mut sites, mut sources) = (Names::default(), Names::default(), Names::default());
    let (mut county_of_site, mut rows) = (Vec::new(), Vec::new());
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).context("reading the rows")? {
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |column: usize| record.get(columns[column]).unwrap_or_default();
        let text = |column: usize| std::str::from_utf8(cell(column)).unwrap_or_default().trim();
        let at = || format!("{} line {line}", path.display());
        let on =
            plain_day(text(0)).with_context(|| format!("{}: date `{}` is not a day like 2022-01-04", at(), text(0)))?;
        let count: f64 = text(4)
            .parse()
            .ok()
            .filter(|count: &f64| (0.0..=COUNT_MAX).contains(count) && count.fract() == 0.0)
            .with_context(|| format!("{}: count `{}` is not a whole number of 0 or more", at(), text(4)))?;
        let county = counties.place(cell(1));
        // Sites of one name in two counties are two sites.
        let site = sites.place(&[cell(1), b"\0", cell(2)].concat());
        if site == county_of_site.len() {
            county_of_site.push(county);
        }
        rows.push((on, site, sources.place(cell(3)), count, line));
    }
    build_network(path, counties.names, sites.names, sources.names, &county_of_site, &rows)
}

type Row = (Date, usize, usize, f64, u64);

fn build_network(
    path: &std::path::Path,
    counties: Vec<String>,
    sites: Vec<String>,
    sources: Vec<String>,
    county_of_site: &[usize],
    rows: &[Row],
) -> Result<Network> {
    let first = rows.iter().map(|row| row.0).min();
    let (Some(first), Some(last)) = (first, rows.iter().map(|row| row.0).max()) else {
        bail!("{} has no row. Send date, county, site, source, count.", path.display());
    };
    let dates: Vec<Date> = first.series(jiff::Span::new().days(1)).take_while(|day| *day <= last).collect();
    if dates.len() * sites.len() * sources.len() > 400_000_000 {
        bail!("{} spans {} days from {first} to {last}: check the dates.", path.display(), dates.len());
    }
    let name = |name: String| name.split_once('\0').map_or(name.clone(), |(_, site)| site.to_owned());
    let sites =
        sites.into_iter().zip(county_of_site).map(|(site, county)| NetworkSite { name: name(site), county: *county });
    let sites: Vec<NetworkSite> = sites.collect();
    let mut counts: Vec<Option<Vec<f64>>> = vec![None; sites.len() * sources.len()];
    let origin = day_number(first);
    for &(on, site, source, count, line) in rows {
        let cells = counts[site * sources.len() + source].get_or_insert_with(|| vec![f64::NAN; dates.len()]);
        let cell = &mut cells[(day_number(on) - origin) as usize];
        if !cell.is_nan() {
            bail!(
                "{} line {line}: {on}, site {}, {} occurs more than once. Add the rows up or send one of them.",
                path.display(),
                sites[site].name,
                sources[source]
            );
        }
        *cell = count;
    }
    let series = counts.into_iter().enumerate().filter_map(|(place, counts)| {
        let counts = counts?.into_iter().map(|count| if count.is_nan() { 0.0 } else { count }).collect();
        Some(NetworkSeries { site: place / sources.len(), source: place % sources.len(), counts })
    });
    Ok(Network { dates, counties, series: series.collect(), sources, sites })
}

/// Days since 1970-01-01.
pub fn day_number(date: Date) -> i64 {
    let (year, month, day) = (i64::from(date.year()), i64::from(date.month()), i64::from(date.day()));
    // Months counted from March, so that the leap day is the last of the year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * month + 2) / 5 + day - 719_469
}

fn write_signals(order: &Signals, network: &Network, ranked: &[RankedSignal]) -> Result<()> {
    let mut out = WholeFile::create(&order.out)?;
    writeln!(out, "rank,county,first,last,peak,score,probability,excess,benefit,sources,reasons")?;
    for (rank, signal) in ranked.iter().enumerate() {
        let happening = &signal.happening;
        let mut row = format!("{},", rank + 1).into_bytes();
        push_field(&mut row, &network.counties[happening.county]);
        let [first, last, peak] = [happening.first, happening.last, happening.peak].map(|day| network.dates[day]);
        let _ = write!(
            row,
            ",{first},{last},{peak},{:.2},{:.3},{:.1},{:.1},",
            happening.score, signal.probability, signal.excess, signal.benefit
        );
        let mut sources: Vec<usize> = signal.contributions.iter().map(|c| c.source).collect();
        sources.sort_unstable();
        sources.dedup();
        let sources: Vec<&str> = sources.iter().map(|source| network.sources[*source].as_str()).collect();
        push_field(&mut row, &sources.join("; "));
        row.push(b',');
        let reasons: Vec<String> = signal.contributions.iter().map(|c| reason(network, c)).collect();
        push_field(&mut row, &reasons.join("; "));
        row.push(b'\n');
        out.write_all(&row)?;
    }
    out.finish()
}

fn reason(network: &Network, contribution: &Contribution) -> String {
    let place = contribution.site.map_or("all sites", |site| network.sites[site].name.as_str());
    format!(
        "{}@{place} ({}, {:.1}, {:+.0})",
        network.sources[contribution.source],
        contribution.detector.name(),
        contribution.evidence,
        contribution.excess
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_the_epoch() {
        assert_eq!(day_number(date(1970, 1, 1)), 0);
        assert_eq!(day_number(date(2000, 3, 1)), 11_017);
        assert_eq!(day_number(date(2024, 2, 29)) + 1, day_number(date(2024, 3, 1)));
    }
}
