//! Requests between cities (区域协查): six hours from receipt to a reply for each line, over signed envelopes.
//!
//! The pure part is [`sizao_policy::assists`]. Here messages are signed, sealed, taken in once and in order, and folded
//! into what both sides keep. A message and everything that it changes are one transaction.

mod board;
mod cases;
mod challenges;
mod envelope;
mod exchange;
mod fold;
mod identity;
mod keys;
mod transport;
mod work;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sizao_model::{DivisionCode, Instant, assist::NodeId};
pub use sizao_store::PeerRecord;
use sizao_store::{AssistTx, from_hex, hex};
use uuid::Uuid;

pub use self::{
    board::{
        AssistBoard, AssistLineView, AssistSummary, AssistView, Countdown, LinkView, PAGE as LINES_A_PAGE, PeerView,
    },
    cases::Elsewhere,
    challenges::{ChallengeState, ChallengeView, NewChallenge},
    envelope::{Envelope, EnvelopeFault},
    exchange::{Taken, TakenIn},
    identity::AssistIdentity,
    keys::CooperationKeys,
    transport::{Brought, Exchanged, Transport, TransportError},
    work::{NewAssist, NewLine, NewReply},
};
use crate::{App, AppError, refusal::Refusal};
pub use sizao_policy::assists::{
    ALARM_MINUTES, AssistClears, AssistFault, ESCALATE_MINUTES, LIMIT_MINUTES, LINES_MAX, LineState, REMIND_MINUTES,
};

/// Where this node's name, division and address are kept.
const CARD_NOTE: &str = "assist_card";

/// What a node tells others about itself: to be handed over by a way that both trust.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeCard {
    /// The id of its store.
    pub node: Uuid,
    /// What it is called.
    pub name: String,
    /// For which division it stands.
    pub division: String,
    /// Ed25519 key with which it signs, hexadecimal.
    pub signing: String,
    /// X25519 key to which seals are made, hexadecimal.
    pub sealing: String,
    /// SHA-256 of its certificate, hexadecimal.
    pub certificate: String,
    /// Host and port of its door for peers; empty: it only goes to others.
    pub address: String,
}

/// What an operator says about this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnCard {
    /// What it is called.
    pub name: String,
    /// For which division it stands.
    pub division: DivisionCode,
    /// Host and port of its door for peers.
    pub address: String,
}

impl App {
    /// Who this node is to others.
    pub fn assist_node(&self) -> NodeId {
        NodeId::new(self.store().id())
    }

    /// This node's keys towards others.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn cooperation_keys(&self) -> Result<&CooperationKeys, AppError> {
        self.cooperation.get_or_try_init(|| CooperationKeys::load(self.store())).await
    }

    /// Begins a change of what nodes said; the keys are there before, since making them is a change of its own.
    pub(crate) async fn begin_assists(&self) -> Result<AssistTx<'_>, AppError> {
        self.cooperation_keys().await?;
        Ok(self.store().begin_assists().await?)
    }

    /// Says what this node is called, for which division it stands, and where its door for peers is.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn set_own_card(&self, card: &OwnCard) -> Result<(), AppError> {
        let text = serde_json::to_string(card).expect("a card is plain words");
        Ok(self.store().set_note(CARD_NOTE, &text).await?)
    }

    /// What was said about this node, if anything was.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn own_card(&self) -> Result<Option<OwnCard>, AppError> {
        let text = self.store().note(CARD_NOTE).await?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// The card to hand to other nodes.
    ///
    /// # Errors
    /// [`Refusal::Field`] before this node has a name; [`AppError::Store`].
    pub async fn node_card(&self, certificate: &[u8]) -> Result<NodeCard, AppError> {
        let own = self.own_card().await?.ok_or(Refusal::field("name", "empty"))?;
        let keys = self.cooperation_keys().await?;
        Ok(NodeCard {
            node: self.store().id(),
            name: own.name,
            division: own.division.to_string(),
            signing: hex(keys.verifying().as_bytes()),
            sealing: hex(&keys.sealing()),
            certificate: hex(&sizao_store::sha256(&[certificate])),
            address: own.address,
        })
    }

    /// Puts another node on record by its card.
    ///
    /// # Errors
    /// [`Refusal::Field`] for a card that cannot be right; [`AppError::Store`].
    pub async fn add_peer(&self, card: &NodeCard, now: Instant) -> Result<(), AppError> {
        let bytes = |field, text: &str| {
            from_hex(text).filter(|bytes| bytes.len() == 32).ok_or(Refusal::field(field, "malformed"))
        };
        let name = card.name.trim();
        if name.is_empty() || name.chars().count() > 60 || name.chars().any(char::is_control) {
            return Err(Refusal::field("name", "too-long").into());
        }
        if card.node == self.store().id() {
            return Err(Refusal::field("node", "choose").into());
        }
        let peer = PeerRecord {
            node: card.node,
            name: name.to_owned(),
            division: DivisionCode::parse(&card.division)
                .map_err(|_| Refusal::field("division", "division-unknown"))?,
            signing: bytes("signing", &card.signing)?,
            sealing: bytes("sealing", &card.sealing)?,
            certificate: bytes("certificate", &card.certificate)?,
            address: card.address.trim().to_owned(),
            added_at: now,
            closed_at: None,
            heard_at: None,
        };
        ed25519_dalek::VerifyingKey::try_from(peer.signing.as_slice())
            .map_err(|_| Refusal::field("signing", "malformed"))?;
        Ok(self.store().save_peer(&peer).await?)
    }

    /// The peers with which we work.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn open_peers(&self) -> Result<Vec<PeerRecord>, AppError> {
        let mut peers = self.store().list_peers().await?;
        peers.retain(|peer| peer.closed_at.is_none());
        Ok(peers)
    }

    /// What nodes are called: the peers and this one.
    pub(crate) async fn node_names(&self) -> Result<HashMap<Uuid, String>, AppError> {
        let mut names: HashMap<Uuid, String> =
            self.store().list_peers().await?.into_iter().map(|peer| (peer.node, peer.name)).collect();
        if let Some(own) = self.own_card().await? {
            names.insert(self.store().id(), own.name);
        }
        Ok(names)
    }

    pub(crate) async fn open_peer(&self, node: Uuid) -> Result<PeerRecord, AppError> {
        let peers = self.open_peers().await?;
        Ok(peers.into_iter().find(|peer| peer.node == node).ok_or(Refusal::field("peer", "choose"))?)
    }
}
