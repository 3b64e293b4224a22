//! Signals (预警信号): what detectors find in the reports of sentinel sites, one for each happening, answered within four
//! hours and closed with an outcome.

mod network;
mod watch;

use sizao_epi::duties::{Duty, DutyClock, Standing};
use sizao_model::{CivilDay, DivisionCode, Instant, division::DivisionLevel};
use sizao_store::{SignalRecord, SignalStep};
use uuid::Uuid;

use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, Purpose, Scope, can, purposes},
    identity::{Actor, named},
    refusal::Refusal,
};
pub use network::{SOURCES, SignalReason};
pub use watch::{Neighbour, Reproduction, SeriesDay, WatchedSeries};

named! {
    /// What is done first about a signal.
    Answer {
        /// The sites were called (电话核实).
        Called = "called",
        /// Somebody goes there (现场核查).
        FieldVisit = "field-visit",
        /// Tests were ordered (安排检测).
        TestsOrdered = "tests-ordered",
        /// The data are looked at (核对数据).
        DataCheck = "data-check",
    }
}

named! {
    /// What a signal turned out to be.
    SignalOutcome {
        /// An outbreak (疫情).
        Outbreak = "outbreak",
        /// A real rise of another illness (其他疾病升高).
        OtherIllness = "other-illness",
        /// A sale, a holiday, stocking up (促销或囤药).
        OtherCause = "other-cause",
        /// A fault in the data (数据错误).
        DataError = "data-error",
        /// Nothing was found (未发现异常).
        Nothing = "nothing",
    }
}

/// Hours to answer.
const ANSWER_MINUTES: i64 = 4 * 60;
/// Signals that were unusual within so many days are on the board.
const BOARD_DAYS: i32 = 14;
const LISTED_MAX: u32 = 200;
/// Signals on the main board.
const MAIN_BOARD: usize = 4;
const TOLD_MAX: usize = 500;

/// A signal as lists show it.
#[derive(Clone, Debug)]
pub struct SignalLine {
    /// The signal.
    pub signal: SignalRecord,
    /// The series behind it, loudest first.
    pub reasons: Vec<SignalReason>,
    /// Its clock.
    pub standing: Standing,
}

/// A signal with everything behind it.
#[derive(Clone, Debug)]
pub struct SignalView {
    /// The signal.
    pub line: SignalLine,
    /// Its series over the last weeks with the band of what is usual.
    pub series: Vec<WatchedSeries>,
    /// The other counties of the city.
    pub neighbours: Vec<Neighbour>,
    /// What was done, oldest first, with names.
    pub steps: Vec<(SignalStep, String)>,
    /// When it was computed.
    pub at: Instant,
}

/// How many of the closed signals of a kind were right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Precision {
    /// County or detector.
    pub of: String,
    /// Closed signals.
    pub closed: u64,
    /// Those that were an outbreak.
    pub outbreaks: u64,
    /// Those that were a real rise of something else.
    pub other_real: u64,
}

impl App {
    /// Signals of the last two weeks in the actor's division: open ones first, the most beneficial first.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn list_signals(&self, actor: &Actor, of: Option<DivisionCode>) -> Result<Vec<SignalLine>, AppError> {
        let scope = Scope::of(actor, Action::ViewSignals, Purpose::Control)?;
        let scope = of.map_or(Ok(scope), |division| scope.narrowed(division))?;
        let now = self.now();
        let from = now.day().plus_days(-BOARD_DAYS);
        let signals = self.store().list_signals(scope.division(), from, LISTED_MAX).await?;
        let mut lines: Vec<SignalLine> = signals.into_iter().map(|signal| line(signal, now)).collect();
        lines.sort_by_key(|line| line.signal.closed_at.is_some());
        Ok(lines)
    }

    /// The most beneficial open signals, for the main board; none for those who may not see signals.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn board_signals(&self, actor: &Actor, within: DivisionCode) -> Result<Vec<SignalLine>, AppError> {
        if purposes(actor.role, Action::ViewSignals).is_empty() {
            return Ok(Vec::new());
        }
        let mut lines = self.list_signals(actor, Some(within)).await?;
        lines.retain(|line| line.signal.closed_at.is_none());
        lines.truncate(MAIN_BOARD);
        Ok(lines)
    }

    /// A signal with its series, its neighbours and its steps.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn view_signal(&self, actor: &Actor, id: Uuid) -> Result<SignalView, AppError> {
        let signal = self.signal_seen(actor, id, Action::ViewSignals).await?;
        let mut steps = Vec::new();
        for step in self.store().steps_of(id).await? {
            let who = match step.account {
                Some(account) => self.store().load_account(account).await?.map_or(String::new(), |one| one.name),
                None => String::new(),
            };
            steps.push((step, who));
        }
        let (series, neighbours) = self.watched(&signal).await?;
        let at = self.now();
        Ok(SignalView { line: line(signal, at), series, neighbours, steps, at })
    }

    /// Answers a signal: what is done first. The clock of four hours stops.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn answer_signal(
        &self,
        actor: &Actor,
        id: Uuid,
        answer: &str,
        told: &str,
        wall: Instant,
    ) -> Result<(), AppError> {
        self.signal_seen(actor, id, Action::AnswerSignals).await?;
        let answer = Answer::from_name(answer).ok_or(Refusal::field("answer", "choose"))?;
        let step = self.step(actor, id, "answered", answer.name(), checked("told", told)?);
        if !self.store().answer_signal(&step).await? {
            return Err(Refusal::Changed.into());
        }
        self.log_signal(actor, id, answer.name(), wall).await
    }

    /// Closes a signal with what it turned out to be; that counts for the precision of its detector and county.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn close_signal(
        &self,
        actor: &Actor,
        id: Uuid,
        outcome: &str,
        told: &str,
        wall: Instant,
    ) -> Result<(), AppError> {
        let signal = self.signal_seen(actor, id, Action::AnswerSignals).await?;
        if signal.answered_at.is_none() {
            return Err(Refusal::field("outcome", "answer-first").into());
        }
        let outcome = SignalOutcome::from_name(outcome).ok_or(Refusal::field("outcome", "choose"))?;
        let step = self.step(actor, id, "closed", outcome.name(), checked("told", told)?);
        if !self.store().close_signal(&step).await? {
            return Err(Refusal::Changed.into());
        }
        self.log_signal(actor, id, outcome.name(), wall).await
    }

    /// Hands signals that nobody answered in time to the next level; how many.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn escalate_signals(&self) -> Result<usize, AppError> {
        let now = self.now();
        let mut handed = 0;
        for signal in self.store().overdue_signals(now).await? {
            let to = signal.division.at(DivisionLevel::City).unwrap_or(signal.division);
            let (step, word, told) = ("escalated".to_owned(), to.to_string(), String::new());
            let step = SignalStep { signal: signal.id, at: now, account: None, step, word, told };
            handed += usize::from(self.store().escalate_signal(&step).await?);
        }
        Ok(handed)
    }

    /// Precision by county and by detector, of all signals that were closed in the actor's division.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn signal_precision(&self, actor: &Actor) -> Result<(Vec<Precision>, Vec<Precision>), AppError> {
        let scope = Scope::of(actor, Action::ViewSignals, Purpose::Control)?;
        let (mut counties, mut detectors): (Vec<Precision>, Vec<Precision>) = (Vec::new(), Vec::new());
        for (county, detector, outcome, count) in self.store().signal_outcomes(scope.division()).await? {
            add(&mut counties, county.to_string(), &outcome, count);
            add(&mut detectors, detector, &outcome, count);
        }
        Ok((counties, detectors))
    }

    async fn signal_seen(&self, actor: &Actor, id: Uuid, action: Action) -> Result<SignalRecord, AppError> {
        can(actor, action, actor.division, Purpose::Control)?;
        let signal = self.store().load_signal(id).await?.ok_or(Refusal::NotFound)?;
        can(actor, action, signal.division, Purpose::Control)?;
        Ok(signal)
    }

    fn step(&self, actor: &Actor, signal: Uuid, step: &str, word: &str, told: String) -> SignalStep {
        let (at, account) = (self.now(), Some(actor.account));
        SignalStep { signal, at, account, step: step.to_owned(), word: word.to_owned(), told }
    }

    async fn log_signal(&self, actor: &Actor, id: Uuid, what: &str, wall: Instant) -> Result<(), AppError> {
        let told = Reason::of(&format!("{id} {what}"));
        self.log_deed(actor, Action::AnswerSignals, Purpose::Control, None, told, wall).await
    }
}

fn line(signal: SignalRecord, now: Instant) -> SignalLine {
    let done_at = signal.answered_at.or(signal.closed_at);
    let standing = DutyClock::usual(Duty::SignalAnswer, signal.opened_at, done_at).standing(now);
    let reasons = serde_json::from_str(&signal.reasons).unwrap_or_default();
    SignalLine { signal, reasons, standing }
}

fn add(list: &mut Vec<Precision>, of: String, outcome: &str, count: u64) {
    let place = list.iter().position(|one| one.of == of).unwrap_or_else(|| {
        list.push(Precision { of, closed: 0, outbreaks: 0, other_real: 0 });
        list.len() - 1
    });
    list[place].closed += count;
    match outcome {
        "outbreak" => list[place].outbreaks += count,
        "other-illness" => list[place].other_real += count,
        _ => {}
    }
}

fn checked(field: &'static str, text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    match text.chars().count() {
        0..4 => Err(Refusal::field(field, "reason-short")),
        count if count > TOLD_MAX => Err(Refusal::field(field, "too-long")),
        _ => Ok(text.to_owned()),
    }
}

/// Days since 1970-01-01 as the statistics take them.
fn date_of(day: CivilDay) -> jiff::civil::Date {
    let (year, month, date) = day.ymd();
    jiff::civil::Date::new(year, month, date).unwrap_or_default()
}
