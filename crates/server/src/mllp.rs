//! Messages of a laboratory over the minimal lower layer protocol: one listener acts for the account of one token.
//!
//! The protocol has no sign-in of its own: whoever reaches the port speaks for that laboratory. So the listener stands on
//! the machine itself or behind something that asks who it is. The token is looked up for each message: one that was
//! ended stops the line at once, and the mandate is asked each time.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use sizao_app::{
    AppError,
    laboratory::{Deframer, Frame, MessageForm, mllp_frame},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};

use crate::state::Shared;

/// Lines at once; more wait to be answered.
const LINES_MAX: usize = 64;
/// A line on which nothing comes is closed.
const IDLE: Duration = Duration::from_secs(15 * 60);
/// An answer that is not taken in this time ends its line.
const ANSWER: Duration = Duration::from_secs(30);
/// Bytes read at a time.
const READ_BYTES: usize = 64 << 10;

/// Takes messages on a listener until `stop` becomes true.
///
/// # Errors
/// Those of the listener.
pub async fn serve_mllp(
    listener: TcpListener,
    token: Arc<str>,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let lines = Arc::new(Semaphore::new(LINES_MAX));
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            // Out of files: the others go on, and this one is tried again.
            Err(error) => {
                tracing::warn!(%error, "A line of a laboratory could not be opened");
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
        };
        let Ok(turn) = lines.clone().acquire_owned().await else { return Ok(()) };
        let (token, shared, stop) = (token.clone(), shared.clone(), stop.clone());
        tokio::spawn(async move {
            if let Err(error) = line(stream, peer, &token, &shared, stop).await {
                tracing::info!(%peer, %error, "A line of a laboratory ended");
            }
            drop(turn);
        });
    }
}

async fn line(
    mut stream: TcpStream,
    peer: SocketAddr,
    token: &str,
    shared: &Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let mut deframer = Deframer::default();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
            read = tokio::time::timeout(IDLE, stream.read(&mut buffer)) => read,
        };
        let Ok(read) = read else { return Ok(()) };
        let count = read?;
        if count == 0 {
            return Ok(());
        }
        for frame in deframer.push(&buffer[..count]) {
            let Some(answer) = answer(frame, peer, token, shared).await else {
                // No answer: the sender keeps the message and sends it again. A refused line is closed.
                return Ok(());
            };
            let framed = mllp_frame(answer.as_bytes());
            tokio::time::timeout(ANSWER, stream.write_all(&framed))
                .await
                .map_err(|_| std::io::ErrorKind::TimedOut)??;
        }
    }
}

/// The answer to a frame, after the commit; none where it was neither taken in nor kept.
async fn answer(frame: Frame, peer: SocketAddr, token: &str, shared: &Arc<Shared>) -> Option<String> {
    let wall = shared.now();
    let request = sizao_app::new_id(wall).to_string();
    let done = async {
        let actor = shared.app.actor_of_token(token, &request, wall).await?;
        Ok::<_, AppError>(match frame {
            Frame::Message(bytes) => shared.app.take_message(&actor, MessageForm::Hl7v2, &bytes, wall).await?.ack,
            Frame::TooLong(_) => {
                shared.app.refuse_frame(&actor, b"", "the message is longer than 16 MiB", wall).await?
            }
            Frame::Broken(bytes) => {
                shared.app.refuse_frame(&actor, &bytes, "the frame was cut off before its end", wall).await?
            }
        })
    };
    match done.await {
        Ok(ack) => Some(ack),
        Err(AppError::Refused(refusal)) => {
            tracing::warn!(%peer, code = refusal.code(), "A message of a laboratory was refused: {refusal}");
            None
        }
        Err(error) => {
            tracing::error!(%peer, %error, "A message of a laboratory could not be stored; its sender sends it again");
            None
        }
    }
}
