//! Room `server`: pages and JSON over HTTP. The only room that knows HTTP.
//!
//! [`routes`](routes::ROUTES) is the table of everything that answers; each page or answer asks `app`, which decides
//! who may. Nothing here touches the store.

pub mod api;
mod assets;
mod charts;
mod clock_watch;
mod context;
mod doors;
mod failure;
mod form;
mod lang;
mod layers;
mod map;
mod metrics;
mod mllp;
mod outbox;
mod pages;
pub mod peers;
pub mod routes;
mod slow;
mod state;
mod trust;
mod view;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use tokio::{net::TcpListener, sync::watch};

use doors::{Peer, TlsDoor};
pub use doors::{Tls, TlsError};
pub use lang::{Lang, keys, text};
pub use mllp::serve_mllp;
pub use sizao_app::certificates::TrustList;
pub use state::{Settings, Shared};
pub use trust::{TrustError, read_trust};

/// Everything that answers, with its layers.
pub fn router(shared: Arc<Shared>) -> Router {
    layers::around(routes::router(), shared)
}

/// How long requests under way may take when the node stops.
const GRACE: Duration = Duration::from_secs(20);

/// Answers on a listener until `stop` becomes true, by HTTPS where there is a certificate; requests under way are
/// finished first.
///
/// # Errors
/// Those of the listener.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    match tls {
        Some(tls) => serve_at(TlsDoor::new(listener, tls)?, shared, stop).await,
        None => serve_at(listener, shared, stop).await,
    }
}

async fn serve_at<L: Listener<Addr: std::fmt::Debug>>(
    door: L,
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
) -> std::io::Result<()>
where
    Peer: for<'s> Connected<IncomingStream<'s, L>>,
{
    let service = router(shared.clone()).into_make_service_with_connect_info::<Peer>();
    let verifying = tokio::spawn(state::run_verifying(shared.clone(), stop.clone()));
    let jobs = tokio::spawn(state::run_jobs(shared, stop.clone()));
    let stopped = |mut stop: watch::Receiver<bool>| async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let serving = axum::serve(door, service).with_graceful_shutdown(stopped(stop.clone()));
    let hurried = async {
        stopped(stop).await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = serving => served?,
        () = hurried => tracing::warn!("Some requests were still under way and were ended"),
    }
    let _ = tokio::join!(jobs, verifying);
    Ok(())
}
