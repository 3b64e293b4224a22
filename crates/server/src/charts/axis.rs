//! The days of one person: two day counts, facts, measures served and to come, planned tests, one line for now.

use std::fmt::Write;

use sizao_app::assessments::Explained;
use sizao_model::{CivilDay, Fact, FactBody, Instant, fact::Outcome};

use crate::view::{Chrome, day};

const WIDTH: i32 = 860;
const LEFT: i32 = 104;
const ROW: i32 = 34;
/// At most so many days are drawn, from the day that matters first.
const DAYS_MAX: i32 = 40;
const DAY_MICROS: i64 = 86_400_000_000;

/// The drawing and its height.
pub(crate) fn days(explained: &Explained, now: Instant, c: &Chrome) -> (String, i32) {
    match span(explained, now) {
        Some(span) => drawn(explained, span, now, c),
        None => (String::new(), 0),
    }
}

/// Two plans over the same days, so that they can be read against each other.
pub(crate) fn two_plans(before: &Explained, after: &Explained, at: Instant, c: &Chrome) -> [(String, i32); 2] {
    let spans: Vec<(CivilDay, i32)> = [before, after].iter().filter_map(|side| span(side, at)).collect();
    let first = spans.iter().map(|(first, _)| *first).min().unwrap_or(at.day());
    let last = spans.iter().map(|(first, count)| first.plus_days(*count)).max().unwrap_or(at.day());
    let span = (first, last.days_since(first).clamp(10, DAYS_MAX));
    [before, after].map(|side| drawn(side, span, at, c))
}

fn drawn(explained: &Explained, (first, count): (CivilDay, i32), now: Instant, c: &Chrome) -> (String, i32) {
    let slot = f64::from(WIDTH - LEFT) / f64::from(count);
    let x = |at: Instant| {
        let days = (at.as_micros() - first.start().as_micros()) as f64 / DAY_MICROS as f64;
        (f64::from(LEFT) + days * slot).clamp(f64::from(LEFT), f64::from(WIDTH))
    };
    let mut draw = Drawing { text: String::new(), y: 58 };
    let measures = &explained.assessment.measures;
    let height = 58 + ROW * (2 + measures.len() as i32) + 10;
    heads(&mut draw, explained, first, count, slot, height, now, c);
    facts_row(&mut draw, &explained.facts, x, c);
    for measure in measures {
        draw.label(&c.word("measure", measure.kind().name()));
        let (from, to) = (x(measure.starts_at()), x(measure.ends_at()));
        let served = x(now).clamp(from, to);
        draw.bar("f-done", from, served);
        draw.bar("f-plan", served, to);
        let end = c.t1("until", "at", c.at(&measure.ends_at()));
        // Beside the bar when it would not fit inside.
        let room = 190.0;
        let (at, class) = if to - served > room {
            (served + 6.0, "")
        } else if from - f64::from(LEFT) > room {
            (from - 6.0, "end")
        } else {
            (to + 6.0, "")
        };
        let at = at.min(f64::from(WIDTH) - if class.is_empty() { room } else { 0.0 });
        let _ = write!(draw.text, "<text class=\"{class}\" x=\"{at:.0}\" y=\"{}\">{end}</text>", draw.y + 5);
        draw.y += ROW;
    }
    tests_row(&mut draw, explained, first, count, slot, now, c);
    let at = x(now);
    let _ = write!(draw.text, "<line class=\"nowl\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"22\" y2=\"{height}\"/>");
    (draw.text, height)
}

struct Drawing {
    text: String,
    /// Middle of the row.
    y: i32,
}

impl Drawing {
    fn label(&mut self, text: &str) {
        let _ = write!(self.text, "<text class=\"lab\" x=\"0\" y=\"{}\">{text}</text>", self.y + 5);
    }

    fn bar(&mut self, class: &str, from: f64, to: f64) {
        if to - from > 0.5 {
            let _ = write!(
                self.text,
                "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{}\" width=\"{:.1}\" height=\"18\" rx=\"2\"/>",
                self.y - 9,
                to - from
            );
        }
    }
}

/// First day and number of days to draw.
fn span(explained: &Explained, now: Instant) -> Option<(CivilDay, i32)> {
    let measures = &explained.assessment.measures;
    let facts = explained.facts.iter().map(|fact| fact.happened.first_day());
    let facts = facts.filter(|day| day.days_since(now.day()) >= -30);
    let starts = facts.chain(measures.iter().map(|measure| measure.starts_at().day()));
    let first = starts.min()?.plus_days(-1);
    let last =
        measures.iter().map(|measure| measure.ends_at().day()).max().unwrap_or(now.day()).max(now.day()).plus_days(2);
    Some((first, last.days_since(first).clamp(10, DAYS_MAX)))
}

/// Dates, weekends, and the two counts: duration runs from the last exposure, tests from entry into isolation.
#[expect(clippy::too_many_arguments, reason = "they are the axis itself")]
fn heads(
    draw: &mut Drawing,
    explained: &Explained,
    first: CivilDay,
    count: i32,
    slot: f64,
    height: i32,
    now: Instant,
    c: &Chrome,
) {
    let exposure = explained.facts.iter().filter(|fact| matches!(fact.body, FactBody::Exposure(_)));
    let exposed = exposure.map(|fact| fact.happened.last_day().unwrap_or_else(|| fact.happened.first_day())).max();
    let entered = explained.facts.iter().filter(|fact| matches!(fact.body, FactBody::IsolationStarted(_)));
    let entered = entered.map(|fact| fact.happened.first_day()).min();
    let _ = write!(
        draw.text,
        "<text x=\"0\" y=\"32\">{}</text><text x=\"0\" y=\"47\">{}</text>",
        c.t("axis-exposure-day"),
        c.t("axis-isolation-day")
    );
    let every = if slot < 17.0 { 2 } else { 1 };
    for n in 0..count {
        let on = first.plus_days(n);
        let left = f64::from(LEFT) + f64::from(n) * slot;
        let mid = left + slot / 2.0;
        // 1970-01-01 was a Thursday.
        if matches!((on.number() + 4).rem_euclid(7), 0 | 6) {
            let _ = write!(
                draw.text,
                "<rect class=\"wk\" x=\"{left:.1}\" y=\"20\" width=\"{slot:.1}\" height=\"{}\"/>",
                height - 20
            );
        }
        let _ = write!(draw.text, "<line class=\"grid\" x1=\"{left:.1}\" x2=\"{left:.1}\" y1=\"20\" y2=\"{height}\"/>");
        let (_, month, date) = on.ymd();
        let is_today = on == now.day();
        if is_today {
            let _ = write!(
                draw.text,
                "<rect class=\"nowb\" x=\"{:.1}\" y=\"1\" width=\"28\" height=\"18\" rx=\"3\"/>",
                mid - 14.0
            );
        }
        if (n % every == 0 && n != 1) || is_today {
            let said = if n == 0 || date == 1 { format!("{month}/{date}") } else { date.to_string() };
            let class = if is_today { "mid nowt" } else { "mid" };
            let _ = write!(draw.text, "<text class=\"{class}\" x=\"{mid:.1}\" y=\"14\">{said}</text>");
            let counts = [(exposed, 0, 32), (entered, 1, 47)];
            for (start, offset, y) in counts {
                if let Some(day) =
                    start.map(|start| on.days_since(start) + offset).filter(|day| (offset..=21).contains(day))
                {
                    let _ = write!(draw.text, "<text class=\"mid faintx\" x=\"{mid:.1}\" y=\"{y}\">{day}</text>");
                }
            }
        }
    }
    draw.y = 58 + ROW / 2;
}

fn facts_row(draw: &mut Drawing, facts: &[Fact], x: impl Fn(Instant) -> f64, c: &Chrome) {
    draw.label(&c.t("axis-facts"));
    for fact in facts {
        let at = x(fact.happened.starts_at());
        let class = match &fact.body {
            FactBody::TestResult(result) if result.outcome == Outcome::Positive => "f-ex",
            FactBody::Exposure(_) | FactBody::Diagnosis(_) => "f-ex",
            _ => "f-fact",
        };
        let y = draw.y;
        let _ = write!(
            draw.text,
            "<path class=\"{class}\" d=\"M{at:.1} {}l6 6-6 6-6-6z\"><title>{} {}</title></path>",
            y - 6,
            c.word("fact", fact.body.kind().name()),
            day(c.lang, fact.happened.first_day())
        );
    }
    draw.y += ROW;
}

fn tests_row(
    draw: &mut Drawing,
    explained: &Explained,
    first: CivilDay,
    count: i32,
    slot: f64,
    now: Instant,
    c: &Chrome,
) {
    draw.label(&c.t("axis-tests"));
    let done = explained.facts.iter().filter_map(|fact| match &fact.body {
        FactBody::TestResult(result) => Some((fact.happened.first_day(), Some(result.outcome), String::new())),
        _ => None,
    });
    let planned = explained.assessment.measures.iter().flat_map(|measure| measure.tests());
    let planned = planned.map(|test| (test.date, None, format!("D{}", test.day)));
    let tested: Vec<CivilDay> = done.clone().map(|(on, ..)| on).collect();
    for (on, outcome, label) in done.chain(planned) {
        let n = on.days_since(first);
        if !(0..count).contains(&n) {
            continue;
        }
        let (x, y) = (f64::from(LEFT) + (f64::from(n) + 0.5) * slot, draw.y);
        let class = match outcome {
            Some(Outcome::Positive) => "f-ex",
            Some(Outcome::Negative) => "f-neg",
            Some(_) => "f-fact",
            None if on == now.day() => "f-due",
            None => "f-open",
        };
        // A planned test whose day has a result is drawn by its result.
        if outcome.is_some() || !tested.contains(&on) {
            let _ = write!(draw.text, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y}\" r=\"7\"/>");
        }
        match outcome {
            Some(Outcome::Negative) => _ = write!(draw.text, "<path class=\"s-on\" d=\"M{:.1} {y}h6\"/>", x - 3.0),
            Some(Outcome::Positive) => {
                _ = write!(draw.text, "<path class=\"s-on\" d=\"M{:.1} {y}h6M{x:.1} {}v6\"/>", x - 3.0, y - 3)
            }
            _ => _ = write!(draw.text, "<text class=\"mid\" x=\"{x:.1}\" y=\"{}\">{label}</text>", y + 20),
        }
    }
    draw.y += ROW;
}
