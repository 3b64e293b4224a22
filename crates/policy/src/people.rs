//! Which records are one human being: links by document or by the person, not unlinked, transitively.

use sizao_model::{FactBody, FactId, Instant, PersonId, fact::LinkBasis};

use crate::known::Seen;

/// The records of one person, each with the links over which its facts flow here.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    members: Vec<Member>,
}

#[derive(Clone, Debug)]
struct Member {
    person: PersonId,
    linked_at: Instant,
    links: Vec<FactId>,
}

/// How a fact of a group is reached: since when, over which links.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach<'g> {
    pub since: Instant,
    pub links: &'g [FactId],
}

impl Group {
    /// The records linked to `person`, itself first. Of several ways to a record the one complete first counts.
    pub fn of(person: PersonId, facts: &[Seen<'_>]) -> Self {
        let mut members = vec![Member { person, linked_at: Instant::MIN, links: Vec::new() }];
        let links: Vec<(PersonId, PersonId, Instant, FactId)> = links(facts);
        if links.is_empty() {
            return Self { members };
        }
        // Links sorted by time: adding them one by one, the first way found to a record is the earliest complete one.
        let mut added = true;
        while added {
            added = false;
            for (one, other, recorded_at, id) in &links {
                for (from, to) in [(one, other), (other, one)] {
                    if members.iter().any(|member| member.person == *to) {
                        continue;
                    }
                    let Some(member) = members.iter().find(|member| member.person == *from) else { continue };
                    let mut path = member.links.clone();
                    path.push(*id);
                    let linked_at = member.linked_at.max(*recorded_at);
                    members.push(Member { person: *to, linked_at, links: path });
                    added = true;
                }
                if added {
                    break;
                }
            }
        }
        Self { members }
    }

    /// Whether the fact is about this person, and how it is reached.
    pub fn reach(&self, seen: &Seen<'_>) -> Option<Reach<'_>> {
        let person = seen.person?;
        self.members
            .iter()
            .find(|member| member.person == person)
            .map(|member| Reach { since: member.linked_at, links: &member.links })
    }

    /// The records, the one asked for first.
    pub fn persons(&self) -> impl Iterator<Item = PersonId> {
        self.members.iter().map(|member| member.person)
    }
}

fn links(facts: &[Seen<'_>]) -> Vec<(PersonId, PersonId, Instant, FactId)> {
    facts
        .iter()
        .filter_map(|seen| match &*seen.body {
            FactBody::IdentityLink(link) if link.basis != LinkBasis::Automatic => {
                Some((seen.person?, link.other, seen.recorded_at, seen.id))
            }
            _ => None,
        })
        .filter(|(.., id)| !is_unlinked(*id, facts))
        .collect()
}

fn is_unlinked(link: FactId, facts: &[Seen<'_>]) -> bool {
    facts.iter().any(|seen| matches!(&*seen.body, FactBody::IdentityUnlink(unlink) if unlink.link == link))
}
