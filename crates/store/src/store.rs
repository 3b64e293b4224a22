//! Opening and making stores.

use std::{
    fs::{File, TryLockError},
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Mutex,
};

use sizao_model::Instant;
use uuid::Uuid;

use crate::{
    db::{Db, Either, commit, on},
    error::StoreError,
    keys::{Entropy, Keys, MasterKey, random},
    log::checkpoint,
    merkle::Frontier,
    migrate,
};

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A SQLite file; one process owns it.
    Sqlite(PathBuf),
    /// A PostgreSQL database; several processes may share it.
    Postgres(String),
}

impl Place {
    /// `postgres://…` is a database, anything else a file.
    pub fn parse(text: &str) -> Self {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            Self::Postgres(text.to_owned())
        } else {
            Self::Sqlite(text.into())
        }
    }

    /// To show: the file, or the database's address without its password.
    pub fn shown(&self) -> String {
        match self {
            Self::Sqlite(path) => path.display().to_string(),
            Self::Postgres(url) => match (url.find("://"), url.rfind('@')) {
                (Some(scheme), Some(at)) if scheme + 3 < at => format!("{}…{}", &url[..scheme + 3], &url[at..]),
                _ => url.clone(),
            },
        }
    }
}

/// What a store is for. Only demo and drill stores may have simulated times of recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// Real people.
    Real,
    /// Published or invented data, to look at.
    Demo,
    /// An exercise (演练).
    Drill,
}

impl StoreKind {
    /// The word in the store and on pages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Demo => "demo",
            Self::Drill => "drill",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Real, Self::Demo, Self::Drill].into_iter().find(|kind| kind.name() == name)
    }

    /// Whether times of recording may come from the data.
    pub const fn has_simulated_clock(self) -> bool {
        !matches!(self, Self::Real)
    }
}

/// An open store.
pub struct Store {
    pub(crate) db: Db,
    pub(crate) keys: Keys,
    pub(crate) place: Place,
    pub(crate) entropy: Mutex<Box<Entropy>>,
    pub(crate) caches: crate::facts::Caches,
    id: Uuid,
    kind: StoreKind,
    _lock: Option<File>,
}

impl Store {
    /// Makes an empty store and opens it.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when there is one already; [`StoreError::Locked`], [`StoreError::Database`].
    pub async fn create(
        place: &Place,
        kind: StoreKind,
        master: MasterKey,
        mut entropy: Box<Entropy>,
        now: Instant,
    ) -> Result<Self, StoreError> {
        let lock = match place {
            // A store that is being made has its lock beside it: any other file is not ours.
            Place::Sqlite(path) if path.exists() && !lock_file(path).exists() => {
                return Err(StoreError::Exists { place: place.shown() });
            }
            Place::Sqlite(path) => Some(lock(path)?),
            Place::Postgres(_) => None,
        };
        let db = connect(place, true).await?;
        if migrate::version(&db).await? > 0 && meta(&db, "store_id").await?.is_some() {
            return Err(StoreError::Exists { place: place.shown() });
        }
        migrate::migrate(&db).await?;
        let keys = Keys::create(&db, master, &mut *entropy).await?;
        let id = Uuid::from_slice(&random(&mut *entropy)[..16]).expect("a UUID has sixteen bytes");
        write_beginning(&db, &keys, id, kind, now).await?;
        Self::assemble(db, keys, place.clone(), entropy, lock).await
    }

    /// Opens a store and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Locked`], [`StoreError::Newer`], [`StoreError::Keys`],
    /// [`StoreError::Database`].
    pub async fn open(place: &Place, master: MasterKey, entropy: Box<Entropy>) -> Result<Self, StoreError> {
        let lock = match place {
            Place::Sqlite(path) if !path.exists() => return Err(StoreError::Missing { path: path.clone() }),
            Place::Sqlite(path) => Some(lock(path)?),
            Place::Postgres(_) => None,
        };
        let db = connect(place, false).await?;
        if migrate::version(&db).await? == 0 {
            return Err(StoreError::Missing { path: PathBuf::from(place.shown()) });
        }
        migrate::migrate(&db).await?;
        let keys = Keys::open(&db, master).await?;
        Self::assemble(db, keys, place.clone(), entropy, lock).await
    }

    async fn assemble(
        db: Db,
        keys: Keys,
        place: Place,
        entropy: Box<Entropy>,
        lock: Option<File>,
    ) -> Result<Self, StoreError> {
        let meta = |name: &'static str| meta(&db, name);
        let damaged = || StoreError::Keys("the store does not say which store it is".to_owned());
        let id = meta("store_id").await?.and_then(|text| Uuid::try_parse(&text).ok()).ok_or_else(damaged)?;
        let kind = meta("kind").await?.and_then(|text| StoreKind::parse(&text)).ok_or_else(damaged)?;
        let caches = crate::facts::Caches::default();
        Ok(Self { db, keys, place, entropy: Mutex::new(entropy), caches, id, kind, _lock: lock })
    }

    /// Random id of this store; part of every checkpoint.
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// What it is for.
    pub const fn kind(&self) -> StoreKind {
        self.kind
    }

    /// Where it is.
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// A note about the store itself, such as where its recovery kit was made.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn note(&self, name: &'static str) -> Result<Option<String>, StoreError> {
        meta(&self.db, name).await
    }

    /// Keeps a note about the store itself.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn set_note(&self, name: &'static str, value: &str) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query("INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
                .bind(name).bind(value).execute(&mut **tx).await?;
        });
        commit(tx).await
    }

    /// Locks the working keys with another master key. Facts are not touched.
    ///
    /// # Errors
    /// [`StoreError::Keys`], [`StoreError::Database`].
    pub async fn rotate_master_key(&self, new: MasterKey) -> Result<(), StoreError> {
        self.keys.rotate(&self.db, new).await
    }

    /// Version of the master key in use.
    pub fn master_key_version(&self) -> u32 {
        self.keys.master().version()
    }

    /// Settings of every connection that durability rests on, as the engine reports them: name and value.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn durability_settings(&self) -> Result<Vec<(&'static str, String)>, StoreError> {
        Ok(match self.db.writer() {
            Either::Sqlite(pool) => {
                let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(pool).await?;
                let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(pool).await?;
                let secure: i64 = sqlx::query_scalar("PRAGMA secure_delete").fetch_one(pool).await?;
                vec![
                    ("synchronous", if synchronous == 2 { "full".to_owned() } else { synchronous.to_string() }),
                    ("journal_mode", journal),
                    ("secure_delete", secure.to_string()),
                ]
            }
            Either::Postgres(pool) => {
                let show = async |name: &'static str| -> Result<String, StoreError> {
                    Ok(sqlx::query_scalar("SELECT current_setting($1)").bind(name).fetch_one(pool).await?)
                };
                vec![
                    ("synchronous_commit", show("synchronous_commit").await?),
                    ("fsync", show("fsync").await?),
                    ("full_page_writes", show("full_page_writes").await?),
                ]
            }
        })
    }

    /// Writes everything to the main file and closes.
    pub async fn close(self) {
        // Best effort: the write-ahead log is as durable as the file.
        let _ = self.db.empty_log().await;
        self.db.close().await;
    }

    /// The clock of the database, where that may be another machine's: PostgreSQL.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn clock_of_database(&self) -> Result<Option<Instant>, StoreError> {
        match self.db.reader() {
            Either::Sqlite(_) => Ok(None),
            Either::Postgres(pool) => {
                let select = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)";
                let micros: i64 = sqlx::query_scalar(select).fetch_one(pool).await?;
                Ok(Some(Instant::from_micros(micros)))
            }
        }
    }

    /// A random number, for things that say nothing by their number.
    pub fn random_id(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.random_bytes::<16>()).into_uuid()
    }

    pub(crate) fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.entropy.lock().expect("no thread panics with it"))(&mut bytes);
        bytes
    }
}

async fn connect(place: &Place, create: bool) -> Result<Db, StoreError> {
    match place {
        Place::Sqlite(path) => Db::sqlite(path, create).await,
        Place::Postgres(url) => Db::postgres(url).await,
    }
}

fn lock_file(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// One process owns a SQLite file. The lock goes with the process, however it ends.
fn lock(path: &Path) -> Result<File, StoreError> {
    let name = lock_file(path);
    let file = File::create(&name).map_err(|cause| match cause.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly,
        ErrorKind::StorageFull => StoreError::DiskFull,
        _ => StoreError::File { path: name.clone(), cause },
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(cause)) => Err(StoreError::File { path: name, cause }),
    }
}

async fn meta(db: &Db, name: &'static str) -> Result<Option<String>, StoreError> {
    Ok(on!(db.reader(), pool => {
        sqlx::query_scalar("SELECT value FROM meta WHERE name = $1").bind(name).fetch_optional(pool).await?
    }))
}

async fn write_beginning(db: &Db, keys: &Keys, id: Uuid, kind: StoreKind, now: Instant) -> Result<(), StoreError> {
    let head = checkpoint::sign(keys, id, &Frontier::default(), now);
    let mut tx = db.begin().await?;
    on!(&mut tx, tx => {
        for (name, value) in [("store_id", id.to_string()), ("kind", kind.name().to_owned())] {
            sqlx::query("INSERT INTO meta (name, value) VALUES ($1, $2)").bind(name).bind(value).execute(&mut **tx).await?;
        }
        sqlx::query("INSERT INTO log_head (one, size, frontier, root, signed_at, signature) VALUES (1, 0, $1, $2, $3, $4)")
            .bind(Vec::<u8>::new())
            .bind(head.root.to_vec())
            .bind(head.signed_at.as_micros())
            .bind(head.signature.clone())
            .execute(&mut **tx)
            .await?;
    });
    commit(tx).await
}
