//! What officers do with requests: ask, amend, take on, reply, open who is meant.

use rayon::prelude::*;
use sizao_model::{
    DivisionCode, Instant, MeasureKind, PersonId,
    assist::{
        AssistLine, AssistList, AssistMessage, AssistOutcome, Forwarded, LineNo, LineReply, NodeId, Priority,
        RequestId, Sealed, Tried,
    },
    fact::{EvidenceKind, LinkBasis},
    measure::ContactClass,
    time::CivilDay,
};
use sizao_policy::assists::{AssistFault, LINES_MAX};
use sizao_store::{AssistLineRecord, AssistRecord, AssistTx, PeerRecord, sha256};
use uuid::Uuid;

use super::{
    fold::{Matched, head_of, line_of, new_request},
    identity::AssistIdentity,
    keys::{CooperationKeys, SealPlace, seal},
};
use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, can, usual_purpose},
    identity::Actor,
    refusal::Refusal,
};

/// A person of a new list.
#[derive(Clone, Debug)]
pub struct NewLine {
    /// In our own vault.
    pub person: PersonId,
    /// Class that we propose.
    pub class: Option<ContactClass>,
    /// Measure that we propose.
    pub measure: Option<MeasureKind>,
    /// How the exposure is known.
    pub evidence: EvidenceKind,
    /// Last day of exposure.
    pub last_exposure_on: Option<CivilDay>,
    /// Where and when, in words for the receiving officer; sealed.
    pub exposure: Option<String>,
}

/// A new list, or a new version of one.
#[derive(Clone, Debug)]
pub struct NewAssist {
    /// The node that is asked.
    pub peer: Uuid,
    /// The case of ours from which it comes; only a pseudonym travels.
    pub case: Option<PersonId>,
    /// Rules, by the id of a pack.
    pub pack: String,
    /// Why these people are looked for.
    pub reason: String,
    /// How pressing.
    pub priority: Priority,
    /// Telephone of the officer who asks.
    pub phone: String,
    /// The people.
    pub lines: Vec<NewLine>,
}

/// What an officer replies to a line.
#[derive(Clone, Debug, Default)]
pub struct NewReply {
    /// How the search ended, as a word.
    pub outcome: String,
    /// `document` or `person`: how it is known who it is.
    pub identified: String,
    /// Where the person is.
    pub place: String,
    /// What is kept, as a word of measures.
    pub measure: String,
    /// Words.
    pub words: String,
    /// What was tried.
    pub tried: Vec<String>,
    /// The node to which the person moved on.
    pub to: String,
}

/// A line of a list that is about to be sent, with who it is.
struct Entry {
    no: LineNo,
    person: Option<PersonId>,
    identity: AssistIdentity,
    class: Option<ContactClass>,
    measure: Option<MeasureKind>,
    evidence: EvidenceKind,
    last_exposure_on: Option<CivilDay>,
}

impl App {
    /// The division for which this node stands; requests are its business and that of those above it.
    pub(super) async fn assist_division(&self) -> Result<Option<DivisionCode>, AppError> {
        Ok(self.own_card().await?.map(|card| card.division))
    }

    /// Whether an actor may do something with requests of this node.
    pub(super) async fn may_assist(
        &self,
        actor: &Actor,
        action: Action,
    ) -> Result<crate::authorization::Purpose, AppError> {
        let purpose = usual_purpose(actor, action)?;
        can(actor, action, actor.division, purpose)?;
        let home = self.assist_division().await?.ok_or(Refusal::NotFound)?;
        can(actor, action, home, purpose)?;
        Ok(purpose)
    }

    /// Whether an actor may ask others at all; before this node has a name, nobody can.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn may_ask(&self, actor: &Actor) -> Result<(), AppError> {
        let purpose = usual_purpose(actor, Action::SendAssists)?;
        can(actor, Action::SendAssists, actor.division, purpose)?;
        match self.assist_division().await? {
            None => Err(Refusal::field("peer", "assist-no-home").into()),
            Some(home) => Ok(can(actor, Action::SendAssists, home, purpose)?),
        }
    }

    /// Asks another city to look for people.
    ///
    /// # Errors
    /// [`Refusal`]: who may not, what is missing; [`AppError::Store`].
    pub async fn send_assist(&self, actor: &Actor, new: &NewAssist, wall: Instant) -> Result<RequestId, AppError> {
        let id = new_request(self.now());
        self.publish(actor, id, new, wall).await?;
        Ok(id)
    }

    /// Sends a new version of a list: the whole of it. People who were on it keep their numbers.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn amend_assist(
        &self,
        actor: &Actor,
        id: RequestId,
        new: &NewAssist,
        wall: Instant,
    ) -> Result<(), AppError> {
        let record = self.store().load_assist(id).await?.filter(|record| record.ours && record.kind == 0);
        let record = record.ok_or(Refusal::NotFound)?;
        if record.peer != new.peer {
            return Err(Refusal::field("peer", "choose").into());
        }
        self.publish(actor, id, new, wall).await
    }

    async fn publish(&self, actor: &Actor, id: RequestId, new: &NewAssist, wall: Instant) -> Result<(), AppError> {
        let purpose = self.may_assist(actor, Action::SendAssists).await?;
        let peer = self.open_peer(new.peer).await?;
        let reason = Reason::parse(&new.reason)?;
        let phone = crate::loops::text("phone", &new.phone)?.ok_or(Refusal::field("phone", "empty"))?;
        if new.lines.is_empty() || new.lines.len() > LINES_MAX {
            return Err(Refusal::field("people", "assist-lines").into());
        }
        // Whoever lives elsewhere may be asked for as a contact of a case of ours, and for nothing else.
        let contacts: Vec<PersonId> = match new.case {
            Some(case) => self.contacts_elsewhere(actor, case).await?.iter().map(|one| one.line.person).collect(),
            None => Vec::new(),
        };
        let mut entries = Vec::with_capacity(new.lines.len());
        for (no, line) in (1..).zip(&new.lines) {
            let person = line.person;
            if !contacts.contains(&person) && !self.is_within(person, actor.division).await? {
                return Err(Refusal::NotFound.into());
            }
            let identity = self.identity_to_seal(person, line.exposure.clone()).await?;
            let NewLine { class, measure, evidence, last_exposure_on, .. } = *line;
            entries.push(Entry { no, person: Some(person), identity, class, measure, evidence, last_exposure_on });
        }
        let told = Reason::of(&format!("{} people to {}: {}", entries.len(), peer.name, reason.text()));
        self.log_deed(actor, Action::SendAssists, purpose, None, told, wall).await?;
        let case = match new.case {
            Some(case) => crate::people::number(case),
            None => String::new(),
        };
        let now = self.now();
        let mut list = AssistList {
            request: id,
            version: 1,
            case: case.into(),
            pack: new.pack.as_str().into(),
            reason: reason.text().into(),
            priority: new.priority,
            officer: actor.unit_name.as_str().into(),
            phone,
            sent_at: now,
            forwarded: None,
            lines: Vec::new(),
        };
        let mut tx = self.begin_assists().await?;
        if let Some(record) = tx.load(id).await? {
            list.version = record.version + 1;
            number_again(&mut entries, &tx.lines(id, None).await?);
        }
        self.send_list(&mut tx, &peer, list, entries, now).await?.map_err(|_| Refusal::Changed)?;
        tx.commit().await.map_err(AppError::from)
    }

    /// Seals and sends a list; its people are known here by their own ids.
    async fn send_list(
        &self,
        tx: &mut AssistTx<'_>,
        peer: &PeerRecord,
        mut list: AssistList,
        entries: Vec<Entry>,
        now: Instant,
    ) -> Result<Result<(), AssistFault>, AppError> {
        let keys = self.cooperation_keys().await?;
        let (from, to) = (self.assist_node(), NodeId::new(peer.node));
        let seeds: Vec<[u8; 32]> = entries.iter().map(|_| self.store().seal_seed()).collect();
        let sealed: Option<Vec<(AssistLine, Vec<u8>)>> = entries
            .par_iter()
            .zip(seeds)
            .map(|(entry, seed)| {
                let place = SealPlace { from, to, request: list.request, no: entry.no };
                line_and_seal(keys, peer, place, entry, seed)
            })
            .collect();
        let sealed = sealed.ok_or(AppError::Stopped("the key of the peer seals nothing"))?;
        let matched: Vec<Matched> =
            entries.iter().map(|entry| Matched { no: entry.no, person: entry.person, task: None }).collect();
        let (lines, seals): (Vec<AssistLine>, Vec<Vec<u8>>) = sealed.into_iter().unzip();
        list.lines = lines;
        let message = AssistMessage::List(list);
        let beside = super::fold::Beside { seals: &[], matched: &matched, now };
        let side = sizao_policy::assists::Side::Origin;
        if let Err(fault) = self.fold(tx, (from, to), side, &message, beside).await? {
            return Ok(Err(fault));
        }
        self.send(tx, to, &message, seals, now).await?;
        Ok(Ok(()))
    }

    /// An officer of the receiving side has the list before them.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn see_assist(&self, actor: &Actor, id: RequestId) -> Result<(), AppError> {
        self.may_assist(actor, Action::AnswerAssists).await?;
        let seen = |version, at| AssistMessage::Seen { request: id, version, at };
        self.note_state(id, |line| line.seen_at.is_none(), seen).await.map(|_| ())
    }

    /// A unit of the receiving side takes the list on.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn accept_assist(&self, actor: &Actor, id: RequestId, wall: Instant) -> Result<(), AppError> {
        let purpose = self.may_assist(actor, Action::AnswerAssists).await?;
        let accepted = |version, at| AssistMessage::Accepted { request: id, version, at };
        if self.note_state(id, |line| line.accepted_at.is_none(), accepted).await? {
            let told = Reason::of(&format!("request {id}"));
            self.log_deed(actor, Action::AnswerAssists, purpose, None, told, wall).await?;
        }
        Ok(())
    }

    /// Says that a list was seen or taken on, where a line needs it.
    async fn note_state(
        &self,
        id: RequestId,
        needs: impl Fn(&sizao_policy::assists::Line) -> bool,
        message: impl Fn(u32, Instant) -> AssistMessage,
    ) -> Result<bool, AppError> {
        let now = self.now();
        let mut tx = self.begin_assists().await?;
        let record = theirs(tx.load(id).await?)?;
        let head = head_of(&record)?;
        let mut owed = false;
        for line in tx.lines(id, None).await? {
            let line = line_of(&line)?;
            owed |= line.is_open() && needs(&line);
        }
        if !owed {
            return Ok(false);
        }
        let told = message(record.version, now);
        self.say(&mut tx, (head.origin, head.receiver), &told, Vec::new(), now).await?.map_err(|_| Refusal::Changed)?;
        tx.commit().await?;
        Ok(true)
    }

    /// Replies to a line. The same person in lists of several cities is one task: each of them gets the reply.
    ///
    /// - `version`: which content of the line the officer had before them.
    ///
    /// # Errors
    /// [`Refusal`]: who may not, what the outcome needs, [`Refusal::Changed`] for a line that says something else by now;
    /// [`AppError::Store`].
    pub async fn reply_assist(
        &self,
        actor: &Actor,
        id: RequestId,
        (no, version): (LineNo, u32),
        new: &NewReply,
        wall: Instant,
    ) -> Result<u64, AppError> {
        let purpose = self.may_assist(actor, Action::AnswerAssists).await?;
        let (mut reply, detail) = self.reply_of(no, version, new)?;
        let now = self.now();
        let told = Reason::of(&format!("{} on line {no} of {id}", reply.outcome.name()));
        self.log_deed(actor, Action::AnswerAssists, purpose, None, told, wall).await?;
        let lines = self.store().list_assist_lines(id, no - 1, 1).await?;
        let line = lines.into_iter().find(|line| line.no == no).ok_or(Refusal::NotFound)?;
        let mut same = match &line.task {
            Some(task) => self.store().assist_task(task).await?,
            None => Vec::new(),
        };
        same.retain(|(request, line)| (*request, *line) != (id, no));
        let mut tx = self.begin_assists().await?;
        let onward = match new.to.trim() {
            to if reply.outcome == AssistOutcome::MovedOn => Some(self.forward(&mut tx, actor, id, no, to, now).await?),
            _ => None,
        };
        reply.forwarded = onward;
        self.reply_one(&mut tx, id, reply.clone(), &detail, now).await?;
        let mut replied = 1;
        for (request, other) in same {
            let found = tx.lines(request, Some(&[other])).await?;
            let Some(version) = found.first().map(line_of).transpose()?.map(|line| line.version) else { continue };
            let reply = LineReply { no: other, version, ..reply.clone() };
            self.reply_one(&mut tx, request, reply, &detail, now).await?;
            replied += 1;
        }
        tx.commit().await?;
        Ok(replied)
    }

    async fn reply_one(
        &self,
        tx: &mut AssistTx<'_>,
        id: RequestId,
        mut reply: LineReply,
        detail: &[u8],
        now: Instant,
    ) -> Result<(), AppError> {
        let record = theirs(tx.load(id).await?)?;
        let head = head_of(&record)?;
        let peer = self.open_peer(record.peer).await?;
        let mut seals = Vec::new();
        if !detail.is_empty() {
            let place = SealPlace { from: head.receiver, to: head.origin, request: id, no: reply.no };
            let sealed = seal(&peer.sealing, place, detail, self.store().seal_seed());
            let sealed = sealed.ok_or(AppError::Stopped("the key of the peer seals nothing"))?;
            reply.sealed = Some(Sealed(sha256(&[&sealed])));
            seals.push(sealed);
        }
        let message = AssistMessage::Replies { request: id, replies: vec![reply], at: now };
        match self.say(tx, (head.origin, head.receiver), &message, seals, now).await? {
            Ok(()) => Ok(()),
            Err(AssistFault::NoLine(_)) => Err(Refusal::NotFound.into()),
            Err(AssistFault::Stale(_)) => Err(Refusal::Changed.into()),
            Err(fault) => {
                tracing::debug!(%fault, "A reply does not fit");
                Err(Refusal::field("outcome", "assist-reply").into())
            }
        }
    }

    /// What the fields of a form mean, with what they lack.
    fn reply_of(&self, no: LineNo, version: u32, new: &NewReply) -> Result<(LineReply, Vec<u8>), Refusal> {
        use AssistOutcome as O;
        let now = self.now();
        let outcome = AssistOutcome::from_name(&new.outcome).ok_or(Refusal::field("outcome", "choose"))?;
        let place = crate::loops::text("place", &new.place)?;
        let words = crate::loops::text("words", &new.words)?;
        let identified = match new.identified.as_str() {
            "" => None,
            "document" => Some(LinkBasis::Document),
            "person" => Some(LinkBasis::Person),
            _ => return Err(Refusal::field("identified", "choose")),
        };
        let measure = match new.measure.as_str() {
            "" => None,
            word => {
                let measure = serde_json::from_value(serde_json::Value::String(word.to_owned()));
                Some(measure.map_err(|_| Refusal::field("measure", "choose"))?)
            }
        };
        let tried: Option<Vec<Tried>> = new.tried.iter().map(|word| Tried::from_name(word)).collect();
        let tried = tried.ok_or(Refusal::field("tried", "choose"))?;
        match outcome {
            O::LocatedHere if place.is_none() => return Err(Refusal::field("place", "empty")),
            O::AlreadyControlled if measure.is_none() => return Err(Refusal::field("measure", "choose")),
            O::NotFound if tried.is_empty() => return Err(Refusal::field("tried", "choose")),
            O::WrongData | O::Refuted if words.is_none() => return Err(Refusal::field("words", "empty")),
            _ => {}
        }
        let detail = match (&place, &words) {
            (None, None) => Vec::new(),
            _ => serde_json::to_vec(&(&place, &words)).expect("words are words"),
        };
        let reply = LineReply {
            no,
            version,
            outcome,
            identified,
            placed_at: place.is_some().then_some(now),
            measure,
            controlled_at: measure.is_some().then_some(now),
            sampled_at: None,
            tried,
            forwarded: None,
            sealed: None,
        };
        Ok((reply, detail))
    }

    /// Sends a line on to a third node, as a request of our own that names where it came from.
    async fn forward(
        &self,
        tx: &mut AssistTx<'_>,
        actor: &Actor,
        id: RequestId,
        no: LineNo,
        to: &str,
        now: Instant,
    ) -> Result<(NodeId, RequestId, LineNo), AppError> {
        let to = Uuid::try_parse(to).map_err(|_| Refusal::field("to", "choose"))?;
        let record = theirs(tx.load(id).await?)?;
        let head = head_of(&record)?;
        if to == record.peer {
            return Err(Refusal::field("to", "assist-back").into());
        }
        let peer = self.open_peer(to).await.map_err(|_| Refusal::field("to", "choose"))?;
        let lines = tx.lines(id, Some(&[no])).await?;
        let line = lines.first().ok_or(Refusal::NotFound)?;
        let said: AssistLine =
            serde_json::from_str(&line.said).map_err(|_| AppError::Stopped("a line cannot be read"))?;
        let identity = self.opened(&record, line).await?.ok_or(Refusal::field("to", "assist-unreadable"))?;
        let list: AssistList =
            serde_json::from_str(&record.said).map_err(|_| AppError::Stopped("a list cannot be read"))?;
        let request = new_request(now);
        let first = head.forwarded.map_or_else(|| head.received_at(), |first| Some(first.received_at));
        let forwarded = Forwarded { node: head.origin, request: id, no, received_at: first.unwrap_or(now) };
        let onward = AssistList {
            request,
            version: 1,
            officer: actor.unit_name.as_str().into(),
            sent_at: now,
            forwarded: Some(forwarded),
            lines: Vec::new(),
            ..list
        };
        let entry = Entry {
            no: 1,
            person: line.person,
            identity,
            class: said.class,
            measure: said.measure,
            evidence: said.evidence,
            last_exposure_on: said.last_exposure_on,
        };
        self.send_list(tx, &peer, onward, vec![entry], now).await?.map_err(|_| Refusal::Changed)?;
        Ok((NodeId::new(to), request, 1))
    }

    /// Who a line means, opened by the node itself: for sending it on, and for the officer below.
    async fn opened(&self, record: &AssistRecord, line: &AssistLineRecord) -> Result<Option<AssistIdentity>, AppError> {
        let keys = self.cooperation_keys().await?;
        let place =
            SealPlace { from: NodeId::new(record.peer), to: self.assist_node(), request: record.id, no: line.no };
        let plain = line.seal.as_ref().and_then(|seal| keys.open(place, seal));
        Ok(plain.and_then(|plain| AssistIdentity::from_bytes(&plain)))
    }

    /// Opens who a line means, for a reason; recorded before it is given.
    ///
    /// # Errors
    /// [`Refusal`]: who may not, no such line, nothing that opens; [`AppError::Store`].
    pub async fn open_assist_identity(
        &self,
        actor: &Actor,
        id: RequestId,
        no: LineNo,
        reason: &str,
        wall: Instant,
    ) -> Result<AssistIdentity, AppError> {
        let purpose = self.may_assist(actor, Action::AnswerAssists).await?;
        let record = theirs(self.store().load_assist(id).await?)?;
        let lines = self.store().list_assist_lines(id, no.max(1) - 1, 1).await?;
        let line = lines.into_iter().find(|line| line.no == no).ok_or(Refusal::NotFound)?;
        let reason = Reason::parse(reason)?;
        self.log_deed(actor, Action::OpenIdentity, purpose, line.person, reason, wall).await?;
        Ok(self.opened(&record, &line).await?.ok_or(Refusal::field("reason", "assist-unreadable"))?)
    }
}

/// A request that was made to us.
fn theirs(record: Option<AssistRecord>) -> Result<AssistRecord, Refusal> {
    record.filter(|record| !record.ours && record.kind == 0).ok_or(Refusal::NotFound)
}

/// People who were on the list keep their numbers, others get new ones.
fn number_again(entries: &mut [Entry], known: &[AssistLineRecord]) {
    let mut next = known.iter().map(|line| line.no).max().unwrap_or(0) + 1;
    for entry in entries {
        entry.no = match known.iter().find(|line| line.person.is_some() && line.person == entry.person) {
            Some(line) => line.no,
            None => {
                next += 1;
                next - 1
            }
        };
    }
}

fn line_and_seal(
    keys: &CooperationKeys,
    peer: &PeerRecord,
    place: SealPlace,
    entry: &Entry,
    seed: [u8; 32],
) -> Option<(AssistLine, Vec<u8>)> {
    let pair = keys.pair(&peer.sealing)?;
    let plain = entry.identity.to_bytes();
    let sealed = seal(&peer.sealing, place, &plain, seed).filter(|sealed| sealed.len() <= super::envelope::SEAL_MAX)?;
    let mut line = AssistLine {
        no: entry.no,
        matches: pair.digest("match", &[&entry.identity.mark()]),
        content: Sealed([0; 32]),
        sealed: Sealed([0; 32]),
        class: entry.class,
        measure: entry.measure,
        evidence: entry.evidence,
        last_exposure_on: entry.last_exposure_on,
    };
    let words = serde_json::to_vec(&line).expect("a line is words and numbers");
    line.content = pair.digest("content", &[&words, &plain]);
    line.sealed = Sealed(sha256(&[&sealed]));
    Some((line, sealed))
}
