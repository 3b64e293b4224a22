//! A series of a signal: counts as bars, what is usual as a band, days above it with a diamond.

use std::fmt::Write;

use sizao_app::signals::SeriesDay;

use crate::view::Chrome;

const WIDTH: f64 = 620.0;
const HEIGHT: f64 = 170.0;
const LEFT: f64 = 34.0;
const BOTTOM: f64 = 20.0;
const TOP: f64 = 16.0;

/// The drawing, and one sentence about it.
pub(crate) fn series(days: &[SeriesDay], c: &Chrome) -> (String, String) {
    let most = days.iter().flat_map(|day| [day.count, day.usual.map_or(0.0, |usual| usual.1)]).fold(1.0, f64::max);
    let (step, top) = scale(most);
    let y = |value: f64| HEIGHT - BOTTOM - value.clamp(0.0, top) * (HEIGHT - BOTTOM - TOP) / top;
    let slot = (WIDTH - LEFT) / days.len().max(1) as f64;
    let x = |place: usize| LEFT + (place as f64 + 0.5) * slot;
    let mut svg = String::new();
    let mut tick = 0.0;
    while tick <= top {
        let at = y(tick);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"end\" x=\"{:.0}\" y=\"{:.1}\">{tick}</text>",
            LEFT - 5.0,
            at + 4.0
        );
        tick += step;
    }
    band(&mut svg, days, x, y);
    let mut above = Vec::new();
    for (place, day) in days.iter().enumerate() {
        let bar = y(day.count);
        let _ = write!(
            svg,
            "<rect class=\"c1\" x=\"{:.1}\" y=\"{bar:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{}: {}</title></rect>",
            x(place) - slot * 0.35,
            slot * 0.7,
            HEIGHT - BOTTOM - bar,
            c.on(&day.day),
            day.count
        );
        if day.usual.is_some_and(|usual| day.count > usual.1) {
            let _ = write!(svg, "<path class=\"dia\" d=\"M{:.1} {:.1}l5 5l-5 5l-5 -5z\"/>", x(place), bar - 12.0);
            above.push(c.on(&day.day));
        }
        if (days.len() - 1 - place).is_multiple_of(7) {
            let (_, month, date) = day.day.ymd();
            let _ = write!(
                svg,
                "<text class=\"mid\" x=\"{:.1}\" y=\"{:.0}\">{month}/{date}</text>",
                x(place).min(WIDTH - 14.0),
                HEIGHT - 5.0
            );
        }
    }
    let words = if above.is_empty() { "–".to_owned() } else { above.join(&c.t("list-and")) };
    (svg, format!("{}{}{words}", c.t("sig-above"), c.t("colon")))
}

/// From zero to the upper bound, and the expected count as a line.
fn band(svg: &mut String, days: &[SeriesDay], x: impl Fn(usize) -> f64, y: impl Fn(f64) -> f64) {
    let usual: Vec<(usize, (f64, f64))> =
        days.iter().enumerate().filter_map(|(place, day)| Some((place, day.usual?))).collect();
    let (Some(first), Some(last)) = (usual.first(), usual.last()) else { return };
    let line = |value: fn(&(f64, f64)) -> f64| -> String {
        usual.iter().map(|(place, usual)| format!("{:.1} {:.1} ", x(*place), y(value(usual)))).collect()
    };
    let _ = write!(
        svg,
        "<path class=\"band\" d=\"M{:.1} {:.1} L{}L{:.1} {:.1}z\"/><path class=\"expect\" d=\"M{}\"/>",
        x(first.0),
        y(0.0),
        line(|usual| usual.1),
        x(last.0),
        y(0.0),
        line(|usual| usual.0)
    );
}

/// A step and a top for an axis from zero.
fn scale(most: f64) -> (f64, f64) {
    let mut step = 1.0;
    for factor in [2.0, 2.5, 2.0].into_iter().cycle() {
        if most / step <= 4.0 {
            break;
        }
        step *= factor;
    }
    (step, (most / step).ceil().max(1.0) * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_at_most_four_steps_and_holds_everything() {
        for (most, expect) in
            [(1.0, (1.0, 1.0)), (4.0, (1.0, 4.0)), (5.0, (2.0, 6.0)), (17.0, (5.0, 20.0)), (90.0, (50.0, 100.0))]
        {
            assert_eq!(scale(most), expect, "{most}");
        }
    }
}
