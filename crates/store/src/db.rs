//! Two engines, one code path: connections, transactions and the macro that runs one query on either.

use std::{path::Path, str::FromStr, time::Duration};

use sqlx::{
    PgPool, Postgres, Sqlite, SqlitePool, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{error::StoreError, sqlite::prepare_for_bulk, wal::Mover};

/// Runs `$body` with `$conn` bound to the SQLite or the PostgreSQL connection of `$db`.
macro_rules! on {
    ($db:expr, $conn:ident => $body:expr) => {
        match $db {
            $crate::db::Either::Sqlite($conn) => $body,
            $crate::db::Either::Postgres($conn) => $body,
        }
    };
}
pub(crate) use on;

/// Reads a struct from a row of either engine, column by position; also where many rows are read.
macro_rules! positional {
    ($name:ident { $($field:ident: $index:literal),* $(,)? }) => {
        impl<'r> TryFrom<&'r rusqlite::Row<'r>> for $name {
            type Error = rusqlite::Error;

            fn try_from(row: &'r rusqlite::Row<'r>) -> Result<Self, rusqlite::Error> {
                Ok(Self { $($field: row.get($index)?),* })
            }
        }
        positional!(@ sqlx::sqlite::SqliteRow, $name { $($field: $index),* });
        positional!(@ sqlx::postgres::PgRow, $name { $($field: $index),* });
    };
    (@ $row:ty, $name:ident { $($field:ident: $index:literal),* }) => {
        impl<'r> sqlx::FromRow<'r, $row> for $name {
            fn from_row(row: &'r $row) -> Result<Self, sqlx::Error> {
                Ok(Self { $($field: sqlx::Row::try_get(row, $index)?),* })
            }
        }
    };
}
pub(crate) use positional;

/// One of the two engines.
#[derive(Clone, Debug)]
pub(crate) enum Either<S, P> {
    Sqlite(S),
    Postgres(P),
}

/// The database: SQLite has one writer, PostgreSQL a pool.
#[derive(Clone, Debug)]
pub(crate) struct Db {
    write: Either<SqlitePool, PgPool>,
    read: Either<SqlitePool, PgPool>,
    /// Where many rows are looked up at once: on SQLite a few connections of their own, with larger caches.
    lookup: Either<SqlitePool, PgPool>,
    mover: Mover,
}

/// An open transaction that may write.
pub(crate) type Tx = Either<Transaction<'static, Sqlite>, Transaction<'static, Postgres>>;

impl Db {
    /// Opens or creates a SQLite file.
    ///
    /// `synchronous=FULL`: what was committed survives power loss. `secure_delete`: erased bodies are overwritten.
    pub(crate) async fn sqlite(path: &Path, create: bool) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(create)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .auto_vacuum(SqliteAutoVacuum::None)
            .busy_timeout(Duration::from_secs(10))
            .pragma("secure_delete", "ON")
            // `wal.rs` moves the log before it is so long.
            .pragma("wal_autocheckpoint", "65536")
            .pragma("temp_store", "MEMORY")
            .row_buffer_size(1024)
            .foreign_keys(true);
        let writer = options.clone().pragma("cache_size", "-98304");
        let lookup = options.clone().pragma("cache_size", "-65536");
        let reader = options.pragma("cache_size", "-8192");
        let forever = |pool: SqlitePoolOptions| {
            let pool = pool.idle_timeout(None).max_lifetime(None);
            pool.after_connect(|connection, _| Box::pin(prepare_for_bulk(connection)))
        };
        let write = forever(SqlitePoolOptions::new()).max_connections(1).connect_with(writer).await?;
        let read = forever(SqlitePoolOptions::new()).max_connections(4).connect_with(reader).await?;
        let lookup = forever(SqlitePoolOptions::new()).max_connections(2).connect_with(lookup).await?;
        Ok(Self {
            write: Either::Sqlite(write),
            read: Either::Sqlite(read),
            lookup: Either::Sqlite(lookup),
            mover: Mover::default(),
        })
    }

    /// Connects to PostgreSQL. `synchronous_commit=on` is set for each session, whatever the server's default.
    pub(crate) async fn postgres(url: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)?
            .application_name("sizao")
            .options([("synchronous_commit", "on"), ("client_min_messages", "warning")]);
        let pool = PgPoolOptions::new().max_connections(16).connect_with(options).await?;
        Ok(Self {
            write: Either::Postgres(pool.clone()),
            lookup: Either::Postgres(pool.clone()),
            read: Either::Postgres(pool),
            mover: Mover::default(),
        })
    }

    pub(crate) const fn reader(&self) -> &Either<SqlitePool, PgPool> {
        &self.read
    }

    pub(crate) const fn mover(&self) -> &Mover {
        &self.mover
    }

    pub(crate) const fn lookup(&self) -> &Either<SqlitePool, PgPool> {
        &self.lookup
    }

    pub(crate) const fn writer(&self) -> &Either<SqlitePool, PgPool> {
        &self.write
    }

    /// Begins a transaction that will write. On SQLite it waits for its turn with the one writer.
    pub(crate) async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(match &self.write {
            Either::Sqlite(pool) => Either::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
            Either::Postgres(pool) => Either::Postgres(pool.begin().await?),
        })
    }

    /// Begins a transaction that only reads; it never waits for the writer.
    pub(crate) async fn begin_read(&self) -> Result<Tx, StoreError> {
        Ok(match &self.read {
            Either::Sqlite(pool) => Either::Sqlite(pool.begin().await?),
            Either::Postgres(pool) => Either::Postgres(pool.begin().await?),
        })
    }

    /// The same, on a connection with a large cache.
    pub(crate) async fn begin_lookup(&self) -> Result<Tx, StoreError> {
        Ok(match &self.lookup {
            Either::Sqlite(pool) => Either::Sqlite(pool.begin().await?),
            Either::Postgres(pool) => Either::Postgres(pool.begin().await?),
        })
    }

    pub(crate) async fn close(&self) {
        on!(&self.read, pool => pool.close().await);
        on!(&self.lookup, pool => pool.close().await);
        on!(&self.write, pool => pool.close().await);
    }

    pub(crate) const fn is_sqlite(&self) -> bool {
        matches!(self.write, Either::Sqlite(_))
    }
}

pub(crate) async fn commit(tx: Tx) -> Result<(), StoreError> {
    on!(tx, tx => tx.commit().await?);
    Ok(())
}
