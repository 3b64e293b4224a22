//! The names behind sales: kept for a few days under a mandate, opened where there is something to follow up.

use sizao_model::{DivisionCode, FactId, Instant, division::DivisionLevel, fact::RetentionClass};
use sizao_store::{CourseFilter, InstitutionRecord, PeopleFilter, SaleRecord};

use super::entries::SaleNames;
use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, Purpose, can},
    identity::Actor,
    refusal::Refusal,
};

/// Names are kept for so many days after the sale: the longest incubation in the packs and a week to follow up.
const TERM_DAYS: i32 = 21;
/// Signals of so many days allow to follow up.
const FOLLOW_UP_DAYS: i32 = 14;
const LISTED_MAX: u32 = 200;

/// A sale whose names are kept, without them.
#[derive(Clone, Debug)]
pub struct SaleLine {
    /// The sale.
    pub sale: SaleRecord,
    /// Where it was.
    pub institution: String,
}

/// A sale with its names. `Debug` shows nothing of it.
#[derive(Clone, Default)]
#[expect(missing_docs, reason = "the fields are those of the form")]
pub struct NamedSale {
    pub buyer: String,
    pub buyer_document: String,
    pub buyer_phone: String,
    pub patient: Option<String>,
    pub patient_document: String,
    pub patient_phone: String,
    pub address: String,
    pub travel: String,
    pub symptoms: String,
    pub product: String,
    pub quantity: String,
}

impl std::fmt::Debug for NamedSale {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NamedSale(***)")
    }
}

impl App {
    /// Sales of a county whose names are kept; none while nothing there allows to follow up.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn list_sales(&self, actor: &Actor, county: DivisionCode) -> Result<Vec<SaleLine>, AppError> {
        can(actor, Action::OpenSale, county, Purpose::Control)?;
        if !self.may_follow_up(county).await? {
            return Ok(Vec::new());
        }
        let from = self.now().day().plus_days(-FOLLOW_UP_DAYS);
        let mut lines = Vec::new();
        for sale in self.store().sales_kept(county, from, LISTED_MAX).await? {
            let institution = self.store().load_institution(sale.institution).await?;
            lines.push(SaleLine { institution: institution.map_or(String::new(), |one| one.name), sale });
        }
        Ok(lines)
    }

    /// Opens the names of a sale, with a reason, on record.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] after its term and where nothing allows to follow up, [`Refusal::Field`] without a reason,
    /// [`AppError::Store`].
    pub async fn open_sale(
        &self,
        actor: &Actor,
        fact: FactId,
        reason: &str,
        wall: Instant,
    ) -> Result<NamedSale, AppError> {
        can(actor, Action::OpenSale, actor.division, Purpose::Control)?;
        let reason = Reason::parse(reason)?;
        let (sale, text) = self.store().open_sale(fact).await?.ok_or(Refusal::NotFound)?;
        can(actor, Action::OpenSale, sale.division, Purpose::Control)?;
        let county = sale.division.at(DivisionLevel::County).unwrap_or(sale.division);
        if sale.term_on < self.now().day() || !self.may_follow_up(county).await? {
            return Err(Refusal::NotFound.into());
        }
        self.log_deed(actor, Action::OpenSale, Purpose::Control, None, reason, wall).await?;
        let names: SaleNames =
            serde_json::from_str(&text).map_err(|_| AppError::Stopped("the named part of a sale cannot be read"))?;
        let patient = names.patient.unwrap_or_default();
        Ok(NamedSale {
            buyer: names.buyer.name,
            buyer_document: names.buyer.document,
            buyer_phone: names.buyer.phone,
            patient: (!patient.name.is_empty()).then_some(patient.name),
            patient_document: patient.document,
            patient_phone: patient.phone,
            address: names.address,
            travel: names.travel,
            symptoms: names.symptoms,
            product: names.product,
            quantity: names.quantity,
        })
    }

    /// Destroys the names of sales whose term is over: the key of each day goes under a certificate, then the rows.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn forget_sales(&self) -> Result<u64, AppError> {
        let mut gone = 0;
        for day in self.store().sale_days_past_term(self.now().day()).await? {
            match self.store().erase(RetentionClass::Sale, day, "end of term of named sales", self.now()).await {
                // The key went before, and the process with it.
                Ok(_) | Err(crate::StoreError::Erasure(_)) => gone += self.store().drop_sales(day).await?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(gone)
    }

    pub(super) async fn keep_sale_names(
        &self,
        fact: FactId,
        institution: &InstitutionRecord,
        sold_at: Instant,
        names: &SaleNames,
    ) -> Result<(), AppError> {
        let (sold_on, now) = (sold_at.day(), self.now());
        let sale = SaleRecord {
            fact,
            institution: institution.id,
            division: institution.division,
            sold_on,
            term_on: sold_on.plus_days(TERM_DAYS),
        };
        let text = serde_json::to_string(names).map_err(|_| AppError::Stopped("a sale cannot be written"))?;
        Ok(self.store().keep_sale(&sale, &text, now).await?)
    }

    /// Whether a county has an infection of seven days, or a signal of two weeks that was not closed as nothing.
    async fn may_follow_up(&self, county: DivisionCode) -> Result<bool, AppError> {
        let now = self.now();
        let filter = PeopleFilter { within: county, group: CourseFilter::New7d, now, today: now.day() };
        if self.store().count_group(filter).await? > 0 {
            return Ok(true);
        }
        let signals = self.store().list_signals(county, now.day().plus_days(-FOLLOW_UP_DAYS), LISTED_MAX).await?;
        Ok(signals.iter().any(|signal| signal.outcome.as_deref().is_none_or(|outcome| outcome == "outbreak")))
    }
}
