//! A city's node: the real binary with its store, its officers at its pages, and what is found in the store at the end.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Stdio},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicI64, AtomicU16, Ordering},
    },
    time::Duration,
};

use ed25519_dalek::SigningKey;
use serde_json::json;
use sizao_app::{App, Rules, accounts::NewUnit, assists::PeerRecord, identity::Role};
use sizao_model::{
    Clock, ContactClass, DivisionCode, FactBody, Happened, Instant, PersonId,
    draft::{PersonDraft, PersonName},
    fact::{EvidenceKind, Exposure},
    identity::{Document, DocumentKind},
};
use sizao_policy::{Pack, PackTimeline};
use sizao_server::peers::PeerIdentity;
use sizao_store::{Channel, IntakeKey, MasterKey, NewFact, Place, Store, VaultPerson};
use uuid::Uuid;

use super::link::Face;
use crate::durability::node::Node;

const PACK: &str = include_str!("../../../../../../policies/cn-covid-v8/pack.toml");
const PASSWORD: &str = "two-cities-and-a-bad-link";

/// The wall's clock.
pub fn wall() -> Instant {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Instant::from_micros(since.as_micros() as i64)
}

/// The clock while the store is made: the wall's, moved.
struct Moved(i64);

impl Clock for Moved {
    fn now(&self) -> Instant {
        Instant::from_micros(wall().as_micros() + self.0)
    }
}

/// A city.
pub struct Town {
    pub node: Node,
    pub name: &'static str,
    division: &'static str,
    /// The real door for other nodes.
    pub door: SocketAddr,
    /// By how much its clock is ahead of the wall's, microseconds.
    ahead: AtomicI64,
    /// The longest that a start took: its clock may be behind by that.
    pub slowest_start_micros: AtomicI64,
    running: Mutex<Option<Child>>,
    pages: Mutex<Option<SocketAddr>>,
    officer: Mutex<(String, String)>,
    id: OnceLock<Uuid>,
}

/// What a page answered.
pub struct Answer {
    pub status: u16,
    pub location: String,
    pub body: String,
    cookie: String,
}

impl Town {
    /// A node with a name and a free port for its door; `minutes` says how wrong its clock goes.
    pub fn new(name: &'static str, division: &'static str, minutes: i64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("sizao.db").display().to_string();
        let node = Node::at(folder, store);
        node.run(&["init", "--kind", "drill"]);
        Self {
            node,
            name,
            division,
            door: free_door(),
            ahead: AtomicI64::new(minutes * 60_000_000),
            slowest_start_micros: AtomicI64::new(0),
            running: Mutex::default(),
            pages: Mutex::default(),
            officer: Mutex::default(),
            id: OnceLock::new(),
        }
    }

    /// What its clock says at most now.
    pub fn now(&self) -> Instant {
        Instant::from_micros(wall().as_micros() + self.ahead.load(Ordering::Relaxed))
    }

    /// The id of its store, which its card tells.
    pub fn id(&self) -> Uuid {
        *self.id.get().unwrap()
    }

    /// Time goes on for it: from the next start on.
    pub fn pass(&self, minutes: i64) {
        self.ahead.fetch_add(minutes * 60_000_000, Ordering::Relaxed);
    }

    pub async fn open(&self) -> Store {
        let text = fs::read_to_string(self.node.key_file()).unwrap();
        let master = MasterKey::parse(text.lines().next().unwrap()).unwrap();
        let entropy = Box::new(|bytes: &mut [u8]| getrandom::fill(bytes).unwrap());
        Store::open(&Place::parse(&self.node.store), master, entropy).await.unwrap()
    }

    pub async fn app(&self) -> App {
        let rules = PackTimeline::new(vec![Pack::from_toml("cn-covid-v8", PACK).unwrap()]).unwrap();
        let clock = Arc::new(Moved(self.ahead.load(Ordering::Relaxed)));
        let signer = SigningKey::from_bytes(&[7; 32]);
        App::new(self.open().await, clock, signer, "tests", Rules::new(rules, &[PACK])).await.unwrap()
    }

    /// An officer; cases with their contacts in another city. The contacts of each case.
    pub async fn prepare(&self, elsewhere: &str, first: u32, cases: &[usize]) -> Vec<(PersonId, Vec<PersonId>)> {
        let app = self.app().await;
        let now = app.now();
        let unit = NewUnit { name: self.name, kind: "cdc", division: self.division };
        let unit = app.add_demo_unit(&unit, now).await.unwrap();
        app.add_demo_account(&unit, Role::Epidemiologist, "cdc", "Officer", PASSWORD, now).await.unwrap();
        let elsewhere = DivisionCode::parse(elsewhere).unwrap();
        let home = DivisionCode::parse(self.division).unwrap();
        let store = app.store();
        let source = store.source("tests").await.unwrap();
        let at = now.plus_hours(-30);
        let (mut next, mut prepared) = (first, Vec::new());
        for count in cases {
            let mut people = vec![somebody(next, home)];
            people.extend((1..=*count as u32).map(|number| somebody(next + number, elsewhere)));
            next += people.len() as u32;
            let people = store.resolve_people(&people, now).await.unwrap();
            let (case, contacts) = (people[0], people[1..].to_vec());
            let new = |person: PersonId, division, body: FactBody, key: String| NewFact {
                id: store.new_fact_id(now),
                person: Some(person),
                division,
                happened: Happened::at(at),
                recorded_at: now,
                body,
                recorder: app.recorder(),
                channel: Channel::Import,
                source,
                intake_key: IntakeKey::Sender(key.into()),
            };
            let told = json!({"status": "confirmed_case", "onset": at.day().to_string()});
            let diagnosis = FactBody::from_json("diagnosis", &told.to_string()).unwrap();
            let mut facts = vec![new(case, home, diagnosis, format!("case/{next}"))];
            for contact in &contacts {
                let exposure = Exposure {
                    case: Some(case),
                    via: None,
                    evidence: EvidenceKind::Interview,
                    disease: None,
                    case_left_at: None,
                    meeting: None,
                    setting: None,
                    class: Some(ContactClass::CloseContact),
                };
                facts.push(new(*contact, elsewhere, exposure.into(), format!("contact/{contact}")));
            }
            app.append_facts(facts).await.unwrap();
            prepared.push((case, contacts));
        }
        app.follow_log().await.unwrap();
        app.close().await;
        prepared
    }

    /// Who it is to others, and what its door shows.
    pub async fn identity(&self) -> (Arc<PeerIdentity>, Face) {
        let app = self.app().await;
        let identity = PeerIdentity::of(&app).await.unwrap();
        let seed = *app.cooperation_keys().await.unwrap().certificate_seed();
        let face = Face { certificate: identity.certificate().to_vec(), seed };
        app.close().await;
        (Arc::new(identity), face)
    }

    /// Says who it is by the command, with its door at an address; its card.
    pub fn set_up(&self, address: &str) -> String {
        let card = ["--name", self.name, "--division", self.division, "--address", address];
        self.node.run(&[&["assist", "set-up"], card.as_slice()].concat());
        let card = self.node.command(&["assist", "card"]).output().unwrap();
        assert!(card.status.success(), "{}", String::from_utf8_lossy(&card.stderr));
        let told: serde_json::Value = serde_json::from_slice(&card.stdout).unwrap();
        self.id.get_or_init(|| told["node"].as_str().unwrap().parse().unwrap());
        let file = self.node.folder.path().join("card.json");
        fs::write(&file, card.stdout).unwrap();
        file.display().to_string()
    }

    /// The record of the only peer, with its real door.
    pub async fn peer(&self, door: SocketAddr) -> PeerRecord {
        let store = self.open().await;
        let peer = store.list_peers().await.unwrap().pop().unwrap();
        store.close().await;
        PeerRecord { address: door.to_string(), ..peer }
    }

    /// Starts the node without waiting for it.
    pub fn spawn(&self) -> Child {
        let clock = self.now().to_string();
        let peers = self.door.to_string();
        let mut command =
            self.node.command(&["serve", "--listen", "127.0.0.1:0", "--peers", &peers, "--clock", &clock]);
        let told = self.node.folder.path().join("told");
        let told = fs::OpenOptions::new().create(true).append(true).open(told).unwrap();
        command.env("SIZAO_SEGMENTS", self.node.folder.path().join("segments"));
        command.stdout(Stdio::piped()).stderr(told).spawn().unwrap()
    }

    /// Starts the node and waits for its pages.
    pub fn start(&self) {
        let began = wall();
        let mut child = self.spawn();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{}", self.told()));
        let address = told["address"].as_str().unwrap().trim_start_matches("http://").parse().unwrap();
        let took = wall().as_micros() - began.as_micros();
        self.slowest_start_micros.fetch_max(took, Ordering::Relaxed);
        *self.running.lock().unwrap() = Some(child);
        *self.pages.lock().unwrap() = Some(address);
    }

    /// Stops it as the system would: no handler, no last word.
    pub fn kill(&self) {
        *self.pages.lock().unwrap() = None;
        if let Some(mut child) = self.running.lock().unwrap().take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    fn told(&self) -> String {
        fs::read_to_string(self.node.folder.path().join("told")).unwrap_or_default()
    }

    pub fn sign_in(&self) {
        let fields = [("login", "cdc"), ("password", PASSWORD), ("code", "")];
        let signed_in = self.ask("POST", "/sign-in", &fields).unwrap();
        assert_eq!(signed_in.status, 303, "{}", signed_in.body);
        *self.officer.lock().unwrap() = (signed_in.cookie, String::new());
        let me = self.get("/me").unwrap().body;
        let word = me.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        self.officer.lock().unwrap().1 = word.to_owned();
    }

    /// A page; nothing when the node is gone.
    pub fn get(&self, path: &str) -> Option<Answer> {
        let answer = self.ask("GET", path, &[])?;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        Some(answer)
    }

    /// A form; nothing when the node is gone, and then nobody knows whether it was taken.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Option<Answer> {
        let answer = self.ask("POST", path, fields)?;
        assert_eq!(answer.status, 303, "{path}: {}", answer.body);
        assert!(answer.location.starts_with("/assists"), "{path}: to {}", answer.location);
        Some(answer)
    }

    fn ask(&self, method: &str, path: &str, fields: &[(&str, &str)]) -> Option<Answer> {
        let address = (*self.pages.lock().unwrap())?;
        let (cookie, word) = self.officer.lock().unwrap().clone();
        let fields: Vec<String> = [("csrf", word.as_str())]
            .iter()
            .chain(fields)
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        let body = if method == "POST" { fields.join("&") } else { String::new() };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: node\r\nconnection: close\r\ncookie: {cookie}\r\naccept-language: en\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        stream.write_all(request.as_bytes()).ok()?;
        let mut read = Vec::new();
        stream.read_to_end(&mut read).ok()?;
        Answer::parse(&read)
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Answer {
    /// An answer that came whole.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let field = |name: &str| {
            let of = |line: &str| {
                let (found, value) = line.split_once(": ")?;
                found.eq_ignore_ascii_case(name).then(|| value.to_owned())
            };
            head.lines().find_map(of)
        };
        let length: usize = field("content-length").map_or(0, |length| length.parse().unwrap());
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let cookie = field("set-cookie").unwrap_or_default();
        (body.len() == length).then(|| Self {
            status,
            location: field("location").unwrap_or_default(),
            body: body.to_owned(),
            cookie: cookie.split(';').next().unwrap().to_owned(),
        })
    }
}

fn encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

/// A port below those that the system gives away, so that nobody has it while the node is down.
fn free_door() -> SocketAddr {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + std::process::id() as u16 % 10_000;
    let next = || TcpListener::bind(("127.0.0.1", first + TRIED.fetch_add(1, Ordering::Relaxed))).ok();
    (0..2_000).find_map(|_| next()).unwrap().local_addr().unwrap()
}

/// An invented person by a number.
fn somebody(number: u32, division: DivisionCode) -> VaultPerson {
    let id = format!("4101021980{:02}{:02}{:03}", number % 12 + 1, number / 12 % 28 + 1, number / 336);
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: usize = id.bytes().zip(weights).map(|(digit, weight)| usize::from(digit - b'0') * weight).sum();
    let check = char::from(b"10X98765432"[sum % 11]);
    let document = Document::new(DocumentKind::ResidentId, &format!("{id}{check}")).unwrap();
    let draft = PersonDraft {
        names: vec![PersonName::Document(document)],
        full_name: Some(format!("张测{number}").into()),
        phones: Vec::new(),
        division,
    };
    VaultPerson { draft, search_terms: Vec::new() }
}

/// The id of a request in an address.
pub fn id_of(path: &str) -> Uuid {
    path.trim_start_matches("/assists/").parse().unwrap_or_else(|_| panic!("{path} names no request"))
}
