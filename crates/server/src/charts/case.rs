//! Drawings of a case's file: the days with window, facts and stays; and the chain around it.

use std::fmt::Write;

use sizao_app::case_file::{CaseFile, Chain, NodeKind};
use sizao_model::{CivilDay, FactBody, Instant};

use super::escaped;
use crate::view::Chrome;

const WIDTH: f64 = 860.0;
const LEFT: f64 = 104.0;
const HEAD: i32 = 30;
const ROW: i32 = 26;
/// Days of the bar.
const DAYS_MAX: i32 = 24;
/// Places that have a row of their own.
const PLACES_MAX: usize = 6;
const DAY_MICROS: f64 = 86_400_000_000.0;

/// The days of a case: window as a band, facts as marks, stays as bars, the busiest places first.
pub(crate) fn case_days(file: &CaseFile, c: &Chrome) -> (String, i32) {
    let Some(window) = &file.window else { return (String::new(), 0) };
    let last =
        window.closes_at.unwrap_or(file.at).max(file.facts.last().map_or(file.at, |fact| fact.recorded_at)).day();
    let last = last.min(file.at.day()).plus_days(1);
    let first = window.opens_at.day().plus_days(-1).max(last.plus_days(-DAYS_MAX));
    let count = last.days_since(first).max(3);
    let slot = (WIDTH - LEFT) / f64::from(count);
    let x = |at: Instant| {
        let days = (at.as_micros() - first.start().as_micros()) as f64 / DAY_MICROS;
        (LEFT + days * slot).clamp(LEFT, WIDTH)
    };
    let places = busiest(file);
    let height = HEAD + ROW * (2 + places.len() as i32) + 8;
    let mut svg = String::new();
    heads(&mut svg, first, count, slot, height);
    let label = |svg: &mut String, row: i32, text: &str| {
        let _ = write!(svg, "<text x=\"0\" y=\"{}\">{}</text>", HEAD + ROW * row + 18, escaped(text));
    };
    let (from, until) = (x(window.opens_at), x(window.closes_at.unwrap_or(file.at)));
    label(&mut svg, 0, &c.t("case-window"));
    let _ = write!(
        svg,
        "<rect class=\"f-win\" x=\"{from:.1}\" y=\"{HEAD}\" width=\"{:.1}\" height=\"{}\"/><rect class=\"f-ex-bar\" x=\"{from:.1}\" y=\"{}\" width=\"{:.1}\" height=\"14\"/>",
        (until - from).max(2.0),
        height - HEAD,
        HEAD + 7,
        (until - from).max(2.0),
    );
    label(&mut svg, 1, &c.t("case-facts"));
    for fact in &file.facts {
        let class = match &fact.body {
            FactBody::Diagnosis(_) | FactBody::TestResult(_) => "f-ex",
            FactBody::Exposure(_) => "f-warn",
            FactBody::Investigation(_) | FactBody::LoopStep(_) => continue,
            _ => "f-fact",
        };
        let at = x(fact.happened.starts_at());
        let y = HEAD + ROW + 14;
        let _ = write!(
            svg,
            "<path class=\"{class}\" d=\"M{at:.1} {}l6 6l-6 6l-6 -6z\"><title>{}</title></path>",
            y - 6,
            escaped(&c.word("fact", fact.body.kind().name()))
        );
    }
    for (row, (name, no)) in (2..).zip(&places) {
        label(&mut svg, row, &name.chars().take(8).collect::<String>());
        for stay in file.stays.iter().filter(|stay| stay.place.no == *no) {
            let (from, until) = (x(stay.from), x(stay.until));
            let _ = write!(
                svg,
                "<rect class=\"f-done\" x=\"{from:.1}\" y=\"{}\" width=\"{:.1}\" height=\"14\"><title>{} {}</title></rect>",
                HEAD + ROW * row + 7,
                (until - from).max(2.0),
                escaped(name),
                c.at(&stay.from)
            );
        }
    }
    let now = x(file.at);
    let _ = write!(svg, "<line class=\"now\" x1=\"{now:.1}\" x2=\"{now:.1}\" y1=\"{HEAD}\" y2=\"{height}\"/>");
    (svg, height)
}

/// Names and numbers of the places where the case was longest.
fn busiest(file: &CaseFile) -> Vec<(String, u32)> {
    let mut places: Vec<(i64, String, u32)> = Vec::new();
    for stay in &file.stays {
        let length = stay.until.as_micros() - stay.from.as_micros();
        match places.iter_mut().find(|place| place.2 == stay.place.no) {
            Some(place) => place.0 += length,
            None => places.push((length, stay.place.name.clone(), stay.place.no)),
        }
    }
    places.sort_by_key(|place| std::cmp::Reverse(place.0));
    places.into_iter().take(PLACES_MAX).map(|(_, name, no)| (name, no)).collect()
}

fn heads(svg: &mut String, first: CivilDay, count: i32, slot: f64, height: i32) {
    for day in 0..count {
        let x = LEFT + f64::from(day) * slot;
        let (_, month, date) = first.plus_days(day).ymd();
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"22\" y2=\"{height}\"/><text class=\"mid\" x=\"{:.1}\" y=\"16\">{month}/{date}</text>",
            x + slot / 2.0
        );
    }
}

/// Rows of the picture of a chain.
const CHAIN_ROW: f64 = 112.0;
/// Nodes side by side.
const ABREAST: usize = 10;

/// The chain as a picture whose nodes open files; octagon case, disc close, square secondary, dashed unverified.
pub(crate) fn chain(chain: &Chain, c: &Chrome) -> (String, i32) {
    if chain.nodes.len() < 2 {
        return (String::new(), 0);
    }
    let places = laid_out(chain);
    let mut svg = String::new();
    for edge in &chain.edges {
        let (from, to) = (places[edge.from], places[edge.to]);
        let class = if edge.counts { "edge" } else { "edge open" };
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy).max(1.0);
        let at = |share: f64, back: f64| {
            (from.0 + dx * share - dx / length * back, from.1 + dy * share - dy / length * back)
        };
        let (begin, end) = (at(0.0, -16.0), at(1.0, 16.0));
        let _ = write!(
            svg,
            "<line class=\"{class}\" x1=\"{:.0}\" y1=\"{:.0}\" x2=\"{:.0}\" y2=\"{:.0}\" marker-end=\"url(#tip)\"/>",
            begin.0, begin.1, end.0, end.1
        );
    }
    for (node, (x, y)) in chain.nodes.iter().zip(&places) {
        let shape = match node.kind {
            NodeKind::Case => {
                format!("<path class=\"n-case\" d=\"M{:.0} {:.0}h10l7 7v10l-7 7h-10l-7 -7v-10z\"/>", x - 5.0, y - 12.0)
            }
            NodeKind::Close => format!("<circle class=\"n-close\" cx=\"{x:.0}\" cy=\"{y:.0}\" r=\"10\"/>"),
            NodeKind::Secondary => format!(
                "<rect class=\"n-second\" x=\"{:.0}\" y=\"{:.0}\" width=\"18\" height=\"18\"/>",
                x - 9.0,
                y - 9.0
            ),
        };
        let told = c.word(
            "chain",
            match node.kind {
                NodeKind::Case => "case",
                NodeKind::Close => "close",
                NodeKind::Secondary => "secondary",
            },
        );
        let name = escaped(&node.name);
        let text = format!("<text class=\"mid\" x=\"{x:.0}\" y=\"{:.0}\">{name}</text>", y + 27.0);
        let href = node.person.uuid();
        let page = if node.kind == NodeKind::Case { "cases" } else { "people" };
        let _ = write!(svg, "<a href=\"/{page}/{href}\" aria-label=\"{told} {name}\">{shape}{text}</a>");
    }
    let height = places.iter().map(|place| place.1).fold(0.0, f64::max) + 40.0;
    (svg, height as i32)
}

/// Sources above, the case, its contacts below in rows, theirs further down.
fn laid_out(chain: &Chain) -> Vec<(f64, f64)> {
    let mut places = vec![(0.0, 0.0); chain.nodes.len()];
    let mut y = 24.0;
    for level in -1..=2 {
        let at: Vec<usize> = (0..chain.nodes.len()).filter(|at| chain.nodes[*at].level == level).collect();
        for row in at.chunks(ABREAST) {
            let gap = WIDTH / row.len() as f64;
            for (place, node) in row.iter().enumerate() {
                // Every other one a little lower, so that names do not touch.
                let lower = if row.len() > 5 && place % 2 == 1 { 30.0 } else { 0.0 };
                places[*node] = (gap * (place as f64 + 0.5), y + lower);
            }
            y += CHAIN_ROW;
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use sizao_app::case_file::ChainNode;
    use sizao_model::PersonId;

    use super::*;

    #[test]
    fn nobody_in_a_picture_stands_on_anybody_else() {
        let node = |n: usize, level: i8| ChainNode {
            person: PersonId::from_label(&n.to_string()),
            name: n.to_string(),
            kind: NodeKind::Close,
            level,
        };
        let nodes = (0..40)
            .map(|n| {
                node(
                    n,
                    match n {
                        0 => 0,
                        1 | 2 => -1,
                        3..30 => 1,
                        _ => 2,
                    },
                )
            })
            .collect();
        let places = laid_out(&Chain { nodes, ..Chain::default() });
        for (at, one) in places.iter().enumerate() {
            assert!((0.0..=WIDTH).contains(&one.0));
            for other in &places[at + 1..] {
                assert!((one.0 - other.0).hypot(one.1 - other.1) > 40.0, "{one:?} {other:?}");
            }
        }
    }
}
