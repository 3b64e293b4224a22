//! `sizao serve`: pages over HTTP, until it is told to stop.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args as ClapArgs;
use serde_json::json;
use sizao_app::{App, board::Targets, fence::FenceSetup};
use sizao_model::{Clock, DivisionCode, Instant};
use sizao_server::{
    Settings, Shared, Tls,
    peers::{HttpTransport, PeerIdentity, follow_peers, serve_peers},
};
use tokio::{net::TcpListener, runtime::Runtime, sync::watch, task::JoinHandle};

use crate::{
    args::{NodeArgs, parse_instant},
    commands::fence,
    node::{self, SystemClock},
    output::say,
    packs::Packs,
};

pub const EXAMPLES: &str = "\
Examples:
  sizao serve                             pages at http://127.0.0.1:8765, for this machine alone
  sizao serve --listen 0.0.0.0:8765 --certificate node.crt --key-of-certificate node.key
                                          for others, by HTTPS; both files are PEM
  sizao serve --listen 0.0.0.0:8765 --behind-https
                                          for others, behind a proxy that speaks HTTPS
  sizao serve --mllp 127.0.0.1:2575 --mllp-token lab.token
                                          a laboratory's HL7 v2 messages too, as the account whose token the file holds

The node stops on SIGTERM or Ctrl-C after finishing what is under way.";

#[derive(ClapArgs, Debug)]
pub struct Serve {
    /// Address and port; port 0 takes a free one.
    #[arg(long, default_value_t = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8765), env = "SIZAO_LISTEN")]
    pub listen: SocketAddr,
    /// A proxy in front speaks HTTPS: cookies are sent that way alone.
    #[arg(long)]
    pub behind_https: bool,
    /// Speak HTTPS with the certificates in this file (PEM, the node's own first). A new one counts after a restart.
    #[arg(long, value_name = "FILE", requires = "key_of_certificate", conflicts_with = "behind_https")]
    pub certificate: Option<PathBuf>,
    /// Key of the certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub key_of_certificate: Option<PathBuf>,
    /// What share of each of the four earlies should be in time: a file as `docs/methods/four-earlies.md` shows it.
    #[arg(long, value_name = "FILE")]
    pub targets: Option<PathBuf>,
    /// Door for other nodes: address and port. HTTPS with the node's own certificate, and theirs as they are on record.
    #[arg(long, value_name = "ADDRESS")]
    pub peers: Option<SocketAddr>,
    /// Also take HL7 v2 messages by MLLP at this address. The protocol asks nobody who they are: an address that others can
    /// reach needs --behind-https, that is, something in front that does.
    #[arg(long, value_name = "ADDR", requires = "mllp_token")]
    pub mllp: Option<SocketAddr>,
    /// File with the token of the laboratory's account for which messages by MLLP are taken; made on its page /me.
    #[arg(long, value_name = "FILE", requires = "mllp")]
    pub mllp_token: Option<PathBuf>,
    /// Who may sign certificates that are shown at a gate: X.509 certificates in one PEM file. A new list counts after a
    /// restart.
    #[arg(long, value_name = "FILE")]
    pub trust_list: Option<PathBuf>,
    /// Folders of packs, separated by commas; without any, those of the program.
    #[arg(long, value_delimiter = ',')]
    pub packs: Vec<PathBuf>,
    /// Run the fence: towers (tower_id, lon, lat, class) in the datum of the border. Needs a mandate to read anything.
    #[arg(long, value_name = "FILE", requires_all = ["fence_border", "fence_area"])]
    pub fence_towers: Option<PathBuf>,
    /// The border of the fence: GeoJSON.
    #[arg(long, value_name = "FILE", requires = "fence_towers")]
    pub fence_border: Option<PathBuf>,
    /// The division that the border encloses.
    #[arg(long, value_name = "CODE", requires = "fence_towers")]
    pub fence_area: Option<String>,
    /// Side on which people were last known: person_id, prior_side. Without it everybody counts as outside.
    #[arg(long, value_name = "FILE", requires = "fence_towers")]
    pub fence_prior: Option<PathBuf>,
    /// Only for demonstrations and drills: the node's clock starts at this moment.
    #[arg(long, value_parser = parse_instant, value_name = "MOMENT")]
    pub clock: Option<Instant>,
}

/// A clock that runs like the system's, from another moment on.
struct Shifted {
    micros: i64,
}

impl Clock for Shifted {
    fn now(&self) -> Instant {
        Instant::from_micros(SystemClock.now().as_micros() + self.micros)
    }
}

/// The clock of a demonstration or drill that starts at a moment.
pub fn clock_from(moment: Instant) -> Arc<dyn Clock> {
    Arc::new(Shifted { micros: moment.as_micros() - SystemClock.now().as_micros() })
}

pub fn run(node: &NodeArgs, order: &Serve, json: bool, runtime: &Runtime) -> Result<ExitCode> {
    let tls = match (&order.certificate, &order.key_of_certificate) {
        (Some(certificate), Some(key)) => Some(Tls::read(certificate, key)?),
        _ => None,
    };
    if !order.listen.ip().is_loopback() && !order.behind_https && tls.is_none() {
        bail!(
            "{} can be reached from outside: give --certificate and --key-of-certificate, or put a proxy with HTTPS in front and add --behind-https, or listen on 127.0.0.1",
            order.listen
        );
    }
    let targets = order.targets.as_deref().map(read_targets).transpose()?;
    let lab = match (order.mllp, &order.mllp_token) {
        (Some(address), Some(file)) => {
            if !address.ip().is_loopback() && !order.behind_https {
                bail!(
                    "{address} can be reached from outside, and MLLP asks nobody who they are: listen on 127.0.0.1 behind a tunnel that does, or add --behind-https if there is one"
                );
            }
            let token = std::fs::read_to_string(file).with_context(|| {
                format!("reading {}: it holds the token of the laboratory's account", file.display())
            })?;
            Some(Lab { address, token: token.trim().into() })
        }
        _ => None,
    };
    let trust = order.trust_list.as_deref().map(sizao_server::read_trust).transpose()?.unwrap_or_default();
    runtime.block_on(async {
        let (store, keys) = node::open_store(node).await?;
        if order.clock.is_some() && !store.kind().has_simulated_clock() {
            bail!("a store of real people has no other clock than the system's: leave --clock out");
        }
        let clock = order.clock.map_or_else(|| Arc::new(SystemClock) as Arc<dyn Clock>, clock_from);
        let rules = Packs::load(&order.packs)?.into_rules();
        let app = node::assemble_as(store, &keys, clock, rules, "server").await?;
        if let Some(targets) = targets {
            app.set_targets(targets);
        }
        if let Some(setup) = fence_of(order)? {
            app.begin_fence(setup).await?;
        }
        let peers = match order.peers {
            Some(address) => Some(TcpListener::bind(address).await.with_context(|| {
                format!("listening on {address} for other nodes: choose another port with --peers")
            })?),
            None => None,
        };
        let beside = Beside { lab, trust };
        serve_all(app, order.listen, Https { tls, in_front: order.behind_https, peers }, beside, json).await
    })
}

fn read_targets(file: &Path) -> Result<Targets> {
    Targets::parse(&node::read_text(file)?).map_err(|wrong| anyhow!("{}: {wrong}", file.display()))
}

/// The fence that the order asks for.
fn fence_of(order: &Serve) -> Result<Option<FenceSetup>> {
    let (Some(towers), Some(border), Some(area)) = (&order.fence_towers, &order.fence_border, &order.fence_area) else {
        return Ok(None);
    };
    let area = DivisionCode::parse(area).with_context(|| format!("--fence-area {area}"))?;
    fence::server_setup(towers, border, order.fence_prior.as_deref(), area).map(Some)
}

/// What is there beside the pages.
#[derive(Default)]
struct Beside {
    lab: Option<Lab>,
    trust: sizao_server::TrustList,
}

/// Where a laboratory's messages come in, and for which account.
struct Lab {
    address: SocketAddr,
    token: Arc<str>,
}

/// How HTTPS is spoken, if it is.
#[derive(Default)]
pub struct Https {
    /// By the node itself.
    pub tls: Option<Tls>,
    /// By a proxy in front.
    pub in_front: bool,
    /// The door for other nodes.
    pub peers: Option<TcpListener>,
}

/// Serves the pages of a node until the process is told to stop.
pub async fn pages(app: Arc<App>, listen: SocketAddr, https: Https, json: bool) -> Result<ExitCode> {
    serve_all(app, listen, https, Beside::default(), json).await
}

async fn serve_all(
    app: Arc<App>,
    listen: SocketAddr,
    https: Https,
    Beside { lab, trust }: Beside,
    json: bool,
) -> Result<ExitCode> {
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("listening on {listen}: choose another port with --listen, or stop the program that has it")
    })?;
    let scheme = if https.tls.is_some() { "https" } else { "http" };
    let address = format!("{scheme}://{}", listener.local_addr()?);
    let mllp = match &lab {
        None => None,
        Some(lab) => {
            app.actor_of_token(&lab.token, "start", SystemClock.now())
                .await
                .context("the token of --mllp-token: make one for the laboratory's account on its page /me")?;
            let listening = TcpListener::bind(lab.address).await;
            Some(listening.with_context(|| format!("listening for MLLP on {}: choose another port", lab.address))?)
        }
    };
    let mllp_address = mllp.as_ref().map(TcpListener::local_addr).transpose()?;
    let link = app.first_link(SystemClock.now()).await?.map(|token| format!("{address}/setup/{token}"));
    say(
        json,
        || match &link {
            Some(link) => format!(
                "Serving at {address}.\nThere is no account yet. Set up the first administrator, within 24 hours and once, at\n  {link}"
            ),
            None => match mllp_address {
                Some(mllp) => format!("Serving at {address}.\nTaking HL7 v2 by MLLP at {mllp}."),
                None => format!("Serving at {address}."),
            },
        },
        || match mllp_address {
            Some(mllp) => json!({"address": address, "set_up": link, "mllp": mllp.to_string()}),
            None => json!({"address": address, "set_up": link}),
        },
    );
    let shared = Shared::new(
        app,
        Arc::new(SystemClock),
        Settings { secure: https.in_front || https.tls.is_some(), trust, ..Settings::default() },
    );
    let (stop, stopping) = watch::channel(false);
    tokio::spawn(async move {
        told_to_stop().await;
        tracing::info!("Stopping: requests under way are finished");
        let _ = stop.send(true);
    });
    let peers = with_peers(&shared, https.peers, &stopping).await?;
    let lines = match (mllp, lab) {
        (Some(mllp), Some(lab)) => {
            Some(tokio::spawn(sizao_server::serve_mllp(mllp, lab.token, shared.clone(), stopping.clone())))
        }
        _ => None,
    };
    sizao_server::serve(listener, https.tls, shared.clone(), stopping).await?;
    if let Some(lines) = lines {
        lines.await??;
    }
    for task in peers {
        let _ = task.await;
    }
    shared.app.save_fence().await?;
    if let Some(app) = Arc::into_inner(shared).and_then(|shared| Arc::into_inner(shared.app)) {
        app.close().await;
    }
    Ok(ExitCode::SUCCESS)
}

/// Fetches from other nodes, and lets them fetch where there is a door.
async fn with_peers(
    shared: &Arc<Shared>,
    door: Option<TcpListener>,
    stopping: &watch::Receiver<bool>,
) -> Result<Vec<JoinHandle<()>>> {
    let identity = Arc::new(PeerIdentity::of(&shared.app).await?);
    let transport = HttpTransport::new(identity.clone());
    let mut tasks = vec![tokio::spawn(follow_peers(shared.app.clone(), transport, stopping.clone()))];
    if let Some(listener) = door {
        let (shared, stopping) = (shared.clone(), stopping.clone());
        tasks.push(tokio::spawn(async move {
            if let Err(error) = serve_peers(listener, &identity, shared, stopping).await {
                tracing::error!(%error, "The door for other nodes is shut");
            }
        }));
    }
    Ok(tasks)
}

/// Ctrl-C, or SIGTERM where there is one.
async fn told_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut term) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = term.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
