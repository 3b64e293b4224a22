//! Many rows or keys at once: one prepared statement on SQLite; arrays and binary `COPY` on PostgreSQL.

use std::{ops::Range, rc::Rc};

use rusqlite::{Connection, Statement, types::Value};
use sqlx::{
    AssertSqlSafe, FromRow, PgPool, Postgres, SqlitePool,
    postgres::{PgArguments, PgRow},
    query::{Query, QueryAs},
};
use uuid::Uuid;

use crate::{
    db::{Either, Tx},
    error::StoreError,
    sqlite::{on_connection, on_two, read_all, read_on},
};

/// A column of rows to insert.
pub(crate) enum Column {
    Int(Vec<i64>),
    Id(Vec<Uuid>),
    Bytes(Vec<Vec<u8>>),
    Text(Vec<String>),
    OptText(Vec<Option<String>>),
    OptInt(Vec<Option<i64>>),
    OptBytes(Vec<Option<Vec<u8>>>),
    OptId(Vec<Option<Uuid>>),
}

impl Column {
    fn len(&self) -> usize {
        match self {
            Self::Int(values) => values.len(),
            Self::Id(values) => values.len(),
            Self::Bytes(values) => values.len(),
            Self::Text(values) => values.len(),
            Self::OptText(values) => values.len(),
            Self::OptInt(values) => values.len(),
            Self::OptBytes(values) => values.len(),
            Self::OptId(values) => values.len(),
        }
    }

    const fn array_type(&self) -> &'static str {
        match self {
            Self::Int(_) | Self::OptInt(_) => "bigint[]",
            Self::Id(_) | Self::OptId(_) => "uuid[]",
            Self::Bytes(_) | Self::OptBytes(_) => "bytea[]",
            Self::Text(_) | Self::OptText(_) => "text[]",
        }
    }

    fn bind(&self, row: usize, statement: &mut Statement<'_>, at: usize) -> rusqlite::Result<()> {
        match self {
            Self::Int(values) => statement.raw_bind_parameter(at, values[row]),
            Self::Id(values) => statement.raw_bind_parameter(at, values[row]),
            Self::Bytes(values) => statement.raw_bind_parameter(at, values[row].as_slice()),
            Self::Text(values) => statement.raw_bind_parameter(at, values[row].as_str()),
            Self::OptText(values) => statement.raw_bind_parameter(at, values[row].as_deref()),
            Self::OptInt(values) => statement.raw_bind_parameter(at, values[row]),
            Self::OptBytes(values) => statement.raw_bind_parameter(at, values[row].as_deref()),
            Self::OptId(values) => statement.raw_bind_parameter(at, values[row]),
        }
    }

    fn bind_array<'q>(&'q self, query: PgQuery<'q>) -> PgQuery<'q> {
        match self {
            Self::Int(values) => query.bind(values),
            Self::Id(values) => query.bind(values),
            Self::Bytes(values) => query.bind(values),
            Self::Text(values) => query.bind(values),
            Self::OptText(values) => query.bind(values),
            Self::OptInt(values) => query.bind(values),
            Self::OptBytes(values) => query.bind(values),
            Self::OptId(values) => query.bind(values),
        }
    }

    /// One value as a field of binary `COPY`: its length in four bytes, −1 for NULL, then the value.
    fn copy(&self, row: usize, out: &mut Vec<u8>) {
        let mut field = |value: Option<&[u8]>| match value {
            Some(value) => {
                out.extend_from_slice(&i32::try_from(value.len()).expect("a value has less than 2 GiB").to_be_bytes());
                out.extend_from_slice(value);
            }
            None => out.extend_from_slice(&(-1i32).to_be_bytes()),
        };
        match self {
            Self::Int(values) => field(Some(&values[row].to_be_bytes())),
            Self::Id(values) => field(Some(values[row].as_bytes())),
            Self::Bytes(values) => field(Some(&values[row])),
            Self::Text(values) => field(Some(values[row].as_bytes())),
            Self::OptText(values) => field(values[row].as_deref().map(str::as_bytes)),
            Self::OptInt(values) => field(values[row].map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice)),
            Self::OptBytes(values) => field(values[row].as_deref()),
            Self::OptId(values) => field(values[row].as_ref().map(|id| id.as_bytes().as_slice())),
        }
    }

    /// All values as keys of [`find`].
    fn bind_keys<'q, O>(
        &'q self,
        query: QueryAs<'q, Postgres, O, PgArguments>,
    ) -> QueryAs<'q, Postgres, O, PgArguments> {
        match self {
            Self::Int(values) => query.bind(values),
            Self::Id(values) => query.bind(values),
            Self::Bytes(values) => query.bind(values),
            _ => unreachable!("keys are numbers, ids or bytes"),
        }
    }
}

type PgQuery<'q> = Query<'q, Postgres, PgArguments>;

/// Inserts rows given by columns of equal length. `conflict` is what follows, such as `ON CONFLICT DO NOTHING`.
pub(crate) async fn insert(
    tx: &mut Tx,
    table: &'static str,
    conflict: &'static str,
    columns: &[(&'static str, Column)],
) -> Result<(), StoreError> {
    let rows = columns.first().map_or(0, |(_, column)| column.len());
    debug_assert!(columns.iter().all(|(_, column)| column.len() == rows), "columns of {table} differ in length");
    if rows == 0 {
        return Ok(());
    }
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let names = names.join(",");
    match tx {
        Either::Sqlite(tx) => {
            let places: Vec<String> = (1..=columns.len()).map(|at| format!("?{at}")).collect();
            let text = format!("INSERT INTO {table} ({names}) VALUES ({}) {conflict}", places.join(","));
            on_connection(tx, |connection| {
                let mut statement = connection.prepare(&text)?;
                for row in 0..rows {
                    for (at, (_, column)) in columns.iter().enumerate() {
                        column.bind(row, &mut statement, at + 1)?;
                    }
                    statement.raw_execute()?;
                }
                Ok(())
            })
            .await?;
        }
        Either::Postgres(tx) if conflict.is_empty() => {
            let mut copy = tx.copy_in_raw(&format!("COPY {table} ({names}) FROM STDIN (FORMAT binary)")).await?;
            copy.send(copied(columns, rows)).await?;
            copy.finish().await?;
        }
        Either::Postgres(tx) => {
            let arrays: Vec<String> = columns
                .iter()
                .enumerate()
                .map(|(i, (_, column))| format!("${}::{}", i + 1, column.array_type()))
                .collect();
            let text = format!("INSERT INTO {table} ({names}) SELECT * FROM UNNEST({}) {conflict}", arrays.join(","));
            let mut query = sqlx::query(AssertSqlSafe(text));
            for (_, column) in columns {
                query = column.bind_array(query);
            }
            query.execute(&mut **tx).await?;
        }
    }
    Ok(())
}

/// Rows in the binary format of `COPY`: signature, no flags, no extension, each row with its number of fields, the end.
///
/// <https://www.postgresql.org/docs/15/sql-copy.html>, "Binary Format".
fn copied(columns: &[(&'static str, Column)], rows: usize) -> Vec<u8> {
    let fields = i16::try_from(columns.len()).expect("a table has few columns").to_be_bytes();
    let mut out = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    for row in 0..rows {
        out.extend_from_slice(&fields);
        for (_, column) in columns {
            column.copy(row, &mut out);
        }
    }
    out.extend_from_slice(&(-1i16).to_be_bytes());
    out
}

/// What a query of either engine can be read as.
pub(crate) trait Row:
    Send + Unpin + for<'r> FromRow<'r, PgRow> + for<'r> TryFrom<&'r rusqlite::Row<'r>, Error = rusqlite::Error>
{
}

impl<O> Row for O where
    O: Send + Unpin + for<'r> FromRow<'r, PgRow> + for<'r> TryFrom<&'r rusqlite::Row<'r>, Error = rusqlite::Error>
{
}

/// Rows of a query whose last column named is one of `values`: `select` ends before the operator, `rest` follows it.
///
/// Give the values in the order of the index: neighbouring keys share pages.
pub(crate) async fn find<O: Row>(
    pool: &Either<SqlitePool, PgPool>,
    select: &str,
    values: &Column,
    rest: &str,
) -> Result<Vec<O>, StoreError> {
    match pool {
        _ if values.len() == 0 => Ok(Vec::new()),
        Either::Sqlite(pool) => {
            let text = format!("{select} IN rarray(?1) {rest}");
            let mut connection = pool.acquire().await?;
            match pool.try_acquire() {
                Some(mut other) if values.len() >= SHARED_BY_TWO => {
                    let (first, second) = (0..values.len() / 2, values.len() / 2..values.len());
                    on_two(
                        (&mut connection, |connection| find_some(connection, &text, values, first)),
                        (&mut other, |connection| find_some(connection, &text, values, second)),
                    )
                    .await
                }
                _ => read_on(&mut connection, |one| find_some(one, &text, values, 0..values.len())).await,
            }
        }
        Either::Postgres(pool) => {
            let query = sqlx::query_as(AssertSqlSafe(format!("{select} = ANY($1) {rest}")));
            Ok(values.bind_keys(query).fetch_all(pool).await?)
        }
    }
}

/// The same within a transaction.
pub(crate) async fn find_in<O: Row>(
    tx: &mut Tx,
    select: &str,
    values: &Column,
    rest: &str,
) -> Result<Vec<O>, StoreError> {
    match tx {
        _ if values.len() == 0 => Ok(Vec::new()),
        Either::Sqlite(tx) => {
            let text = format!("{select} IN rarray(?1) {rest}");
            on_connection(tx, |connection| find_some(connection, &text, values, 0..values.len())).await
        }
        Either::Postgres(tx) => {
            let query = sqlx::query_as(AssertSqlSafe(format!("{select} = ANY($1) {rest}")));
            Ok(values.bind_keys(query).fetch_all(&mut **tx).await?)
        }
    }
}

/// Keys that are worth a second connection.
const SHARED_BY_TWO: usize = 512;

/// One statement for all keys: a cursor that stays open goes from key to key, where one query a key would seek anew.
fn find_some<O: Row>(
    connection: &Connection,
    text: &str,
    values: &Column,
    range: Range<usize>,
) -> rusqlite::Result<Vec<O>> {
    let keys = match values {
        Column::Int(keys) => keys[range].iter().map(|key| Value::Integer(*key)).collect(),
        Column::Id(keys) => keys[range].iter().map(|key| Value::Blob(key.as_bytes().to_vec())).collect(),
        Column::Bytes(keys) => keys[range].iter().cloned().map(Value::Blob).collect(),
        _ => unreachable!("keys are numbers, ids or bytes"),
    };
    // Held until the statement is gone: rusqlite 0.39 gives the list back without its type, so that whoever lets go last
    // but us would leak the keys.
    let keys: Rc<Vec<Value>> = Rc::new(keys);
    let mut statement = connection.prepare(text)?;
    let found = read_all(&mut statement, [[keys.clone()]]);
    drop(statement);
    drop(keys);
    found
}
