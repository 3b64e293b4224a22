//! A store with its key, the binary that works on it, and what is found in it.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::{Duration, Instant as Moment},
};

use serde_json::Value;
use sizao_model::{Fact, FactBody, FactId, Instant, happened::When};
use sizao_store::{MasterKey, Place, Store};
use sqlx::{AssertSqlSafe, PgPool};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::durability::list::List;

/// A program that waits so long for anything hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A store under test.
pub struct Node {
    /// Everything but the store itself: key and lists.
    pub folder: TempDir,
    /// Path or address of the store.
    pub store: String,
    key: PathBuf,
}

/// What a finished or killed import said.
#[derive(Debug)]
pub struct Said {
    /// Last row that it called committed.
    pub row: u64,
    pub status: ExitStatus,
    /// Its last line, when it came to an end.
    pub report: Option<Value>,
    pub errors: String,
}

impl Node {
    /// A new store on SQLite, alone in a folder of its own.
    pub fn sqlite() -> Self {
        Self::sqlite_unmade().initialised()
    }

    /// Where a store on SQLite may be made.
    pub fn sqlite_unmade() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store");
        fs::create_dir(&store).unwrap();
        Self::at(folder, store.join("sizao.db").display().to_string())
    }

    /// A new store in a database of its own; none without a server, which in CI is a failure.
    pub fn postgres() -> Option<Self> {
        Self::postgres_unmade().map(Self::initialised)
    }

    /// An empty database of its own.
    pub fn postgres_unmade() -> Option<Self> {
        let Ok(url) = std::env::var("SIZAO_TEST_POSTGRES") else {
            assert!(
                std::env::var_os("CI").is_none(),
                "CI runs every test on PostgreSQL: SIZAO_TEST_POSTGRES is not set"
            );
            println!("not run on PostgreSQL: SIZAO_TEST_POSTGRES is not set (make test starts a server)");
            return None;
        };
        Some(Self::on_server(&url))
    }

    /// A database of its own on this server.
    pub fn on_server(url: &str) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = format!("kill{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        runtime().block_on(async {
            let pool = PgPool::connect(url).await.unwrap();
            sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&pool).await.unwrap();
            pool.close().await;
        });
        let base = url.rsplit_once('/').unwrap().0;
        Self::at(tempfile::tempdir().unwrap(), format!("{base}/{name}"))
    }

    /// A place where no store was made yet.
    pub fn at(folder: TempDir, store: String) -> Self {
        let key = folder.path().join("test.key");
        Self { folder, store, key }
    }

    pub fn initialised(self) -> Self {
        let made = self.command(&["init"]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        self
    }

    /// The same key and lists with the store somewhere else.
    pub fn moved_to(self, store: String) -> Self {
        Self { store, ..self }
    }

    pub fn key_file(&self) -> &Path {
        &self.key
    }

    pub fn is_sqlite(&self) -> bool {
        matches!(Place::parse(&self.store), Place::Sqlite(_))
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sizao"));
        command.args(["--store", &self.store, "--json", "--key"]).arg(&self.key).args(args);
        command.env_remove("SIZAO_MASTER_KEY").env_remove("LD_PRELOAD").stdin(Stdio::null());
        command
    }

    pub fn import_command(&self, list: &List) -> Command {
        self.command(&["import", list.path.to_str().unwrap(), "--list", &list.name])
    }

    /// Runs a command that must end well; the last line that it prints.
    pub fn run(&self, args: &[&str]) -> Value {
        let output = self.command(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        last_line(&output.stdout)
    }

    /// Goes on to the end; the rows must come to the right count.
    pub fn finish(&self, list: &List, acknowledged: u64) {
        let said = Running::start(self.import_command(list)).wait();
        assert!(said.status.success(), "{said:?}");
        let report = said.report.unwrap();
        let number = |name: &str| report[name].as_u64().unwrap();
        assert_eq!((number("rows_accepted"), number("rows_rejected")), (list.rows, 0), "{report}");
        assert!(number("resumed_after_row") >= acknowledged, "row {acknowledged} was acknowledged: {report}");
        assert_eq!(number("facts_stored") + number("resumed_after_row"), list.rows, "{report}");
    }

    /// The log is sound and has these leaves; every assessment is current.
    pub fn check_sound(&self, leaves: u64) {
        let seen = self.run(&["log", "verify"]);
        assert_eq!((&seen["sound"], &seen["leaves"], &seen["bodies"]), (&true.into(), &leaves.into(), &leaves.into()));
        // The doctor also complains that there is no recovery kit, so that its exit code says nothing here.
        let doctor = last_line(&self.command(&["doctor"]).output().unwrap().stdout);
        let found = |what: &str| -> Vec<&str> {
            let checks = doctor["checks"].as_array().unwrap().iter();
            checks.filter(|check| check["what"] == what).map(|check| check["found"].as_str().unwrap()).collect()
        };
        assert_eq!(found("assessments"), [format!("0 of {leaves} facts are still to be assessed")]);
    }

    /// Looks for every acknowledged row, before anything goes on: the rows of each list that are in must be its
    /// beginning, up to where its import believes to be, each once, whole, with its references. Gives what is in.
    ///
    /// A SQLite store is looked at in a copy, so that the killed import finds its files as it left them.
    pub fn check_rows(&self, acknowledged: &[(&List, u64)]) -> Vec<u64> {
        let copy = self.is_sqlite().then(|| copy_of(Path::new(&self.store)));
        let place = match &copy {
            Some(folder) => Place::Sqlite(folder.path().join("sizao.db")),
            None => Place::parse(&self.store),
        };
        runtime().block_on(async {
            if let Place::Postgres(url) = &place {
                wait_for_others(url).await;
            }
            let store = self.open(&place).await;
            let lists: Vec<&List> = acknowledged.iter().map(|(list, _)| *list).collect();
            let counts = count_rows(&store, &lists).await;
            for ((list, row), count) in acknowledged.iter().zip(&counts) {
                let state = store.import_state(&list.name).await.unwrap();
                assert_eq!(state.map_or(0, |state| state.rows_done), *count, "where {} believes to be", list.name);
                assert!(count >= row, "row {row} of {} was acknowledged, only {count} are in", list.name);
            }
            store.close().await;
            counts
        })
    }

    /// How many rows are in a store that has lost some, whatever was acknowledged.
    pub fn rows_left(&self, list: &List) -> u64 {
        self.look(async |store| count_rows(store, &[list]).await[0])
    }

    /// Every fact, in the order of the log.
    pub fn facts(&self) -> Vec<Fact> {
        let stored = self.look(async |store| store.load_leaves(0, u64::MAX >> 1).await.unwrap());
        stored.into_iter().map(|stored| stored.fact).collect()
    }

    fn look<T>(&self, look: impl AsyncFnOnce(&Store) -> T) -> T {
        runtime().block_on(async {
            let store = self.open(&Place::parse(&self.store)).await;
            let seen = look(&store).await;
            store.close().await;
            seen
        })
    }

    async fn open(&self, place: &Place) -> Store {
        let entropy = Box::new(|_: &mut [u8]| panic!("looking needs no randomness"));
        Store::open(place, self.master(), entropy).await.unwrap()
    }

    fn master(&self) -> MasterKey {
        let text = fs::read_to_string(&self.key).unwrap();
        MasterKey::parse(text.lines().next().unwrap()).unwrap()
    }
}

/// Rows of each list that are in the log: the beginning of the list, each once.
async fn count_rows(store: &Store, lists: &[&List]) -> Vec<u64> {
    let facts = store.load_leaves(0, u64::MAX >> 1).await.unwrap();
    assert_eq!(facts.len() as u64, store.size().await.unwrap(), "facts and leaves");
    let row_of = |happened: Instant| -> (usize, u64) {
        let places = lists.iter().enumerate().filter_map(|(at, list)| Some((at, list.row_at(happened)?)));
        let [place] = places.collect::<Vec<_>>()[..] else { panic!("{happened} belongs to no list") };
        place
    };
    let mut rows: HashMap<(usize, u64), FactId> = HashMap::new();
    let mut samples: Vec<((usize, u64), FactId)> = Vec::new();
    for (leaf, stored) in (0..).zip(&facts) {
        assert_eq!(stored.leaf, leaf, "no gap");
        let When::At(happened) = stored.fact.happened.when else { panic!("every row has an instant") };
        let (list, row) = row_of(happened);
        assert!(rows.insert((list, row), stored.fact.id).is_none(), "row {row} is there twice");
        if let FactBody::TestResult(result) = &stored.fact.body {
            samples.push(((list, List::sample_of(row).unwrap()), result.sample.unwrap()));
        }
    }
    for (place, id) in samples {
        assert_eq!(rows.get(&place), Some(&id), "a result names the sample of its row");
    }
    let count = |at: usize| -> u64 {
        let count = rows.keys().filter(|(list, _)| *list == at).count() as u64;
        assert!((1..=count).all(|row| rows.contains_key(&(at, row))), "the rows that are in are the first ones");
        count
    };
    (0..lists.len()).map(count).collect()
}

/// A program that was started and says how far it is.
pub struct Running {
    child: Mutex<Child>,
    lines: mpsc::Receiver<Value>,
    reader: JoinHandle<String>,
    row: u64,
    report: Option<Value>,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (to, lines) = mpsc::channel();
        let (out, mut errors) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(out).lines() {
                // A line that was cut short acknowledges nothing.
                if let Some(said) = line.ok().and_then(|line| serde_json::from_str(&line).ok()) {
                    let _ = to.send(said);
                }
            }
            let mut text = String::new();
            let _ = errors.read_to_string(&mut text);
            text
        });
        Self { child: Mutex::new(child), lines, reader, row: 0, report: None }
    }

    /// Waits until this row is committed, or the program ends.
    pub fn until_row(&mut self, row: u64) {
        let patience = Moment::now() + PATIENCE;
        while self.row < row {
            let Ok(said) = self.lines.recv_timeout(patience.saturating_duration_since(Moment::now())) else { return };
            self.hear(said);
        }
    }

    /// Stops it as the system would: no handler, no last word.
    pub fn kill(self) -> Said {
        let _ = self.child.lock().unwrap().kill();
        self.wait()
    }

    pub fn wait(mut self) -> Said {
        let status = self.child.get_mut().unwrap().wait().unwrap();
        let errors = self.reader.join().unwrap();
        let heard: Vec<Value> = self.lines.try_iter().collect();
        let (mut row, mut report) = (self.row, self.report);
        for said in heard {
            hear(&mut row, &mut report, said);
        }
        Said { row, status, report, errors }
    }

    fn hear(&mut self, said: Value) {
        hear(&mut self.row, &mut self.report, said);
    }
}

fn hear(row: &mut u64, report: &mut Option<Value>, said: Value) {
    match said["committed"]["row"].as_u64() {
        Some(committed) => *row = committed,
        None => *report = Some(said),
    }
}

/// A copy of a SQLite store as its process left it. The file of shared memory is not part of it: SQLite makes it anew.
fn copy_of(store: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for end in ["", "-wal"] {
        let name = format!("{}{end}", store.display());
        if Path::new(&name).exists() {
            fs::copy(&name, copy.path().join(format!("sizao.db{end}"))).unwrap();
        }
    }
    copy
}

/// The server may still be at the last transaction of a client that was killed.
async fn wait_for_others(url: &str) {
    let pool = PgPool::connect(url).await.unwrap();
    let query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
                 AND application_name = 'sizao'";
    let patience = Moment::now() + PATIENCE;
    while sqlx::query_scalar::<_, i64>(query).fetch_one(&pool).await.unwrap() > 0 {
        assert!(Moment::now() < patience, "a client that was killed is still at work");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    pool.close().await;
}

pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn last_line(out: &[u8]) -> Value {
    let text = str::from_utf8(out).unwrap();
    serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap_or_else(|_| panic!("not JSON: {text}"))
}
