//! The ledger of stays (停留台账): who was at which place when, asked in milliseconds, kept for its term and no longer.
//!
//! Truth is in the store: rows of the live day, and a manifest of sealed segments for closed days. What is in memory is
//! built from these at the first use and follows each row that is committed. A row never is a fact and changes nobody's
//! status; what a tracer confirms of it becomes an exposure (`case_file`).

mod closing;
mod codes;
mod desk;
mod intake;
mod lists;
mod register;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, RwLock},
};

use rustc_hash::{FxHashMap, FxHashSet};
use sizao_model::{CivilDay, DivisionCode, Instant, PersonId};
use sizao_presence::{
    DaySegment, Ledger, PersonNo, PlaceNo, ReportedStay, STAY_MAX_S, Seat, Setting, Settings, Span, Stay, Vehicle, View,
};
pub use sizao_store::PlaceRecord;
use sizao_store::{Place, PresenceKey, PresenceRow, SegmentRecord};
use sizao_warehouse::{SegmentKey, read_segment};
use tokio::sync::OnceCell;

pub use self::{
    closing::{ClosedDay, DroppedDay, ExportedStays},
    codes::{CODE_SECONDS, CodeFault, PlaceCode},
    intake::{CheckIn, CheckedIn, ENTRIES_MAX, Flag, Known, StayEntry, StayReceipt, StayRefusal, Who},
    lists::{ListReport, StayList},
    register::{NewPlace, PLACE_KINDS, PlaceKind, place_words},
};
use crate::{App, AppError};

/// A stay without an end lasts so long at most; seconds.
pub const OPEN_CAP_S: u32 = 4 * 3_600;
/// Days are kept for so long after they ended: the longest observation of the packs.
pub const TERM_DAYS: i32 = 21;

/// The ledger in memory, and the desk at which rows come in.
#[derive(Default)]
pub(crate) struct LedgerDesk {
    live: OnceCell<RwLock<Live>>,
    folder: std::sync::OnceLock<PathBuf>,
    pub(super) desk: desk::Desk,
    /// Held by whoever closes or drops days.
    pub(super) closing: tokio::sync::Mutex<()>,
    /// Numbers of people by the words of their senders.
    pub(super) known: Mutex<FxHashMap<PersonId, u32>>,
    /// Where places are.
    pub(super) places: Mutex<FxHashMap<u32, DivisionCode>>,
    /// Place and time of the last scan of a person, for what nobody can have done.
    pub(super) last_seen: Mutex<FxHashMap<u32, (u32, u32)>>,
}

/// Entries of a memory that can be thrown away.
const REMEMBERED_MAX: usize = 2_000_000;

/// What is asked.
pub(crate) struct Live {
    ledger: Ledger,
    settings: Arc<Settings>,
    /// Comings of the live day without a leaving of their own.
    open: FxHashMap<PresenceKey, (u32, u32, u32)>,
    /// Latest leaving of a coming.
    left: FxHashMap<PresenceKey, u32>,
    /// Comings of the live day, by person, place and second, whose leaving is known.
    closed: FxHashSet<(u32, u32, u32)>,
    /// Rows that are no plausible presence, and leavings of nothing.
    pub(super) set_aside: u64,
}

/// How much there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerState {
    /// Stays, each merged one counted once.
    pub stays: u64,
    /// Stays without an end.
    pub open: u64,
    /// People with a stay.
    pub people: u64,
    /// Bytes in memory.
    pub bytes: u64,
    /// Rows of the live day that were set aside as implausible.
    pub set_aside: u64,
    /// Segments.
    pub segments: Vec<SegmentRecord>,
}

impl Live {
    fn new(ledger: Ledger) -> Self {
        let (open, left, closed) = Default::default();
        Self { ledger, settings: Arc::default(), open, left, closed, set_aside: 0 }
    }

    /// Takes a committed row in; rows may come in any order, each once.
    pub(super) fn apply(&mut self, row: &PresenceRow) -> Result<(), AppError> {
        let entry = &row.entry;
        if entry.flags != 0 {
            self.set_aside += 1;
            return Ok(());
        }
        let (person, place) = (PersonNo(entry.person), PlaceNo(entry.place));
        if let Some(of) = entry.of {
            let leave_s = entry.leave_s.unwrap_or(entry.enter_s);
            let before = self.left.insert(of, leave_s);
            if let Some(before) = before {
                self.left.insert(of, before.max(leave_s));
            }
            let Some(&coming) = self.open.get(&of) else { return Ok(()) };
            return self.leave(coming, leave_s);
        }
        if let Some(seat) = entry.seat.as_deref().and_then(intake::seat_of) {
            let until_s = entry.leave_s.unwrap_or(entry.enter_s.saturating_add(OPEN_CAP_S));
            let span = Span { from_s: entry.enter_s, until_s };
            Arc::make_mut(&mut self.settings).set_seat(place, person, span, seat);
        }
        if entry.leave_s.is_some() {
            return Ok(self.ledger.record(ReportedStay {
                person,
                place,
                enter_s: entry.enter_s,
                leave_s: entry.leave_s,
            })?);
        }
        let coming = (entry.person, entry.place, entry.enter_s);
        self.open.insert(row.key, coming);
        if !self.closed.contains(&coming) {
            self.ledger.record(ReportedStay { person, place, enter_s: entry.enter_s, leave_s: None })?;
        }
        match self.left.get(&row.key) {
            Some(&leave_s) => self.leave(coming, leave_s),
            None => Ok(()),
        }
    }

    /// Ends a stay; of two ends that were told, the later counts.
    fn leave(&mut self, coming: (u32, u32, u32), leave_s: u32) -> Result<(), AppError> {
        let (person, place, enter_s) = (PersonNo(coming.0), PlaceNo(coming.1), coming.2);
        if leave_s < enter_s {
            return Ok(());
        }
        if self.closed.insert(coming) {
            return Ok(self.ledger.record_leaving(Stay { person, place, enter_s, leave_s })?);
        }
        Ok(self.ledger.record(ReportedStay { person, place, enter_s, leave_s: Some(leave_s) })?)
    }

    fn sit(&mut self, row: &PresenceRow) {
        let (entry, day_s) = (&row.entry, 86_400);
        if let Some(seat) = entry.seat.as_deref().and_then(intake::seat_of) {
            let span = Span { from_s: entry.enter_s, until_s: entry.leave_s.unwrap_or(entry.enter_s + day_s) };
            let settings = Arc::make_mut(&mut self.settings);
            settings.set_seat(PlaceNo(entry.place), PersonNo(entry.person), span, seat);
        }
    }

    pub(super) fn place_is(&mut self, place: u32, kind: &str) {
        if let Some(setting) = setting_of(kind) {
            Arc::make_mut(&mut self.settings).set_place(PlaceNo(place), setting);
        }
    }
}

/// The rule of exposure for a kind of place; a plain venue has none of its own.
fn setting_of(kind: &str) -> Option<Setting> {
    Some(match kind {
        "household" => Setting::Household,
        "school" => Setting::School,
        "aircraft" => Setting::Vehicle(Vehicle::Aircraft),
        "sealed_train" => Setting::Vehicle(Vehicle::SealedTrain),
        "ordinary_train" => Setting::Vehicle(Vehicle::OrdinaryTrain),
        "sealed_coach" => Setting::Vehicle(Vehicle::SealedCoach),
        "ventilated_coach" => Setting::Vehicle(Vehicle::VentilatedCoach),
        "ship" => Setting::Vehicle(Vehicle::Ship),
        _ => return None,
    })
}

impl App {
    /// Says where segments are kept; before the ledger is first used. Without it: beside the store's file.
    pub fn keep_segments_in(&self, folder: PathBuf) {
        // Said once: the first word counts.
        let _ = self.ledger.folder.set(folder);
    }

    /// Where segments are kept.
    pub fn segments_folder(&self) -> PathBuf {
        self.ledger.folder.get().cloned().unwrap_or_else(|| match self.store().place() {
            Place::Sqlite(path) => {
                let mut name = path.as_os_str().to_owned();
                name.push(".segments");
                name.into()
            }
            Place::Postgres(_) => PathBuf::from("sizao.segments"),
        })
    }

    /// The ledger in memory, built at the first use.
    pub(crate) async fn live(&self) -> Result<&RwLock<Live>, AppError> {
        self.ledger.live.get_or_try_init(async || Ok(RwLock::new(self.build_ledger().await?))).await
    }

    /// Stays as they are now, with the settings of places and seats.
    pub(crate) async fn ledger_view(&self, now: Instant) -> Result<(View, Arc<Settings>), AppError> {
        let live = self.live().await?.read().expect("no thread panics with it");
        Ok((live.ledger.view(seconds(now))?, live.settings.clone()))
    }

    /// The whole ledger in memory, for comparisons: every stay at a moment, by person, place and time.
    ///
    /// # Errors
    /// [`AppError`].
    pub async fn ledger_stays(&self, now: Instant) -> Result<Vec<Stay>, AppError> {
        Ok(self.ledger_view(now).await?.0.stays())
    }

    /// The same built from store and segments, whatever is in memory.
    ///
    /// # Errors
    /// [`AppError`].
    pub async fn ledger_stays_from_scratch(&self, now: Instant) -> Result<Vec<Stay>, AppError> {
        Ok(self.build_ledger().await?.ledger.view(seconds(now))?.stays())
    }

    /// How much there is.
    ///
    /// # Errors
    /// [`AppError`].
    pub async fn ledger_state(&self) -> Result<LedgerState, AppError> {
        let (view, _) = self.ledger_view(self.now()).await?;
        let live = self.live().await?.read().expect("no thread panics with it").set_aside;
        let open = self.live().await?.read().expect("no thread panics with it").ledger.open_count();
        Ok(LedgerState {
            stays: view.stay_count() as u64,
            open: open as u64,
            people: view.person_count() as u64,
            bytes: view.bytes() as u64,
            set_aside: live,
            segments: self.store().list_segments().await?,
        })
    }

    async fn build_ledger(&self) -> Result<Live, AppError> {
        let closed = self.read_segments().await?;
        let mut live = tokio::task::spawn_blocking(move || -> Result<Live, AppError> {
            Ok(Live::new(Ledger::from_segments(closed, OPEN_CAP_S, STAY_MAX_S)?))
        })
        .await
        .map_err(|_| AppError::Stopped("the index of the ledger could not be built"))??;
        self.add_live(&mut live).await?;
        Ok(live)
    }

    /// Adds places, seats and the rows of the live day to closed days.
    async fn add_live(&self, live: &mut Live) -> Result<(), AppError> {
        for (place, kind) in self.store().place_kinds(register::PLAIN).await? {
            live.place_is(place, &kind);
        }
        self.store().load_seats().await?.iter().for_each(|row| live.sit(row));
        self.store().load_presence().await?.iter().try_for_each(|row| live.apply(row))
    }

    /// The stays of every segment of the manifest; each must have the digest that the log names.
    async fn read_segments(&self) -> Result<Vec<DaySegment>, AppError> {
        let records = self.store().list_segments().await?;
        self.check_digests(&records).await?;
        let folder = self.segments_folder();
        let mut segments = Vec::with_capacity(records.len());
        for record in records {
            let key = SegmentKey::new(self.store().segment_secret(record.day).await?);
            let path = folder.join(&record.file);
            let read = tokio::task::spawn_blocking(move || read_segment(&path, &key, Some(record.digest))).await;
            let stays = read.map_err(|_| AppError::Stopped("the reader of segments ended"))??;
            let stays = stays.into_iter().map(|stay| Stay {
                person: PersonNo(stay.person),
                place: PlaceNo(stay.place),
                enter_s: stay.enter_s,
                leave_s: stay.leave_s,
            });
            segments.push(DaySegment::new(seconds(record.day.plus_days(1).start()), stays.collect()));
        }
        Ok(segments)
    }

    /// The manifest is a table; what it names must be what the log names.
    async fn check_digests(&self, records: &[SegmentRecord]) -> Result<(), AppError> {
        let leaves: Vec<u64> = records.iter().map(|record| record.leaf).collect();
        let (facts, _) = self.store().load_at(&leaves).await?;
        for record in records {
            let told = facts.iter().find(|fact| fact.leaf == record.leaf).and_then(|stored| match &stored.fact.body {
                sizao_model::FactBody::LedgerDay(day) => Some((day.day, day.part, day.digest.to_string())),
                _ => None,
            });
            if told != Some((record.day, record.part, sizao_store::hex(&record.digest))) {
                return Err(AppError::OtherSegment { file: record.file.clone() });
            }
        }
        Ok(())
    }
}

/// Whole seconds since 1970.
pub(crate) fn seconds(at: Instant) -> u32 {
    u32::try_from(at.as_micros().div_euclid(1_000_000)).unwrap_or(if at.as_micros() < 0 { 0 } else { u32::MAX })
}

/// The moment of whole seconds.
pub(crate) fn moment(seconds: u32) -> Instant {
    Instant::from_micros(i64::from(seconds) * 1_000_000)
}

/// The civil day of a second.
pub(crate) fn day_of(seconds: u32) -> CivilDay {
    moment(seconds).day()
}

/// A seat in the words of the wire.
pub(crate) fn seat(value: &serde_json::Value) -> Seat {
    let text = |key: &str| match &value[key] {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let number = |key: &str| text(key).and_then(|text| text.parse().ok());
    Seat {
        crew: value["role"] == "crew",
        soft_sleeper: value["seat_type"] == "soft_sleeper",
        row: number("row"),
        bay: number("bay"),
        carriage: text("carriage"),
        compartment: text("compartment"),
        cabin: text("cabin"),
        zone: text("zone"),
        class: text("class"),
    }
}
