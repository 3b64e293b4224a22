//! Taking reports, reading them back, and the clocks that they stop.

use std::collections::{HashMap, HashSet};

use sizao_epi::duties::{Duty, DutyClock, Standing, daily_report};
use sizao_model::{
    CivilDay, DivisionCode, FactBody, FactId, Happened, Instant, PersonId, When,
    fact::{Outcome, Sample, SentinelKind, SentinelReport, SymptomReport, TestMethod, TestResult},
    id::SiteId,
};
use sizao_store::{
    Channel, InstitutionChange, InstitutionRecord, IntakeKey, NewFact, Receipt, ReportRecord, ResponsibleRecord,
    StoredFact, VaultPerson,
};
use uuid::Uuid;

use super::{Capability, Entry, drug_bits, entries::Checked, institution_id, kind_code, kind_of_code};
use crate::{
    App, AppError,
    authorization::{Action, Purpose, Scope, can},
    identity::Actor,
    mandates::Collection,
    names,
    refusal::Refusal,
};

/// Facts read at a time.
const CHUNK: u64 = 20_000;
/// Reports on a page.
const SHOWN_MAX: u32 = 200;
/// Reports read for clocks at most.
const CLOCKS_MAX: u32 = 50_000;
/// Days looked back for breaches.
const BREACH_DAYS: i32 = 7;

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reported {
    /// The report.
    pub fact: FactId,
    /// Whether it was there already.
    pub repeated: bool,
    /// Whether names were kept; sales without a mandate for names are sums.
    pub named: bool,
    /// The clock that it stopped.
    pub clock: Option<(Duty, Standing)>,
}

/// A duty that was not kept.
#[derive(Clone, Debug)]
pub struct Breach {
    /// Whose.
    pub institution: InstitutionRecord,
    /// Which, with its times.
    pub clock: DutyClock,
    /// Minutes late.
    pub late: i64,
}

/// A day of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteDay {
    /// Which.
    pub day: CivilDay,
    /// Sums by kind, in the order of [`super::KINDS`].
    pub counts: [i64; 5],
    /// Whether anything was reported.
    pub reported: bool,
    /// Whether it was a zero report beside something that was seen.
    pub contradicted: bool,
}

/// A report, what it is, and its clock where the rules set one.
pub type SeenReport = (ReportRecord, SentinelKind, Option<(DutyClock, Standing)>);

/// A site with its reports.
#[derive(Clone, Debug)]
pub struct SiteView {
    /// The site.
    pub institution: InstitutionRecord,
    /// Who is responsible today.
    pub responsible: Option<ResponsibleRecord>,
    /// Everybody who was named, latest first.
    pub people: Vec<ResponsibleRecord>,
    /// What was changed, latest first.
    pub changes: Vec<InstitutionChange>,
    /// Reports of the last week, latest first, with their clocks.
    pub reports: Vec<SeenReport>,
    /// The last two weeks, latest first.
    pub days: Vec<SiteDay>,
    /// When it was computed.
    pub at: Instant,
}

impl App {
    /// Takes an entry of a reporter: a fact without names, facts about a patient, and the sealed names of a sale.
    ///
    /// Sending the same entry again gives the first answer again. When this returns, all of it is durable.
    ///
    /// # Errors
    /// [`Refusal::NoMandate`], [`Refusal::Field`], [`Refusal::Changed`] when the key was used for another entry,
    /// [`AppError::Store`].
    pub async fn report_sentinel(&self, actor: &Actor, entry: &Entry, is_page: bool) -> Result<Reported, AppError> {
        can(actor, Action::ReportSentinel, actor.division, Purpose::Reporting)?;
        if entry.institution.trim().is_empty() {
            return Err(Refusal::field("institution", "choose").into());
        }
        let institution = self.institution_own(actor, institution_id(&entry.institution)).await?;
        let now = self.now();
        let checked = entry.check(now)?;
        if !Capability::for_kind(checked.kind).iter().any(|one| one.is_in(institution.capabilities)) {
            return Err(Refusal::field("kind", "sen-not-capable").into());
        }
        self.require_mandate(Collection::Sentinels, institution.division).await?;
        let keeps_names = match (&checked.sale, checked.kind) {
            (Some(_), _) => self.require_mandate(Collection::DrugSales, institution.division).await.is_ok(),
            (None, SentinelKind::Fever | SentinelKind::AntigenPositive) => true,
            (None, _) => false,
        };
        let person = self.patient_of(&checked, &institution).await?;
        let channel = if is_page { Channel::Page } else { Channel::Api };
        let facts = self.facts_of_entry(&checked, &institution, person, channel, now).await?;
        let receipts = self.append_facts(facts).await?;
        if receipts.iter().any(|receipt| matches!(receipt, Receipt::Conflict { .. })) {
            return Err(Refusal::Changed.into());
        }
        let first = receipts.first().copied().ok_or(AppError::Stopped("no receipt for a report"))?;
        if let (Some(sale), true) = (&checked.sale, keeps_names) {
            self.keep_sale_names(first.id(), &institution, checked.seen_at, sale).await?;
        }
        self.follow_reports().await?;
        // The clock stopped when the report first arrived, not when it was sent again.
        let arrived = match first {
            Receipt::Stored { .. } => now,
            _ => self.store().load_fact(first.id()).await?.map_or(now, |stored| stored.fact.recorded_at),
        };
        Ok(Reported {
            fact: first.id(),
            repeated: matches!(first, Receipt::Repeat { .. }),
            named: keeps_names,
            clock: clock_of(checked.kind, checked.seen_at, checked.day, arrived)
                .map(|clock| (clock.duty, clock.standing(now))),
        })
    }

    /// Reads reports from the log into the table that boards and detectors read.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn follow_reports(&self) -> Result<(), AppError> {
        let size = self.store().size().await?;
        let mut from = self.store().sentinel_watermark().await?;
        while from < size {
            let to = (from + CHUNK).min(size);
            let (facts, _) = self.store().load_leaves_that_fit(from, to).await?;
            let reports: Vec<ReportRecord> = facts.iter().filter_map(report_of).collect();
            self.store().save_reports(&reports, to).await?;
            from = to;
        }
        Ok(())
    }

    /// A site with its reports, its people and its history.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn view_site(&self, actor: &Actor, id: Uuid) -> Result<SiteView, AppError> {
        let institution = self.institution_seen(actor, id).await?;
        self.site_view(institution).await
    }

    /// The actor's own site, as its reporters see it.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn view_own_site(&self, actor: &Actor, id: Uuid) -> Result<SiteView, AppError> {
        let institution = self.institution_own(actor, id).await?;
        self.site_view(institution).await
    }

    /// Duties of the last week that were not kept, to the minute, in the actor's division; the longest first.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn list_breaches(&self, actor: &Actor, of: Option<DivisionCode>) -> Result<Vec<Breach>, AppError> {
        let scope = Scope::of(actor, Action::ViewSentinels, Purpose::Control)?;
        let scope = of.map_or(Ok(scope), |division| scope.narrowed(division))?;
        let now = self.now();
        let from = now.day().plus_days(-BREACH_DAYS);
        let institutions = self.store().list_institutions(Some(scope.division()), 10_000).await?;
        let reports = self.store().reports_in(scope.division(), from, CLOCKS_MAX).await?;
        let mut clocks = clocks_of(&reports);
        let mut found = Vec::new();
        for institution in institutions {
            let mut own = clocks.remove(&institution.id).unwrap_or_default();
            if Capability::ReportsDaily.is_in(institution.capabilities) {
                let of_site = reports.iter().filter(|report| report.institution == institution.id);
                own.extend(daily_clocks(of_site, institution.made_at.day().max(from), now.day()));
            }
            found.extend(sizao_epi::duties::breaches(&own, now).into_iter().map(|(clock, late)| Breach {
                institution: institution.clone(),
                clock,
                late,
            }));
        }
        found.sort_by_key(|breach| std::cmp::Reverse((breach.clock.began_at, breach.late)));
        Ok(found)
    }

    async fn site_view(&self, institution: InstitutionRecord) -> Result<SiteView, AppError> {
        let now = self.now();
        let (people, changes) = self.history(&institution).await?;
        let responsible = people.iter().find(|person| person.holds_on(now.day())).cloned();
        let reports = self.store().reports_of(institution.id, now.day().plus_days(-14), 5_000).await?;
        let days = (0..15).map(|back| site_day(&reports, now.day().plus_days(-back))).collect();
        let recent = reports.into_iter().take(SHOWN_MAX as usize).filter_map(|report| {
            let kind = kind_of_code(report.kind)?;
            let clock = clock_of(kind, report.seen_at, report.on_day, report.reported_at);
            Some((report, kind, clock.map(|clock| (clock, clock.standing(now)))))
        });
        let reports = recent.collect();
        Ok(SiteView { institution, responsible, people, changes, reports, days, at: now })
    }

    async fn patient_of(
        &self,
        checked: &Checked,
        institution: &InstitutionRecord,
    ) -> Result<Option<PersonId>, AppError> {
        let Some(patient) = &checked.patient else { return Ok(None) };
        let draft = patient.draft(&scope_of(institution), &checked.key, institution.division);
        let person = VaultPerson { search_terms: names::search_terms(&draft), draft };
        Ok(self.store().resolve_people(&[person], self.now()).await?.first().copied())
    }

    async fn facts_of_entry(
        &self,
        checked: &Checked,
        institution: &InstitutionRecord,
        person: Option<PersonId>,
        channel: Channel,
        now: Instant,
    ) -> Result<Vec<NewFact>, AppError> {
        let store = self.store();
        let source = store.source(&scope_of(institution)).await?;
        let sample_key: Box<str> = format!("{}/sample", checked.key).into();
        let known = store.find_by_sender_keys(source, std::slice::from_ref(&sample_key)).await?;
        let sample = known.get(&sample_key).copied().unwrap_or_else(|| store.new_fact_id(now));
        let fact = |id: FactId, person: Option<PersonId>, key: String, body: FactBody| NewFact {
            id,
            person,
            division: institution.division,
            happened: Happened::at(checked.seen_at),
            recorded_at: now,
            body,
            recorder: self.recorder,
            channel,
            source,
            intake_key: IntakeKey::Sender(key.into()),
        };
        let report = SentinelReport {
            institution: SiteId::from(institution.id.to_string().as_str()),
            report: checked.kind,
            day: checked.day,
            count: checked.count,
            drugs: checked.drugs.clone(),
            entered_at: checked.entered_at,
        };
        let mut facts = vec![fact(store.new_fact_id(now), None, checked.key.clone(), report.into())];
        match (checked.kind, person) {
            (SentinelKind::Fever, Some(_)) => {
                let body = SymptomReport { symptoms: checked.symptoms.clone(), temperature: checked.temperature };
                facts.push(fact(store.new_fact_id(now), person, format!("{}/symptoms", checked.key), body.into()));
            }
            (SentinelKind::AntigenPositive, Some(_)) => {
                let body = Sample { method: TestMethod::AntigenTest, lab: None, pool: None, disease: None };
                facts.push(fact(sample, person, sample_key.into(), body.into()));
                let body = TestResult { sample: Some(sample), pool: None, outcome: Outcome::Positive };
                facts.push(fact(store.new_fact_id(now), None, format!("{}/result", checked.key), body.into()));
            }
            _ => {}
        }
        Ok(facts)
    }
}

/// Who gives the keys of an institution's entries.
fn scope_of(institution: &InstitutionRecord) -> String {
    format!("sentinel {}", institution.id)
}

fn report_of(stored: &StoredFact) -> Option<ReportRecord> {
    let FactBody::SentinelReport(report) = &stored.fact.body else { return None };
    Some(ReportRecord {
        fact: stored.fact.id,
        institution: institution_id(report.institution.as_str()),
        division: stored.division,
        kind: kind_code(report.report),
        drugs: drug_bits(&report.drugs),
        count: report.count.into(),
        on_day: report.day,
        seen_at: seen_at(stored),
        reported_at: stored.fact.recorded_at,
        entered_at: report.entered_at,
    })
}

/// When it was seen. A list that gives only a day: the last minute of it, or the arrival, so that a site is never said to be
/// later than it can have been.
fn seen_at(stored: &StoredFact) -> Instant {
    let happened = &stored.fact.happened;
    match happened.when {
        When::On(day) => day.plus_days(1).start().plus_minutes(-1).min(stored.fact.recorded_at),
        When::At(_) | When::During(..) => happened.starts_at(),
    }
}

/// The clock that a report stops. A zero report stops that of its day; absences have none.
pub(super) fn clock_of(kind: SentinelKind, seen_at: Instant, day: CivilDay, reported_at: Instant) -> Option<DutyClock> {
    match kind {
        SentinelKind::Fever => Some(DutyClock::usual(Duty::FeverReport, seen_at, Some(reported_at))),
        SentinelKind::AntigenPositive => Some(DutyClock::usual(Duty::CaseReport, seen_at, Some(reported_at))),
        SentinelKind::DrugSale => Some(DutyClock::usual(Duty::DrugSale, seen_at, Some(reported_at))),
        SentinelKind::Zero => Some(daily_report(day, Some(reported_at))),
        SentinelKind::Absence => None,
    }
}

/// The clocks of reports, by institution; those of days are in [`daily_clocks`].
pub(super) fn clocks_of(reports: &[ReportRecord]) -> HashMap<Uuid, Vec<DutyClock>> {
    let mut clocks: HashMap<Uuid, Vec<DutyClock>> = HashMap::new();
    for report in reports {
        let kind = kind_of_code(report.kind).filter(|kind| *kind != SentinelKind::Zero);
        let clock = kind.and_then(|kind| clock_of(kind, report.seen_at, report.on_day, report.reported_at));
        clocks.entry(report.institution).or_default().extend(clock);
    }
    clocks
}

/// One clock for each day from `from` up to and including yesterday: stopped by the first report of that day.
pub(super) fn daily_clocks<'r>(
    reports: impl Iterator<Item = &'r ReportRecord>,
    from: CivilDay,
    today: CivilDay,
) -> Vec<DutyClock> {
    let mut first: HashMap<CivilDay, Instant> = HashMap::new();
    for report in reports {
        let at = first.entry(report.on_day).or_insert(report.reported_at);
        *at = (*at).min(report.reported_at);
    }
    let days = (0..).map(|n| from.plus_days(n)).take_while(|day| *day < today);
    days.map(|day| daily_report(day, first.get(&day).copied())).collect()
}

/// Sums of a day; reports are of one site.
pub(super) fn site_day(reports: &[ReportRecord], day: CivilDay) -> SiteDay {
    let mut counts = [0; 5];
    let mut kinds = HashSet::new();
    for report in reports.iter().filter(|report| report.on_day == day) {
        kinds.insert(report.kind);
        if let Some(place) = super::KINDS.iter().position(|kind| kind_code(*kind) == report.kind) {
            counts[place] += report.count;
        }
    }
    let zero = kinds.contains(&kind_code(SentinelKind::Zero));
    SiteDay { day, counts, reported: !kinds.is_empty(), contradicted: zero && counts.iter().any(|count| *count > 0) }
}
