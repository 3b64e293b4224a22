//! The arrivals of an invented city as carriers, hotels, checkpoints and people themselves tell them: with second papers, mistyped
//! numbers and names, telephones of whoever booked. How many are known in time, counted twice, or put together wrongly.
//!
//! `SIZAO_ARRIVALS` (300, on PostgreSQL 100) sets how many; `scripts/prove.sh arrivals` runs 100,000. What no line of a list can be read from is handed
//! back and counts as not known by that channel.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::json;
use sizao_drill::{
    city::{City, CityOptions, LedgerShare, truth::Truth},
    random::{Process, Stream},
};
use sizao_model::{
    DivisionCode, Fact, Instant, PersonId,
    draft::{PersonDraft, PersonName},
    identity::{Document, DocumentKind, Phone, PhoneRole},
};
use sizao_store::{AccountRecord, ArrivalRecord, UnitRecord, VaultPerson};
use uuid::Uuid;

use crate::node::Node;
use crate::support::{TestPlace, places, sqlite};

const CHANNELS: Process = Process::named("channels of arrivals");
/// Simulated minutes between two rounds of the node's jobs.
const ROUND_MINUTES: i64 = 5;

/// What a channel sends.
struct Sent {
    at: u32,
    person: u32,
    draft: Option<PersonDraft>,
    evidence: &'static str,
    from: String,
    into: String,
    arrived_at: u32,
}

/// Channel: evidence, share of arrivals that it sees, delay of its list in minutes at most, whether it asks for a telephone.
const SEEN_BY: [(&str, f64, u32, bool); 4] = [
    ("list_row", 0.80, 40, true),
    ("list_row", 0.45, 55, false),
    ("checkpoint", 0.50, 5, false),
    ("declared", 0.50, 600, true),
];

fn instant(seconds: u32) -> Instant {
    Instant::from_micros(i64::from(seconds) * 1_000_000)
}

/// One digit or letter of a number mistyped.
fn slip(text: &str, rng: &mut Stream) -> String {
    let mut signs: Vec<char> = text.chars().collect();
    let digits: Vec<usize> = (0..signs.len()).filter(|at| signs[*at].is_ascii_digit()).collect();
    let at = *rng.pick(&digits);
    let digit = signs[at].to_digit(10).unwrap_or(0);
    signs[at] = char::from_digit((digit + 1 + rng.below(8)) % 10, 10).unwrap_or('0');
    signs.into_iter().collect()
}

/// The papers, name and telephone that a channel puts down; nothing where the number cannot be read.
fn draft(city: &City, person: u32, into: DivisionCode, with_phone: bool, rng: &mut Stream) -> Option<PersonDraft> {
    let record = city.record(person);
    let (mut kind, mut number) = (city.people()[person as usize].paper, city.true_paper(person));
    if rng.chance(0.03) {
        // Those who hold a passport besides show it to hotels and airlines.
        (kind, number) = (DocumentKind::Passport, format!("ZX{person:07}"));
    }
    if rng.chance(0.01) {
        number = slip(&number, rng);
    }
    let mut name = city.true_name(person);
    if rng.chance(0.005) {
        name.pop();
    }
    let document = Document::new(kind, &number).ok()?;
    let booked_by_other = rng.chance(0.12);
    let phones = match (with_phone, booked_by_other) {
        (false, _) => Vec::new(),
        // Whoever booked: the neighbour's telephone stands as the own.
        (true, true) => city.record(person ^ 1).phones,
        (true, false) => record.phones,
    };
    let phones = phones.iter().take(1).filter_map(|phone| Phone::new(&phone.number, PhoneRole::Own).ok()).collect();
    Some(PersonDraft {
        names: vec![PersonName::Document(document)],
        full_name: Some(name.into()),
        phones,
        division: into,
    })
}

/// Everything that is sent, in order of time, with the true arrivals that at least one channel saw.
fn sent(city: &City, wanted: usize) -> (Vec<Sent>, usize, u64) {
    let (mut all, mut arrivals, mut unreadable) = (Vec::new(), 0, 0);
    'blocks: for block in 0..city.blocks().len() as u32 {
        for truth in city.records_of_block(block).truths {
            let line = truth.json(city);
            let Truth::Arrival { person, at, .. } = truth else { continue };
            let told: serde_json::Value = serde_json::from_str(&line).unwrap();
            let (from, into) =
                (told["from"].as_str().unwrap().to_owned(), told["into"].as_str().unwrap()[..6].to_owned());
            let division = DivisionCode::parse(&into).unwrap();
            let mut rng = Stream::new(city.options().seed, CHANNELS, person.into(), at.into());
            let before = all.len();
            for (evidence, share, delay, with_phone) in SEEN_BY {
                if rng.chance(share) {
                    let draft = draft(city, person, division, with_phone, &mut rng);
                    unreadable += u64::from(draft.is_none());
                    let at_record = at + rng.between(1, u64::from(delay) as u32 * 60 + 1);
                    let (from, into) = (from.clone(), into.clone());
                    all.push(Sent { at: at_record, person, draft, evidence, from, into, arrived_at: at });
                }
            }
            arrivals += usize::from(all.len() > before);
            if arrivals == wanted {
                break 'blocks;
            }
        }
    }
    all.sort_by_key(|sent| (sent.at, sent.person));
    (all, arrivals, unreadable)
}

async fn run(place: &TestPlace, wanted: usize) {
    let people = (wanted * 9).clamp(2_000, 1_200_000) as u32;
    let mut options = CityOptions::new(people, 14, 5);
    options.within = Some(DivisionCode::parse("4101").unwrap());
    options.ledger = LedgerShare::None;
    let city = City::build(options).unwrap();
    let (all, arrivals, unreadable) = sent(&city, wanted);
    assert!(arrivals >= wanted.min(200), "{arrivals} arrivals are few");
    let start = instant(all[0].at);
    let node = Node::new(place, &["cn-covid-v8", "ha-arrival-0322"], &start.to_rfc3339()).await;
    communities(&node, &all).await;
    // Whose record each person of the vault is, and when each true arrival was first sent.
    let mut owner: HashMap<PersonId, BTreeSet<u32>> = HashMap::new();
    let mut first_sent: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    let mut facts_of: HashMap<(u32, u32), Vec<sizao_model::FactId>> = HashMap::new();
    let (mut next, mut clock) = (0, start);
    while next < all.len() {
        clock = clock.plus_minutes(ROUND_MINUTES);
        let upto = all[next..].iter().position(|sent| instant(sent.at) > clock).map_or(all.len(), |n| next + n);
        let batch = &all[next..upto];
        // Rounds in which nothing came in change nothing.
        if batch.is_empty() {
            continue;
        }
        node.set(&clock.to_rfc3339());
        for sent in batch {
            first_sent.entry((sent.person, sent.arrived_at)).or_insert(sent.at);
        }
        let readable: Vec<&Sent> = batch.iter().filter(|sent| sent.draft.is_some()).collect();
        let drafts: Vec<VaultPerson> = readable
            .iter()
            .map(|sent| VaultPerson { draft: sent.draft.clone().unwrap(), search_terms: Vec::new() })
            .collect();
        let ids = node.app.store().resolve_people(&drafts, clock).await.unwrap();
        let (mut lines, mut births) = (Vec::new(), Vec::new());
        for ((number, sent), id) in (next..).zip(&readable).zip(&ids) {
            owner.entry(*id).or_default().insert(sent.person);
            lines.push(json!({"id": format!("s{number}-{}", lines.len()), "kind": "arrival", "person": id.to_string(),
                "happened": {"at": instant(sent.arrived_at).to_rfc3339()}, "recorded_at": instant(sent.at).to_rfc3339(),
                "body": {"from": sent.from, "into": sent.into, "evidence": sent.evidence}}));
            // Passports are read by machine, with the birthday.
            let paper = &sent.draft.as_ref().unwrap().names[0];
            if matches!(paper, PersonName::Document(document) if document.kind() == DocumentKind::Passport) {
                let day = city.people()[sent.person as usize].birth_on.to_string();
                births.push(json!({"id": format!("born-{id}"), "kind": "person", "person": id.to_string(),
                    "happened": {"day": day}, "recorded_at": clock.to_rfc3339(), "body": {"birth_day": day}}));
            }
        }
        node.append(&births).await;
        let facts: Vec<Fact> = node.append(&lines).await;
        for (sent, fact) in readable.iter().zip(&facts) {
            facts_of.entry((sent.person, sent.arrived_at)).or_default().push(fact.id);
        }
        node.app.follow_arrivals().await.unwrap();
        next = upto;
    }
    judge(&node, wanted, arrivals, unreadable, &owner, &first_sent).await;
}

/// A community in every county that somebody comes to, with one worker.
async fn communities(node: &Node, all: &[Sent]) {
    let counties: BTreeSet<&str> = all.iter().map(|sent| sent.into.as_str()).collect();
    for (number, county) in (1_u128..).zip(counties) {
        let division = DivisionCode::parse(county).unwrap();
        let unit = UnitRecord {
            id: Uuid::from_u128(number),
            name: county.to_owned(),
            kind: "community".into(),
            division,
            made_at: node.now(),
            closed_at: None,
        };
        node.app.store().add_unit(&unit).await.unwrap();
        let account = AccountRecord {
            id: Uuid::from_u128(1_000_000 + number),
            unit: unit.id,
            login: format!("worker{number}"),
            name: "Worker".into(),
            role: "community-worker".into(),
            password: String::new(),
            totp: None,
            totp_step: 0,
            demo: false,
            made_at: node.now(),
            closed_at: None,
        };
        node.app.store().add_account(&account).await.unwrap();
    }
}

async fn judge(
    node: &Node,
    wanted: usize,
    arrivals: usize,
    unreadable: u64,
    owner: &HashMap<PersonId, BTreeSet<u32>>,
    first_sent: &BTreeMap<(u32, u32), u32>,
) {
    assert!(owner.values().all(|people| people.len() == 1), "one paper is one person in this world");
    let records: Vec<PersonId> = owner.keys().copied().collect();
    // The links on record put records together.
    let mut root: BTreeMap<PersonId, PersonId> = records.iter().map(|record| (*record, *record)).collect();
    fn find(root: &BTreeMap<PersonId, PersonId>, mut record: PersonId) -> PersonId {
        while root[&record] != record {
            record = root[&record];
        }
        record
    }
    let store = node.app.store();
    let (size, mut from, mut wrong, mut links) = (store.size().await.unwrap(), 0, 0_u64, 0_u64);
    while from < size {
        let (facts, _) = store.load_leaves_that_fit(from, (from + 50_000).min(size)).await.unwrap();
        for stored in &facts {
            if let (Some(person), sizao_model::FactBody::IdentityLink(link)) = (stored.fact.person, &stored.fact.body) {
                links += 1;
                wrong += u64::from(owner[&person] != owner[&link.other]);
                let (one, other) = (find(&root, person), find(&root, link.other));
                root.insert(one.max(other), one.min(other));
            }
        }
        from += 50_000;
    }
    let clusters: BTreeSet<PersonId> = records.iter().map(|record| find(&root, *record)).collect();
    let people: BTreeSet<u32> = owner.values().flatten().copied().collect();
    let doubles = clusters.len() - people.len();
    let mut rows: HashMap<u32, Vec<ArrivalRecord>> = HashMap::new();
    for chunk in records.chunks(5_000) {
        for row in store.arrivals_of(chunk).await.unwrap() {
            let person = *owner[&row.person].first().unwrap();
            rows.entry(person).or_default().push(row);
        }
    }
    let (mut in_time, mut late_class, mut longest) = (0, 0, 0);
    for ((person, arrived_at), sent_at) in first_sent {
        let near =
            |row: &&ArrivalRecord| (row.arrived_at.as_micros() / 1_000_000 - i64::from(*arrived_at)).abs() < 40_000;
        let known = rows.get(person).into_iter().flatten().find(near).and_then(|row| row.known_at);
        in_time += usize::from(known.is_some_and(|at| at <= instant(*sent_at).plus_minutes(60)));
    }
    let all_rows: Vec<&ArrivalRecord> = rows.values().flatten().collect();
    for row in &all_rows {
        let done = row.classed_at.zip(row.owned_at).map(|(classed, owned)| classed.max(owned));
        let minutes = done.zip(row.known_at).map(|(done, known)| (done.as_micros() - known.as_micros()) / 60_000_000);
        longest = longest.max(minutes.unwrap_or(i64::MAX));
        late_class += usize::from(minutes.is_none_or(|minutes| minutes > 10) || row.officer.is_none());
    }
    let share = |part: usize, of: usize| part as f64 / of as f64;
    println!(
        "figure: {arrivals} true arrivals of {} people, {} records in the vault, {links} links; {unreadable} lines handed back",
        people.len(),
        records.len()
    );
    println!(
        "figure: known within an hour of the first signal: {:.2} % (at least 98 %)",
        100.0 * share(in_time, first_sent.len())
    );
    println!("figure: people counted twice: {:.3} % (at most 0.5 %)", 100.0 * share(doubles, people.len()));
    println!("figure: wrong merges: {wrong} (0)");
    println!(
        "figure: without class, owner and worker within 10 minutes: {late_class} of {} (0), longest {longest} min",
        all_rows.len()
    );
    assert_eq!((wrong, late_class), (0, 0));
    assert!(share(in_time, first_sent.len()) >= 0.98, "{in_time} of {}", first_sent.len());
    // Of a few people one more is much.
    let allowed = if wanted < 2_000 { 0.02 } else { 0.005 };
    assert!(share(doubles, people.len()) <= allowed, "{doubles} of {}", people.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn arrivals_of_a_city_are_known_once_in_time_with_class_and_owner() {
    if let Some(wanted) = std::env::var("SIZAO_ARRIVALS").ok().map(|text| text.parse().unwrap()) {
        run(&sqlite(), wanted).await;
        return;
    }
    for place in places().await {
        let small = place.engine() != "SQLite";
        run(&place, if small { 100 } else { 300 }).await;
    }
}
