//! What comes in at which hour: the facts of the city, late, twice, contradicted, damaged, and links made and undone.

use std::{
    collections::{BTreeMap, HashMap},
    io::{self, Write},
};

use serde_json::{Value, json};
use sizao_drill::city::{City, CityOptions, LedgerShare, Sink};
use sizao_model::{DivisionCode, Instant};

use super::{Size, chaos::Chaos, promises::Promises};

/// Why a line is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// For the first time, or again because it was handed back.
    Good,
    /// Once more.
    Again,
    /// Under a key that was used, with other content.
    Contradicts,
    /// Damaged.
    Damaged,
}

#[derive(Clone, Debug)]
pub struct Line {
    pub why: Why,
    pub label: String,
    pub text: String,
}

/// A file of one hour.
#[derive(Clone, Debug, Default)]
pub struct File {
    pub name: String,
    pub lines: Vec<Line>,
}

impl File {
    pub fn bytes(&self) -> Vec<u8> {
        self.lines.iter().flat_map(|line| [line.text.as_bytes(), b"\n"].concat()).collect()
    }
}

pub struct Deliveries {
    start: Instant,
    by_hour: BTreeMap<i64, Vec<Line>>,
    sent: Vec<Line>,
    links: u64,
    /// The register of people.
    pub register: Vec<u8>,
    /// Codes of people, by number.
    pub codes: Vec<String>,
    /// Full names of people, by code.
    pub names: HashMap<String, String>,
    /// Lines of the city.
    pub good: u64,
}

#[derive(Default)]
struct Kept {
    files: HashMap<String, Vec<u8>>,
    rest: io::Sink,
}

impl Sink for Kept {
    fn create(&mut self, name: &str) -> io::Result<&mut dyn Write> {
        Ok(match name {
            "people.csv" | "facts.ndjson" => self.files.entry(name.to_owned()).or_default(),
            _ => &mut self.rest,
        })
    }
}

impl Deliveries {
    pub fn plan(size: Size, chaos: &mut Chaos) -> Self {
        let options = CityOptions {
            ledger: LedgerShare::None,
            facts_per_person: 1.5,
            imported: Some((size.people / 100).max(3)),
            within: DivisionCode::parse("4101").ok(),
            ..CityOptions::new(size.people, size.days, size.seed)
        };
        let start = options.start_on.start();
        let city = City::build(options).unwrap();
        let mut kept = Kept::default();
        city.write_to(&mut kept).unwrap();
        let mut take = |name: &str| kept.files.remove(name).unwrap();
        let (register, facts) = (take("people.csv"), take("facts.ndjson"));
        let text = String::from_utf8(register.clone()).unwrap();
        let mut rows = text.lines().map(|row| row.split(',').collect::<Vec<_>>());
        let header = rows.next().unwrap();
        let column = |name: &str| header.iter().position(|cell| *cell == name).unwrap();
        let (code, name) = (column("code"), column("name"));
        let names: HashMap<String, String> = rows.map(|row| (row[code].to_owned(), row[name].to_owned())).collect();
        let mut codes: Vec<String> = names.keys().cloned().collect();
        codes.sort();
        let mut planned =
            Self { start, by_hour: BTreeMap::new(), sent: Vec::new(), links: 0, register, codes, names, good: 0 };
        for line in String::from_utf8(facts).unwrap().lines() {
            let mut fact: Value = serde_json::from_str(line).unwrap();
            // The node's clock says when it was put down.
            let recorded = fact.as_object_mut().unwrap().remove("recorded_at").unwrap();
            let recorded = Instant::parse(recorded.as_str().unwrap()).unwrap();
            let hour = recorded.as_micros().saturating_sub(start.as_micros()).div_euclid(3_600_000_000) + 1;
            let late = match chaos.below(100) {
                0..90 => 0,
                90..98 => 1 + chaos.below(12),
                _ => 24 + chaos.below(96),
            };
            let label = fact["id"].as_str().unwrap().to_owned();
            let line = Line { why: Why::Good, label, text: fact.to_string() };
            planned.by_hour.entry(hour.max(0) + late as i64).or_default().push(line);
            planned.good += 1;
        }
        planned
    }

    /// The first moment of the city.
    pub const fn start(&self) -> Instant {
        self.start
    }

    /// What comes by an hour, in an order of chance.
    pub fn due(&mut self, hour: i64, chaos: &mut Chaos) -> File {
        let later = self.by_hour.split_off(&(hour + 1));
        let mut lines: Vec<Line> = std::mem::replace(&mut self.by_hour, later).into_values().flatten().collect();
        let good = lines.len();
        for index in 0..good {
            let line = lines[index].clone();
            if chaos.one_in(100) {
                lines.push(damaged(&line, chaos));
            }
            if chaos.one_in(20) {
                self.by_hour
                    .entry(hour + 1 + chaos.below(30) as i64)
                    .or_default()
                    .push(Line { why: Why::Again, ..line });
            }
        }
        if !self.sent.is_empty() && chaos.one_in(4) {
            let old = self.sent[chaos.below(self.sent.len() as u64) as usize].clone();
            lines.extend(contradicting(&old));
        }
        for index in (1..lines.len()).rev() {
            lines.swap(index, chaos.below(index as u64 + 1) as usize);
        }
        // Of one key one content a file: which comes first would decide.
        File { name: format!("hour-{hour}"), lines }
    }

    /// All lines that are planned up to an hour, undamaged; the plan stays.
    pub fn everything(&self, hour: i64, round: u8) -> File {
        let lines = self.by_hour.range(..=hour).flat_map(|(_, lines)| lines.clone()).collect();
        File { name: format!("everything-{round}"), lines }
    }

    /// A line is in: from now on it may be contradicted.
    pub fn is_in(&mut self, line: &Line) {
        if self.sent.len() < 2_000 {
            self.sent.push(line.clone());
        }
    }

    /// A good line was handed back, because what it refers to is not here yet: it is sent again in an hour.
    pub fn once_more(&mut self, line: Line, hour: i64) {
        self.by_hour.entry(hour + 1).or_default().push(line);
    }

    /// Lines that never came.
    pub fn left(&self) -> u64 {
        self.by_hour.values().flatten().filter(|line| line.why == Why::Good).count() as u64
    }

    /// Once a day some records are linked, half of them by document, and unlinked after some days.
    pub fn add_links(&mut self, hour: i64, promises: &Promises, chaos: &mut Chaos) {
        if hour % 12 != 5 {
            return;
        }
        let restricted = promises.some_restricted(chaos);
        for pick in restricted.into_iter().map(Some).chain([None]) {
            let other = self.codes[chaos.below(self.codes.len() as u64) as usize].clone();
            let one = pick.unwrap_or_else(|| self.codes[chaos.below(self.codes.len() as u64) as usize].clone());
            if one == other {
                continue;
            }
            self.links += 1;
            let label = format!("chaos-link-{}", self.links);
            let basis = ["document", "person", "automatic"][chaos.below(3) as usize];
            let at = self.start.plus_hours(hour - 1);
            let link = json!({"id": label, "kind": "identity_link", "person": one, "happened": {"at": at},
                              "body": {"other": other, "basis": basis}});
            let later = hour + 24 + chaos.below(200) as i64;
            let at = self.start.plus_hours(later - 1);
            let unlink = json!({"id": format!("{label}-undone"), "kind": "identity_unlink", "person": one,
                                "happened": {"at": at}, "body": {"link": label}});
            self.good += 2;
            for (hour, fact) in [(hour, link), (later, unlink)] {
                let label = fact["id"].as_str().unwrap().to_owned();
                let line = Line { why: Why::Good, label, text: fact.to_string() };
                self.by_hour.entry(hour).or_default().push(line);
            }
        }
    }
}

/// A line that has to be handed back: another each time.
fn damaged(line: &Line, chaos: &mut Chaos) -> Line {
    let mut fact: Value = serde_json::from_str(&line.text).unwrap();
    fact["id"] = json!(format!("damaged-{}", chaos.next()));
    let text = match chaos.below(5) {
        0 => {
            fact["kind"] = json!("rumour");
            fact.to_string()
        }
        1 => {
            fact["happened"] = json!({"day": "2022-02-30"});
            fact.to_string()
        }
        // A clock that is wrong by years.
        2 if !matches!(fact["kind"].as_str(), Some("arrival" | "area_declared" | "area_ended")) => {
            fact["happened"] = json!({"at": "2031-01-01T00:00:00+08:00"});
            fact.to_string()
        }
        3 => {
            fact["division"] = json!("999999");
            fact.to_string()
        }
        _ => fact.to_string()[..20].to_owned(),
    };
    Line { why: Why::Damaged, label: String::new(), text }
}

/// The same key with another time.
fn contradicting(line: &Line) -> Option<Line> {
    let mut fact: Value = serde_json::from_str(&line.text).unwrap();
    if fact["happened"] == json!({"day": "2022-01-02"}) {
        return None;
    }
    fact["happened"] = json!({"day": "2022-01-02"});
    Some(Line { why: Why::Contradicts, label: line.label.clone(), text: fact.to_string() })
}
