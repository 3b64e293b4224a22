//! People: masked lists and search, one person's page, and opening an identity for a purpose that is recorded.

use std::collections::HashMap;

use sizao_model::{
    Assessment, DivisionCode, Instant, PersonId,
    draft::PersonName,
    identity::{Document, DocumentKind, mask_name},
};
pub use sizao_store::AccessLine as Look;
use sizao_store::{AccessLine, CourseRecord, ListedPerson, PeopleFilter, PersonDetails};

use crate::{
    App, AppError,
    access::Reason,
    assessments::Explained,
    authorization::{Action, Purpose, Scope, can, purposes, usual_purpose},
    board::Group,
    identity::Actor,
    refusal::Refusal,
};

/// People on a page.
pub const PAGE: u32 = 50;
/// Longest search text, in characters.
const SEARCH_MAX: usize = 60;
/// Lines of who looked at a person.
const LOOKS_MAX: u32 = 50;

/// A line of a list, masked.
#[derive(Clone, Debug)]
pub struct PersonLine {
    /// Who.
    pub person: PersonId,
    /// Number to speak of the person by; says nothing about who it is.
    pub number: String,
    /// Family name and stars; none where the vault has no name.
    pub name: Option<String>,
    /// Where the person is looked after.
    pub division: Option<DivisionCode>,
    /// The course, of cases and contacts.
    pub course: Option<CourseRecord>,
    /// What holds by the stored assessment.
    pub assessment: Option<Assessment>,
}

/// Some of a list.
#[derive(Clone, Debug)]
pub struct PeoplePage {
    /// The lines.
    pub lines: Vec<PersonLine>,
    /// How many the whole list has; none for a search.
    pub total: Option<u64>,
    /// Where the next page begins.
    pub next: Option<PersonId>,
    /// Which division it was limited to.
    pub within: DivisionCode,
}

/// One person, masked.
#[derive(Clone, Debug)]
pub struct PersonView {
    /// The head.
    pub line: PersonLine,
    /// Telephones, masked.
    pub phones: Vec<String>,
    /// What holds, why, and the facts.
    pub explained: Explained,
    /// Who looked, latest first; this reading included.
    pub looks: Vec<AccessLine>,
    /// For which purposes the actor may open the identity.
    pub may_open_for: &'static [Purpose],
    /// When it was computed.
    pub at: Instant,
    /// Whether nobody opens this person without breaking the glass.
    pub protected: bool,
    /// Until when the actor may, because the glass was broken.
    pub by_glass: Option<Instant>,
}

/// An identity, opened. `Debug` shows nothing of it.
#[derive(Clone, Default)]
pub struct Identity {
    /// Family and given name.
    pub full_name: Option<String>,
    /// Telephones.
    pub phones: Vec<String>,
    /// Numbers of documents and codes of lists.
    pub names: Vec<String>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(***)")
    }
}

impl App {
    /// A page of a group of people in the actor's division or in one under it.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn list_people(
        &self,
        actor: &Actor,
        group: Group,
        of: Option<DivisionCode>,
        after: Option<PersonId>,
    ) -> Result<PeoplePage, AppError> {
        let purpose = usual_purpose(actor, Action::ListPeople)?;
        let scope = Scope::of(actor, Action::ListPeople, purpose)?;
        let scope = of.map_or(Ok(scope), |division| scope.narrowed(division))?;
        let now = self.now();
        let filter = PeopleFilter { within: scope.division(), group, now, today: now.day() };
        let total = self.count_kept(filter).await?;
        let mut people = self.store().list_group(filter, after, PAGE + 1).await?;
        let next = (people.len() > PAGE as usize).then(|| people[PAGE as usize - 1]);
        people.truncate(PAGE as usize);
        let lines = self.lines(&people).await?;
        Ok(PeoplePage { lines, total: Some(total), next, within: scope.division() })
    }

    /// How many people a group has, counted lately.
    async fn count_kept(&self, filter: PeopleFilter) -> Result<u64, AppError> {
        let (key, stand) = ((filter.within, filter.group), self.store().stand().await?);
        if let Some(count) = self.counts.get(&key, filter.now, stand) {
            return Ok(count);
        }
        let count = self.store().count_group(filter).await?;
        self.counts.put(key, filter.now, stand, count, count);
        Ok(count)
    }

    /// The people whom a text names: name, pinyin, initials, whole document number, last four digits of a telephone,
    /// code of a list, or the number by which people speak of a case or contact. Only those of the actor's division.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn search(&self, actor: &Actor, text: &str, wall: Instant) -> Result<PeoplePage, AppError> {
        let purpose = usual_purpose(actor, Action::ListPeople)?;
        let scope = Scope::of(actor, Action::ListPeople, purpose)?;
        let term: String = text.split_whitespace().collect::<String>().to_lowercase();
        if term.is_empty() || term.chars().count() > SEARCH_MAX {
            return Err(Refusal::field("q", "search-length").into());
        }
        let mut people = self.store().search_people(&term, scope.division(), PAGE).await?;
        if let Some(number) = bytes_of_number(text) {
            for person in self.store().find_by_number(number).await? {
                if self.is_within(person, scope.division()).await? && !people.contains(&person) {
                    people.push(person);
                }
            }
        }
        for kind in DocumentKind::ALL {
            let Ok(document) = Document::new(kind, text) else { continue };
            if let Some(person) = self.store().find_person(&PersonName::Document(document)).await?
                && self.is_within(person, scope.division()).await?
                && !people.contains(&person)
            {
                people.push(person);
            }
        }
        // A search that found somebody protected would say who they are.
        let protected = self.store().protected_among(&people).await?;
        people.retain(|person| !protected.contains(person));
        // What was searched for may itself be an identity: the record says that a search was made and how much it found.
        let told = Reason::of(&format!("{} found", people.len()));
        self.log_deed(actor, Action::ListPeople, purpose, None, told, wall).await?;
        let lines = self.lines(&people).await?;
        Ok(PeoplePage { lines, total: None, next: None, within: scope.division() })
    }

    /// One person; the reading is recorded before the page is given.
    ///
    /// - `wall`: the clock on the wall, for the record of who looked; the data's own clock may be simulated.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such person in the actor's division; [`AppError::Store`].
    pub async fn view_person(&self, actor: &Actor, person: PersonId, wall: Instant) -> Result<PersonView, AppError> {
        let purpose = usual_purpose(actor, Action::ViewPerson)?;
        let by_glass = self.may_touch(actor, Action::ViewPerson, person, purpose, wall).await?;
        self.log_deed(actor, Action::ViewPerson, purpose, Some(person), Reason::NONE, wall).await?;
        let at = self.now();
        let explained = self.explain(person, at, at).await?;
        let protected = !self.store().protected_among(&[person]).await?.is_empty();
        let mut line = self.lines(&[person]).await?.pop().ok_or(Refusal::NotFound)?;
        line.assessment = Some(explained.assessment.clone());
        let details = self.store().reveal_details(&[person]).await?;
        let phones =
            details.get(&person).map_or(Vec::new(), |details| details.phones.iter().map(|p| masked_phone(p)).collect());
        let looks = self.store().accesses_of(person, LOOKS_MAX).await?;
        let may_open_for = purposes(actor.role, Action::OpenIdentity);
        Ok(PersonView { line, phones, explained, looks, may_open_for, at, protected, by_glass })
    }

    /// Opens an identity for a purpose and a reason; both are recorded before it is given.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn open_identity(
        &self,
        actor: &Actor,
        person: PersonId,
        purpose: &str,
        reason: &str,
        wall: Instant,
    ) -> Result<Identity, AppError> {
        let asked = Purpose::from_name(purpose).ok_or(Refusal::field("purpose", "choose"));
        // Whoever may not open any learns nothing from how the form is wrong.
        let usual = usual_purpose(actor, Action::OpenIdentity)?;
        self.may_touch(actor, Action::OpenIdentity, person, *asked.as_ref().unwrap_or(&usual), wall).await?;
        let purpose = asked?;
        let reason = Reason::parse(reason)?;
        self.log_deed(actor, Action::OpenIdentity, purpose, Some(person), reason, wall).await?;
        let mut details = self.store().reveal_details(&[person]).await?;
        let PersonDetails { full_name, phones } = details.remove(&person).unwrap_or_default();
        let names = self.store().reveal_names(person).await?;
        let names = names.into_iter().map(|name| name.replace('\u{1f}', " ")).collect();
        Ok(Identity { full_name, phones, names })
    }

    /// Whether an actor may do the work of a loop for a person; protection hides who it is, never the work.
    pub(crate) async fn may_serve(
        &self,
        actor: &Actor,
        action: Action,
        person: PersonId,
        purpose: Purpose,
    ) -> Result<(), AppError> {
        can(actor, action, actor.division, purpose)?;
        if self.is_within(person, actor.division).await? { Ok(()) } else { Err(Refusal::NotFound.into()) }
    }

    pub(crate) async fn may_touch(
        &self,
        actor: &Actor,
        action: Action,
        person: PersonId,
        purpose: Purpose,
        wall: Instant,
    ) -> Result<Option<Instant>, AppError> {
        // The role is asked first: whoever may touch nobody learns nothing about who is there.
        can(actor, action, actor.division, purpose)?;
        if let Some(until) = self.store().glass_broken_until(actor.account, person, wall).await? {
            return Ok(Some(until));
        }
        if !self.is_within(person, actor.division).await? {
            return Err(Refusal::NotFound.into());
        }
        if self.store().protected_among(&[person]).await?.is_empty() {
            Ok(None)
        } else {
            Err(Refusal::Protected.into())
        }
    }

    pub(crate) async fn is_within(&self, person: PersonId, division: DivisionCode) -> Result<bool, AppError> {
        Ok(self.store().divisions_of(person).await?.iter().any(|place| place.is_under(division)))
    }

    pub(crate) async fn lines(&self, people: &[PersonId]) -> Result<Vec<PersonLine>, AppError> {
        let details: HashMap<PersonId, PersonDetails> = self.store().reveal_details(people).await?;
        let protected = self.store().protected_among(people).await?;
        let mut lines = Vec::with_capacity(people.len());
        for listed in self.store().list_lines(people).await? {
            let ListedPerson { person, course, assessment } = listed;
            let name = details.get(&person).and_then(|details| details.full_name.as_deref()).map(mask_name);
            let name = name.filter(|_| !protected.contains(&person));
            let division = assessment.as_ref().map(|row| row.division).or(course.as_ref().map(|row| row.division));
            let division = match division {
                Some(division) => Some(division),
                None => self.store().divisions_of(person).await?.pop(),
            };
            let assessment = assessment.and_then(|row| serde_json::from_str(&row.answer).ok());
            lines.push(PersonLine { person, number: number(person), name, division, course, assessment });
        }
        Ok(lines)
    }
}

/// A number to speak of a person by, out of the random part of the id.
pub fn number(person: PersonId) -> String {
    let text = crate::totp::base32(&person.as_bytes()[11..16]);
    format!("P-{}-{}", &text[..4], &text[4..8])
}

/// The part of an id of which a number is made, read back; nothing when the text is no such number.
fn bytes_of_number(text: &str) -> Option<[u8; 5]> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_uppercase();
    let text: String = text.strip_prefix("P-")?.chars().filter(|c| *c != '-').collect();
    crate::totp::from_base32(&text)?.try_into().ok()
}

fn masked_phone(phone: &str) -> String {
    let digits: Vec<char> = phone.chars().collect();
    match digits.len() {
        0..=7 => "*".repeat(digits.len()),
        count => digits.iter().enumerate().map(|(i, c)| if i < 3 || i >= count - 4 { *c } else { '*' }).collect(),
    }
}
