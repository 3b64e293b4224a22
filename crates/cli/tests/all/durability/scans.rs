//! Scans of place codes while the node is killed at any moment: what was acknowledged is in the ledger, once, and the index
//! of the next start has it.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ed25519_dalek::SigningKey;
use sizao_model::{DivisionCode, FactId, Happened, Instant};
use sizao_store::{
    AccountRecord, ApiTokenRecord, Channel, IntakeKey, MandateRecord, MasterKey, NewFact, Place, Store, Submission,
    UnitRecord, hex,
};
use uuid::Uuid;

use super::{
    node::{Node, runtime},
    random::Random,
};

/// Senders at once.
const SENDERS: u64 = 6;
const UNIT: Uuid = Uuid::from_u128(7);

fn kills() -> usize {
    std::env::var("SIZAO_KILLS").map_or(10, |text| text.parse().expect("SIZAO_KILLS is a number"))
}

fn clock() -> Instant {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Instant::from_micros(since.as_micros() as i64)
}

async fn open(node: &Node) -> Store {
    let text = std::fs::read_to_string(node.key_file()).unwrap();
    let master = MasterKey::parse(text.lines().next().unwrap()).unwrap();
    let mut state = clock().as_micros() as u64 | 1;
    let entropy = Box::new(move |bytes: &mut [u8]| {
        for byte in bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = (state >> 32) as u8;
        }
    });
    Store::open(&Place::parse(&node.store), master, entropy).await.unwrap()
}

/// A unit with an account, a token, a mandate and a place; the token and the place's number.
fn prepare(node: &Node) -> (String, u32) {
    runtime().block_on(async {
        let store = open(node).await;
        let (now, division) = (clock(), DivisionCode::parse("4101").unwrap());
        let unit = UnitRecord {
            id: UNIT,
            name: "Venues".into(),
            kind: "venue".into(),
            division,
            made_at: now,
            closed_at: None,
        };
        store.add_unit(&unit).await.unwrap();
        let account = AccountRecord {
            id: Uuid::from_u128(8),
            unit: UNIT,
            login: "venue".into(),
            name: "Keeper".into(),
            role: "venue-keeper".into(),
            password: String::new(),
            totp: None,
            totp_step: 0,
            demo: false,
            made_at: now,
            closed_at: None,
        };
        assert!(store.add_account(&account).await.unwrap());
        let token = ApiTokenRecord {
            id: Uuid::from_u128(9),
            account: account.id,
            name: "gate".into(),
            scopes: "send-scans".into(),
            made_at: now,
            seen_at: None,
            expires_at: now.plus_hours(24),
        };
        let secret = store.add_api_token(&token).await.unwrap();
        let mandate = MandateRecord {
            id: Uuid::from_u128(10),
            collection: "movement".into(),
            area: division,
            legal_basis: "a".into(),
            authority: "b".into(),
            purpose: "c".into(),
            impact_assessment: "d".into(),
            starts_at: now.plus_hours(-1),
            ends_at: now.plus_hours(24),
            proposed_by: account.id,
            proposed_at: now,
            signed: None,
            ended: None,
        };
        store.propose_mandate(&mandate).await.unwrap();
        let fact = on_record(&store, &mandate).await;
        assert!(store.sign_mandate(mandate.id, account.id, now, fact).await.unwrap());
        let places = [("hall".to_owned(), division, "venue".to_owned(), "Hall".to_owned(), None)];
        let place = store.add_places(&places, now).await.unwrap()[0];
        store.close().await;
        (hex(&secret), place)
    })
}

/// The mandate as a fact of the log, without which its row gives leave to nothing.
async fn on_record(store: &Store, mandate: &MandateRecord) -> FactId {
    let (now, signer) = (clock(), SigningKey::from_bytes(&[9; 32]));
    let fact = NewFact {
        id: store.new_fact_id(now),
        person: None,
        division: mandate.area,
        happened: Happened::at(mandate.starts_at),
        recorded_at: now,
        body: mandate.body().into(),
        recorder: store.add_recorder("tester", &signer.verifying_key(), now).await.unwrap(),
        channel: Channel::Page,
        source: store.source("mandates").await.unwrap(),
        intake_key: IntakeKey::Sender(mandate.id.to_string().into()),
    };
    let salt = store.salts(1)[0];
    let sealed = vec![store.sealer(std::slice::from_ref(&fact)).await.unwrap().seal(fact, &salt)];
    let submission = Submission::sign(&sealed, &signer);
    store.append(sealed, &submission, None, now).await.unwrap().receipts[0].id()
}

fn code(store: &Store, place: u32) -> String {
    let period = clock().as_micros() as u64 / 60_000_000;
    format!("SZ1.{place:x}.{period:x}.{}", hex(&store.place_code_mac(place, period)[..10]))
}

/// Starts the node; gives it with the address at which it answers.
fn serve(node: &Node) -> (Child, String) {
    let mut command = node.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("SIZAO_SEGMENTS", node.folder.path().join("segments")).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let told: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = told["address"].as_str().unwrap().trim_start_matches("http://").to_owned();
    (child, address)
}

/// Sends a body and reads the answer; nothing when the node is gone.
fn ask(stream: &mut TcpStream, token: &str, body: &str) -> Option<String> {
    let request = format!(
        "POST /api/v1/scans HTTP/1.1\r\nhost: node\r\nauthorization: Bearer sizao_{token}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut read = Vec::new();
    let mut buffer = [0; 8_192];
    loop {
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        read.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&read);
        let Some((head, rest)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if length.is_some_and(|length: usize| rest.len() >= length) {
            return head.starts_with("HTTP/1.1 200").then(|| rest.to_owned());
        }
    }
}

/// Sends until the node is gone: batches of one to twenty scans, each of a person of its own; what was acknowledged.
fn send(
    address: &str,
    token: &str,
    code: &str,
    prefix: &str,
    seed: u64,
    acknowledged: &Mutex<BTreeSet<String>>,
    stop: &AtomicBool,
) {
    let Ok(mut stream) = TcpStream::connect(address) else { return };
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut random = Random::new(seed);
    for batch in 0_u64.. {
        let keys: Vec<String> = (0..1 + random.below(20)).map(|n| format!("{prefix}-{batch}-{n}")).collect();
        let scans: Vec<String> =
            keys.iter().map(|key| format!(r#"{{"key":"{key}","person":"{key}","code":"{code}"}}"#)).collect();
        let Some(answer) = ask(&mut stream, token, &format!(r#"{{"scans":[{}]}}"#, scans.join(","))) else { return };
        assert_eq!(answer.matches(r#""state":"stored""#).count(), keys.len(), "{answer}");
        acknowledged.lock().unwrap().extend(keys);
        if stop.load(Ordering::Relaxed) {
            return;
        }
    }
}

fn scans_survive(node: &Node) {
    let (token, place) = prepare(node);
    let mut random = Random::new(if node.is_sqlite() { 71 } else { 72 });
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    for kill in 0..kills() {
        let code = runtime().block_on(async {
            let store = open(node).await;
            let code = code(&store, place);
            store.close().await;
            code
        });
        let (mut child, address) = serve(node);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for sender in 0..SENDERS {
                let (address, token, code, acknowledged, stop) = (&address, &token, &code, &acknowledged, &stop);
                let prefix = format!("{kill}-{sender}");
                scope.spawn(move || send(address, token, code, &prefix, kill as u64 * 97 + sender, acknowledged, stop));
            }
            std::thread::sleep(Duration::from_millis(150 + random.below(700)));
            child.kill().unwrap();
            child.wait().unwrap();
            stop.store(true, Ordering::Relaxed);
        });
    }
    let acknowledged = acknowledged.lock().unwrap();
    assert!(acknowledged.len() > kills() * 5, "the node took {} scans only", acknowledged.len());
    let rows = runtime().block_on(async {
        let store = open(node).await;
        let rows = store.load_presence().await.unwrap();
        let there: BTreeSet<_> = rows.iter().map(|row| row.key).collect();
        assert_eq!(there.len(), rows.len(), "a key is there once");
        for key in acknowledged.iter() {
            let key = store.presence_key(&format!("unit:{UNIT}"), key);
            assert!(there.contains(&key), "a scan was acknowledged and is not there");
        }
        let people: BTreeSet<u32> = rows.iter().map(|row| row.entry.person).collect();
        assert_eq!(people.len(), rows.len(), "each scan was of a person of its own: none is there twice");
        store.close().await;
        rows.len()
    });
    // The index of the next start, built from the store alone, has each of them.
    let state = node.run(&["ledger", "state"]);
    assert_eq!(state["stays"], rows as u64, "{state}");
    let engine = if node.is_sqlite() { "SQLite" } else { "PostgreSQL" };
    let count = acknowledged.len();
    println!(
        "figure: {engine}: {} kills during scans; {count} acknowledged, all there, none twice; {rows} in the index",
        kills()
    );
}

#[test]
fn scans_that_were_acknowledged_survive_a_killed_node_on_sqlite() {
    scans_survive(&Node::sqlite());
}

#[test]
fn scans_that_were_acknowledged_survive_a_killed_node_on_postgres() {
    if let Some(node) = Node::postgres() {
        scans_survive(&node);
    }
}
