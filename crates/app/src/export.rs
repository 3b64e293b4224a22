//! Facts on their way out: as lines that another store, or `sizao assess`, reads.

use std::io::Write;

use sizao_interop::ndjson::EXPORTED_FROM;
use sizao_model::FactKind;

use crate::{App, AppError};

/// Facts that are read at a time.
const READ_AT_A_TIME: u64 = 1 << 14;
/// Kinds that speak of the log in which they stand; in another they would mean nothing.
const ABOUT_THIS_LOG: [FactKind; 2] = [FactKind::Erasure, FactKind::PackAdopted];

/// What was exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExportReport {
    /// Facts written.
    pub facts: u64,
    /// Facts whose body was erased: nothing of them is left to write.
    pub erased: u64,
    /// Facts that speak of this log: erasures and adoptions of packs. Not written.
    pub about_this_log: u64,
    /// Facts that do not fit their seal. Not written; `log verify` names them.
    pub refused: u64,
}

impl App {
    /// Writes all facts in the order of the log, one a line, with their divisions and under their ids here. People are
    /// opaque ids; names and papers stay in the vault. Imported elsewhere, the facts have equal content: only ids,
    /// recorder and time of recording become those of that store. Calls `progress` with leaves read.
    ///
    /// # Errors
    /// [`AppError::Store`], [`AppError::Export`] when `out` cannot be written.
    pub async fn export_facts(
        &self,
        out: &mut impl Write,
        mut progress: impl FnMut(u64),
    ) -> Result<ExportReport, AppError> {
        let size = self.store().size().await?;
        writeln!(out, "{EXPORTED_FROM}{}", self.store().id()).map_err(AppError::Export)?;
        let mut report = ExportReport::default();
        for from in (0..size).step_by(READ_AT_A_TIME as usize) {
            let to = (from + READ_AT_A_TIME).min(size);
            let (facts, refused) = self.store().load_leaves_that_fit(from, to).await?;
            for error in &refused {
                tracing::error!(%error, "A fact was refused");
            }
            report.refused += refused.len() as u64;
            report.erased += to - from - (facts.len() + refused.len()) as u64;
            for stored in facts {
                if ABOUT_THIS_LOG.contains(&stored.fact.body.kind()) {
                    report.about_this_log += 1;
                    continue;
                }
                let line = stored.fact.to_json_in(stored.division);
                writeln!(out, "{line}").map_err(AppError::Export)?;
                report.facts += 1;
            }
            progress(to);
        }
        Ok(report)
    }
}
