//! The register: institutions, what they may do, and who is responsible, with history and a red list of gaps.

use std::collections::HashMap;

use sizao_model::{CivilDay, DivisionCode, Instant};
use sizao_store::{InstitutionChange, InstitutionRecord, ResponsibleRecord, UnitRecord};
use uuid::Uuid;

use super::{Capability, institution_id};
use crate::{
    App, AppError,
    access::Reason,
    accounts::{NowV7, checked_division, checked_name},
    authorization::{Action, Purpose, Scope, can},
    identity::{Actor, UnitKind},
    refusal::Refusal,
};

/// Institutions on a page at most.
const LISTED_MAX: u32 = 1_000;
/// Lines of a history.
const HISTORY_MAX: u32 = 100;

/// An institution as the register shows it.
#[derive(Clone, Debug)]
pub struct InstitutionView {
    /// The institution.
    pub institution: InstitutionRecord,
    /// Who is responsible today; nobody puts it on the red list.
    pub responsible: Option<ResponsibleRecord>,
}

impl InstitutionView {
    /// Whether it has nobody who is responsible.
    pub const fn is_red(&self) -> bool {
        self.responsible.is_none()
    }
}

/// A form for the register.
#[derive(Clone, Debug, Default)]
pub struct NewInstitution {
    /// The unit whose accounts report.
    pub unit: String,
    /// Its name.
    pub name: String,
    /// Which kind, a word of [`UnitKind`].
    pub kind: String,
    /// Where it is.
    pub division: String,
    /// By which code lists call it; empty for none.
    pub code: String,
    /// Words of [`Capability`].
    pub capabilities: Vec<String>,
}

/// A form to name who is responsible.
#[derive(Clone, Debug, Default)]
pub struct NewResponsible {
    /// Name.
    pub name: String,
    /// First day; empty for today.
    pub from_on: String,
    /// Last day; empty while it is not known.
    pub until_on: String,
}

impl App {
    /// The register of the actor's division or of one under it, those without a responsible person first.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn list_institutions(
        &self,
        actor: &Actor,
        of: Option<DivisionCode>,
    ) -> Result<Vec<InstitutionView>, AppError> {
        let scope = Scope::of(actor, Action::ViewSentinels, Purpose::Control)?;
        let scope = of.map_or(Ok(scope), |division| scope.narrowed(division))?;
        let mut views = self.with_responsible(Some(scope.division())).await?;
        views.sort_by_key(|view| !view.is_red());
        Ok(views)
    }

    /// The institutions for which the actor's unit reports.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn own_institutions(&self, actor: &Actor) -> Result<Vec<InstitutionRecord>, AppError> {
        can(actor, Action::ReportSentinel, actor.division, Purpose::Reporting)?;
        Ok(self.store().institutions_of(actor.unit).await?)
    }

    /// Units whose accounts may report for a new institution.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn units_for_sites(&self, actor: &Actor) -> Result<Vec<UnitRecord>, AppError> {
        let scope = Scope::of(actor, Action::ManageSentinels, Purpose::Administration)?;
        Ok(self.store().list_units(scope.division(), LISTED_MAX).await?)
    }

    /// Enters an institution.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn add_institution(&self, actor: &Actor, form: &NewInstitution, wall: Instant) -> Result<Uuid, AppError> {
        let division = checked_division("division", &form.division)?;
        can(actor, Action::ManageSentinels, division, Purpose::Administration)
            .map_err(|refusal| if refusal == Refusal::NotFound { outside("division") } else { refusal })?;
        let unit = Uuid::parse_str(form.unit.trim()).map_err(|_| Refusal::field("unit", "choose"))?;
        let unit = self.store().load_unit(unit).await?.ok_or(Refusal::field("unit", "choose"))?;
        if !unit.division.is_under(actor.division) || !division.is_under(unit.division) {
            return Err(outside("division").into());
        }
        let kind = UnitKind::from_name(&form.kind).ok_or(Refusal::field("kind", "choose"))?;
        let code = form.code.trim();
        let institution = InstitutionRecord {
            id: if code.is_empty() { Uuid::now_v7_at(wall) } else { institution_id(code) },
            unit: unit.id,
            name: checked_name("name", &form.name)?,
            kind: kind.name().to_owned(),
            division,
            capabilities: bits(&form.capabilities)?,
            made_at: self.now(),
            closed_at: None,
        };
        if self.store().load_institution(institution.id).await?.is_some() {
            return Err(Refusal::field("code", "sen-taken").into());
        }
        self.store().add_institution(&institution, actor.account).await?;
        self.log_register(actor, institution.id, "made", wall).await?;
        Ok(institution.id)
    }

    /// Sets what an institution may do.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn set_capabilities(
        &self,
        actor: &Actor,
        id: Uuid,
        words: &[String],
        wall: Instant,
    ) -> Result<(), AppError> {
        self.institution_to_manage(actor, id).await?;
        let change = self.change(actor, id, "capabilities", &words.join(" "));
        if !self.store().set_capabilities(&change, bits(words)?).await? {
            return Err(Refusal::Changed.into());
        }
        self.log_register(actor, id, "capabilities", wall).await
    }

    /// Names who is responsible; earlier lines stay as they were.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn name_responsible(
        &self,
        actor: &Actor,
        id: Uuid,
        form: &NewResponsible,
        wall: Instant,
    ) -> Result<(), AppError> {
        self.institution_to_manage(actor, id).await?;
        let day = |field, text: &str| CivilDay::parse(text.trim()).map_err(|_| Refusal::field(field, "sen-day"));
        let from_on = if form.from_on.trim().is_empty() { self.now().day() } else { day("from_on", &form.from_on)? };
        let until_on = if form.until_on.trim().is_empty() { None } else { Some(day("until_on", &form.until_on)?) };
        if until_on.is_some_and(|until| until < from_on) {
            return Err(Refusal::field("until_on", "sen-day-order").into());
        }
        let person = ResponsibleRecord {
            institution: id,
            name: checked_name("name", &form.name)?,
            from_on,
            until_on,
            account: actor.account,
            set_at: self.now(),
        };
        self.store().name_responsible(&person).await?;
        self.log_register(actor, id, "responsible", wall).await
    }

    /// Closes an institution; its reports stay.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn close_institution(&self, actor: &Actor, id: Uuid, wall: Instant) -> Result<(), AppError> {
        self.institution_to_manage(actor, id).await?;
        if !self.store().close_institution(&self.change(actor, id, "closed", "")).await? {
            return Err(Refusal::Changed.into());
        }
        self.log_register(actor, id, "closed", wall).await
    }

    /// Everybody who was or is responsible for an institution, and what was changed of it, for its page.
    pub(super) async fn history(
        &self,
        institution: &InstitutionRecord,
    ) -> Result<(Vec<ResponsibleRecord>, Vec<InstitutionChange>), AppError> {
        let people = self.store().responsible_in(institution.division).await?;
        let people = people.into_iter().filter(|person| person.institution == institution.id).rev().collect();
        Ok((people, self.store().changes_of(institution.id, HISTORY_MAX).await?))
    }

    /// An institution that the actor may see.
    pub(super) async fn institution_seen(&self, actor: &Actor, id: Uuid) -> Result<InstitutionRecord, AppError> {
        can(actor, Action::ViewSentinels, actor.division, Purpose::Control)?;
        let institution = self.store().load_institution(id).await?.ok_or(Refusal::NotFound)?;
        can(actor, Action::ViewSentinels, institution.division, Purpose::Control)?;
        Ok(institution)
    }

    /// An institution of the actor's own unit.
    pub(super) async fn institution_own(&self, actor: &Actor, id: Uuid) -> Result<InstitutionRecord, AppError> {
        can(actor, Action::ReportSentinel, actor.division, Purpose::Reporting)?;
        let institution = self.store().load_institution(id).await?.ok_or(Refusal::NotFound)?;
        if institution.unit != actor.unit || institution.closed_at.is_some() {
            return Err(Refusal::NotFound.into());
        }
        can(actor, Action::ReportSentinel, institution.division, Purpose::Reporting)?;
        Ok(institution)
    }

    pub(super) async fn institution_to_manage(&self, actor: &Actor, id: Uuid) -> Result<InstitutionRecord, AppError> {
        can(actor, Action::ManageSentinels, actor.division, Purpose::Administration)?;
        let institution = self.store().load_institution(id).await?.ok_or(Refusal::NotFound)?;
        can(actor, Action::ManageSentinels, institution.division, Purpose::Administration)?;
        Ok(institution)
    }

    pub(super) async fn with_responsible(
        &self,
        within: Option<DivisionCode>,
    ) -> Result<Vec<InstitutionView>, AppError> {
        let today = self.now().day();
        let institutions = self.store().list_institutions(within, LISTED_MAX).await?;
        let named = match within {
            Some(within) => self.store().responsible_in(within).await?,
            None => Vec::new(),
        };
        let mut holds: HashMap<Uuid, ResponsibleRecord> = HashMap::new();
        // The latest line that holds today counts.
        for person in named.into_iter().filter(|person| person.holds_on(today)) {
            holds.insert(person.institution, person);
        }
        let view = |institution: InstitutionRecord| InstitutionView {
            responsible: holds.remove(&institution.id),
            institution,
        };
        Ok(institutions.into_iter().map(view).collect())
    }

    fn change(&self, actor: &Actor, institution: Uuid, field: &str, value: &str) -> InstitutionChange {
        let (at, account) = (self.now(), actor.account);
        InstitutionChange { institution, at, account, field: field.to_owned(), value: value.to_owned() }
    }

    async fn log_register(&self, actor: &Actor, id: Uuid, what: &str, wall: Instant) -> Result<(), AppError> {
        let told = Reason::of(&format!("{id} {what}"));
        self.log_deed(actor, Action::ManageSentinels, Purpose::Administration, None, told, wall).await
    }
}

const fn outside(field: &'static str) -> Refusal {
    Refusal::field(field, "division-outside")
}

fn bits(words: &[String]) -> Result<i64, Refusal> {
    let known = |word: &String| Capability::from_name(word).ok_or(Refusal::field("capabilities", "choose"));
    let bits = words.iter().map(known).try_fold(0, |bits, one| one.map(|one| bits | one.bit()))?;
    if bits == 0 { Err(Refusal::field("capabilities", "choose")) } else { Ok(bits) }
}
