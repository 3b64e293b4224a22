//! Many rows at once: multi-row VALUES on SQLite, UNNEST of arrays on PostgreSQL; many keys at once.

use sqlx::{
    AssertSqlSafe, FromRow, PgPool, Postgres, Sqlite, SqlitePool,
    postgres::{PgArguments, PgRow},
    query::{Query, QueryAs},
    sqlite::{SqliteArguments, SqliteRow},
};
use uuid::Uuid;

use crate::{
    db::{Either, Tx},
    error::StoreError,
};

/// SQLite takes 32,766 parameters; long statements cost more to parse than they save.
const PARAMETERS_MAX: usize = 4_000;

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

    fn bind_row<'q>(&'q self, row: usize, query: SqliteQuery<'q>) -> SqliteQuery<'q> {
        match self {
            Self::Int(values) => query.bind(values[row]),
            Self::Id(values) => query.bind(values[row]),
            Self::Bytes(values) => query.bind(values[row].as_slice()),
            Self::Text(values) => query.bind(values[row].as_str()),
            Self::OptText(values) => query.bind(values[row].as_deref()),
            Self::OptInt(values) => query.bind(values[row]),
            Self::OptBytes(values) => query.bind(values[row].as_deref()),
            Self::OptId(values) => query.bind(values[row]),
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

    /// One value as a key of [`find`].
    fn bind_key<'q, O>(
        &self,
        at: usize,
        query: QueryAs<'q, Sqlite, O, SqliteArguments>,
    ) -> QueryAs<'q, Sqlite, O, SqliteArguments> {
        match self {
            Self::Int(values) => query.bind(values[at]),
            Self::Id(values) => query.bind(values[at]),
            Self::Bytes(values) => query.bind(values[at].clone()),
            _ => unreachable!("keys are numbers, ids or bytes"),
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

type SqliteQuery<'q> = Query<'q, Sqlite, SqliteArguments>;
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
            // Full chunks share one prepared statement; the rest is sent in powers of two, so that few texts exist.
            let full = (PARAMETERS_MAX / columns.len()).next_power_of_two() / 2;
            let mut row = 0;
            while row < rows {
                let left = rows - row;
                let chunk = if left >= full { full } else { 1 << (usize::BITS - 1 - left.leading_zeros()) };
                let one = format!("({})", vec!["?"; columns.len()].join(","));
                let text = format!("INSERT INTO {table} ({names}) VALUES {} {conflict}", vec![one; chunk].join(","));
                let mut query = sqlx::query(AssertSqlSafe(text));
                for at in row..row + chunk {
                    for (_, column) in columns {
                        query = column.bind_row(at, query);
                    }
                }
                query.execute(&mut **tx).await?;
                row += chunk;
            }
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

/// Keys of one look-up: more parameters cost SQLite more to parse than they save.
const KEYS_MAX: usize = 500;

macro_rules! find_on {
    ($on:expr, $select:expr, $values:expr, $rest:expr, $connection:ident => $executor:expr) => {
        match $on {
            Either::Sqlite($connection) => {
                let mut rows = Vec::new();
                for from in (0..$values.len()).step_by(KEYS_MAX) {
                    let keys = KEYS_MAX.min($values.len() - from);
                    // Padded with NULL to a few lengths, so that few statements are prepared.
                    let places = keys.next_power_of_two();
                    let text = format!("{} IN ({}) {}", $select, vec!["?"; places].join(","), $rest);
                    let mut query = sqlx::query_as(AssertSqlSafe(text));
                    for at in 0..keys {
                        query = $values.bind_key(from + at, query);
                    }
                    for _ in keys..places {
                        query = query.bind(None::<i64>);
                    }
                    rows.extend(query.fetch_all($executor).await?);
                }
                Ok(rows)
            }
            Either::Postgres(_) if $values.len() == 0 => Ok(Vec::new()),
            Either::Postgres($connection) => {
                let query = sqlx::query_as(AssertSqlSafe(format!("{} = ANY($1) {}", $select, $rest)));
                Ok($values.bind_keys(query).fetch_all($executor).await?)
            }
        }
    };
}

/// Rows of a query whose last column named is one of `values`: `select` ends before the operator, `rest` follows it.
///
/// Give the values in the order of the index: neighbouring keys share pages.
pub(crate) async fn find<O>(
    pool: &Either<SqlitePool, PgPool>,
    select: &str,
    values: &Column,
    rest: &str,
) -> Result<Vec<O>, StoreError>
where
    O: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>,
{
    find_on!(pool, select, values, rest, pool => pool)
}

/// The same within a transaction.
pub(crate) async fn find_in<O>(tx: &mut Tx, select: &str, values: &Column, rest: &str) -> Result<Vec<O>, StoreError>
where
    O: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>,
{
    find_on!(tx, select, values, rest, tx => &mut **tx)
}
