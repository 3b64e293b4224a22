//! Numbered migrations, the same numbers and names for both engines, forward only.

use std::borrow::Cow;

use sqlx::{
    SqlSafeStr,
    migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator},
};

use crate::{
    db::{Db, Either, on},
    error::StoreError,
};

macro_rules! migrations {
    ($engine:literal) => {
        [
            (1, "log", include_str!(concat!("../migrations/", $engine, "/0001_log.sql"))),
            (2, "vault", include_str!(concat!("../migrations/", $engine, "/0002_vault.sql"))),
            (3, "projections", include_str!(concat!("../migrations/", $engine, "/0003_projections.sql"))),
            (4, "concerned", include_str!(concat!("../migrations/", $engine, "/0004_concerned.sql"))),
            (5, "intake", include_str!(concat!("../migrations/", $engine, "/0005_intake.sql"))),
            (6, "identity", include_str!(concat!("../migrations/", $engine, "/0006_identity.sql"))),
            (7, "courses", include_str!(concat!("../migrations/", $engine, "/0007_courses.sql"))),
            (8, "api", include_str!(concat!("../migrations/", $engine, "/0008_api.sql"))),
            (9, "break_glass", include_str!(concat!("../migrations/", $engine, "/0009_break_glass.sql"))),
            (10, "packs", include_str!(concat!("../migrations/", $engine, "/0010_packs.sql"))),
            (11, "sentinels", include_str!(concat!("../migrations/", $engine, "/0011_sentinels.sql"))),
            (12, "signals", include_str!(concat!("../migrations/", $engine, "/0012_signals.sql"))),
            (13, "loops", include_str!(concat!("../migrations/", $engine, "/0013_loops.sql"))),
            (14, "residents", include_str!(concat!("../migrations/", $engine, "/0014_residents.sql"))),
            (15, "vault_words", include_str!(concat!("../migrations/", $engine, "/0015_vault_words.sql"))),
            (16, "saved_views", include_str!(concat!("../migrations/", $engine, "/0016_saved_views.sql"))),
            (17, "own_data", include_str!(concat!("../migrations/", $engine, "/0017_own_data.sql"))),
            (18, "history", include_str!(concat!("../migrations/", $engine, "/0018_history.sql"))),
            (20, "sampled", include_str!(concat!("../migrations/", $engine, "/0020_sampled.sql"))),
            (22, "watch", include_str!(concat!("../migrations/", $engine, "/0022_watch.sql"))),
            (23, "orders", include_str!(concat!("../migrations/", $engine, "/0023_orders.sql"))),
            (28, "presence", include_str!(concat!("../migrations/", $engine, "/0028_presence.sql"))),
            (32, "arrivals", include_str!(concat!("../migrations/", $engine, "/0032_arrivals.sql"))),
            (33, "checkpoints", include_str!(concat!("../migrations/", $engine, "/0033_checkpoints.sql"))),
            (34, "fence", include_str!(concat!("../migrations/", $engine, "/0034_fence.sql"))),
            (36, "laboratory", include_str!(concat!("../migrations/", $engine, "/0036_laboratory.sql"))),
            (37, "lab_messages", include_str!(concat!("../migrations/", $engine, "/0037_lab_messages.sql"))),
            (39, "assists", include_str!(concat!("../migrations/", $engine, "/0039_assists.sql"))),
            (42, "batches", include_str!(concat!("../migrations/", $engine, "/0042_batches.sql"))),
            (43, "sealed_accounts", include_str!(concat!("../migrations/", $engine, "/0043_sealed_accounts.sql"))),
        ]
    };
}

const SQLITE: &[(i64, &str, &str)] = &migrations!("sqlite");
const POSTGRES: &[(i64, &str, &str)] = &migrations!("postgres");

/// Newest schema that this program knows.
pub(crate) const NEWEST: i64 = SQLITE[SQLITE.len() - 1].0;

/// Brings the database to the newest schema.
pub(crate) async fn migrate(db: &Db) -> Result<(), StoreError> {
    migrate_to(db, NEWEST).await
}

/// Brings the database to a given schema; tests upgrade older stores with it.
pub(crate) async fn migrate_to(db: &Db, newest: i64) -> Result<(), StoreError> {
    let texts = if db.is_sqlite() { SQLITE } else { POSTGRES };
    let migrator = migrator(texts.iter().filter(|(version, ..)| *version <= newest));
    let result = match db.writer() {
        Either::Sqlite(pool) => run(&migrator, &mut *pool.acquire().await?).await,
        Either::Postgres(pool) => run(&migrator, &mut *pool.acquire().await?).await,
    };
    result.map_err(|error| match error {
        MigrateError::VersionMissing(found) => StoreError::Newer { found, known: NEWEST },
        MigrateError::VersionMismatch(version) => StoreError::MigrationChanged(version),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        other => StoreError::Database(sqlx::Error::Migrate(Box::new(other))),
    })
}

async fn run<C: Migrate>(migrator: &Migrator, connection: &mut C) -> Result<(), MigrateError> {
    migrator.run_direct(None, connection, false).await
}

fn migrator<'a>(texts: impl Iterator<Item = &'a (i64, &'static str, &'static str)>) -> Migrator {
    let migrations: Vec<Migration> = texts
        .map(|(version, name, text)| {
            Migration::new(*version, Cow::Borrowed(*name), MigrationType::Simple, text.into_sql_str(), false)
        })
        .collect();
    Migrator { migrations: Cow::Owned(migrations), ..Migrator::DEFAULT }
}

/// The triggers that guard the log, with their texts, as the database has them now.
pub(crate) async fn guards_present(db: &Db) -> Result<Vec<(String, String)>, StoreError> {
    let rows: Vec<(String, String)> = match db.reader() {
        Either::Sqlite(pool) => {
            sqlx::query_as("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name")
                .fetch_all(pool)
                .await?
        }
        Either::Postgres(pool) => {
            sqlx::query_as(
                "SELECT tgname::text, pg_get_triggerdef(t.oid) || ' ' || tgenabled::text || ' ' || p.prosrc \
                 FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid \
                 WHERE NOT tgisinternal AND c.relnamespace = current_schema()::regnamespace ORDER BY tgname",
            )
            .fetch_all(pool)
            .await?
        }
    };
    Ok(rows)
}

/// The guards that the migrations of this program set, by name and text.
///
/// On PostgreSQL the text is the body of the trigger's function; that it is enabled is part of what is present.
pub(crate) fn guards_wanted(sqlite: bool) -> Vec<(String, String)> {
    let text: String = if sqlite { SQLITE } else { POSTGRES }.iter().map(|(.., text)| *text).collect();
    let bodies: Vec<(String, String)> = text
        .split("CREATE FUNCTION ")
        .skip(1)
        .filter_map(|part| Some((part.split('(').next()?.to_owned(), part.split("$guard$").nth(1)?.to_owned())))
        .collect();
    let mut wanted: Vec<(String, String)> = text
        .split("CREATE TRIGGER ")
        .skip(1)
        .map(|part| {
            let name: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let text = if sqlite {
                let end = part.find("END;").map_or(part.len(), |at| at + 3);
                format!("CREATE TRIGGER {}", &part[..end])
            } else {
                let function = part.split("EXECUTE FUNCTION ").nth(1).and_then(|rest| rest.split('(').next());
                bodies
                    .iter()
                    .find(|(name, _)| Some(name.as_str()) == function)
                    .map_or(String::new(), |(_, body)| body.clone())
            };
            (name, text)
        })
        .collect();
    // A table made anew has its guards made anew, in the same words.
    wanted.sort();
    wanted.dedup();
    wanted
}

/// Version of the newest migration applied, or 0.
pub(crate) async fn version(db: &Db) -> Result<i64, StoreError> {
    let found: Result<Option<i64>, sqlx::Error> = on!(db.reader(), pool => {
        sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations").fetch_one(pool).await
    });
    Ok(found.ok().flatten().unwrap_or(0))
}
