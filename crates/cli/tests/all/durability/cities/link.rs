//! What stands between two nodes: a bad link. It answers the asking node as the other one, over HTTPS, and fetches from the
//! real door as the asking one, so that it can lose, double, mix up and delay what it carries.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant as Moment},
};

use sizao_app::assists::{PeerRecord, Transport};
use sizao_server::peers::{HttpTransport, PeerIdentity};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivatePkcs8KeyDer},
        version::TLS13,
    },
};

use crate::durability::random::Random;

/// Envelopes from long ago that may come again.
const OLD_MAX: usize = 64;

/// What the link did.
#[derive(Debug, Default)]
pub struct Done {
    pub cut: AtomicU64,
    pub doubled: AtomicU64,
    pub dropped: AtomicU64,
    pub mixed: AtomicU64,
    pub slow: AtomicU64,
}

/// One direction of a link.
pub struct Link {
    /// It carries everything as it should.
    pub is_good: AtomicBool,
    /// What it did.
    pub done: Done,
    random: Mutex<Random>,
    old: Mutex<Vec<Vec<u8>>>,
    cut_until: Mutex<Option<Moment>>,
    as_asking: HttpTransport,
    peer: PeerRecord,
}

/// What a node shows at its door.
pub struct Face {
    pub certificate: Vec<u8>,
    pub seed: [u8; 32],
}

impl Face {
    fn acceptor(&self) -> TlsAcceptor {
        // RFC 8410: a private key of Ed25519 in PKCS #8.
        let before = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        let key = PrivatePkcs8KeyDer::from([before.as_slice(), &self.seed].concat());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(self.certificate.clone())], key.into())
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

impl Link {
    /// - `asking`: the node that fetches; `peer`: the one it fetches from, with the address of its real door.
    pub fn new(asking: Arc<PeerIdentity>, peer: PeerRecord, seed: u64) -> Arc<Self> {
        Arc::new(Self {
            is_good: AtomicBool::new(false),
            done: Done::default(),
            random: Mutex::new(Random::new(seed)),
            old: Mutex::default(),
            cut_until: Mutex::default(),
            as_asking: HttpTransport::new(asking),
            peer,
        })
    }

    /// Answers at a free port, as the node with this face.
    pub fn stand(self: &Arc<Self>, runtime: &Runtime, face: &Face) -> SocketAddr {
        let (link, acceptor) = (self.clone(), face.acceptor());
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let (link, acceptor) = (link.clone(), acceptor.clone());
                tokio::spawn(async move { link.carry(stream, &acceptor).await });
            }
        });
        address
    }

    fn one_in(&self, count: u64) -> bool {
        !self.is_good.load(Ordering::Relaxed) && self.random.lock().unwrap().below(count) == 0
    }

    fn below(&self, end: u64) -> u64 {
        self.random.lock().unwrap().below(end)
    }

    /// Cut now, or for some seconds from now on.
    fn is_cut(&self) -> bool {
        if self.is_good.load(Ordering::Relaxed) {
            return false;
        }
        let mut until = self.cut_until.lock().unwrap();
        if until.is_some_and(|until| Moment::now() < until) {
            return true;
        }
        *until = None;
        if self.one_in(12) {
            *until = Some(Moment::now() + Duration::from_millis(500 + self.below(2_500)));
        }
        until.is_some()
    }

    /// One question and its answer. Whatever goes wrong, the connection ends.
    async fn carry(&self, stream: TcpStream, acceptor: &TlsAcceptor) -> Option<()> {
        let note = |count: &AtomicU64| count.fetch_add(1, Ordering::Relaxed);
        if self.is_cut() {
            note(&self.done.cut);
            return None;
        }
        let mut stream = acceptor.accept(stream).await.ok()?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).ok()?;
        let asked = |name: &str| -> Option<u64> {
            head.split(&format!("{name}=")).nth(1)?.split([' ', '&']).next()?.parse().ok()
        };
        let (mut after, limit) = (asked("after")?, asked("limit")? as u32);
        if self.one_in(5) {
            // An earlier question comes again; a later one was never asked.
            after = after.saturating_sub(self.below(4));
        }
        if self.one_in(4) {
            note(&self.done.slow);
            tokio::time::sleep(Duration::from_millis(self.below(400))).await;
        }
        let mut brought = self.as_asking.pull(&self.peer, after, limit).await.ok()?;
        if self.one_in(10) {
            note(&self.done.cut);
            return None;
        }
        self.mix_up(&mut brought);
        let mut body = Vec::new();
        for envelope in brought {
            body.extend_from_slice(&(envelope.len() as u32).to_be_bytes());
            body.extend_from_slice(&envelope);
        }
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(answer.as_bytes()).await.ok()?;
        if !body.is_empty() && self.one_in(10) {
            note(&self.done.cut);
            stream.write_all(&body[..self.below(body.len() as u64) as usize]).await.ok()?;
        } else {
            stream.write_all(&body).await.ok()?;
        }
        stream.shutdown().await.ok()
    }

    fn mix_up(&self, brought: &mut Vec<Vec<u8>>) {
        if self.is_good.load(Ordering::Relaxed) {
            return;
        }
        let count = |what: &AtomicU64| what.fetch_add(1, Ordering::Relaxed);
        let mut old = self.old.lock().unwrap();
        for at in 0..brought.len() {
            if self.one_in(6) {
                count(&self.done.doubled);
                brought.push(brought[at].clone());
            }
            if old.len() < OLD_MAX {
                old.push(brought[at].clone());
            }
        }
        if !old.is_empty() && self.one_in(2) {
            count(&self.done.doubled);
            brought.push(old[self.below(old.len() as u64) as usize].clone());
        }
        for at in (1..brought.len()).rev() {
            if self.one_in(3) {
                count(&self.done.mixed);
                brought.swap(at, self.below(at as u64 + 1) as usize);
            }
        }
        brought.retain(|_| {
            let is_dropped = self.one_in(25);
            self.done.dropped.fetch_add(u64::from(is_dropped), Ordering::Relaxed);
            !is_dropped
        });
    }
}
