//! Two cities ask each other for people by the pages of two real nodes, while either is killed at any moment and the link
//! between them is cut, slow, and brings things twice and in another order. Every line ends in one final state, what ran
//! out ran out to the second, nothing happens twice, and the counts add up at every moment.

mod link;
mod town;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant as Moment},
};

use sizao_model::{
    Instant, PersonId,
    assist::{BreachCause, LineNo, RequestId},
};
use sizao_policy::assists::{LIMIT_MINUTES, Line, LineState};
use sizao_store::AssistLogLine;
use uuid::Uuid;

use self::{
    link::Link,
    town::{Town, id_of},
};
use super::{node::runtime, random::Random};

/// Lines of one request, of few and of many.
const LINES_EACH: [usize; 2] = [50, 250];
/// How long the end may take once the link is good.
const PATIENCE: Duration = Duration::from_secs(180);
const OUTCOMES: [&str; 5] = ["located-here", "already-controlled", "not-found", "wrong-data", "refuted"];

fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// A request as its officers know it.
struct Asked {
    reason: String,
    case: PersonId,
    people: Vec<PersonId>,
    id: Mutex<Option<Uuid>>,
    /// The asked city's clock when it was not yet sent.
    not_before: Mutex<Option<Instant>>,
    /// The asked city's clock when its officer saw it.
    seen_by: Mutex<Option<Instant>>,
    /// How many of its replies the asked city has acknowledged.
    acknowledged: AtomicU64,
    /// Lines whose reply was acknowledged, or found to be in, before and after the time had run out.
    in_time: Mutex<BTreeSet<LineNo>>,
}

impl Asked {
    fn count(&self) -> LineNo {
        self.people.len() as LineNo
    }
}

/// A city with what it asks for.
struct City {
    town: Town,
    asks: Vec<Asked>,
}

/// What happens all at once.
#[derive(Default)]
struct Scene {
    /// Forms that were taken.
    done: AtomicUsize,
    /// Forms of which nobody was told whether they were taken.
    unknown: AtomicUsize,
    /// Officers who came to the end of the first half.
    waiting: AtomicUsize,
    /// The hours went by.
    is_late: AtomicBool,
    /// Officers who are done.
    finished: AtomicUsize,
    /// Pages on which the counts were added up.
    added_up: AtomicUsize,
    /// Everything is over.
    is_over: AtomicBool,
}

impl Scene {
    fn took(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    fn unsure(&self) {
        self.unknown.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(40));
    }
}

fn outcome_of(request: usize, no: LineNo) -> &'static str {
    OUTCOMES[(request + no as usize) % OUTCOMES.len()]
}

/// Asks for everybody. Where nobody knows whether a form was taken, the officer looks at the board first.
fn ask_all(city: &City, other: &City, scene: &Scene) {
    for asked in &city.asks {
        let peer = other.town.id();
        let mut people: Vec<(&str, String)> = vec![
            ("peer", peer.to_string()),
            ("case", asked.case.uuid().to_string()),
            ("reason", asked.reason.clone()),
            ("phone", "0371-12320".to_owned()),
        ];
        people.extend(asked.people.iter().map(|person| ("person", person.uuid().to_string())));
        let fields: Vec<(&str, &str)> = people.iter().map(|(name, value)| (*name, value.as_str())).collect();
        *asked.not_before.lock().unwrap() = Some(other.town.now());
        let id = loop {
            if let Some(answer) = city.town.post("/assists", &fields) {
                break id_of(&answer.location);
            }
            scene.unsure();
            if let Some(id) = until(|| on_the_board(city, &asked.reason)) {
                break id;
            }
        };
        scene.took();
        *asked.id.lock().unwrap() = Some(id);
    }
}

/// Repeats a look at a page until the node answers.
fn until<T>(look: impl Fn() -> Option<T>) -> T {
    let patience = Moment::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Moment::now() < patience, "the node does not come back");
        std::thread::sleep(Duration::from_millis(40));
    }
}

/// A request on a city's board by its reason; the outer nothing: the node is gone.
fn on_the_board(city: &City, reason: &str) -> Option<Option<Uuid>> {
    let page = city.town.get("/assists")?.body;
    let row = page.split("<tr>").find(|row| row.contains(&format!(">{reason}<")));
    Some(row.map(|row| id_of(row.split("href=\"").nth(1).unwrap().split('"').next().unwrap())))
}

/// Takes on what came, as it comes.
fn take_on_all(city: &City, other: &City, scene: &Scene) {
    for asked in &other.asks {
        let patience = Moment::now() + PATIENCE;
        let id = loop {
            if let Some(Some(id)) = on_the_board(city, &asked.reason) {
                break id;
            }
            assert!(Moment::now() < patience, "{} never came", asked.reason);
            std::thread::sleep(Duration::from_millis(100));
        };
        *asked.seen_by.lock().unwrap() = Some(city.town.now());
        until(|| city.town.get(&format!("/assists/{id}")));
        while city.town.post(&format!("/assists/{id}/accept"), &[]).is_none() {
            // Taking on twice is taking on once.
            scene.unsure();
        }
        scene.took();
    }
}

/// Replies to the lines that `which` picks. Where nobody knows whether a reply was taken, the officer looks at its line.
fn reply_all(city: &City, other: &City, scene: &Scene, which: impl Fn(LineNo) -> bool) {
    for (request, asked) in other.asks.iter().enumerate() {
        let id = until(|| *asked.id.lock().unwrap());
        for no in (1..=asked.count()).filter(|no| which(*no)) {
            reply_one(city, id, (request, no), scene);
            if !scene.is_late.load(Ordering::SeqCst) {
                asked.in_time.lock().unwrap().insert(no);
            }
            asked.acknowledged.fetch_add(1, Ordering::SeqCst);
            scene.took();
        }
    }
}

fn reply_one(city: &City, id: Uuid, (request, no): (usize, LineNo), scene: &Scene) {
    let (line, outcome) = (no.to_string(), outcome_of(request, no));
    let mut fields = vec![("no", line.as_str()), ("version", "1"), ("outcome", outcome), ("words", "Telephone")];
    fields.push(("identified", if no % 3 == 0 { "" } else { "document" }));
    match outcome {
        "located-here" => fields.push(("place", "Street 12")),
        "already-controlled" => fields.push(("measure", "home_isolation")),
        "not-found" => fields.push(("tried", "phones")),
        _ => {}
    }
    while city.town.post(&format!("/assists/{id}/replies"), &fields).is_none() {
        scene.unsure();
        let page = until(|| city.town.get(&format!("/assists/{id}?after={}&line={no}", no - 1))).body;
        if !page.contains("id=\"reply\"") {
            return;
        }
    }
}

/// The officer of a city: asks, takes on, replies to half; hours later to the rest.
fn work(city: &City, other: &City, scene: &Scene) {
    ask_all(city, other, scene);
    take_on_all(city, other, scene);
    reply_all(city, other, scene, |no| no % 2 == 1);
    scene.waiting.fetch_add(1, Ordering::SeqCst);
    while !scene.is_late.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(20));
    }
    reply_all(city, other, scene, |no| no % 2 == 0);
    scene.finished.fetch_add(1, Ordering::SeqCst);
}

/// Adds up the counts on pages of a city, one after the other, all the time.
fn add_up(city: &City, other: &City, scene: &Scene, mut random: Random) {
    while !scene.is_over.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(30));
        let all: Vec<(&Asked, bool)> =
            city.asks.iter().map(|one| (one, true)).chain(other.asks.iter().map(|one| (one, false))).collect();
        let (asked, ours) = all[random.below(all.len() as u64) as usize];
        let Some(id) = *asked.id.lock().unwrap() else { continue };
        if !ours && asked.seen_by.lock().unwrap().is_none() {
            continue;
        }
        let acknowledged = asked.acknowledged.load(Ordering::SeqCst);
        let Some(page) = city.town.get(&format!("/assists/{id}")) else { continue };
        let (total, parts) = counts(&page.body);
        assert_eq!(total, u64::from(asked.count()), "{} at {}", asked.reason, city.town.name);
        assert_eq!(parts.iter().sum::<u64>(), total, "{} at {}", asked.reason, city.town.name);
        if !ours {
            let open = parts.last().unwrap();
            assert!(total - open >= acknowledged, "{acknowledged} replies were acknowledged, {open} are open");
        }
        scene.added_up.fetch_add(1, Ordering::Relaxed);
    }
}

/// The line of the four clears: all, and the outcomes with what is open last.
fn counts(page: &str) -> (u64, Vec<u64>) {
    let line = page.split("id=\"h-clears\"").nth(1).unwrap().split("class=\"note\">").nth(1).unwrap();
    let (total, parts) = line.split('<').next().unwrap().split_once(" = ").unwrap();
    let number = |part: &str| part.trim().rsplit(' ').next().unwrap().parse().unwrap();
    (total.trim().parse().unwrap(), parts.split(" + ").map(number).collect())
}

/// Kills one city or the other, spread over everything that they do, and lets the hours go by in the middle.
fn kill_again_and_again(cities: [&City; 2], scene: &Scene, kills: usize) -> usize {
    let mut random = Random::new(82);
    let all: usize = cities.iter().flat_map(|city| &city.asks).map(|asked| asked.people.len() + 2).sum();
    let (mut killed, mut patience) = (0, Moment::now() + PATIENCE);
    let over = |scene: &Scene| scene.finished.load(Ordering::SeqCst) == 2;
    let mut seen = 0;
    while !over(scene) {
        if scene.waiting.load(Ordering::SeqCst) == 2 && !scene.is_late.load(Ordering::SeqCst) {
            // Everything that came has run out when they start again.
            for city in cities {
                city.town.kill();
                city.town.pass(LIMIT_MINUTES + 7);
                city.town.start();
            }
            scene.is_late.store(true, Ordering::SeqCst);
            killed += 2;
        }
        let done = scene.done.load(Ordering::Relaxed);
        if done > seen {
            (seen, patience) = (done, Moment::now() + PATIENCE);
        }
        assert!(Moment::now() < patience, "nothing goes on: {done} of {all} forms were taken");
        if killed >= kills || done * kills < killed * all {
            std::thread::sleep(Duration::from_millis(10));
            continue;
        }
        std::thread::sleep(Duration::from_millis(random.below(120)));
        let town = &cities[random.below(2) as usize].town;
        town.kill();
        killed += 1;
        if random.below(4) == 0 {
            // Also while it starts.
            let mut child = town.spawn();
            std::thread::sleep(Duration::from_millis(random.below(400)));
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
        }
        town.start();
    }
    killed
}

/// Until both sides show the same log of every request, and nothing is open.
fn settle(cities: [&City; 2]) {
    let patience = Moment::now() + PATIENCE;
    for asked in cities.iter().flat_map(|city| &city.asks) {
        let id = asked.id.lock().unwrap().unwrap();
        let state = |city: &&City| {
            let page = city.town.get(&format!("/assists/{id}")).unwrap().body;
            let log = page.split("id=\"h-log\"").nth(1).unwrap().split("class=\"note\">").nth(1).unwrap();
            (log.split('<').next().unwrap().to_owned(), *counts(&page).1.last().unwrap())
        };
        loop {
            let states: Vec<(String, u64)> = cities.iter().map(state).collect();
            if states[0] == states[1] && states[0].1 == 0 {
                break;
            }
            assert!(Moment::now() < patience, "{}: {states:?}", asked.reason);
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// What a store has of a request: the lines, the log, when it was received.
type Found = (Vec<(LineNo, Line)>, Vec<AssistLogLine>, Instant);

async fn found(store: &sizao_store::Store, id: RequestId) -> Found {
    let record = store.load_assist(id).await.unwrap().unwrap();
    let head: sizao_policy::assists::Request = serde_json::from_str(&record.head).unwrap();
    let lines = store.list_assist_lines(id, 0, 2_000).await.unwrap();
    let lines = lines.iter().map(|row| (row.no, serde_json::from_str(&row.state).unwrap())).collect();
    (lines, store.assist_log(id).await.unwrap(), head.received_at().unwrap())
}

/// Compares what both stores have with what the officers did. How many lines were late.
fn check(cities: [&City; 2]) -> usize {
    runtime().block_on(async {
        let stores = [cities[0].town.open().await, cities[1].town.open().await];
        let mut late = 0;
        for (at, city) in cities.iter().enumerate() {
            for (request, asked) in city.asks.iter().enumerate() {
                let id = RequestId::new(asked.id.lock().unwrap().unwrap());
                let both = [found(&stores[0], id).await, found(&stores[1], id).await];
                assert_eq!(both[0].1, both[1].1, "both sides have the same log");
                for (lines, log, received) in &both {
                    late += check_request(asked, request, lines, log, *received);
                    check_receipt(asked, &cities[1 - at].town, *received);
                }
            }
            let (here, there) = (&stores[at], &stores[1 - at]);
            let ours = here.link_state(there.id()).await.unwrap();
            let theirs = there.link_state(here.id()).await.unwrap();
            assert_eq!((ours.sent, theirs.waiting, theirs.highest), (theirs.done, 0, theirs.done));
            assert_eq!(here.list_refused(100).await.unwrap(), [], "nothing of a known node was turned away");
        }
        let [one, other] = stores;
        one.close().await;
        other.close().await;
        late / 2
    })
}

/// It was received after it was sent and before an officer saw it, by the clock of the asked city; that may be behind by as
/// long as a start of the node took.
fn check_receipt(asked: &Asked, town: &Town, received: Instant) {
    let sent =
        asked.not_before.lock().unwrap().unwrap().as_micros() - town.slowest_start_micros.load(Ordering::Relaxed);
    let seen = asked.seen_by.lock().unwrap().unwrap();
    assert!(Instant::from_micros(sent) <= received && received <= seen, "{sent} {received} {seen}");
}

fn check_request(
    asked: &Asked,
    request: usize,
    lines: &[(LineNo, Line)],
    log: &[AssistLogLine],
    received: Instant,
) -> usize {
    let due = Instant::from_micros(received.as_micros() + 6 * 3_600_000_000);
    assert_eq!(lines.iter().map(|(no, _)| *no).collect::<Vec<_>>(), (1..=asked.count()).collect::<Vec<_>>());
    let in_time = asked.in_time.lock().unwrap();
    let mut late = 0;
    for (no, line) in lines {
        let LineState::Final(outcome) = line.state() else { panic!("line {no} of {}: {line:?}", asked.reason) };
        assert_eq!(outcome.name(), outcome_of(request, *no), "line {no} of {}", asked.reason);
        let breaches: Vec<_> = line.breaches.iter().map(|one| (one.no, one.due_at, one.cause)).collect();
        if in_time.contains(no) {
            assert_eq!(breaches, [], "line {no} of {}", asked.reason);
        } else {
            late += 1;
            assert_eq!(breaches, [(*no, due, BreachCause::NotReplied)], "line {no} of {}", asked.reason);
        }
    }
    let mut words: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in log {
        *words.entry(entry.word.as_str()).or_default() += 1;
    }
    let said = |word: &str| words.get(word).copied().unwrap_or(0);
    let once = ["list", "received", "seen", "accepted"].map(said);
    assert_eq!((once, said("replies")), ([1; 4], lines.len()), "each thing was said once: {words:?}");
    late
}

/// The requests of a city, of people of the other one.
fn asks(name: &str, prepared: Vec<(PersonId, Vec<PersonId>)>) -> Vec<Asked> {
    let one = |(number, (case, people)): (usize, (PersonId, Vec<PersonId>))| Asked {
        reason: format!("{name} {number}"),
        case,
        people,
        id: Mutex::default(),
        not_before: Mutex::default(),
        seen_by: Mutex::default(),
        acknowledged: AtomicU64::new(0),
        in_time: Mutex::default(),
    };
    prepared.into_iter().enumerate().map(one).collect()
}

#[test]
fn requests_between_two_killed_nodes_over_a_bad_link_end_once_and_to_the_second() {
    let lines = number("SIZAO_ASSIST_LINES", 1_000);
    let kills = number("SIZAO_ASSIST_KILLS", 6);
    let each = LINES_EACH[usize::from(lines >= 4_000)];
    let cases: Vec<usize> = vec![each; lines.div_ceil(2 * each)];
    let (zhengzhou, luoyang) = (Town::new("Zhengzhou", "4101", 0), Town::new("Luoyang", "4103", 10));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (ours, theirs) = runtime.block_on(async {
        (zhengzhou.prepare("410305", 0, &cases).await, luoyang.prepare("410102", 100_000, &cases).await)
    });
    let (one, one_face) = runtime.block_on(zhengzhou.identity());
    let (other, other_face) = runtime.block_on(luoyang.identity());
    // Each knows the other at the end of the link that leads there.
    let links = link_up(&runtime, [(&zhengzhou, one, one_face), (&luoyang, other, other_face)]);
    let cities = [
        City { town: zhengzhou, asks: asks("Zhengzhou", ours) },
        City { town: luoyang, asks: asks("Luoyang", theirs) },
    ];
    let both = [&cities[0], &cities[1]];
    for city in both {
        city.town.start();
        city.town.sign_in();
    }
    let scene = Scene::default();
    let killed = std::thread::scope(|scope| {
        let scene = &scene;
        for (city, other) in [(both[0], both[1]), (both[1], both[0])] {
            scope.spawn(move || work(city, other, scene));
            let random = Random::new(city.town.door.port().into());
            scope.spawn(move || add_up(city, other, scene, random));
        }
        let over = Over(scene);
        let killed = kill_again_and_again(both, scene, kills);
        for link in &links {
            link.is_good.store(true, Ordering::Relaxed);
        }
        settle(both);
        drop(over);
        killed
    });
    both.iter().for_each(|city| city.town.kill());
    let late = check(both);
    let did = |count: fn(&link::Done) -> &AtomicU64| -> u64 {
        links.iter().map(|link| count(&link.done).load(Ordering::Relaxed)).sum()
    };
    println!(
        "figure: {} lines in {} requests over HTTPS, clocks apart by 10 min, {late} late: each in one final state, every breach \
         due six hours after its receipt to the microsecond, the same log on both sides",
        2 * cases.iter().sum::<usize>(),
        2 * cases.len(),
    );
    println!(
        "figure: {killed} kills of a node; {} forms left without an answer; the link was cut {} times, slow {}, brought {} \
         envelopes again, {} out of order, lost {}",
        scene.unknown.load(Ordering::Relaxed),
        did(|done| &done.cut),
        did(|done| &done.slow),
        did(|done| &done.doubled),
        did(|done| &done.mixed),
        did(|done| &done.dropped),
    );
    println!("figure: the counts added up on {} pages meanwhile", scene.added_up.load(Ordering::Relaxed));
}

/// Ends what goes on, also when something fails.
struct Over<'s>(&'s Scene);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.is_late.store(true, Ordering::SeqCst);
        self.0.is_over.store(true, Ordering::SeqCst);
    }
}

type Side<'t> = (&'t Town, std::sync::Arc<sizao_server::peers::PeerIdentity>, link::Face);

/// Puts a bad link before each door, and each city on record at the other.
fn link_up(runtime: &tokio::runtime::Runtime, [one, other]: [Side<'_>; 2]) -> [std::sync::Arc<Link>; 2] {
    // Cards first, with the real doors, for the keys; then with the addresses of the links.
    let introduce = |(from, _, _): &Side<'_>, to: &Town, address: &str| {
        let card = from.set_up(address);
        to.node.run(&["assist", "add", &card]);
    };
    introduce(&one, other.0, &one.0.door.to_string());
    introduce(&other, one.0, &other.0.door.to_string());
    let stand = |asking: &Side<'_>, answering: &Side<'_>, seed| {
        let peer = runtime.block_on(asking.0.peer(answering.0.door));
        let link = Link::new(asking.1.clone(), peer, seed);
        let address = link.stand(runtime, &answering.2);
        introduce(answering, asking.0, &address.to_string());
        link
    };
    [stand(&one, &other, 91), stand(&other, &one, 92)]
}
