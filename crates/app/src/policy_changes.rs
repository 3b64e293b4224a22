//! What another pack would change for the people of a file of facts, or of the store while it is at work.
//!
//! Of a city most facts are samples and negative results of people whom nothing restricts under any pack. Facts are
//! therefore read twice: first to find the people who matter, then to keep theirs. What is kept is a superset of every
//! dossier that says something.

use std::{
    io::{self, BufRead, BufReader, Read},
    sync::atomic::{AtomicU64, Ordering},
};

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use sizao_model::{Assessment, DivisionCode, Fact, FactBody, FactId, FactKind, Instant, PersonId, id::PoolId};
use sizao_policy::{
    Bearing, FactIndex, Mention, PackTimeline, assess, bearing,
    change::{ChangeReport, Noted},
    mentions,
};
use sizao_store::{MentionKey, StoredFact};

use crate::{App, AppError};

/// Lines that are read and parsed at a time.
const LINES: usize = 50_000;
/// Stored assessments that are read at a time.
const STORED: u32 = 5_000;
/// Leaves that are read at a time.
const LEAVES: u64 = 20_000;
/// People who are assessed at a time.
const PEOPLE: usize = 5_000;
/// Threads that read a store: SQLite has so many connections for it.
const THREADS_MAX: usize = 2;
/// Areas are compared within their city.
const CITY_DIGITS: usize = 4;

/// How far a comparison is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Facts are read.
    Reading,
    /// People are assessed.
    Assessing,
}

/// Two ways to assess the same people at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Comparison<'p> {
    /// The packs before.
    pub before: &'p PackTimeline,
    /// The packs after.
    pub after: &'p PackTimeline,
    /// Only facts recorded by then exist.
    pub known_at: Instant,
    /// The moment compared.
    pub at: Instant,
}

/// The facts that matter of a file, with what was passed over.
#[derive(Debug, Default)]
pub struct FactsRead {
    /// Facts of people who matter, and those about nobody that may concern them.
    pub facts: Vec<Fact>,
    /// Facts read.
    pub lines: u64,
    /// What the file calls its people, where that is no UUID.
    pub names: FxHashMap<PersonId, String>,
    /// Lines that are no facts, with what is wrong: the first hundred.
    pub bad: Vec<String>,
}

/// Whom facts name strongly enough that a pack can say something about them.
#[derive(Debug, Default)]
struct Mattering {
    people: FxHashSet<PersonId>,
    /// Who stayed where: first digits of the area.
    stays: FxHashMap<Box<str>, FxHashSet<PersonId>>,
    /// Cities (or provinces) in which an area was declared.
    cities: FxHashSet<Box<str>>,
    /// Whose samples are whose.
    samples: FxHashMap<FactId, PersonId>,
    /// Which sample a result is of.
    results: FxHashMap<FactId, FactId>,
    /// Who is in a pool.
    pools: FxHashMap<PoolId, Vec<PersonId>>,
    /// Samples and pools with a result that may open something.
    suspicious: Vec<Mention>,
}

impl Mattering {
    fn note(&mut self, fact: &Fact) {
        if let FactBody::TestResult(result) = &fact.body
            && let Some(sample) = result.sample
        {
            self.results.insert(fact.id, sample);
        }
        match &fact.body {
            FactBody::Sample(sample) => {
                if let Some(person) = fact.person {
                    self.samples.insert(fact.id, person);
                    if let Some(pool) = &sample.pool {
                        self.pools.entry(pool.clone()).or_default().push(person);
                    }
                }
            }
            FactBody::Stay(stay) => {
                let city = stay.area.as_str().get(..CITY_DIGITS).unwrap_or(stay.area.as_str());
                if let Some(person) = fact.person {
                    match self.stays.get_mut(city) {
                        Some(people) => people.insert(person),
                        None => self.stays.entry(city.into()).or_default().insert(person),
                    };
                }
            }
            _ if bearing(fact) == Bearing::Strong => self.strong(fact),
            _ => {}
        }
    }

    fn strong(&mut self, fact: &Fact) {
        self.people.extend(fact.person);
        for mention in mentions(fact) {
            match mention {
                Mention::Person(person) => {
                    self.people.insert(person);
                }
                Mention::Area(area) => {
                    self.cities.insert(area.as_str().get(..CITY_DIGITS).unwrap_or(area.as_str()).into());
                }
                Mention::Fact(_) | Mention::Pool(_) if fact.body.kind() != FactKind::Confirmation => {
                    self.suspicious.push(mention);
                }
                Mention::Fact(_) | Mention::Pool(_) | Mention::Site(_) => {}
            }
        }
    }

    fn join(&mut self, other: Self) {
        self.people.extend(other.people);
        for (city, people) in other.stays {
            self.stays.entry(city).or_default().extend(people);
        }
        self.cities.extend(other.cities);
        self.samples.extend(other.samples);
        self.results.extend(other.results);
        for (pool, people) in other.pools {
            self.pools.entry(pool).or_default().extend(people);
        }
        self.suspicious.extend(other.suspicious);
    }

    fn people(mut self) -> (FxHashSet<PersonId>, FxHashMap<FactId, PersonId>) {
        for mention in &self.suspicious {
            match mention {
                // A correction may name a result; anything else of nobody who matters is no concern.
                Mention::Fact(id) => {
                    let sample = self.results.get(id).unwrap_or(id);
                    self.people.extend(self.samples.get(sample));
                }
                Mention::Pool(pool) => self.people.extend(self.pools.get(pool).into_iter().flatten()),
                _ => {}
            }
        }
        // A city and what it lies in or what lies in it.
        let near = |one: &str, other: &str| one.starts_with(other) || other.starts_with(one);
        for (city, people) in &self.stays {
            if self.cities.iter().any(|declared| near(declared, city)) {
                self.people.extend(people);
            }
        }
        (self.people, self.samples)
    }
}

/// Reads the facts of a file that matter.
///
/// - `open`: opens the file anew; it is read twice.
/// - `progress`: called with bytes read so far, over both readings.
///
/// # Errors
/// What the system says when the file cannot be read.
pub fn read_mattering<R: Read>(
    open: impl Fn() -> io::Result<R>,
    known_at: Instant,
    mut progress: impl FnMut(u64),
) -> io::Result<FactsRead> {
    let mut read = FactsRead::default();
    let mut mattering = Mattering::default();
    let mut bytes = 0;
    each_portion(open()?, |first_line, lines| {
        let parsed: Vec<Result<Fact, String>> = parse(first_line, lines);
        for fact in parsed {
            match fact {
                Ok(fact) if fact.recorded_at <= known_at => mattering.note(&fact),
                Ok(_) => {}
                Err(_) if read.bad.len() >= 100 => {}
                Err(error) => read.bad.push(error),
            }
        }
        read.lines += lines.len() as u64;
        bytes += length(lines);
        progress(bytes);
    })?;
    let (people, samples) = mattering.people();
    each_portion(open()?, |_, lines| {
        let kept: Vec<(Fact, Option<String>)> =
            lines.par_iter().filter_map(|line| kept(line, &people, &samples, known_at)).collect();
        for (fact, name) in kept {
            if let (Some(name), Some(person)) = (name, fact.person) {
                read.names.entry(person).or_insert(name);
            }
            read.facts.push(fact);
        }
        bytes += length(lines);
        progress(bytes);
    })?;
    Ok(read)
}

/// The facts of a store that matter, as they stood when reading began.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Facts of people who matter, and those about nobody that may concern them.
    pub facts: Vec<Fact>,
    /// Leaves of the log that were read.
    pub leaves: u64,
    /// Where people are looked after: the division of the latest fact about each.
    pub divisions: FxHashMap<PersonId, DivisionCode>,
}

impl App {
    /// Reads the facts that matter, as they stand now: what is recorded meanwhile is left out, and nobody waits.
    ///
    /// - `progress`: called with steps done, and steps in all: leaves of the first reading, then as many again for the
    ///   second.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn snapshot(&self, known_at: Instant, progress: impl Fn(u64, u64) + Sync) -> Result<Snapshot, AppError> {
        self.catch_up(|_| {}).await?;
        let leaves = self.store.size().await?;
        let handle = tokio::runtime::Handle::current();
        tokio::task::block_in_place(|| {
            let parts = leaves.div_ceil(LEAVES);
            let told = |done: u64| progress((done * LEAVES).min(leaves), 2 * leaves);
            let read = in_threads(parts, told, |part, (mattering, nobodys): &mut (Mattering, Vec<Fact>)| {
                let from = part * LEAVES;
                let facts = handle.block_on(self.load_known_leaves(from, (from + LEAVES).min(leaves), known_at))?;
                for stored in facts {
                    mattering.note(&stored.fact);
                    if stored.fact.person.is_none() && stored.fact.body.kind() != FactKind::TestResult {
                        nobodys.push(stored.fact);
                    }
                }
                Ok(())
            })?;
            let mut mattering = Mattering::default();
            let mut snapshot = Snapshot { leaves, ..Snapshot::default() };
            for (part, nobodys) in read {
                mattering.join(part);
                snapshot.facts.extend(nobodys);
            }
            let people: Vec<PersonId> = mattering.people().0.into_iter().collect();
            let portions: Vec<&[PersonId]> = people.chunks(PEOPLE).collect();
            let all = portions.len() as u64;
            let told = |done: u64| progress(leaves + leaves * done / all.max(1), 2 * leaves);
            let read = in_threads(all, told, |part, snapshot: &mut Snapshot| {
                handle.block_on(self.read_people(portions[part as usize], known_at, leaves, snapshot))
            })?;
            for part in read {
                snapshot.facts.extend(part.facts);
                snapshot.divisions.extend(part.divisions);
            }
            Ok(snapshot)
        })
    }

    async fn load_known_leaves(&self, from: u64, to: u64, known_at: Instant) -> Result<Vec<StoredFact>, AppError> {
        let (mut facts, refused) = self.store.load_leaves_that_fit(from, to).await?;
        refused.iter().for_each(|error| tracing::error!(%error, "A fact was refused"));
        facts.retain(|stored| stored.fact.recorded_at <= known_at);
        Ok(facts)
    }

    /// The facts about people, with the results of their samples and pools.
    async fn read_people(
        &self,
        people: &[PersonId],
        known_at: Instant,
        leaves: u64,
        snapshot: &mut Snapshot,
    ) -> Result<(), AppError> {
        let about: Vec<MentionKey> = people.iter().map(|person| MentionKey::about(*person)).collect();
        let own = self.load_known(&about, &[], known_at, leaves).await?;
        let mut keys = Vec::new();
        for stored in &own {
            if let FactBody::Sample(sample) = &stored.fact.body {
                keys.push(MentionKey::fact(stored.fact.id));
                keys.extend(sample.pool.as_ref().map(MentionKey::pool));
            }
        }
        let results = self.load_known(&keys, &[FactKind::TestResult], known_at, leaves).await?;
        let mut latest: FxHashMap<PersonId, u64> = FxHashMap::default();
        for stored in own.into_iter().chain(results) {
            if let Some(person) = stored.fact.person {
                let leaf = latest.entry(person).or_insert(0);
                if stored.leaf >= *leaf {
                    *leaf = stored.leaf;
                    snapshot.divisions.insert(person, stored.division);
                }
            }
            snapshot.facts.push(stored.fact);
        }
        Ok(())
    }

    async fn load_known(
        &self,
        keys: &[MentionKey],
        kinds: &[FactKind],
        known_at: Instant,
        leaves: u64,
    ) -> Result<Vec<StoredFact>, AppError> {
        let (found, _) = self.store.load_mentioning(keys.to_vec(), kinds).await?;
        let is_in = |stored: &StoredFact| stored.leaf < leaves && stored.fact.recorded_at <= known_at;
        Ok(found.into_iter().filter(is_in).collect())
    }
}

impl App {
    /// What the stored assessments would say if they were made now under these packs: the decisions that a change of
    /// packs or a mended program would change.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn against_stored(
        &self,
        snapshot: &Snapshot,
        packs: &PackTimeline,
        now: Instant,
    ) -> Result<ChangeReport, AppError> {
        let index = FactIndex::of_store(&snapshot.facts);
        let mut report = ChangeReport::default();
        let mut after = None;
        loop {
            let (stored, _) = self.store.list_assessments(after, STORED).await?;
            let Some(last) = stored.last() else { return Ok(report) };
            after = Some(last.person);
            for row in stored {
                let Ok(decided) = serde_json::from_str::<Assessment>(&row.answer) else { continue };
                let again = assess(&index.dossier(row.person), packs, now, now);
                report.note(&still_ahead(decided, now), &again, &row.division.to_string(), now);
            }
        }
    }
}

/// A decision without what is over by now.
fn still_ahead(mut decided: Assessment, now: Instant) -> Assessment {
    decided.measures.retain(|measure| measure.ends_at() > now);
    decided
}

/// Compares two ways to assess everybody of an index.
///
/// - `people`: who is compared; whoever is left out is counted as not restricted.
/// - `division`: where a person is looked after; empty: not known.
/// - `progress`: called with people assessed so far.
pub fn compare(
    index: &FactIndex<'_>,
    people: &[PersonId],
    comparison: Comparison<'_>,
    division: impl Fn(PersonId) -> String + Sync,
    progress: impl FnMut(u64),
) -> ChangeReport {
    compare_each(index, people, comparison, division, progress).0
}

/// What one person was added as.
pub type PersonNoted = (PersonId, Noted);

/// The same, and what each person was added as whom either side restricts.
pub fn compare_each(
    index: &FactIndex<'_>,
    people: &[PersonId],
    comparison: Comparison<'_>,
    division: impl Fn(PersonId) -> String + Sync,
    mut progress: impl FnMut(u64),
) -> (ChangeReport, Vec<PersonNoted>) {
    let mut whole = ChangeReport::default();
    let mut everybody = Vec::new();
    for portion in people.chunks(PEOPLE) {
        let of_some = |people: &[PersonId]| {
            let (mut report, mut noted) = (ChangeReport::default(), Vec::new());
            for person in people {
                let (before, after) = both(index, *person, comparison);
                let as_what = report.note(&before, &after, &division(*person), comparison.at);
                noted.extend(as_what.map(|as_what| (*person, as_what)));
            }
            (report, noted)
        };
        let parts: Vec<(ChangeReport, Vec<PersonNoted>)> = portion.par_chunks(250).map(of_some).collect();
        for (part, noted) in parts {
            whole = whole.join(part);
            everybody.extend(noted);
        }
        progress(whole.people);
    }
    (whole, everybody)
}

fn both(index: &FactIndex<'_>, person: PersonId, comparison: Comparison<'_>) -> (Assessment, Assessment) {
    let dossier = index.dossier(person);
    let Comparison { before, after, known_at, at } = comparison;
    (assess(&dossier, before, known_at, at), assess(&dossier, after, known_at, at))
}

/// Where the people of facts were last said to be: county of the latest stay or arrival.
pub fn counties<'f>(facts: impl Iterator<Item = &'f Fact>) -> FxHashMap<PersonId, String> {
    let mut latest: FxHashMap<PersonId, (Instant, &str)> = FxHashMap::default();
    for fact in facts {
        let area = match &fact.body {
            FactBody::Stay(stay) => stay.area.as_str(),
            FactBody::Arrival(arrival) => &arrival.into,
            _ => continue,
        };
        let Some(person) = fact.person else { continue };
        let place = latest.entry(person).or_insert((Instant::MIN, ""));
        if fact.happened.starts_at() >= place.0 {
            *place = (fact.happened.starts_at(), area);
        }
    }
    let county = |area: &str| area.get(..6).unwrap_or(area).to_owned();
    latest.into_iter().map(|(person, (_, area))| (person, county(area))).collect()
}

/// Does numbered parts of one work in as many threads as there are cores; what each thread gathered.
fn in_threads<T: Default + Send>(
    parts: u64,
    told: impl Fn(u64) + Sync,
    work: impl Fn(u64, &mut T) -> Result<(), AppError> + Sync,
) -> Result<Vec<T>, AppError> {
    let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let run = || {
        let mut gathered = T::default();
        loop {
            let part = next.fetch_add(1, Ordering::Relaxed);
            if part >= parts {
                return Ok(gathered);
            }
            work(part, &mut gathered)?;
            told(done.fetch_add(1, Ordering::Relaxed) + 1);
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..rayon::current_num_threads().min(THREADS_MAX)).map(|_| scope.spawn(run)).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Result<T, AppError>>| {
            thread.join().map_err(|_| AppError::Stopped("reading the facts"))?
        };
        threads.into_iter().map(join).collect()
    })
}

fn each_portion<R: Read>(reader: R, mut take: impl FnMut(u64, &[String])) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(1 << 20, reader);
    let mut lines: Vec<String> = Vec::new();
    let mut first_line = 1;
    loop {
        lines.clear();
        while lines.len() < LINES {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                break;
            }
            lines.push(line);
        }
        if lines.is_empty() {
            return Ok(());
        }
        take(first_line, &lines);
        first_line += lines.len() as u64;
    }
}

fn length(lines: &[String]) -> u64 {
    lines.iter().map(|line| line.len() as u64).sum()
}

fn parse(first_line: u64, lines: &[String]) -> Vec<Result<Fact, String>> {
    lines
        .par_iter()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(at, line)| Fact::from_json(line).map_err(|error| format!("line {}: {error}", first_line + at as u64)))
        .collect()
}

/// The fact of a line if it matters, with what the line calls its person.
fn kept(
    line: &str,
    people: &FxHashSet<PersonId>,
    samples: &FxHashMap<FactId, PersonId>,
    known_at: Instant,
) -> Option<(Fact, Option<String>)> {
    let fact = Fact::from_json(line).ok().filter(|fact| fact.recorded_at <= known_at)?;
    let matters = match (&fact.body, fact.person) {
        (_, Some(person)) => people.contains(&person),
        (FactBody::TestResult(result), None) => match result.sample {
            Some(sample) => samples.get(&sample).is_none_or(|person| people.contains(person)),
            None => true,
        },
        (_, None) => true,
    };
    matters.then(|| {
        let name = serde_json::from_str::<Named>(line).ok().and_then(|named| named.person);
        let name = name.filter(|name| fact.person.is_some_and(|person| person.to_string() != *name));
        (fact, name)
    })
}

#[derive(serde::Deserialize)]
struct Named {
    person: Option<String>,
}
