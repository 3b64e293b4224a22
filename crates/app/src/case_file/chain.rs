//! Who infected whom around a case, as far as it is on record: a few steps, drawn by the page.

use std::collections::BTreeSet;

use sizao_model::{Instant, PersonId};

use super::{KnownContact, PURPOSE};
use crate::{App, AppError, authorization::Action, identity::Actor};

/// Nodes that a picture bears.
const NODES_MAX: usize = 40;
/// Contacts of a contact that are followed.
const FURTHER_MAX: usize = 8;

/// What somebody in the picture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeKind {
    /// Infected.
    Case,
    /// Close contact.
    Close,
    /// Contact of a contact.
    Secondary,
}

/// Somebody in the picture.
#[derive(Clone, Debug)]
pub struct ChainNode {
    /// Who.
    pub person: PersonId,
    /// Masked name, else number.
    pub name: String,
    /// What the person is.
    pub kind: NodeKind,
    /// Steps from the case: −1 for who may have infected it.
    pub level: i8,
}

/// An exposure in the picture.
#[derive(Clone, Debug)]
pub struct ChainEdge {
    /// Position of the one from whom.
    pub from: usize,
    /// Position of the one to whom.
    pub to: usize,
    /// What is said of it.
    pub word: String,
    /// Whether it counts as evidence.
    pub counts: bool,
}

/// The picture.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    /// Everybody, the case first.
    pub nodes: Vec<ChainNode>,
    /// Every exposure between them.
    pub edges: Vec<ChainEdge>,
    /// Contacts that are not in it.
    pub left_out: usize,
}

impl App {
    /// The chain around a case: its sources, its contacts, and theirs where they were infected too.
    ///
    /// # Errors
    /// [`crate::Refusal`], [`AppError::Store`].
    pub async fn case_chain(
        &self,
        actor: &Actor,
        person: PersonId,
        name: &str,
        sources: &[KnownContact],
        contacts: &[KnownContact],
        wall: Instant,
    ) -> Result<Chain, AppError> {
        self.may_touch(actor, Action::TraceCases, person, PURPOSE, wall).await?;
        let mut chain = Chain::default();
        chain.nodes.push(ChainNode { person, name: name.to_owned(), kind: NodeKind::Case, level: 0 });
        for source in sources {
            let from = chain.node(source, NodeKind::Case, -1);
            chain.edge(from, Some(0), source);
        }
        let people: Vec<PersonId> = contacts.iter().map(|one| one.person).collect();
        let infected = self.infected_among(&people).await?;
        // Whoever was infected too comes first: that is where the chain goes on.
        let mut ordered: Vec<&KnownContact> = contacts.iter().collect();
        ordered.sort_by_key(|one| (!infected.contains(&one.person), !one.counts));
        for contact in ordered {
            let kind = if infected.contains(&contact.person) { NodeKind::Case } else { NodeKind::Close };
            let to = chain.node(contact, kind, 1);
            chain.edge(Some(0), to, contact);
        }
        for (at, person) in chain.follow() {
            let further = self.known_contacts(person).await?;
            let infected = self.infected_among(&further.iter().map(|one| one.person).collect::<Vec<_>>()).await?;
            for contact in further.iter().take(FURTHER_MAX) {
                let kind = if infected.contains(&contact.person) { NodeKind::Case } else { NodeKind::Secondary };
                let to = chain.node(contact, kind, 2);
                chain.edge(Some(at), to, contact);
            }
        }
        Ok(chain)
    }

    async fn infected_among(&self, people: &[PersonId]) -> Result<BTreeSet<PersonId>, AppError> {
        let lines = self.store().list_lines(people).await?;
        let infected = lines.into_iter().filter(|line| line.course.as_ref().is_some_and(|course| course.status >= 2));
        Ok(infected.map(|line| line.person).collect())
    }
}

impl Chain {
    fn node(&mut self, one: &KnownContact, kind: NodeKind, level: i8) -> Option<usize> {
        if let Some(at) = self.nodes.iter().position(|node| node.person == one.person) {
            return Some(at);
        }
        if self.nodes.len() >= NODES_MAX {
            self.left_out += 1;
            return None;
        }
        let name = one.name.clone().unwrap_or_else(|| one.number.clone());
        self.nodes.push(ChainNode { person: one.person, name, kind, level });
        Some(self.nodes.len() - 1)
    }

    fn edge(&mut self, from: Option<usize>, to: Option<usize>, one: &KnownContact) {
        let (Some(from), Some(to)) = (from, to) else { return };
        if from == to || self.edges.iter().any(|edge| (edge.from, edge.to) == (from, to)) {
            return;
        }
        let meeting = one.exposure.meeting.as_deref();
        let word = meeting.and_then(|meeting| meeting.relation.as_deref().or(meeting.place.as_deref()));
        let word = word.unwrap_or_default().chars().take(10).collect();
        self.edges.push(ChainEdge { from, to, word, counts: one.counts });
    }

    /// Infected contacts whose own contacts are looked for.
    fn follow(&self) -> Vec<(usize, PersonId)> {
        let cases = self.nodes.iter().enumerate().filter(|(_, node)| node.level == 1 && node.kind == NodeKind::Case);
        cases.map(|(at, node)| (at, node.person)).collect()
    }
}
