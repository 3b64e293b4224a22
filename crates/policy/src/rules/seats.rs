//! Contact class from seats (annex of the eighth protocol): who shared a vehicle with a case is a close contact when
//! they sat near, a general contact otherwise, and nothing on another trip.

use sizao_model::{
    ContactClass,
    fact::{Position, SeatType, Setting, TravelRole, Vehicle},
};

use crate::pack::Transport;

/// The class of a person by where they and the case sat.
///
/// Aircraft: rows within three, crew of the same zone. Sealed train: the carriage; in a soft sleeper the compartment.
/// Ordinary train: the compartment where there is one, else bays within one. Sealed coach: everybody. Ventilated coach:
/// rows within three, and the crew. Ship: the cabin, and the crew that serves it. A place that was not recorded
/// matches nothing.
pub(crate) fn class(setting: &Setting, limits: Transport) -> Option<ContactClass> {
    if setting.trip != setting.case_trip {
        return None;
    }
    let is_crew = setting.role == Some(TravelRole::Crew);
    let same_carriage = same(&setting.carriage, &setting.case_carriage);
    let same_compartment = same(&setting.compartment, &setting.case_compartment);
    let has_compartment = setting.compartment.is_some() || setting.case_compartment.is_some();
    let is_near = match setting.vehicle {
        Vehicle::Aircraft if is_crew => same(&setting.zone, &setting.case_zone),
        Vehicle::Aircraft => within(&setting.row, &setting.case_row, limits.aircraft_rows),
        Vehicle::SealedTrain | Vehicle::OrdinaryTrain if is_crew => same_carriage,
        Vehicle::SealedTrain if setting.seat_type == Some(SeatType::SoftSleeper) => same_carriage && same_compartment,
        Vehicle::SealedTrain => same_carriage,
        Vehicle::OrdinaryTrain if has_compartment => same_carriage && same_compartment,
        Vehicle::OrdinaryTrain => same_carriage && within(&setting.bay, &setting.case_bay, limits.train_bays),
        Vehicle::SealedCoach => true,
        Vehicle::VentilatedCoach => is_crew || within(&setting.row, &setting.case_row, limits.coach_rows),
        Vehicle::Ship => same(&setting.cabin, &setting.case_cabin),
    };
    Some(if is_near { ContactClass::CloseContact } else { ContactClass::GeneralContact })
}

fn same(one: &Option<Position>, other: &Option<Position>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => {
            one == other || number(one).is_some_and(|number_of_one| number(other) == Some(number_of_one))
        }
        _ => false,
    }
}

fn within(one: &Option<Position>, other: &Option<Position>, most: i64) -> bool {
    match (one.as_ref().and_then(number), other.as_ref().and_then(number)) {
        (Some(one), Some(other)) => one.abs_diff(other) <= most.unsigned_abs(),
        _ => false,
    }
}

/// Rows come as numbers or as texts that are numbers.
fn number(position: &Position) -> Option<i64> {
    match position {
        Position::Number(number) => Some(*number),
        Position::Name(name) => name.trim().parse().ok(),
    }
}
