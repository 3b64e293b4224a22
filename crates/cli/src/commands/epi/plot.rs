//! Plain line plots as SVG, for documentation.

use std::fmt::Write;

/// One panel.
pub struct Plot {
    pub title: String,
    pub x_name: String,
    pub y_name: String,
    pub x_scale: Scale,
    pub lines: Vec<Line>,
    /// Shaded between lower and upper.
    pub bands: Vec<Band>,
    /// Dots with a label read by screen readers.
    pub marks: Vec<(f64, f64, String)>,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Scale {
    Logarithmic,
    /// Days since 1970-01-01.
    Date,
}

pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
    pub is_bold: bool,
}

pub struct Band {
    pub name: String,
    /// (x, lower, upper).
    pub points: Vec<(f64, f64, f64)>,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 46.0;
/// Colours that stay apart for most eyes (Okabe and Ito 2008), with dashes as a second mark.
const COLOURS: [&str; 8] = ["#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f"];
const DASHES: [&str; 4] = ["", "6 3", "2 3", "8 3 2 3"];

/// Draws the panels below each other.
pub fn draw(plots: &[Plot]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {}\" font-family=\"sans-serif\" \
         font-size=\"12\" role=\"img\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        HEIGHT * plots.len() as f64
    );
    for (number, plot) in plots.iter().enumerate() {
        let _ = writeln!(svg, "<g transform=\"translate(0 {})\">", HEIGHT * number as f64);
        panel(&mut svg, plot);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

struct Frame {
    x: (f64, f64),
    y: (f64, f64),
    scale: Scale,
}

impl Frame {
    fn of(plot: &Plot) -> Self {
        let xs = || plot.lines.iter().flat_map(|line| line.points.iter().map(|p| p.0));
        let ys = || {
            let bands = plot.bands.iter().flat_map(|band| band.points.iter().map(|p| p.2));
            plot.lines.iter().flat_map(|line| line.points.iter().map(|p| p.1)).chain(bands)
        };
        let least = xs().fold(f64::INFINITY, f64::min);
        let most = xs().fold(f64::NEG_INFINITY, f64::max);
        let top = ys().fold(0.0, f64::max);
        let x = if most > least { (least, most) } else { (least.min(0.0), least.max(1.0)) };
        Self { x, y: (0.0, if top > 0.0 { top * 1.05 } else { 1.0 }), scale: plot.x_scale }
    }

    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let place = |value: f64, (low, high): (f64, f64)| (value - low) / (high - low);
        let across = if self.scale == Scale::Logarithmic {
            place(x.ln(), (self.x.0.ln(), self.x.1.ln()))
        } else {
            place(x, self.x)
        };
        let up = place(y, self.y);
        (LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM))
    }
}

fn panel(svg: &mut String, plot: &Plot) {
    let frame = Frame::of(plot);
    let _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"20\" font-weight=\"bold\">{}</text>", escape(&plot.title));
    axes(svg, plot, &frame);
    for band in &plot.bands {
        let lower = band.points.iter().map(|(x, low, _)| frame.at(*x, *low));
        let upper = band.points.iter().rev().map(|(x, _, high)| frame.at(*x, *high));
        let path: Vec<String> = lower.chain(upper).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(
            svg,
            "<polygon points=\"{}\" fill=\"#bcd7ea\"><title>{}</title></polygon>",
            path.join(" "),
            escape(&band.name)
        );
    }
    for (number, line) in plot.lines.iter().enumerate() {
        let path: Vec<String> =
            line.points.iter().map(|(x, y)| frame.at(*x, *y)).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let (colour, dash) = (COLOURS[number % COLOURS.len()], DASHES[number % DASHES.len()]);
        let width = if line.is_bold { 2.5 } else { 1.3 };
        let style = format!("stroke=\"{colour}\" stroke-width=\"{width}\" stroke-dasharray=\"{dash}\"");
        let _ = writeln!(svg, "<polyline fill=\"none\" {style} points=\"{}\"/>", path.join(" "));
        let (x, y) = (WIDTH - RIGHT + 12.0, TOP + 8.0 + 18.0 * number as f64);
        let _ = writeln!(svg, "<line x1=\"{x}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\" {style}/>", x + 24.0);
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{}\">{}</text>", x + 30.0, y + 4.0, escape(&line.name));
    }
    for (x, y, label) in &plot.marks {
        let (x, y) = frame.at(*x, *y);
        let _ = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"#d55e00\"><title>{}</title></circle>",
            escape(label)
        );
    }
}

fn axes(svg: &mut String, plot: &Plot, frame: &Frame) {
    let (left, bottom) = (LEFT, HEIGHT - BOTTOM);
    let right = WIDTH - RIGHT;
    for tick in ticks(frame.y.0, frame.y.1) {
        let (_, y) = frame.at(frame.x.0, tick);
        let _ = writeln!(svg, "<line x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#e5e5e5\"/>");
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{tick}</text>", left - 6.0, y + 4.0);
    }
    for (tick, label) in x_ticks(frame) {
        let (x, _) = frame.at(tick, 0.0);
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{bottom}\" y2=\"{}\" stroke=\"#555555\"/>",
            bottom + 4.0
        );
        let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>", bottom + 18.0);
    }
    let _ = writeln!(svg, "<line x1=\"{left}\" x2=\"{right}\" y1=\"{bottom}\" y2=\"{bottom}\" stroke=\"#555555\"/>");
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
        0.5 * (left + right),
        bottom + 36.0,
        escape(&plot.x_name)
    );
    let _ = writeln!(svg, "<text x=\"{right}\" y=\"20\" text-anchor=\"end\">{}</text>", escape(&plot.y_name));
}

/// About five round numbers.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let rough = (high - low) / 5.0;
    let power = 10.0_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|step| *step >= rough).unwrap_or(rough);
    let first = (low / step).ceil() as i64;
    let round = |tick: f64| (tick * 1e9).round() / 1e9;
    (first..).map(|n| round(n as f64 * step)).take_while(|tick| *tick <= high).collect()
}

fn x_ticks(frame: &Frame) -> Vec<(f64, String)> {
    match frame.scale {
        Scale::Logarithmic => (-6..=6)
            .flat_map(|power| [1.0, 2.0, 5.0].map(|m| m * 10.0_f64.powi(power)))
            .filter(|tick| (frame.x.0..=frame.x.1).contains(tick))
            .map(|tick| (tick, format!("{}", (tick * 1e6).round() / 1e6)))
            .collect(),
        Scale::Date => {
            let days = frame.x.1 - frame.x.0;
            let epoch = jiff::civil::date(1970, 1, 1);
            (0..=5)
                .map(|n| frame.x.0 + (days * f64::from(n) / 5.0).floor())
                .map(|day| (day, epoch.saturating_add(jiff::Span::new().days(day as i64)).to_string()))
                .collect()
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
