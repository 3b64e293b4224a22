//! The due list: exact for each person and day, over midnight, leave and a change of jobs.

use std::{
    collections::{BTreeMap, HashMap},
    sync::OnceLock,
};

use sizao_epi::screening::{Catalogue, Due, Exemption, KeyGroup, KeyPerson, Membership, due_list};
use sizao_model::{CivilDay, DivisionCode, Instant, PersonId};
use sizao_store::{KeyMemberRecord, KeyPauseRecord, SampledOn};

use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, Scope, usual_purpose},
    identity::Actor,
    people::PersonLine,
    refusal::Refusal,
};

/// Days of samples that are looked at: longer than the longest period of a catalogue.
const SAMPLE_DAYS: i32 = 62;
/// Reminders on a page.
pub const PAGE: usize = 50;
/// People who are noted as reminded at once.
const REMINDED_MAX: usize = 500;

/// A group on a day.
#[derive(Clone, Debug)]
pub struct GroupLine {
    /// The group.
    pub group: KeyGroup,
    /// How many belong to it on that day.
    pub members: u64,
    /// How many of them are due.
    pub due: u64,
    /// Of these, whose test was due on an earlier day.
    pub late: u64,
}

/// A reminder.
#[derive(Clone, Debug)]
pub struct DueLine {
    /// The person, masked.
    pub line: PersonLine,
    /// The group that asks, by its place.
    pub group: usize,
    /// Since which day.
    pub since: CivilDay,
    /// When the person was reminded.
    pub reminded_at: Option<Instant>,
}

/// The due list of a day.
#[derive(Clone, Debug)]
pub struct DueDay {
    /// The day.
    pub day: CivilDay,
    /// Name of the version of the catalogue; none: no version holds on that day.
    pub catalogue: Option<String>,
    /// The groups.
    pub groups: Vec<GroupLine>,
    /// A page of reminders, the longest due first.
    pub lines: Vec<DueLine>,
    /// How many there are, in the group that was chosen.
    pub total: u64,
    /// How many people belong to any group.
    pub people: u64,
    /// How many belong to a group that the catalogue does not have.
    pub unknown: u64,
    /// Which division.
    pub within: DivisionCode,
}

impl App {
    /// The due list of a day in the actor's division, of one group or of all.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn due_day(
        &self,
        actor: &Actor,
        day: Option<CivilDay>,
        group: Option<&str>,
        page: usize,
        wall: Instant,
    ) -> Result<DueDay, AppError> {
        let purpose = usual_purpose(actor, Action::ViewScreening)?;
        let within = Scope::of(actor, Action::ViewScreening, purpose)?.division();
        self.follow_screening().await?;
        let day = day.unwrap_or_else(|| self.now().day());
        let empty = DueDay {
            day,
            catalogue: None,
            groups: Vec::new(),
            lines: Vec::new(),
            total: 0,
            people: 0,
            unknown: 0,
            within,
        };
        let Some(catalogue) = catalogue_on(day) else { return Ok(empty) };
        let (people, unknown) = self.key_people(within, day, catalogue).await?;
        let mut due = tokio::task::block_in_place(|| due_list(&people, day, catalogue));
        let groups = group_lines(catalogue, &people, &due, day);
        let chosen = group.and_then(|id| catalogue.index_of(id));
        due.retain(|due| chosen.is_none_or(|group| due.group == group));
        due.sort_by_key(|due| (due.since, due.group, due.person));
        let shown: Vec<Due> = due.iter().skip(page.saturating_mul(PAGE)).take(PAGE).copied().collect();
        let told = Reason::of(&format!("{} due on {day}", shown.len()));
        self.log_deed(actor, Action::ViewScreening, purpose, None, told, wall).await?;
        let ids: Vec<PersonId> = shown.iter().map(|due| due.person).collect();
        let reminded = self.store().reminded_among(&ids).await?;
        let mut lines: HashMap<PersonId, PersonLine> =
            self.lines(&ids).await?.into_iter().map(|line| (line.person, line)).collect();
        let line = |due: Due| {
            Some(DueLine {
                line: lines.remove(&due.person)?,
                group: due.group.into(),
                since: due.since,
                reminded_at: reminded.get(&(due.person, due.since)).copied(),
            })
        };
        Ok(DueDay {
            catalogue: Some(catalogue.id.clone()),
            groups,
            lines: shown.into_iter().filter_map(line).collect(),
            total: due.len() as u64,
            people: people.len() as u64,
            unknown,
            ..empty
        })
    }

    /// Notes that people were reminded of the tests for which they are due today.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn note_reminded(
        &self,
        actor: &Actor,
        people: &[(PersonId, CivilDay)],
        wall: Instant,
    ) -> Result<(), AppError> {
        let purpose = usual_purpose(actor, Action::ViewScreening)?;
        let within = Scope::of(actor, Action::ViewScreening, purpose)?.division();
        if people.is_empty() || people.len() > REMINDED_MAX {
            return Err(Refusal::field("due", "choose").into());
        }
        for (person, _) in people {
            if !self.is_within(*person, within).await? {
                return Err(Refusal::NotFound.into());
            }
        }
        let told = Reason::of(&format!("{} reminded of a test", people.len()));
        self.log_deed(actor, Action::ViewScreening, purpose, None, told, wall).await?;
        Ok(self.store().note_reminded(people, actor.account, self.now()).await?)
    }

    /// The test for which a person is due on a day, for the own page.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn due_of(&self, person: PersonId, day: CivilDay) -> Result<Option<(KeyGroup, CivilDay)>, AppError> {
        let Some(catalogue) = catalogue_on(day) else { return Ok(None) };
        self.follow_screening().await?;
        let Some(place) = self.store().divisions_of(person).await?.pop() else { return Ok(None) };
        let (mut people, _) = self.key_people(place, day, catalogue).await?;
        people.retain(|one| one.person == person);
        let due = due_list(&people, day, catalogue).pop();
        Ok(due.and_then(|due| Some((catalogue.groups.get(usize::from(due.group))?.clone(), due.since))))
    }

    /// Everybody of a division who belongs to a group on a day, with leave, exemptions and samples; and how many belong to
    /// groups that the catalogue does not have.
    async fn key_people(
        &self,
        within: DivisionCode,
        day: CivilDay,
        catalogue: &Catalogue,
    ) -> Result<(Vec<KeyPerson>, u64), AppError> {
        let store = self.store();
        let members = store.key_members(within, day).await?;
        let pauses = store.key_pauses(within, day.plus_days(-SAMPLE_DAYS)).await?;
        let samples = store.key_samples(within, day.plus_days(-SAMPLE_DAYS), day.plus_days(1)).await?;
        Ok(tokio::task::block_in_place(|| put_together(&members, &pauses, &samples, day, catalogue)))
    }
}

/// The version of the catalogue that holds on a day.
fn catalogue_on(day: CivilDay) -> Option<&'static Catalogue> {
    static VERSIONS: OnceLock<Vec<Catalogue>> = OnceLock::new();
    VERSIONS.get_or_init(Catalogue::built_in).iter().find(|catalogue| catalogue.holds_on(day))
}

/// Rows sorted by person become people.
fn put_together(
    members: &[KeyMemberRecord],
    pauses: &[KeyPauseRecord],
    samples: &[SampledOn],
    day: CivilDay,
    catalogue: &Catalogue,
) -> (Vec<KeyPerson>, u64) {
    let index: HashMap<&str, u16> =
        catalogue.groups.iter().zip(0..).map(|(group, index)| (group.id.as_str(), index)).collect();
    let mut people: Vec<KeyPerson> = Vec::new();
    let mut unknown = 0;
    let (mut pauses, mut samples) = (pauses.iter().peekable(), samples.iter().peekable());
    for of_person in members.chunk_by(|a, b| a.person == b.person) {
        let person = of_person[0].person;
        let mut one = KeyPerson {
            person,
            memberships: Vec::with_capacity(of_person.len()),
            leave: Vec::new(),
            sampled_on: Vec::new(),
            exemptions: 0,
        };
        for member in of_person {
            match index.get(member.group.as_str()) {
                Some(&group) => one.memberships.push(Membership { group, from: member.from, to: member.until }),
                None => unknown += 1,
            }
        }
        while let Some(pause) = pauses.next_if(|pause| pause.person <= person) {
            let until = pause.until.unwrap_or(CivilDay::from_number(i32::MAX / 2));
            let exemption = match pause.reason {
                _ if pause.person != person => continue,
                0 => {
                    one.leave.push((pause.from, until));
                    continue;
                }
                1 => Exemption::Infant,
                2 => Exemption::Medical,
                _ => Exemption::Recovered,
            };
            if pause.from <= day && day <= until {
                one.exemptions |= Exemption::bits(&[exemption]);
            }
        }
        while let Some(sample) = samples.next_if(|sample| sample.person <= person) {
            if sample.person == person {
                one.sampled_on.push(sample.taken_at.day());
            }
        }
        if !one.memberships.is_empty() {
            people.push(one);
        }
    }
    (people, unknown)
}

fn group_lines(catalogue: &Catalogue, people: &[KeyPerson], due: &[Due], day: CivilDay) -> Vec<GroupLine> {
    let mut counts: BTreeMap<u16, (u64, u64, u64)> = BTreeMap::new();
    for membership in people.iter().flat_map(|person| &person.memberships) {
        counts.entry(membership.group).or_default().0 += 1;
    }
    for due in due {
        let count = counts.entry(due.group).or_default();
        count.1 += 1;
        count.2 += u64::from(due.since < day);
    }
    let line = |(group, index): (&KeyGroup, u16)| {
        let (members, due, late) = counts.get(&index).copied().unwrap_or_default();
        GroupLine { group: group.clone(), members, due, late }
    };
    catalogue.groups.iter().zip(0..).map(line).collect()
}
