//! What a store of cases and their contacts says about speed: delays by city, measures by day, and how many days at
//! large a faster measure would have prevented. Everything is computed from facts.

mod counterfactual;
mod figures;

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;
use sizao_model::{
    CivilDay, DivisionCode, Fact, FactBody, FactId, Instant, MeasureKind, PersonId,
    division::DivisionLevel,
    fact::{CaseStatus, Outcome},
};
use sizao_policy::{FactIndex, assess};

pub use self::{
    counterfactual::Counterfactual,
    figures::{Interval, Summary},
};
use crate::{App, AppError};

/// A day's measures in force, by kind.
pub type DayMeasures = BTreeMap<MeasureKind, usize>;

/// Delays of the people of one division.
#[derive(Clone, Debug)]
pub struct Delays {
    /// City, or province where the source does not say which city.
    pub division: DivisionCode,
    /// People with a diagnosis or an exposure.
    pub people: usize,
    /// People whose onset is known.
    pub with_onset: usize,
    /// Onset to isolation, whole days.
    pub isolation: Option<Summary>,
    /// Onset to laboratory confirmation, whole days.
    pub confirmation: Option<Summary>,
}

/// The same for a province, by one of two ways of saying who belongs to it.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Pairs of infector and infectee.
    pub pairs: usize,
    /// Infectors.
    pub infectors: usize,
    /// Delays.
    pub delays: Delays,
    /// Onset of infectee minus onset of infector, days.
    pub serial_interval: Option<Summary>,
}

/// What the store says.
#[derive(Clone, Debug)]
pub struct TransmissionReport {
    /// People in the vault; those of whom no date is known are about nothing that a fact could say.
    pub people_in_vault: u64,
    /// The same, in the province.
    pub people_in_vault_of_province: u64,
    /// People whom facts are about.
    pub people: usize,
    /// People with a diagnosis that makes them a case.
    pub cases: usize,
    /// Exposures that name a case.
    pub links: usize,
    /// Facts read.
    pub facts: usize,
    /// All people together.
    pub whole: Definition,
    /// People under the province, places understood by what ids and source claim included.
    pub extended: Definition,
    /// Only pairs whose infector's city is spelled as one of the province's cities.
    pub plain: Definition,
    /// By city, most people first.
    pub by_city: Vec<Delays>,
    /// People whose place is known only to the province.
    pub province_only: BTreeMap<DivisionCode, usize>,
    /// Measures in force at the end of each day, as known then.
    pub measures: BTreeMap<CivilDay, DayMeasures>,
    /// The day that was looked at.
    pub on_day: CivilDay,
    /// Measures that day, and people under any that restricts.
    pub restricted_on_day: usize,
    /// Days at large that a faster measure would have prevented.
    pub counterfactual: Counterfactual,
}

/// What the report is asked for.
#[derive(Clone, Debug)]
pub struct TransmissionQuestion {
    /// Day on which everybody is assessed, at its end.
    pub on_day: CivilDay,
    /// Hours from an infector's confirmation to the contact's measure, in the counterfactual.
    pub hours: i64,
    /// Province of the two definitions.
    pub province: DivisionCode,
    /// Spellings of its cities in the source, for the plain definition.
    pub spellings: Vec<String>,
}

/// What facts say about one person.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    division: Option<DivisionCode>,
    is_case: bool,
    onset: Option<CivilDay>,
    isolated: Option<CivilDay>,
    site: Option<String>,
    confirmed: Option<CivilDay>,
}

/// People and pairs, from facts alone.
#[derive(Default)]
pub(crate) struct Line {
    people: BTreeMap<PersonId, Known>,
    /// Infector and infectee.
    pairs: Vec<(PersonId, PersonId)>,
}

impl App {
    /// Answers a question about transmission from the facts of the store.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn report_transmission(&self, question: &TransmissionQuestion) -> Result<TransmissionReport, AppError> {
        let size = self.store().size().await?;
        let stored = self.store().load_leaves(0, size).await?;
        let divisions: FxHashMap<FactId, DivisionCode> =
            stored.iter().map(|stored| (stored.fact.id, stored.division)).collect();
        let facts: Vec<Fact> = stored.into_iter().map(|stored| stored.fact).collect();
        let line = Line::of(&facts, &divisions);
        let (measures, restricted_on_day) = self.measures_by_day(&facts, question.on_day);
        let extended = line.under(question.province);
        let plain = line.spelled(&extended, question.province, &question.spellings);
        let everybody: BTreeSet<PersonId> = line.people.keys().copied().collect();
        Ok(TransmissionReport {
            people_in_vault: self.store().count_people(None).await?,
            people_in_vault_of_province: self.store().count_people(Some(question.province)).await?,
            people: line.people.len(),
            cases: line.people.values().filter(|known| known.is_case).count(),
            links: line.pairs.len(),
            facts: facts.len(),
            whole: line.definition(&everybody, question.province),
            extended: line.definition(&extended, question.province),
            plain: line.definition(&plain, question.province),
            by_city: line.by_city(),
            province_only: line.province_only(),
            measures,
            on_day: question.on_day,
            restricted_on_day,
            counterfactual: counterfactual::days_prevented(&line, question.hours),
        })
    }

    /// Measures in force at the end of each day from the first fact on, as they were known then.
    fn measures_by_day(&self, facts: &[Fact], until: CivilDay) -> (BTreeMap<CivilDay, DayMeasures>, usize) {
        let mut by_day = BTreeMap::new();
        let mut restricted = 0;
        let rules = self.rules();
        let index = FactIndex::new(facts);
        let dossiers: Vec<_> = index.persons().map(|person| index.dossier(person)).collect();
        let first = facts.iter().map(|fact| fact.recorded_at.day()).min().unwrap_or(until);
        let last = facts.iter().map(|fact| fact.recorded_at.day()).max().unwrap_or(until).max(until);
        for day in (first.number()..=last.number()).map(CivilDay::from_number) {
            let end = Instant::from_micros(day.plus_days(1).start().as_micros() - 1);
            let mut kinds = DayMeasures::new();
            for dossier in &dossiers {
                let answer = assess(dossier, &rules.timeline, end, end);
                let active = answer.measures.iter().filter(|measure| measure.is_active(end));
                let mut is_restricted = false;
                for measure in active {
                    *kinds.entry(measure.kind()).or_default() += 1;
                    is_restricted |= measure.kind().restricts();
                }
                restricted += usize::from(is_restricted && day == until);
            }
            by_day.insert(day, kinds);
        }
        (by_day, restricted)
    }
}

impl Line {
    fn of(facts: &[Fact], divisions: &FxHashMap<FactId, DivisionCode>) -> Self {
        let mut line = Self::default();
        let mut samples: FxHashMap<FactId, PersonId> = FxHashMap::default();
        for fact in facts {
            if let Some(person) = fact.person {
                let known = line.people.entry(person).or_default();
                known.division = known.division.or(divisions.get(&fact.id).copied());
            }
        }
        for fact in facts {
            line.read(fact, &mut samples);
        }
        for fact in facts {
            if let FactBody::TestResult(result) = &fact.body
                && result.outcome == Outcome::Positive
                && let Some(person) = result.sample.and_then(|sample| samples.get(&sample))
            {
                let known = line.people.entry(*person).or_default();
                known.confirmed = earlier(known.confirmed, fact.happened.first_day());
            }
        }
        line
    }

    fn read(&mut self, fact: &Fact, samples: &mut FxHashMap<FactId, PersonId>) {
        let Some(person) = fact.person else { return };
        let known = self.people.entry(person).or_default();
        match &fact.body {
            FactBody::Diagnosis(diagnosis) => {
                known.is_case |=
                    matches!(diagnosis.status, CaseStatus::ConfirmedCase | CaseStatus::AsymptomaticInfection);
                known.onset = diagnosis.onset.or(known.onset);
            }
            FactBody::IsolationStarted(start) => {
                known.isolated = earlier(known.isolated, fact.happened.first_day());
                known.site = Some(start.site.to_string());
            }
            FactBody::Sample(_) => drop(samples.insert(fact.id, person)),
            FactBody::Exposure(exposure) => self.pairs.extend(exposure.case.map(|case| (case, person))),
            _ => {}
        }
    }

    fn under(&self, division: DivisionCode) -> BTreeSet<PersonId> {
        let here = |known: &Known| known.division.is_some_and(|code| code.is_under(division));
        self.people.iter().filter(|(_, known)| here(known)).map(|(id, _)| *id).collect()
    }

    /// Without people who are only in pairs whose infector's place is spelled in a way that had to be interpreted. The
    /// place of isolation keeps the source's spelling.
    fn spelled(&self, of: &BTreeSet<PersonId>, within: DivisionCode, spellings: &[String]) -> BTreeSet<PersonId> {
        let odd = |id: &PersonId| {
            let known = &self.people[id];
            known.division.is_some_and(|code| code.is_under(within))
                && known.site.as_ref().is_some_and(|site| !spellings.contains(site))
        };
        let (interpreted, clear): (Vec<_>, Vec<_>) = self.pairs.iter().partition(|(infector, _)| odd(infector));
        let people = |pairs: &[(PersonId, PersonId)]| -> BTreeSet<PersonId> {
            pairs.iter().flat_map(|&(infector, infectee)| [infector, infectee]).collect()
        };
        let (interpreted, clear) = (people(&interpreted), people(&clear));
        of.iter().copied().filter(|id| !interpreted.contains(id) || clear.contains(id)).collect()
    }

    fn definition(&self, people: &BTreeSet<PersonId>, province: DivisionCode) -> Definition {
        let pairs: Vec<_> = self.pairs.iter().filter(|(infector, _)| people.contains(infector)).collect();
        let infectors: BTreeSet<PersonId> = pairs.iter().map(|(infector, _)| *infector).collect();
        let intervals = pairs.iter().filter_map(|(infector, infectee)| {
            Some(self.people[infectee].onset?.days_since(self.people[infector].onset?))
        });
        Definition {
            pairs: pairs.len(),
            infectors: infectors.len(),
            serial_interval: Summary::of(intervals.collect()),
            delays: self.delays(province, people.iter()),
        }
    }

    fn delays<'a>(&self, division: DivisionCode, people: impl Iterator<Item = &'a PersonId>) -> Delays {
        let people: Vec<&Known> = people.map(|id| &self.people[id]).collect();
        let days = |to: fn(&Known) -> Option<CivilDay>| {
            let delays = people.iter().filter_map(|known| Some(to(known)?.days_since(known.onset?)));
            Summary::of(delays.collect())
        };
        Delays {
            division,
            people: people.len(),
            with_onset: people.iter().filter(|known| known.onset.is_some()).count(),
            isolation: days(|known| known.isolated),
            confirmation: days(|known| known.confirmed),
        }
    }

    fn by_city(&self) -> Vec<Delays> {
        let mut cities: BTreeMap<DivisionCode, Vec<&PersonId>> = BTreeMap::new();
        for (id, known) in &self.people {
            if let Some(city) = known.division.and_then(|code| code.at(DivisionLevel::City)) {
                cities.entry(city).or_default().push(id);
            }
        }
        let mut delays: Vec<Delays> =
            cities.into_iter().map(|(city, people)| self.delays(city, people.into_iter())).collect();
        delays.sort_by_key(|delays| (std::cmp::Reverse(delays.people), delays.division));
        delays
    }

    fn province_only(&self) -> BTreeMap<DivisionCode, usize> {
        let mut counts = BTreeMap::new();
        for code in self.people.values().filter_map(|known| known.division) {
            if code.level() == DivisionLevel::Province {
                *counts.entry(code).or_default() += 1;
            }
        }
        counts
    }
}

fn earlier(known: Option<CivilDay>, day: CivilDay) -> Option<CivilDay> {
    Some(known.map_or(day, |known| known.min(day)))
}
