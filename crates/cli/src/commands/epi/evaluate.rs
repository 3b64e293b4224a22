//! `sizao epi evaluate`: proof by injection.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::Args;
use jiff::civil::date;
use serde_json::json;
use sizao_epi::{
    day_effects::HolidayCalendar,
    evaluation::{
        EvaluationSettings, OperatingPoint, ScoredTwins, Share, at_budget, at_sensitivity, evaluate_curve, rising,
    },
    invented::{InventionSettings, invent_network},
    signals::{ALARM_CELL, DETECTORS, ScoreSettings, score_network, score_with},
};

use super::plot::{Line, Plot, Scale};
use crate::output::{WholeFile, say};

#[derive(Args, Debug)]
pub struct Evaluate {
    /// Folder for curves.csv and curves.svg; nothing is written without it.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Counties.
    #[arg(long, default_value_t = 60)]
    pub counties: usize,
    /// Sites in each, with four series each.
    #[arg(long, default_value_t = 12)]
    pub sites: usize,
    /// Days of history before those that count; usual scores are learned from them, outbreaks and all.
    #[arg(long, default_value_t = 731)]
    pub history: usize,
    /// Days that count.
    #[arg(long, default_value_t = 365)]
    pub days: usize,
    /// Outbreaks per county and year.
    #[arg(long, default_value_t = 4.0)]
    pub outbreaks: f64,
    /// Signals per county and week at which detectors are compared.
    #[arg(long, default_value_t = 1.0)]
    pub budget: f64,
    /// Quiet days after which a happening is over.
    #[arg(long, default_value_t = 2)]
    pub quiet_days: usize,
    /// The same seed gives the same figures.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Threads; 0 for one per processor. The figures do not depend on it.
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
}

const POINTS: usize = 160;

struct Curve {
    name: &'static str,
    points: Vec<OperatingPoint>,
    /// Of a single detector: what its series send out, each for itself, at each point.
    unmerged: Option<Vec<Unmerged>>,
}

/// Alarms of single series at a cut.
#[derive(Clone, Copy)]
struct Unmerged {
    per_county_week: f64,
    /// Share of them that would not be there without the outbreaks.
    precision: f64,
}

pub fn run(order: &Evaluate, json: bool) -> Result<ExitCode> {
    let (curves, planted) = curves(order)?;
    if let Some(folder) = &order.out {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        write_csv(&folder.join("curves.csv"), &curves)?;
        write_svg(&folder.join("curves.svg"), &curves)?;
    }
    say(json, || words(order, &curves, planted), || as_json(order, &curves));
    Ok(ExitCode::SUCCESS)
}

fn curves(order: &Evaluate) -> Result<(Vec<Curve>, usize)> {
    let invented = invent_network(&InventionSettings {
        counties: order.counties,
        sites_per_county: order.sites,
        days: order.history + order.days,
        first_on: date(2021, 1, 1),
        outbreaks_per_county_year: order.outbreaks,
        seed: order.seed,
    })?;
    let settings = ScoreSettings {
        calendar: HolidayCalendar::china(),
        learn_from: 0..order.history,
        quiet_days: order.quiet_days,
        threads: order.threads,
    };
    let (injected, learned) = score_network(&invented.network, &settings)?;
    let twin = score_with(&invented.twin, &settings, &learned)?;
    let first_day = injected.first_day;
    let days = order.history.saturating_sub(first_day)..order.history + order.days - first_day;
    let rules = EvaluationSettings { days, quiet_days: order.quiet_days, grace_days: 3 };
    let curve = |name, injected: &[Vec<f32>], twin: &[Vec<f32>]| -> Result<Curve> {
        let scores = ScoredTwins { injected, twin, first_day };
        Ok(Curve { name, points: evaluate_curve(scores, &invented.outbreaks, &rules, POINTS)?, unmerged: None })
    };
    let mut curves = vec![curve("joined", &injected.joined, &twin.joined)?];
    for (place, detector) in DETECTORS.iter().enumerate() {
        let mut single = curve(detector.name(), &injected.single[place], &twin.single[place])?;
        let (with, without) = (&injected.series_alarms[place], &twin.series_alarms[place]);
        let at = |point: &OperatingPoint| {
            let cell = ((point.cut / ALARM_CELL).max(0.0) as usize).min(with.len() - 1);
            let (with, without) = (f64::from(with[cell]), f64::from(without[cell]));
            Unmerged {
                per_county_week: with * 7.0 / (order.counties * order.days) as f64,
                precision: if with > 0.0 { ((with - without) / with).max(0.0) } else { 0.0 },
            }
        };
        single.unmerged = Some(single.points.iter().map(at).collect());
        curves.push(single);
    }
    let planted = curves[0].points.first().map_or(0, |point| point.sensitivity.all);
    Ok((curves, planted))
}

fn words(order: &Evaluate, curves: &[Curve], planted: usize) -> String {
    let mut lines = vec![
        format!(
            "{} counties, {} sites with 4 series each, {} days after {} of history, seed {}: {planted} outbreaks",
            order.counties, order.sites, order.days, order.history, order.seed
        ),
        format!("each detector alone, its series sending up to {} alarm(s) per county and week:", order.budget),
        HEADER.to_owned(),
    ];
    for curve in &curves[1..] {
        lines.push(format!("{:12} {}", curve.name, place_words(curve, unmerged_at(curve, order.budget))));
    }
    if let Some((best, place)) = best_single(curves, order.budget) {
        let sensitivity = best.points[place].sensitivity.value.unwrap_or(0.0);
        lines.push(format!("at the sensitivity of the best of them ({}, {}):", best.name, percent(sensitivity)));
        for curve in curves {
            let place = at_sensitivity(&curve.points, sensitivity)
                .and_then(|point| curve.points.iter().position(|other| other.cut == point.cut));
            lines.push(format!("{:12} {}", curve.name, place_words(curve, place)));
        }
    }
    lines.push("the joined signal, and the best detector alone with its alarms merged per county:".to_owned());
    for budget in [0.3, 0.2, 0.1, 0.05, 0.02] {
        for curve in curves.iter().take(1).chain(best_single(curves, order.budget).map(|(best, _)| best)) {
            let Some(point) = at_budget(&curve.points, budget) else { continue };
            let shapes: Vec<String> = point
                .by_shape
                .iter()
                .map(|(shape, share)| format!("{} {}", shape.name(), share.value.map_or("-".to_owned(), percent)))
                .collect();
            lines.push(format!("{:12} {} [{}]", curve.name, point_words(point, None), shapes.join(", ")));
        }
    }
    lines.join("\n")
}

const HEADER: &str = "             signals  (alarms of series)            sensitivity       delay (days)              \
                      precision  (of series' alarms)";

/// The place of the point of a single detector whose series send out most within a budget.
fn unmerged_at(curve: &Curve, budget: f64) -> Option<usize> {
    curve.unmerged.as_ref()?.iter().rposition(|alarms| alarms.per_county_week <= budget)
}

/// The detector that finds most at the budget, with the place of its point.
fn best_single(curves: &[Curve], budget: f64) -> Option<(&Curve, usize)> {
    let places = curves.iter().filter_map(|curve| Some((curve, unmerged_at(curve, budget)?)));
    places.max_by(|a, b| a.0.points[a.1].sensitivity.part.cmp(&b.0.points[b.1].sensitivity.part))
}

fn place_words(curve: &Curve, place: Option<usize>) -> String {
    place.map_or("not reached".to_owned(), |place| {
        point_words(&curve.points[place], curve.unmerged.as_ref().map(|alarms| alarms[place]))
    })
}

fn point_words(point: &OperatingPoint, unmerged: Option<Unmerged>) -> String {
    let delay = point.delay_days.map_or("-".to_owned(), |d| format!("{} ({}–{})", d.value, d.lower, d.upper));
    let alarms = unmerged.map_or(String::new(), |alarms| format!("({:.3})", alarms.per_county_week));
    let precision = unmerged.map_or(String::new(), |alarms| format!("({})", percent(alarms.precision)));
    format!(
        "{:>7.3}  {alarms:<18} {:>22} {delay:>18} {:>22}  {precision}",
        point.alarms_per_county_week,
        share_words(&point.sensitivity),
        share_words(&point.precision)
    )
}

fn share_words(share: &Share) -> String {
    match (share.value, share.lower, share.upper) {
        (Some(value), Some(lower), Some(upper)) => {
            format!("{} ({:.1}–{:.1})", percent(value), 100.0 * lower, 100.0 * upper)
        }
        _ => "-".to_owned(),
    }
}

fn percent(value: f64) -> String {
    format!("{:.1} %", 100.0 * value)
}

fn as_json(order: &Evaluate, curves: &[Curve]) -> serde_json::Value {
    let point = |point: &OperatingPoint| {
        json!({
            "signals_per_county_week": point.alarms_per_county_week,
            "sensitivity": point.sensitivity.value,
            "precision": point.precision.value,
            "median_delay_days": point.delay_days.map(|delay| delay.value),
        })
    };
    let best = best_single(curves, order.budget);
    let sensitivity = best.and_then(|(best, place)| best.points[place].sensitivity.value);
    let rows: Vec<_> = curves
        .iter()
        .map(|curve| {
            json!({
                "name": curve.name,
                "at_budget_of_series_alarms": unmerged_at(curve, order.budget).map(|place| point(&curve.points[place])),
                "at_equal_sensitivity": sensitivity.and_then(|s| at_sensitivity(&curve.points, s)).map(point),
            })
        })
        .collect();
    json!({"seed": order.seed, "best_single": best.map(|(curve, _)| curve.name), "detectors": rows})
}

fn write_csv(path: &Path, curves: &[Curve]) -> Result<()> {
    let mut out = WholeFile::create(path)?;
    writeln!(
        out,
        "detector,cut,signals_per_county_week,sensitivity,sensitivity_lower,sensitivity_upper,precision,\
         precision_lower,precision_upper,median_delay_days,delay_lower,delay_upper"
    )?;
    let text = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.4}"));
    for curve in curves {
        for point in &curve.points {
            let (s, p, d) = (&point.sensitivity, &point.precision, point.delay_days);
            let cells = [s.value, s.lower, s.upper, p.value, p.lower, p.upper].map(text);
            let delay = [d.map(|d| d.value), d.map(|d| d.lower), d.map(|d| d.upper)];
            let delay = delay.map(|value| value.map_or(String::new(), |value| value.to_string()));
            writeln!(
                out,
                "{},{:.4},{:.4},{},{}",
                curve.name,
                point.cut,
                point.alarms_per_county_week,
                cells.join(","),
                delay.join(",")
            )?;
        }
    }
    out.finish()
}

fn write_svg(path: &Path, curves: &[Curve]) -> Result<()> {
    let lines = |y: fn(&OperatingPoint) -> Option<f64>| -> Vec<Line> {
        curves
            .iter()
            .map(|curve| Line {
                name: curve.name.to_owned(),
                points: rising(&curve.points)
                    .iter()
                    .filter(|point| point.alarms_per_county_week > 0.005)
                    .filter_map(|point| Some((point.alarms_per_county_week, y(point)?)))
                    .collect(),
                is_bold: curve.name == "joined",
            })
            .collect()
    };
    let plot = |title: &str, lines| Plot {
        title: title.to_owned(),
        x_name: "signals per county and week".to_owned(),
        y_name: String::new(),
        x_scale: Scale::Logarithmic,
        lines,
        bands: Vec::new(),
        marks: Vec::new(),
    };
    let plots = [
        plot("Outbreaks found (sensitivity)", lines(|point| point.sensitivity.value)),
        plot("Signals that an outbreak caused (precision)", lines(|point| point.precision.value)),
        plot("Median delay, days from the first onset", lines(|point| point.delay_days.map(|delay| delay.value))),
    ];
    let mut out = WholeFile::create(path)?;
    out.write_all(super::plot::draw(&plots).as_bytes())?;
    out.finish()
}
