//! Which days are off, and which weekend days are worked in exchange.

use std::collections::BTreeMap;

use jiff::civil::{Date, Weekday};

/// What a day is for reporting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayType {
    /// An ordinary Monday.
    Monday,
    /// An ordinary Tuesday.
    Tuesday,
    /// An ordinary Wednesday.
    Wednesday,
    /// An ordinary Thursday.
    Thursday,
    /// An ordinary Friday.
    Friday,
    /// An ordinary Saturday.
    Saturday,
    /// An ordinary Sunday.
    Sunday,
    /// A day of a public holiday (法定节假日), whatever the weekday.
    Holiday,
    /// A Saturday or Sunday worked in exchange for a holiday (调休上班).
    MakeUpWorkday,
}

/// All types, in the order of their numbers.
pub const DAY_TYPES: [DayType; 9] = [
    DayType::Monday,
    DayType::Tuesday,
    DayType::Wednesday,
    DayType::Thursday,
    DayType::Friday,
    DayType::Saturday,
    DayType::Sunday,
    DayType::Holiday,
    DayType::MakeUpWorkday,
];

/// Days off and worked weekends.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HolidayCalendar {
    special: BTreeMap<Date, DayType>,
}

impl HolidayCalendar {
    /// No holidays: weekdays only.
    pub fn weekdays_only() -> Self {
        Self::default()
    }

    /// Days off and worked weekends given one by one.
    pub fn from_days(off: &[Date], worked: &[Date]) -> Self {
        let off = off.iter().map(|d| (*d, DayType::Holiday));
        Self { special: off.chain(worked.iter().map(|d| (*d, DayType::MakeUpWorkday))).collect() }
    }

    /// Mainland China, 2019 to 2026, from the State Council's notices.
    pub fn china() -> Self {
        Self::parse(include_str!("../../data/cn_holidays.tsv")).expect("the table in the crate is well formed")
    }

    /// Reads lines of first day, last day, `off` or `work`, and a name, divided by tabs; lines with # are remarks. None
    /// for a line that is something else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut special = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            let mut fields = line.split('\t');
            let first: Date = fields.next()?.parse().ok()?;
            let last: Date = fields.next()?.parse().ok()?;
            let kind = match fields.next()? {
                "off" => DayType::Holiday,
                "work" => DayType::MakeUpWorkday,
                _ => return None,
            };
            for day in first.series(jiff::Span::new().days(1)).take_while(|day| *day <= last) {
                special.insert(day, kind);
            }
        }
        Some(Self { special })
    }

    /// Whether the year has an entry; without one its holidays are taken for ordinary days.
    pub fn covers(&self, year: i16) -> bool {
        self.special.keys().any(|day| day.year() == year)
    }

    /// The type of a day.
    pub fn day_type(&self, day: Date) -> DayType {
        self.special.get(&day).copied().unwrap_or(match day.weekday() {
            Weekday::Monday => DayType::Monday,
            Weekday::Tuesday => DayType::Tuesday,
            Weekday::Wednesday => DayType::Wednesday,
            Weekday::Thursday => DayType::Thursday,
            Weekday::Friday => DayType::Friday,
            Weekday::Saturday => DayType::Saturday,
            Weekday::Sunday => DayType::Sunday,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn days_of(kind: DayType) -> Vec<Date> {
        let china = HolidayCalendar::china();
        china.special.iter().filter(|(_, k)| **k == kind).map(|(d, _)| *d).collect()
    }

    #[test]
    fn worked_days_are_weekend_days() {
        for day in days_of(DayType::MakeUpWorkday) {
            assert!(matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday), "{day}");
        }
    }

    #[test]
    fn moved_days_off_balance_the_days_worked() {
        // Eleven days off a year by law until 2024, thirteen from 2025; everything else moves weekends about.
        for year in 2019..=2026 {
            let weekdays_off = days_of(DayType::Holiday)
                .into_iter()
                .filter(|d| d.year() == year && !matches!(d.weekday(), Weekday::Saturday | Weekday::Sunday))
                .count();
            let worked = days_of(DayType::MakeUpWorkday).into_iter().filter(|d| d.year() == year).count();
            assert!((7..=15).contains(&(weekdays_off - worked)), "{year}: {weekdays_off} off, {worked} worked");
        }
    }

    #[test]
    fn known_days_have_their_type() {
        let china = HolidayCalendar::china();
        assert_eq!(china.day_type(date(2026, 2, 16)), DayType::Holiday);
        assert_eq!(china.day_type(date(2025, 10, 11)), DayType::MakeUpWorkday);
        assert_eq!(china.day_type(date(2024, 3, 6)), DayType::Wednesday);
        assert!(china.covers(2021) && !china.covers(2016));
    }

    #[test]
    fn a_line_that_is_not_a_holiday_is_refused() {
        assert_eq!(HolidayCalendar::parse("2024-01-01\t2024-01-01\tparty\tx"), None);
        assert_eq!(HolidayCalendar::parse("2024-13-01\t2024-01-01\toff\tx"), None);
    }
}
