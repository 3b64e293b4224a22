//! The infectious window of a case: from 00:00 of the day so many days before the anchor to its closing. An exposure
//! that does not overlap it counts for nothing.

use sizao_model::{CivilDay, Edge, FactBody, Happened, Instant, When};

use super::{infection::Infection, is_about, isolation};
use crate::{
    known::Seen,
    pack::{Window, WindowAnchor, WindowEnd},
    people::Group,
    plan::last_day_before,
};

/// A window on the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InfectiousWindow {
    pub opens_at: Instant,
    pub closes: Option<Closing>,
}

/// The closing of a window, and the last day within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closing {
    pub at: Instant,
    pub last_on: CivilDay,
}

/// The day from which the window is counted; without a known one, the day of diagnosis.
pub(crate) fn anchor(window: &Window, infection: &Infection) -> CivilDay {
    anchor_of(window.anchor, infection)
}

/// The same for a pack without a window.
pub(crate) fn anchor_of(anchor: WindowAnchor, infection: &Infection) -> CivilDay {
    let earliest = match anchor {
        WindowAnchor::Onset => infection.onset_on,
        WindowAnchor::OnsetOrSampling => [infection.onset_on, infection.sampled_on].into_iter().flatten().min(),
    };
    earliest.unwrap_or(infection.diagnosed_on)
}

/// The window of an infection.
pub(crate) fn infectious(
    window: &Window,
    infection: &Infection,
    case: &Group,
    disease: &str,
    facts: &[Seen<'_>],
) -> InfectiousWindow {
    let anchor_on = anchor(window, infection);
    let opens_at = anchor_on.plus_days(-window.before_days).start();
    let closes = match window.until {
        WindowEnd::Isolation => isolation::first_started(case, opens_at, facts)
            .map(|started_at| Closing { at: started_at, last_on: started_at.day() }),
        WindowEnd::DaysAfter => Some(end_of_day(anchor_on.plus_days(window.after_days))),
        WindowEnd::RecoveryOrBurial => recovery_or_burial(opens_at, case, disease, facts),
    };
    InfectiousWindow { opens_at, closes }
}

impl InfectiousWindow {
    /// Whether an exposure overlaps the window.
    pub fn overlaps(&self, happened: &Happened) -> bool {
        let starts_at = happened.starts_at();
        let opens_in_time = match happened.when {
            When::At(instant) => instant >= self.opens_at,
            When::On(_) | When::During(..) => happened
                .ends_at()
                .is_none_or(|ends_at| ends_at > self.opens_at || (ends_at == starts_at && ends_at == self.opens_at)),
        };
        opens_in_time && self.closes.is_none_or(|closing| starts_at < closing.at)
    }

    /// The civil day on which an exposure ended, cut at the closing. One that still goes on while the window is open
    /// is known to have lasted to the day of its recording.
    pub fn last_exposure(&self, seen: &Seen<'_>) -> CivilDay {
        let own = last_day(&seen.happened);
        match (own, self.closes) {
            (Some(own), Some(closing)) => own.min(closing.last_on),
            (None, Some(closing)) => closing.last_on,
            (Some(own), None) => own,
            (None, None) => seen.recorded_at.day().max(seen.starts_at().day()),
        }
    }
}

/// The civil day in the zone of the measure on which something ended; nothing while it goes on.
pub(crate) fn last_day(happened: &Happened) -> Option<CivilDay> {
    let ends_at = happened.ends_at()?;
    Some(match happened.when {
        When::On(_) | When::During(_, Some(Edge::Day(_))) => last_day_before(ends_at),
        When::At(_) | When::During(..) => ends_at.day(),
    })
}

fn end_of_day(day: CivilDay) -> Closing {
    Closing { at: day.plus_days(1).start(), last_on: day }
}

fn recovery_or_burial(opens_at: Instant, case: &Group, disease: &str, facts: &[Seen<'_>]) -> Option<Closing> {
    facts
        .iter()
        .filter(|seen| case.reach(seen).is_some())
        .filter_map(|seen| match &*seen.body {
            FactBody::Discharge(discharge)
                if is_about(discharge.disease.as_deref(), disease) && seen.starts_at() >= opens_at =>
            {
                Some(Closing { at: seen.starts_at(), last_on: seen.starts_at().day() })
            }
            FactBody::Death(death) => death.safe_burial.map(end_of_day).filter(|closing| closing.at > opens_at),
            _ => None,
        })
        .min_by_key(|closing| closing.at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(opens_at: &str, closes_at: &str) -> InfectiousWindow {
        let instant = |text: &str| Instant::parse(text).unwrap();
        let closes_at = instant(closes_at);
        InfectiousWindow {
            opens_at: instant(opens_at),
            closes: Some(Closing { at: closes_at, last_on: closes_at.day() }),
        }
    }

    #[track_caller]
    fn check(happened: &str, want: bool) {
        let window = window("2022-03-08T00:00:00+08:00", "2022-03-10T08:00:00+08:00");
        let happened: Happened = serde_json::from_str(happened).unwrap();
        assert_eq!(window.overlaps(&happened), want, "{happened:?}");
    }

    #[test]
    fn an_exposure_overlaps_from_the_opening_to_the_closing() {
        check(r#"{"from":"2022-03-07T20:00:00+08:00","to":"2022-03-07T23:59:00+08:00"}"#, false);
        check(r#"{"from":"2022-03-07T20:00:00+08:00","to":"2022-03-08T00:01:00+08:00"}"#, true);
        check(r#"{"day":"2022-03-07"}"#, false);
        check(r#"{"day":"2022-03-08"}"#, true);
        check(r#"{"at":"2022-03-08T00:00:00+08:00"}"#, true);
        check(r#"{"from":"2022-03-10T07:59:00+08:00","to":null}"#, true);
        check(r#"{"from":"2022-03-10T08:00:00+08:00","to":"2022-03-10T09:00:00+08:00"}"#, false);
    }

    #[test]
    fn the_day_of_an_end_is_that_of_the_place_of_measure() {
        let day = |happened: &str| last_day(&serde_json::from_str(happened).unwrap()).unwrap().to_string();
        assert_eq!(day(r#"{"from":"2022-07-10T22:30:00Z","to":"2022-07-10T23:30:00Z"}"#), "2022-07-11");
        assert_eq!(day(r#"{"from":"2022-07-10","to":"2022-07-10"}"#), "2022-07-10");
        assert_eq!(
            day(r#"{"day":"2022-07-10","zone":"Europe/London"}"#),
            "2022-07-11",
            "over at 07:00 of the 11th here"
        );
    }
}
