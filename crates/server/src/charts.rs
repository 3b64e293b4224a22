//! Drawings that the server makes: the epidemic curve, and the days of one person.

mod axis;
mod case;
mod watch;

use std::fmt::Write;

use sizao_app::board::DayCount;

pub(crate) use self::{
    axis::{days, two_plans},
    case::{case_days, chain},
    watch::series,
};
use crate::view::Chrome;

const WIDTH: i32 = 420;
const HEIGHT: i32 = 260;
const LEFT: i32 = 30;
const BOTTOM: i32 = 22;
const TOP: i32 = 8;
/// Days whose reports are not all in yet: drawn hatched.
const INCOMPLETE_DAYS: usize = 2;

/// The curve by day of record, stacked, axis from zero; and one sentence about it.
pub(crate) fn curve(days: &[DayCount], c: &Chrome) -> (String, String) {
    let most = days.iter().map(|day| day.confirmed + day.asymptomatic).max().unwrap_or(0);
    let (step, top) = scale(most);
    let y = |count: u64| HEIGHT - BOTTOM - (count as i32 * (HEIGHT - BOTTOM - TOP)) / top as i32;
    let slot = f64::from(WIDTH - LEFT) / days.len().max(1) as f64;
    let mut svg = String::new();
    for tick in (0..=top).step_by(step as usize) {
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{0}\" y2=\"{0}\"/><text class=\"end\" x=\"{1}\" y=\"{2}\">{tick}</text>",
            y(tick),
            LEFT - 5,
            y(tick) + 4
        );
    }
    let complete = days.len().saturating_sub(INCOMPLETE_DAYS);
    for (i, day) in days.iter().enumerate() {
        let x = f64::from(LEFT) + i as f64 * slot + 1.0;
        let (low, high) = (y(day.confirmed), y(day.confirmed + day.asymptomatic));
        let mut bar = format!("<title>{}: {} + {}</title>", c.on(&day.day), day.confirmed, day.asymptomatic);
        let mut part = |class: &str, from: i32, to: i32| {
            if from > to {
                let _ = write!(
                    bar,
                    "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{to}\" width=\"{:.1}\" height=\"{}\"/>",
                    slot - 2.0,
                    from - to
                );
            }
        };
        part("c1", HEIGHT - BOTTOM, low);
        part("c2", low, high);
        if i >= complete {
            part("late", HEIGHT - BOTTOM, high);
        }
        let _ = write!(svg, "<g>{bar}</g>");
        if (days.len() - 1 - i).is_multiple_of(7) {
            let (_, month, date) = day.day.ymd();
            let _ = write!(
                svg,
                "<text class=\"mid\" x=\"{:.1}\" y=\"{}\">{month}/{date}</text>",
                (x + slot / 2.0).min(f64::from(WIDTH) - 14.0),
                HEIGHT - 6
            );
        }
    }
    let peak = days.iter().max_by_key(|day| day.confirmed + day.asymptomatic);
    let words = match peak.filter(|_| most > 0) {
        Some(peak) => c.t2("curve-words", ("day", &c.on(&peak.day)), ("n", &most.to_string())),
        None => c.t("curve-none"),
    };
    (svg, words)
}

/// Text for inside a drawing.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Distance of the lines and the topmost: at most five lines, at round numbers.
fn scale(most: u64) -> (u64, u64) {
    let mut step = 1;
    while step * 4 < most {
        step = match step.to_string().as_bytes()[0] {
            b'1' => step * 2,
            b'2' => step * 5 / 2,
            _ => step * 2,
        };
    }
    (step, (most.div_ceil(step) * step).max(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lie_at_round_numbers_and_hold_every_bar() {
        for (most, expect) in
            [(0, (1, 4)), (4, (1, 4)), (5, (2, 6)), (31, (10, 40)), (81, (50, 100)), (1_000, (500, 1_000))]
        {
            assert_eq!(scale(most), expect, "{most}");
        }
    }
}
