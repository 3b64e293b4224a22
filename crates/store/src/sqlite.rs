//! Bulk work on SQLite, on sqlx's own connection and in its transactions.
//!
//! sqlx binds and returns every value as a copy of its own, and sends every row from thread to thread: right for a
//! handful of rows, half the time of an import. Many rows are bound and read in place by rusqlite instead.

use rusqlite::{Connection, Params, Statement};
use sqlx::SqliteConnection;

use crate::error::StoreError;

/// Does `work` on this connection, within the transaction that it may have open.
#[expect(unsafe_code, reason = "two libraries share one connection; see the proof at the place")]
pub(crate) async fn on_connection<T>(
    connection: &mut SqliteConnection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, StoreError> {
    let mut handle = connection.lock_handle().await?;
    // SAFETY: the handle is that of an open connection. While `handle` is held sqlx's thread neither uses nor closes it.
    // rusqlite does not close a connection that it does not own, and every statement it made is finalised when `bulk`
    // goes, before `handle`: they are locals, dropped in the reverse of this order, and `work` cannot keep either.
    let bulk = unsafe { Connection::from_handle(handle.as_raw_handle().as_ptr()) }?;
    Ok(work(&bulk)?)
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
