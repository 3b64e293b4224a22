//! An arrival question, and its evidence in words.

use super::{coverage::Coverage, person::Person};

/// A question whether somebody came in. A question alone changes nobody's status.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Question {
    /// Who.
    pub person: u64,
    /// Time of receipt of the record at which it is asked; milliseconds.
    pub declared_ms: i64,
    /// Probability of being inside.
    pub probability: f32,
    /// What it rests on.
    pub evidence: Evidence,
}

/// What a question rests on. No tower is named and no place: whoever reads it need not learn where the person was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    /// Records since the person last seemed to move.
    pub records: u8,
    /// Different towers among them, as far as remembered.
    pub towers: u8,
    /// How many of these stand inside the border.
    pub towers_inside: u8,
    /// The last record came on the way, not at a place.
    pub on_the_way: bool,
    /// The last tower had been seen before, mostly while inside.
    pub familiar: bool,
    /// Crossings believed in before this one, either way.
    pub crossings_before: u8,
}

/// A language of explanations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tongue {
    /// Chinese.
    Zh,
    /// English.
    En,
}

impl Evidence {
    pub(super) fn of(person: &Person, tower: usize, moved: f32, coverage: &Coverage) -> Self {
        let memory = &person.memory;
        let here = memory.tower.iter().zip(&memory.here).filter(|(tower, here)| **tower > 0 && **here > 0);
        let stands_inside: Vec<bool> = here.map(|(tower, _)| coverage.stands_inside(usize::from(*tower) - 1)).collect();
        let familiar = memory.find(tower).is_some_and(|at| memory.all[at] > memory.here[at] && memory.inside[at] > 128);
        Self {
            records: person.records,
            towers: stands_inside.len() as u8,
            towers_inside: stands_inside.iter().filter(|inside| **inside).count() as u8,
            on_the_way: moved > 0.5,
            familiar,
            crossings_before: person.crossings.saturating_sub(1),
        }
    }
}

impl Question {
    /// The question with its evidence, for the person who has to ask it.
    #[must_use]
    pub fn in_words(&self, tongue: Tongue) -> String {
        let Evidence { records, towers, towers_inside, on_the_way, familiar, crossings_before } = self.evidence;
        let percent = (f64::from(self.probability) * 100.0).round().min(99.0);
        match tongue {
            Tongue::En => {
                let way = if on_the_way { "on the way" } else { "staying" };
                let known = if familiar { "; the last tower is familiar from earlier times inside" } else { "" };
                let times = if crossings_before > 0 {
                    format!("; {crossings_before} earlier crossings")
                } else {
                    "; no earlier crossing known".to_owned()
                };
                format!(
                    "May have come in (probability {percent} %): {records} records at {towers} towers since the last move, \
                     {towers_inside} of them inside the border; {way}{known}{times}. Only a question: ask the person."
                )
            }
            Tongue::Zh => {
                let way = if on_the_way { "途中" } else { "停留" };
                let known = if familiar { "；末次基站以往在境内时出现过" } else { "" };
                let times = if crossings_before > 0 {
                    format!("；此前跨界{crossings_before}次")
                } else {
                    "；此前无跨界记录".to_owned()
                };
                format!(
                    "可能已入境内（概率{percent}%）：最近一次移动后{records}条记录、{towers}个基站，其中{towers_inside}个在界内；\
                     {way}{known}{times}。仅为提问，请向本人核实。"
                )
            }
        }
    }
}
