//! Whom a case of ours met who lives elsewhere: from here a new request begins.

use sizao_model::{
    DivisionCode, FactBody, FactKind, PersonId, fact::EvidenceKind, measure::ContactClass, time::CivilDay,
};
use sizao_store::{AssistWhich, MentionKey, PeerRecord};

use crate::{
    App, AppError,
    authorization::Action,
    identity::Actor,
    people::{PersonLine, number},
    refusal::Refusal,
};

/// Contacts of a case that are looked at.
const CONTACTS_MAX: usize = 2_000;

/// A contact who lives in another city.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    /// Masked.
    pub line: PersonLine,
    /// Where the contact lives.
    pub division: DivisionCode,
    /// The node for it, where one is on record.
    pub peer: Option<PeerRecord>,
    /// Class by the facts.
    pub class: Option<ContactClass>,
    /// How the exposure is known.
    pub evidence: EvidenceKind,
    /// Last day of exposure.
    pub last_exposure_on: Option<CivilDay>,
    /// Whether an open request of ours asks for them.
    pub is_asked: bool,
}

impl App {
    /// The contacts of a case who live outside the division of this node.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn contacts_elsewhere(&self, actor: &Actor, case: PersonId) -> Result<Vec<Elsewhere>, AppError> {
        self.may_assist(actor, Action::SendAssists).await?;
        let home = self.assist_division().await?.ok_or(Refusal::NotFound)?;
        if !self.is_within(case, actor.division).await? {
            return Err(Refusal::NotFound.into());
        }
        self.catch_up(|_| {}).await?;
        let leaves = self.store().leaves_mentioning(vec![MentionKey::named(case)], &[FactKind::Exposure]).await?;
        let (facts, _) = self.store().load_at(&leaves[..leaves.len().min(CONTACTS_MAX)]).await?;
        let peers = self.open_peers().await?;
        let asked = self.asked_for().await?;
        let mut found: Vec<Elsewhere> = Vec::new();
        for stored in facts {
            let (FactBody::Exposure(exposure), Some(person)) = (&stored.fact.body, stored.fact.person) else {
                continue;
            };
            let places = self.store().divisions_of(person).await?;
            let Some(division) = places.into_iter().find(|place| !place.is_under(home)) else { continue };
            let on = stored.fact.happened.last_day().or(Some(stored.fact.happened.first_day()));
            if let Some(known) = found.iter_mut().find(|one| one.line.person == person) {
                known.last_exposure_on = known.last_exposure_on.max(on);
                known.class = known.class.or(exposure.class);
                continue;
            }
            let Some(line) = self.lines(&[person]).await?.pop() else { continue };
            // The closest division wins: a county's own node before its city's.
            let peer = peers.iter().filter(|peer| division.is_under(peer.division));
            let peer = peer.max_by_key(|peer| peer.division.to_string().len()).cloned();
            found.push(Elsewhere {
                line,
                division,
                peer,
                class: exposure.class,
                evidence: exposure.evidence,
                last_exposure_on: on,
                is_asked: asked.contains(&person),
            });
        }
        found.sort_by(|a, b| (a.division, &a.line.number).cmp(&(b.division, &b.line.number)));
        Ok(found)
    }

    /// Our people whom an open request asks for.
    async fn asked_for(&self) -> Result<Vec<PersonId>, AppError> {
        let mut asked = Vec::new();
        for record in self.store().list_assists(AssistWhich::Open, super::board::REQUESTS_MAX).await? {
            if record.ours && record.kind == 0 {
                let lines = self.store().list_assist_lines(record.id, 0, 2_000).await?;
                asked.extend(lines.into_iter().filter_map(|line| line.person));
            }
        }
        Ok(asked)
    }

    /// The number to speak of a case of ours by, where the actor may.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn case_number(&self, actor: &Actor, case: PersonId) -> Result<String, AppError> {
        self.may_assist(actor, Action::SendAssists).await?;
        if self.is_within(case, actor.division).await? { Ok(number(case)) } else { Err(Refusal::NotFound.into()) }
    }
}
