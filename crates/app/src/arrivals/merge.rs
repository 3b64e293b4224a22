//! Finding records that are one human being: guesses with reasons, as link facts that can be taken back.
//!
//! A guess counts arrivals once and shows the records side by side. It never lets a restriction flow from one to the other.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sizao_model::{
    CivilDay, FactBody, FactId, FactKind, Happened, PersonId,
    fact::{IdentityLink, IdentityUnlink, LinkBasis},
    identity::PhoneRole,
};
use sizao_presence::{Known, Likeness, compare};
use sizao_store::{Channel, MatchDetails, MentionKey};

use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, usual_purpose},
    identity::Actor,
    loops::Addition,
    refusal::Refusal,
};

/// Records under one word that are compared; a name with a birthday that more have says nothing.
const COMPARED_MAX: usize = 40;

/// The words under which a record is found.
struct Words {
    likely: Vec<String>,
    phones: Vec<String>,
}

impl App {
    /// Compares these records with those that share name and telephone or name and birthday; links what is one human being.
    /// How many links were made.
    pub(super) async fn link_records(&self, people: &[PersonId]) -> Result<u64, AppError> {
        let known = self.known_of(people).await?;
        let words: BTreeMap<PersonId, Words> = known.iter().map(|(person, known)| (*person, words_of(known))).collect();
        let keys: Vec<(PersonId, Vec<String>)> = words
            .iter()
            .map(|(person, words)| (*person, words.likely.iter().chain(&words.phones).cloned().collect()))
            .collect();
        self.store().save_arrival_keys(&keys).await?;
        let likely: Vec<String> = words.values().flat_map(|words| words.likely.iter().cloned()).collect();
        let found = self.store().find_arrival_keys(&likely).await?;
        let mut pairs: BTreeSet<(PersonId, PersonId)> = BTreeSet::new();
        for (person, words) in &words {
            for word in &words.likely {
                let others = found.get(word).map_or(&[][..], Vec::as_slice);
                if others.len() <= COMPARED_MAX {
                    pairs.extend(
                        others.iter().filter(|other| *other != person).map(|o| (*person.min(o), *person.max(o))),
                    );
                }
            }
        }
        if pairs.is_empty() {
            return Ok(0);
        }
        let concerned: BTreeSet<PersonId> = pairs.iter().flat_map(|(one, other)| [*one, *other]).collect();
        let concerned: Vec<PersonId> = concerned.into_iter().collect();
        let mut known = self.known_of(&concerned).await?;
        self.leave_out_shared(&mut known).await?;
        for (person, signal, _) in self.signals_of(&concerned).await? {
            if let Some(record) = known.get_mut(&person).filter(|_| !signal.closed) {
                record.journeys.push((signal.arrived.0, signal.from, signal.into));
            }
        }
        let before: HashSet<[PersonId; 2]> =
            self.links_made(&concerned).await?.into_iter().map(|link| sorted(link.pair)).collect();
        let mut additions = Vec::new();
        for (one, other) in pairs {
            let (Some(known_one), Some(known_other)) = (known.get(&one), known.get(&other)) else { continue };
            // What somebody parted is not put together again by a program.
            if before.contains(&[one, other]) {
                continue;
            }
            let Likeness::Same(reasons) = compare(known_one, known_other) else { continue };
            let division = self.store().divisions_of(other).await?.pop();
            additions.push(Addition {
                person: Some(other),
                division: division.unwrap_or(sizao_model::DivisionCode::HENAN),
                happened: Happened::at(self.now()),
                body: IdentityLink {
                    other: one,
                    basis: LinkBasis::Automatic,
                    reasons: reasons.iter().map(|reason| reason.name().into()).collect(),
                }
                .into(),
                key: format!("same/{one}/{other}"),
                channel: Channel::System,
            });
        }
        let made = additions.len() as u64;
        self.append_all("arrivals", additions).await?;
        Ok(made)
    }

    /// Parts two records again: a fact, after which both sides are laid out anew.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn part_records(&self, actor: &Actor, link: FactId, wall: sizao_model::Instant) -> Result<(), AppError> {
        let purpose = usual_purpose(actor, Action::AnswerArrivals)?;
        let stored = self.store().load_fact(link).await?.ok_or(Refusal::NotFound)?;
        let (Some(person), FactBody::IdentityLink(body)) = (stored.fact.person, &stored.fact.body) else {
            return Err(Refusal::NotFound.into());
        };
        // Whoever is responsible for the arrival may say that it is two people's.
        let rows = self.store().arrivals_of(&[person, body.other]).await?;
        let is_ours = rows.iter().any(|row| row.division.is_under(actor.division));
        if body.basis != LinkBasis::Automatic || !is_ours {
            return Err(Refusal::NotFound.into());
        }
        self.log_deed(actor, Action::AnswerArrivals, purpose, Some(person), Reason::of("parted"), wall).await?;
        let body = IdentityUnlink { link };
        let addition = Addition {
            person: Some(person),
            division: stored.division,
            happened: Happened::at(self.now()),
            body: body.into(),
            key: format!("part/{link}"),
            channel: Channel::Page,
        };
        self.append_all("arrivals", vec![addition]).await?;
        self.follow_arrivals().await?;
        Ok(())
    }

    /// What is known of these records.
    async fn known_of(&self, people: &[PersonId]) -> Result<HashMap<PersonId, Known>, AppError> {
        let details = self.store().match_details(people).await?;
        let keys = people.iter().map(|person| MentionKey::about(*person)).collect();
        let (facts, _) = self.store().load_mentioning(keys, &[FactKind::Person]).await?;
        let mut births: HashMap<PersonId, CivilDay> = HashMap::new();
        for stored in &facts {
            if let (Some(person), FactBody::Person(body)) = (stored.fact.person, &stored.fact.body) {
                births.extend(body.birth_day.map(|day| (person, day)));
            }
        }
        let known = |(person, details): (PersonId, MatchDetails)| {
            let own = details.phones.iter().filter(|(role, _)| *role == PhoneRole::Own);
            let name = details.full_name.as_deref().map_or(String::new(), plain_name);
            let known = Known {
                name,
                birth_on: births.get(&person).copied(),
                phones: own.map(|(_, number)| number.clone()).collect(),
                documents: details.documents,
                journeys: Vec::new(),
            };
            (person, known)
        };
        Ok(details.into_iter().map(known).collect())
    }

    /// Takes out telephones that somebody of another name calls their own, too: they tell nothing.
    async fn leave_out_shared(&self, known: &mut HashMap<PersonId, Known>) -> Result<(), AppError> {
        let words: Vec<String> = known.values().flat_map(|known| known.phones.iter().map(|p| phone_word(p))).collect();
        let holders = self.store().find_arrival_keys(&words).await?;
        let all: BTreeSet<PersonId> = holders.values().flatten().copied().collect();
        let names = self.store().match_details(&all.into_iter().collect::<Vec<_>>()).await?;
        let name_of = |person: &PersonId| names.get(person).and_then(|d| d.full_name.as_deref()).map(plain_name);
        for record in known.values_mut() {
            let name = record.name.clone();
            record.phones.retain(|phone| {
                let holders = holders.get(&phone_word(phone)).map_or(&[][..], Vec::as_slice);
                holders.iter().all(|holder| name_of(holder).is_none_or(|other| other == name))
            });
        }
        Ok(())
    }
}

/// A name as it is compared: without blanks and points, in small letters.
fn plain_name(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn phone_word(phone: &str) -> String {
    format!("phone\u{1f}{phone}")
}

fn words_of(known: &Known) -> Words {
    let phones = known.phones.iter().map(|phone| phone_word(phone)).collect();
    if known.name.is_empty() {
        return Words { likely: Vec::new(), phones };
    }
    let name = &known.name;
    let birth = known.birth_on.or_else(|| known.documents.iter().find_map(|document| document.birth_day()));
    let by_phone = known.phones.iter().map(|phone| format!("name phone\u{1f}{name}\u{1f}{phone}"));
    let by_birth = birth.map(|day| format!("name birth\u{1f}{name}\u{1f}{day}"));
    Words { likely: by_phone.chain(by_birth).collect(), phones }
}

fn sorted([one, other]: [PersonId; 2]) -> [PersonId; 2] {
    [one.min(other), one.max(other)]
}
