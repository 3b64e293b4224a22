//! Likely duplicates (疑似重复): whom a row that a tracer types may already be, and why it looks so.

use std::collections::BTreeMap;

use pinyin::ToPinyin;
use sizao_model::{
    FactId, Happened, Instant, PersonId,
    draft::PersonName,
    fact::{IdentityLink, IdentityUnlink, LinkBasis},
    identity::{Document, DocumentKind},
};
use sizao_store::{PersonDetails, Receipt};

use super::{OwnFact, PURPOSE};
use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, Scope},
    identity::{Actor, named},
    people::number,
    refusal::Refusal,
};

/// People looked at for one row.
const LOOKED_MAX: u32 = 40;
/// People shown for one row.
const SHOWN_MAX: usize = 4;
/// From so many points on it is said.
const POINTS_MIN: u32 = 2;

named! {
    /// Why two look like one.
    AlikeReason {
        /// The number of a document is the same (证件相同).
        Document = "document",
        /// The telephone is the same (电话相同).
        Phone = "phone",
        /// The last four digits of the telephone are the same (电话尾号相同).
        PhoneEnd = "phone-end",
        /// The name is the same (同名).
        Name = "name",
        /// The name sounds the same (同音).
        Sound = "sound",
        /// The name sounds nearly the same: n and ng, z and zh, l and n (近音).
        NearSound = "near-sound",
        /// One character differs (一字之差).
        OneCharacter = "one-character",
    }
}

impl AlikeReason {
    const fn points(self) -> u32 {
        match self {
            Self::Document => 10,
            Self::Phone => 5,
            Self::Name => 3,
            Self::Sound | Self::PhoneEnd => 2,
            Self::NearSound | Self::OneCharacter => 1,
        }
    }
}

/// Somebody in the vault who may be meant.
#[derive(Clone, Debug)]
pub struct Alike {
    /// Who.
    pub person: PersonId,
    /// Number to speak of the person by.
    pub number: String,
    /// Family name and stars.
    pub name: Option<String>,
    /// Telephone, masked.
    pub phone: Option<String>,
    /// Why, strongest first.
    pub reasons: Vec<AlikeReason>,
    /// What the reasons weigh.
    pub points: u32,
}

impl App {
    /// Whom a row may already be, within the actor's division; most alike first. The asking is recorded.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn find_alike(
        &self,
        actor: &Actor,
        name: &str,
        phone: &str,
        document: &str,
        wall: Instant,
    ) -> Result<Vec<Alike>, AppError> {
        let scope = Scope::of(actor, Action::TraceCases, PURPOSE)?;
        let name: String = name.split_whitespace().collect();
        let phone: String = phone.chars().filter(char::is_ascii_digit).collect();
        let mut found: BTreeMap<PersonId, Vec<AlikeReason>> = BTreeMap::new();
        if let Some(document) = DocumentKind::ALL.into_iter().find_map(|kind| Document::new(kind, document).ok())
            && let Some(person) = self.store().find_person(&PersonName::Document(document)).await?
            && self.is_within(person, scope.division()).await?
        {
            found.entry(person).or_default().push(AlikeReason::Document);
        }
        let mut terms = vec![name.to_lowercase(), sound(&name)];
        if phone.len() >= 7 {
            terms.push(phone[phone.len() - 4..].to_owned());
        }
        terms.retain(|term| term.len() > 1);
        for term in terms {
            for person in self.store().search_people(&term, scope.division(), LOOKED_MAX).await? {
                found.entry(person).or_default();
            }
        }
        let people: Vec<PersonId> = found.keys().copied().collect();
        let details = self.store().reveal_details(&people).await?;
        let protected = self.store().protected_among(&people).await?;
        let told = Reason::of(&format!("duplicates sought, {} looked at", people.len()));
        self.log_deed(actor, Action::TraceCases, PURPOSE, None, told, wall).await?;
        let mut alike: Vec<Alike> = found
            .into_iter()
            .filter(|(person, _)| !protected.contains(person))
            .map(|(person, mut reasons)| {
                let known = details.get(&person);
                reasons.extend(reasons_of(&name, &phone, known));
                reasons.sort_by_key(|reason| std::cmp::Reverse(reason.points()));
                let name = known.and_then(|known| known.full_name.as_deref());
                Alike {
                    person,
                    number: number(person),
                    name: name.map(sizao_model::identity::mask_name),
                    phone: known.and_then(|known| known.phones.first()).map(|phone| masked(phone)),
                    points: reasons.iter().map(|reason| reason.points()).sum(),
                    reasons,
                }
            })
            .filter(|alike| alike.points >= POINTS_MIN)
            .collect();
        alike.sort_by_key(|alike| (std::cmp::Reverse(alike.points), alike.person));
        alike.truncate(SHOWN_MAX);
        Ok(alike)
    }

    /// Says that two records are one human being; both stay, and the saying can be taken back.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn link_as_same(
        &self,
        actor: &Actor,
        person: PersonId,
        other: PersonId,
        basis: &str,
        wall: Instant,
    ) -> Result<FactId, AppError> {
        for one in [person, other] {
            self.may_touch(actor, Action::TraceCases, one, PURPOSE, wall).await?;
        }
        if person == other {
            return Err(Refusal::field("other", "choose").into());
        }
        let basis = match basis {
            "document" => LinkBasis::Document,
            "person" => LinkBasis::Person,
            _ => return Err(Refusal::field("basis", "choose").into()),
        };
        self.log_deed(actor, Action::TraceCases, PURPOSE, Some(person), Reason::of("records linked"), wall).await?;
        self.word_about(actor, person, IdentityLink { other, basis, reasons: Vec::new() }.into(), wall).await
    }

    /// Takes a link back; both records are assessed again.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn unlink_same(
        &self,
        actor: &Actor,
        person: PersonId,
        link: FactId,
        wall: Instant,
    ) -> Result<FactId, AppError> {
        self.may_touch(actor, Action::TraceCases, person, PURPOSE, wall).await?;
        self.log_deed(actor, Action::TraceCases, PURPOSE, Some(person), Reason::of("link taken back"), wall).await?;
        self.word_about(actor, person, IdentityUnlink { link }.into(), wall).await
    }

    pub(super) async fn word_about(
        &self,
        actor: &Actor,
        person: PersonId,
        body: sizao_model::FactBody,
        wall: Instant,
    ) -> Result<FactId, AppError> {
        let now = self.now();
        let place = self.store().divisions_of(person).await?.into_iter().find(|place| place.is_under(actor.division));
        let id = self.store().new_fact_id(now);
        let fact = OwnFact {
            id,
            person: Some(person),
            division: place.unwrap_or(actor.division),
            happened: Happened::at(now),
            body,
            key: id.to_string(),
        };
        match self.record_as(actor, vec![fact], wall).await?.first() {
            Some(Receipt::Stored { id, .. } | Receipt::Repeat { id }) => {
                self.follow_log().await?;
                Ok(*id)
            }
            _ => Err(Refusal::Changed.into()),
        }
    }
}

fn reasons_of(name: &str, phone: &str, known: Option<&PersonDetails>) -> Vec<AlikeReason> {
    let mut reasons = Vec::new();
    let Some(known) = known else { return reasons };
    let digits = |text: &String| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let phones: Vec<String> = known.phones.iter().map(digits).collect();
    if phone.len() >= 7 {
        if phones.iter().any(|known| known == phone) {
            reasons.push(AlikeReason::Phone);
        } else if phones.iter().any(|known| known.len() >= 4 && known[known.len() - 4..] == phone[phone.len() - 4..]) {
            reasons.push(AlikeReason::PhoneEnd);
        }
    }
    if let Some(full_name) = &known.full_name
        && !name.is_empty()
    {
        reasons.extend(reason_of_names(name, full_name));
    }
    reasons
}

/// Why two names are alike.
fn reason_of_names(one: &str, other: &str) -> Option<AlikeReason> {
    let (one, other) = (one.to_lowercase(), other.split_whitespace().collect::<String>().to_lowercase());
    if one == other {
        return Some(AlikeReason::Name);
    }
    let (sound_one, sound_other) = (sound(&one), sound(&other));
    if sound_one == sound_other {
        return Some(AlikeReason::Sound);
    }
    if near(&sound_one) == near(&sound_other) {
        return Some(AlikeReason::NearSound);
    }
    let same_length = one.chars().count() == other.chars().count() && one.chars().count() > 2;
    let differing = one.chars().zip(other.chars()).filter(|(a, b)| a != b).count();
    (same_length && differing == 1).then_some(AlikeReason::OneCharacter)
}

/// A name by its sound, without tones.
fn sound(name: &str) -> String {
    let pairs = name.chars().zip(name.to_pinyin());
    pairs.map(|(character, pinyin)| pinyin.map_or(character.to_string(), |pinyin| pinyin.plain().to_owned())).collect()
}

/// Sounds that are mixed up where Henan's speech is spoken or a telephone is bad.
fn near(sound: &str) -> String {
    let pairs =
        [("zh", "z"), ("ch", "c"), ("sh", "s"), ("ang", "an"), ("eng", "en"), ("ing", "in"), ("l", "n"), ("hu", "f")];
    pairs.iter().fold(sound.to_owned(), |sound, (from, to)| sound.replace(from, to))
}

fn masked(phone: &str) -> String {
    let digits: Vec<char> = phone.chars().collect();
    let hidden = |(at, c): (usize, &char)| if at < 3 || at + 4 >= digits.len() { *c } else { '*' };
    if digits.len() < 8 { "*".repeat(digits.len()) } else { digits.iter().enumerate().map(hidden).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_sound_alike_or_are_misread_are_told_apart_by_reason() {
        assert_eq!(reason_of_names("李晓华", "李晓华"), Some(AlikeReason::Name));
        assert_eq!(reason_of_names("李晓华", "李小华"), Some(AlikeReason::Sound));
        assert_eq!(reason_of_names("张建国", "章建国"), Some(AlikeReason::Sound));
        assert_eq!(reason_of_names("陈英", "程英"), Some(AlikeReason::NearSound));
        assert_eq!(reason_of_names("王建军", "王建国"), Some(AlikeReason::OneCharacter));
        assert_eq!(reason_of_names("王建军", "赵明"), None);
    }
}
