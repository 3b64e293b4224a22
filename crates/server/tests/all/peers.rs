//! Two nodes that fetch from each other over HTTPS with certificates on both sides, through a way that is cut and slow.

#[path = "../../../app/tests/all/cities.rs"]
mod cities;
#[path = "../../../store/tests/all/support.rs"]
mod support;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use cities::*;
use sizao_app::assists::{LIMIT_MINUTES, OwnCard, Transport};
use sizao_model::{Instant, assist::LineNo};
use sizao_server::{
    Settings, Shared,
    peers::{HttpTransport, PeerIdentity, serve_peers},
};
use support::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// A node with its door.
struct Node {
    city: City,
    identity: Arc<PeerIdentity>,
    address: SocketAddr,
    door: JoinHandle<()>,
    _stop: watch::Sender<bool>,
}

impl Node {
    async fn new(place: &TestPlace, seed: u64, name: &str, division: &str, offset: i64) -> Self {
        let city = City::new(place, seed, name, division, offset).await;
        let identity = Arc::new(PeerIdentity::of(&city.app).await.unwrap());
        let (stop, stopping) = watch::channel(false);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let door = open(&city, listener, &identity, stopping);
        Self { city, identity, address, door, _stop: stop }
    }

    /// As if the node had been killed and started again: connections break, the address stays.
    async fn kill_door(&mut self) {
        self.door.abort();
        let _ = (&mut self.door).await;
        let listener = again_at(self.address).await;
        let (stop, stopping) = watch::channel(false);
        self.door = open(&self.city, listener, &self.identity, stopping);
        self._stop = stop;
    }

    /// Knows another node, at the end of a way.
    async fn knows(&self, other: &Self, at: SocketAddr) {
        let card = OwnCard { name: "other".into(), division: other.city.division, address: at.to_string() };
        other.city.app.set_own_card(&card).await.unwrap();
        let card = other.city.app.node_card(other.identity.certificate()).await.unwrap();
        self.city.app.add_peer(&card, self.city.now()).await.unwrap();
    }

    fn transport(&self) -> HttpTransport {
        HttpTransport::new(self.identity.clone())
    }

    async fn fetch(&self, from: &Self) -> Option<String> {
        let peer = self.city.peer(&from.city).await;
        self.city.app.exchange_with(&self.transport(), &peer).await.unwrap().trouble
    }
}

/// The same address again; another program may have it as the near end of a connection for a while.
async fn again_at(address: SocketAddr) -> TcpListener {
    for _ in 0..300 {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
        }
    }
    panic!("{address} is not free again")
}

fn open(
    city: &City,
    listener: TcpListener,
    identity: &Arc<PeerIdentity>,
    stopping: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let shared = Shared::new(city.app.clone(), city.clock.clone(), Settings::default());
    let identity = identity.clone();
    tokio::spawn(async move { serve_peers(listener, &identity, shared, stopping).await.unwrap() })
}

/// A way that breaks off after some bytes, when it is told to.
#[derive(Default)]
struct Wire {
    breaks_after: AtomicU64,
    is_cut: AtomicBool,
}

async fn way(to: SocketAddr) -> (SocketAddr, Arc<Wire>) {
    let wire = Arc::new(Wire::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let of = wire.clone();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let wire = of.clone();
            tokio::spawn(async move {
                if wire.is_cut.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(mut far) = TcpStream::connect(to).await else { return };
                match wire.breaks_after.load(Ordering::Relaxed) {
                    0 => {
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                    }
                    bytes => {
                        let (mut from_near, mut to_near) = near.split();
                        let (from_far, mut to_far) = far.split();
                        let mut some = from_far.take(bytes);
                        let back = tokio::io::copy(&mut some, &mut to_near);
                        let forth = tokio::io::copy(&mut from_near, &mut to_far);
                        tokio::select! { _ = back => {}, _ = forth => {} }
                    }
                }
            });
        }
    });
    (address, wire)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_peer_whose_certificate_is_on_record_gets_anything() {
    let places = [sqlite(), sqlite(), sqlite()];
    let zhengzhou = Node::new(&places[0], 1, "郑州", "4101", 0).await;
    let luoyang = Node::new(&places[1], 2, "洛阳", "4103", 0).await;
    let stranger = Node::new(&places[2], 3, "某地", "4102", 0).await;
    zhengzhou.knows(&luoyang, luoyang.address).await;
    luoyang.knows(&zhengzhou, zhengzhou.address).await;
    stranger.knows(&zhengzhou, zhengzhou.address).await;
    let id = zhengzhou.city.ask(&luoyang.city, &zhengzhou.city.people(0..2).await).await;
    let told = stranger.fetch(&zhengzhou).await.unwrap();
    assert!(told.contains("403"), "{told}");
    // Somebody else at the peer's address has another certificate.
    let mut peer = luoyang.city.peer(&zhengzhou.city).await;
    peer.address = stranger.address.to_string();
    let refused = luoyang.transport().pull(&peer, 0, 1).await.unwrap_err().to_string();
    assert!(refused.contains("certificate"), "{refused}");
    // Without a certificate, and without TLS, nobody gets an answer.
    let mut plain = TcpStream::connect(zhengzhou.address).await.unwrap();
    plain.write_all(b"GET /assist/v1/outbox?after=0&limit=1 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert_eq!(luoyang.fetch(&zhengzhou).await, None);
    assert_eq!(luoyang.city.app.assist_clears(id).await.unwrap().total, 2);
    // Nobody took anything away: the other city has it still in its outbox until it was confirmed.
    let link = zhengzhou.city.app.store().link_state(luoyang.city.app.assist_node().uuid()).await.unwrap();
    assert_eq!((link.sent, link.confirmed), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_a_way_that_is_cut_and_doors_that_are_killed_every_line_ends_in_one_final_state() {
    let lines: u32 = std::env::var("SIZAO_ASSIST_LINES").ok().and_then(|text| text.parse().ok()).unwrap_or(120);
    let places = [sqlite(), sqlite()];
    let mut zhengzhou = Node::new(&places[0], 1, "郑州", "4101", 0).await;
    let mut luoyang = Node::new(&places[1], 2, "洛阳", "4103", 10).await;
    let (to_luoyang, one) = way(luoyang.address).await;
    let (to_zhengzhou, other) = way(zhengzhou.address).await;
    zhengzhou.knows(&luoyang, to_luoyang).await;
    luoyang.knows(&zhengzhou, to_zhengzhou).await;
    let chance = Lossy::bad(11);
    let people = zhengzhou.city.people(0..lines).await;
    let mut ids = Vec::new();
    for some in people.chunks(40) {
        ids.push((zhengzhou.city.ask(&luoyang.city, some).await, some.len() as LineNo));
    }
    let mut waiting: Vec<_> = ids.iter().flat_map(|(id, count)| (1..=*count).map(move |no| (*id, no))).collect();
    let mut answered = std::collections::BTreeMap::new();
    let (mut killed, mut troubles) = (0, 0);
    for _ in 0..2_000 {
        if waiting.is_empty() {
            break;
        }
        let micros = (5 * 60_000_000 + chance.draw(8 * 60_000_000)) as i64;
        for node in [&zhengzhou, &luoyang] {
            node.city.pass_micros(micros);
        }
        for wire in [&one, &other] {
            wire.is_cut.store(chance.draw(5) == 0, Ordering::Relaxed);
            wire.breaks_after.store(if chance.draw(3) == 0 { 1 + chance.draw(6_000) } else { 0 }, Ordering::Relaxed);
        }
        if chance.draw(6) == 0 {
            let node = if chance.draw(2) == 0 { &mut zhengzhou } else { &mut luoyang };
            node.kill_door().await;
            killed += 1;
        }
        troubles += u32::from(luoyang.fetch(&zhengzhou).await.is_some());
        troubles += u32::from(zhengzhou.fetch(&luoyang).await.is_some());
        for _ in 0..chance.draw(5) {
            let Some((id, no)) = waiting.pop() else { break };
            let now = luoyang.city.now();
            let reply = replying(["located-here", "not-found", "refuted"][chance.draw(3) as usize]);
            match luoyang.city.app.reply_assist(&luoyang.city.officer, id, (no, 1), &reply, now).await {
                Ok(_) => {
                    answered.insert((id, no), now);
                }
                Err(_) => waiting.insert(0, (id, no)),
            }
        }
        luoyang.city.app.follow_assists().await.unwrap();
        for (id, _) in &ids {
            for node in [&zhengzhou, &luoyang] {
                assert!(node.city.app.assist_clears(*id).await.unwrap().adds_up());
            }
        }
    }
    for wire in [&one, &other] {
        wire.is_cut.store(false, Ordering::Relaxed);
        wire.breaks_after.store(0, Ordering::Relaxed);
    }
    for _ in 0..3 {
        assert_eq!(luoyang.fetch(&zhengzhou).await, None);
        assert_eq!(zhengzhou.fetch(&luoyang).await, None);
    }
    let mut late = 0;
    for (id, count) in &ids {
        let received = zhengzhou.city.received_at(*id).await;
        let due = received.plus_minutes(LIMIT_MINUTES);
        let expected: Vec<(LineNo, Instant)> =
            (1..=*count).filter(|no| answered[&(*id, *no)] > due).map(|no| (no, due)).collect();
        late += expected.len();
        for node in [&zhengzhou, &luoyang] {
            let view = node.city.app.view_assist(&node.city.officer, *id, 0).await.unwrap();
            let breaches = view.lines.iter().flat_map(|line| &line.breaches);
            assert_eq!(breaches.map(|breach| (breach.no, breach.due_at)).collect::<Vec<_>>(), expected);
            assert_eq!(view.summary.clears.counted(), u64::from(*count));
        }
        let logs = [&zhengzhou, &luoyang].map(|node| node.city.app.store().assist_log(*id));
        let [ours, theirs] = logs;
        assert_eq!(ours.await.unwrap(), theirs.await.unwrap());
    }
    println!("figure: {lines} lines over HTTPS, {late} late, {troubles} rounds broken off, {killed} doors killed");
}
