//! The transmission pairs of 2020, imported by their mapping, give the figures that their README states.
//!
//! Expected values: README.md beside the data, computed there without this program.

use std::collections::{BTreeMap, BTreeSet};

use sizao_interop::{CsvImport, Imported, Mapping, Note, NoteKind};
use sizao_model::{CivilDay, DivisionCode, FactBody, FactId, Instant, PersonId, draft::provisional_fact};

const MAPPING: &str = include_str!("../../../../mappings/cn-transmission-pairs-2020.toml");
const PAIRS: &str = include_str!("../../../cli/demo/cn-transmission-pairs-2020/pairs.csv");
const HENAN_NAMES: [&str; 18] = [
    "zhengzhou",
    "kaifeng",
    "luoyang",
    "pingdingshan",
    "anyang",
    "hebi",
    "xinxiang",
    "jiaozuo",
    "puyang",
    "xuchang",
    "luohe",
    "sanmenxia",
    "nanyang",
    "shangqiu",
    "xinyang",
    "zhoukou",
    "zhumadian",
    "jiyuan",
];

#[derive(Default)]
struct Person {
    division: Option<DivisionCode>,
    onset: Option<CivilDay>,
    isolated: Option<CivilDay>,
    confirmed: Option<CivilDay>,
    site: Option<String>,
}

#[derive(Default)]
struct World {
    people: BTreeMap<PersonId, Person>,
    /// Case and contact.
    pairs: Vec<(PersonId, PersonId)>,
    facts: usize,
    notes: Vec<Note>,
}

/// Puts the drafts together from nothing but people and facts.
fn world() -> World {
    let mapping = Mapping::from_toml(MAPPING).unwrap_or_else(|error| panic!("{error}"));
    let now = Instant::parse("2020-03-31T00:00:00+08:00").unwrap();
    let mut import = CsvImport::new(PAIRS.as_bytes(), &mapping, now).unwrap();
    let (mut world, mut samples) = (World::default(), BTreeMap::<FactId, PersonId>::new());
    for step in import.by_ref() {
        let row = match step.unwrap() {
            Imported::Accepted(row) => row,
            Imported::Rejected(error) => panic!("{error}"),
        };
        for draft in &row.people {
            world.people.entry(draft.names[0].provisional()).or_default().division = Some(draft.division);
        }
        for fact in &row.facts {
            world.facts += 1;
            let id = provisional_fact(mapping.sender(), fact.key.as_deref().unwrap());
            let day = fact.happened.first_day();
            let people = &mut world.people;
            match &fact.body {
                FactBody::Diagnosis(body) => entry(people, fact.person).onset = body.onset,
                FactBody::Sample(_) => drop(samples.insert(id, fact.person.unwrap())),
                FactBody::TestResult(body) => {
                    entry(people, samples.get(&body.sample.unwrap()).copied()).confirmed = Some(day)
                }
                FactBody::IsolationStarted(body) => {
                    entry(people, fact.person).isolated = Some(day);
                    entry(people, fact.person).site = Some(body.site.to_string());
                }
                FactBody::Exposure(body) => world.pairs.push((body.case.unwrap(), fact.person.unwrap())),
                other => panic!("{other:?}"),
            }
        }
        world.notes.extend(row.notes);
    }
    assert_eq!((import.counts().accepted, import.counts().rejected), (862, 0));
    world
}

fn entry(people: &mut BTreeMap<PersonId, Person>, id: Option<PersonId>) -> &mut Person {
    people.get_mut(&id.unwrap()).unwrap()
}

/// n, median, mean to four decimals, least, greatest, negative.
fn summary(mut days: Vec<i32>) -> (usize, f64, String, i32, i32, usize) {
    days.sort_unstable();
    let n = days.len();
    let median = f64::from(days[(n - 1) / 2] + days[n / 2]) / 2.0;
    let mean = days.iter().map(|&day| f64::from(day)).sum::<f64>() / n as f64;
    (n, median, format!("{mean:.4}"), days[0], days[n - 1], days.iter().filter(|&&day| day < 0).count())
}

impl World {
    fn delays<'a>(
        &'a self,
        ids: impl IntoIterator<Item = &'a PersonId>,
        to: fn(&Person) -> Option<CivilDay>,
    ) -> Vec<i32> {
        let people = ids.into_iter().map(|id| &self.people[id]);
        people.filter_map(|person| Some(to(person)?.days_since(person.onset?))).collect()
    }

    /// Henan's people by the extended definition: no pair of these data crosses the province's border.
    fn extended(&self) -> BTreeSet<PersonId> {
        let henan = DivisionCode::parse("41").unwrap();
        self.people.iter().filter(|(_, person)| person.division.unwrap().is_under(henan)).map(|(id, _)| *id).collect()
    }

    /// The same without the pairs whose infector's city is spelled in another way; the site keeps the spelling.
    fn plain(&self) -> BTreeSet<PersonId> {
        let extended = self.extended();
        let odd = |id: &PersonId| self.people[id].site.as_ref().is_some_and(|site| !HENAN_NAMES.contains(&&**site));
        let spelled = |pair: &&(PersonId, PersonId)| !odd(&pair.0);
        let of_odd: BTreeSet<_> = self.pairs.iter().filter(|(case, _)| odd(case)).flat_map(|&(a, b)| [a, b]).collect();
        let of_spelled: BTreeSet<_> = self.pairs.iter().filter(spelled).flat_map(|&(a, b)| [a, b]).collect();
        extended.into_iter().filter(|id| !of_odd.contains(id) || of_spelled.contains(id)).collect()
    }
}

#[test]
fn henan_has_the_published_figures_by_both_definitions() {
    let world = world();
    let check = |people: &BTreeSet<PersonId>, n: [usize; 3], isolation: &str, confirmation: &str| {
        assert_eq!(people.len(), n[0]);
        assert_eq!(people.iter().filter(|id| world.people[id].onset.is_some()).count(), n[1]);
        let isolated = summary(world.delays(people, |person| person.isolated));
        assert_eq!(isolated, (n[2], 4.0, isolation.to_owned(), 0, 21, 0));
        let confirmed = summary(world.delays(people, |person| person.confirmed));
        assert_eq!(confirmed, (n[2], 5.0, confirmation.to_owned(), 0, 21, 0));
    };
    check(&world.plain(), [308, 240, 229], "5.3930", "5.4410");
    check(&world.extended(), [318, 248, 237], "5.4388", "5.4852");
}

#[test]
fn the_whole_part_has_the_published_figures() {
    let world = world();
    assert_eq!(world.people.len(), 1279);
    let (n, median, mean, .., negative) = summary(world.delays(world.people.keys(), |person| person.isolated));
    assert_eq!((n, median, &mean[..4], negative), (642, 4.0, "4.51", 2));
    let (n, median, mean, .., negative) = summary(world.delays(world.people.keys(), |person| person.confirmed));
    assert_eq!((n, median, &mean[..4], negative), (582, 5.0, "5.58", 1));
}

#[test]
fn ambiguous_names_stay_at_province_level_and_are_listed() {
    let world = world();
    let listed = |name: &str| {
        let notes = world.notes.iter().filter(|note| note.kind == NoteKind::PlaceClaim && *note.value == *name);
        notes.map(|note| note.person.unwrap()).collect::<BTreeSet<_>>()
    };
    assert_eq!((listed("fuzhou").len(), listed("taizhou").len()), (28, 18));
    for id in listed("fuzhou").union(&listed("taizhou")) {
        assert!(["35", "36", "32"].contains(&&*world.people[id].division.unwrap().to_string()));
    }
    assert_eq!(listed("tahe").len(), 7);
}

#[test]
fn serial_intervals_come_out_of_the_exposures() {
    let world = world();
    let intervals = |people: Option<&BTreeSet<PersonId>>| {
        let pairs = world.pairs.iter().filter(|(case, _)| people.is_none_or(|people| people.contains(case)));
        let onsets = pairs.map(|(case, contact)| (world.people[case].onset, world.people[contact].onset));
        let (n, median, mean, .., negative) =
            summary(onsets.filter_map(|(case, contact)| Some(contact?.days_since(case?))).collect());
        (n, median, format!("{:.2}", mean.parse::<f64>().unwrap()), negative)
    };
    assert_eq!(intervals(Some(&world.plain())), (131, 5.0, "5.70".to_owned(), 9));
    assert_eq!(intervals(Some(&world.extended())), (135, 6.0, "5.99".to_owned(), 9));
    assert_eq!(intervals(None), (395, 4.0, "4.92".to_owned(), 29));
}

#[test]
fn what_the_dates_do_not_allow_is_listed_and_not_guessed() {
    let world = world();
    let subjects = |kind: NoteKind| {
        let mut counts = BTreeMap::<&str, usize>::new();
        for note in world.notes.iter().filter(|note| note.kind == kind) {
            *counts.entry(&note.subject).or_default() += 1;
        }
        counts
    };
    // Counted in the file: five people have no date at all, two of them make one pair.
    assert_eq!(subjects(NoteKind::Unusable), BTreeMap::from([("diagnosis", 5), ("exposure", 1)]));
    assert_eq!(world.pairs.len(), 861);
    assert_eq!(subjects(NoteKind::StandIn).values().sum::<usize>(), 8, "people with other dates only");
    assert!(subjects(NoteKind::Shortened)["exposure"] < 50);
}
