//! Dates and times of HL7 v2 (DT, TM, DTM, TS): as precise as they were written, and no more.

use jiff::civil::{Date, DateTime};
use sizao_model::{CivilDay, Happened, Instant};

/// How much of a time was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// YYYY.
    Year,
    /// YYYYMM.
    Month,
    /// YYYYMMDD.
    Day,
    /// With the hour.
    Hour,
    /// With the minute.
    Minute,
    /// With the second.
    Second,
    /// With parts of a second.
    Fraction,
}

/// A date and time, `YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dtm {
    date: Date,
    hour: i8,
    minute: i8,
    second: i8,
    fraction: String,
    precision: Precision,
    /// Minutes east of Greenwich, where they were written.
    offset_minutes: Option<i16>,
}

impl Dtm {
    /// Reads one; nothing when it is none, or no such day or time exists.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (clock, offset) = match text.find(['+', '-']) {
            Some(at) => (&text[..at], Some(parse_offset(&text[at..])?)),
            None => (text.strip_suffix('Z').unwrap_or(text), text.ends_with('Z').then_some(0)),
        };
        let (digits, fraction) = clock.split_once('.').unwrap_or((clock, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(digits) || !all_digits(fraction) || fraction.len() > 9 {
            return None;
        }
        let precision = match (digits.len(), fraction.is_empty()) {
            (4, true) => Precision::Year,
            (6, true) => Precision::Month,
            (8, true) => Precision::Day,
            (10, true) => Precision::Hour,
            (12, true) => Precision::Minute,
            (14, true) => Precision::Second,
            (14, false) => Precision::Fraction,
            _ => return None,
        };
        let part = |from: usize, to: usize, otherwise: i16| match digits.get(from..to) {
            Some(text) => text.parse::<i16>().ok(),
            None => Some(otherwise),
        };
        let small = |value: i16| i8::try_from(value).ok();
        let date = Date::new(part(0, 4, 0)?, small(part(4, 6, 1)?)?, small(part(6, 8, 1)?)?).ok()?;
        let (hour, minute, second) = (small(part(8, 10, 0)?)?, small(part(10, 12, 0)?)?, small(part(12, 14, 0)?)?);
        // There is no year 0, though the calendar of the library has one.
        if date.year() < 1 || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        Some(Self { date, hour, minute, second, fraction: fraction.to_owned(), precision, offset_minutes: offset })
    }

    /// Reads FHIR's form of a date or time.
    pub fn parse_fhir(text: &str) -> Option<Self> {
        let (day, clock) = text.split_once('T').unwrap_or((text, ""));
        let (clock, offset) = match clock.find(['+', '-', 'Z']) {
            Some(at) => clock.split_at(at),
            None => (clock, ""),
        };
        Self::parse(&format!("{}{}{}", day.replace('-', ""), clock.replace(':', ""), offset.replace(':', "")))
    }

    /// How much of it was written.
    pub const fn precision(&self) -> Precision {
        self.precision
    }

    /// The civil day, when at least that was written.
    pub fn day(&self) -> Option<CivilDay> {
        (self.precision >= Precision::Day)
            .then(|| CivilDay::from_ymd(self.date.year(), self.date.month(), self.date.day()))
            .flatten()
    }

    /// The instant, when at least the minute was written; without an offset the clock is that of Asia/Shanghai.
    pub fn instant(&self) -> Option<Instant> {
        if self.precision < Precision::Minute {
            return None;
        }
        // A leap second is the last of its minute: instants have none.
        let local: DateTime = self.date.at(self.hour, self.minute, self.second.min(59), self.nanoseconds());
        let offset = jiff::tz::Offset::from_seconds(i32::from(self.offset_minutes.unwrap_or(8 * 60)) * 60).ok()?;
        let timestamp = offset.to_timestamp(local).ok()?;
        Some(Instant::from_micros(timestamp.as_microsecond()))
    }

    /// When something happened: an instant or a day; nothing when not even the day is known.
    pub fn happened(&self) -> Option<Happened> {
        self.instant().map(Happened::at).or_else(|| self.day().map(Happened::on))
    }

    /// In FHIR's form, with the precision it has: `2022`, `2022-03`, `2022-03-17`, `2022-03-17T09:30:00+08:00`.
    ///
    /// FHIR has no hours without minutes and no times without an offset: the first becomes a full hour, and the clock
    /// without an offset is that of Asia/Shanghai.
    pub fn to_fhir(&self) -> String {
        let (year, month, day) = (self.date.year(), self.date.month(), self.date.day());
        match self.precision {
            Precision::Year => format!("{year:04}"),
            Precision::Month => format!("{year:04}-{month:02}"),
            Precision::Day => format!("{year:04}-{month:02}-{day:02}"),
            _ => {
                let point = if self.fraction.is_empty() { "" } else { "." };
                let offset = self.offset_minutes.unwrap_or(8 * 60);
                let sign = if offset < 0 { '-' } else { '+' };
                format!(
                    "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}{point}{}{sign}{:02}:{:02}",
                    self.hour,
                    self.minute,
                    self.second.min(59),
                    self.fraction,
                    offset.abs() / 60,
                    offset.abs() % 60
                )
            }
        }
    }

    fn nanoseconds(&self) -> i32 {
        format!("{:0<9}", self.fraction).parse().unwrap_or(0)
    }
}

fn parse_offset(text: &str) -> Option<i16> {
    let digits = &text[1..];
    let west = text.starts_with('-');
    let colonless = digits.replace(':', "");
    if colonless.len() != 4 || !colonless.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i16, i16) = (colonless[..2].parse().ok()?, colonless[2..].parse().ok()?);
    if hours > 14 || minutes > 59 {
        return None;
    }
    let total = 60 * hours + minutes;
    Some(if west { -total } else { total })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_the_precision_they_were_written_with() {
        let fhir = |text| Dtm::parse(text).map(|dtm| dtm.to_fhir());
        assert_eq!(fhir("2022").as_deref(), Some("2022"));
        assert_eq!(fhir("202203").as_deref(), Some("2022-03"));
        assert_eq!(fhir("20220317").as_deref(), Some("2022-03-17"));
        assert_eq!(fhir("202203170930-0500").as_deref(), Some("2022-03-17T09:30:00-05:00"));
        assert_eq!(fhir("20220317093015.1234+0000").as_deref(), Some("2022-03-17T09:30:15.1234+00:00"));
        assert_eq!(fhir("20220317093015").as_deref(), Some("2022-03-17T09:30:15+08:00"));
    }

    #[test]
    fn what_is_written_for_fhir_reads_back() {
        for text in ["2022", "202203", "20220317", "202203170930-0500", "20220317093015.12+0800"] {
            let dtm = Dtm::parse(text).unwrap();
            assert_eq!(Dtm::parse_fhir(&dtm.to_fhir()).unwrap().to_fhir(), dtm.to_fhir());
        }
        assert_eq!(Dtm::parse_fhir("2022-03-17T09:30:00Z").unwrap().to_fhir(), "2022-03-17T09:30:00+00:00");
    }

    #[test]
    fn days_and_times_that_do_not_exist_are_refused() {
        for text in ["", "0000", "20220230", "20221301", "2022031", "202203172460", "2022031709+25", "N/A"] {
            assert_eq!(Dtm::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_with_an_offset_is_the_same_instant_everywhere() {
        let instant = |text| Dtm::parse(text).and_then(|dtm| dtm.instant());
        assert_eq!(instant("202203170930+0800"), instant("20220316203000-0500"));
        assert_eq!(instant("20220317"), None);
    }
}
