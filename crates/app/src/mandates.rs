//! Mandates (采集授权): each kind of collection runs under one, or stores nothing.

use sizao_model::{DivisionCode, FactId, FactKind, Happened, Instant, fact::FactBody};
pub use sizao_store::MandateRecord;
use sizao_store::{Channel, IntakeKey, NewFact};
use uuid::Uuid;

use crate::{
    App, AppError,
    access::Reason,
    accounts::{NowV7, checked_division, checked_name},
    authorization::{Action, Purpose, Scope, can, usual_purpose},
    identity::{Actor, named},
    refusal::Refusal,
};

/// A mandate lasts so many days at most.
pub const DAYS_MAX: i64 = 90;
/// At most so many on a page.
const LISTED_MAX: u32 = 200;

named! {
    /// What may be collected.
    Collection {
        /// Cases, isolation, symptoms, discharge, death (病例报告).
        Cases = "cases",
        /// Contacts and how they are known (接触者).
        Contacts = "contacts",
        /// Samples and results (检测结果).
        Tests = "tests",
        /// Arrivals and stays (来返与停留).
        Movement = "movement",
        /// Who people are: registers, links, vaccinations (人员登记).
        Registers = "registers",
        /// What sentinel sites see: fever patients, positive self-tests, sums of sales and absences (哨点监测).
        Sentinels = "sentinels",
        /// Who buys the four kinds of drugs, and for whom (四类药品实名登记).
        DrugSales = "drug-sales",
        /// Records of cell towers, for the fence; positions are never kept (电子围栏).
        Fence = "fence",
    }
}

impl Collection {
    /// The collection to which a kind of fact belongs; none for facts that collect nothing about people.
    pub const fn of(kind: FactKind) -> Option<Self> {
        Some(match kind {
            FactKind::Diagnosis
            | FactKind::IsolationStarted
            | FactKind::IsolationMoved
            | FactKind::IsolationLeft
            | FactKind::SymptomReport
            | FactKind::Discharge
            | FactKind::Death
            | FactKind::Extension
            | FactKind::LoopStep
            | FactKind::CareNeed
            | FactKind::CareGiven => Self::Cases,
            FactKind::Exposure | FactKind::Confirmation => Self::Contacts,
            FactKind::Sample | FactKind::TestResult => Self::Tests,
            FactKind::Stay
            | FactKind::Arrival
            | FactKind::ArrivalExpected
            | FactKind::NoShow
            | FactKind::Inspection
            | FactKind::HoldEnded
            | FactKind::LaneStep => Self::Movement,
            FactKind::Person | FactKind::IdentityLink | FactKind::IdentityUnlink | FactKind::VaccineDose => {
                Self::Registers
            }
            FactKind::GroupMember | FactKind::GroupPause => Self::Registers,
            FactKind::SentinelReport => Self::Sentinels,
            _ => return None,
        })
    }
}

/// What a proposer fills in.
#[derive(Clone, Debug, Default)]
pub struct NewMandate {
    /// What may be collected.
    pub collection: String,
    /// Where.
    pub area: String,
    /// Law and article.
    pub legal_basis: String,
    /// Who gives it.
    pub authority: String,
    /// What for.
    pub purpose: String,
    /// Where the impact assessment is kept.
    pub impact_assessment: String,
    /// How many days.
    pub days: String,
}

/// In which state a mandate is at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MandateState {
    /// The second signature is missing.
    Proposed,
    /// It begins later.
    Planned,
    /// It holds.
    InForce,
    /// It is over.
    Over,
}

impl MandateState {
    /// The state of a mandate at a moment.
    pub fn of(mandate: &MandateRecord, at: Instant) -> Self {
        if mandate.ended.is_some_and(|(ended, _)| ended <= at) || mandate.ends_at <= at {
            Self::Over
        } else if mandate.signed.is_none() {
            Self::Proposed
        } else if mandate.starts_at > at {
            Self::Planned
        } else {
            Self::InForce
        }
    }

    /// The word in the locales.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Planned => "planned",
            Self::InForce => "in-force",
            Self::Over => "over",
        }
    }
}

impl App {
    /// The mandates of the actor's division, those under it and those above it.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn list_mandates(&self, actor: &Actor) -> Result<Vec<MandateRecord>, AppError> {
        let purpose = usual_purpose(actor, Action::ViewMandates)?;
        let scope = Scope::of(actor, Action::ViewMandates, purpose)?;
        Ok(self.store().list_mandates(scope.division(), LISTED_MAX).await?)
    }

    /// Proposes a mandate; it holds once somebody of another unit has signed.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn propose_mandate(
        &self,
        actor: &Actor,
        form: &NewMandate,
        wall: Instant,
    ) -> Result<MandateRecord, AppError> {
        let scope = Scope::of(actor, Action::GiveMandates, Purpose::Administration)?;
        let now = self.now();
        let collection = Collection::from_name(&form.collection).ok_or(Refusal::field("collection", "choose"))?;
        let area = checked_division("area", &form.area)?;
        scope.narrowed(area).map_err(|_| Refusal::field("area", "division-outside"))?;
        let days: i64 = form.days.trim().parse().map_err(|_| Refusal::field("days", "mandate-days"))?;
        if !(1..=DAYS_MAX).contains(&days) {
            return Err(Refusal::field("days", "mandate-days").into());
        }
        let mandate = MandateRecord {
            id: Uuid::now_v7_at(wall),
            collection: collection.name().to_owned(),
            area,
            legal_basis: checked_name("legal_basis", &form.legal_basis)?,
            authority: checked_name("authority", &form.authority)?,
            purpose: checked_name("purpose", &form.purpose)?,
            impact_assessment: checked_name("impact_assessment", &form.impact_assessment)?,
            starts_at: now,
            ends_at: now.plus_hours(24 * days),
            proposed_by: actor.account,
            proposed_at: now,
            signed: None,
            ended: None,
        };
        self.store().propose_mandate(&mandate).await?;
        self.log_mandate(actor, &mandate, "proposed", wall).await?;
        Ok(mandate)
    }

    /// Puts the second signature, by another person of another unit; from then on the mandate holds and is in the log.
    ///
    /// # Errors
    /// [`Refusal::SameUnit`], [`Refusal::Changed`], [`Refusal::NotFound`], [`AppError::Store`].
    pub async fn sign_mandate(&self, actor: &Actor, id: Uuid, wall: Instant) -> Result<(), AppError> {
        let mandate = self.mandate_to_change(actor, id).await?;
        let proposer = self.store().load_account(mandate.proposed_by).await?.ok_or(Refusal::NotFound)?;
        if proposer.unit == actor.unit || proposer.id == actor.account {
            return Err(Refusal::SameUnit.into());
        }
        if MandateState::of(&mandate, self.now()) != MandateState::Proposed {
            return Err(Refusal::Changed.into());
        }
        self.put_in_force(actor, &mandate, wall).await
    }

    /// Ends a mandate early; from then on its collections store nothing.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn end_mandate(&self, actor: &Actor, id: Uuid, wall: Instant) -> Result<(), AppError> {
        let mandate = self.mandate_to_change(actor, id).await?;
        if !self.store().end_mandate(id, actor.account, self.now()).await? {
            return Err(Refusal::Changed.into());
        }
        self.log_mandate(actor, &mandate, "ended", wall).await
    }

    /// Until when a collection in a division is covered by a mandate in force.
    ///
    /// # Errors
    /// [`Refusal::NoMandate`], [`AppError::Store`].
    pub async fn require_mandate(&self, collection: Collection, area: DivisionCode) -> Result<Instant, AppError> {
        let in_force = self.store().mandates_in_force(collection.name(), self.now()).await?;
        let mut covering: Vec<&MandateRecord> = in_force.iter().filter(|mandate| area.is_under(mandate.area)).collect();
        covering.sort_by_key(|mandate| std::cmp::Reverse(mandate.ends_at));
        for mandate in covering {
            if self.is_on_record(mandate).await? {
                return Ok(mandate.ends_at);
            }
        }
        Err(Refusal::NoMandate { collection: collection.name(), area }.into())
    }

    /// Whether the log says what a row says: a row that was put in or changed gives leave to nothing.
    async fn is_on_record(&self, mandate: &MandateRecord) -> Result<bool, AppError> {
        let Some((_, _, fact)) = mandate.signed else { return Ok(false) };
        let Some(stored) = self.store().load_fact(fact).await? else { return Ok(false) };
        Ok(matches!(&stored.fact.body, FactBody::Mandate(given)
            if *given.collection == *mandate.collection && given.area == mandate.area && given.until == mandate.ends_at))
    }

    async fn mandate_to_change(&self, actor: &Actor, id: Uuid) -> Result<MandateRecord, AppError> {
        can(actor, Action::GiveMandates, actor.division, Purpose::Administration)?;
        let mandate = self.store().load_mandate(id).await?.ok_or(Refusal::NotFound)?;
        can(actor, Action::GiveMandates, mandate.area, Purpose::Administration)?;
        Ok(mandate)
    }

    async fn put_in_force(&self, actor: &Actor, mandate: &MandateRecord, wall: Instant) -> Result<(), AppError> {
        let fact = self.append_mandate(actor, mandate).await?;
        if !self.store().sign_mandate(mandate.id, actor.account, self.now(), fact).await? {
            return Err(Refusal::Changed.into());
        }
        self.log_mandate(actor, mandate, "signed", wall).await
    }

    /// The mandate as a fact; the same mandate is never two facts.
    async fn append_mandate(&self, actor: &Actor, mandate: &MandateRecord) -> Result<FactId, AppError> {
        let now = self.now();
        let store = self.store();
        let pen = self.pen(actor).await?;
        let fact = NewFact {
            id: store.new_fact_id(now),
            person: None,
            division: mandate.area,
            happened: Happened::at(mandate.starts_at),
            recorded_at: now,
            body: mandate.body().into(),
            recorder: pen.recorder,
            channel: Channel::Page,
            source: store.source("mandates").await?,
            intake_key: IntakeKey::Sender(mandate.id.to_string().into()),
        };
        let receipts = self.append_signed(vec![fact], &pen).await?;
        receipts.first().map(|receipt| receipt.id()).ok_or(AppError::Stopped("no receipt for a mandate"))
    }

    async fn log_mandate(
        &self,
        actor: &Actor,
        mandate: &MandateRecord,
        what: &str,
        wall: Instant,
    ) -> Result<(), AppError> {
        let told = Reason::of(&format!("{} {} {what}", mandate.collection, mandate.area));
        self.log_deed(actor, Action::GiveMandates, Purpose::Administration, None, told, wall).await
    }
}
