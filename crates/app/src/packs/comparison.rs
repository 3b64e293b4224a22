//! What packs would change, asked on a page: computed beside the service, with progress; numbers open their people, and
//! one person's two plans stand side by side.

use std::sync::Arc;

use sizao_model::{DivisionCode, Instant, PersonId, division::DivisionLevel};
use sizao_policy::{
    FactIndex, PackTimeline,
    change::{Change, ChangeReport},
};
use uuid::Uuid;

use super::{PackSource, adoption::moment};
use crate::{
    App, AppError,
    access::Reason,
    accounts::NowV7,
    assessments::Explained,
    authorization::{Action, Purpose, Scope, can, usual_purpose},
    identity::Actor,
    people::{PAGE, PersonLine},
    policy_changes::{Comparison, Stage, compare_each},
    refusal::Refusal,
};

/// Packs compared at once at most.
const PACKS_MAX: usize = 8;

/// What is compared.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its id.
    pub id: Uuid,
    /// Who asked.
    pub account: Uuid,
    /// The packs that would be adopted.
    pub packs: Vec<PackSource>,
    /// When.
    pub at: Instant,
    /// Facts recorded by then count.
    pub known_at: Instant,
    /// For whom.
    pub within: DivisionCode,
    before: Arc<PackTimeline>,
    after: Arc<PackTimeline>,
}

/// One person for whom something changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Who.
    pub person: PersonId,
    /// What changes.
    pub change: Change,
    /// The class: the rule of the strictest measure.
    pub class: Arc<str>,
    /// County where the person is looked after, or what is known of it.
    pub county: DivisionCode,
}

/// What came out.
#[derive(Debug, Default)]
pub struct Compared {
    /// The counts.
    pub report: ChangeReport,
    /// Everybody for whom something changes, by id.
    pub changed: Vec<Changed>,
    /// Facts read.
    pub leaves: u64,
}

/// People of a comparison: a page of them.
#[derive(Clone, Debug)]
pub struct ChangedPage {
    /// The lines, masked, with what changes.
    pub lines: Vec<(PersonLine, Changed)>,
    /// How many there are.
    pub total: u64,
    /// Where the next page begins.
    pub next: Option<PersonId>,
}

/// Which people of a comparison.
#[derive(Clone, Debug, Default)]
pub struct Which {
    /// For whom this changes.
    pub change: Option<Change>,
    /// Of a class.
    pub class: Option<String>,
    /// Of a county.
    pub county: Option<DivisionCode>,
}

/// One person's plans under both.
#[derive(Clone, Debug)]
pub struct TwoPlans {
    /// The head of the page, masked.
    pub line: PersonLine,
    /// What changes; nothing where neither restricts.
    pub change: Option<Change>,
    /// Under the packs in force.
    pub before: Explained,
    /// With the packs adopted.
    pub after: Explained,
}

impl App {
    /// What a comparison would compare: the packs in force with these adopted at a moment, for the actor's division.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn plan_comparison(
        &self,
        actor: &Actor,
        digests: &[String],
        at: &str,
        wall: Instant,
    ) -> Result<Asked, AppError> {
        let scope = Scope::of(actor, Action::ComparePacks, Purpose::Control)?;
        if digests.is_empty() || digests.len() > PACKS_MAX {
            return Err(Refusal::field("pack", "choose").into());
        }
        let packs = self.packs_named(digests).await?;
        let at = moment(at).ok_or(Refusal::field("at", "moment"))?;
        let before = self.rules().timeline.clone();
        let adopted: Vec<_> = packs.iter().map(|source| (*source.pack).clone()).collect();
        let after = before.with_adopted(&adopted, at).map_err(|_| Refusal::field("at", "adoption-clash"))?;
        let known_at = self.now();
        let id = Uuid::now_v7_at(wall);
        let ids: Vec<&str> = packs.iter().map(|source| &*source.id).collect();
        let told = Reason::of(&format!("compared {} at {at}", ids.join(", ")));
        self.log_deed(actor, Action::ComparePacks, Purpose::Control, None, told, wall).await?;
        let (account, within, after) = (actor.account, scope.division(), Arc::new(after));
        Ok(Asked { id, account, packs, at, known_at, within, before, after })
    }

    /// Computes it: the facts are read as they stand now, and the service goes on.
    ///
    /// - `progress`: called with the stage, how much of it is done, of how much.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn run_comparison(
        &self,
        asked: &Asked,
        progress: impl Fn(Stage, u64, u64) + Sync,
    ) -> Result<Compared, AppError> {
        let mut snapshot = self.snapshot(asked.known_at, |done, all| progress(Stage::Reading, done, all)).await?;
        let divisions = std::mem::take(&mut snapshot.divisions);
        let place = |person: PersonId| divisions.get(&person).copied().unwrap_or(DivisionCode::HENAN);
        let compared = tokio::task::block_in_place(|| {
            let index = FactIndex::of_store(&snapshot.facts);
            let people: Vec<PersonId> =
                index.persons().filter(|person| place(*person).is_under(asked.within)).collect();
            let comparison =
                Comparison { before: &asked.before, after: &asked.after, known_at: asked.known_at, at: asked.at };
            let county = |person| county(place(person));
            let name = |person| county(person).to_string();
            let all = people.len() as u64;
            let (report, noted) =
                compare_each(&index, &people, comparison, name, |done| progress(Stage::Assessing, done, all));
            let mut changed: Vec<Changed> = noted
                .into_iter()
                .filter(|(_, noted)| noted.change != Change::Unchanged)
                .map(|(person, noted)| Changed {
                    person,
                    change: noted.change,
                    class: noted.class,
                    county: county(person),
                })
                .collect();
            changed.sort_unstable_by_key(|changed| changed.person);
            Compared { report, changed, leaves: snapshot.leaves }
        });
        Ok(compared)
    }

    /// A page of the people behind a number of a comparison.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn list_changed(
        &self,
        actor: &Actor,
        asked: &Asked,
        compared: &Compared,
        which: &Which,
        after: Option<PersonId>,
    ) -> Result<ChangedPage, AppError> {
        may_open(actor, asked)?;
        let purpose = usual_purpose(actor, Action::ListPeople)?;
        Scope::of(actor, Action::ListPeople, purpose)?;
        let fits = |changed: &&Changed| {
            which.change.is_none_or(|change| changed.change == change)
                && which.class.as_ref().is_none_or(|class| **class == *changed.class)
                && which.county.is_none_or(|county| changed.county == county)
        };
        let all: Vec<&Changed> = compared.changed.iter().filter(fits).collect();
        let start = after.map_or(0, |after| all.partition_point(|changed| changed.person <= after));
        let page: Vec<&Changed> = all[start..].iter().take(PAGE as usize).copied().collect();
        let next = (start + page.len() < all.len()).then(|| page.last().map(|changed| changed.person)).flatten();
        let people: Vec<PersonId> = page.iter().map(|changed| changed.person).collect();
        let lines = self.lines(&people).await?;
        let lines = lines.into_iter().zip(page).map(|(line, changed)| (line, changed.clone())).collect();
        Ok(ChangedPage { lines, total: all.len() as u64, next })
    }

    /// The two plans of one person; that they were looked at is recorded first.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn two_plans(
        &self,
        actor: &Actor,
        asked: &Asked,
        person: PersonId,
        wall: Instant,
    ) -> Result<TwoPlans, AppError> {
        may_open(actor, asked)?;
        let line = self.lines(&[person]).await?.pop().ok_or(Refusal::NotFound)?;
        let purpose = usual_purpose(actor, Action::ViewPerson)?;
        can(actor, Action::ViewPerson, line.division.ok_or(Refusal::NotFound)?, purpose)?;
        let ids: Vec<&str> = asked.packs.iter().map(|source| &*source.id).collect();
        let told = Reason::of(&format!("two plans: {}", ids.join(", ")));
        self.log_deed(actor, Action::ViewPerson, purpose, Some(person), told, wall).await?;
        let before = self.explain_by(person, &asked.before, asked.known_at, asked.at).await?;
        let after = self.explain_by(person, &asked.after, asked.known_at, asked.at).await?;
        let change = Change::between(&before.assessment, &after.assessment, asked.at);
        Ok(TwoPlans { line, change, before, after })
    }
}

/// A comparison belongs to whoever asked.
fn may_open(actor: &Actor, asked: &Asked) -> Result<(), AppError> {
    can(actor, Action::ComparePacks, actor.division, Purpose::Control)?;
    if asked.account == actor.account { Ok(()) } else { Err(Refusal::NotFound.into()) }
}

fn county(division: DivisionCode) -> DivisionCode {
    division.at(DivisionLevel::County).unwrap_or(division)
}
