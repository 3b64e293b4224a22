//! "Find contacts": what the ledger proposes for a case, and what becomes of it when a tracer confirms.

use std::{collections::BTreeMap, time::Duration};

use sizao_model::{
    Edge, FactId, Happened, Instant, PersonId,
    fact::{Confirmation, ConfirmedBy, EvidenceKind, Exposure, Meeting},
    measure::ContactClass,
};
use sizao_policy::CaseWindow;
use sizao_presence::{
    CaseNo, Closeness, Duration as Least, Evidence, IndexCase, PersonNo, SettingRules, find_evidence,
};
use sizao_store::{PlaceRecord, Receipt, sha256};

use super::{OwnFact, PURPOSE, span_of};
use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, can},
    identity::Actor,
    ledger::{day_of, moment},
    mandates::Collection,
    people::number,
    refusal::Refusal,
};

/// Minutes together from which a meeting counts, as a tracer may choose.
pub const MINUTES: [u32; 5] = [1, 5, 10, 15, 30];
/// Proposals that a page shows.
const SHOWN_MAX: usize = 300;
/// Proposals confirmed at once.
const PICKED_MAX: usize = 300;
/// Meetings of one proposal that are told one by one.
const MEETINGS_MAX: usize = 6;

/// What was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The window that was looked at.
    pub window: CaseWindow,
    /// Who met the case in it, closest and longest first.
    pub proposals: Vec<Proposal>,
    /// How many there are.
    pub total: usize,
    /// Stays in the ledger.
    pub stays: usize,
    /// How long the engine took.
    pub took: Duration,
}

/// Somebody who met the case.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// Who.
    pub person: PersonId,
    /// Number to speak of the person by.
    pub number: String,
    /// Family name and stars.
    pub name: Option<String>,
    /// Nearest of all meetings.
    pub closeness: Closeness,
    /// Meetings, latest first; a few of them.
    pub met: Vec<Met>,
    /// How many meetings.
    pub meetings: usize,
    /// Time together; seconds.
    pub together_s: u64,
    /// Whether the person is on record as a contact of this case already.
    pub on_record: bool,
}

/// A meeting.
#[derive(Clone, Debug)]
pub struct Met {
    /// Where.
    pub place: PlaceRecord,
    /// From when.
    pub from: Instant,
    /// Until when.
    pub until: Instant,
    /// How close.
    pub closeness: Closeness,
}

/// What was put on record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConfirmedContacts {
    /// Exposures recorded now.
    pub recorded: usize,
    /// Exposures that were on record by the same evidence.
    pub repeated: usize,
}

impl App {
    /// Who met a case in its infectious window, by the ledger as it is now. Nothing is recorded but that it was asked.
    ///
    /// - `minutes`: together from which a meeting at a place without a rule of its own counts.
    ///
    /// # Errors
    /// [`Refusal`]; [`Refusal::Field`] for who is no case.
    pub async fn find_contacts(
        &self,
        actor: &Actor,
        person: PersonId,
        minutes: u32,
        wall: Instant,
    ) -> Result<Found, AppError> {
        self.may_touch(actor, Action::TraceCases, person, PURPOSE, wall).await?;
        self.log_deed(actor, Action::TraceCases, PURPOSE, Some(person), Reason::of("contacts sought"), wall).await?;
        let at = self.now();
        let (_, window) = self.own_facts(person, at).await?;
        let window = window.ok_or(Refusal::field("person", "no-case"))?;
        let (evidence, stays, took) = self.meetings_of(person, &window, minutes, at).await?;
        let mut groups: BTreeMap<u32, Vec<Evidence>> = BTreeMap::new();
        evidence.into_iter().for_each(|one| groups.entry(one.contact.0).or_default().push(one));
        let total = groups.len();
        let mut groups: Vec<(u32, Vec<Evidence>)> = groups.into_iter().collect();
        groups.sort_by_key(|(number, met)| (nearest(met), std::cmp::Reverse(together_s(met)), *number));
        groups.truncate(SHOWN_MAX);
        let proposals = self.proposals(person, groups).await?;
        Ok(Found { window, proposals, total, stays, took })
    }

    /// The meetings of a case in its window, with their closeness.
    async fn meetings_of(
        &self,
        person: PersonId,
        window: &CaseWindow,
        minutes: u32,
        at: Instant,
    ) -> Result<(Vec<Evidence>, usize, Duration), AppError> {
        let Some(number) = self.store().ledger_number(person).await? else {
            return Ok((Vec::new(), 0, Duration::ZERO));
        };
        let (view, settings) = self.ledger_view(at).await?;
        let case = IndexCase { case: CaseNo(0), person: PersonNo(number), window: span_of(window, at) };
        let least = Least::Each { least_s: minutes.max(1) * 60 };
        let rules = SettingRules {
            household: Least::Each { least_s: 1 },
            school: least,
            vehicle: Least::Each { least_s: 1 },
            venue: least,
            airborne_lag_s: window.airspace_hours.map_or(0, |hours| hours.clamp(0, 24) as u32 * 3_600),
        };
        let began = tokio::time::Instant::now();
        let found = tokio::task::block_in_place(|| find_evidence(&view, &[case], &settings, &rules));
        Ok((found, view.stay_count(), began.elapsed()))
    }

    async fn proposals(&self, case: PersonId, groups: Vec<(u32, Vec<Evidence>)>) -> Result<Vec<Proposal>, AppError> {
        let numbers: Vec<u32> = groups.iter().map(|(number, _)| *number).collect();
        let people = self.store().ledger_people(&numbers).await?;
        let ids: Vec<PersonId> = people.values().copied().collect();
        let names = self.masked_names(&ids).await?;
        let places: Vec<u32> = groups.iter().flat_map(|(_, met)| met.iter().map(|one| one.place.0)).collect();
        let places = self.store().load_places(&places).await?;
        let known: Vec<PersonId> = self.known_contacts(case).await?.into_iter().map(|one| one.person).collect();
        let proposal = |(number_in_ledger, mut met): (u32, Vec<Evidence>)| {
            let person = *people.get(&number_in_ledger)?;
            met.sort_by_key(|one| std::cmp::Reverse(one.span.from_s));
            let told = met.iter().take(MEETINGS_MAX).filter_map(|one| {
                let place = places.get(&one.place.0)?.clone();
                let (from, until) = (moment(one.span.from_s), moment(one.span.until_s));
                Some(Met { place, from, until, closeness: one.closeness })
            });
            Some(Proposal {
                person,
                number: number(person),
                name: names.get(&person).cloned(),
                closeness: nearest(&met),
                met: told.collect(),
                meetings: met.len(),
                together_s: together_s(&met),
                on_record: known.contains(&person),
            })
        };
        Ok(groups.into_iter().filter_map(proposal).collect())
    }

    /// Puts proposals on record that a tracer looked at: an exposure for each person, complete in itself, and the tracer's
    /// confirmation of it. What is not picked is nobody's business and stays nothing.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn confirm_contacts(
        &self,
        actor: &Actor,
        person: PersonId,
        picked: &[PersonId],
        minutes: u32,
        wall: Instant,
    ) -> Result<ConfirmedContacts, AppError> {
        self.may_touch(actor, Action::TraceCases, person, PURPOSE, wall).await?;
        can(actor, Action::TraceCases, actor.division, PURPOSE)?;
        if picked.is_empty() || picked.len() > PICKED_MAX {
            return Err(Refusal::field("pick", "pick-some").into());
        }
        self.require_mandate(Collection::Contacts, actor.division).await?;
        let at = self.now();
        let (_, window) = self.own_facts(person, at).await?;
        let window = window.ok_or(Refusal::field("person", "no-case"))?;
        // What is recorded is what the ledger says now, never what a browser sends.
        let (evidence, ..) = self.meetings_of(person, &window, minutes, at).await?;
        let contacts: Vec<u32> = evidence.iter().map(|one| one.contact.0).collect();
        let people = self.store().ledger_people(&contacts).await?;
        let places: Vec<u32> = evidence.iter().map(|one| one.place.0).collect();
        let places = self.store().load_places(&places).await?;
        let segments = self.store().list_segments().await?;
        let mut sorted: Vec<&PersonId> = picked.iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        let words: Vec<String> = std::iter::once(&person).chain(sorted).map(ToString::to_string).collect();
        let (content, name) = (sha256(&[words.join("/").as_bytes()]), format!("{} contacts", picked.len()));
        let counts = BTreeMap::from([("confirmation", picked.len() as u64)]);
        let counts = self.without_frozen(actor, &counts).await?;
        if counts.is_empty() {
            return Err(Refusal::field("pick", "frozen").into());
        }
        self.propose_restrictions(actor, content, &name, &counts, wall).await?;
        let told = Reason::of(&format!("{} contacts confirmed", picked.len()));
        self.log_deed(actor, Action::TraceCases, PURPOSE, Some(person), told, wall).await?;
        let mut facts = Vec::with_capacity(2 * picked.len());
        for contact in picked {
            let met: Vec<&Evidence> =
                evidence.iter().filter(|one| people.get(&one.contact.0) == Some(contact)).collect();
            // The last one counts days; the longest says why.
            let (Some(last), Some(longest)) =
                (met.iter().max_by_key(|one| one.span.until_s), met.iter().max_by_key(|one| one.span.length_s()))
            else {
                continue;
            };
            let place = places.get(&longest.place.0);
            let class = match met.iter().map(|one| one.closeness).min() {
                Some(Closeness::General) => ContactClass::GeneralContact,
                _ => ContactClass::CloseContact,
            };
            let day = day_of(last.span.until_s);
            let ledger = segments.iter().rfind(|segment| segment.day == day);
            let meeting = Meeting {
                place: place.map(|place| place.name.as_str().into()),
                place_kind: place.map(|place| place.kind.as_str().into()),
                relation: None,
                overlap_s: Some(met.iter().map(|one| u64::from(one.span.length_s())).sum()),
                encounters: Some(met.len() as u32),
                engine: Some(concat!("sizao-presence ", env!("CARGO_PKG_VERSION")).into()),
                ledger: Some(ledger.map_or("live".into(), |segment| sizao_store::hex(&segment.digest).into())),
            };
            let exposure = Exposure {
                case: Some(person),
                via: None,
                evidence: EvidenceKind::ListRow,
                disease: (&*window.disease != "covid").then(|| (&*window.disease).into()),
                case_left_at: None,
                setting: None,
                class: Some(class),
                meeting: Some(Box::new(meeting)),
            };
            let span = Happened::during(Edge::At(moment(last.span.from_s)), Some(Edge::At(moment(last.span.until_s))));
            let Ok(happened) = span else { continue };
            let division = place.map_or(actor.division, |place| place.division);
            let words = format!("{person}/{contact}/{}", last.span.until_s);
            facts.extend(self.exposure_and_word(*contact, division, happened, exposure, &words, at));
        }
        let receipts = self.record_as(actor, facts, wall).await?;
        let mut done = ConfirmedContacts::default();
        for pair in receipts.chunks(2) {
            match pair.first() {
                Some(Receipt::Stored { .. }) => done.recorded += 1,
                _ => done.repeated += 1,
            }
        }
        self.follow_log().await?;
        Ok(done)
    }

    /// An exposure that is a lead by itself, and the word of the one who looked at it.
    fn exposure_and_word(
        &self,
        contact: PersonId,
        division: sizao_model::DivisionCode,
        happened: Happened,
        exposure: Exposure,
        words: &str,
        at: Instant,
    ) -> [OwnFact; 2] {
        let id: FactId = self.store().new_fact_id(at);
        let confirmation = Confirmation { of: id, by: ConfirmedBy::Epidemiologist };
        [
            OwnFact {
                id,
                person: Some(contact),
                division,
                happened,
                body: exposure.into(),
                key: format!("exposure/{words}"),
            },
            OwnFact {
                id: self.store().new_fact_id(at),
                person: None,
                division,
                happened: Happened::at(at),
                body: confirmation.into(),
                key: format!("confirmation/{words}"),
            },
        ]
    }
}

fn nearest(met: &[Evidence]) -> Closeness {
    met.iter().map(|one| one.closeness).min().unwrap_or(Closeness::Undetermined)
}

fn together_s(met: &[Evidence]) -> u64 {
    met.iter().map(|one| u64::from(one.span.length_s())).sum()
}
