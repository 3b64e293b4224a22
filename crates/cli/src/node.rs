//! Opening the node that a command works on: its store, its key file, the system's clock and randomness.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use ed25519_dalek::SigningKey;
use sizao_app::{App, Rules};
use sizao_model::{Clock, Instant};
use sizao_store::{Entropy, MasterKey, Place, Store, StoreKind, from_hex, hex};

use crate::{args::NodeArgs, packs::Packs};

/// The system's clock: the only place where it is read.
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    fn now(&self) -> Instant {
        Instant::from_micros(jiff::Timestamp::now().as_microsecond())
    }
}

/// How long a piece of work takes, for the user who asked for it.
#[expect(clippy::disallowed_methods, reason = "a duration for a report; nothing is decided by it")]
pub fn stopwatch() -> std::time::Instant {
    std::time::Instant::now()
}

/// How long this thread had a processor, from some moment on; work of others does not count.
pub fn thread_time() -> Duration {
    clock(rustix::time::ClockId::ThreadCPUTime)
}

/// How long all threads of this process together had processors.
pub fn process_time() -> Duration {
    clock(rustix::time::ClockId::ProcessCPUTime)
}

fn clock(id: rustix::time::ClockId) -> Duration {
    let time = rustix::time::clock_gettime(id);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// The system's randomness.
pub fn entropy() -> Box<Entropy> {
    Box::new(|bytes: &mut [u8]| getrandom::fill(bytes).expect("the system has randomness"))
}

/// The keys of a node: the master key and the recorder's.
pub struct NodeKeys {
    pub master: MasterKey,
    pub recorder: SigningKey,
}

const RECORDER_PREFIX: &str = "sizao-recorder:";

impl NodeKeys {
    /// New keys.
    pub fn generate() -> Self {
        let mut entropy = entropy();
        let mut seed = [0; 32];
        entropy(&mut seed);
        Self { master: MasterKey::generate(1, &mut *entropy), recorder: SigningKey::from_bytes(&seed) }
    }

    /// Reads the key file, or the environment variable in its place. Where `init` was stopped before its last step, the file
    /// gets its name now.
    pub fn load(node: &NodeArgs) -> Result<Self> {
        if let Ok(text) = std::env::var("SIZAO_MASTER_KEY") {
            return Self::parse(&text);
        }
        let path = key_path(node);
        if !path.exists() && unfinished(&path).exists() {
            settle(&path)?;
        }
        let text = fs::read_to_string(&path).with_context(|| {
            format!(
                "the key file {} cannot be read. Give it with --key, or put it together with `sizao keys recover`",
                path.display()
            )
        })?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self> {
        let mut lines = text.split_whitespace();
        let master = MasterKey::parse(lines.next().unwrap_or_default())?;
        let recorder = lines.next().and_then(|line| line.strip_prefix(RECORDER_PREFIX)).and_then(from_hex);
        let recorder = match recorder.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) {
            Some(seed) => SigningKey::from_bytes(&seed),
            None => Self::generate().recorder,
        };
        Ok(Self { master, recorder })
    }

    /// Writes the key file, readable by its owner alone. An older one is kept beside it; at every moment one of the two is
    /// there whole.
    pub fn save(&self, node: &NodeArgs) -> Result<PathBuf> {
        let path = key_path(node);
        self.write(&unfinished(&path))?;
        if path.exists() {
            let old = path.with_extension(format!("key.before-{}", self.master.version()));
            fs::copy(&path, &old)
                .and_then(|_| fs::File::open(&old)?.sync_all())
                .with_context(|| format!("keeping the old key as {}", old.display()))?;
        }
        settle(&path)?;
        Ok(path)
    }

    fn write(&self, path: &Path) -> Result<()> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).with_context(|| format!("writing the key file {}", path.display()))?;
        let recorder = hex(self.recorder.as_bytes());
        file.write_all(format!("{}{RECORDER_PREFIX}{recorder}\n", *self.master.to_text()).as_bytes())?;
        file.sync_all()?;
        sync_names_beside(path)
    }
}

/// Where a key file stands until what it opens is there.
fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(".new");
    name.into()
}

/// Gives an unfinished key file its name.
fn settle(path: &Path) -> Result<()> {
    fs::rename(unfinished(path), path).with_context(|| format!("writing the key file {}", path.display()))?;
    sync_names_beside(path)
}

/// Makes the names in a file's folder durable: a synced file can lose its name in a power cut.
pub fn sync_names_beside(file: &Path) -> Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sync_names(folder)
}

/// Only Unix lets a folder be synced; elsewhere names are as durable as the system makes them.
fn sync_names(folder: &Path) -> Result<()> {
    if cfg!(unix) {
        let synced = fs::File::open(folder).and_then(|folder| folder.sync_all());
        synced.with_context(|| format!("syncing the folder {}", folder.display()))?;
    }
    Ok(())
}

/// Makes a folder and those above it, durably.
fn make_folder(folder: &Path) -> Result<()> {
    if folder.as_os_str().is_empty() || folder.exists() {
        return Ok(());
    }
    make_folder(folder.parent().unwrap_or(Path::new("")))?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("making the folder {}", folder.display()))
        }
        _ => sync_names_beside(folder),
    }
}

/// Where the key file is.
pub fn key_path(node: &NodeArgs) -> PathBuf {
    match (&node.key, Place::parse(&node.store)) {
        (Some(path), _) => path.clone(),
        (None, Place::Sqlite(path)) => {
            let mut name = path.into_os_string();
            name.push(".key");
            name.into()
        }
        (None, Place::Postgres(_)) => PathBuf::from("sizao.key"),
    }
}

/// Makes an empty store with new keys. The keys are on the disk before the store is, so that no store is ever without its
/// key; stopped half-way, the same order goes on where it stood.
pub async fn create(node: &NodeArgs, kind: StoreKind) -> Result<(Store, NodeKeys, PathBuf)> {
    let place = Place::parse(&node.store);
    let path = key_path(node);
    if path.exists() {
        bail!("there is a key file already at {}: move it away, or choose another with --key", path.display());
    }
    for file in [&path].into_iter().chain(match &place {
        Place::Sqlite(file) => Some(file),
        Place::Postgres(_) => None,
    }) {
        make_folder(file.parent().unwrap_or(Path::new("")))?;
    }
    let begun = fs::read_to_string(unfinished(&path)).ok().and_then(|text| NodeKeys::parse(&text).ok());
    let went_on = begun.is_some();
    let keys = begun.unwrap_or_else(NodeKeys::generate);
    if !went_on {
        keys.write(&unfinished(&path))?;
    }
    match Store::create(&place, kind, keys.master.clone(), entropy(), SystemClock.now()).await {
        Ok(store) => {
            settle(&path)?;
            Ok((store, keys, path))
        }
        Err(error) => {
            if !went_on {
                let _ = fs::remove_file(unfinished(&path));
            }
            Err(error.into())
        }
    }
}

/// Opens the store of the node.
pub async fn open_store(node: &NodeArgs) -> Result<(Store, NodeKeys)> {
    let keys = NodeKeys::load(node)?;
    let store = Store::open(&Place::parse(&node.store), keys.master.clone(), entropy()).await?;
    Ok((store, keys))
}

/// Puts the node together, with the packs that come with the program.
pub async fn open(node: &NodeArgs) -> Result<Arc<App>> {
    open_with(node, &[]).await
}

/// Puts the node together with the packs of these folders.
pub async fn open_with(node: &NodeArgs, packs: &[PathBuf]) -> Result<Arc<App>> {
    let rules = Packs::load(packs)?.into_rules();
    let (store, keys) = open_store(node).await?;
    assemble(store, &keys, Arc::new(SystemClock), rules).await
}

/// Puts a node together around an open store.
pub async fn assemble(store: Store, keys: &NodeKeys, clock: Arc<dyn Clock>, rules: Rules) -> Result<Arc<App>> {
    assemble_as(store, keys, clock, rules, "command line").await
}

/// The same, with the name under which facts are recorded.
pub async fn assemble_as(
    store: Store,
    keys: &NodeKeys,
    clock: Arc<dyn Clock>,
    rules: Rules,
    recorder: &str,
) -> Result<Arc<App>> {
    let app = App::new(store, clock, keys.recorder.clone(), recorder, rules).await?;
    // Segments lie beside a SQLite file; of a database somebody says where.
    if let Some(folder) = std::env::var_os("SIZAO_SEGMENTS") {
        app.keep_segments_in(folder.into());
    }
    Ok(Arc::new(app))
}

/// Reads a text file, with its name in the error.
pub fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}
