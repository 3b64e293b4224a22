//! The file of a case for those who trace (个案流调): the infectious window by the pack, where the case was, contacts found
//! in the ledger and entered by hand, what was asked, and who infected whom.
//!
//! What the ledger finds is a proposal. Only what a tracer confirms, person by person, becomes an exposure, recorded
//! and signed with the tracer's own key.

mod alike;
mod chain;
mod contacts;
mod entry;
mod investigation;

use std::collections::HashMap;

use sizao_model::{DivisionCode, Fact, FactBody, FactId, FactKind, Happened, Instant, PersonId, fact::Exposure};
use sizao_policy::{CaseWindow, FactIndex, infectious_windows};
use sizao_presence::{PersonNo, Span};
use sizao_store::{Channel, IntakeKey, MentionKey, NewFact, PlaceRecord, Receipt, Submission};

pub use self::{
    alike::{Alike, AlikeReason},
    chain::{Chain, ChainEdge, ChainNode, NodeKind},
    contacts::{ConfirmedContacts, Found, MINUTES, Met, Proposal},
    entry::{EnteredContact, GROUPS, RELATIONS, RowWrong, SHEET_MAX, SheetOutcome, SheetRow},
    investigation::{Answered, Mark, PARTS, Part as PartOf, Question, parts},
};
use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, Purpose, can, usual_purpose},
    board::Group,
    identity::Actor,
    ledger::{moment, seconds},
    people::{PeoplePage, PersonLine, number},
    refusal::Refusal,
};
pub use sizao_presence::Closeness;

/// Contacts on record that a page shows.
const KNOWN_MAX: usize = 500;

/// One case, for whoever traces it.
#[derive(Clone, Debug)]
pub struct CaseFile {
    /// The head, masked.
    pub line: PersonLine,
    /// The infectious window by the pack in force, of the latest infection; none for who is no case.
    pub window: Option<CaseWindow>,
    /// Where the case was in it, as far as the ledger knows.
    pub stays: Vec<CaseStay>,
    /// Contacts on record.
    pub contacts: Vec<KnownContact>,
    /// Of whom the case is a contact.
    pub sources: Vec<KnownContact>,
    /// Own facts, oldest first.
    pub facts: Vec<Fact>,
    /// The clocks of the investigation.
    pub marks: Vec<Mark>,
    /// What was asked, newest version of each part.
    pub answered: Vec<Answered>,
    /// When it was put together.
    pub at: Instant,
}

/// A stay of a case.
#[derive(Clone, Debug)]
pub struct CaseStay {
    /// Where.
    pub place: PlaceRecord,
    /// From when.
    pub from: Instant,
    /// Until when.
    pub until: Instant,
}

/// Somebody on record as a contact, or as the one from whom it came.
#[derive(Clone, Debug)]
pub struct KnownContact {
    /// Who.
    pub person: PersonId,
    /// Number to speak of the person by.
    pub number: String,
    /// Family name and stars.
    pub name: Option<String>,
    /// The exposure.
    pub fact: FactId,
    /// When they met.
    pub happened: Happened,
    /// What is known of it.
    pub exposure: Exposure,
    /// Whether it counts as evidence by now.
    pub counts: bool,
}

impl App {
    /// The file of a case; the reading is recorded before it is given.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn case_file(&self, actor: &Actor, person: PersonId, wall: Instant) -> Result<CaseFile, AppError> {
        let purpose = usual_purpose(actor, Action::TraceCases)?;
        self.may_touch(actor, Action::TraceCases, person, purpose, wall).await?;
        self.log_deed(actor, Action::TraceCases, purpose, Some(person), Reason::NONE, wall).await?;
        let at = self.now();
        let (facts, window) = self.own_facts(person, at).await?;
        let line = self.lines(&[person]).await?.pop().ok_or(Refusal::NotFound)?;
        let stays = match &window {
            Some(window) => self.stays_in(person, span_of(window, at)).await?,
            None => Vec::new(),
        };
        let contacts = self.known_contacts(person).await?;
        let sources = self.known_sources(&facts).await?;
        let (marks, answered) = (investigation::marks(&facts, at), investigation::answered(&facts));
        Ok(CaseFile { line, window, stays, contacts, sources, facts, marks, answered, at })
    }

    /// Cases put on record within seven days in the actor's division, latest first by their list.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn list_cases(&self, actor: &Actor) -> Result<PeoplePage, AppError> {
        can(actor, Action::TraceCases, actor.division, PURPOSE)?;
        self.list_people(actor, Group::New7d, None, None).await
    }

    /// Whether the actor may read and write the file of a person.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn may_trace(&self, actor: &Actor, person: PersonId, wall: Instant) -> Result<(), AppError> {
        self.may_touch(actor, Action::TraceCases, person, PURPOSE, wall).await.map(|_| ())
    }

    /// The facts of a person, and the window of the latest infection.
    async fn own_facts(&self, person: PersonId, at: Instant) -> Result<(Vec<Fact>, Option<CaseWindow>), AppError> {
        self.catch_up(|_| {}).await?;
        let rules = self.rules_known(at);
        let facts = self.facts_around(&[person]).await?;
        let index = FactIndex::new(&facts);
        let dossier = index.dossier(person);
        let window = infectious_windows(&dossier, &rules.timeline, at, at).pop();
        let mut own: Vec<Fact> =
            dossier.facts.iter().filter(|fact| fact.person == Some(person)).copied().cloned().collect();
        own.sort_by_key(|fact| (fact.happened.starts_at(), fact.recorded_at, fact.id));
        Ok((own, window))
    }

    /// Where a person was, as far as the ledger knows.
    async fn stays_in(&self, person: PersonId, span: Span) -> Result<Vec<CaseStay>, AppError> {
        let Some(number) = self.store().ledger_number(person).await? else { return Ok(Vec::new()) };
        let (view, _) = self.ledger_view(self.now()).await?;
        let stays = view.stays_of(PersonNo(number), span);
        let numbers: Vec<u32> = stays.iter().map(|stay| stay.place.0).collect();
        let places = self.store().load_places(&numbers).await?;
        let stay = |stay: &sizao_presence::Stay| {
            let place = places.get(&stay.place.0)?.clone();
            Some(CaseStay { place, from: moment(stay.enter_s), until: moment(stay.leave_s) })
        };
        Ok(stays.iter().filter_map(stay).collect())
    }

    /// Exposures that name this person as the case, those withdrawn left out.
    pub(crate) async fn known_contacts(&self, person: PersonId) -> Result<Vec<KnownContact>, AppError> {
        let leaves = self.store().leaves_mentioning(vec![MentionKey::named(person)], &[FactKind::Exposure]).await?;
        let (stored, _) = self.store().load_at(&leaves).await?;
        let exposures: Vec<Fact> = stored
            .into_iter()
            .map(|stored| stored.fact)
            .filter(|fact| matches!(&fact.body, FactBody::Exposure(of) if of.case == Some(person)))
            .take(KNOWN_MAX)
            .collect();
        self.known(exposures, |fact| fact.person).await
    }

    async fn known_sources(&self, own: &[Fact]) -> Result<Vec<KnownContact>, AppError> {
        let exposures: Vec<Fact> =
            own.iter().filter(|fact| matches!(fact.body, FactBody::Exposure(_))).cloned().collect();
        self.known(exposures, |fact| match &fact.body {
            FactBody::Exposure(of) => of.via.or(of.case),
            _ => None,
        })
        .await
    }

    async fn known(
        &self,
        exposures: Vec<Fact>,
        who: impl Fn(&Fact) -> Option<PersonId>,
    ) -> Result<Vec<KnownContact>, AppError> {
        let keys: Vec<MentionKey> = exposures.iter().map(|fact| MentionKey::fact(fact.id)).collect();
        let kinds = [FactKind::Confirmation, FactKind::Correction];
        let (about, _) = self.store().load_at(&self.store().leaves_mentioning(keys, &kinds).await?).await?;
        let mut confirmed: Vec<FactId> = Vec::new();
        let mut withdrawn: Vec<FactId> = Vec::new();
        for stored in about {
            match stored.fact.body {
                FactBody::Confirmation(one) => confirmed.push(one.of),
                FactBody::Correction(one) if one.retract => withdrawn.push(one.of),
                _ => {}
            }
        }
        let people: Vec<PersonId> = exposures.iter().filter_map(&who).collect();
        let names = self.masked_names(&people).await?;
        let mut known: Vec<KnownContact> = exposures
            .into_iter()
            .filter(|fact| !withdrawn.contains(&fact.id))
            .filter_map(|fact| {
                let person = who(&fact)?;
                let FactBody::Exposure(exposure) = fact.body else { return None };
                let is_evidence = exposure.evidence.grade() == sizao_model::fact::EvidenceGrade::Evidence;
                Some(KnownContact {
                    person,
                    number: number(person),
                    name: names.get(&person).cloned(),
                    fact: fact.id,
                    happened: fact.happened,
                    counts: is_evidence || confirmed.contains(&fact.id),
                    exposure,
                })
            })
            .collect();
        known.sort_by_key(|one| (one.happened.starts_at(), one.fact));
        Ok(known)
    }

    /// Family name and stars of some people; whoever is protected has none.
    pub(crate) async fn masked_names(&self, people: &[PersonId]) -> Result<HashMap<PersonId, String>, AppError> {
        let details = self.store().reveal_details(people).await?;
        let protected = self.store().protected_among(people).await?;
        let name = |(person, details): (PersonId, sizao_store::PersonDetails)| {
            Some((person, sizao_model::identity::mask_name(details.full_name.as_deref()?)))
        };
        Ok(details.into_iter().filter(|(person, _)| !protected.contains(person)).filter_map(name).collect())
    }

    /// Puts facts on record as the actor's own word: recorder and signature are the actor's.
    async fn record_as(&self, actor: &Actor, facts: Vec<OwnFact>, wall: Instant) -> Result<Vec<Receipt>, AppError> {
        if facts.is_empty() {
            return Ok(Vec::new());
        }
        let (store, now) = (self.store(), self.now());
        let key = store.account_key(actor.account, wall).await?;
        let recorder = store.add_recorder(&format!("account {}", actor.account), &key.verifying_key(), now).await?;
        let source = store.source("case files").await?;
        let facts: Vec<NewFact> = facts
            .into_iter()
            .map(|fact| NewFact {
                id: fact.id,
                person: fact.person,
                division: fact.division,
                happened: fact.happened,
                recorded_at: now,
                body: fact.body,
                recorder,
                channel: Channel::Page,
                source,
                intake_key: IntakeKey::Sender(fact.key.into()),
            })
            .collect();
        let sealer = store.sealer(&facts).await?;
        let salts = store.salts(facts.len());
        let sealed: Vec<_> = facts.into_iter().zip(&salts).map(|(fact, salt)| sealer.seal(fact, salt)).collect();
        let submission = Submission::sign(&sealed, &key);
        Ok(store.append(sealed, &submission, None, now).await?.receipts)
    }
}

/// A fact on the way to the record.
struct OwnFact {
    id: FactId,
    person: Option<PersonId>,
    division: DivisionCode,
    happened: Happened,
    body: FactBody,
    key: String,
}

/// The window as whole seconds, at most until now.
fn span_of(window: &CaseWindow, now: Instant) -> Span {
    let until = window.closes_at.map_or(now, |closes| closes.min(now));
    Span { from_s: seconds(window.opens_at), until_s: seconds(until) }
}

/// The purpose for which case files are read and written.
const PURPOSE: Purpose = Purpose::Tracing;
