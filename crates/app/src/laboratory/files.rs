//! Results of tubes as a table (CSV or XLSX): good rows go in, bad ones come back with a reason, to be mended.

use std::io::Cursor;

use sizao_interop::{BadRows, CsvImport, Imported, Mapping, Row, RowError, XlsxImport};
use sizao_model::{FactBody, Instant};
use sizao_store::Channel;

use super::{ResultEntry, ResultTaken};
use crate::{
    App, AppError, Refusal,
    access::Reason,
    authorization::{Action, Purpose, can},
    identity::Actor,
    intake::FILE_BYTES_MAX,
};

/// The mapping of the table: barcode, result, time.
pub const MAPPING: &str = include_str!("../../../../mappings/lab-tubes.toml");
/// Rows of one commit.
const BATCH: usize = 5_000;
/// Rows handed back that are told.
const TOLD_MAX: usize = 500;

/// What became of a table of results.
#[derive(Clone, Debug, Default)]
pub struct ResultsFile {
    /// Rows taken.
    pub accepted: u64,
    /// Of these, rows that were in before.
    pub repeated: u64,
    /// Rows handed back.
    pub rejected: u64,
    /// The first of them, each with its row and what to do.
    pub refused: Vec<(u64, String)>,
    /// All of them as a table of the same form, with a reason each.
    pub to_mend: String,
}

impl App {
    /// Takes a table of results in.
    ///
    /// - `say`: what a refusal says in the reader's language.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Import`] when the file cannot be read, [`AppError::Store`].
    pub async fn take_results_file(
        &self,
        actor: &Actor,
        file: &[u8],
        say: impl Fn(&Refusal) -> String,
        wall: Instant,
    ) -> Result<ResultsFile, AppError> {
        can(actor, Action::RunLab, actor.division, Purpose::Reporting)?;
        if file.is_empty() {
            return Err(Refusal::field("file", "file-empty").into());
        }
        if file.len() > FILE_BYTES_MAX {
            return Err(Refusal::field("file", "file-large").into());
        }
        self.log_deed(actor, Action::RunLab, Purpose::Reporting, None, Reason::of("results by table"), wall).await?;
        let mapping = Mapping::from_toml(MAPPING).expect("a test reads the mapping");
        let now = self.now();
        let (rows, header) = if file.starts_with(b"PK\x03\x04") {
            let import = XlsxImport::new(file, &mapping, now)?;
            let header = import.header().clone();
            (import.collect::<Result<Vec<_>, _>>()?, header)
        } else {
            let import = CsvImport::new(Cursor::new(file), &mapping, now)?;
            let header = import.header().clone();
            (import.collect::<Result<Vec<_>, _>>()?, header)
        };
        let mut report = ResultsFile::default();
        let mut refused: Vec<RowError> = Vec::new();
        let mut accepted: Vec<(Row, ResultEntry)> = Vec::new();
        for row in rows {
            match row {
                Imported::Accepted(row) => match entry_of(&row) {
                    Some(entry) => accepted.push((row, entry)),
                    None => {
                        refused.push(row.source.refuse("it is no result of a tube", "Use the columns of the template"))
                    }
                },
                Imported::Rejected(row) => refused.push(row),
            }
        }
        for batch in accepted.chunks(BATCH) {
            let entries: Vec<ResultEntry> = batch.iter().map(|(_, entry)| entry.clone()).collect();
            let answers = self.take_results(actor, &entries, false, Channel::Import).await?;
            for ((row, _), answer) in batch.iter().zip(answers) {
                match answer {
                    Ok(taken) => {
                        report.accepted += 1;
                        report.repeated += u64::from(matches!(taken, ResultTaken::Repeated(_)));
                    }
                    Err(refusal) => refused.push(row.source.clone().refuse(say(&refusal), "")),
                }
            }
        }
        refused.sort_by_key(|row| row.row);
        report.rejected = refused.len() as u64;
        let unwritten = |error: std::io::Error| AppError::BadRows(error);
        let mut to_mend = BadRows::new(Vec::new(), &mapping, &header).map_err(unwritten)?;
        for row in &refused {
            to_mend.push(row).map_err(unwritten)?;
        }
        let bytes = to_mend.finish().map_err(unwritten)?;
        report.to_mend = String::from_utf8_lossy(&bytes).into_owned();
        report.refused = refused.iter().take(TOLD_MAX).map(|row| (row.row, row.reason())).collect();
        Ok(report)
    }
}

/// The result of a row of the table.
fn entry_of(row: &Row) -> Option<ResultEntry> {
    row.facts.iter().find_map(|fact| match &fact.body {
        FactBody::TestResult(result) => Some(ResultEntry {
            barcode: result.pool.as_ref()?.to_string(),
            outcome: result.outcome,
            at: Some(fact.happened.starts_at()),
            corrects: false,
            message: String::new(),
        }),
        _ => None,
    })
}
