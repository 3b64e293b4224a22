//! Messages of laboratories: HL7 v2 ORU^R01 and FHIR R4, one at a time. A message is taken whole or not at all; one that
//! cannot be is answered with the reason and kept in a queue, to be mended and tried again.
//!
//! A specimen that is a tube of ours is keyed to that tube: whom it concerns is known from the desk's scans, whatever the
//! message says of a patient. Any other is taken as the import of messages takes it, with its patient.

use std::sync::{Arc, Mutex};

use sizao_interop::{
    Imported, RowError,
    fhir::{self, Resource},
    hl7v2::{self, AckCode, Hl7Problem, Message, acknowledge, decode, elr_problems},
    lab::{LabMessage, LabReport, LabResult, Source, Status, method_of, outcome_of, row_of},
};
use sizao_model::{Instant, fact::Outcome};
use sizao_store::{Channel, LabMessageRecord, Receipt, hex, sha256};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{ResultEntry, tube_id};
use crate::{
    App, AppError, Refusal,
    access::Reason,
    accounts::NowV7,
    authorization::{Action, Purpose, can},
    identity::Actor,
    imports::{ImportOrder, ImportProgress, ImportWatcher, pump},
    intake::{held_back, kept_within},
    limits::class_of,
    mandates::Collection,
};

/// Messages of a unit that may wait at once.
const WAITING_MAX: u32 = 10_000;
/// Of a message that is longer only this much is kept: it has to come again from its sender.
const KEPT_BYTES_MAX: usize = 256 << 10;
/// Longest reason, in characters.
const REASON_MAX: usize = 1_000;

/// In which form a message comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageForm {
    /// HL7 v2, ORU^R01.
    Hl7v2,
    /// FHIR R4 in JSON: a bundle, or a report with what it contains.
    FhirR4,
}

impl MessageForm {
    /// The word in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hl7v2 => "hl7v2",
            Self::FhirR4 => "fhir-r4",
        }
    }

    /// The form of a word.
    pub fn from_name(word: &str) -> Option<Self> {
        [Self::Hl7v2, Self::FhirR4].into_iter().find(|form| form.name() == word)
    }
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageAnswer {
    /// Whether it was taken in; then everything in it is durable.
    pub code: AckCode,
    /// The answer in HL7 v2, for a message that came so.
    pub ack: String,
    /// Facts stored now.
    pub stored: u64,
    /// Facts that were there before.
    pub repeated: u64,
    /// What is wrong, or was noticed.
    pub problems: Vec<String>,
    /// Under which number it waits in the queue.
    pub queued: Option<Uuid>,
}

/// What a message comes to before anything is stored.
enum Read {
    Lab { lab: Box<LabMessage>, text: String, problems: Vec<Hl7Problem> },
    Refused { label: String, problems: Vec<Hl7Problem> },
}

impl App {
    /// Takes a message in. The answer is given after the commit: what was accepted survives whatever follows.
    ///
    /// # Errors
    /// [`Refusal`] when the sender may not, or no mandate is in force: nothing is kept then; [`AppError::Store`].
    pub async fn take_message(
        self: &Arc<Self>,
        actor: &Actor,
        form: MessageForm,
        bytes: &[u8],
        wall: Instant,
    ) -> Result<MessageAnswer, AppError> {
        can(actor, Action::RunLab, actor.division, Purpose::Reporting)?;
        self.require_mandate(Collection::Tests, actor.division).await?;
        let (read, header) = match form {
            MessageForm::Hl7v2 => read_hl7(bytes),
            MessageForm::FhirR4 => (read_fhir(bytes), None),
        };
        let (label, mut problems, counts) = match read {
            Read::Refused { label, problems } => (label, problems, Default::default()),
            Read::Lab { lab, text, mut problems } => {
                let (wrong, counts) = self.take_lab(actor, &lab, &text, wall).await?;
                problems.extend(wrong);
                (lab.id.clone(), problems, counts)
            }
        };
        let code = AckCode::of(&problems);
        let queued = if code == AckCode::Accept {
            None
        } else {
            let kept = self.queue_message(actor, form, bytes, &label, &problems, wall).await?;
            if kept.is_none() {
                problems.push(problem(
                    "MSH",
                    0,
                    "",
                    "the queue of messages to be mended is full",
                    "Mend those that wait, then send it again",
                    true,
                ));
            }
            kept
        };
        let ack = match form {
            MessageForm::Hl7v2 => {
                let of = header.as_deref().and_then(|text| Message::parse(text).ok());
                let id = Uuid::now_v7_at(wall).simple().to_string();
                acknowledge(of.as_ref(), code, &problems, &id[..20], &stamp(self.now()))
            }
            MessageForm::FhirR4 => String::new(),
        };
        let problems = problems.iter().map(ToString::to_string).collect();
        Ok(MessageAnswer { code, ack, stored: counts.0, repeated: counts.1, problems, queued })
    }

    /// The messages of the actor's unit that wait.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn waiting_messages(&self, actor: &Actor) -> Result<Vec<LabMessageRecord>, AppError> {
        can(actor, Action::RunLab, actor.division, Purpose::Reporting)?;
        Ok(self.store().lab_messages_of(actor.unit, 100).await?)
    }

    /// A message that waits, with its text; the reading is recorded.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn open_message(
        &self,
        actor: &Actor,
        id: Uuid,
        wall: Instant,
    ) -> Result<(LabMessageRecord, String), AppError> {
        can(actor, Action::RunLab, actor.division, Purpose::Reporting)?;
        let found = self.store().load_lab_message(actor.unit, id).await?.ok_or(Refusal::NotFound)?;
        let told = Reason::of(&format!("message {id} to be mended"));
        self.log_deed(actor, Action::RunLab, Purpose::Reporting, None, told, wall).await?;
        Ok(found)
    }

    /// Tries a mended message; when it is taken in, the one that waited is done.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn retry_message(
        self: &Arc<Self>,
        actor: &Actor,
        id: Uuid,
        text: &str,
        wall: Instant,
    ) -> Result<MessageAnswer, AppError> {
        let (record, _) = self.open_message(actor, id, wall).await?;
        let form = MessageForm::from_name(&record.form).ok_or(Refusal::NotFound)?;
        // A browser sends line ends of its own; segments end with CR.
        let text = match form {
            MessageForm::Hl7v2 => text.replace("\r\n", "\r").replace('\n', "\r"),
            MessageForm::FhirR4 => text.to_owned(),
        };
        let answer = self.take_message(actor, form, text.as_bytes(), wall).await?;
        // What is still wrong waits as it is now; the older text is done in either case.
        if answer.queued != Some(id) {
            self.store().close_lab_message((actor.unit, id), 1, actor.account, self.now()).await?;
        }
        Ok(answer)
    }

    /// Drops a message that waits: it was sent in error.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn drop_message(&self, actor: &Actor, id: Uuid, wall: Instant) -> Result<(), AppError> {
        can(actor, Action::RunLab, actor.division, Purpose::Reporting)?;
        let told = Reason::of(&format!("message {id} dropped"));
        self.log_deed(actor, Action::RunLab, Purpose::Reporting, None, told, wall).await?;
        if self.store().close_lab_message((actor.unit, id), 2, actor.account, self.now()).await? {
            Ok(())
        } else {
            Err(Refusal::NotFound.into())
        }
    }

    /// Keeps a frame that was no message, with why, for whoever has to find out what its sender does.
    ///
    /// # Errors
    /// As [`App::take_message`].
    pub async fn refuse_frame(
        &self,
        actor: &Actor,
        bytes: &[u8],
        rule: &'static str,
        wall: Instant,
    ) -> Result<String, AppError> {
        can(actor, Action::RunLab, actor.division, Purpose::Reporting)?;
        self.require_mandate(Collection::Tests, actor.division).await?;
        let problems = [problem("MSH", 0, "", rule, "Send the message again", true)];
        self.queue_message(actor, MessageForm::Hl7v2, bytes, "", &problems, wall).await?;
        let id = Uuid::now_v7_at(wall).simple().to_string();
        Ok(acknowledge(None, AckCode::Reject, &problems, &id[..20], &stamp(self.now())))
    }

    async fn queue_message(
        &self,
        actor: &Actor,
        form: MessageForm,
        bytes: &[u8],
        label: &str,
        problems: &[Hl7Problem],
        wall: Instant,
    ) -> Result<Option<Uuid>, AppError> {
        let digest = sha256(&[actor.unit.as_bytes(), bytes]);
        let reasons: Vec<String> =
            problems.iter().filter(|problem| problem.fatal).map(|problem| format!("{problem}.")).collect();
        let id = Uuid::from_bytes(digest[..16].try_into().expect("a digest has 32 bytes"));
        let record = LabMessageRecord {
            id,
            unit: actor.unit,
            division: actor.division,
            received_at: wall,
            form: form.name().to_owned(),
            label: label.chars().filter(|c| !c.is_control()).take(60).collect(),
            reason: reasons.join(" ").chars().take(REASON_MAX).collect(),
            bytes: bytes.len() as i64,
            state: 0,
        };
        // What is not text is kept as far as it is; what is too long has to come again.
        let kept = &bytes[..bytes.len().min(KEPT_BYTES_MAX)];
        let text = String::from_utf8_lossy(kept);
        let fits = self.store().keep_lab_message(&record, digest, &text, WAITING_MAX).await?;
        Ok(fits.then_some(id))
    }

    /// Stores what a message says: what is wrong, else how many facts were stored and how many were there.
    async fn take_lab(
        self: &Arc<Self>,
        actor: &Actor,
        lab: &LabMessage,
        text: &str,
        wall: Instant,
    ) -> Result<(Vec<Hl7Problem>, (u64, u64)), AppError> {
        let numbers: Vec<&str> = lab.reports.iter().filter_map(number_of).collect();
        let tubes = self.tubes_called(actor, numbers.iter().copied()).await?;
        let is_ours = |report: &LabReport| number_of(report).is_some_and(|number| tubes.contains_key(&tube_id(number)));
        let entries: Vec<ResultEntry> =
            lab.reports.iter().filter(|report| is_ours(report)).flat_map(|report| entries_of(lab, report)).collect();
        let others = LabMessage {
            reports: lab.reports.iter().filter(|report| !is_ours(report)).cloned().collect(),
            ..lab.clone()
        };
        let mut problems = Vec::new();
        if lab.is_trial && self.store().kind() == sizao_store::StoreKind::Real {
            problems.push(problem(
                "MSH",
                11,
                "",
                "this is a trial message",
                "Send it as production, or to a store for drills",
                true,
            ));
        }
        for report in others.reports.iter().filter(|report| report.patient.identifiers.is_empty()) {
            if report.results.iter().any(|result| method_of(result).is_some()) {
                let number = number_of(report).unwrap_or_default();
                let rule = "no tube of this number was opened here, and the message names no patient";
                problems.push(problem(
                    "SPM",
                    2,
                    number,
                    rule,
                    "Check the number, or let the desk scan the tube; then try again",
                    true,
                ));
            }
        }
        let has_others = others.reports.iter().any(|report| report.results.iter().any(|one| method_of(one).is_some()));
        if !problems.is_empty() {
            return Ok((problems, (0, 0)));
        }
        if entries.is_empty() && !has_others {
            let rule = "no observation is a test's result that is known here";
            return Ok((
                vec![problem("OBX", 3, "", rule, "Send what the laboratory found, with its code", true)],
                (0, 0),
            ));
        }
        let mut counts = (0, 0);
        if has_others {
            let (wrong, stored) = self.take_patients(actor, &others, text, wall).await?;
            if !wrong.is_empty() {
                return Ok((wrong, (0, 0)));
            }
            counts = stored;
        }
        for (entry, taken) in entries.iter().zip(self.take_results(actor, &entries, true, Channel::Api).await?) {
            match taken {
                Ok(super::ResultTaken::Repeated(_)) => counts.1 += 1,
                Ok(_) => counts.0 += 1,
                // Right by itself, and not taken because another one is wrong.
                Err(Refusal::Changed) => {}
                Err(refusal) => problems.push(of_refusal(&refusal, &entry.barcode)),
            }
        }
        Ok((problems, if counts == (0, 0) { (0, 0) } else { counts }))
    }

    /// What speaks of patients goes the way of the import: vault, sample, result.
    async fn take_patients(
        self: &Arc<Self>,
        actor: &Actor,
        lab: &LabMessage,
        text: &str,
        wall: Instant,
    ) -> Result<(Vec<Hl7Problem>, (u64, u64)), AppError> {
        let sender = format!("unit:{}", actor.unit);
        let source = Source { row: 1, text, sender: &sender, division: actor.division, now: self.now() };
        let row = match row_of(lab, &source) {
            Ok(row) => row,
            Err(wrong) => {
                let told = |one: &sizao_interop::Problem| Hl7Problem {
                    segment: one.column.as_deref().unwrap_or("message").to_owned(),
                    occurrence: 1,
                    field: 0,
                    value: one.value.to_string(),
                    rule: one.rule.clone(),
                    cure: one.cure.clone(),
                    fatal: true,
                };
                return Ok((wrong.iter().map(told).collect(), (0, 0)));
            }
        };
        let mut restricting = std::collections::BTreeMap::new();
        for class in row.facts.iter().filter_map(|fact| class_of(&fact.body)) {
            *restricting.entry(class).or_default() += 1;
        }
        let restricting = self.without_frozen(actor, &restricting).await?;
        self.count_restricting(actor, &restricting, wall).await?;
        let digest = sha256(&[text.as_bytes()]);
        let order = ImportOrder {
            list: format!("message:{}/{}", actor.unit, hex(&digest[..16])),
            sender,
            file_digest: digest,
            mapping: "messages".to_owned(),
            file_bytes: text.len() as u64,
            by: Some(actor.account),
        };
        let within = actor.division;
        let frozen = self.frozen_classes(actor.account).await?;
        let row = held_back(kept_within(Imported::Accepted(row), within), &frozen);
        let noted = Arc::new(Mutex::new(Noted::default()));
        let (to_import, rows) = mpsc::channel(2);
        let reader = tokio::task::spawn_blocking(move || pump(std::iter::once(Ok(row)), |_| 0, &to_import));
        let report = match self.import(order, rows, noted.clone()).await {
            Ok(report) => report,
            // Sent twice at once: the other one is being taken in at this moment.
            Err(AppError::BeingImported { .. }) => return Err(Refusal::Busy.into()),
            Err(other) => return Err(other),
        };
        reader.await.map_err(|_| AppError::Stopped("the reader ended"))??;
        let noted = std::mem::take(&mut *noted.lock().expect("no thread panics with it"));
        let problems = noted
            .refused
            .into_iter()
            .map(|reason| problem("message", 0, "", "it contradicts what is on record", "", true).with_rule(reason))
            .collect::<Vec<_>>();
        let repeated = if report.was_finished { 1 } else { report.repeated };
        Ok((problems, (report.stored, repeated)))
    }
}

/// What the store said of a message's row.
#[derive(Default)]
struct Noted {
    refused: Vec<String>,
}

impl ImportWatcher for Arc<Mutex<Noted>> {
    fn committed(&mut self, _progress: ImportProgress) {}

    fn refused(&mut self, row: &RowError) -> std::io::Result<()> {
        self.lock().expect("no thread panics with it").refused.push(row.reason());
        Ok(())
    }

    fn answered(&mut self, _row: u64, _receipt: &Receipt) {}
}

trait WithRule {
    fn with_rule(self, rule: String) -> Self;
}

impl WithRule for Hl7Problem {
    fn with_rule(self, rule: String) -> Self {
        Self { rule: rule.into(), ..self }
    }
}

fn problem(segment: &str, field: u32, value: &str, rule: &'static str, cure: &'static str, fatal: bool) -> Hl7Problem {
    Hl7Problem {
        segment: segment.to_owned(),
        occurrence: 1,
        field,
        value: value.chars().take(40).collect(),
        rule: rule.into(),
        cure: cure.into(),
        fatal,
    }
}

fn read_hl7(bytes: &[u8]) -> (Read, Option<String>) {
    let refused = |rule: String| Read::Refused {
        label: String::new(),
        problems: vec![problem("MSH", 9, "", "", "Correct it and send the message again", true).with_rule(rule)],
    };
    if bytes.len() > hl7v2::MESSAGE_BYTES_MAX {
        return (refused(hl7v2::Hl7Error::TooLong { bytes: bytes.len() }.to_string()), None);
    }
    let text = match decode(bytes) {
        Ok(text) => text.into_owned(),
        // The header tells at least whom to answer.
        Err(error) => return (refused(error.to_string()), Some(ascii_header(bytes))),
    };
    let read = match Message::parse(&text) {
        Err(error) => return (refused(error.to_string()), None),
        Ok(message) => {
            let (lab, mut problems) = hl7v2::read_lab(&message);
            // What the profile asks beyond the standard is told, and keeps no result out.
            problems.extend(elr_problems(&message));
            if problems.iter().any(|problem| problem.fatal) {
                Read::Refused { label: lab.id, problems }
            } else {
                Read::Lab { lab: Box::new(lab), text: text.clone(), problems }
            }
        }
    };
    (read, Some(text))
}

fn ascii_header(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len()).min(4_096);
    bytes[..end].iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { '?' }).collect()
}

fn read_fhir(bytes: &[u8]) -> Read {
    let refused = |problems| Read::Refused { label: String::new(), problems };
    let one = |place: &str, rule: String| {
        problem(place, 0, "", "", "Correct it and send the resource again", true).with_rule(rule)
    };
    let Ok(text) = std::str::from_utf8(bytes) else {
        return refused(vec![one("resource", "the bytes are not UTF-8".to_owned())]);
    };
    let resource = match Resource::parse(text) {
        Ok(resource) => resource,
        Err(error) => return refused(vec![one("resource", error.to_string())]),
    };
    let wrong = resource.problems();
    if !wrong.is_empty() {
        return refused(wrong.into_iter().map(|found| one(&found.path, found.rule.to_owned())).collect());
    }
    let lab = fhir::read_lab(&resource);
    Read::Lab { lab: Box::new(lab), text: text.to_owned(), problems: Vec::new() }
}

/// The number of a report's sample: that of the specimen, else of the order.
fn number_of(report: &LabReport) -> Option<&str> {
    let specimen = report.specimens.first().and_then(|specimen| specimen.id.as_ref());
    specimen.or(report.filler.as_ref()).or(report.placer.as_ref()).map(|number| number.value.as_str())
}

/// The results of a report for a tube of ours: the nucleic tests that are final. Of several the gravest: a tube in which
/// one target was found is not negative.
fn entries_of(lab: &LabMessage, report: &LabReport) -> Option<ResultEntry> {
    let outcomes = report.results.iter().filter_map(|result| {
        let status = if result.status == Status::Unknown { report.status } else { result.status };
        let counts = !result.is_question
            && status.is_reliable()
            && method_of(result) == Some(sizao_model::fact::TestMethod::NucleicTest);
        counts.then(|| Some((result, status, outcome_of(&result.value)?)))?
    });
    let gravity = |outcome: &Outcome| match outcome {
        Outcome::Positive => 3,
        Outcome::GreyZone => 2,
        Outcome::Invalid => 1,
        Outcome::Negative => 0,
    };
    let (result, status, outcome): (&LabResult, Status, Outcome) =
        outcomes.max_by_key(|(_, _, outcome)| gravity(outcome))?;
    let times = [&result.analysed_at, &report.reported_at, &lab.sent_at];
    Some(ResultEntry {
        barcode: number_of(report)?.to_owned(),
        outcome,
        at: times.into_iter().flatten().find_map(|time| time.happened()).map(|happened| happened.starts_at()),
        corrects: matches!(status, Status::Corrected | Status::Amended),
        message: lab.id.clone(),
    })
}

/// What a refusal of a result says in the words of messages.
fn of_refusal(refusal: &Refusal, barcode: &str) -> Hl7Problem {
    let rule = match refusal {
        Refusal::Field { rule, .. } => *rule,
        other => other.code(),
    };
    let (segment, field, said, cure) = match rule {
        "result-open-tube" => {
            ("SPM", 2, "the tube is still open at its desk", "Close the tube by scan, then try again")
        }
        "tube-empty" => {
            ("SPM", 2, "nobody's swab was scanned into the tube", "Let the desk scan who is in it, then try again")
        }
        "result-before-sampling" => {
            ("OBX", 19, "the result is older than the last swab in the tube", "Check number and time, then try again")
        }
        "result-ahead" => {
            ("OBX", 19, "the result lies later than now", "Set the clock of the sender right, then try again")
        }
        "result-contradicts" => (
            "OBX",
            11,
            "another result of this tube is on record, and this one does not say that it corrects it",
            "Send it as corrected (C), or check the number",
        ),
        _ => ("SPM", 2, "no tube of this number was opened here", "Check the number, then try again"),
    };
    problem(segment, field, barcode, said, cure, true)
}

/// A moment as HL7 v2 writes it, in Asia/Shanghai.
fn stamp(at: Instant) -> String {
    let (year, month, day) = at.day().ymd();
    let seconds = (at.as_micros().div_euclid(1_000_000) + 8 * 3_600).rem_euclid(86_400);
    format!("{year:04}{month:02}{day:02}{:02}{:02}{:02}+0800", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}
