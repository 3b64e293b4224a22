//! `sizao demo two-cities`: Zhengzhou and Luoyang, each with its own store and keys, ask each other over HTTPS; then the
//! pages of both.

use std::{
    fs,
    net::{SocketAddr, TcpListener as StdListener},
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use anyhow::{Context, Result};
use clap::Args as ClapArgs;
use serde_json::json;
use sizao_app::{
    App,
    accounts::{Credentials, NewUnit},
    assists::{LIMIT_MINUTES, NewAssist, NewLine, NewReply, OwnCard},
    identity::{Actor, Role, UnitKind},
};
use sizao_model::{
    Clock, ContactClass, DivisionCode, FactBody, Happened, Instant, PersonId,
    assist::{Priority, RequestId},
    draft::{PersonDraft, PersonName},
    fact::{EvidenceKind, Exposure},
    identity::{Document, DocumentKind, Phone, PhoneRole},
};
use sizao_server::{
    Settings, Shared,
    peers::{HttpTransport, PeerIdentity, serve_peers},
};
use sizao_store::{Channel, IntakeKey, NewFact, StoreKind, VaultPerson};
use tokio::{net::TcpListener, runtime::Runtime, sync::watch};

use super::pages::word;
use crate::{
    args::NodeArgs,
    commands::serve,
    node::{self, SystemClock},
    packs::Packs,
};

#[derive(ClapArgs, Debug)]
pub struct TwoCities {
    /// Folder for the two stores; those that are there are made anew.
    #[arg(long, default_value = "demo/two-cities")]
    pub out: PathBuf,
    /// Pages of Zhengzhou.
    #[arg(long, default_value = "127.0.0.1:8771")]
    pub listen: SocketAddr,
    /// Pages of Luoyang.
    #[arg(long, default_value = "127.0.0.1:8772")]
    pub other: SocketAddr,
}

/// A clock that stands some time before now while the requests of the last hours are played, and goes on from there.
struct Played(AtomicI64);

impl Clock for Played {
    fn now(&self) -> Instant {
        Instant::from_micros(SystemClock.now().as_micros() - self.0.load(Ordering::Relaxed))
    }
}

struct City {
    app: Arc<App>,
    officer: Actor,
    division: DivisionCode,
    door: StdListener,
    transport: HttpTransport,
    identity: Arc<PeerIdentity>,
}

const LOGINS: [(Role, &str, &str); 3] =
    [(Role::Epidemiologist, "cdc", "周宁"), (Role::Headquarters, "command", "许鹏"), (Role::Tracer, "tracer", "王琳")];

pub fn run(order: &TwoCities, json: bool, runtime: &Runtime) -> Result<ExitCode> {
    fs::create_dir_all(&order.out).with_context(|| format!("making the folder {}", order.out.display()))?;
    runtime.block_on(async {
        let clock = Arc::new(Played(AtomicI64::new(0)));
        let password = word();
        let zhengzhou = city(order, "zhengzhou", "郑州", "4101", &password, clock.clone()).await?;
        let luoyang = city(order, "luoyang", "洛阳", "4103", &password, clock.clone()).await?;
        for (one, other) in [(&zhengzhou, &luoyang), (&luoyang, &zhengzhou)] {
            one.app.add_peer(&other.app.node_card(other.identity.certificate()).await?, one.app.now()).await?;
        }
        let (stop, stopping) = watch::channel(false);
        let doors = [&zhengzhou, &luoyang].map(|city| open_door(city, stopping.clone()));
        play(&zhengzhou, &luoyang, &clock).await?;
        let _ = stop.send(true);
        for door in doors {
            door?.await??;
        }
        eprintln!("\nTwo nodes, each with its own store and keys. Password of all, shown this once: {password}");
        for (role, login, name) in LOGINS {
            eprintln!("  {login:<10} {:<18} {name}  (in either city)", role.name());
        }
        eprintln!("The code is left empty. Nobody here is real.\n");
        let (listen, other) = (free(order.listen)?, free(order.other)?);
        eprintln!("Zhengzhou http://{listen}\nLuoyang   http://{other}");
        let pages = |city: City, listen| async move {
            let peers = Some(TcpListener::from_std(city.door)?);
            serve::pages(city.app, listen, serve::Https { peers, ..serve::Https::default() }, json).await
        };
        tokio::try_join!(pages(zhengzhou, listen), pages(luoyang, other))?;
        Ok(ExitCode::SUCCESS)
    })
}

/// A free port where 0 was asked for.
fn free(address: SocketAddr) -> Result<SocketAddr> {
    if address.port() == 0 { Ok(StdListener::bind(address)?.local_addr()?) } else { Ok(address) }
}

async fn city(
    order: &TwoCities,
    file: &str,
    name: &str,
    division: &str,
    password: &str,
    clock: Arc<Played>,
) -> Result<City> {
    for suffix in ["", "-wal", "-shm", ".lock", ".key"] {
        let _ = fs::remove_file(order.out.join(format!("{file}.db{suffix}")));
    }
    let store = order.out.join(format!("{file}.db")).display().to_string();
    let (store, keys, _) = node::create(&NodeArgs { store, key: None }, StoreKind::Demo).await?;
    let rules = Packs::load(&[])?.into_rules();
    let app = node::assemble_as(store, &keys, clock, rules, "demonstration").await?;
    let door = StdListener::bind("127.0.0.1:0")?;
    door.set_nonblocking(true)?;
    let division = DivisionCode::parse(division)?;
    let address = door.local_addr()?.to_string();
    app.set_own_card(&OwnCard { name: name.to_owned(), division, address }).await?;
    let now = SystemClock.now();
    let (unit, code) = (format!("{name}市疾控中心"), division.to_string());
    let unit = app.add_demo_unit(&NewUnit { name: &unit, kind: UnitKind::Cdc.name(), division: &code }, now).await?;
    for (role, login, name) in LOGINS {
        app.add_demo_account(&unit, role, login, name, password, now).await?;
    }
    let sent = Credentials { login: "cdc".to_owned(), password: password.to_owned(), code: String::new() };
    let token = app.sign_in(sent, "demonstration", now).await?;
    let officer = app.actor(&token, "demonstration", now).await?;
    let identity = Arc::new(PeerIdentity::of(&app).await?);
    let transport = HttpTransport::new(identity.clone());
    Ok(City { app, officer, division, door, transport, identity })
}

fn open_door(
    city: &City,
    stopping: watch::Receiver<bool>,
) -> Result<tokio::task::JoinHandle<Result<(), sizao_server::peers::PeerDoorError>>> {
    let listener = TcpListener::from_std(city.door.try_clone()?)?;
    let shared = Shared::new(city.app.clone(), Arc::new(SystemClock), Settings::default());
    let identity = city.identity.clone();
    Ok(tokio::spawn(async move { serve_peers(listener, &identity, shared, stopping).await }))
}

impl City {
    /// Fetches what the other city has, over HTTPS.
    async fn fetch(&self) -> Result<()> {
        for peer in self.app.open_peers().await? {
            let done = self.app.exchange_with(&self.transport, &peer).await?;
            if let Some(trouble) = done.trouble {
                anyhow::bail!("the other city cannot be reached: {trouble}");
            }
        }
        Ok(())
    }

    /// A case of this city and contacts of it who live in another, as an interview told.
    async fn case_and_contacts(&self, first: u32, count: u32, elsewhere: &str) -> Result<(PersonId, Vec<PersonId>)> {
        let store = self.app.store();
        let elsewhere = DivisionCode::parse(elsewhere)?;
        let mut people = vec![somebody(first, self.division)?];
        for number in 1..=count {
            people.push(somebody(first + number, elsewhere)?);
        }
        // Both have records of some of them.
        let people = store.resolve_people(&people, self.app.now()).await?;
        let (case, contacts) = (people[0], people[1..].to_vec());
        let source = store.source("demonstration").await?;
        let at = self.app.now().plus_hours(-40);
        let new = |person: PersonId, division, body: FactBody, key: String| NewFact {
            id: store.new_fact_id(self.app.now()),
            person: Some(person),
            division,
            happened: Happened::at(at),
            recorded_at: self.app.now(),
            body,
            recorder: self.app.recorder(),
            channel: Channel::Import,
            source,
            intake_key: IntakeKey::Sender(key.into()),
        };
        let onset = at.day().to_string();
        let diagnosis =
            FactBody::from_json("diagnosis", &json!({"status": "confirmed_case", "onset": onset}).to_string())?;
        let mut facts = vec![new(case, self.division, diagnosis, format!("case/{first}"))];
        for (index, contact) in contacts.iter().enumerate() {
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
            facts.push(new(*contact, elsewhere, exposure.into(), format!("contact/{first}/{index}")));
        }
        self.app.append_facts(facts).await?;
        Ok((case, contacts))
    }

    async fn ask(&self, case: PersonId, people: &[PersonId], reason: &str) -> Result<RequestId> {
        let peer = self.app.open_peers().await?.pop().context("the other city is on record")?.node;
        let line = |person: &PersonId| NewLine {
            person: *person,
            class: Some(ContactClass::CloseContact),
            measure: None,
            evidence: EvidenceKind::Interview,
            last_exposure_on: Some(self.app.now().plus_hours(-40).day()),
            exposure: Some(reason.to_owned()),
        };
        let new = NewAssist {
            peer,
            case: Some(case),
            pack: "covid".to_owned(),
            reason: reason.to_owned(),
            priority: Priority::Ordinary,
            phone: "0371-12320".to_owned(),
            lines: people.iter().map(line).collect(),
        };
        Ok(self.app.send_assist(&self.officer, &new, SystemClock.now()).await?)
    }

    async fn reply(&self, id: RequestId, no: u32, outcome: &str) -> Result<()> {
        let new = NewReply {
            outcome: outcome.to_owned(),
            identified: "document".to_owned(),
            place: if outcome == "located-here" { "涧西区牡丹路 12 号".to_owned() } else { String::new() },
            measure: if outcome == "not-found" { String::new() } else { "home_isolation".to_owned() },
            words: "电话与上门核实".to_owned(),
            tried: if outcome == "not-found" { vec!["phones".to_owned(), "address".to_owned()] } else { Vec::new() },
            to: String::new(),
        };
        self.app.reply_assist(&self.officer, id, (no, 1), &new, SystemClock.now()).await?;
        Ok(())
    }
}

/// The last hours: one request closed, one overdue by twenty minutes, one near the end, one fresh.
async fn play(zhengzhou: &City, luoyang: &City, clock: &Played) -> Result<()> {
    let before = |minutes: i64| clock.0.store(minutes * 60_000_000, Ordering::Relaxed);
    before(LIMIT_MINUTES + 300);
    let (case, contacts) = zhengzhou.case_and_contacts(100, 12, "410305").await?;
    zhengzhou.app.follow_log().await?;
    let known: Vec<VaultPerson> = (101..105).map(|number| somebody(number, luoyang.division)).collect::<Result<_>>()?;
    luoyang.app.store().resolve_people(&known, luoyang.app.now()).await?;
    let closed = zhengzhou.ask(case, &contacts[..2], "同桌用餐").await?;
    luoyang.fetch().await?;
    take_on(luoyang, closed).await?;
    luoyang.reply(closed, 1, "located-here").await?;
    luoyang.reply(closed, 2, "already-controlled").await?;
    before(LIMIT_MINUTES + 20);
    let late = zhengzhou.ask(case, &contacts[2..8], "同车返洛").await?;
    luoyang.fetch().await?;
    before(LIMIT_MINUTES - 60);
    take_on(luoyang, late).await?;
    for (no, outcome) in [(1, "located-here"), (2, "located-here"), (3, "not-found"), (4, "already-controlled")] {
        luoyang.reply(late, no, outcome).await?;
    }
    before(330);
    let (other_case, others) = luoyang.case_and_contacts(300, 4, "410102").await?;
    luoyang.app.follow_log().await?;
    luoyang.ask(other_case, &others, "同一场会议").await?;
    zhengzhou.fetch().await?;
    before(45);
    zhengzhou.ask(case, &contacts[8..10], "同单位同事").await?;
    luoyang.fetch().await?;
    before(0);
    luoyang.app.follow_assists().await?;
    zhengzhou.fetch().await?;
    luoyang.fetch().await
}

async fn take_on(city: &City, id: RequestId) -> Result<()> {
    city.app.see_assist(&city.officer, id).await?;
    city.app.accept_assist(&city.officer, id, SystemClock.now()).await?;
    Ok(())
}

/// An invented person by a number.
fn somebody(number: u32, division: DivisionCode) -> Result<VaultPerson> {
    const NAMES: [&str; 8] = ["赵远", "钱川", "孙宁", "李岚", "周牧", "吴桐", "郑珂", "王岳"];
    let digits = format!("4103051985{:02}{:02}{number:03}", number % 12 + 1, number % 28 + 1);
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: usize = digits.bytes().zip(weights).map(|(digit, weight)| usize::from(digit - b'0') * weight).sum();
    let last = char::from(b"10X98765432"[sum % 11]);
    let document = Document::new(DocumentKind::ResidentId, &format!("{digits}{last}"))?;
    let phone = Phone::new(&format!("139{number:08}"), PhoneRole::Own)?;
    let draft = PersonDraft {
        names: vec![PersonName::Document(document)],
        full_name: Some(NAMES[number as usize % NAMES.len()].into()),
        phones: vec![phone],
        division,
    };
    Ok(VaultPerson { draft, search_terms: Vec::new() })
}
