//! Checkpoints (查验点): checks of people and lorries, holds that are reported, disinfection. What a device did without a
//! network comes later and counts once; the server decides when it was.

use std::sync::Arc;

use ed25519_dalek::VerifyingKey;
use sizao_interop::{pass, slip};
use sizao_model::{
    DivisionCode, FactBody, FactId, FactKind, Happened, Instant, PersonId,
    draft::{PersonDraft, PersonName},
    fact::{
        Arrival, CheckReason, CheckVerdict, Disinfection, EvidenceKind, HoldEnded, Inspection, LaneStage, LaneStep,
        Sample, ShownProof, SymptomReport, TestMethod,
    },
    identity::{Document, DocumentKind, Phone, PhoneRole},
};
use sizao_store::{Channel, Receipt, StoredFact, VaultPerson};
pub use sizao_store::{CheckRecord, DisinfectionRecord, JourneyRecord};
use uuid::Uuid;

use crate::{
    App, AppError,
    access::Reason,
    accounts::checked_name,
    authorization::{Action, Scope, usual_purpose},
    identity::Actor,
    loops::{Addition, text},
    mandates::Collection,
    names,
    refusal::Refusal,
};

/// A device may keep entries for so long; hours.
const AGE_HOURS_MAX: i64 = 14 * 24;
/// A lorry that waits longer at a lane is an alarm; minutes.
pub const WAIT_MINUTES_MAX: i64 = 30;
/// A lorry that stops longer on its way is an alarm; minutes.
pub const STOP_MINUTES_MAX: i64 = 20;
/// Somebody held longer without an outcome is an alarm; minutes.
pub const HOLD_MINUTES_MAX: i64 = 60;
/// Leaves read at a time.
const CHUNK: u64 = 50_000;
/// Kinds of facts that checkpoints make.
const KINDS: [FactKind; 4] = [FactKind::Inspection, FactKind::HoldEnded, FactKind::LaneStep, FactKind::Disinfection];
/// Whose keys the entries of checkpoints are.
const SCOPE: &str = "checkpoints";
/// Rows on a page.
const LISTED_MAX: u32 = 200;
/// Degrees Celsius from which on somebody is held as suspicious.
pub const FEVER: f64 = 37.3;

/// The stages of a lorry, in order, by their words.
pub const STAGES: [(&str, LaneStage); 7] = [
    ("arrived", LaneStage::Arrived),
    ("sampled", LaneStage::Sampled),
    ("sealed", LaneStage::Sealed),
    ("went", LaneStage::Went),
    ("stopped", LaneStage::Stopped),
    ("unsealed", LaneStage::Unsealed),
    ("left", LaneStage::Left),
];
/// The words of verdicts, by their number.
pub const VERDICTS: [&str; 4] = ["go", "sample-and-go", "hold", "care"];
/// How a hold may end.
pub const OUTCOMES: [&str; 3] = ["hospital", "isolation", "released"];

/// What a device sends of a check. `Debug` shows nothing of it.
#[derive(Clone, Default)]
pub struct CheckForm {
    /// `pass`, `slip`, `document`.
    pub shown: String,
    /// `go`, `sample-and-go`, `hold`, `care`.
    pub verdict: String,
    /// `red`, `yellow`, `fever`, `no-proof`, `sample-due`; empty: nothing.
    pub reason: String,
    /// The text of the pass.
    pub pass: String,
    /// The text of the slip shown or given.
    pub slip: String,
    /// When the check began, by the device's clock.
    pub device_at: String,
    /// By how much that clock was ahead of the server's; seconds.
    pub device_offset_s: String,
    /// Seconds at the desk.
    pub desk_s: String,
    /// `1`: without a network.
    pub offline: String,
    /// Who it is, where a document was shown.
    pub name: String,
    /// Kind of the document.
    pub document_kind: String,
    /// Its number.
    pub document: String,
    /// Telephone.
    pub phone: String,
    /// Where from: division code or `abroad`; empty: not asked.
    pub from: String,
    /// Where to; empty: the checkpoint's division.
    pub into: String,
    /// Degrees Celsius; empty: not taken.
    pub temperature: String,
    /// Passing through: `yes`.
    pub transit: String,
}

impl std::fmt::Debug for CheckForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CheckForm(***)")
    }
}

/// What a device sends of a lorry's step.
#[derive(Clone, Default)]
pub struct LaneForm {
    /// Word of the step.
    pub stage: String,
    /// Number of the journey.
    pub journey: String,
    /// Number of the seal.
    pub seal: String,
    /// The driver's name.
    pub name: String,
    /// The driver's resident ID or passport.
    pub document: String,
    /// The driver's telephone.
    pub phone: String,
    /// When, by the device's clock.
    pub device_at: String,
    /// By how much that clock was ahead; seconds.
    pub device_offset_s: String,
}

/// What a disinfection's form says.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "as in the fact")]
pub struct DisinfectionForm {
    pub place: String,
    pub case: String,
    pub agent: String,
    pub mg_per_litre: String,
    pub contact_minutes: String,
    pub operator: String,
    pub supervisor: String,
    pub evaluation: String,
}

/// A day of a checkpoint.
#[derive(Clone, Debug)]
pub struct CheckpointView {
    /// Checks since midnight.
    pub today: usize,
    /// By verdict, in the order of [`VERDICTS`].
    pub verdicts: [usize; 4],
    /// Mean time at the desk; seconds.
    pub mean_s: f64,
    /// Median time at the desk; seconds.
    pub median_s: f64,
    /// Made without a network.
    pub offline: usize,
    /// The largest error of a device's clock among them; seconds.
    pub offset_max_s: i64,
    /// Who is held.
    pub holds: Vec<CheckRecord>,
    /// Lorries on their way, with whether each waits or stops too long.
    pub journeys: Vec<(JourneyRecord, bool)>,
    /// Disinfections, the open ones first.
    pub disinfections: Vec<DisinfectionRecord>,
    /// What it was limited to.
    pub within: DivisionCode,
    /// When it was read.
    pub at: Instant,
}

impl App {
    /// Lets a device at the actor's checkpoint sign slips for a day.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn delegate_slips(&self, actor: &Actor, device: &[u8], wall: Instant) -> Result<Vec<u8>, AppError> {
        let purpose = usual_purpose(actor, Action::WorkCheckpoint)?;
        let bytes: [u8; 32] = device.try_into().map_err(|_| Refusal::field("key", "choose"))?;
        let device = VerifyingKey::from_bytes(&bytes).map_err(|_| Refusal::field("key", "choose"))?;
        self.log_deed(actor, Action::WorkCheckpoint, purpose, None, Reason::of("key of a device"), wall).await?;
        let (now, hours) = (self.now(), slip::DELEGATION_HOURS);
        let name: String = actor.unit_name.chars().take(40).collect();
        Ok(slip::delegate(&device, &name, &self.recorder.to_string(), now, now.plus_hours(hours), &self.signer))
    }

    /// Puts a check on record, with what follows from it: an arrival, a sample, symptoms. The same key is the same check.
    ///
    /// # Errors
    /// [`Refusal`]: who may not, no mandate, a field; [`AppError::Store`].
    pub async fn record_check(
        self: &Arc<Self>,
        actor: &Actor,
        form: &CheckForm,
        key: &str,
        wall: Instant,
    ) -> Result<FactId, AppError> {
        let purpose = usual_purpose(actor, Action::WorkCheckpoint)?;
        let at = self.server_time(&form.device_at, &form.device_offset_s, wall)?;
        let inspection = self.inspection_of(actor, form, at)?;
        self.require_mandate(Collection::Movement, actor.division).await?;
        if let Some(fact) = self.seen_before(SCOPE, &format!("check/{key}"), &inspection.clone().into()).await? {
            return Ok(fact);
        }
        let place = match form.into.trim() {
            "" => actor.division,
            code => DivisionCode::parse(code).map_err(|_| Refusal::field("into", "division-code"))?,
        };
        let person = self.person_at_desk(form, place).await?;
        let mut additions = vec![addition(None, actor.division, at, inspection.clone().into(), format!("check/{key}"))];
        if let Some(person) = person {
            additions.extend(self.follows_from(actor, person, form, &inspection, place, at, key, wall).await?);
        }
        self.log_deed(actor, Action::WorkCheckpoint, purpose, person, Reason::of("check"), wall).await?;
        let fact = self.first_fact(SCOPE, additions).await?;
        self.follow_checkpoints().await?;
        Ok(fact)
    }

    /// Says what became of somebody who was held.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn end_hold(&self, actor: &Actor, of: FactId, outcome: &str, wall: Instant) -> Result<(), AppError> {
        let purpose = usual_purpose(actor, Action::WorkCheckpoint)?;
        self.follow_checkpoints().await?;
        let record = self.store().load_check(of).await?.ok_or(Refusal::NotFound)?;
        Scope::of(actor, Action::WorkCheckpoint, purpose)?.narrowed(record.division)?;
        if !OUTCOMES.contains(&outcome) {
            return Err(Refusal::field("outcome", "choose").into());
        }
        self.log_deed(actor, Action::WorkCheckpoint, purpose, None, Reason::of(outcome), wall).await?;
        let body = HoldEnded { of, outcome: outcome.into(), by: actor.account.to_string().into() };
        let ended = addition(None, record.division, self.now(), body.into(), format!("hold/{of}"));
        self.first_fact(SCOPE, vec![ended]).await?;
        self.follow_checkpoints().await
    }

    /// Puts a lorry's step on record; the driver is named at the first.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn record_lane(
        self: &Arc<Self>,
        actor: &Actor,
        form: &LaneForm,
        key: &str,
        wall: Instant,
    ) -> Result<FactId, AppError> {
        let purpose = usual_purpose(actor, Action::WorkCheckpoint)?;
        let stage = STAGES.iter().find(|(word, _)| *word == form.stage).map(|(_, stage)| *stage);
        let stage = stage.ok_or(Refusal::field("stage", "choose"))?;
        let at = self.server_time(&form.device_at, &form.device_offset_s, wall)?;
        let journey = text("journey", &form.journey)?.filter(|journey| journey.len() <= 40);
        let journey = journey.ok_or(Refusal::field("journey", "empty"))?;
        self.require_mandate(Collection::Movement, actor.division).await?;
        let known = self.store().journeys_open(DivisionCode::HENAN, 10_000).await?;
        let known = known.into_iter().find(|row| row.journey == *journey).map(|row| row.person);
        let person = match known {
            Some(person) => person,
            None => {
                let check = CheckForm {
                    name: form.name.clone(),
                    document: form.document.clone(),
                    document_kind: document_kind(&form.document),
                    phone: form.phone.clone(),
                    ..CheckForm::default()
                };
                self.person_at_desk(&check, actor.division).await?.ok_or(Refusal::field("document", "empty"))?
            }
        };
        let seal = text("seal", &form.seal)?;
        if stage == LaneStage::Sealed && seal.is_none() {
            return Err(Refusal::field("seal", "empty").into());
        }
        self.log_deed(actor, Action::WorkCheckpoint, purpose, Some(person), Reason::of("lane"), wall).await?;
        let step = LaneStep { stage, unit: actor.unit_name.as_str().into(), seal, journey };
        if let Some(fact) = self.seen_before(SCOPE, &format!("lane/{key}"), &step.clone().into()).await? {
            return Ok(fact);
        }
        let mut additions = vec![addition(Some(person), actor.division, at, step.into(), format!("lane/{key}"))];
        if stage == LaneStage::Sampled {
            let sample = Sample { method: TestMethod::NucleicTest, lab: None, pool: None, disease: None };
            additions.push(addition(Some(person), actor.division, at, sample.into(), format!("lane/{key}/sample")));
        }
        let fact = self.first_fact(SCOPE, additions).await?;
        self.follow_checkpoints().await?;
        Ok(fact)
    }

    /// Begins a disinfection, or closes one that was begun. One that lacks anything is not closed.
    ///
    /// # Errors
    /// [`Refusal::Field`] names what is missing; [`AppError::Store`].
    pub async fn record_disinfection(
        &self,
        actor: &Actor,
        closes: Option<FactId>,
        form: &DisinfectionForm,
        key: &str,
        wall: Instant,
    ) -> Result<FactId, AppError> {
        let purpose = usual_purpose(actor, Action::WorkCheckpoint)?;
        let words = |field: &'static str, value: &str| text(field, value);
        let number = |field: &'static str, value: &str| match value.trim() {
            "" => Ok(None),
            digits => digits.parse::<u32>().map(Some).map_err(|_| Refusal::field(field, "whole-number")),
        };
        let case = match form.case.trim() {
            "" => None,
            id => Some(Uuid::try_parse(id).map(FactId::new).map_err(|_| Refusal::field("case", "choose"))?),
        };
        let record = Disinfection {
            place: words("place", &form.place)?.ok_or(Refusal::field("place", "empty"))?,
            closes,
            case,
            agent: words("agent", &form.agent)?,
            mg_per_litre: number("mg_per_litre", &form.mg_per_litre)?,
            contact_minutes: number("contact_minutes", &form.contact_minutes)?,
            operator: words("operator", &form.operator)?,
            supervisor: words("supervisor", &form.supervisor)?,
            evaluation: words("evaluation", &form.evaluation)?,
        };
        match record.lacks() {
            Some("supervisor") => return Err(Refusal::field("supervisor", "supervisor-other").into()),
            Some(field) => return Err(Refusal::field(field, "needed-to-close").into()),
            None => {}
        }
        if let Some(of) = closes {
            self.follow_checkpoints().await?;
            let open = self.store().disinfections(actor.division, LISTED_MAX).await?;
            let of_ours = open.iter().any(|record| record.fact == of && record.closed_at.is_none());
            of_ours.then_some(()).ok_or(Refusal::NotFound)?;
        }
        self.log_deed(actor, Action::WorkCheckpoint, purpose, None, Reason::of("disinfection"), wall).await?;
        let body = addition(None, actor.division, self.now(), record.into(), format!("disinfection/{key}"));
        let fact = self.first_fact(SCOPE, vec![body]).await?;
        self.follow_checkpoints().await?;
        Ok(fact)
    }

    /// The day of the checkpoints of the actor's division.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn view_checkpoint(&self, actor: &Actor) -> Result<CheckpointView, AppError> {
        let purpose = usual_purpose(actor, Action::ViewCheckpoints)?;
        let within = Scope::of(actor, Action::ViewCheckpoints, purpose)?.division();
        self.follow_checkpoints().await?;
        let now = self.now();
        let checks = self.store().checks_since(within, now.day().start(), 100_000).await?;
        let mut times: Vec<i64> = checks.iter().map(|check| check.desk_s).collect();
        times.sort_unstable();
        let mut verdicts = [0; 4];
        for check in &checks {
            if let Some(count) = verdicts.get_mut(check.verdict as usize) {
                *count += 1;
            }
        }
        let waits = |row: &JourneyRecord| {
            let minutes = (now.as_micros() - row.since.as_micros()) / 60_000_000;
            (row.stage == 0 && minutes > WAIT_MINUTES_MAX) || (row.stage == 4 && minutes > STOP_MINUTES_MAX)
        };
        let journeys = self.store().journeys_open(within, LISTED_MAX).await?;
        Ok(CheckpointView {
            today: checks.len(),
            verdicts,
            mean_s: if times.is_empty() { 0.0 } else { times.iter().sum::<i64>() as f64 / times.len() as f64 },
            median_s: median(&times),
            offline: checks.iter().filter(|check| check.offline).count(),
            offset_max_s: checks.iter().map(|check| check.offset_s.abs()).max().unwrap_or(0),
            holds: self.store().holds_open(within, LISTED_MAX).await?,
            journeys: journeys
                .into_iter()
                .map(|row| {
                    let late = waits(&row);
                    (row, late)
                })
                .collect(),
            disinfections: self.store().disinfections(within, 20).await?,
            within,
            at: now,
        })
    }

    /// Reads checks, steps and disinfections from the log into the tables that pages read.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn follow_checkpoints(&self) -> Result<(), AppError> {
        let size = self.store().size().await?;
        let mut from = self.store().checkpoint_watermark().await?;
        while from < size {
            let to = (from + CHUNK).min(size);
            let facts = self.store().load_kinds_among(from, to, &KINDS).await?;
            let (mut checks, mut ended, mut journeys) = (Vec::new(), Vec::new(), Vec::new());
            let (mut begun, mut closed) = (Vec::new(), Vec::new());
            for stored in &facts {
                let (id, at) = (stored.fact.id, stored.fact.happened.starts_at());
                match &stored.fact.body {
                    FactBody::Inspection(inspection) => checks.push(check_record(stored, inspection)),
                    FactBody::HoldEnded(end) => ended.push((end.of, at, end.outcome.to_string())),
                    FactBody::LaneStep(step) => journeys.extend(stored.fact.person.map(|person| JourneyRecord {
                        journey: step.journey.to_string(),
                        person,
                        division: stored.division,
                        unit: step.unit.to_string(),
                        stage: STAGES.iter().position(|(_, stage)| *stage == step.stage).unwrap_or(0) as i64,
                        since: at,
                        arrived_at: at,
                        seal: step.seal.as_deref().unwrap_or_default().to_owned(),
                    })),
                    FactBody::Disinfection(record) => match record.closes {
                        Some(of) => closed.push((of, at, id)),
                        None => begun.push(DisinfectionRecord {
                            fact: id,
                            division: stored.division,
                            place: record.place.to_string(),
                            begun_at: at,
                            closed_at: None,
                            closed_by: None,
                        }),
                    },
                    _ => {}
                }
            }
            self.store().save_checkpoints(&checks, &ended, &journeys, &begun, &closed, to).await?;
            from = to;
        }
        Ok(())
    }

    /// When something was that a device dates: its clock mended by its error, never after now. The error is put on record beside
    /// it. A simulated node has another clock than devices: there the age counts.
    fn server_time(&self, device_at: &str, offset_s: &str, wall: Instant) -> Result<Instant, Refusal> {
        let now = self.now();
        if device_at.is_empty() {
            return Ok(now);
        }
        let device_at = Instant::parse(device_at).map_err(|_| Refusal::field("device_at", "entered-at"))?;
        let offset: i64 = offset_s.trim().parse().unwrap_or(0);
        let mended = device_at.as_micros().saturating_sub(offset.saturating_mul(1_000_000));
        let age = (wall.as_micros() - mended).max(0);
        if age > AGE_HOURS_MAX * 3_600_000_000 {
            return Err(Refusal::field("device_at", "entered-at"));
        }
        Ok(Instant::from_micros(now.as_micros() - age))
    }

    fn inspection_of(&self, actor: &Actor, form: &CheckForm, at: Instant) -> Result<Inspection, Refusal> {
        let shown = match form.shown.as_str() {
            "pass" => ShownProof::Pass,
            "slip" => ShownProof::Slip,
            "document" => ShownProof::Document,
            _ => return Err(Refusal::field("shown", "choose")),
        };
        let verdict = match form.verdict.as_str() {
            "go" => CheckVerdict::Go,
            "sample-and-go" => CheckVerdict::SampleAndGo,
            "hold" => CheckVerdict::Hold,
            "care" => CheckVerdict::Care,
            _ => return Err(Refusal::field("verdict", "choose")),
        };
        let reason = match form.reason.as_str() {
            "" => None,
            "red" => Some(CheckReason::Red),
            "yellow" => Some(CheckReason::Yellow),
            "fever" => Some(CheckReason::Fever),
            "no-proof" => Some(CheckReason::NoProof),
            "sample-due" => Some(CheckReason::SampleDue),
            _ => return Err(Refusal::field("reason", "choose")),
        };
        let slip = match form.slip.as_str() {
            "" => None,
            // At the time of the check: it may be over when the device is back.
            text => Some(slip::verify(text, &[self.pass_key()], at).map_err(|_| Refusal::field("slip", "slip"))?),
        };
        let device_at = Instant::parse(&form.device_at).unwrap_or(at);
        Ok(Inspection {
            unit: actor.unit.to_string().into(),
            shown,
            verdict,
            reason,
            slip: slip.map(|slip| sizao_store::hex(&slip.id).into()),
            device_at,
            device_offset_s: form.device_offset_s.trim().parse().unwrap_or(0),
            desk_s: form.desk_s.trim().parse().unwrap_or(0).min(86_400),
            offline: form.offline == "1",
        })
    }

    /// Who stands there, as far as it is known: by the pass that this node issued, or by a document.
    async fn person_at_desk(&self, form: &CheckForm, place: DivisionCode) -> Result<Option<PersonId>, AppError> {
        if !form.document.trim().is_empty() {
            self.require_mandate(Collection::Registers, place).await?;
            let kind = DocumentKind::from_name(&form.document_kind).ok_or(Refusal::field("document_kind", "choose"))?;
            let document = Document::new(kind, &form.document).map_err(|_| Refusal::field("document", "document"))?;
            let full_name = match form.name.trim() {
                "" => None,
                name => Some(checked_name("name", name)?.into()),
            };
            let phones = match form.phone.trim() {
                "" => Vec::new(),
                phone => vec![Phone::new(phone, PhoneRole::Own).map_err(|_| Refusal::field("phone", "phone"))?],
            };
            let names = vec![PersonName::Document(document)];
            let draft = PersonDraft { names, full_name, phones, division: place };
            let person = VaultPerson { search_terms: names::search_terms(&draft), draft };
            return Ok(self.store().resolve_people(&[person], self.now()).await?.pop());
        }
        let Some(id) = pass_id(&form.pass, &self.pass_key()) else { return Ok(None) };
        Ok(self.store().holder_of_pass(id).await?)
    }

    #[expect(clippy::too_many_arguments, reason = "one check is all of these")]
    async fn follows_from(
        &self,
        actor: &Actor,
        person: PersonId,
        form: &CheckForm,
        inspection: &Inspection,
        place: DivisionCode,
        at: Instant,
        key: &str,
        wall: Instant,
    ) -> Result<Vec<Addition>, AppError> {
        let mut additions = Vec::new();
        let from = form.from.trim();
        if !from.is_empty() {
            if from != "abroad" {
                DivisionCode::parse(from).map_err(|_| Refusal::field("from", "division-code"))?;
            }
            let counts = std::collections::BTreeMap::from([("arrival", 1)]);
            self.count_restricting(actor, &counts, wall).await?;
            let arrival = Arrival {
                from: from.into(),
                into: place.to_string().into(),
                evidence: EvidenceKind::Checkpoint,
                transit: form.transit == "yes",
                leaves_at: None,
            };
            additions.push(addition(Some(person), place, at, arrival.into(), format!("check/{key}/arrival")));
        }
        if inspection.verdict == CheckVerdict::SampleAndGo {
            let sample = Sample { method: TestMethod::NucleicTest, lab: None, pool: None, disease: None };
            additions.push(addition(Some(person), place, at, sample.into(), format!("check/{key}/sample")));
        }
        if let Some(degrees) = temperature(&form.temperature)?.filter(|degrees| *degrees >= FEVER) {
            let report = SymptomReport { symptoms: vec!["fever".into()], temperature: Some(degrees) };
            additions.push(addition(Some(person), place, at, report.into(), format!("check/{key}/fever")));
        }
        Ok(additions)
    }

    async fn first_fact(&self, scope: &str, additions: Vec<Addition>) -> Result<FactId, AppError> {
        let receipts = self.append_all(scope, additions).await?;
        if receipts.iter().any(|receipt| matches!(receipt, Receipt::Conflict { .. })) {
            return Err(Refusal::Changed.into());
        }
        receipts.first().map(|receipt| receipt.id()).ok_or(AppError::Stopped("no receipt for an entry"))
    }
}

fn addition(person: Option<PersonId>, division: DivisionCode, at: Instant, body: FactBody, key: String) -> Addition {
    Addition { person, division, happened: Happened::at(at), body, key, channel: Channel::Page }
}

fn check_record(stored: &StoredFact, inspection: &Inspection) -> CheckRecord {
    CheckRecord {
        fact: stored.fact.id,
        unit: inspection.unit.to_string(),
        division: stored.division,
        at: stored.fact.happened.starts_at(),
        recorded_at: stored.fact.recorded_at,
        shown: inspection.shown as i64,
        verdict: inspection.verdict as i64,
        reason: inspection.reason.map_or("", reason_word).to_owned(),
        desk_s: inspection.desk_s.into(),
        offset_s: inspection.device_offset_s,
        offline: inspection.offline,
        ended_at: None,
        outcome: String::new(),
    }
}

const fn reason_word(reason: CheckReason) -> &'static str {
    match reason {
        CheckReason::Red => "red",
        CheckReason::Fever => "fever",
        CheckReason::NoProof => "no-proof",
        CheckReason::Yellow => "yellow",
        CheckReason::SampleDue => "sample-due",
    }
}

/// The number of a pass whose signature fits, whether it is over by now or not: it held when the device looked.
fn pass_id(text: &str, key: &VerifyingKey) -> Option<Uuid> {
    pass::read_signed(text, &[*key]).ok().map(|pass| Uuid::from_bytes(pass.id))
}

fn document_kind(number: &str) -> String {
    let kinds = [DocumentKind::ResidentId, DocumentKind::Passport];
    let kind = kinds.into_iter().find(|kind| Document::new(*kind, number).is_ok());
    kind.map_or("", DocumentKind::name).to_owned()
}

fn temperature(text: &str) -> Result<Option<f64>, Refusal> {
    match text.trim() {
        "" => Ok(None),
        text => {
            let degrees: f64 =
                text.replace(',', ".").parse().map_err(|_| Refusal::field("temperature", "temperature"))?;
            let fits = (30.0..=45.0).contains(&degrees);
            fits.then_some(Some(degrees)).ok_or(Refusal::field("temperature", "temperature"))
        }
    }
}

fn median(sorted: &[i64]) -> f64 {
    match sorted.len() {
        0 => 0.0,
        count if count % 2 == 1 => sorted[count / 2] as f64,
        count => (sorted[count / 2 - 1] + sorted[count / 2]) as f64 / 2.0,
    }
}
