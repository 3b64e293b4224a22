//! Signals of the sentinel network with what was done about them, and reviews of sites.

mod reviews;

use sizao_model::{CivilDay, DivisionCode, Instant};
use uuid::Uuid;

pub use self::reviews::ReviewRecord;
use crate::{
    db::{commit, on, positional},
    error::StoreError,
    identity::division_of,
    store::Store,
    vault::{division_key, division_range},
};

/// A happening in a county that the detectors found. Score and excess in thousandths, probability in millionths, benefit
/// in thousandths of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalRecord {
    /// Its id.
    pub id: Uuid,
    /// County.
    pub division: DivisionCode,
    /// The site behind it, if it is one.
    pub institution: Option<Uuid>,
    /// First unusual day.
    pub first_on: CivilDay,
    /// Last unusual day so far.
    pub last_on: CivilDay,
    /// The most unusual day.
    pub peak_on: CivilDay,
    /// Joined score, -ln p.
    pub score: i64,
    /// Probability of an outbreak, at most.
    pub probability: i64,
    /// Persons above those expected in seven days.
    pub excess: i64,
    /// Cases prevented by answering.
    pub benefit: i64,
    /// The detector that speaks loudest.
    pub detector: String,
    /// The series behind it, as JSON.
    pub reasons: String,
    /// When it was raised.
    pub opened_at: Instant,
    /// When it has to be answered.
    pub due_at: Instant,
    /// When it was answered.
    pub answered_at: Option<Instant>,
    /// When it was handed to the next level for want of an answer.
    pub escalated_at: Option<Instant>,
    /// When it was closed.
    pub closed_at: Option<Instant>,
    /// What it turned out to be, as a word.
    pub outcome: Option<String>,
}

/// Something done about a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalStep {
    /// Which signal.
    pub signal: Uuid,
    /// When.
    pub at: Instant,
    /// Who; nobody: the node itself.
    pub account: Option<Uuid>,
    /// `opened`, `grown`, `answered`, `escalated`, `closed`.
    pub step: String,
    /// Which answer or outcome, as a word.
    pub word: String,
    /// What was said.
    pub told: String,
}

struct Row {
    id: Uuid,
    division: i64,
    institution: Option<Uuid>,
    first_on: i64,
    last_on: i64,
    peak_on: i64,
    score: i64,
    probability: i64,
    excess: i64,
    benefit: i64,
    detector: String,
    reasons: String,
    opened_at: i64,
    due_at: i64,
    answered_at: Option<i64>,
    escalated_at: Option<i64>,
    closed_at: Option<i64>,
    outcome: Option<String>,
}
positional!(Row {
    id: 0,
    division: 1,
    institution: 2,
    first_on: 3,
    last_on: 4,
    peak_on: 5,
    score: 6,
    probability: 7,
    excess: 8,
    benefit: 9,
    detector: 10,
    reasons: 11,
    opened_at: 12,
    due_at: 13,
    answered_at: 14,
    escalated_at: 15,
    closed_at: 16,
    outcome: 17,
});

struct StepRow {
    signal: Uuid,
    at: i64,
    account: Option<Uuid>,
    step: String,
    word: String,
    told: String,
}
positional!(StepRow { signal: 0, at: 1, account: 2, step: 3, word: 4, told: 5 });

macro_rules! signals {
    ($condition:literal) => {
        concat!(
            "SELECT id, division, institution, first_on, last_on, peak_on, score, probability, excess, benefit, \
             detector, reasons, opened_at, due_at, answered_at, escalated_at, closed_at, outcome FROM signal WHERE ",
            $condition
        )
    };
}

/// Writes a step within a transaction.
macro_rules! write_step {
    ($tx:expr, $step:expr) => {
        sqlx::query("INSERT INTO signal_step (signal, at, account, step, word, told) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind($step.signal)
            .bind($step.at.as_micros())
            .bind($step.account)
            .bind(&$step.step)
            .bind(&$step.word)
            .bind(&$step.told)
            .execute($tx)
            .await?
    };
}

impl Store {
    /// Raises a signal, or lets one that is there grow; a closed one is left as it is.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save_signal(&self, signal: &SignalRecord, step: Option<&SignalStep>) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        let day = |day: CivilDay| i64::from(day.number());
        on!(&mut tx, tx => {
            sqlx::query(
                "INSERT INTO signal (id, division, institution, first_on, last_on, peak_on, score, probability, excess, \
                 benefit, detector, reasons, opened_at, due_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
                 ON CONFLICT (id) DO UPDATE SET institution = excluded.institution, first_on = excluded.first_on, \
                 last_on = excluded.last_on, peak_on = excluded.peak_on, score = excluded.score, \
                 probability = excluded.probability, excess = excluded.excess, benefit = excluded.benefit, \
                 detector = excluded.detector, reasons = excluded.reasons WHERE signal.closed_at IS NULL",
            )
            .bind(signal.id).bind(division_key(signal.division)).bind(signal.institution).bind(day(signal.first_on))
            .bind(day(signal.last_on)).bind(day(signal.peak_on)).bind(signal.score).bind(signal.probability)
            .bind(signal.excess).bind(signal.benefit).bind(&signal.detector).bind(&signal.reasons)
            .bind(signal.opened_at.as_micros()).bind(signal.due_at.as_micros()).execute(&mut **tx).await?;
            if let Some(step) = step {
                write_step!(&mut **tx, step);
            }
        });
        commit(tx).await
    }

    /// A signal.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_signal(&self, id: Uuid) -> Result<Option<SignalRecord>, StoreError> {
        let row: Option<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(signals!("id = $1")).bind(id).fetch_optional(pool).await?
        });
        Ok(row.map(Row::into_record))
    }

    /// Signals of a division that were unusual on or after a day, most beneficial first; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_signals(
        &self,
        within: DivisionCode,
        from: CivilDay,
        limit: u32,
    ) -> Result<Vec<SignalRecord>, StoreError> {
        let (low, high) = division_range(within);
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(signals!(
                "division >= $1 AND division < $2 AND last_on >= $3 ORDER BY benefit DESC, id LIMIT $4"
            ))
            .bind(low).bind(high).bind(i64::from(from.number())).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(Row::into_record).collect())
    }

    /// Marks a signal as answered, with what was said; `false` when it was answered or closed before.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn answer_signal(&self, step: &SignalStep) -> Result<bool, StoreError> {
        self.step_signal(
            "UPDATE signal SET answered_at = $2 WHERE id = $1 AND answered_at IS NULL AND closed_at IS NULL",
            step,
        )
        .await
    }

    /// Marks a signal as handed to the next level; `false` when it was answered, closed or handed on before.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn escalate_signal(&self, step: &SignalStep) -> Result<bool, StoreError> {
        self.step_signal(
            "UPDATE signal SET escalated_at = $2 WHERE id = $1 AND escalated_at IS NULL AND answered_at IS NULL AND closed_at IS NULL",
            step,
        )
        .await
    }

    /// Closes a signal with its outcome (the step's word); `false` when it was closed before.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn close_signal(&self, step: &SignalStep) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let closed = on!(&mut tx, tx => {
            let closed = sqlx::query("UPDATE signal SET closed_at = $2, outcome = $3 WHERE id = $1 AND closed_at IS NULL")
                .bind(step.signal).bind(step.at.as_micros()).bind(&step.word).execute(&mut **tx).await?.rows_affected();
            if closed == 1 {
                write_step!(&mut **tx, step);
            }
            closed
        });
        commit(tx).await?;
        Ok(closed == 1)
    }

    /// Signals whose answer is overdue and that were not handed on yet.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn overdue_signals(&self, now: Instant) -> Result<Vec<SignalRecord>, StoreError> {
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(signals!(
                "closed_at IS NULL AND due_at < $1 AND answered_at IS NULL AND escalated_at IS NULL ORDER BY due_at LIMIT 500"
            ))
            .bind(now.as_micros()).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(Row::into_record).collect())
    }

    /// What was done about a signal, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn steps_of(&self, signal: Uuid) -> Result<Vec<SignalStep>, StoreError> {
        let rows: Vec<StepRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT signal, at, account, step, word, told FROM signal_step WHERE signal = $1 ORDER BY no LIMIT 200",
            )
            .bind(signal).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(StepRow::into_step).collect())
    }

    /// Outcomes of closed signals, by county and by detector: place, detector, outcome, how many.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn signal_outcomes(
        &self,
        within: DivisionCode,
    ) -> Result<Vec<(DivisionCode, String, String, u64)>, StoreError> {
        let (low, high) = division_range(within);
        let rows: Vec<(i64, String, String, i64)> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT division, detector, outcome, COUNT(*) FROM signal WHERE division >= $1 AND division < $2 \
                 AND outcome IS NOT NULL GROUP BY division, detector, outcome ORDER BY division, detector, outcome",
            )
            .bind(low).bind(high).fetch_all(pool).await?
        });
        let line = |(division, detector, outcome, count)| (division_of(division), detector, outcome, count as u64);
        Ok(rows.into_iter().map(line).collect())
    }

    async fn step_signal(&self, text: &'static str, step: &SignalStep) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let changed = on!(&mut tx, tx => {
            let changed =
                sqlx::query(text).bind(step.signal).bind(step.at.as_micros()).execute(&mut **tx).await?.rows_affected();
            if changed == 1 {
                write_step!(&mut **tx, step);
            }
            changed
        });
        commit(tx).await?;
        Ok(changed == 1)
    }
}

impl Row {
    fn into_record(self) -> SignalRecord {
        let (day, at) = (|day: i64| CivilDay::from_number(day as i32), Instant::from_micros);
        SignalRecord {
            id: self.id,
            division: division_of(self.division),
            institution: self.institution,
            first_on: day(self.first_on),
            last_on: day(self.last_on),
            peak_on: day(self.peak_on),
            score: self.score,
            probability: self.probability,
            excess: self.excess,
            benefit: self.benefit,
            detector: self.detector,
            reasons: self.reasons,
            opened_at: at(self.opened_at),
            due_at: at(self.due_at),
            answered_at: self.answered_at.map(at),
            escalated_at: self.escalated_at.map(at),
            closed_at: self.closed_at.map(at),
            outcome: self.outcome,
        }
    }
}

impl StepRow {
    fn into_step(self) -> SignalStep {
        let Self { signal, at, account, step, word, told } = self;
        SignalStep { signal, at: Instant::from_micros(at), account, step, word, told }
    }
}
