//! Reading a pack: each rule as a table, every number with its source and whether a source says so.

use askama::Template;
use axum::extract::Path;
use sizao_app::packs::{Effect, Mark, NumberNote, Pack, Phase};

use super::{Line, words};
use crate::{
    context::Ctx,
    lang,
    pages::{Answer, page},
    view::Chrome,
};

#[derive(Template)]
#[template(path = "pack.html")]
struct PackPage {
    c: Chrome,
    line: Line,
    parts: Vec<Part>,
    notices: Vec<(String, String)>,
    supersedes: Option<String>,
    text: String,
}

/// One rule.
struct Part {
    /// Its name in the pack.
    rule: &'static str,
    words: Option<String>,
    tables: Vec<(String, Vec<PhaseRow>)>,
    facts: Vec<(String, String)>,
    numbers: Vec<NumberRow>,
}

struct PhaseRow {
    kind: &'static str,
    days: i32,
    tests: String,
    colour: Option<&'static str>,
    more: String,
}

struct NumberRow {
    what: String,
    value: String,
    source: String,
    verified: bool,
}

/// The rules, in the order in which a reader asks for them.
const PARTS: [&str; 13] = [
    "general",
    "window",
    "close_contact",
    "secondary_contact",
    "case",
    "inbound_traveller",
    "area",
    "arrival",
    "immunity",
    "offers",
    "special",
    "transport",
    "planning",
];

/// Numbers that stand at the top of the file.
const GENERAL: [&str; 3] = ["grace_hours", "max_extension_days", "hold_hours"];

/// The page.
pub(crate) async fn show(ctx: Ctx, Path(digest): Path<String>) -> Answer {
    let found = ctx.app().view_pack(&ctx.actor, &digest).await?;
    let c = Chrome::of(&ctx);
    let pack = found.source.pack.clone();
    let text = found.source.text.to_string();
    let line = Line::of(found, &c);
    let parts = PARTS.iter().map(|rule| part(&pack, rule, &c)).filter(Part::says_something).collect();
    let effect = |effect: Effect| match effect {
        Effect::Reminder => c.t("notice-reminder"),
        Effect::Question => c.t("notice-question"),
        Effect::Task => c.t("notice-task"),
    };
    let notices = pack.notices.iter().map(|notice| (effect(notice.does), words(c.lang, &notice.text))).collect();
    let supersedes = pack.supersedes.as_deref().map(str::to_owned);
    page(&PackPage { c, line, parts, notices, supersedes, text })
}

impl Part {
    fn says_something(&self) -> bool {
        !self.tables.is_empty() || !self.facts.is_empty() || !self.numbers.is_empty()
    }
}

fn part(pack: &Pack, rule: &'static str, c: &Chrome) -> Part {
    let numbers = pack.numbers.iter().filter(|note| part_of(&note.path) == rule).map(|note| number(note, c)).collect();
    let said = if rule == "general" { "hold" } else { rule };
    let words = pack.text(said).map(|text| words(c.lang, text)).filter(|words| !words.is_empty());
    Part { rule, words, tables: tables(pack, rule, c), facts: facts(pack, rule, c), numbers }
}

/// To which part a number belongs.
fn part_of(path: &str) -> &'static str {
    let head = path.split(['.', '[']).next().unwrap_or_default();
    if GENERAL.contains(&head) {
        return "general";
    }
    PARTS.iter().find(|part| **part == head).copied().unwrap_or("planning")
}

fn tables(pack: &Pack, rule: &str, c: &Chrome) -> Vec<(String, Vec<PhaseRow>)> {
    let mut tables = Vec::new();
    let mut add = |title: String, phases: Option<&Vec<Phase>>| {
        if let Some(phases) = phases.filter(|phases| !phases.is_empty()) {
            tables.push((title, phases.iter().map(|phase| row(phase, c)).collect()));
        }
    };
    match rule {
        "close_contact" => add(String::new(), pack.close_contact.as_ref()),
        "secondary_contact" => add(String::new(), pack.secondary_contact.as_ref().map(|rule| &rule.phases)),
        "case" => add(c.t("pack-after-case"), pack.case.as_ref().map(|case| &case.after)),
        "inbound_traveller" => add(String::new(), pack.inbound_traveller.as_ref()),
        "area" => {
            let area = pack.area.as_ref();
            add(c.t("pack-inside-high"), area.and_then(|area| area.inside_high.as_ref()));
            add(c.t("pack-inside-medium"), area.and_then(|area| area.inside_medium.as_ref()));
            add(c.t("pack-same-city"), area.and_then(|area| area.same_city.as_ref()));
        }
        _ => {}
    }
    tables
}

fn row(phase: &Phase, c: &Chrome) -> PhaseRow {
    let tests: Vec<String> = phase.tests.iter().map(ToString::to_string).collect();
    let mut more = Vec::new();
    if phase.exit_samples > 1 {
        more.push(c.t1("pack-exit-samples", "n", phase.exit_samples));
    }
    if let Some(day) = phase.starts_day_after_first {
        more.push(c.t1("pack-starts-day", "n", day));
    }
    PhaseRow {
        kind: phase.kind.name(),
        days: phase.days,
        tests: if tests.is_empty() { "–".to_owned() } else { tests.join(", ") },
        colour: phase.colour.map(crate::pages::people::colour_name),
        more: more.join(" · "),
    }
}

/// What a rule says besides numbers.
fn facts(pack: &Pack, rule: &str, c: &Chrome) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut add = |key: &str, value: String| facts.push((c.word("pack-field", key), value));
    let yes = |yes: bool| if yes { c.t("yes") } else { c.t("no") };
    match rule {
        "general" => add("colours", yes(pack.colours)),
        "window" => {
            if let Some(window) = &pack.window {
                add("anchor", c.word("pack-value", &snake(&format!("{:?}", window.anchor))));
                add("until", c.word("pack-value", &snake(&format!("{:?}", window.until))));
            }
        }
        "secondary_contact" => {
            if let Some(rule) = &pack.secondary_contact {
                add("follows_source", yes(rule.follows_source));
            }
        }
        "area" => {
            let residents = pack.area.iter().flat_map(|area| &area.resident);
            for (level, kind) in residents {
                let level = c.word("pack-level", &snake(&format!("{level:?}")));
                facts.push((c.t1("pack-resident", "level", level), c.word("measure", kind.name())));
            }
        }
        "arrival" => {
            if let Some(arrival) = &pack.arrival {
                add("province", arrival.province.to_string());
            }
        }
        "immunity" => {
            if let Some(immunity) = &pack.immunity {
                add("igg", yes(immunity.igg));
            }
        }
        "offers" => {
            for offer in &pack.offers {
                let effect = offer.effect.map(|kind| c.word("measure", kind.name())).unwrap_or_default();
                facts.push((offer.kind.to_string(), effect));
            }
        }
        _ => {}
    }
    facts
}

fn number(note: &NumberNote, c: &Chrome) -> NumberRow {
    let field = note.path.rsplit('.').next().unwrap_or(&note.path);
    let field = field.split('[').next().unwrap_or(field);
    let known = c.word("pack-field", field);
    let name = if known == format!("pack-field-{field}") { field.to_owned() } else { known };
    let unit = lang::text(c.lang, &format!("pack-unit-{}", note.unit), &[]);
    let unit = if unit.starts_with("pack-unit-") { note.unit.clone() } else { unit };
    NumberRow {
        what: format!("{}{name}", stage(&note.path, c)),
        value: format!("{} {unit}", note.value.trim_matches(['[', ']'])).trim().to_owned(),
        source: note.source.clone(),
        verified: note.mark == Mark::Verified,
    }
}

/// Which phase a number belongs to, where there are several.
fn stage(path: &str, c: &Chrome) -> String {
    let place = ["inside.high", "inside.medium", "same_city", "same_county"].iter().find(|part| path.contains(**part));
    let place = place.map(|part| match *part {
        "inside.high" => c.t("pack-inside-high"),
        "inside.medium" => c.t("pack-inside-medium"),
        "same_city" => c.t("pack-same-city"),
        _ => c.t("pack-same-county"),
    });
    let index = path.split('[').nth(1).and_then(|rest| rest.split(']').next()).and_then(|n| n.parse::<u32>().ok());
    let phase = index.map(|index| c.t1("pack-phase", "n", index + 1));
    let parts: Vec<String> = [place, phase].into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!("{} · ", parts.join(" · ")) }
}

/// `OnsetOrSampling` as `onset-or-sampling`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for (at, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && at > 0 {
            out.push('-');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}
