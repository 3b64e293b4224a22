//! The work of following arrivals: putting them together, closing those who do not come, class and owner for each.

use std::collections::{BTreeSet, HashMap};

use sizao_model::{
    DivisionCode, FactBody, FactId, FactKind, Happened, Instant, Measure, MeasureKind, PersonId,
    division::DivisionLevel,
    fact::{Confirmation, ConfirmedBy, EvidenceGrade, NoShow},
};
use sizao_presence::{ArrivalRules, ArrivalState, OneArrival, SignalKind, fold_signals};
use sizao_store::{AccountRecord, ArrivalRecord, Channel, StoredFact, UnitRecord};
use uuid::Uuid;

use super::{ArrivalClass, FILL_HOURS, signals::Cluster};
use crate::{
    App, AppError,
    identity::{Role, UnitKind},
    loops::{Addition, nearest},
};

/// Leaves read at a time.
const CHUNK: u64 = 50_000;
/// Kinds of facts that can change an arrival.
const KINDS: [FactKind; 7] = [
    FactKind::Arrival,
    FactKind::ArrivalExpected,
    FactKind::IdentityLink,
    FactKind::IdentityUnlink,
    FactKind::Confirmation,
    FactKind::Correction,
    FactKind::NoShow,
];
/// People laid out at a time.
const PEOPLE_CHUNK: usize = 2_000;
/// Units and accounts of a province.
const UNITS_MAX: u32 = 50_000;
/// Rounds of one pass: what it appends is read in the next.
const ROUNDS_MAX: u32 = 1_000;

/// What a pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FollowedArrivals {
    /// People whose arrivals were laid out.
    pub people: u64,
    /// Links made between records of one human being.
    pub linked: u64,
    /// Arrivals closed because nobody came.
    pub no_shows: u64,
    /// Rows of lists that the person's own announcement confirmed.
    pub confirmed: u64,
}

/// Who may be responsible, by province.
#[derive(Default)]
struct Owners {
    units: Vec<UnitRecord>,
    workers: HashMap<Uuid, Vec<Uuid>>,
    provinces: BTreeSet<DivisionCode>,
}

impl App {
    /// Puts new signals together into arrivals, and gives each a class and an owner. Repeating it changes nothing.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn follow_arrivals(&self) -> Result<FollowedArrivals, AppError> {
        let mut done = FollowedArrivals::default();
        let mut owners = Owners::default();
        for _ in 0..ROUNDS_MAX {
            self.catch_up(|_| {}).await?;
            let (from, size) = (self.store().arrival_watermark().await?, self.store().size().await?);
            if from >= size {
                break;
            }
            let to = (from + CHUNK).min(size);
            let facts = self.store().load_kinds_among(from, to, &KINDS).await?;
            let (arrived, changed) = self.arrivals_changed(&facts).await?;
            for people in arrived.chunks(PEOPLE_CHUNK) {
                done.linked += self.link_records(people).await?;
            }
            if done.linked > 0 {
                self.catch_up(|_| {}).await?;
            }
            for people in changed.chunks(PEOPLE_CHUNK) {
                self.lay_out_arrivals(people, &mut owners, &mut done).await?;
            }
            self.store().save_arrivals(&[], Vec::new(), Some(to)).await?;
        }
        // Whose assessment was made anew, and for whom nobody waits any more.
        let due = self.store().arrivals_to_follow(self.now(), UNITS_MAX).await?;
        for people in due.chunks(PEOPLE_CHUNK) {
            self.lay_out_arrivals(people, &mut owners, &mut done).await?;
        }
        Ok(done)
    }

    /// Whose arrivals these facts can change: those who came or were announced, and all of them.
    async fn arrivals_changed(&self, facts: &[StoredFact]) -> Result<(Vec<PersonId>, Vec<PersonId>), AppError> {
        let (mut arrived, mut changed) = (BTreeSet::new(), BTreeSet::new());
        let mut named: Vec<FactId> = Vec::new();
        for StoredFact { fact, .. } in facts {
            match &fact.body {
                FactBody::Arrival(_) | FactBody::ArrivalExpected(_) => arrived.extend(fact.person),
                FactBody::IdentityLink(link) => changed.extend(fact.person.into_iter().chain([link.other])),
                FactBody::IdentityUnlink(unlink) => {
                    changed.extend(fact.person);
                    let link = self.store().load_fact(unlink.link).await?;
                    if let Some(FactBody::IdentityLink(link)) = link.map(|stored| stored.fact.body) {
                        changed.insert(link.other);
                    }
                }
                FactBody::Confirmation(_) | FactBody::Correction(_) | FactBody::NoShow(_) => {
                    named.extend(fact.body.facts_named());
                    if let FactBody::Correction(correction) = &fact.body {
                        changed.extend(correction.person);
                    }
                }
                _ => {}
            }
        }
        changed.extend(self.store().subjects_of(&named).await?.into_values());
        // Others than those who arrived before have no arrival to change.
        changed.retain(|person| !arrived.contains(person));
        let others: Vec<PersonId> = changed.into_iter().collect();
        let keys = others.iter().map(|person| sizao_store::MentionKey::about(*person)).collect();
        let kinds = [FactKind::Arrival, FactKind::ArrivalExpected];
        let (theirs, _) = self.store().load_mentioning(keys, &kinds).await?;
        let arrived: Vec<PersonId> = arrived.into_iter().collect();
        let mut changed = arrived.clone();
        changed.extend(theirs.iter().filter_map(|stored| stored.fact.person).collect::<BTreeSet<_>>());
        Ok((arrived, changed))
    }

    async fn lay_out_arrivals(
        &self,
        people: &[PersonId],
        owners: &mut Owners,
        done: &mut FollowedArrivals,
    ) -> Result<(), AppError> {
        let (now, leaf) = (self.now(), self.store().size().await?);
        let clusters = self.clusters(people).await?;
        let everybody: Vec<PersonId> = clusters.iter().flat_map(|cluster| cluster.people.iter().copied()).collect();
        let mut before: HashMap<FactId, ArrivalRecord> = HashMap::new();
        let mut of_person: HashMap<PersonId, Vec<FactId>> = HashMap::new();
        for record in self.store().arrivals_of(&everybody).await? {
            of_person.entry(record.person).or_default().push(record.id);
            before.insert(record.id, record);
        }
        let (mut records, mut additions) = (Vec::new(), Vec::new());
        for cluster in &clusters {
            if cluster.signals.is_empty() {
                continue;
            }
            let measures = self.measures_of(&cluster.people).await?;
            let arrivals = fold_signals(&cluster.signals, &ArrivalRules::default(), now);
            for arrival in &arrivals {
                self.owed_facts(cluster, arrival, &mut additions, done);
                // The row of the same arrival before, whatever signal was its first then.
                let mine = cluster.people.iter().filter_map(|person| of_person.get(person)).flatten();
                let earlier = mine.filter(|id| arrival.facts.contains(id)).min().and_then(|id| before.get(id));
                let mut record = self.row_of(cluster, arrival, earlier, &measures, leaf);
                if record.known_at.is_some() && record.unit.is_none() {
                    owners.give(self, &mut record, now).await?;
                }
                records.push(record);
            }
        }
        done.people += everybody.len() as u64;
        self.store().save_arrivals(&everybody, records, None).await?;
        self.append_all("arrivals", additions).await?;
        Ok(())
    }

    /// The measures on record of these people.
    async fn measures_of(&self, people: &[PersonId]) -> Result<Vec<Measure>, AppError> {
        let mut measures = Vec::new();
        for person in people {
            let Some(row) = self.store().load_assessment(*person).await? else { continue };
            let answer: Option<sizao_model::Assessment> = serde_json::from_str(&row.answer).ok();
            measures.extend(answer.into_iter().flat_map(|assessment| assessment.measures));
        }
        Ok(measures)
    }

    fn row_of(
        &self,
        cluster: &Cluster,
        arrival: &OneArrival,
        earlier: Option<&ArrivalRecord>,
        measures: &[Measure],
        leaf: u64,
    ) -> ArrivalRecord {
        let now = self.now();
        let is_known = matches!(arrival.state, ArrivalState::ToConfirm | ArrivalState::Arrived);
        let (class, measure) = if is_known { class_of(arrival, measures, now) } else { (None, None) };
        let code = class.map_or(0, ArrivalClass::code);
        let own_word = SignalKind::Declared.bit() | SignalKind::Announced.bit();
        let records_merged = arrival.facts.iter().filter_map(|fact| cluster.of.get(fact).map(|(person, _)| *person));
        ArrivalRecord {
            // The first signal names it for ever, whatever comes later.
            id: earlier.map_or(arrival.facts[0], |earlier| earlier.id),
            person: cluster.people[0],
            division: arrival.into,
            state: arrival.state as i64,
            arrived_at: arrival.arrived_at,
            known_at: arrival.known_at,
            channels: arrival.channels,
            class: code,
            measure: measure.map_or(String::new(), |kind| kind.name().to_owned()),
            classed_at: earlier.and_then(|earlier| earlier.classed_at).or((code > 0).then_some(now)),
            classed_leaf: leaf,
            unit: earlier.and_then(|earlier| earlier.unit),
            officer: earlier.and_then(|earlier| earlier.officer),
            owned_at: earlier.and_then(|earlier| earlier.owned_at),
            no_show_at: arrival.no_show_at,
            fill_by: arrival
                .known_at
                .filter(|_| is_known && arrival.channels & own_word == 0 && !arrival.transit)
                .map(|at| at.plus_hours(FILL_HOURS)),
            merged: records_merged.collect::<BTreeSet<_>>().len() as i64,
        }
    }

    /// What a program may say by itself: that nobody came, and that a row of a list is what the person announced.
    fn owed_facts(
        &self,
        cluster: &Cluster,
        arrival: &OneArrival,
        additions: &mut Vec<Addition>,
        done: &mut FollowedArrivals,
    ) {
        let of = |fact: &FactId| cluster.signals.iter().find(|signal| signal.fact == *fact);
        let signals = || arrival.facts.iter().filter_map(of);
        let mut add = |person, body: FactBody, at, key| {
            additions.push(Addition {
                person,
                division: arrival.into,
                happened: Happened::at(at),
                body,
                key,
                channel: Channel::System,
            });
        };
        match arrival.state {
            ArrivalState::NoShow => {
                for signal in signals().filter(|signal| !signal.closed) {
                    let person = cluster.of.get(&signal.fact).map(|(person, _)| *person);
                    let at = arrival.no_show_at.unwrap_or_else(|| self.now()).min(self.now());
                    done.no_shows += 1;
                    add(person, NoShow { of: signal.fact }.into(), at, format!("no-show/{}", signal.fact));
                }
            }
            ArrivalState::ToConfirm => {
                let whose = |fact: &FactId| cluster.of.get(fact).copied();
                let announced: Vec<PersonId> = signals()
                    .filter_map(|signal| whose(&signal.fact))
                    .filter(|(_, own)| *own)
                    .map(|(p, _)| p)
                    .collect();
                let leads = signals().filter(|signal| {
                    signal.kind == SignalKind::List && signal.grade == EvidenceGrade::Lead && !signal.closed
                });
                for lead in leads {
                    // On one and the same record: a guess that two records are one confirms nothing.
                    if whose(&lead.fact).is_some_and(|(person, _)| announced.contains(&person)) {
                        done.confirmed += 1;
                        let body = Confirmation { of: lead.fact, by: ConfirmedBy::Person };
                        add(None, body.into(), self.now(), format!("announced/{}", lead.fact));
                    }
                }
            }
            ArrivalState::Expected | ArrivalState::Arrived | ArrivalState::Refuted => {}
        }
    }
}

/// Class and strictest measure of an arrival that is known.
fn class_of(arrival: &OneArrival, measures: &[Measure], now: Instant) -> (Option<ArrivalClass>, Option<MeasureKind>) {
    let of_rule = |measure: &Measure| {
        let rule = measure.rule().rsplit(':').next().unwrap_or_default();
        match rule {
            "arrival" => ArrivalClass::Tests,
            "inbound_traveller" => ArrivalClass::Abroad,
            "risk_area_traveller" | "same_city_traveller" | "same_county_traveller" => ArrivalClass::RiskArea,
            _ => ArrivalClass::Other,
        }
    };
    let is_its = |measure: &&Measure| {
        measure.because().iter().any(|fact| arrival.facts.contains(fact))
            || (measure.is_active(now)
                && of_rule(measure) != ArrivalClass::Tests
                && of_rule(measure) != ArrivalClass::Abroad)
    };
    let its: Vec<&Measure> = measures.iter().filter(is_its).collect();
    let strictest = its.iter().filter(|m| m.is_active(now)).map(|m| m.kind()).max_by_key(|kind| kind.strictness());
    if let Some(class) = its.iter().map(|measure| of_rule(measure)).min() {
        return (Some(class), strictest);
    }
    let province = arrival.into.at(DivisionLevel::Province).map_or(String::new(), |province| province.to_string());
    let class = match () {
        () if arrival.state == ArrivalState::ToConfirm => ArrivalClass::ToConfirm,
        () if arrival.transit => ArrivalClass::Transit,
        () if arrival.from.starts_with(&province) => ArrivalClass::WithinProvince,
        () => ArrivalClass::NoRule,
    };
    (Some(class), None)
}

impl Owners {
    /// Gives an arrival to the nearest community, and there to one of its workers: always the same for the same arrival.
    async fn give(&mut self, app: &App, record: &mut ArrivalRecord, now: Instant) -> Result<(), AppError> {
        let Some(province) = record.division.at(DivisionLevel::Province) else { return Ok(()) };
        if self.provinces.insert(province) {
            let units = app.store().list_units(province, UNITS_MAX).await?;
            self.units.extend(units.into_iter().filter(|unit| unit.closed_at.is_none()));
            let accounts = app.store().list_accounts(province, UNITS_MAX).await?;
            let works =
                |account: &AccountRecord| account.closed_at.is_none() && account.role == Role::CommunityWorker.name();
            for account in accounts.into_iter().filter(works) {
                self.workers.entry(account.unit).or_default().push(account.id);
            }
            self.workers.values_mut().for_each(|workers| workers.sort_unstable());
        }
        let kinds = [UnitKind::Community, UnitKind::Cdc, UnitKind::Headquarters];
        if let Some(unit) = nearest(&self.units, record.division, &kinds) {
            let workers = self.workers.get(&unit).map_or(&[][..], Vec::as_slice);
            let which = usize::from(record.id.as_bytes()[15]) % workers.len().max(1);
            (record.unit, record.officer, record.owned_at) = (Some(unit), workers.get(which).copied(), Some(now));
        }
        Ok(())
    }
}
