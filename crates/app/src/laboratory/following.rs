//! Reading the log into the tables of screening: tubes, swabs, antigen tests, key people, rounds.

use std::collections::HashMap;

use sizao_model::{
    Fact, FactBody, FactId,
    fact::{Correction, Outcome, PauseReason, Sample, TestMethod, TestResult, TubeStage, TubeStep, TubeUse},
    id::PoolId,
};
use sizao_store::{
    KeyMemberRecord, KeyPauseRecord, RoundRecord, ScreeningChanges, SelfTestRecord, StoredFact, SwabRecord, TubeRecord,
};
use uuid::Uuid;

use super::{later, outcome_code, tube_id};
use crate::{App, AppError};

/// Facts read at a time.
const CHUNK: u64 = 20_000;

impl App {
    /// Reads what is new in the log into the tables of screening.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn follow_screening(&self) -> Result<(), AppError> {
        if self.store().screening_watermark().await? == self.store().size().await? {
            return Ok(());
        }
        let _turn = self.scanning.turn.lock().await;
        let _lease = self.store().lease_scanning().await?;
        self.follow_screening_held().await
    }

    /// The same for whoever has the turn to decide about scans.
    pub(super) async fn follow_screening_held(&self) -> Result<(), AppError> {
        let size = self.store().size().await?;
        let mut from = self.store().screening_watermark().await?;
        while from < size {
            let to = (from + CHUNK).min(size);
            let (facts, _) = self.store().load_leaves_that_fit(from, to).await?;
            let changes = self.screened(&facts).await?;
            self.store().save_screening(changes, to).await?;
            from = to;
        }
        Ok(())
    }

    async fn screened(&self, facts: &[StoredFact]) -> Result<ScreeningChanges, AppError> {
        let corrected: Vec<FactId> = facts
            .iter()
            .filter_map(|stored| match &stored.fact.body {
                FactBody::Correction(correction) => Some(correction.of),
                _ => None,
            })
            .collect();
        let mut originals: HashMap<FactId, Fact> = HashMap::new();
        for stored in self.store().load_facts(&corrected).await? {
            originals.insert(stored.fact.id, stored.fact);
        }
        let mut fold = Fold { originals, ..Fold::default() };
        // What results and corrections speak of may have come with an earlier stretch.
        let results = facts.iter().filter_map(|stored| match &stored.fact.body {
            FactBody::TestResult(result) => Some(result),
            FactBody::Correction(correction) => match &fold.originals.get(&correction.of)?.body {
                FactBody::TestResult(result) => Some(result),
                _ => None,
            },
            _ => None,
        });
        let samples: Vec<FactId> = results.clone().filter_map(|result| result.sample).collect();
        let mut tubes: Vec<Uuid> = results.filter_map(|result| result.pool.as_ref()).map(id_of).collect();
        tubes.extend(facts.iter().filter_map(|stored| match &stored.fact.body {
            FactBody::TubeStep(step) => Some(id_of(&step.tube)),
            FactBody::Sample(sample) => sample.pool.as_ref().map(id_of),
            _ => None,
        }));
        for swab in self.store().load_swabs(&samples).await? {
            tubes.extend(swab.tube);
            fold.swabs.insert(swab.fact, swab);
        }
        for test in self.store().load_self_tests(&samples).await? {
            fold.self_tests.insert(test.fact, test);
        }
        for tube in self.store().load_tubes(tubes).await? {
            fold.tubes.insert(tube.id, tube);
        }
        facts.iter().for_each(|stored| fold.take(stored));
        Ok(fold.into_changes())
    }
}

fn id_of(tube: &PoolId) -> Uuid {
    tube_id(tube.as_str())
}

/// Tables as they are while facts are laid over them, in the order of the log.
#[derive(Default)]
struct Fold {
    /// What corrections of this stretch correct.
    originals: HashMap<FactId, Fact>,
    tubes: HashMap<Uuid, TubeRecord>,
    swabs: HashMap<FactId, SwabRecord>,
    self_tests: HashMap<FactId, SelfTestRecord>,
    rest: ScreeningChanges,
}

impl Fold {
    fn take(&mut self, stored: &StoredFact) {
        let fact = &stored.fact;
        match &fact.body {
            FactBody::TubeStep(step) => self.step(stored, step),
            FactBody::Sample(sample) => self.sample(stored, sample),
            FactBody::TestResult(result) => self.result(fact, fact.id, result, Some(result.outcome), false),
            FactBody::Correction(correction) => self.correction(fact, correction),
            FactBody::GroupMember(member) => {
                let Some(person) = fact.person else { return };
                self.rest.members.push(KeyMemberRecord {
                    person,
                    group: member.group.to_string(),
                    from: member.from,
                    until: member.until,
                    division: stored.division,
                });
            }
            FactBody::GroupPause(pause) => {
                let Some(person) = fact.person else { return };
                self.rest.pauses.push(KeyPauseRecord {
                    fact: fact.id,
                    person,
                    reason: reason_code(pause.reason),
                    from: pause.from,
                    until: pause.until,
                    division: stored.division,
                });
            }
            FactBody::ScreeningRound(round) => self.rest.rounds.push(RoundRecord {
                fact: fact.id,
                division: round.area,
                name: round.name.to_string(),
                from_at: round.from,
                until_at: round.until,
                capacity: round.capacity.into(),
                sites: serde_json::to_string(&round.sites).expect("sites are names and numbers"),
            }),
            _ => {}
        }
    }

    fn tube(&mut self, stored: &StoredFact, barcode: &str) -> &mut TubeRecord {
        let id = tube_id(barcode);
        self.tubes.entry(id).or_insert_with(|| TubeRecord {
            id,
            barcode: barcode.to_owned(),
            division: stored.division,
            holds: 1,
            capacity: 0,
            round: None,
            site: String::new(),
            opened_at: stored.fact.happened.starts_at(),
            swabs: 0,
            first_at: None,
            last_at: None,
            sealed_at: None,
            sent_at: None,
            container: String::new(),
            received_at: None,
            lab: None,
            outcome: None,
            said_at: None,
            told_at: None,
            result: None,
            corrected: 0,
        })
    }

    fn step(&mut self, stored: &StoredFact, step: &TubeStep) {
        let at = stored.fact.happened.starts_at();
        let tube = self.tube(stored, step.tube.as_str());
        match step.stage {
            TubeStage::Opened => {
                tube.holds = step.holds.map_or(1, use_code);
                tube.capacity = step.capacity.unwrap_or(1).into();
                tube.round = step.round.as_deref().and_then(|id| Uuid::try_parse(id).ok());
                tube.site = step.site.as_deref().unwrap_or_default().to_owned();
                tube.opened_at = at;
            }
            TubeStage::Sealed => tube.sealed_at = tube.sealed_at.or(Some(at)),
            TubeStage::Sent => {
                tube.sent_at = tube.sent_at.or(Some(at));
                tube.container = step.container.as_deref().unwrap_or_default().to_owned();
            }
            TubeStage::Received => {
                tube.received_at = tube.received_at.or(Some(at));
                tube.lab = step.lab.as_ref().and_then(|lab| Uuid::try_parse(lab.as_str()).ok()).or(tube.lab);
            }
        }
    }

    fn sample(&mut self, stored: &StoredFact, sample: &Sample) {
        let fact = &stored.fact;
        let Some(person) = fact.person else { return };
        let (taken_at, recorded_at) = (fact.happened.starts_at(), fact.recorded_at);
        match sample.method {
            TestMethod::NucleicTest => {
                let (mut tube_of, mut round) = (None, None);
                if let Some(pool) = &sample.pool {
                    let tube = self.tube(stored, pool.as_str());
                    tube.swabs += 1;
                    tube.first_at = Some(tube.first_at.map_or(taken_at, |first| first.min(taken_at)));
                    tube.last_at = later(tube.last_at, taken_at);
                    (tube_of, round) = (Some(tube.id), tube.round);
                }
                let swab = SwabRecord {
                    fact: fact.id,
                    tube: tube_of,
                    round,
                    person,
                    taken_at,
                    recorded_at,
                    outcome: None,
                    told_at: None,
                };
                self.swabs.entry(fact.id).or_insert(swab);
            }
            TestMethod::AntigenTest => {
                let test = SelfTestRecord {
                    fact: fact.id,
                    person,
                    division: stored.division,
                    taken_at,
                    recorded_at,
                    outcome: None,
                    told_at: None,
                };
                self.self_tests.entry(fact.id).or_insert(test);
            }
            TestMethod::Igg => {}
        }
    }

    fn correction(&mut self, fact: &Fact, correction: &Correction) {
        let Some(FactBody::TestResult(result)) = self.originals.get(&correction.of).map(|fact| fact.body.clone())
        else {
            return;
        };
        let said = correction.body.as_ref().and_then(|body| body.get("outcome")).cloned();
        let outcome = said.and_then(|word| serde_json::from_value::<Outcome>(word).ok());
        if correction.retract || outcome.is_some() {
            let outcome = outcome.filter(|_| !correction.retract);
            self.result(fact, correction.of, &result, outcome, true);
        }
    }

    /// Lays a result over its tube or sample; no outcome takes back what was said.
    fn result(&mut self, fact: &Fact, id: FactId, result: &TestResult, outcome: Option<Outcome>, corrects: bool) {
        let (said_at, told_at) = (fact.happened.starts_at(), fact.recorded_at);
        let outcome = outcome.map(outcome_code);
        let mut tube_of = result.pool.as_ref().map(id_of);
        if let Some(sample) = result.sample {
            if let Some(swab) = self.swabs.get_mut(&sample) {
                if swab.outcome != outcome {
                    (swab.outcome, swab.told_at) = (outcome, outcome.map(|_| told_at));
                }
                tube_of = swab.tube;
            } else if let Some(test) = self.self_tests.get_mut(&sample) {
                (test.outcome, test.told_at) = (outcome, outcome.map(|_| told_at));
            }
        }
        let Some(tube) = tube_of.and_then(|id| self.tubes.get_mut(&id)) else { return };
        if result.sample.is_some() && tube.holds != 0 {
            return;
        }
        tube.corrected += i64::from(corrects || (tube.outcome.is_some() && tube.outcome != outcome));
        if tube.outcome != outcome {
            (tube.outcome, tube.said_at, tube.told_at) = (outcome, outcome.map(|_| said_at), outcome.map(|_| told_at));
            tube.result = outcome.map(|_| id);
        }
    }

    fn into_changes(self) -> ScreeningChanges {
        ScreeningChanges {
            tubes: self.tubes.into_values().collect(),
            swabs: self.swabs.into_values().collect(),
            self_tests: self.self_tests.into_values().collect(),
            ..self.rest
        }
    }
}

/// The number of a use in tables.
pub(super) const fn use_code(holds: TubeUse) -> i64 {
    match holds {
        TubeUse::Single => 0,
        TubeUse::Pool => 1,
        TubeUse::Household => 2,
    }
}

const fn reason_code(reason: PauseReason) -> i64 {
    match reason {
        PauseReason::Leave => 0,
        PauseReason::Infant => 1,
        PauseReason::Medical => 2,
        PauseReason::Recovered => 3,
    }
}
