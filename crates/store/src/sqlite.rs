//! Bulk work on SQLite, on sqlx's own connection and in its transactions.
//!
//! sqlx binds and returns every value as a copy of its own, and sends every row from thread to thread: right for a
//! handful of rows, half the time of an import. Many rows are bound and read in place by rusqlite instead.

use std::{marker::PhantomData, ops::Deref};

use rusqlite::{Connection, Params, Statement};
use sqlx::{SqliteConnection, sqlite::LockedSqliteHandle};

use crate::error::StoreError;

/// Does `work` on this connection, within the transaction that it may have open.
pub(crate) async fn on_connection<T>(
    connection: &mut SqliteConnection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, StoreError> {
    let mut handle = connection.lock_handle().await?;
    let bulk = borrowed(&mut handle)?;
    Ok(work(&bulk)?)
}

/// Makes lists of keys usable in queries on this new connection.
pub(crate) async fn prepare_for_bulk(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let mut handle = connection.lock_handle().await?;
    let bulk = borrowed(&mut handle).map_err(|error| sqlx::Error::Configuration(error.into()))?;
    rusqlite::vtab::array::load_module(&bulk).map_err(|error| sqlx::Error::Configuration(error.into()))
}

/// Does `work` on this connection, which has no transaction open, on one state of the database.
///
/// Without a transaction around it each query takes and drops the lock of its own, and forgets the pages that it read
/// as soon as somebody wrote.
pub(crate) async fn read_on<T>(
    connection: &mut SqliteConnection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, StoreError> {
    on_connection(connection, |connection| in_transaction(connection, work)).await
}

fn in_transaction<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = connection.unchecked_transaction()?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}

/// Does two parts of one work on two connections at the same time, as [`read_on`] does one; what both found.
pub(crate) async fn on_two<O, F, G>(
    (one, work): (&mut SqliteConnection, F),
    (other, rest): (&mut SqliteConnection, G),
) -> Result<Vec<O>, StoreError>
where
    O: Send,
    F: FnOnce(&Connection) -> rusqlite::Result<Vec<O>> + Send,
    G: FnOnce(&Connection) -> rusqlite::Result<Vec<O>> + Send,
{
    let (mut one, mut other) = (one.lock_handle().await?, other.lock_handle().await?);
    let (one, other) = (borrowed(&mut one)?, borrowed(&mut other)?);
    let (found, more) = rayon::join(move || in_transaction(&one, work), move || in_transaction(&other, rest));
    let mut found = found?;
    found.extend(more?);
    Ok(found)
}

/// sqlx's connection as one of rusqlite, as long as it is locked.
#[expect(unsafe_code, reason = "two libraries share one connection; see the proof at the place")]
fn borrowed<'h>(handle: &'h mut LockedSqliteHandle<'_>) -> rusqlite::Result<Borrowed<'h>> {
    // SAFETY: the handle is that of an open connection. While it is locked sqlx's thread neither uses nor closes it, and
    // the borrow keeps it locked for as long as the result lives. rusqlite does not close a connection that it does not
    // own, and finalises every statement that it made before the result goes: statements borrow from it.
    let connection = unsafe { Connection::from_handle(handle.as_raw_handle().as_ptr()) }?;
    Ok(Borrowed { connection, _locked: PhantomData })
}

/// A connection that belongs to sqlx.
struct Borrowed<'h> {
    connection: Connection,
    _locked: PhantomData<&'h mut ()>,
}

impl Deref for Borrowed<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

/// Runs a query once for each list of parameters; reads every row.
pub(crate) fn read_all<O>(
    statement: &mut Statement<'_>,
    keys: impl IntoIterator<Item = impl Params>,
) -> rusqlite::Result<Vec<O>>
where
    O: for<'r> TryFrom<&'r rusqlite::Row<'r>, Error = rusqlite::Error>,
{
    let mut found = Vec::new();
    for key in keys {
        let mut rows = statement.query(key)?;
        while let Some(row) = rows.next()? {
            found.push(O::try_from(row)?);
        }
    }
    Ok(found)
}
