//! Taking in what came from other nodes: each number of a link once, in order, whatever the way did to it.

use rayon::prelude::*;
use sizao_model::{
    Instant,
    assist::{AssistList, AssistMessage, AssistOutcome, LineReply, NodeId, Onward},
};
use sizao_policy::assists::Side;
use sizao_store::{AssistTx, PeerRecord, RefusedEnvelope, SentEnvelope};
use uuid::Uuid;

use super::{
    envelope::{Envelope, EnvelopeFault},
    fold::{Beside, Matched, head_of, log_line},
    identity::AssistIdentity,
    keys::SealPlace,
};
use crate::{App, AppError};

/// How many of an origin may wait for an earlier one.
const WAITING_MAX: u64 = 1_000;
/// Requests whose breaches are put on record in a round.
const RUN_OUT_MAX: u32 = 500;

/// What became of an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It was taken in, with so many that had waited for it.
    Done {
        /// Messages that were folded in.
        messages: u64,
    },
    /// It was here before: nothing was done twice.
    Repeat,
    /// An earlier one is missing; it waits.
    Waits {
        /// The number that is missing.
        missing: u64,
    },
    /// It was turned away, and that is on record.
    Refused(EnvelopeFault),
}

/// What became of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TakenIn {
    /// Messages that were folded in.
    pub messages: u64,
    /// Envelopes that were here before.
    pub repeats: u64,
    /// Envelopes that wait for an earlier one.
    pub waiting: u64,
    /// Envelopes that were turned away.
    pub refused: u64,
}

impl TakenIn {
    /// Counts one.
    pub fn add(&mut self, taken: Taken) {
        match taken {
            Taken::Done { messages } => self.messages += messages,
            Taken::Repeat => self.repeats += 1,
            Taken::Waits { .. } => self.waiting += 1,
            Taken::Refused(_) => self.refused += 1,
        }
    }
}

/// A message that was read and whose people were looked up, before the transaction.
struct Ready {
    envelope: Envelope,
    message: Result<AssistMessage, EnvelopeFault>,
    matched: Vec<Matched>,
}

impl App {
    /// Takes in one envelope, whoever brought it. When this returns, what it says is durable, or it was turned away.
    ///
    /// # Errors
    /// [`AppError::Store`]; the envelope has to be brought again.
    pub async fn take_in_envelope(&self, bytes: &[u8]) -> Result<Taken, AppError> {
        let now = self.now();
        let envelope = match self.checked(bytes).await? {
            Ok(envelope) => envelope,
            Err((fault, origin, seq)) => {
                self.store().note_refused(&refused(now, origin, seq, fault)).await?;
                return Ok(Taken::Refused(fault));
            }
        };
        let ready = self.ready(envelope).await?;
        let (origin, seq, digest) = (ready.envelope.origin.uuid(), ready.envelope.seq, ready.envelope.digest());
        let mut tx = self.begin_assists().await?;
        let turned_away = |fault| refused(now, Some(origin), Some(seq), fault);
        if let Some(known) = tx.came(origin, seq).await? {
            if known == digest {
                return Ok(Taken::Repeat);
            }
            tx.note_refused(&turned_away(EnvelopeFault::SecondContent)).await?;
            tx.commit().await?;
            return Ok(Taken::Refused(EnvelopeFault::SecondContent));
        }
        let (done, before) = tx.last_done(origin).await?;
        if seq > done + 1 {
            let fault = (tx.waiting(origin).await? >= WAITING_MAX).then_some(EnvelopeFault::TooFarAhead);
            match fault {
                Some(fault) => tx.note_refused(&turned_away(fault)).await?,
                None => tx.note_come((origin, seq), digest, Some(bytes.to_vec()), now, 0).await?,
            }
            tx.commit().await?;
            return Ok(fault.map_or(Taken::Waits { missing: done + 1 }, Taken::Refused));
        }
        if ready.envelope.before != before {
            tx.note_refused(&turned_away(EnvelopeFault::BrokenChain)).await?;
            tx.commit().await?;
            return Ok(Taken::Refused(EnvelopeFault::BrokenChain));
        }
        self.take_in_next(&mut tx, ready, now).await?;
        let messages = 1 + self.take_in_waiting(&mut tx, origin, now).await?;
        tx.commit().await?;
        Ok(Taken::Done { messages })
    }

    /// Reads an envelope and checks to whom, from whom, and the signature.
    async fn checked(
        &self,
        bytes: &[u8],
    ) -> Result<Result<Envelope, (EnvelopeFault, Option<Uuid>, Option<u64>)>, AppError> {
        let envelope = match Envelope::from_bytes(bytes) {
            Ok(envelope) => envelope,
            Err(fault) => return Ok(Err((fault, None, None))),
        };
        let (origin, seq) = (Some(envelope.origin.uuid()), Some(envelope.seq));
        if envelope.to != self.assist_node() {
            return Ok(Err((EnvelopeFault::NotForUs, origin, seq)));
        }
        let peers = self.open_peers().await?;
        let Some(peer) = peers.iter().find(|peer| Some(peer.node) == origin) else {
            return Ok(Err((EnvelopeFault::UnknownNode, origin, seq)));
        };
        if !envelope.is_signed_by(&peer.signing) {
            return Ok(Err((EnvelopeFault::Forged, origin, seq)));
        }
        // The signature covers the seals by their digests. Others were put there on the way: the right ones may still come.
        if !envelope.has_its_seals() {
            return Ok(Err((EnvelopeFault::Malformed, origin, seq)));
        }
        Ok(Ok(envelope))
    }

    /// Reads what it says, and looks up in our own vault who is meant. The node opens the seals for that and keeps
    /// nothing of them but a keyed token; a person reads one only by opening it.
    async fn ready(&self, envelope: Envelope) -> Result<Ready, AppError> {
        let message = envelope.message();
        let matched = match &message {
            Ok(AssistMessage::List(list)) => self.matched(&envelope, list).await?,
            _ => Vec::new(),
        };
        Ok(Ready { envelope, message, matched })
    }

    async fn matched(&self, envelope: &Envelope, list: &AssistList) -> Result<Vec<Matched>, AppError> {
        let keys = self.cooperation_keys().await?;
        let peers = self.store().list_peers().await?;
        let pair =
            peers.iter().find(|peer| peer.node == envelope.origin.uuid()).and_then(|peer| keys.pair(&peer.sealing));
        let Some(pair) = pair else { return Ok(Vec::new()) };
        let (from, to) = (envelope.origin, envelope.to);
        let opened: Vec<(u32, Option<AssistIdentity>)> = list
            .lines
            .par_iter()
            .zip(&envelope.seals)
            .map(|(line, seal)| {
                let place = SealPlace { from, to, request: list.request, no: line.no };
                let identity = keys.open(place, seal).and_then(|plain| AssistIdentity::from_bytes(&plain));
                // A digest of somebody else than is sealed: the line names nobody.
                let fits = |identity: &AssistIdentity| pair.digest("match", &[&identity.mark()]) == line.matches;
                (line.no, identity.filter(fits))
            })
            .collect();
        let mut matched = Vec::with_capacity(opened.len());
        for (no, identity) in opened {
            let Some(identity) = identity else {
                matched.push(Matched { no, ..Matched::default() });
                continue;
            };
            let mut person = None;
            for name in identity.names() {
                person = person.or(self.store().find_person(&name).await?);
            }
            let task = Some(self.store().assist_token(&identity.mark()));
            matched.push(Matched { no, person, task });
        }
        Ok(matched)
    }

    /// Folds in the next message of a link; one that does not fit is on record and holds nobody up.
    async fn take_in_next(&self, tx: &mut AssistTx<'_>, ready: Ready, now: Instant) -> Result<(), AppError> {
        let Ready { envelope, message, matched } = ready;
        let (origin, seq, digest) = (envelope.origin, envelope.seq, envelope.digest());
        let told = match &message {
            Err(fault) => Some((fault.word(), fault.to_string())),
            Ok(message) => {
                let fault = self.fold_theirs(tx, origin, message, &envelope.seals, &matched, now).await?;
                if fault.is_none() {
                    tx.log(message.request(), &log_line(&envelope, message)).await?;
                }
                fault.map(|told| ("does-not-fit", told))
            }
        };
        if let Some((why, told)) = &told {
            let (why, told) = ((*why).to_owned(), told.clone());
            let origin = Some(origin.uuid());
            tx.note_refused(&RefusedEnvelope { at: now, origin, seq: Some(seq), why, told }).await?;
        }
        let state = if told.is_some() { 2 } else { 1 };
        tx.note_come((origin.uuid(), seq), digest, None, now, state).await?;
        Ok(())
    }

    /// Folds in those that waited, as far as they follow without a gap. How many.
    async fn take_in_waiting(&self, tx: &mut AssistTx<'_>, origin: Uuid, now: Instant) -> Result<u64, AppError> {
        let mut messages = 0;
        loop {
            let (done, before) = tx.last_done(origin).await?;
            let Some(waiting) = tx.waiting_envelope(origin, done + 1).await? else { return Ok(messages) };
            let envelope = Envelope::from_bytes(&waiting.envelope);
            let Some(envelope) = envelope.ok().filter(|envelope| envelope.before == before) else {
                tx.note_refused(&refused(now, Some(origin), Some(done + 1), EnvelopeFault::BrokenChain)).await?;
                tx.drop_waiting(origin, done + 1).await?;
                return Ok(messages);
            };
            let ready = self.ready(envelope).await?;
            self.take_in_next(tx, ready, now).await?;
            messages += 1;
        }
    }

    /// What the other side says, folded in, and what our node says to it by itself. A fault in words where it does not
    /// fit.
    async fn fold_theirs(
        &self,
        tx: &mut AssistTx<'_>,
        peer: NodeId,
        message: &AssistMessage,
        seals: &[Vec<u8>],
        matched: &[Matched],
        now: Instant,
    ) -> Result<Option<String>, AppError> {
        if let AssistMessage::Challenge(_) | AssistMessage::ChallengeAnswered(_) = message {
            return self.fold_challenge(tx, peer, message, seals, now).await;
        }
        if self.is_receipt_of_challenge(tx, peer, message).await? {
            return Ok(None);
        }
        let (link, by) = match message {
            AssistMessage::List(_) => ((peer, self.assist_node()), Side::Origin),
            _ => ((self.assist_node(), peer), Side::Receiver),
        };
        let beside = Beside { seals, matched, now };
        if let Err(fault) = self.fold(tx, link, by, message, beside).await? {
            return Ok(Some(fault.to_string()));
        }
        match message {
            AssistMessage::List(list) => {
                let received = AssistMessage::Received { request: list.request, version: list.version, at: now };
                if let Err(fault) = self.say(tx, link, &received, Vec::new(), now).await? {
                    return Ok(Some(fault.to_string()));
                }
            }
            AssistMessage::Replies { replies, at, .. } => {
                self.tell_onward(tx, peer, message, replies, *at, now).await?;
            }
            _ => {}
        }
        Ok(None)
    }

    /// Says something about a request as its receiver or origin: folded in here, and sent. Nothing happens where it does
    /// not fit; whether it did.
    pub(super) async fn say(
        &self,
        tx: &mut AssistTx<'_>,
        link: (NodeId, NodeId),
        message: &AssistMessage,
        seals: Vec<Vec<u8>>,
        now: Instant,
    ) -> Result<Result<(), sizao_policy::assists::AssistFault>, AppError> {
        let ours = link.0 == self.assist_node();
        let (by, peer) = if ours { (Side::Origin, link.1) } else { (Side::Receiver, link.0) };
        let beside = Beside { seals: &[], matched: &[], now };
        if let Err(fault) = self.fold(tx, link, by, message, beside).await? {
            return Ok(Err(fault));
        }
        self.send(tx, peer, message, seals, now).await?;
        Ok(Ok(()))
    }

    /// A line that we had sent on has its reply: whoever asked us first is told.
    async fn tell_onward(
        &self,
        tx: &mut AssistTx<'_>,
        by: NodeId,
        message: &AssistMessage,
        replies: &[LineReply],
        at: Instant,
        now: Instant,
    ) -> Result<(), AppError> {
        let Some(record) = tx.load(message.request()).await? else { return Ok(()) };
        let Some(first) = head_of(&record)?.forwarded else { return Ok(()) };
        for reply in replies.iter().filter(|reply| reply.outcome != AssistOutcome::MovedOn) {
            let onward = Onward { no: first.no, node: by, outcome: reply.outcome, replied_at: at };
            let told = AssistMessage::Onward { request: first.request, onward, at: now };
            // The first list may have changed meanwhile; then nobody waits for it.
            let _ = self.say(tx, (first.node, self.assist_node()), &told, Vec::new(), now).await?;
        }
        Ok(())
    }

    /// What we have for a peer after a number; that it asks so means that everything up to there is durable with it.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn outbox_for(&self, peer: &PeerRecord, after: u64, limit: u32) -> Result<Vec<SentEnvelope>, AppError> {
        let now = self.now();
        self.store().confirm_sent(peer.node, after, now).await?;
        self.store().peer_heard(peer.node, now).await?;
        Ok(self.store().outbox(peer.node, after, limit).await?)
    }

    /// Puts on record which lines ran out, with their true moments. How many.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn follow_assists(&self) -> Result<u64, AppError> {
        let now = self.now();
        let mut count = 0;
        for id in self.store().assists_run_out(now, RUN_OUT_MAX).await? {
            let mut tx = self.begin_assists().await?;
            let Some(record) = tx.load(id).await? else { continue };
            let mut request = head_of(&record)?;
            for line in tx.lines(id, None).await? {
                request.lines.insert(line.no, super::fold::line_of(&line)?);
            }
            let lines = request.owed_breaches(now);
            if lines.is_empty() {
                continue;
            }
            count += lines.len() as u64;
            let told = AssistMessage::Breached { request: id, lines, at: now };
            self.say(&mut tx, (request.origin, request.receiver), &told, Vec::new(), now)
                .await?
                .map_err(|_| AppError::Stopped("a breach does not fit its own request"))?;
            tx.commit().await?;
        }
        Ok(count)
    }
}

fn refused(at: Instant, origin: Option<Uuid>, seq: Option<u64>, fault: EnvelopeFault) -> RefusedEnvelope {
    RefusedEnvelope { at, origin, seq, why: fault.word().to_owned(), told: fault.to_string() }
}
