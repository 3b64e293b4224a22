//! `sizao epi scan`: is there a place and a recent stretch of time with too many cases?

use std::{collections::HashMap, io::Write, path::PathBuf, process::ExitCode};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use jiff::civil::Date;
use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use sizao_epi::{
    Gaps, Step, align_series,
    scan::{Distance, ScanPopulation, ScanResult, ScanSettings, ScanSite, scan_permutation, scan_poisson},
};

use super::{
    outcome::{push_field, push_number},
    table::Table,
};
use crate::output::WholeFile;

pub const EXAMPLES: &str = "\
Example:
  sizao epi scan --in counts.csv --sites sites.csv --model permutation --duration-max 14

The table of counts has date, site, count (persons); a site without a row on a day had none. The table of sites has site, x, y
(longitude and latitude with --degrees) and, for the Poisson model, population. Every cluster ends with the last day given.
The answer has one row a cluster, the most extreme first, no two with a site in common: centre, members, radius, from, to,
observed, expected, relative_risk, log_likelihood_ratio, p_value.";

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq)]
pub enum Model {
    /// Counts in proportion to the population.
    Poisson,
    /// From the cases alone: needs no population.
    Permutation,
}

#[derive(Args, Debug)]
pub struct Scan {
    /// Table of counts: date, site, count; `-` is standard input.
    #[arg(long = "in", value_name = "FILE")]
    pub input: PathBuf,
    /// Table of sites: site, x, y, and population for the Poisson model.
    #[arg(long, value_name = "FILE")]
    pub sites: PathBuf,
    /// File to write; `-` is standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub out: PathBuf,
    /// What the cases are compared with.
    #[arg(long, value_enum, default_value = "permutation")]
    pub model: Model,
    /// Coordinates are longitude and latitude; radius in kilometres.
    #[arg(long)]
    pub degrees: bool,
    /// Longest duration of a cluster; days.
    #[arg(long, default_value_t = 14)]
    pub duration_max: usize,
    /// Largest share of the population (permutation: of the sites) in a cluster.
    #[arg(long, default_value_t = 0.5)]
    pub share_max: f64,
    /// Largest radius of a cluster.
    #[arg(long)]
    pub radius_max: Option<f64>,
    /// Simulated data sets for the p-values.
    #[arg(long, default_value_t = 999)]
    pub replicates: usize,
    /// Clusters written at most.
    #[arg(long, default_value_t = 20)]
    pub top: usize,
    /// The same seed gives the same simulations.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Where the sites lie and how many people live there.
struct Sites {
    names: Vec<String>,
    places: Vec<ScanSite>,
    population: Vec<f64>,
}

pub fn run(order: &Scan) -> Result<ExitCode> {
    let sites = read_sites(order)?;
    let (days, counts) = read_counts(order, &sites)?;
    let settings = ScanSettings {
        duration_max: order.duration_max,
        population_share_max: order.share_max,
        radius_max: order.radius_max,
        distance: if order.degrees { Distance::GreatCircle } else { Distance::Plane },
        replicates: order.replicates,
    };
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(order.seed);
    let found = match order.model {
        Model::Poisson => {
            let population = ScanPopulation::Constant(&sites.population);
            scan_poisson(&counts, population, &sites.places, &settings, &mut rng)?
        }
        Model::Permutation => {
            scan_permutation(&counts, &vec![1.0; sites.places.len()], &sites.places, &settings, &mut rng)?
        }
    };
    write(order, &sites, &days, &found)?;
    Ok(ExitCode::SUCCESS)
}

fn read_sites(order: &Scan) -> Result<Sites> {
    let table = Table::read(&order.sites)?;
    let (site, x, y) = (table.need("site", "its name")?, table.need("x", "easting")?, table.need("y", "northing")?);
    let population = match order.model {
        Model::Poisson => Some(table.need("population", "persons, for the Poisson model")?),
        Model::Permutation => None,
    };
    let rows = table.map(|row| {
        let place = ScanSite { x: row.number(x)?, y: row.number(y)? };
        let people = population.map_or(Ok(1.0), |column| row.number(column))?;
        Ok((row.text(site).to_owned(), place, people))
    })?;
    let mut sites = Sites { names: Vec::new(), places: Vec::new(), population: Vec::new() };
    for (name, place, people) in rows {
        if sites.names.contains(&name) {
            bail!("{}: the site {name} occurs more than once", order.sites.display());
        }
        sites.names.push(name);
        sites.places.push(place);
        sites.population.push(people);
    }
    Ok(sites)
}

/// One row a day, one count a site.
fn read_counts(order: &Scan, sites: &Sites) -> Result<(Vec<Date>, Vec<Vec<f64>>)> {
    let table = Table::read(&order.input)?;
    let (date, count) = (table.need("date", "day")?, table.need("count", "persons")?);
    let site = table.need("site", "as in the table of sites")?;
    let place: HashMap<&str, usize> = sites.names.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
    let rows = table.map(|row| {
        let name = row.text(site);
        let at = place.get(name).ok_or_else(|| format!("the site `{name}` is not in the table of sites"))?;
        Ok((row.day(date)?, *at, row.count(count)?))
    })?;
    let mut known: Vec<(Date, Option<f64>)> = rows.iter().map(|(day, ..)| (*day, Some(0.0))).collect();
    known.sort_unstable_by_key(|(day, _)| *day);
    known.dedup_by_key(|(day, _)| *day);
    let days = align_series(&known, Step::Day, Gaps::AreZero)?.dates;
    let mut counts = vec![vec![0.0; sites.names.len()]; days.len()];
    let mut seen = std::collections::HashSet::new();
    for (day, at, count) in rows {
        if !seen.insert((day, at)) {
            bail!("{}: {} on {day} occurs more than once", order.input.display(), sites.names[at]);
        }
        counts[days.binary_search(&day).expect("every day is in the list")][at] = count;
    }
    Ok((days, counts))
}

fn write(order: &Scan, sites: &Sites, days: &[Date], found: &ScanResult) -> Result<()> {
    let mut out = WholeFile::create(&order.out)?;
    let head = "centre,members,radius,from,to,observed,expected,relative_risk,log_likelihood_ratio,p_value,note";
    writeln!(out, "{head}")?;
    let mut taken = vec![false; sites.names.len()];
    let mut written = 0;
    for cluster in &found.clusters {
        let zone = &found.zones[cluster.zone];
        if written == order.top || zone.members.iter().any(|member| taken[*member]) {
            continue;
        }
        zone.members.iter().for_each(|member| taken[*member] = true);
        written += 1;
        let mut text = Vec::new();
        push_field(&mut text, &sites.names[zone.centre]);
        text.push(b',');
        let members: Vec<&str> = zone.members.iter().map(|member| sites.names[*member].as_str()).collect();
        push_field(&mut text, &members.join(" "));
        text.push(b',');
        push_number(&mut text, Some(zone.radius));
        let (from, to) = (days[days.len() - cluster.duration], days[days.len() - 1]);
        write!(text, ",{from},{to}")?;
        for cell in [
            Some(cluster.observed),
            Some(cluster.expected),
            cluster.relative_risk,
            Some(cluster.log_likelihood_ratio),
            cluster.p_value,
        ] {
            text.push(b',');
            push_number(&mut text, cell);
        }
        let note = if cluster.relative_risk.is_none() { "all cases are inside: no risk outside" } else { "" };
        writeln!(text, ",{note}")?;
        out.write_all(&text)?;
    }
    out.finish()?;
    if written == 0 {
        eprintln!("No place had more cases than expected up to {}.", days[days.len() - 1]);
    }
    Ok(())
}
