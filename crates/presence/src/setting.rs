//! Where two people were to each other inside a place: seats of vehicles, classes of schools, households.
//!
//! Rule 5 of the policy reference, "contact class from setting"; it is the transport table of the national protocol.

use std::collections::HashMap;

use crate::stay::{PersonNo, PlaceNo, Span};

/// Rows in front and behind within which passengers are close.
const ROWS_NEAR: u32 = 3;

/// What kind of place it is; decides which rule of exposure counts there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Setting {
    /// A home: everybody in it is close.
    Household,
    /// A school: the same class (班级) is close.
    School,
    /// One trip of a vehicle.
    Vehicle(Vehicle),
    /// Any other place; who is there together is close.
    #[default]
    Venue,
}

/// Kind of vehicle; each seats its passengers differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Vehicle {
    /// Rows that differ by at most three; crew of the same zone.
    Aircraft,
    /// Air-conditioned: the carriage of seats or hard sleepers, the compartment of soft sleepers, the carriage's crew.
    SealedTrain,
    /// Windows open: the compartment, else neighbouring bays of the carriage; the carriage's crew.
    OrdinaryTrain,
    /// Everybody.
    SealedCoach,
    /// Rows that differ by at most three; driver and crew always.
    VentilatedCoach,
    /// The cabin, and the crew that serve it.
    Ship,
}

/// Where somebody sat, slept or served. What is not known stays empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seat {
    /// Driver or crew, not passenger.
    pub crew: bool,
    /// Soft sleepers are compartments with a door.
    pub soft_sleeper: bool,
    /// Row of seats.
    pub row: Option<u32>,
    /// Bay of an open carriage.
    pub bay: Option<u32>,
    /// Carriage of a train.
    pub carriage: Option<String>,
    /// Compartment of a carriage.
    pub compartment: Option<String>,
    /// Cabin of a ship; for crew the one they serve.
    pub cabin: Option<String>,
    /// Zone of an aircraft; for crew the one they serve.
    pub zone: Option<String>,
    /// Class of a school.
    pub class: Option<String>,
}

/// How close two people were to each other at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Closeness {
    /// Close enough for a close contact (密接).
    Close,
    /// A seat is not known: somebody has to ask.
    Undetermined,
    /// General contact (一般接触者): the same trip or school, but not near.
    General,
}

impl Setting {
    /// Closeness of two people by where each was; order does not matter.
    #[must_use]
    pub fn closeness(self, one: &Seat, other: &Seat) -> Closeness {
        match self {
            Self::Household | Self::Venue => Closeness::Close,
            Self::School => same(one.class.as_ref(), other.class.as_ref()),
            Self::Vehicle(vehicle) => vehicle.closeness(one, other),
        }
    }
}

impl Vehicle {
    fn closeness(self, one: &Seat, other: &Seat) -> Closeness {
        let crew = one.crew || other.crew;
        let carriage = same(one.carriage.as_ref(), other.carriage.as_ref());
        match self {
            Self::Aircraft if crew => same(one.zone.as_ref(), other.zone.as_ref()),
            Self::SealedCoach => Closeness::Close,
            Self::VentilatedCoach if crew => Closeness::Close,
            Self::Aircraft | Self::VentilatedCoach => within(one.row, other.row, ROWS_NEAR),
            Self::SealedTrain | Self::OrdinaryTrain if crew => carriage,
            Self::SealedTrain if one.soft_sleeper || other.soft_sleeper => {
                carriage.max(same(one.compartment.as_ref(), other.compartment.as_ref()))
            }
            Self::SealedTrain => carriage,
            Self::OrdinaryTrain if one.compartment.is_some() || other.compartment.is_some() => {
                carriage.max(same(one.compartment.as_ref(), other.compartment.as_ref()))
            }
            Self::OrdinaryTrain => carriage.max(within(one.bay, other.bay, 1)),
            Self::Ship => same(one.cabin.as_ref(), other.cabin.as_ref()),
        }
    }
}

fn same(one: Option<&String>, other: Option<&String>) -> Closeness {
    match (one, other) {
        (Some(one), Some(other)) if one == other => Closeness::Close,
        (Some(_), Some(_)) => Closeness::General,
        _ => Closeness::Undetermined,
    }
}

fn within(one: Option<u32>, other: Option<u32>, most: u32) -> Closeness {
    match (one, other) {
        (Some(one), Some(other)) if one.abs_diff(other) <= most => Closeness::Close,
        (Some(_), Some(_)) => Closeness::General,
        _ => Closeness::Undetermined,
    }
}

/// Settings of places, and the seats that people had there.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    places: HashMap<PlaceNo, Setting>,
    seats: HashMap<(PlaceNo, PersonNo), Vec<(Span, Seat)>>,
}

impl Settings {
    /// Says what kind of place it is; a place without a setting is a venue.
    pub fn set_place(&mut self, place: PlaceNo, setting: Setting) {
        self.places.insert(place, setting);
    }

    /// Says where in the place a person was during `span`. Somebody may change seats.
    pub fn set_seat(&mut self, place: PlaceNo, person: PersonNo, span: Span, seat: Seat) {
        self.seats.entry((place, person)).or_default().push((span, seat));
    }

    /// Setting of a place.
    #[must_use]
    pub fn setting(&self, place: PlaceNo) -> Setting {
        self.places.get(&place).copied().unwrap_or_default()
    }

    /// How close two people came at a place during `span`: the closest of all pairs of seats that they had at one time.
    ///
    /// Seats count even where they lie outside the span only by an airborne lag, so those of the case are taken from
    /// `span` widened by `lag_s` into the past.
    #[must_use]
    pub fn closeness(&self, place: PlaceNo, case: PersonNo, contact: PersonNo, span: Span, lag_s: u32) -> Closeness {
        let unknown = [(span, Seat::default())];
        let seats = |person| self.seats.get(&(place, person)).map_or(&unknown[..], Vec::as_slice);
        let setting = self.setting(place);
        let pairs = seats(case).iter().flat_map(|one| seats(contact).iter().map(move |other| (one, other)));
        pairs
            .filter(|((one_span, _), (other_span, _))| {
                let lingering = Span { from_s: one_span.from_s, until_s: one_span.until_s.saturating_add(lag_s) };
                !lingering.intersection(*other_span).intersection(span).is_empty()
            })
            .map(|((_, one), (_, other))| setting.closeness(one, other))
            .min()
            .unwrap_or_else(|| setting.closeness(&Seat::default(), &Seat::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIP: PlaceNo = PlaceNo(1);

    fn check(seats: &[(u32, (u32, u32), Option<u32>)], span: (u32, u32), expect: Closeness) {
        let mut settings = Settings::default();
        settings.set_place(TRIP, Setting::Vehicle(Vehicle::Aircraft));
        for &(person, (from_s, until_s), row) in seats {
            settings.set_seat(TRIP, PersonNo(person), Span { from_s, until_s }, Seat { row, ..Seat::default() });
        }
        let span = Span { from_s: span.0, until_s: span.1 };
        assert_eq!(settings.closeness(TRIP, PersonNo(1), PersonNo(2), span, 0), expect);
    }

    #[test]
    fn somebody_who_changed_seats_counts_by_the_nearest_seat_of_the_time_together() {
        let near = (2, (0, 50), Some(12));
        let far = (2, (50, 100), Some(30));
        check(&[(1, (0, 100), Some(10)), near, far], (0, 100), Closeness::Close);
        check(&[(1, (0, 100), Some(10)), near, far], (50, 100), Closeness::General);
    }

    #[test]
    fn an_unknown_seat_is_asked_for_and_not_guessed() {
        check(&[(1, (0, 100), Some(10))], (0, 100), Closeness::Undetermined);
        check(&[(1, (0, 100), Some(10)), (2, (0, 100), None)], (0, 100), Closeness::Undetermined);
    }
}
