//! What pages show of requests: the board with its clocks, one request with its lines, links to other nodes.

use std::collections::HashMap;

use sizao_model::{
    DivisionCode, Instant,
    assist::{AssistLine, AssistList, Breach, LineReply, NodeId, RequestId},
};
use sizao_policy::{
    assists::{AssistClears, Line, Request, due_at, urgency},
    loops::Urgency,
};
use sizao_store::{
    AssistCount, AssistLineRecord, AssistLogLine, AssistRecord, AssistWhich, LinkState, RefusedEnvelope,
};
use uuid::Uuid;

use super::{
    challenges::ChallengeView,
    fold::{WITHDRAWN, head_of, line_of, outcome_of},
};
use crate::{
    App, AppError,
    authorization::{Action, Scope, usual_purpose},
    identity::Actor,
    people::number,
    refusal::Refusal,
};

/// Requests on the board.
pub(super) const REQUESTS_MAX: u32 = 500;
/// Closed requests on the board.
const CLOSED_MAX: u32 = 50;
/// Lines on a page.
pub const PAGE: u32 = 100;
/// Envelopes that were turned away, on the board.
const REFUSED_MAX: u32 = 20;

/// A clock of six hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Countdown {
    /// When it began.
    pub from: Instant,
    /// When it runs out.
    pub due_at: Instant,
    /// How urgent it is now.
    pub urgency: Urgency,
    /// Minutes until it runs out; below zero: so long ago.
    pub minutes_left: i64,
    /// How much of it is over, in thousandths; at most 1,000.
    pub part: u32,
}

impl Countdown {
    /// The clock that began at a moment.
    pub fn of(from: Instant, now: Instant) -> Self {
        let due_at = due_at(from);
        let whole = due_at.as_micros() - from.as_micros();
        let gone = (now.as_micros() - from.as_micros()).clamp(0, whole);
        let left = due_at.as_micros() - now.as_micros();
        // A minute that has begun counts as left; so it is 0:00 only when the time is over.
        let minutes_left = if left >= 0 { (left + 59_999_999) / 60_000_000 } else { -((-left) / 60_000_000) };
        Self { from, due_at, urgency: urgency(from, now), minutes_left, part: (gone * 1_000 / whole) as u32 }
    }
}

/// A request on the board.
#[derive(Clone, Debug)]
pub struct AssistSummary {
    /// Its id.
    pub id: RequestId,
    /// Whether we ask.
    pub ours: bool,
    /// The other node.
    pub peer: String,
    /// What it is about.
    pub list: AssistList,
    /// The four clears.
    pub clears: AssistClears,
    /// The clock of its oldest open line; none before the receipt and after the end.
    pub countdown: Option<Countdown>,
    /// The version that has been under way for half an hour without a receipt.
    pub unacknowledged: Option<u32>,
    /// Newest version of the list.
    pub version: u32,
    /// When the total age began: for a line that was sent on, with the first city.
    pub age_from: Option<Instant>,
    /// When it was closed.
    pub closed_at: Option<Instant>,
}

/// How things stand with a peer.
#[derive(Clone, Debug)]
pub struct PeerView {
    /// Its id.
    pub node: Uuid,
    /// What it is called.
    pub name: String,
    /// For which division it stands.
    pub division: DivisionCode,
    /// When we last heard of it.
    pub heard_at: Option<Instant>,
    /// The two directions.
    pub link: LinkView,
}

/// The two directions of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkView {
    /// The numbers.
    pub state: LinkState,
    /// Numbers that are missing between what was done and what came.
    pub gap: u64,
    /// Something has waited in the outbox for half an hour.
    pub is_stuck: bool,
}

/// The board.
#[derive(Clone, Debug)]
pub struct AssistBoard {
    /// For which division this node stands.
    pub home: Option<DivisionCode>,
    /// Open requests, the most pressing first.
    pub open: Vec<AssistSummary>,
    /// Closed ones, latest first.
    pub closed: Vec<AssistSummary>,
    /// Challenges.
    pub challenges: Vec<ChallengeView>,
    /// Peers.
    pub peers: Vec<PeerView>,
    /// What was turned away.
    pub refused: Vec<(RefusedEnvelope, String)>,
    /// When it was computed.
    pub at: Instant,
}

/// A line as a page shows it, without a name.
#[derive(Clone, Debug)]
pub struct AssistLineView {
    /// Its clocks and state.
    pub line: Line,
    /// What the list says of it.
    pub said: AssistLine,
    /// Its newest reply.
    pub reply: Option<LineReply>,
    /// Place and words of the reply; on the asking side.
    pub detail: (Option<String>, Option<String>),
    /// In our own vault: id and number.
    pub person: Option<(sizao_model::PersonId, String)>,
    /// Whether the sealed part names somebody; on the receiving side.
    pub is_readable: bool,
    /// How many other open lines mean the same person.
    pub others: u64,
    /// Its clock, while it runs.
    pub countdown: Option<Countdown>,
    /// Its breaches up to now.
    pub breaches: Vec<Breach>,
    /// The node to which it was sent on.
    pub onward: Option<String>,
}

/// One request.
#[derive(Clone, Debug)]
pub struct AssistView {
    /// The head.
    pub summary: AssistSummary,
    /// Some of its lines.
    pub lines: Vec<AssistLineView>,
    /// After which line the next page begins.
    pub next: Option<u32>,
    /// What was said, in the order that is the same on both sides; with the names of the nodes.
    pub log: Vec<(AssistLogLine, String)>,
    /// Digest over that: equal on both sides when both have everything.
    pub log_digest: String,
    /// When it was computed.
    pub at: Instant,
    /// Nodes to which somebody may have moved on.
    pub peers: Vec<(Uuid, String)>,
}

impl App {
    /// The board of requests of this node.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn assist_board(&self, actor: &Actor) -> Result<AssistBoard, AppError> {
        let purpose = usual_purpose(actor, Action::ViewAssists)?;
        let scope = Scope::of(actor, Action::ViewAssists, purpose)?;
        let at = self.now();
        let home = self.assist_division().await?.filter(|home| home.is_under(scope.division()));
        let mut board = AssistBoard {
            home,
            open: Vec::new(),
            closed: Vec::new(),
            challenges: Vec::new(),
            peers: Vec::new(),
            refused: Vec::new(),
            at,
        };
        if home.is_none() {
            return Ok(board);
        }
        let names = self.node_names().await?;
        let mut counts: HashMap<RequestId, Vec<AssistCount>> = HashMap::new();
        for count in self.store().count_open_assist_lines().await? {
            counts.entry(count.request).or_default().push(count);
        }
        for record in self.store().list_assists(AssistWhich::Open, REQUESTS_MAX).await? {
            if record.kind == 0 {
                let counted = counts.remove(&record.id).unwrap_or_default();
                board.open.push(summary(&record, &counted, &names, at)?);
            }
        }
        board.open.sort_by_key(|one| (one.countdown.map_or(Instant::MAX, |clock| clock.due_at), one.id));
        for record in self.store().list_assists(AssistWhich::Closed, CLOSED_MAX).await? {
            if record.kind == 0 {
                let counted = self.store().count_assist_lines(record.id).await?;
                board.closed.push(summary(&record, &counted, &names, at)?);
            }
        }
        board.challenges = self.challenge_views().await?;
        board.peers = self.peer_views(at).await?;
        let name_of = |node: Option<Uuid>| node.and_then(|node| names.get(&node).cloned()).unwrap_or_default();
        let refused = self.store().list_refused(REFUSED_MAX).await?;
        board.refused = refused.into_iter().map(|one| (one.clone(), name_of(one.origin))).collect();
        Ok(board)
    }

    /// The links to the peers.
    async fn peer_views(&self, now: Instant) -> Result<Vec<PeerView>, AppError> {
        let mut views = Vec::new();
        for peer in self.open_peers().await? {
            let state = self.store().link_state(peer.node).await?;
            let gap = if state.waiting == 0 { 0 } else { state.highest - state.done - state.waiting };
            let limit = now.plus_minutes(-super::ALARM_MINUTES);
            let is_stuck = state.waiting_since.is_some_and(|since| since <= limit);
            views.push(PeerView {
                node: peer.node,
                name: peer.name,
                division: peer.division,
                heard_at: peer.heard_at,
                link: LinkView { state, gap, is_stuck },
            });
        }
        Ok(views)
    }

    /// The four clears of one request, counted by the store.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn assist_clears(&self, id: RequestId) -> Result<AssistClears, AppError> {
        Ok(clears_of(&self.store().count_assist_lines(id).await?))
    }

    /// One request with some of its lines.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn view_assist(&self, actor: &Actor, id: RequestId, after: u32) -> Result<AssistView, AppError> {
        self.may_assist(actor, Action::ViewAssists).await?;
        let record = self.store().load_assist(id).await?.filter(|record| record.kind == 0).ok_or(Refusal::NotFound)?;
        let (at, names) = (self.now(), self.node_names().await?);
        let counted = self.store().count_assist_lines(id).await?;
        let summary = summary(&record, &counted, &names, at)?;
        let mut records = self.store().list_assist_lines(id, after, PAGE + 1).await?;
        let next = (records.len() > PAGE as usize).then(|| records[PAGE as usize - 1].no);
        records.truncate(PAGE as usize);
        let mut lines = Vec::with_capacity(records.len());
        for line in &records {
            lines.push(self.line_view(&record, line, &names, at).await?);
        }
        let log = self.store().assist_log(id).await?;
        let parts: Vec<&[u8]> = log.iter().map(|line| line.digest.as_slice()).collect();
        let log_digest = crate::digest(&parts);
        let name_of = |node: &Uuid| names.get(node).cloned().unwrap_or_default();
        let log = log.into_iter().map(|line| (line.clone(), name_of(&line.node))).collect();
        let peers = self.open_peers().await?;
        let peers = peers.into_iter().filter(|peer| peer.node != record.peer).map(|peer| (peer.node, peer.name));
        Ok(AssistView { summary, lines, next, log, log_digest, at, peers: peers.collect() })
    }

    async fn line_view(
        &self,
        record: &AssistRecord,
        row: &AssistLineRecord,
        names: &HashMap<Uuid, String>,
        at: Instant,
    ) -> Result<AssistLineView, AppError> {
        let line = line_of(row)?;
        let said = serde_json::from_str(&row.said).map_err(|_| AppError::Stopped("a line cannot be read"))?;
        let reply: Option<LineReply> = row.answer.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let detail = if record.ours { self.detail_of(record, row).await? } else { (None, None) };
        let others = match &row.task {
            Some(task) if !record.ours && row.outcome == 0 => {
                self.store().assist_task(task).await?.len().saturating_sub(1) as u64
            }
            _ => 0,
        };
        let onward = reply.as_ref().and_then(|reply| reply.forwarded);
        Ok(AssistLineView {
            countdown: line.due_at().map(|due_at| Countdown::of(due_at.plus_minutes(-super::LIMIT_MINUTES), at)),
            breaches: line.breaches_by(at).collect(),
            line,
            said,
            detail,
            person: row.person.map(|person| (person, number(person))),
            is_readable: record.ours || row.task.is_some(),
            others,
            onward: onward.map(|(node, ..)| names.get(&node.uuid()).cloned().unwrap_or_default()),
            reply,
        })
    }

    /// Place and words of a reply to us.
    async fn detail_of(
        &self,
        record: &AssistRecord,
        row: &AssistLineRecord,
    ) -> Result<(Option<String>, Option<String>), AppError> {
        let keys = self.cooperation_keys().await?;
        let place = super::keys::SealPlace {
            from: NodeId::new(record.peer),
            to: self.assist_node(),
            request: record.id,
            no: row.no,
        };
        let plain = row.answer_seal.as_ref().and_then(|seal| keys.open(place, seal));
        Ok(plain.and_then(|plain| serde_json::from_slice(&plain).ok()).unwrap_or_default())
    }
}

fn clears_of(counts: &[AssistCount]) -> AssistClears {
    let mut clears = AssistClears::default();
    for count in counts.iter().filter(|count| count.outcome != WITHDRAWN) {
        clears.add_many(outcome_of(count.outcome), count.known, count.lines);
    }
    clears
}

fn summary(
    record: &AssistRecord,
    counts: &[AssistCount],
    names: &HashMap<Uuid, String>,
    at: Instant,
) -> Result<AssistSummary, AppError> {
    let head: Request = head_of(record)?;
    let list: AssistList =
        serde_json::from_str(&record.said).map_err(|_| AppError::Stopped("a list cannot be read"))?;
    let first = counts.iter().filter(|count| count.outcome == 0).filter_map(|count| count.received_at).min();
    Ok(AssistSummary {
        id: record.id,
        ours: record.ours,
        peer: names.get(&record.peer).cloned().unwrap_or_default(),
        list,
        clears: clears_of(counts),
        countdown: first.map(|from| Countdown::of(from, at)),
        // Only the sender knows when it sent.
        unacknowledged: head.unacknowledged(at).filter(|_| record.ours),
        version: record.version,
        age_from: head.age_from(),
        closed_at: record.closed_at,
    })
}
