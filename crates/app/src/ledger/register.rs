//! The register of places (场所登记): number, division, kind, name.

use sizao_model::{DivisionCode, Instant};
use sizao_store::PlaceRecord;
use uuid::Uuid;

use crate::{
    App, AppError,
    access::Reason,
    accounts::{checked_division, checked_name},
    authorization::{Action, Purpose, Scope, can, usual_purpose},
    identity::{Actor, named},
    refusal::Refusal,
};

/// Places on a page.
const PAGE: u32 = 200;

named! {
    /// What kind of place it is.
    PlaceKind {
        /// Anything else where people meet.
        Venue = "venue",
        /// A home; its name is an address.
        Household = "household",
        /// Offices, works.
        Workplace = "workplace",
        /// School or kindergarten; seats are classes.
        School = "school",
        /// Restaurant, tea house.
        Restaurant = "restaurant",
        /// Shop, market.
        Shop = "shop",
        /// Clinic, hospital.
        Care = "care",
        /// Worship, ceremony, performance.
        Gathering = "gathering",
        /// One flight.
        Aircraft = "aircraft",
        /// One trip of a sealed train.
        SealedTrain = "sealed_train",
        /// One trip of a train with windows.
        OrdinaryTrain = "ordinary_train",
        /// One trip of a sealed coach.
        SealedCoach = "sealed_coach",
        /// One trip of a coach with windows.
        VentilatedCoach = "ventilated_coach",
        /// One trip of a ship.
        Ship = "ship",
    }
}

/// Every kind.
pub const PLACE_KINDS: &[PlaceKind] = PlaceKind::ALL.as_slice();
/// The kind without a rule of its own.
pub(super) const PLAIN: &str = "venue";
/// The kind that no list of places shows.
const HOME: &str = "household";

/// A place to enter.
#[derive(Clone, Debug, Default)]
pub struct NewPlace {
    /// The sender's own code for it; the name, if there is none.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Where.
    pub division: String,
    /// How many may be in it; empty: not set.
    pub capacity: String,
}

impl App {
    /// Enters a place; the same code of the same unit is the same place.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn add_place(&self, actor: &Actor, form: &NewPlace, wall: Instant) -> Result<PlaceRecord, AppError> {
        let scope = Scope::of(actor, Action::KeepPlaces, Purpose::Reporting)?;
        let name = checked_name("name", &form.name)?;
        let kind = PlaceKind::from_name(&form.kind).ok_or(Refusal::field("kind", "choose"))?;
        let division = checked_division("division", &form.division)?;
        scope.narrowed(division).map_err(|_| Refusal::field("division", "division-outside"))?;
        let capacity = match form.capacity.trim() {
            "" => None,
            text => Some(text.parse().ok().filter(|n| *n > 0).ok_or(Refusal::field("capacity", "number"))?),
        };
        self.log_deed(actor, Action::KeepPlaces, Purpose::Reporting, None, Reason::of("place entered"), wall).await?;
        let code = if form.code.trim().is_empty() { &name } else { form.code.trim() };
        let words = place_words(&format!("unit:{}", actor.unit), code);
        let place = [(words, division, kind.name().to_owned(), name.clone(), capacity)];
        let number = self.add_places(&place).await?[0];
        Ok(self.store().load_places(&[number]).await?.remove(&number).ok_or(Refusal::NotFound)?)
    }

    /// Places of the actor's division, homes left out.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn list_places(&self, actor: &Actor, after: u32) -> Result<Vec<PlaceRecord>, AppError> {
        let purpose = usual_purpose(actor, Action::KeepPlaces)?;
        let scope = Scope::of(actor, Action::KeepPlaces, purpose)?;
        Ok(self.store().list_places(scope.division(), HOME, after, PAGE).await?)
    }

    /// A place that the actor may keep.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn own_place(&self, actor: &Actor, place: Uuid) -> Result<PlaceRecord, AppError> {
        let purpose = usual_purpose(actor, Action::KeepPlaces)?;
        can(actor, Action::KeepPlaces, actor.division, purpose)?;
        let place = self.store().load_place(place).await?.ok_or(Refusal::NotFound)?;
        can(actor, Action::KeepPlaces, place.division, purpose)?;
        if place.kind == HOME { Err(Refusal::NotFound.into()) } else { Ok(place) }
    }

    /// Enters places by words, kind and name; the index learns of kinds with rules of their own.
    pub async fn add_places(
        &self,
        places: &[(String, DivisionCode, String, String, Option<u32>)],
    ) -> Result<Vec<u32>, AppError> {
        let numbers = self.store().add_places(places, self.now()).await?;
        let mut live = self.live().await?.write().expect("no thread panics with it");
        for (number, (.., kind, _, _)) in numbers.iter().zip(places) {
            live.place_is(*number, kind);
        }
        Ok(numbers)
    }

    /// Where a place is.
    pub(super) async fn place_division(&self, place: u32) -> Result<Option<DivisionCode>, AppError> {
        if let Some(known) = self.ledger.places.lock().expect("no thread panics with it").get(&place) {
            return Ok(Some(*known));
        }
        let Some(found) = self.store().load_places(&[place]).await?.remove(&place) else { return Ok(None) };
        let mut known = self.ledger.places.lock().expect("no thread panics with it");
        if known.len() > super::REMEMBERED_MAX {
            known.clear();
        }
        known.insert(place, found.division);
        Ok(Some(found.division))
    }
}

/// The words under which a place is known: who names it, and how.
pub fn place_words(scope: &str, code: &str) -> String {
    format!("{scope}\u{1f}{code}")
}
