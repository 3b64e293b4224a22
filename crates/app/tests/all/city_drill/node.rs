//! A node that is started, stopped, killed and whose clock is wrong.

use std::{
    collections::BTreeMap,
    io::Cursor,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant as Watch},
};

use ed25519_dalek::SigningKey;
use sizao_app::{
    App, Rules,
    identity::{Actor, Role},
    imports::{ImportOrder, ImportReport, ImportWatcher, pump},
    loops::Fields,
};
use sizao_interop::{CsvImport, ImportError, Imported, Mapping, RowError, ndjson::FactImport};
use sizao_model::{Clock, DivisionCode, Instant};
use sizao_policy::{Pack, PackTimeline};
use sizao_store::{AccountRecord, LoopFilter, LoopQuery, Place, Receipt, Store, StoreKind, UnitRecord, sha256};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{Size, chaos::Chaos, deliveries::File};
use crate::support::{TestPlace, entropy, master};

/// Whose keys the lines have.
pub const SENDER: &str = "city";
const REGISTER: &str = include_str!("../../../../../mappings/city-people.toml");
const PACKS: [&str; 2] = ["cn-covid-v8", "ha-arrival-0322"];

pub fn zhengzhou() -> DivisionCode {
    DivisionCode::parse("4101").unwrap()
}

/// A clock that the drill moves, and puts wrong.
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Instant {
        Instant::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// What became of a file.
pub struct Took {
    pub report: ImportReport,
    pub answered: Vec<(u64, Receipt)>,
    pub refused: Vec<RowError>,
    pub size_before: u64,
}

/// Receipts by row, and rows handed back.
type Answers = (Vec<(u64, Receipt)>, Vec<RowError>);

#[derive(Clone, Default)]
struct Watcher(Arc<Mutex<Answers>>);

impl ImportWatcher for Watcher {
    fn committed(&mut self, _progress: sizao_app::imports::ImportProgress) {}

    fn refused(&mut self, row: &RowError) -> std::io::Result<()> {
        self.0.lock().unwrap().1.push(row.clone());
        Ok(())
    }

    fn answered(&mut self, row: u64, receipt: &Receipt) {
        self.0.lock().unwrap().0.push((row, *receipt));
    }
}

pub struct Node {
    place: Place,
    rules: Rules,
    app: Option<Arc<App>>,
    clock: Arc<Hand>,
    signer: SigningKey,
    starts: u64,
    appealed: Vec<sizao_model::FactId>,
    entries: u64,
    /// What happened, by name.
    pub told: BTreeMap<&'static str, u64>,
    /// Where the time went.
    pub spent: BTreeMap<&'static str, Duration>,
}

impl Node {
    pub async fn new(place: &TestPlace, size: Size, now: Instant) -> Self {
        let read = |id| format!("{}/../../policies/{id}/pack.toml", env!("CARGO_MANIFEST_DIR"));
        let texts = PACKS.map(|id| std::fs::read_to_string(read(id)).unwrap());
        let packs = PACKS.iter().zip(&texts).map(|(id, text)| Pack::from_toml(id, text).unwrap()).collect();
        let rules = Rules::new(PackTimeline::new(packs).unwrap(), &[&texts[0], &texts[1]]);
        let store = Store::create(&place.place, StoreKind::Drill, master(), entropy(size.seed), now).await.unwrap();
        for (id, kind, division) in [(1, "community", "4101"), (2, "headquarters", "4101"), (3, "headquarters", "41")] {
            let division = DivisionCode::parse(division).unwrap();
            let (id, name) = (Uuid::from_u128(id), format!("unit {id}"));
            let unit = UnitRecord { id, name, kind: kind.into(), division, made_at: now, closed_at: None };
            store.add_unit(&unit).await.unwrap();
        }
        for (id, role) in [(1, Role::CommunityWorker), (2, Role::AppealOfficer), (3, Role::Epidemiologist)] {
            let account = AccountRecord {
                id: Uuid::from_u128(id),
                unit: Uuid::from_u128(1),
                login: format!("account-{id}"),
                name: "drill".into(),
                role: role.name().into(),
                password: String::new(),
                totp: None,
                totp_step: 0,
                demo: false,
                made_at: now,
                closed_at: None,
            };
            assert!(store.add_account(&account).await.unwrap());
        }
        let clock = Arc::new(Hand(AtomicI64::new(now.as_micros())));
        let mut node = Self {
            place: place.place.clone(),
            rules,
            app: None,
            clock,
            signer: SigningKey::from_bytes(&[9; 32]),
            starts: size.seed << 20,
            appealed: Vec::new(),
            entries: 0,
            told: BTreeMap::new(),
            spent: BTreeMap::new(),
        };
        node.app = Some(node.assemble(store).await);
        node
    }

    async fn assemble(&self, store: Store) -> Arc<App> {
        Arc::new(App::new(store, self.clock.clone(), self.signer.clone(), "drill", self.rules.clone()).await.unwrap())
    }

    pub fn app(&self) -> &Arc<App> {
        self.app.as_ref().expect("the node runs")
    }

    pub fn tell(&mut self, name: &'static str, count: u64) {
        *self.told.entry(name).or_default() += count;
    }

    pub fn time(&mut self, name: &'static str, since: Watch) {
        *self.spent.entry(name).or_default() += since.elapsed();
    }

    /// The next hour; at times the clock is some minutes slow or fast.
    pub fn at(&mut self, hour: Instant, chaos: &mut Chaos) {
        let wrong = if chaos.one_in(12) { chaos.below(9) as i64 - 4 } else { 0 };
        self.tell("hours with a wrong clock", u64::from(wrong != 0));
        self.tell("hours", 1);
        self.clock.0.store(hour.plus_minutes(wrong).as_micros(), Ordering::Relaxed);
    }

    /// Away without a word, and started again.
    pub async fn restart(&mut self) {
        let started = Watch::now();
        self.tell("restarts", 1);
        drop(self.app.take());
        self.starts += 1;
        let mut tries = 0;
        let store = loop {
            match Store::open(&self.place, master(), entropy(self.starts)).await {
                Ok(store) => break store,
                // What the last process held goes with it, in its own time.
                Err(error) if tries > 500 => panic!("the store does not open again: {error}"),
                Err(_) => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        };
        self.app = Some(self.assemble(store).await);
        self.time("restarts", started);
    }

    pub async fn register(&mut self, register: &[u8]) {
        let mapping = Mapping::from_toml(REGISTER).unwrap();
        let order = order("register", register);
        let (to, rows) = mpsc::channel(2);
        let (bytes, now) = (register.to_vec(), self.app().now());
        let reader = tokio::task::spawn_blocking(move || {
            // Only who they are: the facts of the register come with the others.
            let rows = CsvImport::new(Cursor::new(bytes), &mapping, now)?.map(|row| {
                row.map(|row| match row {
                    Imported::Accepted(mut row) => {
                        row.facts.clear();
                        Imported::Accepted(row)
                    }
                    other => other,
                })
            });
            pump(rows, |_| 0, &to)
        });
        self.app().import(order, rows, ()).await.unwrap();
        reader.await.unwrap().unwrap();
    }

    pub async fn import(&mut self, file: &File) -> Took {
        let started = Watch::now();
        let (app, watcher) = (self.app().clone(), Watcher::default());
        let size_before = app.store().size().await.unwrap();
        let report = import(app, file, watcher.clone()).await.unwrap();
        let (answered, refused) = std::mem::take(&mut *watcher.0.lock().unwrap());
        self.tell("rows resumed", report.resumed_after);
        self.tell("files", 1);
        self.time("imports", started);
        Took { report, answered, refused, size_before }
    }

    /// Begins a file and is gone in the middle of it: half of its rows are in, and the import waits for more.
    pub async fn import_and_die(&mut self, file: &File) {
        self.tell("files cut off", 1);
        let app = self.app.take().expect("the node runs");
        let (bytes, half, now) = (file.bytes(), file.lines.len() / 2, app.now());
        let order = order(&file.name, &bytes);
        let (to, rows) = mpsc::channel(2);
        let importing = app.clone();
        let task = tokio::spawn(async move { importing.import(order, rows, ()).await.map(|_| ()) });
        let reader = tokio::task::spawn_blocking(move || {
            let rows = FactImport::new(Cursor::new(bytes), SENDER, zhengzhou(), now).take(half);
            pump(rows, |_| 0, &to).map(|()| to)
        });
        let kept_open = reader.await.unwrap().unwrap();
        let done = || async { app.store().import_state(&file.name).await.unwrap().map_or(0, |state| state.rows_done) };
        for _ in 0..500 {
            if half == 0 || done().await >= half as u64 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        task.abort();
        let _ = task.await;
        drop(kept_open);
    }

    /// What a node does by itself.
    pub async fn jobs(&mut self) {
        let started = Watch::now();
        let app = self.app().clone();
        app.catch_up(|_| {}).await.unwrap();
        let announced = app.announce_changes(app.now()).await.unwrap() as u64;
        let followed = app.follow_loops().await.unwrap();
        let lapsed = app.lapse_appeals().await.unwrap();
        for (name, count) in [
            ("changes announced", announced),
            ("releases", followed.released),
            ("releases without an exit test", followed.lapsed),
            ("loops given to a unit", followed.assigned),
            ("loops handed to the next level", followed.escalated),
            ("appeals lapsed for the person", lapsed),
        ] {
            self.tell(name, count);
        }
        self.time("jobs", started);
    }

    /// People at work: steps of loops, and appeals filed and decided.
    pub async fn act(&mut self, chaos: &mut Chaos) {
        let started = Watch::now();
        let app = self.app().clone();
        let now = app.now();
        let query = LoopQuery { within: DivisionCode::HENAN, filter: LoopFilter::Open, unit: None, now };
        let (open, refused) = app.store().list_loops(query, 0, 200).await.unwrap();
        assert_eq!(refused, 0, "a row of a loop does not fit its seal");
        let worker = actor(Role::CommunityWorker, 1, 1);
        for _ in 0..open.len().min(2) {
            let record = &open[chaos.below(open.len() as u64) as usize];
            let step = ["notified", "located", "identified", "under_control", "check", "need"][chaos.below(6) as usize];
            let fields = Fields {
                step: step.into(),
                rule: record.rule.clone(),
                of: record.opened_by.to_string(),
                basis: if step == "identified" { "document".into() } else { String::new() },
                site: if step == "located" { "home".into() } else { String::new() },
                temperature: if step == "check" { "36.6".into() } else { String::new() },
                need: if step == "need" { "medicine".into() } else { String::new() },
                ..Fields::default()
            };
            self.entries += 1;
            let key = format!("entry-{}", self.entries);
            // A loop may have gone since the list was drawn: then there is nothing to enter.
            let Ok(first) = app.enter_step(&worker, record.person, &fields, &key, now, now).await else { continue };
            let again = app.enter_step(&worker, record.person, &fields, &key, now, now).await.unwrap();
            assert!(again.repeated && again.fact == first.fact, "an entry sent twice is one fact");
            self.tell("steps entered by workers", 1);
        }
        if !open.is_empty() && chaos.one_in(10) {
            let record = &open[chaos.below(open.len() as u64) as usize];
            let key = format!("{}", self.entries);
            let filed = app.file_appeal(record.person, &record.rule, record.opened_by, "I was not there.", &key).await;
            if let Ok(filed) = filed {
                self.appealed.push(filed.fact);
                self.tell("appeals filed", 1);
            }
        }
        if !self.appealed.is_empty() && chaos.one_in(12) {
            let id = self.appealed.swap_remove(chaos.below(self.appealed.len() as u64) as usize);
            let outcome = ["upheld", "rejected"][chaos.below(2) as usize];
            let officer = actor(Role::AppealOfficer, 2, 2);
            let decided = app.decide_appeal(&officer, id, outcome, "Looked at the tickets again.", now).await;
            self.tell(
                if outcome == "upheld" { "appeals upheld" } else { "appeals rejected" },
                u64::from(decided.is_ok()),
            );
        }
        self.time("people at work", started);
    }
}

fn order(list: &str, bytes: &[u8]) -> ImportOrder {
    ImportOrder {
        list: list.to_owned(),
        sender: SENDER.to_owned(),
        file_digest: sha256(&[bytes]),
        mapping: String::new(),
        file_bytes: bytes.len() as u64,
        by: None,
    }
}

async fn import(
    app: Arc<App>,
    file: &File,
    watcher: impl ImportWatcher + 'static,
) -> Result<ImportReport, sizao_app::AppError> {
    let bytes = file.bytes();
    let order = order(&file.name, &bytes);
    let (to, rows) = mpsc::channel(2);
    let now = app.now();
    let reader = tokio::task::spawn_blocking(move || -> Result<(), ImportError> {
        pump(FactImport::new(Cursor::new(bytes), SENDER, zhengzhou(), now), |_| 0, &to)
    });
    let report = app.import(order, rows, watcher).await?;
    reader.await.unwrap()?;
    Ok(report)
}

/// Somebody who works in a unit of Zhengzhou.
pub fn actor(role: Role, unit: u128, account: u128) -> Actor {
    Actor {
        account: Uuid::from_u128(account),
        name: "drill".into(),
        role,
        unit: Uuid::from_u128(unit),
        unit_name: "drill".into(),
        division: zhengzhou(),
        demo: true,
        session: Uuid::from_u128(1),
        request: "drill".into(),
        scopes: None,
    }
}
