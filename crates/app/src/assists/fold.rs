//! Folding a message into what is kept of its request, within the transaction of the message.

use sizao_model::{
    Instant, PersonId,
    assist::{AssistLine, AssistList, AssistMessage, AssistOutcome, LineNo, NodeId, RequestId},
};
use sizao_policy::assists::{AssistFault, Line, LineState, Request, Side};
use sizao_store::{AssistLineRecord, AssistLogLine, AssistRecord, AssistTx, sha256};

use super::envelope::Envelope;
use crate::{App, AppError};

/// Outcome of a line that was taken back.
pub(super) const WITHDRAWN: i64 = 7;

/// What our own records say about a line.
#[derive(Clone, Debug, Default)]
pub(super) struct Matched {
    pub(super) no: LineNo,
    pub(super) person: Option<PersonId>,
    pub(super) task: Option<Vec<u8>>,
}

/// What comes with a message.
pub(super) struct Beside<'m> {
    /// What is sealed, in the order of the message.
    pub(super) seals: &'m [Vec<u8>],
    /// Of the lines of a list.
    pub(super) matched: &'m [Matched],
    /// When it is taken in, by our clock.
    pub(super) now: Instant,
}

/// A list without its lines, as it is kept beside them.
pub(super) fn without_lines(list: &AssistList) -> String {
    let short = AssistList { lines: Vec::new(), ..list.clone() };
    serde_json::to_string(&short).expect("a list is words and numbers")
}

pub(super) fn head_of(record: &AssistRecord) -> Result<Request, AppError> {
    serde_json::from_str(&record.head).map_err(|_| AppError::Stopped("the head of a request cannot be read"))
}

pub(super) fn line_of(record: &AssistLineRecord) -> Result<Line, AppError> {
    serde_json::from_str(&record.state).map_err(|_| AppError::Stopped("the state of a line cannot be read"))
}

impl App {
    /// Folds a message in that one side says to the other; a fault leaves everything as it was.
    pub(super) async fn fold(
        &self,
        tx: &mut AssistTx<'_>,
        (origin, receiver): (NodeId, NodeId),
        by: Side,
        message: &AssistMessage,
        beside: Beside<'_>,
    ) -> Result<Result<(), AssistFault>, AppError> {
        let id = message.request();
        let ours = origin == self.assist_node();
        let peer = if ours { receiver } else { origin };
        let mut record = match tx.load(id).await? {
            Some(record) => record,
            None => {
                let AssistMessage::List(list) = message else { return Ok(Err(AssistFault::NotSent(0))) };
                AssistRecord {
                    id,
                    kind: 0,
                    peer: peer.uuid(),
                    ours,
                    head: serde_json::to_string(&Request::new(id, origin, receiver)).expect("a head is plain"),
                    said: without_lines(list),
                    opened_at: beside.now,
                    closed_at: None,
                    version: 0,
                }
            }
        };
        // A request belongs to the two nodes that began it.
        if record.kind != 0 || record.peer != peer.uuid() || record.ours != ours {
            return Ok(Err(AssistFault::WrongSide));
        }
        let mut request = head_of(&record)?;
        let records = tx.lines(id, Request::touched(message).as_deref()).await?;
        for line in &records {
            request.lines.insert(line.no, line_of(line)?);
        }
        let before = request.lines.clone();
        if let Err(fault) = request.apply(by, message) {
            return Ok(Err(fault));
        }
        let lines: Vec<AssistLineRecord> = changed_lines(&request, &before, records, message, &beside);
        tx.save_lines(id, &lines).await?;
        if let AssistMessage::List(list) = message {
            record.said = without_lines(list);
        }
        record.version = request.version;
        record.closed_at = match tx.open_lines(id).await? {
            0 => record.closed_at.or(Some(message.at())),
            _ => None,
        };
        request.lines.clear();
        record.head = serde_json::to_string(&request).expect("a head is plain");
        tx.save(&record).await?;
        Ok(Ok(()))
    }

    /// Signs a message of ours, puts it into the outbox and into the log of its request.
    pub(super) async fn send(
        &self,
        tx: &mut AssistTx<'_>,
        peer: NodeId,
        message: &AssistMessage,
        seals: Vec<Vec<u8>>,
        now: Instant,
    ) -> Result<(), AppError> {
        let keys = self.cooperation_keys().await?;
        let (last, before) = tx.last_sent(peer.uuid()).await?;
        let link = (self.assist_node(), peer);
        let envelope = Envelope::sign(link, (last + 1, before), message, seals, keys.signing());
        tx.send(peer.uuid(), last + 1, envelope.digest(), envelope.to_bytes(), now).await?;
        tx.log(message.request(), &log_line(&envelope, message)).await?;
        Ok(())
    }
}

pub(super) fn log_line(envelope: &Envelope, message: &AssistMessage) -> AssistLogLine {
    AssistLogLine {
        at: message.at(),
        node: envelope.origin.uuid(),
        seq: envelope.seq,
        word: message.word().to_owned(),
        told: told(message),
        digest: envelope.digest(),
    }
}

/// Which version, or how many lines: what the log shows beside the word.
fn told(message: &AssistMessage) -> String {
    match message {
        AssistMessage::List(list) => format!("{} {}", list.version, list.lines.len()),
        AssistMessage::Received { version, .. }
        | AssistMessage::Seen { version, .. }
        | AssistMessage::Accepted { version, .. } => version.to_string(),
        AssistMessage::Replies { replies, .. } => match replies.as_slice() {
            [one] => format!("{} {}", one.no, one.outcome.name()),
            many => many.len().to_string(),
        },
        AssistMessage::Breached { lines, .. } => match lines.as_slice() {
            [one] => format!("{} {}", one.no, one.cause.name()),
            many => many.len().to_string(),
        },
        AssistMessage::Onward { onward, .. } => format!("{} {}", onward.no, onward.outcome.name()),
        AssistMessage::Challenge(_) => String::new(),
        AssistMessage::ChallengeAnswered(answer) => if answer.stands { "stands" } else { "lifted" }.to_owned(),
    }
}

/// The rows of the lines that a message changed.
fn changed_lines(
    request: &Request,
    before: &std::collections::BTreeMap<LineNo, Line>,
    records: Vec<AssistLineRecord>,
    message: &AssistMessage,
    beside: &Beside<'_>,
) -> Vec<AssistLineRecord> {
    let mut known: std::collections::BTreeMap<LineNo, AssistLineRecord> =
        records.into_iter().map(|record| (record.no, record)).collect();
    let changed = request.lines.iter().filter(|(no, line)| before.get(no) != Some(line));
    changed
        .map(|(no, line)| {
            let mut record = known.remove(no).unwrap_or_else(|| empty(*no));
            match message {
                AssistMessage::List(list) if line.withdrawn_in.is_none() => said(&mut record, list, beside),
                AssistMessage::Replies { replies, .. } => answered(&mut record, replies, beside),
                _ => {}
            }
            put(&mut record, line);
            record
        })
        .collect()
}

fn empty(no: LineNo) -> AssistLineRecord {
    AssistLineRecord {
        no,
        state: String::new(),
        said: String::new(),
        answer: None,
        outcome: 0,
        known: [false; 3],
        received_at: None,
        due_at: None,
        person: None,
        task: None,
        seal: None,
        answer_seal: None,
    }
}

fn said(record: &mut AssistLineRecord, list: &AssistList, beside: &Beside<'_>) {
    let Some(index) = list.lines.iter().position(|line| line.no == record.no) else { return };
    let line: &AssistLine = &list.lines[index];
    record.said = serde_json::to_string(line).expect("a line is words and numbers");
    record.seal = beside.seals.get(index).cloned();
    (record.answer, record.answer_seal) = (None, None);
    if let Some(matched) = beside.matched.iter().find(|matched| matched.no == record.no) {
        (record.person, record.task) = (matched.person, matched.task.clone());
    }
}

fn answered(record: &mut AssistLineRecord, replies: &[sizao_model::assist::LineReply], beside: &Beside<'_>) {
    let Some(reply) = replies.iter().find(|reply| reply.no == record.no) else { return };
    record.answer = serde_json::to_string(reply).ok();
    record.answer_seal =
        reply.sealed.and_then(|digest| beside.seals.iter().find(|seal| sha256(&[seal]) == digest.0).cloned());
}

fn put(record: &mut AssistLineRecord, line: &Line) {
    record.state = serde_json::to_string(line).expect("a line's state is plain");
    record.outcome = match line.state() {
        LineState::Withdrawn => WITHDRAWN,
        LineState::Final(outcome) => outcome.code(),
        _ => 0,
    };
    record.known = line.reply.map_or([false; 3], |reply| [reply.identified, reply.placed, reply.controlled]);
    let due_at = line.due_at();
    record.received_at = due_at.map(|due_at| due_at.plus_minutes(-sizao_policy::assists::LIMIT_MINUTES));
    let is_recorded = |due_at: &Instant| line.breaches.iter().any(|breach| breach.due_at == *due_at);
    record.due_at = due_at.filter(|due_at| !is_recorded(due_at));
}

/// The outcome of a row.
pub(super) fn outcome_of(code: i64) -> Option<AssistOutcome> {
    AssistOutcome::from_code(code)
}

/// The id of a new request.
pub(super) fn new_request(now: Instant) -> RequestId {
    RequestId::new(crate::new_id(now))
}
