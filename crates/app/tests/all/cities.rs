//! Cities with a node each, clocks in hand, and a link between them that loses, doubles and mixes up what it carries.
#![allow(dead_code, reason = "each room of tests uses a part")]

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
};

use ed25519_dalek::SigningKey;
use sizao_app::{
    App, Rules,
    assists::{Brought, NewAssist, NewLine, NewReply, OwnCard, Transport, TransportError},
    identity::{Actor, Role},
};
use sizao_model::{
    Clock, DivisionCode, Instant, PersonId,
    assist::{Priority, RequestId},
    draft::{PersonDraft, PersonName},
    fact::EvidenceKind,
    identity::{Document, DocumentKind, Phone, PhoneRole},
};
use sizao_policy::{Pack, PackTimeline};
use sizao_store::{PeerRecord, Store, StoreKind, VaultPerson};
use uuid::Uuid;

use super::support::{TestPlace, entropy, master};

const PACK: &str = include_str!("../../../../policies/cn-covid-v8/pack.toml");
pub const BEGIN: &str = "2022-03-17T21:00:00+08:00";

pub struct Hand(pub AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Instant {
        Instant::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// A city with its node.
pub struct City {
    pub app: Arc<App>,
    pub clock: Arc<Hand>,
    pub officer: Actor,
    pub division: DivisionCode,
}

impl City {
    /// A city whose clock goes wrong by so many minutes.
    pub async fn new(place: &TestPlace, seed: u64, name: &str, division: &str, offset: i64) -> Self {
        let begin = Instant::parse(BEGIN).unwrap().plus_minutes(offset);
        let store = Store::create(&place.place, StoreKind::Drill, master(), entropy(seed), begin).await.unwrap();
        let clock = Arc::new(Hand(AtomicI64::new(begin.as_micros())));
        let rules =
            Rules::new(PackTimeline::new(vec![Pack::from_toml("cn-covid-v8", PACK).unwrap()]).unwrap(), &[PACK]);
        let app = App::new(store, clock.clone(), SigningKey::from_bytes(&[seed as u8; 32]), "tester", rules).await;
        let app = Arc::new(app.unwrap());
        let division = DivisionCode::parse(division).unwrap();
        let card = OwnCard { name: name.to_owned(), division, address: String::new() };
        app.set_own_card(&card).await.unwrap();
        let officer = Actor {
            account: Uuid::from_u128(u128::from(seed)),
            name: "Officer".into(),
            role: Role::Epidemiologist,
            unit: Uuid::from_u128(u128::from(seed) << 8),
            unit_name: format!("{name} CDC"),
            division,
            demo: false,
            session: Uuid::from_u128(1),
            scopes: None,
            request: "test".into(),
        };
        Self { app, clock, officer, division }
    }

    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    pub fn pass_micros(&self, micros: i64) {
        self.clock.0.fetch_add(micros, Ordering::Relaxed);
    }

    pub fn pass(&self, minutes: i64) {
        self.pass_micros(minutes * 60_000_000);
    }

    pub async fn knows(&self, other: &Self) {
        let card = other.app.node_card(b"certificate").await.unwrap();
        self.app.add_peer(&card, self.now()).await.unwrap();
    }

    pub async fn peer(&self, other: &Self) -> PeerRecord {
        let peers = self.app.open_peers().await.unwrap();
        peers.into_iter().find(|peer| peer.node == other.app.assist_node().uuid()).unwrap()
    }

    /// Invented people of the vault, by number.
    pub async fn people(&self, numbers: std::ops::Range<u32>) -> Vec<PersonId> {
        let people: Vec<VaultPerson> = numbers.map(|number| somebody(number, self.division)).collect();
        self.app.store().resolve_people(&people, self.now()).await.unwrap()
    }

    pub fn list(&self, to: &Self, people: &[PersonId]) -> NewAssist {
        let line = |person: &PersonId| NewLine {
            person: *person,
            class: None,
            measure: None,
            evidence: EvidenceKind::Interview,
            last_exposure_on: None,
            exposure: Some("同桌用餐".into()),
        };
        NewAssist {
            peer: to.app.assist_node().uuid(),
            case: None,
            pack: "cn-covid-v8".into(),
            reason: "同桌用餐".into(),
            priority: Priority::Ordinary,
            phone: "0371-12320".into(),
            lines: people.iter().map(line).collect(),
        }
    }

    pub async fn ask(&self, to: &Self, people: &[PersonId]) -> RequestId {
        self.app.send_assist(&self.officer, &self.list(to, people), self.now()).await.unwrap()
    }

    pub async fn reply(&self, id: RequestId, line: (u32, u32), reply: &NewReply) -> u64 {
        self.app.reply_assist(&self.officer, id, line, reply, self.now()).await.unwrap()
    }

    /// Fetches what another city has for us, until there is nothing new.
    pub async fn fetch(&self, from: &Self, link: &Lossy) -> u64 {
        let peer = self.peer(from).await;
        self.app.exchange_with(&link.from(from, self), &peer).await.unwrap().taken.messages
    }
}

pub fn somebody(number: u32, division: DivisionCode) -> VaultPerson {
    let id = format!("4101021980{:02}{:02}{:03}", number % 12 + 1, number / 12 % 28 + 1, number / 336);
    let check = "10X98765432".as_bytes()[id
        .bytes()
        .zip([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
        .map(|(digit, weight)| usize::from(digit - b'0') * weight)
        .sum::<usize>()
        % 11];
    let document = Document::new(DocumentKind::ResidentId, &format!("{id}{}", char::from(check))).unwrap();
    let phone = Phone::new(&format!("138{number:08}"), PhoneRole::Own).unwrap();
    let draft = PersonDraft {
        names: vec![PersonName::Document(document)],
        full_name: Some(format!("张测{number}").into()),
        phones: vec![phone],
        division,
    };
    VaultPerson { draft, search_terms: Vec::new() }
}

/// How an outcome is replied, with all that it needs.
pub fn replying(outcome: &str) -> NewReply {
    NewReply {
        outcome: outcome.into(),
        identified: "document".into(),
        place: if outcome == "located-here" { "涧西区 12 号".into() } else { String::new() },
        measure: if outcome == "already-controlled" { "home_isolation".into() } else { String::new() },
        words: "电话核实".into(),
        tried: if outcome == "not-found" { vec!["phones".into(), "police".into()] } else { Vec::new() },
        to: String::new(),
    }
}

/// A link by a seed: it may be cut, lose a fetch, bring things twice, in another order, or from long ago.
pub struct Lossy {
    state: AtomicU64,
    pub is_cut: AtomicBool,
    bad: bool,
    old: Mutex<Vec<Vec<u8>>>,
    pub fetches: AtomicU64,
}

impl Lossy {
    pub fn good() -> Self {
        Self::new(1, false)
    }

    pub fn bad(seed: u64) -> Self {
        Self::new(seed, true)
    }

    fn new(seed: u64, bad: bool) -> Self {
        let state = AtomicU64::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        Self { state, is_cut: false.into(), bad, old: Mutex::default(), fetches: 0.into() }
    }

    pub fn draw(&self, below: u64) -> u64 {
        let mut state = self.state.load(Ordering::Relaxed);
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.state.store(state, Ordering::Relaxed);
        (state >> 11) % below
    }

    pub fn from<'l>(&'l self, from: &'l City, to: &'l City) -> Way<'l> {
        Way { link: self, from, to }
    }
}

/// One direction of a link.
pub struct Way<'l> {
    link: &'l Lossy,
    from: &'l City,
    to: &'l City,
}

impl Transport for Way<'_> {
    fn pull<'a>(&'a self, _peer: &'a PeerRecord, after: u64, limit: u32) -> Brought<'a, Vec<Vec<u8>>> {
        Box::pin(async move {
            let link = self.link;
            link.fetches.fetch_add(1, Ordering::Relaxed);
            let trouble = |what: &str| Err(TransportError(what.to_owned()));
            if link.is_cut.load(Ordering::Relaxed) || link.bad && link.draw(4) == 0 {
                return trouble("cut");
            }
            // The other side may hear an earlier confirmation again, never a later one than was given.
            let after = if link.bad && link.draw(3) == 0 { after.saturating_sub(link.draw(4)) } else { after };
            let asking = self.from.peer(self.to).await;
            let sent = self.from.app.outbox_for(&asking, after, limit).await;
            let mut brought: Vec<Vec<u8>> =
                sent.map_err(|error| TransportError(error.to_string()))?.into_iter().map(|one| one.envelope).collect();
            if !link.bad {
                return Ok(brought);
            }
            if link.draw(4) == 0 {
                return trouble("the answer was lost");
            }
            let mut old = link.old.lock().unwrap();
            for index in 0..brought.len() {
                if link.draw(5) == 0 {
                    brought.push(brought[index].clone());
                }
                if old.len() < 64 {
                    old.push(brought[index].clone());
                }
            }
            if !old.is_empty() {
                brought.push(old[link.draw(old.len() as u64) as usize].clone());
            }
            for index in (1..brought.len()).rev() {
                if link.draw(2) == 0 {
                    brought.swap(index, link.draw(index as u64 + 1) as usize);
                }
            }
            brought.retain(|_| link.draw(10) > 0);
            Ok(brought)
        })
    }
}

impl City {
    /// When the first version of a request was received, as this node knows it.
    pub async fn received_at(&self, id: RequestId) -> Instant {
        let record = self.app.store().load_assist(id).await.unwrap().unwrap();
        let head: sizao_policy::assists::Request = serde_json::from_str(&record.head).unwrap();
        head.received_at().unwrap()
    }

    /// A close contact, told in an interview, with the case that it names.
    pub async fn contact_fact(&self, person: PersonId) {
        use sizao_model::{FactBody, Happened, fact::Exposure, measure::ContactClass};
        use sizao_store::{Channel, IntakeKey, NewFact};
        let case = self.people(900..901).await[0];
        let store = self.app.store();
        let source = store.source("tests").await.unwrap();
        let at = self.now().plus_hours(-30);
        let new = |person, body: FactBody, key: &str| NewFact {
            id: store.new_fact_id(self.now()),
            person: Some(person),
            division: self.division,
            happened: Happened::at(at),
            recorded_at: self.now(),
            body,
            recorder: self.app.recorder(),
            channel: Channel::Import,
            source,
            intake_key: IntakeKey::Sender(key.into()),
        };
        let diagnosis = serde_json::json!({"status": "confirmed_case", "onset": "2022-03-15"});
        let diagnosis = FactBody::from_json("diagnosis", &diagnosis.to_string()).unwrap();
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
        self.app.append_facts(vec![new(case, diagnosis, "d"), new(person, exposure.into(), "e")]).await.unwrap();
    }
}
