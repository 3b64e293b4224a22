//! The fence at work: records of towers go in, questions come out. Nothing of a position is kept.
//!
//! A question is an arrival of the lowest grade: somebody asks the person. It never opens anything, whatever a pack says. Runs only
//! under a mandate; without one intake is refused, and what was kept before is destroyed.

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;
use sizao_model::{
    DivisionCode, FactId, Happened, Instant,
    draft::{PersonDraft, PersonName},
    fact::{Arrival, EvidenceKind},
};
use sizao_presence::{Detector, Outcome, Question, RowFault, Sketch, Tongue, TowerTable};
use sizao_store::{Channel, VaultPerson};

use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, Purpose, can},
    identity::Actor,
    loops::Addition,
    mandates::Collection,
    refusal::Refusal,
};

/// Largest batch of records, in bytes.
pub const BATCH_BYTES_MAX: usize = 8 << 20;
/// Days for which a sketch is kept after it was last renewed.
pub const SKETCH_DAYS: i32 = 14;
/// Days for which the words of a question are kept.
pub const QUESTION_DAYS: i32 = 14;
/// Between two times that sketches are written; hours.
const SAVE_HOURS: i64 = 1;

/// What the operator gives: towers with positions, a detector made with them, and where arrivals go.
pub struct FenceSetup {
    /// The towers, numbered.
    pub towers: TowerTable,
    /// A detector for them.
    pub detector: Detector,
    /// The division that the border encloses.
    pub area: DivisionCode,
}

/// The detector at work.
pub(crate) struct Fence {
    setup: FenceSetup,
    saved_at: Option<Instant>,
    counts: Counts,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    records: u64,
    old: u64,
    refused: u64,
    questions: u64,
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FenceAnswer {
    /// Taken in.
    pub taken: u64,
    /// Repeated, or older than what was known: without effect.
    pub old: u64,
    /// Questions that came of it.
    pub questions: u64,
    /// Lines left out, by what is wrong with them, with the first line of each.
    pub refused: BTreeMap<&'static str, (u64, u64)>,
}

/// For the figures of transparency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FenceFigures {
    /// Whether a detector is at work.
    pub runs: bool,
    /// People of whom the detector knows something now, in memory.
    pub people: u64,
    /// People of whom a sketch is kept.
    pub sketches: u64,
    /// Questions whose words are kept.
    pub questions: u64,
    /// Records read since the node was started.
    pub records: u64,
}

/// A line: one record of a tower.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    recv_ms: i64,
    #[serde(borrow)]
    person_id: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    tower_id: std::borrow::Cow<'a, str>,
    event_ms: i64,
}

impl App {
    /// Begins the fence, with what sketches remember.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn begin_fence(&self, mut setup: FenceSetup) -> Result<(), AppError> {
        self.store().forget_fence(Some(self.now().day())).await?;
        let sketches: Vec<Sketch> =
            self.store().load_sketches().await?.iter().filter_map(|bytes| sketch_of(bytes)).collect();
        if !sketches.is_empty() {
            let hash = self.tower_hashes(&setup.towers);
            setup.detector.restart_from(&sketches, |tower| hash[tower as usize]);
        }
        *self.fence.lock().await = Some(Fence { setup, saved_at: None, counts: Counts::default() });
        Ok(())
    }

    /// Reads records of towers, one JSON object a line, and asks where somebody seems to have come in.
    ///
    /// # Errors
    /// [`Refusal::NoMandate`] before anything is read; [`Refusal::NotFound`] where no fence was begun; [`AppError::Store`].
    pub async fn take_positions(
        self: &Arc<Self>,
        actor: &Actor,
        lines: &[u8],
        wall: Instant,
    ) -> Result<FenceAnswer, AppError> {
        can(actor, Action::Import, actor.division, Purpose::Reporting)?;
        self.require_mandate(Collection::Fence, actor.division).await?;
        if lines.len() > BATCH_BYTES_MAX {
            return Err(Refusal::field("body", "file-large").into());
        }
        let mut fence = self.fence.lock().await;
        let fence = fence.as_mut().ok_or(Refusal::NotFound)?;
        if !fence.setup.area.is_under(actor.division) {
            return Err(Refusal::NotFound.into());
        }
        self.log_deed(actor, Action::Import, Purpose::Reporting, None, Reason::of("fence"), wall).await?;
        let (mut answer, mut asked) = (FenceAnswer::default(), Vec::new());
        for (number, line) in (1_u64..).zip(lines.split(|byte| *byte == b'\n')) {
            if line.trim_ascii().is_empty() {
                continue;
            }
            match fence.read(line) {
                Ok((_, Outcome::Taken)) => answer.taken += 1,
                Ok((_, Outcome::Old)) => answer.old += 1,
                Ok((person, Outcome::Asked(question))) => {
                    answer.taken += 1;
                    asked.push((person, question));
                }
                Err(fault) => answer.refused.entry(fault).or_insert((0, number)).0 += 1,
            }
        }
        answer.questions = asked.len() as u64;
        fence.counts.records += answer.taken;
        fence.counts.old += answer.old;
        fence.counts.refused += answer.refused.values().map(|(count, _)| count).sum::<u64>();
        fence.counts.questions += answer.questions;
        let area = fence.setup.area;
        for (person, question) in asked {
            self.ask(&person, &question, area, actor).await?;
        }
        Ok(answer)
    }

    /// Writes sketches when it is time, destroys what is over, and everything when no mandate is in force any more.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn keep_fence(&self) -> Result<(), AppError> {
        let mut fence = self.fence.lock().await;
        let Some(fence) = fence.as_mut() else { return Ok(()) };
        let now = self.now();
        match self.require_mandate(Collection::Fence, fence.setup.area).await {
            Ok(_) => {}
            Err(AppError::Refused(Refusal::NoMandate { .. })) => {
                fence.setup.detector.restart_from(&[], |_| 0);
                self.store().forget_fence(None).await?;
                return Ok(());
            }
            Err(other) => return Err(other),
        }
        if fence.saved_at.is_some_and(|at| now < at.plus_hours(SAVE_HOURS)) {
            return Ok(());
        }
        self.write_sketches(fence).await?;
        self.store().forget_fence(Some(now.day())).await?;
        Ok(())
    }

    /// Writes sketches now: what a node does that is stopped.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn save_fence(&self) -> Result<(), AppError> {
        match self.fence.lock().await.as_mut() {
            Some(fence) => self.write_sketches(fence).await,
            None => Ok(()),
        }
    }

    /// For the figures of transparency.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn fence_figures(&self) -> Result<FenceFigures, AppError> {
        let (sketches, questions) = self.store().count_fence().await?;
        let fence = self.fence.lock().await;
        Ok(FenceFigures {
            runs: fence.is_some(),
            people: fence.as_ref().map_or(0, |fence| fence.setup.detector.people() as u64),
            sketches,
            questions,
            records: fence.as_ref().map_or(0, |fence| fence.counts.records),
        })
    }

    async fn write_sketches(&self, fence: &mut Fence) -> Result<(), AppError> {
        let hash = self.tower_hashes(&fence.setup.towers);
        let sketches = fence.setup.detector.sketches(|tower| hash[tower as usize]);
        let rows: Vec<(u64, Vec<u8>)> = sketches.iter().map(|sketch| (sketch.person, bytes_of(sketch))).collect();
        self.store().save_sketches(&rows, self.now().day().plus_days(SKETCH_DAYS)).await?;
        fence.saved_at = Some(self.now());
        Ok(())
    }

    fn tower_hashes(&self, towers: &TowerTable) -> Vec<u64> {
        let bytes = |lon: f64, lat: f64| [lon.to_bits().to_be_bytes(), lat.to_bits().to_be_bytes()].concat();
        towers.towers.iter().map(|tower| self.store().fence_tower_hash(&bytes(tower.lon, tower.lat))).collect()
    }

    /// A question becomes an arrival to be asked about: who by the sender's own word for the person, no place but the division.
    async fn ask(
        &self,
        person: &str,
        question: &Question,
        area: DivisionCode,
        actor: &Actor,
    ) -> Result<FactId, AppError> {
        let now = self.now();
        let names = vec![PersonName::Code { scope: format!("fence:{}", actor.unit).into(), code: person.into() }];
        let draft = PersonDraft { names, full_name: None, phones: Vec::new(), division: area };
        let people = [VaultPerson { draft, search_terms: Vec::new() }];
        let id = self.store().resolve_people(&people, now).await?[0];
        let body = Arrival {
            from: "".into(),
            into: area.to_string().into(),
            evidence: EvidenceKind::CellLocation,
            transit: false,
            leaves_at: None,
        };
        let addition = Addition {
            person: Some(id),
            division: area,
            // When it was asked, not when anything was seen.
            happened: Happened::at(now),
            body: body.into(),
            key: format!("fence/{id}/{}", now.as_micros()),
            channel: Channel::Api,
        };
        let receipts = self.append_all("fence", vec![addition]).await?;
        let fact =
            receipts.first().map(|receipt| receipt.id()).ok_or(AppError::Stopped("no receipt for a question"))?;
        let words = [question.in_words(Tongue::Zh), question.in_words(Tongue::En)];
        let per_mille = (f64::from(question.probability) * 1000.0).round() as i64;
        let ends_on = now.day().plus_days(QUESTION_DAYS);
        self.store().save_fence_question(fact, per_mille, [&words[0], &words[1]], ends_on).await?;
        Ok(fact)
    }
}

impl Fence {
    /// Whose record it is and what became of it, or what is wrong with the line.
    fn read(&mut self, line: &[u8]) -> Result<(String, Outcome), &'static str> {
        let line: Line<'_> = serde_json::from_slice(line).map_err(|_| "not_an_object")?;
        let (recv, event) = (line.recv_ms.to_string(), line.event_ms.to_string());
        let cells = [recv.as_bytes(), line.person_id.as_bytes(), line.tower_id.as_bytes(), event.as_bytes()];
        let record = self.setup.towers.observation(cells).map_err(RowFault::name)?;
        Ok((line.person_id.into_owned(), self.setup.detector.take(&record)))
    }
}

fn bytes_of(sketch: &Sketch) -> Vec<u8> {
    let mut out = sketch.person.to_be_bytes().to_vec();
    out.push(u8::from(sketch.is_inside));
    for (hash, records, inside) in &sketch.towers {
        out.extend(hash.to_be_bytes());
        out.extend([*records, *inside]);
    }
    // All of one length, so that a length tells nothing.
    out.resize(9 + 8 * 10, 0);
    out
}

fn sketch_of(bytes: &[u8]) -> Option<Sketch> {
    let (person, rest) = bytes.split_first_chunk::<8>()?;
    let (side, rest) = rest.split_first()?;
    let towers = rest.chunks_exact(10).filter_map(|part| {
        let (hash, weights) = part.split_first_chunk::<8>()?;
        (weights[0] > 0).then(|| (u64::from_be_bytes(*hash), weights[0], weights[1]))
    });
    Some(Sketch { person: u64::from_be_bytes(*person), is_inside: *side > 0, towers: towers.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sketch_reads_back_and_its_length_tells_nothing() {
        for count in 0..=8 {
            let towers: Vec<(u64, u8, u8)> = (1..=count).map(|n| (n * 1_000_003, n as u8, 255 - n as u8)).collect();
            let sketch = Sketch { person: u64::MAX - count, is_inside: count % 2 == 0, towers };
            let bytes = bytes_of(&sketch);
            assert_eq!((sketch_of(&bytes), bytes.len()), (Some(sketch), 89));
        }
    }
}
