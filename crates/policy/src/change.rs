//! What another pack changes for people: released, shortened, lengthened, newly restricted.
//!
//! Two assessments of one person for one moment are compared by what restricts: whether anything does, how strictly at
//! the moment, and until when. Measures that restrict nothing, tests and words do not count.

use std::collections::BTreeMap;

use serde::Serialize;
use sizao_model::{Assessment, Instant, Measure, PersonId};

/// What another pack does to one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Was restricted, and no longer is.
    Released,
    /// Restricted for a shorter time.
    Shortened,
    /// As long as before, and less strictly at the moment.
    Milder,
    /// The same restrictions until the same time.
    Unchanged,
    /// As long as before, and more strictly at the moment.
    Stricter,
    /// Restricted for a longer time.
    Lengthened,
    /// Was not restricted, and is.
    NewlyRestricted,
}

impl Change {
    /// All, from what frees most.
    pub const ALL: [Self; 7] = [
        Self::Released,
        Self::Shortened,
        Self::Milder,
        Self::Unchanged,
        Self::Stricter,
        Self::Lengthened,
        Self::NewlyRestricted,
    ];

    /// What differs between two assessments of a person for the moment `at`; nothing where neither restricts.
    pub fn between(before: &Assessment, after: &Assessment, at: Instant) -> Option<Self> {
        Some(match (until(before), until(after)) {
            (None, None) => return None,
            (Some(_), None) => Self::Released,
            (None, Some(_)) => Self::NewlyRestricted,
            (Some(old), Some(new)) if new < old => Self::Shortened,
            (Some(old), Some(new)) if new > old => Self::Lengthened,
            _ => match strictness(after, at).cmp(&strictness(before, at)) {
                std::cmp::Ordering::Less => Self::Milder,
                std::cmp::Ordering::Equal => Self::Unchanged,
                std::cmp::Ordering::Greater => Self::Stricter,
            },
        })
    }
}

/// One person's part in a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// Who.
    pub person: PersonId,
    /// Measures that restrict, before.
    pub before: Vec<Measure>,
    /// Measures that restrict, after.
    pub after: Vec<Measure>,
}

/// How many people a change concerns, by class and division.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Was restricted, and no longer is.
    pub released: u64,
    /// Restricted for a shorter time.
    pub shortened: u64,
    /// As long, less strictly.
    pub milder: u64,
    /// The same.
    pub unchanged: u64,
    /// As long, more strictly.
    pub stricter: u64,
    /// Restricted for a longer time.
    pub lengthened: u64,
    /// Was not restricted, and is.
    pub newly_restricted: u64,
}

impl Counts {
    /// People of one change.
    pub const fn of(&self, change: Change) -> u64 {
        match change {
            Change::Released => self.released,
            Change::Shortened => self.shortened,
            Change::Milder => self.milder,
            Change::Unchanged => self.unchanged,
            Change::Stricter => self.stricter,
            Change::Lengthened => self.lengthened,
            Change::NewlyRestricted => self.newly_restricted,
        }
    }

    fn of_mut(&mut self, change: Change) -> &mut u64 {
        match change {
            Change::Released => &mut self.released,
            Change::Shortened => &mut self.shortened,
            Change::Milder => &mut self.milder,
            Change::Unchanged => &mut self.unchanged,
            Change::Stricter => &mut self.stricter,
            Change::Lengthened => &mut self.lengthened,
            Change::NewlyRestricted => &mut self.newly_restricted,
        }
    }

    /// Adds the people of another.
    pub fn add(&mut self, other: &Self) {
        Change::ALL.into_iter().for_each(|change| *self.of_mut(change) += other.of(change));
    }
}

/// As what one person was added to a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// What changes.
    pub change: Change,
    /// The class, as in [`ChangeReport::rows`].
    pub class: std::sync::Arc<str>,
}

/// People who are shown for each change.
const EXAMPLES: usize = 3;

/// What a pack changes, by class and division. Two halves of the people make two of these that [`ChangeReport::join`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeReport {
    /// People assessed.
    pub people: u64,
    /// By class (the rule of the strictest measure, such as `close_contact`) and division (empty: not known).
    pub rows: BTreeMap<(String, String), Counts>,
    /// The first few people of each change, by id.
    pub examples: BTreeMap<Change, Vec<Example>>,
    /// Hours of restriction still ahead, before.
    pub hours_before: u64,
    /// Hours of restriction still ahead, after.
    pub hours_after: u64,
}

impl ChangeReport {
    /// Adds a person, and says what it was added as; nothing where neither side restricts.
    pub fn note(&mut self, before: &Assessment, after: &Assessment, division: &str, at: Instant) -> Option<Noted> {
        self.people += 1;
        let change = Change::between(before, after, at)?;
        let strictest = restricting(before).chain(restricting(after)).max_by_key(|measure| measure.kind().strictness());
        let class = strictest.map_or("", |measure| measure.rule().split_once(':').map_or("", |(_, rule)| rule));
        *self.rows.entry((class.to_owned(), division.to_owned())).or_default().of_mut(change) += 1;
        self.hours_before += hours_ahead(before, at);
        self.hours_after += hours_ahead(after, at);
        if change != Change::Unchanged {
            let person = before.person;
            let (before, after) = (restricting(before).cloned().collect(), restricting(after).cloned().collect());
            self.example(change, Example { person, before, after });
        }
        Some(Noted { change, class: class.into() })
    }

    /// Puts two parts together.
    #[must_use]
    pub fn join(mut self, other: Self) -> Self {
        self.people += other.people;
        self.hours_before += other.hours_before;
        self.hours_after += other.hours_after;
        for (key, counts) in other.rows {
            self.rows.entry(key).or_default().add(&counts);
        }
        for (change, examples) in other.examples {
            examples.into_iter().for_each(|example| self.example(change, example));
        }
        self
    }

    /// All rows together.
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.rows.values().for_each(|counts| total.add(counts));
        total
    }

    fn example(&mut self, change: Change, example: Example) {
        let examples = self.examples.entry(change).or_default();
        let place = examples.partition_point(|other| other.person < example.person);
        examples.insert(place, example);
        examples.truncate(EXAMPLES);
    }
}

fn restricting(assessment: &Assessment) -> impl Iterator<Item = &Measure> {
    assessment.measures.iter().filter(|measure| measure.kind().restricts())
}

fn until(assessment: &Assessment) -> Option<Instant> {
    restricting(assessment).map(Measure::ends_at).max()
}

fn strictness(assessment: &Assessment, at: Instant) -> u8 {
    restricting(assessment)
        .filter(|measure| measure.is_active(at))
        .map(|measure| measure.kind().strictness())
        .max()
        .unwrap_or(0)
}

/// Hours from `at` to the end of the last restriction.
fn hours_ahead(assessment: &Assessment, at: Instant) -> u64 {
    until(assessment)
        .map_or(0, |until| u64::try_from((until.as_micros() - at.as_micros()) / 3_600_000_000).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use sizao_model::{FactId, MeasureKind};

    use super::*;

    fn under(person: &str, measures: &[(MeasureKind, i64, i64)]) -> Assessment {
        let hour = |hours: i64| Instant::from_micros(hours * 3_600_000_000);
        let open = |(kind, from, to): &(MeasureKind, i64, i64)| {
            let because = vec![FactId::from_label("f")];
            Measure::open(*kind, "p:close_contact".into(), because, hour(*from), hour(*to)).unwrap()
        };
        Assessment {
            person: PersonId::from_label(person),
            colour: None,
            measures: measures.iter().map(open).collect(),
            classes: Vec::new(),
            offers: Vec::new(),
            next_change_at: None,
        }
    }

    const CENTRAL: MeasureKind = MeasureKind::CentralIsolation;
    const HOME: MeasureKind = MeasureKind::HomeIsolation;
    const SELF: MeasureKind = MeasureKind::SelfMonitoring;

    #[track_caller]
    fn check(before: &[(MeasureKind, i64, i64)], after: &[(MeasureKind, i64, i64)], want: Option<Change>) {
        let at = Instant::from_micros(0);
        assert_eq!(Change::between(&under("p", before), &under("p", after), at), want);
    }

    #[test]
    fn a_change_is_told_by_what_restricts_and_until_when() {
        check(&[], &[], None);
        check(&[(SELF, 0, 9)], &[], None);
        check(&[(HOME, 0, 9)], &[(SELF, 0, 9)], Some(Change::Released));
        check(&[(SELF, 0, 9)], &[(HOME, 0, 2)], Some(Change::NewlyRestricted));
        check(&[(CENTRAL, -5, 9)], &[(CENTRAL, -5, 4), (HOME, 4, 8)], Some(Change::Shortened));
        check(&[(HOME, -5, 9)], &[(HOME, -5, 10)], Some(Change::Lengthened));
        check(&[(CENTRAL, -5, 9)], &[(HOME, 0, 9)], Some(Change::Milder));
        check(&[(HOME, 0, 9)], &[(CENTRAL, 0, 9)], Some(Change::Stricter));
        check(&[(HOME, 0, 9), (SELF, 9, 12)], &[(HOME, 0, 9)], Some(Change::Unchanged));
    }

    #[test]
    fn two_halves_joined_are_the_whole() {
        let at = Instant::from_micros(0);
        let pairs: Vec<(Assessment, Assessment)> = (0..20)
            .map(|number| {
                let name = format!("p{number}");
                (under(&name, &[(CENTRAL, -5, 9)]), under(&name, &[(HOME, 0, 9 - number % 3)]))
            })
            .collect();
        let of = |pairs: &[(Assessment, Assessment)]| {
            let mut report = ChangeReport::default();
            for (before, after) in pairs {
                report.note(before, after, "410102", at);
            }
            report
        };
        let whole = of(&pairs);
        assert_eq!(of(&pairs[..7]).join(of(&pairs[7..])), whole);
        assert_eq!(of(&pairs[7..]).join(of(&pairs[..7])), whole);
        assert_eq!((whole.people, whole.total().milder, whole.total().shortened), (20, 7, 13));
        assert_eq!((whole.hours_before, whole.hours_after), (180, 7 * 9 + 7 * 8 + 6 * 7));
        assert_eq!(whole.examples[&Change::Milder].len(), EXAMPLES);
    }
}
