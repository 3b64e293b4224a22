//! Stays on their way in: who, where, when, how it is known; checked one by one, each answered.

use std::sync::Arc;

use sizao_model::{
    DivisionCode, Instant, PersonId,
    draft::{PersonDraft, PersonName},
    fact::EvidenceKind,
    identity::Phone,
};
use sizao_presence::{STAY_MAX_S, Seat};
use sizao_store::{PlaceRecord, PresenceEntry, PresenceReceipt, PresenceRow, VaultPerson};

use super::{CodeFault, PlaceCode, TERM_DAYS, day_of, seconds};
use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, Purpose, can},
    identity::{Actor, named},
    mandates::Collection,
    names,
    refusal::Refusal,
};

/// Entries of one request at most.
pub const ENTRIES_MAX: usize = 100;
/// Longest key and longest name of a person that a sender gives, in characters.
const WORD_MAX: usize = 64;
/// Clocks may differ by so much.
const AHEAD_S: u32 = 300;
/// Nobody gets from one city to another in less; seconds.
const TRAVEL_S: u32 = 30 * 60;

named! {
    /// How a stay is known.
    Known {
        /// A place code was scanned (扫场所码).
        Scan = "scan",
        /// Somebody at the place wrote it down (人工登记).
        Register = "register",
        /// A row of a list: tickets, gates, attendance (名单).
        List = "list",
    }
}

impl Known {
    /// What kind of evidence it is: all of them leads until somebody confirms.
    pub const fn evidence(self) -> EvidenceKind {
        match self {
            Self::Scan => EvidenceKind::VenueScan,
            Self::Register | Self::List => EvidenceKind::ListRow,
        }
    }

    const fn code(self) -> u8 {
        self as u8 + 1
    }
}

named! {
    /// What makes a stay implausible. Such a row is kept for its term, is seen by nobody who looks for contacts, and is counted.
    Flag {
        /// The code was not the one that the place showed then: a picture that was sent on (非当时码).
        Stale = "stale",
        /// The person was in another city a moment before, or the device is in another county (异地扫码).
        Far = "far",
    }
}

impl Flag {
    const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// Those of a row.
    pub fn of(bits: u8) -> Vec<Self> {
        Self::ALL.into_iter().filter(|flag| bits & flag.bit() != 0).collect()
    }
}

/// Whose stay.
#[derive(Clone)]
pub enum Who {
    /// Somebody in the vault.
    Person(PersonId),
    /// By the sender's own name for them.
    Named {
        /// Who gave the name.
        scope: String,
        /// The name.
        name: String,
        /// As they say they are called.
        full_name: Option<String>,
        /// As they say they are reached.
        phone: Option<Phone>,
    },
}

/// A stay to put into the ledger.
#[derive(Clone)]
pub struct StayEntry {
    /// The sender's key: the same key is the same stay.
    pub key: String,
    /// Whose.
    pub who: Who,
    /// Number of the place.
    pub place: u32,
    /// When the person came.
    pub enter_s: u32,
    /// When the person left, where that is known.
    pub leave_s: Option<u32>,
    /// For a leaving alone: the key of the coming.
    pub of: Option<String>,
    /// How it is known.
    pub known: Known,
    /// What is implausible.
    pub flags: u8,
    /// Seat in the words of the wire.
    pub seat: Option<serde_json::Value>,
}

/// What a device sends: one scan of a code, or one leaving.
#[derive(Clone, Debug, Default)]
pub struct CheckIn {
    /// The sender's key.
    pub key: String,
    /// The sender's name for the person.
    pub person: String,
    /// What was scanned.
    pub code: String,
    /// When, by the sender's clock; now, if nothing is said.
    pub at: Option<Instant>,
    /// Where the device believes to be.
    pub near: Option<DivisionCode>,
    /// The person leaves: key of the coming.
    pub leaves: Option<String>,
    /// Seat, carriage, class.
    pub seat: Option<serde_json::Value>,
}

/// Why a stay is not taken. Each has a text in both languages under its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StayRefusal(pub &'static str);

impl StayRefusal {
    /// The rule and the cure, in English.
    pub const fn told(self) -> &'static str {
        match self.0.as_bytes() {
            b"key-unfit" => "key has 1 to 64 visible ASCII characters; give each stay a key of its own",
            b"person-unfit" => "person has 1 to 64 characters; give your own name of the person",
            b"code-forged" => "code was not made by this node; scan the code that the place shows",
            b"leave-before-enter" => "leave is before enter; check the two times, or the clock of the device",
            b"stay-long" => "a stay lasts 31 days at most; give the time of leaving",
            b"ahead" => "the time lies ahead by more than five minutes; set the clock of the device",
            b"past-term" => "the day is older than the ledger keeps, 21 days; it is not taken any more",
            b"place-unknown" => "place is not in the register; enter it first",
            b"other-content" => "key was used before with other content; give a new key",
            _ => "the stay cannot be read; see the description of the operation",
        }
    }
}

/// What became of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StayReceipt {
    /// It is in; the flags say what is implausible.
    Stored(Vec<Flag>),
    /// It was in before.
    Repeat,
    /// It is not in.
    Refused(StayRefusal),
}

/// One line of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedIn {
    /// The sender's key.
    pub key: String,
    /// What became of it.
    pub receipt: StayReceipt,
}

impl App {
    /// Takes scans of place codes in, each under a mandate in force for the actor's division; durable and in the index when
    /// this returns. A scan is a lead: it changes nobody's status.
    ///
    /// # Errors
    /// [`Refusal`] before anything is stored, [`AppError::Store`].
    pub async fn check_in(self: &Arc<Self>, actor: &Actor, sent: Vec<CheckIn>) -> Result<Vec<CheckedIn>, AppError> {
        can(actor, Action::SendScans, actor.division, Purpose::Reporting)?;
        if sent.is_empty() || sent.len() > ENTRIES_MAX {
            return Err(Refusal::field("scans", "scans-many").into());
        }
        self.require_mandate(Collection::Movement, actor.division).await?;
        let scope = format!("unit:{}", actor.unit);
        let now = self.now();
        let mut entries = Vec::with_capacity(sent.len());
        for one in &sent {
            entries.push(self.entry_of(one, &scope, actor.division, now).await?);
        }
        let receipts = self.take_entries(&scope, entries).await?;
        Ok(sent.into_iter().zip(receipts).map(|(one, receipt)| CheckedIn { key: one.key, receipt }).collect())
    }

    /// One person who scanned a code with their own telephone, without an account: what they say is a lead.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn visit(
        self: &Arc<Self>,
        code: &str,
        who: Who,
        key: &str,
    ) -> Result<(PlaceRecord, StayReceipt), AppError> {
        let now = self.now();
        let place = self.place_shown(code).await?;
        self.require_mandate(Collection::Movement, place.division).await?;
        let flags = self.code_flags(code, now)?;
        let entry = StayEntry {
            key: key.to_owned(),
            who,
            place: place.no,
            enter_s: seconds(now),
            leave_s: None,
            of: None,
            known: Known::Scan,
            flags,
            seat: None,
        };
        let receipt = self.take_entries("visit", vec![checked(entry, now)]).await?.pop();
        Ok((place, receipt.ok_or(AppError::Stopped("no receipt for a visit"))?))
    }

    /// The place whose code this is, however old; for the page that asks who comes.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a code that this node did not make, [`AppError::Store`].
    pub async fn place_shown(&self, code: &str) -> Result<PlaceRecord, AppError> {
        let code = self.read_code(code).map_err(|_| Refusal::NotFound)?;
        Ok(self.store().load_places(&[code.place]).await?.remove(&code.place).ok_or(Refusal::NotFound)?)
    }

    /// Somebody at a place writes down who came, without a telephone or with one.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn register_visit(
        self: &Arc<Self>,
        actor: &Actor,
        place: uuid::Uuid,
        entry: StayEntry,
        wall: Instant,
    ) -> Result<StayReceipt, AppError> {
        let place = self.own_place(actor, place).await?;
        self.require_mandate(Collection::Movement, place.division).await?;
        let told = Reason::of("register by hand");
        self.log_deed(actor, Action::KeepPlaces, Purpose::Reporting, None, told, wall).await?;
        let scope = format!("register:{}", actor.unit);
        let entry = checked(StayEntry { place: place.no, known: Known::Register, flags: 0, ..entry }, self.now());
        let receipt = self.take_entries(&scope, vec![entry]).await?.pop();
        receipt.ok_or(AppError::Stopped("no receipt for a visit"))
    }

    async fn entry_of(
        &self,
        one: &CheckIn,
        scope: &str,
        division: DivisionCode,
        now: Instant,
    ) -> Result<Result<StayEntry, StayRefusal>, AppError> {
        let at = one.at.unwrap_or(now);
        let code = match self.read_code(&one.code) {
            Ok(code) => code,
            Err(CodeFault::Forged) => return Ok(Err(StayRefusal("code-forged"))),
        };
        let Some(place) = self.place_division(code.place).await?.filter(|place| place.is_under(division)) else {
            return Ok(Err(StayRefusal("place-unknown")));
        };
        let county = |division: DivisionCode| division.to_string().chars().take(6).collect::<String>();
        let mut flags = if code.shown_at(at) { 0 } else { Flag::Stale.bit() };
        if one
            .near
            .is_some_and(|near| !county(near).starts_with(&county(place)) && !county(place).starts_with(&county(near)))
        {
            flags |= Flag::Far.bit();
        }
        let at_s = seconds(at);
        Ok(checked(
            StayEntry {
                key: one.key.clone(),
                who: Who::Named { scope: scope.to_owned(), name: one.person.clone(), full_name: None, phone: None },
                place: code.place,
                enter_s: at_s,
                leave_s: one.leaves.is_some().then_some(at_s),
                of: one.leaves.clone(),
                known: Known::Scan,
                flags,
                seat: one.seat.clone(),
            },
            now,
        ))
    }

    fn code_flags(&self, code: &str, at: Instant) -> Result<u8, AppError> {
        let code: PlaceCode = self.read_code(code).map_err(|_| Refusal::NotFound)?;
        Ok(if code.shown_at(at) { 0 } else { Flag::Stale.bit() })
    }

    /// Puts stays into the ledger; who calls has asked for rights and mandate. Receipts in order.
    ///
    /// - `scope`: who gives the keys.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn take_stays(
        self: &Arc<Self>,
        scope: &str,
        entries: Vec<StayEntry>,
    ) -> Result<Vec<StayReceipt>, AppError> {
        let now = self.now();
        self.take_entries(scope, entries.into_iter().map(|entry| checked(entry, now)).collect()).await
    }

    /// Puts checked entries into the ledger, in order; what is wrong with one costs that one.
    pub(super) async fn take_entries(
        self: &Arc<Self>,
        scope: &str,
        entries: Vec<Result<StayEntry, StayRefusal>>,
    ) -> Result<Vec<StayReceipt>, AppError> {
        let numbers = self.numbers_of(entries.iter().flatten()).await?;
        let mut receipts = Vec::with_capacity(entries.len());
        let mut rows = Vec::with_capacity(entries.len());
        let mut numbers = numbers.into_iter();
        for entry in entries {
            match entry {
                Err(refusal) => receipts.push(StayReceipt::Refused(refusal)),
                Ok(entry) => {
                    let person = numbers.next().expect("each entry has a person");
                    let mut flags = entry.flags;
                    if entry.of.is_none()
                        && entry.known == Known::Scan
                        && self.comes_from_afar(person, entry.place, entry.enter_s).await?
                    {
                        flags |= Flag::Far.bit();
                    }
                    receipts.push(StayReceipt::Stored(Flag::of(flags)));
                    rows.push(PresenceRow {
                        key: self.store().presence_key(scope, &entry.key),
                        day: day_of(entry.enter_s),
                        entry: PresenceEntry {
                            person,
                            place: entry.place,
                            enter_s: entry.enter_s,
                            leave_s: entry.leave_s,
                            of: entry.of.as_deref().map(|of| self.store().presence_key(scope, of)),
                            how: entry.known.code(),
                            flags,
                            seat: entry.seat.map(|seat| seat.to_string().into()),
                        },
                    });
                }
            }
        }
        let stored = self.put_rows(rows).await?;
        let waiting = receipts.iter_mut().filter(|receipt| matches!(receipt, StayReceipt::Stored(_)));
        for (receipt, stored) in waiting.zip(stored) {
            match stored {
                PresenceReceipt::Stored => {}
                PresenceReceipt::Repeat => *receipt = StayReceipt::Repeat,
                PresenceReceipt::Conflict => *receipt = StayReceipt::Refused(StayRefusal("other-content")),
            }
        }
        Ok(receipts)
    }

    /// Whether the person was in another city so shortly before that nobody gets here in that time.
    async fn comes_from_afar(&self, person: u32, place: u32, enter_s: u32) -> Result<bool, AppError> {
        let last = {
            let mut last = self.ledger.last_seen.lock().expect("no thread panics with it");
            if last.len() > super::REMEMBERED_MAX {
                last.clear();
            }
            last.insert(person, (place, enter_s))
        };
        let near = last.filter(|(before, at)| *before != place && at.abs_diff(enter_s) < TRAVEL_S);
        let Some((before, _)) = near else { return Ok(false) };
        let city = |division: DivisionCode| division.to_string().chars().take(4).collect::<String>();
        let (here, there) = (self.place_division(place).await?, self.place_division(before).await?);
        Ok(here.zip(there).is_some_and(|(here, there)| city(here) != city(there)))
    }

    /// Numbers of the people of some entries, in order; who is new to the vault goes into it.
    async fn numbers_of(&self, entries: impl Iterator<Item = &StayEntry>) -> Result<Vec<u32>, AppError> {
        let entries: Vec<&StayEntry> = entries.collect();
        let word = |who: &Who| match who {
            Who::Person(person) => *person,
            Who::Named { scope, name, .. } => {
                PersonName::Code { scope: scope.as_str().into(), code: name.as_str().into() }.provisional()
            }
        };
        let words: Vec<PersonId> = entries.iter().map(|entry| word(&entry.who)).collect();
        let missing: Vec<usize> = {
            let known = self.ledger.known.lock().expect("no thread panics with it");
            (0..words.len()).filter(|at| !known.contains_key(&words[*at])).collect()
        };
        if !missing.is_empty() {
            self.learn_people(&entries, &words, &missing).await?;
        }
        let known = self.ledger.known.lock().expect("no thread panics with it");
        words
            .iter()
            .map(|word| known.get(word).copied().ok_or(AppError::Stopped("a person of the ledger has no number")))
            .collect()
    }

    async fn learn_people(
        &self,
        entries: &[&StayEntry],
        words: &[PersonId],
        missing: &[usize],
    ) -> Result<(), AppError> {
        let now = self.now();
        let mut ids: Vec<(PersonId, PersonId)> = Vec::new();
        let mut new: Vec<(PersonId, VaultPerson)> = Vec::new();
        for &at in missing {
            match &entries[at].who {
                Who::Person(person) => ids.push((words[at], *person)),
                Who::Named { scope, name, full_name, phone } => {
                    let place = self.place_division(entries[at].place).await?;
                    let draft = PersonDraft {
                        names: vec![PersonName::Code { scope: scope.as_str().into(), code: name.as_str().into() }],
                        full_name: full_name.as_deref().map(Into::into),
                        phones: phone.iter().cloned().collect(),
                        division: place.unwrap_or(DivisionCode::HENAN),
                    };
                    new.push((words[at], VaultPerson { search_terms: names::search_terms(&draft), draft }));
                }
            }
        }
        let (keys, people): (Vec<PersonId>, Vec<VaultPerson>) = new.into_iter().unzip();
        let found = self.store().resolve_people(&people, now).await?;
        ids.extend(keys.into_iter().zip(found));
        let numbers = self.store().ledger_numbers(&ids.iter().map(|(_, id)| *id).collect::<Vec<_>>()).await?;
        let mut known = self.ledger.known.lock().expect("no thread panics with it");
        if known.len() > super::REMEMBERED_MAX {
            known.clear();
        }
        for (word, id) in ids {
            if let Some(number) = numbers.get(&id) {
                known.insert(word, *number);
            }
        }
        Ok(())
    }
}

/// What can be said of an entry without anything else.
pub(super) fn checked(entry: StayEntry, now: Instant) -> Result<StayEntry, StayRefusal> {
    let now_s = seconds(now);
    let fits = |word: &str| !word.is_empty() && word.chars().count() <= WORD_MAX && !word.chars().any(char::is_control);
    if !fits(&entry.key) || entry.of.as_deref().is_some_and(|of| !fits(of)) {
        return Err(StayRefusal("key-unfit"));
    }
    if matches!(&entry.who, Who::Named { name, .. } if !fits(name)) {
        return Err(StayRefusal("person-unfit"));
    }
    if let Some(leave_s) = entry.leave_s {
        if leave_s < entry.enter_s {
            return Err(StayRefusal("leave-before-enter"));
        }
        if leave_s - entry.enter_s > STAY_MAX_S {
            return Err(StayRefusal("stay-long"));
        }
    }
    if entry.enter_s.max(entry.leave_s.unwrap_or(0)) > now_s.saturating_add(AHEAD_S) {
        return Err(StayRefusal("ahead"));
    }
    if day_of(entry.leave_s.unwrap_or(entry.enter_s)) < now.day().plus_days(-TERM_DAYS) {
        return Err(StayRefusal("past-term"));
    }
    Ok(entry)
}

/// The seat of a row.
pub(super) fn seat_of(text: &str) -> Option<Seat> {
    serde_json::from_str(text).ok().map(|value| super::seat(&value))
}
