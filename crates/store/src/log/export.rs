//! Export and restore: every table that is not made of others, row by row, as lines of JSON. The same file is the backup of both engines.

use std::io::{BufRead, Write};

use futures_util::TryStreamExt;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use crate::{
    bulk::{self, Column},
    db::{Db, Either, commit, on},
    error::StoreError,
    keys::{Entropy, MasterKey, from_hex, hex, sha256},
    log::{
        checkpoint::Checkpoint,
        tables::{NUMBERED, TABLES, Table, Type},
    },
    migrate,
    store::{Place, Store},
    tiered::VAULT_TOKEN,
};

/// What to export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportOptions {
    /// Everything that restore needs: sealed bodies, wrapped keys, the vault. Without it: what an outsider verifies.
    pub complete: bool,
}

/// What was exported.
#[derive(Clone, Debug)]
pub struct Exported {
    /// Lines written.
    pub lines: u64,
    /// Head of the log at that moment.
    pub head: Checkpoint,
}

/// What was restored.
#[derive(Clone, Debug)]
pub struct Restored {
    /// Lines read.
    pub lines: u64,
    /// Head of the log, the same as when it was exported.
    pub head: Checkpoint,
}

const FORMAT: u64 = 2;
const BATCH: usize = 5_000;
/// Columns that tables got after they were first exported; the last of theirs.
const ADDED: [&str; 2] = ["mac", "seconded"];

impl Store {
    /// Writes the log as lines of JSON, as of one moment.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::File`] when `out` cannot be written.
    pub async fn export(&self, options: ExportOptions, out: &mut impl Write) -> Result<Exported, StoreError> {
        let mut lines = Lines { out, count: 0, digest: [0; 32] };
        let present: Vec<String> = migrate::guards_present(&self.db).await?.into_iter().map(|(name, _)| name).collect();
        let wanted: Vec<String> =
            migrate::guards_wanted(self.db.is_sqlite()).into_iter().map(|(name, _)| name).collect();
        lines.write(&json!({
            "sizao_log": FORMAT,
            "store": self.id(),
            "kind": self.kind().name(),
            "public_key": hex(self.public_key().as_bytes()),
            "complete": options.complete,
            "guards_wanted": wanted,
            "guards_present": present,
        }))?;
        let mut head = None;
        on!(self.db.reader(), pool => {
            let mut tx = pool.begin().await?;
            if !self.db.is_sqlite() {
                sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").execute(&mut *tx).await?;
            }
            for table in TABLES {
                let columns = if options.complete { table.columns } else { &table.columns[..table.public] };
                if columns.is_empty() {
                    continue;
                }
                let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
                lines.write(&json!({"table": table.name, "columns": names}))?;
                let source =
                    if table.name == VAULT_TOKEN.merged { VAULT_TOKEN.both() } else { table.name.to_owned() };
                let text = format!("SELECT {} FROM {source} ORDER BY {}", names.join(","), table.order);
                let mut rows = sqlx::query(AssertSqlSafe(text)).fetch(&mut *tx);
                while let Some(row) = rows.try_next().await? {
                    let mut cells = Vec::with_capacity(columns.len());
                    for (at, (_, kind)) in columns.iter().enumerate() {
                        cells.push(match kind {
                            Type::Int => row.try_get::<Option<i64>, _>(at)?.map_or(Value::Null, Value::from),
                            Type::Id => row.try_get::<Option<Uuid>, _>(at)?.map_or(Value::Null, |id| id.to_string().into()),
                            Type::Bytes => row.try_get::<Option<Vec<u8>>, _>(at)?.map_or(Value::Null, |bytes| hex(&bytes).into()),
                            Type::Text => row.try_get::<Option<String>, _>(at)?.map_or(Value::Null, Value::from),
                        });
                    }
                    if table.name == "log_head" {
                        head = head_of(self.id(), &cells);
                    }
                    lines.write(&Value::Array(cells))?;
                }
            }
        });
        let head = head.ok_or(StoreError::Tampered { leaf: 0, what: "head of the log" })?;
        let digest = hex(&lines.digest);
        lines.write(&json!({"end": lines.count, "head": head.to_json(), "sha256_chain": digest}))?;
        lines.out.flush().map_err(cannot_write)?;
        Ok(Exported { lines: lines.count, head })
    }

    /// Makes a store from a complete export. Only into an empty place; the root is the same afterwards.
    ///
    /// # Errors
    /// [`StoreError::Exists`], [`StoreError::NotEmpty`], [`StoreError::Damaged`] with the line, [`StoreError::Keys`].
    pub async fn restore(
        place: &Place,
        master: MasterKey,
        entropy: Box<Entropy>,
        input: &mut impl BufRead,
    ) -> Result<(Self, Restored), StoreError> {
        let db = match place {
            Place::Sqlite(path) if path.exists() => return Err(StoreError::Exists { place: place.shown() }),
            Place::Sqlite(path) => Db::sqlite(path, true).await?,
            Place::Postgres(url) => Db::postgres(url).await?,
        };
        if migrate::version(&db).await? > 0 {
            let facts: i64 =
                on!(db.reader(), pool => sqlx::query_scalar("SELECT COUNT(*) FROM fact").fetch_one(pool).await?);
            return Err(if facts > 0 {
                StoreError::NotEmpty { facts: facts as u64 }
            } else {
                StoreError::Exists { place: place.shown() }
            });
        }
        migrate::migrate(&db).await?;
        let filled = match fill(&db, input).await {
            Ok(filled) => settle(&db).await.map(|()| filled),
            Err(error) => Err(error),
        };
        db.close().await;
        let (lines, head) = filled.inspect_err(|_| take_away(place))?;
        let store = Self::open(place, master, entropy).await.inspect_err(|_| take_away(place))?;
        let now = store.head().await?;
        if now != head || !now.is_signed_by(&store.public_key()) {
            store.close().await;
            take_away(place);
            let what = "the head of the log is not the one of the file".to_owned();
            return Err(StoreError::Damaged { line: lines, what });
        }
        Ok((store, Restored { lines, head }))
    }
}

/// The index of intake keys, and where tables go on counting.
async fn settle(db: &Db) -> Result<(), StoreError> {
    crate::tiered::index_intake(db).await?;
    if let Either::Postgres(pool) = db.writer() {
        for table in NUMBERED {
            let text = format!("SELECT setval(pg_get_serial_sequence('{table}', 'no'), MAX(no)) FROM {table}");
            sqlx::query(AssertSqlSafe(text)).execute(pool).await?;
        }
    }
    Ok(())
}

/// A restore that failed leaves no half store behind. A PostgreSQL database is left to its owner.
fn take_away(place: &Place) {
    if let Place::Sqlite(path) = place {
        for suffix in ["", "-wal", "-shm", ".lock"] {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            // What cannot be removed will be refused by the next restore.
            let _ = std::fs::remove_file(name);
        }
    }
}

/// Writes lines and keeps a chained digest, so that a cut or changed file is noticed.
struct Lines<'a, W: Write> {
    out: &'a mut W,
    count: u64,
    digest: [u8; 32],
}

impl<W: Write> Lines<'_, W> {
    fn write(&mut self, value: &Value) -> Result<(), StoreError> {
        let mut line = serde_json::to_vec(value).expect("a value can be written as JSON");
        self.digest = sha256(&[&self.digest, &line]);
        line.push(b'\n');
        self.count += 1;
        self.out.write_all(&line).map_err(cannot_write)
    }
}

fn cannot_write(cause: std::io::Error) -> StoreError {
    StoreError::File { path: "export".into(), cause }
}

fn head_of(store: Uuid, cells: &[Value]) -> Option<Checkpoint> {
    Some(Checkpoint {
        store,
        size: cells[1].as_u64()?,
        root: from_hex(cells[3].as_str()?)?.try_into().ok()?,
        signed_at: sizao_model::Instant::from_micros(cells[4].as_i64()?),
        signature: from_hex(cells[5].as_str()?)?,
    })
}

async fn fill(db: &Db, input: &mut impl BufRead) -> Result<(u64, Checkpoint), StoreError> {
    let mut number = 0;
    let mut digest = [0; 32];
    let mut text = Vec::new();
    let mut batch: Vec<Vec<Value>> = Vec::new();
    let mut table: Option<&'static Table> = None;
    loop {
        text.clear();
        number += 1;
        let damaged = |what: String| StoreError::Damaged { line: number, what };
        let read = input.read_until(b'\n', &mut text).map_err(|cause| damaged(cause.to_string()))?;
        if read == 0 {
            return Err(damaged("the file ends too early: it was cut off".to_owned()));
        }
        let line = text.strip_suffix(b"\n").unwrap_or(&text);
        let value: Value = serde_json::from_slice(line).map_err(|error| damaged(error.to_string()))?;
        match &value {
            Value::Array(cells) => batch.push(cells.clone()),
            Value::Object(object) => {
                flush(db, table, &mut batch, number).await?;
                if object.contains_key("end") {
                    let same = object.get("sha256_chain").and_then(Value::as_str) == Some(&hex(&digest));
                    let head = object.get("head").and_then(Checkpoint::from_json);
                    return match (same, head) {
                        (true, Some(head)) => Ok((number, head)),
                        _ => Err(damaged(
                            "the lines before do not give the digest at the end: the file was changed".to_owned(),
                        )),
                    };
                }
                if object.get("sizao_log").is_some_and(|format| format.as_u64() != Some(FORMAT)) {
                    return Err(damaged("a format that this program does not know".to_owned()));
                }
                if object.get("complete").and_then(Value::as_bool) == Some(false) {
                    return Err(damaged(
                        "this export is for outsiders: make one with --complete to restore from".to_owned(),
                    ));
                }
                if let Some(name) = object.get("table").and_then(Value::as_str) {
                    let known = TABLES.iter().find(|known| known.name == name);
                    table = Some(known.ok_or_else(|| damaged(format!("unknown table '{name}'")))?);
                }
            }
            _ => return Err(damaged("neither a row nor a heading".to_owned())),
        }
        digest = sha256(&[&digest, line]);
        if batch.len() >= BATCH {
            flush(db, table, &mut batch, number).await?;
        }
    }
}

async fn flush(
    db: &Db,
    table: Option<&'static Table>,
    batch: &mut Vec<Vec<Value>>,
    line: u64,
) -> Result<(), StoreError> {
    if batch.is_empty() {
        return Ok(());
    }
    let damaged = |what: &str| StoreError::Damaged { line, what: format!("just before here, {what}") };
    let table = table.ok_or_else(|| damaged("rows without the name of a table"))?;
    let rows = std::mem::take(batch);
    // A file of an older program has no cells for what was added since.
    let given = rows.first().map_or(0, Vec::len);
    let added = table.columns.get(given..).is_some_and(|rest| rest.iter().all(|(name, _)| ADDED.contains(name)));
    if !added || rows.iter().any(|cells| cells.len() != given) {
        return Err(damaged("a row with a wrong number of cells"));
    }
    let mut columns = Vec::with_capacity(given);
    for (at, (name, kind)) in table.columns[..given].iter().enumerate() {
        let column = column(*kind, rows.iter().map(|cells| &cells[at]));
        columns.push((*name, column.ok_or_else(|| damaged("a cell of the wrong kind"))?));
    }
    let mut tx = db.begin().await?;
    bulk::insert(&mut tx, table.name, "", &columns).await?;
    commit(tx).await
}

fn column<'a>(kind: Type, cells: impl Iterator<Item = &'a Value>) -> Option<Column> {
    fn optional<T>(cell: &Value, read: impl FnOnce(&Value) -> Option<T>) -> Option<Option<T>> {
        if cell.is_null() { Some(None) } else { read(cell).map(Some) }
    }
    Some(match kind {
        Type::Int => Column::OptInt(cells.map(|cell| optional(cell, Value::as_i64)).collect::<Option<_>>()?),
        Type::Id => Column::OptId(
            cells.map(|cell| optional(cell, |cell| Uuid::try_parse(cell.as_str()?).ok())).collect::<Option<_>>()?,
        ),
        Type::Bytes => {
            Column::OptBytes(cells.map(|cell| optional(cell, |cell| from_hex(cell.as_str()?))).collect::<Option<_>>()?)
        }
        Type::Text => Column::OptText(
            cells.map(|cell| optional(cell, |cell| cell.as_str().map(str::to_owned))).collect::<Option<_>>()?,
        ),
    })
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;
    use crate::{
        Receipt, StoreKind,
        support::{self, Bench, NOW, entropy, master, places, sqlite},
    };

    /// Schema of the first stores: the index of intake keys was a constraint of the table of facts.
    const FIRST: i64 = 3;

    async fn connect(place: &Place) -> Db {
        match place {
            Place::Sqlite(path) => Db::sqlite(path, true).await.unwrap(),
            Place::Postgres(url) => Db::postgres(url).await.unwrap(),
        }
    }

    #[tokio::test]
    async fn an_older_store_is_brought_up_with_its_facts() {
        let source = sqlite();
        let bench = Bench::new(&source.place).await;
        let ids = bench.append_many(0, 300, NOW).await;
        let mut file = Vec::new();
        let exported = bench.store.export(ExportOptions { complete: true }, &mut file).await.unwrap();
        for place in places().await {
            let older = connect(&place.place).await;
            migrate::migrate_to(&older, FIRST).await.unwrap();
            fill(&older, &mut BufReader::new(file.as_slice())).await.unwrap();
            older.close().await;
            let store = Store::open(&place.place, master(), entropy(2)).await.unwrap();
            assert_eq!(store.kind(), StoreKind::Drill);
            assert_eq!(store.head().await.unwrap(), exported.head);
            assert_eq!(store.verify(|_| {}).await.unwrap().findings, []);
            let upgraded = Bench::with(store).await;
            let again = upgraded.append_many(290, 20, NOW).await;
            assert_eq!(again[..10], ids[290..], "what was sent before the upgrade is known after it");
            assert_eq!(upgraded.store.size().await.unwrap(), 310);
            let more = upgraded.append(vec![upgraded.fact("k5", "p5", NOW, support::symptoms(6))]).await.unwrap();
            assert_eq!(more.receipts, [Receipt::Conflict { id: ids[5] }]);
        }
    }

    #[tokio::test]
    async fn units_and_the_record_of_who_looked_come_back_and_go_on_counting() {
        for from in places().await {
            let bench = Bench::new(&from.place).await;
            bench.append_many(0, 3, NOW).await;
            let unit = Uuid::from_u128(7);
            on!(bench.store.db.writer(), pool => {
                sqlx::query("INSERT INTO unit (id, name, kind, division, made_at) VALUES ($1, '管城区疾控中心', 'cdc', 410104, 1)")
                    .bind(unit).execute(pool).await.unwrap();
            });
            look(&bench.store.db, unit).await;
            look(&bench.store.db, unit).await;
            let mut file = Vec::new();
            bench.store.export(ExportOptions { complete: true }, &mut file).await.unwrap();
            for into in places().await {
                let input = &mut BufReader::new(file.as_slice());
                let (store, _) = Store::restore(&into.place, master(), entropy(3), input).await.unwrap();
                let name: String = on!(store.db.reader(), pool => {
                    sqlx::query_scalar("SELECT name FROM unit WHERE id = $1").bind(unit).fetch_one(pool).await.unwrap()
                });
                assert_eq!(name, "管城区疾控中心");
                look(&store.db, unit).await;
                let numbers: Vec<i64> = on!(store.db.reader(), pool => {
                    sqlx::query_scalar("SELECT no FROM access_log ORDER BY no").fetch_all(pool).await.unwrap()
                });
                assert_eq!(numbers, [1, 2, 3]);
                store.close().await;
            }
        }
    }

    /// Somebody of the unit opened an identity.
    async fn look(db: &Db, unit: Uuid) {
        on!(db.writer(), pool => {
            sqlx::query(
                "INSERT INTO access_log (at, account, unit, division, action, purpose, reason, request) \
                 VALUES (1, $1, $1, 410104, 'open-identity', 'control', '', '')",
            )
            .bind(unit).execute(pool).await.unwrap();
        });
    }
}
