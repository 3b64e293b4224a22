//! Contact with a case, and where both sat in a vehicle.

use serde::{Deserialize, Serialize};

use super::evidence::EvidenceKind;
use super::shapes::{bodies, words};
use crate::{
    id::{PersonId, TripId},
    measure::ContactClass,
    time::Instant,
};

words! {
    /// Vehicles with rules of their own.
    Vehicle {
        /// Aircraft.
        Aircraft,
        /// Sealed, air-conditioned train.
        SealedTrain,
        /// Ordinary train.
        OrdinaryTrain,
        /// Sealed, air-conditioned coach.
        SealedCoach,
        /// Ventilated coach.
        VentilatedCoach,
        /// Ship.
        Ship,
    }
}

words! {
    /// What the exposed person did aboard.
    TravelRole {
        /// Crew, driver, steward.
        Crew,
    }
}

words! {
    /// Kind of place in a train.
    SeatType {
        /// Seat.
        Seat,
        /// Open berth.
        HardSleeper,
        /// Berth in a compartment.
        SoftSleeper,
    }
}

/// A number or a name: rows, carriages and cabins have either.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Position {
    /// Counted.
    Number(i64),
    /// Named.
    Name(Box<str>),
}

bodies! {
    /// Contact with a case, or with a close contact.
    #[serde(try_from = "ExposureWire")]
    Exposure {
        /// The case.
        #[serde(skip_serializing_if = "Option::is_none")]
        case: Option<PersonId>,
        /// For secondary contacts: the close contact.
        #[serde(skip_serializing_if = "Option::is_none")]
        via: Option<PersonId>,
        /// How it is known.
        evidence: EvidenceKind,
        /// Which disease; none: covid.
        #[serde(skip_serializing_if = "Option::is_none")]
        disease: Option<Box<str>>,
        /// When the case left the place.
        #[serde(skip_serializing_if = "Option::is_none")]
        case_left_at: Option<Instant>,
        /// Where they sat, for the transport rules; exactly one of setting and class is given.
        #[serde(skip_serializing_if = "Option::is_none")]
        setting: Option<Box<Setting>>,
        /// An epidemiologist's finding.
        #[serde(skip_serializing_if = "Option::is_none")]
        class: Option<ContactClass>,
    }
}

/// Where exposed person and case sat in a vehicle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "fields come in pairs: the exposed person's, and the case's with prefix case_")]
pub struct Setting {
    /// Which kind of vehicle.
    pub vehicle: Vehicle,
    /// The exposed person's journey.
    pub trip: TripId,
    /// The case's journey.
    pub case_trip: TripId,
    /// Crew, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<TravelRole>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat_type: Option<SeatType>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_row: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bay: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_bay: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carriage: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_carriage: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compartment: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_compartment: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_zone: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cabin: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_cabin: Option<Position>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExposureWire {
    case: Option<PersonId>,
    via: Option<PersonId>,
    evidence: EvidenceKind,
    disease: Option<Box<str>>,
    case_left_at: Option<Instant>,
    setting: Option<Box<Setting>>,
    class: Option<ContactClass>,
}

impl TryFrom<ExposureWire> for Exposure {
    type Error = &'static str;

    fn try_from(wire: ExposureWire) -> Result<Self, Self::Error> {
        if wire.setting.is_some() == wire.class.is_some() {
            return Err("give exactly one of 'setting' and 'class'");
        }
        let ExposureWire { case, via, evidence, disease, case_left_at, setting, class } = wire;
        Ok(Self { case, via, evidence, disease, case_left_at, setting, class })
    }
}
