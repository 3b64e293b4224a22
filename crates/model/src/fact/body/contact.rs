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
        /// What is known of the meeting, for whoever reads it when the ledger's day is gone.
        #[serde(skip_serializing_if = "Option::is_none")]
        meeting: Option<Box<Meeting>>,
    }
}

/// A meeting as it was found in the ledger, or told to a tracer; complete in itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meeting {
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Box<str>>,
    /// What kind of place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place_kind: Option<Box<str>>,
    /// What the two are to each other: lives together, same table, same vehicle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<Box<str>>,
    /// Time together, all meetings; seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap_s: Option<u64>,
    /// How many meetings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encounters: Option<u32>,
    /// Program and version that found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Box<str>>,
    /// Digest of the ledger's day of the last meeting, hexadecimal; `live` for a day that was not closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Box<str>>,
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
    #[serde(default)]
    meeting: Option<Box<Meeting>>,
}

impl TryFrom<ExposureWire> for Exposure {
    type Error = &'static str;

    fn try_from(wire: ExposureWire) -> Result<Self, Self::Error> {
        if wire.setting.is_some() == wire.class.is_some() {
            return Err("give exactly one of 'setting' and 'class'");
        }
        let ExposureWire { case, via, evidence, disease, case_left_at, setting, class, meeting } = wire;
        Ok(Self { case, via, evidence, disease, case_left_at, setting, class, meeting })
    }
}
