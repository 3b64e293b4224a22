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

#[cfg(test)]
mod tests {
    use sizao_model::Fact;

    use super::*;
    use crate::known;

    fn link(id: &str, one: &str, other: &str, hour: u8, basis: &str) -> Fact {
        let at = format!("2022-03-08T{hour:02}:00:00+08:00");
        let json = format!(
            r#"{{"id":"{id}","kind":"identity_link","person":"{one}","happened":{{"at":"{at}"}},"recorded_at":"{at}","body":{{"other":"{other}","basis":"{basis}"}}}}"#
        );
        Fact::from_json(&json).unwrap()
    }

    fn linked(facts: &[Fact], from: &str) -> Vec<(PersonId, Instant)> {
        let facts: Vec<&Fact> = facts.iter().collect();
        let group = Group::of(PersonId::from_label(from), &known::read(&facts, Instant::MAX));
        group.members.iter().map(|member| (member.person, member.linked_at)).collect()
    }

    #[test]
    fn of_several_ways_the_one_complete_first_counts() {
        let facts = [
            link("f1", "a", "b", 12, "document"),
            link("f2", "a", "c", 9, "person"),
            link("f3", "c", "b", 10, "document"),
        ];
        let at = |hour: i64| Instant::parse("2022-03-08T00:00:00+08:00").unwrap().plus_hours(hour);
        let person = PersonId::from_label;
        assert_eq!(linked(&facts, "a"), [(person("a"), Instant::MIN), (person("c"), at(9)), (person("b"), at(10))]);
    }

    #[test]
    fn automatic_and_unlinked_ways_carry_nothing() {
        let unlink = Fact::from_json(r#"{"id":"f2","kind":"identity_unlink","person":"a","happened":{"at":"2022-03-09T00:00:00+08:00"},"recorded_at":"2022-03-09T00:00:00+08:00","body":{"link":"f1"}}"#).unwrap();
        assert_eq!(linked(&[link("f1", "a", "b", 9, "automatic")], "a").len(), 1);
        assert_eq!(linked(&[link("f1", "a", "b", 9, "document"), unlink], "a").len(), 1);
    }
}
