//! Reports of a list name sentinel sites of the register: what names another is handed back, not stored under a site that
//! nobody knows.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;
use sizao_interop::Row;
use sizao_model::{
    FactBody,
    draft::FactDraft,
    fact::{SentinelKind, SentinelReport},
};
use sizao_store::InstitutionRecord;
use uuid::Uuid;

use crate::{
    App, AppError,
    sentinels::{Capability, institution_id, kind_name},
};

/// Why a report is handed back, and what mends it.
pub(super) type Fault = (String, &'static str);

/// The sites that the rows read so far have named.
#[derive(Default)]
pub(super) struct Sites {
    known: FxHashMap<Uuid, Option<InstitutionRecord>>,
}

impl Sites {
    /// Looks up the sites that rows name for the first time.
    pub(super) async fn learn(&mut self, app: &App, rows: &[Row]) -> Result<(), AppError> {
        for report in rows.iter().flat_map(|row| &row.facts).filter_map(report_of) {
            let id = institution_id(report.institution.as_str());
            if let Entry::Vacant(entry) = self.known.entry(id) {
                entry.insert(app.store().load_institution(id).await?);
            }
        }
        Ok(())
    }

    /// Whether the register has the site, at work on that day, in that division, and for what is reported.
    pub(super) fn check(&self, draft: &FactDraft) -> Result<(), Fault> {
        let Some(report) = report_of(draft) else { return Ok(()) };
        let code = report.institution.as_str();
        let Some(Some(site)) = self.known.get(&institution_id(code)) else {
            return Err((
                format!("institution `{code}`: the register of sentinel sites has no such code"),
                "Correct the code, or enter the site in the register first; then send this row again",
            ));
        };
        if let Some(closed) = site.closed_at.filter(|closed| report.day > closed.day()) {
            return Err((
                format!("institution `{code}` was closed on {}; it reports nothing of {}", closed.day(), report.day),
                "Correct the code or the day",
            ));
        }
        if !(site.division.is_under(draft.division) || draft.division.is_under(site.division)) {
            return Err((
                format!("institution `{code}` is in {} by the register, not in {}", site.division, draft.division),
                "Correct the division or the code",
            ));
        }
        may_report(site, report.report).map_err(|kind| {
            (
                format!("institution `{code}` may not report `{kind}` by the register"),
                "Correct the kind or the code, or enter in the register what the site does",
            )
        })
    }
}

fn may_report(site: &InstitutionRecord, kind: SentinelKind) -> Result<(), &'static str> {
    let may = Capability::for_kind(kind).iter().any(|one| one.is_in(site.capabilities));
    if may { Ok(()) } else { Err(kind_name(kind)) }
}

fn report_of(draft: &FactDraft) -> Option<&SentinelReport> {
    match &draft.body {
        FactBody::SentinelReport(report) => Some(report),
        _ => None,
    }
}
