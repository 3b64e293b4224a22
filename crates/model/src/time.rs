//! Instants, civil days and zones. Instants are stored in UTC; civil days are those of the place (Asia/Shanghai
//! unless a fact says otherwise). Two dates never share a type by accident: an [`Instant`] is not a [`CivilDay`].

use std::fmt;

use jiff::{Timestamp, civil, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
/// Asia/Shanghai has kept UTC+8 without daylight saving since this instant (1991-09-15T17:00:00Z).
const SHANGHAI_FIXED_SINCE: Instant = Instant(684_954_000 * MICROS_PER_SECOND);
const SHANGHAI_OFFSET_MICROS: i64 = 8 * 3600 * MICROS_PER_SECOND;

/// Why a text is not a time.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TimeError {
    /// Not an RFC 3339 instant with offset.
    #[error("'{value}' is not an instant: {cause}. Write it with its offset, for example 2022-03-17T09:30:00+08:00")]
    Instant {
        /// The text as it came.
        value: String,
        /// What the calendar library said.
        cause: String,
    },
    /// Not a civil day.
    #[error("'{value}' is not a day: {cause}. Write it as year-month-day, for example 2022-03-17")]
    Day {
        /// The text as it came.
        value: String,
        /// What the calendar library said.
        cause: String,
    },
    /// Not a zone of the IANA database.
    #[error("'{0}' is not a time zone of the IANA database, such as Asia/Shanghai")]
    Zone(String),
}

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(i64);

impl Instant {
    /// Before everything.
    pub const MIN: Self = Self(i64::MIN);
    /// After everything.
    pub const MAX: Self = Self(i64::MAX);

    /// From microseconds since 1970-01-01T00:00:00Z.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 with an offset (`Z` or `+08:00`).
    ///
    /// # Errors
    /// [`TimeError::Instant`] when the text is anything else, such as 30 February or a missing offset.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let timestamp: Timestamp = text
            .parse()
            .map_err(|cause: jiff::Error| TimeError::Instant { value: shown(text), cause: cause.to_string() })?;
        Ok(Self(timestamp.as_microsecond()))
    }

    /// Later by so many hours; saturates.
    pub const fn plus_hours(self, hours: i64) -> Self {
        Self(self.0.saturating_add(hours.saturating_mul(3600 * MICROS_PER_SECOND)))
    }

    /// Later by so many minutes; saturates.
    pub const fn plus_minutes(self, minutes: i64) -> Self {
        Self(self.0.saturating_add(minutes.saturating_mul(60 * MICROS_PER_SECOND)))
    }

    /// The civil day in Asia/Shanghai.
    pub fn day(self) -> CivilDay {
        Zone::SHANGHAI.day_of(self)
    }

    /// RFC 3339 in Asia/Shanghai, to the second, or finer when the instant is.
    pub fn to_rfc3339(self) -> String {
        let shifted = self.0.saturating_add(SHANGHAI_OFFSET_MICROS);
        let (day, micros) = (shifted.div_euclid(MICROS_PER_DAY), shifted.rem_euclid(MICROS_PER_DAY));
        let seconds = micros / MICROS_PER_SECOND;
        let mut text =
            format!("{}T{:02}:{:02}:{:02}", CivilDay(day as i32), seconds / 3600, seconds / 60 % 60, seconds % 60);
        let fraction = micros % MICROS_PER_SECOND;
        if fraction != 0 {
            text.push_str(&format!(".{fraction:06}"));
        }
        text.push_str("+08:00");
        text
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text::<Instant>(Instant::parse, "an instant"))
    }
}

/// A day of the civil calendar: days since 1970-01-01. Which 24 hours it means, a [`Zone`] says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CivilDay(i32);

impl CivilDay {
    /// From days since 1970-01-01.
    pub const fn from_number(days: i32) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// Reads `YYYY-MM-DD`.
    ///
    /// # Errors
    /// [`TimeError::Day`] when the text is not a day of the calendar.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let refuse = |cause: String| TimeError::Day { value: shown(text), cause };
        if text.len() != 10 {
            return Err(refuse("a day has ten characters".to_owned()));
        }
        let date: civil::Date = text.parse().map_err(|cause: jiff::Error| refuse(cause.to_string()))?;
        Ok(Self::from_date(date))
    }

    /// The day with this year, month and day of month, if the calendar has it.
    pub fn from_ymd(year: i16, month: i8, day: i8) -> Option<Self> {
        civil::Date::new(year, month, day).ok().map(Self::from_date)
    }

    /// Later by so many days; saturates.
    pub const fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// Days from `earlier` to this day.
    pub const fn days_since(self, earlier: Self) -> i32 {
        self.0.saturating_sub(earlier.0)
    }

    /// 00:00 of this day in Asia/Shanghai.
    pub fn start(self) -> Instant {
        Zone::SHANGHAI.start_of(self)
    }

    /// Year, month and day of month.
    pub fn ymd(self) -> (i16, i8, i8) {
        let date = self.date();
        (date.year(), date.month(), date.day())
    }

    fn from_date(date: civil::Date) -> Self {
        let micros = date
            .to_zoned(TimeZone::UTC)
            .map(|zoned| zoned.timestamp().as_microsecond())
            .expect("a civil date in range has a midnight in UTC");
        Self(micros.div_euclid(MICROS_PER_DAY) as i32)
    }

    fn date(self) -> civil::Date {
        // Years beyond the calendar library's range are clamped: they can only come from arithmetic, never from input.
        let second = (i64::from(self.0) * 86_400).clamp(-377_705_000_000, 253_402_000_000);
        Timestamp::from_second(second).expect("clamped into the range of timestamps").to_zoned(TimeZone::UTC).date()
    }
}

impl fmt::Display for CivilDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.ymd();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Debug for CivilDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for CivilDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CivilDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text::<CivilDay>(CivilDay::parse, "a day"))
    }
}

/// The zone whose midnights bound civil days. Asia/Shanghai unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Zone(Option<Box<TimeZone>>);

impl Zone {
    /// UTC+8, no daylight saving since 1991.
    pub const SHANGHAI: Self = Self(None);

    /// The zone of this IANA name.
    ///
    /// # Errors
    /// [`TimeError::Zone`] when the IANA database has no such name.
    pub fn parse(name: &str) -> Result<Self, TimeError> {
        if name == "Asia/Shanghai" {
            return Ok(Self::SHANGHAI);
        }
        let zone = TimeZone::get(name).map_err(|_| TimeError::Zone(shown(name)))?;
        Ok(Self(Some(Box::new(zone))))
    }

    /// The IANA name.
    pub fn name(&self) -> &str {
        match &self.0 {
            None => "Asia/Shanghai",
            Some(zone) => zone.iana_name().unwrap_or("UTC"),
        }
    }

    /// Whether this is the default zone.
    pub const fn is_shanghai(&self) -> bool {
        self.0.is_none()
    }

    /// The civil day in which the instant lies here.
    pub fn day_of(&self, instant: Instant) -> CivilDay {
        match &self.0 {
            None if instant >= SHANGHAI_FIXED_SINCE => {
                CivilDay(instant.0.saturating_add(SHANGHAI_OFFSET_MICROS).div_euclid(MICROS_PER_DAY) as i32)
            }
            None => day_in(&shanghai_history(), instant),
            Some(zone) => day_in(zone, instant),
        }
    }

    /// The first instant of the civil day here: 00:00, or what follows it where the clock jumps over midnight.
    pub fn start_of(&self, day: CivilDay) -> Instant {
        let guess = Instant(i64::from(day.0) * MICROS_PER_DAY - SHANGHAI_OFFSET_MICROS);
        match &self.0 {
            None if guess >= SHANGHAI_FIXED_SINCE => guess,
            None => start_in(&shanghai_history(), day, guess),
            Some(zone) => start_in(zone, day, guess),
        }
    }
}

fn shanghai_history() -> TimeZone {
    TimeZone::get("Asia/Shanghai").expect("the zone database is bundled and has Asia/Shanghai")
}

fn day_in(zone: &TimeZone, instant: Instant) -> CivilDay {
    match Timestamp::from_microsecond(instant.0) {
        Ok(timestamp) => CivilDay::from_date(timestamp.to_zoned(zone.clone()).date()),
        Err(_) => CivilDay(instant.0.div_euclid(MICROS_PER_DAY).clamp(i32::MIN.into(), i32::MAX.into()) as i32),
    }
}

fn start_in(zone: &TimeZone, day: CivilDay, fallback: Instant) -> Instant {
    day.date().to_zoned(zone.clone()).map_or(fallback, |zoned| Instant(zoned.timestamp().as_microsecond()))
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text::<Zone>(Zone::parse, "a zone name"))
    }
}

/// Where a use case gets the time from. Only `cli` reads the system's clock; tests and drills hold theirs in hand.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Instant;
}

/// A clock that stands still.
impl Clock for Instant {
    fn now(&self) -> Instant {
        *self
    }
}

struct Text<T>(fn(&str) -> Result<T, TimeError>, &'static str);

impl<T> de::Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.1)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}

/// At most 40 characters of what came, so that a message stays readable.
fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_of_an_instant_is_the_local_one() {
        assert_eq!(Instant::parse("2022-07-10T23:30:00Z").unwrap().day().to_string(), "2022-07-11");
        assert_eq!(Instant::parse("2022-07-10T23:59:59+08:00").unwrap().day().to_string(), "2022-07-10");
    }

    #[test]
    fn impossible_days_are_refused() {
        for text in ["2022-02-30", "2021-02-29", "2022-13-01", "2022-3-1", "", "20220301", "2022-03-01T"] {
            assert!(CivilDay::parse(text).is_err(), "{text}");
        }
        assert!(Instant::parse("2022-03-01T10:00:00").is_err(), "an offset is needed");
        assert!(Instant::parse("2022-02-30T10:00:00Z").is_err());
    }

    #[test]
    fn leap_day_and_year_end_count_as_days() {
        let day = CivilDay::parse("2020-02-28").unwrap();
        assert_eq!(day.plus_days(1).to_string(), "2020-02-29");
        assert_eq!(day.plus_days(2).to_string(), "2020-03-01");
        assert_eq!(CivilDay::parse("2021-12-31").unwrap().plus_days(1).to_string(), "2022-01-01");
    }

    #[test]
    fn daylight_saving_of_1988_is_known() {
        let day = CivilDay::parse("1988-07-01").unwrap();
        assert_eq!(day.start(), Instant::parse("1988-06-30T15:00:00Z").unwrap());
        assert_eq!(Instant::parse("1988-06-30T15:00:00Z").unwrap().day(), day);
    }

    #[test]
    fn other_zones_have_their_own_midnights() {
        let zone = Zone::parse("Europe/London").unwrap();
        let day = CivilDay::parse("2022-07-01").unwrap();
        assert_eq!(zone.start_of(day), Instant::parse("2022-06-30T23:00:00Z").unwrap());
        assert_eq!(zone.day_of(Instant::parse("2022-06-30T23:30:00Z").unwrap()), day);
        assert!(Zone::parse("Mars/Olympus").is_err());
    }

    proptest::proptest! {
        #[test]
        fn a_day_starts_in_itself_and_its_text_reads_back(number in -20_000i32..40_000) {
            let day = CivilDay::from_number(number);
            assert_eq!(day.start().day(), day);
            assert_eq!(Instant::from_micros(day.start().as_micros() - 1).day(), day.plus_days(-1));
            assert_eq!(CivilDay::parse(&day.to_string()).unwrap(), day);
        }

        #[test]
        fn an_instant_reads_back_from_its_text(micros in 0i64..4_000_000_000_000_000) {
            let instant = Instant::from_micros(micros);
            assert_eq!(Instant::parse(&instant.to_rfc3339()).unwrap(), instant);
        }
    }
}
