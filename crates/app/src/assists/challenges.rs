//! A home city questions a restriction that rests on another city's word (质疑), and what follows from silence.
//!
//! Nobody lifts anything by hand. Where the other city says nothing for six hours, and only where no strong evidence
//! stands behind it, the home city may take the evidence back, as an upheld appeal does; that is a fact with a reason, and
//! what follows is assessed like everything else.

use serde::{Deserialize, Serialize};
use sizao_model::{
    FactBody, Happened, Instant, Measure, PersonId,
    assist::{AssistMessage, Challenge, ChallengeAnswer, NodeId, RequestId, Sealed},
    fact::Correction,
};
use sizao_policy::assists::due_at;
use sizao_store::{AssistRecord, AssistTx, AssistWhich, Channel, from_hex, hex, sha256};
use uuid::Uuid;

use super::{
    fold::new_request,
    identity::AssistIdentity,
    keys::{SealPlace, seal},
};
use crate::{
    App, AppError, access::Reason, authorization::Action, identity::Actor, loops::Addition, people::number,
    refusal::Refusal,
};

/// Challenges that are listed.
const LISTED_MAX: u32 = 200;

/// What a home city asks.
#[derive(Clone, Debug)]
pub struct NewChallenge {
    /// The node whose word it is.
    pub peer: Uuid,
    /// Whom it restricts.
    pub person: PersonId,
    /// The rule of the measure.
    pub rule: String,
    /// What speaks against it.
    pub reason: String,
    /// Telephone of the officer who asks.
    pub phone: String,
}

/// Where a challenge stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeState {
    /// No answer yet, and the six hours run.
    Open,
    /// No answer within six hours: the home city may suspend.
    Silent,
    /// The other city stands by it.
    Stands,
    /// The other city does not.
    Lifted,
    /// The home city took the evidence back.
    Suspended,
}

impl ChallengeState {
    /// The word in locales.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Silent => "silent",
            Self::Stands => "stands",
            Self::Lifted => "lifted",
            Self::Suspended => "suspended",
        }
    }
}

/// A challenge as a page shows it.
#[derive(Clone, Debug)]
pub struct ChallengeView {
    /// Its id.
    pub id: RequestId,
    /// Whether we ask.
    pub ours: bool,
    /// The other node.
    pub peer: String,
    /// Whom it concerns, by number; of our own people.
    pub person: Option<(PersonId, String)>,
    /// The rule.
    pub rule: String,
    /// What speaks against it.
    pub reason: String,
    /// When its clock began: on receipt, or when it was sent while no receipt is known.
    pub from: Instant,
    /// Whether the other side has it.
    pub is_received: bool,
    /// Where it stands.
    pub state: ChallengeState,
    /// What was answered.
    pub answer: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Head {
    sent_at: Instant,
    received_at: Option<Instant>,
    answer: Option<ChallengeAnswer>,
    suspended_at: Option<Instant>,
    person: Option<PersonId>,
    seal: Option<String>,
}

impl Head {
    fn from(&self) -> Instant {
        self.received_at.unwrap_or(self.sent_at)
    }

    fn state(&self, now: Instant) -> ChallengeState {
        match &self.answer {
            _ if self.suspended_at.is_some() => ChallengeState::Suspended,
            Some(answer) if answer.stands => ChallengeState::Stands,
            Some(_) => ChallengeState::Lifted,
            None if now > due_at(self.from()) => ChallengeState::Silent,
            None => ChallengeState::Open,
        }
    }
}

fn head_of(record: &AssistRecord) -> Result<Head, AppError> {
    serde_json::from_str(&record.head).map_err(|_| AppError::Stopped("the head of a challenge cannot be read"))
}

fn put(record: &mut AssistRecord, head: &Head) {
    record.head = serde_json::to_string(head).expect("a head is plain");
}

impl App {
    /// Asks another city on what a restriction rests.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn challenge_restriction(
        &self,
        actor: &Actor,
        new: &NewChallenge,
        wall: Instant,
    ) -> Result<RequestId, AppError> {
        let purpose = self.may_assist(actor, Action::SendAssists).await?;
        if !self.is_within(new.person, actor.division).await? {
            return Err(Refusal::NotFound.into());
        }
        let peer = self.open_peer(new.peer).await?;
        let reason = Reason::parse(&new.reason)?;
        let phone = crate::loops::text("phone", &new.phone)?.ok_or(Refusal::field("phone", "empty"))?;
        let now = self.now();
        let explained = self.explain(new.person, now, now).await?;
        let is_rule = |measure: &Measure| measure.rule() == new.rule && measure.is_active(now);
        if !explained.assessment.measures.iter().any(is_rule) {
            return Err(Refusal::field("rule", "choose").into());
        }
        self.log_deed(actor, Action::SendAssists, purpose, Some(new.person), reason.clone(), wall).await?;
        let keys = self.cooperation_keys().await?;
        let identity: AssistIdentity = self.identity_to_seal(new.person, None).await?;
        let id = new_request(now);
        let to = NodeId::new(peer.node);
        let place = SealPlace { from: self.assist_node(), to, request: id, no: 0 };
        let sealed = seal(&peer.sealing, place, &identity.to_bytes(), self.store().seal_seed());
        let unusable = AppError::Stopped("the key of the peer seals nothing");
        let (Some(sealed), Some(pair)) = (sealed, keys.pair(&peer.sealing)) else { return Err(unusable) };
        let challenge = Challenge {
            challenge: id,
            matches: pair.digest("match", &[&identity.mark()]),
            sealed: Sealed(sha256(&[&sealed])),
            rule: new.rule.as_str().into(),
            reason: reason.text().into(),
            officer: actor.unit_name.as_str().into(),
            phone,
            sent_at: now,
        };
        let person = Some(new.person);
        let head = Head { sent_at: now, received_at: None, answer: None, suspended_at: None, person, seal: None };
        let mut tx = self.begin_assists().await?;
        tx.save(&record(&challenge, &head, peer.node, true, now)).await?;
        self.send(&mut tx, to, &AssistMessage::Challenge(challenge), vec![sealed], now).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// The measures of a person of ours that may be questioned: those that restrict now. For a page.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn challengeable(&self, actor: &Actor, person: PersonId) -> Result<Vec<Measure>, AppError> {
        self.may_assist(actor, Action::SendAssists).await?;
        if !self.is_within(person, actor.division).await? {
            return Err(Refusal::NotFound.into());
        }
        let now = self.now();
        let measures = self.explain(person, now, now).await?.assessment.measures;
        Ok(measures.into_iter().filter(|measure| measure.is_active(now)).collect())
    }

    /// Answers a challenge of another city.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn answer_challenge(
        &self,
        actor: &Actor,
        id: RequestId,
        stands: &str,
        words: &str,
        wall: Instant,
    ) -> Result<(), AppError> {
        let purpose = self.may_assist(actor, Action::AnswerAssists).await?;
        let found = self.store().load_assist(id).await?.filter(|record| record.kind == 1 && !record.ours);
        found.ok_or(Refusal::NotFound)?;
        let stands = match stands {
            "stands" => true,
            "lifted" => false,
            _ => return Err(Refusal::field("stands", "choose").into()),
        };
        let words = Reason::parse(words)?;
        self.log_deed(actor, Action::AnswerAssists, purpose, None, words.clone(), wall).await?;
        let now = self.now();
        let mut tx = self.begin_assists().await?;
        let mut record = tx.load(id).await?.ok_or(Refusal::NotFound)?;
        let mut head = head_of(&record)?;
        if head.answer.is_some() {
            return Err(Refusal::Changed.into());
        }
        let answer = ChallengeAnswer { challenge: id, stands, words: words.text().into(), at: now };
        head.answer = Some(answer.clone());
        record.closed_at = Some(now);
        put(&mut record, &head);
        tx.save(&record).await?;
        let message = AssistMessage::ChallengeAnswered(answer);
        self.send(&mut tx, NodeId::new(record.peer), &message, Vec::new(), now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Takes back the evidence of a restriction about which the other city was silent for six hours, where none of it is
    /// strong; or that it does not stand by.
    ///
    /// # Errors
    /// [`Refusal`]: too early, strong evidence; [`AppError::Store`].
    pub async fn suspend_challenged(
        &self,
        actor: &Actor,
        id: RequestId,
        reason: &str,
        wall: Instant,
    ) -> Result<(), AppError> {
        let purpose = self.may_assist(actor, Action::SendAssists).await?;
        let found = self.store().load_assist(id).await?.filter(|record| record.kind == 1 && record.ours);
        let record = found.ok_or(Refusal::NotFound)?;
        let (head, now) = (head_of(&record)?, self.now());
        let person = head.person.ok_or(Refusal::NotFound)?;
        let said: Challenge =
            serde_json::from_str(&record.said).map_err(|_| AppError::Stopped("a challenge cannot be read"))?;
        let reason = Reason::parse(reason)?;
        let state = head.state(now);
        if !matches!(state, ChallengeState::Silent | ChallengeState::Lifted) {
            return Err(Refusal::field("reason", "challenge-early").into());
        }
        let taken_back = self.evidence_to_take_back(person, &said.rule, state == ChallengeState::Silent).await?;
        if taken_back.is_empty() {
            return Err(Refusal::field("reason", "challenge-strong").into());
        }
        self.log_deed(actor, Action::SendAssists, purpose, Some(person), reason.clone(), wall).await?;
        let additions = taken_back.into_iter().map(|(of, division)| Addition {
            person: None,
            division,
            happened: Happened::at(now),
            body: FactBody::from(Correction {
                of,
                retract: true,
                reason: Some(format!("challenge {id}: {}", reason.text()).into()),
                person: None,
                happened: None,
                body: None,
            }),
            key: format!("challenge/{id}/{of}"),
            channel: Channel::Page,
        });
        self.append_all("challenges", additions.collect()).await?;
        let mut tx = self.begin_assists().await?;
        let mut record = tx.load(id).await?.ok_or(Refusal::NotFound)?;
        let mut head = head_of(&record)?;
        head.suspended_at = head.suspended_at.or(Some(now));
        record.closed_at = record.closed_at.or(Some(now));
        put(&mut record, &head);
        tx.save(&record).await?;
        tx.commit().await?;
        self.follow_loops().await?;
        Ok(())
    }

    /// Open challenges, and closed ones of late.
    pub(super) async fn challenge_views(&self) -> Result<Vec<ChallengeView>, AppError> {
        let (now, names) = (self.now(), self.node_names().await?);
        let mut views = Vec::new();
        for record in self.store().list_assists(AssistWhich::All, LISTED_MAX * 10).await? {
            if record.kind != 1 {
                continue;
            }
            let head = head_of(&record)?;
            let Ok(said) = serde_json::from_str::<Challenge>(&record.said) else { continue };
            views.push(ChallengeView {
                id: record.id,
                ours: record.ours,
                peer: names.get(&record.peer).cloned().unwrap_or_default(),
                person: head.person.filter(|_| record.ours).map(|person| (person, number(person))),
                rule: said.rule.to_string(),
                reason: said.reason.to_string(),
                from: head.from(),
                is_received: head.received_at.is_some(),
                state: head.state(now),
                answer: head.answer.map(|answer| answer.words.to_string()),
            });
        }
        views.sort_by_key(|view| (!matches!(view.state, ChallengeState::Open | ChallengeState::Silent), view.from));
        views.truncate(LISTED_MAX as usize);
        Ok(views)
    }

    /// Who is meant by a challenge of another city, opened for a reason.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn open_challenge_identity(
        &self,
        actor: &Actor,
        id: RequestId,
        reason: &str,
        wall: Instant,
    ) -> Result<AssistIdentity, AppError> {
        let purpose = self.may_assist(actor, Action::AnswerAssists).await?;
        let found = self.store().load_assist(id).await?.filter(|record| record.kind == 1 && !record.ours);
        let record = found.ok_or(Refusal::NotFound)?;
        let reason = Reason::parse(reason)?;
        self.log_deed(actor, Action::OpenIdentity, purpose, None, reason, wall).await?;
        let keys = self.cooperation_keys().await?;
        let place = SealPlace { from: NodeId::new(record.peer), to: self.assist_node(), request: id, no: 0 };
        let sealed = head_of(&record)?.seal.and_then(|text| from_hex(&text));
        let plain = sealed.and_then(|sealed| keys.open(place, &sealed));
        let identity = plain.and_then(|plain| AssistIdentity::from_bytes(&plain));
        Ok(identity.ok_or(Refusal::field("reason", "assist-unreadable"))?)
    }

    pub(super) async fn fold_challenge(
        &self,
        tx: &mut AssistTx<'_>,
        peer: NodeId,
        message: &AssistMessage,
        seals: &[Vec<u8>],
        now: Instant,
    ) -> Result<Option<String>, AppError> {
        let unfit = |told: &str| Ok(Some(told.to_owned()));
        let known = tx.load(message.request()).await?;
        match message {
            AssistMessage::Challenge(challenge) => {
                if known.is_some() {
                    return unfit("a challenge with this id is here");
                }
                let head = Head {
                    sent_at: challenge.sent_at,
                    received_at: Some(now),
                    answer: None,
                    suspended_at: None,
                    person: None,
                    seal: seals.first().map(|seal| hex(seal)),
                };
                tx.save(&record(challenge, &head, peer.uuid(), false, now)).await?;
                let received = AssistMessage::Received { request: challenge.challenge, version: 1, at: now };
                self.send(tx, peer, &received, Vec::new(), now).await?;
                Ok(None)
            }
            AssistMessage::ChallengeAnswered(answer) => {
                let Some(mut record) = known.filter(|one| one.kind == 1 && one.ours && one.peer == peer.uuid()) else {
                    return unfit("no such challenge was sent to that node");
                };
                let mut head = head_of(&record)?;
                if head.answer.is_some() {
                    return unfit("the challenge was answered before");
                }
                head.answer = Some(answer.clone());
                record.closed_at = Some(now);
                put(&mut record, &head);
                tx.save(&record).await?;
                Ok(None)
            }
            _ => unfit("that is no challenge"),
        }
    }

    /// Whether a receipt is that of a challenge of ours; then it is noted.
    pub(super) async fn is_receipt_of_challenge(
        &self,
        tx: &mut AssistTx<'_>,
        peer: NodeId,
        message: &AssistMessage,
    ) -> Result<bool, AppError> {
        let AssistMessage::Received { request, at, .. } = message else { return Ok(false) };
        let known = tx.load(*request).await?.filter(|one| one.kind == 1 && one.ours && one.peer == peer.uuid());
        let Some(mut record) = known else { return Ok(false) };
        let mut head = head_of(&record)?;
        head.received_at = head.received_at.or(Some(*at));
        put(&mut record, &head);
        tx.save(&record).await?;
        Ok(true)
    }
}

fn record(challenge: &Challenge, head: &Head, peer: Uuid, ours: bool, now: Instant) -> AssistRecord {
    AssistRecord {
        id: challenge.challenge,
        kind: 1,
        peer,
        ours,
        head: serde_json::to_string(head).expect("a head is plain"),
        said: serde_json::to_string(challenge).expect("a challenge is words"),
        opened_at: now,
        closed_at: None,
        version: 1,
    }
}
