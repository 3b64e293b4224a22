//! Scans at a desk and on the way: a tube is opened, swabs are bound to people, it is closed, sent, received.
//!
//! Scans of many devices that come at once are decided together: one look at the tables, one commit. The rules of a
//! tube are those of [`sizao_epi::pooling::tube`]; what is sent again is answered as the first time.

use std::collections::HashMap;

use sizao_epi::pooling::tube::{CAPACITY_MAX, Tube, TubeError, TubeKind};
use sizao_model::{
    DivisionCode, FactBody, FactId, Happened, Instant, PersonId,
    draft::{PersonDraft, PersonName},
    fact::{Sample, TestMethod, TubeStage, TubeStep, TubeUse},
    identity::{Document, DocumentKind, Phone, PhoneRole},
};
use sizao_store::{Channel, Receipt, SwabRecord, TubeRecord, VaultPerson};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{following::use_code, is_told_only, later, tube_id};
use crate::{
    App, AppError,
    accounts::checked_name,
    authorization::{Action, Purpose, can},
    identity::Actor,
    loops::{Addition, text},
    mandates::Collection,
    names,
    refusal::Refusal,
};

/// Sizes of pools that are in use.
pub const POOL_SIZES: [u32; 3] = [5, 10, 20];
/// A household's tube holds so many at most.
pub const HOUSEHOLD_MAX: u32 = 10;
/// So far may two devices' clocks be apart.
const SKEW_MINUTES: i64 = 5;
/// Scope of the keys of scans: a barcode means the same tube everywhere on a node.
const SCANS: &str = "scans";
/// Scans of one request at most.
pub const SCANS_MAX: usize = 5_000;

/// What is done at a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanStep {
    /// A tube is opened.
    Open,
    /// A swab goes in.
    Swab,
    /// The tube is closed.
    Seal,
    /// It goes on its way in a box.
    Send,
    /// The laboratory has it.
    Receive,
}

/// A scan as it comes from a form, a phone's outbox or a program. Empty means not given.
#[derive(Clone, Debug, Default)]
pub struct ScanForm {
    /// `open`, `swab`, `seal`, `send`, `receive`.
    pub step: String,
    /// The tube.
    pub barcode: String,
    /// `single`, `pool`, `household`; of an opening.
    pub holds: String,
    /// How many swabs; of an opening.
    pub capacity: String,
    /// The round; of an opening.
    pub round: String,
    /// Site and desk. Of a swab: where the scanner stands; a tube of another desk is a wrong tube.
    pub site: String,
    /// What the scanner read of the person: the number of a document.
    pub who: String,
    /// The person's name.
    pub name: String,
    /// The person's telephone.
    pub phone: String,
    /// `yes`: the person has a swab in this round already, and this one is taken on purpose.
    pub again: String,
    /// The box.
    pub container: String,
    /// Degrees Celsius in the box.
    pub temperature: String,
    /// When it was done; none: now.
    pub at: Option<Instant>,
}

/// A scan that was checked as far as it can be without looking anything up.
#[derive(Clone, Debug)]
pub struct Scan {
    pub(super) step: ScanStep,
    pub(super) barcode: Box<str>,
    pub(super) division: DivisionCode,
    pub(super) at: Instant,
    pub(super) kind: Option<(TubeUse, u32)>,
    pub(super) round: Option<Uuid>,
    pub(super) site: Option<Box<str>>,
    pub(super) person: Option<PersonId>,
    pub(super) again: bool,
    pub(super) container: Option<Box<str>>,
    pub(super) temperature: Option<f64>,
    pub(super) lab: Option<Uuid>,
    pub(super) channel: Channel,
}

/// A tube after a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TubeNow {
    /// Its barcode.
    pub barcode: String,
    /// How many swabs it holds now.
    pub swabs: u32,
    /// How many it may hold.
    pub capacity: u32,
}

/// What became of a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanned {
    /// The fact: the receipt.
    pub fact: FactId,
    /// It was there before.
    pub repeated: bool,
    /// The tube now.
    pub tube: TubeNow,
}

/// Scans that wait for their turn.
pub(crate) struct Waiting {
    scans: Vec<Scan>,
    tell: oneshot::Sender<Vec<Result<Scanned, Refusal>>>,
}

impl App {
    /// Takes scans in, in their order; each is answered by itself. When this returns what was taken is durable.
    ///
    /// # Errors
    /// [`Refusal::NoMandate`], [`Refusal::NotAllowed`]; [`AppError::Store`]. What is wrong with a single scan stands in its place.
    pub async fn scan(
        &self,
        actor: &Actor,
        forms: &[ScanForm],
        is_page: bool,
    ) -> Result<Vec<Result<Scanned, Refusal>>, AppError> {
        if forms.len() > SCANS_MAX {
            return Err(Refusal::field("scans", "too-many").into());
        }
        let receives = forms.iter().all(|form| form.step == "receive");
        let action = if receives && !forms.is_empty() { Action::RunLab } else { Action::TakeSamples };
        can(actor, action, actor.division, Purpose::Reporting)?;
        self.require_mandate(Collection::Tests, actor.division).await?;
        let now = self.now();
        let mut checked: Vec<Result<(Scan, Option<PersonDraft>), Refusal>> =
            forms.iter().map(|form| check(form, actor, is_page, now)).collect();
        if checked.iter().flatten().any(|(scan, _)| scan.round.is_some()) {
            let times = self.round_times(actor.division).await?;
            let runs = |scan: &Scan| match scan.round {
                None => true,
                // By the time of the scan: what waited on a device may arrive after the end.
                Some(round) => times
                    .get(&round)
                    .is_some_and(|(from, until)| *from <= scan.at.plus_minutes(SKEW_MINUTES) && scan.at < *until),
            };
            for one in &mut checked {
                if one.as_ref().is_ok_and(|(scan, _)| !runs(scan)) {
                    *one = Err(Refusal::field("round", "round-over"));
                }
            }
        }
        self.name_people(&mut checked).await?;
        let scans = checked.iter().filter_map(|one| one.as_ref().ok()).map(|(scan, _)| scan.clone()).collect();
        let mut answers = self.scan_together(scans).await?.into_iter();
        let answer = |one: Result<(Scan, Option<PersonDraft>), Refusal>| match one {
            Ok(_) => answers.next().unwrap_or(Err(Refusal::Busy)),
            Err(refusal) => Err(refusal),
        };
        Ok(checked.into_iter().map(answer).collect())
    }

    /// Puts the ids of the vault in place of who was scanned.
    async fn name_people(&self, checked: &mut [Result<(Scan, Option<PersonDraft>), Refusal>]) -> Result<(), AppError> {
        let drafts: Vec<PersonDraft> = checked.iter().filter_map(|one| one.as_ref().ok()?.1.clone()).collect();
        if drafts.is_empty() {
            return Ok(());
        }
        let people: Vec<VaultPerson> =
            drafts.into_iter().map(|draft| VaultPerson { search_terms: names::search_terms(&draft), draft }).collect();
        let mut ids = self.store().resolve_people(&people, self.now()).await?.into_iter();
        for (scan, draft) in checked.iter_mut().flatten() {
            if draft.is_some() {
                scan.person = ids.next();
            }
        }
        Ok(())
    }

    /// Waits for the turn, and decides everything that waits when it has come.
    pub(super) async fn scan_together(&self, scans: Vec<Scan>) -> Result<Vec<Result<Scanned, Refusal>>, AppError> {
        if scans.is_empty() {
            return Ok(Vec::new());
        }
        let (tell, told) = oneshot::channel();
        self.scanning.waiting.lock().expect("no thread panics with it").push(Waiting { scans, tell });
        let turn = self.scanning.turn.lock().await;
        let batch = std::mem::take(&mut *self.scanning.waiting.lock().expect("no thread panics with it"));
        if !batch.is_empty() {
            let all: Vec<Scan> = batch.iter().flat_map(|waiting| waiting.scans.iter().cloned()).collect();
            let mut answers = self.decide(&all).await?.into_iter();
            for waiting in batch {
                let own = answers.by_ref().take(waiting.scans.len()).collect();
                // Whoever does not wait any longer sends it again.
                let _ = waiting.tell.send(own);
            }
        }
        drop(turn);
        told.await.map_err(|_| AppError::Stopped("the batch of scans ended early; send them again"))
    }

    async fn decide(&self, scans: &[Scan]) -> Result<Vec<Result<Scanned, Refusal>>, AppError> {
        let _lease = self.store().lease_scanning().await?;
        self.follow_screening_held().await?;
        let mut bench = self.bench(scans).await?;
        let mut additions = Vec::new();
        let decided: Vec<Result<Decision, Refusal>> = scans
            .iter()
            .map(|scan| {
                let decision = bench.decide(scan, additions.len())?;
                if let Decision::New { .. } = decision {
                    additions.push(addition(scan, bench.clamped));
                }
                Ok(decision)
            })
            .collect();
        let receipts = self.append_all(SCANS, additions).await?;
        self.follow_screening_held().await?;
        let scanned = |decision: Decision| match decision {
            Decision::New { index, tube } => match receipts.get(index) {
                Some(Receipt::Stored { id, .. }) => Ok(Scanned { fact: *id, repeated: false, tube }),
                Some(Receipt::Repeat { id }) => Ok(Scanned { fact: *id, repeated: true, tube }),
                _ => Err(Refusal::Changed),
            },
            Decision::Known { fact, tube } => Ok(Scanned { fact, repeated: true, tube }),
            Decision::Same { index, tube } => receipts
                .get(index)
                .map(|receipt| Scanned { fact: receipt.id(), repeated: true, tube })
                .ok_or(Refusal::Changed),
        };
        Ok(decided.into_iter().map(|one| one.and_then(scanned)).collect())
    }

    /// Everything that the scans speak of, looked up at once.
    async fn bench(&self, scans: &[Scan]) -> Result<Bench, AppError> {
        let store = self.store();
        let ids: Vec<Uuid> = scans.iter().map(|scan| tube_id(&scan.barcode)).collect();
        let mut people: Vec<PersonId> = scans.iter().filter_map(|scan| scan.person).collect();
        people.sort_unstable();
        people.dedup();
        let keys: Vec<Box<str>> = scans.iter().map(|scan| key_of(scan).into()).collect();
        let source = store.source(SCANS).await?;
        let known = store.find_by_sender_keys(source, &keys).await?;
        let records: HashMap<Uuid, TubeRecord> =
            store.load_tubes(ids.clone()).await?.into_iter().map(|tube| (tube.id, tube)).collect();
        let mut swabs: HashMap<Uuid, Vec<SwabRecord>> = HashMap::new();
        for swab in store.swabs_in(ids).await? {
            swabs.entry(swab.tube.unwrap_or_default()).or_default().push(swab);
        }
        let mut rounds: HashMap<(Uuid, PersonId), u32> = HashMap::new();
        for swab in store.swabs_of(&people).await? {
            if let Some(round) = swab.round {
                *rounds.entry((round, swab.person)).or_default() += 1;
            }
        }
        let tubes = records
            .into_iter()
            .map(|(id, record)| {
                let tube = rebuilt(&record, swabs.get(&id).map_or(&[], Vec::as_slice));
                (id, (record, tube))
            })
            .collect();
        Ok(Bench { known, tubes, rounds, made: HashMap::new(), clamped: Instant::MIN })
    }
}

/// What is decided about a scan.
enum Decision {
    /// A new fact, by its place among those to be appended.
    New { index: usize, tube: TubeNow },
    /// It was there before.
    Known { fact: FactId, tube: TubeNow },
    /// The same scan stands earlier in the batch.
    Same { index: usize, tube: TubeNow },
}

/// The tubes and people of a batch, as they are while it is decided.
struct Bench {
    known: HashMap<Box<str>, FactId>,
    tubes: HashMap<Uuid, (TubeRecord, Tube)>,
    /// How many swabs a person has in a round.
    rounds: HashMap<(Uuid, PersonId), u32>,
    made: HashMap<String, usize>,
    /// The moment of the scan that was decided last, put right for clocks that are a little apart.
    clamped: Instant,
}

impl Bench {
    fn decide(&mut self, scan: &Scan, index: usize) -> Result<Decision, Refusal> {
        let (id, key) = (tube_id(&scan.barcode), key_of(scan));
        let known = self.known.get(key.as_str()).copied();
        let made = self.made.get(&key).copied();
        if known.is_some() || made.is_some() {
            let (record, tube) = self.tubes.get(&id).ok_or(Refusal::Changed)?;
            differs(scan, record)?;
            let tube = now(record, tube);
            return Ok(match (known, made) {
                (Some(fact), _) => Decision::Known { fact, tube },
                (None, made) => Decision::Same { index: made.unwrap_or(index), tube },
            });
        }
        if scan.step == ScanStep::Open {
            self.open(id, scan)?;
        } else {
            self.step(id, scan)?;
        }
        self.made.insert(key, index);
        let (record, tube) = &self.tubes[&id];
        Ok(Decision::New { index, tube: now(record, tube) })
    }

    fn open(&mut self, id: Uuid, scan: &Scan) -> Result<(), Refusal> {
        let (holds, capacity) = scan.kind.ok_or(Refusal::field("holds", "choose"))?;
        let kind = kind_of(use_code(holds), capacity);
        let is_used = |_: &str| self.tubes.contains_key(&id);
        let tube = Tube::open(&scan.barcode, kind, scan.at, is_used).map_err(|error| told(&error, scan.step))?;
        self.clamped = scan.at;
        let record = TubeRecord {
            id,
            barcode: scan.barcode.to_string(),
            division: scan.division,
            holds: use_code(holds),
            capacity: capacity.into(),
            round: scan.round,
            site: scan.site.as_deref().unwrap_or_default().to_owned(),
            opened_at: scan.at,
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
        };
        self.tubes.insert(id, (record, tube));
        Ok(())
    }

    fn step(&mut self, id: Uuid, scan: &Scan) -> Result<(), Refusal> {
        let unknown = Refusal::field("barcode", "tube-unknown");
        let (record, tube) = self.tubes.get_mut(&id).ok_or(unknown.clone())?;
        // A tube of another place exists for nobody else.
        if is_told_only(record) || !record.division.is_under(scan.division) && !scan.division.is_under(record.division)
        {
            return Err(unknown);
        }
        let refuse = |error: TubeError| told(&error, scan.step);
        match scan.step {
            ScanStep::Open => {}
            ScanStep::Swab => {
                let person = scan.person.ok_or(Refusal::field("who", "empty"))?;
                if scan.site.as_deref().is_some_and(|site| !record.site.is_empty() && site != record.site) {
                    return Err(Refusal::field("barcode", "tube-of-another-desk"));
                }
                let of_round = record.round.map(|round| (round, person));
                let before = of_round.map_or(0, |key| self.rounds.get(&key).copied().unwrap_or(0));
                let is_here = tube.swabs().iter().any(|swab| swab.person == person);
                if before > 0 && !scan.again && !is_here {
                    return Err(Refusal::field("who", "swab-in-round"));
                }
                self.clamped = clamped(scan.at, Some(record.opened_at))?;
                tube.add(person, self.clamped, before > 0).map_err(refuse)?;
                (record.swabs, record.last_at) = (record.swabs + 1, later(record.last_at, self.clamped));
                if let Some(key) = of_round {
                    *self.rounds.entry(key).or_default() += 1;
                }
            }
            ScanStep::Seal => {
                self.clamped = clamped(scan.at, record.last_at)?;
                tube.seal(self.clamped).map_err(refuse)?;
                record.sealed_at = Some(self.clamped);
            }
            ScanStep::Send => {
                let container = scan.container.as_deref().ok_or(Refusal::field("container", "empty"))?;
                self.clamped = clamped(scan.at, record.sealed_at)?;
                tube.send(container, self.clamped).map_err(refuse)?;
                (record.sent_at, record.container) = (Some(self.clamped), container.to_owned());
            }
            ScanStep::Receive => {
                let differs = |container: &str| !record.container.is_empty() && container != record.container;
                if scan.container.as_deref().is_some_and(differs) {
                    return Err(Refusal::field("container", "tube-of-another-box"));
                }
                self.clamped = clamped(scan.at, record.sent_at.or(record.sealed_at))?;
                tube.receive(self.clamped).map_err(refuse)?;
                (record.received_at, record.lab) = (Some(self.clamped), scan.lab);
            }
        }
        Ok(())
    }
}

/// A scan that was there before: the same again, or another one under its name.
fn differs(scan: &Scan, record: &TubeRecord) -> Result<(), Refusal> {
    match scan.step {
        ScanStep::Open => {
            let same = scan.kind.is_some_and(|(holds, capacity)| {
                use_code(holds) == record.holds && i64::from(capacity) == record.capacity
            }) && scan.round == record.round
                && scan.site.as_deref().unwrap_or_default() == record.site
                && (scan.at.as_micros() - record.opened_at.as_micros()).abs() <= SKEW_MINUTES * 60_000_000;
            if same { Ok(()) } else { Err(Refusal::field("barcode", "tube-barcode-used")) }
        }
        ScanStep::Send if scan.container.as_deref() != Some(record.container.as_str()) => {
            Err(Refusal::field("container", "tube-in-another-box"))
        }
        _ => Ok(()),
    }
}

/// A moment that may lie a little before the step that it follows: clocks of two devices are never quite the same.
fn clamped(at: Instant, before: Option<Instant>) -> Result<Instant, Refusal> {
    match before {
        Some(before) if at < before.plus_minutes(-SKEW_MINUTES) => Err(Refusal::field("entered_at", "tube-clock")),
        Some(before) => Ok(at.max(before)),
        None => Ok(at),
    }
}

fn now(record: &TubeRecord, tube: &Tube) -> TubeNow {
    TubeNow {
        barcode: record.barcode.clone(),
        swabs: tube.swabs().len() as u32,
        capacity: u32::try_from(record.capacity).unwrap_or(0),
    }
}

/// The tube as the rules know it. What others told of it (too many swabs, steps out of order) is left out where the
/// rules do not allow it; the record keeps it.
fn rebuilt(record: &TubeRecord, swabs: &[SwabRecord]) -> Tube {
    let capacity = u32::try_from(record.capacity).unwrap_or(1).clamp(1, CAPACITY_MAX);
    let kind = kind_of(record.holds, capacity);
    let mut tube =
        Tube::open(&record.barcode, kind, record.opened_at, |_| false).expect("the capacity is within bounds");
    let mut last = record.opened_at;
    for swab in swabs {
        last = last.max(swab.taken_at);
        let _ = tube.add(swab.person, swab.taken_at.max(record.opened_at), false);
    }
    if let Some(at) = record.sealed_at {
        last = last.max(at);
        let _ = tube.seal(last);
    }
    if let Some(at) = record.sent_at {
        last = last.max(at);
        let _ = tube.send(&record.container, last);
    }
    if let Some(at) = record.received_at {
        let _ = tube.receive(last.max(at));
    }
    tube
}

const fn kind_of(holds: i64, capacity: u32) -> TubeKind {
    match holds {
        0 => TubeKind::Single,
        1 => TubeKind::Pool(capacity),
        _ => TubeKind::Household(capacity),
    }
}

/// What a rule of tubes says, as a field of the form.
fn told(error: &TubeError, step: ScanStep) -> Refusal {
    match error {
        TubeError::BarcodeReused { .. } => Refusal::field("barcode", "tube-barcode-used"),
        TubeError::Capacity { .. } => Refusal::field("capacity", "tube-capacity"),
        TubeError::Full { .. } => Refusal::field("barcode", "tube-full"),
        TubeError::PersonTwice => Refusal::field("who", "tube-person-twice"),
        TubeError::Empty => Refusal::field("barcode", "tube-empty"),
        TubeError::BeforeItsStep => Refusal::field("entered_at", "tube-clock"),
        TubeError::OutOfOrder { state, .. } => Refusal::field(
            "barcode",
            match (step, *state) {
                (ScanStep::Swab, _) => "tube-closed",
                (_, "open") => "tube-not-closed",
                (ScanStep::Receive, _) => "tube-here-already",
                _ => "tube-gone",
            },
        ),
    }
}

/// The key of a scan: each step of a tube once, each person once in a tube.
fn key_of(scan: &Scan) -> String {
    let barcode = &scan.barcode;
    match (scan.step, scan.person) {
        (ScanStep::Swab, Some(person)) => format!("swab/{barcode}/{person}"),
        (ScanStep::Swab, None) => format!("swab/{barcode}/"),
        (ScanStep::Open, _) => format!("tube/{barcode}/opened"),
        (ScanStep::Seal, _) => format!("tube/{barcode}/sealed"),
        (ScanStep::Send, _) => format!("tube/{barcode}/sent"),
        (ScanStep::Receive, _) => format!("tube/{barcode}/received"),
    }
}

fn addition(scan: &Scan, at: Instant) -> Addition {
    let stage = match scan.step {
        ScanStep::Swab => None,
        ScanStep::Open => Some(TubeStage::Opened),
        ScanStep::Seal => Some(TubeStage::Sealed),
        ScanStep::Send => Some(TubeStage::Sent),
        ScanStep::Receive => Some(TubeStage::Received),
    };
    let tube = || scan.barcode.as_ref().into();
    let body: FactBody = match stage {
        None => Sample { method: TestMethod::NucleicTest, lab: None, pool: Some(tube()), disease: None }.into(),
        Some(stage) => TubeStep {
            tube: tube(),
            stage,
            holds: scan.kind.map(|(holds, _)| holds),
            capacity: scan.kind.map(|(_, capacity)| capacity),
            round: scan.round.map(|round| round.to_string().into()),
            site: scan.site.clone().filter(|_| stage == TubeStage::Opened),
            container: scan.container.clone().filter(|_| stage == TubeStage::Sent),
            temperature: scan.temperature,
            lab: scan.lab.map(|lab| lab.to_string().as_str().into()),
        }
        .into(),
    };
    Addition {
        person: scan.person.filter(|_| scan.step == ScanStep::Swab),
        division: scan.division,
        happened: Happened::at(at),
        body,
        key: key_of(scan),
        channel: scan.channel,
    }
}

fn check(form: &ScanForm, actor: &Actor, is_page: bool, now: Instant) -> Result<(Scan, Option<PersonDraft>), Refusal> {
    let step = match form.step.as_str() {
        "open" => ScanStep::Open,
        "swab" => ScanStep::Swab,
        "seal" => ScanStep::Seal,
        "send" => ScanStep::Send,
        "receive" => ScanStep::Receive,
        _ => return Err(Refusal::field("step", "choose")),
    };
    let opens = step == ScanStep::Open;
    let draft = if step == ScanStep::Swab { Some(person(form, actor)?) } else { None };
    let scan = Scan {
        step,
        barcode: barcode("barcode", &form.barcode)?,
        division: actor.division,
        at: form.at.unwrap_or(now).min(now),
        kind: if opens { Some(kind(form)?) } else { None },
        round: match form.round.trim() {
            "" => None,
            id => Some(Uuid::try_parse(id).map_err(|_| Refusal::field("round", "choose"))?).filter(|_| opens),
        },
        site: text("site", &form.site)?,
        person: None,
        again: form.again == "yes",
        container: match form.container.trim() {
            "" => None,
            container => Some(barcode("container", container)?),
        },
        temperature: degrees(&form.temperature)?,
        lab: (step == ScanStep::Receive).then_some(actor.unit),
        channel: if is_page { Channel::Page } else { Channel::Api },
    };
    Ok((scan, draft))
}

/// What a label may hold: letters, digits and three signs, so that a scanner's stray key is noticed.
pub(super) fn barcode(field: &'static str, text: &str) -> Result<Box<str>, Refusal> {
    let text = text.trim();
    let fits = (4..=40).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if fits { Ok(text.into()) } else { Err(Refusal::field(field, "tube-barcode")) }
}

fn kind(form: &ScanForm) -> Result<(TubeUse, u32), Refusal> {
    let wrong = Refusal::field("capacity", "tube-capacity");
    let capacity: Option<u32> = form.capacity.trim().parse().ok();
    match (form.holds.as_str(), capacity) {
        ("single", _) => Ok((TubeUse::Single, 1)),
        ("pool", Some(capacity)) if POOL_SIZES.contains(&capacity) => Ok((TubeUse::Pool, capacity)),
        ("household", Some(capacity)) if (1..=HOUSEHOLD_MAX).contains(&capacity) => Ok((TubeUse::Household, capacity)),
        ("pool" | "household", _) => Err(wrong),
        _ => Err(Refusal::field("holds", "choose")),
    }
}

/// Who was scanned: by the number of a document, else by name and telephone.
fn person(form: &ScanForm, actor: &Actor) -> Result<PersonDraft, Refusal> {
    let who: String = form.who.split_whitespace().collect();
    let phones: Vec<Phone> = match form.phone.trim() {
        "" => Vec::new(),
        phone => vec![Phone::new(phone, PhoneRole::Own).map_err(|_| Refusal::field("phone", "sen-phone"))?],
    };
    let full_name = match form.name.trim() {
        "" => None,
        name => Some(checked_name("name", name)?.into()),
    };
    let name = if who.is_empty() {
        let (Some(name), [phone]) = (&full_name, &phones[..]) else {
            return Err(Refusal::field("who", "sample-who"));
        };
        PersonName::Code { scope: "name and telephone".into(), code: format!("{name} {}", phone.reveal()).into() }
    } else {
        let document =
            Document::new(DocumentKind::ResidentId, &who).or_else(|_| Document::new(DocumentKind::Passport, &who));
        PersonName::Document(document.map_err(|_| Refusal::field("who", "sen-document"))?)
    };
    Ok(PersonDraft { names: vec![name], full_name, phones, division: actor.division })
}

fn degrees(text: &str) -> Result<Option<f64>, Refusal> {
    match text.trim() {
        "" => Ok(None),
        text => text
            .parse()
            .ok()
            .filter(|degrees: &f64| (-90.0..=60.0).contains(degrees))
            .map(Some)
            .ok_or(Refusal::field("temperature", "box-temperature")),
    }
}
