//! Reading the signals of people from the log, with the links between records and with what was corrected or confirmed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sizao_model::{
    DivisionCode, FactBody, FactId, FactKind, PersonId,
    fact::{EvidenceGrade, LinkBasis},
};
use sizao_presence::{ArrivalSignal, SignalKind};
use sizao_store::{MentionKey, StoredFact};

use super::signal_of;
use crate::{App, AppError};

/// Records of one person are looked for so many links away at most.
const LINKS_MAX: usize = 6;

/// A link between two records that holds.
#[derive(Clone, Debug)]
pub(super) struct LiveLink {
    pub(super) fact: FactId,
    pub(super) pair: [PersonId; 2],
    pub(super) basis: LinkBasis,
    pub(super) reasons: Vec<Box<str>>,
}

/// Records that are one human being, with their signals.
#[derive(Clone, Debug, Default)]
pub(super) struct Cluster {
    /// The records; the first speaks for all.
    pub(super) people: Vec<PersonId>,
    pub(super) links: Vec<LiveLink>,
    pub(super) signals: Vec<ArrivalSignal>,
    /// Whose record each signal is about, and who announced it, if it was announced.
    pub(super) of: HashMap<FactId, (PersonId, bool)>,
}

impl App {
    /// The people given with everybody linked to them, in clusters.
    pub(super) async fn clusters(&self, people: &[PersonId]) -> Result<Vec<Cluster>, AppError> {
        let (all, links) = self.live_links(people).await?;
        let mut root: BTreeMap<PersonId, PersonId> = all.iter().map(|person| (*person, *person)).collect();
        fn find(root: &BTreeMap<PersonId, PersonId>, mut person: PersonId) -> PersonId {
            while let Some(above) = root.get(&person).filter(|above| **above != person) {
                person = *above;
            }
            person
        }
        for link in &links {
            let [one, other] = link.pair.map(|person| find(&root, person));
            root.insert(one.max(other), one.min(other));
        }
        let mut clusters: BTreeMap<PersonId, Cluster> = BTreeMap::new();
        for person in &all {
            clusters.entry(find(&root, *person)).or_default().people.push(*person);
        }
        for link in links {
            if let Some(cluster) = clusters.get_mut(&find(&root, link.pair[0])) {
                cluster.links.push(link);
            }
        }
        let all: Vec<PersonId> = all.into_iter().collect();
        for (person, signal, by_person) in self.signals_of(&all).await? {
            if let Some(cluster) = clusters.get_mut(&find(&root, person)) {
                cluster.of.insert(signal.fact, (person, by_person));
                cluster.signals.push(signal);
            }
        }
        Ok(clusters.into_values().collect())
    }

    /// Everybody linked to these people, with the links that hold.
    async fn live_links(&self, people: &[PersonId]) -> Result<(BTreeSet<PersonId>, Vec<LiveLink>), AppError> {
        let mut all: BTreeSet<PersonId> = people.iter().copied().collect();
        let mut asked: BTreeSet<PersonId> = BTreeSet::new();
        let mut links: BTreeMap<FactId, LiveLink> = BTreeMap::new();
        for _ in 0..LINKS_MAX {
            let next: Vec<PersonId> = all.difference(&asked).copied().collect();
            if next.is_empty() {
                break;
            }
            for link in self.links_of(&next).await? {
                all.extend(link.pair);
                links.insert(link.fact, link);
            }
            asked.extend(next);
        }
        Ok((all, links.into_values().collect()))
    }

    /// The links that name these people and were not taken back.
    pub(super) async fn links_of(&self, people: &[PersonId]) -> Result<Vec<LiveLink>, AppError> {
        let made = self.links_made(people).await?;
        let keys: Vec<MentionKey> = made.iter().map(|link| MentionKey::fact(link.fact)).collect();
        let kinds = [FactKind::IdentityUnlink, FactKind::Correction];
        let (undone, _) = self.store().load_mentioning(keys, &kinds).await?;
        let undone: HashSet<FactId> = undone
            .iter()
            .filter_map(|stored| match &stored.fact.body {
                FactBody::IdentityUnlink(unlink) => Some(unlink.link),
                FactBody::Correction(correction) if correction.retract => Some(correction.of),
                _ => None,
            })
            .collect();
        Ok(made.into_iter().filter(|link| !undone.contains(&link.fact)).collect())
    }

    /// Every link that was ever made between these people and others.
    pub(super) async fn links_made(&self, people: &[PersonId]) -> Result<Vec<LiveLink>, AppError> {
        let keys = people.iter().flat_map(|person| [MentionKey::about(*person), MentionKey::named(*person)]).collect();
        let (found, _) = self.store().load_mentioning(keys, &[FactKind::IdentityLink]).await?;
        let link = |stored: StoredFact| match (stored.fact.person, stored.fact.body) {
            (Some(person), FactBody::IdentityLink(link)) => Some(LiveLink {
                fact: stored.fact.id,
                pair: [person, link.other],
                basis: link.basis,
                reasons: link.reasons,
            }),
            _ => None,
        };
        Ok(found.into_iter().filter_map(link).collect())
    }

    /// The signals of these records: whose, which, and whether the person or family announced it.
    pub(super) async fn signals_of(
        &self,
        people: &[PersonId],
    ) -> Result<Vec<(PersonId, ArrivalSignal, bool)>, AppError> {
        let kinds = [FactKind::Arrival, FactKind::ArrivalExpected];
        let keys = people.iter().map(|person| MentionKey::about(*person)).collect();
        let (mut found, _) = self.store().load_mentioning(keys, &kinds).await?;
        let keys = people.iter().map(|person| MentionKey::named(*person)).collect();
        let (moved, _) = self.store().load_mentioning(keys, &[FactKind::Correction]).await?;
        let moved: Vec<FactId> = moved.iter().flat_map(|stored| stored.fact.body.facts_named()).collect();
        found.extend(self.store().load_facts(&moved).await?);
        let keys = found.iter().map(|stored| MentionKey::fact(stored.fact.id)).collect();
        let kinds = [FactKind::Confirmation, FactKind::Correction, FactKind::NoShow];
        let (said, _) = self.store().load_mentioning(keys, &kinds).await?;
        let mut said_of: HashMap<FactId, Vec<&StoredFact>> = HashMap::new();
        for stored in &said {
            for of in stored.fact.body.facts_named() {
                said_of.entry(of).or_default().push(stored);
            }
        }
        let mut seen = HashSet::new();
        found.retain(|stored| seen.insert(stored.fact.id));
        let signal = |stored: &StoredFact| {
            let (person, signal, by_person) = signal_of_fact(stored)?;
            Some(corrected(person, signal, by_person, said_of.get(&stored.fact.id).map_or(&[][..], Vec::as_slice)))
        };
        Ok(found.iter().filter_map(signal).collect())
    }
}

fn signal_of_fact(stored: &StoredFact) -> Option<(PersonId, ArrivalSignal, bool)> {
    use sizao_model::fact::Announcer;
    let fact = &stored.fact;
    let person = fact.person?;
    let division = |code: &str| DivisionCode::parse(code).unwrap_or(stored.division);
    let signal = |kind, grade, arrived, from: &str, into: &str, transit, leaves_at| ArrivalSignal {
        fact: fact.id,
        kind,
        grade,
        arrived,
        recorded_at: fact.recorded_at,
        from: from.into(),
        into: division(into),
        transit,
        leaves_at,
        closed: false,
    };
    match &fact.body {
        FactBody::Arrival(arrival) => {
            let from = fact.happened.starts_at();
            let span = (from, fact.happened.ends_at().unwrap_or(from).max(from));
            let kind = signal_of(arrival.evidence);
            let (transit, leaves_at) = (arrival.transit, arrival.leaves_at);
            let grade = arrival.evidence.grade();
            Some((person, signal(kind, grade, span, &arrival.from, &arrival.into, transit, leaves_at), false))
        }
        FactBody::ArrivalExpected(expected) => {
            let span = (expected.arrives_at, expected.arrives_at);
            let (transit, leaves_at, kind) = (expected.transit, expected.leaves_at, SignalKind::Announced);
            let announced = signal(kind, EvidenceGrade::Lead, span, &expected.from, &expected.into, transit, leaves_at);
            Some((person, announced, expected.by != Announcer::Staff))
        }
        _ => None,
    }
}

/// A signal with what was said of it later.
fn corrected(
    mut person: PersonId,
    mut signal: ArrivalSignal,
    by_person: bool,
    said: &[&StoredFact],
) -> (PersonId, ArrivalSignal, bool) {
    for stored in said {
        match &stored.fact.body {
            // A cell stays a question, whoever confirms it.
            FactBody::Confirmation(_) if signal.grade == EvidenceGrade::Lead => signal.grade = EvidenceGrade::Evidence,
            FactBody::NoShow(_) => signal.closed = true,
            FactBody::Correction(correction) if correction.retract => signal.closed = true,
            FactBody::Correction(correction) => {
                person = correction.person.unwrap_or(person);
                if let Some(happened) = &correction.happened {
                    let from = happened.starts_at();
                    signal.arrived = (from, happened.ends_at().unwrap_or(from).max(from));
                }
            }
            _ => {}
        }
    }
    (person, signal, by_person)
}
