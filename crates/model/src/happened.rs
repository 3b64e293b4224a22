//! When something happened: an instant, a civil day, or an interval between two of these.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::time::{CivilDay, Instant, TimeError, Zone};

/// When a fact happened, and in whose days. Written `{"at": …}`, `{"day": …}` or `{"from": …, "to": …}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Happened {
    /// The time itself.
    pub when: When,
    /// The zone whose days count; of the place, not of the recorder.
    pub zone: Zone,
}

/// The three forms of a time, each as precise as what was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum When {
    /// A known moment.
    At(Instant),
    /// Somewhere in a day.
    On(CivilDay),
    /// From one edge to another; without the second, still going on.
    During(Edge, Option<Edge>),
}

/// One end of an interval, as precise as it was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", untagged)]
pub enum Edge {
    /// A known moment.
    At(Instant),
    /// The whole day: its first instant as a beginning, its last as an end.
    Day(CivilDay),
}

/// Why an interval is refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum HappenedError {
    /// The end lies before the beginning.
    #[error("it ends ({to}) before it begins ({from}): swap them or correct one")]
    EndsBeforeItBegins {
        /// First instant.
        from: Instant,
        /// End of the interval.
        to: Instant,
    },
    /// None or several of the three forms.
    #[error("give exactly one of 'at', 'day', or 'from' with 'to'")]
    Form,
}

impl Happened {
    /// A moment, in Asia/Shanghai.
    pub const fn at(instant: Instant) -> Self {
        Self { when: When::At(instant), zone: Zone::SHANGHAI }
    }

    /// A day in Asia/Shanghai.
    pub const fn on(day: CivilDay) -> Self {
        Self { when: When::On(day), zone: Zone::SHANGHAI }
    }

    /// An interval in Asia/Shanghai.
    ///
    /// # Errors
    /// [`HappenedError::EndsBeforeItBegins`].
    pub fn during(from: Edge, to: Option<Edge>) -> Result<Self, HappenedError> {
        Self { when: When::During(from, to), zone: Zone::SHANGHAI }.checked()
    }

    /// The first instant.
    pub fn starts_at(&self) -> Instant {
        match self.when {
            When::At(instant) => instant,
            When::On(day) => self.zone.start_of(day),
            When::During(from, _) => from.first(&self.zone),
        }
    }

    /// The instant at which it is over (a day: the next midnight), or nothing while it goes on.
    pub fn ends_at(&self) -> Option<Instant> {
        match self.when {
            When::At(instant) => Some(instant),
            When::On(day) => Some(self.zone.start_of(day.plus_days(1))),
            When::During(_, to) => to.map(|edge| edge.last(&self.zone)),
        }
    }

    /// The civil day on which it began.
    pub fn first_day(&self) -> CivilDay {
        match self.when {
            When::On(day) | When::During(Edge::Day(day), _) => day,
            When::At(instant) | When::During(Edge::At(instant), _) => self.zone.day_of(instant),
        }
    }

    /// The civil day on which it ended, or nothing while it goes on.
    pub fn last_day(&self) -> Option<CivilDay> {
        match self.when {
            When::On(day) => Some(day),
            When::At(instant) => Some(self.zone.day_of(instant)),
            When::During(_, to) => to.map(|edge| edge.day(&self.zone)),
        }
    }

    fn checked(self) -> Result<Self, HappenedError> {
        let days_reversed = self.last_day().is_some_and(|last| last < self.first_day());
        match (self.starts_at(), self.ends_at()) {
            (from, Some(to)) if to < from || days_reversed => Err(HappenedError::EndsBeforeItBegins { from, to }),
            _ => Ok(self),
        }
    }
}

impl Edge {
    /// The edge as a beginning.
    pub fn first(self, zone: &Zone) -> Instant {
        match self {
            Edge::At(instant) => instant,
            Edge::Day(day) => zone.start_of(day),
        }
    }

    /// The edge as an end: a day ends with the next midnight.
    pub fn last(self, zone: &Zone) -> Instant {
        match self {
            Edge::At(instant) => instant,
            Edge::Day(day) => zone.start_of(day.plus_days(1)),
        }
    }

    /// The civil day of the edge.
    pub fn day(self, zone: &Zone) -> CivilDay {
        match self {
            Edge::At(instant) => zone.day_of(instant),
            Edge::Day(day) => day,
        }
    }
}

impl TryFrom<String> for Edge {
    type Error = TimeError;

    fn try_from(text: String) -> Result<Self, TimeError> {
        if text.len() == 10 { CivilDay::parse(&text).map(Edge::Day) } else { Instant::parse(&text).map(Edge::At) }
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<Instant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    day: Option<CivilDay>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<Edge>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<Option<Edge>>,
    #[serde(default, skip_serializing_if = "Zone::is_shanghai")]
    zone: Zone,
}

impl TryFrom<Wire> for Happened {
    type Error = HappenedError;

    fn try_from(wire: Wire) -> Result<Self, HappenedError> {
        let when = match (wire.at, wire.day, wire.from, wire.to) {
            (Some(at), None, None, None) => When::At(at),
            (None, Some(day), None, None) => When::On(day),
            (None, None, Some(from), to) => When::During(from, to.flatten()),
            _ => return Err(HappenedError::Form),
        };
        Self { when, zone: wire.zone }.checked()
    }
}

impl From<Happened> for Wire {
    fn from(happened: Happened) -> Self {
        let mut wire = Wire { at: None, day: None, from: None, to: None, zone: happened.zone };
        match happened.when {
            When::At(at) => wire.at = Some(at),
            When::On(day) => wire.day = Some(day),
            When::During(from, to) => {
                wire.from = Some(from);
                wire.to = Some(to);
            }
        }
        wire
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Happened, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn the_three_forms_read_back_as_written() {
        for json in [
            r#"{"at":"2022-03-02T20:00:00+08:00"}"#,
            r#"{"day":"2022-03-02"}"#,
            r#"{"from":"2022-03-02T10:00:00+08:00","to":"2022-03-02T11:30:00+08:00"}"#,
            r#"{"from":"2022-03-02","to":null}"#,
            r#"{"day":"2022-03-02","zone":"Europe/London"}"#,
        ] {
            assert_eq!(serde_json::to_string(&read(json).unwrap()).unwrap(), json);
        }
    }

    #[test]
    fn a_day_lasts_to_the_next_midnight() {
        let day = read(r#"{"day":"2022-03-02"}"#).unwrap();
        assert_eq!(day.starts_at().to_string(), "2022-03-02T00:00:00+08:00");
        assert_eq!(day.ends_at().unwrap().to_string(), "2022-03-03T00:00:00+08:00");
    }

    #[test]
    fn an_interval_that_ends_before_it_begins_is_refused() {
        assert!(read(r#"{"from":"2022-03-02","to":"2022-03-01"}"#).unwrap_err().contains("before it begins"));
        assert!(read(r#"{"at":"2022-03-02T20:00:00+08:00","day":"2022-03-02"}"#).is_err());
        assert!(read("{}").is_err());
    }
}
