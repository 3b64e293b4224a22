//! Bodies that come too slowly: whoever sends nothing, or a byte at a time, would hold a place that others wait for.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::body::{Body, Bytes};
use futures_util::{TryStreamExt, stream};
use tokio::time::{Instant, timeout_at};

/// The slowest line that is borne, in bytes a second: a telephone at the edge of its network.
const BYTES_A_SECOND: u64 = 1_024;

/// Whether a body was given up.
#[derive(Clone, Default)]
pub(crate) struct GivenUp(Arc<AtomicBool>);

impl GivenUp {
    pub(crate) fn is_so(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The same body, given up when it is behind the slowest line by more than `grace`.
pub(crate) fn bounded(body: Body, grace: Duration, given_up: GivenUp) -> Body {
    let began = Instant::now();
    let frames = stream::try_unfold((body.into_data_stream(), 0), move |(mut body, got)| {
        let given_up = given_up.clone();
        async move {
            let due = began + grace + Duration::from_millis(got * 1_000 / BYTES_A_SECOND);
            let Ok(next) = timeout_at(due, body.try_next()).await else {
                given_up.0.store(true, Ordering::Relaxed);
                return Err(axum::Error::new(io::Error::from(io::ErrorKind::TimedOut)));
            };
            Ok(next?.map(|bytes: Bytes| {
                let got = got + bytes.len() as u64;
                (bytes, (body, got))
            }))
        }
    });
    Body::from_stream(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many pieces of so many bytes, one each time `every` has passed.
    fn pieces(count: usize, bytes: usize, every: Duration) -> Body {
        Body::from_stream(stream::unfold(0, move |sent| async move {
            if sent == count {
                return None;
            }
            tokio::time::sleep(every).await;
            Some((Ok::<_, io::Error>(Bytes::from(vec![b'x'; bytes])), sent + 1))
        }))
    }

    async fn read(body: Body) -> (Option<usize>, bool) {
        let given_up = GivenUp::default();
        let body = bounded(body, Duration::from_secs(20), given_up.clone());
        let read = axum::body::to_bytes(body, usize::MAX).await;
        (read.ok().map(|bytes| bytes.len()), given_up.is_so())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_on_a_slow_line_is_read_whole() {
        // A piece of 2,000 bytes a second, for a minute and a half.
        assert_eq!(read(pieces(90, 2_000, Duration::from_secs(1))).await, (Some(180_000), false));
        assert_eq!(read(Body::from("all at once")).await, (Some(11), false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_or_trickles_is_given_up() {
        let began = Instant::now();
        assert_eq!(read(pieces(1, 1, Duration::from_secs(3_600))).await, (None, true));
        assert_eq!(began.elapsed(), Duration::from_secs(20));
        // A byte a second: each in time, all of them never.
        assert_eq!(read(pieces(1_000, 1, Duration::from_secs(1))).await, (None, true));
        assert!(began.elapsed() < Duration::from_secs(45), "{:?}", began.elapsed());
    }
}
