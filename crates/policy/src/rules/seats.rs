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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(setting: &str, want: Option<ContactClass>) {
        let json = format!(r#"{{"trip":"T1","case_trip":"T1",{setting}}}"#);
        assert_eq!(class(&serde_json::from_str(&json).unwrap(), Transport::default()), want, "{setting}");
    }

    const CLOSE: Option<ContactClass> = Some(ContactClass::CloseContact);
    const GENERAL: Option<ContactClass> = Some(ContactClass::GeneralContact);

    #[test]
    fn three_rows_of_an_aircraft_are_near_and_four_are_not() {
        check(r#""vehicle":"aircraft","row":7,"case_row":10"#, CLOSE);
        check(r#""vehicle":"aircraft","row":"13","case_row":10"#, CLOSE);
        check(r#""vehicle":"aircraft","row":14,"case_row":10"#, GENERAL);
    }

    #[test]
    fn a_place_that_was_not_recorded_is_near_to_nothing() {
        check(r#""vehicle":"aircraft","case_row":10"#, GENERAL);
        check(r#""vehicle":"ship","cabin":"A12""#, GENERAL);
        check(r#""vehicle":"sealed_train","seat_type":"soft_sleeper","carriage":5,"case_carriage":"5""#, GENERAL);
    }

    #[test]
    fn crew_count_by_what_they_serve() {
        check(r#""vehicle":"aircraft","role":"crew","zone":"B","case_zone":"B""#, CLOSE);
        check(r#""vehicle":"aircraft","role":"crew","zone":"A","case_zone":"B","row":9,"case_row":10"#, GENERAL);
        check(r#""vehicle":"ordinary_train","role":"crew","carriage":3,"case_carriage":3,"bay":1,"case_bay":9"#, CLOSE);
        check(r#""vehicle":"ventilated_coach","role":"crew","case_row":9"#, CLOSE);
        check(r#""vehicle":"ship","role":"crew","cabin":"A1","case_cabin":"A2""#, GENERAL);
    }

    #[test]
    fn an_ordinary_train_counts_compartments_where_it_has_them() {
        check(r#""vehicle":"ordinary_train","carriage":3,"case_carriage":3,"bay":5,"case_bay":4"#, CLOSE);
        check(r#""vehicle":"ordinary_train","carriage":3,"case_carriage":3,"bay":6,"case_bay":4"#, GENERAL);
        let compartments = r#""compartment":"2","case_compartment":"1","bay":4,"case_bay":4"#;
        check(&format!(r#""vehicle":"ordinary_train","carriage":3,"case_carriage":3,{compartments}"#), GENERAL);
    }

    #[test]
    fn another_trip_makes_no_class() {
        let json = r#"{"trip":"T1","case_trip":"T0","vehicle":"sealed_coach"}"#;
        assert_eq!(class(&serde_json::from_str(json).unwrap(), Transport::default()), None);
    }
}
