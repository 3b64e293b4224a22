//! Antigen tests at home (抗原自测): a record, and a task for the community. Never a status, never a colour.

use sizao_model::{
    FactBody, FactId, Happened, Instant, PersonId,
    fact::{Outcome, Sample, SymptomReport, TestMethod, TestResult},
};
use sizao_store::{Channel, SelfTestRecord};

use crate::{
    App, AppError,
    authorization::{Action, Scope, usual_purpose},
    identity::Actor,
    laboratory::outcome_of_code,
    loops::{Addition, text},
    mandates::Collection,
    people::PersonLine,
    refusal::Refusal,
};

/// From a positive self test until somebody has come: to the fever clinic, by ambulance.
const POSITIVE_MINUTES: i64 = 120;
/// A test is read so many minutes after it was taken at the earliest, and at the latest.
pub const READ_MINUTES: [i64; 2] = [15, 20];
/// Older ones are not entered any more.
const OLD_HOURS: i64 = 48;
/// Tasks look back so far.
const TASK_HOURS: i64 = 72;
/// Tasks on a page.
const TASKS_MAX: u32 = 100;

/// What somebody enters about an own test.
#[derive(Clone, Debug, Default)]
pub struct SelfTestEntry {
    /// The device's key.
    pub key: String,
    /// `positive`, `negative`, `invalid`.
    pub outcome: String,
    /// When the swab was taken.
    pub taken_at: Option<Instant>,
    /// When the cassette was read.
    pub read_at: Option<Instant>,
    /// Lot of the kit.
    pub lot: String,
    /// Symptoms, in words; empty for none.
    pub symptoms: String,
}

/// A self test that asks for somebody to come.
#[derive(Clone, Debug)]
pub struct SelfTestTask {
    /// The test.
    pub test: SelfTestRecord,
    /// What it said.
    pub outcome: Outcome,
    /// Whose, masked.
    pub line: PersonLine,
    /// By when.
    pub due_at: Instant,
    /// When a nucleic sample was taken after it: the task is done.
    pub done_at: Option<Instant>,
}

impl App {
    /// Takes an own test in: sample and result, and symptoms if there are any. The same key is the same test.
    ///
    /// # Errors
    /// [`Refusal::Field`], [`Refusal::NoMandate`], [`AppError::Store`].
    pub async fn enter_self_test(&self, person: PersonId, entry: &SelfTestEntry) -> Result<FactId, AppError> {
        let now = self.now();
        let outcome = match entry.outcome.as_str() {
            "positive" => Outcome::Positive,
            "negative" => Outcome::Negative,
            "invalid" => Outcome::Invalid,
            _ => return Err(Refusal::field("outcome", "choose").into()),
        };
        let read_at = entry.read_at.unwrap_or(now).min(now);
        let taken_at = entry.taken_at.unwrap_or_else(|| read_at.plus_minutes(-READ_MINUTES[0])).min(read_at);
        if taken_at < now.plus_hours(-OLD_HOURS) {
            return Err(Refusal::field("taken_at", "self-test-old").into());
        }
        let lot = text("lot", &entry.lot)?;
        let words = text("symptoms", &entry.symptoms)?;
        let place = self.store().divisions_of(person).await?.pop().ok_or(Refusal::NotFound)?;
        self.require_mandate(Collection::Tests, place).await?;
        let key = |part: &str| format!("self-test/{person}/{}/{part}", entry.key);
        let addition = |person, happened, body: FactBody, part: &str| Addition {
            person,
            division: place,
            happened: Happened::at(happened),
            body,
            key: key(part),
            channel: Channel::Page,
        };
        let sample = Sample {
            method: TestMethod::AntigenTest,
            lab: lot.map(|lot| (*format!("kit {lot}")).into()),
            pool: None,
            disease: None,
        };
        let mut additions = vec![addition(Some(person), taken_at, sample.into(), "sample")];
        if let Some(words) = words {
            let symptoms = words.split([',', '，', '、', ';']).map(str::trim).filter(|word| !word.is_empty());
            let report = SymptomReport { symptoms: symptoms.map(Into::into).collect(), temperature: None };
            additions.push(addition(Some(person), read_at, report.into(), "symptoms"));
        }
        let receipts = self.append_all("self-tests", additions).await?;
        let of = receipts.first().map(|receipt| receipt.id()).ok_or(AppError::Stopped("no receipt for a test"))?;
        let result = TestResult { sample: Some(of), pool: None, outcome };
        self.append_all("self-tests", vec![addition(None, read_at, result.into(), "result")]).await?;
        self.follow_log().await?;
        Ok(of)
    }

    /// Self tests of the actor's division that were positive or invalid, those to be done first.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn self_test_tasks(&self, actor: &Actor) -> Result<Vec<SelfTestTask>, AppError> {
        let purpose = usual_purpose(actor, Action::ViewScreening)?;
        let within = Scope::of(actor, Action::ViewScreening, purpose)?.division();
        self.follow_screening().await?;
        let now = self.now();
        let tests = self.store().self_tests_told(within, now.plus_hours(-TASK_HOURS), TASKS_MAX).await?;
        let people: Vec<PersonId> = tests.iter().map(|test| test.person).collect();
        let swabs = self.store().swabs_of(&people).await?;
        let lines = self.lines(&people).await?;
        let task = |test: SelfTestRecord| {
            let told_at = test.told_at.unwrap_or(test.recorded_at);
            let after = swabs.iter().filter(|swab| swab.person == test.person && swab.taken_at >= test.taken_at);
            Some(SelfTestTask {
                outcome: outcome_of_code(test.outcome?),
                line: lines.iter().find(|line| line.person == test.person)?.clone(),
                due_at: told_at.plus_minutes(POSITIVE_MINUTES),
                done_at: after.map(|swab| swab.recorded_at).min(),
                test,
            })
        };
        let mut tasks: Vec<SelfTestTask> = tests.into_iter().filter_map(task).collect();
        tasks.sort_by_key(|task| (task.done_at.is_some(), task.outcome == Outcome::Invalid, task.due_at));
        Ok(tasks)
    }
}
